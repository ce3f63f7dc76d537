/* SPDX-License-Identifier: Apache-2.0
 *
 * test/kv/test_disk_threads.c - threads that act as processes while everything moves to disk and
 * back, over one mapping of the region (see test/region/test_threads.c), each with a mover of its
 * own; and texts that come from disk are proven by two threads at once, as a team attends to them.
 */
#include "share_bed.h"

#include "base/walk.h"
#include "soak.h"

#include <stdatomic.h>

enum { THREADS = 3, ROUNDS = 150, TEXTS = 12, MOST = 700, MEMORY = 3 << 20, DISK = 5 << 20 };
static char lock[128];
static atomic_int wrong, out, written;

/* A handle of its own on the mapping of `a`. */
static void join_in(mn_region *r) {
    *r = (mn_region){
        .file = a->file, .plan = a->plan, .limit = a->limit, .epoch = a->epoch, .me = -1};
    strcpy(r->disk, a->disk);
    pthread_mutex_init(&r->graves, NULL);
    mn_mover_begin(r);
    r->locks = mn_byte_locks_open(lock);
    if (r->locks < 0 || mn_life_begin(r) < 0) atomic_fetch_add(&wrong, 1);
}
static void leave(mn_region *r) {
    mn_mover_end(r);
    mn_life_end(r);
    mn_byte_locks_close(&r->locks);
    pthread_mutex_destroy(&r->graves);
}

typedef struct looking {
    const mn_seq *s;
    int text, right;
} looking;
static void *look(void *opaque) {
    looking *l = opaque;
    l->right = right(l->s, l->text);
    return NULL;
}

/* 1: all rows are this text's, in the eyes of two threads. */
static int seen_by_two(const mn_seq *s, int text) {
    looking one = {s, text, 0}, two = {s, text, 0};
    pthread_t other;
    if (pthread_create(&other, NULL, look, &one) != 0) return 0;
    look(&two);
    pthread_join(other, NULL);
    return one.right && two.right && mn_seq_proven(s) >= 0;
}

static void use(mn_region *r, unsigned long *state) {
    const int text = 1 + (int)(soak_random(state) % TEXTS);
    const int n = 64 + (int)(soak_random(state) % (MOST - 64));
    const mn_kv_share share = share_of(r);
    int32_t ids[MOST];
    int coming;
    mn_seq *s;
    if (mn_seq_open(&layout, &share, MOST, &s) < 0) return;
    for (int i = 0; i < n; i++) ids[i] = token(text, i);
    mn_seq_match(s, ids, n, &coming);
    if (!seen_by_two(s, text)) atomic_fetch_add(&wrong, 1);
    atomic_fetch_add(&out, mn_seq_out(s) > 0);
    const int at = mn_seq_length(s), k = n - at;
    if (k > 0 && mn_seq_room(s, ids + at, k) >= 0) {
        mark_rows(s, text, at, k);
        mn_seq_commit(s, k);
        atomic_fetch_add(&written, 1);
    }
    mn_seq_close(&s);
}

static void *act(void *seed) {
    unsigned long state = soak_seed((long)(intptr_t)seed);
    mn_region r;
    join_in(&r);
    for (int i = 0; i < ROUNDS; i++) {
        const unsigned what = soak_random(&state) % 100;
        if (what < 85)
            use(&r, &state);
        else if (what < 90)
            mn_region_evict(&r, 1 << 20);
        else if (what < 94)
            mn_region_shrink(&r, 0);
        else if (what < 96)
            mn_region_reap(&r);
        else {
            leave(&r);
            join_in(&r);
        }
    }
    leave(&r);
    return NULL;
}

static void threads(void **state) {
    (void)state;
    pthread_t t[THREADS];
    strcpy(folder, "/tmp/mn-threads-XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/region", folder);
    snprintf(lock, sizeof lock, "%s.lock", path);
    assert_ok(mn_region_open(path, MEMORY, DISK, &a));
    for (long i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(t + i, NULL, act, (void *)(intptr_t)(i + 1)), 0);
    for (int i = 0; i < THREADS; i++) pthread_join(t[i], NULL);
    assert_int_equal(atomic_load(&wrong), 0);
    assert_true(atomic_load(&out) > 20 && atomic_load(&written) > 20);
    mn_region_close(&a);
    mn_walk_remove(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(threads)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
