/* SPDX-License-Identifier: Apache-2.0
 *
 * kernel/half.h - IEEE binary16 and bfloat16 to f32 and back, in portable C.
 *
 * Widening is exact; narrowing rounds to nearest, ties to even, as F16C and VCVTNEPS2BF16 do.
 * NaN stays NaN (narrowing makes it quiet, so that it cannot become an infinity).
 * These are for scales, tails and tests; rows of halves belong to the ISA files.
 */
#ifndef MN_KERNEL_HALF_H
#define MN_KERNEL_HALF_H
#include <stdint.h>
#include <string.h>

static inline float mn_f32_from_bits(uint32_t bits) {
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

static inline uint32_t mn_f32_bits(float f) {
    uint32_t bits;
    memcpy(&bits, &f, sizeof bits);
    return bits;
}

static inline float mn_f16_to_f32(uint16_t h) {
    const uint32_t sign = (uint32_t)(h & 0x8000) << 16, exponent = h >> 10 & 31;
    const uint32_t mantissa = h & 0x3ff;
    if (exponent == 31) return mn_f32_from_bits(sign | 0x7f800000 | mantissa << 13);
    if (exponent) return mn_f32_from_bits(sign | (exponent + 112) << 23 | mantissa << 13);
    const float tiny = (float)mantissa * 0x1p-24f; /* subnormal: exact, and normal as f32 */
    return mn_f32_from_bits(sign | mn_f32_bits(tiny));
}

static inline uint16_t mn_f16_from_f32(float f) {
    const uint32_t bits = mn_f32_bits(f), sign = bits >> 16 & 0x8000;
    uint32_t a = bits & 0x7fffffff;
    if (a > 0x7f800000) return (uint16_t)(sign | 0x7e00 | (a >> 13 & 0x3ff));
    if (a >= 0x477ff000) return (uint16_t)(sign | 0x7c00); /* 65520 and above round to infinity */
    if (a < 0x38800000) /* below 2^-14: adding 0.5 leaves multiples of 2^-24 in the low bits */
        return (uint16_t)(sign | (mn_f32_bits(mn_f32_from_bits(a) + 0.5f) - 0x3f000000));
    a += 0xfff + (a >> 13 & 1); /* round to even; a carry into the exponent is right */
    return (uint16_t)(sign | ((a >> 13) - (112 << 10)));
}

static inline float mn_bf16_to_f32(uint16_t h) {
    return mn_f32_from_bits((uint32_t)h << 16);
}

static inline uint16_t mn_bf16_from_f32(float f) {
    const uint32_t a = mn_f32_bits(f);
    if ((a & 0x7fffffff) > 0x7f800000) return (uint16_t)(a >> 16 | 0x40);
    return (uint16_t)((a + 0x7fff + (a >> 16 & 1)) >> 16);
}

/* The halves in files may stand at odd addresses. */
static inline float mn_f16_load(const uint8_t *p) {
    return mn_f16_to_f32((uint16_t)(p[0] | p[1] << 8));
}

#endif
