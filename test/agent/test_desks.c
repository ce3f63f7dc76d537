/* SPDX-License-Identifier: Apache-2.0
 *
 * test/agent/test_desks.c - who has the turn writes what others wait with: it is told once and to
 * whom it belongs, whoever dies on the way, and nothing of it stays in the file.
 */
#include "test.h"

#include "agent/desks.h"
#include "agent/turns.h"
#include "base/fault.h"
#include "base/file.h"
#include "base/sparse.h"
#include "region/region.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MANY = 70 };

/* Who has had a turn has a desk. */
static mn_desks *seated(void) {
    mn_desks *d;
    mn_desk_reply reply;
    assert_ok(mn_desks_open(path, &d));
    assert_int_equal(mn_desks_wait(d, NULL, 0, &reply), 0);
    mn_desks_leave(d);
    return d;
}

typedef struct asker {
    mn_desks *d;
    char request[32];
    int rc;
    mn_desk_reply reply;
    pthread_t thread;
} asker;

static void *ask(void *user) {
    asker *const a = user;
    a->rc = mn_desks_wait(a->d, a->request, strlen(a->request) + 1, &a->reply);
    if (a->rc == 0) mn_desks_leave(a->d);
    return NULL;
}

static asker begin(const char *request) {
    asker a = {.d = seated()};
    snprintf(a.request, sizeof a.request, "%s", request);
    return a;
}
static void start(asker *a) {
    assert_int_equal(pthread_create(&a->thread, NULL, ask, a), 0);
}
static void finish(asker *a) {
    pthread_join(a->thread, NULL);
    mn_desks_close(&a->d);
}

/* Gives out the number that the request says; "no" fails. */
static int number(void *seen, const void *request, size_t n, int64_t *id) {
    assert_int_equal(((const char *)request)[n - 1], 0);
    ++*(int *)seen;
    *id = strtoll(request, NULL, 10);
    return *id ? 0 : MN_FAIL(MN_EINVAL, "no number");
}

static void take_until(mn_desks *d, int want) {
    int seen = 0;
    while (seen < want) {
        assert_true(mn_desks_take(d, number, &seen) >= 0);
        usleep(1000);
    }
    assert_int_equal(mn_desks_took(d), want);
}

static void assert_nothing_left(const char *text) {
    char where[192];
    mn_map map;
    snprintf(where, sizeof where, "%s-line", path);
    assert_ok(mn_file_map(where, &map));
    assert_null(memmem(map.data, map.size, text, strlen(text)));
    mn_file_unmap(&map);
}

static void one_writes_for_all(void **unused) {
    (void)unused;
    mn_desk_reply reply;
    asker a[3] = {begin("11 wine"), begin("22 wine"), begin("33 wine")};
    mn_desks *d = seated();
    assert_int_equal(mn_desks_wait(d, "99 wine", 8, &reply), 0);
    for (int i = 0; i < 3; i++) start(a + i);
    take_until(d, 3);
    mn_desks_tell(d, 1, 7);
    mn_desks_leave(d);
    for (int i = 0; i < 3; i++) {
        finish(a + i);
        assert_int_equal(a[i].rc, 1);
        assert_int_equal(a[i].reply.id, 11 * (i + 1));
        assert_int_equal(a[i].reply.commit, 7);
    }
    assert_nothing_left("wine");
    mn_desks_close(&d);
}

/* What was given up, or cannot be written, is its writer's own business. */
static void what_fails_is_done_by_oneself(void **unused) {
    (void)unused;
    for (int bad = 0; bad < 2; bad++) {
        turns_fresh(NULL);
        mn_desk_reply reply;
        int seen = 0, rc = 0;
        asker a = begin(bad ? "no wine" : "11 wine");
        mn_desks *d = seated();
        assert_int_equal(mn_desks_wait(d, NULL, 0, &reply), 0);
        start(&a);
        while (!seen) rc = mn_desks_take(d, number, &seen);
        assert_int_equal(rc, bad ? MN_EINVAL : 1);
        mn_desks_tell(d, 0, 0);
        assert_int_equal(mn_desks_take(d, number, &seen), 0);
        mn_desks_leave(d);
        finish(&a);
        assert_int_equal(a.rc, 0);
        assert_int_equal(a.reply.id, 0);
        assert_nothing_left("wine");
        mn_desks_close(&d);
    }
}

/* Another process has the turn, and has taken the request, or not, when it is killed. */
static void the_one_who_writes_dies(void **unused) {
    (void)unused;
    for (int took = 0; took < 2; took++) {
        turns_fresh(NULL);
        asker a = begin("11 wine");
        int ready[2];
        char c;
        assert_int_equal(pipe(ready), 0);
        const pid_t child = fork();
        if (!child) {
            mn_desks *d;
            mn_desk_reply reply;
            int seen = 0;
            if (mn_desks_open(path, &d) < 0 || mn_desks_wait(d, NULL, 0, &reply)) _exit(1);
            if (write(ready[1], "t", 1) != 1) _exit(1);
            while (took && !seen) mn_desks_take(d, number, &seen);
            if (write(ready[1], "s", 1) != 1) _exit(1);
            pause();
        }
        assert_int_equal(read(ready[0], &c, 1), 1);
        start(&a);
        assert_int_equal(read(ready[0], &c, 1), 1);
        assert_int_equal(kill(child, SIGKILL), 0);
        assert_int_equal(waitpid(child, NULL, 0), child);
        finish(&a);
        assert_int_equal(a.rc, 0);
        assert_int_equal(a.reply.id, took ? 11 : 0);
        assert_nothing_left("wine");
        close(ready[0]);
        close(ready[1]);
    }
}

/* Nothing is written for the dead, and their desk is the next one's. */
static void the_one_who_waits_dies(void **unused) {
    (void)unused;
    mn_desk_reply reply;
    mn_desks *d = seated();
    int seen = 0, ready[2], go[2];
    char c;
    assert_int_equal(pipe(ready), 0);
    assert_int_equal(pipe(go), 0);
    const pid_t child = fork();
    if (!child) {
        mn_desks *own;
        if (mn_desks_open(path, &own) < 0 || mn_desks_wait(own, NULL, 0, &reply)) _exit(1);
        mn_desks_leave(own);
        if (write(ready[1], "t", 1) != 1 || read(go[0], &c, 1) != 1) _exit(1);
        mn_desks_wait(own, "11 wine", 8, &reply);
        _exit(0);
    }
    assert_int_equal(read(ready[0], &c, 1), 1);
    assert_int_equal(mn_desks_wait(d, NULL, 0, &reply), 0);
    assert_int_equal(write(go[1], "g", 1), 1);
    while (!seen) assert_true(mn_desks_take(d, number, &seen) >= 0); /* it stands there */
    mn_desks_tell(d, 0, 0);
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_int_equal(mn_desks_take(d, number, &seen), 0);
    mn_desks_leave(d);
    asker a = begin("22 wine");
    start(&a);
    finish(&a);
    assert_int_equal(a.rc, 0);
    assert_nothing_left("wine");
    mn_desks_close(&d);
    for (int i = 0; i < 2; i++) close(ready[i]), close(go[i]);
}

/* The child of the next test: it has a desk, and stands there when it is told to go. */
static void stand_there(int go, int said) {
    mn_desk_reply reply;
    mn_desks *own;
    char byte;
    if (mn_desks_open(path, &own) < 0 || mn_desks_wait(own, NULL, 0, &reply)) _exit(1);
    mn_desks_leave(own);
    if (write(said, "t", 1) != 1 || read(go, &byte, 1) != 1) _exit(1);
    mn_desks_wait(own, "11 wine", 8, &reply);
    _exit(1);
}

/* Stopped, so that the turn is handed to him and he does not take it, and then killed: who writes
 * later has the turn at once, and stands at no desk. */
static void the_one_who_is_handed_the_turn_dies(void **unused) {
    (void)unused;
    mn_desk_reply reply;
    mn_desks *d = seated(), *later = seated();
    int go[2], said[2];
    char byte;
    assert_int_equal(pipe(go), 0);
    assert_int_equal(pipe(said), 0);
    const pid_t child = fork();
    if (!child) stand_there(go[0], said[1]);
    assert_int_equal(read(said[0], &byte, 1), 1);
    assert_int_equal(mn_desks_wait(d, NULL, 0, &reply), 0);
    assert_int_equal(write(go[1], "g", 1), 1);
    take_until(d, 1); /* it stands there */
    mn_desks_tell(d, 0, 0);
    assert_int_equal(kill(child, SIGSTOP), 0);
    assert_int_equal(waitpid(child, NULL, WUNTRACED), child);
    mn_desks_leave(d);
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    for (int i = 0; i < 3; i++) {
        const uint64_t stood = tickets();
        assert_int_equal(mn_desks_wait(later, NULL, 0, &reply), 0);
        mn_desks_leave(later);
        assert_int_equal(tickets(), stood + (i == 0)); /* who sees it first stands there once */
    }
    mn_desks_close(&later);
    mn_desks_close(&d);
    for (int i = 0; i < 2; i++) close(go[i]), close(said[i]);
}

/* More than there are desks for wait for the turn alone. */
static void there_are_more_than_desks(void **unused) {
    (void)unused;
    static asker a[MANY];
    for (int i = 0; i < MANY; i++) a[i] = begin("11 wine");
    for (int i = 0; i < MANY; i++) start(a + i);
    for (int i = 0; i < MANY; i++) finish(a + i);
    for (int i = 0; i < MANY; i++) assert_true(a[i].rc >= 0);
    assert_nothing_left("wine");
}

/* Who has a desk writes what another one asks for. */
static void writes_for_another(mn_desks *d) {
    mn_desk_reply reply;
    asker a = begin("11 wine");
    assert_int_equal(mn_desks_wait(d, NULL, 0, &reply), 0);
    start(&a);
    take_until(d, 1);
    mn_desks_tell(d, 1, 1);
    mn_desks_leave(d);
    finish(&a);
    assert_int_equal(a.reply.id, 11);
}

/* Of 64 desks of 16 kB only those somebody has stood at take memory and disk. */
static void a_desk_is_as_large_as_it_is_used(void **unused) {
    (void)unused;
    char where[192];
    mn_desks *d[3] = {0};
    mn_sparse file;
    snprintf(where, sizeof where, "%s-line", path);
    for (int i = 0; i < 3; i++) {
        d[i] = seated();
        assert_ok(mn_sparse_open(where, 1, &file));
        const uint64_t held = mn_sparse_held_in(&file, 0, file.size);
        mn_sparse_close(&file);
        assert_in_range(held, (i + 1) * MN_DESK_MOST, (i + 1) * MN_DESK_MOST + 3 * 4096);
    }
    writes_for_another(d[1]);
    for (int i = 0; i < 3; i++) mn_desks_close(d + i);
}

/* The disk is full at the nth operation: the turn is had without a desk, or refused in words, and
 * with the next turn there is a desk. 1: no operation was left to fail. */
static int full_at(int nth) {
    char full[32];
    mn_desks *d;
    mn_desk_reply reply;
    snprintf(full, sizeof full, "%d:ENOSPC", nth);
    setenv("OMNESIA_FAIL_IO", full, 1);
    if (mn_desks_open(path, &d) < 0) return 2;
    const int rc = mn_desks_wait(d, NULL, 0, &reply);
    if (rc == 0) mn_desks_leave(d);
    if (mn_fault_left() > 0) return rc == 0 ? 1 : 3;
    if (rc < 0 && rc != MN_EFULL) return 4;
    const uint64_t stood = tickets();
    if (mn_desks_wait(d, NULL, 0, &reply)) return 5;
    mn_desks_leave(d);
    writes_for_another(d); /* who has no desk cannot be asked at one */
    mn_desks_close(&d);
    return tickets() > stood ? 0 : 6;
}

/* The first test, for a child has to read what is to fail in it. */
static void there_is_no_room_for_a_desk(void **unused) {
    (void)unused;
    int failed = 0;
    for (int nth = 1, over = 0; !over; nth++) {
        int status = 0;
        turns_fresh(NULL);
        const pid_t child = fork();
        if (!child) _exit(full_at(nth));
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFEXITED(status));
        over = WEXITSTATUS(status);
        failed += !over;
        assert_in_range(over, 0, 1);
    }
    assert_in_range(failed, 5, 50);
}

/* Whatever the file had before. */
static void the_file_is_anything(void **unused) {
    (void)unused;
    char where[192], *const junk = malloc(1 << 20);
    snprintf(where, sizeof where, "%s-line", path);
    memset(junk, 0xa5, 1 << 20);
    FILE *const f = fopen(where, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(junk, 1, 1 << 20, f), 1 << 20);
    fclose(f);
    free(junk);
    mn_desks *d = seated();
    writes_for_another(d);
    mn_desks_close(&d);
}

/* Somebody cuts the file short: nobody dies of it, and there is another one soon. */
static void the_file_is_cut_short(void **unused) {
    (void)unused;
    char where[192];
    mn_desk_reply reply;
    mn_desks *d = seated(), *other = seated();
    assert_ok(mn_guard_install()); /* as the program does */
    snprintf(where, sizeof where, "%s-line", path);
    assert_int_equal(truncate(where, 0), 0);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(mn_desks_wait(d, "99 wine", 8, &reply), 0);
        mn_desks_leave(d);
        assert_int_equal(mn_desks_wait(other, "99 wine", 8, &reply), 0);
        mn_desks_leave(other);
    }
    writes_for_another(d);
    mn_desks_close(&other);
    mn_desks_close(&d);
}

/* A desk that says it waits whenever it was looked at, with more than has room on it: who has the
 * turn reads what there is, and takes no more requests than there are desks. */
static void a_desk_lies(void **unused) {
    (void)unused;
    enum { STATE = -40, LENGTH = -8 }; /* before the request */
    const uint64_t waits = 1;
    const uint32_t most = UINT32_MAX;
    char where[192];
    mn_sparse file;
    int seen = 0;
    mn_desk_reply reply;
    asker a = begin("11 wine");
    mn_desks *d = seated();
    assert_int_equal(mn_desks_wait(d, NULL, 0, &reply), 0);
    start(&a);
    take_until(d, 1);
    snprintf(where, sizeof where, "%s-line", path);
    assert_ok(mn_sparse_open(where, 1, &file));
    uint8_t *const at = memmem(file.data, file.size, "11 wine", 7);
    assert_non_null(at);
    memcpy(at + LENGTH, &most, sizeof most);
    for (int i = 0; i < 500; i++) {
        memcpy(at + STATE, &waits, sizeof waits);
        assert_true(mn_desks_take(d, number, &seen) >= 0);
    }
    assert_int_equal(mn_desks_took(d), 64);
    mn_desks_tell(d, 1, 7);
    mn_desks_leave(d);
    finish(&a);
    assert_int_equal(a.rc, 1);
    assert_int_equal(a.reply.id, 11);
    mn_sparse_close(&file);
    assert_nothing_left("wine");
    mn_desks_close(&d);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(there_is_no_room_for_a_desk),
        cmocka_unit_test_setup(one_writes_for_all, turns_fresh),
        cmocka_unit_test(what_fails_is_done_by_oneself),
        cmocka_unit_test(the_one_who_writes_dies),
        cmocka_unit_test_setup(the_one_who_waits_dies, turns_fresh),
        cmocka_unit_test_setup(the_one_who_is_handed_the_turn_dies, turns_fresh),
        cmocka_unit_test_setup(there_are_more_than_desks, turns_fresh),
        cmocka_unit_test_setup(a_desk_is_as_large_as_it_is_used, turns_fresh),
        cmocka_unit_test_setup(the_file_is_anything, turns_fresh),
        cmocka_unit_test_setup(the_file_is_cut_short, turns_fresh),
        cmocka_unit_test_setup(a_desk_lies, turns_fresh),
    };
    return cmocka_run_group_tests(tests, turns_begin, turns_end);
}
