/* SPDX-License-Identifier: Apache-2.0
 *
 * test/agent/test_scan.c - the nearest vectors, against a sort of all of them: any number of
 * threads and parts, equal scores, rows that are no vectors, questions that have no direction.
 */
#include "test.h"

#include "agent/scan.h"
#include "base/alloc.h"
#include "base/random.h"

#include <math.h>

enum { D = 96, N = 9000, K = 25 };

static float vectors[N][D];
static int8_t codes[N][D];
static float scales[N];
static uint8_t sketches[N][16]; /* mn_scan_sketch_bytes(96): whole words */
static int64_t ids[N];
static const mn_scan_part whole = {codes[0], scales, sketches[0], ids, D, N};
static mn_scan *scans[3]; /* 1, 2 and 5 threads */
enum { SCANS = 3 };

/* Vectors in 40 heaps, some far from their middle, as those of texts are. */
static int make(void **unused) {
    (void)unused;
    static float middle[40][D];
    mn_random r;
    mn_random_seed(&r, 7);
    for (int i = 0; i < 40; i++)
        for (int c = 0; c < D; c++) middle[i][c] = (float)mn_random_unit(&r) - 0.5f;
    for (int i = 0; i < N; i++) {
        const int of = (int)(mn_random_u64(&r) % 40);
        const double wide = mn_random_unit(&r) * 2;
        for (int c = 0; c < D; c++)
            vectors[i][c] = middle[of][c] + (float)((mn_random_unit(&r) - 0.5) * wide);
        assert_ok(mn_scan_quantise(vectors[i], D, codes[i], scales + i));
        mn_scan_sketch(codes[i], D, sketches[i]);
        ids[i] = i * 3 - 5000;
    }
    const mn_kernels *k;
    assert_ok(mn_kernels_pick(NULL, MN_NUMERICS, &k));
    static const int threads[SCANS] = {1, 2, 5};
    for (int i = 0; i < SCANS; i++) assert_ok(mn_scan_open(k, threads[i], scans + i));
    return 0;
}

static int drop(void **unused) {
    (void)unused;
    for (int i = 0; i < SCANS; i++) mn_scan_close(scans + i);
    return 0;
}

/* ---- the plain twin ------------------------------------------------------------------------- */
static int best_first(const void *a, const void *b) {
    const mn_scan_hit *x = a, *y = b;
    if (x->score > y->score || x->score < y->score) return x->score < y->score ? 1 : -1;
    return x->id < y->id ? 1 : -1;
}

/* All rows, by the products of their codes, sorted. */
static int plain(const mn_scan_part *part, int parts, const mn_scan_query *q, mn_scan_hit *out) {
    int n = 0;
    for (int p = 0; p < parts; p++)
        for (size_t i = 0; i < part[p].n; i++) {
            int dot = 0;
            for (int c = 0; c < D; c++) dot += q->codes[c] * part[p].codes[i * part[p].stride + c];
            if (part[p].scale[i] > 0)
                out[n++] = (mn_scan_hit){part[p].id[i], (float)dot * part[p].scale[i]};
        }
    qsort(out, (size_t)n, sizeof *out, best_first);
    return n;
}

static void same(const mn_scan_hit *got, const mn_scan_hit *want, int n, float scale) {
    for (int i = 0; i < n; i++) {
        if (got[i].id != want[i].id)
            fail_msg("hit %d of %d is %ld, should be %ld", i, n, (long)got[i].id, (long)want[i].id);
        assert_float_equal(got[i].score, want[i].score * scale, 0);
    }
}

static void check(const mn_scan_part *part, int parts, const mn_scan_query *q, int k) {
    static mn_scan_hit want[N], got[N];
    const int all = plain(part, parts, q, want), n = k < all ? k : all;
    for (int i = 0; i < SCANS; i++) {
        assert_int_equal(mn_scan_exact(scans[i], part, parts, q, k, got), n);
        same(got, want, n, q->scale);
    }
}

/* ---- cases ---------------------------------------------------------------------------------- */
static void exact_is_a_sort(void **unused) {
    (void)unused;
    static const int ks[] = {1, 2, 10, K, 1000};
    mn_scan_query q;
    for (int i = 0; i < 20; i++) {
        assert_ok(mn_scan_ask(vectors[i * 331], D, &q));
        check(&whole, 1, &q, ks[i % 5]);
    }
}

/* Codes tell cosines of the vectors they were made of, to 1 %. */
static void scores_are_cosines(void **unused) {
    (void)unused;
    mn_scan_query q;
    mn_scan_hit hit[K];
    for (int i = 0; i < 50; i++) {
        const float *x = vectors[i];
        assert_ok(mn_scan_ask(x, D, &q));
        assert_int_equal(mn_scan_exact(scans[1], &whole, 1, &q, K, hit), K);
        assert_int_equal(hit[0].id, ids[i]); /* itself */
        for (int h = 0; h < K; h++) {
            const float *y = vectors[(hit[h].id + 5000) / 3];
            double xy = 0, xx = 0, yy = 0;
            for (int c = 0; c < D; c++)
                xy += (double)x[c] * y[c], xx += (double)x[c] * x[c], yy += (double)y[c] * y[c];
            assert_float_equal(hit[h].score, (float)(xy / sqrt(xx * yy)), 0.01f);
        }
    }
}

/* Length says nothing: a vector and a thousand times it are one. */
static void only_direction_counts(void **unused) {
    (void)unused;
    float longer[D];
    mn_scan_query q, same_way;
    for (int c = 0; c < D; c++) longer[c] = vectors[0][c] * 1024;
    assert_ok(mn_scan_ask(vectors[0], D, &q));
    assert_ok(mn_scan_ask(longer, D, &same_way));
    assert_memory_equal(q.codes, same_way.codes, D);
    assert_float_equal(q.scale, same_way.scale, 0);
}

static void parts_are_one_set(void **unused) {
    (void)unused;
    static const size_t cuts[][3] = {{0, 1, N}, {2048, 4096, 5000}, {700, 700, 8999}};
    mn_scan_hit one[K], got[K];
    mn_scan_query q;
    assert_ok(mn_scan_ask(vectors[4444], D, &q));
    for (size_t c = 0; c < sizeof cuts / sizeof *cuts; c++) {
        mn_scan_part part[4];
        size_t from = 0;
        for (int p = 0; p < 4; p++) {
            const size_t to = p < 3 ? cuts[c][p] : N;
            part[p] = (mn_scan_part){
                codes[from], scales + from, sketches[0] + from * 16, ids + from, D, to - from};
            from = to;
        }
        check(part, 4, &q, K);
        for (int i = 0; i < SCANS; i++) {
            assert_int_equal(mn_scan_near(scans[0], &whole, 1, &q, 60, K, one), K);
            assert_int_equal(mn_scan_near(scans[i], part, 4, &q, 60, K, got), K);
            assert_memory_equal(one, got, sizeof got);
        }
    }
}

static void of_equals_the_later_first(void **unused) {
    (void)unused;
    enum { SAME = 6000 };
    static int8_t code[SAME][D];
    static float scale[SAME];
    static uint8_t sketch[SAME][16];
    static mn_scan_hit hit[SAME];
    mn_scan_query q;
    for (int i = 0; i < SAME; i++) {
        memcpy(code[i], codes[0], D);
        memcpy(sketch[i], sketches[0], sizeof *sketch);
        scale[i] = scales[0];
    }
    const mn_scan_part part = {code[0], scale, sketch[0], ids, D, SAME};
    assert_ok(mn_scan_ask(vectors[1], D, &q));
    for (int i = 0; i < SCANS; i++)
        for (int near = 0; near < 2; near++) {
            assert_int_equal(near ? mn_scan_near(scans[i], &part, 1, &q, 300, 100, hit)
                                  : mn_scan_exact(scans[i], &part, 1, &q, 100, hit),
                             100);
            for (int h = 0; h < 100; h++) assert_int_equal(hit[h].id, ids[SAME - 1 - h]);
        }
}

static void few_none_and_gone(void **unused) {
    (void)unused;
    mn_scan_hit hit[K];
    mn_scan_query q;
    mn_scan_part few = whole;
    static float gone[N];
    assert_ok(mn_scan_ask(vectors[3], D, &q));
    few.n = 0;
    assert_int_equal(mn_scan_exact(scans[1], &few, 1, &q, K, hit), 0);
    assert_int_equal(mn_scan_near(scans[1], &few, 1, &q, 0, K, hit), 0);
    assert_int_equal(mn_scan_exact(scans[1], NULL, 0, &q, K, hit), 0);
    few.n = 7;
    check(&few, 1, &q, K);
    few.scale = gone; /* all zeros: nothing is there */
    few.n = N;
    assert_int_equal(mn_scan_exact(scans[1], &few, 1, &q, K, hit), 0);
    assert_int_equal(mn_scan_near(scans[1], &few, 1, &q, 50, K, hit), 0);
    for (int i = 0; i < N; i += 100) gone[i] = scales[i];
    gone[200] = NAN, gone[300] = INFINITY, gone[400] = -1;
    assert_int_equal(mn_scan_exact(scans[1], &few, 1, &q, K, hit), K);
    for (int i = 0; i < K; i++) {
        const int row = (int)(hit[i].id + 5000) / 3;
        assert_true(row % 100 == 0 && row != 200 && row != 300 && row != 400);
        assert_true(isfinite(hit[i].score));
    }
}

/* Ten nearest by sketch and codes, of the ten by codes. */
static void near_finds_most(void **unused) {
    (void)unused;
    mn_scan_hit want[10], got[10];
    mn_scan_query q;
    int found[2] = {0};
    for (int i = 0; i < 100; i++) {
        assert_ok(mn_scan_ask(vectors[i * 89], D, &q));
        assert_int_equal(mn_scan_exact(scans[0], &whole, 1, &q, 10, want), 10);
        for (int few = 0; few < 2; few++) {
            assert_int_equal(mn_scan_near(scans[i % 3], &whole, 1, &q, few ? 10 : 500, 10, got),
                             10);
            for (int a = 0; a < 10; a++)
                for (int b = 0; b < 10; b++) found[few] += want[a].id == got[b].id;
        }
        assert_int_equal(mn_scan_near(scans[i % 3], &whole, 1, &q, N, 10, got), 10);
        assert_memory_equal(want, got, sizeof got); /* all are candidates */
    }
    print_message("of 1000: %d with 500 candidates, %d with 10\n", found[0], found[1]);
    assert_in_range(found[0], 950, 1000);
    assert_in_range(found[1], 200, found[0] - 100); /* and it can miss */
}

static void no_direction_is_refused(void **unused) {
    (void)unused;
    float x[D] = {0};
    mn_scan_query q;
    mn_scan_hit hit[1];
    assert_fails(mn_scan_ask(x, D, &q), MN_EINVAL, "96 zeros");
    x[5] = -0.0f;
    assert_fails(mn_scan_ask(x, D, &q), MN_EINVAL, "points nowhere");
    x[7] = NAN;
    assert_fails(mn_scan_ask(x, D, &q), MN_EINVAL, "number 8 of 96");
    x[7] = -INFINITY;
    assert_fails(mn_scan_ask(x, D, &q), MN_EINVAL, "number 8 of 96");
    x[7] = 1e-40f; /* no normal number, and a direction */
    assert_ok(mn_scan_ask(x, D, &q));
    assert_int_equal(q.codes[7], 127);
    assert_fails(mn_scan_ask(vectors[0], 0, &q), MN_EINVAL, "vectors of 0 numbers");
    assert_fails(mn_scan_ask(vectors[0], 40, &q), MN_EINVAL, "multiples of 32");
    assert_fails(mn_scan_ask(vectors[0], 1056, &q), MN_EINVAL, "up to 1024");
    assert_fails(mn_scan_exact(scans[0], &whole, 1, &q, 0, hit), MN_EINVAL, "1 is the least");
    assert_fails(mn_scan_near(scans[0], &whole, 1, &q, -1, 1, hit), MN_EINVAL, "-1 candidates");
}

static void memory_runs_out(void **unused) {
    (void)unused;
    const mn_kernels *k;
    mn_scan_query q;
    mn_scan_hit hit[K];
    assert_ok(mn_kernels_pick(NULL, MN_NUMERICS, &k));
    assert_ok(mn_scan_ask(vectors[3], D, &q));
    for (long n = 1;; n++) {
        mn_scan *s = NULL;
        mn_alloc_fail_after(n);
        int rc = mn_scan_open(k, 2, &s);
        if (rc >= 0) rc = mn_scan_near(s, &whole, 1, &q, 50, K, hit);
        const long left = mn_alloc_fail_left();
        mn_alloc_fail_after(0);
        mn_scan_close(&s);
        if (left > 0) {
            assert_int_equal(rc, K);
            assert_true(n > 4);
            return;
        }
        assert_int_equal(rc, MN_ENOMEM);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(exact_is_a_sort),
                                       cmocka_unit_test(scores_are_cosines),
                                       cmocka_unit_test(only_direction_counts),
                                       cmocka_unit_test(parts_are_one_set),
                                       cmocka_unit_test(of_equals_the_later_first),
                                       cmocka_unit_test(few_none_and_gone),
                                       cmocka_unit_test(near_finds_most),
                                       cmocka_unit_test(no_direction_is_refused),
                                       cmocka_unit_test(memory_runs_out)};
    return cmocka_run_group_tests(tests, make, drop);
}
