/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/org_near.c - lists of the rare words are added up by their rows; the heaviest rows, and
 * those whose vectors are nearest, are read and compared.
 */
#include "agent/org_near.h"

#include "agent/notes_inside.h"
#include "base/hash.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LIST = 512, LEAST = 8, POOL = 64, BY_SENSE = 32 };
static const double COMMON = 0.05, SENSE = 4;

/* ---- rare words ----------------------------------------------------------------------------- */
static int take_word(mn_org *c, const mn_words *spoken, mn_rare out[MN_RARE], int *count) {
    mn_words w = mn_words_of(spoken->word, spoken->n);
    char *copy;
    if (!mn_words_next(&w)) return 0; /* one of the commonest */
    for (int i = 0; i < *count; i++)
        if (strlen(out[i].word) == w.n && memcmp(out[i].word, w.word, w.n) == 0) return 0;
    mn_rare *const r = out + (*count)++;
    *r = (mn_rare){.n = 0};
    memcpy(r->word, w.word, w.n);
    MN_TRY(mn_arena_take(&c->arena, spoken->n + 1, &copy));
    memcpy(copy, spoken->word, spoken->n);
    r->spoken = copy;
    return 0;
}

/* Its rows among what was said: what organisers made of it says the same words again. */
static int list_of(mn_org *c, mn_rare *r, int64_t rows) {
    mn_store *const s = c->notes->store;
    const int64_t share = (int64_t)(COMMON * (double)rows);
    const int64_t most = share < LEAST ? LEAST : share < LIST ? share : LIST;
    mn_buf ask = {0}, mark = {0};
    int rc = mn_words_mark(c->owner, 'k', "note", &mark);
    if (rc >= 0)
        rc = mn_buf_printf(&ask, "\"%lld:%s\" NOT \"%s\"", (long long)c->owner, r->word, mark.data);
    if (rc >= 0) rc = mn_arena_take(&c->arena, (size_t)(most + 1) * sizeof *r->ids, &r->ids);
    if (rc >= 0) rc = s->kind->match(s, ask.data, r->ids, most + 1);
    mn_buf_free(&ask);
    mn_buf_free(&mark);
    if (rc < 0) return rc;
    const double n = fmax((double)rows, rc), df = rc > 0 ? rc : 1;
    r->idf = log(1 + (n - df + 0.5) / (df + 0.5));
    r->n = rc <= most ? rc : 0;
    return 0;
}

static int rarer(const void *a, const void *b) {
    const mn_rare *const x = a, *const y = b;
    if (x->idf != y->idf) return x->idf < y->idf ? 1 : -1;
    return strcmp(x->word, y->word);
}

static int look_up(mn_org *c, mn_rare *out, int count) {
    int64_t rows, words;
    MN_TRY(c->notes->store->kind->span(c->notes->store, c->owner, &rows, &words));
    for (int i = 0; i < count; i++) MN_TRY(list_of(c, out + i, rows));
    return 0;
}

int mn_org_rare(mn_org *c, const char *text, size_t n, mn_rare out[MN_RARE], int *count) {
    *count = 0;
    for (mn_words w = mn_words_of(text, n); *count < MN_RARE && mn_words_spoken(&w);)
        MN_TRY(take_word(c, &w, out, count));
    MN_TRY(mn_notes_begin(c->notes, 0));
    MN_TRY((int)mn_notes_end(c->notes, look_up(c, out, *count)));
    qsort(out, (size_t)*count, sizeof *out, rarer);
    return 0;
}

/* ---- what is near --------------------------------------------------------------------------- */
typedef struct mass {
    int64_t id;
    double mass;
} mass;

typedef struct pool {
    mn_org *c;
    const mn_row *episode;
    mass *sum; /* [n] */
    size_t n;
    int words;           /* of the episode */
    mn_vectors *vectors; /* NULL: it has no vector */
    float vector[MN_VECTOR_DIM_MAX];
    mn_near *found; /* [count] */
    int count;
} pool;

static int by_id(const void *a, const void *b) {
    const mass *const x = a, *const y = b;
    return (x->id > y->id) - (x->id < y->id);
}

static int heavier(const void *a, const void *b) {
    const mass *const x = a, *const y = b;
    return x->mass != y->mass ? (x->mass < y->mass) - (x->mass > y->mass) : -by_id(a, b);
}

/* One entry a row. */
static void merge(pool *p) {
    size_t n = 0;
    if (p->n) qsort(p->sum, p->n, sizeof *p->sum, by_id);
    for (size_t i = 0; i < p->n; i++) {
        if (n && p->sum[n - 1].id == p->sum[i].id)
            p->sum[n - 1].mass += p->sum[i].mass;
        else
            p->sum[n++] = p->sum[i];
    }
    p->n = n;
}

static int by_words(pool *p, const mn_rare *rare, int n) {
    size_t all = BY_SENSE;
    for (int i = 0; i < n; i++) all += (size_t)rare[i].n;
    MN_TRY(mn_arena_take(&p->c->arena, all * sizeof *p->sum, &p->sum));
    for (int i = 0; i < n; i++)
        for (int k = 0; k < rare[i].n; k++) p->sum[p->n++] = (mass){rare[i].ids[k], rare[i].idf};
    merge(p);
    return 0;
}

/* The heaviest stay, and those that lie near come to them. */
static int by_sense(pool *p) {
    mn_scan_hit near[BY_SENSE];
    mn_notes *const n = p->c->notes;
    if (p->n) qsort(p->sum, p->n, sizeof *p->sum, heavier);
    if (p->n > POOL) p->n = POOL;
    MN_TRY(mn_notes_sense(n, &p->vectors));
    if (!p->vectors) return 0;
    MN_TRY(mn_vectors_read(p->vectors, n->store, p->c->owner));
    if (!mn_vectors_of(p->vectors, p->episode->id, p->vector)) p->vectors = NULL;
    if (p->vectors) MN_TRY(mn_vectors_ask(p->vectors, p->vector));
    const int found = p->vectors ? mn_vectors_nearest(p->vectors, near, BY_SENSE) : 0;
    for (int i = 0; i < found; i++) p->sum[p->n++] = (mass){near[i].id, 0};
    return found < 0 ? found : 0;
}

static int words_of(const mn_row *row) {
    uint64_t seen[MN_RARE * 4];
    int n = 0;
    for (mn_words w = mn_words_of(row->text, row->n); mn_words_next(&w) && n < MN_RARE * 4;) {
        const uint64_t hash = mn_hash64(w.word, w.n);
        int there = 0;
        for (int i = 0; i < n && !there; i++) there = seen[i] == hash;
        if (!there) seen[n++] = hash;
    }
    return n;
}

static int compare(void *user, const mn_row *row) {
    pool *const p = user;
    const mass key = {.id = row->id}, *const m = bsearch(&key, p->sum, p->n, sizeof *p->sum, by_id);
    const mn_row *const e = p->episode;
    if (row->of || row->id == e->id || mn_org_made(row)) return 0;
    if (strcmp(row->agent, e->agent) != 0 || strcmp(row->run, e->run) != 0) return 0;
    if (*e->session && strcmp(row->session, e->session) == 0) return 0;
    mn_near *const one = p->found + p->count++;
    const int words = words_of(row);
    MN_TRY(mn_row_keep(&p->c->arena, row, &one->row));
    one->id = row->id;
    one->like = m && words ? m->mass / sqrt((double)p->words * words) : 0;
    if (!p->vectors) return 0;
    const float cosine = mn_vectors_blend(p->vectors, &row->id, 0, 1);
    one->like += SENSE * cosine;
    one->dense = cosine != 0;
    return 0;
}

static int more_like(const void *a, const void *b) {
    const mn_near *const x = a, *const y = b;
    if (x->like != y->like) return x->like < y->like ? 1 : -1;
    return (x->id < y->id) - (x->id > y->id);
}

static int gather(pool *p, const mn_rare *rare, int n) {
    mn_store *const s = p->c->notes->store;
    int64_t *ids;
    MN_TRY(by_words(p, rare, n));
    MN_TRY(by_sense(p));
    merge(p);
    MN_TRY(mn_arena_take(&p->c->arena, (p->n + 1) * sizeof *ids, &ids));
    MN_TRY(mn_arena_take(&p->c->arena, (p->n + 1) * sizeof *p->found, &p->found));
    for (size_t i = 0; i < p->n; i++) ids[i] = p->sum[i].id;
    return s->kind->fetch(s, p->c->owner, ids, (int)p->n, compare, p);
}

int mn_org_near(mn_org *c, const mn_row *episode, const mn_rare *rare, int n, int k,
                int (*fits)(void *user, const mn_near *one), void *user, mn_near *out) {
    pool p = {.c = c, .episode = episode, .words = n};
    int taken = 0;
    MN_TRY(mn_notes_begin(c->notes, 0));
    MN_TRY((int)mn_notes_end(c->notes, gather(&p, rare, n)));
    if (p.count) qsort(p.found, (size_t)p.count, sizeof *p.found, more_like);
    for (int i = 0; i < p.count && taken < k; i++) {
        const int fit = fits(user, p.found + i);
        MN_TRY(fit);
        if (fit) out[taken++] = p.found[i];
    }
    return taken;
}
