/* SPDX-License-Identifier: Apache-2.0
 *
 * kv/prefix.h - the longest beginning of a prompt that the region has.
 */
#ifndef MN_KV_PREFIX_H
#define MN_KV_PREFIX_H
#include "kv/seq.h"
#include "kv/span.h"

/* What was found: the first `length` tokens of a prompt, in these spans (retained). */
typedef struct mn_kv_prefix {
    mn_kv_span span[MN_SEQ_SPANS]; /* at most MN_SEQ_SPANS - 2 of them */
    int n, length;
    int coming;     /* at least length: how far living processes mean to get with this prompt */
    uint64_t ahead; /* process id of the one that means to get there; 0: nobody does */
} mn_kv_prefix;

/* The longest prefix of ids[n] in the region of `share`. Nothing is changed by looking, and tokens
 * are compared one by one: keys only say where to look. When `rival` names an extent, only what is
 * planned in slots before its own counts as coming. */
void mn_kv_prefix_find(const mn_kv_layout *l, const mn_kv_share *share, mn_ref rival,
                       const int32_t *ids, int n, mn_kv_prefix *out);
/* The path that ends in `ref`, whatever its tokens are: its first `length` tokens, or none. */
void mn_kv_prefix_of(const mn_kv_layout *l, const mn_kv_share *share, mn_ref ref, int length,
                     mn_kv_prefix *out);
void mn_kv_prefix_release(mn_kv_prefix *p);

#endif
