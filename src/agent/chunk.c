/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/chunk.c - keys, then the steps behind the best of them.
 *
 *     logit  of chunk i   q . key_i / sqrt(width), key_i the mean of its steps
 *     hits                the k largest; weight = softmax of their logits
 *     inside              per head, of `head` numbers: softmax of q . (x_s + p_s) / sqrt(head) over
 *                         the chunk's steps s, times x_s + p_s; p_s the sinusoids of step s of the
 *                         chunk (Vaswani et al., 2017)
 *     out                 sum of weight times inside
 *
 * Sixteen chunks share a part, which never moves:
 *
 *     key tile  [width][16] f32, a column a chunk: what kernels multiply a row with (kernel/pack.h)
 *     chunk     16 times: for each head a plane of keys and one of values, f16 (kernel/body_attn.h)
 *
 * Key and value of a step are both x + p, rounded to f16; the means are of x itself. Whoever has
 * trained projections multiplies them into q and x and out. A chunk that a mask cuts through is not
 * seen: its key knows steps that must not be known yet. A mask is applied to what the keys gave:
 * all keys are read, so that what a question costs does not depend on it.
 *
 * For: the long memory of a robot (thousands of steps a day) and the forward pass of a trained
 * block. A search for records is not one of its callers: its sessions are as long as people talk,
 * and its vectors are bytes (agent/vectors.h).
 */
#include "agent/chunk.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/hash.h"

#include <math.h>
#include <string.h>

enum { TILE = 16 };                    /* chunks of a part */
static const float LARGEST = 60000.0f; /* number of a step: what f16 has room for */

typedef struct chunk {
    int64_t first;
    uint64_t episode; /* hash of its name */
    int n;
} chunk;

struct mn_chunks {
    const mn_kernels *k;
    int width, heads, head, steps; /* head: numbers of one */
    size_t plane, part_bytes;
    uint8_t **part; /* [parts] */
    int parts;
    chunk *chunk; /* [n] of room for parts * TILE */
    int n;
    int64_t all; /* steps */
    uint64_t episode, read;
    double *sum;     /* [width] of the chunk that fills */
    float *position; /* [steps, width] */
    float *row;      /* [width] */
    float *scratch;
    void *product;
    double *e; /* [most] of a softmax */
    int most;
};

/* ---- where things lie ----------------------------------------------------------------------- */
static size_t tile_bytes(const mn_chunks *c) {
    return (size_t)c->width * TILE * sizeof(float);
}
static size_t chunk_bytes(const mn_chunks *c) {
    return 2 * (size_t)c->heads * c->plane;
}
static float *key_of(const mn_chunks *c, int i) {
    return (float *)(void *)c->part[i / TILE] + i % TILE;
}
static uint8_t *planes_of(const mn_chunks *c, int i, int head) {
    return c->part[i / TILE] + tile_bytes(c) + (size_t)(i % TILE) * chunk_bytes(c) +
           2 * (size_t)head * c->plane;
}

/* ---- opening -------------------------------------------------------------------------------- */
static int check(const mn_chunks_shape *s) {
    if (s->width < TILE || s->width > MN_CHUNK_WIDTH_MAX || s->heads < 1 || s->width % s->heads ||
        s->width / s->heads % 16)
        return MN_FAIL(MN_EINVAL,
                       "steps of %d numbers in %d heads: a head has a multiple of 16, and all of "
                       "them at most %d",
                       s->width, s->heads, MN_CHUNK_WIDTH_MAX);
    if (s->steps < 0 || s->steps > MN_ATTN_BLOCK)
        return MN_FAIL(MN_EINVAL, "chunks of %d steps: at most %d, or 0 for %d", s->steps,
                       MN_ATTN_BLOCK, MN_CHUNK_STEPS);
    return 0;
}

static void fill_positions(mn_chunks *c) {
    for (int s = 0; s < c->steps; s++)
        for (int i = 0; i < c->width; i++) {
            const double angle = s / pow(10000, (double)(i / 2 * 2) / c->width);
            c->position[(size_t)s * (size_t)c->width + (size_t)i] =
                (float)(i % 2 ? cos(angle) : sin(angle));
        }
}

static size_t scratch_bytes(const mn_chunks *c) {
    return mn_attn_scratch(c->head) * sizeof(float);
}

static int rooms(mn_chunks *c) {
    const size_t width = (size_t)c->width;
    c->sum = mn_calloc(width, sizeof *c->sum);
    c->row = mn_calloc(width, sizeof *c->row);
    c->position = mn_calloc((size_t)c->steps * width, sizeof *c->position);
    if (!c->sum || !c->row || !c->position)
        return MN_FAIL(MN_ENOMEM, "no memory for chunks of %d steps of %d", c->steps, c->width);
    MN_TRY(mn_alloc_pages(scratch_bytes(c), "chunks", (void **)&c->scratch));
    return mn_alloc_pages(mn_product_scratch(c->width), "chunks", &c->product);
}

int mn_chunks_open(const mn_kernels *kernels, const mn_chunks_shape *shape, mn_chunks **out) {
    MN_TRY(check(shape));
    mn_chunks *c = mn_calloc(1, sizeof *c);
    if (!c) return MN_FAIL(MN_ENOMEM, "no memory for chunks");
    c->k = kernels;
    c->width = shape->width;
    c->heads = shape->heads;
    c->head = shape->width / shape->heads;
    c->steps = shape->steps ? shape->steps : MN_CHUNK_STEPS;
    c->plane = mn_kv_plane_bytes(MN_KV_F16, c->steps, c->head);
    c->part_bytes = tile_bytes(c) + TILE * chunk_bytes(c);
    c->episode = mn_hash64("", 0);
    const int rc = rooms(c);
    if (rc < 0)
        mn_chunks_close(&c);
    else
        fill_positions(c);
    *out = c;
    return rc;
}

void mn_chunks_close(mn_chunks **chunks) {
    mn_chunks *const c = *chunks;
    if (!c) return;
    for (int i = 0; i < c->parts; i++) mn_free_pages(c->part[i], c->part_bytes);
    mn_free_pages(c->scratch, scratch_bytes(c));
    mn_free_pages(c->product, mn_product_scratch(c->width));
    void *const all[] = {c->part, c->chunk, c->sum, c->position, c->row, c->e, c};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) mn_free(all[i]);
    *chunks = NULL;
}

int64_t mn_chunks_steps(const mn_chunks *c) {
    return c->all;
}
int mn_chunks_n(const mn_chunks *c) {
    return c->n;
}
uint64_t mn_chunks_read(const mn_chunks *c) {
    return c->read;
}

/* ---- steps ---------------------------------------------------------------------------------- */
static int more(mn_chunks *c) {
    if (c->parts > INT32_MAX / TILE - 1)
        return MN_FAIL(MN_EFULL, "there are %d chunks: no more fit", c->n);
    const size_t parts = (size_t)c->parts + 1;
    uint8_t **const part = mn_realloc(c->part, parts * sizeof *part);
    if (part) c->part = part;
    chunk *const list = part ? mn_realloc(c->chunk, parts * TILE * sizeof *list) : NULL;
    if (!list) return MN_FAIL(MN_ENOMEM, "no memory for chunk %d", c->n + 1);
    c->chunk = list;
    MN_TRY(mn_alloc_pages(c->part_bytes, "chunks", (void **)&c->part[c->parts]));
    c->parts++;
    return 0;
}

/* A new chunk unless the last one has room. */
static int open_chunk(mn_chunks *c) {
    const chunk *const last = c->n ? c->chunk + c->n - 1 : NULL;
    if (last && last->n < c->steps && last->episode == c->episode) return 0;
    if (c->n == c->parts * TILE) MN_TRY(more(c));
    c->chunk[c->n++] = (chunk){.first = c->all, .episode = c->episode};
    memset(c->sum, 0, (size_t)c->width * sizeof *c->sum);
    return 0;
}

int mn_chunks_add(mn_chunks *c, const float *x) {
    for (int i = 0; i < c->width; i++)
        if (!(fabsf(x[i]) <= LARGEST))
            return MN_FAIL(MN_EINVAL, "number %d of a step is %g; at most %g", i + 1, (double)x[i],
                           (double)LARGEST);
    MN_TRY(open_chunk(c));
    const int at = c->n - 1;
    chunk *const to = c->chunk + at;
    const float *const p = c->position + (size_t)to->n * (size_t)c->width;
    float *const key = key_of(c, at);
    for (int i = 0; i < c->width; i++) {
        c->sum[i] += x[i];
        key[(size_t)i * TILE] = (float)(c->sum[i] / (to->n + 1));
        c->row[i] = x[i] + p[i];
    }
    for (int h = 0; h < c->heads; h++) {
        uint8_t *const planes = planes_of(c, at, h);
        const float *const row = c->row + h * c->head;
        c->k->store_k(MN_KV_F16, planes, to->n, 1, c->head, row, (size_t)c->width);
        c->k->store_v(MN_KV_F16, planes + c->plane, to->n, 1, c->head, row, (size_t)c->width);
    }
    to->n++;
    c->all++;
    return 0;
}

void mn_chunks_episode(mn_chunks *c, const char *name) {
    c->episode = mn_hash64(name, strlen(name));
}

/* ---- the first level ------------------------------------------------------------------------ */
static int better(const mn_chunk_hit *a, const mn_chunk_hit *b) {
    return a->logit != b->logit ? a->logit > b->logit : a->chunk > b->chunk;
}

/* Into the k best, which are in order. */
static int keep(mn_chunk_hit *hit, int n, int k, mn_chunk_hit h) {
    if (n == k && !better(&h, hit + n - 1)) return n;
    int at = n < k ? n : k - 1;
    for (; at > 0 && better(&h, hit + at - 1); at--) hit[at] = hit[at - 1];
    hit[at] = h;
    return n < k ? n + 1 : k;
}

static int visible(const chunk *of, const mn_chunks_ask *ask, uint64_t episode) {
    if (ask->before && of->first + of->n > ask->before) return 0;
    return !ask->episode || of->episode == episode;
}

static int best(mn_chunks *c, const mn_chunks_ask *ask, int k, mn_chunk_hit *hit) {
    const uint64_t episode = ask->episode ? mn_hash64(ask->episode, strlen(ask->episode)) : 0;
    const mn_acts q = {.x = ask->q, .x_stride = (size_t)c->width, .k = c->width, .m = 1};
    const float scale = 1 / sqrtf((float)c->width);
    int n = 0;
    for (int p = 0; p * TILE < c->n; p++) {
        _Alignas(64) float logit[TILE];
        const mn_packed keys = {MN_F32, TILE, c->width, c->part[p], tile_bytes(c)};
        c->k->product(&keys, 0, 1, &q, 0, 1, logit, TILE, c->product);
        c->read += tile_bytes(c);
        for (int i = p * TILE; i < c->n && i < (p + 1) * TILE; i++) {
            const chunk *const of = c->chunk + i;
            if (!visible(of, ask, episode)) continue;
            n = keep(
                hit, n, k,
                (mn_chunk_hit){
                    .first = of->first, .chunk = i, .n = of->n, .logit = logit[i % TILE] * scale});
        }
    }
    return n;
}

static int weigh(mn_chunks *c, mn_chunk_hit *hit, int n) {
    double sum = 0;
    if (n > c->most) {
        double *const e = mn_realloc(c->e, (size_t)n * sizeof *e);
        if (!e) return MN_FAIL(MN_ENOMEM, "no memory for the weights of %d chunks", n);
        c->e = e;
        c->most = n;
    }
    for (int i = 0; i < n; i++) c->e[i] = (double)hit[i].logit - (double)hit[0].logit;
    c->k->exps(c->e, n);
    for (int i = 0; i < n; i++) sum += c->e[i];
    for (int i = 0; i < n; i++) hit[i].weight = (float)(c->e[i] / sum);
    return n;
}

/* ---- the second level ----------------------------------------------------------------------- */
/* Attention inside one chunk, times its weight, onto out. c->row has the question, scaled. */
static void look_inside(mn_chunks *c, const mn_chunk_hit *hit, float *out) {
    float o[MN_CHUNK_WIDTH_MAX], max, sum;
    const int none = 0, all = hit->n;
    for (int h = 0; h < c->heads; h++) {
        const uint8_t *const planes = planes_of(c, hit->chunk, h);
        const mn_attn_piece piece = {.k = planes, .v = planes + c->plane, .n = hit->n};
        const mn_attn_job job = {.piece = &piece,
                                 .n_pieces = 1,
                                 .format = MN_KV_F16,
                                 .d = c->head,
                                 .q = c->row + h * c->head,
                                 .q_token = (size_t)c->head,
                                 .heads = 1,
                                 .rows = 1,
                                 .from = &none,
                                 .to = &all,
                                 .max = &max,
                                 .sum = &sum,
                                 .o = o,
                                 .scratch = c->scratch};
        c->k->attend(&job);
        c->k->finish(o, sum, c->head);
        c->k->add_scaled(out + h * c->head, o, hit->weight, c->head);
    }
    c->read += 2 * (uint64_t)hit->n * (uint64_t)c->width * sizeof(uint16_t);
}

int mn_chunks_find(mn_chunks *c, const mn_chunks_ask *ask, mn_chunk_hit *hit, float *out) {
    const int k = ask->k ? ask->k : MN_CHUNK_BEST;
    const float scale = 1 / sqrtf((float)c->head);
    if (k < 0) return MN_FAIL(MN_EINVAL, "%d chunks are asked for; at least 1", k);
    if (ask->before < 0)
        return MN_FAIL(MN_EINVAL, "steps before step %lld are asked for; the first is 0",
                       (long long)ask->before);
    for (int i = 0; i < c->width; i++)
        if (!isfinite(ask->q[i]))
            return MN_FAIL(MN_EINVAL, "number %d of a question is none (not finite)", i + 1);
    c->read = 0;
    const int n = best(c, ask, k, hit);
    if (out) memset(out, 0, (size_t)c->width * sizeof *out);
    if (!n) return 0;
    MN_TRY(weigh(c, hit, n));
    if (!out) return n;
    for (int i = 0; i < c->width; i++) c->row[i] = ask->q[i] * scale;
    for (int i = 0; i < n; i++) look_inside(c, hit + i, out);
    return n;
}
