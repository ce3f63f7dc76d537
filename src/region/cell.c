/* SPDX-License-Identifier: Apache-2.0
 *
 * region/cell.c - cells: claimed in turn, filled, read, freed; pages come before they are used.
 *
 * A class grows by some cells at a time: they are charged to the ledger first (cell_top), then they
 * get pages, then others may take them (cell_ready). A death in between leaves cells that are
 * charged and have no pages: the next one who grows the class goes on from there. Cells keep their
 * pages for ever, for the next value.
 */
#include "region/cell.h"

#include "base/error.h"

#include <string.h>
#include <time.h>

enum { BATCH = 16384, LEAST = 4, LOOK = 64 };

uint64_t mn_cell_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_REALTIME_COARSE, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* ---- reading ------------------------------------------------------------------------------ */
static uint32_t cells_of(const mn_region *r, int c) {
    return r->plan.cell_first[c + 1] - r->plan.cell_first[c];
}

uint32_t mn_cells_ready(const mn_region *r, int c) {
    const uint64_t n = mn_word_load(mn_tops(r)->cell_ready + c);
    return n < cells_of(r, c) ? (uint32_t)n : cells_of(r, c);
}

static int class_of(const mn_region *r, uint32_t i) {
    int c = 0;
    while (c < MN_REGION_CELLS && i >= r->plan.cell_first[c + 1]) c++;
    return c;
}

static mn_cell *cell_at(const mn_region *r, int c, uint32_t i) {
    const uint64_t at =
        r->plan.cell_at[c] + (uint64_t)(i - r->plan.cell_first[c]) * mn_cell_bytes(c);
    return (mn_cell *)(void *)(r->file.data + at);
}

static size_t padded(size_t n) {
    return (n + 7) / 8 * 8;
}

int mn_cell_read(const mn_region *r, uint32_t one_more, mn_cell_head *out) {
    const uint32_t i = one_more - 1;
    const int c = class_of(r, i);
    if (c >= MN_REGION_CELLS || i - r->plan.cell_first[c] >= mn_cells_ready(r, c)) return 0;
    mn_cell *const x = cell_at(r, c, i);
    *out = (mn_cell_head){.at = x, .index = i, .tag = mn_word_load(&x->tag)};
    const uint64_t length = mn_word_load(&x->length), next = mn_word_load(&x->next);
    out->next = next < r->plan.cell_first[MN_REGION_CELLS] + 1 ? (uint32_t)next : UINT32_MAX;
    out->version = mn_word_load(&x->version);
    out->expiry = mn_word_load(&x->expiry);
    out->hash = mn_word_load(&x->hash);
    out->born = mn_word_load(&x->born);
    out->key = (uint32_t)(length & 0xfff);
    out->kind = (int)(length >> 12 & 3);
    out->durable = (length & MN_CELL_DURABLE) != 0;
    out->value = (uint32_t)(length >> 16);
    const uint64_t room = mn_cell_bytes(c) - sizeof *x;
    return length >> 48 == 0 && out->key <= 255 && padded(out->key) <= room &&
           padded(out->value) <= room - padded(out->key);
}

void mn_cell_copy_out(void *to, const mn_word *from, size_t n) {
    char *p = to;
    for (; n >= 8; n -= 8, p += 8) {
        const uint64_t v = mn_word_load(from++);
        memcpy(p, &v, 8);
    }
    if (!n) return;
    const uint64_t v = mn_word_load(from);
    memcpy(p, &v, n);
}

void mn_cell_copy_in(mn_word *to, const void *from, size_t n) {
    const char *p = from;
    uint64_t v;
    for (; n >= 8; n -= 8, p += 8) {
        memcpy(&v, p, 8);
        mn_word_store(to++, v);
    }
    if (!n) return;
    v = 0;
    memcpy(&v, p, n);
    mn_word_store(to, v);
}

int mn_cell_has_key(const mn_cell_head *h, uint64_t hash, const char *key, size_t n) {
    const mn_word *w = h->at->body;
    if (h->hash != hash || h->key != n) return 0;
    for (; n >= 8; n -= 8, key += 8) {
        uint64_t v;
        memcpy(&v, key, 8);
        if (mn_word_load(w++) != v) return 0;
    }
    uint64_t v = 0;
    memcpy(&v, key, n);
    return !n || mn_word_load(w) == v;
}

int mn_cell_same_key(const mn_cell_head *a, const mn_cell_head *b) {
    if (a->hash != b->hash || a->key != b->key) return 0;
    for (uint32_t i = 0; i < (a->key + 7) / 8; i++)
        if (mn_word_load(a->at->body + i) != mn_word_load(b->at->body + i)) return 0;
    return 1;
}

int mn_cell_find(const mn_region *r, uint32_t one_more, mn_cell_head *out) {
    const uint32_t i = one_more - 1;
    const int c = class_of(r, i);
    if (c >= MN_REGION_CELLS || i - r->plan.cell_first[c] >= mn_cells_ready(r, c)) return 0;
    mn_cell *const x = cell_at(r, c, i);
    *out = (mn_cell_head){.at = x, .index = i, .tag = mn_word_load(&x->tag)};
    return 1;
}

/* ---- claiming ----------------------------------------------------------------------------- */
/* Does cell i become ours? Only one that is free does. */
static int win(mn_region *r, int c, uint32_t i, mn_cell_head *out) {
    mn_cell *const x = cell_at(r, c, i);
    const uint64_t tag = mn_word_load(&x->tag);
    if (mn_tag_phase(tag) != MN_CELL_FREE) return 0;
    const uint64_t mine = mn_tag_make(mn_tag_generation(tag), r->me + 1, MN_CELL_OWNED);
    if (!mn_word_cas(&x->tag, tag, mine)) return 0;
    *out = (mn_cell_head){.at = x, .index = i, .tag = mine};
    return 1;
}

/* The next free one among `look` cells of the class. */
static int search(mn_region *r, int c, uint32_t look, mn_cell_head *out) {
    const uint32_t n = mn_cells_ready(r, c);
    for (uint32_t k = 0; n && k < look && k < n; k++) {
        const uint64_t turn = mn_word_add(mn_tops(r)->cell_next + c, 1);
        if (win(r, c, r->plan.cell_first[c] + (uint32_t)(turn % n), out)) return 1;
    }
    return 0;
}

/* More cells of the class: 1, 0 when it has all it can have, or MN_EFULL. */
static int grow(mn_region *r, int c) {
    const uint32_t from = mn_cells_ready(r, c), all = cells_of(r, c);
    const uint32_t more = mn_cell_bytes(c) < BATCH ? (uint32_t)(BATCH / mn_cell_bytes(c)) : 1;
    const uint32_t to = all - from < more ? all : from + more;
    const uint64_t bytes = (to - from) * mn_cell_bytes(c);
    mn_word *const top = mn_tops(r)->cell_top + c;
    if (from == all) return 0;
    uint64_t charged = mn_word_load(top);
    if (charged < to) MN_TRY(mn_region_evict(r, bytes));
    while ((charged = mn_word_load(top)) < to && !mn_word_cas(top, charged, to)) continue;
    MN_TRY(mn_region_evict(r, 0)); /* others may have charged at the same time */
    MN_TRY(mn_sparse_back(&r->file, r->plan.cell_at[c] + from * mn_cell_bytes(c), bytes));
    mn_word_cas(mn_tops(r)->cell_ready + c, from, to);
    return 1;
}

/* Cells are used in turn, so some more than are in use make a slow reader's life easier. */
static int claim_of(mn_region *r, int c, mn_cell_head *out) {
    const uint32_t few =
        mn_cell_bytes(c) * LEAST < BATCH ? (uint32_t)(BATCH / mn_cell_bytes(c)) : (uint32_t)LEAST;
    int rc = 1;
    while (rc > 0 && mn_cells_ready(r, c) < few) rc = grow(r, c);
    for (;;) {
        if (search(r, c, LOOK, out)) return 1;
        if (rc <= 0) return search(r, c, UINT32_MAX, out) ? 1 : rc;
        rc = grow(r, c);
    }
}

/* Is the cell in the chain of its bucket? 1, 0, or -1 when the bucket has changed meanwhile. */
static int chained(const mn_region *r, uint32_t index, uint64_t hash) {
    mn_word *const bucket = mn_bucket(r, hash);
    const uint64_t word = mn_word_load(bucket);
    mn_cell_head h;
    uint32_t i = mn_bucket_first(word);
    for (int steps = 0; i && i != index + 1 && steps < MN_CELL_CHAIN; steps++) {
        if (!mn_cell_read(r, i, &h)) break;
        i = h.next;
    }
    if (mn_word_load(bucket) != word) return -1;
    return i != 0; /* 1 also when the chain is damaged */
}

/* A cell that is in no chain, and was left by the dead slot `owner` - 1 or had been in one, is
 * free; one that is there is live. */
void mn_cell_mend(mn_region *r, uint32_t i, int owner) {
    mn_cell_head h;
    const int c = class_of(r, i);
    for (int there = -1; there < 0;) {
        mn_cell *const x = cell_at(r, c, i);
        h = (mn_cell_head){.at = x, .index = i, .tag = mn_word_load(&x->tag)};
        const int phase = mn_tag_phase(h.tag), owned = mn_state_owner(h.tag) == owner;
        if (phase == MN_CELL_FREE || (phase != MN_CELL_LIVE && !owned)) return;
        if (phase >= MN_COMMIT_OPEN) {
            mn_commit_bury(r, &h);
            return;
        }
        there = chained(r, i, mn_word_load(&x->hash));
        if (there == 0) {
            const uint64_t next = mn_tag_make(mn_tag_generation(h.tag) + 1, 0, MN_CELL_FREE);
            mn_word_cas(&x->tag, h.tag, next);
        } else if (there > 0 && phase == MN_CELL_OWNED) {
            mn_cell_settle(&h);
        }
    }
}

void mn_cells_bury(mn_region *r, int p) {
    MN_EACH_CELL(r, i) mn_cell_mend(r, i, p + 1);
}

void mn_cells_announce(mn_region *r) {
    mn_word *const puts = &mn_proc(r, r->me)->puts;
    if (!mn_word_peek(puts)) mn_word_announce(puts, 1);
}

int mn_cell_claim(mn_region *r, size_t key, size_t value, mn_cell_head *out) {
    const size_t bytes = sizeof(mn_cell) + padded(key) + padded(value);
    int rc = MN_EFULL;
    for (int c = 0; c < MN_REGION_CELLS; c++) {
        if (mn_cell_bytes(c) < bytes) continue;
        if ((rc = claim_of(r, c, out)) > 0) break;
        if (rc < 0) return rc;
    }
    if (rc <= 0)
        return MN_FAIL(MN_EFULL, "%s has no cell left for an object of %zu bytes: delete some",
                       r->file.path, value);
    out->key = (uint32_t)key;
    out->value = (uint32_t)value;
    return 0;
}

int mn_cell_claim_ready(mn_region *r, size_t key, size_t value, mn_cell_head *out) {
    const size_t bytes = sizeof(mn_cell) + padded(key) + padded(value);
    for (int c = 0; c < MN_REGION_CELLS; c++) {
        if (mn_cell_bytes(c) < bytes || !search(r, c, UINT32_MAX, out)) continue;
        out->key = (uint32_t)key;
        out->value = (uint32_t)value;
        return 1;
    }
    return 0;
}

void mn_cell_say(const mn_cell_head *h) {
    const uint64_t durable = h->durable ? MN_CELL_DURABLE : 0;
    mn_word_store(&h->at->length,
                  (uint64_t)h->value << 16 | durable | (uint64_t)h->kind << 12 | h->key);
}

void mn_cell_fill(const mn_region *r, mn_cell_head *h, const char *key, const void *value) {
    mn_word_store(&h->at->hash, h->hash);
    mn_word_store(&h->at->expiry, h->expiry);
    mn_word_store(&h->at->born, h->born);
    mn_cell_say(h);
    mn_word_store(&h->at->writer, r->pid);
    mn_cell_copy_in(h->at->body, key, h->key);
    mn_cell_copy_in(h->at->body + (h->key + 7) / 8, value, h->value);
}

uint64_t mn_cell_free(mn_cell_head *h) {
    const uint64_t generation = mn_tag_generation(h->tag);
    for (;;) {
        const uint64_t tag = mn_word_load(&h->at->tag);
        if (mn_tag_generation(tag) != generation) return 0;
        if (mn_word_cas(&h->at->tag, tag, mn_tag_make(generation + 1, 0, MN_CELL_FREE))) return tag;
    }
}

/* Another tag for this generation, if it is there still: it becomes LIVE, with `bits`. */
static void live(mn_cell_head *h, uint64_t bits) {
    for (;;) {
        const uint64_t tag = mn_word_load(&h->at->tag);
        const uint64_t generation = mn_tag_generation(tag);
        if (generation != mn_tag_generation(h->tag)) return;
        const uint64_t logged = (tag | bits) & MN_CELL_LOGGED;
        const uint64_t next = mn_tag_make(generation, 0, MN_CELL_LIVE) | logged;
        if (tag == next || mn_word_cas(&h->at->tag, tag, next)) return;
    }
}
void mn_cell_settle(mn_cell_head *h) {
    live(h, 0);
}
void mn_cell_mark_logged(mn_cell_head *h) {
    live(h, MN_CELL_LOGGED);
}

uint64_t mn_cells_charged(const mn_region *r) {
    uint64_t sum = 0;
    for (int c = 0; c < MN_REGION_CELLS; c++) {
        const uint64_t n = mn_word_load(mn_tops(r)->cell_top + c), all = cells_of(r, c);
        sum += (n < all ? n : all) * mn_cell_bytes(c);
    }
    return sum;
}

int mn_cells_begin(mn_region *r) {
    if (r->me < 0)
        return MN_FAIL(MN_EBUSY,
                       "%s was opened before this process was forked; open it again in the child",
                       r->file.path);
    if (atomic_load_explicit(&r->objects, memory_order_relaxed)) return 0;
    MN_TRY(mn_sparse_back(&r->file, r->plan.buckets_at, r->plan.cell_at[0] - r->plan.buckets_at));
    atomic_store(&r->objects, 1);
    return 0;
}
