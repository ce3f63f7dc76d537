/* SPDX-License-Identifier: Apache-2.0
 *
 * model/gguf_get.c - typed access to metadata: numbers that convert, items of arrays.
 *
 * Any integer or truth value converts to another integer type when its value fits, and to a
 * double; floats convert to doubles only.
 */
#include "model/gguf_read.h"

#include <string.h>

static int is_unsigned(mn_gguf_kind kind) {
    return kind == MN_GGUF_U8 || kind == MN_GGUF_U16 || kind == MN_GGUF_U32 ||
           kind == MN_GGUF_U64 || kind == MN_GGUF_BOOL;
}

static int is_signed(mn_gguf_kind kind) {
    return kind == MN_GGUF_I8 || kind == MN_GGUF_I16 || kind == MN_GGUF_I32 || kind == MN_GGUF_I64;
}

static int is_float(mn_gguf_kind kind) {
    return kind == MN_GGUF_F32 || kind == MN_GGUF_F64;
}

static double to_f64(mn_gguf_kind kind, mn_gguf_number n, double fallback) {
    return is_float(kind)      ? n.f
           : is_unsigned(kind) ? (double)n.u
           : is_signed(kind)   ? (double)n.i
                               : fallback;
}

static int64_t to_i64(mn_gguf_kind kind, mn_gguf_number n, int64_t fallback) {
    if (is_signed(kind)) return n.i;
    return is_unsigned(kind) && n.u <= INT64_MAX ? (int64_t)n.u : fallback;
}

/* A scalar's number; unsigned, signed and float share the union's bits. */
static mn_gguf_number number_of(const mn_gguf_value *v) {
    return (mn_gguf_number){.u = v->u};
}

uint64_t mn_gguf_u64(const mn_gguf *g, const char *key, uint64_t fallback) {
    const mn_gguf_value *v = mn_gguf_find(g, key);
    if (v && is_unsigned(v->kind)) return v->u;
    return v && is_signed(v->kind) && v->i >= 0 ? (uint64_t)v->i : fallback;
}

double mn_gguf_f64(const mn_gguf *g, const char *key, double fallback) {
    const mn_gguf_value *v = mn_gguf_find(g, key);
    return v ? to_f64(v->kind, number_of(v), fallback) : fallback;
}

int mn_gguf_bool(const mn_gguf *g, const char *key, int fallback) {
    const mn_gguf_value *v = mn_gguf_find(g, key);
    return v && (is_unsigned(v->kind) || is_signed(v->kind)) ? v->u != 0 : fallback;
}

mn_str mn_gguf_str(const mn_gguf *g, const char *key) {
    const mn_gguf_value *v = mn_gguf_find(g, key);
    return v && v->kind == MN_GGUF_STRING ? v->s : (mn_str){NULL, 0};
}

mn_str mn_gguf_item_str(const mn_gguf_value *v, uint64_t i) {
    if (!v || v->kind != MN_GGUF_ARRAY || v->item != MN_GGUF_STRING || i >= v->count)
        return (mn_str){NULL, 0};
    const uint8_t *p = v->data + v->offset[i / MN_GGUF_STRIDE];
    uint64_t n;
    for (uint64_t step = i % MN_GGUF_STRIDE;; step--, p += n) {
        memcpy(&n, p, sizeof n);
        p += sizeof n;
        if (!step) return (mn_str){(const char *)p, (size_t)n};
    }
}

/* Item i of an array of numbers; 0: there is none. */
static int item_number(const mn_gguf_value *v, uint64_t i, mn_gguf_number *out) {
    if (!v || v->kind != MN_GGUF_ARRAY || v->item == MN_GGUF_STRING || i >= v->count) return 0;
    *out = mn_gguf_number_at(v->item, v->data + i * mn_gguf_kind_bytes(v->item));
    return 1;
}

double mn_gguf_item_f64(const mn_gguf_value *v, uint64_t i, double fallback) {
    mn_gguf_number n;
    return item_number(v, i, &n) ? to_f64(v->item, n, fallback) : fallback;
}

int64_t mn_gguf_item_i64(const mn_gguf_value *v, uint64_t i, int64_t fallback) {
    mn_gguf_number n;
    return item_number(v, i, &n) ? to_i64(v->item, n, fallback) : fallback;
}
