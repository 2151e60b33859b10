/*
** cipher.h: the only ciphers that the core knows. One file implements them, as with hash.h.
** Every function answers 0 when the library failed, and CIPHER_REFUSED where a tag does not fit.
*/
#ifndef TUYA_CIPHER_H
#define TUYA_CIPHER_H

#include "tuya.h"

#pragma GCC visibility push(hidden)

enum { CIPHER_BLOCK = 16, CIPHER_TAG = 16, CIPHER_REFUSED = -1 };

typedef enum cipher_way { CIPHER_OPEN = 0, CIPHER_CLOSE = 1 } cipher_way;

/* AES-128-ECB over n bytes in place, a multiple of the block; padding is the caller's. */
int cipher_ecb (cipher_way way, const unsigned char key[16], unsigned char *p, size_t n);

/* AES-128-GCM over n bytes in place; the tag is compared on the way in and written on the way out.
 */
int cipher_gcm (cipher_way way, const unsigned char key[16], tuya_str iv, tuya_str aad,
                unsigned char *p, size_t n, unsigned char tag[CIPHER_TAG]);

#pragma GCC visibility pop

#endif
