/* SPDX-License-Identifier: Apache-2.0
 *
 * region/index.c - from the key of a step to the extent that holds it.
 *
 * A key may stand in any of the MN_REGION_WINDOW entries of one window, so looking up reads four
 * cache lines and never follows a chain. An entry is two words that are not written together: one
 * may be read half old, half new, and it may name an extent that has gone. That costs a look and
 * nothing else, for whoever follows a reference compares the tokens behind it. A full window gives
 * up a stale entry, or else the one whose extent was used longest ago.
 */
#include "region/inside.h"

#include <string.h>

static mn_index_entry *window_of(const mn_region *r, uint64_t key) {
    const uint64_t windows = r->plan.entries / MN_REGION_WINDOW;
    return (mn_index_entry *)(void *)(r->file.data + r->plan.index_at) +
           (key >> 8) % windows * MN_REGION_WINDOW; /* keys are SHA-256: any bits will do */
}

/* 0: stale; else when it was used last, plus 1. */
static uint64_t age_of(const mn_region *r, mn_ref ref) {
    const uint32_t i = mn_ref_slot(ref);
    if (i >= r->plan.slots) return 0;
    mn_extent_slot *s = mn_slot(r, i);
    const uint64_t state = mn_word_load(&s->state);
    if (mn_state_epoch(state) != mn_ref_epoch(ref)) return 0;
    return mn_state_alive(state) ? mn_word_peek(&s->used) + 1 : 0;
}

void mn_index_put(mn_region *r, uint64_t key, mn_ref ref) {
    mn_index_entry *w = window_of(r, key);
    for (int tries = 0; tries < 4; tries++) {
        mn_index_entry *oldest = w;
        uint64_t was = 0, age = UINT64_MAX;
        for (int i = 0; i < MN_REGION_WINDOW; i++) {
            const mn_ref there = mn_word_load(&w[i].ref);
            if (there == ref && mn_word_load(&w[i].key) == key) return;
            const uint64_t a = there ? age_of(r, there) : 0;
            if (a >= age) continue;
            oldest = w + i;
            was = there;
            age = a;
        }
        if (!mn_word_cas(&oldest->ref, was, ref)) continue; /* somebody else took it */
        mn_word_store(&oldest->key, key);
        return;
    }
}

int mn_index_find(mn_region *r, uint64_t key, mn_ref *out, int most) {
    const mn_index_entry *w = window_of(r, key);
    int n = 0;
    for (int i = 0; i < MN_REGION_WINDOW && n < most; i++) {
        const mn_ref ref = mn_word_load(&w[i].ref);
        if (ref && mn_word_load(&w[i].key) == key && age_of(r, ref)) out[n++] = ref;
    }
    return n;
}

int mn_index_anchored(mn_region *r, uint64_t anchor, mn_ref *out, int most) {
    int n = 0;
    MN_EACH_SLOT(r, c, i) {
        mn_extent_slot *s = mn_slot(r, i);
        const uint64_t state = mn_word_load(&s->state);
        if (!mn_state_alive(state)) continue;
        if (mn_word_peek(&s->anchor) != anchor) continue;
        if (!(mn_word_load(&s->flags) & MN_EXTENT_PUBLISHED)) continue;
        if (n < most) out[n++] = mn_ref_make(mn_state_epoch(state), i);
    }
    return n;
}

int mn_index_claims(mn_region *r, uint64_t anchor, const uint8_t *seed, mn_claim *out, int most) {
    int n = 0;
    MN_EACH_SLOT(r, c, i) {
        const mn_extent_slot *s = mn_slot(r, i);
        const uint64_t state = mn_word_load(&s->state), flags = mn_word_load(&s->flags);
        const int dying = mn_state_phase(state) == MN_EXTENT_DYING; /* it may come back */
        if (!(mn_state_alive(state) || dying) || !(flags & MN_EXTENT_DERIVED)) continue;
        if (mn_word_load(&s->anchor) != anchor) continue;
        mn_claim claim = {.ref = mn_ref_make(mn_state_epoch(state), i),
                          .published = (flags & MN_EXTENT_PUBLISHED) != 0};
        uint64_t w[4];
        for (int k = 0; k < 4; k++) w[k] = mn_word_load(s->seed + k);
        memcpy(claim.seed, w, sizeof w);
        if (seed && memcmp(claim.seed, seed, sizeof w) != 0) continue;
        if (n++ < most) out[n - 1] = claim;
    }
    return n;
}
