/* SPDX-License-Identifier: Apache-2.0
 *
 * test/api/test_flips.c - tiny models with one bit of their headers turned, in every byte or
 * every other one.
 */
#include "api/flips.h"
#include "model/golden.h"

static void header(const char *file, size_t step) {
    mn_buf path = golden_path(file);
    flips f;
    flips_open(&f, path.data, 1);
    mn_buf_free(&path);
    uint32_t x = 9;
    for (size_t at = 0; at < f.header; at += step) {
        x = x * 1664525u + 1013904223u;
        flips_try(&f, at, (int)(x >> 16) % 8);
    }
    assert_true(f.opened > 0 && f.refused > 0);
    print_message("%s: %zu bytes of header, %d flips opened, %d refused\n", file, f.header,
                  f.opened, f.refused);
    flips_close(&f);
}

static void llama(void **s) {
    (void)s;
    header("tiny-llama.gguf", 1);
}
static void phi3(void **s) {
    (void)s;
    header("tiny-phi3.gguf", 2);
}
static void gemma3(void **s) {
    (void)s;
    header("tiny-gemma3.gguf", 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(llama), cmocka_unit_test(phi3),
                                       cmocka_unit_test(gemma3)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
