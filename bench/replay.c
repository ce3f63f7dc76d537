/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/replay.c - guests asked at their moment by one thread, told by the threads of the loop.
 */
#include "bench/replay.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"
#include "bench/load.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

int mn_replay_open(int n, mn_replay *r) {
    *r = (mn_replay){.guest = mn_calloc((size_t)n, sizeof *r->guest), .n = n};
    pthread_mutex_init(&r->lock, NULL);
    pthread_cond_init(&r->all, NULL);
    return r->guest ? 0 : MN_FAIL(MN_ENOMEM, "no memory for %d requests", n);
}

void mn_replay_close(mn_replay *r) {
    if (!r->n) return;
    for (int i = 0; r->guest && i < r->n; i++) {
        mn_free(r->guest[i].prompt);
        mn_free(r->guest[i].at);
    }
    mn_free(r->guest);
    pthread_mutex_destroy(&r->lock);
    pthread_cond_destroy(&r->all);
    *r = (mn_replay){0};
}

int mn_replay_guest(mn_replay *r, int i, double due, const char *prompt, int prompt_tokens,
                    int tokens) {
    mn_guest *g = r->guest + i;
    mn_free(g->prompt);
    mn_free(g->at);
    *g = (mn_guest){.due = due,
                    .prompt = mn_strdup(prompt),
                    .prompt_tokens = prompt_tokens,
                    .tokens = tokens,
                    .at = mn_malloc((size_t)tokens * sizeof(double)),
                    .of = r};
    return g->prompt && g->at ? 0 : MN_FAIL(MN_ENOMEM, "no memory for a request");
}

static double now(const mn_replay *r) {
    return (double)(mn_clock_ns() - r->start) * 1e-9;
}

/* ---- told by the loop --------------------------------------------------------------------- */
static int came(void *user, const mn_token *token) {
    mn_guest *g = user;
    (void)token;
    if (g->n < g->tokens) g->at[g->n++] = now(g->of);
    return 0;
}

static void done(void *user, int rc, const mn_stats *stats) {
    mn_guest *g = user;
    mn_replay *r = g->of;
    (void)stats;
    pthread_mutex_lock(&r->lock);
    g->end = now(r);
    g->rc = rc;
    if (!--r->left) pthread_cond_signal(&r->all);
    pthread_mutex_unlock(&r->lock);
}

/* ---- asking ------------------------------------------------------------------------------- */
static int ask(mn_guest *g, mn_loop *loop, mn_model *model) {
    mn_request q = mn_request_default();
    mn_job *job = NULL;
    q.prompt = g->prompt;
    q.raw = 1;
    q.temp = 0;
    q.max_tokens = g->tokens;
    q.context = g->prompt_tokens + g->tokens + 8;
    q.ignore_eos = 1;
    q.on_token = came;
    q.user = g;
    g->n = 0;
    const double wait = g->due - now(g->of);
    if (wait > 0)
        nanosleep(&(struct timespec){(time_t)wait, (long)((wait - (double)(time_t)wait) * 1e9)},
                  NULL);
    const int rc = mn_loop_ask(loop, model, &q, done, &job);
    mn_job_release(&job);
    return rc;
}

int mn_replay_run(mn_replay *r, int from, int to, mn_loop *loop, mn_model *model) {
    int rc = 0, asked = from;
    r->left = to - from;
    r->start = mn_clock_ns();
    while (asked < to && (rc = ask(r->guest + asked, loop, model)) >= 0) asked++;
    pthread_mutex_lock(&r->lock);
    r->left -= to - asked; /* who was not asked will not be told */
    while (r->left) pthread_cond_wait(&r->all, &r->lock);
    pthread_mutex_unlock(&r->lock);
    for (int i = from; i < asked && rc >= 0; i++)
        if (r->guest[i].rc < 0 || r->guest[i].n != r->guest[i].tokens)
            rc = MN_FAIL(MN_EIO, "request %d ended with %d and %d of %d tokens", i, r->guest[i].rc,
                         r->guest[i].n, r->guest[i].tokens);
    return rc;
}

/* ---- what it amounts to ------------------------------------------------------------------- */
int mn_replay_gap(const mn_replay *r, double *p95) {
    mn_buf gaps = {0};
    int rc = 0, n = 0;
    for (int i = 0; i < r->n; i++)
        for (int k = 1; rc >= 0 && k < r->guest[i].n; k++, n++)
            rc = mn_buf_append(&gaps, &(double){r->guest[i].at[k] - r->guest[i].at[k - 1]},
                               sizeof(double));
    if (rc >= 0) *p95 = mn_load_share((double *)(void *)gaps.data, n, 0.95);
    mn_buf_free(&gaps);
    return rc;
}

double mn_replay_span(const mn_replay *r) {
    double last = 0;
    for (int i = 0; i < r->n; i++)
        if (r->guest[i].end > last) last = r->guest[i].end;
    return last;
}
