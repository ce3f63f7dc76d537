/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/limits_avx2.c - the same in AVX2 registers; an int8 step is maddubs, madd, add.
 */
#include "bench/limits.h"

#include <immintrin.h>

#define TEN(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9)
enum { CHAINS = 10 };
#define KEEP(x) __asm__ volatile("" : "+x"(x))

static double int8(long rounds) {
    const __m256i x = _mm256_set1_epi8(3), y = _mm256_set1_epi8(1), ones = _mm256_set1_epi16(1);
    __m256i s = _mm256_setzero_si256(), p;
#define BEGIN(i) __m256i a##i = _mm256_set1_epi32(i);
#define STEP(i)                                                \
    p = _mm256_maddubs_epi16(x, y);                            \
    KEEP(p);                                                   \
    a##i = _mm256_add_epi32(a##i, _mm256_madd_epi16(p, ones)); \
    KEEP(a##i);
#define END(i) s = _mm256_add_epi32(s, a##i);
    TEN(BEGIN)
    for (long r = 0; r < rounds; r++) {
        TEN(STEP)
    }
    TEN(END)
    return _mm256_extract_epi32(s, 0);
#undef BEGIN
#undef STEP
#undef END
}

static double f32(long rounds) {
    const __m256 x = _mm256_set1_ps(1.0f), y = _mm256_set1_ps(1e-9f);
    __m256 s = _mm256_setzero_ps();
#define BEGIN(i) __m256 a##i = _mm256_set1_ps(i);
#define STEP(i)                         \
    a##i = _mm256_fmadd_ps(a##i, x, y); \
    KEEP(a##i);
#define END(i) s = _mm256_add_ps(s, a##i);
    TEN(BEGIN)
    for (long r = 0; r < rounds; r++) {
        TEN(STEP)
    }
    TEN(END)
    return (double)_mm256_cvtss_f32(s);
}

static double read_lines(const void *memory, unsigned long bytes) {
    const char *p = memory, *q = p + bytes / 2;
    __m256i s = _mm256_setzero_si256(), t = s;
    for (unsigned long i = 0; i < bytes / 2; i += 64) {
        _mm_prefetch(p + i + 2048, _MM_HINT_T0);
        _mm_prefetch(q + i + 2048, _MM_HINT_T0);
        s = _mm256_xor_si256(s, _mm256_loadu_si256((const __m256i *)(p + i)));
        s = _mm256_xor_si256(s, _mm256_loadu_si256((const __m256i *)(p + i + 32)));
        t = _mm256_xor_si256(t, _mm256_loadu_si256((const __m256i *)(q + i)));
        t = _mm256_xor_si256(t, _mm256_loadu_si256((const __m256i *)(q + i + 32)));
    }
    return (double)_mm256_extract_epi32(_mm256_xor_si256(s, t), 0);
}

const mn_probe mn_probe_avx2 = {int8, f32, 0, read_lines, CHAINS * 64.0, CHAINS * 16.0, 0};
