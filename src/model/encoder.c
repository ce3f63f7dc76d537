/* SPDX-License-Identifier: Apache-2.0
 *
 * model/encoder.c - the pass of encoders (BERT, Devlin et al. 2018).
 *
 *   x = norm(token + position + type)
 *   each layer:  q k v -> attention over the whole text -> x = norm(x + output product)
 *                up product -> gelu -> x = norm(x + down product)
 *   vector = mean of a text's rows, divided by its length
 *
 * It is not model/forward.c: there norms stand before the branches, gates multiply, positions
 * rotate, tokens come in pieces and look back only, and keys outlive the pass. Here none of that is
 * so, and what both share (products, attention over a block, threads) they take from tensor/ and
 * kernel/. A text has one block of positions at most, so attention needs no merging; keys and
 * values are F16, as in the KV cache.
 *
 * Texts of a batch follow one another without padding: products see the rows of all, attention
 * those of one. Cost: 2 * (4 D^2 + 2 D F) * L multiplications a token and 4 D T a layer for
 * attention (MiniLM: 21 million a token, and 9 thousand for each token of its text).
 */
#include "model/encoder.h"

#include "base/alloc.h"
#include "base/error.h"

#include <math.h>
#include <stdatomic.h>
#include <string.h>

enum {
    INLINE_ROWS = 8, /* up to here the caller norms by itself: a join costs more */
    NORM_ROWS = 8,   /* per piece */
};

struct mn_encoder {
    const mn_net *net;
    const mn_exec *e;
    void *block;
    size_t bytes;
    float *x;         /* [T, D] */
    float *place;     /* [T, D]: of positions, with the type */
    int placed;       /* rows of it that have been read, once for all texts */
    float *q, *k, *v; /* [T, D] */
    float *att;       /* [T, D] */
    float *h;         /* [T, F] */
    int8_t *codes;    /* quantised rows, of 8 or 13 bits, where weights are codes: mn_acts */
    uint8_t *side;
    const int *first; /* of the batch that is being run */
    int n;
};

static size_t plane_bytes(const mn_net *n) {
    return mn_kv_plane_bytes(MN_KV_F16, MN_ATTN_BLOCK, n->d);
}

size_t mn_encoder_scratch_bytes(const mn_net *n) {
    const size_t attend = mn_attn_scratch(n->d) * sizeof(float) + 2 * plane_bytes(n) +
                          MN_ATTN_ROWS * ((size_t)n->d + 4) * sizeof(float);
    const size_t product = mn_exec_scratch_bytes(mn_net_widest(n));
    return attend > product ? attend : product;
}

int mn_encoder_open(const mn_net *n, const mn_exec *exec, mn_encoder **out) {
    *out = NULL;
    mn_encoder *e = mn_calloc(1, sizeof *e);
    if (!e) return MN_FAIL(MN_ENOMEM, "no memory for an encoder");
    e->net = n;
    e->e = exec;
    const size_t T = MN_ENCODER_ROWS, D = mn_exec_width(n->D), F = mn_exec_width(n->F);
    const size_t floats[] = {D, D, D, D, D, D, F};
    float **place[] = {&e->x, &e->place, &e->q, &e->k, &e->v, &e->att, &e->h};
    enum { N = sizeof floats / sizeof *floats };
    const int widest = mn_net_widest(n);
    const size_t codes = mn_i13_bytes(widest) * T, side = mn_side_bytes(widest) * T / MN_SIDE;
    e->bytes = codes + side;
    for (int i = 0; i < N; i++) e->bytes += floats[i] * T * sizeof(float);
    const int rc = mn_alloc_pages(e->bytes, "activations", &e->block);
    if (rc < 0) {
        mn_free(e);
        return rc;
    }
    uint8_t *p = e->block;
    for (int i = 0; i < N; p += floats[i++] * T * sizeof(float)) *place[i] = (float *)(void *)p;
    e->codes = (int8_t *)p;
    e->side = p + codes;
    *out = e;
    return 0;
}

void mn_encoder_close(mn_encoder **pe) {
    mn_encoder *e = *pe;
    *pe = NULL;
    if (!e) return;
    mn_free_pages(e->block, e->bytes);
    mn_free(e);
}

/* ---- rows --------------------------------------------------------------------------------- */
typedef struct norm_job {
    const mn_encoder *e;
    const float *weight, *bias;
    int T;
} norm_job;

static void norm_piece(void *ctx, int piece, int worker) {
    (void)worker;
    const norm_job *j = ctx;
    const mn_net *n = j->e->net;
    for (int t = piece * NORM_ROWS; t < j->T && t < (piece + 1) * NORM_ROWS; t++) {
        float *x = j->e->x + (size_t)t * mn_exec_width(n->D);
        j->e->e->k->layer_norm(x, j->weight, j->bias, n->eps, n->D, x);
    }
}

static void norm(const mn_encoder *e, const float *weight, const float *bias, int T) {
    norm_job j = {e, weight, bias, T};
    if (T <= INLINE_ROWS)
        norm_piece(&j, 0, 0);
    else
        mn_team_run(e->e->team, norm_piece, &j, (T + NORM_ROWS - 1) / NORM_ROWS);
}

/* ---- what texts begin as: rows are read from the file -------------------------------------- */
typedef struct embed_job {
    const mn_encoder *e;
    const int32_t *ids;
    int T;
    atomic_int failed;
} embed_job;

/* Rows of one piece: token and position, normed. */
static int embed_rows(const embed_job *j, int piece) {
    const mn_encoder *e = j->e;
    const mn_net *n = e->net;
    const size_t D = mn_exec_width(n->D);
    int text = 0;
    for (int t = piece * NORM_ROWS; t < j->T && t < (piece + 1) * NORM_ROWS; t++) {
        float *x = e->x + (size_t)t * D;
        while (e->first[text + 1] <= t) text++;
        MN_TRY(mn_net_row(n, n->embedding, j->ids[t], 0, x));
        e->e->k->add_scaled(x, e->place + (size_t)(t - e->first[text]) * D, 1.0f, n->D);
        e->e->k->layer_norm(x, n->embed_norm, n->embed_norm_bias, n->eps, n->D, x);
    }
    return 0;
}

static void embed_piece(void *ctx, int piece, int worker) {
    (void)worker;
    embed_job *j = ctx;
    if (embed_rows(j, piece) < 0) atomic_store(&j->failed, 1);
}

static int embed(mn_encoder *e, const int32_t *ids) {
    const mn_net *n = e->net;
    embed_job j = {.e = e, .ids = ids, .T = e->first[e->n]};
    const int pieces = (j.T + NORM_ROWS - 1) / NORM_ROWS;
    for (int t = 0; t < j.T; t++)
        if (ids[t] < 0 || ids[t] >= n->V)
            return MN_FAIL(MN_EINVAL, "token %d is outside the vocabulary of %d", ids[t], n->V);
    for (int s = 0; s < e->n; s++)
        for (; e->placed < e->first[s + 1] - e->first[s]; e->placed++) {
            float *place = e->place + (size_t)e->placed * mn_exec_width(n->D);
            MN_TRY(mn_net_row(n, n->position, e->placed, 0, place));
            MN_TRY(mn_net_row(n, n->types, 0, 1, place));
        }
    mn_team_run(e->e->team, embed_piece, &j, pieces);
    /* What is wrong is known to the thread it happened to: once more, in this one. */
    for (int i = 0; atomic_load(&j.failed) && i < pieces; i++) MN_TRY(embed_rows(&j, i));
    return 0;
}

/* ---- products ----------------------------------------------------------------------------- */
/* The product of T rows of x, made ready first for weights that are codes. */
static void linear_of(const mn_encoder *e, const mn_linear *l, const float *x, int T) {
    const mn_packed *w = l->w[0];
    const size_t stride = mn_exec_width(w->k);
    mn_acts a = {.rows = e->codes,
                 .side = e->side,
                 .stride = mn_code_bytes(w->k),
                 .x = x,
                 .x_stride = stride,
                 .k = w->k,
                 .m = T};
    if (w->format == MN_I13)
        mn_exec_quantise_i13(e->e, &a);
    else if (mn_format_find((uint32_t)w->format)->block > 1)
        mn_exec_norm_quantise(e->e, x, stride, NULL, 0, T, NULL, &a);
    mn_exec_linear(e->e, l, &a);
}

/* All matrices at once when one kind of codes does for them; a file may have one of each kind. */
static void linear(const mn_encoder *e, const mn_linear *l, const float *x, int T) {
    int same = 1;
    for (int i = 1; i < l->n; i++) same &= l->w[i]->format == l->w[0]->format;
    if (same) {
        linear_of(e, l, x, T);
        return;
    }
    for (int i = 0; i < l->n; i++)
        linear_of(e,
                  &(mn_linear){.n = 1,
                               .w = {l->w[i]},
                               .bias = {l->bias[i]},
                               .out = {l->out[i]},
                               .stride = {l->stride[i]}},
                  x, T);
}

/* ---- attention ---------------------------------------------------------------------------- */
typedef struct attend_job {
    const mn_encoder *e;
    float scale;
} attend_job;

/* Queries [from, from + rows) of a text of T tokens, one head; everything sees everything. */
static void attend_rows(const mn_encoder *e, float *q, float *att, const mn_attn_piece *keys,
                        int from, int rows, float *scratch) {
    const mn_net *n = e->net;
    const size_t D = mn_exec_width(n->D);
    float *o = scratch + mn_attn_scratch(n->d), *max = o + (size_t)MN_ATTN_ROWS * (size_t)n->d,
          *sum = max + MN_ATTN_ROWS;
    int *begin = (int *)(void *)(sum + MN_ATTN_ROWS), *end = begin + MN_ATTN_ROWS;
    for (int r = 0; r < rows; r++) {
        begin[r] = 0;
        end[r] = keys->n;
    }
    const mn_attn_job job = {.piece = keys,
                             .n_pieces = 1,
                             .format = MN_KV_F16,
                             .d = n->d,
                             .q = q + (size_t)from * D,
                             .q_token = D,
                             .heads = 1,
                             .rows = rows,
                             .from = begin,
                             .to = end,
                             .max = max,
                             .sum = sum,
                             .o = o,
                             .scratch = scratch};
    e->e->k->attend(&job);
    for (int r = 0; r < rows; r++) {
        float *out = o + (size_t)r * (size_t)n->d;
        e->e->k->finish(out, sum[r], n->d);
        memcpy(att + (size_t)(from + r) * D, out, (size_t)n->d * sizeof *out);
    }
}

static void attend_piece(void *ctx, int piece, int worker) {
    const attend_job *j = ctx;
    const mn_encoder *e = j->e;
    const float scale = j->scale;
    const mn_net *n = e->net;
    const size_t D = mn_exec_width(n->D);
    const int text = piece / n->H, from = e->first[text], T = e->first[text + 1] - from;
    const size_t at = (size_t)from * D + (size_t)(piece % n->H) * (size_t)n->d;
    uint8_t *k = mn_exec_scratch(e->e, worker), *v = k + plane_bytes(n);
    float *q = e->q + at, *scratch = (float *)(void *)(v + plane_bytes(n));
    e->e->k->store_k(MN_KV_F16, k, 0, T, n->d, e->k + at, D);
    e->e->k->store_v(MN_KV_F16, v, 0, T, n->d, e->v + at, D);
    for (int t = 0; t < T; t++)
        for (int i = 0; i < n->d; i += 16)
            for (int l = 0; l < 16; l++) q[(size_t)t * D + (size_t)(i + l)] *= scale;
    const mn_attn_piece keys = {.k = k, .v = v, .n = T};
    for (int t = 0; t < T; t += MN_ATTN_ROWS)
        attend_rows(e, q, e->att + at, &keys, t, T - t < MN_ATTN_ROWS ? T - t : MN_ATTN_ROWS,
                    scratch);
}

/* ---- the pass ----------------------------------------------------------------------------- */
static void layer_run(const mn_encoder *e, const mn_layer *w, int T) {
    const mn_net *n = e->net;
    const size_t D = mn_exec_width(n->D), F = mn_exec_width(n->F);
    const mn_linear up = {.n = 1,
                          .w = {&w->up},
                          .bias = {w->up_bias},
                          .out = {e->h},
                          .stride = {F},
                          .after = e->e->k->gelu};
    const mn_linear out = {.n = 1,
                           .next = &up,
                           .w = {&w->o},
                           .bias = {w->o_bias},
                           .out = {e->q},
                           .stride = {D},
                           .residual = e->x};
    const mn_linear qkv = {.n = 3,
                           .next = &out,
                           .w = {&w->q, &w->k, &w->v},
                           .bias = {w->q_bias, w->k_bias, w->v_bias},
                           .out = {e->q, e->k, e->v},
                           .stride = {D, D, D}};
    const mn_linear down = {.n = 1,
                            .w = {&w->down},
                            .bias = {w->down_bias},
                            .out = {e->q},
                            .stride = {D},
                            .residual = e->x};
    linear(e, &qkv, e->x, T);
    attend_job j = {e, 1.0f / sqrtf((float)n->d)};
    mn_team_run(e->e->team, attend_piece, &j, e->n * n->H);
    linear(e, &out, e->att, T);
    norm(e, w->attn_norm, w->attn_norm_bias, T);
    linear(e, &up, e->x, T);
    linear(e, &down, e->h, T);
    norm(e, w->ffn_norm, w->ffn_norm_bias, T);
}

/* The mean of a text's rows, made one long: sums in the order of tokens, the length in double. */
static int pool(const mn_encoder *e, int text, float *out) {
    const mn_net *n = e->net;
    double square = 0;
    memset(out, 0, (size_t)n->D * sizeof *out);
    for (int t = e->first[text]; t < e->first[text + 1]; t++)
        for (int i = 0; i < n->D; i++) out[i] += e->x[(size_t)t * mn_exec_width(n->D) + (size_t)i];
    for (int i = 0; i < n->D; i++) square += (double)out[i] * (double)out[i];
    if (!(square > 0) || !isfinite(square))
        return MN_FAIL(MN_ECORRUPT,
                       "the model makes no vector of a text of %d tokens: its weights "
                       "are damaged",
                       e->first[text + 1] - e->first[text]);
    const float scale = (float)(1 / sqrt(square));
    for (int i = 0; i < n->D; i++) out[i] *= scale;
    return 0;
}

int mn_encoder_run(mn_encoder *e, const int32_t *ids, const int *first, int n, float *out) {
    if (n < 1) return MN_FAIL(MN_EINVAL, "a batch of %d texts", n);
    for (int i = 0; i < n; i++)
        if (first[i + 1] <= first[i] || first[i + 1] - first[i] > e->net->context)
            return MN_FAIL(MN_ETOOLONG, "a text of %d tokens; this model reads 1 to %d",
                           first[i + 1] - first[i], e->net->context);
    const int T = first[n];
    if (T > MN_ENCODER_ROWS)
        return MN_FAIL(MN_ETOOLONG, "a batch of %d tokens; %d are read at once", T,
                       MN_ENCODER_ROWS);
    e->first = first;
    e->n = n;
    MN_TRY(embed(e, ids));
    for (int i = 0; i < e->net->L; i++) layer_run(e, e->net->layer + i, T);
    for (int i = 0; i < n; i++) MN_TRY(pool(e, i, out + (size_t)i * (size_t)e->net->D));
    return 0;
}
