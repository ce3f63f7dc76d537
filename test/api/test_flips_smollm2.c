/* SPDX-License-Identifier: Apache-2.0
 *
 * test/api/test_flips_smollm2.c - 150 single bits turned in the header of a real model:
 * 49,152 tokens, 272 tensors. The budget has no room for its weights, so each try ends with a
 * sentence at the latest when they would be packed; the tensors of the copy are a hole.
 */
#include "api/flips.h"

static void header(void **s) {
    (void)s;
    char *path;
    flips f;
    assert_ok(mn_store_pull("smollm2-135m", NULL, NULL, NULL, &path));
    flips_open(&f, path, 0);
    mn_free_text(path);
    mn_memory_limit(30 << 20);
    uint32_t x = 3;
    for (int i = 0; i < 150; i++) {
        x = x * 1664525u + 1013904223u;
        /* A third in the first metadata, a third in the tensors' entries, the rest anywhere. */
        const size_t near = (x >> 8) % (i % 3 == 2 ? f.header : 16000);
        flips_try(&f, i % 3 == 1 ? f.header - 1 - near : near, i % 8);
    }
    assert_int_equal(f.refused, 150);
    flips_close(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(header)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
