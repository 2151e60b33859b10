/*
** system.h: what the bindings ask of the operating system, since the core asks nothing of it.
*/
#ifndef TUYA_SYSTEM_H
#define TUYA_SYSTEM_H

#include <stdint.h>

#include "compat.h"

#pragma GCC visibility push(hidden)

enum { SYSTEM_NONCE = 32 }; /* hex digits */

int64_t system_now (void); /* ms since 1970 */

int system_pushnow (lua_State *L);   /* () -> ms since 1970, an integer where Lua has them */
int system_monotonic (lua_State *L); /* () -> seconds of a clock that is never set */

/* (list of { fd =, read =, write = }, seconds): waits until one is ready, at most so long */
int system_wait (lua_State *L);

int system_isterminal (lua_State *L); /* (descriptor) -> does a person sit there? */
int system_readhidden (
    lua_State *L); /* (prompt) -> a line of the terminal, not shown | nil; raises at Ctrl-C */
int system_isprivate (
    lua_State *L); /* (path) -> this user's, and no other's? | nil, why not known */

int system_decimalpoint (lua_State *L); /* () -> what the locale of now takes for one */

/* Pushes what system_nonce draws from: a userdata. */
void system_pushbatch (lua_State *L);

/* Raises where the kernel has no randomness to give. */
void system_nonce (lua_State *L, void *batch, char hex[SYSTEM_NONCE]);

#pragma GCC visibility pop

#endif
