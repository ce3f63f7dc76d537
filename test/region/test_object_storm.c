/* SPDX-License-Identifier: Apache-2.0
 *
 * test/region/test_object_storm.c - processes that put, read, commit, watch and append are killed,
 * again and again (reliability row 1c).
 *
 *     OMNESIA_SOAK=FIRST:COUNT   COUNT storms of KILLS kills, from number FIRST on
 *     OMNESIA_PLANT=1            a value is put that says of itself what it is not
 */
#include "region/object_storm.h"
#include "storms.h"
#include "until.h"

#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { KILLS = 1500 };
static char path[96];

static void work(int seat, unsigned long state) {
    worker x = {.seat = seat, .state = state, .v = malloc(MOST)};
    if (!x.v || mn_region_open(path, 0, -1, &x.r) < 0) {
        blame("cannot be opened", path);
        _exit(1);
    }
    for (int k = 0; k < OWN; k++) check_own(&x, k);
    check_pair(&x);
    for (;;) act(&x);
}

static pid_t begin_worker(int seat, unsigned long *state) {
    const unsigned long own = ((unsigned long)soak_random(state) << 32) | soak_random(state);
    const pid_t pid = fork();
    if (!pid) work(seat, own);
    return pid;
}

static void storm(unsigned long state) {
    pid_t pid[SEATS];
    mn_region *r;
    snprintf(path, sizeof path, "%s/region", folder);
    assert_ok(mn_region_open(path, LIMIT, -1, &r));
    begin_objects(r);
    mn_region_close(&r);
    for (int i = 0; i < SEATS; i++) pid[i] = begin_worker(i, &state);
    for (int i = 0; i < KILLS && !atomic_load(&J->bad); i++) {
        nanosleep(&(struct timespec){.tv_nsec = 300000 + soak_random(&state) % 3000000}, NULL);
        const int k = (int)(soak_random(&state) % SEATS);
        assert_int_equal(kill(pid[k], SIGKILL), 0);
        assert_int_equal(waitpid(pid[k], NULL, 0), pid[k]);
        pid[k] = begin_worker(k, &state);
    }
    wait_until(atomic_load(&J->bad) ||
               (atomic_load(&J->puts) > KILLS && atomic_load(&J->gets) > KILLS &&
                atomic_load(&J->moved) > KILLS && atomic_load(&J->summed) > KILLS / 4));
    for (int i = 0; i < SEATS; i++) {
        kill(pid[i], SIGKILL);
        waitpid(pid[i], NULL, 0);
    }
    assert_ok(mn_region_open(path, 0, -1, &r));
    mn_region_reap(r);
    if (!atomic_load(&J->bad)) inspect_objects(r, KILLS + SEATS);
    if (atomic_load(&J->bad)) fail_msg("%s", J->why);
    mn_region_close(&r);
    printf("storm: %d kills: %lu put, %lu read, %lu told, %lu counted, %lu tokens moved, %lu times "
           "summed, %lu buried by workers\n",
           KILLS, atomic_load(&J->puts), atomic_load(&J->gets), atomic_load(&J->told),
           atomic_load(&J->counted), atomic_load(&J->moved), atomic_load(&J->summed),
           atomic_load(&J->burials));
}

static void storms(void **unused) {
    (void)unused;
    storms_run((void **)&J, sizeof *J, storm, KILLS);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(storms)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
