/* SPDX-License-Identifier: Apache-2.0
 *
 * kernel/body_math.h - row operations of a transformer on the 16 virtual lanes.
 *
 * Included once by each ISA file after its lanes_*.h. Sums over a row run in 16 lanes (element i
 * in lane i mod 16, ascending) and then down the fixed tree of v_sum; a tail shorter than 16 is
 * padded with zeros. exp is ours: the bits may not depend on a libm.
 */
#ifndef MN_KERNEL_BODY_MATH_H
#define MN_KERNEL_BODY_MATH_H
#include "kernel/kernel.h"

#include <math.h>
#include <string.h>

/* A row's last n < 16 elements as a full vector. */
LANES v16 v_tail(const float *p, int n, float fill) {
    float t[16];
    for (int l = 0; l < 16; l++) t[l] = l < n ? p[l] : fill;
    return v_load(t);
}

/* e^x, relative error < 2e-7; x is clamped to [-87, 88]. Cody-Waite reduction by ln 2 in two parts,
 * then the Taylor polynomial of degree 7 on |r| <= ln2 / 2. */
LANES v16 v_exp(v16 x) {
    x = v_min(v_max(x, v_set(-87.0f)), v_set(88.0f));
    const v16 n = v_floor(v_fma(x, v_set(1.44269504f), v_set(0.5f)));
    v16 r = v_fma(n, v_set(-0.693359375f), x);
    r = v_fma(n, v_set(2.12194440e-4f), r);
    v16 p = v_set(1.0f / 5040);
    p = v_fma(p, r, v_set(1.0f / 720));
    p = v_fma(p, r, v_set(1.0f / 120));
    p = v_fma(p, r, v_set(1.0f / 24));
    p = v_fma(p, r, v_set(1.0f / 6));
    p = v_fma(p, r, v_set(0.5f));
    p = v_fma(p, r, v_set(1.0f));
    p = v_fma(p, r, v_set(1.0f));
    return v_scale2(p, n);
}

typedef double d8 __attribute__((vector_size(64)));
typedef int64_t l8 __attribute__((vector_size(64)));

/* e^x for eight x <= 0, relative error below 2^-50; 0 below -708 (no subnormals). x = k ln 2 + r
 * with |r| <= ln 2 / 2, Taylor to r^13; k is what adding 1.5 * 2^52 leaves in the low bits. */
LANES d8 exp_doubles(d8 x) {
    static const double over[] = {1.0 / 479001600.0,
                                  1.0 / 39916800.0,
                                  1.0 / 3628800.0,
                                  1.0 / 362880.0,
                                  1.0 / 40320.0,
                                  1.0 / 5040.0,
                                  1.0 / 720.0,
                                  1.0 / 120.0,
                                  1.0 / 24.0,
                                  1.0 / 6.0,
                                  0.5,
                                  1.0,
                                  1.0};
    const d8 shifted = x * 0x1.71547652b82fep0 + 0x1.8p52, k = shifted - 0x1.8p52;
    const d8 r = (x - k * 0x1.62e42fee00000p-1) - k * 0x1.a39ef35793c76p-33;
    d8 p = r * (1.0 / 6227020800.0) + over[0];
    for (size_t i = 1; i < sizeof over / sizeof *over; i++) p = p * r + over[i];
    const d8 two_k = (d8)(((l8)shifted + 1023) << 52);
    return (d8)((l8)(p * two_k) & (x > -708.0));
}

/* x = e^x, [n]. */
static void exps(double *x, int n) {
    for (int i = 0; i < n; i += 8) {
        const size_t bytes = (size_t)(n - i < 8 ? n - i : 8) * sizeof *x;
        d8 v = {0};
        memcpy(&v, x + i, bytes);
        v = exp_doubles(v);
        memcpy(x + i, &v, bytes);
    }
}

/* out = x / rms(x) * weight. x, weight, out: [n]; out may be x. */
static void rms_norm(const float *x, const float *weight, float eps, int n, float *out) {
    v16 sum = v_set(0);
    int i = 0;
    for (; i + 16 <= n; i += 16) {
        const v16 v = v_load(x + i);
        sum = v_fma(v, v, sum);
    }
    if (i < n) {
        const v16 v = v_tail(x + i, n - i, 0);
        sum = v_fma(v, v, sum);
    }
    const float scale = 1.0f / sqrtf(v_sum(sum) / (float)n + eps);
    for (i = 0; i + 16 <= n; i += 16)
        v_store(out + i, v_mul(v_mul(v_load(x + i), v_set(scale)), v_load(weight + i)));
    for (; i < n; i++) out[i] = x[i] * scale * weight[i];
}

/* out = (x - mean) / deviation * weight + bias. All [n]; out may be x. */
static void layer_norm(const float *x, const float *weight, const float *bias, float eps, int n,
                       float *out) {
    v16 sum = v_set(0);
    int i = 0;
    for (; i + 16 <= n; i += 16) sum = v_add(sum, v_load(x + i));
    if (i < n) sum = v_add(sum, v_tail(x + i, n - i, 0));
    const float mean = v_sum(sum) / (float)n;
    sum = v_set(0);
    for (i = 0; i + 16 <= n; i += 16) {
        const v16 v = v_sub(v_load(x + i), v_set(mean));
        sum = v_fma(v, v, sum);
    }
    if (i < n) {
        const v16 v = v_sub(v_tail(x + i, n - i, mean), v_set(mean));
        sum = v_fma(v, v, sum);
    }
    const float scale = 1.0f / sqrtf(v_sum(sum) / (float)n + eps);
    for (i = 0; i + 16 <= n; i += 16) {
        const v16 v = v_mul(v_sub(v_load(x + i), v_set(mean)), v_set(scale));
        v_store(out + i, v_fma(v, v_load(weight + i), v_load(bias + i)));
    }
    for (; i < n; i++) out[i] = fmaf((x[i] - mean) * scale, weight[i], bias[i]);
}

/* One row to int8: per 32 elements scale = max|x| / 127, codes in -127..127 (kernel.h, mn_acts). */
static void quantise(const float *x, int k, const mn_qrow *to) {
    for (int b = 0; b < k / 32; b++) {
        const v16 lo = v_load(x + 32 * b), hi = v_load(x + 32 * b + 16);
        const float top = v_top(v_max(v_abs(lo), v_abs(hi)));
        /* Below 1e-30 the block is zero for every purpose, and 127 / top could overflow. */
        const float scale = top < 1e-30f ? 0 : top / 127.0f,
                    inverse = top < 1e-30f ? 0 : 127.0f / top;
        /* The limits matter for NaN and infinity only: codes stay codes whatever comes. */
        const v16 most = v_set(127.0f), least = v_set(-127.0f);
        const i16 p = v_round(v_min(v_max(v_mul(lo, v_set(inverse)), least), most));
        const i16 q = v_round(v_min(v_max(v_mul(hi, v_set(inverse)), least), most));
        i_store_s8(to->q + 32 * b, p);
        i_store_s8(to->q + 32 * b + 16, q);
        const int32_t s = i_sum(p), t = i_sum(q);
        to->scale[MN_SIDE * b] = scale;
        to->less[MN_SIDE * b] = -(s + t);
        to->less16[MN_SIDE * 2 * b] = -s;
        to->less16[MN_SIDE * (2 * b + 1)] = -t;
        to->dsum[MN_SIDE * b] = scale * (float)(s + t);
        to->dsum16[MN_SIDE * 2 * b] = scale * (float)s;
        to->dsum16[MN_SIDE * (2 * b + 1)] = scale * (float)t;
    }
}

/* gate = silu(gate) * up, silu(x) = x / (1 + e^-x). [n], n a multiple of 16. */
static void silu_mul(float *gate, const float *up, int n) {
    for (int i = 0; i < n; i += 16) {
        const v16 g = v_load(gate + i), e = v_exp(v_sub(v_set(0), g));
        v_store(gate + i, v_mul(v_div(g, v_add(v_set(1), e)), v_load(up + i)));
    }
}

/* gate = gelu(gate) * up with the tanh form: x * sigmoid(2 z), z = sqrt(2 / pi) (x + 0.044715 x^3).
 */
static void gelu_mul(float *gate, const float *up, int n) {
    for (int i = 0; i < n; i += 16) {
        const v16 g = v_load(gate + i), cube = v_mul(v_mul(g, g), g);
        const v16 z = v_mul(v_set(-1.59576912f), v_fma(v_set(0.044715f), cube, g));
        v_store(gate + i, v_mul(v_div(g, v_add(v_set(1), v_exp(z))), v_load(up + i)));
    }
}

/* x = gelu(x) with the error function: x Phi(x). [n], n a multiple of 16. 1 - erf(z) is a
 * polynomial of 1 / (1 + p z) times e^(-z^2), to 1.5e-7 (Abramowitz and Stegun 7.1.26); with z =
 * |x| / sqrt(2) the result is max(x, 0) - |x| / 2 (1 - erf(z)), where nothing cancels. */
static void gelu(float *x, int n) {
    for (int i = 0; i < n; i += 16) {
        const v16 g = v_load(x + i), z = v_mul(v_abs(g), v_set(0.70710678f));
        const v16 t = v_div(v_set(1), v_fma(v_set(0.3275911f), z, v_set(1)));
        v16 p = v_set(1.061405429f);
        p = v_fma(p, t, v_set(-1.453152027f));
        p = v_fma(p, t, v_set(1.421413741f));
        p = v_fma(p, t, v_set(-0.284496736f));
        p = v_mul(v_fma(p, t, v_set(0.254829592f)), t);
        p = v_mul(p, v_exp(v_sub(v_set(0), v_mul(z, z))));
        v_store(x + i, v_fma(v_mul(v_set(-0.5f), v_abs(g)), p, v_max(g, v_set(0))));
    }
}

/* x += y * s. [n] */
static void add_scaled(float *x, const float *y, float s, int n) {
    int i = 0;
    for (; i + 16 <= n; i += 16) v_store(x + i, v_fma(v_load(y + i), v_set(s), v_load(x + i)));
    for (; i < n; i++) x[i] = fmaf(y[i], s, x[i]);
}

/* Rotate the first 2 * half elements of one head: neox pairs (i, i + half), else (2 i, 2 i + 1). */
static void rope(float *x, const float *cosine, const float *sine, int half, int neox) {
    const int step = neox ? 1 : 2, apart = neox ? half : 1;
    for (int i = 0; i < half; i++) {
        const float a = x[i * step], b = x[i * step + apart];
        x[i * step] = a * cosine[i] - b * sine[i];
        x[i * step + apart] = a * sine[i] + b * cosine[i];
    }
}

#endif
