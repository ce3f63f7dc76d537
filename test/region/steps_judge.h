/* SPDX-License-Identifier: Apache-2.0
 *
 * test/region/steps_judge.h - a state that a death left is recovered by fresh code and judged.
 *
 * What must be there afterwards follows from the state alone, slot by slot, so the judge needs no
 * help of the code it judges: what had been published and counted is SEALED with the same words,
 * what was half way goes the way region/format.h says, nothing names a dead owner or is pinned by
 * one. Pages: a range never holds more than is charged for it, and rows an extent slot promises
 * (`backed`) have pages. Then life goes on (open, publish, read), the last living process dies,
 * too, and everything is cleared: the ledger is 0 and the file holds its tables and nothing else.
 *
 * Word i of extent `ref` is a function of both, so content of another epoch is noticed.
 */
#ifndef MN_TEST_STEPS_JUDGE_H
#define MN_TEST_STEPS_JUDGE_H
#include "steps.h"

/* Ranges: what the living process reads, has kept, left idle, left warm, writes; two more. */
enum { READ, DEAR, IDLE, WARM, GROWING, MINE, SECOND };
enum { SHAPE = 7, OTHER_SHAPE = 8, THIRD_SHAPE = 9 };
static const uint8_t seed[32] = {1, 2, 3};

static inline uint64_t word(mn_ref ref, uint64_t i) {
    uint64_t z = ref * 0xD1342543DE82EF95u + i * 0x9E3779B97F4A7C15u + 1;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    return z ^ (z >> 27);
}
static inline uint64_t *words(const mn_extent *x) {
    return (uint64_t *)(void *)x->data;
}
static inline void fill(const mn_extent *x, uint64_t from, uint64_t to) {
    for (; from < to; from++) words(x)[from] = word(x->ref, from);
}
/* Who begins with what another holds says so by an even anchor: half a publication is noticed. */
static inline mn_ref parent_of(uint64_t anchor) {
    return anchor % 2 ? 0 : mn_ref_make(0, range_slot(GROWING));
}
/* The first word that is not what its writer meant, or `n`. */
static inline uint64_t wrong(const mn_extent *x, uint64_t n) {
    uint64_t i = 0;
    while (i < n && words(x)[i] == word(x->ref, i)) i++;
    return i;
}

/* ---- process slots, extent slots ---------------------------------------------------------- */
static inline void judge_processes(const mn_region *r, const bed *b) {
    for (int i = 0; i < MN_REGION_PROCS; i++) {
        HOLDS(i == 0 || mn_byte_lock_held(b->locks, i) == (i == r->me), "byte %d is locked", i);
        const mn_proc_slot *p = mn_proc(r, i);
        const uint64_t state = mn_word_load(&p->state);
        HOLDS(state == (i == 0 || i == r->me), "process slot %d is in state %llu", i,
              (unsigned long long)state);
        for (int k = 0; k < MN_REGION_PINS && i; k++)
            HOLDS(!mn_word_load(p->pin + k), "pin %d of process slot %d is left", k, i);
    }
}

/* A slot as it was and as it is: only its state and when it was used may differ; and nobody moves
 * it any more. */
static inline int same_words(const mn_extent_slot *a, const mn_extent_slot *b) {
    uint64_t x[32], y[32];
    _Static_assert(sizeof x == sizeof *a, "all words of a slot");
    memcpy(x, a, sizeof x);
    memcpy(y, b, sizeof y);
    x[0] = y[0] = x[5] = y[5] = 0;
    x[offsetof(mn_extent_slot, moving) / sizeof *x] = 0;
    return !memcmp(x, y, sizeof x);
}

/* What died on its way to the disk is there, and has no pages; else nothing of it has changed, but
 * its file may have been about to go, so there is none. */
static inline int survived(const mn_extent_slot *was, const mn_extent_slot *is) {
    mn_extent_slot x = *was;
    if (!(mn_word_load(&was->flags) & MN_EXTENT_OUT)) {
        if (mn_word_load(&was->moving)) mn_word_store(&x.stored, 0);
        return same_words(&x, is);
    }
    mn_word_store(&x.charged, 0);
    mn_word_store(&x.backed, 0);
    return same_words(&x, is);
}

/* What became of slot i, which was as `im` shows it when its owner died; again: and so did who
 * buried it. */
static inline void judge_slot(const mn_region *r, const image *im, uint32_t i, int again) {
    const mn_extent_slot *was = image_slot(im, i), *is = mn_slot(r, i);
    const uint64_t old = mn_word_load(&was->state), now = mn_word_load(&is->state);
    const uint64_t epoch = mn_state_epoch(old);
    const uint64_t sealed = mn_state_make(epoch, 0, MN_EXTENT_SEALED);
    const uint64_t freed = mn_state_make(epoch + 1, 0, MN_EXTENT_FREE);
    const int published = mn_word_load(&was->flags) & MN_EXTENT_PUBLISHED;
    const uint64_t length = mn_word_load(&was->length);
    int good = 0;
    switch (mn_state_phase(old)) {
    case MN_EXTENT_FREE: good = now == old && same_words(was, is); break;
    case MN_EXTENT_SEALED: good = now == sealed && same_words(was, is); break;
    case MN_EXTENT_DYING: good = now == sealed && survived(was, is); break;
    case MN_EXTENT_GONE: good = now == freed; break;
    case MN_EXTENT_OPEN:
        if (mn_state_owner(old) == 1)
            good = now == old && same_words(was, is);
        else if (published && length)
            good = now == sealed && same_words(was, is);
        else if (published)
            good = now == freed || (again && now == sealed && same_words(was, is));
        else
            good = now == freed;
        break;
    default: break;
    }
    HOLDS(good, "extent slot %u: state %llx, length %llu became %llx, %llu", i,
          (unsigned long long)old, (unsigned long long)length, (unsigned long long)now,
          (unsigned long long)mn_word_load(&is->length));
    if (mn_state_phase(now) == MN_EXTENT_FREE)
        HOLDS(!mn_word_load(&is->length) && !mn_word_load(&is->flags) &&
                  !mn_word_load(&is->parent) && !mn_word_load(&is->anchor),
              "extent slot %u is free, and not empty", i);
}

static inline void judge_slots(const mn_region *r, const image *im, int again) {
    for (uint32_t i = 0; i < plan.slots; i++) judge_slot(r, im, i, again);
    for (int c = 0; c < MN_REGION_CLASSES; c++)
        for (uint32_t i = mn_class_end(r, c); i < plan.first[c + 1]; i++) {
            const mn_extent_slot none = {0};
            HOLDS(!memcmp(mn_slot(r, i), &none, sizeof none), "slot %u is in use, and nobody looks",
                  i);
        }
}

/* ---- content, pages, promises ------------------------------------------------------------- */
static inline void judge_content(mn_region *r) {
    MN_EACH_SLOT(r, c, i) {
        mn_extent x;
        const uint64_t state = mn_word_load(&mn_slot(r, i)->state);
        const int phase = mn_state_phase(state);
        if (phase != MN_EXTENT_SEALED && phase != MN_EXTENT_OPEN) continue;
        HOLDS(mn_extent_pin(r, mn_ref_make(mn_state_epoch(state), i), &x), "slot %u: no pin", i);
        const int out = (mn_word_load(&x.slot->flags) & MN_EXTENT_OUT) != 0; /* reading fills it */
        const uint64_t n = mn_word_load(&x.slot->length);
        const uint64_t bad = out ? n : wrong(&x, n <= BYTES / 8 ? n : 0);
        HOLDS(bad == n, "extent slot %u: word %llu of %llu is what nobody wrote", i,
              (unsigned long long)bad, (unsigned long long)n);
        const uint64_t anchor = mn_word_load(&x.slot->anchor);
        HOLDS(mn_word_load(&x.slot->flags) & MN_EXTENT_PUBLISHED && anchor &&
                  !memcmp(x.slot->seed, seed, sizeof seed) &&
                  mn_word_load(&x.slot->parent) == parent_of(anchor),
              "extent slot %u was published by halves (anchor %llu)", i,
              (unsigned long long)anchor);
        mn_extent_unpin(&x);
    }
}

/* Bytes of [from, to) that have pages. */
static inline uint64_t pages_in(const bed *b, uint64_t from, uint64_t to) {
    uint64_t n = 0;
    while (from < to) {
        const off_t data = lseek(b->file.fd, (off_t)from, SEEK_DATA);
        if (data < 0 || (uint64_t)data >= to) break;
        const uint64_t hole = (uint64_t)lseek(b->file.fd, data, SEEK_HOLE);
        n += (hole < to ? hole : to) - (uint64_t)data;
        from = hole;
    }
    return n;
}

static inline void judge_pages(const mn_region *r, const bed *b) {
    uint64_t all = tables, ledger = 0;
    MN_EACH_SLOT(r, c, i) {
        const uint64_t from = mn_slot_at(r, i, c),
                       held = pages_in(b, from, from + mn_class_bytes(c));
        const uint64_t charged = mn_word_load(&mn_slot(r, i)->charged);
        const uint64_t rows = mn_word_load(&mn_slot(r, i)->backed) * 8;
        HOLDS(held <= charged, "slot %u holds %llu bytes, and is charged %llu", i,
              (unsigned long long)held, (unsigned long long)charged);
        HOLDS(rows <= mn_class_bytes(c) && pages_in(b, from, from + rows) >= rows,
              "slot %u promises pages for %llu bytes and has %llu", i, (unsigned long long)rows,
              (unsigned long long)held);
        all += held;
        ledger += charged;
    }
    const uint64_t held = mn_sparse_held(&b->file), sum = mn_region_charged(r);
    HOLDS(!b->tmpfs || held == all, "the file holds %llu bytes, its extents %llu",
          (unsigned long long)held, (unsigned long long)all);
    HOLDS(sum == ledger, "the ledger says %llu, the extents %llu", (unsigned long long)sum,
          (unsigned long long)ledger);
}

static inline void judge_promises(mn_region *r, const journal *j) {
    mn_extent x;
    mn_ref found[MN_REGION_WINDOW];
    int missing = 0;
    for (int i = 0; i < j->n; i++) {
        if (!j->kept[i].ref) continue;
        HOLDS(mn_extent_pin(r, j->kept[i].ref, &x), "promised extent %d is lost", i);
        HOLDS(mn_word_load(&x.slot->length) >= j->kept[i].length,
              "%llu of %llu promised rows are left",
              (unsigned long long)mn_word_load(&x.slot->length),
              (unsigned long long)j->kept[i].length);
        mn_extent_unpin(&x);
    }
    for (int i = 0; i < j->keys; i++) {
        if (!j->key[i].ref) continue;
        int k = mn_index_find(r, j->key[i].key, found, MN_REGION_WINDOW);
        while (k && found[k - 1] != j->key[i].ref) k--;
        missing += !k;
    }
    HOLDS(missing <= j->spare, "%d keys cannot be found any more", missing);
}

/* ---- life goes on ------------------------------------------------------------------------- */
static inline void cycle(mn_region *r, uint64_t bytes, uint64_t shape) {
    const uint64_t key = 201;
    mn_extent x;
    mn_ref found[MN_REGION_WINDOW];
    HOLDS(mn_extent_open(r, bytes, shape, &x) == 0, "open: %s", mn_error_detail());
    if (mn_word_load(&x.slot->backed) * 8 < BYTES) {
        HOLDS(mn_extent_charge(&x, BYTES) == 0, "charge: %s", mn_error_detail());
        HOLDS(mn_extent_back(&x, 0, BYTES) == 0, "back: %s", mn_error_detail());
        mn_word_store(&x.slot->backed, BYTES / 8);
    }
    fill(&x, 0, BYTES / 8);
    mn_extent_publish(&x, seed, 0, key);
    mn_extent_grow(&x, BYTES / 8);
    mn_index_put(r, key, x.ref);
    const mn_ref ref = x.ref;
    mn_extent_close(&x);
    int k = mn_index_find(r, key, found, MN_REGION_WINDOW);
    while (k && found[k - 1] != ref) k--;
    HOLDS(k && mn_extent_pin(r, ref, &x), "what was published later is not found");
    HOLDS(wrong(&x, mn_word_load(&x.slot->length)) == BYTES / 8, "a later extent is torn");
    mn_extent_unpin(&x);
}

/* Nobody else is alive any more, nothing is kept: everything leaves. */
static inline void empty(mn_region *r, const bed *b) {
    MN_EACH_SLOT(r, c, i) {
        mn_extent_slot *s = mn_slot(r, i);
        HOLDS(mn_state_phase(mn_word_load(&s->state)) != MN_EXTENT_OPEN, "slot %u is open", i);
        if (mn_word_load(&s->flags)) mn_word_store(&s->flags, MN_EXTENT_PUBLISHED);
    }
    mn_region_clear(r);
    HOLDS(mn_region_charged(r) == 0, "the ledger is not empty: %llu",
          (unsigned long long)mn_region_charged(r));
    MN_EACH_SLOT(r, c, i) {
        HOLDS(mn_state_phase(mn_word_load(&mn_slot(r, i)->state)) == MN_EXTENT_FREE,
              "slot %u is not free", i);
    }
    HOLDS(!pages_in(b, plan.data_at, plan.size), "pages were lost");
    judge_pages(r, b);
}

/* Recover from `im` on bed `b`; it was reached from `first`. In place: by who takes the process
 * slot of the dead; else by a neighbour. */
static inline void mend(bed *b, const image *im, const image *first, int in_place) {
    mn_region *r;
    int dead = 0;
    at.way = in_place ? ", in place" : ", by a neighbour";
    restore(b, im);
    for (int i = 1; i < PROCS; i++) {
        dead +=
            mn_word_load(&((mn_proc_slot *)(void *)(im->tables + plan.procs_at) + i)->state) != 0;
        if (!in_place) hold(b, i);
    }
    HOLDS(mn_region_open(b->path, 0, -1, &r) == 0, "opening fails: %s", mn_error_detail());
    for (int i = 1; i < PROCS && !in_place; i++) let(b, i);
    HOLDS(r->me == (in_place ? 1 : PROCS), "process slot %d was taken", r->me);
    const int n = mn_region_reap(r);
    HOLDS(n == (in_place ? 0 : dead), "%d buried, %d are dead", n, dead);
    judge_processes(r, b);
    judge_slots(r, im, 0);
    judge_slots(r, first, im != first);
    judge_content(r);
    judge_pages(r, b);
    judge_promises(r, &im->told);
    cycle(r, BYTES, SHAPE);
    cycle(r, BYTES, THIRD_SHAPE);
    cycle(r, mn_class_bytes(LARGE_CLASS), SHAPE);
    judge_pages(r, b);
    judge_content(r);
    let(b, 0);
    HOLDS(mn_region_reap(r) == 1, "the last neighbour was not buried");
    empty(r, b);
    mn_region_close(&r);
    hold(b, 0);
    at.way = "";
}

#endif
