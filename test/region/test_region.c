/* SPDX-License-Identifier: Apache-2.0
 *
 * test/region/test_region.c - a region opened, refused and shared; extents through all their
 * states; the ledger; death in the middle.
 *
 * Two handles on one file are two processes as far as the region can tell: each has its own
 * description of the lock file. Where a process must die, one is forked.
 */
#include "folder.h"
#include "test.h"

#include "base/hash.h"
#include "region/inside.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LIMIT = 64 << 20, MIB = 1 << 20 };
static char path[96];

static int begin(void **s) {
    (void)s;
    if (folder_begin("region", 0) < 0) return -1;
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

/* An extent of n MiB with real pages, all its rows (bytes) marked. */
static mn_extent made(mn_region *r, int mib, uint8_t mark) {
    mn_extent x;
    assert_ok(mn_extent_open(r, (uint64_t)mib * MIB, 7, &x));
    assert_ok(mn_extent_charge(&x, (uint64_t)mib * MIB));
    assert_ok(mn_extent_back(&x, 0, (uint64_t)mib * MIB));
    memset(x.data, mark, (size_t)mib * MIB);
    return x;
}

static const uint8_t seed[32] = {1, 2, 3};

static mn_ref published(mn_region *r, int mib, uint8_t mark, mn_ref parent, uint64_t anchor) {
    mn_extent x = made(r, mib, mark);
    mn_extent_publish(&x, seed, parent, anchor);
    mn_extent_grow(&x, (uint64_t)mib * MIB);
    const mn_ref ref = x.ref;
    mn_extent_close(&x);
    return ref;
}

static void plans(void **s) {
    (void)s;
    for (uint64_t size = MN_REGION_LEAST; size <= (uint64_t)1 << 40; size *= 4) {
        const mn_region_plan p = mn_region_plan_of(size);
        assert_true(p.slots > 100 && p.slots <= MN_REGION_CLASSES * MN_REGION_OF_CLASS);
        uint64_t at = p.data_at;
        assert_true(p.index_at + p.entries * sizeof(mn_index_entry) <= p.data_at);
        for (int c = 0; c < MN_REGION_CLASSES; c++) {
            assert_int_equal(p.class_at[c], at);
            at += (uint64_t)(p.first[c + 1] - p.first[c]) * mn_class_bytes(c);
        }
        assert_true(at <= size);
    }
}

static void opens(void **s) {
    (void)s;
    mn_region *a = opened(), *b = opened();
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_true(st.st_blocks * 512 < 4 * MIB); /* sparse */
    assert_int_equal(mn_region_limit(b), LIMIT);
    assert_int_equal(a->me, 0);
    assert_int_equal(b->me, 1);
    mn_region_close(&a);
    a = opened(); /* the slot of who left is taken again */
    assert_int_equal(a->me, 0);
    mn_region_close(&a);
    mn_region_close(&b);
    mn_region_close(&(mn_region *){NULL});
}

static void write_file(const char *text, size_t n, off_t size, mode_t mode) {
    unlink(path);
    const int fd = open(path, O_RDWR | O_CREAT, mode);
    assert_true(fd >= 0);
    assert_int_equal(fchmod(fd, mode), 0);
    assert_int_equal(pwrite(fd, text, n, 0), n);
    assert_int_equal(ftruncate(fd, size), 0);
    close(fd);
}

static void refuses(void **s) {
    (void)s;
    mn_region *r;
    write_file("hello", 5, 5, 0600);
    assert_fails(mn_region_open(path, LIMIT, -1, &r), MN_ECORRUPT, "cut short");
    write_file("hello", 5, MN_REGION_LEAST, 0600);
    assert_fails(mn_region_open(path, LIMIT, -1, &r), MN_EINVAL, "no region of omnesia");
    write_file("hello", 5, MN_REGION_LEAST, 0644);
    assert_fails(mn_region_open(path, LIMIT, -1, &r), MN_EINVAL, "chmod 600");
    unlink(path);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_true(mn_region_open(path, LIMIT, -1, &r) < 0);
    rmdir(path);
    assert_int_equal(symlink("/etc/passwd", path), 0);
    assert_fails(mn_region_open(path, LIMIT, -1, &r), MN_EINVAL, "symbolic link");
    unlink(path);
    r = opened();
    mn_region_head h;
    memcpy(&h, r->file.data, sizeof h);
    mn_region_close(&r);
    const mn_region_head good = h;
    h.version = 9;
    write_file((char *)&h, sizeof h, (off_t)h.size, 0600);
    assert_fails(mn_region_open(path, LIMIT, -1, &r), MN_EUNSUPPORTED, "another version");
    h = good;
    h.limit++;
    write_file((char *)&h, sizeof h, (off_t)h.size, 0600);
    assert_fails(mn_region_open(path, LIMIT, -1, &r), MN_ECORRUPT, "damaged");
    write_file((char *)&good, sizeof h, (off_t)h.size / 2, 0600);
    assert_fails(mn_region_open(path, LIMIT, -1, &r), MN_ECORRUPT, "damaged");
    assert_null(r);
    unlink(path);
    assert_fails(mn_region_open("/nonexistent/region", 0, -1, &r), MN_ENOENT,
                 "/nonexistent/region");
}

/* A region of an earlier boot is replaced, one that is in use is not. */
static void another_boot(void **s) {
    (void)s;
    mn_region *a = opened(), *b;
    mn_region_head h;
    memcpy(&h, a->file.data, sizeof h);
    published(a, 1, 5, 0, 99);
    h.boot[3] ^= 1;
    h.sum = mn_hash64(&h, offsetof(mn_region_head, sum));
    memcpy(a->file.data, &h, sizeof h);
    assert_fails(mn_region_open(path, LIMIT, -1, &b), MN_EBUSY, "in use since");
    mn_region_close(&a);
    b = opened();
    assert_int_equal(mn_region_charged(b), 0);
    mn_region_close(&b);
}

static void shares(void **s) {
    (void)s;
    mn_region *a = opened(), *b = opened();
    mn_extent x = made(a, 2, 0x11), y;
    assert_int_equal(mn_region_charged(b), 2 * MIB);
    mn_ref found[4];
    assert_int_equal(mn_index_anchored(b, 42, found, 4), 0); /* nothing was published */
    mn_extent_publish(&x, seed, 0, 42);
    mn_extent_grow(&x, 1000);
    mn_index_put(a, 4711, x.ref);
    assert_int_equal(mn_index_anchored(b, 42, found, 4), 1);
    assert_int_equal(mn_index_find(b, 4711, found, 4), 1);
    assert_int_equal(found[0], x.ref);
    assert_int_equal(mn_extent_shared(&x), 0);
    assert_int_equal(mn_extent_pin(b, found[0], &y), 1); /* while it is still written */
    assert_int_equal(mn_extent_shared(&x), 1);
    assert_int_equal(mn_word_load(&y.slot->length), 1000);
    assert_int_equal(y.data[MIB], 0x11);
    mn_extent_grow(&x, 2000);
    assert_int_equal(mn_word_load(&y.slot->length), 2000);
    const mn_ref ref = x.ref;
    mn_extent_close(&x);
    assert_int_equal(mn_state_phase(mn_word_load(&y.slot->state)), MN_EXTENT_SEALED);
    assert_int_equal(mn_region_clear(a), 0); /* pinned */
    assert_int_equal(y.data[2 * MIB - 1], 0x11);
    mn_extent_unpin(&y);
    assert_int_equal(mn_region_clear(a), 2 * MIB);
    assert_int_equal(mn_extent_pin(b, ref, &y), 0);
    assert_int_equal(mn_index_find(b, 4711, found, 4), 0); /* stale */
    assert_int_equal(mn_region_charged(a), 0);
    assert_true(mn_sparse_held(&a->file) < 4 * MIB);
    mn_region_close(&a);
    mn_region_close(&b);
}

/* What was never published leaves its pages warm for the next of its shape. */
static void recycles(void **s) {
    (void)s;
    mn_region *r = opened();
    mn_extent x = made(r, 4, 1);
    mn_word_store(&x.slot->backed, 123);
    mn_extent_slot *const slot = x.slot;
    const mn_ref first = x.ref;
    mn_extent_close(&x);
    assert_int_equal(mn_region_charged(r), 4 * MIB);
    assert_ok(mn_extent_open(r, 3 * MIB, 7, &x));
    assert_ptr_equal(x.slot, slot);
    assert_true(x.ref != first);
    assert_int_equal(mn_word_load(&x.slot->backed), 123);
    mn_extent_close(&x);
    assert_ok(mn_extent_open(r, 4 * MIB, 8, &x)); /* another shape: a fresh range */
    assert_ptr_not_equal(x.slot, slot);
    assert_int_equal(mn_word_load(&x.slot->backed), 0);
    mn_extent_close(&x);
    assert_int_equal(mn_region_clear(r), 4 * MIB);
    mn_region_close(&r);
}

/* A hole that cannot be punched leaves pages that are charged, and rows that nobody is promised:
 * some of their pages may have gone before. */
static void promises_nothing(void **s) {
    (void)s;
    mn_region *r = opened();
    mn_extent x = made(r, 4, 1);
    mn_extent_slot *const slot = x.slot;
    mn_word_store(&slot->backed, 123);
    mn_extent_publish(&x, seed, 0, 1);
    mn_extent_grow(&x, 100);
    mn_extent_close(&x);
    const int fd = r->file.fd;
    r->file.fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(r->file.fd >= 0);
    mn_region_clear(r);
    close(r->file.fd);
    r->file.fd = fd;
    assert_int_equal(mn_state_phase(mn_word_load(&slot->state)), MN_EXTENT_FREE);
    assert_int_equal(mn_region_charged(r), 4 * MIB);
    assert_ok(mn_extent_open(r, 4 * MIB, 7, &x));
    assert_ptr_equal(x.slot, slot);
    assert_int_equal(mn_word_load(&slot->backed), 0);
    mn_extent_close(&x);
    mn_region_close(&r);
}

static int there(mn_region *r, mn_ref ref) {
    mn_extent x;
    const int yes = mn_extent_pin(r, ref, &x);
    mn_extent_unpin(&x);
    return yes;
}

/* Published, and then no row: it goes when it is closed or buried, unless somebody looks at it. */
static void empties_go(void **s) {
    (void)s;
    mn_region *r = opened(), *b = opened();
    mn_extent x = made(r, 1, 1), y;
    mn_extent_publish(&x, seed, 0, 1);
    mn_ref ref = x.ref;
    mn_extent_close(&x);
    assert_int_equal(there(r, ref), 0);
    assert_int_equal(mn_region_charged(r), 0);
    x = made(r, 1, 1);
    mn_extent_publish(&x, seed, 0, 1);
    ref = x.ref;
    mn_region_close(&r); /* buries itself */
    assert_int_equal(there(b, ref), 0);
    r = opened();
    x = made(r, 1, 1);
    mn_extent_publish(&x, seed, 0, 1);
    ref = x.ref;
    assert_int_equal(mn_extent_pin(b, ref, &y), 1);
    mn_extent_close(&x);
    assert_int_equal(there(r, ref), 1);
    mn_extent_unpin(&y);
    mn_region_close(&r);
    mn_region_close(&b);
}

static void keeps_to_its_limit(void **s) {
    (void)s;
    mn_region *r = opened();
    mn_extent x, held;
    assert_ok(mn_extent_open(r, 2 * LIMIT, 7, &x));
    assert_fails(mn_extent_charge(&x, LIMIT + 1), MN_EFULL, "do not fit");
    assert_int_equal(mn_region_charged(r), 0);
    mn_extent_close(&x);
    /* cheap per byte, dear per byte, a parent and its child; then more than fits */
    const mn_ref cheap = published(r, 16, 1, 0, 1), dear = published(r, 16, 2, 0, 2);
    const mn_ref parent = published(r, 16, 3, 0, 3), child = published(r, 8, 4, parent, 4);
    mn_word_store(&mn_slot(r, mn_ref_slot(dear))->cost, 1000000);
    mn_word_store(&mn_slot(r, mn_ref_slot(parent))->cost, 10);
    mn_word_store(&mn_slot(r, mn_ref_slot(child))->cost, 5000);
    mn_extent a = made(r, 16, 5);
    assert_int_equal(there(r, cheap), 0);
    assert_int_equal(there(r, dear) && there(r, parent) && there(r, child), 1);
    mn_extent b = made(r, 16, 6); /* a child goes before its parent, whatever they are worth */
    assert_int_equal(there(r, child), 0);
    assert_int_equal(there(r, parent) && there(r, dear), 1);
    assert_int_equal(mn_extent_pin(r, dear, &held), 1);
    assert_ok(mn_extent_open(r, 32 * MIB, 7, &x));
    assert_fails(mn_extent_charge(&x, 32 * MIB), MN_EFULL, "all in use");
    assert_int_equal(mn_region_charged(r), 48 * MIB);
    assert_int_equal(held.data[0], 2);
    mn_extent_unpin(&held);
    assert_ok(mn_extent_charge(&x, 32 * MIB));
    assert_int_equal(there(r, dear), 0);
    mn_extent_close(&x);
    mn_extent_close(&a);
    mn_extent_close(&b);
    mn_region_close(&r);
}

/* A child is killed holding everything; the next call of anybody puts it right. */
static void buries(void **s) {
    (void)s;
    mn_region *r = opened();
    int ready[2];
    assert_int_equal(pipe(ready), 0);
    const pid_t child = fork();
    if (!child) {
        mn_region *mine;
        if (mn_region_open(path, 0, -1, &mine) < 0) _exit(1);
        mn_extent x = made(mine, 4, 9), y = made(mine, 4, 8);
        mn_extent_publish(&x, seed, 0, 77);
        mn_extent_grow(&x, 3 * MIB);
        const mn_ref refs[2] = {x.ref, y.ref};
        if (write(ready[1], refs, sizeof refs) != sizeof refs) _exit(1);
        for (;;) pause();
    }
    mn_ref refs[2];
    assert_int_equal(read(ready[0], refs, sizeof refs), sizeof refs);
    mn_extent x;
    assert_int_equal(mn_extent_pin(r, refs[0], &x), 1);
    mn_extent_unpin(&x);
    assert_int_equal(mn_region_reap(r), 0); /* it is alive */
    assert_int_equal(kill(child, SIGSTOP), 0);
    assert_int_equal(mn_region_reap(r), 0); /* and still is when it does nothing */
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_int_equal(mn_region_reap(r), 1);
    assert_int_equal(mn_extent_pin(r, refs[0], &x), 1); /* what it had published stays */
    assert_int_equal(mn_state_phase(mn_word_load(&x.slot->state)), MN_EXTENT_SEALED);
    assert_int_equal(mn_word_load(&x.slot->length), 3 * MIB);
    assert_int_equal(x.data[3 * MIB - 1], 9);
    mn_extent_unpin(&x);
    assert_int_equal(there(r, refs[1]), 0); /* the rest is free, and its pages have left */
    assert_int_equal(mn_region_charged(r), 4 * MIB);
    assert_int_equal(mn_region_reap(r), 0);
    assert_int_equal(mn_region_clear(r), 4 * MIB);
    close(ready[0]);
    close(ready[1]);
    mn_region_close(&r);
}

/* After fork the child's handle is dead, and does not keep its parent alive. */
/* Lives by their names: a slot that has another tenant is another life. */
static void lives(void **s) {
    (void)s;
    mn_region *a = opened(), *b = opened(), *other;
    char word[MN_LIFE], again[MN_LIFE], path2[128];
    mn_region_life(b, word);
    assert_int_equal(mn_region_lives(a, word), MN_LIFE_GOES_ON);
    assert_int_equal(mn_region_lives(b, word), MN_LIFE_GOES_ON);
    mn_region_close(&b);
    assert_int_equal(mn_region_lives(a, word), MN_LIFE_ENDED);
    b = opened(); /* the same slot */
    mn_region_life(b, again);
    assert_string_not_equal(word, again);
    assert_int_equal(mn_region_lives(a, word), MN_LIFE_ENDED);
    assert_int_equal(mn_region_lives(a, again), MN_LIFE_GOES_ON);
    snprintf(path2, sizeof path2, "%s2", path);
    assert_ok(mn_region_open(path2, LIMIT, -1, &other));
    assert_int_equal(mn_region_lives(other, again), MN_LIFE_UNKNOWN);
    mn_region_close(&other);
    static const char *const junk[] = {"", "x", "1-2", "1-999-3", "-1--1--1", "%s%n"};
    for (size_t i = 0; i < sizeof junk / sizeof *junk; i++) {
        assert_int_equal(mn_region_lives(a, junk[i]), MN_LIFE_UNKNOWN);
        assert_int_equal(mn_region_life_watch(a, junk[i]), -1);
    }
    mn_region_close(&b);
    mn_region_close(&a);
}

/* Who is killed is told of by an fd, and by then counts as ended. */
static void a_death_wakes(void **s) {
    (void)s;
    int to[2];
    char word[MN_LIFE] = "";
    mn_region *a = opened();
    assert_int_equal(pipe(to), 0);
    const pid_t pid = fork();
    if (pid == 0) {
        mn_region *own = opened();
        mn_region_life(own, word);
        _exit(write(to[1], word, sizeof word) != sizeof word || pause());
    }
    assert_int_equal(read(to[0], word, sizeof word), sizeof word);
    struct pollfd p = {.fd = mn_region_life_watch(a, word), .events = POLLIN};
    assert_int_equal(mn_region_lives(a, word), MN_LIFE_GOES_ON);
    if (p.fd >= 0) assert_int_equal(poll(&p, 1, 0), 0); /* else this kernel has none */
    kill(pid, SIGKILL);
    if (p.fd >= 0)
        assert_int_equal(poll(&p, 1, 60000), 1);
    else
        waitpid(pid, NULL, 0);
    assert_int_equal(mn_region_lives(a, word), MN_LIFE_ENDED);
    if (p.fd >= 0) {
        close(p.fd);
        waitpid(pid, NULL, 0);
    }
    close(to[0]);
    close(to[1]);
    mn_region_close(&a);
}

static void forks(void **s) {
    (void)s;
    mn_region *r = opened();
    int up[2], hold[2];
    assert_int_equal(pipe(up) | pipe(hold), 0);
    const pid_t child = fork();
    if (!child) {
        mn_extent x;
        mn_region *own;
        int ok = mn_extent_open(r, MIB, 7, &x) == MN_EBUSY && mn_region_reap(r) == 0;
        mn_region_close(&r);
        ok = ok && mn_region_open(path, 0, -1, &own) == 0 && own->me == 1;
        mn_region_close(&own);
        if (write(up[1], &ok, sizeof ok) != sizeof ok) _exit(1);
        close(hold[1]);
        char c;
        _exit((int)read(hold[0], &c, 1));
    }
    int ok = 0;
    assert_int_equal(read(up[0], &ok, sizeof ok), sizeof ok);
    assert_int_equal(ok, 1);
    const mn_ref ref = published(r, 1, 3, 0, 5);
    mn_region_close(&r); /* while the child lives on with its copy of everything */
    r = opened();
    assert_int_equal(r->me, 0);
    assert_int_equal(there(r, ref), 1);
    mn_region_close(&r);
    close(hold[1]);
    assert_int_equal(waitpid(child, NULL, 0), child);
    close(up[0]), close(up[1]), close(hold[0]);
}

/* Somebody cuts the file short while we read it: an error, and no death. */
static void cut_short(void **s) {
    (void)s;
    const pid_t child = fork();
    if (!child) {
        mn_region *r = opened();
        mn_extent x = made(r, 4, 9);
        if (mn_guard_install() < 0 || mn_region_intact(r) < 0) _exit(1);
        if (truncate(path, MIB) < 0) _exit(2);
        uint64_t sum = 0;
        for (uint64_t i = 0; i < x.bytes; i += 512) sum += x.data[i];
        if (sum) _exit(3);
        if (mn_region_intact(r) != MN_ECORRUPT) _exit(4);
        mn_extent_close(&x);
        mn_region_close(&r);
        _exit(strstr(mn_error_detail(), "cut short") ? 0 : 5);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void index_gives_way(void **s) {
    (void)s;
    mn_region *r = opened();
    mn_extent x = made(r, 1, 1);
    mn_extent_publish(&x, seed, 0, 0);
    mn_ref found[64];
    for (uint64_t k = 1; k <= 40; k++) mn_index_put(r, k, x.ref); /* one window */
    int n = 0;
    for (uint64_t k = 1; k <= 40; k++) n += mn_index_find(r, k, found, 64);
    assert_int_equal(n, MN_REGION_WINDOW);
    mn_index_put(r, 1, x.ref);
    mn_index_put(r, 1, x.ref); /* once is enough */
    assert_int_equal(mn_index_find(r, 1, found, 64), 1);
    mn_extent_close(&x);
    mn_region_close(&r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plans),
        cmocka_unit_test_setup_teardown(opens, begin, end),
        cmocka_unit_test_setup_teardown(refuses, begin, end),
        cmocka_unit_test_setup_teardown(another_boot, begin, end),
        cmocka_unit_test_setup_teardown(shares, begin, end),
        cmocka_unit_test_setup_teardown(recycles, begin, end),
        cmocka_unit_test_setup_teardown(promises_nothing, begin, end),
        cmocka_unit_test_setup_teardown(empties_go, begin, end),
        cmocka_unit_test_setup_teardown(keeps_to_its_limit, begin, end),
        cmocka_unit_test_setup_teardown(buries, begin, end),
        cmocka_unit_test_setup_teardown(lives, begin, end),
        cmocka_unit_test_setup_teardown(a_death_wakes, begin, end),
        cmocka_unit_test_setup_teardown(forks, begin, end),
        cmocka_unit_test_setup_teardown(cut_short, begin, end),
        cmocka_unit_test_setup_teardown(index_gives_way, begin, end)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
