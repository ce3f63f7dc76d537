/* SPDX-License-Identifier: Apache-2.0
 *
 * base/cpu.h - what this processor offers, as far as we use it.
 */
#ifndef MN_BASE_CPU_H
#define MN_BASE_CPU_H

enum {
    MN_CPU_AVX2 = 1,    /* AVX2, FMA, F16C */
    MN_CPU_AVX512 = 2,  /* F, BW, DQ, VL and VNNI */
    MN_CPU_AMX = 4,     /* AMX int8, and the kernel lets us use tiles */
    MN_CPU_BF16 = 8,    /* AVX512_BF16 */
    MN_CPU_ADDERS = 16, /* integers are added beside multiplications, not instead of them (AMD) */
};
unsigned mn_cpu_features(void); /* any thread; asked of the hardware once */
int mn_cpu_count(void);         /* processors this process may run on, >= 1 */

#endif
