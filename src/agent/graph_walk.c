/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/graph_walk.c - edges around an entity, breadth first.
 *
 * Each distance is one level: the edges of its entities, ordered by when they begin, and then the
 * entities at their other ends. An edge and an entity are visited once; at most WALK of either.
 */
#include "agent/graph.h"
#include "agent/graph_names.h"
#include "agent/notes_inside.h"
#include "base/when.h"

#include <stdlib.h>
#include <string.h>

enum { WALK = 4096, DEPTH = 3 };

typedef struct walk {
    mn_org c;
    const mn_graph_find *what;
    mn_row *row; /* edges; [first, n) of this level */
    int n, cap, first;
    int64_t *entity; /* [entities]; [next, entities) are new */
    int entities, next;
    int64_t id[WALK]; /* edges of one entity */
    int ids;
} walk;

static int take_edge_id(void *user, int64_t other, const char *what) {
    walk *const w = user;
    if (strcmp(what, "subject") != 0 && strcmp(what, "object") != 0) return 0;
    if (w->ids < WALK) w->id[w->ids++] = other;
    return 0;
}

static int true_then(const mn_row *r, int64_t at) {
    if (at == MN_NEVER) return r->until == MN_NEVER || r->from == MN_NEVER || r->until > r->from;
    return r->from != MN_NEVER && r->from <= at && (r->until == MN_NEVER || r->until > at);
}

static int take_edge(void *user, const mn_row *row) {
    walk *const w = user;
    if (row->of || strcmp(row->kind, "edge") != 0 || !true_then(row, w->what->as_of)) return 0;
    for (int i = 0; i < w->n; i++)
        if (w->row[i].id == row->id) return 0;
    if (w->n >= WALK) return 0;
    if (w->n == w->cap) {
        const size_t was = (size_t)w->cap * sizeof *w->row;
        w->cap = w->cap ? 2 * w->cap : 64;
        MN_TRY(mn_arena_grow(&w->c.arena, w->row, was, (size_t)w->cap * sizeof *w->row, &w->row));
    }
    return mn_row_keep(&w->c.arena, row, &w->row[w->n++]);
}

static int take_entity(void *user, int64_t other, const char *what) {
    walk *const w = user;
    if (strcmp(what, "subject") != 0 && strcmp(what, "object") != 0) return 0;
    for (int i = 0; i < w->entities; i++)
        if (w->entity[i] == other) return 0;
    if (w->entities < WALK) w->entity[w->entities++] = other;
    return 0;
}

static int earlier(const void *a, const void *b) {
    const mn_row *const x = a, *const y = b;
    return x->from != y->from ? (x->from > y->from) - (x->from < y->from)
                              : (x->id > y->id) - (x->id < y->id);
}

static int level(walk *w) {
    const int until = w->entities;
    w->first = w->n;
    for (; w->next < until; w->next++) {
        w->ids = 0;
        MN_TRY(mn_org_links(&w->c, w->entity[w->next], 1, take_edge_id, w));
        MN_TRY(mn_org_fetch(&w->c, w->id, w->ids, take_edge, w));
    }
    if (w->n > w->first)
        qsort(w->row + w->first, (size_t)(w->n - w->first), sizeof *w->row, earlier);
    for (int i = w->first; i < w->n; i++)
        MN_TRY(mn_org_links(&w->c, w->row[i].id, 0, take_entity, w));
    return 0;
}

static int start(walk *w) {
    char words[MN_NAME_MAX + 8], is[MN_NAME_MAX + 8];
    const size_t n = strlen(w->what->entity);
    MN_TRY(mn_arena_take(&w->c.arena, WALK * sizeof *w->entity, &w->entity));
    if (n <= MN_NAME_MAX && mn_graph_words(w->what->entity, n, words))
        MN_TRY(mn_graph_name_find(&w->c, words, w->entity, is));
    if (!*w->entity)
        return MN_FAIL(MN_ENOENT,
                       "no entity of %s has that name (%zu bytes): `omnesia mem list "
                       "--kind entity` shows them",
                       w->c.who.user, n);
    w->entities = 1;
    return 0;
}

static int walk_all(walk *w) {
    const int depth = w->what->depth < 1 ? 1 : w->what->depth > DEPTH ? DEPTH : w->what->depth;
    mn_store *const s = w->c.notes->store;
    const char *const tenant = w->c.who.tenant ? w->c.who.tenant : "";
    MN_TRY(s->kind->owner(s, tenant, w->c.who.user, 0, &w->c.owner));
    MN_TRY(start(w));
    for (int i = 0; i < depth; i++) MN_TRY(level(w));
    return 0;
}

int mn_graph_edges(mn_notes *n, const mn_who *who, const mn_graph_find *what, mn_notes_each *each,
                   void *user) {
    walk w = {.c = {.by = &mn_organiser_zep,
                    .notes = n,
                    .who = *who,
                    .arena = {.limit = (size_t)1 << 28, .what = "edges of an entity"},
                    .inside = 1},
              .what = what};
    int stopped = 0, i = 0;
    if (!who->user || !*who->user)
        return MN_FAIL(MN_EINVAL, "no user is given: whose records are meant is never guessed");
    MN_TRY(mn_notes_begin(n, 0));
    int rc = walk_all(&w);
    for (; rc >= 0 && !stopped && i < w.n && (!what->most || i < what->most); i++)
        stopped = each(user, w.row + i, 0);
    rc = (int)mn_notes_end(n, rc < 0 ? rc : stopped ? stopped : i);
    mn_graph_names_free(&w.c.names);
    mn_arena_free(&w.c.arena);
    return rc;
}
