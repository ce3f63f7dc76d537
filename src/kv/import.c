/* SPDX-License-Identifier: Apache-2.0
 *
 * kv/import.c - extents out of a file: first all is checked, then each gets new references.
 *
 * Checked is what can be: bytes against sums, and that an extent names only such as stand before it
 * in the file, are of its model, and cover all positions before its first, in order. Then what the
 * region has already is looked for (the same seed, beginning, way and tokens: a hash of them finds
 * it), and the rest is made an extent of the region each, parents first.
 *
 * The head and the tokens are written anew, with room for the rows that count and no more: a range
 * of a smaller class will do, which a smaller region may have, and what was planned there and never
 * computed stays behind.
 */
#include "kv/parcel.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/hash.h"
#include "kv/look.h"
#include "region/parcel.h"

#include <stdlib.h>
#include <string.h>

enum {
    PAGE = 4096,
    FIRST = 16, /* tokens that are hashed, where there are so many */
    HELD = 400, /* of what came in; more are not pinned until the end */
};

typedef struct item {
    mn_disk_head head; /* of its file */
    mn_kv_view view;   /* of its front */
    uint64_t front;    /* XXH3 of that */
    mn_ref here;       /* what it is called in this region; 0: not yet */
} item;
typedef struct named {
    mn_ref ref;
    uint32_t item;
} named;
typedef struct known { /* an extent of this region */
    uint64_t hash;
    mn_ref ref; /* 0: none */
} known;
typedef struct importing {
    mn_region *region;
    const mn_kv_progress *progress;
    mn_kv_carried *out;
    mn_parcel parcel;
    item *item;   /* [count], as they stand in the file */
    named *named; /* [count], by reference */
    known *known; /* [mask + 1], a hash table */
    uint64_t mask, done;
    mn_extent held[HELD]; /* so that none makes room for the next */
    int n_held;
} importing;

static const uint8_t *front_of(const importing *w, const item *i) {
    return w->parcel.map.data + w->parcel.at[i - w->item] + i->head.content;
}
static uint64_t front_bytes(int rows) {
    return PAGE + mn_disk_pages((uint64_t)rows * sizeof(int32_t));
}

static int report(importing *w, uint64_t bytes) {
    const mn_kv_progress *p = w->progress;
    w->done += bytes;
    if (p && p->report && p->report(p->user, w->done, 2 * w->parcel.map.size))
        return MN_FAIL(MN_ECANCELLED, "stopped");
    return 0;
}

/* ---- is it what it should be? ------------------------------------------------------------- */
static int lies(const importing *w, const item *i, const char *what) {
    return MN_FAIL(MN_ECORRUPT, "%s: extent %lld cannot be (%s): nothing of it was imported",
                   w->parcel.path, (long long)(i - w->item), what);
}

static int by_ref(const void *a, const void *b) {
    const mn_ref x = ((const named *)a)->ref, y = ((const named *)b)->ref;
    return x < y ? -1 : x > y;
}

/* The extent of the file that stands before i and is called `ref`; NULL: none does. */
static item *earlier(const importing *w, const item *i, mn_ref ref) {
    const named key = {ref, 0};
    const named *n = bsearch(&key, w->named, w->parcel.count, sizeof key, by_ref);
    return n && w->item + n->item < i ? w->item + n->item : NULL;
}

/* The head of the content by itself. */
static int check_front(importing *w, item *i) {
    mn_kv_head h;
    const uint8_t *front = front_of(w, i);
    if (i->head.front < PAGE) return lies(w, i, "no head");
    memcpy(&h, front, sizeof h);
    if (!mn_kv_look_at(&h, i->head.front, &i->view)) return lies(w, i, "its head");
    if ((uint64_t)i->view.rows < i->head.length || i->head.front != front_bytes(i->view.rows))
        return lies(w, i, "its rows");
    i->view.ref = i->head.ref;
    i->view.length = (int)i->head.length;
    i->front = mn_hash64(front, i->head.front);
    return 0;
}

/* What it says comes before it. */
static int check_way(const importing *w, const item *i) {
    int at = 0;
    mn_ref last = 0;
    for (int k = 0; k < i->view.n_before; k++) {
        const item *p = earlier(w, i, i->view.before[k].ref);
        if (!p) return lies(w, i, "it follows what is not in the file before it");
        if (p->head.shape != i->head.shape ||
            memcmp(p->head.seed, i->head.seed, sizeof i->head.seed) != 0)
            return lies(w, i, "it follows what is of another model");
        if (i->view.before[k].at != at || i->view.before[k].n < 1 ||
            i->view.before[k].row + i->view.before[k].n > p->view.length)
            return lies(w, i, "positions before it");
        at += i->view.before[k].n;
        last = p->head.ref;
    }
    if (at != i->view.start) return lies(w, i, "its position");
    return i->head.parent == last ? 0 : lies(w, i, "its parent");
}

static int check_all(importing *w) {
    const uint32_t n = w->parcel.count;
    w->item = mn_calloc((size_t)n + 1, sizeof *w->item);
    w->named = mn_calloc((size_t)n + 1, sizeof *w->named);
    if (!w->item || !w->named) return MN_FAIL(MN_ENOMEM, "no memory for a list of %u extents", n);
    for (uint32_t i = 0; i < n; i++) {
        MN_TRY(mn_parcel_check(&w->parcel, i, &w->item[i].head));
        MN_TRY(check_front(w, w->item + i));
        w->named[i] = (named){w->item[i].head.ref, i};
        MN_TRY(report(w, w->item[i].head.bytes));
    }
    qsort(w->named, n, sizeof *w->named, by_ref);
    for (uint32_t i = 1; i < n; i++)
        if (w->named[i].ref == w->named[i - 1].ref)
            return lies(w, w->item + w->named[i].item, "its reference, which another one has");
    for (uint32_t i = 0; i < n; i++) MN_TRY(check_way(w, w->item + i));
    return 0;
}

/* ---- what the region has already ----------------------------------------------------------- */
static uint64_t hash(const uint64_t seed[4], uint64_t anchor, int start, const int32_t *tokens,
                     int n) {
    uint64_t what[6 + FIRST / 2] = {seed[0], seed[1], seed[2], seed[3], anchor, (uint64_t)start};
    memcpy(what + 6, tokens, (size_t)n * sizeof *tokens);
    return mn_hash64(what, sizeof what);
}

static void remember(importing *w, uint64_t h, mn_ref ref) {
    uint64_t i = h & w->mask;
    for (uint64_t k = 0; k < w->mask && w->known[i].ref; k++) i = (i + 1) & w->mask;
    if (!w->known[i].ref) w->known[i] = (known){h, ref};
}

static int learn(void *user, const mn_extent_facts *f) {
    importing *w = user;
    mn_extent x;
    mn_kv_view v;
    int32_t tokens[FIRST];
    uint64_t seed[4];
    if (!mn_kv_look(w->region, f->ref, &v) ||
        !mn_kv_look_tokens(w->region, f->ref, 0, tokens, v.length < FIRST ? v.length : FIRST) ||
        !mn_extent_look(w->region, f->ref, &x))
        return 0;
    for (int i = 0; i < 4; i++) seed[i] = mn_word_load(x.slot->seed + i);
    remember(w,
             hash(seed, mn_word_load(&x.slot->anchor), v.start, tokens,
                  v.length < FIRST ? v.length : FIRST),
             f->ref);
    mn_extent_unpin(&x);
    return 0;
}

static int learn_all(importing *w) {
    for (w->mask = 1023; w->mask < 4 * (uint64_t)MN_PARCEL_MOST - 1;) w->mask = w->mask * 2 + 1;
    w->known = mn_calloc(w->mask + 1, sizeof *w->known);
    if (!w->known) return MN_FAIL(MN_ENOMEM, "no memory for what the region has");
    return mn_region_each(w->region, learn, w);
}

/* Does the way before it lead through the same rows, and have no more of them gone? */
static int same_way(const importing *w, const item *i, const mn_extent *x) {
    mn_kv_head there, mine;
    mn_kv_view v;
    memcpy(&mine, front_of(w, i), sizeof mine);
    if (mn_extent_peek(x, 0, &there, sizeof there) < 0 ||
        !mn_kv_look_at(&there, mn_word_load(&x->slot->front), &v) || v.start != i->view.start ||
        v.n_before != i->view.n_before || v.rows < i->view.length)
        return 0;
    for (int k = 0; k < v.n_before; k++) {
        const item *p = earlier(w, i, i->view.before[k].ref);
        if (!p || v.before[k].ref != p->here || v.before[k].row != i->view.before[k].row ||
            v.before[k].n != i->view.before[k].n)
            return 0;
    }
    for (int l = 0; l < MN_KV_LAYERS; l++)
        if (mn_word_load(there.gone + l) > mn_word_load(mine.gone + l)) return 0;
    return 1;
}

static int same_tokens(const importing *w, const item *i, const mn_extent *x) {
    const uint64_t n = i->head.length * sizeof(int32_t);
    int32_t *tokens = mn_malloc(n);
    const int is = tokens && mn_extent_peek(x, PAGE, tokens, n) >= 0 &&
                   memcmp(tokens, front_of(w, i) + PAGE, n) == 0;
    mn_free(tokens);
    return is;
}

static int same(const importing *w, const item *i, mn_ref ref) {
    mn_extent x;
    if (!mn_extent_look(w->region, ref, &x)) return 0;
    int is = mn_word_load(&x.slot->shape) == i->head.shape &&
             mn_word_load(&x.slot->length) >= i->head.length &&
             mn_word_load(&x.slot->anchor) == i->head.anchor;
    for (int k = 0; k < 4; k++) is = is && mn_word_load(x.slot->seed + k) == i->head.seed[k];
    is = is && same_way(w, i, &x) && same_tokens(w, i, &x);
    mn_extent_unpin(&x);
    return is;
}

static uint64_t hash_of(const importing *w, const item *i) {
    int32_t tokens[FIRST];
    const int n = i->view.length < FIRST ? i->view.length : FIRST;
    memcpy(tokens, front_of(w, i) + PAGE, (size_t)n * sizeof *tokens);
    return hash(i->head.seed, i->head.anchor, i->view.start, tokens, n);
}

/* What it is called here; itself, when this is the region it comes from. 0: it is not here. */
static mn_ref find(const importing *w, const item *i) {
    const uint64_t h = hash_of(w, i);
    mn_ref found = 0;
    for (uint64_t k = h & w->mask; w->known[k].ref; k = (k + 1) & w->mask) {
        const mn_ref ref = w->known[k].ref;
        if (w->known[k].hash != h || (found && ref != i->head.ref) || !same(w, i, ref)) continue;
        found = ref;
        if (ref == i->head.ref) break;
    }
    return found;
}

/* Is all that comes before it here by now? */
static int way_here(const importing *w, const item *i) {
    for (int k = 0; k < i->view.n_before; k++)
        if (!earlier(w, i, i->view.before[k].ref)->here) return 0;
    return 1;
}

/* Bytes of what is not here; what is gets its name. */
static uint64_t look_around(importing *w) {
    uint64_t lacks = 0;
    for (uint32_t k = 0; k < w->parcel.count; k++) {
        item *i = w->item + k;
        i->here = way_here(w, i) ? find(w, i) : 0;
        if (!i->here) lacks += i->head.bytes;
    }
    return lacks;
}

/* ---- taking ------------------------------------------------------------------------------- */
/* From a copy of the front of i, the one it is to have. */
static void fill_front(const importing *w, const item *i, const uint8_t *was, int rows,
                       uint8_t *front) {
    const mn_kv_head *old = (const mn_kv_head *)(const void *)was;
    mn_kv_head *h = (mn_kv_head *)(void *)front;
    mn_word_store(&h->magic, MN_KV_MAGIC);
    mn_word_store(&h->start, (uint64_t)i->view.start);
    mn_word_store(&h->rows, (uint64_t)rows);
    mn_word_store(&h->planned, (uint64_t)i->view.length);
    mn_word_store(&h->n_before, (uint64_t)i->view.n_before);
    for (int k = 0; k < i->view.n_before; k++) {
        mn_word_store(&h->before[k].ref, earlier(w, i, i->view.before[k].ref)->here);
        mn_word_store(&h->before[k].row, (uint64_t)i->view.before[k].row);
        mn_word_store(&h->before[k].n, (uint64_t)i->view.before[k].n);
        mn_word_store(&h->before[k].at, (uint64_t)i->view.before[k].at);
    }
    for (int l = 0; l < MN_KV_LAYERS; l++) mn_word_store(h->gone + l, mn_word_load(old->gone + l));
    memcpy(front + PAGE, was + PAGE, i->head.length * sizeof(int32_t));
}

/* That, in *out, of *n bytes. */
static int new_front(const importing *w, const item *i, uint8_t **out, uint64_t *n) {
    const int rows = (i->view.length + 15) / 16 * 16;
    *n = front_bytes(rows);
    *out = mn_calloc(1, *n);
    uint8_t *was = mn_malloc(i->head.front);
    int rc = *out && was ? 0 : MN_FAIL(MN_ENOMEM, "no memory for %d tokens", i->view.length);
    if (rc >= 0) {
        memcpy(was, front_of(w, i), i->head.front);
        if (mn_hash64(was, i->head.front) != i->front)
            rc = lies(w, i, "it changed while it was read");
        else
            fill_front(w, i, was, rows, *out);
    }
    mn_free(was);
    return rc;
}

/* While what comes before it is pinned, so that it is still there behind it. MN_EFULL: left out. */
static int take(importing *w, item *i) {
    mn_extent held[MN_SEQ_SPANS - 1];
    int n = 0, all = 1;
    mn_ref parent = 0;
    uint8_t *front = NULL;
    uint64_t bytes = 0;
    for (int k = 0; all && k < i->view.n_before; k++) {
        parent = earlier(w, i, i->view.before[k].ref)->here;
        all = mn_extent_look(w->region, parent, held + n);
        n += all;
    }
    int rc = all ? new_front(w, i, &front, &bytes)
                 : MN_FAIL(MN_EFULL, "%s has no room for all of it", mn_region_path(w->region));
    if (rc >= 0)
        rc = mn_parcel_take(w->region, &w->parcel, (uint32_t)(i - w->item), &i->head, front, bytes,
                            parent, &i->here);
    while (n) mn_extent_unpin(held + --n);
    mn_free(front);
    return rc;
}

static void hold(importing *w, mn_ref ref) {
    if (w->n_held < HELD) w->n_held += mn_extent_look(w->region, ref, w->held + w->n_held);
}

static int take_one(importing *w, item *i) {
    if (!i->here && way_here(w, i)) i->here = find(w, i); /* others go on; or it is here twice */
    if (i->here) {
        hold(w, i->here);
        w->out->there++;
        return report(w, i->head.bytes);
    }
    const int rc = way_here(w, i) ? take(w, i) : MN_EFULL;
    if (rc == MN_EFULL) {
        w->out->left++;
        return report(w, i->head.bytes);
    }
    MN_TRY(rc);
    hold(w, i->here);
    remember(w, hash_of(w, i), i->here);
    w->out->extents++;
    w->out->rows += i->head.length;
    w->out->bytes += i->head.bytes;
    return report(w, i->head.bytes);
}

static int take_all(importing *w) {
    mn_region_counts c;
    const uint64_t lacks = look_around(w);
    mn_region_count(w->region, &c);
    if (lacks > c.disk_limit)
        return MN_FAIL(MN_EFULL,
                       "%s has %llu bytes that are not here, and %s may hold %llu: give it more "
                       "with --disk",
                       w->parcel.path, (unsigned long long)lacks, c.disk,
                       (unsigned long long)c.disk_limit);
    for (uint32_t i = 0; i < w->parcel.count; i++) MN_TRY(take_one(w, w->item + i));
    if (!w->out->left || w->out->extents) return 0;
    return MN_FAIL(MN_EFULL,
                   "%s has no room for any of the %d extents of %s that it has not: they take %llu "
                   "bytes of its disk tier, and a free range each",
                   mn_region_path(w->region), w->out->left, w->parcel.path,
                   (unsigned long long)lacks);
}

int mn_kv_import(mn_region *r, const char *path, const mn_kv_progress *progress,
                 mn_kv_carried *out) {
    importing w = {.region = r, .progress = progress, .out = out};
    *out = (mn_kv_carried){0};
    MN_TRY(mn_parcel_open(r, path, &w.parcel));
    mn_region_reap(r);
    int rc = check_all(&w);
    if (rc >= 0) rc = learn_all(&w);
    if (rc >= 0) rc = take_all(&w);
    while (w.n_held) mn_extent_unpin(w.held + --w.n_held);
    mn_parcel_close(&w.parcel);
    mn_free(w.item);
    mn_free(w.named);
    mn_free(w.known);
    return rc;
}
