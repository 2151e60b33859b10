/*
** sealed.c: the views of a sealed block, in a file of their own so that a transport can link
** them without the signer.
*/
#include "sealed.h"

static tuya_str view (const tuya_sealed *sealed, sealed_span span) {
  tuya_str s;
  s.p = (const char *)sealed + span.at;
  s.n = span.n;
  return s;
}

size_t tuya_sealed_size (const tuya_sealed *sealed) { return sealed->size; }
tuya_str tuya_sealed_method (const tuya_sealed *sealed) { return view(sealed, sealed->method); }
tuya_str tuya_sealed_target (const tuya_sealed *sealed) { return view(sealed, sealed->target); }
tuya_str tuya_sealed_body (const tuya_sealed *sealed) { return view(sealed, sealed->body); }
size_t tuya_sealed_nheaders (const tuya_sealed *sealed) { return sealed->nheaders; }

tuya_str tuya_sealed_canonical (const tuya_sealed *sealed) {
  return view(sealed, sealed->canonical);
}

tuya_pair tuya_sealed_header (const tuya_sealed *sealed, size_t i) {
  const char *table = (const char *)sealed + sealed->headers_at;
  const sealed_pair *pairs = (const sealed_pair *)(const void *)table;
  tuya_pair pair;
  pair.name = view(sealed, pairs[i].name);
  pair.value = view(sealed, pairs[i].value);
  return pair;
}
