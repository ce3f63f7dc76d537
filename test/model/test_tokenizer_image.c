/* SPDX-License-Identifier: Apache-2.0
 * test/model/test_tokenizer_image.c - wrong vocabularies, wrong images, no memory; and the rules
 * about special tokens and ends, on vocabularies written here.
 */
#include "gguf_writer.h"
#include "tokenizer_data.h"

#include "base/alloc.h"
#include "base/budget.h"

#include <math.h>

enum { NORMAL = 1, UNKNOWN = 2, CONTROL = 3, USER = 4, UNUSED = 5, BYTE = 6 };

typedef struct made {
    gguf_writer w;
    mn_gguf *g;
    mn_buf image;
    mn_tokenizer *t;
} made;

static void made_free(made *m) {
    mn_tokenizer_close(&m->t);
    mn_buf_free(&m->image);
    mn_gguf_close(&m->g);
    gguf_writer_free(&m->w);
}

/* A vocabulary so far; more entries may be added to m->w before `finish`. */
static made begin(const char *model, const char *pre, const char *const *tokens,
                  const int32_t *types, size_t n, const char *const *merges, size_t n_merges) {
    made m = {0};
    gguf_str(&m.w, "general.architecture", "llama");
    if (model) gguf_str(&m.w, "tokenizer.ggml.model", model);
    if (pre) gguf_str(&m.w, "tokenizer.ggml.pre", pre);
    if (tokens) gguf_strs(&m.w, "tokenizer.ggml.tokens", tokens, n);
    if (types) gguf_array(&m.w, "tokenizer.ggml.token_type", MN_GGUF_I32, n, types, 4 * n);
    if (merges) gguf_strs(&m.w, "tokenizer.ggml.merges", merges, n_merges);
    return m;
}

static int finish(made *m) {
    gguf_finish(&m->w, 3);
    assert_ok(mn_gguf_open_memory(m->w.file.data, m->w.file.len, "made", &m->g));
    return mn_tokenizer_build(m->g, &m->image);
}

static void use(made *m) {
    assert_ok(finish(m));
    assert_ok(mn_tokenizer_open(m->image.data, m->image.len, &m->t));
    assert_ok(mn_tokenizer_verify(m->t));
}

/* Encode and compare with ids, ended by -1. */
static void gives(const made *m, const char *text, unsigned flags, const int32_t *want) {
    mn_buf ids = {0};
    assert_ok(mn_tokenizer_encode(m->t, text, strlen(text), flags, &ids));
    size_t n = 0;
    while (want[n] >= 0) n++;
    const int32_t *have = (const int32_t *)(const void *)ids.data;
    for (size_t i = 0; i < n || i < ids.len / 4; i++)
        if (i >= n || i >= ids.len / 4 || have[i] != want[i])
            fail_msg("\"%s\": id %zu of %zu is %d, should be %d of %zu", text, i, ids.len / 4,
                     i < ids.len / 4 ? have[i] : -1, i < n ? want[i] : -1, n);
    mn_buf_free(&ids);
}
#define IDS(...) ((const int32_t[]){__VA_ARGS__, -1})

static const char *const abc[] = {"a", "b", "c", "ab", "abc", "\xC4\xA0" /* a space */};
static const char *const abc_merges[] = {"a b", "ab c"};

static void merges(void **s) {
    (void)s;
    made m = begin("gpt2", "gpt-2", abc, NULL, 6, abc_merges, 2);
    use(&m);
    gives(&m, "abcab cab", 0, IDS(4, 3, 5, 2, 3));
    gives(&m, "xaxbx", 0, IDS(0, 1)); /* no token for x, and nothing merges across it */
    gives(&m, "", MN_TOK_BEGIN, IDS(-1));
    assert_int_equal(mn_tokenizer_begin(m.t), -1);
    assert_int_equal(mn_tokenizer_text(m.t, 5).p[0], ' ');
    made_free(&m);
}

static void refused(const char *model, const char *pre, const char *const *tokens,
                    const char *const *list, int code, const char *sentence) {
    made m = begin(model, pre, tokens, NULL, 6, list, 2);
    assert_fails(finish(&m), code, sentence);
    assert_int_equal(m.image.len, 0);
    made_free(&m);
}

static void wrong_vocabularies(void **s) {
    (void)s;
    static const char *const alone[] = {"a b", "abc"}, *const lost[] = {"a b", "a c"},
                             *const end[] = {"a b", "ab "};
    refused(NULL, NULL, abc, abc_merges, MN_EUNSUPPORTED, "no tokenizer");
    refused("rwkv", NULL, abc, abc_merges, MN_EUNSUPPORTED, "known are: gpt2");
    refused("gpt2", NULL, abc, abc_merges, MN_EUNSUPPORTED, "convert");
    refused("gpt2", "x", abc, abc_merges, MN_EUNSUPPORTED, "known are: gpt-2");
    refused("gpt2", "gpt-2", NULL, abc_merges, MN_ECORRUPT, "no tokenizer.ggml.tokens");
    refused("gpt2", "gpt-2", abc, NULL, MN_ECORRUPT, "no tokenizer.ggml.merges");
    refused("gpt2", "gpt-2", abc, alone, MN_ECORRUPT, "merge 1 (\"abc\")");
    refused("gpt2", "gpt-2", abc, lost, MN_ECORRUPT, "merge 1 (\"a c\")");
    refused("gpt2", "gpt-2", abc, end, MN_ECORRUPT, "merge 1 (\"ab \")");
    refused("llama", NULL, abc, NULL, MN_ECORRUPT, "no tokenizer.ggml.scores");

    made m = begin("gpt2", "gpt-2", abc, NULL, 6, abc_merges, 2);
    gguf_array(&m.w, "tokenizer.ggml.token_type", MN_GGUF_I32, 1, IDS(1), 4);
    assert_fails(finish(&m), MN_ECORRUPT, "1 entries for 6 tokens");
    made_free(&m);
    m = begin("gpt2", "gpt-2", NULL, NULL, 0, abc_merges, 2);
    gguf_array(&m.w, "tokenizer.ggml.tokens", MN_GGUF_I32, 1, IDS(1), 4);
    assert_fails(finish(&m), MN_ECORRUPT, "does not hold strings");
    made_free(&m);
    m = begin("gpt2", "gpt-2", NULL, NULL, 0, abc_merges, 2);
    gguf_str(&m.w, "tokenizer.ggml.tokens", "a");
    assert_fails(finish(&m), MN_ECORRUPT, "is not an array");
    made_free(&m);
    m = begin("gpt2", "gpt-2", NULL, NULL, 0, abc_merges, 2);
    gguf_array(&m.w, "tokenizer.ggml.tokens", MN_GGUF_STRING, 0, "", 0);
    assert_fails(finish(&m), MN_ECORRUPT, "0 entries");
    made_free(&m);
    m = begin("llama", NULL, abc, NULL, 6, NULL, 0);
    const float scores[6] = {0, 0, 0, NAN, 0, 0};
    gguf_array(&m.w, "tokenizer.ggml.scores", MN_GGUF_F32, 6, scores, sizeof scores);
    assert_fails(finish(&m), MN_ECORRUPT, "token 3 is no number");
    made_free(&m);
}

static void special_texts(void **s) {
    (void)s;
    /* Merges would make "bos", but that is special and must not come from text. */
    static const char *const tokens[] = {"b",     "o", "s", "bo", "bos", "</e>",
                                         "</e>x", "/", "e", "x",  "",    "bos"};
    static const int32_t types[] = {1, 1, 1, 1, CONTROL, USER, CONTROL, 1, 1, 1, 1, 1};
    static const char *const list[] = {"b o", "bo s"};
    made m = begin("gpt2", "gpt-2", tokens, types, 12, list, 2);
    gguf_u32(&m.w, "tokenizer.ggml.bos_token_id", 4);
    gguf_u32(&m.w, "tokenizer.ggml.eos_token_id", 6);
    gguf_bool(&m.w, "tokenizer.ggml.add_bos_token", 1);
    gguf_bool(&m.w, "tokenizer.ggml.add_eos_token", 1);
    use(&m);
    gives(&m, "boss", 0, IDS(3, 2, 2));
    gives(&m, "bos", MN_TOK_SPECIAL, IDS(4));
    gives(&m, "sboss", MN_TOK_SPECIAL | MN_TOK_BEGIN, IDS(4, 2, 4, 2, 6));
    gives(&m, "</e></e>x", 0, IDS(5, 5, 9)); /* the longer one is special: not asked for */
    gives(&m, "</e></e>x", MN_TOK_SPECIAL, IDS(5, 6));
    gives(&m, "/e</e", MN_TOK_SPECIAL, IDS(7, 8, 7, 8)); /* not whole; no token for < */
    assert_true(mn_tokenizer_is_end(m.t, 6) && !mn_tokenizer_is_end(m.t, 4));
    assert_int_equal(mn_tokenizer_special(m.t, "</e>"), 5);
    assert_int_equal(mn_tokenizer_special(m.t, "s"), -1);
    made_free(&m);
}

static void ends(void **s) {
    (void)s;
    static const char *const tokens[] = {
        "<|im_end|>",  "<|endoftext|>", "<|fim_pad|>", "<|fim_prefix|>",   "a",
        "<|return|>",  "<|call|>",      "<|end|>",     "<|tool_response>", "</s>",
        "<|message|>", "[END]"};
    static const int32_t types[] = {1, CONTROL, 1, 1, 1, 1, 1, 1, USER, CONTROL, CONTROL, 1};
    made m = begin("gpt2", "gpt-2", tokens, types, 12, abc_merges, 0);
    gguf_u32(&m.w, "tokenizer.ggml.eot_token_id", 11);
    gguf_u32(&m.w, "tokenizer.ggml.eos_token_id", 99); /* outside: as if it were not there */
    use(&m);
    static const char end[] = "111001101001", special[] = "111101101000";
    for (int32_t id = 0; id < 12; id++) {
        const int e = mn_tokenizer_is_end(m.t, id) != 0, p = mn_tokenizer_is_special(m.t, id) != 0;
        if (e != end[id] - '0') fail_msg("%s: end %d", tokens[id], e);
        if (p != special[id] - '0') fail_msg("%s: special %d", tokens[id], p);
    }
    made_free(&m);
}

/* SentencePiece: scores, the prefix, bytes, unknown ones, spaces inside tokens. */
#define SP "\xE2\x96\x81"
static void sentencepiece(void **s) {
    (void)s;
    static const char *const tokens[] = {"<unk>", "<s>",  "</s>",     SP,    "a",      "b",
                                         "ab",    SP "a", SP "a" SP,  "ba",  "<0x41>", "x" SP "y",
                                         "x",     "y",    "<|user|>", SP SP, "bab"};
    static const int32_t types[] = {UNKNOWN, CONTROL, CONTROL, 1, 1, 1,       1, 1, 1,
                                    1,       BYTE,    1,       1, 1, CONTROL, 1, 1};
    static const float scores[] = {0, 0, 0, -9, -8, -8, -2, -3, -1, -4, 0, -5, -8, -8, 0, -6, -2};
    for (int prefix = 0; prefix < 2; prefix++) {
        made m = begin("llama", NULL, tokens, types, 17, NULL, 0);
        gguf_array(&m.w, "tokenizer.ggml.scores", MN_GGUF_F32, 17, scores, sizeof scores);
        gguf_bool(&m.w, "tokenizer.ggml.add_space_prefix", (uint8_t)prefix);
        gguf_str(&m.w, "general.name", prefix ? "Phi-3 mini" : "other");
        use(&m);
        if (prefix) {
            gives(&m, "a", 0, IDS(7));
            gives(&m, "a", MN_TOK_BEGIN, IDS(1, 7));
            gives(&m, "", 0, IDS(-1));
            gives(&m, "<|user|>\n a<s> a", MN_TOK_SPECIAL, IDS(14, 7, 1, 3, 7));
        } else {
            gives(&m, "ab", 0, IDS(6));
            gives(&m, "bab", 0, IDS(16));             /* ab first, and b + ab is a token too */
            gives(&m, "a a b", 0, IDS(4, 8, 5));      /* a space inside a token */
            gives(&m, "x y", 0, IDS(12, 3, 13));      /* no two parts of 11 are tokens */
            gives(&m, "A\xC3\xA9", 0, IDS(10, 0, 0)); /* a byte token, then unknown ones */
            gives(&m, "a" SP "b", 0, IDS(4, 3, 5));
            gives(&m, "<s></s><unk>", MN_TOK_SPECIAL, IDS(1, 2, 0));
        }
        made_free(&m);
    }
}

static void no_memory(void **s) {
    (void)s;
    made m = begin("gpt2", "gpt-2", abc, NULL, 6, abc_merges, 2);
    gguf_finish(&m.w, 3);
    assert_ok(mn_gguf_open_memory(m.w.file.data, m.w.file.len, "made", &m.g));
    int rc = MN_ENOMEM;
    for (long n = 1; rc == MN_ENOMEM; n++) {
        assert_true(n < 100);
        mn_buf_free(&m.image);
        mn_alloc_fail_after(n);
        rc = mn_tokenizer_build(m.g, &m.image);
        mn_alloc_fail_after(0);
        if (rc) assert_int_equal(m.image.len, 0);
    }
    assert_ok(rc);
    mn_alloc_fail_after(1);
    assert_int_equal(mn_tokenizer_open(m.image.data, m.image.len, &m.t), MN_ENOMEM);
    assert_null(m.t);
    mn_alloc_fail_after(0);
    assert_ok(mn_tokenizer_open(m.image.data, m.image.len, &m.t));
    char text[200]; /* one long piece: the heap's block, then room for ids */
    memset(text, 'a', sizeof text);
    mn_buf ids = {0};
    rc = MN_ENOMEM;
    for (long n = 1; rc == MN_ENOMEM; n++) {
        assert_true(n < 100);
        mn_buf_free(&ids);
        mn_alloc_fail_after(n);
        rc = mn_tokenizer_encode(m.t, text, sizeof text, 0, &ids);
        mn_alloc_fail_after(0);
        if (rc) assert_int_equal(ids.len, 0);
    }
    assert_ok(rc);
    assert_int_equal(ids.len, 4 * sizeof text);
    mn_buf_free(&ids);
    made_free(&m);
}

/* The tables of a word of megabytes are booked, and refused in one sentence. */
static void budget(void **s) {
    (void)s;
    made m = begin("gpt2", "gpt-2", abc, NULL, 6, abc_merges, 2);
    use(&m);
    enum { N = 100000 };
    char *text = mn_malloc(N);
    assert_non_null(text);
    memset(text, 'b', N);
    mn_buf ids = {0};
    mn_budget_set(N);
    assert_fails(mn_tokenizer_encode(m.t, text, N, 0, &ids), MN_EFULL,
                 "a word without end needs 5.2 MB");
    assert_int_equal(ids.len, 0);
    mn_budget_set(0);
    assert_ok(mn_tokenizer_encode(m.t, text, N, 0, &ids));
    assert_int_equal(ids.len, 4 * N);
    assert_int_equal(mn_budget_used(), 0);
    mn_buf_free(&ids);
    mn_free(text);
    made_free(&m);
}

static void cut_images(void **s) {
    (void)s;
    made m = begin("gpt2", "gpt-2", abc, NULL, 6, abc_merges, 2);
    use(&m);
    mn_tokenizer *t;
    for (size_t n = 0; n < m.image.len; n++)
        assert_int_equal(mn_tokenizer_open(m.image.data, n, &t), MN_ECORRUPT);
    assert_fails(mn_tokenizer_open(m.image.data + 4, m.image.len - 4, &t), MN_EINVAL, "multiple");
    made_free(&m);
}

/* Flip every bit of the image, one at a time: the header is refused, and damage elsewhere is found
 * by verify and never leads outside the image (the sanitizers watch). */
static void damaged_images(void **s) {
    (void)s;
    static const char text[] = "abcab cab <|im_end|> xyz\n\n \xF0\x9F\x98\x80 <tag>";
    for (int set = 0; set < 2; set++) {
        vocab v;
        vocab_open(&v, set ? "llama" : "gpt-2");
        size_t header = 0;
        while (header < v.image.len) { /* the first byte that open does not mind */
            mn_tokenizer *t;
            v.image.data[header] ^= 1;
            const int rc = mn_tokenizer_open(v.image.data, v.image.len, &t);
            v.image.data[header] ^= 1;
            mn_tokenizer_close(&t);
            if (rc == 0) break;
            header++;
        }
        assert_in_range(header, 200, 400);
        for (size_t i = header; i < v.image.len; i += 1 + i % 3) {
            const char old = v.image.data[i];
            v.image.data[i] = (char)(i % 5 ? old ^ (1 << i % 8) : 0xFF);
            mn_buf ids = {0}, back = {0};
            if (v.image.data[i] != old) assert_int_equal(mn_tokenizer_verify(v.t), MN_ECORRUPT);
            mn_tokenizer_encode(v.t, text, sizeof text, MN_TOK_SPECIAL | MN_TOK_BEGIN, &ids);
            mn_tokenizer_decode(v.t, (const int32_t *)(const void *)ids.data, ids.len / 4, 0,
                                &back);
            mn_tokenizer_special(v.t, "</s>");
            mn_buf_free(&ids);
            mn_buf_free(&back);
            v.image.data[i] = old;
        }
        assert_ok(mn_tokenizer_verify(v.t));
        vocab_close(&v);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(merges),        cmocka_unit_test(wrong_vocabularies),
        cmocka_unit_test(special_texts), cmocka_unit_test(ends),
        cmocka_unit_test(sentencepiece), cmocka_unit_test(no_memory),
        cmocka_unit_test(budget),        cmocka_unit_test(cut_images),
        cmocka_unit_test(damaged_images)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
