/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/start.c - from the start of a process to the first byte of its answer, when the prompt has
 * been computed by another one, when it has not, and when what was computed lies in a file.
 *
 *   start, copy            a region that has the prompt, against computing it (--region none) and
 *                          against reading the rows from a file in memory (bench/restore.c)
 *   anew, anew-copy        the region's file is gone, and what the disk tier has of it is in the
 *                          page cache
 *   restart, restart-copy  as after a start of the machine: neither the disk tier nor the copy, now
 *                          on disk too, is in the page cache (but programs and weights are)
 *   waste                  bytes of pages a sealed extent holds beyond its rows, in the worst of
 *                          some lengths, for each plane, against a page; one that still grows has
 *                          asked for pages ahead
 */
#include "bench/start.h"
#include "bench/restore.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/walk.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* How a process comes to the prompt. */
enum { COMPUTED, FOUND, COPIED, ANEW, COLD, COLD_COPY, WAYS };

typedef struct starts {
    const mn_bench_options *o;
    const mn_stage *stage;
    const char *text;                              /* the prompt */
    char copy[96], disk_copy[96], disk_region[96]; /* copies, and a region with a disk tier */
    double ms[WAYS][MN_BENCH_ROUNDS];
} starts;

/* ---- the disk ----------------------------------------------------------------------------- */
/* As after a start of the machine: the region's file is gone, what is on disk stays. */
static void restart(const starts *s, int way) {
    if (way < ANEW) return;
    unlink(s->disk_region);
    if (way >= COLD) mn_stage_cool(s->stage->disk);
}

/* ---- one start ---------------------------------------------------------------------------- */
/* Milliseconds to the first byte. */
static int once(const starts *s, int way, double *ms) {
    char threads[16];
    snprintf(threads, sizeof threads, "%d", s->o->threads);
    const char *const region = way == COMPUTED ? "none"
                               : way == FOUND  ? s->stage->region
                                               : s->disk_region;
    const char *const copy = way == COPIED ? s->copy : s->disk_copy;
    const char *const run[] = {"run", "-m", s->o->model, "--raw",    "--temp", "0",     "-n",
                               "1",   "-t", threads,     "--region", region,   s->text, NULL};
    const char *const restore[] = {"bench", "restore", "-m", s->o->model, "-t",
                                   threads, "--copy",  copy, NULL};
    restart(s, way);
    return mn_actor_once(s->stage, way == COPIED || way == COLD_COPY ? restore : run, ms);
}

/* What the region has of the prompt, into files. */
static int save(const starts *s, mn_model *m, int32_t *ids, int n) {
    mn_session *session;
    int coming;
    MN_TRY(mn_session_open(m, n + 1, 0, &session));
    int rc = mn_seq_match(session->seq, ids, n - 1, &coming);
    if (rc >= 0) rc = mn_restore_save(session, ids, n - 1, s->copy);
    if (rc >= 0) rc = mn_restore_save(session, ids, n - 1, s->disk_copy);
    mn_session_close(&session);
    return rc;
}

/* ---- rows --------------------------------------------------------------------------------- */
typedef struct pair {
    const char *name, *what, *against;
    double bar;
    int base, ours;
} pair;
static const pair pairs[] = {
    {"start", "another process computed them", "computing them", 0.01, COMPUTED, FOUND},
    {"copy", "another process computed them", "a copy in memory", 0.25, COPIED, FOUND},
    {"anew", "region lost, disk tier in the page cache", "computing them", 0.01, COMPUTED, ANEW},
    {"anew-copy", "region lost, disk tier in the page cache", "a copy in memory", 0.25, COPIED,
     ANEW},
    {"restart", "region lost, disk tier cold", "computing them", 0.01, COMPUTED, COLD},
    {"restart-copy", "region lost, disk tier cold", "a copy on disk, cold", 0.25, COLD_COPY, COLD},
};

static int rows(const starts *s, int tokens) {
    char what[128];
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        const pair *p = pairs + i;
        snprintf(what, sizeof what, "start to first byte, %d tokens: %s", tokens, p->what);
        mn_bench_row row = {.name = p->name,
                            .what = what,
                            .against = p->against,
                            .unit = "ms",
                            .bar = p->bar,
                            .at_most = 1};
        for (int r = 0; r < s->o->rounds; r++)
            mn_bench_round(&row, s->ms[p->base][r], s->ms[p->ours][r]);
        MN_TRY(mn_bench_row_print(&row, s->o->json));
    }
    return 0;
}

static int measure(starts *s) {
    for (int round = 0; round < s->o->rounds; round++)
        for (int i = 0; i < WAYS; i++) {
            const int way = round % 2 ? WAYS - 1 - i : i;
            MN_TRY(once(s, way, s->ms[way] + round));
        }
    return 0;
}

/* With the prompt's text and its ids. */
static int with(starts *s, mn_model *m, int32_t *ids, int n) {
    double ms;
    MN_TRY(once(s, FOUND, &ms)); /* that other process */
    MN_TRY(save(s, m, ids, n));
    MN_TRY(once(s, ANEW, &ms)); /* one that leaves it on disk */
    MN_TRY(measure(s));
    return rows(s, n);
}

int mn_bench_starts(const mn_bench_options *o, const mn_stage *stage, mn_model *m, int depth) {
    starts *s = mn_calloc(1, sizeof *s);
    mn_buf text = {0};
    mn_vocab *v = NULL;
    if (!s) return MN_FAIL(MN_ENOMEM, "no memory for the rounds");
    s->o = o;
    s->stage = stage;
    snprintf(s->copy, sizeof s->copy, "%s/copy", stage->folder);
    snprintf(s->disk_copy, sizeof s->disk_copy, "%s/copy", stage->disk);
    snprintf(s->disk_region, sizeof s->disk_region, "%s/region", stage->disk);
    int rc = mn_vocab_open(o->model, NULL, &v);
    if (rc >= 0) rc = mn_stage_words(v, depth, &text);
    s->text = text.data;
    const int n = rc < 0 ? rc : mn_stage_tokens(v, s->text);
    int32_t *ids = n > 0 ? mn_malloc((size_t)n * sizeof *ids) : NULL;
    if (rc >= 0) rc = ids ? 0 : MN_FAIL(MN_ENOMEM, "no memory for %d tokens", depth);
    if (rc >= 0) rc = mn_vocab_encode(v, s->text, text.len, MN_BEGIN, ids, (size_t)n);
    if (rc >= 0) rc = with(s, m, ids, n);
    mn_free(ids);
    mn_vocab_close(&v);
    mn_buf_free(&text);
    mn_free(s);
    return rc;
}

/* ---- waste -------------------------------------------------------------------------------- */
/* Bytes a plane holds beyond n rows: of an extent that was written at once, then one by one. */
static int wasted(mn_region *region, const mn_kv_layout *l, int n, double *sealed, double *open) {
    mn_kv_extent *e;
    const uint64_t before = mn_region_charged(region);
    MN_TRY(mn_kv_extent_open(l, n + 256, region, &e));
    const size_t list = 4096 + ((size_t)e->rows * sizeof(int32_t) + 4095) / 4096 * 4096;
    const double planes = 2.0 * l->layers * l->heads;
    const double row = (double)mn_kv_plane_bytes(l->format, 16, l->d) / 16;
    const uint8_t seed[32] = {0};
    int rc = mn_kv_extent_back(l, e, n);
    if (rc >= 0) rc = mn_kv_extent_back(l, e, n + 1);
    mn_extent_publish(&e->x, seed, 0, 0);
    mn_extent_grow(&e->x, (uint64_t)n + 1);
    *open = (double)(mn_region_charged(region) - before - list) / planes - row * (n + 1);
    mn_kv_extent_release(&e);
    *sealed = (double)(mn_region_charged(region) - before - list) / planes - row * (n + 1);
    mn_region_clear(region);
    return rc;
}

int mn_bench_waste(const mn_bench_options *o, mn_region *region, mn_model *m) {
    static const int lengths[] = {1, 31, 32, 100, 1000, 4095, 4096, 8000};
    mn_bench_row row = {.name = "waste",
                        .what = "bytes beyond the rows of a sealed extent, for each plane",
                        .against = "a page",
                        .unit = "bytes",
                        .bar = 1,
                        .at_most = 1};
    mn_bench_row grows = row;
    grows.name = "waste-open";
    grows.what = "bytes asked for ahead while it grows, for each plane";
    grows.bar = 0;
    mn_kv_layout l;
    mn_engine_layout(m->engine, MN_KV_F16, &l);
    double most[2] = {0};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        double sealed, open;
        MN_TRY(wasted(region, &l, lengths[i], &sealed, &open));
        if (sealed > most[0]) most[0] = sealed;
        if (open > most[1]) most[1] = open;
    }
    mn_bench_round(&row, 4096, most[0]);
    mn_bench_round(&grows, 4096, most[1]);
    MN_TRY(mn_bench_row_print(&row, o->json));
    return mn_bench_row_print(&grows, o->json);
}
