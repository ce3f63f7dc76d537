/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/vattention.c - what keys and values in one piece are worth, against the same in blocks.
 *
 * vAttention (Prabhu et al. 2024) keeps the cache of a sequence contiguous in address space and
 * lets the page table be the only block table. Here the same sums are taken over planes of a
 * region and over a pool of 16-token blocks in shuffled order, in alternating rounds; outputs must
 * be equal bit for bit, or the bench fails. Rows:
 *   kernel      one query over `depth` tokens (8192 unless said), all layers in turn, so that keys
 *               and values come from memory as they do in a real step; the paged side uses the same
 *               kernel unchanged, over copies or block by block, whichever is faster
 *   kernel-own  the paged side has a kernel of its own, written to follow the table
 *   step        a whole decode step of 8 sequences, through the engine here, through the same
 *               forward pass there; ours pays for the pages it grows into, the pool's are there
 *   waste, start and what follows it: bench/start.c
 * The pool lies on pages of 4 KiB or of 2 MiB, whichever is faster.
 */
#include "bench/rig.h"
#include "bench/start.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/random.h"
#include "cli/progress.h"

#include <stdio.h>
#include <string.h>

enum { FORMS = 4, HOMES = 2, DEPTH = 8192, STEPS = 8, BATCH = MN_RIG_SEQS };

typedef struct bench {
    const mn_bench_options *o;
    mn_model *m;
    mn_stage stage;
    mn_region *region;
} bench;

static int depth_of(const bench *b) {
    return b->o->depth ? b->o->depth : DEPTH;
}

/* ---- figures ------------------------------------------------------------------------------ */
static const char *const homes[HOMES] = {"4 KiB pages", "2 MiB pages"};

typedef struct times { /* seconds of each form in each round, by pages of the pool */
    double of[HOMES][FORMS][MN_BENCH_ROUNDS];
} times;

/* One row: the contiguous form against the fastest of forms first..last, `work` units each. */
static int against(const bench *b, const times *t, double work, int first, int last,
                   mn_bench_row row) {
    const int n = b->o->rounds;
    int home = 0, form = first;
    for (int i = 0; i < HOMES * FORMS; i++) {
        const int h = i / FORMS, f = i % FORMS;
        if (f < first || f > last) continue;
        if (mn_bench_median(t->of[h][f], n) < mn_bench_median(t->of[home][form], n))
            home = h, form = f;
    }
    char name[96];
    snprintf(name, sizeof name, "%s, %s", mn_rig_forms[form].name, homes[home]);
    row.against = name;
    for (int i = 0; i < n; i++)
        mn_bench_round(&row, work / t->of[home][form][i], work / t->of[home][0][i]);
    return mn_bench_row_print(&row, b->o->json);
}

/* All forms for people, then the two rows: the kernel as it is, and one that follows the table. */
static int both(const bench *b, const times *t, double work, mn_bench_row row, const char *own) {
    for (int i = 0; i < HOMES * FORMS; i++) {
        const int h = i / FORMS, f = i % FORMS;
        const double s = mn_bench_median(t->of[h][f], b->o->rounds);
        fprintf(stderr, "  %-34s %-11s %7.2f ms, %6.1f %s\n", mn_rig_forms[f].name,
                f ? homes[h] : "the region", s * 1e3, work / s, row.unit);
    }
    MN_TRY(against(b, t, work, 2, FORMS - 1, row));
    row.name = own;
    return against(b, t, work, 1, 1, row);
}

/* ---- the kernel --------------------------------------------------------------------------- */
typedef struct kernel_run {
    float *q, *out, *right; /* [n, H d]; right: of the contiguous form, [layers] of them */
    size_t floats;
    times t;
} kernel_run;

/* All layers once; the outputs must be `right`. */
static int over_layers(mn_rig *g, int form, kernel_run *k, int first) {
    for (int l = 0; l < g->layout.layers; l++) {
        float *right = k->right + (size_t)l * k->floats;
        mn_rig_attend(g, mn_rig_forms + form, l, g->length, k->q, first ? right : k->out);
        if (!first && memcmp(k->out, right, k->floats * sizeof(float)))
            return MN_FAIL(MN_ECORRUPT,
                           "%s does not give the bits of the contiguous form in layer "
                           "%d",
                           mn_rig_forms[form].name, l);
    }
    return 0;
}

static int time_forms(const bench *b, mn_rig *g, int home, kernel_run *k) {
    if (!home) MN_TRY(over_layers(g, 0, k, 1));
    for (int round = 0; round < b->o->rounds; round++)
        for (int i = 0; i < FORMS; i++) {
            const int form = round % 2 ? FORMS - 1 - i : i;
            MN_TRY(over_layers(g, form, k, 0)); /* warm, and compared */
            const double start = mn_clock_seconds();
            for (int s = 0; s < STEPS; s++)
                for (int l = 0; l < g->layout.layers; l++)
                    mn_rig_attend(g, mn_rig_forms + form, l, g->length, k->q, k->out);
            k->t.of[home][form][round] = (mn_clock_seconds() - start) / STEPS;
        }
    return 0;
}

static int say(const bench *b, const mn_rig *g, const kernel_run *k) {
    const double bytes = (double)g->length * g->layout.layers * 2 * g->layout.heads *
                         (double)g->block_bytes / MN_PAGED_ROWS;
    const mn_bench_row row = {
        .name = "kernel", .what = "decode attention, all layers", .unit = "GB/s", .bar = 1.5};
    return both(b, &k->t, bytes * 1e-9, row, "kernel-own");
}

static int kernel(bench *b) {
    kernel_run *k = mn_calloc(1, sizeof *k);
    if (!k) return MN_FAIL(MN_ENOMEM, "no memory for the rounds");
    mn_rig g = {0};
    const int depth = depth_of(b);
    int rc = 0;
    for (int home = 0; rc >= 0 && home < HOMES; home++) {
        rc = mn_rig_open(b->m, b->region, 1, depth, depth, home, &g);
        k->floats = mn_exec_width(b->m->net->H * b->m->net->d);
        if (rc >= 0 && !home) {
            const size_t all = k->floats * (size_t)(g.layout.layers + 2);
            k->q = mn_calloc(all, sizeof *k->q);
            if (!k->q) rc = MN_FAIL(MN_ENOMEM, "no memory for the outputs");
            k->out = k->q + k->floats;
            k->right = k->out + k->floats;
            mn_random r;
            mn_random_seed(&r, b->o->seed);
            for (size_t i = 0; rc >= 0 && i < k->floats; i++)
                k->q[i] = (float)mn_random_unit(&r) * 2 - 1;
        }
        if (rc >= 0) rc = time_forms(b, &g, home, k);
        if (rc >= 0 && home) rc = say(b, &g, k);
        mn_rig_close(&g);
        mn_region_clear(b->region);
    }
    mn_free(k->q);
    mn_free(k);
    return rc;
}

/* ---- the whole step ----------------------------------------------------------------------- */
typedef struct step_run {
    mn_rig g;
    mn_forward *forward; /* of the paged side */
    const mn_rig_form *form;
    int length;           /* tokens before the step */
    float *logits[FORMS]; /* [STEPS][n, V] of one round */
    times t;
} step_run;

static int paged_attend(void *ctx, int layer, const float *q, const float *k, const float *v,
                        float *out) {
    step_run *s = ctx;
    mn_rig_store(&s->g, layer, s->length, k, v);
    mn_rig_attend(&s->g, s->form, layer, s->length + 1, q, out);
    return 0;
}

/* Token i of the round, which follows `at` tokens, of all sequences. */
static int one_step(const bench *b, step_run *s, int form, int at, int i) {
    mn_rig *g = &s->g;
    const size_t V = (size_t)b->m->net->V;
    float *logits = s->logits[form] + (size_t)i * (size_t)g->n * V;
    int32_t ids[BATCH];
    int positions[BATCH], contexts[BATCH], rows[BATCH];
    mn_part part[BATCH];
    for (int x = 0; x < g->n; x++) {
        ids[x] = (at + i * 7 + x * 101) % b->m->net->V;
        positions[x] = at + i;
        contexts[x] = g->context;
        rows[x] = x;
        part[x] = (mn_part){g->seq[x], ids + x, 1, logits + (size_t)x * V, 1};
    }
    if (!form) return mn_engine_step(b->m->engine, part, g->n, NULL, NULL);
    s->length = at + i;
    s->form = mn_rig_forms + form;
    return mn_forward_run(s->forward, ids, positions, contexts, g->n, paged_attend, s, rows, g->n,
                          logits);
}

static int step_round(const bench *b, step_run *s, int home, int round) {
    const int at = s->g.length + (round + 1) * STEPS; /* round -1 warms up */
    const size_t bytes = (size_t)(STEPS * s->g.n) * (size_t)b->m->net->V * sizeof(float);
    for (int k = 0; k < FORMS; k++) {
        const int form = round & 1 ? FORMS - 1 - k : k;
        const double start = mn_clock_seconds();
        for (int i = 0; i < STEPS; i++) MN_TRY(one_step(b, s, form, at, i));
        if (round >= 0) s->t.of[home][form][round] = (mn_clock_seconds() - start) / STEPS;
    }
    for (int form = 1; form < FORMS; form++)
        if (memcmp(s->logits[0], s->logits[form], bytes))
            return MN_FAIL(MN_ECORRUPT, "%s does not give the logits of the contiguous form",
                           mn_rig_forms[form].name);
    return 0;
}

static int step_rounds(bench *b, step_run *s, void **logits, size_t bytes) {
    const int depth = depth_of(b), context = depth + (b->o->rounds + 1) * STEPS;
    int rc = mn_alloc_pages(bytes * FORMS, "logits", logits);
    if (rc >= 0) rc = mn_forward_open(b->m->net, &b->m->exec, &s->forward);
    for (int f = 0; f < FORMS && rc >= 0; f++)
        s->logits[f] = (float *)(void *)((uint8_t *)*logits + bytes * (size_t)f);
    for (int home = 0; rc >= 0 && home < HOMES; home++) {
        rc = mn_rig_open(b->m, b->region, BATCH, depth, context, home, &s->g);
        for (int i = -1; rc >= 0 && i < b->o->rounds; i++) rc = step_round(b, s, home, i);
        mn_rig_close(&s->g);
        mn_region_clear(b->region);
    }
    return rc;
}

static int step(bench *b) {
    step_run *s = mn_calloc(1, sizeof *s);
    if (!s) return MN_FAIL(MN_ENOMEM, "no memory for the rounds");
    void *logits = NULL;
    const size_t bytes = (size_t)(STEPS * BATCH) * (size_t)b->m->net->V * sizeof(float);
    int rc = step_rounds(b, s, &logits, bytes);
    const mn_bench_row row = {
        .name = "step", .what = "decode step of 8 sequences", .unit = "tok/s", .bar = 1.3};
    if (rc >= 0) rc = both(b, &s->t, BATCH, row, "step-own");
    if (logits) mn_free_pages(logits, bytes * FORMS);
    mn_forward_close(&s->forward);
    mn_free(s);
    return rc;
}

/* ---- the whole ---------------------------------------------------------------------------- */
static int rows(bench *b) {
    const mn_bench_options *o = b->o;
    if (mn_bench_wants(o, "kernel")) MN_TRY(kernel(b));
    if (mn_bench_wants(o, "step")) MN_TRY(step(b));
    if (mn_bench_wants(o, "waste")) MN_TRY(mn_bench_waste(o, b->region, b->m));
    if (!mn_bench_wants(o, "start")) return 0;
    const int most = b->m->net->context - 64, depth = depth_of(b);
    return mn_bench_starts(o, &b->stage, b->m, depth < most ? depth : most);
}

static int vattention(const mn_bench_options *o) {
    bench b = {.o = o};
    if (o->rounds < 1) return MN_FAIL(MN_CLI_USAGE, "--rounds 0: nothing would be measured");
    MN_TRY(mn_stage_begin(&b.stage));
    int rc = mn_region_open(b.stage.region, (uint64_t)8 << 30, -1, &b.region);
    if (rc >= 0)
        rc = mn_cli_model_open(o->model,
                               (mn_model_options){.threads = o->threads, .region = b.region}, &b.m);
    if (rc >= 0) rc = rows(&b);
    mn_model_close(&b.m);
    mn_region_close(&b.region);
    mn_stage_end(&b.stage);
    return rc;
}

const mn_bench mn_bench_vattention = {
    .name = "vattention", .run = vattention, .about = "contiguous against paged keys and values"};
