/* SPDX-License-Identifier: Apache-2.0
 *
 * kernel/body_attn.h - attention of one KV head over one block of 512 positions.
 *
 * FlashAttention's tiling (Dao et al. 2022) with FlashAttention-2's bookkeeping (Dao 2023): the
 * output stays unnormalised, only (max, sum, o) leaves, partials merge without approximation. Ours
 * differs in one thing: blocks begin at absolute positions and are merged left to right, so the
 * bits do not depend on spans, chunks, threads or batches (design decision 3). Inside a block:
 *   score  = sum over e of q[e] k[e], one FMA chain, e ascending (16 keys in the 16 lanes)
 *   max    = over the visible positions
 *   weight = e^(score - max), zero where not visible
 *   sum    = of weights, position p in lane p mod 16, ascending, then the tree of v_sum
 *   o[e]   = sum over positions of weight v[e], one FMA chain, positions ascending
 * Layout of a K plane: groups of 16 rows, [d][16] f16, or for q8 [d][16] codes then [d/32][16] f16
 * scales. A V plane has one row per position: [d] f16, or [d] codes then [d/32] f16 scales.
 */
#ifndef MN_KERNEL_BODY_ATTN_H
#define MN_KERNEL_BODY_ATTN_H
#include "kernel/body_math.h"

LANES size_t k_group_bytes(int f, int d) {
    return f == MN_KV_F16 ? (size_t)d * 32 : (size_t)d * 17;
}
LANES size_t v_row_bytes(int f, int d) {
    return f == MN_KV_F16 ? (size_t)d * 2 : (size_t)d + (size_t)d / 16;
}

/* Element e of the 16 keys of a group. */
LANES v16 key_load(const int f, const uint8_t *group, int d, int e) {
    if (f == MN_KV_F16) return v_from_half((const uint16_t *)(const void *)group + 16 * e);
    const uint16_t *scale = (const uint16_t *)(const void *)(group + 16 * d);
    return v_mul(v_from_s8((const int8_t *)group + 16 * e), v_from_half(scale + e / 32 * 16));
}
/* Elements e..e+15 of one value row. */
LANES v16 value_load(const int f, const uint8_t *row, int d, int e) {
    if (f == MN_KV_F16) return v_from_half((const uint16_t *)(const void *)row + e);
    uint16_t scale[16];
    for (int l = 0; l < 16; l++) memcpy(scale + l, row + d + e / 32 * 2, 2);
    return v_mul(v_from_s8((const int8_t *)row + e), v_from_half(scale));
}

/* One group of 16 keys seen by the piece: lanes lo..hi-1 are positions at + lo.. of the block. */
typedef struct key_group {
    const uint8_t *data;
    int at, lo, hi;
} key_group;

LANES key_group group_at(const mn_attn_job *j, const mn_attn_piece *p, int g) {
    const int first = g * 16 - p->row;
    return (key_group){(const uint8_t *)p->k + (size_t)g * k_group_bytes(j->format, j->d),
                       p->at + first, first < 0 ? -first : 0,
                       p->n - first < 16 ? p->n - first : 16};
}
LANES const float *query(const mn_attn_job *j, int row) {
    return j->q + (size_t)(row / j->heads) * j->q_token + (size_t)(row % j->heads) * (size_t)j->d;
}
LANES void put_scores(float *scores, key_group g, v16 s) {
    if (g.lo == 0 && g.hi == 16) {
        v_store(scores + g.at, s);
        return;
    }
    float t[16];
    v_store(t, s);
    for (int l = g.lo; l < g.hi; l++) scores[g.at + l] = t[l];
}

/* R query rows times G neighbouring groups of keys read as stored; the next ones are fetched. */
LANES void scores_direct(const int f, const int R, const int G, const mn_attn_job *j, int row,
                         const key_group *g) {
    const size_t bytes = k_group_bytes(f, j->d);
    const uint8_t *keys = g[0].data;
    const float *q[4];
    v16 acc[4][4];
    for (int r = 0; r < R; r++) {
        q[r] = query(j, row + r);
        for (int i = 0; i < G; i++) acc[r][i] = v_set(0);
    }
    for (int e = 0; e < j->d; e++) {
        v16 k[4];
        for (int i = 0; i < G; i++) {
            const uint8_t *group = keys + (size_t)i * bytes;
            k[i] = key_load(f, group, j->d, e);
            if (e % 2 == 0) __builtin_prefetch(group + (size_t)G * bytes + 32 * e, 0, 2);
        }
        for (int r = 0; r < R; r++) {
            const v16 x = v_set(q[r][e]);
            for (int i = 0; i < G; i++) acc[r][i] = v_fma(k[i], x, acc[r][i]);
        }
    }
    for (int r = 0; r < R; r++)
        for (int i = 0; i < G; i++)
            put_scores(j->scratch + (size_t)(row + r) * MN_ATTN_PITCH, g[i], acc[r][i]);
}

/* R query rows times G groups of keys already in f32, keys [G][d][16]. */
LANES void scores_tile(const int R, const int G, const mn_attn_job *j, int row, const key_group *g,
                       const float *keys) {
    v16 acc[MN_KEY_ROWS][MN_KEY_GROUPS];
    const float *q[MN_KEY_ROWS];
    for (int r = 0; r < R; r++) {
        for (int i = 0; i < G; i++) acc[r][i] = v_set(0);
        q[r] = query(j, row + r);
    }
    for (int e = 0; e < j->d; e++) {
        v16 k[MN_KEY_GROUPS];
        for (int i = 0; i < G; i++) k[i] = v_load(keys + 16 * (i * j->d + e));
        for (int r = 0; r < R; r++) {
            const v16 x = v_set(q[r][e]);
            for (int i = 0; i < G; i++) acc[r][i] = v_fma(k[i], x, acc[r][i]);
        }
    }
    for (int r = 0; r < R; r++)
        for (int i = 0; i < G; i++)
            put_scores(j->scratch + (size_t)(row + r) * MN_ATTN_PITCH, g[i], acc[r][i]);
}

/* All rows times G groups, from g on. */
LANES void scores_groups(const int f, const int G, const mn_attn_job *j, const mn_attn_piece *p,
                         int g) {
    float *keys = j->scratch + (size_t)MN_ATTN_ROWS * MN_ATTN_PITCH;
    key_group of[MN_KEY_GROUPS];
    for (int i = 0; i < G; i++) {
        of[i] = group_at(j, p, g + i);
        for (int e = 0; e < j->d; e++)
            v_store(keys + 16 * (i * j->d + e), key_load(f, of[i].data, j->d, e));
    }
    int r = 0;
    for (; r + MN_KEY_ROWS <= j->rows; r += MN_KEY_ROWS)
        scores_tile(MN_KEY_ROWS, G, j, r, of, keys);
    for (; r < j->rows; r++) scores_tile(1, G, j, r, of, keys);
}

LANES void piece_scores(const int f, const mn_attn_job *j, const mn_attn_piece *p) {
    const int last = (p->row + p->n - 1) / 16;
    if (j->rows <= 4) {
        for (int g = p->row / 16; g <= last;) {
            const int n = last - g >= 3 ? 4 : 1;
            key_group of[4];
            for (int i = 0; i < n; i++) of[i] = group_at(j, p, g + i);
            int r = 0;
            if (n == 4) {
                for (; r + 3 <= j->rows; r += 3) scores_direct(f, 3, 4, j, r, of);
                for (; r < j->rows; r++) scores_direct(f, 1, 4, j, r, of);
            } else {
                for (; r < j->rows; r++) scores_direct(f, 1, 1, j, r, of);
            }
            g += n;
        }
        return;
    }
    int g = p->row / 16;
#if MN_KEY_GROUPS > 1
    for (; g + MN_KEY_GROUPS - 1 <= last; g += MN_KEY_GROUPS)
        scores_groups(f, MN_KEY_GROUPS, j, p, g);
#endif
    for (; g <= last; g++) scores_groups(f, 1, j, p, g);
}

/* Weights take the place of scores; in BF16 they need half of it, and never pass what is read. */
LANES void put_weights(const int bf16, float *s, int p, v16 w) {
    if (bf16)
        v_to_bf16((uint16_t *)(void *)s + p, w);
    else
        v_store(s + p, w);
}

/* Weights of 16 positions from p on, of which [from, to) are visible; returns them. */
LANES v16 weigh_edge(const int bf16, float *s, int p, int from, int to, v16 max) {
    v16 w = v_set(0);
    if (p + 16 > from && p < to) w = v_range(v_exp(v_sub(v_load(s + p), max)), w, from - p, to - p);
    put_weights(bf16, s, p, w);
    return w;
}

/* Scores of one row to weights, zero outside [from, to) as far as [low, high) reaches. */
LANES void weigh(const int bf16, float *s, int from, int to, int low, int high, float *max,
                 float *sum) {
    const v16 none = v_set(-INFINITY);
    const int inner = (from + 15) / 16 * 16, outer = to / 16 * 16; /* whole vectors are visible */
    v16 top = none;
    if (from < to) {
        for (int p = inner; p < outer; p += 16) top = v_max(v_load(s + p), top);
        const int edge[2] = {from / 16 * 16, outer};
        for (int i = 0; i < 2; i++)
            if (edge[i] < to)
                top = v_max(v_range(v_load(s + edge[i]), none, from - edge[i], to - edge[i]), top);
    }
    *max = v_top(top);
    const v16 m = v_set(*max);
    v16 total = v_set(0);
    int p = low / 16 * 16;
    for (; p < high && p < inner; p += 16)
        total = v_add(total, weigh_edge(bf16, s, p, from, to, m));
    for (; p < outer; p += 16) {
        const v16 w = v_exp(v_sub(v_load(s + p), m));
        put_weights(bf16, s, p, w);
        total = v_add(total, w);
    }
    for (; p < high; p += 16) total = v_add(total, weigh_edge(bf16, s, p, from, to, m));
    *sum = v_sum(total);
}

/* R rows times n value rows, elements e..e+16V-1; values read as stored or from f32 [n][d]. */
LANES void values_tile(const int f, const int direct, const int R, const int V,
                       const mn_attn_job *j, int row, const uint8_t *stored, const float *floats,
                       int n, int at, int e) {
    v16 acc[MN_VALUE_ROWS > 4 ? MN_VALUE_ROWS : 4][4];
    float *o = j->o + (size_t)row * (size_t)j->d + e;
    const float *w = j->scratch + (size_t)row * MN_ATTN_PITCH + at;
    for (int r = 0; r < R; r++)
        for (int v = 0; v < V; v++) acc[r][v] = v_load(o + (size_t)r * (size_t)j->d + 16 * v);
    for (int i = 0; i < n; i++) {
        v16 x[4];
        if (direct) { /* 4 KiB on, a line for 64 bytes of the row */
            const uint8_t *soon = stored + (size_t)i * v_row_bytes(f, j->d) + 2 * e + 4096;
            for (int v = 0; v < V; v += 2) __builtin_prefetch(soon + 32 * v, 0, 2);
        }
        for (int v = 0; v < V; v++)
            x[v] = direct
                       ? value_load(f, stored + (size_t)i * v_row_bytes(f, j->d), j->d, e + 16 * v)
                       : v_load(floats + (size_t)i * (size_t)j->d + e + 16 * v);
        for (int r = 0; r < R; r++) {
            const v16 p = v_set(w[r * MN_ATTN_PITCH + i]);
            for (int v = 0; v < V; v++) acc[r][v] = v_fma(p, x[v], acc[r][v]);
        }
    }
    for (int r = 0; r < R; r++)
        for (int v = 0; v < V; v++) v_store(o + (size_t)r * (size_t)j->d + 16 * v, acc[r][v]);
}

LANES void values_rows(const int f, const int direct, const int R, const mn_attn_job *j, int row,
                       const uint8_t *stored, const float *floats, int n, int at) {
    const int wide = direct ? 4 : MN_VALUE_VECS;
    int e = 0;
    for (; e + 16 * wide <= j->d; e += 16 * wide)
        values_tile(f, direct, R, direct ? 4 : MN_VALUE_VECS, j, row, stored, floats, n, at, e);
    for (; e < j->d; e += 16) values_tile(f, direct, R, 1, j, row, stored, floats, n, at, e);
}

/* Positions [low, high) of the block that lie in this piece, 64 at a time. */
LANES void piece_values(const int f, const mn_attn_job *j, const mn_attn_piece *p, int low,
                        int high) {
    const int from = low > p->at ? low : p->at, to = high < p->at + p->n ? high : p->at + p->n;
    float *floats = j->scratch + (size_t)MN_ATTN_ROWS * MN_ATTN_PITCH;
    const int direct = j->rows <= 4;
    for (int at = from; at < to; at += 64) {
        const int n = to - at < 64 ? to - at : 64;
        const uint8_t *stored =
            (const uint8_t *)p->v + (size_t)(p->row + at - p->at) * v_row_bytes(f, j->d);
        int r = 0;
        if (direct) {
            for (; r + 3 <= j->rows; r += 3) values_rows(f, 1, 3, j, r, stored, NULL, n, at);
            for (; r < j->rows; r++) values_rows(f, 1, 1, j, r, stored, NULL, n, at);
            continue;
        }
        for (int i = 0; i < n; i++)
            for (int e = 0; e < j->d; e += 16)
                v_store(floats + (size_t)i * (size_t)j->d + e,
                        value_load(f, stored + (size_t)i * v_row_bytes(f, j->d), j->d, e));
        for (; r + MN_VALUE_ROWS <= j->rows; r += MN_VALUE_ROWS)
            values_rows(f, 0, MN_VALUE_ROWS, j, r, NULL, floats, n, at);
        for (; r < j->rows; r++) values_rows(f, 0, 1, j, r, NULL, floats, n, at);
    }
}

/* What any row sees: [*low, *high). */
LANES void seen(const mn_attn_job *j, int *low, int *high) {
    *low = MN_ATTN_BLOCK, *high = 0;
    for (int r = 0; r < j->rows; r++) {
        if (j->from[r] >= j->to[r]) continue;
        if (j->from[r] < *low) *low = j->from[r];
        if (j->to[r] > *high) *high = j->to[r];
    }
}

LANES void attend_format(const int f, const mn_attn_job *j) {
    int low, high;
    seen(j, &low, &high);
    memset(j->o, 0, (size_t)j->rows * (size_t)j->d * sizeof *j->o);
    for (int i = 0; i < j->n_pieces; i++) piece_scores(f, j, j->piece + i);
    for (int r = 0; r < j->rows; r++)
        weigh(0, j->scratch + (size_t)r * MN_ATTN_PITCH, j->from[r], j->to[r], low, high,
              j->max + r, j->sum + r);
    for (int i = 0; i < j->n_pieces; i++) piece_values(f, j, j->piece + i, low, high);
}

static void attend(const mn_attn_job *j) {
    if (j->format == MN_KV_F16)
        attend_format(MN_KV_F16, j);
    else
        attend_format(MN_KV_Q8, j);
}

static float exp_one(float x) {
    float t[16];
    v_store(t, v_exp(v_set(x)));
    return t[0];
}

static void merge(float *max, float *sum, float *o, float max2, float sum2, const float *o2,
                  int d) {
    if (sum2 == 0) return;
    if (*sum == 0) {
        *max = max2;
        *sum = sum2;
        memcpy(o, o2, (size_t)d * sizeof *o);
        return;
    }
    const float top = *max > max2 ? *max : max2, a = exp_one(*max - top), b = exp_one(max2 - top);
    for (int e = 0; e < d; e += 16)
        v_store(o + e, v_fma(v_load(o + e), v_set(a), v_mul(v_load(o2 + e), v_set(b))));
    *sum = fmaf(*sum, a, sum2 * b);
    *max = top;
}

static void finish(float *o, float sum, int d) {
    for (int e = 0; e < d; e += 16)
        v_store(o + e, sum == 0 ? v_set(0) : v_div(v_load(o + e), v_set(sum)));
}

/* f16 beyond its range is kept at its largest number: an infinity would poison masked rows. */
LANES v16 half_clamp(v16 x) {
    return v_min(v_max(x, v_set(-65504.0f)), v_set(65504.0f));
}

/* q8: codes and f16 scale of 32 elements; the scale is rounded first, codes are made with it. */
LANES void q8_codes(const float *x, int8_t code[32], uint16_t *scale) {
    const v16 a = v_load(x), b = v_load(x + 16);
    uint16_t h[16];
    float back[16];
    v_to_half(h, half_clamp(v_set(v_top(v_max(v_abs(a), v_abs(b))) / 127.0f)));
    v_store(back, v_from_half(h));
    const float inverse = back[0] > 0 ? 1.0f / back[0] : 0;
    const v16 limit = v_set(127.0f), under = v_set(-127.0f);
    i_store_s8(code, v_round(v_max(v_min(v_mul(a, v_set(inverse)), limit), under)));
    i_store_s8(code + 16, v_round(v_max(v_min(v_mul(b, v_set(inverse)), limit), under)));
    *scale = h[0];
}

static void store_k(mn_kv_format f, void *plane, int row, int n, int d, const float *src,
                    size_t stride) {
    for (int i = 0; i < n; i++, src += stride) {
        uint8_t *group = (uint8_t *)plane + (size_t)((row + i) / 16) * k_group_bytes(f, d);
        const int lane = (row + i) % 16;
        uint16_t *half = (uint16_t *)(void *)group;
        for (int e = 0; f == MN_KV_F16 && e < d; e += 16) {
            uint16_t h[16];
            v_to_half(h, half_clamp(v_load(src + e)));
            for (int l = 0; l < 16; l++) half[(e + l) * 16 + lane] = h[l];
        }
        for (int e = 0; f == MN_KV_Q8 && e < d; e += 32) {
            int8_t code[32];
            q8_codes(src + e, code, (uint16_t *)(void *)(group + 16 * d) + e / 32 * 16 + lane);
            for (int l = 0; l < 32; l++) group[(e + l) * 16 + lane] = (uint8_t)code[l];
        }
    }
}

static void store_v(mn_kv_format f, void *plane, int row, int n, int d, const float *src,
                    size_t stride) {
    for (int i = 0; i < n; i++, src += stride) {
        uint8_t *to = (uint8_t *)plane + (size_t)(row + i) * v_row_bytes(f, d);
        for (int e = 0; f == MN_KV_F16 && e < d; e += 16)
            v_to_half((uint16_t *)(void *)to + e, half_clamp(v_load(src + e)));
        for (int e = 0; f == MN_KV_Q8 && e < d; e += 32) {
            uint16_t scale;
            q8_codes(src + e, (int8_t *)to + e, &scale);
            memcpy(to + d + e / 32 * 2, &scale, 2);
        }
    }
}

#endif
