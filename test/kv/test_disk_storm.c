/* SPDX-License-Identifier: Apache-2.0
 *
 * test/kv/test_disk_storm.c - processes that share a region are killed while everything in it keeps
 * moving to disk and back (reliability row 1).
 *
 * Memory has room for a few texts, the disk for a few more. Workers match texts, read every row as
 * attention does, go on with them, evict, bury and leave; one of them is killed with -9 every few
 * milliseconds. Half way all are dead, the region's file is removed, and a new one takes up the
 * folder; later it is removed under living workers, whose successors work in a third one. In the
 * end nothing is half way, files are what the slots say, to the byte, also for who starts after
 * that; and what is forgotten has left neither pages nor files.
 *
 *     OMNESIA_SOAK=FIRST:COUNT   COUNT storms, from number FIRST on
 *     OMNESIA_PLANT=1            rows are committed, then written
 */
#include "share_bed.h"
#include "storms.h"
#include "until.h"

#include "base/walk.h"
#include "soak.h"

#include <dirent.h>
#include <stdatomic.h>
#include <time.h>

enum { WORKERS = 8, KILLS = 500, TEXTS = 24, MOST = 700, MEMORY = 3 << 20, DISK = 5 << 20 };

static struct journal {
    atomic_ulong read, out, written, full, lost;
    atomic_int wrong;
    char why[256];
} * J;
static char files[128];

static void blame(const char *what) {
    snprintf(J->why, sizeof J->why, "%s (%s)", what, mn_error_detail());
    atomic_fetch_add(&J->wrong, 1);
}

static void go_on(mn_seq *s, int text, int n, unsigned long *state) {
    int32_t ids[MOST];
    const int plant = soak_planted() && soak_random(state) % 4 == 0;
    while (mn_seq_length(s) < n) {
        const int at = mn_seq_length(s), left = n - at, step = 1 + (int)(soak_random(state) % 200);
        const int k = left < step ? left : step;
        for (int i = 0; i < k; i++) ids[i] = token(text, at + i);
        if (mn_seq_room(s, ids, k) < 0) {
            atomic_fetch_add(&J->full, 1);
            return;
        }
        if (plant) mn_seq_commit(s, k);
        mark_rows(s, text, at, k);
        if (!plant) mn_seq_commit(s, k);
    }
    atomic_fetch_add(&J->written, 1);
}

/* A text as far as it is known, and some more of it. */
static void use(mn_region *r, unsigned long *state, int grows) {
    const int text = 1 + (int)(soak_random(state) % TEXTS);
    const int n = 64 + (int)(soak_random(state) % (MOST - 64));
    const mn_kv_share share = share_of(r);
    int32_t ids[MOST];
    int coming;
    mn_seq *s;
    if (mn_seq_open(&layout, &share, MOST, &s) < 0) {
        blame("a sequence cannot be opened");
        return;
    }
    for (int i = 0; i < n; i++) ids[i] = token(text, i);
    const int found = mn_seq_match(s, ids, n, &coming);
    if (found < 0) blame("matching fails");
    const int good = right(s, text), proven = mn_seq_proven(s) >= 0;
    if (proven && !good) blame("a row is another's");
    if (!proven) blame("a file is damaged"); /* nobody damages any */
    atomic_fetch_add(&J->read, (unsigned long)(found > 0));
    atomic_fetch_add(&J->out, (unsigned long)(mn_seq_out(s) > 0));
    if (grows && proven) go_on(s, text, n, state);
    mn_seq_close(&s);
}

static mn_region *join_in(void) {
    mn_region *r;
    if (mn_region_open(path, MEMORY, DISK, &r) < 0) {
        blame("the region cannot be opened");
        _exit(1);
    }
    return r;
}

static void work(unsigned long state) {
    mn_region *r = join_in();
    for (;;) {
        const unsigned what = soak_random(&state) % 100;
        if (what < 88)
            use(r, &state, what < 50);
        else if (what < 92)
            mn_region_reap(r);
        else if (what < 96)
            mn_region_evict(r, 1 << 20);
        else if (what < 98)
            mn_region_shrink(r, 0);
        else {
            mn_region_close(&r);
            r = join_in();
        }
    }
}

static pid_t begin_worker(unsigned long *state) {
    const unsigned long own = ((unsigned long)soak_random(state) << 32) | soak_random(state);
    const pid_t pid = fork();
    if (!pid) work(own);
    return pid;
}
static void end_worker(pid_t pid) {
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

/* ---- afterwards --------------------------------------------------------------------------- */
static int begun_files(void) {
    DIR *d = opendir(files);
    int n = 0;
    for (struct dirent *e; d && (e = readdir(d));) n += strstr(e->d_name, ".tmp.") != NULL;
    if (d) closedir(d);
    return n;
}

/* Nothing is half way. */
static void judge_slots(mn_region *r) {
    MN_EACH_SLOT(r, c, i) {
        const mn_extent_slot *s = mn_slot(r, i);
        const uint64_t state = mn_word_load(&s->state);
        const int phase = mn_state_phase(state);
        if (phase != MN_EXTENT_FREE && phase != MN_EXTENT_SEALED)
            fail_msg("slot %u was left in state %d of owner %d", i, phase, mn_state_owner(state));
        const int mover = (int)(mn_word_load(&s->moving) & 255);
        if (mover && mover != r->me + 1) fail_msg("slot %u is being moved by nobody", i);
        if (phase == MN_EXTENT_FREE && mn_word_load(&s->stored))
            fail_msg("slot %u is free and has a file", i);
    }
}

/* alone: no other region was ever at work in the folder beside this one. */
static void judge(mn_region *r, unsigned long state, int alone) {
    mn_region_counts c;
    mn_region_reap(r);
    judge_slots(r);
    for (int i = 0; i < 4 * TEXTS; i++) use(r, &state, 0);
    wait_until((mn_region_shrink(r, 0), !mn_region_charged(r))); /* the mover may be at it */
    for (int i = 0; i < 4 * TEXTS; i++) use(r, &state, 0);
    if (atomic_load(&J->wrong)) fail_msg("%s", J->why);
    mn_region_count(r, &c);
    assert_int_equal(mn_region_charged(r), 0);
    assert_true(c.stored <= DISK);
    MN_EACH_SLOT(r, k, i) {
        mn_extent x;
        mn_image image;
        const uint64_t is = mn_word_load(&mn_slot(r, i)->state);
        if (mn_state_phase(is) != MN_EXTENT_SEALED) continue;
        assert_int_equal(mn_extent_pin(r, mn_ref_make(mn_state_epoch(is), i), &x), 1);
        if (mn_extent_image(&x, &image)) mn_image_free(&image); /* or it is known to be lost */
        mn_extent_unpin(&x);
    }
    mn_region_count(r, &c);
    if (alone && mn_walk_bytes(files) != c.stored)
        fail_msg("%llu bytes of files, %llu are known", (unsigned long long)mn_walk_bytes(files),
                 (unsigned long long)c.stored);
}

static void calm(unsigned long state, int alone) {
    mn_region *r = join_in();
    judge(r, state, alone);
    if (alone) assert_int_equal(begun_files(), 0);
    mn_region_close(&r);
}

static void inspect(unsigned long state) {
    mn_region *r;
    calm(state, 0);
    assert_int_equal(unlink(path), 0);
    r = join_in();
    assert_int_equal(begun_files(), 0);
    judge(r, state, 1);
    mn_region_clear(r);
    assert_int_equal(mn_region_charged(r), 0);
    assert_int_equal(mn_walk_bytes(files), 0);
    assert_true(mn_sparse_held(&r->file) < 4 << 20);
    mn_region_close(&r);
}

static int64_t now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void storm(unsigned long state) {
    pid_t pid[WORKERS];
    snprintf(path, sizeof path, "%s/region", folder);
    snprintf(files, sizeof files, "%s.disk", path);
    const int64_t began = now_ms();
    for (int i = 0; i < WORKERS; i++) pid[i] = begin_worker(&state);
    for (int i = 0; i < KILLS && !atomic_load(&J->wrong); i++) {
        nanosleep(&(struct timespec){.tv_nsec = 500000 + soak_random(&state) % 6000000}, NULL);
        const int k = (int)(soak_random(&state) % WORKERS);
        end_worker(pid[k]);
        if (i == KILLS / 3) {
            for (int w = 0; w < WORKERS; w++)
                if (w != k) end_worker(pid[w]);
            calm(state, 1);
            assert_int_equal(unlink(path), 0);
            for (int w = 0; w < WORKERS; w++)
                if (w != k) pid[w] = begin_worker(&state);
        }
        if (i == 2 * KILLS / 3) unlink(path);
        pid[k] = begin_worker(&state);
    }
    wait_until(atomic_load(&J->wrong) ||
               (atomic_load(&J->out) > KILLS / 10 && atomic_load(&J->written) > KILLS / 10));
    for (int i = 0; i < WORKERS; i++) end_worker(pid[i]);
    if (atomic_load(&J->wrong)) fail_msg("%s", J->why);
    printf("storm: %d kills in %lld ms: %lu texts read, %lu of them from disk, %lu written, %lu "
           "times no room\n",
           KILLS, (long long)(now_ms() - began), atomic_load(&J->read), atomic_load(&J->out),
           atomic_load(&J->written), atomic_load(&J->full));
    inspect(state);
}

static void storms(void **unused) {
    (void)unused;
    storms_run((void **)&J, sizeof *J, storm, KILLS);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(storms)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
