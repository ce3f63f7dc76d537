/* SPDX-License-Identifier: Apache-2.0
 *
 * model/jinja_parse.h - what the two halves of the template parser share: expressions
 * (jinja_expr.c) and statements (jinja_parse.c). Recursive descent over the token array, one
 * function per rule of the grammar, in the order of jinja2's precedence.
 */
#ifndef MN_MODEL_JINJA_PARSE_H
#define MN_MODEL_JINJA_PARSE_H
#include "model/jinja.h"

typedef struct mn_jparser {
    mn_arena *arena;
    const mn_jtoken *at;
    int depth;       /* nested rules, bounded so that no source overflows the stack */
    int conditional; /* inside an if: an unknown filter is an error only when it is reached */
    int in_loop;
} mn_jparser;

int mn_jparse_fail(const mn_jparser *p, int code, const char *what); /* adds line and token */
int mn_jparse_enter(mn_jparser *p);                                  /* paired with p->depth-- */
int mn_jparse_node(mn_jparser *p, mn_jnode_kind kind, mn_jnode **out);
int mn_jparse_is_op(const mn_jparser *p, uint16_t op);
int mn_jparse_is_word(const mn_jparser *p, const char *word);
int mn_jparse_skip_op(mn_jparser *p, uint16_t op); /* 1: it was there */
int mn_jparse_skip_word(mn_jparser *p, const char *word);
int mn_jparse_expect_op(mn_jparser *p, uint16_t op);
int mn_jparse_name(mn_jparser *p, const mn_jstr **out);

int mn_jparse_expression(mn_jparser *p, mn_jnode **out);   /* with `a if b else c` */
int mn_jparse_no_condition(mn_jparser *p, mn_jnode **out); /* without */
/* One expression, or a tuple when commas follow; `condition`: may they be `a if b`? */
int mn_jparse_tuple(mn_jparser *p, int condition, mn_jnode **out);
int mn_jparse_target(mn_jparser *p, int spaces, mn_jnode **out); /* a, b or ns.x */
int mn_jparse_primary(mn_jparser *p, mn_jnode **out);
int mn_jparse_postfix(mn_jparser *p, mn_jnode **node);
int mn_jparse_filters(mn_jparser *p, mn_jnode **node); /* | a | b; stands at the first name */
int mn_jparse_call_args(mn_jparser *p, mn_jnode **list);

#endif
