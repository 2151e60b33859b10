/*
** url.h: the path and query of a request, checked, ordered and written. Private to src/core
** and its tests.
*/
#ifndef TUYA_URL_H
#define TUYA_URL_H

#include "buf.h"

#pragma GCC visibility push(hidden)

typedef enum url_form { URL_SIGNED, URL_SENT } url_form; /* decoded | percent-encoded */

/* NULL, or what is wrong with the path; *at is then the byte. */
const char *url_check_path (tuya_str path, size_t *at);

/* order[i] becomes the index of the i-th pair by the bytes of its name; stable. */
void url_sort (const tuya_pair *query, size_t n, unsigned char order[TUYA_MAX_QUERY]);

void url_write (buf *b, const tuya_request *request, const unsigned char *order, url_form form);

#pragma GCC visibility pop

#endif
