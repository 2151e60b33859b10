/*
** search.c: the search for the text that a signature was made of; every digest here is OpenSSL's.
*/
#include <string.h>

#include "check.h"
#include "hmac.h"
#include "sample.h"

#define SECRET "4OHBOnWOqaEC1mWXOpVL3yV50s0qGSRC"

enum { HEADS = 5, TAILS = 7 };

static tuya_key key;
static tuya_str heads[HEADS], tails[TAILS];

static unsigned from_hex (char c) { return (unsigned)(c <= '9' ? c - '0' : c - 'A' + 10); }

static void digest_of (tuya_str head, tuya_str tail, unsigned char digest[32]) {
  char text[1024], hex[64];
  tuya_str whole;
  size_t i;
  memcpy(text, head.p, head.n);
  memcpy(text + head.n, tail.p, tail.n);
  whole.p = text;
  whole.n = head.n + tail.n;
  judge_hmac(str(SECRET), whole, hex);
  for (i = 0; i < 32; i++)
    digest[i] = (unsigned char)(from_hex(hex[2 * i]) << 4 | from_hex(hex[2 * i + 1]));
}

/* Heads of 0 to 4 times 40 bytes, tails of 0 to 6 times 30: both sides of a block's edge. */
static void make_lists (void) {
  size_t i;
  for (i = 0; i < HEADS; i++)
    heads[i] = repeated((char)('a' + i), 40 * i);
  for (i = 0; i < TAILS; i++)
    tails[i] = repeated((char)('A' + i), 30 * i);
}

static int search (const unsigned char digest[32], size_t from, size_t *at) {
  *at = from;
  return tuya_key_search(&key, heads, HEADS, tails, TAILS, digest, at);
}

static void test_pairs (void) {
  size_t h, t, at;
  unsigned char digest[32];
  test("every pair is found, from its own place and from before, and not from behind");
  for (h = 0; h < HEADS; h++)
    for (t = 0; t < TAILS; t++) {
      size_t number = h * TAILS + t;
      about("head %d, tail %d", (int)h, (int)t);
      digest_of(heads[h], tails[t], digest);
      check(search(digest, 0, &at) && at == number);
      check(search(digest, number, &at) && at == number);
      check(!search(digest, number + 1, &at) && at == number + 1);
      digest[31] ^= 1;
      check(!search(digest, 0, &at) && at == 0);
    }
}

static void test_no_lists (void) {
  size_t at = 0;
  unsigned char digest[32];
  test("nothing is found among no heads, among no tails and behind the last pair");
  digest_of(heads[0], tails[0], digest);
  check(!tuya_key_search(&key, heads, 0, tails, TAILS, digest, &at));
  check(!tuya_key_search(&key, heads, HEADS, tails, 0, digest, &at));
  check(!search(digest, HEADS * TAILS, &at));
  check(!search(digest, (size_t)-1, &at));
}

static int search_t (const char *moment, int64_t from, int64_t span, int64_t *t) {
  unsigned char digest[32];
  char text[64];
  tuya_str tail;
  strcpy(text, moment);
  strcat(text, "after");
  tail = str(text);
  digest_of(str("before"), tail, digest);
  *t = from;
  return tuya_key_search_t(&key, str("before"), str("after"), span, digest, t);
}

static void test_moments (void) {
  int64_t t;
  test("a moment is found on either side, at the edge of the span, and not beyond it");
  check(search_t("1588925778000", INT64_C(1588925778000), 0, &t) && t == INT64_C(1588925778000));
  check(search_t("1588925777990", INT64_C(1588925778000), 10, &t) && t == INT64_C(1588925777990));
  check(search_t("1588925778010", INT64_C(1588925778000), 10, &t) && t == INT64_C(1588925778010));
  check(!search_t("1588925777989", INT64_C(1588925778000), 10, &t));
  check(t == INT64_C(1588925778000));
  check(!search_t("1588925778011", INT64_C(1588925778000), 10, &t));
  check(!search_t("1588925778000", INT64_C(1588925778000), -1, &t));
  check(search_t("0000000000003", 1, 5, &t) && t == 3);
  check(!search_t("000000000000/", 0, 5, &t)); /* what -1 would be written as */
}

int main (void) {
  test("a key");
  check(tuya_key_init(&key, str(SECRET)) == TUYA_OK);
  make_lists();
  test_pairs();
  test_no_lists();
  test_moments();
  guarded_free_all();
  return finish("c search");
}
