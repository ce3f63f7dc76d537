/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/task.h - what agents plan: a forest of tasks, and what may be done to it.
 *
 * A task has a name (slot), a text, a status, at most one parent (child_of), and tasks of its tree
 * that it builds on (depends_on). Nothing is ever removed: a change leaves what was before in the
 * task's past, `rollback` makes the entry before the current one current again, as one more
 * change, and `replace` adds a task in the place of another, which stays; whoever built on that one
 * builds on the new one, and is flagged: it may no longer be right. So is who builds on a task
 * whose text changed. What is done again is right again.
 *
 * Refused, with the numbers of the tasks, and then nothing is changed: circles of dependencies,
 * a task that builds on what it is part of, or that goes beside what it builds on; more than
 * MN_TASK_DEPTH tasks above one. Dependencies in another tree are left out. A task is its place in
 * `node`; its number is its record's. Every call is O(tasks + dependencies of the forest) at most,
 * without recursion. agent/task_kept.h keeps forests as records.
 */
#ifndef MN_AGENT_TASK_H
#define MN_AGENT_TASK_H
#include "base/arena.h"
#include "base/buf.h"

#include <stddef.h>
#include <stdint.h>

enum { MN_TASK_DEPTH = 1024, MN_TASK_MOST = 1 << 16, MN_TASK_DEPS = 256, MN_TASK_SLOT = 200 };

typedef enum mn_task_status { MN_TASK_PENDING, MN_TASK_DONE, MN_TASK_FAILED } mn_task_status;
extern const char *const mn_task_statuses[]; /* names of them; NULL ends */

typedef struct mn_task_past { /* what a task was */
    int version, prior;       /* from 1; the one that a rollback makes current, 0: none */
    const char *text;
    mn_task_status status;
} mn_task_past;

typedef struct mn_task {
    int64_t id;       /* its number; 0: it has none yet */
    const char *name; /* pictures call it so; NULL: "#" and its number */
    uint64_t uid;     /* the same in every store it is carried to */
    const char *slot, *text;
    const char *session;            /* of its record; NULL: it has none yet */
    int parent, child, last, next;  /* first and last child, next of the same parent; -1: none */
    int depth, root;                /* tasks above it; the one on top */
    int beside, replaces, replaced; /* parallel to, in the place of, replaced by; -1 */
    int *deps, n_deps;
    mn_task_status status;
    int flagged; /* what it builds on has changed since */
    int version, prior;
    mn_task_past *past; /* [n_past], any order: those versions that are known */
    int n_past;
    int turn;     /* number of the utterance, or other change of the tree, that changed it last */
    int64_t born; /* us since 1970, when its record became what it is; 0: it is new */
    int changed;  /* since it was kept */
} mn_task;

typedef struct mn_tasks {
    mn_arena arena;
    mn_task *node; /* a parent is before its children */
    int n, cap;
    int turn;  /* of changes from now on */
    int *drop; /* [n_drop] dependencies that were left out by the last call */
    int n_drop;
} mn_tasks;

void mn_tasks_free(mn_tasks *t);
int mn_tasks_text(mn_tasks *t, const char *text, size_t n, const char **out); /* a copy */

/* What a new task is; text may be "". */
typedef struct mn_task_spec {
    const char *slot, *text;
    int parent; /* -1: it begins a tree */
    const int *deps;
    int n_deps;
    int beside; /* -1; else of the same parent */
} mn_task_spec;
int mn_task_add(mn_tasks *t, const mn_task_spec *spec, int *out);
/* Another text (NULL: the same) or status, and it builds on these, too. A change of nothing is
 * none, but that the flag goes when it is done and builds on nothing more. */
int mn_task_change(mn_tasks *t, int at, const char *text, mn_task_status status, const int *deps,
                   int n_deps);
/* MN_ENOENT: it has been nothing else before. Needs its past. */
int mn_task_rollback(mn_tasks *t, int at);
/* A new task in the place of `at`; parent and beside of spec count for nothing. */
int mn_task_replace(mn_tasks *t, int at, const mn_task_spec *spec, int *out);

/* The one that stands in the place of it now. */
int mn_task_current(const mn_tasks *t, int at);
int mn_task_find(const mn_tasks *t, int64_t id); /* -1: not here */
/* Whoever read the forest from somewhere: are its links what they may be? Fills depth, root, and
 * the lists of children; parent, deps, beside, replaces are given. MN_ECORRUPT. */
int mn_tasks_link(mn_tasks *t);

/* task_prompt.c: all that matters for a task, as a text: the path from the root to it, what it
 * builds on, each once, nearest first; then its own turns. budget: tokens at most, by
 * mn_notes_tokens, 0: any number; what had no room is counted. O(depth + dependencies). */

typedef struct mn_task_said {
    const char *who, *text;
} mn_task_said;
int mn_task_prompt(mn_tasks *t, int at, const mn_task_said *said, int n_said, int64_t budget,
                   mn_buf *out);

/* task_text.c, task_svg.c: the tree below a root, for a terminal, and as a picture. */
int mn_task_draw(mn_tasks *t, int root, int64_t budget, mn_buf *out);
int mn_task_picture(mn_tasks *t, int root, mn_buf *out);

#endif
