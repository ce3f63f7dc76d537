/* SPDX-License-Identifier: Apache-2.0
 *
 * kernel/format_legacy.c - blocks of 32 weights under one half-precision scale d.
 *
 *   Q4_0  d, 16 bytes                    w = d * (q - 8)        q of 4 bits
 *   Q4_1  d, m, 16 bytes                 w = d * q + m
 *   Q5_0  d, 32 high bits, 16 bytes      w = d * (q - 16)       q of 5 bits
 *   Q5_1  d, m, 32 high bits, 16 bytes   w = d * q + m
 *   Q8_0  d, 32 signed bytes             w = d * q
 *
 * Byte j of the nibbles holds weight j (low) and weight j + 16 (high); high bit i is weight i's
 * fifth bit. Source: block_q4_0 .. block_q8_0 of ggml-common.h (facts of the format only).
 */
#include "kernel/format_decode.h"
#include "kernel/half.h"

/* Weight i's nibble. */
static inline int nibble(const uint8_t *q, int i) {
    return i < 16 ? q[i] & 15 : q[i - 16] >> 4;
}

/* Weight i's fifth bit, at its place. */
static inline int fifth(const uint8_t *high, int i) {
    return (high[i / 8] >> (i % 8) & 1) << 4;
}

void mn_format_decode_q4_0(const void *src, float *dst, size_t n) {
    for (const uint8_t *b = src; n; n -= 32, b += 18, dst += 32) {
        const float d = mn_f16_load(b);
        for (int i = 0; i < 32; i++) dst[i] = d * (float)(nibble(b + 2, i) - 8);
    }
}

void mn_format_decode_q4_1(const void *src, float *dst, size_t n) {
    for (const uint8_t *b = src; n; n -= 32, b += 20, dst += 32) {
        const float d = mn_f16_load(b), m = mn_f16_load(b + 2);
        for (int i = 0; i < 32; i++) dst[i] = d * (float)nibble(b + 4, i) + m;
    }
}

void mn_format_decode_q5_0(const void *src, float *dst, size_t n) {
    for (const uint8_t *b = src; n; n -= 32, b += 22, dst += 32) {
        const float d = mn_f16_load(b);
        for (int i = 0; i < 32; i++)
            dst[i] = d * (float)((nibble(b + 6, i) | fifth(b + 2, i)) - 16);
    }
}

void mn_format_decode_q5_1(const void *src, float *dst, size_t n) {
    for (const uint8_t *b = src; n; n -= 32, b += 24, dst += 32) {
        const float d = mn_f16_load(b), m = mn_f16_load(b + 2);
        for (int i = 0; i < 32; i++) dst[i] = d * (float)(nibble(b + 8, i) | fifth(b + 4, i)) + m;
    }
}

void mn_format_decode_q8_0(const void *src, float *dst, size_t n) {
    for (const uint8_t *b = src; n; n -= 32, b += 34, dst += 32) {
        const float d = mn_f16_load(b);
        for (int i = 0; i < 32; i++) dst[i] = d * (float)(int8_t)b[2 + i];
    }
}
