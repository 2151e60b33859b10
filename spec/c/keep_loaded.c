/*
** keep_loaded.c: preloaded where a tool shall name the functions of modules when the program
** ends: lua_close unloads them before that, and with them what they keep in static data.
*/
int dlclose (void *handle);

int dlclose (void *handle) {
  (void)handle;
  return 0;
}
