/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/replay.c - guests asked at their moment, by the thread that calls.
 */
#include "bench/replay.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"

#include <time.h>

int mn_replay_open(int n, mn_replay *r) {
    *r = (mn_replay){.guest = mn_calloc((size_t)n, sizeof *r->guest),
                     .due = mn_calloc((size_t)n, sizeof *r->due),
                     .length = mn_calloc((size_t)n, sizeof *r->length),
                     .n = n};
    return r->guest && r->due && r->length ? 0 : MN_FAIL(MN_ENOMEM, "no memory for %d requests", n);
}

void mn_replay_close(mn_replay *r) {
    for (int i = 0; r->guest && i < r->n; i++) {
        mn_buf_free(&r->guest[i].prompt);
        mn_free(r->guest[i].gap);
    }
    mn_free(r->guest);
    mn_free(r->due);
    mn_free(r->length);
    *r = (mn_replay){0};
}

int mn_replay_guest(mn_replay *r, int i, double due, const mn_model *m, const mn_words *w,
                    uint64_t seed, int length, int tokens) {
    mn_guest *g = r->guest + i;
    r->due[i] = due;
    r->length[i] = length;
    g->tokens = tokens;
    g->gap = mn_malloc((size_t)tokens * sizeof(double));
    if (!g->gap) return MN_FAIL(MN_ENOMEM, "no memory for a request");
    return mn_words_write(m, w, seed, length, &g->prompt);
}

static void wait_until(double moment) {
    const double wait = moment - mn_clock_seconds();
    if (wait <= 0) return;
    const time_t whole = (time_t)wait;
    nanosleep(&(struct timespec){whole, (long)((wait - (double)whole) * 1e9)}, NULL);
}

int mn_replay_run(mn_replay *r, mn_loop *loop, mn_model *model) {
    mn_crowd c;
    int asked = 0, rc = 0;
    mn_crowd_open(&c, loop, model);
    r->start = mn_clock_seconds();
    while (rc >= 0 && asked < r->n) {
        wait_until(r->start + r->due[asked]);
        rc = mn_crowd_ask(&c, r->guest + asked);
        asked += rc >= 0;
    }
    const int ended = mn_crowd_wait(&c, r->guest, asked);
    mn_crowd_close(&c);
    return rc < 0 ? rc : ended;
}

int mn_replay_gap(const mn_replay *r, double share, double *out) {
    mn_buf all = {0};
    int rc = 0, n = 0;
    for (int i = 0; rc >= 0 && i < r->n; i++, n += r->guest[i - 1].tokens - 1)
        rc =
            mn_buf_append(&all, r->guest[i].gap, (size_t)(r->guest[i].tokens - 1) * sizeof(double));
    if (rc >= 0) *out = mn_crowd_quantile((double *)(void *)all.data, n, share);
    mn_buf_free(&all);
    return rc;
}

double mn_replay_span(const mn_replay *r) {
    double last = r->start;
    for (int i = 0; i < r->n; i++)
        if (r->guest[i].ended > last) last = r->guest[i].ended;
    return last - r->start;
}
