/* SPDX-License-Identifier: Apache-2.0
 *
 * kv/export.c - extents into a file, what comes before each of them first.
 *
 * An extent that begins behind n spans has only such before it that begin behind fewer: so they go
 * by the number of their spans. One whose way is not in the file could not be used, and is left
 * out. O(n log n) for n extents, and their bytes.
 */
#include "kv/parcel.h"

#include "base/buf.h"
#include "base/error.h"
#include "kv/look.h"
#include "region/parcel.h"

#include <stdlib.h>

typedef struct item {
    mn_kv_view view;
    uint64_t bytes; /* about so many */
    int packed;
} item;
typedef struct exporting {
    mn_region *region;
    const mn_kv_progress *progress;
    mn_kv_carried *out;
    mn_packing packing;
    mn_buf list; /* of items, by reference */
    uint64_t done, total;
} exporting;

static item *items(const exporting *w) {
    return (item *)(void *)w->list.data;
}
static size_t count(const exporting *w) {
    return w->list.len / sizeof(item);
}

/* ---- which there are ---------------------------------------------------------------------- */
/* 1: there it is; 0: it has gone meanwhile, or holds something else. */
static int look(mn_region *r, mn_ref ref, mn_kv_view *out) {
    mn_extent x;
    mn_kv_head h;
    if (mn_kv_look(r, ref, out)) return 1;
    if (!mn_extent_look(r, ref, &x)) return 0;
    const int rc = mn_extent_peek(&x, 0, &h, sizeof h); /* why? */
    mn_extent_unpin(&x);
    return rc < 0 ? rc : mn_kv_look(r, ref, out);
}

static int add(exporting *w, mn_ref ref, uint64_t bytes) {
    item i = {.bytes = bytes};
    const int is = look(w->region, ref, &i.view);
    if (is <= 0) {
        w->out->left++;
        return is;
    }
    w->total += bytes;
    return mn_buf_append(&w->list, &i, sizeof i);
}

static int gather(void *user, const mn_extent_facts *f) {
    exporting *w = user;
    if (f->derived) return 0; /* whoever needs it makes it */
    if (!f->open) return add(w, f->ref, f->disk ? f->disk : f->memory);
    w->out->left++;
    return 0;
}

/* One extent, and what comes before it. */
static int gather_path(exporting *w, mn_ref last) {
    MN_TRY(add(w, last, 0));
    if (!count(w)) return 0;
    const mn_kv_view v = items(w)->view;
    for (int i = 0; i < v.n_before; i++) {
        int twice = 0;
        for (size_t k = 0; k < count(w); k++) twice |= items(w)[k].view.ref == v.before[i].ref;
        if (!twice) MN_TRY(add(w, v.before[i].ref, 0));
    }
    return 0;
}

static int by_ref(const void *a, const void *b) {
    const mn_ref x = ((const item *)a)->view.ref, y = ((const item *)b)->view.ref;
    return x < y ? -1 : x > y;
}

static const item *find(const exporting *w, mn_ref ref) {
    const item key = {.view = {.ref = ref}};
    return bsearch(&key, items(w), count(w), sizeof key, by_ref);
}

/* ---- packing ------------------------------------------------------------------------------ */
/* Is all that comes before it in the file? */
static int reachable(const exporting *w, const item *i) {
    for (int k = 0; k < i->view.n_before; k++) {
        const item *p = find(w, i->view.before[k].ref);
        if (!p || !p->packed) return 0;
    }
    return 1;
}

static int pack(exporting *w, item *i) {
    const mn_kv_progress *p = w->progress;
    const int rc = reachable(w, i) ? mn_parcel_add(&w->packing, i->view.ref) : 0;
    MN_TRY(rc);
    i->packed = rc;
    if (rc) {
        w->out->extents++;
        w->out->rows += (uint64_t)i->view.length;
    } else
        w->out->left++;
    w->done += i->bytes;
    if (p && p->report && p->report(p->user, w->done, w->total))
        return MN_FAIL(MN_ECANCELLED, "stopped");
    return 0;
}

static int pack_all(exporting *w, const char *path) {
    int rc = mn_parcel_begin(w->region, path, count(w), &w->packing);
    for (int depth = 0; depth < MN_SEQ_SPANS; depth++)
        for (size_t i = 0; rc >= 0 && i < count(w); i++)
            if (items(w)[i].view.n_before == depth) rc = pack(w, items(w) + i);
    if (rc >= 0 && !w->out->extents)
        rc = MN_FAIL(MN_ENOENT,
                     "there is nothing to export: %d extents are still growing, shorter than %d "
                     "tokens, or lack what comes before them",
                     w->out->left, MN_DISK_LEAST);
    if (rc >= 0)
        rc = mn_parcel_commit(&w->packing);
    else
        mn_parcel_abort(&w->packing);
    w->out->bytes = w->packing.bytes;
    return rc;
}

int mn_kv_export(mn_region *r, mn_ref last, const char *path, const mn_kv_progress *progress,
                 mn_kv_carried *out) {
    exporting w = {.region = r, .progress = progress, .out = out};
    *out = (mn_kv_carried){0};
    MN_TRY(mn_parcel_able(r));
    mn_region_reap(r);
    int rc = last ? gather_path(&w, last) : mn_region_each(r, gather, &w);
    if (count(&w)) qsort(items(&w), count(&w), sizeof(item), by_ref);
    if (rc >= 0) rc = pack_all(&w, path);
    mn_buf_free(&w.list);
    return rc < 0 ? rc : 0;
}
