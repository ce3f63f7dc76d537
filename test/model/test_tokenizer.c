/* SPDX-License-Identifier: Apache-2.0
 * test/model/test_tokenizer.c - every row of the registry on a small vocabulary of its own.
 *
 * The vocabularies and the ids of the corpus come from the field's own libraries
 * (make_tokenizer_golden.py); what is checked here: the same ids, text that comes back, special
 * tokens only when asked for, and work that grows with n log n.
 */
#include "tokenizer_data.h"

#include "base/alloc.h"
#include "model/tokenizer_rows.h"

#include <time.h>

/* Small vocabularies; every row is named at least once (checked below). */
static const struct {
    const char *name, *row;
} sets[] = {{"gpt-2", "gpt-2"},
            {"smollm", "smollm"},
            {"starcoder", "starcoder"},
            {"llama-bpe", "llama-bpe"},
            {"qwen2", "qwen2"},
            {"deepseek-llm", "deepseek-llm"},
            {"deepseek-coder", "deepseek-coder"},
            {"gemma4", "gemma4"},
            {"llama", "sentencepiece"},
            {"gemma", "sentencepiece"}};
enum { SETS = sizeof sets / sizeof *sets };

static uint64_t state = 88172645463325252ull;
static uint32_t below(uint32_t n) { /* xorshift */
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state >> 20) % n;
}

static void every_row_has_a_vocabulary(void **s) {
    (void)s;
    for (size_t r = 0; r < mn_tokenizer_rows_n; r++) {
        int found = 0;
        if (mn_tokenizer_rows[r].kind == MN_TOKENIZER_WORDS) continue; /* test_tokenizer_words.c */
        for (int i = 0; i < SETS; i++) found |= !strcmp(sets[i].row, mn_tokenizer_rows[r].name);
        if (!found) fail_msg("row %s has no vocabulary here", mn_tokenizer_rows[r].name);
    }
}

static void same_ids_as_the_field(void **s) {
    (void)s;
    for (int i = 0; i < SETS; i++) {
        vocab v;
        vocab_open(&v, sets[i].name);
        assert_ok(mn_tokenizer_verify(v.t));
        golden_check(v.t, sets[i].name, 110);
        vocab_close(&v);
    }
}

static void returns(const mn_tokenizer *t, const char *name, const char *text, size_t n) {
    mn_buf ids = {0}, back = {0};
    assert_ok(mn_tokenizer_encode(t, text, n, MN_TOK_BEGIN, &ids));
    for (size_t i = 0; i < ids.len / 4; i++) {
        const int32_t id = ((const int32_t *)(const void *)ids.data)[i];
        const int added = id == mn_tokenizer_begin(t) && i == 0;
        if (mn_tokenizer_is_special(t, id) && !added)
            fail_msg("%s: text became special token %d", name, id);
    }
    assert_ok(mn_tokenizer_decode(t, (const int32_t *)(const void *)ids.data, ids.len / 4,
                                  MN_TOK_BEGIN, &back));
    if (back.len != n || (n && memcmp(back.data, text, n))) {
        fprintf(stderr, "in: ");
        for (size_t i = 0; i < n && i < 64; i++) fprintf(stderr, "%02X ", (uint8_t)text[i]);
        fprintf(stderr, "\nout:");
        for (size_t i = 0; i < back.len && i < 64; i++)
            fprintf(stderr, " %02X", (uint8_t)back.data[i]);
        fail_msg("%s: %zu bytes came back as %zu others", name, n, back.len);
    }
    mn_buf_free(&ids);
    mn_buf_free(&back);
}

/* 10,000 random byte strings per vocabulary: a third any bytes, a third ASCII, a third mixtures of
 * special texts, spaces and broken characters. */
static void any_bytes_come_back(void **s) {
    (void)s;
    static const char *const parts[] = {"<|im_end|>", "<|begin|>", "<unk>",    "<tag>",
                                        "<0x41>",     " ",         "  ",       "\n",
                                        "\n\n",       "\r\n",      "\xE4\xB8", "\xF0\x9F\x98\x80",
                                        "\xFF",       "a",         "the",      "'s",
                                        "12",         "\xE2\x96",  "\xE2",     "s>"};
    for (int i = 0; i < SETS; i++) {
        vocab v;
        vocab_open(&v, sets[i].name);
        for (int round = 0; round < 10000; round++) {
            char text[512];
            size_t n = 0;
            for (uint32_t k = below(40); k; k--) {
                const char *part = parts[below(sizeof parts / sizeof *parts)];
                if (round % 3 < 2)
                    text[n++] = (char)below(round % 3 ? 128 : 256);
                else
                    memcpy(text + n, part, strlen(part)), n += strlen(part);
            }
            /* U+2581 is a space to vocabularies that keep spaces: it comes back as one. */
            if (v.marks && memmem(text, n, "\xE2\x96\x81", 3)) continue;
            returns(v.t, sets[i].name, text, n);
        }
        vocab_close(&v);
    }
}

static void special_only_when_asked(void **s) {
    (void)s;
    for (int i = 0; i < SETS; i++) {
        vocab v;
        vocab_open(&v, sets[i].name);
        const char *end = v.spm ? "</s>" : "<|im_end|>";
        const int32_t id = mn_tokenizer_special(v.t, end);
        assert_true(id >= 0 && mn_tokenizer_is_special(v.t, id) && mn_tokenizer_is_end(v.t, id));
        assert_int_equal(mn_tokenizer_text(v.t, id).n, strlen(end));
        mn_buf ids = {0}, text = {0};
        assert_ok(mn_tokenizer_encode(v.t, end, strlen(end), 0, &ids));
        assert_true(ids.len > 4);
        mn_buf_clear(&ids);
        assert_ok(mn_tokenizer_encode(v.t, end, strlen(end), MN_TOK_SPECIAL, &ids));
        assert_int_equal(ids.len, 4);
        assert_memory_equal(ids.data, &id, 4);
        assert_ok(mn_tokenizer_decode(v.t, &id, 1, 0, &text));
        assert_int_equal(text.len, 0);
        assert_ok(mn_tokenizer_decode(v.t, &id, 1, MN_TOK_SPECIAL, &text));
        assert_string_equal(text.data, end);
        /* User-defined tokens stand for themselves in any text. */
        mn_buf_clear(&ids);
        assert_ok(mn_tokenizer_encode(v.t, "<tag>", 5, 0, &ids));
        const int32_t tag = mn_tokenizer_special(v.t, "<tag>");
        assert_int_equal(ids.len, 4);
        assert_memory_equal(ids.data, &tag, 4);
        assert_false(mn_tokenizer_is_special(v.t, tag));
        mn_buf_free(&ids);
        mn_buf_free(&text);
        vocab_close(&v);
    }
}

static void begin_and_end(void **s) {
    (void)s;
    vocab v;
    mn_buf ids = {0};
    vocab_open(&v, "llama");
    assert_ok(mn_tokenizer_encode(v.t, "", 0, MN_TOK_BEGIN, &ids));
    assert_int_equal(ids.len, 4);
    assert_int_equal(*(int32_t *)(void *)ids.data, mn_tokenizer_begin(v.t));
    mn_buf_clear(&ids);
    assert_ok(mn_tokenizer_encode(v.t, "", 0, 0, &ids));
    assert_int_equal(ids.len, 0);
    const int32_t size = mn_tokenizer_size(v.t);
    assert_false(mn_tokenizer_is_end(v.t, -1) || mn_tokenizer_is_special(v.t, size));
    assert_null(mn_tokenizer_text(v.t, size).p);
    assert_null(mn_tokenizer_text(v.t, -1).p);
    assert_int_equal(mn_tokenizer_special(v.t, "no such token"), -1);
    assert_int_equal(mn_tokenizer_special(v.t, ""), -1);
    mn_buf text = {0};
    assert_fails(mn_tokenizer_decode(v.t, &size, 1, 0, &text), MN_EINVAL, "outside the vocabulary");
    mn_buf_free(&ids);
    mn_buf_free(&text);
    vocab_close(&v);
}

/* A word that streams out id by id gives the bytes of the whole. */
static void streaming(void **s) {
    (void)s;
    for (int i = 0; i < SETS; i++) {
        vocab v;
        vocab_open(&v, sets[i].name);
        mn_buf ids = {0}, whole = {0}, parts = {0};
        const char *text = "Hello \xF0\x9F\x98\x80 world, again";
        assert_ok(mn_tokenizer_encode(v.t, text, strlen(text), 0, &ids));
        const int32_t *id = (const int32_t *)(const void *)ids.data;
        assert_ok(mn_tokenizer_decode(v.t, id, ids.len / 4, 0, &whole));
        for (size_t k = 0; k < ids.len / 4; k++)
            assert_ok(mn_tokenizer_decode(v.t, id + k, 1, 0, &parts));
        assert_string_equal(whole.data, parts.data);
        mn_buf_free(&ids);
        mn_buf_free(&whole);
        mn_buf_free(&parts);
        vocab_close(&v);
    }
}

static double seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* A megabyte of one letter, of spaces, a quarter of random letters: seconds at worst, and hours if
 * merging were quadratic. The bound is generous: sanitizers and busy machines pass it. */
static void long_words(void **s) {
    (void)s;
    enum { N = 1 << 20 };
    char *text = mn_malloc(N);
    assert_non_null(text);
    for (int i = 0; i < SETS; i++) {
        vocab v;
        vocab_open(&v, sets[i].name);
        for (int kind = 0; kind < 3; kind++) {
            for (size_t k = 0; k < N; k++)
                text[k] = kind == 0 ? 'a' : kind == 1 ? ' ' : (char)('a' + below(26));
            const double start = seconds();
            returns(v.t, sets[i].name, text, kind == 2 ? N / 4 : N);
            if (seconds() - start > 30) fail_msg("%s: %.0f s", sets[i].name, seconds() - start);
        }
        vocab_close(&v);
    }
    mn_free(text);
}

/* Long and short pieces take different roads (scan, heap, remembered words): the same text alone
 * and inside a long text gives the same ids. */
static void roads_agree(void **s) {
    (void)s;
    for (int i = 0; i < SETS; i++) {
        vocab v;
        vocab_open(&v, sets[i].name);
        mn_buf text = {0}, once = {0}, whole = {0};
        for (int k = 0; k < 47; k++) assert_ok(mn_buf_puts(&text, "abracadabra"));
        assert_ok(mn_buf_puts(&text, "\n"));
        assert_ok(mn_buf_puts(&text, "The word, the words and the world's end.\n"));
        const size_t n = text.len;
        assert_ok(mn_tokenizer_encode(v.t, text.data, n, 0, &once));
        for (int k = 0; k < 200; k++) {
            assert_ok(mn_buf_reserve(&text, n));
            assert_ok(mn_buf_append(&text, text.data, n));
        }
        assert_ok(mn_tokenizer_encode(v.t, text.data, text.len, 0, &whole));
        if (!v.prefix) { /* with a prefix the first word differs */
            assert_int_equal(whole.len, once.len * (text.len / n));
            for (size_t at = 0; at < whole.len; at += once.len)
                assert_memory_equal(whole.data + at, once.data, once.len);
        }
        mn_buf_free(&text);
        mn_buf_free(&once);
        mn_buf_free(&whole);
        vocab_close(&v);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_row_has_a_vocabulary),
                                       cmocka_unit_test(same_ids_as_the_field),
                                       cmocka_unit_test(any_bytes_come_back),
                                       cmocka_unit_test(special_only_when_asked),
                                       cmocka_unit_test(begin_and_end),
                                       cmocka_unit_test(streaming),
                                       cmocka_unit_test(long_words),
                                       cmocka_unit_test(roads_agree)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
