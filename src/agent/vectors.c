/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/vectors.c - for each owner parts, whose rows never move, and a table from ids to rows of
 * those parts that are our own.
 */
#include "agent/vectors_inside.h"

#include "base/alloc.h"
#include "base/budget.h"
#include "base/hash.h"

#include <math.h>
#include <string.h>
#include <unistd.h>

enum { THREADS = 2 };

/* ---- opening ------------------------------------------------------------------------------- */
int mn_vectors_open(int dim, mn_region *region, int quiet, mn_vectors **out) {
    const long cores = sysconf(_SC_NPROCESSORS_ONLN);
    if (dim < 32 || dim > MN_VECTOR_DIM_MAX || dim % 32)
        return MN_FAIL(
            MN_EUNSUPPORTED,
            "vectors of %d numbers: a model for records makes a multiple of 32, up to %d", dim,
            MN_VECTOR_DIM_MAX);
    mn_vectors *v = mn_calloc(1, sizeof *v);
    if (!v) return MN_FAIL(MN_ENOMEM, "no memory for vectors");
    v->dim = dim;
    v->region = region;
    v->quiet = quiet;
    int rc = mn_kernels_pick(NULL, MN_NUMERICS, &v->kernels);
    if (rc >= 0) rc = mn_scan_open(v->kernels, cores < THREADS ? 1 : THREADS, &v->scan);
    if (rc < 0)
        mn_vectors_close(&v);
    else
        *out = v;
    return rc;
}

int mn_vectors_dim(const mn_vectors *v) {
    return v->dim;
}

void mn_vectors_clear(mn_vectors *v) {
    for (int i = 0; i < OWNERS; i++) mn_set_clear(v->set + i);
    v->now = NULL;
}

void mn_vectors_close(mn_vectors **vectors) {
    if (!*vectors) return;
    mn_vectors_clear(*vectors);
    mn_scan_close(&(*vectors)->scan);
    mn_free(*vectors);
    *vectors = NULL;
}

void mn_vectors_count(const mn_vectors *v, mn_vectors_counts *out) {
    *out = v->counts;
}

/* ---- rows --------------------------------------------------------------------------------- */
void mn_set_clear(set *s) {
    for (int i = 0; i < s->parts; i++) mn_vector_part_free(s->part + i);
    mn_budget_give(s->slots * sizeof *s->place);
    mn_free(s->part);
    mn_free(s->place);
    mn_buf_free(&s->waits);
    *s = (set){.owner = s->owner, .used = s->used};
}

static size_t slot_of(const set *s, int64_t id) {
    size_t at = mn_hash_slot((uint64_t)id, s->slots);
    while (s->place[at] && id_of_row(s, s->place[at] - 1) != id) at = (at + 1) & (s->slots - 1);
    return at;
}

/* A table twice as large. */
static int more_slots(set *s) {
    const size_t was = s->slots, slots = was ? was * 2 : 1024;
    uint32_t *const old = s->place, *const place = mn_calloc(slots, sizeof *place);
    if (!place) return MN_FAIL(MN_ENOMEM, "no memory for a table of %zu vectors", slots);
    const int rc = mn_budget_take((slots - was) * sizeof *place, "vectors of records");
    if (rc < 0) {
        mn_free(place);
        return rc;
    }
    s->place = place;
    s->slots = slots;
    for (size_t i = 0; i < was; i++)
        if (old[i]) place[slot_of(s, id_of_row(s, old[i] - 1))] = old[i];
    mn_free(old);
    return 0;
}

int mn_set_place(set *s, size_t row) {
    if (2 * (s->placed + 1) > s->slots) MN_TRY(more_slots(s));
    const size_t at = slot_of(s, id_of_row(s, row));
    s->placed += !s->place[at];
    s->place[at] = (uint32_t)row + 1;
    return 0;
}

int mn_set_part(set *s, const mn_vector_part *p, int shared) {
    if (s->parts == PARTS)
        return MN_FAIL(MN_EFULL, "one user has more than %d vectors", MN_VECTOR_PART * PARTS);
    mn_vector_part *const list = mn_realloc(s->part, (size_t)(s->parts + 1) * sizeof *list);
    if (!list) return MN_FAIL(MN_ENOMEM, "no memory for %zu vectors", s->rows + 1);
    s->part = list;
    s->part[s->parts++] = *p;
    s->shared += shared;
    return 0;
}

/* The number of the next row of our own. */
static int next_row(const mn_vectors *v, set *s, size_t *row) {
    mn_vector_part p;
    if (s->parts == s->shared || s->next == (size_t)s->parts * MN_VECTOR_PART) {
        MN_TRY(mn_vector_part_own(v->dim, &p));
        const int rc = mn_set_part(s, &p, 0);
        if (rc < 0) {
            mn_vector_part_free(&p);
            return rc;
        }
        s->next = (size_t)(s->parts - 1) * MN_VECTOR_PART;
    }
    *row = s->next;
    return 0;
}

/* The row of an id, by number + 1; 0: it has none. */
static size_t row_of(const set *s, int64_t id) {
    const uint32_t place = s->slots ? s->place[slot_of(s, id)] : 0;
    if (place) return place;
    int low = 0, high = s->shared; /* sorted rows of the parts rise from part to part */
    while (low < high) {
        const int middle = low + (high - low) / 2;
        if (s->part[middle].high < id)
            low = middle + 1;
        else
            high = middle;
    }
    const size_t row = low < s->shared ? mn_vector_part_find(s->part + low, id) : 0;
    return row ? (size_t)low * MN_VECTOR_PART + row : 0;
}

/* One that has another length is none of ours, and counts as none. What is in an extent stays as it
 * is: a newer one of the same record stands elsewhere. */
int mn_set_take(void *user, int64_t id, const void *bytes, size_t n) {
    mn_vectors *const v = user;
    set *const s = v->now;
    if (n != mn_vector_bytes(v->dim)) return 0;
    const size_t old = row_of(s, id);
    const int own = old && !part_of_row(s, old - 1)->ref;
    size_t row = old - 1;
    if (old && !own)
        MN_TRY(mn_vector_part_drop(part_of_row(s, old - 1), (old - 1) % MN_VECTOR_PART));
    if (!own) MN_TRY(next_row(v, s, &row));
    mn_vector_part *const p = part_of_row(s, row);
    mn_vector_part_set(v->kernels, p, row % MN_VECTOR_PART, id, bytes);
    if (own) return 0;
    MN_TRY(mn_set_place(s, row));
    p->n++;
    s->next++;
    s->rows++;
    s->fresh++;
    return 0;
}

/* ---- reading ------------------------------------------------------------------------------ */
/* The set of an owner: his, a free one, or that of who has not asked for longest. */
static set *set_of(mn_vectors *v, int64_t owner) {
    set *oldest = v->set;
    for (int i = 0; i < OWNERS; i++) {
        if (v->set[i].owner == owner) return v->set + i;
        if (v->set[i].used < oldest->used) oldest = v->set + i;
    }
    mn_set_clear(oldest);
    oldest->owner = owner;
    return oldest;
}

int mn_vectors_read(mn_vectors *v, mn_store *store, int64_t owner) {
    const int finds = store->kind->finds ? store->kind->finds(store, owner) : 0;
    MN_TRY(finds);
    set *const s = v->now = set_of(v, owner);
    s->used = ++v->clock;
    v->finder = finds ? store : NULL;
    if (finds || !mn_set_wake(v, s)) mn_set_clear(s); /* of the last question, of any age */
    if (finds) return 0;
    const int first = !s->opened;
    MN_TRY(mn_set_open(v, s, store));
    const int rc = store->kind->vectors(store, owner, &s->after, mn_set_take, v);
    if (rc > 0) v->counts.read += (uint64_t)rc;
    if (first) s->fresh = 0;
    return rc < 0 ? rc : 0;
}

int mn_vectors_bring(mn_vectors *v, const int64_t *ids, int n) {
    if (!v->now || !v->finder || !n) return 0;
    const int rc = v->finder->kind->vectors_of(v->finder, v->now->owner, ids, n, mn_set_take, v);
    return rc < 0 ? rc : 0;
}

/* The table still leads to it, under the same id, so that what lies behind it is found. */
void mn_vectors_drop(mn_vectors *v, int64_t owner, int64_t id) {
    for (int i = 0; i < OWNERS; i++) {
        set *const s = v->set + i;
        if (s->owner != owner || !s->rows) continue;
        if (mn_set_pin(v, s)) {
            const size_t row = row_of(s, id);
            if (!row ||
                mn_vector_part_drop(part_of_row(s, row - 1), (row - 1) % MN_VECTOR_PART) >= 0)
                continue;
        }
        mn_set_clear(s); /* and it is read again */
    }
}

int mn_vector_pack(const float *x, int dim, void *out) {
    float scale;
    if (mn_scan_quantise(x, dim, out, &scale) < 0) return 0;
    memcpy((char *)out + dim, &scale, sizeof scale);
    return 1;
}

/* ---- asking ------------------------------------------------------------------------------- */
/* Codes and scale of the row of an id; 0: it has no vector. */
static float vector_of(const set *s, int64_t id, const int8_t **codes) {
    const size_t row = row_of(s, id);
    if (!row) return 0;
    const mn_vector_part *const p = part_of_row(s, row - 1);
    *codes = mn_vector_codes(p, (row - 1) % MN_VECTOR_PART);
    return mn_vector_scales(p)[(row - 1) % MN_VECTOR_PART];
}

int mn_vectors_of(const mn_vectors *v, int64_t id, float *out) {
    const int8_t *codes;
    const float scale = vector_of(v->now, id, &codes);
    if (scale == 0) return 0;
    for (int d = 0; d < v->dim; d++) out[d] = scale * (float)codes[d];
    return 1;
}

int mn_vectors_ask(mn_vectors *v, const float *query) {
    return mn_scan_ask(query, v->dim, &v->asked);
}

/* Cosine of two vectors that were quantised. */
static float cosine(const mn_vectors *v, const int8_t *a, float a_scale, const int8_t *b,
                    float b_scale) {
    int32_t dot;
    v->kernels->dots(a, v->dim, b, (size_t)v->dim, 1, &dot);
    return (float)dot * a_scale * b_scale;
}

float mn_vectors_blend(const mn_vectors *v, const int64_t *ids, float share, int n) {
    const int8_t *codes[3];
    float scale[3], weight[3], dot = 0, square = 0;
    int have = 0;
    for (int i = 0; i < n && i < 3; i++) {
        const float size = vector_of(v->now, ids[i], codes + have);
        if (!i && !(size > 0)) return 0;
        if (!(size > 0)) continue;
        scale[have] = size;
        weight[have++] = i ? share : 1;
    }
    for (int i = 0; i < have; i++) {
        dot += weight[i] * cosine(v, v->asked.codes, v->asked.scale, codes[i], scale[i]);
        square += weight[i] * weight[i]; /* each is of length 1 */
        for (int j = 0; j < i; j++)
            square += 2 * weight[i] * weight[j] * cosine(v, codes[i], scale[i], codes[j], scale[j]);
    }
    return square > 0 ? dot / sqrtf(square) : 0;
}

typedef struct finding {
    mn_vectors *v;
    mn_scan_hit *out;
    int n, k;
} finding;

static int take_near(void *user, int64_t id, const void *bytes, size_t n) {
    finding *const f = user;
    MN_TRY(mn_set_take(f->v, id, bytes, n));
    if (f->n == f->k) return 0;
    f->out[f->n].id = id;
    f->out[f->n++].score = mn_vectors_blend(f->v, &id, 0, 1);
    return 0;
}

static int find_nearest(mn_vectors *v, mn_scan_hit *out, int k) {
    finding f = {.v = v, .out = out, .k = k};
    float query[MN_VECTOR_DIM_MAX];
    for (int d = 0; d < v->dim; d++) query[d] = (float)v->asked.codes[d];
    const int rc =
        v->finder->kind->nearest(v->finder, v->now->owner, query, v->dim, k, take_near, &f);
    return rc < 0 ? rc : f.n;
}

int mn_vectors_begin(mn_vectors *v, int k) {
    if (v->finder) return 0;
    const set *const s = v->now;
    for (int i = 0; i < s->parts; i++) {
        const mn_vector_part *const p = s->part + i;
        v->part[i] = (mn_scan_part){.codes = mn_vector_codes(p, 0),
                                    .scale = mn_vector_scales(p),
                                    .sketch = mn_vector_sketch(p, 0),
                                    .id = mn_vector_ids(p),
                                    .stride = p->dim,
                                    .n = p->n};
    }
    return s->rows <= MN_VECTORS_EXACT
               ? mn_scan_begin_exact(v->scan, v->part, s->parts, &v->asked, k)
               : mn_scan_begin_near(v->scan, v->part, s->parts, &v->asked, 0, k);
}

int mn_vectors_end(mn_vectors *v, mn_scan_hit *out, int k) {
    return v->finder ? find_nearest(v, out, k) : mn_scan_end(v->scan, out);
}

int mn_vectors_nearest(mn_vectors *v, mn_scan_hit *out, int k) {
    MN_TRY(mn_vectors_begin(v, k));
    return mn_vectors_end(v, out, k);
}
