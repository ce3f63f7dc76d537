/* SPDX-License-Identifier: Apache-2.0
 *
 * base/cpu.c - processor features. On x86-64 by CPUID through the compiler's own check (which
 * includes the operating system's consent to wide registers); AMX tiles need asking the kernel.
 */
#include "base/cpu.h"

#include <sched.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifdef __x86_64__
#include <cpuid.h>

/* Permission to use tile data (arch_prctl ARCH_REQ_XCOMP_PERM, feature 18); for all threads. */
static int amx_allowed(void) {
    unsigned a, b, c, d;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return 0;
    if (!(d >> 24 & 1) || !(d >> 25 & 1)) return 0; /* AMX-TILE, AMX-INT8 */
    return syscall(SYS_arch_prctl, 0x1023, 18) == 0;
}

/* By hand, because Clang 14 does not know the name; of use only with AVX, which implies consent. */
static int has_f16c(void) {
    unsigned a, b, c, d;
    return __get_cpuid(1, &a, &b, &c, &d) && (c >> 29 & 1);
}

static unsigned ask(void) {
    unsigned have = 0;
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && has_f16c())
        have |= MN_CPU_AVX2;
    if (have && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512vnni"))
        have |= MN_CPU_AVX512;
    if (have & MN_CPU_AVX512 && __builtin_cpu_supports("avx512bf16")) have |= MN_CPU_BF16;
    if (have & MN_CPU_AVX512 && amx_allowed()) have |= MN_CPU_AMX;
    if (__builtin_cpu_is("amd")) have |= MN_CPU_ADDERS;
    return have;
}
#else
static unsigned ask(void) {
    return 0;
}
#endif

unsigned mn_cpu_features(void) {
    static _Atomic unsigned known = 1u << 31;
    unsigned have = atomic_load(&known);
    if (have >> 31) atomic_store(&known, have = ask());
    return have;
}

int mn_cpu_count(void) {
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0) return CPU_COUNT(&set);
    const long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n > 0 ? (int)n : 1;
}
