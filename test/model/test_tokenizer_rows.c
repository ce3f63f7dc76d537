/* SPDX-License-Identifier: Apache-2.0
 * test/model/test_tokenizer_rows.c - every pre-tokenizer row: its matchers against its patterns.
 *
 * The patterns run in PCRE2, the matchers are our own; over random text both must cut at the same
 * places. PCRE2 10.42 knows Unicode 14, so characters it takes for unassigned are left out, and
 * U+180E, which it still counts as a space.
 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "test.h"

#include "model/tokenizer_rows.h"
#include "model/unicode.h"

#include <pcre2.h>

typedef struct cuts {
    size_t end[4096];
    size_t n;
    const uint8_t *base;
} cuts;

static uint64_t state = 88172645463325252ull;
static uint32_t below(uint32_t n) { /* xorshift */
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state >> 20) % n;
}

static pcre2_code *compile(const char *pattern) {
    int code;
    PCRE2_SIZE at;
    pcre2_code *re = pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED,
                                   PCRE2_UTF | PCRE2_UCP, &code, &at, NULL);
    if (!re) fail_msg("pattern %s: error %d at %zu", pattern, code, at);
    return re;
}

static int take(void *ctx, const uint8_t *p, size_t n) {
    cuts *c = ctx;
    assert_true(n > 0 && c->n < 4096);
    assert_ptr_equal(p, c->base + (c->n ? c->end[c->n - 1] : 0)); /* pieces cover the text */
    c->end[c->n++] = (size_t)(p - c->base) + n;
    return 0;
}

/* Isolate the matches of re in text[from..to), or hand the piece on when there are no more. */
static void reference(pcre2_code *const *re, const uint8_t *p, size_t n, cuts *c) {
    if (!*re) {
        take(c, p, n);
        return;
    }
    pcre2_match_data *match = pcre2_match_data_create_from_pattern(*re, NULL);
    size_t from = 0;
    while (from < n && pcre2_match(*re, p, n, from, PCRE2_NO_UTF_CHECK, match, NULL) >= 0) {
        const PCRE2_SIZE *at = pcre2_get_ovector_pointer(match);
        if (at[0] > from) reference(re + 1, p + from, at[0] - from, c);
        reference(re + 1, p + at[0], at[1] - at[0], c);
        from = at[1];
    }
    pcre2_match_data_free(match);
    if (from < n) reference(re + 1, p + from, n - from, c);
}

static size_t utf8(uint32_t c, char *out) {
    if (c < 0x80) return out[0] = (char)c, 1;
    if (c < 0x800) return out[0] = (char)(0xC0 | c >> 6), out[1] = (char)(0x80 | (c & 63)), 2;
    if (c < 0x10000)
        return out[0] = (char)(0xE0 | c >> 12), out[1] = (char)(0x80 | (c >> 6 & 63)),
               out[2] = (char)(0x80 | (c & 63)), 3;
    out[0] = (char)(0xF0 | c >> 18);
    out[1] = (char)(0x80 | (c >> 12 & 63));
    out[2] = (char)(0x80 | (c >> 6 & 63));
    out[3] = (char)(0x80 | (c & 63));
    return 4;
}

static pcre2_code *unassigned;

/* A random character that both know, as UTF-8. */
static size_t character(char *out) {
    static const char *const parts[] = {"'s",
                                        "'S",
                                        "'ll",
                                        "'LL",
                                        "'Ve",
                                        "'re",
                                        "'\xC5\xBF",
                                        "'x",
                                        " ",
                                        "  ",
                                        "\n",
                                        "\r\n",
                                        "\t",
                                        "\xE3\x80\x80",
                                        "\xC2\xA0",
                                        "\xC2\x85",
                                        "\xE2\x80\xA8",
                                        "a",
                                        "B",
                                        "\xC3\xA9",
                                        "e\xCC\x81",
                                        "\xE4\xB8\xAD",
                                        "\xED\x95\x9C",
                                        "\xD8\xB9",
                                        "1",
                                        "23",
                                        "\xD9\xA1",
                                        "\xC2\xBD",
                                        "!",
                                        "...",
                                        "\xE3\x80\x82",
                                        "\xE2\x80\x9C",
                                        "\xEF\xBC\x81",
                                        "+",
                                        "<",
                                        "$",
                                        "_",
                                        "\xF0\x9F\x98\x80",
                                        "\xE2\x80\x8D",
                                        "\x01",
                                        "\x7F"};
    const uint32_t range[] = {0x80, 0x800, 0x3100, 0x10000, 0x20000, 0x110000};
    if (below(3)) {
        const char *part = parts[below(sizeof parts / sizeof *parts)];
        memcpy(out, part, strlen(part));
        return strlen(part);
    }
    pcre2_match_data *match = pcre2_match_data_create_from_pattern(unassigned, NULL);
    size_t n = 0;
    while (!n) {
        const uint32_t c = below(range[below(6)]);
        if ((c >= 0xD800 && c < 0xE000) || c == 0x180E) continue;
        n = utf8(c, out);
        if (pcre2_match(unassigned, (PCRE2_SPTR)out, n, 0, 0, match, NULL) >= 0) n = 0;
    }
    pcre2_match_data_free(match);
    return n;
}

static void same_cuts(const mn_tokenizer_row *row, pcre2_code *const *re, const char *text,
                      size_t n) {
    static cuts want, have;
    want.n = have.n = 0;
    want.base = have.base = (const uint8_t *)text;
    if (n) reference(re, want.base, n, &want);
    assert_ok(mn_tokenizer_row_split(row, have.base, n, take, &have));
    if (want.n == have.n && !memcmp(want.end, have.end, want.n * sizeof *want.end)) return;
    size_t k = 0;
    while (k < want.n && k < have.n && want.end[k] == have.end[k]) k++;
    const size_t from = k ? want.end[k - 1] : 0;
    fail_msg("%s: at byte %zu of %zu (%.*s): pattern cuts at %zu, matcher at %zu", row->name, from,
             n, (int)(n - from > 40 ? 40 : n - from), text + from, want.end[k], have.end[k]);
}

static void matchers_follow_patterns(void **s) {
    (void)s;
    unassigned = compile("\\p{Cn}");
    for (size_t r = 0; r < mn_tokenizer_rows_n; r++) {
        const mn_tokenizer_row *row = &mn_tokenizer_rows[r];
        pcre2_code *re[MN_TOKENIZER_STAGES + 1] = {0};
        for (int i = 0; i < MN_TOKENIZER_STAGES; i++) {
            assert_true(!row->pattern[i] == !row->match[i]);
            if (row->pattern[i]) re[i] = compile(row->pattern[i]);
        }
        for (int round = 0; round < 3000; round++) {
            char text[1024];
            size_t n = 0;
            for (uint32_t k = below(60); k && n + 8 < sizeof text; k--) n += character(text + n);
            same_cuts(row, re, text, n);
        }
        for (int i = 0; i < MN_TOKENIZER_STAGES; i++) pcre2_code_free(re[i]);
    }
    pcre2_code_free(unassigned);
}

/* Any bytes are cut into pieces that join to the same bytes, and no run is slow: a megabyte of
 * one character would take minutes if a refused run were tried again from its second character. */
static void any_bytes(void **s) {
    (void)s;
    static uint8_t text[1 << 20];
    for (size_t r = 0; r < mn_tokenizer_rows_n; r++) {
        static cuts c;
        for (int round = 0; round < 2000; round++) {
            const size_t n = below(200);
            for (size_t i = 0; i < n; i++) text[i] = (uint8_t)below(256);
            c.n = 0;
            c.base = text;
            assert_ok(mn_tokenizer_row_split(&mn_tokenizer_rows[r], text, n, take, &c));
            assert_int_equal(c.n ? c.end[c.n - 1] : 0, n);
        }
    }
}

static int count(void *ctx, const uint8_t *p, size_t n) {
    (void)p;
    *(size_t *)ctx += n;
    return 0;
}

static void long_runs(void **s) {
    (void)s;
    enum { N = 1 << 20 };
    static uint8_t text[N + 1];
    const char fill[] = {' ', 'a', '\n', '.', '\'', '\x80'};
    for (size_t r = 0; r < mn_tokenizer_rows_n; r++)
        for (size_t i = 0; i < sizeof fill; i++) {
            size_t bytes = 0;
            memset(text, fill[i], N);
            text[N] = 'x';
            assert_ok(mn_tokenizer_row_split(&mn_tokenizer_rows[r], text, N + 1, count, &bytes));
            assert_int_equal(bytes, N + 1);
        }
}

static void names(void **s) {
    (void)s;
    const mn_tokenizer_row *row;
    for (size_t r = 0; r < mn_tokenizer_rows_n; r++) {
        const mn_tokenizer_row *x = &mn_tokenizer_rows[r];
        assert_ptr_equal(mn_tokenizer_row_named(x->name), x);
        assert_ok(
            mn_tokenizer_row_find(x->model, strlen(x->model), x->name, strlen(x->name), &row));
        assert_ptr_equal(row, x);
        for (int i = 0; i < MN_TOKENIZER_ALIASES && x->alias[i]; i++) {
            const char *a = x->alias[i];
            assert_ok(mn_tokenizer_row_find(x->model, strlen(x->model), a, strlen(a), &row));
            assert_ptr_equal(row, x); /* no alias stands in two rows */
        }
    }
    assert_fails(mn_tokenizer_row_find("rwkv", 4, "", 0, &row), MN_EUNSUPPORTED,
                 "\"rwkv\" is not known here; known are: gpt2, gemma4, llama");
    assert_fails(mn_tokenizer_row_find("gpt2", 4, "klingon", 7, &row), MN_EUNSUPPORTED,
                 "\"klingon\" is not known here; known are: gpt-2, smollm");
    assert_fails(mn_tokenizer_row_find("gpt2", 4, "", 0, &row), MN_EUNSUPPORTED, "convert");
    assert_null(mn_tokenizer_row_named("klingon"));
}

static void strict_utf8(void **s) {
    (void)s;
    static const struct {
        const char *bytes;
        size_t size;
    } rows[] = {{"a", 1},
                {"\xC3\xA9", 2},
                {"\xE4\xB8\xAD", 3},
                {"\xF0\x9F\x98\x80", 4},
                {"\x80", 1},
                {"\xC0\x80", 1},
                {"\xC3", 1},
                {"\xE0\x80\x80", 1},
                {"\xED\xA0\x80", 1},
                {"\xE4\xB8", 1},
                {"\xF0\x80\x80\x80", 1},
                {"\xF4\x90\x80\x80", 1},
                {"\xF0\x9F\x98", 1},
                {"\xF5\x80\x80\x80", 1},
                {"\xFF", 1}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const uint8_t *p = (const uint8_t *)rows[i].bytes;
        const mn_uchar u = mn_unicode_at(p, strlen(rows[i].bytes));
        assert_int_equal(u.size, rows[i].size);
        if (i > 3) assert_int_equal(u.point, 0xFFFD);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(matchers_follow_patterns),
                                       cmocka_unit_test(any_bytes), cmocka_unit_test(long_runs),
                                       cmocka_unit_test(names), cmocka_unit_test(strict_utf8)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
