/* SPDX-License-Identifier: Apache-2.0
 * test/model/test_golden_large.c - the logits of the larger models are as near to the truth as
 * llama.cpp's; they are pulled when they are not here. */
#include "model/golden_check.h"

static void gemma3(void **s) {
    (void)s;
    golden_check("gemma3-270m", "gemma3-270m.logits");
}
static void qwen2(void **s) {
    (void)s;
    golden_check("qwen2.5-coder-0.5b", "qwen2.5-coder-0.5b.logits");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(gemma3), cmocka_unit_test(qwen2)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
