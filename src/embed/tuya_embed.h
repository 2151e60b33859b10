/*
** tuya_embed.h: lua-tuya inside a program, with its Lua files as data: no file is opened and
** nothing is loaded at run time. Built by CMake with -DTUYA_EMBED=ON, as libtuya_embed.a.
*/
#ifndef TUYA_EMBED_H
#define TUYA_EMBED_H

#include <stddef.h>

#include <lua.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
** Tells package.preload of a state where tuya's modules are; nothing runs before `require`.
** The library package must be open. JSON is the host's to bring: as module "cjson", or as the
** option json of every client.
*/
void tuya_embed (lua_State *L);

typedef struct tuya_embed_file {
  const char *name; /* of the module; NULL ends the list */
  const unsigned char *text;
  size_t size;
} tuya_embed_file;

/* Made by tools/embed.cmake. */
extern const tuya_embed_file tuya_embed_files[];

#ifdef __cplusplus
}
#endif

#endif
