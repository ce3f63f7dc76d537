/* SPDX-License-Identifier: Apache-2.0
 *
 * test/fuzz/fuzz_ini.c - the text of a config file: any bytes are entries or one sentence, and
 * what an entry has lies inside the text.
 */
#include "base/alloc.h"
#include "base/error.h"
#include "base/ini.h"

#include <string.h>

typedef struct bounds {
    const char *from, *to;
    int line;
} bounds;

static void within(const bounds *b, const char *text) {
    if (text < b->from || text + strlen(text) > b->to) __builtin_trap();
}

static int hear(void *user, const mn_ini_entry *e) {
    bounds *b = user;
    within(b, e->section);
    within(b, e->key);
    within(b, e->value);
    if (!*e->section || !*e->key || e->line <= b->line) __builtin_trap();
    b->line = e->line;
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    char *text = mn_malloc(n + 1);
    if (!text) return 0;
    memcpy(text, data, n);
    text[n] = 0;
    bounds b = {text, text + n, 0};
    const int rc = mn_ini_parse("fuzz", text, n, hear, &b);
    if (rc < 0 && strncmp(mn_error_detail(), "fuzz", 4) != 0) __builtin_trap();
    mn_free(text);
    return 0;
}
