/*
** cold.c: the two calls of a cold start as a C program makes them:  cold ENDPOINT [CA_FILE]
** libcurl's easy interface and OpenSSL's SHA256() and HMAC(): a signed token call, the token cut out of the
** answer, a signed POST with it on the same connection. Says "ready" once that is answered, and ends.
*/
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include <curl/curl.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>

enum { DIGEST = 32 };

static char reply[4096], token[128];
static size_t reply_size;

static void die (const char *what) {
  fprintf(stderr, "cold: %s\n", what);
  exit(1);
}

static size_t on_body (char *p, size_t size, size_t n, void *data) {
  (void)data;
  if (reply_size + size * n >= sizeof reply) return 0;
  memcpy(reply + reply_size, p, size * n);
  reply_size += size * n;
  return size * n;
}

static void hex (const unsigned char *digest, int n, const char *format, char *to) {
  int i;
  for (i = 0; i < n; i++)
    sprintf(to + 2 * i, format, digest[i]);
}

static struct curl_slist *add (struct curl_slist *list, const char *name, const char *value) {
  char line[256];
  snprintf(line, sizeof line, "%s: %s", name, value);
  return curl_slist_append(list, line);
}

static void stamp (char *t, char *nonce) {
  unsigned char random[16];
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  sprintf(t, "%lld%03ld", (long long)now.tv_sec, now.tv_nsec / 1000000);
  if (getrandom(random, sizeof random, 0) != sizeof random) die("getrandom");
  hex(random, sizeof random, "%02x", nonce);
}

static struct curl_slist *sign (const char *method, const char *path, const char *body) {
  const char *id = getenv("BENCH_ID"), *secret = getenv("BENCH_SECRET");
  unsigned char digest[DIGEST];
  char hash[2 * DIGEST + 1], mac[2 * DIGEST + 1], nonce[33], t[32], text[1024];
  struct curl_slist *list = NULL;
  int n;
  stamp(t, nonce);
  SHA256((const unsigned char *)body, strlen(body), digest);
  hex(digest, DIGEST, "%02x", hash);
  n = snprintf(text, sizeof text, "%s%s%s%s%s\n%s\n\n%s", id, token, t, nonce, method, hash, path);
  HMAC(EVP_sha256(), secret, (int)strlen(secret), (unsigned char *)text, (size_t)n, digest, NULL);
  hex(digest, DIGEST, "%02X", mac);
  list = add(list, "client_id", id);
  list = add(list, "sign", mac);
  list = add(list, "t", t);
  list = add(list, "sign_method", "HMAC-SHA256");
  list = add(list, "nonce", nonce);
  return token[0] ? add(list, "access_token", token) : list;
}

static void call (CURL *easy, const char *endpoint, const char *path, const char *body) {
  struct curl_slist *headers = sign(body ? "POST" : "GET", path, body ? body : "");
  CURLcode code;
  char url[512];
  snprintf(url, sizeof url, "%s%s", endpoint, path);
  if (body) headers = add(headers, "Content-Type", "application/json");
  reply_size = 0;
  curl_easy_setopt(easy, CURLOPT_URL, url);
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
  if (body) curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body);
  code = curl_easy_perform(easy);
  if (code != CURLE_OK) die(curl_easy_strerror(code));
  reply[reply_size] = '\0';
  if (!strstr(reply, "\"success\":true")) die("not the answer that was expected");
  curl_slist_free_all(headers);
}

static void take_token (void) {
  const char *p = strstr(reply, "\"access_token\":\"");
  if (!p || sscanf(p + strlen("\"access_token\":\""), "%127[^\"]", token) != 1) die("no token");
}

int main (int argc, char **argv) {
  CURL *easy;
  if (argc < 2) die("usage: cold ENDPOINT [CA_FILE]");
  curl_global_init(CURL_GLOBAL_DEFAULT);
  easy = curl_easy_init();
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
  if (argc > 2) curl_easy_setopt(easy, CURLOPT_CAINFO, argv[2]);
  call(easy, argv[1], "/v1.0/token?grant_type=1", NULL);
  take_token();
  call(easy, argv[1], getenv("BENCH_PATH"), getenv("BENCH_BODY"));
  puts("ready");
  fflush(stdout);
  curl_easy_cleanup(easy);
  curl_global_cleanup();
  return 0;
}
