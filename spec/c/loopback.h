/*
** loopback.h: the server's side of a conversation, played by the test itself.
** The idea: no thread and no child. Nothing here waits, so the test moves the pool and its
** peer by turns and knows at each step what has been sent.
*/
#ifndef TUYA_LOOPBACK_H
#define TUYA_LOOPBACK_H

#include <stddef.h>

/* Listens on 127.0.0.1; with a backlog of 0 the second connection is never established. */
int loopback_listen (int *port, int backlog);

/* Of a free port that nobody listens on. */
int loopback_refusing_port (void);

/* A connection that is not waited for: -1 when none has come. */
int loopback_accept (int listener);

/* A connection to the port, whether or not it comes about. */
int loopback_connect (int port);

typedef struct peer {
  int fd;
  char *in;       /* all that came, a NUL after it */
  size_t n, used; /* used: of requests already dealt with */
  int ended;      /* the other side closed or reset the connection */
} peer;

void peer_init (peer *p, int fd);
void peer_read (peer *p);
void peer_write (peer *p, const char *text, size_t n);
void peer_close (peer *p);
void peer_reset (peer *p); /* by RST, whatever is still unread */

/* The request that begins at `used`, when it is there as a whole: its size; else 0. */
size_t peer_request (const peer *p);

#endif
