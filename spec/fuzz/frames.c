/*
** frames.c: fuzzes what comes over a WebSocket: frames on either side, and the answer to our
** request.
** The idea: the input is cut into pieces, as a network does; what one side makes of a message
** goes through the other, and must come out as it was.
*/
#include "frames.h"
#include "handshake.h"
#include "input.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

enum { MOST = 1000 };

static unsigned drain (frames *f) {
  frames_message m;
  unsigned sum = 0;
  size_t i;
  while (frames_peek(f, &m)) {
    require(m.n <= MOST && m.kind <= FRAMES_PONG);
    for (i = 0; i < m.n; i++)
      sum += (unsigned char)m.p[i];
    frames_drop(f);
  }
  require(frames_count(f) == 0);
  return sum;
}

static void feed_pieces (input *in, int side) {
  frames *f = frames_new(side, MOST);
  volatile unsigned sum = 0;
  unsigned code;
  size_t n;
  require(f != NULL);
  while (in->n) {
    tuya_str piece = take_str(in);
    int alive = frames_feed(f, piece.p, piece.n);
    sum += drain(f);
    require(alive || frames_closed(f, &code));
    frames_pending(f, &n);
    require(n < 4096 + 16 * MOST);
    frames_written(f, n);
  }
  (void)sum;
  frames_free(f);
}

static void through_both (tuya_str text) {
  frames *client = frames_new(FRAMES_CLIENT, MOST), *server = frames_new(FRAMES_SERVER, MOST);
  frames_message m;
  const char *p;
  size_t n;
  require(client && server);
  require(frames_send(client, FRAMES_BINARY, text.p, text.n));
  p = frames_pending(client, &n);
  require(frames_feed(server, p, n) == 1 && frames_peek(server, &m));
  require(m.kind == FRAMES_BINARY && m.n == text.n);
  require(text.n == 0 || memcmp(m.p, text.p, text.n) == 0);
  frames_free(client);
  frames_free(server);
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size) {
  static const char key[] = "dGhlIHNhbXBsZSBub25jZQ==";
  input in = {data, size, {NULL}, 0};
  unsigned how = take_byte(&in);
  int status, agreed;
  if (how % 3 == 2) {
    tuya_str answer = take_bytes(&in, in.n);
    size_t end = handshake_read(answer.n ? answer.p : "", answer.n, key, &status, &agreed);
    require(end <= answer.n && (end == 0 || !agreed || status == 101));
  }
  else {
    tuya_str text;
    text.p = (const char *)in.p;
    text.n = in.n;
    if (text.n <= MOST) through_both(text);
    feed_pieces(&in, how % 3 ? FRAMES_SERVER : FRAMES_CLIENT);
  }
  input_free(&in);
  return 0;
}
