/*
** system.c: clocks, randomness and what plain Lua cannot ask of a file, for tuya.core.
** The idea: randomness is drawn in batches, because the call to the kernel costs more than a
** signature's share of it. The danger: a fork would give parent and child the same nonces, so
** a batch that another process drew is thrown away.
*/
#define _GNU_SOURCE
#include <errno.h>
#include <locale.h>
#include <poll.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "system.h"

enum { NONCE_BYTES = SYSTEM_NONCE / 2, BATCH = 256 };

int64_t system_now (void) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int system_pushnow (lua_State *L) {
#if LUA_VERSION_NUM >= 503 && LUA_MAXINTEGER / 1000 >= INT64_MAX / 1000
  lua_pushinteger(L, (lua_Integer)system_now());
#else
  lua_pushnumber(L, (lua_Number)system_now()); /* lua_Integer may have 32 bits */
#endif
  return 1;
}

int system_monotonic (lua_State *L) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  lua_pushnumber(L, (lua_Number)now.tv_sec + (lua_Number)now.tv_nsec / 1e9);
  return 1;
}

int system_decimalpoint (lua_State *L) {
  lua_pushstring(L, localeconv()->decimal_point);
  return 1;
}

int system_isterminal (lua_State *L) {
  lua_pushboolean(L, isatty((int)luaL_checkinteger(L, 1)));
  return 1;
}

enum { CTRL_C = 3, MAX_HIDDEN = 512 };

/* All of it, to whoever reads stderr; what cannot be written is not missed. */
static void say (const char *text, size_t n) {
  while (n > 0) {
    ssize_t done = write(STDERR_FILENO, text, n);
    if (done < 0 && errno != EINTR) return;
    if (done > 0) text += done, n -= (size_t)done;
  }
}

/* A line of the terminal, asked for by a prompt; 0 or less at its end. */
static ssize_t read_hidden (const char *prompt, size_t length, char line[MAX_HIDDEN]) {
  struct termios before, hidden;
  ssize_t n;
  if (tcgetattr(STDIN_FILENO, &before) != 0) return -1;
  hidden = before;
  /* no signal may come before the echo is back: Ctrl-C ends the line instead */
  hidden.c_lflag = (hidden.c_lflag & ~(tcflag_t)(ECHO | ISIG)) | ECHONL | ICANON;
  hidden.c_cc[VEOL] = CTRL_C;
  tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden);
  say(prompt, length); /* now that nothing is shown any more */
  do
    n = read(STDIN_FILENO, line, MAX_HIDDEN);
  while (n < 0 && errno == EINTR);
  tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
  return n;
}

int system_readhidden (lua_State *L) {
  char line[MAX_HIDDEN];
  size_t size;
  const char *prompt = luaL_checklstring(L, 1, &size);
  ssize_t n = read_hidden(prompt, size, line);
  if (n > 0 && line[n - 1] == CTRL_C)
    return luaL_error(L, "interrupted!"); /* as lua's own handler */
  /* without its end it is longer than any password, or the last of its kind */
  if (n > 0 && line[n - 1] == '\n') lua_pushlstring(L, line, (size_t)n - 1);
  else lua_pushnil(L);
  return 1;
}

int system_isprivate (lua_State *L) {
  struct stat about;
  if (stat(luaL_checkstring(L, 1), &about) != 0) {
    int why = errno;
    lua_pushnil(L);
    lua_pushstring(L, strerror(why));
    return 2;
  }
  lua_pushboolean(L, about.st_uid == geteuid() && !(about.st_mode & (S_IRWXG | S_IRWXO)));
  return 1;
}

static short flag (lua_State *L, const char *name, short events) {
  short got;
  lua_getfield(L, -1, name);
  got = lua_toboolean(L, -1) ? events : 0;
  lua_pop(L, 1);
  return got;
}

/* The list's entries, in memory of Lua's. */
static struct pollfd *read_fds (lua_State *L, size_t n) {
  struct pollfd *fds = (struct pollfd *)compat_newuserdata(L, (n + 1) * sizeof *fds);
  size_t i;
  for (i = 0; i < n; i++) {
    lua_rawgeti(L, 1, (int)i + 1);
    luaL_argcheck(L, lua_istable(L, -1), 1, "a list of { fd =, read =, write = } expected");
    lua_getfield(L, -1, "fd");
    fds[i].fd = (int)lua_tointeger(L, -1);
    lua_pop(L, 1);
    fds[i].events = (short)(flag(L, "read", POLLIN) | flag(L, "write", POLLOUT));
    fds[i].revents = 0;
    lua_pop(L, 1);
  }
  return fds;
}

int system_wait (lua_State *L) {
  lua_Number ms = luaL_checknumber(L, 2) * 1000;
  struct pollfd *fds;
  size_t n;
  luaL_checktype(L, 1, LUA_TTABLE);
  n = compat_rawlen(L, 1);
  fds = read_fds(L, n);
  /* rounded up, or a wait for half a millisecond would spin */
  poll(fds, (nfds_t)n, ms > 0 ? ms < 1e9 ? (int)ms + 1 : (int)1e9 : 0);
  return 0;
}

/* Bytes that nobody has used; in a userdata that only C can reach. */
typedef struct batch {
  pid_t pid;
  size_t used;
  unsigned char bytes[BATCH];
} batch;

static int refill (batch *b) {
  size_t n = 0;
  while (n < BATCH) {
    ssize_t got = getrandom(b->bytes + n, BATCH - n, 0);
    if (got < 0 && errno != EINTR) return 0;
    if (got > 0) n += (size_t)got;
  }
  b->pid = getpid();
  b->used = 0;
  return 1;
}

void system_pushbatch (lua_State *L) {
  batch *b = (batch *)compat_newuserdata(L, sizeof *b);
  b->pid = 0;
  b->used = BATCH;
}

void system_nonce (lua_State *L, void *data, char hex[SYSTEM_NONCE]) {
  static const char digits[] = "0123456789abcdef";
  batch *b = (batch *)data;
  int i;
  if ((b->used + NONCE_BYTES > BATCH || b->pid != getpid()) && !refill(b))
    luaL_error(L, "no randomness: %s", strerror(errno));
  for (i = 0; i < NONCE_BYTES; i++) {
    unsigned char c = b->bytes[b->used++];
    hex[2 * i] = digits[c >> 4];
    hex[2 * i + 1] = digits[c & 15];
  }
}
