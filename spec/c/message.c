/*
** message.c: every case of spec/messages opened and made, every bit of every message changed, and
** every length that a text may have.
** The idea: what is opened lies at the end of a page that may not be read on. The danger: ECB has
** no tag, so that of its changes only some can be refused; it is GCM's that all must be.
*/
#define _GNU_SOURCE
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>

#include "check.h"
#include "sample.h"

enum { MAX_FILE = 4096, LONGEST = 70 };

typedef struct vector {
  char text[MAX_FILE];
  tuya_message_key key;
  tuya_message message;
  tuya_str secret, plain, iv, access_id, pulsar_password;
} vector;

static int is_name (const char *line, const char *name) {
  return strncmp(line, name, strlen(name)) == 0 && line[strlen(name)] == ' ';
}

/* The rest of the line that begins with a name; {NULL,0} where there is none. */
static tuya_str field (const vector *v, const char *name) {
  tuya_str none = {NULL, 0}, value;
  const char *line = v->text;
  for (; *line; line = strchr(line, '\n') + 1) {
    if (!is_name(line, name)) continue;
    value.p = line + strlen(name) + 1;
    value.n = (size_t)(strchr(line, '\n') - value.p);
    return value;
  }
  return none;
}

static int read_file (vector *v, const char *name) {
  char path[MAX_FILE];
  FILE *f;
  size_t n;
  snprintf(path, sizeof path, "%s/%s", TUYA_MESSAGES, name);
  f = fopen(path, "rb");
  if (!f) return 0;
  n = fread(v->text, 1, MAX_FILE - 1, f);
  v->text[n] = 0;
  fclose(f);
  return n > 0 && v->text[n - 1] == '\n';
}

static void read_vector (vector *v, const char *name) {
  check(read_file(v, name));
  v->secret = field(v, "secret");
  v->plain = field(v, "text");
  v->iv = field(v, "iv");
  v->access_id = field(v, "access_id");
  v->pulsar_password = field(v, "pulsar_password");
  v->message.data = field(v, "data");
  v->message.t = field(v, "t");
  v->message.via = same_str(field(v, "via"), "mqtt") ? TUYA_MQTT : TUYA_PULSAR;
  v->message.cipher = same_str(field(v, "cipher"), "gcm") ? TUYA_GCM : TUYA_ECB;
  check(tuya_message_key_init(&v->key, v->secret) == TUYA_OK);
}

static tuya_err open_guarded (const vector *v, const tuya_message *m, tuya_str *text,
                              tuya_fault *why) {
  size_t size = tuya_message_room(m->data.n);
  tuya_message copy = *m;
  copy.data = guarded_copy(m->data.p, m->data.n);
  return tuya_message_open(&v->key, &copy, guarded(size), size, text, why);
}

static void open_vector (vector *v) {
  static const tuya_cipher both[] = {TUYA_ANY, TUYA_ECB, TUYA_GCM};
  tuya_message m = v->message;
  tuya_str text;
  tuya_fault fault;
  int i;
  for (i = 0; i < 3; i++) {
    int right = both[i] == TUYA_ANY || both[i] == v->message.cipher;
    m.cipher = both[i];
    about("cipher %d", (int)m.cipher);
    check(open_guarded(v, &m, &text, &fault) == (right ? TUYA_OK : TUYA_EREFUSED));
    if (right) check_same(text.p, text.n, v->plain.p, v->plain.n);
  }
}

static void from_hex (tuya_str hex, unsigned char *out) {
  size_t i;
  unsigned byte;
  for (i = 0; i + 1 < hex.n; i += 2)
    if (sscanf(hex.p + i, "%2x", &byte) == 1) out[i / 2] = (unsigned char)byte;
}

/* The cloud's side makes the very data again. */
static void make_vector (vector *v) {
  unsigned char iv[12] = {0};
  size_t size = tuya_message_room(v->plain.n);
  tuya_message m = v->message;
  tuya_str data;
  if (m.cipher == TUYA_GCM && !v->iv.p) return; /* a published one, whose text is our decryption */
  from_hex(v->iv, iv);
  m.data = v->plain;
  check(tuya_message_make(&v->key, &m, iv, guarded(size), size, &data, NULL) == TUYA_OK);
  check_same(data.p, data.n, v->message.data.p, v->message.data.n);
}

/* What came of a changed message: 1 when it was refused, and nothing of it was left. */
static int is_refused (const vector *v, const tuya_message *m, tuya_cipher cipher) {
  char mem[4096];
  tuya_message copy = *m;
  tuya_fault fault = {TUYA_OK, NULL, 0};
  tuya_str text = {NULL, 0};
  copy.cipher = cipher;
  memset(mem, 0, sizeof mem);
  if (tuya_message_open(&v->key, &copy, mem, sizeof mem, &text, &fault) != TUYA_EREFUSED) return 0;
  return text.p == NULL && fault.code == TUYA_EREFUSED && strchr(fault.what, ':') &&
         !memmem(mem, sizeof mem, v->plain.p, 16);
}

static void change_bits (vector *v) {
  char data[MAX_FILE], t[64];
  tuya_message m = v->message;
  size_t i;
  memcpy(data, m.data.p, m.data.n);
  memcpy(t, m.t.n ? m.t.p : "", m.t.n);
  m.data.p = data;
  m.t.p = t;
  for (i = 0; i < 8 * m.data.n; i++) {
    data[i / 8] = (char)(data[i / 8] ^ 1 << i % 8);
    about("bit %d of data", (int)i);
    check(is_refused(v, &m, TUYA_GCM) && is_refused(v, &m, TUYA_ANY));
    data[i / 8] = (char)(data[i / 8] ^ 1 << i % 8);
  }
  for (i = 0; m.via == TUYA_MQTT && i < 8 * m.t.n; i++) {
    t[i / 8] = (char)(t[i / 8] ^ 1 << i % 8);
    about("bit %d of t", (int)i);
    check(is_refused(v, &m, TUYA_GCM) && is_refused(v, &m, TUYA_ANY));
    t[i / 8] = (char)(t[i / 8] ^ 1 << i % 8);
  }
  check(!is_refused(v, &m, TUYA_GCM));
}

static void cut_short (vector *v) {
  tuya_message m = v->message;
  for (m.data.n = 0; m.data.n < v->message.data.n; m.data.n++) {
    about("%d digits", (int)m.data.n);
    check(is_refused(v, &m, TUYA_GCM) && is_refused(v, &m, TUYA_ANY));
  }
}

static void test_vector (const char *name) {
  vector v;
  char password[16];
  test(name);
  read_vector(&v, name);
  if (v.pulsar_password.p) {
    check(tuya_pulsar_password(&v.key, v.access_id, password) == TUYA_OK);
    check_same(password, 16, v.pulsar_password.p, v.pulsar_password.n);
    return;
  }
  open_vector(&v);
  make_vector(&v);
  if (v.message.cipher != TUYA_GCM) return;
  change_bits(&v);
  cut_short(&v);
}

static void test_vectors (void) {
  struct dirent **names;
  int i, n = scandir(TUYA_MESSAGES, &names, NULL, alphasort), cases = 0;
  for (i = 0; i < n; i++) {
    if (names[i]->d_name[0] != '.') test_vector(names[i]->d_name), cases++;
    free(names[i]);
  }
  free(names);
  guarded_free_all();
  test("there are message vectors");
  check(cases >= 8);
}

static void round_trip (vector *v, size_t n) {
  static const unsigned char iv[12] = "twelve bytes";
  tuya_str plain = repeated('x', n), text;
  size_t size = tuya_message_room(n);
  tuya_message m = v->message;
  m.data = plain;
  about("via %d, cipher %d, %d bytes", (int)m.via, (int)m.cipher, (int)n);
  check(tuya_message_make(&v->key, &m, iv, guarded(size), size, &m.data, NULL) == TUYA_OK);
  check(open_guarded(v, &m, &text, NULL) == TUYA_OK);
  check_same(text.p, text.n, plain.p, plain.n);
  m.cipher = TUYA_ANY;
  check(open_guarded(v, &m, &text, NULL) == TUYA_OK);
  check_same(text.p, text.n, plain.p, plain.n);
}

static void test_lengths (void) {
  vector v;
  int kind;
  size_t n;
  test("texts of 0 to 70 bytes, both ways in both schemes");
  memset(&v, 0, sizeof v);
  check(tuya_message_key_init(&v.key, str("0123456789abcdef0123456789abcdef")) == TUYA_OK);
  v.message.t = str("1628229842692");
  for (kind = 0; kind < 4; kind++) {
    v.message.via = kind & 1 ? TUYA_MQTT : TUYA_PULSAR;
    v.message.cipher = kind & 2 ? TUYA_GCM : TUYA_ECB;
    for (n = 0; n <= LONGEST; n++)
      round_trip(&v, n);
  }
  guarded_free_all();
}

static const char *why_refused (vector *v, const char *data, tuya_cipher cipher) {
  tuya_message m = v->message;
  tuya_fault fault = {TUYA_OK, "not refused", 0};
  tuya_str text;
  m.data = str(data);
  m.via = TUYA_PULSAR;
  m.cipher = cipher;
  open_guarded(v, &m, &text, &fault);
  return fault.what;
}

static void test_base64 (void) {
  static const char *const wrong[] = {"",      "A",        "AAA",  "AA=A",    "A===",
                                      "====",  "AAA=AAAA", "AB==", "AAB=",    "AA A",
                                      "AA\nA", "AA-A",     "AA_A", "AAA\xff", "AAAA="};
  vector v;
  size_t i;
  test("what is not base64 to the letter");
  read_vector(&v, "pulsar-gcm-constructed.txt");
  for (i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    about("%s", wrong[i]);
    check_begins(why_refused(&v, wrong[i], TUYA_GCM), "data: not base64");
    check_begins(why_refused(&v, wrong[i], TUYA_ECB), "data: not base64");
  }
  check_begins(why_refused(&v, "AAAA", TUYA_GCM), "data: no room");
  check_begins(why_refused(&v, "AAAA", TUYA_ECB), "data: no multiple");
  check_begins(why_refused(&v, "AAAA", TUYA_ANY), "scheme: ");
  guarded_free_all();
}

/* A key that is not its own opens a message to garbage. */
static void test_padding (void) {
  vector v;
  int i, fits = 0;
  test("ECB with a thousand wrong keys: padding seldom fits, and then the text is not printable");
  read_vector(&v, "pulsar-ecb-constructed.txt");
  for (i = 0; i < 1000; i++) {
    memcpy(v.key.aes, &i, sizeof i);
    fits += is_refused(&v, &v.message, TUYA_ECB) ? 0 : 1;
    check(is_refused(&v, &v.message, TUYA_ANY));
  }
  check(fits < 20);
}

static void test_mistakes (void) {
  static const unsigned char iv[12] = {0};
  char mem[512];
  vector v;
  tuya_str text;
  tuya_fault fault;
  tuya_message m;
  test("mistakes of the caller");
  read_vector(&v, "mqtt-gcm-2.0-constructed.txt");
  m = v.message;
  check(tuya_message_key_init(&v.key, str("23 bytes are not enough")) == TUYA_EINVAL);
  check(tuya_message_open(&v.key, &m, mem, 100, &text, &fault) == TUYA_ESPACE);
  m.t = repeated('1', 33);
  check(tuya_message_open(&v.key, &m, mem, sizeof mem, &text, &fault) == TUYA_ELIMIT);
  m.t = v.message.t;
  m.data.n = TUYA_MAX_MESSAGE + 4;
  check(tuya_message_open(&v.key, &m, mem, sizeof mem, &text, NULL) == TUYA_ELIMIT);
  m.data = str("x");
  m.cipher = TUYA_ANY;
  check(tuya_message_make(&v.key, &m, iv, mem, sizeof mem, &text, &fault) == TUYA_EINVAL);
  check(ERR_peek_error() == 0); /* of nothing that was refused, in any test */
  tuya_message_key_wipe(&v.key);
  check(v.key.aes[0] == 0 && memcmp(v.key.aes, v.key.aes + 1, 15) == 0);
  guarded_free_all();
}

int main (void) {
  test_vectors();
  test_lengths();
  test_base64();
  test_padding();
  test_mistakes();
  return finish("c message");
}
