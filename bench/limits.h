/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/limits.h - probes that work on registers only, one set per instruction set.
 */
#ifndef MN_BENCH_LIMITS_H
#define MN_BENCH_LIMITS_H

typedef struct mn_probe {
    double (*int8)(long rounds), (*f32)(long rounds), (*bf16)(long rounds); /* bf16 may be NULL */
    double (*read)(const void *memory, unsigned long bytes);                /* a multiple of 4096 */
    double int8_ops, f32_ops, bf16_ops; /* per round; a multiply and its add count as two */
} mn_probe;
extern const mn_probe mn_probe_avx512, mn_probe_avx2;

#endif
