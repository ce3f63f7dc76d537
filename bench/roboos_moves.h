/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/roboos_moves.h - processes that move things in one scene and are killed, again and again;
 * and the same by the public recipe of RoboOS: read a list from Redis, change it, write it back.
 */
#ifndef MN_BENCH_ROBOOS_MOVES_H
#define MN_BENCH_ROBOOS_MOVES_H
#include "bench/redis.h"

enum { MN_MOVES_THINGS = 64 };

typedef struct mn_moves_how {
    const char *region;    /* path; NULL: the recipe, on.. */
    const mn_redis *redis; /* ..this */
    int movers;            /* processes, at most 8 */
    long moves, kills;     /* so many of each mover, and so many kills at least */
    unsigned long seed;
    int plant; /* 1: a move is acknowledged that nobody made */
} mn_moves_how;
typedef struct mn_moves_result {
    long moves, refused, kills,
        settled; /* settled: kills after which a move had happened, unsaid */
    long taken;  /* leases taken from a mover that was stopped, and moved nothing afterwards */
    int lost, doubled; /* things in no list, in several */
    double seconds;
    char why[512]; /* what else is wrong; "" */
} mn_moves_result;
int mn_moves_storm(const mn_moves_how *how, mn_moves_result *out);

#endif
