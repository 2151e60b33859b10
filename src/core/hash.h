/*
** hash.h: the only hashing that the core knows. One file implements it; another hash library
** is another such file. Every function answers 0 when the library failed.
*/
#ifndef TUYA_HASH_H
#define TUYA_HASH_H

#include "tuya.h"

#pragma GCC visibility push(hidden)

enum { HASH_SIZE = 32, HASH_BLOCK = 64, MD5_SIZE = 16 };

int hash_sha256 (tuya_str data, unsigned char digest[HASH_SIZE]);

/* The states after the two padded key blocks of HMAC; the secret may have any length. */
int hash_key (tuya_key *key, tuya_str secret);

/* HMAC-SHA256 of the parts, one after the other. */
int hash_mac (const tuya_key *key, const tuya_str *parts, size_t nparts,
              unsigned char digest[HASH_SIZE]);

/*
** Whether the mac of the head and one of the tails, from tails[*at] on, is the digest: 1 with
** its number in *at, else 0. The head is hashed once.
*/
int hash_mac_search (const tuya_key *key, tuya_str head, const tuya_str *tails, size_t ntails,
                     const unsigned char digest[HASH_SIZE], size_t *at);

/* MD5 of a, then b: nothing but the login of Pulsar, which Tuya derives by it, wants that. */
int hash_md5 (tuya_str a, tuya_str b, unsigned char digest[MD5_SIZE]);

/* Overwrites secrets in a way that the compiler may not leave out. */
void hash_wipe (void *p, size_t n);

#pragma GCC visibility pop

#endif
