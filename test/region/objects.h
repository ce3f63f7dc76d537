/* SPDX-License-Identifier: Apache-2.0
 *
 * test/region/objects.h - what the tests of objects share: values that say themselves what they
 * are, and the count of cells that must hold when all is quiet.
 */
#ifndef MN_TEST_OBJECTS_H
#define MN_TEST_OBJECTS_H
#include "test.h"

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

#endif
