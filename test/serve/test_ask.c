/* SPDX-License-Identifier: Apache-2.0
 *
 * test/serve/test_ask.c - fields by their table, messages made plain, and which grammar follows.
 */
#include "test.h"

#include "base/alloc.h"
#include "base/file.h"
#include "serve/ask.h"

static json_t *json(const char *text) {
    json_error_t error;
    json_t *v = json_loads(text, JSON_DECODE_ANY, &error);
    if (!v) fail_msg("%s: %s", text, error.text);
    return v;
}

static void names_of_rows_are_one_per_route(void **state) {
    for (const mn_field *a = mn_field_rows; a->name; a++) {
        assert_true(strlen(a->name) < 64);
        assert_true(a->routes != 0 && a->about && *a->about);
        for (const mn_field *b = a + 1; b->name; b++)
            if (strcmp(a->name, b->name) == 0) assert_int_equal(a->routes & b->routes, 0);
    }
}

static void values_come_where_rows_say(void **state) {
    mn_request standard = {.temp = 0.5F, .top_k = 9};
    mn_fields f;
    const char *param;
    json_t *v =
        json("{\"messages\":[1],\"temperature\":2,\"seed\":-1,\"max_completion_tokens\":7.0,"
             "\"stream\":true,\"stream_options\":{\"include_usage\":true},\"stop\":\"x\","
             "\"min_p\":null,\"nobody\":{\"knows\":1}}");
    mn_fields_standard(&standard, &f);
    assert_ok(mn_fields_read(v, MN_IN_CHAT, &f, &param));
    assert_true(f.temp == 2.0F && f.top_k == 9 && f.max_tokens == 7 && f.stream && f.usage);
    assert_true(f.seed == UINT64_MAX);
    assert_true(json_is_string(f.stop));
    json_decref(v);
    v = json("{\"messages\":[],\"stream_options\":3}");
    assert_fails(mn_fields_read(v, MN_IN_CHAT, &f, &param), MN_EINVAL, "an integer");
    assert_string_equal(param, "stream_options.include_usage");
    json_decref(v);
}

static const struct {
    const char *messages, *plain, *param; /* plain NULL: refused at param */
} talks[] = {
    {"[{'role':'developer','content':'a'}]", "[{'role':'system','content':'a'}]", NULL},
    {"[{'role':'user','content':['a',{'type':'text','text':'b'}],'name':'n','x':1}]",
     "[{'role':'user','content':'ab','name':'n'}]", NULL},
    {"[{'role':'assistant','content':null,'tool_calls':[{'id':'1','type':'function','function':"
     "{'name':'f','arguments':'{\\\"a\\\":1}'}}]}]",
     "[{'role':'assistant','content':'','tool_calls':[{'id':'1','type':'function','function':"
     "{'name':'f','arguments':{'a':1}}}]}]",
     NULL},
    {"[{'role':'assistant','tool_calls':[{'function':{'name':'f','arguments':'no json'}}]}]",
     "[{'role':'assistant','content':'','tool_calls':[{'id':null,'type':'function','function':"
     "{'name':'f','arguments':'no json'}}]}]",
     NULL},
    {"[{'role':'tool','tool_call_id':'1','content':'r'}]",
     "[{'role':'tool','content':'r','tool_call_id':'1'}]", NULL},
    {"[]", NULL, "messages"},
    {"[{'content':'a'}]", NULL, "messages[0]"},
    {"[{'role':'user','content':'a'},{'role':'user','content':{}}]", NULL, "messages[1].content"},
    {"[{'role':'user','content':[{'text':'a'}]}]", NULL, "messages[0].content[0]"},
    {"[{'role':'user','content':[{'type':'text'}]}]", NULL, "messages[0].content[0]"},
    {"[{'role':'user','content':[{'type':'input_audio'}]}]", NULL, "messages[0].content[0]"},
    {"[{'role':'assistant','tool_calls':[{}]}]", NULL, "messages[0]"},
};

static json_t *quoted(const char *text) {
    char copy[1024];
    snprintf(copy, sizeof copy, "%s", text);
    for (char *c = copy; *c; c++)
        if (*c == '\'') *c = '"';
    return json(copy);
}

static void messages_are_made_plain(void **state) {
    for (size_t i = 0; i < sizeof talks / sizeof *talks; i++) {
        json_t *in = quoted(talks[i].messages), *out = NULL;
        char param[64];
        const int rc = mn_ask_messages(in, &out, param);
        if (talks[i].plain) {
            json_t *want = quoted(talks[i].plain);
            assert_ok(rc);
            if (!json_equal(out, want))
                fail_msg("%s became %s", talks[i].messages, json_dumps(out, 0));
            json_decref(want);
        } else {
            assert_int_equal(rc, MN_EINVAL);
            assert_string_equal(param, talks[i].param);
            assert_non_null(strstr(mn_error_detail(), param));
        }
        json_decref(in);
        json_decref(out);
    }
}

#define TOOLS                                                                                \
    "[{'type':'function','function':{'name':'f','parameters':{'type':'object','properties':" \
    "{'x':{'$ref':'#/$defs/d'}},'$defs':{'d':{'type':'integer'}}}}},"                        \
    "{'type':'function','function':{'name':'g'}}]"
static const struct {
    const char *choice, *format, *gbnf, *has, *lacks, *param; /* has NULL: no grammar */
    int parallel, tools;
} grammars[] = {
    {NULL, NULL, NULL, NULL, NULL, NULL, -1, 1},
    {"'auto'", NULL, NULL, NULL, NULL, NULL, -1, 1},
    {"'required'", NULL, NULL, "\"const\":\"g\"", "\"array\"", NULL, -1, 1},
    {"'required'", NULL, NULL, "\"#/$defs/arguments0/$defs/d\"", NULL, NULL, -1, 1},
    {"'required'", NULL, NULL, "\"array\"", NULL, NULL, 1, 1},
    {"{'type':'function','function':{'name':'g'}}", NULL, NULL, "\"g\"", "\"f\"", NULL, -1, 1},
    {"{'type':'function','name':'f'}", NULL, NULL, "\"f\"", "\"g\"", NULL, -1, 1},
    {"{'type':'any'}", NULL, NULL, "\"f\"", NULL, NULL, -1, 1},
    {"{'type':'tool','name':'no'}", NULL, NULL, NULL, NULL, "tools", -1, 1},
    {"'sometimes'", NULL, NULL, NULL, NULL, "tool_choice", -1, 1},
    {"'required'", NULL, NULL, NULL, NULL, "tool_choice", -1, 0},
    {NULL, "{'type':'json_object'}", NULL, "\"object\"", NULL, NULL, -1, 0},
    {NULL, "{'type':'json_schema','json_schema':{'schema':{'type':'null'}}}", NULL, "\"null\"",
     NULL, NULL, -1, 0},
    {NULL, "{'type':'json_schema','schema':{'type':'null'}}", NULL, "\"null\"", NULL, NULL, -1, 0},
    {NULL, "{'type':'text'}", NULL, NULL, NULL, NULL, -1, 0},
    {NULL, "{'type':'json_schema'}", NULL, NULL, NULL, "response_format", -1, 0},
    {NULL, "{'type':'json_object'}", NULL, "\"#/$defs/other\"", NULL, NULL, -1, 1},
    {NULL, NULL, "root ::= \"a\"", "root", NULL, NULL, -1, 0},
    {NULL, NULL, "{}", NULL, NULL, "grammar", -1, 0},
    {NULL, "{'type':'json_object'}", "root ::= \"a\"", NULL, NULL, "grammar", -1, 0},
};

static void the_grammar_is_the_one_that_was_asked_for(void **state) {
    for (size_t i = 0; i < sizeof grammars / sizeof *grammars; i++) {
        mn_fields f = {.parallel = grammars[i].parallel, .grammar = grammars[i].gbnf};
        mn_ask ask = {.functions = grammars[i].tools ? quoted(TOOLS) : NULL};
        const char *param = NULL;
        if (grammars[i].choice) f.tool_choice = quoted(grammars[i].choice);
        if (grammars[i].format) f.format = quoted(grammars[i].format);
        const int rc = mn_ask_grammar(&f, &ask, &param);
        if (grammars[i].param) {
            assert_int_equal(rc, MN_EINVAL);
            assert_string_equal(param, grammars[i].param);
        } else
            assert_ok(rc);
        if (!grammars[i].has != !ask.grammar ||
            (grammars[i].has && !strstr(ask.grammar, grammars[i].has)) ||
            (grammars[i].lacks && strstr(ask.grammar, grammars[i].lacks)))
            fail_msg("case %zu: %s", i, ask.grammar ? ask.grammar : "no grammar");
        json_decref(f.tool_choice);
        json_decref(f.format);
        mn_ask_free(&ask);
    }
}

/* A list of calls holds calls, not lists of calls. */
static void several_calls_are_a_flat_list(void **state) {
    mn_fields f = {.parallel = 1, .tool_choice = json("\"required\"")};
    mn_ask ask = {.functions = quoted(TOOLS)};
    const char *param;
    assert_ok(mn_ask_grammar(&f, &ask, &param));
    json_t *schema = json(ask.grammar);
    json_t *call = json_object_get(json_object_get(schema, "$defs"), "call");
    assert_int_equal(json_array_size(json_object_get(call, "anyOf")), 2);
    assert_int_equal(json_array_size(json_object_get(schema, "anyOf")), 3);
    json_decref(schema);
    json_decref(f.tool_choice);
    mn_ask_free(&ask);
}

/* What the document says of routes and fields is what the tables say. */
static void the_document_is_printed_from_the_tables(void **state) {
    mn_buf tables = {0}, page = {0};
    char path[1024];
    snprintf(path, sizeof path, "%s/docs/SERVE.md", getenv("OMNESIA_SOURCE"));
    assert_ok(mn_serve_markdown(&tables));
    assert_ok(mn_file_read(path, 1 << 20, &page));
    char *fields = strstr(tables.data, "| field |");
    assert_non_null(fields);
    fields[-1] = 0; /* two tables, each in its own place */
    if (!strstr(page.data, tables.data) || !strstr(page.data, fields))
        fail_msg("docs/SERVE.md differs from `omnesia serve --print tables`");
    mn_buf_free(&tables);
    mn_buf_free(&page);
}

int main(void) {
    json_set_alloc_funcs(mn_malloc, mn_free);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_of_rows_are_one_per_route),
        cmocka_unit_test(values_come_where_rows_say),
        cmocka_unit_test(messages_are_made_plain),
        cmocka_unit_test(the_grammar_is_the_one_that_was_asked_for),
        cmocka_unit_test(several_calls_are_a_flat_list),
        cmocka_unit_test(the_document_is_printed_from_the_tables),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
