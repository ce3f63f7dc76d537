/* SPDX-License-Identifier: Apache-2.0
 *
 * test/test.h - what every cmocka test includes: the headers cmocka wants, in its order.
 */
#ifndef MN_TEST_H
#define MN_TEST_H
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"

/* The call succeeds; else its sentence is printed. */
#define assert_ok(call)                                                    \
    do {                                                                   \
        const int rc_ = (call);                                            \
        if (rc_ < 0) fail_msg("%s: %d %s", #call, rc_, mn_error_detail()); \
    } while (0)

/* The call fails with this code and its sentence contains `text`. */
#define assert_fails(call, code, text)                                           \
    do {                                                                         \
        assert_int_equal((call), (code));                                        \
        if (!strstr(mn_error_detail(), (text)))                                  \
            fail_msg("sentence \"%s\" lacks \"%s\"", mn_error_detail(), (text)); \
    } while (0)

#endif
