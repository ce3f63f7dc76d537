/* SPDX-License-Identifier: Apache-2.0
 *
 * kernel/amx.c - products of many rows on AMX int8 tiles; all else as in avx512bf16.c, whose
 * instructions every CPU with AMX has.
 *
 * A tile multiplies 16 rows x 32 inputs of activations with 32 inputs x 16 outputs of codes and
 * gives exact int32 sums; those leave through memory and join the f32 accumulators by the same FMAs
 * in the same order as everywhere (body_product.h), so the bits are those of "c1". Tiles of two
 * steps are in flight while the sums of the two before them are added; the four buffers lie in one
 * page, for a load waits for a store whose address has the same low 12 bits.
 */
#include "base/cpu.h"
#include "kernel/lanes_avx512.h"

#include "kernel/body_unpack.h"
#include "kernel/tables.h"

enum { STEPS = 2, TILES = 4 };

/* The register file: tiles 0-3 sums, 4-5 activations, 6-7 codes. */
typedef struct __attribute__((packed)) tile_config {
    uint8_t palette, start, reserved[14];
    uint16_t row_bytes[16];
    uint8_t rows[16];
} tile_config;

static void configure(int rows, int run) {
    tile_config c = {.palette = 1};
    for (int t = 0; t < 8; t++) {
        c.rows[t] = (uint8_t)(t < 6 ? rows : run / 4);
        c.row_bytes[t] = (uint16_t)(t < 4 || t > 5 ? 64 : run);
    }
    __asm__ volatile("" : : "m"(c)); /* gcc 12 believes only 8 bytes of it are read */
    _tile_loadconfig(&c);
}

/* Codes with the zero point taken off: signed, as AMX wants them. */
static void unpack_signed(const mn_packed *w, int tile, uint8_t *scratch) {
#define M(f)                                     \
    unpack(f, w, tile, 0, w->k, scratch,         \
           (uint8_t)(is_wide(f)            ? 128 \
                     : zero_shift(f) >= 32 ? 0   \
                                           : 1 << (zero_shift(f) & 7)))
    EACH_CODED_FORMAT(w->format, M)
#undef M
}

/* One step: sums of block b into buffer [16][16]; the tile number must be a constant. */
#define STEP(t, b)                                                  \
    do {                                                            \
        _tile_zero(t);                                              \
        _tile_loadd(4, act + (size_t)(b) * (size_t)run, a->stride); \
        _tile_loadd(6, codes + (size_t)(b) * (size_t)run * 16, 64); \
        _tile_dpbssd(t, 4, 6);                                      \
        _tile_stored(t, to + (t)*256, 64);                          \
    } while (0)

/* Rows [row, row + 16), row a multiple of 16, times one unpacked tile; the first `rows` are
 * stored. */
LANES void tile_product(const int run, const int min, const mn_acts *a, int row, int rows,
                        const uint8_t *codes, float *out, size_t out_stride, int32_t *sums) {
    const int n = a->k / run;
    const float *scale = (const float *)(const void *)(codes + (size_t)a->k * 16);
    const float *less = scale + n * 16;
    const mn_qrow q = mn_qrow_at(a, row);
    const int8_t *act = q.q;
    const float *dsum = run == 32 ? q.dsum : q.dsum16;
    v16 acc[16];
    for (int r = 0; r < 16; r++) acc[r] = v_set(0);
    for (int b = 0; b < n + STEPS; b += STEPS) {
        int32_t *to = sums + ((b / STEPS) & 1) * (STEPS * 256);
        if (b < n) STEP(0, b);
        if (b + 1 < n) STEP(1, b + 1);
        const int32_t *from = sums + ((b / STEPS + 1) & 1) * (STEPS * 256);
        for (int s = 0; s < STEPS && b >= STEPS && b - STEPS + s < n; s++, from += 256) {
            const int c = b - STEPS + s;
            const v16 w = v_load(scale + 16 * c), m = min ? v_load(less + 16 * c) : w;
            const float *x = q.scale + MN_SIDE * (c * run / 32), *y = dsum + MN_SIDE * c;
#pragma GCC unroll 16
            for (int r = 0; r < 16; r++) {
                acc[r] = v_fma(i_float(i_load(from + 16 * r)), v_mul(w, v_set(x[r])), acc[r]);
                if (min) acc[r] = v_fma(m, v_set(y[r]), acc[r]);
            }
        }
    }
#pragma GCC unroll 16
    for (int r = 0; r < 16; r++)
        if (r < rows) v_store(out + (size_t)r * out_stride, acc[r]);
}

#define KIND(run, min)                                                                        \
    static void rows_##run##_##min(const mn_acts *a, int row, int rows, const uint8_t *codes, \
                                   float *out, size_t stride, int32_t *sums) {                \
        tile_product(run, min, a, row, rows, codes, out, stride, sums);                       \
    }
KIND(32, 0)
KIND(32, 1)
KIND(16, 0)
KIND(16, 1)

/* Few rows, plain numbers, 13-bit codes, and rows that begin inside a group of 16 go the way of
 * avx512.c. Rows of a group beyond the last are computed with whatever lies there (they have room)
 * and dropped. */
static void product_amx(const mn_packed *w, int tile, int tiles, const mn_acts *a, int row,
                        int rows, float *out, size_t out_stride, void *scratch) {
    if (rows < 16 || row % 16 || is_float(w->format) || w->format == MN_I13) {
        mn_kernels_avx512.product(w, tile, tiles, a, row, rows, out, out_stride, scratch);
        return;
    }
    const int run = run_of(w->format), min = has_min(w->format);
    const size_t one = panel_bytes(w->k);
    int32_t *sums = (int32_t *)(void *)((uint8_t *)scratch + TILES * one);
    configure(16, run);
    for (int t = 0; t < tiles; t += TILES) {
        const int n = tiles - t < TILES ? tiles - t : TILES;
        for (int i = 0; i < n; i++)
            unpack_signed(w, tile + t + i, (uint8_t *)scratch + (size_t)i * one);
        __asm__ volatile("" ::: "memory"); /* the tile loads below read what was just written */
        for (int r = 0; r < rows; r += 16) {
            const int valid = rows - r < 16 ? rows - r : 16;
            for (int i = 0; i < n; i++) {
                const uint8_t *codes = (uint8_t *)scratch + (size_t)i * one;
                float *o = out + (size_t)r * out_stride + (size_t)(t + i) * 16;
                if (run == 32 && !min)
                    rows_32_0(a, row + r, valid, codes, o, out_stride, sums);
                else if (run == 32)
                    rows_32_1(a, row + r, valid, codes, o, out_stride, sums);
                else if (!min)
                    rows_16_0(a, row + r, valid, codes, o, out_stride, sums);
                else
                    rows_16_1(a, row + r, valid, codes, o, out_stride, sums);
            }
        }
    }
    _tile_release();
}

/* The rest is the row below's: kernel.c fills it in. */
const mn_kernels mn_kernels_amx = {
    .name = "amx", .needs = MN_CPU_AVX512 | MN_CPU_BF16 | MN_CPU_AMX, .product = product_amx};
