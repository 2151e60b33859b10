/*
** seal.c: fuzzes tuya_seal: whatever is accepted is what was asked for, and is signed rightly by
** the word of OpenSSL's own HMAC.
*/
#include "../c/hmac.h"
#include "decode.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

typedef struct scene {
  tuya_request request;
  tuya_signer signer;
  tuya_key key;
  tuya_str secret;
} scene;

/* One of the six methods, so that most inputs get past it; now and then anything. */
static tuya_str take_method (input *in) {
  static const char *const methods[] = {"GET", "POST", "PUT", "DELETE", "PATCH", "HEAD"};
  unsigned choice = take_byte(in);
  tuya_str s;
  if (choice % 8 >= 6) return take_str(in);
  s.p = methods[choice % 8];
  s.n = strlen(s.p);
  return s;
}

static int64_t take_moment (input *in) {
  uint64_t t = 0;
  int i;
  for (i = 0; i < 6; i++)
    t = t << 8 | take_byte(in);
  if (take_byte(in) % 16 == 0) return (int64_t)(t << 16); /* of any size and sign */
  return INT64_C(1000000000000) + (int64_t)(t % UINT64_C(9000000000000));
}

static void take_scene (input *in, scene *s) {
  tuya_request *request = &s->request;
  tuya_signer *signer = &s->signer;
  memset(s, 0, sizeof *s);
  request->method = take_method(in);
  request->path = take_str(in);
  request->query = take_pairs(in, TUYA_MAX_QUERY + 1, &request->nquery);
  request->headers = take_pairs(in, TUYA_MAX_HEADERS + 1, &request->nheaders);
  request->content_type = take_str(in);
  request->lang = take_str(in);
  s->secret = take_str(in);
  signer->client_id = take_str(in);
  signer->access_token = take_str(in);
  signer->nonce = take_str(in);
  signer->bundle_id = take_str(in);
  signer->t_ms = take_moment(in);
  signer->algorithm = take_byte(in) % 4 == 0 ? TUYA_V1 : TUYA_V2;
  if (tuya_key_init(&s->key, s->secret) == TUYA_OK) signer->key = &s->key;
  request->body = take_bytes(in, in->n);
}

/* No line of a head can be broken up, and none is empty or a second of its name. */
static void require_headers (const tuya_sealed *sealed) {
  size_t i, j, k, n = tuya_sealed_nheaders(sealed);
  for (i = 0; i < n; i++) {
    tuya_pair header = tuya_sealed_header(sealed, i);
    require(header.name.n > 0);
    for (k = 0; k < header.name.n; k++)
      require(header.name.p[k] > ' ' && header.name.p[k] < 0x7f && header.name.p[k] != ':');
    for (k = 0; k < header.value.n; k++)
      require(header.value.p[k] != '\r' && header.value.p[k] != '\n' && header.value.p[k] != '\0');
    for (j = 0; j < i; j++)
      require(!same(header.name, tuya_sealed_header(sealed, j).name));
  }
}

static tuya_str header_of (const tuya_sealed *sealed, const char *name) {
  tuya_str wanted, none = {NULL, 0};
  size_t i;
  wanted.p = name;
  wanted.n = strlen(name);
  for (i = 0; i < tuya_sealed_nheaders(sealed); i++)
    if (same(tuya_sealed_header(sealed, i).name, wanted))
      return tuya_sealed_header(sealed, i).value;
  return none;
}

static void expect (tuya_str *text, tuya_str part) {
  require(text->n >= part.n && (part.n == 0 || memcmp(text->p, part.p, part.n) == 0));
  text->p += part.n;
  text->n -= part.n;
}

/* METHOD LF hash LF (name:value LF)* LF path?query, the query decoded. */
static void require_canonical (const tuya_sealed *sealed, const tuya_request *request) {
  tuya_str text = tuya_sealed_canonical(sealed), hash;
  char hex[64];
  size_t i, order[TUYA_MAX_QUERY];
  judge_sha256(request->body, hex);
  rank(request->query, request->nquery, order);
  hash.p = hex;
  hash.n = sizeof hex;
  expect(&text, request->method);
  expect_char(&text, '\n');
  expect(&text, hash);
  expect_char(&text, '\n');
  for (i = 0; i < request->nheaders; i++) {
    expect(&text, request->headers[i].name);
    expect_char(&text, ':');
    expect(&text, request->headers[i].value);
    expect_char(&text, '\n');
  }
  expect_char(&text, '\n');
  expect(&text, request->path);
  for (i = 0; i < request->nquery; i++) {
    const tuya_pair *pair = &request->query[order[i]];
    expect_char(&text, i == 0 ? '?' : '&');
    expect(&text, pair->name);
    expect_char(&text, '=');
    expect(&text, pair->value);
  }
  require(text.n == 0);
}

static void require_sealed (input *in, const scene *s, const tuya_sealed *sealed, size_t size) {
  char hex[64];
  tuya_str sign = header_of(sealed, "sign");
  require(tuya_sealed_size(sealed) == size);
  require(same(tuya_sealed_method(sealed), s->request.method));
  require(same(tuya_sealed_body(sealed), s->request.body));
  require_target(in, tuya_sealed_target(sealed), &s->request);
  require_headers(sealed);
  if (s->signer.algorithm == TUYA_V2) require_canonical(sealed, &s->request);
  else require(tuya_sealed_canonical(sealed).n == 0);
  judge_sign(&s->signer, s->secret, tuya_sealed_canonical(sealed), hex);
  require(sign.n == sizeof hex && memcmp(sign.p, hex, sizeof hex) == 0);
}

static void seal (input *in, const scene *s) {
  tuya_fault measured = {TUYA_OK, NULL, 0}, fault = {TUYA_OK, NULL, 0};
  size_t size = 0;
  tuya_err err = tuya_seal_size(&s->request, &s->signer, &size, &measured);
  void *mem;
  if (err != TUYA_OK) {
    mem = own(in, 64);
    require(measured.code == err && measured.what && strchr(measured.what, ':'));
    require(tuya_seal(&s->request, &s->signer, mem, 64, &fault) == err);
    require(strcmp(fault.what, measured.what) == 0 && fault.at == measured.at);
    return;
  }
  require(size > 0);
  mem = own(in, size); /* what is written past it, AddressSanitizer sees */
  require(tuya_seal(&s->request, &s->signer, mem, size, &fault) == TUYA_OK);
  require_sealed(in, s, mem, size);
  mem = own(in, size - 1);
  require(tuya_seal(&s->request, &s->signer, mem, size - 1, &fault) == TUYA_ESPACE);
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size) {
  input in = {data, size, {NULL}, 0};
  scene s;
  take_scene(&in, &s);
  seal(&in, &s);
  input_free(&in);
  return 0;
}
