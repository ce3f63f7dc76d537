/* SPDX-License-Identifier: Apache-2.0
 *
 * kv/extent.c - two homes for rows, and how their pages come and go.
 *
 * Pages are counted plane by plane: `rows` rows of a plane take its first
 * ceil(bytes(rows) / 4096) pages. Anonymous memory is booked in the budget in blocks of 512 rows,
 * for the kernel brings its pages without being asked; in the region they are charged to the ledger
 * and asked for first, page by page, for a hole that cannot be filled there would be a SIGBUS.
 */
#include "kv/extent.h"

#include "base/alloc.h"
#include "base/budget.h"
#include "base/error.h"
#include "base/hash.h"

enum { PAGE = 4096, BLOCK = MN_ATTN_BLOCK, STEP = 16 };

static uint64_t pages(uint64_t bytes) {
    return (bytes + PAGE - 1) / PAGE * PAGE;
}
static uint64_t plane_bytes(const mn_kv_layout *l, int rows) {
    return rows > 0 ? mn_kv_plane_bytes(l->format, rows, l->d) : 0;
}
static uint64_t planes(const mn_kv_layout *l) {
    return (uint64_t)l->layers * 2 * (uint64_t)l->heads;
}
static uint64_t total(const mn_kv_layout *l, int rows) {
    return PAGE + pages((uint64_t)rows * sizeof(int32_t)) + planes(l) * pages(plane_bytes(l, rows));
}

/* The most rows, in whole groups of 16, that fit into `bytes`. */
static int capacity(const mn_kv_layout *l, uint64_t bytes) {
    int low = 0, high = 1 << 24; /* in groups of 16; total() only grows */
    while (low < high) {
        const int mid = low + (high - low + 1) / 2;
        if (total(l, mid * 16) <= bytes)
            low = mid;
        else
            high = mid - 1;
    }
    return low * 16;
}

static uint64_t front_bytes(int rows) {
    return PAGE + pages((uint64_t)rows * sizeof(int32_t));
}

static void lay_out(const mn_kv_layout *l, mn_kv_extent *e) {
    e->head = (mn_kv_head *)(void *)e->data;
    e->tokens = (int32_t *)(void *)(e->data + PAGE);
    e->plane_bytes = pages(plane_bytes(l, e->rows));
    e->planes = e->data + front_bytes(e->rows);
}

/* The same for what is read only, wherever it is: 1 when it is what it should be. */
static int lay_out_image(const mn_kv_layout *l, mn_kv_extent *e) {
    const mn_image *i = &e->image;
    e->head = (mn_kv_head *)(uintptr_t)i->front;
    const uint64_t rows = mn_word_load(&e->head->rows);
    if (mn_word_load(&e->head->magic) != MN_KV_MAGIC || i->n != planes(l) ||
        rows > (uint64_t)capacity(l, e->x.bytes) ||
        (uint64_t)(i->planes - i->front) != front_bytes((int)rows))
        return 0;
    e->rows = rows < i->rows ? (int)rows : (int)i->rows;
    if (i->stride < pages(plane_bytes(l, e->rows))) return 0;
    e->tokens = (int32_t *)(uintptr_t)(i->front + PAGE);
    e->planes = (uint8_t *)(uintptr_t)i->planes;
    e->plane_bytes = i->stride;
    return 1;
}

/* What a row is, for the region: ranges of one shape can hand on their pages. */
static uint64_t shape_of(const mn_kv_layout *l) {
    const int what[] = {l->layers, l->heads, l->d, (int)l->format};
    return mn_hash64(what, sizeof what) | 1;
}

int mn_kv_extent_open(const mn_kv_layout *l, int rows, mn_region *region, mn_kv_extent **out) {
    *out = NULL;
    mn_kv_extent *e = mn_calloc(1, sizeof *e);
    if (!e) return MN_FAIL(MN_ENOMEM, "no memory for a sequence");
    *e = (mn_kv_extent){.users = 1, .layout = *l, .mine = 1, .rows = rows, .bytes = total(l, rows)};
    if (l->layers > MN_KV_LAYERS) region = NULL;
    if (region) {
        const int rc = mn_extent_open(region, e->bytes, shape_of(l), &e->x);
        if (rc < 0) {
            mn_free(e);
            return rc;
        }
        e->data = e->x.data;
        e->bytes = e->x.bytes;
        e->rows = capacity(l, e->bytes);
        e->backed = (int)mn_word_load(&e->x.slot->backed);
    } else {
        void *data = NULL;
        if (mn_reserve_pages(e->bytes, "keys and values", &data) < 0) {
            const size_t bytes = e->bytes;
            mn_free(e);
            return MN_FAIL(MN_ENOMEM,
                           "no address space for the keys and values of %d tokens (%zu bytes); "
                           "choose a smaller --ctx",
                           rows, bytes);
        }
        e->data = data;
    }
    lay_out(l, e);
    if (region) {
        const uint64_t first = front_bytes(e->rows);
        mn_extent_lay(&e->x, first, planes(l), e->plane_bytes, plane_bytes(l, 16));
        int rc = mn_word_load(&e->x.slot->charged) ? 0 : mn_extent_charge(&e->x, first);
        if (rc >= 0) rc = mn_extent_back(&e->x, 0, first); /* no news for pages that are there */
        if (rc < 0) {
            mn_kv_extent_release(&e);
            return rc;
        }
        for (int i = 0; i < MN_KV_LAYERS; i++) mn_word_store(e->head->gone + i, 0);
        mn_word_store(&e->head->planned, 0);
    }
    mn_word_store(&e->head->rows, (uint64_t)e->rows);
    mn_word_store(&e->head->magic, MN_KV_MAGIC);
    *out = e;
    return 0;
}

static int said_gone(const mn_kv_extent *e, int layer) {
    const uint64_t n = mn_word_load(e->head->gone + layer);
    return n < (uint64_t)e->rows ? (int)n : e->rows;
}
int mn_kv_extent_gone(const mn_kv_extent *e, int layer) {
    return e->mine ? said_gone(e, layer) : e->gone[layer];
}

mn_kv_extent *mn_kv_extent_attach(const mn_kv_layout *l, mn_region *region, mn_ref ref) {
    mn_extent x;
    if (!mn_extent_pin(region, ref, &x)) return NULL;
    mn_kv_extent *e = mn_calloc(1, sizeof *e);
    if (e) *e = (mn_kv_extent){.users = 1, .layout = *l, .x = x, .data = x.data, .bytes = x.bytes};
    if (e && mn_word_load(&x.slot->shape) == shape_of(l)) {
        if (mn_extent_image(&e->x, &e->image) && lay_out_image(l, e)) {
            for (int i = 0; i < MN_KV_LAYERS; i++) e->gone[i] = said_gone(e, i);
            return e;
        }
        mn_image_free(&e->image);
    }
    mn_free(e);
    mn_extent_unpin(&x);
    return NULL;
}

int mn_kv_extent_out(const mn_kv_extent *e) {
    return e->image.map.data != NULL;
}

uint64_t mn_kv_extent_mapped(const mn_kv_extent *e, int rows) {
    enum { AROUND = 64 << 10 }; /* bytes, before the page and behind it */
    if (!mn_kv_extent_out(e)) return 0;
    const uint64_t most = e->image.map.size,
                   each = plane_bytes(&e->layout,
                                      (rows + MN_TIER_ROWS - 1) / MN_TIER_ROWS * MN_TIER_ROWS),
                   all = planes(&e->layout) * (each + 2 * AROUND);
    return all < most ? all : most;
}

int mn_kv_extent_fetch(mn_kv_extent *e, int rows) {
    const mn_tier *t = e->image.tier;
    if (!t || !t->prove || e->proven || rows <= 0) return 0;
    t->fetch(&e->image, (uint64_t)rows);
    if (mn_extent_proven(&e->x, &e->image) >= (uint64_t)rows) return 0;
    MN_TRY(t->prove(&e->x, &e->image, -1, 0));
    const int n = e->rows; /* all that can be read */
    e->blocks = (n + MN_TIER_ROWS - 1) / MN_TIER_ROWS;
    const uint64_t all = planes(&e->layout) * (uint64_t)e->blocks;
    mn_word *bits = mn_calloc(all / 64 + 1, sizeof *bits);
    if (!bits) return MN_FAIL(MN_ENOMEM, "no memory for the sums of %d tokens", n);
    atomic_store(&e->unproven, (int)all);
    e->proven = bits;
    return 0;
}

int mn_kv_extent_arrived(const mn_kv_extent *e, int rows) {
    const mn_tier *t = e->image.tier;
    return !t || !t->arrived || rows <= 0 || t->arrived(&e->image, (uint64_t)rows);
}

void mn_kv_extent_prove(mn_kv_extent *e, int plane, int row, int n) {
    if (!e->proven) return;
    for (int b = row / MN_TIER_ROWS; b * MN_TIER_ROWS < row + n && b < e->blocks; b++) {
        const uint64_t i = (uint64_t)plane * (uint64_t)e->blocks + (uint64_t)b;
        const uint64_t bit = (uint64_t)1 << i % 64;
        if (mn_word_load(e->proven + i / 64) & bit) continue;
        if (e->image.tier->prove(&e->x, &e->image, plane, (uint64_t)b) < 0) {
            atomic_store(&e->bad, 1);
            return;
        }
        if (mn_word_set(e->proven + i / 64, bit) & bit) continue; /* another thread was faster */
        if (atomic_fetch_sub(&e->unproven, 1) == 1) mn_extent_believe(&e->x, (uint64_t)e->rows);
    }
}

int mn_kv_extent_bad(const mn_kv_extent *e) {
    return atomic_load(&e->bad) || !mn_image_intact(&e->image);
}

void mn_kv_extent_reject(mn_kv_extent *e) {
    mn_extent_reject(&e->x);
}

mn_kv_extent *mn_kv_extent_retain(mn_kv_extent *e) {
    atomic_fetch_add(&e->users, 1);
    return e;
}

static uint64_t plane_at(const mn_kv_extent *e, uint64_t plane) {
    return (uint64_t)(e->planes - e->data) + plane * e->plane_bytes;
}

/* The writer goes: pages asked for ahead go back. */
static void trim_pages(const mn_kv_layout *l, mn_kv_extent *e) {
    const int length = mn_kv_extent_length(e);
    const uint64_t keep = pages(plane_bytes(l, length)), old = pages(plane_bytes(l, e->backed));
    if (keep >= old) return;
    mn_word_store(&e->x.slot->backed, (uint64_t)length); /* said before it is so */
    for (uint64_t p = 0; p < planes(l); p++)
        mn_extent_release(&e->x, plane_at(e, p) + keep, old - keep);
    mn_extent_uncharge(&e->x, (old - keep) * planes(l));
}

void mn_kv_extent_seal(mn_kv_extent *e) {
    if (!e->x.region || !e->mine || !mn_kv_extent_length(e)) return;
    trim_pages(&e->layout, e);
    for (int i = 0; i < MN_KV_LAYERS; i++) e->gone[i] = said_gone(e, i);
    if (mn_extent_seal(&e->x)) e->mine = 0;
}

void mn_kv_extent_release(mn_kv_extent **pe) {
    mn_kv_extent *e = *pe;
    *pe = NULL;
    if (!e || atomic_fetch_sub(&e->users, 1) != 1) return;
    mn_budget_give(e->booked);
    if (!e->x.region) {
        mn_unreserve_pages(e->data, e->bytes);
    } else if (e->mine) {
        trim_pages(&e->layout, e);
        mn_extent_close(&e->x);
    } else {
        mn_image_free(&e->image);
        mn_extent_unpin(&e->x);
    }
    mn_free(e->proven);
    mn_free(e);
}

/* ---- pages -------------------------------------------------------------------------------- */

static int back_anonymous(const mn_kv_layout *l, mn_kv_extent *e, int rows) {
    const int blocks = (rows + BLOCK - 1) / BLOCK - e->backed / BLOCK;
    const uint64_t bytes = (uint64_t)blocks * plane_bytes(l, BLOCK) * planes(l);
    MN_TRY(mn_budget_take(bytes, "the KV cache"));
    e->booked += bytes;
    e->backed += blocks * BLOCK;
    return 0;
}

static int back_region(const mn_kv_layout *l, mn_kv_extent *e, int rows) {
    if (rows - e->backed <= STEP && rows > STEP) /* one by one: ask less often */
        rows = rows + MN_KV_AHEAD < e->rows ? rows + MN_KV_AHEAD : e->rows;
    const uint64_t old = pages(plane_bytes(l, e->backed)), new = pages(plane_bytes(l, rows)),
                   n = planes(l), bytes = (new - old) * n;
    while (rows + 16 <= e->rows && pages(plane_bytes(l, rows + 16)) == new) rows += 16;
    MN_TRY(mn_budget_take(bytes, "the KV cache"));
    int rc = mn_extent_charge(&e->x, bytes);
    uint64_t done = 0;
    if (rc >= 0 && new > old) {
        for (; rc >= 0 && done < n; done++)
            rc = mn_extent_back(&e->x, plane_at(e, done) + old, new - old);
        if (rc < 0) { /* all or nothing */
            while (done--) mn_extent_release(&e->x, plane_at(e, done) + old, new - old);
            mn_extent_uncharge(&e->x, bytes);
        }
    }
    if (rc < 0) {
        mn_budget_give(bytes);
        return rc;
    }
    e->booked += bytes;
    e->backed = rows;
    mn_word_store(&e->x.slot->backed, (uint64_t)rows);
    return 0;
}

int mn_kv_extent_back(const mn_kv_layout *l, mn_kv_extent *e, int rows) {
    if (rows <= e->backed) return 0;
    return e->x.region ? back_region(l, e, rows) : back_anonymous(l, e, rows);
}

/* Give [from, to) of the planes of one layer back, page by page: bytes that left. */
static uint64_t give(const mn_kv_layout *l, mn_kv_extent *e, int layer, uint64_t from,
                     uint64_t to) {
    const uint64_t each = 2 * (uint64_t)l->heads;
    for (uint64_t p = 0; p < each; p++) {
        const uint64_t at = plane_at(e, (uint64_t)layer * each + p);
        if (e->x.region)
            mn_extent_release(&e->x, at + from, to - from);
        else
            mn_release_pages(e->data, at + from, at + to);
    }
    return (to - from) * each;
}

static void unbook(mn_kv_extent *e, uint64_t bytes) {
    if (bytes > e->booked) bytes = e->booked; /* warm pages were never ours */
    e->booked -= bytes;
    mn_budget_give(bytes);
}

void mn_kv_extent_drop(const mn_kv_layout *l, mn_kv_extent *e, int layer, int from, int to) {
    const uint64_t a = plane_bytes(l, from) / PAGE * PAGE, b = plane_bytes(l, to) / PAGE * PAGE;
    const uint64_t bytes = give(l, e, layer, a, b);
    if (e->x.region) mn_extent_uncharge(&e->x, bytes);
    unbook(e, e->x.region ? bytes
                          : (uint64_t)((to - from) / BLOCK) * plane_bytes(l, BLOCK) * 2 *
                                (uint64_t)l->heads);
}

/* Anonymous memory only: what is in the region is never written again. */
void mn_kv_extent_cut(const mn_kv_layout *l, mn_kv_extent *e, int rows) {
    const int keep = (rows + BLOCK - 1) / BLOCK * BLOCK;
    if (e->x.region || keep >= e->backed) return;
    uint64_t blocks = 0;
    for (int layer = 0; layer < l->layers; layer++) {
        const int gone = layer < MN_KV_LAYERS ? (int)mn_word_load(e->head->gone + layer) : 0;
        give(l, e, layer, plane_bytes(l, keep), e->plane_bytes);
        blocks += (uint64_t)(e->backed - (gone > keep ? gone : keep)) / BLOCK;
        if (gone > keep) mn_word_store(e->head->gone + layer, (uint64_t)keep);
    }
    e->backed = keep;
    unbook(e, blocks * plane_bytes(l, BLOCK) * 2 * (uint64_t)l->heads);
}

int mn_kv_extent_alone(mn_kv_extent *e) {
    return atomic_load(&e->users) == 1 && (!e->x.region || !mn_extent_shared(&e->x));
}
