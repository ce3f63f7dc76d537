/* SPDX-License-Identifier: Apache-2.0
 *
 * test/api/test_messages.c - conversations as clients send them become what templates read.
 */
#include "test.h"

#include "api/messages.h"

static const char tools[] = "[{\"type\":\"function\",\"function\":{\"name\":\"add\",\"parameters\":"
                            "{\"type\":\"object\"}}}]";

static void becomes(const char *messages, const char *with, int has, const char *want) {
    mn_buf out = {0};
    assert_ok(mn_messages_context(messages, with, NULL, has, "<s>", "</s>", &out));
    if (!strstr(out.data, want)) fail_msg("%s lacks %s", out.data, want);
    mn_buf_free(&out);
}

static void refuses(const char *messages, const char *with, const char *sentence) {
    mn_buf out = {0};
    assert_fails(mn_messages_context(messages, with, NULL, 1, "", "", &out), MN_EINVAL, sentence);
    mn_buf_free(&out);
}

static void contents_are_texts(void **unused) {
    (void)unused;
    becomes("[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"a\"},{\"type\":"
            "\"text\",\"text\":\"b\"}]}]",
            NULL, 1, "\"content\":\"ab\"");
    becomes("[{\"role\":\"assistant\",\"content\":null}]", NULL, 1, "\"content\":\"\"");
    becomes("[{\"role\":\"assistant\"}]", NULL, 1, "\"content\":\"\"");
    becomes("[]", NULL, 1, "\"bos_token\":\"<s>\",\"eos_token\":\"</s>\"");
}

/* What is recalled stands before the last question, and in no other message. */
static void recalled_before_the_last_question(void **unused) {
    (void)unused;
    mn_buf out = {0};
    assert_ok(mn_messages_context(
        "[{\"role\":\"system\",\"content\":\"s\"},{\"role\":\"user\",\"content\":\"one\"},"
        "{\"role\":\"assistant\",\"content\":\"a\"},{\"role\":\"user\",\"content\":\"two\"},"
        "{\"role\":\"assistant\",\"content\":\"b\"}]",
        NULL, "DATA ", 1, "", "", &out));
    assert_non_null(strstr(out.data, "\"content\":\"DATA two\""));
    assert_null(strstr(strstr(out.data, "DATA") + 1, "DATA"));
    assert_non_null(strstr(out.data, "\"content\":\"s\""));
    mn_buf_free(&out);
    assert_ok(mn_messages_context("[{\"role\":\"assistant\",\"content\":\"a\"}]", NULL, "DATA ", 1,
                                  "", "", &out));
    assert_null(strstr(out.data, "DATA"));
    mn_buf_free(&out);
}

static void arguments_are_values(void **unused) {
    (void)unused;
    static const char call[] =
        "[{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":\"1\",\"type\":"
        "\"function\","
        "\"function\":{\"name\":\"add\",\"arguments\":\"{\\\"a\\\":1}\"}}]}]";
    becomes(call, tools, 1, "\"arguments\":{\"a\":1}");
    becomes(call, tools, 1, "\"tools\":[{\"type\":\"function\"");
}

static void templates_without_tools_get_words(void **unused) {
    (void)unused;
    becomes(
        "[{\"role\":\"system\",\"content\":\"Be kind.\"},{\"role\":\"user\",\"content\":\"2+2?\"}]",
        tools, 0, "Be kind.\\n\\nYou may call functions");
    becomes("[{\"role\":\"user\",\"content\":\"2+2?\"}]", tools, 0,
            "[{\"role\":\"system\",\"content\":\"You may call functions");
    becomes("[{\"role\":\"user\",\"content\":\"2+2?\"}]", tools, 0, "\\\"name\\\":\\\"add\\\"");
    becomes("[{\"role\":\"tool\",\"tool_call_id\":\"1\",\"content\":\"4\"}]", NULL, 0,
            "\"role\":\"user\"");
    becomes("[{\"role\":\"tool\",\"tool_call_id\":\"1\",\"content\":\"4\"}]", NULL, 0,
            "<tool_response>\\n4\\n</tool_response>");
    becomes("[{\"role\":\"assistant\",\"tool_calls\":[{\"function\":{\"name\":\"add\","
            "\"arguments\":{}}}]}]",
            NULL, 0,
            "<tool_call>\\n{\\\"name\\\":\\\"add\\\",\\\"arguments\\\":{}}\\n</tool_call>");
}

static void what_is_no_conversation_is_refused(void **unused) {
    (void)unused;
    refuses("{}", NULL, "messages is not a JSON array");
    refuses("[", NULL, "messages is not JSON");
    refuses("[]", "7", "tools is not");
    refuses("[1]", NULL, "messages[0] has no role");
    refuses("[{\"role\":\"user\",\"content\":7}]", NULL, "messages[0].content");
    refuses("[{\"role\":\"user\",\"content\":[{\"type\":\"image_url\"}]}]", NULL,
            "messages[0].content[0] is not a text");
    refuses("[{\"role\":\"assistant\",\"tool_calls\":[{}]}]", NULL, "names no function");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(contents_are_texts),
        cmocka_unit_test(recalled_before_the_last_question),
        cmocka_unit_test(arguments_are_values),
        cmocka_unit_test(templates_without_tools_get_words),
        cmocka_unit_test(what_is_no_conversation_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
