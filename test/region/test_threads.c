/* SPDX-License-Identifier: Apache-2.0
 *
 * test/region/test_threads.c - threads that act as processes, over one mapping of a region.
 *
 * ThreadSanitizer sees a race only between accesses to the same address, and each process has an
 * address of its own for the file. Here every thread has a process slot and a lock of its own, but
 * all look at the file through one mapping: every load and store of the protocols, and of what they
 * guard, can be seen.
 */
#include "region/storm.h"

#include "base/walk.h"

#include <time.h>
#include <unistd.h>

enum { THREADS = 4, ROUNDS = 400 };
static char folder[] = "/tmp/mn-threads-XXXXXX", path[64], lock[96];
static mn_region *first;

/* A handle of its own on the same mapping. */
static void join_in(mn_region *r) {
    *r = (mn_region){.file = first->file, .plan = first->plan, .limit = first->limit, .me = -1};
    pthread_mutex_init(&r->graves, NULL);
    r->locks = mn_byte_locks_open(lock);
    if (r->locks < 0 || mn_life_begin(r) < 0) blame(&J->refused, "begin");
}
static void leave(mn_region *r) {
    mn_life_end(r);
    mn_byte_locks_close(&r->locks);
    pthread_mutex_destroy(&r->graves);
}

static void *act(void *seed) {
    unsigned long state = soak_seed((long)(intptr_t)seed);
    mn_region r;
    join_in(&r);
    for (int i = 0; i < ROUNDS; i++) {
        const unsigned what = soak_random(&state) % 100;
        if (what < 45)
            write_one(&r, &state);
        else if (what < 90)
            read_some(&r, &state);
        else if (what < 94)
            mn_region_reap(&r);
        else if (what < 97)
            mn_region_evict(&r, 4 << 20);
        else {
            leave(&r);
            join_in(&r);
        }
    }
    leave(&r);
    return NULL;
}

static void threads(void **s) {
    (void)s;
    pthread_t t[THREADS];
    J = calloc(1, sizeof *J);
    assert_non_null(J);
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/region", folder);
    snprintf(lock, sizeof lock, "%s.lock", path);
    assert_ok(mn_region_open(path, LIMIT, -1, &first));
    for (long i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(t + i, NULL, act, (void *)(intptr_t)(i + 1)), 0);
    for (int i = 0; i < THREADS; i++) pthread_join(t[i], NULL);
    if (atomic_load(&J->torn) || atomic_load(&J->refused)) fail_msg("%s", J->why);
    assert_true(atomic_load(&J->writes) > 100 && atomic_load(&J->reads) > 100);
    mn_region_close(&first);
    mn_walk_remove(folder);
    free(J);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(threads)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
