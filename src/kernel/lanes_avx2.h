/* SPDX-License-Identifier: Apache-2.0
 *
 * kernel/lanes_avx2.h - the 16 virtual lanes as two AVX2 registers. Meaning: lanes_scalar.h.
 */
#ifndef MN_KERNEL_LANES_H
#define MN_KERNEL_LANES_H
#include <immintrin.h>
#include <stdint.h>
#include <string.h>

#define LANES         static inline __attribute__((always_inline, unused))
#define MN_FUSED      4   /* most rows that are multiplied while weights are decoded */
#define MN_PANELS     1   /* more rows: decoded weights are kept for them */
#define MN_ROWS       2   /* rows of their register tile */
#define MN_PLAIN_ROWS 6   /* register tile of plain numbers: rows */
#define MN_PLAIN_VECS 1   /* and tiles */
#define MN_SLICE      768 /* inputs of them that are decoded at a time */
#define MN_KEY_ROWS   4   /* query rows in one register tile of scores */
#define MN_KEY_GROUPS 1   /* and groups of 16 keys */
#define MN_VALUE_ROWS 2   /* rows in one register tile of weighted sums */
#define MN_VALUE_VECS 2   /* and vectors of elements */
#define MN_DOT_ROWS   4   /* rows of bytes that are multiplied at a time */
#define MN_I13_ROWS   4   /* rows of a register tile of 13-bit codes */
#define MN_I13_VECS   1   /* and tiles */
#define MN_DOT_BIAS   0

typedef struct {
    __m256 a, b;
} v16;
typedef struct {
    __m256i a, b;
} i16;
typedef struct {
    __m256i a, b;
} b64;

#define BOTH(type, fn, ...) ((type){fn(x.a, __VA_ARGS__.a), fn(x.b, __VA_ARGS__.b)})

LANES v16 v_load(const float *p) {
    return (v16){_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)};
}
LANES void v_store(float *p, v16 x) {
    _mm256_storeu_ps(p, x.a);
    _mm256_storeu_ps(p + 8, x.b);
}
LANES v16 v_set(float s) {
    return (v16){_mm256_set1_ps(s), _mm256_set1_ps(s)};
}
LANES v16 v_add(v16 x, v16 y) {
    return BOTH(v16, _mm256_add_ps, y);
}
LANES v16 v_sub(v16 x, v16 y) {
    return BOTH(v16, _mm256_sub_ps, y);
}
LANES v16 v_mul(v16 x, v16 y) {
    return BOTH(v16, _mm256_mul_ps, y);
}
LANES v16 v_div(v16 x, v16 y) {
    return BOTH(v16, _mm256_div_ps, y);
}
LANES v16 v_fma(v16 x, v16 y, v16 z) {
    return (v16){_mm256_fmadd_ps(x.a, y.a, z.a), _mm256_fmadd_ps(x.b, y.b, z.b)};
}
LANES v16 v_max(v16 x, v16 y) {
    return BOTH(v16, _mm256_max_ps, y);
}
LANES v16 v_min(v16 x, v16 y) {
    return BOTH(v16, _mm256_min_ps, y);
}
LANES v16 v_abs(v16 x) {
    const v16 y = v_set(-0.0f);
    return (v16){_mm256_andnot_ps(y.a, x.a), _mm256_andnot_ps(y.b, x.b)};
}
LANES float v_sum(v16 x) {
    const __m256 h = _mm256_add_ps(x.a, x.b);
    __m128 q = _mm_add_ps(_mm256_castps256_ps128(h), _mm256_extractf128_ps(h, 1));
    q = _mm_add_ps(q, _mm_movehl_ps(q, q));
    return _mm_cvtss_f32(_mm_add_ss(q, _mm_movehdup_ps(q)));
}
LANES float v_top(v16 x) {
    const __m256 h = _mm256_max_ps(x.a, x.b);
    __m128 q = _mm_max_ps(_mm256_castps256_ps128(h), _mm256_extractf128_ps(h, 1));
    q = _mm_max_ps(q, _mm_movehl_ps(q, q));
    return _mm_cvtss_f32(_mm_max_ss(q, _mm_movehdup_ps(q)));
}
LANES v16 v_range(v16 x, v16 y, int from, int to) {
    const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    const __m256i below = _mm256_set1_epi32(from - 1), limit = _mm256_set1_epi32(to);
    const __m256i high = _mm256_add_epi32(lane, _mm256_set1_epi32(8));
#define IN(n)            \
    _mm256_castsi256_ps( \
        _mm256_and_si256(_mm256_cmpgt_epi32(n, below), _mm256_cmpgt_epi32(limit, n)))
    return (v16){_mm256_blendv_ps(y.a, x.a, IN(lane)), _mm256_blendv_ps(y.b, x.b, IN(high))};
#undef IN
}
LANES v16 v_from_half(const uint16_t *p) {
    return (v16){_mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)p)),
                 _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(p + 8)))};
}
LANES void v_to_half(uint16_t *p, v16 x) {
    _mm_storeu_si128((__m128i *)p, _mm256_cvtps_ph(x.a, _MM_FROUND_TO_NEAREST_INT));
    _mm_storeu_si128((__m128i *)(p + 8), _mm256_cvtps_ph(x.b, _MM_FROUND_TO_NEAREST_INT));
}
LANES v16 v_from_bf16(const uint16_t *p) {
#define UP(q)            \
    _mm256_castsi256_ps( \
        _mm256_slli_epi32(_mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)(q))), 16))
    return (v16){UP(p), UP(p + 8)};
#undef UP
}
LANES v16 v_from_s8(const int8_t *p) {
    return (v16){
        _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *)p))),
        _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *)(p + 8))))};
}
LANES v16 v_from_u8(const uint8_t *p) {
    return (v16){
        _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)p))),
        _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)(p + 8))))};
}
LANES i16 v_round(v16 x) {
    return (i16){_mm256_cvtps_epi32(x.a), _mm256_cvtps_epi32(x.b)};
}
LANES v16 v_floor(v16 x) {
    return (v16){_mm256_floor_ps(x.a), _mm256_floor_ps(x.b)};
}
LANES v16 v_scale2(v16 x, v16 n) {
    const __m256i bias = _mm256_set1_epi32(127);
#define POW(m) \
    _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(_mm256_cvttps_epi32(m), bias), 23))
    return (v16){_mm256_mul_ps(x.a, POW(n.a)), _mm256_mul_ps(x.b, POW(n.b))};
#undef POW
}

LANES i16 i_set(int32_t s) {
    return (i16){_mm256_set1_epi32(s), _mm256_set1_epi32(s)};
}
LANES i16 i_load(const int32_t *p) {
    return (i16){_mm256_loadu_si256((const __m256i *)p),
                 _mm256_loadu_si256((const __m256i *)(p + 8))};
}
LANES i16 i_shl(i16 x, int n) {
    const __m128i c = _mm_cvtsi32_si128(n);
    return (i16){_mm256_sll_epi32(x.a, c), _mm256_sll_epi32(x.b, c)};
}
LANES v16 i_float(i16 x) {
    return (v16){_mm256_cvtepi32_ps(x.a), _mm256_cvtepi32_ps(x.b)};
}
LANES int32_t i_sum(i16 x) {
    const __m256i h = _mm256_add_epi32(x.a, x.b);
    __m128i q = _mm_add_epi32(_mm256_castsi256_si128(h), _mm256_extracti128_si256(h, 1));
    q = _mm_add_epi32(q, _mm_shuffle_epi32(q, 0x4E));
    return _mm_cvtsi128_si32(_mm_add_epi32(q, _mm_shuffle_epi32(q, 0xB1)));
}
LANES void i_store_s8(int8_t *p, i16 x) {
    const __m256i w = _mm256_permute4x64_epi64(_mm256_packs_epi32(x.a, x.b), 0xD8);
    _mm_storeu_si128((__m128i *)p,
                     _mm_packs_epi16(_mm256_castsi256_si128(w), _mm256_extracti128_si256(w, 1)));
}

LANES void i_store_s16(int16_t *p, i16 x) {
    _mm256_storeu_si256((__m256i *)p, _mm256_permute4x64_epi64(_mm256_packs_epi32(x.a, x.b), 0xD8));
}

LANES b64 b_load(const uint8_t *p) {
    return (b64){_mm256_loadu_si256((const __m256i *)p),
                 _mm256_loadu_si256((const __m256i *)(p + 32))};
}
LANES b64 b_load_half(const uint8_t *p) {
    return (b64){_mm256_loadu_si256((const __m256i *)p), _mm256_setzero_si256()};
}
LANES void b_store(uint8_t *p, b64 x) {
    _mm256_storeu_si256((__m256i *)p, x.a);
    _mm256_storeu_si256((__m256i *)(p + 32), x.b);
}
LANES b64 b_set(uint8_t s) {
    return (b64){_mm256_set1_epi8((char)s), _mm256_set1_epi8((char)s)};
}
LANES b64 b_and(b64 x, b64 y) {
    return BOTH(b64, _mm256_and_si256, y);
}
LANES b64 b_or(b64 x, b64 y) {
    return BOTH(b64, _mm256_or_si256, y);
}
LANES b64 b_sub(b64 x, b64 y) {
    return BOTH(b64, _mm256_sub_epi8, y);
}
LANES b64 b_shr(b64 x, int n) {
    return (b64){_mm256_srli_epi16(x.a, n), _mm256_srli_epi16(x.b, n)};
}
LANES b64 b_shl(b64 x, int n) {
    return (b64){_mm256_slli_epi16(x.a, n), _mm256_slli_epi16(x.b, n)};
}
LANES b64 b_lookup(const uint8_t table[16], b64 x) {
    const __m256i t = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)table));
    return (b64){_mm256_shuffle_epi8(t, x.a), _mm256_shuffle_epi8(t, x.b)};
}

LANES __m256i four(const int8_t *a) {
    int32_t w;
    memcpy(&w, a, 4);
    return _mm256_set1_epi32(w);
}
/* maddubs cannot saturate: codes <= 127, activations >= -127, so pairs stay within 32,258. */
LANES i16 dot4(i16 x, b64 w, const int8_t *a) {
    const __m256i ones = _mm256_set1_epi16(1), v = four(a);
    x.a = _mm256_add_epi32(x.a, _mm256_madd_epi16(_mm256_maddubs_epi16(w.a, v), ones));
    x.b = _mm256_add_epi32(x.b, _mm256_madd_epi16(_mm256_maddubs_epi16(w.b, v), ones));
    return x;
}
/* |w| times a carrying the sign of w: |w| <= 128, |a| <= 127, pairs within 32,512. */
LANES i16 dot4_wide(i16 x, b64 w, const int8_t *a) {
    const __m256i ones = _mm256_set1_epi16(1), v = four(a), flip = _mm256_set1_epi8((char)0x80);
    const __m256i s = _mm256_xor_si256(w.a, flip), t = _mm256_xor_si256(w.b, flip);
    x.a = _mm256_add_epi32(
        x.a,
        _mm256_madd_epi16(_mm256_maddubs_epi16(_mm256_abs_epi8(s), _mm256_sign_epi8(v, s)), ones));
    x.b = _mm256_add_epi32(
        x.b,
        _mm256_madd_epi16(_mm256_maddubs_epi16(_mm256_abs_epi8(t), _mm256_sign_epi8(v, t)), ones));
    return x;
}
LANES i16 wide_start(int32_t less) {
    (void)less;
    return i_set(0);
}
LANES i16 dot2_words(i16 x, b64 w, const int16_t *a) {
    const __m256i v = four((const int8_t *)a);
    return (i16){_mm256_add_epi32(x.a, _mm256_madd_epi16(w.a, v)),
                 _mm256_add_epi32(x.b, _mm256_madd_epi16(w.b, v))};
}
/* In 16 bits: products of bytes and sums of two of them fit whatever the bytes are. */
LANES __m256i both_half(__m256i acc, __m256i x, __m256i y) {
#define LOW(v)  _mm256_cvtepi8_epi16(_mm256_castsi256_si128(v))
#define HIGH(v) _mm256_cvtepi8_epi16(_mm256_extracti128_si256(v, 1))
    acc = _mm256_add_epi32(acc, _mm256_madd_epi16(LOW(x), LOW(y)));
    return _mm256_add_epi32(acc, _mm256_madd_epi16(HIGH(x), HIGH(y)));
#undef LOW
#undef HIGH
}
LANES i16 dot4_both(i16 acc, b64 x, b64 y) {
    return (i16){both_half(acc.a, x.a, y.a), both_half(acc.b, x.b, y.b)};
}

/* BF16 in the upper half of each number; what the lower half holds is to be cut off. */
LANES __m256i rounded(__m256 x) {
    const __m256i u = _mm256_castps_si256(x);
    const __m256i odd = _mm256_and_si256(_mm256_srli_epi32(u, 16), _mm256_set1_epi32(1));
    return _mm256_add_epi32(_mm256_add_epi32(u, _mm256_set1_epi32(0x7FFF)), odd);
}
LANES void v_to_bf16(uint16_t *p, v16 x) {
    const v16 size = v_abs(x), least = v_set(0x1p-60f);
    x.a = _mm256_and_ps(x.a, _mm256_cmp_ps(size.a, least.a, _CMP_GE_OQ));
    x.b = _mm256_and_ps(x.b, _mm256_cmp_ps(size.b, least.b, _CMP_GE_OQ));
    const __m256i w = _mm256_packus_epi32(_mm256_srli_epi32(rounded(x.a), 16),
                                          _mm256_srli_epi32(rounded(x.b), 16));
    _mm256_storeu_si256((__m256i *)p, _mm256_permute4x64_epi64(w, 0xD8));
}
LANES __m256i upper(__m256i x) {
    return _mm256_and_si256(x, _mm256_set1_epi32((int)0xFFFF0000));
}
LANES b64 b_pairs(v16 x, v16 y) {
    return (b64){_mm256_or_si256(_mm256_srli_epi32(rounded(x.a), 16), upper(rounded(y.a))),
                 _mm256_or_si256(_mm256_srli_epi32(rounded(x.b), 16), upper(rounded(y.b)))};
}
LANES __m256 dot2_half(__m256 acc, __m256i w, __m256i a) {
#define HIGH(x) _mm256_castsi256_ps(upper(x))
#define LOW(x)  _mm256_castsi256_ps(_mm256_slli_epi32(x, 16))
    return _mm256_fmadd_ps(LOW(w), LOW(a), _mm256_fmadd_ps(HIGH(w), HIGH(a), acc));
#undef HIGH
#undef LOW
}
LANES v16 dot2(v16 acc, b64 w, const uint16_t a[2]) {
    const __m256i v = four((const int8_t *)a);
    return (v16){dot2_half(acc.a, w.a, v), dot2_half(acc.b, w.b, v)};
}
#endif
