/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/limits_avx512.c - 12 chains of VNNI, BF16 and f32 multiply-adds in AVX-512 registers. The
 * accumulators are named one by one, for an array would live in memory; the empty asm keeps the
 * compiler from folding the loop.
 */
#include "bench/limits.h"

#include <immintrin.h>

#define TWELVE(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11)
enum { CHAINS = 12 };
#define KEEP(x) __asm__ volatile("" : "+v"(x))

static double int8(long rounds) {
    const __m512i x = _mm512_set1_epi8(3), y = _mm512_set1_epi8(1);
    __m512i s = _mm512_setzero_si512();
#define BEGIN(i) __m512i a##i = _mm512_set1_epi32(i);
#define STEP(i)                             \
    a##i = _mm512_dpbusd_epi32(a##i, x, y); \
    KEEP(a##i);
#define END(i) s = _mm512_add_epi32(s, a##i);
    TWELVE(BEGIN)
    for (long r = 0; r < rounds; r++) {
        TWELVE(STEP)
    }
    TWELVE(END)
    return _mm_cvtsi128_si32(_mm512_castsi512_si128(s)); /* one lane: a sum may overflow */
#undef BEGIN
#undef STEP
#undef END
}

#define FLOATS(name, x_value, step)             \
    static double name(long rounds) {           \
        x_value;                                \
        __m512 s = _mm512_setzero_ps();         \
        TWELVE(BEGIN)                           \
        for (long r = 0; r < rounds; r++) {     \
            TWELVE(step)                        \
        }                                       \
        TWELVE(END)                             \
        return (double)_mm512_reduce_add_ps(s); \
    }
#define BEGIN(i) __m512 a##i = _mm512_set1_ps(i);
#define FMA(i)                          \
    a##i = _mm512_fmadd_ps(a##i, x, y); \
    KEEP(a##i);
#define BF16(i)                          \
    a##i = _mm512_dpbf16_ps(a##i, x, y); \
    KEEP(a##i);
#define END(i) s = _mm512_add_ps(s, a##i);
FLOATS(f32, const __m512 x = _mm512_set1_ps(1.0f); const __m512 y = _mm512_set1_ps(1e-9f), FMA)
FLOATS(bf16, const __m512bh x = (__m512bh)_mm512_set1_epi16(0x3F80);
       const __m512bh y = (__m512bh)_mm512_set1_epi16(0x3080), BF16)

/* Two streams of whole cache lines, each asked for half a page ahead. */
static double read_lines(const void *memory, unsigned long bytes) {
    const char *p = memory, *q = p + bytes / 2;
    __m512i s = _mm512_setzero_si512(), t = s;
    for (unsigned long i = 0; i < bytes / 2; i += 64) {
        _mm_prefetch(p + i + 2048, _MM_HINT_T0);
        _mm_prefetch(q + i + 2048, _MM_HINT_T0);
        s = _mm512_xor_si512(s, _mm512_loadu_si512(p + i));
        t = _mm512_xor_si512(t, _mm512_loadu_si512(q + i));
    }
    return (double)_mm512_reduce_add_epi64(_mm512_xor_si512(s, t));
}

const mn_probe mn_probe_avx512 = {int8,           f32,           bf16,         read_lines,
                                  CHAINS * 128.0, CHAINS * 32.0, CHAINS * 64.0};
