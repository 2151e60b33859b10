/*
** tuya_curl.h: send sealed requests with libcurl.
**
** The one idea: a pool owns every connection, every CURL and every byte of every reply, and is
** the only thing that must be freed. Transfers are integers. Starting, ticking and waiting
** never call back into the host: finished replies are pulled with tuya_pool_take. Blocking is
** start, then tick and wait until take answers: one engine, two faces.
**
** Its danger: a pool belongs to one thread at a time and to the process that made it. libcurl
** does not notice a fork, so the pool does: in a child nothing is started, moved or taken, and
** freeing one frees nothing, for its connections are still the parent's.
**
** All durations are milliseconds.
*/
#ifndef TUYA_CURL_H
#define TUYA_CURL_H

#include "tuya.h"

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__) && !defined(_WIN32)
#pragma GCC visibility push(hidden)
#endif

typedef struct tuya_pool tuya_pool;

/* Strings are copied. A zeroed struct with an endpoint is a good one. */
typedef struct tuya_pool_options {
  const char *endpoint;   /* "https://openapi.tuyaeu.com": scheme, host, port; no final '/' */
  const char *ca_file;    /* PEM; NULL: those of the system. Only these are trusted */
  const char *proxy;      /* as libcurl takes it; NULL: from the environment; "": none */
  const char *user_agent; /* NULL: none */
  int max_connections;    /* 0: 4 */
  size_t max_queue;       /* transfers waiting for a connection; 0: 1024 */
  size_t max_reply;       /* bytes of a decoded reply body; 0: 8 MiB */
} tuya_pool_options;

typedef struct tuya_limits {
  int64_t timeout;         /* of the whole transfer, waiting for a connection included; 0: 15000 */
  int64_t connect_timeout; /* of resolving, connecting and shaking hands; 0: 5000 */
  int lane;                /* of tuya_pool_finished: whose transfer it is */
  const char *endpoint;    /* where to instead, copied; of the pool's scheme. NULL: the pool's */
} tuya_limits;

typedef enum tuya_net {
  TUYA_NET_OK = 0,
  TUYA_NET_DNS,
  TUYA_NET_CONNECT,
  TUYA_NET_TLS,
  TUYA_NET_TIMEOUT,
  TUYA_NET_RESET,     /* the connection ended before the whole reply was there */
  TUYA_NET_TOO_LARGE, /* the reply passed max_reply */
  TUYA_NET_PROTOCOL   /* anything else that is not HTTP as we know it */
} tuya_net;

/* Did the request reach the server? Never NO when it may have. */
typedef enum tuya_sent { TUYA_SENT_NO = 0, TUYA_SENT_MAYBE, TUYA_SENT_YES } tuya_sent;

typedef struct tuya_reply {
  int64_t id;
  tuya_net error;
  const char *message; /* of the error; "" for none */
  tuya_sent sent;
  long status;      /* HTTP; 0 when none came */
  tuya_str headers; /* "Name: value" lines with their CRLF, the status line first */
  tuya_str body;    /* decoded */
} tuya_reply;

/* NULL when out of memory or descriptors. The first pool initialises libcurl, once a process. */
tuya_pool *tuya_pool_new (const tuya_pool_options *options);
void tuya_pool_free (tuya_pool *pool);

/* Whether this process is a child of the one that made the pool. */
int tuya_pool_is_forked (const tuya_pool *pool);

/* The id of the transfer; 0: the queue is full; -1: out of memory; -2: forked. The block is copied.
 */
int64_t tuya_pool_start (tuya_pool *pool, const tuya_sealed *sealed, const tuya_limits *limits);

/* Forgets the transfer, wherever it stands; 0 when there is no such one. sent may be NULL. */
int tuya_pool_cancel (tuya_pool *pool, int64_t id, tuya_sent *sent);

/*
** Moves on what can move without waiting; the number of transfers not yet finished. Begins
** nothing more once it has worked for `budget` microseconds (0: without a bound): what is left
** over waits for the next tick.
*/
int tuya_pool_tick (tuya_pool *pool, int64_t budget);

/* Waits until there is something to take or for a tick to do, at most ms. */
void tuya_pool_wait (tuya_pool *pool, int64_t ms);

/* How long a host may wait before it takes or ticks: 0 not at all, -1 for ever. */
int64_t tuya_pool_timeout (tuya_pool *pool);

/* What a host with a loop of its own waits for. Over epoll it is one descriptor, always the same.
 */
typedef struct tuya_fd {
  int fd, in, out; /* readable, writable: whether that is waited for */
} tuya_fd;

/* The descriptor i, from 0; 0 when there are no more. They may change with every tick. */
int tuya_pool_fd (const tuya_pool *pool, size_t i, tuya_fd *fd);

/* The first finished transfer of a lane; 0 when there is none. */
int64_t tuya_pool_finished (const tuya_pool *pool, int lane);

/*
** Takes the reply of one finished transfer, or of the first finished for id 0; 0 when there
** is none. What the reply points to lives until the next call on the pool.
*/
int tuya_pool_take (tuya_pool *pool, int64_t id, tuya_reply *reply);

/* The same without taking it: it lives until it is taken or cancelled. */
int tuya_pool_peek (tuya_pool *pool, int64_t id, tuya_reply *reply);

#if defined(__GNUC__) && !defined(_WIN32)
#pragma GCC visibility pop
#endif

#ifdef __cplusplus
}
#endif

#endif
