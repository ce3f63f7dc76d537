/* SPDX-License-Identifier: Apache-2.0
 *
 * kernel/pack.c - GGUF blocks to the layout of pack.h.
 *
 * Two steps per part of 32 inputs: `codes` reads the unsigned codes of one output from its GGUF
 * block (block layouts: ggml's block_* structs), `spread` puts the codes of 16 outputs into
 * vectors. Scales are copied beside. Plain C: packing runs once per machine and model, at the speed
 * of the disk.
 *
 * Bytes of scales in a part of a K format, 16 outputs each (a 6-bit number is kept as a byte):
 *   Q4_K, Q5_K: scale u8 | min u8.  Q6_K, Q3_K: scale s8 of inputs 0-15 | of 16-31 (Q3_K: minus
 * 32). Q2_K: byte (scale | min << 4) of 0-15 | of 16-31, as in the file.  IQ4_XS: scale s8 (minus
 * 32).
 */
#include "kernel/pack.h"

#include "kernel/half.h"

#include <math.h>
#include <string.h>

enum { HALF = 2 }; /* bytes of an f16 */

static const mn_pack_layout layouts[] = {
    {MN_F32, 1, 0, 64},      {MN_F16, 1, 0, 32},      {MN_BF16, 1, 0, 32},
    {MN_Q4_0, 32, 0, 288},   {MN_Q4_1, 32, 0, 320},   {MN_Q5_0, 32, 0, 352},
    {MN_Q5_1, 32, 0, 384},   {MN_Q8_0, 32, 0, 544},   {MN_IQ4_NL, 32, 0, 288},
    {MN_Q2_K, 256, 64, 160}, {MN_Q3_K, 256, 32, 224}, {MN_Q4_K, 256, 64, 288},
    {MN_Q5_K, 256, 64, 352}, {MN_Q6_K, 256, 32, 416}, {MN_IQ4_XS, 256, 32, 272},
    {MN_I13, 32, 0, 1024},
};

const mn_pack_layout *mn_pack_find(uint32_t format) {
    for (size_t i = 0; i < sizeof layouts / sizeof layouts[0]; i++)
        if ((uint32_t)layouts[i].format == format) return layouts + i;
    return NULL;
}

size_t mn_pack_tile_bytes(const mn_pack_layout *p, int k) {
    if (k <= 0 || k % p->group) return 0;
    if (p->format == MN_I13) return (size_t)k * 32 + (size_t)(k / mn_i13_run(k)) * 64;
    const size_t parts = p->group == 1 ? 1 : (size_t)p->group / 32;
    return (size_t)(k / p->group) * ((size_t)p->head + parts * (size_t)p->part);
}

/* Codes of inputs 32 * part .. of the block b. */
static void low_nibbles(const uint8_t *q, uint8_t code[32]) {
    for (int i = 0; i < 16; i++) {
        code[i] = q[i] & 15;
        code[i + 16] = q[i] >> 4;
    }
}
static void fifth_bits(const uint8_t *high, uint8_t code[32]) {
    for (int i = 0; i < 32; i++) code[i] |= (uint8_t)((high[i / 8] >> (i % 8) & 1) << 4);
}
/* K formats keep 64 inputs in 32 bytes: low nibbles are the first 32, high ones the second. */
static void k_nibbles(const uint8_t *q, int part, uint8_t code[32]) {
    q += part / 2 * 32;
    for (int i = 0; i < 32; i++) code[i] = part % 2 ? q[i] >> 4 : q[i] & 15;
}
/* and 128 inputs in 32 bytes of 2-bit numbers */
static void k_pairs(const uint8_t *q, int part, uint8_t code[32]) {
    q += part / 4 * 32;
    for (int i = 0; i < 32; i++) code[i] = q[i] >> (part % 4 * 2) & 3;
}

static void codes(mn_format_id f, const uint8_t *b, int part, uint8_t code[32]) {
    switch (f) {
    case MN_Q4_0:
    case MN_IQ4_NL: low_nibbles(b + 2, code); break;
    case MN_Q4_1: low_nibbles(b + 4, code); break;
    case MN_Q5_0:
        low_nibbles(b + 6, code);
        fifth_bits(b + 2, code);
        break;
    case MN_Q5_1:
        low_nibbles(b + 8, code);
        fifth_bits(b + 4, code);
        break;
    case MN_Q8_0:
        for (int i = 0; i < 32; i++) code[i] = b[2 + i] ^ 0x80;
        break;
    case MN_Q2_K: k_pairs(b + 16, part, code); break;
    case MN_Q3_K:
        k_pairs(b + 32, part, code);
        for (int i = 0; i < 32; i++) code[i] |= (uint8_t)((b[i] >> part & 1) << 2);
        break;
    case MN_Q4_K: k_nibbles(b + 16, part, code); break;
    case MN_Q5_K:
        k_nibbles(b + 48, part, code);
        for (int i = 0; i < 32; i++) code[i] |= (uint8_t)((b[16 + i] >> part & 1) << 4);
        break;
    case MN_Q6_K: { /* 128 inputs: 64 low bytes, 32 high bytes; quarter r of them */
        const uint8_t *low = b + part / 4 * 64 + part % 2 * 32, *high = b + 128 + part / 4 * 32;
        const int r = part % 4;
        for (int i = 0; i < 32; i++)
            code[i] =
                (uint8_t)((r < 2 ? low[i] & 15 : low[i] >> 4) | (high[i] >> (2 * r) & 3) << 4);
        break;
    }
    case MN_IQ4_XS: low_nibbles(b + 8 + part * 16, code); break;
    default: break;
    }
}

/* Six-bit scale and min number `part` of Q4_K and Q5_K (12 bytes at s). */
static void k_scale(const uint8_t *s, int part, uint8_t *scale, uint8_t *min) {
    if (part < 4) {
        *scale = s[part] & 63;
        *min = s[part + 4] & 63;
    } else {
        *scale = (uint8_t)((s[part + 4] & 15) | (s[part - 4] >> 6) << 4);
        *min = (uint8_t)((s[part + 4] >> 4) | (s[part] >> 6) << 4);
    }
}
/* Six-bit scale number i (0-15) of Q3_K (12 bytes at s), less 32. */
static uint8_t q3_scale(const uint8_t *s, int i) {
    const int low = i < 8 ? s[i] & 15 : s[i - 8] >> 4, high = s[8 + i % 4] >> (i / 4 * 2) & 3;
    return (uint8_t)((low | high << 4) - 32);
}

/* What output c contributes to the head of a record (once per group) and to the scales of a part.
 */
static void head_of(mn_format_id f, const uint8_t *b, int c, uint8_t *head) {
    const int at = f == MN_Q2_K ? 80 : f == MN_Q3_K ? 108 : f == MN_Q6_K ? 208 : 0;
    memcpy(head + HALF * c, b + at, HALF);
    if (f == MN_Q2_K || f == MN_Q4_K || f == MN_Q5_K)
        memcpy(head + 32 + HALF * c, b + at + HALF, HALF);
}
static void scales_of(mn_format_id f, const uint8_t *b, int part, int c, uint8_t *s) {
    switch (f) {
    case MN_Q4_1:
    case MN_Q5_1: memcpy(s + 32 + HALF * c, b + HALF, HALF); /* fall through */
    case MN_Q4_0:
    case MN_Q5_0:
    case MN_Q8_0:
    case MN_IQ4_NL: memcpy(s + HALF * c, b, HALF); break;
    case MN_Q4_K:
    case MN_Q5_K: k_scale(b + 4, part, s + c, s + 16 + c); break;
    case MN_Q2_K:
        s[c] = b[2 * part];
        s[16 + c] = b[2 * part + 1];
        break;
    case MN_Q3_K:
        s[c] = q3_scale(b + 96, 2 * part);
        s[16 + c] = q3_scale(b + 96, 2 * part + 1);
        break;
    case MN_Q6_K:
        s[c] = b[192 + 2 * part];
        s[16 + c] = b[192 + 2 * part + 1];
        break;
    case MN_IQ4_XS: {
        const int high = (b[2] | b[3] << 8) >> (2 * part) & 3;
        s[c] = (uint8_t)((b[4 + part / 2] >> (part % 2 * 4) & 15) + high * 16 - 32);
        break;
    }
    default: break;
    }
}

/* Codes of 16 outputs into the vectors of a part; returns where the scales begin. */
static uint8_t *spread(mn_format_id f, uint8_t code[16][32], uint8_t *p) {
    if (f == MN_Q8_0) {
        for (int s = 0; s < 8; s++)
            for (int c = 0; c < 16; c++) memcpy(p + 64 * s + 4 * c, code[c] + 4 * s, 4);
        return p + 512;
    }
    const int two = f == MN_Q2_K || f == MN_Q3_K;
    for (int c = 0; c < 16; c++)
        for (int i = 0; i < 4; i++)
            if (two)
                for (int v = 0; v < 2; v++) {
                    const uint8_t *x = code[c] + 16 * v + i;
                    p[64 * v + 4 * c + i] = (uint8_t)((x[0] & 3) | (x[4] & 3) << 2 |
                                                      (x[8] & 3) << 4 | (x[12] & 3) << 6);
                }
            else
                for (int j = 0; j < 4; j++)
                    p[64 * j + 4 * c + i] =
                        (uint8_t)((code[c][8 * j + i] & 15) | code[c][8 * j + 4 + i] << 4);
    p += two ? 128 : 256;
    const int bit = f == MN_Q3_K ? 2 : f == MN_Q5_0 || f == MN_Q5_1 || f == MN_Q5_K ? 4 : 0;
    if (bit) {
        for (int c = 0; c < 16; c++)
            for (int i = 0; i < 4; i++) {
                unsigned x = 0;
                for (int s = 0; s < 8; s++) x |= (code[c][4 * s + i] >> bit & 1u) << s;
                p[4 * c + i] = (uint8_t)x;
            }
        p += 64;
    }
    if (f == MN_Q6_K) {
        for (int v = 0; v < 2; v++)
            for (int c = 0; c < 16; c++)
                for (int i = 0; i < 4; i++) {
                    const uint8_t *x = code[c] + 16 * v + i;
                    p[64 * v + 4 * c + i] =
                        (uint8_t)(x[0] >> 4 | x[4] >> 4 << 2 | x[8] >> 4 << 4 | x[12] >> 4 << 6);
                }
        p += 128;
    }
    return p;
}

static void plain_tile(const mn_pack_layout *p, const uint8_t *src, size_t row_bytes, int n, int k,
                       int t, uint8_t *out) {
    const size_t size = (size_t)p->part / 16;
    for (int c = 0; c < 16; c++)
        for (int i = 0; i < k; i++) {
            uint8_t *to = out + (size_t)i * (size_t)p->part + (size_t)c * size;
            if (16 * t + c < n)
                memcpy(to, src + (size_t)(16 * t + c) * row_bytes + (size_t)i * size, size);
            else
                memset(to, 0, size);
        }
}

void mn_pack_tile(const mn_pack_layout *p, const void *src, size_t row_bytes, int n, int k, int t,
                  uint8_t *out) {
    if (p->group == 1) {
        plain_tile(p, src, row_bytes, n, k, t, out);
        return;
    }
    const mn_format_id f = p->format;
    const size_t block = row_bytes / (size_t)(k / p->group);
    const int parts = p->group / 32;
    uint8_t code[16][32];
    for (int g = 0; g < k / p->group; g++) {
        uint8_t *head = out;
        memset(out, 0, (size_t)p->head + (size_t)parts * (size_t)p->part);
        out += p->head;
        for (int part = 0; part < parts; part++, out += p->part) {
            memset(code, 0, sizeof code);
            uint8_t *scales = NULL;
            for (int c = 0; c < 16 && 16 * t + c < n; c++)
                codes(f,
                      (const uint8_t *)src + (size_t)(16 * t + c) * row_bytes + (size_t)g * block,
                      part, code[c]);
            scales = spread(f, code, out);
            for (int c = 0; c < 16 && 16 * t + c < n; c++) {
                const uint8_t *b =
                    (const uint8_t *)src + (size_t)(16 * t + c) * row_bytes + (size_t)g * block;
                if (!part && p->head) head_of(f, b, c, head);
                scales_of(f, b, part, c, scales);
            }
        }
    }
}

void mn_pack_tile_halves(const void *src, int n, int k, int t, uint8_t *out) {
    for (int c = 0; c < 16; c++)
        for (int i = 0; i < k; i++) {
            float x = 0;
            const size_t at = (size_t)(16 * t + c) * (size_t)k + (size_t)i;
            if (16 * t + c < n) memcpy(&x, (const char *)src + at * sizeof x, sizeof x);
            const uint16_t half = mn_f16_from_f32(x);
            memcpy(out + ((size_t)i * 16 + (size_t)c) * HALF, &half, HALF);
        }
}

/* Codes of one run of an output, 16 int16 pairs apart, from x [run]; its scale. */
static float i13_codes(const float *x, int run, uint8_t *to) {
    enum { MOST = 4095 };
    float top = 0;
    for (int i = 0; i < run; i++) top = fabsf(x[i]) > top ? fabsf(x[i]) : top;
    const double inverse = top < 1e-30f ? 0 : MOST / (double)top;
    for (int i = 0; i < run; i++) {
        const double code = rint((double)x[i] * inverse);
        const int16_t word = (int16_t)(fabs(code) <= MOST ? code : 0); /* NaN is nothing */
        memcpy(to + (size_t)(i / 2) * 64 + (size_t)(i % 2) * sizeof word, &word, sizeof word);
    }
    return top < 1e-30f ? 0 : top / MOST;
}

void mn_pack_tile_i13(const void *src, int n, int k, int t, uint8_t *out) {
    const int run = mn_i13_run(k), runs = k / run;
    float x[128];
    memset(out, 0, mn_pack_tile_bytes(mn_pack_find(MN_I13), k));
    for (int c = 0; c < 16 && 16 * t + c < n; c++)
        for (int b = 0; b < runs; b++) {
            const size_t at = (size_t)(16 * t + c) * (size_t)k + (size_t)(b * run);
            memcpy(x, (const char *)src + at * sizeof *x, (size_t)run * sizeof *x);
            const float scale =
                i13_codes(x, run, out + (size_t)runs * 64 + (size_t)(b * run) * 32 + 4 * c);
            memcpy(out + ((size_t)b * 16 + (size_t)c) * sizeof scale, &scale, sizeof scale);
        }
}
