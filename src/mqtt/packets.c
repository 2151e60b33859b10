/*
** packets.c: see packets.h.
** The danger: to lose the place, and take what is in a packet for its length. Every byte is
** followed once, and in its order.
*/
#include "packets.h"

/* Seven bits a byte, the low ones first; a fifth byte breaks a rule, which libmosquitto says. */
enum { MORE = 128, DIGIT = 7, LAST_SHIFT = 21 };

/* 0 when it has more digits. */
static int take_digit (packets *s, unsigned char digit) {
  s->length |= (size_t)(digit % MORE) << s->shift;
  s->shift += DIGIT;
  return !(digit & MORE) || s->shift > LAST_SHIFT;
}

int packets_follow (packets *s, const unsigned char *p, size_t n, size_t most) {
  while (n > 0) {
    size_t passed = 1;
    if (s->left > 0) {
      passed = s->left < n ? s->left : n;
      s->left -= passed;
    }
    else if (!s->is_in_length) {
      s->is_in_length = 1;
      s->length = 0;
      s->shift = 0;
    }
    else if (take_digit(s, *p)) {
      if (s->length > most) return 0;
      s->is_in_length = 0;
      s->left = s->length;
    }
    p += passed;
    n -= passed;
  }
  return 1;
}
