/*
** session.h: a connection to a broker, over libmosquitto, driven by ticks. Private to src/mqtt.
** The idea: libmosquitto's external loop: it never waits and has no thread; its callbacks append to
** memory, and whoever ticks pulls.
*/
#ifndef TUYA_SESSION_H
#define TUYA_SESSION_H

#include <stddef.h>
#include <stdint.h>

#include "ca.h"
#include "watch.h"

#pragma GCC visibility push(hidden)

typedef struct session session;

typedef enum session_state {
  SESSION_CONNECTING, /* name, TCP, TLS, and the broker's word */
  SESSION_OPEN,
  SESSION_CLOSED
} session_state;

/* Strings are copied. */
typedef struct session_options {
  const char *host;
  int port;
  const ca_store *store; /* NULL: no TLS */
  const char *client_id, *username, *password;
  int is_kept;             /* whether the broker is to keep messages while we are away */
  int keepalive;           /* s; 5 or more */
  int64_t connect_timeout; /* ms, until it is open */
} session_options;

typedef struct session_message {
  const char *topic, *payload;
  size_t ntopic, npayload;
} session_message;

/* NULL when out of memory or descriptors. */
session *session_new (const session_options *options);

/* Says good-bye where it is open. After a fork what it holds is the parent's, and left alone. */
void session_free (session *s);

int session_is_forked (const session *s);

/* Moves on what can move without waiting. */
session_state session_tick (session *s);

/* Why it closed: "dns" "connect" "tls" "timeout" "refused" "reset" "silent" "protocol"
 * "memory", and a line for people. */
const char *session_error (const session *s, const char **message);

/* Of "refused" the broker's return code; of "tls" what the certificate failed for, or NULL. */
int session_code (const session *s);
const char *session_fault (const session *s);

/* The oldest message that nobody has dropped; 0 for none. It is lent until then. */
int session_peek (const session *s, session_message *message);
void session_drop (session *s);

/* 0 when it is not open or out of memory. */
int session_subscribe (session *s, const char *topic, int qos);
int session_unsubscribe (session *s, const char *topic);
int session_publish (session *s, const char *topic, const char *p, size_t n, int qos);

/* How many subscriptions the broker granted and refused; how many messages it has acknowledged. */
void session_subscriptions (const session *s, size_t *granted, size_t *refused);
size_t session_acknowledged (const session *s);

/* What a host waits for: entry i, 0 when there are no more; ms until a tick is due anyhow. */
int session_fd (const session *s, size_t i, watch_event *event);
int64_t session_timeout (const session *s);

#pragma GCC visibility pop

#endif
