/* SPDX-License-Identifier: Apache-2.0
 * test/base/test_team.c - every piece of every job is done exactly once, and in time. */
#include "test.h"

#include "base/team.h"

#include <stdatomic.h>
#include <time.h>

enum { MOST = 300, JOBS = 4000 };

/* Lives on the caller's stack and is spoiled as soon as the run is over. */
typedef struct job {
    atomic_int seen[MOST], workers;
    int n, team, slow;
    int wait; /* the slow piece ends when somebody else has worked, or after ten seconds */
} job;

static void piece(void *ctx, int i, int worker) {
    job *j = ctx;
    assert_true(i >= 0 && i < j->n && worker >= 0 && worker < j->team);
    const struct timespec t = {.tv_nsec = 200000};
    if (i == j->slow) nanosleep(&t, NULL); /* somebody is held up with pieces in hand */
    for (int k = 0; i == j->slow && j->wait && k < 50000 && !atomic_load(&j->workers); k++)
        nanosleep(&t, NULL);
    atomic_fetch_add(&j->seen[i], 1);
    atomic_fetch_or(&j->workers, 1 << worker);
}

static unsigned dice(unsigned *state) {
    return *state = *state * 1664525u + 1013904223u, *state >> 16;
}

static void run_jobs(mn_team *team, unsigned seed) {
    for (int k = 0; k < JOBS; k++) {
        job j = {.n = (int)(dice(&seed) % MOST), .team = mn_team_size(team), .slow = -1};
        if (k % 64 == 0 && j.n) j.slow = (int)(dice(&seed) % (unsigned)j.n);
        for (int w = 0; w < j.team; w++) /* any address will do */
            mn_team_soon(team, w, k % 2 ? &j : (void *)(uintptr_t)64, dice(&seed) % 8192);
        if (k % 3) {
            mn_team_run(team, piece, &j, j.n);
        } else {
            mn_team_begin(team, piece, &j, j.n);
            mn_team_end(team);
        }
        for (int i = 0; i < MOST; i++) assert_int_equal(atomic_load(&j.seen[i]), i < j.n);
        j.n = -1;
    }
}

static void every_piece_is_done_once(void **s) {
    (void)s;
    for (int threads = 1; threads <= 5; threads++) {
        mn_team *team;
        assert_ok(mn_team_open(threads, &team));
        run_jobs(team, (unsigned)threads);
        mn_team_close(&team);
    }
}

static void a_job_is_shared(void **s) {
    (void)s;
    mn_team *team;
    assert_ok(mn_team_open(3, &team));
    job j = {.n = MOST, .team = 3, .slow = 0, .wait = 1}; /* whoever has piece 0 waits in it */
    mn_team_run(team, piece, &j, j.n);
    const int workers = atomic_load(&j.workers);
    assert_true(workers & (workers - 1)); /* more than one */
    mn_team_close(&team);
}

/* What the caller does between the halves may take as long as the job. */
static void the_others_begin_alone(void **s) {
    (void)s;
    mn_team *team;
    const struct timespec t = {.tv_nsec = 200000};
    assert_ok(mn_team_open(3, &team));
    job j = {.n = MOST, .team = 3, .slow = -1};
    mn_team_begin(team, piece, &j, j.n);
    for (int k = 0; k < 50000 && !atomic_load(&j.workers); k++) nanosleep(&t, NULL);
    assert_int_not_equal(atomic_load(&j.workers), 0);
    assert_false(atomic_load(&j.workers) & 1);
    mn_team_end(team);
    for (int i = 0; i < MOST; i++) assert_int_equal(atomic_load(&j.seen[i]), 1);
    mn_team_close(&team);
}

static void own_runs_cover_all_pieces(void **s) {
    (void)s;
    mn_team *team;
    assert_ok(mn_team_open(3, &team));
    assert_int_equal(mn_team_first(team, 1000000, 0), 0);
    assert_int_equal(mn_team_first(team, 1000000, 3), 1000000);
    assert_int_equal(mn_team_first(team, 2, 1), 0);
    mn_team_close(&team);
}

static void sizes_are_bounded(void **s) {
    (void)s;
    mn_team *team;
    assert_fails(mn_team_open(0, &team), MN_EINVAL, "between 1 and 64");
    assert_fails(mn_team_open(65, &team), MN_EINVAL, "65 threads");
    mn_team_close(&team);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_piece_is_done_once), cmocka_unit_test(a_job_is_shared),
        cmocka_unit_test(the_others_begin_alone),   cmocka_unit_test(own_runs_cover_all_pieces),
        cmocka_unit_test(sizes_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
