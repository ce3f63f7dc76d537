/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/trim.h - from what a user said to what is done to a plan (TRIM, of the Task Memory Engine).
 *
 *   split into parts -> each is new, update, check, undo or replace, with the task it is about ->
 *   the plan is changed -> the tasks that were touched are told, to answer from
 *
 * Three ways to the second step: whoever asks gives the operations; a model is asked for them, and
 * its answer follows a schema in which intents and tasks are enums of what there is; or rules
 * decide, which know cue words of English and always say the same. A check changes nothing. When
 * one part is not clear, nothing is done at all, and what to ask back is told. An operation is:
 *
 *     {"intent": "update", "task": 14 or "Hotel", "text": "near the station", "status": "done"}
 *     {"intent": "new", "slot": "Museum", "text": "", "parent": 12, "deps": [14, "Hotel"]}
 */
#ifndef MN_AGENT_TRIM_H
#define MN_AGENT_TRIM_H
#include "agent/task_do.h"

extern const char *const mn_trim_intents[]; /* NULL ends */

/* trim_rules.c: operations into the list. root -1: there is no tree yet. */
int mn_trim_rules(const mn_tasks *t, int root, const char *said, json_t *ops);
/* The task of the tree that changed last, when it was one alone; else -1, and how many. */
int mn_trim_focus(const mn_tasks *t, int root, int *n);

/* trim_model.c: what a model is asked, and the schema of its answer {"ops": [..]}. */
int mn_trim_question(const mn_tasks *t, int root, const char *said, mn_buf *prompt);
int mn_trim_schema(const mn_tasks *t, int root, mn_buf *schema);

#endif
