/* SPDX-License-Identifier: Apache-2.0
 *
 * api/measure.c - how many tokens a step should have, found by making two kinds of them.
 *
 * A step of few tokens reads all weights for little; from some number on twice the tokens take
 * twice the time (engine/plan.h). Each kind is made a few times over a sequence of this process
 * alone, the fastest one counts, so the whole costs about as much as reading 250 tokens.
 */
#include "api/loop.h"

#include "base/clock.h"
#include "base/error.h"

enum { MANY = 64 };
static const int times[MN_PLAN_SIZES] = {6, 4, 3};

static int timed(mn_model *m, mn_seq *s, int n, int tries, double *best) {
    int32_t ids[MANY];
    for (int i = 0; i < n; i++) ids[i] = i % m->net->V;
    const mn_part part = {.seq = s, .ids = ids, .n = n};
    for (int i = 0; i < tries; i++) {
        const double start = mn_clock_seconds();
        MN_TRY(mn_model_step(m, &part, 1, NULL, NULL));
        const double took = mn_clock_seconds() - start;
        if (!i || took < *best) *best = took;
        MN_TRY(mn_seq_trim(s, 0));
    }
    return 0;
}

int mn_model_measure(mn_model *m) {
    mn_kv_layout layout;
    mn_seq *s;
    int rc = 0;
    mn_engine_layout(m->engine, MN_KV_F16, &layout);
    MN_TRY(mn_seq_open(&layout, NULL, MANY, &s));
    for (int i = 0; i < MN_PLAN_SIZES && rc >= 0; i++)
        rc = timed(m, s, mn_plan_size[i], times[i], &m->pace.seconds[i]);
    mn_seq_close(&s);
    m->slower = 1;
    if (rc >= 0) m->step_tokens = mn_plan_knee(&m->pace, MN_FORWARD_ROWS);
    return rc;
}
