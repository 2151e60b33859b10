/*
** awake.c: a process that never sleeps, for LD_PRELOAD: it asks epoll again and again.
** Waking one that sleeps is work of whoever sends to it; a worker that is measured shall not do
*more of that where it
** is slower, and the others sleep longer.
*/
#define _GNU_SOURCE
#include <dlfcn.h>
#include <sched.h>
#include <sys/epoll.h>
#include <time.h>

static long ms_since (const struct timespec *start) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (now.tv_sec - start->tv_sec) * 1000 + (now.tv_nsec - start->tv_nsec) / 1000000;
}

int epoll_wait (int epoll, struct epoll_event *events, int most, int timeout) {
  int (*real)(int, struct epoll_event *, int, int);
  struct timespec start;
  int n;
  *(void **)(&real) = dlsym(RTLD_NEXT, "epoll_wait");
  clock_gettime(CLOCK_MONOTONIC, &start);
  while ((n = real(epoll, events, most, 0)) == 0 && (timeout < 0 || ms_since(&start) < timeout))
    sched_yield(); /* the other one may be on the same processor */
  return n;
}
