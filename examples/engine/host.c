/*
** host.c: an engine with a fixed loop of 60 frames a second, and two projects in it: each a Lua
** state of its own over an allocator of the engine's, with rules that are reloaded while it runs.
** The idea: a frame has 16.7 ms for everything; tuya gets at most 2 of them, and never waits.
** The danger: a state that takes more memory than its share gets none; Lua then raises, and the
** frame goes on.
**
**   engine ENDPOINT SECONDS RULES.lua ID SECRET ID SECRET
**
** Nothing is loaded at run time: tuya, Lua and cjson are linked in. The engine reads the rules;
** tuya opens no file.
*/
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

#include "tuya_embed.h"

int luaopen_cjson (lua_State *L);

enum { PROJECTS = 2, FRAME_NS = 1000000000 / 60, SHARE = 32 * 1024 * 1024, TEXT = 64 * 1024 };

typedef struct project {
  const char *id;
  lua_State *L;
  size_t used, peak; /* bytes of its share */
} project;

/* --- memory --- */

static void *allocate (void *data, void *block, size_t old, size_t size) {
  project *p = data;
  void *moved = NULL;
  if (!block) old = 0; /* then it says what kind of object it is for */
  if (size > old && p->used + (size - old) > SHARE) return NULL;
  if (size == 0) free(block);
  else if (!(moved = realloc(block, size))) return NULL;
  p->used += size - old;
  if (p->used > p->peak) p->peak = p->used;
  return moved;
}

/* --- a project --- */

/* Calls what is on the stack; a failure is told and ends nothing. */
static int call (project *p, int nargs, int nresults) {
  if (lua_pcall(p->L, nargs, nresults, 0) == 0) return 1;
  printf("%s: %s\n", p->id, lua_tostring(p->L, -1));
  lua_pop(p->L, 1);
  return 0;
}

static int say (lua_State *L) {
  printf("%s: %s\n", lua_tostring(L, lua_upvalueindex(1)), luaL_checkstring(L, 1));
  return 0;
}

static void set (lua_State *L, const char *name, const char *value) {
  lua_pushstring(L, value);
  lua_setfield(L, -2, name);
}

/* No module from files: what is linked in is all that there is. */
static void open_libraries (lua_State *L) {
  luaL_openlibs(L);
  tuya_embed(L);
  lua_getglobal(L, "package");
  set(L, "path", "");
  set(L, "cpath", "");
  lua_getfield(L, -1, "preload");
  lua_pushcfunction(L, luaopen_cjson);
  lua_setfield(L, -2, "cjson");
  lua_pop(L, 2);
}

/* Leaves the project's table of functions at the bottom of the stack. */
static int open_project (project *p, const char *endpoint, const char *id, const char *secret) {
  p->id = id;
  p->L = lua_newstate(allocate, p);
  if (!p->L) return 0;
  open_libraries(p->L);
  lua_getglobal(p->L, "require");
  lua_pushliteral(p->L, "engine.boot");
  if (!call(p, 1, 1)) return 0;
  lua_getfield(p->L, -1, "open");
  lua_newtable(p->L);
  set(p->L, "endpoint", endpoint);
  set(p->L, "access_id", id);
  set(p->L, "access_secret", secret);
  set(p->L, "proxy", "");
  lua_pushstring(p->L, id);
  lua_pushcclosure(p->L, say, 1);
  if (!call(p, 2, 1)) return 0;
  lua_replace(p->L, 1);
  return 1;
}

static void load_rules (project *p, const char *text, size_t size) {
  lua_getfield(p->L, 1, "load");
  lua_pushlstring(p->L, text, size);
  lua_pushliteral(p->L, "=rules");
  call(p, 2, 0);
}

static void tick (project *p) {
  lua_getfield(p->L, 1, "tick");
  lua_pushnumber(p->L, 0.001);
  call(p, 1, 0);
}

static void close_project (project *p) {
  if (!p->L) return;
  lua_close(p->L); /* with whatever is in flight */
  printf("%s: at most %lu KiB, %lu bytes left\n", p->id, (unsigned long)(p->peak / 1024),
         (unsigned long)p->used);
}

/* --- rules --- */

/* When the file was last changed, in ns; 0 for none. */
static long long changed (const char *path) {
  struct stat s;
  if (stat(path, &s) != 0) return 0;
  return (long long)s.st_mtim.tv_sec * 1000000000 + s.st_mtim.tv_nsec;
}

static void reload (project *projects, const char *path) {
  static char text[TEXT];
  FILE *file = fopen(path, "rb");
  size_t i, size;
  if (!file) return;
  size = fread(text, 1, TEXT, file);
  fclose(file);
  for (i = 0; i < PROJECTS; i++)
    load_rules(&projects[i], text, size);
}

/* --- frames --- */

static long long now (void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (long long)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void sleep_until (long long moment) {
  struct timespec t;
  t.tv_sec = (time_t)(moment / 1000000000);
  t.tv_nsec = (long)(moment % 1000000000);
  clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
}

static void run (project *projects, const char *rules, int frames) {
  long long next = now(), loaded = 0, longest = 0;
  int frame, missed = 0;
  size_t i;
  for (frame = 0; frame < frames; frame++) {
    long long began = now(), seen = frame % 15 ? loaded : changed(rules), took;
    if (seen != loaded) reload(projects, rules);
    loaded = seen;
    for (i = 0; i < PROJECTS; i++)
      tick(&projects[i]);
    took = now() - began;
    if (took > longest) longest = took;
    if (took > FRAME_NS) missed++;
    next += FRAME_NS;
    sleep_until(next);
    fflush(stdout);
  }
  printf("%d frames, %d missed because of us, the longest took %.2f ms\n", frames, missed,
         (double)longest / 1e6);
}

int main (int argc, char **argv) {
  project projects[PROJECTS];
  size_t i;
  int good = argc == 8;
  memset(projects, 0, sizeof projects);
  if (!good) fprintf(stderr, "usage: engine ENDPOINT SECONDS RULES.lua ID SECRET ID SECRET\n");
  for (i = 0; good && i < PROJECTS; i++)
    good = open_project(&projects[i], argv[1], argv[4 + 2 * i], argv[5 + 2 * i]);
  if (good) run(projects, argv[3], atoi(argv[2]) * 60);
  for (i = 0; i < PROJECTS; i++)
    close_project(&projects[i]);
  return good ? 0 : 1;
}
