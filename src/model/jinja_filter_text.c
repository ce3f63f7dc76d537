/* SPDX-License-Identifier: Apache-2.0
 *
 * model/jinja_filter_text.c - filters that make text or numbers, one row each.
 */
#include "model/jinja.h"

#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- case and white space ------------------------------------------------------------------- */
static int cased(mn_jrun *r, mn_jval self, mn_jcase how, mn_jval *out) {
    const mn_jstr *s;
    mn_jtext t = {0};
    MN_TRY(mn_jstr_of(r, self, &s));
    MN_TRY(mn_jtext_case(r, &t, s, 0, s->n, how));
    return mn_jtext_done(r, &t, out);
}
static int upper(mn_jrun *r, mn_jcall *c, mn_jval *out) {
    return cased(r, c->self, MN_JUPPER, out);
}
static int lower(mn_jrun *r, mn_jcall *c, mn_jval *out) {
    return cased(r, c->self, MN_JLOWER, out);
}
static int capitalize(mn_jrun *r, mn_jcall *c, mn_jval *out) {
    return cased(r, c->self, MN_JCAPITAL, out);
}

/* Words begin after white space and - ( { [ <; the first letter is upper case, the rest lower. */
static int title(mn_jrun *r, mn_jcall *call, mn_jval *out) {
    const mn_jstr *s;
    mn_jtext t = {0};
    int inside = 0;
    MN_TRY(mn_jstr_of(r, call->self, &s));
    for (size_t i = 0; i < s->n;) {
        int32_t c;
        const size_t n = mn_jchar(s, i, &c);
        const int gap = mn_jspace(c) || (c > 0 && c < 0x80 && strchr("-({[<", c));
        MN_TRY(mn_jtext_case(r, &t, s, i, i + n, inside || gap ? MN_JLOWER : MN_JUPPER));
        inside = !gap;
        i += n;
    }
    return mn_jtext_done(r, &t, out);
}

static int trim(mn_jrun *r, mn_jcall *c, mn_jval *out) {
    const mn_jstr *s, *chars;
    MN_TRY(mn_jstr_of(r, c->self, &s));
    MN_TRY(mn_jarg_str(r, c->arg[0], NULL, &chars));
    return mn_jstrip(r, s, chars, 3, out);
}

static int replace(mn_jrun *r, mn_jcall *c, mn_jval *out) {
    const mn_jstr *s, *old, *new_text;
    int64_t count;
    MN_TRY(mn_jstr_of(r, c->self, &s));
    MN_TRY(mn_jstr_of(r, c->arg[0], &old));
    MN_TRY(mn_jstr_of(r, c->arg[1], &new_text));
    MN_TRY(mn_jarg_int(r, c->arg[2], -1, &count));
    return mn_jreplace(r, s, old, new_text, count, out);
}

/* The first line stays, others are pushed in; empty ones stay empty unless `blank`. */
static int indent(mn_jrun *r, mn_jcall *c, mn_jval *out) {
    const mn_jstr *s, *pad;
    mn_jval width = c->arg[0], padding;
    mn_jtext t = {0};
    mn_jlist *lines;
    const int first = mn_jtruth(c->arg[1]), blank = mn_jtruth(c->arg[2]);
    static const mn_jstr space = {.p = " ", .n = 1, .trusted = 1};
    if (width.kind == MN_JMISSING) width = mn_jint(4);
    if (c->self.kind != MN_JSTR) return mn_jfail(r, "indent of a %s", mn_jkind_name(c->self));
    s = c->self.s;
    if (width.kind == MN_JSTR)
        padding = width;
    else
        MN_TRY(mn_jbinary(r, '*', mn_jstring(&space), width, &padding));
    pad = padding.s;
    MN_TRY(mn_jlines(r, s, 0, &lines));
    const int open = s->n && s->p[s->n - 1] == '\n'; /* a last empty line */
    const size_t n = lines->n + (open || !s->n);
    for (size_t i = 0; i < n; i++) {
        const int empty = i >= lines->n || !lines->item[i].s->n;
        if (i) MN_TRY(mn_jtext_puts(r, &t, "\n"));
        if (i ? blank || !empty : first) MN_TRY(mn_jtext_add(r, &t, pad, 0, pad->n));
        if (!empty) MN_TRY(mn_jtext_value(r, &t, lines->item[i]));
    }
    return mn_jtext_done(r, &t, out);
}

static int escape(mn_jrun *r, mn_jcall *c, mn_jval *out) {
    static const char *const into[] = {"&amp;", "&lt;", "&gt;", "&#39;", "&#34;"};
    static const char from[] = "&<>'\"";
    const mn_jstr *s;
    mn_jtext t = {0};
    MN_TRY(mn_jstr_of(r, c->self, &s));
    for (size_t i = 0; i < s->n; i++) {
        const char *known = s->p[i] ? strchr(from, s->p[i]) : NULL;
        if (!known) {
            MN_TRY(mn_jtext_add(r, &t, s, i, i + 1));
            continue;
        }
        const char *text = into[known - from];
        MN_TRY(mn_jtext_put(r, &t, text, strlen(text), mn_jstr_mark(s, i)));
    }
    return mn_jtext_done(r, &t, out);
}

static int string(mn_jrun *r, mn_jcall *c, mn_jval *out) {
    const mn_jstr *s;
    MN_TRY(mn_jstr_of(r, c->self, &s));
    *out = mn_jstring(s);
    return 0;
}

static int format(mn_jrun *r, mn_jcall *c, mn_jval *out) {
    if (c->named->n) return mn_jfail(r, "format takes no keywords here");
    const mn_jval values = {.kind = MN_JTUPLE, .list = c->pos};
    const mn_jstr *s;
    MN_TRY(mn_jstr_of(r, c->self, &s));
    return mn_jbinary(r, '%', mn_jstring(s), values, out);
}

static int wordcount(mn_jrun *r, mn_jcall *c, mn_jval *out) {
    const mn_jstr *s;
    int64_t n = 0;
    int inside = 0;
    MN_TRY(mn_jstr_of(r, c->self, &s));
    for (size_t i = 0; i < s->n;) {
        int32_t ch;
        const size_t len = mn_jchar(s, i, &ch);
        const int part = mn_jword(ch);
        n += part && !inside;
        inside = part;
        i += len;
    }
    *out = mn_jint(n);
    return mn_jtick(r, s->n / 64);
}

/* ---- JSON ----------------------------------------------------------------------------------- */
static int tojson(mn_jrun *r, mn_jcall *c, mn_jval *out) {
    static const mn_jstr comma = {.p = ", ", .n = 2, .trusted = 1};
    static const mn_jstr bare = {.p = ",", .n = 1, .trusted = 1};
    static const mn_jstr colon = {.p = ": ", .n = 2, .trusted = 1};
    mn_jjson how = {.key_separator = &colon};
    int64_t width;
    mn_jtext t = {0};
    MN_TRY(mn_jarg_int(r, c->arg[1], -1, &width));
    if (width > 100) return mn_jfail(r, "an indent of %lld", (long long)width);
    how.ascii = mn_jtruth(c->arg[0]);
    how.indent = width < 0 ? (c->arg[1].kind == MN_JINT ? 0 : -1) : (int)width;
    how.sort_keys = mn_jtruth(c->arg[3]);
    how.item_separator = how.indent < 0 ? &comma : &bare;
    if (c->arg[2].kind == MN_JLIST || c->arg[2].kind == MN_JTUPLE) {
        const mn_jlist *two = c->arg[2].list;
        if (two->n != 2 || two->item[0].kind != MN_JSTR || two->item[1].kind != MN_JSTR)
            return mn_jfail(r, "separators are two strings");
        how.item_separator = two->item[0].s;
        how.key_separator = two->item[1].s;
    }
    MN_TRY(mn_jtext_json(r, &t, c->self, &how));
    return mn_jtext_done(r, &t, out);
}

/* ---- numbers -------------------------------------------------------------------------------- */
/* A string as Python's int() or float() reads it, spaces around and _ between digits allowed, in
 * text[80] for the C library; 0: it cannot be a number. */
static int number_text(mn_jrun *r, const mn_jstr *s, char text[80]) {
    mn_jval v;
    size_t n = 0;
    if (mn_jstrip(r, s, NULL, 3, &v) < 0 || !v.s->n || v.s->n >= 79) return 0;
    for (size_t i = 0; i < v.s->n; i++) {
        const char c = v.s->p[i];
        const int last = i + 1 == v.s->n;
        if (c == '_' && n && text[n - 1] != '_' && !last && v.s->p[i + 1] != '_') continue;
        if (!c || !strchr("0123456789abcdefxoABCDEFXOinftyINFTY+-.", c)) return 0;
        text[n++] = c == '.' ? *localeconv()->decimal_point : c;
    }
    text[n] = 0;
    return 1;
}

static int read_int(mn_jrun *r, const mn_jstr *s, int64_t base, int64_t *out) {
    char text[80], *end, *digits = text;
    if (!number_text(r, s, text)) return 0;
    digits += *text == '-' || *text == '+';
    if (*digits == '0' && digits[1]) {
        const char *letter = strchr("xXoObB", digits[1]);
        const int64_t own = letter ? (int64_t[]){16, 8, 2}[(letter - "xXoObB") / 2 % 3] : 0;
        if (letter && base != own && base != 0) return 0;
        if (letter) {
            base = own;
            memmove(digits, digits + 2, strlen(digits + 2) + 1);
        }
    }
    if (*digits == '-' || *digits == '+' || !*digits) return 0;
    *out = strtoll(text, &end, base ? (int)base : 10);
    return !*end;
}

static int read_float(mn_jrun *r, mn_jval v, double *out) {
    char text[80], *end;
    if (v.kind != MN_JSTR) return mn_jnumber(v, out);
    if (!number_text(r, v.s, text) || strpbrk(text, "xX")) return 0;
    *out = strtod(text, &end);
    return end != text && !*end;
}

static int defined(const mn_jrun *r, mn_jval v) {
    if (v.kind != MN_JUNDEFINED) return 0;
    return mn_jfail(r, "'%.*s' is undefined", v.s ? (int)v.s->n : 5, v.s ? v.s->p : "value");
}

static int to_int(mn_jrun *r, mn_jcall *c, mn_jval *out) {
    int64_t base, i;
    double f;
    MN_TRY(defined(r, c->self));
    MN_TRY(mn_jarg_int(r, c->arg[1], 10, &base));
    if (base != 0 && (base < 2 || base > 36)) return mn_jfail(r, "base %lld", (long long)base);
    *out = c->arg[0].kind == MN_JMISSING ? mn_jint(0) : c->arg[0];
    if (c->self.kind == MN_JINT || c->self.kind == MN_JBOOL)
        *out = mn_jint(c->self.i);
    else if (c->self.kind == MN_JSTR && read_int(r, c->self.s, base, &i))
        *out = mn_jint(i);
    else if (!read_float(r, c->self, &f) || isnan(f) || (c->self.kind == MN_JSTR && isinf(f)))
        return 0;
    else if (fabs(f) < 0x1p63)
        *out = mn_jint((int64_t)f);
    else
        return mn_jfail(r, "int of %g does not fit in 64 bits", f);
    return 0;
}

static int to_float(mn_jrun *r, mn_jcall *c, mn_jval *out) {
    double f;
    MN_TRY(defined(r, c->self));
    *out = c->arg[0].kind == MN_JMISSING ? mn_jfloat(0) : c->arg[0];
    if (read_float(r, c->self, &f)) *out = mn_jfloat(f);
    return 0;
}

static int absolute(mn_jrun *r, mn_jcall *c, mn_jval *out) {
    *out = c->self;
    if (c->self.kind == MN_JFLOAT)
        out->f = fabs(out->f);
    else if (c->self.kind != MN_JINT && c->self.kind != MN_JBOOL)
        return mn_jfail(r, "abs of a %s", mn_jkind_name(c->self));
    else
        *out = mn_jint(c->self.i < 0 && c->self.i != INT64_MIN ? -c->self.i : c->self.i);
    return 0;
}

/* Halves of the exact binary value go to even digits, as in Python: printf rounds like that. */
static double round_to(double f, int64_t digits) {
    char text[400];
    if (digits < 0) {
        const double unit = pow(10, (double)-digits);
        return rint(f / unit) * unit;
    }
    snprintf(text, sizeof text, "%.*f", (int)digits, f);
    return strtod(text, NULL);
}

static int round_filter(mn_jrun *r, mn_jcall *c, mn_jval *out) {
    const mn_jstr *how;
    int64_t digits;
    double f;
    MN_TRY(mn_jarg_int(r, c->arg[0], 0, &digits));
    MN_TRY(mn_jarg_str(r, c->arg[1], NULL, &how));
    if (!mn_jnumber(c->self, &f)) return mn_jfail(r, "round of a %s", mn_jkind_name(c->self));
    if (digits < -18 || digits > 18) return mn_jfail(r, "%lld digits", (long long)digits);
    const double unit = pow(10, (double)digits);
    if (!how || mn_jstr_is(how, "common")) {
        *out = c->self.kind == MN_JFLOAT ? mn_jfloat(isfinite(f) ? round_to(f, digits) : f)
               : digits >= 0             ? mn_jint(c->self.i)
                                         : mn_jint((int64_t)round_to(f, digits));
    } else if (mn_jstr_is(how, "ceil") || mn_jstr_is(how, "floor")) {
        *out = mn_jfloat((*how->p == 'c' ? ceil(f * unit) : floor(f * unit)) / unit);
    } else {
        return mn_jfail(r, "round knows common, ceil and floor");
    }
    return 0;
}

const mn_jrow mn_jfilters_text[] = {
    {"abs", "", 0, absolute},
    {"capitalize", "", 0, capitalize},
    {"e", "", 0, escape},
    {"escape", "", 0, escape},
    {"float", "default", 0, to_float},
    {"forceescape", "", 0, escape},
    {"format", NULL, 0, format},
    {"indent", "width first blank", 0, indent},
    {"int", "default base", 0, to_int},
    {"lower", "", 0, lower},
    {"replace", "old new count", 2, replace},
    {"round", "precision method", 0, round_filter},
    {"safe", "", 0, string},
    {"string", "", 0, string},
    {"title", "", 0, title},
    {"tojson", "ensure_ascii indent separators sort_keys", 0, tojson},
    {"trim", "chars", 0, trim},
    {"upper", "", 0, upper},
    {"wordcount", "", 0, wordcount},
    {0},
};
