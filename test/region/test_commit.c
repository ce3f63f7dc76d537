/* SPDX-License-Identifier: Apache-2.0
 *
 * test/region/test_commit.c - several objects changed at once: all or nothing, for readers, for
 * watchers, and against others who want the same keys.
 */
#include "folder.h"
#include "region/objects.h"
#include "until.h"

#include "base/hash.h"
#include "soak.h"

#include <pthread.h>
#include <time.h>
#include <unistd.h>

enum { LIMIT = 64 << 20, TOKENS = 8, EACH = 100, MOVERS = 4, MOVES = 3000 };
static char path[96];

static int begin(void **s) {
    (void)s;
    if (folder_begin("commit", 1) < 0) return -1;
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
static mn_edit put_if(const char *key, const char *text, uint64_t version) {
    return (mn_edit){.key = key,
                     .kind = MN_EDIT_PUT,
                     .check = 1,
                     .version = version,
                     .value = text,
                     .n = strlen(text)};
}
static mn_edit put(const char *key, const char *text) {
    mn_edit e = put_if(key, text, 0);
    e.check = 0;
    return e;
}
static mn_edit del(const char *key) {
    return (mn_edit){.key = key, .kind = MN_EDIT_DEL};
}
static mn_edit stays(const char *key, uint64_t version) {
    return (mn_edit){.key = key, .kind = MN_EDIT_CHECK, .version = version};
}
static uint64_t put_text(mn_region *r, const char *key, const char *text) {
    uint64_t version;
    assert_ok(mn_region_put(r, key, text, strlen(text), NULL, &version));
    return version;
}
/* The version; 0 and "": absent. */
static uint64_t text_of(mn_region *r, const char *key, char out[64]) {
    mn_object_head h = {0};
    const int rc = mn_object_look(r, key, strlen(key), out, 63, &h);
    assert_ok(rc);
    out[rc ? h.size : 0] = 0;
    return h.version;
}
static void assert_text(mn_region *r, const char *key, const char *text, uint64_t version) {
    char out[64];
    const uint64_t now = text_of(r, key, out);
    assert_string_equal(out, text);
    if (version) assert_int_equal(now, version);
}
static int count_one(void *user, const mn_listed *e) {
    (void)e;
    ++*(int *)user;
    return 0;
}
static int listed(mn_region *r) {
    int n = 0;
    assert_ok(mn_region_list(r, "", count_one, &n));
    return n;
}

static void together(void **s) {
    (void)s;
    mn_region *r = opened();
    mn_edit e[4] = {put("a", "one"), put("b", ""), put("c", "three"), stays("none", 0)};
    assert_ok(mn_region_commit(r, e, 4));
    assert_text(r, "a", "one", e[0].version);
    assert_text(r, "b", "", e[1].version);
    assert_text(r, "c", "three", e[2].version);
    assert_int_equal(listed(r), 3);
    assert_int_equal(cells_in_use(r), 3);
    mn_edit f[4] = {put_if("a", "two", e[0].version), del("b"), stays("c", e[2].version),
                    del("never")};
    assert_ok(mn_region_commit(r, f, 4));
    assert_true(f[0].version > e[0].version);
    assert_text(r, "a", "two", f[0].version);
    assert_int_equal(mn_region_get(r, "b", NULL, 0, NULL), MN_ENOENT);
    assert_text(r, "c", "three", e[2].version); /* untouched */
    assert_int_equal(cells_in_use(r), 2);
    const uint64_t version = put_text(r, "a", "by itself"); /* one by one goes on */
    assert_true(version > f[0].version);
    assert_ok(mn_region_del(r, "c", &(mn_put){.check = 1, .version = e[2].version}));
    for (int i = 0; i < 1000; i++) {
        mn_edit g[2] = {put("a", i % 2 ? "odd" : "even"), i % 3 ? put("c", "there") : del("c")};
        assert_ok(mn_region_commit(r, g, 2));
        assert_text(r, "a", i % 2 ? "odd" : "even", g[0].version);
        assert_text(r, "c", i % 3 ? "there" : "", i % 3 ? g[1].version : 0);
    }
    assert_int_equal(cells_in_use(r), 1);
    mn_region_close(&r);
}

static void refused(void **s) {
    (void)s;
    mn_region *r = opened();
    const uint64_t a = put_text(r, "a", "1"), b = put_text(r, "b", "2");
    mn_edit e[3] = {put_if("a", "x", a), put_if("b", "x", b + 1), put("c", "x")};
    assert_fails(mn_region_commit(r, e, 3), MN_ECONFLICT, "'b' has version");
    mn_edit f[2] = {del("a"), stays("b", 0)};
    assert_fails(mn_region_commit(r, f, 2), MN_ECONFLICT, "not 0 (0: absent)");
    mn_edit g[2] = {put("c", "x"), stays("d", 7)};
    assert_fails(mn_region_commit(r, g, 2), MN_ECONFLICT, "'d' has version 0, not 7");
    mn_edit twice[2] = {put("a", "x"), del("a")};
    assert_fails(mn_region_commit(r, twice, 2), MN_EINVAL, "'a' is there twice");
    mn_edit bad[2] = {put("a", "x"), put("", "x")};
    assert_fails(mn_region_commit(r, bad, 2), MN_EINVAL, "a key of 0 bytes");
    mn_edit large[2] = {put("a", "x"), put("b", "x")};
    large[1].n = MN_OBJECT_VALUE + 1;
    assert_fails(mn_region_commit(r, large, 2), MN_ETOOLONG, "at most");
    assert_fails(mn_region_commit(r, e, 0), MN_EINVAL, "0 edits");
    assert_fails(mn_region_commit(r, e, MN_EDITS + 1), MN_EINVAL, "17 edits");
    mn_edit kind[1] = {{.key = "a"}};
    assert_fails(mn_region_commit(r, kind, 1), MN_EINVAL, "no kind");
    assert_ok(mn_region_put(r, "kept", "x", 1, &(mn_put){.durable = 1}, NULL));
    mn_edit durable[2] = {put("a", "x"), put("kept", "y")};
    assert_fails(mn_region_commit(r, durable, 2), MN_EINVAL, "'kept' is durable");
    assert_fails(mn_region_commit(r, durable + 1, 1), MN_EINVAL, "'kept' is durable");
    assert_text(r, "a", "1", a); /* nothing of all that */
    assert_text(r, "b", "2", b);
    assert_int_equal(listed(r), 3);
    assert_int_equal(cells_in_use(r), 3);
    mn_region_close(&r);
}

static void one_alone(void **s) {
    (void)s;
    mn_region *r = opened();
    mn_edit e = put_if("a", "1", 0);
    assert_ok(mn_region_commit(r, &e, 1));
    assert_text(r, "a", "1", e.version);
    mn_edit f = stays("a", e.version + 1);
    assert_fails(mn_region_commit(r, &f, 1), MN_ECONFLICT, "'a' has version");
    f.version--;
    assert_ok(mn_region_commit(r, &f, 1));
    f = stays("b", 0);
    assert_ok(mn_region_commit(r, &f, 1));
    f = del("a");
    assert_ok(mn_region_commit(r, &f, 1));
    assert_ok(mn_region_commit(r, &f, 1));
    assert_int_equal(cells_in_use(r), 0);
    mn_region_close(&r);
}

/* Many keys, several of them in one bucket, some as large as may be, some expired. */
static void shapes(void **s) {
    (void)s;
    mn_region *r = opened();
    char key[MN_EDITS][32], *const big = calloc(1, MN_OBJECT_VALUE), out[8];
    uint64_t bucket = 0;
    int n = 0;
    for (long i = 0; n < 6; i++) {
        snprintf(key[n], sizeof key[n], "twin/%ld", i);
        const uint64_t b = mn_hash64(key[n], strlen(key[n])) % r->plan.buckets;
        if (n && b != bucket) continue;
        bucket = b;
        n++;
    }
    for (; n < MN_EDITS; n++) snprintf(key[n], sizeof key[n], "other/%d", n);
    mn_edit e[MN_EDITS];
    for (int round = 0; round < 40; round++) {
        for (int i = 0; i < MN_EDITS; i++) e[i] = (i + round) % 5 ? put(key[i], "x") : del(key[i]);
        e[round % 6].kind = MN_EDIT_PUT;
        e[round % 6].value = big;
        e[round % 6].n = MN_OBJECT_VALUE - (size_t)round;
        assert_ok(mn_region_commit(r, e, MN_EDITS));
        int there = 0;
        for (int i = 0; i < MN_EDITS; i++) {
            mn_object_head h;
            const int rc = mn_object_look(r, key[i], strlen(key[i]), out, 8, &h);
            assert_int_equal(rc, e[i].kind == MN_EDIT_PUT);
            there += rc;
            if (rc) assert_int_equal(h.version, e[i].version);
            if (rc) assert_int_equal(h.size, e[i].n);
        }
        assert_int_equal(listed(r), there);
        if (round % 8 == 7) assert_int_equal(mn_object_expire(r) >= 0, 1);
        cells_in_use(r);
    }
    assert_ok(mn_region_put(r, key[0], "t", 1, &(mn_put){.ttl_ms = 20}, NULL));
    wait_until(mn_region_get(r, key[0], out, 8, NULL) == MN_ENOENT);
    mn_edit f[2] = {put_if(key[0], "new", 0), stays(key[1], e[1].version)};
    if (e[1].kind == MN_EDIT_DEL) f[1].version = 0;
    assert_ok(mn_region_commit(r, f, 2)); /* what has expired counts as absent */
    assert_text(r, key[0], "new", f[0].version);
    cells_in_use(r);
    free(big);
    mn_region_close(&r);
}

/* Another's commit that is undecided, or decided and not tidied up: who finds it, and who wants
 * one of its keys. */
static void left_behind(void **s) {
    (void)s;
    mn_region *r = opened();
    char out[64];
    for (int done = 0; done < 2; done++) {
        put_text(r, "a", "old");
        const uint64_t b = put_text(r, "b", "old");
        assert_ok(mn_region_del(r, "c", &(mn_put){.hidden = 1}));
        const mn_edit half[3] = {put("a", "new"), del("b"), put("c", "new")};
        mn_cell_head t = commit_left(r, r->me, done ? MN_COMMIT_DONE : MN_COMMIT_OPEN, half, 3);
        assert_text(r, "a", done ? "new" : "old", 0);
        assert_text(r, "b", done ? "" : "old", 0);
        assert_text(r, "c", done ? "new" : "", 0);
        assert_int_equal(listed(r), 2 + done); /* and d, of the round before */
        assert_true(mn_object_expire(r) >= 0); /* which stops nobody */
        assert_text(r, "c", done ? "new" : "", 0);
        mn_edit e[2] = {put_if("b", "other", done ? 0 : b), put("d", "x")};
        assert_ok(mn_region_commit(r, e, 2));
        assert_int_equal(mn_tag_phase(mn_word_load(&t.at->tag)),
                         done ? MN_COMMIT_DONE : MN_COMMIT_VOID);
        assert_text(r, "a", done ? "new" : "old", 0);
        put_text(r, "c", "itself");
        assert_text(r, "c", "itself", 0);
        t.tag = mn_word_load(&t.at->tag);
        mn_commit_bury(r, &t);
        text_of(r, "a", out);
        assert_string_equal(out, done ? "new" : "old");
        assert_text(r, "b", "other", e[0].version);
        assert_int_equal(cells_in_use(r), 4);
    }
    mn_region_close(&r);
}

/* ---- watching ----------------------------------------------------------------------------- */
static void told(mn_watcher *w, const char *key, const char *text, uint64_t version) {
    mn_change_head c;
    assert_int_equal(mn_watcher_next(w, 0, &c), 1);
    assert_string_equal(c.key, key);
    assert_int_equal(c.kind, text ? MN_CHANGE_PUT : MN_CHANGE_DEL);
    if (text) assert_string_equal(c.value, text);
    if (version) assert_int_equal(c.head.version, version);
}
static void nothing(mn_watcher *w) {
    mn_change_head c;
    assert_int_equal(mn_watcher_next(w, 0, &c), 0);
}

static void watched(void **s) {
    (void)s;
    mn_region *r = opened();
    mn_watcher *w;
    put_text(r, "x/b", "old");
    assert_ok(mn_watcher_open(r, "x/", 0, 0, &w));
    mn_edit e[3] = {put("x/a", "new"), del("x/b"), stays("x/c", 0)};
    assert_ok(mn_region_commit(r, e, 3));
    mn_change_head c;
    int puts = 0, dels = 0;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(mn_watcher_next(w, 0, &c), 1);
        if (c.kind == MN_CHANGE_PUT) assert_int_equal(c.head.version, e[0].version), puts++;
        if (c.kind == MN_CHANGE_DEL) assert_string_equal(c.key, "x/b"), dels++;
    }
    assert_int_equal(puts * 10 + dels, 11);
    nothing(w);
    mn_edit f[2] = {put("x/a", "never"), stays("x/c", 7)};
    assert_int_equal(mn_region_commit(r, f, 2), MN_ECONFLICT);
    nothing(w);
    mn_watcher_close(&w);
    mn_region_close(&r);
}

/* Looked at while it is undecided: not told; then it is decided without another word. */
static void watched_meanwhile(void **s) {
    (void)s;
    mn_region *r = opened();
    mn_watcher *w;
    put_text(r, "w/b", "old");
    assert_ok(mn_watcher_open(r, "w/", 0, 0, &w));
    const mn_edit half = put("w/a", "new");
    mn_cell_head t = commit_left(r, r->me, MN_COMMIT_OPEN, &half, 1);
    const uint64_t hash = mn_hash64("w/a", 3);
    const uint64_t n = mn_bucket_changes(mn_word_load(mn_bucket(r, hash)));
    mn_topics_touch(r, "w/a", 3, (uint32_t)(hash % r->plan.buckets));
    nothing(w);
    t.tag = mn_tag_make(mn_tag_generation(t.tag), r->me + 1, MN_COMMIT_DONE);
    mn_word_store(&t.at->tag, t.tag);
    mn_topics_touch(r, "w/a", 3, (uint32_t)(hash % r->plan.buckets));
    told(w, "w/a", "new", n);
    nothing(w);
    mn_commit_bury(r, &t);
    mn_topics_bump(r);
    nothing(w);
    put_text(r, "w/a", "next");
    told(w, "w/a", "next", 0);
    nothing(w);
    assert_int_equal(cells_in_use(r), 2);
    mn_watcher_close(&w);
    mn_region_close(&r);
}

/* ---- threads ------------------------------------------------------------------------------ */
static mn_region *all;
static atomic_int moved, summed, stop;

static void token_key(int i, char out[16]) {
    snprintf(out, 16, "token/%d", i);
}

static void *move(void *seed) {
    unsigned long state = (unsigned long)(uintptr_t)seed;
    char key[2][16], bytes[2][32];
    for (int i = 0; i < MOVES && !atomic_load(&stop); i++) {
        const int from = (int)(soak_random(&state) % TOKENS);
        const int to = (from + 1 + (int)(soak_random(&state) % (TOKENS - 1))) % TOKENS;
        mn_edit e[2];
        int64_t n[2];
        for (int k = 0; k < 2; k++) {
            mn_object_head h = {0};
            token_key(k ? to : from, key[k]);
            n[k] = 0; /* no tokens: no object */
            if (mn_object_look(all, key[k], strlen(key[k]), n + k, 8, &h) < 0) return "look";
            e[k] = (mn_edit){.key = key[k], .check = 1, .version = h.version};
        }
        if (n[0] < 1) continue;
        n[0]--, n[1]++;
        for (int k = 0; k < 2; k++) {
            memcpy(bytes[k], n + k, 8);
            e[k].kind = n[k] ? MN_EDIT_PUT : MN_EDIT_DEL;
            e[k].value = bytes[k];
            e[k].n = 8 + (size_t)(i % 3);
        }
        const int rc = mn_region_commit(all, e, 2);
        if (rc < 0 && rc != MN_ECONFLICT) return "commit";
        if (rc >= 0) atomic_fetch_add(&moved, 1);
    }
    return NULL;
}

static void *sum(void *unused) {
    (void)unused;
    char key[TOKENS][16];
    uint64_t last[TOKENS] = {0};
    while (!atomic_load(&stop)) {
        mn_edit e[TOKENS];
        int64_t n, total = 0;
        for (int i = 0; i < TOKENS; i++) {
            mn_object_head h = {0};
            token_key(i, key[i]);
            n = 0;
            if (mn_object_look(all, key[i], strlen(key[i]), &n, 8, &h) < 0) return "look";
            if (h.version && h.version < last[i]) return "an older version";
            if (h.version) last[i] = h.version;
            total += n;
            e[i] = stays(key[i], h.version);
        }
        const int rc = mn_region_commit(all, e, TOKENS);
        if (rc < 0 && rc != MN_ECONFLICT) return "check";
        if (rc >= 0 && total != TOKENS * EACH) return "a token was lost, or made";
        if (rc >= 0) atomic_fetch_add(&summed, 1);
    }
    return NULL;
}

static void *watch(void *unused) {
    (void)unused;
    uint64_t last[TOKENS] = {0};
    mn_watcher *w;
    mn_change_head c;
    if (mn_watcher_open(all, "token/", 0, 1, &w) < 0) return "watch";
    while (!atomic_load(&stop)) {
        const int rc = mn_watcher_next(w, 5, &c);
        if (rc < 0) return "watch";
        if (!rc || c.kind != MN_CHANGE_PUT) continue;
        uint64_t *const l = last + (c.key[6] - '0');
        if (c.head.version <= *l) return "told twice, or out of order";
        *l = c.head.version;
    }
    for (int rc = 1; rc > 0;) { /* in the quiet: the last states */
        rc = mn_watcher_next(w, 0, &c);
        if (rc > 0 && c.kind == MN_CHANGE_PUT) last[c.key[6] - '0'] = c.head.version;
        if (rc > 0 && c.kind == MN_CHANGE_DEL) last[c.key[6] - '0'] = 0;
    }
    mn_watcher_close(&w);
    for (int i = 0; i < TOKENS; i++) {
        char key[16];
        mn_object_head h = {0};
        token_key(i, key);
        const int rc = mn_object_look(all, key, strlen(key), NULL, 0, &h);
        if (rc < 0 || (rc && h.version != last[i])) return "the last state was not told";
    }
    return NULL;
}

static void tokens(void **s) {
    (void)s;
    pthread_t mover[MOVERS], reader, watcher;
    void *said;
    all = opened();
    for (int i = 0; i < TOKENS; i++) {
        char key[16];
        const int64_t n = EACH;
        token_key(i, key);
        assert_ok(mn_region_put(all, key, &n, 8, NULL, NULL));
    }
    assert_int_equal(pthread_create(&reader, NULL, sum, NULL), 0);
    assert_int_equal(pthread_create(&watcher, NULL, watch, NULL), 0);
    for (long i = 0; i < MOVERS; i++)
        assert_int_equal(
            pthread_create(mover + i, NULL, move, (void *)(uintptr_t)soak_seed((int)i + 1)), 0);
    const char *why = NULL;
    for (int i = 0; i < MOVERS; i++) {
        pthread_join(mover[i], &said);
        if (said) why = said;
    }
    wait_until(why || atomic_load(&summed) > 0); /* nobody is in its way now */
    atomic_store(&stop, 1);
    pthread_join(reader, &said);
    if (said) why = said;
    pthread_join(watcher, &said);
    if (said) why = said;
    if (why) fail_msg("%s (%s)", why, mn_error_detail());
    int64_t total = 0;
    for (int i = 0; i < TOKENS; i++) {
        char key[16];
        int64_t n = 0;
        token_key(i, key);
        assert_ok(mn_object_look(all, key, strlen(key), &n, 8, NULL));
        total += n;
    }
    assert_int_equal(total, TOKENS * EACH);
    cells_in_use(all);
    printf("%d moves, %d sums\n", atomic_load(&moved), atomic_load(&summed));
    assert_true(atomic_load(&moved) > MOVES / 4);
    mn_region_close(&all);
}

/* Two whose commits have the same keys, without conditions: both get on. */
static void *overwrite(void *text) {
    for (int i = 0; i < 2000; i++) {
        mn_edit e[3] = {put("o/1", text), put("o/2", text), put("o/3", text)};
        if (mn_region_commit(all, e, 3) < 0) return (void *)(uintptr_t)mn_error_detail();
    }
    return NULL;
}
static void rivals(void **s) {
    (void)s;
    pthread_t thread[3];
    void *said;
    char out[64], first[64];
    all = opened();
    for (int i = 0; i < 3; i++)
        assert_int_equal(
            pthread_create(thread + i, NULL, overwrite, i ? i > 1 ? "three" : "two" : "one"), 0);
    for (int i = 0; i < 3; i++) {
        pthread_join(thread[i], &said);
        assert_null(said);
    }
    text_of(all, "o/1", first);
    text_of(all, "o/2", out);
    assert_string_equal(first, out);
    text_of(all, "o/3", out);
    assert_string_equal(first, out);
    assert_int_equal(cells_in_use(all), 3);
    mn_region_close(&all);
}

/* The region is full: nothing has changed, and what was claimed is free again. */
static void full(void **s) {
    (void)s;
    mn_region *r;
    char *const big = calloc(1, MN_OBJECT_VALUE), out[64];
    assert_ok(mn_region_open(path, 20 << 20, -1, &r));
    put_text(r, "a", "1");
    int n = 0;
    for (char key[16]; n < 64; n++) {
        snprintf(key, sizeof key, "big/%d", n);
        const int rc = mn_region_put(r, key, big, MN_OBJECT_VALUE, NULL, NULL);
        if (rc == MN_EFULL) break;
        assert_ok(rc);
    }
    assert_true(n < 64);
    const int used = cells_in_use(r);
    mn_edit e[4] = {put("a", "2"), put("x", big), put("y", big), put("z", big)};
    for (int i = 1; i < 4; i++) e[i].n = MN_OBJECT_VALUE;
    assert_int_equal(mn_region_commit(r, e, 4), MN_EFULL);
    text_of(r, "a", out);
    assert_string_equal(out, "1");
    assert_int_equal(cells_in_use(r), used);
    free(big);
    mn_region_close(&r);
}

int main(void) {
#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(together), TEST(refused),           TEST(one_alone), TEST(shapes), TEST(left_behind),
        TEST(watched),  TEST(watched_meanwhile), TEST(tokens),    TEST(rivals), TEST(full),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
