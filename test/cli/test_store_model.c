/* SPDX-License-Identifier: Apache-2.0
 * test/cli/test_store_model.c - the real pull of the default model, which every other test of
 * the suite "model" then finds under the same name, in OMNESIA_CACHE or the user's own cache. */
#include "test.h"

#include "cli/run.h"

#include "base/file.h"
#include "base/hash.h"

static void pulls(void **s) {
    (void)s;
    cli_run r = run("pull smollm2-135m");
    if (r.status) fail_msg("%s", r.err);
    char path[4096], hex[65];
    snprintf(path, sizeof path, "%s", r.out);
    path[strcspn(path, "\n")] = 0;
    mn_map map;
    uint8_t digest[32];
    assert_ok(mn_file_map(path, &map));
    mn_sha256_of(map.data, map.size, digest);
    mn_file_unmap(&map);
    mn_hash_hex(digest, hex);
    assert_string_equal(hex, "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53");
    r = run("pull smollm2-135m");
    assert_string_equal(r.err, "");
    r = run("models --here");
    assert_non_null(strstr(r.out, "smollm2-135m "));
    r = run("doctor");
    assert_non_null(strstr(r.out, path));
}

static void inspects(void **s) {
    (void)s;
    cli_run r = run("inspect smollm2-135m");
    assert_int_equal(r.status, 0);
    assert_non_null(strstr(r.out, "tensors: 272, 134.5 million weights"));
    assert_non_null(strstr(r.out, "[576, 49152]"));
}

static void tokenizes(void **s) {
    (void)s;
    assert_string_equal(run("tokenize 'Hello world'").out, "19556 905\n");
    assert_string_equal(run("tokenize '<|im_start|>'").out, "44 108 306 79 3738 108 46\n");
    assert_string_equal(run("tokenize --special '<|im_start|>'").out, "1\n");
    assert_string_equal(run("tokenize --decode '19556 905'").out, "Hello world");
    const cli_run bytes = run("tokenize \"$(printf 'a\\377b\\300')\"");
    assert_string_equal(bytes.err,
                        "omnesia: 2 of 4 bytes have no token in this vocabulary; left out\n");
    assert_string_equal(bytes.out, "81 82\n");
    assert_string_equal(run("tokenize --decode 1").out, "");
    assert_string_equal(run("tokenize --special --decode 1").out, "<|im_start|>");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(pulls), cmocka_unit_test(inspects),
                                       cmocka_unit_test(tokenizes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
