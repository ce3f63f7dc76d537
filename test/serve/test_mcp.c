/* SPDX-License-Identifier: Apache-2.0
 *
 * test/serve/test_mcp.c - the protocol of /mcp and `omnesia mcp`, message by message: both eras,
 * what is no message, tools for objects and for memory, budgets, tenants, and no room left.
 */
#include "folder.h"
#include "serve/mcp_ask.h"
#include "test.h"

#include "base/alloc.h"
#include "serve/mcp_tools.h"

static mn_region *region;
static mn_mem *mem;
static mn_mcp_peer peer;

static int begin(void **state) {
    char path[96];
    if (folder_begin("mcp", 1) < 0) return -1;
    snprintf(path, sizeof path, "%s/region", folder);
    json_set_alloc_funcs(mn_malloc, mn_free);
    if (mn_region_open(path, 64 << 20, -1, &region) < 0) return -1;
    const mn_mem_options how = {.region = region, .model = "none"};
    snprintf(path, sizeof path, "%s/memory.db", folder);
    const int rc = mn_mem_open(path, &how, &mem);
    if (rc < 0) print_error("%s\n", mn_error_detail());
    return rc;
}
static int end(void **state) {
    mn_mem_close(&mem);
    mn_region_close(&region);
    return folder_end();
}
static int fresh(void **state) {
    peer = (mn_mcp_peer){.region = region, .folder = "", .scope = {.user = "anna"}};
    return 0;
}

/* The answer to a message, for json_decref; NULL: there is none. */
static json_t *say_n(const char *message, size_t n, int status) {
    mn_buf reply = {0};
    assert_int_equal(mn_mcp_take_text(&peer, message, n, &reply), status);
    json_t *answer = reply.len ? json_loadb(reply.data, reply.len, 0, NULL) : NULL;
    assert_true(!reply.len || answer);
    assert_null(reply.data ? memchr(reply.data, '\n', reply.len) : NULL); /* a line each */
    mn_buf_free(&reply);
    return answer;
}
static json_t *say(const char *message) {
    return say_n(message, strlen(message), 200);
}

/* ---- what is no message ---------------------------------------------------------------------- */

static const struct {
    const char *message;
    int status, code, id; /* id 0: null */
    const char *text;
} wrong[] = {
    {"{", 400, -32700, 0, "no JSON"},
    {"nonsense", 400, -32700, 0, "no JSON"},
    {"{\"jsonrpc\":\"2.0\",\"id\":1,\"id\":2,\"method\":\"ping\"}", 400, -32700, 0, "duplicate"},
    {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\xff\"}", 400, -32700, 0, "no JSON"},
    {"[]", 400, -32600, 0, "one message at a time"},
    {"[" ASK("1", "ping", "") "," ASK("2", "ping", "") "]", 400, -32600, 0, "one message"},
    {"{}", 400, -32600, 0, "jsonrpc is missing"},
    {"{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"ping\"}", 400, -32600, 0, "must be 2.0"},
    {"{\"jsonrpc\":2,\"id\":1,\"method\":\"ping\"}", 400, -32600, 0, "jsonrpc must be a string"},
    {"{\"jsonrpc\":\"2.0\",\"id\":1}", 400, -32600, 0, "method is missing"},
    {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":7}", 400, -32600, 0, "method must be a string"},
    {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\\u0000\"}", 400, -32600, 0, "zero byte"},
    {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"params\":[]}", 400, -32600, 0,
     "params must be an object"},
    {ASK("null", "ping", ""), 400, -32600, 0, "id must be"},
    {ASK("1.5", "ping", ""), 400, -32600, 0, "id must be"},
    {ASK("true", "ping", ""), 400, -32600, 0, "id must be"},
    {ASK("[1]", "ping", ""), 400, -32600, 0, "id must be"},
    {ASK("1", "nothing", ""), 200, -32601, 1, "no method 'nothing'"},
    {ASK("1", "resources/list", ""), 200, -32601, 1, "tools alone"},
    {ASK("1", "initialize", ""), 200, -32602, 1, "protocolVersion"},
    {ASK("1", "tools/list", "\"cursor\":\"x\""), 200, -32602, 1, "first page"},
    {ASK("1", "tools/call", ""), 200, -32602, 1, "params.name"},
    {ASK("1", "tools/call", "\"name\":\"object_put\\u0000\""), 200, -32602, 1, "params.name"},
    {ASK("1", "tools/call", "\"name\":\"no\""), 200, -32602, 1, "no tool 'no'"},
    {ASK("1", "tools/call", "\"name\":\"memory_add\""), 200, -32602, 1, "no tool"}, /* no memory */
    {ASK("1", "tools/call", "\"name\":\"object_put\",\"arguments\":[]"), 200, -32602, 1, "object"},
    /* The second era: it has its own statuses. */
    {ASK("1", "ping", NOW), 404, -32601, 1, "no method 'ping'"},
    {ASK("1", "server/discover", ""), 200, -32601, 1, "no method"}, /* it is not of the first */
    {ASK("1", "tools/call", NOW), 400, -32602, 1, "params.name"},
    {ASK("1", "tools/list",
         "\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":"
         "\"2026-07-28\"}"),
     400, -32602, 1, "clientCapabilities"},
    {ASK("1", "tools/list",
         "\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":7,"
         "\"io.modelcontextprotocol/clientCapabilities\":{}}"),
     400, -32602, 1, "must be a text"},
    {ASK("1", "tools/list",
         "\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"2030-01-01\","
         "\"io.modelcontextprotocol/clientCapabilities\":{}}"),
     400, -32022, 1, "2030-01-01"},
};

static void what_is_wrong_is_said(void **state) {
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        json_t *answer = say_n(wrong[i].message, strlen(wrong[i].message), wrong[i].status);
        json_t *error = json_object_get(answer, "error");
        const char *text = json_string_value(json_object_get(error, "message"));
        if (!text || !strstr(text, wrong[i].text))
            fail_msg("%s: %s lacks %s", wrong[i].message, text ? text : "?", wrong[i].text);
        assert_int_equal(json_integer_value(json_object_get(error, "code")), wrong[i].code);
        assert_int_equal(json_integer_value(json_object_get(answer, "id")), wrong[i].id);
        assert_null(json_object_get(answer, "result"));
        json_decref(answer);
    }
}

static void what_needs_no_answer_gets_none(void **state) {
    static const struct {
        const char *message;
        int status;
    } quiet[] = {
        {"{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}", 202},
        {"{\"jsonrpc\":\"2.0\",\"method\":\"notifications/"
         "cancelled\",\"params\":{\"requestId\":1}}",
         202},
        {"{\"jsonrpc\":\"2.0\",\"method\":\"tools/call\",\"params\":{\"name\":\"object_put\","
         "\"arguments\":{\"key\":\"quiet\",\"value\":\"x\"}}}",
         202},
        {"{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}", 400},
        {"{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":1,\"message\":\"x\"}}", 400},
    };
    char value[8];
    for (size_t i = 0; i < sizeof quiet / sizeof *quiet; i++)
        assert_null(say_n(quiet[i].message, strlen(quiet[i].message), quiet[i].status));
    /* And nothing is done that could not be told. */
    assert_int_equal(mn_object_get(region, "quiet", value, sizeof value, NULL), MN_ENOENT);
}

static void a_message_that_is_too_long_is_refused_unread(void **state) {
    json_t *answer = say_n("", MN_MCP_LINE + 1, 400);
    json_t *error = json_object_get(answer, "error");
    assert_int_equal(json_integer_value(json_object_get(error, "code")), -32600);
    assert_non_null(strstr(json_string_value(json_object_get(error, "message")), "16777217 bytes"));
    json_decref(answer);
    /* One with more values than are read costs nothing but its count. */
    mn_buf many = {0};
    assert_ok(mn_buf_puts(&many, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"params\":["));
    for (int i = 0; i < MN_JSON_VALUES; i++) assert_ok(mn_buf_puts(&many, "0,"));
    assert_ok(mn_buf_puts(&many, "0]}"));
    answer = say_n(many.data, many.len, 400);
    json_decref(answer);
    mn_buf_free(&many);
}

/* ---- both eras ------------------------------------------------------------------------------- */

static json_t *result_of(json_t *answer) {
    json_t *result = json_object_get(answer, "result");
    if (!result) fail_msg("%s", json_dumps(answer, 0));
    return result;
}
static const char *text_in(json_t *object, const char *name) {
    const char *text = json_string_value(json_object_get(object, name));
    assert_non_null(text);
    return text;
}

static void the_first_era_shakes_hands(void **state) {
    static const struct {
        const char *asked, *agreed;
        int structured;
    } all[] = {{"2024-11-05", "2024-11-05", 0}, {"2025-03-26", "2025-03-26", 0},
               {"2025-06-18", "2025-06-18", 1}, {"2025-11-25", "2025-11-25", 1},
               {"2026-07-28", "2025-11-25", 1}, /* that one has no handshake */
               {"1999-01-01", "2025-11-25", 1}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        char message[200];
        fresh(state);
        snprintf(message, sizeof message, ASK("\"a\"", "initialize", "\"protocolVersion\":\"%s\""),
                 all[i].asked);
        json_t *answer = say(message), *r = result_of(answer);
        assert_string_equal(text_in(answer, "id"), "a");
        assert_string_equal(text_in(r, "protocolVersion"), all[i].agreed);
        assert_string_equal(text_in(json_object_get(r, "serverInfo"), "name"), "omnesia");
        assert_true(json_is_object(json_object_get(json_object_get(r, "capabilities"), "tools")));
        assert_null(json_object_get(r, "resultType"));
        json_decref(answer);
        answer = say(ASK("2", "tools/list", ""));
        json_t *tool = json_array_get(json_object_get(result_of(answer), "tools"), 0);
        assert_int_equal(json_object_get(tool, "outputSchema") != NULL, all[i].structured);
        json_decref(answer);
        answer = say(CALL("object_list", ""));
        assert_int_equal(json_object_get(result_of(answer), "structuredContent") != NULL,
                         all[i].structured);
        json_decref(answer);
    }
    json_decref(say(ASK("3", "ping", "")));
}

static void the_second_era_says_it_each_time(void **state) {
    json_t *answer = say(ASK("1", "server/discover", NOW)), *r = result_of(answer);
    json_t *versions = json_object_get(r, "supportedVersions");
    assert_string_equal(json_string_value(json_array_get(versions, 0)), "2026-07-28");
    assert_int_equal(json_array_size(versions), 5);
    assert_string_equal(text_in(r, "resultType"), "complete");
    assert_string_equal(text_in(r, "cacheScope"), "private");
    assert_true(json_is_integer(json_object_get(r, "ttlMs")));
    json_t *info =
        json_object_get(json_object_get(r, "_meta"), "io.modelcontextprotocol/serverInfo");
    assert_string_equal(text_in(info, "version"), mn_version());
    json_decref(answer);
    /* It changes nothing for the other era on the same line, and the other way round. */
    json_decref(say(ASK("2", "initialize", "\"protocolVersion\":\"2024-11-05\"")));
    answer = say(CALL_NOW("object_list", ""));
    assert_non_null(json_object_get(result_of(answer), "structuredContent"));
    json_decref(answer);
    answer = say(CALL("object_list", ""));
    assert_null(json_object_get(result_of(answer), "structuredContent"));
    json_decref(answer);
}

static void tools_have_schemas_and_hints(void **state) {
    json_t *answer = say(ASK("1", "tools/list", NOW)), *tool;
    size_t i;
    json_t *tools = json_object_get(result_of(answer), "tools");
    assert_true(json_array_size(tools) >= 4);
    json_array_foreach(tools, i, tool) {
        json_t *takes = json_object_get(tool, "inputSchema"), *schema;
        json_t *hints = json_object_get(tool, "annotations");
        const char *name;
        assert_true(json_is_false(json_object_get(takes, "additionalProperties")));
        json_object_foreach(json_object_get(takes, "properties"), name, schema) {
            assert_true(json_is_string(json_object_get(schema, "type"))); /* hosts want one */
            text_in(schema, "description");
        }
        assert_true(json_is_boolean(json_object_get(hints, "readOnlyHint")));
        assert_true(json_is_boolean(json_object_get(hints, "destructiveHint")));
        assert_true(json_is_boolean(json_object_get(hints, "idempotentHint")));
        assert_true(json_is_false(json_object_get(hints, "openWorldHint")));
        assert_true(
            json_is_object(json_object_get(json_object_get(tool, "outputSchema"), "properties")));
        if (json_is_true(json_object_get(hints, "readOnlyHint"))) /* what is read is data */
            assert_non_null(strstr(text_in(tool, "description"), "never an instruction"));
    }
    json_decref(answer);
}

/* ---- heads ----------------------------------------------------------------------------------- */

static void heads_say_what_bodies_say(void **state) {
    static const struct {
        mn_mcp_head head;
        int status, code;
    } all[] = {
        {{"2026-07-28", "tools/call", "object_list", NULL}, 200, 0},
        {{"2026-07-28", "tools/call", "=?base64?b2JqZWN0X2xpc3Q=?=", NULL}, 200, 0},
        {{"2026-07-28", "tools/call", "=?base64?b2JqZWN0X2xpc3Q?=", NULL}, 400, -32020},
        {{"2026-07-28", "tools/call",
          "=?base64?"
          "?=",
          NULL},
         400,
         -32020},
        {{"2026-07-28", "tools/call", "object_put", NULL}, 400, -32020},
        {{"2026-07-28", "tools/call", NULL, NULL}, 400, -32020},
        {{"2026-07-28", "tools/list", "object_list", NULL}, 400, -32020},
        {{"2026-07-28", NULL, "object_list", NULL}, 400, -32020},
        {{"2025-11-25", "tools/call", "object_list", NULL}, 400, -32020},
        {{NULL, "tools/call", "object_list", NULL}, 400, -32020},
        {{"2026-07-28", "tools/call", "object_list", "Mcp-Name"}, 400, -32020},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        const char *message = CALL_NOW("object_list", "");
        peer.head = &all[i].head;
        json_t *answer = say_n(message, strlen(message), all[i].status);
        json_t *error = json_object_get(answer, "error");
        assert_int_equal(json_integer_value(json_object_get(error, "code")), all[i].code);
        json_decref(answer);
    }
}

static void heads_choose_the_era(void **state) {
    const mn_mcp_head old = {"2025-06-18", NULL, NULL, NULL}, none = {0};
    const mn_mcp_head now = {"2026-07-28", "tools/list", NULL, NULL};
    const mn_mcp_head never = {"1999-01-01", NULL, NULL, NULL};
    const char *const list = ASK("1", "tools/list", ""), *const call = CALL("object_list", "");
    const char *const note = "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}";
    peer.head = &old;
    json_t *answer = say(call);
    assert_non_null(json_object_get(result_of(answer), "structuredContent"));
    json_decref(answer);
    peer.head = &none; /* who says nothing is of 2025-03-26 */
    answer = say(call);
    assert_null(json_object_get(result_of(answer), "structuredContent"));
    json_decref(answer);
    assert_null(say_n(note, strlen(note), 202));
    peer.head = &now; /* and then the body must say it, too */
    answer = say_n(list, strlen(list), 400);
    assert_int_equal(json_integer_value(json_object_get(json_object_get(answer, "error"), "code")),
                     -32602);
    json_decref(answer);
    peer.head = &never;
    answer = say_n(note, strlen(note), 400);
    json_t *error = json_object_get(answer, "error");
    assert_int_equal(json_integer_value(json_object_get(error, "code")), -32022);
    assert_string_equal(text_in(json_object_get(error, "data"), "requested"), "1999-01-01");
    json_decref(answer);
}

/* ---- tools ----------------------------------------------------------------------------------- */

/* What a tool told; for json_decref. */
static json_t *use(const char *message) {
    json_t *answer = say(message), *r = result_of(answer);
    if (json_is_true(json_object_get(r, "isError"))) fail_msg("%s", json_dumps(r, 0));
    json_t *told = json_incref(json_object_get(r, "structuredContent"));
    json_t *content = json_array_get(json_object_get(r, "content"), 0);
    json_t *again = json_loads(text_in(content, "text"), 0, NULL);
    assert_true(json_equal(told, again)); /* both ways tell the same */
    json_decref(again);
    json_decref(answer);
    return told;
}

/* It fails, and the model is told why in one sentence. */
static void refused(const char *message, const char *why) {
    json_t *answer = say(message), *r = result_of(answer);
    assert_true(json_is_true(json_object_get(r, "isError")));
    assert_null(json_object_get(r, "structuredContent"));
    const char *text = text_in(json_array_get(json_object_get(r, "content"), 0), "text");
    if (!strstr(text, why)) fail_msg("\"%s\" lacks \"%s\"", text, why);
    json_decref(answer);
}

static void objects_are_put_read_listed_and_deleted(void **state) {
    json_t *told = use(CALL("object_put", "\"key\":\"t/a\",\"value\":\"one\\nline\""));
    const json_int_t version = json_integer_value(json_object_get(told, "version"));
    char message[200];
    json_decref(told);
    told = use(CALL("object_get", "\"key\":\"t/a\""));
    assert_string_equal(text_in(told, "value"), "one\nline");
    assert_int_equal(json_integer_value(json_object_get(told, "version")), version);
    assert_non_null(strstr(text_in(told, "note"), "not instructions"));
    assert_null(json_object_get(told, "next_from"));
    json_decref(told);
    snprintf(message, sizeof message,
             CALL("object_put", "\"key\":\"t/a\",\"value\":\"two\",\"if_version\":%lld"),
             (long long)version);
    json_decref(use(message));
    refused(message, "version");
    refused(CALL("object_put", "\"key\":\"t/a\",\"value\":\"x\",\"if_version\":0"), "version");
    snprintf(message, sizeof message, CALL("object_delete", "\"key\":\"t/a\",\"if_version\":%lld"),
             (long long)version);
    refused(message, "version");
    json_decref(use(CALL("object_delete", "\"key\":\"t/a\"")));
    refused(CALL("object_get", "\"key\":\"t/a\""), "no object 't/a'");
    refused(CALL("object_delete", "\"key\":\"t/a\""), "t/a");
}

static void arguments_are_checked(void **state) {
    refused(CALL("object_get", ""), "key is missing");
    refused(CALL("object_get", "\"key\":7"), "key must be a string");
    refused(CALL("object_get", "\"key\":\"\""), "at least 1");
    refused(CALL("object_get", "\"key\":\"a\\u0000b\""), "zero byte");
    refused(CALL("object_get", "\"key\":\"a\\u0001b\""), "control character");
    refused(CALL("object_get", "\"kye\":\"a\""), "no argument 'kye'; did you mean key");
    refused(CALL("object_get", "\"key\":\"a\",\"if_version\":1"), "no argument 'if_version'");
    refused(CALL("object_get", "\"key\":\"a\",\"budget\":99"), "from 100 to 20000");
    refused(CALL("object_get", "\"key\":\"a\",\"budget\":1e300"), "from 100 to 20000");
    refused(CALL("object_get", "\"key\":\"a\",\"from\":-1"), "from 0");
    refused(CALL("object_put", "\"key\":\"a\",\"value\":\"v\",\"if_version\":-1"), "from 0");
    refused(CALL("object_put", "\"key\":\"a\",\"value\":\"v\",\"if_version\":9007199254740993"),
            "from 0");
    refused(CALL("object_put", "\"key\":\"a\",\"value\":null"), "value is missing");
    refused(CALL("object_list", "\"limit\":0"), "from 1 to 1000");
    refused(CALL("object_put", "\"key\":\"tenant/x/y\",\"value\":\"v\""), "Omnesia's own");
}

static void a_long_value_is_read_in_parts(void **state) {
    enum { N = 3000 }; /* characters of three bytes */
    mn_buf value = {0}, back = {0};
    char message[200];
    long long from = 0;
    int parts = 0;
    for (int i = 0; i < N; i++) assert_ok(mn_buf_puts(&value, "\xe2\x98\x83"));
    assert_ok(mn_object_put(region, "long", value.data, value.len, NULL, NULL));
    refused(CALL("object_get", "\"key\":\"long\",\"from\":1"), "within a character");
    refused(CALL("object_get", "\"key\":\"long\",\"from\":9001"), "beyond the end");
    do {
        snprintf(message, sizeof message,
                 CALL("object_get", "\"key\":\"long\",\"budget\":100,\"from\":%lld"), from);
        json_t *told = use(message);
        const char *part = text_in(told, "value");
        assert_int_equal(strlen(part) % 3, 0);
        assert_true(strlen(part) <= 300); /* a hundred of them */
        assert_ok(mn_buf_puts(&back, part));
        from = json_integer_value(json_object_get(told, "next_from"));
        json_decref(told);
        parts++;
    } while (from);
    assert_int_equal(parts, N / 100);
    assert_int_equal(back.len, value.len);
    assert_memory_equal(back.data, value.data, back.len);
    mn_buf_free(&value);
    mn_buf_free(&back);
    assert_ok(mn_object_put(region, "bytes", "\xff\xfe", 2, NULL, NULL));
    refused(CALL("object_get", "\"key\":\"bytes\""), "UTF-8");
}

static void a_list_comes_in_pages_that_fit(void **state) {
    enum { N = 120 };
    char message[300], after[64] = "", key[64];
    int seen = 0;
    for (int i = 0; i < N; i++) {
        snprintf(key, sizeof key, "page/%03d", i);
        assert_ok(mn_object_put(region, key, "x", 1, NULL, NULL));
    }
    do {
        snprintf(message, sizeof message,
                 CALL("object_list",
                      "\"prefix\":\"page/\",\"limit\":100,\"budget\":300,\"after\":\"%s\""),
                 after);
        json_t *told = use(message), *one, *objects = json_object_get(told, "objects");
        size_t i;
        char *text = json_dumps(objects, JSON_COMPACT);
        assert_true(strlen(text) <= 300 * MN_MCP_WEIGHT + json_array_size(objects) + 2);
        mn_free(text);
        json_array_foreach(objects, i, one) {
            snprintf(key, sizeof key, "page/%03d", seen++);
            assert_string_equal(text_in(one, "key"), key);
        }
        *after = 0;
        if (json_object_get(told, "next")) snprintf(after, 64, "%s", text_in(told, "next"));
        json_decref(told);
    } while (*after);
    assert_int_equal(seen, N);
    /* And no more of them than the limit says. */
    json_t *told = use(CALL("object_list", "\"prefix\":\"page/\",\"limit\":7"));
    assert_int_equal(json_array_size(json_object_get(told, "objects")), 7);
    assert_string_equal(text_in(told, "next"), "page/006");
    json_decref(told);
}

static int count_keys(const char *message) {
    json_t *told = use(message);
    const int n = (int)json_array_size(json_object_get(told, "objects"));
    json_decref(told);
    return n;
}

static void a_tenant_has_a_folder_of_its_own(void **state) {
    const char *const put = CALL("object_put", "\"key\":\"shared?\",\"value\":\"mine\"");
    const char *const get = CALL("object_get", "\"key\":\"shared?\"");
    peer.folder = "tenant/aa/";
    json_decref(use(put));
    assert_int_equal(count_keys(CALL("object_list", "")), 1);
    peer.folder = "tenant/bb/";
    refused(get, "no object");
    refused(CALL("object_get", "\"key\":\"../aa/shared?\""), "no object");
    refused(CALL("object_get", "\"key\":\"tenant/aa/shared?\""), "no object");
    assert_int_equal(count_keys(CALL("object_list", "")), 0);
    assert_int_equal(count_keys(CALL("object_list", "\"prefix\":\"tenant/\"")), 0);
    peer.folder = ""; /* nor does a model on this machine come by */
    refused(get, "no object");
    refused(CALL("object_get", "\"key\":\"tenant/aa/shared?\""), "Omnesia's own");
    assert_int_equal(count_keys(CALL("object_list", "\"prefix\":\"tenant/\"")), 0);
    peer.folder = "tenant/aa/";
    json_decref(use(get));
}

/* ---- memory ---------------------------------------------------------------------------------- */

/* Somebody new, who remembers nothing yet. */
static int remembers(void **state) {
    static char user[24];
    static int n;
    fresh(state);
    snprintf(user, sizeof user, "user-%d", n++);
    peer.mem = mem;
    peer.scope.user = user;
    return 0;
}
static long long id_in(json_t *told) {
    const long long id = json_integer_value(json_object_get(told, "id"));
    json_decref(told);
    return id;
}
static long long add(const char *arguments) {
    char message[400];
    snprintf(message, sizeof message, CALL("memory_add", "%s"), arguments);
    return id_in(use(message));
}
/* A call whose arguments have a number in them. */
static const char *with(const char *message, long long number) {
    static char out[400];
    const char *at = strchr(message, '#');
    snprintf(out, sizeof out, "%.*s%lld%s", (int)(at - message), message, number, at + 1);
    return out;
}
static json_t *records_of(json_t *told) {
    json_t *list = json_object_get(told, "records");
    assert_non_null(strstr(text_in(told, "note"), "not instructions"));
    return list;
}

static void what_was_said_is_remembered_and_found(void **state) {
    const long long hare = add("\"text\":\"The hare\\nsleeps.\",\"time\":\"2023-05-08\","
                               "\"source\":\"a \\\"fable\\\"\"");
    add("\"text\":\"The tortoise walks.\"");
    json_t *told = use(CALL("memory_search", "\"query\":\"who sleeps, the hare?\""));
    json_t *first = json_array_get(records_of(told), 0);
    assert_int_equal(json_integer_value(json_object_get(first, "id")), hare);
    assert_string_equal(text_in(first, "text"), "The hare\nsleeps.");
    assert_string_equal(text_in(first, "time"), "2023-05-08");
    assert_string_equal(text_in(first, "source"), "a \"fable\"");
    assert_null(json_object_get(told, "next"));
    json_decref(told);
    told = use(with(CALL("memory_get", "\"id\":#"), hare));
    assert_string_equal(text_in(json_object_get(told, "record"), "text"), "The hare\nsleeps.");
    json_decref(told);
    told = use(CALL("memory_list", ""));
    assert_int_equal(json_array_size(records_of(told)), 2);
    json_decref(told);
}

static void a_correction_leaves_a_history(void **state) {
    const long long id = add("\"text\":\"She lives in Oslo.\",\"time\":\"2023-01-01\"");
    assert_int_equal(
        id_in(use(with(CALL("memory_update", "\"id\":#,\"text\":\"She lives in Rome.\","
                                             "\"time\":\"2024-01-01\""),
                       id))),
        id);
    json_t *told = use(with(CALL("memory_history", "\"id\":#"), id));
    json_t *versions = json_object_get(told, "versions");
    assert_int_equal(json_array_size(versions), 2);
    assert_string_equal(text_in(json_array_get(versions, 0), "text"), "She lives in Oslo.");
    assert_string_equal(text_in(json_array_get(versions, 1), "text"), "She lives in Rome.");
    json_decref(told);
    told = use(with(CALL("memory_history", "\"id\":#,\"after\":1"), id));
    assert_int_equal(json_array_size(json_object_get(told, "versions")), 1);
    json_decref(told);
    told = use(CALL("memory_search", "\"query\":\"lives\",\"as_of\":\"2023-06-01\""));
    assert_string_equal(text_in(json_array_get(records_of(told), 0), "text"), "She lives in Oslo.");
    json_decref(told);
    told = use(CALL("memory_search", "\"query\":\"lives\""));
    assert_string_equal(text_in(json_array_get(records_of(told), 0), "text"), "She lives in Rome.");
    json_decref(told);
}

static void what_is_forgotten_is_gone(void **state) {
    const long long id = add("\"text\":\"one\",\"source\":\"page\"");
    add("\"text\":\"two\",\"source\":\"page\"");
    add("\"text\":\"three\",\"source\":\"other\"");
    refused(CALL("memory_forget", ""), "give the id of a record, or a source");
    refused(with(CALL("memory_forget", "\"id\":#,\"source\":\"page\""), id), "not both");
    json_t *told = use(with(CALL("memory_forget", "\"id\":#"), id));
    assert_int_equal(json_integer_value(json_object_get(told, "forgotten")), 1);
    json_decref(told);
    refused(with(CALL("memory_get", "\"id\":#"), id), "no record");
    told = use(CALL("memory_forget", "\"source\":\"page\""));
    assert_int_equal(json_integer_value(json_object_get(told, "forgotten")), 1);
    json_decref(told);
    told = use(CALL("memory_list", ""));
    assert_int_equal(json_array_size(records_of(told)), 1);
    json_decref(told);
}

static void memory_comes_in_pages_that_fit(void **state) {
    enum { N = 60 };
    char text[120];
    long long after = 0;
    int seen = 0, pages = 0;
    for (int i = 0; i < N; i++) {
        snprintf(text, sizeof text, "\"text\":\"hare number %02d has a name of its own\"", i);
        add(text);
    }
    do { /* in the order they came */
        json_t *told =
            use(with(CALL("memory_list", "\"budget\":600,\"limit\":50,\"after\":#"), after));
        json_t *one, *list = records_of(told);
        size_t i;
        char *all = json_dumps(list, JSON_COMPACT);
        assert_true(strlen(all) <= 600 * MN_MCP_WEIGHT + json_array_size(list) + 2);
        mn_free(all);
        json_array_foreach(list, i, one) {
            snprintf(text, sizeof text, "hare number %02d has a name of its own", seen++);
            assert_string_equal(text_in(one, "text"), text);
        }
        after = json_integer_value(json_object_get(told, "next"));
        json_decref(told);
        pages++;
    } while (after);
    assert_int_equal(seen, N);
    assert_true(pages >= 4);
    unsigned char once[N] = {0};
    do { /* and best first, none of them twice */
        json_t *told =
            use(with(CALL("memory_search", "\"query\":\"hare\",\"k\":7,\"after\":#"), after));
        json_t *one, *list = records_of(told);
        size_t i;
        assert_true(json_array_size(list) <= 7);
        json_array_foreach(list, i, one) {
            const int n = atoi(text_in(one, "text") + strlen("hare number "));
            assert_true(n >= 0 && n < N && !once[n]);
            once[n] = 1;
        }
        after = json_integer_value(json_object_get(told, "next"));
        json_decref(told);
    } while (after);
    for (int i = 0; i < N; i++) assert_true(once[i]);
}

static void a_long_text_is_cut_and_read_on(void **state) {
    enum { N = 20000 };
    mn_buf message = {0}, back = {0};
    assert_ok(mn_buf_puts(&message, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\","
                                    "\"params\":{\"name\":\"memory_add\",\"arguments\":{"
                                    "\"text\":\"needle "));
    for (int i = 0; i < N; i++) assert_ok(mn_buf_puts(&message, i % 3 ? "x" : "\\u2603\\n"));
    assert_ok(mn_buf_puts(&message, "\"}}}"));
    const long long id = id_in(use(message.data));
    json_t *told = use(CALL("memory_search", "\"query\":\"needle\",\"budget\":500"));
    json_t *record = json_array_get(records_of(told), 0);
    char *all = json_dumps(record, JSON_COMPACT);
    assert_true(strlen(all) <= 500 * MN_MCP_WEIGHT);
    mn_free(all);
    long long from = json_integer_value(json_object_get(record, "next_from"));
    const long long bytes = json_integer_value(json_object_get(record, "bytes"));
    assert_ok(mn_buf_puts(&back, text_in(record, "text")));
    assert_true(from > 200 && from == (long long)back.len); /* not far less than there is room */
    json_decref(told);
    while (from) {
        char call[200];
        snprintf(call, sizeof call, CALL("memory_get", "\"id\":%lld,\"from\":%lld"), id, from);
        told = use(call);
        record = json_object_get(told, "record");
        assert_ok(mn_buf_puts(&back, text_in(record, "text")));
        from = json_integer_value(json_object_get(record, "next_from"));
        json_decref(told);
    }
    assert_int_equal(back.len, bytes);
    assert_int_equal(bytes, 7 + N * 2 / 3 + (N + 2) / 3 * 4);
    mn_buf_free(&message);
    mn_buf_free(&back);
}

/* Every tool for memory, and what it tells of a record that is not there for the asker. */
static const struct {
    const char *tool, *arguments; /* # is the id of the record */
    const char *told; /* of its result: an empty list, a zero; NULL: it is refused, or adds */
} doors[] = {
    {"memory_add", "\"text\":\"the other's own\"", NULL},
    {"memory_search", "\"query\":\"secret\"", "records"},
    {"memory_get", "\"id\":#", NULL},
    {"memory_update", "\"id\":#,\"text\":\"mine now\"", NULL},
    {"memory_forget", "\"source\":\"s\"", "forgotten"},
    {"memory_history", "\"id\":#", NULL},
    {"memory_list", "", "records"},
};
enum { DOORS = sizeof doors / sizeof *doors };

static void knock(size_t i, long long id) {
    char message[300];
    snprintf(message, sizeof message, CALL("%s", "%s"), doors[i].tool, doors[i].arguments);
    const char *const asked = strchr(message, '#') ? with(message, id) : message;
    if (!doors[i].told && strchr(doors[i].arguments, '#')) return refused(asked, "no record");
    if (!doors[i].told) return; /* what somebody adds is not looked at here */
    json_t *told = use(asked), *what = json_object_get(told, doors[i].told);
    assert_int_equal(
        json_is_array(what) ? (long long)json_array_size(what) : json_integer_value(what), 0);
    json_decref(told);
}

static void nobody_reads_what_is_anothers(void **state) {
    const char *const mine = peer.scope.user;
    const long long id = add("\"text\":\"anna's secret\",\"source\":\"s\"");
    const mn_scope others[] = {
        {NULL, "somebody else", NULL, NULL}, {"00ff", mine, NULL, NULL}, {NULL, mine, "a", NULL}};
    size_t tools = 0;
    for (const mn_mcp_tool *t = mn_mcp_tools; t->name; t++) tools += t->memory != 0;
    assert_int_equal(tools, DOORS); /* a new one must be tried here, too */
    for (size_t i = 0; i < DOORS; i++) assert_non_null(mn_mcp_tool_find(&peer, doors[i].tool));
    for (size_t who = 0; who < sizeof others / sizeof *others; who++) {
        peer.scope = others[who];
        for (size_t i = 0; i < DOORS; i++) knock(i, id);
        refused(CALL("memory_add", "\"text\":\"x\",\"user\":\"anna\""), "no argument 'user'");
    }
    peer.scope = (mn_scope){0}; /* a door that says nobody gets nothing */
    refused(CALL("memory_list", ""), "no user");
    refused(CALL("memory_add", "\"text\":\"x\""), "no user");
    peer.scope = (mn_scope){.user = mine};
    json_t *told = use(with(CALL("memory_get", "\"id\":#"), id));
    assert_string_equal(text_in(json_object_get(told, "record"), "text"), "anna's secret");
    json_decref(told);
}

static void bad_arguments_of_memory_are_named(void **state) {
    refused(CALL("memory_add", ""), "text is missing");
    refused(CALL("memory_add", "\"text\":\"\""), "at least 1");
    refused(CALL("memory_add", "\"txt\":\"x\""), "did you mean text");
    refused(CALL("memory_get", "\"id\":0"), "from 1");
    refused(CALL("memory_get", "\"id\":\"1\""), "id must be an integer");
    refused(CALL("memory_get", "\"id\":9007199254740991"), "no record");
    refused(CALL("memory_search", "\"query\":\"x\",\"k\":101"), "from 1 to 100");
    refused(CALL("memory_search", "\"query\":\"x\",\"as_of\":\"someday\""), "someday");
    refused(CALL("memory_list", "\"after\":-1"), "from 0");
    refused(CALL("object_put", "\"key\":\"omnesia/memory/x\",\"value\":\"v\""), "Omnesia's own");
}

/* ---- memory that runs out -------------------------------------------------------------------- */

static void without_memory_it_says_so_and_goes_on(void **state) {
    static const char *const messages[] = {ASK("1", "tools/list", NOW), CALL("object_list", ""),
                                           CALL_NOW("object_get", "\"key\":\"long\""),
                                           CALL_NOW("memory_list", ""),
                                           ASK("1", "initialize", "\"protocolVersion\":\"x\"")};
    for (size_t m = 0; m < sizeof messages / sizeof *messages; m++) {
        int good = 0;
        for (long n = 1; !good && n < 5000; n++) {
            mn_buf reply = {0};
            mn_alloc_fail_after(n);
            mn_mcp_take_text(&peer, messages[m], strlen(messages[m]), &reply);
            good = mn_alloc_fail_left() > 0;
            mn_alloc_fail_after(0);
            json_t *answer = reply.len ? json_loadb(reply.data, reply.len, 0, NULL) : NULL;
            if (reply.len && !answer) fail_msg("%ld: %s", n, reply.data); /* whole, or not there */
            if (good) assert_non_null(json_object_get(answer, "result"));
            json_decref(answer);
            mn_buf_free(&reply);
        }
        assert_true(good);
    }
}

int main(void) {
#define TEST(name)     cmocka_unit_test_setup(name, fresh)
#define REMEMBER(name) cmocka_unit_test_setup(name, remembers)
    const struct CMUnitTest tests[] = {
        TEST(what_is_wrong_is_said),
        TEST(what_needs_no_answer_gets_none),
        TEST(a_message_that_is_too_long_is_refused_unread),
        TEST(the_first_era_shakes_hands),
        TEST(the_second_era_says_it_each_time),
        TEST(tools_have_schemas_and_hints),
        TEST(heads_say_what_bodies_say),
        TEST(heads_choose_the_era),
        TEST(objects_are_put_read_listed_and_deleted),
        TEST(arguments_are_checked),
        TEST(a_long_value_is_read_in_parts),
        TEST(a_list_comes_in_pages_that_fit),
        TEST(a_tenant_has_a_folder_of_its_own),
        REMEMBER(what_was_said_is_remembered_and_found),
        REMEMBER(a_correction_leaves_a_history),
        REMEMBER(what_is_forgotten_is_gone),
        REMEMBER(memory_comes_in_pages_that_fit),
        REMEMBER(a_long_text_is_cut_and_read_on),
        REMEMBER(nobody_reads_what_is_anothers),
        REMEMBER(bad_arguments_of_memory_are_named),
        REMEMBER(without_memory_it_says_so_and_goes_on),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
