/* SPDX-License-Identifier: Apache-2.0
 *
 * kernel/avx512.c - the kernel bodies on the lanes of lanes_avx512.h, as one table.
 */
#include "base/cpu.h"
#include "kernel/lanes_avx512.h"

#include "kernel/body_attn_bf16.h"
#include "kernel/body_math.h"
#include "kernel/body_product.h"
#include "kernel/body_scan.h"
#include "kernel/tables.h"

const mn_kernels mn_kernels_avx512 = {
    .name = "avx512",
    .needs = MN_CPU_AVX512,
    MN_KERNEL_BODIES(product),
};
