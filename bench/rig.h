/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/rig.h - some sequences whose keys and values lie there twice, in a region as always and in
 * a shuffled pool of blocks, and attention over either.
 *
 * The rows are random numbers (time does not depend on what they are), the same in both. The pool
 * is touched before anything is timed; the region's pages come as the sequences grow.
 */
#ifndef MN_BENCH_RIG_H
#define MN_BENCH_RIG_H
#include "bench/bench.h"
#include "bench/paged.h"

#include "api/model.h"

enum { MN_RIG_SEQS = 8 };

typedef struct mn_pool { /* blocks [layer][K, V][block][head], [16 rows] each */
    uint8_t *data;
    size_t bytes;
} mn_pool;

typedef struct mn_rig {
    mn_model *m;
    mn_kv_layout layout;
    const mn_paged *paged;
    int n, length, context; /* sequences; tokens each holds, and has room for */
    mn_seq *seq[MN_RIG_SEQS];
    int32_t *ids;   /* [context] of all of them */
    mn_pool pool;   /* pages of 4 KiB, or of 2 MiB where the system gives them */
    int32_t *table; /* [n][each]: block of the pool where tokens 16 i .. lie */
    int each;
    size_t block_bytes; /* of one head */
    uint8_t *gathered;  /* [workers][K, V][512 rows] */
    float *partial;     /* [item][group][d + 2] */
    size_t gathered_bytes, partial_bytes;
} mn_rig;

/* A way to attend: one block of 512 positions. */
typedef struct mn_rig_form {
    const char *name;
    void (*block)(const mn_rig *g, mn_attn_job *job, int seq, int layer, int head, int b,
                  int worker);
} mn_rig_form;
extern const mn_rig_form mn_rig_forms[]; /* the contiguous one first; NULL name ends */

/* n sequences of `length` tokens, with room for `context`. large: the pool asks for pages of
 * 2 MiB. */
int mn_rig_open(mn_model *m, mn_region *region, int n, int length, int context, int large,
                mn_rig *out);
void mn_rig_close(mn_rig *g);

/* One query row for each sequence over its first `length` tokens: q, out [n, H d]. */
void mn_rig_attend(mn_rig *g, const mn_rig_form *form, int layer, int length, const float *q,
                   float *out);
/* Row `length` of every sequence in the pool: k, v [n, Hk d] after rotation. */
void mn_rig_store(mn_rig *g, int layer, int length, const float *k, const float *v);

#endif
