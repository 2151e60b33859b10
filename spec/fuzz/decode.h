/*
** decode.h: what a server makes of a target, written from the RFC and not from url.c.
*/
#ifndef TUYA_DECODE_H
#define TUYA_DECODE_H

#include "input.h"

static int hex_value (char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1; /* lower case is not what we write */
}

/* Takes what stands before `end` off the text and decodes it: %XX only, a plus stays a plus. */
static tuya_str decode_until (input *in, tuya_str *text, const char *ends) {
  char *to = own(in, text->n);
  tuya_str s;
  s.p = to;
  while (text->n && strchr(ends, *text->p) == NULL) {
    char c = *text->p++;
    text->n--;
    require(c > ' ' && c < 0x7f);
    if (c == '%') {
      require(text->n >= 2 && hex_value(text->p[0]) >= 0 && hex_value(text->p[1]) >= 0);
      c = (char)(16 * hex_value(text->p[0]) + hex_value(text->p[1]));
      text->p += 2;
      text->n -= 2;
    }
    *to++ = c;
  }
  s.n = (size_t)(to - s.p);
  return s;
}

static void expect_char (tuya_str *text, char c) {
  require(text->n && *text->p == c);
  text->p++;
  text->n--;
}

static int same (tuya_str a, tuya_str b) {
  return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

/* By bytes, a prefix first. */
static int compare (tuya_str a, tuya_str b) {
  size_t i;
  for (i = 0; i < a.n && i < b.n; i++)
    if (a.p[i] != b.p[i]) return (unsigned char)a.p[i] < (unsigned char)b.p[i] ? -1 : 1;
  return a.n < b.n ? -1 : a.n > b.n;
}

/* order[i]: the pair that stands i-th in a stable order; counted, not sorted. */
static void rank (const tuya_pair *query, size_t n, size_t *order) {
  size_t i, j;
  for (i = 0; i < n; i++) {
    size_t before = 0;
    for (j = 0; j < n; j++) {
      int c = compare(query[j].name, query[i].name);
      before += c < 0 || (c == 0 && j < i);
    }
    order[before] = i;
  }
}

/* A sent target is the path as it is and the query of the request, sorted, once decoded. */
static void require_target (input *in, tuya_str target, const tuya_request *request) {
  tuya_str path = request->path;
  size_t i, order[TUYA_MAX_QUERY];
  rank(request->query, request->nquery, order);
  require(target.n >= path.n && memcmp(target.p, path.p, path.n) == 0);
  target.p += path.n;
  target.n -= path.n;
  for (i = 0; i < request->nquery; i++) {
    const tuya_pair *pair = &request->query[order[i]];
    expect_char(&target, i == 0 ? '?' : '&');
    require(same(decode_until(in, &target, "="), pair->name));
    expect_char(&target, '=');
    require(same(decode_until(in, &target, "&"), pair->value));
  }
  require(target.n == 0);
}

#endif
