/* SPDX-License-Identifier: Apache-2.0
 *
 * model/jinja_text.c - strings of the template language: characters, marks, building.
 *
 * A string's bytes are never changed; a part of it shares them. A text under construction takes
 * bytes together with their marks and doubles when full. Characters are Unicode code points, as
 * in Python; properties and case come from utf8proc (one to one, and the few cases that grow).
 */
#include "model/jinja.h"

#include <string.h>
#include <utf8proc.h>

/* ---- characters ----------------------------------------------------------------------------- */
size_t mn_jchar(const mn_jstr *s, size_t i, int32_t *c) {
    const unsigned char first = (unsigned char)s->p[i];
    if (first < 0x80) {
        *c = first;
        return 1;
    }
    utf8proc_int32_t code;
    const utf8proc_ssize_t n =
        utf8proc_iterate((const utf8proc_uint8_t *)s->p + i, (utf8proc_ssize_t)(s->n - i), &code);
    *c = n > 0 ? code : -1;
    return n > 0 ? (size_t)n : 1;
}

size_t mn_jchar_back(const mn_jstr *s, size_t end) {
    for (size_t n = 1; n <= 4 && n <= end; n++) {
        int32_t c;
        if (((unsigned char)s->p[end - n] & 0xc0) == 0x80) continue;
        return mn_jchar(s, end - n, &c) == n ? end - n : end - 1;
    }
    return end - 1;
}

size_t mn_jchars(const mn_jstr *s) {
    size_t n = 0;
    for (size_t i = 0; i < s->n; n++) {
        int32_t c;
        i += mn_jchar(s, i, &c);
    }
    return n;
}

int mn_jspace(int32_t c) {
    if (c < 0x80) return c == ' ' || (c >= 9 && c <= 13) || (c >= 28 && c <= 31);
    return c == 0x85 || c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) || c == 0x2028 ||
           c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000;
}

size_t mn_jfind(const mn_jstr *s, size_t from, size_t to, const mn_jstr *what) {
    if (from > to) return SIZE_MAX;
    if (!what->n) return from;
    const char *hit = memmem(s->p + from, to - from, what->p, what->n);
    return hit ? (size_t)(hit - s->p) : SIZE_MAX;
}

/* ---- building ------------------------------------------------------------------------------- */
static int room(mn_jrun *r, mn_jtext *t, size_t n) {
    MN_TRY(mn_jtick(r, n / 64));
    if (n > r->max_out || t->n > r->max_out - n)
        return mn_jfail(r, "a text grows beyond %zu bytes", r->max_out);
    if (t->cap - t->n >= n && t->p) return 0;
    size_t cap = t->cap ? t->cap * 2 : 64;
    if (cap < t->n + n) cap = t->n + n;
    MN_TRY(mn_arena_grow(&r->arena, t->p, t->n, cap, &t->p));
    MN_TRY(mn_arena_grow(&r->arena, t->mark, t->n, cap, &t->mark));
    t->cap = cap;
    return 0;
}

int mn_jtext_put(mn_jrun *r, mn_jtext *t, const char *p, size_t n, int trusted) {
    MN_TRY(room(r, t, n));
    if (!n) return 0;
    memcpy(t->p + t->n, p, n);
    memset(t->mark + t->n, trusted != 0, n);
    t->n += n;
    return 0;
}

int mn_jtext_puts(mn_jrun *r, mn_jtext *t, const char *text) {
    return mn_jtext_put(r, t, text, strlen(text), 1);
}

int mn_jtext_add(mn_jrun *r, mn_jtext *t, const mn_jstr *s, size_t from, size_t to) {
    const size_t at = t->n;
    MN_TRY(mn_jtext_put(r, t, s->p + from, to - from, s->trusted));
    if (s->mark && to > from) memcpy(t->mark + at, s->mark + from, to - from);
    return 0;
}

/* The bytes are used as they lie: t is not to be added to afterwards. */
int mn_jtext_done(mn_jrun *r, const mn_jtext *t, mn_jval *out) {
    mn_jstr *s;
    MN_TRY(mn_arena_take(&r->arena, sizeof *s, &s));
    *s = (mn_jstr){.p = t->p ? t->p : "", .mark = t->mark, .n = t->n, .trusted = 1};
    if (!t->n || !memchr(t->mark, !t->mark[0], t->n)) { /* all alike */
        s->trusted = !t->n || t->mark[0];
        s->mark = NULL;
    }
    *out = mn_jstring(s);
    return 0;
}

int mn_jstr_cut(mn_jrun *r, const mn_jstr *s, size_t from, size_t to, const mn_jstr **out) {
    mn_jstr *part;
    MN_TRY(mn_arena_take(&r->arena, sizeof *part, &part));
    if (from > to) from = to;
    *part = (mn_jstr){.p = s->p + from, .n = to - from, .trusted = s->trusted};
    if (s->mark) part->mark = s->mark + from;
    *out = part;
    return 0;
}

int mn_jstr_of(mn_jrun *r, mn_jval v, const mn_jstr **out) {
    if (v.kind != MN_JSTR) {
        mn_jtext t = {0};
        MN_TRY(mn_jtext_value(r, &t, v));
        MN_TRY(mn_jtext_done(r, &t, &v));
    }
    *out = v.s;
    return 0;
}

/* ---- case ----------------------------------------------------------------------------------- */
/* Characters whose upper case is several: Python has full mappings, utf8proc single ones. */
static const struct {
    int32_t c;
    const char *upper, *title;
} grows[] = {{0xdf, "SS", "Ss"},     {0x149, "\xca\xbcN", "\xca\xbcN"},
             {0xfb00, "FF", "Ff"},   {0xfb01, "FI", "Fi"},
             {0xfb02, "FL", "Fl"},   {0xfb03, "FFI", "Ffi"},
             {0xfb04, "FFL", "Ffl"}, {0xfb05, "ST", "St"},
             {0xfb06, "ST", "St"}};

static int letter_case(mn_jrun *r, mn_jtext *t, int32_t c, mn_jcase how, int trusted) {
    if (how != MN_JLOWER)
        for (size_t i = 0; i < sizeof grows / sizeof *grows; i++) {
            const char *text = how == MN_JUPPER ? grows[i].upper : grows[i].title;
            if (grows[i].c == c) return mn_jtext_put(r, t, text, strlen(text), trusted);
        }
    if (how == MN_JLOWER && c == 0x130) return mn_jtext_put(r, t, "i\xcc\x87", 3, trusted);
    utf8proc_uint8_t bytes[4];
    const int32_t to = how == MN_JUPPER   ? utf8proc_toupper(c)
                       : how == MN_JLOWER ? utf8proc_tolower(c)
                                          : utf8proc_totitle(c);
    const utf8proc_ssize_t n = utf8proc_encode_char(to, bytes);
    return mn_jtext_put(r, t, (const char *)bytes, (size_t)n, trusted);
}

static int is_letter(int32_t c) { /* cased, for str.title */
    if (c < 0) return 0;
    const utf8proc_category_t k = utf8proc_category(c);
    return k == UTF8PROC_CATEGORY_LU || k == UTF8PROC_CATEGORY_LL || k == UTF8PROC_CATEGORY_LT;
}

/* Is the sigma at s[i] the last letter of a word? Then its lower case is another one. */
static int final_sigma(const mn_jstr *s, size_t i) {
    int32_t c = -1;
    if (i) mn_jchar(s, mn_jchar_back(s, i), &c);
    if (!is_letter(c)) return 0;
    c = -1;
    if (i + 2 < s->n) mn_jchar(s, i + 2, &c);
    return !is_letter(c);
}

/* MN_JTITLE: each run of cased characters begins with a capital (str.title). */
int mn_jtext_case(mn_jrun *r, mn_jtext *t, const mn_jstr *s, size_t from, size_t to, mn_jcase how) {
    int inside = 0; /* a word */
    for (size_t i = from; i < to;) {
        int32_t c;
        const size_t n = mn_jchar(s, i, &c);
        const mn_jcase one = how == MN_JUPPER || how == MN_JLOWER ? how
                             : inside                             ? MN_JLOWER
                                                                  : MN_JTITLE;
        if (c < 0)
            MN_TRY(mn_jtext_add(r, t, s, i, i + n));
        else if (c == 0x3a3 && one == MN_JLOWER && final_sigma(s, i))
            MN_TRY(mn_jtext_put(r, t, "\xcf\x82", 2, mn_jstr_mark(s, i)));
        else
            MN_TRY(letter_case(r, t, c, one, mn_jstr_mark(s, i)));
        inside = how == MN_JTITLE ? is_letter(c) : 1;
        i += n;
    }
    return 0;
}

/* ---- strip, replace ------------------------------------------------------------------------- */
static int stripped(const mn_jstr *s, size_t at, size_t n, const mn_jstr *chars) {
    int32_t c;
    mn_jchar(s, at, &c);
    if (!chars) return mn_jspace(c);
    for (size_t i = 0; i < chars->n;) {
        int32_t other;
        const size_t len = mn_jchar(chars, i, &other);
        if (len == n && memcmp(chars->p + i, s->p + at, n) == 0) return 1;
        i += len;
    }
    return 0;
}

int mn_jstrip(mn_jrun *r, const mn_jstr *s, const mn_jstr *chars, int side, mn_jval *out) {
    size_t from = 0, to = s->n;
    while ((side & 1) && from < to) {
        int32_t c;
        const size_t n = mn_jchar(s, from, &c);
        if (!stripped(s, from, n, chars)) break;
        MN_TRY(mn_jtick(r, chars ? 1 + chars->n / 64 : 0));
        from += n;
    }
    while ((side & 2) && from < to) {
        const size_t at = mn_jchar_back(s, to);
        if (at < from || !stripped(s, at, to - at, chars)) break;
        MN_TRY(mn_jtick(r, chars ? 1 + chars->n / 64 : 0));
        to = at;
    }
    MN_TRY(mn_jtick(r, (s->n - (to - from)) / 64));
    const mn_jstr *part;
    MN_TRY(mn_jstr_cut(r, s, from, to, &part));
    *out = mn_jstring(part);
    return 0;
}

/* An empty `old` stands before each character and at the end, as in Python. */
int mn_jreplace(mn_jrun *r, const mn_jstr *s, const mn_jstr *old, const mn_jstr *new_text,
                int64_t count, mn_jval *out) {
    mn_jtext t = {0};
    size_t at = 0;
    while (count != 0) {
        size_t hit = mn_jfind(s, at, s->n, old);
        if (hit == SIZE_MAX) break;
        MN_TRY(mn_jtext_add(r, &t, s, at, hit));
        MN_TRY(mn_jtext_add(r, &t, new_text, 0, new_text->n));
        MN_TRY(mn_jtick(r, 1));
        at = hit + old->n;
        if (count > 0) count--;
        if (old->n) continue;
        if (at == s->n) break;
        int32_t c;
        const size_t n = mn_jchar(s, at, &c);
        MN_TRY(mn_jtext_add(r, &t, s, at, at + n));
        at += n;
    }
    MN_TRY(mn_jtext_add(r, &t, s, at, s->n));
    return mn_jtext_done(r, &t, out);
}
