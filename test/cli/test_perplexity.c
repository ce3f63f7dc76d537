/* SPDX-License-Identifier: Apache-2.0
 *
 * test/cli/test_perplexity.c - the windows of `omnesia perplexity`, on an engine of known logits.
 *
 * The engine here is this file: a token is a byte modulo the vocabulary, and the logits after a
 * token depend on it, on its position and on the first token of the window, so that a wrong
 * window, a missing begin token or a row too many changes the figure. Expected figures are
 * computed by the definition, in one straight loop.
 */
#include "test.h"

#include "base/alloc.h"
#include "cli/cli.h"
#include "omnesia.h"

#include <math.h>
#include <unistd.h>

enum { VOCAB = 9, BEGIN = 8, CONTEXT = 64 };

struct mn_model {
    int unused;
};
struct mn_session {
    int32_t n, ids[CONTEXT];
};

static struct {
    int has_begin, open_models, open_sessions, evals, widest;
    int fail_eval_at; /* the n-th eval fails; 0: none */
    float spoil;      /* put in place of a logit when not 0 */
} engine;

static float logit(int32_t first, int32_t id, int32_t position, int32_t i) {
    return 4.0f * sinf((float)(first * 5 + id * 3 + position * 7 + i * 11));
}

int mn_model_open(const char *name, const mn_model_options *options, mn_model **out) {
    if (strcmp(name, "toy") != 0) return MN_FAIL(MN_ENOENT, "no model %s", name);
    if (!(*out = mn_calloc(1, sizeof **out))) return MN_FAIL(MN_ENOMEM, "no memory");
    engine.open_models++;
    return 0;
}

void mn_model_close(mn_model **model) {
    if (*model) engine.open_models--;
    mn_free(*model);
    *model = NULL;
}

void mn_model_describe(const mn_model *model, mn_model_info *out) {
    *out = (mn_model_info){.n_vocab = VOCAB, .n_context = CONTEXT};
}

int mn_encode(const mn_model *model, const char *text, size_t n, unsigned flags, int32_t *ids,
              size_t cap) {
    size_t k = 0;
    if ((flags & MN_BEGIN) && engine.has_begin && k++ < cap) ids[0] = BEGIN;
    for (size_t i = 0; i < n; i++, k++)
        if (k < cap) ids[k] = (uint8_t)text[i] % (VOCAB - 1);
    return (int)k;
}

int mn_session_open(mn_model *model, int32_t context, int kv_q8, mn_session **out) {
    assert_true(context <= CONTEXT);
    if (!(*out = mn_calloc(1, sizeof **out))) return MN_FAIL(MN_ENOMEM, "no memory");
    engine.open_sessions++;
    return 0;
}

void mn_session_close(mn_session **session) {
    if (*session) engine.open_sessions--;
    mn_free(*session);
    *session = NULL;
}

int mn_session_trim(mn_session *session, int32_t length) {
    session->n = length;
    return 0;
}

int mn_session_eval(mn_session *s, const int32_t *ids, int32_t n, float *logits, int32_t n_logits) {
    assert_true(n > 0 && s->n + n <= CONTEXT && n_logits <= n);
    if (++engine.evals == engine.fail_eval_at) return MN_FAIL(MN_EIO, "the toy engine broke");
    memcpy(s->ids + s->n, ids, (size_t)n * sizeof *ids);
    s->n += n;
    if (n_logits > engine.widest) engine.widest = n_logits;
    for (int32_t r = 0; r < n_logits; r++) {
        const int32_t position = s->n - n_logits + r;
        for (int32_t i = 0; i < VOCAB; i++)
            logits[r * VOCAB + i] = logit(s->ids[0], s->ids[position], position, i);
        if (engine.spoil != 0) logits[r * VOCAB] = engine.spoil;
    }
    return 0;
}

/* What cli/main.c and cli/commands.c would give. */
static char written[512];
const mn_opt mn_cli_common_rows[] = {{0}};

int mn_cli_write(const char *bytes, size_t n) {
    assert_true(n < sizeof written);
    memcpy(written, bytes, n);
    written[n] = 0;
    return 0;
}

/* ---- the command --------------------------------------------------------------------------- */

extern const mn_cli_command mn_cli_command_perplexity;
static char text_path[64], base_path[64];
static const char text[] =
    "It was the best of times, it was the worst of times, it was the age of wisdom, it was the age "
    "of foolishness";

/* Run the command with words as a shell would split them. */
static int perplexity(char *words) {
    const mn_cli_command *c = &mn_cli_command_perplexity;
    char *argv[32] = {(char *)"perplexity"};
    const char *rest[32];
    int argc = 1, n_rest;
    for (char *w = strtok(words, " "); w; w = strtok(NULL, " ")) argv[argc++] = w;
    void *options = calloc(1, c->size);
    written[0] = 0;
    engine.evals = engine.widest = 0;
    assert_ok(mn_opt_parse(c->options, options, NULL, 0, argc, argv, rest, &n_rest));
    const int rc = c->run(options, n_rest, rest);
    mn_opt_free(c->options, options);
    free(options);
    assert_int_equal(engine.open_models, 0);
    assert_int_equal(engine.open_sessions, 0);
    return rc;
}

static int ask(const char *format, const char *path) {
    char words[256];
    snprintf(words, sizeof words, format, path);
    return perplexity(words);
}

/* The definition: windows in a row, positions ctx/2 .. ctx-2, exp of the mean of -log p. */
static double expected(int ctx, int chunks) {
    int32_t ids[sizeof text + 1];
    int n = mn_encode(NULL, text, sizeof text - 1, MN_BEGIN, ids, sizeof ids / sizeof *ids);
    double sum = 0;
    int count = 0;
    for (int c = 0; c < n / ctx && (!chunks || c < chunks); c++) {
        int32_t *w = ids + c * ctx;
        if (engine.has_begin) w[0] = BEGIN;
        for (int at = ctx / 2; at < ctx - 1; at++, count++) {
            double all = 0;
            for (int i = 0; i < VOCAB; i++) all += exp((double)logit(w[0], w[at], at, i));
            sum += log(all) - (double)logit(w[0], w[at], at, w[at + 1]);
        }
    }
    return exp(sum / count);
}

static void save(const char *path, const void *bytes, size_t n) {
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
}

static int setup(void **state) {
    memset(&engine, 0, sizeof engine);
    snprintf(text_path, sizeof text_path, "/tmp/mn_perplexity_%d.txt", (int)getpid());
    snprintf(base_path, sizeof base_path, "/tmp/mn_perplexity_%d.kl", (int)getpid());
    char whole[sizeof text + 1];
    snprintf(whole, sizeof whole, "%s\n", text); /* the newline must not count */
    save(text_path, whole, strlen(whole));
    return 0;
}

static int teardown(void **state) {
    unlink(text_path);
    unlink(base_path);
    return 0;
}

static void assert_says(const char *before, double value) {
    char line[64];
    snprintf(line, sizeof line, "%sperplexity: %.4f\n", before, value);
    assert_string_equal(written, line);
}

static void test_follows_the_definition(void **state) {
    for (int begin = 0; begin < 2; begin++) {
        engine.has_begin = begin;
        assert_int_equal(ask("-m toy --file %s --ctx 16", text_path), 0);
        assert_says("", expected(16, 0));
        assert_int_equal(ask("-m toy --file %s --ctx 15", text_path), 0);
        assert_says("", expected(15, 0));
        assert_int_equal(ask("-m toy --file %s --ctx 8 --chunks 3", text_path), 0);
        assert_says("", expected(8, 3));
        assert_int_equal(ask("-m toy --file %s --ctx 8 --chunks 999", text_path), 0);
        assert_says("", expected(8, 0));
    }
}

/* Saved logits that are our own: the same figure, no divergence, every top equal. */
static void save_base(int ctx, int chunks, int32_t n_vocab) {
    static uint8_t bytes[1 << 14];
    int32_t ids[sizeof text + 1], head[3] = {ctx, n_vocab, chunks};
    mn_encode(NULL, text, sizeof text - 1, MN_BEGIN, ids, sizeof ids / sizeof *ids);
    memcpy(bytes, "_logits_", 8);
    memcpy(bytes + 8, head, sizeof head);
    memcpy(bytes + 20, ids, (size_t)(ctx * chunks) * 4);
    uint8_t *at = bytes + 20 + ctx * chunks * 4;
    for (int c = 0; c < chunks; c++)
        for (int p = ctx / 2; p < ctx - 1; p++, at += 8 + 2 * (VOCAB + 1)) {
            const int32_t *w = ids + c * ctx, first = engine.has_begin ? BEGIN : w[0];
            double all = 0;
            float low = INFINITY, high = -INFINITY;
            for (int i = 0; i < VOCAB; i++) {
                const float x = logit(first, w[p], p, i);
                all += exp((double)x);
                low = fminf(low, x);
                high = fmaxf(high, x);
            }
            const float scale = (high - low) / 65535.0f, lowest = low - (float)log(all);
            memcpy(at, &scale, 4);
            memcpy(at + 4, &lowest, 4);
            for (int i = 0; i < VOCAB; i++) {
                const uint16_t q = (uint16_t)lrintf((logit(first, w[p], p, i) - low) / scale);
                memcpy(at + 8 + 2 * i, &q, 2);
            }
        }
    save(base_path, bytes, (size_t)(at - bytes));
}

static void test_compares_with_saved_logits(void **state) {
    engine.has_begin = 1;
    save_base(16, 4, VOCAB);
    assert_int_equal(ask("-m toy --kl-base %s", base_path), 0);
    double kl, top, value;
    assert_int_equal(
        sscanf(written, "mean KL: %lf\ntop-1 equal: %lf %%\nperplexity: %lf\n", &kl, &top, &value),
        3);
    assert_true(fabs(kl) < 1e-4);
    assert_true(top == 100.0);
    assert_true(fabs(value - expected(16, 4)) < 1e-4);

    engine.has_begin = 0; /* another first token: another distribution */
    assert_int_equal(ask("-m toy --kl-base %s", base_path), 0);
    assert_int_equal(sscanf(written, "mean KL: %lf", &kl), 1);
    assert_true(kl > 0.1);

    save_base(16, 4, VOCAB + 1);
    assert_fails(ask("-m toy --kl-base %s", base_path), MN_EINVAL, "a vocabulary of 10, toy has 9");
}

static void test_refuses(void **state) {
    assert_fails(ask("-m toy%s", ""), MN_CLI_USAGE, "--file");
    assert_fails(ask("-m toy --file x --kl-base %s", base_path), MN_CLI_USAGE, "not both");
    assert_fails(ask("-m toy --file %s.missing", text_path), MN_ENOENT, "no such file");
    assert_fails(ask("-m other --file %s", text_path), MN_ENOENT, "no model other");
    assert_fails(ask("-m toy --file %s --ctx 60", text_path), MN_EINVAL, "need at least 120");
    save(text_path, "", 0);
    assert_fails(ask("-m toy --file %s --ctx 4", text_path), MN_EINVAL, "has 0 tokens");
    char longer[400];
    memset(longer, 'x', sizeof longer);
    save(text_path, longer, sizeof longer);
    assert_fails(ask("-m toy --file %s --ctx 128", text_path), MN_ETOOLONG, "do not fit the 64");
    assert_string_equal(written, "");
}

static void test_passes_failures_on(void **state) {
    for (engine.fail_eval_at = 1; engine.fail_eval_at < 4; engine.fail_eval_at++)
        assert_fails(ask("-m toy --file %s --ctx 16", text_path), MN_EIO, "broke");
    engine.fail_eval_at = 0;
    engine.spoil = NAN;
    assert_fails(ask("-m toy --file %s --ctx 16", text_path), MN_ECORRUPT, "logit 0 of 9");
    assert_string_equal(written, "");
}

static void test_survives_every_failing_allocation(void **state) {
    int failures = 0;
    for (long n = 1; n < 100; n++) {
        mn_alloc_fail_after(n);
        const int rc = ask("-m toy --file %s --ctx 16 --chunks 2", text_path);
        mn_alloc_fail_after(0);
        if (rc == 0) break;
        assert_int_equal(rc, MN_ENOMEM);
        assert_string_equal(written, "");
        failures++;
    }
    assert_in_range(failures, 3, 50);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_follows_the_definition, setup, teardown),
        cmocka_unit_test_setup_teardown(test_compares_with_saved_logits, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refuses, setup, teardown),
        cmocka_unit_test_setup_teardown(test_passes_failures_on, setup, teardown),
        cmocka_unit_test_setup_teardown(test_survives_every_failing_allocation, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
