/*
** packets.h: where MQTT's packets begin in a stream of bytes, and how long they are. Private to
** src/mqtt.
** The idea: libmosquitto makes room for whatever length a packet claims, up to 256 MiB; so the
** bytes are looked at before it gets them.
*/
#ifndef TUYA_PACKETS_H
#define TUYA_PACKETS_H

#include <stddef.h>

#pragma GCC visibility push(hidden)

/* Begins as zeros. */
typedef struct packets {
  size_t left;      /* of the packet under way */
  size_t length;    /* as far as it has come */
  unsigned shift;   /* where its next digits belong */
  int is_in_length; /* behind the first byte of a packet */
} packets;

/* Follows n more bytes; 0 once a packet is longer than most. */
int packets_follow (packets *s, const unsigned char *p, size_t n, size_t most);

#pragma GCC visibility pop

#endif
