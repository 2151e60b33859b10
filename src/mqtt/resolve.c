/*
** resolve.c: see resolve.h.
*/
#define _POSIX_C_SOURCE 200809L
#include <arpa/inet.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "dial.h"
#include "resolve.h"

enum { LONGEST_NAME = 255 };

struct resolve {
  watch *watch;
  dial dial;
  int done;
  size_t count;
  char addresses[RESOLVE_ADDRESSES][RESOLVE_TEXT];
};

/* Notes the address, and gives no socket for it. */
static curl_socket_t on_address (void *data, curlsocktype purpose, struct curl_sockaddr *address) {
  resolve *r = data;
  (void)purpose;
  if (r->count < RESOLVE_ADDRESSES &&
      getnameinfo(&address->addr, (socklen_t)address->addrlen, r->addresses[r->count], RESOLVE_TEXT,
                  NULL, 0, NI_NUMERICHOST) == 0)
    r->count++;
  return CURL_SOCKET_BAD;
}

static int is_address (const char *host) {
  struct in6_addr any;
  return inet_pton(AF_INET, host, &any) == 1 || inet_pton(AF_INET6, host, &any) == 1;
}

/* 0 when out of memory. */
static int ask (resolve *r, const char *host, int port, int64_t timeout) {
  static const char scheme[] = "http://";
  char url[sizeof scheme + LONGEST_NAME];
  CURL *easy = r->dial.easy;
  memcpy(url, scheme, sizeof scheme - 1);
  memcpy(url + sizeof scheme - 1, host, strlen(host) + 1);
  if (curl_easy_setopt(easy, CURLOPT_URL, url) != CURLE_OK) return 0;
  if (curl_easy_setopt(easy, CURLOPT_PROXY, "") != CURLE_OK) return 0;
  curl_easy_setopt(easy, CURLOPT_PORT, (long)port);
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_address);
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, r);
  return dial_start(&r->dial, timeout);
}

resolve *resolve_new (const char *host, int port, int64_t timeout) {
  resolve *r = calloc(1, sizeof *r);
  if (!r) return NULL;
  if (is_address(host)) {
    memcpy(r->addresses[0], host, strlen(host) + 1);
    r->count = 1;
    r->done = 1;
    return r;
  }
  r->watch = watch_new();
  if (strlen(host) <= LONGEST_NAME && r->watch && dial_open(&r->dial, r->watch) &&
      ask(r, host, port, timeout))
    return r;
  resolve_free(r);
  return NULL;
}

void resolve_free (resolve *r) {
  if (!r) return;
  dial_close(&r->dial);
  watch_free(r->watch);
  free(r);
}

int resolve_tick (resolve *r) {
  if (!r->done) r->done = dial_tick(&r->dial);
  return r->done;
}

const char *resolve_address (const resolve *r, size_t i) {
  return i < r->count ? r->addresses[i] : NULL;
}

const char *resolve_error (const resolve *r, const char **message) {
  *message = dial_message(&r->dial);
  return r->dial.code == CURLE_OPERATION_TIMEDOUT ? "timeout" : "dns";
}

int resolve_fd (const resolve *r, size_t i, watch_event *event) {
  return !r->done && watch_get(r->watch, i, event);
}

int64_t resolve_timeout (const resolve *r) {
  int64_t at = watch_clock();
  if (r->done) return 0;
  return r->dial.timer < 0 ? -1 : r->dial.timer > at ? r->dial.timer - at : 0;
}
