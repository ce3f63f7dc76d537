/* SPDX-License-Identifier: Apache-2.0
 *
 * engine/grammar_check.c - a net that was put together becomes a grammar, or is refused.
 *
 * The steps stand in grammar_net.h. `need` and "can be empty" are one fixed point: the least cost
 * of a way to the end, where a SPLIT takes the cheaper side, and a CALL the dearer of its rule
 * (one frame more) and of what follows. Costs are settled from small to large, as Knuth's
 * generalisation of Dijkstra's algorithm has it ("A generalization of Dijkstra's algorithm", 1977),
 * with two stacks for a queue, since one step costs 0 or 1. O(nodes).
 */
#include "engine/grammar_net.h"

#include "base/alloc.h"
#include "base/error.h"

#include <string.h>

/* ---- jumps ---------------------------------------------------------------------------------- */
static uint32_t behind_jumps(const mn_net *net, uint32_t i) {
    while (mn_net_node(net, i)->kind == MN_NODE_JUMP) i = mn_net_node(net, i)->a;
    return i;
}

static void cut_jumps(mn_net *net) {
    const uint32_t n = mn_net_size(net);
    for (uint32_t i = 0; i < n; i++) {
        mn_node *x = mn_net_node(net, i);
        if (x->kind == MN_NODE_JUMP && !x->a) x->kind = MN_NODE_FAIL;
    }
    for (uint32_t i = 0; i < n; i++) {
        mn_node *x = mn_net_node(net, i);
        if (x->kind == MN_NODE_BYTE || x->kind == MN_NODE_SPLIT) x->a = behind_jumps(net, x->a);
        if (x->kind >= MN_NODE_SPLIT && x->kind <= MN_NODE_REPEAT) x->b = behind_jumps(net, x->b);
        x->tail = x->kind == MN_NODE_CALL && mn_net_node(net, x->b)->kind == MN_NODE_RETURN;
    }
    for (uint32_t i = 1; i < mn_net_rules(net); i++)
        mn_net_rule(net, i)->start = behind_jumps(net, mn_net_rule(net, i)->start);
}

/* ---- least costs ---------------------------------------------------------------------------- */
typedef struct costs {
    const mn_net *net;
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
    const mn_node *x = mn_net_node(c->net, i);
    switch (x->kind) {
    case MN_NODE_BYTE: out[0] = x->a; return c->reads;
    case MN_NODE_SPLIT:
        out[0] = x->a;
        out[1] = x->b;
        return 2;
    case MN_NODE_CALL:
    case MN_NODE_REPEAT:
        out[0] = mn_net_rule(c->net, x->a)->start;
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
    const uint16_t start = c->cost[mn_net_rule(c->net, x->a)->start];
    if (start == MN_NEVER) return MN_NEVER;
    const uint16_t within = (uint16_t)(start + !x->tail);
    return within > then ? within : then;
}

static void run_costs(costs *c) {
    const uint32_t n = mn_net_size(c->net);
    for (uint32_t i = 0; i < n; i++)
        if (mn_net_node(c->net, i)->kind == MN_NODE_RETURN) settle(c, i, 0);
    while (c->n_now) {
        while (c->n_now) {
            const uint32_t i = c->now[--c->n_now];
            for (uint32_t k = c->head[i]; k < c->head[i + 1]; k++) {
                const uint32_t user = c->user[k];
                settle(c, user, cost_of(c, mn_net_node(c->net, user)));
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
    const uint32_t n = mn_net_size(c->net);
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
static int least_costs(const mn_net *net, int reads, uint16_t *cost) {
    const size_t n = mn_net_size(net), bytes = (n + 1 + 2 * n + 2 * (2 * n + 1)) * sizeof(uint32_t);
    void *block;
    memset(cost, 0xFF, n * sizeof *cost);
    MN_TRY(mn_alloc_pages(bytes, "compiling a grammar", &block));
    costs c = {.net = net, .reads = reads, .cost = cost, .head = block};
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
    mn_net *net;
    const uint16_t *empty; /* cost of the nodes the net had, without reading */
    uint32_t n;            /* how many it had */
    uint32_t *copy;        /* [n] of a node, for the rule in work; 0: none yet */
    mn_buf todo, made;     /* nodes to copy; nodes that have one */
} twin;

static int can_be_empty(const twin *t, uint32_t node) {
    return node < t->n && t->empty[node] != MN_NEVER;
}

/* The copy of a node in which nothing was read yet; what reads at once leads to the original. */
static uint32_t copy_of(twin *t, uint32_t i) {
    const mn_node *x = mn_net_node(t->net, i);
    if (x->kind == MN_NODE_BYTE || x->kind == MN_NODE_FAIL) return i;
    if (x->kind == MN_NODE_RETURN) return 0;
    if (t->copy[i]) return t->copy[i];
    t->copy[i] = mn_net_add(t->net, (mn_node){.kind = MN_NODE_FAIL});
    if (t->net->rc >= 0) t->net->rc = mn_buf_append(&t->todo, &i, sizeof i);
    if (t->net->rc >= 0) t->net->rc = mn_buf_append(&t->made, &i, sizeof i);
    return t->copy[i];
}

static uint32_t nonempty(twin *t, uint32_t rule) {
    const mn_rule *r = mn_net_rule(t->net, rule);
    if (!can_be_empty(t, r->start)) return rule;
    if (r->nonempty) return r->nonempty;
    const uint32_t made = mn_net_declare(t->net, r->where);
    mn_net_rule(t->net, rule)->nonempty = made; /* its start follows: see fill_twins */
    return made;
}

/* Node i of a rule that must not be empty: either its call reads, or what follows does. */
static void fill(twin *t, uint32_t i) {
    const uint32_t to = t->copy[i];
    mn_node x = *mn_net_node(t->net, i);
    if (x.kind == MN_NODE_SPLIT) {
        x.a = copy_of(t, x.a);
        x.b = copy_of(t, x.b);
    } else {
        const int skip =
            x.kind == MN_NODE_REPEAT ? !x.min : can_be_empty(t, mn_net_rule(t->net, x.a)->start);
        const uint32_t then = skip ? copy_of(t, x.b) : 0;
        if (x.kind == MN_NODE_REPEAT)
            x.min = x.min ? x.min : 1;
        else
            x.a = nonempty(t, x.a);
        if (skip) x = (mn_node){.kind = MN_NODE_SPLIT, .a = mn_net_add(t->net, x), .b = then};
    }
    if (t->net->rc >= 0) *mn_net_node(t->net, to) = x;
}

static uint32_t fill_rule(twin *t, uint32_t start) {
    const uint32_t begin = copy_of(t, start);
    while (t->todo.len && t->net->rc >= 0) {
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
    for (uint32_t i = 0; i < t->n && t->net->rc >= 0; i++) {
        mn_node *x = mn_net_node(t->net, i);
        if (x->kind != MN_NODE_REPEAT || !can_be_empty(t, mn_net_rule(t->net, x->a)->start))
            continue;
        const uint32_t rule = nonempty(t, x->a);
        mn_net_node(t->net, i)->a = rule;
        mn_net_node(t->net, i)->min = 0; /* the others may all have been empty */
    }
    for (int more = 1; more && t->net->rc >= 0;) {
        more = 0;
        for (uint32_t r = 1; r < mn_net_rules(t->net) && t->net->rc >= 0; r++) {
            const uint32_t made = mn_net_rule(t->net, r)->nonempty;
            if (!made || mn_net_rule(t->net, made)->start) continue;
            const uint32_t start = fill_rule(t, mn_net_rule(t->net, r)->start);
            mn_net_rule(t->net, made)->start = start ? start : mn_net_add(t->net, (mn_node){0});
            more = 1;
        }
    }
    return t->net->rc;
}

static int part_repeats(mn_net *net, const uint16_t *empty) {
    twin t = {.net = net, .empty = empty, .n = mn_net_size(net)};
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
    const mn_net *net;
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
    MN_TRY(look_at(c, mn_net_rule(c->net, rule)->start, rule));
    while (c->todo.len) {
        uint32_t i;
        c->todo.len -= sizeof i;
        memcpy(&i, c->todo.data + c->todo.len, sizeof i);
        const mn_node *x = mn_net_node(c->net, i);
        int on = x->kind == MN_NODE_SPLIT;
        if (on) MN_TRY(look_at(c, x->a, rule));
        if (x->kind == MN_NODE_CALL || x->kind == MN_NODE_REPEAT) {
            MN_TRY(mn_buf_append(&c->edge, &x->a, sizeof x->a));
            on = c->empty[mn_net_rule(c->net, x->a)->start] != MN_NEVER ||
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
                           mn_net_rule(c->net, to)->where);
        c->at[to] = 1;
        c->path[++deep] = to;
    }
}

static int refuse_left_recursion(const mn_net *net, const uint16_t *empty) {
    const uint32_t n = mn_net_size(net), rules = mn_net_rules(net);
    const size_t bytes = ((size_t)n + 3 * (size_t)rules + 1) * sizeof(uint32_t);
    void *block;
    MN_TRY(mn_alloc_pages(bytes, "compiling a grammar", &block));
    calls c = {.net = net, .empty = empty, .seen = block};
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

static int prepare(mn_net *net, uint16_t **costs_out) {
    mn_free(*costs_out);
    *costs_out = mn_calloc(mn_net_size(net), sizeof **costs_out);
    return *costs_out ? 0 : MN_FAIL(MN_ENOMEM, "no memory for a grammar");
}

static int analyse(mn_net *net, uint32_t root, uint16_t **cost) {
    cut_jumps(net);
    MN_TRY(prepare(net, cost));
    MN_TRY(least_costs(net, 0, *cost));
    MN_TRY(part_repeats(net, *cost));
    MN_TRY(prepare(net, cost)); /* there may be more nodes now */
    MN_TRY(least_costs(net, 0, *cost));
    MN_TRY(refuse_left_recursion(net, *cost));
    MN_TRY(least_costs(net, 1, *cost));
    if ((*cost)[mn_net_rule(net, root)->start] == MN_NEVER)
        return MN_FAIL(MN_EINVAL,
                       "nothing fits this grammar: %s asks for itself in every case, for "
                       "characters that are none, or for more than %d calls within calls",
                       mn_net_rule(net, root)->where, MN_GRAMMAR_DEPTH);
    return 0;
}

int mn_net_finish(mn_net *net, uint32_t root, mn_grammar **out) {
    uint16_t *cost = NULL;
    *out = NULL;
    MN_TRY(net->rc);
    int rc = analyse(net, root, &cost);
    mn_grammar *g = rc < 0 ? NULL : mn_calloc(1, sizeof *g);
    if (rc >= 0 && !g) rc = MN_FAIL(MN_ENOMEM, "no memory for a grammar");
    const uint32_t n = mn_net_size(net);
    for (uint32_t i = 0; i < n && g; i++) {
        mn_node *x = mn_net_node(net, i);
        x->need = cost[i];
        if (x->kind == MN_NODE_CALL || x->kind == MN_NODE_REPEAT)
            x->a = mn_net_rule(net, x->a)->start;
    }
    if (g) {
        atomic_init(&g->refs, 1);
        g->start = mn_net_rule(net, root)->start;
        g->nodes = net->nodes;
        net->nodes = (mn_buf){0};
        set_classes(g, (const mn_node *)(const void *)g->nodes.data, n);
    }
    mn_free(cost);
    *out = g;
    return rc;
}
