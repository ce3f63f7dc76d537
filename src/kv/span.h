/* SPDX-License-Identifier: Apache-2.0
 *
 * kv/span.h - some rows of an extent, seen as positions of a sequence.
 */
#ifndef MN_KV_SPAN_H
#define MN_KV_SPAN_H
#include "kv/extent.h"

typedef struct mn_kv_span {
    mn_kv_extent *e; /* retained */
    int at;          /* position of its first row in the sequence */
    int row;         /* that row in the extent */
    int n;           /* rows that count */
} mn_kv_span;

/* Do window layers still hold what a query at position n needs, over these spans? */
int mn_kv_spans_intact(const mn_kv_layout *l, const mn_kv_span *span, int n_spans, int n);

#endif
