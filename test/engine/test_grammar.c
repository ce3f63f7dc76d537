/* SPDX-License-Identifier: Apache-2.0
 * test/engine/test_grammar.c - GBNF and JSON schemas: what they read, what they refuse, what tokens
 * they allow; nothing is left when memory is short. */
#include "engine/grammar_data.h"

#include "base/alloc.h"
#include "base/budget.h"
#include "base/clock.h"
#include "engine/sample.h"

#include <math.h>

static tiny words;
static mn_grammar_vocab *vocab;

static int setup(void **state) {
    (void)state;
    return mn_grammar_vocab_open(tiny_open(&words), &vocab);
}
static int teardown(void **state) {
    (void)state;
    mn_grammar_vocab_close(&vocab);
    return 0;
}

static mn_grammar *compiled(const char *text) {
    mn_grammar *g;
    const int rc = mn_grammar_compile(text, strlen(text), &g);
    if (rc < 0) fail_msg("%s\n%s", text, mn_error_detail());
    return g;
}

/* Texts up to NULL that a grammar reads, then, behind it, those it does not. */
static void reads(const char *grammar, const char *const *text) {
    mn_grammar *g = compiled(grammar);
    for (; *text; text++)
        if (!grammar_fits(g, vocab, *text)) fail_msg("%s\ndoes not read: %s", grammar, *text);
    for (text++; *text; text++)
        if (grammar_fits(g, vocab, *text)) fail_msg("%s\nreads: %s", grammar, *text);
    mn_grammar_release(&g);
}
#define READS(grammar, ...) reads(grammar, (const char *const[]){__VA_ARGS__, NULL})

static void refused(const char *text, int code, const char *why) {
    mn_grammar *g;
    const int rc = mn_grammar_compile(text, strlen(text), &g);
    if (rc != code || !strstr(mn_error_detail(), why))
        fail_msg("%s\n%d, %s\nbut wanted %d, %s", text, rc, rc < 0 ? mn_error_detail() : "read",
                 code, why);
    assert_null(g);
}

/* ---- GBNF ----------------------------------------------------------------------------------- */
static void gbnf_reads_what_llama_cpp_documents(void **state) {
    (void)state;
    READS("root ::= \"yes\" | \"no\"", "yes", "no", NULL, "", "y", "yesno", "maybe");
    READS("root ::= [a-c]+ [^0-9\\n] \"\\x41\\u00e9\\U0001F600\" # end",
          "abc!A\xc3\xa9\xf0\x9f\x98\x80", NULL, "!A\xc3\xa9\xf0\x9f\x98\x80",
          "a1A\xc3\xa9\xf0\x9f\x98\x80", "a!A\xc3\xa9");
    READS("root ::= item (\", \" item)*\nitem ::= \"a\"? \"b\"{2} \"c\"{1,} \"d\"{0,2} | .", "bbc",
          "abbccdd, bbc", "\xe2\x82\xac", "x, y", NULL, "", "bbcddd", "abbccdd,", "xx");
    READS("root ::= (\n  \"a\" |\n  # comment\n  \"b\"\n)\n\nother-rule ::= \"c\"\n", "a", "b",
          NULL, "c");
    READS("root ::= x_1 |\n \"z\"\nx_1 ::= \"\\\"\\\\\" [\\]\\-x]", "\"\\]", "\"\\-", "z", NULL,
          "\"\\y");
    READS("root ::= \"\" | \"a\" root", "", "a", "aaaa", NULL, "b");
    READS("root ::= [] | \"k\" | [^\\x00-\\U0010FFFF]", "k", NULL, "", "a");
    READS("root ::= \"(\" root \")\" | \"x\"", "x", "((x))", NULL, "((x)", "x)");
}

static void counted_repetitions_count(void **state) {
    (void)state;
    mn_grammar *g = compiled("root ::= (\"a\" | \"bc\"){2,1000}");
    char text[4003] = "";
    for (int n = 0; n <= 1001; n++) {
        if (grammar_fits(g, vocab, text) != (n >= 2 && n <= 1000)) fail_msg("%d times", n);
        strcat(text, n % 3 ? "a" : "bc");
    }
    mn_grammar_release(&g);
    READS("root ::= (\"a\"? \"b\"?){2,3}", "", "a", "ab", "abab", "ba", "babab", NULL, "bababb");
    READS("root ::= (\"a\"*){3} \"x\"", "x", "ax", "aaaaaaax", NULL, "aa");
    READS("root ::= ((\"a\"{0,2}){0,2}){2}", "", "aaaaaaaa", NULL, "aaaaaaaaa");
    READS("root ::= (\"\"){3,5} \"k\"", "k", NULL, "");
    READS("root ::= (x y){2} \".\"\nx ::= \"a\"?\ny ::= \"b\"{0,1} z\nz ::= \"c\"*", ".", "abccab.",
          NULL, "ababab.");
}

static void classes_are_utf8_sequences_and_nothing_else(void **state) {
    (void)state;
    mn_grammar *g = compiled("root ::= [\\u0080-\\U00010FFF]");
    for (uint32_t p = 1; p < 0x12000; p += p < 0x3000 || p > 0xFF00 ? 1 : 37) {
        char text[8];
        const int n = p < 0x80 ? 1 : p < 0x800 ? 2 : p < 0x10000 ? 3 : 4;
        for (int i = n - 1, v = (int)p; i >= 0; i--, v >>= 6)
            text[i] = (char)(i ? 0x80 | (v & 0x3F) : (n == 1 ? 0 : 0xF00 >> n & 0xFF) | v);
        text[n] = 0;
        const int want = p >= 0x80 && p <= 0x10FFF && !(p >= 0xD800 && p <= 0xDFFF);
        if (grammar_fits(g, vocab, text) != want) fail_msg("U+%04X", p);
    }
    int complete; /* half a character is no end, a stray byte no beginning */
    assert_int_equal(grammar_reads(g, vocab, "\xe2\x82", 2, &complete), 2);
    assert_false(complete);
    assert_int_equal(grammar_reads(g, vocab, "\x82", 1, &complete), 0);
    assert_int_equal(grammar_reads(g, vocab, "\xc0\x80", 2, &complete), 0);
    mn_grammar_release(&g);
}

static void bad_gbnf_is_refused_with_its_line(void **state) {
    (void)state;
    refused("", MN_EINVAL, "no rule 'root'");
    refused("root ::= a\na ::= b\n", MN_EINVAL, "line 2: there is no rule 'b'");
    refused("root ::= \"a\"\nroot ::= \"b\"", MN_EINVAL, "line 2: this rule is defined already");
    refused("x ::= \"a\"", MN_EINVAL, "no rule 'root'");
    refused("root ::= root \"a\" | \"b\"", MN_EINVAL, "rule 'root' calls itself before");
    refused("root ::= \"x\" a\nb ::= ws a \"y\"\nws ::= \" \"*\na ::= b | \"c\"", MN_EINVAL,
            "left recursion");
    refused("root ::= (root?){2} \"a\"", MN_EINVAL, "left recursion");
    refused("root ::= \"a\" root", MN_EINVAL, "nothing fits");
    refused("root ::= []", MN_EINVAL, "nothing fits");
    refused("\n\nroot ::= \"abc", MN_EINVAL, "line 3: the text ends inside");
    refused("root ::= [z-a]", MN_EINVAL, "backwards");
    refused("root ::= (\"a\"", MN_EINVAL, "no ')'");
    refused("root ::= \"a\")", MN_EINVAL, "neither an item");
    refused("root ::= \"a\"{3,2}", MN_EINVAL, "at least more than at most");
    refused("root ::= \"a\"{1,2000000}", MN_EINVAL, "1,000,000");
    refused("root ::= \"a\"{x}", MN_EINVAL, "wants numbers");
    refused("root ::= \"\\q\"", MN_EINVAL, "an escape that is none");
    refused("root ::= \"\\u12\"", MN_EINVAL, "hexadecimal");
    refused("root ::= <[1000]>", MN_EINVAL, "not supported");
    refused("root = \"a\"", MN_EINVAL, "'::=' is wanted");
    refused("root ::= \"\xff\"", MN_EINVAL, "the grammar");
    char deep[300] = "root ::= ";
    memset(deep + 9, '(', 200);
    refused(deep, MN_EINVAL, "100 deep");
}

static void large_grammars_are_refused(void **state) {
    (void)state;
    static char text[MN_GRAMMAR_TEXT + 2];
    mn_grammar *g;
    memset(text, ' ', sizeof text);
    assert_fails(mn_grammar_compile(text, MN_GRAMMAR_TEXT + 1, &g), MN_ETOOLONG, "are allowed");
    size_t n = (size_t)sprintf(text, "root ::= \"");
    memset(text + n, 'a', 700000);
    text[n + 700000] = '"';
    assert_fails(mn_grammar_compile(text, n + 700001, &g), MN_ETOOLONG, "too large");
    /* a tower of rules deeper than stacks may be */
    n = (size_t)sprintf(text, "root ::= r0 \"a\"\n");
    for (int i = 0; i < 600; i++) n += (size_t)sprintf(text + n, "r%d ::= r%d \"a\"\n", i, i + 1);
    n += (size_t)sprintf(text + n, "r600 ::= \"b\"\n");
    assert_fails(mn_grammar_compile(text, n, &g), MN_EINVAL, "nothing fits");
}

/* Ways that double with each byte end in a sentence, soon, with little memory. */
static void hostile_grammars_end(void **state) {
    (void)state;
    static const char *const bad[] = {
        "root ::= \"a\" (root root | root | \"a\")? ", "root ::= (\"a\"{1,1000}){1,1000} \"b\"",
        "root ::= ((\"a\"{1,1000}){1,1000}){1,1000} \"b\"",
        "root ::= x{0,9}\nx ::= y{0,9} | y y\ny ::= z{0,9} | z z\nz ::= [ab]{0,9} | [a-c] \"a\"",
        ("root ::= a a a\na ::= b b | b\nb ::= c c | c\nc ::= d d | d\nd ::= \"a\" e | e \"a\"\n"
         "e ::= \"a\" | \"a\" f\nf ::= root | \"b\"")};
    for (size_t k = 0; k < sizeof bad / sizeof *bad; k++) {
        mn_grammar *g = compiled(bad[k]);
        mn_matcher *m;
        const uint64_t *bits;
        const uint64_t before = mn_budget_used();
        assert_ok(mn_matcher_open(g, vocab, &m));
        const double start = mn_clock_seconds();
        int rc = 0;
        for (int i = 0; i < 300 && rc >= 0; i++) {
            rc = mn_matcher_mask(m, &bits);
            if (rc >= 0) rc = mn_matcher_accept(m, 'a');
        }
        const double took = mn_clock_seconds() - start;
        if (mn_budget_used() - before > 80u << 20)
            fail_msg("%s: %llu bytes", bad[k], (unsigned long long)(mn_budget_used() - before));
        if (took > 60) fail_msg("%s: %g s", bad[k], took);
        mn_matcher_close(&m);
        mn_grammar_release(&g);
    }
}

/* What is begun can be ended: brackets stop being opened where they could not be closed. */
static void depth_never_leaves_an_answer_stuck(void **state) {
    (void)state;
    mn_grammar *g = compiled("root ::= \"[\" root \"]\" | \"[\" deep \"]\"\n"
                             "deep ::= \"(\" deep2 \")\"\ndeep2 ::= \"<\" \"x\" \">\"");
    mn_matcher *m;
    const uint64_t *bits;
    assert_ok(mn_matcher_open(g, vocab, &m));
    int opened = 0;
    for (int i = 0; i < 3000 && !mn_matcher_done(m); i++) {
        assert_true(mn_matcher_mask(m, &bits) > 0);
        const char *wish = "[(<x>)]";
        while (*wish && !mn_matcher_allows(m, *wish)) wish++;
        assert_true(*wish);
        opened += *wish == '[';
        assert_ok(mn_matcher_accept(m, *wish));
    }
    assert_true(mn_matcher_done(m));
    assert_true(opened > 400 && opened < MN_GRAMMAR_DEPTH);
    mn_matcher_close(&m);
    mn_grammar_release(&g);
}

/* ---- tokens --------------------------------------------------------------------------------- */
static int32_t id_of(const char *text) {
    for (int32_t id = TINY_FIRST; id < (int32_t)words.h.n; id++) {
        const mn_str s = mn_tokenizer_text(&words.t, id);
        if (s.n == strlen(text) && !memcmp(s.p, text, s.n)) return id;
    }
    fail_msg("no token %s", text);
    return -1;
}

/* The mask says of every token what asking for it says, and the right number of them. */
static void check_mask(mn_matcher *m) {
    const uint64_t *bits;
    int n = 0;
    const int said = mn_matcher_mask(m, &bits);
    assert_ok(said);
    for (int32_t id = 0; id < (int32_t)words.h.n; id++) n += (int)(bits[id / 64] >> (id % 64) & 1);
    assert_int_equal(n, said);
    for (int32_t id = 0; id < (int32_t)words.h.n; id++) {
        assert_ok(mn_matcher_mask(m, &bits));
        const int in = bits[id / 64] >> (id % 64) & 1;
        if (mn_matcher_allows(m, id) != in) fail_msg("token %d: mask %d", id, in);
    }
}

static void masks_and_single_answers_agree(void **state) {
    (void)state;
    mn_grammar *g = compiled("{\"type\":\"object\",\"properties\":{\"ab\":{\"type\":\"string\"},"
                             "\"n\":{\"type\":[\"integer\",\"null\"]}},\"required\":[\"ab\"]}");
    mn_matcher *m;
    assert_ok(mn_matcher_open(g, vocab, &m));
    static const char *const word[] = {"{\"",    "ab",  "\": ", "\"",  "hello", "\xe2\x82",
                                       "\xac",   "\\u", "0",    "0",   "e",     "9",
                                       "\", \"", "n",   "\":",  "null"};
    for (size_t i = 0; i < sizeof word / sizeof *word; i++) {
        check_mask(m);
        assert_false(mn_matcher_can_end(m) || mn_matcher_done(m));
        assert_int_equal(mn_matcher_allows(m, TINY_END), 0);
        assert_ok(
            mn_matcher_accept(m, strlen(word[i]) == 1 ? (uint8_t)word[i][0] : id_of(word[i])));
    }
    check_mask(m);
    assert_ok(mn_matcher_accept(m, '}'));
    assert_true(mn_matcher_can_end(m) && mn_matcher_done(m));
    const uint64_t *bits;
    assert_int_equal(mn_matcher_mask(m, &bits), 2); /* both end tokens, and nothing else */
    assert_int_equal(mn_matcher_end(m), TINY_END);
    assert_ok(mn_matcher_accept(m, TINY_END_2));
    assert_fails(mn_matcher_mask(m, &bits), MN_EUNSUPPORTED, "no token");
    mn_matcher_close(&m);
    mn_grammar_release(&g);
}

static void special_and_empty_tokens_are_never_allowed(void **state) {
    (void)state;
    mn_grammar *g = compiled("root ::= .*");
    mn_matcher *m;
    assert_ok(mn_matcher_open(g, vocab, &m));
    check_mask(m);
    assert_int_equal(mn_matcher_allows(m, TINY_SPECIAL), 0);
    assert_int_equal(mn_matcher_allows(m, TINY_EMPTY), 0);
    assert_int_equal(mn_matcher_allows(m, TINY_END), 1);
    assert_int_equal(mn_matcher_allows(m, -1), 0);
    assert_int_equal(mn_matcher_allows(m, (int32_t)words.h.n), 0);
    assert_int_equal(mn_matcher_allows(m, id_of("ab") + 1), 1); /* the same bytes once more */
    assert_fails(mn_matcher_accept(m, TINY_SPECIAL), MN_EINVAL, "token 256");
    assert_true(mn_matcher_can_end(m) && !mn_matcher_done(m));
    mn_matcher_close(&m);
    mn_grammar_release(&g);
}

/* ---- sampling ------------------------------------------------------------------------------- */
static mn_sampler *sampler(float temp, const mn_logit_bias *bias, size_t n) {
    const mn_sampling how = {.temp = temp,
                             .top_p = 1,
                             .typical_p = 1,
                             .repeat_penalty = 1,
                             .seed = 5,
                             .bias = bias,
                             .n_bias = n};
    mn_sampler *s;
    assert_ok(mn_sampler_open(&how, (int32_t)words.h.n + 3, &s));
    return s;
}

static void greedy_takes_the_best_that_is_allowed(void **state) {
    (void)state;
    mn_grammar *g = compiled("root ::= \"a\" [0-9] \"z\"?");
    float x[512] = {0};
    x['q'] = 9, x[TINY_SPECIAL] = 8, x['7'] = 3, x['a'] = -5, x['z'] = -7, x[words.h.n + 1] = 20;
    mn_matcher *m;
    mn_sampler *s = sampler(0, NULL, 0);
    int32_t id;
    assert_ok(mn_matcher_open(g, vocab, &m));
    const int32_t want[] = {'a', '7', TINY_END};
    for (int i = 0; i < 3; i++) {
        assert_ok(mn_sampler_next_within(s, x, m, &id, NULL));
        assert_int_equal(id, want[i]);
        assert_ok(mn_matcher_accept(m, id));
    }
    mn_matcher_close(&m);
    mn_sampler_close(&s);
    mn_grammar_release(&g);
}

static void forbidden_ends_come_when_nothing_else_can(void **state) {
    (void)state;
    const mn_logit_bias bias[] = {{TINY_END, -INFINITY}, {TINY_END_2, -INFINITY}, {'b', -INFINITY}};
    mn_grammar *g = compiled("root ::= \"a\" | \"b\"");
    float x[512] = {0};
    mn_matcher *m;
    mn_sampler *s = sampler(1, bias, 3);
    int32_t id;
    float lp;
    assert_ok(mn_matcher_open(g, vocab, &m));
    assert_ok(mn_sampler_next_within(s, x, m, &id, &lp));
    assert_int_equal(id, 'a');
    assert_true(lp < -5 && lp > -7); /* of all tokens: -ln 298 */
    assert_ok(mn_matcher_accept(m, id));
    assert_ok(mn_sampler_next_within(s, x, m, &id, NULL));
    assert_int_equal(id, TINY_END);
    mn_matcher_close(&m);
    mn_grammar_release(&g);
    g = compiled("root ::= \"b\"");
    assert_ok(mn_matcher_open(g, vocab, &m));
    assert_fails(mn_sampler_next_within(s, x, m, &id, NULL), MN_EINVAL, "forbidden by");
    mn_matcher_close(&m);
    mn_sampler_close(&s);
    mn_grammar_release(&g);
}

/* Choosing again among the allowed gives each its share of the allowed. */
static void odds_are_those_of_the_allowed(void **state) {
    (void)state;
    enum { N = 30000 };
    mn_grammar *g = compiled("root ::= [abc]");
    float x[512];
    for (int i = 0; i < 512; i++) x[i] = -40;
    x['a'] = 0, x['b'] = 1, x['c'] = -1, x['q'] = 1, x[TINY_END] = 0.5f;
    const double w[3] = {1, exp(1), exp(-1)}, sum = w[0] + w[1] + w[2];
    int count[3] = {0};
    mn_sampler *s = sampler(1, NULL, 0);
    mn_matcher *m;
    assert_ok(mn_matcher_open(g, vocab, &m));
    for (int i = 0; i < N; i++) {
        int32_t id;
        assert_ok(mn_sampler_next_within(s, x, m, &id, NULL));
        assert_true(id >= 'a' && id <= 'c');
        count[id - 'a']++;
    }
    double chi = 0;
    for (int i = 0; i < 3; i++) {
        const double want = N * w[i] / sum;
        chi += (count[i] - want) * (count[i] - want) / want;
    }
    if (chi > 13.8) fail_msg("chi-square %g over 3", chi); /* 99.9 %, 2 degrees */
    mn_matcher_close(&m);
    mn_sampler_close(&s);
    mn_grammar_release(&g);
}

/* ---- memory --------------------------------------------------------------------------------- */
static const char *const samples[] = {
    "root ::= item{0,9} | \"x\" ([a-z] | root)*\nitem ::= (\"a\"? \"b\"?){2,3} [^\\n]",
    "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\",\"pattern\":\"^a+$\","
    "\"maxLength\":9},"
    "\"b\":{\"anyOf\":[{\"type\":\"integer\",\"minimum\":3},{\"$ref\":\"#\"}]},"
    "\"c\":{\"allOf\":[{\"type\":\"array\"},{\"maxItems\":2}]}},\"additionalProperties\":true}"};

static void every_allocation_may_fail(void **state) {
    (void)state;
    for (size_t k = 0; k < 2; k++) {
        const uint64_t before = mn_budget_used();
        int rc = MN_ENOMEM;
        long n = 1;
        for (; rc == MN_ENOMEM && n < 5000; n++) {
            mn_grammar *g = NULL;
            mn_grammar_vocab *v = NULL;
            mn_matcher *m = NULL;
            const uint64_t *bits;
            mn_alloc_fail_after(n);
            rc = mn_grammar_compile(samples[k], strlen(samples[k]), &g);
            if (rc >= 0) rc = mn_grammar_vocab_open(&words.t, &v);
            if (rc >= 0) rc = mn_matcher_open(g, v, &m);
            for (int i = 0; rc >= 0 && i < 4; i++) {
                rc = mn_matcher_mask(m, &bits);
                if (rc >= 0) rc = mn_matcher_accept(m, k ? "{\"a\""[i] : "abab"[i]);
            }
            mn_alloc_fail_after(0);
            mn_matcher_close(&m);
            mn_grammar_vocab_close(&v);
            mn_grammar_release(&g);
            assert_int_equal(mn_budget_used(), before);
        }
        if (rc < 0) fail_msg("sample %zu: %d %s", k, rc, mn_error_detail());
        assert_true(n > 20);
    }
}

static void little_budget_is_a_sentence(void **state) {
    (void)state;
    mn_grammar *g;
    mn_budget_set(mn_budget_used() + 3000);
    assert_fails(mn_grammar_compile(samples[1], strlen(samples[1]), &g), MN_EFULL, "a grammar");
    mn_budget_set(0);
}

/* What gathers is forgotten, and where the answer stands is not. */
static void states_are_forgotten_in_long_answers(void **state) {
    (void)state;
    mn_grammar *g = compiled("root ::= ([a-z]{1,900000} | [a-y]{5,800000}) \"!\"");
    mn_matcher *m;
    const uint64_t before = mn_budget_used();
    assert_ok(mn_matcher_open(g, vocab, &m));
    for (int i = 0; i < 150000; i++) {
        assert_ok(mn_matcher_accept(m, 'a' + i % 25));
        if (mn_budget_used() - before > 16u << 20)
            fail_msg("%d tokens: %llu bytes", i, (unsigned long long)(mn_budget_used() - before));
    }
    assert_int_equal(mn_matcher_allows(m, '!'), 1);
    assert_ok(mn_matcher_accept(m, '!'));
    assert_true(mn_matcher_done(m));
    mn_matcher_close(&m);
    mn_grammar_release(&g);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gbnf_reads_what_llama_cpp_documents),
        cmocka_unit_test(counted_repetitions_count),
        cmocka_unit_test(classes_are_utf8_sequences_and_nothing_else),
        cmocka_unit_test(bad_gbnf_is_refused_with_its_line),
        cmocka_unit_test(large_grammars_are_refused),
        cmocka_unit_test(hostile_grammars_end),
        cmocka_unit_test(depth_never_leaves_an_answer_stuck),
        cmocka_unit_test(masks_and_single_answers_agree),
        cmocka_unit_test(special_and_empty_tokens_are_never_allowed),
        cmocka_unit_test(greedy_takes_the_best_that_is_allowed),
        cmocka_unit_test(forbidden_ends_come_when_nothing_else_can),
        cmocka_unit_test(odds_are_those_of_the_allowed),
        cmocka_unit_test(every_allocation_may_fail),
        cmocka_unit_test(little_budget_is_a_sentence),
        cmocka_unit_test(states_are_forgotten_in_long_answers),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
