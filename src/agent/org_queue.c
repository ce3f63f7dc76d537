/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/org_queue.c - episodes that wait for their organiser are shown to it, one by one.
 *
 * An organiser looks and thinks without any lock (a model may take seconds); then its list is
 * carried out in one transaction, which first sees whether the episode is still there and says
 * what it said: if not, the list is dropped, and the episode is seen again if there is one.
 */
#include "agent/graph_names.h"
#include "agent/notes_inside.h"
#include "agent/org.h"
#include "base/alloc.h"
#include "base/when.h"

#include <string.h>

enum { BATCH = 64 };

void mn_notes_organiser(mn_notes *n, const mn_organiser *by) {
    n->organiser = by;
}

int mn_notes_organise_all(mn_notes *n, const mn_organiser *by) {
    MN_TRY(mn_notes_begin(n, 1));
    return (int)mn_notes_end(n, n->store->kind->queue(n->store, by->name, 0, 0));
}

typedef struct waiting {
    mn_arena arena;
    int64_t id[BATCH], owner[BATCH];
    mn_row row[BATCH];
    const char *tenant[BATCH], *user[BATCH];
    int n, at;
} waiting;

static int take_id(void *user, int64_t id, int64_t owner) {
    waiting *const w = user;
    w->id[w->n] = id;
    w->owner[w->n++] = owner;
    return 0;
}

static int take_row(void *user, const mn_row *row) {
    waiting *const w = user;
    return mn_row_keep(&w->arena, row, w->row + w->at);
}

static int take_text(mn_arena *arena, const char *text, const char **out) {
    char *copy;
    MN_TRY(mn_arena_take(arena, strlen(text) + 1, &copy));
    strcpy(copy, text);
    *out = copy;
    return 0;
}

static int take_name(void *user, const char *tenant, const char *name) {
    waiting *const w = user;
    MN_TRY(take_text(&w->arena, tenant, w->tenant + w->at));
    return take_text(&w->arena, name, w->user + w->at);
}

/* Episodes that wait, and whose they are. */
static int take_all(mn_notes *n, const mn_organiser *by, int most, waiting *w) {
    mn_store *const s = n->store;
    MN_TRY(s->kind->queued(s, by->name, 0, most < BATCH ? most : BATCH, take_id, w));
    for (w->at = 0; w->at < w->n; w->at++) {
        const int there = s->kind->fetch(s, w->owner[w->at], w->id + w->at, 1, take_row, w);
        MN_TRY(there);
        if (there) MN_TRY(s->kind->whose(s, w->owner[w->at], take_name, w));
    }
    return 0;
}

typedef struct same {
    const mn_row *row;
    int is;
} same;

static int compare(void *user, const mn_row *row) {
    same *const t = user;
    t->is = row->n == t->row->n && memcmp(row->text, t->row->text, row->n) == 0;
    return 0;
}

static int first_waiting(void *user, int64_t id, int64_t owner) {
    (void)owner;
    *(int64_t *)user = id;
    return 0;
}

/* The list, and the mark that the episode was seen, unless another process was faster. */
static int commit(mn_org *c, const mn_row *episode, mn_ops *ops) {
    mn_store *const s = c->notes->store;
    same t = {.row = episode};
    MN_TRY(s->kind->fetch(s, c->owner, &episode->id, 1, compare, &t));
    if (!t.is) return 0;
    int64_t waits = 0;
    MN_TRY(s->kind->queued(s, c->by->name, episode->id - 1, 1, first_waiting, &waits));
    if (waits != episode->id) return 0;
    const int done = mn_org_apply(c, ops);
    return done > 0 ? s->kind->done(s, c->by->name, episode->id) : done;
}

static int see(mn_org *c, const mn_row *episode) {
    mn_ops ops = {0};
    int rc = mn_org_made(episode) ? 0 : c->by->on_episode(c, episode, &ops);
    if (rc >= 0) rc = mn_notes_begin(c->notes, 1);
    if (rc < 0) return rc;
    c->inside = 1;
    rc = (int)mn_notes_end(c->notes, commit(c, episode, &ops));
    c->inside = 0;
    return rc;
}

static int tick(mn_org *c) {
    mn_ops ops = {0};
    c->episode = 0;
    MN_TRY(c->by->on_tick(c, &ops));
    if (!ops.n) return 0;
    MN_TRY(mn_notes_begin(c->notes, 1));
    return (int)mn_notes_end(c->notes, mn_org_apply(c, &ops));
}

static mn_org place_of(const waiting *w, int i, mn_notes *n, const mn_organiser *by,
                       const mn_org_model *model) {
    return (mn_org){.by = by,
                    .notes = n,
                    .owner = w->owner[i],
                    .episode = w->id[i],
                    .who = {w->tenant[i], w->user[i], w->row[i].agent, w->row[i].run},
                    .model = model,
                    .arena = {.limit = (size_t)1 << 28, .what = "what is made of an episode"},
                    .now = mn_when_now()};
}

/* Is it the last of the batch of its owner, agent and run? */
static int last(const waiting *w, int i) {
    for (int k = i + 1; k < w->n; k++)
        if (w->owner[k] == w->owner[i] && w->user[k] &&
            strcmp(w->row[k].agent, w->row[i].agent) == 0 &&
            strcmp(w->row[k].run, w->row[i].run) == 0)
            return 0;
    return 1;
}

static int see_all(mn_notes *n, const mn_organiser *by, const mn_org_model *model, waiting *w) {
    mn_graph_names *names = NULL;
    int rc = 0, seen = 0;
    for (int i = 0; i < w->n && rc >= 0; i++) {
        if (!w->user[i]) continue; /* it went in the meantime, and its place in the queue too */
        mn_org c = place_of(w, i, n, by, model);
        c.names = names;
        rc = see(&c, w->row + i);
        seen += rc > 0;
        if (rc >= 0 && by->on_tick && last(w, i)) rc = tick(&c);
        names = c.names;
        mn_arena_free(&c.arena);
    }
    mn_graph_names_free(&names);
    return rc < 0 ? rc : seen;
}

int mn_notes_organise(mn_notes *n, const mn_organiser *by, const mn_org_model *model, int most) {
    waiting *const w = mn_calloc(1, sizeof *w);
    if (!w) return MN_FAIL(MN_ENOMEM, "no memory for what waits for %s", by->name);
    w->arena.what = "episodes that wait";
    int rc = mn_notes_begin(n, 0);
    if (rc >= 0) rc = (int)mn_notes_end(n, take_all(n, by, most, w));
    if (rc >= 0) rc = see_all(n, by, model, w);
    mn_arena_free(&w->arena);
    mn_free(w);
    return rc;
}

static int stop(void *user, int64_t id, int64_t owner) {
    (void)user, (void)id, (void)owner;
    return 0;
}

int mn_notes_unseen(mn_notes *n, const mn_organiser *by) {
    MN_TRY(mn_notes_begin(n, 0));
    return (int)mn_notes_end(n, n->store->kind->queued(n->store, by->name, 0, 1, stop, NULL));
}
