/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/mem_scan.c - row `scan`: the five nearest of 20,000 vectors of 384, all looked at, beside
 * sqlite-vec with a column of float32 and with one of int8.
 *
 * Both sides have one thread and the same vectors, in memory; SQLite's statement is part of its
 * answer. What is nearest must be the same, but for a few that the codes of 8 bits turn round.
 */
#include "bench/mem.h"

#include "agent/scan.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "bench/peer.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

extern const unsigned char mn_peer_scan_py[];

enum { N = 20000, DIM = 384, ASKED = 100, K = 5, NEAR = 90 };

typedef struct bed {
    float *x; /* [N + ASKED, DIM]: the vectors, then the questions */
    int8_t *codes;
    float *scale;
    int64_t *id;
    mn_scan *scan;
    char vectors[160], questions[160];
    int64_t nearest[ASKED];
} bed;

/* Questions lie near a vector each, as near as a text and a question about it. */
static void make(bed *b) {
    mn_random r;
    mn_random_seed(&r, 1);
    for (int i = 0; i < N + ASKED; i++) {
        float *const x = b->x + (size_t)i * DIM, square = 0;
        const float *const near = i < N ? NULL : b->x + (size_t)(i - N) * (N / ASKED) * DIM;
        for (int c = 0; c < DIM; c++) {
            x[c] = (float)(mn_random_unit(&r) - 0.5) + (near ? near[c] * 10 : 0);
            square += x[c] * x[c];
        }
        for (int c = 0; c < DIM; c++) x[c] /= sqrtf(square);
    }
}

static int write_rows(const char *folder, const char *name, const float *x, int n, char path[160]) {
    mn_filew *f = NULL;
    snprintf(path, 160, "%s/%s", folder, name);
    MN_TRY(mn_file_begin(path, &f));
    const int rc = mn_file_write(f, x, (size_t)n * DIM * sizeof *x);
    if (rc < 0) {
        mn_file_abort(&f);
        return rc;
    }
    return mn_file_settle(&f);
}

static int prepare(bed *b, const char *folder) {
    const mn_kernels *k;
    b->x = mn_malloc((size_t)(N + ASKED) * DIM * sizeof *b->x);
    b->codes = mn_malloc((size_t)N * DIM);
    b->scale = mn_malloc(N * sizeof *b->scale);
    b->id = mn_malloc(N * sizeof *b->id);
    if (!b->x || !b->codes || !b->scale || !b->id)
        return MN_FAIL(MN_ENOMEM, "no memory for %d vectors", N);
    make(b);
    for (int i = 0; i < N; i++) {
        b->id[i] = i;
        MN_TRY(mn_scan_quantise(b->x + (size_t)i * DIM, DIM, b->codes + (size_t)i * DIM,
                                b->scale + i));
    }
    MN_TRY(mn_kernels_pick(NULL, MN_NUMERICS, &k));
    MN_TRY(mn_scan_open(k, 1, &b->scan));
    MN_TRY(write_rows(folder, "vectors", b->x, N, b->vectors));
    return write_rows(folder, "questions", b->x + (size_t)N * DIM, ASKED, b->questions);
}

/* The median of our milliseconds; b->nearest is filled. */
static int ours(bed *b, double *ms) {
    const mn_scan_part part = {
        .codes = b->codes, .scale = b->scale, .id = b->id, .stride = DIM, .n = N};
    double took[ASKED];
    for (int i = 0; i < ASKED; i++) {
        mn_scan_query q;
        mn_scan_hit hit[K];
        const double start = mn_clock_seconds();
        MN_TRY(mn_scan_ask(b->x + (size_t)(N + i) * DIM, DIM, &q));
        MN_TRY(mn_scan_exact(b->scan, &part, 1, &q, K, hit));
        took[i] = (mn_clock_seconds() - start) * 1e3;
        b->nearest[i] = hit[0].id;
    }
    mn_bench_times t = {took, ASKED};
    *ms = mn_bench_at(&t, 0.5);
    return 0;
}

/* The peer's milliseconds; what it found is what we found. */
static int theirs(const bed *b, const json_t *said, const char *kind, double *ms) {
    const json_t *const o = json_object_get(said, kind), *const at = json_object_get(o, "nearest");
    int same = 0;
    for (int i = 0; i < ASKED; i++)
        same += json_integer_value(json_array_get(at, (size_t)i)) == b->nearest[i];
    if (json_array_size(at) != ASKED || same < NEAR)
        return MN_FAIL(MN_ECORRUPT, "sqlite-vec with %s finds the same nearest for %d of %d", kind,
                       same, ASKED);
    *ms = json_number_value(json_object_get(o, "ms"));
    return 0;
}

static int run(bed *b, const mn_bench_options *o) {
    enum { KINDS = 2 };
    static const char *const kind[KINDS] = {"float32", "int8"};
    char against[KINDS][64];
    mn_bench_row row[KINDS];
    for (int k = 0; k < KINDS; k++) {
        snprintf(against[k], sizeof against[k], "sqlite-vec, %s", kind[k]);
        row[k] = (mn_bench_row){.name = k ? "scan-int8" : "scan",
                                .what = "five nearest of 20,000 vectors of 384",
                                .against = against[k],
                                .unit = "ms",
                                .bar = 4,
                                .inverse = 1};
    }
    for (int round = 0; round < o->rounds; round++) {
        json_t *said;
        double own = 0, other[KINDS];
        MN_TRY(ours(b, &own));
        char dim[16];
        snprintf(dim, sizeof dim, "%d", DIM);
        const char *const words[] = {b->vectors, b->questions, dim, NULL};
        int rc = mn_peer_python("sqlite-vec", MN_PEER_MEMORY, mn_peer_scan_py, words, &said);
        if (rc == MN_ENOENT) return mn_bench_row_skip(row, mn_error_detail(), o->json);
        for (int k = 0; k < KINDS && rc >= 0; k++) rc = theirs(b, said, kind[k], other + k);
        json_decref(said);
        MN_TRY(rc);
        for (int k = 0; k < KINDS; k++) mn_bench_round(row + k, other[k], own);
    }
    for (int k = 0; k < KINDS; k++) MN_TRY(mn_bench_row_print(row + k, o->json));
    return 0;
}

int mn_bench_mem_scan(const mn_bench_options *o, const char *folder) {
    bed b = {0};
    int rc = prepare(&b, folder);
    if (rc >= 0) rc = run(&b, o);
    mn_scan_close(&b.scan);
    mn_free(b.x), mn_free(b.codes), mn_free(b.scale), mn_free(b.id);
    return rc;
}
