/* SPDX-License-Identifier: Apache-2.0
 * test/engine/test_sample.c - the sampler against a dumb twin that sorts everything and uses the C
 * library's exp, against the chi-square law, and at its edges. */
#include "test.h"

#include "base/alloc.h"
#include "base/random.h"
#include "engine/sample.h"

#include <math.h>

enum { V_MAX = 600 };

static mn_sampling plain(void) {
    return (mn_sampling){.temp = 1, .top_p = 1, .typical_p = 1, .repeat_penalty = 1, .seed = 1};
}

/* ---- the twin ------------------------------------------------------------------------------- */
typedef struct item {
    int32_t id;
    float x;    /* logit */
    double key; /* what it is sorted by, descending */
} item;

static int by_key(const void *a, const void *b) {
    const item *p = a, *q = b;
    if (p->key != q->key) return p->key > q->key ? -1 : 1;
    return p->id < q->id ? -1 : p->id > q->id;
}

static int by_id(const void *a, const void *b) {
    return ((const item *)a)->id < ((const item *)b)->id ? -1 : 1;
}

static void order(item *c, int n) {
    for (int i = 0; i < n; i++) c[i].key = (double)c[i].x;
    qsort(c, (size_t)n, sizeof *c, by_key);
}

static double total(const item *c, int n, double temp) {
    double sum = 0;
    for (int i = 0; i < n; i++) sum += exp(((double)c[i].x - (double)c[0].x) / temp);
    return sum;
}

static int twin_typical(item *c, int n, double p) {
    if (p >= 1) return n;
    order(c, n);
    const double sum = total(c, n, 1);
    double entropy = 0, cum = 0;
    for (int i = 0; i < n; i++) {
        const double q = exp((double)c[i].x - (double)c[0].x) / sum;
        entropy -= q > 0 ? q * log(q) : 0;
    }
    const double top = (double)c[0].x;
    for (int i = 0; i < n; i++)
        c[i].key = (double)(float)-fabs(-((double)c[i].x - top - log(sum)) - entropy);
    qsort(c, (size_t)n, sizeof *c, by_key);
    int kept = 0;
    while (kept < n) {
        cum += exp((double)c[kept++].x - top) / sum;
        if (cum > p) break;
    }
    return kept;
}

/* The survivors of all cuts, in the order the draw walks them. */
static int twin_cut(const mn_sampling *how, const float *x, int v, item *c) {
    int n = 0;
    for (int i = 0; i < v; i++)
        if (!isnan(x[i]) && x[i] != -INFINITY) c[n++] = (item){.id = i, .x = x[i]};
    int sorted = how->top_k > 0 && how->top_k < v;
    if (sorted) order(c, n);
    if (sorted && n > how->top_k) n = how->top_k;
    if (how->typical_p < 1) n = twin_typical(c, n, (double)how->typical_p);
    if (how->top_p < 1 || how->min_p > 0) {
        order(c, n);
        const double sum = total(c, n, 1);
        double cum = 0;
        int kept = 0;
        while (kept < n) {
            const double w = exp((double)c[kept].x - (double)c[0].x);
            if (how->min_p > 0 && w < (double)how->min_p) break;
            cum += w;
            kept++;
            if (how->top_p < 1 && cum >= (double)how->top_p * sum) break;
        }
        n = kept;
    } else if (!sorted && how->typical_p >= 1) {
        qsort(c, (size_t)n, sizeof *c, by_id);
    }
    return n;
}

static int twin_draw(const mn_sampling *how, const item *c, int n, double u) {
    double top = -INFINITY, sum = 0;
    for (int i = 0; i < n; i++) top = fmax(top, (double)c[i].x);
    for (int i = 0; i < n; i++) sum += exp(((double)c[i].x - top) / (double)how->temp);
    double goal = u * sum;
    for (int i = 0; i < n; i++) {
        const double w = exp(((double)c[i].x - top) / (double)how->temp);
        if (goal < w) return c[i].id;
        goal -= w;
    }
    return c[0].id;
}

static void twin_penalise(const mn_sampling *how, const int32_t *past, int n, float *x, int v) {
    for (int id = 0; id < v; id++) {
        int count = 0;
        for (int i = n > how->repeat_last_n ? n - how->repeat_last_n : 0; i < n; i++)
            count += past[i] == id;
        if (!count) continue;
        x[id] = x[id] <= 0 ? x[id] * how->repeat_penalty : x[id] / how->repeat_penalty;
        x[id] = x[id] - (float)count * how->frequency_penalty - how->presence_penalty;
    }
}

static float gauss(mn_random *r) { /* sum of uniforms: near enough */
    double sum = -6;
    for (int i = 0; i < 12; i++) sum += mn_random_unit(r);
    return (float)(sum * 3);
}

static mn_sampling random_knobs(mn_random *r, int v) {
    mn_sampling how = plain();
    const uint64_t bits = mn_random_u64(r);
    how.temp = (float)(0.1 + 2 * mn_random_unit(r));
    if (bits & 1) how.top_k = (int32_t)(mn_random_u64(r) % (uint64_t)(2 * v));
    if (bits & 2) how.top_p = (float)mn_random_unit(r);
    if (bits & 4) how.min_p = (float)(mn_random_unit(r) / 4);
    if (bits & 8) how.typical_p = (float)mn_random_unit(r);
    if (bits & 16) how.repeat_penalty = (float)(0.5 + mn_random_unit(r));
    if (bits & 32) how.presence_penalty = gauss(r);
    if (bits & 64) how.frequency_penalty = gauss(r) / 4;
    how.repeat_last_n = (int32_t)(mn_random_u64(r) % 12);
    how.seed = mn_random_u64(r);
    return how;
}

/* Random knobs, logits (with forbidden, NaN and equal ones) and pasts: the same id as the twin. */
static void against_twin(void **state) {
    (void)state;
    mn_random r;
    mn_random_seed(&r, 7);
    static float x[V_MAX], y[V_MAX];
    static item c[V_MAX];
    for (int round = 0; round < 3000; round++) {
        const int v = 1 + (int)(mn_random_u64(&r) % (round % 10 ? 40 : V_MAX));
        mn_sampling how = random_knobs(&r, v);
        const mn_logit_bias bias[2] = {{(int32_t)(mn_random_u64(&r) % (uint64_t)v), 2.5f},
                                       {(int32_t)(mn_random_u64(&r) % (uint64_t)v), -INFINITY}};
        how.bias = bias;
        how.n_bias = v > 2 ? (size_t)(round % 3) : 0;
        mn_sampler *s;
        assert_ok(mn_sampler_open(&how, v, &s));
        mn_random twin;
        mn_random_seed(&twin, how.seed);
        int32_t past[30];
        for (int t = 0; t < 30; t++) {
            for (int i = 0; i < v; i++) x[i] = gauss(&r);
            for (int i = 2; i < v; i += 5) x[i] = x[i - 1]; /* ties */
            if (v > 4 && t % 3 == 0) x[t % v] = NAN, x[(t + 1) % v] = -INFINITY;
            memcpy(y, x, sizeof y);
            for (size_t i = 0; i < how.n_bias; i++) y[bias[i].id] += bias[i].bias;
            twin_penalise(&how, past, t, y, v);
            const int n = twin_cut(&how, y, v, c);
            const int want = twin_draw(&how, c, n, mn_random_unit(&twin));
            int32_t id;
            assert_ok(mn_sampler_next(s, x, &id, NULL));
            if (id != want) fail_msg("round %d token %d: %d, twin says %d", round, t, id, want);
            past[t] = id;
            mn_sampler_accept(s, id);
        }
        mn_sampler_close(&s);
    }
}

/* ---- the law -------------------------------------------------------------------------------- */
/* n draws from logits x[v]: chi-square against the twin's softmax stays below `bound`, the 99.9 %
 * quantile for the number of survivors less one. */
static void law(mn_sampling how, const float *x, int v, double bound) {
    enum { N = 20000 };
    item c[V_MAX];
    int count[V_MAX] = {0};
    mn_sampler *s;
    assert_ok(mn_sampler_open(&how, v, &s));
    for (int i = 0; i < N; i++) {
        int32_t id;
        assert_ok(mn_sampler_next(s, x, &id, NULL));
        count[id]++;
    }
    mn_sampler_close(&s);
    const int n = twin_cut(&how, x, v, c);
    const double sum = total(c, n, (double)how.temp);
    double chi = 0;
    int seen = 0;
    for (int i = 0; i < n; i++) {
        const double want = N * exp(((double)c[i].x - (double)c[0].x) / (double)how.temp) / sum;
        chi += (count[c[i].id] - want) * (count[c[i].id] - want) / want;
        seen += count[c[i].id];
    }
    assert_int_equal(seen, N); /* nothing that was cut was drawn */
    if (chi > bound) fail_msg("chi-square %g over %d survivors exceeds %g", chi, n, bound);
}

static void distribution(void **state) {
    (void)state;
    const float x[10] = {1, 0.5f, 0, -0.5f, 2, 1.5f, 1, 0.25f, -1, 0.75f};
    mn_sampling how = plain();
    law(how, x, 10, 27.88); /* 9 degrees of freedom */
    how.temp = 0.5f;
    law(how, x, 10, 27.88);
    how.temp = 3;
    how.seed = 99;
    law(how, x, 10, 27.88);
    how.top_k = 4;
    law(how, x, 10, 16.27); /* 3 */
    how.top_k = 0;
    how.top_p = 0.8f;
    law(how, x, 10, 27.88);
    how.min_p = 0.3f;
    law(how, x, 10, 27.88);
    how = plain();
    how.typical_p = 0.6f;
    law(how, x, 10, 27.88);
}

/* ---- greedy, logprobs --------------------------------------------------------------------------
 */
static int32_t greedy(const float *x, int v) {
    mn_sampling how = plain();
    how.temp = 0;
    mn_sampler *s;
    assert_ok(mn_sampler_open(&how, v, &s));
    int32_t id = -1;
    assert_ok(mn_sampler_next(s, x, &id, NULL));
    mn_sampler_close(&s);
    return id;
}

static void greedy_ties(void **state) {
    (void)state;
    assert_int_equal(greedy((const float[]){1, 3, 3, 2}, 4), 1);
    assert_int_equal(greedy((const float[]){NAN, -5, NAN, -4}, 4), 3);
    assert_int_equal(greedy((const float[]){-INFINITY, -INFINITY, -1e30f}, 3), 2);
    assert_int_equal(greedy((const float[]){1, INFINITY, 5}, 3), 1);
    assert_int_equal(greedy((const float[]){0}, 1), 0);
}

static void nothing_allowed(void **state) {
    (void)state;
    const float none[3] = {-INFINITY, NAN, -INFINITY}, some[3] = {1, 2, 3};
    for (int temp = 0; temp < 2; temp++) {
        mn_sampling how = plain();
        how.temp = (float)temp;
        mn_sampler *s;
        int32_t id = 77;
        float lp;
        assert_ok(mn_sampler_open(&how, 3, &s));
        assert_fails(mn_sampler_next(s, none, &id, &lp), MN_EINVAL, "of 3");
        assert_int_equal(id, 77);
        mn_sampler_close(&s);
        const mn_logit_bias all[3] = {{0, -INFINITY}, {1, -INFINITY}, {2, -INFINITY}};
        how.bias = all;
        how.n_bias = 3;
        assert_ok(mn_sampler_open(&how, 3, &s));
        assert_fails(mn_sampler_next(s, some, &id, &lp), MN_EINVAL, "forbidden");
        mn_sampler_close(&s);
    }
}

static void logprobs(void **state) {
    (void)state;
    mn_random r;
    mn_random_seed(&r, 3);
    static float x[V_MAX];
    static item c[V_MAX];
    for (int round = 0; round < 50; round++) {
        const int v = 2 + (int)(mn_random_u64(&r) % (V_MAX - 2));
        for (int i = 0; i < v; i++) c[i] = (item){i, x[i] = gauss(&r) * 4, 0};
        order(c, v);
        const double norm = log(total(c, v, 1)) + (double)c[0].x;
        mn_logprob top[V_MAX + 5];
        const int k = 1 + round % 20;
        mn_sampling how = plain(); /* bias and temperature leave the reported logprob alone */
        const mn_logit_bias bias = {1, 100};
        how.bias = &bias;
        how.n_bias = 1;
        how.temp = (float)(round % 2);
        mn_sampler *s;
        int32_t id;
        float lp;
        assert_ok(mn_sampler_open(&how, v, &s));
        assert_ok(mn_sampler_next(s, x, &id, &lp));
        assert_int_equal(id, 1);
        assert_true(fabs((double)lp - ((double)x[1] - norm)) < 1e-5);
        mn_sample_top(s, x, k, top);
        for (int i = 0; i < k && i < v; i++) {
            assert_int_equal(top[i].id, c[i].id);
            assert_true(fabs((double)top[i].logprob - ((double)c[i].x - norm)) < 1e-5);
        }
        mn_sampler_close(&s);
    }
    const float few[4] = {NAN, 0, -INFINITY, 0};
    const mn_sampling greedy = plain();
    mn_sampler *s;
    mn_logprob top[6];
    assert_ok(mn_sampler_open(&greedy, 4, &s));
    mn_sample_top(s, few, 6, top); /* more than there are */
    mn_sampler_close(&s);
    assert_int_equal(top[0].id, 1);
    assert_int_equal(top[1].id, 3);
    assert_true(fabs((double)top[0].logprob + 0.69314718) < 1e-6);
    for (int i = 2; i < 6; i++) assert_true(top[i].id == -1 && top[i].logprob == -INFINITY);
}

/* ---- edges ------------------------------------------------------------------------------------
 */
static void knobs_checked(void **state) {
    (void)state;
    mn_sampler *s;
    mn_sampling how = plain();
    how.temp = -1;
    assert_fails(mn_sampler_open(&how, 5, &s), MN_EINVAL, "temperature -1");
    assert_null(s);
    how = plain();
    how.top_p = NAN;
    assert_fails(mn_sampler_open(&how, 5, &s), MN_EINVAL, "top-p");
    how = plain();
    how.repeat_penalty = 0;
    assert_fails(mn_sampler_open(&how, 5, &s), MN_EINVAL, "repeat penalty");
    how = plain();
    how.top_k = -1;
    assert_fails(mn_sampler_open(&how, 5, &s), MN_EINVAL, "top-k");
    how = plain();
    const mn_logit_bias bias = {5, 1};
    how.bias = &bias;
    how.n_bias = 1;
    assert_fails(mn_sampler_open(&how, 5, &s), MN_EINVAL, "0 to 4");
    assert_fails(mn_sampler_open(&how, 0, &s), MN_EINVAL, "vocabulary");
    mn_sampler_close(&s); /* NULL is harmless */
}

/* The stream is the seed's: the same ids again, others for another seed; greedy draws nothing. */
static void seeds(void **state) {
    (void)state;
    float x[50] = {0};
    int32_t id[3][40];
    for (int run = 0; run < 3; run++) {
        mn_sampling how = plain();
        how.seed = run == 2 ? 6 : 5;
        mn_sampler *s;
        assert_ok(mn_sampler_open(&how, 50, &s));
        for (int i = 0; i < 40; i++) assert_ok(mn_sampler_next(s, x, &id[run][i], NULL));
        mn_sampler_close(&s);
    }
    assert_memory_equal(id[0], id[1], sizeof id[0]);
    assert_true(memcmp(id[0], id[2], sizeof id[0]) != 0);
    mn_random r = {{1, 2, 3, 4}}; /* the authors' first values for this state */
    assert_true(mn_random_u64(&r) == 41943041 && mn_random_u64(&r) == 58720359);
    uint64_t zero = 0;
    assert_true(mn_random_mix(&zero) == 0xe220a8397b1dcdafu);
}

static void extremes(void **state) {
    (void)state;
    mn_sampling how = plain();
    how.temp = 1e-30f;
    const float x[4] = {-3e38f, 3e38f, 1, INFINITY};
    mn_sampler *s;
    int32_t id;
    float lp;
    assert_ok(mn_sampler_open(&how, 4, &s));
    assert_ok(mn_sampler_next(s, x, &id, &lp));
    assert_int_equal(id, 3);
    assert_true(lp == 0);
    mn_sampler_close(&s);
    how = plain();
    how.top_p = 0; /* always the best alone */
    how.min_p = 1;
    how.typical_p = 0;
    assert_ok(mn_sampler_open(&how, 4, &s));
    const float even[4] = {2, 2, 2, 2};
    assert_ok(mn_sampler_next(s, even, &id, &lp));
    assert_int_equal(id, 0);
    assert_true(fabs((double)lp + log(4)) < 1e-6);
    mn_sampler_accept(s, -1); /* ids from outside are ignored */
    mn_sampler_accept(s, 4);
    mn_sampler_close(&s);
}

static void no_memory(void **state) {
    (void)state;
    mn_sampling how = plain();
    const mn_logit_bias bias = {2, 1};
    how.bias = &bias;
    how.n_bias = 1;
    how.repeat_last_n = 8;
    how.presence_penalty = 1;
    int failed = 0;
    for (long n = 1;; n++) {
        mn_sampler *s;
        mn_alloc_fail_after(n);
        const int rc = mn_sampler_open(&how, 5, &s);
        mn_alloc_fail_after(0);
        if (rc >= 0) {
            mn_sampler_close(&s);
            break;
        }
        assert_int_equal(rc, MN_ENOMEM);
        assert_null(s);
        failed++;
    }
    assert_int_equal(failed, 6);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(against_twin), cmocka_unit_test(distribution),
        cmocka_unit_test(greedy_ties),  cmocka_unit_test(nothing_allowed),
        cmocka_unit_test(logprobs),     cmocka_unit_test(knobs_checked),
        cmocka_unit_test(seeds),        cmocka_unit_test(extremes),
        cmocka_unit_test(no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
