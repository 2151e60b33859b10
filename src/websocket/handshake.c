/*
** handshake.c: see handshake.h.
** The danger: an answer that is not meant for our key, from a cache or a portal, must not pass.
*/
#define _GNU_SOURCE
#include <string.h>
#include <sys/random.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "handshake.h"

int handshake_key (char key[HANDSHAKE_KEY + 1]) {
  unsigned char random[16];
  if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random) return 0;
  EVP_EncodeBlock((unsigned char *)key, random, sizeof random);
  return 1;
}

void handshake_wipe (char *request, size_t n) { OPENSSL_cleanse(request, n); }

int handshake_accept (const char *key, size_t n, char accept[HANDSHAKE_ACCEPT + 1]) {
  static const char magic[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"; /* of RFC 6455 */
  unsigned char digest[EVP_MAX_MD_SIZE];
  char text[64 + sizeof magic];
  if (n > 64) return 0;
  memcpy(text, key, n);
  memcpy(text + n, magic, sizeof magic - 1);
  if (!EVP_Digest(text, n + sizeof magic - 1, digest, NULL, EVP_sha1(), NULL)) return 0;
  EVP_EncodeBlock((unsigned char *)accept, digest, 20);
  return 1;
}

/* Without the locale, and `b` in lower case. */
static int same_name (const char *a, const char *b, size_t n) {
  size_t i;
  for (i = 0; i < n; i++) {
    char c = a[i] >= 'A' && a[i] <= 'Z' ? (char)(a[i] + 32) : a[i];
    if (c != b[i]) return 0;
  }
  return 1;
}

/* The value of a line "Name: value" in a head, without blanks around it; NULL where there is none.
 */
static const char *value_of (const char *p, const char *end, const char *name, size_t *n) {
  size_t length = strlen(name);
  while (p < end) {
    const char *line = p, *stop = memchr(p, '\n', (size_t)(end - p));
    stop = stop ? stop : end;
    p = stop + 1;
    if ((size_t)(stop - line) <= length || line[length] != ':') continue;
    if (!same_name(line, name, length)) continue;
    line += length + 1;
    while (line < stop && (*line == ' ' || *line == '\t'))
      line++;
    while (stop > line && (stop[-1] == '\r' || stop[-1] == ' ' || stop[-1] == '\t'))
      stop--;
    *n = (size_t)(stop - line);
    return line;
  }
  return NULL;
}

static int status_of (const char *p, size_t n) {
  int i, status = 0;
  if (n < 12 || memcmp(p, "HTTP/1.", 7) != 0 || p[8] != ' ') return 0;
  for (i = 9; i < 12; i++) {
    if (p[i] < '0' || p[i] > '9') return 0;
    status = 10 * status + p[i] - '0';
  }
  return status;
}

size_t handshake_read (const char *p, size_t n, const char key[HANDSHAKE_KEY + 1], int *status,
                       int *agreed) {
  const char *end = memmem(p, n, "\r\n\r\n", 4), *value;
  char accept[HANDSHAKE_ACCEPT + 1];
  size_t nvalue;
  if (!end) return 0;
  end += 4;
  *status = status_of(p, (size_t)(end - p));
  value = value_of(p, end, "sec-websocket-accept", &nvalue);
  *agreed = *status == 101 && value && handshake_accept(key, HANDSHAKE_KEY, accept) &&
            nvalue == HANDSHAKE_ACCEPT && memcmp(value, accept, nvalue) == 0;
  return (size_t)(end - p);
}
