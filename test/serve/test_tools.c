/* SPDX-License-Identifier: Apache-2.0
 *
 * test/serve/test_tools.c - calls in the text of models: found in all forms, the same however the
 * text was cut, and nothing lost of what is none.
 */
#include "test.h"

#include "base/alloc.h"
#include "base/random.h"
#include "serve/tools.h"

static int put_text(void *user, const char *text, size_t n) {
    return mn_buf_append(user, text, n);
}

static int put_call(void *user, const char *name, const char *arguments) {
    return mn_buf_printf(user, "{%s|%s}", name, arguments);
}

#define CALL "<tool_call>\n{\"name\": \"f\", \"arguments\": {\"a\": 1}}\n</tool_call>"
static const struct {
    const char *text, *told;
} cases[] = {
    {"", ""},
    {"plain words", "plain words"},
    {CALL, "{f|{\"a\":1}}"},
    {"I look.\n" CALL "\n" CALL, "I look.\n{f|{\"a\":1}}{f|{\"a\":1}}"},
    {CALL "\nand more", "{f|{\"a\":1}}and more"},
    {"\n\n" CALL, "\n\n{f|{\"a\":1}}"},
    {"<tool_call>{\"name\":\"g\",\"arguments\":\"{\\\"x\\\":2}\"}</tool_call>", "{g|{\"x\":2}}"},
    {"<tool_call>{\"name\":\"f\"}", "{f|{}}"}, /* the end in place of the tag */
    {"<tool_call>[{\"name\":\"f\"},{\"name\":\"g\"}]</tool_call>", "{f|{}}{g|{}}"},
    {"<tool_call>{\"name\":\"no\",\"arguments\":{}}</tool_call>",
     "<tool_call>{\"name\":\"no\",\"arguments\":{}}</tool_call>"},
    {"<tool_call>nonsense</tool_call>", "<tool_call>nonsense</tool_call>"},
    {"<tool_call>nonsense", "<tool_call>nonsense"},
    {"a <tool_cal of the wild", "a <tool_cal of the wild"},
    {"a <tool_call", "a <tool_call"},
    {"1 < 2", "1 < 2"},
    {"{\"name\":\"f\",\"arguments\":{\"s\":\"}]\\\"\"}}", "{f|{\"s\":\"}]\\\"\"}}"},
    {"{\"name\":\"f\",\"parameters\":{\"a\":[]}}", "{f|{\"a\":[]}}"},
    {"{\"type\":\"function\",\"function\":{\"name\":\"g\",\"arguments\":{}}}", "{g|{}}"},
    {" [ {\"name\":\"f\",\"arguments\":{}} , {\"name\":\"g\",\"arguments\":{}} ] ", "{f|{}}{g|{}}"},
    {"```json\n{\"name\":\"f\",\"arguments\":{}}\n```", "{f|{}}"},
    {"```\n{\"name\":\"f\",\"arguments\":{}}\n```\nDone.", "{f|{}}Done."},
    {"```json\n{\"x\":1}\n```", "```json\n{\"x\":1}\n```"},
    {"```python\nprint(1)\n```", "```python\nprint(1)\n```"},
    {"`f`", "`f`"},
    {"{\"answer\":42}", "{\"answer\":42}"},
    {"{\"name\":\"Anna\",\"arguments\":\"none\"}", "{\"name\":\"Anna\",\"arguments\":\"none\"}"},
    {"{\"name\":\"f\",\"arguments\":3}", "{\"name\":\"f\",\"arguments\":3}"},
    {"{\"name\":\"f\",\"argu", "{\"name\":\"f\",\"argu"},
    {"{\"name\":\"f\"}\n{\"name\":\"g\"}\n{\"name\":\"h\"}", "{f|{}}{g|{}}{\"name\":\"h\"}"},
    {"```json\n{\"name\":\"f\"}\n{\"name\":\"g\"}\n```\nDone.", "{f|{}}{g|{}}Done."},
    {"```json\n{\"name\":\"f\"}\n```\n```json\n{\"name\":\"g\"}\n```", "{f|{}}{g|{}}"},
    {CALL "{\"name\":\"g\"}" CALL, "{f|{\"a\":1}}{g|{}}{f|{\"a\":1}}"},
    {CALL "```python\nprint(1)\n```", "{f|{\"a\":1}}```python\nprint(1)\n```"},
    {"[1,2]", "[1,2]"},
    {"[]", "[]"},
    {"{}", "{}"},
    {"{", "{"},
    {"The call is {\"name\":\"f\"}", "The call is {\"name\":\"f\"}"},
};

static json_t *functions(void) {
    return json_loads("[{\"type\":\"function\",\"function\":{\"name\":\"f\"}},"
                      "{\"type\":\"function\",\"function\":{\"name\":\"g\"}}]",
                      0, NULL);
}

/* The text in pieces of at most `most` bytes, or of random sizes (0). */
static void run(const char *text, size_t most, mn_random *dice, mn_buf *told) {
    json_t *known = functions();
    mn_tools t = {.functions = known};
    const mn_tools_out out = {put_text, put_call, told};
    const size_t n = strlen(text);
    for (size_t at = 0; at < n;) {
        size_t k = most ? most : 1 + (size_t)(mn_random_u64(dice) % 9);
        if (k > n - at) k = n - at;
        assert_ok(mn_tools_take(&t, text + at, k, &out));
        at += k;
    }
    assert_ok(mn_tools_end(&t, &out));
    mn_tools_free(&t);
    json_decref(known);
}

static void calls_are_found_however_the_text_is_cut(void **state) {
    mn_random dice;
    mn_random_seed(&dice, 7);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (size_t most = 0; most < 60; most++) {
            mn_buf told = {0};
            run(cases[i].text, most, &dice, &told);
            if (strcmp(told.len ? told.data : "", cases[i].told) != 0)
                fail_msg("'%s' in pieces of %zu told '%s', not '%s'", cases[i].text, most,
                         told.len ? told.data : "", cases[i].told);
            mn_buf_free(&told);
        }
}

static void text_is_held_back_only_as_long_as_it_may_be_a_call(void **state) {
    json_t *known = functions();
    mn_tools t = {.functions = known};
    mn_buf told = {0};
    const mn_tools_out out = {put_text, put_call, &told};
    static const char *const pieces[][2] = {{"Hi ", "Hi "},
                                            {"<", "Hi "},
                                            {"to", "Hi "},
                                            {"day", "Hi <today"},
                                            {"<tool_call>", "Hi <today"}};
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        assert_ok(mn_tools_take(&t, pieces[i][0], strlen(pieces[i][0]), &out));
        assert_string_equal(told.data, pieces[i][1]);
    }
    mn_tools_free(&t);
    mn_buf_clear(&told);
    /* A JSON answer that is no call streams from its first key on. */
    t = (mn_tools){.functions = known};
    assert_ok(mn_tools_take(&t, "{\"ar", 4, &out));
    assert_int_equal(told.len, 0);
    assert_ok(mn_tools_take(&t, "t", 1, &out));
    assert_string_equal(told.data, "{\"art");
    mn_tools_free(&t);
    mn_buf_free(&told);
    json_decref(known);
}

static void without_functions_nothing_is_looked_for(void **state) {
    mn_tools t = {0};
    mn_buf told = {0};
    const mn_tools_out out = {put_text, put_call, &told};
    assert_ok(mn_tools_take(&t, CALL, strlen(CALL), &out));
    assert_string_equal(told.data, CALL);
    assert_ok(mn_tools_end(&t, &out));
    mn_buf_free(&told);
}

static void what_is_too_long_for_a_call_is_text(void **state) {
    json_t *known = functions();
    mn_tools t = {.functions = known};
    mn_buf told = {0};
    const mn_tools_out out = {put_text, put_call, &told};
    char *many = mn_calloc(1, MN_TOOLS_HELD + 16);
    memset(many, 'x', MN_TOOLS_HELD + 1);
    assert_ok(mn_tools_take(&t, "<tool_call>", 11, &out));
    assert_ok(mn_tools_take(&t, many, MN_TOOLS_HELD + 1, &out));
    assert_int_equal(told.len, MN_TOOLS_HELD + 12);
    mn_tools_free(&t);
    mn_buf_free(&told);
    mn_free(many);
    json_decref(known);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls_are_found_however_the_text_is_cut),
        cmocka_unit_test(text_is_held_back_only_as_long_as_it_may_be_a_call),
        cmocka_unit_test(without_functions_nothing_is_looked_for),
        cmocka_unit_test(what_is_too_long_for_a_call_is_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
