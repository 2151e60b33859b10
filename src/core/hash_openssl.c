/*
** hash_openssl.c: hash.h over libcrypto, the only file of the core that knows it.
** The idea: HMAC is two SHA-256 runs whose first blocks depend on the key alone; we keep the
** two states after those blocks, so that a signature never hashes the key again.
** The danger: SHA256_Init and its kin are deprecated since OpenSSL 3.0. They are used on
** purpose: every EVP route allocates 1 to 13 times a signature and keeps a mutable context,
** and these do neither. When they go, this file is the one to change.
*/
#define OPENSSL_SUPPRESS_DEPRECATED
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/md5.h>
#include <openssl/sha.h>

#include "hash.h"

int hash_sha256 (tuya_str data, unsigned char digest[HASH_SIZE]) {
  SHA256_CTX ctx;
  return SHA256_Init(&ctx) && SHA256_Update(&ctx, data.p, data.n) && SHA256_Final(digest, &ctx);
}

int hash_md5 (tuya_str a, tuya_str b, unsigned char digest[MD5_SIZE]) {
  MD5_CTX ctx;
  int ok = MD5_Init(&ctx) && MD5_Update(&ctx, a.p, a.n) && MD5_Update(&ctx, b.p, b.n);
  ok = ok && MD5_Final(digest, &ctx);
  hash_wipe(&ctx, sizeof ctx);
  return ok;
}

void hash_wipe (void *p, size_t n) { OPENSSL_cleanse(p, n); }

/* The state after one block that is the key, padded with zeros, xor `pad`. */
static int pad_state (const unsigned char block[HASH_BLOCK], unsigned char pad, uint32_t state[8]) {
  unsigned char padded[HASH_BLOCK];
  SHA256_CTX ctx;
  int i, ok;
  for (i = 0; i < HASH_BLOCK; i++)
    padded[i] = (unsigned char)(block[i] ^ pad);
  ok = SHA256_Init(&ctx) && SHA256_Update(&ctx, padded, HASH_BLOCK);
  for (i = 0; i < 8; i++)
    state[i] = (uint32_t)ctx.h[i];
  hash_wipe(padded, sizeof padded);
  hash_wipe(&ctx, sizeof ctx);
  return ok;
}

int hash_key (tuya_key *key, tuya_str secret) {
  unsigned char block[HASH_BLOCK] = {0};
  int ok = 1;
  if (secret.n > HASH_BLOCK) ok = hash_sha256(secret, block);
  else if (secret.n) memcpy(block, secret.p, secret.n);
  ok = ok && pad_state(block, 0x36, key->inner) && pad_state(block, 0x5c, key->outer);
  hash_wipe(block, sizeof block);
  return ok;
}

/* Goes on from a kept state: one block of 64 bytes, 512 bits, is behind it. */
static int resume (SHA256_CTX *ctx, const uint32_t state[8]) {
  int i;
  if (!SHA256_Init(ctx)) return 0;
  for (i = 0; i < 8; i++)
    ctx->h[i] = state[i];
  ctx->Nl = HASH_BLOCK * 8;
  return 1;
}

/* The outer half of HMAC over what the inner one came to. */
static int finish (SHA256_CTX *ctx, const tuya_key *key, unsigned char digest[HASH_SIZE]) {
  int ok = SHA256_Final(digest, ctx);
  ok = ok && resume(ctx, key->outer) && SHA256_Update(ctx, digest, HASH_SIZE);
  return ok && SHA256_Final(digest, ctx);
}

int hash_mac (const tuya_key *key, const tuya_str *parts, size_t nparts,
              unsigned char digest[HASH_SIZE]) {
  SHA256_CTX ctx;
  size_t i;
  int ok = resume(&ctx, key->inner);
  for (i = 0; ok && i < nparts; i++)
    ok = SHA256_Update(&ctx, parts[i].p, parts[i].n);
  return ok && finish(&ctx, key, digest);
}

int hash_mac_search (const tuya_key *key, tuya_str head, const tuya_str *tails, size_t ntails,
                     const unsigned char digest[HASH_SIZE], size_t *at) {
  SHA256_CTX after_head, ctx;
  unsigned char found[HASH_SIZE];
  int ok = resume(&after_head, key->inner) && SHA256_Update(&after_head, head.p, head.n), same = 0;
  for (; ok && *at < ntails; ++*at) {
    ctx = after_head;
    ok = SHA256_Update(&ctx, tails[*at].p, tails[*at].n) && finish(&ctx, key, found);
    same = ok && memcmp(found, digest, HASH_SIZE) == 0;
    if (same) break;
  }
  hash_wipe(&after_head, sizeof after_head); /* after a short head it is the key's own state */
  return same;
}
