/*
** sign.c: what one signature costs in C, one way a run:  sign seal|size_seal|kept|midstate|oneshot COUNT
** Prints the CPU nanoseconds of one and the signature itself, which must be the same for all ways.
** Inputs come from the environment, as tools/bench sets them.
**
** kept is the floor: OpenSSL's EVP with everything that can be kept between signatures kept. It hashes the
** same bytes as the others and makes both hex strings, but it is handed the text around the body's hash
** ready made: it checks nothing, builds no URL and no headers.
*/
#define OPENSSL_SUPPRESS_DEPRECATED
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>

#include "tuya.h"

enum { DIGEST = 32, HEX = 64, BLOCK = 64, WARM_UP = 1000 };

static tuya_str secret, body;
static char message[8192], *body_hex; /* all that is signed; the hash of the body within */
static size_t message_size;
static char signature[HEX + 1];

static void die (const char *what) {
  fprintf(stderr, "sign: %s\n", what);
  exit(1);
}

static tuya_str input (const char *name) {
  tuya_str s;
  s.p = getenv(name);
  if (!s.p) die(name);
  s.n = strlen(s.p);
  return s;
}

static void hex (const unsigned char *digest, const char *digits, char *to) {
  int i;
  for (i = 0; i < DIGEST; i++) {
    to[2 * i] = digits[digest[i] >> 4];
    to[2 * i + 1] = digits[digest[i] & 15];
  }
}

static void lower (const unsigned char *digest) { hex(digest, "0123456789abcdef", body_hex); }
static void upper (const unsigned char *digest) { hex(digest, "0123456789ABCDEF", signature); }

/* --- OpenSSL's EVP, with state kept --- */

static EVP_MD *md;
static EVP_MD_CTX *md_ctx;
static EVP_MAC_CTX *mac_ctx;

static void kept_open (void) {
  OSSL_PARAM params[2];
  EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
  params[0] = OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, "SHA256", 0);
  params[1] = OSSL_PARAM_construct_end();
  md = EVP_MD_fetch(NULL, "SHA256", NULL);
  md_ctx = EVP_MD_CTX_new();
  mac_ctx = EVP_MAC_CTX_new(mac);
  if (!EVP_MAC_init(mac_ctx, (const unsigned char *)secret.p, secret.n, params)) die("EVP_MAC_init");
}

static void kept (void) {
  unsigned char digest[DIGEST];
  size_t n;
  EVP_DigestInit_ex2(md_ctx, md, NULL);
  EVP_DigestUpdate(md_ctx, body.p, body.n);
  EVP_DigestFinal_ex(md_ctx, digest, NULL);
  lower(digest);
  EVP_MAC_init(mac_ctx, NULL, 0, NULL);
  EVP_MAC_update(mac_ctx, (const unsigned char *)message, message_size);
  EVP_MAC_final(mac_ctx, digest, &n, sizeof digest);
  upper(digest);
}

/* --- OpenSSL's low-level functions from HMAC states kept, deprecated since 3.0 --- */

static SHA256_CTX inner, outer;

static void pad (SHA256_CTX *ctx, unsigned char with) {
  unsigned char block[BLOCK] = {0};
  int i;
  if (secret.n > BLOCK) die("the secret is longer than a block");
  memcpy(block, secret.p, secret.n);
  for (i = 0; i < BLOCK; i++)
    block[i] ^= with;
  SHA256_Init(ctx);
  SHA256_Update(ctx, block, BLOCK);
}

static void midstate_open (void) {
  pad(&inner, 0x36);
  pad(&outer, 0x5c);
}

static void midstate (void) {
  unsigned char digest[DIGEST];
  SHA256_CTX ctx;
  SHA256_Init(&ctx);
  SHA256_Update(&ctx, body.p, body.n);
  SHA256_Final(digest, &ctx);
  lower(digest);
  ctx = inner;
  SHA256_Update(&ctx, message, message_size);
  SHA256_Final(digest, &ctx);
  ctx = outer;
  SHA256_Update(&ctx, digest, DIGEST);
  SHA256_Final(digest, &ctx);
  upper(digest);
}

/* --- OpenSSL's one-shot functions --- */

static void oneshot_open (void) {}

static void oneshot (void) {
  unsigned char digest[DIGEST];
  SHA256((const unsigned char *)body.p, body.n, digest);
  lower(digest);
  HMAC(EVP_sha256(), secret.p, (int)secret.n, (const unsigned char *)message, message_size, digest, NULL);
  upper(digest);
}

/* --- ours --- */

static tuya_request request;
static tuya_signer signer;
static tuya_key key;
static size_t size;
static uint32_t block[4096];

static void seal_open (void) {
  static const char post[] = "POST";
  request.method.p = post;
  request.method.n = sizeof post - 1;
  request.path = input("BENCH_PATH");
  request.body = body;
  signer.client_id = input("BENCH_ID");
  signer.access_token = input("BENCH_TOKEN");
  signer.nonce = input("BENCH_NONCE");
  signer.t_ms = strtoll(getenv("BENCH_T"), NULL, 10);
  signer.key = &key;
  if (tuya_key_init(&key, secret) != TUYA_OK) die("tuya_key_init");
  if (tuya_seal_size(&request, &signer, &size, NULL) != TUYA_OK) die("tuya_seal_size");
}

static void seal (void) { tuya_seal(&request, &signer, block, size, NULL); }

static void size_seal (void) {
  tuya_seal_size(&request, &signer, &size, NULL);
  tuya_seal(&request, &signer, block, size, NULL);
}

static void take_signature (void) {
  size_t i;
  for (i = 0; i < tuya_sealed_nheaders((const tuya_sealed *)block); i++) {
    tuya_pair header = tuya_sealed_header((const tuya_sealed *)block, i);
    if (header.name.n == 4 && memcmp(header.name.p, "sign", 4) == 0) memcpy(signature, header.value.p, HEX);
  }
}

/* --- the run --- */

typedef struct way {
  const char *name;
  void (*open) (void);
  void (*sign) (void);
} way;

static const way ways[] = {{"seal", seal_open, seal},
                           {"size_seal", seal_open, size_seal},
                           {"kept", kept_open, kept},
                           {"midstate", midstate_open, midstate},
                           {"oneshot", oneshot_open, oneshot}};

static void read_inputs (void) {
  secret = input("BENCH_SECRET");
  body = input("BENCH_BODY");
  body_hex = message + sprintf(message, "%s%s%s%sPOST\n", input("BENCH_ID").p, input("BENCH_TOKEN").p,
                               input("BENCH_T").p, input("BENCH_NONCE").p);
  message_size = (size_t)(body_hex - message) + HEX;
  message_size += (size_t)sprintf(body_hex + HEX, "\n\n%s", input("BENCH_PATH").p);
}

int main (int argc, char **argv) {
  size_t w, ways_known = sizeof ways / sizeof *ways;
  long i, count = argc > 2 ? atol(argv[2]) : 0;
  clock_t start;
  for (w = 0; argc > 1 && w < ways_known && strcmp(ways[w].name, argv[1]) != 0;)
    w++;
  if (count <= 0 || w == ways_known) die("usage: sign WAY COUNT");
  read_inputs();
  ways[w].open();
  for (i = 0; i < WARM_UP; i++)
    ways[w].sign();
  start = clock();
  for (i = 0; i < count; i++)
    ways[w].sign();
  printf("%.1f ", (double)(clock() - start) * (1e9 / CLOCKS_PER_SEC) / (double)count);
  if (ways[w].open == seal_open) take_signature();
  printf("%s\n", signature);
  return 0;
}
