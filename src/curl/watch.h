/*
** watch.h: a set of descriptors to wait on. Private to src/curl.
** The idea: level-triggered, so that an event not dealt with is simply reported again.
** epoll on Linux, poll elsewhere or with -DTUYA_POLL.
*/
#ifndef TUYA_WATCH_H
#define TUYA_WATCH_H

#include <stddef.h>
#include <stdint.h>

#pragma GCC visibility push(hidden)

enum { WATCH_IN = 1, WATCH_OUT = 2, WATCH_ERR = 4 };

typedef struct watch watch;

typedef struct watch_event {
  int fd, what;
} watch_event;

watch *watch_new (void);
void watch_free (watch *w);

/* what == 0 takes the descriptor out. 0 when out of memory. */
int watch_set (watch *w, int fd, int what);

/* What a host waits for in our stead: entry i, from 0; 0 when there are no more. */
int watch_get (const watch *w, size_t i, watch_event *event);

/* Up to max events within ms (-1: for ever); how many. */
int watch_wait (watch *w, int64_t ms, watch_event *events, int max);

/* ms of a clock that is never set, for deadlines. */
int64_t watch_clock (void);

#pragma GCC visibility pop

#endif
