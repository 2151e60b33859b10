/*
** embed.c: tuya_embed.h: modules that are data of the program.
** The idea: package.preload gets a function a module; `require` calls it, and only then is the
** text compiled.
*/
#include <lauxlib.h>

#include "compat.h"
#include "tuya_embed.h"

int luaopen_tuya_core (lua_State *L);
int luaopen_tuya_curl (lua_State *L);
int luaopen_tuya_file (lua_State *L);

static int run_file (lua_State *L) {
  const tuya_embed_file *f = &tuya_embed_files[lua_tointeger(L, lua_upvalueindex(1))];
  lua_settop(L, 1);
  if (luaL_loadbuffer(L, (const char *)f->text, f->size, lua_pushfstring(L, "=%s", f->name)))
    return lua_error(L);
  lua_pushvalue(L, 1);
  lua_call(L, 1, 1);
  return 1;
}

static void add (lua_State *L, const char *name, lua_CFunction open) {
  lua_pushcfunction(L, open);
  lua_setfield(L, -2, name);
}

void tuya_embed (lua_State *L) {
  int i;
  compat_getglobal(L, "package");
  lua_getfield(L, -1, "preload");
  add(L, "tuya.core", luaopen_tuya_core);
  add(L, "tuya.curl", luaopen_tuya_curl);
  add(L, "tuya.file", luaopen_tuya_file);
  for (i = 0; tuya_embed_files[i].name; i++) {
    lua_pushinteger(L, i);
    lua_pushcclosure(L, run_file, 1);
    lua_setfield(L, -2, tuya_embed_files[i].name);
  }
  lua_pop(L, 2);
}
