/*
** network.c: loaded before the C library (LD_PRELOAD), the network of one process as a file says: the file that
** TUYA_NETWORK names holds "dns" (no name resolves), "unreachable" (no host is reached) or nothing. The name
** cloud.test is this machine's.
*/
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static int is (const char *word) {
  char found[16] = "";
  const char *path = getenv("TUYA_NETWORK");
  FILE *file = path ? fopen(path, "r") : NULL;
  if (!file) return 0;
  if (!fgets(found, sizeof found, file)) found[0] = '\0';
  fclose(file);
  return strcmp(found, word) == 0;
}

int getaddrinfo (const char *node, const char *service, const struct addrinfo *hints,
                 struct addrinfo **found) {
  int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
  if (is("dns")) return EAI_NONAME;
  *(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
  return real(node && strcmp(node, "cloud.test") == 0 ? "127.0.0.1" : node, service, hints, found);
}

int connect (int fd, const struct sockaddr *address, socklen_t size) {
  int (*real)(int, const struct sockaddr *, socklen_t);
  if (is("unreachable") && address->sa_family != AF_UNIX) {
    errno = EHOSTUNREACH;
    return -1;
  }
  *(void **)&real = dlsym(RTLD_NEXT, "connect");
  return real(fd, address, size);
}
