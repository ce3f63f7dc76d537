/* SPDX-License-Identifier: Apache-2.0
 *
 * test/region/test_watch.c - watchers: what they are told, that they sleep, and that they never
 * miss the last state, also when who changed it died before saying so.
 */
#include "folder.h"
#include "region/objects.h"

#include "base/clock.h"
#include "soak.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { LIMIT = 64 << 20 };
static char path[96];

static int begin(void **s) {
    (void)s;
    if (folder_begin("watch", 1) < 0) return -1;
    snprintf(path, sizeof path, "%s/region", folder);
    return 0;
}
static int end(void **s) {
    (void)s;
    return folder_end();
}
static mn_region *opened(void) {
    mn_region *r;
    assert_ok(mn_region_open(path, LIMIT, -1, &r));
    return r;
}
static void put(mn_region *r, const char *key, const char *text) {
    assert_ok(mn_region_put(r, key, text, strlen(text), NULL, NULL));
}
static mn_watcher *watching(mn_region *r, const char *prefix, int exact, int all) {
    mn_watcher *w;
    assert_ok(mn_watcher_open(r, prefix, exact, all, &w));
    return w;
}
static void told(mn_watcher *w, mn_change_kind kind, const char *key, const char *text) {
    mn_change_head c;
    const int rc = mn_watcher_next(w, 0, &c);
    if (rc != 1) fail_msg("nothing was told of '%s'", key);
    assert_int_equal(c.kind, kind);
    assert_string_equal(c.key, key);
    if (text) assert_string_equal(c.value, text);
}
static void nothing(mn_watcher *w) {
    mn_change_head c;
    assert_int_equal(mn_watcher_next(w, 0, &c), 0);
}

static void tells(void **s) {
    (void)s;
    mn_region *r = opened(), *b = opened();
    put(r, "a/old", "1");
    mn_watcher *all = watching(r, "", 0, 0), *some = watching(b, "a/b", 0, 1);
    mn_watcher *key = watching(b, "a/b", 1, 0), *old = watching(b, "a/", 0, 1);
    told(old, MN_CHANGE_PUT, "a/old", "1");
    nothing(all);
    put(b, "a/b", "x");
    put(r, "a/bc/d", "y");
    put(r, "c", "z");
    told(all, MN_CHANGE_PUT, "a/b", "x");
    told(all, MN_CHANGE_PUT, "a/bc/d", "y");
    told(all, MN_CHANGE_PUT, "c", "z");
    told(some, MN_CHANGE_PUT, "a/b", "x");
    told(some, MN_CHANGE_PUT, "a/bc/d", "y");
    nothing(some);
    told(key, MN_CHANGE_PUT, "a/b", "x");
    nothing(key);
    put(r, "a/b", "one");
    put(r, "a/b", "two"); /* who is slow is told the last */
    told(some, MN_CHANGE_PUT, "a/b", "two");
    nothing(some);
    assert_ok(mn_region_del(r, "a/b", NULL));
    told(some, MN_CHANGE_DEL, "a/b", NULL);
    put(r, "a/b", "three");
    assert_ok(mn_region_del(r, "a/b", NULL));
    nothing(some);
    assert_ok(mn_region_put(r, "a/b", "t", 1, &(mn_put){.ttl_ms = 50}, NULL));
    told(some, MN_CHANGE_PUT, "a/b", "t");
    mn_change_head c;
    assert_int_equal(mn_watcher_next(some, 1000, &c), 1);
    assert_int_equal(c.kind, MN_CHANGE_EXPIRED);
    uint64_t number;
    assert_ok(mn_region_append(r, "a/b", "r0", 2, 0, 0, &number));
    assert_ok(mn_region_append(r, "a/b", "r1", 2, 0, 0, &number));
    told(some, MN_CHANGE_RECORD, "a/b", "r0");
    told(some, MN_CHANGE_RECORD, "a/b", "r1");
    nothing(some);
    mn_watcher *const each[] = {all, some, key, old};
    for (int i = 0; i < 4; i++) mn_watcher_close(&(mn_watcher *){each[i]});
    mn_region_close(&r);
    mn_region_close(&b);
}

/* Hundreds of changes between two looks, deep folders. */
static void falls_behind(void **s) {
    (void)s;
    mn_region *r = opened();
    char key[64];
    int seen[500] = {0};
    mn_change_head c;
    mn_watcher *w = watching(r, "1/2/3/4/5/6/7/8/9/10/", 0, 0);
    for (int i = 0; i < 2000; i++) {
        snprintf(key, sizeof key, "1/2/3/4/5/6/7/8/9/10/%03d", i % 500);
        put(r, key, key);
    }
    for (int n = 0; n < 500; n++) {
        assert_int_equal(mn_watcher_next(w, 0, &c), 1);
        assert_string_equal(c.key, c.value);
        assert_int_equal(seen[atoi(c.key + 21)]++, 0);
    }
    nothing(w);
    mn_watcher_close(&w);
    mn_region_close(&r);
}

/* Writers that come and go, a watcher whose picture must be the truth in the end. */
static void last_state(void **s) {
    (void)s;
    enum { WRITERS = 3, KEYS = 40, CHANGES = 60000 };
    static uint64_t picture[KEYS];
    mn_region *r = opened();
    mn_watcher *w = watching(r, "k/", 0, 0);
    mn_change_head c;
    for (int p = 0; p < WRITERS; p++) {
        if (fork()) continue;
        mn_region *own = opened();
        unsigned long state = soak_seed(p);
        for (int i = 0; i < CHANGES; i++) {
            char key[16];
            snprintf(key, sizeof key, "k/%02d", (int)(soak_random(&state) % KEYS));
            if (soak_random(&state) % 4)
                mn_region_put(own, key, &state, sizeof state, NULL, NULL);
            else
                mn_region_del(own, key, NULL);
        }
        mn_region_close(&own);
        _exit(0);
    }
    int left = WRITERS, rc;
    long changes = 0;
    do {
        rc = mn_watcher_next(w, left ? 20 : 0, &c);
        assert_true(rc >= 0);
        if (rc) picture[atoi(c.key + 2)] = c.kind == MN_CHANGE_PUT ? c.head.version : 0;
        changes += rc;
        for (int status; left && waitpid(-1, &status, WNOHANG) > 0; left--)
            assert_int_equal(status, 0);
    } while (left || rc);
    for (int i = 0; i < KEYS; i++) {
        char key[16];
        mn_object_head h = {0};
        snprintf(key, sizeof key, "k/%02d", i);
        assert_ok(mn_object_look(r, key, 4, NULL, 0, &h));
        assert_int_equal(picture[i], h.version);
    }
    assert_true(changes > 0);
    mn_watcher_close(&w);
    assert_true(cells_in_use(r) <= KEYS);
    mn_region_close(&r);
}

/* A sleeper is woken, uses next to nothing meanwhile, and hears of what the dead did. Seconds until
 * it was woken: two and more when it only looked by itself. */
static double wakes(void) {
    mn_region *r = opened();
    mn_change_head c;
    const double start = mn_clock_seconds();
    mn_watcher *w = watching(r, "k", 0, 0);
    struct rusage before, after;
    const pid_t pid = fork();
    if (!pid) {
        mn_region *own = opened();
        nanosleep(&(struct timespec){.tv_nsec = 300000000}, NULL);
        put(own, "k", "x");
        /* what a death behind the swap leaves: the bucket has changed and nobody was told */
        mn_topic *t = mn_topic_of(own, "", 0);
        const uint64_t count = mn_word_load(&t->count);
        put(own, "k2", "y");
        mn_word_store(&t->count, count & ~(uint64_t)1);
        kill(getpid(), SIGKILL);
    }
    getrusage(RUSAGE_SELF, &before);
    assert_int_equal(mn_watcher_next(w, 60000, &c), 1);
    assert_string_equal(c.key, "k");
    const double took = mn_clock_seconds() - start;
    getrusage(RUSAGE_SELF, &after);
    assert_true(after.ru_utime.tv_sec - before.ru_utime.tv_sec < 2);
    waitpid(pid, NULL, 0);
    assert_int_equal(mn_watcher_next(w, 60000, &c), 1);
    assert_string_equal(c.key, "k2");
    mn_watcher_close(&w);
    mn_region_close(&r);
    return took;
}

static void sleeps(void **s) {
    (void)s;
    int at_once = 0;
    for (int i = 0; i < 20 && !at_once; i++) at_once = wakes() < 2; /* others need the cores, too */
    assert_true(at_once);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(tells, begin, end),
        cmocka_unit_test_setup_teardown(falls_behind, begin, end),
        cmocka_unit_test_setup_teardown(last_state, begin, end),
        cmocka_unit_test_setup_teardown(sleeps, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
