/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/limits.c - the machine's limits, measured: int8, bf16 and f32 multiplications, and reads.
 *
 * Each probe is a loop over registers (independent chains), or over memory larger than the caches
 * it can see, on all threads of the team at once; best of five. The probes of an ISA are files of
 * their own, since they need its compiler flags.
 */
#include "bench/limits.h"
#include "bench/bench.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/cpu.h"
#include "base/error.h"

typedef struct probe_job {
    double (*probe)(long rounds);
    double (*read)(const void *memory, unsigned long bytes); /* NULL: one word of each line */
    const uint8_t *memory;
    volatile double sink[64];
} probe_job;
enum { ROUNDS = 2000000, SHARE = 256 << 20 };

static void compute_piece(void *ctx, int piece, int worker) {
    probe_job *j = ctx;
    (void)worker;
    j->sink[piece] = j->probe(ROUNDS);
}

static void read_piece(void *ctx, int piece, int worker) {
    probe_job *j = ctx;
    const uint8_t *p = j->memory + (size_t)piece * SHARE;
    (void)worker;
    if (j->read) {
        j->sink[piece] = j->read(p, SHARE);
        return;
    }
    uint64_t sum = 0;
    for (size_t i = 0; i < SHARE; i += 64) sum ^= *(const uint64_t *)(const void *)(p + i);
    j->sink[piece] = (double)sum;
}

/* Billions per second of something of which each piece does `work`. */
static double best(const mn_exec *e, void (*piece)(void *, int, int), probe_job *j, double work) {
    const int n = mn_team_size(e->team);
    double least = 1e9;
    for (int i = 0; i < 5; i++) {
        const double start = mn_clock_seconds();
        mn_team_run(e->team, piece, j, n);
        const double s = mn_clock_seconds() - start;
        if (s < least) least = s;
    }
    return work * n / least * 1e-9;
}

static void compute_limits(const mn_exec *e, probe_job *j, mn_limits *out) {
#ifdef __x86_64__
    const unsigned have = mn_cpu_features();
    const mn_probe *p = have & MN_CPU_AVX512 ? &mn_probe_avx512
                        : have & MN_CPU_AVX2 ? &mn_probe_avx2
                                             : NULL;
    if (!p) return;
    j->read = p->read;
    j->probe = p->int8;
    out->int8_gops = best(e, compute_piece, j, p->int8_ops * ROUNDS);
    j->probe = p->f32;
    out->f32_gflops = best(e, compute_piece, j, p->f32_ops * ROUNDS);
    j->probe = p->bf16;
    if (p->bf16 && have & MN_CPU_BF16)
        out->bf16_gflops = best(e, compute_piece, j, p->bf16_ops * ROUNDS);
#else
    (void)e, (void)j, (void)out;
#endif
}

int mn_bench_limits(const mn_exec *e, mn_limits *out) {
    probe_job j = {0};
    void *memory;
    const size_t bytes = (size_t)SHARE * (size_t)mn_team_size(e->team);
    *out = (mn_limits){0};
    compute_limits(e, &j, out);
    MN_TRY(mn_alloc_pages(bytes, "the bandwidth probe", &memory));
    for (size_t i = 0; i < bytes; i += 64) ((volatile uint8_t *)memory)[i] = (uint8_t)i;
    j.memory = memory;
    out->read_gbs = best(e, read_piece, &j, (double)SHARE);
    mn_free_pages(memory, bytes);
    return 0;
}
