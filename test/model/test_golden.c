/* SPDX-License-Identifier: Apache-2.0
 * test/model/test_golden.c - SmolLM2's logits are as near to the truth as llama.cpp's. */
#include "model/golden_check.h"

static void smollm2(void **s) {
    (void)s;
    golden_check("smollm2-135m", "smollm2-135m.logits");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(smollm2)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
