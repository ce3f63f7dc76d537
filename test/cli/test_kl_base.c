/* SPDX-License-Identifier: Apache-2.0
 *
 * test/cli/test_kl_base.c - scores of logits against sums done by hand, and the reader of saved
 * log-probabilities on files made here: right, cut at every byte of the head, and hostile.
 */
#include "test.h"

#include "cli/kl_base.h"
#include "cli/score.h"

#include <float.h>
#include <math.h>
#include <unistd.h>

enum { CTX = 6, VOCAB = 5, CHUNKS = 2, SCORED = CTX - 1 - CTX / 2, ROW = 8 + 2 * 6 };

static const float logits[VOCAB] = {1.0f, 3.0f, -2.0f, 0.5f, 2.0f};

static void assert_near(double a, double b, double within) {
    if (!(fabs(a - b) <= within)) fail_msg("%.9g is not within %g of %.9g", a, within, b);
}

/* log-softmax in doubles: the truth that the code is held against. */
static double log_softmax(const float *x, int n, int i) {
    double sum = 0;
    for (int k = 0; k < n; k++) sum += exp((double)x[k]);
    return (double)x[i] - log(sum);
}

static void test_row_and_score(void **state) {
    mn_cli_row row;
    assert_ok(mn_cli_row_measure(logits, VOCAB, &row));
    assert_int_equal(row.top, 1);
    mn_cli_score score = {0};
    assert_near(mn_cli_score_perplexity(&score), 0, 0);
    double sum = 0, sum2 = 0;
    for (int i = 0; i < VOCAB; i++) {
        const double nll = -log_softmax(logits, VOCAB, i);
        assert_near(row.log_sum - (double)logits[i], nll, 1e-6);
        mn_cli_score_add(&score, &row, i);
        sum += nll;
        sum2 += nll * nll;
        if (i == 0) assert_near(mn_cli_score_error(&score), 0, 0);
    }
    const double mean = sum / VOCAB;
    assert_near(mn_cli_score_perplexity(&score), exp(mean), 1e-5);
    assert_near(mn_cli_score_error(&score),
                exp(mean) * sqrt((sum2 / VOCAB - mean * mean) / (VOCAB - 1)), 1e-5);
}

static void test_row_extremes(void **state) {
    mn_cli_row row;
    const float large[3] = {3e38f, 3e38f, -3e38f}; /* exp would overflow, and log of it too */
    assert_ok(mn_cli_row_measure(large, 3, &row));
    assert_int_equal(row.top, 0);
    assert_true(isfinite(row.log_sum));
    const float masked[2] = {-INFINITY, 1.0f};
    assert_ok(mn_cli_row_measure(masked, 2, &row));
    assert_near(row.log_sum, 1.0, 1e-6);

    const float bad[][2] = {{1, NAN}, {NAN, 1}, {INFINITY, 1}};
    for (size_t i = 0; i < 3; i++)
        assert_fails(mn_cli_row_measure(bad[i], 2, &row), MN_ECORRUPT, "not a number");
    const float none[2] = {-INFINITY, -INFINITY};
    assert_fails(mn_cli_row_measure(none, 2, &row), MN_ECORRUPT, "-infinity");
}

/* ---- files -------------------------------------------------------------------------------- */

typedef struct file {
    uint8_t bytes[8 + 12 + 4 * CTX * CHUNKS + CHUNKS * SCORED * ROW];
    char path[64];
} file;

static void put_i32(file *f, size_t at, int32_t value) {
    memcpy(f->bytes + at, &value, sizeof value);
}

/* Row r as llama-perplexity encodes `x`: codes over the range of the logits. */
static void put_row(file *f, int r, const float *x) {
    uint8_t *at = f->bytes + 20 + 4 * CTX * CHUNKS + (size_t)r * ROW;
    float low = FLT_MAX, high = -FLT_MAX;
    for (int i = 0; i < VOCAB; i++) low = fminf(low, x[i]), high = fmaxf(high, x[i]);
    const float scale = (high - low) / 65535.0f;
    int least = 0;
    for (int i = 0; i < VOCAB; i++)
        if (x[i] <= low) least = i;
    const float lowest = (float)log_softmax(x, VOCAB, least);
    memcpy(at, &scale, 4);
    memcpy(at + 4, &lowest, 4);
    for (int i = 0; i < VOCAB; i++) {
        const uint16_t code = scale > 0 ? (uint16_t)lrintf((x[i] - low) / scale) : 0;
        memcpy(at + 8 + 2 * i, &code, 2);
    }
}

static void save(file *f, size_t n) {
    FILE *out = fopen(f->path, "wb");
    assert_non_null(out);
    assert_int_equal(fwrite(f->bytes, 1, n, out), n);
    assert_int_equal(fclose(out), 0);
}

static int setup(void **state) {
    file *f = calloc(1, sizeof *f);
    snprintf(f->path, sizeof f->path, "/tmp/mn_kl_base_%d", (int)getpid());
    memcpy(f->bytes, "_logits_", 8);
    put_i32(f, 8, CTX);
    put_i32(f, 12, VOCAB);
    put_i32(f, 16, CHUNKS);
    for (int i = 0; i < CTX * CHUNKS; i++) put_i32(f, 20 + 4 * (size_t)i, i % VOCAB);
    for (int r = 0; r < CHUNKS * SCORED; r++) put_row(f, r, logits);
    save(f, sizeof f->bytes);
    *state = f;
    return 0;
}

static int teardown(void **state) {
    file *f = *state;
    unlink(f->path);
    free(f);
    return 0;
}

static void test_reads_what_was_saved(void **state) {
    file *f = *state;
    mn_cli_kl_base base = {0};
    assert_ok(mn_cli_kl_base_open(f->path, &base));
    assert_int_equal(base.n_ctx, CTX);
    assert_int_equal(base.n_vocab, VOCAB);
    assert_int_equal(base.n_chunk, CHUNKS);
    assert_int_equal(base.n_scored, SCORED);
    int32_t ids[CTX];
    assert_ok(mn_cli_kl_base_tokens(&base, 1, ids));
    for (int i = 0; i < CTX; i++) assert_int_equal(ids[i], (CTX + i) % VOCAB);
    assert_fails(mn_cli_kl_base_tokens(&base, CHUNKS, ids), MN_EINVAL, "window 2 of 2");
    assert_fails(mn_cli_kl_base_tokens(&base, -1, ids), MN_EINVAL, "window -1");

    mn_cli_kl kl = {0};
    mn_cli_row row;
    assert_ok(mn_cli_row_measure(logits, VOCAB, &row));
    for (int c = 0; c < CHUNKS; c++)
        for (int r = 0; r < SCORED; r++) assert_ok(mn_cli_kl_add(&kl, &base, c, r, &row));
    assert_int_equal(kl.n, CHUNKS * SCORED);
    assert_int_equal(kl.same_top, CHUNKS * SCORED);
    assert_near(kl.sum, 0, 1e-4); /* the same logits, but for the rounding of the codes */
    assert_fails(mn_cli_kl_add(&kl, &base, 0, SCORED, &row), MN_EINVAL, "row 2 of window 0");
    row.n_vocab--;
    assert_fails(mn_cli_kl_add(&kl, &base, 0, 0, &row), MN_EINVAL, "over 4 words");
    mn_cli_kl_base_close(&base);
    mn_cli_kl_base_close(&base);
}

static void test_divergence_of_other_logits(void **state) {
    file *f = *state;
    const float other[VOCAB] = {2.5f, 0.0f, 1.0f, -1.0f, 3.0f};
    mn_cli_kl_base base = {0};
    assert_ok(mn_cli_kl_base_open(f->path, &base));
    mn_cli_row row;
    assert_ok(mn_cli_row_measure(other, VOCAB, &row));
    mn_cli_kl kl = {0};
    assert_ok(mn_cli_kl_add(&kl, &base, 1, 1, &row));
    double truth = 0;
    for (int i = 0; i < VOCAB; i++) {
        const double p = log_softmax(logits, VOCAB, i), q = log_softmax(other, VOCAB, i);
        truth += exp(p) * (p - q);
    }
    assert_near(kl.sum, truth, 1e-3);
    assert_int_equal(kl.same_top, 0);
    mn_cli_kl_base_close(&base);
}

static void test_refuses_cut_files(void **state) {
    file *f = *state;
    mn_cli_kl_base base = {0};
    for (size_t n = 1; n < sizeof f->bytes; n++) {
        save(f, n);
        assert_int_equal(mn_cli_kl_base_open(f->path, &base), MN_ECORRUPT);
        assert_null(base.map.data);
    }
    assert_fails(mn_cli_kl_base_open(f->path, &base), MN_ECORRUPT, "cut off");
    unlink(f->path);
    assert_fails(mn_cli_kl_base_open(f->path, &base), MN_ENOENT, "no such file");
}

static void test_refuses_hostile_heads(void **state) {
    file *f = *state;
    mn_cli_kl_base base = {0};
    const int32_t bad[] = {-1, 0, 3, INT32_MAX, INT32_MIN, 1 << 20};
    for (size_t field = 8; field <= 16; field += 4) {
        const file good = *f;
        for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
            put_i32(f, field, bad[i]);
            save(f, sizeof f->bytes);
            assert_int_equal(mn_cli_kl_base_open(f->path, &base), MN_ECORRUPT);
        }
        *f = good;
    }
    f->bytes[0] = 'x';
    save(f, sizeof f->bytes);
    assert_fails(mn_cli_kl_base_open(f->path, &base), MN_ECORRUPT, "--save-all-logits");
}

static void test_refuses_hostile_rows(void **state) {
    file *f = *state;
    const size_t first_row = 20 + 4 * CTX * CHUNKS;
    const float bad[][2] = {{NAN, -1}, {-1, -1}, {INFINITY, -1}, {1, NAN}, {1, 1}};
    mn_cli_row row;
    assert_ok(mn_cli_row_measure(logits, VOCAB, &row));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        memcpy(f->bytes + first_row, bad[i], sizeof bad[i]);
        save(f, sizeof f->bytes);
        mn_cli_kl_base base = {0};
        mn_cli_kl kl = {0};
        assert_ok(mn_cli_kl_base_open(f->path, &base));
        assert_fails(mn_cli_kl_add(&kl, &base, 0, 0, &row), MN_ECORRUPT, "row 0 of window 0");
        assert_int_equal(kl.n, 0);
        mn_cli_kl_base_close(&base);
    }
    put_i32(f, 24, VOCAB);
    save(f, sizeof f->bytes);
    mn_cli_kl_base base = {0};
    int32_t ids[CTX];
    assert_ok(mn_cli_kl_base_open(f->path, &base));
    assert_fails(mn_cli_kl_base_tokens(&base, 0, ids), MN_ECORRUPT, "token 1 of window 0 is 5");
    mn_cli_kl_base_close(&base);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_row_and_score),
        cmocka_unit_test(test_row_extremes),
        cmocka_unit_test_setup_teardown(test_reads_what_was_saved, setup, teardown),
        cmocka_unit_test_setup_teardown(test_divergence_of_other_logits, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refuses_cut_files, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refuses_hostile_heads, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refuses_hostile_rows, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
