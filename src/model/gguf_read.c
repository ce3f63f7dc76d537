/* SPDX-License-Identifier: Apache-2.0
 *
 * model/gguf_read.c - numbers, strings and metadata entries out of a GGUF file.
 *
 * An entry is: key (u64 length, bytes), kind (u32), value. A string is a u64 length and bytes.
 * An array is item kind (u32), count (u64), items. All little endian, nothing aligned.
 *
 * An array of strings can only be walked; while walking it to find its end, the place of every
 * 4th string is kept: reaching any item takes at most 3 steps, and the index 2 bytes a string.
 */
#include "model/gguf_read.h"

#include "base/alloc.h"
#include "base/error.h"

#include <string.h>

enum {
    KEY_LIMIT = 65535,       /* of the specification */
    STRING_LIMIT = 16 << 20, /* one string: a chat template has some KB */
};

static int fail_end(const mn_gguf_cursor *c, const char *what, uint64_t need) {
    return MN_FAIL(MN_ECORRUPT,
                   "%s ends too early: %s at byte %zu needs %llu bytes and %zu are left; the "
                   "file is incomplete or damaged, fetch it again",
                   c->name, what, c->at, (unsigned long long)need, c->size - c->at);
}

static int take(mn_gguf_cursor *c, const char *what, uint64_t n, const uint8_t **out) {
    if (n > c->size - c->at) return fail_end(c, what, n);
    *out = c->data + c->at;
    c->at += (size_t)n;
    return 0;
}

int mn_gguf_take_u32(mn_gguf_cursor *c, const char *what, uint32_t *out) {
    const uint8_t *p = NULL;
    MN_TRY(take(c, what, sizeof *out, &p));
    memcpy(out, p, sizeof *out);
    return 0;
}

int mn_gguf_take_u64(mn_gguf_cursor *c, const char *what, uint64_t *out) {
    const uint8_t *p = NULL;
    MN_TRY(take(c, what, sizeof *out, &p));
    memcpy(out, p, sizeof *out);
    return 0;
}

int mn_gguf_take_str(mn_gguf_cursor *c, const char *what, uint64_t limit, mn_str *out) {
    uint64_t n = 0;
    const uint8_t *p = NULL;
    MN_TRY(mn_gguf_take_u64(c, what, &n));
    if (n > c->size - c->at) return fail_end(c, what, n);
    if (n > limit)
        return MN_FAIL(MN_ECORRUPT, "%s: %s at byte %zu has %llu bytes; at most %llu are allowed",
                       c->name, what, c->at, (unsigned long long)n, (unsigned long long)limit);
    MN_TRY(take(c, what, n, &p));
    *out = (mn_str){(const char *)p, (size_t)n};
    return 0;
}

mn_gguf_shown mn_gguf_show(mn_str s) {
    mn_gguf_shown out;
    size_t n = s.n < sizeof out.text ? s.n : sizeof out.text - 1;
    for (size_t i = 0; i < n; i++) out.text[i] = s.p[i] >= ' ' && s.p[i] <= '~' ? s.p[i] : '?';
    if (n < s.n) memcpy(out.text + n - 3, "...", 3);
    out.text[n] = 0;
    return out;
}

uint32_t mn_gguf_kind_bytes(uint32_t kind) {
    static const uint8_t bytes[] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};
    return kind < sizeof bytes ? bytes[kind] : 0;
}

mn_gguf_number mn_gguf_number_at(mn_gguf_kind kind, const uint8_t *p) {
    uint16_t half = 0;
    uint32_t word = 0;
    uint64_t full = 0;
    memcpy(&half, p, mn_gguf_kind_bytes(kind) >= 2 ? 2 : 0);
    memcpy(&word, p, mn_gguf_kind_bytes(kind) >= 4 ? 4 : 0);
    memcpy(&full, p, mn_gguf_kind_bytes(kind) >= 8 ? 8 : 0);
    mn_gguf_number n = {.u = full};
    float f;
    switch (kind) {
    case MN_GGUF_BOOL:
    case MN_GGUF_U8: n.u = *p; break;
    case MN_GGUF_I8: n.i = (int8_t)*p; break;
    case MN_GGUF_U16: n.u = half; break;
    case MN_GGUF_I16: n.i = (int16_t)half; break;
    case MN_GGUF_U32: n.u = word; break;
    case MN_GGUF_I32: n.i = (int32_t)word; break;
    case MN_GGUF_F32:
        memcpy(&f, &word, sizeof f);
        n.f = (double)f;
        break;
    case MN_GGUF_F64: memcpy(&n.f, &full, sizeof full); break;
    default: break; /* 64-bit integers stand already */
    }
    return n;
}

static int check_kind(const mn_gguf_cursor *c, mn_str key, uint32_t kind) {
    if (kind <= MN_GGUF_F64) return 0;
    return MN_FAIL(MN_ECORRUPT, "%s: metadata '%s' is of kind %u; kinds are 0 to 12", c->name,
                   mn_gguf_show(key).text, kind);
}

static int check_bool(const mn_gguf_cursor *c, const mn_gguf_value *v) {
    for (uint64_t i = 0; i < v->count; i++)
        if (v->data[i] > 1)
            return MN_FAIL(MN_ECORRUPT, "%s: metadata '%s' is a truth value of %u; 0 or 1 is meant",
                           c->name, mn_gguf_show(v->key).text, v->data[i]);
    return 0;
}

static int take_scalar(mn_gguf_cursor *c, mn_gguf_value *v) {
    v->count = 1;
    v->data = c->data + c->at;
    if (v->kind == MN_GGUF_STRING)
        return mn_gguf_take_str(c, "a metadata string", STRING_LIMIT, &v->s);
    const uint8_t *p = NULL;
    MN_TRY(take(c, "a metadata value", mn_gguf_kind_bytes(v->kind), &p));
    v->u = mn_gguf_number_at(v->kind, p).u; /* the union's bits, whichever member it is */
    return v->kind == MN_GGUF_BOOL ? check_bool(c, v) : 0;
}

/* Walk v->count strings; keep where every MN_GGUF_STRIDE-th begins. */
static int take_strings(mn_gguf_cursor *c, mn_gguf_value *v) {
    uint64_t *at = mn_malloc((size_t)(v->count / MN_GGUF_STRIDE + 1) * sizeof *at);
    if (!at)
        return MN_FAIL(MN_ENOMEM, "%s: no memory to index the %llu strings of '%s'", c->name,
                       (unsigned long long)v->count, mn_gguf_show(v->key).text);
    for (uint64_t i = 0; i < v->count; i++) {
        if (i % MN_GGUF_STRIDE == 0) at[i / MN_GGUF_STRIDE] = (uint64_t)(c->data + c->at - v->data);
        uint64_t n = 0;
        const size_t left = c->size - c->at;
        if (left >= sizeof n) memcpy(&n, c->data + c->at, sizeof n);
        if (left >= sizeof n && n <= left - sizeof n && n <= STRING_LIMIT) {
            c->at += sizeof n + (size_t)n;
            continue;
        }
        mn_free(at); /* something is wrong: let the careful reader find the sentence */
        mn_str s;
        return mn_gguf_take_str(c, "a string of a metadata array", STRING_LIMIT, &s);
    }
    v->offset = at;
    return 0;
}

static int take_array(mn_gguf_cursor *c, mn_gguf_value *v) {
    uint32_t item = 0;
    MN_TRY(mn_gguf_take_u32(c, "an array's item kind", &item));
    MN_TRY(mn_gguf_take_u64(c, "an array's length", &v->count));
    MN_TRY(check_kind(c, v->key, item));
    if (item == MN_GGUF_ARRAY)
        return MN_FAIL(MN_EUNSUPPORTED,
                       "%s: metadata '%s' is an array of arrays, which is not read", c->name,
                       mn_gguf_show(v->key).text);
    v->item = (mn_gguf_kind)item;
    v->data = c->data + c->at;
    const uint32_t each = item == MN_GGUF_STRING ? 8 : mn_gguf_kind_bytes(item); /* at least */
    if (v->count > (c->size - c->at) / each)
        return MN_FAIL(MN_ECORRUPT,
                       "%s: metadata '%s' claims %llu items of at least %u bytes, but %zu bytes "
                       "are left in the file; it is incomplete or damaged, fetch it again",
                       c->name, mn_gguf_show(v->key).text, (unsigned long long)v->count, each,
                       c->size - c->at);
    if (item == MN_GGUF_STRING) return take_strings(c, v);
    c->at += (size_t)(v->count * each);
    return item == MN_GGUF_BOOL ? check_bool(c, v) : 0;
}

int mn_gguf_take_value(mn_gguf_cursor *c, mn_gguf_value *out) {
    uint32_t kind = 0;
    mn_gguf_value v = {0};
    MN_TRY(mn_gguf_take_str(c, "a metadata key", KEY_LIMIT, &v.key));
    if (!v.key.n)
        return MN_FAIL(MN_ECORRUPT, "%s: a metadata entry near byte %zu has no name", c->name,
                       c->at);
    MN_TRY(mn_gguf_take_u32(c, "a metadata kind", &kind));
    MN_TRY(check_kind(c, v.key, kind));
    v.kind = (mn_gguf_kind)kind;
    MN_TRY(kind == MN_GGUF_ARRAY ? take_array(c, &v) : take_scalar(c, &v));
    *out = v;
    return 0;
}

void mn_gguf_value_drop(mn_gguf_value *v) {
    mn_free((void *)(uintptr_t)v->offset);
    v->offset = NULL;
}
