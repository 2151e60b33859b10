/*
** search.c: finds the text that a signature was made of, among many.
** The idea: a text is a head (who, when) and a tail (what); every combination is one mac from
** kept state, and a head is hashed once for all its tails.
** The danger: a digest that is found proves its text, since nothing else could have made it;
** one that is not found proves nothing.
*/
#include "buf.h"
#include "hash.h"

int tuya_key_search (const tuya_key *key, const tuya_str *heads, size_t nheads,
                     const tuya_str *tails, size_t ntails, const unsigned char digest[32],
                     size_t *at) {
  size_t head, tail;
  if (ntails == 0) return 0;
  tail = *at % ntails;
  for (head = *at / ntails; head < nheads; head++, tail = 0) {
    if (!hash_mac_search(key, heads[head], tails, ntails, digest, &tail)) continue;
    *at = head * ntails + tail;
    return 1;
  }
  return 0;
}

static int is_moment (const tuya_key *key, tuya_str parts[3], int64_t t,
                      const unsigned char digest[32]) {
  unsigned char found[HASH_SIZE];
  char digits[T_DIGITS];
  write_moment(t, digits);
  parts[1].p = digits;
  parts[1].n = sizeof digits;
  return hash_mac(key, parts, 3, found) && memcmp(found, digest, HASH_SIZE) == 0;
}

int tuya_key_search_t (const tuya_key *key, tuya_str before, tuya_str after, int64_t span,
                       const unsigned char digest[32], int64_t *t_ms) {
  tuya_str parts[3];
  int64_t t = *t_ms, off;
  parts[0] = before;
  parts[2] = after;
  for (off = 0; off <= span; off++) {
    int side;
    for (side = off ? -1 : 1; side <= 1; side += 2) {
      if (t + side * off < 0 || !is_moment(key, parts, t + side * off, digest)) continue;
      *t_ms = t + side * off;
      return 1;
    }
  }
  return 0;
}
