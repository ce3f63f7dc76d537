/* SPDX-License-Identifier: Apache-2.0
 *
 * model/tokenizer_match.c - the patterns of tokenizer_rows.c by hand, one function each.
 *
 * Each is the alternation of its pattern written out in order: the first alternative that fits
 * wins, a greedy run takes all it can and gives back only where the pattern makes it. Every
 * function reads forward only, so a split is O(n): a run that is refused is passed over whole.
 */
#include "model/tokenizer_rows.h"
#include "model/unicode.h"

#define L MN_UC_LETTER
#define N MN_UC_NUMBER
#define W MN_UC_SPACE

static mn_uchar at(const uint8_t *p, size_t n, size_t i) {
    return mn_unicode_at(p + i, n - i);
}

/* End of the run of characters from i whose kind is one of `kinds` (want 1) or none (want 0). */
static inline size_t run(const uint8_t *p, size_t n, size_t i, unsigned kinds, int want) {
    while (i < n) {
        const mn_uchar u = mn_unicode_at(p + i, n - i);
        if (((u.kind & kinds) != 0) != want) break;
        i += u.size;
    }
    return i;
}

/* 's 't 'm 'd 're 've 'll at an apostrophe: bytes, 0 when it is none of them. */
static size_t contraction(const uint8_t *p, size_t n, size_t pos, int any_case) {
    if (n - pos < 2) return 0;
    const uint8_t fold = any_case ? 0x20 : 0;
    const uint8_t a = p[pos + 1] | fold;
    if (a == 's' || a == 't' || a == 'm' || a == 'd') return 2;
    /* U+017F, the long s, is an s without case. */
    if (n - pos < 3) return 0;
    if (any_case && p[pos + 1] == 0xC5 && p[pos + 2] == 0xBF) return 3;
    const uint8_t b = p[pos + 2] | fold;
    return (a == 'r' && b == 'e') || (a == 'v' && b == 'e') || (a == 'l' && b == 'l') ? 3 : 0;
}

/* \s*[\r\n]+ (with `lines`) | \s+(?!\S) | \s+ at a space. */
static int64_t spaces(const uint8_t *p, size_t n, size_t pos, int lines) {
    size_t end = pos, last = pos, line = pos;
    while (end < n) {
        const mn_uchar u = at(p, n, end);
        if (!(u.kind & W)) break;
        last = end;
        end += u.size;
        if (u.point == '\n' || u.point == '\r') line = end;
    }
    if (lines && line > pos) return (int64_t)(line - pos);
    if (end < n && last > pos) return (int64_t)(last - pos);
    return (int64_t)(end - pos);
}

int64_t mn_tokenizer_match_gpt2(const uint8_t *p, size_t n, size_t pos) {
    if (p[pos] == '\'') {
        const size_t c = contraction(p, n, pos, 0);
        if (c) return (int64_t)c;
    }
    const size_t i = pos + (p[pos] == ' ');
    if (i == n) return 1;
    const mn_uchar u = at(p, n, i);
    if (u.kind & W) return spaces(p, n, pos, 0);
    if (u.kind & L) return (int64_t)(run(p, n, i + u.size, L, 1) - pos);
    if (u.kind & N) return (int64_t)(run(p, n, i + u.size, N, 1) - pos);
    return (int64_t)(run(p, n, i + u.size, L | N | W, 0) - pos);
}

/* The pattern that llama-bpe and qwen2 share, but for how many digits stay together. */
static inline int64_t words(const uint8_t *p, size_t n, size_t pos, int digits) {
    const uint8_t c = p[pos];
    if (c == '\'') {
        const size_t k = contraction(p, n, pos, 1);
        if (k) return (int64_t)k;
    }
    const mn_uchar u = at(p, n, pos);
    size_t i = pos + u.size;
    if (u.kind & L) return (int64_t)(run(p, n, i, L, 1) - pos);
    if (u.kind & N) {
        while (--digits && i < n) {
            const mn_uchar d = at(p, n, i);
            if (!(d.kind & N)) break;
            i += d.size;
        }
        return (int64_t)(i - pos);
    }
    if (c != '\r' && c != '\n' && i < n) {
        const mn_uchar next = at(p, n, i);
        if (next.kind & L) return (int64_t)(run(p, n, i + next.size, L, 1) - pos);
    }
    i = pos + (c == ' ');
    if (i < n && !(at(p, n, i).kind & (L | N | W))) {
        i = run(p, n, i, L | N | W, 0);
        while (i < n && (p[i] == '\r' || p[i] == '\n')) i++;
        return (int64_t)(i - pos);
    }
    return spaces(p, n, pos, 1);
}

int64_t mn_tokenizer_match_llama3(const uint8_t *p, size_t n, size_t pos) {
    return words(p, n, pos, 3);
}

int64_t mn_tokenizer_match_qwen2(const uint8_t *p, size_t n, size_t pos) {
    return words(p, n, pos, 1);
}

int64_t mn_tokenizer_match_digit(const uint8_t *p, size_t n, size_t pos) {
    const mn_uchar u = at(p, n, pos);
    if (u.kind & N) return u.size;
    return -(int64_t)(run(p, n, pos + u.size, N, 0) - pos);
}

int64_t mn_tokenizer_match_digits(const uint8_t *p, size_t n, size_t pos) {
    const mn_uchar u = at(p, n, pos);
    const int digit = (u.kind & N) != 0;
    const int64_t m = (int64_t)(run(p, n, pos + u.size, N, digit) - pos);
    return digit ? m : -m;
}

int64_t mn_tokenizer_match_line_end(const uint8_t *p, size_t n, size_t pos) {
    size_t i = pos;
    while (i < n && p[i] != '\r' && p[i] != '\n') i++;
    return i == pos ? 1 : -(int64_t)(i - pos);
}

int64_t mn_tokenizer_match_lines(const uint8_t *p, size_t n, size_t pos) {
    size_t i = pos + 1;
    while (i < n && (p[i] == '\n') == (p[pos] == '\n')) i++;
    return (int64_t)(i - pos);
}

/* \s?X+ for a set X given as a predicate. */
static inline int64_t spaced(const uint8_t *p, size_t n, size_t pos, int (*in)(mn_uchar)) {
    const mn_uchar u = at(p, n, pos);
    size_t i = pos + u.size;
    const int lead = (u.kind & W) && i < n && in(at(p, n, i));
    if (!lead && !in(u)) return -(int64_t)u.size;
    while (i < n) {
        const mn_uchar v = at(p, n, i);
        if (!in(v)) break;
        i += v.size;
    }
    return (int64_t)(i - pos);
}

static int is_letter(mn_uchar u) {
    return u.kind & L;
}

static int is_punct(mn_uchar u) {
    return u.kind & MN_UC_PUNCT;
}

static int is_ds_letter(mn_uchar u) {
    static const uint32_t range[][2] = {
        {0x41, 0x5A},       {0x61, 0x7A},       {0xB5, 0xB5},       {0xC0, 0xD6},
        {0xD8, 0xF6},       {0xF8, 0x1BA},      {0x1BC, 0x1BF},     {0x1C4, 0x293},
        {0x295, 0x2AF},     {0x370, 0x373},     {0x376, 0x376},     {0x377, 0x377},
        {0x37B, 0x37D},     {0x37F, 0x37F},     {0x386, 0x386},     {0x388, 0x38A},
        {0x38C, 0x38C},     {0x38E, 0x3A1},     {0x3A3, 0x3F5},     {0x3F7, 0x481},
        {0x48A, 0x52F},     {0x531, 0x556},     {0x10A0, 0x10C5},   {0x13A0, 0x13F5},
        {0x13F8, 0x13FD},   {0x1C90, 0x1CBA},   {0x1CBD, 0x1CBF},   {0x1D00, 0x1D2B},
        {0x1D6B, 0x1D77},   {0x1D79, 0x1D9A},   {0x1E00, 0x1F15},   {0x1F18, 0x1F1D},
        {0x1F20, 0x1F45},   {0x1F48, 0x1F4D},   {0x1F50, 0x1F57},   {0x1F59, 0x1F59},
        {0x1F5B, 0x1F5B},   {0x1F5D, 0x1F5D},   {0x1F5F, 0x1F7D},   {0x1F80, 0x1FB4},
        {0x1FB6, 0x1FBC},   {0x1FBE, 0x1FBE},   {0x1FC2, 0x1FC4},   {0x1FC6, 0x1FCC},
        {0x1FD0, 0x1FD3},   {0x1FD6, 0x1FDB},   {0x1FE0, 0x1FEC},   {0x1FF2, 0x1FF4},
        {0x1FF6, 0x1FFC},   {0x2102, 0x2102},   {0x2107, 0x2107},   {0x210A, 0x2113},
        {0x2115, 0x2115},   {0x2119, 0x211D},   {0x2124, 0x2124},   {0x2126, 0x2126},
        {0x2128, 0x2128},   {0x212A, 0x212D},   {0x212F, 0x2134},   {0x2139, 0x2139},
        {0x213C, 0x213F},   {0x2145, 0x2149},   {0x214E, 0x214E},   {0x2183, 0x2183},
        {0x2184, 0x2184},   {0x2C00, 0x2C7B},   {0x2C7E, 0x2CE4},   {0x2CEB, 0x2CEE},
        {0x2CF2, 0x2CF2},   {0x2CF3, 0x2CF3},   {0xA640, 0xA66D},   {0xA680, 0xA69B},
        {0xA722, 0xA76F},   {0xA771, 0xA787},   {0xA78B, 0xA78E},   {0xAB70, 0xABBF},
        {0xFB00, 0xFB06},   {0xFB13, 0xFB17},   {0xFF21, 0xFF3A},   {0xFF41, 0xFF5A},
        {0x10400, 0x1044F}, {0x104B0, 0x104D3}, {0x104D8, 0x104FB}, {0x10C80, 0x10CB2},
        {0x10CC0, 0x10CF2}, {0x118A0, 0x118DF}, {0x1E900, 0x1E943},
    };
    size_t lo = 0,
           hi = sizeof range / sizeof *range; /* the last range that begins at or before u */
    while (hi - lo > 1) {
        const size_t mid = (lo + hi) / 2;
        if (range[mid][0] <= u.point)
            lo = mid;
        else
            hi = mid;
    }
    return u.point >= range[lo][0] && u.point <= range[lo][1];
}

static int is_ds_punct(mn_uchar u) {
    const uint32_t c = u.point;
    return (c >= '!' && c <= '/') || (c >= ':' && c <= '~') || (c >= 0xFF01 && c <= 0xFF0F) ||
           (c >= 0xFF1A && c <= 0xFF5E) || (c >= 0x2018 && c <= 0x201F) ||
           (c >= 0x3000 && c <= 0x3002);
}

static int is_ideograph(mn_uchar u) {
    return (u.point >= 0x800 && u.point <= 0x9FA5) || (u.point >= 0xAC00 && u.point <= 0xD7FF);
}

int64_t mn_tokenizer_match_letters(const uint8_t *p, size_t n, size_t pos) {
    return spaced(p, n, pos, is_letter);
}

int64_t mn_tokenizer_match_puncts(const uint8_t *p, size_t n, size_t pos) {
    return spaced(p, n, pos, is_punct);
}

int64_t mn_tokenizer_match_ds_letters(const uint8_t *p, size_t n, size_t pos) {
    return spaced(p, n, pos, is_ds_letter);
}

int64_t mn_tokenizer_match_ds_puncts(const uint8_t *p, size_t n, size_t pos) {
    return spaced(p, n, pos, is_ds_punct);
}

int64_t mn_tokenizer_match_ds_ideographs(const uint8_t *p, size_t n, size_t pos) {
    size_t i = pos;
    while (i < n) {
        const mn_uchar u = at(p, n, i);
        if (!is_ideograph(u)) return i > pos ? (int64_t)(i - pos) : -(int64_t)u.size;
        i += u.size;
    }
    return (int64_t)(i - pos);
}

/* \s+\z: a run of spaces that ends the piece. */
int64_t mn_tokenizer_match_trailing(const uint8_t *p, size_t n, size_t pos) {
    const mn_uchar u = at(p, n, pos);
    const int space = (u.kind & W) != 0;
    const size_t end = run(p, n, pos + u.size, W, space);
    return space && end == n ? (int64_t)(end - pos) : -(int64_t)(end - pos);
}
