/* SPDX-License-Identifier: Apache-2.0
 *
 * kv/look.h - the tokens of extents, for those who compute nothing: copied, wherever they lie.
 *
 * Looking does not make an extent younger, as using one does (mn_extent_look). What is read is
 * checked, and copied before it is followed.
 */
#ifndef MN_KV_LOOK_H
#define MN_KV_LOOK_H
#include "kv/extent.h"

typedef struct mn_kv_view {
    mn_ref ref;
    int start;    /* position of its first row */
    int rows;     /* whose tokens there is room for */
    int length;   /* rows that count, when looked at */
    int n_before; /* spans that come before it */
    struct {
        mn_ref ref;
        int row, n, at;
    } before[MN_SEQ_SPANS - 1];
} mn_kv_view;

/* 1: it is there, and holds keys and values; 0: not. */
int mn_kv_look(mn_region *r, mn_ref ref, mn_kv_view *out);
/* n tokens from row `row` on: 1, or 0 when they cannot be read any more. */
int mn_kv_look_tokens(mn_region *r, mn_ref ref, int row, int32_t *out, int n);

/* A range of bytes that begins with a head of `front` bytes with its tokens: what it says, checked.
 * 1: it can be. */
int mn_kv_look_at(const mn_kv_head *h, uint64_t front, mn_kv_view *out);

/* Everything that holds 16 tokens of ids[n] in a row (all n, when there are fewer), be it partly in
 * what comes before it, is forgotten, and all that builds upon it: it could not be used any more.
 * What no extent has goes, too. *out says what went, and what stays because it is in use. */
int mn_kv_forget(mn_region *r, const int32_t *ids, int n, mn_region_gone *out);

#endif
