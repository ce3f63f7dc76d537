/* SPDX-License-Identifier: Apache-2.0
 *
 * test/region/test_object_threads.c - the work of the storm on objects by threads that act as
 * processes over one mapping, so that ThreadSanitizer sees every access (test_threads.c says why).
 */
#include "region/object_storm.h"

#include "base/walk.h"

#include <unistd.h>

enum { ROUNDS = 3000 };
static char folder[] = "/tmp/mn-threads-XXXXXX", path[64], lock[96];
static mn_region *first;

static void join_in(mn_region *r) {
    *r = (mn_region){.file = first->file, .plan = first->plan, .limit = first->limit, .me = -1};
    pthread_mutex_init(&r->graves, NULL);
    r->locks = mn_byte_locks_open(lock);
    if (r->locks < 0 || mn_life_begin(r) < 0) blame("cannot begin", path);
}
static void leave(mn_region *r) {
    mn_life_end(r);
    mn_byte_locks_close(&r->locks);
    pthread_mutex_destroy(&r->graves);
}

static void *work(void *seat) {
    mn_region r;
    worker x = {.r = &r, .seat = (int)(intptr_t)seat, .v = malloc(MOST)};
    x.state = soak_seed(x.seat + 1);
    join_in(&r);
    for (int i = 0; i < ROUNDS; i++) {
        act(&x);
        if (i % 500 != 499) continue;
        mn_watcher_close(&x.w);
        leave(&r);
        join_in(&r);
    }
    mn_watcher_close(&x.w);
    leave(&r);
    free(x.v);
    return NULL;
}

static void threads(void **s) {
    (void)s;
    pthread_t t[SEATS];
    J = calloc(1, sizeof *J);
    assert_non_null(J);
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/region", folder);
    snprintf(lock, sizeof lock, "%s.lock", path);
    assert_ok(mn_region_open(path, LIMIT, -1, &first));
    begin_objects(first);
    for (long i = 0; i < SEATS; i++)
        assert_int_equal(pthread_create(t + i, NULL, work, (void *)(intptr_t)i), 0);
    for (int i = 0; i < SEATS; i++) pthread_join(t[i], NULL);
    if (!atomic_load(&J->bad)) inspect_objects(first, 0);
    if (atomic_load(&J->bad)) fail_msg("%s", J->why);
    assert_true(atomic_load(&J->puts) > 100 && atomic_load(&J->told) > 100);
    assert_true(atomic_load(&J->moved) > 100 && atomic_load(&J->summed) > 0);
    mn_region_close(&first);
    mn_walk_remove(folder);
    free(J);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(threads)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
