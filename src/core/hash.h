/*
** hash.h: the only hashing that the core knows. One file implements it; another hash library
** is another such file. Every function answers 0 when the library failed.
*/
#ifndef TUYA_HASH_H
#define TUYA_HASH_H

#include "tuya.h"

#pragma GCC visibility push(hidden)

enum { HASH_SIZE = 32, HASH_BLOCK = 64 };

int hash_sha256 (tuya_str data, unsigned char digest[HASH_SIZE]);

/* The states after the two padded key blocks of HMAC; the secret may have any length. */
int hash_key (tuya_key *key, tuya_str secret);

/* HMAC-SHA256 of the parts, one after the other. */
int hash_mac (const tuya_key *key, const tuya_str *parts, size_t nparts,
              unsigned char digest[HASH_SIZE]);

/* Overwrites secrets in a way that the compiler may not leave out. */
void hash_wipe (void *p, size_t n);

#pragma GCC visibility pop

#endif
