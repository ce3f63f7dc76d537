/* SPDX-License-Identifier: Apache-2.0
 *
 * test/base/test_jail.c - names that lead out, or to what is no file, are refused and nothing
 * outside changes; files are whole, bounded in size and number; a copy has the files, and tests
 * over them.
 */
#include "test.h"

#include "folder.h"

#include "base/alloc.h"
#include "base/file.h"
#include "base/jail.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

static mn_jail *jail;
static char inside[96], outside[96], line[256];

static int begin(void **state) {
    (void)state;
    if (folder_begin("jail", 1) < 0) return -1;
    snprintf(inside, sizeof inside, "%s/in", folder);
    snprintf(outside, sizeof outside, "%s/secret", folder);
    assert_ok(mn_jail_open(inside, &jail));
    FILE *const f = fopen(outside, "w");
    fputs("secret", f);
    fclose(f);
    return 0;
}
static int end(void **state) {
    (void)state;
    mn_jail_close(&jail);
    return folder_end();
}

static const char *path(const char *name) {
    snprintf(line, sizeof line, "%s/%s", inside, name);
    return line;
}

static void refuses(const char *name, const char *text) {
    mn_buf out = {0};
    assert_fails(mn_jail_write(jail, name, "x", 1), MN_EINVAL, text);
    assert_fails(mn_jail_read(jail, name, &out), MN_EINVAL, text);
    assert_int_equal(out.len, 0);
    mn_buf_free(&out);
}

static void says(const char *name, const char *text) {
    mn_buf out = {0};
    assert_ok(mn_jail_read(jail, name, &out));
    assert_string_equal(out.data, text);
    mn_buf_free(&out);
}

static void outside_is_untouched(void) {
    mn_buf out = {0};
    assert_ok(mn_file_read(outside, 100, &out));
    assert_string_equal(out.data, "secret");
    mn_buf_free(&out);
}

static void files_are_written_and_read(void **state) {
    mn_buf out = {0};
    (void)state;
    assert_ok(mn_jail_write(jail, "a.txt", "one", 3));
    assert_ok(mn_jail_write(jail, "a.txt", "two", 3));
    assert_ok(mn_jail_write(jail, "src/deep/b.c", "int b;\n", 7));
    assert_ok(mn_jail_write(jail, "empty", "", 0));
    assert_ok(mn_jail_write(jail, "ünï.txt", "u", 1));
    says("a.txt", "two");
    says("src/deep/b.c", "int b;\n");
    assert_fails(mn_jail_read(jail, "none.txt", &out), MN_ENOENT, "there is no file \"none.txt\"");
    assert_fails(mn_jail_read(jail, "no/such.txt", &out), MN_ENOENT, "no/such.txt");
    assert_int_equal(access(path(".omnesia-new"), F_OK), -1);
}

static void names_that_lead_out_are_refused(void **state) {
    char longest[MN_JAIL_PATH + 3];
    (void)state;
    memset(longest, 'a', sizeof longest);
    longest[sizeof longest - 1] = 0;
    refuses("", "is empty");
    refuses("/etc/passwd", "leaves the folder");
    refuses("..", "leaves the folder");
    refuses("../secret", "leaves the folder");
    refuses("a/../../secret", "leaves the folder");
    refuses("./a", "leaves the folder");
    refuses("a//b", "an empty part");
    refuses("a/", "an empty part");
    refuses("a\nb", "0x0a");
    refuses("a\\b", "0x5c");
    refuses("\xff\xfe", "UTF-8");
    refuses("\xc0\xae\xc0\xae/secret", "UTF-8"); /* ".." in a form that is too long */
    refuses(longest, "is too long");
    refuses("a/b/c/d/e/f/g/h/i", "deeper than");
    refuses(".omnesia-new", "is not yours");
    refuses("a/.omnesia/b", "is not yours");
    outside_is_untouched();
}

static void links_and_devices_are_refused(void **state) {
    struct stat st;
    (void)state;
    assert_int_equal(symlink(outside, path("link")), 0);
    assert_int_equal(symlink(folder, path("up")), 0);
    assert_int_equal(symlink("missing", path("dangling")), 0);
    assert_int_equal(mkfifo(path("fifo"), 0600), 0);
    assert_int_equal(mkdir(path("folder"), 0700), 0);
    assert_fails(mn_jail_write(jail, "link", "x", 1), MN_EINVAL, "no file");
    assert_fails(mn_jail_read(jail, "link", &(mn_buf){0}), MN_EINVAL, "a link");
    refuses("up/secret", "a link");
    assert_fails(mn_jail_write(jail, "dangling", "x", 1), MN_EINVAL, "no file");
    refuses("fifo", "no file");
    refuses("folder", "no file");
    refuses("a.txt/b", "no folder");
    if (mknod(path("zero"), S_IFCHR | 0600, makedev(1, 5)) == 0) refuses("zero", "no file");
    assert_int_equal(lstat(path("link"), &st), 0);
    assert_true(S_ISLNK(st.st_mode));
    outside_is_untouched();
}

static int count(void *user, const char *name, uint64_t bytes) {
    (void)bytes;
    assert_null(strstr(name, "link"));
    ++*(int *)user;
    return 0;
}

static void size_and_number_are_bounded(void **state) {
    char *const huge = calloc(1, MN_JAIL_FILE + 2), name[160];
    int n = 0;
    (void)state;
    memset(huge, 'x', MN_JAIL_FILE + 1);
    assert_fails(mn_jail_write(jail, "huge", huge, MN_JAIL_FILE + 1), MN_ETOOLONG, "262144 are");
    assert_ok(mn_jail_write(jail, "large", huge, MN_JAIL_FILE));
    assert_ok(mn_jail_list(jail, count, &n));
    for (int i = n; i < MN_JAIL_FILES; i++) {
        snprintf(name, sizeof name, "many/%d", i);
        const int rc = mn_jail_write(jail, name, huge, i < n + 70 ? MN_JAIL_FILE : 1);
        if (rc < 0) assert_fails(rc, MN_ETOOLONG, "all files together");
        if (rc < 0) assert_ok(mn_jail_write(jail, name, "1", 1));
    }
    assert_fails(mn_jail_write(jail, "one/more", "x", 1), MN_ETOOLONG, "256 files already");
    assert_ok(mn_jail_write(jail, "a.txt", "of those there are", 18));
    FILE *const f = fopen(path("beyond"), "w"); /* somebody else's */
    fclose(f);
    assert_fails(mn_jail_write(jail, "a.txt", "x", 1), MN_ETOOLONG, "more than 256 files");
    free(huge);
    snprintf(name, sizeof name, "rm -rf %s/many", inside);
    assert_int_equal(system(name), 0);
}

static void one_process_at_a_time(void **state) {
    mn_jail *other;
    (void)state;
    assert_fails(mn_jail_open(inside, &other), MN_EBUSY, "another process");
    assert_null(other);
}

static void a_copy_has_tests_over_it(void **state) {
    char tests[112], name[512], *copy;
    mn_buf out = {0};
    (void)state;
    snprintf(tests, sizeof tests, "%s/tests", folder);
    snprintf(name, sizeof name, "mkdir -p %s/t && echo true > %s/t/a.sh && echo t > %s/a.txt",
             tests, tests, tests);
    assert_int_equal(system(name), 0);
    assert_ok(mn_jail_write(jail, "t/a.sh", "false\n", 6));
    assert_ok(mn_jail_copy(jail, tests, -1, &copy));
    snprintf(name, sizeof name, "%s/t/a.sh", copy);
    assert_ok(mn_file_read(name, 100, &out));
    assert_string_equal(out.data, "true\n");
    says("t/a.sh", "false\n");
    mn_buf_clear(&out);
    snprintf(name, sizeof name, "%s/src/deep/b.c", copy);
    assert_ok(mn_file_read(name, 100, &out));
    assert_string_equal(out.data, "int b;\n");
    snprintf(name, sizeof name, "%s/link", copy);
    assert_int_equal(access(name, F_OK), -1);
    /* What is left of one that was killed, of the worst kind, is no hindrance. */
    snprintf(name, sizeof name, "cd %s && touch \"$(printf 'a\\nb')\" && mkdir -p x/y && chmod 0 x",
             copy);
    assert_int_equal(system(name), 0);
    char *again;
    assert_ok(mn_jail_copy(jail, tests, -1, &again));
    assert_string_equal(again, copy);
    mn_jail_drop(&again);
    assert_int_equal(access(copy, F_OK), -1);
    mn_free(copy);
    mn_buf_free(&out);
    assert_fails(mn_jail_copy(jail, outside, -1, &copy), MN_ENOENT, "there is no folder");
}

/* A writer that is killed at any moment leaves one of two texts, whole. */
static void a_killed_writer_leaves_whole_files(void **state) {
    static char text[2][1 << 16];
    (void)state;
    memset(text[0], 'a', sizeof text[0] - 1);
    memset(text[1], 'b', sizeof text[1] - 1);
    assert_ok(mn_jail_write(jail, "torn", text[0], sizeof text[0] - 1));
    for (int i = 0; i < 50; i++) {
        mn_buf out = {0};
        const pid_t pid = fork();
        if (pid == 0)
            for (int k = 1;; k++) mn_jail_write(jail, "torn", text[k % 2], sizeof text[0] - 1);
        usleep((useconds_t)(500 + i * 61 % 5000));
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        assert_ok(mn_jail_read(jail, "torn", &out));
        assert_int_equal(out.len, sizeof text[0] - 1);
        assert_memory_equal(out.data, text[out.data[0] == 'b'], out.len);
        mn_buf_free(&out);
    }
    mn_jail_close(&jail);
    assert_ok(mn_jail_open(inside, &jail));
    assert_int_equal(access(path(".omnesia-new"), F_OK), -1);
}

static void memory_may_run_out(void **state) {
    (void)state;
    for (long n = 1;; n++) {
        mn_jail *other = NULL;
        mn_buf out = {0};
        char *copy = NULL, where[128];
        snprintf(where, sizeof where, "%s/other", folder);
        mn_alloc_fail_after(n);
        int rc = mn_jail_open(where, &other);
        if (rc >= 0) rc = mn_jail_write(other, "a/b", "text", 4);
        if (rc >= 0) rc = mn_jail_read(other, "a/b", &out);
        if (rc >= 0) rc = mn_jail_copy(other, NULL, -1, &copy);
        mn_alloc_fail_after(0);
        mn_jail_drop(&copy);
        mn_buf_free(&out);
        mn_jail_close(&other);
        if (rc >= 0) break;
        assert_int_equal(rc, MN_ENOMEM);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_are_written_and_read),
        cmocka_unit_test(names_that_lead_out_are_refused),
        cmocka_unit_test(links_and_devices_are_refused),
        cmocka_unit_test(size_and_number_are_bounded),
        cmocka_unit_test(one_process_at_a_time),
        cmocka_unit_test(a_copy_has_tests_over_it),
        cmocka_unit_test(a_killed_writer_leaves_whole_files),
        cmocka_unit_test(memory_may_run_out),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
