/* SPDX-License-Identifier: Apache-2.0
 *
 * kv/prefix.h - the longest beginning of a prompt that the region has.
 */
#ifndef MN_KV_PREFIX_H
#define MN_KV_PREFIX_H
#include "kv/seq.h"
#include "kv/span.h"

/* The longest prefix of ids[n] that lies in the region of `share`: how many tokens, and the spans
 * that hold it, retained (at most MN_SEQ_SPANS - 2); 0: none. Nothing is changed by looking, and
 * tokens are compared one by one: keys only say where to look. *coming is at least the result: how
 * far a living process means to get with this prompt. */
int mn_kv_prefix_find(const mn_kv_layout *l, const mn_kv_share *share, const int32_t *ids, int n,
                      mn_kv_span out[MN_SEQ_SPANS], int *n_spans, int *coming);

#endif
