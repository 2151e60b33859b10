/*
** pool.c: what one request costs by our C alone, without Lua:  pool ENDPOINT COUNT [CA_FILE]
** tuya_seal_size, malloc, tuya_seal, then the pool until the reply is taken. It stands between raw.c and
** client.lua: what it costs more than raw is our engine and the signature, what client.lua costs more is Lua.
** Prints the CPU microseconds of one request, user and system, after a fifth more as a warm-up.
*/
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tuya_curl.h"

static void die (const char *what) {
  fprintf(stderr, "pool: %s\n", what);
  exit(1);
}

static tuya_str str (const char *p) {
  tuya_str s;
  if (!p) die("an input is missing");
  s.p = p;
  s.n = strlen(p);
  return s;
}

static void post (tuya_pool *pool, const tuya_request *request, const tuya_signer *signer) {
  tuya_reply reply;
  size_t size;
  int64_t id;
  void *sealed;
  if (tuya_seal_size(request, signer, &size, NULL) != TUYA_OK) die("tuya_seal_size");
  sealed = malloc(size);
  if (!sealed || tuya_seal(request, signer, sealed, size, NULL) != TUYA_OK) die("tuya_seal");
  id = tuya_pool_start(pool, sealed, NULL);
  free(sealed);
  if (id <= 0) die("tuya_pool_start");
  tuya_pool_tick(pool, 0);
  while (!tuya_pool_take(pool, id, &reply)) {
    tuya_pool_wait(pool, 1000);
    tuya_pool_tick(pool, 0);
  }
  if (reply.error != TUYA_NET_OK) die(reply.message);
  if (reply.body.n == 0 || reply.body.p[0] != '{') die("not the answer that was expected");
}

int main (int argc, char **argv) {
  long i, count = argc > 2 ? atol(argv[2]) : 0;
  tuya_pool_options options = {0};
  tuya_request request = {0};
  tuya_signer signer = {0};
  tuya_key key;
  tuya_pool *pool;
  clock_t start;
  if (count <= 0) die("usage: pool ENDPOINT COUNT [CA_FILE]");
  options.endpoint = argv[1];
  options.ca_file = argc > 3 ? argv[3] : NULL;
  options.user_agent = "lua-tuya/0.1.0";
  request.method = str("POST");
  request.path = str(getenv("BENCH_PATH"));
  request.body = str(getenv("BENCH_BODY"));
  signer.client_id = str(getenv("BENCH_ID"));
  signer.access_token = str(getenv("BENCH_TOKEN"));
  signer.nonce = str(getenv("BENCH_NONCE"));
  signer.t_ms = strtoll(str(getenv("BENCH_T")).p, NULL, 10);
  signer.key = &key;
  pool = tuya_pool_new(&options);
  if (!pool || tuya_key_init(&key, str(getenv("BENCH_SECRET"))) != TUYA_OK) die("cannot begin");
  for (i = 0; i < count / 5; i++)
    post(pool, &request, &signer);
  start = clock();
  for (i = 0; i < count; i++)
    post(pool, &request, &signer);
  printf("%.2f\n", (double)(clock() - start) * (1e6 / CLOCKS_PER_SEC) / (double)count);
  tuya_pool_free(pool);
  return 0;
}
