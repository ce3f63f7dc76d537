/* SPDX-License-Identifier: Apache-2.0
 *
 * engine/order/fcfs.c - first come, first served.
 *
 * Who waits stands in order of arrival. Nobody gives way to another; when memory is short the
 * newest does, and comes back before anybody who arrived after it. O(1) a call, but `victim`,
 * which looks at all that run, and `stop`, which looks for a place from the front of the queue.
 */
#include "base/alloc.h"
#include "base/error.h"
#include "engine/order/queue.h"

typedef struct fcfs {
    mn_order_queue waiting, running;
} fcfs;

static int fcfs_open(double frequency, void **state) {
    (void)frequency;
    *state = mn_calloc(1, sizeof(fcfs));
    return *state ? 0 : MN_FAIL(MN_ENOMEM, "no memory for the order of answers");
}

static void fcfs_close(void **state) {
    mn_free(*state);
    *state = NULL;
}

static int arrive(void *state, mn_order_job *job) {
    fcfs *f = state;
    mn_order_queue_sort_in(&f->waiting, job);
    return 0;
}

static mn_order_job *next(void *state) {
    const fcfs *f = state;
    return f->waiting.first;
}

static void start(void *state, mn_order_job *job) {
    fcfs *f = state;
    mn_order_queue_remove(&f->waiting, job);
    mn_order_queue_push(&f->running, job);
    job->running = 1;
}

static mn_order_job *victim(void *state, const mn_order_job *to) {
    const fcfs *f = state;
    if (to) return NULL;
    mn_order_job *newest = f->running.first;
    for (mn_order_job *j = newest; j; j = j->after)
        if (j->id > newest->id) newest = j;
    return newest;
}

static void stop(void *state, mn_order_job *job) {
    fcfs *f = state;
    mn_order_queue_remove(&f->running, job);
    mn_order_queue_sort_in(&f->waiting, job);
    job->running = 0;
}

static void account(void *state, mn_order_job *job, int32_t read, int32_t written) {
    (void)state;
    (void)read;
    job->written += written;
}

static void tick(void *state) {
    (void)state;
}

static void done(void *state, mn_order_job *job) {
    fcfs *f = state;
    mn_order_queue_remove(job->running ? &f->running : &f->waiting, job);
    job->running = 0;
}

const mn_order mn_order_fcfs = {.name = "fcfs",
                                .about = "in order of arrival",
                                .open = fcfs_open,
                                .close = fcfs_close,
                                .arrive = arrive,
                                .next = next,
                                .start = start,
                                .victim = victim,
                                .stop = stop,
                                .account = account,
                                .tick = tick,
                                .done = done};
