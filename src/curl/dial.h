/*
** dial.h: one connection that libcurl makes and then leaves alone, driven by ticks. Private to
** src/websocket and src/mqtt.
** The idea: an easy handle in a multi of its own, its descriptors in a set that is lent. Whoever
** dials sets what is to be dialled, and has the easy handle afterwards.
*/
#ifndef TUYA_DIAL_H
#define TUYA_DIAL_H

#include <stdint.h>

#include <curl/curl.h>

#include "watch.h"

#pragma GCC visibility push(hidden)

typedef struct dial {
  CURL *easy;
  CURLM *multi;
  watch *watch;
  int64_t timer; /* when libcurl wants to be called; -1: it does not */
  int is_done;   /* then the set is the owner's alone */
  CURLcode code; /* once it is done */
  char text[CURL_ERROR_SIZE];
} dial;

/* 0 when out of memory; dial_close is due all the same. */
int dial_open (dial *d, watch *lent);
void dial_close (dial *d);

/* Begins, within ms; 0 when libcurl refuses. */
int dial_start (dial *d, int64_t timeout);

/* Moves on what can move without waiting; whether it is done. */
int dial_tick (dial *d);

/* Why there is no connection, for people. */
const char *dial_message (const dial *d);

#pragma GCC visibility pop

#endif
