/*
** values.h: walks over tables, for tuya.core: options, and what a JSON library takes and gives.
*/
#ifndef TUYA_VALUES_H
#define TUYA_VALUES_H

#include "compat.h"

#pragma GCC visibility push(hidden)

/* (value) -> may it go to the JSON library as it is? Where not, that is found out in Lua. */
int values_isplain (lua_State *L);

/* (options, known) -> are all known, by name and type? Where not, Lua finds out. */
int values_fit (lua_State *L);

/* (what the JSON library made) -> the same, integers as integers where Lua has them, null as nil */
int values_restore (lua_State *L);

#pragma GCC visibility pop

#endif
