/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/mcap.h - the log of events as an MCAP file, for the viewers that robot people have.
 */
#ifndef MN_FLEET_MCAP_H
#define MN_FLEET_MCAP_H
#include "fleet/board.h"

/* All events of the fleet, in a file that is complete or absent: how many in *n. MN_ENOENT: there
 * are none. */
int mn_mcap_write(mn_board *b, const char *path, int64_t *n);

#endif
