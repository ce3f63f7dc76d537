/* SPDX-License-Identifier: Apache-2.0
 *
 * kernel/tables.h - every table there is, and the rows the shared bodies fill.
 */
#ifndef MN_KERNEL_TABLES_H
#define MN_KERNEL_TABLES_H
#include "kernel/kernel.h"

extern const mn_kernels mn_kernels_amx, mn_kernels_avx512crossed, mn_kernels_avx512bf16,
    mn_kernels_avx512, mn_kernels_avx2, mn_kernels_scalar;

#define MN_KERNEL_BODIES(matrix_product)                                                    \
    .rms_norm = rms_norm, .layer_norm = layer_norm, .quantise = quantise,                   \
    .quantise_i13 = quantise_i13, .silu_mul = silu_mul, .gelu_mul = gelu_mul, .gelu = gelu, \
    .add_scaled = add_scaled, .rope = rope, .exps = exps, .product = matrix_product,        \
    .store_k = store_k, .store_v = store_v, .attend = attend, .attend_bf16 = attend_bf16,   \
    .merge = merge, .finish = finish, .dots = dots, .differ = differ

#endif
