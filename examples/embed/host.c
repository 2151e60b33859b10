/*
** host.c: a C program with lua-tuya inside: two Lua states, and no module loaded at run time.
** The idea: the bindings are linked in, and package.preload tells `require` where they are.
** The danger: every state is another client; keys and sealed requests do not pass between them,
** strings do. Build and run it: make -C examples/embed
*/
#include <stdio.h>

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

int luaopen_tuya_core (lua_State *L);
int luaopen_tuya_curl (lua_State *L);

/* Tuya's published example of a token call; this is the signature that it must have. */
static const char expected[] = "9E48A3E93B302EEECC803C7241985D0A34EB944F40FB573C7B5C2A82158AF13E";

static const char signs[] =
    "local tuya = require('tuya')\n"
    "local sealed = tuya.sign({ method = 'GET', path = '/v1.0/token', query = { grant_type = 1 },\n"
    "  headers = { area_id = '29a33e8796834b1efa6', call_id = '8afdb70ab2ed11eb85290242ac130003' "
    "}\n"
    "}, { access_id = '1KAD46OrT9HafiKdsXeg', t = 1588925778000,\n"
    "  key = tuya.key('4OHBOnWOqaEC1mWXOpVL3yV50s0qGSRC'),\n"
    "  nonce = '5138cc3a9033d69856923fd07b491173' })\n"
    "require('tuya.curl').pool{ endpoint = 'http://127.0.0.1' }:close()\n"
    "return sealed:headers().sign, sealed:canonical()";

static const char checks[] = "local sign, canonical = ...\n"
                             "local key = require('tuya').key('4OHBOnWOqaEC1mWXOpVL3yV50s0qGSRC')\n"
                             "local before = '1KAD46OrT9HafiKdsXeg' .. '1588925778000' .. "
                             "'5138cc3a9033d69856923fd07b491173'\n"
                             "return key:mac(before .. canonical) == sign";

static void preload (lua_State *L, const char *name, lua_CFunction open) {
  lua_getglobal(L, "package");
  lua_getfield(L, -1, "preload");
  lua_pushcfunction(L, open);
  lua_setfield(L, -2, name);
  lua_pop(L, 2);
}

/* A state that finds our Lua files in `directory`, and C modules nowhere but in this program. */
static lua_State *new_state (const char *directory) {
  lua_State *L = luaL_newstate();
  if (!L) return NULL;
  luaL_openlibs(L);
  preload(L, "tuya.core", luaopen_tuya_core);
  preload(L, "tuya.curl", luaopen_tuya_curl);
  lua_getglobal(L, "package");
  lua_pushfstring(L, "%s/?.lua;%s/?/init.lua", directory, directory);
  lua_setfield(L, -2, "path");
  lua_pushliteral(L, "");
  lua_setfield(L, -2, "cpath");
  lua_pop(L, 1);
  return L;
}

/* Runs code with the arguments on the stack; 0 after saying what went wrong. */
static int run (lua_State *L, const char *code, int nargs, int nresults) {
  if (luaL_loadstring(L, code) == 0) {
    lua_insert(L, -1 - nargs);
    if (lua_pcall(L, nargs, nresults, 0) == 0) return 1;
  }
  fprintf(stderr, "%s\n", lua_tostring(L, -1));
  return 0;
}

int main (int argc, char **argv) {
  lua_State *signer = new_state(argc > 1 ? argv[1] : "lua");
  lua_State *checker = new_state(argc > 1 ? argv[1] : "lua");
  int good = 0;
  if (signer && checker && run(signer, signs, 0, 2)) {
    lua_pushstring(checker, lua_tostring(signer, -2));
    lua_pushstring(checker, lua_tostring(signer, -1));
    good = run(checker, checks, 2, 1) && lua_toboolean(checker, -1);
    lua_pushstring(signer, expected);
    good = good && lua_rawequal(signer, -1, -3);
    printf("signed by one state, %s by the other: %s\n", good ? "found right" : "NOT found right",
           lua_tostring(signer, -3));
  }
  if (signer) lua_close(signer);
  if (checker) lua_close(checker);
  return good ? 0 : 1;
}
