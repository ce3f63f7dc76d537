/* SPDX-License-Identifier: Apache-2.0
 *
 * base/tell.c - who hears is one word.
 */
#include "base/tell.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>

typedef void hearer(const char *line);
static _Atomic(hearer *) hears;

void mn_tell_to(hearer *hear) {
    atomic_store(&hears, hear);
}

void mn_tell(const char *format, ...) {
    char line[512];
    hearer *const hear = atomic_load(&hears);
    va_list args;
    if (!hear) return;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    hear(line);
}
