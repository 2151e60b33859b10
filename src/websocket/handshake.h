/*
** handshake.h: the HTTP request that becomes a WebSocket. Private to src/websocket.
** The idea: text in memory, read and written; it knows no socket.
*/
#ifndef TUYA_HANDSHAKE_H
#define TUYA_HANDSHAKE_H

#include <stddef.h>

#pragma GCC visibility push(hidden)

enum { HANDSHAKE_KEY = 24, HANDSHAKE_ACCEPT = 28, HANDSHAKE_MAX = 16384 };

/* A key of 16 random bytes, in base64; 0 where there is no randomness. */
int handshake_key (char key[HANDSHAKE_KEY + 1]);

/* What the server answers to a key. 0 when the library failed. */
int handshake_accept (const char *key, size_t n, char accept[HANDSHAKE_ACCEPT + 1]);

/*
** The end of the answer's head in n bytes, 0 where it has not come; its status in *status, and in
** *agreed whether it is the one that belongs to the key.
*/
size_t handshake_read (const char *p, size_t n, const char key[HANDSHAKE_KEY + 1], int *status,
                       int *agreed);

/* Overwrites a request, which holds a password, in a way that the compiler may not leave out. */
void handshake_wipe (char *request, size_t n);

#pragma GCC visibility pop

#endif
