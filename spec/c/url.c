/*
** url.c: the order and the two forms of a query: signed decoded, sent percent-encoded.
*/
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "sample.h"
#include "url.h"

/* Writes the URL of "/" with this query into guarded memory that it fills. */
static tuya_str written (const tuya_pair *query, size_t n, url_form form) {
  unsigned char order[TUYA_MAX_QUERY];
  buf counted = {NULL, 0, 0}, out = {NULL, 0, 0};
  tuya_request request;
  tuya_str s;
  memset(&request, 0, sizeof request);
  request.path = guarded_str("/");
  request.query = query;
  request.nquery = n;
  url_sort(query, n, order);
  url_write(&counted, &request, order, form);
  out.cap = counted.n;
  out.p = guarded(out.cap);
  url_write(&out, &request, order, form);
  check(out.n == counted.n);
  s.p = out.p;
  s.n = out.n;
  return s;
}

static void check_form (const tuya_pair *query, size_t n, url_form form, const char *expected) {
  tuya_str got = written(query, n, form);
  check_same(got.p, got.n, expected, strlen(expected));
}

static void test_order (void) {
  size_t n;
  tuya_pair *query;
  test("names stand in the order of their bytes, prefixes first, bytes from 0x80 last");
  query = guarded_pairs(&n, "b", "1", "a\xc3\xa9", "2", "aZ", "3", "a", "4", "Z", "5", "aa", "6",
                        "\x80", "7", "_", "8", "\xff", "9", "~", "10", "0", "11", NULL);
  check_form(query, n, URL_SIGNED,
             "/?0=11&Z=5&_=8&a=4&aZ=3&aa=6&a\xc3\xa9=2&b=1&~=10&\x80=7&\xff=9");
  guarded_free_all();
}

static void test_equal_names (void) {
  size_t n;
  tuya_pair *query;
  test("equal names keep the order in which they were given");
  query = guarded_pairs(&n, "b", "1", "a", "9", "b", "0", "a", "", "b", "5", "a", "3", NULL);
  check_form(query, n, URL_SIGNED, "/?a=9&a=&a=3&b=1&b=0&b=5");
  check_form(query, n, URL_SENT, "/?a=9&a=&a=3&b=1&b=0&b=5");
  guarded_free_all();
}

/* All orders of six names give one URL; 720 of them. */
static void permute (tuya_pair *query, size_t k, size_t n) {
  size_t i;
  if (k == n) check_form(query, n, URL_SIGNED, "/?a=1&ab=2&abc=3&b=4&ba=5&c=6");
  for (i = k; i < n; i++) {
    tuya_pair kept = query[k];
    query[k] = query[i], query[i] = kept;
    permute(query, k + 1, n);
    kept = query[k];
    query[k] = query[i], query[i] = kept;
  }
}

static void test_permutations (void) {
  size_t n;
  tuya_pair *query;
  test("whatever order a query is given in, one URL comes of it");
  query = guarded_pairs(&n, "a", "1", "ab", "2", "abc", "3", "b", "4", "ba", "5", "c", "6", NULL);
  permute(query, 0, n);
  guarded_free_all();
}

static void test_names_with_nul (void) {
  tuya_pair query[3];
  tuya_str got;
  static const char expected[] = "/?a=3&a\0=1&a\0b=2";
  test("a NUL in a name is a byte like any other");
  query[0].name = guarded_copy("a\0", 2);
  query[1].name = guarded_copy("a\0b", 3);
  query[2].name = guarded_copy("a", 1);
  query[0].value = guarded_str("1");
  query[1].value = guarded_str("2");
  query[2].value = guarded_str("3");
  got = written(query, 3, URL_SIGNED);
  check_same(got.p, got.n, expected, sizeof expected - 1);
  guarded_free_all();
}

static int is_unreserved (int c) {
  static const char kept[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
  return c != 0 && strchr(kept, c) != NULL;
}

static void test_encoding (void) {
  int c;
  test("every byte, in a name and in a value: unreserved as it is, else %XX; signed raw");
  for (c = 0; c < 256; c++) {
    char byte = (char)c, sent[16], raw[] = "/?.=.";
    tuya_pair pair;
    tuya_str got;
    about("byte %d", c);
    pair.name = pair.value = guarded_copy(&byte, 1);
    if (is_unreserved(c)) snprintf(sent, sizeof sent, "/?%c=%c", c, c);
    else snprintf(sent, sizeof sent, "/?%%%02X=%%%02X", (unsigned)c, (unsigned)c);
    check_form(&pair, 1, URL_SENT, sent);
    raw[2] = raw[4] = byte;
    got = written(&pair, 1, URL_SIGNED);
    check_same(got.p, got.n, raw, 5);
  }
  guarded_free_all();
}

static void test_none (void) {
  tuya_pair pair;
  test("no query, no '?'; an empty value keeps its '='");
  check_form(NULL, 0, URL_SIGNED, "/");
  check_form(NULL, 0, URL_SENT, "/");
  pair.name = guarded_str("a");
  pair.value.p = NULL;
  pair.value.n = 0;
  check_form(&pair, 1, URL_SENT, "/?a=");
  guarded_free_all();
}

static void test_most (void) {
  static tuya_pair query[TUYA_MAX_QUERY];
  unsigned char order[TUYA_MAX_QUERY];
  size_t i;
  test("128 pairs in falling order are turned round");
  for (i = 0; i < TUYA_MAX_QUERY; i++) {
    char name = (char)(TUYA_MAX_QUERY - 1 - i);
    query[i].name = guarded_copy(&name, 1);
  }
  url_sort(query, TUYA_MAX_QUERY, order);
  for (i = 0; i < TUYA_MAX_QUERY; i++)
    check(order[i] == TUYA_MAX_QUERY - 1 - i);
  guarded_free_all();
}

int main (void) {
  test_order();
  test_equal_names();
  test_permutations();
  test_names_with_nul();
  test_encoding();
  test_none();
  test_most();
  return finish("c url");
}
