/* SPDX-License-Identifier: Apache-2.0
 *
 * test/fuzz/fuzz_form.c - any bytes as a form: a line that is its Content-Type, then its body.
 *
 * Checked: parts lie in the body one behind the other, their texts within their heads; what they
 * hold was in the body as it came, between two boundaries and without one; the same bytes are read
 * the same way again.
 */
#include "serve/form.h"

#include "base/alloc.h"
#include "base/utf8.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(const char *text, const char *from, const char *to) {
    if (text < from || text + strlen(text) >= to) abort();
    if (mn_utf8_check("a text", text, strlen(text)) < 0) abort();
}

static void check(const mn_form_part *part, int n, const char *body, size_t size,
                  const char *before) {
    const char *at = body;
    for (int i = 0; i < n; i++) {
        const mn_form_part *p = &part[i];
        if (p->data < at || p->data + p->n > body + size || !*p->name) abort();
        check_text(p->name, at, p->data);
        if (p->filename) check_text(p->filename, at, p->data);
        if (memcmp(p->data, before + (p->data - body), p->n) != 0) abort();
        at = p->data + p->n;
        const size_t left = (size_t)(body + size - at);
        const int line_end = left >= 4 && memcmp(at, "\r\n--", 4) == 0;
        /* An empty part may end in the line end of its head. */
        if (!line_end && (p->n || left < 2 || memcmp(at, "--", 2) != 0)) abort();
        for (int k = 0; k < i; k++)
            if (strcmp(part[k].name, p->name) == 0) abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const uint8_t *end = size ? memchr(data, '\n', size) : NULL;
    const size_t n_type = end ? (size_t)(end - data) : 0, n = end ? size - n_type - 1 : 0;
    char type[256] = "";
    if (!end || n_type >= sizeof type || memchr(data, 0, n_type)) return 0;
    memcpy(type, data, n_type);
    /* Of exactly its size: one byte beyond is found by the sanitizer. */
    char *one = mn_malloc(n ? n : 1), *two = mn_malloc(n ? n : 1);
    mn_form_part part[2][MN_FORM_PARTS];
    if (!one || !two) abort();
    memcpy(one, end + 1, n);
    memcpy(two, end + 1, n);
    const int a = mn_form_read(type, one, n, part[0]), b = mn_form_read(type, two, n, part[1]);
    if (a != b || a > MN_FORM_PARTS) abort();
    if (a > 0) check(part[0], a, one, n, (const char *)end + 1);
    mn_free(one);
    mn_free(two);
    return 0;
}
