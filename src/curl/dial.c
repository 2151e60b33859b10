/*
** dial.c: see dial.h.
** The danger: a resolver's thread that outlives us (with QUICK_EXIT libcurl leaves it to itself),
** and what libcurl quotes: a proxy's URL, with the password that may stand in it.
*/
#include <string.h>

#include "dial.h"
#include "mask.h"

enum { EVENTS = 8 };

/* --- what libcurl calls --- */

static int on_socket (CURL *easy, curl_socket_t fd, int what, void *data, void *unused) {
  dial *d = data;
  (void)easy, (void)unused;
  return d->is_done || watch_set(d->watch, fd, mask_to_watch(what)) ? 0 : -1;
}

static int on_timer (CURLM *multi, long ms, void *data) {
  dial *d = data;
  (void)multi;
  d->timer = ms < 0 ? -1 : watch_clock() + ms;
  return 0;
}

/* --- dialling --- */

int dial_open (dial *d, watch *lent) {
  d->watch = lent;
  d->timer = -1;
  d->easy = curl_easy_init(); /* the first initialises libcurl */
  d->multi = curl_multi_init();
  return d->easy && d->multi;
}

void dial_close (dial *d) {
  if (d->multi && d->easy) curl_multi_remove_handle(d->multi, d->easy);
  curl_easy_cleanup(d->easy);
  curl_multi_cleanup(d->multi);
}

int dial_start (dial *d, int64_t timeout) {
  curl_easy_setopt(d->easy, CURLOPT_CONNECT_ONLY, 1L);
  curl_easy_setopt(d->easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(d->easy, CURLOPT_QUICK_EXIT, 1L);
  curl_easy_setopt(d->easy, CURLOPT_CONNECTTIMEOUT_MS, (long)timeout);
  curl_easy_setopt(d->easy, CURLOPT_ERRORBUFFER, d->text);
  curl_multi_setopt(d->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
  curl_multi_setopt(d->multi, CURLMOPT_SOCKETDATA, d);
  curl_multi_setopt(d->multi, CURLMOPT_TIMERFUNCTION, on_timer);
  curl_multi_setopt(d->multi, CURLMOPT_TIMERDATA, d);
  return curl_multi_add_handle(d->multi, d->easy) == CURLM_OK;
}

/* The descriptors that are due, and libcurl's timer. */
static void act (dial *d) {
  watch_event events[EVENTS];
  int i, running, n = watch_wait(d->watch, 0, events, EVENTS);
  for (i = 0; i < n; i++)
    curl_multi_socket_action(d->multi, events[i].fd, mask_to_curl(events[i].what), &running);
  if (d->timer >= 0 && watch_clock() >= d->timer) {
    d->timer = -1;
    curl_multi_socket_action(d->multi, CURL_SOCKET_TIMEOUT, 0, &running);
  }
}

int dial_tick (dial *d) {
  CURLMsg *m;
  int left;
  if (!d->is_done) act(d);
  while ((m = curl_multi_info_read(d->multi, &left)) != NULL) {
    if (m->msg != CURLMSG_DONE) continue;
    d->is_done = 1;
    d->code = m->data.result;
  }
  return d->is_done;
}

const char *dial_message (const dial *d) {
  if (strncmp(d->text, "Unsupported proxy", 17) == 0) return "the proxy's URL cannot be understood";
  return d->text[0] ? d->text : curl_easy_strerror(d->code);
}
