/*
** process.c: what a spec cannot do from Lua: fork, and hear SIGPIPE. Built by process.lua.
*/
#define _POSIX_C_SOURCE 200809L
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "compat.h"

TUYA_EXPORT int luaopen_spec_process (lua_State *L);

static volatile sig_atomic_t heard;
static struct sigaction before;

static void on_pipe (int number) {
  (void)number;
  heard++;
}

/* fork() -> the child's id; 0 in the child */
static int process_fork (lua_State *L) {
  pid_t pid = fork();
  if (pid < 0) return luaL_error(L, "no fork");
  lua_pushinteger(L, pid);
  return 1;
}

/*
** leave(code): ends the child, and runs nothing that is the parent's; as another program, for
** valgrind would call a leak what a child leaves alone because it is the parent's
*/
static int process_leave (lua_State *L) {
  char text[16];
  char *arguments[] = {(char *)"sh", (char *)"-c", (char *)"exit $0", text, NULL};
  char *environment[] = {NULL};
  snprintf(text, sizeof text, "%d", (int)luaL_checkinteger(L, 1));
  execve("/bin/sh", arguments, environment);
  _exit(127);
}

/* wait(id) -> what the child left with | nil when it was killed */
static int process_wait (lua_State *L) {
  int status = 0;
  if (waitpid((pid_t)luaL_checkinteger(L, 1), &status, 0) < 0) return luaL_error(L, "no child");
  if (!WIFEXITED(status)) return 0;
  lua_pushinteger(L, WEXITSTATUS(status));
  return 1;
}

/* hear_pipe(): counts SIGPIPE from here on */
static int process_hear_pipe (lua_State *L) {
  struct sigaction action;
  (void)L;
  memset(&action, 0, sizeof action);
  action.sa_handler = on_pipe;
  heard = 0;
  sigaction(SIGPIPE, &action, &before);
  return 0;
}

/* heard() -> how many have come */
static int process_heard (lua_State *L) {
  lua_pushinteger(L, heard);
  return 1;
}

static int process_raise_pipe (lua_State *L) {
  (void)L;
  raise(SIGPIPE);
  return 0;
}

/* unhear_pipe(): what was there before hear_pipe */
static int process_unhear_pipe (lua_State *L) {
  (void)L;
  sigaction(SIGPIPE, &before, NULL);
  return 0;
}

static const luaL_Reg functions[] = {{"fork", process_fork},
                                     {"leave", process_leave},
                                     {"wait", process_wait},
                                     {"hear_pipe", process_hear_pipe},
                                     {"heard", process_heard},
                                     {"raise_pipe", process_raise_pipe},
                                     {"unhear_pipe", process_unhear_pipe},
                                     {NULL, NULL}};

TUYA_EXPORT int luaopen_spec_process (lua_State *L) {
  lua_newtable(L);
  compat_setfuncs(L, functions);
  return 1;
}
