/* SPDX-License-Identifier: Apache-2.0
 * test/model/test_tokenizer_smollm2.c - the default model's own vocabulary, on the whole corpus.
 *
 * The golden ids are those on which PyPI tokenizers and llama-tokenize agree
 * (make_tokenizer_golden.py --real).
 */
#include "tokenizer_data.h"

/* Where `omnesia pull` has the model: its last line on standard output. */
static char *pulled(char path[4096]) {
    const char *program = getenv("OMNESIA_PROGRAM");
    char command[4096];
    snprintf(command, sizeof command, "'%s' pull smollm2-135m", program ? program : "omnesia");
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    path[0] = 0;
    while (fgets(path, 4096, pipe)) path[strcspn(path, "\n")] = 0;
    assert_int_equal(pclose(pipe), 0);
    return path;
}

static void corpus(void **s) {
    (void)s;
    char path[4096];
    vocab v;
    vocab_open_file(&v, pulled(path));
    assert_int_equal(mn_tokenizer_size(v.t), 49152);
    golden_check(v.t, "smollm2", 110);
    size_t texts = 0;
    for (int32_t id = 0; id < 49152; id++) texts += mn_tokenizer_text(v.t, id).n;
    assert_true(v.image.len <= texts + 49152 * 64);
    vocab_close(&v);
}

/* The ids of a chat turn, of the ends, and text that only looks special. */
static void chat(void **s) {
    (void)s;
    char path[4096];
    vocab v;
    vocab_open_file(&v, pulled(path));
    static const char turn[] = "<|im_start|>user\nHi<|im_end|>\n";
    static const int32_t want[] = {1, 4093, 198, 26843, 2, 198};
    mn_buf ids = {0};
    assert_ok(mn_tokenizer_encode(v.t, turn, sizeof turn - 1, MN_TOK_SPECIAL, &ids));
    assert_int_equal(ids.len, sizeof want);
    assert_memory_equal(ids.data, want, sizeof want);
    mn_buf_clear(&ids);
    assert_ok(mn_tokenizer_encode(v.t, turn, sizeof turn - 1, MN_TOK_BEGIN, &ids));
    for (size_t i = 0; i < ids.len / 4; i++)
        assert_false(mn_tokenizer_is_special(v.t, ((int32_t *)(void *)ids.data)[i]));
    assert_true(mn_tokenizer_is_end(v.t, 2) && mn_tokenizer_is_end(v.t, 0));
    assert_false(mn_tokenizer_is_end(v.t, 1));
    assert_int_equal(mn_tokenizer_begin(v.t), 1);
    mn_buf_free(&ids);
    vocab_close(&v);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(corpus), cmocka_unit_test(chat)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
