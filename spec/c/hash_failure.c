/*
** hash_failure.c: what the core does when the hash library fails; this file is the hash library.
** The idea: the n-th call fails, for every n, and the answer is TUYA_EHASH with nothing of use
** left behind. The danger: a signature of a body that could not be hashed.
*/
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "hash.h"
#include "sample.h"
#include "sealed.h"

enum { NEVER = 1 << 20, UNTOUCHED = 0x5a };

static int calls_left = NEVER;

/* That call alone fails; those after it work again. */
static int works (void) { return calls_left-- != 0; }

/* Not a hash: only something that depends on its input, and that a test can recognise. */
int hash_sha256 (tuya_str data, unsigned char digest[HASH_SIZE]) {
  memset(digest, (int)(data.n & 0xff), HASH_SIZE);
  return works();
}

int hash_key (tuya_key *key, tuya_str secret) {
  memset(key, secret.p[0], sizeof *key);
  return works();
}

int hash_mac (const tuya_key *key, const tuya_str *parts, size_t nparts,
              unsigned char digest[HASH_SIZE]) {
  (void)key, (void)parts, (void)nparts;
  memset(digest, 0xab, HASH_SIZE);
  return works();
}

int hash_mac_search (const tuya_key *key, tuya_str head, const tuya_str *tails, size_t ntails,
                     const unsigned char digest[HASH_SIZE], size_t *at) {
  (void)key, (void)head, (void)tails, (void)ntails, (void)digest, (void)at;
  return 0;
}

void hash_wipe (void *p, size_t n) { memset(p, 0, n); }

static int holds (const char *p, size_t n, const char *text) {
  size_t i, size = strlen(text);
  for (i = 0; i + size <= n; i++)
    if (memcmp(p + i, text, size) == 0) return 1;
  return 0;
}

/* 0: sealed. Else TUYA_EHASH is expected. */
static int seal_failing_at (const sample *s, int n, size_t size) {
  tuya_fault fault = {TUYA_OK, "untouched", 4711};
  char *mem = guarded(size);
  tuya_err err;
  size_t i;
  memset(mem, UNTOUCHED, size);
  about("call %d fails", n + 1);
  calls_left = n;
  err = tuya_seal(&s->request, &s->signer, mem, size, &fault);
  calls_left = NEVER;
  if (err == TUYA_OK) return 0;
  check(err == TUYA_EHASH);
  check(fault.code == TUYA_EHASH);
  check_begins(fault.what, "hash: ");
  for (i = 0; i < sizeof(struct tuya_sealed); i++)
    check(mem[i] == UNTOUCHED);
  check(!holds(mem, size, "ABABABABABABABAB")); /* what the mac would have been */
  return 1;
}

static void test_seal (void) {
  sample s;
  size_t size;
  int n = 0;
  test("tuya_seal: each of the two hashes fails");
  sample_init(&s);
  s.request.method = guarded_str("POST");
  s.request.body = guarded_str("{}");
  check(tuya_seal_size(&s.request, &s.signer, &size, NULL) == TUYA_OK);
  while (seal_failing_at(&s, n, size))
    n++;
  check(n == 2);
  guarded_free_all();
}

static void test_seal_without_body (void) {
  sample s;
  size_t size;
  int n = 0;
  test("tuya_seal without a body: the only hash fails");
  sample_init(&s);
  check(tuya_seal_size(&s.request, &s.signer, &size, NULL) == TUYA_OK);
  while (seal_failing_at(&s, n, size))
    n++;
  check(n == 1);
  guarded_free_all();
}

static void test_key (void) {
  tuya_key key, before;
  test("tuya_key_init: nothing of the secret stays in the key");
  memset(&key, UNTOUCHED, sizeof key);
  before = key;
  calls_left = 0;
  check(tuya_key_init(&key, str("secret")) == TUYA_EHASH);
  calls_left = NEVER;
  check(memcmp(&key, &before, sizeof key) == 0);
}

static void test_primitives (void) {
  tuya_key key;
  char hex[64], before[64];
  test("tuya_sha256 and tuya_key_mac leave their result alone");
  memset(hex, UNTOUCHED, sizeof hex);
  memcpy(before, hex, sizeof hex);
  check(tuya_key_init(&key, str("secret")) == TUYA_OK);
  calls_left = 0;
  check(tuya_sha256(str("data"), hex) == TUYA_EHASH);
  calls_left = 0;
  check(tuya_key_mac(&key, str("data"), hex) == TUYA_EHASH);
  calls_left = NEVER;
  check(memcmp(hex, before, sizeof hex) == 0);
}

int main (void) {
  test_seal();
  test_seal_without_body();
  test_key();
  test_primitives();
  return finish("c hash failure");
}
