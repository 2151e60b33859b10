/*
** sealed.h: how a sealed block is laid out. Private to src/core and its tests.
** The idea: offsets, never pointers, so that the block can be copied and collected like any
** other bytes. The danger: a view of a block that tuya_seal did not write; nothing is checked.
**
**   tuya_sealed | bytes | 0 to 3 zeros | sealed_pair x nheaders
*/
#ifndef TUYA_SEALED_H
#define TUYA_SEALED_H

#include "tuya.h"

typedef struct sealed_span {
  uint32_t at, n; /* from the start of the block */
} sealed_span;

typedef struct sealed_pair {
  sealed_span name, value;
} sealed_pair;

struct tuya_sealed {
  uint32_t size, nheaders, headers_at;
  sealed_span method, target, canonical, body;
};

#endif
