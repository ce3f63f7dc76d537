/* SPDX-License-Identifier: Apache-2.0
 *
 * kernel/avx512crossed.c - products of 13-bit codes with half of the multiplications (body_i13.h),
 * for processors that add beside them; all else as in avx512bf16.c.
 */
#define MN_I13_CROSSED 1 /* before the lanes */
#include "base/cpu.h"
#include "kernel/lanes_avx512.h"

#include "kernel/body_i13.h"
#include "kernel/tables.h"

/* Fewer wait for weights, and crossing these for so few products is not worth its time. */
enum { LEAST_ROWS = 17 };

static void product_crossed(const mn_packed *w, int tile, int tiles, const mn_acts *a, int row,
                            int rows, float *out, size_t out_stride, void *scratch) {
    if (w->format == MN_I13 && rows >= LEAST_ROWS)
        product_i13(w, tile, tiles, a, row, rows, out, out_stride);
    else
        mn_kernels_avx512.product(w, tile, tiles, a, row, rows, out, out_stride, scratch);
}

/* The rest is the row below's: kernel.c fills it in. */
const mn_kernels mn_kernels_avx512crossed = {.name = "avx512crossed",
                                             .needs = MN_CPU_AVX512 | MN_CPU_BF16 | MN_CPU_ADDERS,
                                             .quantise_i13 = quantise_i13,
                                             .product = product_crossed};
