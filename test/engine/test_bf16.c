/* SPDX-License-Identifier: Apache-2.0
 * test/engine/test_bf16.c - numerics "b1" stays close to "c1": logits of the tiny models. */
#include "engine/bed.h"
#include "model/golden.h"

#include <math.h>

enum { T = 580 };

/* Logits of all T tokens; on the heap. */
static float *logits_of(const char *path, const char *numerics, int *V) {
    const mn_kernels *k;
    bed b;
    int32_t ids[T];
    uint32_t state = 7;
    assert_ok(mn_kernels_pick(NULL, numerics, &k));
    assert_string_equal(k->numerics, numerics);
    bed_open_as(&b, path, k, 2);
    *V = b.net->V;
    for (int i = 0; i < T; i++)
        ids[i] = (int32_t)(((state = state * 1664525u + 1013904223u) >> 8) % (uint32_t)b.net->V);
    mn_seq *s = bed_seq(&b, T);
    float *logits = bed_step(&b, s, ids, T, T);
    mn_seq_close(&s);
    bed_close(&b);
    return logits;
}

static double log_sum(const float *x, int n) {
    double top = x[0], sum = 0;
    for (int i = 1; i < n; i++) top = x[i] > top ? x[i] : top;
    for (int i = 0; i < n; i++) sum += exp(x[i] - top);
    return top + log(sum);
}

/* Kullback-Leibler divergence of softmax(y) from softmax(x). */
static double divergence(const float *x, const float *y, int n) {
    const double a = log_sum(x, n), b = log_sum(y, n);
    double kl = 0;
    for (int i = 0; i < n; i++) kl += exp(x[i] - a) * (x[i] - a - (y[i] - b));
    return kl;
}

static void close_to_c1(void **unused) {
    (void)unused;
    static const char *const files[] = {"tiny-llama.gguf", "tiny-qwen2.gguf", "tiny-gemma3.gguf",
                                        "tiny-mixed.gguf"};
    for (size_t f = 0; f < sizeof files / sizeof *files; f++) {
        int V;
        mn_buf path = golden_path(files[f]);
        float *c1 = logits_of(path.data, MN_NUMERICS, &V);
        float *b1 = logits_of(path.data, MN_NUMERICS_BF16, &V);
        double mean = 0, most = 0;
        for (int t = 0; t < T; t++)
            mean += divergence(c1 + (size_t)t * (size_t)V, b1 + (size_t)t * (size_t)V, V) / T;
        for (size_t i = 0; i < (size_t)V * T; i++) most = fmax(most, fabs((double)c1[i] - b1[i]));
        print_message("%s: mean KL %.2g, largest difference of a logit %.2g\n", files[f], mean,
                      most);
        assert_true(most > 0);    /* or it was not asked for */
        assert_true(mean < 5e-3); /* random weights forgive little: the worst is 2.2e-3 */
        free(c1), free(b1);
        mn_buf_free(&path);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(close_to_c1)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
