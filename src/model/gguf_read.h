/* SPDX-License-Identifier: Apache-2.0
 *
 * model/gguf_read.h - inside the GGUF reader: a cursor over hostile bytes, and what it reads.
 *
 * Every take_* checks that the bytes are there before it looks at them. Only the gguf*.c files
 * include this.
 */
#ifndef MN_MODEL_GGUF_READ_H
#define MN_MODEL_GGUF_READ_H
#include "model/gguf.h"

typedef struct mn_gguf_cursor {
    const uint8_t *data;
    size_t size, at;  /* at <= size */
    const char *name; /* of the file, for sentences */
} mn_gguf_cursor;

int mn_gguf_take_u32(mn_gguf_cursor *c, const char *what, uint32_t *out);
int mn_gguf_take_u64(mn_gguf_cursor *c, const char *what, uint64_t *out);
/* A length and that many bytes; MN_ECORRUPT beyond `limit` bytes. */
int mn_gguf_take_str(mn_gguf_cursor *c, const char *what, uint64_t limit, mn_str *out);

/* One metadata entry. On failure nothing is held; else free with mn_gguf_value_drop. */
int mn_gguf_take_value(mn_gguf_cursor *c, mn_gguf_value *out);
void mn_gguf_value_drop(mn_gguf_value *v);

uint32_t mn_gguf_kind_bytes(uint32_t kind); /* 0: strings and arrays */

/* The number of this kind at p, widened: u of unsigned kinds and bool, i of signed, f of float. */
typedef union mn_gguf_number {
    uint64_t u;
    int64_t i;
    double f;
} mn_gguf_number;
mn_gguf_number mn_gguf_number_at(mn_gguf_kind kind, const uint8_t *p);

/* String arrays keep the place of every so many items. */
enum { MN_GGUF_STRIDE = 4 };

/* A name from the file made fit for a sentence: printable ASCII, at most 63 bytes. */
typedef struct mn_gguf_shown {
    char text[64];
} mn_gguf_shown;
mn_gguf_shown mn_gguf_show(mn_str s);

#endif
