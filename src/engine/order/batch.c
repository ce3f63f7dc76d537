/* SPDX-License-Identifier: Apache-2.0
 *
 * engine/order/batch.c - what begins alike runs together.
 *
 * All jobs are in one prefix tree; a plan (order/group.h) says in which order those that wait go.
 * It is made anew when more than a sixteenth of what it holds has arrived since, when it has run
 * out, and when twice as many answers have told how long they get as the last time: so a job is
 * planned O(log) times, or when it arrives while little waits. A plan goes on where the newest
 * running job is: what it shares is in memory. Arrivals that begin like what runs join it.
 *
 * Nobody gives way to another; when memory is short the newest does: it belongs to the group that
 * is used last, and comes next when there is room. A job that was overtaken by 4,096 others is
 * planned first, with its group: the oldest of all that wait, so that none waits for ever.
 */
#include "base/alloc.h"
#include "base/error.h"
#include "engine/order/group.h"

#include <string.h>

enum { PATIENCE = 4096, SLACK = 16, KNOWN = 4 /* answers, before their mean says something */ };

typedef struct batch {
    mn_order_tree tree;
    mn_order_queue planned, fresh; /* of those that wait */
    mn_order_queue running;        /* the newest last */
    mn_order_job *heir;            /* waits, and begins like the last one that ran */
    uint64_t started;
    uint64_t answers, tokens; /* that are complete; of them in all */
    uint64_t answers_then;    /* when it was planned */
} batch;

static int batch_open(double frequency, void **state) {
    (void)frequency;
    batch *b = mn_calloc(1, sizeof *b);
    if (!b) return MN_FAIL(MN_ENOMEM, "no memory for the order of answers");
    const int rc = mn_order_tree_open(&b->tree);
    if (rc < 0)
        mn_free(b);
    else
        *state = b;
    return rc;
}

static void batch_close(void **state) {
    batch *b = *state;
    if (b) mn_order_tree_close(&b->tree);
    mn_free(b);
    *state = NULL;
}

static int arrive(void *state, mn_order_job *job) {
    batch *b = state;
    MN_TRY(mn_order_tree_insert(&b->tree, job));
    job->since = b->started;
    mn_order_queue_push(&b->fresh, job);
    return 0;
}

static mn_order_job *oldest(const batch *b) {
    mn_order_job *old = b->planned.first ? b->planned.first : b->fresh.first;
    const mn_order_queue *q[] = {&b->planned, &b->fresh};
    for (int i = 0; i < 2; i++)
        for (mn_order_job *j = q[i]->first; j; j = j->after)
            if (j->id < old->id) old = j;
    return old;
}

static void plan(batch *b) {
    mn_order_job *old = oldest(b);
    const int late = b->started - old->since >= PATIENCE;
    const double mean = b->answers >= KNOWN ? (double)b->tokens / (double)b->answers : 0;
    mn_order_group_find(&b->tree);
    mn_order_group_walk(&b->tree,
                        late              ? old
                        : b->running.last ? b->running.last
                                          : b->heir,
                        mean, &b->planned);
    if (late) {
        mn_order_queue_remove(&b->planned, old);
        mn_order_queue_insert(&b->planned, NULL, old);
    }
    b->fresh = (mn_order_queue){0};
    b->answers_then = b->answers;
}

static mn_order_job *next(void *state) {
    batch *b = state;
    const int wiser = b->answers >= KNOWN && b->answers >= 2 * b->answers_then;
    if (b->fresh.n ? b->fresh.n * SLACK > b->planned.n : wiser && b->planned.n) plan(b);
    return b->planned.first;
}

static void start(void *state, mn_order_job *job) {
    batch *b = state;
    mn_order_queue_remove(job->note ? &b->planned : &b->fresh, job);
    mn_order_queue_push(&b->running, job);
    job->running = 1;
    b->heir = NULL;
    b->started++;
}

static mn_order_job *victim(void *state, const mn_order_job *to) {
    const batch *b = state;
    return to ? NULL : b->running.last;
}

static void stop(void *state, mn_order_job *job) {
    batch *b = state;
    mn_order_queue_remove(&b->running, job);
    mn_order_queue_insert(&b->planned, NULL, job);
    job->note = 1;
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

/* Does the plan go on with what this job's group shares? */
static int goes_on(const mn_order_job *job, const mn_order_job *next) {
    return next && job->shared && next->n >= job->shared &&
           memcmp(job->ids, next->ids, (size_t)job->shared * sizeof *job->ids) == 0;
}

static void done(void *state, mn_order_job *job) {
    batch *b = state;
    if (b->heir == job) b->heir = NULL;
    if (job->running) {
        b->answers++;
        b->tokens += (uint64_t)job->written;
    }
    mn_order_queue_remove(job->running ? &b->running : job->note ? &b->planned : &b->fresh, job);
    if (job->running && !b->running.n && goes_on(job, b->planned.first)) b->heir = b->planned.first;
    mn_order_tree_remove(&b->tree, job);
    job->running = 0;
}

const mn_order mn_order_batch = {.name = "batch",
                                 .about = "what begins alike runs together",
                                 .gathers = 1,
                                 .open = batch_open,
                                 .close = batch_close,
                                 .arrive = arrive,
                                 .next = next,
                                 .start = start,
                                 .victim = victim,
                                 .stop = stop,
                                 .account = account,
                                 .tick = tick,
                                 .done = done};
