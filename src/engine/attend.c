/* SPDX-License-Identifier: Apache-2.0
 *
 * engine/attend.c - items, their blocks, the merge.
 *
 * Items depend on the pass and on how far a layer looks back, so they are made once for all layers
 * that are alike. Partials of an item lie together: o [rows, d], max [rows], sum [rows], for each
 * head.
 */
#include "engine/attend.h"

#include "base/alloc.h"
#include "base/error.h"

#include <string.h>

enum {
    FEW = 4 /* tokens of a run that is cut by blocks */,
    USUAL = 4096 /* rows of partials there is memory for from the beginning, over all heads */,
    PARTIALS = 8192 /* rows of partials at most; what is more walks its blocks */,
    STORE_TOKENS = 32,
    INLINE_WORK = 64 << 10,
    INLINE_MERGES = 64
};

typedef struct item {
    int run, runs;     /* of these, */
    int first, tokens; /* rows of the pass */
    int block;         /* -1: all of them, merged */
    size_t partial;    /* rows of partials before its own */
} item;

struct mn_attention {
    const mn_net *net;
    const mn_exec *e;
    const mn_run *run;
    const int *position;
    int n_runs, T;
    int common[MN_FORWARD_ROWS]; /* blocks that run i has in common with the one before it */
    /* items, of layers that look back `window` */
    int window;
    item *items;
    int n_items, cap_items;
    int *item_of; /* of (run, block): from block_first[run] on */
    int cap_of;
    int block_first[MN_FORWARD_ROWS + 1];
    size_t rows; /* of partials, a token of one KV head being H / Hk rows */
    size_t most; /* of them; less when there is no memory */
    float *partial;
    size_t partial_bytes;
    /* the layer */
    const float *q, *k, *v;
    float *out;
    int layer;
};

static int group_of(const mn_attention *a) {
    return a->net->H / a->net->Hk;
}
static int tokens_each(const mn_attention *a) {
    return MN_ATTN_ROWS / group_of(a);
}

static int reserve_partials(mn_attention *a, size_t rows) {
    const size_t bytes = rows * (size_t)a->net->Hk * (size_t)(a->net->d + 2) * sizeof(float);
    void *p;
    if (bytes <= a->partial_bytes) return 0;
    MN_TRY(mn_alloc_pages(bytes, "attention partials", &p));
    if (a->partial) mn_free_pages(a->partial, a->partial_bytes);
    a->partial = p;
    a->partial_bytes = bytes;
    return 0;
}

int mn_attention_open(const mn_net *net, const mn_exec *exec, mn_attention **out) {
    mn_attention *a = *out = mn_calloc(1, sizeof *a);
    if (!a) return MN_FAIL(MN_ENOMEM, "no memory for attention");
    a->net = net;
    a->e = exec;
    const int rc = reserve_partials(a, (size_t)(USUAL / net->H * group_of(a)));
    if (rc < 0) mn_attention_close(out);
    return rc;
}

void mn_attention_close(mn_attention **pa) {
    mn_attention *a = *pa;
    *pa = NULL;
    if (!a) return;
    if (a->partial) mn_free_pages(a->partial, a->partial_bytes);
    mn_free(a->items);
    mn_free(a->item_of);
    mn_free(a);
}

static size_t o_floats(int d) {
    return (size_t)MN_ATTN_ROWS * (size_t)(d + 2);
}

size_t mn_attention_scratch(const mn_net *net) {
    return (mn_attn_scratch(net->d) + o_floats(net->d) * 2) * sizeof(float);
}

/* ---- items -------------------------------------------------------------------------------- */
static int first_block(const mn_attention *a, int position) {
    return a->window && position - a->window + 1 > 0 ? (position - a->window + 1) / MN_ATTN_BLOCK
                                                     : 0;
}
static int last_block(const mn_run *r) {
    return (r->before + r->n - 1) / MN_ATTN_BLOCK;
}

static int grow(void **p, int *cap, int n, size_t size) {
    if (n <= *cap) return 0;
    void *more = mn_realloc(*p, (size_t)n * 2 * size);
    if (!more) return MN_FAIL(MN_ENOMEM, "no memory for %d pieces of attention", n);
    *p = more;
    *cap = n * 2;
    return 0;
}

static int add(mn_attention *a, item it) {
    void *p = a->items;
    MN_TRY(grow(&p, &a->cap_items, a->n_items + 1, sizeof it));
    a->items = p;
    a->items[a->n_items++] = it;
    return 0;
}

/* Tokens of one run, in items that walk their blocks; later tokens see more, and come first. */
static int add_walk(mn_attention *a, int i) {
    const mn_run *r = a->run + i;
    const int each = tokens_each(a);
    for (int at = (r->n - 1) / each * each; at >= 0; at -= each)
        MN_TRY(add(a, (item){.run = i,
                             .runs = 1,
                             .first = r->first + at,
                             .tokens = r->n - at < each ? r->n - at : each,
                             .block = -1}));
    return 0;
}

/* Is run i cut by blocks, and do its partials fit? */
static int fits(const mn_attention *a, int i) {
    const mn_run *r = a->run + i;
    const int blocks = last_block(r) - first_block(a, r->before) + 1;
    return r->n <= FEW && a->rows + (size_t)(r->n * blocks * group_of(a)) <= a->most;
}

/* One block of run i: with the run before it, where it is the same block, or alone. */
static int add_block(mn_attention *a, int i, int b) {
    const mn_run *r = a->run + i;
    const int *before = a->item_of + (i ? a->block_first[i - 1] : 0);
    int *to = a->item_of + a->block_first[i] + b - first_block(a, r->before);
    const int has = i && a->block_first[i] > a->block_first[i - 1] && b < a->common[i] &&
                    b >= first_block(a, r[-1].before);
    item *it = has ? a->items + before[b - first_block(a, r[-1].before)] : NULL;
    if (it && it->tokens + r->n <= tokens_each(a)) {
        it->runs++;
        it->tokens += r->n;
        *to = (int)(it - a->items);
        return 0;
    }
    *to = a->n_items;
    return add(a, (item){.run = i, .runs = 1, .first = r->first, .tokens = r->n, .block = b});
}

static int add_blocks(mn_attention *a, int i) {
    const mn_run *r = a->run + i;
    const int b0 = first_block(a, r->before), b1 = last_block(r), at = a->block_first[i];
    void *p = a->item_of;
    MN_TRY(grow(&p, &a->cap_of, at + b1 - b0 + 1, sizeof *a->item_of));
    a->item_of = p;
    a->block_first[i + 1] = at + b1 - b0 + 1;
    a->rows += (size_t)(r->n * (b1 - b0 + 1) * group_of(a));
    for (int b = b0; b <= b1; b++) MN_TRY(add_block(a, i, b));
    return 0;
}

static int place_partials(mn_attention *a) {
    size_t at = 0;
    for (int i = 0; i < a->n_items; i++) {
        a->items[i].partial = at;
        if (a->items[i].block >= 0) at += (size_t)(a->items[i].tokens * group_of(a));
    }
    return reserve_partials(a, at);
}

static int make(mn_attention *a) {
    a->n_items = 0;
    a->rows = 0;
    for (int i = 0; i < a->n_runs; i++)
        if (a->run[i].n > FEW) MN_TRY(add_walk(a, i)); /* the long ones first */
    a->block_first[0] = 0;
    for (int i = 0; i < a->n_runs; i++) {
        a->block_first[i + 1] = a->block_first[i];
        if (fits(a, i))
            MN_TRY(add_blocks(a, i));
        else if (a->run[i].n <= FEW)
            MN_TRY(add_walk(a, i));
    }
    return place_partials(a);
}

/* Of layers that look back so far. Without memory for partials every run walks. */
static int make_items(mn_attention *a, int window) {
    a->window = window;
    a->most = PARTIALS;
    const int rc = make(a);
    if (rc != MN_EFULL && rc != MN_ENOMEM) return rc;
    a->most = 0;
    return make(a);
}

void mn_attention_begin(mn_attention *a, const mn_run *runs, int n, const int *positions) {
    a->run = runs;
    a->n_runs = n;
    a->position = positions;
    a->T = runs[n - 1].first + runs[n - 1].n;
    a->window = -1;
    a->common[0] = 0;
    for (int i = 1; i < n; i++)
        a->common[i] = runs[i].n <= FEW && runs[i - 1].n <= FEW
                           ? mn_seq_common(runs[i - 1].seq, runs[i].seq) / MN_ATTN_BLOCK
                           : 0;
}

/* ---- blocks ------------------------------------------------------------------------------- */
/* Store the K and V rows of some tokens of one KV head. */
static void store_piece(void *ctx, int piece, int worker) {
    (void)worker;
    mn_attention *a = ctx;
    const mn_net *n = a->net;
    const int head = piece % n->Hk, from = piece / n->Hk * STORE_TOKENS, to = from + STORE_TOKENS;
    const size_t stride = mn_exec_width(n->Hk * n->d);
    for (int i = 0; i < a->n_runs; i++) {
        const mn_run *r = a->run + i;
        const int lo = r->first > from ? r->first : from,
                  hi = r->first + r->n < to ? r->first + r->n : to;
        if (lo >= hi) continue;
        void *k, *v;
        int row;
        mn_seq_tail(r->seq, a->layer, head, &k, &v, &row);
        row += lo - r->first;
        const size_t at = (size_t)lo * stride + (size_t)(head * n->d);
        const mn_kv_format f = mn_seq_format(r->seq);
        a->e->k->store_k(f, k, row, hi - lo, n->d, a->k + at, stride);
        a->e->k->store_v(f, v, row, hi - lo, n->d, a->v + at, stride);
    }
}

/* Attention of rows [first, first + n) of the pass and one KV head over block b of a sequence they
 * all have it from, into max, sum, o. */
static void block_attend(const mn_attention *a, const mn_seq *seq, int first, int n, int head,
                         int b, float *max, float *sum, float *o, float *scratch) {
    const mn_net *net = a->net;
    const int group = group_of(a), start = b * MN_ATTN_BLOCK;
    int from[MN_ATTN_ROWS], to[MN_ATTN_ROWS], low = MN_ATTN_BLOCK, high = 0;
    for (int i = 0; i < n * group; i++) {
        const int position = a->position[first + i / group]; /* sees positions up to its own */
        const int oldest = a->window && position - a->window + 1 > 0 ? position - a->window + 1 : 0;
        to[i] = position + 1 - start < MN_ATTN_BLOCK ? position + 1 - start : MN_ATTN_BLOCK;
        from[i] = oldest - start > 0 ? oldest - start : 0;
        if (from[i] > to[i]) from[i] = to[i];
        if (from[i] < to[i] && from[i] < low) low = from[i];
        if (to[i] > high) high = to[i];
    }
    mn_attn_piece piece[MN_SEQ_SPANS];
    const mn_attn_job job = {
        .piece = piece,
        .format = mn_seq_format(seq),
        .d = net->d,
        .n_pieces = low < high
                        ? mn_seq_pieces(seq, a->layer, head, b, start + low, start + high, piece)
                        : 0,
        .q =
            a->q + (size_t)first * mn_exec_width(net->H * net->d) + (size_t)(head * group * net->d),
        .q_token = mn_exec_width(net->H * net->d),
        .heads = group,
        .rows = n * group,
        .from = from,
        .to = to,
        .max = max,
        .sum = sum,
        .o = o,
        .scratch = scratch};
    a->e->k->attend(&job);
}

static float *out_row(const mn_attention *a, int row, int head, int i) {
    const int group = group_of(a);
    return a->out + (size_t)(row + i / group) * mn_exec_width(a->net->H * a->net->d) +
           (size_t)((head * group + i % group) * a->net->d);
}

/* All blocks of an item's tokens, from left to right. */
static void walk(const mn_attention *a, const item *it, int head, float *scratch) {
    const mn_net *n = a->net;
    const int rows = it->tokens * group_of(a);
    float *o = scratch + mn_attn_scratch(n->d), *max = o + (size_t)MN_ATTN_ROWS * (size_t)n->d,
          *sum = max + MN_ATTN_ROWS;
    float *o2 = sum + MN_ATTN_ROWS, *max2 = o2 + (size_t)MN_ATTN_ROWS * (size_t)n->d,
          *sum2 = max2 + MN_ATTN_ROWS;
    for (int x = 0; x < rows; x++) sum[x] = 0;
    const int last = a->position[it->first + it->tokens - 1] / MN_ATTN_BLOCK;
    for (int b = first_block(a, a->position[it->first]); b <= last; b++) {
        block_attend(a, a->run[it->run].seq, it->first, it->tokens, head, b, max2, sum2, o2,
                     scratch);
        for (int x = 0; x < rows; x++)
            a->e->k->merge(max + x, sum + x, o + x * n->d, max2[x], sum2[x], o2 + x * n->d, n->d);
    }
    for (int x = 0; x < rows; x++) {
        a->e->k->finish(o + x * n->d, sum[x], n->d);
        memcpy(out_row(a, it->first, head, x), o + x * n->d, (size_t)n->d * sizeof(float));
    }
}

/* Where the partials of an item and one head lie. */
static float *partial_of(const mn_attention *a, const item *it, int head) {
    const size_t d2 = (size_t)(a->net->d + 2), rows = (size_t)(it->tokens * group_of(a));
    return a->partial + (it->partial * (size_t)a->net->Hk + rows * (size_t)head) * d2;
}

static void attend_piece(void *ctx, int piece, int worker) {
    mn_attention *a = ctx;
    const item *it = a->items + piece / a->net->Hk;
    const int head = piece % a->net->Hk, rows = it->tokens * group_of(a);
    float *scratch = mn_exec_scratch(a->e, worker);
    if (it->block < 0) {
        walk(a, it, head, scratch);
        return;
    }
    float *o = partial_of(a, it, head), *max = o + (size_t)rows * (size_t)a->net->d;
    block_attend(a, a->run[it->run].seq, it->first, it->tokens, head, it->block, max, max + rows, o,
                 scratch);
}

/* ---- the merge ---------------------------------------------------------------------------- */
/* All blocks of one run that was cut by them, one KV head. */
static void merge_piece(void *ctx, int piece, int worker) {
    (void)worker;
    mn_attention *a = ctx;
    const mn_run *r = a->run + piece / a->net->Hk;
    const int head = piece % a->net->Hk, group = group_of(a), d = a->net->d;
    const int *of = a->item_of + a->block_first[piece / a->net->Hk],
              *end = a->item_of + a->block_first[piece / a->net->Hk + 1];
    for (int x = 0; of < end && x < r->n * group; x++) {
        float max = 0, sum = 0, *to = out_row(a, r->first, head, x);
        for (const int *i = of; i < end; i++) {
            const item *it = a->items + *i;
            const int rows = it->tokens * group, row = (r->first - it->first) * group + x;
            const float *o = partial_of(a, it, head), *maxes = o + (size_t)rows * (size_t)d;
            a->e->k->merge(&max, &sum, to, maxes[row], maxes[rows + row], o + row * d, d);
        }
        a->e->k->finish(to, sum, d);
    }
}

/* Pieces for the team; work of a microsecond or two is done at once, for meeting costs as much. */
static void share(mn_attention *a, void (*work)(void *, int, int), int n, int little) {
    if (!little) mn_team_run(a->e->team, work, a, n);
    for (int i = 0; little && i < n; i++) work(a, i, 0);
}

int mn_attention_layer(void *attention, int layer, const float *q, const float *k, const float *v,
                       float *out) {
    mn_attention *a = attention;
    const mn_net *n = a->net;
    a->layer = layer;
    a->q = q, a->k = k, a->v = v, a->out = out;
    if (a->window != n->window[layer]) MN_TRY(make_items(a, n->window[layer]));
    share(a, store_piece, (a->T + STORE_TOKENS - 1) / STORE_TOKENS * n->Hk, a->T <= FEW);
    int64_t work = 0; /* scores, about */
    for (int i = 0; i < a->n_runs; i++)
        work += (int64_t)a->run[i].n * (a->run[i].before + a->run[i].n) * n->H;
    share(a, attend_piece, a->n_items * n->Hk, work * n->d <= INLINE_WORK);
    const int blocks = a->block_first[a->n_runs];
    if (blocks) share(a, merge_piece, a->n_runs * n->Hk, blocks * n->Hk <= INLINE_MERGES);
    return 0;
}
