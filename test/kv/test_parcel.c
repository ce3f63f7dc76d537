/* SPDX-License-Identifier: Apache-2.0
 *
 * test/kv/test_parcel.c - what one region exports another one imports: the same rows under the same
 * tokens, and nothing of a file that is not what was written.
 */
#include "share_bed.h"

#include "base/fault.h"
#include "base/hash.h"
#include "base/random.h"
#include "base/walk.h"
#include "kv/look.h"
#include "kv/parcel.h"
#include "region/parcel.h"

#include <sys/resource.h>
#include <sys/stat.h>

enum { PARTS = 4, FIRST = 1000, PART = 70, ALL = FIRST + PARTS * PART };
static char file[128], other[128];

static int begin_parcel(void **s) {
    disk = 64 << 20;
    if (begin(s)) return -1;
    snprintf(file, sizeof file, "%s/parcel", folder);
    snprintf(other, sizeof other, "%s/other", folder);
    return 0;
}
static int end_parcel(void **s) {
    disk = -1;
    layout.window = windows;
    return end(s);
}

static int text_at(int position) {
    return position < FIRST ? 1 : 2 + (position - FIRST) / PART;
}

/* A path of extents: text 1, then 70 tokens each of others, each behind the last one. */
static void learn(mn_region *r) {
    int32_t ids[ALL];
    for (int p = 0; p < ALL; p++) ids[p] = token(text_at(p), p);
    mn_seq *s = fresh(r);
    grow(s, 1, FIRST, 256);
    mn_seq_close(&s);
    for (int i = 0; i < PARTS; i++) {
        const int at = FIRST + i * PART;
        int coming;
        s = fresh(r);
        assert_int_equal(mn_seq_match(s, ids, at + 1, &coming), at);
        grow(s, 2 + i, PART, 7);
        mn_seq_close(&s);
    }
}

/* How many tokens of the path are found; the rows are right. */
static int found(mn_region *r) {
    int32_t ids[ALL];
    int coming;
    for (int p = 0; p < ALL; p++) ids[p] = token(text_at(p), p);
    mn_seq *s = fresh(r);
    const int n = mn_seq_match(s, ids, ALL, &coming);
    for (int at = 0; at < n; at += at < FIRST ? FIRST : PART) {
        const int end = at < FIRST ? FIRST : at + PART;
        expect(s, text_at(at), at, end < n ? end : n);
    }
    assert_ok(mn_seq_proven(s));
    mn_seq_close(&s);
    return n;
}

static int extents(mn_region *r) {
    mn_region_counts c;
    mn_region_count(r, &c);
    return c.extents;
}

static int sound(mn_region *r) {
    const mn_check_how how = {0};
    mn_region_findings f;
    assert_ok(mn_region_inspect(r, &how, &f));
    return !f.bad && !f.orphans && !f.beyond && !f.strange && !f.stale;
}

static mn_region *open_other(void) {
    mn_region *r;
    assert_ok(mn_region_open(other, LIMIT, disk, &r));
    return r;
}

/* The same place again, with another size of address space: 16 GiB. */
static mn_region *open_small(void) {
    struct rlimit was, less;
    mn_region *r;
    assert_int_equal(getrlimit(RLIMIT_AS, &was), 0);
    less = was;
    less.rlim_cur = RLIM_INFINITY - 1; /* a limit, and one that the thread sanitizer fits in */
    assert_int_equal(setrlimit(RLIMIT_AS, &less), 0);
    assert_ok(mn_region_open(other, LIMIT, disk, &r));
    assert_int_equal(setrlimit(RLIMIT_AS, &was), 0);
    assert_int_equal(r->plan.size, (uint64_t)16 << 30);
    return r;
}

/* ---- there and back ----------------------------------------------------------------------- */
static void comes_back(void **state) {
    (void)state;
    mn_kv_carried c;
    uint64_t bytes;
    struct stat st;
    learn(a);
    assert_ok(mn_kv_export(a, 0, file, NULL, &c));
    assert_int_equal(c.extents, PARTS + 1);
    assert_int_equal(c.rows, ALL);
    assert_int_equal(c.left, 0);
    assert_int_equal(stat(file, &st), 0);
    assert_int_equal(st.st_size, c.bytes);
    assert_int_equal(st.st_mode & 0777, 0600);
    mn_region_close(&b);
    assert_ok(mn_region_destroy(&a, &bytes));
    assert_ok(mn_region_open(path, LIMIT, disk, &a));
    assert_ok(mn_region_open(path, LIMIT, disk, &b));
    assert_int_equal(found(a), 0);
    assert_ok(mn_kv_import(a, file, NULL, &c));
    assert_int_equal(c.extents, PARTS + 1);
    assert_int_equal(c.rows, ALL);
    assert_int_equal(c.there, 0);
    assert_int_equal(found(b), ALL);
    assert_true(sound(b));
    mn_seq *s = fresh(b); /* and it goes on from there */
    assert_int_equal(match(s, 1, FIRST, 9, 5), FIRST);
    grow(s, 9, 100, 10);
    mn_seq_close(&s);
    assert_int_equal(found(a), ALL);
    mn_region_close(&a); /* it is on disk, as all else is */
    mn_region_close(&b);
    assert_int_equal(unlink(path), 0);
    assert_ok(mn_region_open(path, LIMIT, disk, &a));
    assert_int_equal(found(a), ALL);
}

/* What is there already is not doubled, wherever it came from. */
static void twice_is_once(void **state) {
    (void)state;
    mn_kv_carried c;
    learn(a);
    assert_ok(mn_kv_export(a, 0, file, NULL, &c));
    assert_ok(mn_kv_import(a, file, NULL, &c));
    assert_int_equal(c.extents, 0);
    assert_int_equal(c.there, PARTS + 1);
    assert_int_equal(extents(a), PARTS + 1);
    mn_region *r = open_other();
    learn(r); /* the same, computed there */
    assert_ok(mn_kv_import(r, file, NULL, &c));
    assert_int_equal(c.there, PARTS + 1);
    assert_int_equal(extents(r), PARTS + 1);
    mn_region_clear(r);
    for (int i = 0; i < 3; i++) {
        assert_ok(mn_kv_import(r, file, NULL, &c));
        assert_int_equal(c.extents, i ? 0 : PARTS + 1);
        assert_int_equal(extents(r), PARTS + 1);
    }
    mn_region_close(&r);
}

/* A part of it is there: the rest is added to it. */
static void the_rest_comes(void **state) {
    (void)state;
    mn_kv_carried c;
    learn(a);
    assert_ok(mn_kv_export(a, 0, file, NULL, &c));
    mn_region *r = open_other();
    mn_seq *s = fresh(r);
    grow(s, 1, FIRST, 256);
    mn_seq_close(&s);
    assert_ok(mn_kv_import(r, file, NULL, &c));
    assert_int_equal(c.there, 1);
    assert_int_equal(c.extents, PARTS);
    assert_int_equal(found(r), ALL);
    s = fresh(r);
    int32_t ids[ALL];
    int coming;
    for (int p = 0; p < ALL; p++) ids[p] = token(text_at(p), p);
    assert_int_equal(mn_seq_match(s, ids, ALL, &coming), ALL);
    assert_int_equal(mn_seq_out(s), ALL - FIRST);
    mn_seq_close(&s);
    mn_region_close(&r);
}

static void another_size(void **state) {
    (void)state;
    mn_kv_carried c;
    layout.window = sliding;
    mn_seq *s = fresh(a);
    grow(s, 20, 8 * BLOCK, 256);
    mn_seq_close(&s);
    layout.window = windows;
    learn(a);
    assert_ok(mn_kv_export(a, 0, file, NULL, &c));
    const int all = c.extents;
    assert_true(all > PARTS + 1);
    assert_true(a->plan.size >= (uint64_t)16 << 30);
    mn_region *r = open_small();
    assert_ok(mn_kv_import(r, file, NULL, &c));
    assert_int_equal(c.extents, all);
    assert_int_equal(found(r), ALL);
    assert_true(sound(r));
    layout.window = sliding;
    s = fresh(r);
    assert_int_equal(match(s, 20, 8 * BLOCK, 2, 40), 8 * BLOCK);
    expect(s, 20, 0, 8 * BLOCK);
    mn_seq_close(&s);
    s = fresh(r);
    assert_int_equal(match(s, 20, 3 * BLOCK, 2, 40), 0); /* what went had gone before */
    mn_seq_close(&s);
    layout.window = windows;
    mn_region_close(&r);
}

/* An extent of 600 rows has a range for thousands: elsewhere it takes what it needs. */
static void takes_what_it_needs(void **state) {
    (void)state;
    mn_kv_carried c;
    learn(a);
    assert_ok(mn_kv_export(a, 0, file, NULL, &c));
    mn_region *r = open_other();
    assert_ok(mn_kv_import(r, file, NULL, &c));
    MN_EACH_SLOT(r, k, i)
    if (mn_state_phase(mn_word_load(&mn_slot(r, i)->state)) == MN_EXTENT_SEALED) {
        const mn_extent_slot *e = mn_slot(r, i);
        const uint64_t needs =
            mn_word_load(&e->front) + mn_word_load(&e->planes) * mn_word_load(&e->stride);
        assert_true(needs <= mn_class_bytes(k));
        assert_true(!k || needs > mn_class_bytes(k - 1));
    }
    mn_region_close(&r);
}

/* One prompt: what lies on its way, and nothing else. */
static void one_path(void **state) {
    (void)state;
    mn_kv_carried c;
    learn(a);
    mn_seq *s = fresh(a);
    grow(s, 30, 200, 100);
    mn_seq_close(&s);
    s = fresh(b);
    int32_t ids[ALL];
    int coming;
    for (int p = 0; p < ALL; p++) ids[p] = token(text_at(p), p);
    assert_int_equal(mn_seq_match(s, ids, FIRST + 2 * PART, &coming), FIRST + 2 * PART);
    assert_ok(mn_kv_export(b, mn_seq_name(s), file, NULL, &c));
    mn_seq_close(&s);
    assert_int_equal(c.extents, 3);
    mn_region *r = open_other();
    assert_ok(mn_kv_import(r, file, NULL, &c));
    assert_int_equal(found(r), FIRST + 2 * PART);
    assert_int_equal(extents(r), 3);
    mn_region_close(&r);
}

/* What is still growing, or too short for a file, is left out, and what builds upon it. */
static void left_out(void **state) {
    (void)state;
    mn_kv_carried c;
    mn_seq *s = fresh(a), *t;
    assert_fails(mn_kv_export(a, 0, file, NULL, &c), MN_ENOENT, "nothing to export");
    assert_int_equal(access(file, F_OK), -1);
    grow(s, 40, 200, 100);
    assert_fails(mn_kv_export(b, 0, file, NULL, &c), MN_ENOENT, "still growing");
    t = fresh(b);
    assert_int_equal(match(t, 40, 200, 41, 1), 200);
    grow(t, 41, 100, 10);
    mn_seq_close(&t);
    t = fresh(b);
    grow(t, 42, 63, 63);
    mn_seq_close(&t);
    t = fresh(b);
    grow(t, 43, 64, 64);
    mn_seq_close(&t);
    assert_ok(mn_kv_export(b, 0, file, NULL, &c));
    assert_int_equal(c.extents, 1);
    assert_int_equal(c.left, 3);
    mn_seq_close(&s);
    assert_ok(mn_kv_export(b, 0, file, NULL, &c));
    assert_int_equal(c.extents, 3);
    assert_int_equal(c.left, 1);
}

/* The budget of the disk is kept. */
static void budget(void **state) {
    (void)state;
    mn_kv_carried c;
    mn_region *r;
    mn_region_counts n;
    for (int t = 1; t <= 6; t++) { /* 768 KB each */
        mn_seq *s = fresh(a);
        grow(s, t, 1000, 100);
        mn_seq_close(&s);
    }
    assert_ok(mn_kv_export(a, 0, file, NULL, &c));
    assert_int_equal(c.extents, 6);
    assert_ok(mn_region_open(other, LIMIT, 3 << 20, &r));
    assert_fails(mn_kv_import(r, file, NULL, &c), MN_EFULL, "give it more with --disk");
    assert_int_equal(extents(r), 0);
    mn_region_close(&r);
    assert_ok(mn_region_open(other, LIMIT, 6 << 20, &r));
    for (int t = 11; t <= 14; t++) {
        mn_seq *s = fresh(r);
        grow(s, t, 1000, 100);
        mn_seq_close(&s);
    }
    mn_region_close(&r); /* now they are on disk */
    assert_ok(mn_region_open(other, LIMIT, 0, &r));
    assert_ok(mn_kv_import(r, file, NULL, &c));
    assert_int_equal(c.extents, 6);
    mn_region_count(r, &n);
    assert_true(n.stored <= 6 << 20);
    for (int t = 1; t <= 6; t++) {
        mn_seq *s = fresh(r);
        assert_int_equal(match(s, t, 1000, 99, 10), 1000);
        expect(s, t, 0, 1000);
        mn_seq_close(&s);
    }
    mn_region_close(&r);
    assert_ok(mn_region_open(other, LIMIT, -1, &r)); /* this handle keeps off it */
    assert_fails(mn_kv_import(r, file, NULL, &c), MN_EUNSUPPORTED, "no disk tier");
    assert_fails(mn_kv_export(r, 0, file, NULL, &c), MN_EUNSUPPORTED, "no disk tier");
    mn_region_close(&r);
}

/* ---- files that are not what was written --------------------------------------------------- */
static uint8_t *good;
static size_t good_bytes;
static mn_region *target;
static char bent[160];

static int begin_bent(void **s) {
    mn_kv_carried c;
    if (begin_parcel(s)) return -1;
    snprintf(bent, sizeof bent, "%s.bent", file);
    mn_seq *q = fresh(a);
    grow(q, 1, 100, 50);
    mn_seq_close(&q);
    q = fresh(a);
    match(q, 1, 100, 2, 1);
    grow(q, 2, 70, 70);
    mn_seq_close(&q);
    assert_ok(mn_kv_export(a, 0, file, NULL, &c));
    good_bytes = c.bytes;
    good = malloc(good_bytes);
    FILE *f = fopen(file, "rb");
    if (!good || !f || fread(good, 1, good_bytes, f) != good_bytes) return -1;
    fclose(f);
    target = open_other();
    return 0;
}
static int end_bent(void **s) {
    free(good);
    mn_region_close(&target);
    return end_parcel(s);
}

static int try_bytes(const uint8_t *bytes, size_t n) {
    mn_kv_carried c;
    FILE *f = fopen(bent, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, n, f), n);
    fclose(f);
    return mn_kv_import(target, bent, NULL, &c);
}

static void must_refuse(const uint8_t *bytes, size_t n, const char *what, long number) {
    const int rc = try_bytes(bytes, n);
    if (rc >= 0 || !strstr(mn_error_detail(), "bent"))
        fail_msg("%s %ld: %d %s", what, number, rc, mn_error_detail());
    if (extents(target)) fail_msg("%s %ld: something came in", what, number);
}

static void cut_short(void **state) {
    (void)state;
    mn_random r;
    mn_random_seed(&r, 11);
    for (long n = 0; n < 60; n++) must_refuse(good, (size_t)n, "cut to", n);
    for (int i = 0; i < 200; i++) {
        const size_t n = mn_random_u64(&r) % good_bytes;
        must_refuse(good, n, "cut to", (long)n);
    }
    uint8_t *more = calloc(1, good_bytes + 4096);
    assert_non_null(more);
    memcpy(more, good, good_bytes);
    must_refuse(more, good_bytes + 1, "longer by", 1);
    must_refuse(more, good_bytes + 4096, "longer by", 4096);
    free(more);
    assert_ok(try_bytes(good, good_bytes));
}

static void bits_turn(void **state) {
    (void)state;
    mn_random r;
    mn_random_seed(&r, 12);
    for (long i = 0; i < 400 + 64; i++) { /* one of each byte of the head, then anywhere */
        const uint64_t bit =
            i < 64 ? (uint64_t)(i * 8 + i % 8) : mn_random_u64(&r) % ((uint64_t)good_bytes * 8);
        good[bit / 8] ^= (uint8_t)(1 << bit % 8);
        must_refuse(good, good_bytes, "bit", (long)bit);
        good[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    assert_ok(try_bytes(good, good_bytes));
}

/* ---- files that lie, all sums right -------------------------------------------------------- */
static uint64_t at_of(int i) {
    const mn_parcel_head *h = (const mn_parcel_head *)(const void *)good;
    const uint64_t *size = (const uint64_t *)(const void *)(good + sizeof *h);
    return h->content + (i ? size[0] : 0);
}
static mn_disk_head *disk_of(int i) {
    return (mn_disk_head *)(void *)(good + at_of(i));
}
static mn_kv_head *front_of(int i) {
    return (mn_kv_head *)(void *)(good + at_of(i) + disk_of(i)->content);
}
static void sum_disk(int i) {
    mn_disk_head *h = disk_of(i);
    uint64_t *sums = (uint64_t *)(void *)(good + at_of(i) + sizeof *h) + h->n_keys;
    const uint64_t left = good_bytes - at_of(i);
    if (h->content < left && h->front < left - h->content)
        sums[0] = mn_hash64((uint8_t *)front_of(i), h->front);
    h->sum = mn_hash64((uint8_t *)h + MN_DISK_SUMMED,
                       sizeof *h + (h->n_keys + h->n_sums) * 8 - MN_DISK_SUMMED);
}
static void sum_head(void) {
    mn_parcel_head *h = (mn_parcel_head *)(void *)good;
    h->sum =
        mn_hash64(good + MN_PARCEL_SUMMED, sizeof *h + 2 * sizeof(uint64_t) - MN_PARCEL_SUMMED);
}

static const uint64_t odd[] = {0,
                               1,
                               2,
                               63,
                               64,
                               500,
                               4095,
                               4096,
                               4097,
                               8192,
                               1u << 20,
                               1u << 24,
                               1u << 30,
                               UINT32_MAX,
                               1ull << 40,
                               1ull << 62,
                               UINT64_MAX - 4095,
                               UINT64_MAX};
enum { ODD = sizeof odd / sizeof *odd };

/* Every word of a head in turn says something odd. */
static void heads_lie(void **state) {
    (void)state;
    mn_parcel_head *h = (mn_parcel_head *)(void *)good;
    uint64_t *const word[] = {&h->version,
                              &h->bytes,
                              &h->content,
                              &h->count,
                              (uint64_t *)(void *)(h + 1),
                              (uint64_t *)(void *)(h + 1) + 1};
    for (size_t w = 0; w < sizeof word / sizeof *word; w++)
        for (int i = 0; i < ODD; i++) {
            const uint64_t was = *word[w];
            if (odd[i] == was) continue;
            *word[w] = odd[i];
            sum_head();
            must_refuse(good, good_bytes, "word of the head", (long)(w * 100) + i);
            *word[w] = was;
            sum_head();
        }
    for (int k = 0; k < 2; k++) {
        mn_disk_head *d = disk_of(k);
        uint64_t *const lie[] = {&d->ref,    &d->bytes,  &d->content, &d->length, &d->parent,
                                 &d->front,  &d->planes, &d->stride,  &d->group,  &d->n_keys,
                                 &d->n_sums, &d->shape,  d->seed};
        for (size_t w = 0; w < sizeof lie / sizeof *lie; w++)
            for (int i = 0; i < ODD; i++) {
                const mn_disk_head saved = *d;
                uint64_t front_sum;
                uint64_t *const sums = (uint64_t *)(void *)(d + 1) + d->n_keys;
                front_sum = sums[0];
                const int alone =
                    k && (lie[w] == &d->ref); /* the last one may be called anything */
                if (odd[i] == *lie[w] || (alone && odd[i] != disk_of(0)->ref)) continue;
                *lie[w] = odd[i];
                d->sum = 0;
                if (d->n_keys == saved.n_keys && d->n_sums == saved.n_sums) sum_disk(k);
                must_refuse(good, good_bytes, "word of an extent", (long)(k * 10000 + w * 100) + i);
                *d = saved;
                sums[0] = front_sum;
            }
    }
    assert_ok(try_bytes(good, good_bytes));
}

/* Every word of what the content says of itself. */
static void fronts_lie(void **state) {
    (void)state;
    for (int k = 0; k < 2; k++) {
        mn_kv_head *h = front_of(k);
        mn_word *const lie[] = {&h->magic,         &h->start,         &h->rows,
                                &h->n_before,      &h->before[0].ref, &h->before[0].n,
                                &h->before[0].row, &h->before[0].at};
        for (size_t w = 0; w < sizeof lie / sizeof *lie; w++)
            for (int i = 0; i < ODD; i++) {
                const uint64_t was = mn_word_load(lie[w]);
                if (odd[i] == was || (!k && w > 3)) continue;
                mn_word_store(lie[w], odd[i]);
                sum_disk(k);
                must_refuse(good, good_bytes, "word of a front", (long)(k * 10000 + w * 100) + i);
                mn_word_store(lie[w], was);
                sum_disk(k);
            }
    }
    disk_of(1)->ref = disk_of(0)->ref; /* two of one name */
    sum_disk(1);
    must_refuse(good, good_bytes, "a name", 2);
    disk_of(1)->ref++;
    sum_disk(1);
    assert_ok(try_bytes(good, good_bytes));
    assert_int_equal(extents(target), 2);
}

static void no_files(void **state) {
    (void)state;
    mn_kv_carried c;
    assert_fails(mn_kv_import(target, "/nowhere/at/all", NULL, &c), MN_ENOENT, "no such file");
    assert_fails(mn_kv_import(target, folder, NULL, &c), MN_EINVAL, "not a file");
    must_refuse((const uint8_t *)"hello, this is a text of somebody", 33, "a text", 0);
}

/* ---- failures ----------------------------------------------------------------------------- */
/* The n-th call of the disk fails in a process of its own. What came in is whole, and the next try
 * brings the rest. Exit status 7: there is no n-th call. */
static int fail_here(const char *where, const char *verb) {
    mn_region *r = NULL;
    mn_kv_carried c;
    if (mn_region_open(where, LIMIT, 64 << 20, &r) < 0) return 1;
    snprintf(other, sizeof other, "%s.out", where);
    const int rc = *verb == 'i' ? mn_kv_import(r, getenv("PARCEL"), NULL, &c)
                                : mn_kv_export(r, 0, other, NULL, &c);
    if (mn_fault_left() > 0) return 7;
    const int n = found(r);
    const int whole = n == 0 || n == ALL || (n >= FIRST && (n - FIRST) % PART == 0);
    mn_region_close(&r);
    return rc >= 0 && !c.left && n != ALL ? 3 : whole ? 0 : 4;
}

static const char *self;
static int run_failing(const char *fail, const char *where, const char *verb) {
    int status = 0;
    const pid_t child = fork();
    if (!child) {
        setenv("OMNESIA_FAIL_IO", fail, 1);
        setenv("PARCEL", file, 1);
        execl(self, self, verb, where, (char *)NULL);
        _exit(2);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    if (status > 1 << 8 && status != 7 << 8) fail_msg("%s %s: status %#x", verb, fail, status);
    return status;
}

static void calls_fail(void **state) {
    (void)state;
    static const char *const kinds[] = {"", ":ENOSPC"};
    mn_kv_carried c;
    learn(a);
    assert_ok(mn_kv_export(a, 0, file, NULL, &c));
    for (int kind = 0; kind < 4; kind++) {
        const int importing = kind < 2;
        int n = 1;
        for (int status = 0; status != 7 << 8 && n < 600; n += n < 40 ? 1 : 11) {
            char fail[32], mine[160], out[200];
            struct stat st;
            snprintf(fail, sizeof fail, "%d%s", n, kinds[kind % 2]);
            snprintf(mine, sizeof mine, "%s.%d", other, importing);
            status = run_failing(fail, importing ? mine : path, importing ? "import" : "export");
            snprintf(out, sizeof out, "%s.out", importing ? mine : path);
            if (stat(out, &st) == 0) assert_int_equal(st.st_size, c.bytes); /* or it is not there */
            unlink(out);
            if (!importing) continue;
            mn_region *r;
            mn_kv_carried again;
            assert_ok(mn_region_open(mine, LIMIT, 64 << 20, &r));
            assert_ok(mn_kv_import(r, file, NULL, &again));
            assert_int_equal(found(r), ALL);
            mn_region_clear(r);
            mn_region_close(&r);
        }
        assert_in_range(n, 20, 599);
    }
    assert_int_equal(found(a), ALL);
}

/* Killed anywhere in between: whole extents, or none. */
static void killed(void **state) {
    (void)state;
    mn_kv_carried c;
    learn(a);
    assert_ok(mn_kv_export(a, 0, file, NULL, &c));
    for (int us = 0; us < 6000; us += 240) {
        const pid_t child = fork();
        if (!child) {
            mn_region *r;
            if (mn_region_open(other, LIMIT, disk, &r) < 0) _exit(1);
            mn_kv_import(r, file, NULL, &c);
            raise(SIGKILL);
        }
        usleep((useconds_t)us);
        kill(child, SIGKILL);
        assert_int_equal(waitpid(child, NULL, 0), child);
        mn_region *r = open_other();
        const int n = found(r);
        assert_true(n == 0 || n >= FIRST);
        if (n) assert_int_equal((n - FIRST) % PART, 0);
        const mn_check_how how = {.mend = 1};
        mn_region_findings f;
        assert_ok(mn_region_inspect(r, &how, &f));
        assert_int_equal(f.bad + f.orphans, 0);
        assert_ok(mn_kv_import(r, file, NULL, &c));
        assert_int_equal(found(r), ALL);
        assert_int_equal(extents(r), PARTS + 1);
        mn_region_clear(r);
        mn_region_close(&r);
    }
}

/* Another process cleans up all the while: a file that is being made is nobody's, but ours. */
static void swept_meanwhile(void **state) {
    (void)state;
    mn_kv_carried c;
    learn(a);
    assert_ok(mn_kv_export(a, 0, file, NULL, &c));
    mn_region *r = open_other();
    const pid_t child = fork();
    if (!child) {
        mn_region *mine;
        if (mn_region_open(other, LIMIT, disk, &mine) < 0) _exit(1);
        for (;;) mn_disk_sweep(mine, 1);
    }
    for (int i = 0; i < 40; i++) {
        assert_ok(mn_kv_import(r, file, NULL, &c));
        assert_int_equal(c.extents, PARTS + 1);
        const int n = found(r);
        if (n != ALL) fail_msg("try %d: %d of %d tokens", i, n, (int)ALL);
        mn_region_clear(r);
    }
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, NULL, 0), child);
    mn_region_close(&r);
}

int main(int argc, char **argv) {
#define CASE(name) cmocka_unit_test_setup_teardown(name, begin_parcel, end_parcel)
#define BENT(name) cmocka_unit_test_setup_teardown(name, begin_bent, end_bent)
    const struct CMUnitTest tests[] = {CASE(comes_back),
                                       CASE(twice_is_once),
                                       CASE(the_rest_comes),
                                       CASE(another_size),
                                       CASE(takes_what_it_needs),
                                       CASE(one_path),
                                       CASE(left_out),
                                       CASE(budget),
                                       BENT(cut_short),
                                       BENT(bits_turn),
                                       BENT(heads_lie),
                                       BENT(fronts_lie),
                                       BENT(no_files),
                                       CASE(calls_fail),
                                       CASE(killed),
                                       CASE(swept_meanwhile)};
    self = argv[0];
    if (argc > 2) return fail_here(argv[2], argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
