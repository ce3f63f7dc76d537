/* SPDX-License-Identifier: Apache-2.0
 *
 * engine/order/group.h - which prompts form a group, and in which order all of them go.
 */
#ifndef MN_ENGINE_ORDER_GROUP_H
#define MN_ENGINE_ORDER_GROUP_H
#include "engine/order/queue.h"
#include "engine/order/tree.h"

enum {
    MN_GROUP_HEAD = 1,    /* of a node: a group shares the prefix that ends here */
    MN_GROUP_FOLDED = 2,  /* all below is of the group of a node above */
    MN_GROUP_ANSWER = 256 /* tokens of an answer nobody knows anything about */
};

/* Find the groups of all jobs in the tree: node->group, ->shared, ->members, and ->saved of the
 * root: tokens that need not be read twice when each group shares its prefix and nothing else. */
void mn_order_group_find(mn_order_tree *t);

/* After that: all jobs that wait, one behind the other into *out (what it held is forgotten).
 * mean: tokens an answer is expected to have where its cap is higher or unknown, 0: nobody knows.
 * The walk begins where `from` is, and then goes on from there; NULL: anywhere. */
void mn_order_group_walk(mn_order_tree *t, const mn_order_job *from, double mean,
                         mn_order_queue *out);

#endif
