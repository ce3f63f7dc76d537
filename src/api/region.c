/* SPDX-License-Identifier: Apache-2.0
 *
 * api/region.c - omnesia.h, the region; mn_region_open, _close and _clear are region/'s own.
 */
#include "region/region.h"
#include "omnesia.h"

void mn_region_describe(mn_region *r, mn_region_info *out) {
    mn_region_counts c;
    mn_region_count(r, &c);
    *out = (mn_region_info){.path = c.path,
                            .limit = c.limit,
                            .charged = c.charged,
                            .warm = c.warm,
                            .held = c.held,
                            .size = c.size,
                            .rows = c.rows,
                            .cost_us = c.cost_us,
                            .processes = c.processes,
                            .extents = c.extents,
                            .open = c.open,
                            .made = c.made};
}
