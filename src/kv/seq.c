/* SPDX-License-Identifier: Apache-2.0
 *
 * kv/seq.c - extents in anonymous memory, and lists of spans over them.
 *
 * An extent reserves address space for `rows` tokens: planes [layer][K, V][head] of plane_bytes
 * each. Pages appear on first write. Booking is by blocks of 512 rows over all planes, less what
 * window layers have given back. An extent is freed when the last sequence with a span of it
 * closes.
 */
#include "kv/seq.h"

#include "base/alloc.h"
#include "base/budget.h"
#include "base/error.h"

#include <stdatomic.h>
#include <string.h>

enum { PAGE = 4096 };

typedef struct extent {
    atomic_int users;
    uint8_t *data;
    size_t plane_bytes, bytes; /* of one plane, of all */
    int booked_rows;
    int *gone; /* [layers] rows given back, a multiple of 512 */
    uint64_t booked;
} extent;

typedef struct span {
    extent *e;
    int at;  /* position of its first row in the sequence */
    int row; /* that row in the extent */
    int n;   /* rows that count */
} span;

struct mn_seq {
    mn_kv_layout layout;
    int context, length, n;
    span span[MN_SEQ_SPANS]; /* the last one is owned: it grows */
};

/* Bytes of 512 rows of one layer. */
static uint64_t block_bytes(const mn_kv_layout *l) {
    return (uint64_t)mn_kv_plane_bytes(l->format, MN_ATTN_BLOCK, l->d) * 2 * (uint64_t)l->heads;
}

static int extent_open(const mn_kv_layout *l, int rows, extent **out) {
    const size_t one = (mn_kv_plane_bytes(l->format, rows, l->d) + PAGE - 1) / PAGE * PAGE;
    const size_t bytes = one * 2 * (size_t)l->heads * (size_t)l->layers;
    extent *e = mn_calloc(1, sizeof *e);
    int *gone = mn_calloc((size_t)l->layers, sizeof *gone);
    void *data = NULL;
    if (!e || !gone || mn_reserve_pages(bytes, "keys and values", &data) < 0) {
        mn_free(e);
        mn_free(gone);
        return MN_FAIL(MN_ENOMEM,
                       "no address space for the keys and values of %d tokens (%zu bytes); "
                       "choose a smaller --ctx",
                       rows, bytes);
    }
    *e = (extent){.users = 1, .data = data, .plane_bytes = one, .bytes = bytes, .gone = gone};
    *out = e;
    return 0;
}

static void extent_release(extent **pe) {
    extent *e = *pe;
    *pe = NULL;
    if (!e || atomic_fetch_sub(&e->users, 1) != 1) return;
    mn_unreserve_pages(e->data, e->bytes);
    mn_budget_give(e->booked);
    mn_free(e->gone);
    mn_free(e);
}

static uint8_t *plane(const mn_seq *s, const extent *e, int layer, int value, int head) {
    return e->data + e->plane_bytes * (size_t)((layer * 2 + value) * s->layout.heads + head);
}
static span *tail_of(const mn_seq *s) {
    return (span *)(uintptr_t)(s->span + s->n - 1);
}

int mn_seq_open(const mn_kv_layout *layout, int context, mn_seq **out) {
    *out = NULL;
    if (context < 1) return MN_FAIL(MN_EINVAL, "a context of %d tokens is none", context);
    mn_seq *s = mn_calloc(1, sizeof *s);
    if (!s) return MN_FAIL(MN_ENOMEM, "no memory for a sequence");
    *s = (mn_seq){.layout = *layout, .context = context, .n = 1};
    const int rc = extent_open(layout, context, &s->span[0].e);
    if (rc < 0)
        mn_free(s);
    else
        *out = s;
    return rc;
}

void mn_seq_close(mn_seq **ps) {
    mn_seq *s = *ps;
    *ps = NULL;
    if (!s) return;
    for (int i = 0; i < s->n; i++) extent_release(&s->span[i].e);
    mn_free(s);
}

/* Does every window layer still hold what a query at position n needs? */
static int window_intact(const mn_seq *s, int n) {
    for (int l = 0; l < s->layout.layers; l++) {
        if (!s->layout.window[l]) continue;
        const int need = n - s->layout.window[l] + 1;
        for (int i = 0; i < s->n; i++) {
            const span *p = s->span + i;
            const int gone = p->e->gone[l] - p->row; /* rows of the span that went back */
            if (gone > 0 && p->at < n && p->at + gone > (need > 0 ? need : 0)) return 0;
        }
    }
    return 1;
}

int mn_seq_fork(const mn_seq *from, int n, mn_seq **out) {
    *out = NULL;
    if (n < 0 || n > from->length)
        return MN_FAIL(MN_EINVAL, "a fork at %d of %d tokens", n, from->length);
    if (!window_intact(from, n))
        return MN_FAIL(MN_EINVAL, "a fork at %d lies behind the window", n);
    int keep = 0;
    while (keep < from->n && from->span[keep].n && from->span[keep].at < n) keep++;
    if (keep >= MN_SEQ_SPANS) return MN_FAIL(MN_ETOOLONG, "more than %d spans", MN_SEQ_SPANS);
    mn_seq *s;
    MN_TRY(mn_seq_open(&from->layout, from->context > n ? from->context - n : 1, &s));
    s->context = from->context;
    s->span[keep] = (span){.e = s->span[0].e, .at = n};
    for (int i = 0; i < keep; i++) {
        s->span[i] = from->span[i];
        atomic_fetch_add(&s->span[i].e->users, 1);
        if (s->span[i].at + s->span[i].n > n) s->span[i].n = n - s->span[i].at;
    }
    s->n = keep + 1;
    s->length = n;
    *out = s;
    return 0;
}

int mn_seq_length(const mn_seq *s) {
    return s->length;
}
int mn_seq_context(const mn_seq *s) {
    return s->context;
}
mn_kv_format mn_seq_format(const mn_seq *s) {
    return s->layout.format;
}
uint64_t mn_seq_bytes(const mn_seq *s) {
    return tail_of(s)->e->booked;
}

int mn_seq_room(mn_seq *s, int n) {
    if (n > s->context - s->length)
        return MN_FAIL(MN_ETOOLONG, "%d more tokens do not fit: %d of a context of %d are in use",
                       n, s->length, s->context);
    const span *tail = tail_of(s);
    extent *e = tail->e;
    const int blocks = (tail->row + tail->n + n + MN_ATTN_BLOCK - 1) / MN_ATTN_BLOCK;
    const int more = blocks - e->booked_rows / MN_ATTN_BLOCK;
    if (more <= 0) return 0;
    const uint64_t bytes = (uint64_t)more * block_bytes(&s->layout) * (uint64_t)s->layout.layers;
    MN_TRY(mn_budget_take(bytes, "the KV cache"));
    e->booked += bytes;
    e->booked_rows = blocks * MN_ATTN_BLOCK;
    return 0;
}

void mn_seq_tail(const mn_seq *s, int layer, int head, void **k, void **v, int *row) {
    const span *tail = tail_of(s);
    *k = plane(s, tail->e, layer, 0, head);
    *v = plane(s, tail->e, layer, 1, head);
    *row = tail->row + tail->n;
}

/* Window layers of the own extent give back whole blocks that no later query can see; one block of
 * slack lets a sequence be trimmed a little. */
static void give_back(mn_seq *s) {
    const span *tail = tail_of(s);
    extent *e = tail->e;
    if (atomic_load(&e->users) != 1) return; /* a fork may still look */
    for (int l = 0; l < s->layout.layers; l++) {
        if (!s->layout.window[l]) continue;
        const int old = s->length - s->layout.window[l] - MN_ATTN_BLOCK - tail->at + tail->row;
        const int gone = old / MN_ATTN_BLOCK * MN_ATTN_BLOCK;
        if (old <= 0 || gone <= e->gone[l]) continue;
        const size_t from =
            mn_kv_plane_bytes(s->layout.format, e->gone[l], s->layout.d) / PAGE * PAGE;
        const size_t to = mn_kv_plane_bytes(s->layout.format, gone, s->layout.d) / PAGE * PAGE;
        for (int h = 0; h < s->layout.heads; h++)
            for (int v = 0; v < 2; v++) mn_release_pages(plane(s, e, l, v, h), from, to);
        const uint64_t freed =
            (uint64_t)((gone - e->gone[l]) / MN_ATTN_BLOCK) * block_bytes(&s->layout);
        mn_budget_give(freed);
        e->booked -= freed;
        e->gone[l] = gone;
    }
}

void mn_seq_commit(mn_seq *s, int n) {
    tail_of(s)->n += n;
    s->length += n;
    give_back(s);
}

/* Whole blocks beyond the last row go back: who forgets a long text does not go on holding it. */
static void give_back_end(mn_seq *s) {
    const span *tail = tail_of(s);
    extent *e = tail->e;
    const int rows = (tail->row + tail->n + MN_ATTN_BLOCK - 1) / MN_ATTN_BLOCK * MN_ATTN_BLOCK;
    if (rows >= e->booked_rows || atomic_load(&e->users) != 1) return; /* a fork may still look */
    const size_t from = mn_kv_plane_bytes(s->layout.format, rows, s->layout.d);
    uint64_t blocks = 0;
    for (int l = 0; l < s->layout.layers; l++) {
        for (int h = 0; h < s->layout.heads; h++)
            for (int v = 0; v < 2; v++)
                mn_release_pages(plane(s, e, l, v, h), from, e->plane_bytes);
        blocks +=
            (uint64_t)(e->booked_rows - (e->gone[l] > rows ? e->gone[l] : rows)) / MN_ATTN_BLOCK;
        if (e->gone[l] > rows) e->gone[l] = rows;
    }
    e->booked_rows = rows;
    e->booked -= blocks * block_bytes(&s->layout);
    mn_budget_give(blocks * block_bytes(&s->layout));
}

int mn_seq_trim(mn_seq *s, int n) {
    if (n < 0 || n > s->length)
        return MN_FAIL(MN_EINVAL, "a trim to %d of %d tokens", n, s->length);
    if (n == 0) { /* begin anew: shared spans go, and so does what the own extent gave back */
        mn_seq *fresh;
        MN_TRY(mn_seq_open(&s->layout, s->context, &fresh));
        const mn_seq old = *s;
        *s = *fresh;
        *fresh = old;
        mn_seq_close(&fresh);
        return 0;
    }
    span *tail = tail_of(s);
    if (n < tail->at)
        return MN_FAIL(MN_EINVAL, "a trim to %d cuts into a shared prefix of %d", n, tail->at);
    if (!window_intact(s, n)) return MN_FAIL(MN_EINVAL, "a trim to %d lies behind the window", n);
    tail->n = n - tail->at;
    s->length = n;
    give_back_end(s);
    return 0;
}

int mn_seq_pieces(const mn_seq *s, int layer, int head, int b, int from, int to,
                  mn_attn_piece *out) {
    int n = 0;
    for (int i = 0; i < s->n; i++) {
        const span *p = s->span + i;
        const int end = i + 1 < s->n ? p->at + p->n : to; /* the tail reaches over written rows */
        const int lo = p->at > from ? p->at : from, hi = end < to ? end : to;
        if (lo >= hi) continue;
        out[n++] = (mn_attn_piece){plane(s, p->e, layer, 0, head), plane(s, p->e, layer, 1, head),
                                   p->row + lo - p->at, lo - b * MN_ATTN_BLOCK, hi - lo};
    }
    return n;
}
