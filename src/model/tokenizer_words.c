/* SPDX-License-Identifier: Apache-2.0
 *
 * model/tokenizer_words.c - WordPiece, as BERT's uncased models were trained with it.
 *
 * One pass over the characters, into a word of at most 100 of them:
 *   clean    U+0000, U+FFFD (so stray bytes, too), controls, formats and private use go; white
 *            space ends a word
 *   ideographs (the blocks BERT lists, not the script) are words of their own
 *   letters  canonical decomposition, combining marks go, what is left is lower case
 *   punctuation, and all of ASCII that is no letter or digit, is a word of its own
 * A word becomes the longest token that begins it, then the longest that goes on there, and so on;
 * where none does, and where the word is longer than 100 characters, the whole is the unknown
 * token. In the image a token that begins a word begins with a space, one that goes on does not
 * (vocab.txt: "word" and "##word"); so decode writes words apart.
 *
 * Published with BERT (Devlin et al. 2018, tokenization.py); character by character equal to the
 * `tokenizers` library's BertNormalizer and BertPreTokenizer, whose Unicode is older than ours:
 * `later` has the marks, punctuation and formats that it does not know. Differs in one thing: the
 * text of a special token inside a text is text (tokenizer.h).
 * Cost: O(n), for each word O(its length) look-ups for each of its tokens.
 */
#include "model/tokenizer_image.h"

#include "base/error.h"
#include "model/unicode.h"

#include <utf8proc.h>

enum { MOST = 100 }; /* characters of a word */

typedef struct words {
    const mn_tokenizer *t;
    mn_buf *ids;
    uint32_t point[MOST];
    int n; /* of the word so far; more than MOST: it is too long */
} words;

typedef struct range {
    uint32_t from, to;
} range;

static const range ideographs[] = {
    {0x3400, 0x4DBF},   {0x4E00, 0x9FFF},   {0xF900, 0xFAFF},   {0x20000, 0x2A6DF},
    {0x2A700, 0x2B73F}, {0x2B740, 0x2B81F}, {0x2B920, 0x2CEAF}, {0x2F800, 0x2FA1F},
};

/* Marks, punctuation and formats of Unicode 9 and later: letters to the reference. */
static const range later[] = {
    {0x61D, 0x61D},     {0x7FD, 0x7FD},     {0x890, 0x891},     {0x898, 0x89F},
    {0x8CA, 0x8E2},     {0x9FD, 0x9FE},     {0xA76, 0xA76},     {0xAFA, 0xAFF},
    {0xB55, 0xB55},     {0xC04, 0xC04},     {0xC3C, 0xC3C},     {0xC77, 0xC77},
    {0xC84, 0xC84},     {0xD00, 0xD00},     {0xD3B, 0xD3C},     {0xD81, 0xD81},
    {0xEBA, 0xEBA},     {0xECE, 0xECE},     {0x180F, 0x180F},   {0x1885, 0x1886},
    {0x1ABF, 0x1ACE},   {0x1B7D, 0x1B7E},   {0x1DF6, 0x1DFB},   {0x2E43, 0x2E4F},
    {0x2E52, 0x2E5D},   {0xA82C, 0xA82C},   {0xA8C5, 0xA8C5},   {0xA8FF, 0xA8FF},
    {0xA9BD, 0xA9BD},   {0x10D24, 0x10D27}, {0x10EAB, 0x10EAD}, {0x10EFD, 0x10EFF},
    {0x10F46, 0x10F50}, {0x10F55, 0x10F59}, {0x10F82, 0x10F89}, {0x11070, 0x11070},
    {0x11073, 0x11074}, {0x110C2, 0x110C2}, {0x110CD, 0x110CD}, {0x111CF, 0x111CF},
    {0x1123E, 0x1123E}, {0x11241, 0x11241}, {0x1133B, 0x1133B}, {0x11438, 0x1143F},
    {0x11442, 0x11444}, {0x11446, 0x11446}, {0x1144B, 0x1144F}, {0x1145A, 0x1145B},
    {0x1145D, 0x1145E}, {0x11660, 0x1166C}, {0x116B9, 0x116B9}, {0x1182F, 0x11837},
    {0x11839, 0x1183B}, {0x1193B, 0x1193C}, {0x1193E, 0x1193E}, {0x11943, 0x11946},
    {0x119D4, 0x119D7}, {0x119DA, 0x119DB}, {0x119E0, 0x119E0}, {0x119E2, 0x119E2},
    {0x11A01, 0x11A0A}, {0x11A33, 0x11A38}, {0x11A3B, 0x11A47}, {0x11A51, 0x11A56},
    {0x11A59, 0x11A5B}, {0x11A8A, 0x11A96}, {0x11A98, 0x11A9C}, {0x11A9E, 0x11AA2},
    {0x11B00, 0x11B09}, {0x11C30, 0x11C36}, {0x11C38, 0x11C3D}, {0x11C3F, 0x11C3F},
    {0x11C41, 0x11C45}, {0x11C70, 0x11C71}, {0x11C92, 0x11CA7}, {0x11CAA, 0x11CB0},
    {0x11CB2, 0x11CB3}, {0x11CB5, 0x11CB6}, {0x11D31, 0x11D36}, {0x11D3A, 0x11D3A},
    {0x11D3C, 0x11D3D}, {0x11D3F, 0x11D45}, {0x11D47, 0x11D47}, {0x11D90, 0x11D91},
    {0x11D95, 0x11D95}, {0x11D97, 0x11D97}, {0x11EF3, 0x11EF4}, {0x11EF7, 0x11EF8},
    {0x11F00, 0x11F01}, {0x11F36, 0x11F3A}, {0x11F40, 0x11F40}, {0x11F42, 0x11F4F},
    {0x11FFF, 0x11FFF}, {0x12FF1, 0x12FF2}, {0x13430, 0x13440}, {0x13447, 0x13455},
    {0x16E97, 0x16E9A}, {0x16F4F, 0x16F4F}, {0x16FE2, 0x16FE2}, {0x16FE4, 0x16FE4},
    {0x1CF00, 0x1CF2D}, {0x1CF30, 0x1CF46}, {0x1E000, 0x1E006}, {0x1E008, 0x1E018},
    {0x1E01B, 0x1E021}, {0x1E023, 0x1E024}, {0x1E026, 0x1E02A}, {0x1E08F, 0x1E08F},
    {0x1E130, 0x1E136}, {0x1E2AE, 0x1E2AE}, {0x1E2EC, 0x1E2EF}, {0x1E4EC, 0x1E4EF},
    {0x1E944, 0x1E94A}, {0x1E95E, 0x1E95F},
};

static int inside(const range *r, size_t n, uint32_t c) {
    size_t lo = 0, hi = n;
    while (lo < hi) {
        const size_t mid = lo + (hi - lo) / 2;
        if (c > r[mid].to)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < n && c >= r[lo].from;
}

static int is_later(uint32_t c) {
    return inside(later, sizeof later / sizeof *later, c);
}

static int is_mark(uint32_t c) {
    if (c < 0x300) return 0;
    if (c == 0x1734) return 1; /* was a mark when it mattered; 111C9 was none */
    return utf8proc_category((utf8proc_int32_t)c) == UTF8PROC_CATEGORY_MN && c != 0x111C9 &&
           !is_later(c);
}

static int is_punctuation(uint32_t c) {
    if (c < 128) return (mn_unicode_ascii[c] & (MN_UC_PUNCT | MN_UC_SYMBOL)) != 0;
    if (c == 0x166D || c == 0x111C9) return 1;
    const utf8proc_category_t k = utf8proc_category((utf8proc_int32_t)c);
    return k >= UTF8PROC_CATEGORY_PC && k <= UTF8PROC_CATEGORY_PO && !is_later(c);
}

/* What is neither shown nor a space: goes. */
static int is_control(uint32_t c) {
    if (c < 128) return c < ' ' ? c != '\t' && c != '\n' && c != '\r' : c == 127;
    const utf8proc_category_t k = utf8proc_category((utf8proc_int32_t)c);
    return k == UTF8PROC_CATEGORY_CC || k == UTF8PROC_CATEGORY_CO || c == 0xFFFD ||
           (k == UTF8PROC_CATEGORY_CF && !is_later(c));
}

static int unknown(words *w) {
    return w->t->h->unk < 0 ? 0 : mn_token_put(w->ids, w->t->h->unk);
}

/* The tokens of text[0..at[n]), whose character i begins at at[i] (0 has the space before it). */
static int pieces(words *w, const uint8_t *text, const uint16_t *at, int n) {
    const size_t before = w->ids->len;
    for (int from = 0; from < n;) {
        int32_t id = -1;
        int to = n;
        while (to > from && at[to] - at[from] > (int)w->t->h->longest) to--;
        for (; to > from; to--)
            if ((id = mn_tokenizer_find(w->t, text + at[from], (size_t)(at[to] - at[from]))) >= 0)
                break;
        if (id < 0) {
            w->ids->len = before;
            return unknown(w);
        }
        MN_TRY(mn_token_put(w->ids, id));
        from = to;
    }
    return 0;
}

static int end_word(words *w) {
    uint8_t text[1 + 4 * MOST];
    uint16_t at[MOST + 1];
    const int n = w->n;
    size_t k = 0;
    w->n = 0;
    if (!n) return 0;
    if (n > MOST) return unknown(w);
    text[k++] = ' ';
    for (int i = 0; i < n; i++) {
        at[i] = (uint16_t)(i ? k : 0);
        k += (size_t)utf8proc_encode_char((utf8proc_int32_t)w->point[i], text + k);
    }
    at[n] = (uint16_t)k;
    return pieces(w, text, at, n);
}

static int order_of(uint32_t c) {
    return c < 0x300 ? 0 : utf8proc_get_property((utf8proc_int32_t)c)->combining_class;
}

/* One character of a word, where the canonical order wants it. */
static void add(words *w, uint32_t c) {
    const int order = order_of(c);
    int i = w->n;
    if (i >= MOST) {
        w->n = MOST + 1;
        return;
    }
    for (; order && i && order_of(w->point[i - 1]) > order; i--) w->point[i] = w->point[i - 1];
    w->point[i] = c;
    w->n++;
}

static int letter(words *w, uint32_t c) {
    if (is_mark(c)) return 0;
    const uint32_t low = c < 128 ? (c >= 'A' && c <= 'Z' ? c + 32 : c)
                                 : (uint32_t)utf8proc_tolower((utf8proc_int32_t)c);
    if (!is_punctuation(low)) {
        add(w, low);
        return 0;
    }
    MN_TRY(end_word(w));
    add(w, low);
    return end_word(w);
}

static int character(words *w, mn_uchar u) {
    if (is_control(u.point)) return 0;
    if (u.kind == MN_UC_SPACE) return end_word(w);
    if (u.point < 128) return letter(w, u.point);
    utf8proc_int32_t part[8] = {(utf8proc_int32_t)u.point};
    int boundary = 0;
    const int alone = inside(ideographs, sizeof ideographs / sizeof *ideographs, u.point);
    utf8proc_ssize_t n = 1;
    if (u.point != 0x11938) /* decomposed since Unicode 13 */
        n = utf8proc_decompose_char((utf8proc_int32_t)u.point, part, 8, UTF8PROC_DECOMPOSE,
                                    &boundary);
    if (alone) MN_TRY(end_word(w));
    for (utf8proc_ssize_t i = 0; i < n && i < 8; i++) MN_TRY(letter(w, (uint32_t)part[i]));
    return alone ? end_word(w) : 0;
}

int mn_tokenizer_words(const mn_tokenizer *t, const uint8_t *p, size_t n, mn_buf *ids) {
    words w = {.t = t, .ids = ids};
    for (size_t i = 0; i < n;) {
        const mn_uchar u = mn_unicode_at(p + i, n - i);
        MN_TRY(character(&w, u));
        i += u.size;
    }
    return end_word(&w);
}
