/* SPDX-License-Identifier: Apache-2.0
 *
 * engine/grammar_schema.h - a JSON schema on its way into an automaton; private to
 * grammar_schema*.c and grammar_regex.c.
 *
 * Every schema within the schema becomes one rule, found again by its place in the document, so
 * $ref may go in circles. What is written is a part of what the schema allows, never more: where a
 * keyword cannot be honoured the schema is refused, with the place. docs/GRAMMAR.md has the table.
 */
#ifndef MN_ENGINE_GRAMMAR_SCHEMA_H
#define MN_ENGINE_GRAMMAR_SCHEMA_H
#include "engine/grammar_nfa.h"

#include <jansson.h>

enum { /* types, as bits */
       MN_TYPE_NULL = 1,
       MN_TYPE_BOOLEAN = 2,
       MN_TYPE_INTEGER = 4,
       MN_TYPE_NUMBER = 8, /* alone: with fractions; sets that hold it hold INTEGER too */
       MN_TYPE_STRING = 16,
       MN_TYPE_ARRAY = 32,
       MN_TYPE_OBJECT = 64,
       MN_TYPE_ALL = 127,
};
enum { MN_SCHEMA_DEPTH = 64, MN_SCHEMA_WORK = 1 << 18, MN_SCHEMA_SLOTS = 1 << 12 };

typedef struct mn_schema {
    mn_nfa *nfa;
    json_t *root;
    json_t *made; /* array of what was merged: kept, so that places stay places */
    mn_buf place; /* "/properties/x" */
    int depth, work;
    int never;   /* what is being merged contradicts itself */
    mn_buf memo; /* which rule a schema became */
    uint32_t slot[MN_SCHEMA_SLOTS];
    uint32_t value, space, text_char, any_object, any_array; /* rules; 0: not asked for yet */
} mn_schema;

/* The rule of schema s, whose place is `place` + "/" + key (+ "/" + index, when that is not
 * negative); key NULL: `place` itself. */
int mn_schema_rule(mn_schema *c, json_t *s, const char *key, long index, uint32_t *rule);
/* The same as a call of it. */
int mn_schema_frag(mn_schema *c, json_t *s, const char *key, long index, mn_frag *out);

/* Go one word deeper into the place; the return value brings it back. */
size_t mn_schema_enter(mn_schema *c, const char *key);
void mn_schema_leave(mn_schema *c, size_t place);
/* MN_EUNSUPPORTED (or `code`): "#/place/key: ...". key may be NULL. */
int mn_schema_refuse(mn_schema *c, int code, const char *key, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* What stands here fits nothing, which is no failure where there are other ways: the sentence is
 * kept for when there are none. *out is what leads nowhere (may be NULL). */
int mn_schema_never(mn_schema *c, mn_frag *out, const char *key, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
int mn_schema_work(mn_schema *c, size_t n); /* n things were looked at: enough is enough */

/* A count ("minItems"): `none` when it is not there. MN_EINVAL when it is no count. */
int mn_schema_count(mn_schema *c, json_t *s, const char *key, uint32_t none, uint32_t *out);
/* The types s allows by "type" and "nullable"; 0: it does not say. */
int mn_schema_types(mn_schema *c, json_t *s, int *types);
/* The schema that $ref s leads to; s itself when it has none. */
int mn_schema_target(mn_schema *c, json_t *s, json_t **out);

/* grammar_schema_merge.c */
int mn_schema_merge(mn_schema *c, json_t *s, json_t **out); /* no $ref and no allOf in it */
int mn_schema_disjoint(mn_schema *c, json_t *a, json_t *b, int depth); /* 1: surely */
int mn_schema_asserts(const char *key); /* 0: title and the like, which nothing depends on */

/* Values of one type, each in its file. */
int mn_schema_object(mn_schema *c, json_t *s, mn_frag *out);
int mn_schema_array(mn_schema *c, json_t *s, mn_frag *out);
int mn_schema_string(mn_schema *c, json_t *s, mn_frag *out);
int mn_schema_number(mn_schema *c, json_t *s, int integer, mn_frag *out);

/* Parts that several use. */
mn_frag mn_schema_space(mn_schema *c); /* where a model may like a space or a new line */
uint32_t mn_schema_char(mn_schema *c); /* a rule: a character of a string */
mn_frag mn_schema_quoted(mn_schema *c, const char *text); /* a string, its quotes included */
uint32_t mn_schema_value(mn_schema *c);                   /* a rule: any JSON */
uint32_t mn_schema_points(mn_schema *c, const mn_points *set, size_t n); /* a rule: one of them */

/* A string that `pattern` finds something in, min to max characters, without its quotes. */
int mn_schema_pattern(mn_schema *c, const char *key, const char *pattern, uint32_t min,
                      uint32_t max, mn_frag *out);

#endif
