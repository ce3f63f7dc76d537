/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/hcam.c - recall in two levels (agent/chunk.h) against attention to everything.
 *
 * 32,768 steps of 256 numbers, 4 heads; both sides keep them as f16 and use the same kernels on one
 * thread. The base attends to all steps, block by block (kernel/body_attn.h).
 *
 *   time   microseconds of a question
 *   bytes  read of keys and steps; the bar is (M + k C) / (M C) + .05
 */
#include "bench/bench.h"

#include "agent/chunk.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/random.h"

#include <math.h>

enum { STEPS = 32768, WIDTH = 256, HEADS = 4, HEAD = WIDTH / HEADS, ASKED = 50 };
enum { BLOCKS = STEPS / MN_ATTN_BLOCK, CHUNKS = STEPS / MN_CHUNK_STEPS };

typedef struct bed {
    const mn_kernels *k;
    mn_chunks *c;
    uint8_t *flat;      /* [HEADS][BLOCKS] a plane of keys, one of values */
    float *q, *scratch; /* q: [ASKED, WIDTH] */
    size_t plane;
} bed;

static uint8_t *planes_of(const bed *b, int head, int block) {
    return b->flat + 2 * b->plane * (size_t)(head * BLOCKS + block);
}
static size_t flat_bytes(const bed *b) {
    return 2 * b->plane * HEADS * BLOCKS;
}
static size_t scratch_bytes(void) {
    return mn_attn_scratch(HEAD) * sizeof(float);
}

static void draw(mn_random *r, float *x) {
    for (int i = 0; i < WIDTH; i++) x[i] = (float)(mn_random_unit(r) - 0.5) * 2;
}

static int add(bed *b, int step, const float *x) {
    for (int h = 0; h < HEADS; h++) {
        uint8_t *const to = planes_of(b, h, step / MN_ATTN_BLOCK);
        const int row = step % MN_ATTN_BLOCK;
        b->k->store_k(MN_KV_F16, to, row, 1, HEAD, x + h * HEAD, WIDTH);
        b->k->store_v(MN_KV_F16, to + b->plane, row, 1, HEAD, x + h * HEAD, WIDTH);
    }
    return mn_chunks_add(b->c, x);
}

static int prepare(bed *b) {
    const mn_chunks_shape shape = {.width = WIDTH, .heads = HEADS};
    mn_random r;
    float x[WIDTH];
    mn_random_seed(&r, 1);
    MN_TRY(mn_kernels_pick(NULL, MN_NUMERICS, &b->k));
    b->plane = mn_kv_plane_bytes(MN_KV_F16, MN_ATTN_BLOCK, HEAD);
    MN_TRY(mn_alloc_pages(flat_bytes(b), "steps", (void **)&b->flat));
    MN_TRY(mn_alloc_pages(scratch_bytes(), "attention", (void **)&b->scratch));
    MN_TRY(mn_alloc_pages(ASKED * WIDTH * sizeof *b->q, "questions", (void **)&b->q));
    MN_TRY(mn_chunks_open(b->k, &shape, &b->c));
    for (int i = 0; i < STEPS; i++) {
        draw(&r, x);
        MN_TRY(add(b, i, x));
    }
    for (int i = 0; i < ASKED; i++) draw(&r, b->q + (size_t)i * WIDTH);
    return 0;
}

/* Attention of one head to all steps. */
static void attend(const bed *b, int head, const float *q, float *out) {
    float max = -INFINITY, sum = 0, m, s, o[HEAD];
    const int none = 0, all = MN_ATTN_BLOCK;
    for (int i = 0; i < HEAD; i++) out[i] = 0;
    for (int i = 0; i < BLOCKS; i++) {
        const uint8_t *const planes = planes_of(b, head, i);
        const mn_attn_piece piece = {.k = planes, .v = planes + b->plane, .n = MN_ATTN_BLOCK};
        const mn_attn_job job = {.piece = &piece,
                                 .n_pieces = 1,
                                 .format = MN_KV_F16,
                                 .d = HEAD,
                                 .q = q,
                                 .q_token = HEAD,
                                 .heads = 1,
                                 .rows = 1,
                                 .from = &none,
                                 .to = &all,
                                 .max = &m,
                                 .sum = &s,
                                 .o = o,
                                 .scratch = b->scratch};
        b->k->attend(&job);
        b->k->merge(&max, &sum, out, m, s, o, HEAD);
    }
    b->k->finish(out, sum, HEAD);
}

static double flat_us(const bed *b) {
    const double start = mn_clock_seconds();
    const float scale = 1 / sqrtf(HEAD);
    for (int i = 0; i < ASKED; i++) {
        float q[WIDTH], out[WIDTH];
        for (int c = 0; c < WIDTH; c++) q[c] = b->q[(size_t)i * WIDTH + (size_t)c] * scale;
        for (int h = 0; h < HEADS; h++) attend(b, h, q + h * HEAD, out + h * HEAD);
    }
    return (mn_clock_seconds() - start) * 1e6 / ASKED;
}

static int ours_us(bed *b, double *us) {
    const double start = mn_clock_seconds();
    for (int i = 0; i < ASKED; i++) {
        mn_chunk_hit hit[MN_CHUNK_BEST];
        float out[WIDTH];
        const mn_chunks_ask ask = {.q = b->q + (size_t)i * WIDTH};
        MN_TRY(mn_chunks_find(b->c, &ask, hit, out));
    }
    *us = (mn_clock_seconds() - start) * 1e6 / ASKED;
    return 0;
}

static int measure(bed *b, const mn_bench_options *o) {
    const double m = CHUNKS, k = MN_CHUNK_BEST, c = MN_CHUNK_STEPS;
    mn_bench_row time = {.name = "time",
                         .what = "a question to 32,768 steps",
                         .against = "attention to all of them",
                         .unit = "us",
                         .bar = 8,
                         .inverse = 1};
    mn_bench_row bytes = {.name = "bytes",
                          .what = "read for it",
                          .against = time.against,
                          .unit = "MB",
                          .bar = (m + k * c) / (m * c) + .05,
                          .at_most = 1};
    for (int i = 0; i < o->rounds; i++) {
        double us = 0;
        const double all = flat_us(b);
        MN_TRY(ours_us(b, &us));
        mn_bench_round(&time, all, us);
        mn_bench_round(&bytes, (double)flat_bytes(b) / 1e6, (double)mn_chunks_read(b->c) / 1e6);
    }
    MN_TRY(mn_bench_row_print(&time, o->json));
    return mn_bench_row_print(&bytes, o->json);
}

static int run(const mn_bench_options *o) {
    bed b = {0};
    int rc = prepare(&b);
    if (rc >= 0) rc = measure(&b, o);
    mn_chunks_close(&b.c);
    mn_free_pages(b.flat, flat_bytes(&b));
    mn_free_pages(b.scratch, scratch_bytes());
    mn_free_pages(b.q, ASKED * WIDTH * sizeof *b.q);
    return rc;
}

const mn_bench mn_bench_hcam = {
    .name = "hcam", .about = "recall in two levels against attention to everything", .run = run};
