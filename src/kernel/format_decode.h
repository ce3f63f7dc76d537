/* SPDX-License-Identifier: Apache-2.0
 *
 * kernel/format_decode.h - the decoders that the table in format.c collects, by family.
 *
 * All share one shape: n elements (a multiple of the format's block) from src, which may stand
 * at any address, to dst. Every weight is the real value the format means, rounded to f32 at
 * most once (products of a half scale and small integers are exact), so the order of the
 * products matters only for infinities, NaN and the sign of zero; it is d * scale * q.
 */
#ifndef MN_KERNEL_FORMAT_DECODE_H
#define MN_KERNEL_FORMAT_DECODE_H
#include <stddef.h>

/* format_legacy.c: 32 weights a block, one scale */
void mn_format_decode_q4_0(const void *src, float *dst, size_t n);
void mn_format_decode_q4_1(const void *src, float *dst, size_t n);
void mn_format_decode_q5_0(const void *src, float *dst, size_t n);
void mn_format_decode_q5_1(const void *src, float *dst, size_t n);
void mn_format_decode_q8_0(const void *src, float *dst, size_t n);

/* format_k.c: 256 weights a block, quantised scales for each 16 or 32 */
void mn_format_decode_q2_k(const void *src, float *dst, size_t n);
void mn_format_decode_q3_k(const void *src, float *dst, size_t n);
void mn_format_decode_q4_k(const void *src, float *dst, size_t n);
void mn_format_decode_q5_k(const void *src, float *dst, size_t n);
void mn_format_decode_q6_k(const void *src, float *dst, size_t n);

/* format_iq.c: 4-bit codes into a table of 16 uneven values */
void mn_format_decode_iq4_nl(const void *src, float *dst, size_t n);
void mn_format_decode_iq4_xs(const void *src, float *dst, size_t n);

#endif
