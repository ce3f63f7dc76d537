/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/graph_search.c - edges that answer a question, near an entity: three lists become one.
 *
 * Edges are listed by words (agent/recall.h), by the cosine of their vectors (FLOOR and more), and
 * breadth first around the entity (agent/graph_walk.c). The lists are fused by reciprocal ranks
 * (Cormack, Clarke and Buettcher, 2009): 1 / (RRF + rank) for each, ranks from 0. What comes first
 * then is up to who asks:
 *   rrf       as fused
 *   mmr       each next one is near the question and unlike those before it: LAMBDA * its cosine
 *             with the question - (1 - LAMBDA) * the largest with one before (Carbonell and
 *             Goldstein, 1998); edges without vectors behind all others, as fused
 *   distance  the entity's own, then those of its neighbours, and so on, each as fused
 *   mentions  those that most episodes say
 */
#include "agent/graph.h"
#include "agent/notes_inside.h"
#include "agent/recall.h"
#include "base/alloc.h"

#include <stdlib.h>
#include <string.h>

enum { EACH = 100, LISTS = 3, DEPTH = 3, TEN = 10 };
static const double RRF = 1, LAMBDA = 0.5;
static const float FLOOR = 0.6f;

typedef struct edge {
    mn_row row;
    double fused;
    int distance; /* in the order of the walk; EACH: it is not there */
    int mentions, dense, taken;
    float *vector; /* [dim] */
} edge;

typedef struct search {
    mn_notes *notes;
    const mn_who *who;
    const mn_graph_find *what;
    mn_arena arena;
    int64_t owner;
    edge e[LISTS * EACH];
    int n;
    int list, rank; /* which is read, and how many of it */
    mn_vectors *vectors;
    edge *order[LISTS * EACH];
} search;

static const char *const ranks[] = {"rrf", "mmr", "distance", "mentions"};

int mn_graph_rank_of(const char *name, mn_graph_rank *out) {
    for (int i = 0; i < (int)(sizeof ranks / sizeof *ranks); i++)
        if (!name || !*name || strcmp(name, ranks[i]) == 0) {
            *out = (mn_graph_rank)i;
            return 0;
        }
    return MN_FAIL(MN_EINVAL, "edges are ranked by rrf, mmr, distance or mentions, not by \"%s\"",
                   name);
}

/* ---- three lists ---------------------------------------------------------------------------- */
static int take(void *user, const mn_row *row, double score) {
    search *const s = user;
    edge *e = NULL;
    (void)score;
    for (int i = 0; i < s->n && !e; i++)
        if (s->e[i].row.id == row->id) e = s->e + i;
    if (!e) {
        e = s->e + s->n++;
        *e = (edge){.distance = EACH};
        MN_TRY(mn_row_keep(&s->arena, row, &e->row));
    }
    if (s->list == 2) e->distance = s->rank;
    e->fused += 1 / (RRF + s->rank++);
    return 0;
}

static mn_seek seek_of(const search *s) {
    return (mn_seek){
        .query = s->what->query, .k = EACH, .as_of = s->what->as_of, .rows = {.kind = "edge"}};
}

static int take_near(void *user, const mn_row *row) {
    search *const s = user;
    const mn_seek seek = seek_of(s);
    return mn_recall_fits(row, s->who, &seek) ? take(s, row, 0) : 0;
}

/* Nearest first, one by one: a store gives rows in any order. */
static int by_sense(search *s) {
    mn_store *const store = s->notes->store;
    mn_scan_hit near[EACH];
    MN_TRY(mn_notes_sense(s->notes, &s->vectors));
    if (!s->what->vector || !s->vectors || mn_vectors_dim(s->vectors) != s->what->dim) {
        s->vectors = NULL;
        return 0;
    }
    MN_TRY(mn_vectors_read(s->vectors, store, s->owner));
    MN_TRY(mn_vectors_ask(s->vectors, s->what->vector));
    const int n = mn_vectors_nearest(s->vectors, near, EACH);
    MN_TRY(n);
    for (int i = 0; i < n && near[i].score >= FLOOR; i++)
        MN_TRY(store->kind->fetch(store, s->owner, &near[i].id, 1, take_near, s));
    return 0;
}

static int gather(search *s) {
    const mn_seek seek = seek_of(s);
    const char *const tenant = s->who->tenant ? s->who->tenant : "";
    const mn_graph_find around = {
        .entity = s->what->entity, .depth = DEPTH, .as_of = s->what->as_of, .most = EACH};
    MN_TRY(s->notes->store->kind->owner(s->notes->store, tenant, s->who->user, 0, &s->owner));
    MN_TRY(mn_notes_find(s->notes, s->who, &seek, take, s));
    s->list = 1, s->rank = 0;
    MN_TRY(by_sense(s));
    s->list = 2, s->rank = 0;
    return mn_graph_edges(s->notes, s->who, &around, take, s);
}

/* ---- what comes first ----------------------------------------------------------------------- */
static int by_fused(const void *a, const void *b) {
    const edge *const x = *(edge *const *)a, *const y = *(edge *const *)b;
    if (x->fused != y->fused) return x->fused < y->fused ? 1 : -1;
    return (x->row.id > y->row.id) - (x->row.id < y->row.id);
}

static int by_distance(const void *a, const void *b) {
    const edge *const x = *(edge *const *)a, *const y = *(edge *const *)b;
    return x->distance != y->distance ? x->distance - y->distance : by_fused(a, b);
}

static int by_mentions(const void *a, const void *b) {
    const edge *const x = *(edge *const *)a, *const y = *(edge *const *)b;
    return x->mentions != y->mentions ? y->mentions - x->mentions : by_fused(a, b);
}

static int count_episode(void *user, int64_t other, const char *what) {
    (void)other;
    *(int *)user += strcmp(what, MN_LINK_FROM) == 0;
    return 0;
}

static int count_all(search *s) {
    mn_store *const store = s->notes->store;
    for (int i = 0; i < s->n; i++)
        MN_TRY(store->kind->links(store, s->owner, s->e[i].row.id, 0, count_episode,
                                  &s->e[i].mentions));
    return 0;
}

static double dot(const float *a, const float *b, int n) {
    double sum = 0;
    for (int i = 0; i < n; i++) sum += (double)a[i] * b[i];
    return sum;
}

static int vectors(search *s) {
    const size_t bytes = (size_t)s->what->dim * sizeof(float);
    for (int i = 0; i < s->n && s->vectors; i++) {
        MN_TRY(mn_arena_take(&s->arena, bytes, &s->e[i].vector));
        s->e[i].dense = mn_vectors_of(s->vectors, s->e[i].row.id, s->e[i].vector);
    }
    return 0;
}

/* What MMR gives for the next place. */
static double worth(const search *s, const edge *e, int placed) {
    double like = 0;
    for (int i = 0; i < placed; i++) {
        const double c = dot(e->vector, s->order[i]->vector, s->what->dim);
        if (c > like) like = c;
    }
    return LAMBDA * dot(s->what->vector, e->vector, s->what->dim) - (1 - LAMBDA) * like;
}

/* Of equal ones that which was fused higher; s->order is in that order. */
static int by_mmr(search *s, int most) {
    int dense = 0;
    MN_TRY(vectors(s));
    for (int i = 0; i < s->n; i++) { /* those with vectors first, each in their order */
        edge *const e = s->order[i];
        if (!e->dense) continue;
        memmove(s->order + dense + 1, s->order + dense, (size_t)(i - dense) * sizeof e);
        s->order[dense++] = e;
    }
    for (int at = 0; at < dense && at < most; at++) {
        int best = at;
        double most_worth = worth(s, s->order[at], at);
        for (int i = at + 1; i < dense; i++) {
            const double w = worth(s, s->order[i], at);
            if (w <= most_worth) continue;
            most_worth = w;
            best = i;
        }
        edge *const e = s->order[best];
        memmove(s->order + at + 1, s->order + at, (size_t)(best - at) * sizeof e);
        s->order[at] = e;
    }
    return 0;
}

static int arrange(search *s, int most) {
    typedef int order(const void *, const void *);
    static order *const by[] = {by_fused, by_fused, by_distance, by_mentions};
    if (s->what->rank == MN_GRAPH_MENTIONS) MN_TRY(count_all(s));
    for (int i = 0; i < s->n; i++) s->order[i] = s->e + i;
    if (s->n) qsort(s->order, (size_t)s->n, sizeof *s->order, by[s->what->rank]);
    return s->what->rank == MN_GRAPH_MMR ? by_mmr(s, most) : 0;
}

int mn_graph_search(mn_notes *n, const mn_who *who, const mn_graph_find *what, mn_notes_each *each,
                    void *user) {
    search *const s = mn_calloc(1, sizeof *s);
    if (!s) return MN_FAIL(MN_ENOMEM, "no memory to search edges");
    const int most = what->most ? what->most : TEN;
    int given = 0, stopped = 0, rc;
    *s = (search){.notes = n, .who = who, .what = what, .arena = {.what = "edges that are found"}};
    rc = mn_notes_begin(n, 0);
    if (rc >= 0) {
        rc = gather(s);
        if (rc >= 0) rc = arrange(s, most);
        for (; rc >= 0 && !stopped && given < s->n && given < most; given++)
            stopped = each(user, &s->order[given]->row, s->order[given]->fused * RRF / LISTS);
        rc = (int)mn_notes_end(n, rc < 0 ? rc : stopped ? stopped : given);
    }
    mn_arena_free(&s->arena);
    mn_free(s);
    return rc;
}
