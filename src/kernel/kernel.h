/* SPDX-License-Identifier: Apache-2.0
 *
 * kernel/kernel.h - the table of number code that an instruction set offers, and its shapes.
 *
 * Kernels are pure: pointers and sizes in, numbers out; no threads, no allocation, no globals.
 * Every table of one numerics gives the same bits for the same input, so a result depends neither
 * on the ISA nor on how many rows or columns are computed together:
 *   "c1"  matrix products multiply int8 activations with integer codes exactly, block by block, and
 *         add the blocks of one output in ascending order to one f32 accumulator by FMA
 *   "b1"  asked for by name (--numerics bf16): the same, but attention multiplies BF16 pairs
 * Anything that changes bits must change the name.
 */
#ifndef MN_KERNEL_KERNEL_H
#define MN_KERNEL_KERNEL_H
#include "kernel/pack.h"

#include <stddef.h>
#include <stdint.h>

#define MN_NUMERICS      "c1"
#define MN_NUMERICS_BF16 "b1"

/* Activations of a product: m rows of k, as int8 and as the f32 they were made from.
 *
 *   codes  row i at rows + i * stride: int8 [k], -127..127
 *   sides  16 rows share one record at side + i / 16 * mn_side_bytes(k); what belongs to run b of
 *          row i is element b * 16 + i % 16 of each of its arrays, so that 16 rows load as one
 *          vector:
 *            scale  [k/32][16] x = code * scale
 *            dsum   [k/32][16] scale * sum of codes: what a weight's minimum is multiplied with
 *            dsum16 [k/16][16] the same per 16 inputs
 *            less   [k/32][16] minus the sum of codes (int32)
 *            less16 [k/16][16] the same per 16 inputs
 */
typedef struct mn_acts {
    int8_t *rows;  /* 64-byte aligned; room for m rounded up to 16 rows */
    uint8_t *side; /* 64-byte aligned */
    size_t stride; /* mn_code_bytes(k) */
    const float *x;
    size_t x_stride; /* floats */
    int k, m;
} mn_acts;

/* Bytes from one row of codes to the next: a multiple of 64 that is no multiple of 4096. */
static inline size_t mn_code_bytes(int k) {
    const size_t n = ((size_t)k + 63) / 64 * 64;
    return n % 4096 ? n : n + 64;
}
static inline size_t mn_side_bytes(int k) {
    return (size_t)k / 32 * 7 * 64;
}

/* One row: element b of a side array lies at [b * MN_SIDE]. */
enum { MN_SIDE = 16 };
typedef struct mn_qrow {
    int8_t *q;
    float *scale, *dsum, *dsum16;
    int32_t *less, *less16;
} mn_qrow;
static inline mn_qrow mn_qrow_at(const mn_acts *a, int i) {
    const int n = a->k / 32 * MN_SIDE;
    float *s =
        (float *)(void *)(a->side + (size_t)(i / MN_SIDE) * mn_side_bytes(a->k)) + i % MN_SIDE;
    return (mn_qrow){
        a->rows + (size_t)i * a->stride, s, s + n, s + 2 * n, (int32_t *)(void *)(s + 4 * n),
        (int32_t *)(void *)(s + 5 * n)};
}

/* The same row from input k0 on, a multiple of 32. */
static inline mn_qrow mn_qrow_from(mn_qrow q, int k0) {
    const int n = k0 / 32 * MN_SIDE;
    return (mn_qrow){q.q + k0,         q.scale + n, q.dsum + n,
                     q.dsum16 + 2 * n, q.less + n,  q.less16 + 2 * n};
}

/* Activations of a product with MN_I13 (body_i13.h): row i's int16 codes [k] at rows + i * stride;
 * at mn_i13_side the scale of each of its runs of inputs, and behind these as many int32 for what
 * else the table wants to know of a run: its product reads what its quantise_i13 wrote. */
static inline size_t mn_i13_bytes(int k) {
    return mn_code_bytes(2 * k);
}
static inline float *mn_i13_side(const mn_acts *a, int i) {
    return (float *)(void *)a->side + (size_t)i * 2 * (size_t)(a->k / mn_i13_run(a->k));
}

/* Attention of one KV head over one piece of a block: see body_attn.h. */
typedef struct mn_attn_piece {
    const void *k, *v; /* planes of this layer and KV head in the extent, row 0 */
    int row;           /* first row of the piece in the planes */
    int at;            /* its position inside the block, 0..511 */
    int n;             /* rows */
} mn_attn_piece;

/* Positions of a block; floats from one row of scores to the next (rows 2 KiB apart would share two
 * sets of the first cache). */
enum { MN_ATTN_BLOCK = 512, MN_ATTN_PITCH = 528 };
typedef enum mn_kv_format { MN_KV_F16 = 0, MN_KV_Q8 = 1 } mn_kv_format;

typedef struct mn_attn_job {
    const mn_attn_piece *piece; /* ascending, covering what any row sees of the block */
    int n_pieces;
    mn_kv_format format;
    int d;          /* head size, a multiple of 16, q8: of 32 */
    const float *q; /* row i at q + (i / heads) * q_token + (i % heads) * d, already scaled */
    size_t q_token; /* floats from one token to the next */
    int heads;      /* query heads that share this KV head */
    int rows;       /* tokens * heads, at most MN_ATTN_ROWS */
    const int *from,
        *to;          /* [rows] visible positions of the block, from <= to; empty rows allowed */
    float *max, *sum; /* [rows] out: largest score, sum of e^(s - max); -inf, 0 when empty */
    float *o;         /* [rows, d] out: unnormalised */
    float *scratch;   /* mn_attn_scratch(d) floats, 64-byte aligned */
} mn_attn_job;
enum { MN_ATTN_ROWS = 96 };
static inline size_t mn_attn_scratch(int d) {
    return (size_t)MN_ATTN_ROWS * MN_ATTN_PITCH + (size_t)(32 + MN_ATTN_ROWS / 2) * (size_t)d;
}

enum { MN_SCAN_MOST = 1024 }; /* numbers of a vector that is compared with others */

typedef struct mn_kernels {
    const char *name;     /* what OMNESIA_ISA accepts */
    const char *numerics; /* of what it computes; kernel.c sets it */
    unsigned needs;       /* MN_CPU_* bits (base/cpu.h) */

    void (*rms_norm)(const float *x, const float *weight, float eps, int n, float *out);
    void (*layer_norm)(const float *x, const float *weight, const float *bias, float eps, int n,
                       float *out);
    void (*quantise)(const float *x, int k, const mn_qrow *to);
    void (*quantise_i13)(const float *x, int k, int16_t *q, float *side);
    void (*silu_mul)(float *gate, const float *up, int n);
    void (*gelu_mul)(float *gate, const float *up, int n);
    void (*gelu)(float *x, int n); /* with the error function */
    void (*add_scaled)(float *x, const float *y, float s, int n);
    void (*rope)(float *x, const float *cosine, const float *sine, int half, int neox);
    void (*exps)(double *x, int n); /* x = e^x, x <= 0; the same bits on every machine */

    /* out[i * out_stride + (t - tile) * 16 + c] for rows i in [row, row + rows) of a and tiles
     * t in [tile, tile + tiles) of w: column c of tile t. a is what the format of w asks for: codes
     * of 8 or of 13 bits, or floats. scratch: mn_product_scratch bytes,
     * 64-byte aligned. */
    void (*product)(const mn_packed *w, int tile, int tiles, const mn_acts *a, int row, int rows,
                    float *out, size_t out_stride, void *scratch);

    /* KV rows. Keys lie in groups of 16 rows, [d][16]; values row by row. n rows of d floats
     * from src (stride floats apart) become rows row.. of the plane. */
    void (*store_k)(mn_kv_format f, void *plane, int row, int n, int d, const float *src,
                    size_t stride);
    void (*store_v)(mn_kv_format f, void *plane, int row, int n, int d, const float *src,
                    size_t stride);
    /* One block of attention (under "b1" both are the second: body_attn_bf16.h); and folding a
     * block's partial (m, l, o) into an accumulated one. */
    void (*attend)(const mn_attn_job *job);
    void (*attend_bf16)(const mn_attn_job *job);
    void (*merge)(float *max, float *sum, float *o, float max2, float sum2, const float *o2, int d);
    void (*finish)(float *o, float sum, int d); /* o / sum; zeros when sum is 0 */

    /* One vector against n rows. out[i] = the sum of q[j] * rows[i * stride + j], j < d: d a
     * multiple of 32, at most MN_SCAN_MOST. */
    void (*dots)(const int8_t *q, int d, const int8_t *rows, size_t stride, int n, int32_t *out);
    /* out[i] = how many bits of rows[i * stride + j], j < bytes, are not those of q; `bytes` a
     * multiple of 8, at most MN_SCAN_MOST / 8. */
    void (*differ)(const uint8_t *q, int bytes, const uint8_t *rows, size_t stride, int n,
                   uint16_t *out);
} mn_kernels;

/* Bytes of scratch for products with k inner elements. */
size_t mn_product_scratch(int k);

/* Bytes of one K or V plane row group: mn_kv_plane_bytes(f, rows, d), rows rounded up to 16. */
size_t mn_kv_plane_bytes(mn_kv_format f, int rows, int d);

/* The best table of these numerics that this CPU has, or the one named by `isa` (NULL: OMNESIA_ISA
 * from the environment, else the best). MN_EINVAL for an unknown name, MN_EUNSUPPORTED for one
 * this CPU lacks; both list what there is. */
int mn_kernels_pick(const char *isa, const char *numerics, const mn_kernels **out);
/* All tables compiled in, best first, those of "c1" and then the same ISAs for "b1", for
 * conformance tests; *n of them. */
const mn_kernels *const *mn_kernels_all(size_t *n);
int mn_kernels_usable(const mn_kernels *k);

#endif
