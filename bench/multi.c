/*
** multi.c: what many requests at once cost by libcurl alone:  multi URL COUNT IN_FLIGHT
** CONNECTIONS [CA_FILE]
** curl_multi_socket_action over epoll, easy handles kept and used again: the least that a C
** program does (request.h); nothing is queued or given a deadline. Prints the wall ms of all and
** the CPU us of one, after a warm-up.
*/
#include <sys/epoll.h>
#include <time.h>

#include "request.h"

enum { MOST = 256 };

typedef struct slot {
  CURL *easy;
  struct curl_slist *headers;
  reply got;
} slot;

static slot slots[MOST];
static CURLM *multi;
static int set, running;
static long timer = -1; /* ms from when libcurl said so */
static const char *url, *ca_file;

static double seconds (clockid_t which) {
  struct timespec t;
  clock_gettime(which, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int on_socket (CURL *easy, curl_socket_t fd, int what, void *data, void *known) {
  struct epoll_event event = {0};
  (void)easy, (void)data;
  event.data.fd = fd;
  event.events = (what & CURL_POLL_IN ? EPOLLIN : 0u) | (what & CURL_POLL_OUT ? EPOLLOUT : 0u);
  if (what == CURL_POLL_REMOVE) epoll_ctl(set, EPOLL_CTL_DEL, fd, &event);
  else epoll_ctl(set, known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event);
  curl_multi_assign(multi, fd, what == CURL_POLL_REMOVE ? NULL : slots);
  return 0;
}

static int on_timer (CURLM *m, long ms, void *data) {
  (void)m, (void)data;
  timer = ms;
  return 0;
}

static void begin (slot *s) {
  if (!s->easy) {
    s->easy = new_easy(url, ca_file, &s->got);
    curl_easy_setopt(s->easy, CURLOPT_PIPEWAIT, 1L);
    curl_easy_setopt(s->easy, CURLOPT_PRIVATE, s);
    curl_easy_setopt(s->easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
  }
  s->headers = set_request(s->easy, &s->got);
  if (curl_multi_add_handle(multi, s->easy) != CURLM_OK) die("curl_multi_add_handle");
}

/* Ends what is done; how many. */
static long harvest (long *left) {
  CURLMsg *msg;
  int queued;
  long n = 0;
  while ((msg = curl_multi_info_read(multi, &queued)) != NULL) {
    CURL *easy = msg->easy_handle;
    CURLcode code = msg->data.result;
    char *private = NULL;
    slot *s;
    curl_easy_getinfo(easy, CURLINFO_PRIVATE, &private);
    s = (slot *)(void *)private;
    check(code, &s->got);
    curl_multi_remove_handle(multi, easy);
    curl_slist_free_all(s->headers);
    n++;
    if (*left > 0) {
      (*left)--;
      begin(s);
    }
  }
  return n;
}

static void run (long count, int in_flight) {
  struct epoll_event events[64];
  long left = count, done = 0;
  int i, n;
  for (i = 0; i < in_flight && left > 0; i++, left--)
    begin(&slots[i]);
  while (done < count) {
    n = epoll_wait(set, events, 64, timer < 0 ? 1000 : (int)timer);
    if (n == 0) {
      timer = -1;
      curl_multi_socket_action(multi, CURL_SOCKET_TIMEOUT, 0, &running);
    }
    for (i = 0; i < n; i++)
      curl_multi_socket_action(multi, events[i].data.fd,
                               (events[i].events & EPOLLIN ? CURL_CSELECT_IN : 0) |
                                   (events[i].events & EPOLLOUT ? CURL_CSELECT_OUT : 0),
                               &running);
    done += harvest(&left);
  }
}

int main (int argc, char **argv) {
  long count = argc > 4 ? atol(argv[2]) : 0;
  int in_flight = argc > 4 ? atoi(argv[3]) : 0;
  double wall, cpu;
  if (count <= 0 || in_flight <= 0 || in_flight > MOST)
    die("usage: multi URL COUNT IN_FLIGHT CONNECTIONS [CA_FILE]");
  url = argv[1];
  ca_file = argc > 5 ? argv[5] : NULL;
  curl_global_init(CURL_GLOBAL_DEFAULT);
  set = epoll_create1(0);
  multi = curl_multi_init();
  curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_socket);
  curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_timer);
  curl_multi_setopt(multi, CURLMOPT_MAX_HOST_CONNECTIONS, atol(argv[4]));
  curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, atol(argv[4]));
  run(in_flight * 2, in_flight);
  wall = seconds(CLOCK_MONOTONIC);
  cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
  run(count, in_flight);
  printf("%.1f %.2f\n", (seconds(CLOCK_MONOTONIC) - wall) * 1e3,
         (seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu) * 1e6 / (double)count);
  return 0;
}
