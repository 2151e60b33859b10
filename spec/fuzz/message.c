/*
** message.c: fuzzes the opening of envelopes, and that what is made opens.
** The idea: the first bytes choose way and scheme; then the rest is opened as data, and is
** made into data, which must open to the same bytes. The danger: a view outside of what was
** opened; it is read.
*/
#include "input.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static tuya_message_key key;

static int init_key (void) {
  static const char secret[] = "4OHBOnWOqaEC1mWXOpVL3yV50s0qGSRC";
  tuya_str s;
  s.p = secret;
  s.n = sizeof secret - 1;
  require(tuya_message_key_init(&key, s) == TUYA_OK);
  return 1;
}

static unsigned sum_of (tuya_str s) {
  unsigned sum = 0;
  size_t i;
  for (i = 0; i < s.n; i++)
    sum += (unsigned char)s.p[i];
  return sum;
}

static tuya_err open_message (input *in, const tuya_message *m, tuya_str *text) {
  size_t room = tuya_message_room(m->data.n);
  tuya_fault fault = {TUYA_OK, NULL, 0};
  char *mem = own(in, room);
  tuya_err err = tuya_message_open(&key, m, mem, room, text, &fault);
  if (err == TUYA_OK) {
    volatile unsigned sum = sum_of(*text);
    (void)sum;
    require(text->p >= mem && text->p + text->n <= mem + room);
  }
  else require(err == TUYA_EREFUSED && fault.code == err && fault.what);
  return err;
}

static void make_and_open (input *in, const tuya_message *m) {
  static const unsigned char iv[12] = {1, 2, 3};
  size_t room = tuya_message_room(m->data.n);
  tuya_message made = *m;
  tuya_str text;
  require(tuya_message_make(&key, m, iv, own(in, room), room, &made.data, NULL) == TUYA_OK);
  require(open_message(in, &made, &text) == TUYA_OK);
  require(text.n == m->data.n && (text.n == 0 || memcmp(text.p, m->data.p, text.n) == 0));
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size) {
  static int ready;
  input in = {data, size, {NULL}, 0};
  tuya_message m;
  tuya_str text;
  if (!ready) ready = init_key();
  m.via = take_byte(&in) & 1 ? TUYA_MQTT : TUYA_PULSAR;
  m.cipher = (tuya_cipher)(take_byte(&in) % 3);
  m.t = take_bytes(&in, take_byte(&in) % 33);
  m.data = take_bytes(&in, in.n);
  open_message(&in, &m, &text);
  if (m.cipher != TUYA_ANY) make_and_open(&in, &m);
  input_free(&in);
  return 0;
}
