/* SPDX-License-Identifier: Apache-2.0
 *
 * test/model/gguf_writer.h - GGUF files made in memory, right ones and wrong ones.
 *
 * Zero-initialise, add entries and tensors in any order, finish, use w.file, free:
 *     gguf_writer w = {0};
 *     gguf_str(&w, "general.architecture", "llama");
 *     gguf_tensor(&w, "token_embd.weight", MN_F32, (uint64_t[]){64, 8}, 2, values);
 *     gguf_finish(&w, 3);                              // w.file.data, w.file.len
 *     gguf_writer_free(&w);
 * Nothing is checked, so that tests can write nonsense: gguf_entry and gguf_info are the raw
 * forms, and every part may be appended to or patched before gguf_finish joins them.
 */
#ifndef MN_TEST_GGUF_WRITER_H
#define MN_TEST_GGUF_WRITER_H
#include "test.h"

#include "base/buf.h"
#include "model/gguf.h"

typedef struct gguf_writer {
    mn_buf entries, infos, data, file;
    uint64_t n_entries, n_infos;
    uint64_t align; /* 0: 32 */
} gguf_writer;

static inline void gguf_bytes(mn_buf *b, const void *p, size_t n) {
    assert_ok(mn_buf_append(b, p, n));
}

static inline void gguf_put32(mn_buf *b, uint32_t x) {
    gguf_bytes(b, &x, sizeof x);
}

static inline void gguf_put64(mn_buf *b, uint64_t x) {
    gguf_bytes(b, &x, sizeof x);
}

static inline void gguf_text(mn_buf *b, const char *text) {
    gguf_put64(b, strlen(text));
    gguf_bytes(b, text, strlen(text));
}

/* An entry's head; its value is appended to w->entries by the caller. */
static inline void gguf_entry(gguf_writer *w, const char *key, uint32_t kind) {
    gguf_text(&w->entries, key);
    gguf_put32(&w->entries, kind);
    w->n_entries++;
}

static inline void gguf_u32(gguf_writer *w, const char *key, uint32_t x) {
    gguf_entry(w, key, MN_GGUF_U32);
    gguf_put32(&w->entries, x);
}

static inline void gguf_u64(gguf_writer *w, const char *key, uint64_t x) {
    gguf_entry(w, key, MN_GGUF_U64);
    gguf_put64(&w->entries, x);
}

static inline void gguf_f32(gguf_writer *w, const char *key, float x) {
    gguf_entry(w, key, MN_GGUF_F32);
    gguf_bytes(&w->entries, &x, sizeof x);
}

static inline void gguf_bool(gguf_writer *w, const char *key, uint8_t x) {
    gguf_entry(w, key, MN_GGUF_BOOL);
    gguf_bytes(&w->entries, &x, 1);
}

static inline void gguf_str(gguf_writer *w, const char *key, const char *text) {
    gguf_entry(w, key, MN_GGUF_STRING);
    gguf_text(&w->entries, text);
}

/* An array of numbers: `bytes` of items in the file's own form. */
static inline void gguf_array(gguf_writer *w, const char *key, uint32_t item, uint64_t count,
                              const void *items, size_t bytes) {
    gguf_entry(w, key, MN_GGUF_ARRAY);
    gguf_put32(&w->entries, item);
    gguf_put64(&w->entries, count);
    gguf_bytes(&w->entries, items, bytes);
}

static inline void gguf_strs(gguf_writer *w, const char *key, const char *const *text, size_t n) {
    gguf_array(w, key, MN_GGUF_STRING, n, "", 0);
    for (size_t i = 0; i < n; i++) gguf_text(&w->entries, text[i]);
}

/* A tensor's directory row only. */
static inline void gguf_info(gguf_writer *w, const char *name, uint32_t type, const uint64_t *shape,
                             uint32_t dims, uint64_t offset) {
    gguf_text(&w->infos, name);
    gguf_put32(&w->infos, dims);
    for (uint32_t i = 0; i < dims; i++) gguf_put64(&w->infos, shape[i]);
    gguf_put32(&w->infos, type);
    gguf_put64(&w->infos, offset);
    w->n_infos++;
}

static inline void gguf_pad(mn_buf *b, uint64_t align) {
    while (b->len % (align ? align : 32)) gguf_bytes(b, "", 1);
}

/* A tensor and its bytes (NULL: zeros), of a format that mn_format_find knows. */
static inline void gguf_tensor(gguf_writer *w, const char *name, uint32_t type,
                               const uint64_t *shape, uint32_t dims, const void *values) {
    gguf_pad(&w->data, w->align);
    gguf_info(w, name, type, shape, dims, w->data.len);
    uint64_t rows = 1;
    for (uint32_t i = 1; i < dims; i++) rows *= shape[i];
    const size_t bytes = (size_t)(rows * mn_format_row_bytes(mn_format_find(type), shape[0]));
    for (size_t i = 0; !values && i < bytes; i++) gguf_bytes(&w->data, "", 1);
    if (values) gguf_bytes(&w->data, values, bytes);
}

static inline void gguf_finish(gguf_writer *w, uint32_t version) {
    mn_buf_clear(&w->file);
    gguf_bytes(&w->file, "GGUF", 4);
    gguf_put32(&w->file, version);
    gguf_put64(&w->file, w->n_infos);
    gguf_put64(&w->file, w->n_entries);
    gguf_bytes(&w->file, w->entries.data ? w->entries.data : "", w->entries.len);
    gguf_bytes(&w->file, w->infos.data ? w->infos.data : "", w->infos.len);
    if (!w->data.len) return;
    gguf_pad(&w->file, w->align);
    gguf_bytes(&w->file, w->data.data, w->data.len);
}

static inline void gguf_writer_free(gguf_writer *w) {
    mn_buf_free(&w->entries);
    mn_buf_free(&w->infos);
    mn_buf_free(&w->data);
    mn_buf_free(&w->file);
}

#endif
