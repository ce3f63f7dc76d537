/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/body_paged.h - attention of few rows over blocks that a table names, on the 16 lanes.
 *
 * As well as we know how to do it: four blocks of keys at a time in registers, as the contiguous
 * kernel takes four groups, and the lines of the next four, wherever they are, fetched meanwhile;
 * sums of values stay in registers over all blocks, the rows of the second next block fetched
 * meanwhile. Scores, weights and sums are those of kernel/body_attn.h in the same order: the same
 * bits.
 */
#ifndef MN_BENCH_BODY_PAGED_H
#define MN_BENCH_BODY_PAGED_H
#include "bench/paged.h"
#include "kernel/body_attn.h"

/* R query rows times the G blocks k[0..G-1], positions at.. */
LANES void paged_scores(const int R, const int G, const mn_attn_job *j, int row,
                        const uint8_t *const *k, int at) {
    const float *q[4];
    v16 acc[4][4];
    for (int r = 0; r < R; r++) {
        q[r] = query(j, row + r);
        for (int i = 0; i < G; i++) acc[r][i] = v_set(0);
    }
    for (int e = 0; e < j->d; e++) {
        v16 x[4];
        for (int i = 0; i < G; i++) {
            x[i] = key_load(MN_KV_F16, k[i], j->d, e);
            if (e % 2 == 0) __builtin_prefetch(k[i + MN_PAGED_AHEAD] + 32 * e, 0, 2);
        }
        for (int r = 0; r < R; r++) {
            const v16 s = v_set(q[r][e]);
            for (int i = 0; i < G; i++) acc[r][i] = v_fma(x[i], s, acc[r][i]);
        }
    }
    for (int r = 0; r < R; r++)
        for (int i = 0; i < G; i++)
            v_store(j->scratch + (size_t)(row + r) * MN_ATTN_PITCH + at + 16 * i, acc[r][i]);
}

/* R rows, elements e..e+16V-1, over positions [low, high). */
LANES void paged_values(const int R, const int V, const mn_attn_job *j, int row,
                        const uint8_t *const *v, int low, int high, int e) {
    const size_t bytes = v_row_bytes(MN_KV_F16, j->d);
    const float *w = j->scratch + (size_t)row * MN_ATTN_PITCH;
    v16 acc[4][4];
    for (int r = 0; r < R; r++)
        for (int i = 0; i < V; i++) acc[r][i] = v_set(0);
    for (int p = low; p < high;) {
        const int block = p / MN_PAGED_ROWS, end = (block + 1) * MN_PAGED_ROWS;
        const int to = end < high ? end : high;
        size_t at = (size_t)(p % MN_PAGED_ROWS) * bytes + 2 * (size_t)e;
        for (; p < to; p++, at += bytes) {
            v16 x[4];
            for (int i = 0; i < V; i += 2) __builtin_prefetch(v[block + 2] + at + 32 * i, 0, 2);
            for (int i = 0; i < V; i++)
                x[i] = v_from_half((const uint16_t *)(const void *)(v[block] + at) + 16 * i);
            for (int r = 0; r < R; r++) {
                const v16 s = v_set(w[r * MN_ATTN_PITCH + p]);
                for (int i = 0; i < V; i++) acc[r][i] = v_fma(s, x[i], acc[r][i]);
            }
        }
    }
    for (int r = 0; r < R; r++)
        for (int i = 0; i < V; i++)
            v_store(j->o + (size_t)(row + r) * (size_t)j->d + e + 16 * i, acc[r][i]);
}

LANES void paged_rows(const int R, const mn_attn_job *j, int row, const uint8_t *const *k,
                      const uint8_t *const *v, int low, int high) {
    int b = low / MN_PAGED_ROWS, e = 0;
    const int last = (high - 1) / MN_PAGED_ROWS;
    for (; b + 3 <= last; b += 4) paged_scores(R, 4, j, row, k + b, b * MN_PAGED_ROWS);
    for (; b <= last; b++) paged_scores(R, 1, j, row, k + b, b * MN_PAGED_ROWS);
    for (int r = row; r < row + R; r++)
        weigh(0, j->scratch + (size_t)r * MN_ATTN_PITCH, j->from[r], j->to[r], low, high,
              j->max + r, j->sum + r);
    for (; e + 64 <= j->d; e += 64) paged_values(R, 4, j, row, v, low, high, e);
    for (; e < j->d; e += 16) paged_values(R, 1, j, row, v, low, high, e);
}

static void paged_attend(const mn_attn_job *j, const uint8_t *const *k, const uint8_t *const *v) {
    int low, high, r = 0;
    seen(j, &low, &high);
    memset(j->o, 0, (size_t)j->rows * (size_t)j->d * sizeof *j->o);
    for (; r + 3 <= j->rows; r += 3) paged_rows(3, j, r, k, v, low, high);
    for (; r < j->rows; r++) paged_rows(1, j, r, k, v, low, high);
}

#endif
