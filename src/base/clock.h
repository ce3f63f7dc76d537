/* SPDX-License-Identifier: Apache-2.0
 *
 * base/clock.h - the time that only goes forward.
 */
#ifndef MN_BASE_CLOCK_H
#define MN_BASE_CLOCK_H
#include <time.h>

/* Seconds since some moment in the past, CLOCK_MONOTONIC. */
static inline double mn_clock_seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

#endif
