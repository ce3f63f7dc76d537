/* SPDX-License-Identifier: Apache-2.0
 *
 * kernel/body_scan.h - one vector against many: products of bytes, and bits that differ.
 *
 * Included once by each ISA file after its lanes_*.h. Both results are whole numbers, so they are
 * the same in whatever order they are added. A row is read once from beginning to end; several rows
 * are in flight, for the sum of one waits for nothing but itself. Cost: where rows come from
 * memory, the reading of them.
 */
#ifndef MN_KERNEL_BODY_SCAN_H
#define MN_KERNEL_BODY_SCAN_H
#include "kernel/kernel.h"

enum { SCAN_AHEAD = 4096 }; /* bytes that are asked for before they are read */

/* R rows; `more` is what the lanes add to each product of a row with q beside the product. */
LANES void dots_of(const int R, const int8_t *q, int d, const int8_t *rows, size_t stride,
                   int32_t more, int32_t *out) {
    i16 sum[MN_DOT_ROWS];
    int i = 0;
    for (int r = 0; r < R; r++) sum[r] = i_set(0);
    for (; i + 64 <= d; i += 64) {
        const b64 b = b_load((const uint8_t *)q + i);
        for (int r = 0; r < R; r++) {
            const int8_t *p = rows + (size_t)r * stride + i;
            __builtin_prefetch(p + SCAN_AHEAD, 0, 2);
            sum[r] = dot4_both(sum[r], b_load((const uint8_t *)p), b);
        }
    }
    if (i < d) {
        const b64 b = b_load_half((const uint8_t *)q + i);
        for (int r = 0; r < R; r++)
            sum[r] =
                dot4_both(sum[r], b_load_half((const uint8_t *)(rows + (size_t)r * stride + i)), b);
    }
    for (int r = 0; r < R; r++) out[r] = i_sum(sum[r]) - more;
}

static void dots(const int8_t *q, int d, const int8_t *rows, size_t stride, int n, int32_t *out) {
    int32_t more = 0;
    for (int i = 0; MN_DOT_BIAS && i < d; i++) more += MN_DOT_BIAS * q[i];
    int i = 0;
    for (; i + MN_DOT_ROWS <= n; i += MN_DOT_ROWS)
        dots_of(MN_DOT_ROWS, q, d, rows + (size_t)i * stride, stride, more, out + i);
    for (; i < n; i++) dots_of(1, q, d, rows + (size_t)i * stride, stride, more, out + i);
}

/* `words` is a constant where it matters: 6 words of 64 bits are 384 dimensions. */
LANES void differ_of(const int words, const uint8_t *q, const uint8_t *rows, size_t stride, int n,
                     uint16_t *out) {
    uint64_t own[MN_SCAN_MOST / 64];
    memcpy(own, q, (size_t)words * 8);
    for (int r = 0; r < n; r++, rows += stride) {
        int bits = 0;
        __builtin_prefetch(rows + SCAN_AHEAD, 0, 2);
        for (int w = 0; w < words; w++) {
            uint64_t x;
            memcpy(&x, rows + 8 * w, 8);
            bits += __builtin_popcountll(x ^ own[w]);
        }
        out[r] = (uint16_t)bits;
    }
}

static void differ(const uint8_t *q, int bytes, const uint8_t *rows, size_t stride, int n,
                   uint16_t *out) {
    if (bytes == 48)
        differ_of(6, q, rows, stride, n, out);
    else
        differ_of(bytes / 8, q, rows, stride, n, out);
}

#endif
