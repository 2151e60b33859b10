/*
** spawn.c: what a program costs from its exec on:  spawn PROGRAM [ARGUMENT ...]
** Prints the milliseconds until the program's first output, the milliseconds of CPU until its end, user and
** system, and its peak resident memory in MiB. Fails when the program says nothing or fails.
*/
#define _DEFAULT_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void die (const char *what) {
  perror(what);
  exit(1);
}

static double ms_now (void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static double ms (struct timeval t) { return (double)t.tv_sec * 1e3 + (double)t.tv_usec / 1e3; }

static void run (char **argv, int out) {
  dup2(out, STDOUT_FILENO);
  execvp(argv[0], argv);
  die(argv[0]);
}

int main (int argc, char **argv) {
  struct rusage used;
  double start, first;
  int fds[2], status;
  char c;
  pid_t child;
  if (argc < 2 || pipe(fds) != 0) die("usage: spawn PROGRAM [ARGUMENT ...]");
  start = ms_now();
  child = fork();
  if (child < 0) die("fork");
  if (child == 0) run(argv + 1, fds[1]);
  close(fds[1]);
  if (read(fds[0], &c, 1) != 1) die("no output");
  first = ms_now() - start;
  while (read(fds[0], &c, 1) == 1)
    continue;
  if (wait4(child, &status, 0, &used) != child || status != 0) die("the program failed");
  printf("%.2f %.2f %.2f\n", first, ms(used.ru_utime) + ms(used.ru_stime), (double)used.ru_maxrss / 1024);
  return 0;
}
