/* SPDX-License-Identifier: Apache-2.0
 *
 * kernel/body_unpack.h - one tile of packed weights to bytes and f32 scales in scratch.
 *
 * Scratch of one tile: codes [k/4][64] | scales [k/run][16] f32 | mins [k/run][16] f32.
 */
#ifndef MN_KERNEL_BODY_UNPACK_H
#define MN_KERNEL_BODY_UNPACK_H
#include "kernel/body_codes.h"

LANES size_t panel_bytes(int k) {
    return (size_t)k * 16 + (size_t)k / 16 * 128;
}

/* Apply M(format) for the constant equal to f. */
#define EACH_CODED_FORMAT(f, M)          \
    switch (f) {                         \
    case MN_Q4_0: M(MN_Q4_0); break;     \
    case MN_Q4_1: M(MN_Q4_1); break;     \
    case MN_Q5_0: M(MN_Q5_0); break;     \
    case MN_Q5_1: M(MN_Q5_1); break;     \
    case MN_Q8_0: M(MN_Q8_0); break;     \
    case MN_Q2_K: M(MN_Q2_K); break;     \
    case MN_Q3_K: M(MN_Q3_K); break;     \
    case MN_Q4_K: M(MN_Q4_K); break;     \
    case MN_Q5_K: M(MN_Q5_K); break;     \
    case MN_Q6_K: M(MN_Q6_K); break;     \
    case MN_IQ4_NL: M(MN_IQ4_NL); break; \
    case MN_IQ4_XS: M(MN_IQ4_XS); break; \
    default: break;                      \
    }

/* Decode k inputs of one tile, from input k0 on (whole records), into scratch. zero: subtracted
 * from each code (AMX takes signed codes). */
LANES void unpack(const int f, const mn_packed *w, int tile, int k0, int k, uint8_t *scratch,
                  uint8_t zero) {
    const int run = run_of(f), group = is_k(f) ? 8 : 1;
    const uint8_t *p =
        w->data + (size_t)tile * w->tile_bytes +
        (size_t)(k0 / (32 * group)) * (size_t)(head_bytes(f) + group * part_bytes(f));
    float *scale = (float *)(void *)(scratch + (size_t)k * 16), *min = scale + k / run * 16;
    for (int b = 0; b < k / 32;) {
        const uint8_t *head = p;
        p += head_bytes(f);
        for (int g = 0; g < group; g++, b++, p += part_bytes(f)) {
            b64 c[8];
            v16 s[2], m[2];
            part_codes(f, p, c);
            part_scales(f, head, p, s, m);
            for (int i = 0; i < 8; i++)
                b_store(scratch + (size_t)b * 512 + 64 * i, zero ? b_sub(c[i], b_set(zero)) : c[i]);
            for (int h = 0; h < 32 / run; h++, scale += 16, min += 16) {
                v_store(scale, s[h]);
                if (has_min(f)) v_store(min, m[h]);
            }
        }
    }
}

#endif
