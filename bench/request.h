/*
** request.h: what raw.c and multi.c send by libcurl alone. The body and the headers are as
** long as ours and the list of headers is made anew each time, but nothing is signed and no
** JSON is read.
*/
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

enum { REPLY = 4096 };

typedef struct reply {
  char text[REPLY];
  size_t size;
} reply;

static void die (const char *what) {
  fprintf(stderr, "%s\n", what);
  exit(1);
}

static size_t on_body (char *p, size_t size, size_t n, void *data) {
  reply *r = data;
  if (r->size + size * n > REPLY) return 0;
  memcpy(r->text + r->size, p, size * n);
  r->size += size * n;
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

static CURL *new_easy (const char *url, const char *ca_file, reply *into) {
  CURL *easy = curl_easy_init();
  curl_easy_setopt(easy, CURLOPT_URL, url);
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_USERAGENT, "lua-tuya/0.1.0");
  curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "gzip");
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, into);
  if (ca_file) curl_easy_setopt(easy, CURLOPT_CAINFO, ca_file);
  return easy;
}

/* The headers, which are to be freed when all is done. */
static struct curl_slist *set_request (CURL *easy, reply *into) {
  struct curl_slist *headers = new_headers();
  into->size = 0;
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
  curl_easy_setopt(easy, CURLOPT_POSTFIELDS, getenv("BENCH_BODY"));
  return headers;
}

static void check (CURLcode code, const reply *got) {
  if (code != CURLE_OK) die(curl_easy_strerror(code));
  if (got->size == 0 || got->text[0] != '{') die("not the answer that was expected");
}
