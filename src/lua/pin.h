/*
** pin.h: keeps a module in memory to the end.
** lua_close unloads modules, whatever threads of libcurl's are still in them; it does not unload
** the program, so a module that is linked into it (TUYA_EMBED) needs none of this.
** Whoever includes it defines _GNU_SOURCE first, for dladdr.
*/
#ifndef TUYA_PIN_H
#define TUYA_PIN_H

#ifndef TUYA_EMBED
#include <dlfcn.h>
#endif

/* The module that has this function. */
static void pin (lua_CFunction open) {
#ifdef TUYA_EMBED
  (void)open;
#else
  Dl_info info;
  if (dladdr((void *)(size_t)open, &info) && info.dli_fname)
    dlopen(info.dli_fname, RTLD_NOW | RTLD_NODELETE);
#endif
}

#endif
