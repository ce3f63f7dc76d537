/* SPDX-License-Identifier: Apache-2.0
 *
 * kernel/avx2.c - the kernel bodies on the lanes of lanes_avx2.h, as one table.
 */
#include "base/cpu.h"
#include "kernel/lanes_avx2.h"

#include "kernel/body_attn_bf16.h"
#include "kernel/body_math.h"
#include "kernel/body_product.h"
#include "kernel/body_scan.h"
#include "kernel/tables.h"

const mn_kernels mn_kernels_avx2 = {
    .name = "avx2",
    .needs = MN_CPU_AVX2,
    MN_KERNEL_BODIES(product),
};
