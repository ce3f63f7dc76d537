/* SPDX-License-Identifier: Apache-2.0
 *
 * test/region/test_object.c - objects put, read, deleted, listed, counted by several processes at
 * once, expired; logs; a region that is full; areas that somebody scribbled on.
 */
#include "folder.h"
#include "region/objects.h"
#include "until.h"

#include "base/alloc.h"
#include "soak.h"

#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { LIMIT = 64 << 20, MIB = 1 << 20 };
static char path[96];

static int begin(void **s) {
    (void)s;
    if (folder_begin("object", 1) < 0) return -1;
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
static uint64_t put_text(mn_region *r, const char *key, const char *text) {
    uint64_t version;
    assert_ok(mn_region_put(r, key, text, strlen(text), NULL, &version));
    return version;
}
static void assert_text(mn_region *r, const char *key, const char *text) {
    char out[300];
    mn_object_head h;
    assert_int_equal(mn_region_get(r, key, out, sizeof out, &h), strlen(text));
    assert_memory_equal(out, text, strlen(text));
    assert_int_equal(h.size, strlen(text));
}
/* Wait until an object with 60 ms to live has gone, which it is not before; its clock ticks. */
static void outlive(mn_region *r, const char *key, double since) {
    char out[8];
    wait_until(mn_region_get(r, key, out, sizeof out, NULL) == MN_ENOENT);
    assert_true(mn_clock_seconds() - since > 0.03);
}

static void plans(void **s) {
    (void)s;
    for (uint64_t size = MN_REGION_LEAST; size <= (uint64_t)1 << 40; size = size * 3 / 2 + 12345) {
        const mn_region_plan p = mn_region_plan_of(size);
        assert_true(p.index_at + p.entries * sizeof(mn_index_entry) <= p.buckets_at);
        assert_true(p.buckets >= 2048 && p.buckets <= MN_REGION_BUCKETS);
        assert_true(p.buckets_at + p.buckets * 8 <= p.topics_at && p.topics_at % 64 == 0);
        assert_true(p.topics_at + MN_REGION_TOPICS * 64 <= p.cell_at[0]);
        for (int c = 0; c < MN_REGION_CELLS; c++) {
            const uint64_t n = p.cell_first[c + 1] - p.cell_first[c];
            assert_true(n >= 4 && p.cell_at[c] % 4096 == 0);
            assert_true(p.cell_at[c] + n * mn_cell_bytes(c) <=
                        (c + 1 < MN_REGION_CELLS ? p.cell_at[c + 1] : p.data_at));
        }
        assert_true(p.cell_first[MN_REGION_CELLS] < 1 << 24);
        assert_true(p.class_at[15] <= size);
    }
}

static void verbs(void **s) {
    (void)s;
    mn_region *a = opened(), *b = opened();
    char out[8];
    assert_fails(mn_region_get(b, "x", out, 8, NULL), MN_ENOENT, "no object 'x'");
    assert_int_equal(put_text(a, "x", "one"), 1);
    assert_text(b, "x", "one");
    assert_int_equal(put_text(b, "x", "two, longer"), 2);
    assert_text(a, "x", "two, longer");
    assert_int_equal(mn_region_get(a, "x", out, 3, NULL), 11); /* what fits is written */
    assert_memory_equal(out, "two", 3);
    assert_int_equal(put_text(a, "x", ""), 3);
    assert_text(b, "x", "");
    assert_ok(mn_region_del(b, "x", NULL));
    assert_fails(mn_region_get(a, "x", out, 8, NULL), MN_ENOENT, "no object");
    assert_fails(mn_region_del(a, "x", NULL), MN_ENOENT, "no object");
    assert_int_equal(put_text(a, "x", "again"), 5); /* versions only grow */
    assert_int_equal(cells_in_use(a), 1);
    mn_region_close(&a);
    assert_text(b, "x", "again");
    mn_region_close(&b);
    b = opened(); /* nobody had it open */
    assert_text(b, "x", "again");
    mn_region_close(&b);
}

static void conditions(void **s) {
    (void)s;
    mn_region *r = opened();
    mn_put how = {.check = 1, .version = 7};
    uint64_t version;
    assert_fails(mn_region_put(r, "k", "a", 1, &how, &version), MN_ECONFLICT,
                 "version 0, not 7 (0: absent)");
    how.version = 0;
    assert_ok(mn_region_put(r, "k", "a", 1, &how, &version));
    assert_fails(mn_region_put(r, "k", "b", 1, &how, NULL), MN_ECONFLICT, "has version 1, not 0");
    how.version = version;
    assert_ok(mn_region_put(r, "k", "b", 1, &how, &version));
    assert_fails(mn_region_del(r, "k", &how), MN_ECONFLICT, "has version 2, not 1");
    how.version = version;
    assert_ok(mn_region_del(r, "k", &how));
    assert_int_equal(cells_in_use(r), 0); /* what was refused left nothing */
    mn_region_close(&r);
}

static void limits(void **s) {
    (void)s;
    mn_region *r = opened();
    char key[300];
    memset(key, 'k', sizeof key);
    key[255] = 0;
    put_text(r, key, "v");
    assert_text(r, key, "v");
    key[255] = 'k', key[256] = 0;
    assert_fails(mn_region_put(r, key, "v", 1, NULL, NULL), MN_EINVAL, "256 bytes");
    assert_fails(mn_region_put(r, "", "v", 1, NULL, NULL), MN_EINVAL, "0 bytes");
    assert_fails(mn_region_put(r, "a\nb", "v", 1, NULL, NULL), MN_EINVAL, "byte 2");
    assert_fails(mn_region_put(r, "a\1b", "v", 1, NULL, NULL), MN_EINVAL, "control character 1");
    assert_fails(mn_region_put(r, "a\xff", "v", 1, NULL, NULL), MN_EINVAL, "the key");
    assert_fails(mn_region_put(r, "k", key, MN_OBJECT_VALUE + 1, NULL, NULL), MN_ETOOLONG,
                 "1048257 bytes");
    mn_region_close(&r);
}

/* Every size around the borders of classes, and the largest. */
static void sizes(void **s) {
    (void)s;
    mn_region *r = opened();
    uint8_t *in = malloc(MN_OBJECT_VALUE), *out = malloc(MN_OBJECT_VALUE);
    unsigned long state = 1;
    for (size_t i = 0; i < MN_OBJECT_VALUE; i++) in[i] = (uint8_t)soak_random(&state);
    for (size_t at = 128; at <= MIB; at *= 2)
        for (size_t k = 0; k < 48; k++) {
            const size_t n = at - 88 + k < MN_OBJECT_VALUE ? at - 88 + k : MN_OBJECT_VALUE;
            assert_ok(mn_region_put(r, "sized", in + (k & 7), n - (k & 7), NULL, NULL));
            memset(out, 0xee, 16);
            assert_int_equal(mn_region_get(r, "sized", out, MN_OBJECT_VALUE, NULL), n - (k & 7));
            assert_memory_equal(out, in + (k & 7), n - (k & 7));
        }
    assert_int_equal(cells_in_use(r), 1);
    free(in), free(out);
    mn_region_close(&r);
}

static int count_one(void *user, const mn_listed *e) {
    mn_listed *const last = user;
    assert_true(strcmp(last->key, e->key) < 0);
    *last = *e;
    last->records = 0;
    last->size = last->head.size + 1;
    return 0;
}

/* Chains of many keys: what stands before an old one is copied. */
static void many(void **s) {
    (void)s;
    enum { KEYS = 20000 };
    static uint64_t version[KEYS];
    mn_region *r = opened();
    char key[32], text[64];
    unsigned long state = 5;
    for (int k = 0; k < 5 * KEYS; k++) {
        const int i = k < KEYS ? k : (int)(soak_random(&state) % KEYS);
        snprintf(key, sizeof key, "many/%05d", i);
        snprintf(text, sizeof text, "%d put %d", i, k);
        const uint64_t v = put_text(r, key, text);
        assert_true(v > version[i]);
        version[i] = v;
    }
    assert_int_equal(cells_in_use(r), KEYS);
    mn_listed last = {.key = ""};
    assert_ok(mn_region_list(r, "many/", count_one, &last));
    assert_string_equal(last.key, "many/19999");
    for (int i = 0; i < KEYS; i++) {
        mn_object_head h;
        snprintf(key, sizeof key, "many/%05d", i);
        const int n = mn_region_get(r, key, text, sizeof text, &h);
        assert_true(n > 0 && atoi(text) == i);
        assert_int_equal(h.version, version[i]); /* a copy keeps it */
        if (i % 2) assert_ok(mn_region_del(r, key, NULL));
    }
    assert_int_equal(cells_in_use(r), KEYS / 2);
    mn_region_close(&r);
}

static void expires(void **s) {
    (void)s;
    mn_region *r = opened();
    char out[8];
    double since = mn_clock_seconds();
    assert_ok(mn_region_put(r, "soon", "x", 1, &(mn_put){.ttl_ms = 60}, NULL));
    assert_ok(mn_region_put(r, "late", "x", 1, &(mn_put){.ttl_ms = 600000}, NULL));
    outlive(r, "soon", since);
    assert_fails(mn_region_get(r, "soon", out, 8, NULL), MN_ENOENT, "no object");
    assert_fails(mn_region_del(r, "soon", NULL), MN_ENOENT, "no object");
    since = mn_clock_seconds();
    assert_ok(mn_region_put(r, "soon", "y", 1, &(mn_put){.check = 1, .ttl_ms = 60}, NULL));
    outlive(r, "soon", since);
    assert_int_equal(cells_in_use(r), 2);
    assert_int_equal(mn_object_expire(r), 1);
    assert_int_equal(cells_in_use(r), 1);
    assert_text(r, "late", "x");
    mn_region_close(&r);
}

/* A counter that four processes count up by compare-and-swap ends exact. */
static void counts(void **s) {
    (void)s;
    enum { WRITERS = 4, EACH = 10000 };
    mn_region *r = opened();
    uint64_t n = 0;
    assert_ok(mn_region_put(r, "n", &n, sizeof n, NULL, NULL));
    for (int w = 0; w < WRITERS; w++) {
        if (fork()) continue;
        mn_region *own = opened();
        for (int i = 0; i < EACH;) {
            mn_object_head h;
            if (mn_region_get(own, "n", &n, sizeof n, &h) != 8) _exit(1);
            n++;
            const int rc = mn_region_put(own, "n", &n, sizeof n,
                                         &(mn_put){.check = 1, .version = h.version}, NULL);
            if (rc < 0 && rc != MN_ECONFLICT) _exit(2);
            i += rc >= 0;
        }
        mn_region_close(&own);
        _exit(0);
    }
    for (int w = 0, status; w < WRITERS; w++) {
        assert_true(wait(&status) > 0);
        assert_int_equal(status, 0);
    }
    assert_int_equal(mn_region_get(r, "n", &n, sizeof n, NULL), 8);
    assert_int_equal(n, WRITERS * EACH);
    assert_int_equal(cells_in_use(r), 1);
    mn_region_close(&r);
}

/* What a forked child may not do, and what is full. */
static void refuses(void **s) {
    (void)s;
    mn_region *r = opened();
    put_text(r, "a", "1");
    const pid_t pid = fork();
    if (!pid) _exit(mn_region_put(r, "a", "2", 1, NULL, NULL) == MN_EBUSY ? 0 : 1);
    int status;
    waitpid(pid, &status, 0);
    assert_int_equal(status, 0);
    mn_region_close(&r);
    unlink(path);
    assert_ok(mn_region_open(path, 8 << 20, -1, &r));
    char key[32], *big = calloc(1, MN_OBJECT_VALUE);
    int n = 0, rc;
    do {
        snprintf(key, sizeof key, "big%d", n++);
        rc = mn_region_put(r, key, big, MN_OBJECT_VALUE, NULL, NULL);
    } while (rc >= 0);
    assert_int_equal(rc, MN_EFULL);
    assert_true(n >= 7 && n <= 9);
    assert_ok(mn_region_del(r, "big0", NULL));
    assert_ok(mn_region_put(r, key, big, MN_OBJECT_VALUE, NULL, NULL)); /* its cell */
    assert_int_equal(mn_region_get(r, "big2", big, MN_OBJECT_VALUE, NULL), MN_OBJECT_VALUE);
    free(big);
    mn_region_close(&r);
}

/* ---- logs --------------------------------------------------------------------------------- */
static void logs(void **s) {
    (void)s;
    enum { WRITERS = 4, READERS = 4, EACH = 400, ALL = WRITERS * EACH };
    mn_region *r = opened();
    for (int w = 0; w < WRITERS + READERS; w++) {
        if (fork()) continue;
        mn_region *own = opened();
        uint64_t number, record[2];
        static uint64_t last[WRITERS];
        mn_object_head h;
        for (uint64_t i = 1; w < WRITERS && i <= EACH; i++) {
            record[0] = (uint64_t)w, record[1] = i;
            if (mn_region_append(own, "log", record, sizeof record, 0, 0, &number) < 0) _exit(1);
        }
        for (uint64_t at = 0; w >= WRITERS && at < ALL;) {
            const int rc = mn_region_record(own, "log", at, record, sizeof record, &h, &number);
            if (rc < 0 || (rc && number != at)) _exit(2);
            if (!rc) continue;
            if (record[0] >= WRITERS || record[1] != ++last[record[0]]) _exit(3);
            at++;
        }
        mn_region_close(&own);
        _exit(0);
    }
    for (int w = 0, status; w < WRITERS + READERS; w++) {
        assert_true(wait(&status) > 0);
        assert_int_equal(status, 0);
    }
    assert_int_equal(cells_in_use(r), ALL + 1);
    assert_int_equal(mn_region_drop_log(r, "log"), 1);
    assert_int_equal(cells_in_use(r), 0);
    mn_region_close(&r);
}

static void trimmed(void **s) {
    (void)s;
    mn_region *r = opened();
    uint64_t number, at;
    mn_object_head h;
    for (uint64_t i = 0; i < 100; i++) {
        assert_ok(mn_region_append(r, "l", &i, sizeof i, 0, 10, &number));
        assert_int_equal(number, i);
    }
    assert_int_equal(mn_region_record(r, "l", 0, &at, 8, &h, &number), 1);
    assert_int_equal(number, 90);
    assert_int_equal(at, 90);
    assert_int_equal(mn_region_record(r, "l", 100, &at, 8, &h, &number), 0);
    assert_int_equal(cells_in_use(r), 11);
    mn_region_close(&r);
}

/* ---- hostile areas ------------------------------------------------------------------------ */
/* Whatever stands there, calls end, and read nothing outside of the region. */
static void scribbles(void **s) {
    (void)s;
    mn_region *r = opened();
    char key[32], *out = malloc(MN_OBJECT_VALUE);
    unsigned long state = 77;
    mn_watcher *w;
    mn_change_head c;
    for (int round = 0; round < 60; round++) {
        for (int i = 0; i < 64; i++) {
            snprintf(key, sizeof key, "dir%d/key%d", i % 3, i);
            mn_region_put(r, key, out, (size_t)i * 40, &(mn_put){.ttl_ms = i % 5 ? 0 : 1000}, NULL);
        }
        if (mn_watcher_open(r, "dir1/", 0, 1, &w) < 0) w = NULL;
        for (int i = 0; i < 300; i++) {
            const uint64_t from = r->plan.buckets_at, n = r->plan.cell_at[2] + 65536 - from;
            uint64_t at = from + (((uint64_t)soak_random(&state) << 31 | soak_random(&state)) % n);
            const int cell = soak_random(&state) % 4;
            if (cell) at = r->plan.cell_at[0] + soak_random(&state) % (256 * 96);
            uint64_t word = (uint64_t)soak_random(&state) << 32 | soak_random(&state);
            if (soak_random(&state) % 2) word %= 200;
            if (at / 4096 * 4096 + 4096 > from + n) continue;
            mn_word_store((mn_word *)(void *)(r->file.data + at / 8 * 8), word);
            snprintf(key, sizeof key, "dir%d/key%d", i % 3, i % 64);
            if (i % 3 == 0) mn_region_get(r, key, out, MN_OBJECT_VALUE, NULL);
            if (i % 7 == 0) mn_region_put(r, key, "x", 1, NULL, NULL);
            if (i % 11 == 0) mn_region_del(r, key, NULL);
            if (i % 37 == 0) mn_region_append(r, "dir1/log", "x", 1, 0, 3, NULL);
            if (w && i % 17 == 0) mn_watcher_next(w, 0, &c);
        }
        mn_cells_bury(r, 5);
        mn_object_expire(r);
        mn_watcher_close(&w);
    }
    free(out);
    mn_region_close(&r);
}

/* ---- memory that is not there ------------------------------------------------------------- */
static void starved(void **s) {
    (void)s;
    mn_region *r = opened();
    mn_watcher *w;
    mn_change_head c;
    put_text(r, "a/b", "x");
    for (long n = 1;; n++) {
        mn_alloc_fail_after(n);
        int rc = mn_watcher_open(r, "a/", 0, 1, &w);
        if (rc >= 0) rc = mn_watcher_next(w, 0, &c);
        const int reached = mn_alloc_fail_left() <= 0;
        mn_alloc_fail_after(0);
        assert_true(reached ? rc == MN_ENOMEM : rc == 1);
        mn_watcher_close(&w);
        if (!reached) break;
    }
    mn_region_close(&r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plans),
        cmocka_unit_test_setup_teardown(verbs, begin, end),
        cmocka_unit_test_setup_teardown(conditions, begin, end),
        cmocka_unit_test_setup_teardown(limits, begin, end),
        cmocka_unit_test_setup_teardown(sizes, begin, end),
        cmocka_unit_test_setup_teardown(many, begin, end),
        cmocka_unit_test_setup_teardown(expires, begin, end),
        cmocka_unit_test_setup_teardown(counts, begin, end),
        cmocka_unit_test_setup_teardown(refuses, begin, end),
        cmocka_unit_test_setup_teardown(logs, begin, end),
        cmocka_unit_test_setup_teardown(trimmed, begin, end),
        cmocka_unit_test_setup_teardown(scribbles, begin, end),
        cmocka_unit_test_setup_teardown(starved, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
