/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/bench.h - a bench is a const struct in the registry of bench/command.c; `omnesia bench
 * NAME` runs it.
 */
#ifndef MN_BENCH_H
#define MN_BENCH_H
#include "cli/cli.h"
#include "tensor/exec.h"

#include <stdint.h>

typedef struct mn_bench_options {
    mn_cli_common common;
    const char *model;
    int32_t prompt, gen, threads, depth;
    uint64_t seed;
    int json, bf16;
    const char *region; /* where rows are written: a path, or "none" */
} mn_bench_options;

typedef struct mn_bench {
    const char *name, *about;
    int (*run)(const mn_bench_options *o);
} mn_bench;

extern const mn_bench mn_bench_speed;

/* What this machine can do at most with this team of threads. */
typedef struct mn_limits {
    double int8_gops;   /* multiply and add count as two, of int8 dot products */
    double bf16_gflops; /* 0: the CPU has none */
    double f32_gflops;
    double read_gbs; /* reading memory */
} mn_limits;
int mn_bench_limits(const mn_exec *e, mn_limits *out);

#endif
