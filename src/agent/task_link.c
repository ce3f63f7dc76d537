/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/task_link.c - the links of a forest that was read from somewhere, which may say anything:
 * parents before children, depths, circles. O(tasks + dependencies).
 */
#include "agent/task.h"

#include "base/error.h"

#include <string.h>

static long long id_at(const mn_tasks *t, int at) {
    return (long long)t->node[at].id;
}

/* Depth and root of all of them; a parent may come behind its children here. */
static int find_depths(mn_tasks *t, int *path) {
    for (int i = 0; i < t->n; i++) t->node[i].depth = -1;
    for (int i = 0; i < t->n; i++) {
        int n = 0, at = i;
        for (; at >= 0 && t->node[at].depth == -1; at = t->node[at].parent) {
            t->node[at].depth = -2; /* on the way */
            path[n++] = at;
        }
        if (at >= 0 && t->node[at].depth == -2)
            return MN_FAIL(MN_ECORRUPT, "the tasks #%lld and #%lld are above each other",
                           id_at(t, at), id_at(t, path[n - 1]));
        int depth = at < 0 ? -1 : t->node[at].depth;
        int root = at < 0 ? path[n - 1] : t->node[at].root;
        while (n) {
            mn_task *const one = t->node + path[--n];
            one->depth = ++depth;
            one->root = root;
            if (depth > MN_TASK_DEPTH)
                return MN_FAIL(MN_ECORRUPT,
                               "the task #%lld has %d others above it, up to #%lld; %d are allowed",
                               (long long)one->id, depth, id_at(t, root), MN_TASK_DEPTH);
        }
    }
    return 0;
}

/* Dependencies without circles: those that nobody waits for any more are taken away, until none is
 * left. */
static int check_circles(mn_tasks *t, int *stack, int *waits) {
    int n = 0, taken = 0;
    for (int i = 0; i < t->n; i++) waits[i] = 0;
    for (int i = 0; i < t->n; i++)
        for (int d = 0; d < t->node[i].n_deps; d++) waits[t->node[i].deps[d]]++;
    for (int i = 0; i < t->n; i++)
        if (!waits[i]) stack[n++] = i;
    for (; n; taken++) {
        const mn_task *const one = t->node + stack[--n];
        for (int d = 0; d < one->n_deps; d++)
            if (!--waits[one->deps[d]]) stack[n++] = one->deps[d];
    }
    if (taken == t->n) return 0;
    int at = 0;
    while (!waits[at]) at++;
    return MN_FAIL(MN_ECORRUPT, "the task #%lld builds on others in a circle", id_at(t, at));
}

/* What replaces what, both ways: each an earlier one, which one alone replaces. A file that came in
 * twice may say otherwise: what came first counts. */
static void find_places(mn_tasks *t) {
    for (int i = 0; i < t->n; i++) t->node[i].replaced = -1;
    for (int i = 0; i < t->n; i++) {
        const int old = t->node[i].replaces;
        if (old < 0) continue;
        if (old >= i || t->node[old].replaced >= 0)
            t->node[i].replaces = -1;
        else
            t->node[old].replaced = i;
    }
}

/* Those of the same tree, and not above or below it. */
static void choose(mn_tasks *t, int at) {
    mn_task *const one = t->node + at;
    int n = 0;
    for (int d = 0; d < one->n_deps; d++) {
        int up = one->deps[d], down = at;
        while (up >= 0 && up != at) up = t->node[up].parent;
        while (down >= 0 && down != one->deps[d]) down = t->node[down].parent;
        if (up < 0 && down < 0 && t->node[one->deps[d]].root == one->root)
            one->deps[n++] = one->deps[d];
    }
    one->n_deps = n;
    if (one->beside >= 0 && (one->parent < 0 || t->node[one->beside].parent != one->parent))
        one->beside = -1;
}

int mn_tasks_link(mn_tasks *t) {
    int *one, *two;
    MN_TRY(mn_arena_take(&t->arena, ((size_t)t->n + 1) * sizeof *one, &one));
    MN_TRY(mn_arena_take(&t->arena, ((size_t)t->n + 1) * sizeof *two, &two));
    MN_TRY(find_depths(t, one));
    for (int i = 0; i < t->n; i++) choose(t, i);
    MN_TRY(check_circles(t, one, two));
    find_places(t);
    for (int i = 0; i < t->n; i++) t->node[i].child = t->node[i].last = t->node[i].next = -1;
    for (int i = 0; i < t->n; i++) {
        const int up = t->node[i].parent;
        if (up < 0) continue;
        if (t->node[up].last < 0)
            t->node[up].child = i;
        else
            t->node[t->node[up].last].next = i;
        t->node[up].last = i;
    }
    return 0;
}
