/* SPDX-License-Identifier: Apache-2.0
 *
 * kernel/format_iq.c - 4-bit codes that pick one of 16 unevenly spaced values.
 *
 *   IQ4_NL  32 weights: d, 16 bytes of nibbles             w = d * level[q]
 *   IQ4_XS  256 weights: d, 8 pairs of high scale bits,    w = d * (s - 32) * level[q], each 32
 *           4 bytes of low scale nibbles, 128 of nibbles
 *
 * Of each 32 weights, byte j holds weight j (low) and j + 16 (high).
 * Source: block_iq4_nl, block_iq4_xs and kvalues_iq4nl of ggml-common.h (facts only).
 */
#include "kernel/format_decode.h"
#include "kernel/half.h"

static const int8_t level[16] = {-127, -104, -83, -65, -49, -35, -22, -10,
                                 1,    13,   25,  38,  53,  69,  89,  113};

/* 32 weights of scale d. */
static void decode_32(float d, const uint8_t *q, float *dst) {
    for (int j = 0; j < 16; j++) {
        dst[j] = d * (float)level[q[j] & 15];
        dst[j + 16] = d * (float)level[q[j] >> 4];
    }
}

void mn_format_decode_iq4_nl(const void *src, float *dst, size_t n) {
    for (const uint8_t *b = src; n; n -= 32, b += 18, dst += 32)
        decode_32(mn_f16_load(b), b + 2, dst);
}

void mn_format_decode_iq4_xs(const void *src, float *dst, size_t n) {
    for (const uint8_t *b = src; n; n -= 256, b += 136, dst += 256) {
        const float d = mn_f16_load(b);
        const int high = b[2] | b[3] << 8;
        for (int j = 0; j < 8; j++) {
            const int s = (b[4 + j / 2] >> (j % 2 * 4) & 15) | (high >> 2 * j & 3) << 4;
            decode_32(d * (float)(s - 32), b + 8 + 16 * j, dst + 32 * j);
        }
    }
}
