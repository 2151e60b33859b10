/*
** handshake.c: what one step of a TLS handshake costs by OpenSSL alone:  handshake PORT COUNT
** CA_FILE
** Connections to loopback, one after the other, a context each as libcurl has it, but one
** store of certificates. A step is a context's making with the first SSL_connect, or one
** SSL_connect that found something to read. Prints the 99.9th percentile of the CPU ms of a
** step: where each chain is verified, and where sessions are resumed.
*/
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <openssl/ssl.h>

enum { MOST = 8 };

static const char request[] = "GET /now HTTP/1.1\r\nHost: localhost\r\n\r\n";

static SSL_SESSION *session;
static double *steps;
static long nsteps, most;

static void die (const char *what) {
  fprintf(stderr, "handshake: %s\n", what);
  exit(1);
}

static double now_ms (void) {
  struct timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void keep_step (double since) {
  if (nsteps < most) steps[nsteps++] = now_ms() - since;
}

static int keep_session (SSL *ssl, SSL_SESSION *fresh) {
  (void)ssl;
  SSL_SESSION_free(session);
  session = fresh;
  return 1;
}

static int connect_to (int port) {
  struct sockaddr_in address = {.sin_family = AF_INET};
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  address.sin_port = htons((uint16_t)port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) != 0) die("connect");
  fcntl(fd, F_SETFL, O_NONBLOCK);
  return fd;
}

static void wait_for (int fd, SSL *ssl, int result) {
  struct pollfd p = {.fd = fd, .events = POLLIN};
  int error = SSL_get_error(ssl, result);
  if (error != SSL_ERROR_WANT_READ) die("the handshake failed");
  poll(&p, 1, -1);
}

static SSL_CTX *new_context (X509_STORE *store, int resume) {
  SSL_CTX *context = SSL_CTX_new(TLS_client_method());
  if (!context) die("SSL_CTX_new");
  SSL_CTX_set1_cert_store(context, store);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
  if (resume) {
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(context, keep_session);
  }
  return context;
}

/* Reads to the end: a session comes with what is read. */
static void exchange (int fd, SSL *ssl) {
  char buffer[4096];
  int n;
  SSL_write(ssl, request, (int)sizeof request - 1);
  for (;;) {
    n = SSL_read(ssl, buffer, (int)sizeof buffer);
    if (n > 0) continue;
    if (SSL_get_error(ssl, n) != SSL_ERROR_WANT_READ) return;
    wait_for(fd, ssl, n);
  }
}

static void shake (int port, X509_STORE *store, int resume) {
  int result, fd = connect_to(port);
  double since = now_ms();
  SSL_CTX *context = new_context(store, resume);
  SSL *ssl = SSL_new(context);
  if (resume && session) SSL_set_session(ssl, session);
  SSL_set_fd(ssl, fd);
  while ((result = SSL_connect(ssl)) != 1) {
    keep_step(since);
    wait_for(fd, ssl, result);
    since = now_ms();
  }
  keep_step(since);
  exchange(fd, ssl);
  SSL_shutdown(ssl);
  SSL_free(ssl);
  SSL_CTX_free(context);
  close(fd);
}

static int by_size (const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static double percentile (int port, long count, X509_STORE *store, int resume) {
  long i;
  nsteps = 0;
  for (i = 0; i < count; i++)
    shake(port, store, resume);
  qsort(steps, (size_t)nsteps, sizeof *steps, by_size);
  return steps[(long)((double)(nsteps - 1) * 0.999)];
}

int main (int argc, char **argv) {
  long count = argc > 3 ? atol(argv[2]) : 0;
  X509_STORE *store = X509_STORE_new();
  if (count <= 0) die("usage: handshake PORT COUNT CA_FILE");
  if (!store || !X509_STORE_load_locations(store, argv[3], NULL))
    die("the certificates cannot be read");
  most = count * MOST;
  steps = malloc((size_t)most * sizeof *steps);
  if (!steps) die("out of memory");
  printf("%.3f ", percentile(atoi(argv[1]), count, store, 0));
  printf("%.3f\n", percentile(atoi(argv[1]), count, store, 1));
  return 0;
}
