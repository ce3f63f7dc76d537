/* SPDX-License-Identifier: Apache-2.0
 *
 * base/clock.h - the time that only goes forward: since some moment in the past, CLOCK_MONOTONIC.
 */
#ifndef MN_BASE_CLOCK_H
#define MN_BASE_CLOCK_H
#include <stdint.h>
#include <time.h>

static inline uint64_t mn_clock_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static inline double mn_clock_seconds(void) {
    return (double)mn_clock_ns() * 1e-9;
}

#endif
