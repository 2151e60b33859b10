/*
** system.h: what the bindings ask of the operating system, since the core asks nothing of it.
*/
#ifndef TUYA_SYSTEM_H
#define TUYA_SYSTEM_H

#include "compat.h"

#pragma GCC visibility push(hidden)

int system_now (lua_State *L);       /* () -> ms since 1970, an integer where Lua has them */
int system_monotonic (lua_State *L); /* () -> seconds of a clock that is never set */

/* Pushes the function () -> 32 hex digits. */
void system_pushnonce (lua_State *L);

#pragma GCC visibility pop

#endif
