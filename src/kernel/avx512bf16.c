/* SPDX-License-Identifier: Apache-2.0
 *
 * kernel/avx512bf16.c - attention of numerics "b1" by the instructions it is made for; all else as
 * in avx512.c.
 */
#include "base/cpu.h"
#include "kernel/lanes_avx512.h"

#pragma GCC diagnostic ignored "-Wunused-function" /* one of the bodies is wanted */
#include "kernel/body_attn_bf16.h"
#include "kernel/tables.h"

/* The rest is the row below's: kernel.c fills it in. */
const mn_kernels mn_kernels_avx512bf16 = {
    .name = "avx512bf16", .needs = MN_CPU_AVX512 | MN_CPU_BF16, .attend_bf16 = attend_bf16};
