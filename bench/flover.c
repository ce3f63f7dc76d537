/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/flover.c - one loop that whoever comes joins and leaves at any step (Flover, arXiv
 * 2305.13484), against batches and against processes.
 *
 * 32 requests arrive at random moments, with short prompts and answers of 8 to 512 tokens
 * (or --depth).
 *
 *   response  mean time from arrival to the end of the answer, against batches: who waits when the
 *             last batch has ended goes together, eight at most, and all are told when the longest
 *             is done (a batch has one shape: the short ones are computed to its end, too)
 *   makespan  from the first arrival to the end of the last answer, against batches
 *   processes makespan, against a process of this program for each request, started as it arrives
 *   reorder   what moving slots up and sorting them costs, of a mean step of the loop
 *
 * The bars are held at a mean of 0.1 s between arrivals; the same at other means is printed without
 * them, so that everybody sees where the ratios come from.
 */
#include "bench/replay.h"
#include "bench/stage.h"

#include "api/model.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/random.h"
#include "cli/progress.h"
#include "engine/slots.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GUESTS = 32, BATCH = 8, SHORTEST = 8, LONGEST = 512, PROMPT = 24 };
static const double intervals[] = {0.1, 0.025, 0.4, 1.6}; /* the first has the bars */

typedef struct bed {
    const mn_bench_options *o;
    mn_model *m;
    mn_words words;
    mn_stage stage;
    double step_ns; /* mean step of the loop */
} bed;

typedef struct outcome {
    double response, makespan; /* seconds */
} outcome;

typedef struct shape { /* of a request, drawn from the seed of the round */
    double due;
    int tokens;
    uint64_t seed;
} shape;

static void draw(uint64_t seed, double interval, int longest, shape *out) {
    mn_random x;
    double due = 0;
    mn_random_seed(&x, seed);
    for (int i = 0; i < GUESTS; i++) {
        const int n = SHORTEST + (int)(mn_random_u64(&x) % (uint64_t)(longest - SHORTEST + 1));
        out[i] = (shape){due, n, mn_random_u64(&x)};
        due += -log(1 - mn_random_unit(&x)) * interval;
    }
}

/* ---- the loop ----------------------------------------------------------------------------- */
static int join(bed *b, const shape *all, outcome *out) {
    mn_loop *loop;
    mn_loop_info info;
    mn_replay r;
    int rc = mn_replay_open(GUESTS, &r);
    for (int i = 0; rc >= 0 && i < GUESTS; i++)
        rc =
            mn_replay_guest(&r, i, all[i].due, b->m, &b->words, all[i].seed, PROMPT, all[i].tokens);
    if (rc >= 0) rc = mn_loop_open(NULL, &loop);
    if (rc >= 0) {
        rc = mn_replay_run(&r, loop, b->m);
        mn_loop_describe(loop, &info);
        mn_loop_close(&loop);
        *out = (outcome){0, mn_replay_span(&r)};
        for (int i = 0; i < GUESTS; i++)
            out->response += (r.guest[i].ended - r.start - r.due[i]) / GUESTS;
        if (info.steps) b->step_ns = (double)info.busy_us * 1e3 / (double)info.steps;
    }
    mn_replay_close(&r);
    return rc;
}

/* ---- batches ------------------------------------------------------------------------------ */
/* n of them as one batch: all are as long as the longest. */
static int one_batch(bed *b, const shape *s, int n, mn_loop *loop) {
    mn_replay r;
    int longest = 0, rc = mn_replay_open(n, &r);
    for (int i = 0; i < n; i++)
        if (s[i].tokens > longest) longest = s[i].tokens;
    for (int i = 0; rc >= 0 && i < n; i++)
        rc = mn_replay_guest(&r, i, 0, b->m, &b->words, s[i].seed, PROMPT, longest);
    if (rc >= 0) rc = mn_replay_run(&r, loop, b->m);
    mn_replay_close(&r);
    return rc;
}

static int batches(bed *b, const shape *all, outcome *out) {
    mn_loop *loop;
    int rc = mn_loop_open(NULL, &loop);
    const double start = mn_clock_seconds();
    double now = 0;
    *out = (outcome){0};
    for (int at = 0, to; rc >= 0 && at < GUESTS; at = to) {
        while ((now = mn_clock_seconds() - start) < all[at].due)
            nanosleep(&(struct timespec){0, 1000000}, NULL);
        for (to = at + 1; to < GUESTS && to < at + BATCH && all[to].due <= now;) to++;
        rc = one_batch(b, all + at, to - at, loop);
        now = mn_clock_seconds() - start;
        for (int i = at; i < to; i++) out->response += (now - all[i].due) / GUESTS;
    }
    out->makespan = now;
    mn_loop_close(&loop);
    return rc;
}

/* ---- processes ---------------------------------------------------------------------------- */
/* What such a process does: `omnesia bench flover --row one -n TOKENS --seed S`. */
static int one_process(const mn_bench_options *o) {
    bed b = {.o = o};
    mn_buf text = {0};
    mn_request q = mn_request_default();
    int rc = mn_cli_model_open(o->model, (mn_model_options){.threads = o->threads}, &b.m);
    if (rc >= 0) rc = mn_words_find(b.m, &b.words);
    if (rc >= 0) rc = mn_words_write(b.m, &b.words, o->seed, PROMPT, &text);
    q.prompt = text.data;
    q.raw = q.ignore_eos = 1;
    q.temp = 0;
    q.max_tokens = o->gen;
    q.context = 2 * PROMPT + o->gen + 8;
    if (rc >= 0) rc = mn_answer(b.m, &q, NULL);
    mn_buf_free(&text);
    mn_words_free(&b.words);
    mn_model_close(&b.m);
    return rc;
}

static int processes(const bed *b, const shape *all, outcome *out) {
    mn_actor a[GUESTS] = {{0}};
    char threads[16], n[16], s[32];
    const double start = mn_clock_seconds();
    int rc = 0;
    snprintf(threads, sizeof threads, "%d", b->o->threads);
    for (int i = 0; rc >= 0 && i < GUESTS; i++) {
        snprintf(n, sizeof n, "%d", all[i].tokens);
        snprintf(s, sizeof s, "%llu", (unsigned long long)all[i].seed);
        const char *const words[] = {"bench", "flover", "--row", "one", "-m",    b->o->model, "-n",
                                     n,       "--seed", s,       "-t",  threads, NULL};
        while (mn_clock_seconds() - start < all[i].due)
            nanosleep(&(struct timespec){0, 1000000}, NULL);
        rc = mn_actor_start(&b->stage, words, a + i);
    }
    for (int i = 0; rc >= 0 && i < GUESTS; i++) rc = mn_actor_end(a + i, NULL);
    out->makespan = mn_clock_seconds() - start;
    for (int i = 0; i < GUESTS; i++) mn_actor_kill(a + i);
    return rc;
}

/* ---- slots -------------------------------------------------------------------------------- */
/* Nanoseconds to sort 64 slots and to let the first of them leave. */
static double reorder_ns(void) {
    enum { TURNS = 20000 };
    mn_slots s = {.n = 0};
    uint64_t key[MN_SLOTS];
    int order[MN_SLOTS];
    static char who[MN_SLOTS];
    for (int i = 0; i < MN_SLOTS; i++) mn_slots_join(&s, who + i), key[i] = (uint64_t)(i % 7);
    const uint64_t start = mn_clock_ns();
    for (int i = 0; i < TURNS; i++) {
        void *first = s.slot[0];
        mn_slots_leave(&s, first);
        mn_slots_join(&s, first);
        key[i % MN_SLOTS] = (uint64_t)(i % 7);
        mn_slots_group(key, MN_SLOTS, order);
    }
    return (double)(mn_clock_ns() - start) / TURNS;
}

/* ---- the bench ---------------------------------------------------------------------------- */
typedef struct rows {
    mn_bench_row response, makespan, processes;
} rows;

static int round_of(bed *b, int round, double interval, rows *w) {
    shape all[GUESTS];
    outcome loop, batch, process = {0};
    draw(b->o->seed + (uint64_t)round, interval, b->o->depth > SHORTEST ? b->o->depth : LONGEST,
         all);
    MN_TRY(join(b, all, &loop));
    MN_TRY(batches(b, all, &batch));
    MN_TRY(processes(b, all, &process));
    mn_bench_round(&w->response, batch.response, loop.response);
    mn_bench_round(&w->makespan, batch.makespan, loop.makespan);
    mn_bench_round(&w->processes, process.makespan, loop.makespan);
    return 0;
}

static int sweep(bed *b, double interval, int with_bars) {
    char what[3][96];
    static const char *const of[3] = {"mean time to the whole answer", "all answered",
                                      "all answered, with processes"};
    for (int i = 0; i < 3; i++)
        snprintf(what[i], sizeof what[i], "%s, %.3g s between arrivals", of[i], interval);
    rows w = {{.name = "response", .what = what[0], .against = "batches of 8", .bar = 3},
              {.name = "makespan", .what = what[1], .against = "batches of 8", .bar = 1.4},
              {.name = "process", .what = what[2], .against = "one each", .bar = 2.5}};
    mn_bench_row *const row[3] = {&w.response, &w.makespan, &w.processes};
    for (int i = 0; i < 3; i++) {
        row[i]->unit = "s";
        row[i]->inverse = 1;
        if (!with_bars) row[i]->bar = 0;
    }
    for (int i = 0; i < (with_bars ? b->o->rounds : 1); i++) MN_TRY(round_of(b, i, interval, &w));
    for (int i = 0; i < 3; i++) MN_TRY(mn_bench_row_print(row[i], b->o->json));
    return 0;
}

static int reorder(const bed *b) {
    mn_bench_row r = {.name = "reorder",
                      .what = "64 slots sorted, one leaves and one joins",
                      .against = "a mean step of the loop",
                      .unit = "ns",
                      .bar = 0.001,
                      .at_most = 1};
    for (int i = 0; i < b->o->rounds; i++) mn_bench_round(&r, b->step_ns, reorder_ns());
    return mn_bench_row_print(&r, b->o->json);
}

static int flover(const mn_bench_options *o) {
    bed b = {.o = o};
    if (o->row && strcmp(o->row, "one") == 0) return one_process(o);
    if (!o->rounds) return MN_FAIL(MN_CLI_USAGE, "--rounds 0: nothing would be measured");
    MN_TRY(mn_stage_begin(&b.stage)); /* before threads are started */
    int rc = mn_cli_model_open(o->model, (mn_model_options){.threads = o->threads}, &b.m);
    if (rc >= 0) rc = mn_words_find(b.m, &b.words);
    for (size_t i = 0; rc >= 0 && i < sizeof intervals / sizeof *intervals; i++)
        if (mn_bench_wants(o, i ? "sweep" : "bars")) rc = sweep(&b, intervals[i], !i);
    if (rc >= 0 && b.step_ns > 0) rc = reorder(&b);
    mn_words_free(&b.words);
    mn_model_close(&b.m);
    mn_stage_end(&b.stage);
    return rc;
}

const mn_bench mn_bench_flover = {
    .name = "flover", .run = flover, .about = "one loop, against batches and processes"};
