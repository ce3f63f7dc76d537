/* SPDX-License-Identifier: Apache-2.0
 *
 * test/cli/test_write.c - `omnesia write`: what is refused, and a tiny task with the model that is
 * shipped for tests: it ends, in time, with some file, and another process goes on with it.
 */
#include "test.h"

#include "cli/run.h"

#include "base/walk.h"

#include <jansson.h>

static char bed[64], line[1024];

static int make_bed(void **state) {
    (void)state;
    strcpy(bed, "/tmp/omnesia-write-XXXXXX");
    assert_non_null(mkdtemp(bed));
    setenv("OMNESIA_DATA", bed, 1);
    setenv("OMNESIA_USER", "anna", 1);
    return 0;
}
static int drop_bed(void **state) {
    (void)state;
    mn_walk_remove(bed);
    return 0;
}

static void refuses(const char *words, int status, const char *why) {
    const cli_run r = run(words);
    if (r.status != status || *r.out || !strstr(r.err, why))
        fail_msg("%s: status %d, said \"%s\" \"%s\"", words, r.status, r.out, r.err);
}

static void what_is_refused(void **state) {
    (void)state;
    refuses("write", 2, "say what is to be written");
    refuses("write a poem", 2, "--out DIR is missing");
    refuses("write a poem --out /dev/null/x -m /no/such.gguf", 1, "/dev/null");
    refuses("write a poem --chek x", 2, "did you mean --check");
    snprintf(line, sizeof line, "write a poem --out %s/a -m /no/such.gguf", bed);
    refuses(line, 1, "/no/such.gguf");
    snprintf(line, sizeof line, "write a poem --out %s/a --context 100", bed);
    refuses(line, 1, "context is 100; it takes 512");
}

static const char *command(void) {
    snprintf(
        line, sizeof line,
        "write Write the file poem.txt with two lines about the sea. --out %s/poem --check 'test "
        "-s poem.txt' --context 1024 --tries 3 --json",
        bed);
    return line;
}

static void a_tiny_task_ends_with_a_file(void **state) {
    (void)state;
    const cli_run r = run(command());
    json_t *const o = json_loads(r.out, 0, NULL);
    if (r.status > 1 || !o) fail_msg("status %d: %s %s", r.status, r.out, r.err);
    assert_true(json_array_size(json_object_get(o, "files")) > 0);
    assert_true(json_array_size(json_object_get(o, "steps")) > 0);
    assert_true(json_integer_value(json_object_get(o, "written")) > 0);
    assert_non_null(strstr(r.err, "step 1 of "));
    const char *const check = json_string_value(json_object_get(o, "check"));
    assert_int_equal(r.status, strcmp(check, "fails") == 0);
    assert_non_null(strstr(run("task list").out, "Write poem ("));
    json_decref(o);
}

/* What a model that is stopped in the middle would have written, it writes. */
static void one_that_is_killed_goes_on(void **state) {
    char words[1200];
    (void)state;
    snprintf(words, sizeof words, "cp -r %s/poem %s-whole && rm -rf %s/*", bed, bed, bed);
    assert_int_equal(system(words), 0);
    for (int i = 0; i < 3; i++) {
        snprintf(words, sizeof words,
                 "timeout -s KILL %d.%d \"$OMNESIA_PROGRAM\" %s >/dev/null 2>&1", 1 + i, i * 3,
                 command());
        assert_true(system(words) != -1);
    }
    assert_true(run(command()).status <= 1);
    snprintf(words, sizeof words, "diff -r %s/poem %s-whole && rm -rf %s-whole", bed, bed, bed);
    assert_int_equal(system(words), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_refused),
        cmocka_unit_test(a_tiny_task_ends_with_a_file),
        cmocka_unit_test(one_that_is_killed_goes_on),
    };
    return cmocka_run_group_tests(tests, make_bed, drop_bed);
}
