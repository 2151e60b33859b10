/*
** watch.c: watch.h over epoll, or over poll where there is none.
** The danger: libcurl may have closed a descriptor before it says so, and epoll forgets closed
** ones by itself; so taking out what is not there is no error.
*/
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "watch.h"

int64_t watch_clock (void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int clamp (int64_t ms) { return ms < 0 ? -1 : ms > INT_MAX ? INT_MAX : (int)ms; }

#if defined(__linux__) && !defined(TUYA_POLL)

#include <sys/epoll.h>

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
void AnnotateIgnoreReadsBegin (const char *file, int line);
void AnnotateIgnoreReadsEnd (const char *file, int line);
#define IGNORE_READS_BEGIN() AnnotateIgnoreReadsBegin(__FILE__, __LINE__)
#define IGNORE_READS_END() AnnotateIgnoreReadsEnd(__FILE__, __LINE__)
#endif
#endif
#ifndef IGNORE_READS_BEGIN
#define IGNORE_READS_BEGIN() ((void)0)
#define IGNORE_READS_END() ((void)0)
#endif

enum { BATCH = 16 };

struct watch {
  int epoll;
};

watch *watch_new (void) {
  watch *w = malloc(sizeof *w);
  if (!w) return NULL;
  w->epoll = epoll_create1(EPOLL_CLOEXEC);
  if (w->epoll >= 0) return w;
  free(w);
  return NULL;
}

void watch_free (watch *w) {
  if (!w) return;
  close(w->epoll);
  free(w);
}

/*
** What libcurl has closed already may be another thread's by now. The kernel then finds no such
** entry in this set, and nothing happens; ThreadSanitizer would take it for a race.
*/
static void forget (const watch *w, int fd) {
  struct epoll_event unused = {0};
  IGNORE_READS_BEGIN();
  epoll_ctl(w->epoll, EPOLL_CTL_DEL, fd, &unused);
  IGNORE_READS_END();
}

int watch_set (watch *w, int fd, int what) {
  struct epoll_event event = {0};
  if (what == 0) {
    forget(w, fd);
    return 1;
  }
  event.events =
      (what & WATCH_IN ? (uint32_t)EPOLLIN : 0) | (what & WATCH_OUT ? (uint32_t)EPOLLOUT : 0);
  event.data.fd = fd;
  /* libcurl takes a connection out after each transfer, so it is mostly not there */
  if (epoll_ctl(w->epoll, EPOLL_CTL_ADD, fd, &event) == 0) return 1;
  return errno == EEXIST && epoll_ctl(w->epoll, EPOLL_CTL_MOD, fd, &event) == 0;
}

/* An epoll set is itself a descriptor, readable when one of its own is ready. */
int watch_get (const watch *w, size_t i, watch_event *event) {
  event->fd = w->epoll;
  event->what = WATCH_IN;
  return i == 0;
}

int watch_wait (watch *w, int64_t ms, watch_event *events, int max) {
  struct epoll_event got[BATCH];
  int i, n = epoll_wait(w->epoll, got, max < BATCH ? max : BATCH, clamp(ms));
  for (i = 0; i < n; i++) {
    uint32_t what = got[i].events;
    events[i].fd = got[i].data.fd;
    events[i].what = (what & EPOLLIN ? WATCH_IN : 0) | (what & EPOLLOUT ? WATCH_OUT : 0) |
                     (what & (EPOLLERR | EPOLLHUP) ? WATCH_ERR : 0);
  }
  return n < 0 ? 0 : n;
}

#else

#include <poll.h>

struct watch {
  struct pollfd *fds;
  size_t n, cap;
};

watch *watch_new (void) { return calloc(1, sizeof(watch)); }

void watch_free (watch *w) {
  if (!w) return;
  free(w->fds);
  free(w);
}

static int grow (watch *w) {
  size_t cap = w->cap ? 2 * w->cap : 8;
  struct pollfd *fds = realloc(w->fds, cap * sizeof *fds);
  if (!fds) return 0;
  w->fds = fds;
  w->cap = cap;
  return 1;
}

int watch_set (watch *w, int fd, int what) {
  size_t i = 0;
  while (i < w->n && w->fds[i].fd != fd)
    i++;
  if (what == 0) {
    if (i < w->n) w->fds[i] = w->fds[--w->n];
    return 1;
  }
  if (i == w->cap && !grow(w)) return 0;
  if (i == w->n) w->n++;
  w->fds[i].fd = fd;
  w->fds[i].events = (short)((what & WATCH_IN ? POLLIN : 0) | (what & WATCH_OUT ? POLLOUT : 0));
  w->fds[i].revents = 0;
  return 1;
}

int watch_get (const watch *w, size_t i, watch_event *event) {
  if (i >= w->n) return 0;
  event->fd = w->fds[i].fd;
  event->what =
      (w->fds[i].events & POLLIN ? WATCH_IN : 0) | (w->fds[i].events & POLLOUT ? WATCH_OUT : 0);
  return 1;
}

int watch_wait (watch *w, int64_t ms, watch_event *events, int max) {
  size_t i;
  int n = 0;
  if (poll(w->fds, (nfds_t)w->n, clamp(ms)) <= 0) return 0;
  for (i = 0; i < w->n && n < max; i++) {
    short what = w->fds[i].revents;
    if (what == 0) continue;
    events[n].fd = w->fds[i].fd;
    events[n++].what = (what & POLLIN ? WATCH_IN : 0) | (what & POLLOUT ? WATCH_OUT : 0) |
                       (what & (POLLERR | POLLHUP | POLLNVAL) ? WATCH_ERR : 0);
  }
  return n;
}

#endif
