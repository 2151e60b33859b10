/*
** connection.h: a WebSocket on a socket, driven by ticks. Private to src/websocket.
** The idea: the client's socket, its name, proxy and TLS are libcurl's (CONNECT_ONLY), the
** server's is a descriptor that was given; from there on both are the same.
*/
#ifndef TUYA_CONNECTION_H
#define TUYA_CONNECTION_H

#include <stdint.h>

#include "frames.h"
#include "watch.h"

#pragma GCC visibility push(hidden)

typedef struct connection connection;

typedef enum connection_state {
  CONNECTION_CONNECTING, /* name, TCP, proxy, TLS, and the answer to our request */
  CONNECTION_OPEN,
  CONNECTION_CLOSED
} connection_state;

/* Strings are copied. */
typedef struct connection_options {
  const char *endpoint; /* "http://host:port" or "https://host:port" */
  const char *request;  /* the whole head that asks for a WebSocket, with this key in it */
  size_t nrequest;
  const char *key;         /* of handshake_key */
  const char *ca_file;     /* PEM, or NULL: those of the system */
  const char *proxy;       /* as libcurl takes it; NULL: from the environment */
  int64_t connect_timeout; /* ms, until the WebSocket is open */
  size_t max_message;
} connection_options;

/* NULL when out of memory. */
connection *connection_new (const connection_options *options);

/* The server's side of a socket whose handshake is done; `extra` was read behind the request. */
connection *connection_adopt (int fd, const char *extra, size_t n, size_t max_message);

void connection_free (connection *c);

/* Whether it was made before a fork: then its socket and its descriptors are the parent's, and
 * nothing may be done with it but freeing it, which does nothing. */
int connection_is_forked (const connection *c);

/* Moves on what can move without waiting. */
connection_state connection_tick (connection *c);

/* Why it closed: "dns" "connect" "tls" "timeout" "reset" "http" "protocol" "closed", and a line for
 * people. */
const char *connection_error (const connection *c, const char **message);

/* Of "http" the status, of "closed" the code of the close frame. */
int connection_code (const connection *c);

/* Of "tls" what the certificate failed for: "expired" "host" "untrusted"; else NULL. */
const char *connection_fault (const connection *c);

frames *connection_frames (connection *c);

/* What a host waits for: entry i, 0 when there are no more; ms until a tick is due anyhow (-1:
 * never). */
int connection_fd (connection *c, size_t i, watch_event *event);
int64_t connection_timeout (const connection *c);
void connection_wait (connection *c, int64_t ms);

#pragma GCC visibility pop

#endif
