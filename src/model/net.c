/* SPDX-License-Identifier: Apache-2.0
 *
 * model/net.c - from a model file and its pack to a checked mn_net.
 *
 * Every size in the metadata is checked against the shapes of the tensors before anything is
 * computed: the forward pass trusts what is built here.
 */
#include "model/model.h"
#include "model/source.h"

#include "base/alloc.h"
#include "base/error.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { MAX_LAYERS = 1024, MAX_WIDTH = 1 << 20, MAX_HEAD = 1024 };

static const char *key_of(const mn_net *n, char out[128], const char *name) {
    snprintf(out, 128, "%s.%s", n->arch->name, name);
    return out;
}
static int number(const mn_net *n, const char *name, int fallback) {
    char key[128];
    const uint64_t v = mn_gguf_u64(n->gguf, key_of(n, key, name), (uint64_t)(int64_t)fallback);
    return v > INT32_MAX ? fallback : (int)v;
}
static double real(const mn_net *n, const char *name, double fallback) {
    char key[128];
    return mn_gguf_f64(n->gguf, key_of(n, key, name), fallback);
}

/* A vector of n floats; absent: NULL when optional. Copied: in place each would hold the pages
 * around it, 64 KiB for some KB. */
static int vector(mn_net *net, const char *name, int n, int optional, const float **out) {
    const mn_gguf_tensor *t = mn_gguf_tensor_find(net->gguf, name);
    *out = NULL;
    if (!t && optional) return 0;
    if (!t) return MN_FAIL(MN_ECORRUPT, "the model has no tensor %s", name);
    if (t->type != MN_F32 || t->shape[0] != (uint64_t)n || t->bytes != (uint64_t)n * 4)
        return MN_FAIL(MN_ECORRUPT, "tensor %s should be %d numbers of type F32", name, n);
    float *copy;
    MN_TRY(mn_arena_take(&net->vectors, (size_t)t->bytes, &copy));
    memcpy(copy, t->data, (size_t)t->bytes);
    *out = copy;
    return 0;
}

static int matrix(const mn_net *net, const char *name, int n, int k, mn_packed *out) {
    MN_TRY(mn_packfile_find(net->pack, name, out));
    if (out->n != n || out->k != k)
        return MN_FAIL(MN_ECORRUPT, "tensor %s is [%d, %d], but the metadata asks for [%d, %d]",
                       name, out->n, out->k, n, k);
    return 0;
}

/* Rows [from, from + n) of a packed matrix as a matrix of their own. */
static int slice(const mn_packed *whole, int from, int n, const char *name, mn_packed *out) {
    if (from % 16 || (n % 16 && from + n != whole->n))
        return MN_FAIL(MN_EUNSUPPORTED, "%s is cut at %d, which is no multiple of 16", name, from);
    *out = *whole;
    out->data += (size_t)(from / 16) * whole->tile_bytes;
    out->n = n;
    return 0;
}

static const char *name_of(char out[96], int layer, const char *part) {
    snprintf(out, 96, "blk.%d.%s", layer, part);
    return out;
}

static int layer_open(mn_net *n, int i) {
    mn_layer *w = n->layer + i;
    char s[96];
    const int q = n->H * n->d, kv = n->Hk * n->d;
    if (n->arch->fused) {
        mn_packed all;
        MN_TRY(matrix(n, name_of(s, i, "attn_qkv.weight"), q + 2 * kv, n->D, &all));
        MN_TRY(slice(&all, 0, q, s, &w->q));
        MN_TRY(slice(&all, q, kv, s, &w->k));
        MN_TRY(slice(&all, q + kv, kv, s, &w->v));
        MN_TRY(matrix(n, name_of(s, i, "ffn_up.weight"), 2 * n->F, n->D, &all));
        MN_TRY(slice(&all, 0, n->F, s, &w->gate));
        MN_TRY(slice(&all, n->F, n->F, s, &w->up));
    } else {
        MN_TRY(matrix(n, name_of(s, i, "attn_q.weight"), q, n->D, &w->q));
        MN_TRY(matrix(n, name_of(s, i, "attn_k.weight"), kv, n->D, &w->k));
        MN_TRY(matrix(n, name_of(s, i, "attn_v.weight"), kv, n->D, &w->v));
        MN_TRY(matrix(n, name_of(s, i, "ffn_gate.weight"), n->F, n->D, &w->gate));
        MN_TRY(matrix(n, name_of(s, i, "ffn_up.weight"), n->F, n->D, &w->up));
    }
    MN_TRY(matrix(n, name_of(s, i, "attn_output.weight"), n->D, q, &w->o));
    MN_TRY(matrix(n, name_of(s, i, "ffn_down.weight"), n->D, n->F, &w->down));
    MN_TRY(vector(n, name_of(s, i, "attn_norm.weight"), n->D, 0, &w->attn_norm));
    MN_TRY(vector(n, name_of(s, i, "ffn_norm.weight"), n->D, 0, &w->ffn_norm));
    MN_TRY(vector(n, name_of(s, i, "attn_q.bias"), q, 1, &w->q_bias));
    MN_TRY(vector(n, name_of(s, i, "attn_k.bias"), kv, 1, &w->k_bias));
    MN_TRY(vector(n, name_of(s, i, "attn_v.bias"), kv, 1, &w->v_bias));
    if (n->arch->head_norm) {
        MN_TRY(vector(n, name_of(s, i, "attn_q_norm.weight"), n->d, 0, &w->q_norm));
        MN_TRY(vector(n, name_of(s, i, "attn_k_norm.weight"), n->d, 0, &w->k_norm));
    }
    if (n->arch->post_norm) {
        MN_TRY(vector(n, name_of(s, i, "post_attention_norm.weight"), n->D, 0, &w->post_attn_norm));
        MN_TRY(vector(n, name_of(s, i, "post_ffw_norm.weight"), n->D, 0, &w->post_ffn_norm));
    }
    return 0;
}

/* Every part has a bias, and the norms stand behind the branches. */
static int encoder_layer_open(mn_net *n, int i) {
    mn_layer *w = n->layer + i;
    char s[96];
    MN_TRY(matrix(n, name_of(s, i, "attn_q.weight"), n->D, n->D, &w->q));
    MN_TRY(matrix(n, name_of(s, i, "attn_k.weight"), n->D, n->D, &w->k));
    MN_TRY(matrix(n, name_of(s, i, "attn_v.weight"), n->D, n->D, &w->v));
    MN_TRY(matrix(n, name_of(s, i, "attn_output.weight"), n->D, n->D, &w->o));
    MN_TRY(matrix(n, name_of(s, i, "ffn_up.weight"), n->F, n->D, &w->up));
    MN_TRY(matrix(n, name_of(s, i, "ffn_down.weight"), n->D, n->F, &w->down));
    MN_TRY(vector(n, name_of(s, i, "attn_q.bias"), n->D, 0, &w->q_bias));
    MN_TRY(vector(n, name_of(s, i, "attn_k.bias"), n->D, 0, &w->k_bias));
    MN_TRY(vector(n, name_of(s, i, "attn_v.bias"), n->D, 0, &w->v_bias));
    MN_TRY(vector(n, name_of(s, i, "attn_output.bias"), n->D, 0, &w->o_bias));
    MN_TRY(vector(n, name_of(s, i, "ffn_up.bias"), n->F, 0, &w->up_bias));
    MN_TRY(vector(n, name_of(s, i, "ffn_down.bias"), n->D, 0, &w->down_bias));
    MN_TRY(vector(n, name_of(s, i, "attn_output_norm.weight"), n->D, 0, &w->attn_norm));
    MN_TRY(vector(n, name_of(s, i, "attn_output_norm.bias"), n->D, 0, &w->attn_norm_bias));
    MN_TRY(vector(n, name_of(s, i, "layer_output_norm.weight"), n->D, 0, &w->ffn_norm));
    return vector(n, name_of(s, i, "layer_output_norm.bias"), n->D, 0, &w->ffn_norm_bias);
}

static int sizes(mn_net *n) {
    n->L = number(n, "block_count", 0);
    n->D = number(n, "embedding_length", 0);
    n->F = number(n, "feed_forward_length", 0);
    n->H = number(n, "attention.head_count", 0);
    n->Hk = number(n, "attention.head_count_kv", n->H);
    n->context = number(n, "context_length", 0);
    if (n->L < 1 || n->L > MAX_LAYERS || n->D < 1 || n->D > MAX_WIDTH || n->F < 1 ||
        n->F > MAX_WIDTH || n->H < 1 || n->H > MAX_WIDTH || n->Hk < 1 || n->H % n->Hk ||
        n->context < 1)
        return MN_FAIL(MN_ECORRUPT,
                       "the metadata makes no %s model: %d layers, width %d, inner width %d, %d "
                       "heads, %d KV heads, context %d",
                       n->arch->name, n->L, n->D, n->F, n->H, n->Hk, n->context);
    n->d = number(n, "attention.key_length", n->D / n->H);
    if (n->d < 16 || n->d > MAX_HEAD || n->d % 16 ||
        number(n, "attention.value_length", n->d) != n->d || n->H / n->Hk > MN_ATTN_ROWS)
        return MN_FAIL(MN_EUNSUPPORTED,
                       "heads of %d keys and %d values, %d for each KV head, are not supported",
                       n->d, number(n, "attention.value_length", n->d), n->H / n->Hk);
    n->eps = (float)(n->arch->encoder ? real(n, "attention.layer_norm_epsilon", 1e-12)
                                      : real(n, "attention.layer_norm_rms_epsilon", 1e-5));
    n->window = mn_calloc((size_t)n->L, sizeof *n->window);
    n->layer = mn_calloc((size_t)n->L, sizeof *n->layer);
    if (!n->window || !n->layer) return MN_FAIL(MN_ENOMEM, "no memory for %d layers", n->L);
    const int window = number(n, "attention.sliding_window", 0);
    for (int i = 0; i < n->L && n->arch->window_period && window > 0; i++)
        if ((i + 1) % n->arch->window_period) n->window[i] = window;
    return 0;
}

/* Divisors of the frequencies, one per pair ("rope_freqs", and phi3's for short and long
 * contexts). */
static int divide(mn_net *n, const char *tensor, float *freq) {
    const float *by;
    MN_TRY(vector(n, tensor, n->rope_half, 1, &by));
    for (int i = 0; by && i < n->rope_half; i++) freq[i] /= by[i];
    return 0;
}

/* YaRN (Peng et al. 2023): pairs that turn often keep their frequency, those that turn less than
 * once in the trained context are slowed by `factor`, with a ramp between 32 turns and 1. */
static void yarn(float *freq, int half, double base, double factor, double trained) {
    const double span = log(base), pi2 = 6.283185307179586;
    double low = floor(half * log(trained / (32 * pi2)) / span);
    double high = ceil(half * log(trained / pi2) / span);
    if (low < 0) low = 0;
    if (high > 2 * half - 1) high = 2 * half - 1;
    for (int i = 0; i < half; i++) {
        double keep = 1 - (i - low) / (high - low > 0.001 ? high - low : 0.001);
        keep = keep < 0 ? 0 : keep > 1 ? 1 : keep;
        freq[i] = (float)((double)freq[i] * (keep + (1 - keep) / factor));
    }
}

static int is(mn_str s, const char *text) {
    return s.n == strlen(text) && memcmp(s.p, text, s.n) == 0;
}

static int rope_tables(mn_net *n) {
    const int rotated = number(n, "rope.dimension_count", n->d);
    if (rotated < 2 || rotated > n->d || rotated % 2)
        return MN_FAIL(MN_ECORRUPT, "rotary embedding of %d of %d elements", rotated, n->d);
    n->rope_half = rotated / 2;
    char key[128];
    const mn_str type = mn_gguf_str(n->gguf, key_of(n, key, "rope.scaling.type"));
    const int slowed = is(type, "yarn");
    if (type.n && !slowed && !is(type, "none") && !is(type, "linear") && !is(type, "longrope"))
        return MN_FAIL(MN_EUNSUPPORTED,
                       "rope scaling '%.*s' is not supported (none, linear, yarn and longrope "
                       "are)",
                       (int)type.n, type.p);
    const double factor = is(type, "linear") || slowed ? real(n, "rope.scaling.factor", 1.0) : 1.0;
    if (!(factor > 0)) return MN_FAIL(MN_ECORRUPT, "a rope scaling factor of %g", factor);
    const double base[3] = {real(n, "rope.freq_base", 10000.0), n->arch->local_base, 0};
    n->rope_scale = (float)real(n, "rope.scaling.attn_factor", 1.0);
    n->short_context = number(n, "rope.scaling.original_context_length", 0);
    for (int kind = 0; kind < 3; kind++) {
        if (kind == 1 && !(n->arch->local_base > 0)) continue;
        if (kind == 2 && !mn_gguf_tensor_find(n->gguf, "rope_factors_long.weight")) continue;
        float *freq = n->rope_freq[kind] = mn_calloc((size_t)n->rope_half, sizeof(float));
        if (!freq) return MN_FAIL(MN_ENOMEM, "no memory for rope tables");
        for (int i = 0; i < n->rope_half; i++)
            freq[i] = (float)(pow(base[kind == 1], -2.0 * i / rotated) /
                              (kind == 1 || slowed ? 1.0 : factor));
    }
    if (slowed && factor > 1) {
        yarn(n->rope_freq[0], n->rope_half, base[0], factor,
             n->short_context ? n->short_context : n->context);
        n->rope_scale *= (float)(1 + 0.1 * log(factor));
    }
    MN_TRY(divide(n, "rope_freqs.weight", n->rope_freq[0]));
    MN_TRY(divide(n, "rope_factors_short.weight", n->rope_freq[0]));
    if (n->rope_freq[2]) MN_TRY(divide(n, "rope_factors_long.weight", n->rope_freq[2]));
    return 0;
}

/* A matrix whose rows are looked up in the file: at least `least` of width D. */
static int rows_of(const mn_net *n, const char *name, const char *what, int least,
                   const mn_gguf_tensor **out) {
    const mn_gguf_tensor *t = *out = mn_gguf_tensor_find(n->gguf, name);
    if (t && t->dims == 2 && t->shape[0] == (uint64_t)n->D && t->shape[1] >= (uint64_t)least &&
        t->shape[1] <= 1 << 24)
        return 0;
    return MN_FAIL(MN_ECORRUPT, "the model has no %s of width %d and at least %d rows", what, n->D,
                   least);
}

static int encoder_weights(mn_net *n) {
    if (n->Hk != n->H || n->H * n->d != n->D)
        return MN_FAIL(MN_EUNSUPPORTED, "%d heads of %d in a width of %d are not supported", n->H,
                       n->d, n->D);
    if (n->context > MN_ATTN_BLOCK) n->context = MN_ATTN_BLOCK;
    MN_TRY(rows_of(n, "position_embd.weight", "position embedding", n->context, &n->position));
    MN_TRY(rows_of(n, "token_types.weight", "embedding of token types", 1, &n->types));
    MN_TRY(vector(n, "token_embd_norm.weight", n->D, 0, &n->embed_norm));
    MN_TRY(vector(n, "token_embd_norm.bias", n->D, 0, &n->embed_norm_bias));
    for (int i = 0; i < n->L; i++) MN_TRY(encoder_layer_open(n, i));
    return 0;
}

static int decoder_weights(mn_net *n) {
    const char *head =
        mn_gguf_tensor_find(n->gguf, "output.weight") ? "output.weight" : "token_embd.weight";
    MN_TRY(matrix(n, head, n->V, n->D, &n->head));
    MN_TRY(vector(n, "output_norm.weight", n->D, 0, &n->out_norm));
    for (int i = 0; i < n->L; i++) MN_TRY(layer_open(n, i));
    return 0;
}

static int weights(mn_net *n) {
    MN_TRY(rows_of(n, "token_embd.weight", "token embedding", 1, &n->embedding));
    n->V = (int)n->embedding->shape[1];
    MN_TRY(n->arch->encoder ? encoder_weights(n) : decoder_weights(n));

    const void *image;
    size_t bytes;
    mn_packfile_tokenizer(n->pack, &image, &bytes);
    MN_TRY(mn_tokenizer_open(image, bytes, &n->tokenizer));
    if (mn_tokenizer_size(n->tokenizer) > n->V)
        return MN_FAIL(MN_ECORRUPT, "the vocabulary has %d tokens, the embedding %d rows",
                       mn_tokenizer_size(n->tokenizer), n->V);
    const mn_gguf_tensor *t;
    const size_t all = mn_gguf_tensors(n->gguf, &t);
    for (size_t i = 0; i < all; i++)
        n->parameters += t[i].shape[0] * t[i].shape[1] * t[i].shape[2] * t[i].shape[3];
    return 0;
}

int mn_net_open(const char *path, mn_team *team, mn_pack_progress progress, void *user,
                mn_net **out) {
    *out = NULL;
    mn_net *n = mn_calloc(1, sizeof *n);
    if (!n) return MN_FAIL(MN_ENOMEM, "no memory to open a model");
    n->fd = -1;
    n->path = mn_strdup(path);
    int rc = n->path ? 0 : MN_FAIL(MN_ENOMEM, "no memory to open a model");
    if (rc >= 0) rc = mn_file_open(path, &n->fd);
    if (rc >= 0) rc = mn_source_open(path, &n->gguf);
    const mn_gguf_tensor *tensors;
    if (rc >= 0 && !mn_gguf_tensors(n->gguf, &tensors))
        rc = MN_FAIL(MN_EUNSUPPORTED, "%s holds only a vocabulary; it works with omnesia tokenize",
                     path);
    if (rc >= 0) {
        const mn_str name = mn_gguf_str(n->gguf, "general.architecture");
        n->arch = name.n ? mn_arch_find(name.p, name.n) : NULL;
        if (!n->arch)
            rc = MN_FAIL(MN_EUNSUPPORTED,
                         "%s: architecture '%.*s' is not supported; llama, qwen2, qwen3, gemma3, "
                         "phi3 and bert are",
                         path, (int)name.n, name.n ? name.p : "");
    }
    if (rc >= 0) rc = sizes(n);
    if (rc >= 0 && !n->arch->encoder) rc = rope_tables(n);
    if (rc >= 0) rc = mn_packfile_open(path, n->gguf, team, progress, user, &n->pack);
    if (rc >= 0) rc = weights(n);
    if (rc >= 0) mn_gguf_cool(n->gguf);
    if (rc < 0) mn_net_close(&n);
    *out = n;
    return rc;
}

void mn_net_close(mn_net **pn) {
    mn_net *n = *pn;
    *pn = NULL;
    if (!n) return;
    mn_tokenizer_close(&n->tokenizer);
    mn_packfile_close(&n->pack);
    mn_gguf_close(&n->gguf);
    mn_file_close(&n->fd);
    mn_free(n->path);
    for (int i = 0; i < 3; i++) mn_free(n->rope_freq[i]);
    mn_arena_free(&n->vectors);
    mn_free(n->window);
    mn_free(n->layer);
    mn_free(n);
}

int mn_net_row(const mn_net *n, const mn_gguf_tensor *t, int row, int add, float *x) {
    enum { PIECE = 512 }; /* elements: whole blocks of every format, 4 bytes each at most */
    const mn_format *f = mn_format_find((uint32_t)t->type);
    uint64_t at =
        mn_gguf_tensor_at(n->gguf, t) + (uint64_t)row * mn_format_row_bytes(f, (uint64_t)n->D);
    uint8_t stored[PIECE * 4];
    float part[PIECE];
    for (int i = 0; i < n->D; i += PIECE) {
        const int m = n->D - i < PIECE ? n->D - i : PIECE;
        const size_t bytes = (size_t)mn_format_row_bytes(f, (uint64_t)m);
        MN_TRY(mn_file_pread(n->fd, n->path, at, stored, bytes));
        at += bytes;
        f->decode(stored, part, (size_t)m);
        for (int c = 0; c < m; c++) x[i + c] = add ? x[i + c] + part[c] : part[c];
    }
    return 0;
}

int mn_net_widest(const mn_net *n) {
    int k = n->D > n->F ? n->D : n->F;
    if (n->H * n->d > k) k = n->H * n->d;
    return (k + 255) / 256 * 256;
}
