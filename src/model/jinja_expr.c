/* SPDX-License-Identifier: Apache-2.0
 *
 * model/jinja_expr.c - expressions of the template language, tokens to nodes.
 *
 *   expression  or [if or [else expression]]
 *   or, and, not, comparison (== != < <= > >= in, not in; chained)
 *   + -  over  ~  over  * / // %  over  **  over unary - +
 *   primary (name, literal, brackets) with .name [index] (call), then | filter and is test
 */
#include "model/jinja_parse.h"

#include <string.h>

/* ---- tokens --------------------------------------------------------------------------------- */
static void describe(const mn_jtoken *t, char out[40]) {
    static const char *const name[] = {"text", "{{", "}}", "{%", "%}"};
    if (t->kind == MN_JT_END)
        memcpy(out, "the end", 8);
    else if (t->kind == MN_JT_OP)
        memcpy(out, (char[]){(char)t->op, (char)(t->op >> 8), 0}, 3);
    else if (t->kind <= MN_JT_BLOCK_END)
        strcpy(out, name[t->kind]);
    else if (t->kind == MN_JT_NAME || t->kind == MN_JT_STRING) {
        const size_t n = t->value.s->n < 39 ? t->value.s->n : 39;
        memcpy(out, t->value.s->p, n);
        out[n] = 0;
    } else
        strcpy(out, "a number");
}

int mn_jparse_fail(const mn_jparser *p, int code, const char *what) {
    char here[40];
    describe(p->at, here);
    return MN_FAIL(code, "chat template, line %u: %s at '%s'", p->at->line, what, here);
}

int mn_jparse_enter(mn_jparser *p) {
    return p->depth++ < 150 ? 0 : mn_jparse_fail(p, MN_EUNSUPPORTED, "nested too deeply");
}

int mn_jparse_node(mn_jparser *p, mn_jnode_kind kind, mn_jnode **out) {
    MN_TRY(mn_arena_take(p->arena, sizeof **out, out));
    (*out)->kind = kind;
    (*out)->line = p->at->line;
    return 0;
}

int mn_jparse_is_op(const mn_jparser *p, uint16_t op) {
    return p->at->kind == MN_JT_OP && p->at->op == op;
}

int mn_jparse_is_word(const mn_jparser *p, const char *word) {
    return p->at->kind == MN_JT_NAME && mn_jstr_is(p->at->value.s, word);
}

int mn_jparse_skip_op(mn_jparser *p, uint16_t op) {
    const int here = mn_jparse_is_op(p, op);
    p->at += here;
    return here;
}

int mn_jparse_skip_word(mn_jparser *p, const char *word) {
    const int here = mn_jparse_is_word(p, word);
    p->at += here;
    return here;
}

int mn_jparse_expect_op(mn_jparser *p, uint16_t op) {
    if (mn_jparse_skip_op(p, op)) return 0;
    const char what[] = {'e', 'x', 'p', 'e', 'c', 't', 'e', 'd', ' ', (char)op, (char)(op >> 8), 0};
    return mn_jparse_fail(p, MN_EINVAL, what);
}

int mn_jparse_name(mn_jparser *p, const mn_jstr **out) {
    if (p->at->kind != MN_JT_NAME) return mn_jparse_fail(p, MN_EINVAL, "expected a name");
    *out = p->at++->value.s;
    return 0;
}

static int skip(mn_jparser *p, char op) {
    return mn_jparse_skip_op(p, MN_JOP(op, 0));
}
static int is(const mn_jparser *p, char op) {
    return mn_jparse_is_op(p, MN_JOP(op, 0));
}

static int pair_of(mn_jparser *p, mn_jnode_kind kind, uint16_t op, mn_jnode *a, mn_jnode *b,
                   mn_jnode **out) {
    mn_jnode *n;
    MN_TRY(mn_jparse_node(p, kind, &n));
    n->op = op;
    n->a = a;
    n->b = b;
    *out = n;
    return 0;
}

/* ---- primary -------------------------------------------------------------------------------- */
/* Adjacent strings are one. */
static int strings(mn_jparser *p, mn_jnode **out) {
    MN_TRY(mn_jparse_node(p, MN_JN_CONST, out));
    (*out)->value = p->at->value;
    size_t n = 0;
    const mn_jtoken *end = p->at;
    for (; end->kind == MN_JT_STRING; end++) n += end->value.s->n;
    if (end - p->at > 1) {
        char *text;
        size_t at = 0;
        MN_TRY(mn_arena_take(p->arena, n, &text));
        for (const mn_jtoken *t = p->at; t < end; t++) {
            memcpy(text + at, t->value.s->p, t->value.s->n);
            at += t->value.s->n;
        }
        const mn_jstr *s;
        MN_TRY(mn_jstr_new(p->arena, text, n, 1, &s));
        (*out)->value = mn_jstring(s);
    }
    p->at = end;
    return 0;
}

static int word(mn_jparser *p, mn_jnode **out) {
    static const struct {
        const char *name;
        mn_jval value;
    } constant[] = {{"true", {.kind = MN_JBOOL, .i = 1}},  {"True", {.kind = MN_JBOOL, .i = 1}},
                    {"false", {.kind = MN_JBOOL, .i = 0}}, {"False", {.kind = MN_JBOOL, .i = 0}},
                    {"none", {.kind = MN_JNONE}},          {"None", {.kind = MN_JNONE}}};
    MN_TRY(mn_jparse_node(p, MN_JN_NAME, out));
    (*out)->name = p->at++->value.s;
    for (size_t i = 0; i < sizeof constant / sizeof *constant; i++) {
        if (!mn_jstr_is((*out)->name, constant[i].name)) continue;
        (*out)->kind = MN_JN_CONST;
        (*out)->value = constant[i].value;
    }
    return 0;
}

/* Items up to the closing bracket; a comma may stand before it. */
static int bracketed(mn_jparser *p, mn_jnode_kind kind, char close, mn_jnode **out) {
    MN_TRY(mn_jparse_node(p, kind, out));
    p->at++;
    mn_jnode **last = &(*out)->list;
    for (int first = 1; !skip(p, close); first = 0) {
        if (!first) MN_TRY(mn_jparse_expect_op(p, ','));
        if (skip(p, close)) break;
        mn_jnode *item;
        MN_TRY(mn_jparse_expression(p, &item));
        if (kind == MN_JN_DICT) {
            mn_jnode *value;
            MN_TRY(mn_jparse_expect_op(p, ':'));
            MN_TRY(mn_jparse_expression(p, &value));
            MN_TRY(pair_of(p, MN_JN_PAIR, 0, item, value, &item));
        }
        *last = item;
        last = &item->next;
    }
    return 0;
}

int mn_jparse_primary(mn_jparser *p, mn_jnode **out) {
    const mn_jtoken *t = p->at;
    if (t->kind == MN_JT_NAME) return word(p, out);
    if (t->kind == MN_JT_STRING) return strings(p, out);
    if (t->kind == MN_JT_INT || t->kind == MN_JT_FLOAT) {
        MN_TRY(mn_jparse_node(p, MN_JN_CONST, out));
        (*out)->value = p->at++->value;
        return 0;
    }
    if (is(p, '[')) return bracketed(p, MN_JN_LIST, ']', out);
    if (is(p, '{')) return bracketed(p, MN_JN_DICT, '}', out);
    if (!skip(p, '(')) return mn_jparse_fail(p, MN_EINVAL, "expected an expression");
    if (is(p, ')'))
        MN_TRY(mn_jparse_node(p, MN_JN_TUPLE, out));
    else
        MN_TRY(mn_jparse_tuple(p, 1, out));
    return mn_jparse_expect_op(p, ')');
}

/* ---- postfix: .name [index] (call) ---------------------------------------------------------- */
int mn_jparse_call_args(mn_jparser *p, mn_jnode **list) {
    int stage = 0; /* 0: positional, 1: named, 2: after *a, 3: after **a */
    MN_TRY(mn_jparse_expect_op(p, '('));
    for (int first = 1; !skip(p, ')'); first = 0) {
        if (!first) MN_TRY(mn_jparse_expect_op(p, ','));
        if (skip(p, ')')) break;
        mn_jnode *arg;
        MN_TRY(mn_jparse_node(p, MN_JN_ARG, &arg));
        const int named =
            p->at->kind == MN_JT_NAME && p->at[1].kind == MN_JT_OP && p->at[1].op == MN_JOP('=', 0);
        arg->op = skip(p, '*') ? 1 : mn_jparse_skip_op(p, MN_JOP('*', '*')) ? 2 : 0;
        const int rank = arg->op == 1 ? 2 : arg->op == 2 ? 3 : named;
        if (stage == 3 || (rank == 0 && stage) || (rank == 2 && stage == 2))
            return mn_jparse_fail(p, MN_EINVAL, "arguments in a wrong order");
        stage = rank > stage ? rank : stage;
        if (named) {
            arg->name = p->at->value.s;
            p->at += 2;
        }
        MN_TRY(mn_jparse_expression(p, &arg->a));
        *list = arg;
        list = &arg->next;
    }
    return 0;
}

/* One part of a slice, absent before ':' ']' ','. */
static int slice_part(mn_jparser *p, mn_jnode **out) {
    if (is(p, ':') || is(p, ']') || is(p, ',')) return 0;
    return mn_jparse_expression(p, out);
}

static int subscript(mn_jparser *p, mn_jnode **out) {
    mn_jnode *from = NULL;
    MN_TRY(slice_part(p, &from));
    if (!is(p, ':')) {
        if (!from) return mn_jparse_fail(p, MN_EINVAL, "expected an index");
        *out = from;
        return 0;
    }
    MN_TRY(pair_of(p, MN_JN_SLICE, 0, from, NULL, out));
    p->at++;
    MN_TRY(slice_part(p, &(*out)->b));
    if (skip(p, ':')) MN_TRY(slice_part(p, &(*out)->c));
    return 0;
}

static int dot(mn_jparser *p, mn_jnode **node) {
    mn_jnode *n;
    if (p->at->kind == MN_JT_INT) { /* a.0 is a[0] */
        mn_jnode *index;
        MN_TRY(mn_jparse_primary(p, &index));
        return pair_of(p, MN_JN_ITEM, 0, *node, index, node);
    }
    MN_TRY(pair_of(p, MN_JN_ATTR, 0, *node, NULL, &n));
    MN_TRY(mn_jparse_name(p, &n->name));
    *node = n;
    return 0;
}

static int call(mn_jparser *p, mn_jnode **node) {
    mn_jnode *n;
    MN_TRY(pair_of(p, MN_JN_CALL, 0, *node, NULL, &n));
    MN_TRY(mn_jparse_call_args(p, &n->list));
    *node = n;
    return 0;
}

int mn_jparse_postfix(mn_jparser *p, mn_jnode **node) {
    for (;;) {
        if (skip(p, '.')) {
            MN_TRY(dot(p, node));
        } else if (skip(p, '[')) {
            mn_jnode *index = NULL;
            MN_TRY(subscript(p, &index));
            if (is(p, ',')) return mn_jparse_fail(p, MN_EUNSUPPORTED, "an index of several parts");
            MN_TRY(mn_jparse_expect_op(p, ']'));
            MN_TRY(pair_of(p, MN_JN_ITEM, 0, *node, index, node));
        } else if (is(p, '(')) {
            MN_TRY(call(p, node));
        } else {
            return 0;
        }
    }
}

/* ---- filters and tests ---------------------------------------------------------------------- */
static int unknown(mn_jparser *p, const char *what, const mn_jstr *name) {
    if (p->conditional) return 0;
    return MN_FAIL(MN_EUNSUPPORTED, "chat template, line %u: the %s '%.*s' is not known here",
                   p->at->line, what, name->n < 60 ? (int)name->n : 60, name->p);
}

static int one_filter(mn_jparser *p, mn_jnode **node) {
    mn_jnode *n;
    MN_TRY(pair_of(p, MN_JN_FILTER, 0, *node, NULL, &n));
    MN_TRY(mn_jparse_name(p, &n->name));
    n->row = mn_jfilter_find(n->name);
    if (!n->row) MN_TRY(unknown(p, "filter", n->name));
    if (is(p, '(')) MN_TRY(mn_jparse_call_args(p, &n->list));
    *node = n;
    return 0;
}

int mn_jparse_filters(mn_jparser *p, mn_jnode **node) {
    do MN_TRY(one_filter(p, node));
    while (skip(p, '|'));
    return 0;
}

static int starts_argument(const mn_jparser *p) {
    if (p->at->kind == MN_JT_NAME)
        return !mn_jparse_is_word(p, "else") && !mn_jparse_is_word(p, "or") &&
               !mn_jparse_is_word(p, "and");
    return p->at->kind == MN_JT_STRING || p->at->kind == MN_JT_INT || p->at->kind == MN_JT_FLOAT ||
           is(p, '[') || is(p, '{');
}

static int one_test(mn_jparser *p, mn_jnode **node) {
    mn_jnode *n;
    const int negated = mn_jparse_skip_word(p, "not");
    MN_TRY(pair_of(p, MN_JN_TEST, 0, *node, NULL, &n));
    MN_TRY(mn_jparse_name(p, &n->name));
    n->row = mn_jtest_find(n->name);
    if (!n->row) MN_TRY(unknown(p, "test", n->name));
    if (is(p, '(')) {
        MN_TRY(mn_jparse_call_args(p, &n->list));
    } else if (starts_argument(p)) {
        if (mn_jparse_is_word(p, "is")) return mn_jparse_fail(p, MN_EINVAL, "two tests in a row");
        MN_TRY(mn_jparse_node(p, MN_JN_ARG, &n->list));
        MN_TRY(mn_jparse_primary(p, &n->list->a));
        MN_TRY(mn_jparse_postfix(p, &n->list->a));
    }
    *node = n;
    return negated ? pair_of(p, MN_JN_UNARY, 'n', n, NULL, node) : 0;
}

static int filters_and_tests(mn_jparser *p, mn_jnode **node) {
    for (;;) {
        if (skip(p, '|'))
            MN_TRY(one_filter(p, node));
        else if (mn_jparse_skip_word(p, "is"))
            MN_TRY(one_test(p, node));
        else if (is(p, '('))
            MN_TRY(call(p, node));
        else
            return 0;
    }
}

/* ---- operators, tightest first -------------------------------------------------------------- */
static int unary(mn_jparser *p, int with_filter, mn_jnode **out) {
    MN_TRY(mn_jparse_enter(p));
    if (is(p, '-') || is(p, '+')) {
        const uint16_t op = p->at++->op;
        mn_jnode *a;
        MN_TRY(unary(p, 0, &a));
        MN_TRY(pair_of(p, MN_JN_UNARY, op, a, NULL, out));
    } else {
        MN_TRY(mn_jparse_primary(p, out));
    }
    MN_TRY(mn_jparse_postfix(p, out));
    if (with_filter) MN_TRY(filters_and_tests(p, out));
    p->depth--;
    return 0;
}

/* Left-associative binary operators, loosest level first. */
static const uint16_t levels[][4] = {
    {MN_JOP('+', 0), MN_JOP('-', 0)},
    {MN_JOP('~', 0)},
    {MN_JOP('*', 0), MN_JOP('/', 0), MN_JOP('/', '/'), MN_JOP('%', 0)},
    {MN_JOP('*', '*')},
};

static int binary(mn_jparser *p, size_t level, mn_jnode **out) {
    if (level == sizeof levels / sizeof *levels) return unary(p, 1, out);
    MN_TRY(binary(p, level + 1, out));
    for (;;) {
        size_t i = 0;
        while (i < 4 && !(levels[level][i] && mn_jparse_is_op(p, levels[level][i]))) i++;
        if (i == 4) return 0;
        p->at++;
        mn_jnode *right;
        MN_TRY(binary(p, level + 1, &right));
        MN_TRY(pair_of(p, MN_JN_BINARY, levels[level][i], *out, right, out));
    }
}

/* The comparison that stands here, 0: none. */
static uint16_t comparison(mn_jparser *p) {
    static const uint16_t ops[] = {MN_JOP('=', '='), MN_JOP('!', '='), MN_JOP('<', 0),
                                   MN_JOP('<', '='), MN_JOP('>', 0),   MN_JOP('>', '=')};
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++)
        if (mn_jparse_skip_op(p, ops[i])) return ops[i];
    if (mn_jparse_skip_word(p, "in")) return 'i';
    if (mn_jparse_is_word(p, "not") && p->at[1].kind == MN_JT_NAME &&
        mn_jstr_is(p->at[1].value.s, "in")) {
        p->at += 2;
        return 'I';
    }
    return 0;
}

static int compare(mn_jparser *p, mn_jnode **out) {
    MN_TRY(binary(p, 0, out));
    mn_jnode **last = NULL;
    for (uint16_t op; (op = comparison(p)) != 0;) {
        if (!last) {
            MN_TRY(pair_of(p, MN_JN_COMPARE, 0, *out, NULL, out));
            last = &(*out)->list;
        }
        mn_jnode *right;
        MN_TRY(binary(p, 0, &right));
        MN_TRY(pair_of(p, MN_JN_OPERAND, op, right, NULL, last));
        last = &(*last)->next;
    }
    return 0;
}

static int negation(mn_jparser *p, mn_jnode **out) {
    if (!mn_jparse_skip_word(p, "not")) return compare(p, out);
    MN_TRY(mn_jparse_enter(p));
    mn_jnode *a;
    MN_TRY(negation(p, &a));
    p->depth--;
    return pair_of(p, MN_JN_UNARY, 'n', a, NULL, out);
}

static int conjunction(mn_jparser *p, mn_jnode **out) {
    MN_TRY(negation(p, out));
    while (mn_jparse_skip_word(p, "and")) {
        mn_jnode *right;
        MN_TRY(negation(p, &right));
        MN_TRY(pair_of(p, MN_JN_AND, 0, *out, right, out));
    }
    return 0;
}

int mn_jparse_no_condition(mn_jparser *p, mn_jnode **out) {
    MN_TRY(mn_jparse_enter(p));
    MN_TRY(conjunction(p, out));
    while (mn_jparse_skip_word(p, "or")) {
        mn_jnode *right;
        MN_TRY(conjunction(p, &right));
        MN_TRY(pair_of(p, MN_JN_OR, 0, *out, right, out));
    }
    p->depth--;
    return 0;
}

int mn_jparse_expression(mn_jparser *p, mn_jnode **out) {
    MN_TRY(mn_jparse_enter(p));
    MN_TRY(mn_jparse_no_condition(p, out));
    while (mn_jparse_skip_word(p, "if")) {
        mn_jnode *test;
        MN_TRY(mn_jparse_no_condition(p, &test));
        MN_TRY(pair_of(p, MN_JN_IF_ELSE, 0, *out, test, out));
        if (mn_jparse_skip_word(p, "else")) MN_TRY(mn_jparse_expression(p, &(*out)->c));
    }
    p->depth--;
    return 0;
}

static int tuple_ends(const mn_jparser *p) {
    return p->at->kind == MN_JT_PRINT_END || p->at->kind == MN_JT_BLOCK_END || is(p, ')') ||
           mn_jparse_is_word(p, "in");
}

int mn_jparse_tuple(mn_jparser *p, int condition, mn_jnode **out) {
    mn_jnode *item;
    MN_TRY(condition ? mn_jparse_expression(p, &item) : mn_jparse_no_condition(p, &item));
    if (!is(p, ',')) {
        *out = item;
        return 0;
    }
    MN_TRY(mn_jparse_node(p, MN_JN_TUPLE, out));
    mn_jnode **last = &(*out)->list;
    for (;;) {
        *last = item;
        last = &item->next;
        if (!skip(p, ',') || tuple_ends(p)) return 0;
        MN_TRY(condition ? mn_jparse_expression(p, &item) : mn_jparse_no_condition(p, &item));
    }
}

static int one_target(mn_jparser *p, int spaces, mn_jnode **out) {
    if (skip(p, '(')) {
        MN_TRY(mn_jparse_enter(p));
        MN_TRY(mn_jparse_target(p, spaces, out));
        p->depth--;
        return mn_jparse_expect_op(p, ')');
    }
    MN_TRY(mn_jparse_node(p, MN_JN_NAME, out));
    MN_TRY(mn_jparse_name(p, &(*out)->name));
    if (!spaces || !skip(p, '.')) return 0;
    (*out)->kind = MN_JN_SPACE;
    return mn_jparse_name(p, &(*out)->attr);
}

int mn_jparse_target(mn_jparser *p, int spaces, mn_jnode **out) {
    mn_jnode *tuple, *n;
    MN_TRY(one_target(p, spaces, &n));
    *out = n;
    if (!is(p, ',')) return 0;
    MN_TRY(mn_jparse_node(p, MN_JN_TUPLE, &tuple));
    tuple->list = n;
    *out = tuple;
    while (skip(p, ',') && !tuple_ends(p) && !is(p, '=')) {
        MN_TRY(one_target(p, spaces, &n->next));
        n = n->next;
    }
    return 0;
}
