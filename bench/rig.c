/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/rig.c - filling the two homes with the same rows, and the ways to attend.
 *
 * A query over 8192 positions is 16 blocks of 512 for each KV head; the team shares them out as
 * engine/step.c does, and their partials are merged from left to right. Only what one block does
 * differs:
 *   contiguous  the kernel as it is, over the planes of the region
 *   through     a kernel that follows the table (bench/body_paged.h)
 *   gathered    256 tokens at a time are copied through the table, the next blocks fetched
 *               meanwhile; then the kernel as it is
 *   one by one  the kernel as it is, each block of 16 a piece of its own
 */
#include "bench/rig.h"

#include "base/alloc.h"
#include "base/cpu.h"
#include "base/error.h"
#include "base/random.h"

#include <math.h>
#include <string.h>
#include <sys/mman.h>

enum { ROWS = MN_PAGED_ROWS, BLOCK = MN_ATTN_BLOCK, TILE = 256 };

static uint8_t *block_at(const mn_rig *g, int layer, int value, int block, int head) {
    const mn_kv_layout *l = &g->layout;
    const size_t i =
        ((size_t)(layer * 2 + value) * (size_t)(g->n * g->each) + (size_t)block) * (size_t)l->heads;
    return g->pool.data + (i + (size_t)head) * g->block_bytes;
}

/* Blocks of block b of 512, and behind them the last one again. */
static int list(const mn_rig *g, int seq, int layer, int value, int head, int b,
                const uint8_t **out) {
    const int first = b * MN_PAGED_BLOCKS, left = g->each - first;
    const int n = left < MN_PAGED_LIST ? left : MN_PAGED_LIST;
    const int32_t *table = g->table + seq * g->each + first;
    for (int i = 0; i < MN_PAGED_LIST; i++)
        out[i] = block_at(g, layer, value, table[i < n ? i : n - 1], head);
    return n < MN_PAGED_BLOCKS ? n : MN_PAGED_BLOCKS;
}

/* ---- ways to attend ----------------------------------------------------------------------- */
static void contiguous(const mn_rig *g, mn_attn_job *j, int seq, int layer, int head, int b,
                       int worker) {
    (void)worker;
    mn_attn_piece piece[MN_SEQ_SPANS];
    j->piece = piece;
    j->n_pieces =
        mn_seq_pieces(g->seq[seq], layer, head, b, b * BLOCK, b * BLOCK + j->to[0], piece);
    g->m->exec.k->attend(j);
}

static void through(const mn_rig *g, mn_attn_job *j, int seq, int layer, int head, int b,
                    int worker) {
    (void)worker;
    const uint8_t *k[MN_PAGED_LIST], *v[MN_PAGED_LIST];
    list(g, seq, layer, 0, head, b, k);
    list(g, seq, layer, 1, head, b, v);
    g->paged->attend(j, k, v);
}

static void copy(const mn_rig *g, const uint8_t *const *from, int n, uint8_t *to) {
    for (int i = 0; i < n; i++, to += g->block_bytes) {
        for (size_t at = 0; at < g->block_bytes; at += 64)
            __builtin_prefetch(from[i + MN_PAGED_AHEAD] + at, 0, 2);
        memcpy(to, from[i], g->block_bytes);
    }
}

static void gathered(const mn_rig *g, mn_attn_job *j, int seq, int layer, int head, int b,
                     int worker) {
    enum { MOST = BLOCK / TILE };
    const uint8_t *k[MN_PAGED_LIST], *v[MN_PAGED_LIST];
    const size_t plane = g->block_bytes * MN_PAGED_BLOCKS;
    uint8_t *to = g->gathered + (size_t)worker * 2 * plane;
    list(g, seq, layer, 0, head, b, k);
    list(g, seq, layer, 1, head, b, v);
    mn_attn_piece piece[MOST];
    j->piece = piece;
    for (int at = 0; at < j->to[0]; at += TILE) {
        const int n = j->to[0] - at < TILE ? j->to[0] - at : TILE, i = at / ROWS;
        copy(g, k + i, (n + ROWS - 1) / ROWS, to + (size_t)i * g->block_bytes);
        copy(g, v + i, (n + ROWS - 1) / ROWS, to + plane + (size_t)i * g->block_bytes);
        piece[j->n_pieces++] = (mn_attn_piece){to, to + plane, at, at, n};
    }
    g->m->exec.k->attend(j);
}

static void one_by_one(const mn_rig *g, mn_attn_job *j, int seq, int layer, int head, int b,
                       int worker) {
    (void)worker;
    const uint8_t *k[MN_PAGED_LIST], *v[MN_PAGED_LIST];
    list(g, seq, layer, 0, head, b, k);
    list(g, seq, layer, 1, head, b, v);
    mn_attn_piece piece[MN_PAGED_BLOCKS];
    j->piece = piece;
    for (int at = 0; at < j->to[0]; at += ROWS) {
        const int n = j->to[0] - at < ROWS ? j->to[0] - at : ROWS, i = at / ROWS;
        piece[j->n_pieces++] = (mn_attn_piece){k[i], v[i], 0, at, n};
    }
    g->m->exec.k->attend(j);
}

const mn_rig_form mn_rig_forms[] = {{"contiguous", contiguous},
                                    {"paged, kernel follows the table", through},
                                    {"paged, 256 tokens gathered", gathered},
                                    {"paged, block by block", one_by_one},
                                    {0}};

/* ---- one query row a sequence ------------------------------------------------------------- */
typedef struct pass {
    mn_rig *g;
    const mn_rig_form *form;
    const float *q;
    int layer, length, blocks, group;
} pass;

static float *partial_at(const pass *p, int item) {
    return p->g->partial + (size_t)item * (size_t)(p->group * (p->g->layout.d + 2));
}

static void item(void *ctx, int i, int worker) {
    const pass *p = ctx;
    const mn_rig *g = p->g;
    const mn_kv_layout *l = &g->layout;
    const int head = i % l->heads, b = i / l->heads % p->blocks, seq = i / l->heads / p->blocks;
    const int left = p->length - b * BLOCK, see = left < BLOCK ? left : BLOCK;
    int from[MN_ATTN_ROWS] = {0}, to[MN_ATTN_ROWS];
    for (int r = 0; r < p->group; r++) to[r] = see;
    const size_t width = mn_exec_width(g->m->net->H * l->d);
    float *o = partial_at(p, i);
    mn_attn_job job = {.format = l->format,
                       .d = l->d,
                       .q = p->q + (size_t)seq * width + (size_t)(head * p->group * l->d),
                       .q_token = width,
                       .heads = p->group,
                       .rows = p->group,
                       .from = from,
                       .to = to,
                       .o = o,
                       .max = o + p->group * l->d,
                       .sum = o + p->group * l->d + p->group,
                       .scratch = mn_exec_scratch(&g->m->exec, worker)};
    p->form->block(g, &job, seq, p->layer, head, b, worker);
}

static void merge(const pass *p, int seq, int head, float *out) {
    const int d = p->g->layout.d, heads = p->g->layout.heads;
    for (int x = 0; x < p->group; x++, out += d) {
        float max = 0, sum = 0;
        for (int b = 0; b < p->blocks; b++) {
            const float *o = partial_at(p, (seq * p->blocks + b) * heads + head);
            p->g->m->exec.k->merge(&max, &sum, out, o[p->group * d + x],
                                   o[p->group * d + p->group + x], o + x * d, d);
        }
        p->g->m->exec.k->finish(out, sum, d);
    }
}

void mn_rig_attend(mn_rig *g, const mn_rig_form *form, int layer, int length, const float *q,
                   float *out) {
    const int heads = g->layout.heads, group = g->m->net->H / heads;
    const size_t width = mn_exec_width(g->m->net->H * g->layout.d);
    pass p = {g, form, q, layer, length, (length + BLOCK - 1) / BLOCK, group};
    mn_team_run(g->m->exec.team, item, &p, g->n * p.blocks * heads);
    for (int s = 0; s < g->n; s++)
        for (int h = 0; h < heads; h++)
            merge(&p, s, h, out + (size_t)s * width + (size_t)(h * group * g->layout.d));
}

void mn_rig_store(mn_rig *g, int layer, int length, const float *k, const float *v) {
    const mn_kv_layout *l = &g->layout;
    const size_t width = mn_exec_width(l->heads * l->d);
    for (int s = 0; s < g->n; s++)
        for (int h = 0; h < l->heads; h++) {
            const int block = g->table[s * g->each + length / ROWS], row = length % ROWS;
            const size_t at = (size_t)s * width + (size_t)(h * l->d);
            const mn_kernels *f = g->m->exec.k;
            f->store_k(l->format, block_at(g, layer, 0, block, h), row, 1, l->d, k + at, width);
            f->store_v(l->format, block_at(g, layer, 1, block, h), row, 1, l->d, v + at, width);
        }
}

/* ---- filling ------------------------------------------------------------------------------ */
/* One plane of keys and one of values, of random rows. */
static void random_planes(mn_rig *g, uint8_t *k, uint8_t *v) {
    mn_random r;
    float row[512];
    mn_random_seed(&r, 1);
    for (int i = 0; i < g->each * ROWS; i++)
        for (int value = 0; value < 2; value++) {
            for (int e = 0; e < g->layout.d; e++) row[e] = (float)mn_random_unit(&r) * 2 - 1;
            if (value)
                g->m->exec.k->store_v(g->layout.format, v, i, 1, g->layout.d, row, 0);
            else
                g->m->exec.k->store_k(g->layout.format, k, i, 1, g->layout.d, row, 0);
        }
}

/* The blocks of one plane of one sequence: `from`, turned by some blocks, into both homes. */
static void fill_plane(mn_rig *g, int seq, int layer, int value, int head, const uint8_t *from) {
    void *plane[2];
    int row;
    mn_seq_tail(g->seq[seq], layer, head, plane, plane + 1, &row);
    uint8_t *to = plane[value];
    for (int i = 0; i < (g->length + ROWS - 1) / ROWS; i++) {
        const int turn = (i + (seq * g->layout.layers + layer) * g->layout.heads + head) % g->each;
        const uint8_t *block = from + (size_t)turn * g->block_bytes;
        memcpy(to + (size_t)i * g->block_bytes, block, g->block_bytes);
        memcpy(block_at(g, layer, value, g->table[seq * g->each + i], head), block, g->block_bytes);
    }
}

static int fill(mn_rig *g) {
    void *planes;
    const size_t bytes = g->block_bytes * (size_t)g->each;
    MN_TRY(mn_alloc_pages(2 * bytes, "random rows", &planes));
    uint8_t *from[2] = {planes, (uint8_t *)planes + bytes};
    random_planes(g, from[0], from[1]);
    int rc = 0;
    for (int s = 0; rc >= 0 && s < g->n; s++) {
        rc = mn_seq_room(g->seq[s], g->ids, g->length);
        for (int l = 0; rc >= 0 && l < g->layout.layers; l++)
            for (int v = 0; v < 2; v++)
                for (int h = 0; h < g->layout.heads; h++) fill_plane(g, s, l, v, h, from[v]);
        if (rc >= 0) mn_seq_commit(g->seq[s], g->length);
    }
    mn_free_pages(planes, 2 * bytes);
    return rc;
}

/* Blocks in no order at all. */
static void shuffle(mn_rig *g) {
    mn_random r;
    mn_random_seed(&r, 2);
    const int n = g->n * g->each;
    for (int i = 0; i < n; i++) g->table[i] = i;
    for (int i = n - 1; i > 0; i--) {
        const int other = (int)(mn_random_u64(&r) % (uint64_t)(i + 1)), was = g->table[i];
        g->table[i] = g->table[other];
        g->table[other] = was;
    }
}

static int pool_open(mn_rig *g, int large) {
    const size_t huge = (size_t)2 << 20;
    void *p;
    g->pool.bytes = (size_t)g->layout.layers * 2 * (size_t)(g->n * g->each) *
                        (size_t)g->layout.heads * g->block_bytes +
                    huge;
    MN_TRY(mn_alloc_pages(g->pool.bytes, "the paged twin", &p));
    g->pool.data = p;
    madvise(p, g->pool.bytes, large ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
    memset(p, 0, g->pool.bytes);
    return 0;
}

static int can(const mn_rig *g) {
    for (int i = 0; i < g->layout.layers; i++)
        if (g->layout.window[i])
            return MN_FAIL(MN_EUNSUPPORTED, "%s has layers with a window; choose another model",
                           g->m->name);
    if (!g->paged)
        return MN_FAIL(MN_EUNSUPPORTED, "the paged twin needs AVX2, which this CPU has not");
    return g->layout.d <= 512 ? 0 : MN_FAIL(MN_EUNSUPPORTED, "heads of %d", g->layout.d);
}

int mn_rig_open(mn_model *m, mn_region *region, int n, int length, int context, int large,
                mn_rig *out) {
    const unsigned have = mn_cpu_features();
    mn_rig *g = out;
    *g = (mn_rig){.m = m, .n = n, .length = length, .context = context};
    g->each = (context + ROWS - 1) / ROWS;
    g->paged = have & MN_CPU_AVX512 ? &mn_paged_avx512 : have & MN_CPU_AVX2 ? &mn_paged_avx2 : NULL;
    mn_engine_layout(m->engine, MN_KV_F16, &g->layout);
    MN_TRY(can(g));
    g->block_bytes = mn_kv_plane_bytes(MN_KV_F16, ROWS, g->layout.d);
    g->gathered_bytes = (size_t)mn_team_size(m->exec.team) * 2 * g->block_bytes * MN_PAGED_BLOCKS;
    g->partial_bytes =
        (size_t)(n * (context / BLOCK + 1) * m->net->H) * (size_t)(g->layout.d + 2) * sizeof(float);
    void *p;
    MN_TRY(mn_alloc_pages(g->gathered_bytes, "gathered rows", &p));
    g->gathered = p;
    MN_TRY(mn_alloc_pages(g->partial_bytes, "attention partials", &p));
    g->partial = p;
    g->table = mn_malloc((size_t)(n * g->each) * sizeof *g->table);
    g->ids = mn_malloc((size_t)context * sizeof *g->ids);
    if (!g->table || !g->ids) return MN_FAIL(MN_ENOMEM, "no memory for %d tokens", context);
    for (int i = 0; i < context; i++) g->ids[i] = i % m->net->V;
    shuffle(g);
    MN_TRY(pool_open(g, large));
    for (int i = 0; i < n; i++) { /* each under keys of its own: nobody finds the other's rows */
        mn_kv_share share = {.region = region, .seed.byte = {(uint8_t)i}};
        MN_TRY(mn_seq_open(&g->layout, &share, context, g->seq + i));
    }
    return fill(g);
}

void mn_rig_close(mn_rig *g) {
    for (int i = 0; i < g->n; i++) mn_seq_close(g->seq + i);
    if (g->pool.data) mn_free_pages(g->pool.data, g->pool.bytes);
    if (g->gathered) mn_free_pages(g->gathered, g->gathered_bytes);
    if (g->partial) mn_free_pages(g->partial, g->partial_bytes);
    mn_free(g->table);
    mn_free(g->ids);
    *g = (mn_rig){0};
}
