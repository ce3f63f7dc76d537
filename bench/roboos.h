/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/roboos.h - the rows of `omnesia bench roboos`, each a file; and what they share.
 */
#ifndef MN_BENCH_ROBOOS_H
#define MN_BENCH_ROBOOS_H
#include "bench/bench.h"
#include "bench/redis.h"
#include "region/region.h"

typedef struct mn_roboos {
    const mn_bench_options *o;
    char folder[64], path[96]; /* of a region that a row may make; gone in the end */
    mn_redis redis;
    int has_redis;
} mn_roboos;

typedef struct mn_roboos_row {
    const char *name;
    int (*run)(mn_roboos *b);
} mn_roboos_row;

int mn_roboos_read(mn_roboos *b);     /* roboos_read.c */
int mn_roboos_wake(mn_roboos *b);     /* the same */
int mn_roboos_state(mn_roboos *b);    /* roboos_state.c */
int mn_roboos_plans(mn_roboos *b);    /* roboos_plans.c */
int mn_roboos_recovery(mn_roboos *b); /* the same */
int mn_roboos_relief(mn_roboos *b);   /* the same */
int mn_roboos_model(mn_roboos *b);    /* roboos_model.c */

/* One figure with its bar (0: none), as a line of the row. */
int mn_roboos_say(const mn_roboos *b, const char *row, const char *what, const char *unit,
                  double value, double bar, int at_least);

#endif
