/*
** compat.h: one binding source for Lua 5.1, 5.2, 5.3, 5.4 and LuaJIT.
** The idea: only what the bindings use, under a prefix of our own, because a "lua"
** prefix would collide with what newer LuaJITs export.
** The danger: a module built with 5.2's headers loads into 5.3 and 5.4 without a word
** and corrupts them; compat_open compares the Lua it was built for with the Lua at hand.
*/
#ifndef TUYA_COMPAT_H
#define TUYA_COMPAT_H

#include <stdint.h>
#include <string.h>

#include <lua.h>
#include <lauxlib.h>

/* Seen by `nm -D`: the luaopen_* functions and nothing else. */
#if defined(_WIN32)
#define TUYA_EXPORT __declspec(dllexport)
#elif defined(__GNUC__)
#define TUYA_EXPORT __attribute__((visibility("default")))
#else
#define TUYA_EXPORT
#endif

#if defined(__GNUC__)
#define COMPAT_UNUSED __attribute__((unused))
#else
#define COMPAT_UNUSED
#endif

#if LUA_VERSION_NUM < 502
#define compat_setfuncs(L, list) luaL_register(L, NULL, list)
#define compat_rawlen(L, i) lua_objlen(L, i)
#define compat_getglobal(L, name) lua_getfield(L, LUA_GLOBALSINDEX, name)
#else
#define compat_setfuncs(L, list) luaL_setfuncs(L, list, 0)
#define compat_rawlen(L, i) lua_rawlen(L, i)
#define compat_getglobal(L, name) lua_getglobal(L, name)
#endif

#if LUA_VERSION_NUM < 504
#define compat_newuserdata(L, size) lua_newuserdata(L, size)
#else
#define compat_newuserdata(L, size) lua_newuserdatauv(L, size, 0)
#endif

/* What does not fit, NaN included, is 0: C leaves open what a conversion would make of it. */
static COMPAT_UNUSED int64_t compat_toint64 (lua_Number n) {
  return n > -9e18 && n < 9e18 ? (int64_t)n : 0;
}

/* luaL_checkudata without the raise: NULL for anything that is not of the class. */
static COMPAT_UNUSED void *compat_testudata (lua_State *L, int arg, const char *name) {
  void *p = lua_touserdata(L, arg);
  int same;
  if (!p || !lua_getmetatable(L, arg)) return NULL;
  luaL_getmetatable(L, name); /* stack: its metatable, the class */
  same = lua_rawequal(L, -1, -2);
  lua_pop(L, 2);
  return same ? p : NULL;
}

/* Entry i, from 1, of the list on top: what a loop waits for, { fd =, read =, write = }. */
static COMPAT_UNUSED void compat_pushfd (lua_State *L, int i, int fd, int in, int out) {
  lua_createtable(L, 0, 3);
  lua_pushinteger(L, fd);
  lua_setfield(L, -2, "fd");
  lua_pushboolean(L, in);
  lua_setfield(L, -2, "read");
  lua_pushboolean(L, out);
  lua_setfield(L, -2, "write");
  lua_rawseti(L, -2, i);
}

/* Raises unless the Lua that runs is the Lua whose headers built this module. */
static COMPAT_UNUSED void compat_checkversion (lua_State *L) {
  const char *running;
  compat_getglobal(L, "_VERSION");
  running = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : NULL;
  if (running && strcmp(running, LUA_VERSION) != 0)
    luaL_error(L, "this module was built for %s and cannot be loaded by %s", LUA_VERSION, running);
  lua_pop(L, 1);
}

/*
** Makes the class `name`: methods in a table of their own, metamethods in the metatable,
** which is locked so that Lua code cannot reach __gc. Leaves nothing on the stack.
*/
static COMPAT_UNUSED void compat_newclass (lua_State *L, const char *name, const luaL_Reg *methods,
                                           const luaL_Reg *metamethods) {
  luaL_newmetatable(L, name); /* stack: metatable */
  compat_setfuncs(L, metamethods);
  lua_newtable(L); /* stack: metatable methods */
  compat_setfuncs(L, methods);
  lua_setfield(L, -2, "__index");
  lua_pushstring(L, name);
  lua_setfield(L, -2, "__name");
  lua_pushliteral(L, "locked");
  lua_setfield(L, -2, "__metatable");
  lua_pop(L, 1);
}

#endif
