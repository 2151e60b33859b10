/*
** blocks.c: the sealed block: what it holds, where it ends, that it can be moved.
*/
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "hmac.h"
#include "sample.h"

#define SECRET "4OHBOnWOqaEC1mWXOpVL3yV50s0qGSRC"

enum { UNTOUCHED = 0x5a, BEYOND = 64 };

/* Something of everything. */
static void full_sample (sample *s) {
  sample_init(s);
  s->request.method = guarded_str("POST");
  s->request.path = guarded_str("/v1.0/a");
  s->request.query = guarded_pairs(&s->request.nquery, "z", "1 2", "a", "\xe5\xae\xa2", NULL);
  s->request.headers = guarded_pairs(&s->request.nheaders, "area_id", "29", "Call-Id", "", NULL);
  s->request.body = guarded_str("{\"a\":1}");
  s->request.lang = guarded_str("en");
  s->signer.access_token = guarded_str("3f4eda2bdec17232f67c0b188af3eec1");
  s->signer.nonce = guarded_str("5138cc3a9033d69856923fd07b491173");
  s->signer.bundle_id = guarded_str("app.homey");
}

static int equal (tuya_str a, tuya_str b) {
  return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static void check_equal_views (const tuya_sealed *a, const tuya_sealed *b) {
  size_t i, n = tuya_sealed_nheaders(a);
  check(tuya_sealed_size(a) == tuya_sealed_size(b));
  check(equal(tuya_sealed_method(a), tuya_sealed_method(b)));
  check(equal(tuya_sealed_target(a), tuya_sealed_target(b)));
  check(equal(tuya_sealed_body(a), tuya_sealed_body(b)));
  check(equal(tuya_sealed_canonical(a), tuya_sealed_canonical(b)));
  check(n == tuya_sealed_nheaders(b));
  for (i = 0; i < n; i++) {
    check(equal(tuya_sealed_header(a, i).name, tuya_sealed_header(b, i).name));
    check(equal(tuya_sealed_header(a, i).value, tuya_sealed_header(b, i).value));
  }
}

static void test_size (void) {
  sample s;
  size_t size, i;
  tuya_fault fault;
  test("memory of every size below the needed is refused with TUYA_ESPACE, and not written past");
  full_sample(&s);
  check(tuya_seal_size(&s.request, &s.signer, &size, NULL) == TUYA_OK);
  for (i = 0; i < size; i++) {
    about("%d of %d", (int)i, (int)size);
    memset(&fault, 0, sizeof fault);
    check(tuya_seal(&s.request, &s.signer, guarded(i), i, &fault) == TUYA_ESPACE);
    check(fault.code == TUYA_ESPACE && fault.at == i);
    check_begins(fault.what, "mem: ");
  }
  check(tuya_seal(&s.request, &s.signer, guarded(size), size, NULL) == TUYA_OK);
  guarded_free_all();
}

static void test_larger (void) {
  sample s;
  size_t size, i;
  char *mem;
  test("more memory than needed changes nothing and is left alone");
  full_sample(&s);
  check(tuya_seal_size(&s.request, &s.signer, &size, NULL) == TUYA_OK);
  mem = guarded(size + BEYOND);
  memset(mem, UNTOUCHED, size + BEYOND);
  check(tuya_seal(&s.request, &s.signer, mem, size + BEYOND, NULL) == TUYA_OK);
  check(tuya_sealed_size((const tuya_sealed *)(void *)mem) == size);
  check(memcmp(mem, sample_seal(&s, NULL), size) == 0);
  for (i = size; i < size + BEYOND; i++)
    check(mem[i] == UNTOUCHED);
  guarded_free_all();
}

static void test_copy (void) {
  sample s;
  tuya_sealed *sealed, *copy;
  size_t at;
  test("a block copied to any aligned address gives the same views");
  full_sample(&s);
  sealed = sample_seal(&s, NULL);
  if (!check(sealed != NULL)) return;
  for (at = 0; at < 64; at += sizeof(uint32_t)) {
    size_t size = tuya_sealed_size(sealed);
    char *mem = guarded(size + at); /* its end is fixed, so its start moves with `at` */
    about("at %d", (int)at);
    copy = memcpy(mem, sealed, size);
    check_equal_views(sealed, copy);
  }
  guarded_free_all();
}

static void test_borrows_nothing (void) {
  sample s;
  tuya_sealed *sealed;
  tuya_key key;
  char *copy;
  size_t size;
  test("request, signer and key may go once the block is there");
  full_sample(&s);
  check(tuya_seal_size(&s.request, &s.signer, &size, NULL) == TUYA_OK);
  sealed = malloc(size);
  copy = malloc(size);
  key = s.key;
  s.signer.key = &key;
  if (!sealed || !copy) abort();
  check(tuya_seal(&s.request, &s.signer, sealed, size, NULL) == TUYA_OK);
  memcpy(copy, sealed, size);
  tuya_key_wipe(&key);
  guarded_free_all(); /* a view that reached into the request would crash now */
  memset(&s, UNTOUCHED, sizeof s);
  check_equal_views(sealed, (const tuya_sealed *)(void *)copy);
  free(sealed);
  free(copy);
}

static void test_same_again (void) {
  sample s;
  test("the same request and signer give the same bytes, padding included");
  full_sample(&s);
  check(memcmp(sample_seal(&s, NULL), sample_seal(&s, NULL),
               tuya_sealed_size(sample_seal(&s, NULL))) == 0);
  guarded_free_all();
}

static void check_header (const tuya_sealed *sealed, size_t i, const char *name,
                          const char *value) {
  tuya_pair header = tuya_sealed_header(sealed, i);
  about("header %d", (int)i);
  check_same(header.name.p, header.name.n, name, strlen(name));
  if (value) check_same(header.value.p, header.value.n, value, strlen(value));
}

static void test_headers (void) {
  sample s;
  tuya_sealed *sealed;
  test("the headers, in send order");
  full_sample(&s);
  sealed = sample_seal(&s, NULL);
  if (!check(sealed != NULL)) return;
  check_header(sealed, 0, "client_id", "1KAD46OrT9HafiKdsXeg");
  check_header(sealed, 1, "sign", NULL);
  check_header(sealed, 2, "t", "1588925778000");
  check_header(sealed, 3, "sign_method", "HMAC-SHA256");
  check_header(sealed, 4, "access_token", "3f4eda2bdec17232f67c0b188af3eec1");
  check_header(sealed, 5, "nonce", "5138cc3a9033d69856923fd07b491173");
  check_header(sealed, 6, "Signature-Headers", "area_id:Call-Id");
  check_header(sealed, 7, "area_id", "29");
  check_header(sealed, 8, "Call-Id", "");
  check_header(sealed, 9, "Content-Type", "application/json");
  check_header(sealed, 10, "lang", "en");
  check(tuya_sealed_nheaders(sealed) == 11);
  guarded_free_all();
}

static void test_fewest_headers (void) {
  sample s;
  tuya_sealed *sealed;
  test("no header for what is not there");
  sample_init(&s);
  sealed = sample_seal(&s, NULL);
  if (!check(sealed != NULL)) return;
  check(tuya_sealed_nheaders(sealed) == 4);
  check(header_of(sealed, "Content-Type").p == NULL);
  check(tuya_sealed_body(sealed).n == 0);
  guarded_free_all();
}

static void test_unsigned_give_way (void) {
  sample s;
  tuya_sealed *sealed;
  test("a signed Content-Type and lang, in any case, are sent instead of the unsigned ones");
  full_sample(&s);
  s.request.content_type = guarded_str("text/plain");
  sealed = sample_seal(&s, NULL);
  check(same_str(header_of(sealed, "Content-Type"), "text/plain"));
  s.request.headers = guarded_pairs(&s.request.nheaders, "content-TYPE", "a/b", "LANG", "zh", NULL);
  sealed = sample_seal(&s, NULL);
  check(same_str(header_of(sealed, "content-TYPE"), "a/b"));
  check(same_str(header_of(sealed, "LANG"), "zh"));
  check(header_of(sealed, "Content-Type").p == NULL);
  check(header_of(sealed, "lang").p == NULL);
  guarded_free_all();
}

static void check_sign (const sample *s, const tuya_sealed *sealed) {
  char expected[64];
  tuya_str got = header_of(sealed, "sign");
  judge_sign(&s->signer, str(SECRET), tuya_sealed_canonical(sealed), expected);
  check_same(got.p, got.n, expected, sizeof expected);
}

static void test_canonical (void) {
  sample s;
  char expected[512], hash[64];
  tuya_sealed *sealed;
  tuya_str canonical;
  test("the canonical string, and its signature as OpenSSL makes it");
  full_sample(&s);
  sealed = sample_seal(&s, NULL);
  if (!check(sealed != NULL)) return;
  judge_sha256(s.request.body, hash);
  snprintf(expected, sizeof expected,
           "POST\n%.64s\narea_id:29\nCall-Id:\n\n/v1.0/a?a=\xe5\xae\xa2&z=1 2", hash);
  canonical = tuya_sealed_canonical(sealed);
  check_same(canonical.p, canonical.n, expected, strlen(expected));
  check(same_str(tuya_sealed_target(sealed), "/v1.0/a?a=%E5%AE%A2&z=1%202"));
  check_sign(&s, sealed);
  check(header_of(sealed, "bundle_id").p == NULL);
  guarded_free_all();
}

static void test_old_algorithm (void) {
  sample s;
  tuya_sealed *sealed;
  test("the old algorithm signs id, token and t alone, and has no canonical string");
  sample_init(&s);
  s.signer.algorithm = TUYA_V1;
  s.signer.access_token = guarded_str("token");
  s.request.query = guarded_pairs(&s.request.nquery, "b", " ", "a", "", NULL);
  sealed = sample_seal(&s, NULL);
  if (!check(sealed != NULL)) return;
  check(tuya_sealed_canonical(sealed).n == 0);
  check(same_str(tuya_sealed_target(sealed), "/v1.0/devices/x?a=&b=%20"));
  check_sign(&s, sealed);
  guarded_free_all();
}

static void test_moment (void) {
  static const int64_t moments[] = {INT64_C(1000000000000), INT64_C(1000000000001),
                                    INT64_C(4294967296000), INT64_C(2147483647999),
                                    INT64_C(9999999999999), INT64_C(9007199254740)};
  size_t i;
  test("t is written in 13 digits at every edge");
  for (i = 0; i < sizeof moments / sizeof *moments; i++) {
    sample s;
    char expected[32];
    tuya_sealed *sealed;
    sample_init(&s);
    s.signer.t_ms = moments[i];
    sealed = sample_seal(&s, NULL);
    if (!check(sealed != NULL)) continue;
    snprintf(expected, sizeof expected, "%lld", (long long)moments[i]);
    check(same_str(header_of(sealed, "t"), expected));
    check_sign(&s, sealed);
    guarded_free_all();
  }
}

/* The largest of everything that a request may have, the body apart. */
static void test_largest (void) {
  static tuya_pair headers[TUYA_MAX_HEADERS];
  sample s;
  tuya_sealed *sealed;
  size_t i;
  test("the longest target, ids and headers make a block whose views are whole");
  sample_init(&s);
  s.request.path = repeated('/', TUYA_MAX_TARGET);
  s.signer.access_token = repeated('t', TUYA_MAX_TOKEN);
  s.signer.nonce = repeated('n', TUYA_MAX_ID);
  s.signer.bundle_id = repeated('b', TUYA_MAX_ID);
  for (i = 0; i < TUYA_MAX_HEADERS; i++) {
    tuya_str name = repeated('h', TUYA_MAX_HEADER_NAME);
    ((char *)(size_t)name.p)[0] = (char)('A' + i % 26);
    ((char *)(size_t)name.p)[1] = (char)('0' + i / 26);
    headers[i].name = name;
    headers[i].value = repeated('v', TUYA_MAX_HEADER_VALUE);
  }
  s.request.headers = headers;
  s.request.nheaders = TUYA_MAX_HEADERS;
  sealed = sample_seal(&s, NULL);
  if (!check(sealed != NULL)) return;
  check(tuya_sealed_nheaders(sealed) == TUYA_MAX_HEADERS + 7);
  check(header_of(sealed, "Signature-Headers").n ==
        TUYA_MAX_HEADERS * (TUYA_MAX_HEADER_NAME + 1) - 1);
  check(equal(tuya_sealed_header(sealed, TUYA_MAX_HEADERS + 6).value, headers[0].value));
  check_sign(&s, sealed);
  guarded_free_all();
}

int main (void) {
  test_size();
  test_larger();
  test_copy();
  test_borrows_nothing();
  test_same_again();
  test_headers();
  test_fewest_headers();
  test_unsigned_give_way();
  test_canonical();
  test_old_algorithm();
  test_moment();
  test_largest();
  return finish("c blocks");
}
