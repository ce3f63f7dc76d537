/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/l2mac_kept.c - the state of writing is its tree of tasks and what was said about each.
 *
 * The root is found again by its name, which has a hash of all that was asked for: the same command
 * goes on, another one begins anew.
 */
#include "agent/l2mac.h"

#include "base/hash.h"

#include <stdio.h>
#include <string.h>

typedef struct change {
    mn_l2mac *w;
    int64_t id;
    const char *slot, *text;
    mn_task_status status;
    const json_t *steps;
    mn_l2mac_turns *turns;
} change;

static int in_turn(mn_l2mac *w, int write, int (*work)(void *user), change *x) {
    x->w = w;
    return mn_notes_turn(w->c->notes, write, work, x);
}

static int read_tree(mn_l2mac *w) {
    mn_tasks_free(&w->c->t);
    return mn_tasks_read(w->c->notes, w->c->who, w->root, &w->c->t);
}

static int keep_tree(mn_l2mac *w) {
    return mn_tasks_write(w->c->notes, w->c->who, &w->c->t);
}

static int find(mn_l2mac *w, int64_t id, int *at) {
    MN_TRY(read_tree(w));
    *at = mn_task_find(&w->c->t, id);
    return *at >= 0 ? 0 : MN_FAIL(MN_ENOENT, "task #%lld is gone", (long long)id);
}

/* ---- the tree ------------------------------------------------------------------------------- */
static int name_of(const mn_l2mac *w, mn_buf *out) {
    const mn_task_args *const a = &w->c->args;
    const char *const parts[] = {a->text, mn_jail_where(w->jail), a->check, a->tests, a->model};
    const char *const base = strrchr(parts[1], '/') + 1;
    mn_buf all = {0};
    int rc = mn_buf_printf(&all, "%lld %lld", (long long)a->context, (long long)a->tries);
    for (size_t i = 0; i < sizeof parts / sizeof *parts && rc >= 0; i++)
        rc = parts[i] ? mn_buf_printf(&all, " %zu:%s", strlen(parts[i]), parts[i])
                      : mn_buf_puts(&all, " -");
    if (rc >= 0)
        rc = mn_buf_printf(out, "Write %s (%016llx)", strlen(base) < 120 ? base : "files",
                           (unsigned long long)mn_hash64(all.data, all.len));
    mn_buf_free(&all);
    return rc;
}

static int begin(void *user) {
    change *const x = user;
    mn_tasks *const t = &x->w->c->t;
    const mn_task_spec spec = {.slot = x->slot, .text = x->text, .parent = -1, .beside = -1};
    int at = 0;
    x->w->root = 0;
    MN_TRY(read_tree(x->w));
    while (at < t->n && (t->node[at].parent >= 0 || strcmp(t->node[at].slot, x->slot) != 0)) at++;
    if (at == t->n) {
        MN_TRY(mn_task_add(t, &spec, &at));
        MN_TRY(keep_tree(x->w));
    }
    x->w->root = t->node[at].id;
    return 0;
}

int mn_l2mac_begin(mn_l2mac *w) {
    mn_buf slot = {0};
    int rc = name_of(w, &slot);
    if (rc >= 0) {
        change x = {.slot = slot.data, .text = w->c->args.text};
        rc = in_turn(w, 1, begin, &x);
    }
    mn_buf_free(&slot);
    return rc;
}

static int look(void *user) {
    return read_tree(((change *)user)->w);
}
int mn_l2mac_look(mn_l2mac *w) {
    return in_turn(w, 0, look, &(change){.w = w});
}

static int plan(void *user) {
    change *const x = user;
    mn_tasks *const t = &x->w->c->t;
    json_t *one;
    int root, last = -1;
    size_t i;
    MN_TRY(find(x->w, x->w->root, &root));
    for (int k = t->node[root].child; k >= 0; k = t->node[k].next) last = k;
    json_array_foreach(x->steps, i, one) {
        const mn_task_spec spec = {.slot = json_string_value(json_object_get(one, "file")),
                                   .text = json_string_value(json_object_get(one, "text")),
                                   .parent = root,
                                   .deps = &last,
                                   .n_deps = last >= 0,
                                   .beside = -1};
        MN_TRY(mn_task_add(t, &spec, &last));
    }
    return keep_tree(x->w);
}
int mn_l2mac_plan(mn_l2mac *w, const json_t *steps) {
    return in_turn(w, 1, plan, &(change){.steps = steps});
}

/* A step that has not begun was built on nothing yet: that the one before it got done is no
 * reason to look at it again. */
static int mark(void *user) {
    change *const x = user;
    mn_tasks *const t = &x->w->c->t;
    int at;
    MN_TRY(find(x->w, x->id, &at));
    MN_TRY(mn_task_change(t, at, x->text, x->status, NULL, 0));
    for (int i = 0; i < t->n; i++)
        if (t->node[i].flagged && t->node[i].status == MN_TASK_PENDING)
            t->node[i].flagged = 0, t->node[i].changed = 1;
    return keep_tree(x->w);
}
int mn_l2mac_mark(mn_l2mac *w, int64_t id, mn_task_status status, const char *text) {
    return in_turn(w, 1, mark, &(change){.id = id, .status = status, .text = text});
}

/* ---- what was said -------------------------------------------------------------------------- */
static int keep(mn_l2mac_turns *turns, const char *who, const char *text) {
    const size_t n = strlen(text) + 1, k = strlen(who) + 1;
    char *copy;
    if (turns->n == turns->cap) {
        const size_t have = (size_t)turns->cap * sizeof *turns->said;
        const int cap = turns->cap ? 2 * turns->cap : 32;
        MN_TRY(mn_arena_grow(&turns->arena, turns->said, have, (size_t)cap * sizeof *turns->said,
                             (void *)&turns->said));
        turns->cap = cap;
    }
    MN_TRY(mn_arena_take(&turns->arena, n + k, &copy));
    memcpy(copy, text, n);
    memcpy(copy + n, who, k);
    turns->said[turns->n++] = (mn_task_said){copy + n, copy};
    return 0;
}

static int hear(void *user) {
    change *const x = user;
    mn_task_said *said;
    int at, n;
    MN_TRY(find(x->w, x->id, &at));
    MN_TRY(mn_tasks_said(x->w->c->notes, x->w->c->who, &x->w->c->t, at, &said, &n));
    for (int i = 0; i < n; i++) MN_TRY(keep(x->turns, said[i].who, said[i].text));
    return 0;
}
int mn_l2mac_hear(mn_l2mac *w, int64_t id, mn_l2mac_turns *out) {
    *out = (mn_l2mac_turns){.id = id};
    return in_turn(w, 0, hear, &(change){.id = id, .turns = out});
}

static int say(void *user) {
    change *const x = user;
    int at;
    MN_TRY(find(x->w, x->id, &at));
    return mn_tasks_say(x->w->c->notes, x->w->c->who, &x->w->c->t, at, x->slot, x->text);
}
int mn_l2mac_say(mn_l2mac *w, mn_l2mac_turns *turns, const char *who, const char *text) {
    if (!*text) text = "(nothing)";
    MN_TRY(in_turn(w, 1, say, &(change){.id = turns->id, .slot = who, .text = text}));
    return keep(turns, who, text);
}
