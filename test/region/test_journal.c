/* SPDX-License-Identifier: Apache-2.0
 *
 * test/region/test_journal.c - durable objects: what was acknowledged is there after the region is
 * lost, whatever the disk did to what was not.
 *
 * A region that is removed and made anew stands for a machine that was started anew. The full form
 * (`make soak ROW=2`) goes through states that a power cut may leave.
 */
#include "folder.h"
#include "test.h"

#include "base/fault.h"
#include "base/random.h"
#include "region/journal.h"
#include "soak.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char path[96], file[128];
static mn_region *r;
static const mn_put durable = {.durable = 1};

static void open_region(void) {
    assert_ok(mn_region_open(path, 64 << 20, -1, &r));
}
static int begin(void **s) {
    (void)s;
    if (folder_begin("journal", 0) < 0) return -1;
    snprintf(path, sizeof path, "%s/region", folder);
    snprintf(file, sizeof file, "%s.objects", path);
    open_region();
    return 0;
}
static int end(void **s) {
    (void)s;
    mn_region_close(&r);
    return folder_end();
}
static void start_anew(void) {
    mn_region_close(&r);
    assert_int_equal(unlink(path), 0);
    open_region();
}

static uint64_t put(const char *key, const char *value, const mn_put *how) {
    uint64_t version;
    assert_ok(mn_region_put(r, key, value, strlen(value), how, &version));
    return version;
}
/* Its version; 0: it is not there. */
static uint64_t there(const char *key, const char *value) {
    char text[64] = "";
    mn_object_head h;
    const int n = mn_region_get(r, key, text, sizeof text - 1, &h);
    if (n == MN_ENOENT) return 0;
    assert_ok(n);
    text[n] = 0;
    assert_string_equal(text, value);
    return h.version;
}
static int logged(const char *key) {
    mn_object_head h;
    assert_ok(mn_region_get(r, key, NULL, 0, &h));
    return h.logged;
}

static void survives(void **state) {
    (void)state;
    put("plain", "1", NULL);
    put("a", "1", &durable);
    const uint64_t a = put("a", "2", &durable);
    const uint64_t b = put("folder/b", "x", &durable);
    put("gone", "y", &durable);
    assert_ok(mn_region_del(r, "gone", NULL));
    put("short", "z", &(mn_put){.durable = 1, .ttl_ms = 1});
    assert_int_equal(logged("a"), 1);
    assert_int_equal(logged("plain"), 0);
    usleep(10000);
    for (int life = 0; life < 3; life++) {
        start_anew();
        assert_int_equal(there("plain", ""), 0);
        assert_int_equal(there("a", "2"), a);
        assert_int_equal(there("folder/b", "x"), b);
        assert_int_equal(there("gone", ""), 0);
        assert_int_equal(there("short", ""), 0);
        assert_int_equal(logged("a"), 1);
    }
    assert_true(put("a", "3", NULL) > a); /* it stays durable */
    assert_true(put("gone", "again", NULL) > 2);
    start_anew();
    there("a", "3");
    assert_int_equal(there("gone", ""), 0);
    assert_ok(mn_region_del(r, "a", NULL));
    start_anew();
    assert_int_equal(there("a", ""), 0);
}

static void large_and_many(void **state) {
    (void)state;
    static char large[MN_OBJECT_VALUE], back[MN_OBJECT_VALUE];
    memset(large, 'L', sizeof large);
    assert_ok(mn_region_put(r, "large", large, sizeof large, &durable, NULL));
    for (int i = 0; i < 300; i++) {
        char key[32];
        snprintf(key, sizeof key, "k/%d", i % 60);
        put(key, i < 240 ? "old" : "new", &(mn_put){.durable = 1, .lazy = i < 299});
    }
    start_anew();
    assert_int_equal(mn_region_get(r, "large", back, sizeof back, NULL), sizeof large);
    assert_memory_equal(large, back, sizeof large);
    for (int i = 0; i < 60; i++) {
        char key[32];
        snprintf(key, sizeof key, "k/%d", i);
        assert_true(there(key, "new") > 0);
    }
}

/* What is of no use any more goes when the file is mostly that. */
static void is_written_again(void **state) {
    (void)state;
    char value[2048];
    struct stat st;
    memset(value, 'v', sizeof value - 1);
    value[sizeof value - 1] = 0;
    for (int i = 0; i < 200; i++) put("same", value, &(mn_put){.durable = 1, .lazy = i < 199});
    const uint64_t version = put("other", "o", &durable);
    assert_int_equal(stat(file, &st), 0);
    assert_true(st.st_size > 400000);
    start_anew();
    assert_int_equal(stat(file, &st), 0);
    assert_true(st.st_size < 4096);
    start_anew();
    assert_int_equal(there("other", "o"), version);
    put("other", "p", NULL);
    start_anew();
    assert_true(there("other", "p") > version);
}

static void logs(void **state) {
    (void)state;
    uint64_t number;
    char text[16];
    for (int i = 0; i < 10; i++)
        assert_ok(mn_region_append(r, "log", &"abcdefghij"[i], 1, &durable, 5, NULL));
    start_anew();
    assert_ok(mn_region_record(r, "log", 7, text, sizeof text, NULL, &number));
    assert_int_equal(number, 7);
    assert_int_equal(text[0], 'h');
    assert_ok(mn_region_append(r, "log", "k", 1, &durable, 5, &number));
    assert_int_equal(number, 10);
    assert_int_equal(mn_region_record(r, "log", 0, text, sizeof text, NULL, &number), 1);
    assert_int_equal(number, 6);
    assert_int_equal(mn_region_drop_log(r, "log"), 1);
    start_anew();
    assert_int_equal(mn_region_record(r, "log", 0, text, sizeof text, NULL, &number), 0);
}

/* Eight processes: each acknowledged put is there; many are synced at once. */
static void together(void **state) {
    (void)state;
    enum { WRITERS = 8, EACH = 40 };
    pid_t child[WRITERS];
    mn_region_close(&r);
    for (int w = 0; w < WRITERS; w++)
        if (!(child[w] = fork())) {
            open_region();
            for (int i = 0; i < EACH; i++) {
                char key[32];
                snprintf(key, sizeof key, "w%d/%d", w, i);
                put(key, "v", &durable);
            }
            mn_region_close(&r);
            _exit(0);
        }
    for (int w = 0; w < WRITERS; w++) {
        int status;
        assert_int_equal(waitpid(child[w], &status, 0), child[w]);
        assert_int_equal(status, 0);
    }
    open_region();
    const uint64_t syncs = mn_word_load(&mn_tops(r)->syncs);
    printf("%d durable puts by %d processes, %llu syncs\n", WRITERS * EACH, WRITERS,
           (unsigned long long)syncs);
    assert_true(syncs <= WRITERS * EACH);
    start_anew();
    for (int i = 0; i < WRITERS * EACH; i++) {
        char key[32];
        snprintf(key, sizeof key, "w%d/%d", i / EACH, i % EACH);
        assert_true(there(key, "v") > 0);
    }
}

/* Killed at any time: what was said to be done is there. */
static void killed(void **state) {
    (void)state;
    mn_region_close(&r);
    for (int round = 0; round < 20; round++) {
        int up[2], last = -1, said;
        assert_int_equal(pipe(up), 0);
        const pid_t child = fork();
        if (!child) {
            open_region();
            for (int i = 0;; i++) {
                char value[16];
                snprintf(value, sizeof value, "%d", i);
                put(round % 2 ? "k" : "j", value, &durable);
                if (write(up[1], &i, sizeof i) != sizeof i) _exit(1);
            }
        }
        close(up[1]);
        usleep((useconds_t)(3000 + round * 700));
        assert_int_equal(kill(child, SIGKILL), 0);
        assert_int_equal(waitpid(child, NULL, 0), child);
        while (read(up[0], &said, sizeof said) == sizeof said) last = said;
        close(up[0]);
        unlink(path);
        open_region();
        char text[16] = "-1";
        const int n = mn_region_get(r, round % 2 ? "k" : "j", text, sizeof text - 1, NULL);
        if (n >= 0) text[n] = 0;
        if (last >= 0) assert_in_range(atoi(text), last, last + 1);
        mn_region_close(&r);
    }
    open_region();
}

/* ---- damage ------------------------------------------------------------------------------- */
enum { ITEMS = 40 };
static uint8_t *good;
static size_t good_bytes, item_end[ITEMS];

static int begin_damage(void **s) {
    if (begin(s)) return -1;
    struct stat st;
    for (int i = 0; i < ITEMS; i++) {
        char key[16], value[48];
        snprintf(key, sizeof key, "key%d", i);
        snprintf(value, sizeof value, "value %d %.*s", i, i % 20, "....................");
        put(key, value, &(mn_put){.durable = 1, .lazy = 1});
        if (stat(file, &st) < 0) return -1;
        item_end[i] = (size_t)st.st_size;
    }
    mn_region_close(&r);
    good_bytes = (size_t)st.st_size;
    good = malloc(good_bytes);
    FILE *f = fopen(file, "rb");
    const int bad = !good || !f || fread(good, 1, good_bytes, f) != good_bytes;
    if (f) fclose(f);
    return bad;
}
static int end_damage(void **s) {
    free(good);
    return end(s);
}

/* A machine starts with these bytes: items `must` are there; the others are right, or not there. */
static void judge(const uint8_t *bytes, size_t n, const uint8_t must[ITEMS]) {
    FILE *f = fopen(file, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, n, f), n);
    fclose(f);
    unlink(path);
    open_region();
    for (int i = 0; i < ITEMS; i++) {
        char key[16], value[48];
        snprintf(key, sizeof key, "key%d", i);
        snprintf(value, sizeof value, "value %d %.*s", i, i % 20, "....................");
        const uint64_t version = there(key, value);
        if (must[i] && !version) fail_msg("'%s' was acknowledged, and is lost", key);
    }
    mn_region_close(&r);
}

/* Nothing after the first `safe` items was synced: any sectors of it may be missing, or nonsense,
 * or the file shorter. A planted bug counts one more as synced. */
static void cut_power(long number) {
    mn_random rnd;
    mn_random_seed(&rnd, (uint64_t)number);
    const size_t safe = mn_random_u64(&rnd) % ITEMS;
    const size_t from = safe ? item_end[safe - 1] : 0;
    size_t n = good_bytes;
    uint8_t must[ITEMS] = {0}, *state = malloc(good_bytes);
    memcpy(state, good, good_bytes);
    for (size_t i = 0; i < safe + (soak_planted() ? 1 : 0) && i < ITEMS; i++) must[i] = 1;
    for (size_t at = from; at < good_bytes;) {
        const size_t next = (at / 64 + 1) * 64 < good_bytes ? (at / 64 + 1) * 64 : good_bytes;
        const uint64_t what = mn_random_u64(&rnd) % 4;
        for (size_t i = at; what < 2 && i < next; i++)
            state[i] = what ? (uint8_t)mn_random_u64(&rnd) : 0;
        at = next;
    }
    if (mn_random_u64(&rnd) % 2) n = from + mn_random_u64(&rnd) % (good_bytes - from + 1);
    judge(state, n, must);
    free(state);
}

static void power_fails(void **state) {
    (void)state;
    soak s = soak_begin(0);
    if (!soak_asked()) s.first = 0, s.end = 300;
    for (long i = s.first; i < s.end; i++) cut_power(i);
    if (soak_asked()) soak_end(&s, s.end - s.first);
}

/* A turned bit costs the record it is in, and no other. */
static void bits_turn(void **state) {
    (void)state;
    mn_random rnd;
    mn_random_seed(&rnd, 7);
    for (int k = 0; k < 300; k++) {
        const size_t bit = mn_random_u64(&rnd) % (good_bytes * 8);
        uint8_t must[ITEMS];
        for (int i = 0; i < ITEMS; i++)
            must[i] = bit / 8 >= item_end[i] || (i && bit / 8 < item_end[i - 1]);
        good[bit / 8] ^= (uint8_t)(1 << bit % 8);
        judge(good, good_bytes, must);
        good[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
}

/* What an append that was killed left is passed over, and later records are found behind it. */
static void torn_in_the_middle(void **state) {
    (void)state;
    uint8_t must[ITEMS], *bytes = malloc(good_bytes * 2);
    memset(must, 1, sizeof must);
    for (size_t cut = 1; cut < item_end[0]; cut++) {
        const size_t half = item_end[ITEMS / 2 - 1];
        memcpy(bytes, good, half);
        memcpy(bytes + half, good, cut); /* a part of a record */
        memcpy(bytes + half + cut, good + half, good_bytes - half);
        judge(bytes, good_bytes + cut, must);
    }
    free(bytes);
}

/* A file that is none of ours is left alone. */
static void strangers(void **state) {
    (void)state;
    static const uint8_t none[ITEMS];
    static uint8_t text[200000];
    struct stat st;
    memset(text, 'x', sizeof text);
    judge(text, sizeof text, none);
    assert_int_equal(stat(file, &st), 0);
    assert_int_equal(st.st_size, sizeof text);
    judge(text, 0, none);
}

static const char *self;
static int fail_here(const char *where) {
    mn_region *mine;
    int rc = mn_region_open(where, 0, -1, &mine);
    if (rc < 0) return 1;
    rc = mn_region_put(mine, "k", "value", 5, &durable, NULL);
    char text[8];
    const int n = mn_region_get(mine, "k", text, sizeof text, NULL);
    mn_object_head h = {0};
    if (n >= 0) mn_region_get(mine, "k", NULL, 0, &h);
    mn_region_close(&mine);
    if (mn_fault_left() > 0) return rc < 0 ? 2 : 7;
    return rc >= 0 ? (n == 5 && h.logged ? 0 : 3) : h.logged ? 4 : 1;
}

/* The n-th call of the disk fails: the put says so, or it has done what it says. */
static void disk_fails(void **state) {
    (void)state;
    static const char *const kinds[] = {"", ":ENOSPC", ":EINTR"};
    mn_region_close(&r);
    for (int kind = 0; kind < 3; kind++) {
        int n = 1, status = 0;
        for (; status != 7 << 8 && n < 200; n++) {
            char where[160];
            snprintf(where, sizeof where, "%s.%d.%d", path, kind, n);
            const pid_t child = fork();
            if (!child) {
                char fail[32];
                snprintf(fail, sizeof fail, "%d%s", n, kinds[kind]);
                setenv("OMNESIA_FAIL_IO", fail, 1);
                execl(self, self, "fail", where, (char *)NULL);
                _exit(9);
            }
            assert_int_equal(waitpid(child, &status, 0), child);
            if (status > 1 << 8 && status != 7 << 8)
                fail_msg("failure %d%s: status %#x", n, kinds[kind], status);
            if (status) continue;
            unlink(where); /* it was acknowledged: so it is there */
            mn_region *anew;
            assert_ok(mn_region_open(where, 0, -1, &anew));
            assert_int_equal(mn_region_get(anew, "k", NULL, 0, NULL), 5);
            mn_region_close(&anew);
        }
        assert_in_range(n, 10, 199);
    }
    open_region();
}

int main(int argc, char **argv) {
    self = argv[0];
    if (argc > 2 && strcmp(argv[1], "fail") == 0) return fail_here(argv[2]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(survives, begin, end),
        cmocka_unit_test_setup_teardown(large_and_many, begin, end),
        cmocka_unit_test_setup_teardown(is_written_again, begin, end),
        cmocka_unit_test_setup_teardown(logs, begin, end),
        cmocka_unit_test_setup_teardown(together, begin, end),
        cmocka_unit_test_setup_teardown(killed, begin, end),
        cmocka_unit_test_setup_teardown(power_fails, begin_damage, end_damage),
        cmocka_unit_test_setup_teardown(bits_turn, begin_damage, end_damage),
        cmocka_unit_test_setup_teardown(torn_in_the_middle, begin_damage, end_damage),
        cmocka_unit_test_setup_teardown(strangers, begin_damage, end_damage),
        cmocka_unit_test_setup_teardown(disk_fails, begin, end)};
    const struct CMUnitTest full[] = {
        cmocka_unit_test_setup_teardown(power_fails, begin_damage, end_damage)};
    return soak_asked() ? cmocka_run_group_tests(full, NULL, NULL)
                        : cmocka_run_group_tests(tests, NULL, NULL);
}
