/*
** seal.c: checks a request, signs it and writes the sealed block.
** The idea: one routine, write_block, against a counting buffer gives the size and against
** memory fills it; the bytes of the body that are hashed are the bytes that are copied.
** The danger: an order or a newline changed here breaks every user's signature without a
** compile error; spec/vectors holds what must not change.
*/
#include "hash.h"
#include "sealed.h"
#include "url.h"

enum { OWN_HEADERS = 9, HEX_DIGITS = 2 * HASH_SIZE };

/* A limit as part of a text. */
#define TEXT(x) #x
#define OVER(limit) ", over " TEXT(limit)

#define LITERAL(text) make_str("" text, sizeof text - 1)

static tuya_str make_str (const char *p, size_t n) {
  tuya_str s;
  s.p = p;
  s.n = n;
  return s;
}

static tuya_err fail (tuya_fault *why, tuya_err code, const char *what, size_t at) {
  if (why) {
    why->code = code;
    why->what = what;
    why->at = at;
  }
  return code;
}

/* --- checks --- */

static unsigned char lower (char c) {
  return (unsigned char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

static int same_name (tuya_str a, tuya_str b) {
  size_t i;
  if (a.n != b.n) return 0;
  for (i = 0; i < a.n; i++)
    if (lower(a.p[i]) != lower(b.p[i])) return 0;
  return 1;
}

static int is_one_of (tuya_str name, const char *const *names) {
  for (; *names; names++)
    if (same_name(name, make_str(*names, strlen(*names)))) return 1;
  return 0;
}

static int is_method (tuya_str method) {
  static const char *const methods[] = {"GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", NULL};
  const char *const *m;
  for (m = methods; *m; m++)
    if (strlen(*m) == method.n && memcmp(*m, method.p, method.n) == 0) return 1;
  return 0;
}

/* RFC 9110: the characters of a header name. */
static int is_token (tuya_str name) {
  size_t i;
  for (i = 0; i < name.n; i++) {
    unsigned char c = lower(name.p[i]);
    if ((c < 'a' || c > 'z') && (c < '0' || c > '9') &&
        (c == '\0' || strchr("!#$%&'*+-.^_`|~", c) == NULL))
      return 0;
  }
  return name.n > 0;
}

static int is_blank (char c) { return c == ' ' || c == '\t'; }

/*
** The first byte that a header cannot carry unchanged, a control byte but the tab or a blank at
** an end; s.n where there is none.
*/
static size_t unfit_at (tuya_str s) {
  size_t i;
  for (i = 0; i < s.n; i++) {
    unsigned char c = (unsigned char)s.p[i];
    if ((unsigned char)(c - 0x20) < 0x7f - 0x20) continue; /* nearly all, by one comparison */
    if (c < 0x20 ? c != '\t' : c == 0x7f) return i;
  }
  if (s.n && is_blank(s.p[0])) return 0;
  return s.n && is_blank(s.p[s.n - 1]) ? s.n - 1 : s.n;
}

/* The two ways in which a text that becomes a header can be wrong; both name the field. */
typedef struct text_rule {
  tuya_str text;
  size_t max;
  const char *too_long, *unfit;
} text_rule;

static tuya_err check_texts (const text_rule *rules, size_t n, tuya_fault *why) {
  const text_rule *rule;
  for (rule = rules; rule < rules + n; rule++) {
    size_t at;
    if (rule->text.n > rule->max) return fail(why, TUYA_ELIMIT, rule->too_long, rule->max);
    at = unfit_at(rule->text);
    if (at < rule->text.n) return fail(why, TUYA_EINVAL, rule->unfit, at);
  }
  return TUYA_OK;
}

static const char *name_rule (tuya_str name) {
  static const char *const signers[] = {"sign",  "t",           "client_id",         "access_token",
                                        "nonce", "sign_method", "signature-headers", NULL};
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
                                           "proxy-authorization",
                                           NULL};
  if (!is_token(name)) return "header name: empty, or holds a character that may not stand in one";
  if (is_one_of(name, signers)) return "header name: the signer sends this header itself";
  if (is_one_of(name, transports)) return "header name: the transport sends this header itself";
  return NULL;
}

static int has_header (const tuya_request *request, size_t n, tuya_str name) {
  size_t i;
  for (i = 0; i < n; i++)
    if (same_name(request->headers[i].name, name)) return 1;
  return 0;
}

static tuya_err check_header (const tuya_request *request, size_t i, tuya_fault *why) {
  const tuya_pair *header = &request->headers[i];
  const char *rule;
  if (header->name.n > TUYA_MAX_HEADER_NAME)
    return fail(why, TUYA_ELIMIT, "header name: too long" OVER(TUYA_MAX_HEADER_NAME), i);
  rule = name_rule(header->name);
  if (rule) return fail(why, TUYA_EINVAL, rule, i);
  if (has_header(request, i, header->name))
    return fail(why, TUYA_EINVAL, "header name: given twice", i);
  if (header->value.n > TUYA_MAX_HEADER_VALUE)
    return fail(why, TUYA_ELIMIT, "header value: too long" OVER(TUYA_MAX_HEADER_VALUE), i);
  if (unfit_at(header->value) < header->value.n)
    return fail(why, TUYA_EINVAL,
                "header value: holds CR, LF, NUL or another control byte, or a blank at an end", i);
  return TUYA_OK;
}

static tuya_err check_query (const tuya_request *request, tuya_fault *why) {
  unsigned char order[TUYA_MAX_QUERY];
  buf target = {NULL, 0, 0};
  size_t i;
  if (request->nquery > TUYA_MAX_QUERY)
    return fail(why, TUYA_ELIMIT, "query: too many pairs" OVER(TUYA_MAX_QUERY), TUYA_MAX_QUERY);
  for (i = 0; i < request->nquery; i++) {
    if (request->query[i].name.n == 0) return fail(why, TUYA_EINVAL, "query name: empty", i);
    order[i] = (unsigned char)i; /* only the length counts here */
  }
  url_write(&target, request, order, URL_SENT);
  if (target.n > TUYA_MAX_TARGET)
    return fail(why, TUYA_ELIMIT, "path: too long, together with the query" OVER(TUYA_MAX_TARGET),
                TUYA_MAX_TARGET);
  return TUYA_OK;
}

/* Content-Type and lang, which are sent unsigned. */
static tuya_err check_unsigned (const tuya_request *request, tuya_fault *why) {
  const text_rule rules[] = {{request->content_type, TUYA_MAX_HEADER_VALUE,
                              "content_type: too long" OVER(TUYA_MAX_HEADER_VALUE),
                              "content_type: cannot stand in a header"},
                             {request->lang, TUYA_MAX_ID, "lang: too long" OVER(TUYA_MAX_ID),
                              "lang: cannot stand in a header"}};
  return check_texts(rules, sizeof rules / sizeof *rules, why);
}

tuya_err tuya_request_check (const tuya_request *request, tuya_fault *why) {
  size_t i, at;
  const char *rule;
  tuya_err err;
  if (!is_method(request->method))
    return fail(why, TUYA_EINVAL, "method: must be GET, POST, PUT, DELETE, PATCH or HEAD", 0);
  rule = url_check_path(request->path, &at);
  if (rule) return fail(why, TUYA_EINVAL, rule, at);
  err = check_query(request, why);
  if (err != TUYA_OK) return err;
  if (request->nheaders > TUYA_MAX_HEADERS)
    return fail(why, TUYA_ELIMIT, "header: too many" OVER(TUYA_MAX_HEADERS), TUYA_MAX_HEADERS);
  for (i = 0; i < request->nheaders; i++) {
    err = check_header(request, i, why);
    if (err != TUYA_OK) return err;
  }
  if (request->body.n > TUYA_MAX_BODY)
    return fail(why, TUYA_ELIMIT, "body: too long" OVER(TUYA_MAX_BODY), TUYA_MAX_BODY);
  if (request->body.n && request->method.p[0] == 'H')
    return fail(why, TUYA_EINVAL, "body: a HEAD request has none", 0);
  return check_unsigned(request, why);
}

static tuya_err check_ids (const tuya_signer *signer, tuya_fault *why) {
  const text_rule rules[] = {
      {signer->client_id, TUYA_MAX_ID, "client_id: too long" OVER(TUYA_MAX_ID),
       "client_id: holds CR, LF, NUL or another control byte, or a blank at an end"},
      {signer->access_token, TUYA_MAX_TOKEN, "access_token: too long" OVER(TUYA_MAX_TOKEN),
       "access_token: holds CR, LF, NUL or another control byte, or a blank at an end"},
      {signer->nonce, TUYA_MAX_ID, "nonce: too long" OVER(TUYA_MAX_ID),
       "nonce: holds CR, LF, NUL or another control byte, or a blank at an end"},
      {signer->bundle_id, TUYA_MAX_ID, "bundle_id: too long" OVER(TUYA_MAX_ID),
       "bundle_id: holds CR, LF, NUL or another control byte, or a blank at an end"}};
  return check_texts(rules, sizeof rules / sizeof *rules, why);
}

static tuya_err check_algorithm (const tuya_request *request, const tuya_signer *signer,
                                 tuya_fault *why) {
  if (signer->algorithm == TUYA_V2) return TUYA_OK;
  if (signer->algorithm != TUYA_V1) return fail(why, TUYA_EINVAL, "algorithm: unknown", 0);
  if (request->nheaders)
    return fail(why, TUYA_EINVAL, "header: the old algorithm signs no headers", 0);
  if (signer->nonce.n) return fail(why, TUYA_EINVAL, "nonce: the old algorithm has none", 0);
  if (signer->bundle_id.n)
    return fail(why, TUYA_EINVAL, "bundle_id: the old algorithm has none", 0);
  return TUYA_OK;
}

static tuya_err check_signer (const tuya_signer *signer, tuya_fault *why) {
  if (signer->client_id.n == 0) return fail(why, TUYA_EINVAL, "client_id: empty", 0);
  if (signer->key == NULL) return fail(why, TUYA_EINVAL, "key: missing", 0);
  if (signer->t_ms < INT64_C(1000000000000) || signer->t_ms > INT64_C(9999999999999))
    return fail(why, TUYA_EINVAL, "t: must be milliseconds since 1970, 13 digits", 0);
  return check_ids(signer, why);
}

static int begins (tuya_str s, tuya_str prefix) {
  return s.n >= prefix.n && memcmp(s.p, prefix.p, prefix.n) == 0;
}

int tuya_is_token_call (tuya_str path) {
  const tuya_str token = LITERAL("/v1.0/token"), authorize = LITERAL("/v1.0/authorize_token");
  if (begins(path, token)) return path.n == token.n || path.p[token.n] == '/';
  return path.n == authorize.n && begins(path, authorize);
}

static tuya_err check (const tuya_request *request, const tuya_signer *signer, tuya_fault *why) {
  tuya_err err = tuya_request_check(request, why);
  if (err == TUYA_OK) err = check_signer(signer, why);
  if (err == TUYA_OK) err = check_algorithm(request, signer, why);
  if (err == TUYA_OK && signer->access_token.n && tuya_is_token_call(request->path))
    return fail(why, TUYA_EINVAL, "access_token: a token call is signed without one", 0);
  return err;
}

/* --- writing --- */

typedef struct writer {
  const tuya_request *request;
  const tuya_signer *signer;
  buf out;
  tuya_sealed head;
  sealed_pair headers[TUYA_MAX_HEADERS + OWN_HEADERS];
  char t[T_DIGITS];
  int hashed; /* 0 once the hash library has failed */
} writer;

static sealed_span span_from (const writer *w, size_t start) {
  sealed_span span;
  span.at = (uint32_t)start;
  span.n = (uint32_t)(w->out.n - start);
  return span;
}

static sealed_span add_str (writer *w, tuya_str s) {
  size_t start = w->out.n;
  buf_addstr(&w->out, s);
  return span_from(w, start);
}

static void add_header (writer *w, tuya_str name, tuya_str value) {
  sealed_pair *pair = &w->headers[w->head.nheaders++];
  pair->name = add_str(w, name);
  pair->value = add_str(w, value);
}

static void hex_lower (const unsigned char *digest, char *hex) {
  write_hex(digest, HASH_SIZE, "0123456789abcdef", hex);
}

static void hex_upper (const unsigned char *digest, char *hex) {
  write_hex(digest, HASH_SIZE, "0123456789ABCDEF", hex);
}

static void add_body_hash (writer *w) {
  static const char empty[] = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
  unsigned char digest[HASH_SIZE];
  char *hex = buf_room(&w->out, HEX_DIGITS);
  if (!hex) return;
  if (w->request->body.n == 0) memcpy(hex, empty, HEX_DIGITS);
  else if (hash_sha256(w->request->body, digest)) hex_lower(digest, hex);
  else w->hashed = 0;
}

/* METHOD LF hash LF (name:value LF)* LF url [published]; each signed header ends its line. */
static void add_canonical (writer *w, const unsigned char *order) {
  const tuya_request *request = w->request;
  buf *out = &w->out;
  size_t i;
  buf_addstr(out, request->method);
  buf_addchar(out, '\n');
  add_body_hash(w);
  buf_addchar(out, '\n');
  for (i = 0; i < request->nheaders; i++) {
    buf_addstr(out, request->headers[i].name);
    buf_addchar(out, ':');
    buf_addstr(out, request->headers[i].value);
    buf_addchar(out, '\n');
  }
  buf_addchar(out, '\n');
  url_write(out, request, order, URL_SIGNED);
}

/* The mac of client id, token, t, nonce, bundle id and the canonical string, into hex. */
static int sign (const writer *w, char *hex) {
  const tuya_signer *signer = w->signer;
  unsigned char digest[HASH_SIZE];
  tuya_str parts[6];
  parts[0] = signer->client_id;
  parts[1] = signer->access_token;
  parts[2] = make_str(w->t, T_DIGITS);
  parts[3] = signer->nonce;
  parts[4] = signer->bundle_id;
  parts[5] = make_str(w->out.p + w->head.canonical.at, w->head.canonical.n);
  if (!hash_mac(signer->key, parts, sizeof parts / sizeof *parts, digest)) return 0;
  hex_upper(digest, hex);
  return 1;
}

static void add_sign (writer *w) {
  char hex[HEX_DIGITS] = {0};
  if (w->out.p && w->out.n <= w->out.cap) w->hashed = w->hashed && sign(w, hex);
  add_header(w, LITERAL("sign"), make_str(hex, HEX_DIGITS));
}

/* Signature-Headers: the names as given, joined by colons; then the headers themselves. */
static void add_signed_headers (writer *w) {
  const tuya_request *request = w->request;
  sealed_pair *list = &w->headers[w->head.nheaders];
  size_t i, start;
  if (request->nheaders == 0) return;
  add_header(w, LITERAL("Signature-Headers"), LITERAL(""));
  start = w->out.n;
  for (i = 0; i < request->nheaders; i++) {
    if (i > 0) buf_addchar(&w->out, ':');
    buf_addstr(&w->out, request->headers[i].name);
  }
  list->value = span_from(w, start);
  for (i = 0; i < request->nheaders; i++)
    add_header(w, request->headers[i].name, request->headers[i].value);
}

/* Headers that are sent unsigned give way to a signed one of the same name. */
static void add_unsigned (writer *w, tuya_str name, tuya_str value) {
  if (!has_header(w->request, w->request->nheaders, name)) add_header(w, name, value);
}

static void add_headers (writer *w) {
  const tuya_request *request = w->request;
  const tuya_signer *signer = w->signer;
  tuya_str type = request->content_type.n ? request->content_type : LITERAL("application/json");
  add_header(w, LITERAL("client_id"), signer->client_id);
  add_sign(w);
  add_header(w, LITERAL("t"), make_str(w->t, T_DIGITS));
  add_header(w, LITERAL("sign_method"), LITERAL("HMAC-SHA256"));
  if (signer->access_token.n) add_header(w, LITERAL("access_token"), signer->access_token);
  if (signer->nonce.n) add_header(w, LITERAL("nonce"), signer->nonce);
  add_signed_headers(w);
  if (request->body.n) add_unsigned(w, LITERAL("Content-Type"), type);
  if (request->lang.n) add_unsigned(w, LITERAL("lang"), request->lang);
}

static void add_table (writer *w) {
  size_t size = w->head.nheaders * sizeof *w->headers;
  buf_add(&w->out, "\0\0\0", (sizeof(uint32_t) - w->out.n % sizeof(uint32_t)) % sizeof(uint32_t));
  w->head.headers_at = (uint32_t)w->out.n;
  buf_add(&w->out, (const char *)w->headers, size);
}

/* Writes the block of a checked request; against mem == NULL it is only counted. */
static void write_block (writer *w, char *mem, size_t size) {
  unsigned char order[TUYA_MAX_QUERY];
  size_t start;
  w->out.p = mem;
  w->out.cap = size;
  url_sort(w->request->query, w->request->nquery, order);
  write_moment(w->signer->t_ms, w->t);
  w->head.nheaders = 0;
  w->hashed = 1;
  w->out.n = sizeof w->head;
  w->head.method = add_str(w, w->request->method);
  start = w->out.n;
  url_write(&w->out, w->request, order, URL_SENT);
  w->head.target = span_from(w, start);
  start = w->out.n;
  if (w->signer->algorithm == TUYA_V2) add_canonical(w, order);
  w->head.canonical = span_from(w, start);
  add_headers(w);
  w->head.body = add_str(w, w->request->body);
  add_table(w);
  w->head.size = (uint32_t)w->out.n;
}

tuya_err tuya_seal_size (const tuya_request *request, const tuya_signer *signer, size_t *size,
                         tuya_fault *why) {
  writer w;
  tuya_err err = check(request, signer, why);
  if (err != TUYA_OK) return err;
  w.request = request;
  w.signer = signer;
  write_block(&w, NULL, 0);
  *size = w.out.n;
  return TUYA_OK;
}

tuya_err tuya_seal (const tuya_request *request, const tuya_signer *signer, void *mem, size_t size,
                    tuya_fault *why) {
  writer w;
  tuya_err err = check(request, signer, why);
  if (err != TUYA_OK) return err;
  w.request = request;
  w.signer = signer;
  write_block(&w, mem, size);
  if (w.out.n > size) return fail(why, TUYA_ESPACE, "mem: smaller than tuya_seal_size said", size);
  if (!w.hashed) return fail(why, TUYA_EHASH, "hash: the library failed", 0);
  memcpy(mem, &w.head, sizeof w.head);
  return TUYA_OK;
}

/* --- keys and primitives --- */

tuya_err tuya_key_init (tuya_key *key, tuya_str secret) {
  tuya_key made; /* half a key is a secret too: nothing of it reaches the caller */
  int ok;
  if (secret.n == 0) return TUYA_EINVAL;
  if (secret.n > TUYA_MAX_SECRET) return TUYA_ELIMIT;
  ok = hash_key(&made, secret);
  if (ok) *key = made;
  hash_wipe(&made, sizeof made);
  return ok ? TUYA_OK : TUYA_EHASH;
}

void tuya_key_wipe (tuya_key *key) { hash_wipe(key, sizeof *key); }

tuya_err tuya_sha256 (tuya_str data, char hex[64]) {
  unsigned char digest[HASH_SIZE];
  if (!hash_sha256(data, digest)) return TUYA_EHASH;
  hex_lower(digest, hex);
  return TUYA_OK;
}

tuya_err tuya_key_mac (const tuya_key *key, tuya_str data, char hex[64]) {
  unsigned char digest[HASH_SIZE];
  if (!hash_mac(key, &data, 1, digest)) return TUYA_EHASH;
  hex_upper(digest, hex);
  return TUYA_OK;
}
