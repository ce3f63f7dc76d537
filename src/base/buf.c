/* SPDX-License-Identifier: Apache-2.0
 *
 * base/buf.c - growable bytes; capacity doubles (what is booked: grows by a
 * quarter), so n appends cost O(n).
 */
#include "base/buf.h"

#include "base/alloc.h"
#include "base/budget.h"
#include "base/error.h"
#include "base/utf8.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int mn_buf_reserve(mn_buf *buf, size_t n) {
    if (n >= SIZE_MAX / 4 - buf->len)
        return MN_FAIL(MN_ETOOLONG, "text of %zu bytes is too long", n);
    const size_t need = buf->len + n + 1;
    if (buf->limit && need > buf->limit + 1)
        return MN_FAIL(MN_ETOOLONG, "text grows beyond its limit of %zu bytes", buf->limit);
    if (need <= buf->cap) return 0;
    size_t cap = !buf->cap ? 64 : buf->what ? buf->cap + buf->cap / 4 : buf->cap * 2;
    if (cap < need) cap = need;
    if (buf->what) {
        MN_TRY(mn_budget_take(cap - buf->cap, buf->what));
    }
    char *data = mn_realloc(buf->data, cap);
    if (!data) {
        if (buf->what) mn_budget_give(cap - buf->cap);
        return MN_FAIL(MN_ENOMEM, "no memory for a text of %zu bytes", cap);
    }
    buf->data = data;
    buf->cap = cap;
    return 0;
}

int mn_buf_append(mn_buf *buf, const void *bytes, size_t n) {
    MN_TRY(mn_buf_reserve(buf, n));
    if (n) memcpy(buf->data + buf->len, bytes, n);
    buf->len += n;
    buf->data[buf->len] = 0;
    return 0;
}

int mn_buf_puts(mn_buf *buf, const char *text) {
    return mn_buf_append(buf, text, strlen(text));
}

int mn_buf_show(mn_buf *buf, const char *text, size_t n, const char *line) {
    size_t step;
    for (size_t at = 0; at < n; at += step) {
        const int shows = mn_utf8_shows((const unsigned char *)text + at, n - at, &step);
        if (text[at] == '\n')
            MN_TRY(mn_buf_puts(buf, line));
        else
            MN_TRY(mn_buf_append(buf, shows ? text + at : "?", shows ? step : 1));
    }
    return 0;
}

int mn_buf_printf(mn_buf *buf, const char *format, ...) {
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    const int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    int rc = n < 0 ? MN_FAIL(MN_EINVAL, "bad format string") : mn_buf_reserve(buf, (size_t)n);
    if (rc >= 0) {
        vsnprintf(buf->data + buf->len, (size_t)n + 1, format, again);
        buf->len += (size_t)n;
    }
    va_end(again);
    return rc;
}

void mn_buf_clear(mn_buf *buf) {
    buf->len = 0;
    if (buf->data) buf->data[0] = 0;
}

void mn_buf_free(mn_buf *buf) {
    mn_free(buf->data);
    if (buf->what) mn_budget_give(buf->cap);
    buf->data = NULL;
    buf->len = buf->cap = 0;
}
