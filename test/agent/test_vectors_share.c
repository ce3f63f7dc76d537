/* SPDX-License-Identifier: Apache-2.0
 *
 * test/agent/test_vectors_share.c - vectors that processes have together: who reads them out of the
 * store and who finds them, that answers are the same either way, what makes a part another one,
 * that what was forgotten is nowhere in the region, and what happens when there is no room, damage,
 * or death in the middle.
 *
 * Two handles of one region are two processes as far as it can tell; where one must die, it is
 * forked.
 */
#include "agent/stores.h"

#include "agent/notes_inside.h"
#include "agent/vectors_inside.h"
#include "base/alloc.h"
#include "region/inside.h"

#include <signal.h>
#include <sqlite3.h>
#include <sys/mman.h>
#include <sys/wait.h>

enum {
    DIM = 64,
    ROWS = 20000, /* two parts, and 3,617 rows that are in none; numbers begin with 1 */
    FIRST = MN_VECTOR_PART - 1,
    IN_PARTS = FIRST + MN_VECTOR_PART,
    LIMIT = 64 << 20,
    BEST = 10
};
static char path[96];

/* ---- a store with vectors, and processes that search them ------------------------------------ */
typedef struct process {
    mn_region *region;
    mn_notes *notes;
    mn_store *store;
    mn_vectors *v;
    int64_t owner;
} process;

static uint64_t mix(uint64_t z) {
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}
/* The codes of a number; of `turn` 0 those it has at first. */
static void codes_of(int64_t id, int turn, int8_t out[DIM + sizeof(float)]) {
    for (int d = 0; d < DIM; d++)
        out[d] = (int8_t)(mix((uint64_t)id * 1000 + (uint64_t)d + (uint64_t)turn * 77) % 255 - 127);
    memset(out + DIM, 0, sizeof(float));
}
static void give_vector(mn_store *s, int64_t id, int turn) {
    int8_t codes[DIM + sizeof(float)];
    codes_of(id, turn, codes);
    assert_ok(s->kind->vector(s, id, codes, sizeof codes));
}
/* `n` rows, of ann and bob in turn when `shared`, else ann's. */
static void fill_store(int n, int both) {
    mn_store *s = opened();
    assert_ok(s->kind->begin(s, 1));
    const int64_t owner[] = {owner_of(s, "ann"), owner_of(s, "bob")};
    for (int i = 0; i < n; i++) {
        give_vector(s, put_text(s, owner[both && i % 2], "x"), 0);
    }
    assert_ok(s->kind->set(s, "model", "m"));
    assert_ok(s->kind->end(s, 1));
    closed(&s);
}

static process begun(const char *region, uint64_t limit) {
    process p = {0};
    const mn_who who = {.tenant = "t", .user = "ann"};
    if (region) assert_ok(mn_region_open(region, limit, -1, &p.region));
    assert_ok(mn_notes_open(place, 0, &p.notes));
    mn_notes_share(p.notes, p.region, 0);
    assert_ok(mn_notes_model(p.notes, "m", DIM));
    p.store = p.notes->store;
    p.v = p.notes->vectors;
    assert_ok(p.store->kind->begin(p.store, 0));
    assert_ok(p.store->kind->owner(p.store, who.tenant, who.user, 0, &p.owner));
    assert_ok(p.store->kind->end(p.store, 0));
    return p;
}
static void ended(process *p) {
    mn_notes_close(&p->notes);
    mn_region_close(&p->region);
}
#define end_all(...) \
    for (process *const all_[] = {__VA_ARGS__, NULL}, *const *p_ = all_; *p_; p_++) ended(*p_)

/* What is nearest to the vector that `id` had at first: ids, best first. */
static int search(process *p, int64_t id, mn_scan_hit hit[BEST]) {
    int8_t codes[DIM + sizeof(float)];
    float query[DIM];
    codes_of(id, 0, codes);
    for (int d = 0; d < DIM; d++) query[d] = codes[d];
    assert_ok(mn_notes_begin(p->notes, 0));
    assert_ok(mn_vectors_read(p->v, p->store, p->owner));
    assert_ok(mn_vectors_ask(p->v, query));
    const int n = mn_vectors_nearest(p->v, hit, BEST);
    assert_ok(n);
    const float own = n ? mn_vectors_blend(p->v, &hit[0].id, 0, 1) : 0;
    if (n) assert_true(own > hit[0].score - 1e-4F && own < hit[0].score + 1e-4F);
    assert_ok((int)mn_notes_end(p->notes, 0));
    return n;
}
static int64_t nearest(process *p, int64_t id) {
    mn_scan_hit hit[BEST];
    return search(p, id, hit) ? hit[0].id : 0;
}
static mn_vectors_counts counts(const process *p) {
    mn_vectors_counts c;
    mn_vectors_count(p->v, &c);
    return c;
}
#define assert_counts(p, found_, made_, read_)  \
    do {                                        \
        const mn_vectors_counts c_ = counts(p); \
        assert_int_equal(c_.found, found_);     \
        assert_int_equal(c_.made, made_);       \
        assert_int_equal(c_.read, read_);       \
    } while (0)

static void same_answers(process *a, process *b) {
    for (int64_t id = 1; id <= ROWS; id += 997) {
        mn_scan_hit x[BEST], y[BEST];
        const int n = search(a, id, x);
        assert_int_equal(n, search(b, id, y));
        for (int i = 0; i < n; i++) {
            assert_int_equal(x[i].id, y[i].id);
            assert_true(x[i].score == y[i].score);
        }
    }
}

/* ---- the region, looked at ------------------------------------------------------------------- */
/* How often the codes of a vector stand in the file. */
static int copies(int64_t id, int turn) {
    int8_t codes[DIM + sizeof(float)];
    mn_sparse file;
    int n = 0;
    codes_of(id, turn, codes);
    assert_ok(mn_sparse_open(path, MN_REGION_LEAST, &file));
    off_t at = 0;
    while ((at = lseek(file.fd, at, SEEK_DATA)) >= 0) {
        const off_t end = lseek(file.fd, at, SEEK_HOLE);
        uint8_t *const all = malloc((size_t)(end - at));
        assert_ok(mn_sparse_read(&file, (uint64_t)at, all, (uint64_t)(end - at)));
        for (uint8_t *m = all; (m = memmem(m, (size_t)(all + (end - at) - m), codes, DIM)); m++)
            n++;
        free(all);
        at = end;
    }
    mn_sparse_close(&file);
    return n;
}
static int extents(mn_region *r, int *open) {
    mn_region_counts c;
    mn_region_count(r, &c);
    assert_int_equal(c.extents, c.derived);
    assert_int_equal(c.rows, 0); /* none are tokens */
    if (open) *open = c.open;
    return c.extents;
}
static void is_sound(mn_region *r) {
    mn_region_findings f;
    const mn_check_how how = {0};
    assert_ok(mn_region_inspect(r, &how, &f));
    assert_int_equal(f.dead + f.orphans + f.bad, 0);
    assert_int_equal(f.beyond, 0);
}

static int begin(void **s) {
    if (store_begin(s) < 0) return -1;
    snprintf(path, sizeof path, "%s/region", folder);
    return 0;
}

/* ---- one reads, others find ------------------------------------------------------------------ */
static void second_finds(void **s) {
    (void)s;
    fill_store(ROWS, 0);
    process a = begun(path, LIMIT), b = begun(path, LIMIT), alone = begun(NULL, 0);
    assert_int_equal(nearest(&a, 5), 5);
    assert_counts(&a, 0, 2, ROWS);
    assert_int_equal(nearest(&b, 5), 5);
    assert_counts(&b, 2, 0, ROWS - IN_PARTS);
    assert_int_equal(extents(a.region, NULL), 2);
    same_answers(&a, &b);
    same_answers(&alone, &b);
    assert_counts(&alone, 0, 0, ROWS);
    assert_counts(&b, 2, 0, ROWS - IN_PARTS);
    is_sound(b.region);
    ended(&a); /* what it made stays */
    process c = begun(path, LIMIT);
    same_answers(&c, &b);
    assert_counts(&c, 2, 0, ROWS - IN_PARTS);
    end_all(&b, &c, &alone);
}

/* Between searches nothing is in use. */
static void nothing_is_held(void **s) {
    (void)s;
    fill_store(ROWS, 0);
    process a = begun(path, LIMIT);
    mn_scan_hit hit[BEST];
    search(&a, 1, hit);
    for (int i = 0; i < MN_REGION_PINS; i++)
        assert_int_equal(mn_word_load(mn_proc(a.region, a.region->me)->pin + i), 0);
    ended(&a);
}

/* Who leaves nothing finds what others made. */
static void private_one(void **s) {
    (void)s;
    fill_store(ROWS, 0);
    process a = begun(path, LIMIT), b = begun(path, LIMIT), alone = begun(NULL, 0);
    a.v->quiet = 1;
    same_answers(&a, &alone);
    assert_counts(&a, 0, 0, ROWS);
    assert_int_equal(extents(a.region, NULL), 0);
    assert_int_equal(nearest(&b, 5), 5);
    mn_vectors_clear(a.v);
    same_answers(&a, &alone);
    assert_int_equal(counts(&a).found, 2);
    end_all(&a, &b, &alone);
}

/* Each finds his own, and none the other's. */
static void two_owners(void **s) {
    (void)s;
    fill_store(2 * ROWS, 1);
    process a = begun(path, LIMIT), b = begun(path, LIMIT);
    b.owner = a.owner + 1;
    for (int64_t id = 1; id < 2 * ROWS; id += 1999) {
        mn_scan_hit hit[BEST];
        assert_int_equal(nearest(&a, id | 1), id | 1);
        assert_int_equal(nearest(&b, (id | 1) + 1), (id | 1) + 1);
        for (int i = search(&a, id, hit); i--;) assert_int_equal(hit[i].id % 2, 1);
        for (int i = search(&b, id, hit); i--;) assert_int_equal(hit[i].id % 2, 0);
    }
    assert_counts(&a, 0, 2, ROWS);
    assert_counts(&b, 0, 2, ROWS);
    assert_int_equal(extents(a.region, NULL), 4);
    end_all(&a, &b);
}

/* Who goes on searching has the parts that have become full. */
static void grows(void **s) {
    (void)s;
    fill_store(ROWS, 0);
    process a = begun(path, LIMIT), alone = begun(NULL, 0);
    assert_int_equal(nearest(&a, 5), 5);
    fill_store(MN_VECTOR_PART + 2000, 0);
    assert_int_equal(nearest(&a, ROWS + 1), ROWS + 1);
    assert_int_equal(counts(&a).made, 2);
    assert_int_equal(nearest(&a, ROWS + 1), ROWS + 1);
    assert_int_equal(counts(&a).made, 3);
    assert_int_equal(counts(&a).found, 2);
    same_answers(&a, &alone);
    end_all(&a, &alone);
}

/* ---- what changes ---------------------------------------------------------------------------- */
static void change(process *p, int64_t id, int turn) {
    assert_ok(mn_notes_begin(p->notes, 1));
    give_vector(p->store, id, turn);
    assert_ok((int)mn_notes_end(p->notes, 0));
}

/* A record whose vector was made again has the new one for all, now and later. */
static void made_again(void **s) {
    (void)s;
    mn_scan_hit hit[BEST];
    fill_store(ROWS, 0);
    process a = begun(path, LIMIT), b = begun(path, LIMIT);
    assert_int_equal(nearest(&a, 5), 5);
    assert_int_equal(nearest(&b, 5), 5);
    change(&a, 5, 1);
    process c = begun(path, LIMIT), alone = begun(NULL, 0);
    process *const all[] = {&a, &b, &c, &alone};
    for (int i = 0; i < 4; i++)
        for (int n = search(all[i], 5, hit); n--;) assert_int_not_equal(hit[n].id, 5);
    assert_counts(&c, 1, 1, ROWS - MN_VECTOR_PART);
    assert_int_equal(extents(c.region, NULL), 2); /* the former one has gone */
    for (int i = 1; i < 3; i++) same_answers(all[i], all[0]);
    for (int64_t id = 5; id < 20000; id += 1500) change(&b, id, 2);
    process d = begun(path, LIMIT);
    same_answers(&d, &alone);
    for (int i = 0; i < 3; i++) same_answers(all[i], &d);
    for (int i = 0; i < 4; i++) ended(all[i]);
    ended(&d);
}

/* All vectors are made anew, one by one; a model that makes others has others. */
static void all_again(void **s) {
    (void)s;
    fill_store(ROWS, 0);
    process a = begun(path, LIMIT), b = begun(path, LIMIT);
    assert_int_equal(nearest(&a, 5), 5);
    assert_int_equal(nearest(&b, 5), 5);
    assert_ok(mn_notes_again(a.notes));
    process c = begun(path, LIMIT);
    assert_int_equal(nearest(&c, 5), 0);
    assert_int_equal(nearest(&a, 5), 0);
    assert_int_equal(extents(c.region, NULL), 0); /* nobody has use for them */
    assert_ok(mn_notes_begin(a.notes, 1));
    for (int64_t id = 1; id <= ROWS; id++) give_vector(a.store, id, 3);
    assert_ok((int)mn_notes_end(a.notes, 0));
    process d = begun(path, LIMIT), alone = begun(NULL, 0);
    same_answers(&d, &alone);
    same_answers(&a, &alone);
    end_all(&a, &b, &c, &d, &alone);
}

/* What was given up was never there. */
static void given_up(void **s) {
    (void)s;
    fill_store(ROWS, 0);
    process a = begun(path, LIMIT), b = begun(path, LIMIT);
    assert_ok(mn_notes_begin(a.notes, 1));
    give_vector(a.store, 7, 1);
    assert_ok(mn_vectors_read(a.v, a.store, a.owner));
    assert_true(mn_notes_end(a.notes, MN_EIO) < 0);
    assert_int_equal(counts(&a).made, 1); /* the part it is not in */
    assert_int_equal(copies(7, 1), 0);
    assert_int_equal(nearest(&b, 7), 7);
    assert_int_equal(nearest(&a, 7), 7);
    end_all(&a, &b);
}

/* A copy of the file has what it has, also when both go on by themselves from there. */
static void copied(void **s) {
    (void)s;
    char line[400], was[PLACE];
    fill_store(ROWS, 0);
    process a = begun(path, LIMIT);
    assert_int_equal(nearest(&a, 5), 5);
    memcpy(was, place, sizeof was);
    assert_ok(a.store->kind->scrub(a.store)); /* empties the journal */
    snprintf(line, sizeof line, "cp %s %s.copy", was, was);
    assert_int_equal(system(line), 0);
    snprintf(place + strlen(place), sizeof place - strlen(place), ".copy");
    process b = begun(path, LIMIT);
    assert_int_equal(nearest(&b, 5), 5);
    assert_counts(&b, 2, 0, ROWS - IN_PARTS);
    change(&b, 6, 1);
    change(&a, 7, 1);
    process d = begun(path, LIMIT); /* of the copy */
    memcpy(place, was, sizeof was);
    process c = begun(path, LIMIT);
    assert_int_equal(nearest(&c, 6), 6);
    assert_int_not_equal(nearest(&c, 7), 7);
    assert_int_equal(nearest(&d, 7), 7);
    assert_int_not_equal(nearest(&d, 6), 6);
    end_all(&a, &b, &c, &d);
}

/* To the file, by somebody else. */
static void sql(const char *text) {
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(place, &db), 0);
    assert_int_equal(sqlite3_exec(db, text, NULL, NULL, NULL), 0);
    sqlite3_close(db);
}

/* Marks that say what cannot be: rows of such a stretch are in no part, and answers are right. */
static void marks_that_lie(void **s) {
    (void)s;
    static const char *const lies[] = {
        "UPDATE vector_mark SET n = 9223372036854775807 WHERE stretch >= 0",
        "UPDATE vector_mark SET n = -5 WHERE stretch = 3",
        "INSERT INTO vector_mark SELECT owner, 9007199254740991, 1, 7 FROM vector_mark LIMIT 1",
        "INSERT INTO vector_mark SELECT owner, 9223372036854775807, 1, 7 FROM vector_mark LIMIT 1",
        "UPDATE sqlite_sequence SET seq = 9223372036854775807 WHERE name = 'vector'",
    };
    fill_store(ROWS, 0);
    process alone = begun(NULL, 0);
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        sql(lies[i]);
        process a = begun(path, LIMIT);
        same_answers(&a, &alone);
        end_all(&a);
    }
    end_all(&alone);
}

/* A file that was made before there were marks gets them. */
static void without_marks(void **s) {
    (void)s;
    fill_store(ROWS, 0);
    sql("DROP TRIGGER vector_in; DROP TRIGGER vector_out; DROP TABLE vector_mark");
    process a = begun(path, LIMIT), b = begun(path, LIMIT);
    assert_int_equal(nearest(&a, 5), 5);
    assert_int_equal(nearest(&b, 5), 5);
    assert_counts(&b, 2, 0, ROWS - IN_PARTS);
    end_all(&a, &b);
}

/* ---- what is forgotten ----------------------------------------------------------------------- */
static int64_t forget(process *p, int64_t id) {
    const mn_who who = {.tenant = "t", .user = "ann"};
    const mn_rows which = {.id = id};
    return mn_notes_forget(p->notes, &who, &which, NULL, NULL);
}

static void forgotten(void **s) {
    (void)s;
    mn_scan_hit hit[BEST];
    fill_store(ROWS, 0);
    process a = begun(path, LIMIT), b = begun(path, LIMIT);
    assert_int_equal(nearest(&a, 5), 5);
    assert_int_equal(nearest(&b, 5), 5);
    assert_int_equal(copies(5, 0), 1);
    assert_int_equal(copies(9000, 0), 1);
    assert_int_equal(forget(&a, 5), 1);
    assert_int_equal(copies(5, 0), 0);
    assert_int_equal(copies(6, 0), 0); /* its part has gone */
    assert_int_equal(copies(9000, 0), 1);
    process c = begun(path, LIMIT);
    process *const all[] = {&a, &b, &c};
    for (int i = 0; i < 3; i++)
        for (int n = search(all[i], 5, hit); n--;) assert_int_not_equal(hit[n].id, 5);
    assert_int_equal(copies(5, 0), 0);
    assert_int_equal(copies(6, 0), 1);
    end_all(&a, &b, &c);
}

/* Who forgets need know no model, and never have searched; also what had changed before goes. */
static void forgotten_by_another(void **s) {
    (void)s;
    fill_store(ROWS, 0);
    process a = begun(path, LIMIT);
    assert_int_equal(nearest(&a, 5), 5);
    change(&a, 6, 1); /* the part that is there is none any more, and nobody has noticed */
    assert_int_equal(copies(5, 0), 1);
    process b = {0};
    assert_ok(mn_region_open(path, LIMIT, -1, &b.region));
    assert_ok(mn_notes_open(place, 0, &b.notes));
    mn_notes_share(b.notes, b.region, 0);
    assert_int_equal(forget(&b, 5), 1);
    assert_int_equal(copies(5, 0), 0);
    assert_int_not_equal(nearest(&a, 5), 5);
    assert_int_equal(copies(5, 0), 0);
    end_all(&a, &b);
}

/* The same without the files, which wait for who reads them. */
static void drop(process *p, int64_t id) {
    mn_row row = row_of_text("x");
    row.id = id;
    assert_ok(mn_notes_begin(p->notes, 1));
    assert_ok((int)mn_notes_end(p->notes, mn_notes_drop(p->notes, p->owner, &row)));
}

/* Somebody is searching: what he reads stays until he has done, and no longer. */
static void forgotten_while_read(void **s) {
    (void)s;
    fill_store(ROWS, 0);
    process a = begun(path, LIMIT), b = begun(path, LIMIT);
    assert_int_equal(nearest(&a, 5), 5);
    assert_ok(mn_notes_begin(b.notes, 0));
    assert_ok(mn_vectors_read(b.v, b.store, b.owner));
    drop(&a, 5);
    assert_int_equal(copies(5, 0), 1);
    mn_notes_rest(a.notes);
    assert_int_equal(copies(5, 0), 1);
    assert_ok((int)mn_notes_end(b.notes, 0));
    mn_notes_rest(a.notes);
    assert_int_equal(copies(5, 0), 0);
    end_all(&a, &b);
}

/* Forgotten between the moment somebody saw it and the moment he would tell others. */
static void forgotten_while_made(void **s) {
    (void)s;
    fill_store(ROWS, 0);
    process a = begun(path, LIMIT), b = begun(path, LIMIT);
    assert_ok(mn_notes_begin(b.notes, 0));
    assert_ok(mn_vectors_read(b.v, b.store, b.owner)); /* as it was */
    drop(&a, 5);
    assert_ok((int)mn_notes_end(b.notes, 0));
    assert_int_equal(copies(5, 0), 0);
    assert_int_equal(copies(9000, 0), 1); /* which is in the other part */
    assert_int_equal(counts(&b).made, 1);
    assert_int_not_equal(nearest(&b, 5), 5);
    end_all(&a, &b);
}

/* ---- what goes wrong ------------------------------------------------------------------------- */
static void no_room(void **s) {
    (void)s;
    fill_store(ROWS, 0);
    for (uint64_t limit = 4096; limit < 2 << 20; limit += 300000) {
        process a = begun(path, limit), alone = begun(NULL, 0);
        same_answers(&a, &alone);
        assert_int_equal(counts(&a).read, ROWS);
        assert_true(counts(&a).made == (limit > 700000) + (uint64_t)(limit > 1400000));
        assert_true(mn_region_charged(a.region) <= limit);
        same_answers(&a, &alone);
        assert_int_equal(counts(&a).read, ROWS); /* it does not try again and again */
        end_all(&alone, &a);
        unlink(path);
    }
}

/* What others need more pushes parts out: never those that are being read. */
static void pushed_out(void **s) {
    (void)s;
    fill_store(ROWS, 0);
    process a = begun(path, LIMIT), b = begun(path, LIMIT), alone = begun(NULL, 0);
    assert_int_equal(nearest(&a, 5), 5);
    assert_ok(mn_notes_begin(b.notes, 0));
    assert_ok(mn_vectors_read(b.v, b.store, b.owner));
    assert_int_equal(mn_region_shrink(a.region, 0), 0);
    assert_int_equal(extents(a.region, NULL), 2);
    assert_ok((int)mn_notes_end(b.notes, 0));
    assert_true(mn_region_shrink(a.region, 0) > 0);
    assert_int_equal(extents(a.region, NULL), 0);
    same_answers(&b, &alone);
    assert_int_equal(counts(&b).made, 2);
    same_answers(&a, &alone);
    assert_int_equal(counts(&a).found, 2);
    end_all(&a, &b, &alone);
}

/* They never go to disk, and are not taken along. */
static void not_on_disk(void **s) {
    (void)s;
    mn_region_counts c;
    fill_store(ROWS, 0);
    process a = begun(NULL, 0);
    assert_ok(mn_region_open(path, LIMIT, 64 << 20, &a.region));
    ended(&a);
    a = begun(path, LIMIT);
    mn_region *on_disk;
    assert_ok(mn_region_open(path, 0, 64 << 20, &on_disk));
    a.v->region = on_disk;
    assert_int_equal(nearest(&a, 5), 5);
    assert_int_equal(extents(on_disk, NULL), 2);
    mn_notes_close(&a.notes);
    mn_region_close(&on_disk);
    mn_region_count(a.region, &c);
    assert_int_equal(c.stored, 0);
    assert_int_equal(c.extents, 2);
    mn_region_close(&a.region);
}

/* A head that says something else is none. */
static void damaged(void **s) {
    (void)s;
    mn_claim claim[4];
    mn_vector_spans all;
    fill_store(ROWS, 0);
    process alone = begun(NULL, 0);
    for (size_t at = 0; at < sizeof(mn_vector_head); at += 8) {
        process a = begun(path, LIMIT), b = begun(path, LIMIT);
        assert_int_equal(nearest(&a, 5), 5);
        assert_ok(a.store->kind->begin(a.store, 0));
        assert_ok(mn_vector_spans_read(a.store, a.owner, &all));
        assert_ok(a.store->kind->end(a.store, 0));
        assert_int_equal(mn_index_claims(a.region, all.owner, NULL, claim, 4), 2);
        mn_extent x;
        assert_int_equal(mn_extent_pin(a.region, claim[0].ref, &x), 1);
        x.data[at] ^= 0x40;
        mn_extent_unpin(&x);
        same_answers(&b, &alone);
        assert_counts(&b, 1, 1, ROWS - MN_VECTOR_PART);
        same_answers(&a, &alone);
        mn_vector_spans_free(&all);
        end_all(&a, &b);
    }
    ended(&alone);
}

/* Each allocation fails once: an error, or the same answer. */
static void no_memory(void **s) {
    (void)s;
    fill_store(ROWS, 0);
    process a = begun(path, LIMIT), alone = begun(NULL, 0);
    int failed = 0;
    for (long n = 1;; n++) {
        mn_alloc_fail_after(n);
        assert_ok(mn_notes_begin(a.notes, 0));
        const int rc = mn_vectors_read(a.v, a.store, a.owner);
        mn_notes_end(a.notes, 0);
        const int left = mn_alloc_fail_left() > 0;
        mn_alloc_fail_after(0);
        failed += rc < 0;
        same_answers(&a, &alone);
        mn_vectors_clear(a.v);
        mn_region_clear(a.region);
        if (left) break;
    }
    assert_true(failed > 3);
    is_sound(a.region);
    end_all(&a, &alone);
}

/* ---- death, and many at once ----------------------------------------------------------------- */
static void dies_in_the_middle(void **s) {
    (void)s;
    fill_store(ROWS, 0);
    process alone = begun(NULL, 0);
    for (int i = 0; i < 12; i++) {
        const pid_t pid = fork();
        if (!pid) {
            process a = begun(path, LIMIT);
            mn_notes_begin(a.notes, 0);
            if (i % 3 == 0) { /* all is written, and nobody was told */
                mn_vectors_read(a.v, a.store, a.owner);
                raise(SIGKILL);
            }
            mn_vectors_read(a.v, a.store, a.owner);
            mn_notes_end(a.notes, 0);
            _exit(0);
        }
        if (i % 3) {
            usleep((useconds_t)(i * 2500));
            kill(pid, SIGKILL);
        }
        assert_int_equal(waitpid(pid, NULL, 0), pid);
        int open;
        process b = begun(path, LIMIT);
        if (i % 3 == 0) assert_int_equal(copies(5, 0), 0);
        same_answers(&b, &alone);
        assert_int_equal(counts(&b).found + counts(&b).made, 2);
        assert_int_equal(extents(b.region, &open), 2);
        assert_int_equal(open, 0);
        is_sound(b.region);
        mn_region_clear(b.region);
        ended(&b);
    }
    ended(&alone);
}

enum { MANY = 8 };
static void many(int at, const int *gate) {
    char go;
    process p = begun(path, LIMIT);
    if (read(gate[0], &go, 1) != 1) _exit(2);
    for (int i = 0; i < 20 || (i < 5000 && p.v->now->shared < 2); i++) {
        usleep(i * 10);
        const int64_t id = 1 + (at * 2000 + i * 577) % ROWS;
        if (nearest(&p, id) != id) _exit(3);
    }
    const mn_vectors_counts c = counts(&p);
    const int shared = p.v->now->shared;
    ended(&p);
    _exit(shared == 2 && c.made <= 2 ? 0 : 4);
}

static void eight_at_once(void **s) {
    (void)s;
    int gate[2];
    pid_t pid[MANY];
    fill_store(ROWS, 0);
    process look = begun(path, LIMIT);
    assert_int_equal(pipe(gate), 0);
    for (int i = 0; i < MANY; i++)
        if (!(pid[i] = fork())) many(i, gate);
    usleep(300000);
    assert_int_equal(write(gate[1], "12345678", MANY), MANY);
    for (int i = 0; i < MANY; i++) {
        int status;
        assert_int_equal(waitpid(pid[i], &status, 0), pid[i]);
        assert_int_equal(status, 0);
    }
    assert_int_equal(extents(look.region, NULL), 2); /* one copy */
    assert_int_equal(copies(5, 0), 1);
    is_sound(look.region);
    ended(&look);
}

/* Some search, one changes and one forgets, and all of them are killed, again and again. */
enum { SEATS = 4, KILLS = 30 };
static void live(int at, unsigned long seed) {
    process p = begun(path, LIMIT);
    for (uint64_t i = 0;; i++) {
        const int64_t id = 1 + (int64_t)(mix(seed + i) % (ROWS / 2)) * 2; /* even ones stay */
        if (at == 0) {
            drop(&p, id);
        } else if (at == 1 && i % 4 == 0) {
            change(&p, id + 1, 1);
        } else if (nearest(&p, id) == id && at == 3) {
            mn_vectors_clear(p.v);
        }
        if (i % 16 == 0) mn_notes_rest(p.notes);
    }
}

static int still_there(void *user, const mn_row *row) {
    (void)row;
    ++*(int *)user;
    return 0;
}

static void storm(void **s) {
    (void)s;
    pid_t pid[SEATS];
    int gone = 0;
    fill_store(ROWS, 0);
    for (int i = 0; i < SEATS; i++)
        if (!(pid[i] = fork())) live(i, mix((uint64_t)i));
    for (int k = 0; k < KILLS; k++) {
        const int i = k % SEATS;
        usleep(40000 + (useconds_t)(mix((uint64_t)k) % 40000));
        kill(pid[i], SIGKILL);
        assert_int_equal(waitpid(pid[i], NULL, 0), pid[i]);
        if (!(pid[i] = fork())) live(i, mix((uint64_t)(k * SEATS + i)));
    }
    for (int i = 0; i < SEATS; i++) {
        kill(pid[i], SIGKILL);
        assert_int_equal(waitpid(pid[i], NULL, 0), pid[i]);
    }
    process a = begun(path, LIMIT), b = begun(path, LIMIT), alone = begun(NULL, 0);
    same_answers(&a, &alone);
    same_answers(&b, &alone);
    assert_int_equal(counts(&b).found, 2);
    for (int64_t id = 1; id < ROWS; id += 2) {
        int there = 0;
        assert_ok(mn_notes_begin(a.notes, 0));
        assert_ok(a.store->kind->fetch(a.store, a.owner, &id, 1, still_there, &there));
        assert_ok((int)mn_notes_end(a.notes, 0));
        if (there || gone++ > 40) continue;
        assert_int_equal(copies(id, 0), 0);
    }
    assert_true(gone > 10);
    is_sound(a.region);
    end_all(&a, &b, &alone);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(second_finds, begin, store_end),
        cmocka_unit_test_setup_teardown(nothing_is_held, begin, store_end),
        cmocka_unit_test_setup_teardown(private_one, begin, store_end),
        cmocka_unit_test_setup_teardown(two_owners, begin, store_end),
        cmocka_unit_test_setup_teardown(grows, begin, store_end),
        cmocka_unit_test_setup_teardown(made_again, begin, store_end),
        cmocka_unit_test_setup_teardown(all_again, begin, store_end),
        cmocka_unit_test_setup_teardown(given_up, begin, store_end),
        cmocka_unit_test_setup_teardown(copied, begin, store_end),
        cmocka_unit_test_setup_teardown(marks_that_lie, begin, store_end),
        cmocka_unit_test_setup_teardown(without_marks, begin, store_end),
        cmocka_unit_test_setup_teardown(forgotten, begin, store_end),
        cmocka_unit_test_setup_teardown(forgotten_by_another, begin, store_end),
        cmocka_unit_test_setup_teardown(forgotten_while_read, begin, store_end),
        cmocka_unit_test_setup_teardown(forgotten_while_made, begin, store_end),
        cmocka_unit_test_setup_teardown(no_room, begin, store_end),
        cmocka_unit_test_setup_teardown(pushed_out, begin, store_end),
        cmocka_unit_test_setup_teardown(not_on_disk, begin, store_end),
        cmocka_unit_test_setup_teardown(damaged, begin, store_end),
        cmocka_unit_test_setup_teardown(no_memory, begin, store_end),
        cmocka_unit_test_setup_teardown(dies_in_the_middle, begin, store_end),
        cmocka_unit_test_setup_teardown(eight_at_once, begin, store_end),
        cmocka_unit_test_setup_teardown(storm, begin, store_end)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
