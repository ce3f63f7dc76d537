/* SPDX-License-Identifier: Apache-2.0
 *
 * base/budget.c - the ledger: three atomic counters and the words for them.
 */
#include "base/budget.h"

#include "base/error.h"

#include <ctype.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

static _Atomic uint64_t limit, used, peak;

void mn_budget_set(uint64_t bytes) {
    atomic_store(&limit, bytes);
}
uint64_t mn_budget_limit(void) {
    return atomic_load(&limit);
}
uint64_t mn_budget_used(void) {
    return atomic_load(&used);
}
uint64_t mn_budget_peak(void) {
    return atomic_load(&peak);
}

/* have + n bytes in the units of --memory, rounded up. */
static uint64_t megabytes(uint64_t have, uint64_t n) {
    const uint64_t one = 1 << 20;
    return have / one + n / one + (have % one + n % one + one - 1) / one;
}

int mn_budget_take(uint64_t n, const char *what) {
    const uint64_t allowed = atomic_load(&limit);
    uint64_t have = atomic_load(&used);
    do {
        if (allowed && (n > allowed || have > allowed - n)) {
            char a[16], b[16], c[16];
            return MN_FAIL(MN_EFULL,
                           "%s needs %s, but %s of the %s allowed by --memory are in use; "
                           "give at least --memory %lluM, or a smaller model, context or text",
                           what, mn_budget_human(n, a), mn_budget_human(have, b),
                           mn_budget_human(allowed, c), (unsigned long long)megabytes(have, n));
        }
    } while (!atomic_compare_exchange_weak(&used, &have, have + n));
    uint64_t top = atomic_load(&peak);
    while (top < have + n && !atomic_compare_exchange_weak(&peak, &top, have + n)) {
    }
    return 0;
}

void mn_budget_give(uint64_t n) {
    atomic_fetch_sub(&used, n);
}

char *mn_budget_human(uint64_t n, char *out) {
    static const char *unit[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
    double v = (double)n;
    int u = 0;
    while (v >= 999.5 && u < 6) v /= 1000, u++;
    snprintf(out, 16, u && v < 9.95 ? "%.1f %s" : "%.0f %s", v, unit[u]);
    return out;
}

/* VmHWM begins anew with each exec; getrusage goes on counting what the caller held before it. */
uint64_t mn_budget_resident_peak(void) {
    struct rusage use = {0};
    unsigned long long kb = 0;
    char line[256];
    FILE *f = fopen("/proc/self/status", "re");
    while (f && !kb && fgets(line, sizeof line, f))
        if (sscanf(line, "VmHWM: %llu kB", &kb) != 1) kb = 0;
    if (f) fclose(f);
    if (!kb && getrusage(RUSAGE_SELF, &use) == 0) kb = (unsigned long long)use.ru_maxrss;
    return kb * 1024;
}

uint64_t mn_budget_resident(void) {
    unsigned long long all, pages = 0;
    FILE *f = fopen("/proc/self/statm", "re");
    if (f && fscanf(f, "%llu %llu", &all, &pages) != 2) pages = 0;
    if (f) fclose(f);
    return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

uint64_t mn_budget_ended_by_kernel(void) {
    unsigned long long n = 0;
    char line[256];
    FILE *f = fopen("/proc/vmstat", "re");
    while (f && fgets(line, sizeof line, f))
        if (sscanf(line, "oom_kill %llu", &n) == 1) break;
    if (f) fclose(f);
    return n;
}

uint64_t mn_budget_machine(void) {
    uint64_t ram = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
    FILE *f = fopen("/sys/fs/cgroup/memory.max", "re");
    unsigned long long group;
    if (f && fscanf(f, "%llu", &group) == 1 && group < ram) ram = group;
    if (f) fclose(f);
    return ram;
}

int mn_budget_parse(const char *text, uint64_t *bytes) {
    char *end;
    const double v = strtod(text, &end);
    double unit = -1;
    if (end != text && v > 0) {
        const int c = toupper((unsigned char)*end);
        if (!c)
            unit = 1;
        else if (c == '%')
            unit = v <= 100 ? (double)mn_budget_machine() / 100 : -1;
        else if (c == 'K')
            unit = 1024.0;
        else if (c == 'M')
            unit = 1024.0 * 1024;
        else if (c == 'G')
            unit = 1024.0 * 1024 * 1024;
        else if (c == 'T')
            unit = 1024.0 * 1024 * 1024 * 1024;
        if (c) end++;
        if (*end == 'i' || *end == 'I') end++;
        if (*end == 'b' || *end == 'B') end++;
        if (*end) unit = -1;
    }
    if (!(unit > 0) || !(v * unit < 1e18))
        return MN_FAIL(MN_EINVAL, "'%s' is not an amount of memory; write bytes, 800M, 2G or 50%%",
                       text);
    *bytes = (uint64_t)(v * unit);
    return 0;
}
