/*
** frames.c: frames.h over libwslay's events.
** The idea: libwslay calls back for bytes and with messages; here both are memory, and what has
** come waits in a queue until it is pulled.
** The danger: memory. A message has a bound, and whoever feeds reads no more while the queue is
** long (the connection does so), since nothing here refuses what has been fed.
*/
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <wslay/wslay.h>

#include "frames.h"

typedef struct bytes {
  char *p;
  size_t n, cap, done; /* done: of n, from the front */
} bytes;

typedef struct entry {
  struct entry *next;
  frames_kind kind;
  size_t n;
  char p[1];
} entry;

struct frames {
  wslay_event_context_ptr wslay;
  const char *in; /* what is being fed */
  size_t nin;
  bytes out;
  entry *first, *last;
  size_t count;
  int broken;
};

static int append (bytes *b, const void *p, size_t n) {
  if (b->done == b->n) b->done = b->n = 0;
  if (b->n + n > b->cap) {
    size_t cap = 2 * b->cap > b->n + n ? 2 * b->cap : b->n + n;
    char *grown = realloc(b->p, cap);
    if (!grown) return 0;
    b->p = grown;
    b->cap = cap;
  }
  memcpy(b->p + b->n, p, n);
  b->n += n;
  return 1;
}

/* --- what libwslay calls --- */

static ssize_t on_recv (wslay_event_context_ptr wslay, uint8_t *to, size_t room, int flags,
                        void *data) {
  frames *f = data;
  size_t n = f->nin < room ? f->nin : room;
  (void)flags;
  if (n == 0) {
    wslay_event_set_error(wslay, WSLAY_ERR_WOULDBLOCK);
    return -1;
  }
  memcpy(to, f->in, n);
  f->in += n;
  f->nin -= n;
  return (ssize_t)n;
}

static ssize_t on_send (wslay_event_context_ptr wslay, const uint8_t *p, size_t n, int flags,
                        void *data) {
  frames *f = data;
  (void)flags;
  if (append(&f->out, p, n)) return (ssize_t)n;
  wslay_event_set_error(wslay, WSLAY_ERR_NOMEM);
  return -1;
}

static int on_mask (wslay_event_context_ptr wslay, uint8_t *to, size_t n, void *data) {
  (void)data;
  if (getrandom(to, n, 0) == (ssize_t)n) return 0;
  wslay_event_set_error(wslay, WSLAY_ERR_CALLBACK_FAILURE);
  return -1;
}

static const uint8_t opcodes[] = {WSLAY_TEXT_FRAME, WSLAY_BINARY_FRAME, WSLAY_PONG, WSLAY_PING};

static void on_message (wslay_event_context_ptr wslay,
                        const struct wslay_event_on_msg_recv_arg *arg, void *data) {
  frames *f = data;
  int kind = FRAMES_TEXT;
  entry *e;
  while (kind <= FRAMES_PING && opcodes[kind] != arg->opcode)
    kind++;
  if (kind > FRAMES_PONG) return; /* libwslay itself answers pings and closes */
  e = malloc(sizeof *e + arg->msg_length);
  if (!e) {
    wslay_event_set_error(wslay, WSLAY_ERR_NOMEM);
    f->broken = 1;
    return;
  }
  e->next = NULL;
  e->kind = (frames_kind)kind;
  e->n = arg->msg_length;
  if (e->n) memcpy(e->p, arg->msg, e->n);
  if (f->last) f->last->next = e;
  else f->first = e;
  f->last = e;
  f->count++;
}

static const struct wslay_event_callbacks callbacks = {on_recv, on_send, on_mask,   NULL,
                                                       NULL,    NULL,    on_message};

/* --- --- */

frames *frames_new (int side, size_t max_message) {
  frames *f = calloc(1, sizeof *f);
  int failed;
  if (!f) return NULL;
  failed = side == FRAMES_SERVER ? wslay_event_context_server_init(&f->wslay, &callbacks, f)
                                 : wslay_event_context_client_init(&f->wslay, &callbacks, f);
  if (failed) {
    free(f);
    return NULL;
  }
  wslay_event_config_set_max_recv_msg_length(f->wslay, max_message);
  return f;
}

void frames_free (frames *f) {
  if (!f) return;
  while (f->first)
    frames_drop(f);
  wslay_event_context_free(f->wslay);
  free(f->out.p);
  free(f);
}

/* Everything that is queued becomes bytes at once. */
static int flush (frames *f) {
  if (wslay_event_want_write(f->wslay) && wslay_event_send(f->wslay) != 0) f->broken = 1;
  return !f->broken;
}

int frames_feed (frames *f, const char *p, size_t n) {
  f->in = p;
  f->nin = n;
  while (!f->broken && f->nin > 0 && wslay_event_want_read(f->wslay))
    if (wslay_event_recv(f->wslay) != 0) f->broken = 1;
  f->in = NULL;
  f->nin = 0;
  return flush(f); /* a pong, or the close that answers one or a broken rule */
}

int frames_send (frames *f, frames_kind kind, const char *p, size_t n) {
  struct wslay_event_msg m;
  m.opcode = opcodes[kind];
  m.msg = (const uint8_t *)p;
  m.msg_length = n;
  return !f->broken && wslay_event_queue_msg(f->wslay, &m) == 0 && flush(f);
}

int frames_close (frames *f, unsigned code) {
  return !f->broken && wslay_event_queue_close(f->wslay, (uint16_t)code, NULL, 0) == 0 && flush(f);
}

const char *frames_pending (const frames *f, size_t *n) {
  *n = f->out.n - f->out.done;
  return *n ? f->out.p + f->out.done : "";
}

void frames_written (frames *f, size_t n) { f->out.done += n; }

int frames_peek (const frames *f, frames_message *message) {
  if (!f->first) return 0;
  message->kind = f->first->kind;
  message->p = f->first->p;
  message->n = f->first->n;
  return 1;
}

void frames_drop (frames *f) {
  entry *e = f->first;
  f->first = e->next;
  if (!f->first) f->last = NULL;
  f->count--;
  free(e);
}

size_t frames_count (const frames *f) { return f->count; }

int frames_closed (const frames *f, unsigned *code) {
  int over = f->broken || !wslay_event_want_read(f->wslay);
  *code = wslay_event_get_close_received(f->wslay) ? wslay_event_get_status_code_received(f->wslay)
                                                   : FRAMES_BROKEN;
  return over;
}
