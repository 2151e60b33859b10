/*
** hmac.h: OpenSSL's own one-shot hashes, which share no code with src/core: the judge.
*/
#ifndef TUYA_HMAC_H
#define TUYA_HMAC_H

#include "tuya.h"

/* 64 digits: lower case for the hash, upper case for the mac, as Tuya writes them. */
void judge_sha256 (tuya_str data, char hex[64]);
void judge_hmac (tuya_str secret, tuya_str data, char hex[64]);

/* The signature that a block must carry, from the signer, the secret and its canonical string. */
void judge_sign (const tuya_signer *signer, tuya_str secret, tuya_str canonical, char hex[64]);

#endif
