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
 * The pool lies on pages of 4 KiB or of 2 MiB, whichever is faster.
 */
#include "bench/rig.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/random.h"
#include "base/walk.h"
#include "cli/progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FORMS = 4, HOMES = 2, DEPTH = 8192, STEPS = 8, BATCH = MN_RIG_SEQS };

typedef struct bench {
    const mn_bench_options *o;
    mn_model *m;
    char folder[64];
    mn_region *region;
} bench;

static double gb(double bytes) {
    return bytes * 1e-9;
}

static int depth_of(const bench *b) {
    return b->o->depth ? b->o->depth : DEPTH;
}

/* ---- the kernel --------------------------------------------------------------------------- */
typedef struct kernel_run {
    float *q, *out, *right; /* [n, H d]; right: of the contiguous form, [layers] of them */
    size_t floats;
    double seconds[HOMES][FORMS][MN_BENCH_ROUNDS];
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
            k->seconds[home][form][round] = (mn_clock_seconds() - start) / STEPS;
        }
    return 0;
}

static const char *const homes[HOMES] = {"4 KiB pages", "2 MiB pages"};

/* One row: the contiguous form against the fastest of forms first..last. */
static int against(const bench *b, const kernel_run *k, double bytes, int first, int last,
                   mn_bench_row row) {
    const int n = b->o->rounds;
    int home = 0, form = first;
    for (int i = 0; i < HOMES * FORMS; i++) {
        const int h = i / FORMS, f = i % FORMS;
        if (f < first || f > last) continue;
        if (mn_bench_median(k->seconds[h][f], n) < mn_bench_median(k->seconds[home][form], n))
            home = h, form = f;
    }
    char name[96];
    snprintf(name, sizeof name, "%s, %s", mn_rig_forms[form].name, homes[home]);
    row.against = name;
    for (int i = 0; i < n; i++)
        mn_bench_round(&row, gb(bytes / k->seconds[home][form][i]),
                       gb(bytes / k->seconds[home][0][i]));
    return mn_bench_row_print(&row, b->o->json);
}

static int say(const bench *b, const mn_rig *g, const kernel_run *k) {
    const double bytes = (double)g->length * g->layout.layers * 2 * g->layout.heads *
                         (double)g->block_bytes / MN_PAGED_ROWS;
    for (int i = 0; i < HOMES * FORMS; i++) {
        const int h = i / FORMS, f = i % FORMS;
        const double s = mn_bench_median(k->seconds[h][f], b->o->rounds);
        fprintf(stderr, "  %-34s %-12s %6.2f ms a token, %5.1f GB/s\n", mn_rig_forms[f].name,
                f ? homes[h] : "the region", s * 1e3, gb(bytes / s));
    }
    const mn_bench_row row = {.name = "kernel",
                              .what = "decode attention over all layers, one kernel unchanged",
                              .unit = "GB/s",
                              .bar = 1.5};
    mn_bench_row own = row;
    own.name = "kernel-own";
    own.what = "decode attention over all layers";
    MN_TRY(against(b, k, bytes, 2, FORMS - 1, row));
    return against(b, k, bytes, 1, 1, own);
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
    }
    mn_free(k->q);
    mn_free(k);
    return rc;
}

/* ---- the whole ---------------------------------------------------------------------------- */
static int begin(bench *b) {
    static const char *const folders[] = {"/dev/shm/omnesia-bench-XXXXXX",
                                          "/tmp/omnesia-bench-XXXXXX"};
    for (int i = 0; i < 2 && !*b->folder; i++) {
        strcpy(b->folder, folders[i]);
        if (!mkdtemp(b->folder)) *b->folder = 0;
    }
    if (!*b->folder) return MN_FAIL(MN_EIO, "no folder for the bench in /tmp");
    char path[96];
    snprintf(path, sizeof path, "%s/region", b->folder);
    MN_TRY(mn_region_open(path, (uint64_t)8 << 30, &b->region));
    const mn_model_options how = {.threads = b->o->threads};
    return mn_cli_model_open(b->o->model, how, &b->m);
}

static int vattention(const mn_bench_options *o) {
    bench b = {.o = o};
    if (o->rounds < 1) return MN_FAIL(MN_CLI_USAGE, "--rounds 0: nothing would be measured");
    int rc = begin(&b);
    if (rc >= 0 && mn_bench_wants(o, "kernel")) rc = kernel(&b);
    mn_model_close(&b.m);
    mn_region_close(&b.region);
    if (*b.folder) mn_walk_remove(b.folder);
    return rc;
}

const mn_bench mn_bench_vattention = {
    .name = "vattention", .run = vattention, .about = "contiguous against paged keys and values"};
