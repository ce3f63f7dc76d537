/* SPDX-License-Identifier: Apache-2.0
 * test/engine/test_schema_random.c - random schemas, random logits: what comes out fits.
 *
 * Case i makes a schema, writes an answer to it with sampler and matcher out of logits that mean
 * nothing (greedy, drawn, cut), and asks Jansson and schema_valid.h. Once an answer has WORDS
 * tokens, what closes is made likelier, so that it ends. The vocabulary is a small one by hand;
 * in the program that is called test-engine-schema-smollm2, the default model's. 1,000 schemas,
 * and more in the full form.
 *
 * OMNESIA_SHOW=1 prints schema and answer, a line each, for other validators.
 */
#include "engine/grammar_data.h"
#include "engine/schema_valid.h"
#include "soak.h"
#include "until.h"

#include "base/buf.h"
#include "engine/sample.h"

enum { CASES = 1000, WORDS = 40, MOST = 4000, VOCAB = 1 << 18 };

static const mn_tokenizer *tokenizer;
static mn_grammar_vocab *vocab;
static float *logits;
static int32_t n_vocab;

/* ---- schemas -------------------------------------------------------------------------------- */
static unsigned long dice;
static int roll(int n) {
    return (int)(soak_random(&dice) % (unsigned)n);
}

static json_t *schema(int depth);

static void put(json_t *s, const char *key, json_t *v) {
    json_object_set_new(s, key, v);
}

static json_t *number_schema(int integer) {
    json_t *s = json_pack("{s:s}", "type", integer ? "integer" : "number");
    const int low = roll(400) - 200, width = 1 + roll(roll(2) ? 5 : 1500);
    const double part = integer || roll(2) ? 0 : roll(1000) / 1000.0;
    if (roll(2))
        put(s, roll(4) ? "minimum" : "exclusiveMinimum",
            part > 0 ? json_real(low - part) : json_integer(low));
    if (roll(2))
        put(s, roll(4) ? "maximum" : "exclusiveMaximum",
            part > 0 ? json_real(low + width + part) : json_integer(low + width + 1));
    return s;
}

static json_t *string_schema(void) {
    static const char *const pattern[] = {"^[a-z]{2,5}$", "^(ab|cd)+x?$",
                                          "[0-9]",        "^\\d{3}-\\d{4}$",
                                          "^[^\"\\\\]*$", "^.{0,6}\\.(png|jpe?g)$",
                                          "^.?a.c",       "^(|\\w+ \\w+)$",
                                          "\\n|\\t",      "^[\\u00e0-\\u00ff\\x41]+$"};
    static const char *const format[] = {"date", "date-time", "uuid", "ipv4"};
    json_t *s = json_pack("{s:s}", "type", "string");
    const int kind = roll(6), min = roll(4);
    if (kind == 0) put(s, "pattern", json_string(pattern[roll(10)]));
    if (kind == 1) put(s, "format", json_string(format[roll(4)]));
    if (kind == 2 || kind == 3 || (kind == 0 && roll(4) == 0)) {
        if (roll(2)) put(s, "minLength", json_integer(min));
        if (roll(2)) put(s, "maxLength", json_integer(min + roll(roll(2) ? 3 : 40)));
    }
    return s;
}

static json_t *array_schema(int depth) {
    json_t *s = json_pack("{s:s}", "type", "array");
    const int min = roll(3), prefix = roll(4) == 0 ? 1 + roll(3) : 0;
    if (prefix) {
        json_t *list = json_array();
        for (int i = 0; i < prefix; i++) json_array_append_new(list, schema(depth - 1));
        put(s, "prefixItems", list);
    }
    if (roll(4)) put(s, "items", prefix && roll(3) == 0 ? json_false() : schema(depth - 1));
    if (roll(2)) put(s, "minItems", json_integer(min));
    if (roll(2)) put(s, "maxItems", json_integer(min + roll(4)));
    return s;
}

static json_t *object_schema(int depth) {
    static const char *const name[] = {
        "a", "ab", "name", "x y", "q\"uote", "\xc3\xa9t\xc3\xa9", "n\n", "", "longer_name", "z"};
    json_t *s = json_pack("{s:s}", "type", "object"), *all = json_object(),
           *required = json_array();
    const int n = roll(6);
    for (int i = 0; i < n; i++) {
        const char *key = name[roll(10)];
        if (!json_object_get(all, key) && roll(2))
            json_array_append_new(required, json_string(key));
        put(all, key, schema(depth - 1));
    }
    if (roll(8) == 0) json_array_append_new(required, json_string("unlisted"));
    if (n || roll(2)) put(s, "properties", json_incref(all));
    if (json_array_size(required)) put(s, "required", json_incref(required));
    const int more = roll(6);
    if (more == 0) put(s, "additionalProperties", schema(depth - 1));
    if (more == 1) put(s, "additionalProperties", json_true());
    if (more == 2) put(s, "additionalProperties", json_false());
    json_decref(all);
    json_decref(required);
    return s;
}

static json_t *choice_schema(int depth) {
    static const char *const type[] = {"null", "boolean", "integer", "string", "array", "object"};
    const int kind = roll(6), n = 1 + roll(4);
    json_t *list = json_array();
    if (kind == 0) {
        json_decref(list);
        return json_pack("{s:[s,i,n,f,b,{s:i}]}", "enum", "a\"\n\xc3\xa9", roll(100),
                         roll(1000) / 8.0, roll(2), "k", 1);
    }
    if (kind == 1) {
        json_decref(list);
        return json_pack("{s:o}", "const", roll(2) ? json_integer(roll(100)) : json_string("fix"));
    }
    if (kind == 2) {
        for (int i = 0; i < n; i++) json_array_append_new(list, json_string(type[roll(6)]));
        return json_pack("{s:o}", "type", list);
    }
    if (kind == 3) { /* objects told apart by a tag */
        for (int i = 0; i < n; i++)
            json_array_append_new(list, json_pack("{s:s,s:{s:{s:i},s:o},s:[s],s:b}", "type",
                                                  "object", "properties", "tag", "const", i, "more",
                                                  schema(depth - 1), "required", "tag",
                                                  "additionalProperties", 0));
        return json_pack("{s:o}", "oneOf", list);
    }
    if (kind == 4) {
        const int both = roll(2);
        json_array_append_new(list, both ? number_schema(1) : object_schema(depth - 1));
        json_array_append_new(list, both ? number_schema(0) : object_schema(depth - 1));
        return json_pack("{s:o}", "allOf", list);
    }
    for (int i = 0; i < n; i++) json_array_append_new(list, schema(depth - 1));
    json_t *s = json_pack("{s:o}", "anyOf", list);
    if (roll(4) == 0) put(s, "type", json_string(type[roll(6)]));
    return s;
}

static json_t *schema(int depth) {
    static const char *const ref[] = {"#/$defs/one", "#/$defs/two", "#"};
    if (depth <= 0) return roll(2) ? number_schema(roll(2)) : string_schema();
    switch (roll(12)) {
    case 0: return number_schema(roll(2));
    case 1:
    case 2: return string_schema();
    case 3:
    case 4: return array_schema(depth);
    case 5: return choice_schema(depth);
    case 6: return choice_schema(depth);
    case 7: return json_pack("{s:s}", "$ref", ref[roll(3)]);
    case 8: return roll(3) ? json_pack("{s:s}", "title", "anything") : json_true();
    default: return object_schema(depth);
    }
}

static json_t *whole_schema(long i) {
    dice = soak_seed(i);
    json_t *s = roll(3) ? object_schema(3) : schema(3);
    if (!json_is_object(s)) s = json_object();
    put(s, "$defs", json_pack("{s:o,s:o}", "one", schema(1), "two", schema(2)));
    return s;
}

/* ---- answers -------------------------------------------------------------------------------- */
/* Logits without meaning; `close`: what ends things is likelier, or what patterns may want. */
static void think(int close) {
    static const char *const likely[] = {"\"}]", "\"}]",        "\"}]",
                                         "\\nt", ".0123456789", "abcxjpg -"};
    const int kind = roll(6);
    uint64_t x = (uint64_t)dice * 0x9E3779B97F4A7C15u + 1;
    for (int32_t i = 0; i < n_vocab; i++) {
        x ^= x << 13, x ^= x >> 7, x ^= x << 17;
        logits[i] = (float)(x >> 40) * (6.0f / (1 << 24));
        if (!close) continue;
        const mn_str s = mn_tokenizer_text(tokenizer, i);
        if (mn_tokenizer_is_end(tokenizer, i)) logits[i] = 60;
        if (s.n == 1 && strchr(likely[kind], s.p[0])) logits[i] += 50;
    }
    soak_random(&dice);
}

static int write_answer(mn_grammar *g, mn_buf *text) {
    const int greedy = roll(3) == 0;
    const mn_sampling how = {.temp = greedy ? 0 : 1,
                             .top_p = roll(2) ? 1 : 0.9f,
                             .typical_p = 1,
                             .repeat_penalty = 1,
                             .top_k = roll(2) ? 40 : 0,
                             .seed = dice};
    mn_sampler *s;
    mn_matcher *m;
    int32_t id;
    assert_ok(mn_sampler_open(&how, n_vocab, &s));
    assert_ok(mn_matcher_open(g, vocab, &m));
    int n = 0;
    for (; n < MOST && !mn_matcher_done(m); n++) {
        think(n >= WORDS);
        const int rc = mn_sampler_next_within(s, logits, m, &id, NULL);
        if (rc < 0) fail_msg("token %d: %s", n, mn_error_detail());
        assert_ok(mn_matcher_accept(m, id));
        mn_sampler_accept(s, id);
        if (mn_tokenizer_is_end(tokenizer, id)) break;
        assert_ok(mn_tokenizer_decode(tokenizer, &id, 1, 0, text));
    }
    if (soak_planted()) assert_ok(mn_buf_puts(text, "\""));
    mn_matcher_close(&m);
    mn_sampler_close(&s);
    return n < MOST;
}

/* 1: an answer was written and fits; 0: the schema was refused, or the answer became too long, as
 * those may that hold themselves more than once. */
static int one_case(long i, int *refused, int *endless) {
    json_t *s = whole_schema(i);
    char *text = json_dumps(s, JSON_COMPACT);
    mn_grammar *g;
    mn_buf answer = {0};
    json_error_t at;
    int whole = 0;
    const int rc = mn_grammar_compile(text, strlen(text), &g);
    if (rc < 0) {
        if (rc != MN_EUNSUPPORTED && !strstr(mn_error_detail(), "nothing fits") &&
            !strstr(mn_error_detail(), "left recursion"))
            fail_msg("case %ld: %s\n%s", i, mn_error_detail(), text);
        ++*refused;
    } else {
        whole = write_answer(g, &answer);
        *endless += !whole;
    }
    if (whole) {
        json_t *v = json_loadb(answer.data ? answer.data : "", answer.len, JSON_DECODE_ANY, &at);
        if (!v) fail_msg("case %ld: %s\n%s\n%s", i, at.text, text, answer.data);
        if (!schema_valid(s, s, v, 0))
            fail_msg("case %ld is invalid:\n%s\n%s", i, text, answer.data);
        if (getenv("OMNESIA_SHOW"))
            printf("%s\n%s\n", text, json_dumps(v, JSON_COMPACT | JSON_ENCODE_ANY));
        json_decref(v);
    }
    mn_grammar_release(&g);
    mn_buf_free(&answer);
    free(text);
    json_decref(s);
    return whole;
}

static void random_schemas(void **state) {
    (void)state;
    int valid = 0, refused = 0, endless = 0;
    if (soak_asked()) {
        const soak s = soak_begin(0);
        for (long i = s.first; i < s.end; i++) valid += one_case(i, &refused, &endless);
        soak_end(&s, valid);
        return;
    }
    for (long i = 0; valid < CASES; i++) valid += one_case(i, &refused, &endless);
    printf("%d schemas, 0 invalid answers; %d more were refused, %d answers had no end\n", valid,
           refused, endless);
    assert_true(refused < CASES / 4 && endless < CASES / 50);
}

/* ---- time ----------------------------------------------------------------------------------- */
/* What a token costs: asking for one and taking it, the mask where little and where much is
 * possible, found anew and kept. Printed; held only against what would be absurd. */
static void time_of_a_token(void **state) {
    (void)state;
    static const char text[] =
        "{\"type\":\"object\",\"properties\":{\"name\":{\"type\":\"string\"},"
        "\"note\":{\"type\":\"string\",\"maxLength\":400}},"
        "\"required\":[\"name\",\"note\"]}";
    static const char *const place[] = {"{", "\"name\":", "\"any text",
                                        "\", \"note\": ", "\"more text"};
    const double start = until_computed();
    mn_grammar *g;
    mn_matcher *m;
    const uint64_t *bits;
    mn_buf ids = {0};
    assert_ok(mn_grammar_compile(text, strlen(text), &g));
    const double compiled = until_computed();
    assert_ok(mn_matcher_open(g, vocab, &m));
    printf("%d tokens: compile %.2f ms, first matcher %.1f ms\n", n_vocab, (compiled - start) * 1e3,
           (until_computed() - compiled) * 1e3);
    double allowed = 0;
    size_t tokens = 0;
    for (size_t i = 0; i < sizeof place / sizeof *place; i++) {
        mn_buf_clear(&ids);
        assert_ok(mn_tokenizer_encode(tokenizer, place[i], strlen(place[i]), 0, &ids));
        const double a = until_computed();
        for (size_t k = 0; k < ids.len / sizeof(int32_t); k++, tokens++) {
            int32_t id;
            memcpy(&id, ids.data + k * sizeof id, sizeof id);
            assert_int_equal(mn_matcher_allows(m, id), 1);
            assert_ok(mn_matcher_accept(m, id));
        }
        const double b = until_computed();
        const int n = mn_matcher_mask(m, &bits);
        const double c = until_computed();
        for (int k = 0; k < 100; k++) assert_int_equal(mn_matcher_mask(m, &bits), n);
        const double d = until_computed();
        allowed += b - a;
        printf("  behind %-12s %6d allowed: mask %7.1f us, again %.2f us\n", place[i], n,
               (c - b) * 1e6, (d - c) * 1e4);
        assert_true(c - b < 0.5);
    }
    printf("  asking for a token and taking it: %.2f us\n", allowed / (double)tokens * 1e6);
    assert_true(allowed / (double)tokens < 0.01);
    mn_buf_free(&ids);
    mn_matcher_close(&m);
    mn_grammar_release(&g);
}

/* The vocabulary of a model file, where `omnesia pull` has it. */
static void open_model(mn_gguf **gguf, mn_buf *image, mn_tokenizer **t) {
    const char *program = getenv("OMNESIA_PROGRAM");
    char command[4096], path[4096] = "";
    const char *model = getenv("OMNESIA_GRAMMAR_MODEL"); /* another, to look at its times */
    snprintf(command, sizeof command, "'%s' pull %s", program ? program : "omnesia",
             model ? model : "smollm2-135m");
    FILE *pipe = popen(command, "r");
    while (pipe && fgets(path, sizeof path, pipe)) path[strcspn(path, "\n")] = 0;
    if (!pipe || pclose(pipe) || mn_gguf_open(path, gguf) < 0 ||
        mn_tokenizer_build(*gguf, image) < 0 || mn_tokenizer_open(image->data, image->len, t) < 0) {
        fprintf(stderr, "no vocabulary: %s\n", mn_error_detail());
        exit(1);
    }
}

int main(int argc, char **argv) {
    static tiny words;
    mn_gguf *gguf = NULL;
    mn_buf image = {0};
    mn_tokenizer *t = NULL;
    if (argc > 0 && strstr(argv[0], "smollm2")) open_model(&gguf, &image, &t);
    tokenizer = t ? t : tiny_open(&words);
    n_vocab = mn_tokenizer_size(tokenizer);
    logits = calloc((size_t)n_vocab, sizeof *logits);
    if (!logits || mn_grammar_vocab_open(tokenizer, &vocab) < 0) return 1;
    const struct CMUnitTest tests[] = {cmocka_unit_test(random_schemas),
                                       cmocka_unit_test(time_of_a_token)};
    if (!t) cmocka_set_skip_filter("time_*"); /* of a real vocabulary only */
    const int rc = cmocka_run_group_tests(tests, NULL, NULL);
    mn_grammar_vocab_close(&vocab);
    mn_tokenizer_close(&t);
    mn_buf_free(&image);
    mn_gguf_close(&gguf);
    free(logits);
    return rc;
}
