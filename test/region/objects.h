/* SPDX-License-Identifier: Apache-2.0
 *
 * test/region/objects.h - what the tests of objects share: values that say themselves what they
 * are, and the count of cells that must hold when all is quiet.
 */
#ifndef MN_TEST_OBJECTS_H
#define MN_TEST_OBJECTS_H
#include "test.h"

#include "base/hash.h"
#include "region/object.h"

/* A value is its length, a mark, and words that follow from both. */
typedef struct value {
    uint64_t n, mark, word[];
} value;
enum { VALUE_LEAST = 16 };

static inline uint64_t value_word(uint64_t mark, uint64_t i) {
    uint64_t z = mark + i * 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    return z ^ (z >> 27);
}
/* n: bytes, a multiple of 8. */
static inline void value_make(value *v, uint64_t n, uint64_t mark) {
    v->n = n;
    v->mark = mark;
    for (uint64_t i = 0; i < (n - VALUE_LEAST) / 8; i++) v->word[i] = value_word(mark, i + n);
}
static inline int value_whole(const value *v, uint64_t n) {
    if (n < VALUE_LEAST || v->n != n) return 0;
    for (uint64_t i = 0; i < (n - VALUE_LEAST) / 8; i++)
        if (v->word[i] != value_word(v->mark, i + n)) return 0;
    return 1;
}

/* All cells that are not free stand in a chain, LIVE and owned by nobody; how many. */
static inline int cells_in_use(mn_region *r) {
    int chained = 0, used = 0;
    mn_cell_head h;
    for (uint32_t b = 0; b < r->plan.buckets; b++) {
        uint32_t i = mn_bucket_first(mn_word_load(mn_bucket(r, b)));
        for (; i; i = h.next, chained++) {
            assert_int_equal(mn_cell_read(r, i, &h), 1);
            assert_int_equal(h.hash % r->plan.buckets, b);
            assert_int_equal(mn_tag_phase(h.tag), MN_CELL_LIVE);
            assert_int_equal(mn_state_owner(h.tag), 0);
            mn_cell_head commit;
            assert_int_not_equal(mn_cell_verdict(r, &h, &commit), MN_SAYS_OPEN);
            if (h.kind) assert_int_equal(mn_word_load(&h.at->writer) >> 63, 0);
        }
    }
    MN_EACH_CELL(r, i) {
        mn_cell_read(r, i + 1, &h);
        used += mn_tag_phase(h.tag) != MN_CELL_FREE;
    }
    assert_int_equal(used, chained);
    return used;
}

/* What a process in slot `owner` leaves that dies in a commit: its parts are where they belong, it
 * is in that phase, and no more. */
static inline mn_cell_head commit_left(mn_region *r, int owner, int phase, const mn_edit *e,
                                       int n) {
    mn_cell_head t, p;
    assert_ok(mn_cell_claim(r, 0, 16 * (size_t)n, &t));
    mn_cell_say(&t);
    mn_word_store(&t.at->writer, 1);
    const uint64_t g = mn_tag_generation(t.tag);
    t.tag = mn_tag_make(g, owner + 1, phase);
    mn_word_store(&t.at->tag, t.tag);
    for (int i = 0; i < n; i++, e++) {
        const size_t key = strlen(e->key);
        assert_ok(mn_cell_claim(r, key, e->n, &p));
        p.hash = mn_hash64(e->key, key);
        p.kind = (int)e->kind;
        mn_cell_fill(r, &p, e->key, e->value);
        mn_word_store(&p.at->writer, (uint64_t)1 << 63 | g << 24 | (t.index + 1));
        mn_word_store(t.at->body + (size_t)2 * i, p.index + 1);
        mn_word_store(t.at->body + (size_t)2 * i + 1, p.hash);
        mn_word *const bucket = mn_bucket(r, p.hash);
        const uint64_t word = mn_word_load(bucket), change = mn_bucket_changes(word) + 1;
        mn_word_store(&p.at->version, change);
        mn_word_store(&p.at->next, mn_bucket_first(word));
        mn_word_store(bucket, mn_bucket_make(change, p.index + 1));
        mn_cell_settle(&p);
    }
    return t;
}

#endif
