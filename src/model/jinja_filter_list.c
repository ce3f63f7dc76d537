/* SPDX-License-Identifier: Apache-2.0
 *
 * model/jinja_filter_list.c - filters over lists and dicts, one row each.
 *
 * An attribute argument is a path: "function.name" or "0.role"; numbers are indices. Sorting is a
 * stable merge sort; strings compare without case unless case_sensitive.
 */
#include "model/jinja.h"

#include <string.h>

/* ---- attributes and keys -------------------------------------------------------------------- */
static int path_part(mn_jrun *r, mn_jval v, const mn_jstr *part, mn_jval *out) {
    int64_t index = 0;
    size_t i = 0;
    for (; i < part->n && i < 9 && part->p[i] >= '0' && part->p[i] <= '9'; i++)
        index = index * 10 + part->p[i] - '0';
    return mn_jitem(r, v, part->n && i == part->n ? mn_jint(index) : mn_jstring(part), out);
}

/* v.a.b for the path "a.b" (or v[3]); `fallback` where undefined unless missing. */
static int attribute(mn_jrun *r, mn_jval v, mn_jval path, mn_jval fallback, mn_jval *out) {
    static const mn_jstr dot = {.p = ".", .n = 1};
    if (path.kind == MN_JINT) {
        MN_TRY(mn_jitem(r, v, path, &v));
    } else if (path.kind == MN_JSTR) {
        for (size_t at = 0; at <= path.s->n;) {
            size_t end = mn_jfind(path.s, at, path.s->n, &dot);
            if (end == SIZE_MAX) end = path.s->n;
            const mn_jstr *part;
            MN_TRY(mn_jstr_cut(r, path.s, at, end, &part));
            MN_TRY(path_part(r, v, part, &v));
            if (v.kind == MN_JUNDEFINED && fallback.kind != MN_JMISSING) v = fallback;
            at = end + 1;
        }
    } else if (path.kind != MN_JMISSING && path.kind != MN_JNONE) {
        return mn_jfail(r, "an attribute is named by a string, not a %s", mn_jkind_name(path));
    }
    *out = v;
    return 0;
}

/* What v is compared by: its attribute, in lower case unless case_sensitive. */
static int sort_key(mn_jrun *r, mn_jval v, mn_jval path, int case_sensitive, mn_jval *out) {
    MN_TRY(attribute(r, v, path, (mn_jval){0}, out));
    if (case_sensitive || out->kind != MN_JSTR) return 0;
    mn_jtext t = {0};
    MN_TRY(mn_jtext_case(r, &t, out->s, 0, out->s->n, MN_JLOWER));
    return mn_jtext_done(r, &t, out);
}

/* ---- sorting -------------------------------------------------------------------------------- */
/* Merge p[0..half) and p[half..n) through `spare`; key order, `sign` -1 for descending. */
static int merge(mn_jrun *r, mn_jpair *p, size_t half, size_t n, mn_jpair *spare, int sign) {
    size_t a = 0, b = half, to = 0;
    memcpy(spare, p, half * sizeof *p);
    while (a < half && b < n) {
        int cmp;
        MN_TRY(mn_jtick(r, 1));
        MN_TRY(mn_jorder(r, p[b].key, spare[a].key, &cmp));
        if (cmp == 2) cmp = 0;
        p[to++] = cmp * sign < 0 ? p[b++] : spare[a++];
    }
    while (a < half) p[to++] = spare[a++];
    return 0;
}

static int sort_pairs(mn_jrun *r, mn_jpair *p, size_t n, mn_jpair *spare, int sign) {
    if (n < 2) return 0;
    MN_TRY(sort_pairs(r, p, n / 2, spare, sign));
    MN_TRY(sort_pairs(r, p + n / 2, n - n / 2, spare, sign));
    return merge(r, p, n / 2, n, spare, sign);
}

/* items sorted by their keys into a new list. */
static int sorted(mn_jrun *r, const mn_jlist *items, const mn_jlist *keys, int reverse,
                  mn_jval *out) {
    mn_jpair *p;
    mn_jlist *list;
    const size_t n = items->n;
    MN_TRY(mn_arena_take(&r->arena, (2 * n + 1) * sizeof *p, &p));
    for (size_t i = 0; i < n; i++) p[i] = (mn_jpair){keys->item[i], items->item[i]};
    MN_TRY(sort_pairs(r, p, n, p + n, reverse ? -1 : 1));
    MN_TRY(mn_jlist_new(r, &list));
    for (size_t i = 0; i < n; i++) MN_TRY(mn_jlist_add(r, list, p[i].value));
    *out = (mn_jval){.kind = MN_JLIST, .list = list};
    return 0;
}

static int keys_of(mn_jrun *r, const mn_jlist *items, mn_jval path, int case_sensitive,
                   mn_jlist **out) {
    MN_TRY(mn_jlist_new(r, out));
    for (size_t i = 0; i < items->n; i++) {
        mn_jval key;
        MN_TRY(sort_key(r, items->item[i], path, case_sensitive, &key));
        MN_TRY(mn_jlist_add(r, *out, key));
    }
    return 0;
}

static int sort(mn_jrun *r, mn_jcall *c, mn_jval *out) {
    mn_jlist *items, *keys;
    MN_TRY(mn_jitems(r, c->self, &items));
    MN_TRY(keys_of(r, items, c->arg[2], mn_jtruth(c->arg[1]), &keys));
    return sorted(r, items, keys, mn_jtruth(c->arg[0]), out);
}

/* Key and value as a tuple. */
static int pair_items(mn_jrun *r, mn_jval v, mn_jlist **out) {
    MN_TRY(mn_jlist_new(r, out));
    if (v.kind == MN_JUNDEFINED) return 0;
    if (v.kind != MN_JDICT) return mn_jfail(r, "items of a %s", mn_jkind_name(v));
    for (size_t i = 0; i < v.dict->n; i++) {
        mn_jlist *two;
        MN_TRY(mn_jlist_new(r, &two));
        MN_TRY(mn_jlist_add(r, two, v.dict->pair[i].key));
        MN_TRY(mn_jlist_add(r, two, v.dict->pair[i].value));
        MN_TRY(mn_jlist_add(r, *out, (mn_jval){.kind = MN_JTUPLE, .list = two}));
    }
    return 0;
}

static int dictsort(mn_jrun *r, mn_jcall *c, mn_jval *out) {
    mn_jlist *items, *keys;
    const mn_jstr *by;
    MN_TRY(mn_jarg_str(r, c->arg[1], NULL, &by));
    const int by_value = by && mn_jstr_is(by, "value");
    if (by && !by_value && !mn_jstr_is(by, "key"))
        return mn_jfail(r, "dictsort goes by key or value");
    if (c->self.kind != MN_JDICT) return mn_jfail(r, "dictsort of a %s", mn_jkind_name(c->self));
    MN_TRY(pair_items(r, c->self, &items));
    MN_TRY(keys_of(r, items, mn_jint(by_value), mn_jtruth(c->arg[0]), &keys));
    return sorted(r, items, keys, mn_jtruth(c->arg[2]), out);
}

/* ---- choosing ------------------------------------------------------------------------------- */
/* The rest of a call's arguments after the first n. */
static mn_jlist rest(const mn_jcall *c, size_t n) {
    mn_jval *item = n ? c->pos->item + n : c->pos->item; /* which may be NULL */
    return (mn_jlist){.item = item, .n = c->pos->n - n, .cap = c->pos->n - n};
}

static int named_row(mn_jrun *r, mn_jval name, int test, const mn_jrow **row) {
    if (name.kind != MN_JSTR) return mn_jfail(r, "expected the name of a filter or test");
    *row = test ? mn_jtest_find(name.s) : mn_jfilter_find(name.s);
    if (!*row)
        return mn_jfail(r, "the %s '%.*s' is not known here", test ? "test" : "filter",
                        name.s->n < 60 ? (int)name.s->n : 60, name.s->p);
    return 0;
}

/* What these filters make of anything false, whatever their arguments. */
static int empty(mn_jrun *r, mn_jval *out) {
    *out = (mn_jval){.kind = MN_JLIST};
    return mn_jlist_new(r, &out->list);
}

/* select, reject, selectattr, rejectattr: the items whose test gives `want`. */
static int choose(mn_jrun *r, mn_jcall *c, int by_attribute, int want, mn_jval *out) {
    mn_jlist *items, *list;
    const mn_jrow *row = NULL;
    const size_t skip = by_attribute != 0;
    if (!mn_jtruth(c->self)) return empty(r, out);
    if (by_attribute && !c->pos->n) return mn_jfail(r, "expected the name of an attribute");
    if (c->pos->n > skip) MN_TRY(named_row(r, c->pos->item[skip], 1, &row));
    mn_jlist args = rest(c, skip + (row != NULL));
    MN_TRY(mn_jitems(r, c->self, &items));
    MN_TRY(mn_jlist_new(r, &list));
    for (size_t i = 0; i < items->n; i++) {
        mn_jval v = items->item[i], yes;
        if (by_attribute) MN_TRY(attribute(r, v, c->pos->item[0], (mn_jval){0}, &v));
        yes = v;
        if (row) MN_TRY(mn_jcall_row(r, row, v, &args, c->named, &yes));
        if (mn_jtruth(yes) == want) MN_TRY(mn_jlist_add(r, list, items->item[i]));
    }
    *out = (mn_jval){.kind = MN_JLIST, .list = list};
    return 0;
}
static int select_items(mn_jrun *r, mn_jcall *c, mn_jval *out) {
    return choose(r, c, 0, 1, out);
}
static int reject(mn_jrun *r, mn_jcall *c, mn_jval *out) {
    return choose(r, c, 0, 0, out);
}
static int selectattr(mn_jrun *r, mn_jcall *c, mn_jval *out) {
    return choose(r, c, 1, 1, out);
}
static int rejectattr(mn_jrun *r, mn_jcall *c, mn_jval *out) {
    return choose(r, c, 1, 0, out);
}

static int map(mn_jrun *r, mn_jcall *c, mn_jval *out) {
    mn_jlist *items, *list;
    mn_jval path = {0}, fallback = {0};
    const mn_jrow *row = NULL;
    if (!mn_jtruth(c->self)) return empty(r, out);
    if (!c->pos->n && mn_jdict_name(c->named, "attribute", &path))
        mn_jdict_name(c->named, "default", &fallback);
    else
        MN_TRY(named_row(r, c->pos->n ? c->pos->item[0] : mn_jnone(), 0, &row));
    mn_jlist args = rest(c, row != NULL);
    MN_TRY(mn_jitems(r, c->self, &items));
    MN_TRY(mn_jlist_new(r, &list));
    for (size_t i = 0; i < items->n; i++) {
        mn_jval v;
        if (row)
            MN_TRY(mn_jcall_row(r, row, items->item[i], &args, c->named, &v));
        else
            MN_TRY(attribute(r, items->item[i], path, fallback, &v));
        MN_TRY(mn_jlist_add(r, list, v));
    }
    *out = (mn_jval){.kind = MN_JLIST, .list = list};
    return 0;
}

static int unique(mn_jrun *r, mn_jcall *c, mn_jval *out) {
    mn_jlist *items, *keys;
    mn_jdict *seen;
    MN_TRY(mn_jitems(r, c->self, &items));
    MN_TRY(keys_of(r, items, c->arg[1], mn_jtruth(c->arg[0]), &keys));
    MN_TRY(empty(r, out));
    MN_TRY(mn_jdict_new(r, &seen));
    for (size_t i = 0; i < items->n; i++) {
        const size_t before = seen->n;
        MN_TRY(mn_jdict_set(r, seen, keys->item[i], mn_jnone()));
        if (seen->n > before) MN_TRY(mn_jlist_add(r, out->list, items->item[i]));
    }
    return 0;
}

static int extreme(mn_jrun *r, mn_jcall *c, int sign, mn_jval *out) {
    mn_jlist *items, *keys;
    size_t best = 0;
    MN_TRY(mn_jitems(r, c->self, &items));
    MN_TRY(keys_of(r, items, c->arg[1], mn_jtruth(c->arg[0]), &keys));
    for (size_t i = 1; i < items->n; i++) {
        int cmp;
        MN_TRY(mn_jorder(r, keys->item[i], keys->item[best], &cmp));
        if (cmp * sign > 0 && cmp != 2) best = i;
    }
    *out = items->n ? items->item[best] : mn_jundefined(NULL);
    return 0;
}
static int largest(mn_jrun *r, mn_jcall *c, mn_jval *out) {
    return extreme(r, c, 1, out);
}
static int smallest(mn_jrun *r, mn_jcall *c, mn_jval *out) {
    return extreme(r, c, -1, out);
}

/* ---- plain ones ----------------------------------------------------------------------------- */
static int first(mn_jrun *r, mn_jcall *c, mn_jval *out) {
    mn_jlist *items;
    MN_TRY(mn_jitems(r, c->self, &items));
    *out = items->n ? items->item[0] : mn_jundefined(NULL);
    return 0;
}

static int last(mn_jrun *r, mn_jcall *c, mn_jval *out) {
    mn_jlist *items;
    MN_TRY(mn_jitems(r, c->self, &items));
    *out = items->n ? items->item[items->n - 1] : mn_jundefined(NULL);
    return 0;
}

static int length(mn_jrun *r, mn_jcall *c, mn_jval *out) {
    *out = mn_jint(0);
    return mn_jlength(r, c->self, &out->i);
}

static int list(mn_jrun *r, mn_jcall *c, mn_jval *out) {
    mn_jlist *items, *copy;
    MN_TRY(mn_jitems(r, c->self, &items));
    MN_TRY(mn_jlist_new(r, &copy));
    for (size_t i = 0; i < items->n; i++) MN_TRY(mn_jlist_add(r, copy, items->item[i]));
    *out = (mn_jval){.kind = MN_JLIST, .list = copy};
    return 0;
}

static int reverse(mn_jrun *r, mn_jcall *c, mn_jval *out) {
    const mn_jval part[3] = {{0}, {0}, mn_jint(-1)};
    mn_jlist *items;
    if (c->self.kind == MN_JSTR) return mn_jslice(r, c->self, part, out);
    MN_TRY(mn_jitems(r, c->self, &items));
    return mn_jslice(r, (mn_jval){.kind = MN_JLIST, .list = items}, part, out);
}

static int items_filter(mn_jrun *r, mn_jcall *c, mn_jval *out) {
    *out = (mn_jval){.kind = MN_JLIST};
    return pair_items(r, c->self, &out->list);
}

static int join(mn_jrun *r, mn_jcall *c, mn_jval *out) {
    mn_jlist *items;
    mn_jtext t = {0};
    MN_TRY(mn_jitems(r, c->self, &items));
    for (size_t i = 0; i < items->n; i++) {
        mn_jval v;
        MN_TRY(attribute(r, items->item[i], c->arg[1], (mn_jval){0}, &v));
        if (i && c->arg[0].kind != MN_JMISSING) MN_TRY(mn_jtext_value(r, &t, c->arg[0]));
        MN_TRY(mn_jtext_value(r, &t, v));
        MN_TRY(mn_jtick(r, 1));
    }
    return mn_jtext_done(r, &t, out);
}

static int fallback(mn_jrun *r, mn_jcall *c, mn_jval *out) {
    static const mn_jstr empty = {.p = "", .trusted = 1};
    (void)r;
    const int use = c->self.kind == MN_JUNDEFINED || (mn_jtruth(c->arg[1]) && !mn_jtruth(c->self));
    *out = !use ? c->self : c->arg[0].kind == MN_JMISSING ? mn_jstring(&empty) : c->arg[0];
    return 0;
}

static int sum(mn_jrun *r, mn_jcall *c, mn_jval *out) {
    mn_jlist *items;
    MN_TRY(mn_jitems(r, c->self, &items));
    *out = c->arg[1].kind == MN_JMISSING ? mn_jint(0) : c->arg[1];
    for (size_t i = 0; i < items->n; i++) {
        mn_jval v;
        MN_TRY(attribute(r, items->item[i], c->arg[0], (mn_jval){0}, &v));
        MN_TRY(mn_jbinary(r, '+', *out, v, out));
    }
    return 0;
}

static int attr(mn_jrun *r, mn_jcall *c, mn_jval *out) {
    if (c->arg[0].kind != MN_JSTR) return mn_jfail(r, "an attribute is named by a string");
    if (c->self.kind != MN_JDICT) return mn_jattr(r, c->self, c->arg[0].s, out);
    *out = mn_jundefined(c->arg[0].s); /* keys do not count here */
    return 0;
}

const mn_jrow mn_jfilters_list[] = {
    {"attr", "name", 1, attr},
    {"count", "", 0, length},
    {"d", "default_value boolean", 0, fallback},
    {"default", "default_value boolean", 0, fallback},
    {"dictsort", "case_sensitive by reverse", 0, dictsort},
    {"first", "", 0, first},
    {"items", "", 0, items_filter},
    {"join", "d attribute", 0, join},
    {"last", "", 0, last},
    {"length", "", 0, length},
    {"list", "", 0, list},
    {"map", NULL, 0, map},
    {"max", "case_sensitive attribute", 0, largest},
    {"min", "case_sensitive attribute", 0, smallest},
    {"reject", NULL, 0, reject},
    {"rejectattr", NULL, 0, rejectattr},
    {"reverse", "", 0, reverse},
    {"select", NULL, 0, select_items},
    {"selectattr", NULL, 0, selectattr},
    {"sort", "reverse case_sensitive attribute", 0, sort},
    {"sum", "attribute start", 0, sum},
    {"unique", "case_sensitive attribute", 0, unique},
    {0},
};
