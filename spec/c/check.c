/*
** check.c: see check.h.
*/
#include <locale.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

enum { SHOWN = 200, FAILURES_SHOWN = 5 };

static struct {
  const char *name, *reason;
  char about[SHOWN];
  int failures; /* of the test that is open */
  int passed, failed, skipped;
} now;

static void close_test (void) {
  if (!now.name) return;
  if (now.failures > FAILURES_SHOWN) printf("  and %d more\n", now.failures - FAILURES_SHOWN);
  if (now.failures) now.failed++;
  else if (now.reason) now.skipped++;
  else now.passed++;
  if (now.reason) printf("skipped: %s: %s\n", now.name, now.reason);
}

/* The locale that TUYA_LOCALE names, which must be one with a decimal comma. */
static void set_locale (void) {
  const char *name = getenv("TUYA_LOCALE");
  if (!name || (setlocale(LC_ALL, name) && *localeconv()->decimal_point == ',')) return;
  printf("the locale %s cannot be set, or has no decimal comma\n", name);
  exit(1);
}

void test (const char *name) {
  if (!now.name) set_locale();
  close_test();
  now.name = name;
  now.reason = NULL;
  now.about[0] = '\0';
  now.failures = 0;
}

void about (const char *format, ...) {
  va_list args;
  va_start(args, format);
  vsnprintf(now.about, sizeof now.about, format, args);
  va_end(args);
}

void skip (const char *reason) { now.reason = reason; }

static int is_shown (const char *file, int line) {
  if (now.failures++ >= FAILURES_SHOWN) return 0;
  printf("FAILED: %s:%d: %s%s%s: ", file, line, now.name ? now.name : "before any test",
         now.about[0] ? ": " : "", now.about);
  return 1;
}

int check_at (int ok, const char *what, const char *file, int line) {
  if (!ok && is_shown(file, line)) printf("not so: %s\n", what);
  return ok;
}

static void show (const char *label, const char *p, size_t n) {
  size_t i;
  printf("  %s, %zu bytes: ", label, n);
  for (i = 0; i < n && i < SHOWN; i++) {
    unsigned char c = (unsigned char)p[i];
    if (c >= 0x20 && c < 0x7f && c != '\\') putchar(c);
    else printf("\\x%02x", c);
  }
  printf(n > SHOWN ? " ...\n" : "\n");
}

int check_same_at (const char *a, size_t an, const char *b, size_t bn, const char *file, int line) {
  int same = an == bn && (an == 0 || memcmp(a, b, an) == 0);
  if (!same && is_shown(file, line)) {
    printf("not the same\n");
    show("got", a, an);
    show("expected", b, bn);
  }
  return same;
}

int check_begins_at (const char *text, const char *prefix, const char *file, int line) {
  int begins = text && strncmp(text, prefix, strlen(prefix)) == 0;
  if (!begins && is_shown(file, line))
    printf("expected \"%s...\", got \"%s\"\n", prefix, text ? text : "NULL");
  return begins;
}

int failures (void) { return now.failures; }

int finish (const char *program) {
  const char *path = getenv("TUYA_COUNTS");
  FILE *counts = path ? fopen(path, "a") : NULL;
  char line[SHOWN];
  close_test();
  snprintf(line, sizeof line, "%s: %d passed, %d failed, %d skipped\n", program, now.passed,
           now.failed, now.skipped);
  fputs(line, stdout);
  if (counts) {
    fputs(line, counts);
    fclose(counts);
  }
  return now.failed || now.passed + now.skipped == 0;
}
