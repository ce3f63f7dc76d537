/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/scan.c - all vectors, piece by piece, by a team of threads.
 *
 * Each thread keeps the best it has seen, in a heap of k hits whose root is the worst; a piece is
 * read PIECE rows at a time, and of most rows nothing more is asked than whether they reach that
 * root. The first m by sketch are kept as numbers that order them,
 *
 *   key = bits that differ (16) | the last row minus this one (48)
 *
 * in a list of 4 m; when it is full its best m stay (quickselect), and their worst is what later
 * rows must beat. In the end the threads' hits or keys become one list, which is what one thread
 * would have found, for orders are total.
 *
 * Cost: n * d bytes read for an exact answer; n * d / 8 and m * d for a near one.
 */
#include "agent/scan.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/team.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { PIECE = 2048, BLOCK = 256, CANDIDATES = 64 };
#define ROW_BITS 48
#define ROW_MASK (((uint64_t)1 << ROW_BITS) - 1)

typedef struct heap {
    mn_scan_hit *hit;
    int n;
} heap;
typedef struct before { /* a part */
    size_t pieces, rows;
} before;
typedef struct list {
    uint64_t *key;
    size_t n;
    uint64_t bound; /* only what is below it is of use */
} list;

struct mn_scan {
    const mn_kernels *kernels;
    mn_team *team;
    heap *heap; /* one a thread */
    list *list;
    void *room; /* what they point into */
    size_t room_bytes;
    /* The search that is being run. */
    const mn_scan_query *q;
    const mn_scan_part *parts;
    before *before; /* [n_parts + 1] */
    int n_parts, k, cap;
    size_t m;
};

/* ---- vectors ------------------------------------------------------------------------------ */
int mn_scan_quantise(const float *x, int d, int8_t *codes, float *scale) {
    if (d < 32 || d > MN_SCAN_MOST || d % 32)
        return MN_FAIL(MN_EINVAL, "vectors of %d numbers; multiples of 32 up to %d are compared", d,
                       MN_SCAN_MOST);
    float top = 0;
    for (int i = 0; i < d; i++) {
        if (!isfinite(x[i]))
            return MN_FAIL(MN_EINVAL, "number %d of %d of the vector is not finite", i + 1, d);
        top = fabsf(x[i]) > top ? fabsf(x[i]) : top;
    }
    if (top <= 0) return MN_FAIL(MN_EINVAL, "a vector of %d zeros points nowhere", d);
    int32_t square = 0;
    for (int i = 0; i < d; i++) {
        codes[i] = (int8_t)lrint((double)x[i] / (double)top * 127);
        square += codes[i] * codes[i];
    }
    *scale = (float)(1 / sqrt((double)square));
    return 0;
}

void mn_scan_sketch(const int8_t *codes, int d, uint8_t *sketch) {
    memset(sketch, 0, mn_scan_sketch_bytes(d));
    for (int i = 0; i < d; i++) sketch[i / 8] |= (uint8_t)((codes[i] < 0) << i % 8);
}

int mn_scan_ask(const float *x, int d, mn_scan_query *out) {
    MN_TRY(mn_scan_quantise(x, d, out->codes, &out->scale));
    mn_scan_sketch(out->codes, d, out->sketch);
    out->d = d;
    return 0;
}

/* ---- hits --------------------------------------------------------------------------------- */
static int worse(const mn_scan_hit *a, const mn_scan_hit *b) {
    return a->score < b->score || (!(a->score > b->score) && a->id < b->id);
}

static void sink(heap *h, int at, mn_scan_hit x) {
    for (int child; (child = 2 * at + 1) < h->n; at = child) {
        if (child + 1 < h->n && worse(h->hit + child + 1, h->hit + child)) child++;
        if (!worse(h->hit + child, &x)) break;
        h->hit[at] = h->hit[child];
    }
    h->hit[at] = x;
}

static void add(heap *h, int k, mn_scan_hit x) {
    if (h->n == k) {
        if (worse(h->hit, &x)) sink(h, 0, x);
        return;
    }
    int at = h->n++;
    for (int up; at && worse(&x, h->hit + (up = (at - 1) / 2)); at = up) h->hit[at] = h->hit[up];
    h->hit[at] = x;
}

static int best_first(const void *a, const void *b) {
    return worse(b, a) ? -1 : worse(a, b);
}

/* What all threads have found, to out. */
static int gather(mn_scan *s, int k, mn_scan_hit *out) {
    for (int w = 1; w < mn_team_size(s->team); w++)
        for (int i = 0; i < s->heap[w].n; i++) add(s->heap, k, s->heap[w].hit[i]);
    const int n = s->heap[0].n;
    if (n) memcpy(out, s->heap[0].hit, (size_t)n * sizeof *out);
    qsort(out, (size_t)n, sizeof *out, best_first);
    const float scale = s->q->scale;
    for (int i = 0; i < n; i++) out[i].score *= scale;
    return n;
}

/* ---- pieces ------------------------------------------------------------------------------- */
/* The part with row or piece `at` of all. */
static int part_of(const mn_scan *s, size_t at, int rows) {
    int low = 0, high = s->n_parts;
    while (high - low > 1) {
        const int middle = low + (high - low) / 2;
        if ((rows ? s->before[middle].rows : s->before[middle].pieces) <= at)
            low = middle;
        else
            high = middle;
    }
    return low;
}

/* The part with a piece, and which of its rows that is, [first, end). */
static int rows_of(const mn_scan *s, int piece, size_t *first, size_t *end) {
    const int part = part_of(s, (size_t)piece, 0);
    const size_t n = s->parts[part].n;
    *first = ((size_t)piece - s->before[part].pieces) * PIECE;
    *end = n - *first < PIECE ? n : *first + PIECE;
    return part;
}

/* ---- exact -------------------------------------------------------------------------------- */
/* Rows [from, from + n) of p whose products with the question are dot. Scores lack the question's
 * scale here, which is the same for all. */
static void weigh(const mn_scan *s, heap *h, const mn_scan_part *p, size_t from, int n,
                  const int32_t *dot) {
    const float *scale = p->scale + from;
    for (int i = 0; i < n; i++) {
        const float score = (float)dot[i] * scale[i];
        if (h->n == s->k && !(score >= h->hit[0].score)) continue;
        if (scale[i] > 0 && isfinite(score))
            add(h, s->k, (mn_scan_hit){p->id[from + (size_t)i], score});
    }
}

static void exact_piece(void *ctx, int piece, int worker) {
    const mn_scan *s = ctx;
    size_t first, end;
    const mn_scan_part *p = s->parts + rows_of(s, piece, &first, &end);
    int32_t dot[BLOCK];
    for (size_t at = first; at < end; at += BLOCK) {
        const int n = end - at < BLOCK ? (int)(end - at) : BLOCK;
        s->kernels->dots(s->q->codes, s->q->d, p->codes + at * p->stride, p->stride, n, dot);
        weigh(s, s->heap + worker, p, at, n, dot);
    }
}

/* ---- near --------------------------------------------------------------------------------- */
static void swap(uint64_t *a, uint64_t *b) {
    const uint64_t x = *a;
    *a = *b;
    *b = x;
}

/* The m smallest of n > m different keys move to the front, the largest of them last (Hoare's
 * quickselect, the median of three as pivot). */
static void split(uint64_t *key, ptrdiff_t n, ptrdiff_t m) {
    for (ptrdiff_t low = 0, high = n - 1; low < high;) {
        const ptrdiff_t middle = low + (high - low) / 2;
        if (key[middle] < key[low]) swap(key + middle, key + low);
        if (key[high] < key[low]) swap(key + high, key + low);
        if (key[high] < key[middle]) swap(key + high, key + middle);
        const uint64_t pivot = key[middle];
        ptrdiff_t i = low, j = high;
        while (i <= j) {
            while (key[i] < pivot) i++;
            while (key[j] > pivot) j--;
            if (i <= j) swap(key + i++, key + j--);
        }
        if (m - 1 <= j)
            high = j;
        else if (m - 1 >= i)
            low = i;
        else
            return;
    }
}

static void shrink(list *l, size_t m) {
    if (l->n <= m) return;
    split(l->key, (ptrdiff_t)l->n, (ptrdiff_t)m);
    l->n = m;
    l->bound = l->key[m - 1];
}

static void sketch_piece(void *ctx, int piece, int worker) {
    const mn_scan *s = ctx;
    const size_t bytes = mn_scan_sketch_bytes(s->q->d);
    size_t first, end;
    const int part = rows_of(s, piece, &first, &end);
    const mn_scan_part *p = s->parts + part;
    list *l = s->list + worker;
    uint16_t apart[BLOCK];
    for (size_t at = first; at < end; at += BLOCK) {
        const int n = end - at < BLOCK ? (int)(end - at) : BLOCK;
        s->kernels->differ(s->q->sketch, (int)bytes, p->sketch + at * bytes, bytes, n, apart);
        const unsigned most = (unsigned)(l->bound >> ROW_BITS);
        for (int i = 0; i < n; i++) {
            if (apart[i] > most) continue;
            const size_t row = at + (size_t)i;
            const uint64_t key = (uint64_t)apart[i] << ROW_BITS |
                                 (ROW_MASK - (uint64_t)(s->before[part].rows + row));
            if (key >= l->bound || !(p->scale[row] > 0)) continue;
            l->key[l->n++] = key;
        }
        if (l->n > 4 * s->m) shrink(l, s->m);
    }
}

/* The rows of the first list. */
static void rescore_piece(void *ctx, int piece, int worker) {
    const mn_scan *s = ctx;
    const list *l = s->list;
    const size_t first = (size_t)piece * CANDIDATES,
                 end = l->n - first < CANDIDATES ? l->n : first + CANDIDATES;
    const mn_scan_part *part[CANDIDATES];
    size_t row[CANDIDATES];
    for (size_t i = first; i < end; i++) {
        const size_t at = ROW_MASK - (l->key[i] & ROW_MASK);
        const int of = part_of(s, at, 1);
        const mn_scan_part *const p = part[i - first] = s->parts + of;
        row[i - first] = at - s->before[of].rows;
        for (int b = 0; b < s->q->d; b += 64)
            __builtin_prefetch(p->codes + row[i - first] * p->stride + b, 0, 2);
    }
    for (size_t i = 0; i < end - first; i++) {
        const mn_scan_part *p = part[i];
        int32_t dot;
        s->kernels->dots(s->q->codes, s->q->d, p->codes + row[i] * p->stride, p->stride, 1, &dot);
        weigh(s, s->heap + worker, p, row[i], 1, &dot);
    }
}

/* ---- a search ----------------------------------------------------------------------------- */
/* Room for k hits and, where m is not 0, 4 m keys and a block more, for each thread. */
static int ready(mn_scan *s, size_t m, int k) {
    const size_t threads = (size_t)mn_team_size(s->team), keys = m ? 4 * m + BLOCK : 0,
                 each = keys * sizeof(uint64_t) + (size_t)k * sizeof(mn_scan_hit);
    if (s->room_bytes < each * threads) {
        void *more = mn_realloc(s->room, each * threads);
        if (!more) return MN_FAIL(MN_ENOMEM, "no memory for the %d best of %zu candidates", k, m);
        s->room = more;
        s->room_bytes = each * threads;
    }
    for (size_t w = 0; w < threads; w++) {
        char *at = (char *)s->room + w * each;
        s->list[w] = (list){.key = (uint64_t *)(void *)at, .bound = UINT64_MAX};
        s->heap[w] = (heap){.hit = (mn_scan_hit *)(void *)(at + keys * sizeof(uint64_t))};
    }
    return 0;
}

/* Which rows and pieces each part has. */
static int lay_out(mn_scan *s, const mn_scan_part *part, int parts) {
    if (s->cap <= parts) {
        before *more = mn_realloc(s->before, (size_t)(parts + 1) * sizeof *more);
        if (!more) return MN_FAIL(MN_ENOMEM, "no memory to search %d parts", parts);
        s->before = more;
        s->cap = parts + 1;
    }
    s->before[0] = (before){0};
    for (int i = 0; i < parts; i++)
        s->before[i + 1] = (before){s->before[i].pieces + (part[i].n + PIECE - 1) / PIECE,
                                    s->before[i].rows + part[i].n};
    return 0;
}

static int begin(mn_scan *s, const mn_scan_part *part, int parts, const mn_scan_query *q, size_t m,
                 int k) {
    if (k < 1) return MN_FAIL(MN_EINVAL, "the %d nearest are asked for; 1 is the least", k);
    MN_TRY(lay_out(s, part, parts));
    const size_t rows = s->before[parts].rows;
    s->q = q;
    s->parts = part;
    s->n_parts = parts;
    s->k = (size_t)k < rows ? k : (int)rows;
    s->m = m;
    return s->k ? ready(s, s->m, s->k) : 0;
}

/* The others begin with the pieces of all parts. */
static void start(mn_scan *s, void (*work)(void *, int, int)) {
    mn_team_begin(s->team, work, s, (int)s->before[s->n_parts].pieces);
}

int mn_scan_begin_exact(mn_scan *s, const mn_scan_part *part, int parts, const mn_scan_query *q,
                        int k) {
    MN_TRY(begin(s, part, parts, q, 0, k));
    if (s->k) start(s, exact_piece);
    return 0;
}

int mn_scan_begin_near(mn_scan *s, const mn_scan_part *part, int parts, const mn_scan_query *q,
                       int m, int k) {
    if (m < 0) return MN_FAIL(MN_EINVAL, "%d candidates", m);
    size_t rows = 0;
    for (int i = 0; i < parts; i++) rows += part[i].n;
    if (!m) m = MN_SCAN_NEAR;
    if (rows <= (size_t)m) return mn_scan_begin_exact(s, part, parts, q, k);
    MN_TRY(begin(s, part, parts, q, (size_t)m, k));
    start(s, sketch_piece);
    return 0;
}

/* What the threads found by sketch becomes the first list, whose rows are looked at. */
static void rescore(mn_scan *s) {
    list *all = s->list;
    shrink(all, s->m);
    for (int w = 1; w < mn_team_size(s->team); w++) {
        list *l = s->list + w;
        shrink(l, s->m);
        if (l->n) memcpy(all->key + all->n, l->key, l->n * sizeof *l->key);
        all->n += l->n;
        shrink(all, s->m);
    }
    mn_team_run(s->team, rescore_piece, s, (int)((all->n + CANDIDATES - 1) / CANDIDATES));
}

int mn_scan_end(mn_scan *s, mn_scan_hit *out) {
    if (!s->k) return 0;
    mn_team_end(s->team);
    if (s->m) rescore(s);
    return gather(s, s->k, out);
}

int mn_scan_exact(mn_scan *s, const mn_scan_part *part, int parts, const mn_scan_query *q, int k,
                  mn_scan_hit *out) {
    MN_TRY(mn_scan_begin_exact(s, part, parts, q, k));
    return mn_scan_end(s, out);
}

int mn_scan_near(mn_scan *s, const mn_scan_part *part, int parts, const mn_scan_query *q, int m,
                 int k, mn_scan_hit *out) {
    MN_TRY(mn_scan_begin_near(s, part, parts, q, m, k));
    return mn_scan_end(s, out);
}

int mn_scan_open(const mn_kernels *kernels, int threads, mn_scan **out) {
    *out = NULL;
    mn_scan *s = mn_calloc(1, sizeof *s);
    if (!s) return MN_FAIL(MN_ENOMEM, "no memory to search vectors with");
    s->kernels = kernels;
    int rc = mn_team_open(threads, &s->team);
    if (rc >= 0) {
        s->heap = mn_calloc((size_t)threads, sizeof *s->heap);
        s->list = mn_calloc((size_t)threads, sizeof *s->list);
        if (!s->heap || !s->list)
            rc = MN_FAIL(MN_ENOMEM, "no memory to search vectors with %d threads", threads);
    }
    if (rc < 0) mn_scan_close(&s);
    *out = s;
    return rc;
}

void mn_scan_close(mn_scan **scan) {
    mn_scan *s = *scan;
    *scan = NULL;
    if (!s) return;
    if (s->team) mn_team_close(&s->team);
    mn_free(s->heap);
    mn_free(s->list);
    mn_free(s->room);
    mn_free(s->before);
    mn_free(s);
}
