/* SPDX-License-Identifier: Apache-2.0
 *
 * test/kernel/random.h - numbers and buffers of the kernel tests: the same ones in every run.
 */
#ifndef MN_TEST_RANDOM_H
#define MN_TEST_RANDOM_H
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static uint32_t state = 12345;
static inline uint32_t rnd(void) {
    state = state * 1664525u + 1013904223u;
    return state >> 8;
}
static inline float unit(void) {
    return (float)rnd() / 8388608.0f - 1.0f;
}
static inline void *lines(size_t n) { /* 64-byte aligned, as kernels want them */
    void *p = NULL;
    if (posix_memalign(&p, 64, (n + 63) / 64 * 64 + 64)) abort();
    return memset(p, 0xA5, n);
}

#endif
