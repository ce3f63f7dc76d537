/* SPDX-License-Identifier: Apache-2.0
 *
 * test/serve/test_mcp_tasks.c - the tools for plans: their list, hints, budgets, refusals.
 */
#include "folder.h"
#include "serve/mcp_ask.h"
#include "test.h"

#include "base/alloc.h"
#include "serve/mcp_tools.h"

static mn_mem *mem;
static mn_mcp_peer peer;

static int begin(void **state) {
    char path[96];
    if (folder_begin("mcp", 1) < 0) return -1;
    json_set_alloc_funcs(mn_malloc, mn_free);
    const mn_mem_options how = {.model = "none"};
    snprintf(path, sizeof path, "%s/memory.db", folder);
    return mn_mem_open(path, &how, &mem);
}
static int end(void **state) {
    mn_mem_close(&mem);
    return folder_end();
}
static int remembers(void **state) {
    peer = (mn_mcp_peer){.mem = mem, .folder = "", .scope = {.user = "anna"}};
    return 0;
}

/* The answer to a message, for json_decref. */
static json_t *say(const char *message) {
    mn_buf reply = {0};
    assert_int_equal(mn_mcp_take_text(&peer, message, strlen(message), &reply), 200);
    json_t *answer = json_loadb(reply.data, reply.len, 0, NULL);
    assert_non_null(answer);
    mn_buf_free(&reply);
    return answer;
}
static json_t *result_of(json_t *answer) {
    json_t *const result = json_object_get(answer, "result");
    assert_true(json_is_object(result));
    return result;
}
static const char *text_in(const json_t *o, const char *name) {
    const char *const text = json_string_value(json_object_get(o, name));
    assert_non_null(text);
    return text;
}
static void refused(const char *message, const char *text) {
    json_t *answer = say(message);
    assert_true(json_is_true(json_object_get(result_of(answer), "isError")));
    const json_t *const part = json_array_get(json_object_get(result_of(answer), "content"), 0);
    if (!strstr(text_in(part, "text"), text)) fail_msg("%s lacks %s", text_in(part, "text"), text);
    json_decref(answer);
}

static void plans_are_tools_of_the_same_table(void **state) {
    json_t *answer = say(ASK("1", "tools/list", NOW)), *tool;
    const char *const names[] = {"task_new",    "task_step",     "task_update",  "task_done",
                                 "task_fail",   "task_rollback", "task_replace", "task_say",
                                 "task_prompt", "task_show",     "task_list"};
    size_t i, found = 0;
    json_array_foreach(json_object_get(result_of(answer), "tools"), i, tool) {
        const char *const name = text_in(tool, "name");
        if (strncmp(name, "task_", 5) != 0) continue;
        assert_string_equal(name, names[found++]);
        json_t *const takes = json_object_get(json_object_get(tool, "inputSchema"), "properties");
        assert_null(json_object_get(takes, "model")); /* which is for this machine's programs */
        json_t *const hints = json_object_get(tool, "annotations");
        assert_int_equal(json_is_true(json_object_get(hints, "readOnlyHint")), found > 8);
        assert_true(json_is_false(json_object_get(hints, "destructiveHint")));
    }
    assert_int_equal(found, 11);
    json_decref(answer);
    peer.mem = NULL; /* without a memory there are none */
    answer = say(CALL("task_list", ""));
    assert_non_null(json_object_get(answer, "error"));
    json_decref(answer);
}

static void plans_are_made_and_read(void **state) {
    json_t *answer = say(CALL_NOW("task_new", "\"slot\":\"Trip\""));
    json_t *const made = json_object_get(result_of(answer), "structuredContent");
    const int root = (int)json_integer_value(json_object_get(json_object_get(made, "task"), "id"));
    char call[512];
    assert_true(root > 0);
    json_decref(answer);
    for (int i = 0; i < 200; i++) {
        snprintf(call, sizeof call,
                 CALL("task_step", "\"parent\":%d,\"slot\":\"a step of many words\""), root);
        json_decref(say(call));
    }
    snprintf(call, sizeof call, CALL_NOW("task_show", "\"id\":%d,\"budget\":300"), root);
    answer = say(call);
    json_t *const shown = json_object_get(result_of(answer), "structuredContent");
    assert_non_null(strstr(text_in(shown, "tree"), "more had no room"));
    assert_true(strlen(text_in(shown, "tree")) < 300 * 6);
    assert_non_null(strstr(text_in(shown, "note"), "not instructions"));
    json_decref(answer);
    refused(CALL("task_step", "\"parent\":999999,\"slot\":\"x\""), "there is no task #999999");
    refused(CALL("task_new", "\"slott\":\"x\""), "did you mean slot");
    refused(CALL("task_new", "\"do\":\"list\""), "has no argument 'do'");
    refused(CALL("task_say", "\"text\":\"x\",\"model\":\"smollm2-135m\""),
            "has no argument 'model'");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(plans_are_tools_of_the_same_table, remembers),
        cmocka_unit_test_setup(plans_are_made_and_read, remembers),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
