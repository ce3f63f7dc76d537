/* SPDX-License-Identifier: Apache-2.0
 *
 * kernel/body_i13.h - products of 13-bit codes: for weights that were floats and shall stay as good
 * as floats, at twice the speed of them.
 *
 * Weights and activations are codes in -4095..4095, in int16, with an f32 scale for each run of
 * mn_i13_run(k) <= 128 inputs of an output or a row; so the sum of a run is at most 128 * 4095^2 <
 * 2^31, exact in int32 in any order. Then, run after run, acc = fma(float(sum), scale_w * scale_a,
 * acc): as in body_product.h, the bits depend on nothing but the numbers.
 *
 * A tile's codes are vectors of 16 pairs (packed as pack.h says). Rows are taken MN_I13_ROWS at a
 * time with MN_I13_VECS tiles; one run of those tiles stays in the first cache while all rows pass
 * by, and the sums wait in `out`.
 */
#ifndef MN_KERNEL_BODY_I13_H
#define MN_KERNEL_BODY_I13_H
#include "kernel/kernel.h"

enum { I13_MOST = 4095 };

/* A row of k floats to codes and the scale of each run. What is no number becomes some code. */
static void quantise_i13(const float *x, int k, int16_t *q, float *scale) {
    const int run = mn_i13_run(k);
    const v16 most = v_set(I13_MOST), least = v_set(-I13_MOST);
    for (int b = 0; b < k / run; b++, x += run, q += run) {
        v16 size = v_set(0);
        for (int i = 0; i < run; i += 16) size = v_max(v_abs(v_load(x + i)), size);
        const float top = v_top(size);
        /* Below 1e-30 the run is zero for every purpose, and the quotient could overflow. */
        scale[b] = top < 1e-30f ? 0 : top / I13_MOST;
        const v16 inverse = v_set(top < 1e-30f ? 0 : I13_MOST / top);
        for (int i = 0; i < run; i += 16)
            i_store_s16(q + i, v_round(v_min(v_max(v_mul(v_load(x + i), inverse), least), most)));
    }
}

/* Run b of R rows times V tiles: begins the sums in out (first), or adds to them. */
LANES void i13_run(const int R, const int V, const int first, const mn_packed *w, int tile,
                   const mn_acts *a, int row, int b, float *out, size_t out_stride) {
    const int run = mn_i13_run(w->k), runs = w->k / run;
    const size_t tile_bytes = w->tile_bytes;
    const uint8_t *p = w->data + (size_t)tile * tile_bytes;
    const uint8_t *code = p + (size_t)runs * 64 + (size_t)(b * run) * 32;
    const int16_t *q[MN_I13_ROWS];
    float scale[MN_I13_ROWS];
    i16 sum[MN_I13_ROWS][MN_I13_VECS];
    for (int r = 0; r < R; r++) {
        q[r] = (const int16_t *)(const void *)(a->rows + (size_t)(row + r) * a->stride) + b * run;
        scale[r] = mn_i13_scales(a, row + r)[b];
        for (int v = 0; v < V; v++) sum[r][v] = i_set(0);
    }
    for (int i = 0; i < run / 2; i++) {
        b64 c[MN_I13_VECS];
        for (int v = 0; v < V; v++) c[v] = b_load(code + (size_t)v * tile_bytes + 64 * i);
        for (int r = 0; r < R; r++)
            for (int v = 0; v < V; v++) sum[r][v] = dot2_words(sum[r][v], c[v], q[r] + 2 * i);
    }
    for (int v = 0; v < V; v++) {
        const v16 own = v_load((const float *)(const void *)(p + (size_t)v * tile_bytes) + 16 * b);
        for (int r = 0; r < R; r++) {
            float *o = out + (size_t)r * out_stride + 16 * v;
            v_store(o, v_fma(i_float(sum[r][v]), v_mul(own, v_set(scale[r])),
                             first ? v_set(0) : v_load(o)));
        }
    }
}

LANES void i13_rows(const int V, const int first, const mn_packed *w, int tile, const mn_acts *a,
                    int row, int rows, int b, float *out, size_t out_stride) {
    int i = 0;
#define ROWS(R)                       \
    for (; i + (R) <= rows; i += (R)) \
        i13_run(R, V, first, w, tile, a, row + i, b, out + (size_t)i * out_stride, out_stride);
    ROWS(MN_I13_ROWS)
#if MN_I13_ROWS > 4
    ROWS(4)
#endif
#if MN_I13_ROWS > 2
    ROWS(2)
#endif
    ROWS(1)
#undef ROWS
}

LANES void i13_tiles(const int V, const mn_packed *w, int tile, const mn_acts *a, int row, int rows,
                     float *out, size_t out_stride) {
    const int runs = w->k / mn_i13_run(w->k);
    i13_rows(V, 1, w, tile, a, row, rows, 0, out, out_stride);
    for (int b = 1; b < runs; b++) i13_rows(V, 0, w, tile, a, row, rows, b, out, out_stride);
}

static void product_i13(const mn_packed *w, int tile, int tiles, const mn_acts *a, int row,
                        int rows, float *out, size_t out_stride) {
    int t = 0;
    for (; t + MN_I13_VECS <= tiles; t += MN_I13_VECS)
        i13_tiles(MN_I13_VECS, w, tile + t, a, row, rows, out + 16 * t, out_stride);
    for (; t < tiles; t++) i13_tiles(1, w, tile + t, a, row, rows, out + 16 * t, out_stride);
}

#endif
