/*
** session.c: see session.h.
** The idea: the name is resolved by libcurl, TCP is awaited by us, and from there on
** libmosquitto reads and writes when its socket is ready.
** The danger: what libmosquitto does to the process. It ignores SIGPIPE for all of it and
** writes without MSG_NOSIGNAL: so the host's disposition is put back, and the signal is kept
** from each call. It also takes a dead socket in a TLS handshake for one that is slow: so we
** look at the socket.
*/
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <mosquitto.h>

#include "packets.h"
#include "resolve.h"
#include "session.h"
#include "tls.h"

enum {
  MAX_WAITING = 256,   /* messages that nobody has pulled: then no more is read, */
  MAX_BYTES = 1048576, /* nor when they have so many bytes, nor a packet that has more */
  MORE_BEFORE = 64,    /* times as much, where a subscription's answer may stand behind it */
  RECORD = 16384,      /* of TLS; as much as there can be at once */
  READS = 64,          /* in a tick */
  LOOKS = 4,           /* at the keepalive within it */
  LONGEST_LINE = 200
};

typedef enum stage { RESOLVING, REACHING, GREETING, OPEN, CLOSED } stage;

typedef struct message {
  struct message *next;
  size_t ntopic, npayload;
  char bytes[]; /* the topic, then the payload */
} message;

struct session {
  pid_t pid; /* of the process that made it */
  stage stage;
  struct mosquitto *mosq;
  resolve *resolve;
  size_t address; /* which one is tried */
  int port, keepalive, is_secure;
  tls tls;
  packets packets;  /* by TLS: as far as libmosquitto has been given them */
  int nfollowed;    /* bytes that it was given, and has left */
  int64_t deadline; /* of connecting */
  int64_t patience; /* with the address that is tried */
  int64_t look_at;  /* when the keepalive is due to be looked at */
  message *first, *last;
  size_t nmessages, nbytes;
  size_t asked, granted, refused, acknowledged;
  int more;    /* there may be more to read at once */
  int connack; /* the broker's return code; -1: none yet */
  int is_full; /* a message found no memory */
  const char *error, *message;
  char line[LONGEST_LINE]; /* what libmosquitto said first of a failure */
};

/* --- SIGPIPE is kept from the host while libmosquitto writes --- */

typedef struct guard {
  sigset_t before;
  int was_pending;
} guard;

static int is_pending (void) {
  sigset_t pending;
  return sigpending(&pending) == 0 && sigismember(&pending, SIGPIPE) == 1;
}

static void guard_on (guard *g) {
  sigset_t pipe;
  sigemptyset(&pipe);
  sigaddset(&pipe, SIGPIPE);
  g->was_pending = is_pending();
  pthread_sigmask(SIG_BLOCK, &pipe, &g->before);
}

static void guard_off (const guard *g) {
  static const struct timespec none = {0, 0};
  sigset_t pipe;
  sigemptyset(&pipe);
  sigaddset(&pipe, SIGPIPE);
  if (!g->was_pending && is_pending()) sigtimedwait(&pipe, NULL, &none);
  pthread_sigmask(SIG_SETMASK, &g->before, NULL);
}

/* mosquitto_new, which has SIGPIPE ignored from there on, without that. */
static struct mosquitto *new_mosquitto (const char *client_id, int is_kept, void *data) {
  struct sigaction before;
  struct mosquitto *mosq;
  int is_known = sigaction(SIGPIPE, NULL, &before) == 0;
  mosq = mosquitto_new(client_id, !is_kept, data);
  if (is_known) sigaction(SIGPIPE, &before, NULL);
  return mosq;
}

/* --- what libmosquitto calls --- */

static void on_connect (struct mosquitto *mosq, void *data, int code) {
  session *s = data;
  (void)mosq;
  s->connack = code;
}

static void on_message (struct mosquitto *mosq, void *data, const struct mosquitto_message *got) {
  session *s = data;
  size_t ntopic = strlen(got->topic), npayload = (size_t)got->payloadlen;
  message *m = malloc(sizeof *m + ntopic + npayload);
  (void)mosq;
  if (!m) {
    s->is_full = 1;
    return;
  }
  m->next = NULL;
  m->ntopic = ntopic;
  m->npayload = npayload;
  memcpy(m->bytes, got->topic, ntopic);
  if (npayload > 0) memcpy(m->bytes + ntopic, got->payload, npayload);
  if (s->last) s->last->next = m;
  else s->first = m;
  s->last = m;
  s->nmessages++;
  s->nbytes += npayload;
}

static void on_subscribe (struct mosquitto *mosq, void *data, int id, int n, const int *granted) {
  session *s = data;
  int i;
  (void)mosq, (void)id;
  for (i = 0; i < n; i++) {
    if (granted[i] >= 0 && granted[i] <= 2) s->granted++;
    else s->refused++;
  }
}

static void on_publish (struct mosquitto *mosq, void *data, int id) {
  session *s = data;
  (void)mosq, (void)id;
  s->acknowledged++;
}

/* Of a failed handshake, the first reason without OpenSSL's numbers before it. Only until it
 * is open: later lines would name topics, and cost an allocation a message. */
static void on_log (struct mosquitto *mosq, void *data, int level, const char *text) {
  session *s = data;
  const char *reason = strstr(text, "::");
  size_t n;
  (void)mosq;
  if (level != MOSQ_LOG_ERR || s->line[0]) return;
  if (reason) text = reason + 2;
  n = strlen(text);
  if (n >= LONGEST_LINE) n = LONGEST_LINE - 1;
  memcpy(s->line, text, n);
  s->line[n] = '\0';
}

/* --- making and ending one --- */

/* Once a process, and never undone: others may use it too. */
static void init_mosquitto (void) { mosquitto_lib_init(); }

static void init_once (void) {
  static pthread_once_t once = PTHREAD_ONCE_INIT; /* the one static here that is ever written */
  pthread_once(&once, init_mosquitto);
}

static int set_up (session *s, const session_options *o) {
  struct mosquitto *mosq = s->mosq;
  if (mosquitto_username_pw_set(mosq, o->username, o->password) != MOSQ_ERR_SUCCESS) return 0;
  if (s->is_secure) {
    if (!tls_open(&s->tls, o->host, o->store)) return 0;
    if (mosquitto_void_option(mosq, MOSQ_OPT_SSL_CTX, s->tls.context) != MOSQ_ERR_SUCCESS) return 0;
    if (mosquitto_int_option(mosq, MOSQ_OPT_SSL_CTX_WITH_DEFAULTS, 0) != MOSQ_ERR_SUCCESS) return 0;
  }
  mosquitto_int_option(mosq, MOSQ_OPT_TCP_NODELAY, 1);
  mosquitto_connect_callback_set(mosq, on_connect);
  mosquitto_message_callback_set(mosq, on_message);
  mosquitto_subscribe_callback_set(mosq, on_subscribe);
  mosquitto_publish_callback_set(mosq, on_publish);
  mosquitto_log_callback_set(mosq, on_log);
  return 1;
}

session *session_new (const session_options *o) {
  session *s = calloc(1, sizeof *s);
  if (!s) return NULL;
  init_once();
  s->pid = getpid();
  s->port = o->port;
  s->keepalive = o->keepalive;
  s->is_secure = o->store != NULL;
  s->connack = -1;
  s->deadline = watch_clock() + o->connect_timeout;
  s->mosq = new_mosquitto(o->client_id, o->is_kept, s);
  s->resolve = resolve_new(o->host, o->port, o->connect_timeout);
  if (s->mosq && s->resolve && set_up(s, o)) return s;
  session_free(s);
  return NULL;
}

int session_is_forked (const session *s) { return s->pid != getpid(); }

void session_drop (session *s) {
  message *m = s->first;
  if (!m) return;
  s->first = m->next;
  if (!s->first) s->last = NULL;
  s->nmessages--;
  s->nbytes -= m->npayload;
  free(m);
}

/* The socket goes; what has come stays to be pulled. */
static void hang_up (session *s) {
  guard g;
  guard_on(&g);
  if (s->stage == OPEN) mosquitto_disconnect(s->mosq);
  mosquitto_destroy(s->mosq);
  guard_off(&g);
  s->mosq = NULL;
}

void session_free (session *s) {
  if (!s || session_is_forked(s)) return;
  if (s->mosq) hang_up(s);
  while (s->first)
    session_drop(s);
  resolve_free(s->resolve);
  tls_close(&s->tls);
  free(s);
}

static void end (session *s, const char *error, const char *about) {
  if (s->stage == CLOSED) return;
  s->stage = CLOSED;
  s->error = error;
  s->message = about;
}

/* By what libmosquitto returned, and what was noted meanwhile. */
static void end_by (session *s, int rc) {
  if (s->connack > 0) end(s, "refused", mosquitto_connack_string(s->connack));
  else if (s->tls.fault) end(s, "tls", s->tls.about);
  else if (rc == MOSQ_ERR_TLS) end(s, "tls", s->line[0] ? s->line : "the handshake failed");
  else if (rc == MOSQ_ERR_NOMEM) end(s, "memory", "out of memory");
  else if (rc == MOSQ_ERR_OVERSIZE_PACKET) end(s, "protocol", "a packet is longer than 1 MiB");
  else if (rc == MOSQ_ERR_KEEPALIVE) end(s, "silent", "no answer to a ping");
  else if (rc == MOSQ_ERR_CONN_LOST || rc == MOSQ_ERR_ERRNO || rc == MOSQ_ERR_NO_CONN)
    end(s, "reset", "the connection ended");
  else end(s, "protocol", mosquitto_strerror(rc));
}

/* --- connecting --- */

static size_t addresses_left (const session *s) {
  size_t n = 0;
  while (resolve_address(s->resolve, s->address + n))
    n++;
  return n;
}

/* Tries addresses from the present one on until one is under way. */
static void reach (session *s, const char *about) {
  for (;; s->address++) {
    const char *address = resolve_address(s->resolve, s->address);
    int64_t left = s->deadline - watch_clock();
    guard g;
    int rc;
    if (!address) {
      end(s, "connect", about);
      return;
    }
    guard_on(&g);
    rc = mosquitto_connect_async(s->mosq, address, s->port, s->keepalive);
    guard_off(&g);
    if (rc == MOSQ_ERR_SUCCESS) {
      s->stage = REACHING;
      s->patience = watch_clock() + left / (int64_t)addresses_left(s);
      return;
    }
    if (rc != MOSQ_ERR_ERRNO) { /* on loopback a handshake may end at once */
      end_by(s, rc);
      return;
    }
    about = strerror(errno);
  }
}

static void resolve_further (session *s) {
  const char *about = NULL;
  if (!resolve_tick(s->resolve)) return;
  if (resolve_address(s->resolve, 0)) reach(s, "there is no address");
  else {
    const char *error = resolve_error(s->resolve, &about);
    end(s, error, about);
  }
}

/* What became of a connection whose descriptor is ready; 0: it is there. */
static int trouble_of (int fd) {
  struct sockaddr_storage peer;
  socklen_t n = sizeof(int);
  int trouble = 0;
  if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &trouble, &n) != 0) return errno;
  if (trouble) return trouble;
  n = sizeof peer;
  return getpeername(fd, (struct sockaddr *)&peer, &n) == 0 ? 0 : ECONNREFUSED;
}

static void reach_further (session *s) {
  struct pollfd p;
  int trouble;
  p.fd = mosquitto_socket(s->mosq);
  p.events = POLLOUT;
  if (poll(&p, 1, 0) > 0) {
    trouble = trouble_of(p.fd);
    if (!trouble) {
      s->stage = GREETING;
      return;
    }
  }
  else if (watch_clock() >= s->patience) trouble = ETIMEDOUT;
  else return;
  s->address++;
  reach(s, strerror(trouble));
}

/* --- once it is connected --- */

static int is_agreeing (const session *s) {
  void *ssl = s->is_secure ? mosquitto_ssl_get(s->mosq) : NULL;
  return ssl && !tls_is_agreed(ssl);
}

/* libmosquitto keeps wanting to write throughout a handshake. */
static int wants_write (const session *s) {
  if (is_agreeing(s)) return tls_wants_write(mosquitto_ssl_get(s->mosq));
  return mosquitto_want_write(s->mosq);
}

static int has_too_many (const session *s) {
  size_t times = s->asked > s->granted + s->refused ? MORE_BEFORE : 1;
  return s->nmessages >= MAX_WAITING * times || s->nbytes >= MAX_BYTES * times;
}

/* Over TLS libmosquitto gets what was looked at, and no more. Without TLS nothing holds it back. */
static int read_packets (session *s) {
  unsigned char bytes[RECORD];
  void *ssl = s->is_secure ? mosquitto_ssl_get(s->mosq) : NULL;
  int n, rc;
  if (!ssl || is_agreeing(s)) return mosquitto_loop_read(s->mosq, 1);
  n = tls_peek(&s->tls, ssl, bytes, sizeof bytes);
  if (n == 0) return MOSQ_ERR_SUCCESS;
  if (n > s->nfollowed &&
      !packets_follow(&s->packets, bytes + s->nfollowed, (size_t)(n - s->nfollowed), MAX_BYTES))
    return MOSQ_ERR_OVERSIZE_PACKET;
  rc = mosquitto_loop_read(s->mosq, 1);
  s->nfollowed = tls_open_up(&s->tls, mosquitto_ssl_get(s->mosq));
  return rc;
}

/* What is ready is read and written: a packet, or a step of the handshake. */
static int read_and_write (session *s, int what) {
  int rc = MOSQ_ERR_SUCCESS;
  if (is_agreeing(s) || s->nfollowed > 0 || (what & (POLLIN | POLLHUP | POLLERR)))
    rc = read_packets(s);
  if (rc == MOSQ_ERR_SUCCESS && mosquitto_want_write(s->mosq))
    rc = mosquitto_loop_write(s->mosq, 1);
  if (rc != MOSQ_ERR_SUCCESS) return rc;
  if (s->is_full) return MOSQ_ERR_NOMEM;
  return is_agreeing(s) && (what & (POLLHUP | POLLERR)) ? MOSQ_ERR_CONN_LOST : rc;
}

/* 0: there was nothing to do, or it is over. */
static int step (session *s) {
  struct pollfd p;
  guard g;
  int rc;
  p.fd = mosquitto_socket(s->mosq);
  p.events = (short)((has_too_many(s) ? 0 : POLLIN) | (wants_write(s) ? POLLOUT : 0));
  if (poll(&p, 1, 0) <= 0 && s->nfollowed == 0) return 0;
  guard_on(&g);
  rc = read_and_write(s, p.revents);
  guard_off(&g);
  if (rc != MOSQ_ERR_SUCCESS) end_by(s, rc);
  return s->stage != CLOSED;
}

/* Once a second is enough: libmosquitto's clock has seconds. */
static void look_after (session *s) {
  guard g;
  int rc;
  if (watch_clock() < s->look_at) return;
  s->look_at = watch_clock() + 1000;
  guard_on(&g);
  rc = mosquitto_loop_misc(s->mosq);
  guard_off(&g);
  if (rc != MOSQ_ERR_SUCCESS) end_by(s, rc);
}

static void opened (session *s) {
  s->stage = OPEN;
  mosquitto_log_callback_set(s->mosq, NULL);
}

static void exchange (session *s) {
  int i = 0;
  while (i < READS && step(s))
    i++;
  s->more = i == READS;
  if (s->stage == GREETING && s->connack == 0) opened(s);
  if (s->stage == OPEN) look_after(s);
}

session_state session_tick (session *s) {
  if (s->stage == CLOSED) return SESSION_CLOSED;
  if (s->stage == RESOLVING) resolve_further(s);
  if (s->stage == REACHING) reach_further(s);
  if (s->stage == GREETING || s->stage == OPEN) exchange(s);
  if (s->stage < OPEN && watch_clock() >= s->deadline)
    end(s, "timeout", "not open before connect_timeout");
  if (s->stage == CLOSED) hang_up(s);
  return s->stage == OPEN ? SESSION_OPEN : s->stage == CLOSED ? SESSION_CLOSED : SESSION_CONNECTING;
}

/* --- what came of it --- */

const char *session_error (const session *s, const char **about) {
  *about = s->message;
  return s->error;
}

int session_code (const session *s) { return s->connack > 0 ? s->connack : 0; }

const char *session_fault (const session *s) { return s->tls.fault; }

int session_peek (const session *s, session_message *lent) {
  const message *m = s->first;
  if (!m) return 0;
  lent->topic = m->bytes;
  lent->ntopic = m->ntopic;
  lent->payload = m->bytes + m->ntopic;
  lent->npayload = m->npayload;
  return 1;
}

int session_subscribe (session *s, const char *topic, int qos) {
  guard g;
  int rc;
  if (s->stage != OPEN) return 0;
  guard_on(&g);
  rc = mosquitto_subscribe(s->mosq, NULL, topic, qos);
  guard_off(&g);
  if (rc == MOSQ_ERR_SUCCESS) s->asked++;
  return rc == MOSQ_ERR_SUCCESS;
}

int session_unsubscribe (session *s, const char *topic) {
  guard g;
  int rc;
  if (s->stage != OPEN) return 0;
  guard_on(&g);
  rc = mosquitto_unsubscribe(s->mosq, NULL, topic);
  guard_off(&g);
  return rc == MOSQ_ERR_SUCCESS;
}

int session_publish (session *s, const char *topic, const char *p, size_t n, int qos) {
  guard g;
  int rc;
  if (s->stage != OPEN || n > 0xfffffff) return 0;
  guard_on(&g);
  rc = mosquitto_publish(s->mosq, NULL, topic, (int)n, p, qos, 0);
  guard_off(&g);
  return rc == MOSQ_ERR_SUCCESS;
}

void session_subscriptions (const session *s, size_t *granted, size_t *refused) {
  *granted = s->granted;
  *refused = s->refused;
}

size_t session_acknowledged (const session *s) { return s->acknowledged; }

int session_fd (const session *s, size_t i, watch_event *event) {
  if (s->stage == RESOLVING) return resolve_fd(s->resolve, i, event);
  if (s->stage == CLOSED || i > 0) return 0;
  event->fd = mosquitto_socket(s->mosq);
  event->what = s->stage == REACHING
                    ? WATCH_OUT
                    : (has_too_many(s) ? 0 : WATCH_IN) | (wants_write(s) ? WATCH_OUT : 0);
  return event->fd >= 0;
}

int64_t session_timeout (const session *s) {
  int64_t until = s->stage == REACHING && s->patience < s->deadline ? s->patience : s->deadline;
  int64_t own = s->stage == RESOLVING ? resolve_timeout(s->resolve) : -1;
  if (s->stage == CLOSED || (s->more && !has_too_many(s))) return 0;
  if (s->stage == OPEN) return (int64_t)s->keepalive * 1000 / LOOKS;
  until -= watch_clock();
  if (until < 0) until = 0;
  return own >= 0 && own < until ? own : until;
}
