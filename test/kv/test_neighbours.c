/* SPDX-License-Identifier: Apache-2.0
 *
 * test/kv/test_neighbours.c - neighbours that are neither well nor dead: stopped in the middle of
 * writing, in a container where numbers of processes mean something else.
 */
#include "share_bed.h"
#include "until.h"

#include <sched.h>

enum { SKIP = 77 };

/* A child computes text 1: 300 tokens, then it stops itself while it promises 500 more. */
static pid_t stops_itself(void) {
    const pid_t child = fork();
    if (child) return child;
    mn_region *mine;
    int32_t ids[500];
    if (mn_region_open(path, 0, -1, &mine) < 0) _exit(1);
    mn_seq *s = fresh(mine);
    grow(s, 1, 300, 100);
    for (int i = 0; i < 500; i++) ids[i] = token(1, 300 + i);
    if (mn_seq_room(s, ids, 500) < 0) _exit(1);
    raise(SIGSTOP);
    grow(s, 1, 500, 100);
    mn_seq_close(&s);
    mn_region_close(&mine);
    _exit(0);
}

static void stopped_is_not_dead(void **state) {
    (void)state;
    int status, coming;
    const pid_t child = stops_itself();
    assert_int_equal(waitpid(child, &status, WUNTRACED), child);
    assert_true(WIFSTOPPED(status));
    assert_int_equal(mn_region_reap(a), 0);
    int32_t ids[800];
    for (int i = 0; i < 800; i++) ids[i] = token(1, i);
    mn_seq *s = fresh(a), *t = fresh(b);
    assert_int_equal(mn_seq_match(s, ids, 800, &coming), 300);
    assert_int_equal(coming, 800);
    expect(s, 1, 0, 300);
    grow(s, 2, 400, 50); /* everybody else goes on: writes, evicts, closes, opens */
    mn_seq_close(&s);
    for (int i = 3; i < 9; i++) {
        s = fresh(i % 2 ? a : b);
        grow(s, i, 1000, 100);
        mn_seq_close(&s);
    }
    assert_true(mn_region_shrink(a, 0) > 0);
    mn_region_close(&b);
    mn_seq_close(&t);
    assert_ok(mn_region_open(path, 0, -1, &b));
    s = fresh(b);
    assert_int_equal(match(s, 1, 800, 1, 0), 300);
    assert_int_equal(kill(child, SIGCONT), 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    expect(s, 1, 0, 300);
    mn_seq_close(&s);
    s = fresh(b);
    assert_int_equal(match(s, 1, 800, 2, 9), 800); /* nothing of it was lost */
    expect(s, 1, 0, 800);
    mn_seq_close(&s);
}

/* In a name space of its own the writer is process 1 or 2, as is somebody outside. */
static void containers(void **state) {
    (void)state;
    int up[2];
    assert_int_equal(pipe(up), 0);
    const pid_t outer = fork();
    if (!outer) {
        setpgid(0, 0);
        if (unshare(CLONE_NEWUSER | CLONE_NEWPID) < 0) _exit(SKIP);
        const pid_t inner = fork();
        if (!inner) {
            mn_region *mine;
            if (mn_region_open(path, 0, -1, &mine) < 0) _exit(1);
            mn_seq *s = fresh(mine);
            grow(s, 1, 500, 100);
            if (write(up[1], "x", 1) != 1) _exit(1);
            for (;;) pause();
        }
        close(up[1]);
        int status;
        waitpid(inner, &status, 0);
        _exit(WEXITSTATUS(status));
    }
    close(up[1]);
    char c;
    const int there = read(up[0], &c, 1) == 1;
    int status;
    if (!there) {
        assert_int_equal(waitpid(outer, &status, 0), outer);
        close(up[0]);
        if (WEXITSTATUS(status) == SKIP) skip();
        fail_msg("status %#x", status);
    }
    mn_region_counts counts;
    mn_region_count(a, &counts);
    assert_int_equal(counts.processes, 2); /* b, and the one in the container */
    assert_int_equal(mn_region_reap(b), 0);
    assert_int_equal(kill(-outer, SIGKILL), 0); /* its group: the number inside says nothing */
    assert_int_equal(waitpid(outer, &status, 0), outer);
    int buried = 0;
    wait_until((buried = mn_region_reap(b)) != 0);
    assert_int_equal(buried, 1);
    mn_seq *s = fresh(a);
    assert_int_equal(match(s, 1, 500, 2, 9), 500);
    expect(s, 1, 0, 500);
    mn_seq_close(&s);
    close(up[0]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(stopped_is_not_dead, begin, end),
        cmocka_unit_test_setup_teardown(containers, begin, end)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
