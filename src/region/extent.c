/* SPDX-License-Identifier: Apache-2.0
 *
 * region/extent.c - the life of an extent: opened, grown, published, sealed, pinned, freed.
 *
 * Every arrow of the state diagram in region/format.h is one compare-and-swap here, and a FREE
 * slot has no length and no flags, so a process that dies right behind an arrow leaves a slot that
 * mn_extent_bury understands.
 */
#include "base/error.h"
#include "region/inside.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

#define PIN_TAKEN ((uint64_t)1 << 20) /* a pin word in use that names no slot */

uint64_t mn_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_REALTIME_COARSE, &t);
    return (uint64_t)t.tv_sec;
}

int mn_extent_forked(const mn_region *r) {
    return r->me >= 0 ? 0
                      : MN_FAIL(MN_EBUSY,
                                "%s was opened before this process was forked; open it "
                                "again in the child",
                                r->file.path);
}

/* ---- pins --------------------------------------------------------------------------------- */
static int pin_take(mn_region *r) {
    mn_word *pin = mn_proc(r, r->me)->pin;
    for (int k = 0; k < MN_REGION_PINS; k++)
        if (!mn_word_peek(pin + k) && mn_word_cas(pin + k, 0, PIN_TAKEN)) return k;
    return -1;
}

int mn_extent_pins(const mn_region *r, mn_ref ref, int64_t *pid) {
    int n = 0;
    for (int i = 0, end = mn_procs_end(r); i < end; i++) {
        const mn_proc_slot *p = mn_proc(r, i);
        const int others = n;
        if (!mn_word_load(&p->state)) continue;
        for (int k = 0; k < MN_REGION_PINS; k++) n += mn_word_load(p->pin + k) == ref;
        if (pid && n > others) *pid = (int64_t)mn_word_peek(&p->pid);
    }
    return n;
}

static void fill(mn_region *r, mn_ref ref, int pin, mn_extent *x) {
    const uint32_t i = mn_ref_slot(ref);
    const int c = mn_slot_class(r, i);
    *x = (mn_extent){r,  ref, mn_slot(r, i), r->file.data + mn_slot_at(r, i, c), mn_class_bytes(c),
                     pin};
}

int mn_extent_look(mn_region *r, mn_ref ref, mn_extent *x) {
    const uint32_t i = mn_ref_slot(ref);
    *x = (mn_extent){0};
    if (r->me < 0 || i >= r->plan.slots) return 0;
    const int k = pin_take(r);
    if (k < 0) return 0;
    mn_word *const pin = mn_proc(r, r->me)->pin + k;
    mn_word_announce(pin, ref);
    mn_extent_slot *const s = mn_slot(r, i);
    const uint64_t state = mn_word_load(&s->state);
    if (mn_state_epoch(state) != mn_ref_epoch(ref) || !mn_state_alive(state)) {
        mn_word_store(pin, 0);
        return 0;
    }
    fill(r, ref, k, x);
    return 1;
}

int mn_extent_pin(mn_region *r, mn_ref ref, mn_extent *x) {
    if (!mn_extent_look(r, ref, x)) return 0;
    mn_word_store(&x->slot->used, mn_now());
    return 1;
}

void mn_extent_unpin(mn_extent *x) {
    if (x->region && x->region->me >= 0)
        mn_word_store(mn_proc(x->region, x->region->me)->pin + x->pin, 0);
    *x = (mn_extent){0};
}

int mn_extent_shared(const mn_extent *x) {
    mn_word_fence();
    return mn_extent_pins(x->region, x->ref, NULL) > 1;
}

/* ---- freeing ------------------------------------------------------------------------------ */
/* The pages of a slot that is ours go. First they are promised to nobody: who dies here, or cannot
 * punch, leaves pages that are charged, and may have holes. */
static uint64_t cool_slot(mn_region *r, uint32_t i) {
    mn_extent_slot *s = mn_slot(r, i);
    const int c = mn_slot_class(r, i);
    const uint64_t bytes = mn_word_peek(&s->charged);
    mn_word_store(&s->backed, 0);
    if (mn_sparse_punch(&r->file, mn_slot_at(r, i, c), mn_class_bytes(c)) < 0) return 0;
    mn_word_store(&s->charged, 0);
    return bytes;
}

/* It goes, then it is said that it has gone: no death leaves a file that nobody knows of. */
static void drop_file(mn_region *r, mn_extent_slot *s, mn_ref ref) {
    mn_disk_unlink(r, ref, 0);
    mn_word_store(&s->stored, 0);
    mn_word_store(&s->checked, 0);
}

/* GONE, ours: its pages go (or stay warm for the next), then the slot is free. Bytes that left. */
static uint64_t free_slot(mn_region *r, uint32_t i, uint64_t state, int warm) {
    mn_extent_slot *s = mn_slot(r, i);
    const uint64_t left = warm ? 0 : cool_slot(r, i);
    if (mn_word_load(&s->stored)) drop_file(r, s, mn_ref_make(mn_state_epoch(state), i));
    mn_word_store(&s->flags, 0);
    mn_word_store(&s->length, 0);
    mn_word_store(&s->parent, 0);
    mn_word_store(&s->anchor, 0);
    mn_word_store(&s->state, mn_state_make(mn_state_epoch(state) + 1, 0, MN_EXTENT_FREE));
    return left;
}

uint64_t mn_extent_drop(mn_region *r, uint32_t i, uint64_t state, int warm) {
    const uint64_t gone = mn_state_make(mn_state_epoch(state), r->me + 1, MN_EXTENT_GONE);
    return mn_word_cas(&mn_slot(r, i)->state, state, gone) ? free_slot(r, i, gone, warm) : 0;
}

/* What was said in it shall not be found in freed memory, nor on disk. */
static void overwrite(mn_region *r, uint32_t i, uint64_t epoch) {
    const int c = mn_slot_class(r, i);
    mn_disk_unlink(r, mn_ref_make(epoch, i), 1); /* also one that was not booked yet */
    mn_sparse_wipe(&r->file, mn_slot_at(r, i, c), mn_class_bytes(c));
}

uint64_t mn_extent_scrub(mn_region *r, uint32_t i, uint64_t state) {
    const uint64_t gone = mn_state_make(mn_state_epoch(state), r->me + 1, MN_EXTENT_GONE);
    if (!mn_word_cas(&mn_slot(r, i)->state, state, gone)) return 0;
    overwrite(r, i, mn_state_epoch(state));
    return free_slot(r, i, gone, 0);
}

/* DYING, ours, and so is its file: does it stay all the same? */
static int stays(mn_region *r, uint32_t i, mn_ref ref, mn_leave how) {
    mn_extent_slot *s = mn_slot(r, i);
    const int out = (mn_word_load(&s->flags) & MN_EXTENT_OUT) != 0;
    const int stored = mn_word_load(&s->stored) != 0;
    if (how == MN_LEAVE_DISK) return !stored || out; /* readers are in memory: none is asked */
    if (how == MN_LEAVE_RAM && (!stored || (out && !mn_word_peek(&s->charged)))) return 1;
    return mn_extent_pins(r, ref, NULL) > 0;
}

/* It goes where it is to go, but not for ever: bytes. */
static uint64_t move(mn_region *r, uint32_t i, mn_ref ref, mn_leave how) {
    mn_extent_slot *s = mn_slot(r, i);
    if (how == MN_LEAVE_DISK) {
        const uint64_t left = mn_word_load(&s->stored);
        drop_file(r, s, ref);
        return left;
    }
    mn_word_set(&s->flags, MN_EXTENT_OUT); /* then the pages go: see bury_dying, mn_disk_bury */
    mn_word_add(&mn_tops(r)->moved, 1);
    return cool_slot(r, i);
}

uint64_t mn_extent_leave(mn_region *r, uint32_t i, uint64_t sealed, mn_leave how) {
    mn_extent_slot *s = mn_slot(r, i);
    const uint64_t epoch = mn_state_epoch(sealed);
    const uint64_t dying = mn_state_make(epoch, r->me + 1, MN_EXTENT_DYING);
    const uint64_t gone = mn_state_make(epoch, r->me + 1, MN_EXTENT_GONE);
    const mn_ref ref = mn_ref_make(epoch, i);
    uint64_t left = 0;
    if (mn_state_phase(sealed) != MN_EXTENT_SEALED || !mn_word_cas(&s->state, sealed, dying))
        return 0;
    const int mine = mn_word_cas(&s->moving, 0, (uint64_t)r->me + 1);
    const int stay = !mine || stays(r, i, ref, how); /* not ours: a file is coming */
    if (stay || how == MN_LEAVE_RAM || how == MN_LEAVE_DISK) {
        if (!stay) left = move(r, i, ref, how);
        if (mine) mn_word_store(&s->moving, 0);
        mn_word_store(&s->state, sealed);
        return left;
    }
    left = mn_word_load(&s->stored);
    mn_word_store(&s->state, gone);
    if (how == MN_LEAVE_TRACE) overwrite(r, i, epoch);
    mn_word_store(&s->moving, 0);
    return left + free_slot(r, i, gone, 0);
}

/* DYING, of the dead: intact in memory, for it was not GONE yet; or OUT, with pages to be freed. */
static void bury_dying(mn_region *r, uint32_t i, uint64_t state) {
    mn_extent_slot *s = mn_slot(r, i);
    const uint64_t epoch = mn_state_epoch(state);
    const uint64_t mine = mn_state_make(epoch, r->me + 1, MN_EXTENT_DYING);
    if (state != mine && !mn_word_cas(&s->state, state, mine)) return;
    if (mn_word_load(&s->flags) & MN_EXTENT_OUT) cool_slot(r, i);
    mn_word_store(&s->state, mn_state_make(epoch, 0, MN_EXTENT_SEALED));
}

/* What its owner, named by `state`, left of extent slot i. Warm: its pages are what the slot says.
 * The dead may have gone between asking for pages and saying so, or the other way round. */
static void bury_one(mn_region *r, uint32_t i, uint64_t state, int warm) {
    mn_extent_slot *s = mn_slot(r, i);
    const uint64_t epoch = mn_state_epoch(state);
    const uint64_t sealed = mn_state_make(epoch, 0, MN_EXTENT_SEALED);
    const uint64_t mine = mn_state_make(epoch, r->me + 1, MN_EXTENT_GONE);
    switch (mn_state_phase(state)) {
    case MN_EXTENT_OPEN:
        if (!(mn_word_load(&s->flags) & MN_EXTENT_PUBLISHED))
            mn_extent_drop(r, i, state, warm);
        else if (mn_word_cas(&s->state, state, sealed)) {
            if (mn_word_load(&s->length))
                mn_mover_add(r, mn_ref_make(epoch, i));
            else /* somebody may be looking at it all the same */
                mn_extent_leave(r, i, sealed, MN_LEAVE);
        }
        break;
    case MN_EXTENT_DYING: bury_dying(r, i, state); break;
    case MN_EXTENT_GONE:
        if (state == mine || mn_word_cas(&s->state, state, mine)) free_slot(r, i, mine, 0);
        break;
    default: break; /* nobody owns it */
    }
}

void mn_extent_bury(mn_region *r, int p, int dead) {
    MN_EACH_SLOT(r, c, i) {
        mn_extent_slot *s = mn_slot(r, i);
        const uint64_t state = mn_word_load(&s->state);
        if (mn_word_peek(&s->moving)) mn_disk_bury(r, p, i);
        if (mn_state_owner(state) == p + 1) bury_one(r, i, state, !dead);
    }
}

/* ---- pages ------------------------------------------------------------------------------- */
int mn_extent_charge(mn_extent *x, uint64_t bytes) {
    mn_word *const w = &x->slot->charged;
    mn_word_announce(w, mn_word_peek(w) + bytes);
    const uint64_t used = mn_region_charged(x->region), room = mn_sparse_room(&x->region->file);
    if (used <= x->region->limit && bytes <= room) return 0;
    mn_word_announce(w, mn_word_peek(w) - bytes); /* so that evicting counts it once */
    MN_TRY(mn_region_evict(x->region, bytes));
    mn_word_announce(w, mn_word_peek(w) + bytes);
    if (mn_region_charged(x->region) <= x->region->limit) return 0;
    mn_word_store(w, mn_word_peek(w) - bytes);
    return MN_FAIL(MN_EFULL, "%s is full: others were faster", x->region->file.path);
}

void mn_extent_uncharge(mn_extent *x, uint64_t bytes) {
    const uint64_t n = mn_word_peek(&x->slot->charged);
    mn_word_store(&x->slot->charged, n > bytes ? n - bytes : 0);
}

int mn_extent_back(mn_extent *x, uint64_t at, uint64_t n) {
    return mn_sparse_back(&x->region->file, (uint64_t)(x->data - x->region->file.data) + at, n);
}

void mn_extent_release(mn_extent *x, uint64_t at, uint64_t n) {
    mn_sparse_punch(&x->region->file, (uint64_t)(x->data - x->region->file.data) + at, n);
}

/* ---- opening ------------------------------------------------------------------------------ */
/* Win slot i, whose state was `free_state`; then it holds nothing of a strange shape. */
static int win(mn_region *r, uint32_t i, uint64_t free_state, uint64_t shape) {
    mn_extent_slot *s = mn_slot(r, i);
    const uint64_t epoch = mn_state_epoch(free_state);
    const uint64_t open =
        mn_state_make(epoch > r->epoch ? epoch : r->epoch, r->me + 1, MN_EXTENT_OPEN);
    if (mn_state_phase(free_state) != MN_EXTENT_FREE) return 0; /* another one was faster */
    if (!mn_word_cas(&s->state, free_state, open)) return 0;
    if (mn_word_peek(&s->shape) != shape) {
        if (mn_word_peek(&s->charged)) cool_slot(r, i);
        mn_word_store(&s->backed, 0);
    }
    mn_word_store(&s->shape, shape);
    mn_word_store(&s->cost, 0);
    mn_word_store(&s->born, mn_now());
    mn_word_store(&s->used, mn_now());
    mn_word_store(&s->writer, (uint64_t)getpid());
    return 1;
}

/* A free slot of class c that suits: warm pages of this shape, then none, then any. */
static int find(mn_region *r, int c, uint64_t shape, uint32_t *out) {
    for (int pass = 0; pass < 3; pass++) {
        for (uint32_t i = r->plan.first[c], end = mn_class_end(r, c); i < end; i++) {
            mn_extent_slot *s = mn_slot(r, i);
            const uint64_t state = mn_word_load(&s->state), warm = mn_word_peek(&s->charged);
            if (mn_state_phase(state) != MN_EXTENT_FREE) continue;
            if (pass == 0 && (!warm || mn_word_peek(&s->shape) != shape)) continue;
            if (pass == 1 && warm) continue;
            *out = i;
            if (win(r, i, state, shape)) return 1;
        }
        while (pass == 1) { /* one that was never used; who counts must see it first */
            const uint64_t top = mn_word_load(mn_top(r, c));
            if (top >= r->plan.first[c + 1] - r->plan.first[c]) break;
            if (!mn_word_cas(mn_top(r, c), top, top + 1)) continue;
            *out = r->plan.first[c] + (uint32_t)top;
            if (win(r, *out, mn_word_load(&mn_slot(r, *out)->state), shape)) return 1;
        }
    }
    return 0;
}

static int claim(mn_region *r, uint64_t bytes, uint64_t shape, uint32_t *out) {
    for (int c = 0; c < MN_REGION_CLASSES; c++)
        if (mn_class_bytes(c) >= bytes && find(r, c, shape, out)) return 1;
    return 0;
}

/* No range is free: the dead are buried, then extents nobody reads leave ranges that will do. */
static int claim_another(mn_region *r, uint64_t bytes, uint64_t shape, uint32_t *out) {
    mn_slot_bits tried = {{0}};
    mn_region_reap(r);
    while (!claim(r, bytes, shape, out)) {
        uint64_t state;
        const uint32_t i = mn_evict_least(r, MN_FOR_RANGE, &tried, bytes, &state);
        if (i == UINT32_MAX) return 0;
        if (mn_extent_leave(r, i, state, MN_LEAVE)) mn_word_add(&mn_tops(r)->evicted, 1);
    }
    return 1;
}

int mn_extent_open(mn_region *r, uint64_t bytes, uint64_t shape, mn_extent *out) {
    uint32_t i;
    *out = (mn_extent){0};
    MN_TRY(mn_extent_forked(r));
    const int k = pin_take(r);
    if (k < 0)
        return MN_FAIL(MN_EFULL, "this process already holds %d extents of %s", MN_REGION_PINS,
                       r->file.path);
    mn_word *const pin = mn_proc(r, r->me)->pin + k;
    if (!claim(r, bytes, shape, &i) && !claim_another(r, bytes, shape, &i)) {
        mn_word_store(pin, 0);
        return MN_FAIL(MN_EFULL, "%s has no free range of %llu bytes", r->file.path,
                       (unsigned long long)bytes);
    }
    const mn_ref ref = mn_ref_make(mn_state_epoch(mn_word_load(&mn_slot(r, i)->state)), i);
    mn_word_announce(pin, ref);
    fill(r, ref, k, out);
    return 0;
}

void mn_extent_lay(mn_extent *x, uint64_t front, uint64_t planes, uint64_t stride, uint64_t group) {
    mn_word_store(&x->slot->front, front);
    mn_word_store(&x->slot->planes, planes);
    mn_word_store(&x->slot->stride, stride);
    mn_word_store(&x->slot->group, group);
}

static void name(mn_extent *x, const uint8_t seed[32], uint64_t anchor) {
    uint64_t w[4];
    memcpy(w, seed, sizeof w);
    for (int i = 0; i < 4; i++) mn_word_store(x->slot->seed + i, w[i]);
    mn_word_store(&x->slot->anchor, anchor);
}

void mn_extent_claim(mn_extent *x, const uint8_t seed[32], uint64_t anchor) {
    name(x, seed, anchor);
    mn_word_set(&x->slot->flags, MN_EXTENT_DERIVED);
    mn_word_fence(); /* who looks for rivals, or at what is kept elsewhere, comes next */
}

void mn_extent_publish(mn_extent *x, const uint8_t seed[32], mn_ref parent, uint64_t anchor) {
    name(x, seed, anchor);
    mn_word_store(&x->slot->parent, parent);
    mn_word_set(&x->slot->flags, MN_EXTENT_PUBLISHED);
    mn_word_fence(); /* the same */
}

void mn_extent_grow(mn_extent *x, uint64_t length) {
    mn_word_store(&x->slot->length, length);
}

int mn_extent_seal(mn_extent *x) {
    const uint64_t state = mn_word_load(&x->slot->state);
    if (!(mn_word_load(&x->slot->flags) & MN_EXTENT_PUBLISHED) || !mn_word_load(&x->slot->length))
        return 0;
    if (!mn_word_cas(&x->slot->state, state,
                     mn_state_make(mn_state_epoch(state), 0, MN_EXTENT_SEALED)))
        return 0;
    mn_mover_add(x->region, x->ref);
    return 1;
}

void mn_extent_close(mn_extent *x) {
    mn_region *const r = x->region;
    if (!r) return;
    const uint32_t i = mn_ref_slot(x->ref);
    const uint64_t state = mn_word_load(&x->slot->state);
    mn_extent_unpin(x); /* who owns it needs no pin, which would be seen as a reader's */
    if (r->me >= 0 && mn_state_phase(state) == MN_EXTENT_OPEN && mn_state_owner(state) == r->me + 1)
        bury_one(r, i, state, 1);
}
