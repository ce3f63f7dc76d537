/* SPDX-License-Identifier: Apache-2.0
 *
 * test/kv/test_disk_full.c - the disk of the disk tier is full (reliability row 19): serving goes
 * on from memory, nothing half written stays, and once there is room everything is as before.
 *
 * One disk is a small tmpfs in a name space of its own, filled up and made larger; the other is
 * full by `ulimit -f`. What an error in the middle of a write does is in test_disk.c (disk_fails).
 */
#include "share_bed.h"

#include "base/walk.h"

#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>

enum { SKIP = 77, ROWS = 700, MEMORY = 3 << 20, DISK = 64 << 20 };
#define MUST(what) ((what) ? (void)0 : give_up(__LINE__, #what))

static char files[128];

static void give_up(int line, const char *what) {
    fprintf(stderr, "line %d: not so: %s (%s)\n", line, what, mn_error_detail());
    _exit(1);
}

static void write_map(const char *name, const char *text) {
    const int fd = open(name, O_WRONLY);
    if (fd >= 0 && write(fd, text, strlen(text)) < 0) _exit(SKIP);
    if (fd >= 0) close(fd);
}

/* A name space where we may mount. */
static void move_in(void) {
    char uid[64], gid[64];
    snprintf(uid, sizeof uid, "0 %d 1", (int)getuid());
    snprintf(gid, sizeof gid, "0 %d 1", (int)getgid());
    if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0) _exit(SKIP);
    write_map("/proc/self/setgroups", "deny");
    write_map("/proc/self/uid_map", uid);
    write_map("/proc/self/gid_map", gid);
    if (mkdir(files, 0700) < 0 || mount("none", files, "tmpfs", 0, "size=259m,mode=0700") < 0)
        _exit(SKIP);
}

/* Files that are whole; -1: one is not. */
static int whole_files(void) {
    DIR *d = opendir(files);
    int n = 0, begun = 0;
    MUST(d);
    for (struct dirent *e; (e = readdir(d));) {
        begun += strstr(e->d_name, ".tmp.") != NULL;
        n += strlen(e->d_name) == 16;
    }
    closedir(d);
    return begun ? -1 : n;
}

/* A text is computed, and whoever comes at once finds all of it. */
static void compute(mn_region *r, int text) {
    const mn_kv_share share = share_of(r);
    int32_t ids[ROWS];
    int coming;
    mn_seq *s;
    for (int i = 0; i < ROWS; i++) ids[i] = token(text, i);
    MUST(mn_seq_open(&layout, &share, ROWS, &s) == 0);
    MUST(mn_seq_room(s, ids, ROWS) == 0);
    mark_rows(s, text, 0, ROWS);
    mn_seq_commit(s, ROWS);
    MUST(right(s, text));
    mn_seq_close(&s);
    MUST(mn_seq_open(&layout, &share, ROWS, &s) == 0);
    MUST(mn_seq_match(s, ids, ROWS, &coming) == ROWS);
    MUST(right(s, text) && mn_seq_proven(s) == 0);
    mn_seq_close(&s);
}

static mn_region *opened(void) {
    mn_region *r;
    MUST(mn_region_open(path, MEMORY, DISK, &r) == 0);
    return r;
}

static void same_bytes(mn_region *r) {
    mn_region_counts c;
    mn_region_count(r, &c);
    MUST(mn_walk_bytes(files) == c.stored);
}

static void small_tmpfs(void) {
    move_in();
    mn_region *r = opened();
    for (int t = 1; t <= 12; t++) compute(r, t);
    mn_region_close(&r);
    const int some = whole_files();
    MUST(some > 0 && some < 12);
    r = opened();
    same_bytes(r);
    for (int t = 21; t <= 24; t++) compute(r, t);
    MUST(mount("none", files, NULL, MS_REMOUNT, "size=400m,mode=0700") == 0);
    for (int t = 31; t <= 34; t++) compute(r, t);
    mn_region_close(&r);
    MUST(whole_files() >= some + 4);
    MUST(unlink(path) == 0);
    r = opened();
    same_bytes(r);
    for (int t = 31; t <= 34; t++) { /* they are all there */
        const mn_kv_share share = share_of(r);
        int32_t ids[ROWS];
        int coming;
        mn_seq *s;
        for (int i = 0; i < ROWS; i++) ids[i] = token(t, i);
        MUST(mn_seq_open(&layout, &share, ROWS, &s) == 0);
        MUST(mn_seq_match(s, ids, ROWS, &coming) == ROWS);
        MUST(right(s, t) && mn_seq_proven(s) == 0);
        mn_seq_close(&s);
    }
    mn_region_close(&r);
    _exit(0);
}

static void short_files(void) {
    const struct rlimit little = {100 << 10, RLIM_INFINITY};
    const struct rlimit all = {RLIM_INFINITY, RLIM_INFINITY};
    signal(SIGXFSZ, SIG_IGN);
    mn_region *r = opened();
    const mn_kv_share share = share_of(r);
    int32_t ids[ROWS];
    mn_seq *s;
    for (int i = 0; i < ROWS; i++) ids[i] = token(1, i);
    MUST(mn_seq_open(&layout, &share, ROWS, &s) == 0);
    MUST(mn_seq_room(s, ids, ROWS) == 0);
    mark_rows(s, 1, 0, ROWS);
    mn_seq_commit(s, ROWS);
    MUST(setrlimit(RLIMIT_FSIZE, &little) == 0);
    mn_seq_close(&s); /* it cannot go to disk */
    compute(r, 2);
    mn_region_close(&r);
    MUST(whole_files() == 0);
    MUST(setrlimit(RLIMIT_FSIZE, &all) == 0);
    r = opened();
    compute(r, 3);
    mn_region_close(&r);
    MUST(whole_files() == 3); /* who closes looks for what others left, too */
    _exit(0);
}

static void in_a_child(void (*what)(void)) {
    int status;
    const pid_t child = fork();
    if (!child) what();
    assert_int_equal(waitpid(child, &status, 0), child);
    if (WIFEXITED(status) && WEXITSTATUS(status) == SKIP) {
        printf("skipped: no name spaces here\n");
        skip();
    }
    assert_int_equal(status, 0);
}

static int begin_folder(void **s) {
    (void)s;
    strcpy(folder, "/tmp/mn-full-XXXXXX");
    if (!mkdtemp(folder)) return -1;
    snprintf(path, sizeof path, "%s/region", folder);
    snprintf(files, sizeof files, "%s.disk", path);
    return 0;
}
static int end_folder(void **s) {
    (void)s;
    mn_walk_remove(folder);
    return 0;
}

static void a_small_disk(void **s) {
    (void)s;
    in_a_child(small_tmpfs);
}
static void files_of_limited_size(void **s) {
    (void)s;
    in_a_child(short_files);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_small_disk, begin_folder, end_folder),
        cmocka_unit_test_setup_teardown(files_of_limited_size, begin_folder, end_folder)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
