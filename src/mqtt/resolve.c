/*
** resolve.c: see resolve.h.
** The danger: a resolver's thread that outlives us: with QUICK_EXIT libcurl leaves it to itself.
*/
#define _POSIX_C_SOURCE 200809L
#include <arpa/inet.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include <curl/curl.h>

#include "resolve.h"

enum { EVENTS = 8, LONGEST_NAME = 255 };

struct resolve {
  CURLM *multi;
  CURL *easy;
  watch *watch;
  int64_t timer; /* when libcurl wants to be called; -1: it does not */
  int done;
  CURLcode code;
  size_t count;
  char addresses[RESOLVE_ADDRESSES][RESOLVE_TEXT];
  char text[CURL_ERROR_SIZE];
};

static int64_t now (void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* --- what libcurl calls --- */

static int on_socket (CURL *easy, curl_socket_t fd, int what, void *data, void *unused) {
  resolve *r = data;
  int mask = what == CURL_POLL_IN      ? WATCH_IN
             : what == CURL_POLL_OUT   ? WATCH_OUT
             : what == CURL_POLL_INOUT ? WATCH_IN | WATCH_OUT
                                       : 0;
  (void)easy, (void)unused;
  return watch_set(r->watch, fd, mask) ? 0 : -1;
}

static int on_timer (CURLM *multi, long ms, void *data) {
  resolve *r = data;
  (void)multi;
  r->timer = ms < 0 ? -1 : now() + ms;
  return 0;
}

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

/* --- asking --- */

static int is_address (const char *host) {
  struct in6_addr any;
  return inet_pton(AF_INET, host, &any) == 1 || inet_pton(AF_INET6, host, &any) == 1;
}

/* 0 when out of memory. */
static int ask (resolve *r, const char *host, int port, int64_t timeout) {
  static const char scheme[] = "http://";
  char url[sizeof scheme + LONGEST_NAME];
  CURL *easy = r->easy;
  memcpy(url, scheme, sizeof scheme - 1);
  memcpy(url + sizeof scheme - 1, host, strlen(host) + 1);
  if (curl_easy_setopt(easy, CURLOPT_URL, url) != CURLE_OK) return 0;
  if (curl_easy_setopt(easy, CURLOPT_PROXY, "") != CURLE_OK) return 0;
  curl_easy_setopt(easy, CURLOPT_PORT, (long)port);
  curl_easy_setopt(easy, CURLOPT_CONNECT_ONLY, 1L);
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)timeout);
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_address);
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, r);
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, r->text);
  curl_multi_setopt(r->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
  curl_multi_setopt(r->multi, CURLMOPT_SOCKETDATA, r);
  curl_multi_setopt(r->multi, CURLMOPT_TIMERFUNCTION, on_timer);
  curl_multi_setopt(r->multi, CURLMOPT_TIMERDATA, r);
  return curl_multi_add_handle(r->multi, easy) == CURLM_OK;
}

resolve *resolve_new (const char *host, int port, int64_t timeout) {
  resolve *r = calloc(1, sizeof *r);
  if (!r) return NULL;
  r->timer = -1;
  if (is_address(host)) {
    memcpy(r->addresses[0], host, strlen(host) + 1);
    r->count = 1;
    r->done = 1;
    return r;
  }
  r->watch = watch_new();
  r->easy = curl_easy_init(); /* the first initialises libcurl */
  r->multi = curl_multi_init();
  if (strlen(host) <= LONGEST_NAME && r->watch && r->multi && r->easy &&
      ask(r, host, port, timeout))
    return r;
  resolve_free(r);
  return NULL;
}

void resolve_free (resolve *r) {
  if (!r) return;
  if (r->multi && r->easy) curl_multi_remove_handle(r->multi, r->easy);
  curl_easy_cleanup(r->easy);
  curl_multi_cleanup(r->multi);
  watch_free(r->watch);
  free(r);
}

static void act (resolve *r) {
  watch_event events[EVENTS];
  int i, running, n = watch_wait(r->watch, 0, events, EVENTS);
  for (i = 0; i < n; i++)
    curl_multi_socket_action(r->multi, events[i].fd, CURL_CSELECT_IN, &running);
  if (r->timer >= 0 && now() >= r->timer) {
    r->timer = -1;
    curl_multi_socket_action(r->multi, CURL_SOCKET_TIMEOUT, 0, &running);
  }
}

int resolve_tick (resolve *r) {
  CURLMsg *m;
  int left;
  if (r->done) return 1;
  act(r);
  while ((m = curl_multi_info_read(r->multi, &left)) != NULL) {
    if (m->msg != CURLMSG_DONE) continue;
    r->done = 1;
    r->code = m->data.result;
  }
  return r->done;
}

const char *resolve_address (const resolve *r, size_t i) {
  return i < r->count ? r->addresses[i] : NULL;
}

const char *resolve_error (const resolve *r, const char **message) {
  *message = r->text[0] ? r->text : curl_easy_strerror(r->code);
  return r->code == CURLE_OPERATION_TIMEDOUT ? "timeout" : "dns";
}

int resolve_fd (const resolve *r, size_t i, watch_event *event) {
  return !r->done && watch_get(r->watch, i, event);
}

int64_t resolve_timeout (const resolve *r) {
  int64_t at = now();
  if (r->done) return 0;
  return r->timer < 0 ? -1 : r->timer > at ? r->timer - at : 0;
}
