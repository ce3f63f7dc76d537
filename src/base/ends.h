/* SPDX-License-Identifier: Apache-2.0
 *
 * base/ends.h - what two rows of tokens have in common at their beginning and at their end: of a
 * text within something, and the same thing without it, the rest is the text's own.
 */
#ifndef MN_BASE_ENDS_H
#define MN_BASE_ENDS_H
#include <stdint.h>

/* a[n] and b[k]: how many at the *front are the same, and how many of what is left at the *back. */
static inline void mn_same_ends(const int32_t *a, int n, const int32_t *b, int k, int *front,
                                int *back) {
    *front = *back = 0;
    while (*front < n && *front < k && a[*front] == b[*front]) ++*front;
    while (*back < n - *front && *back < k - *front && a[n - 1 - *back] == b[k - 1 - *back])
        ++*back;
}

#endif
