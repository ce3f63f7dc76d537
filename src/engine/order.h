/* SPDX-License-Identifier: Apache-2.0
 *
 * engine/order.h - who comes next, and who gives way: the policies of the planner.
 *
 * An order is a const struct in the registry mn_orders; the planner (engine/plan.h) carries out
 * what it says. It is pure logic over jobs: no model, no clock, no locks, called by the planner's
 * thread alone, and the same calls always give the same answers. A job lives like this:
 *
 *     arrive -> waiting -> start -> running -> done        account: after each step it was part of
 *                  ^                   |                   done: also while it waits
 *                  +------ stop <------+                   tick: after every step
 *
 * In each step the planner asks `next` and starts what it says while there are slots and memory.
 * When there are none it asks `victim`, for the sake of that next job: whoever is named is stopped
 * and waits again, what it has is kept. When memory is short for those who run already it asks
 * `victim` for the sake of nobody, and somebody is named as long as anybody runs.
 *
 *   fcfs    in order of arrival; nobody gives way to who came later
 *   fair    the tenant that had least comes next, and at times takes the place of who had most
 *   batch   what begins alike runs together, so that a beginning is computed once and then gone
 *
 * None of them lets a job wait for ever while others come and go.
 */
#ifndef MN_ENGINE_ORDER_H
#define MN_ENGINE_ORDER_H
#include <stdint.h>

typedef struct mn_order_job mn_order_job;
struct mn_order_job {
    /* Said before `arrive`, and not changed after it. */
    uint64_t id;        /* grows with every arrival; its place among equals */
    uint64_t tenant;    /* who is charged: a hash of the tenant and the owner */
    const int32_t *ids; /* [n] the prompt, borrowed until `done`; NULL: nobody knows it */
    int32_t n;
    int32_t cap; /* tokens its answer may have at most; 0: nobody knows */
    void *user;  /* the planner's own */
    /* Said by the order, when `next` names the job: the first tokens of the prompt, those that
     * others begin with too. An extent should end there: it stays when the rest goes. */
    int32_t shared;
    /* The order's own; zeroes before `arrive`. */
    int32_t running;              /* 1: it has been started, and was not stopped since */
    int32_t written;              /* tokens of its answer so far */
    int32_t note;                 /* fair: charged, but not computed yet; batch: 1: planned */
    uint64_t since;               /* when it began to wait, or to run, in the order's own count */
    mn_order_job *before, *after; /* the queue it stands in */
    mn_order_job *left, *right;   /* those whose prompts are the same */
    void *place;                  /* its tenant, or where its prompt ends */
};

typedef struct mn_order {
    const char *name, *about;
    int gathers; /* 1: who has been asked shall arrive before anybody starts, while nobody runs */
    /* A state of its own; frequency: how often priorities change, times per step (0: 0.03). */
    int (*open)(double frequency, void **state);
    void (*close)(void **state);                   /* jobs that are still there are forgotten */
    int (*arrive)(void *state, mn_order_job *job); /* MN_ENOMEM: it has not arrived */
    /* Of those that wait; NULL: nobody does. It is the same one until something else is called. */
    mn_order_job *(*next)(void *state);
    void (*start)(void *state, mn_order_job *job);
    /* Of those that run: who gives way to `to`, which waits; NULL: nobody. `to` NULL: memory is
     * short; NULL then means that nobody runs. */
    mn_order_job *(*victim)(void *state, const mn_order_job *to);
    void (*stop)(void *state, mn_order_job *job);
    /* Tokens of the prompt that were computed for it, and tokens of the answer that were made. */
    void (*account)(void *state, mn_order_job *job, int32_t read, int32_t written);
    void (*tick)(void *state);
    void (*done)(void *state, mn_order_job *job);
} mn_order;

extern const mn_order *const mn_orders[];        /* NULL ends; the first is the default */
const mn_order *mn_order_find(const char *name); /* NULL: the default. Unknown: NULL */
extern const mn_order mn_order_fcfs, mn_order_fair, mn_order_batch;

#endif
