/*
** http.h: what the bindings know of HTTP/1.1, for transports that are written in Lua.
*/
#ifndef TUYA_HTTP_H
#define TUYA_HTTP_H

#include "compat.h"

#pragma GCC visibility push(hidden)

/* (text) -> status, minor version, headers, bytes of the head | nothing: it is not whole | false:
 * it is not HTTP/1 */
int http_read_head (lua_State *L);

#pragma GCC visibility pop

#endif
