/*
** tuya.h: sign a request for the Tuya Cloud OpenAPI.
**
** The one idea: what is signed is what is sent. A request (open: borrowed bytes) is sealed
** with a signer (who, when) into one immutable block; a transport sends what the block's
** views give, byte for byte, and nothing else.
**
** This library never allocates, never reads a clock, never opens a socket, never looks at
** the locale and keeps no state between calls. Every function may be called from any thread
** on distinct objects; a key may be shared by any number of signing threads. One exception:
** to open or make a message OpenSSL allocates a cipher context and frees it within the call.
**
**   tuya_key key;
**   tuya_key_init(&key, secret);
**   tuya_request request = {.method = ..., .path = ...};
**   tuya_signer signer = {.client_id = ..., .key = &key, .t_ms = now};
**   if (tuya_seal_size(&request, &signer, &size, &fault) == TUYA_OK) {
**     void *mem = malloc(size);
**     tuya_seal(&request, &signer, mem, size, &fault);
**     send(tuya_sealed_method(mem), tuya_sealed_target(mem), ...);
**   }
**
** The rules of the cloud that stand here are marked: [published] by Tuya, [inferred] from
** clients that are known to work, [unknown] where no source tells.
*/
#ifndef TUYA_H
#define TUYA_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The libraries that link this as an archive into a module export none of it. */
#if defined(__GNUC__) && !defined(_WIN32)
#pragma GCC visibility push(hidden)
#endif

#define TUYA_VERSION "0.1.0"

/* Limits. A request that passes one is refused with TUYA_ELIMIT. */
#define TUYA_MAX_SECRET 128   /* HMAC takes any length; Tuya's secrets have 32 */
#define TUYA_MAX_ID 256       /* client id, nonce, bundle id: Tuya's have 20 to 64 */
#define TUYA_MAX_TOKEN 4096   /* Tuya's have 32; app logins may have more */
#define TUYA_MAX_TARGET 16384 /* as sent; servers refuse heads of 32 KiB */
#define TUYA_MAX_QUERY 128    /* pairs; they are sorted by insertion, on the stack */
#define TUYA_MAX_HEADERS 32   /* signed headers of the caller */
#define TUYA_MAX_HEADER_NAME 128
#define TUYA_MAX_HEADER_VALUE 8192
#define TUYA_MAX_BODY 67108864 /* 64 MiB; offsets in a sealed block have 32 bits */
#define TUYA_MAX_MESSAGE                                                                           \
  16777216 /* 16 MiB of base64 in an envelope; Tuya's have some hundred bytes */

/* Bytes that the caller owns; they must stay as they are during the call. */
typedef struct tuya_str {
  const char *p;
  size_t n;
} tuya_str;

typedef struct tuya_pair {
  tuya_str name, value;
} tuya_pair;

typedef enum tuya_err {
  TUYA_OK = 0,
  TUYA_EINVAL,  /* an argument breaks a rule: fault.what names the field and the rule */
  TUYA_ELIMIT,  /* an argument passes a limit above */
  TUYA_ESPACE,  /* the memory given to tuya_seal is smaller than tuya_seal_size said */
  TUYA_EHASH,   /* the library of hashes and ciphers failed */
  TUYA_EREFUSED /* a message does not verify: fault.what names what does not, and nothing was opened
                 */
} tuya_err;

/* Why a call failed. Written on failure only. */
typedef struct tuya_fault {
  tuya_err code;
  const char *what; /* static text, "field: rule" */
  size_t at;        /* of "query name", "header name" and the like: the pair; of a limit: the limit;
                       else the byte */
} tuya_fault;

/*
** HMAC-SHA256 states of a secret: 64 bytes that are as secret as the secret itself.
** Constant while signing. Wipe it, never just drop it.
*/
typedef struct tuya_key {
  uint32_t inner[8], outer[8];
} tuya_key;

typedef enum tuya_algorithm {
  TUYA_V2 = 0, /* client_id [access_token] t nonce [bundle_id] stringToSign [published] */
  TUYA_V1      /* client_id [access_token] t; projects made before 2021-06-30 [published] */
} tuya_algorithm;

/*
** What to send. Open: no clock, no secret.
** method   GET POST PUT DELETE PATCH HEAD, upper case.
** path     begins with '/'; unreserved characters, sub-delimiters, '/' ':' '@'. No '%': how the
**          cloud signs an escaped path is [unknown]. Dot segments are kept as given.
** query    decoded names and values, in any order. Signed decoded and sorted by the bytes of
**          the name, equal names in the order given [inferred]; sent percent-encoded, space as
**          %20. What the cloud makes of a repeated name is [unknown].
** headers  signed in the order given and listed in Signature-Headers [published]. Refused are
**          names that the signer owns (sign t client_id access_token nonce sign_method
**          Signature-Headers), names that a transport owns (Host Content-Length ...), a name
**          given twice, control bytes, and values that begin or end with a blank (a server
**          would cut it off).
** body     the exact bytes that will be sent; their SHA-256 is signed whatever the method
**          [inferred for GET and DELETE].
** content_type  sent, unsigned, where there is a body and no signed Content-Type.
**          {NULL,0}: application/json.
** lang     sent, unsigned, where given and not among the signed headers: the language of the
**          cloud's answers, "en" or "zh" [published].
*/
typedef struct tuya_request {
  tuya_str method;
  tuya_str path;
  const tuya_pair *query;
  size_t nquery;
  const tuya_pair *headers;
  size_t nheaders;
  tuya_str body;
  tuya_str content_type;
  tuya_str lang;
} tuya_request;

/*
** Whether a path gets or refreshes a token: /v1.0/token and below, /v1.0/authorize_token
** [published]. Such a call is signed without a token; one given is refused.
*/
int tuya_is_token_call (tuya_str path);

/*
** Who signs, and when.
** client_id     Tuya's access id.
** access_token  {NULL,0} for token calls [published].
** t_ms          milliseconds since 1970, 13 digits. The cloud refuses what is more than some
**               minutes off (1013); the width is [unknown], an old page says 5 minutes.
** nonce         {NULL,0} for none. Signed and sent [published]. None under TUYA_V1.
** bundle_id     only for app-authorization keys: signed, not sent [inferred]. None under TUYA_V1.
*/
typedef struct tuya_signer {
  tuya_str client_id, access_token;
  const tuya_key *key;
  int64_t t_ms;
  tuya_str nonce;
  tuya_str bundle_id;
  tuya_algorithm algorithm;
} tuya_signer;

/*
** A sealed request: one block without pointers, immutable. It may be copied with memcpy to
** any address that is aligned for uint32_t. It holds no secret but the access token.
*/
typedef struct tuya_sealed tuya_sealed;

/* TUYA_EINVAL for an empty secret, TUYA_ELIMIT for one over TUYA_MAX_SECRET bytes. */
tuya_err tuya_key_init (tuya_key *key, tuya_str secret);
void tuya_key_wipe (tuya_key *key);

/* All that can be said of a request without a signer. `why` may be NULL, here and below. */
tuya_err tuya_request_check (const tuya_request *request, tuya_fault *why);

/* The bytes that tuya_seal will need. */
tuya_err tuya_seal_size (const tuya_request *request, const tuya_signer *signer, size_t *size,
                         tuya_fault *why);

/*
** Writes the sealed block into mem, which must be aligned for uint32_t. On failure mem holds
** nothing of use. The block borrows nothing: request, signer and key may go.
*/
tuya_err tuya_seal (const tuya_request *request, const tuya_signer *signer, void *mem, size_t size,
                    tuya_fault *why);

/* Views into a block: they live as long as it does. */
size_t tuya_sealed_size (const tuya_sealed *sealed);
tuya_str tuya_sealed_method (const tuya_sealed *sealed);
tuya_str tuya_sealed_target (const tuya_sealed *sealed);    /* path and query, as sent */
tuya_str tuya_sealed_body (const tuya_sealed *sealed);      /* n == 0: none */
tuya_str tuya_sealed_canonical (const tuya_sealed *sealed); /* stringToSign; empty under TUYA_V1 */
size_t tuya_sealed_nheaders (const tuya_sealed *sealed);
tuya_pair tuya_sealed_header (const tuya_sealed *sealed,
                              size_t i); /* i < nheaders, in send order */

/* The primitives, for whoever verifies what others sent or logs in. Digits, no final NUL. */
tuya_err tuya_sha256 (tuya_str data, char hex[64]); /* lower case, as a body hash is signed */
tuya_err tuya_md5 (tuya_str data, char hex[32]); /* lower case, as an app account's password goes */
tuya_err tuya_key_mac (const tuya_key *key, tuya_str data, char hex[64]); /* upper case, as sign */

/*
** What was signed? Goes through every head followed by every tail, from the pair *at on (a
** pair's number is head * ntails + tail), until the mac of a pair is the digest of 32 bytes.
** 1 with its number in *at; 0 when there is none. A head is hashed once for all its tails.
*/
int tuya_key_search (const tuya_key *key, const tuya_str *heads, size_t nheads,
                     const tuya_str *tails, size_t ntails, const unsigned char digest[32],
                     size_t *at);

/*
** The same over moments: `before`, 13 digits, `after`, from t_ms outwards to span ms on either
** side. 1 with the moment in *t_ms.
*/
int tuya_key_search_t (const tuya_key *key, tuya_str before, tuya_str after, int64_t span,
                       const unsigned char digest[32], int64_t *t_ms);

/*
** Messages that the cloud pushes: an envelope of JSON, whose "data" is encrypted with AES-128.
** The key is the digits 8 to 24 of the access secret (Pulsar) or of the password that the
** configuration of MQTT brings [published].
*/
typedef enum tuya_via { TUYA_PULSAR = 0, TUYA_MQTT } tuya_via;

/*
** ECB  PKCS7 padding. No tag: a change may open as garbage, now and then with a padding that fits.
** GCM  Pulsar: iv of 12 bytes, text, tag of 16, nothing authenticated beside [inferred: the SDKs].
**      MQTT: the iv's length in 4 bytes, big-endian, iv, text, tag; authenticated beside is the
**      envelope's t as it is written in decimal [inferred: a published message verifies only so].
** ANY  GCM if its tag verifies; else ECB if padding fits and the text is printable UTF-8.
*/
typedef enum tuya_cipher { TUYA_ANY = 0, TUYA_ECB, TUYA_GCM } tuya_cipher;

/* What opens messages: as secret as the secret. Constant in use. Wipe it, never just drop it. */
typedef struct tuya_message_key {
  unsigned char aes[16];
  char md5[32]; /* of the secret, in lower-case hex */
} tuya_message_key;

/* `secret` is the access secret or MQTT's password. TUYA_EINVAL for less than 24 bytes. */
tuya_err tuya_message_key_init (tuya_message_key *key, tuya_str secret);
void tuya_message_key_wipe (tuya_message_key *key);

/* The password of Pulsar: digits 8 to 24 of md5(access id, md5(access secret)) [published]. */
tuya_err tuya_pulsar_password (const tuya_message_key *key, tuya_str access_id, char password[16]);

typedef struct tuya_message {
  tuya_str data; /* of the envelope: base64; what is opened */
  tuya_str t;    /* of the envelope, as it is written; MQTT's GCM authenticates it */
  tuya_via via;
  tuya_cipher cipher;
} tuya_message;

/*
** Base64 as messages are written in it: one text for one value, with padding and no loose bits.
** Reading wants n / 4 * 3 bytes at `out`, writing (n + 2) / 3 * 4; *size is how many it took.
*/
tuya_err tuya_base64_read (tuya_str text, void *out, size_t *size);
void tuya_base64_write (tuya_str data, char *out, size_t *size);

/* Bytes that are enough to open data of so many bytes, or to make data of a text of so many. */
size_t tuya_message_room (size_t n);

/*
** Opens data into mem; *text is a view of it. Whole, or TUYA_EREFUSED and nothing: neither is a
** text passed on whose tag or padding fails, nor does mem hold it then.
*/
tuya_err tuya_message_open (const tuya_message_key *key, const tuya_message *message, void *mem,
                            size_t size, tuya_str *text, tuya_fault *why);

/*
** The other way, for who plays the cloud: message->data is the text, *data what goes into the
** envelope, a view of mem. TUYA_ANY is TUYA_EINVAL. An iv serves one message of a key, never two.
*/
tuya_err tuya_message_make (const tuya_message_key *key, const tuya_message *message,
                            const unsigned char iv[12], void *mem, size_t size, tuya_str *data,
                            tuya_fault *why);

#if defined(__GNUC__) && !defined(_WIN32)
#pragma GCC visibility pop
#endif

#ifdef __cplusplus
}
#endif

#endif
