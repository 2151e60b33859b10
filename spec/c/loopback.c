/*
** loopback.c: see loopback.h.
*/
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "loopback.h"

enum { CHUNK = 65536 };

static struct sockaddr_in address (int port) {
  struct sockaddr_in a;
  memset(&a, 0, sizeof a);
  a.sin_family = AF_INET;
  a.sin_port = htons((unsigned short)port);
  a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return a;
}

static int bound (int *port) {
  struct sockaddr_in a = address(0);
  socklen_t size = sizeof a;
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof a) != 0) abort();
  if (getsockname(fd, (struct sockaddr *)&a, &size) != 0) abort();
  *port = ntohs(a.sin_port);
  return fd;
}

int loopback_listen (int *port, int backlog) {
  int fd = bound(port);
  if (listen(fd, backlog) != 0) abort();
  return fd;
}

int loopback_refusing_port (void) {
  int port;
  close(bound(&port));
  return port;
}

int loopback_accept (int listener) {
  return accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

int loopback_connect (int port) {
  struct sockaddr_in a = address(port);
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) abort();
  if (connect(fd, (struct sockaddr *)&a, sizeof a) != 0 && errno != EINPROGRESS) abort();
  return fd;
}

void peer_init (peer *p, int fd) {
  memset(p, 0, sizeof *p);
  p->fd = fd;
  p->in = calloc(1, 1);
  if (!p->in) abort();
}

void peer_read (peer *p) {
  ssize_t got;
  do {
    p->in = realloc(p->in, p->n + CHUNK + 1);
    if (!p->in) abort();
    got = p->ended ? -1 : recv(p->fd, p->in + p->n, CHUNK, 0);
    if (got > 0) p->n += (size_t)got;
    if (got == 0 || (got < 0 && errno != EAGAIN)) p->ended = 1;
    p->in[p->n] = '\0';
  } while (got > 0);
}

/* What a test writes fits into the buffers of a socket, or the other side is gone. */
void peer_write (peer *p, const char *text, size_t n) {
  while (n > 0) {
    ssize_t sent = send(p->fd, text, n, MSG_NOSIGNAL);
    if (sent < 0) return;
    text += sent;
    n -= (size_t)sent;
  }
}

void peer_close (peer *p) {
  if (p->fd >= 0) close(p->fd);
  p->fd = -1;
  free(p->in);
  p->in = NULL;
}

void peer_reset (peer *p) {
  struct linger now = {1, 0};
  setsockopt(p->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  peer_close(p);
}

static size_t content_length (const char *head, const char *end) {
  const char *line = head;
  while ((line = memchr(line, '\n', (size_t)(end - line))) != NULL) {
    line++;
    if (strncasecmp(line, "Content-Length:", 15) == 0) return strtoul(line + 15, NULL, 10);
  }
  return 0;
}

size_t peer_request (const peer *p) {
  const char *begin = p->in + p->used, *end;
  size_t size;
  if (p->n == p->used) return 0;
  end = strstr(begin, "\r\n\r\n");
  if (!end) return 0;
  end += 4;
  size = (size_t)(end - begin) + content_length(begin, end);
  return p->n - p->used >= size ? size : 0;
}
