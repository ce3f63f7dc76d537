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
    int32_t rounds;
    const char *row;  /* NULL: all of them */
    const char *copy; /* of `bench restore` */
    const char *peer; /* of `bench serve`: the folder of llama-server */
    int side;         /* 0: both, 1: ours, 2: the peer's */
    const char *way;  /* to start the peer: that whose flags end so; NULL: all */
    /* Of `bench longmemeval`: a file of histories; where to write ours, instead of judging; for
     * vectors; who organises; how many of ours, and whether small ones. */
    const char *data, *dump, *vectors, *organise;
    int32_t histories;
    int small;
    const char *answers; /* a file of them; NULL: no model is asked */
    int32_t
        limit; /* of `bench trim`: dialogues of each domain; of `bench l2mac`: jobs of each kind;
                      0: what each does by itself */
} mn_bench_options;

typedef struct mn_bench {
    const char *name, *about;
    int (*run)(const mn_bench_options *o);
} mn_bench;

/* clang-format off */
/* All of them, in the order they are listed; a new one is a name here and a file. */
#define MN_BENCH_LIST(X)                                                                         \
    X(speed) X(vattention) X(share) X(restore) X(objects) X(region) X(serve) X(fastgen) X(flover) \
    X(batchllm) X(fastswitch) X(mem) X(longmemeval) X(tme) X(trim) X(hcam) X(amem) \
    X(mem0) X(zep) X(l2mac) X(roboos) X(kvlink)
#define X(name) extern const mn_bench mn_bench_##name;
MN_BENCH_LIST(X)
#undef X
/* clang-format on */

struct mn_reader;
/* The histories that the options ask for: of a file, or of the generator. */
int mn_bench_histories(const mn_bench_options *o, struct mn_reader *r);

/* What this machine can do at most with this team of threads. */
typedef struct mn_limits {
    double int8_gops;   /* multiply and add count as two, of int8 dot products */
    double bf16_gflops; /* 0: the CPU has none */
    double f32_gflops;
    double read_gbs; /* reading memory */
} mn_limits;
int mn_bench_limits(const mn_exec *e, mn_limits *out);

/* One comparison: a figure of either side in each round. The ratio is ours / base, of the two
 * medians, or base / ours where less is better and the bar says how many times; the spread is its
 * smallest and largest value in one round. */
enum { MN_BENCH_ROUNDS = 99 };
typedef struct mn_bench_row {
    const char *name, *what, *against, *unit;
    double bar;  /* 0: none, the row is for people */
    int at_most; /* less is better */
    int inverse; /* the ratio is base / ours */
    int n;       /* rounds so far */
    double base[MN_BENCH_ROUNDS], ours[MN_BENCH_ROUNDS];
} mn_bench_row;
void mn_bench_round(mn_bench_row *r, double base, double ours);
double mn_bench_median(const double *values, int n);
/* One line to standard output; json: a JSON object, on a line of its own. */
int mn_bench_row_print(const mn_bench_row *r, int json);
int mn_bench_row_skip(const mn_bench_row *r, const char *reason, int json);
/* One figure, and its bar; 0: none. "add  8 writers, p99  0.61 ms, bar <= 5: pass" */
typedef struct mn_bench_point {
    const char *bench, *row, *what, *unit;
    double value, bar;
    int at_least; /* more is better */
} mn_bench_point;
int mn_bench_point_print(const mn_bench_point *p, int json);
/* Is this row asked for? */
int mn_bench_wants(const mn_bench_options *o, const char *row);

#endif
