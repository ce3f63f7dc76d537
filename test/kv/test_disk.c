/* SPDX-License-Identifier: Apache-2.0
 *
 * test/kv/test_disk.c - the disk tier: what was computed outlives its processes and the region
 * itself, and what the disk damaged is never used.
 *
 * A region that is removed and made anew stands for a machine that was started anew. The full form
 * (`make soak ROW=2`, `ROW=4`) tears and turns the file of an extent: each single bit of it,
 * and states that a power cut may leave.
 */
#include "share_bed.h"
#include "until.h"

#include "base/fault.h"
#include "base/hash.h"
#include "base/random.h"
#include "base/walk.h"
#include "region/disk.h"
#include "soak.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>

static char files[160];

static int begin_disk(void **s) {
    disk = 64 << 20;
    if (begin(s)) return -1;
    snprintf(files, sizeof files, "%s.disk", path);
    return 0;
}
static int end_disk(void **s) {
    disk = -1;
    return end(s);
}

/* All end, the memory is lost, and the next ones begin. */
static void start_anew(void) {
    mn_region_close(&a);
    mn_region_close(&b);
    assert_int_equal(unlink(path), 0);
    assert_ok(mn_region_open(path, LIMIT, disk, &a));
    assert_ok(mn_region_open(path, LIMIT, disk, &b));
}

/* How many files there are; the name of one in `one`. */
static int count_files(char one[256]) {
    DIR *d = opendir(files);
    assert_non_null(d);
    int n = 0;
    for (struct dirent *e; (e = readdir(d));)
        if (e->d_name[0] != '.' && ++n && one) snprintf(one, 256, "%s/%.90s", files, e->d_name);
    closedir(d);
    return n;
}

static void outlives_all(void **state) {
    (void)state;
    mn_seq *s = fresh(a);
    grow(s, 1, 1000, 256);
    mn_seq_close(&s);
    for (int i = 2; i < 6; i++) { /* each goes on where the last one stopped */
        s = fresh(a);
        int32_t ids[CONTEXT];
        const int at = 1000 + 70 * (i - 2);
        int coming;
        for (int p = 0; p < at + 10; p++) ids[p] = token(p < 1000 ? 1 : 2 + (p - 1000) / 70, p);
        assert_int_equal(mn_seq_match(s, ids, at + 10, &coming), at);
        grow(s, i, 70, 7);
        mn_seq_close(&s);
    }
    for (int life = 0; life < 3; life++) {
        start_anew();
        assert_int_equal(mn_region_charged(a), 0);
        int32_t ids[CONTEXT];
        int coming;
        for (int p = 0; p < 1280; p++) ids[p] = token(p < 1000 ? 1 : 2 + (p - 1000) / 70, p);
        s = fresh(b);
        assert_int_equal(mn_seq_match(s, ids, 1280, &coming), 1280);
        assert_int_equal(mn_seq_out(s), 1280);
        expect(s, 1, 0, 1000);
        for (int k = 2; k < 6; k++) expect(s, k, 1000 + 70 * (k - 2), 1000 + 70 * (k - 1));
        assert_ok(mn_seq_proven(s));
        grow(s, 9, 100, 10); /* and it goes on from there */
        mn_seq_close(&s);
        s = fresh(a);
        assert_int_equal(match(s, 1, 333, 8, 44), 333);
        expect(s, 1, 0, 333);
        mn_seq_close(&s);
    }
    assert_in_range(count_files(NULL), 5, 8);
}

/* Window layers come back as far as they were there. */
static void windows_come_back(void **state) {
    (void)state;
    layout.window = sliding;
    mn_seq *s = fresh(a);
    grow(s, 1, 8 * BLOCK, 256);
    mn_seq_close(&s);
    start_anew();
    s = fresh(a);
    assert_int_equal(match(s, 1, 8 * BLOCK, 2, 40), 8 * BLOCK);
    expect(s, 1, 0, 8 * BLOCK);
    assert_ok(mn_seq_proven(s));
    mn_seq_close(&s);
    s = fresh(a);
    assert_int_equal(match(s, 1, 3 * BLOCK, 2, 40), 0); /* what went had gone before */
    mn_seq_close(&s);
}

/* What a process computed that was killed is brought to disk by those who bury it. */
static void outlives_the_killed(void **state) {
    (void)state;
    const pid_t child = fork();
    if (!child) {
        mn_region *mine;
        if (mn_region_open(path, 0, disk, &mine) < 0) _exit(1);
        mn_seq *s = fresh(mine);
        grow(s, 1, 777, 100);
        raise(SIGKILL);
    }
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_int_equal(mn_region_reap(a), 1);
    start_anew();
    mn_seq *s = fresh(a);
    assert_int_equal(match(s, 1, 777, 2, 10), 777);
    expect(s, 1, 0, 777);
    mn_seq_close(&s);
}

/* Memory is short: what leaves it is on disk, and comes from there. */
static void leaves_memory(void **state) {
    (void)state;
    enum { TEXTS = 12 };
    mn_region *r;
    mn_region_counts c;
    mn_seq *s;
    char small[128];
    snprintf(small, sizeof small, "%s/small", folder);
    assert_ok(mn_region_open(small, 2 << 20, disk, &r));
    for (int t = 1; t <= TEXTS; t++) { /* 768 KB each */
        s = fresh(r);
        grow(s, t, 1000, 100);
        mn_seq_close(&s);
        assert_true(mn_region_charged(r) <= 2 << 20);
    }
    mn_region_count(r, &c);
    assert_int_equal(c.extents, TEXTS);
    assert_in_range(c.out, TEXTS - 2, TEXTS);
    assert_int_equal(c.evicted, 0);
    for (int t = 1; t <= TEXTS; t++) {
        s = fresh(r);
        assert_int_equal(match(s, t, 1000, 99, 10), 1000);
        expect(s, t, 0, 1000);
        assert_ok(mn_seq_proven(s));
        mn_seq_close(&s);
    }
    assert_true(mn_region_shrink(r, 0) > 0);
    assert_int_equal(mn_region_charged(r), 0);
    mn_region_close(&r);
}

/* Pages of a file that nobody has touched leave the page cache: 0; 1: they do not, here. */
static int leave_the_cache(const char *file) {
    struct stat st;
    const int fd = open(file, O_RDONLY);
    assert_true(fd >= 0 && fstat(fd, &st) == 0 && fsync(fd) == 0);
    assert_int_equal(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED), 0);
    unsigned char page[1024] = {0};
    void *at = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
    assert_true(at != MAP_FAILED && st.st_size <= 4096 * 1024);
    assert_int_equal(mincore(at, (size_t)st.st_size, page), 0);
    const int last = page[(st.st_size - 1) / 4096] & 1;
    munmap(at, (size_t)st.st_size);
    close(fd);
    return last;
}

/* What was matched is asked for at once, and who looks sees when it has come. */
static void says_when_it_has_arrived(void **state) {
    (void)state;
    char one[256] = "";
    mn_seq *s = fresh(a);
    assert_true(mn_seq_ready(s)); /* nothing is missing */
    grow(s, 1, 3000, 3000);
    assert_true(mn_seq_ready(s)); /* it is in memory */
    mn_seq_close(&s);
    start_anew();
    assert_int_equal(count_files(one), 1);
    leave_the_cache(one);
    s = fresh(a);
    assert_int_equal(match(s, 1, 3000, 2, 10), 3000);
    wait_until(mn_seq_ready(s)); /* though nobody has touched it */
    if (leave_the_cache(one)) {
        mn_seq_close(&s);
        print_message("the file system of %s keeps files in memory\n", folder);
        skip();
    }
    assert_false(mn_seq_ready(s));
    expect(s, 1, 0, 3000);
    assert_true(mn_seq_ready(s));
    assert_ok(mn_seq_proven(s));
    mn_seq_close(&s);
}

/* The first words of a template are not worth a file; nor is anybody computing them. */
static void little_is_not_read_from_disk(void **state) {
    (void)state;
    mn_seq *s = fresh(a);
    grow(s, 1, 500, 100);
    mn_seq_close(&s);
    wait_until((mn_region_shrink(a, 0), !mn_region_charged(a))); /* the mover may be at it */
    for (int head = 24; head <= 72; head += 48) {
        int32_t ids[CONTEXT];
        int coming = -1;
        for (int i = 0; i < 200; i++) ids[i] = token(i < head ? 1 : 2, i);
        s = fresh(b);
        assert_int_equal(mn_seq_match(s, ids, 200, &coming), head < 64 ? 0 : head);
        assert_int_equal(coming, head < 64 ? 0 : head);
        mn_seq_close(&s);
    }
}

/* A reader in memory stays there, whatever leaves. */
static void readers_stay(void **state) {
    (void)state;
    mn_seq *s = fresh(a), *t = fresh(b);
    grow(s, 1, 500, 100);
    mn_seq_close(&s);
    assert_int_equal(match(t, 1, 500, 2, 1), 500);
    assert_int_equal(mn_seq_out(t), 0);
    mn_region_shrink(a, 0);
    expect(t, 1, 0, 500);
    mn_seq_close(&t);
    wait_until(mn_region_shrink(a, 0) > 0); /* the mover may be at it */
    t = fresh(b);
    assert_int_equal(match(t, 1, 500, 2, 1), 500);
    assert_int_equal(mn_seq_out(t), 500);
    expect(t, 1, 0, 500);
    mn_seq_close(&t);
}

static void budget_of_disk(void **state) {
    (void)state;
    mn_region *r;
    mn_region_counts c;
    char small[128];
    snprintf(small, sizeof small, "%s/small", folder);
    assert_ok(mn_region_open(small, 0, 3 << 20, &r));
    for (int t = 1; t <= 9; t++) {
        mn_seq *s = fresh(r);
        grow(s, t, 1000, 100);
        mn_seq_close(&s);
    }
    mn_region_close(&r);
    assert_int_equal(unlink(small), 0);
    snprintf(files, sizeof files, "%s.disk", small);
    assert_int_equal(count_files(NULL), 3);
    assert_ok(mn_region_open(small, 0, 0, &r));
    mn_region_count(r, &c);
    assert_int_equal(c.out, 3);
    assert_true(c.stored <= 3 << 20);
    assert_int_equal(mn_walk_bytes(files), c.stored);
    mn_region_close(&r);
}

/* Nobody asked for it in 30 days. */
static void expires(void **state) {
    (void)state;
    char one[256];
    mn_seq *s = fresh(a);
    grow(s, 1, 200, 100);
    mn_seq_close(&s);
    start_anew();
    assert_int_equal(count_files(one), 1);
    mn_region_close(&a);
    mn_region_close(&b);
    const time_t then = time(NULL) - 31 * 24 * 3600;
    const struct timespec old[2] = {{.tv_sec = then}, {.tv_sec = then}};
    assert_int_equal(utimensat(AT_FDCWD, one, old, 0), 0);
    assert_int_equal(unlink(path), 0);
    assert_ok(mn_region_open(path, LIMIT, disk, &a));
    assert_ok(mn_region_open(path, LIMIT, disk, &b));
    assert_int_equal(count_files(NULL), 1); /* the head says that it was used today */
    mn_region_close(&a);
    mn_region_close(&b);
    FILE *f = fopen(one, "r+b"); /* now the head is as old, sum and all */
    assert_non_null(f);
    static uint8_t head[MN_REGION_PAGE * 4];
    mn_disk_head h;
    assert_true(fread(head, 1, sizeof head, f) >= sizeof h);
    memcpy(&h, head, sizeof h);
    h.used = (uint64_t)then;
    memcpy(head, &h, sizeof h);
    h.sum = mn_hash64(head + MN_DISK_SUMMED, sizeof h + (h.n_keys + h.n_sums) * 8 - MN_DISK_SUMMED);
    memcpy(head, &h, sizeof h);
    rewind(f);
    assert_int_equal(fwrite(head, 1, sizeof h, f), sizeof h);
    fclose(f);
    assert_int_equal(utimensat(AT_FDCWD, one, old, 0), 0);
    assert_int_equal(unlink(path), 0);
    assert_ok(mn_region_open(path, LIMIT, disk, &a));
    assert_ok(mn_region_open(path, LIMIT, disk, &b));
    assert_int_equal(count_files(NULL), 0);
}

/* No token of it is left, in no file. */
static int traces(const char *file, int text) {
    FILE *f = fopen(file, "rb");
    assert_non_null(f);
    int32_t buffer[16384];
    int n = 0;
    for (size_t k; (k = fread(buffer, sizeof *buffer, 16384, f));)
        for (size_t i = 0; i < k; i++) n += buffer[i] == token(text, 150);
    fclose(f);
    return n;
}

static void leaves_no_trace(void **state) {
    (void)state;
    char one[256], kept[256];
    mn_seq *s = fresh(a);
    grow(s, 3, 200, 100);
    mn_seq_close(&s);
    start_anew();
    assert_int_equal(count_files(one), 1);
    s = fresh(a);
    grow(s, 4, 200, 100);
    mn_seq_close(&s);
    snprintf(kept, sizeof kept, "%s.kept", path);
    assert_int_equal(link(one, kept), 0); /* to look at what was overwritten */
    assert_int_equal(traces(kept, 3), 1);
    assert_true(mn_region_clear(b) > 0);
    assert_int_equal(count_files(NULL), 0);
    assert_int_equal(traces(kept, 3), 0);
    s = fresh(a);
    assert_int_equal(match(s, 3, 200, 9, 1), 0);
    mn_seq_close(&s);
    s = fresh(a);
    assert_int_equal(match(s, 4, 200, 9, 1), 0);
    mn_seq_close(&s);
}

/* ---- damage ------------------------------------------------------------------------------- */
static uint8_t *good; /* the file of one extent, as it was written */
static size_t good_bytes;
static char victim[256];

static int begin_victim(void **s) {
    if (begin_disk(s)) return -1;
    mn_seq *q = fresh(a);
    grow(q, 1, 600, 64);
    mn_seq_close(&q);
    mn_region_close(&a);
    mn_region_close(&b);
    assert_int_equal(count_files(victim), 1);
    FILE *f = fopen(victim, "rb");
    struct stat st;
    if (!f || fstat(fileno(f), &st) < 0) return -1;
    good_bytes = (size_t)st.st_size;
    good = malloc(good_bytes);
    const int bad = !good || fread(good, 1, good_bytes, f) != good_bytes;
    fclose(f);
    return bad;
}
static int end_victim(void **s) {
    free(good);
    return end_disk(s);
}

static void write_victim(const uint8_t *bytes, size_t n) {
    FILE *f = fopen(victim, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, n, f), n);
    fclose(f);
}

/* A machine starts with the victim as it is now: its rows are used only if they are right. */
static int judge(void) {
    unlink(path);
    assert_ok(mn_region_open(path, LIMIT, disk, &a));
    mn_seq *s = fresh(a);
    int found = match(s, 1, 600, 2, 9);
    if (found) { /* what attention would do */
        mn_attn_piece piece[MN_SEQ_SPANS];
        for (int l = 0; l < LAYERS; l++)
            for (int h = 0; h < HEADS; h++)
                for (int at = 0; at < found; at += BLOCK)
                    mn_seq_pieces(s, l, h, at / BLOCK, at, found < at + BLOCK ? found : at + BLOCK,
                                  piece);
        if (mn_seq_proven(s) < 0 && !soak_planted()) {
            mn_seq_reject(s);
            found = 0;
            assert_int_equal(match(s, 1, 600, 2, 9), 0);
        } else
            expect(s, 1, 0, found);
    }
    mn_seq_close(&s);
    mn_region_close(&a);
    return found;
}

static uint64_t below(mn_random *r, uint64_t n) {
    return mn_random_u64(r) % n;
}

/* One bit of the file turned. */
static void turn(long bit) {
    good[bit / 8] ^= (uint8_t)(1 << bit % 8);
    write_victim(good, good_bytes);
    const int found = judge();
    const mn_disk_head *h = (const mn_disk_head *)(const void *)good;
    const uint64_t table = sizeof *h + (h->n_keys + h->n_sums) * 8;
    const size_t at = (size_t)bit / 8;
    good[at] ^= (uint8_t)(1 << bit % 8);
    const mn_disk_head *sound = (const mn_disk_head *)(const void *)good;
    const size_t planes = sound->content + sound->front, plane = (at - planes) % sound->stride;
    const int used = at < table || (at >= sound->content && at < planes) ||
                     (at >= planes && plane < mn_disk_rows(sound->group, sound->length));
    if (used && found) fail_msg("a turned bit %ld was not noticed", bit);
    if (!used && found != 600) fail_msg("a bit nobody reads, %ld, mattered", bit);
}

/* A power cut: each sector of 512 bytes was written, or not (zeroes, or what stood there before),
 * and the file is as long as it was to be, or not. */
static void cut_power(long number) {
    mn_random r;
    mn_random_seed(&r, (uint64_t)number);
    uint8_t *state = malloc(good_bytes);
    memcpy(state, good, good_bytes);
    const uint64_t rate = below(&r, 3) ? 2 + below(&r, 200) : 2;
    int lost = 0;
    for (size_t at = 0; at < good_bytes; at += 512) {
        if (below(&r, rate)) continue;
        const size_t n = good_bytes - at < 512 ? good_bytes - at : 512;
        if (below(&r, 3))
            memset(state + at, 0, n);
        else
            for (size_t i = 0; i < n; i++) state[at + i] = (uint8_t)below(&r, 256);
        lost += memcmp(state + at, good + at, n) != 0;
    }
    const size_t n = below(&r, 4) ? good_bytes : below(&r, good_bytes);
    write_victim(state, n);
    free(state);
    const int found = judge();
    if (!lost && n == good_bytes) assert_int_equal(found, 600);
}

static void bits_turn(void **state) {
    (void)state;
    const long bits = (long)good_bytes * 8;
    if (soak_asked()) {
        soak s = soak_begin(bits);
        for (long i = s.first; i < s.end; i++) turn(i);
        soak_end(&s, s.end - s.first);
        return;
    }
    mn_random r;
    mn_random_seed(&r, 4);
    for (int i = 0; i < 400; i++) turn((long)below(&r, (uint64_t)bits));
    for (long i = 0; i < (long)sizeof(mn_disk_head); i++) turn(i * 8 + i % 8);
    write_victim(good, good_bytes);
    assert_int_equal(judge(), 600);
}

static void power_fails(void **state) {
    (void)state;
    soak s = soak_begin(0);
    if (!soak_asked()) s.first = 0, s.end = 400;
    for (long i = s.first; i < s.end; i++) cut_power(i);
    if (soak_asked()) soak_end(&s, s.end - s.first);
}

/* The file is gone, or cut short, while somebody reads the region's slot. */
static void file_goes(void **state) {
    (void)state;
    for (int how = 0; how < 3; how++) {
        write_victim(good, good_bytes);
        unlink(path);
        assert_ok(mn_region_open(path, LIMIT, disk, &a));
        if (how == 0) unlink(victim);
        if (how == 1) assert_int_equal(truncate(victim, (off_t)good_bytes / 2), 0);
        if (how == 2) assert_int_equal(truncate(victim, 0), 0);
        for (int i = 0; i < 2; i++) {
            mn_seq *s = fresh(a);
            assert_int_equal(match(s, 1, 600, 2, 9), 0);
            mn_seq_close(&s);
        }
        mn_region_close(&a);
    }
}

/* The file is cut short while its rows, proven before, are read: they are not believed, the region
 * is, and the text is computed again. */
static void cut_under_a_reader(void **state) {
    (void)state;
    assert_ok(mn_guard_install());
    unlink(path);
    assert_ok(mn_region_open(path, LIMIT, disk, &a));
    mn_seq *s = fresh(a);
    assert_int_equal(match(s, 1, 600, 2, 9), 600);
    assert_true(right(s, 1));
    assert_ok(mn_seq_proven(s));
    assert_int_equal(truncate(victim, 0), 0);
    right(s, 1);
    assert_fails(mn_seq_proven(s), MN_ECORRUPT, "damaged");
    assert_ok(mn_region_intact(a));
    mn_seq_reject(s);
    assert_int_equal(match(s, 1, 600, 2, 9), 0);
    grow(s, 1, 100, 100);
    expect(s, 1, 0, 100);
    assert_ok(mn_seq_proven(s));
    mn_seq_close(&s);
    mn_region_close(&a);
}

/* What others begin with is written, too, be it ever so short: else they keep it in memory, and
 * are of no use to those who start anew. */
static void short_ones_that_others_follow(void **state) {
    (void)state;
    int32_t ids[140];
    int coming;
    mn_seq *s = fresh(a);
    grow(s, 1, 40, 40);
    mn_seq_close(&s);
    for (int i = 0; i < 140; i++) ids[i] = token(i < 40 ? 1 : 2, i);
    s = fresh(a);
    assert_int_equal(mn_seq_match(s, ids, 140, &coming), 40);
    grow(s, 2, 100, 50);
    mn_seq_close(&s);
    wait_until((mn_region_shrink(a, 0), !mn_region_charged(a))); /* the mover may be at it */
    start_anew();
    s = fresh(b);
    assert_int_equal(mn_seq_match(s, ids, 140, &coming), 140);
    expect(s, 1, 0, 40);
    expect(s, 2, 40, 140);
    assert_ok(mn_seq_proven(s));
    mn_seq_close(&s);
}

/* Who closes a region with an open extent leaves it on disk, too. */
static void closing_brings_to_disk(void **state) {
    (void)state;
    static const uint8_t seed[32];
    mn_region_counts c;
    mn_extent x;
    assert_ok(mn_extent_open(a, 1 << 20, 7, &x));
    assert_ok(mn_extent_charge(&x, 1 << 20));
    assert_ok(mn_extent_back(&x, 0, 1 << 20));
    memset(x.data, 1, 1 << 20);
    mn_extent_lay(&x, 4096, 2, 65536, 1024);
    mn_extent_publish(&x, seed, 0, 1);
    mn_extent_grow(&x, 500);
    start_anew();
    mn_region_count(a, &c);
    assert_int_equal(c.out, 1);
}

/* A handle without a disk tier that forgets leaves no files; a limit that became lower holds. */
static void files_go_with_others(void **state) {
    (void)state;
    for (int t = 1; t <= 4; t++) {
        mn_seq *s = fresh(a);
        grow(s, t, 1000, 100);
        mn_seq_close(&s);
    }
    start_anew();
    assert_int_equal(count_files(NULL), 4);
    mn_region_close(&a);
    assert_ok(mn_region_open(path, LIMIT, 2 << 20, &a));
    assert_int_equal(count_files(NULL), 2);
    mn_region_close(&a);
    assert_ok(mn_region_open(path, LIMIT, -1, &a));
    mn_region_clear(a);
    assert_int_equal(count_files(NULL), 0);
}

/* Somebody empties the folder: what is in memory is not given up for it. */
static void somebody_empties_the_folder(void **state) {
    (void)state;
    char one[256];
    mn_seq *s = fresh(a);
    grow(s, 1, 300, 100);
    mn_seq_close(&s);
    mn_region_close(&a);
    while (count_files(one)) assert_int_equal(unlink(one), 0);
    assert_true(mn_region_shrink(b, 0) > 0);
    s = fresh(b);
    assert_int_equal(match(s, 1, 300, 2, 1), 300);
    assert_int_equal(mn_seq_out(s), 300);
    expect(s, 1, 0, 300);
    mn_seq_close(&s);
}

/* The n-th call of the disk fails in a process of its own: what is computed is right, and what is
 * found, too. Exit status 7: there is no n-th call. */
static int fail_here(const char *where) {
    mn_region *r = NULL;
    if (mn_region_open(where, LIMIT, 64 << 20, &r) < 0) return 1;
    mn_seq *s = fresh(r);
    grow(s, 1, 300, 100);
    mn_seq_close(&s);
    mn_region_shrink(r, 0);
    s = fresh(r);
    const int found = match(s, 1, 300, 2, 3);
    if (found) expect(s, 1, 0, found);
    const int bad = mn_seq_proven(s) < 0;
    mn_seq_close(&s);
    mn_region_close(&r);
    return bad ? 3 : mn_fault_left() > 0 ? 7 : 0;
}

static const char *self;
static void disk_fails(void **state) {
    (void)state;
    static const char *const kinds[] = {"", ":ENOSPC", ":EINTR"};
    for (int kind = 0; kind < 3; kind++) {
        int n = 1, status = 0;
        for (; status != 7 << 8 && n < 400; n++) {
            const pid_t child = fork();
            if (!child) {
                char fail[32], mine[160];
                snprintf(fail, sizeof fail, "%d%s", n, kinds[kind]);
                snprintf(mine, sizeof mine, "%s.%d.%d", path, kind, n);
                setenv("OMNESIA_FAIL_IO", fail, 1);
                execl(self, self, "fail", mine, (char *)NULL);
                _exit(2);
            }
            assert_int_equal(waitpid(child, &status, 0), child);
            if (status > 1 << 8 && status != 7 << 8)
                fail_msg("failure %d%s: status %#x", n, kinds[kind], status);
        }
        assert_in_range(n, 20, 399);
    }
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(outlives_all, begin_disk, end_disk),
        cmocka_unit_test_setup_teardown(windows_come_back, begin_disk, end_disk),
        cmocka_unit_test_setup_teardown(outlives_the_killed, begin_disk, end_disk),
        cmocka_unit_test_setup_teardown(leaves_memory, begin_disk, end_disk),
        cmocka_unit_test_setup_teardown(says_when_it_has_arrived, begin_disk, end_disk),
        cmocka_unit_test_setup_teardown(little_is_not_read_from_disk, begin_disk, end_disk),
        cmocka_unit_test_setup_teardown(readers_stay, begin_disk, end_disk),
        cmocka_unit_test_setup_teardown(budget_of_disk, begin_disk, end_disk),
        cmocka_unit_test_setup_teardown(expires, begin_disk, end_disk),
        cmocka_unit_test_setup_teardown(leaves_no_trace, begin_disk, end_disk),
        cmocka_unit_test_setup_teardown(bits_turn, begin_victim, end_victim),
        cmocka_unit_test_setup_teardown(power_fails, begin_victim, end_victim),
        cmocka_unit_test_setup_teardown(file_goes, begin_victim, end_victim),
        cmocka_unit_test_setup_teardown(cut_under_a_reader, begin_victim, end_victim),
        cmocka_unit_test_setup_teardown(short_ones_that_others_follow, begin_disk, end_disk),
        cmocka_unit_test_setup_teardown(closing_brings_to_disk, begin_disk, end_disk),
        cmocka_unit_test_setup_teardown(files_go_with_others, begin_disk, end_disk),
        cmocka_unit_test_setup_teardown(somebody_empties_the_folder, begin_disk, end_disk),
        cmocka_unit_test_setup_teardown(disk_fails, begin_disk, end_disk)};
    const int power = argc > 1 && strcmp(argv[1], "power") == 0;
    const struct CMUnitTest full[] = {
        cmocka_unit_test_setup_teardown(power ? power_fails : bits_turn, begin_victim, end_victim)};
    self = argv[0];
    layout.window = windows;
    if (argc > 2 && strcmp(argv[1], "fail") == 0) return fail_here(argv[2]);
    return soak_asked() ? cmocka_run_group_tests(full, NULL, NULL)
                        : cmocka_run_group_tests(tests, NULL, NULL);
}
