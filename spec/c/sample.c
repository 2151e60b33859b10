/*
** sample.c: see sample.h.
*/
#define _GNU_SOURCE
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sample.h"

typedef struct mapping {
  struct mapping *next;
  char *p;
  size_t n;
} mapping;

static mapping *mappings;

tuya_str str (const char *text) {
  tuya_str s;
  s.p = text;
  s.n = strlen(text);
  return s;
}

int same_str (tuya_str a, const char *b) {
  return a.n == strlen(b) && (a.n == 0 || memcmp(a.p, b, a.n) == 0);
}

void *guarded (size_t n) {
  size_t page = (size_t)sysconf(_SC_PAGESIZE), size = (n + page - 1) / page * page + page;
  mapping *m = malloc(sizeof *m);
  char *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (!m || p == MAP_FAILED || mprotect(p + size - page, page, PROT_NONE) != 0) abort();
  m->p = p;
  m->n = size;
  m->next = mappings;
  mappings = m;
  return p + size - page - n;
}

void guarded_free_all (void) {
  while (mappings) {
    mapping *m = mappings;
    mappings = m->next;
    munmap(m->p, m->n);
    free(m);
  }
}

tuya_str guarded_copy (const char *p, size_t n) {
  char *to = guarded(n);
  tuya_str s;
  if (n) memcpy(to, p, n);
  s.p = to;
  s.n = n;
  return s;
}

tuya_str guarded_str (const char *text) { return guarded_copy(text, strlen(text)); }

tuya_str repeated (char c, size_t n) {
  char *p = guarded(n);
  tuya_str s;
  memset(p, c, n);
  s.p = p;
  s.n = n;
  return s;
}

tuya_pair *guarded_pairs (size_t *n, ...) {
  va_list args, again;
  tuya_pair *pairs;
  size_t i;
  va_start(args, n);
  va_copy(again, args);
  *n = 0;
  while (va_arg(args, const char *))
    ++*n;
  *n /= 2;
  pairs = guarded(*n * sizeof *pairs);
  for (i = 0; i < *n; i++) {
    pairs[i].name = guarded_str(va_arg(again, const char *));
    pairs[i].value = guarded_str(va_arg(again, const char *));
  }
  va_end(again);
  va_end(args);
  return pairs;
}

void sample_init (sample *s) {
  memset(s, 0, sizeof *s);
  s->request.method = guarded_str("GET");
  s->request.path = guarded_str("/v1.0/devices/x");
  s->signer.client_id = guarded_str("1KAD46OrT9HafiKdsXeg");
  s->signer.t_ms = INT64_C(1588925778000);
  if (tuya_key_init(&s->key, guarded_str("4OHBOnWOqaEC1mWXOpVL3yV50s0qGSRC")) != TUYA_OK) abort();
  s->signer.key = &s->key;
}

tuya_sealed *sample_seal (const sample *s, tuya_fault *fault) {
  size_t size;
  void *mem;
  if (tuya_seal_size(&s->request, &s->signer, &size, fault) != TUYA_OK) return NULL;
  mem = guarded(size);
  return tuya_seal(&s->request, &s->signer, mem, size, fault) == TUYA_OK ? mem : NULL;
}

tuya_str header_of (const tuya_sealed *sealed, const char *name) {
  tuya_str none = {NULL, 0};
  size_t i;
  for (i = 0; i < tuya_sealed_nheaders(sealed); i++) {
    tuya_pair header = tuya_sealed_header(sealed, i);
    if (same_str(header.name, name)) return header.value;
  }
  return none;
}
