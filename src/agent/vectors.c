/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/vectors.c - arrays that grow, and a table from ids to places in them.
 */
#include "agent/vectors.h"

#include "base/alloc.h"
#include "base/budget.h"

#include <math.h>
#include <string.h>

struct mn_vectors {
    int64_t owner, after;
    int dim;
    size_t n, cap;   /* rows, dropped ones included */
    int64_t *id;     /* [cap], 0: dropped */
    int8_t *code;    /* [cap, dim] */
    float *scale;    /* [cap] */
    uint32_t *place; /* [slots] of the table: row + 1, 0: free */
    size_t slots;    /* a power of two, more than twice cap */
};

int mn_vectors_open(int dim, mn_vectors **out) {
    mn_vectors *const v = mn_calloc(1, sizeof *v);
    if (!v) return MN_FAIL(MN_ENOMEM, "no memory for vectors");
    v->dim = dim;
    *out = v;
    return 0;
}

int mn_vectors_dim(const mn_vectors *v) {
    return v->dim;
}

static size_t bytes_of(const mn_vectors *v, size_t cap) {
    return cap * (mn_vector_bytes(v->dim) + sizeof *v->id + 4 * sizeof *v->place);
}

void mn_vectors_clear(mn_vectors *v) {
    mn_budget_give(bytes_of(v, v->cap));
    mn_free(v->id);
    mn_free(v->code);
    mn_free(v->scale);
    mn_free(v->place);
    *v = (mn_vectors){.dim = v->dim};
}

void mn_vectors_close(mn_vectors **vectors) {
    if (!*vectors) return;
    mn_vectors_clear(*vectors);
    mn_free(*vectors);
    *vectors = NULL;
}

static size_t slot_of(const mn_vectors *v, int64_t id) {
    uint64_t h = (uint64_t)id * 0x9e3779b97f4a7c15u;
    size_t at = (size_t)(h >> 32) & (v->slots - 1);
    while (v->place[at] && v->id[v->place[at] - 1] != id) at = (at + 1) & (v->slots - 1);
    return at;
}

static int grow(mn_vectors *v) {
    const size_t cap = v->cap ? v->cap + v->cap / 2 : 256;
    size_t slots = 512;
    while (slots < cap * 2) slots *= 2;
    MN_TRY(mn_budget_take(bytes_of(v, cap) - bytes_of(v, v->cap), "vectors of records"));
    int64_t *const id = mn_realloc(v->id, cap * sizeof *id);
    if (id) v->id = id;
    int8_t *const code = mn_realloc(v->code, cap * (size_t)v->dim);
    if (code) v->code = code;
    float *const scale = mn_realloc(v->scale, cap * sizeof *scale);
    if (scale) v->scale = scale;
    uint32_t *const place = mn_calloc(slots, sizeof *place);
    if (!id || !code || !scale || !place) {
        mn_budget_give(bytes_of(v, cap) - bytes_of(v, v->cap));
        mn_free(place);
        return MN_FAIL(MN_ENOMEM, "no memory for %zu vectors", cap);
    }
    mn_free(v->place);
    v->place = place;
    v->slots = slots;
    v->cap = cap;
    for (size_t i = 0; i < v->n; i++)
        if (v->id[i]) v->place[slot_of(v, v->id[i])] = (uint32_t)i + 1;
    return 0;
}

/* Of another dimension: it is not one of ours, and counts as none. */
static int take(void *user, int64_t id, const void *bytes, size_t n) {
    mn_vectors *const v = user;
    if (n != mn_vector_bytes(v->dim)) return 0;
    if (v->n == v->cap) MN_TRY(grow(v));
    const size_t at = slot_of(v, id);
    const size_t i = v->place[at] ? v->place[at] - 1 : v->n;
    v->id[i] = id;
    memcpy(v->code + i * (size_t)v->dim, bytes, (size_t)v->dim);
    memcpy(v->scale + i, (const char *)bytes + v->dim, sizeof *v->scale);
    if (!isfinite(v->scale[i])) v->scale[i] = 0;
    if (i == v->n) {
        v->place[at] = (uint32_t)i + 1;
        v->n++;
    }
    return 0;
}

int mn_vectors_read(mn_vectors *v, mn_store *s, int64_t owner) {
    if (v->owner != owner) mn_vectors_clear(v);
    v->owner = owner;
    const int rc = s->kind->vectors(s, owner, &v->after, take, v);
    return rc < 0 ? rc : 0;
}

void mn_vectors_drop(mn_vectors *v, int64_t id) {
    if (!v->n) return;
    const uint32_t place = v->place[slot_of(v, id)];
    if (!place) return;
    /* The table still leads here, under the same id, so that what lies behind it is found. */
    memset(v->code + (size_t)(place - 1) * (size_t)v->dim, 0, (size_t)v->dim);
    v->scale[place - 1] = 0;
}

int mn_vector_pack(const float *x, int dim, void *out) {
    int8_t *const code = out;
    float most = 0;
    for (int i = 0; i < dim; i++) {
        if (!isfinite(x[i])) return 0;
        most = fmaxf(most, fabsf(x[i]));
    }
    const float scale = most / 127;
    for (int i = 0; i < dim && most > 0; i++) code[i] = (int8_t)lrintf(x[i] / scale);
    memcpy(code + dim, &scale, sizeof scale);
    return most > 0;
}

static float cosine(const mn_vectors *v, size_t i, const float *query) {
    const int8_t *const c = v->code + i * (size_t)v->dim;
    float sum = 0;
    for (int d = 0; d < v->dim; d++) sum += query[d] * (float)c[d];
    return sum * v->scale[i];
}

float mn_vectors_blend(const mn_vectors *v, const float *query, const int64_t *ids, float share,
                       int n) {
    float sum[MN_VECTOR_DIM_MAX], dot = 0, length = 0;
    for (int i = 0; i < n; i++) {
        const uint32_t place = v->n ? v->place[slot_of(v, ids[i])] : 0;
        if (!i && (!place || v->scale[place - 1] == 0)) return 0;
        if (!place) continue;
        const int8_t *const c = v->code + (size_t)(place - 1) * (size_t)v->dim;
        const float weight = (i ? share : 1) * v->scale[place - 1];
        for (int d = 0; d < v->dim; d++) sum[d] = (i ? sum[d] : 0) + weight * (float)c[d];
    }
    for (int d = 0; d < v->dim; d++) {
        dot += query[d] * sum[d];
        length += sum[d] * sum[d];
    }
    return length > 0 ? dot / sqrtf(length) : 0;
}

/* Better: nearer; of equals the newer. */
static int better(mn_near a, mn_near b) {
    return a.cosine != b.cosine ? a.cosine > b.cosine : a.id > b.id;
}

int mn_vectors_nearest(const mn_vectors *v, const float *query, mn_near *out, int k) {
    int n = 0;
    for (size_t i = 0; i < v->n && k; i++) {
        const mn_near x = {v->id[i], cosine(v, i, query)};
        if (v->scale[i] == 0 || (n == k && !better(x, out[n - 1]))) continue;
        int at = n < k ? n++ : n - 1;
        for (; at && better(x, out[at - 1]); at--) out[at] = out[at - 1];
        out[at] = x;
    }
    return n;
}
