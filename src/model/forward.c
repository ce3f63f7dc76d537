/* SPDX-License-Identifier: Apache-2.0
 *
 * model/forward.c - one forward pass for every architecture of the table.
 *
 * Buffers are [T, width] f32; widths are rounded up to 16. A linear operation reads quantised rows
 * (acts) that the step before it has made. Few tokens: the team meets once per linear operation and
 * once for attention; the small work between is done by the caller while it is hot.
 */
#include "model/model.h"

#include "base/alloc.h"
#include "base/error.h"

#include <math.h>
#include <string.h>

struct mn_forward {
    const mn_net *net;
    const mn_exec *e;
    void *block;
    size_t bytes;
    float *x;               /* [T, D] the residual stream */
    float *y;               /* [T, max(D, H d)] normed rows, branch outputs */
    float *branch;          /* [T, D] output of a branch */
    float *q;               /* [T, H d] */
    float *k, *v;           /* [T, Hk d] */
    float *att;             /* [T, H d] */
    float *h;               /* [T, F] */
    float *cos[2], *sin[2]; /* [T, rope_half] of full and window layers */
    int8_t *codes;          /* quantised rows: mn_acts */
    uint8_t *side;
};

int mn_forward_open(const mn_net *n, const mn_exec *exec, mn_forward **out) {
    *out = NULL;
    mn_forward *f = mn_calloc(1, sizeof *f);
    if (!f) return MN_FAIL(MN_ENOMEM, "no memory for a forward pass");
    f->net = n;
    f->e = exec;
    const size_t T = MN_FORWARD_ROWS, heads = mn_exec_width(n->H * n->d),
                 kv = mn_exec_width(n->Hk * n->d);
    const size_t D = mn_exec_width(n->D), y = heads > D ? heads : D;
    const size_t floats[] = {D,
                             y,
                             D,
                             heads,
                             kv,
                             kv,
                             heads,
                             mn_exec_width(n->F),
                             mn_exec_width(n->rope_half),
                             mn_exec_width(n->rope_half),
                             mn_exec_width(n->rope_half),
                             mn_exec_width(n->rope_half)};
    float **place[] = {&f->x,   &f->y, &f->branch, &f->q,      &f->k,      &f->v,
                       &f->att, &f->h, &f->cos[0], &f->sin[0], &f->cos[1], &f->sin[1]};
    enum { N = sizeof floats / sizeof *floats };
    const int widest = mn_net_widest(n);
    const size_t codes = mn_code_bytes(widest) * T, side = mn_side_bytes(widest) * T / MN_SIDE;
    f->bytes = codes + side;
    for (int i = 0; i < N; i++) f->bytes += floats[i] * T * sizeof(float);
    const int rc = mn_alloc_pages(f->bytes, "activations", &f->block);
    if (rc < 0) {
        mn_free(f);
        return rc;
    }
    uint8_t *p = f->block;
    f->codes = (int8_t *)p;
    f->side = p + codes;
    p += codes + side;
    for (int i = 0; i < N; i++, p += floats[i - 1] * T * sizeof(float))
        *place[i] = (float *)(void *)p;
    *out = f;
    return 0;
}

void mn_forward_close(mn_forward **pf) {
    mn_forward *f = *pf;
    *pf = NULL;
    if (!f) return;
    mn_free_pages(f->block, f->bytes);
    mn_free(f);
}

static mn_acts acts_of(const mn_forward *f, int k, const float *x, size_t stride) {
    return (mn_acts){.rows = f->codes,
                     .side = f->side,
                     .stride = mn_code_bytes(k),
                     .x = x,
                     .x_stride = stride,
                     .k = k};
}

/* Embedding rows of the ids into x. */
static int embed(const mn_forward *f, const int32_t *ids, int T) {
    const mn_net *n = f->net;
    const float scale = n->arch->embed_scale ? sqrtf((float)n->D) : 1.0f;
    for (int t = 0; t < T; t++) {
        if (ids[t] < 0 || ids[t] >= n->V)
            return MN_FAIL(MN_EINVAL, "token %d is outside the vocabulary of %d", ids[t], n->V);
        float *x = f->x + (size_t)t * mn_exec_width(n->D);
        MN_TRY(mn_net_row(n, n->embedding, ids[t], 0, x));
        for (int i = 0; scale != 1.0f && i < n->D; i++) x[i] *= scale;
    }
    return 0;
}

/* cos and sin of every position, in double: the bits may not depend on a fast libm. */
static void angles(const mn_forward *f, const int *positions, const int *contexts, int T) {
    const mn_net *n = f->net;
    const int two = n->rope_freq[2] && n->short_context;
    for (int kind = 0; kind < (n->rope_freq[1] ? 2 : 1); kind++)
        for (int t = 0; t < T; t++) {
            const int far = kind == 0 && two && contexts[t] > n->short_context;
            const float *freq = n->rope_freq[far ? 2 : kind];
            for (int i = 0; i < n->rope_half; i++) {
                const double a = (double)positions[t] * (double)freq[i];
                const size_t at = (size_t)t * mn_exec_width(n->rope_half) + (size_t)i;
                f->cos[kind][at] = (float)cos(a) * n->rope_scale;
                f->sin[kind][at] = (float)sin(a) * n->rope_scale;
            }
        }
}

typedef struct head_job {
    const mn_forward *f;
    const mn_layer *layer;
    int T, kind;
} head_job;
enum { HEAD_ROWS = 4 };

/* Norm, rotate and scale the heads of some tokens. */
static void head_piece(void *ctx, int piece, int worker) {
    (void)worker;
    const head_job *j = ctx;
    const mn_forward *f = j->f;
    const mn_net *n = f->net;
    const float scale = 1.0f / sqrtf((float)n->d);
    for (int t = piece * HEAD_ROWS; t < j->T && t < (piece + 1) * HEAD_ROWS; t++) {
        const float *cosine = f->cos[j->kind] + (size_t)t * mn_exec_width(n->rope_half);
        const float *sine = f->sin[j->kind] + (size_t)t * mn_exec_width(n->rope_half);
        float *q = f->q + (size_t)t * mn_exec_width(n->H * n->d),
              *k = f->k + (size_t)t * mn_exec_width(n->Hk * n->d);
        for (int h = 0; h < n->H; h++, q += n->d) {
            if (j->layer->q_norm) f->e->k->rms_norm(q, j->layer->q_norm, n->eps, n->d, q);
            f->e->k->rope(q, cosine, sine, n->rope_half, n->arch->neox);
            for (int i = 0; i < n->d; i++) q[i] *= scale;
        }
        for (int h = 0; h < n->Hk; h++, k += n->d) {
            if (j->layer->k_norm) f->e->k->rms_norm(k, j->layer->k_norm, n->eps, n->d, k);
            f->e->k->rope(k, cosine, sine, n->rope_half, n->arch->neox);
        }
    }
}

typedef struct post_job {
    const mn_forward *f;
    const float *norm;
    int T;
} post_job;

/* x += norm(branch), for architectures that norm their branches. */
static void post_piece(void *ctx, int t, int worker) {
    (void)worker;
    const post_job *j = ctx;
    const mn_forward *f = j->f;
    float *b = f->branch + (size_t)t * mn_exec_width(f->net->D);
    f->e->k->rms_norm(b, j->norm, f->net->eps, f->net->D, b);
    f->e->k->add_scaled(f->x + (size_t)t * mn_exec_width(f->net->D), b, 1.0f, f->net->D);
}

/* x += [norm] (w a): the end of a branch. */
static void close_branch(const mn_forward *f, const mn_packed *w, const float *norm,
                         const mn_acts *a, const mn_linear *next) {
    const mn_linear l = {.n = 1,
                         .next = next,
                         .w = {w},
                         .out = {f->branch},
                         .stride = {mn_exec_width(f->net->D)},
                         .residual = norm ? NULL : f->x};
    mn_exec_linear(f->e, &l, a);
    if (!norm) return;
    post_job j = {f, norm, a->m};
    mn_team_run(f->e->team, post_piece, &j, a->m);
}

/* What every layer begins with. */
static mn_linear qkv_of(const mn_forward *f, const mn_layer *w) {
    const size_t heads = mn_exec_width(f->net->H * f->net->d),
                 kv = mn_exec_width(f->net->Hk * f->net->d);
    return (mn_linear){.n = 3,
                       .w = {&w->q, &w->k, &w->v},
                       .bias = {w->q_bias, w->k_bias, w->v_bias},
                       .out = {f->q, f->k, f->v},
                       .stride = {heads, kv, kv}};
}

static int layer_run(const mn_forward *f, int i, int T, mn_attend attend, void *ctx) {
    const mn_net *n = f->net;
    const mn_layer *w = n->layer + i;
    const size_t D = mn_exec_width(n->D), F = mn_exec_width(n->F),
                 heads = mn_exec_width(n->H * n->d);
    const mn_linear after = i + 1 < n->L ? qkv_of(f, w + 1) : (mn_linear){.n = 1, .w = {&n->head}};
    const mn_linear down = {.n = 1, .w = {&w->down}}, o = {.n = 1, .w = {&w->o}};
    const mn_linear inner = {.n = 2,
                             .next = &down,
                             .w = {&w->gate, &w->up},
                             .act = n->arch->act,
                             .out = {f->h, f->h},
                             .stride = {F, F}};
    mn_linear qkv = qkv_of(f, w);
    qkv.next = &o;

    mn_acts a = acts_of(f, n->D, f->y, D);
    mn_exec_norm_quantise(f->e, f->x, D, w->attn_norm, n->eps, T, f->y, &a);
    mn_exec_linear(f->e, &qkv, &a);
    head_job j = {f, w, T, n->rope_freq[1] && n->window[i] ? 1 : 0};
    mn_team_run(f->e->team, head_piece, &j, (T + HEAD_ROWS - 1) / HEAD_ROWS);
    MN_TRY(attend(ctx, i, f->q, f->k, f->v, f->att));

    a = acts_of(f, n->H * n->d, f->att, heads);
    mn_exec_norm_quantise(f->e, f->att, heads, NULL, 0, T, NULL, &a);
    close_branch(f, &w->o, w->post_attn_norm, &a, &inner);

    a = acts_of(f, n->D, f->y, D);
    mn_exec_norm_quantise(f->e, f->x, D, w->ffn_norm, n->eps, T, f->y, &a);
    mn_exec_linear(f->e, &inner, &a);
    a = acts_of(f, n->F, f->h, F);
    mn_exec_norm_quantise(f->e, f->h, F, NULL, 0, T, NULL, &a);
    close_branch(f, &w->down, w->post_ffn_norm, &a, &after);
    return 0;
}

/* Logits of the listed rows, through the whole team; the rows are gathered to the front of x. */
static int head_run(mn_forward *f, const int *rows, int n_rows, float *logits) {
    const mn_net *n = f->net;
    const size_t D = mn_exec_width(n->D);
    for (int i = 0; i < n_rows; i++)
        memmove(f->x + (size_t)i * D, f->x + (size_t)rows[i] * D, D * sizeof(float));
    mn_acts a = acts_of(f, n->D, f->y, D);
    mn_exec_norm_quantise(f->e, f->x, D, n->out_norm, n->eps, n_rows, f->y, &a);
    if (n->V % 16 == 0) {
        const mn_linear l = {.n = 1, .w = {&n->head}, .out = {logits}, .stride = {(size_t)n->V}};
        mn_exec_linear(f->e, &l, &a);
        return 0;
    }
    void *padded; /* a row must have room for whole tiles */
    const size_t bytes = mn_exec_width(n->V) * (size_t)n_rows * sizeof(float);
    MN_TRY(mn_alloc_pages(bytes, "logits", &padded));
    const mn_linear l = {.n = 1, .w = {&n->head}, .out = {padded}, .stride = {mn_exec_width(n->V)}};
    mn_exec_linear(f->e, &l, &a);
    for (int i = 0; i < n_rows; i++)
        memcpy(logits + (size_t)i * (size_t)n->V, (float *)padded + (size_t)i * mn_exec_width(n->V),
               (size_t)n->V * sizeof(float));
    mn_free_pages(padded, bytes);
    return 0;
}

int mn_forward_run(mn_forward *f, const int32_t *ids, const int *positions, const int *contexts,
                   int T, mn_attend attend, void *ctx, const int *rows, int n_rows, float *logits) {
    if (T < 1 || T > MN_FORWARD_ROWS) return MN_FAIL(MN_EINVAL, "a batch of %d tokens", T);
    MN_TRY(embed(f, ids, T));
    angles(f, positions, contexts, T);
    for (int i = 0; i < f->net->L; i++) MN_TRY(layer_run(f, i, T, attend, ctx));
    return n_rows ? head_run(f, rows, n_rows, logits) : 0;
}
