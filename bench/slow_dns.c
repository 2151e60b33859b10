/*
** slow_dns.c: a resolver that takes two seconds, for LD_PRELOAD. Addresses are answered at once.
*/
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netdb.h>
#include <unistd.h>

int getaddrinfo (const char *name, const char *service, const struct addrinfo *hints,
                 struct addrinfo **found) {
  int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
  *(void **)(&real) = dlsym(RTLD_NEXT, "getaddrinfo");
  if (name && (name[0] < '0' || name[0] > '9')) sleep(2);
  return real(name, service, hints, found);
}
