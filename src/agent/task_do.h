/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/task_do.h - plans through one door: a JSON object says what to do, another what came of it.
 *
 *     {"do": "step", "parent": 12, "slot": "Flights", "deps": [13]}
 *       -> {"task": {"id": 14, "slot": "Flights", "status": "pending", ...}}
 *
 * task_verbs.c has the tables (base/verb.h).
 */
#ifndef MN_AGENT_TASK_DO_H
#define MN_AGENT_TASK_DO_H
#include "agent/task_kept.h"
#include "base/verb.h"

#include <jansson.h>

enum { MN_TASK_JSON = 2 << 20, MN_TASK_TEXT = 1 << 16 }; /* bytes of a call; of a text */

/* What was said so far, by "user" and "assistant" in turn; the answer follows the schema. */
typedef struct mn_talk {
    const char *model, *schema, *system;
    const mn_task_said *said; /* [n] */
    int n;
    int32_t context, room; /* tokens in all, and of those that the answer needs at least */
    int32_t read, written; /* it took so many: is filled */
} mn_talk;

/* A model that answers `prompt` with JSON of `schema`: its text in *out, for mn_free. */
typedef struct mn_extractor {
    int (*extract)(void *user, const char *model, const char *schema, const char *prompt,
                   char **out);
    void *user;
    /* One that goes on with a talk: 0, or 1 when the context was full before the answer ended.
     * MN_ETOOLONG: what was said leaves no room. NULL: there is none. */
    int (*talk)(void *user, mn_talk *talk, char **out);
    /* How long work goes, as a line, or NULL: nothing new. Non-zero stops it. May be NULL. */
    int (*tell)(void *user, const char *line);
} mn_extractor;

typedef struct mn_task_args {
    const char *slot, *text, *role, *model, *form, *folder, *check, *tests;
    int64_t id, parent, beside, version, budget, after, limit, context, seconds, tries;
    json_t *deps, *ops;
} mn_task_args;

typedef struct mn_task_call {
    mn_notes *notes;
    const mn_who *who;
    const mn_extractor *by; /* NULL: there is no model */
    mn_task_args args;
    mn_tasks t;
    int at;         /* the task of `id`; -1: none was given */
    json_t *result; /* an object */
} mn_task_call;

extern const mn_verbs mn_task_verbs; /* task_verbs.c */

/* Do it; *result for mn_free. `changed`: the task that changed, 0: nothing did; may be NULL. */
int mn_task_run(mn_notes *notes, const mn_who *who, const mn_extractor *by, const char *json,
                char **result, int64_t *changed);
json_t *mn_task_json(const mn_tasks *t, int at); /* NULL: no memory */
/* Dependencies by number, as places: MN_ENOENT for what is no task at all; others are dropped. */
int mn_task_deps(mn_task_call *c, json_t *list, int **out, int *n);

/* trim.c: `say`; l2mac.c: `write`. */
int mn_trim_say(void *call);
int mn_l2mac_write(void *call);

#endif
