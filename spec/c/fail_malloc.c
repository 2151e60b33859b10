/*
** fail_malloc.c: for LD_PRELOAD: an allocation fails, whoever in the process asks for it.
** The idea: counted from fail_at on, so that a program can make each fail in turn, and see by
** fail_live what stays.
** The danger: what a thread of the resolver allocates is counted among the others.
*/
#include <stddef.h>

void *__libc_malloc (size_t n);
void *__libc_calloc (size_t n, size_t size);
void *__libc_realloc (void *p, size_t n);
void __libc_free (void *p);

void fail_at (long n, int all_that_follow);
long fail_off (void);
long fail_live (void);

static long at, made, live;
static int forever, armed;

static int fails (void) {
  long n;
  if (!__atomic_load_n(&armed, __ATOMIC_SEQ_CST)) return 0;
  n = __atomic_add_fetch(&made, 1, __ATOMIC_SEQ_CST);
  return n == at || (forever && n > at);
}

static void *counted (void *p) {
  if (p) __atomic_add_fetch(&live, 1, __ATOMIC_SEQ_CST);
  return p;
}

void *malloc (size_t n) { return fails() ? NULL : counted(__libc_malloc(n)); }
void *calloc (size_t n, size_t size) { return fails() ? NULL : counted(__libc_calloc(n, size)); }

void *realloc (void *p, size_t n) {
  if (fails()) return NULL;
  return p ? __libc_realloc(p, n) : counted(__libc_malloc(n));
}

void free (void *p) {
  if (p) __atomic_sub_fetch(&live, 1, __ATOMIC_SEQ_CST);
  __libc_free(p);
}

void fail_at (long n, int all_that_follow) {
  at = n;
  forever = all_that_follow;
  made = 0;
  armed = 1;
}

long fail_off (void) {
  armed = 0;
  return made;
}

long fail_live (void) { return live; }
