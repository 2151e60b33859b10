/*
** mask.h: libcurl's words for what a socket waits for and what has come, and watch.h's. Private to
** src/curl.
*/
#ifndef TUYA_MASK_H
#define TUYA_MASK_H

#include <curl/curl.h>

#include "watch.h"

static inline int mask_to_watch (int what) {
  return what == CURL_POLL_IN      ? WATCH_IN
         : what == CURL_POLL_OUT   ? WATCH_OUT
         : what == CURL_POLL_INOUT ? WATCH_IN | WATCH_OUT
                                   : 0;
}

static inline int mask_to_curl (int what) {
  return (what & WATCH_IN ? CURL_CSELECT_IN : 0) | (what & WATCH_OUT ? CURL_CSELECT_OUT : 0) |
         (what & WATCH_ERR ? CURL_CSELECT_ERR : 0);
}

#endif
