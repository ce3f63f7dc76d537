/* SPDX-License-Identifier: Apache-2.0
 *
 * test/kv/test_hostile.c - a neighbour of the same user who scribbles (reliability row 11).
 *
 * Victims match, read every row, go on, evict, restore, while another process writes random words
 * into the tables of the region (slots, process slots, index, what begins extents) and random bytes
 * into files of the disk tier, cuts both short and makes them longer again. No victim may crash,
 * hang, or, under the address sanitizer, read outside. What was written into files while nobody
 * looked is served to nobody. (Rows in memory, and rows that were compared with their sums before,
 * are believed: docs/RELIABILITY.md.)
 *
 *     OMNESIA_SOAK=FIRST:COUNT   COUNT rounds, from number FIRST on
 *     OMNESIA_PLANT=1            what turns out damaged is used all the same
 */
#include "share_bed.h"

#include "base/walk.h"
#include "region/disk.h"
#include "soak.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>

enum { VICTIMS = 3, TEXTS = 12, MOST = 700, MEMORY = 3 << 20, DISK = 8 << 20, HANG_MS = 60000 };
enum { TABLES, FILES, BOTH };

static struct journal {
    atomic_ulong calls[VICTIMS], scribbles, found, refused;
    atomic_int stop, wrong;
} * J;
static char files[128];

static int64_t now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- the neighbour ------------------------------------------------------------------------ */
static uint64_t any(unsigned long *state) {
    static const uint64_t edges[] = {
        0, 1, 2, 15, 4095, 4096, 1u << 20, 1 << 30, INT32_MAX, UINT32_MAX, UINT64_MAX, INT64_MAX};
    const uint64_t word = (uint64_t)soak_random(state) << 32 | soak_random(state);
    switch (soak_random(state) % 4) {
    case 0: return edges[soak_random(state) % 12];
    case 1: return word;
    case 2: return word & 0xffff;
    default: return (uint64_t)1 << soak_random(state) % 64;
    }
}

static void scribble_tables(mn_region *r, unsigned long *state) {
    const uint32_t slot = r->plan.first[soak_random(state) % 2] + soak_random(state) % 24;
    uint64_t *at = (uint64_t *)(void *)mn_slot(r, slot);
    switch (soak_random(state) % 8) {
    case 0: at = (uint64_t *)(void *)mn_tops(r) + soak_random(state) % 32; break;
    case 1:
        at =
            (uint64_t *)(void *)mn_proc(r, (int)(soak_random(state) % 8)) + soak_random(state) % 16;
        break;
    case 2:
        at = (uint64_t *)(void *)(r->file.data + r->plan.index_at) +
             soak_random(state) % (2 * r->plan.entries);
        break;
    case 3: /* the head of an extent in memory */
        at = (uint64_t *)(void *)(r->file.data + mn_slot_at(r, slot, mn_slot_class(r, slot))) +
             soak_random(state) % 100;
        break;
    default: at += soak_random(state) % 23; break;
    }
    /* a flipped bit is nearer to what is believed than noise */
    const uint64_t word = soak_random(state) % 2
                              ? any(state)
                              : *(volatile uint64_t *)at ^ (uint64_t)1 << soak_random(state) % 64;
    *(volatile uint64_t *)at = word;
}

static void scribble_file(const char *name, unsigned long *state) {
    char one[400];
    struct stat st;
    snprintf(one, sizeof one, "%s/%s", files, name);
    const int fd = open(one, O_RDWR);
    if (fd < 0 || fstat(fd, &st) < 0) return;
    const uint64_t word = any(state), what = soak_random(state) % 16;
    const off_t head = (off_t)(soak_random(state) % 40 * 8);
    const off_t rows = st.st_size ? (off_t)(soak_random(state) % (uint64_t)st.st_size) : 0;
    ssize_t done = 1;
    if (what == 0)
        done = ftruncate(fd, soak_random(state) % 2 ? rows : head);
    else if (what == 1)
        done = ftruncate(fd, st.st_size + (off_t)(soak_random(state) % 100000));
    else
        done = pwrite(fd, &word, sizeof word, what < 9 ? head : rows);
    if (done >= 0) atomic_fetch_add(&J->scribbles, 1);
    close(fd);
}

static void scribble_files(unsigned long *state) {
    DIR *d = opendir(files);
    for (struct dirent *e; d && (e = readdir(d));)
        if (e->d_name[0] != '.' && soak_random(state) % 8 == 0) scribble_file(e->d_name, state);
    if (d) closedir(d);
}

static void neighbour(int what, unsigned long state) {
    mn_region *r;
    if (mn_region_open(path, MEMORY, DISK, &r) < 0) _exit(1);
    while (!atomic_load(&J->stop)) {
        for (int i = 0; i < 50; i++) scribble_tables(r, &state);
        atomic_fetch_add(&J->scribbles, 50);
        if (what == BOTH) scribble_files(&state);
        nanosleep(&(struct timespec){.tv_nsec = 100000}, NULL);
    }
    _exit(0); /* who closes would tidy up */
}

/* ---- the victims -------------------------------------------------------------------------- */
/* How many rows are not this text's; all of them are touched. */
static int strange(const mn_seq *s, int text) {
    const int n = mn_seq_length(s);
    int bad = 0;
    for (int l = 0; l < LAYERS; l++)
        for (int h = 0; h < HEADS; h++)
            for (int at = 0; at < n; at += BLOCK) {
                mn_attn_piece piece[MN_SEQ_SPANS];
                const int stop = at + BLOCK < n ? at + BLOCK : n;
                const int k = mn_seq_pieces(s, l, h, at / BLOCK, at, stop, piece);
                for (int p = 0, row = at; p < k; p++)
                    for (int i = 0; i < piece[p].n; i++, row++) {
                        const uint16_t *v = (const uint16_t *)piece[p].v + (piece[p].row + i) * D;
                        bad += v[0] != mark(text, l, h, row) || v[D - 1] != v[0];
                    }
            }
    return bad;
}

static void use(mn_region *r, int what, unsigned long *state) {
    const int text = 1 + (int)(soak_random(state) % TEXTS);
    const int n = 64 + (int)(soak_random(state) % (MOST - 64));
    const mn_kv_share share = share_of(r);
    int32_t ids[MOST];
    int coming;
    mn_seq *s;
    if (mn_seq_open(&layout, &share, MOST, &s) < 0) _exit(2);
    for (int i = 0; i < n; i++) ids[i] = token(text, i);
    const int found = mn_seq_match(s, ids, n, &coming);
    const int bad = strange(s, text), proven = mn_seq_proven(s) >= 0;
    if (found > 0) atomic_fetch_add(&J->found, 1);
    if (!proven) {
        atomic_fetch_add(&J->refused, 1);
        mn_seq_reject(s);
    }
    if (bad && what == FILES && (proven || soak_planted())) atomic_fetch_add(&J->wrong, 1);
    const int at = mn_seq_length(s), k = n - at < 200 ? n - at : 200;
    for (int i = 0; i < k; i++) ids[i] = token(text, at + i);
    if (k > 0 && mn_seq_room(s, ids, k) >= 0) {
        mark_rows(s, text, at, k);
        mn_seq_commit(s, k);
    }
    mn_seq_close(&s);
}

static void victim(int me, int what, unsigned long state) {
    mn_region *r = NULL;
    mn_region_counts c;
    if (mn_guard_install() < 0) _exit(3);
    while (!atomic_load(&J->stop)) {
        atomic_fetch_add(&J->calls[me], 1);
        if (!r && mn_region_open(path, MEMORY, DISK, &r) < 0) {
            unlink(path); /* as its words advise; a new one takes up the folder */
            continue;
        }
        const unsigned which = soak_random(&state) % 100;
        if (which < 80)
            use(r, what, &state);
        else if (which < 84)
            mn_region_evict(r, 1 << 20);
        else if (which < 88)
            mn_region_shrink(r, 0);
        else if (which < 92)
            mn_region_count(r, &c);
        else if (which < 94)
            mn_region_clear(r);
        else if (which < 98)
            mn_region_close(&r);
        else if (which == 98)
            unlink(path);
    }
    mn_region_close(&r);
    _exit(0);
}

/* ---- a round ------------------------------------------------------------------------------ */
/* So many milliseconds, and on a machine that is slow until something was found. */
static int enough(int64_t began, int64_t ms) {
    const int64_t took = now_ms() - began;
    return took > ms && (atomic_load(&J->found) || took > ms + HANG_MS);
}

static void watch(pid_t *pid, int64_t ms) {
    unsigned long last[VICTIMS] = {0};
    int64_t began = now_ms(), moved[VICTIMS];
    for (int i = 0; i < VICTIMS; i++) moved[i] = now_ms();
    for (int left = VICTIMS; left;) {
        const int64_t t = now_ms();
        if (enough(began, ms)) atomic_store(&J->stop, 1);
        nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
        for (int i = 0; i < VICTIMS; i++) {
            int status;
            if (!pid[i]) continue;
            if (waitpid(pid[i], &status, WNOHANG) == pid[i]) {
                pid[i] = 0;
                left--;
                if (status) fail_msg("victim %d ended with status %#x", i, status);
            }
            const unsigned long n = atomic_load(&J->calls[i]);
            if (n != last[i]) last[i] = n, moved[i] = t;
            if (t - moved[i] > HANG_MS) fail_msg("victim %d hangs", i);
        }
    }
}

static void play(int what, unsigned long state, int64_t ms) {
    pid_t pid[VICTIMS + 1];
    mn_region *r;
    assert_ok(mn_region_open(path, MEMORY, DISK, &r));
    mn_region_close(&r);
    for (int i = 0; i <= VICTIMS; i++) {
        pid[i] = fork();
        if (!pid[i] && i < VICTIMS) victim(i, what, state + (unsigned long)i);
        if (!pid[i]) neighbour(what, state + 99);
    }
    watch(pid, ms);
    assert_int_equal(waitpid(pid[VICTIMS], NULL, 0), pid[VICTIMS]);
}

/* Files are scribbled into while nobody looks; then a machine starts anew with them. */
static void at_rest(unsigned long state, int64_t ms) {
    mn_region *r;
    for (const int64_t began = now_ms(); !enough(began, ms);) {
        assert_ok(mn_region_open(path, MEMORY, DISK, &r));
        for (int i = 0; i < 3 * TEXTS; i++) use(r, FILES, &state);
        mn_region_close(&r);
        for (int i = 0; i < 4; i++) scribble_files(&state);
        assert_int_equal(unlink(path), 0);
    }
}

static void round_of(int what, long number, int64_t ms) {
    J = mmap(NULL, sizeof *J, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(J != MAP_FAILED);
    strcpy(folder, "/tmp/mn-hostile-XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/region", folder);
    snprintf(files, sizeof files, "%s.disk", path);
    if (what == FILES)
        at_rest(soak_seed(number), ms);
    else
        play(what, soak_seed(number), ms);
    printf("%lu scribbles, %lu times something was found, %lu times it was refused\n",
           atomic_load(&J->scribbles), atomic_load(&J->found), atomic_load(&J->refused));
    if (atomic_load(&J->wrong)) fail_msg("%d times rows were another's", atomic_load(&J->wrong));
    assert_true(atomic_load(&J->scribbles) > 0 && atomic_load(&J->found) > 0);
    mn_walk_remove(folder);
    munmap(J, sizeof *J);
}

static void tables(void **s) {
    (void)s;
    round_of(TABLES, 1, 2500);
}
static void disk_files(void **s) {
    (void)s;
    round_of(FILES, 2, 2500);
}
static void both(void **s) {
    (void)s;
    round_of(BOTH, 3, 2500);
}
static void rounds(void **s) {
    (void)s;
    const soak all = soak_begin(0);
    for (long i = all.first; i < all.end; i++) round_of((int)(i % 3), i, 4000);
    soak_end(&all, all.end - all.first);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(tables), cmocka_unit_test(disk_files),
                                       cmocka_unit_test(both)};
    const struct CMUnitTest full[] = {cmocka_unit_test(rounds)};
    return soak_asked() ? cmocka_run_group_tests(full, NULL, NULL)
                        : cmocka_run_group_tests(tests, NULL, NULL);
}
