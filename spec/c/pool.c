/*
** pool.c: the pool against a server that the test plays itself, step by step.
** The idea: every way in which a connection can end is made to happen, and what the pool says
** of it (which error, and above all `sent`) is compared with what the server saw.
** The danger: the worst that a client can do is to send a command twice; the server counts.
*/
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/resource.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <curl/curl.h>

#include "check.h"
#include "loopback.h"
#include "sample.h"
#include "tuya_curl.h"

#ifdef TUYA_POLL
#define PROGRAM "c pool (poll)"
#else
#define PROGRAM "c pool (epoll)"
#endif

/* In ms: until a test gives up; in which nothing may come. */
enum { PATIENCE = 20000, SILENCE = 50, PEERS = 64 };

#define ANSWER "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"

typedef struct stage {
  tuya_pool_options options;
  tuya_pool *pool;
  int listener, port, descriptors;
  char endpoint[64];
  peer peers[PEERS]; /* in the order in which they connected */
  int npeers;
  int lane; /* of what is started */
} stage;

static int64_t now (void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int open_descriptors (void) {
  DIR *dir = opendir("/proc/self/fd");
  int n = 0;
  while (dir && readdir(dir))
    n++;
  if (dir) closedir(dir);
  return n;
}

/* --- the stage --- */

/* Begins a test. Options that it wants are set before open_pool. */
static void begin (stage *s, const char *name) {
  test(name);
  memset(s, 0, sizeof *s);
  s->descriptors = open_descriptors();
  s->listener = loopback_listen(&s->port, 64);
  snprintf(s->endpoint, sizeof s->endpoint, "http://127.0.0.1:%d", s->port);
  s->options.endpoint = s->endpoint;
  s->options.proxy = ""; /* whatever the environment says */
}

static void open_pool (stage *s) {
  s->pool = tuya_pool_new(&s->options);
  if (!check(s->pool != NULL)) abort();
}

/* Ends it: all that was opened is closed again. */
static void end (stage *s) {
  int i;
  tuya_pool_free(s->pool);
  for (i = 0; i < s->npeers; i++)
    peer_close(&s->peers[i]);
  close(s->listener);
  about("descriptors");
  check(open_descriptors() == s->descriptors);
}

static void accept_all (stage *s) {
  int fd;
  while (s->npeers < PEERS && (fd = loopback_accept(s->listener)) >= 0)
    peer_init(&s->peers[s->npeers++], fd);
}

/* One turn: the pool moves, then connections and bytes come in. */
static void turn (stage *s) {
  int i;
  tuya_pool_tick(s->pool, 0);
  accept_all(s);
  for (i = 0; i < s->npeers; i++)
    if (s->peers[i].fd >= 0) peer_read(&s->peers[i]);
  tuya_pool_wait(s->pool, 1);
}

static void turn_for (stage *s, int ms) {
  int64_t until = now() + ms;
  while (now() < until)
    turn(s);
}

/* The i-th connection that was made. */
static peer *await_peer (stage *s, int i) {
  int64_t until = now() + PATIENCE;
  while (s->npeers <= i && now() < until)
    turn(s);
  if (!check(s->npeers > i)) abort();
  return &s->peers[i];
}

/* The next request on it, as text; its bytes count as dealt with. */
static const char *await_request (stage *s, peer *p) {
  int64_t until = now() + PATIENCE;
  const char *request;
  size_t n;
  while ((n = peer_request(p)) == 0 && !p->ended && now() < until)
    turn(s);
  check(n > 0);
  request = p->in + p->used;
  p->used += n;
  return request;
}

static void answer (peer *p, const char *text) { peer_write(p, text, strlen(text)); }

static int await_reply (stage *s, int64_t id, tuya_reply *reply) {
  int64_t until = now() + PATIENCE;
  int taken;
  while (!(taken = tuya_pool_take(s->pool, id, reply)) && now() < until)
    turn(s);
  return check(taken);
}

static void check_reply (stage *s, int64_t id, tuya_net error, tuya_sent sent, long status) {
  tuya_reply reply;
  if (!await_reply(s, id, &reply)) return;
  check(reply.id == id);
  check(reply.error == error);
  check(reply.sent == sent);
  check(reply.status == status);
  check((reply.message[0] != '\0') == (error != TUYA_NET_OK));
}

static void check_good (stage *s, int64_t id) {
  tuya_reply reply;
  if (!await_reply(s, id, &reply)) return;
  check(reply.error == TUYA_NET_OK && reply.sent == TUYA_SENT_YES && reply.status == 200);
  check_same(reply.body.p, reply.body.n, "{}", 2);
}

/* --- requests --- */

static void a_request (sample *r, const char *method, const char *path, const char *body) {
  sample_init(r);
  r->request.method = guarded_str(method);
  r->request.path = guarded_str(path);
  r->request.body = guarded_str(body);
}

/* Starts it, and takes away all that it was made of. */
static int64_t start_sample (stage *s, const sample *r, int64_t timeout) {
  tuya_limits limits = {0};
  tuya_sealed *sealed = sample_seal(r, NULL);
  int64_t id = 0;
  limits.timeout = timeout;
  limits.lane = s->lane;
  if (check(sealed != NULL))
    id = tuya_pool_start(s->pool, sealed, timeout || s->lane ? &limits : NULL);
  guarded_free_all();
  return id;
}

static int64_t start_limited (stage *s, const char *method, const char *body, int64_t timeout) {
  sample r;
  int64_t id;
  a_request(&r, method, "/v1.0/devices/x", body);
  id = start_sample(s, &r, timeout);
  check(id > 0);
  return id;
}

static int64_t start (stage *s, const char *method, const char *body) {
  return start_limited(s, method, body, 0);
}

/* A whole exchange on the i-th connection. */
static void exchange (stage *s, int i, const char *method, const char *body) {
  int64_t id = start(s, method, body);
  peer *p = await_peer(s, i);
  await_request(s, p);
  answer(p, ANSWER);
  check_good(s, id);
}

/* How often a line that begins so stands in a head, whatever its case. */
static int lines (const char *head, const char *name) {
  int n = 0;
  const char *line = head;
  while ((line = strstr(line, "\r\n")) != NULL && strncmp(line, "\r\n\r\n", 4) != 0) {
    line += 2;
    n += strncasecmp(line, name, strlen(name)) == 0;
  }
  return n;
}

static int has_line (const char *head, const char *line) {
  char whole[256];
  const char *found, *end = strstr(head, "\r\n\r\n");
  snprintf(whole, sizeof whole, "\r\n%s\r\n", line);
  found = strstr(head, whole);
  return found && end && found <= end;
}

/* --- what is sent --- */

static void test_endpoint (stage *s) {
  tuya_limits limits = {0};
  char there[sizeof s->endpoint], host[sizeof s->endpoint + sizeof "Host: "];
  const char *head;
  sample r;
  int64_t id;
  begin(s, "a request with an endpoint of its own goes there, and the next one to the pool's");
  memcpy(there, s->endpoint, sizeof there);
  snprintf(host, sizeof host, "Host: %s", there + strlen("http://"));
  snprintf(s->endpoint, sizeof s->endpoint, "http://127.0.0.1:%d", loopback_refusing_port());
  open_pool(s);
  limits.endpoint = there;
  a_request(&r, "POST", "/x", "{}");
  id = tuya_pool_start(s->pool, sample_seal(&r, NULL), &limits);
  memset(there, 'x', sizeof there - 1);
  guarded_free_all();
  head = await_request(s, await_peer(s, 0));
  check(has_line(head, host));
  answer(&s->peers[0], ANSWER);
  check_good(s, id);
  check_reply(s, start(s, "POST", "{}"), TUYA_NET_CONNECT, TUYA_SENT_NO, 0);
  end(s);
}

static void test_reuse (stage *s) {
  int i;
  begin(s, "requests one after the other share a connection");
  open_pool(s);
  for (i = 0; i < 5; i++)
    exchange(s, 0, i % 2 ? "POST" : "GET", i % 2 ? "{}" : "");
  check(s->npeers == 1);
  end(s);
}

static void test_lines (stage *s) {
  sample r;
  const char *head, *sign;
  int64_t id;
  begin(s, "the request is the sealed one: every header once, an empty one too, and no Expect");
  s->options.user_agent = "proof/1";
  open_pool(s);
  a_request(&r, "POST", "/a/../b/./c//d;x=1", "{\"a\":1}");
  r.request.query = guarded_pairs(&r.request.nquery, "b", " /?#%", "a", "", NULL);
  r.request.headers = guarded_pairs(&r.request.nheaders, "Empty", "", "x-Y", "a: b; c", NULL);
  r.signer.nonce = guarded_str("0123");
  r.signer.access_token = guarded_str("token");
  id = start_sample(s, &r, 0);
  head = await_request(s, await_peer(s, 0));
  check_begins(head, "POST /a/../b/./c//d;x=1?a=&b=%20%2F%3F%23%25 HTTP/1.1\r\n");
  check(has_line(head, "client_id: 1KAD46OrT9HafiKdsXeg"));
  check(has_line(head, "t: 1588925778000"));
  check(has_line(head, "sign_method: HMAC-SHA256"));
  check(has_line(head, "access_token: token"));
  check(has_line(head, "nonce: 0123"));
  check(has_line(head, "Signature-Headers: Empty:x-Y"));
  check(has_line(head, "Empty:"));
  check(has_line(head, "x-Y: a: b; c"));
  check(has_line(head, "Content-Type: application/json"));
  check(has_line(head, "Content-Length: 7"));
  check(has_line(head, "User-Agent: proof/1"));
  check(lines(head, "sign:") == 1 && lines(head, "t:") == 1 && lines(head, "Host:") == 1);
  check(lines(head, "Content-Type:") == 1 && lines(head, "Content-Length:") == 1);
  check(lines(head, "Expect:") == 0 && lines(head, "Transfer-Encoding:") == 0);
  sign = strstr(head, "\r\n\r\n");
  check_begins(sign, "\r\n\r\n{\"a\":1}");
  answer(&s->peers[0], ANSWER);
  check_good(s, id);
  end(s);
}

static void test_no_body (stage *s) {
  static const char *const methods[] = {"POST", "PUT", "PATCH", "GET", "DELETE", "HEAD"};
  size_t i;
  begin(s, "without a body there is no Content-Type, and Content-Length: 0 where one is expected");
  open_pool(s);
  for (i = 0; i < sizeof methods / sizeof *methods; i++) {
    int64_t id = start(s, methods[i], "");
    const char *head = await_request(s, await_peer(s, 0));
    about("%s", methods[i]);
    check(strncmp(head, methods[i], strlen(methods[i])) == 0);
    check(lines(head, "Content-Type:") == 0);
    check(lines(head, "Expect:") == 0);
    check(lines(head, "Content-Length:") == (i < 3));
    check(has_line(head, "Content-Length: 0") == (i < 3));
    answer(&s->peers[0], "HTTP/1.1 204 No Content\r\n\r\n");
    check_reply(s, id, TUYA_NET_OK, TUYA_SENT_YES, 204);
  }
  check(s->npeers == 1);
  end(s);
}

static void test_body_with_any_method (stage *s) {
  static const char *const methods[] = {"GET", "DELETE", "PATCH", "PUT", "POST", "GET"};
  size_t i;
  begin(s, "a body goes with any method, and none lingers for the next request");
  open_pool(s);
  for (i = 0; i < sizeof methods / sizeof *methods; i++) {
    int64_t id = start(s, methods[i], i == 5 ? "" : "{\"n\":1}");
    const char *head = await_request(s, await_peer(s, 0));
    about("%s", methods[i]);
    check(strncmp(head, methods[i], strlen(methods[i])) == 0);
    check(lines(head, "Content-Type:") == (i < 5));
    if (i < 5) check_begins(strstr(head, "\r\n\r\n"), "\r\n\r\n{\"n\":1}");
    answer(&s->peers[0], ANSWER);
    check_good(s, id);
  }
  end(s);
}

static void test_signed_content_type (stage *s) {
  static const char *const bodies[] = {"", "{}"};
  int i;
  begin(s, "a signed Content-Type is sent once, in its own spelling, with and without a body");
  open_pool(s);
  for (i = 0; i < 2; i++) {
    sample r;
    const char *head;
    int64_t id;
    a_request(&r, "POST", "/", bodies[i]);
    r.request.headers = guarded_pairs(&r.request.nheaders, "content-TYPE", "a/b", NULL);
    id = start_sample(s, &r, 0);
    head = await_request(s, await_peer(s, 0));
    about("body \"%s\"", bodies[i]);
    check(lines(head, "Content-Type:") == 1);
    check(has_line(head, "content-TYPE: a/b"));
    answer(&s->peers[0], ANSWER);
    check_good(s, id);
  }
  end(s);
}

/* Headers that libcurl has an opinion about. */
static void test_signed_headers_of_curl (stage *s) {
  sample r;
  const char *head;
  int64_t id;
  begin(s, "signed headers that libcurl would write itself are sent once, as signed");
  s->options.user_agent = "proof/1";
  open_pool(s);
  a_request(&r, "GET", "/", "");
  r.request.headers = guarded_pairs(&r.request.nheaders, "User-Agent", "mine", "Accept", "",
                                    "Accept-Encoding", "identity", "Cookie", "a=b", "Authorization",
                                    "Basic eA==", "Range", "bytes=0-1", "Referer", "", NULL);
  id = start_sample(s, &r, 0);
  head = await_request(s, await_peer(s, 0));
  check(lines(head, "User-Agent:") == 1 && has_line(head, "User-Agent: mine"));
  check(lines(head, "Accept:") == 1 && has_line(head, "Accept:"));
  check(lines(head, "Accept-Encoding:") == 1 && has_line(head, "Accept-Encoding: identity"));
  check(lines(head, "Cookie:") == 1 && has_line(head, "Cookie: a=b"));
  check(lines(head, "Authorization:") == 1 && has_line(head, "Authorization: Basic eA=="));
  check(lines(head, "Range:") == 1 && has_line(head, "Range: bytes=0-1"));
  check(lines(head, "Referer:") == 1 && has_line(head, "Referer:"));
  answer(&s->peers[0], ANSWER);
  check_good(s, id);
  end(s);
}

/* libcurl would ask for 100 Continue from 1 MiB on. */
static void test_large_body (stage *s) {
  enum { SIZE = 3 * 1024 * 1024 };
  sample r;
  const char *head, *body;
  int64_t id;
  size_t i = 0;
  begin(s, "a body of 3 MiB goes out whole, without Expect");
  open_pool(s);
  a_request(&r, "POST", "/", "");
  r.request.body = repeated('b', SIZE);
  id = start_sample(s, &r, 0);
  head = await_request(s, await_peer(s, 0));
  check(lines(head, "Expect:") == 0 && has_line(head, "Content-Length: 3145728"));
  body = strstr(head, "\r\n\r\n") + 4;
  while (i < SIZE && body[i] == 'b')
    i++;
  check(i == SIZE && s->peers[0].n == s->peers[0].used);
  answer(&s->peers[0], ANSWER);
  check_good(s, id);
  end(s);
}

/* --- what comes back --- */

static void test_reply (stage *s) {
  static const char text[] =
      "HTTP/1.1 404 Not Found\r\nA: 1\r\na: 2\r\nContent-Length: 3\r\n\r\na\0b";
  static const char head[] = "HTTP/1.1 404 Not Found\r\nA: 1\r\na: 2\r\nContent-Length: 3\r\n\r\n";
  tuya_reply reply;
  int64_t id;
  begin(s, "a reply of any status is a reply: its head and its bytes, NUL included");
  open_pool(s);
  id = start(s, "GET", "");
  await_request(s, await_peer(s, 0));
  peer_write(&s->peers[0], text, sizeof text - 1);
  if (await_reply(s, id, &reply)) {
    check(reply.error == TUYA_NET_OK && reply.status == 404 && reply.sent == TUYA_SENT_YES);
    check_same(reply.headers.p, reply.headers.n, head, sizeof head - 1);
    check_same(reply.body.p, reply.body.n, "a\0b", 3);
  }
  check(!tuya_pool_take(s->pool, id, &reply));
  check(!tuya_pool_cancel(s->pool, id, NULL));
  end(s);
}

static void test_head (stage *s) {
  tuya_reply reply;
  int64_t id;
  begin(s, "HEAD is over with the head, whatever length it speaks of");
  open_pool(s);
  id = start(s, "HEAD", "");
  check_begins(await_request(s, await_peer(s, 0)), "HEAD ");
  answer(&s->peers[0], "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n");
  if (await_reply(s, id, &reply)) {
    check(reply.error == TUYA_NET_OK && reply.status == 200);
    check(reply.body.n == 0);
  }
  exchange(s, 0, "GET", "");
  end(s);
}

static void test_interim (stage *s) {
  tuya_reply reply;
  int64_t id;
  begin(s, "of interim answers nothing stays: 100 and 103, then the final one");
  open_pool(s);
  id = start(s, "POST", "{}");
  await_request(s, await_peer(s, 0));
  answer(&s->peers[0], "HTTP/1.1 100 Continue\r\nX: interim\r\n\r\n");
  turn_for(s, 20);
  answer(&s->peers[0], "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" ANSWER);
  if (await_reply(s, id, &reply)) {
    check(reply.status == 200);
    check_same(reply.headers.p, reply.headers.n, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n",
               38);
    check_same(reply.body.p, reply.body.n, "{}", 2);
  }
  end(s);
}

static void test_redirect (stage *s) {
  int64_t id;
  begin(s, "a redirect is an answer, and is not followed");
  open_pool(s);
  id = start(s, "GET", "");
  await_request(s, await_peer(s, 0));
  answer(&s->peers[0], "HTTP/1.1 302 Found\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n");
  check_reply(s, id, TUYA_NET_OK, TUYA_SENT_YES, 302);
  turn_for(s, 50);
  check(s->npeers == 1 && s->peers[0].n == s->peers[0].used);
  end(s);
}

static void test_ends_by_closing (stage *s) {
  tuya_reply reply;
  int64_t id;
  begin(s, "a reply without a length ends where the connection does");
  open_pool(s);
  id = start(s, "GET", "");
  await_request(s, await_peer(s, 0));
  answer(&s->peers[0], "HTTP/1.0 200 OK\r\n\r\nabc");
  peer_close(&s->peers[0]);
  if (await_reply(s, id, &reply)) {
    check(reply.error == TUYA_NET_OK);
    check_same(reply.body.p, reply.body.n, "abc", 3);
  }
  exchange(s, 1, "GET", "");
  end(s);
}

static void test_chunked (stage *s) {
  tuya_reply reply;
  int64_t id;
  begin(s, "a chunked reply, byte by byte");
  open_pool(s);
  id = start(s, "GET", "");
  await_request(s, await_peer(s, 0));
  {
    static const char text[] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                               "3;x=y\r\nabc\r\n1\r\nd\r\n0\r\nTrailer: x\r\n\r\n";
    const char *p;
    for (p = text; *p; p++) {
      peer_write(&s->peers[0], p, 1);
      turn(s);
    }
  }
  if (await_reply(s, id, &reply)) {
    check(reply.error == TUYA_NET_OK && reply.status == 200);
    check_same(reply.body.p, reply.body.n, "abcd", 4);
  }
  end(s);
}

static void test_not_http (stage *s) {
  static const char *const nonsense[] = {"SSH-2.0-OpenSSH\r\n\r\n", "\r\n\r\n\r\n",
                                         "HTTP/9.9 x\r\n\r\n"};
  size_t i;
  begin(s, "what is not HTTP is an error of protocol or a reset, and never a reply");
  open_pool(s);
  for (i = 0; i < sizeof nonsense / sizeof *nonsense; i++) {
    tuya_reply reply;
    int64_t id = start_limited(s, "GET", "", 2000);
    peer *p = await_peer(s, (int)i);
    about("%d", (int)i);
    await_request(s, p);
    answer(p, nonsense[i]);
    turn_for(s, 20);
    peer_close(p);
    if (!await_reply(s, id, &reply)) continue;
    check(reply.error == TUYA_NET_PROTOCOL || reply.error == TUYA_NET_RESET);
    check(reply.sent != TUYA_SENT_NO);
  }
  end(s);
}

/* --- bounds --- */

static void reply_of_size (peer *p, size_t n, int chunked) {
  char head[128], *body = calloc(1, n + 1);
  if (!body) abort();
  memset(body, 'x', n);
  snprintf(head, sizeof head,
           chunked ? "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%zx\r\n"
                   : "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n",
           n);
  answer(p, head);
  peer_write(p, body, n);
  if (chunked) answer(p, "\r\n0\r\n\r\n");
  free(body);
}

static void test_max_reply (stage *s) {
  enum { MOST = 1000 };
  int chunked, connection = 0;
  begin(s, "max_reply bytes are taken and not one more, with a length and without");
  s->options.max_reply = MOST;
  open_pool(s);
  for (chunked = 0; chunked < 2; chunked++) {
    tuya_reply reply;
    int64_t id = start(s, "GET", "");
    about("%s", chunked ? "chunked" : "with a length");
    await_request(s, await_peer(s, connection));
    reply_of_size(&s->peers[connection], MOST, chunked);
    if (await_reply(s, id, &reply)) check(reply.error == TUYA_NET_OK && reply.body.n == MOST);
    id = start(s, "GET", "");
    await_request(s, &s->peers[connection]);
    reply_of_size(&s->peers[connection], MOST + 1, chunked);
    if (await_reply(s, id, &reply)) {
      check(reply.error == TUYA_NET_TOO_LARGE);
      check(reply.sent == TUYA_SENT_YES && reply.status == 200);
      check(reply.body.n <= MOST);
    }
    connection++;
  }
  end(s);
}

static void test_long_head (stage *s) {
  static const char line[] = "X: 0123456789012345678901234567890123456789012345678901234567890\r\n";
  int64_t id;
  int i;
  begin(s, "a head of more than 64 KiB is too large");
  open_pool(s);
  id = start(s, "GET", "");
  await_request(s, await_peer(s, 0));
  answer(&s->peers[0], "HTTP/1.1 200 OK\r\n");
  for (i = 0; i < 64 * 1024 / (int)sizeof line + 20; i++) {
    answer(&s->peers[0], line);
    if (i % 64 == 0) turn(s);
  }
  check_reply(s, id, TUYA_NET_TOO_LARGE, TUYA_SENT_YES, 200);
  end(s);
}

/* --- gzip, made by hand: one block with fixed codes, a literal and then the longest matches --- */

typedef struct bits {
  unsigned char *p;
  size_t n; /* bits */
} bits;

static void put_bit (bits *b, unsigned bit) {
  if (bit) b->p[b->n / 8] = (unsigned char)(b->p[b->n / 8] | 1u << b->n % 8);
  b->n++;
}

/* A Huffman code: its highest bit first. */
static void put_code (bits *b, unsigned code, int n) {
  while (n-- > 0)
    put_bit(b, code >> n & 1u);
}

static unsigned long crc_of_zeros (size_t n) {
  unsigned long crc = 0xffffffffUL;
  size_t i;
  int k;
  for (i = 0; i < n; i++)
    for (k = 0; k < 8; k++)
      crc = crc & 1 ? crc >> 1 ^ 0xedb88320UL : crc >> 1;
  return crc ^ 0xffffffffUL;
}

static void put_number (bits *b, unsigned long x) {
  int i;
  for (i = 0; i < 32; i++)
    put_bit(b, x >> i & 1u);
}

/* 1 + 258 * matches zeros; the checksum is only right where it is asked for. */
static unsigned char *gzip_of_zeros (size_t matches, int with_sum, size_t *n) {
  static const unsigned char head[] = {0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3};
  bits b = {NULL, 0};
  size_t i, length = 1 + 258 * matches;
  b.p = calloc(1, sizeof head + matches * 2 + 64);
  if (!b.p) abort();
  memcpy(b.p, head, sizeof head);
  b.n = 8 * sizeof head;
  put_bit(&b, 1), put_bit(&b, 1), put_bit(&b, 0); /* the last block; fixed codes */
  put_code(&b, 0x30, 8);                          /* the literal 0 */
  for (i = 0; i < matches; i++) {
    put_code(&b, 0xc5, 8); /* length 258 */
    put_code(&b, 0, 5);    /* distance 1 */
  }
  put_code(&b, 0, 7); /* end of block */
  b.n = (b.n + 7) / 8 * 8;
  put_number(&b, with_sum ? crc_of_zeros(length) : 0);
  put_number(&b, (unsigned long)length);
  *n = b.n / 8;
  return b.p;
}

static int64_t start_gzip (stage *s, size_t matches, int with_sum) {
  int64_t id = start(s, "GET", "");
  peer *p = await_peer(s, s->npeers);
  size_t n;
  unsigned char *zipped = gzip_of_zeros(matches, with_sum, &n);
  char head[128];
  check(strstr(await_request(s, p), "Accept-Encoding: gzip\r\n") != NULL);
  snprintf(head, sizeof head,
           "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %zu\r\n\r\n", n);
  answer(p, head);
  peer_write(p, (const char *)zipped, n);
  free(zipped);
  return id;
}

static void test_gzip (stage *s) {
  tuya_reply reply;
  int64_t id;
  begin(s, "a gzip reply is unpacked");
  open_pool(s);
  id = start_gzip(s, 10, 1);
  if (await_reply(s, id, &reply)) {
    check(reply.error == TUYA_NET_OK && reply.body.n == 2581);
    check(reply.body.n && reply.body.p[2580] == 0);
  }
  end(s);
}

static void test_gzip_bomb (stage *s) {
  tuya_reply reply;
  int64_t id;
  struct rusage before, after;
  begin(s, "a gzip reply of 64 KB that unpacks to 10 MB ends at max_reply");
  s->options.max_reply = 1024 * 1024;
  open_pool(s);
  getrusage(RUSAGE_SELF, &before);
  id = start_gzip(s, 40000, 0);
  if (await_reply(s, id, &reply)) {
    check(reply.error == TUYA_NET_TOO_LARGE && reply.sent == TUYA_SENT_YES);
    check(reply.body.n <= 1024 * 1024);
  }
  getrusage(RUSAGE_SELF, &after);
  check(after.ru_maxrss - before.ru_maxrss < 8 * 1024); /* KB */
  end(s);
}

static void test_bad_gzip (stage *s) {
  int64_t id;
  begin(s, "a gzip reply with a wrong checksum is an error");
  open_pool(s);
  id = start_gzip(s, 10, 0);
  check_reply(s, id, TUYA_NET_PROTOCOL, TUYA_SENT_YES, 200);
  end(s);
}

/* --- did it reach the cloud? --- */

static void test_refused (stage *s) {
  begin(s, "sent is no when nobody listens");
  snprintf(s->endpoint, sizeof s->endpoint, "http://127.0.0.1:%d", loopback_refusing_port());
  open_pool(s);
  check_reply(s, start(s, "POST", "{}"), TUYA_NET_CONNECT, TUYA_SENT_NO, 0);
  end(s);
}

/* One letter too long for a name: found wanting without asking a server. */
#define A_LABEL_OF_64 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static void test_bad_endpoints (stage *s) {
  begin(s, "sent is no when there is no such host, scheme or certificate file");
  s->options.endpoint = "http://" A_LABEL_OF_64 ".invalid";
  open_pool(s);
  check_reply(s, start(s, "GET", ""), TUYA_NET_DNS, TUYA_SENT_NO, 0);
  tuya_pool_free(s->pool);
  s->options.endpoint = "ftp://127.0.0.1";
  open_pool(s);
  check_reply(s, start(s, "GET", ""), TUYA_NET_PROTOCOL, TUYA_SENT_NO, 0);
  tuya_pool_free(s->pool);
  s->options.endpoint = "https://127.0.0.1";
  s->options.ca_file = "/no/such/file";
  open_pool(s);
  check_reply(s, start(s, "GET", ""), TUYA_NET_TLS, TUYA_SENT_NO, 0);
  end(s);
}

static void test_no_tls (stage *s) {
  int64_t id;
  begin(s, "sent is no when the server does not speak TLS");
  snprintf(s->endpoint, sizeof s->endpoint, "https://127.0.0.1:%d", s->port);
  open_pool(s);
  id = start(s, "POST", "{}");
  await_peer(s, 0);
  answer(&s->peers[0], "HTTP/1.1 400 Bad Request\r\n\r\n");
  check_reply(s, id, TUYA_NET_TLS, TUYA_SENT_NO, 0);
  check(strstr(s->peers[0].in, "client_id") == NULL);
  end(s);
}

static void test_closed_at_once (stage *s) {
  int64_t id;
  begin(s, "sent is maybe when the connection ends before an answer");
  open_pool(s);
  id = start(s, "POST", "{}");
  await_request(s, await_peer(s, 0));
  peer_reset(&s->peers[0]);
  check_reply(s, id, TUYA_NET_RESET, TUYA_SENT_MAYBE, 0);
  id = start(s, "POST", "{}");
  await_request(s, await_peer(s, 1));
  peer_close(&s->peers[1]);
  check_reply(s, id, TUYA_NET_RESET, TUYA_SENT_MAYBE, 0);
  end(s);
}

static void test_truncated (stage *s) {
  static const char *const cut[] = {"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"a\"",
                                    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
                                    "HTTP/1.1 200 OK\r\nContent-Len"};
  size_t i;
  begin(s, "sent is yes when an answer began, even if it does not end");
  open_pool(s);
  for (i = 0; i < sizeof cut / sizeof *cut; i++) {
    int64_t id = start(s, "POST", "{}");
    peer *p = await_peer(s, (int)i);
    about("%s", cut[i] + 17);
    await_request(s, p);
    answer(p, cut[i]);
    turn_for(s, 10);
    peer_close(p);
    check_reply(s, id, TUYA_NET_RESET, TUYA_SENT_YES, 200);
  }
  end(s);
}

/* --- never twice --- */

/*
** A kept connection that the server closes as the request arrives: libcurl would quietly send
** it again on a new one.
*/
static void not_repeated (stage *s, const char *method, const char *body, int reset) {
  tuya_reply reply;
  int64_t id;
  int i, seen = 0;
  about("%s %s, %s", method, body, reset ? "reset" : "closed");
  s->npeers = 0;
  open_pool(s);
  exchange(s, 0, "GET", "");
  id = start(s, method, body);
  await_request(s, await_peer(s, 0));
  if (reset) peer_reset(&s->peers[0]);
  else peer_close(&s->peers[0]);
  if (await_reply(s, id, &reply)) {
    check(reply.error == TUYA_NET_RESET);
    check(reply.sent == TUYA_SENT_MAYBE);
    check(reply.status == 0);
  }
  turn_for(s, SILENCE);
  for (i = 1; i < s->npeers; i++)
    seen += s->peers[i].n > 0;
  check(seen == 0); /* not one byte on any other connection */
  for (i = 0; i < s->npeers; i++)
    peer_close(&s->peers[i]);
  tuya_pool_free(s->pool);
  s->pool = NULL;
  s->npeers = 0;
}

static void test_not_repeated (stage *s) {
  static const char *const methods[] = {"POST", "PUT", "PATCH", "DELETE", "GET", "HEAD"};
  size_t i;
  begin(s, "no request is sent twice, whatever the method and with or without a body");
  for (i = 0; i < sizeof methods / sizeof *methods; i++) {
    not_repeated(s, methods[i], "", 0);
    not_repeated(s, methods[i], "", 1);
    if (i < 5) not_repeated(s, methods[i], "{}", 0);
    if (i < 5) not_repeated(s, methods[i], "{}", 1);
  }
  end(s);
}

static void test_stale (stage *s) {
  begin(s, "a kept connection that was closed meanwhile is replaced before anything is sent");
  open_pool(s);
  exchange(s, 0, "GET", "");
  peer_close(&s->peers[0]);
  turn_for(s, 20);
  exchange(s, 1, "POST", "{}");
  end(s);
}

/* The pool goes on as before after a transfer that ended badly. */
static void test_recovers (stage *s) {
  begin(s, "after an error the next request goes well");
  open_pool(s);
  {
    int64_t id = start(s, "POST", "{\"large\":\"........................\"}");
    await_request(s, await_peer(s, 0));
    answer(&s->peers[0], "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nxxxxx");
    turn_for(s, 10);
    peer_close(&s->peers[0]);
    check_reply(s, id, TUYA_NET_RESET, TUYA_SENT_YES, 200);
  }
  exchange(s, 1, "GET", "");
  exchange(s, 1, "POST", "{}");
  end(s);
}

/* --- time --- */

static void test_timeouts (stage *s) {
  int64_t busy, queued, before = now();
  begin(s, "a timeout ends a transfer in the queue (no), waiting (maybe) and receiving (yes)");
  s->options.max_connections = 1;
  open_pool(s);
  busy = start_limited(s, "POST", "{}", 500);
  queued = start_limited(s, "POST", "{}", 250);
  await_request(s, await_peer(s, 0));
  check_reply(s, queued, TUYA_NET_TIMEOUT, TUYA_SENT_NO, 0);
  check(now() - before >= 250);
  check_reply(s, busy, TUYA_NET_TIMEOUT, TUYA_SENT_MAYBE, 0);
  check(now() - before >= 500);
  busy = start_limited(s, "POST", "{}", 500);
  await_request(s, await_peer(s, 1));
  answer(&s->peers[1], "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nx");
  check_reply(s, busy, TUYA_NET_TIMEOUT, TUYA_SENT_YES, 200);
  check(s->npeers == 2);
  end(s);
}

/* Connections to a listener with a backlog of 0 hang once its queue is full. */
static int hanging_port (int *fds, int n, int *listener) {
  int port, i;
  *listener = loopback_listen(&port, 0);
  for (i = 0; i < n; i++) {
    fds[i] = loopback_connect(port);
    usleep(10000);
  }
  return port;
}

static void test_connect_timeout (stage *s) {
  tuya_limits limits = {15000, 100, 0, NULL};
  int fds[3], listener, i;
  int64_t id, before;
  sample r;
  begin(s, "a connection that does not come about ends after connect_timeout: no");
  snprintf(s->endpoint, sizeof s->endpoint, "http://127.0.0.1:%d", hanging_port(fds, 3, &listener));
  open_pool(s);
  a_request(&r, "POST", "/", "{}");
  before = now();
  id = tuya_pool_start(s->pool, sample_seal(&r, NULL), &limits);
  guarded_free_all();
  check_reply(s, id, TUYA_NET_TIMEOUT, TUYA_SENT_NO, 0);
  check(now() - before >= 95 && now() - before < 5000);
  for (i = 0; i < 3; i++)
    close(fds[i]);
  close(listener);
  end(s);
}

static void test_waiting (stage *s) {
  int64_t id, before;
  begin(s, "timeout and wait: for ever when idle, not at all with something to do or to take");
  open_pool(s);
  check(tuya_pool_timeout(s->pool) == -1);
  check(tuya_pool_tick(s->pool, 0) == 0);
  before = now();
  tuya_pool_wait(s->pool, 30);
  check(now() - before >= 29);
  id = start_limited(s, "GET", "", 5000);
  check(tuya_pool_timeout(s->pool) == 0);
  check(tuya_pool_tick(s->pool, 0) == 1);
  await_request(s, await_peer(s, 0));
  check(tuya_pool_timeout(s->pool) > 0);
  check(tuya_pool_timeout(s->pool) <= 5000);
  answer(&s->peers[0], ANSWER);
  before = now();
  tuya_pool_wait(s->pool, 3000); /* ends as the answer comes in */
  check(now() - before < 1000);
  check(tuya_pool_timeout(s->pool) == 0);
  check(tuya_pool_tick(s->pool, 0) == 0);
  check(tuya_pool_timeout(s->pool) == 0);
  check_good(s, id);
  end(s);
}

/* --- cancelling and freeing --- */

static void cancelled (stage *s, int64_t id) {
  tuya_reply reply;
  check(tuya_pool_cancel(s->pool, id, NULL));
  check(!tuya_pool_cancel(s->pool, id, NULL));
  check(!tuya_pool_take(s->pool, id, &reply));
}

static void test_cancel (stage *s) {
  tuya_reply reply;
  int64_t waiting, queued, done, fresh;
  begin(s, "a transfer can be cancelled in the queue, waiting and done, once");
  s->options.max_connections = 1;
  open_pool(s);
  waiting = start(s, "POST", "{}");
  queued = start(s, "POST", "{}");
  await_request(s, await_peer(s, 0));
  cancelled(s, queued);
  cancelled(s, waiting);
  check(tuya_pool_tick(s->pool, 0) == 0);
  done = start(s, "GET", "");
  await_request(s, await_peer(s, 1));
  answer(&s->peers[1], ANSWER);
  while (tuya_pool_tick(s->pool, 0) > 0)
    tuya_pool_wait(s->pool, 10);
  cancelled(s, done);
  check(!tuya_pool_take(s->pool, 0, &reply));
  fresh = start(s, "GET", "");
  check(fresh != done && fresh != waiting && fresh != queued);
  check(!tuya_pool_cancel(s->pool, done, NULL)); /* its slot is another's now */
  check(!tuya_pool_cancel(s->pool, 0, NULL));
  check(!tuya_pool_cancel(s->pool, -1, NULL));
  check(!tuya_pool_cancel(s->pool, INT64_MAX, NULL));
  check(!tuya_pool_cancel(s->pool, INT64_MIN, NULL));
  await_request(s, &s->peers[1]);
  answer(&s->peers[1], ANSWER);
  check_good(s, fresh);
  turn_for(s, 20);
  check(s->npeers == 2);
  end(s);
}

static void test_cancel_connecting (stage *s) {
  int fds[3], listener, i;
  int64_t id;
  begin(s, "a transfer can be cancelled while it connects");
  snprintf(s->endpoint, sizeof s->endpoint, "http://127.0.0.1:%d", hanging_port(fds, 3, &listener));
  open_pool(s);
  id = start(s, "POST", "{}");
  turn_for(s, 20);
  check(tuya_pool_tick(s->pool, 0) == 1);
  cancelled(s, id);
  check(tuya_pool_tick(s->pool, 0) == 0);
  for (i = 0; i < 3; i++)
    close(fds[i]);
  close(listener);
  end(s);
}

/* In any order, with one whose reply is lent and one that connects. */
static void test_free (stage *s) {
  tuya_reply reply;
  begin(s, "a pool can be freed with transfers in every state");
  s->options.max_connections = 3;
  open_pool(s);
  start(s, "GET", "");
  start(s, "GET", "");
  start(s, "GET", "");
  start(s, "POST", "{}");
  await_request(s, await_peer(s, 0));
  await_request(s, await_peer(s, 1));
  answer(&s->peers[0], ANSWER);
  answer(&s->peers[1], ANSWER);
  while (!tuya_pool_take(s->pool, 0, &reply))
    turn(s);
  turn_for(s, 20);
  start(s, "PUT", "{}");
  end(s);
}

static void test_free_unused (stage *s) {
  begin(s, "a pool that was never used, and none at all, can be freed");
  open_pool(s);
  tuya_pool_free(NULL);
  end(s);
}

/* --- how many --- */

static void test_queue (stage *s) {
  sample r;
  int64_t first, second, third;
  begin(s, "a full queue takes no more, and room made is room");
  s->options.max_queue = 2;
  s->options.max_connections = 1;
  open_pool(s);
  first = start(s, "GET", "");
  second = start(s, "GET", "");
  a_request(&r, "GET", "/", "");
  check(start_sample(s, &r, 0) == 0);
  await_request(s, await_peer(s, 0)); /* the first has left the queue */
  third = start(s, "GET", "");
  a_request(&r, "GET", "/", "");
  check(start_sample(s, &r, 0) == 0);
  check(tuya_pool_cancel(s->pool, third, NULL));
  third = start(s, "GET", "");
  answer(&s->peers[0], ANSWER);
  check_good(s, first);
  await_request(s, &s->peers[0]);
  answer(&s->peers[0], ANSWER);
  check_good(s, second);
  await_request(s, &s->peers[0]);
  answer(&s->peers[0], ANSWER);
  check_good(s, third);
  end(s);
}

/* Answers whatever has arrived; how many connections are open at the same time. */
static int serve (stage *s, int *answered) {
  int i, open = 0;
  for (i = 0; i < s->npeers; i++) {
    peer *p = &s->peers[i];
    size_t n;
    if (p->fd < 0 || p->ended) continue;
    open++;
    while ((n = peer_request(p)) > 0) {
      p->used += n;
      ++*answered;
      if (*answered % 7) answer(p, ANSWER);
      else {
        answer(p, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}");
        peer_close(p);
        break;
      }
    }
  }
  return open;
}

static void test_connections (stage *s) {
  enum { TRANSFERS = 60, CONNECTIONS = 3 };
  tuya_reply reply;
  int64_t until = now() + PATIENCE;
  int i, taken = 0, answered = 0, most = 0;
  begin(s, "sixty transfers never have more than max_connections open, and each is answered once");
  s->options.max_connections = CONNECTIONS;
  open_pool(s);
  for (i = 0; i < TRANSFERS; i++)
    start(s, i % 2 ? "POST" : "GET", i % 2 ? "{}" : "");
  turn_for(s, SILENCE);
  check(s->npeers == CONNECTIONS);
  while (taken < TRANSFERS && now() < until) {
    int open = serve(s, &answered);
    if (open > most) most = open;
    turn(s);
    while (tuya_pool_take(s->pool, 0, &reply)) {
      check(reply.error == TUYA_NET_OK);
      taken++;
    }
  }
  check(taken == TRANSFERS && answered == TRANSFERS);
  check(most == CONNECTIONS);
  end(s);
}

static void test_time_is_up (stage *s) {
  enum { CONNECTIONS = 5 };
  int64_t until = now() + PATIENCE;
  int i, left = CONNECTIONS;
  begin(s, "a tick whose time is up takes one step of one connection, and the next tick the next");
  s->options.max_connections = CONNECTIONS;
  open_pool(s);
  for (i = 0; i < CONNECTIONS; i++)
    start(s, "GET", "");
  for (i = 0; i < CONNECTIONS; i++)
    await_request(s, await_peer(s, i));
  for (i = 0; i < CONNECTIONS; i++)
    answer(&s->peers[i], ANSWER);
  while (left > 0 && now() < until) {
    int before = left;
    left = tuya_pool_tick(s->pool, 1);
    check(left == before || left == before - 1);
  }
  check(left == 0);
  end(s);
}

static void test_first_finished (stage *s) {
  tuya_reply reply;
  int64_t ids[3];
  int i;
  begin(s, "take(0) gives the replies in the order in which they came");
  open_pool(s);
  for (i = 0; i < 3; i++) {
    ids[i] = start(s, "GET", "");
    await_request(s, await_peer(s, i));
  }
  for (i = 2; i >= 0; i--) {
    answer(&s->peers[i], ANSWER);
    turn_for(s, 20);
  }
  for (i = 2; i >= 0; i--)
    check(tuya_pool_take(s->pool, 0, &reply) && reply.id == ids[i]);
  check(!tuya_pool_take(s->pool, 0, &reply));
  end(s);
}

static void test_peek (stage *s) {
  tuya_reply reply, again;
  int64_t id;
  begin(s, "a reply that is looked at stays until it is taken or cancelled");
  open_pool(s);
  id = start(s, "GET", "");
  check(!tuya_pool_peek(s->pool, id, &reply));
  await_request(s, await_peer(s, 0));
  answer(&s->peers[0], ANSWER);
  while (tuya_pool_tick(s->pool, 0) > 0)
    tuya_pool_wait(s->pool, 10);
  check(tuya_pool_peek(s->pool, 0, &reply) && reply.id == id);
  check(tuya_pool_peek(s->pool, id, &again) && again.id == id);
  check(again.body.p == reply.body.p && again.body.n == 2 && again.status == 200);
  check(!tuya_pool_peek(s->pool, id + 1, &again));
  check(tuya_pool_take(s->pool, id, &reply) && reply.body.n == 2);
  check(!tuya_pool_peek(s->pool, id, &again) && !tuya_pool_peek(s->pool, 0, &again));
  end(s);
}

/* --- what a ticking host needs --- */

static void test_lanes (stage *s) {
  tuya_reply reply;
  int64_t mine, other;
  int i;
  begin(s, "the first finished of a lane, whatever else is done");
  open_pool(s);
  other = start(s, "GET", "");
  s->lane = 7;
  mine = start(s, "GET", "");
  for (i = 0; i < 2; i++)
    await_request(s, await_peer(s, i));
  check(tuya_pool_finished(s->pool, 7) == 0);
  for (i = 0; i < 2; i++)
    answer(&s->peers[i], ANSWER);
  while (tuya_pool_tick(s->pool, 0) > 0)
    tuya_pool_wait(s->pool, 10);
  check(tuya_pool_finished(s->pool, 7) == mine && tuya_pool_finished(s->pool, 8) == 0);
  check(tuya_pool_finished(s->pool, 0) == other);
  check(tuya_pool_take(s->pool, mine, &reply) && tuya_pool_finished(s->pool, 7) == 0);
  end(s);
}

static int is_readable (int fd) {
  struct pollfd p = {0};
  p.fd = fd;
  p.events = POLLIN;
  return poll(&p, 1, 0) == 1;
}

static void test_descriptors (stage *s) {
  tuya_fd fd;
  size_t n;
  begin(s, "what a host waits for is readable when there is something to do");
  open_pool(s);
  start(s, "GET", "");
  await_request(s, await_peer(s, 0));
  turn_for(s, 5);
  for (n = 0; tuya_pool_fd(s->pool, n, &fd); n++)
    check(fd.fd >= 0 && fd.in && !is_readable(fd.fd));
  check(n == 1);
  answer(&s->peers[0], ANSWER);
  check(tuya_pool_fd(s->pool, 0, &fd) && is_readable(fd.fd));
  while (tuya_pool_tick(s->pool, 1) > 0)
    tuya_pool_wait(s->pool, 10);
  end(s);
}

static void test_how_far (stage *s) {
  tuya_sent sent = TUYA_SENT_YES;
  int64_t on_its_way, queued;
  begin(s, "a cancelled transfer tells how far it got");
  s->options.max_connections = 1;
  open_pool(s);
  on_its_way = start(s, "GET", "");
  queued = start(s, "GET", "");
  await_request(s, await_peer(s, 0));
  check(tuya_pool_cancel(s->pool, queued, &sent) && sent == TUYA_SENT_NO);
  check(tuya_pool_cancel(s->pool, on_its_way, &sent) && sent == TUYA_SENT_MAYBE);
  end(s);
}

/* The child's half; it may touch nothing of what the two share. 0: it was refused everywhere. */
static int in_child (stage *s, int64_t id) {
  tuya_reply reply;
  int bad = !tuya_pool_is_forked(s->pool);
  bad |= tuya_pool_start(s->pool, NULL, NULL) != -2;
  bad |= tuya_pool_tick(s->pool, 0) != 0 || tuya_pool_take(s->pool, id, &reply);
  bad |= tuya_pool_cancel(s->pool, id, NULL);
  tuya_pool_wait(s->pool, 10);
  tuya_pool_free(s->pool);
  return bad;
}

static void test_fork (stage *s) {
  int64_t id;
  int status = -1;
  pid_t child;
  begin(s, "a child of the process is refused, and leaves the parent's transfer alone");
  open_pool(s);
  id = start(s, "GET", "");
  await_request(s, await_peer(s, 0));
  child = fork();
  if (child == 0) _exit(in_child(s, id));
  check(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
  check(!tuya_pool_is_forked(s->pool));
  answer(&s->peers[0], ANSWER);
  while (tuya_pool_tick(s->pool, 0) > 0)
    tuya_pool_wait(s->pool, 10);
  check(tuya_pool_finished(s->pool, 0) == id);
  end(s);
}

/* --- what must not get out --- */

/* libcurl's own pair for waking itself up is inherited; it leads nowhere. */
static void test_not_inherited (stage *s) {
  int fd, found = 0;
  begin(s, "no connection of a pool is passed on to a child of the host");
  open_pool(s);
  exchange(s, 0, "GET", "");
  for (fd = 3; fd < 1024; fd++) {
    struct sockaddr_storage address;
    socklen_t size = sizeof address;
    if (getsockname(fd, (struct sockaddr *)&address, &size) != 0) continue;
    if (address.ss_family != AF_INET) continue;
    about("descriptor %d", fd);
    check((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
    found++;
  }
  check(found == 3); /* the listener, and both ends of a connection */
  end(s);
}

static void test_proxy_password (stage *s) {
  static const char *const proxies[] = {"http://user:hunter2@[bad",
                                        "http://user:hunter2@127.0.0.1:1",
                                        "nonsense://user:hunter2@127.0.0.1"};
  size_t i;
  begin(s, "no message has the password of a proxy in it");
  for (i = 0; i < sizeof proxies / sizeof *proxies; i++) {
    tuya_reply reply;
    int64_t id;
    about("%s", proxies[i]);
    s->options.proxy = proxies[i];
    open_pool(s);
    id = start_limited(s, "GET", "", 2000);
    if (await_reply(s, id, &reply)) {
      check(reply.error != TUYA_NET_OK && reply.sent == TUYA_SENT_NO);
      check(reply.message[0] && strstr(reply.message, "hunter2") == NULL);
    }
    tuya_pool_free(s->pool);
    s->pool = NULL;
  }
  end(s);
}

/* --- no descriptors --- */

static void test_no_descriptors (stage *s) {
  struct rlimit limit, few;
  tuya_reply reply;
  int64_t id;
  begin(s, "without descriptors a transfer fails (no), and goes well when there are some again");
  open_pool(s);
  exchange(s, 0, "GET", "");
  peer_close(&s->peers[0]);
  turn_for(s, 20);
  getrlimit(RLIMIT_NOFILE, &limit);
  few = limit;
  few.rlim_cur = 3;
  setrlimit(RLIMIT_NOFILE, &few);
  id = start(s, "POST", "{}");
  if (await_reply(s, id, &reply)) {
    check(reply.error != TUYA_NET_OK && reply.sent == TUYA_SENT_NO);
  }
#ifndef TUYA_POLL /* epoll wants a descriptor of its own */
  check(tuya_pool_new(&s->options) == NULL);
#endif
  setrlimit(RLIMIT_NOFILE, &limit);
  exchange(s, 1, "POST", "{}");
  end(s);
}

/* --- what libcurl says late --- */

/* What the pool has libcurl call for the descriptors of its connections, in their order. */
static struct heard {
  curl_socket_callback on_socket;
  void *connection;
} heard[PEERS];
static int nheard;

/* Linked in the place of libcurl's (-Wl,--wrap), which it calls. */
CURLMcode __real_curl_multi_setopt (CURLM *multi, CURLMoption option, ...);
CURLMcode __wrap_curl_multi_setopt (CURLM *multi, CURLMoption option, ...) {
  CURLMcode code;
  va_list value;
  va_start(value, option);
  if (option == CURLMOPT_SOCKETFUNCTION) {
    heard[nheard].on_socket = va_arg(value, curl_socket_callback);
    code = __real_curl_multi_setopt(multi, option, heard[nheard].on_socket);
  }
  else if (option == CURLMOPT_SOCKETDATA) {
    heard[nheard].connection = va_arg(value, void *);
    code = __real_curl_multi_setopt(multi, option, heard[nheard].connection);
    nheard = (nheard + 1) % PEERS;
  }
  else if (option == CURLMOPT_TIMERFUNCTION)
    code = __real_curl_multi_setopt(multi, option, va_arg(value, curl_multi_timer_callback));
  else if (option == CURLMOPT_TIMERDATA)
    code = __real_curl_multi_setopt(multi, option, va_arg(value, void *));
  else code = __real_curl_multi_setopt(multi, option, va_arg(value, long));
  va_end(value);
  return code;
}

static int port_of (int fd, int (*name)(int, struct sockaddr *, socklen_t *)) {
  struct sockaddr_in address;
  socklen_t size = sizeof address;
  if (name(fd, (struct sockaddr *)&address, &size) != 0 || address.sin_family != AF_INET) return -1;
  return address.sin_port;
}

/* The pool's end of the connection to a peer. */
static int other_end (const peer *p) {
  int fd, port = port_of(p->fd, getpeername);
  for (fd = 3; fd < 1024; fd++)
    if (port_of(fd, getsockname) == port) return fd;
  abort();
}

/* Whether anything that the pool waits for is there. */
static int notices (const stage *s) {
  tuya_fd fd;
  size_t i;
  for (i = 0; tuya_pool_fd(s->pool, i, &fd); i++)
    if (is_readable(fd.fd)) return 1;
  return 0;
}

static void test_late_removal (stage *s) {
  int64_t ids[2];
  int i;
  begin(s, "a removal that libcurl tells of late leaves the next owner of the descriptor watched");
  s->options.max_connections = 2;
  open_pool(s);
  nheard = 0;
  for (i = 0; i < 2; i++) {
    ids[i] = start(s, "POST", "{}");
    await_request(s, await_peer(s, i));
  }
  check(nheard == 2);
  /* as if the first had not been able to connect this one, and had closed it */
  heard[0].on_socket(NULL, other_end(&s->peers[1]), CURL_POLL_REMOVE, heard[0].connection, NULL);
  for (i = 1; i >= 0; i--) {
    about("connection %d", i);
    check(!notices(s));
    answer(&s->peers[i], ANSWER);
    check(notices(s));
    check_good(s, ids[i]);
  }
  end(s);
}

int main (void) {
  static stage s;
  {
    tuya_pool_options options = {"http://127.0.0.1", NULL, NULL, NULL, 0, 0, 0};
    tuya_pool_free(tuya_pool_new(&options)); /* what a process opens once is opened now */
  }
  test_endpoint(&s);
  test_reuse(&s);
  test_lines(&s);
  test_no_body(&s);
  test_body_with_any_method(&s);
  test_signed_content_type(&s);
  test_signed_headers_of_curl(&s);
  test_large_body(&s);
  test_reply(&s);
  test_head(&s);
  test_interim(&s);
  test_redirect(&s);
  test_ends_by_closing(&s);
  test_chunked(&s);
  test_not_http(&s);
  test_max_reply(&s);
  test_long_head(&s);
  test_gzip(&s);
  test_gzip_bomb(&s);
  test_bad_gzip(&s);
  test_refused(&s);
  test_bad_endpoints(&s);
  test_no_tls(&s);
  test_closed_at_once(&s);
  test_truncated(&s);
  test_not_repeated(&s);
  test_stale(&s);
  test_recovers(&s);
  test_timeouts(&s);
  test_connect_timeout(&s);
  test_waiting(&s);
  test_cancel(&s);
  test_cancel_connecting(&s);
  test_free(&s);
  test_free_unused(&s);
  test_queue(&s);
  test_connections(&s);
  test_time_is_up(&s);
  test_first_finished(&s);
  test_peek(&s);
  test_lanes(&s);
  test_descriptors(&s);
  test_how_far(&s);
  test_fork(&s);
  test_not_inherited(&s);
  test_late_removal(&s);
  test_proxy_password(&s);
  test_no_descriptors(&s);
  return finish(PROGRAM);
}
