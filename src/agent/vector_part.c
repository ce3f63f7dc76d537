/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/vector_part.c - parts of vectors, and how those in the region come and go.
 *
 * Who makes a part claims its extent first and asks the store again when all of it is written: what
 * was forgotten meanwhile is seen by him there, or by who forgets here, among the claims. Neither
 * waits for the other, and who dies in between has published nothing.
 */
#include "agent/vector_part.h"

#include "agent/vectors.h"
#include "base/alloc.h"
#include "base/error.h"
#include "base/hash.h"

#include <math.h>
#include <string.h>
#include <time.h>

enum { PAGE = MN_REGION_PAGE, CLAIMS = 4096, NAP_MS = 5 };

static size_t bytes_of(size_t dim, size_t room) {
    return room * (dim + mn_scan_sketch_bytes((int)dim) + sizeof(int64_t) + sizeof(float));
}
/* Of an extent, in pages. Rows in tens of sixteen keep what stands behind them aligned. */
static size_t room_of(uint64_t rows) {
    return (size_t)(rows + 15) / 16 * 16;
}
static uint64_t extent_bytes(size_t dim, uint64_t rows) {
    return mn_page_up(PAGE + bytes_of(dim, room_of(rows)));
}

/* ---- rows --------------------------------------------------------------------------------- */
int mn_vector_part_own(int dim, mn_vector_part *out) {
    void *data;
    *out = (mn_vector_part){.dim = (size_t)dim, .room = MN_VECTOR_PART};
    MN_TRY(mn_alloc_pages(bytes_of(out->dim, out->room), "vectors of records", &data));
    out->data = data;
    return 0;
}

/* What makes codes a vector of length 1; 0: they point nowhere. */
static float unit(const mn_kernels *k, const int8_t *codes, size_t dim) {
    int32_t square;
    k->dots(codes, (int)dim, codes, dim, 1, &square);
    return square > 0 ? (float)(1 / sqrt((double)square)) : 0;
}

void mn_vector_part_set(const mn_kernels *k, mn_vector_part *p, size_t row, int64_t id,
                        const int8_t *bytes) {
    int8_t *const codes = mn_vector_codes(p, row);
    memcpy(codes, bytes, p->dim);
    for (size_t d = 0; d < p->dim; d++)
        if (codes[d] == INT8_MIN) codes[d] = -INT8_MAX; /* none of ours, but the kernels' bound */
    mn_scan_sketch(codes, (int)p->dim, mn_vector_sketch(p, row));
    mn_vector_scales(p)[row] = unit(k, codes, p->dim); /* what the bytes say of it need not be so */
    mn_vector_ids(p)[row] = id;
}

int mn_vector_part_drop(mn_vector_part *p, size_t row) {
    if (!p->ref) {
        memset(mn_vector_codes(p, row), 0, p->dim);
        memset(mn_vector_sketch(p, row), 0, mn_scan_sketch_bytes((int)p->dim));
    } else if (!p->counts) {
        float *const own = mn_malloc(p->room * sizeof *own);
        if (!own) return MN_FAIL(MN_ENOMEM, "no memory for %zu vectors", p->n);
        memcpy(own, mn_vector_scales(p), p->n * sizeof *own);
        p->counts = own;
    }
    mn_vector_scales(p)[row] = 0;
    return 0;
}

size_t mn_vector_part_find(const mn_vector_part *p, int64_t id) {
    if (!p->sorted || id < p->low || id > p->high) return 0;
    const int64_t *const ids = mn_vector_ids(p);
    const uint64_t most = p->sorted - 1, up = (uint64_t)id - (uint64_t)p->low,
                   down = (uint64_t)p->high - (uint64_t)id;
    size_t low = down < most ? (size_t)(most - down) : 0,
           high = up < most ? (size_t)up : (size_t)most; /* ids rise by one at least */
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (ids[middle] < id)
            low = middle + 1;
        else
            high = middle;
    }
    return ids[low] == id ? low + 1 : 0;
}

/* ---- extents ------------------------------------------------------------------------------ */
/* What was being written may be of what is forgotten by now. */
static void abandon(mn_vector_part *p) {
    memset(p->x.data, 0, extent_bytes(p->dim, p->room));
    mn_extent_close(&p->x);
    p->writing = 0;
}

void mn_vector_part_free(mn_vector_part *p) {
    if (p->writing)
        abandon(p);
    else if (p->ref)
        mn_extent_unpin(&p->x);
    else
        mn_free_pages(p->data, bytes_of(p->dim, p->room));
    mn_free(p->counts);
    *p = (mn_vector_part){0};
}

static mn_vector_part part_of(int dim, const mn_vector_span *span, const mn_extent *x) {
    mn_vector_part p = {.data = x->data + PAGE,
                        .dim = (size_t)dim,
                        .room = room_of(span->rows),
                        .n = (size_t)span->rows,
                        .ref = x->ref,
                        .x = *x};
    memcpy(p.key, span->key, sizeof p.key);
    return p;
}

static uint64_t sum_of(const mn_vector_head *h) {
    return mn_hash64(h, offsetof(mn_vector_head, sum));
}

/* Does the extent say that it is this part? */
static int fits(const mn_extent *x, int dim, const mn_vector_span *span, mn_vector_head *h) {
    if (mn_word_load(&x->slot->length) != span->rows ||
        extent_bytes((size_t)dim, span->rows) > x->bytes)
        return 0;
    memcpy(h, x->data, sizeof *h);
    return memcmp(h->magic, MN_VECTOR_MAGIC, sizeof h->magic) == 0 && h->sum == sum_of(h) &&
           h->dim == (uint64_t)dim && h->rows == span->rows && h->sorted <= h->rows &&
           memcmp(h->key, span->key, sizeof h->key) == 0;
}

int mn_vector_part_attach(mn_region *r, int dim, const mn_vector_span *span, mn_ref ref,
                          mn_vector_part *out) {
    mn_extent x;
    mn_vector_head h;
    mn_region_gone gone = {0};
    if (!mn_extent_pin(r, ref, &x)) return 0;
    if (!fits(&x, dim, span, &h)) {
        mn_extent_unpin(&x);
        mn_extent_forget(r, ref, &gone);
        return 0;
    }
    *out = part_of(dim, span, &x);
    out->sorted = (size_t)h.sorted;
    out->low = h.low;
    out->high = h.high;
    return 1;
}

/* Pages for all of it: those that are warm, and more. */
static int back(mn_extent *x, uint64_t bytes) {
    const uint64_t have = mn_word_load(&x->slot->charged);
    mn_word_store(&x->slot->backed, 0); /* in rows of whoever comes after us */
    if (have < bytes) MN_TRY(mn_extent_charge(x, bytes - have));
    if (have > bytes) {
        mn_extent_release(x, bytes, x->bytes - bytes);
        mn_extent_uncharge(x, have - bytes);
    }
    return mn_extent_back(x, 0, bytes);
}

/* Who else has this part, or writes it; 0: nobody. */
static mn_ref rival(mn_region *r, const mn_vector_spans *all, const mn_extent *x,
                    const uint8_t key[32]) {
    mn_claim claim[2];
    const int n = mn_index_claims(r, all->owner, key, claim, 2);
    for (int i = 0; i < n && i < 2; i++)
        if (claim[i].ref != x->ref) return claim[i].ref;
    return 0;
}

int mn_vector_part_begin(mn_region *r, int dim, const mn_vector_spans *all,
                         const mn_vector_span *span, int64_t above, mn_vector_part *out) {
    const uint64_t bytes = extent_bytes((size_t)dim, span->rows), shape[] = {(uint64_t)dim, 1};
    mn_extent x;
    MN_TRY(mn_extent_open(r, bytes, mn_hash64(shape, sizeof shape) | 1, &x));
    mn_extent_claim(&x, span->key, all->owner);
    const mn_ref late = rival(r, all, &x, span->key);
    const int rc = late ? 0 : back(&x, bytes);
    if (late || rc < 0) {
        mn_extent_close(&x);
        *out = (mn_vector_part){.ref = late};
        return rc;
    }
    mn_extent_lay(&x, PAGE, 0, 0, 0);
    *out = part_of(dim, span, &x);
    out->writing = 1;
    out->high = above;
    return 1;
}

int mn_vector_part_add(const mn_kernels *k, mn_vector_part *p, int64_t id, const void *bytes,
                       size_t n) {
    const int rises = id > p->high;
    if (p->filled == p->n)
        return MN_FAIL(MN_ECORRUPT, "a part of vectors has more than the %zu of its marks", p->n);
    const size_t row = rises ? p->sorted : p->n - 1 - (p->filled - p->sorted);
    if (n == mn_vector_bytes((int)p->dim)) {
        mn_vector_part_set(k, p, row, id, bytes);
    } else { /* none of ours: it counts as none */
        memset(mn_vector_codes(p, row), 0, p->dim);
        memset(mn_vector_sketch(p, row), 0, mn_scan_sketch_bytes((int)p->dim));
        mn_vector_scales(p)[row] = 0;
        mn_vector_ids(p)[row] = id;
    }
    if (rises && !p->sorted++) p->low = id;
    if (rises) p->high = id;
    p->filled++;
    return 0;
}

void mn_vector_part_publish(mn_vector_part *p, const mn_vector_spans *all, uint64_t us) {
    mn_vector_head h = {
        .dim = p->dim, .rows = p->n, .sorted = p->sorted, .low = p->low, .high = p->high};
    memcpy(h.magic, MN_VECTOR_MAGIC, sizeof h.magic);
    memcpy(h.key, p->key, sizeof h.key);
    h.sum = sum_of(&h);
    memset(p->x.data, 0, PAGE);
    memcpy(p->x.data, &h, sizeof h);
    mn_word_store(&p->x.slot->cost, us);
    mn_extent_grow(&p->x, p->n);
    mn_extent_publish(&p->x, p->key, 0, all->owner);
    mn_extent_close(&p->x);
    p->writing = 0;
}

int mn_vector_part_pin(mn_region *r, mn_vector_part *p) {
    return p->x.region || mn_extent_pin(r, p->ref, &p->x);
}

void mn_vector_part_unpin(mn_vector_part *p) {
    if (!p->writing) mn_extent_unpin(&p->x);
}

/* ---- what is not in the store any more ----------------------------------------------------- */
static int spans_now(mn_store *s, int64_t owner, mn_vector_spans *out) {
    MN_TRY(s->kind->begin(s, 0));
    const int rc = mn_vector_spans_read(s, owner, out), end = s->kind->end(s, 0);
    if (rc >= 0 && end < 0) mn_vector_spans_free(out);
    return rc < 0 ? rc : end;
}

/* Those of `all`'s owner that are no part of his go: how many stay. */
static int forget_others(mn_region *r, const mn_vector_spans *all, mn_claim *claim) {
    mn_region_gone gone = {0};
    const int n = mn_index_claims(r, all->owner, NULL, claim, CLAIMS);
    for (int i = 0; i < n && i < CLAIMS; i++)
        if (!mn_vector_spans_find(all, claim[i].seed)) mn_extent_forget(r, claim[i].ref, &gone);
    return gone.stayed;
}

int mn_vector_parts_tidy(mn_region *r, mn_store *s, int64_t owner, int ms) {
    mn_vector_spans all;
    int stay = 0;
    MN_TRY(spans_now(s, owner, &all));
    mn_claim *const claim = all.owner ? mn_malloc(CLAIMS * sizeof *claim) : NULL;
    if (all.owner && !claim) stay = MN_FAIL(MN_ENOMEM, "no memory for parts of vectors");
    if (claim) mn_region_reap(r);
    for (; claim && (stay = forget_others(r, &all, claim)) && ms > 0; ms -= NAP_MS)
        nanosleep(&(struct timespec){.tv_nsec = NAP_MS * 1000000L}, NULL);
    mn_free(claim);
    mn_vector_spans_free(&all);
    return stay;
}
