/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/batchllm.c - what planning a whole batch is worth, against taking it as it comes.
 *
 * BatchLLM (Zheng et al. 2024): 256 prompts in 16 groups, shuffled; those of a group share 1,024
 * tokens (`--depth` says others) and have 64 of their own; answers of 32 tokens. The same engine,
 * the same region, twice: in the order "batch", and in the order of arrival, where the region keeps
 * what it thinks is worth keeping. Keys and values may take a quarter of what all of them take.
 * Rows:
 *   saved      tokens of prompts that were not computed, against what the tree of prompts allows
 *   arrival    the same of the order of arrival; for people
 *   batch      tokens a second, prompts and answers, against the order of arrival
 *   roomy      the same with room for everything
 *   apart      the same for prompts that have nothing in common: what planning costs
 * Every answer must be the same in all of these, and some are computed alone, without a region and
 * without a loop; else the bench fails. A round takes minutes, so one is run unless more are asked
 * for with --rounds, and sides take turns to be first.
 */
#include "bench/crowd.h"
#include "bench/stage.h"

#include "api/model.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    GROUPS = 16,
    EACH = 16,
    N = GROUPS * EACH,
    SHARED = 1024,
    OWN = 64,
    ANSWER = 32,
    ALONE = 8,
    STEP = 256
};

typedef struct bench {
    const mn_bench_options *o;
    mn_stage stage;
    mn_words words;
    int shared;
    mn_guest *guest;  /* [N] */
    uint64_t said[N]; /* by the first run */
    int runs;
    uint64_t row; /* bytes of keys and values of a token */
} bench;

typedef struct result {
    double seconds, rate; /* tokens of prompts and answers per second */
    mn_loop_info info;
} result;

/* ---- prompts ------------------------------------------------------------------------------ */
/* Place i of the shuffle: 73 has no factor in common with 256. */
static int group_of(int i) {
    return i * 73 % N / EACH;
}

static int write_prompts(bench *b, const mn_model *m, int shared) {
    for (int i = 0; i < N; i++) {
        mn_guest *g = b->guest + i;
        const uint64_t group = shared ? (uint64_t)group_of(i) : (uint64_t)i;
        mn_buf_clear(&g->prompt);
        g->tokens = ANSWER;
        MN_TRY(mn_words_write(m, &b->words, b->o->seed * 1000 + group, b->shared, &g->prompt));
        MN_TRY(
            mn_words_write(m, &b->words, b->o->seed * 1000 + 500 + (uint64_t)i, OWN, &g->prompt));
    }
    return 0;
}

/* ---- runs --------------------------------------------------------------------------------- */
static int open_model(const bench *b, mn_region *region, mn_model **out) {
    return mn_model_open(
        b->o->model,
        &(mn_model_options){.threads = b->o->threads, .region = region, .bf16 = b->o->bf16}, out);
}

static int ask_all(bench *b, mn_loop *loop, mn_model *m, result *out) {
    mn_crowd c;
    int rc = 0;
    mn_crowd_open(&c, loop, m);
    const double start = mn_clock_seconds();
    for (int i = 0; rc >= 0 && i < N; i++) rc = mn_crowd_ask(&c, b->guest + i);
    const int waited = mn_crowd_wait(&c, b->guest, rc >= 0 ? N : 0);
    if (rc >= 0) rc = waited;
    out->seconds = mn_clock_seconds() - start;
    out->rate = N * (double)(b->shared + OWN + ANSWER) / out->seconds;
    mn_loop_describe(loop, &out->info);
    mn_crowd_close(&c);
    return rc;
}

/* The answers are those of the run before. */
static int compare(bench *b) {
    for (int i = 0; i < N; i++) {
        if (b->runs && b->said[i] != b->guest[i].said)
            return MN_FAIL(MN_ECORRUPT, "answer %d differs from that of another order", i);
        b->said[i] = b->guest[i].said;
    }
    b->runs++;
    return 0;
}

/* All of them, with so many bytes for keys and values. */
static int run(bench *b, const char *order, uint64_t memory, result *out) {
    mn_region *region = NULL;
    mn_model *m = NULL;
    mn_loop *loop = NULL;
    int rc = mn_region_open(b->stage.region, memory, -1, &region);
    if (rc >= 0) rc = open_model(b, region, &m);
    if (rc >= 0)
        rc = mn_loop_open(&(mn_loop_options){.order = order, .step_tokens = STEP, .waiting = N},
                          &loop);
    if (rc >= 0) rc = ask_all(b, loop, m, out);
    mn_loop_close(&loop);
    mn_model_close(&m);
    mn_region_close(&region);
    unlink(b->stage.region);
    if (rc >= 0) rc = compare(b);
    if (rc >= 0)
        fprintf(stderr,
                "%-5s %6.0f MB: %6.1f s, %llu tokens of prompts read, %llu not, %llu steps "
                "of %d, %llu gave way\n",
                order, (double)memory * 1e-6, out->seconds, (unsigned long long)out->info.read,
                (unsigned long long)out->info.cached, (unsigned long long)out->info.steps,
                out->info.step_tokens, (unsigned long long)out->info.preempted);
    return rc;
}

/* Some of the answers, each on its own. */
static int alone(bench *b) {
    mn_model *m = NULL;
    int rc = open_model(b, NULL, &m);
    for (int k = 0; rc >= 0 && k < ALONE; k++) {
        mn_guest *g = b->guest + k * (N / ALONE) + k;
        const uint64_t said = g->said;
        g->n = 0;
        g->said = 0;
        const mn_request r = mn_guest_request(g);
        rc = mn_answer(m, &r, &g->stats);
        if (rc >= 0 && g->said != said)
            rc = MN_FAIL(MN_ECORRUPT, "answer %d differs from what the model says alone",
                         (int)(g - b->guest));
    }
    mn_model_close(&m);
    return rc;
}

/* ---- rows --------------------------------------------------------------------------------- */
enum { SAVED, ARRIVAL, BATCH, ROOMY, APART, ROWS };

static int sides(bench *b, int round, uint64_t memory, result *fcfs, result *batch) {
    if (round % 2 == 0) MN_TRY(run(b, "batch", memory, batch));
    MN_TRY(run(b, "fcfs", memory, fcfs));
    return round % 2 ? run(b, "batch", memory, batch) : 0;
}

static int tight(bench *b, mn_bench_row *row, int round, uint64_t all) {
    result fcfs, batch;
    const double ideal = (double)(N - GROUPS) * b->shared;
    if (!mn_bench_wants(b->o, "saved") && !mn_bench_wants(b->o, "batch")) return 0;
    MN_TRY(sides(b, round, all / 4, &fcfs, &batch));
    mn_bench_round(row + SAVED, ideal, (double)batch.info.cached);
    mn_bench_round(row + ARRIVAL, ideal, (double)fcfs.info.cached);
    mn_bench_round(row + BATCH, fcfs.rate, batch.rate);
    return round ? 0 : alone(b);
}

static int roomy(bench *b, mn_bench_row *row, int round, uint64_t all) {
    result fcfs, batch;
    if (!mn_bench_wants(b->o, "roomy")) return 0;
    MN_TRY(sides(b, round, all * 2, &fcfs, &batch));
    mn_bench_round(row + ROOMY, fcfs.rate, batch.rate);
    return 0;
}

/* The same number of tokens to compute: prompts as long as what groups do not share. */
static int apart(bench *b, mn_bench_row *row, const mn_model *m, int round) {
    result fcfs, batch;
    if (!mn_bench_wants(b->o, "apart")) return 0;
    const int shared = b->shared;
    b->shared = shared / EACH;
    b->runs = 0;
    int rc = write_prompts(b, m, 0);
    if (rc >= 0)
        rc = sides(b, round, N * (uint64_t)(b->shared + OWN + ANSWER + 64) * b->row, &fcfs, &batch);
    if (rc >= 0) mn_bench_round(row + APART, fcfs.seconds, batch.seconds);
    b->shared = shared;
    b->runs = 0;
    return rc >= 0 ? write_prompts(b, m, 1) : rc;
}

static int rounds(bench *b, const mn_model *m, int n) {
    const uint64_t all =
        ((uint64_t)GROUPS * (uint64_t)b->shared + (uint64_t)N * (OWN + ANSWER)) * b->row;
    mn_bench_row row[ROWS] = {
        {"saved", "tokens of prompts not computed, a quarter of the memory", "the tree's", "tokens",
         .bar = 0.97},
        {"arrival", "the same in order of arrival", "the tree's", "tokens"},
        {"batch", "256 answers, a quarter of the memory", "order of arrival", "tok/s", .bar = 2},
        {"roomy", "256 answers, room for all", "order of arrival", "tok/s", .bar = 1.1},
        {"apart", "256 answers that share nothing", "order of arrival", "s", .bar = 1.02,
         .at_most = 1}};
    for (int round = 0; round < n; round++) {
        MN_TRY(tight(b, row, round, all));
        MN_TRY(roomy(b, row, round, all));
        MN_TRY(apart(b, row, m, round));
    }
    for (int i = 0; i < ROWS; i++)
        if (row[i].n) MN_TRY(mn_bench_row_print(row + i, b->o->json));
    return 0;
}

static int bench_run(const mn_bench_options *o) {
    bench b = {.o = o, .shared = o->depth ? o->depth : SHARED};
    mn_model *m = NULL;
    int rc = mn_stage_begin(&b.stage);
    b.guest = mn_calloc(N, sizeof *b.guest);
    if (rc >= 0 && !b.guest) rc = MN_FAIL(MN_ENOMEM, "no memory for %d answers", N);
    if (rc >= 0) rc = open_model(&b, NULL, &m);
    if (rc >= 0) rc = mn_words_find(m, &b.words);
    if (rc >= 0) rc = write_prompts(&b, m, 1);
    if (rc >= 0) {
        mn_kv_layout l;
        mn_engine_layout(m->engine, MN_KV_F16, &l);
        b.row =
            (uint64_t)l.layers * 2 * (uint64_t)l.heads * mn_kv_plane_bytes(l.format, 16, l.d) / 16;
        rc = rounds(&b, m, o->rounds);
    }
    for (int i = 0; b.guest && i < N; i++) mn_buf_free(&b.guest[i].prompt);
    mn_free(b.guest);
    mn_words_free(&b.words);
    mn_model_close(&m);
    mn_stage_end(&b.stage);
    return rc;
}

const mn_bench mn_bench_batchllm = {"batchllm", "a batch that is planned", bench_run};
