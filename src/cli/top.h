/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/top.h - what `omnesia top` sees of a region at one moment, and how that looks.
 */
#ifndef MN_CLI_TOP_H
#define MN_CLI_TOP_H
#include "base/buf.h"
#include "omnesia.h"

enum { MN_TOP_EXTENTS = 256, MN_TOP_PROCESSES = 128 };

typedef struct mn_top {
    mn_region_info info;
    mn_region_extent extent[MN_TOP_EXTENTS]; /* used last, or worth most, first */
    mn_region_process process[MN_TOP_PROCESSES];
    int extents, processes;
    uint64_t at; /* seconds since 1970 */
} mn_top;

/* Lines for a terminal of this size, each ended by "\n" but the last; never more than `rows`, none
 * wider than `columns`. live: how to leave it is said. */
int mn_top_draw(const mn_top *t, int columns, int rows, int colour, int live, mn_buf *out);

#endif
