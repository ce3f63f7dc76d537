/* SPDX-License-Identifier: Apache-2.0
 *
 * engine/order/group.c - BatchLLM's plan: levels of the prefix tree folded into one prefix per
 * group, and the groups put in order.
 *
 * Grouping (Zheng et al., "BatchLLM", 2024) is dynamic programming from the leaves. A group shares
 * one prefix, from the root to a node v, of depth(v) tokens; it saves (members - 1) * depth(v).
 * Each child c of v either keeps the groups it has, saved(c), or is folded into v's, where each of
 * its members(c) saves depth(v) at the price of what was saved below:
 *
 *     saved(v) = max(sum of saved(c),
 *                    sum of max(saved(c), members(c) * depth(v)) + ends(v) * depth(v) - depth(v))
 *
 * Order: depth first, so that while a group runs its prefix is in use by somebody and cannot leave
 * memory, and afterwards it is free to. At each node the child that writes most for what it reads
 * goes first (expected answer / tokens to read, summed over those that wait): its decoding then
 * fills the steps in which later prompts are read. Where that is equal, who came first.
 *
 * Ours, not the paper's: a sequence is a list of spans, so what lies above a group's prefix is
 * shared as well, and depth first costs nothing; therefore a folded level is still walked as one.
 * The paper's engine shares one level, and orders all groups by their ratio alone. Time is O(nodes
 * log of the most children), without recursion: prompts may be nested as deep as they like.
 */
#include "engine/order/group.h"

static int64_t ends(const mn_order_node *n) {
    int64_t k = 0;
    for (const mn_order_job *j = n->ends; j; j = j->right) k++;
    return k;
}

/* What n shares when it is a group, and which of its children are folded into it. */
static void weigh(mn_order_node *n) {
    const int64_t depth = n->depth, own = ends(n);
    int64_t apart = 0, together = (own - 1) * depth;
    n->members = own;
    for (const mn_order_node *c = n->child; c; c = c->after) {
        const int64_t folded = c->members * depth;
        n->members += c->members;
        apart += c->saved;
        together += folded > c->saved ? folded : c->saved;
    }
    n->group = together > apart ? MN_GROUP_HEAD : 0;
    n->saved = n->group ? together : apart;
}

void mn_order_group_find(mn_order_tree *t) {
    for (mn_order_node *n = mn_order_tree_up(t, NULL); n; n = mn_order_tree_up(t, n)) weigh(n);
    for (mn_order_node *n = mn_order_tree_down(t, NULL); n; n = mn_order_tree_down(t, n)) {
        const mn_order_node *p = n->parent;
        if (p && (p->group == MN_GROUP_FOLDED ||
                  (p->group == MN_GROUP_HEAD && n->members * p->depth > n->saved))) {
            n->group = MN_GROUP_FOLDED;
            n->shared = p->shared;
        } else
            n->shared = n->group ? n->depth : 0;
    }
}

/* Tokens its answer is expected to have. */
static double answer_of(const mn_order_job *job, double mean) {
    if (mean > 0) return job->cap > 0 && job->cap < mean ? job->cap : mean;
    return job->cap > 0 ? job->cap : MN_GROUP_ANSWER;
}

/* What waits at n and below. What somebody who runs has read need not be read again. */
static void sum(mn_order_node *n, double mean) {
    n->waiting = n->going = 0;
    n->tokens = n->expected = 0;
    n->first = UINT64_MAX;
    for (const mn_order_job *j = n->ends; j; j = j->right) {
        if (j->running) continue;
        n->waiting++;
        n->tokens += 1;
        n->expected += answer_of(j, mean);
        if (j->id < n->first) n->first = j->id;
    }
    for (const mn_order_node *c = n->child; c; c = c->after) {
        n->waiting += c->waiting;
        n->tokens += c->tokens;
        n->expected += c->expected;
        if (c->first < n->first) n->first = c->first;
    }
    if (n->parent && n->waiting && n->waiting == n->members)
        n->tokens += n->depth - n->parent->depth;
}

/* Does a go before b? */
static int goes_before(const mn_order_node *a, const mn_order_node *b) {
    if (a->going != b->going) return a->going;
    if (!a->waiting != !b->waiting) return a->waiting;
    const double x = a->expected * b->tokens, y = b->expected * a->tokens;
    return x != y ? x > y : a->first < b->first;
}

/* Two ordered lists, linked by `after`, become one. */
static mn_order_node *merge(mn_order_node *a, mn_order_node *b) {
    mn_order_node *first = NULL, **end = &first;
    while (a && b) {
        mn_order_node **least = goes_before(b, a) ? &b : &a;
        *end = *least;
        *least = (*least)->after;
        end = &(*end)->after;
    }
    *end = a ? a : b;
    return first;
}

/* The children in the order they go: runs of 1, 2, 4, .. are merged like the carries of a
 * counter. */
static void sort_children(mn_order_node *n) {
    mn_order_node *run[64] = {0}, *all = NULL;
    for (mn_order_node *c = n->child, *after; c; c = after) {
        after = c->after;
        c->after = NULL;
        int i = 0;
        for (; run[i]; i++) {
            c = merge(run[i], c);
            run[i] = NULL;
        }
        run[i] = c;
    }
    for (int i = 0; i < 64; i++)
        if (run[i]) all = merge(run[i], all);
    n->child = all;
    for (mn_order_node *c = all, *before = NULL; c; before = c, c = c->after) c->before = before;
}

/* Those that wait and end at n, in the order they came. */
static void take(const mn_order_node *n, mn_order_queue *out) {
    mn_order_job *j = n->ends;
    while (j && j->right) j = j->right;
    for (; j; j = j->left)
        if (!j->running) {
            j->shared = n->shared < j->n ? n->shared : j->n;
            j->note = 1;
            mn_order_queue_push(out, j);
        }
}

void mn_order_group_walk(mn_order_tree *t, const mn_order_job *from, double mean,
                         mn_order_queue *out) {
    *out = (mn_order_queue){0};
    for (mn_order_node *n = mn_order_tree_up(t, NULL); n; n = mn_order_tree_up(t, n)) sum(n, mean);
    for (mn_order_node *n = from ? from->place : NULL; n; n = n->parent) n->going = 1;
    for (mn_order_node *n = mn_order_tree_down(t, NULL); n; n = mn_order_tree_down(t, n)) {
        sort_children(n);
        take(n, out);
    }
}
