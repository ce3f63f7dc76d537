/* SPDX-License-Identifier: Apache-2.0
 * test/base/test_walk.c - bounded walks, files made over several runs, child processes. */
#include "until.h"

#include "base/alloc.h"
#include "base/child.h"
#include "base/file.h"
#include "base/walk.h"

#include <errno.h>
#include <signal.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static char root[64];

static const char *at(const char *rest) {
    static char path[4][512];
    static unsigned turn;
    char *p = path[turn++ % 4];
    snprintf(p, 512, "%s/%s", root, rest);
    return p;
}

static void put(const char *rest, const char *text) {
    mn_filew *f;
    assert_ok(mn_file_begin(at(rest), &f));
    assert_ok(mn_file_write(f, text, strlen(text)));
    assert_ok(mn_file_commit(&f));
}

static int make_root(void **s) {
    (void)s;
    strcpy(root, "/tmp/omnesia-test-XXXXXX");
    return mkdtemp(root) ? 0 : -1;
}

static int drop_root(void **s) {
    (void)s;
    mn_walk_remove(root);
    struct stat st;
    assert_int_equal(lstat(root, &st), -1);
    return 0;
}

static int note(void *user, const mn_walk_entry *e) {
    char *text = user;
    sprintf(text + strlen(text), "%d%c:%s ", e->depth, "fdo"[e->kind], e -> rest);
    return 0;
}

static int stop(void *user, const mn_walk_entry *e) {
    (void)user, (void)e;
    return 9;
}

static void walks(void **s) {
    (void)s;
    char seen[512] = "";
    assert_int_equal(mn_walk(at("absent"), 9, 99, note, seen), 0);
    put("t/a/b/c", "12345");
    assert_int_equal(symlink("..", at("t/a/up")), 0);
    put("t/a/x\033y", "hidden");
    assert_int_equal(mn_walk(at("t"), 9, 99, note, seen), 0);
    assert_non_null(strstr(seen, "3f:a/b/c 2d:a/b ")); /* a folder after what it holds */
    assert_non_null(strstr(seen, "2o:a/up "));
    assert_null(strchr(seen, 033));
    assert_string_equal(seen + strlen(seen) - 5, "1d:a ");
    seen[0] = 0;
    assert_int_equal(mn_walk(at("t"), 2, 99, note, seen), 0);
    assert_null(strstr(seen, "a/b/c"));
    seen[0] = 0;
    assert_int_equal(mn_walk(at("t"), 9, 0, note, seen), 0);
    assert_string_equal(seen, "");
    assert_int_equal(mn_walk(at("t"), 9, 99, stop, NULL), 9);
    assert_int_equal(mn_walk_bytes(at("t/a/b")), 5);
    put("keep", "outside");
    assert_int_equal(symlink("../../keep", at("t/a/link")), 0);
    mn_walk_remove(at("t/a/b"));
    mn_walk_remove(at("t/a/up")); /* a link is no tree */
    uint64_t size;
    assert_ok(mn_file_stat(at("keep"), &size, NULL));
    assert_int_equal(unlink(at("t/a/x\033y")), 0); /* what is not shown is not removed either */
}

static void resumes(void **s) {
    (void)s;
    mn_filew *f;
    mn_buf got = {0};
    assert_ok(mn_file_resume(at("whole"), at("part"), 0, &f));
    assert_ok(mn_file_write(f, "abcdef", 6));
    mn_file_leave(&f, 4);
    assert_null(f);
    assert_int_equal(mn_file_stat(at("whole"), NULL, NULL), MN_ENOENT);
    assert_ok(mn_file_resume(at("whole"), at("part"), 3, &f));
    assert_ok(mn_file_write(f, "XYZ", 3));
    assert_ok(mn_file_commit(&f));
    assert_ok(mn_file_read(at("whole"), 99, &got));
    assert_string_equal(got.data, "abcXYZ");
    mn_buf_free(&got);
    assert_int_equal(mn_file_stat(at("part"), NULL, NULL), MN_ENOENT);
    assert_int_equal(symlink("whole", at("linked")), 0); /* is not written through */
    assert_int_equal(mn_file_resume(at("w2"), at("linked"), 0, &f), MN_EIO);
    for (long n = 1; n <= 3; n++) {
        mn_alloc_fail_after(n);
        assert_int_equal(mn_file_resume(at("whole"), at("part"), 0, &f), MN_ENOMEM);
        mn_alloc_fail_after(0);
    }
    mn_file_leave(&f, 0); /* NULL */
    uint64_t room;
    assert_ok(mn_file_room(root, &room));
    assert_true(room > 0);
    assert_int_equal(mn_file_room(at("absent"), &room), MN_ENOENT);
}

static int runs(const char *script, const char *const *env, int *status, char said[64]) {
    mn_child *c;
    const char *const argv[] = {"sh", "-c", script, NULL};
    MN_TRY(mn_child_start(argv, env, &c));
    const int ended = mn_child_wait(c, 60000, status);
    const char *text = mn_child_said(c);
    const size_t n = strlen(text);
    snprintf(said, 64, "%s", n > 63 ? text + n - 63 : text);
    mn_child_end(&c);
    assert_null(c);
    return ended;
}

static void children(void **s) {
    (void)s;
    int status;
    char said[64];
    assert_int_equal(runs("echo out; echo err >&2; exit 3", NULL, &status, said), 1);
    assert_int_equal(status, 3);
    assert_string_equal(said, "out\nerr\n");
    setenv("OWN", "old", 1);
    const char *const env[] = {"OWN=new", "ADDED=yes", NULL};
    assert_int_equal(runs("echo $OWN $ADDED; cat", env, &status, said), 1);
    assert_string_equal(said, "new yes\n"); /* and cat met the end of its input */
    assert_int_equal(runs("kill -9 $$", NULL, &status, said), 1);
    assert_int_equal(status, 128 + 9);
    assert_int_equal(runs("head -c 100000 /dev/zero | tr '\\0' x; echo end", NULL, &status, said),
                     1);
    assert_string_equal(said + 59, "end\n"); /* the last words are kept */
    mn_child *c;
    assert_fails(mn_child_start((const char *const[]){"no-such-program", NULL}, NULL, &c),
                 MN_ENOENT, "no program 'no-such-program'");
    assert_int_equal(mn_child_start((const char *const[]){"/no/such", NULL}, NULL, &c), MN_ENOENT);
    for (long n = 1; n <= 3; n++) {
        mn_alloc_fail_after(n);
        assert_int_equal(runs("true", NULL, &status, said), MN_ENOMEM);
        mn_alloc_fail_after(0);
    }
}

/* There is no such process, or it is dead and not reaped. */
static int ended(pid_t pid) {
    char path[64], line[256] = "";
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *const f = fopen(path, "r");
    const int dead = !f || !fgets(line, sizeof line, f) || strstr(line, ") Z") != NULL;
    if (f) fclose(f);
    return dead;
}

static void ended_early(void **s) {
    (void)s;
    mn_child *c;
    int status;
    const char *const argv[] = {"sh", "-c", "sleep 60 & echo $!; wait", NULL};
    assert_ok(mn_child_start(argv, NULL, &c));
    wait_until(mn_child_wait(c, 10, &status) != 0 || strchr(mn_child_said(c), '\n'));
    const pid_t grandchild = (pid_t)atol(mn_child_said(c));
    assert_true(grandchild > 1);
    mn_child_end(&c); /* and with it the sleep it had started */
    wait_until(ended(grandchild));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(walks), cmocka_unit_test(resumes),
                                       cmocka_unit_test(children), cmocka_unit_test(ended_early)};
    return cmocka_run_group_tests(tests, make_root, drop_root);
}
