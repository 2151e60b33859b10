/*
** input.h: how a fuzzer's bytes become fields.
** The idea: a field is a length byte and its bytes, so that a mutation moves one border and not
** all; what is short is empty. Every field is a copy of its own on the heap, so that
** AddressSanitizer sees one byte too many.
*/
#ifndef TUYA_INPUT_H
#define TUYA_INPUT_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tuya.h"

enum { MAX_FIELDS = 1024 };

typedef struct input {
  const uint8_t *p;
  size_t n;
  void *owned[MAX_FIELDS];
  size_t nowned;
} input;

static void *own (input *in, size_t n) {
  void *p = malloc(n ? n : 1);
  if (!p || in->nowned == MAX_FIELDS) abort();
  in->owned[in->nowned++] = p;
  return p;
}

static void input_free (input *in) {
  while (in->nowned)
    free(in->owned[--in->nowned]);
}

static unsigned take_byte (input *in) {
  if (in->n == 0) return 0;
  in->n--;
  return *in->p++;
}

static tuya_str take_bytes (input *in, size_t n) {
  tuya_str s;
  char *p;
  if (n > in->n) n = in->n;
  p = own(in, n);
  if (n) memcpy(p, in->p, n);
  in->p += n;
  in->n -= n;
  s.p = n ? p : NULL;
  s.n = n;
  return s;
}

static inline tuya_str take_str (input *in) { return take_bytes(in, take_byte(in)); }

/* A count byte, then so many names and values. Inline, as not every fuzzer takes pairs. */
static inline const tuya_pair *take_pairs (input *in, size_t most, size_t *n) {
  tuya_pair *pairs;
  size_t i;
  *n = take_byte(in) % (most + 1);
  pairs = own(in, *n * sizeof *pairs);
  for (i = 0; i < *n; i++) {
    pairs[i].name = take_str(in);
    pairs[i].value = take_str(in);
  }
  return pairs;
}

/* The fuzzer's way to fail: whatever NDEBUG says. */
#define require(condition)                                                                         \
  do {                                                                                             \
    if (!(condition)) abort();                                                                     \
  } while (0)

#endif
