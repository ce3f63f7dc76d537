/* SPDX-License-Identifier: Apache-2.0
 *
 * test/region/steps_scenes.h - the calls that change a region, each made where it has most to do.
 *
 * A scene prepares a process and then makes one call in it. Beside it lives another process (its
 * lock is held, it does nothing): it reads one extent, has another kept, still writes a third, and
 * none of them may suffer. What the callers are told they write into the journal as soon as they
 * know it. A scene says how its call leaves one extent, so that a call which did not come to what
 * it is here for is noticed.
 */
#ifndef MN_TEST_STEPS_SCENES_H
#define MN_TEST_STEPS_SCENES_H
#include "soak.h"
#include "steps_judge.h"

enum { LIMIT = 1 << 20, WIDE = 32 << 20, HALF = BYTES / 2 };
#define MUST(what) ((what) ? (void)0 : give_up(#what))

static struct { /* of the process that is stepped */
    mn_region *r;
    mn_extent x, y;
    uint64_t bytes;
    const char *path;
} v;

static void give_up(const char *what) {
    fprintf(stderr, "%s: not so: %s (%s)\n", at.scene ? at.scene->name : "", what,
            mn_error_detail());
    _exit(9);
}

/* ---- what callers are told ---------------------------------------------------------------- */
static void promise(mn_ref ref, uint64_t length) {
    MUST(told->n < KEPT);
    told->kept[told->n].length = length;
    told->kept[told->n].ref = ref;
    atomic_signal_fence(memory_order_seq_cst);
    told->n++;
}
static void take_back(int i) {
    for (int k = 0; k < told->keys; k++)
        if (told->key[k].ref == told->kept[i].ref) told->key[k].ref = 0;
    told->kept[i].ref = 0;
}
static void put(mn_region *r, uint64_t key, mn_ref ref) {
    mn_index_put(r, key, ref);
    MUST(told->keys < KEYS);
    told->key[told->keys].key = key;
    told->key[told->keys].ref = ref;
    atomic_signal_fence(memory_order_seq_cst);
    told->keys++;
}

/* ---- extents ------------------------------------------------------------------------------ */
static mn_extent booked(mn_region *r, uint64_t bytes, uint64_t shape) {
    mn_extent x;
    MUST(mn_extent_open(r, bytes, shape, &x) == 0);
    MUST(mn_extent_charge(&x, BYTES) == 0 && mn_extent_back(&x, 0, BYTES) == 0);
    memset(x.data, 0, BYTES);
    mn_word_store(&x.slot->backed, BYTES / 8);
    return x;
}
static void grow(mn_extent *x, uint64_t anchor, uint64_t n) {
    fill(x, 0, n);
    mn_extent_publish(x, seed, parent_of(anchor), anchor);
    mn_extent_grow(x, n);
    promise(x->ref, n);
}

/* What the living process holds: an extent it reads, one that is kept, one of no concern, warm
 * pages, one it is still writing; warm pages in the only range of their class. */
static void base(bed *b, image *start) {
    mn_region *r;
    mn_extent e[GROWING + 1], large, pin;
    MUST(mn_region_open(b->path, 0, -1, &r) == 0 && r->me == 0);
    for (int k = 0; k <= GROWING; k++) e[k] = booked(r, BYTES, SHAPE);
    large = booked(r, WIDE, SHAPE);
    grow(e + READ, 1, 100);
    grow(e + DEAR, 2, 60);
    mn_word_store(&e[DEAR].slot->flags, MN_EXTENT_PUBLISHED | MN_EXTENT_KEPT);
    grow(e + IDLE, 3, 40);
    grow(e + GROWING, 5, 50);
    for (int k = 0; k < 3; k++) put(r, (uint64_t)k + 1, e[k].ref);
    MUST(mn_extent_pin(r, e[READ].ref, &pin));
    for (int k = 0; k < GROWING; k++) mn_extent_close(e + k);
    mn_extent_close(&large);
    still(r);
    for (int k = 0; k < RANGES; k++) b->backed[k] = k <= GROWING || k == LARGE ? 0xffff : 0;
    capture(b, start, 1);
    for (int k = 0; k <= GROWING; k++)
        MUST(mn_word_load(&image_slot(start, range_slot(k))->charged) == BYTES);
    mn_region_close(&r);
}

static mn_region *join(const char *path) {
    MUST(mn_region_open(path, 0, -1, &v.r) == 0 && v.r->me == 1);
    return v.r;
}

/* ---- scenes: opening and closing a region ------------------------------------------------- */
/* Half of what a process may leave, by the bits of `what`. */
static void leave(mn_region *r, int what) {
    const uint64_t owner = (uint64_t)r->me + 1;
    mn_extent x;
    for (int i = 0; i < 5; i++) {
        if (!(what >> i & 1)) continue;
        x = booked(r, BYTES, THIRD_SHAPE);
        const uint64_t epoch = mn_ref_epoch(x.ref);
        if (i == 0 || i == 3) grow(&x, 70, 10);
        if (i == 1) mn_word_store(&x.slot->state, mn_state_make(epoch, (int)owner, MN_EXTENT_GONE));
        if (i == 3)
            mn_word_store(&x.slot->state, mn_state_make(epoch, (int)owner, MN_EXTENT_DYING));
        if (i == 4) mn_extent_publish(&x, seed, 0, 71);
    }
}
/* A process dies with n process slots, and everything in them. */
static void neighbour(const char *path, int n) {
    int status;
    const pid_t pid = fork();
    if (!pid) {
        mn_region *a, *b;
        MUST(mn_region_open(path, 0, -1, &a) == 0);
        leave(a, n == 1 ? 31 : 3);
        if (n == 2) {
            MUST(mn_region_open(path, 0, -1, &b) == 0);
            leave(b, 28);
            still(b);
        }
        still(a);
        _exit(0);
    }
    MUST(waitpid(pid, &status, 0) == pid && status == 0);
}
static mn_region *absent(const char *path) {
    v.path = path;
    return NULL;
}
static mn_region *among_the_dead(const char *path) {
    neighbour(path, 2);
    return absent(path);
}
static void region_opens(void) {
    MUST(mn_region_open(v.path, 0, -1, &v.r) == 0 && v.r->me == 1);
}
static mn_region *beside_the_dead(const char *path) {
    join(path);
    neighbour(path, 1);
    return v.r;
}
static void region_reaps(void) {
    MUST(mn_region_reap(v.r) == 1);
}
static mn_region *with_open_extents(const char *path) {
    mn_extent pin;
    join(path);
    v.x = booked(v.r, BYTES, OTHER_SHAPE);
    grow(&v.x, 42, 30);
    v.y = booked(v.r, BYTES, OTHER_SHAPE);
    MUST(mn_extent_pin(v.r, told->kept[READ].ref, &pin));
    return v.r;
}
static void region_closes(void) {
    mn_region_close(&v.r);
}
static mn_region *heir_comes(const char *path) {
    MUST(mn_region_open(path, 0, -1, &v.r) == 0 && v.r->me == 3);
    return v.r;
}
static void heir_reaps(void) {
    mn_region_reap(v.r);
}

/* ---- scenes: extents ---------------------------------------------------------------------- */
static mn_region *with_unpublished(const char *path) {
    join(path);
    v.x = booked(v.r, BYTES, OTHER_SHAPE);
    fill(&v.x, 0, 500);
    return v.r;
}
static void publishes_and_grows(void) {
    mn_extent_publish(&v.x, seed, parent_of(42), 42);
    mn_extent_grow(&v.x, 500);
    promise(v.x.ref, 500);
    for (uint64_t n = 500; n < 540; n += 8) { /* over the end of a page */
        if (soak_planted()) mn_extent_grow(&v.x, n + 8);
        fill(&v.x, n, n + 8);
        mn_extent_grow(&v.x, n + 8);
        told->kept[told->n - 1].length = n + 8;
    }
}
static void opens_fresh(void) {
    MUST(mn_extent_open(v.r, BYTES, THIRD_SHAPE, &v.x) == 0);
}
static void opens_warm(void) {
    MUST(mn_extent_open(v.r, BYTES, SHAPE, &v.x) == 0);
    MUST(mn_word_load(&v.x.slot->backed) == BYTES / 8);
    grow(&v.x, 42, 8);
}
static void opens_wide(void) {
    MUST(mn_extent_open(v.r, WIDE, OTHER_SHAPE, &v.x) == 0);
}
static mn_region *without_range(const char *path) {
    join(path);
    MUST(mn_extent_open(v.r, WIDE, SHAPE, &v.y) == 0);
    grow(&v.y, 43, 10);
    take_back(told->n - 1);
    mn_extent_close(&v.y);
    return v.r;
}
static mn_region *with_the_only_range(const char *path) {
    join(path);
    MUST(mn_extent_open(v.r, WIDE, SHAPE, &v.y) == 0);
    return v.r;
}
static void opens_in_vain(void) {
    MUST(mn_extent_open(v.r, WIDE, SHAPE, &v.x) == MN_EFULL);
}
static mn_region *with_empty(const char *path) {
    join(path);
    MUST(mn_extent_open(v.r, BYTES, THIRD_SHAPE, &v.x) == 0);
    return v.r;
}
static void charges(void) {
    MUST(mn_extent_charge(&v.x, BYTES) == 0 && mn_extent_back(&v.x, 0, BYTES) == 0);
    mn_word_store(&v.x.slot->backed, BYTES / 8);
    grow(&v.x, 42, 8);
}
/* More than is left: all warm pages and the idle extent have to leave. */
static mn_region *with_little_room(const char *path) {
    with_empty(path);
    take_back(IDLE);
    return v.r;
}
static void charges_much(void) {
    MUST(mn_extent_charge(&v.x, LIMIT - 3 * BYTES) == 0);
}
static void charges_in_vain(void) {
    MUST(mn_extent_charge(&v.x, LIMIT + 1) == MN_EFULL);
}
static void gives_back(void) {
    mn_word_store(&v.x.slot->backed, HALF / 8);
    mn_extent_release(&v.x, HALF, HALF);
    mn_extent_uncharge(&v.x, HALF);
}
static mn_region *with_published(const char *path) {
    join(path);
    v.x = booked(v.r, BYTES, OTHER_SHAPE);
    grow(&v.x, 42, 30);
    return v.r;
}
static mn_region *with_nothing_to_read(const char *path) {
    join(path);
    v.x = booked(v.r, BYTES, OTHER_SHAPE);
    mn_extent_publish(&v.x, seed, parent_of(42), 42);
    return v.r;
}
static void closes(void) {
    mn_extent_close(&v.x);
}
static void pins(void) {
    const mn_ref ref = told->kept[READ].ref;
    MUST(mn_extent_pin(v.r, ref, &v.x) && mn_word_load(&v.x.slot->length) == 100);
    mn_extent_unpin(&v.x);
    MUST(!mn_extent_pin(v.r, ref + ((uint64_t)1 << 20), &v.x)); /* of another epoch */
}

/* ---- scenes: evicting, the index ---------------------------------------------------------- */
static mn_region *for_one_more(const char *path) {
    join(path);
    v.bytes = LIMIT - mn_region_charged(v.r) + BYTES;
    return v.r;
}
static mn_region *for_three_more(const char *path) {
    for_one_more(path);
    v.bytes += 2 * BYTES;
    take_back(IDLE);
    return v.r;
}
static void evicts(void) {
    MUST(mn_region_evict(v.r, v.bytes) == 0);
}
static void cools(void) {
    MUST(mn_region_shrink(v.r, 0) == 3 * BYTES);
}
static mn_region *to_forget(const char *path) {
    join(path);
    take_back(IDLE);
    take_back(DEAR);
    return v.r;
}
static void forgets(void) {
    MUST(mn_region_clear(v.r) == 4 * BYTES);
}
static mn_region *with_a_file(const char *path) { /* so it says; nobody opens it */
    join(path);
    mn_word_store(&mn_slot(v.r, range_slot(IDLE))->stored, 1);
    return v.r;
}
static void moves_out(void) {
    const uint32_t i = range_slot(IDLE);
    MUST(mn_extent_leave(v.r, i, mn_word_load(&mn_slot(v.r, i)->state), MN_LEAVE_RAM) == BYTES);
}
static mn_region *with_a_full_window(const char *path) {
    with_published(path);
    for (uint64_t key = 10; told->keys < MN_REGION_WINDOW; key++) put(v.r, key, v.x.ref);
    told->spare = 1;
    return v.r;
}
static void puts_a_key(void) {
    put(v.r, 100, v.x.ref);
}

static const scene scenes[] = {
    {"publishing and growing", with_unpublished, publishes_and_grows, MINE, MN_EXTENT_OPEN, BYTES},
    {"opening a region", absent, region_opens, -1, .maps = 1},
    {"opening a region in the place of the dead", among_the_dead, region_opens, MINE,
     MN_EXTENT_SEALED, BYTES, .maps = 1},
    {"burying a neighbour", beside_the_dead, region_reaps, MINE, MN_EXTENT_SEALED, BYTES},
    {"closing a region with open extents", with_open_extents, region_closes, SECOND, MN_EXTENT_FREE,
     BYTES},
    {"opening an extent", join, opens_fresh, MINE, MN_EXTENT_OPEN, 0},
    {"opening an extent on warm pages", join, opens_warm, WARM, MN_EXTENT_OPEN, BYTES},
    {"opening an extent on pages of another shape", join, opens_wide, LARGE, MN_EXTENT_OPEN, 0},
    {"opening an extent when no range is free", without_range, opens_wide, LARGE, MN_EXTENT_OPEN,
     0},
    {"opening an extent in vain", with_the_only_range, opens_in_vain, LARGE, MN_EXTENT_OPEN, BYTES},
    {"charging and backing", with_empty, charges, MINE, MN_EXTENT_OPEN, BYTES},
    {"charging when others must leave", with_little_room, charges_much, IDLE, MN_EXTENT_FREE, 0},
    {"charging in vain", with_little_room, charges_in_vain, IDLE, MN_EXTENT_SEALED, BYTES},
    {"giving pages back", with_unpublished, gives_back, MINE, MN_EXTENT_OPEN, HALF},
    {"closing what was published", with_published, closes, MINE, MN_EXTENT_SEALED, BYTES},
    {"closing what was not", with_unpublished, closes, MINE, MN_EXTENT_FREE, BYTES},
    {"closing what never grew", with_nothing_to_read, closes, MINE, MN_EXTENT_FREE, 0},
    {"pinning and letting go", join, pins, READ, MN_EXTENT_SEALED, BYTES},
    {"evicting warm pages", for_one_more, evicts, WARM, MN_EXTENT_FREE, 0},
    {"evicting an extent", for_three_more, evicts, IDLE, MN_EXTENT_FREE, 0},
    {"evicting all that may go", for_three_more, cools, IDLE, MN_EXTENT_FREE, 0},
    {"forgetting", to_forget, forgets, DEAR, MN_EXTENT_FREE, 0},
    {"leaving memory for the disk", with_a_file, moves_out, IDLE, MN_EXTENT_SEALED, 0},
    {"a key into a window with room", with_published, puts_a_key, MINE, MN_EXTENT_OPEN, BYTES},
    {"a key into a full window", with_a_full_window, puts_a_key, MINE, MN_EXTENT_OPEN, BYTES},
};
enum { SCENES = sizeof scenes / sizeof *scenes };
static const scene heir = {"recovering", heir_comes, heir_reaps, -1, .heir = 1};
static const scene tenant = {"recovering in place", absent, region_opens, -1, .maps = 1};

#endif
