/* SPDX-License-Identifier: Apache-2.0
 *
 * base/verb.h - doors where a JSON object says what to do, and another what came of it.
 *
 *     {"do": "step", "parent": 12, "slot": "Flights", "deps": [13]} -> {"task": {"id": 14, ..}}
 *
 * A door is a table of verbs and one of their fields, with types and bounds: what is refused, the
 * documents, the words of a command line and the tools of MCP come from them; {"do": "verbs"} tells
 * them. How to add a verb: a bit and a row, rows of its fields, and its function.
 */
#ifndef MN_BASE_VERB_H
#define MN_BASE_VERB_H
#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

typedef enum mn_verb_kind {                 /* of a field, and what it is in the arguments */
                            MN_VERB_LINE,   /* const char *, borrowed from the call */
                            MN_VERB_ID,     /* int64_t: of something */
                            MN_VERB_COUNT,  /* int64_t */
                            MN_VERB_NUMBER, /* double */
                            MN_VERB_FLAG,   /* int: true, false */
                            MN_VERB_IDS,    /* json_t *, borrowed, as those below */
                            MN_VERB_LIST,   /* of objects */
                            MN_VERB_NAMES,  /* of strings */
                            MN_VERB_OBJECT,
} mn_verb_kind;
typedef struct mn_verb_field {
    const char *name;
    mn_verb_kind kind;
    unsigned verbs, needed; /* of which; by which of them */
    size_t offset;          /* in the arguments */
    int64_t min, max;       /* bytes, items, or the number */
    const char *choices;    /* "a|b"; NULL */
    int local;
    const char *about;
} mn_verb_field;

typedef struct mn_verb {
    const char *name, *title, *about;
    const char *words; /* fields that words behind the verb fill, in order; "*": the rest is one */
    unsigned bit;
    int writes, local; /* local: it, or the field, is for programs of this machine */
    const char *tree;  /* of tasks: the field that says which tree; NULL: all or none */
    const char *gives; /* members of the result, as "properties" of a JSON schema has them */
    int (*run)(void *call);
    int own; /* of tasks: 1: it takes turns itself */
} mn_verb;

typedef struct mn_verbs {
    const char *what;           /* there is of: "tasks" */
    const mn_verb *verb;        /* name NULL ends */
    const mn_verb_field *field; /* likewise */
    size_t most;                /* bytes of a call */
} mn_verbs;

/* The call, the caller's, and its verb (NULL: "verbs"). MN_EINVAL, MN_ETOOLONG: what is wrong. */
int mn_verbs_read(const mn_verbs *v, const char *json, json_t **call, const mn_verb **verb);
/* Its fields go into the arguments, which hold the defaults. */
int mn_verbs_args(const mn_verbs *v, const mn_verb *verb, const json_t *call, void *args);
/* What {"do": "verbs"} tells. NULL: no memory. */
json_t *mn_verbs_describe(const mn_verbs *v);
/* A member of an object, consumed. MN_ENOMEM, also when it is NULL. */
int mn_verb_put(json_t *object, const char *name, json_t *value);

#endif
