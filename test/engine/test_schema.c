/* SPDX-License-Identifier: Apache-2.0
 * test/engine/test_schema.c - JSON schemas as grammars: what each keyword lets through and holds
 * back, byte by byte, and what is refused, with its place. */
#include "engine/grammar_data.h"

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

/* Texts up to NULL that a schema lets through, then, behind it, those it does not. */
static void writes(const char *schema, const char *const *text) {
    mn_grammar *g;
    const int rc = mn_grammar_compile(schema, strlen(schema), &g);
    if (rc < 0) fail_msg("%s\n%s", schema, mn_error_detail());
    for (; *text; text++)
        if (!grammar_fits(g, vocab, *text)) fail_msg("%s\ndoes not write: %s", schema, *text);
    for (text++; *text; text++)
        if (grammar_fits(g, vocab, *text)) fail_msg("%s\nwrites: %s", schema, *text);
    mn_grammar_release(&g);
}
#define WRITES(schema, ...) writes(schema, (const char *const[]){__VA_ARGS__, NULL})

static void refused(const char *schema, int code, const char *why) {
    mn_grammar *g;
    const int rc = mn_grammar_compile(schema, strlen(schema), &g);
    if (rc != code || !strstr(mn_error_detail(), why))
        fail_msg("%s\n%d, %s\nbut wanted %d, %s", schema, rc, rc < 0 ? mn_error_detail() : "read",
                 code, why);
    assert_null(g);
}

static void any_json_is_json(void **state) {
    (void)state;
    WRITES("{}", "null", "true", "-12.5e+3", "\"\"", "[]", "{}", "[1, [2,\n  {\"a\": null}]]",
           "{\"a\":1, \"b\":[{}]}", NULL, "", "nul", "01", "1.", "[1,]", "{\"a\"}", "{a:1}",
           "[1  ,2]", "\"\n\"", "\"\\x\"", "1 ", " 1", "1e999");
    WRITES("{\"title\":\"x\",\"x-mine\":[1]}", "3", "[]", NULL, "x");
    WRITES("{\"type\":\"object\"}", "{}", "{\"a\":{\"b\":[]}}", NULL, "[]", "{\"a\":}");
    WRITES("{\"type\":\"array\"}", "[]", "[1,\"a\"]", NULL, "{}");
    WRITES("{\"type\":[\"null\",\"boolean\"]}", "null", "false", NULL, "0");
    WRITES("{\"type\":\"string\",\"nullable\":true}", "null", "\"a\"", NULL, "0");
}

static void strings_have_characters(void **state) {
    (void)state;
    WRITES("{\"type\":\"string\",\"minLength\":2,\"maxLength\":3}", "\"ab\"",
           "\"\xe2\x82\xac\xc3\xa9\xf0\x9f\x98\x80\"", "\"\\n\\u00e9x\"", "\"\\ud83d\\ude00a\"",
           "\"\\\"\\\\\"", NULL, "\"a\"", "\"abcd\"", "ab", "\"\\ud83da\"", "\"\\ude00a\"",
           "\"a\\u0000\"", "\"a\x01\"", "\"a\xff\"", "\"a\\u12\"");
    WRITES("{\"type\":\"string\",\"maxLength\":0}", "\"\"", NULL, "\"a\"");
}

static void patterns_match_somewhere_unless_anchored(void **state) {
    (void)state;
    WRITES("{\"pattern\":\"^[A-Z]{2}-\\\\d+$\"}", "\"AB-1\"", "\"XY-2024\"", NULL, "\"AB-\"",
           "\"xAB-1\"", "\"AB-1x\"");
    WRITES("{\"pattern\":\"b+c\"}", "\"bc\"", "\"aabbcdd\"",
           "\"\\n\xc3\xa9"
           "bc\"",
           NULL, "\"b\"", "\"ac\"");
    WRITES("{\"pattern\":\"^(?:ab|c[^x\\\"])*?$\"}", "\"\"", "\"abcy\"", NULL, "\"cx\"",
           "\"c\\\"\"", "\"a\"");
    WRITES("{\"pattern\":\"^a|b$\"}", "\"axx\"", "\"xxb\"", NULL, "\"xa\"", "\"bx\"");
    WRITES("{\"pattern\":\"^\\\\w+\\\\s\\\\S\\\\D.\\\\.$\"}", "\"a_1 \xc3\xa9x..\"", NULL,
           "\"a xxxx\"", "\"a 22x.\"");
    WRITES("{\"pattern\":\"^\\\\u0041\\\\x42\\\\u{43}\\\\/\\\\t[\\\\]\\\\d-]$\"}", "\"ABC/\\t]\"",
           "\"ABC/\\t7\"", "\"ABC/\\t-\"", NULL, "\"ABC/\\ta\"");
    WRITES("{\"pattern\":\"^[a-z0-9_]+$\",\"minLength\":2,\"maxLength\":4}", "\"ab\"", "\"a_9z\"",
           NULL, "\"a\"", "\"abcde\"", "\"ab!\"");
    WRITES("{\"pattern\":\"a\",\"maxLength\":3}", "\"a\"", "\"xax\"", NULL, "\"xxxa\"", "\"xxx\"");
    WRITES("{\"pattern\":\"^a{2,}$\",\"minLength\":4}", "\"aaaa\"", "\"aaaaaaaaa\"", NULL,
           "\"aaa\"");
    WRITES("{\"pattern\":\"x{a}\"}", "\"x{a}\"", NULL, "\"xa\"");
    refused("{\"properties\":{\"x\":{\"pattern\":\"(?=a)\"}}}", MN_EUNSUPPORTED,
            "#/properties/x/pattern: (? with");
    refused("{\"pattern\":\"(a)\\\\1\"}", MN_EUNSUPPORTED, "#/pattern: this escape");
    refused("{\"pattern\":\"a)\"}", MN_EINVAL, "has no '('");
    refused("{\"pattern\":\"[a\"}", MN_EINVAL, "has no ']'");
    refused("{\"pattern\":\"((a{999}){999}){999}\"}", MN_ETOOLONG, "too many");
    refused("{\"pattern\":\"(((){9999}){9999}){9999}\"}", MN_ETOOLONG, "too many");
    refused("{\"pattern\":\"^a$\",\"maxLength\":900000}", MN_ETOOLONG, "too large together");
    refused("{\"pattern\":\"^ab$\",\"maxLength\":1}", MN_EINVAL, "nothing fits");
}

static void formats_are_patterns(void **state) {
    (void)state;
    WRITES("{\"format\":\"date\"}", "\"2024-02-29\"", "\"2023-12-31\"", "\"2000-02-29\"", NULL,
           "\"2023-02-29\"", "\"1900-02-29\"", "\"2024-13-01\"", "\"2024-04-31\"", "\"24-01-01\"");
    WRITES("{\"format\":\"time\"}", "\"23:59:59Z\"", "\"00:00:00.123+02:00\"", NULL,
           "\"24:00:00Z\"", "\"12:00:00\"");
    WRITES("{\"format\":\"date-time\"}", "\"2024-02-29T01:02:03Z\"", NULL,
           "\"2024-02-29 01:02:03Z\"");
    WRITES("{\"format\":\"uuid\"}", "\"123e4567-e89b-12d3-a456-426614174000\"", NULL,
           "\"123e4567-e89b-12d3-a456-42661417400\"");
    WRITES("{\"format\":\"ipv4\"}", "\"127.0.0.1\"", "\"255.255.255.255\"", NULL, "\"256.1.1.1\"",
           "\"01.1.1.1\"");
    WRITES("{\"format\":\"email\"}", "\"a.b+c@ex-ample.org\"", NULL, "\"a@b\"", "\"@b.cd\"");
    WRITES("{\"format\":\"uri\"}", "\"https://example.org/a/b?c=d#e\"", NULL, "\"example.org\"");
    WRITES("{\"format\":\"hostname\"}", "\"a.b-c.de\"", NULL, "\"-a\"", "\"a..b\"");
    WRITES("{\"format\":\"ipv6\"}", "\"0:0:0:0:0:0:0:1\"", NULL, "\"::1g\"");
    WRITES("{\"format\":\"duration\"}", "\"P3D\"", "\"PT5M\"", NULL, "\"P\"", "\"PT\"");
    WRITES("{\"format\":\"byte\"}", "\"\"", "\"YWI=\"", "\"YWJj\"", NULL, "\"YWI\"");
    refused("{\"items\":{\"format\":\"colour\"}}", MN_EUNSUPPORTED,
            "#/items/format: 'colour' is not supported");
}

/* Every integer in -130..130, and the edges of 64 bits, against every pair of small bounds. */
static void integers_keep_their_bounds(void **state) {
    (void)state;
    static const char *const low[] = {"",
                                      "\"minimum\":-101,",
                                      "\"minimum\":-9.5,",
                                      "\"exclusiveMinimum\":-1,",
                                      "\"minimum\":0,",
                                      "\"exclusiveMinimum\":0,",
                                      "\"minimum\":7,",
                                      "\"exclusiveMinimum\":9,",
                                      "\"minimum\":99.5,",
                                      "\"minimum\":9,\"exclusiveMinimum\":true,",
                                      "\"minimum\":-0.5,",
                                      "\"exclusiveMinimum\":-10,"};
    static const int from[] = {-1000, -101, -9, 0, 0, 1, 7, 10, 100, 10, 0, -9};
    static const char *const high[] = {"",
                                       "\"maximum\":105,",
                                       "\"maximum\":99,",
                                       "\"exclusiveMaximum\":10,",
                                       "\"maximum\":0,",
                                       "\"exclusiveMaximum\":0,",
                                       "\"maximum\":-0.5,",
                                       "\"maximum\":-9.5,",
                                       "\"maximum\":-100,\"exclusiveMaximum\":true,",
                                       "\"exclusiveMaximum\":1e2,"};
    static const int to[] = {1000, 105, 99, 9, 0, -1, -1, -10, -101, 99};
    for (size_t a = 0; a < sizeof from / sizeof *from; a++) {
        for (size_t b = 0; b < sizeof to / sizeof *to; b++) {
            char schema[200], text[16];
            mn_grammar *g;
            snprintf(schema, sizeof schema, "{%s%s\"type\":\"integer\"}", low[a], high[b]);
            if (strstr(low[a], "true") && strstr(high[b], "true")) continue;
            const int rc = mn_grammar_compile(schema, strlen(schema), &g);
            if (rc < 0 && from[a] > to[b]) continue; /* nothing fits */
            if (rc < 0) fail_msg("%s: %s", schema, mn_error_detail());
            for (int v = -130; v <= 130; v++) {
                snprintf(text, sizeof text, "%d", v);
                if (grammar_fits(g, vocab, text) != (v >= from[a] && v <= to[b]))
                    fail_msg("%s: %d", schema, v);
            }
            if (grammar_fits(g, vocab, "-0") || grammar_fits(g, vocab, "007") ||
                grammar_fits(g, vocab, "5.0"))
                fail_msg("%s: strange ones", schema);
            mn_grammar_release(&g);
        }
    }
    WRITES(
        "{\"type\":\"integer\",\"minimum\":-9223372036854775808,\"maximum\":9223372036854775807}",
        "9223372036854775807", "-9223372036854775808", "0", NULL, "9223372036854775808",
        "-9223372036854775809");
    WRITES("{\"type\":\"integer\"}", "999999999999999999", "-1", "0", NULL, "9999999999999999999",
           "1.5", "1e3", "-0");
    WRITES("{\"type\":\"integer\",\"multipleOf\":1,\"minimum\":9223372036854775806}",
           "9223372036854775807", NULL, "5");
    refused("{\"type\":\"integer\",\"multipleOf\":5}", MN_EUNSUPPORTED, "#/multipleOf");
    refused("{\"type\":\"integer\",\"minimum\":\"a\"}", MN_EINVAL, "#/minimum: this is no number");
    refused("{\"type\":\"integer\",\"minimum\":5,\"maximum\":4}", MN_EINVAL, "nothing fits");
}

static void numbers_keep_their_bounds(void **state) {
    (void)state;
    WRITES("{\"type\":\"number\"}", "0", "-0.5", "12.25", "1e5", "-1.5E-10", NULL, "1.", ".5",
           "1e100", "00");
    WRITES("{\"type\":\"number\",\"minimum\":0,\"maximum\":1}", "0", "1", "0.5", "1.000", "0.0",
           "0.999999999999999", NULL, "-0.5", "1.01", "2", "-0", "1e0", "10");
    WRITES("{\"type\":\"number\",\"exclusiveMinimum\":0,\"exclusiveMaximum\":1}", "0.5", "0.001",
           "0.99", NULL, "0", "0.0", "1", "1.0", "-0.5");
    WRITES("{\"type\":\"number\",\"minimum\":-2.5,\"maximum\":12.75}", "-2.5", "-2.50", "-2.49",
           "-0.1", "0", "9", "12.75", "12.7", "12.7499", NULL, "-2.51", "-3", "12.76", "12.8", "13",
           "100");
    WRITES("{\"type\":\"number\",\"maximum\":-0.25}", "-0.25", "-1", "-1000.5", NULL, "-0.2", "0",
           "1");
    WRITES("{\"type\":\"number\",\"minimum\":99.5,\"maximum\":1000}", "99.5", "100", "999.9",
           "1000", "1000.0", NULL, "99.4", "99", "1000.1", "9999");
    refused("{\"type\":\"number\",\"minimum\":1e-30}", MN_EUNSUPPORTED, "decimals");
    refused("{\"type\":\"number\",\"maximum\":1e30}", MN_EUNSUPPORTED, "18 digits");
}

static void objects_have_their_properties_in_order(void **state) {
    (void)state;
    WRITES("{\"properties\":{\"a\":{\"type\":\"null\"},\"b\":{\"type\":\"null\"},\"c\":{\"type\":"
           "\"null\"}},\"required\":[\"b\"]}",
           "{\"b\":null}", "{\"a\":null,\"b\":null}", "{\"b\":null,\"c\":null}",
           "{\"a\": null, \"b\": null,\n  \"c\": null\n}", NULL, "{}", "{\"a\":null}",
           "{\"b\":null,\"a\":null}", "{\"b\":null,}", "{,\"b\":null}", "{\"b\":null,\"d\":1}");
    WRITES("{\"properties\":{\"a\":{},\"b\":{}}}", "{}", "{\"a\":1}", "{\"b\":1}",
           "{\"a\":1,\"b\":2}", NULL, "{\"c\":1}");
    WRITES("{\"properties\":{\"a\":{\"type\":\"null\"}},\"additionalProperties\":{\"type\":"
           "\"boolean\"}}",
           "{}", "{\"a\":null}", "{\"a\":null,\"b\":true,\"ab\":false}", "{\"b\":true}",
           "{\"\":true}", "{\"\xc3\xa9\":true}", NULL, "{\"a\":true}", "{\"b\":true,\"a\":null}",
           "{\"b\":null}", "{\"\\u0061\":true}");
    WRITES("{\"properties\":{\"ab\":{},\"abc\":{},\"\xc3\xa9\":{},\"q\\\"q\":{}},"
           "\"additionalProperties\":{\"type\":\"null\"}}",
           "{\"a\":null}", "{\"abcd\":null}", "{\"abd\":null,\"\xc3\xa8\":null}", "{\"q\\\"q\":1}",
           "{\"q\":null}", NULL, "{\"z\":null,\"ab\":null}", "{\"z\":null,\"abc\":null}",
           "{\"z\":null,\"\xc3\xa9\":null}");
    WRITES("{\"type\":\"object\",\"additionalProperties\":{\"type\":\"null\"},\"maxProperties\":2,"
           "\"minProperties\":1}",
           "{\"a\":null}", "{\"a\":null,\"b\":null}", NULL, "{}",
           "{\"a\":null,\"b\":null,\"c\":null}");
    WRITES("{\"properties\":{\"a\":false,\"b\":true},\"required\":[\"c\",\"c\"]}", "{\"c\":1}",
           "{\"b\":1,\"c\":[]}", NULL, "{}", "{\"a\":1,\"c\":1}", "{\"c\":1,\"c\":1}");
    WRITES("{\"type\":\"object\",\"properties\":{},\"additionalProperties\":false}", "{}", "{ }",
           NULL, "{\"a\":1}");
    WRITES("{\"properties\":{\"a/b\\n\":{\"const\":1}},\"required\":[\"a/b\\n\"]}",
           "{\"a/b\\n\":1}", NULL, "{}");
    refused("{\"properties\":{\"a\":{}},\"required\":[\"b\"],\"additionalProperties\":false}",
            MN_EINVAL, "'b' must be there");
    refused("{\"properties\":{\"a/b\":{\"properties\":{\"c\":{\"not\":{}}}}}}", MN_EUNSUPPORTED,
            "#/properties/a~1b/properties/c/not: this keyword");
    refused("{\"properties\":{\"a\":{},\"b\":{}},\"minProperties\":1}", MN_EUNSUPPORTED,
            "#/minProperties");
    refused("{\"properties\":{\"a\":{},\"b\":{}},\"maxProperties\":1}", MN_EUNSUPPORTED,
            "#/maxProperties");
    refused("{\"patternProperties\":{\"a\":{}}}", MN_EUNSUPPORTED, "#/patternProperties");
    refused("{\"properties\":[]}", MN_EINVAL, "#/properties");
}

static void arrays_have_their_items(void **state) {
    (void)state;
    WRITES("{\"items\":{\"type\":\"boolean\"},\"minItems\":1,\"maxItems\":3}", "[true]",
           "[true,false, true]", NULL, "[]", "[true,true,true,true]", "[1]", "[true,]");
    WRITES("{\"items\":{\"type\":\"null\"}}", "[]", "[null,null,null,null,null,null]", NULL,
           "[,null]");
    WRITES("{\"items\":{\"type\":\"null\"},\"maxItems\":0}", "[]", "[ ]", NULL, "[null]");
    WRITES("{\"prefixItems\":[{\"const\":1},{\"const\":2}],\"items\":{\"const\":3},\"minItems\":1}",
           "[1]", "[1,2]", "[1,2,3,3]", NULL, "[]", "[2]", "[1,3]");
    WRITES("{\"prefixItems\":[{\"const\":1},{\"const\":2}],\"items\":false}", "[]", "[1]", "[1,2]",
           NULL, "[1,2,3]");
    WRITES("{\"prefixItems\":[{\"const\":1},{\"const\":2}],\"minItems\":3,\"maxItems\":3}",
           "[1,2,null]", NULL, "[1,2]", "[1,2,3,4]");
    WRITES("{\"items\":[{\"const\":1}],\"additionalItems\":{\"const\":2}}", "[]", "[1]", "[1,2,2]",
           NULL, "[2]");
    WRITES("{\"prefixItems\":[{\"const\":1},{\"const\":2}],\"maxItems\":1}", "[]", "[1]", NULL,
           "[1,2]");
    refused("{\"prefixItems\":[{}],\"items\":false,\"minItems\":2}", MN_EINVAL, "#/minItems");
    refused("{\"minItems\":3,\"maxItems\":2}", MN_EINVAL, "#/minItems: 3 is more than maxItems 2");
    refused("{\"uniqueItems\":true}", MN_EUNSUPPORTED, "#/uniqueItems");
    refused("{\"minItems\":-1}", MN_EINVAL, "no count");
    refused("{\"minItems\":1.5}", MN_EINVAL, "no count");
}

static void enums_and_consts_are_texts(void **state) {
    (void)state;
    WRITES("{\"enum\":[\"a\\\"b\",1,0.1,null,{\"x\":[1,true]},\"\xc3\xa9\"]}", "\"a\\\"b\"", "1",
           "0.1", "null", "{\"x\":[1,true]}", "\"\xc3\xa9\"", NULL, "\"a\"", "2",
           "0.10000000000000001", "[]");
    WRITES("{\"type\":\"string\",\"enum\":[\"a\",1,\"b\"]}", "\"a\"", "\"b\"", NULL, "1");
    WRITES("{\"type\":\"integer\",\"enum\":[2.0,1.5]}", "2.0", NULL, "1.5");
    WRITES("{\"const\":null}", "null", NULL, "0");
    refused("{\"type\":\"null\",\"enum\":[1]}", MN_EINVAL, "#/enum: no value");
    refused("{\"enum\":[\"a\"],\"pattern\":\"a\"}", MN_EUNSUPPORTED,
            "#/pattern: not supported beside enum");
    refused("{\"enum\":\"a\"}", MN_EINVAL, "#/enum: this is no list");
}

static void choices_are_ways(void **state) {
    (void)state;
    WRITES("{\"anyOf\":[{\"type\":\"null\"},{\"type\":\"integer\",\"minimum\":5},true]}", "null",
           "5", "\"x\"", NULL, "x");
    WRITES("{\"type\":\"integer\",\"anyOf\":[{\"minimum\":7},{\"maximum\":2},{\"type\":\"number\","
           "\"const\":4}]}",
           "7", "2", "4", NULL, "5", "3", "6");
    WRITES("{\"anyOf\":[{\"const\":1},{\"const\":2}],\"oneOf\":[{\"const\":2},{\"const\":3}],"
           "\"description\":\"x\"}",
           "2", NULL, "1", "3");
    WRITES("{\"oneOf\":[{\"type\":\"string\"},{\"type\":\"number\"},{\"enum\":[null,true]},{"
           "\"const\":false}]}",
           "\"a\"", "1", "true", "false", NULL, "[]");
    WRITES("{\"oneOf\":[{\"$ref\":\"#/$defs/a\"},{\"$ref\":\"#/$defs/"
           "b\"}],\"$defs\":{\"a\":{\"type\":\"object\",\"properties\":"
           "{\"kind\":{\"const\":\"a\"},\"x\":{\"type\":\"null\"}},\"required\":[\"kind\",\"x\"]},"
           "\"b\":{\"type\":\"object\",\"properties\":"
           "{\"kind\":{\"enum\":[\"b\",\"c\"]}},\"required\":[\"kind\"]}}}",
           "{\"kind\":\"a\",\"x\":null}", "{\"kind\":\"c\"}", NULL, "{\"kind\":\"a\"}",
           "{\"kind\":\"b\",\"x\":null}");
    WRITES(
        "{\"oneOf\":[{\"type\":\"integer\",\"maximum\":4},{\"type\":\"integer\",\"minimum\":5}]}",
        "4", "5", NULL, "x");
    WRITES("{\"oneOf\":[{\"properties\":{\"a\":{}},\"required\":[\"a\"],\"type\":\"object\"},"
           "{\"properties\":{\"b\":{}},\"additionalProperties\":false,\"type\":\"object\"}]}",
           "{\"a\":1}", "{\"b\":1}", NULL, "{\"c\":1}");
    refused("{\"oneOf\":[{\"type\":\"integer\"},{\"type\":\"number\"}]}", MN_EUNSUPPORTED,
            "#/oneOf: alternatives 0 and 1 may both");
    refused("{\"oneOf\":[{\"const\":1},{\"const\":2},{\"minimum\":2}]}", MN_EUNSUPPORTED,
            "alternatives 0 and 2");
    refused("{\"anyOf\":[]}", MN_EINVAL, "#/anyOf");
    refused("{\"anyOf\":[{\"items\":{\"if\":{}}}]}", MN_EUNSUPPORTED, "#/anyOf/0/items/if");
}

static void all_of_is_merged(void **state) {
    (void)state;
    WRITES("{\"allOf\":[{\"properties\":{\"a\":{\"type\":\"integer\"}},\"required\":[\"a\"]},{"
           "\"properties\":{\"a\":{\"minimum\":5},"
           "\"b\":{\"const\":1}},\"required\":[\"b\"]}],\"type\":\"object\"}",
           "{\"a\":5,\"b\":1}", NULL, "{\"a\":4,\"b\":1}", "{\"a\":5}", "{\"b\":1}");
    WRITES("{\"allOf\":[{\"type\":\"integer\",\"minimum\":3},{\"type\":[\"number\",\"null\"],"
           "\"maximum\":5},{\"minimum\":4}]}",
           "4", "5", NULL, "3", "6", "null", "4.5");
    WRITES("{\"allOf\":[{\"enum\":[1,2,3]},{\"enum\":[2,3,4]},{\"const\":3}]}", "3", NULL, "2");
    WRITES("{\"$ref\":\"#/$defs/"
           "p\",\"maxLength\":2,\"$defs\":{\"p\":{\"type\":\"string\",\"minLength\":1}}}",
           "\"a\"", "\"ab\"", NULL, "\"\"", "\"abc\"");
    WRITES("{\"allOf\":[{\"properties\":{\"a\":{\"const\":1}},\"additionalProperties\":false},{"
           "\"properties\":{\"a\":{},\"b\":{}}}]}",
           "{}", "{\"a\":1}", NULL, "{\"b\":1}");
    WRITES("{\"allOf\":[{\"anyOf\":[{\"const\":1},{\"const\":2}]},{\"anyOf\":[{\"const\":2},{"
           "\"const\":1}]}]}",
           "1", "2", NULL, "3");
    WRITES("{\"allOf\":[{\"items\":{\"type\":\"integer\"}},{\"items\":{\"minimum\":5},\"minItems\":"
           "1}]}",
           "[5]", NULL, "[]", "[4]");
    refused("{\"allOf\":[{\"pattern\":\"a\"},{\"pattern\":\"b\"}]}", MN_EUNSUPPORTED,
            "#/pattern: two different");
    refused("{\"allOf\":[{\"type\":\"null\"},{\"type\":\"string\"}]}", MN_EINVAL, "no type fits");
    refused("{\"allOf\":[true,false]}", MN_EINVAL, "nothing fits");
    refused("{\"allOf\":[{\"$ref\":\"#\"}]}", MN_EINVAL, "go in a circle");
}

static void references_go_in_circles(void **state) {
    (void)state;
    WRITES("{\"$defs\":{\"tree\":{\"type\":\"object\",\"properties\":{\"v\":{\"type\":\"integer\"},"
           "\"kids\":{\"type\":\"array\",\"items\":"
           "{\"$ref\":\"#/$defs/tree\"}}},\"required\":[\"v\"]}},\"$ref\":\"#/$defs/tree\"}",
           "{\"v\":1}", "{\"v\":1,\"kids\":[{\"v\":2,\"kids\":[]},{\"v\":3}]}", NULL,
           "{\"kids\":[]}", "{\"v\":1,\"kids\":[1]}");
    WRITES("{\"properties\":{\"next\":{\"$ref\":\"#\"}}}", "{}", "{\"next\":{\"next\":{}}}", NULL,
           "{\"next\":1}");
    WRITES("{\"definitions\":{\"a~b/c d\":{\"const\":7}},\"$ref\":\"#/definitions/a~0b~1c%20d\"}",
           "7", NULL, "8");
    WRITES("{\"anyOf\":[{\"const\":1},{\"items\":{\"$ref\":\"#/anyOf/0\"},\"type\":\"array\"}]}",
           "1", "[1,1]", NULL, "[2]");
    refused("{\"$ref\":\"#/$defs/x\"}", MN_EINVAL, "#/$ref: there is no '#/$defs/x'");
    refused("{\"$ref\":\"http://example.org/x\"}", MN_EUNSUPPORTED, "only places in this schema");
    refused("{\"$ref\":\"#\"}", MN_EINVAL, "left recursion");
    refused("{\"properties\":{\"a\":{\"$ref\":\"#\"}},\"required\":[\"a\"]}", MN_EINVAL,
            "nothing fits");
}

static void what_is_no_schema_is_refused(void **state) {
    (void)state;
    refused("{", MN_EINVAL, "no JSON");
    refused("{\"type\":\"strang\"}", MN_EINVAL, "#/type: strang is no type");
    refused("{\"type\":[]}", MN_EINVAL, "#/type: the list is empty");
    refused("{\"properties\":{\"a\":3}}", MN_EINVAL, "#/properties/a: a schema is");
    refused("{\"format\":\"date\",\"pattern\":\"a\"}", MN_EUNSUPPORTED, "beside format");
    char deep[3000];
    size_t n = 0;
    for (int i = 0; i < 100; i++) n += (size_t)sprintf(deep + n, "{\"items\":");
    n += (size_t)sprintf(deep + n, "{}");
    for (int i = 0; i < 100; i++) deep[n++] = '}';
    deep[n] = 0;
    refused(deep, MN_ETOOLONG, "more than 64 deep");
}

/* Alternatives of alternatives of alternatives: ways that multiply are counted. */
static void multiplying_schemas_are_refused(void **state) {
    (void)state;
    static char text[60000];
    mn_grammar *g;
    size_t n = (size_t)sprintf(text, "{\"allOf\":[");
    for (int i = 0; i < 30; i++) {
        n += (size_t)sprintf(text + n, "%s{\"anyOf\":[", i ? "," : "");
        for (int k = 0; k < 30; k++)
            n += (size_t)sprintf(text + n, "%s{\"minimum\":%d}", k ? "," : "", i * k);
        n += (size_t)sprintf(text + n, "]}");
    }
    sprintf(text + n, "]}");
    assert_int_equal(mn_grammar_compile(text, strlen(text), &g), MN_ETOOLONG);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_json_is_json),
        cmocka_unit_test(strings_have_characters),
        cmocka_unit_test(patterns_match_somewhere_unless_anchored),
        cmocka_unit_test(formats_are_patterns),
        cmocka_unit_test(integers_keep_their_bounds),
        cmocka_unit_test(numbers_keep_their_bounds),
        cmocka_unit_test(objects_have_their_properties_in_order),
        cmocka_unit_test(arrays_have_their_items),
        cmocka_unit_test(enums_and_consts_are_texts),
        cmocka_unit_test(choices_are_ways),
        cmocka_unit_test(all_of_is_merged),
        cmocka_unit_test(references_go_in_circles),
        cmocka_unit_test(what_is_no_schema_is_refused),
        cmocka_unit_test(multiplying_schemas_are_refused),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
