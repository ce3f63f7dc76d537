/* SPDX-License-Identifier: Apache-2.0
 *
 * test/base/test_cage.c - commands that hang, multiply, eat memory, print without end, write
 * elsewhere, ask the network or stay behind: each ends, in time, and leaves nothing.
 */
#include "test.h"

#include "folder.h"
#include "until.h"

#include "base/cage.h"
#include "base/child.h"
#include "base/clock.h"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

static mn_buf said;
static double took;

static int begin(void **state) {
    (void)state;
    if (folder_begin("cage", 0) < 0) return -1;
    chmod(folder, 0755);
    return mn_cage_owner() < 0 ? 0 : chown(folder, (uid_t)mn_cage_owner(), (gid_t)mn_cage_owner());
}
static int end(void **state) {
    (void)state;
    mn_buf_free(&said);
    return folder_end();
}

static int run(const char *command, int seconds) {
    static const char *const env[] = {"OMNESIA_LAST=1", NULL};
    const mn_cage cage = {.folder = folder, .env = env, .seconds = seconds};
    int status = -2;
    const double start = mn_clock_seconds();
    mn_buf_clear(&said);
    assert_ok(mn_buf_puts(&said, ""));
    assert_ok(mn_cage_run(&cage, command, &said, &status));
    took = mn_clock_seconds() - start;
    return status;
}

/* Processes of this machine whose command line has the word. */
static int alive(const char *word) {
    char path[300], text[512];
    int n = 0;
    DIR *const d = opendir("/proc");
    for (struct dirent *e; (e = readdir(d));) {
        snprintf(path, sizeof path, "/proc/%s/cmdline", e->d_name);
        FILE *const f = fopen(path, "r");
        if (!f) continue;
        const size_t k = fread(text, 1, sizeof text - 1, f);
        fclose(f);
        for (size_t i = 0; i < k; i++)
            if (!text[i]) text[i] = ' ';
        text[k] = 0;
        n += strstr(text, word) != NULL;
    }
    closedir(d);
    return n;
}

static void a_command_ends_as_it_ends(void **state) {
    (void)state;
    assert_int_equal(run("echo right; echo wrong >&2; exit 3", 20), 3);
    assert_string_equal(said.data, "right\nwrong\n");
    assert_int_equal(run("kill -SEGV $$", 20), 128 + 11);
    assert_int_equal(run("no-such-program-at-all", 20), 127);
    assert_int_equal(run("echo x > made && cat made && pwd", 20), 0);
    assert_non_null(strstr(said.data, folder));
    setenv("SECRET_TOKEN", "42", 1);
    assert_int_equal(run("env", 20), 0);
    assert_null(strstr(said.data, "SECRET_TOKEN"));
    assert_non_null(strstr(said.data, "OMNESIA_LAST=1"));
}

static void one_that_hangs_is_ended(void **state) {
    (void)state;
    assert_int_equal(run("sleep 7654.25 & sleep 7654.25", 1), -1);
    assert_true(took < 60);
    wait_until(!alive("7654.25"));
    const int status = run("while :; do :; done", 2);
    assert_true(status == -1 || status > 128);
}

static void nothing_stays_behind(void **state) {
    (void)state;
    if (*mn_cage_lacks()) skip();
    assert_int_equal(run("setsid sleep 7653.25 & (nohup sleep 7653.25 &) ; exit 0", 20), 0);
    wait_until(!alive("7653.25"));
}

/* Also where there are no namespaces. */
static void a_group_ends_with_its_leader(void **state) {
    const char *const words[] = {"sh", "-c", "sleep 7649.25 & exit 4", NULL};
    mn_child *child;
    int status;
    (void)state;
    assert_ok(mn_child_start(words, NULL, &child));
    assert_int_equal(mn_child_wait(child, 20000, &status), 1);
    assert_int_equal(status, 4);
    wait_until(!alive("7649.25"));
    mn_child_end(&child);
}

static void one_that_multiplies_is_bounded(void **state) {
    (void)state;
    const int status = run("bomb() { bomb | bomb & }; bomb; sleep 7652.25", 2);
    assert_true(status != 0);
    assert_true(took < 60);
    wait_until(!alive("bomb"));
    assert_int_equal(run("for i in $(seq 300); do sleep 7651.25 & done; exit 0", 5) != 0, 1);
    wait_until(!alive("7651.25"));
}

static void one_that_eats_memory_is_refused(void **state) {
    (void)state;
    assert_int_not_equal(run("exec awk 'BEGIN { s = \"x\"; while (1) s = s s }'", 20), 0);
    assert_true(took < 60);
}

static void one_that_prints_for_ever_is_cut(void **state) {
    (void)state;
    const int status = run("head -c 1000000000 /dev/zero | tr '\\0' y; echo end", 60);
    assert_int_equal(status, 0);
    assert_true(said.len <= MN_CAGE_SAID);
    assert_non_null(strstr(said.data, "yend\n"));
}

static void one_that_writes_too_much_is_stopped(void **state) {
    struct stat st;
    char path[96];
    (void)state;
    assert_int_not_equal(run("exec head -c 100000000 /dev/zero > large", 20), 0);
    snprintf(path, sizeof path, "%s/large", folder);
    assert_int_equal(stat(path, &st), 0);
    assert_true(st.st_size <= MN_CAGE_FILE);
}

static void nothing_is_written_elsewhere(void **state) {
    char path[96], words[256];
    (void)state;
    snprintf(path, sizeof path, "%s-beside", folder);
    mkdir(path, 0777);
    chmod(path, 0777);
    snprintf(words, sizeof words, "echo x > %s/file", path);
    if (strstr(mn_cage_lacks(), "folder")) skip();
    assert_int_not_equal(run(words, 20), 0);
    snprintf(words, sizeof words, "%s-beside/file", folder);
    assert_int_equal(access(words, F_OK), -1);
    assert_int_equal(run("echo x > /dev/null", 20), 0);
    rmdir(path);
}

static void there_is_no_network(void **state) {
    (void)state;
    if (strstr(mn_cage_lacks(), "network")) skip();
    assert_int_equal(run("tail -n +3 /proc/net/dev | grep -v lo:", 20), 1);
    assert_int_equal(run("ls /proc/self/ns/net", 20), 0);
}

static int stop(void *user) {
    return ++*(int *)user > 3;
}

static void it_can_be_stopped(void **state) {
    int asked = 0, status;
    const mn_cage cage = {.folder = folder, .seconds = 60, .stop = stop, .user = &asked};
    (void)state;
    assert_fails(mn_cage_run(&cage, "sleep 7650.25", &said, &status), MN_ECANCELLED, "on request");
    wait_until(!alive("7650.25"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_command_ends_as_it_ends),
        cmocka_unit_test(one_that_hangs_is_ended),
        cmocka_unit_test(nothing_stays_behind),
        cmocka_unit_test(a_group_ends_with_its_leader),
        cmocka_unit_test(one_that_multiplies_is_bounded),
        cmocka_unit_test(one_that_eats_memory_is_refused),
        cmocka_unit_test(one_that_prints_for_ever_is_cut),
        cmocka_unit_test(one_that_writes_too_much_is_stopped),
        cmocka_unit_test(nothing_is_written_elsewhere),
        cmocka_unit_test(there_is_no_network),
        cmocka_unit_test(it_can_be_stopped),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
