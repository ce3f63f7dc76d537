/* SPDX-License-Identifier: Apache-2.0
 *
 * engine/grammar_check.c - an automaton that was put together becomes a grammar, or is refused.
 *
 * The steps stand in grammar_nfa.h. `need` and "can be empty" are one fixed point: the least cost
 * of a way to the end, where a SPLIT takes the cheaper side, and a CALL the dearer of its rule
 * (one frame more) and of what follows. Costs are settled from small to large, as Knuth's
 * generalisation of Dijkstra's algorithm has it ("A generalization of Dijkstra's algorithm", 1977),
 * with two stacks for a queue, since one step costs 0 or 1. O(nodes).
 */
#include "engine/grammar_nfa.h"

#include "base/alloc.h"
#include "base/error.h"

#include <string.h>

/* ---- jumps ---------------------------------------------------------------------------------- */
static uint32_t behind_jumps(const mn_nfa *nfa, uint32_t i) {
    while (mn_nfa_node(nfa, i)->kind == MN_NODE_JUMP) i = mn_nfa_node(nfa, i)->a;
    return i;
}

static void cut_jumps(mn_nfa *nfa) {
    const uint32_t n = mn_nfa_size(nfa);
    for (uint32_t i = 0; i < n; i++) {
        mn_node *x = mn_nfa_node(nfa, i);
        if (x->kind == MN_NODE_JUMP && !x->a) x->kind = MN_NODE_FAIL;
    }
    for (uint32_t i = 0; i < n; i++) {
        mn_node *x = mn_nfa_node(nfa, i);
        if (x->kind == MN_NODE_BYTE || x->kind == MN_NODE_SPLIT) x->a = behind_jumps(nfa, x->a);
        if (x->kind >= MN_NODE_SPLIT && x->kind <= MN_NODE_REPEAT) x->b = behind_jumps(nfa, x->b);
        x->tail = x->kind == MN_NODE_CALL && mn_nfa_node(nfa, x->b)->kind == MN_NODE_RETURN;
    }
    for (uint32_t i = 1; i < mn_nfa_rules(nfa); i++)
        mn_nfa_rule(nfa, i)->start = behind_jumps(nfa, mn_nfa_rule(nfa, i)->start);
}

/* ---- least costs ---------------------------------------------------------------------------- */
typedef struct costs {
    const mn_nfa *nfa;
    int reads;      /* may a way read bytes? */
    uint16_t *cost; /* [n] MN_NEVER: not settled yet, or never */
    uint32_t *head; /* [n + 1] where in `user` the nodes begin that lead to a node */
    uint32_t *user; /* [2n] */
    uint32_t *now, *later;
    uint32_t n_now, n_later;
    uint16_t level;
} costs;

/* The nodes x's cost depends on: how many, at most 2. */
static int uses(const costs *c, uint32_t i, uint32_t out[2]) {
    const mn_node *x = mn_nfa_node(c->nfa, i);
    switch (x->kind) {
    case MN_NODE_BYTE: out[0] = x->a; return c->reads;
    case MN_NODE_SPLIT:
        out[0] = x->a;
        out[1] = x->b;
        return 2;
    case MN_NODE_CALL:
    case MN_NODE_REPEAT:
        out[0] = mn_nfa_rule(c->nfa, x->a)->start;
        out[1] = x->b;
        return 2;
    default: return 0;
    }
}

static void settle(costs *c, uint32_t i, uint16_t cost) {
    if (c->cost[i] <= cost) return;
    if (cost > MN_GRAMMAR_DEPTH) return; /* deeper than any stack may be */
    if (cost == c->level) {
        c->cost[i] = cost;
        c->now[c->n_now++] = i;
    } else {
        c->later[c->n_later++] = i;
    }
}

/* Something x uses was settled: what does x cost now? */
static uint16_t cost_of(const costs *c, const mn_node *x) {
    if (x->kind == MN_NODE_BYTE || x->kind == MN_NODE_SPLIT) return c->level;
    const uint16_t then = c->cost[x->b];
    if (then == MN_NEVER) return MN_NEVER;
    if (x->kind == MN_NODE_REPEAT && !x->min) return then;
    const uint16_t start = c->cost[mn_nfa_rule(c->nfa, x->a)->start];
    if (start == MN_NEVER) return MN_NEVER;
    const uint16_t within = (uint16_t)(start + !x->tail);
    return within > then ? within : then;
}

static void run_costs(costs *c) {
    const uint32_t n = mn_nfa_size(c->nfa);
    for (uint32_t i = 0; i < n; i++)
        if (mn_nfa_node(c->nfa, i)->kind == MN_NODE_RETURN) settle(c, i, 0);
    while (c->n_now) {
        while (c->n_now) {
            const uint32_t i = c->now[--c->n_now];
            for (uint32_t k = c->head[i]; k < c->head[i + 1]; k++) {
                const uint32_t user = c->user[k];
                settle(c, user, cost_of(c, mn_nfa_node(c->nfa, user)));
            }
        }
        uint32_t *swap = c->now;
        c->now = c->later;
        c->later = swap;
        const uint32_t waiting = c->n_later;
        c->level++;
        c->n_later = 0;
        for (uint32_t k = 0; k < waiting; k++) { /* now[] is filled over what was read of it */
            const uint32_t i = c->now[k];
            if (c->cost[i] > c->level) c->cost[i] = c->level, c->now[c->n_now++] = i;
        }
    }
}

static void list_users(costs *c) {
    const uint32_t n = mn_nfa_size(c->nfa);
    uint32_t of[2] = {0};
    for (uint32_t i = 0; i < n; i++)
        for (int k = uses(c, i, of); k-- > 0;) c->head[of[k] + 1]++;
    for (uint32_t i = 0; i < n; i++) c->head[i + 1] += c->head[i];
    for (uint32_t i = 0; i < n; i++)
        for (int k = uses(c, i, of); k-- > 0;) c->user[c->head[of[k]]++] = i;
    for (uint32_t i = n; i > 0; i--) c->head[i] = c->head[i - 1];
    c->head[0] = 0;
}

/* cost[n]: frames to the end of a node's rule; reads 0: without reading a byte. */
static int least_costs(const mn_nfa *nfa, int reads, uint16_t *cost) {
    const size_t n = mn_nfa_size(nfa), bytes = (n + 1 + 2 * n + 2 * (2 * n + 1)) * sizeof(uint32_t);
    void *block;
    memset(cost, 0xFF, n * sizeof *cost);
    MN_TRY(mn_alloc_pages(bytes, "compiling a grammar", &block));
    costs c = {.nfa = nfa, .reads = reads, .cost = cost, .head = block};
    c.user = c.head + n + 1;
    c.now = c.user + 2 * n;
    c.later = c.now + 2 * n + 1;
    list_users(&c);
    run_costs(&c);
    mn_free_pages(block, bytes);
    return 0;
}

/* ---- rules that are repeated ---------------------------------------------------------------- */
typedef struct twin { /* making the rule that reads the same less nothing */
    mn_nfa *nfa;
    const uint16_t *empty; /* cost of the nodes the automaton had, without reading */
    uint32_t n;            /* how many it had */
    uint32_t *copy;        /* [n] of a node, for the rule in work; 0: none yet */
    mn_buf todo, made;     /* nodes to copy; nodes that have one */
} twin;

static int can_be_empty(const twin *t, uint32_t node) {
    return node < t->n && t->empty[node] != MN_NEVER;
}

/* The copy of a node in which nothing was read yet; what reads at once leads to the original. */
static uint32_t copy_of(twin *t, uint32_t i) {
    const mn_node *x = mn_nfa_node(t->nfa, i);
    if (x->kind == MN_NODE_BYTE || x->kind == MN_NODE_FAIL) return i;
    if (x->kind == MN_NODE_RETURN) return 0;
    if (t->copy[i]) return t->copy[i];
    t->copy[i] = mn_nfa_add(t->nfa, (mn_node){.kind = MN_NODE_FAIL});
    if (t->nfa->rc >= 0) t->nfa->rc = mn_buf_append(&t->todo, &i, sizeof i);
    if (t->nfa->rc >= 0) t->nfa->rc = mn_buf_append(&t->made, &i, sizeof i);
    return t->copy[i];
}

static uint32_t nonempty(twin *t, uint32_t rule) {
    const mn_rule *r = mn_nfa_rule(t->nfa, rule);
    if (!can_be_empty(t, r->start)) return rule;
    if (r->nonempty) return r->nonempty;
    const uint32_t made = mn_nfa_declare(t->nfa, r->where);
    mn_nfa_rule(t->nfa, rule)->nonempty = made; /* its start follows: see fill_twins */
    return made;
}

/* Node i of a rule that must not be empty: either its call reads, or what follows does. */
static void fill(twin *t, uint32_t i) {
    const uint32_t to = t->copy[i];
    mn_node x = *mn_nfa_node(t->nfa, i);
    if (x.kind == MN_NODE_SPLIT) {
        x.a = copy_of(t, x.a);
        x.b = copy_of(t, x.b);
    } else {
        const int skip =
            x.kind == MN_NODE_REPEAT ? !x.min : can_be_empty(t, mn_nfa_rule(t->nfa, x.a)->start);
        const uint32_t then = skip ? copy_of(t, x.b) : 0;
        if (x.kind == MN_NODE_REPEAT)
            x.min = x.min ? x.min : 1;
        else
            x.a = nonempty(t, x.a);
        if (skip) x = (mn_node){.kind = MN_NODE_SPLIT, .a = mn_nfa_add(t->nfa, x), .b = then};
    }
    if (t->nfa->rc >= 0) *mn_nfa_node(t->nfa, to) = x;
}

static uint32_t fill_rule(twin *t, uint32_t start) {
    const uint32_t begin = copy_of(t, start);
    while (t->todo.len && t->nfa->rc >= 0) {
        t->todo.len -= sizeof(uint32_t);
        uint32_t i;
        memcpy(&i, t->todo.data + t->todo.len, sizeof i);
        fill(t, i);
    }
    for (size_t k = 0; k < t->made.len; k += sizeof(uint32_t)) {
        uint32_t i;
        memcpy(&i, t->made.data + k, sizeof i);
        t->copy[i] = 0;
    }
    mn_buf_clear(&t->made);
    return begin;
}

/* Every repeated rule, and what those twins ask for in turn. */
static int make_twins(twin *t) {
    for (uint32_t i = 0; i < t->n && t->nfa->rc >= 0; i++) {
        mn_node *x = mn_nfa_node(t->nfa, i);
        if (x->kind != MN_NODE_REPEAT || !can_be_empty(t, mn_nfa_rule(t->nfa, x->a)->start))
            continue;
        const uint32_t rule = nonempty(t, x->a);
        mn_nfa_node(t->nfa, i)->a = rule;
        mn_nfa_node(t->nfa, i)->min = 0; /* the others may all have been empty */
    }
    for (int more = 1; more && t->nfa->rc >= 0;) {
        more = 0;
        for (uint32_t r = 1; r < mn_nfa_rules(t->nfa) && t->nfa->rc >= 0; r++) {
            const uint32_t made = mn_nfa_rule(t->nfa, r)->nonempty;
            if (!made || mn_nfa_rule(t->nfa, made)->start) continue;
            const uint32_t start = fill_rule(t, mn_nfa_rule(t->nfa, r)->start);
            mn_nfa_rule(t->nfa, made)->start = start ? start : mn_nfa_add(t->nfa, (mn_node){0});
            more = 1;
        }
    }
    return t->nfa->rc;
}

static int part_repeats(mn_nfa *nfa, const uint16_t *empty) {
    twin t = {.nfa = nfa, .empty = empty, .n = mn_nfa_size(nfa)};
    t.todo.what = t.made.what = "compiling a grammar";
    t.copy = mn_calloc(t.n, sizeof *t.copy);
    const int rc = t.copy ? make_twins(&t) : MN_FAIL(MN_ENOMEM, "no memory for a grammar");
    mn_free(t.copy);
    mn_buf_free(&t.todo);
    mn_buf_free(&t.made);
    return rc;
}

/* ---- left recursion ------------------------------------------------------------------------- */
typedef struct calls { /* who calls whom before anything was read */
    const mn_nfa *nfa;
    const uint16_t *empty;
    uint32_t *seen; /* [n] the rule a node was last looked at for */
    mn_buf todo;
    mn_buf edge;     /* rules called first, those of rule r from begin[r] on */
    uint32_t *begin; /* [rules + 1] */
    uint32_t *at;    /* [rules] edges followed so far, + 1; 0: not begun */
    uint32_t *path;  /* [rules] */
} calls;

static int look_at(calls *c, uint32_t i, uint32_t rule) {
    if (c->seen[i] == rule) return 0;
    c->seen[i] = rule;
    return mn_buf_append(&c->todo, &i, sizeof i);
}

static int first_calls(calls *c, uint32_t rule) {
    MN_TRY(look_at(c, mn_nfa_rule(c->nfa, rule)->start, rule));
    while (c->todo.len) {
        uint32_t i;
        c->todo.len -= sizeof i;
        memcpy(&i, c->todo.data + c->todo.len, sizeof i);
        const mn_node *x = mn_nfa_node(c->nfa, i);
        int on = x->kind == MN_NODE_SPLIT;
        if (on) MN_TRY(look_at(c, x->a, rule));
        if (x->kind == MN_NODE_CALL || x->kind == MN_NODE_REPEAT) {
            MN_TRY(mn_buf_append(&c->edge, &x->a, sizeof x->a));
            on = c->empty[mn_nfa_rule(c->nfa, x->a)->start] != MN_NEVER ||
                 (x->kind == MN_NODE_REPEAT && !x->min);
        }
        if (on) MN_TRY(look_at(c, x->b, rule));
    }
    return 0;
}

/* A walk along the edges that meets its own path has found a rule that begins with itself. */
static int walk(calls *c, uint32_t from) {
    const uint32_t *edge = (const uint32_t *)(const void *)c->edge.data;
    uint32_t deep = 0;
    c->path[deep] = from;
    c->at[from] = 1;
    for (;;) {
        const uint32_t r = c->path[deep], k = c->begin[r] + c->at[r] - 1;
        if (k == c->begin[r + 1]) {
            c->at[r] = UINT32_MAX; /* done with */
            if (!deep--) return 0;
            continue;
        }
        c->at[r]++;
        const uint32_t to = edge[k];
        if (c->at[to] == UINT32_MAX) continue;
        if (c->at[to])
            return MN_FAIL(MN_EINVAL,
                           "%s calls itself before anything is read (left recursion); put what "
                           "it begins with first, as in x ::= y (\"+\" y)*",
                           mn_nfa_rule(c->nfa, to)->where);
        c->at[to] = 1;
        c->path[++deep] = to;
    }
}

static int refuse_left_recursion(const mn_nfa *nfa, const uint16_t *empty) {
    const uint32_t n = mn_nfa_size(nfa), rules = mn_nfa_rules(nfa);
    const size_t bytes = ((size_t)n + 3 * (size_t)rules + 1) * sizeof(uint32_t);
    void *block;
    MN_TRY(mn_alloc_pages(bytes, "compiling a grammar", &block));
    calls c = {.nfa = nfa, .empty = empty, .seen = block};
    c.begin = c.seen + n;
    c.at = c.begin + rules + 1;
    c.path = c.at + rules;
    int rc = 0;
    for (uint32_t r = 1; r < rules && rc >= 0; r++) {
        c.begin[r] = (uint32_t)(c.edge.len / sizeof(uint32_t));
        rc = first_calls(&c, r);
        c.begin[r + 1] = (uint32_t)(c.edge.len / sizeof(uint32_t));
    }
    for (uint32_t r = 1; r < rules && rc >= 0; r++)
        if (!c.at[r]) rc = walk(&c, r);
    mn_buf_free(&c.todo);
    mn_buf_free(&c.edge);
    mn_free_pages(block, bytes);
    return rc;
}

/* ---- the grammar ---------------------------------------------------------------------------- */
static void set_classes(mn_grammar *g, const mn_node *x, uint32_t n) {
    uint8_t cut[257] = {1};
    for (uint32_t i = 0; i < n; i++)
        if (x[i].kind == MN_NODE_BYTE) cut[x[i].lo] = cut[x[i].hi + 1] = 1;
    for (int b = 0; b < 256; b++) {
        if (cut[b]) g->first_of[g->n_class++] = (uint8_t)b;
        g->class_of[b] = (uint8_t)(g->n_class - 1);
    }
}

static int prepare(mn_nfa *nfa, uint16_t **costs_out) {
    mn_free(*costs_out);
    *costs_out = mn_calloc(mn_nfa_size(nfa), sizeof **costs_out);
    if (*costs_out) return 0;
    MN_FAIL(MN_ENOMEM, "no memory for a grammar");
    return MN_ENOMEM;
}

static int analyse(mn_nfa *nfa, uint32_t root, uint16_t **cost) {
    cut_jumps(nfa);
    MN_TRY(prepare(nfa, cost));
    MN_TRY(least_costs(nfa, 0, *cost));
    MN_TRY(part_repeats(nfa, *cost));
    MN_TRY(prepare(nfa, cost)); /* there may be more nodes now */
    MN_TRY(least_costs(nfa, 0, *cost));
    MN_TRY(refuse_left_recursion(nfa, *cost));
    MN_TRY(least_costs(nfa, 1, *cost));
    const mn_rule *r = mn_nfa_rule(nfa, root);
    if ((*cost)[r->start] != MN_NEVER) return 0;
    if (nfa->hint[0]) return MN_FAIL(MN_EINVAL, "nothing fits this grammar: %s", nfa->hint);
    return MN_FAIL(MN_EINVAL,
                   "nothing fits this grammar: %s asks for itself in every case, for characters "
                   "that are none, or for more than %d calls within calls",
                   r->where, MN_GRAMMAR_DEPTH);
}

int mn_nfa_finish(mn_nfa *nfa, uint32_t root, mn_grammar **out) {
    uint16_t *cost = NULL;
    *out = NULL;
    MN_TRY(nfa->rc);
    int rc = analyse(nfa, root, &cost);
    mn_grammar *g = rc < 0 ? NULL : mn_calloc(1, sizeof *g);
    if (rc >= 0 && !g) rc = MN_FAIL(MN_ENOMEM, "no memory for a grammar");
    const uint32_t n = mn_nfa_size(nfa);
    for (uint32_t i = 0; i < n && g; i++) {
        mn_node *x = mn_nfa_node(nfa, i);
        x->need = cost[i];
        if (x->kind == MN_NODE_CALL || x->kind == MN_NODE_REPEAT)
            x->a = mn_nfa_rule(nfa, x->a)->start;
    }
    if (g) {
        atomic_init(&g->refs, 1);
        g->start = mn_nfa_rule(nfa, root)->start;
        g->nodes = nfa->nodes;
        nfa->nodes = (mn_buf){0};
        set_classes(g, (const mn_node *)(const void *)g->nodes.data, n);
    }
    mn_free(cost);
    *out = g;
    return rc;
}
