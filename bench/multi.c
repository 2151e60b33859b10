/*
** multi.c: what many requests at once cost by libcurl alone:  multi URL COUNT IN_FLIGHT CONNECTIONS [CA_FILE]
** curl_multi_socket_action over epoll, easy handles kept and used again: the least that a C program does. The body
** and the headers are as long as ours and the list of headers is made anew each time, but nothing is signed, queued
** or given a deadline, and no JSON is read. Prints the wall ms of all and the CPU us of one, after a warm-up.
*/
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>

#include <curl/curl.h>

enum { MOST = 256, REPLY = 4096 };

typedef struct slot {
  CURL *easy;
  struct curl_slist *headers;
  char reply[REPLY];
  size_t size;
} slot;

static slot slots[MOST];
static CURLM *multi;
static int set, running;
static long timer = -1; /* ms from when libcurl said so */
static const char *url, *ca_file;

static void die (const char *what) {
  fprintf(stderr, "multi: %s\n", what);
  exit(1);
}

static double seconds (clockid_t which) {
  struct timespec t;
  clock_gettime(which, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static size_t on_body (char *p, size_t size, size_t n, void *data) {
  slot *s = data;
  if (s->size + size * n > REPLY) return 0;
  memcpy(s->reply + s->size, p, size * n);
  s->size += size * n;
  return size * n;
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

static struct curl_slist *add (struct curl_slist *list, const char *name, const char *value) {
  char line[256];
  snprintf(line, sizeof line, "%s: %s", name, value);
  return curl_slist_append(list, line);
}

static struct curl_slist *new_headers (void) {
  struct curl_slist *list = NULL;
  list = add(list, "client_id", getenv("BENCH_ID"));
  list = add(list, "sign", "0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF");
  list = add(list, "t", getenv("BENCH_T"));
  list = add(list, "sign_method", "HMAC-SHA256");
  list = add(list, "access_token", getenv("BENCH_TOKEN"));
  list = add(list, "nonce", getenv("BENCH_NONCE"));
  return add(list, "Content-Type", "application/json");
}

static void begin (slot *s) {
  if (!s->easy) {
    s->easy = curl_easy_init();
    curl_easy_setopt(s->easy, CURLOPT_URL, url);
    curl_easy_setopt(s->easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(s->easy, CURLOPT_PIPEWAIT, 1L);
    curl_easy_setopt(s->easy, CURLOPT_USERAGENT, "lua-tuya/0.1.0");
    curl_easy_setopt(s->easy, CURLOPT_ACCEPT_ENCODING, "gzip");
    curl_easy_setopt(s->easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(s->easy, CURLOPT_WRITEDATA, s);
    curl_easy_setopt(s->easy, CURLOPT_PRIVATE, s);
    curl_easy_setopt(s->easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
    if (ca_file) curl_easy_setopt(s->easy, CURLOPT_CAINFO, ca_file);
  }
  s->size = 0;
  s->headers = new_headers();
  curl_easy_setopt(s->easy, CURLOPT_HTTPHEADER, s->headers);
  curl_easy_setopt(s->easy, CURLOPT_POSTFIELDS, getenv("BENCH_BODY"));
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
    if (code != CURLE_OK) die(curl_easy_strerror(code));
    if (s->size == 0 || s->reply[0] != '{') die("not the answer that was expected");
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
  if (count <= 0 || in_flight <= 0 || in_flight > MOST) die("usage: multi URL COUNT IN_FLIGHT CONNECTIONS [CA_FILE]");
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
