/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/words.c - text to words: one pass, a table for ASCII, utf8proc for the rest.
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

/* Plain letters, in lower case, and digits; 0: any other byte. */
static const char plain[256] = {
    ['0'] = '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', ['A'] = 'a', 'b', 'c',
    'd',         'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l', 'm', 'n',         'o', 'p',
    'q',         'r', 's', 't', 'u', 'v', 'w', 'x', 'y', 'z', ['a'] = 'a', 'b', 'c',
    'd',         'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l', 'm', 'n',         'o', 'p',
    'q',         'r', 's', 't', 'u', 'v', 'w', 'x', 'y', 'z'};

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
    const unsigned char *p = w->at, *const end = w->end;
    size_t n = w->n;
    if (!n) w->from = p;
    for (char c; p < end && (c = plain[*p]); p++)
        if (n < MN_WORD_MAX) w->word[n++] = c;
    w->n = n;
    w->at = w->till = p;
}

int mn_words_spoken(mn_words *w) {
    size_t bytes;
    w->n = 0;
    while (w->at < w->end) {
        if (!w->last && *w->at < 0x80) {
            if (plain[*w->at])
                take_plain(w);
            else if (w->n)
                return 1;
            else
                w->at++;
            continue;
        }
        const int32_t c = look(w, &bytes);
        if (spaceless(c)) {
            if (take_spaceless(w, c, bytes)) return 1;
            continue;
        }
        if (w->last && end_spaceless(w)) return 1;
        if (*w->at < 0x80) continue;
        if (inside(c)) {
            if (!w->n) w->from = w->at;
            put_folded(w, c);
            w->till = w->at + bytes;
        } else if (w->n) {
            return 1;
        }
        w->at += bytes;
    }
    return w->n ? 1 : w->last ? end_spaceless(w) : 0;
}

/* The commonest of English, by their first letter, in fields of STOP bytes: articles, prepositions,
 * pronouns, auxiliaries, question words, and what an apostrophe leaves. */
enum { STOP = 5 };
static int stop(const mn_words *w) {
    static const char *const of_letter[26] = {['a' - 'a'] = "a    an   and  are  as   at   ",
                                              ['b' - 'a'] = "be   by   ",
                                              ['d' - 'a'] = "did  do   does ",
                                              ['f' - 'a'] = "for  from ",
                                              ['h' - 'a'] = "had  has  have he   her  his  how  ",
                                              ['i' - 'a'] = "i    if   in   is   it   its  ",
                                              ['m' - 'a'] = "me   my   ",
                                              ['o' - 'a'] = "of   on   or   ",
                                              ['s' - 'a'] = "s    she  ",
                                              ['t' - 'a'] = "t    that the  theirthey this to   ",
                                              ['w' - 'a'] = "was  were what when wherewhichwho  "
                                                            "whom why  will with would",
                                              ['y' - 'a'] = "you  your "};
    const unsigned letter = (unsigned)(unsigned char)*w->word - 'a';
    char field[STOP] = "     ";
    if (w->n > STOP || letter >= sizeof of_letter / sizeof *of_letter) return 0;
    for (size_t i = 0; i < w->n; i++) field[i] = w->word[i];
    for (const char *p = of_letter[letter]; p && *p; p += STOP)
        if (memcmp(p, field, STOP) == 0) return 1;
    return 0;
}

static int vowel(char c) {
    return c == 'a' || c == 'e' || c == 'i' || c == 'o' || c == 'u' || c == 'y';
}

/* The plural. */
static size_t drop_s(char *word, size_t n) {
    const char before = word[n - 2];
    if (n > 4 && before == 'e' && word[n - 3] == 'i') {
        word[n - 3] = 'y';
        return n - 2;
    }
    if (n > 4 && before == 'e' && word[n - 3] == 's' && word[n - 4] == 's') return n - 2;
    return before == 's' || before == 'u' || before == 'i' ? n : n - 1;
}

/* -ing or -ed, behind at least three letters with a vowel, `rest` in all; "running" loses an n,
 * too. 0: it is no such ending. */
static size_t drop_verb(const char *word, size_t rest) {
    size_t at = 0;
    if (rest < 3) return 0;
    while (at < rest && !vowel(word[at])) at++;
    if (at == rest) return 0;
    const char last = word[rest - 1];
    const int twice = rest > 3 && last == word[rest - 2];
    return twice && last != 'l' && last != 's' && last != 'z' ? rest - 1 : rest;
}

void mn_words_stem(mn_words *w) {
    char *const word = w->word;
    size_t n = w->n, rest = 0;
    char all = 0;
    for (size_t i = 0; i < n; i++) all |= word[i];
    if (n < 4 || all & 0x80) return;
    if (word[n - 1] == 's') n = drop_s(word, n);
    if (word[n - 1] == 'g' && word[n - 2] == 'n' && word[n - 3] == 'i')
        rest = drop_verb(word, n - 3);
    else if (word[n - 1] == 'd' && word[n - 2] == 'e')
        rest = drop_verb(word, n - 2);
    if (rest) n = rest;
    if (n > 3 && word[n - 1] == 'e') n--;
    if (n > 3 && word[n - 1] == 'y') word[n - 1] = 'i';
    w->n = n;
}

int mn_words_uncommon(mn_words *w) {
    do
        if (!mn_words_spoken(w)) return 0;
    while (!w->n || stop(w));
    return 1;
}

int mn_words_next(mn_words *w) {
    if (!mn_words_uncommon(w)) return 0;
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
