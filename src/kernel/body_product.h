/* SPDX-License-Identifier: Apache-2.0
 *
 * kernel/body_product.h - packed weights times activations.
 *
 * Three ways to the same bits (kernel.h, numerics c1); each output column is one lane:
 *   fused  codes are decoded in registers and used at once, for MN_FUSED rows: few rows, whose
 *          weights stream from memory, and any number where registers hold 16 rows.
 *   panel  many rows elsewhere: a slice of a tile, some MN_SLICE inputs deep so that it stays in
 *          the first cache, is decoded into scratch (bytes and f32 scales) and multiplied with
 *          MN_ROWS rows at a time; the sums wait in `out` for the next slice.
 *   plain  f32, f16 and bf16 weights: FMA over k in ascending order.
 * Per run of 32 (16) inputs: exact integer sum, then acc = fma(float(sum), scale_w * scale_a, acc),
 * then acc = fma(min, scale_a * sum_a, acc) for formats with a minimum.
 *
 * Scratch of one tile: body_unpack.h.
 */
#ifndef MN_KERNEL_BODY_PRODUCT_H
#define MN_KERNEL_BODY_PRODUCT_H
#include "kernel/body_i13.h"
#include "kernel/body_unpack.h"

LANES i16 run_start(int wide, int shift, const int32_t *less) {
    if (wide) return wide_start(*less);
    return shift >= 32 ? i_set(0) : i_shl(i_set(*less), shift);
}

LANES i16 run_dot(int wide, i16 acc, b64 w, const int8_t *a) {
    return wide ? dot4_wide(acc, w, a) : dot4(acc, w, a);
}

/* Ask for what will be read AHEAD bytes on, the next head included: each line of it, for a single
 * one that was not asked for stands still for the whole latency of memory. */
enum { AHEAD = 8192 };
LANES void fetch_ahead(const int f, const uint8_t *p) {
    for (int i = 0; i < part_bytes(f) + head_bytes(f); i += 64)
        __builtin_prefetch(p + AHEAD + i, 0, 2);
}

/* R rows times one tile, decoding on the way. */
LANES void fused(const int f, const int R, const mn_packed *w, int tile, const mn_acts *a, int row,
                 float *out, size_t out_stride) {
    const int run = run_of(f), group = is_k(f) ? 8 : 1;
    const uint8_t *p = w->data + (size_t)tile * w->tile_bytes;
    mn_qrow q[MN_FUSED];
    v16 acc[MN_FUSED];
#pragma GCC unroll 16
    for (int r = 0; r < R; r++) {
        q[r] = mn_qrow_at(a, row + r);
        acc[r] = v_set(0);
    }
    for (int b = 0; b < w->k / 32;) {
        const uint8_t *head = p;
        p += head_bytes(f);
        for (int g = 0; g < group; g++, b++, p += part_bytes(f)) {
            fetch_ahead(f, p);
            b64 c[8];
            v16 s[2], m[2];
            part_codes(f, p, c);
            part_scales(f, head, p, s, m);
#pragma GCC unroll 16
            for (int r = 0; r < R; r++)
                for (int h = 0; h < 32 / run; h++) {
                    i16 t = run_start(is_wide(f), zero_shift(f),
                                      run == 32 ? q[r].less + MN_SIDE * b
                                                : q[r].less16 + MN_SIDE * (2 * b + h));
                    for (int i = 0; i < run / 4; i++)
                        t = run_dot(is_wide(f), t, c[h * 4 + i], q[r].q + 32 * b + 16 * h + 4 * i);
                    acc[r] = v_fma(i_float(t), v_mul(s[h], v_set(q[r].scale[MN_SIDE * b])), acc[r]);
                    if (has_min(f))
                        acc[r] = v_fma(m[h],
                                       v_set(run == 32 ? q[r].dsum[MN_SIDE * b]
                                                       : q[r].dsum16[MN_SIDE * (2 * b + h)]),
                                       acc[r]);
                }
        }
    }
#pragma GCC unroll 16
    for (int r = 0; r < R; r++) v_store(out + (size_t)r * out_stride, acc[r]);
}

LANES void fused_rows(const int f, const mn_packed *w, int tile, const mn_acts *a, int row,
                      int rows, float *out, size_t out_stride) {
    int i = 0;
#define ROWS(R)                       \
    for (; i + (R) <= rows; i += (R)) \
        fused(f, R, w, tile, a, row + i, out + (size_t)i * out_stride, out_stride);
#if MN_FUSED > 8
    ROWS(16)
#endif
#if MN_FUSED > 4
    ROWS(8)
#endif
#if MN_FUSED > 1
    ROWS(4)
    ROWS(2)
#endif
    ROWS(1)
#undef ROWS
}

#if MN_PANELS
/* Inputs [k0, k0 + k) of a tile. */
typedef struct slice {
    int k0, k;
    const uint8_t *scratch; /* decoded */
} slice;

/* R rows times a slice: begins the sums, or adds to those in out. */
LANES void panel(const int R, const int run, const int min, const int wide, int shift,
                 const slice *s, const mn_acts *a, int row, float *out, size_t out_stride) {
    const float *scale = (const float *)(const void *)(s->scratch + (size_t)s->k * 16);
    const float *less = scale + s->k / run * 16;
    mn_qrow q[MN_ROWS];
    v16 acc[MN_ROWS];
    for (int r = 0; r < R; r++) {
        q[r] = mn_qrow_from(mn_qrow_at(a, row + r), s->k0);
        acc[r] = s->k0 ? v_load(out + (size_t)r * out_stride) : v_set(0);
    }
    for (int b = 0; b < s->k / run; b++) {
        i16 t[MN_ROWS];
        for (int r = 0; r < R; r++)
            t[r] = run_start(wide, shift, (run == 32 ? q[r].less : q[r].less16) + MN_SIDE * b);
        for (int i = 0; i < run / 4; i++) {
            const b64 c = b_load(s->scratch + ((size_t)b * (size_t)run / 4 + (size_t)i) * 64);
            for (int r = 0; r < R; r++) t[r] = run_dot(wide, t[r], c, q[r].q + run * b + 4 * i);
        }
        const v16 x = v_load(scale + 16 * b), m = min ? v_load(less + 16 * b) : x;
        for (int r = 0; r < R; r++) {
            acc[r] =
                v_fma(i_float(t[r]), v_mul(x, v_set(q[r].scale[MN_SIDE * (b * run / 32)])), acc[r]);
            if (min)
                acc[r] =
                    v_fma(m, v_set((run == 32 ? q[r].dsum : q[r].dsum16)[MN_SIDE * b]), acc[r]);
        }
    }
    for (int r = 0; r < R; r++) v_store(out + (size_t)r * out_stride, acc[r]);
}

LANES void panel_rows(const int run, const int min, const int wide, int shift, const slice *s,
                      const mn_acts *a, int row, int rows, float *out, size_t out_stride) {
    int i = 0;
#define ROWS(R)                       \
    for (; i + (R) <= rows; i += (R)) \
        panel(R, run, min, wide, shift, s, a, row + i, out + (size_t)i * out_stride, out_stride);
    ROWS(MN_ROWS)
#if MN_ROWS > 2
    ROWS(2)
#endif
    ROWS(1)
#undef ROWS
}

/* The five classes of unpacked tiles. */
LANES void panel_class(int f, const slice *s, const mn_acts *a, int row, int rows, float *out,
                       size_t out_stride) {
    const int shift = zero_shift(f);
    if (f == MN_Q2_K)
        panel_rows(16, 1, 0, 32, s, a, row, rows, out, out_stride);
    else if (run_of(f) == 16)
        panel_rows(16, 0, 0, shift, s, a, row, rows, out, out_stride);
    else if (is_wide(f))
        panel_rows(32, 0, 1, 32, s, a, row, rows, out, out_stride);
    else if (has_min(f))
        panel_rows(32, 1, 0, 32, s, a, row, rows, out, out_stride);
    else
        panel_rows(32, 0, 0, shift, s, a, row, rows, out, out_stride);
}

static void unpack_any(const mn_packed *w, int tile, int k0, int k, uint8_t *scratch){
#define M(f) unpack(f, w, tile, k0, k, scratch, 0)
    EACH_CODED_FORMAT(w->format, M)
#undef M
}

/* Inputs of a slice: as even as whole records allow, at most MN_SLICE. */
LANES int slice_of(int f, int k) {
    const int unit = is_k(f) ? 256 : 32, n = (k + MN_SLICE - 1) / MN_SLICE;
    return (k / n + unit - 1) / unit * unit;
}

/* One tile times many rows. */
static void sliced(const mn_packed *w, int tile, const mn_acts *a, int row, int rows, float *out,
                   size_t out_stride, uint8_t *scratch) {
    const int each = slice_of(w->format, w->k);
    for (int k0 = 0; k0 < w->k; k0 += each) {
        const slice s = {k0, w->k - k0 < each ? w->k - k0 : each, scratch};
        unpack_any(w, tile, k0, s.k, scratch);
        panel_class(w->format, &s, a, row, rows, out, out_stride);
    }
}
#endif

/* One matrix element row of 16 outputs as floats. */
LANES v16 plain_load(const int f, const uint8_t *p) {
    if (f == MN_F32) return v_load((const float *)(const void *)p);
    if (f == MN_F16) return v_from_half((const uint16_t *)(const void *)p);
    return v_from_bf16((const uint16_t *)(const void *)p);
}

/* R rows times V tiles of plain numbers. */
LANES void plain(const int f, const int R, const int V, const mn_packed *w, int tile,
                 const mn_acts *a, int row, float *out, size_t out_stride) {
    const size_t step = f == MN_F32 ? 64 : 32;
    const uint8_t *p = w->data + (size_t)tile * w->tile_bytes;
    const float *x[MN_PLAIN_ROWS];
    v16 acc[MN_PLAIN_ROWS][MN_PLAIN_VECS];
    for (int r = 0; r < R; r++) {
        x[r] = a->x + (size_t)(row + r) * a->x_stride;
        for (int v = 0; v < V; v++) acc[r][v] = v_set(0);
    }
    for (int i = 0; i < w->k; i++, p += step) {
        v16 c[MN_PLAIN_VECS];
        for (int v = 0; v < V; v++) c[v] = plain_load(f, p + (size_t)v * w->tile_bytes);
        for (int r = 0; r < R; r++)
            for (int v = 0; v < V; v++) acc[r][v] = v_fma(c[v], v_set(x[r][i]), acc[r][v]);
    }
    for (int r = 0; r < R; r++)
        for (int v = 0; v < V; v++) v_store(out + (size_t)r * out_stride + 16 * v, acc[r][v]);
}

LANES void plain_rows(const int f, const int V, const mn_packed *w, int tile, const mn_acts *a,
                      int row, int rows, float *out, size_t out_stride) {
    int i = 0;
#define ROWS(R)                       \
    for (; i + (R) <= rows; i += (R)) \
        plain(f, R, V, w, tile, a, row + i, out + (size_t)i * out_stride, out_stride);
    ROWS(MN_PLAIN_ROWS)
#if MN_PLAIN_ROWS > 4
    ROWS(4)
#endif
#if MN_PLAIN_ROWS > 2
    ROWS(2)
#endif
    ROWS(1)
#undef ROWS
}

LANES void plain_all(const int f, const mn_packed *w, int tile, int tiles, const mn_acts *a,
                     int row, int rows, float *out, size_t out_stride) {
    int t = 0;
    for (; t + MN_PLAIN_VECS <= tiles; t += MN_PLAIN_VECS)
        plain_rows(f, MN_PLAIN_VECS, w, tile + t, a, row, rows, out + 16 * t, out_stride);
    for (; t < tiles; t++) plain_rows(f, 1, w, tile + t, a, row, rows, out + 16 * t, out_stride);
}

static void fused_any(const mn_packed *w, int tile, const mn_acts *a, int row, int rows, float *out,
                      size_t out_stride) {
#define M(f) fused_rows(f, w, tile, a, row, rows, out, out_stride)
    EACH_CODED_FORMAT(w->format, M)
#undef M
}

static void product(const mn_packed *w, int tile, int tiles, const mn_acts *a, int row, int rows,
                    float *out, size_t out_stride, void *scratch) {
    if (w->format == MN_F32)
        plain_all(MN_F32, w, tile, tiles, a, row, rows, out, out_stride);
    else if (w->format == MN_F16)
        plain_all(MN_F16, w, tile, tiles, a, row, rows, out, out_stride);
    else if (w->format == MN_BF16)
        plain_all(MN_BF16, w, tile, tiles, a, row, rows, out, out_stride);
    else if (w->format == MN_I13)
        product_i13(w, tile, tiles, a, row, rows, out, out_stride);
#if MN_PANELS
    else if (rows > MN_FUSED) {
        for (int t = 0; t < tiles; t++)
            sliced(w, tile + t, a, row, rows, out + 16 * t, out_stride, scratch);
    }
#endif
    else {
        for (int t = 0; t < tiles; t++)
            fused_any(w, tile + t, a, row, rows, out + 16 * t, out_stride);
    }
}

#endif
