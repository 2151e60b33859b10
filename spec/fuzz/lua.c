/*
** lua.c: fuzzes what is called from Lua: capture, which reads pasted requests, and head, which reads
** the head of a reply in nginx.
** The idea: what must hold stands in PROPERTY, a file of Lua. A hook counts the lines for the fuzzer,
** which then sees the branches of Lua as it sees those of C.
** The danger: a loop without end is found by the fuzzer's own time limit for an input.
*/
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);
int luaopen_tuya_core (lua_State *L);

enum { COUNTERS = 1 << 14 };

__attribute__((section("__libfuzzer_extra_counters"))) static uint8_t counters[COUNTERS];

/* One counter a line of a file. */
static void count_line (lua_State *L, lua_Debug *at) {
  uint32_t hash = 2166136261u;
  const char *p;
  lua_getinfo(L, "S", at);
  for (p = at->source; *p; p++)
    hash = (hash ^ (uint8_t)*p) * 16777619u;
  hash = (hash ^ (uint32_t)at->currentline) * 16777619u;
  counters[hash % COUNTERS]++;
}

static void fail (const char *why) {
  fprintf(stderr, "%s\n", why);
  abort();
}

static lua_State *open_state (void) {
  lua_State *L = luaL_newstate();
  if (!L) fail("no memory for a state");
  luaL_openlibs(L);
  luaL_requiref(L, "tuya.core", luaopen_tuya_core, 0);
  lua_settop(L, 0);
  if (luaL_dofile(L, PROPERTY) != LUA_OK) fail(lua_tostring(L, -1));
  lua_sethook(L, count_line, LUA_MASKLINE, 0);
  return L;
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size) {
  static lua_State *L;
  if (!L) L = open_state();
  lua_pushvalue(L, 1);
  lua_pushlstring(L, (const char *)data, size);
  if (lua_pcall(L, 1, 0, 0) != LUA_OK) fail(lua_tostring(L, -1));
  return 0;
}
