/* SPDX-License-Identifier: Apache-2.0
 * test/model/test_tokenizer_words.c - WordPiece against PyPI tokenizers, on every code point and on
 * random texts; and what is ours: special tokens in texts, stray bytes, endless words, decoding. */
#include "model/embed_golden.h"

#include "base/alloc.h"
#include "model/source.h"
#include "model/tokenizer.h"

typedef struct vocab {
    mn_buf image;
    mn_tokenizer *t;
} vocab;

static void vocab_open(vocab *v, const char *name) {
    char path[4096];
    mn_gguf *g;
    snprintf(path, sizeof path, "%s/test/model/data/%s", getenv("OMNESIA_SOURCE"), name);
    *v = (vocab){0};
    assert_ok(mn_source_open(path, &g));
    assert_ok(mn_tokenizer_build(g, &v->image));
    mn_gguf_close(&g);
    assert_ok(mn_tokenizer_open(v->image.data, v->image.len, &v->t));
    assert_ok(mn_tokenizer_verify(v->t));
}

static void vocab_close(vocab *v) {
    mn_tokenizer_close(&v->t);
    mn_buf_free(&v->image);
}

static const int32_t *encode(const vocab *v, const char *text, size_t n, mn_buf *ids) {
    mn_buf_clear(ids);
    assert_ok(mn_tokenizer_encode(v->t, text, n, MN_TOK_BEGIN, ids));
    return (const int32_t *)(const void *)ids->data;
}

/* "a", the code point, "b": whether it goes, divides, is a word, is a letter, and of which case. */
static void every_point(void **s) {
    (void)s;
    static const char *const models[] = {"tiny-bert/model.safetensors", "tiny-bert.gguf"};
    mn_buf want = {0}, text = {0}, ids = {0};
    data_read("tiny-bert.points", &want);
    for (size_t m = 0; m < 2; m++) {
        vocab v;
        vocab_open(&v, models[m]);
        for (uint32_t first = 0; first < 0x110000; first += 4096) {
            uint64_t h = 0xCBF29CE484222325u, right;
            for (uint32_t c = first; c < first + 4096; c++) {
                if (c >= 0xD800 && c < 0xE000) continue;
                mn_buf_clear(&text);
                put_point(&text, 'a'), put_point(&text, c), put_point(&text, 'b');
                const int32_t *id = encode(&v, text.data, text.len, &ids);
                h = fnv(id, ids.len / sizeof *id, h, 0x100000001B3u);
            }
            memcpy(&right, want.data + first / 4096 * sizeof right, sizeof right);
            if (h != right)
                fail_msg("%s: of U+%04X to U+%04X some differ", models[m], first, first + 4095);
        }
        vocab_close(&v);
    }
    mn_buf_free(&want), mn_buf_free(&text), mn_buf_free(&ids);
}

static void random_texts(void **s) {
    (void)s;
    mn_buf want = {0}, text = {0}, ids = {0};
    vocab v;
    vocab_open(&v, "tiny-bert/model.safetensors");
    data_read("tiny-bert.random", &want);
    assert_int_equal(want.len, 4 * 4000);
    for (uint32_t i = 0; i < 4000; i++) {
        uint32_t right;
        random_text(i, &text);
        const int32_t *id = encode(&v, text.len ? text.data : "", text.len, &ids);
        memcpy(&right, want.data + 4 * i, sizeof right);
        if (FNV32(id, ids.len / sizeof *id) != right) fail_msg("random text %u differs", i);
    }
    vocab_close(&v);
    mn_buf_free(&want), mn_buf_free(&text), mn_buf_free(&ids);
}

static void same(const vocab *v, const char *text, size_t n, const char *other) {
    mn_buf a = {0}, b = {0};
    encode(v, text, n, &a);
    encode(v, other, strlen(other), &b);
    if (a.len != b.len || memcmp(a.data, b.data, a.len))
        fail_msg("'%s' is not as '%s'", text, other);
    mn_buf_free(&a), mn_buf_free(&b);
}

static void ours(void **s) {
    (void)s;
    vocab v;
    mn_buf ids = {0}, text = {0};
    vocab_open(&v, "tiny-bert/model.safetensors");
    same(&v, "a\xFF\xC3z\x80", 5, "az"); /* stray bytes are no text */
    same(&v, "the\0cat", 7, "thecat");
    /* canonical order: the mark that stands first is the one that should */
    same(&v,
         "a\xF0\x9D\x85\xAD\xE3\x80\xAE"
         "b",
         9,
         "a\xE3\x80\xAE\xF0\x9D\x85\xAD"
         "b");
    /* "[SEP]" in a text is text, unless asked for */
    const int32_t *id = encode(&v, "[SEP]", 5, &ids);
    assert_int_equal(id[0], mn_tokenizer_begin(v.t));
    for (size_t i = 1; i + 1 < ids.len / 4; i++)
        assert_true(id[i] != mn_tokenizer_end(v.t) || i + 1 == ids.len / 4);
    mn_buf_clear(&ids);
    assert_ok(mn_tokenizer_encode(v.t, "[SEP]", 5, MN_TOK_SPECIAL, &ids));
    assert_int_equal(ids.len, 4);
    assert_int_equal(*(int32_t *)(void *)ids.data, mn_tokenizer_end(v.t));
    /* words come back apart, pieces together */
    encode(&v, "The cats, un-ing MAT", 20, &ids);
    assert_ok(
        mn_tokenizer_decode(v.t, (int32_t *)(void *)ids.data, ids.len / 4, MN_TOK_BEGIN, &text));
    assert_string_equal(text.data, "the cats , un - ing mat");
    /* a word without end is one unknown token, and costs no memory */
    mn_buf_clear(&text);
    for (int i = 0; i < 1 << 20; i++) assert_ok(mn_buf_append(&text, "x", 1));
    id = encode(&v, text.data, text.len, &ids);
    assert_int_equal(ids.len, 3 * 4);
    assert_string_equal(mn_tokenizer_text(v.t, id[1]).p[0] == '[' ? "unknown" : "known", "unknown");
    vocab_close(&v);
    mn_buf_free(&ids), mn_buf_free(&text);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_point),
                                       cmocka_unit_test(random_texts), cmocka_unit_test(ours)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
