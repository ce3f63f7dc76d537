/* SPDX-License-Identifier: Apache-2.0
 *
 * tensor/exec.h - operations on rows of activations, cut into pieces for a team of threads.
 *
 * Dimension letters, here and above: T tokens, D model width, F inner width, H query heads, Hk KV
 * heads, d head size, V vocabulary. Activations are f32 [T, width], row-major.
 */
#ifndef MN_TENSOR_EXEC_H
#define MN_TENSOR_EXEC_H
#include "base/team.h"
#include "kernel/kernel.h"

#include <stddef.h>

/* What every operation needs. Scratch is per worker. */
typedef struct mn_exec {
    mn_team *team;
    const mn_kernels *k;
    uint8_t *scratch; /* [threads][scratch_bytes], 64-byte aligned */
    size_t scratch_bytes;
} mn_exec;

/* Floats of a row of n, rounded up to whole tiles. */
static inline size_t mn_exec_width(int n) {
    return ((size_t)n + 15) / 16 * 16;
}

/* Largest piece: rows when many, tiles when few; and the scratch a worker needs for it. */
enum { MN_EXEC_ROWS = 256, MN_EXEC_TILES = 64 };
static inline size_t mn_exec_scratch_bytes(int k) {
    return mn_product_scratch(k) + (size_t)MN_EXEC_ROWS * 64 * sizeof(float);
}

int mn_exec_open(int threads, const mn_kernels *k, mn_exec *out);
/* Scratch for each worker; once, before the first operation. */
int mn_exec_reserve(mn_exec *e, size_t scratch_bytes);
void mn_exec_close(mn_exec *e);
static inline void *mn_exec_scratch(const mn_exec *e, int worker) {
    return e->scratch + (size_t)worker * e->scratch_bytes;
}

/* For each of T rows: y = norm(x) (weight NULL: y is not written and x itself is used), then
 * quantise into acts row t. x: [T, x_stride]. y: [T, acts->x_stride], is acts->x. */
void mn_exec_norm_quantise(const mn_exec *e, const float *x, size_t x_stride, const float *weight,
                           float eps, int T, float *y, mn_acts *acts);

/* acts->x to the codes of a product with MN_I13: all rows; sets acts->stride. */
void mn_exec_quantise_i13(const mn_exec *e, mn_acts *acts);

/* Up to three products of the same activations, as one operation. */
typedef enum mn_act { MN_ACT_NONE, MN_ACT_SILU, MN_ACT_GELU } mn_act;
typedef struct mn_linear {
    const mn_packed *w[3];
    const float *bias[3]; /* [n] or NULL */
    float *out[3];        /* [T, stride], stride >= n rounded up to 16 */
    size_t stride[3];
    int n;      /* matrices */
    mn_act act; /* not NONE: out[0] = act(w[0] a) * (w[1] a), out[1] is not written */
    void (*after)(float *out, int n); /* not NULL: over each finished run of a row of out[0], n a
                                         multiple of 16; n must be 1, act NONE */
    float *residual;                  /* not NULL: [T, stride[0]] += out[0]; n must be 1 */
    const struct mn_linear *next; /* the linear operation after this one, as far as w, n and act:
                                     waiting threads begin to read its weights. NULL: unknown */
} mn_linear;
void mn_exec_linear(const mn_exec *e, const mn_linear *l, const mn_acts *a);

#endif
