/* SPDX-License-Identifier: Apache-2.0
 *
 * test/agent/test_chunk.c - recall in two levels, against the same sums written down plainly.
 *
 * The plain form keeps every step, rounds x + p to f16 as the store does, and computes in double;
 * with k = M it looks into every chunk.
 */
#include "test.h"

#include "agent/chunk.h"
#include "base/alloc.h"
#include "base/random.h"
#include "kernel/half.h"

#include <math.h>

enum { W = 96, H = 3, C = 32, STEPS = 1200, MOST = 64 };

typedef struct bed {
    mn_chunks *c;
    const mn_kernels *k;
    float x[STEPS][W], q[W];
    int n;
} bed;

static void draw(mn_random *r, float *x, double wide) {
    for (int i = 0; i < W; i++) x[i] = (float)((mn_random_unit(r) - 0.5) * wide);
}

static void fill(bed *b, int steps) {
    mn_random r;
    mn_random_seed(&r, 11);
    const mn_chunks_shape shape = {.width = W, .heads = H};
    assert_ok(mn_kernels_pick(NULL, MN_NUMERICS, &b->k));
    assert_ok(mn_chunks_open(b->k, &shape, &b->c));
    draw(&r, b->q, 4);
    for (b->n = 0; b->n < steps; b->n++) {
        draw(&r, b->x[b->n], 4);
        assert_ok(mn_chunks_add(b->c, b->x[b->n]));
    }
}

static float stored(float x, int step, int i) {
    const double angle = step / pow(10000, (double)(i / 2 * 2) / W);
    return mn_f16_to_f32(mn_f16_from_f32(x + (float)(i % 2 ? cos(angle) : sin(angle))));
}

/* What attention finds inside the steps [first, first + n). */
static void inside(const bed *b, int first, int n, double *out) {
    for (int h = 0; h < H; h++) {
        double e[C], sum = 0, most = -INFINITY;
        const int from = h * (W / H), until = from + W / H;
        for (int s = 0; s < n; s++) {
            e[s] = 0;
            for (int i = from; i < until; i++)
                e[s] += (double)b->q[i] * (double)stored(b->x[first + s][i], s, i);
            e[s] /= sqrt((double)W / H);
            most = fmax(most, e[s]);
        }
        for (int s = 0; s < n; s++) sum += e[s] = exp(e[s] - most);
        for (int i = from; i < until; i++) {
            out[i] = 0;
            for (int s = 0; s < n; s++)
                out[i] += e[s] / sum * (double)stored(b->x[first + s][i], s, i);
        }
    }
}

static double logit(const bed *b, int first, int n) {
    double dot = 0;
    for (int i = 0; i < W; i++) {
        double mean = 0;
        for (int s = 0; s < n; s++) mean += (double)b->x[first + s][i] / n;
        dot += mean * (double)b->q[i];
    }
    return dot / sqrt(W);
}

/* All chunks, every one looked into. */
static void dense(const bed *b, double *out) {
    double weight[MOST], sum = 0, most = -INFINITY;
    const int m = (b->n + C - 1) / C;
    for (int i = 0; i < m; i++) {
        weight[i] = logit(b, i * C, b->n - i * C < C ? b->n - i * C : C);
        most = fmax(most, weight[i]);
    }
    for (int i = 0; i < m; i++) sum += weight[i] = exp(weight[i] - most);
    for (int i = 0; i < W; i++) out[i] = 0;
    for (int i = 0; i < m; i++) {
        double part[W];
        inside(b, i * C, b->n - i * C < C ? b->n - i * C : C, part);
        for (int k = 0; k < W; k++) out[k] += weight[i] / sum * part[k];
    }
}

static void all_chunks_are_the_dense_form(void **unused) {
    (void)unused;
    static const int steps[] = {1, 31, 32, 33, 512, 513, STEPS};
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        static bed b;
        mn_chunk_hit hit[MOST];
        float out[W];
        double expected[W];
        fill(&b, steps[i]);
        const mn_chunks_ask ask = {.q = b.q, .k = MOST};
        assert_int_equal(mn_chunks_find(b.c, &ask, hit, out), (steps[i] + C - 1) / C);
        dense(&b, expected);
        for (int k = 0; k < W; k++) assert_true(fabs((double)out[k] - expected[k]) < 1e-5);
        mn_chunks_close(&b.c);
    }
}

static void the_best_chunks_are_those_of_the_largest_logits(void **unused) {
    (void)unused;
    static bed b;
    mn_chunk_hit hit[MN_CHUNK_BEST], all[MOST];
    float out[W];
    double sum = 0, expected[W] = {0};
    fill(&b, STEPS);
    const mn_chunks_ask ask = {.q = b.q}, every = {.q = b.q, .k = MOST};
    assert_int_equal(mn_chunks_find(b.c, &every, all, NULL), mn_chunks_n(b.c));
    assert_int_equal(mn_chunks_find(b.c, &ask, hit, out), MN_CHUNK_BEST);
    for (int i = 0; i < MN_CHUNK_BEST; i++) {
        assert_int_equal(hit[i].chunk, all[i].chunk);
        assert_int_equal(hit[i].first, hit[i].chunk * C);
        assert_true(fabs((double)hit[i].logit - logit(&b, hit[i].chunk * C, hit[i].n)) < 1e-5);
        sum += exp((double)hit[i].logit - (double)hit[0].logit);
    }
    for (int i = 1; i < mn_chunks_n(b.c); i++) assert_true(all[i].logit <= all[i - 1].logit);
    for (int i = 0; i < MN_CHUNK_BEST; i++) {
        double part[W];
        const double weight = exp((double)hit[i].logit - (double)hit[0].logit) / sum;
        assert_true(fabs((double)hit[i].weight - weight) < 1e-6);
        inside(&b, (int)hit[i].first, hit[i].n, part);
        for (int k = 0; k < W; k++) expected[k] += weight * part[k];
    }
    for (int k = 0; k < W; k++) assert_true(fabs((double)out[k] - expected[k]) < 1e-5);
    mn_chunks_close(&b.c);
}

static void a_step_is_found_at_once(void **unused) {
    (void)unused;
    static bed b;
    mn_chunk_hit hit;
    float mark[W] = {0}, out[W];
    fill(&b, 70);
    for (int i = 0; i < W; i++) mark[i] = i % 7 ? 0 : 50;
    assert_ok(mn_chunks_add(b.c, mark));
    const mn_chunks_ask ask = {.q = mark, .k = 1};
    assert_int_equal(mn_chunks_find(b.c, &ask, &hit, out), 1);
    assert_int_equal(hit.first, 64);
    assert_int_equal(hit.n, 7);
    assert_true(fabsf(out[7] - mark[7]) < 2);
    mn_chunks_close(&b.c);
}

static void a_sealed_chunk_stays_as_it_is(void **unused) {
    (void)unused;
    static bed b;
    mn_chunk_hit before, after;
    float out[2][W], far[W];
    fill(&b, 32);
    const mn_chunks_ask ask = {.q = b.q, .k = 1}, then = {.q = b.q, .k = 1, .before = 32};
    assert_int_equal(mn_chunks_find(b.c, &ask, &before, out[0]), 1);
    for (int i = 0; i < W; i++) far[i] = 9 * b.q[i];
    for (int i = 0; i < 40; i++) assert_ok(mn_chunks_add(b.c, far));
    assert_int_equal(mn_chunks_n(b.c), 3);
    assert_int_equal(mn_chunks_find(b.c, &then, &after, out[1]), 1);
    assert_memory_equal(&before, &after, sizeof before);
    assert_memory_equal(out[0], out[1], sizeof out[0]);
    mn_chunks_close(&b.c);
}

static void what_comes_later_is_not_seen(void **unused) {
    (void)unused;
    static bed b;
    mn_chunk_hit hit[MOST];
    fill(&b, 200);
    for (int64_t before = 1; before <= 200; before++) {
        const mn_chunks_ask ask = {.q = b.q, .k = MOST, .before = before};
        const int n = mn_chunks_find(b.c, &ask, hit, NULL);
        assert_int_equal(n, before == 200 ? 7 : before / C);
        for (int i = 0; i < n; i++) assert_true(hit[i].first + hit[i].n <= before);
    }
    mn_chunks_close(&b.c);
}

static void episodes_are_kept_apart(void **unused) {
    (void)unused;
    static bed b;
    mn_chunk_hit hit[MOST];
    float out[W];
    fill(&b, 40); /* two chunks of no name, the second with 8 steps */
    mn_chunks_episode(b.c, "kitchen");
    for (int i = 0; i < 33; i++) assert_ok(mn_chunks_add(b.c, b.x[i]));
    mn_chunks_episode(b.c, "");
    assert_ok(mn_chunks_add(b.c, b.x[0]));
    assert_int_equal(mn_chunks_n(b.c), 5);
    const struct {
        const char *episode;
        int n;
    } want[] = {{NULL, 5}, {"", 3}, {"kitchen", 2}, {"garage", 0}};
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        const mn_chunks_ask ask = {.q = b.q, .k = MOST, .episode = want[i].episode};
        assert_int_equal(mn_chunks_find(b.c, &ask, hit, out), want[i].n);
    }
    for (int i = 0; i < W; i++) assert_true(out[i] == 0); /* of none */
    mn_chunks_close(&b.c);
}

static void it_reads_keys_and_the_best_chunks_alone(void **unused) {
    (void)unused;
    static bed b;
    mn_chunk_hit hit[MN_CHUNK_BEST];
    float out[W];
    fill(&b, 32 * 32);
    const double m = 32, k = MN_CHUNK_BEST, flat = m * C * W * 2 * 2; /* keys and values, f16 */
    const mn_chunks_ask ask = {.q = b.q};
    assert_int_equal(mn_chunks_find(b.c, &ask, hit, out), k);
    assert_true((double)mn_chunks_read(b.c) / flat <= (m + k * C) / (m * C) + 0.05);
    assert_true((double)mn_chunks_read(b.c) >= k * C * W * 4);
    mn_chunks_close(&b.c);
}

static void what_cannot_be_is_refused(void **unused) {
    (void)unused;
    static bed b;
    static const mn_chunks_shape wrong[] = {{.width = 100, .heads = 3},
                                            {.width = 96, .heads = 4},
                                            {.width = 0, .heads = 1},
                                            {.width = 96, .heads = 0},
                                            {.width = 1 << 20, .heads = 16},
                                            {.width = 96, .heads = 3, .steps = 513},
                                            {.width = 96, .heads = 3, .steps = -1}};
    mn_chunk_hit hit[MN_CHUNK_BEST];
    float x[W] = {0}, out[W];
    fill(&b, 3);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        mn_chunks *none;
        assert_int_equal(mn_chunks_open(b.k, wrong + i, &none), MN_EINVAL);
        assert_int_not_equal(strlen(mn_error_detail()), 0);
    }
    x[5] = NAN;
    assert_int_equal(mn_chunks_add(b.c, x), MN_EINVAL);
    x[5] = 1e30f;
    assert_int_equal(mn_chunks_add(b.c, x), MN_EINVAL);
    assert_int_equal(mn_chunks_steps(b.c), 3);
    x[5] = INFINITY;
    const mn_chunks_ask bad = {.q = x}, fewer = {.q = b.q, .k = -1},
                        before = {.q = b.q, .before = -1};
    assert_int_equal(mn_chunks_find(b.c, &bad, hit, out), MN_EINVAL);
    assert_int_equal(mn_chunks_find(b.c, &fewer, hit, out), MN_EINVAL);
    assert_int_equal(mn_chunks_find(b.c, &before, hit, out), MN_EINVAL);
    mn_chunks_close(&b.c);
}

static void nothing_is_found_in_nothing(void **unused) {
    (void)unused;
    static bed b;
    mn_chunk_hit hit[MN_CHUNK_BEST];
    float out[W];
    fill(&b, 0);
    const mn_chunks_ask ask = {.q = b.q};
    assert_int_equal(mn_chunks_find(b.c, &ask, hit, out), 0);
    for (int i = 0; i < W; i++) assert_true(out[i] == 0);
    mn_chunks_close(&b.c);
}

static int life(void) {
    static bed b;
    const mn_chunks_shape shape = {.width = W, .heads = H};
    mn_chunk_hit hit[MOST];
    float x[W] = {1};
    int rc = mn_kernels_pick(NULL, MN_NUMERICS, &b.k);
    if (rc >= 0) rc = mn_chunks_open(b.k, &shape, &b.c);
    for (int i = 0; rc >= 0 && i < 17 * C; i++) rc = mn_chunks_add(b.c, x);
    const mn_chunks_ask ask = {.q = x, .k = 17};
    if (rc >= 0) rc = mn_chunks_find(b.c, &ask, hit, NULL);
    mn_chunks_close(&b.c);
    return rc;
}

static void every_allocation_may_fail(void **unused) {
    (void)unused;
    int rc = -1;
    for (long n = 1; n < 100 && rc < 0; n++) {
        mn_alloc_fail_after(n);
        rc = life();
        mn_alloc_fail_after(0);
        assert_true(rc == 17 || rc == MN_ENOMEM || rc == MN_EFULL);
    }
    assert_int_equal(rc, 17);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_chunks_are_the_dense_form),
        cmocka_unit_test(the_best_chunks_are_those_of_the_largest_logits),
        cmocka_unit_test(a_step_is_found_at_once),
        cmocka_unit_test(a_sealed_chunk_stays_as_it_is),
        cmocka_unit_test(what_comes_later_is_not_seen),
        cmocka_unit_test(episodes_are_kept_apart),
        cmocka_unit_test(it_reads_keys_and_the_best_chunks_alone),
        cmocka_unit_test(what_cannot_be_is_refused),
        cmocka_unit_test(nothing_is_found_in_nothing),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
