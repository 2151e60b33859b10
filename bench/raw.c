/*
** raw.c: what one request costs by libcurl alone:  raw URL COUNT [CA_FILE]
** One easy handle on one kept connection: the least that a C program does. The body and the headers are as
** long as ours and the list of headers is made anew each time, but nothing is signed and no JSON is read.
** Prints the CPU microseconds of one request, user and system, after a fifth more as a warm-up.
*/
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <curl/curl.h>

static char reply[4096];
static size_t reply_size;

static void die (const char *what) {
  fprintf(stderr, "raw: %s\n", what);
  exit(1);
}

static size_t on_body (char *p, size_t size, size_t n, void *data) {
  (void)data;
  if (reply_size + size * n > sizeof reply) return 0;
  memcpy(reply + reply_size, p, size * n);
  reply_size += size * n;
  return size * n;
}

static struct curl_slist *add (struct curl_slist *list, const char *name, const char *value) {
  char line[256];
  snprintf(line, sizeof line, "%s: %s", name, value);
  return curl_slist_append(list, line);
}

static struct curl_slist *new_headers (void) {
  struct curl_slist *list = NULL;
  list = add(list, "client_id", getenv("BENCH_ID"));
  list = add(list, "sign", "0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF");
  list = add(list, "t", getenv("BENCH_T"));
  list = add(list, "sign_method", "HMAC-SHA256");
  list = add(list, "access_token", getenv("BENCH_TOKEN"));
  list = add(list, "nonce", getenv("BENCH_NONCE"));
  return add(list, "Content-Type", "application/json");
}

static CURL *new_easy (const char *url, const char *ca_file) {
  CURL *easy = curl_easy_init();
  curl_easy_setopt(easy, CURLOPT_URL, url);
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_USERAGENT, "lua-tuya/0.1.0");
  curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "gzip");
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
  if (ca_file) curl_easy_setopt(easy, CURLOPT_CAINFO, ca_file);
  return easy;
}

static void post (CURL *easy) {
  struct curl_slist *headers = new_headers();
  CURLcode code;
  reply_size = 0;
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
  curl_easy_setopt(easy, CURLOPT_POSTFIELDS, getenv("BENCH_BODY"));
  code = curl_easy_perform(easy);
  if (code != CURLE_OK) die(curl_easy_strerror(code));
  if (reply_size == 0 || reply[0] != '{') die("not the answer that was expected");
  curl_slist_free_all(headers);
}

int main (int argc, char **argv) {
  long i, count = argc > 2 ? atol(argv[2]) : 0;
  clock_t start;
  CURL *easy;
  if (count <= 0) die("usage: raw URL COUNT [CA_FILE]");
  curl_global_init(CURL_GLOBAL_DEFAULT);
  easy = new_easy(argv[1], argc > 3 ? argv[3] : NULL);
  for (i = 0; i < count / 5; i++)
    post(easy);
  start = clock();
  for (i = 0; i < count; i++)
    post(easy);
  printf("%.2f ", (double)(clock() - start) * (1e6 / CLOCKS_PER_SEC) / (double)count);
  puts(curl_version());
  curl_easy_cleanup(easy);
  return 0;
}
