/* SPDX-License-Identifier: Apache-2.0
 *
 * kernel/lanes_scalar.h - 16 virtual lanes in plain C: the truth that every ISA is held to.
 *
 * The numerics are defined by these operations. v16 is 16 floats, i16 is 16 int32, b64 is 64
 * bytes. Every float operation rounds once, to nearest even; fma rounds once; sums across lanes
 * follow one fixed tree (8 apart, then 4, 2, 1). kernel/body_*.h is written on these names only and
 * compiled once per ISA, so all ISAs give the same bits.
 */
#ifndef MN_KERNEL_LANES_H
#define MN_KERNEL_LANES_H
#include "kernel/half.h"

#include <float.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#define LANES         static inline __attribute__((always_inline, unused))
#define MN_FUSED      1   /* most rows that are multiplied while weights are decoded */
#define MN_PANELS     1   /* more rows: decoded weights are kept for them */
#define MN_ROWS       4   /* rows of their register tile */
#define MN_PLAIN_ROWS 2   /* register tile of plain numbers: rows */
#define MN_PLAIN_VECS 4   /* and tiles */
#define MN_SLICE      768 /* inputs of them that are decoded at a time */
#define MN_KEY_ROWS   4   /* query rows in one register tile of scores */
#define MN_KEY_GROUPS 1   /* and groups of 16 keys */
#define MN_VALUE_ROWS 1   /* rows in one register tile of weighted sums */
#define MN_VALUE_VECS 4   /* and vectors of elements */
#define MN_DOT_ROWS   1   /* rows of bytes that are multiplied at a time */
#define MN_I13_ROWS   2   /* rows of a register tile of 13-bit codes */
#define MN_I13_VECS   1   /* and tiles */
#define MN_DOT_BIAS   0   /* see dot4_both */

typedef struct {
    float f[16];
} v16;
typedef struct {
    int32_t i[16];
} i16;
typedef struct {
    uint8_t b[64];
} b64;

#define EACH(n) for (int l = 0; l < (n); l++)

LANES v16 v_load(const float *p) {
    v16 r;
    memcpy(&r, p, sizeof r);
    return r;
}
LANES void v_store(float *p, v16 a) {
    memcpy(p, &a, sizeof a);
}
LANES v16 v_set(float x) {
    v16 r;
    EACH(16) r.f[l] = x;
    return r;
}
LANES v16 v_add(v16 a, v16 b) {
    EACH(16) a.f[l] += b.f[l];
    return a;
}
LANES v16 v_sub(v16 a, v16 b) {
    EACH(16) a.f[l] -= b.f[l];
    return a;
}
LANES v16 v_mul(v16 a, v16 b) {
    EACH(16) a.f[l] *= b.f[l];
    return a;
}
LANES v16 v_div(v16 a, v16 b) {
    EACH(16) a.f[l] /= b.f[l];
    return a;
}
/* a * b + c */
LANES v16 v_fma(v16 a, v16 b, v16 c) {
    EACH(16) c.f[l] = fmaf(a.f[l], b.f[l], c.f[l]);
    return c;
}
/* a > b ? a : b, so a NaN in a yields b */
LANES v16 v_max(v16 a, v16 b) {
    EACH(16) a.f[l] = a.f[l] > b.f[l] ? a.f[l] : b.f[l];
    return a;
}
LANES v16 v_min(v16 a, v16 b) {
    EACH(16) a.f[l] = a.f[l] < b.f[l] ? a.f[l] : b.f[l];
    return a;
}
LANES v16 v_abs(v16 a) {
    EACH(16) a.f[l] = fabsf(a.f[l]);
    return a;
}
LANES float v_sum(v16 a) {
    for (int h = 8; h; h /= 2) EACH(h) a.f[l] += a.f[l + h];
    return a.f[0];
}
LANES float v_top(v16 a) {
    for (int h = 8; h; h /= 2) EACH(h) a.f[l] = a.f[l] > a.f[l + h] ? a.f[l] : a.f[l + h];
    return a.f[0];
}
/* lanes from <= lane < to keep a, others become b */
LANES v16 v_range(v16 a, v16 b, int from, int to) {
    EACH(16) a.f[l] = l >= from && l < to ? a.f[l] : b.f[l];
    return a;
}
LANES v16 v_from_half(const uint16_t *p) {
    v16 r;
    EACH(16) r.f[l] = mn_f16_to_f32(p[l]);
    return r;
}
LANES void v_to_half(uint16_t *p, v16 a) {
    EACH(16) p[l] = mn_f16_from_f32(a.f[l]);
}
LANES v16 v_from_bf16(const uint16_t *p) {
    v16 r;
    EACH(16) {
        const uint32_t u = (uint32_t)p[l] << 16;
        memcpy(&r.f[l], &u, 4);
    }
    return r;
}
LANES v16 v_from_s8(const int8_t *p) {
    v16 r;
    EACH(16) r.f[l] = (float)p[l];
    return r;
}
LANES v16 v_from_u8(const uint8_t *p) {
    v16 r;
    EACH(16) r.f[l] = (float)p[l];
    return r;
}
/* round to nearest even; |a| < 2^31 */
LANES i16 v_round(v16 a) {
    i16 r;
    EACH(16) r.i[l] = (int32_t)rintf(a.f[l]);
    return r;
}
LANES v16 v_floor(v16 a) {
    EACH(16) a.f[l] = floorf(a.f[l]);
    return a;
}
/* a * 2^n for whole n with -126 <= n <= 127 */
LANES v16 v_scale2(v16 a, v16 n) {
    EACH(16) {
        const uint32_t u = (uint32_t)((int32_t)n.f[l] + 127) << 23;
        float p;
        memcpy(&p, &u, 4);
        a.f[l] *= p;
    }
    return a;
}

LANES i16 i_set(int32_t x) {
    i16 r;
    EACH(16) r.i[l] = x;
    return r;
}
LANES i16 i_load(const int32_t *p) {
    i16 r;
    memcpy(&r, p, sizeof r);
    return r;
}
/* a << n; n >= 32 gives zeros */
LANES i16 i_shl(i16 a, int n) {
    EACH(16) a.i[l] = n >= 32 ? 0 : (int32_t)((uint32_t)a.i[l] << n);
    return a;
}
LANES v16 i_float(i16 a) {
    v16 r;
    EACH(16) r.f[l] = (float)a.i[l];
    return r;
}
LANES int32_t i_sum(i16 a) {
    int32_t s = 0;
    EACH(16) s += a.i[l];
    return s;
}
/* low bytes of 16 int32 known to lie in -128..127 */
LANES void i_store_s8(int8_t *p, i16 a) {
    EACH(16) p[l] = (int8_t)a.i[l];
}

/* and of those that lie in -32768..32767 */
LANES void i_store_s16(int16_t *p, i16 a) {
    EACH(16) p[l] = (int16_t)a.i[l];
}

LANES b64 b_load(const uint8_t *p) {
    b64 r;
    memcpy(&r, p, sizeof r);
    return r;
}
/* 32 bytes, then zeros */
LANES b64 b_load_half(const uint8_t *p) {
    b64 r = {{0}};
    memcpy(&r, p, 32);
    return r;
}
LANES void b_store(uint8_t *p, b64 a) {
    memcpy(p, &a, sizeof a);
}
LANES b64 b_set(uint8_t x) {
    b64 r;
    memset(&r, x, sizeof r);
    return r;
}
LANES b64 b_and(b64 a, b64 b) {
    EACH(64) a.b[l] &= b.b[l];
    return a;
}
LANES b64 b_or(b64 a, b64 b) {
    EACH(64) a.b[l] |= b.b[l];
    return a;
}
LANES b64 b_sub(b64 a, b64 b) {
    EACH(64) a.b[l] = (uint8_t)(a.b[l] - b.b[l]);
    return a;
}
/* Shifts may bring in bits of the neighbour byte; callers mask. Plain C brings in zeros. */
LANES b64 b_shr(b64 a, int n) {
    EACH(64) a.b[l] = (uint8_t)(a.b[l] >> n);
    return a;
}
LANES b64 b_shl(b64 a, int n) {
    EACH(64) a.b[l] = (uint8_t)(a.b[l] << n);
    return a;
}
/* table of 16 bytes looked up by codes 0..15 */
LANES b64 b_lookup(const uint8_t table[16], b64 a) {
    EACH(64) a.b[l] = table[a.b[l] & 15];
    return a;
}

/* acc[l] += sum over i of w[4 l + i] * a[i]: unsigned codes <= 127 times four signed activations */
LANES i16 dot4(i16 acc, b64 w, const int8_t *a) {
    EACH(16) {
        for (int i = 0; i < 4; i++) acc.i[l] += w.b[4 * l + i] * a[i];
    }
    return acc;
}
/* The same for codes 0..255 that stand for code - 128; wide_start(minus the sum of a) starts the
 * sum. */
LANES i16 dot4_wide(i16 acc, b64 w, const int8_t *a) {
    EACH(16) {
        for (int i = 0; i < 4; i++) acc.i[l] += (w.b[4 * l + i] - 128) * a[i];
    }
    return acc;
}
LANES i16 wide_start(int32_t less) {
    (void)less;
    return i_set(0);
}
/* acc[l] += w[2 l] * a[0] + w[2 l + 1] * a[1] of int16, whose sums fit. */
LANES i16 dot2_words(i16 acc, b64 w, const int16_t a[2]) {
    int16_t b[32];
    memcpy(b, w.b, sizeof b);
    EACH(16) acc.i[l] += b[2 * l] * a[0] + b[2 * l + 1] * a[1];
    return acc;
}
/* The products a.b[i] * b.b[i], both signed, added to lanes of acc: which ones is open, for what
 * counts is their sum. Where the machine wants one of two unsigned, each product has
 * MN_DOT_BIAS * b too much, which the caller takes off. */
LANES i16 dot4_both(i16 acc, b64 a, b64 b) {
    EACH(16) {
        for (int i = 0; i < 4; i++) acc.i[l] += (int8_t)a.b[4 * l + i] * (int8_t)b.b[4 * l + i];
    }
    return acc;
}

/* To BF16, nearest even; NaN and what is smaller than 2^-60 become zero (see dot2). */
LANES void v_to_bf16(uint16_t *p, v16 a) {
    EACH(16) p[l] = fabsf(a.f[l]) >= 0x1p-60f ? mn_bf16_from_f32(a.f[l]) : 0;
}
/* Lane l: the pair (low[l], high[l]) in BF16, nearest even. For numbers as they are stored. */
LANES b64 b_pairs(v16 low, v16 high) {
    b64 r;
    EACH(16) {
        const uint16_t pair[2] = {mn_bf16_from_f32(low.f[l]), mn_bf16_from_f32(high.f[l])};
        memcpy(r.b + 4 * l, pair, 4);
    }
    return r;
}
/* acc + w.high * a[1], then + w.low * a[0], each rounded once: VDPBF16PS, which takes what is
 * below the normal numbers, coming and going, for zero. So do we here; the other files need not,
 * because there is no such number: stored keys and values are multiples of 2^-24, BF16 numbers
 * above 2^-60 multiples of 2^-67, and so is every product and sum a multiple of 2^-91. */
LANES float normal(float x) {
    return fabsf(x) < FLT_MIN ? copysignf(0, x) : x;
}
LANES v16 dot2(v16 acc, b64 w, const uint16_t a[2]) {
    EACH(16) {
        uint16_t b[2];
        memcpy(b, w.b + 4 * l, 4);
        for (int i = 1; i >= 0; i--)
            acc.f[l] = normal(
                fmaf(normal(mn_bf16_to_f32(b[i])), normal(mn_bf16_to_f32(a[i])), normal(acc.f[l])));
    }
    return acc;
}
#endif
