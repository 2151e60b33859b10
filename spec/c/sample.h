/*
** sample.h: requests and blocks to test with.
** The idea: everything that a test reads or writes ends at a page that may not be touched, so
** that one byte too many is a crash and not a guess.
*/
#ifndef TUYA_SAMPLE_H
#define TUYA_SAMPLE_H

#include "tuya.h"

typedef struct sample {
  tuya_request request;
  tuya_signer signer;
  tuya_key key;
} sample;

tuya_str str (const char *text);
int same_str (tuya_str a, const char *b);

/* n bytes that end at a forbidden page; the start is aligned when n is a multiple of 8. */
void *guarded (size_t n);
void guarded_free_all (void);

tuya_str guarded_copy (const char *p, size_t n);
tuya_str guarded_str (const char *text);
tuya_str repeated (char c, size_t n); /* guarded */

/* A list of pairs, itself guarded: name, value, name, value, ..., NULL. */
tuya_pair *guarded_pairs (size_t *n, ...);

/* A legal GET without query, headers, body, token or nonce; what it points to is guarded. */
void sample_init (sample *s);

/* Measures and seals into guarded memory; NULL when refused. */
tuya_sealed *sample_seal (const sample *s, tuya_fault *fault);

/* The first header of that name, {NULL,0} for none. */
tuya_str header_of (const tuya_sealed *sealed, const char *name);

#endif
