/* SPDX-License-Identifier: Apache-2.0
 *
 * test/agent/test_sync.c - turns to write: one at a time, in the order in which they were asked
 * for, whoever dies while he waits.
 */
#include "test.h"

#include "agent/sync.h"
#include "agent/turns.h"
#include "until.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WRITERS = 6, TURNS = 200 };

static atomic_int within, most, order[WRITERS], came;

static int fresh(void **unused) {
    atomic_store(&within, 0);
    atomic_store(&came, 0);
    return turns_fresh(unused);
}

static void in_turn(void) {
    const int now = atomic_fetch_add(&within, 1) + 1;
    if (now > atomic_load(&most)) atomic_store(&most, now);
    usleep(20);
    atomic_fetch_sub(&within, 1);
}

static void *write_much(void *unused) {
    (void)unused;
    mn_sync *s;
    assert_ok(mn_sync_open(path, 0, &s));
    for (int i = 0; i < TURNS; i++) {
        assert_ok(mn_sync_lock(s));
        in_turn();
        mn_sync_unlock(s, 1);
    }
    mn_sync_close(&s);
    return NULL;
}

static void one_at_a_time(void **unused) {
    (void)unused;
    pthread_t t[WRITERS];
    for (int i = 0; i < WRITERS; i++)
        assert_int_equal(pthread_create(t + i, NULL, write_much, NULL), 0);
    for (int i = 0; i < WRITERS; i++) pthread_join(t[i], NULL);
    assert_int_equal(atomic_load(&most), 1);
}

/* One that has had a turn, and so a desk. */
static mn_sync *seated(void) {
    mn_sync *s;
    assert_ok(mn_sync_open(path, 0, &s));
    assert_ok(mn_sync_lock(s));
    mn_sync_unlock(s, 1);
    return s;
}

typedef struct writer {
    mn_sync *sync;
    int number;
    pthread_t thread;
} writer;

static void *write_once(void *user) {
    writer *const w = user;
    assert_ok(mn_sync_lock(w->sync));
    order[atomic_fetch_add(&came, 1)] = w->number;
    mn_sync_unlock(w->sync, 1);
    return NULL;
}

static void start(writer *w) {
    assert_int_equal(pthread_create(&w->thread, NULL, write_once, w), 0);
}
static void finish(writer *w) {
    pthread_join(w->thread, NULL);
    mn_sync_close(&w->sync);
}

/* Each stands in line when the next one comes. */
static void who_came_first_is_first(void **unused) {
    (void)unused;
    writer w[WRITERS];
    for (int i = 0; i < WRITERS; i++) w[i] = (writer){.sync = seated(), .number = i};
    mn_sync *s = seated();
    assert_ok(mn_sync_lock(s));
    for (int i = 0; i < WRITERS; i++) {
        start(w + i);
        wait_until(tickets() == (uint64_t)i + 1);
    }
    mn_sync_unlock(s, 1);
    for (int i = 0; i < WRITERS; i++) finish(w + i);
    for (int i = 0; i < WRITERS; i++) assert_int_equal(order[i], i);
    mn_sync_close(&s);
}

/* Who has just had a turn and wants another, again and again, does not keep others waiting. */
static void nobody_starves(void **unused) {
    (void)unused;
    writer w = {.sync = seated()};
    mn_sync *s = seated();
    start(&w);
    const double late = mn_clock_seconds() + 60;
    while (!atomic_load(&came) && mn_clock_seconds() < late) {
        assert_ok(mn_sync_lock(s));
        usleep(100);
        mn_sync_unlock(s, 1);
    }
    assert_int_equal(atomic_load(&came), 1);
    finish(&w);
    mn_sync_close(&s);
}

/* The child of the next test: it has a desk, and when it is told to go takes a turn. */
static void wait_and_pause(int go, int said) {
    char byte;
    mn_sync *own;
    if (mn_sync_open(path, 0, &own) < 0 || mn_sync_lock(own) < 0) _exit(1);
    mn_sync_unlock(own, 1);
    if (write(said, "d", 1) != 1 || read(go, &byte, 1) != 1 || mn_sync_lock(own) < 0) _exit(1);
    if (write(said, "t", 1) == 1) pause();
    _exit(1);
}

/* A process that is killed while it stands in line, and one with the turn: the next one goes on. */
static void the_dead_make_room(void **unused) {
    (void)unused;
    for (uint64_t waits = 0; waits < 2; waits++) {
        int go[2], said[2];
        char byte;
        fresh(NULL);
        assert_int_equal(pipe(go), 0);
        assert_int_equal(pipe(said), 0);
        const pid_t child = fork();
        if (!child) wait_and_pause(go[0], said[1]);
        assert_int_equal(read(said[0], &byte, 1), 1);
        writer w = {.sync = seated()};
        mn_sync *s = seated();
        if (waits) assert_ok(mn_sync_lock(s));
        assert_int_equal(write(go[1], "g", 1), 1);
        if (!waits) assert_int_equal(read(said[0], &byte, 1), 1);
        wait_until(tickets() == waits);
        start(&w);
        wait_until(tickets() == waits + 1);
        assert_int_equal(atomic_load(&came), 0);
        assert_int_equal(kill(child, SIGKILL), 0);
        assert_int_equal(waitpid(child, NULL, 0), child);
        if (waits) mn_sync_unlock(s, 1);
        finish(&w);
        assert_int_equal(atomic_load(&came), 1);
        mn_sync_close(&s);
        for (int i = 0; i < 2; i++) close(go[i]), close(said[i]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(one_at_a_time, fresh),
        cmocka_unit_test_setup(who_came_first_is_first, fresh),
        cmocka_unit_test_setup(nobody_starves, fresh),
        cmocka_unit_test_setup(the_dead_make_room, fresh),
    };
    return cmocka_run_group_tests(tests, turns_begin, turns_end);
}
