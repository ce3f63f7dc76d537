/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/fastgen.c - what cutting prompts up is worth (DeepSpeed-FastGen, arXiv 2401.08671).
 *
 * The same loop twice, with the same strangers arriving at the same moments: prompts of 1,024
 * tokens (or --depth), 30 % more or less, 64 tokens of answer, Poisson arrivals at 70 % of what the
 * loop gets through. Prompt-first has no limit to its steps, so a prompt that comes is read whole,
 * at once, and who is being written waits for it; the other has the steps that engine/plan.c gives
 * it.
 *
 *   gap   p95 time between two tokens of an answer
 *   stall p99 of it: here an answer is written so quickly that the prompts that come meanwhile stop
 *         fewer than one token in twenty, and p95 does not see them
 *   rate  tokens per second when all are there at once: what the smaller steps cost
 *   kept  answers that keep what was promised: the first token within 1 s for each 512 tokens of
 *         the prompt, and then at least 4 tokens a second at any time (the paper's promise, the
 *         second as a mean that forgets half with each token)
 */
#include "bench/bench.h"
#include "bench/replay.h"

#include "api/model.h"
#include "base/error.h"
#include "base/random.h"
#include "cli/progress.h"

#include <math.h>
#include <stdio.h>

enum { ARRIVALS = 48, AT_ONCE = 24, PROMPT = 1024, TOKENS = 64, WHOLE = 1 << 20 };
static const double part = 0.7, promised_rate = 512, promised_gap = 0.25;

typedef struct bed {
    const mn_bench_options *o;
    mn_model *m;
    mn_words words;
    double rate; /* arrivals per second */
} bed;

/* n strangers of the seed; rate 0: they are there at once. */
static int invite(const bed *b, uint64_t seed, int n, double rate, mn_replay *r) {
    mn_random x;
    double due = 0;
    int rc = mn_replay_open(n, r);
    mn_random_seed(&x, seed);
    for (int i = 0; rc >= 0 && i < n; i++) {
        const int mean = b->o->depth ? b->o->depth : PROMPT,
                  length = (int)(mean * (0.7 + 0.6 * mn_random_unit(&x)));
        due += rate > 0 ? -log(1 - mn_random_unit(&x)) / rate : 0;
        rc = mn_replay_guest(r, i, due, b->m, &b->words, mn_random_u64(&x), length, TOKENS);
    }
    return rc;
}

/* They come to a loop of its own. step: of all its steps; 0: as planned. */
static int play(const bed *b, int step, mn_replay *r) {
    mn_loop *loop;
    MN_TRY(mn_loop_open(&(mn_loop_options){.step_tokens = step}, &loop));
    const int rc = mn_replay_run(r, loop, b->m);
    mn_loop_close(&loop);
    return rc;
}

/* Requests per second when all are there at once. */
static int saturate(const bed *b, int step, uint64_t seed, double *rate) {
    mn_replay r;
    int rc = invite(b, seed, AT_ONCE, 0, &r);
    if (rc >= 0) rc = play(b, step, &r);
    if (rc >= 0) *rate = AT_ONCE / mn_replay_span(&r);
    mn_replay_close(&r);
    return rc;
}

static int keeps_promise(const mn_replay *r, int i) {
    const mn_guest *g = r->guest + i;
    if (g->first - r->start - r->due[i] > r->length[i] / promised_rate) return 0;
    double mean = g->gap[0];
    for (int k = 1; k < g->tokens - 1 && mean <= promised_gap; k++) mean = (mean + g->gap[k]) / 2;
    return mean <= promised_gap;
}

static int arrive(const bed *b, int step, uint64_t seed, double *gap, double *stall, double *kept) {
    mn_replay r;
    int rc = invite(b, seed, ARRIVALS, b->rate, &r);
    if (rc >= 0) rc = play(b, step, &r);
    if (rc >= 0) rc = mn_replay_gap(&r, 0.95, gap);
    if (rc >= 0) rc = mn_replay_gap(&r, 0.99, stall);
    *kept = 0;
    for (int i = 0; rc >= 0 && i < r.n; i++) *kept += keeps_promise(&r, i);
    mn_replay_close(&r);
    return rc;
}

typedef struct rows {
    mn_bench_row gap, stall, rate, kept;
} rows;

static int round_of(const bed *b, int round, rows *w) {
    static const int step[2] = {WHOLE, 0};
    double gap[2], stall[2], rate[2], kept[2];
    const uint64_t seed = b->o->seed + (uint64_t)round;
    for (int i = 0; i < 2; i++) {
        const int k = (i + round) % 2;
        MN_TRY(arrive(b, step[k], seed, gap + k, stall + k, kept + k));
        MN_TRY(saturate(b, step[k], seed + 1000, rate + k));
    }
    if (!b->o->json)
        fprintf(stderr,
                "  round %d: gap %.1f -> %.1f ms, stall %.1f -> %.1f ms, rate %.3f -> %.3f, "
                "kept %.0f -> %.0f\n",
                round, gap[0] * 1e3, gap[1] * 1e3, stall[0] * 1e3, stall[1] * 1e3, rate[0], rate[1],
                kept[0], kept[1]);
    mn_bench_round(&w->gap, gap[0] * 1e3, gap[1] * 1e3);
    mn_bench_round(&w->stall, stall[0] * 1e3, stall[1] * 1e3);
    mn_bench_round(&w->rate, rate[0] * TOKENS, rate[1] * TOKENS);
    mn_bench_round(&w->kept, kept[0], kept[1]);
    return 0;
}

static int measure(bed *b) {
    char against[96], what[160];
    double rate;
    MN_TRY(saturate(b, 0, b->o->seed + 2000, &rate)); /* warms up, and finds the step */
    MN_TRY(saturate(b, 0, b->o->seed + 2000, &rate));
    b->rate = part * rate;
    snprintf(against, sizeof against, "prompts read whole");
    snprintf(what, sizeof what,
             "answers of %d that keep the promise, steps of up to %d tokens, %.2f arrivals/s",
             ARRIVALS, b->m->step_tokens, b->rate);
    rows w = {{.name = "gap",
               .what = "p95 time between tokens",
               .against = against,
               .unit = "ms",
               .bar = 3.7,
               .inverse = 1},
              {.name = "stall",
               .what = "p99 time between tokens",
               .against = against,
               .unit = "ms",
               .inverse = 1},
              {.name = "rate",
               .what = "tokens written when all are there at once",
               .against = against,
               .unit = "tok/s",
               .bar = 0.97},
              {.name = "kept", .what = what, .against = against, .unit = "", .bar = 2}};
    for (int i = 0; i < b->o->rounds; i++) MN_TRY(round_of(b, i, &w));
    MN_TRY(mn_bench_row_print(&w.gap, b->o->json));
    MN_TRY(mn_bench_row_print(&w.stall, b->o->json));
    MN_TRY(mn_bench_row_print(&w.rate, b->o->json));
    return mn_bench_row_print(&w.kept, b->o->json);
}

static int fastgen(const mn_bench_options *o) {
    bed b = {.o = o};
    if (!o->rounds) return MN_FAIL(MN_CLI_USAGE, "--rounds 0: nothing would be measured");
    int rc = mn_cli_model_open(o->model, (mn_model_options){.threads = o->threads}, &b.m);
    if (rc >= 0) rc = mn_words_find(b.m, &b.words);
    if (rc >= 0) rc = measure(&b);
    mn_words_free(&b.words);
    mn_model_close(&b.m);
    return rc;
}

const mn_bench mn_bench_fastgen = {
    .name = "fastgen", .run = fastgen, .about = "prompts cut up, against prompts read whole"};
