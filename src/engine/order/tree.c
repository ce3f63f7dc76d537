/* SPDX-License-Identifier: Apache-2.0
 *
 * engine/order/tree.c - putting prompts into the tree, and taking them out.
 *
 * Insertion walks from the root: the child that begins with the next token is compared token by
 * token; where they part, a node is put between. Both nodes that an insertion may need are there
 * before anything is changed. Removal goes the same way back: what is empty goes, what has one
 * continuation and no end becomes part of it, and whoever read from the job's prompt reads from
 * another's.
 */
#include "engine/order/tree.h"

#include "base/alloc.h"
#include "base/error.h"

/* Where the child of `parent` that begins with `token` hangs. */
static size_t bucket_of(const mn_order_tree *t, const mn_order_node *parent, int32_t token) {
    uint64_t h = (uint64_t)(uintptr_t)parent * 0x9e3779b97f4a7c15u ^ (uint32_t)token;
    h *= 0xbf58476d1ce4e5b9u;
    return (h ^ h >> 29) & (t->buckets - 1);
}

static int32_t first_token(const mn_order_node *n) {
    return n->job->ids[n->parent->depth];
}

static void hang(mn_order_tree *t, mn_order_node *n) {
    mn_order_node **b = &t->bucket[bucket_of(t, n->parent, first_token(n))];
    n->chain = *b;
    *b = n;
}

static void unhang(mn_order_tree *t, mn_order_node *n) {
    mn_order_node **p = &t->bucket[bucket_of(t, n->parent, first_token(n))];
    while (*p != n) p = &(*p)->chain;
    *p = n->chain;
}

static mn_order_node *child_of(const mn_order_tree *t, const mn_order_node *n, int32_t token) {
    for (mn_order_node *c = t->bucket[bucket_of(t, n, token)]; c; c = c->chain)
        if (c->parent == n && first_token(c) == token) return c;
    return NULL;
}

/* Twice the buckets, if there is memory; longer chains are no failure. */
static void spread(mn_order_tree *t) {
    if (t->nodes < t->buckets) return;
    mn_order_node **bucket = mn_calloc(2 * t->buckets, sizeof *bucket);
    if (!bucket) return;
    mn_order_node **old = t->bucket;
    const size_t n = t->buckets;
    t->bucket = bucket;
    t->buckets *= 2;
    for (size_t i = 0; i < n; i++)
        for (mn_order_node *c = old[i], *chain; c; c = chain) {
            chain = c->chain;
            hang(t, c);
        }
    mn_free(old);
}

int mn_order_tree_open(mn_order_tree *t) {
    *t = (mn_order_tree){.buckets = 64};
    t->root = mn_calloc(1, sizeof *t->root);
    t->bucket = mn_calloc(t->buckets, sizeof(mn_order_node *));
    if (t->root && t->bucket) return 0;
    mn_free(t->root);
    mn_free(t->bucket);
    return MN_FAIL(MN_ENOMEM, "no memory for the tree of prompts");
}

void mn_order_tree_close(mn_order_tree *t) {
    for (mn_order_node *n = mn_order_tree_up(t, NULL), *up; n; n = up) {
        up = mn_order_tree_up(t, n);
        mn_free(n);
    }
    mn_free(t->bucket);
    *t = (mn_order_tree){0};
}

static void adopt(mn_order_node *parent, mn_order_node *n) {
    n->parent = parent;
    n->before = NULL;
    n->after = parent->child;
    if (n->after) n->after->before = n;
    parent->child = n;
}

static void disown(mn_order_node *n) {
    if (n->before)
        n->before->after = n->after;
    else
        n->parent->child = n->after;
    if (n->after) n->after->before = n->before;
}

static void end_at(mn_order_node *n, mn_order_job *job) {
    job->place = n;
    job->left = NULL;
    job->right = n->ends;
    if (n->ends) n->ends->left = job;
    n->ends = job;
    if (!n->job) n->job = job; /* the root's */
}

/* A node between n and its parent, which ends at `depth`. */
static mn_order_node *split(mn_order_tree *t, mn_order_node *n, int32_t depth,
                            mn_order_node *middle) {
    *middle = (mn_order_node){.job = n->job, .depth = depth};
    unhang(t, n);
    mn_order_node *parent = n->parent;
    disown(n);
    adopt(parent, middle);
    hang(t, middle);
    adopt(middle, n);
    hang(t, n);
    t->nodes++;
    return middle;
}

static void insert(mn_order_tree *t, mn_order_job *job, mn_order_node **middle,
                   mn_order_node **leaf) {
    mn_order_node *n = t->root;
    const int32_t length = job->ids ? job->n : 0;
    while (n->depth < length) {
        mn_order_node *c = child_of(t, n, job->ids[n->depth]);
        if (!c) {
            c = *leaf;
            *leaf = NULL;
            *c = (mn_order_node){.job = job, .depth = length};
            adopt(n, c);
            hang(t, c);
            t->nodes++;
            n = c;
            break;
        }
        const int32_t most = c->depth < length ? c->depth : length;
        int32_t at = n->depth;
        while (at < most && c->job->ids[at] == job->ids[at]) at++;
        if (at < c->depth) {
            c = split(t, c, at, *middle);
            *middle = NULL;
        }
        n = c;
    }
    end_at(n, job);
}

int mn_order_tree_insert(mn_order_tree *t, mn_order_job *job) {
    mn_order_node *middle = mn_malloc(sizeof *middle), *leaf = mn_malloc(sizeof *leaf);
    int rc = middle && leaf ? 0 : MN_FAIL(MN_ENOMEM, "no memory for the tree of prompts");
    if (rc >= 0) {
        spread(t);
        insert(t, job, &middle, &leaf);
    }
    mn_free(middle);
    mn_free(leaf);
    return rc;
}

/* It has no end and one child: the child takes its place. */
static void melt(mn_order_tree *t, mn_order_node *n) {
    mn_order_node *parent = n->parent, *c = n->child;
    unhang(t, c);
    unhang(t, n);
    disown(n);
    adopt(parent, c);
    hang(t, c);
    mn_free(n);
    t->nodes--;
}

static void drop(mn_order_tree *t, mn_order_node *n) {
    unhang(t, n);
    disown(n);
    mn_free(n);
    t->nodes--;
}

void mn_order_tree_remove(mn_order_tree *t, mn_order_job *job) {
    mn_order_node *n = job->place;
    if (job->left)
        job->left->right = job->right;
    else
        n->ends = job->right;
    if (job->right) job->right->left = job->left;
    job->left = job->right = NULL;
    job->place = NULL;
    for (mn_order_node *parent; n; n = parent) {
        parent = n->parent;
        if (parent && !n->ends && !n->child) {
            drop(t, n);
            continue;
        }
        /* Whoever is below reads from another job already. */
        if (n->job == job) n->job = n->ends ? n->ends : n->child ? n->child->job : NULL;
        if (parent && !n->ends && !n->child->after) melt(t, n);
    }
}

static mn_order_node *deepest(mn_order_node *n) {
    while (n->child) n = n->child;
    return n;
}

mn_order_node *mn_order_tree_up(const mn_order_tree *t, mn_order_node *at) {
    if (!at) return t->root ? deepest(t->root) : NULL;
    if (at == t->root) return NULL;
    return at->after ? deepest(at->after) : at->parent;
}

mn_order_node *mn_order_tree_down(const mn_order_tree *t, mn_order_node *at) {
    if (!at) return t->root;
    if (at->child) return at->child;
    while (at != t->root && !at->after) at = at->parent;
    return at == t->root ? NULL : at->after;
}
