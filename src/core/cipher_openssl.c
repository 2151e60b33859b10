/*
** cipher_openssl.c: cipher.h over OpenSSL's EVP, the only file of the core that knows it.
** The idea: one context for one text, made and freed within the call.
** The danger: this is where the core's rule "no allocation" is bent. EVP has no context on the
** stack, and OpenSSL's AES without EVP leaves the processor's own AES unused and has no public
** GCM. So OpenSSL allocates (nothing of it outlives the call), and a failure of that is 0. What
** fails leaves no trace in OpenSSL's queue of errors, where a TLS connection would find it.
*/
#include <openssl/err.h>
#include <openssl/evp.h>

#include "cipher.h"

static int run_ecb (EVP_CIPHER_CTX *ctx, cipher_way way, const unsigned char key[16],
                    unsigned char *p, size_t n) {
  int written;
  return EVP_CipherInit_ex(ctx, EVP_aes_128_ecb(), NULL, key, NULL, (int)way) &&
         EVP_CIPHER_CTX_set_padding(ctx, 0) && EVP_CipherUpdate(ctx, p, &written, p, (int)n);
}

static int start_gcm (EVP_CIPHER_CTX *ctx, cipher_way way, const unsigned char key[16], tuya_str iv,
                      tuya_str aad) {
  const unsigned char *p = (const unsigned char *)iv.p;
  int written;
  return EVP_CipherInit_ex(ctx, EVP_aes_128_gcm(), NULL, NULL, NULL, (int)way) &&
         EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_IVLEN, (int)iv.n, NULL) &&
         EVP_CipherInit_ex(ctx, NULL, NULL, key, p, (int)way) &&
         (aad.n == 0 ||
          EVP_CipherUpdate(ctx, NULL, &written, (const unsigned char *)aad.p, (int)aad.n));
}

static int finish_gcm (EVP_CIPHER_CTX *ctx, cipher_way way, unsigned char *end,
                       unsigned char tag[CIPHER_TAG]) {
  int written;
  if (way == CIPHER_CLOSE)
    return EVP_CipherFinal_ex(ctx, end, &written) &&
           EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, CIPHER_TAG, tag);
  if (!EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, CIPHER_TAG, tag)) return 0;
  return EVP_CipherFinal_ex(ctx, end, &written) == 1 ? 1 : CIPHER_REFUSED;
}

int cipher_ecb (cipher_way way, const unsigned char key[16], unsigned char *p, size_t n) {
  EVP_CIPHER_CTX *ctx;
  int ok;
  ERR_set_mark();
  ctx = EVP_CIPHER_CTX_new();
  ok = ctx && run_ecb(ctx, way, key, p, n);
  EVP_CIPHER_CTX_free(ctx); /* it wipes what it knew */
  ERR_pop_to_mark();
  return ok;
}

int cipher_gcm (cipher_way way, const unsigned char key[16], tuya_str iv, tuya_str aad,
                unsigned char *p, size_t n, unsigned char tag[CIPHER_TAG]) {
  EVP_CIPHER_CTX *ctx;
  int written, ok;
  ERR_set_mark();
  ctx = EVP_CIPHER_CTX_new();
  ok = ctx && start_gcm(ctx, way, key, iv, aad) &&
       (n == 0 || EVP_CipherUpdate(ctx, p, &written, p, (int)n));
  if (ok) ok = finish_gcm(ctx, way, p + n, tag);
  EVP_CIPHER_CTX_free(ctx);
  ERR_pop_to_mark();
  return ok;
}
