/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/paged_avx2.c - the paged twin on the lanes of kernel/lanes_avx2.h.
 */
#include "base/cpu.h"
#include "kernel/lanes_avx2.h"

#pragma GCC diagnostic ignored "-Wunused-function" /* the bodies hold a whole table */
#include "bench/body_paged.h"

const mn_paged mn_paged_avx2 = {.needs = MN_CPU_AVX2, .attend = paged_attend};
