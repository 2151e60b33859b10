/*
** resolve.h: the addresses of a name, without waiting for them. Private to src/mqtt.
** The idea: libcurl's own resolver, asked for a connection whose every socket we decline: what it
** wanted to connect to is what we wanted to know. mosquitto_connect_async would wait for the name.
*/
#ifndef TUYA_RESOLVE_H
#define TUYA_RESOLVE_H

#include <stdint.h>

#include "watch.h"

#pragma GCC visibility push(hidden)

enum { RESOLVE_ADDRESSES = 8, RESOLVE_TEXT = 46 };

typedef struct resolve resolve;

/* NULL when out of memory. A host that is an address already is done at once. */
resolve *resolve_new (const char *host, int port, int64_t timeout);
void resolve_free (resolve *r);

/* Whether it is done. */
int resolve_tick (resolve *r);

/* Address i as text; NULL when there are no more. */
const char *resolve_address (const resolve *r, size_t i);

/* Why there is none: "dns" or "timeout", and a line for people. */
const char *resolve_error (const resolve *r, const char **message);

int resolve_fd (const resolve *r, size_t i, watch_event *event);
int64_t resolve_timeout (const resolve *r); /* ms; -1: never */

#pragma GCC visibility pop

#endif
