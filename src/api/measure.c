/* SPDX-License-Identifier: Apache-2.0
 *
 * api/measure.c - how many tokens a step should have, found by making two kinds of them.
 *
 * A step of few tokens reads all weights for little; from some number on twice the tokens take
 * twice the time (engine/plan.h). Both kinds are made a few times over a sequence of this process
 * alone, the fastest one counts, so the whole costs about as much as reading 250 tokens.
 */
#include "api/loop.h"

#include "base/clock.h"
#include "base/error.h"

enum { FEW = 4, MANY = 64, FEW_TIMES = 6, MANY_TIMES = 3 };

static int timed(mn_model *m, mn_seq *s, int n, int times, double *best) {
    int32_t ids[MANY];
    for (int i = 0; i < n; i++) ids[i] = i % m->net->V;
    const mn_part part = {.seq = s, .ids = ids, .n = n};
    for (int i = 0; i < times; i++) {
        const double start = mn_clock_seconds();
        MN_TRY(mn_model_step(m, &part, 1, NULL, NULL));
        const double took = mn_clock_seconds() - start;
        if (!i || took < *best) *best = took;
        MN_TRY(mn_seq_trim(s, 0));
    }
    return 0;
}

int mn_model_measure(mn_model *m, int wanted) {
    const int most = MN_FORWARD_ROWS;
    m->pass_tokens = wanted > 0 && wanted < most ? wanted : most;
    m->step_tokens = wanted < most ? wanted : most;
    if (wanted > 0) return 0;
    mn_kv_layout layout;
    mn_seq *s;
    double few = 0, many = 0;
    mn_engine_layout(m->engine, MN_KV_F16, &layout);
    MN_TRY(mn_seq_open(&layout, NULL, MANY, &s));
    int rc = timed(m, s, FEW, FEW_TIMES, &few);
    if (rc >= 0) rc = timed(m, s, MANY, MANY_TIMES, &many);
    mn_seq_close(&s);
    if (rc >= 0) m->step_tokens = mn_plan_knee(FEW, few, MANY, many, most);
    return rc;
}
