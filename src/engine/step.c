/* SPDX-License-Identifier: Apache-2.0
 *
 * engine/step.c - the step: room, passes, attention over spans, commit.
 *
 * Attention of a pass is cut into items (part, KV head, some tokens); an item walks its blocks of
 * 512 from left to right and merges their partials. When a pass has few tokens over many keys,
 * blocks are items of their own (FlashDecoding) and the merge follows, in the same order: the same
 * bits.
 */
#include "engine/step.h"

#include "base/alloc.h"
#include "base/error.h"

#include <stdlib.h>
#include <string.h>

enum { SPLIT_TOKENS = 4, SPLIT_ROWS = 2048, INLINE_WORK = 64 << 10 };

typedef struct run { /* tokens of one part within a pass */
    const mn_part *part;
    int first, n; /* rows of the pass */
    int before;   /* tokens of the sequence before them */
} run;

struct mn_engine {
    const mn_net *net;
    const mn_exec *e;
    mn_forward *forward;
    int32_t ids[MN_FORWARD_ROWS];
    int positions[MN_FORWARD_ROWS], contexts[MN_FORWARD_ROWS], rows[MN_FORWARD_ROWS];
    run runs[MN_FORWARD_ROWS];
    int n_runs;
    /* attention of the pass */
    const float *q, *k, *v;
    float *out;
    int layer;
    int item_first[MN_FORWARD_ROWS + 1]; /* items of run i begin here */
    int tokens_each;
    int split;      /* blocks are items */
    float *partial; /* [SPLIT_ROWS][d + 2]: o, max, sum of (row, block) */
    size_t partial_bytes;
};

int mn_engine_open(const mn_net *net, const mn_exec *exec, mn_engine **out) {
    *out = NULL;
    mn_engine *e = mn_calloc(1, sizeof *e);
    if (!e) return MN_FAIL(MN_ENOMEM, "no memory for an engine");
    e->net = net;
    e->e = exec;
    int rc = mn_forward_open(net, exec, &e->forward);
    if (rc >= 0) {
        e->partial_bytes = (size_t)SPLIT_ROWS * (size_t)(net->d + 16) * sizeof(float);
        void *p;
        rc = mn_alloc_pages(e->partial_bytes, "attention partials", &p);
        if (rc >= 0) e->partial = p;
    }
    if (rc < 0) mn_engine_close(&e);
    *out = e;
    return rc;
}

void mn_engine_close(mn_engine **pe) {
    mn_engine *e = *pe;
    *pe = NULL;
    if (!e) return;
    mn_forward_close(&e->forward);
    if (e->partial) mn_free_pages(e->partial, e->partial_bytes);
    mn_free(e);
}

void mn_engine_layout(const mn_engine *e, mn_kv_format format, mn_kv_layout *out) {
    *out = (mn_kv_layout){e->net->L, e->net->Hk, e->net->d, format, e->net->window};
}

size_t mn_engine_scratch_bytes(const mn_net *net) {
    const size_t attention =
        (mn_attn_scratch(net->d) + (size_t)MN_ATTN_ROWS * (size_t)(net->d + 2) * 2) * sizeof(float);
    const size_t product = mn_exec_scratch_bytes(mn_net_widest(net));
    return (attention > product ? attention : product) + 4096;
}

/* ---- attention ---------------------------------------------------------------------------- */
/* Store the K and V rows of some tokens of one run and KV head. */
enum { STORE_TOKENS = 32 };
static void store_piece(void *ctx, int piece, int worker) {
    (void)worker;
    mn_engine *e = ctx;
    const mn_net *n = e->net;
    const int head = piece % n->Hk, from = piece / n->Hk * STORE_TOKENS, to = from + STORE_TOKENS;
    const size_t stride = mn_exec_width(n->Hk * n->d);
    for (int i = 0; i < e->n_runs; i++) {
        const run *r = e->runs + i;
        const int lo = r->first > from ? r->first : from,
                  hi = r->first + r->n < to ? r->first + r->n : to;
        if (lo >= hi) continue;
        void *k, *v;
        int row;
        mn_seq_tail(r->part->seq, e->layer, head, &k, &v, &row);
        row += lo - r->first;
        const size_t at = (size_t)lo * stride + (size_t)(head * n->d);
        const mn_kv_format f = mn_seq_format(r->part->seq);
        e->e->k->store_k(f, k, row, hi - lo, n->d, e->k + at, stride);
        e->e->k->store_v(f, v, row, hi - lo, n->d, e->v + at, stride);
    }
}

/* Attention of tokens [token, token + n) of run r and one KV head over block b, into max, sum,
 * o. */
static void block_attend(const mn_engine *e, const run *r, int head, int token, int n, int b,
                         float *max, float *sum, float *o, float *scratch) {
    const mn_net *net = e->net;
    const int group = net->H / net->Hk, window = net->window[e->layer], start = b * MN_ATTN_BLOCK;
    int from[MN_ATTN_ROWS], to[MN_ATTN_ROWS], low = MN_ATTN_BLOCK, high = 0;
    for (int i = 0; i < n * group; i++) {
        const int position = r->before + token + i / group; /* sees positions up to its own */
        const int oldest = window && position - window + 1 > 0 ? position - window + 1 : 0;
        to[i] = position + 1 - start < MN_ATTN_BLOCK ? position + 1 - start : MN_ATTN_BLOCK;
        from[i] = oldest - start > 0 ? oldest - start : 0;
        if (from[i] > to[i]) from[i] = to[i];
        if (from[i] < to[i] && from[i] < low) low = from[i];
        if (to[i] > high) high = to[i];
    }
    mn_attn_piece piece[MN_SEQ_SPANS];
    const mn_attn_job job = {
        .piece = piece,
        .format = mn_seq_format(r->part->seq),
        .d = net->d,
        .n_pieces = low < high ? mn_seq_pieces(r->part->seq, e->layer, head, b, start + low,
                                               start + high, piece)
                               : 0,
        .q = e->q + (size_t)(r->first + token) * mn_exec_width(net->H * net->d) +
             (size_t)(head * group * net->d),
        .q_token = mn_exec_width(net->H * net->d),
        .heads = group,
        .rows = n * group,
        .from = from,
        .to = to,
        .max = max,
        .sum = sum,
        .o = o,
        .scratch = scratch};
    e->e->k->attend(&job);
}

static float *out_row(const mn_engine *e, const run *r, int token, int head, int i) {
    const int group = e->net->H / e->net->Hk;
    return e->out + (size_t)(r->first + token + i / group) * mn_exec_width(e->net->H * e->net->d) +
           (size_t)((head * group + i % group) * e->net->d);
}

static int first_block(const mn_engine *e, int position) {
    const int window = e->net->window[e->layer];
    return window && position - window + 1 > 0 ? (position - window + 1) / MN_ATTN_BLOCK : 0;
}

/* One item: some tokens of a run, one KV head, all blocks from left to right. */
static void attend_piece(void *ctx, int piece, int worker) {
    mn_engine *e = ctx;
    const mn_net *n = e->net;
    int i = 0;
    piece = e->item_first[e->n_runs] - 1 - piece; /* later tokens see more: the long items first */
    while (piece >= e->item_first[i + 1]) i++;
    const run *r = e->runs + i;
    const int group = n->H / n->Hk, item = piece - e->item_first[i];
    const int head = item % n->Hk, token = item / n->Hk * e->tokens_each;
    const int tokens = r->n - token < e->tokens_each ? r->n - token : e->tokens_each,
              rows = tokens * group;
    float *scratch = mn_exec_scratch(e->e, worker);
    float *o = scratch + mn_attn_scratch(n->d), *max = o + (size_t)MN_ATTN_ROWS * (size_t)n->d,
          *sum = max + MN_ATTN_ROWS;
    float *o2 = sum + MN_ATTN_ROWS, *max2 = o2 + (size_t)MN_ATTN_ROWS * (size_t)n->d,
          *sum2 = max2 + MN_ATTN_ROWS;
    for (int x = 0; x < rows; x++) sum[x] = 0;
    const int last = (r->before + token + tokens - 1) / MN_ATTN_BLOCK;
    for (int b = first_block(e, r->before + token); b <= last; b++) {
        block_attend(e, r, head, token, tokens, b, max2, sum2, o2, scratch);
        for (int x = 0; x < rows; x++)
            e->e->k->merge(max + x, sum + x, o + x * n->d, max2[x], sum2[x], o2 + x * n->d, n->d);
    }
    for (int x = 0; x < rows; x++) {
        e->e->k->finish(o + x * n->d, sum[x], n->d);
        memcpy(out_row(e, r, token, head, x), o + x * n->d, (size_t)n->d * sizeof(float));
    }
}

/* Split form: an item is one block of one KV head of one token; partials lie in e->partial. */
static void split_piece(void *ctx, int piece, int worker) {
    mn_engine *e = ctx;
    const mn_net *n = e->net;
    int i = 0;
    while (piece >= e->item_first[i + 1]) i++;
    const run *r = e->runs + i;
    const int group = n->H / n->Hk, item = piece - e->item_first[i], head = item % n->Hk;
    const int b0 = first_block(e, r->before),
              blocks = (r->before + r->n - 1) / MN_ATTN_BLOCK - b0 + 1;
    const int token = item / n->Hk / blocks, b = b0 + item / n->Hk % blocks;
    float *o = e->partial + (size_t)piece * (size_t)group * (size_t)(n->d + 2);
    float *max = o + group * n->d;
    block_attend(e, r, head, token, 1, b, max, max + group, o, mn_exec_scratch(e->e, worker));
}

static void split_merge(void *ctx, int piece, int worker) {
    (void)worker;
    mn_engine *e = ctx;
    const mn_net *n = e->net;
    const int group = n->H / n->Hk;
    const size_t unit = (size_t)group * (size_t)(n->d + 2);
    int i = 0, of = piece; /* piece: (run, token, head) */
    while (of >= e->runs[i].n * n->Hk) of -= e->runs[i++].n * n->Hk;
    const run *r = e->runs + i;
    const int token = of / n->Hk, head = of % n->Hk, b0 = first_block(e, r->before);
    const int blocks = (r->before + r->n - 1) / MN_ATTN_BLOCK - b0 + 1;
    for (int x = 0; x < group; x++) {
        float max = 0, sum = 0, *to = out_row(e, r, token, head, x);
        for (int b = 0; b < blocks; b++) {
            const float *p =
                e->partial +
                (size_t)(e->item_first[i] + (token * blocks + b) * n->Hk + head) * unit;
            e->e->k->merge(&max, &sum, to, p[group * n->d + x], p[group * n->d + group + x],
                           p + x * n->d, n->d);
        }
        e->e->k->finish(to, sum, n->d);
    }
}

/* Does the pass consist of few tokens over several blocks, and do the partials fit? */
static int splits(mn_engine *e) {
    const int group = e->net->H / e->net->Hk;
    int items = 0, many = 0;
    for (int i = 0; i < e->n_runs; i++) {
        const run *r = e->runs + i;
        if (r->n > SPLIT_TOKENS) return 0;
        const int blocks = (r->before + r->n - 1) / MN_ATTN_BLOCK - first_block(e, r->before) + 1;
        many |= blocks > 1;
        e->item_first[i] = items;
        items += r->n * blocks * e->net->Hk;
    }
    e->item_first[e->n_runs] = items;
    return many && (size_t)items * (size_t)group * (size_t)(e->net->d + 2) * sizeof(float) <=
                       e->partial_bytes;
}

/* Pieces for the team; work of a microsecond or two is done at once, for meeting costs as much. */
static void share(mn_engine *e, void (*work)(void *, int, int), int n, int little) {
    if (!little) mn_team_run(e->e->team, work, e, n);
    for (int i = 0; little && i < n; i++) work(e, i, 0);
}

static int attend(void *ctx, int layer, const float *q, const float *k, const float *v,
                  float *out) {
    mn_engine *e = ctx;
    const mn_net *n = e->net;
    e->layer = layer;
    e->q = q, e->k = k, e->v = v, e->out = out;
    const run *last = e->runs + e->n_runs - 1;
    const int T = last->first + last->n;
    share(e, store_piece, (T + STORE_TOKENS - 1) / STORE_TOKENS * n->Hk, T <= SPLIT_TOKENS);
    if (splits(e)) {
        mn_team_run(e->e->team, split_piece, e, e->item_first[e->n_runs]);
        share(e, split_merge, T * n->Hk, 1);
        return 0;
    }
    e->tokens_each = MN_ATTN_ROWS / (n->H / n->Hk);
    e->item_first[0] = 0;
    for (int i = 0; i < e->n_runs; i++)
        e->item_first[i + 1] =
            e->item_first[i] + (e->runs[i].n + e->tokens_each - 1) / e->tokens_each * n->Hk;
    int64_t work = 0; /* scores, about */
    for (int i = 0; i < e->n_runs; i++)
        work += (int64_t)e->runs[i].n * (e->runs[i].before + e->runs[i].n) * n->H;
    share(e, attend_piece, e->item_first[e->n_runs], work * n->d <= INLINE_WORK);
    return 0;
}

/* ---- passes ------------------------------------------------------------------------------- */

/* Where the logits of token `t` of run i go; NULL: nobody wants them. done: tokens of its part that
 * were computed before this pass. */
static float *logits_of(const mn_engine *e, const int *done, int i, int t) {
    const mn_part *p = e->runs[i].part;
    const int row = done[i] + t - (p->n - p->n_logits);
    return p->logits && row >= 0 ? p->logits + (size_t)row * (size_t)e->net->V : NULL;
}

/* The rows of the pass that somebody wants logits of, in *first where the first of them goes: how
 * many; *apart: they do not all lie behind each other there. */
static int wanted(mn_engine *e, const int *done, float **first, int *apart) {
    int n = 0;
    *first = NULL;
    *apart = 0;
    for (int i = 0; i < e->n_runs; i++)
        for (int t = 0; t < e->runs[i].n; t++) {
            float *to = logits_of(e, done, i, t);
            if (!to) continue;
            if (!n) *first = to;
            *apart |= to != *first + (size_t)n * (size_t)e->net->V;
            e->rows[n++] = e->runs[i].first + t;
        }
    return n;
}

/* Run the gathered pass; give logits to the parts that want them; commit. */
static int pass(mn_engine *e, const int *done) {
    const run *last = e->runs + e->n_runs - 1;
    const size_t V = (size_t)e->net->V;
    int apart;
    float *first, *logits;
    const int n = wanted(e, done, &first, &apart);
    const size_t bytes = V * (size_t)n * sizeof(float);
    void *gathered = NULL;
    if (apart) MN_TRY(mn_alloc_pages(bytes, "logits", &gathered));
    logits = apart ? gathered : first;
    int rc = mn_forward_run(e->forward, e->ids, e->positions, e->contexts, last->first + last->n,
                            attend, e, e->rows, n, logits);
    for (int i = 0; rc >= 0 && i < e->n_runs; i++) rc = mn_seq_proven(e->runs[i].part->seq);
    for (int i = 0, at = 0; rc >= 0 && i < e->n_runs; i++) {
        for (int t = 0; apart && t < e->runs[i].n; t++) {
            float *to = logits_of(e, done, i, t);
            if (to) memcpy(to, logits + (size_t)at++ * V, V * sizeof(float));
        }
        mn_seq_commit(e->runs[i].part->seq, e->runs[i].n);
    }
    if (apart) mn_free_pages(gathered, bytes);
    return rc;
}

int mn_engine_step(mn_engine *e, const mn_part *parts, int n, int (*go_on)(void *), void *user) {
    int done[MN_STEP_PARTS] = {0};
    if (n < 1 || n > MN_STEP_PARTS) return MN_FAIL(MN_EINVAL, "a step of %d parts", n);
    for (int i = 0; i < n; i++) MN_TRY(mn_seq_room(parts[i].seq, parts[i].ids, parts[i].n));
    for (;;) {
        int T = 0, start[MN_FORWARD_ROWS];
        e->n_runs = 0;
        for (int i = 0; i < n && T < MN_FORWARD_ROWS; i++) {
            const int left = parts[i].n - done[i],
                      take = left < MN_FORWARD_ROWS - T ? left : MN_FORWARD_ROWS - T;
            if (take <= 0) continue;
            const int before = mn_seq_length(parts[i].seq);
            e->runs[e->n_runs] = (run){parts + i, T, take, before};
            start[e->n_runs++] = done[i];
            for (int t = 0; t < take; t++, T++) {
                e->ids[T] = parts[i].ids[done[i] + t];
                e->positions[T] = before + t;
                e->contexts[T] = mn_seq_context(parts[i].seq);
            }
            done[i] += take;
        }
        if (!T) return 0;
        if (go_on && !go_on(user)) return MN_FAIL(MN_ECANCELLED, "stopped on request");
        MN_TRY(pass(e, start));
    }
}
