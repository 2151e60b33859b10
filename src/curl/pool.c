/*
** pool.c: the engine of tuya_curl.h.
** The idea: curl_multi_socket_action over a set of descriptors of our own; curl_multi_perform
** would look at every transfer every time. An action moves on all that is due in its CURLM, so each
** connection has one of its own: an action is then one step of one connection, a TLS handshake's at
** most, and the time is looked at before the next. What waits for a connection waits in our queue,
** with our deadlines, not in libcurl's.
** The danger: libcurl may change a request after it was signed. The target is handed over as it
** stands, there are no redirects and no Expect, and it may not repeat one on its own:
** before_request sees every attempt and ends the second.
**
** libcurl's callbacks here append to memory or note a descriptor, and nothing else.
*/
#define _POSIX_C_SOURCE 200809L
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include <curl/curl.h>

#include "ca.h"
#include "mask.h"
#include "tuya_curl.h"
#include "watch.h"

#if LIBCURL_VERSION_NUM < 0x075000
#error "lua-tuya needs libcurl 7.80 or newer (CURLOPT_PREREQFUNCTION)"
#endif

enum {
  DEFAULT_CONNECTIONS = 4,
  DEFAULT_QUEUE = 1024,
  DEFAULT_REPLY = 8 * 1024 * 1024,
  DEFAULT_TIMEOUT = 15000,
  DEFAULT_CONNECT = 5000,
  MAX_HEAD = 64 * 1024, /* of a reply; a server that sends more is not the cloud */
  STREAMS = 100,        /* transfers a HTTP/2 connection carries; servers allow 100 or more */
  STARTS_PER_TICK = 8,  /* each costs some ten microseconds */
  EVENTS = 16,          /* descriptors dealt with in a tick */
  SLOT_BITS = 16        /* of an id; the rest is a serial number */
};

/* A CURLM that may have one connection to the cloud. It stays when that is closed. */
typedef struct connection {
  struct tuya_pool *pool;
  CURLM *multi;
  int fd;         /* the last that libcurl waited on */
  size_t carried; /* transfers under way on it */
  size_t early;   /* of these, those with a body whose answer has begun */
  int http1;      /* it is for transfers that must go by HTTP/1.1, one at a time */
  int64_t timer;  /* when libcurl wants to be called; INT64_MAX: it does not */
} connection;

typedef enum state { FREE, QUEUED, ACTIVE, DONE } state;

typedef struct bytes {
  char *p;
  size_t n, cap, max;
  int full; /* more than max came */
} bytes;

/* One request on its way. It stays in its slot, with its CURL, for the next one. */
typedef struct transfer {
  int64_t id; /* 0: free */
  int lane;
  state state;
  size_t slot;
  struct transfer *next; /* in the free, waiting or finished list */
  CURL *easy;
  connection *connection; /* while it is active */
  int http1;              /* it must go by HTTP/1.1 */
  char *memory;           /* of one request: the sealed block, the header list and its lines */
  const tuya_sealed *sealed;
  struct curl_slist *headers;
  const char *target, *endpoint; /* endpoint: NULL for the pool's */
  int64_t deadline, connect_timeout;
  int attempts; /* how often libcurl was about to write the request */
  bytes head, body;
  int head_ended; /* the empty line has come */
  int early;      /* it is one of its connection's */
  tuya_net error;
  const char *message;
  char error_text[CURL_ERROR_SIZE];
  long status;
} transfer;

typedef struct list {
  transfer *first, *last;
} list;

struct tuya_pool {
  unsigned forks; /* before it was made */
  CURLSH *share;  /* of all connections: addresses and TLS sessions */
  watch *watch;
  ca_store *ca;
  char *endpoint, *ca_file, *proxy, *user_agent;
  int https, tried, multiplexed; /* a connect has come to its end; the cloud speaks HTTP/2 */
  int direct;                    /* nothing between us and the cloud wants whole URLs */
  connection **connections;
  size_t nconnections, max_connections;
  connection **owners; /* by descriptor: whose it is */
  size_t nowners;
  size_t max_queue, max_reply;
  transfer **slots;
  size_t nslots, nqueued, nactive;
  int64_t serial;
  list free, queue, done;
  transfer *taken;  /* its reply is lent until the next call */
  int64_t timer;    /* no connection's timer ends before */
  int64_t deadline; /* no transfer ends before; INT64_MAX: none is under way */
  int64_t stop;     /* when, in us, a tick begins nothing more */
  int acted;        /* whether it has begun something */
  watch_event events[EVENTS];
  int nevents, event; /* how many there are, and which is the next to be dealt with */
};

static int64_t now_us (void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* --- lists --- */

static void push (list *l, transfer *t) {
  t->next = NULL;
  if (l->last) l->last->next = t;
  else l->first = t;
  l->last = t;
}

static transfer *shift (list *l) {
  transfer *t = l->first;
  if (!t) return NULL;
  l->first = t->next;
  if (!l->first) l->last = NULL;
  return t;
}

static void unlink_transfer (list *l, transfer *t) {
  transfer *before = NULL, *x = l->first;
  while (x != t) {
    before = x;
    x = x->next;
  }
  if (before) before->next = t->next;
  else l->first = t->next;
  if (l->last == t) l->last = before;
}

/* --- what libcurl calls --- */

/* 0 when it would pass the bound or memory is out. */
static int append (bytes *b, const char *p, size_t n) {
  b->full = n > b->max - b->n;
  if (b->full) return 0;
  if (b->n + n > b->cap) {
    size_t cap = 2 * b->cap > b->n + n ? 2 * b->cap : b->n + n;
    char *grown = realloc(b->p, cap);
    if (!grown) return 0;
    b->p = grown;
    b->cap = cap;
  }
  memcpy(b->p + b->n, p, n);
  b->n += n;
  return 1;
}

static size_t on_body (char *p, size_t size, size_t n, void *data) {
  return append(&((transfer *)data)->body, p, size * n) ? size * n : 0;
}

/* A status line begins a head anew: of 100 Continue only the final answer is kept. */
static size_t on_head (char *p, size_t size, size_t n, void *data) {
  transfer *t = data;
  if (size * n >= 5 && memcmp(p, "HTTP/", 5) == 0) t->head.n = 0, t->head_ended = 0;
  if (size * n > 0 && (p[0] == '\r' || p[0] == '\n')) t->head_ended = 1;
  if (t->head_ended && !t->early && tuya_sealed_body(t->sealed).n) {
    t->early = 1;
    t->connection->early++;
  }
  return append(&t->head, p, size * n) ? size * n : 0;
}

static int before_request (void *data, char *ip, char *local_ip, int port, int local_port) {
  transfer *t = data;
  (void)ip, (void)local_ip, (void)port, (void)local_port;
  t->connection->pool->tried = 1;
  return ++t->attempts == 1 ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT;
}

/* A child of the host is none of our connections' business. */
static curl_socket_t open_socket (void *data, curlsocktype purpose, struct curl_sockaddr *address) {
  (void)data, (void)purpose;
  return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/*
** A descriptor that is no longer waited for. What libcurl could not connect it closes before
** it says so, and the number may be another connection's by now.
*/
static void disown (connection *c, curl_socket_t fd) {
  tuya_pool *pool = c->pool;
  if ((size_t)fd >= pool->nowners || pool->owners[fd] != c) return;
  pool->owners[fd] = NULL;
  watch_set(pool->watch, fd, 0);
}

/* Notes whose a descriptor is; 0 when out of memory. */
static int own (tuya_pool *pool, size_t fd, connection *c) {
  if (fd >= pool->nowners) {
    size_t n = fd < 32 ? 64 : 2 * fd;
    connection **owners = realloc(pool->owners, n * sizeof *owners);
    if (!owners) return 0;
    memset(owners + pool->nowners, 0, (n - pool->nowners) * sizeof *owners);
    pool->owners = owners;
    pool->nowners = n;
  }
  pool->owners[fd] = c;
  return 1;
}

static int on_socket (CURL *easy, curl_socket_t fd, int what, void *data, void *unused) {
  connection *c = data;
  int mask = mask_to_watch(what);
  (void)easy, (void)unused;
  if (!mask) {
    disown(c, fd);
    return 0;
  }
  c->fd = fd;
  return own(c->pool, (size_t)fd, c) && watch_set(c->pool->watch, fd, mask) ? 0 : -1;
}

static int on_timer (CURLM *multi, long ms, void *data) {
  connection *c = data;
  (void)multi;
  c->timer = ms < 0 ? INT64_MAX : watch_clock() + ms;
  if (c->timer < c->pool->timer) c->pool->timer = c->timer;
  return 0;
}

/* --- making and freeing a pool --- */

/* How many forks lie between this process and the first: getpid would ask the kernel each time. */
static unsigned forks;

/* In a child, where nothing else runs yet. */
static void on_fork (void) { forks++; }

static void init_process (void) {
  curl_global_init(CURL_GLOBAL_DEFAULT);
  pthread_atfork(NULL, NULL, on_fork);
}

static void init_once (void) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, init_process);
}

/* A copy of text; NULL for NULL, which is no failure, so the outcome is told apart. */
static int copy (char **to, const char *text) {
  size_t n = text ? strlen(text) + 1 : 0;
  *to = n ? malloc(n) : NULL;
  if (*to) memcpy(*to, text, n);
  return n == 0 || *to != NULL;
}

static int configure (tuya_pool *pool, const tuya_pool_options *o) {
  pool->max_connections = o->max_connections > 0 ? (size_t)o->max_connections : DEFAULT_CONNECTIONS;
  pool->max_queue = o->max_queue ? o->max_queue : DEFAULT_QUEUE;
  pool->max_reply = o->max_reply ? o->max_reply : DEFAULT_REPLY;
  pool->https = strncmp(o->endpoint, "https:", 6) == 0;
  pool->direct = pool->https || (o->proxy && !*o->proxy); /* https goes through a tunnel */
  pool->timer = INT64_MAX;
  pool->deadline = INT64_MAX;
  return copy(&pool->endpoint, o->endpoint) && copy(&pool->ca_file, o->ca_file) &&
         copy(&pool->proxy, o->proxy) && copy(&pool->user_agent, o->user_agent);
}

static int open_share (tuya_pool *pool) {
  pool->share = curl_share_init();
  return pool->share &&
         curl_share_setopt(pool->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_DNS) == CURLSHE_OK &&
         (!pool->https || curl_share_setopt(pool->share, CURLSHOPT_SHARE,
                                            CURL_LOCK_DATA_SSL_SESSION) == CURLSHE_OK);
}

tuya_pool *tuya_pool_new (const tuya_pool_options *options) {
  tuya_pool *pool = calloc(1, sizeof *pool);
  if (!pool) return NULL;
  init_once();
  pool->forks = forks;
  pool->watch = watch_new();
  if (pool->watch && configure(pool, options) && open_share(pool)) return pool;
  tuya_pool_free(pool);
  return NULL;
}

/* Takes a transfer from its connection. */
static void detach (tuya_pool *pool, transfer *t) {
  curl_multi_remove_handle(t->connection->multi, t->easy);
  t->connection->carried--;
  if (t->early) t->connection->early--;
  pool->nactive--;
}

static void free_transfer (tuya_pool *pool, transfer *t) {
  if (t->state == ACTIVE) detach(pool, t);
  curl_easy_cleanup(t->easy);
  free(t->memory);
  free(t->head.p);
  free(t->body.p);
  free(t);
}

static void free_connection (connection *c) {
  curl_multi_cleanup(c->multi); /* libcurl wants its transfers gone first */
  free(c);
}

int tuya_pool_is_forked (const tuya_pool *pool) { return pool->forks != forks; }

void tuya_pool_free (tuya_pool *pool) {
  size_t i;
  if (!pool || tuya_pool_is_forked(pool)) return; /* what it holds is the parent's: left alone */
  for (i = 0; i < pool->nslots; i++)
    free_transfer(pool, pool->slots[i]);
  for (i = 0; i < pool->nconnections; i++)
    free_connection(pool->connections[i]);
  curl_share_cleanup(pool->share); /* libcurl wants those who share gone first */
  watch_free(pool->watch);
  ca_free(pool->ca);
  free(pool->connections);
  free(pool->owners);
  free(pool->slots);
  free(pool->endpoint);
  free(pool->ca_file);
  free(pool->proxy);
  free(pool->user_agent);
  free(pool);
}

/* --- slots and ids --- */

static transfer *new_slot (tuya_pool *pool) {
  transfer *t;
  transfer **slots;
  if (pool->nslots >> SLOT_BITS) return NULL;
  slots = realloc(pool->slots, (pool->nslots + 1) * sizeof *slots);
  if (!slots) return NULL;
  pool->slots = slots;
  t = calloc(1, sizeof *t);
  if (!t) return NULL;
  t->slot = pool->nslots;
  slots[pool->nslots++] = t;
  return t;
}

static transfer *find (const tuya_pool *pool, int64_t id) {
  size_t slot = (size_t)(id & ((1 << SLOT_BITS) - 1));
  if (id <= 0 || slot >= pool->nslots || pool->slots[slot]->id != id) return NULL;
  return pool->slots[slot];
}

/* Back to the free list. The CURL stays for the next one, large buffers do not. */
static void release (tuya_pool *pool, transfer *t) {
  free(t->memory);
  t->memory = NULL;
  if (t->body.cap > MAX_HEAD) {
    free(t->body.p);
    t->body.p = NULL;
    t->body.cap = 0;
  }
  t->id = 0;
  t->state = FREE;
  push(&pool->free, t);
}

static void reclaim (tuya_pool *pool) {
  if (pool->taken) release(pool, pool->taken);
  pool->taken = NULL;
}

/* --- starting --- */

/* libcurl removes a header given as "Name:"; one that is empty is written "Name;". */
static char *write_line (char *to, tuya_pair header) {
  memcpy(to, header.name.p, header.name.n);
  to += header.name.n;
  if (header.value.n == 0) *to++ = ';';
  else {
    memcpy(to, ": ", 2);
    memcpy(to + 2, header.value.p, header.value.n);
    to += 2 + header.value.n;
  }
  *to++ = '\0';
  return to;
}

static size_t lines_size (const tuya_sealed *sealed) {
  size_t i, n = 0;
  for (i = 0; i < tuya_sealed_nheaders(sealed); i++) {
    tuya_pair header = tuya_sealed_header(sealed, i);
    n += header.name.n + header.value.n + 3;
  }
  return n;
}

/* Headers that libcurl would add and that nobody signed or asked for. */
static const char *const unwanted[] = {"Expect:", "Content-Type:"};
enum { UNWANTED = 2 };

static void link_line (struct curl_slist *node, char *line) {
  node->data = line;
  node->next = node + 1;
}

/* Makes the header list of a block: the nodes at `nodes`, their text after them. */
static void write_headers (transfer *t, struct curl_slist *nodes) {
  size_t i, n = tuya_sealed_nheaders(t->sealed);
  /* a Content-Type of ours is in the block wherever there is a body */
  size_t skipped = tuya_sealed_body(t->sealed).n ? UNWANTED - 1 : UNWANTED;
  char *text = (char *)(nodes + n + UNWANTED);
  for (i = 0; i < n; i++) {
    link_line(&nodes[i], text);
    text = write_line(text, tuya_sealed_header(t->sealed, i));
  }
  for (i = 0; i < skipped; i++) {
    size_t size = strlen(unwanted[i]) + 1;
    link_line(&nodes[n + i], memcpy(text, unwanted[i], size));
    text += size;
  }
  nodes[n + skipped - 1].next = NULL;
  t->headers = nodes;
}

static char *write_text (char *to, const char *p, size_t n) {
  if (n) memcpy(to, p, n);
  to[n] = '\0';
  return to + n + 1;
}

/* One allocation: the block, the list's nodes and text, the target, and an endpoint of its own. */
static int copy_request (transfer *t, const tuya_sealed *sealed, const char *endpoint) {
  size_t size = tuya_sealed_size(sealed);
  size_t nodes = (tuya_sealed_nheaders(sealed) + UNWANTED) * sizeof(struct curl_slist);
  size_t block = (size + sizeof(void *) - 1) / sizeof(void *) * sizeof(void *);
  size_t lines = lines_size(sealed) + sizeof "Expect:" + sizeof "Content-Type:";
  size_t place = endpoint ? strlen(endpoint) + 1 : 0;
  tuya_str target = tuya_sealed_target(sealed);
  char *text;
  t->memory = malloc(block + nodes + lines + target.n + 1 + place);
  if (!t->memory) return 0;
  memcpy(t->memory, sealed, size);
  t->sealed = (const tuya_sealed *)(void *)t->memory;
  write_headers(t, (struct curl_slist *)(void *)(t->memory + block));
  text = t->memory + block + nodes + lines;
  t->target = text;
  text = write_text(text, target.p, target.n);
  t->endpoint = place ? memcpy(text, endpoint, place) : NULL;
  return 1;
}

static int is (tuya_str s, const char *text) {
  return s.n == strlen(text) && memcmp(s.p, text, s.n) == 0;
}

/* HTTP/2 sends names in lower case: a signed name with an upper-case letter must go by 1.1. */
static int needs_http1 (const tuya_sealed *sealed) {
  size_t i, j;
  for (i = 0; i < tuya_sealed_nheaders(sealed); i++) {
    tuya_pair header = tuya_sealed_header(sealed, i);
    if (!is(header.name, "Signature-Headers")) continue;
    for (j = 0; j < header.value.n; j++)
      if (header.value.p[j] >= 'A' && header.value.p[j] <= 'Z') return 1;
  }
  return 0;
}

static void reset_reply (tuya_pool *pool, transfer *t) {
  t->head.n = t->body.n = 0;
  t->head.full = t->body.full = 0;
  t->head_ended = t->early = 0;
  t->head.max = MAX_HEAD;
  t->body.max = pool->max_reply;
  t->attempts = 0;
  t->http1 = !pool->https || needs_http1(t->sealed);
  t->error = TUYA_NET_OK;
  t->message = "";
  t->error_text[0] = '\0';
  t->status = 0;
}

static int64_t or_default (int64_t ms, int64_t otherwise) { return ms > 0 ? ms : otherwise; }

int64_t tuya_pool_start (tuya_pool *pool, const tuya_sealed *sealed, const tuya_limits *limits) {
  transfer *t;
  if (tuya_pool_is_forked(pool)) return -2;
  reclaim(pool);
  if (pool->nqueued >= pool->max_queue) return 0;
  t = shift(&pool->free);
  if (!t) t = new_slot(pool);
  if (!t) return -1;
  if (!copy_request(t, sealed, limits ? limits->endpoint : NULL)) {
    release(pool, t);
    return -1;
  }
  reset_reply(pool, t);
  t->deadline = watch_clock() + or_default(limits ? limits->timeout : 0, DEFAULT_TIMEOUT);
  t->connect_timeout = or_default(limits ? limits->connect_timeout : 0, DEFAULT_CONNECT);
  if (t->deadline < pool->deadline) pool->deadline = t->deadline;
  t->lane = limits ? limits->lane : 0;
  t->id = (++pool->serial << SLOT_BITS) | (int64_t)t->slot;
  t->state = QUEUED;
  push(&pool->queue, t);
  pool->nqueued++;
  return t->id;
}

/* --- from the queue to libcurl --- */

/* What is the same for every request of a pool; set once a CURL. */
static void set_common (tuya_pool *pool, transfer *t) {
  CURL *easy = t->easy;
  curl_easy_setopt(easy, CURLOPT_PRIVATE, t);
  curl_easy_setopt(easy, CURLOPT_SHARE, pool->share);
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
#if LIBCURL_VERSION_NUM >= 0x075500
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
#else
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
  curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
  curl_easy_setopt(easy, CURLOPT_PIPEWAIT, 1L);
  curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "gzip");
  curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  curl_easy_setopt(easy, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)pool->max_reply);
  curl_easy_setopt(easy, CURLOPT_USERAGENT, pool->user_agent);
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, t->error_text);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, t);
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_head);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, t);
  curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, before_request);
  curl_easy_setopt(easy, CURLOPT_PREREQDATA, t);
#if LIBCURL_VERSION_NUM >= 0x075700
  curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L); /* else a cancel joins the resolver's thread */
#endif
  if (pool->proxy) curl_easy_setopt(easy, CURLOPT_PROXY, pool->proxy);
}

static void set_tls (tuya_pool *pool, CURL *easy) {
  curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
  curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
  curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
  if (pool->ca) {
    curl_easy_setopt(easy, CURLOPT_CAINFO, NULL);
    curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
    curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, ca_apply);
    curl_easy_setopt(easy, CURLOPT_SSL_CTX_DATA, pool->ca);
  }
  else if (pool->ca_file) {
    curl_easy_setopt(easy, CURLOPT_CAINFO, pool->ca_file);
    curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
  }
}

/* The method and the body, over whatever the last request of this CURL left behind. */
static void set_method (transfer *t) {
  tuya_str method = tuya_sealed_method(t->sealed), body = tuya_sealed_body(t->sealed);
  int upload = body.n || is(method, "POST") || is(method, "PUT") || is(method, "PATCH");
  char name[8] = {0};
  memcpy(name, method.p, method.n < sizeof name ? method.n : sizeof name - 1);
  curl_easy_setopt(t->easy, CURLOPT_NOBODY, 0L);
  if (upload) {
    curl_easy_setopt(t->easy, CURLOPT_POST, 1L);
    curl_easy_setopt(t->easy, CURLOPT_POSTFIELDS, body.p);
    curl_easy_setopt(t->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.n);
  }
  else curl_easy_setopt(t->easy, CURLOPT_HTTPGET, 1L);
  if (is(method, "HEAD")) curl_easy_setopt(t->easy, CURLOPT_NOBODY, 1L);
  curl_easy_setopt(t->easy, CURLOPT_CUSTOMREQUEST, name);
}

/* A proxy without a tunnel wants the target in a URL. */
static int set_whole_url (transfer *t, const char *endpoint) {
  size_t n = strlen(endpoint), rest = strlen(t->target) + 1;
  CURLcode code;
  char *url = malloc(n + rest);
  if (!url) return 0;
  memcpy(url, endpoint, n);
  memcpy(url + n, t->target, rest);
  code = curl_easy_setopt(t->easy, CURLOPT_URL, url);
  free(url);
  return code == CURLE_OK;
}

/* Else it goes as it stands: libcurl need not take it apart and put it together again. */
static int set_url (tuya_pool *pool, transfer *t) {
  const char *endpoint = t->endpoint ? t->endpoint : pool->endpoint;
  if (!pool->direct) return set_whole_url(t, endpoint);
  return curl_easy_setopt(t->easy, CURLOPT_URL, endpoint) == CURLE_OK &&
         curl_easy_setopt(t->easy, CURLOPT_REQUEST_TARGET, t->target) == CURLE_OK;
}

static int set_request (tuya_pool *pool, transfer *t) {
  int64_t left = t->deadline - watch_clock();
  int64_t connect = t->connect_timeout < left ? t->connect_timeout : left;
  set_method(t);
  curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, t->headers);
  curl_easy_setopt(t->easy, CURLOPT_HTTP_VERSION,
                   (long)(t->http1 ? CURL_HTTP_VERSION_1_1 : CURL_HTTP_VERSION_2TLS));
  curl_easy_setopt(t->easy, CURLOPT_CONNECTTIMEOUT_MS, (long)(connect > 0 ? connect : 1));
  return set_url(pool, t);
}

static void finish (tuya_pool *pool, transfer *t, tuya_net error, const char *message) {
  t->state = DONE;
  t->error = error;
  t->message = message;
  push(&pool->done, t);
}

static int load_ca (tuya_pool *pool) {
  if (!pool->https || pool->ca || !ca_usable()) return 1;
  pool->ca = ca_load(pool->ca_file);
  return pool->ca != NULL;
}

static int open_easy (tuya_pool *pool, transfer *t) {
  if (t->easy) return 1;
  t->easy = curl_easy_init();
  if (!t->easy) return 0;
  set_common(pool, t);
  if (pool->https) set_tls(pool, t->easy);
  return 1;
}

/* --- connections --- */

static CURLM *new_multi (connection *c) {
  CURLM *multi = curl_multi_init();
  if (!multi) return NULL;
  curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_socket);
  curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, c);
  curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_timer);
  curl_multi_setopt(multi, CURLMOPT_TIMERDATA, c);
  curl_multi_setopt(multi, CURLMOPT_PIPELINING, (long)CURLPIPE_MULTIPLEX);
  curl_multi_setopt(multi, CURLMOPT_MAX_HOST_CONNECTIONS, 1L);
  curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, 1L);
  return multi;
}

static connection *new_connection (tuya_pool *pool, int http1) {
  size_t size = (pool->nconnections + 1) * sizeof *pool->connections;
  connection **connections = realloc(pool->connections, size);
  connection *c;
  if (!connections) return NULL;
  pool->connections = connections;
  c = calloc(1, sizeof *c);
  if (!c) return NULL;
  c->pool = pool;
  c->http1 = http1;
  c->timer = INT64_MAX;
  c->multi = new_multi(c);
  if (c->multi) return connections[pool->nconnections++] = c;
  free(c);
  return NULL;
}

/* More than it can carry would wait in libcurl, without our deadlines. */
static int has_room (const tuya_pool *pool, const connection *c, int http1) {
  if (c->http1 != http1) return 0;
  return c->carried < (pool->multiplexed && !http1 ? STREAMS : 1);
}

/*
** The first with room, so that the others stand idle, and are closed by the cloud, until they are
** wanted. One that speaks the other version is taken when there can be no more.
*/
static connection *find_room (const tuya_pool *pool, int http1) {
  connection *idle = NULL;
  size_t i;
  for (i = 0; i < pool->nconnections; i++) {
    connection *c = pool->connections[i];
    if (has_room(pool, c, http1)) return c;
    if (c->carried == 0) idle = c;
  }
  return pool->nconnections < pool->max_connections ? NULL : idle;
}

/*
** The first TLS connect goes alone: it leaves the session that makes the others cheap, and may show
** that one connection is enough.
*/
static int can_launch (const tuya_pool *pool) {
  if (!pool->queue.first || (pool->https && !pool->tried && pool->nactive)) return 0;
  return pool->nconnections < pool->max_connections || find_room(pool, pool->queue.first->http1);
}

static int attach (transfer *t, connection *c) {
  if (!c) return 0;
  t->connection = c;
  curl_easy_setopt(t->easy, CURLOPT_FRESH_CONNECT, (long)(c->http1 != t->http1));
  c->http1 = t->http1;
  if (curl_multi_add_handle(c->multi, t->easy) != CURLM_OK) return 0;
  c->carried++;
  c->pool->nactive++;
  t->state = ACTIVE;
  return 1;
}

static void launch (tuya_pool *pool, transfer *t) {
  connection *c = find_room(pool, t->http1);
  if (!load_ca(pool))
    finish(pool, t, TUYA_NET_TLS, "the certificates to trust (ca_file) cannot be read");
  else if (!open_easy(pool, t) || !set_request(pool, t) ||
           !attach(t, c ? c : new_connection(pool, t->http1)))
    finish(pool, t, TUYA_NET_PROTOCOL, "libcurl refused the request, or out of memory");
}

/* --- what became of it --- */

static tuya_net classify (CURLcode code) {
  switch (code) {
  case CURLE_OK:
    return TUYA_NET_OK;
  case CURLE_COULDNT_RESOLVE_HOST:
  case CURLE_COULDNT_RESOLVE_PROXY:
    return TUYA_NET_DNS;
  case CURLE_COULDNT_CONNECT:
    return TUYA_NET_CONNECT;
  case CURLE_SSL_CONNECT_ERROR:
  case CURLE_PEER_FAILED_VERIFICATION:
  case CURLE_SSL_CACERT_BADFILE:
  case CURLE_SSL_ISSUER_ERROR:
  case CURLE_SSL_CERTPROBLEM:
  case CURLE_SSL_CIPHER:
    return TUYA_NET_TLS;
  case CURLE_OPERATION_TIMEDOUT:
    return TUYA_NET_TIMEOUT;
  case CURLE_WRITE_ERROR: /* on_body or on_head would not take more */
  case CURLE_FILESIZE_EXCEEDED:
    return TUYA_NET_TOO_LARGE;
  case CURLE_ABORTED_BY_CALLBACK: /* before_request: the first attempt met a closed connection */
  case CURLE_SEND_ERROR:
  case CURLE_RECV_ERROR:
  case CURLE_GOT_NOTHING:
  case CURLE_PARTIAL_FILE:
  case CURLE_HTTP2_STREAM:
    return TUYA_NET_RESET;
  default:
    return TUYA_NET_PROTOCOL;
  }
}

static const char *explain (const transfer *t, CURLcode code) {
  if (code == CURLE_OK) return "";
  if (code == CURLE_ABORTED_BY_CALLBACK) return "the connection was closed before any answer";
  if (t->head.full) return "the reply's head is larger than 64 KiB";
  if (t->body.full) return "the reply is larger than max_reply";
  if (strstr(t->error_text, "HTTP/0.9")) return "the answer is not HTTP"; /* libcurl's guess */
  /* libcurl quotes the proxy's URL there, and that may have a password in it */
  if (strncmp(t->error_text, "Unsupported proxy", 17) == 0)
    return "the proxy's URL cannot be understood";
  return t->error_text[0] ? t->error_text : curl_easy_strerror(code);
}

/*
** A server may answer before it has read the whole body. Over HTTP/2 libcurl 7.88 then has the
** whole reply and calls it a stream error all the same; real ones come with a text.
*/
static int answered_early (const transfer *t, CURLcode code) {
  return code == CURLE_HTTP2_STREAM && t->status && !t->error_text[0];
}

static void harvest (connection *c) {
  tuya_pool *pool = c->pool;
  CURLMsg *msg;
  int left;
  while ((msg = curl_multi_info_read(c->multi, &left)) != NULL) {
    CURLcode code = msg->data.result; /* msg is dead after remove_handle */
    CURL *easy = msg->easy_handle;
    char *private = NULL;
    transfer *t;
    long version = 0;
    curl_easy_getinfo(easy, CURLINFO_PRIVATE, &private);
    t = (transfer *)(void *)private;
    if (code == CURLE_OK && !t->head_ended) code = CURLE_PARTIAL_FILE; /* libcurl does not mind */
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &t->status);
    curl_easy_getinfo(easy, CURLINFO_HTTP_VERSION, &version);
    if (version == CURL_HTTP_VERSION_2_0) pool->multiplexed = 1;
    pool->tried = 1;
    detach(pool, t);
    if (answered_early(t, code)) code = CURLE_OK;
    finish(pool, t, classify(code), explain(t, code));
  }
}

static void expire (tuya_pool *pool, transfer *t) {
  if (t->state == QUEUED) {
    unlink_transfer(&pool->queue, t);
    pool->nqueued--;
  }
  else {
    curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &t->status);
    pool->tried = 1;
    detach(pool, t);
  }
  finish(pool, t, TUYA_NET_TIMEOUT, "no whole answer within the timeout");
}

/* Ends what is past its deadline and finds the next one. */
static void expire_due (tuya_pool *pool) {
  int64_t moment = watch_clock(), next = INT64_MAX;
  size_t i;
  if (moment < pool->deadline) return;
  for (i = 0; i < pool->nslots; i++) {
    transfer *t = pool->slots[i];
    if (t->state != QUEUED && t->state != ACTIVE) continue;
    if (t->deadline <= moment) expire(pool, t);
    else if (t->deadline < next) next = t->deadline;
  }
  pool->deadline = next;
}

/* --- ticking --- */

/* Whether a tick may begin one thing more; one at least. */
static int may_act (tuya_pool *pool) {
  if (pool->acted && now_us() >= pool->stop) return 0;
  pool->acted = 1;
  return 1;
}

/*
** Over HTTP/2 libcurl 7.88 may read the whole answer while it still sends the body, and then wait
** for more; so one that has begun by then is looked at again.
*/
static void act (connection *c, curl_socket_t fd, int mask) {
  int running;
  curl_multi_socket_action(c->multi, fd, mask, &running);
  harvest(c);
  if (!c->early || c->http1) return;
  curl_multi_socket_action(c->multi, c->fd, CURL_CSELECT_IN, &running);
  harvest(c);
}

static void run_timer (connection *c) {
  c->timer = INT64_MAX;
  act(c, CURL_SOCKET_TIMEOUT, 0);
}

/* Runs the timers that have ended and finds the next one; what there is no time for stays due. */
static void run_timers (tuya_pool *pool) {
  int64_t moment = watch_clock();
  size_t i;
  if (moment < pool->timer) return;
  for (i = 0; i < pool->nconnections; i++)
    if (pool->connections[i]->timer <= moment && may_act(pool)) run_timer(pool->connections[i]);
  pool->timer = INT64_MAX;
  for (i = 0; i < pool->nconnections; i++)
    if (pool->connections[i]->timer < pool->timer) pool->timer = pool->connections[i]->timer;
}

static void look (tuya_pool *pool, int64_t ms) {
  if (pool->event < pool->nevents) return;
  pool->event = 0;
  pool->nevents = watch_wait(pool->watch, ms, pool->events, EVENTS);
}

/*
** What is left over when the time is up is dealt with in the next tick. A descriptor may have been
** closed by then: libcurl passes over one that it does not know, and finds nothing to read on one
** that is another's now.
*/
static void run_events (tuya_pool *pool) {
  while (pool->event < pool->nevents && may_act(pool)) {
    const watch_event *e = &pool->events[pool->event++];
    if (pool->owners[e->fd]) act(pool->owners[e->fd], e->fd, mask_to_curl(e->what));
  }
}

/* Each goes to work at once: libcurl would have a timer begin it. */
static void launch_queued (tuya_pool *pool) {
  int i;
  for (i = 0; i < STARTS_PER_TICK && can_launch(pool) && may_act(pool); i++) {
    transfer *t = shift(&pool->queue);
    pool->nqueued--;
    launch(pool, t);
    if (t->state == ACTIVE) run_timer(t->connection);
  }
}

int tuya_pool_tick (tuya_pool *pool, int64_t budget) {
  if (tuya_pool_is_forked(pool)) return 0;
  reclaim(pool);
  if (pool->nqueued + pool->nactive == 0) {
    pool->event = pool->nevents = 0; /* of cancelled transfers */
    return 0;
  }
  pool->stop = budget > 0 ? now_us() + budget : INT64_MAX;
  pool->acted = 0;
  if (pool->nactive) look(pool, 0);
  run_events(pool);
  run_timers(pool);
  launch_queued(pool);
  expire_due(pool);
  return (int)(pool->nqueued + pool->nactive);
}

int64_t tuya_pool_timeout (tuya_pool *pool) {
  int64_t next = pool->timer < pool->deadline ? pool->timer : pool->deadline;
  int64_t left = next - watch_clock();
  if (pool->event < pool->nevents || pool->done.first || can_launch(pool)) return 0;
  if (next == INT64_MAX) return -1;
  return left > 0 ? left : 0;
}

void tuya_pool_wait (tuya_pool *pool, int64_t ms) {
  int64_t most = tuya_pool_timeout(pool);
  if (tuya_pool_is_forked(pool)) return;
  if (most >= 0 && most < ms) ms = most;
  look(pool, ms);
}

int tuya_pool_fd (const tuya_pool *pool, size_t i, tuya_fd *fd) {
  watch_event event;
  if (!watch_get(pool->watch, i, &event)) return 0;
  fd->fd = event.fd;
  fd->in = (event.what & WATCH_IN) != 0;
  fd->out = (event.what & WATCH_OUT) != 0;
  return 1;
}

static tuya_sent sent (const transfer *t) {
  long status = t->status;
  if (t->state == ACTIVE) curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
  if (status) return TUYA_SENT_YES;
  return t->attempts ? TUYA_SENT_MAYBE : TUYA_SENT_NO;
}

static tuya_str view (const bytes *b) {
  tuya_str s;
  s.p = b->p;
  s.n = b->n;
  return s;
}

int64_t tuya_pool_finished (const tuya_pool *pool, int lane) {
  const transfer *t = pool->done.first;
  while (t && t->lane != lane)
    t = t->next;
  return t ? t->id : 0;
}

int tuya_pool_peek (tuya_pool *pool, int64_t id, tuya_reply *reply) {
  transfer *t = id ? find(pool, id) : pool->done.first;
  if (!t || t->state != DONE || t == pool->taken) return 0;
  reply->id = t->id;
  reply->error = t->error;
  reply->message = t->message;
  reply->sent = sent(t);
  reply->status = t->status;
  reply->headers = view(&t->head);
  reply->body = view(&t->body);
  return 1;
}

int tuya_pool_take (tuya_pool *pool, int64_t id, tuya_reply *reply) {
  if (tuya_pool_is_forked(pool)) return 0;
  reclaim(pool);
  if (!tuya_pool_peek(pool, id, reply)) return 0;
  pool->taken = find(pool, reply->id);
  unlink_transfer(&pool->done, pool->taken);
  return 1;
}

int tuya_pool_cancel (tuya_pool *pool, int64_t id, tuya_sent *how_far) {
  transfer *t;
  if (tuya_pool_is_forked(pool)) return 0;
  reclaim(pool);
  t = find(pool, id);
  if (!t) return 0;
  if (how_far) *how_far = sent(t);
  if (t->state == QUEUED) {
    unlink_transfer(&pool->queue, t);
    pool->nqueued--;
  }
  else if (t->state == ACTIVE) detach(pool, t);
  else unlink_transfer(&pool->done, t);
  release(pool, t);
  return 1;
}
