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
 *
 * MN_I13_CROSSED: half of the multiplications become additions (Winograd, A New Algorithm for Inner
 * Product, 1968), for processors where these have units of their own. Of each four inputs,
 *   x0 w0 + x1 w1 + x2 w2 + x3 w3 = (x0 + w2) (x2 + w0) + (x1 + w3) (x3 + w1)
 *                                   - (x0 x2 + x1 x3) - (w0 w2 + w1 w3)
 * and the crossed products at the end are a row's or an output's alone: the first are summed once
 * for all outputs, by quantise_i13, the second once for all rows. A sum of two codes fits 16 bits;
 * sums of products leave 32 on the way, but they count modulo 2^32, and so the sum of a run is the
 * same as ever.
 */
#ifndef MN_KERNEL_BODY_I13_H
#define MN_KERNEL_BODY_I13_H
#include "kernel/kernel.h"

#ifndef MN_I13_CROSSED
#define MN_I13_CROSSED 0
#endif

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
#if MN_I13_CROSSED
    q -= k; /* a loop of its own, when the codes have arrived in the cache */
    for (int b = 0; b < k / run; b++, q += run) {
        const int32_t crossed = crossed_row(q, run);
        memcpy(scale + k / run + b, &crossed, sizeof crossed);
    }
#endif
}

/* What a sum begins with: minus what was crossed, of the row and of the outputs. */
LANES i16 i13_start(const float *of_row, const i16 *of_tile) {
#if MN_I13_CROSSED
    int32_t crossed;
    memcpy(&crossed, of_row, sizeof crossed);
    return i_sub(i_set(-crossed), *of_tile);
#else
    (void)of_row, (void)of_tile;
    return i_set(0);
#endif
}

/* Crossed products of the outputs of V tiles, run b. As these are the first to read the codes, they
 * ask for those of the next run, or the next tiles, too. */
LANES void i13_crossed(const int V, const mn_packed *w, int tile, int b, i16 *crossed) {
#if MN_I13_CROSSED
    const int run = mn_i13_run(w->k), runs = w->k / run;
    const uint8_t *code =
        w->data + (size_t)tile * w->tile_bytes + (size_t)runs * 64 + (size_t)(b * run) * 32;
    const uint8_t *soon =
        b + 1 < runs ? code + run * 32 : code + (size_t)V * w->tile_bytes - (size_t)(b * run) * 32;
    for (int v = 0; v < V; v++, code += w->tile_bytes, soon += w->tile_bytes) {
        crossed[v] = i_set(0);
        for (int i = 0; i < run * 32; i += 128) {
            __builtin_prefetch(soon + i, 0, 2);
            __builtin_prefetch(soon + i + 64, 0, 2);
            crossed[v] = dot2_tiles(crossed[v], b_load(code + i), b_load(code + i + 64));
        }
    }
#else
    (void)V, (void)w, (void)tile, (void)b, (void)crossed;
#endif
}

/* The sums of R rows, codes at q, times V tiles, codes at `code`, over one run. */
LANES void i13_sums(const int R, const int V, int run, const uint8_t *code, size_t tile_bytes,
                    const int16_t *const *q, i16 sum[][MN_I13_VECS]) {
#if MN_I13_CROSSED
    for (int i = 0; i < run; i += 4, code += 128) {
        b64 c[MN_I13_VECS], d[MN_I13_VECS];
        for (int v = 0; v < V; v++) {
            c[v] = b_load(code + (size_t)v * tile_bytes);
            d[v] = b_load(code + (size_t)v * tile_bytes + 64);
        }
        for (int r = 0; r < R; r++)
            for (int v = 0; v < V; v++) sum[r][v] = dot4_crossed(sum[r][v], c[v], d[v], q[r] + i);
    }
#else
    for (int i = 0; i < run; i += 2, code += 64) {
        b64 c[MN_I13_VECS];
        for (int v = 0; v < V; v++) c[v] = b_load(code + (size_t)v * tile_bytes);
        for (int r = 0; r < R; r++)
            for (int v = 0; v < V; v++) sum[r][v] = dot2_words(sum[r][v], c[v], q[r] + i);
    }
#endif
}

/* Run b of R rows times V tiles: begins the sums in out (first), or adds to them. crossed [V]: of
 * the tiles. */
LANES void i13_run(const int R, const int V, const int first, const mn_packed *w, int tile,
                   const mn_acts *a, int row, int b, const i16 *crossed, float *out,
                   size_t out_stride) {
    const int run = mn_i13_run(w->k), runs = w->k / run;
    const size_t tile_bytes = w->tile_bytes;
    const uint8_t *p = w->data + (size_t)tile * tile_bytes;
    const int16_t *q[MN_I13_ROWS];
    float scale[MN_I13_ROWS];
    i16 sum[MN_I13_ROWS][MN_I13_VECS];
    const float *side = mn_i13_side(a, row) + b;
    for (int r = 0; r < R; r++, side += 2 * runs) {
        q[r] = (const int16_t *)(const void *)(a->rows + (size_t)(row + r) * a->stride) + b * run;
        scale[r] = *side;
        for (int v = 0; v < V; v++) sum[r][v] = i13_start(side + runs, crossed + v);
    }
    i13_sums(R, V, run, p + (size_t)runs * 64 + (size_t)(b * run) * 32, tile_bytes, q, sum);
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
    i16 crossed[MN_I13_VECS];
    i13_crossed(V, w, tile, b, crossed);
    int i = 0;
#define ROWS(R)                                                                             \
    for (; i + (R) <= rows; i += (R))                                                       \
        i13_run(R, V, first, w, tile, a, row + i, b, crossed, out + (size_t)i * out_stride, \
                out_stride);
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
