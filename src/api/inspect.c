/* SPDX-License-Identifier: Apache-2.0
 *
 * api/inspect.c - a GGUF file for people: its metadata, then its tensors, then sums by format.
 *
 * Everything shown comes from a stranger's file: bytes that a terminal might obey, or that are no
 * UTF-8, are shown as \xNN, and long texts and arrays are cut with "..." .
 */
#include "api/store.h"

#include "base/alloc.h"
#include "base/budget.h"
#include "base/buf.h"
#include "base/error.h"
#include "model/source.h"
#include "omnesia.h"

#include <stdio.h>
#include <string.h>
#include <utf8proc.h>

enum { TEXT_MAX = 60, ITEMS_MAX = 4, FORMATS_MAX = 64 };

typedef struct view {
    void (*line)(void *user, const char *text);
    void *user;
    mn_buf out;
} view;

static int flush(view *v) {
    if (v->out.data) v->line(v->user, v->out.data);
    mn_buf_clear(&v->out);
    return 0;
}

static int put_text(mn_buf *out, mn_str s, size_t max) {
    const size_t n = s.n < max ? s.n : max;
    for (size_t i = 0; i < n;) {
        utf8proc_int32_t c = 0;
        const utf8proc_ssize_t k =
            utf8proc_iterate((const utf8proc_uint8_t *)s.p + i, (utf8proc_ssize_t)(s.n - i), &c);
        if (k > 0 && c >= 0x20 && c != 0x7f && !(c >= 0x80 && c < 0xa0)) {
            MN_TRY(mn_buf_append(out, s.p + i, (size_t)k));
            i += (size_t)k;
        } else {
            MN_TRY(c == '\n' && k == 1
                       ? mn_buf_puts(out, "\\n")
                       : mn_buf_printf(out, "\\x%02x", (unsigned)(unsigned char)s.p[i]));
            i++;
        }
    }
    return s.n > n ? mn_buf_puts(out, "...") : 0;
}

static int put_quoted(mn_buf *out, mn_str s) {
    MN_TRY(mn_buf_puts(out, "\""));
    MN_TRY(put_text(out, s, TEXT_MAX));
    return mn_buf_puts(out, "\"");
}

static const char *kind_name(mn_gguf_kind kind) {
    static const char *const names[] = {"u8",   "i8",     "u16",   "i16", "u32", "i32", "f32",
                                        "bool", "string", "array", "u64", "i64", "f64"};
    return (size_t)kind < sizeof names / sizeof *names ? names[kind] : "?";
}

static int put_scalar(mn_buf *out, const mn_gguf_value *value) {
    switch (value->kind) {
    case MN_GGUF_STRING: return put_quoted(out, value->s);
    case MN_GGUF_BOOL: return mn_buf_puts(out, value->u ? "true" : "false");
    case MN_GGUF_F32:
    case MN_GGUF_F64: return mn_buf_printf(out, "%g", value->f);
    case MN_GGUF_I8:
    case MN_GGUF_I16:
    case MN_GGUF_I32:
    case MN_GGUF_I64: return mn_buf_printf(out, "%lld", (long long)value->i);
    default: return mn_buf_printf(out, "%llu", (unsigned long long)value->u);
    }
}

static int put_array(mn_buf *out, const mn_gguf_value *value) {
    MN_TRY(mn_buf_puts(out, "["));
    for (uint64_t i = 0; i < value->count && i < ITEMS_MAX; i++) {
        if (i) MN_TRY(mn_buf_puts(out, ", "));
        if (value->item == MN_GGUF_STRING)
            MN_TRY(put_quoted(out, mn_gguf_item_str(value, i)));
        else if (value->item == MN_GGUF_F32 || value->item == MN_GGUF_F64)
            MN_TRY(mn_buf_printf(out, "%g", mn_gguf_item_f64(value, i, 0)));
        else
            MN_TRY(mn_buf_printf(out, "%lld", (long long)mn_gguf_item_i64(value, i, 0)));
    }
    return mn_buf_puts(out, value->count > ITEMS_MAX ? ", ...]" : "]");
}

static int show_values(view *v, const mn_gguf *g) {
    const mn_gguf_value *value;
    const size_t n = mn_gguf_values(g, &value);
    MN_TRY(mn_buf_printf(&v->out, "metadata: %zu entries", n));
    flush(v);
    for (size_t i = 0; i < n; i++) {
        char kind[40];
        const mn_gguf_value *x = &value[i];
        if (x->kind == MN_GGUF_ARRAY)
            snprintf(kind, sizeof kind, "%s[%llu]", kind_name(x->item),
                     (unsigned long long)x->count);
        else
            snprintf(kind, sizeof kind, "%s", kind_name(x->kind));
        MN_TRY(mn_buf_puts(&v->out, "  "));
        MN_TRY(put_text(&v->out, x->key, TEXT_MAX));
        const int pad = 44 - (int)v->out.len;
        MN_TRY(mn_buf_printf(&v->out, "%*s %-14s ", pad > 0 ? pad : 0, "", kind));
        MN_TRY(x->kind == MN_GGUF_ARRAY ? put_array(&v->out, x) : put_scalar(&v->out, x));
        flush(v);
    }
    return 0;
}

static uint64_t weights_of(const mn_gguf_tensor *t) {
    uint64_t n = 1;
    for (int i = 0; i < 4; i++) n *= t->shape[i]; /* checked against overflow at open */
    return n;
}

static int show_tensor(view *v, const mn_gguf_tensor *t) {
    char human[16];
    MN_TRY(mn_buf_puts(&v->out, "  "));
    MN_TRY(put_text(&v->out, t->name, TEXT_MAX));
    const int pad = 44 - (int)v->out.len;
    MN_TRY(mn_buf_printf(&v->out, "%*s %-7s %8s  [", pad > 0 ? pad : 0, "", mn_format_name(t->type),
                         mn_budget_human(t->bytes, human)));
    for (uint32_t d = 0; d < t->dims && d < 4; d++)
        MN_TRY(mn_buf_printf(&v->out, "%s%llu", d ? ", " : "", (unsigned long long)t->shape[d]));
    MN_TRY(mn_buf_puts(&v->out, "]"));
    return flush(v);
}

static int show_tensors(view *v, const mn_gguf *g) {
    const mn_gguf_tensor *t;
    const size_t n = mn_gguf_tensors(g, &t);
    uint64_t weights = 0, bytes = 0, by_format[FORMATS_MAX] = {0}, count[FORMATS_MAX] = {0};
    char human[16];
    for (size_t i = 0; i < n; i++) {
        weights += weights_of(&t[i]);
        bytes += t[i].bytes;
        if ((unsigned)t[i].type < FORMATS_MAX) {
            by_format[t[i].type] += t[i].bytes;
            count[t[i].type]++;
        }
    }
    MN_TRY(mn_buf_printf(&v->out, "tensors: %zu, %.1f million weights in %s", n,
                         (double)weights / 1e6, mn_budget_human(bytes, human)));
    flush(v);
    for (size_t i = 0; i < n; i++) MN_TRY(show_tensor(v, &t[i]));
    if (n) MN_TRY(mn_buf_puts(&v->out, "formats:"));
    for (uint32_t f = 0; f < FORMATS_MAX; f++)
        if (count[f])
            MN_TRY(mn_buf_printf(&v->out, " %s %s in %llu;", mn_format_name(f),
                                 mn_budget_human(by_format[f], human),
                                 (unsigned long long)count[f]));
    if (v->out.len) v->out.data[--v->out.len] = 0;
    return n ? flush(v) : 0;
}

int mn_inspect(const char *path, void (*line)(void *user, const char *text), void *user) {
    char *file = NULL, human[16];
    mn_gguf *g = NULL;
    view v = {.line = line, .user = user};
    MN_TRY(mn_store_resolve(path, 1, NULL, &file));
    int rc = mn_source_open(file, &g);
    if (rc >= 0)
        rc = mn_buf_printf(&v.out, "file: %s (GGUF version %u, %s)", file, mn_gguf_version(g),
                           mn_budget_human(mn_gguf_size(g), human));
    if (rc >= 0) rc = flush(&v);
    if (rc >= 0) rc = show_values(&v, g);
    if (rc >= 0) rc = show_tensors(&v, g);
    mn_buf_free(&v.out);
    mn_gguf_close(&g);
    mn_free(file);
    return rc;
}
