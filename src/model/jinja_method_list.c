/* SPDX-License-Identifier: Apache-2.0
 *
 * model/jinja_method_list.c - methods of lists, dicts and loops, one row each, as Python's.
 *
 * Hugging Face's environment forbids those that change their object; templates written for other
 * programs use append and pop, so these are here.
 */
#include "model/jinja.h"

#include <string.h>

/* ---- lists ---------------------------------------------------------------------------------- */
static int append(mn_jrun *r, mn_jcall *c, mn_jval *out) {
    *out = mn_jnone();
    return mn_jlist_add(r, c->self.list, c->arg[0]);
}

static int extend(mn_jrun *r, mn_jcall *c, mn_jval *out) {
    mn_jlist *items;
    MN_TRY(mn_jitems(r, c->arg[0], &items));
    const size_t n = items->n; /* it may be the list itself */
    for (size_t i = 0; i < n; i++) MN_TRY(mn_jlist_add(r, c->self.list, items->item[i]));
    *out = mn_jnone();
    return 0;
}

static int pop(mn_jrun *r, mn_jcall *c, mn_jval *out) {
    mn_jlist *l = c->self.list;
    int64_t i;
    MN_TRY(mn_jarg_int(r, c->arg[0], -1, &i));
    if (i < 0) i += (int64_t)l->n;
    if (i < 0 || (size_t)i >= l->n) return mn_jfail(r, "pop from a list of %zu", l->n);
    *out = l->item[i];
    l->n--;
    memmove(l->item + i, l->item + i + 1, (l->n - (size_t)i) * sizeof *l->item);
    return mn_jtick(r, l->n / 8);
}

static int list_count(mn_jrun *r, mn_jcall *c, mn_jval *out) {
    *out = mn_jint(0);
    for (size_t i = 0; i < c->self.list->n; i++) {
        int same;
        MN_TRY(mn_jequal(r, c->self.list->item[i], c->arg[0], &same));
        out->i += same;
    }
    return mn_jtick(r, c->self.list->n);
}

static int list_index(mn_jrun *r, mn_jcall *c, mn_jval *out) {
    for (size_t i = 0; i < c->self.list->n; i++) {
        int same;
        MN_TRY(mn_jtick(r, 1));
        MN_TRY(mn_jequal(r, c->self.list->item[i], c->arg[0], &same));
        *out = mn_jint((int64_t)i);
        if (same) return 0;
    }
    return mn_jfail(r, "index of a value that is not in the list");
}

const mn_jrow mn_jmethods_list[] = {
    {"append", "object", 1, append},   {"count", "value", 1, list_count},
    {"extend", "iterable", 1, extend}, {"index", "value", 1, list_index},
    {"pop", "index", 0, pop},          {0},
};

const mn_jrow mn_jmethods_tuple[] = {
    {"count", "value", 1, list_count},
    {"index", "value", 1, list_index},
    {0},
};

/* ---- dicts ---------------------------------------------------------------------------------- */
static int get(mn_jrun *r, mn_jcall *c, mn_jval *out) {
    int found;
    mn_jval v;
    MN_TRY(mn_jdict_get(r, c->self.dict, c->arg[0], &v, &found));
    *out = found ? v : c->arg[1].kind == MN_JMISSING ? mn_jnone() : c->arg[1];
    return 0;
}

static int keys(mn_jrun *r, mn_jcall *c, mn_jval *out) {
    *out = (mn_jval){.kind = MN_JLIST};
    return mn_jitems(r, c->self, &out->list);
}

static int values(mn_jrun *r, mn_jcall *c, mn_jval *out) {
    *out = (mn_jval){.kind = MN_JLIST};
    MN_TRY(mn_jlist_new(r, &out->list));
    for (size_t i = 0; i < c->self.dict->n; i++)
        MN_TRY(mn_jlist_add(r, out->list, c->self.dict->pair[i].value));
    return 0;
}

static int items(mn_jrun *r, mn_jcall *c, mn_jval *out) {
    static const mn_jstr name = {.p = "items", .n = 5};
    return mn_jcall_row(r, mn_jfilter_find(&name), c->self, c->pos, c->named, out);
}

static int dict_pop(mn_jrun *r, mn_jcall *c, mn_jval *out) {
    mn_jdict *d = c->self.dict;
    for (size_t i = 0; i < d->n; i++) {
        int same;
        MN_TRY(mn_jtick(r, 1));
        MN_TRY(mn_jequal(r, d->pair[i].key, c->arg[0], &same));
        if (!same) continue;
        *out = d->pair[i].value;
        d->n--;
        memmove(d->pair + i, d->pair + i + 1, (d->n - i) * sizeof *d->pair);
        return 0;
    }
    if (c->arg[1].kind == MN_JMISSING) return mn_jfail(r, "pop of a key that is not there");
    *out = c->arg[1];
    return 0;
}

static int update(mn_jrun *r, mn_jcall *c, mn_jval *out) {
    if (c->arg[0].kind != MN_JDICT) return mn_jfail(r, "update by a %s", mn_jkind_name(c->arg[0]));
    const size_t n = c->arg[0].dict->n;
    for (size_t i = 0; i < n && i < c->arg[0].dict->n; i++)
        MN_TRY(mn_jdict_set(r, c->self.dict, c->arg[0].dict->pair[i].key,
                            c->arg[0].dict->pair[i].value));
    *out = mn_jnone();
    return 0;
}

const mn_jrow mn_jmethods_dict[] = {
    {"get", "key default", 1, get},
    {"items", "", 0, items},
    {"keys", "", 0, keys},
    {"pop", "key default", 1, dict_pop},
    {"update", "other", 1, update},
    {"values", "", 0, values},
    {0},
};

/* ---- loops ---------------------------------------------------------------------------------- */
static int cycle(mn_jrun *r, mn_jcall *c, mn_jval *out) {
    if (!c->pos->n) return mn_jfail(r, "loop.cycle without values");
    *out = c->pos->item[c->self.loop->at % c->pos->n];
    return 0;
}

static int changed(mn_jrun *r, mn_jcall *c, mn_jval *out) {
    const mn_jval now = {.kind = MN_JTUPLE, .list = c->pos};
    int same;
    MN_TRY(mn_jequal(r, c->self.loop->changed, now, &same));
    c->self.loop->changed = now;
    *out = mn_jbool(!same);
    return 0;
}

const mn_jrow mn_jmethods_loop[] = {
    {"changed", NULL, 0, changed},
    {"cycle", NULL, 0, cycle},
    {0},
};
