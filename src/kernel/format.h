/* SPDX-License-Identifier: Apache-2.0
 *
 * kernel/format.h - the number formats that GGUF files store weights in.
 *
 * One row per format: its GGML number, block length (elements) and bytes per block, and the scalar
 * decoder that is the truth for all packed layouts and ISAs. Layouts are those of ggml's
 * block_* structs, little endian; golden values in the tests come from PyPI gguf.
 */
#ifndef MN_KERNEL_FORMAT_H
#define MN_KERNEL_FORMAT_H
#include <stddef.h>
#include <stdint.h>

typedef enum mn_format_id { /* GGML type numbers, as stored in files */
                            MN_F32 = 0,
                            MN_F16 = 1,
                            MN_Q4_0 = 2,
                            MN_Q4_1 = 3,
                            MN_Q5_0 = 6,
                            MN_Q5_1 = 7,
                            MN_Q8_0 = 8,
                            MN_Q2_K = 10,
                            MN_Q3_K = 11,
                            MN_Q4_K = 12,
                            MN_Q5_K = 13,
                            MN_Q6_K = 14,
                            MN_IQ4_NL = 20,
                            MN_IQ4_XS = 23,
                            MN_BF16 = 30,
                            /* in no file, only packed: body_i13.h */
                            MN_I13 = 1000,
} mn_format_id;

typedef struct mn_format {
    mn_format_id id;
    const char *name; /* "Q4_K" */
    uint32_t block;   /* elements per block: 1, 32 or 256 */
    uint32_t bytes;   /* bytes per block */
    /* n elements (a multiple of block) from src to dst; w = exact f32 value of each weight */
    void (*decode)(const void *src, float *dst, size_t n);
} mn_format;

const mn_format *mn_format_find(uint32_t id); /* NULL: unknown */
/* What GGML calls type `id`, also one that mn_format_find lacks; "unknown" beyond its list. */
const char *mn_format_name(uint32_t id);
/* All rows, for conformance tests and `inspect`; *n of them. */
const mn_format *mn_format_all(size_t *n);

/* Bytes of one row of n elements; 0 when n is not a multiple of the block. */
uint64_t mn_format_row_bytes(const mn_format *f, uint64_t n);

#endif
