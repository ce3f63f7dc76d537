/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/start.c - from the start of a process to the first byte of its answer, when the prompt has
 * been computed by another one, when it has not, and when what was computed lies in a file.
 *
 *   start    a region that has the prompt, against computing it (--region none)
 *   copy     the same, against reading the rows from a file in the page cache (bench/restore.c)
 *   restart  the same after a restart of the machine
 *   waste    bytes of pages a sealed extent holds beyond its rows, in the worst of some lengths,
 *            for each plane, against a page; one that still grows has asked for pages ahead
 */
#include "bench/start.h"
#include "bench/restore.h"

#include "base/alloc.h"
#include "base/error.h"

#include <stdio.h>
#include <string.h>

typedef struct starts {
    const mn_bench_options *o;
    const mn_stage *stage;
    const char *text; /* the prompt */
    char copy[96];
} starts;
enum { COMPUTED, FOUND, COPIED, WAYS };

/* Milliseconds to the first byte. */
static int once(const starts *s, int way, double *ms) {
    char threads[16];
    mn_actor a;
    snprintf(threads, sizeof threads, "%d", s->o->threads);
    const char *const run[] = {
        "run",   "-m", s->o->model, "--raw", "--temp",   "0",
        "-n",    "1",  "-t",        threads, "--region", way == FOUND ? s->stage->region : "none",
        s->text, NULL};
    const char *const restore[] = {"bench", "restore", "-m",    s->o->model, "-t",
                                   threads, "--copy",  s->copy, NULL};
    MN_TRY(mn_actor_start(s->stage, way == COPIED ? restore : run, &a));
    int rc = mn_actor_first(&a);
    if (rc >= 0) rc = mn_actor_end(&a, NULL);
    *ms = a.first_ms;
    mn_actor_kill(&a);
    return rc;
}

/* What the region has of the prompt, into a file. */
static int save(const starts *s, mn_model *m, int32_t *ids, int n) {
    mn_session *session;
    int coming;
    MN_TRY(mn_session_open(m, n + 1, 0, &session));
    int rc = mn_seq_match(session->seq, ids, n - 1, &coming);
    if (rc >= 0) rc = mn_restore_save(session, ids, n - 1, s->copy);
    mn_session_close(&session);
    return rc;
}

static int measure(const starts *s, mn_bench_row *start, mn_bench_row *copy) {
    double ms[WAYS];
    for (int round = 0; round < s->o->rounds; round++) {
        for (int i = 0; i < WAYS; i++) {
            const int way = round % 2 ? WAYS - 1 - i : i;
            MN_TRY(once(s, way, ms + way));
        }
        mn_bench_round(start, ms[COMPUTED], ms[FOUND]);
        mn_bench_round(copy, ms[COPIED], ms[FOUND]);
    }
    return 0;
}

static int rows(const starts *s, const char *what) {
    mn_bench_row start = {.name = "start",
                          .what = what,
                          .against = "computing it",
                          .unit = "ms",
                          .bar = 0.01,
                          .at_most = 1};
    mn_bench_row copy = {.name = "copy",
                         .what = what,
                         .against = "a copy in a file",
                         .unit = "ms",
                         .bar = 0.25,
                         .at_most = 1};
    const mn_bench_row restart = {.name = "restart", .what = what};
    MN_TRY(measure(s, &start, &copy));
    MN_TRY(mn_bench_row_print(&start, s->o->json));
    MN_TRY(mn_bench_row_print(&copy, s->o->json));
    return mn_bench_row_skip(&restart, "what is on disk is not taken up after a restart yet",
                             s->o->json);
}

int mn_bench_starts(const mn_bench_options *o, const mn_stage *stage, mn_model *m, int depth) {
    starts s = {.o = o, .stage = stage};
    mn_buf text = {0};
    mn_vocab *v = NULL;
    double ms;
    char what[96];
    snprintf(s.copy, sizeof s.copy, "%s/copy", stage->folder);
    int rc = mn_vocab_open(o->model, NULL, &v);
    if (rc >= 0) rc = mn_stage_words(v, depth, &text);
    s.text = text.data;
    const int n = rc < 0 ? rc : mn_stage_tokens(v, s.text);
    int32_t *ids = n > 0 ? mn_malloc((size_t)n * sizeof *ids) : NULL;
    if (rc >= 0) rc = ids ? 0 : MN_FAIL(MN_ENOMEM, "no memory for %d tokens", depth);
    if (rc >= 0) rc = mn_vocab_encode(v, s.text, text.len, MN_BEGIN, ids, (size_t)n);
    snprintf(what, sizeof what, "start to first byte, %d tokens another process computed", n);
    if (rc >= 0) rc = once(&s, FOUND, &ms); /* that process */
    if (rc >= 0) rc = save(&s, m, ids, n);
    if (rc >= 0) rc = rows(&s, what);
    mn_free(ids);
    mn_vocab_close(&v);
    mn_buf_free(&text);
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
