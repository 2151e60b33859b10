/*
** tls.c: see tls.h.
** The danger: a certificate that nobody checked against a name. The name is set in the
** parameters of the context, which each connection inherits, and where it cannot be set there
** is no context.
*/
#define _POSIX_C_SOURCE 200809L
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include "tls.h"

static int is_address (const char *host) {
  struct in6_addr any;
  return inet_pton(AF_INET, host, &any) == 1 || inet_pton(AF_INET6, host, &any) == 1;
}

static tls *of_ssl (const SSL *ssl) { return SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)); }

/* libmosquitto has named the address that it connects to; before the first byte the host is named.
 */
static void on_handshake (const SSL *ssl, int where, int value) {
  const tls *t = of_ssl(ssl);
  const char *name = is_address(t->host) ? NULL : t->host;
  (void)value;
  if (where & SSL_CB_HANDSHAKE_START) SSL_set_tlsext_host_name((SSL *)(size_t)ssl, name);
}

static const char *fault_of (int error) {
  switch (error) {
  case X509_V_ERR_CERT_HAS_EXPIRED:
  case X509_V_ERR_CERT_NOT_YET_VALID:
    return "expired";
  case X509_V_ERR_HOSTNAME_MISMATCH:
  case X509_V_ERR_IP_ADDRESS_MISMATCH:
    return "host";
  default:
    return "untrusted";
  }
}

static int on_certificate (int is_good, X509_STORE_CTX *certificate) {
  const SSL *ssl = X509_STORE_CTX_get_ex_data(certificate, SSL_get_ex_data_X509_STORE_CTX_idx());
  tls *t = of_ssl(ssl);
  if (!is_good) {
    int error = X509_STORE_CTX_get_error(certificate);
    t->fault = fault_of(error);
    t->about = X509_verify_cert_error_string(error);
  }
  return is_good;
}

static int verify (SSL_CTX *context, const char *host) {
  X509_VERIFY_PARAM *param = SSL_CTX_get0_param(context);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, on_certificate);
  X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  if (is_address(host)) return X509_VERIFY_PARAM_set1_ip_asc(param, host);
  return X509_VERIFY_PARAM_set1_host(param, host, 0);
}

int tls_open (tls *t, const char *host, const ca_store *store) {
  SSL_CTX *context = SSL_CTX_new(TLS_client_method());
  t->context = context;
  t->host = malloc(strlen(host) + 1);
  if (context && t->host && SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) &&
      SSL_CTX_set_app_data(context, t) && verify(context, host)) {
    memcpy(t->host, host, strlen(host) + 1);
    ca_apply(NULL, context, (void *)(size_t)store);
    SSL_CTX_set_info_callback(context, on_handshake); /* not ca.c's: nothing is resumed here */
    return 1;
  }
  tls_close(t);
  return 0;
}

void tls_close (tls *t) {
  SSL_CTX_free(t->context);
  free(t->host);
  t->context = NULL;
  t->host = NULL;
}

/* While it is shut, there is nothing to be had just now. */
static long on_read (BIO *bio, int what, const char *p, size_t n, int i, long l, int result,
                     size_t *done) {
  const tls *t = (const tls *)(void *)BIO_get_callback_arg(bio);
  (void)p, (void)n, (void)i, (void)l, (void)done;
  if (what != BIO_CB_READ || !t->is_shut) return result;
  BIO_set_retry_read(bio);
  return -1;
}

int tls_peek (tls *t, void *ssl, unsigned char *to, int room) {
  BIO *bio = SSL_get_rbio(ssl);
  int n = SSL_peek(ssl, to, room);
  BIO_set_callback_arg(bio, (char *)t);
  BIO_set_callback_ex(bio, on_read);
  t->is_shut = n > 0;
  if (n > 0) return n;
  n = SSL_get_error(ssl, n) == SSL_ERROR_WANT_READ ? 0 : -1;
  ERR_clear_error();
  return n;
}

int tls_open_up (tls *t, void *ssl) {
  t->is_shut = 0;
  return ssl ? SSL_pending(ssl) : 0;
}

int tls_is_agreed (void *ssl) { return SSL_is_init_finished(ssl); }

int tls_wants_write (void *ssl) { return SSL_want_write((SSL *)ssl); }
