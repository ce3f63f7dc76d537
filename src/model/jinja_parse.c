/* SPDX-License-Identifier: Apache-2.0
 *
 * model/jinja_parse.c - statements of the template language, tokens to nodes.
 *
 * Each tag is a row: its first word and the function that parses the rest. A body runs to the
 * first tag whose word is one of its ends.
 */
#include "model/jinja_parse.h"

#include <string.h>

typedef struct tag {
    const char *word;
    int (*parse)(mn_jparser *p, mn_jnode **out); /* stands behind the word */
} tag;

static int statements(mn_jparser *p, const char *ends, mn_jnode **list);

static int end_tag(mn_jparser *p) {
    if (p->at->kind != MN_JT_BLOCK_END) return mn_jparse_fail(p, MN_EINVAL, "expected %}");
    p->at++;
    return 0;
}

/* %}, statements, and the tag that ends them, whose word is left in *end (NULL: any is fine). */
static int body(mn_jparser *p, const char *ends, mn_jnode **list, const mn_jstr **end) {
    MN_TRY(end_tag(p));
    MN_TRY(statements(p, ends, list));
    p->at++; /* {% */
    if (end) *end = p->at->value.s;
    p->at++;
    return 0;
}

/* ---- tags ----------------------------------------------------------------------------------- */
static int parse_if(mn_jparser *p, mn_jnode **out) {
    const mn_jstr *end = NULL;
    p->conditional++;
    for (mn_jnode **slot = out;;) {
        mn_jnode *n;
        MN_TRY(mn_jparse_node(p, MN_JN_IF, &n));
        MN_TRY(mn_jparse_tuple(p, 0, &n->a));
        MN_TRY(body(p, " elif else endif ", &n->list, &end));
        *slot = n;
        slot = &n->other;
        if (mn_jstr_is(end, "elif")) continue;
        if (mn_jstr_is(end, "else")) MN_TRY(body(p, " endif ", slot, &end));
        break;
    }
    p->conditional--;
    return end_tag(p);
}

static int parse_for(mn_jparser *p, mn_jnode **out) {
    mn_jnode *n;
    const mn_jstr *end;
    MN_TRY(mn_jparse_node(p, MN_JN_FOR, &n));
    MN_TRY(mn_jparse_target(p, 0, &n->a));
    if (!mn_jparse_skip_word(p, "in")) return mn_jparse_fail(p, MN_EINVAL, "expected 'in'");
    MN_TRY(mn_jparse_tuple(p, 0, &n->b));
    if (mn_jparse_skip_word(p, "if")) MN_TRY(mn_jparse_expression(p, &n->c));
    if (mn_jparse_is_word(p, "recursive"))
        return mn_jparse_fail(p, MN_EUNSUPPORTED, "a recursive loop is not supported");
    p->in_loop++;
    MN_TRY(body(p, " else endfor ", &n->list, &end));
    p->in_loop--;
    if (mn_jstr_is(end, "else")) MN_TRY(body(p, " endfor ", &n->other, NULL));
    *out = n;
    return end_tag(p);
}

/* A body that break and continue cannot leave. */
static int closed_body(mn_jparser *p, const char *ends, mn_jnode **list) {
    const int loops = p->in_loop;
    p->in_loop = 0;
    MN_TRY(body(p, ends, list, NULL));
    p->in_loop = loops;
    return end_tag(p);
}

static int parse_set(mn_jparser *p, mn_jnode **out) {
    mn_jnode *n;
    MN_TRY(mn_jparse_node(p, MN_JN_SET, &n));
    MN_TRY(mn_jparse_target(p, 1, &n->a));
    *out = n;
    if (mn_jparse_skip_op(p, '=')) {
        MN_TRY(mn_jparse_tuple(p, 1, &n->b));
        return end_tag(p);
    }
    n->kind = MN_JN_SET_BLOCK;
    if (mn_jparse_skip_op(p, '|')) MN_TRY(mn_jparse_filters(p, &n->b));
    return closed_body(p, " endset ", &n->list);
}

/* (a, b=1): NAME nodes with their defaults. */
static int parameters(mn_jparser *p, mn_jnode **list) {
    int defaults = 0;
    MN_TRY(mn_jparse_expect_op(p, '('));
    for (int first = 1; !mn_jparse_skip_op(p, ')'); first = 0) {
        if (!first) MN_TRY(mn_jparse_expect_op(p, ','));
        mn_jnode *n;
        MN_TRY(mn_jparse_node(p, MN_JN_NAME, &n));
        MN_TRY(mn_jparse_name(p, &n->name));
        if (mn_jparse_skip_op(p, '=')) {
            MN_TRY(mn_jparse_expression(p, &n->a));
            defaults = 1;
        } else if (defaults) {
            return mn_jparse_fail(p, MN_EINVAL, "a parameter without default after one with it");
        }
        *list = n;
        list = &n->next;
    }
    return 0;
}

static int parse_macro(mn_jparser *p, mn_jnode **out) {
    MN_TRY(mn_jparse_node(p, MN_JN_MACRO, out));
    MN_TRY(mn_jparse_name(p, &(*out)->name));
    MN_TRY(parameters(p, &(*out)->args));
    return closed_body(p, " endmacro ", &(*out)->list);
}

static int parse_call(mn_jparser *p, mn_jnode **out) {
    mn_jnode *n;
    MN_TRY(mn_jparse_node(p, MN_JN_CALL_BLOCK, &n));
    if (mn_jparse_is_op(p, '(')) MN_TRY(parameters(p, &n->args));
    MN_TRY(mn_jparse_expression(p, &n->a));
    if (n->a->kind != MN_JN_CALL) return mn_jparse_fail(p, MN_EINVAL, "expected a call");
    *out = n;
    return closed_body(p, " endcall ", &n->list);
}

static int parse_filter(mn_jparser *p, mn_jnode **out) {
    MN_TRY(mn_jparse_node(p, MN_JN_FILTER_BLOCK, out));
    MN_TRY(mn_jparse_filters(p, &(*out)->b));
    return closed_body(p, " endfilter ", &(*out)->list);
}

static int parse_with(mn_jparser *p, mn_jnode **out) {
    mn_jnode *n;
    MN_TRY(mn_jparse_node(p, MN_JN_WITH, &n));
    for (mn_jnode **last = &n->args; p->at->kind != MN_JT_BLOCK_END; last = &(*last)->next) {
        if (n->args) MN_TRY(mn_jparse_expect_op(p, ','));
        mn_jnode *set;
        MN_TRY(mn_jparse_node(p, MN_JN_SET, &set));
        MN_TRY(mn_jparse_node(p, MN_JN_NAME, &set->a));
        MN_TRY(mn_jparse_name(p, &set->a->name));
        MN_TRY(mn_jparse_expect_op(p, '='));
        MN_TRY(mn_jparse_expression(p, &set->b));
        *last = set;
    }
    MN_TRY(body(p, " endwith ", &n->list, NULL));
    *out = n;
    return end_tag(p);
}

static int parse_generation(mn_jparser *p, mn_jnode **out) {
    MN_TRY(mn_jparse_node(p, MN_JN_SCOPE, out));
    return closed_body(p, " endgeneration ", &(*out)->list);
}

static int parse_print(mn_jparser *p, mn_jnode **out) {
    MN_TRY(mn_jparse_node(p, MN_JN_PRINT_ALL, out));
    for (mn_jnode **last = &(*out)->list;; last = &(*last)->next) {
        MN_TRY(mn_jparse_expression(p, last));
        if (!mn_jparse_skip_op(p, ',')) return end_tag(p);
    }
}

static int loop_control(mn_jparser *p, mn_jnode_kind kind, mn_jnode **out) {
    if (!p->in_loop) return mn_jparse_fail(p, MN_EINVAL, "break or continue outside a loop");
    MN_TRY(mn_jparse_node(p, kind, out));
    return end_tag(p);
}
static int parse_break(mn_jparser *p, mn_jnode **out) {
    return loop_control(p, MN_JN_BREAK, out);
}
static int parse_continue(mn_jparser *p, mn_jnode **out) {
    return loop_control(p, MN_JN_CONTINUE, out);
}

static const tag tags[] = {
    {"if", parse_if},       {"for", parse_for},           {"set", parse_set},
    {"macro", parse_macro}, {"call", parse_call},         {"filter", parse_filter},
    {"with", parse_with},   {"print", parse_print},       {"generation", parse_generation},
    {"break", parse_break}, {"continue", parse_continue},
};

/* ---- statements ----------------------------------------------------------------------------- */
/* Is the word here one of " a b c "? */
static int among(const mn_jparser *p, const char *words) {
    if (p->at->kind != MN_JT_NAME || p->at->value.s->n > 30) return 0;
    char padded[33] = " ";
    memcpy(padded + 1, p->at->value.s->p, p->at->value.s->n);
    padded[p->at->value.s->n + 1] = ' ';
    return strstr(words, padded) != NULL;
}

static int block(mn_jparser *p, mn_jnode **out) {
    for (size_t i = 0; i < sizeof tags / sizeof *tags; i++)
        if (mn_jparse_skip_word(p, tags[i].word)) return tags[i].parse(p, out);
    return mn_jparse_fail(p, MN_EUNSUPPORTED, "a tag that is not known or not expected here");
}

static int statement(mn_jparser *p, mn_jnode **out) {
    const mn_jtoken *t = p->at;
    if (t->kind == MN_JT_TEXT) {
        MN_TRY(mn_jparse_node(p, MN_JN_TEXT, out));
        (*out)->value = p->at++->value;
        return 0;
    }
    if (t->kind == MN_JT_BLOCK) {
        p->at++;
        return block(p, out);
    }
    MN_TRY(mn_jparse_node(p, MN_JN_PRINT, out));
    p->at++;
    MN_TRY(mn_jparse_tuple(p, 1, &(*out)->a));
    if (p->at->kind != MN_JT_PRINT_END) return mn_jparse_fail(p, MN_EINVAL, "expected }}");
    p->at++;
    return 0;
}

/* Statements up to {% and one of the words " a b " (not consumed), or to the end of the source. */
static int statements(mn_jparser *p, const char *ends, mn_jnode **list) {
    MN_TRY(mn_jparse_enter(p));
    for (;;) {
        if (p->at->kind == MN_JT_END) {
            if (!ends) break;
            char what[80] = "missing";
            strncat(what, ends, sizeof what - 8);
            return mn_jparse_fail(p, MN_EINVAL, what);
        }
        if (ends && p->at->kind == MN_JT_BLOCK) {
            mn_jparser next = *p;
            next.at++;
            if (among(&next, ends)) break;
        }
        MN_TRY(statement(p, list));
        list = &(*list)->next;
    }
    p->depth--;
    return 0;
}

int mn_jcompile(mn_arena *arena, const char *source, size_t n, mn_jnode **out) {
    mn_jtoken *tokens;
    MN_TRY(mn_jlex(arena, source, n, &tokens));
    mn_jparser p = {.arena = arena, .at = tokens};
    *out = NULL;
    return statements(&p, NULL, out);
}
