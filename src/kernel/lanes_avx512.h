/* SPDX-License-Identifier: Apache-2.0
 *
 * kernel/lanes_avx512.h - the 16 virtual lanes as one AVX-512 register, integer dot products by
 * VNNI. Meaning: lanes_scalar.h.
 */
#ifndef MN_KERNEL_LANES_H
#define MN_KERNEL_LANES_H
#include <immintrin.h>
#include <stdint.h>
#include <string.h>

#define LANES         static inline __attribute__((always_inline, unused))
#define MN_FUSED      16 /* most rows that are multiplied while weights are decoded */
#define MN_PANELS     0
#define MN_PLAIN_ROWS 6 /* register tile of plain numbers: rows */
#define MN_PLAIN_VECS 4 /* and tiles */
#define MN_KEY_ROWS   6 /* query rows in one register tile of scores */
#define MN_KEY_GROUPS 4 /* and groups of 16 keys */
#define MN_VALUE_ROWS 6 /* rows in one register tile of weighted sums */
#define MN_VALUE_VECS 4 /* and vectors of elements */
#define MN_DOT_ROWS   4 /* rows of bytes that are multiplied at a time */
#define MN_I13_VECS   4 /* tiles of a register tile of 13-bit codes */
#ifdef MN_I13_CROSSED
#define MN_I13_ROWS 4 /* and rows: what is added takes registers, too */
#else
#define MN_I13_ROWS 6 /* and rows */
#endif
#define MN_DOT_BIAS 128

typedef __m512 v16;
/* Wrapped, so that 16 numbers and 64 bytes cannot be mixed up. */
typedef struct {
    __m512i i;
} i16;
typedef struct {
    __m512i b;
} b64;

LANES v16 v_load(const float *p) {
    return _mm512_loadu_ps(p);
}
LANES void v_store(float *p, v16 x) {
    _mm512_storeu_ps(p, x);
}
LANES v16 v_set(float s) {
    return _mm512_set1_ps(s);
}
LANES v16 v_add(v16 x, v16 y) {
    return _mm512_add_ps(x, y);
}
LANES v16 v_sub(v16 x, v16 y) {
    return _mm512_sub_ps(x, y);
}
LANES v16 v_mul(v16 x, v16 y) {
    return _mm512_mul_ps(x, y);
}
LANES v16 v_div(v16 x, v16 y) {
    return _mm512_div_ps(x, y);
}
LANES v16 v_fma(v16 x, v16 y, v16 z) {
    return _mm512_fmadd_ps(x, y, z);
}
LANES v16 v_max(v16 x, v16 y) {
    return _mm512_max_ps(x, y);
}
LANES v16 v_min(v16 x, v16 y) {
    return _mm512_min_ps(x, y);
}
LANES v16 v_abs(v16 x) {
    return _mm512_abs_ps(x);
}
LANES float v_sum(v16 x) {
    const __m256 h = _mm256_add_ps(_mm512_castps512_ps256(x), _mm512_extractf32x8_ps(x, 1));
    __m128 q = _mm_add_ps(_mm256_castps256_ps128(h), _mm256_extractf128_ps(h, 1));
    q = _mm_add_ps(q, _mm_movehl_ps(q, q));
    return _mm_cvtss_f32(_mm_add_ss(q, _mm_movehdup_ps(q)));
}
LANES float v_top(v16 x) {
    const __m256 h = _mm256_max_ps(_mm512_castps512_ps256(x), _mm512_extractf32x8_ps(x, 1));
    __m128 q = _mm_max_ps(_mm256_castps256_ps128(h), _mm256_extractf128_ps(h, 1));
    q = _mm_max_ps(q, _mm_movehl_ps(q, q));
    return _mm_cvtss_f32(_mm_max_ss(q, _mm_movehdup_ps(q)));
}
LANES v16 v_range(v16 x, v16 y, int from, int to) {
    const uint32_t upto = to >= 16 ? 0xFFFFu : to <= 0 ? 0 : (1u << to) - 1;
    const uint32_t under = from >= 16 ? 0xFFFFu : from <= 0 ? 0 : (1u << from) - 1;
    return _mm512_mask_mov_ps(y, (__mmask16)(upto & ~under), x);
}
LANES v16 v_from_half(const uint16_t *p) {
    return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)p));
}
LANES void v_to_half(uint16_t *p, v16 x) {
    _mm256_storeu_si256((__m256i *)p, _mm512_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT));
}
LANES v16 v_from_bf16(const uint16_t *p) {
    const __m512i w = _mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)p));
    return _mm512_castsi512_ps(_mm512_slli_epi32(w, 16));
}
LANES v16 v_from_s8(const int8_t *p) {
    return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i *)p)));
}
LANES v16 v_from_u8(const uint8_t *p) {
    return _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)p)));
}
LANES i16 v_round(v16 x) {
    return (i16){_mm512_cvtps_epi32(x)};
}
LANES v16 v_floor(v16 x) {
    return _mm512_roundscale_ps(x, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC);
}
LANES v16 v_scale2(v16 x, v16 n) {
    return _mm512_scalef_ps(x, n);
}

LANES i16 i_set(int32_t s) {
    return (i16){_mm512_set1_epi32(s)};
}
LANES i16 i_load(const int32_t *p) {
    return (i16){_mm512_loadu_si512(p)};
}
LANES i16 i_shl(i16 x, int n) {
    return (i16){_mm512_sll_epi32(x.i, _mm_cvtsi32_si128(n))};
}
LANES v16 i_float(i16 x) {
    return _mm512_cvtepi32_ps(x.i);
}
LANES int32_t i_sum(i16 x) {
    return _mm512_reduce_add_epi32(x.i);
}
LANES void i_store_s8(int8_t *p, i16 x) {
    _mm_storeu_si128((__m128i *)p, _mm512_cvtepi32_epi8(x.i));
}

LANES void i_store_s16(int16_t *p, i16 x) {
    _mm256_storeu_si256((__m256i *)p, _mm512_cvtepi32_epi16(x.i));
}

LANES b64 b_load(const uint8_t *p) {
    return (b64){_mm512_loadu_si512(p)};
}
LANES b64 b_load_half(const uint8_t *p) {
    return (b64){_mm512_zextsi256_si512(_mm256_loadu_si256((const __m256i *)p))};
}
LANES void b_store(uint8_t *p, b64 x) {
    _mm512_storeu_si512(p, x.b);
}
LANES b64 b_set(uint8_t s) {
    return (b64){_mm512_set1_epi8((char)s)};
}
LANES b64 b_and(b64 x, b64 y) {
    return (b64){_mm512_and_si512(x.b, y.b)};
}
LANES b64 b_or(b64 x, b64 y) {
    return (b64){_mm512_or_si512(x.b, y.b)};
}
LANES b64 b_sub(b64 x, b64 y) {
    return (b64){_mm512_sub_epi8(x.b, y.b)};
}
LANES b64 b_shr(b64 x, int n) {
    return (b64){_mm512_srli_epi16(x.b, (unsigned)n)};
}
LANES b64 b_shl(b64 x, int n) {
    return (b64){_mm512_slli_epi16(x.b, (unsigned)n)};
}
LANES b64 b_lookup(const uint8_t table[16], b64 x) {
    const __m512i t = _mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *)table));
    return (b64){_mm512_shuffle_epi8(t, x.b)};
}

LANES i16 dot4(i16 x, b64 w, const int8_t *a) {
    int32_t v;
    memcpy(&v, a, 4);
    return (i16){_mm512_dpbusd_epi32(x.i, w.b, _mm512_set1_epi32(v))};
}
LANES i16 dot4_wide(i16 x, b64 w, const int8_t *a) {
    return dot4(x, w, a);
}
/* codes stand for code - 128: take 128 times the sum of the activations off beforehand */
LANES i16 wide_start(int32_t less) {
    return i_shl(i_set(less), 7);
}
/* By hand: GCC 12 copies the sum twice around its own builtin, which takes half the speed. */
LANES i16 dot2_words(i16 x, b64 w, const int16_t *a) {
    int32_t v;
    memcpy(&v, a, 4);
    __asm__("vpdpwssd %2, %1, %0" : "+v"(x.i) : "v"(w.b), "v"(_mm512_set1_epi32(v)));
    return x;
}
#ifdef MN_I13_CROSSED
LANES i16 i_sub(i16 x, i16 y) {
    return (i16){_mm512_sub_epi32(x.i, y.i)};
}
LANES i16 dot2_tiles(i16 x, b64 c, b64 d) {
    return (i16){_mm512_dpwssd_epi32(x.i, c.b, d.b)};
}
/* Four inputs of 16 outputs, two each in c and d, and the same four of a row: body_i13.h. */
LANES i16 dot4_crossed(i16 x, b64 c, b64 d, const int16_t *a) {
    int32_t low, high;
    memcpy(&low, a, 4);
    memcpy(&high, a + 2, 4);
    __asm__("vpdpwssd %2, %1, %0"
            : "+v"(x.i)
            : "v"(_mm512_add_epi16(d.b, _mm512_set1_epi32(low))),
              "v"(_mm512_add_epi16(c.b, _mm512_set1_epi32(high))));
    return x;
}
/* The sum of q0 q2 + q1 q3 over each four of n codes, a multiple of 32; every product comes twice,
 * and twice their sum is within 128 * 4095^2, too. */
LANES int32_t crossed_row(const int16_t *q, int n) {
    __m512i sum = _mm512_setzero_si512();
    for (int i = 0; i < n; i += 32) {
        const __m512i x = _mm512_loadu_si512(q + i);
        sum = _mm512_dpwssd_epi32(sum, x, _mm512_shuffle_epi32(x, _MM_PERM_CDAB));
    }
    return _mm512_reduce_add_epi32(sum) / 2;
}
#endif
/* a + 128 is unsigned */
LANES i16 dot4_both(i16 acc, b64 a, b64 b) {
    return (i16){_mm512_dpbusd_epi32(acc.i, _mm512_xor_si512(a.b, b_set(128).b), b.b)};
}

/* BF16 by its own instructions where the file is compiled for them, else by shifts. */
LANES __m512 not_tiny(__m512 x) {
    return _mm512_maskz_mov_ps(
        _mm512_cmp_ps_mask(_mm512_abs_ps(x), _mm512_set1_ps(0x1p-60f), _CMP_GE_OQ), x);
}
LANES __m512i two(const uint16_t a[2]) {
    int32_t v;
    memcpy(&v, a, 4);
    return _mm512_set1_epi32(v);
}
#ifdef __AVX512BF16__
LANES void v_to_bf16(uint16_t *p, v16 x) {
    _mm256_storeu_si256((__m256i *)p, (__m256i)_mm512_cvtneps_pbh(not_tiny(x)));
}
LANES b64 b_pairs(v16 low, v16 high) {
    const __m512i apart = _mm512_add_epi32(
        _mm512_set1_epi32(0x100000),
        _mm512_mullo_epi32(_mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15),
                           _mm512_set1_epi32(0x10001)));
    return (b64){_mm512_permutexvar_epi16(apart, (__m512i)_mm512_cvtne2ps_pbh(high, low))};
}
LANES v16 dot2(v16 acc, b64 w, const uint16_t a[2]) {
    return _mm512_dpbf16_ps(acc, (__m512bh)w.b, (__m512bh)two(a));
}
#else
/* BF16 in the upper half of each number; what the lower half holds is to be cut off. */
LANES __m512i rounded(__m512 x) {
    const __m512i u = _mm512_castps_si512(x);
    const __m512i odd = _mm512_and_si512(_mm512_srli_epi32(u, 16), _mm512_set1_epi32(1));
    return _mm512_add_epi32(_mm512_add_epi32(u, _mm512_set1_epi32(0x7FFF)), odd);
}
LANES __m512i upper(__m512i x) {
    return _mm512_and_si512(x, _mm512_set1_epi32((int)0xFFFF0000));
}
LANES void v_to_bf16(uint16_t *p, v16 x) {
    const __m512i w = _mm512_srli_epi32(rounded(not_tiny(x)), 16);
    _mm256_storeu_si256((__m256i *)p, _mm512_cvtepi32_epi16(w));
}
LANES b64 b_pairs(v16 low, v16 high) {
    return (b64){_mm512_or_si512(_mm512_srli_epi32(rounded(low), 16), upper(rounded(high)))};
}
LANES v16 dot2(v16 acc, b64 w, const uint16_t a[2]) {
#define HIGH(x) _mm512_castsi512_ps(upper(x))
#define LOW(x)  _mm512_castsi512_ps(_mm512_slli_epi32(x, 16))
    const __m512i v = two(a);
    return _mm512_fmadd_ps(LOW(w.b), LOW(v), _mm512_fmadd_ps(HIGH(w.b), HIGH(v), acc));
#undef HIGH
#undef LOW
}
#endif
#endif
