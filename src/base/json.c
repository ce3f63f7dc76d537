/* SPDX-License-Identifier: Apache-2.0
 *
 * base/json.c - the first piece that fails counts, whatever Jansson makes of it.
 */
#include "base/json.h"

#include "base/error.h"

#include <string.h>

typedef struct writing {
    mn_buf *out;
    int rc; /* of the first that failed */
} writing;

static int write_some(const char *bytes, size_t n, void *user) {
    writing *w = user;
    mn_buf *const out = w->out;
    if (!out->limit && w->rc >= 0 && n < out->cap - out->len) { /* Jansson says it in bits */
        memcpy(out->data + out->len, bytes, n);
        out->len += n;
        out->data[out->len] = 0;
        return 0;
    }
    if (w->rc >= 0) w->rc = mn_buf_append(w->out, bytes, n);
    return w->rc < 0 ? -1 : 0;
}

int mn_json_write(const json_t *json, size_t flags, mn_buf *out) {
    const size_t before = out->len;
    writing w = {out, 0};
    if (json && json_dump_callback(json, write_some, &w, flags) == 0 && w.rc >= 0) return 0;
    out->len = before;
    if (out->data) out->data[before] = 0;
    return w.rc < 0 ? w.rc : MN_FAIL(MN_ENOMEM, "no memory to write JSON");
}

char *mn_json_text(const json_t *json, size_t flags) {
    mn_buf out = {.what = "JSON"};
    if (mn_json_write(json, flags, &out) >= 0) return out.data;
    mn_buf_free(&out);
    return NULL;
}
