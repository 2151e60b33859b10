/*
** buf.h: where bytes are written, or only counted.
** The idea: one writer serves both "how much?" and "write it", so that the two cannot differ.
** The danger: writing past the block; every write goes through buf_add, which checks.
*/
#ifndef TUYA_BUF_H
#define TUYA_BUF_H

#include <string.h>

#include "tuya.h"

typedef struct buf {
  char *p;    /* NULL: count only */
  size_t cap; /* of p */
  size_t n;   /* bytes written or counted; more than cap: it did not fit */
} buf;

static inline char *buf_room (buf *b, size_t n) {
  char *room = b->p && b->n + n <= b->cap ? b->p + b->n : NULL;
  b->n += n;
  return room;
}

static inline void buf_add (buf *b, const char *p, size_t n) {
  char *room = buf_room(b, n);
  if (room && n) memcpy(room, p, n);
}

static inline void buf_addstr (buf *b, tuya_str s) { buf_add(b, s.p, s.n); }

static inline void buf_addchar (buf *b, char c) { buf_add(b, &c, 1); }

static inline void write_hex (const unsigned char *bytes, size_t n, const char *digits, char *hex) {
  size_t i;
  for (i = 0; i < n; i++) {
    hex[2 * i] = digits[bytes[i] >> 4];
    hex[2 * i + 1] = digits[bytes[i] & 15];
  }
}

enum { T_DIGITS = 13 };

/* A moment as digits. printf would do, were it not for a host's locale and 32-bit longs. */
static inline void write_moment (int64_t t, char digits[T_DIGITS]) {
  int i;
  for (i = T_DIGITS - 1; i >= 0; i--, t /= 10)
    digits[i] = (char)('0' + t % 10);
}

#endif
