/* SPDX-License-Identifier: Apache-2.0
 *
 * test/agent/test_words.c - texts to words: what is one word, what counts as the same, what is left
 * out, and bytes that are no text at all.
 */
#include "soak.h"
#include "test.h"

#include "agent/words.h"

#include <utf8proc.h>

/* The words of a text, a space between. */
static const char *words_of(const char *text, size_t n, int spoken) {
    static char out[4096];
    size_t len = 0;
    *out = 0;
    for (mn_words w = mn_words_of(text, n); spoken ? mn_words_spoken(&w) : mn_words_next(&w);) {
        assert_true(w.n <= MN_WORD_MAX);
        assert_true(len + w.n + 2 < sizeof out);
        if (len) out[len++] = ' ';
        memcpy(out + len, w.word, w.n);
        len += w.n;
        out[len] = 0;
    }
    return out;
}

typedef struct pair {
    const char *text, *words;
} pair;

static void expect(const pair *row, size_t n, int spoken) {
    for (size_t i = 0; i < n; i++) {
        const char *const got = words_of(row[i].text, strlen(row[i].text), spoken);
        if (strcmp(got, row[i].words) != 0)
            fail_msg("\"%s\": \"%s\", not \"%s\"", row[i].text, got, row[i].words);
    }
}
#define EXPECT(rows, spoken) expect(rows, sizeof(rows) / sizeof *(rows), spoken)

static void words_end_at_what_is_no_letter(void **s) {
    (void)s;
    static const pair rows[] = {{"", ""},
                                {" \t\n.,;:!?-_'\"()[]{}", ""},
                                {"Hello, world!", "hello world"},
                                {"a-b_c.d", "a b c d"},
                                {"x86_64 v1.2", "x86 64 v1 2"},
                                {"don't", "don t"},
                                {"mail@example.org", "mail example org"},
                                {"one", "one"},
                                {"\xe2\x80\x9cquoted\xe2\x80\x9d\xe2\x80\xa6 end", "quoted end"},
                                {"\xf0\x9f\x98\x80 smile \xf0\x9f\x98\x80", "smile"}};
    EXPECT(rows, 1);
}

/* Case, accents in either form, wide forms, ligatures: the same word. */
static void folding(void **s) {
    (void)s;
    static const pair rows[] = {{"CAF\xc3\x89 Cafe\xcc\x81 caf\xc3\xa9", "cafe cafe cafe"},
                                {"STRASSE Stra\xc3\x9f"
                                 "e",
                                 "strasse strasse"},
                                {"\xce\xa3\xce\xaf\xcf\x83\xcf\x85\xcf\x86\xce\xbf\xcf\x82",
                                 "\xcf\x83\xce\xb9\xcf\x83\xcf\x85\xcf\x86\xce\xbf\xcf\x83"},
                                {"\xd0\x9c\xd0\x9e\xd0\xa1\xd0\x9a\xd0\x92\xd0\x90",
                                 "\xd0\xbc\xd0\xbe\xd1\x81\xd0\xba\xd0\xb2\xd0\xb0"},
                                {"\xef\xbc\xa1\xef\xbc\xa2\xef\xbc\xa3", "abc"}, /* full width */
                                {"\xef\xac\x81ne", "fine"},                      /* a ligature */
                                {"x\xc2\xb2", "x2"},
                                {"\xcc\x81", ""}, /* a mark alone */
                                {"a\xc2\xad"
                                 "b",
                                 "a b"}}; /* a soft hyphen is no letter */
    EXPECT(rows, 1);
}

static void endings_and_common_words(void **s) {
    (void)s;
    static const pair rows[] = {
        {"The cat and the dogs", "cat dog"},
        {"what is it that you would", ""},
        {"don't", "don"},
        {"cats cat", "cat cat"},
        {"walked walking walks walk", "walk walk walk walk"},
        {"running runs run", "run run run"},
        {"stopped stopping", "stop stop"},
        {"stories story", "stori stori"},
        {"classes class", "class class"},
        {"bus status this basis", "bus status basis"},
        {"telling tells", "tell tell"},
        {"making makes make", "mak mak mak"},
        {"sing bring thing", "sing bring thing"}, /* no vowel would be left */
        {"1990s", "1990"},
        {"caf\xc3\xa9s cafes", "caf caf"}, /* folded first, so it is plain letters by then */
        {"\xd0\xba\xd0\xbe\xd1\x88\xd0\xba\xd0\xb8", "\xd0\xba\xd0\xbe\xd1\x88\xd0\xba\xd0\xb8"}};
    EXPECT(rows, 0);
}

static void every_stop_word_is_left_out(void **s) {
    (void)s;
    static const char *const stop[] = {
        "a",    "an",   "and",  "are",   "as",    "at",  "be",   "by",   "did",   "do",   "does",
        "for",  "from", "had",  "has",   "have",  "he",  "her",  "his",  "how",   "i",    "if",
        "in",   "is",   "it",   "its",   "me",    "my",  "of",   "on",   "or",    "s",    "she",
        "t",    "that", "the",  "their", "they",  "to",  "was",  "were", "what",  "when", "where",
        "this", "who",  "whom", "why",   "which", "you", "will", "with", "would", "your"};
    for (size_t i = 0; i < sizeof stop / sizeof *stop; i++) {
        assert_string_equal(words_of(stop[i], strlen(stop[i]), 0), "");
        assert_string_equal(words_of(stop[i], strlen(stop[i]), 1), stop[i]);
    }
    assert_string_equal(words_of("no not we us", 12, 0), "no not we us");
    assert_string_equal(words_of("thei wher wh whoa", 17, 0), "thei wher wh whoa");
}

/* The rules for endings, said a second time. */
static int cut(char *word, const char *ending, const char *instead) {
    const size_t n = strlen(word), k = strlen(ending);
    if (n <= k || strcmp(word + n - k, ending) != 0) return 0;
    strcpy(word + n - k, instead);
    return 1;
}

static int cut_verb(char *word, const char *ending) {
    char rest[64];
    strcpy(rest, word);
    if (!cut(rest, ending, "") || strlen(rest) < 3 || !strpbrk(rest, "aeiouy")) return 0;
    char *const last = rest + strlen(rest) - 1;
    if (last - rest > 2 && *last == last[-1] && !strchr("lsz", *last)) *last = 0;
    strcpy(word, rest);
    return 1;
}

static void stem_of(char *word) {
    char *const more = word + 3; /* there are more than three */
    if (strlen(word) < 4) return;
    if ((!word[4] || !cut(word, "ies", "y")) && !cut(word, "sses", "ss") &&
        !cut(word, "ss", "ss") && !cut(word, "us", "us") && !cut(word, "is", "is"))
        cut(word, "s", "");
    if (!cut_verb(word, "ing")) cut_verb(word, "ed");
    if (*more) cut(word, "e", "");
    if (*more) cut(word, "y", "i");
}

static void stems(void **s) {
    (void)s;
    static const char *const parts[] = {"ing", "ed", "ies", "ss", "es", "us", "is", "s",  "e", "y",
                                        "run", "n",  "l",   "zz", "b",  "a",  "7",  "th", "i", "d"};
    enum { PARTS = sizeof parts / sizeof *parts };
    unsigned long state = soak_seed(11);
    for (int round = 0; round < 200000; round++) {
        char word[64] = "";
        for (unsigned n = soak_random(&state) % 6; n < 6; n++)
            strcat(word, parts[soak_random(&state) % PARTS]);
        mn_words w = mn_words_of(word, strlen(word)), next = w;
        const int there = mn_words_uncommon(&w);
        assert_int_equal(mn_words_next(&next), there);
        if (!there) continue;
        assert_true(w.n == strlen(word) && memcmp(w.word, word, w.n) == 0);
        const size_t start = mn_words_start(&w);
        mn_words_stem(&w);
        stem_of(word);
        if (w.n != strlen(word) || memcmp(w.word, word, w.n) != 0)
            fail_msg("\"%.*s\", not \"%s\"", (int)w.n, w.word, word);
        assert_int_equal(mn_words_start(&w), start);
        assert_true(next.n == w.n && memcmp(next.word, w.word, w.n) == 0);
    }
}

/* Neighbours make pairs; who has none is a word alone. */
static void scripts_without_spaces(void **s) {
    (void)s;
    static const pair rows[] = {
        {"\xe6\x9d\xb1\xe4\xba\xac\xe9\x83\xbd",
         "\xe6\x9d\xb1\xe4\xba\xac \xe4\xba\xac\xe9\x83\xbd"},
        {"\xe7\x8c\xab", "\xe7\x8c\xab"},
        {"\xe7\x8c\xab\xe3\x80\x82\xe7\x8a\xac", "\xe7\x8c\xab \xe7\x8a\xac"},
        {"my\xe7\x8c\xab", "my \xe7\x8c\xab"},
        {"\xe7\x8c\xab"
         "cat",
         "\xe7\x8c\xab cat"},
        {"\xe3\x83\x86\xe3\x82\xb9\xe3\x83\x88 1",
         "\xe3\x83\x86\xe3\x82\xb9 \xe3\x82\xb9\xe3\x83\x88 1"},
        {"\xe0\xb9\x81\xe0\xb8\xa1", "\xe0\xb9\x81\xe0\xb8\xa1"},
        {"\xed\x95\x9c\xea\xb5\xad \xec\x96\xb4",
         "\xe1\x84\x92\xe1\x85\xa1\xe1\x86\xab\xe1\x84\x80\xe1\x85\xae\xe1\x86\xa8 "
         "\xe1\x84\x8b\xe1\x85\xa5"}}; /* Korean has spaces, and comes apart into letters */
    EXPECT(rows, 1);
}

/* Where a word was found, for whoever puts another one there. */
static void places(void **s) {
    (void)s;
    static const char text[] = "Hi, J\xc3\xbcrgen! \xe6\x9d\xb1\xe4\xba\xac\xe9\x83\xbd x";
    static const char *const found[] = {"Hi", "J\xc3\xbcrgen", "\xe6\x9d\xb1\xe4\xba\xac",
                                        "\xe4\xba\xac\xe9\x83\xbd", "x"};
    mn_words w = mn_words_of(text, sizeof text - 1);
    for (size_t i = 0; i < sizeof found / sizeof *found; i++) {
        assert_true(mn_words_spoken(&w));
        assert_int_equal(w.till - w.from, strlen(found[i]));
        assert_memory_equal(w.from, found[i], strlen(found[i]));
    }
    assert_false(mn_words_spoken(&w));
}

static void what_is_no_text_is_a_space(void **s) {
    (void)s;
    static const struct {
        const char *text;
        size_t n;
        const char *words;
    } row[] = {{"ab\xff"
                "cd",
                5, "ab cd"},
               {"ab\xc3", 3, "ab"},
               {"\xc3", 1, ""},
               {"\x80\x80", 2, ""},
               {"a\xed\xa0\x80z", 5, "a z"},     /* a surrogate */
               {"a\xf4\x90\x80\x80z", 6, "a z"}, /* beyond U+10FFFF */
               {"a\xc0\xafz", 4, "a z"},         /* longer than needed */
               {"a\0b", 3, "a b"},
               {"\xe6\x9d\xb1\xff\xe4\xba\xac", 7, "\xe6\x9d\xb1 \xe4\xba\xac"},
               {"\xe6\x9d", 2, ""}};
    for (size_t i = 0; i < sizeof row / sizeof *row; i++)
        assert_string_equal(words_of(row[i].text, row[i].n, 1), row[i].words);
}

/* The rest of a long word is cut, at a character. */
static void long_words(void **s) {
    (void)s;
    char text[400], want[MN_WORD_MAX + 1];
    memset(text, 'x', sizeof text);
    memset(want, 'x', MN_WORD_MAX);
    want[MN_WORD_MAX] = 0;
    assert_string_equal(words_of(text, sizeof text, 1), want);
    assert_string_equal(words_of(text, MN_WORD_MAX, 1), want);
    text[0] = 'a';
    for (size_t i = 1; i + 1 < sizeof text; i += 2) memcpy(text + i, "\xd0\xb1", 2);
    const char *const got = words_of(text, sizeof text - 1, 1);
    assert_int_equal(strlen(got), MN_WORD_MAX - 1);
    assert_int_equal(
        utf8proc_iterate((const unsigned char *)got + MN_WORD_MAX - 3, 2, &(int32_t){0}), 2);
}

static void lines_and_marks(void **s) {
    (void)s;
    mn_buf b = {0};
    assert_ok(mn_words_line(12, "The cats, the dog", 17, &b));
    assert_string_equal(b.data, "12:cat 12:dog");
    assert_ok(mn_words_line(12, "", 0, &b));
    assert_ok(mn_words_line(12, "of the", 6, &b));
    assert_string_equal(b.data, "12:cat 12:dog");
    assert_ok(mn_words_line(3, "!", 1, &b));
    assert_ok(mn_words_line(INT64_MAX, "x", 1, &b));
    assert_string_equal(b.data, "12:cat 12:dog 9223372036854775807:x");
    mn_buf_clear(&b);
    assert_ok(mn_words_mark(7, 'a', "planner", &b));
    assert_int_equal(strncmp(b.data, "7:_a", 4), 0);
    assert_int_equal(b.len, 4 + 16);
    mn_buf c = {0};
    assert_ok(mn_words_mark(7, 'r', "planner", &c));
    assert_string_not_equal(b.data, c.data);
    mn_buf_free(&b);
    mn_buf_free(&c);
}

/* Whatever bytes there are: words are text again, short, and the words of themselves. */
static void any_bytes(void **s) {
    (void)s;
    unsigned long state = soak_seed(7);
    for (int round = 0; round < 20000; round++) {
        char text[40];
        const size_t n = soak_random(&state) % sizeof text;
        for (size_t i = 0; i < n; i++) {
            const unsigned r = soak_random(&state);
            static const char often[] = "aB \xe6\x9d\xb1\xc3\xa9\xef\xbc\xa1.";
            text[i] = r % 3 ? (char)(r >> 8) : often[r / 3 % sizeof often];
        }
        for (mn_words w = mn_words_of(text, n); mn_words_spoken(&w);) {
            assert_true(w.n <= MN_WORD_MAX);
            for (size_t i = 0; i < w.n;) {
                int32_t c;
                const utf8proc_ssize_t k = utf8proc_iterate((const unsigned char *)w.word + i,
                                                            (utf8proc_ssize_t)(w.n - i), &c);
                assert_true(k > 0);
                assert_true(c != ' ' && c != '"' && !(c >= 'A' && c <= 'Z'));
                i += (size_t)k;
            }
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(words_end_at_what_is_no_letter),
                                       cmocka_unit_test(folding),
                                       cmocka_unit_test(endings_and_common_words),
                                       cmocka_unit_test(every_stop_word_is_left_out),
                                       cmocka_unit_test(stems),
                                       cmocka_unit_test(scripts_without_spaces),
                                       cmocka_unit_test(places),
                                       cmocka_unit_test(what_is_no_text_is_a_space),
                                       cmocka_unit_test(long_words),
                                       cmocka_unit_test(lines_and_marks),
                                       cmocka_unit_test(any_bytes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
