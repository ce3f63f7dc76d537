/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/start.h - the rows of `bench vattention` that start processes, and what pages are wasted.
 */
#ifndef MN_BENCH_START_H
#define MN_BENCH_START_H
#include "api/model.h"
#include "bench/stage.h"

/* A second process begins with `depth` tokens: rows start to restart-copy. */
int mn_bench_starts(const mn_bench_options *o, const mn_stage *stage, mn_model *m, int depth);
/* Bytes of pages beyond the rows, for each plane. */
int mn_bench_waste(const mn_bench_options *o, mn_region *region, mn_model *m);

#endif
