/* SPDX-License-Identifier: Apache-2.0
 *
 * base/budget.h - the one ledger of bytes: who holds how much of the memory we were given.
 *
 * Every large allocation (KV, activations, packed weights, indexes) is booked here before it
 * is touched, so "runs within the memory you have" is one counter that can be asserted,
 * shown and tested. One ledger per process; any thread may call.
 */
#ifndef MN_BASE_BUDGET_H
#define MN_BASE_BUDGET_H
#include <stddef.h>
#include <stdint.h>

void mn_budget_set(uint64_t limit); /* bytes; 0: no limit */
uint64_t mn_budget_limit(void);
uint64_t mn_budget_used(void);
uint64_t mn_budget_peak(void);

/* Book n bytes for `what` ("KV cache"). MN_EFULL when they do not fit: nothing is booked and the
 * sentence names what, the bytes wanted, used and allowed. */
int mn_budget_take(uint64_t n, const char *what);
void mn_budget_give(uint64_t n);

/* "512M", "2G", "1500000", "50%" (of this machine's memory) to bytes. MN_EINVAL says what is
 * allowed. */
int mn_budget_parse(const char *text, uint64_t *bytes);

/* "1.5 GB": n bytes for people, in decimal units; out holds at least 16 bytes; returns out. */
char *mn_budget_human(uint64_t n, char *out);

/* Bytes of memory this program holds, resident, as the system counts them: now, and the most it has
 * held at once. */
uint64_t mn_budget_resident(void);
uint64_t mn_budget_resident_peak(void);

/* Processes that the kernel has ended for want of memory since the machine started; 0: unknown. */
uint64_t mn_budget_ended_by_kernel(void);

/* Physical memory this process may use: min(RAM, memory cgroup limit). */
uint64_t mn_budget_machine(void);

#endif
