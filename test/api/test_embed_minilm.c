/* SPDX-License-Identifier: Apache-2.0
 * test/api/test_embed_minilm.c - minilm-l6 as pulled: ids and vectors of texts in many languages
 * equal the reference's, to 1e-3 a component; ids of random texts, all of them. */
#include "model/embed_golden.h"

#include "omnesia.h"

static mn_model *model;

static int open_model(void **s) {
    (void)s;
    assert_ok(mn_model_open("minilm-l6", &(mn_model_options){.kind = MN_EMBEDS}, &model));
    return 0;
}

static int close_model(void **s) {
    (void)s;
    mn_model_close(&model);
    return 0;
}

static void vectors(void **s) {
    (void)s;
    golden g;
    mn_model_info info;
    mn_model_describe(model, &info);
    assert_int_equal(info.n_embd, 384);
    assert_int_equal(info.n_context, 512);
    assert_int_equal(info.n_vocab, 30522);
    golden_open(&g, "minilm-l6.vectors");
    assert_true(g.n >= 40 && g.width == 384);
    double worst = 0;
    for (uint32_t i = 0; i < g.n; i++) {
        float out[384];
        int32_t tokens, ids[512];
        golden_next(&g);
        assert_int_equal(mn_encode(model, g.text, g.bytes, MN_BEGIN, ids, 512), g.n_ids);
        assert_memory_equal(ids, g.ids, g.n_ids * sizeof *ids);
        assert_ok(mn_embed(model, g.text, g.bytes, out, &tokens));
        assert_int_equal(tokens, g.n_ids);
        const double d = apart(out, g.vector, 384);
        if (d > 1e-3) fail_msg("text %u, '%.40s': %g apart", i, g.text, d);
        if (d > worst) worst = d;
    }
    print_message("%u texts, at most %.2g apart\n", g.n, worst);
    mn_buf_free(&g.file);
}

static void random_ids(void **s) {
    (void)s;
    mn_buf want = {0}, text = {0};
    data_read("minilm-l6.random", &want);
    for (uint32_t i = 0; i < want.len / 4; i++) {
        uint32_t right;
        int32_t ids[512];
        random_text(i, &text);
        const int n = mn_encode(model, text.len ? text.data : "", text.len, MN_BEGIN, ids, 512);
        assert_in_range(n, 2, 512);
        memcpy(&right, want.data + 4 * i, sizeof right);
        if (FNV32(ids, (size_t)n) != right) fail_msg("random text %u differs", i);
    }
    mn_buf_free(&want), mn_buf_free(&text);
}

/* What it is for: nearer in meaning, nearer in direction. */
static void meaning(void **s) {
    (void)s;
    static const char *const texts[] = {"How do I reset my password?",
                                        "I forgot my login credentials and cannot sign in.",
                                        "The volcano erupted after four hundred years."};
    mn_text t[3];
    static float v[3][384];
    double near = 0, far = 0;
    for (int i = 0; i < 3; i++) t[i] = (mn_text){texts[i], strlen(texts[i])};
    assert_ok(mn_embed_all(model, t, 3, v[0], NULL, NULL));
    for (int i = 0; i < 384; i++)
        near += (double)v[0][i] * v[1][i], far += (double)v[0][i] * v[2][i];
    assert_true(near > 0.5 && far < 0.2);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(vectors), cmocka_unit_test(random_ids),
                                       cmocka_unit_test(meaning)};
    return cmocka_run_group_tests(tests, open_model, close_model);
}
