/* SPDX-License-Identifier: Apache-2.0
 *
 * model/jinja_eval.c - running expressions: names, attributes, calls, conditions.
 *
 * One function per kind of node in a table. Names are looked up from the innermost scope outwards,
 * then among the global functions; what is nowhere is undefined, which prints as nothing and is an
 * error as soon as something is asked of it.
 */
#include "model/jinja.h"

#include <string.h>

static int eval_name(mn_jrun *r, const mn_jnode *n, mn_jval *out) {
    for (const mn_jscope *s = r->scope; s; s = s->outer)
        for (const mn_jvar *v = s->var; v; v = v->next) {
            if (!mn_jstr_same(v->name, n->name)) continue;
            *out = v->value;
            return 0;
        }
    const mn_jrow *row = mn_jfunction_find(n->name);
    *out = row ? (mn_jval){.kind = MN_JFUNCTION, .row = row} : mn_jundefined(n->name);
    return 0;
}

int mn_jset(mn_jrun *r, const mn_jstr *name, mn_jval value) {
    for (mn_jvar *v = r->scope->var; v; v = v->next)
        if (mn_jstr_same(v->name, name)) {
            v->value = value;
            return 0;
        }
    mn_jvar *v;
    MN_TRY(mn_arena_take(&r->arena, sizeof *v, &v));
    *v = (mn_jvar){r->scope->var, name, value};
    r->scope->var = v;
    return 0;
}

static int eval_const(mn_jrun *r, const mn_jnode *n, mn_jval *out) {
    (void)r;
    *out = n->value;
    return 0;
}

static int eval_list(mn_jrun *r, const mn_jnode *n, mn_jval *out) {
    mn_jlist *list;
    MN_TRY(mn_jlist_new(r, &list));
    for (const mn_jnode *i = n->list; i; i = i->next) {
        mn_jval v;
        MN_TRY(mn_jeval(r, i, &v));
        MN_TRY(mn_jlist_add(r, list, v));
    }
    *out = (mn_jval){.kind = n->kind == MN_JN_LIST ? MN_JLIST : MN_JTUPLE, .list = list};
    return 0;
}

static int eval_dict(mn_jrun *r, const mn_jnode *n, mn_jval *out) {
    mn_jdict *d;
    MN_TRY(mn_jdict_new(r, &d));
    for (const mn_jnode *i = n->list; i; i = i->next) {
        mn_jval key, v;
        MN_TRY(mn_jeval(r, i->a, &key));
        MN_TRY(mn_jeval(r, i->b, &v));
        MN_TRY(mn_jdict_set(r, d, key, v));
    }
    *out = (mn_jval){.kind = MN_JDICT, .dict = d};
    return 0;
}

/* ---- attributes and items ------------------------------------------------------------------- */
static int loop_attr(const mn_jloop *loop, const mn_jstr *name, mn_jval *out) {
    const int64_t at = (int64_t)loop->at, n = (int64_t)loop->over->n;
    const struct {
        const char *name;
        mn_jval value;
    } row[] = {{"index0", mn_jint(at)},
               {"index", mn_jint(at + 1)},
               {"revindex", mn_jint(n - at)},
               {"revindex0", mn_jint(n - at - 1)},
               {"first", mn_jbool(at == 0)},
               {"last", mn_jbool(at + 1 == n)},
               {"length", mn_jint(n)},
               {"depth", mn_jint(1)},
               {"depth0", mn_jint(0)},
               {"previtem", at ? loop->over->item[at - 1] : mn_jundefined(name)},
               {"nextitem", at + 1 < n ? loop->over->item[at + 1] : mn_jundefined(name)}};
    for (size_t i = 0; i < sizeof row / sizeof *row; i++)
        if (mn_jstr_is(name, row[i].name)) {
            *out = row[i].value;
            return 1;
        }
    return 0;
}

int mn_jattr(mn_jrun *r, mn_jval self, const mn_jstr *name, mn_jval *out) {
    *out = mn_jundefined(name);
    if (self.kind == MN_JUNDEFINED)
        return mn_jfail(r, "'%.*s' is undefined", self.s ? (int)self.s->n : 5,
                        self.s ? self.s->p : "value");
    if (self.kind == MN_JLOOP && loop_attr(self.loop, name, out)) return 0;
    if (self.kind == MN_JMACRO && mn_jstr_is(name, "name") && self.macro->node->name) {
        *out = mn_jstring(self.macro->node->name);
        return 0;
    }
    const mn_jrow *row = mn_jmethod_find(self.kind, name);
    if (row) {
        mn_jbound *b;
        MN_TRY(mn_arena_take(&r->arena, sizeof *b, &b));
        *b = (mn_jbound){self, row};
        *out = (mn_jval){.kind = MN_JMETHOD, .bound = b};
    } else if (self.kind == MN_JDICT || self.kind == MN_JSPACE) {
        int found;
        mn_jval v;
        MN_TRY(mn_jdict_get(r, self.dict, mn_jstring(name), &v, &found));
        if (found) *out = v;
    }
    return 0;
}

static int eval_attr(mn_jrun *r, const mn_jnode *n, mn_jval *out) {
    mn_jval self;
    MN_TRY(mn_jeval(r, n->a, &self));
    r->line = n->line;
    return mn_jattr(r, self, n->name, out);
}

static int eval_item(mn_jrun *r, const mn_jnode *n, mn_jval *out) {
    mn_jval self, key;
    MN_TRY(mn_jeval(r, n->a, &self));
    if (n->b->kind != MN_JN_SLICE) {
        MN_TRY(mn_jeval(r, n->b, &key));
        r->line = n->line;
        return mn_jitem(r, self, key, out);
    }
    const mn_jnode *from[3] = {n->b->a, n->b->b, n->b->c};
    mn_jval part[3] = {{0}};
    for (int i = 0; i < 3; i++)
        if (from[i]) MN_TRY(mn_jeval(r, from[i], &part[i]));
    return mn_jslice(r, self, part, out);
}

/* ---- calls ---------------------------------------------------------------------------------- */
static int spread(mn_jrun *r, const mn_jnode *arg, mn_jlist *pos, mn_jdict *named) {
    mn_jval v;
    MN_TRY(mn_jeval(r, arg->a, &v));
    if (arg->op == 0 && arg->name) return mn_jdict_set(r, named, mn_jstring(arg->name), v);
    if (arg->op == 0) return mn_jlist_add(r, pos, v);
    if (arg->op == 1) {
        mn_jlist *items;
        MN_TRY(mn_jitems(r, v, &items));
        for (size_t i = 0; i < items->n; i++) MN_TRY(mn_jlist_add(r, pos, items->item[i]));
        return 0;
    }
    if (v.kind != MN_JDICT) return mn_jfail(r, "** of a %s", mn_jkind_name(v));
    for (size_t i = 0; i < v.dict->n; i++) {
        if (v.dict->pair[i].key.kind != MN_JSTR) return mn_jfail(r, "a keyword that is no string");
        MN_TRY(mn_jdict_set(r, named, v.dict->pair[i].key, v.dict->pair[i].value));
    }
    return 0;
}

static int arguments(mn_jrun *r, const mn_jnode *list, mn_jlist **pos, mn_jdict **named) {
    MN_TRY(mn_jlist_new(r, pos));
    MN_TRY(mn_jdict_new(r, named));
    for (const mn_jnode *a = list; a; a = a->next) MN_TRY(spread(r, a, *pos, *named));
    return 0;
}

/* A macro's parameter: given by position or name, else its default, else undefined. */
static int bind_parameters(mn_jrun *r, const mn_jnode *node, const mn_jlist *pos,
                           const mn_jdict *named) {
    size_t i = 0, used = 0;
    for (const mn_jnode *p = node->args; p; p = p->next, i++) {
        mn_jval v = mn_jundefined(p->name);
        int found = i < pos->n;
        if (found)
            v = pos->item[i];
        else
            MN_TRY(mn_jdict_get(r, named, mn_jstring(p->name), &v, &found));
        used += found && i >= pos->n;
        if (!found && p->a) MN_TRY(mn_jeval(r, p->a, &v));
        MN_TRY(mn_jset(r, p->name, v));
    }
    if (pos->n > i) return mn_jfail(r, "a macro takes %zu arguments, not %zu", i, pos->n);
    mn_jval caller;
    if (mn_jdict_name(named, "caller", &caller)) {
        static const mn_jstr name = {.p = "caller", .n = 6, .trusted = 1};
        MN_TRY(mn_jset(r, &name, caller));
        used++;
    }
    if (used < named->n) return mn_jfail(r, "a macro does not take a keyword it was given");
    return 0;
}

static int call_macro(mn_jrun *r, const mn_jmacro *m, mn_jlist *pos, mn_jdict *named,
                      mn_jval *out) {
    mn_jscope *scope, *const before = r->scope;
    mn_jtext text = {0}, *const out_before = r->out;
    MN_TRY(mn_arena_take(&r->arena, sizeof *scope, &scope));
    scope->outer = m->scope;
    r->scope = scope;
    r->out = &text;
    MN_TRY(bind_parameters(r, m->node, pos, named));
    MN_TRY(mn_jexec(r, m->node->list));
    r->scope = before;
    r->out = out_before;
    return mn_jtext_done(r, &text, out);
}

int mn_jcall_value(mn_jrun *r, mn_jval f, mn_jlist *pos, mn_jdict *named, mn_jval *out) {
    MN_TRY(mn_jenter(r));
    if (f.kind == MN_JMACRO)
        MN_TRY(call_macro(r, f.macro, pos, named, out));
    else if (f.kind == MN_JMETHOD)
        MN_TRY(mn_jcall_row(r, f.bound->row, f.bound->self, pos, named, out));
    else if (f.kind == MN_JFUNCTION)
        MN_TRY(mn_jcall_row(r, f.row, mn_jnone(), pos, named, out));
    else if (f.kind == MN_JUNDEFINED)
        return mn_jfail(r, "'%.*s' is undefined", f.s ? (int)f.s->n : 5, f.s ? f.s->p : "value");
    else
        return mn_jfail(r, "a %s cannot be called", mn_jkind_name(f));
    r->depth--;
    return 0;
}

static int eval_call(mn_jrun *r, const mn_jnode *n, mn_jval *out) {
    mn_jval f;
    mn_jlist *pos;
    mn_jdict *named;
    MN_TRY(mn_jeval(r, n->a, &f));
    MN_TRY(arguments(r, n->list, &pos, &named));
    r->line = n->line;
    return mn_jcall_value(r, f, pos, named, out);
}

int mn_japply_node(mn_jrun *r, const mn_jnode *n, mn_jval self, mn_jval *out) {
    mn_jlist *pos;
    mn_jdict *named;
    if (!n->row)
        return mn_jfail(r, "'%.*s' is not known here", n->name->n < 60 ? (int)n->name->n : 60,
                        n->name->p);
    MN_TRY(arguments(r, n->list, &pos, &named));
    r->line = n->line;
    return mn_jcall_row(r, n->row, self, pos, named, out);
}

static int eval_apply(mn_jrun *r, const mn_jnode *n, mn_jval *out) {
    mn_jval self = {0};
    MN_TRY(mn_jeval(r, n->a, &self));
    return mn_japply_node(r, n, self, out);
}

/* ---- operators ------------------------------------------------------------------------------ */
static int eval_unary(mn_jrun *r, const mn_jnode *n, mn_jval *out) {
    mn_jval v;
    MN_TRY(mn_jeval(r, n->a, &v));
    if (n->op == 'n') {
        *out = mn_jbool(!mn_jtruth(v));
        return 0;
    }
    const mn_jval zero = v.kind == MN_JFLOAT ? mn_jfloat(n->op == '-' ? -0.0 : 0.0) : mn_jint(0);
    return mn_jbinary(r, n->op, zero, v, out);
}

static int eval_binary(mn_jrun *r, const mn_jnode *n, mn_jval *out) {
    mn_jval a, b;
    MN_TRY(mn_jeval(r, n->a, &a));
    MN_TRY(mn_jeval(r, n->b, &b));
    r->line = n->line;
    return mn_jbinary(r, n->op, a, b, out);
}

static int eval_logic(mn_jrun *r, const mn_jnode *n, mn_jval *out) {
    MN_TRY(mn_jeval(r, n->a, out));
    return mn_jtruth(*out) == (n->kind == MN_JN_AND) ? mn_jeval(r, n->b, out) : 0;
}

static int eval_compare(mn_jrun *r, const mn_jnode *n, mn_jval *out) {
    mn_jval a, b;
    int yes = 1;
    MN_TRY(mn_jeval(r, n->a, &a));
    for (const mn_jnode *o = n->list; o && yes; o = o->next, a = b) {
        MN_TRY(mn_jeval(r, o->a, &b));
        r->line = n->line;
        MN_TRY(mn_jcompare(r, o->op, a, b, &yes));
    }
    *out = mn_jbool(yes);
    return 0;
}

static int eval_if_else(mn_jrun *r, const mn_jnode *n, mn_jval *out) {
    mn_jval test;
    MN_TRY(mn_jeval(r, n->b, &test));
    if (mn_jtruth(test)) return mn_jeval(r, n->a, out);
    if (n->c) return mn_jeval(r, n->c, out);
    *out = mn_jundefined(NULL);
    return 0;
}

typedef int (*evaluator)(mn_jrun *r, const mn_jnode *n, mn_jval *out);
static const evaluator evaluators[MN_JN_KINDS] = {
    [MN_JN_CONST] = eval_const,    [MN_JN_NAME] = eval_name,   [MN_JN_LIST] = eval_list,
    [MN_JN_TUPLE] = eval_list,     [MN_JN_DICT] = eval_dict,   [MN_JN_ATTR] = eval_attr,
    [MN_JN_ITEM] = eval_item,      [MN_JN_CALL] = eval_call,   [MN_JN_FILTER] = eval_apply,
    [MN_JN_TEST] = eval_apply,     [MN_JN_UNARY] = eval_unary, [MN_JN_BINARY] = eval_binary,
    [MN_JN_AND] = eval_logic,      [MN_JN_OR] = eval_logic,    [MN_JN_COMPARE] = eval_compare,
    [MN_JN_IF_ELSE] = eval_if_else};

int mn_jeval(mn_jrun *r, const mn_jnode *n, mn_jval *out) {
    MN_TRY(mn_jenter(r));
    r->line = n->line;
    MN_TRY(evaluators[n->kind](r, n, out));
    r->depth--;
    return 0;
}
