/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/kvlink.h - two machines that are none: network namespaces of this one, joined by a cable
 * that carries so much and no more, and a Redis at one end.
 */
#ifndef MN_BENCH_KVLINK_H
#define MN_BENCH_KVLINK_H
#include "base/child.h"

/* The machines; A has the Redis. Their names are fixed: what a killed bench left is removed. */
#define MN_KVLINK_A   "omnesia-kvlink-a"
#define MN_KVLINK_B   "omnesia-kvlink-b"
#define MN_KVLINK_URL "redis://10.77.0.1:6379/0"

/* MN_EUNSUPPORTED: this user may not, or `ip`, `tc` or redis-server is not here. */
int mn_kvlink_begin(const char *folder, int mbit, mn_child **redis);
void mn_kvlink_end(mn_child **redis);
/* A program at one of them, to its end: its last line that is an object of JSON into line[n]. */
int mn_kvlink_run(const char *machine, const char *const *words, const char *const *env, char *line,
                  int n);

#endif
