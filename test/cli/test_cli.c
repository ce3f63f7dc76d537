/* SPDX-License-Identifier: Apache-2.0
 * test/cli/test_cli.c - the program as its users meet it: exit statuses, what goes to which
 * stream, and that docs/CLI.md is what the tables print. */
#include "test.h"

#include "cli/run.h"

#include "base/file.h"

static void no_command(void **s) {
    (void)s;
    cli_run r = run("");
    assert_int_equal(r.status, 0);
    assert_non_null(strstr(r.out, "usage: omnesia COMMAND"));
    cli_run again = run("--help");
    assert_string_equal(r.out, again.out);
    assert_string_equal(r.err, "");
    r = run("--version");
    assert_memory_equal(r.out, "omnesia ", 8);
}

static void help(void **s) {
    (void)s;
    cli_run a = run("help help"), b = run("help --help");
    assert_int_equal(a.status, 0);
    assert_string_equal(a.out, b.out);
    assert_non_null(strstr(a.out, "--memory SIZE"));
    a = run("help nosuch");
    assert_int_equal(a.status, 2);
    assert_string_equal(a.out, "");
}

static void usage_errors(void **s) {
    (void)s;
    cli_run r = run("hepl");
    assert_int_equal(r.status, 2);
    assert_non_null(strstr(r.err, "unknown command 'hepl'; did you mean 'help'?"));
    assert_string_equal(r.out, "");
    r = run("help --memroy 3");
    assert_int_equal(r.status, 2);
    assert_non_null(strstr(r.err, "did you mean --memory?"));
    r = run("help --memory x");
    assert_int_equal(r.status, 2);
    r = run("help a b");
    assert_int_equal(r.status, 2);
    assert_non_null(strstr(r.err, "what is 'b' for?"));
}

static void output_that_fails(void **s) {
    (void)s;
    cli_run r = run("help >/dev/full");
    assert_int_equal(r.status, 1);
    assert_non_null(strstr(r.err, "cannot write to standard output"));
    r = run("help | true; sleep 0.1"); /* a reader that left: silence */
    assert_string_equal(r.err, "");
}

static void committed_docs(void **s) {
    (void)s;
    char path[4096];
    mn_buf file = {0};
    snprintf(path, sizeof path, "%s/docs/CLI.md", getenv("OMNESIA_SOURCE"));
    assert_ok(mn_file_read(path, 1 << 20, &file));
    cli_run r = run("help --markdown");
    if (strcmp(r.out, file.data))
        fail_msg("docs/CLI.md is not what the tables say; run "
                 "`./omnesia help --markdown > docs/CLI.md`");
    mn_buf_free(&file);
}

static void man_page(void **s) {
    (void)s;
    cli_run r = run("help --man");
    assert_memory_equal(r.out, ".TH OMNESIA 1", 13);
    assert_non_null(strstr(r.out, "\n.SS omnesia help"));
}

static void out_of_memory(void **s) {
    (void)s;
    int failed = 0;
    for (int n = 1; n <= 12; n++) {
        char env[16];
        snprintf(env, sizeof env, "%d", n);
        setenv("OMNESIA_FAIL_ALLOC", env, 1);
        cli_run r = run("help help --memory 1G");
        unsetenv("OMNESIA_FAIL_ALLOC");
        assert_true(r.status == 0 || (r.status == 1 && strstr(r.err, "no memory")));
        failed += r.status == 1;
    }
    assert_true(failed >= 3);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_command),     cmocka_unit_test(help),
        cmocka_unit_test(usage_errors),   cmocka_unit_test(output_that_fails),
        cmocka_unit_test(committed_docs), cmocka_unit_test(man_page),
        cmocka_unit_test(out_of_memory)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
