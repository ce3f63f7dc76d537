/* SPDX-License-Identifier: Apache-2.0
 *
 * kernel/body_codes.h - from packed records (pack.h) to codes and scales, one case per format.
 *
 * Included by body_product.h. `f` is a constant wherever these are called, so each use compiles to
 * the one case it needs. A weight is scale * (code - zero) + min.
 */
#ifndef MN_KERNEL_BODY_CODES_H
#define MN_KERNEL_BODY_CODES_H
#include "kernel/kernel.h"

/* What distinguishes the formats to a product. */
LANES int is_float(int f) {
    return f == MN_F32 || f == MN_F16 || f == MN_BF16;
}
LANES int is_k(int f) {
    return f == MN_Q2_K || f == MN_Q3_K || f == MN_Q4_K || f == MN_Q5_K || f == MN_Q6_K ||
           f == MN_IQ4_XS;
}
/* Inputs that share one scale: 32, or 16. */
LANES int run_of(int f) {
    return f == MN_Q2_K || f == MN_Q3_K || f == MN_Q6_K ? 16 : 32;
}
LANES int has_min(int f) {
    return f == MN_Q4_1 || f == MN_Q5_1 || f == MN_Q2_K || f == MN_Q4_K || f == MN_Q5_K;
}
/* 8-bit codes around 128: products need dot4_wide. */
LANES int is_wide(int f) {
    return f == MN_Q8_0 || f == MN_IQ4_NL || f == MN_IQ4_XS;
}
/* log2 of the code that means zero; 32: codes start at zero. */
LANES int zero_shift(int f) {
    return f == MN_Q4_0 ? 3 : f == MN_Q5_0 ? 4 : f == MN_Q6_K ? 5 : f == MN_Q3_K ? 2 : 32;
}
LANES int head_bytes(int f) {
    return f == MN_Q2_K || f == MN_Q4_K || f == MN_Q5_K ? 64 : is_k(f) ? 32 : 0;
}
/* Bytes of the codes of a part. */
LANES int code_bytes(int f) {
    return f == MN_Q8_0                                   ? 512
           : f == MN_Q6_K                                 ? 384
           : f == MN_Q2_K                                 ? 128
           : f == MN_Q3_K                                 ? 192
           : f == MN_Q5_0 || f == MN_Q5_1 || f == MN_Q5_K ? 320
                                                          : 256;
}
LANES int part_bytes(int f) {
    const int scales = f == MN_Q6_K || f == MN_Q3_K || f == MN_Q2_K ? 32
                       : f == MN_IQ4_XS                             ? 16
                       : is_k(f)                                    ? 32
                       : has_min(f)                                 ? 64
                                                                    : 32;
    return code_bytes(f) + scales;
}

/* The 16 values of IQ4_NL and IQ4_XS, plus 128. */
static const uint8_t iq4_codes[16] = {1,   24,  45,  63,  79,  93,  106, 118,
                                      129, 141, 153, 166, 181, 197, 217, 241};

/* c[s]: codes of inputs 4s..4s+3 for 16 outputs. */
LANES void part_codes(int f, const uint8_t *p, b64 c[8]) {
    if (f == MN_Q8_0) {
        for (int s = 0; s < 8; s++) c[s] = b_load(p + 64 * s);
        return;
    }
    if (f == MN_Q2_K || f == MN_Q3_K) {
        const b64 low = b_set(3);
        for (int v = 0; v < 2; v++) {
            const b64 x = b_load(p + 64 * v);
            for (int t = 0; t < 4; t++) c[4 * v + t] = b_and(b_shr(x, 2 * t), low);
        }
    } else {
        const b64 low = b_set(15);
        for (int j = 0; j < 4; j++) {
            const b64 x = b_load(p + 64 * j);
            c[2 * j] = b_and(x, low);
            c[2 * j + 1] = b_and(b_shr(x, 4), low);
        }
    }
    if (f == MN_IQ4_NL || f == MN_IQ4_XS)
        for (int s = 0; s < 8; s++) c[s] = b_lookup(iq4_codes, c[s]);
    if (f == MN_Q5_0 || f == MN_Q5_1 || f == MN_Q5_K) {
        const b64 x = b_load(p + 256), bit = b_set(16);
        for (int s = 0; s < 8; s++)
            c[s] = b_or(c[s], b_and(s < 4 ? b_shl(x, 4 - s) : b_shr(x, s - 4), bit));
    }
    if (f == MN_Q3_K) {
        const b64 x = b_load(p + 128), bit = b_set(4);
        for (int s = 0; s < 8; s++)
            c[s] = b_or(c[s], b_and(s < 2 ? b_shl(x, 2 - s) : b_shr(x, s - 2), bit));
    }
    if (f == MN_Q6_K) {
        const b64 bits = b_set(48);
        for (int v = 0; v < 2; v++) {
            const b64 x = b_load(p + 256 + 64 * v);
            for (int t = 0; t < 4; t++)
                c[4 * v + t] = b_or(c[4 * v + t],
                                    b_and(t < 2 ? b_shl(x, 4 - 2 * t) : b_shr(x, 2 * t - 4), bits));
        }
    }
}

/* Scales of a part, s[0] for its first 16 or all 32 inputs, s[1] for the second 16; m likewise.
 * Products of an f16 and a 6- or 8-bit integer are exact in f32. */
LANES void part_scales(int f, const uint8_t *head, const uint8_t *p, v16 s[2], v16 m[2]) {
    p += code_bytes(f);
    const uint16_t *h = (const uint16_t *)(const void *)p;
    if (!is_k(f)) {
        s[0] = v_from_half(h);
        if (has_min(f)) m[0] = v_from_half(h + 16);
        return;
    }
    const uint16_t *d = (const uint16_t *)(const void *)head;
    const v16 scale = v_from_half(d);
    if (f == MN_Q4_K || f == MN_Q5_K) {
        s[0] = v_mul(scale, v_from_u8(p));
        m[0] = v_mul(v_sub(v_set(0), v_from_half(d + 16)), v_from_u8(p + 16));
    } else if (f == MN_Q2_K) {
        const v16 less = v_sub(v_set(0), v_from_half(d + 16));
        for (int i = 0; i < 2; i++) { /* low nibble: scale, high nibble: min */
            const v16 both = v_from_u8(p + 16 * i), high = v_floor(v_mul(both, v_set(0.0625f)));
            s[i] = v_mul(scale, v_fma(high, v_set(-16.0f), both));
            m[i] = v_mul(less, high);
        }
    } else {
        s[0] = v_mul(scale, v_from_s8((const int8_t *)p));
        if (f != MN_IQ4_XS) s[1] = v_mul(scale, v_from_s8((const int8_t *)p + 16));
    }
}

#endif
