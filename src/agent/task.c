/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/task.c - every change looks first whether it may be, takes what memory it needs, and only
 * then writes: one that fails has changed nothing.
 */
#include "agent/task.h"

#include "base/error.h"

#include <stdio.h>
#include <string.h>

const char *const mn_task_statuses[] = {"pending", "done", "failed", NULL};

void mn_tasks_free(mn_tasks *t) {
    mn_arena_free(&t->arena);
    *t = (mn_tasks){0};
}

int mn_tasks_text(mn_tasks *t, const char *text, size_t n, const char **out) {
    char *copy;
    if (!t->arena.limit) t->arena = (mn_arena){.limit = (size_t)1 << 30, .what = "a plan"};
    MN_TRY(mn_arena_take(&t->arena, n + 1, &copy));
    memcpy(copy, text, n);
    *out = copy;
    return 0;
}

/* ---- names of tasks, in sentences ---------------------------------------------------------- */
typedef struct named {
    char text[24];
} named;

static named name_of(const mn_tasks *t, int at) {
    named out = {"the new task"};
    if (at < t->n && t->node[at].id)
        snprintf(out.text, sizeof out.text, "#%lld", (long long)t->node[at].id);
    return out;
}

/* ---- what may be --------------------------------------------------------------------------- */
typedef struct walk {
    char *seen;
    int *stack, n;
} walk;

static int walk_begin(mn_tasks *t, walk *w) {
    MN_TRY(mn_arena_take(&t->arena, (size_t)t->n + 1, &w->seen));
    MN_TRY(mn_arena_take(&t->arena, ((size_t)t->n + 1) * sizeof *w->stack, &w->stack));
    w->n = 0;
    return 0;
}

static void walk_to(walk *w, int at) {
    if (w->seen[at]) return;
    w->seen[at] = 1;
    w->stack[w->n++] = at;
}

/* All that deps[0..n) build on, themselves included, becomes `seen`. */
static void walk_deps(const mn_tasks *t, walk *w, const int *deps, int n) {
    for (int i = 0; i < n; i++) walk_to(w, deps[i]);
    while (w->n) {
        const mn_task *const one = t->node + w->stack[--w->n];
        for (int i = 0; i < one->n_deps; i++) walk_to(w, one->deps[i]);
    }
}

static int is_above(const mn_tasks *t, int above, int at) {
    while (at >= 0 && at != above) at = t->node[at].parent;
    return at >= 0;
}

/* May `at` (of this parent; t->n: a new one) build on deps as well? `for_`: those who would build
 * on it: of a task that takes the place of another. */
static int check_deps(mn_tasks *t, int at, int parent, const int *deps, int n, const char *for_) {
    walk w;
    MN_TRY(walk_begin(t, &w));
    for (int i = 0; i < n; i++) {
        const int d = deps[i];
        if (d == at || is_above(t, d, parent) || (at < t->n && is_above(t, at, d)))
            return MN_FAIL(MN_EINVAL, "%s cannot build on %s: %s", name_of(t, at).text,
                           name_of(t, d).text,
                           d == at                  ? "that is itself"
                           : is_above(t, d, parent) ? "it is a part of it"
                                                    : "that is a part of it");
    }
    for (int d = 0; d < n; d++) {
        walk_deps(t, &w, deps + d, 1);
        for (int i = 0; i < t->n; i++)
            if (w.seen[i] && (i == at || (for_ && for_[i])))
                return MN_FAIL(MN_EINVAL, "%s cannot build on %s, which builds on %s: a circle",
                               name_of(t, at).text, name_of(t, deps[d]).text,
                               i == at ? "it" : name_of(t, i).text);
    }
    return 0;
}

/* Of the tasks that go beside another: would one of a pair build on the other, when `at`, and those
 * of for_, build on deps, too? */
static int check_beside(mn_tasks *t, int at, const int *deps, int n, const char *for_) {
    walk w;
    MN_TRY(walk_begin(t, &w));
    for (int i = 0; i < 2 * t->n; i++) {
        const int j = t->node[i / 2].beside, from = i % 2 ? j : i / 2, to = i % 2 ? i / 2 : j;
        if (j < 0) continue;
        memset(w.seen, 0, (size_t)t->n);
        int gains = from == at || (for_ && for_[from]);
        walk_deps(t, &w, t->node[from].deps, t->node[from].n_deps);
        for (int k = 0; k < t->n && !gains; k++)
            gains = w.seen[k] && (k == at || (for_ && for_[k]));
        if (gains) walk_deps(t, &w, deps, n);
        if (w.seen[to])
            return MN_FAIL(MN_EINVAL, "%s goes beside %s, so it cannot build on it",
                           name_of(t, from).text, name_of(t, to).text);
    }
    return 0;
}

int mn_task_current(const mn_tasks *t, int at) {
    while (t->node[at].replaced >= 0) at = t->node[at].replaced;
    return at;
}

int mn_task_find(const mn_tasks *t, int64_t id) {
    for (int i = 0; i < t->n; i++)
        if (t->node[i].id == id) return i;
    return -1;
}

/* ---- lists --------------------------------------------------------------------------------- */
static int has(const int *list, int n, int what) {
    for (int i = 0; i < n; i++)
        if (list[i] == what) return 1;
    return 0;
}

/* Those of deps that are of the tree, as they stand now, each once, and not among old[n_old); the
 * others are noted as left out. */
static int choose_deps(mn_tasks *t, int root, const int *deps, int n, const int *old, int n_old,
                       int **out, int *n_out) {
    MN_TRY(mn_arena_take(&t->arena, ((size_t)n + 1) * sizeof **out, out));
    MN_TRY(mn_arena_take(&t->arena, ((size_t)n + 1) * sizeof *t->drop, &t->drop));
    *n_out = t->n_drop = 0;
    for (int i = 0; i < n; i++) {
        const int d = mn_task_current(t, deps[i]);
        if (root < 0 || t->node[d].root != root)
            t->drop[t->n_drop++] = deps[i];
        else if (!has(*out, *n_out, d) && !has(old, n_old, d))
            (*out)[(*n_out)++] = d;
    }
    if (n_old + *n_out > MN_TASK_DEPS)
        return MN_FAIL(MN_ETOOLONG, "a task may build on %d others, not on %d", MN_TASK_DEPS,
                       n_old + *n_out);
    return 0;
}

static int join(mn_tasks *t, const int *a, int n_a, const int *b, int n_b, int **out) {
    MN_TRY(mn_arena_take(&t->arena, ((size_t)n_a + (size_t)n_b + 1) * sizeof **out, out));
    if (n_a) memcpy(*out, a, (size_t)n_a * sizeof **out);
    if (n_b) memcpy(*out + n_a, b, (size_t)n_b * sizeof **out);
    return 0;
}

static int grow(mn_tasks *t) {
    if (t->n >= MN_TASK_MOST)
        return MN_FAIL(MN_EFULL, "there are %d tasks, and no more may be: forget old ones", t->n);
    if (t->n < t->cap) return 0;
    const size_t was = (size_t)t->cap * sizeof *t->node;
    const int cap = t->cap ? 2 * t->cap : 32;
    MN_TRY(mn_arena_grow(&t->arena, t->node, was, (size_t)cap * sizeof *t->node, (void *)&t->node));
    t->cap = cap;
    return 0;
}

/* Those who build on it are told: it is not what it was. */
static void flag_dependents(mn_tasks *t, int at) {
    for (int i = 0; i < t->n; i++)
        if (t->node[i].replaced < 0 && has(t->node[i].deps, t->node[i].n_deps, at))
            t->node[i].flagged = t->node[i].changed = 1;
}

static void adopt(mn_tasks *t, int at) {
    mn_task *const one = t->node + at;
    one->child = one->last = one->next = -1;
    one->root = one->parent < 0 ? at : t->node[one->parent].root;
    one->depth = one->parent < 0 ? 0 : t->node[one->parent].depth + 1;
    if (one->parent < 0) return;
    mn_task *const parent = t->node + one->parent;
    if (parent->last < 0)
        parent->child = at;
    else
        t->node[parent->last].next = at;
    parent->last = at;
}

/* ---- adding -------------------------------------------------------------------------------- */
static int check_slot(const char *slot) {
    const size_t n = strlen(slot);
    if (!n || n > MN_TASK_SLOT || strcspn(slot, "\r\n") < n)
        return MN_FAIL(MN_EINVAL, "the name of a task is one line of 1 to %d bytes, not %zu",
                       MN_TASK_SLOT, n);
    return 0;
}

static int check_parent(const mn_tasks *t, int parent, int beside) {
    if (parent >= 0 && t->node[parent].depth >= MN_TASK_DEPTH)
        return MN_FAIL(MN_ETOOLONG, "%s is %d tasks below %s: a part of it would be one too deep",
                       name_of(t, parent).text, t->node[parent].depth,
                       name_of(t, t->node[parent].root).text);
    if (beside >= 0 && (parent < 0 || t->node[beside].parent != parent))
        return MN_FAIL(MN_EINVAL, "%s is no part of the same task, so nothing goes beside it",
                       name_of(t, beside).text);
    return 0;
}

/* `one` has all but its place; for_: those who will build on it. */
static int append(mn_tasks *t, const mn_task_spec *spec, int beside, const char *for_, int *out) {
    mn_task one = {.parent = spec->parent, .beside = beside, .replaces = -1, .replaced = -1};
    const int root = spec->parent < 0 ? -1 : t->node[spec->parent].root;
    MN_TRY(check_slot(spec->slot));
    MN_TRY(check_parent(t, spec->parent, beside));
    MN_TRY(mn_tasks_text(t, spec->slot, strlen(spec->slot), &one.slot));
    MN_TRY(mn_tasks_text(t, spec->text, strlen(spec->text), &one.text));
    MN_TRY(grow(t));
    MN_TRY(choose_deps(t, root, spec->deps, spec->n_deps, NULL, 0, &one.deps, &one.n_deps));
    MN_TRY(check_deps(t, t->n, spec->parent, one.deps, one.n_deps, for_));
    if (beside >= 0) {
        walk w;
        MN_TRY(walk_begin(t, &w));
        walk_deps(t, &w, one.deps, one.n_deps);
        if (w.seen[beside])
            return MN_FAIL(MN_EINVAL, "the new task goes beside %s, so it cannot build on it",
                           name_of(t, beside).text);
    }
    one.version = one.changed = 1;
    one.turn = t->turn;
    *out = t->n;
    t->node[t->n++] = one;
    adopt(t, *out);
    return 0;
}

int mn_task_add(mn_tasks *t, const mn_task_spec *spec, int *out) {
    return append(t, spec, spec->beside, NULL, out);
}

/* ---- changing ------------------------------------------------------------------------------ */
/* What it is now becomes past. */
static int remember(mn_tasks *t, mn_task *one) {
    const size_t was = (size_t)one->n_past * sizeof *one->past;
    MN_TRY(mn_arena_grow(&t->arena, one->past, was, was + sizeof *one->past, (void *)&one->past));
    one->past[one->n_past] = (mn_task_past){one->version, one->prior, one->text, one->status};
    one->n_past++;
    return 0;
}

static void now_is(mn_tasks *t, int at, const char *text, mn_task_status status, int prior) {
    mn_task *const one = t->node + at;
    if (strcmp(one->text, text) != 0) flag_dependents(t, at);
    one->text = text;
    one->status = status;
    one->prior = prior;
    one->version++;
    one->turn = t->turn;
    one->changed = 1;
}

static int check_current(const mn_tasks *t, int at) {
    if (t->node[at].replaced < 0) return 0;
    return MN_FAIL(MN_EINVAL, "%s was replaced by %s: change that", name_of(t, at).text,
                   name_of(t, mn_task_current(t, at)).text);
}

int mn_task_change(mn_tasks *t, int at, const char *text, mn_task_status status, const int *deps,
                   int n_deps) {
    mn_task *const one = t->node + at;
    const char *copy = one->text;
    int *more, *all, n;
    MN_TRY(check_current(t, at));
    MN_TRY(choose_deps(t, one->root, deps, n_deps, one->deps, one->n_deps, &more, &n));
    if (n) MN_TRY(check_deps(t, at, one->parent, more, n, NULL));
    if (n) MN_TRY(check_beside(t, at, more, n, NULL));
    MN_TRY(join(t, one->deps, one->n_deps, more, n, &all));
    if (text) MN_TRY(mn_tasks_text(t, text, strlen(text), &copy));
    const int same = strcmp(copy, one->text) == 0 && status == one->status;
    if (!same) MN_TRY(remember(t, one));
    if (n) one->deps = all, one->n_deps += n, one->changed = 1, one->turn = t->turn;
    if (!same) now_is(t, at, copy, status, one->version);
    if (one->flagged && status == MN_TASK_DONE && !n_deps) one->flagged = 0, one->changed = 1;
    return 0;
}

int mn_task_rollback(mn_tasks *t, int at) {
    mn_task *const one = t->node + at;
    mn_task_past was = {0};
    MN_TRY(check_current(t, at));
    if (!one->prior)
        return MN_FAIL(MN_ENOENT, "%s has been nothing else before", name_of(t, at).text);
    for (int i = 0; i < one->n_past; i++)
        if (one->past[i].version == one->prior) was = one->past[i];
    if (!was.version)
        return MN_FAIL(MN_ENOENT, "version %d of %s is not there any more", one->prior,
                       name_of(t, at).text);
    MN_TRY(remember(t, one));
    now_is(t, at, was.text, was.status, was.prior);
    return 0;
}

int mn_task_replace(mn_tasks *t, int at, const mn_task_spec *spec, int *out) {
    char *for_;
    MN_TRY(check_current(t, at));
    if (t->node[at].parent < 0)
        return MN_FAIL(MN_EINVAL,
                       "%s is the top of its tree: give it another text, or begin a "
                       "tree",
                       name_of(t, at).text);
    MN_TRY(mn_arena_take(&t->arena, (size_t)t->n + 1, &for_));
    for (int i = 0; i < t->n; i++) for_[i] = (char)has(t->node[i].deps, t->node[i].n_deps, at);
    mn_task_spec next = *spec;
    next.parent = t->node[at].parent;
    for (int i = 0; i < next.n_deps; i++)
        if (mn_task_current(t, next.deps[i]) == at)
            return MN_FAIL(MN_EINVAL, "what replaces %s cannot build on it", name_of(t, at).text);
    MN_TRY(check_beside(t, at, next.deps, next.n_deps, for_));
    const int beside = t->node[at].beside;
    MN_TRY(append(t, &next, beside, for_, out));
    t->node[at].replaced = *out;
    t->node[at].changed = 1;
    t->node[at].turn = t->turn;
    t->node[*out].replaces = at;
    for (int i = 0; i < *out; i++) {
        mn_task *const one = t->node + i;
        for (int d = 0; d < one->n_deps; d++)
            if (one->deps[d] == at)
                one->deps[d] = *out, one->changed = 1, one->flagged |= one->replaced < 0;
        if (one->beside == at) one->beside = *out, one->changed = 1;
    }
    return 0;
}
