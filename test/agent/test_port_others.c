/* SPDX-License-Identifier: Apache-2.0
 *
 * test/agent/test_port_others.c - files as the MCP memory server, Mem0 and ChatGPT write them;
 * those in test/agent/port/ are made up.
 */
#include "port_store.h"

#include "base/alloc.h"

#include <unistd.h>

/* ---- formats of others ----------------------------------------------------------------------- */
static const char *sample(const char *name) {
    static char path[1024];
    const char *const source = getenv("OMNESIA_SOURCE");
    snprintf(path, sizeof path, "%s/test/agent/port/%s", source ? source : ".", name);
    return path;
}

static void check_row(mn_notes *n, int at, const char *text, const char *kind, const char *meta) {
    copy c = row_at(n, at);
    assert_string_equal(c.row.text, text);
    assert_string_equal(c.row.kind, kind);
    assert_string_equal(c.row.meta, meta);
    mn_arena_free(&c.arena);
}

static void the_memory_server_of_mcp(void **unused) {
    (void)unused;
    mn_notes *n = new_store();
    heard h = {.wrong = {0}};
    const char *const path = sample("memory.json");
    assert_ok(import_as(n, &ann, path, NULL, &h));
    assert_int_equal(h.sum.added, 4);
    assert_string_equal(h.wrong.data,
                        "line 1, observation 2: it is no text\n"
                        "line 4: a relation has \"from\", \"to\" and \"relationType\"\n"
                        "line 5: the entity has no \"name\"\n"
                        "line 6: \"observations\" is no list\n"
                        "line 7: it is no entity and no relation\n"
                        "line 8: ':' expected near end of file\n");
    check_row(n, 0, "Ann Lee: Speaks Spanish", "observation",
              "{\"entity\":\"Ann Lee\",\"entityType\":\"person\",\"observation\":\"Speaks "
              "Spanish\"}");
    check_row(n, 2, "Acme: firm", "entity", "{\"entity\":\"Acme\",\"entityType\":\"firm\"}");
    check_row(n, 3, "Ann Lee works at Acme", "relation",
              "{\"from\":\"Ann Lee\",\"relationType\":\"works at\",\"to\":\"Acme\"}");
    comes(n, path, NULL, 0, 4, 6);
    mn_buf_free(&h.wrong);
    mn_notes_close(&n);
}

static void what_mem0_gives_out(void **unused) {
    (void)unused;
    static const char *const around[][2] = {
        {"[", "]"},
        {"{\"results\": [", "], \"relations\": [{\"memory\":\"no\"}]}"},
        {"{\"count\": 1, \"x\": {\"results\":[1]}, \"next\":\"results\", \"results\" : [", "]}"},
        {"\xef\xbb\xbf {\"memories\":[", "]}\n"}};
    for (size_t i = 0; i < 4; i++) {
        mn_notes *n = new_store();
        heard h = {.wrong = {0}};
        mn_buf text = {0};
        assert_ok(mn_buf_puts(&text, around[i][0]));
        assert_ok(mn_file_read(sample("mem0.json"), 1 << 20, &text));
        assert_ok(mn_buf_puts(&text, around[i][1]));
        assert_ok(import_as(n, &ann, put("mem0.json", text.data), NULL, &h));
        mn_buf_free(&text);
        assert_string_equal(h.wrong.data, "memory 3: \"memory\" is no text\n"
                                          "memory 4: it is no JSON object\n"
                                          "memory 5: unexpected token near '}'\n"
                                          "memory 6: it is no JSON object\n");
        assert_int_equal(h.sum.added, 2);
        check_row(n, 0, "Likes [tea], \"green\"", "",
                  "{\"hash\":\"h\",\"metadata\":{\"a\":[1,{\"b\":\"]\"}]},\"created_at\":\"2024-07-"
                  "01T12:00:00.5-07:00\",\"updated_at\":null,\"user_id\":\"eve\"}");
        copy c = row_at(n, 0);
        assert_string_equal(c.row.ref, "m1");
        assert_string_equal(c.row.agent, "bot");
        assert_string_equal(c.row.run, "r");
        assert_true(c.row.from == 1719860400500000);
        mn_arena_free(&c.arena);
        c = row_at(n, 1);
        assert_string_equal(c.row.time, "2024-02-01");
        mn_arena_free(&c.arena);
        comes(n, path_of("mem0.json"), NULL, 0, 2, 4);
        mn_buf_free(&h.wrong);
        mn_notes_close(&n);
    }
}

static void what_chatgpt_gives_out(void **unused) {
    (void)unused;
    mn_notes *n = new_store();
    heard h = {.wrong = {0}};
    assert_ok(import_as(n, &ann, sample("conversations.json"), NULL, &h));
    assert_string_equal(h.wrong.data,
                        "conversation 2: its messages follow each other in a ring\n"
                        "conversation 3: \"current_node\" is none of its messages\n"
                        "conversation 4: it has no \"mapping\"\n"
                        "conversation 5, message 1: the text is not text: byte 2 is zero\n");
    assert_true(h.sum.added == 3 && h.sum.skipped == 4);
    check_row(n, 0, "Which tea?\n\nspoken", "", "{\"title\":\"Tea\"}");
    copy c = row_at(n, 1);
    assert_string_equal(c.row.text, "Green.");
    assert_string_equal(c.row.session, "c1");
    assert_string_equal(c.row.speaker, "assistant");
    assert_string_equal(c.row.time, "2023-05-08T13:56:00.25Z");
    assert_string_equal(c.row.ref, "f");
    mn_arena_free(&c.arena);
    comes(n, sample("conversations.json"), NULL, 0, 3, 4);
    mn_buf text = {0};
    assert_ok(mn_file_read(sample("conversations.json"), 1 << 20, &text));
    text.data[500] = 0;
    assert_ok(import_as(n, &ann, put("conversations.json", text.data), NULL, &h));
    mn_buf_free(&text);
    assert_true(h.sum.added == 0 && h.sum.wrong == 1);
    assert_non_null(strstr(h.wrong.data, "the list ends in the middle; 0 were whole"));
    assert_fails(import_as(n, &ann, put("conversations.json", "{\"a\":[1]}"), NULL, &h),
                 MN_ECORRUPT, "holds no list of conversations");
    mn_buf_free(&h.wrong);
    mn_notes_close(&n);
}

/* ---- memory that ends ------------------------------------------------------------------------ */
static void an_import_without_memory_says_so(void **unused) {
    (void)unused;
    put("small/a.md", "---\ndate: 2021-03-04\n---\n# Trip\nWe saw the sea.\n");
    put("small.jsonl", "{\"text\":\"tea\",\"meta\":{\"a\":1}}\n{\"text\":7}\n");
    char path[4][1024];
    snprintf(path[0], sizeof path[0], "%s", path_of("small"));
    snprintf(path[1], sizeof path[1], "%s", path_of("small.jsonl"));
    snprintf(path[2], sizeof path[2], "%s", sample("memory.json"));
    snprintf(path[3], sizeof path[3], "%s", sample("conversations.json"));
    for (int i = 0; i < 4; i++) {
        mn_notes *n = new_store();
        const mn_port_told told = {.wrong = NULL};
        mn_port_sum sum;
        int rc = -1;
        long at = 0;
        while (rc < 0) {
            mn_alloc_fail_after(++at);
            rc = mn_port_import(n, &ann, path[i], NULL, &told, &sum);
            mn_alloc_fail_after(0);
            if (rc < 0) assert_int_equal(rc, MN_ENOMEM);
        }
        assert_true(at > 5 && rows_in(n, 1) > 0);
        const int rows = rows_in(n, 1);
        comes(n, path[i], NULL, 0, rows, (int)sum.wrong);
        char out[128];
        for (int k = 0; k < 2; k++)
            for (at = 0, rc = -1; rc < 0;) {
                snprintf(out, sizeof out, "%s/out-%d-%d%s", folder, i, k, k ? ".jsonl" : "");
                mn_alloc_fail_after(++at);
                rc = (int)mn_port_export(n, &ann, out, k ? "jsonl" : "markdown", &told);
                mn_alloc_fail_after(0);
                if (rc < 0) assert_int_equal(rc, MN_ENOMEM);
                assert_int_equal(access(out, F_OK), rc < 0 ? -1 : 0);
            }
        mn_notes_close(&n);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_memory_server_of_mcp),
        cmocka_unit_test(what_mem0_gives_out),
        cmocka_unit_test(what_chatgpt_gives_out),
        cmocka_unit_test(an_import_without_memory_says_so),
    };
    return cmocka_run_group_tests(tests, begin_all, end_all);
}
