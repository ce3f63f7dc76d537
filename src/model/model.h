/* SPDX-License-Identifier: Apache-2.0
 *
 * model/model.h - an open model: weights, sizes, and one forward pass (of encoders: encoder.h).
 *
 * The forward pass does not know where keys and values live: it hands the q, k, v of a batch of
 * tokens to an `attend` callback and gets the attention's output back. So model/ is tested with
 * plain arrays and engine/ owns sequences. Read-only after opening; a mn_forward is one caller's
 * workspace.
 */
#ifndef MN_MODEL_MODEL_H
#define MN_MODEL_MODEL_H
#include "base/arena.h"
#include "model/arch.h"
#include "model/gguf.h"
#include "model/packfile.h"
#include "model/tokenizer.h"
#include "tensor/exec.h"

typedef struct mn_layer {
    mn_packed q, k, v, o, gate, up, down;
    const float *q_bias, *k_bias, *v_bias;       /* [H d], [Hk d], or NULL */
    const float *attn_norm, *ffn_norm;           /* [D] */
    const float *q_norm, *k_norm;                /* [d] or NULL */
    const float *post_attn_norm, *post_ffn_norm; /* [D] or NULL */
    /* of encoders: [D], [F], [D], and of the two norms [D] */
    const float *o_bias, *up_bias, *down_bias, *attn_norm_bias, *ffn_norm_bias;
} mn_layer;

typedef struct mn_net {
    const mn_arch *arch;
    mn_gguf *gguf;
    char *path; /* of the file, */
    int fd;     /* of which rows are read */
    mn_packfile *pack;
    mn_tokenizer *tokenizer;
    int L, D, F, H, Hk, d, V,
        context; /* layers, widths, heads, head size, vocabulary, trained context */
    float eps;
    int *window;   /* [L] positions a layer looks back, 0: all */
    int rope_half; /* rotated pairs of a head */
    float *
        rope_freq[3]; /* [rope_half] angle per position: full layers, window layers, and full layers
                            in a context beyond short_context; NULL: none of their own */
    int short_context;
    float rope_scale; /* cos and sin are multiplied by this (attention factor) */
    mn_layer *layer;  /* [L] */
    mn_arena vectors; /* norms and biases */
    const float *out_norm;
    mn_packed head;                  /* [V, D] */
    const mn_gguf_tensor *embedding; /* [V, D], rows looked up in the GGUF */
    /* of encoders: [context, D] and [types, D], rows looked up; [D] */
    const mn_gguf_tensor *position, *types;
    const float *embed_norm, *embed_norm_bias;
    uint64_t parameters;
} mn_net;

/* Open the model at `path` (model/source.h); packs its weights when no pack is there yet. */
int mn_net_open(const char *path, mn_team *team, mn_pack_progress progress, void *user,
                mn_net **out);
void mn_net_close(mn_net **net);

/* Row `row` of a matrix that is looked up, as D floats: to x, or added to it. Read from the file:
 * of a table that is mapped, what any prompt ever touched would stay in memory, beside the budget.
 */
int mn_net_row(const mn_net *n, const mn_gguf_tensor *t, int row, int add, float *x);

/* Largest inner dimension of any product: what kernel scratch must hold. */
int mn_net_widest(const mn_net *net);

enum { MN_FORWARD_ROWS = 256 }; /* tokens of one pass */

/* out[t] = attention of q[t] over all positions its sequence has up to and including its own, for
 * layer `layer`. q [T, H d] rotated and scaled, k, v [T, Hk d] rotated; out [T, H d]. */
typedef int (*mn_attend)(void *ctx, int layer, const float *q, const float *k, const float *v,
                         float *out);

typedef struct mn_forward mn_forward;
int mn_forward_open(const mn_net *net, const mn_exec *exec, mn_forward **out);
void mn_forward_close(mn_forward **f);

/* T <= MN_FORWARD_ROWS tokens with their positions and the contexts of their sequences (beyond the
 * model's short one the rotations are others). logits: [n_rows, V] for the batch rows listed
 * in rows[n_rows] (n_rows may be 0). */
int mn_forward_run(mn_forward *f, const int32_t *ids, const int *positions, const int *contexts,
                   int T, mn_attend attend, void *ctx, const int *rows, int n_rows, float *logits);

#endif
