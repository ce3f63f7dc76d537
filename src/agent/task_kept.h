/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/task_kept.h - forests of tasks as records of a store.
 *
 * A task is a record of kind "task": its text is "SLOT: TEXT" (SLOT alone, without a text), its ref
 * the slot, its session "tasks" for a root and "tasks/UID" of its root for all others, so that a
 * tree is found without a look at anything else. Its state is in meta:
 *
 *     {"task": {"uid": "9f..", "parent": "uid", "deps": ["uid", ..], "status": "done",
 *               "version": 3, "prior": 1, "flagged": true, "beside": "uid",
 *               "replaces": "uid", "turn": 7}}
 *
 * Links are uids, random and for ever, because numbers of records change when they are carried to
 * another store. Former versions of the record are the task's past. What was said about a task are
 * records of kind "turn" in the session "turns/UID". All of it is searched, forgotten and carried
 * like any other record; a task whose parent was forgotten becomes a root, and a dependency on what
 * was forgotten is none.
 *
 * Reading, changing and writing happen in one turn of the notes, so that two processes that change
 * a tree at once do so one after the other, and none undoes what the other did.
 */
#ifndef MN_AGENT_TASK_KEPT_H
#define MN_AGENT_TASK_KEPT_H
#include "agent/notes.h"
#include "agent/task.h"

#define MN_TASK_KIND "task"

/* Inside a turn. The tree that task `id` is of; 0: all trees. MN_ENOENT: there is no such task. */
int mn_tasks_read(mn_notes *n, const mn_who *who, int64_t id, mn_tasks *out);
/* 1: there is a task of this number, in whatever tree. */
int mn_tasks_there(mn_notes *n, const mn_who *who, int64_t id);
/* What a task has been; before a rollback of it. */
int mn_tasks_read_past(mn_notes *n, const mn_who *who, mn_tasks *t, int at);
/* Whatever changed becomes records, and versions of records; new tasks get their numbers. */
int mn_tasks_write(mn_notes *n, const mn_who *who, mn_tasks *t);

/* What is said about a task, and all that was; texts are the arena's. */
int mn_tasks_say(mn_notes *n, const mn_who *who, const mn_tasks *t, int at, const char *speaker,
                 const char *text);
int mn_tasks_said(mn_notes *n, const mn_who *who, mn_tasks *t, int at, mn_task_said **out,
                  int *n_out);

#endif
