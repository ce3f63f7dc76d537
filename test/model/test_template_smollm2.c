/* SPDX-License-Identifier: Apache-2.0
 * test/model/test_template_smollm2.c - the default model's own chat template, read from its file,
 * gives what jinja2 makes of it (make_template_golden.py --gguf FILE --outputs). */
#include "test.h"

#include "model/gguf.h"
#include "template_golden.h"

static void conversations(void **state) {
    (void)state;
    const char *program = getenv("OMNESIA_PROGRAM"), *source = getenv("OMNESIA_SOURCE");
    char command[4096], path[4096] = "";
    snprintf(command, sizeof command, "'%s' pull smollm2-135m", program ? program : "omnesia");
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    while (fgets(path, sizeof path, pipe)) path[strcspn(path, "\n")] = 0; /* the last line */
    assert_int_equal(pclose(pipe), 0);
    mn_gguf *g;
    assert_ok(mn_gguf_open(path, &g));
    const mn_str text = mn_gguf_str(g, "tokenizer.chat_template");
    assert_true(text.n > 0);
    snprintf(path, sizeof path, "%s/test/model/template_smollm2.jsonl", source ? source : ".");
    golden_check(path, text.p, text.n);
    mn_gguf_close(&g);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(conversations)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
