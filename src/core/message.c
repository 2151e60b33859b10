/*
** message.c: opens what the cloud pushes, and makes it, for who plays the cloud.
** The idea: a message is opened whole or refused. Base64 is read strictly (one text for one
** value, no loose bits), so that under GCM no bit of a message can change unseen.
** The danger: ECB has no tag, and one garbage in 256 ends in a padding that fits. Where the
** envelope does not name the scheme, ECB therefore comes last and its text must be printable.
*/
#include "buf.h"
#include "cipher.h"
#include "hash.h"

enum { SECRET_FROM = 8, SECRET_TO = 24, PULSAR_IV = 12, MAX_IV = 64, IV_LENGTH = 4, MAX_T = 32 };

static void write_md5 (const unsigned char digest[MD5_SIZE], char hex[32]) {
  write_hex(digest, MD5_SIZE, "0123456789abcdef", hex);
}

tuya_err tuya_md5 (tuya_str data, char hex[32]) {
  static const tuya_str none = {"", 0};
  unsigned char digest[MD5_SIZE];
  if (!hash_md5(data, none, digest)) return TUYA_EHASH;
  write_md5(digest, hex);
  hash_wipe(digest, sizeof digest);
  return TUYA_OK;
}

tuya_err tuya_message_key_init (tuya_message_key *key, tuya_str secret) {
  static const tuya_str none = {"", 0};
  unsigned char digest[MD5_SIZE];
  if (!secret.p || secret.n < SECRET_TO) return TUYA_EINVAL;
  if (!hash_md5(secret, none, digest)) return TUYA_EHASH;
  write_md5(digest, key->md5);
  memcpy(key->aes, secret.p + SECRET_FROM, sizeof key->aes);
  hash_wipe(digest, sizeof digest);
  return TUYA_OK;
}

void tuya_message_key_wipe (tuya_message_key *key) { hash_wipe(key, sizeof *key); }

tuya_err tuya_pulsar_password (const tuya_message_key *key, tuya_str access_id, char password[16]) {
  unsigned char digest[MD5_SIZE];
  char hex[32];
  tuya_str md5;
  md5.p = key->md5;
  md5.n = sizeof key->md5;
  if (!hash_md5(access_id, md5, digest)) return TUYA_EHASH;
  write_md5(digest, hex);
  memcpy(password, hex + SECRET_FROM, SECRET_TO - SECRET_FROM);
  hash_wipe(hex, sizeof hex);
  return TUYA_OK;
}

/* --- base64 --- */

static const char base64_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* The value of a digit; 64 for anything else. */
static unsigned value_of (char c) {
  if (c >= 'A' && c <= 'Z') return (unsigned)(c - 'A');
  if (c >= 'a' && c <= 'z') return (unsigned)(c - 'a') + 26;
  if (c >= '0' && c <= '9') return (unsigned)(c - '0') + 52;
  return c == '+' ? 62 : c == '/' ? 63 : 64;
}

/* Four digits of which the last `pad` stand for nothing; 0 where they are not such. */
static int read_four (const char *p, unsigned pad, unsigned char out[3]) {
  unsigned bits = 0, i, n = 4 - pad;
  for (i = 0; i < n; i++) {
    unsigned value = value_of(p[i]);
    if (value > 63) return 0;
    bits |= value << (18 - 6 * i);
  }
  out[0] = (unsigned char)(bits >> 16);
  out[1] = (unsigned char)(bits >> 8);
  out[2] = (unsigned char)bits;
  return pad == 0 || (pad == 1 ? out[2] == 0 : out[1] == 0); /* no loose bits */
}

static int read_base64 (tuya_str text, unsigned char *out, size_t *n) {
  unsigned char last[3];
  unsigned pad = 0;
  size_t i, whole;
  if (text.n < 4 || text.n % 4) return 0;
  while (pad < 2 && text.p[text.n - 1 - pad] == '=')
    pad++;
  whole = text.n - 4;
  for (i = 0; i < whole; i += 4, out += 3)
    if (!read_four(text.p + i, 0, out)) return 0;
  if (!read_four(text.p + whole, pad, last)) return 0;
  memcpy(out, last, 3 - pad);
  *n = whole / 4 * 3 + 3 - pad;
  return 1;
}

static void write_base64 (buf *out, const unsigned char *p, size_t n) {
  size_t i;
  for (i = 0; i < n; i += 3) {
    unsigned bits = (unsigned)p[i] << 16;
    if (i + 1 < n) bits |= (unsigned)p[i + 1] << 8;
    if (i + 2 < n) bits |= p[i + 2];
    buf_addchar(out, base64_digits[bits >> 18]);
    buf_addchar(out, base64_digits[bits >> 12 & 63]);
    buf_addchar(out, i + 1 < n ? base64_digits[bits >> 6 & 63] : '=');
    buf_addchar(out, i + 2 < n ? base64_digits[bits & 63] : '=');
  }
}

tuya_err tuya_base64_read (tuya_str text, void *out, size_t *size) {
  *size = 0;
  return text.n == 0 || read_base64(text, out, size) ? TUYA_OK : TUYA_EINVAL;
}

void tuya_base64_write (tuya_str data, char *out, size_t *size) {
  buf b = {NULL, SIZE_MAX, 0};
  b.p = out;
  write_base64(&b, (const unsigned char *)data.p, data.n);
  *size = b.n;
}

/* --- opening --- */

/* What is open, within the decoded bytes. */
typedef struct span {
  unsigned char *p;
  size_t n;
} span;

typedef struct opening {
  const tuya_message_key *key;
  const tuya_message *message;
  span all, text;
  const char *why; /* it is refused */
} opening;

static tuya_err refuse (opening *o, const char *why) {
  o->why = why;
  return TUYA_EREFUSED;
}

/* How many bytes stand before the iv, and how long it is; 0 where the data is too short for it. */
static int find_iv (const opening *o, size_t *before, size_t *n) {
  const unsigned char *p = o->all.p;
  *before = 0;
  *n = PULSAR_IV;
  if (o->message->via == TUYA_MQTT) {
    if (o->all.n < IV_LENGTH || p[0] || p[1] || p[2]) return 0;
    *before = IV_LENGTH;
    *n = p[3];
  }
  return *n > 0 && *n <= MAX_IV && o->all.n >= *before + *n + CIPHER_TAG;
}

static tuya_err open_gcm (opening *o) {
  tuya_str iv, aad = {"", 0};
  size_t before;
  int ok;
  if (!find_iv(o, &before, &iv.n)) return refuse(o, "data: no room for an iv and a tag");
  iv.p = (const char *)o->all.p + before;
  if (o->message->via == TUYA_MQTT) aad = o->message->t;
  o->text.p = o->all.p + before + iv.n;
  o->text.n = o->all.n - before - iv.n - CIPHER_TAG;
  ok = cipher_gcm(CIPHER_OPEN, o->key->aes, iv, aad, o->text.p, o->text.n, o->text.p + o->text.n);
  if (ok == CIPHER_REFUSED) return refuse(o, "tag: it does not verify");
  return ok ? TUYA_OK : TUYA_EHASH;
}

/* The length without PKCS7 padding; SIZE_MAX where the padding is none. */
static size_t without_padding (const unsigned char *p, size_t n) {
  size_t i, pad = p[n - 1];
  if (pad == 0 || pad > CIPHER_BLOCK) return SIZE_MAX;
  for (i = n - pad; i < n; i++)
    if (p[i] != pad) return SIZE_MAX;
  return n - pad;
}

static tuya_err open_ecb (opening *o) {
  o->text = o->all;
  if (o->all.n % CIPHER_BLOCK) return refuse(o, "data: no multiple of 16 bytes");
  if (!cipher_ecb(CIPHER_OPEN, o->key->aes, o->all.p, o->all.n)) return TUYA_EHASH;
  o->text.n = without_padding(o->all.p, o->all.n);
  return o->text.n == SIZE_MAX ? refuse(o, "padding: it does not fit") : TUYA_OK;
}

/* The bytes of the UTF-8 sequence that begins here; 0 where none does, or a control character. */
static size_t printable (const unsigned char *p, size_t left) {
  static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
  size_t i, n = *p < 0x80 ? 1 : *p >> 5 == 6 ? 2 : *p >> 4 == 14 ? 3 : *p >> 3 == 30 ? 4 : 0;
  uint32_t c = n == 1 ? *p : *p & (0x7fu >> n);
  if (n == 0 || n > left) return 0;
  for (i = 1; i < n; i++) {
    if (p[i] >> 6 != 2) return 0;
    c = c << 6 | (p[i] & 0x3fu);
  }
  if (n == 1) return c >= ' ' || c == '\t' || c == '\n' || c == '\r';
  return c >= least[n] && c < 0x110000 && c >> 11 != 0x1b ? n : 0;
}

static int is_text (span s) {
  size_t at = 0, n = 1;
  for (; n && at < s.n; at += n)
    n = printable(s.p + at, s.n - at);
  return n != 0;
}

static tuya_err open_any (opening *o) {
  tuya_err err = open_gcm(o);
  if (err != TUYA_EREFUSED) return err;
  read_base64(o->message->data, o->all.p, &o->all.n); /* GCM wrote over it */
  err = open_ecb(o);
  if (err == TUYA_EHASH || (err == TUYA_OK && is_text(o->text))) return err;
  return refuse(o, "scheme: neither a tag nor a padding verifies");
}

static tuya_err fault (tuya_fault *why, tuya_err code, const char *what, size_t at) {
  if (why) {
    why->code = code;
    why->what = what;
    why->at = at;
  }
  return code;
}

/* What can be said before anything is touched. */
static tuya_err check (const tuya_message *m, size_t size, tuya_fault *why) {
  if (m->data.n > TUYA_MAX_MESSAGE)
    return fault(why, TUYA_ELIMIT, "data: too long", TUYA_MAX_MESSAGE);
  if (m->t.n > MAX_T) return fault(why, TUYA_ELIMIT, "t: too long", MAX_T);
  if (size < tuya_message_room(m->data.n)) return fault(why, TUYA_ESPACE, "mem: too small", size);
  return TUYA_OK;
}

/* 4 / 3 of iv, length, padding and tag besides the text, and what base64 rounds up to. */
size_t tuya_message_room (size_t n) {
  size_t bytes = n + IV_LENGTH + PULSAR_IV + CIPHER_BLOCK + CIPHER_TAG;
  return bytes + (bytes + 2) / 3 * 4;
}

tuya_err tuya_message_open (const tuya_message_key *key, const tuya_message *message, void *mem,
                            size_t size, tuya_str *text, tuya_fault *why) {
  opening o;
  tuya_err err = check(message, size, why);
  if (err != TUYA_OK) return err;
  o.key = key;
  o.message = message;
  o.all.p = mem;
  if (!read_base64(message->data, o.all.p, &o.all.n))
    return fault(why, TUYA_EREFUSED, "data: not base64", 0);
  err = message->cipher == TUYA_ECB   ? open_ecb(&o)
        : message->cipher == TUYA_GCM ? open_gcm(&o)
                                      : open_any(&o);
  if (err != TUYA_OK) hash_wipe(mem, o.all.n);
  if (err == TUYA_EHASH)
    return fault(why, err, "the cipher library failed: it is out of memory", 0);
  if (err == TUYA_EREFUSED) return fault(why, err, o.why, 0);
  text->p = (const char *)o.text.p;
  text->n = o.text.n;
  return TUYA_OK;
}

/* --- making --- */

/* Length, iv, text, tag. */
static int make_gcm (const tuya_message_key *key, const tuya_message *m,
                     const unsigned char *iv_bytes, span *all) {
  static const unsigned char length[IV_LENGTH] = {0, 0, 0, PULSAR_IV};
  size_t before = m->via == TUYA_MQTT ? IV_LENGTH : 0;
  unsigned char *text = all->p + before + PULSAR_IV;
  tuya_str iv, aad = {"", 0};
  if (before) memcpy(all->p, length, IV_LENGTH);
  if (before) aad = m->t;
  memcpy(all->p + before, iv_bytes, PULSAR_IV);
  if (m->data.n) memcpy(text, m->data.p, m->data.n);
  iv.p = (const char *)iv_bytes;
  iv.n = PULSAR_IV;
  all->n = before + PULSAR_IV + m->data.n + CIPHER_TAG;
  return cipher_gcm(CIPHER_CLOSE, key->aes, iv, aad, text, m->data.n, text + m->data.n);
}

static int make_ecb (const tuya_message_key *key, tuya_str text, span *all) {
  size_t pad = CIPHER_BLOCK - text.n % CIPHER_BLOCK;
  if (text.n) memcpy(all->p, text.p, text.n);
  memset(all->p + text.n, (int)pad, pad);
  all->n = text.n + pad;
  return cipher_ecb(CIPHER_CLOSE, key->aes, all->p, all->n);
}

tuya_err tuya_message_make (const tuya_message_key *key, const tuya_message *message,
                            const unsigned char iv[12], void *mem, size_t size, tuya_str *data,
                            tuya_fault *why) {
  span all;
  buf out;
  tuya_err err = check(message, size, why);
  if (err != TUYA_OK) return err;
  if (message->cipher == TUYA_ANY) return fault(why, TUYA_EINVAL, "cipher: ECB or GCM", 0);
  all.p = mem;
  if (!(message->cipher == TUYA_ECB ? make_ecb(key, message->data, &all)
                                    : make_gcm(key, message, iv, &all)))
    return fault(why, TUYA_EHASH, "the cipher library failed: it is out of memory", 0);
  out.p = (char *)mem + all.n; /* behind what it is made of */
  out.cap = size - all.n;
  out.n = 0;
  write_base64(&out, all.p, all.n);
  data->p = out.p;
  data->n = out.n;
  return TUYA_OK;
}
