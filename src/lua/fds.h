/*
** fds.h: what a loop waits for, as Lua sees it: a list of { fd =, read =, write = }.
** The idea: pool, WebSocket and listener each tell theirs in this form, and whoever waits takes it.
*/
#ifndef TUYA_FDS_H
#define TUYA_FDS_H

#include <poll.h>

#include "compat.h"

/* Entry i, from 1, of the list on top of the stack. */
static COMPAT_UNUSED void fds_push (lua_State *L, int i, int fd, int in, int out) {
  lua_createtable(L, 0, 3);
  lua_pushinteger(L, fd);
  lua_setfield(L, -2, "fd");
  lua_pushboolean(L, in);
  lua_setfield(L, -2, "read");
  lua_pushboolean(L, out);
  lua_setfield(L, -2, "write");
  lua_rawseti(L, -2, i);
}

/* The list at `arg`, or none, into fds[n] and on, up to `most`; how many there are then. */
static COMPAT_UNUSED int fds_read (lua_State *L, int arg, struct pollfd *fds, int n, int most) {
  int i;
  if (lua_isnoneornil(L, arg)) return n;
  luaL_checktype(L, arg, LUA_TTABLE);
  for (i = 1; n < most; i++, n++) {
    lua_rawgeti(L, arg, i);
    if (!lua_istable(L, -1)) break;
    lua_getfield(L, -1, "fd");
    lua_getfield(L, -2, "read");
    lua_getfield(L, -3, "write"); /* stack: entry fd read write */
    fds[n].fd = (int)lua_tonumber(L, -3);
    fds[n].events = (short)(lua_toboolean(L, -2) ? POLLIN : 0);
    if (lua_toboolean(L, -1)) fds[n].events = (short)(fds[n].events | POLLOUT);
    fds[n].revents = 0;
    lua_pop(L, 4);
  }
  return n;
}

#endif
