/* SPDX-License-Identifier: Apache-2.0
 *
 * base/error.c - the per-thread error sentence. A fixed buffer: failing must not allocate.
 */
#include "base/error.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static _Thread_local char detail[1024];

/* A sentence may quote a hostile file or name: what steers a terminal becomes '?'. */
static void calm(char *text) {
    for (unsigned char *p = (unsigned char *)text; *p; p++) {
        const int c1 = p[0] == 0xC2 && p[1] >= 0x80 && p[1] < 0xA0; /* in UTF-8 */
        if (c1) *p++ = '?';
        if (c1 || *p < 0x20 || *p == 0x7F) *p = '?';
    }
}

int mn_error_set(int code, const char *file, int line, const char *format, ...) {
    char text[sizeof detail]; /* arguments may point into `detail` */
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    calm(text);
    memcpy(detail, text, sizeof text);
    static atomic_int trace = -1; /* any thread may be the first to ask */
    int on = atomic_load(&trace);
    if (on < 0) atomic_store(&trace, on = getenv("OMNESIA_TRACE_ERRORS") != NULL);
    if (on) fprintf(stderr, "%s:%d: error %d: %s\n", file, line, code, text);
    return code;
}

const char *mn_error_detail(void) {
    return detail;
}

const char *mn_error_text(int code) {
    switch (code) {
#define X(name, number, text) \
    case number: return text;
        MN_ERROR_LIST(X)
#undef X
    default: return code >= 0 ? "success" : "unknown error";
    }
}
