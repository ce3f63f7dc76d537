/* SPDX-License-Identifier: Apache-2.0
 *
 * engine/order/queue.h - jobs one behind the other, linked through themselves: nothing is
 * allocated, and any of them leaves at once. A job stands in one queue at a time.
 */
#ifndef MN_ENGINE_ORDER_QUEUE_H
#define MN_ENGINE_ORDER_QUEUE_H
#include "engine/order.h"

#include <stddef.h>

typedef struct mn_order_queue {
    mn_order_job *first, *last;
    int n;
} mn_order_queue;

/* Behind `where`; NULL: in front of all. */
static inline void mn_order_queue_insert(mn_order_queue *q, mn_order_job *where,
                                         mn_order_job *job) {
    job->before = where;
    job->after = where ? where->after : q->first;
    if (job->after)
        job->after->before = job;
    else
        q->last = job;
    if (where)
        where->after = job;
    else
        q->first = job;
    q->n++;
}

static inline void mn_order_queue_push(mn_order_queue *q, mn_order_job *job) {
    mn_order_queue_insert(q, q->last, job);
}

/* Where its id says. Who was stopped is older than most: looked for from the front. */
static inline void mn_order_queue_sort_in(mn_order_queue *q, mn_order_job *job) {
    mn_order_job *where = q->last;
    if (where && where->id > job->id) {
        where = NULL;
        for (mn_order_job *j = q->first; j->id < job->id; j = j->after) where = j;
    }
    mn_order_queue_insert(q, where, job);
}

static inline void mn_order_queue_remove(mn_order_queue *q, mn_order_job *job) {
    if (job->before)
        job->before->after = job->after;
    else
        q->first = job->after;
    if (job->after)
        job->after->before = job->before;
    else
        q->last = job->before;
    job->before = job->after = NULL;
    q->n--;
}

#endif
