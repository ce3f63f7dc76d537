/* SPDX-License-Identifier: Apache-2.0
 *
 * kv/forget.c - everything that was computed from a text goes.
 *
 * The text is cut into all its runs of 16 tokens, which a hash table finds again; then the tokens
 * of every extent are read, with the last 15 of what comes before it, so that no run is missed
 * between two extents. All tokens there is room for are read, not only those of rows that count: a
 * row that was announced and never finished has left its token there. O(text + tokens of the
 * region).
 */
#include "kv/look.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/hash.h"

#include <string.h>

enum { RUN = 16, PASSES = 4 /* others may go on computing meanwhile */ };

/* ---- runs of the text --------------------------------------------------------------------- */
typedef struct runs {
    const int32_t *ids;
    int n, run;      /* tokens; of a run */
    uint32_t *table; /* [mask + 1] where a run begins, plus 1 */
    uint64_t mask;
} runs;

static uint64_t hash(const runs *t, const int32_t *at) {
    return mn_hash64(at, (size_t)t->run * sizeof *at);
}

/* The place of the run at `at`, or where it would be. */
static uint32_t *place(const runs *t, const int32_t *at) {
    uint64_t i = hash(t, at) & t->mask;
    while (t->table[i] && memcmp(t->ids + t->table[i] - 1, at, (size_t)t->run * sizeof *at) != 0)
        i = (i + 1) & t->mask;
    return t->table + i;
}

static int runs_of(const int32_t *ids, int n, runs *t) {
    *t = (runs){.ids = ids, .n = n, .run = n < RUN ? n : RUN, .mask = 1023};
    while (t->mask < (uint64_t)n * 2) t->mask = t->mask * 2 + 1;
    t->table = mn_calloc(t->mask + 1, sizeof *t->table);
    if (!t->table) return MN_FAIL(MN_ENOMEM, "no memory to look for a text of %d tokens", n);
    for (int i = 0; i + t->run <= n; i++) *place(t, ids + i) = (uint32_t)i + 1;
    return 0;
}

/* ---- extents ------------------------------------------------------------------------------ */
typedef struct extent {
    mn_kv_view view;
    int goes;
} extent;
typedef struct found {
    extent *item; /* [n], in `list` */
    size_t n;
    mn_buf list;
} found;

static int gather(void *user, const mn_extent_facts *f) {
    const extent e = {.view = {.ref = f->ref}};
    if (f->derived) return 0;
    return mn_buf_append(user, &e, sizeof e);
}

static void mark(found *w, mn_ref ref) {
    for (size_t i = 0; i < w->n; i++)
        if (w->item[i].view.ref == ref) w->item[i].goes = 1;
}

/* Up to `most` tokens that come before extent e, the last ones, into the end of out[most]: how
 * many. */
static int tail_of(mn_region *r, const mn_kv_view *e, int32_t *out, int most) {
    int n = 0;
    for (int i = e->n_before; i-- > 0 && n < most;) {
        const int has = e->before[i].n, k = has < most - n ? has : most - n;
        if (!mn_kv_look_tokens(r, e->before[i].ref, e->before[i].row + has - k, out + most - n - k,
                               k))
            break; /* it has gone, and with it the way here */
        n += k;
    }
    return n;
}

/* Spans of e that hold any of the last n tokens before it. */
static void mark_before(found *w, const mn_kv_view *e, int n) {
    for (int i = e->n_before; i-- > 0 && n > 0;) {
        mark(w, e->before[i].ref);
        n -= e->before[i].n;
    }
}

/* Extent i goes, and what holds the beginning of a run goes, when a run is in it. */
static int look_into(mn_region *r, const runs *t, found *w, size_t i) {
    mn_kv_view e;
    if (!mn_kv_look(r, w->item[i].view.ref, &e)) return 0;
    w->item[i].view = e;
    const int most = t->run - 1;
    int32_t *text = mn_malloc(((size_t)most + (size_t)e.rows) * sizeof *text);
    if (!text) return MN_FAIL(MN_ENOMEM, "no memory for %d tokens", e.rows);
    const int before = tail_of(r, &e, text, most);
    if (mn_kv_look_tokens(r, e.ref, 0, text + most, e.rows))
        for (int at = most - before; at + t->run <= most + e.rows; at++) {
            if (!*place(t, text + at)) continue;
            w->item[i].goes = 1;
            if (at >= most) break;
            mark_before(w, &e, most - at);
        }
    mn_free(text);
    return 0;
}

static void mark_children(found *w) {
    for (int more = 1; more;) {
        more = 0;
        for (size_t i = 0; i < w->n; i++)
            for (int k = 0; !w->item[i].goes && k < w->item[i].view.n_before; k++)
                for (size_t p = 0; p < w->n; p++)
                    if (w->item[p].goes && w->item[p].view.ref == w->item[i].view.before[k].ref)
                        w->item[i].goes = more = 1;
    }
}

static int pass(mn_region *r, const runs *t, mn_region_gone *out) {
    found w = {0};
    int rc = mn_region_each(r, gather, &w.list);
    w.item = (extent *)(void *)w.list.data;
    w.n = w.list.len / sizeof *w.item;
    for (size_t i = 0; rc >= 0 && i < w.n; i++) rc = look_into(r, t, &w, i);
    if (rc >= 0) mark_children(&w);
    out->stayed = 0;
    out->stayed_rows = 0;
    for (size_t i = 0; rc >= 0 && i < w.n; i++)
        if (w.item[i].goes) mn_extent_forget(r, w.item[i].view.ref, out);
    mn_buf_free(&w.list);
    return rc;
}

int mn_kv_forget(mn_region *r, const int32_t *ids, int n, mn_region_gone *out) {
    runs t;
    *out = (mn_region_gone){0};
    if (n < 1) return MN_FAIL(MN_EINVAL, "a text without tokens is nowhere");
    MN_TRY(runs_of(ids, n, &t));
    mn_region_reap(r);
    int rc = 0;
    for (int i = 0, was = -1; rc >= 0 && i < PASSES && out->extents != was; i++) {
        was = out->extents;
        rc = pass(r, &t, out);
    }
    mn_free(t.table);
    if (rc >= 0) out->bytes += mn_region_scrub(r);
    return rc;
}
