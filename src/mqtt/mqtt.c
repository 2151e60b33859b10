/*
** mqtt.c: the module tuya.mqtt, connections to a broker seen from Lua.
** The idea: Lua pulls. A tick moves on what can move, `take` hands over what has come; no callback
** of libmosquitto, libcurl or OpenSSL runs Lua.
** The danger: whatever allocates may run a finalizer, and that may close this very session: so a
** message is looked at again once there is room for it.
*/
#define _GNU_SOURCE
#include <string.h>

#include "ca.h"
#include "compat.h"
#include "pin.h"
#include "session.h"

#define SESSION "tuya.mqtt"
#define TRUST "tuya.mqtt.trust"

TUYA_EXPORT int luaopen_tuya_mqtt (lua_State *L);

typedef struct session_box {
  session *session; /* NULL: closed */
} session_box;

typedef struct trust_box {
  ca_store *store; /* NULL: none */
} trust_box;

static session *check_session (lua_State *L) {
  session_box *b = (session_box *)luaL_checkudata(L, 1, SESSION);
  if (!b->session) luaL_error(L, "attempt to use a closed session");
  if (session_is_forked(b->session))
    luaL_error(L, "attempt to use a session that was made before a fork: make it in the child");
  return b->session;
}

static int push_made (lua_State *L, int is_made, const char *why) {
  if (is_made) return 1;
  lua_pushnil(L);
  lua_pushstring(L, why);
  return 2;
}

/* --- whom to trust --- */

/* trust([file]) -> trust | nil, message */
static int mqtt_trust (lua_State *L) {
  const char *file = luaL_optstring(L, 1, NULL);
  trust_box *b = (trust_box *)compat_newuserdata(L, sizeof *b);
  b->store = NULL;
  luaL_getmetatable(L, TRUST);
  lua_setmetatable(L, -2);
  b->store = ca_load(file);
  return push_made(L, b->store != NULL, "the certificates to trust cannot be read");
}

static int trust_gc (lua_State *L) {
  trust_box *b = (trust_box *)luaL_checkudata(L, 1, TRUST);
  ca_free(b->store);
  b->store = NULL;
  return 0;
}

/* --- connecting --- */

/* The string stays on the stack, where it stays alive. */
static const char *text_field (lua_State *L, const char *name) {
  const char *text;
  size_t n;
  lua_getfield(L, 1, name);
  if (lua_isnil(L, -1)) return NULL;
  if (lua_type(L, -1) != LUA_TSTRING) luaL_error(L, "%s: a string expected", name);
  text = lua_tolstring(L, -1, &n);
  if (n == 0 || strlen(text) != n) luaL_error(L, "%s: it is empty or has a zero in it", name);
  return text;
}

static lua_Number number_field (lua_State *L, const char *name, lua_Number otherwise,
                                lua_Number least, lua_Number most) {
  lua_Number n;
  lua_getfield(L, 1, name);
  if (lua_isnil(L, -1)) return otherwise;
  n = lua_tonumber(L, -1);
  if (lua_type(L, -1) != LUA_TNUMBER || !(n >= least && n <= most))
    luaL_error(L, "%s: a number of %d to %d expected", name, (int)least, (int)most);
  return n;
}

static const ca_store *trust_field (lua_State *L) {
  const trust_box *b;
  lua_getfield(L, 1, "trust");
  if (lua_isnil(L, -1)) return NULL;
  b = (const trust_box *)compat_testudata(L, lua_gettop(L), TRUST);
  if (!b || !b->store) luaL_error(L, "trust: what mqtt.trust gave expected");
  return b->store;
}

static int is_host (const char *host) {
  static const char legal[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:";
  return host && strlen(host) < 256 && strspn(host, legal) == strlen(host);
}

static void read_options (lua_State *L, session_options *o) {
  luaL_checktype(L, 1, LUA_TTABLE);
  memset(o, 0, sizeof *o);
  o->host = text_field(L, "host");
  o->client_id = text_field(L, "client_id");
  o->username = text_field(L, "username");
  o->password = text_field(L, "password");
  o->store = trust_field(L);
  o->port = (int)number_field(L, "port", o->store ? 8883 : 1883, 1, 65535);
  o->keepalive = (int)number_field(L, "keepalive", 30, 5, 65535);
  o->connect_timeout = (int64_t)number_field(L, "connect_timeout", 5000, 1, 1e9);
  lua_getfield(L, 1, "kept");
  o->is_kept = lua_toboolean(L, -1);
  luaL_argcheck(L, is_host(o->host), 1, "host: a name or an address expected");
  luaL_argcheck(L, o->client_id, 1, "client_id: a string expected");
  luaL_argcheck(L, o->username || !o->password, 1, "username: there is a password without one");
}

/* connect{ host=, port=, trust=, client_id=, username=, password=, kept=, keepalive= (s),
** connect_timeout= (ms) } -> session | nil, message; without trust there is no TLS */
static int mqtt_connect (lua_State *L) {
  session_options o;
  session_box *b;
  read_options(L, &o);
  b = (session_box *)compat_newuserdata(L, sizeof *b);
  b->session = NULL;
  luaL_getmetatable(L, SESSION);
  lua_setmetatable(L, -2);
  pin(luaopen_tuya_mqtt);
  b->session = session_new(&o);
  return push_made(L, b->session != NULL,
                   "out of memory or descriptors, or the client id is no UTF-8");
}

/* --- one of them --- */

static int session_do_tick (lua_State *L) {
  static const char *const names[] = {"connecting", "open", "closed"};
  lua_pushstring(L, names[session_tick(check_session(L))]);
  return 1;
}

/* why() -> error, message, code: of a closed one. The code is the broker's, or what the certificate
** failed for */
static int session_why (lua_State *L) {
  const session *s = check_session(L);
  const char *about, *error = session_error(s, &about);
  if (!error) return 0;
  lua_pushstring(L, error);
  lua_pushstring(L, about);
  if (session_code(s)) lua_pushinteger(L, session_code(s));
  else lua_pushstring(L, session_fault(s));
  return 3;
}

/* take() -> topic, payload | nothing */
static int session_take (lua_State *L) {
  session_message m, again;
  char *copy;
  if (!session_peek(check_session(L), &m)) return 0;
  copy = (char *)compat_newuserdata(L, m.ntopic + m.npayload + 1);
  if (!session_peek(check_session(L), &again)) return 0;
  if (again.ntopic + again.npayload > m.ntopic + m.npayload) return 0;
  memcpy(copy, again.topic, again.ntopic + again.npayload);
  session_drop(check_session(L));
  lua_pushlstring(L, copy, again.ntopic);
  lua_pushlstring(L, copy + again.ntopic, again.npayload);
  return 2;
}

/* subscribe(topic [, qos]) -> whether that is on its way */
static int session_do_subscribe (lua_State *L) {
  session *s = check_session(L);
  const char *topic = luaL_checkstring(L, 2);
  lua_Number qos = luaL_optnumber(L, 3, 1);
  luaL_argcheck(L, qos == 0 || qos == 1, 3, "0 or 1 expected");
  lua_pushboolean(L, session_subscribe(s, topic, (int)qos));
  return 1;
}

/* unsubscribe(topic) -> whether that is on its way */
static int session_do_unsubscribe (lua_State *L) {
  session *s = check_session(L);
  lua_pushboolean(L, session_unsubscribe(s, luaL_checkstring(L, 2)));
  return 1;
}

/* subscriptions() -> how many the broker granted, how many it refused */
static int session_do_subscriptions (lua_State *L) {
  size_t granted, refused;
  session_subscriptions(check_session(L), &granted, &refused);
  lua_pushinteger(L, (lua_Integer)granted);
  lua_pushinteger(L, (lua_Integer)refused);
  return 2;
}

/* publish(topic, payload [, qos]) -> whether that is on its way */
static int session_do_publish (lua_State *L) {
  session *s = check_session(L);
  size_t n;
  const char *topic = luaL_checkstring(L, 2), *payload = luaL_checklstring(L, 3, &n);
  lua_Number qos = luaL_optnumber(L, 4, 1);
  luaL_argcheck(L, qos == 0 || qos == 1, 4, "0 or 1 expected");
  lua_pushboolean(L, session_publish(s, topic, payload, n, (int)qos));
  return 1;
}

/* acknowledged() -> how many of those the broker has, in their order (of qos 0: how many have gone)
 */
static int session_do_acknowledged (lua_State *L) {
  lua_pushnumber(L, (lua_Number)session_acknowledged(check_session(L)));
  return 1;
}

/* timeout() -> ms until a tick is due anyhow */
static int session_do_timeout (lua_State *L) {
  lua_pushnumber(L, (lua_Number)session_timeout(check_session(L)));
  return 1;
}

/* fds() -> { { fd=, read=, write= }, ... } */
static int session_fds (lua_State *L) {
  size_t i;
  watch_event event;
  check_session(L);
  lua_newtable(L);
  for (i = 0; session_fd(check_session(L), i, &event); i++)
    compat_pushfd(L, (int)i + 1, event.fd, event.what & WATCH_IN, event.what & WATCH_OUT);
  return 1;
}

static int session_close (lua_State *L) {
  session_box *b = (session_box *)luaL_checkudata(L, 1, SESSION);
  session *s = b->session;
  b->session = NULL;
  session_free(s);
  return 0;
}

static int session_tostring (lua_State *L) {
  const session_box *b = (const session_box *)luaL_checkudata(L, 1, SESSION);
  lua_pushstring(L, b->session ? SESSION : SESSION " (closed)");
  return 1;
}

static const luaL_Reg methods[] = {{"tick", session_do_tick},
                                   {"why", session_why},
                                   {"take", session_take},
                                   {"subscribe", session_do_subscribe},
                                   {"unsubscribe", session_do_unsubscribe},
                                   {"subscriptions", session_do_subscriptions},
                                   {"publish", session_do_publish},
                                   {"acknowledged", session_do_acknowledged},
                                   {"timeout", session_do_timeout},
                                   {"fds", session_fds},
                                   {"close", session_close},
                                   {NULL, NULL}};

static const luaL_Reg metamethods[] = {{"__gc", session_close},
                                       {"__close", session_close},
                                       {"__tostring", session_tostring},
                                       {NULL, NULL}};

static const luaL_Reg none[] = {{NULL, NULL}};

static const luaL_Reg trust_metamethods[] = {{"__gc", trust_gc}, {NULL, NULL}};

static const luaL_Reg functions[] = {
    {"trust", mqtt_trust}, {"connect", mqtt_connect}, {NULL, NULL}};

TUYA_EXPORT int luaopen_tuya_mqtt (lua_State *L) {
  compat_checkversion(L);
  compat_newclass(L, SESSION, methods, metamethods);
  compat_newclass(L, TRUST, none, trust_metamethods);
  lua_newtable(L);
  compat_setfuncs(L, functions);
  return 1;
}
