/* SPDX-License-Identifier: Apache-2.0
 *
 * base/stamp.c - stamps: read whole, compare the first line, hand out the rest.
 */
#include "base/stamp.h"

#include "base/file.h"

#include <string.h>

enum { STAMP_MAX = 4096 };

int mn_stamp_read(const char *path, const char *mark, mn_buf *fact) {
    mn_buf text = {0};
    const size_t n = strlen(mark);
    const int same = mn_file_read(path, STAMP_MAX, &text) >= 0 && text.len > n &&
                     memcmp(text.data, mark, n) == 0 && text.data[n] == '\n' &&
                     mn_buf_puts(fact, text.data + n + 1) >= 0;
    mn_buf_free(&text);
    return same;
}

void mn_stamp_write(const char *path, const char *mark, const char *fact) {
    mn_filew *f = NULL;
    if (mn_file_begin(path, &f) < 0) return;
    if (mn_file_write(f, mark, strlen(mark)) >= 0 && mn_file_write(f, "\n", 1) >= 0 &&
        mn_file_write(f, fact, strlen(fact)) >= 0)
        mn_file_commit(&f);
    else
        mn_file_abort(&f);
}
