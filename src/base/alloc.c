/* SPDX-License-Identifier: Apache-2.0
 *
 * base/alloc.c - malloc with a fault point, and booked pages.
 */
#include "base/alloc.h"

#include "base/budget.h"
#include "base/error.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static atomic_long countdown; /* allocations until one fails; 0: never */
static atomic_int armed = -1; /* -1: environment not read yet */

void mn_alloc_fail_after(long n) {
    atomic_store(&countdown, n);
    atomic_store(&armed, n > 0);
}

long mn_alloc_fail_left(void) {
    return atomic_load(&armed) > 0 ? atomic_load(&countdown) : 0;
}

static int fault(void) {
    int on = atomic_load_explicit(&armed, memory_order_relaxed);
    if (on < 0) {
        const char *text = getenv("OMNESIA_FAIL_ALLOC");
        const long n = text ? strtol(text, NULL, 10) : 0;
        mn_alloc_fail_after(n > 0 ? n : 0);
        on = n > 0;
    }
    return on && atomic_fetch_sub(&countdown, 1) == 1;
}

void *mn_malloc(size_t n) {
    return fault() ? NULL : malloc(n ? n : 1);
}

void *mn_calloc(size_t count, size_t size) {
    return fault() ? NULL : calloc(count ? count : 1, size ? size : 1);
}

void *mn_realloc(void *old, size_t n) {
    return fault() ? NULL : realloc(old, n ? n : 1);
}

char *mn_strdup(const char *text) {
    const size_t n = strlen(text) + 1;
    char *copy = mn_malloc(n);
    return copy ? memcpy(copy, text, n) : NULL;
}

void mn_free(void *block) {
    free(block);
}

int mn_reserve_pages(size_t n, const char *what, void **out) {
    void *block = fault() ? MAP_FAILED
                          : mmap(NULL, n ? n : 1, PROT_READ | PROT_WRITE,
                                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    *out = block == MAP_FAILED ? NULL : block;
    return *out ? 0 : MN_FAIL(MN_ENOMEM, "no memory for %s (%zu bytes)", what, n);
}

void mn_unreserve_pages(void *block, size_t n) {
    if (block) munmap(block, n ? n : 1);
}

void mn_release_pages(void *block, size_t from, size_t to) {
    enum { PAGE = 4096 };
    from = (from + PAGE - 1) / PAGE * PAGE;
    to = to / PAGE * PAGE;
    if (from < to) madvise((char *)block + from, to - from, MADV_DONTNEED);
}

int mn_alloc_pages(size_t n, const char *what, void **out) {
    *out = NULL;
    MN_TRY(mn_budget_take(n, what));
    const int rc = mn_reserve_pages(n, what, out);
    if (rc < 0) mn_budget_give(n);
    return rc;
}

void mn_free_pages(void *block, size_t n) {
    if (!block) return;
    mn_unreserve_pages(block, n);
    mn_budget_give(n);
}
