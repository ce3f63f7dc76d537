/* SPDX-License-Identifier: Apache-2.0
 * test/model/test_tiny.c - the tiny models and their golden logits are what make_tiny.py says:
 * they open, their weights are finite numbers of the right size, and the tables fit each other. */
#include "model/gguf.h"
#include "model/golden.h"
#include "test.h"

#include <math.h>

static const struct {
    const char *file, *logits, *arch;
    size_t formats; /* different number formats in the file */
} models[] = {
    {"tiny-llama.gguf", "tiny-llama.logits", "llama", 1},
    {"tiny-qwen2.gguf", "tiny-qwen2.logits", "qwen2", 2},
    {"tiny-qwen3.gguf", "tiny-qwen3.logits", "qwen3", 2},
    {"tiny-gemma3.gguf", "tiny-gemma3.logits", "gemma3", 2},
    {"tiny-phi3.gguf", "tiny-phi3.logits", "phi3", 2},
    {"tiny-phi3.gguf", "tiny-phi3-long.logits", "phi3", 2},
    {"tiny-mixed.gguf", "tiny-mixed.logits", "llama", 13},
};
enum { N_MODELS = sizeof models / sizeof *models };

/* Root mean square of a tensor's weights; NaN when one is no number. */
static double spread(const mn_gguf_tensor *t) {
    const mn_format *f = mn_format_find(t->type);
    const size_t n = (size_t)(t->bytes / f->bytes * f->block);
    float *w = malloc(n * sizeof *w);
    assert_non_null(w);
    f->decode(t->data, w, n);
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += (double)w[i] * (double)w[i];
    free(w);
    return sqrt(sum / (double)n);
}

static void weights(void **s) {
    (void)s;
    for (size_t i = 0; i < N_MODELS; i++) {
        mn_buf path = golden_path(models[i].file);
        mn_gguf *g;
        assert_ok(mn_gguf_open(path.data, &g));
        mn_buf_free(&path);
        const mn_str arch = mn_gguf_str(g, "general.architecture");
        assert_int_equal(arch.n, strlen(models[i].arch));
        assert_memory_equal(arch.p, models[i].arch, arch.n);
        const mn_gguf_tensor *t;
        const size_t n = mn_gguf_tensors(g, &t);
        uint64_t seen = 0;
        for (size_t k = 0; k < n; k++) {
            const double rms = spread(&t[k]);
            assert_true(rms > 0.01 && rms < 20);
            seen |= 1ull << t[k].type;
        }
        assert_int_equal(__builtin_popcountll(seen), models[i].formats);
        mn_gguf_close(&g);
    }
}

static void logits(void **s) {
    (void)s;
    for (size_t i = 0; i < N_MODELS; i++) {
        golden g;
        golden_load(models[i].logits, &g);
        assert_int_equal(g.n_ids, 40);
        assert_int_equal(g.n_rows, 6);
        for (uint32_t r = 0; r < g.n_rows; r++) {
            assert_true(g.rows[r].position < g.n_ids);
            const float peer = golden_distance(&g.rows[r], NULL);
            assert_true(peer >= 0 && peer < 0.5f);
            float *zero = calloc(g.rows[r].n, sizeof *zero);
            assert_non_null(zero);
            assert_true(golden_distance(&g.rows[r], zero) > 3); /* wrong logits are far off */
            free(zero);
        }
        golden_free(&g);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(weights), cmocka_unit_test(logits)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
