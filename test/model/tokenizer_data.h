/* SPDX-License-Identifier: Apache-2.0
 *
 * test/model/tokenizer_data.h - vocabularies, the corpus and golden ids of test/model/data.
 */
#ifndef MN_TEST_TOKENIZER_DATA_H
#define MN_TEST_TOKENIZER_DATA_H
#include "test.h"

#include "base/file.h"
#include "model/tokenizer.h"

static inline char *data_path(const char *format, const char *name, char out[512]) {
    const char *root = getenv("OMNESIA_SOURCE");
    char file[128];
    snprintf(file, sizeof file, format, name);
    snprintf(out, 512, "%s/test/model/data/%s", root ? root : ".", file);
    return out;
}

typedef struct vocab {
    mn_gguf *g;
    mn_buf image;
    mn_tokenizer *t;
    int spm, marks, prefix; /* SentencePiece; U+2581 is a space; text gets a space in front */
} vocab;

static inline void vocab_open_file(vocab *v, const char *path) {
    *v = (vocab){0};
    assert_ok(mn_gguf_open(path, &v->g));
    assert_ok(mn_tokenizer_build(v->g, &v->image));
    assert_ok(mn_tokenizer_open(v->image.data, v->image.len, &v->t));
    const mn_str model = mn_gguf_str(v->g, "tokenizer.ggml.model");
    v->spm = model.n == 5 && !memcmp(model.p, "llama", 5);
    v->marks = model.n != 4;
    v->prefix = v->spm && mn_gguf_bool(v->g, "tokenizer.ggml.add_space_prefix", 1);
}

static inline void vocab_open(vocab *v, const char *name) {
    char path[512];
    vocab_open_file(v, data_path("tokenizer_%s.gguf", name, path));
}

static inline void vocab_close(vocab *v) {
    mn_tokenizer_close(&v->t);
    mn_buf_free(&v->image);
    mn_gguf_close(&v->g);
}

static inline int hex_digit(char c) {
    return c <= '9' ? c - '0' : c - 'A' + 10;
}

/* Undo the escapes of one corpus line, in place; returns the bytes. */
static inline size_t unescape(char *p, size_t n) {
    size_t k = 0;
    for (size_t i = 0; i < n; i++) {
        if (p[i] != '\\') {
            p[k++] = p[i];
            continue;
        }
        const char c = p[++i];
        const int byte = c == 'n'   ? '\n'
                         : c == 'r' ? '\r'
                         : c == 't' ? '\t'
                         : c == 'x' ? hex_digit(p[i + 1]) << 4 | hex_digit(p[i + 2])
                                    : c;
        p[k++] = (char)byte;
        if (c == 'x') i += 2;
    }
    return k;
}

/* Every line of the corpus gives the ids of its line in tokenizer_NAME.ids; there are `lines`. */
static inline void golden_check(const mn_tokenizer *t, const char *name, int lines) {
    char path[512];
    mn_buf corpus = {0}, golden = {0}, ids = {0};
    assert_ok(mn_file_read(data_path("tokenizer_%s.txt", "corpus", path), 1 << 20, &corpus));
    assert_ok(mn_file_read(data_path("tokenizer_%s.ids", name, path), 1 << 20, &golden));
    char *g = golden.data;
    int seen = 0;
    for (char *p = corpus.data; *p;) {
        char *end = strchr(p, '\n');
        assert_non_null(end);
        if (p[0] == '#' && p[1] == ':') {
            p = end + 1;
            continue;
        }
        const size_t n = unescape(p, (size_t)(end - p));
        mn_buf_clear(&ids);
        assert_ok(mn_tokenizer_encode(t, p, n, 0, &ids));
        for (size_t i = 0; i < ids.len / 4; i++) {
            const long want = *g == '\n' ? -1 : strtol(g, &g, 10);
            const int32_t have = ((const int32_t *)(const void *)ids.data)[i];
            if (want != have)
                fail_msg("%s: text %d (%.*s), id %zu: %d, should be %ld", name, seen + 1,
                         (int)(n < 60 ? n : 60), p, i, have, want);
        }
        if (*g++ != '\n') fail_msg("%s: text %d gives too few ids", name, seen + 1);
        seen++;
        p = end + 1;
    }
    assert_int_equal(seen, lines);
    assert_int_equal(*g, 0);
    mn_buf_free(&corpus);
    mn_buf_free(&golden);
    mn_buf_free(&ids);
}

#endif
