/* SPDX-License-Identifier: Apache-2.0
 *
 * kernel/format.c - the table of number formats, and the three that have no blocks.
 */
#include "kernel/format.h"

#include "kernel/format_decode.h"
#include "kernel/half.h"

#include <string.h>

static void decode_f32(const void *src, float *dst, size_t n) {
    memcpy(dst, src, n * sizeof *dst);
}

static void decode_f16(const void *src, float *dst, size_t n) {
    const uint8_t *p = src;
    for (size_t i = 0; i < n; i++) dst[i] = mn_f16_load(p + 2 * i);
}

static void decode_bf16(const void *src, float *dst, size_t n) {
    const uint8_t *p = src;
    for (size_t i = 0; i < n; i++)
        dst[i] = mn_bf16_to_f32((uint16_t)(p[2 * i] | p[2 * i + 1] << 8));
}

static const mn_format formats[] = {
    {MN_F32, "F32", 1, 4, decode_f32},
    {MN_F16, "F16", 1, 2, decode_f16},
    {MN_BF16, "BF16", 1, 2, decode_bf16},
    {MN_Q4_0, "Q4_0", 32, 18, mn_format_decode_q4_0},
    {MN_Q4_1, "Q4_1", 32, 20, mn_format_decode_q4_1},
    {MN_Q5_0, "Q5_0", 32, 22, mn_format_decode_q5_0},
    {MN_Q5_1, "Q5_1", 32, 24, mn_format_decode_q5_1},
    {MN_Q8_0, "Q8_0", 32, 34, mn_format_decode_q8_0},
    {MN_Q2_K, "Q2_K", 256, 84, mn_format_decode_q2_k},
    {MN_Q3_K, "Q3_K", 256, 110, mn_format_decode_q3_k},
    {MN_Q4_K, "Q4_K", 256, 144, mn_format_decode_q4_k},
    {MN_Q5_K, "Q5_K", 256, 176, mn_format_decode_q5_k},
    {MN_Q6_K, "Q6_K", 256, 210, mn_format_decode_q6_k},
    {MN_IQ4_NL, "IQ4_NL", 32, 18, mn_format_decode_iq4_nl},
    {MN_IQ4_XS, "IQ4_XS", 256, 136, mn_format_decode_iq4_xs},
};

const mn_format *mn_format_all(size_t *n) {
    *n = sizeof formats / sizeof *formats;
    return formats;
}

const mn_format *mn_format_find(uint32_t id) {
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        if (formats[i].id == id) return &formats[i];
    return NULL;
}

uint64_t mn_format_row_bytes(const mn_format *f, uint64_t n) {
    uint64_t bytes;
    if (n % f->block || __builtin_mul_overflow(n / f->block, (uint64_t)f->bytes, &bytes)) return 0;
    return bytes;
}

const char *mn_format_name(uint32_t id) {
    static const char *const other[] = {
        [4] = "Q4_2",    [5] = "Q4_3",      [9] = "Q8_1",      [15] = "Q8_K",     [16] = "IQ2_XXS",
        [17] = "IQ2_XS", [18] = "IQ3_XXS",  [19] = "IQ1_S",    [21] = "IQ3_S",    [22] = "IQ2_S",
        [24] = "I8",     [25] = "I16",      [26] = "I32",      [27] = "I64",      [28] = "F64",
        [29] = "IQ1_M",  [31] = "Q4_0_4_4", [32] = "Q4_0_4_8", [33] = "Q4_0_8_8", [34] = "TQ1_0",
        [35] = "TQ2_0",  [39] = "MXFP4",
    };
    const mn_format *f = mn_format_find(id);
    if (f) return f->name;
    return id < sizeof other / sizeof *other && other[id] ? other[id] : "unknown";
}
