/*
** check.h: all that a test program needs: tests with names, checks in them, a closing line.
** The idea: a check that fails prints where and what, and the program goes on; what is counted
** are tests, not checks.
** The danger: a program that ends early must not look green, so main must return finish().
*/
#ifndef TUYA_CHECK_H
#define TUYA_CHECK_H

#include <stddef.h>

/* Begins a test; the one before it is over. */
void test (const char *name);

/* Words for the failures that follow, until the next test: "byte 10", printed with each. */
void about (const char *format, ...);

/* The test that is open cannot run here. */
void skip (const char *reason);

#define check(condition) check_at((condition) ? 1 : 0, #condition, __FILE__, __LINE__)
int check_at (int ok, const char *what, const char *file, int line);

/* Whether two pieces of memory are the same; prints both when they are not. */
#define check_same(a, an, b, bn) check_same_at(a, an, b, bn, __FILE__, __LINE__)
int check_same_at (const char *a, size_t an, const char *b, size_t bn, const char *file, int line);

/* Whether a text, which may be NULL, begins with a prefix. */
#define check_begins(text, prefix) check_begins_at(text, prefix, __FILE__, __LINE__)
int check_begins_at (const char *text, const char *prefix, const char *file, int line);

/* How many checks of the test that is open have failed: for a child, to tell its parent. */
int failures (void);

/* The closing line, also to the file that TUYA_COUNTS names; what main returns. */
int finish (const char *program);

#endif
