/* SPDX-License-Identifier: Apache-2.0
 *
 * test/fuzz/fuzz_gguf.c - any bytes as a GGUF file: open, then do all that an open file allows.
 *
 * Walks every value, item and tensor, looks each up by name, and decodes the first and last row
 * of each tensor (of rows up to 65,536 weights). The corpus is written by make_corpus_gguf.py.
 */
#include "model/gguf.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static volatile uint64_t sink; /* keeps the reads */

/* A name as a C string, NULL when it holds a NUL or is too long to look up here. */
static const char *c_name(mn_str s, char out[512]) {
    if (s.n >= 512 || memchr(s.p, 0, s.n)) return NULL;
    memcpy(out, s.p, s.n);
    out[s.n] = 0;
    return out;
}

static void read_value(const mn_gguf *g, const mn_gguf_value *v) {
    char name[512];
    const char *key = c_name(v->key, name);
    if (key) {
        if (mn_gguf_find(g, key) != v) abort();
        sink += mn_gguf_u64(g, key, 1) + mn_gguf_str(g, key).n;
        sink += (mn_gguf_f64(g, key, 0) > 1) + mn_gguf_bool(g, key, 0);
    }
    for (uint64_t i = 0; i < v->count; i++) {
        const mn_str item = mn_gguf_item_str(v, i);
        for (size_t k = 0; k < item.n; k++) sink += (uint8_t)item.p[k];
        sink += (uint64_t)mn_gguf_item_i64(v, i, 0) + (mn_gguf_item_f64(v, i, 0) > 1);
    }
}

static void read_tensor(const mn_gguf *g, const mn_gguf_tensor *t) {
    char name[512];
    const char *key = c_name(t->name, name);
    if (key && mn_gguf_tensor_find(g, key) != t) abort();
    const mn_format *f = mn_format_find(t->type);
    if (!f || t->shape[0] > 65536) return;
    const uint64_t row = mn_format_row_bytes(f, t->shape[0]);
    float *out = malloc(t->shape[0] * sizeof *out);
    if (!out) return;
    f->decode(t->data, out, t->shape[0]);
    f->decode((const char *)t->data + t->bytes - row, out, t->shape[0]);
    free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    mn_gguf *g;
    if (mn_gguf_open_memory(data, size, "fuzz", &g) < 0) return 0;
    const mn_gguf_value *values;
    const mn_gguf_tensor *tensors;
    const size_t n_values = mn_gguf_values(g, &values), n_tensors = mn_gguf_tensors(g, &tensors);
    for (size_t i = 0; i < n_values; i++) read_value(g, &values[i]);
    for (size_t i = 0; i < n_tensors; i++) read_tensor(g, &tensors[i]);
    const void *header;
    size_t n;
    mn_gguf_header(g, &header, &n);
    for (size_t i = 0; i < n; i++) sink += ((const uint8_t *)header)[i];
    mn_gguf_close(&g);
    return 0;
}
