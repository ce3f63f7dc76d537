/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/chunk.h - recall in two levels: which pieces of a long life matter, then what is in them.
 *
 * The forward pass of hierarchical chunk attention (HCAM; Lampinen et al., "Towards mental time
 * travel", 2021). Steps, vectors of `width` numbers, come one by one and fill a chunk; a full one
 * is sealed and the next begins. A question looks at one key for each chunk, the mean of its steps,
 * and only at the steps of the best k chunks:
 *
 *     mn_chunks *c = NULL;
 *     const mn_chunks_shape shape = {.width = 384, .heads = 12};
 *     MN_TRY(mn_chunks_open(kernels, &shape, &c));
 *     MN_TRY(mn_chunks_add(c, x));                       // a step, often
 *     const mn_chunks_ask ask = {.q = q};
 *     const int n = mn_chunks_find(c, &ask, hit, out);   // hit[8], out[384]
 *     mn_chunks_close(&c);
 *
 * Of M chunks of C steps it reads M keys and k C steps, not M C. One thread at a time.
 */
#ifndef MN_AGENT_CHUNK_H
#define MN_AGENT_CHUNK_H
#include "kernel/kernel.h"

#include <stdint.h>

enum { MN_CHUNK_STEPS = 32, MN_CHUNK_BEST = 8, MN_CHUNK_WIDTH_MAX = 4096 };
typedef struct mn_chunks mn_chunks;

typedef struct mn_chunks_shape {
    int width; /* of a step: heads times a multiple of 16 */
    int heads; /* of the attention inside a chunk */
    int steps; /* of a chunk, at most MN_ATTN_BLOCK; 0: MN_CHUNK_STEPS */
} mn_chunks_shape;

typedef struct mn_chunks_ask {
    const float *q;      /* [width] */
    int k;               /* so many chunks; 0: MN_CHUNK_BEST */
    int64_t before;      /* only of chunks whose steps all came before this one, from 0; 0: any */
    const char *episode; /* of this alone; NULL: of any */
} mn_chunks_ask;

typedef struct mn_chunk_hit {
    int64_t first; /* step, from 0 */
    int chunk, n;  /* from 0; steps it has */
    float logit;   /* q . key / sqrt(width) */
    float weight;  /* softmax of the logits of all hits */
} mn_chunk_hit;

int mn_chunks_open(const mn_kernels *kernels, const mn_chunks_shape *shape, mn_chunks **out);
void mn_chunks_close(mn_chunks **c);

/* One more step, found from now on, also in a chunk that is not full. MN_EINVAL: x [width] has a
 * number that is none, or one too large for f16. */
int mn_chunks_add(mn_chunks *c, const float *x);
/* What comes now belongs to this episode ("" at first): a chunk has steps of one alone. */
void mn_chunks_episode(mn_chunks *c, const char *name);
int64_t mn_chunks_steps(const mn_chunks *c);
int mn_chunks_n(const mn_chunks *c); /* chunks, the one that fills included */

/* The best chunks, hit[k], the heaviest first (of equal ones the later): how many, fewer where
 * there are fewer. out [width], unless NULL: the sum over them of weight times what attention finds
 * inside; zeros when there are none. */
int mn_chunks_find(mn_chunks *c, const mn_chunks_ask *ask, mn_chunk_hit *hit, float *out);
/* Bytes of keys and steps that the last call of mn_chunks_find has read. */
uint64_t mn_chunks_read(const mn_chunks *c);

#endif
