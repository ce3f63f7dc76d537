/* SPDX-License-Identifier: Apache-2.0
 *
 * api/about.c - the small calls of omnesia.h: memory limit, texts handed out.
 */
#include "omnesia.h"

#include "base/alloc.h"
#include "base/budget.h"

void mn_memory_limit(uint64_t bytes) {
    mn_budget_set(bytes);
}

void mn_free_text(char *text) {
    mn_free(text);
}
