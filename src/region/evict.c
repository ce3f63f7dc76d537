/* SPDX-License-Identifier: Apache-2.0
 *
 * region/evict.c - the ledger, and what must go when there is no room.
 *
 * The ledger has no word of its own: to charge is to write the new sum of one's own extent and then
 * to add up all of them. Two that charge at once may both see too much, never both too little.
 *
 * Warm pages go first, then extents nobody reads: those first that took the least time for what
 * they hold, and were not asked for the longest. What others begin with stays before them. With a
 * disk tier nothing is lost: what leaves memory is written there before, unless it was already.
 */
#include "base/error.h"
#include "region/cell.h"

#include <time.h>

enum { PATIENCE_MS = 2000 };

uint64_t mn_region_charged(const mn_region *r) {
    mn_word_fence();
    uint64_t sum = mn_cells_charged(r);
    MN_EACH_SLOT(r, c, i) {
        const uint64_t n = mn_word_load(&mn_slot(r, i)->charged);
        sum += n < mn_class_bytes(c) ? n : mn_class_bytes(c);
    }
    return sum;
}

static int has(const mn_slot_bits *b, uint32_t i) {
    return (int)(b->word[i / 64] >> i % 64 & 1);
}
static void put(mn_slot_bits *b, uint32_t i) {
    b->word[i / 64] |= (uint64_t)1 << i % 64;
}

/* Those that living extents name as what comes before them. */
static void parents_of(mn_region *r, mn_slot_bits *out) {
    MN_EACH_SLOT(r, c, i) {
        mn_extent_slot *s = mn_slot(r, i);
        const mn_ref parent = mn_word_peek(&s->parent);
        const uint32_t p = mn_ref_slot(parent);
        if (!mn_state_alive(mn_word_load(&s->state)) || !parent || p >= r->plan.slots) continue;
        if (mn_state_epoch(mn_word_load(&mn_slot(r, p)->state)) == mn_ref_epoch(parent))
            put(out, p);
    }
}

int mn_extent_followed(mn_region *r, mn_ref ref) {
    MN_EACH_SLOT(r, c, i) {
        mn_extent_slot *s = mn_slot(r, i);
        if (mn_word_peek(&s->parent) == ref && mn_state_alive(mn_word_load(&s->state))) return 1;
    }
    return 0;
}

/* Bytes that come free when it goes; 0: it is no candidate. */
static uint64_t gain(mn_extent_slot *s, mn_evict_for what, int begins) {
    const uint64_t charged = mn_word_peek(&s->charged), stored = mn_word_peek(&s->stored);
    const int out = (mn_word_load(&s->flags) & MN_EXTENT_OUT) != 0;
    switch (what) {
    case MN_FOR_MEMORY: return charged;
    case MN_FOR_DISK: return begins && out ? 0 : stored;
    default: return begins ? 0 : charged + stored + 1;
    }
}

/* Time saved per byte, less the longer nobody has asked for it. What others begin with, and what
 * is in memory only, comes last: those others may be on disk, and stay for long. */
static double worth(mn_extent_slot *s, uint64_t bytes, uint64_t at, int begins) {
    const uint64_t used = mn_word_peek(&s->used), age = at > used ? at - used : 0;
    const double time = (double)mn_word_peek(&s->cost) + 1;
    const double last = begins && !mn_word_peek(&s->stored) ? 1e30 : 1;
    return last * time / ((double)bytes + 1) / ((double)age + 60);
}

uint32_t mn_evict_least(mn_region *r, mn_evict_for what, mn_slot_bits *tried, uint64_t bytes,
                        uint64_t *state) {
    mn_slot_bits parents = {{0}};
    uint32_t found = UINT32_MAX;
    double low = 0;
    const uint64_t at = mn_now();
    parents_of(r, &parents);
    MN_EACH_SLOT(r, c, i) {
        mn_extent_slot *s = mn_slot(r, i);
        const uint64_t st = mn_word_load(&s->state);
        if (mn_state_phase(st) != MN_EXTENT_SEALED || has(tried, i)) continue;
        if (mn_word_load(&s->flags) & MN_EXTENT_KEPT || mn_class_bytes(c) < bytes) continue;
        const int begins = has(&parents, i);
        const uint64_t n = gain(s, what, begins);
        const double w = worth(s, n, at, begins);
        if (!n || (found != UINT32_MAX && w >= low)) continue;
        found = i;
        low = w;
        *state = st;
    }
    if (found != UINT32_MAX) put(tried, found);
    return found;
}

/* ---- memory ------------------------------------------------------------------------------- */
/* Free slots that hold warm pages give them back, until `bytes` have left. */
static uint64_t cool(mn_region *r, uint64_t bytes) {
    uint64_t left = 0;
    MN_EACH_SLOT(r, c, i) {
        mn_extent_slot *s = mn_slot(r, i);
        const uint64_t state = mn_word_load(&s->state);
        if (left >= bytes) break;
        if (mn_state_phase(state) == MN_EXTENT_FREE && mn_word_peek(&s->charged))
            left += mn_extent_drop(r, i, state, 0);
    }
    return left;
}

/* Who writes the file of an extent holds it, but is no reader: waited for, a little. */
static void await_mover(const mn_region *r, const mn_extent_slot *s) {
    for (int ms = 0; ms < PATIENCE_MS && mn_disk_mover(r, s); ms++)
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
}

/* One extent leaves memory: for the disk when there is one, else for good. Bytes. */
static uint64_t send_away(mn_region *r, uint32_t i, uint64_t state) {
    await_mover(r, mn_slot(r, i));
    if (mn_disk_write(r, mn_ref_make(mn_state_epoch(state), i)) > 0)
        return mn_extent_leave(r, i, state, MN_LEAVE_RAM);
    const uint64_t left = mn_extent_leave(r, i, state, MN_LEAVE);
    if (left) mn_word_add(&mn_tops(r)->evicted, 1);
    return left;
}

/* Warm pages first, then extents nobody reads, until `bytes` have left: how many did. */
static uint64_t make_room(mn_region *r, uint64_t bytes) {
    mn_slot_bits tried = {{0}};
    mn_region_reap(r);
    uint64_t left = cool(r, bytes), state;
    while (left < bytes) {
        const uint32_t i = mn_evict_least(r, MN_FOR_MEMORY, &tried, 0, &state);
        if (i == UINT32_MAX) break;
        left += send_away(r, i, state);
    }
    return left;
}

/* Evict until the ledger has room for `bytes` more, and the place the file lies in has, too. */
int mn_region_evict(mn_region *r, uint64_t bytes) {
    MN_TRY(mn_extent_forked(r));
    for (int tries = 0;; tries++) {
        const uint64_t used = mn_region_charged(r), room = mn_sparse_room(&r->file);
        const uint64_t over = used + bytes > r->limit ? used + bytes - r->limit : 0;
        const uint64_t lacks = bytes > room ? bytes - room : 0, more = over > lacks ? over : lacks;
        if (!more) return 0;
        if (tries >= 8 || bytes > r->limit || !make_room(r, more))
            return MN_FAIL(MN_EFULL,
                           "%llu bytes more do not fit into %s: it holds %llu of %llu, all in use, "
                           "and %llu are free where it lies",
                           (unsigned long long)bytes, r->file.path, (unsigned long long)used,
                           (unsigned long long)r->limit, (unsigned long long)room);
    }
}

uint64_t mn_region_shrink(mn_region *r, uint64_t most) {
    const uint64_t used = r->me < 0 ? 0 : mn_region_charged(r);
    return used > most ? make_room(r, used - most) : 0;
}

/* ---- disk --------------------------------------------------------------------------------- */
int mn_disk_room(mn_region *r) {
    mn_slot_bits tried = {{0}};
    const uint64_t limit = mn_word_load(&mn_tops(r)->disk_limit);
    uint64_t used, state;
    while ((used = mn_disk_used(r)) > limit) {
        const uint32_t i = mn_evict_least(r, MN_FOR_DISK, &tried, 0, &state);
        if (i == UINT32_MAX)
            return MN_FAIL(MN_EFULL, "%s may hold %llu bytes, and with one file more has %llu",
                           r->disk, (unsigned long long)limit, (unsigned long long)used);
        const int out = (mn_word_load(&mn_slot(r, i)->flags) & MN_EXTENT_OUT) != 0;
        if (mn_extent_leave(r, i, state, out ? MN_LEAVE : MN_LEAVE_DISK) && out)
            mn_word_add(&mn_tops(r)->evicted, 1);
    }
    return 0;
}
