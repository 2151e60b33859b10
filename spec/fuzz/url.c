/*
** url.c: fuzzes the writer of URLs: what is sent decodes to what is signed, in a stable order.
*/
#include "decode.h"
#include "url.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static tuya_str write_url (input *in, const tuya_request *request, const unsigned char *order,
                           url_form form) {
  buf counted = {NULL, 0, 0}, out = {NULL, 0, 0};
  tuya_str s;
  url_write(&counted, request, order, form);
  out.p = own(in, counted.n);
  out.cap = counted.n;
  url_write(&out, request, order, form);
  require(out.n == counted.n);
  s.p = out.p;
  s.n = out.n;
  return s;
}

static void require_order (const tuya_request *request, const unsigned char *order) {
  size_t i, expected[TUYA_MAX_QUERY];
  rank(request->query, request->nquery, expected);
  for (i = 0; i < request->nquery; i++)
    require(order[i] == expected[i]);
}

/* The signed form: the path and the pairs, raw. */
static void require_signed (tuya_str url, const tuya_request *request, const unsigned char *order) {
  size_t i, at = request->path.n;
  require(url.n >= at && memcmp(url.p, request->path.p, at) == 0);
  for (i = 0; i < request->nquery; i++) {
    const tuya_pair *pair = &request->query[order[i]];
    require(url.n - at >= pair->name.n + pair->value.n + 2);
    require(url.p[at++] == (i == 0 ? '?' : '&'));
    require(pair->name.n == 0 || memcmp(url.p + at, pair->name.p, pair->name.n) == 0);
    at += pair->name.n;
    require(url.p[at++] == '=');
    require(pair->value.n == 0 || memcmp(url.p + at, pair->value.p, pair->value.n) == 0);
    at += pair->value.n;
  }
  require(at == url.n);
}

static void require_path (tuya_str path, const char *rule, size_t at) {
  static const char legal[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                              "-._~!$&'()*+,;=:@/";
  size_t good = 0;
  while (good < path.n && path.p[good] && strchr(legal, path.p[good]))
    good++;
  if (path.n == 0 || path.p[0] != '/') require(rule && at == 0);
  else if (good < path.n) require(rule && at == good);
  else require(rule == NULL);
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size) {
  input in = {data, size, {NULL}, 0};
  unsigned char order[TUYA_MAX_QUERY];
  tuya_request request;
  size_t at = 0;
  const char *rule;
  memset(&request, 0, sizeof request);
  request.path = take_str(&in);
  request.query = take_pairs(&in, TUYA_MAX_QUERY, &request.nquery);
  rule = url_check_path(request.path, &at);
  require_path(request.path, rule, at);
  if (!rule) {
    url_sort(request.query, request.nquery, order);
    require_order(&request, order);
    require_signed(write_url(&in, &request, order, URL_SIGNED), &request, order);
    require_target(&in, write_url(&in, &request, order, URL_SENT), &request);
  }
  input_free(&in);
  return 0;
}
