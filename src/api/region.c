/* SPDX-License-Identifier: Apache-2.0
 *
 * api/region.c - omnesia.h, the region; mn_region_open, _close and _clear are region/'s own.
 */
#include "region/region.h"
#include "omnesia.h"

#include <string.h>

void mn_region_describe(mn_region *r, mn_region_info *out) {
    mn_region_counts c;
    _Static_assert(sizeof c == sizeof *out, "one shape under two names");
    mn_region_count(r, &c);
    memcpy(out, &c, sizeof c);
}
