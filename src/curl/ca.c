/*
** ca.c: one X509_STORE for all connections of a pool, the only file here that knows OpenSSL.
** The idea: libcurl parses the bundle of the system anew for every connection, 24 ms each on
** Debian, inside a tick; we read it once and share it. A session may be resumed likewise.
** The danger: a libcurl built with another TLS library, or with another OpenSSL than ours,
** would misread our store; ca_usable compares the two.
*/
#include <string.h>

#include <openssl/opensslv.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include "ca.h"

#define TEXT(x) #x
#define MAJOR_TEXT(x) TEXT(x)

int ca_usable (void) {
  static const char ours[] = "OpenSSL/" MAJOR_TEXT(OPENSSL_VERSION_MAJOR) ".";
  const curl_version_info_data *info = curl_version_info(CURLVERSION_NOW);
  return info->ssl_version && strncmp(info->ssl_version, ours, sizeof ours - 1) == 0;
}

/* The bundle that libcurl was configured with, if there is one. */
static const char *default_file (void) {
  const curl_version_info_data *info = curl_version_info(CURLVERSION_NOW);
  return info->age >= CURLVERSION_SEVENTH ? info->cainfo : NULL;
}

static int load (X509_STORE *store, const char *file) {
  const char *system_file = default_file();
  if (file) return X509_STORE_load_locations(store, file, NULL);
  if (system_file && X509_STORE_load_locations(store, system_file, NULL)) return 1;
  return X509_STORE_set_default_paths(store);
}

ca_store *ca_load (const char *file) {
  X509_STORE *store = X509_STORE_new();
  if (!store) return NULL;
  /* what libcurl sets on its own store: a trusted intermediate or leaf ends the chain */
  X509_STORE_set_flags(store, X509_V_FLAG_TRUSTED_FIRST | X509_V_FLAG_PARTIAL_CHAIN);
  if (load(store, file)) return (ca_store *)store;
  X509_STORE_free(store);
  return NULL;
}

void ca_free (ca_store *store) { X509_STORE_free((X509_STORE *)store); }

/*
** OpenSSL spoils a session of TLS 1.3 that was used, where it caches sessions by the end of the
** handshake; the next ticket comes later, with the answer, and who connects in between would have
** none. So the cache is closed until then. Of TLS 1.2 it has to be open: its ticket comes before.
*/
static void open_cache (const SSL *ssl, int where, int unused) {
  (void)unused;
  if (where & SSL_CB_HANDSHAKE_DONE || SSL_version(ssl) < TLS1_3_VERSION)
    SSL_CTX_set_session_cache_mode(SSL_get_SSL_CTX(ssl),
                                   SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
}

/*
** Tickets, which libcurl does not ask for and leaves to whoever is called here: a session that is
** resumed costs no verification, some 0.3 ms of a tick instead of 1.
*/
CURLcode ca_apply (CURL *easy, void *ssl_ctx, void *store) {
  SSL_CTX *context = ssl_ctx;
  (void)easy;
  SSL_CTX_set1_cert_store(context, (X509_STORE *)store);
  SSL_CTX_clear_options(context, SSL_OP_NO_TICKET);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_info_callback(context, open_cache);
  return CURLE_OK;
}
