/*
** raw.c: what one request costs by libcurl alone:  raw URL COUNT [CA_FILE]
** One easy handle on one kept connection: the least that a C program does (request.h).
** Prints the CPU microseconds of one request, user and system, after a fifth more as a warm-up.
*/
#include <time.h>

#include "request.h"

static void post (CURL *easy, reply *got) {
  struct curl_slist *headers = set_request(easy, got);
  check(curl_easy_perform(easy), got);
  curl_slist_free_all(headers);
}

int main (int argc, char **argv) {
  long i, count = argc > 2 ? atol(argv[2]) : 0;
  clock_t start;
  CURL *easy;
  reply got;
  if (count <= 0) die("usage: raw URL COUNT [CA_FILE]");
  curl_global_init(CURL_GLOBAL_DEFAULT);
  easy = new_easy(argv[1], argc > 3 ? argv[3] : NULL, &got);
  for (i = 0; i < count / 5; i++)
    post(easy, &got);
  start = clock();
  for (i = 0; i < count; i++)
    post(easy, &got);
  printf("%.2f ", (double)(clock() - start) * (1e6 / CLOCKS_PER_SEC) / (double)count);
  puts(curl_version());
  curl_easy_cleanup(easy);
  return 0;
}
