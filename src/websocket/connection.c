/*
** connection.c: see connection.h.
** The idea: libcurl connects (its own sockets are in our set of descriptors meanwhile) and
** then only carries bytes: curl_easy_send and curl_easy_recv never wait.
** The danger: TLS keeps bytes that the descriptor no longer shows, so what is read is read to
** the end, but for the bound on messages that nobody has pulled; then the next tick goes on,
** and is due at once.
*/
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/x509_vfy.h>

#include "connection.h"
#include "dial.h"
#include "handshake.h"

enum {
  EVENTS = 8,
  CHUNK = 16384,      /* bytes read at once */
  CHUNKS = 16,        /* a tick reads no more */
  MAX_WAITING = 1024, /* messages that nobody has pulled: then no more is read */
  NO_FD = -1
};

static const char broken_rule[] = "the other side broke a rule, or a message is too long";

typedef enum stage { CONNECTING, ASKING, OPEN, CLOSED } stage;

struct connection {
  pid_t pid; /* of the process that made it */
  stage stage;
  watch *watch;
  dial dial;        /* the client's; the server's has no easy handle */
  int fd;           /* connected; NO_FD before */
  int watched;      /* what the set waits for at fd */
  int64_t deadline; /* of connecting */
  char *request;    /* what is asked, and how much of it has gone */
  size_t nrequest, nasked;
  char key[HANDSHAKE_KEY + 1];
  char *head; /* the answer, as far as it has come */
  size_t nhead;
  frames *frames;
  int more; /* there may be more to read at once */
  const char *error, *message;
  const char *fault; /* of "tls": what the certificate failed for, or NULL */
  int code;
};

static void end (connection *c, const char *error, const char *message) {
  if (c->stage == CLOSED) return;
  c->stage = CLOSED;
  c->error = error;
  c->message = message;
  if (c->fd != NO_FD) watch_set(c->watch, c->fd, 0);
}

/* --- connecting, by libcurl --- */

/* A child of the host is none of our connections' business. */
static curl_socket_t open_socket (void *data, curlsocktype purpose, struct curl_sockaddr *address) {
  (void)data, (void)purpose;
  return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/* 0 when out of memory. libcurl connects, shakes hands with TLS and writes nothing. */
static int start (connection *c, const connection_options *o) {
  CURL *easy = c->dial.easy;
  if (curl_easy_setopt(easy, CURLOPT_URL, o->endpoint) != CURLE_OK) return 0;
  if (curl_easy_setopt(easy, CURLOPT_CAINFO, o->ca_file) != CURLE_OK && o->ca_file) return 0;
  if (o->ca_file) curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
  if (o->proxy && curl_easy_setopt(easy, CURLOPT_PROXY, o->proxy) != CURLE_OK) return 0;
  curl_easy_setopt(easy, CURLOPT_HTTPPROXYTUNNEL,
                   1L); /* else a proxy would be spoken to as a server */
  curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
  curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
  curl_easy_setopt(easy, CURLOPT_SSL_ENABLE_ALPN, 0L);
  curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
  return dial_start(&c->dial, o->connect_timeout);
}

static connection *new_connection (int side, size_t max_message) {
  connection *c = calloc(1, sizeof *c);
  if (!c) return NULL;
  c->pid = getpid();
  c->fd = NO_FD;
  c->watch = watch_new();
  c->frames = frames_new(side, max_message);
  if (c->watch && c->frames) return c;
  connection_free(c);
  return NULL;
}

static int copy_request (connection *c, const connection_options *o) {
  c->request = malloc(o->nrequest + 1);
  c->head = malloc(HANDSHAKE_MAX);
  if (!c->request || !c->head) return 0;
  memcpy(c->request, o->request, o->nrequest);
  c->nrequest = o->nrequest;
  memcpy(c->key, o->key, HANDSHAKE_KEY);
  return 1;
}

connection *connection_new (const connection_options *o) {
  connection *c = new_connection(FRAMES_CLIENT, o->max_message);
  if (!c) return NULL;
  c->deadline = watch_clock() + o->connect_timeout;
  if (dial_open(&c->dial, c->watch) && copy_request(c, o) && start(c, o)) return c;
  connection_free(c);
  return NULL;
}

connection *connection_adopt (int fd, const char *extra, size_t n, size_t max_message) {
  connection *c = new_connection(FRAMES_SERVER, max_message);
  if (!c) return NULL;
  c->fd = fd;
  c->stage = OPEN;
  c->more = 1;
  if (!frames_feed(c->frames, extra, n)) end(c, "protocol", broken_rule);
  return c;
}

int connection_is_forked (const connection *c) { return c->pid != getpid(); }

void connection_free (connection *c) {
  if (!c || connection_is_forked(c)) return; /* what it holds is the parent's: left alone */
  dial_close(&c->dial);
  watch_free(c->watch);
  frames_free(c->frames);
  if (c->request) handshake_wipe(c->request, c->nrequest);
  free(c->request);
  free(c->head);
  free(c);
}

static const char *error_of (CURLcode code) {
  switch (code) {
  case CURLE_COULDNT_RESOLVE_HOST:
  case CURLE_COULDNT_RESOLVE_PROXY:
    return "dns";
  case CURLE_OPERATION_TIMEDOUT:
    return "timeout";
  case CURLE_SSL_CONNECT_ERROR:
  case CURLE_PEER_FAILED_VERIFICATION:
  case CURLE_SSL_CERTPROBLEM:
  case CURLE_SSL_CACERT_BADFILE:
  case CURLE_SSL_ISSUER_ERROR:
  case CURLE_SSL_INVALIDCERTSTATUS:
    return "tls";
  default:
    return "connect";
  }
}

/* What the certificate failed for. The name is looked at by libcurl itself, which then leaves the
 * result as it was before: not known. */
static const char *fault_of (CURL *easy) {
  long result = X509_V_ERR_UNSPECIFIED;
  curl_easy_getinfo(easy, CURLINFO_SSL_VERIFYRESULT, &result);
  switch (result) {
  case X509_V_OK:
  case X509_V_ERR_UNSPECIFIED:
    return "host";
  case X509_V_ERR_CERT_HAS_EXPIRED:
  case X509_V_ERR_CERT_NOT_YET_VALID:
    return "expired";
  default:
    return "untrusted";
  }
}

static void not_connected (connection *c, CURLcode code) {
  if (code == CURLE_PEER_FAILED_VERIFICATION) c->fault = fault_of(c->dial.easy);
  end(c, error_of(code), dial_message(&c->dial));
}

static void connected (connection *c) {
  curl_socket_t fd = CURL_SOCKET_BAD;
  curl_easy_getinfo(c->dial.easy, CURLINFO_ACTIVESOCKET, &fd);
  if (fd == CURL_SOCKET_BAD) {
    end(c, "connect", "there is no socket");
    return;
  }
  c->fd = (int)fd;
  c->stage = ASKING;
}

static void connect_further (connection *c) {
  if (!dial_tick(&c->dial)) return;
  if (c->dial.code == CURLE_OK) connected(c);
  else not_connected(c, c->dial.code);
}

/* --- bytes, the same for both sides: how many; 0: none now; -1: the connection is lost --- */

static ssize_t read_some (connection *c, char *to, size_t room) {
  size_t n = 0;
  ssize_t got;
  if (c->dial.easy) {
    CURLcode code = curl_easy_recv(c->dial.easy, to, room, &n);
    if (code == CURLE_AGAIN) return 0;
    return code == CURLE_OK && n > 0 ? (ssize_t)n : -1;
  }
  got = recv(c->fd, to, room, MSG_DONTWAIT);
  if (got > 0) return got;
  return got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) ? 0 : -1;
}

static ssize_t write_some (connection *c, const char *p, size_t n) {
  size_t sent = 0;
  ssize_t got;
  if (c->dial.easy) {
    CURLcode code = curl_easy_send(c->dial.easy, p, n, &sent);
    return code == CURLE_OK ? (ssize_t)sent : code == CURLE_AGAIN ? 0 : -1;
  }
  got = send(c->fd, p, n, MSG_DONTWAIT | MSG_NOSIGNAL);
  if (got >= 0) return got;
  return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? 0 : -1;
}

/* --- asking for a WebSocket --- */

static void answered (connection *c) {
  int status, agreed;
  size_t n = handshake_read(c->head, c->nhead, c->key, &status, &agreed);
  if (n == 0) {
    if (c->nhead == HANDSHAKE_MAX) end(c, "protocol", "the answer is no head of HTTP");
    return;
  }
  c->code = status;
  if (agreed) c->stage = OPEN;
  else if (status == 101) end(c, "protocol", "the answer belongs to another key");
  else end(c, "http", "the server does not open a WebSocket");
  if (agreed && !frames_feed(c->frames, c->head + n, c->nhead - n)) end(c, "protocol", broken_rule);
}

static void ask_further (connection *c) {
  ssize_t n = write_some(c, c->request + c->nasked, c->nrequest - c->nasked);
  if (n > 0) c->nasked += (size_t)n;
  if (n >= 0) n = read_some(c, c->head + c->nhead, HANDSHAKE_MAX - c->nhead);
  if (n > 0) c->nhead += (size_t)n;
  if (n < 0) end(c, "reset", "the connection ended before it was answered");
  else answered(c);
}

/* --- once it is open --- */

static void write_out (connection *c) {
  size_t n;
  const char *p = frames_pending(c->frames, &n);
  ssize_t written = n > 0 ? write_some(c, p, n) : 0;
  if (written < 0) end(c, "reset", "the connection ended");
  else frames_written(c->frames, (size_t)written);
}

static int has_too_many (const connection *c) { return frames_count(c->frames) >= MAX_WAITING; }

static void read_in (connection *c) {
  char chunk[CHUNK];
  int i;
  c->more = 0;
  for (i = 0; c->stage == OPEN; i++) {
    ssize_t n;
    if (i == CHUNKS || has_too_many(c)) {
      c->more = i == CHUNKS;
      return;
    }
    n = read_some(c, chunk, sizeof chunk);
    if (n == 0) return;
    if (n < 0) end(c, "reset", "the connection ended without a close frame");
    else if (!frames_feed(c->frames, chunk, (size_t)n)) {
      write_out(c); /* libwslay has told the other side */
      end(c, "protocol", broken_rule);
    }
  }
}

static void exchange (connection *c) {
  unsigned code;
  write_out(c);
  read_in(c);
  if (c->stage == OPEN) write_out(c);
  if (c->stage == OPEN && frames_closed(c->frames, &code)) {
    c->code = (int)code;
    if (code == FRAMES_BROKEN) end(c, "protocol", broken_rule);
    else end(c, "closed", "the other side closed the WebSocket");
  }
}

/* The set waits for what is wanted now. */
static void watch_now (connection *c) {
  size_t n = 0;
  int want;
  if (c->stage != ASKING && c->stage != OPEN) return;
  if (c->stage == OPEN) frames_pending(c->frames, &n);
  else n = c->nrequest - c->nasked;
  want = (has_too_many(c) ? 0 : WATCH_IN) | (n > 0 ? WATCH_OUT : 0);
  if (want == c->watched || (want == 0 && c->watched == 0)) return;
  if (!watch_set(c->watch, c->fd, want)) end(c, "connect", "out of memory");
  c->watched = want;
}

connection_state connection_tick (connection *c) {
  if (c->stage == CONNECTING) connect_further(c);
  if (c->stage == ASKING) ask_further(c);
  if (c->stage == OPEN) exchange(c);
  else if (c->stage != CLOSED && watch_clock() >= c->deadline)
    end(c, "timeout", "not open before connect_timeout");
  watch_now(c);
  return c->stage == OPEN     ? CONNECTION_OPEN
         : c->stage == CLOSED ? CONNECTION_CLOSED
                              : CONNECTION_CONNECTING;
}

const char *connection_error (const connection *c, const char **message) {
  *message = c->message;
  return c->error;
}

int connection_code (const connection *c) { return c->code; }

const char *connection_fault (const connection *c) { return c->fault; }

frames *connection_frames (connection *c) { return c->frames; }

int connection_fd (connection *c, size_t i, watch_event *event) {
  watch_now(c);
  return watch_get(c->watch, i, event);
}

int64_t connection_timeout (const connection *c) {
  int64_t until = c->stage == CONNECTING && c->dial.timer >= 0 && c->dial.timer < c->deadline
                      ? c->dial.timer
                      : c->deadline;
  if (c->stage == CLOSED || (c->stage == OPEN && c->more && !has_too_many(c))) return 0;
  if (c->stage == OPEN) return -1;
  return until > watch_clock() ? until - watch_clock() : 0;
}

void connection_wait (connection *c, int64_t ms) {
  watch_event events[EVENTS];
  int64_t own = connection_timeout(c);
  watch_now(c);
  if (own >= 0 && own < ms) ms = own;
  if (ms > 0) watch_wait(c->watch, ms, events, EVENTS);
}
