/*
** httpd.c: the module tuya.httpd, a listener over libmicrohttpd for the simulated cloud.
** The idea: Lua pulls. libmicrohttpd's callbacks only append to memory and note requests in
** a list that the server owns; a request that has arrived is suspended, `take` hands it to
** Lua, `reply` or `fail` decides what becomes of it and resumes it.
** The danger: a Lua error is a longjmp, so no Lua function may run inside a callback, and a
** connection that is still suspended when the daemon stops aborts the process.
*/
#if !defined(_GNU_SOURCE)
#define _GNU_SOURCE
#endif

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <microhttpd.h>

#include "compat.h"

#define SERVER "tuya.httpd.server"

#define HEAD_TOO_LONG 431u
#define BODY_TOO_LONG 413u
#define HEAD_MAX 32768           /* bytes; a longer head gets 431 */
#define POOL_SIZE (4 * HEAD_MAX) /* libmicrohttpd's memory for one head and what it parses into */
#define BODY_MAX (1024.0 * 1024) /* bytes; a longer body gets 413 */
#define HOLD_MAX 60.0            /* seconds; a request without an answer is dropped then */
#define IDLE_MAX 75.0            /* seconds; a silent connection is closed then */
#define CLOSE_MAX 200            /* milliseconds that close gives to replies on their way */
#define SECONDS_MAX 1000000.0    /* no wait or bound is longer */
#define ROUNDS 64                /* of the loop at once, while it has work at hand */

/*
** {======================================================
** Bytes
** =======================================================
*/

typedef struct bytes {
  char *p;
  size_t n, room;
} bytes;

static int bytes_append (bytes *b, const void *p, size_t n) {
  if (n > b->room - b->n) {
    size_t room = b->room ? b->room : 256;
    char *grown;
    if (n > SIZE_MAX / 2 - b->n) return 0;
    while (room < b->n + n)
      room *= 2;
    grown = (char *)realloc(b->p, room);
    if (!grown) return 0;
    b->p = grown;
    b->room = room;
  }
  if (n) memcpy(b->p + b->n, p, n);
  b->n += n;
  return 1;
}

/* A piece is its length followed by its bytes. */
static int bytes_append_piece (bytes *b, const char *p, size_t n) {
  return bytes_append(b, &n, sizeof n) && bytes_append(b, p, n);
}

/* The piece at *at, which moves on to the next one. */
static const char *bytes_piece (const bytes *b, size_t *at, size_t *n) {
  const char *p = b->p + *at + sizeof *n;
  memcpy(n, b->p + *at, sizeof *n);
  *at += sizeof *n + *n;
  return p;
}

static int64_t now_ms (void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* }====================================================== */

/*
** {======================================================
** Exchanges: a request and what becomes of it
** =======================================================
*/

typedef enum stage {
  NEW,      /* the head is not complete */
  ARRIVING, /* the body is not complete */
  READY,    /* suspended, waits to be taken */
  TAKEN,    /* suspended, Lua has it */
  DECIDED,  /* resumed, the handler has not come back to it */
  ANSWERED, /* the reply is on its way */
  UPGRADED  /* no HTTP any more: whoever asked for that has its descriptor until hang_up */
} stage;

typedef enum deed { REPLY, DROP, RESET } deed;

struct server;

typedef struct exchange {
  struct exchange *next, *prev;
  struct server *server;
  struct MHD_Connection *connection;
  double id;     /* 0 until it is complete */
  int64_t since; /* milliseconds; when it was complete */
  stage stage;
  deed deed;
  unsigned status;
  struct MHD_Response *response; /* owned until it is queued */
  bytes target;                  /* as on the wire */
  bytes method;
  bytes headers; /* name and value, a piece each */
  size_t nheaders;
  bytes body; /* of an upgraded one, what came behind its head */
  int fd;     /* of an upgraded one */
  struct MHD_UpgradeResponseHandle *upgrade;
} exchange;

typedef struct server {
  struct MHD_Daemon *daemon; /* NULL: closed */
  exchange first;            /* head of the ring of exchanges, itself none */
  double last_id;
  size_t max_body;
  int64_t hold; /* milliseconds */
  int epoll;
  int closing;
} server;

static void exchange_free (exchange *e) {
  e->prev->next = e->next;
  e->next->prev = e->prev;
  if (e->response) MHD_destroy_response(e->response);
  free(e->target.p);
  free(e->method.p);
  free(e->headers.p);
  free(e->body.p);
  free(e);
}

/* Is it suspended in libmicrohttpd? */
static int exchange_waits (const exchange *e) { return e->stage == READY || e->stage == TAKEN; }

static void exchange_decide (exchange *e, deed what) {
  e->deed = what;
  e->stage = DECIDED;
  MHD_resume_connection(e->connection);
}

static exchange *server_find (server *s, double id, stage at) {
  exchange *e;
  for (e = s->first.next; e != &s->first; e = e->next)
    if (e->id == id && e->stage == at) return e;
  return NULL;
}

/* The oldest request that nobody has taken. */
static exchange *server_ready (server *s) {
  exchange *e;
  for (e = s->first.next; e != &s->first; e = e->next)
    if (e->stage == READY) return e;
  return NULL;
}

/* Drops what has waited longer than `hold`: a client that hung up meanwhile goes unnoticed. */
static void server_expire (server *s, int64_t now) {
  exchange *e;
  for (e = s->first.next; e != &s->first; e = e->next)
    if (exchange_waits(e) && now - e->since >= s->hold) exchange_decide(e, DROP);
}

/* }====================================================== */

/*
** {======================================================
** Callbacks of libmicrohttpd: no Lua here
** =======================================================
*/

/* The first sight of a request, and the only one of its raw target. */
static void *on_target (void *cls, const char *target, struct MHD_Connection *connection) {
  server *s = (server *)cls;
  exchange *e = (exchange *)calloc(1, sizeof *e);
  if (!e) return NULL;
  if (!bytes_append(&e->target, target, target ? strlen(target) : 0)) {
    free(e);
    return NULL;
  }
  e->server = s;
  e->connection = connection;
  e->prev = s->first.prev;
  e->next = &s->first;
  e->prev->next = e->next->prev = e;
  return e;
}

static void on_completed (void *cls, struct MHD_Connection *connection, void **context,
                          enum MHD_RequestTerminationCode why) {
  (void)cls, (void)connection, (void)why;
  if (*context) exchange_free((exchange *)*context);
  *context = NULL;
}

static enum MHD_Result on_header (void *cls, enum MHD_ValueKind kind, const char *name,
                                  size_t nname, const char *value, size_t nvalue) {
  exchange *e = (exchange *)cls;
  (void)kind;
  while (nvalue > 0 && (value[nvalue - 1] == ' ' || value[nvalue - 1] == '\t'))
    nvalue--;
  if (!bytes_append_piece(&e->headers, name, nname) ||
      !bytes_append_piece(&e->headers, value, nvalue))
    return MHD_NO;
  e->nheaders++;
  return MHD_YES;
}

/* Bytes of the head as they were on the wire, near enough for its bound. */
static size_t head_size (const exchange *e) {
  const size_t line = e->method.n + e->target.n + (sizeof "  HTTP/1.1\r\n\r\n" - 1);
  const size_t pieces = e->headers.n - e->nheaders * 2 * sizeof(size_t);
  return line + pieces + e->nheaders * (sizeof ": \r\n" - 1);
}

/* Does the request announce a body that is longer than allowed? */
static int body_too_long (struct MHD_Connection *connection, size_t max) {
  const char *length =
      MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_LENGTH);
  return length && strtoull(length, NULL, 10) > max;
}

/* Answers before the body has come; libmicrohttpd closes the connection after it. */
static enum MHD_Result refuse (struct MHD_Connection *connection, unsigned status) {
  struct MHD_Response *r = MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
  enum MHD_Result queued;
  if (!r) return MHD_NO;
  queued = MHD_queue_response(connection, status, r);
  MHD_destroy_response(r);
  return queued;
}

static enum MHD_Result on_head (exchange *e, const char *method) {
  struct MHD_Connection *c = e->connection;
  e->stage = ARRIVING;
  if (!bytes_append(&e->method, method, strlen(method))) return MHD_NO;
  if (MHD_get_connection_values_n(c, MHD_HEADER_KIND, NULL, NULL) !=
      MHD_get_connection_values_n(c, MHD_HEADER_KIND, on_header, e))
    return MHD_NO;
  if (head_size(e) > HEAD_MAX) return refuse(c, HEAD_TOO_LONG);
  if (body_too_long(c, e->server->max_body)) return refuse(c, BODY_TOO_LONG);
  return MHD_YES;
}

/* A chunked body shows its length only by arriving: past the bound the connection closes. */
static enum MHD_Result on_body (exchange *e, const char *p, size_t n) {
  if (n > e->server->max_body - e->body.n) return MHD_NO;
  return bytes_append(&e->body, p, n) ? MHD_YES : MHD_NO;
}

static enum MHD_Result on_complete (exchange *e) {
  e->id = ++e->server->last_id;
  e->since = now_ms();
  e->stage = READY;
  MHD_suspend_connection(e->connection);
  return MHD_YES;
}

/* Sends RST at once: without this libmicrohttpd's shutdown would send a FIN before it. */
static void reset (struct MHD_Connection *connection) {
  const union MHD_ConnectionInfo *info =
      MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
  struct linger none = {1, 0};
  struct sockaddr nobody;
  if (!info) return;
  memset(&nobody, 0, sizeof nobody);
  nobody.sa_family = AF_UNSPEC;
  (void)setsockopt(info->connect_fd, SOL_SOCKET, SO_LINGER, &none, sizeof none);
  (void)connect(info->connect_fd, &nobody, sizeof nobody);
}

static enum MHD_Result on_decided (exchange *e) {
  enum MHD_Result queued;
  if (e->deed == RESET) reset(e->connection);
  if (e->deed != REPLY) return MHD_NO;
  queued = MHD_queue_response(e->connection, e->status, e->response);
  MHD_destroy_response(e->response);
  e->response = NULL;
  e->stage = ANSWERED;
  return queued;
}

/* The reply to an upgrade has gone. What is out of memory here is hung up on by whoever asks. */
static void on_upgrade (void *cls, struct MHD_Connection *connection, void *context,
                        const char *extra, size_t nextra, MHD_socket fd,
                        struct MHD_UpgradeResponseHandle *upgrade) {
  exchange *e = (exchange *)context;
  (void)cls, (void)connection;
  e->stage = UPGRADED;
  e->fd = fd;
  e->upgrade = upgrade;
  e->body.n = 0;
  if (!bytes_append(&e->body, extra, nextra)) e->fd = -1;
}

/* Called once with the head, then for each part of the body, then with none, then resumed. */
static enum MHD_Result on_request (void *cls, struct MHD_Connection *connection, const char *url,
                                   const char *method, const char *version, const char *part,
                                   size_t *npart, void **context) {
  exchange *e = (exchange *)*context;
  const size_t n = *npart;
  (void)connection, (void)url, (void)version;
  if (!e || ((server *)cls)->closing) return e && e->stage == DECIDED ? on_decided(e) : MHD_NO;
  if (e->stage == DECIDED) return on_decided(e);
  if (e->stage == NEW) return on_head(e, method);
  if (n == 0) return on_complete(e);
  *npart = 0;
  return on_body(e, part, n);
}

/* }====================================================== */

/*
** {======================================================
** The loop
** =======================================================
*/

/* Runs while there is work at hand that needs no waiting. */
static void server_run (server *s) {
  int rounds = 0;
  unsigned long long left;
  server_expire(s, now_ms());
  do {
    MHD_run_wait(s->daemon, 0);
    rounds++;
  } while (rounds < ROUNDS && MHD_get_timeout(s->daemon, &left) == MHD_YES && left == 0);
}

/* Milliseconds that the loop may sleep: neither a held request nor libmicrohttpd is kept. */
static int server_patience (server *s, int64_t now, int64_t until) {
  const exchange *e;
  int64_t left;
  unsigned long long own;
  for (e = s->first.next; e != &s->first; e = e->next)
    if (exchange_waits(e) && e->since + s->hold < until) until = e->since + s->hold;
  left = until > now ? until - now : 0;
  if (MHD_get_timeout(s->daemon, &own) == MHD_YES && own < (unsigned long long)left)
    left = (int64_t)own;
  return left > INT_MAX ? INT_MAX : (int)left;
}

/* Reading from a terminal in the background would stop the process. */
static int stdin_readable (void) {
  return !isatty(STDIN_FILENO) || tcgetpgrp(STDIN_FILENO) == getpgrp();
}

/* Swallows what has come on stdin: has it ended? */
static int stdin_ended (void) {
  char swallowed[1024];
  const ssize_t n = read(STDIN_FILENO, swallowed, sizeof swallowed);
  return n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN);
}

typedef enum event { IDLE, REQUEST, CLOSED } event;

/* Runs until a request is ready to be taken, `until` has come, a signal or stdin ended. */
static event server_wait (server *s, int64_t until, int watch) {
  for (;;) {
    struct pollfd fds[2];
    int64_t now;
    server_run(s);
    if (server_ready(s)) return REQUEST;
    now = now_ms();
    fds[0].fd = s->epoll;
    fds[1].fd = watch && stdin_readable() ? STDIN_FILENO : -1; /* -1: poll passes over it */
    fds[0].events = fds[1].events = POLLIN;
    fds[0].revents = fds[1].revents = 0;
    if (poll(fds, 2, now < until ? server_patience(s, now, until) : 0) < 0) return IDLE;
    if (fds[1].revents && stdin_ended()) return CLOSED;
    if (now >= until) return IDLE;
  }
}

static int server_count (server *s, int (*which)(const exchange *e)) {
  const exchange *e;
  int n = 0;
  for (e = s->first.next; e != &s->first; e = e->next)
    n += which(e);
  return n;
}

static int exchange_unsettled (const exchange *e) {
  return exchange_waits(e) || e->stage == DECIDED;
}

static int exchange_answered (const exchange *e) {
  return e->stage == ANSWERED || e->stage == UPGRADED;
}

static void exchange_hang_up (exchange *e) {
  struct MHD_UpgradeResponseHandle *upgrade = e->upgrade;
  e->upgrade = NULL;
  if (upgrade) MHD_upgrade_action(upgrade, MHD_UPGRADE_ACTION_CLOSE);
}

/*
** Stops the daemon. Whoever waits is dropped first, and replies on their way get CLOSE_MAX.
** A daemon with a connection that is still suspended would abort: it is leaked instead.
*/
static void server_close (server *s) {
  const int64_t until = now_ms() + CLOSE_MAX;
  exchange *e;
  if (!s->daemon) return;
  s->closing = 1;
  for (e = s->first.next; e != &s->first; e = e->next)
    if (exchange_waits(e)) exchange_decide(e, DROP);
  for (e = s->first.next; e != &s->first; e = e->next)
    if (e->stage == UPGRADED) exchange_hang_up(e);
  MHD_run_wait(s->daemon, 0);
  while ((server_count(s, exchange_unsettled) || server_count(s, exchange_answered)) &&
         now_ms() < until)
    MHD_run_wait(s->daemon, 1);
  if (!server_count(s, exchange_unsettled)) MHD_stop_daemon(s->daemon);
  s->daemon = NULL;
}

/* }====================================================== */

/*
** {======================================================
** Lua: replies
** =======================================================
*/

static server *check_server (lua_State *L) {
  server *s = (server *)luaL_checkudata(L, 1, SERVER);
  if (!s->daemon) luaL_error(L, "attempt to use a closed server");
  return s;
}

static int gone (lua_State *L, double id) {
  lua_pushnil(L);
  lua_pushfstring(L, "request %d is gone", (int)id);
  return 2;
}

/* Takes name and value from the top of the stack; leaves them there. */
static void add_header (lua_State *L, exchange *e, int arg) {
  if (lua_type(L, -2) != LUA_TSTRING || lua_type(L, -1) != LUA_TSTRING)
    luaL_argerror(L, arg, "header names and values must be strings");
  if (MHD_add_response_header(e->response, lua_tostring(L, -2), lua_tostring(L, -1)) != MHD_YES)
    luaL_argerror(L, arg, lua_pushfstring(L, "header '%s' is refused", lua_tostring(L, -2)));
}

/* Headers are a table name = value or a list of { name, value }. */
static void add_headers (lua_State *L, exchange *e, int arg) {
  if (lua_isnoneornil(L, arg)) return;
  luaL_checktype(L, arg, LUA_TTABLE);
  lua_pushnil(L);
  while (lua_next(L, arg)) { /* stack: ... key value */
    if (lua_type(L, -1) == LUA_TTABLE) {
      lua_rawgeti(L, -1, 1);
      lua_rawgeti(L, -2, 2); /* stack: ... key pair name value */
      add_header(L, e, arg);
      lua_pop(L, 3);
    }
    else {
      add_header(L, e, arg);
      lua_pop(L, 1);
    }
  }
}

/* From here on the exchange owns it: nothing leaks when a header raises. */
static void own_response (lua_State *L, exchange *e, struct MHD_Response *r) {
  if (!r) luaL_error(L, "not enough memory for a reply");
  if (e->response) MHD_destroy_response(e->response);
  e->response = r;
}

static unsigned check_status (lua_State *L, int arg) {
  const lua_Number status = luaL_checknumber(L, arg);
  luaL_argcheck(L, status >= 200 && status <= 999, arg, "a status of 200 to 999 expected");
  return (unsigned)status;
}

static int server_reply (lua_State *L) {
  server *s = check_server(L);
  const double id = (double)luaL_checknumber(L, 2);
  const unsigned status = check_status(L, 3);
  size_t n;
  const char *body = luaL_optlstring(L, 5, "", &n);
  exchange *e = server_find(s, id, TAKEN); /* from here on nothing allocates: see server_take */
  if (!e) return gone(L, id);
  own_response(L, e, MHD_create_response_from_buffer(n, (void *)body, MHD_RESPMEM_MUST_COPY));
  add_headers(L, e, 4);
  e->status = status;
  exchange_decide(e, REPLY);
  lua_pushboolean(L, 1);
  return 1;
}

/* upgrade(id, headers): the reply is 101, and then the connection is no HTTP any more */
static int server_upgrade (lua_State *L) {
  server *s = check_server(L);
  const double id = (double)luaL_checknumber(L, 2);
  exchange *e = server_find(s, id, TAKEN);
  if (!e) return gone(L, id);
  own_response(L, e, MHD_create_response_for_upgrade(on_upgrade, NULL));
  add_headers(L, e, 3);
  e->status = MHD_HTTP_SWITCHING_PROTOCOLS;
  exchange_decide(e, REPLY);
  lua_pushboolean(L, 1);
  return 1;
}

/* upgraded(id) -> fd, what came behind the head | nil while it is not, and where it is gone */
static int server_upgraded (lua_State *L) {
  server *s = check_server(L);
  const exchange *e = server_find(s, (double)luaL_checknumber(L, 2), UPGRADED);
  if (!e || e->fd < 0) return 0;
  lua_pushinteger(L, e->fd);
  lua_pushlstring(L, e->body.n ? e->body.p : "", e->body.n);
  return 2;
}

static int server_hang_up (lua_State *L) {
  server *s = check_server(L);
  exchange *e = server_find(s, (double)luaL_checknumber(L, 2), UPGRADED);
  if (e) exchange_hang_up(e);
  lua_pushboolean(L, e != NULL);
  return 1;
}

/* A body that breaks off: `keep` bytes of it come, though more were announced. */
typedef struct stub {
  size_t keep;
  char bytes[1];
} stub;

static ssize_t on_stub (void *cls, uint64_t at, char *to, size_t room) {
  const stub *b = (const stub *)cls;
  size_t n;
  if (at >= b->keep) return MHD_CONTENT_READER_END_WITH_ERROR;
  n = b->keep - (size_t)at;
  if (n > room) n = room;
  memcpy(to, b->bytes + at, n);
  return (ssize_t)n;
}

static struct MHD_Response *stub_response (const char *body, size_t n, size_t keep) {
  stub *b = (stub *)malloc(sizeof *b + keep);
  struct MHD_Response *r;
  if (!b) return NULL;
  b->keep = keep;
  memcpy(b->bytes, body, keep);
  r = MHD_create_response_from_callback(n, 1024, on_stub, b, free);
  if (!r) free(b);
  return r;
}

typedef struct broken_reply {
  unsigned status;
  const char *body;
  size_t n, keep;
} broken_reply;

/* fail(id, "truncate", status, headers, body [, keep]) */
static void read_broken_reply (lua_State *L, broken_reply *r) {
  lua_Number keep;
  r->status = check_status(L, 4);
  r->body = luaL_checklstring(L, 6, &r->n);
  keep = luaL_optnumber(L, 7, (lua_Number)(r->n / 2));
  luaL_argcheck(L, keep >= 0 && keep < (lua_Number)r->n, 7, "must be less than the body's length");
  r->keep = (size_t)keep;
}

static int server_fail (lua_State *L) {
  static const char *const names[] = {"drop", "reset", "truncate", NULL};
  static const deed deeds[] = {DROP, RESET, REPLY};
  server *s = check_server(L);
  const double id = (double)luaL_checknumber(L, 2);
  const deed what = deeds[luaL_checkoption(L, 3, NULL, names)];
  broken_reply r;
  exchange *e;
  if (what == REPLY) read_broken_reply(L, &r);
  e = server_find(s, id, TAKEN);
  if (!e) return gone(L, id);
  if (what == REPLY) {
    own_response(L, e, stub_response(r.body, r.n, r.keep));
    add_headers(L, e, 5);
    e->status = r.status;
  }
  exchange_decide(e, what);
  lua_pushboolean(L, 1);
  return 1;
}

/* }====================================================== */

/*
** {======================================================
** Lua: requests
** =======================================================
*/

static void push_headers (lua_State *L, const exchange *e) {
  size_t at = 0, n;
  int i;
  lua_createtable(L, (int)e->nheaders, 0);
  for (i = 1; (size_t)i <= e->nheaders; i++) {
    const char *p = bytes_piece(&e->headers, &at, &n);
    lua_createtable(L, 2, 0);
    lua_pushlstring(L, p, n);
    lua_rawseti(L, -2, 1);
    p = bytes_piece(&e->headers, &at, &n);
    lua_pushlstring(L, p, n);
    lua_rawseti(L, -2, 2);
    lua_rawseti(L, -2, i);
  }
}

static void push_bytes (lua_State *L, const bytes *b) {
  lua_pushlstring(L, b->n ? b->p : "", b->n);
}

/* Moves a view of `from` into memory at `to`; where the next one begins. */
static char *bytes_lend (bytes *view, const bytes *from, char *to) {
  if (from->n) memcpy(to, from->p, from->n);
  view->p = to;
  view->n = view->room = from->n;
  return to + from->n;
}

static size_t exchange_size (const exchange *e) {
  return e->method.n + e->target.n + e->headers.n + e->body.n;
}

/*
** A push may raise, and may run a finalizer that closes this very server. So the request is
** copied into a userdata first and pushed from there, and it counts as taken only when all
** of it is on the stack.
*/
static int server_take (lua_State *L) {
  server *s = check_server(L);
  exchange *e = server_ready(s);
  exchange copy;
  char *to;
  double id;
  if (!e) return 0;
  id = e->id;
  to = (char *)compat_newuserdata(L, exchange_size(e));
  e = server_find(s, id, READY);
  if (!e) return 0;
  copy = *e;
  to = bytes_lend(&copy.method, &e->method, to);
  to = bytes_lend(&copy.target, &e->target, to);
  to = bytes_lend(&copy.headers, &e->headers, to);
  bytes_lend(&copy.body, &e->body, to);
  lua_pushinteger(L, (lua_Integer)id);
  push_bytes(L, &copy.method);
  push_bytes(L, &copy.target);
  push_headers(L, &copy);
  push_bytes(L, &copy.body);
  e = server_find(s, id, READY);
  if (e) e->stage = TAKEN;
  return 5;
}

static lua_Number check_seconds (lua_State *L, int arg, lua_Number seconds) {
  luaL_argcheck(L, seconds >= 0, arg, "seconds expected");
  return seconds > SECONDS_MAX ? SECONDS_MAX : seconds;
}

/* wait(seconds [, watch_stdin]): true: a request is ready; false: none; "closed": stdin ended */
static int server_wait_lua (lua_State *L) {
  server *s = check_server(L);
  const lua_Number seconds = check_seconds(L, 2, luaL_optnumber(L, 2, 0));
  const int watch = lua_toboolean(L, 3);
  const event what = server_wait(s, now_ms() + (int64_t)(seconds * 1000), watch);
  if (what == CLOSED) lua_pushliteral(L, "closed");
  else lua_pushboolean(L, what == REQUEST);
  return 1;
}

static int server_port (lua_State *L) {
  const server *s = check_server(L);
  const union MHD_DaemonInfo *info = MHD_get_daemon_info(s->daemon, MHD_DAEMON_INFO_BIND_PORT);
  lua_pushinteger(L, info ? (lua_Integer)info->port : 0);
  return 1;
}

static int server_fd (lua_State *L) {
  lua_pushinteger(L, check_server(L)->epoll);
  return 1;
}

static int server_close_lua (lua_State *L) {
  server_close((server *)luaL_checkudata(L, 1, SERVER));
  return 0;
}

static int server_tostring (lua_State *L) {
  const server *s = (const server *)luaL_checkudata(L, 1, SERVER);
  lua_pushfstring(L, SERVER " (%s)", s->daemon ? "open" : "closed");
  return 1;
}

/* }====================================================== */

/*
** {======================================================
** Lua: listen
** =======================================================
*/

typedef struct settings {
  struct sockaddr_in address;
  const char *name; /* of the address */
  const char *cert, *key;
  unsigned idle; /* seconds */
} settings;

/* The field of the options, or `otherwise`; at least 0. Leaves nothing on the stack. */
static lua_Number number_field (lua_State *L, const char *name, lua_Number otherwise) {
  lua_Number value = otherwise;
  lua_getfield(L, 1, name);
  if (lua_type(L, -1) == LUA_TNUMBER) value = lua_tonumber(L, -1);
  else if (!lua_isnil(L, -1)) luaL_error(L, "option '%s' must be a number", name);
  if (!(value >= 0)) luaL_error(L, "option '%s' must not be negative", name);
  lua_pop(L, 1);
  return value;
}

/* Leaves the string on the stack, where it stays alive. */
static const char *string_field (lua_State *L, const char *name, const char *otherwise) {
  lua_getfield(L, 1, name);
  if (lua_isnil(L, -1)) return otherwise;
  if (lua_type(L, -1) != LUA_TSTRING) luaL_error(L, "option '%s' must be a string", name);
  return lua_tostring(L, -1);
}

static void read_settings (lua_State *L, server *s, settings *o) {
  const lua_Number port = number_field(L, "port", 0);
  const lua_Number body = number_field(L, "max_body", BODY_MAX);
  const lua_Number hold = number_field(L, "hold", HOLD_MAX);
  const lua_Number idle = number_field(L, "idle", IDLE_MAX);
  if (port > 65535) luaL_error(L, "option 'port' must be at most 65535");
  if (body > 1e9) luaL_error(L, "option 'max_body' must be at most 1e9");
  s->max_body = (size_t)body;
  s->hold = (int64_t)((hold > SECONDS_MAX ? SECONDS_MAX : hold) * 1000);
  o->idle = (unsigned)(idle > SECONDS_MAX ? SECONDS_MAX : idle);
  o->name = string_field(L, "address", "127.0.0.1");
  o->cert = string_field(L, "cert", NULL);
  o->key = string_field(L, "key", NULL);
  if (!o->cert != !o->key) luaL_error(L, "options 'cert' and 'key' belong together");
  o->address.sin_family = AF_INET;
  o->address.sin_port = htons((uint16_t)port);
  if (inet_pton(AF_INET, o->name, &o->address.sin_addr) != 1)
    luaL_error(L, "option 'address' must be an IPv4 address");
}

static void server_start (server *s, const settings *o) {
  const unsigned flags =
      MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_ALLOW_UPGRADE | (o->cert ? MHD_USE_TLS : 0u);
  const struct MHD_OptionItem options[] = {
      {MHD_OPTION_SOCK_ADDR, 0, (void *)&o->address},
      {MHD_OPTION_URI_LOG_CALLBACK, (intptr_t)on_target, s},
      {MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)on_completed, NULL},
      {MHD_OPTION_CONNECTION_MEMORY_LIMIT, POOL_SIZE, NULL},
      {MHD_OPTION_CONNECTION_TIMEOUT, (intptr_t)o->idle, NULL},
      {o->cert ? MHD_OPTION_HTTPS_MEM_CERT : MHD_OPTION_END, 0, (void *)o->cert},
      {MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)o->key},
      {MHD_OPTION_END, 0, NULL}};
  const uint16_t port = ntohs(o->address.sin_port);
  const union MHD_DaemonInfo *info;
  s->daemon = MHD_start_daemon(flags, port, NULL, NULL, on_request, s, MHD_OPTION_ARRAY, options,
                               MHD_OPTION_END);
  if (!s->daemon) return;
  info = MHD_get_daemon_info(s->daemon, MHD_DAEMON_INFO_EPOLL_FD);
  s->epoll = info ? info->epoll_fd : -1;
}

/* listen(options): the server, or nil and a message */
static int httpd_listen (lua_State *L) {
  server *s;
  settings o;
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  memset(&o, 0, sizeof o);
  s = (server *)compat_newuserdata(L, sizeof *s);
  memset(s, 0, sizeof *s);
  s->first.next = s->first.prev = &s->first;
  luaL_getmetatable(L, SERVER);
  lua_setmetatable(L, 2); /* closed, but whole: from here on its finalizer does what is due */
  read_settings(L, s, &o);
  errno = 0;
  server_start(s, &o);
  if (!s->daemon) {
    const int why = errno;
    lua_pushnil(L);
    lua_pushfstring(L, "cannot listen on %s port %d: %s", o.name, (int)ntohs(o.address.sin_port),
                    why ? strerror(why) : "refused by libmicrohttpd");
    return 2;
  }
  lua_pushvalue(L, 2);
  return 1;
}

/* }====================================================== */

static const luaL_Reg server_methods[] = {{"port", server_port},
                                          {"fd", server_fd},
                                          {"wait", server_wait_lua},
                                          {"take", server_take},
                                          {"reply", server_reply},
                                          {"fail", server_fail},
                                          {"upgrade", server_upgrade},
                                          {"upgraded", server_upgraded},
                                          {"hang_up", server_hang_up},
                                          {"close", server_close_lua},
                                          {NULL, NULL}};

static const luaL_Reg server_metamethods[] = {{"__gc", server_close_lua},
                                              {"__close", server_close_lua},
                                              {"__tostring", server_tostring},
                                              {NULL, NULL}};

static const luaL_Reg httpd_functions[] = {{"listen", httpd_listen}, {NULL, NULL}};

TUYA_EXPORT int luaopen_tuya_httpd (lua_State *L);

TUYA_EXPORT int luaopen_tuya_httpd (lua_State *L) {
  compat_checkversion(L);
  compat_newclass(L, SERVER, server_methods, server_metamethods);
  lua_newtable(L);
  compat_setfuncs(L, httpd_functions);
  return 1;
}
