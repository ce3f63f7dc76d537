/* SPDX-License-Identifier: Apache-2.0
 *
 * model/jinja_value.c - values of the template language: lists, dicts, truth, equality, order.
 *
 * As in Python: true is 1, 1 == 1.0, numbers and strings are ordered among themselves, lists and
 * tuples item by item. Walks of nested values count steps and depth, so a value that contains
 * itself many times over (or itself) ends the run, not the process.
 */
#include "model/jinja.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* ---- the run's limits ----------------------------------------------------------------------- */
int mn_jfail(const mn_jrun *r, const char *format, ...) {
    char text[600];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return MN_FAIL(MN_EINVAL, "chat template, line %u: %s", r->line, text);
}

int mn_jtick(mn_jrun *r, uint64_t n) {
    if (n > r->steps)
        return mn_jfail(r, "stopped after %llu steps; it does not seem to end",
                        (unsigned long long)r->max_steps);
    r->steps -= n;
    return 0;
}

int mn_jenter(mn_jrun *r) {
    if (r->depth >= MN_JDEPTH) return mn_jfail(r, "nested more than %d levels deep", MN_JDEPTH);
    r->depth++;
    return mn_jtick(r, 1);
}

/* ---- strings, lists, dicts ------------------------------------------------------------------ */
int mn_jstr_new(mn_arena *a, const char *p, size_t n, int trusted, const mn_jstr **out) {
    mn_jstr *s;
    char *copy;
    MN_TRY(mn_arena_take(a, sizeof *s + n, &s));
    copy = (char *)(s + 1);
    if (n) memcpy(copy, p, n);
    *s = (mn_jstr){.p = copy, .n = n, .trusted = trusted != 0};
    *out = s;
    return 0;
}

int mn_jstr_is(const mn_jstr *s, const char *text) {
    return s->n == strlen(text) && memcmp(s->p, text, s->n) == 0;
}

int mn_jstr_same(const mn_jstr *a, const mn_jstr *b) {
    return a->n == b->n && (a->p == b->p || memcmp(a->p, b->p, a->n) == 0);
}

int mn_jlist_new(mn_jrun *r, mn_jlist **out) {
    return mn_arena_take(&r->arena, sizeof **out, out);
}

int mn_jlist_add(mn_jrun *r, mn_jlist *list, mn_jval v) {
    if (list->n == list->cap) {
        const size_t cap = list->cap ? list->cap * 2 : 4;
        MN_TRY(mn_arena_grow(&r->arena, list->item, list->cap * sizeof v, cap * sizeof v,
                             &list->item));
        list->cap = cap;
    }
    list->item[list->n++] = v;
    return mn_jtick(r, 1);
}

int mn_jdict_new(mn_jrun *r, mn_jdict **out) {
    return mn_arena_take(&r->arena, sizeof **out, out);
}

static int hashable(mn_jval v) {
    if (v.kind == MN_JTUPLE) {
        for (size_t i = 0; i < v.list->n; i++)
            if (v.list->item[i].kind == MN_JTUPLE || !hashable(v.list->item[i])) return 0;
        return 1;
    }
    return v.kind != MN_JLIST && v.kind != MN_JDICT;
}

static int find(mn_jrun *r, const mn_jdict *d, mn_jval key, size_t *at) {
    if (!hashable(key)) return mn_jfail(r, "a %s cannot be a key", mn_jkind_name(key));
    MN_TRY(mn_jtick(r, d->n / 8 + (key.kind == MN_JSTR ? key.s->n / 64 * d->n : 0)));
    for (*at = 0; *at < d->n; ++*at) {
        int same = 0;
        if (key.kind == MN_JSTR && d->pair[*at].key.kind == MN_JSTR)
            same = mn_jstr_same(key.s, d->pair[*at].key.s);
        else
            MN_TRY(mn_jequal(r, key, d->pair[*at].key, &same));
        if (same) break;
    }
    return 0;
}

int mn_jdict_set(mn_jrun *r, mn_jdict *d, mn_jval key, mn_jval v) {
    size_t at;
    MN_TRY(find(r, d, key, &at));
    if (at < d->n) {
        d->pair[at].value = v;
        return 0;
    }
    if (d->n == d->cap) {
        const size_t cap = d->cap ? d->cap * 2 : 4;
        MN_TRY(mn_arena_grow(&r->arena, d->pair, d->cap * sizeof *d->pair, cap * sizeof *d->pair,
                             &d->pair));
        d->cap = cap;
    }
    d->pair[d->n++] = (mn_jpair){key, v};
    return mn_jtick(r, 1);
}

int mn_jdict_get(mn_jrun *r, const mn_jdict *d, mn_jval key, mn_jval *out, int *found) {
    size_t at;
    MN_TRY(find(r, d, key, &at));
    *found = at < d->n;
    if (*found) *out = d->pair[at].value;
    return 0;
}

int mn_jdict_name(const mn_jdict *d, const char *name, mn_jval *out) {
    for (size_t i = 0; i < d->n; i++) {
        if (d->pair[i].key.kind != MN_JSTR || !mn_jstr_is(d->pair[i].key.s, name)) continue;
        *out = d->pair[i].value;
        return 1;
    }
    return 0;
}

/* ---- asking --------------------------------------------------------------------------------- */
const char *mn_jkind_name(mn_jval v) {
    static const char *const name[] = {"missing",   "Undefined", "NoneType", "bool",   "int",
                                       "float",     "str",       "list",     "tuple",  "dict",
                                       "Namespace", "loop",      "macro",    "method", "function"};
    return name[v.kind];
}

int mn_jtruth(mn_jval v) {
    switch (v.kind) {
    case MN_JMISSING:
    case MN_JUNDEFINED:
    case MN_JNONE: return 0;
    case MN_JBOOL:
    case MN_JINT: return v.i != 0;
    case MN_JFLOAT: return v.f != 0;
    case MN_JSTR: return v.s->n > 0;
    case MN_JLIST:
    case MN_JTUPLE: return v.list->n > 0;
    case MN_JDICT: return v.dict->n > 0;
    default: return 1;
    }
}

int mn_jnumber(mn_jval v, double *f) {
    if (v.kind == MN_JFLOAT)
        *f = v.f;
    else if (v.kind == MN_JINT || v.kind == MN_JBOOL)
        *f = (double)v.i;
    else
        return 0;
    return 1;
}

int mn_jlength(mn_jrun *r, mn_jval v, int64_t *n) {
    switch (v.kind) {
    case MN_JUNDEFINED: *n = 0; return 0;
    case MN_JSTR: *n = (int64_t)mn_jchars(v.s); return mn_jtick(r, v.s->n / 64);
    case MN_JLIST:
    case MN_JTUPLE: *n = (int64_t)v.list->n; return 0;
    case MN_JDICT: *n = (int64_t)v.dict->n; return 0;
    default: return mn_jfail(r, "a value of type %s has no length", mn_jkind_name(v));
    }
}

/* Integers are compared as such, anything with a float as doubles. */
static int number_order(mn_jval a, mn_jval b, int *cmp) {
    double x, y;
    if (!mn_jnumber(a, &x) || !mn_jnumber(b, &y)) return 0;
    if (a.kind != MN_JFLOAT && b.kind != MN_JFLOAT)
        *cmp = a.i < b.i ? -1 : a.i > b.i;
    else
        *cmp = x < y ? -1 : x > y ? 1 : x == y ? 0 : 2; /* 2: NaN, neither */
    return 1;
}

static int equal_lists(mn_jrun *r, const mn_jlist *a, const mn_jlist *b, int *yes) {
    *yes = a->n == b->n;
    for (size_t i = 0; *yes && i < a->n; i++) MN_TRY(mn_jequal(r, a->item[i], b->item[i], yes));
    return 0;
}

static int equal_dicts(mn_jrun *r, const mn_jdict *a, const mn_jdict *b, int *yes) {
    *yes = a->n == b->n;
    for (size_t i = 0; *yes && i < a->n; i++) {
        mn_jval other;
        MN_TRY(mn_jdict_get(r, b, a->pair[i].key, &other, yes));
        if (*yes) MN_TRY(mn_jequal(r, a->pair[i].value, other, yes));
    }
    return 0;
}

int mn_jequal(mn_jrun *r, mn_jval a, mn_jval b, int *yes) {
    int cmp;
    *yes = 0;
    if (number_order(a, b, &cmp)) {
        *yes = cmp == 0;
        return 0;
    }
    if (a.kind != b.kind) return 0;
    MN_TRY(mn_jenter(r));
    switch (a.kind) {
    case MN_JMISSING:
    case MN_JUNDEFINED:
    case MN_JNONE: *yes = 1; break;
    case MN_JSTR:
        MN_TRY(mn_jtick(r, a.s->n / 64));
        *yes = mn_jstr_same(a.s, b.s);
        break;
    case MN_JLIST:
    case MN_JTUPLE: MN_TRY(equal_lists(r, a.list, b.list, yes)); break;
    case MN_JDICT: MN_TRY(equal_dicts(r, a.dict, b.dict, yes)); break;
    default: *yes = a.row == b.row; break;
    }
    r->depth--;
    return 0;
}

int mn_jorder(mn_jrun *r, mn_jval a, mn_jval b, int *cmp) {
    if (number_order(a, b, cmp)) return 0;
    if (a.kind == MN_JSTR && b.kind == MN_JSTR) { /* UTF-8 order is code point order */
        const size_t n = a.s->n < b.s->n ? a.s->n : b.s->n;
        MN_TRY(mn_jtick(r, n / 64));
        *cmp = memcmp(a.s->p, b.s->p, n);
        *cmp = *cmp < 0 ? -1 : *cmp > 0; /* 2 means NaN */
        if (!*cmp) *cmp = a.s->n < b.s->n ? -1 : a.s->n > b.s->n;
        return 0;
    }
    if (a.kind != b.kind || (a.kind != MN_JLIST && a.kind != MN_JTUPLE)) {
        if (a.kind == MN_JUNDEFINED || b.kind == MN_JUNDEFINED) {
            const mn_jstr *name = a.kind == MN_JUNDEFINED ? a.s : b.s;
            return mn_jfail(r, "'%.*s' is undefined", name ? (int)name->n : 1,
                            name ? name->p : "?");
        }
        return mn_jfail(r, "%s and %s cannot be ordered", mn_jkind_name(a), mn_jkind_name(b));
    }
    MN_TRY(mn_jenter(r));
    const size_t n = a.list->n < b.list->n ? a.list->n : b.list->n;
    *cmp = a.list->n < b.list->n ? -1 : a.list->n > b.list->n;
    for (size_t i = 0; i < n; i++) {
        int same;
        MN_TRY(mn_jequal(r, a.list->item[i], b.list->item[i], &same));
        if (same) continue;
        MN_TRY(mn_jorder(r, a.list->item[i], b.list->item[i], cmp));
        break;
    }
    r->depth--;
    return 0;
}

static int characters(mn_jrun *r, const mn_jstr *s, mn_jlist *list) {
    for (size_t i = 0; i < s->n;) {
        int32_t c;
        const size_t n = mn_jchar(s, i, &c);
        const mn_jstr *one;
        MN_TRY(mn_jstr_cut(r, s, i, i + n, &one));
        MN_TRY(mn_jlist_add(r, list, mn_jstring(one)));
        i += n;
    }
    return 0;
}

int mn_jitems(mn_jrun *r, mn_jval v, mn_jlist **out) {
    if (v.kind == MN_JLIST || v.kind == MN_JTUPLE) {
        *out = v.list;
        return 0;
    }
    MN_TRY(mn_jlist_new(r, out));
    if (v.kind == MN_JUNDEFINED) return 0;
    if (v.kind == MN_JSTR) return characters(r, v.s, *out);
    if (v.kind != MN_JDICT) return mn_jfail(r, "cannot go through a %s", mn_jkind_name(v));
    for (size_t i = 0; i < v.dict->n; i++) MN_TRY(mn_jlist_add(r, *out, v.dict->pair[i].key));
    return 0;
}
