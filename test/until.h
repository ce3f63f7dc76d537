/* SPDX-License-Identifier: Apache-2.0
 *
 * test/until.h - waiting for what another thread or process does: for the event and not for a time
 * in which a quick machine does it. Also time that does not pass while others have the processor.
 */
#ifndef MN_TEST_UNTIL_H
#define MN_TEST_UNTIL_H
#include "base/clock.h"
#include "test.h"

/* Look again and again until `condition` is true; when it never is, in a minute, the test fails. */
#define wait_until(condition)                                                                     \
    do {                                                                                          \
        const double late_ = mn_clock_seconds() + 60;                                             \
        while (!(condition)) {                                                                    \
            if (mn_clock_seconds() > late_) fail_msg("in a minute it never was: %s", #condition); \
            nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);                              \
        }                                                                                         \
    } while (0)

/* Seconds that this thread has computed. */
static inline double until_computed(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

#endif
