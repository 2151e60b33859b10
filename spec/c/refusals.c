/*
** refusals.c: every rule of tuya.h, its text, the place it names, and both sides of every limit.
** The idea: what is refused is refused alike by tuya_request_check, tuya_seal_size and
** tuya_seal, and leaves what the caller gave for results as it was.
*/
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "sample.h"

enum { BLOCK = 4096, UNTOUCHED = 0x5a };

static const tuya_fault before = {TUYA_OK, "untouched", 4711};

static void check_fault (tuya_fault fault, tuya_err code, const char *what, size_t at) {
  check(fault.code == code);
  check_begins(fault.what, what);
  check(fault.at == at);
}

static int is_untouched (const char *p, size_t n) {
  size_t i = 0;
  while (i < n && p[i] == UNTOUCHED)
    i++;
  return i == n;
}

/* Refused when measuring and when sealing, with the same fault and without a trace. */
static void refused (const sample *s, tuya_err code, const char *what, size_t at) {
  tuya_fault fault = before;
  size_t size = 4711;
  char *mem = guarded(BLOCK);
  memset(mem, UNTOUCHED, BLOCK);
  check(tuya_seal_size(&s->request, &s->signer, &size, &fault) == code);
  check_fault(fault, code, what, at);
  check(size == 4711);
  fault = before;
  check(tuya_seal(&s->request, &s->signer, mem, BLOCK, &fault) == code);
  check_fault(fault, code, what, at);
  check(is_untouched(mem, BLOCK));
  check(tuya_seal_size(&s->request, &s->signer, &size, NULL) == code);
  check(tuya_seal(&s->request, &s->signer, mem, BLOCK, NULL) == code);
}

/* A request that no signer could make good. */
static void refused_request (const sample *s, tuya_err code, const char *what, size_t at) {
  tuya_fault fault = before;
  check(tuya_request_check(&s->request, &fault) == code);
  check_fault(fault, code, what, at);
  check(tuya_request_check(&s->request, NULL) == code);
  refused(s, code, what, at);
}

/* A good request, and a signer that may not sign it. */
static void refused_signer (const sample *s, tuya_err code, const char *what, size_t at) {
  check(tuya_request_check(&s->request, NULL) == TUYA_OK);
  refused(s, code, what, at);
}

static void accepted (const sample *s) {
  tuya_fault fault = before;
  check(tuya_request_check(&s->request, &fault) == TUYA_OK);
  check(sample_seal(s, &fault) != NULL);
  check_fault(fault, before.code, before.what, before.at);
}

/* Begins a test with a fresh request. */
static void begin (sample *s, const char *name) {
  guarded_free_all();
  test(name);
  sample_init(s);
}

/* --- method and path --- */

static void test_method (sample *s) {
  static const char *const good[] = {"GET", "POST", "PUT", "DELETE", "PATCH", "HEAD"};
  static const char *const bad[] = {"",      "get",    "Post",    "GE",      "GETT",
                                    "TRACE", "PATCH ", "OPTIONS", "CONNECT", " GET"};
  size_t i;
  begin(s, "method: six in upper case, and no others");
  for (i = 0; i < sizeof good / sizeof *good; i++) {
    about("%s", good[i]);
    s->request.method = guarded_str(good[i]);
    accepted(s);
  }
  for (i = 0; i < sizeof bad / sizeof *bad; i++) {
    about("\"%s\"", bad[i]);
    s->request.method = guarded_str(bad[i]);
    refused_request(s, TUYA_EINVAL, "method: ", 0);
  }
  s->request.method = guarded_copy("GET\0", 4);
  refused_request(s, TUYA_EINVAL, "method: ", 0);
  memset(&s->request.method, 0, sizeof s->request.method);
  refused_request(s, TUYA_EINVAL, "method: ", 0);
}

static int is_path_byte (int c) {
  static const char legal[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                              "-._~!$&'()*+,;=:@/";
  return c != 0 && strchr(legal, c) != NULL;
}

static const char *path_fault (int c) {
  if (c == '?') return "path: holds '?'";
  if (c == '#') return "path: holds '#'";
  if (c == '%') return "path: holds '%'";
  if (c < 0x20 || c == 0x7f) return "path: holds a control byte";
  if (c >= 0x80) return "path: holds a byte that is not ASCII";
  return "path: holds a character";
}

static void test_path_bytes (sample *s) {
  char path[] = "/ab/?";
  int c;
  begin(s, "path: every byte, at the end and at the beginning");
  for (c = 0; c < 256; c++) {
    about("byte %d", c);
    path[4] = (char)c;
    s->request.path = guarded_copy(path, 5);
    if (is_path_byte(c)) accepted(s);
    else refused_request(s, TUYA_EINVAL, path_fault(c), 4);
    path[4] = (char)c;
    s->request.path = guarded_copy(path + 4, 1);
    if (c == '/') accepted(s);
    else refused_request(s, TUYA_EINVAL, "path: must begin with '/'", 0);
  }
}

static void test_path_shapes (sample *s) {
  begin(s, "path: empty is refused, dot segments and double slashes are kept");
  s->request.path = guarded_str("");
  refused_request(s, TUYA_EINVAL, "path: must begin with '/'", 0);
  memset(&s->request.path, 0, sizeof s->request.path);
  refused_request(s, TUYA_EINVAL, "path: must begin with '/'", 0);
  s->request.path = guarded_str("/a/../b/./c//d");
  accepted(s);
  check(same_str(tuya_sealed_target(sample_seal(s, NULL)), "/a/../b/./c//d"));
}

static void test_target_limit (sample *s) {
  char *p;
  begin(s, "path and query: 16384 bytes as sent, not one more");
  s->request.path = repeated('/', TUYA_MAX_TARGET);
  accepted(s);
  s->request.path = repeated('/', TUYA_MAX_TARGET + 1);
  refused_request(s, TUYA_ELIMIT, "path: too long", TUYA_MAX_TARGET);
  s->request.query = guarded_pairs(&s->request.nquery, "n", "\xff", NULL);
  s->request.path = repeated('/', TUYA_MAX_TARGET - 6);
  accepted(s); /* "?n=%FF" has six bytes */
  p = (char *)(size_t)s->request.query[0].value.p;
  *p = 'v';
  s->request.path = repeated('/', TUYA_MAX_TARGET - 4);
  accepted(s);
  *p = ' ';
  refused_request(s, TUYA_ELIMIT, "path: too long", TUYA_MAX_TARGET);
}

/* --- query --- */

static tuya_pair *many_pairs (size_t n) {
  tuya_pair *pairs = guarded(n * sizeof *pairs);
  size_t i;
  for (i = 0; i < n; i++) {
    char name[3];
    name[0] = 'n';
    name[1] = (char)('a' + i / 26);
    name[2] = (char)('a' + i % 26);
    pairs[i].name = guarded_copy(name, 3);
    pairs[i].value = guarded_str("v");
  }
  return pairs;
}

static void test_query (sample *s) {
  int c;
  begin(s, "query: 128 pairs, not one more; no empty name; any byte else");
  s->request.query = many_pairs(TUYA_MAX_QUERY);
  s->request.nquery = TUYA_MAX_QUERY;
  accepted(s);
  s->request.query = many_pairs(TUYA_MAX_QUERY + 1);
  s->request.nquery = TUYA_MAX_QUERY + 1;
  refused_request(s, TUYA_ELIMIT, "query: too many", TUYA_MAX_QUERY);
  s->request.query = guarded_pairs(&s->request.nquery, "a", "", "", "b", NULL);
  refused_request(s, TUYA_EINVAL, "query name: empty", 1);
  s->request.query = guarded_pairs(&s->request.nquery, "a", "1", "a", "1", NULL);
  accepted(s);
  for (c = 0; c < 256; c++) {
    char byte = (char)c;
    tuya_pair pair;
    about("byte %d", c);
    pair.name = pair.value = guarded_copy(&byte, 1);
    s->request.query = &pair;
    s->request.nquery = 1;
    accepted(s);
  }
}

/* --- headers --- */

static void set_headers (sample *s, const char *name, const char *value) {
  s->request.headers = guarded_pairs(&s->request.nheaders, "x-first", "1", name, value, NULL);
}

static char upper (char c) { return (char)(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c); }

/* The name in lower case, in upper case, and with every other letter in upper case. */
static void refused_name (sample *s, const char *name, const char *what) {
  char spelt[32];
  size_t i, way;
  for (way = 0; way < 3; way++) {
    for (i = 0; i <= strlen(name); i++)
      spelt[i] = way == 1 || (way == 2 && i % 2) ? upper(name[i]) : name[i];
    about("%s", spelt);
    set_headers(s, spelt, "v");
    refused_request(s, TUYA_EINVAL, what, 1);
  }
}

static void test_owned_names (sample *s) {
  static const char *const signers[] = {"sign",  "t",           "client_id",        "access_token",
                                        "nonce", "sign_method", "signature-headers"};
  static const char *const transports[] = {"host",
                                           "content-length",
                                           "transfer-encoding",
                                           "connection",
                                           "expect",
                                           "te",
                                           "trailer",
                                           "upgrade",
                                           "keep-alive",
                                           "proxy-connection",
                                           "proxy-authorization"};
  static const char *const others[] = {"signs",  "sig",    "tt",      "client-id",
                                       "nonces", "hosts",  "x-te",    "Content-Type",
                                       "lang",   "Cookie", "trailers"};
  size_t i;
  begin(s, "header name: those of the signer and of the transport, in any case");
  for (i = 0; i < sizeof signers / sizeof *signers; i++)
    refused_name(s, signers[i], "header name: the signer");
  for (i = 0; i < sizeof transports / sizeof *transports; i++)
    refused_name(s, transports[i], "header name: the transport");
  for (i = 0; i < sizeof others / sizeof *others; i++) {
    about("%s", others[i]);
    set_headers(s, others[i], "v");
    accepted(s);
  }
}

static int is_token_byte (int c) {
  static const char legal[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                              "!#$%&'*+-.^_`|~";
  return c != 0 && strchr(legal, c) != NULL;
}

static void test_name_bytes (sample *s) {
  int c, at;
  begin(s, "header name: every byte, at the beginning, inside and at the end");
  for (c = 0; c < 256; c++)
    for (at = 0; at < 3; at++) {
      char name[] = "abc";
      tuya_pair pair;
      about("byte %d at %d", c, at);
      name[at] = (char)c;
      pair.name = guarded_copy(name, 3);
      pair.value = guarded_str("v");
      s->request.headers = &pair;
      s->request.nheaders = 1;
      if (is_token_byte(c)) accepted(s);
      else refused_request(s, TUYA_EINVAL, "header name: empty, or holds", 0);
    }
}

static void test_names (sample *s) {
  tuya_pair pairs[2];
  begin(s, "header name: empty, too long, given twice");
  set_headers(s, "", "v");
  refused_request(s, TUYA_EINVAL, "header name: empty", 1);
  set_headers(s, "X-First", "v");
  refused_request(s, TUYA_EINVAL, "header name: given twice", 1);
  pairs[0].name = guarded_str("a");
  pairs[1].name = repeated('n', TUYA_MAX_HEADER_NAME);
  pairs[0].value = pairs[1].value = guarded_str("v");
  s->request.headers = pairs;
  accepted(s);
  pairs[1].name = repeated('n', TUYA_MAX_HEADER_NAME + 1);
  refused_request(s, TUYA_ELIMIT, "header name: too long", 1);
}

static void test_header_count (sample *s) {
  begin(s, "header: 32, not one more");
  s->request.headers = many_pairs(TUYA_MAX_HEADERS);
  s->request.nheaders = TUYA_MAX_HEADERS;
  accepted(s);
  s->request.headers = many_pairs(TUYA_MAX_HEADERS + 1);
  s->request.nheaders = TUYA_MAX_HEADERS + 1;
  refused_request(s, TUYA_ELIMIT, "header: too many", TUYA_MAX_HEADERS);
}

static int is_control (int c) { return (c < 0x20 && c != '\t') || c == 0x7f; }

/*
** Every byte at the beginning, inside and at the end of a text that becomes a header: `field`
** is that text, `at` what a fault shall say of a byte at i, by adding step * i.
*/
typedef struct text_test {
  tuya_str *field;
  const char *what;
  size_t at, step;
  void (*refused)(const sample *, tuya_err, const char *, size_t);
} text_test;

static void test_text_bytes (sample *s, const text_test *t) {
  int c;
  size_t i;
  for (c = 0; c < 256; c++)
    for (i = 0; i < 3; i++) {
      char text[] = "abc";
      int blank = c == ' ' || c == '\t';
      about("byte %d at %d", c, (int)i);
      text[i] = (char)c;
      *t->field = guarded_copy(text, 3);
      if (is_control(c) || (blank && i != 1))
        t->refused(s, TUYA_EINVAL, t->what, t->at + t->step * i);
      else accepted(s);
    }
  about("one blank");
  *t->field = guarded_str(" ");
  t->refused(s, TUYA_EINVAL, t->what, t->at);
}

static void test_text_limit (sample *s, const text_test *t, size_t max) {
  about("%d bytes", (int)max);
  *t->field = repeated('v', max);
  accepted(s);
  about("%d bytes", (int)max + 1);
  *t->field = repeated('v', max + 1);
  t->refused(s, TUYA_ELIMIT, t->what, t->step ? max : t->at);
}

static void test_value (sample *s) {
  tuya_pair pairs[2];
  text_test t = {NULL, "header value: ", 1, 0, refused_request};
  begin(s, "header value: every byte, and 8192 of them");
  pairs[0].name = guarded_str("a");
  pairs[1].name = guarded_str("b");
  pairs[0].value = guarded_str("");
  t.field = &pairs[1].value;
  s->request.headers = pairs;
  s->request.nheaders = 2;
  test_text_bytes(s, &t);
  test_text_limit(s, &t, TUYA_MAX_HEADER_VALUE);
  *t.field = guarded_str("");
  accepted(s);
}

static void test_content_type (sample *s) {
  text_test t = {NULL, "content_type: ", 0, 1, refused_request};
  begin(s, "content_type: every byte, and 8192 of them");
  t.field = &s->request.content_type;
  test_text_bytes(s, &t);
  test_text_limit(s, &t, TUYA_MAX_HEADER_VALUE);
}

static void test_lang (sample *s) {
  text_test t = {NULL, "lang: ", 0, 1, refused_request};
  begin(s, "lang: every byte, and 256 of them");
  t.field = &s->request.lang;
  test_text_bytes(s, &t);
  test_text_limit(s, &t, TUYA_MAX_ID);
}

/* --- body --- */

/* Measuring reads no byte of the body, so one of 64 MiB needs no memory here. */
static void test_body (sample *s) {
  static const char *const methods[] = {"GET", "POST", "PUT", "DELETE", "PATCH"};
  size_t i, size = 0;
  begin(s, "body: 64 MiB, not one byte more; none with HEAD");
  s->request.body = guarded_str("");
  s->request.body.n = TUYA_MAX_BODY;
  check(tuya_request_check(&s->request, NULL) == TUYA_OK);
  check(tuya_seal_size(&s->request, &s->signer, &size, NULL) == TUYA_OK);
  check(size > TUYA_MAX_BODY && size < TUYA_MAX_BODY + 1024);
  s->request.body.n = TUYA_MAX_BODY + 1;
  refused_request(s, TUYA_ELIMIT, "body: too long", TUYA_MAX_BODY);
  s->request.body = guarded_str("{}");
  for (i = 0; i < sizeof methods / sizeof *methods; i++) {
    about("%s", methods[i]);
    s->request.method = guarded_str(methods[i]);
    accepted(s);
  }
  s->request.method = guarded_str("HEAD");
  refused_request(s, TUYA_EINVAL, "body: a HEAD request has none", 0);
}

/* --- signer --- */

static void test_client_id (sample *s) {
  text_test t = {NULL, "client_id: ", 0, 1, refused_signer};
  begin(s, "client_id: every byte, and 1 to 256 of them");
  t.field = &s->signer.client_id;
  test_text_bytes(s, &t);
  test_text_limit(s, &t, TUYA_MAX_ID);
  *t.field = guarded_str("");
  refused_signer(s, TUYA_EINVAL, "client_id: empty", 0);
}

static void test_access_token (sample *s) {
  text_test t = {NULL, "access_token: ", 0, 1, refused_signer};
  begin(s, "access_token: every byte, and 4096 of them");
  t.field = &s->signer.access_token;
  test_text_bytes(s, &t);
  test_text_limit(s, &t, TUYA_MAX_TOKEN);
}

static void test_nonce (sample *s) {
  text_test t = {NULL, "nonce: ", 0, 1, refused_signer};
  begin(s, "nonce: every byte, and 256 of them");
  t.field = &s->signer.nonce;
  test_text_bytes(s, &t);
  test_text_limit(s, &t, TUYA_MAX_ID);
}

static void test_bundle_id (sample *s) {
  text_test t = {NULL, "bundle_id: ", 0, 1, refused_signer};
  begin(s, "bundle_id: every byte, and 256 of them");
  t.field = &s->signer.bundle_id;
  test_text_bytes(s, &t);
  test_text_limit(s, &t, TUYA_MAX_ID);
}

static void test_moment (sample *s) {
  static const int64_t good[] = {INT64_C(1000000000000), INT64_C(9999999999999)};
  static const int64_t bad[] = {INT64_C(999999999999),
                                INT64_C(10000000000000),
                                0,
                                -1,
                                INT64_C(-1588925778000),
                                1588925778,
                                INT64_MIN,
                                INT64_MAX};
  size_t i;
  begin(s, "t: 13 digits");
  for (i = 0; i < sizeof good / sizeof *good; i++) {
    s->signer.t_ms = good[i];
    accepted(s);
  }
  for (i = 0; i < sizeof bad / sizeof *bad; i++) {
    about("%lld", (long long)bad[i]);
    s->signer.t_ms = bad[i];
    refused_signer(s, TUYA_EINVAL, "t: must be milliseconds since 1970, 13 digits", 0);
  }
}

static void test_key_missing (sample *s) {
  begin(s, "key: missing");
  s->signer.key = NULL;
  refused_signer(s, TUYA_EINVAL, "key: missing", 0);
}

static void test_algorithm (sample *s) {
  begin(s, "algorithm: two, and the old one has no headers, nonce or bundle id");
  s->signer.algorithm = (tuya_algorithm)2;
  refused_signer(s, TUYA_EINVAL, "algorithm: unknown", 0);
  s->signer.algorithm = TUYA_V1;
  s->signer.access_token = guarded_str("token");
  accepted(s);
  s->signer.nonce = guarded_str("n");
  refused_signer(s, TUYA_EINVAL, "nonce: the old algorithm", 0);
  s->signer.nonce.n = 0;
  s->signer.bundle_id = guarded_str("b");
  refused_signer(s, TUYA_EINVAL, "bundle_id: the old algorithm", 0);
  s->signer.bundle_id.n = 0;
  set_headers(s, "x-second", "2");
  refused_signer(s, TUYA_EINVAL, "header: the old algorithm", 0);
}

static void test_token_calls (sample *s) {
  static const char *const calls[] = {"/v1.0/token", "/v1.0/token/", "/v1.0/token/45b427a9",
                                      "/v1.0/authorize_token"};
  static const char *const others[] = {"/",
                                       "",
                                       "/v1.0/toke",
                                       "/v1.0/tokens",
                                       "/v1.0/token2/x",
                                       "/v2.0/token",
                                       "/v1.0/authorize_tokens",
                                       "/v1.0/authorize_token/x"};
  size_t i;
  begin(s, "access_token: none on a token call");
  s->signer.access_token = guarded_str("token");
  for (i = 0; i < sizeof calls / sizeof *calls; i++) {
    about("%s", calls[i]);
    s->request.path = guarded_str(calls[i]);
    check(tuya_is_token_call(s->request.path));
    refused_signer(s, TUYA_EINVAL, "access_token: a token call is signed without one", 0);
  }
  for (i = 0; i < sizeof others / sizeof *others; i++) {
    about("%s", others[i]);
    s->request.path = guarded_str(others[i]);
    check(!tuya_is_token_call(s->request.path));
    if (*others[i]) accepted(s);
  }
}

static void test_secret (void) {
  tuya_key key, untouched;
  test("secret: 1 to 128 bytes; the key is left alone on failure");
  memset(&key, UNTOUCHED, sizeof key);
  untouched = key;
  check(tuya_key_init(&key, guarded_str("")) == TUYA_EINVAL);
  check(tuya_key_init(&key, repeated('s', TUYA_MAX_SECRET + 1)) == TUYA_ELIMIT);
  check(memcmp(&key, &untouched, sizeof key) == 0);
  check(tuya_key_init(&key, repeated('s', 1)) == TUYA_OK);
  check(tuya_key_init(&key, repeated('s', TUYA_MAX_SECRET)) == TUYA_OK);
  tuya_key_wipe(&key);
  memset(&untouched, 0, sizeof untouched);
  check(memcmp(&key, &untouched, sizeof key) == 0);
}

int main (void) {
  sample s;
  test_method(&s);
  test_path_bytes(&s);
  test_path_shapes(&s);
  test_target_limit(&s);
  test_query(&s);
  test_owned_names(&s);
  test_name_bytes(&s);
  test_names(&s);
  test_header_count(&s);
  test_value(&s);
  test_content_type(&s);
  test_lang(&s);
  test_body(&s);
  test_client_id(&s);
  test_access_token(&s);
  test_nonce(&s);
  test_bundle_id(&s);
  test_moment(&s);
  test_key_missing(&s);
  test_algorithm(&s);
  test_token_calls(&s);
  test_secret();
  guarded_free_all();
  return finish("c refusals");
}
