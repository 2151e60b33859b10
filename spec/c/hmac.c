/*
** hmac.c: see hmac.h.
*/
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "hmac.h"

static void to_hex (const unsigned char *digest, const char *digits, char *hex) {
  size_t i;
  for (i = 0; i < 32; i++) {
    hex[2 * i] = digits[digest[i] >> 4];
    hex[2 * i + 1] = digits[digest[i] & 15];
  }
}

void judge_sha256 (tuya_str data, char hex[64]) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  if (!EVP_Digest(data.n ? data.p : "", data.n, digest, NULL, EVP_sha256(), NULL)) abort();
  to_hex(digest, "0123456789abcdef", hex);
}

void judge_hmac (tuya_str secret, tuya_str data, char hex[64]) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  const unsigned char *p = (const unsigned char *)(data.n ? data.p : "");
  if (!HMAC(EVP_sha256(), secret.p, (int)secret.n, p, data.n, digest, NULL)) abort();
  to_hex(digest, "0123456789ABCDEF", hex);
}

static void add (char *text, size_t *n, tuya_str s) {
  if (s.n) memcpy(text + *n, s.p, s.n);
  *n += s.n;
}

void judge_sign (const tuya_signer *signer, tuya_str secret, tuya_str canonical, char hex[64]) {
  size_t n = 0, most = signer->client_id.n + signer->access_token.n + signer->nonce.n +
                       signer->bundle_id.n + canonical.n + 32;
  char t[32], *text = malloc(most);
  tuya_str digits, data;
  if (!text) abort();
  digits.p = t;
  digits.n = (size_t)snprintf(t, sizeof t, "%lld", (long long)signer->t_ms);
  add(text, &n, signer->client_id);
  add(text, &n, signer->access_token);
  add(text, &n, digits);
  add(text, &n, signer->nonce);
  add(text, &n, signer->bundle_id);
  add(text, &n, canonical);
  data.p = text;
  data.n = n;
  judge_hmac(secret, data, hex);
  free(text);
}
