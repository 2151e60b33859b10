/*
** embed.c: runs examples/embed, the host with two Lua states in it, and its own failure.
*/
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "check.h"

enum { SHOWN = 4096 };

/* The host with our Lua files in that directory, away from the checkout; its exit status. */
static int run (const char *directory, char output[SHOWN]) {
  char command[SHOWN];
  size_t n;
  FILE *pipe;
  snprintf(command, sizeof command, "cd / && env -i '%s' '%s' 2>&1", TUYA_HOST, directory);
  pipe = popen(command, "r");
  if (!pipe) abort();
  n = fread(output, 1, SHOWN - 1, pipe);
  output[n] = '\0';
  return WEXITSTATUS(pclose(pipe));
}

int main (void) {
  char output[SHOWN];
  test("two states in one host, the modules linked and preloaded, sign a published vector");
  check(run(TUYA_LUA_FILES, output) == 0);
  check_begins(output, "signed by one state, found right by the other: 9E48A3E9");
  test("a host that does not find the Lua files says so");
  check(run("/no/such/directory", output) == 1);
  check(strstr(output, "module 'tuya' not found") != NULL);
  return finish("c embed on " TUYA_LUA);
}
