/*
** threads.c: two threads, a Lua state in each, and calls started, cancelled and closed in
** both: for TSan, which knows who else touches a byte. tools/check builds it so; it runs
** without as well.
*/
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

#include "check.h"

int luaopen_tuya_core (lua_State *L);
int luaopen_tuya_curl (lua_State *L);
int luaopen_tuya_file (lua_State *L);

/* Nobody listens on port 1, and a name is resolved besides; half of the calls are cancelled. */
static const char script[] =
    "local tuya, scheduler = require('tuya'), require('tuya.scheduler')\n"
    "local json = { encode = function() return '{}' end, decode = function() return {} end }\n"
    "local told = 0\n"
    "for round = 1, 20 do\n"
    "  local client = tuya.client { access_id = 'a', access_secret = 'b', json = json, retries = "
    "0,\n"
    "    endpoint = round % 5 == 0 and 'http://localhost:1' or 'http://127.0.0.1:1', proxy = '' }\n"
    "  local tasks = scheduler.new(client)\n"
    "  tasks:spawn(function()\n"
    "    local result = client:get('/v1.0/token')\n"
    "    told = told + (result and 0 or 1)\n"
    "  end)\n"
    "  local handles = {}\n"
    "  for i = 1, 10 do\n"
    "    handles[i] = client:start({ method = 'GET', path = '/v1.0/token' },\n"
    "      function(result) told = told + (result and 0 or 1) end)\n"
    "  end\n"
    "  tasks:tick(0)\n"
    "  for i = 1, 10, 2 do handles[i]:cancel() end\n"
    "  for i = 1, round do tasks:tick(0.001) end\n"
    "  client:close()\n"
    "  tasks:tick(0)\n"
    "  collectgarbage()\n"
    "end\n"
    "return told\n";

static void preload (lua_State *L, const char *name, lua_CFunction open) {
  lua_getglobal(L, "package");
  lua_getfield(L, -1, "preload");
  lua_pushcfunction(L, open);
  lua_setfield(L, -2, name);
  lua_pop(L, 2);
}

/* How many calls were told of; -1 after saying what went wrong. */
static long run_state (void) {
  lua_State *L = luaL_newstate();
  long told = -1;
  if (!L) return -1;
  luaL_openlibs(L);
  preload(L, "tuya.core", luaopen_tuya_core);
  preload(L, "tuya.curl", luaopen_tuya_curl);
  preload(L, "tuya.file", luaopen_tuya_file);
  lua_getglobal(L, "package");
  lua_pushliteral(L, TUYA_LUA_FILES "/?.lua;" TUYA_LUA_FILES "/?/init.lua");
  lua_setfield(L, -2, "path");
  lua_pop(L, 1);
  if (luaL_loadstring(L, script) == 0 && lua_pcall(L, 0, 1, 0) == 0)
    told = (long)lua_tonumber(L, -1);
  else fprintf(stderr, "%s\n", lua_tostring(L, -1));
  lua_close(L);
  return told;
}

static void *run (void *result) {
  *(long *)result = run_state();
  return NULL;
}

int main (void) {
  pthread_t threads[2];
  long told[2] = {0, 0};
  int i;
  test("two states in two threads, each with clients of its own");
  for (i = 0; i < 2; i++)
    if (pthread_create(&threads[i], NULL, run, &told[i]) != 0) abort();
  for (i = 0; i < 2; i++)
    pthread_join(threads[i], NULL);
  for (i = 0; i < 2; i++)
    check(told[i] == 20 * 11);
  return finish("c threads on " TUYA_LUA);
}
