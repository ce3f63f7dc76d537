/* SPDX-License-Identifier: Apache-2.0
 *
 * model/jinja_exec.c - running statements: printing, conditions, loops, definitions.
 *
 * Loops, macros, with and set blocks open a scope that ends with them, so a name set inside a loop
 * is gone in the next turn (templates carry values out by namespace()). break and continue travel
 * up as the positive results LEAVE and NEXT.
 */
#include "model/jinja.h"

#include <string.h>

enum { NEXT = 1, LEAVE = 2 };

static int push(mn_jrun *r, mn_jscope **scope) {
    MN_TRY(mn_arena_take(&r->arena, sizeof **scope, scope));
    (*scope)->outer = r->scope;
    r->scope = *scope;
    return 0;
}

/* Run statements in a scope of their own. */
static int scoped(mn_jrun *r, const mn_jnode *list) {
    mn_jscope *scope;
    MN_TRY(push(r, &scope));
    const int rc = mn_jexec(r, list);
    r->scope = scope->outer;
    return rc;
}

static int filter_chain(mn_jrun *r, const mn_jnode *f, mn_jval self, mn_jval *out) {
    MN_TRY(mn_jenter(r));
    if (f->a) MN_TRY(filter_chain(r, f->a, self, &self));
    r->depth--;
    return mn_japply_node(r, f, self, out);
}

/* What statements print, as a string, passed through a chain of filters. */
static int capture(mn_jrun *r, const mn_jnode *list, const mn_jnode *filters, mn_jval *out) {
    mn_jtext text = {0}, *const before = r->out;
    r->out = &text;
    MN_TRY(scoped(r, list));
    r->out = before;
    MN_TRY(mn_jtext_done(r, &text, out));
    return filters ? filter_chain(r, filters, *out, out) : 0;
}

/* ---- printing and setting ------------------------------------------------------------------- */
static int run_print(mn_jrun *r, const mn_jnode *n) {
    mn_jval v = n->value;
    if (n->kind == MN_JN_PRINT) MN_TRY(mn_jeval(r, n->a, &v));
    return mn_jtext_value(r, r->out, v);
}

static int run_print_all(mn_jrun *r, const mn_jnode *n) {
    for (const mn_jnode *i = n->list; i; i = i->next) {
        mn_jval v;
        MN_TRY(mn_jeval(r, i, &v));
        MN_TRY(mn_jtext_value(r, r->out, v));
    }
    return 0;
}

static int assign(mn_jrun *r, const mn_jnode *target, mn_jval v) {
    if (target->kind == MN_JN_NAME) return mn_jset(r, target->name, v);
    if (target->kind == MN_JN_SPACE) {
        mn_jnode name = {.kind = MN_JN_NAME, .line = target->line, .name = target->name};
        mn_jval space;
        MN_TRY(mn_jeval(r, &name, &space));
        if (space.kind != MN_JSPACE)
            return mn_jfail(r, "'%.*s' is no namespace, its parts cannot be set",
                            (int)target->name->n, target->name->p);
        return mn_jdict_set(r, space.dict, mn_jstring(target->attr), v);
    }
    mn_jlist *items;
    MN_TRY(mn_jitems(r, v, &items));
    size_t i = 0;
    for (const mn_jnode *t = target->list; t; t = t->next, i++) {
        if (i >= items->n) return mn_jfail(r, "only %zu values to unpack", items->n);
        MN_TRY(assign(r, t, items->item[i]));
    }
    if (i < items->n) return mn_jfail(r, "%zu values to unpack into %zu names", items->n, i);
    return 0;
}

static int run_set(mn_jrun *r, const mn_jnode *n) {
    mn_jval v;
    if (n->kind == MN_JN_SET)
        MN_TRY(mn_jeval(r, n->b, &v));
    else
        MN_TRY(capture(r, n->list, n->b, &v));
    return assign(r, n->a, v);
}

static int run_filter(mn_jrun *r, const mn_jnode *n) {
    mn_jval v;
    MN_TRY(capture(r, n->list, n->b, &v));
    return mn_jtext_value(r, r->out, v);
}

static int run_with(mn_jrun *r, const mn_jnode *n) {
    mn_jscope *scope, *const outer = r->scope;
    MN_TRY(push(r, &scope));
    for (const mn_jnode *set = n->args; set; set = set->next) {
        mn_jval v;
        r->scope = outer; /* values do not see each other */
        MN_TRY(mn_jeval(r, set->b, &v));
        r->scope = scope;
        MN_TRY(assign(r, set->a, v));
    }
    const int rc = mn_jexec(r, n->list);
    r->scope = outer;
    return rc;
}

static int run_scope(mn_jrun *r, const mn_jnode *n) {
    return scoped(r, n->list);
}

/* ---- conditions and loops ------------------------------------------------------------------- */
/* An else part that is one if goes on in this loop: a chain of elifs needs no stack. */
static int run_if(mn_jrun *r, const mn_jnode *n) {
    for (;; n = n->other) {
        mn_jval test;
        MN_TRY(mn_jtick(r, 1));
        MN_TRY(mn_jeval(r, n->a, &test));
        if (mn_jtruth(test)) return mn_jexec(r, n->list);
        if (!n->other) return 0;
        if (n->other->kind != MN_JN_IF || n->other->next) return mn_jexec(r, n->other);
    }
}

/* The items that pass the loop's condition. */
static int chosen(mn_jrun *r, const mn_jnode *n, mn_jlist **items) {
    mn_jlist *all = *items;
    if (!n->c) return 0;
    MN_TRY(mn_jlist_new(r, items));
    for (size_t i = 0; i < all->n; i++) {
        mn_jscope *scope;
        mn_jval yes;
        MN_TRY(push(r, &scope));
        MN_TRY(assign(r, n->a, all->item[i]));
        MN_TRY(mn_jeval(r, n->c, &yes));
        if (mn_jtruth(yes)) MN_TRY(mn_jlist_add(r, *items, all->item[i]));
        r->scope = scope->outer;
    }
    return 0;
}

static int run_for(mn_jrun *r, const mn_jnode *n) {
    static const mn_jstr loop_name = {.p = "loop", .n = 4, .trusted = 1};
    mn_jval over;
    mn_jlist *items;
    mn_jloop *loop;
    MN_TRY(mn_jeval(r, n->b, &over));
    MN_TRY(mn_jitems(r, over, &items));
    MN_TRY(chosen(r, n, &items));
    if (!items->n) return scoped(r, n->other);
    MN_TRY(mn_arena_take(&r->arena, sizeof *loop, &loop));
    loop->over = items;
    for (; loop->at < items->n; loop->at++) {
        mn_jscope *scope;
        MN_TRY(push(r, &scope));
        MN_TRY(mn_jset(r, &loop_name, (mn_jval){.kind = MN_JLOOP, .loop = loop}));
        MN_TRY(assign(r, n->a, items->item[loop->at]));
        const int rc = mn_jexec(r, n->list);
        r->scope = scope->outer;
        MN_TRY(rc);
        if (rc == LEAVE) break;
    }
    return 0;
}

static int run_break(mn_jrun *r, const mn_jnode *n) {
    (void)r;
    return n->kind == MN_JN_BREAK ? LEAVE : NEXT;
}

/* ---- macros --------------------------------------------------------------------------------- */
static int make_macro(mn_jrun *r, const mn_jnode *n, mn_jval *out) {
    mn_jmacro *m;
    MN_TRY(mn_arena_take(&r->arena, sizeof *m, &m));
    *m = (mn_jmacro){n, r->scope};
    *out = (mn_jval){.kind = MN_JMACRO, .macro = m};
    return 0;
}

static int run_macro(mn_jrun *r, const mn_jnode *n) {
    mn_jval m;
    MN_TRY(make_macro(r, n, &m));
    return mn_jset(r, n->name, m);
}

/* {% call f(x) %} body {% endcall %}: f gets the body as its `caller`. */
static int run_call(mn_jrun *r, const mn_jnode *n) {
    static const mn_jstr name = {.p = "caller", .n = 6, .trusted = 1};
    static const mn_jstr hidden = {.p = " caller", .n = 7, .trusted = 1}; /* no source spells it */
    mn_jscope *scope;
    mn_jval caller, out;
    MN_TRY(make_macro(r, n, &caller));
    MN_TRY(push(r, &scope));
    MN_TRY(mn_jset(r, &hidden, caller));
    mn_jnode value = {.kind = MN_JN_NAME, .line = n->line, .name = &hidden};
    mn_jnode argument = {.kind = MN_JN_ARG, .line = n->line, .name = &name, .a = &value};
    mn_jnode call = *n->a, last;
    if (!call.list) {
        call.list = &argument;
    } else { /* the keyword goes in front: order does not matter to named arguments */
        last = argument;
        last.next = call.list;
        call.list = &last;
    }
    MN_TRY(mn_jeval(r, &call, &out));
    r->scope = scope->outer;
    return mn_jtext_value(r, r->out, out);
}

typedef int (*runner)(mn_jrun *r, const mn_jnode *n);
static const runner runners[MN_JN_KINDS] = {[MN_JN_PRINT_ALL] = run_print_all,
                                            [MN_JN_TEXT] = run_print,
                                            [MN_JN_PRINT] = run_print,
                                            [MN_JN_IF] = run_if,
                                            [MN_JN_FOR] = run_for,
                                            [MN_JN_SET] = run_set,
                                            [MN_JN_SET_BLOCK] = run_set,
                                            [MN_JN_MACRO] = run_macro,
                                            [MN_JN_CALL_BLOCK] = run_call,
                                            [MN_JN_FILTER_BLOCK] = run_filter,
                                            [MN_JN_WITH] = run_with,
                                            [MN_JN_SCOPE] = run_scope,
                                            [MN_JN_BREAK] = run_break,
                                            [MN_JN_CONTINUE] = run_break};

int mn_jexec(mn_jrun *r, const mn_jnode *list) {
    int rc = 0;
    MN_TRY(mn_jenter(r));
    for (const mn_jnode *n = list; n && rc == 0; n = n->next) {
        MN_TRY(mn_jtick(r, 1));
        r->line = n->line;
        rc = runners[n->kind](r, n);
    }
    r->depth--;
    return rc;
}
