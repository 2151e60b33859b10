/*
** watch.c: the set of descriptors, over epoll and, built again with TUYA_POLL, over poll.
*/
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "check.h"
#include "watch.h"

#ifdef TUYA_POLL
#define PROGRAM "c watch (poll)"
#else
#define PROGRAM "c watch (epoll)"
#endif

enum { MANY = 40, MOST = 64 };

static watch_event events[MOST];

typedef struct pair {
  int a, b;
} pair;

static pair connected (void) {
  int fds[2];
  pair p;
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) != 0) abort();
  p.a = fds[0];
  p.b = fds[1];
  return p;
}

static void disconnect (pair p) {
  close(p.a);
  close(p.b);
}

static void put (int fd) {
  if (write(fd, "x", 1) != 1) abort();
}

static void take (int fd) {
  char c;
  if (read(fd, &c, 1) != 1) abort();
}

/* What is reported of a descriptor now; 0 for nothing. */
static int what_of (watch *w, int fd) {
  int i, n = watch_wait(w, 0, events, MOST);
  for (i = 0; i < n; i++)
    if (events[i].fd == fd) return events[i].what;
  return 0;
}

static int64_t now (void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void test_empty (watch *w) {
  int64_t before;
  test("an empty set waits as long as it was told");
  check(watch_wait(w, 0, events, MOST) == 0);
  before = now();
  check(watch_wait(w, 30, events, MOST) == 0);
  check(now() - before >= 29);
}

static void test_ready (watch *w) {
  pair p = connected();
  test("what is ready is reported, again and again until it is dealt with");
  check(watch_set(w, p.a, WATCH_IN));
  check(what_of(w, p.a) == 0);
  put(p.b);
  check(what_of(w, p.a) == WATCH_IN);
  check(what_of(w, p.a) == WATCH_IN);
  take(p.a);
  check(what_of(w, p.a) == 0);
  check(watch_set(w, p.a, 0));
  disconnect(p);
}

static void test_change (watch *w) {
  pair p = connected();
  test("what is watched for can be changed");
  put(p.b);
  check(watch_set(w, p.a, WATCH_IN));
  check(watch_set(w, p.a, WATCH_OUT));
  check(what_of(w, p.a) == WATCH_OUT);
  check(watch_set(w, p.a, WATCH_IN | WATCH_OUT));
  check(what_of(w, p.a) == (WATCH_IN | WATCH_OUT));
  check(watch_set(w, p.a, 0));
  check(what_of(w, p.a) == 0);
  disconnect(p);
}

static void test_removed (watch *w) {
  pair p = connected(), q = connected();
  test("taking out what is not there is no error, and leaves the others");
  put(p.b);
  put(q.b);
  check(watch_set(w, p.a, WATCH_IN));
  check(watch_set(w, q.a, WATCH_IN));
  check(watch_set(w, p.a, 0));
  check(watch_set(w, p.a, 0));
  check(watch_set(w, 9999, 0));
  check(what_of(w, p.a) == 0);
  check(what_of(w, q.a) == WATCH_IN);
  check(watch_set(w, q.a, 0));
  disconnect(p);
  disconnect(q);
}

static void test_closed (watch *w) {
  pair p = connected(), q;
  int kept;
  test("a descriptor closed before it is taken out does no harm to its successor");
  check(watch_set(w, p.a, WATCH_IN));
  kept = dup(p.b); /* holds the place of p.b, so that p.a's number is the next free one */
  close(p.a);
  check(watch_set(w, p.a, 0));
  check(watch_wait(w, 0, events, MOST) == 0);
  q = connected();
  check(q.a == p.a);
  check(watch_set(w, q.a, WATCH_OUT));
  check(what_of(w, q.a) == WATCH_OUT);
  check(watch_set(w, q.a, 0));
  close(kept);
  close(p.b);
  disconnect(q);
}

static void test_closed_unnoticed (watch *w) {
  pair p = connected(), q;
  test("a number that is used again without a word can be watched again");
  check(watch_set(w, p.a, WATCH_IN));
  disconnect(p);
  q = connected();
  check(q.a == p.a);
  check(watch_set(w, q.a, WATCH_IN));
  check(what_of(w, q.a) == 0);
  put(q.b);
  check(what_of(w, q.a) == WATCH_IN);
  check(watch_set(w, q.a, 0));
  disconnect(q);
}

static void test_hang_up (watch *w) {
  int fds[2];
  test("a hang-up is reported even to whom it may not concern");
  if (pipe(fds) != 0) abort();
  check(watch_set(w, fds[0], WATCH_IN));
  close(fds[1]);
  check((what_of(w, fds[0]) & WATCH_ERR) != 0);
  check(watch_set(w, fds[0], 0));
  close(fds[0]);
}

static void test_most (watch *w) {
  pair p[3];
  int i;
  test("no more events are written than there is room for");
  for (i = 0; i < 3; i++) {
    p[i] = connected();
    check(watch_set(w, p[i].a, WATCH_OUT));
  }
  events[2].fd = events[2].what = 4711;
  check(watch_wait(w, 0, events, 2) == 2);
  check(events[2].fd == 4711 && events[2].what == 4711);
  for (i = 0; i < 3; i++) {
    check(watch_set(w, p[i].a, 0));
    disconnect(p[i]);
  }
}

/* Reads the byte of each that is reported; how many there were. */
static int take_all (watch *w) {
  int i, n, all = 0;
  while ((n = watch_wait(w, 0, events, MOST)) > 0) {
    for (i = 0; i < n; i++)
      take(events[i].fd);
    all += n;
  }
  return all;
}

static void test_many (watch *w) {
  static pair p[MANY];
  int i;
  test("forty descriptors, each reported once");
  for (i = 0; i < MANY; i++) {
    p[i] = connected();
    check(watch_set(w, p[i].a, WATCH_IN));
    put(p[i].b);
  }
  check(take_all(w) == MANY);
  for (i = 0; i < MANY; i += 2)
    check(watch_set(w, p[i].a, 0));
  for (i = 0; i < MANY; i++)
    put(p[i].b);
  check(take_all(w) == MANY / 2);
  for (i = 0; i < MANY; i++) {
    check(watch_set(w, p[i].a, 0));
    disconnect(p[i]);
  }
}

int main (void) {
  watch *w = watch_new();
  test("a set can be made, and none freed");
  check(w != NULL);
  watch_free(NULL);
  test_empty(w);
  test_ready(w);
  test_change(w);
  test_removed(w);
  test_closed(w);
  test_closed_unnoticed(w);
  test_hang_up(w);
  test_most(w);
  test_many(w);
  watch_free(w);
  return finish(PROGRAM);
}
