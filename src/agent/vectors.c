/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/vectors.c - for each owner parts of PART rows, which never move, and a table from ids to
 * rows.
 */
#include "agent/vectors.h"

#include "base/alloc.h"
#include "base/budget.h"
#include "base/hash.h"

#include <math.h>
#include <string.h>
#include <unistd.h>

enum { PART = 8192, PARTS = 4096, OWNERS = 8, THREADS = 2 };

typedef struct set {
    int64_t owner, after; /* 0: nobody's; number of the last vector that was read */
    uint64_t used;
    size_t n;        /* rows, dropped ones included */
    int parts;       /* that have room */
    uint8_t **part;  /* [parts] */
    uint32_t *place; /* [slots] of a table: row + 1, 0: free */
    size_t slots;    /* a power of two, more than twice the rows */
} set;

struct mn_vectors {
    int dim;
    uint64_t clock;
    const mn_kernels *kernels;
    mn_scan *scan;
    mn_scan_query asked;
    set set[OWNERS], *now; /* now: NULL: nothing was read yet */
    mn_store *finder;      /* it finds the nearest of the owner itself; NULL: we do */
};

/* ---- parts --------------------------------------------------------------------------------- */
/* Where things lie in a part. */
static int8_t *codes_of(const mn_vectors *v, const set *s, size_t row) {
    return (int8_t *)s->part[row / PART] + row % PART * (size_t)v->dim;
}
static uint8_t *sketch_of(const mn_vectors *v, const set *s, size_t row) {
    return s->part[row / PART] + PART * (size_t)v->dim + row % PART * mn_scan_sketch_bytes(v->dim);
}
static int64_t *id_of(const mn_vectors *v, const set *s, size_t row) {
    return (int64_t *)(void *)(s->part[row / PART] +
                               PART * ((size_t)v->dim + mn_scan_sketch_bytes(v->dim))) +
           row % PART;
}
static float *scale_of(const mn_vectors *v, const set *s, size_t row) {
    return (float *)(void *)(id_of(v, s, row - row % PART) + PART) + row % PART;
}
static size_t part_bytes(const mn_vectors *v) {
    return PART * ((size_t)v->dim + mn_scan_sketch_bytes(v->dim) + sizeof(int64_t) + sizeof(float));
}

static void clear(const mn_vectors *v, set *s) {
    for (int i = 0; i < s->parts; i++) mn_free_pages(s->part[i], part_bytes(v));
    mn_budget_give(s->slots * sizeof *s->place);
    mn_free(s->part);
    mn_free(s->place);
    *s = (set){0};
}

/* ---- opening ------------------------------------------------------------------------------- */
int mn_vectors_open(int dim, mn_vectors **out) {
    const long cores = sysconf(_SC_NPROCESSORS_ONLN);
    if (dim < 32 || dim > MN_VECTOR_DIM_MAX || dim % 32)
        return MN_FAIL(
            MN_EUNSUPPORTED,
            "vectors of %d numbers: a model for records makes a multiple of 32, up to %d", dim,
            MN_VECTOR_DIM_MAX);
    mn_vectors *v = mn_calloc(1, sizeof *v);
    if (!v) return MN_FAIL(MN_ENOMEM, "no memory for vectors");
    v->dim = dim;
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
    for (int i = 0; i < OWNERS; i++) clear(v, v->set + i);
    v->now = NULL;
}

void mn_vectors_close(mn_vectors **vectors) {
    if (!*vectors) return;
    mn_vectors_clear(*vectors);
    mn_scan_close(&(*vectors)->scan);
    mn_free(*vectors);
    *vectors = NULL;
}

/* ---- reading ------------------------------------------------------------------------------- */
static size_t slot_of(const mn_vectors *v, const set *s, int64_t id) {
    size_t at = mn_hash_slot((uint64_t)id, s->slots);
    while (s->place[at] && *id_of(v, s, s->place[at] - 1) != id) at = (at + 1) & (s->slots - 1);
    return at;
}

/* A table twice as large. */
static int more_slots(const mn_vectors *v, set *s) {
    const size_t was = s->slots, slots = was ? was * 2 : 1024;
    uint32_t *const place = mn_calloc(slots, sizeof *place);
    if (!place) return MN_FAIL(MN_ENOMEM, "no memory for a table of %zu vectors", slots);
    const int rc = mn_budget_take((slots - was) * sizeof *place, "vectors of records");
    if (rc < 0) {
        mn_free(place);
        return rc;
    }
    mn_free(s->place);
    s->place = place;
    s->slots = slots;
    for (size_t i = 0; i < s->n; i++) s->place[slot_of(v, s, *id_of(v, s, i))] = (uint32_t)i + 1;
    return 0;
}

static int more_rows(const mn_vectors *v, set *s) {
    void *part;
    if (s->parts == PARTS)
        return MN_FAIL(MN_EFULL, "one user has more than %d vectors", PART * PARTS);
    uint8_t **const list = mn_realloc(s->part, (size_t)(s->parts + 1) * sizeof *list);
    if (!list) return MN_FAIL(MN_ENOMEM, "no memory for %zu vectors", s->n + 1);
    s->part = list;
    MN_TRY(mn_alloc_pages(part_bytes(v), "vectors of records", &part));
    s->part[s->parts++] = part;
    return 0;
}

/* What makes codes a vector of length 1; 0: they point nowhere. */
static float unit(const mn_vectors *v, const int8_t *codes) {
    int32_t square;
    v->kernels->dots(codes, v->dim, codes, (size_t)v->dim, 1, &square);
    return square > 0 ? (float)(1 / sqrt((double)square)) : 0;
}

/* One that has another length is none of ours, and counts as none. */
static int take(void *user, int64_t id, const void *bytes, size_t n) {
    mn_vectors *const v = user;
    set *const s = v->now;
    if (n != mn_vector_bytes(v->dim)) return 0;
    if (2 * (s->n + 1) > s->slots) MN_TRY(more_slots(v, s));
    const size_t at = slot_of(v, s, id);
    const size_t row = s->place[at] ? s->place[at] - 1 : s->n;
    if (row == (size_t)s->parts * PART) MN_TRY(more_rows(v, s));
    int8_t *const codes = codes_of(v, s, row);
    float *const scale = scale_of(v, s, row);
    memcpy(codes, bytes, (size_t)v->dim);
    for (int d = 0; d < v->dim; d++)
        if (codes[d] == INT8_MIN) codes[d] = -INT8_MAX; /* none of ours, but the kernels' bound */
    mn_scan_sketch(codes, v->dim, sketch_of(v, s, row));
    *scale = unit(v, codes); /* what the bytes say of it need not be true */
    *id_of(v, s, row) = id;
    s->place[at] = (uint32_t)row + 1;
    s->n += row == s->n;
    return 0;
}

/* The set of an owner: his, a free one, or that of who has not asked for longest. */
static set *set_of(mn_vectors *v, int64_t owner) {
    set *oldest = v->set;
    for (int i = 0; i < OWNERS; i++) {
        if (v->set[i].owner == owner) return v->set + i;
        if (v->set[i].used < oldest->used) oldest = v->set + i;
    }
    clear(v, oldest);
    oldest->owner = owner;
    return oldest;
}

int mn_vectors_read(mn_vectors *v, mn_store *store, int64_t owner) {
    const int finds = store->kind->finds ? store->kind->finds(store, owner) : 0;
    MN_TRY(finds);
    v->now = set_of(v, owner);
    v->now->used = ++v->clock;
    v->finder = finds ? store : NULL;
    if (finds) { /* what was read for the last question may be of any age */
        clear(v, v->now);
        v->now->owner = owner;
        v->now->used = v->clock;
        return 0;
    }
    const int rc = store->kind->vectors(store, owner, &v->now->after, take, v);
    return rc < 0 ? rc : 0;
}

int mn_vectors_bring(mn_vectors *v, const int64_t *ids, int n) {
    if (!v->now || !v->finder || !n) return 0;
    const int rc = v->finder->kind->vectors_of(v->finder, v->now->owner, ids, n, take, v);
    return rc < 0 ? rc : 0;
}

void mn_vectors_drop(mn_vectors *v, int64_t id) {
    for (int i = 0; i < OWNERS; i++) {
        set *const s = v->set + i;
        const uint32_t place = s->n ? s->place[slot_of(v, s, id)] : 0;
        if (!place) continue;
        /* The table still leads here, under the same id, so that what lies behind it is found. */
        memset(codes_of(v, s, place - 1), 0, (size_t)v->dim);
        memset(sketch_of(v, s, place - 1), 0, mn_scan_sketch_bytes(v->dim));
        *scale_of(v, s, place - 1) = 0;
    }
}

int mn_vector_pack(const float *x, int dim, void *out) {
    float scale;
    if (mn_scan_quantise(x, dim, out, &scale) < 0) return 0;
    memcpy((char *)out + dim, &scale, sizeof scale);
    return 1;
}

/* ---- asking ------------------------------------------------------------------------------- */
int mn_vectors_of(const mn_vectors *v, int64_t id, float *out) {
    const set *const s = v->now;
    const uint32_t place = s->n ? s->place[slot_of(v, s, id)] : 0;
    const float scale = place ? *scale_of(v, s, place - 1) : 0;
    if (scale == 0) return 0;
    const int8_t *const codes = codes_of(v, s, place - 1);
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
    const set *const s = v->now;
    const int8_t *codes[3];
    float scale[3], weight[3], dot = 0, square = 0;
    int have = 0;
    for (int i = 0; i < n && i < 3; i++) {
        const uint32_t place = s->n ? s->place[slot_of(v, s, ids[i])] : 0;
        const float size = place ? *scale_of(v, s, place - 1) : 0;
        if (!i && size <= 0) return 0;
        if (size <= 0) continue;
        codes[have] = codes_of(v, s, place - 1);
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
    MN_TRY(take(f->v, id, bytes, n));
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

int mn_vectors_nearest(mn_vectors *v, mn_scan_hit *out, int k) {
    if (v->finder) return find_nearest(v, out, k);
    mn_scan_part part[PARTS];
    const set *const s = v->now;
    for (int i = 0; i < s->parts; i++) {
        const size_t first = (size_t)i * PART;
        part[i] = (mn_scan_part){.codes = codes_of(v, s, first),
                                 .scale = scale_of(v, s, first),
                                 .sketch = sketch_of(v, s, first),
                                 .id = id_of(v, s, first),
                                 .stride = (size_t)v->dim,
                                 .n = s->n - first < PART ? s->n - first : PART};
    }
    return s->n <= MN_VECTORS_EXACT ? mn_scan_exact(v->scan, part, s->parts, &v->asked, k, out)
                                    : mn_scan_near(v->scan, part, s->parts, &v->asked, 0, k, out);
}
