/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/vectors_share.c - parts of vectors that processes have together: opened, made, let go of.
 *
 * A process that opens the vectors of an owner asks the store what parts there are, and the region
 * which of these it has; those it has not are read out of the store into extents, which others may
 * have as soon as the search has ended. What is in no part, or in one that somebody else is just
 * making, or that the region has no room for, is read into memory of our own.
 *
 * Cost: for n vectors n / 8192 pins a search; to open them a look at the slots of the region, and
 * at most 8192 rows that are in no part.
 */
#include "agent/vectors_inside.h"

#include "base/clock.h"
#include "base/error.h"

#include <string.h>

enum {
    PINS = 320,             /* a process may hold 504, and has other uses for them */
    AGAIN = MN_VECTOR_PART, /* rows that have come, after which there may be parts of them */
};

/* ---- opening ------------------------------------------------------------------------------ */
typedef struct opening {
    mn_vectors *v;
    set *s;
    mn_store *store;
    mn_vector_spans all;
    mn_buf claims; /* mn_claim */
    int64_t at;    /* number behind the last part */
} opening;

static int claims_of(opening *o) {
    enum { MOST = 4096 };
    MN_TRY(mn_buf_reserve(&o->claims, MOST * sizeof(mn_claim)));
    mn_region_reap(o->v->region);
    const int n =
        mn_index_claims(o->v->region, o->all.owner, NULL, (mn_claim *)(void *)o->claims.data, MOST);
    o->claims.len = (size_t)(n < MOST ? n : MOST) * sizeof(mn_claim);
    return 0;
}

typedef struct filling {
    const mn_vectors *v;
    mn_vector_part *part;
} filling;

static int fill(void *user, int64_t id, const void *bytes, size_t n) {
    const filling *const f = user;
    return mn_vector_part_add(f->v->kernels, f->part, id, bytes, n);
}

/* 1: it is there, or made; 0: it is not to be had. */
static int make(opening *o, const mn_vector_span *span, mn_vector_part *p) {
    const filling f = {o->v, p};
    const uint64_t from = mn_clock_ns();
    if (o->s->full || o->v->quiet) return 0;
    const int mine = mn_vector_part_begin(o->v->region, o->v->dim, &o->all, span, o->s->top, p);
    o->s->full |= mine < 0;
    if (!mine) MN_TRY(mn_buf_append(&o->s->waits, &p->ref, sizeof p->ref));
    if (mine <= 0) return 0;
    const int rc = o->store->kind->vectors_in(o->store, o->s->owner, span->first, span->until, fill,
                                              (void *)(uintptr_t)&f);
    if (rc >= 0 && p->filled == p->n) {
        o->s->us = (mn_clock_ns() - from) / 1000;
        o->v->counts.read += p->n;
        return 1;
    }
    mn_vector_part_free(p); /* what the store says of itself is not so: its rows are read all */
    return rc == MN_ECORRUPT ? 0 : rc;
}

static int find(opening *o, const mn_vector_span *span, mn_vector_part *p) {
    const mn_claim *const claim = (const mn_claim *)(const void *)o->claims.data;
    for (size_t i = 0; i < o->claims.len / sizeof *claim; i++)
        if (claim[i].published && memcmp(claim[i].seed, span->key, sizeof span->key) == 0 &&
            mn_vector_part_attach(o->v->region, o->v->dim, span, claim[i].ref, p))
            return 1;
    return 0;
}

/* Its rows that do not rise above all before go into the table. */
static int take_part(set *s, const mn_vector_part *p) {
    const size_t first = (size_t)s->parts * MN_VECTOR_PART;
    MN_TRY(mn_set_part(s, p, 1));
    mn_vector_part *const own = s->part + s->parts - 1;
    if (own->sorted && own->low <= s->top) own->sorted = 0;
    if (own->sorted) s->top = own->high;
    own->high = s->top;
    s->rows += own->n;
    for (size_t row = own->sorted; row < own->n; row++) MN_TRY(mn_set_place(s, first + row));
    return 0;
}

static int open_span(opening *o, const mn_vector_span *span) {
    mn_vector_part p;
    if (o->s->shared == PINS) return 0;
    int there = find(o, span, &p);
    o->v->counts.found += there == 1;
    if (!there) there = make(o, span, &p);
    if (there <= 0) return there;
    const int parts = o->s->parts, rc = take_part(o->s, &p);
    if (rc < 0 && o->s->parts == parts) mn_vector_part_free(&p);
    return rc < 0 ? rc : 1;
}

/* What is in no part, up to where the last of them ends. */
static int gap(opening *o, int64_t until) {
    const size_t rows = o->s->rows;
    if (o->at >= until) return 0;
    const int rc =
        o->store->kind->vectors_in(o->store, o->s->owner, o->at, until, mn_set_take, o->v);
    o->v->counts.read += o->s->rows - rows;
    return rc;
}

static int open_all(opening *o) {
    const size_t n = mn_vector_spans_count(&o->all);
    mn_buf there = {.what = "parts of vectors"};
    int rc = 0;
    for (size_t i = 0; i < n && rc >= 0; i++) {
        rc = open_span(o, mn_vector_spans_at(&o->all, i));
        const char got = rc > 0;
        if (rc >= 0) rc = mn_buf_append(&there, &got, 1);
    }
    for (size_t i = 0; i < n && rc >= 0; i++) {
        const mn_vector_span *const span = mn_vector_spans_at(&o->all, i);
        if (!there.data[i]) continue;
        rc = gap(o, span->first);
        o->at = span->until;
    }
    if (o->at) o->s->after = o->at - 1;
    mn_buf_free(&there);
    return rc;
}

/* Is something there that is no part? */
static int untidy(const opening *o) {
    const mn_claim *const claim = (const mn_claim *)(const void *)o->claims.data;
    for (size_t i = 0; i < o->claims.len / sizeof *claim; i++)
        if (!mn_vector_spans_find(&o->all, claim[i].seed)) return 1;
    return 0;
}

int mn_set_open(mn_vectors *v, set *s, mn_store *store) {
    opening o = {.v = v, .s = s, .store = store};
    if (s->opened || !v->region || !store->kind->marks) return 0;
    int rc = mn_vector_spans_read(store, s->owner, &o.all);
    if (rc >= 0 && o.all.owner) rc = claims_of(&o);
    if (rc >= 0 && o.all.owner) {
        s->top = INT64_MIN;
        s->untidy = untidy(&o);
        rc = open_all(&o);
    }
    s->opened = 1;
    mn_buf_free(&o.claims);
    mn_vector_spans_free(&o.all);
    if (rc < 0) mn_set_clear(s);
    return rc < 0 ? rc : 0;
}

/* ---- from search to search ----------------------------------------------------------------- */
/* Has somebody ended who was writing what we have read ourselves? */
static int news(mn_region *r, const set *s) {
    const mn_ref *const ref = (const mn_ref *)(const void *)s->waits.data;
    int done = 0;
    for (size_t i = 0; i < s->waits.len / sizeof *ref && !done; i++) {
        mn_extent x;
        done = !mn_extent_look(r, ref[i], &x) ||
               (mn_word_load(&x.slot->flags) & MN_EXTENT_PUBLISHED) != 0;
        mn_extent_unpin(&x);
    }
    return done;
}

int mn_set_pin(mn_vectors *v, set *s) {
    for (int i = 0; i < s->shared; i++)
        if (!v->region || !mn_vector_part_pin(v->region, s->part + i)) return 0;
    return 1;
}

int mn_set_wake(mn_vectors *v, set *s) {
    if (!v->region || !s->opened) return mn_set_pin(v, s);
    if (mn_region_intact(v->region) < 0) v->region = NULL; /* nobody is to believe what it has */
    if ((s->fresh >= AGAIN && !s->full && !v->quiet) || (v->region && news(v->region, s))) return 0;
    return mn_set_pin(v, s);
}

static int writing(const set *s) {
    for (int i = 0; i < s->shared; i++)
        if (s->part[i].writing) return 1;
    return 0;
}

/* The store still has what was written: others may have it, too. */
static void publish(mn_vectors *v, set *s, mn_store *store) {
    mn_vector_spans all = {.list = {.what = "parts of vectors"}};
    int rc = store->kind->begin(store, 0), gone = 0;
    if (rc >= 0) {
        rc = mn_vector_spans_read(store, s->owner, &all);
        store->kind->end(store, 0);
    }
    for (int i = 0; i < s->shared; i++) {
        mn_vector_part *const p = s->part + i;
        if (!p->writing) continue;
        if (rc >= 0 && mn_vector_spans_find(&all, p->key)) {
            mn_vector_part_publish(p, &all, s->us);
            v->counts.made++;
        } else {
            gone = 1;
        }
    }
    mn_vector_spans_free(&all);
    if (gone) mn_set_clear(s);
}

void mn_vectors_rest(mn_vectors *v, mn_store *store) {
    for (int i = 0; i < OWNERS; i++) {
        set *const s = v->set + i;
        if (writing(s)) publish(v, s, store);
        for (int k = 0; k < s->shared; k++) mn_vector_part_unpin(s->part + k);
        if (s->untidy && v->region) mn_vector_parts_tidy(v->region, store, s->owner, 0);
        s->untidy = 0;
    }
}
