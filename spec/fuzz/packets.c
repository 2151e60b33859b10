/*
** packets.c: fuzzes what follows MQTT's packets.
** The idea: the same bytes, in pieces of any size, come to what a reader of the whole finds: where
** each packet ends, and the first that is too long.
*/
#include "packets.h"
#include "input.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

enum { MOST = 1000, DIGITS = 4 };

/* The length at p, of n bytes; 0 when it goes on behind them. */
static size_t read_length (const unsigned char *p, size_t n, size_t *length) {
  size_t i = 0, unit = 1;
  *length = 0;
  do {
    if (i == n) return 0;
    *length += (p[i] & 127u) * unit;
    unit *= 128;
  } while ((p[i++] & 128u) && i < DIGITS);
  return i;
}

/* Whether no packet is too long; `left` is what the last lacks. */
static int read_whole (const unsigned char *p, size_t n, size_t *left) {
  size_t length, used;
  *left = 0;
  while (n > 0) {
    used = read_length(p + 1, n - 1, &length);
    if (used == 0) return 1;
    if (length > MOST) return 0;
    *left = length > n - 1 - used ? length - (n - 1 - used) : 0;
    if (*left) return 1;
    p += 1 + used + length;
    n -= 1 + used + length;
  }
  return 1;
}

static int follow_pieces (packets *s, tuya_str whole, input *sizes) {
  size_t at = 0, n;
  while (at < whole.n) {
    n = sizes->n ? take_byte(sizes) : whole.n;
    if (n > whole.n - at) n = whole.n - at;
    if (!packets_follow(s, (const unsigned char *)whole.p + at, n, MOST)) return 0;
    at += n;
  }
  return 1;
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size) {
  input in = {data, size, {0}, 0};
  packets s = {0, 0, 0, 0};
  size_t left;
  tuya_str whole;
  int is_good;
  unsigned n = take_byte(&in);
  whole = take_bytes(&in, in.n > n ? in.n - n : in.n);
  is_good = read_whole((const unsigned char *)whole.p, whole.n, &left);
  require(follow_pieces(&s, whole, &in) == is_good);
  require(!is_good || s.left == left);
  input_free(&in);
  return 0;
}
