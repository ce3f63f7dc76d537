/* SPDX-License-Identifier: Apache-2.0
 *
 * api/loop.c - omnesia.h, many answers at once: asking, cancelling, looking, and the two threads.
 * What a turn of the loop does stands in api/loop_turn.c.
 */
#include "api/loop.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/hash.h"

#include <stdio.h>
#include <string.h>

enum { WAITING = 1024, LOOK_MS = 2 };

/* ---- lists -------------------------------------------------------------------------------- */
static void push(mn_job_list *list, mn_job *j) {
    j->next = NULL;
    if (list->last) list->last->next = j;
    if (!list->first) list->first = j;
    list->last = j;
}

static mn_job *pop(mn_job_list *list) {
    mn_job *j = list->first;
    if (!j) return NULL;
    list->first = j->next;
    if (!list->first) list->last = NULL;
    return j;
}

static void enlist(mn_loop *l, mn_job *j) {
    j->older = l->newest;
    if (l->newest) l->newest->newer = j;
    if (!l->oldest) l->oldest = j;
    l->newest = j;
    l->n_jobs++;
}

static void delist(mn_loop *l, mn_job *j) {
    if (j->older) j->older->newer = j->newer;
    if (j->newer) j->newer->older = j->older;
    if (l->oldest == j) l->oldest = j->newer;
    if (l->newest == j) l->newest = j->older;
    l->n_jobs--;
}

/* ---- the life of a job -------------------------------------------------------------------- */
void mn_job_unref(mn_job *j) {
    if (atomic_fetch_sub(&j->users, 1) > 1) return;
    mn_arena_free(&j->texts);
    mn_free(j);
}

void mn_job_release(mn_job **pj) {
    mn_job *j = *pj;
    *pj = NULL;
    if (j) mn_job_unref(j);
}

void mn_job_cancel(mn_job *j) {
    atomic_store(&j->cancel, 1);
}

void mn_loop_finish(mn_loop *l, mn_job *j, int rc) {
    char why[1024];
    const int cancelled =
        rc >= 0 && strcmp(j->a.stats.finish ? j->a.stats.finish : "", "cancelled") == 0;
    snprintf(why, sizeof why, "%s", rc < 0 ? mn_error_detail() : "");
    mn_answering_end(&j->a);
    pthread_mutex_lock(&l->lock);
    delist(l, j);
    l->info.ended++;
    l->info.cancelled += cancelled;
    l->info.failed += rc < 0;
    l->info.cached += (uint64_t)(j->a.first ? j->a.stats.cached_tokens : 0);
    pthread_mutex_unlock(&l->lock);
    if (rc < 0) MN_FAIL(rc, "%s", why);
    if (j->done) j->done(j->r.user, rc, &j->a.stats);
    mn_job_unref(j);
}

/* Who is charged: a tenant, and within it an owner. */
static uint64_t charged_to(const mn_request *r) {
    const uint64_t owner = r->owner ? mn_hash64(r->owner, strlen(r->owner)) : 0;
    return (r->tenant ? mn_hash64(r->tenant, 32) : 0) * 31 + owner;
}

static int make(mn_loop *l, mn_model *m, const mn_request *r, mn_job **out) {
    mn_job *j = mn_calloc(1, sizeof *j);
    if (!j) return MN_FAIL(MN_ENOMEM, "no memory for one more answer");
    *j = (mn_job){.loop = l, .model = m, .born = mn_clock_ns(), .texts = {.what = "a request"}};
    atomic_init(&j->users, 2);
    j->a.keeps = !m->region;
    j->a.stats.finish = "cancelled";
    const int rc = mn_request_copy(&j->texts, r, &j->r);
    j->o = (mn_order_job){.tenant = charged_to(&j->r), .user = j};
    if (rc >= 0) {
        *out = j;
        return 0;
    }
    mn_arena_free(&j->texts);
    mn_free(j);
    return rc;
}

int mn_loop_ask(mn_loop *l, mn_model *m, const mn_request *request,
                void (*done)(void *user, int rc, const mn_stats *stats), mn_job **out) {
    mn_job *j = NULL;
    *out = NULL;
    MN_TRY(mn_model_writes(m));
    MN_TRY(make(l, m, request, &j));
    j->done = done;
    pthread_mutex_lock(&l->lock);
    const int waiting = l->n_jobs - l->info.running;
    const int full = waiting >= l->o.waiting || l->closing;
    if (!full) {
        j->id = ++l->last_id;
        j->shown =
            (mn_job_info){.id = j->id, .owner = j->r.owner, .model = m->name, .state = "waiting"};
        enlist(l, j);
        push(&l->fresh, j);
        *out = j;
        pthread_cond_signal(&l->fresh_came);
    }
    pthread_mutex_unlock(&l->lock);
    if (!full) return 0;
    mn_job_unref(j);
    mn_job_unref(j);
    return MN_FAIL(MN_EFULL, "%d answers wait already, which is the most; ask again later",
                   waiting);
}

/* Ids, with room for all that may follow: orders look at them where they are. */
static int begin(mn_job *j) {
    MN_TRY(mn_answering_begin(&j->a, j->model, &j->r));
    const int most = j->r.max_tokens > 0 ? j->r.max_tokens : j->a.context,
              left = j->a.context - j->a.stats.prompt_tokens;
    return mn_buf_reserve(&j->a.ids, (size_t)(most < left ? most : left) * sizeof(int32_t));
}

/* ---- threads ------------------------------------------------------------------------------ */
static void *prep_main(void *opaque) {
    mn_loop *l = opaque;
    pthread_mutex_lock(&l->lock);
    for (;;) {
        while (!l->fresh.first && !l->closing) pthread_cond_wait(&l->fresh_came, &l->lock);
        mn_job *j = pop(&l->fresh);
        if (!j) break;
        const int gone = l->closing || atomic_load(&j->cancel);
        pthread_mutex_unlock(&l->lock);
        j->rc = gone ? 0 : begin(j);
        const int lost = gone || j->rc < 0;
        if (lost) mn_loop_finish(l, j, j->rc);
        pthread_mutex_lock(&l->lock);
        pthread_cond_signal(&l->ready_came); /* also when this was the last that was waited for */
        if (lost) continue;
        j->shown.prompt_tokens = j->a.stats.prompt_tokens;
        push(&l->ready, j);
    }
    pthread_mutex_unlock(&l->lock);
    return NULL;
}

/* Those that are ready now arrive. */
static void arrive(mn_loop *l) {
    for (mn_job *j; (j = pop(&l->ready));) {
        pthread_mutex_unlock(&l->lock);
        j->o.id = j->id;
        j->o.ids = (const int32_t *)(const void *)j->a.ids.data;
        j->o.n = j->a.stats.prompt_tokens;
        j->o.cap = j->r.max_tokens;
        const int rc = l->order->arrive(l->state, &j->o);
        if (rc < 0)
            mn_loop_finish(l, j, rc);
        else {
            j->phase = MN_JOB_WAITS;
            l->n_waiting++;
        }
        pthread_mutex_lock(&l->lock);
    }
}

/* Somebody is ready to arrive, and nobody else is to arrive with him. */
static int arrives(const mn_loop *l) {
    return l->ready.first && !(l->order->gathers && l->fresh.first && !l->closing);
}

static void *step_main(void *opaque) {
    mn_loop *l = opaque;
    for (;;) {
        pthread_mutex_lock(&l->lock);
        while (!arrives(l) && !l->slots.n && !l->n_waiting && !(l->closing && !l->n_jobs))
            pthread_cond_wait(&l->ready_came, &l->lock);
        arrive(l);
        const int ends = l->closing && !l->n_jobs;
        pthread_mutex_unlock(&l->lock);
        if (ends) return NULL;
        if (!mn_loop_turn(l)) /* all that is left to do is done by somebody else just now */
            nanosleep(&(struct timespec){.tv_nsec = LOOK_MS * 1000000}, NULL);
    }
}

int mn_loop_open(const mn_loop_options *options, mn_loop **out) {
    static const mn_loop_options none;
    *out = NULL;
    mn_loop *l = mn_calloc(1, sizeof *l);
    if (!l) return MN_FAIL(MN_ENOMEM, "no memory for a loop");
    l->o = options ? *options : none;
    if (l->o.slots <= 0 || l->o.slots > MN_SLOTS) l->o.slots = MN_SLOTS;
    if (l->o.waiting <= 0) l->o.waiting = WAITING;
    l->info.slots = l->o.slots;
    pthread_mutex_init(&l->lock, NULL);
    pthread_cond_init(&l->fresh_came, NULL);
    pthread_cond_init(&l->ready_came, NULL);
    l->order = mn_order_find(l->o.order);
    int rc = l->order
                 ? l->order->open(0, &l->state)
                 : MN_FAIL(MN_EINVAL, "there is no order \"%s\"; there are fcfs, fair and batch",
                           l->o.order);
    if (rc >= 0 && pthread_create(&l->prep, NULL, prep_main, l) == 0) l->threads++;
    if (l->threads == 1 && pthread_create(&l->step, NULL, step_main, l) == 0) l->threads++;
    if (rc >= 0 && l->threads < 2) rc = MN_FAIL(MN_ENOMEM, "no thread could be started");
    if (rc < 0) mn_loop_close(&l);
    *out = l;
    return rc;
}

int mn_loop_ready(mn_loop *l, mn_model *m) {
    return m->step_tokens || l->o.step_tokens ? 0 : mn_model_measure(m);
}

void mn_loop_close(mn_loop **pl) {
    mn_loop *l = *pl;
    *pl = NULL;
    if (!l) return;
    pthread_mutex_lock(&l->lock);
    l->closing = 1;
    for (mn_job *j = l->oldest; j; j = j->newer) atomic_store(&j->cancel, 1);
    pthread_cond_signal(&l->fresh_came);
    pthread_mutex_unlock(&l->lock);
    if (l->threads > 0) pthread_join(l->prep, NULL);
    pthread_mutex_lock(&l->lock);
    pthread_cond_signal(&l->ready_came);
    pthread_mutex_unlock(&l->lock);
    if (l->threads > 1) pthread_join(l->step, NULL);
    if (l->state) l->order->close(&l->state);
    if (l->logits) mn_free_pages(l->logits, l->logits_bytes);
    pthread_mutex_destroy(&l->lock);
    pthread_cond_destroy(&l->fresh_came);
    pthread_cond_destroy(&l->ready_came);
    mn_free(l);
}

/* ---- looking ------------------------------------------------------------------------------ */
void mn_loop_describe(mn_loop *l, mn_loop_info *out) {
    pthread_mutex_lock(&l->lock);
    *out = l->info;
    out->waiting = l->n_jobs - l->info.running;
    pthread_mutex_unlock(&l->lock);
}

int mn_loop_jobs(mn_loop *l, int (*each)(void *user, const mn_job_info *job), void *user) {
    int rc = 0;
    pthread_mutex_lock(&l->lock);
    const uint64_t now = mn_clock_ns();
    for (mn_job *j = l->oldest; j && !rc; j = j->newer) {
        mn_job_info info = j->shown;
        info.age_ms = (double)(now - j->born) * 1e-6;
        rc = each(user, &info);
    }
    pthread_mutex_unlock(&l->lock);
    return rc;
}
