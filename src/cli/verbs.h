/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/verbs.h - commands whose verbs are those of a door of the library (mn_task_do, mn_fleet_do):
 * the verbs, the words behind each and what they take come from the library ({"do": "verbs"}).
 */
#ifndef MN_CLI_VERBS_H
#define MN_CLI_VERBS_H
#include "cli/cli.h"

#include <jansson.h>

typedef struct mn_cli_verbs {
    const char *command; /* "task" */
    int local;           /* 1: verbs for programs of this machine alone are its verbs, too */
    /* The door: NULL as `user` of what tells its verbs. *answer for mn_free_text. */
    int (*door)(void *user, const char *call, char **answer);
    json_t *all, *verb;    /* what it told; the one that was asked for, in it */
    json_t *call, *result; /* JSON to it, and from it */
} mn_cli_verbs;

/* The verb of this name; MN_CLI_USAGE, with one that is near. Free in any case. */
int mn_cli_verbs_find(mn_cli_verbs *v, const char *name);
void mn_cli_verbs_free(mn_cli_verbs *v);
int mn_cli_verbs_takes(const mn_cli_verbs *v, const char *field);
/* A field of the call: what the word becomes, its schema says. */
int mn_cli_verbs_put(mn_cli_verbs *v, const char *name, json_t *value); /* consumed */
int mn_cli_verbs_word(mn_cli_verbs *v, const char *name, const char *word);
/* The words behind the verb; the last field that begins with "*" takes all that are left, "-" is
 * standard input. */
int mn_cli_verbs_words(mn_cli_verbs *v, int n, const char *const *words);
int mn_cli_verbs_ask(mn_cli_verbs *v, void *user); /* v->call: v->result */
/* The number of something, as "12" or "#12": 1; 0: it is none. */
int mn_cli_verbs_number(const char *word, int64_t *out);

static inline const char *mn_cli_text_at(const json_t *o, const char *name) {
    return json_string_value(json_object_get(o, name));
}

#endif
