/* SPDX-License-Identifier: Apache-2.0
 *
 * kernel/body_attn_bf16.h - attention of numerics "b1": body_attn.h with BF16 where it multiplies.
 *
 * Queries, keys, values and weights are rounded to BF16 and multiplied in pairs, with f32 sums, by
 * dot2 (VDPBF16PS: lanes_scalar.h). What differs inside a block:
 *   score  = over pairs of elements (e, e + 1), ascending, of a pair the second first
 *   o[e]   = over pairs of positions (p, p + 1), p even in the block, likewise
 * Max, exp and the sum of weights stay f32. A pair may lie in two pieces, and its order is not that
 * of two pairs with one zero each; so values are gathered by position first, whoever stores them,
 * and a position that nobody sees counts zero times zero. There is no way of its own for few rows.
 * Scratch: scores, which become weights; 64 d numbers as pairs of keys or values; the queries.
 */
#ifndef MN_KERNEL_BODY_ATTN_BF16_H
#define MN_KERNEL_BODY_ATTN_BF16_H
#include "kernel/body_attn.h"

LANES uint16_t *pairs_at(const mn_attn_job *j) {
    return (uint16_t *)(void *)(j->scratch + (size_t)MN_ATTN_ROWS * MN_ATTN_PITCH);
}
LANES uint16_t *query_pairs(const mn_attn_job *j, int row) {
    return pairs_at(j) + (size_t)(64 + row) * (size_t)j->d;
}

/* R query rows times G groups of keys, [G][d/2][16] pairs. */
LANES void pair_scores_tile(const int R, const int G, const mn_attn_job *j, int row,
                            const key_group *g) {
    const uint8_t *keys = (const uint8_t *)pairs_at(j);
    const uint16_t *q = query_pairs(j, row);
    v16 acc[MN_KEY_ROWS > 3 ? MN_KEY_ROWS : 3][MN_KEY_GROUPS];
    for (int r = 0; r < R; r++)
        for (int i = 0; i < G; i++) acc[r][i] = v_set(0);
    for (int e = 0; e < j->d; e += 2) {
        b64 k[MN_KEY_GROUPS];
        for (int i = 0; i < G; i++) k[i] = b_load(keys + 32 * (i * j->d + e));
        for (int r = 0; r < R; r++)
            for (int i = 0; i < G; i++) acc[r][i] = dot2(acc[r][i], k[i], q + r * j->d + e);
    }
    for (int r = 0; r < R; r++)
        for (int i = 0; i < G; i++)
            put_scores(j->scratch + (size_t)(row + r) * MN_ATTN_PITCH, g[i], acc[r][i]);
}

/* All rows times G groups, from g on. */
LANES void pair_scores_groups(const int f, const int G, const mn_attn_job *j,
                              const mn_attn_piece *p, int g) {
    uint8_t *keys = (uint8_t *)pairs_at(j);
    key_group of[MN_KEY_GROUPS];
    for (int i = 0; i < G; i++) {
        of[i] = group_at(j, p, g + i);
        for (int e = 0; e < j->d; e += 2)
            b_store(keys + 32 * (i * j->d + e), b_pairs(key_load(f, of[i].data, j->d, e),
                                                        key_load(f, of[i].data, j->d, e + 1)));
    }
    int r = 0;
    for (; r + MN_KEY_ROWS <= j->rows; r += MN_KEY_ROWS) pair_scores_tile(MN_KEY_ROWS, G, j, r, of);
    for (; r + 3 <= j->rows; r += 3) pair_scores_tile(3, G, j, r, of);
    for (; r < j->rows; r++) pair_scores_tile(1, G, j, r, of);
}

LANES void pair_scores(const int f, const mn_attn_job *j, const mn_attn_piece *p) {
    const int last = (p->row + p->n - 1) / 16;
    int g = p->row / 16;
#if MN_KEY_GROUPS > 1
    for (; g + MN_KEY_GROUPS - 1 <= last; g += MN_KEY_GROUPS)
        pair_scores_groups(f, MN_KEY_GROUPS, j, p, g);
#endif
    for (; g <= last; g++) pair_scores_groups(f, 1, j, p, g);
}

/* R rows times n / 2 pairs of value rows, [n/2][d] pairs, elements e..e+16V-1. */
LANES void pair_values_tile(const int R, const int V, const mn_attn_job *j, int row, int at, int n,
                            int e) {
    const uint8_t *values = (const uint8_t *)pairs_at(j) + 4 * e;
    v16 acc[MN_VALUE_ROWS > 3 ? MN_VALUE_ROWS : 3][MN_VALUE_VECS];
    float *o = j->o + (size_t)row * (size_t)j->d + e;
    const uint16_t *w =
        (const uint16_t *)(const void *)(j->scratch + (size_t)row * MN_ATTN_PITCH) + at;
    for (int r = 0; r < R; r++)
        for (int v = 0; v < V; v++) acc[r][v] = v_load(o + (size_t)r * (size_t)j->d + 16 * v);
    for (int i = 0; i < n; i += 2) {
        b64 x[MN_VALUE_VECS];
        for (int v = 0; v < V; v++) x[v] = b_load(values + 2 * i * j->d + 64 * v);
        for (int r = 0; r < R; r++)
            for (int v = 0; v < V; v++)
                acc[r][v] = dot2(acc[r][v], x[v], w + r * 2 * MN_ATTN_PITCH + i);
    }
    for (int r = 0; r < R; r++)
        for (int v = 0; v < V; v++) v_store(o + (size_t)r * (size_t)j->d + 16 * v, acc[r][v]);
}

LANES void pair_values_rows(const int R, const mn_attn_job *j, int row, int at, int n) {
    int e = 0;
    for (; e + 16 * MN_VALUE_VECS <= j->d; e += 16 * MN_VALUE_VECS)
        pair_values_tile(R, MN_VALUE_VECS, j, row, at, n, e);
    for (; e < j->d; e += 16) pair_values_tile(R, 1, j, row, at, n, e);
}

/* The stored value row of position p, whose piece is *piece or a later one. */
LANES const uint8_t *value_row(const int f, const mn_attn_job *j, int p, const mn_attn_piece **of) {
    while (p >= (*of)->at + (*of)->n) ++*of;
    return (const uint8_t *)(*of)->v + (size_t)((*of)->row + p - (*of)->at) * v_row_bytes(f, j->d);
}

/* Positions [low, high) of the block, 64 at a time from an even one on. */
LANES void pair_values(const int f, const mn_attn_job *j, int low, int high) {
    const mn_attn_piece *of = j->piece;
    for (int at = low / 2 * 2; at < high; at += 64) {
        const int n = high - at < 64 ? high - at : 64;
        uint8_t *to = (uint8_t *)pairs_at(j);
        for (int p = at; p < at + n; p += 2, to += 4 * j->d) {
            const uint8_t *a = p >= low ? value_row(f, j, p, &of) : NULL;
            const uint8_t *b = p + 1 < high ? value_row(f, j, p + 1, &of) : NULL;
            for (int e = 0; e < j->d; e += 16)
                b_store(to + 4 * e, b_pairs(a ? value_load(f, a, j->d, e) : v_set(0),
                                            b ? value_load(f, b, j->d, e) : v_set(0)));
        }
        int r = 0;
        for (; r + MN_VALUE_ROWS <= j->rows; r += MN_VALUE_ROWS)
            pair_values_rows(MN_VALUE_ROWS, j, r, at, n);
        for (; r + 3 <= j->rows; r += 3) pair_values_rows(3, j, r, at, n);
        for (; r < j->rows; r++) pair_values_rows(1, j, r, at, n);
    }
}

LANES void attend_pairs(const int f, const mn_attn_job *j) {
    int low, high;
    seen(j, &low, &high);
    memset(j->o, 0, (size_t)j->rows * (size_t)j->d * sizeof *j->o);
    for (int r = 0; r < j->rows; r++)
        for (int e = 0; e < j->d; e += 16)
            v_to_bf16(query_pairs(j, r) + e, v_load(query(j, r) + e));
    for (int i = 0; i < j->n_pieces; i++) pair_scores(f, j, j->piece + i);
    for (int r = 0; r < j->rows; r++)
        weigh(1, j->scratch + (size_t)r * MN_ATTN_PITCH, j->from[r], j->to[r], low, high,
              j->max + r, j->sum + r);
    pair_values(f, j, low, high);
}

static void attend_bf16(const mn_attn_job *j) {
    if (j->format == MN_KV_F16)
        attend_pairs(MN_KV_F16, j);
    else
        attend_pairs(MN_KV_Q8, j);
}

#endif
