/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/words.c - text to words: one pass, a table-free fast way for ASCII, utf8proc for the rest.
 */
#include "agent/words.h"

#include "base/error.h"
#include "base/hash.h"

#include <string.h>
#include <utf8proc.h>

mn_words mn_words_of(const char *text, size_t n) {
    const unsigned char *const p = (const unsigned char *)(n ? text : "");
    return (mn_words){.at = p, .end = p + n};
}

/* Scripts that are written without spaces between words. */
static int spaceless(int32_t c) {
    return (c >= 0x3040 && c <= 0x30ff) || (c >= 0x3400 && c <= 0x4dbf) ||
           (c >= 0x4e00 && c <= 0x9fff) || (c >= 0xf900 && c <= 0xfaff) ||
           (c >= 0x20000 && c <= 0x3ffff) || (c >= 0x0e00 && c <= 0x0eff) ||
           (c >= 0x1000 && c <= 0x109f) || (c >= 0x1780 && c <= 0x17ff);
}

/* May a word go on with it? Letters, marks, digits. */
static int inside(int32_t c) {
    switch (utf8proc_category(c)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ME:
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_NO: return 1;
    default: return 0;
    }
}

static void put(mn_words *w, int32_t c) {
    unsigned char out[4];
    const utf8proc_ssize_t n = utf8proc_encode_char(c, out);
    if (n <= 0 || w->n + (size_t)n > MN_WORD_MAX) return;
    memcpy(w->word + w->n, out, (size_t)n);
    w->n += (size_t)n;
}

/* A character as it is compared: folded, without marks. */
static void put_folded(mn_words *w, int32_t c) {
    int32_t folded[16];
    int state = 0;
    const utf8proc_option_t how = UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT | UTF8PROC_CASEFOLD |
                                  UTF8PROC_STRIPMARK | UTF8PROC_IGNORE | UTF8PROC_STABLE;
    const utf8proc_ssize_t n = utf8proc_decompose_char(c, folded, 16, how, &state);
    for (utf8proc_ssize_t i = 0; i < n && i < 16; i++)
        if (inside(folded[i])) put(w, folded[i]);
}

/* The character at w->at, and its bytes; what is no UTF-8 is a space. */
static int32_t look(const mn_words *w, size_t *bytes) {
    int32_t c;
    *bytes = 1;
    if (*w->at < 0x80) return *w->at;
    const utf8proc_ssize_t n = utf8proc_iterate(w->at, w->end - w->at, &c);
    if (n <= 0) return ' ';
    *bytes = (size_t)n;
    return c;
}

static int letter(int32_t c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* A character that words have no space around: 1 when a word is complete. */
static int take_spaceless(mn_words *w, int32_t c, size_t bytes) {
    if (w->n) return 1; /* the word before it ends here; it comes again */
    const int pair = w->last != 0;
    if (pair) {
        put(w, w->last);
        put(w, c);
        w->from = w->at_last;
        w->till = w->at + bytes;
    }
    w->last = c;
    w->at_last = w->at;
    w->alone = !pair;
    w->at += bytes;
    return pair;
}

/* The run of such characters has ended: 1 when its only one is a word. */
static int end_spaceless(mn_words *w) {
    const int32_t c = w->alone ? w->last : 0;
    w->last = w->alone = 0;
    if (!c) return 0;
    put(w, c);
    w->from = w->at_last;
    w->till = w->at; /* nothing but this one was read since */
    return 1;
}

/* A run of plain letters and digits, which most texts are made of. */
static void take_plain(mn_words *w) {
    const unsigned char *p = w->at;
    if (!w->n) w->from = p;
    for (; p < w->end && letter(*p); p++)
        if (w->n < MN_WORD_MAX) w->word[w->n++] = (char)(*p >= 'A' ? *p | 0x20 : *p);
    w->at = w->till = p;
}

int mn_words_spoken(mn_words *w) {
    size_t bytes;
    w->n = 0;
    while (w->at < w->end) {
        if (!w->last && letter(*w->at)) {
            take_plain(w);
            continue;
        }
        const int32_t c = look(w, &bytes);
        if (c >= 0x80 && spaceless(c)) {
            if (take_spaceless(w, c, bytes)) return 1;
            continue;
        }
        if (w->last && end_spaceless(w)) return 1;
        if (!(c < 0x80 ? letter(c) : inside(c))) {
            if (w->n) return 1;
        } else {
            if (!w->n) w->from = w->at;
            if (c >= 0x80)
                put_folded(w, c);
            else if (w->n < MN_WORD_MAX)
                w->word[w->n++] = (char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
            w->till = w->at + bytes;
        }
        w->at += bytes;
    }
    return w->n ? 1 : w->last ? end_spaceless(w) : 0;
}

/* The commonest of English, by their length: articles, prepositions, pronouns, auxiliaries,
 * question words, and what an apostrophe leaves. */
static int stop(const mn_words *w) {
    static const char *const of_length[] = {"",
                                            "aist",
                                            "anasatbebydoheifinisitmemyofonorto",
                                            "andaredidforhadhasherhishowitsshethewaswhowhyyou",
                                            "doesfromhavethattheythiswerewhatwhenwhomwillwithyour",
                                            "theirwherewhichwould"};
    if (w->n >= sizeof of_length / sizeof *of_length) return 0;
    for (const char *p = of_length[w->n]; *p; p += w->n)
        if (*p == *w->word && memcmp(p, w->word, w->n) == 0) return 1;
    return 0;
}

static int ends(const mn_words *w, const char *with) {
    const size_t n = strlen(with);
    return w->n > n && memcmp(w->word + w->n - n, with, n) == 0;
}

/* The plural. */
static void drop_s(mn_words *w) {
    if (w->n > 4 && ends(w, "ies")) {
        w->n -= 2;
        w->word[w->n - 1] = 'y';
    } else if (ends(w, "sses")) {
        w->n -= 2;
    } else if (ends(w, "s") && !ends(w, "ss") && !ends(w, "us") && !ends(w, "is")) {
        w->n--;
    }
}

/* -ing or -ed, behind at least three letters with a vowel; "running" loses an n, too. */
static int drop_verb(mn_words *w, const char *ending) {
    const size_t rest = w->n - strlen(ending);
    size_t vowel = 0;
    if (!ends(w, ending) || rest < 3) return 0;
    while (vowel < rest && !memchr("aeiouy", w->word[vowel], 6)) vowel++;
    if (vowel == rest) return 0;
    w->n = rest;
    const char last = w->word[rest - 1];
    if (rest > 3 && last == w->word[rest - 2] && !memchr("lsz", last, 3)) w->n--;
    return 1;
}

void mn_words_stem(mn_words *w) {
    for (size_t i = 0; i < w->n; i++)
        if ((unsigned char)w->word[i] >= 0x80) return;
    if (w->n < 4) return;
    drop_s(w);
    if (!drop_verb(w, "ing")) drop_verb(w, "ed");
    if (w->n > 3 && w->word[w->n - 1] == 'e') w->n--;
    if (w->n > 3 && w->word[w->n - 1] == 'y') w->word[w->n - 1] = 'i';
}

int mn_words_next(mn_words *w) {
    do
        if (!mn_words_spoken(w)) return 0;
    while (!w->n || stop(w));
    mn_words_stem(w);
    return 1;
}

int mn_words_line(int64_t owner, const char *text, size_t n, mn_buf *out) {
    char before[24];
    size_t len = 0;
    for (uint64_t o = (uint64_t)owner; o || !len; o /= 10) before[len++] = (char)('0' + o % 10);
    for (size_t i = 0; i < len / 2; i++) {
        const char c = before[i];
        before[i] = before[len - 1 - i];
        before[len - 1 - i] = c;
    }
    before[len++] = ':';
    for (mn_words w = mn_words_of(text, n); mn_words_next(&w);) {
        MN_TRY(mn_buf_reserve(out, len + w.n + 1));
        if (out->len) out->data[out->len++] = ' ';
        memcpy(out->data + out->len, before, len);
        memcpy(out->data + out->len + len, w.word, w.n);
        out->len += len + w.n;
        out->data[out->len] = 0;
    }
    return 0;
}

int mn_words_mark(int64_t owner, char kind, const char *name, mn_buf *out) {
    return mn_buf_printf(out, "%s%lld:_%c%016llx", out->len ? " " : "", (long long)owner, kind,
                         (unsigned long long)mn_hash64(name, strlen(name)));
}
