/*
** ca.h: the certificates that a pool trusts, read once. Private to src/curl.
*/
#ifndef TUYA_CA_H
#define TUYA_CA_H

#include <curl/curl.h>

#pragma GCC visibility push(hidden)

typedef struct ca_store ca_store;

/* Whether this libcurl lets us hand it a store. */
int ca_usable (void);

/* The certificates in the file, or of the system for NULL. NULL: they cannot be read. */
ca_store *ca_load (const char *file);
void ca_free (ca_store *store);

/* CURLOPT_SSL_CTX_FUNCTION; its data is the store. Sessions may be resumed by tickets. */
CURLcode ca_apply (CURL *easy, void *ssl_ctx, void *store);

#pragma GCC visibility pop

#endif
