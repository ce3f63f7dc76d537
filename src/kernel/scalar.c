/* SPDX-License-Identifier: Apache-2.0
 *
 * kernel/scalar.c - the kernel bodies on the lanes of lanes_scalar.h, as one table.
 */
#include "base/cpu.h"
#include "kernel/lanes_scalar.h"

#include "kernel/body_attn_bf16.h"
#include "kernel/body_math.h"
#include "kernel/body_product.h"
#include "kernel/body_scan.h"
#include "kernel/tables.h"

const mn_kernels mn_kernels_scalar = {
    .name = "scalar",
    .needs = 0,
    MN_KERNEL_BODIES(product),
};
