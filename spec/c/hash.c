/*
** hash.c: our SHA-256 and HMAC against OpenSSL's own, for every length around the block edges.
** The idea: hash_openssl.c puts HMAC together from SHA-256 states by hand; here it meets the
** functions that it stands in for. The danger: both use OpenSSL's compression, whose own
** correctness the published vectors vouch for.
*/
#include <string.h>

#include "check.h"
#include "hash.h"
#include "hmac.h"
#include "sample.h"

enum { MAX_MESSAGE = 300, MAX_KEY = 128, LONG_MESSAGE = 100 * 1000 };

static char bytes[LONG_MESSAGE]; /* no two blocks alike */

static void fill (void) {
  unsigned x = 1;
  size_t i;
  for (i = 0; i < sizeof bytes; i++) {
    x = x * 1103515245u + 12345u;
    bytes[i] = (char)(x >> 16);
  }
}

static void compare_sha256 (tuya_str data) {
  char got[64], expected[64];
  about("%d bytes", (int)data.n);
  judge_sha256(data, expected);
  check(tuya_sha256(data, got) == TUYA_OK);
  check_same(got, sizeof got, expected, sizeof expected);
}

static void test_sha256 (void) {
  tuya_str none = {NULL, 0};
  size_t n;
  test("SHA-256 of 0 to 300 bytes and of 100 KB");
  for (n = 0; n <= MAX_MESSAGE; n++)
    compare_sha256(guarded_copy(bytes + n, n));
  compare_sha256(guarded_copy(bytes, sizeof bytes));
  compare_sha256(none);
  guarded_free_all();
}

/* The vectors of RFC 1321. */
static void test_md5 (void) {
  static const char *const texts[] = {"", "abc", "message digest"};
  static const char *const digests[] = {"d41d8cd98f00b204e9800998ecf8427e",
                                        "900150983cd24fb0d6963f7d28e17f72",
                                        "f96b697d7cb7938d525a2f31aaf161d0"};
  char got[32];
  size_t i;
  test("MD5 of what its RFC gives");
  for (i = 0; i < sizeof texts / sizeof *texts; i++) {
    about("'%s'", texts[i]);
    check(tuya_md5(guarded_copy(texts[i], strlen(texts[i])), got) == TUYA_OK);
    check_same(got, sizeof got, digests[i], sizeof got);
  }
  guarded_free_all();
}

static void compare_mac (const tuya_key *key, tuya_str secret, tuya_str data) {
  char got[64], expected[64];
  about("a key of %d bytes, %d bytes", (int)secret.n, (int)data.n);
  judge_hmac(secret, data, expected);
  check(tuya_key_mac(key, data, got) == TUYA_OK);
  check_same(got, sizeof got, expected, sizeof expected);
}

static void test_mac (void) {
  size_t k, n;
  tuya_key key;
  test("HMAC with keys of 1 to 128 bytes, of 0 to 300 bytes");
  for (k = 1; k <= MAX_KEY; k++) {
    tuya_str secret = guarded_copy(bytes + k, k);
    check(tuya_key_init(&key, secret) == TUYA_OK);
    for (n = 0; n <= MAX_MESSAGE; n += k % 8 ? 23 : 1)
      compare_mac(&key, secret, guarded_copy(bytes + n, n));
    compare_mac(&key, secret, guarded_copy(bytes, 4096));
    guarded_free_all();
  }
}

/* The mac of parts is the mac of what they make together, wherever the cuts are. */
static void test_parts (void) {
  static const char digits[] = "0123456789ABCDEF";
  tuya_str parts[3], secret = str("secret"), whole;
  unsigned char digest[HASH_SIZE];
  char got[64], expected[64];
  tuya_key key;
  size_t a, b, i;
  test("HMAC of parts, cut anywhere");
  check(tuya_key_init(&key, secret) == TUYA_OK);
  whole.p = bytes;
  whole.n = 140;
  judge_hmac(secret, whole, expected);
  for (a = 0; a <= whole.n; a++)
    for (b = a; b <= whole.n; b += 13) {
      parts[0].p = bytes, parts[0].n = a;
      parts[1].p = bytes + a, parts[1].n = b - a;
      parts[2].p = bytes + b, parts[2].n = whole.n - b;
      check(hash_mac(&key, parts, 3, digest));
      for (i = 0; i < HASH_SIZE; i++) {
        got[2 * i] = digits[digest[i] >> 4];
        got[2 * i + 1] = digits[digest[i] & 15];
      }
      check_same(got, sizeof got, expected, sizeof expected);
    }
}

static void test_key_is_constant (void) {
  tuya_key key, copy;
  char hex[64];
  test("a key is as it was after it has signed, and two of one secret are alike");
  check(tuya_key_init(&key, str("secret")) == TUYA_OK);
  check(tuya_key_init(&copy, str("secret")) == TUYA_OK);
  check(memcmp(&key, &copy, sizeof key) == 0);
  check(tuya_key_mac(&key, str("text"), hex) == TUYA_OK);
  check(memcmp(&key, &copy, sizeof key) == 0);
}

int main (void) {
  fill();
  test_sha256();
  test_md5();
  test_mac();
  test_parts();
  test_key_is_constant();
  return finish("c hash");
}
