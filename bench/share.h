/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/share.h - the two halves of `bench share`.
 */
#ifndef MN_BENCH_SHARE_H
#define MN_BENCH_SHARE_H
#include "api/model.h"
#include "bench/stage.h"

/* What the region costs when nobody shares: rows decode, fresh, recycled. m has the region. */
int mn_bench_cost(const mn_bench_options *o, mn_model *m);

#endif
