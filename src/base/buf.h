/* SPDX-License-Identifier: Apache-2.0
 *
 * base/buf.h - a growable run of bytes, always NUL-terminated after its last byte.
 *
 * Zero-initialise, append, free. An append that cannot grow returns MN_ENOMEM and leaves
 * the buffer as it was. `limit` (0: none) turns runaway growth into MN_ETOOLONG. A buffer with a
 * `what` is booked in the budget under that name as it grows (MN_EFULL); its data must not be taken
 * out of it. Name what may become large: texts of users, and what is made of them.
 */
#ifndef MN_BASE_BUF_H
#define MN_BASE_BUF_H
#include <stddef.h>

typedef struct mn_buf {
    char *data;       /* NULL until the first append */
    size_t len;       /* bytes used, without the NUL */
    size_t cap;       /* bytes allocated */
    size_t limit;     /* refuse to grow beyond this many bytes; 0: no limit */
    const char *what; /* "the prompt": booked in the budget; NULL: not booked */
} mn_buf;

int mn_buf_append(mn_buf *buf, const void *bytes, size_t n);
int mn_buf_puts(mn_buf *buf, const char *text);
int mn_buf_printf(mn_buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Text of anybody, for a terminal: a line end is `line`, what steers it (mn_utf8_shows) is '?'. */
int mn_buf_show(mn_buf *buf, const char *text, size_t n, const char *line);
/* Room for n more bytes beyond len; the caller writes there and raises len. */
int mn_buf_reserve(mn_buf *buf, size_t n);
void mn_buf_clear(mn_buf *buf); /* keeps the memory */
void mn_buf_free(mn_buf *buf);

#endif
