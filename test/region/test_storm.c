/* SPDX-License-Identifier: Apache-2.0
 *
 * test/region/test_storm.c - processes that share a region are killed, again and again
 * (reliability row 1).
 *
 * Workers open, fill, publish, keep, read, evict and bury at random; one of them is killed with -9
 * every few milliseconds and another takes its place. What a worker was told was kept it writes
 * into a journal that is no part of the region. A reader checks every word of what it pins. When
 * the last worker is dead the region must be as if nobody had ever died: everything kept is there
 * and whole, nothing is half way between two states, nobody is pinned, and all pages come back.
 *
 *     OMNESIA_SOAK=FIRST:COUNT   COUNT storms of KILLS kills, from number FIRST on
 *     OMNESIA_PLANT=1            what the dead left OPEN is published without having been written
 */
#include "region/storm.h"
#include "storms.h"
#include "until.h"

#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { WORKERS = 8, KILLS = 2000 };
static char path[96];

static void work(unsigned long state) {
    mn_region *r;
    if (mn_region_open(path, 0, -1, &r) < 0) {
        blame(&J->refused, "open");
        _exit(1);
    }
    for (;;) {
        const unsigned what = soak_random(&state) % 100;
        if (what < 40)
            write_one(r, &state);
        else if (what < 90)
            read_some(r, &state);
        else if (what < 96)
            atomic_fetch_add(&J->burials, (unsigned long)mn_region_reap(r));
        else if (what < 97)
            mn_region_evict(r, 4 << 20);
        else if (what < 98)
            mn_region_shrink(r, 0);
        else {
            mn_region_close(&r);
            if (mn_region_open(path, 0, -1, &r) < 0) {
                blame(&J->refused, "open again");
                _exit(1);
            }
        }
    }
}

static pid_t begin_worker(unsigned long *state) {
    const unsigned long own = ((unsigned long)soak_random(state) << 32) | soak_random(state);
    const pid_t pid = fork();
    if (!pid) work(own);
    return pid;
}

/* The quiet afterwards. */
static void inspect(void) {
    mn_region *r;
    mn_extent x;
    assert_ok(mn_region_open(path, 0, -1, &r));
    mn_region_reap(r);
    for (int i = 0; i < MN_REGION_PROCS; i++) {
        const mn_proc_slot *p = mn_proc(r, i);
        assert_int_equal(mn_word_load(&p->state), i == r->me);
        for (int k = 0; k < MN_REGION_PINS; k++) assert_int_equal(mn_word_load(p->pin + k), 0);
    }
    MN_EACH_SLOT(r, c, i) {
        mn_extent_slot *s = mn_slot(r, i);
        const uint64_t state = mn_word_load(&s->state);
        const int phase = mn_state_phase(state);
        if (phase != MN_EXTENT_FREE && phase != MN_EXTENT_SEALED)
            fail_msg("slot %u was left in state %d of owner %d", i, phase, mn_state_owner(state));
        if (phase != MN_EXTENT_SEALED) continue;
        assert_int_equal(mn_extent_pin(r, mn_ref_make(mn_state_epoch(state), i), &x), 1);
        if (!whole(&x)) fail_msg("slot %u holds what nobody wrote", i);
        mn_extent_unpin(&x);
    }
    const int kept = atomic_load(&J->n_kept);
    for (int i = 0; i < kept && i < KEPT; i++) {
        const mn_ref ref = atomic_load(&J->kept[i]);
        if (!ref) continue; /* its keeper died before it knew */
        if (!mn_extent_pin(r, ref, &x)) fail_msg("kept extent %d of %d is lost", i, kept);
        mn_word_store(&x.slot->flags, MN_EXTENT_PUBLISHED);
        mn_extent_unpin(&x);
    }
    MN_EACH_SLOT(r, c, i) {
        mn_extent_slot *s = mn_slot(r, i);
        if (mn_state_phase(mn_word_load(&s->state)) == MN_EXTENT_SEALED)
            mn_word_store(&s->flags, MN_EXTENT_PUBLISHED);
    }
    mn_region_shrink(r, 0);
    assert_int_equal(mn_region_charged(r), 0);
    assert_true(mn_sparse_held(&r->file) < 4 << 20); /* tables only: no page was lost */
    mn_region_close(&r);
}

static int64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void storm(unsigned long state) {
    pid_t pid[WORKERS];
    mn_region *r;
    snprintf(path, sizeof path, "%s/region", folder);
    assert_ok(mn_region_open(path, LIMIT, -1, &r));
    mn_region_close(&r);
    for (int i = 0; i < WORKERS; i++) pid[i] = begin_worker(&state);
    const int64_t began = now_ns();
    for (int i = 0; i < KILLS; i++) {
        nanosleep(&(struct timespec){.tv_nsec = 500000 + soak_random(&state) % 3000000}, NULL);
        const int k = (int)(soak_random(&state) % WORKERS);
        assert_int_equal(kill(pid[k], SIGKILL), 0);
        assert_int_equal(waitpid(pid[k], NULL, 0), pid[k]);
        pid[k] = begin_worker(&state);
        if (atomic_load(&J->torn) || atomic_load(&J->refused)) break;
    }
    wait_until(atomic_load(&J->torn) || atomic_load(&J->refused) ||
               (atomic_load(&J->writes) > (unsigned long)KILLS / 10 &&
                atomic_load(&J->reads) > (unsigned long)KILLS / 10));
    for (int i = 0; i < WORKERS; i++) {
        kill(pid[i], SIGKILL);
        waitpid(pid[i], NULL, 0);
    }
    if (atomic_load(&J->torn) || atomic_load(&J->refused)) fail_msg("%s", J->why);
    printf("storm: %d kills in %.1f s: %lu written, %lu read, %lu buried by workers, %d kept\n",
           KILLS, (double)(now_ns() - began) * 1e-9, atomic_load(&J->writes),
           atomic_load(&J->reads), atomic_load(&J->burials), atomic_load(&J->n_kept));
    inspect();
}

static void storms(void **unused) {
    (void)unused;
    storms_run((void **)&J, sizeof *J, storm, KILLS);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(storms)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
