/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/paged_avx512.c - the paged twin on the lanes of kernel/lanes_avx512.h.
 */
#include "base/cpu.h"
#include "kernel/lanes_avx512.h"

#pragma GCC diagnostic ignored "-Wunused-function" /* the bodies hold a whole table */
#include "bench/body_paged.h"

const mn_paged mn_paged_avx512 = {.needs = MN_CPU_AVX512, .attend = paged_attend};
