/* SPDX-License-Identifier: Apache-2.0
 *
 * kernel/format_k.c - blocks of 256 weights whose 8 or 16 scales are themselves quantised.
 *
 *   Q2_K  16 scale|min nibbles, 64 bytes of 2 bits, d, dmin     w = d*s*q - dmin*m, each 16
 *   Q3_K  32 bytes of high bits, 64 of 2 bits, 12 of scales, d  w = d*(s-32)*(q-4), each 16
 *   Q4_K  d, dmin, 12 of scales and mins, 128 of nibbles        w = d*s*q - dmin*m, each 32
 *   Q5_K  d, dmin, 12 of scales and mins, 32 of high bits, 128  w = d*s*q - dmin*m, each 32
 *   Q6_K  128 low nibbles, 64 of 2 high bits, 16 signed s, d    w = d*s*(q-32),     each 16
 *
 * Low bits are laid out in runs: with 2 bits a weight, byte l of the 32 that serve weights
 * 0..127 holds weights l, l+32, l+64, l+96; with 4 bits, byte l of the 32 that serve weights
 * 0..63 holds weights l and l+32 (Q6_K: l of 64 holds l and l+64, of each 128).
 * Source: block_q2_K .. block_q6_K of ggml-common.h (facts of the format only).
 */
#include "kernel/format_decode.h"
#include "kernel/half.h"

/* The 2 bits of weight i, of 256. */
static inline int crumb(const uint8_t *q, int i) {
    return q[i / 128 * 32 + i % 32] >> (i / 32 % 4 * 2) & 3;
}

/* The 4 bits of weight i, of 256, where 64 weights share 32 bytes. */
static inline int nibble(const uint8_t *q, int i) {
    return q[i / 64 * 32 + i % 32] >> (i / 32 % 2 * 4) & 15;
}

void mn_format_decode_q2_k(const void *src, float *dst, size_t n) {
    for (const uint8_t *b = src; n; n -= 256, b += 84, dst += 256) {
        const float d = mn_f16_load(b + 80), dmin = mn_f16_load(b + 82);
        for (int i = 0; i < 256; i++) {
            const int s = b[i / 16];
            dst[i] = d * (float)(s & 15) * (float)crumb(b + 16, i) - dmin * (float)(s >> 4);
        }
    }
}

void mn_format_decode_q3_k(const void *src, float *dst, size_t n) {
    for (const uint8_t *b = src; n; n -= 256, b += 110, dst += 256) {
        const uint8_t *scales = b + 96; /* 8 bytes of 4 low bits, 4 of 2 high bits */
        const float d = mn_f16_load(b + 108);
        for (int i = 0; i < 256; i++) {
            const int g = i / 16;
            const int low = scales[g % 8] >> (g / 8 * 4) & 15;
            const int high = scales[8 + g % 4] >> (g / 4 * 2) & 3;
            const int set = b[i % 32] >> (i / 32) & 1;
            dst[i] =
                d * (float)((low | high << 4) - 32) * (float)(crumb(b + 32, i) - (set ? 0 : 4));
        }
    }
}

/* Scale and min j of 8, of 6 bits each, in 12 bytes: the first four are the low 6 bits of bytes
 * j and j+4; the others have their low 4 bits in byte j+4 and their high 2 bits atop the first. */
static inline void scale_min(const uint8_t *p, int j, float *s, float *m) {
    if (j < 4) {
        *s = (float)(p[j] & 63);
        *m = (float)(p[j + 4] & 63);
    } else {
        *s = (float)((p[j + 4] & 15) | p[j - 4] >> 6 << 4);
        *m = (float)(p[j + 4] >> 4 | p[j] >> 6 << 4);
    }
}

void mn_format_decode_q4_k(const void *src, float *dst, size_t n) {
    for (const uint8_t *b = src; n; n -= 256, b += 144, dst += 256) {
        const float d = mn_f16_load(b), dmin = mn_f16_load(b + 2);
        for (int j = 0; j < 8; j++) {
            float s, m;
            scale_min(b + 4, j, &s, &m);
            for (int i = 32 * j; i < 32 * j + 32; i++)
                dst[i] = d * s * (float)nibble(b + 16, i) - dmin * m;
        }
    }
}

void mn_format_decode_q5_k(const void *src, float *dst, size_t n) {
    for (const uint8_t *b = src; n; n -= 256, b += 176, dst += 256) {
        const float d = mn_f16_load(b), dmin = mn_f16_load(b + 2);
        for (int j = 0; j < 8; j++) {
            float s, m;
            scale_min(b + 4, j, &s, &m);
            for (int i = 32 * j; i < 32 * j + 32; i++) {
                const int high = (b[16 + i % 32] >> j & 1) << 4;
                dst[i] = d * s * (float)(nibble(b + 48, i) | high) - dmin * m;
            }
        }
    }
}

void mn_format_decode_q6_k(const void *src, float *dst, size_t n) {
    for (const uint8_t *b = src; n; n -= 256, b += 210, dst += 256) {
        const int8_t *scales = (const int8_t *)b + 192;
        const float d = mn_f16_load(b + 208);
        for (int i = 0; i < 256; i++) {
            const int low = b[i / 128 * 64 + i % 64] >> (i / 64 % 2 * 4) & 15;
            const int q = low | crumb(b + 128, i) << 4;
            dst[i] = d * (float)scales[i / 16] * (float)(q - 32);
        }
    }
}
