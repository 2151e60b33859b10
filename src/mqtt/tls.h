/*
** tls.h: how a broker is to prove itself. Private to src/mqtt; the only files here that know
** OpenSSL.
** The idea: libmosquitto is given an address, so it would name and verify the address; a
** context of ours names and verifies the host.
*/
#ifndef TUYA_TLS_H
#define TUYA_TLS_H

#include "ca.h"

#pragma GCC visibility push(hidden)

typedef struct tls {
  char *host;
  void *context;     /* SSL_CTX */
  const char *fault; /* "expired" "host" "untrusted": what the certificate failed for, or NULL */
  const char *about; /* and a line for people, static */
  int is_shut;       /* nothing more is read from the socket */
} tls;

/* 0 when out of memory; then nothing is kept. It must stay where it is until tls_close. */
int tls_open (tls *t, const char *host, const ca_store *store);
void tls_close (tls *t);

/* Of libmosquitto's SSL, where it has one. */
int tls_is_agreed (void *ssl);
int tls_wants_write (void *ssl);

/*
** What has come and is not read yet, up to the end of a record: how many bytes; 0: none now;
** -1: no more come. From here to tls_open_up whoever reads gets these and no more.
*/
int tls_peek (tls *t, void *ssl, unsigned char *to, int room);

/* How many of them nobody has read after all. */
int tls_open_up (tls *t, void *ssl);

#pragma GCC visibility pop

#endif
