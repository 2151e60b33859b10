/*
** websocket.c: the module tuya.websocket, WebSockets seen from Lua.
** The idea: Lua pulls. A tick moves on what can move, `take` hands over what has come; no callback
** of libcurl or libwslay runs Lua.
** The danger: whatever allocates may run a finalizer, and that may close this very WebSocket: so a
** message is looked at again once there is room for it.
*/
#define _GNU_SOURCE
#include <string.h>

#include "compat.h"
#include "connection.h"
#include "handshake.h"
#include "pin.h"
#include "watch.h"

#define SOCKET "tuya.websocket"
#define LONGEST 1e12 /* ms; thirty years are for ever */
#define MAX_MESSAGE 16777216.0

TUYA_EXPORT int luaopen_tuya_websocket (lua_State *L);

typedef struct box {
  connection *connection; /* NULL: closed */
} box;

static connection *check_connection (lua_State *L) {
  box *b = (box *)luaL_checkudata(L, 1, SOCKET);
  if (!b->connection) luaL_error(L, "attempt to use a closed WebSocket");
  if (connection_is_forked(b->connection))
    luaL_error(L, "attempt to use a WebSocket that was made before a fork: make it in the child");
  return b->connection;
}

/* A closed one, whose finalizer does what is due from here on. */
static box *new_box (lua_State *L) {
  box *b = (box *)compat_newuserdata(L, sizeof *b);
  b->connection = NULL;
  luaL_getmetatable(L, SOCKET);
  lua_setmetatable(L, -2);
  return b;
}

static int push_made (lua_State *L, const box *b) {
  if (b->connection) return 1;
  lua_pushnil(L);
  lua_pushliteral(L, "out of memory or descriptors, or libcurl refuses an option");
  return 2;
}

/* The string stays on the stack, where it stays alive. */
static const char *text_field (lua_State *L, const char *name, size_t *n) {
  lua_getfield(L, 1, name);
  if (lua_isnil(L, -1)) return NULL;
  if (lua_type(L, -1) != LUA_TSTRING) luaL_error(L, "%s: a string expected", name);
  return lua_tolstring(L, -1, n);
}

static lua_Number number_field (lua_State *L, const char *name, lua_Number otherwise) {
  lua_getfield(L, 1, name);
  if (lua_isnil(L, -1)) return otherwise;
  if (lua_type(L, -1) != LUA_TNUMBER || !(lua_tonumber(L, -1) > 0))
    luaL_error(L, "%s: a number over 0 expected", name);
  return lua_tonumber(L, -1);
}

static size_t check_max (lua_State *L, lua_Number most) {
  if (!(most >= 1 && most <= 1e9)) luaL_error(L, "max_message: 1 to 1e9 bytes expected");
  return (size_t)most;
}

/* connect{ endpoint=, request=, key=, ca_file=, proxy=, connect_timeout= (ms), max_message= } */
static int websocket_connect (lua_State *L) {
  connection_options o;
  size_t n = 0, nkey = 0;
  box *b;
  luaL_checktype(L, 1, LUA_TTABLE);
  memset(&o, 0, sizeof o);
  o.endpoint = text_field(L, "endpoint", &n);
  o.request = text_field(L, "request", &o.nrequest);
  o.key = text_field(L, "key", &nkey);
  o.ca_file = text_field(L, "ca_file", &n);
  o.proxy = text_field(L, "proxy", &n);
  o.connect_timeout = compat_toint64(number_field(L, "connect_timeout", 5000));
  o.max_message = check_max(L, number_field(L, "max_message", MAX_MESSAGE));
  luaL_argcheck(L, o.endpoint && o.request && nkey == HANDSHAKE_KEY, 1,
                "endpoint, request and key expected");
  b = new_box(L);
  pin(luaopen_tuya_websocket);
  b->connection = connection_new(&o);
  return push_made(L, b);
}

/* adopt(fd, extra, max_message): the server's side; the descriptor stays its owner's */
static int websocket_adopt (lua_State *L) {
  int fd = (int)luaL_checknumber(L, 1);
  size_t n;
  const char *extra = luaL_optlstring(L, 2, "", &n);
  size_t most = check_max(L, luaL_optnumber(L, 3, MAX_MESSAGE));
  box *b = new_box(L);
  b->connection = connection_adopt(fd, extra, n, most);
  return push_made(L, b);
}

static int websocket_key (lua_State *L) {
  char key[HANDSHAKE_KEY + 1];
  if (!handshake_key(key)) return luaL_error(L, "no randomness");
  lua_pushstring(L, key);
  return 1;
}

static int websocket_accept (lua_State *L) {
  char accept[HANDSHAKE_ACCEPT + 1];
  size_t n;
  const char *key = luaL_checklstring(L, 1, &n);
  if (!handshake_accept(key, n, accept)) return 0;
  lua_pushstring(L, accept);
  return 1;
}

/* --- one of them --- */

static int socket_tick (lua_State *L) {
  static const char *const names[] = {"connecting", "open", "closed"};
  lua_pushstring(L, names[connection_tick(check_connection(L))]);
  return 1;
}

/* why() -> error, message, code: of a closed one; of a certificate the code is a word */
static int socket_why (lua_State *L) {
  const connection *c = check_connection(L);
  const char *message, *error = connection_error(c, &message), *fault = connection_fault(c);
  if (!error) return 0;
  lua_pushstring(L, error);
  lua_pushstring(L, message);
  if (fault) lua_pushstring(L, fault);
  else lua_pushinteger(L, connection_code(c));
  return 3;
}

static const char *const kinds[] = {"text", "binary", "pong", "ping", NULL};

/* take() -> text, kind | nothing */
static int socket_take (lua_State *L) {
  frames_message message, again;
  char *copy;
  if (!frames_peek(connection_frames(check_connection(L)), &message)) return 0;
  copy = (char *)compat_newuserdata(L, message.n + 1);
  if (!frames_peek(connection_frames(check_connection(L)), &again) || again.n > message.n) return 0;
  memcpy(copy, again.p, again.n);
  frames_drop(connection_frames(check_connection(L)));
  lua_pushlstring(L, copy, again.n);
  lua_pushstring(L, kinds[again.kind]);
  return 2;
}

/* send(text [, "text" | "binary" | "ping"]) -> whether it is on its way */
static int socket_send (lua_State *L) {
  connection *c = check_connection(L);
  size_t n;
  const char *p = luaL_checklstring(L, 2, &n);
  frames_kind kind = (frames_kind)luaL_checkoption(L, 3, "text", kinds);
  lua_pushboolean(L, frames_send(connection_frames(c), kind, p, n));
  return 1;
}

/* finish(code): a close frame; what the other side says meanwhile still comes */
static int socket_finish (lua_State *L) {
  connection *c = check_connection(L);
  lua_Number code = luaL_optnumber(L, 2, 1000);
  luaL_argcheck(L, code >= 1000 && code < 5000, 2, "a code of 1000 to 4999 expected");
  lua_pushboolean(L, frames_close(connection_frames(c), (unsigned)code));
  return 1;
}

/* pending() -> bytes that wait to be written */
static int socket_pending (lua_State *L) {
  size_t n;
  frames_pending(connection_frames(check_connection(L)), &n);
  lua_pushnumber(L, (lua_Number)n);
  return 1;
}

static int socket_wait (lua_State *L) {
  connection *c = check_connection(L);
  lua_Number ms = luaL_checknumber(L, 2);
  connection_wait(c, ms > 0 ? compat_toint64(ms < LONGEST ? ms : LONGEST) : 0);
  return 0;
}

/* timeout() -> ms until a tick is due, nil for none but when its descriptors say so */
static int socket_timeout (lua_State *L) {
  int64_t ms = connection_timeout(check_connection(L));
  if (ms < 0) lua_pushnil(L);
  else lua_pushnumber(L, (lua_Number)ms);
  return 1;
}

/* fds() -> { { fd=, read=, write= }, ... } */
static int socket_fds (lua_State *L) {
  size_t i;
  watch_event event;
  check_connection(L);
  lua_newtable(L);
  for (i = 0; connection_fd(check_connection(L), i, &event); i++)
    compat_pushfd(L, (int)i + 1, event.fd, event.what & WATCH_IN, event.what & WATCH_OUT);
  return 1;
}

static int socket_close (lua_State *L) {
  box *b = (box *)luaL_checkudata(L, 1, SOCKET);
  connection *c = b->connection;
  b->connection = NULL;
  connection_free(c);
  return 0;
}

static int socket_tostring (lua_State *L) {
  const box *b = (const box *)luaL_checkudata(L, 1, SOCKET);
  lua_pushstring(L, b->connection ? SOCKET : SOCKET " (closed)");
  return 1;
}

static const luaL_Reg methods[] = {{"tick", socket_tick},
                                   {"why", socket_why},
                                   {"take", socket_take},
                                   {"send", socket_send},
                                   {"finish", socket_finish},
                                   {"pending", socket_pending},
                                   {"wait", socket_wait},
                                   {"timeout", socket_timeout},
                                   {"fds", socket_fds},
                                   {"close", socket_close},
                                   {NULL, NULL}};

static const luaL_Reg metamethods[] = {{"__gc", socket_close},
                                       {"__close", socket_close},
                                       {"__tostring", socket_tostring},
                                       {NULL, NULL}};

static const luaL_Reg functions[] = {{"connect", websocket_connect},
                                     {"adopt", websocket_adopt},
                                     {"key", websocket_key},
                                     {"accept", websocket_accept},
                                     {NULL, NULL}};

TUYA_EXPORT int luaopen_tuya_websocket (lua_State *L) {
  compat_checkversion(L);
  compat_newclass(L, SOCKET, methods, metamethods);
  lua_newtable(L);
  compat_setfuncs(L, functions);
  return 1;
}
