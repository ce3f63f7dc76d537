/* SPDX-License-Identifier: Apache-2.0
 *
 * model/jinja_ops.c - operators of the template language: arithmetic, comparison, indexing.
 *
 * Python's rules: / always gives a float, // and % round towards minus infinity, + joins strings
 * and lists, * repeats them, indices count from the end when negative.
 */
#include "model/jinja.h"

#include <math.h>
#include <string.h>

static int undefined_in(const mn_jrun *r, mn_jval v) {
    return mn_jfail(r, "'%.*s' is undefined", v.s ? (int)v.s->n : 5, v.s ? v.s->p : "value");
}

static int mismatch(const mn_jrun *r, uint16_t op, mn_jval a, mn_jval b) {
    if (a.kind == MN_JUNDEFINED) return undefined_in(r, a);
    if (b.kind == MN_JUNDEFINED) return undefined_in(r, b);
    const char text[3] = {(char)op, (char)(op >> 8), 0};
    return mn_jfail(r, "%s does not go between %s and %s", text, mn_jkind_name(a),
                    mn_jkind_name(b));
}

/* ---- arithmetic ----------------------------------------------------------------------------- */
static int power_int(int64_t a, int64_t b, int64_t *out) {
    int64_t v = 1;
    while (b > 0) {
        if ((b & 1) && __builtin_mul_overflow(v, a, &v)) return 0;
        b >>= 1;
        if (b && __builtin_mul_overflow(a, a, &a)) return 0;
    }
    *out = v;
    return 1;
}

/* 1: done, 0: does not fit in 64 bits. Division by zero was refused before. */
static int integers(uint16_t op, int64_t a, int64_t b, int64_t *out) {
    switch (op) {
    case MN_JOP('+', 0): return !__builtin_add_overflow(a, b, out);
    case MN_JOP('-', 0): return !__builtin_sub_overflow(a, b, out);
    case MN_JOP('*', 0): return !__builtin_mul_overflow(a, b, out);
    case MN_JOP('*', '*'): return power_int(a, b, out);
    default: break;
    }
    if (b == -1) { /* INT64_MIN / -1 overflows */
        *out = 0;
        return op == MN_JOP('%', 0) || !__builtin_sub_overflow((int64_t)0, a, out);
    }
    const int64_t rest = a % b, up = rest != 0 && (rest < 0) != (b < 0);
    *out = op == MN_JOP('%', 0) ? rest + (up ? b : 0) : a / b - up;
    return 1;
}

static double floats(uint16_t op, double a, double b) {
    switch (op) {
    case MN_JOP('+', 0): return a + b;
    case MN_JOP('-', 0): return a - b;
    case MN_JOP('*', 0): return a * b;
    case MN_JOP('/', 0): return a / b;
    case MN_JOP('/', '/'): return floor(a / b);
    case MN_JOP('*', '*'): return pow(a, b);
    default: break;
    }
    const double rest = fmod(a, b);
    return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
}

static int arithmetic(mn_jrun *r, uint16_t op, mn_jval a, mn_jval b, mn_jval *out) {
    double x, y;
    mn_jnumber(a, &x);
    mn_jnumber(b, &y);
    const int divides = op == MN_JOP('/', 0) || op == MN_JOP('/', '/') || op == MN_JOP('%', 0);
    if (divides && y == 0) return mn_jfail(r, "division by zero");
    if (a.kind == MN_JFLOAT || b.kind == MN_JFLOAT || op == MN_JOP('/', 0) ||
        (op == MN_JOP('*', '*') && b.i < 0)) {
        *out = mn_jfloat(floats(op, x, y));
        return 0;
    }
    *out = mn_jint(0);
    if (integers(op, a.i, b.i, &out->i)) return 0;
    return mn_jfail(r, "%lld %c %lld does not fit in 64 bits", (long long)a.i, (char)op,
                    (long long)b.i);
}

/* ---- joining and repeating ------------------------------------------------------------------ */
static int join_strings(mn_jrun *r, const mn_jstr *a, const mn_jstr *b, mn_jval *out) {
    mn_jtext t = {0};
    MN_TRY(mn_jtext_add(r, &t, a, 0, a->n));
    MN_TRY(mn_jtext_add(r, &t, b, 0, b->n));
    return mn_jtext_done(r, &t, out);
}

static int add_items(mn_jrun *r, mn_jlist *to, const mn_jlist *from) {
    const size_t n = from->n;
    for (size_t i = 0; i < n; i++) MN_TRY(mn_jlist_add(r, to, from->item[i]));
    return 0;
}

static int repeat(mn_jrun *r, mn_jval v, int64_t times, mn_jval *out) {
    mn_jtext t = {0};
    mn_jlist *list;
    if (v.kind == MN_JSTR) {
        for (int64_t i = 0; i < times && v.s->n; i++) {
            MN_TRY(mn_jtext_add(r, &t, v.s, 0, v.s->n));
            MN_TRY(mn_jtick(r, 1));
        }
        return mn_jtext_done(r, &t, out);
    }
    MN_TRY(mn_jlist_new(r, &list));
    for (int64_t i = 0; i < times && v.list->n; i++) MN_TRY(add_items(r, list, v.list));
    *out = (mn_jval){.kind = v.kind, .list = list};
    return 0;
}

static int is_integer(mn_jval v) {
    return v.kind == MN_JINT || v.kind == MN_JBOOL;
}
static int is_sequence(mn_jval v) {
    return v.kind == MN_JSTR || v.kind == MN_JLIST || v.kind == MN_JTUPLE;
}

/* "%s and %d" % (a, b): %s, %d, %r and %% only. */
static int format_old(mn_jrun *r, const mn_jstr *s, mn_jval v, mn_jval *out) {
    mn_jtext t = {0};
    const mn_jlist one = {.item = &v, .n = 1}, *args = v.kind == MN_JTUPLE ? v.list : &one;
    size_t used = 0;
    for (size_t i = 0; i < s->n; i++) {
        if (s->p[i] != '%') {
            MN_TRY(mn_jtext_add(r, &t, s, i, i + 1));
            continue;
        }
        const char c = ++i < s->n ? s->p[i] : 0;
        if (c == '%') {
            MN_TRY(mn_jtext_add(r, &t, s, i, i + 1));
        } else if (c != 's' && c != 'd' && c != 'r') {
            return mn_jfail(r, "the format %%%c is not known here", c ? c : ' ');
        } else if (used == args->n) {
            return mn_jfail(r, "a format has more marks than its %zu values", args->n);
        } else {
            const mn_jval arg = args->item[used++];
            double number;
            if (c == 'd' && !mn_jnumber(arg, &number)) return mismatch(r, '%', mn_jint(0), arg);
            if (c == 'd' && arg.kind == MN_JFLOAT && fabs(number) < 9e18)
                MN_TRY(mn_jtext_value(r, &t, mn_jint((int64_t)number)));
            else
                MN_TRY(c == 'r' ? mn_jtext_repr(r, &t, arg) : mn_jtext_value(r, &t, arg));
        }
    }
    const int mapping = v.kind == MN_JLIST || v.kind == MN_JDICT || v.kind == MN_JUNDEFINED;
    if (used < args->n && !mapping)
        return mn_jfail(r, "a format leaves %zu values over", args->n - used);
    return mn_jtext_done(r, &t, out);
}

int mn_jbinary(mn_jrun *r, uint16_t op, mn_jval a, mn_jval b, mn_jval *out) {
    double x;
    if (op == '~') {
        const mn_jstr *left, *right;
        MN_TRY(mn_jstr_of(r, a, &left));
        MN_TRY(mn_jstr_of(r, b, &right));
        return join_strings(r, left, right, out);
    }
    if (mn_jnumber(a, &x) && mn_jnumber(b, &x)) return arithmetic(r, op, a, b, out);
    if (op == '+' && a.kind == b.kind && is_sequence(a)) {
        if (a.kind == MN_JSTR) return join_strings(r, a.s, b.s, out);
        mn_jlist *list;
        MN_TRY(mn_jlist_new(r, &list));
        MN_TRY(add_items(r, list, a.list));
        MN_TRY(add_items(r, list, b.list));
        *out = (mn_jval){.kind = a.kind, .list = list};
        return 0;
    }
    if (op == '*' && is_sequence(a) && is_integer(b)) return repeat(r, a, b.i, out);
    if (op == '*' && is_integer(a) && is_sequence(b)) return repeat(r, b, a.i, out);
    if (op == '%' && a.kind == MN_JSTR) return format_old(r, a.s, b, out);
    return mismatch(r, op, a, b);
}

/* ---- comparison ----------------------------------------------------------------------------- */
static int contains(mn_jrun *r, mn_jval item, mn_jval in, int *yes) {
    *yes = 0;
    if (in.kind == MN_JDICT) {
        mn_jval v;
        return mn_jdict_get(r, in.dict, item, &v, yes);
    }
    if (in.kind == MN_JSTR) {
        if (item.kind != MN_JSTR) return mismatch(r, MN_JOP('i', 'n'), item, in);
        MN_TRY(mn_jtick(r, in.s->n / 64));
        *yes = mn_jfind(in.s, 0, in.s->n, item.s) != SIZE_MAX;
        return 0;
    }
    mn_jlist *list;
    MN_TRY(mn_jitems(r, in, &list));
    for (size_t i = 0; i < list->n && !*yes; i++) MN_TRY(mn_jequal(r, item, list->item[i], yes));
    return 0;
}

int mn_jcompare(mn_jrun *r, uint16_t op, mn_jval a, mn_jval b, int *out) {
    int cmp = 0;
    switch (op) {
    case MN_JOP('=', '='): return mn_jequal(r, a, b, out);
    case MN_JOP('!', '='):
        MN_TRY(mn_jequal(r, a, b, out));
        *out = !*out;
        return 0;
    case 'i': return contains(r, a, b, out);
    case 'I':
        MN_TRY(contains(r, a, b, out));
        *out = !*out;
        return 0;
    default: break;
    }
    MN_TRY(mn_jorder(r, a, b, &cmp));
    *out = cmp == 2                 ? 0 /* NaN */
           : op == '<'              ? cmp < 0
           : op == MN_JOP('<', '=') ? cmp <= 0
           : op == '>'              ? cmp > 0
                                    : cmp >= 0;
    return 0;
}

/* ---- indexing ------------------------------------------------------------------------------- */
/* Byte offset of character i of s; s->n when there are fewer. */
static size_t offset_of(const mn_jstr *s, int64_t i) {
    size_t at = 0;
    int32_t c;
    while (i-- > 0 && at < s->n) at += mn_jchar(s, at, &c);
    return at;
}

static int string_item(mn_jrun *r, const mn_jstr *s, int64_t i, mn_jval *out) {
    const size_t from = offset_of(s, i);
    int32_t c;
    const mn_jstr *one;
    MN_TRY(mn_jtick(r, from / 64));
    MN_TRY(mn_jstr_cut(r, s, from, from + mn_jchar(s, from, &c), &one));
    *out = mn_jstring(one);
    return 0;
}

int mn_jitem(mn_jrun *r, mn_jval self, mn_jval key, mn_jval *out) {
    *out = mn_jundefined(key.kind == MN_JSTR ? key.s : NULL);
    if (self.kind == MN_JUNDEFINED) return undefined_in(r, self);
    if (self.kind == MN_JDICT) {
        int found;
        mn_jval v;
        if (key.kind == MN_JLIST || key.kind == MN_JDICT) return 0;
        MN_TRY(mn_jdict_get(r, self.dict, key, &v, &found));
        if (found)
            *out = v;
        else if (key.kind == MN_JSTR)
            return mn_jattr(r, self, key.s, out);
        return 0;
    }
    if (is_sequence(self) && is_integer(key)) {
        int64_t n, i = key.i;
        MN_TRY(mn_jlength(r, self, &n));
        if (i < 0) i += n;
        if (i < 0 || i >= n) return 0;
        if (self.kind == MN_JSTR) return string_item(r, self.s, i, out);
        *out = self.list->item[i];
        return 0;
    }
    return key.kind == MN_JSTR ? mn_jattr(r, self, key.s, out) : 0;
}

/* One bound of a slice, as Python clips it. */
static int bound(mn_jrun *r, mn_jval v, int64_t n, int64_t fallback, int64_t low, int64_t high,
                 int64_t *out) {
    *out = fallback;
    if (v.kind == MN_JMISSING || v.kind == MN_JNONE) return 0;
    if (!is_integer(v)) return mn_jfail(r, "a slice by a %s", mn_jkind_name(v));
    *out = v.i < 0 ? (v.i < -n ? low : v.i + n < low ? low : v.i + n) : v.i > high ? high : v.i;
    return 0;
}

int mn_jslice(mn_jrun *r, mn_jval self, const mn_jval part[3], mn_jval *out) {
    int64_t n, from, to, step;
    if (self.kind == MN_JUNDEFINED) return undefined_in(r, self);
    if (!is_sequence(self)) return mn_jfail(r, "a slice of a %s", mn_jkind_name(self));
    MN_TRY(mn_jlength(r, self, &n));
    MN_TRY(bound(r, part[2], 0, 1, INT64_MIN, INT64_MAX, &step));
    if (part[2].kind == MN_JINT) step = part[2].i;
    if (!step) return mn_jfail(r, "a slice with a step of zero");
    MN_TRY(
        bound(r, part[0], n, step > 0 ? 0 : n - 1, step > 0 ? 0 : -1, step > 0 ? n : n - 1, &from));
    MN_TRY(bound(r, part[1], n, step > 0 ? n : -1, step > 0 ? 0 : -1, step > 0 ? n : n - 1, &to));
    if (self.kind == MN_JSTR && step == 1) {
        const size_t a = offset_of(self.s, from), b = offset_of(self.s, to > from ? to : from);
        const mn_jstr *s;
        MN_TRY(mn_jstr_cut(r, self.s, a, b, &s));
        *out = mn_jstring(s);
        return 0;
    }
    mn_jlist *all, *list;
    MN_TRY(mn_jitems(r, self, &all));
    MN_TRY(mn_jlist_new(r, &list));
    mn_jtext t = {0};
    const uint64_t stride = step > 0 ? (uint64_t)step : 0 - (uint64_t)step;
    const uint64_t span = step > 0 ? (to > from ? (uint64_t)(to - from) : 0)
                                   : (from > to ? (uint64_t)(from - to) : 0);
    for (uint64_t k = 0; k < span; k += stride) {
        const mn_jval v = all->item[step > 0 ? from + (int64_t)k : from - (int64_t)k];
        if (self.kind == MN_JSTR)
            MN_TRY(mn_jtext_add(r, &t, v.s, 0, v.s->n));
        else
            MN_TRY(mn_jlist_add(r, list, v));
        if (stride > span) break; /* k + stride might wrap */
    }
    if (self.kind == MN_JSTR) return mn_jtext_done(r, &t, out);
    *out = (mn_jval){.kind = self.kind, .list = list};
    return 0;
}
