/*
** curl.c: the module tuya.curl, the pool of tuya_curl.h seen from Lua.
** The idea: the pool userdata is made closed, with its metatable, before a pool is put into
** it; it is the only finalizer, and transfers are plain numbers.
** The danger: libcurl and OpenSSL must never be unloaded, a resolver's thread may still run:
** the module pins itself when the first pool is made. No Lua runs in any callback.
*/
#define _GNU_SOURCE

#include "compat.h"
#include "pin.h"
#include "tuya_curl.h"

#define POOL "tuya.pool"
#define SEALED "tuya.sealed"

TUYA_EXPORT int luaopen_tuya_curl (lua_State *L);

typedef struct pool_box {
  tuya_pool *pool;                  /* NULL: not yet open, or closed */
  int64_t timeout, connect_timeout; /* ms, where a request has none; 0: the pool's own */
} pool_box;

static pool_box *check_box (lua_State *L) {
  pool_box *box = (pool_box *)luaL_checkudata(L, 1, POOL);
  if (!box->pool) luaL_argerror(L, 1, "attempt to use a closed pool");
  if (tuya_pool_is_forked(box->pool)) {
    lua_pushliteral(L, "attempt to use connections that were made before a fork: "
                       "make the client in the child");
    lua_error(L);
  }
  return box;
}

static tuya_pool *check_pool (lua_State *L) { return check_box(L)->pool; }

/* The value stays on the stack, so that its text lives as long as the call. */
static const char *text_option (lua_State *L, const char *name) {
  lua_getfield(L, 1, name);
  if (lua_isnil(L, -1)) return NULL;
  if (lua_type(L, -1) != LUA_TSTRING) luaL_error(L, "%s: a string expected", name);
  return lua_tostring(L, -1);
}

static size_t number_option (lua_State *L, const char *name) {
  lua_Number n;
  lua_getfield(L, 1, name);
  n = lua_tonumber(L, -1);
  return n >= 1 && n < 2147483647.0 ? (size_t)n : n >= 1 ? 2147483647 : 0;
}

#define LONGEST 1e12 /* ms; thirty years are for ever */

static int64_t to_ms (lua_Number ms) {
  if (!(ms > 0)) return 0;
  return ms < LONGEST ? (int64_t)ms : (int64_t)LONGEST;
}

/* Seconds in the field of a table as whole milliseconds, never less; 0 for none. */
static int64_t field_ms (lua_State *L, int table, const char *name) {
  lua_Number ms;
  int64_t whole;
  lua_getfield(L, table, name);
  ms = 1e3 * lua_tonumber(L, -1);
  lua_pop(L, 1);
  whole = to_ms(ms);
  return (lua_Number)whole < ms && ms < LONGEST ? whole + 1 : whole;
}

static void read_options (lua_State *L, tuya_pool_options *options) {
  luaL_checktype(L, 1, LUA_TTABLE);
  options->endpoint = text_option(L, "endpoint");
  options->ca_file = text_option(L, "ca_file");
  options->proxy = text_option(L, "proxy");
  options->user_agent = text_option(L, "user_agent");
  options->max_connections = (int)number_option(L, "max_connections");
  options->max_queue = number_option(L, "max_queue");
  options->max_reply = number_option(L, "max_reply");
  luaL_argcheck(L, options->endpoint, 1, "endpoint: a string expected");
}

/*
** pool{ endpoint=, ca_file=, proxy=, user_agent=, timeout=, max_connections=, ... }
**   -> pool | nil, message
*/
static int pool_new (lua_State *L) {
  tuya_pool_options options;
  pool_box *box;
  read_options(L, &options);
  box = (pool_box *)compat_newuserdata(L, sizeof *box);
  box->pool = NULL;
  box->timeout = field_ms(L, 1, "timeout");
  box->connect_timeout = field_ms(L, 1, "connect_timeout");
  luaL_getmetatable(L, POOL);
  lua_setmetatable(L, -2);
  pin(luaopen_tuya_curl);
  box->pool = tuya_pool_new(&options);
  if (box->pool) return 1;
  lua_pushnil(L);
  lua_pushliteral(L, "out of memory or descriptors");
  return 2;
}

static int pool_close (lua_State *L) {
  pool_box *box = (pool_box *)luaL_checkudata(L, 1, POOL);
  tuya_pool *pool = box->pool;
  box->pool = NULL;
  tuya_pool_free(pool);
  return 0;
}

static int pool_tostring (lua_State *L) {
  pool_box *box = (pool_box *)luaL_checkudata(L, 1, POOL);
  lua_pushstring(L, box->pool ? POOL : POOL " (closed)");
  return 1;
}

/* A count from an optional argument; 0 for none. */
static int64_t opt_ms (lua_State *L, int arg) { return to_ms(luaL_optnumber(L, arg, 0)); }

/* The id of a transfer; of none, where the number cannot be one. 0, as for nil: any. */
static int64_t opt_id (lua_State *L, int arg) {
  lua_Number id = luaL_optnumber(L, arg, 0);
  return id == 0 ? 0 : id > 0 && id < 9e18 ? (int64_t)id : -1;
}

/* A lane is one's own share of the replies; 0: that of blocking calls. */
static int opt_lane (lua_State *L, int arg) {
  lua_Number lane = luaL_optnumber(L, arg, 0);
  return lane > 0 && lane < 2147483647.0 ? (int)lane : 0;
}

/* Whether a field is nil or a number above 0. */
static int is_limit (lua_State *L, const char *name) {
  int is;
  lua_getfield(L, 3, name);
  is = lua_isnil(L, -1) || (lua_type(L, -1) == LUA_TNUMBER && lua_tonumber(L, -1) > 0);
  lua_pop(L, 1);
  return is;
}

/* Whether arguments are right beyond doubt; the endpoint and what a metatable lends are not. */
static int is_plain (lua_State *L) {
  int is;
  if (!compat_testudata(L, 2, SEALED)) return 0;
  if (lua_isnil(L, 3)) return 1;
  if (!lua_istable(L, 3) || lua_getmetatable(L, 3)) return 0;
  lua_getfield(L, 3, "endpoint");
  is = lua_isnil(L, -1);
  lua_pop(L, 1);
  return is && is_limit(L, "timeout") && is_limit(L, "connect_timeout");
}

/* The endpoint stays on the stack, so that its text lives as long as the call. */
static void read_limits (lua_State *L, const pool_box *box, tuya_limits *limits) {
  limits->timeout = limits->connect_timeout = 0;
  limits->endpoint = NULL;
  if (!lua_isnil(L, 3)) {
    luaL_checktype(L, 3, LUA_TTABLE);
    limits->timeout = field_ms(L, 3, "timeout");
    limits->connect_timeout = field_ms(L, 3, "connect_timeout");
    lua_getfield(L, 3, "endpoint");
    limits->endpoint = luaL_optstring(L, -1, NULL);
  }
  if (!limits->timeout) limits->timeout = box->timeout;
  if (!limits->connect_timeout) limits->connect_timeout = box->connect_timeout;
}

/*
** start(sealed, { timeout=, connect_timeout=, endpoint= } | nil, lane, checked)
**   -> id | nil, "the queue is full" | nothing: arguments are to be checked before
*/
static int pool_start (lua_State *L) {
  const tuya_sealed *sealed;
  tuya_limits limits;
  int64_t id;
  lua_settop(L, 5);
  if (!lua_toboolean(L, 5) && !is_plain(L)) return 0;
  sealed = (const tuya_sealed *)luaL_checkudata(L, 2, SEALED);
  limits.lane = opt_lane(L, 4);
  read_limits(L, check_box(L), &limits); /* what lends the fields may close the pool */
  id = tuya_pool_start(check_pool(L), sealed, &limits);
  if (id < 0) return luaL_error(L, "not enough memory");
  if (id > 0) {
    lua_pushnumber(L, (lua_Number)id);
    return 1;
  }
  lua_pushnil(L);
  lua_pushliteral(L, "the queue is full");
  return 2;
}

static const char *sent_name (tuya_sent sent) {
  return sent == TUYA_SENT_NO ? "no" : sent == TUYA_SENT_MAYBE ? "maybe" : "yes";
}

/* cancel(id) -> how far it got | nil for an unknown one */
static int pool_cancel (lua_State *L) {
  tuya_pool *pool = check_pool(L);
  tuya_sent sent;
  luaL_checknumber(L, 2);
  if (tuya_pool_cancel(pool, opt_id(L, 2), &sent)) lua_pushstring(L, sent_name(sent));
  else lua_pushnil(L);
  return 1;
}

/* tick(budget in microseconds | nil) -> how many are not yet finished */
static int pool_tick (lua_State *L) {
  tuya_pool *pool = check_pool(L);
  lua_pushinteger(L, tuya_pool_tick(pool, opt_ms(L, 2)));
  return 1;
}

/* fds() -> { { fd = n, read = boolean, write = boolean }, ... } */
static int pool_fds (lua_State *L) {
  tuya_fd fd;
  int i;
  check_pool(L);
  lua_newtable(L);
  for (i = 0; tuya_pool_fd(check_pool(L), (size_t)i, &fd); i++)
    compat_pushfd(L, i + 1, fd.fd, fd.in, fd.out);
  return 1;
}

static int pool_wait (lua_State *L) {
  tuya_pool *pool = check_pool(L);
  tuya_pool_wait(pool, opt_ms(L, 2));
  return 0;
}

/* timeout() -> ms until the pool wants a tick, nil for never */
static int pool_timeout (lua_State *L) {
  int64_t ms = tuya_pool_timeout(check_pool(L));
  if (ms < 0) lua_pushnil(L);
  else lua_pushnumber(L, (lua_Number)ms);
  return 1;
}

static const char *error_name (tuya_net error) {
  switch (error) {
  case TUYA_NET_OK:
    return NULL;
  case TUYA_NET_DNS:
    return "dns";
  case TUYA_NET_CONNECT:
    return "connect";
  case TUYA_NET_TLS:
    return "tls";
  case TUYA_NET_TIMEOUT:
    return "timeout";
  case TUYA_NET_RESET:
    return "reset";
  case TUYA_NET_TOO_LARGE:
    return "too_large";
  default:
    return "protocol";
  }
}

static char *lower (char *p, const char *end) {
  for (; p < end; p++)
    if (*p >= 'A' && *p <= 'Z') *p = (char)(*p - 'A' + 'a');
  return p;
}

/* The end of a header's value: a blank before the line's end is not part of it. */
static const char *end_of (const char *value, const char *end) {
  const char *stop = value;
  while (stop < end && *stop != '\r')
    stop++;
  while (stop > value && (stop[-1] == ' ' || stop[-1] == '\t'))
    stop--;
  return stop;
}

/* Adds a line of a head; one whose name is there already goes behind that and a comma. */
static void add_header (lua_State *L, int headers, char *line, const char *end) {
  char *colon = (char *)memchr(line, ':', (size_t)(end - line));
  const char *value = colon;
  size_t n;
  if (!colon || colon == line) return;
  do
    value++;
  while (value < end && (*value == ' ' || *value == '\t'));
  n = (size_t)(end_of(value, end) - value);
  lua_pushlstring(L, line, (size_t)(lower(line, colon) - line));
  lua_pushvalue(L, -1);
  lua_rawget(L, headers); /* stack: ... name what-there-is */
  if (lua_isnil(L, -1)) {
    lua_pop(L, 1);
    lua_pushlstring(L, value, n);
  }
  else {
    lua_pushliteral(L, ", ");
    lua_pushlstring(L, value, n);
    lua_concat(L, 3);
  }
  lua_rawset(L, headers);
}

/* Pushes the headers of a head as a table, names in lower case: so they are written in place. */
static void push_headers (lua_State *L, char *head, size_t n) {
  char *end = head + n, *line = (char *)memchr(head, '\n', n); /* of the status line */
  int headers;
  lua_createtable(L, 0, 8);
  headers = lua_gettop(L);
  while (line && ++line < end) {
    char *next = (char *)memchr(line, '\n', (size_t)(end - line));
    add_header(L, headers, line, next ? next : end);
    line = next;
  }
}

enum { SMALL = 4096 }; /* of a reply that is copied to C's stack */

static size_t size_of (const tuya_reply *reply) {
  return reply->headers.n + reply->body.n + strlen(reply->message) + 1;
}

static void fill_copy (char *copy, const tuya_reply *reply) {
  if (reply->headers.n) memcpy(copy, reply->headers.p, reply->headers.n);
  copy += reply->headers.n;
  if (reply->body.n) memcpy(copy, reply->body.p, reply->body.n);
  memcpy(copy + reply->body.n, reply->message, strlen(reply->message) + 1);
}

/* Names of fields, as strings made once: upvalues of take. */
enum { STATUS = 1, HEADERS, BODY, FIELDS = BODY };
static const char *const fields[] = {NULL, "status", "headers", "body"};

/* Sets a field of the table below to the value on top. */
static void set_field (lua_State *L, int field) {
  lua_pushvalue(L, lua_upvalueindex(field));
  lua_insert(L, -2);
  lua_rawset(L, -3);
}

/* Pushes { status=, headers=, body= }. */
static int push_reply (lua_State *L, const tuya_reply *reply, char *copy) {
  lua_createtable(L, 0, FIELDS);
  lua_pushinteger(L, (lua_Integer)reply->status);
  set_field(L, STATUS);
  push_headers(L, copy, reply->headers.n);
  set_field(L, HEADERS);
  lua_pushlstring(L, copy + reply->headers.n, reply->body.n);
  set_field(L, BODY);
  return 1;
}

/* Pushes nil, message, { kind=, code=, message=, sent=, status= }. */
static int push_failure (lua_State *L, const tuya_reply *reply, const char *message) {
  lua_pushnil(L);
  lua_pushstring(L, message);
  lua_createtable(L, 0, 5);
  lua_pushliteral(L, "network");
  lua_setfield(L, -2, "kind");
  lua_pushstring(L, error_name(reply->error));
  lua_setfield(L, -2, "code");
  lua_pushvalue(L, -2);
  lua_setfield(L, -2, "message");
  lua_pushstring(L, sent_name(reply->sent));
  lua_setfield(L, -2, "sent");
  if (!reply->status) return 3;
  lua_pushinteger(L, (lua_Integer)reply->status);
  lua_setfield(L, -2, "status");
  return 3;
}

/*
** take(id) or take(nil, lane), the first finished of a lane
**   -> id, { status=, headers=, body= }  |  id, nil, message, detail  |  nothing
** Whatever allocates may run a finalizer, and that may use or close the pool: so the reply is
** copied before, and where the copy itself takes memory of Lua's, looked at again.
*/
static int pool_take (lua_State *L) {
  int64_t id = opt_id(L, 2);
  int lane = opt_lane(L, 3);
  tuya_reply reply;
  char small[SMALL], *copy = small;
  if (id == 0 && lane != 0) id = tuya_pool_finished(check_pool(L), lane);
  if (id == 0 && lane != 0) return 0;
  if (!tuya_pool_peek(check_pool(L), id, &reply)) return 0;
  if (size_of(&reply) > SMALL) {
    copy = (char *)compat_newuserdata(L, size_of(&reply));
    if (!tuya_pool_peek(check_pool(L), reply.id, &reply)) return 0;
  }
  fill_copy(copy, &reply);
  tuya_pool_cancel(check_pool(L), reply.id, NULL);
  lua_pushnumber(L, (lua_Number)reply.id);
  if (reply.error == TUYA_NET_OK) return 1 + push_reply(L, &reply, copy);
  return 1 + push_failure(L, &reply, copy + reply.headers.n + reply.body.n);
}

/* Adds take, with its upvalues, to the methods of the class. */
static void add_take (lua_State *L) {
  int i;
  luaL_getmetatable(L, POOL);
  lua_getfield(L, -1, "__index");
  for (i = STATUS; i <= FIELDS; i++)
    lua_pushstring(L, fields[i]);
  lua_pushcclosure(L, pool_take, FIELDS);
  lua_setfield(L, -2, "take");
  lua_pop(L, 2);
}

static const luaL_Reg methods[] = {
    {"start", pool_start}, {"cancel", pool_cancel},   {"tick", pool_tick},   {"wait", pool_wait},
    {"fds", pool_fds},     {"timeout", pool_timeout}, {"close", pool_close}, {NULL, NULL}};

static const luaL_Reg metamethods[] = {
    {"__gc", pool_close}, {"__close", pool_close}, {"__tostring", pool_tostring}, {NULL, NULL}};

static const luaL_Reg functions[] = {{"pool", pool_new}, {NULL, NULL}};

TUYA_EXPORT int luaopen_tuya_curl (lua_State *L) {
  compat_checkversion(L);
  compat_newclass(L, POOL, methods, metamethods);
  add_take(L);
  lua_newtable(L);
  compat_setfuncs(L, functions);
  return 1;
}
