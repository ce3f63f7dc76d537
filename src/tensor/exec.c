/* SPDX-License-Identifier: Apache-2.0
 *
 * tensor/exec.c - how operations are cut.
 *
 * A product is cut along outputs (tiles of 16) and rows, never along the inner dimension, so the
 * bits do not depend on the cut. Few rows stream weights: pieces are sized by bytes, a microsecond
 * or two each, for the team takes several at a time while there are many. Many rows compute: pieces
 * are sized by multiplications, 10 to 50 us.
 */
#include "tensor/exec.h"

#include "base/alloc.h"
#include "base/error.h"

#include <string.h>

enum {
    STREAM_ROWS = 16,        /* up to here a product streams weights */
    STREAM_BYTES = 12 << 10, /* per piece */
    SOON_BYTES = 64 << 10,   /* of the next weights, fetched while waiting */
    WORK = 6 << 20,          /* multiplications per piece */
    LEAST_TILES = 2,         /* per piece with many rows */
    MOST_TILES = 4,          /* what the scratch holds */
    LEAST_ROWS = 64,
    NORM_ROWS = MN_SIDE, /* their scales lie in the same cache lines */
    I13_ROWS = 4,
};

int mn_exec_open(int threads, const mn_kernels *k, mn_exec *out) {
    *out = (mn_exec){.k = k};
    return mn_team_open(threads, &out->team);
}

int mn_exec_reserve(mn_exec *e, size_t scratch_bytes) {
    const size_t each = (scratch_bytes + 4095) / 4096 * 4096 + 64; /* neighbours in other sets */
    void *p;
    MN_TRY(mn_alloc_pages(each * (size_t)mn_team_size(e->team), "kernel scratch", &p));
    e->scratch = p;
    e->scratch_bytes = each;
    return 0;
}

void mn_exec_close(mn_exec *e) {
    if (e->scratch) mn_free_pages(e->scratch, e->scratch_bytes * (size_t)mn_team_size(e->team));
    mn_team_close(&e->team);
    e->scratch = NULL;
}

typedef struct norm_job {
    const mn_exec *e;
    const float *x, *weight;
    size_t x_stride;
    float eps, *y;
    int T;
    const mn_acts *acts;
} norm_job;

static void norm_piece(void *ctx, int piece, int worker) {
    (void)worker;
    const norm_job *j = ctx;
    for (int t = piece * NORM_ROWS; t < j->T && t < (piece + 1) * NORM_ROWS; t++) {
        const float *x = j->x + (size_t)t * j->x_stride;
        if (j->weight) {
            float *y = j->y + (size_t)t * j->acts->x_stride;
            j->e->k->rms_norm(x, j->weight, j->eps, j->acts->k, y);
            x = y;
        }
        const mn_qrow q = mn_qrow_at(j->acts, t);
        j->e->k->quantise(x, j->acts->k, &q);
    }
}

void mn_exec_norm_quantise(const mn_exec *e, const float *x, size_t x_stride, const float *weight,
                           float eps, int T, float *y, mn_acts *acts) {
    acts->x = weight ? y : x;
    if (!weight) acts->x_stride = x_stride;
    acts->m = T;
    norm_job j = {e, x, weight, x_stride, eps, y, T, acts};
    mn_team_run(e->team, norm_piece, &j, (T + NORM_ROWS - 1) / NORM_ROWS);
}

static void i13_piece(void *ctx, int piece, int worker) {
    (void)worker;
    const norm_job *j = ctx;
    const mn_acts *a = j->acts;
    for (int t = piece * I13_ROWS; t < j->T && t < (piece + 1) * I13_ROWS; t++)
        j->e->k->quantise_i13(a->x + (size_t)t * a->x_stride, a->k,
                              (int16_t *)(void *)(a->rows + (size_t)t * a->stride),
                              mn_i13_side(a, t));
}

void mn_exec_quantise_i13(const mn_exec *e, mn_acts *acts) {
    acts->stride = mn_i13_bytes(acts->k);
    norm_job j = {.e = e, .T = acts->m, .acts = acts};
    mn_team_run(e->team, i13_piece, &j, (acts->m + I13_ROWS - 1) / I13_ROWS);
}

/* A cut product: `across` pieces along the outputs of all matrices times `down` along the rows. */
typedef struct linear_job {
    const mn_exec *e;
    const mn_linear *l;
    const mn_acts *a;
    int rows_each, tiles_each;
    int first[4]; /* first piece (along outputs) of matrix i */
    int across;
} linear_job;

/* What follows a product, row by row while a row is near: bias, `after`, the residual. */
static void finish_rows(const linear_job *j, int i, int row, int rows, int tile, int valid,
                        int whole) {
    const mn_linear *l = j->l;
    const mn_kernels *k = j->e->k;
    const size_t at = (size_t)tile * 16;
    for (int r = row; r < row + rows; r++) {
        float *out = l->out[i] + (size_t)r * l->stride[i] + at;
        if (l->bias[i]) k->add_scaled(out, l->bias[i] + at, 1.0f, valid);
        if (l->after) l->after(out, whole);
        if (l->residual)
            k->add_scaled(l->residual + (size_t)r * l->stride[0] + at, out, 1.0f, valid);
    }
}

static void linear_piece(void *ctx, int piece, int worker) {
    const linear_job *j = ctx;
    const mn_linear *l = j->l;
    const int across = piece % j->across, row = piece / j->across * j->rows_each;
    const int rows = j->a->m - row < j->rows_each ? j->a->m - row : j->rows_each;
    int i = 0;
    while (i + 1 < l->n && across >= j->first[i + 1]) i++;
    const mn_packed *w = l->w[i];
    const int all = (w->n + 15) / 16, tile = (across - j->first[i]) * j->tiles_each;
    const int tiles = all - tile < j->tiles_each ? all - tile : j->tiles_each;
    const int valid = w->n - tile * 16 < tiles * 16 ? w->n - tile * 16 : tiles * 16;
    float *out = l->out[i] + (size_t)row * l->stride[i] + (size_t)tile * 16;
    uint8_t *scratch = mn_exec_scratch(j->e, worker);

    j->e->k->product(w, tile, tiles, j->a, row, rows, out, l->stride[i], scratch);
    if (l->bias[i] || l->after || l->residual)
        finish_rows(j, i, row, rows, tile, valid, tiles * 16);
    if (l->act != MN_ACT_NONE) {
        /* The second matrix goes to the end of the scratch, then both become one. */
        const size_t stride = (size_t)tiles * 16;
        float *up = (float *)(void *)(scratch + mn_product_scratch(w->k));
        j->e->k->product(l->w[1], tile, tiles, j->a, row, rows, up, stride, scratch);
        for (int r = 0; r < rows; r++) {
            float *gate = out + (size_t)r * l->stride[i];
            if (l->act == MN_ACT_SILU)
                j->e->k->silu_mul(gate, up + (size_t)r * stride, tiles * 16);
            else
                j->e->k->gelu_mul(gate, up + (size_t)r * stride, tiles * 16);
        }
    }
}

/* How l is cut for m rows. */
static void cut(const mn_exec *e, const mn_linear *l, int m, linear_job *j) {
    const int matrices = l->act == MN_ACT_NONE ? l->n : 1, k = l->w[0]->k;
    j->rows_each = m;
    j->tiles_each = MOST_TILES;
    if (m <= STREAM_ROWS) {
        const size_t tile = l->w[0]->tile_bytes;
        j->tiles_each = tile >= STREAM_BYTES ? 1 : (int)(STREAM_BYTES / tile);
        const int share =
            (l->w[0]->n + 15) / 16 / (mn_team_size(e->team) * 8); /* keep enough to share */
        if (j->tiles_each > MN_EXEC_TILES) j->tiles_each = MN_EXEC_TILES;
        if (j->tiles_each > share) j->tiles_each = share > 0 ? share : 1;
    } else {
        /* As many rows as fit for each unpacking of weights, then as many tiles as fit beside each
         * other. */
        const int64_t tile = (int64_t)k * 16;
        /* The kernel of MN_I13 wants tiles beside each other, and unpacks nothing. */
        const int least = l->w[0]->format == MN_I13 ? MOST_TILES : LEAST_TILES;
        const int64_t rows = WORK / (tile * least) / 16 * 16;
        j->rows_each = rows < LEAST_ROWS     ? LEAST_ROWS
                       : rows > MN_EXEC_ROWS ? MN_EXEC_ROWS
                                             : (int)rows;
        j->tiles_each = WORK / (tile * j->rows_each) >= MOST_TILES ? MOST_TILES : least;
    }
    j->first[0] = 0;
    for (int i = 0; i < matrices; i++) {
        const int tiles = (l->w[i]->n + 15) / 16;
        j->first[i + 1] = j->first[i] + (tiles + j->tiles_each - 1) / j->tiles_each;
    }
    j->across = j->first[matrices];
}

/* Tell every thread where its part of l begins. */
static void announce(const mn_exec *e, const mn_linear *l, int m) {
    linear_job j;
    cut(e, l, m, &j);
    for (int t = 0; t < mn_team_size(e->team); t++) {
        const int piece = mn_team_first(e->team, j.across, t);
        int i = 0;
        while (l->act == MN_ACT_NONE && i + 1 < l->n && piece >= j.first[i + 1]) i++;
        const mn_packed *w = l->w[i];
        const size_t at = (size_t)((piece - j.first[i]) * j.tiles_each) * w->tile_bytes,
                     all = (size_t)((w->n + 15) / 16) * w->tile_bytes,
                     share = all / (size_t)mn_team_size(e->team);
        mn_team_soon(e->team, t, w->data + at, share < SOON_BYTES ? share : SOON_BYTES);
    }
}

void mn_exec_linear(const mn_exec *e, const mn_linear *l, const mn_acts *a) {
    mn_linear one = *l;
    linear_job j = {.e = e, .l = &one, .a = a};
    cut(e, l, a->m, &j);
    if (l->act != MN_ACT_NONE) one.n = 1;
    if (l->next && a->m <= STREAM_ROWS) announce(e, l->next, a->m);
    mn_team_run(e->team, linear_piece, &j, j.across * ((a->m + j.rows_each - 1) / j.rows_each));
}
