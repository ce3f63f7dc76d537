/* SPDX-License-Identifier: Apache-2.0
 *
 * test/agent/test_port.c - lines that were written come back, byte by byte; what comes in again
 * adds nothing; what is malformed is named and costs nothing else.
 */
#include "port_store.h"

#include <unistd.h>

/* ---- jsonl ---------------------------------------------------------------------------------- */
static void lines_come_back_byte_by_byte(void **unused) {
    (void)unused;
    for (uint32_t round = 1; round <= 8; round++) {
        mn_notes *a = new_store(), *b = new_store();
        seed = round * 7919;
        fill(a, 300, 0);
        mn_buf before = written(a, "a.jsonl");
        const int rows = rows_in(a, 1);
        comes(b, path_of("a.jsonl"), NULL, rows, 0, 0);
        mn_buf after = written(b, "b.jsonl");
        same_bytes(&before, &after);
        comes(b, path_of("a.jsonl"), NULL, 0, rows, 0); /* again: nothing new */
        comes(a, path_of("a.jsonl"), NULL, 0, rows, 0); /* nor where it is from */
        mn_buf_free(&before);
        mn_buf_free(&after);
        mn_notes_close(&a);
        mn_notes_close(&b);
    }
}

static void ids_keep_their_order(void **unused) {
    (void)unused;
    mn_notes *a = new_store(), *b = new_store(), *c = new_store();
    seed = 5;
    fill(a, 200, 1);
    mn_buf first = written(a, "a.jsonl");
    comes(b, path_of("a.jsonl"), NULL, rows_in(a, 1), 0, 0);
    mn_buf second = written(b, "b.jsonl");
    comes(c, path_of("b.jsonl"), NULL, rows_in(a, 1), 0, 0);
    mn_buf third = written(c, "c.jsonl");
    same_bytes(&second, &third); /* no gaps any more */
    const char *x = first.data, *y = second.data;
    for (long long last = 0; *x;) { /* the same lines, but for ids */
        const char *const ex = strstr(x, "\"id\":"), *const ey = strstr(y, "\"id\":");
        assert_memory_equal(x, y, (size_t)(ex - x));
        assert_true(atoll(ey + 5) > last);
        last = atoll(ey + 5);
        x = strchr(ex, '\n') + 1;
        y = strchr(ey, '\n') + 1;
    }
    mn_buf_free(&first);
    mn_buf_free(&second);
    mn_buf_free(&third);
    mn_notes_close(&a);
    mn_notes_close(&b);
    mn_notes_close(&c);
}

static void a_line_needs_only_a_text(void **unused) {
    (void)unused;
    mn_notes *n = new_store();
    comes(n,
          put("few.jsonl", "\xef\xbb\xbf{\"text\": \"tea\"}\r\n\n"
                           "{\"text\":\"two\",\"time\":1683554160,\"session\":3}\n"
                           "{\"text\":\"soon\",\"time\":\"soon\",\"meta\":null,\"id\":\"x\"}"),
          NULL, 3, 0, 0);
    copy c = row_at(n, 0);
    assert_string_equal(c.row.text, "tea");
    assert_string_equal(c.row.time, "");
    assert_true(c.row.from == MN_NEVER && c.row.until == MN_NEVER && c.row.created > 0);
    mn_arena_free(&c.arena);
    c = row_at(n, 1);
    assert_string_equal(c.row.time, "1683554160");
    assert_string_equal(c.row.session, "3");
    assert_true(c.row.from == 1683554160000000);
    mn_arena_free(&c.arena);
    c = row_at(n, 2);
    assert_string_equal(c.row.time, "soon");
    assert_true(c.row.from == MN_NEVER);
    mn_arena_free(&c.arena);
    comes(n, path_of("few.jsonl"), NULL, 0, 3, 0);
    mn_notes_close(&n);
}

static void what_was_said_twice_stays_said_twice(void **unused) {
    (void)unused;
    mn_notes *n = new_store();
    comes(n, put("twice.jsonl", "{\"text\":\"ok\"}\n{\"text\":\"ok\"}\n{\"text\":\"no\"}\n"), NULL,
          3, 0, 0);
    comes(n, path_of("twice.jsonl"), NULL, 0, 3, 0);
    comes(n, put("thrice.jsonl", "{\"text\":\"ok\"}\n{\"text\":\"ok\"}\n{\"text\":\"ok\"}\n"), NULL,
          1, 2, 0);
    mn_notes_close(&n);
}

static void what_was_said_again_much_later_too(void **unused) {
    (void)unused;
    mn_notes *n = new_store();
    mn_buf text = {0};
    for (int i = 0; i < 2000; i++)
        assert_ok(mn_buf_printf(&text, "{\"text\":\"number %d\"}\n", i % 700));
    const char *const path = put_bytes("later.jsonl", text.data, text.len);
    comes(n, path, NULL, 2000, 0, 0);
    comes(n, path, NULL, 0, 2000, 0);
    mn_buf_free(&text);
    mn_notes_close(&n);
}

/* Somebody adds many records while an import reads its file. */
static int add_meanwhile(void *user, const char *what, uint64_t done, uint64_t total) {
    mn_notes **const n = user;
    mn_row row = a_row("meanwhile");
    (void)what;
    if (!done || done == total || !*n) return 0;
    for (int i = 0; i < 2000; i++) assert_ok(mn_notes_add(*n, &ann, &row, 1, NULL));
    *n = NULL;
    return 0;
}

static void others_add_while_an_import_runs(void **unused) {
    (void)unused;
    mn_notes *n = new_store(), *busy = n;
    mn_buf text = {0};
    mn_port_sum sum;
    const mn_port_told told = {.report = add_meanwhile, .report_user = &busy};
    for (int i = 0; i < 600; i++)
        assert_ok(mn_buf_printf(&text, "{\"text\":\"number %d %01999d\"}\n", i, i));
    comes(n, put_bytes("one.jsonl", text.data, text.len), NULL, 600, 0, 0);
    const size_t half = text.len;
    assert_ok(mn_buf_reserve(&text, half));
    assert_ok(mn_buf_append(&text, text.data, half));
    const char *const path = put_bytes("two.jsonl", text.data, text.len);
    assert_ok(mn_port_import(n, &ann, path, NULL, &told, &sum));
    assert_true(busy == NULL && sum.there == 600 && sum.added == 600);
    comes(n, put("third.jsonl", "{\"text\":\"meanwhile\"}\n"), NULL, 1, 0, 0); /* said in time */
    mn_buf_free(&text);
    mn_notes_close(&n);
}

static void a_version_belongs_to_the_record_that_is_there(void **unused) {
    (void)unused;
    mn_notes *n = new_store();
    const mn_row now = a_row("coffee");
    comes(n, put("v.jsonl", "{\"text\":\"tea\",\"created\":\"2021-01-01\",\"id\":5}\n"), NULL, 1, 0,
          0);
    assert_ok(mn_notes_update(n, &ann, 1, &now));
    comes(n,
          put("v.jsonl", "{\"text\":\"tea\",\"created\":\"2021-01-01\",\"id\":5}\n"
                         "{\"text\":\"milk\",\"created\":\"2020-01-01\",\"of\":5,"
                         "\"expired\":\"2021-01-01\"}\n"),
          NULL, 1, 1, 0);
    const mn_seek all = {.as_of = MN_NEVER, .rows = {.id = 1, .versions = 1}};
    assert_int_equal(mn_notes_find(n, &ann, &all, count_row, NULL), 3);
    mn_notes_close(&n);
}

static void what_is_wrong_in_a_line_is_named(void **unused) {
    (void)unused;
    static const struct {
        const char *line, *why;
    } row[] = {
        {"{\"text\":\"a\"", "line 2: "},
        {"[1]", "line 2: it is no JSON object"},
        {"{\"text\":\"a\\u0000b\"}", "line 2: the text is not text: byte 2 is zero"},
        {"{\"text\":\"a\",\"session\":\"\\u0000\"}", "line 2: \"session\" is no text"},
        {"{\"text\":\"\xff\"}", "line 2: unable to decode byte 0xff"},
        {"{\"text\":7}", "line 2: \"text\" is no text"},
        {"{\"time\":\"2020\"}", "line 2: the text of a record is empty"},
        {"{\"text\":\"a\",\"speaker\":[]}", "line 2: \"speaker\" is no text"},
        {"{\"text\":\"a\",\"from\":\"soon\"}", "line 2: \"from\" is no moment"},
        {"{\"text\":\"a\",\"until\":{}}", "line 2: \"until\" is no moment"},
        {"{\"text\":\"a\",\"created\":\"31 June 2020\"}", "line 2: \"created\" is no moment"},
        {"{\"text\":\"a\",\"meta\":[1]}", "line 2: \"meta\" is no object"},
        {"{\"text\":\"a\",\"text\":\"b\"}", "line 2: duplicate object key"},
        {"{\"text\":\"a\",\"expired\":\"2020-01-01\"}", "line 2: it has \"expired\", but not"},
        {"{\"text\":\"a\",\"of\":1}", "line 2: it has \"of\", but not when"},
        {"{\"text\":\"a\",\"of\":9,\"expired\":\"2020-01-01\"}",
         "line 2: it is a former version of record 9, which is in no line before"},
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        mn_notes *n = new_store();
        heard h = {.wrong = {0}};
        char text[512];
        snprintf(text, sizeof text, "{\"text\":\"first\"}\n%s\n{\"text\":\"last\"}\n", row[i].line);
        assert_ok(import_as(n, &ann, put("wrong.jsonl", text), NULL, &h));
        assert_true(h.sum.added == 2 && h.sum.wrong == 1);
        if (strncmp(h.wrong.data, row[i].why, strlen(row[i].why)) != 0)
            fail_msg("%s: %s", row[i].line, h.wrong.data);
        assert_int_equal(rows_in(n, 1), 2);
        mn_buf_free(&h.wrong);
        mn_notes_close(&n);
    }
}

static void what_is_too_long_or_too_deep_is_named(void **unused) {
    (void)unused;
    mn_notes *n = new_store();
    heard h = {.wrong = {0}};
    mn_buf text = {0};
    static char large[70 << 20], deep[4096];
    memset(large, 'x', sizeof large);
    memset(deep, '[', sizeof deep);
    assert_ok(mn_buf_printf(&text, "{\"text\":\"%.*s\"}\n", MN_TEXT_MAX, large));
    assert_ok(mn_buf_printf(&text, "{\"text\":\"%.*s\"}\n", MN_TEXT_MAX + 1, large));
    assert_ok(mn_buf_printf(&text, "{\"text\":\"a\",\"speaker\":\"%.*s\"}\n", 2000, large));
    assert_ok(mn_buf_printf(&text, "{\"text\":\"a\",\"meta\":{\"a\":%.*s", 4096, deep));
    assert_ok(mn_buf_printf(&text, "\n{\"text\":\"a\",\"meta\":{\"a\":\"%.*s\"}}\n", 70000, large));
    assert_ok(mn_buf_append(&text, large, sizeof large));
    assert_ok(mn_buf_puts(&text, "\n{\"text\":\"last\"}\n"));
    assert_ok(mn_buf_append(&text, large, sizeof large));
    assert_ok(import_as(n, &ann, put_bytes("large.jsonl", text.data, text.len), NULL, &h));
    assert_int_equal(h.sum.added, 2);
    assert_int_equal(h.sum.wrong, 6);
    assert_non_null(strstr(h.wrong.data, "line 2: the text has 1048577 bytes"));
    assert_non_null(strstr(h.wrong.data, "line 3: speaker has 2000 bytes"));
    assert_non_null(strstr(h.wrong.data, "line 4: maximum parsing depth reached"));
    assert_non_null(strstr(h.wrong.data, "line 5: meta has "));
    assert_non_null(strstr(h.wrong.data, "line 6: it has more than 64 MiB"));
    assert_non_null(strstr(h.wrong.data, "line 8: it has more than 64 MiB"));
    mn_buf_free(&text);
    mn_buf_free(&h.wrong);
    mn_notes_close(&n);
}

/* ---- scopes, and files that are nothing ----------------------------------------------------- */
static void the_scope_is_the_callers(void **unused) {
    (void)unused;
    mn_notes *n = new_store();
    heard h = {.wrong = {0}};
    const mn_who bot = {.user = "ann", .agent = "bot"}, bob = {.user = "bob"}, nobody = {0};
    const char *const path =
        put("scope.jsonl", "{\"text\":\"a\",\"agent\":\"x\",\"run\":\"7\",\"user\":\"eve\"}\n");
    comes(n, path, NULL, 1, 0, 0);
    copy c = row_at(n, 0);
    assert_string_equal(c.row.agent, "x");
    assert_string_equal(c.row.run, "7");
    mn_arena_free(&c.arena);
    assert_ok(import_as(n, &bot, path, NULL, &h)); /* of another agent: it is another record */
    assert_int_equal(h.sum.added, 1);
    c = row_at(n, 1);
    assert_string_equal(c.row.agent, "bot");
    assert_string_equal(c.row.run, "7");
    mn_arena_free(&c.arena);
    assert_ok(import_as(n, &bob, path, NULL, &h));
    assert_int_equal(h.sum.added, 1);
    assert_int_equal(rows_in(n, 1), 2);
    assert_fails(import_as(n, &nobody, path, NULL, &h), MN_EINVAL, "no user is given");
    mn_buf_free(&h.wrong);
    mn_notes_close(&n);
}

static void a_file_that_is_nothing_is_one_error(void **unused) {
    (void)unused;
    mn_notes *n = new_store();
    heard h = {.wrong = {0}};
    assert_fails(import_as(n, &ann,
                           put("x.bin", "\x7f"
                                        "ELF\x01\x02"),
                           NULL, &h),
                 MN_EUNSUPPORTED, "none of the formats that are known");
    assert_fails(import_as(n, &ann, put("empty", ""), NULL, &h), MN_EUNSUPPORTED, "none of the");
    assert_fails(import_as(n, &ann, path_of("absent.jsonl"), NULL, &h), MN_ENOENT, "absent.jsonl");
    assert_fails(import_as(n, &ann, path_of("absent"), "jsonl", &h), MN_ENOENT, "absent");
    assert_fails(import_as(n, &ann, path_of("x.bin"), "csv", &h), MN_EINVAL, "jsonl");
    comes(n, put("empty.jsonl", ""), NULL, 0, 0, 0);
    assert_int_equal(h.sum.wrong, 0);
    mn_buf_free(&h.wrong);
    mn_notes_close(&n);
}

static void what_changed_meanwhile_is_not_there(void **unused) {
    (void)unused;
    mn_notes *n = new_store();
    const mn_row now = a_row("coffee");
    comes(n, put("tea.jsonl", "{\"text\":\"tea\"}\n"), NULL, 1, 0, 0);
    mn_buf before = written(n, "before.jsonl");
    assert_ok(mn_notes_update(n, &ann, 1, &now));
    comes(n, path_of("before.jsonl"), NULL, 0, 1, 0); /* a former version is there */
    const mn_rows which = {.id = 1};
    assert_int_equal(mn_notes_forget(n, &ann, &which, NULL, NULL), 1);
    comes(n, path_of("before.jsonl"), NULL, 1, 0, 0);
    mn_buf_free(&before);
    mn_notes_close(&n);
}

static int stop_at(void *user, const char *what, uint64_t done, uint64_t total) {
    (void)what;
    (void)total;
    return done >= *(uint64_t *)user;
}

static void an_import_can_be_stopped_and_goes_on(void **unused) {
    (void)unused;
    mn_notes *n = new_store();
    mn_buf text = {0};
    mn_port_sum sum;
    uint64_t most = 1 << 20;
    const mn_port_told told = {.report = stop_at, .report_user = &most};
    for (int i = 0; i < 40000; i++)
        assert_ok(mn_buf_printf(&text, "{\"text\":\"this is what was said as number %d\"}\n", i));
    const char *const path = put_bytes("many.jsonl", text.data, text.len);
    assert_fails(mn_port_import(n, &ann, path, NULL, &told, &sum), MN_ECANCELLED, "stopped");
    assert_true(sum.added > 1000 && sum.added < 40000 && sum.added == rows_in(n, 1));
    comes(n, path, NULL, 40000 - (int)sum.added, (int)sum.added, 0);
    most = 100;
    assert_fails((int)mn_port_export(n, &ann, path_of("no.jsonl"), NULL, &told), MN_ECANCELLED,
                 "stopped");
    assert_int_equal(access(path_of("no.jsonl"), F_OK), -1);
    mn_buf_free(&text);
    mn_notes_close(&n);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_come_back_byte_by_byte),
        cmocka_unit_test(ids_keep_their_order),
        cmocka_unit_test(a_line_needs_only_a_text),
        cmocka_unit_test(what_was_said_twice_stays_said_twice),
        cmocka_unit_test(what_was_said_again_much_later_too),
        cmocka_unit_test(others_add_while_an_import_runs),
        cmocka_unit_test(a_version_belongs_to_the_record_that_is_there),
        cmocka_unit_test(what_is_wrong_in_a_line_is_named),
        cmocka_unit_test(what_is_too_long_or_too_deep_is_named),
        cmocka_unit_test(the_scope_is_the_callers),
        cmocka_unit_test(a_file_that_is_nothing_is_one_error),
        cmocka_unit_test(what_changed_meanwhile_is_not_there),
        cmocka_unit_test(an_import_can_be_stopped_and_goes_on),
    };
    return cmocka_run_group_tests(tests, begin_all, end_all);
}
