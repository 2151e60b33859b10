/*
** url.c: the URL that is signed and the URL that is sent.
** The idea: both are written from one sorted list of decoded pairs by one function, so that
** they cannot drift apart: signed with decoded values, sent percent-encoded.
** The danger: <ctype.h> follows the locale; every class of bytes here is spelt out in ASCII.
*/
#include "url.h"

/*
** RFC 3986, a row for every 16 bytes of ASCII; zeros for the rest. 'u': unreserved, never
** percent-encoded. 'p': may stand in a path besides, the sub-delimiters and '/' ':' '@'.
*/
static const char classes[256] = "                "
                                 "                "
                                 " p  p pppppppuup"  /*  !"#$%&'()*+,-./ */
                                 "uuuuuuuuuupp p  "  /* 0123456789:;<=>? */
                                 "puuuuuuuuuuuuuuu"  /* @ABCDEFGHIJKLMNO */
                                 "uuuuuuuuuuu    u"  /* PQRSTUVWXYZ[\]^_ */
                                 " uuuuuuuuuuuuuuu"  /* `abcdefghijklmno */
                                 "uuuuuuuuuuu   u "; /* pqrstuvwxyz{|}~  */

static int is_unreserved (unsigned char c) { return classes[c] == 'u'; }

static int is_path_char (unsigned char c) { return classes[c] > ' '; }

static const char *path_rule (unsigned char c) {
  if (c == '?') return "path: holds '?'; give the query apart";
  if (c == '#') return "path: holds '#'; a fragment is never sent";
  if (c == '%') return "path: holds '%'; how the cloud signs an escaped path is unknown";
  if (c < 0x20 || c == 0x7f) return "path: holds a control byte";
  if (c > 0x7f) return "path: holds a byte that is not ASCII";
  return "path: holds a character that may not stand in a path";
}

const char *url_check_path (tuya_str path, size_t *at) {
  size_t i = 0;
  *at = 0;
  if (path.n == 0 || path.p[0] != '/') return "path: must begin with '/'";
  while (i < path.n && is_path_char((unsigned char)path.p[i]))
    i++;
  *at = i;
  return i < path.n ? path_rule((unsigned char)path.p[i]) : NULL;
}

static int name_less (tuya_str a, tuya_str b) {
  size_t n = a.n < b.n ? a.n : b.n;
  int c = n ? memcmp(a.p, b.p, n) : 0;
  return c < 0 || (c == 0 && a.n < b.n);
}

void url_sort (const tuya_pair *query, size_t n, unsigned char order[TUYA_MAX_QUERY]) {
  size_t i, j;
  for (i = 0; i < n; i++) {
    for (j = i; j > 0 && name_less(query[i].name, query[order[j - 1]].name); j--)
      order[j] = order[j - 1];
    order[j] = (unsigned char)i;
  }
}

static void add_escaped (buf *b, unsigned char c) {
  static const char digits[] = "0123456789ABCDEF";
  char escape[3];
  escape[0] = '%';
  escape[1] = digits[c >> 4];
  escape[2] = digits[c & 15];
  buf_add(b, escape, sizeof escape);
}

/* Percent-encodes everything but the unreserved characters; a space becomes %20, never '+'. */
static void add_encoded (buf *b, tuya_str s) {
  size_t i = 0;
  while (i < s.n) {
    size_t start = i;
    while (i < s.n && is_unreserved((unsigned char)s.p[i]))
      i++;
    buf_add(b, s.p + start, i - start);
    if (i < s.n) add_escaped(b, (unsigned char)s.p[i++]);
  }
}

void url_write (buf *b, const tuya_request *request, const unsigned char *order, url_form form) {
  void (*add)(buf *, tuya_str) = form == URL_SENT ? add_encoded : buf_addstr;
  size_t i;
  buf_addstr(b, request->path);
  for (i = 0; i < request->nquery; i++) {
    const tuya_pair *pair = &request->query[order[i]];
    buf_addchar(b, i == 0 ? '?' : '&');
    add(b, pair->name);
    buf_addchar(b, '=');
    add(b, pair->value);
  }
}
