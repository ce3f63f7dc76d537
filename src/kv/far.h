/* SPDX-License-Identifier: Apache-2.0
 *
 * kv/far.h - keys and values of other machines: 64 tokens under one name in the remote tier.
 *
 * The name is the key of the step (kv/chain.h), all 32 bytes: it follows from the model's file,
 * numerics, format and tenant, and from all tokens up to the last of the step. Under it lie the
 * rows of these 64 tokens, in all planes, and nothing that says what the tokens are. Two machines
 * that computed the same have the same bytes under the same name; what is longer is more of them,
 * and any beginning can be taken.
 *
 *   head | planes [layer][K, V][head], 64 rows each (row formats: kernel/body_attn.h)
 *
 * A value is input: its head, its size and its sum are compared before a row of it counts, and its
 * name stands in it, so that a value of another prompt or model is refused. The sum finds damage,
 * not malice: who may write to the Redis is believed.
 *
 * Models with sliding windows are not carried: they give rows back that a beginning would need.
 */
#ifndef MN_KV_FAR_H
#define MN_KV_FAR_H
#include "kv/seq.h"
#include "region/tier_remote.h"

#define MN_FAR_MAGIC "OMNKVS1\n"
typedef struct mn_far_head {
    char magic[8];
    uint64_t sum; /* XXH3 of all that follows */
    mn_remote_name name;
    int32_t layers, heads, d, format;
    uint64_t bytes; /* of the value */
} mn_far_head;
enum { MN_FAR_SUMMED = 16 /* from where on */ };
_Static_assert(sizeof(mn_far_head) == 72, "part of the format of values");

/* ---- one value (far_step.c) ---------------------------------------------------------------- */
int mn_far_carries(const mn_kv_layout *l); /* 0: rows of this model are not carried */
size_t mn_far_bytes(const mn_kv_layout *l);
/* Step i of a sequence into out[mn_far_bytes]: 1, or 0 when its rows are not all there. */
int mn_far_pack(const mn_kv_layout *l, const mn_seq *s, int i, const mn_remote_name *name,
                uint8_t *out);
/* NULL, or what is wrong with it, in a word for people. */
const char *mn_far_wrong(const mn_kv_layout *l, const mn_remote_name *name, const uint8_t *value,
                         size_t n);
/* Its rows go to rows row .. of planes [layer][K, V][head]. */
void mn_far_unpack(const mn_kv_layout *l, const uint8_t *value, void *const *plane, int row);

/* ---- taking: the rest of a prompt's beginning (far.c) -------------------------------------- */
/* One thread, that of the sequence, says when; the rows come by another, which never touches the
 * sequence: it writes where the first has promised them. */
typedef struct mn_far mn_far;
/* Look for the steps of ids[n] that seq lacks. patience: ns that a step may take, as long as
 * computing it would. *out NULL: there is nothing to look for, or nowhere. */
int mn_far_begin(mn_remote *r, const mn_kv_layout *l, const mn_seq *seq, const int32_t *ids, int n,
                 uint64_t patience, mn_far **out);
/* 1: there may be more, look again soon; 0: that was all. What has come counts in seq. */
int mn_far_go_on(mn_far *f, mn_seq *seq, const int32_t *ids);
/* Whatever it has come to: nothing is written any more. NULL-safe. */
void mn_far_end(mn_far **f);

/* ---- giving -------------------------------------------------------------------------------- */
/* The whole steps among the first n tokens of seq that are not there yet; it is not waited for, and
 * they are read as they are now. */
void mn_far_offer(mn_remote *r, const mn_kv_layout *l, const mn_seq *seq, int n);

#endif
