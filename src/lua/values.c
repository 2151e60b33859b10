/*
** values.c: walks over tables: options, and what a JSON library takes and gives.
** The idea: every call's options, body and reply are walked once, and hardly ever is there
** anything to refuse or to change; to see that takes C a fifth of the time. What is out of the
** ordinary is left to Lua.
** The danger: a table may hold itself, and JSON may be deep. The first walk gives up early, the
** second is bounded by what the library decodes, and asks for stack at every level.
*/
#include "values.h"

enum { DEPTH = 16 };

#define EXACT 1e14             /* digits that every JSON library writes */
#define SAFE 9007199254740992. /* 2^53: below it a float is the integer that was meant */

/* The value on top. */
static int is_plain (lua_State *L, int depth) {
  lua_Number n;
  int table = lua_gettop(L), plain = 1;
  switch (lua_type(L, -1)) {
  case LUA_TSTRING:
  case LUA_TBOOLEAN:
    return 1;
  case LUA_TNUMBER:
    n = lua_tonumber(L, -1);
    return n > -EXACT && n < EXACT;
  case LUA_TTABLE:
    break;
  default:
    return 0;
  }
  if (depth == DEPTH || lua_getmetatable(L, table)) return 0;
  luaL_checkstack(L, 4, "a value in JSON");
  lua_pushnil(L);
  while (plain && lua_next(L, table)) {
    plain = is_plain(L, depth + 1);
    lua_settop(L, table + 1);
  }
  return plain;
}

int values_isplain (lua_State *L) {
  lua_settop(L, 1);
  lua_pushboolean(L, is_plain(L, 0));
  return 1;
}

/* Whether the entry name = value on top is one of the known, name = set of types. */
static int is_known (lua_State *L) {
  int known;
  lua_pushvalue(L, -2);
  lua_rawget(L, 2);
  if (!lua_istable(L, -1)) return 0;
  lua_pushstring(L, luaL_typename(L, -2));
  lua_rawget(L, -2);
  known = lua_toboolean(L, -1);
  lua_pop(L, 2);
  return known;
}

int values_fit (lua_State *L) {
  int fit = lua_istable(L, 1) && !lua_getmetatable(L, 1);
  luaL_checktype(L, 2, LUA_TTABLE);
  lua_settop(L, 2);
  lua_pushnil(L);
  while (fit && lua_next(L, 1)) {
    fit = is_known(L);
    lua_settop(L, 3);
  }
  lua_pushboolean(L, fit);
  return 1;
}

/* Pushes what stands for the value on top; 0 where that stands for itself. */
static int push_instead (lua_State *L) {
  if (lua_islightuserdata(L, -1) && !lua_touserdata(L, -1)) {
    lua_pushnil(L);
    return 1;
  }
#if LUA_VERSION_NUM >= 503
  if (lua_type(L, -1) == LUA_TNUMBER && !lua_isinteger(L, -1)) {
    lua_Number n = lua_tonumber(L, -1);
    lua_Integer i;
    if (n <= -SAFE || n >= SAFE || !lua_numbertointeger(n, &i) || (lua_Number)i != n) return 0;
    lua_pushinteger(L, i);
    return 1;
  }
#endif
  return 0;
}

/* The table on top. */
static void restore_table (lua_State *L) {
  int table = lua_gettop(L);
  luaL_checkstack(L, 6, "a value in JSON");
  lua_pushnil(L);
  while (lua_next(L, table)) { /* stack: ... table key value */
    if (lua_istable(L, -1)) restore_table(L);
    else if (push_instead(L)) {
      lua_pushvalue(L, table + 1);
      lua_insert(L, -2);
      lua_rawset(L, table);
    }
    lua_settop(L, table + 1);
  }
}

int values_restore (lua_State *L) {
  lua_settop(L, 1);
  if (lua_istable(L, 1)) restore_table(L);
  else push_instead(L);
  return 1;
}
