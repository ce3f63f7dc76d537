/* SPDX-License-Identifier: Apache-2.0
 *
 * api/loop.h - what stands behind mn_loop and mn_job; private to api/.
 *
 *   ask -> FRESH --(prep: template, tokens)--> READY -> WAITING <-> RUNNING -> ENDED
 *
 * Two threads: `prep` turns requests into ids, `step` owns everything behind READY. The lock guards
 * the lists, the counters and what mn_loop_jobs shows; it is never held while a model works or a
 * callback runs.
 */
#ifndef MN_API_LOOP_H
#define MN_API_LOOP_H
#include "api/answer.h"
#include "base/arena.h"
#include "engine/order.h"
#include "engine/plan.h"
#include "engine/slots.h"

typedef struct mn_job_list {
    mn_job *first, *last;
} mn_job_list;

enum { MN_JOB_WAITS = 1, MN_JOB_RUNS };
struct mn_job {
    atomic_int users, cancel;
    mn_loop *loop;
    mn_model *model;
    mn_arena texts; /* of the request */
    mn_request r;
    void (*done)(void *user, int rc, const mn_stats *stats);
    mn_answering a;
    mn_order_job o;
    uint64_t id, born;     /* ns */
    int others;            /* tokens of its prompt that others who run have read, or read */
    int rc;                /* of begin */
    int phase;             /* 0: it has not arrived; waiting, running: of the step thread */
    int told;              /* tokens of the answer that the order has been told */
    double due;            /* when its prompt is promised to be read, by mn_clock_seconds */
    mn_job_info shown;     /* under the lock, as everything below */
    mn_job *next;          /* of the list it is in */
    mn_job *older, *newer; /* of all that have not ended */
};

struct mn_loop {
    mn_loop_options o;
    const mn_order *order;
    void *state; /* of the order */
    pthread_t prep, step;
    int threads; /* that were started */
    pthread_mutex_t lock;
    pthread_cond_t fresh_came, ready_came;
    int closing;
    mn_job_list fresh, ready;
    mn_job *oldest, *newest;
    int n_jobs;
    uint64_t last_id;
    mn_loop_info info;
    /* of the step thread alone */
    mn_slots slots;
    int n_waiting;
    int held;        /* memory was short: nobody new until one has ended */
    mn_model *model; /* that ran last */
    unsigned turn;
    float *logits; /* [rows, V] of the models seen */
    size_t logits_bytes;
};

/* Copy a request with all its texts into the arena. */
int mn_request_copy(mn_arena *arena, const mn_request *from, mn_request *to);
/* How long steps of this model take, and how many tokens they should have. */
int mn_model_measure(mn_model *m);
static inline mn_job *mn_job_in(const mn_loop *l, int slot) {
    return l->slots.slot[slot];
}
/* Memory (api/loop_room.c): is there room for what a seated answer, and those who run, may come to
 * take? And bring the region down to what this process may hold, so that a step fits in, and all
 * that `next` (may be NULL) may take. */
int mn_loop_fits(const mn_loop *l, mn_job *j);
void mn_loop_shrink(const mn_loop *l, const mn_model *m, const mn_job *next);
/* Alone and afresh: MN_EFULL, and the sentence, when not even its prompt fits. */
int mn_loop_allows(const mn_loop *l, const mn_job *j);
/* One turn of the step thread: who comes, who goes, one step of one model. 1: something was
 * done. */
int mn_loop_turn(mn_loop *l);
/* It has ended: told to whoever asked, and gone. */
void mn_loop_finish(mn_loop *l, mn_job *j, int rc);
void mn_job_unref(mn_job *j);

#endif
