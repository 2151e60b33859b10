/*
** vectors.c: every case of spec/vectors, each stage compared with the bytes in its folder.
** The idea: a vector is a folder of plain text, one file a stage, so that a failure names the
** stage that broke. The danger: a folder that is not read proves nothing; none at all fails.
*/
#define _GNU_SOURCE
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "sample.h"

enum { MAX_CASES = 512, PATH_SIZE = 512, MAX_PAIRS = TUYA_MAX_QUERY + 1 };

typedef struct vector {
  sample s;
  tuya_pair query[MAX_PAIRS], headers[MAX_PAIRS];
  tuya_str canonical, target, sign, fault;
} vector;

/* {NULL,0} where there is no such file. */
static tuya_str read_file (const char *name, const char *file) {
  char path[PATH_SIZE];
  tuya_str none = {NULL, 0}, text;
  FILE *f;
  long size;
  char *p;
  snprintf(path, sizeof path, "%s/%s/%s", TUYA_VECTORS, name, file);
  f = fopen(path, "rb");
  if (!f) return none;
  fseek(f, 0, SEEK_END);
  size = ftell(f);
  rewind(f);
  p = guarded((size_t)size);
  if (fread(p, 1, (size_t)size, f) != (size_t)size) abort();
  fclose(f);
  text.p = p;
  text.n = (size_t)size;
  return text;
}

/* Cuts what stands before `c` off the text; all of it where there is no `c`. */
static tuya_str cut (tuya_str *text, char c) {
  const char *end = text->n ? memchr(text->p, c, text->n) : NULL;
  size_t n = end ? (size_t)(end - text->p) : text->n;
  tuya_str before = guarded_copy(text->p, n);
  n += end ? 1 : 0;
  text->p += n;
  text->n -= n;
  return before;
}

static void add_pair (tuya_pair *pairs, size_t *n, tuya_str line) {
  if (*n == MAX_PAIRS) abort();
  pairs[*n].name = cut(&line, '=');
  pairs[*n].value = guarded_copy(line.p, line.n);
  ++*n;
}

static void read_request (vector *v, tuya_str text) {
  tuya_request *r = &v->s.request;
  memset(r, 0, sizeof *r);
  r->query = v->query;
  r->headers = v->headers;
  while (text.n) {
    tuya_str line = cut(&text, '\n'), word = cut(&line, ' ');
    if (same_str(word, "method")) r->method = line;
    else if (same_str(word, "path")) r->path = line;
    else if (same_str(word, "query")) add_pair(v->query, &r->nquery, line);
    else if (same_str(word, "header")) add_pair(v->headers, &r->nheaders, line);
    else if (same_str(word, "content_type")) r->content_type = line;
    else if (same_str(word, "lang")) r->lang = line;
    else if (same_str(word, "body")) {
      r->body = guarded_copy(text.p, text.n);
      return;
    }
    else check_same(word.p, word.n, "a known word", 12);
  }
}

static int64_t to_int64 (tuya_str digits) {
  int64_t n = 0;
  size_t i;
  for (i = 0; i < digits.n; i++)
    n = 10 * n + (digits.p[i] - '0');
  return n;
}

static void read_signer (vector *v, tuya_str text) {
  tuya_signer *signer = &v->s.signer;
  memset(signer, 0, sizeof *signer);
  signer->key = &v->s.key;
  while (text.n) {
    tuya_str line = cut(&text, '\n'), word = cut(&line, ' ');
    if (same_str(word, "client_id")) signer->client_id = line;
    else if (same_str(word, "secret")) check(tuya_key_init(&v->s.key, line) == TUYA_OK);
    else if (same_str(word, "t")) signer->t_ms = to_int64(line);
    else if (same_str(word, "access_token")) signer->access_token = line;
    else if (same_str(word, "nonce")) signer->nonce = line;
    else if (same_str(word, "bundle_id")) signer->bundle_id = line;
    else if (same_str(word, "algorithm"))
      signer->algorithm = same_str(line, "v1") ? TUYA_V1 : TUYA_V2;
    else check_same(word.p, word.n, "a known word", 12);
  }
}

static void read_vector (vector *v, const char *name) {
  read_request(v, read_file(name, "request.txt"));
  read_signer(v, read_file(name, "signer.txt"));
  v->canonical = read_file(name, "canonical.txt");
  v->target = read_file(name, "target.txt");
  v->sign = read_file(name, "sign.txt");
  v->fault = read_file(name, "fault.txt");
}

static void compare (const char *stage, tuya_str got, tuya_str expected) {
  about("%s", stage);
  check(expected.p != NULL);
  check_same(got.p, got.n, expected.p, expected.n);
}

static void run_vector (const char *name) {
  static vector v;
  tuya_fault fault = {TUYA_OK, "", 0};
  tuya_sealed *sealed;
  test(name);
  read_vector(&v, name);
  sealed = sample_seal(&v.s, &fault);
  if (v.fault.p) {
    about("fault");
    check(sealed == NULL);
    check_same(fault.what, strlen(fault.what), v.fault.p, v.fault.n);
  }
  else if (check(sealed != NULL)) {
    compare("canonical", tuya_sealed_canonical(sealed), v.canonical);
    compare("target", tuya_sealed_target(sealed), v.target);
    compare("sign", header_of(sealed, "sign"), v.sign);
    compare("method", tuya_sealed_method(sealed), v.s.request.method);
    compare("body", tuya_sealed_body(sealed), guarded_copy(v.s.request.body.p, v.s.request.body.n));
  }
  guarded_free_all();
}

/* What one gets without the newline after the last signed header; Tuya's page says otherwise. */
static void run_counter_vector (void) {
  static const char wrong[] = "0BDAB2B79347E4FD29ACF522683154D1ADEF2D1D364FAD5740A649C025DB0370";
  static const char before[] = "1KAD46OrT9HafiKdsXeg15889257780005138cc3a9033d69856923fd07b491173";
  static vector v;
  char text[2048], hex[64];
  tuya_sealed *sealed;
  tuya_str canonical, data;
  char *newline;
  test("the newline after the last signed header is signed");
  read_vector(&v, "docs-new-token");
  sealed = sample_seal(&v.s, NULL);
  if (!check(sealed != NULL)) return;
  check(!same_str(header_of(sealed, "sign"), wrong));
  canonical = tuya_sealed_canonical(sealed);
  snprintf(text, sizeof text, "%s%.*s", before, (int)canonical.n, canonical.p);
  newline = strstr(text, "\n\n/");
  if (!check(newline != NULL)) return;
  memmove(newline, newline + 1, strlen(newline));
  data = str(text);
  check(tuya_key_mac(&v.s.key, data, hex) == TUYA_OK);
  check_same(hex, sizeof hex, wrong, strlen(wrong));
  guarded_free_all();
}

static int is_case (const struct dirent *entry) { return entry->d_name[0] != '.'; }

int main (void) {
  struct dirent **cases;
  int i, n = scandir(TUYA_VECTORS, &cases, is_case, alphasort);
  test("there are vectors");
  check(n >= 20);
  for (i = 0; i < n; i++)
    run_vector(cases[i]->d_name);
  run_counter_vector();
  i = finish("c vectors");
  while (n-- > 0)
    free(cases[n]);
  free(cases);
  return i;
}
