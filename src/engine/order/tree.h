/* SPDX-License-Identifier: Apache-2.0
 *
 * engine/order/tree.h - a compact prefix tree over the prompts of jobs.
 *
 * A node is a beginning that several prompts have in common, or where a prompt ends; it stands
 * for the tokens between its parent's end and its own. Nothing is copied: those tokens are read
 * from the prompt of a job that goes through the node, and a node that loses that job reads from
 * another one. A child is found by its first token in one hash table for all nodes, so that a
 * beginning with a thousand continuations costs no more than one with two. Putting a job in, or
 * taking it out, is O(its tokens); nodes are at most twice as many as jobs.
 */
#ifndef MN_ENGINE_ORDER_TREE_H
#define MN_ENGINE_ORDER_TREE_H
#include "engine/order.h"

#include <stddef.h>

typedef struct mn_order_node mn_order_node;
struct mn_order_node {
    mn_order_node *parent, *child; /* the first of its children */
    mn_order_node *before, *after; /* among its parent's children */
    mn_order_node *chain;          /* of a bucket */
    mn_order_job *job;             /* one that goes through; its ids say the tokens */
    mn_order_job *ends;            /* those whose prompts end here, linked left and right */
    int32_t depth;                 /* tokens from the root to its end */
    /* What a plan has found out (order/group.c). */
    int32_t shared;          /* tokens that its group shares */
    int64_t members, saved;  /* prompts that go through; tokens that grouping them saves */
    double tokens, expected; /* of those that wait below: to read, to write */
    uint64_t first;          /* the least id of them */
    int waiting;             /* how many they are */
    int group, going;        /* one prefix is shared from here; what runs goes through here */
};

typedef struct mn_order_tree {
    mn_order_node *root;
    mn_order_node **bucket;
    size_t buckets, nodes; /* the root does not count */
} mn_order_tree;

int mn_order_tree_open(mn_order_tree *t);
void mn_order_tree_close(mn_order_tree *t); /* jobs are left as they are */
/* job->place becomes the node where it ends. MN_ENOMEM: nothing changed. */
int mn_order_tree_insert(mn_order_tree *t, mn_order_job *job);
void mn_order_tree_remove(mn_order_tree *t, mn_order_job *job);

/* All nodes, children before their parents; `at` NULL: the first. NULL: that was the root. */
mn_order_node *mn_order_tree_up(const mn_order_tree *t, mn_order_node *at);
/* All nodes, parents before their children; `at` NULL: the root. NULL: that was the last. */
mn_order_node *mn_order_tree_down(const mn_order_tree *t, mn_order_node *at);

#endif
