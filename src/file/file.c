/*
** file.c: the module tuya.file, what a store in a file needs and plain Lua has not.
** The idea: a lock is a flock on a file of its own, which is only ever tried and never
** unlinked, so the kernel drops it with its holder; a text is replaced by renaming a
** temporary over it, so a reader sees the old one or the new one, whole.
** The danger: the temporary has one name, so that a killed writer leaves one at most; who
** replaces a file therefore holds its lock.
*/
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "compat.h"

#define LOCK "tuya.lock"

TUYA_EXPORT int luaopen_tuya_file (lua_State *L);

enum { PRIVATE = 0600 };

typedef struct lock_box {
  int fd; /* -1: not held */
} lock_box;

static int fail (lua_State *L, int error) {
  lua_pushnil(L);
  lua_pushstring(L, strerror(error));
  return 2;
}

static const char *check_path (lua_State *L) {
  size_t n;
  const char *path = luaL_checklstring(L, 1, &n);
  luaL_argcheck(L, n > 0 && strlen(path) == n, 1, "a path expected, not empty and without NUL");
  return path;
}

/* try_lock(path) -> lock | nil, "busy" | nil, message */
static int file_try_lock (lua_State *L) {
  const char *path = check_path(L);
  lock_box *box = (lock_box *)compat_newuserdata(L, sizeof *box);
  int error;
  box->fd = -1;
  luaL_getmetatable(L, LOCK);
  lua_setmetatable(L, -2);
  box->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, PRIVATE);
  if (box->fd < 0) return fail(L, errno);
  if (flock(box->fd, LOCK_EX | LOCK_NB) == 0) return 1;
  error = errno;
  close(box->fd);
  box->fd = -1;
  if (error != EWOULDBLOCK && error != EINTR) return fail(L, error);
  lua_pushnil(L);
  lua_pushliteral(L, "busy");
  return 2;
}

/* Closing lets go, unless a fork has the descriptor too: so it is let go first. A second time does
 * nothing. */
static int lock_release (lua_State *L) {
  lock_box *box = (lock_box *)luaL_checkudata(L, 1, LOCK);
  int fd = box->fd;
  box->fd = -1;
  if (fd < 0) return 0;
  flock(fd, LOCK_UN);
  close(fd);
  return 0;
}

/* 0, or the errno of what failed. */
static int write_all (int fd, const char *text, size_t n) {
  while (n > 0) {
    ssize_t done = write(fd, text, n);
    if (done < 0 && errno != EINTR) return errno;
    if (done > 0) text += done, n -= (size_t)done;
  }
  return fsync(fd) == 0 ? 0 : errno;
}

static int write_new (const char *path, const char *text, size_t n) {
  int fd, error;
  unlink(path); /* of a writer that was killed */
  fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, PRIVATE);
  if (fd < 0) return errno;
  error = write_all(fd, text, n);
  if (close(fd) != 0 && !error) error = errno;
  return error;
}

/* replace(path, text) -> true | nil, message; the file's mode becomes 0600 */
static int file_replace (lua_State *L) {
  size_t n;
  const char *path = check_path(L), *text = luaL_checklstring(L, 2, &n);
  const char *temporary;
  int error;
  lua_pushfstring(L, "%s.new", path);
  temporary = lua_tostring(L, -1);
  error = write_new(temporary, text, n);
  if (!error && rename(temporary, path) != 0) error = errno;
  if (error) {
    unlink(temporary);
    return fail(L, error);
  }
  lua_pushboolean(L, 1);
  return 1;
}

static const luaL_Reg methods[] = {{"release", lock_release}, {NULL, NULL}};

static const luaL_Reg metamethods[] = {
    {"__gc", lock_release}, {"__close", lock_release}, {NULL, NULL}};

static const luaL_Reg functions[] = {
    {"try_lock", file_try_lock}, {"replace", file_replace}, {NULL, NULL}};

TUYA_EXPORT int luaopen_tuya_file (lua_State *L) {
  compat_checkversion(L);
  compat_newclass(L, LOCK, methods, metamethods);
  lua_newtable(L);
  compat_setfuncs(L, functions);
  return 1;
}
