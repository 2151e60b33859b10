/*
** frames.h: the framing of a WebSocket, over libwslay. Private to src/websocket.
** The idea: bytes in, messages out; messages in, bytes out. It knows no socket, so that client,
** server and fuzzer feed the same code.
*/
#ifndef TUYA_FRAMES_H
#define TUYA_FRAMES_H

#include <stddef.h>
#include <stdint.h>

#pragma GCC visibility push(hidden)

typedef struct frames frames;

/* What has come: a message, or the answer to a ping. */
typedef enum frames_kind { FRAMES_TEXT, FRAMES_BINARY, FRAMES_PONG, FRAMES_PING } frames_kind;

typedef struct frames_message {
  frames_kind kind;
  const char *p;
  size_t n;
} frames_message;

enum { FRAMES_CLIENT = 0, FRAMES_SERVER = 1, FRAMES_BROKEN = 1006 };

/* A longer message than max_message ends the connection. NULL when out of memory. */
frames *frames_new (int side, size_t max_message);
void frames_free (frames *f);

/* 0 when the connection is over: memory is out or the other side broke the protocol. */
int frames_feed (frames *f, const char *p, size_t n);

/* 0 when out of memory or when a close frame is on its way. */
int frames_send (frames *f, frames_kind kind, const char *p, size_t n);
int frames_close (frames *f, unsigned code);

/* The bytes to write; so many of them were written. */
const char *frames_pending (const frames *f, size_t *n);
void frames_written (frames *f, size_t n);

/* The oldest message, which lives until it is dropped; 0 where there is none. */
int frames_peek (const frames *f, frames_message *message);
void frames_drop (frames *f);

/* How many wait. */
size_t frames_count (const frames *f);

/* Whether nothing more comes, and with which code the other side closed; FRAMES_BROKEN: it broke a
 * rule. */
int frames_closed (const frames *f, unsigned *code);

#pragma GCC visibility pop

#endif
