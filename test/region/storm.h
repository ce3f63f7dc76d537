/* SPDX-License-Identifier: Apache-2.0
 *
 * test/region/storm.h - what a worker does in a shared region: write extents whose every word
 * follows from their first one, and check every word of those it finds.
 *
 * The journal is no part of the region: what a worker was told it keeps there.
 */
#ifndef MN_TEST_STORM_H
#define MN_TEST_STORM_H
#include "soak.h"
#include "test.h"

#include "region/inside.h"

#include <stdatomic.h>

enum { KEPT = 200, LIMIT = 48 << 20, PAGE = 4096, MOST_PAGES = 64 };

typedef struct journal {
    atomic_ulong reads, writes, burials, full;
    atomic_int torn;    /* a reader saw what nobody wrote */
    atomic_int refused; /* a call failed that must not */
    atomic_int n_kept;
    atomic_ulong kept[KEPT];
    char why[256];
} journal;
static journal *J;

static inline uint64_t word(uint64_t seed, uint64_t i) {
    uint64_t z = seed + i * 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    return z ^ (z >> 27);
}

static inline void blame(atomic_int *what, const char *why) {
    snprintf(J->why, sizeof J->why, "%s: %s", why, mn_error_detail());
    atomic_fetch_add(what, 1);
}

/* Word 0 of an extent is its seed, and every word follows from it; `length` words count. */
static inline int whole(const mn_extent *x) {
    const uint64_t *w = (const uint64_t *)(const void *)x->data;
    const uint64_t n = mn_word_load(&x->slot->length), seed = w[0];
    if (n > x->bytes / 8) return 0;
    for (uint64_t i = 1; i < n; i++)
        if (w[i] != word(seed, i)) return 0;
    return 1;
}

static inline void write_one(mn_region *r, unsigned long *state) {
    static const uint8_t seed[32] = {1};
    mn_extent x;
    if (mn_extent_open(r, (uint64_t)(1 + soak_random(state) % 3) << 20, 7, &x) < 0) {
        atomic_fetch_add(&J->full, 1);
        return;
    }
    const uint64_t pages = 1 + soak_random(state) % MOST_PAGES, key = soak_random(state) % 50;
    const uint64_t mark = (uint64_t)soak_random(state) << 20 | 1, n = pages * PAGE / 8;
    if (mn_extent_charge(&x, pages * PAGE) < 0) {
        atomic_fetch_add(&J->full, 1);
        mn_extent_close(&x);
        return;
    }
    if (mn_extent_back(&x, 0, pages * PAGE) < 0) blame(&J->refused, "back");
    uint64_t *w = (uint64_t *)(void *)x.data;
    const int plant = soak_planted() && soak_random(state) % 8 == 0;
    w[0] = mark;
    mn_extent_publish(&x, seed, 0, key);
    for (uint64_t at = 1; at < n;) { /* it grows while others read it */
        const uint64_t step = at + 1 + soak_random(state) % 4096, to = step < n ? step : n;
        if (plant) mn_extent_grow(&x, to);
        for (; at < to; at++) w[at] = word(mark, at);
        mn_extent_grow(&x, at);
    }
    mn_index_put(r, key * 77777, x.ref);
    const mn_ref ref = x.ref;
    if (soak_random(state) % 64 == 0 && atomic_load(&J->n_kept) < KEPT) {
        mn_word_store(&x.slot->flags, MN_EXTENT_PUBLISHED | MN_EXTENT_KEPT);
        mn_extent_close(&x);
        const int i = atomic_fetch_add(&J->n_kept, 1); /* from now on it has been promised */
        if (i < KEPT)
            atomic_store(&J->kept[i], ref);
        else
            atomic_fetch_sub(&J->n_kept, 1);
    } else {
        mn_extent_close(&x);
    }
    atomic_fetch_add(&J->writes, 1);
}

static inline void read_some(mn_region *r, unsigned long *state) {
    mn_ref found[16];
    mn_extent x;
    const uint64_t key = soak_random(state) % 50;
    const int n = soak_random(state) % 2 ? mn_index_anchored(r, key, found, 16)
                                         : mn_index_find(r, key * 77777, found, 16);
    for (int i = 0; i < n; i++) {
        if (!mn_extent_pin(r, found[i], &x)) continue;
        if (!whole(&x)) blame(&J->torn, "an extent that nobody wrote");
        atomic_fetch_add(&J->reads, 1);
        mn_extent_unpin(&x);
    }
}

#endif
