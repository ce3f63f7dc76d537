/* SPDX-License-Identifier: Apache-2.0
 *
 * base/alloc.h - the one allocator layer. All heap memory of Omnesia comes from here.
 *
 * Each call is a named fault point: OMNESIA_FAIL_ALLOC=N (or mn_alloc_fail_after) makes the
 * N-th allocation of the process fail, which is how every out-of-memory path is tested.
 * Large blocks (tables, caches, activations) use mn_alloc_pages, which books them in the
 * budget (base/budget.h) before the first byte is touched.
 */
#ifndef MN_BASE_ALLOC_H
#define MN_BASE_ALLOC_H
#include <stddef.h>
#include <stdint.h>

void *mn_malloc(size_t n);                  /* NULL when there is none; n = 0 gives a valid block */
void *mn_calloc(size_t count, size_t size); /* zeroed; NULL also when count * size overflows */
void *mn_realloc(void *old, size_t n);
char *mn_strdup(const char *text);
void mn_free(void *block); /* NULL is a harmless no-op */

/* Zeroed pages (64-byte aligned, in fact page aligned) of anonymous memory, booked in the budget
 * under `what`. Pages are touched only as they are used. Errors: MN_EFULL with the numbers
 * (budget), MN_ENOMEM. Release with mn_free_pages, same size. */
int mn_alloc_pages(size_t n, const char *what, void **out);
void mn_free_pages(void *block, size_t n);

/* Address space for n zeroed bytes that nobody booked: for what grows over time, whose owner books
 * with mn_budget_take before it touches more. MN_ENOMEM. mn_unreserve_pages takes the same size.
 * mn_release_pages gives the whole pages between block + from and block + to back to the machine
 * (they read as zeroes again); the owner un-books them. */
int mn_reserve_pages(size_t n, const char *what, void **out);
void mn_unreserve_pages(void *block, size_t n);
void mn_release_pages(void *block, size_t from, size_t to);

/* Let the n-th allocation from now fail (1 = the next), 0 = never. For tests. */
void mn_alloc_fail_after(long n);
/* Allocations until that one; 0 or less: it has failed, or none was asked for. */
long mn_alloc_fail_left(void);

#endif
