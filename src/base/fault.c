/* SPDX-License-Identifier: Apache-2.0
 *
 * base/fault.c - count down to the I/O call that is to fail.
 */
#include "base/fault.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static atomic_long left;
static atomic_int state; /* 0 not read, -1 off, else the error */

long mn_fault_left(void) {
    return atomic_load(&left);
}

int mn_fault(void) {
    int s = atomic_load(&state);
    if (!s) {
        const char *text = getenv("OMNESIA_FAIL_IO");
        char *end = NULL;
        const long n = text ? strtol(text, &end, 10) : 0;
        atomic_store(&left, n);
        s = n <= 0 ? -1 : strstr(end, "ENOSPC") ? ENOSPC : strstr(end, "EINTR") ? EINTR : EIO;
        atomic_store(&state, s);
    }
    if (s < 0 || atomic_fetch_sub(&left, 1) != 1) return 0;
    errno = s;
    return 1;
}
