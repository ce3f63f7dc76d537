/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/org/zep_communities.c - entities that belong together, by label propagation (Raghavan,
 * Albert and Kumara, "Near linear time algorithm to detect community structures", 2007).
 *
 * Every entity begins with a label of its own and takes the one most of its neighbours have, one
 * entity after the other in an order shuffled from a fixed seed, ties to the smaller label, until
 * nothing changes or ROUNDS are over. Updating one by one cannot swing to and fro between two
 * states, as updating all at once can. Communities of LEAST or more become records: their text is
 * the names of their members, and they are made of these. One whose members changed ends.
 *
 * Cost: the edges that are true now are read, at most EDGES; with more there are no communities.
 */
#include "agent/org/zep.h"

#include "base/hash.h"
#include "base/random.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROUNDS = 20, LEAST = 3, EDGES = 1 << 16, NAMED = 20, SEED = 1 };

typedef struct pair {
    int64_t a, b;
} pair;

typedef struct graph {
    mn_org *c;
    pair *edge;
    int edges, cap;
    pair one;
    int64_t *node; /* ids, rising */
    int nodes;
    int *label, *first, *next; /* next: [2 * edges] neighbours in lists; first: of each node */
    int *to;
} graph;

static int end_of(void *user, int64_t other, const char *what) {
    graph *const g = user;
    if (strcmp(what, "subject") == 0) g->one.a = other;
    if (strcmp(what, "object") == 0) g->one.b = other;
    return 0;
}

typedef struct ids {
    mn_org *c;
    int64_t *id;
    int n, cap;
} ids;

static int keep_now(void *user, const mn_row *row) {
    ids *const l = user;
    if (!mn_org_made(row) || row->of || row->until != MN_NEVER) return 0;
    if (l->n == l->cap) {
        const size_t was = (size_t)l->cap * sizeof *l->id;
        l->cap = l->cap ? 2 * l->cap : 256;
        MN_TRY(mn_arena_grow(&l->c->arena, l->id, was, (size_t)l->cap * sizeof *l->id, &l->id));
    }
    l->id[l->n++] = row->id;
    return l->n > EDGES;
}

static int rising(const void *a, const void *b) {
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static int place(const graph *g, int64_t id) {
    const int64_t *const at = bsearch(&id, g->node, (size_t)g->nodes, sizeof id, rising);
    return (int)(at - g->node);
}

/* Edges that are true now, and the entities at their ends. */
static int read_edges(graph *g, const ids *l) {
    MN_TRY(mn_arena_take(&g->c->arena, (size_t)(l->n + 1) * sizeof *g->edge, &g->edge));
    MN_TRY(mn_arena_take(&g->c->arena, (size_t)(2 * l->n + 1) * sizeof *g->node, &g->node));
    for (int i = 0; i < l->n; i++) {
        g->one = (pair){0, 0};
        MN_TRY(mn_org_links(g->c, l->id[i], 0, end_of, g));
        if (!g->one.a || !g->one.b || g->one.a == g->one.b) continue;
        g->edge[g->edges++] = g->one;
        g->node[g->nodes++] = g->one.a;
        g->node[g->nodes++] = g->one.b;
    }
    qsort(g->node, (size_t)g->nodes, sizeof *g->node, rising);
    int n = 0;
    for (int i = 0; i < g->nodes; i++)
        if (!n || g->node[n - 1] != g->node[i]) g->node[n++] = g->node[i];
    g->nodes = n;
    return 0;
}

static int join(graph *g) {
    mn_arena *const arena = &g->c->arena;
    const size_t ends = (size_t)(2 * g->edges + 1), nodes = (size_t)(g->nodes + 1);
    MN_TRY(mn_arena_take(arena, nodes * sizeof(int), &g->label));
    MN_TRY(mn_arena_take(arena, nodes * sizeof(int), &g->first));
    MN_TRY(mn_arena_take(arena, ends * sizeof(int), &g->next));
    MN_TRY(mn_arena_take(arena, ends * sizeof(int), &g->to));
    for (int i = 0; i < g->nodes; i++) {
        g->label[i] = i;
        g->first[i] = -1;
    }
    for (int i = 0; i < g->edges; i++) {
        const int a = place(g, g->edge[i].a), b = place(g, g->edge[i].b);
        g->to[2 * i] = b;
        g->next[2 * i] = g->first[a];
        g->first[a] = 2 * i;
        g->to[2 * i + 1] = a;
        g->next[2 * i + 1] = g->first[b];
        g->first[b] = 2 * i + 1;
    }
    return 0;
}

/* The label most neighbours have; count: [nodes] zeroes. */
static int commonest(const graph *g, int node, int *count) {
    int best = g->label[node], most = 0;
    for (int e = g->first[node]; e >= 0; e = g->next[e]) {
        const int label = g->label[g->to[e]], n = ++count[label];
        if (n > most || (n == most && label < best)) {
            best = label;
            most = n;
        }
    }
    for (int e = g->first[node]; e >= 0; e = g->next[e]) count[g->label[g->to[e]]] = 0;
    return best;
}

static int spread(graph *g) {
    int *order, *count, changed = 1;
    mn_random random;
    MN_TRY(mn_arena_take(&g->c->arena, (size_t)(g->nodes + 1) * sizeof *order, &order));
    MN_TRY(mn_arena_take(&g->c->arena, (size_t)(g->nodes + 1) * sizeof *count, &count));
    mn_random_seed(&random, SEED);
    for (int i = 0; i < g->nodes; i++) { /* a shuffle, as it is filled */
        const int k = (int)(mn_random_u64(&random) % (uint64_t)(i + 1));
        order[i] = order[k];
        order[k] = i;
    }
    for (int round = 0; round < ROUNDS && changed; round++) {
        changed = 0;
        for (int i = 0; i < g->nodes; i++) {
            const int label = commonest(g, order[i], count);
            changed |= label != g->label[order[i]];
            g->label[order[i]] = label;
        }
    }
    return 0;
}

/* ---- records of them ------------------------------------------------------------------------ */
typedef struct naming {
    mn_buf text;
    int n;
} naming;

static int name_one(void *user, const mn_row *row) {
    naming *const t = user;
    if (t->n++ >= NAMED) return 0;
    MN_TRY(mn_buf_puts(&t->text, t->text.len ? ", " : ""));
    return mn_buf_append(&t->text, row->text, row->n);
}

/* The ones that are there, by their ref. */
typedef struct old {
    mn_org *c;
    mn_row *row;
    char *stays;
    int n, cap;
} old;

static int keep_old(void *user, const mn_row *row) {
    old *const o = user;
    if (!mn_org_made(row) || row->of || row->until != MN_NEVER) return 0;
    if (o->n == o->cap) {
        const size_t was = (size_t)o->cap;
        o->cap = o->cap ? 2 * o->cap : 64;
        MN_TRY(mn_arena_grow(&o->c->arena, o->row, was * sizeof *o->row,
                             (size_t)o->cap * sizeof *o->row, &o->row));
    }
    return mn_row_keep(&o->c->arena, row, &o->row[o->n++]);
}

static int add_one(mn_org *c, const int64_t *members, int n, const char *ref, mn_ops *ops) {
    naming t = {.n = 0};
    int64_t id;
    int rc = mn_org_fetch(c, members, n, name_one, &t);
    if (rc >= 0 && n > NAMED) rc = mn_buf_printf(&t.text, " and %d more", n - NAMED);
    mn_row row = mn_org_row(c, "community", t.text.data ? t.text.data : "", t.text.len);
    row.ref = ref;
    row.from = c->now;
    if (rc >= 0 && t.text.len) rc = mn_ops_add(c, ops, &row, &id);
    if (rc >= 0 && t.text.len) ops->op[ops->n - 1].apart = 1;
    for (int i = 0; i < n && rc >= 0 && t.text.len; i++)
        rc = mn_ops_link(c, ops, id, members[i], MN_LINK_OF);
    mn_buf_free(&t.text);
    return rc < 0 ? rc : 0;
}

/* The members of one label: is there a record of just them? */
static int settle(mn_org *c, old *o, const int64_t *members, int n, mn_ops *ops) {
    char ref[40];
    snprintf(ref, sizeof ref, "%016llx",
             (unsigned long long)mn_hash64(members, (size_t)n * sizeof *members));
    for (int i = 0; i < o->n; i++) {
        if (strcmp(o->row[i].ref, ref) != 0) continue;
        o->stays[i] = 1;
        return 0;
    }
    return add_one(c, members, n, ref, ops);
}

static int settle_all(graph *g, old *o, mn_ops *ops) {
    mn_org *const c = g->c;
    int64_t *members;
    MN_TRY(mn_org_rows(c, (mn_rows){.kind = "community"}, keep_old, o));
    MN_TRY(mn_arena_take(&c->arena, (size_t)o->n + 1, &o->stays));
    MN_TRY(mn_arena_take(&c->arena, (size_t)(g->nodes + 1) * sizeof *members, &members));
    int *head, *behind; /* lists of the members of each label, rising */
    MN_TRY(mn_arena_take(&c->arena, (size_t)(g->nodes + 1) * sizeof *head, &head));
    MN_TRY(mn_arena_take(&c->arena, (size_t)(g->nodes + 1) * sizeof *behind, &behind));
    for (int i = 0; i < g->nodes; i++) head[i] = -1;
    for (int i = g->nodes - 1; i >= 0; i--) {
        behind[i] = head[g->label[i]];
        head[g->label[i]] = i;
    }
    for (int label = 0; label < g->nodes; label++) {
        int n = 0;
        for (int i = head[label]; i >= 0; i = behind[i]) members[n++] = g->node[i];
        if (n >= LEAST) MN_TRY(settle(c, o, members, n, ops));
    }
    for (int i = 0; i < o->n; i++)
        if (!o->stays[i]) MN_TRY(mn_ops_invalidate(c, ops, o->row[i].id, c->now));
    return 0;
}

int mn_zep_communities(mn_org *c, mn_ops *ops) {
    graph g = {.c = c};
    ids l = {.c = c};
    old o = {.c = c};
    MN_TRY(mn_org_rows(c, (mn_rows){.kind = "edge"}, keep_now, &l));
    if (l.n > EDGES) return 0;
    MN_TRY(read_edges(&g, &l));
    MN_TRY(join(&g));
    MN_TRY(spread(&g));
    return settle_all(&g, &o, ops);
}
