/*
** resume.c: whether the connections of a pool resume the TLS session of an earlier one, against a
** server that the test plays itself.
** The idea: the server gives a ticket to the first connection alone, so all others have to live
** on that; which of them did resume it, it knows.
*/
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "check.h"
#include "loopback.h"
#include "sample.h"
#include "tuya_curl.h"

#define ANSWER "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}"

enum { PATIENCE = 20000, DAY = 24 * 60 * 60 };

static int64_t now (void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* --- a server --- */

/* A certificate that signs itself, for loopback. */
static X509 *new_certificate (EVP_PKEY *key) {
  X509 *made = X509_new();
  X509_NAME *name = X509_get_subject_name(made);
  X509_EXTENSION *where = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, "IP:127.0.0.1");
  X509_set_version(made, X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(made), 1);
  X509_gmtime_adj(X509_getm_notBefore(made), -DAY);
  X509_gmtime_adj(X509_getm_notAfter(made), DAY);
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"test", -1, -1, 0);
  X509_set_issuer_name(made, name);
  X509_set_pubkey(made, key);
  X509_add_ext(made, where, -1);
  X509_EXTENSION_free(where);
  if (!X509_sign(made, key, EVP_sha256())) abort();
  return made;
}

/* Speaks this version alone; its certificate goes to the file as well. */
static SSL_CTX *new_server (int version, FILE *file) {
  EVP_PKEY *key = EVP_EC_gen("P-256");
  X509 *certificate = new_certificate(key);
  SSL_CTX *server = SSL_CTX_new(TLS_server_method());
  SSL_CTX_set_min_proto_version(server, version);
  SSL_CTX_set_max_proto_version(server, version);
  SSL_CTX_set_session_cache_mode(server, SSL_SESS_CACHE_OFF); /* what it knows is in the ticket */
  if (!SSL_CTX_use_certificate(server, certificate) || !SSL_CTX_use_PrivateKey(server, key) ||
      !PEM_write_X509(file, certificate))
    abort();
  fclose(file);
  X509_free(certificate);
  EVP_PKEY_free(key);
  return server;
}

static SSL *await_connection (SSL_CTX *server, int listener, tuya_pool *pool) {
  int64_t until = now() + PATIENCE;
  SSL *ssl = SSL_new(server);
  int fd;
  while ((fd = loopback_accept(listener)) < 0 && now() < until) {
    tuya_pool_tick(pool, 0);
    tuya_pool_wait(pool, 1);
  }
  if (!check(fd >= 0)) abort();
  SSL_set_fd(ssl, fd);
  SSL_set_accept_state(ssl);
  return ssl;
}

static void hang_up (SSL *ssl) {
  int fd = SSL_get_fd(ssl);
  SSL_shutdown(ssl);
  SSL_free(ssl);
  close(fd);
}

/* --- a client --- */

static int64_t start (tuya_pool *pool) {
  sample r;
  int64_t id;
  sample_init(&r);
  id = tuya_pool_start(pool, sample_seal(&r, NULL), NULL);
  guarded_free_all();
  return id;
}

/* A call on a connection of its own; whether that resumed a session. */
static int resumes (SSL_CTX *server, int listener, tuya_pool *pool) {
  int64_t id = start(pool), until = now() + PATIENCE;
  SSL *ssl = await_connection(server, listener, pool);
  tuya_reply reply;
  char request[4096];
  int resumed, answered = 0, taken;
  while (!(taken = tuya_pool_take(pool, id, &reply)) && now() < until) {
    tuya_pool_tick(pool, 0);
    if (!answered && SSL_read(ssl, request, sizeof request) > 0)
      answered = SSL_write(ssl, ANSWER, sizeof ANSWER - 1) > 0;
    tuya_pool_wait(pool, 1);
  }
  check(taken && reply.error == TUYA_NET_OK && reply.status == 200);
  resumed = SSL_session_reused(ssl);
  hang_up(ssl);
  return resumed;
}

static void test_resumed (int version, const char *name) {
  char ca_file[] = "/tmp/tuya-resume-XXXXXX", endpoint[64];
  tuya_pool_options options = {0};
  tuya_pool *pool;
  int i, port, listener = loopback_listen(&port, 8), file = mkstemp(ca_file);
  SSL_CTX *server = new_server(version, fdopen(file, "w"));
  test(name);
  snprintf(endpoint, sizeof endpoint, "https://127.0.0.1:%d", port);
  options.endpoint = endpoint;
  options.ca_file = ca_file;
  options.proxy = "";
  pool = tuya_pool_new(&options);
  if (!check(pool != NULL)) abort();
  for (i = 0; i < 4; i++) {
    about("connection %d", i);
    check(resumes(server, listener, pool) == (i > 0));
    SSL_CTX_set_num_tickets(server, 0); /* of TLS 1.3; one of 1.2 gives no second anyway */
  }
  tuya_pool_free(pool);
  SSL_CTX_free(server);
  close(listener);
  unlink(ca_file);
}

int main (void) {
  test_resumed(TLS1_2_VERSION, "one ticket of TLS 1.2 serves all connections");
  test_resumed(TLS1_3_VERSION, "one ticket of TLS 1.3 serves all connections");
  return finish("c resume");
}
