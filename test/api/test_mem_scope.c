/* SPDX-License-Identifier: Apache-2.0
 *
 * test/api/test_mem_scope.c - whose records: no call works without a user, none reaches another's,
 * and what comes in is checked before anything is done.
 */
#include "mem_bed.h"

#include <sqlite3.h>

static void nobody_asks(void **s) {
    (void)s;
    const mn_scope none = {.tenant = "t", .agent = "a"}, empty = {.user = ""};
    const mn_scope *const who[] = {NULL, &none, &empty};
    char key[256];
    for (size_t i = 0; i < 3; i++) {
        const mn_record r = {.text = "x", .n = 1};
        const mn_find what = {.id = 1};
        found f = {.n = 0};
        assert_fails(mn_mem_add(mem, who[i], &r, 1, NULL), MN_EINVAL, "never guessed");
        assert_fails(mn_mem_find(mem, who[i], &what, keep_found, &f), MN_EINVAL, "never guessed");
        assert_fails(mn_mem_update(mem, who[i], 1, &r), MN_EINVAL, "never guessed");
        assert_fails((int)mn_mem_forget(mem, who[i], &what, 0), MN_EINVAL, "never guessed");
        assert_fails(mn_mem_topic(who[i], key), MN_EINVAL, "never guessed");
    }
}

/* Ann's, and the same names in other places: another tenant, another user. */
static void anothers_records(void **s) {
    (void)s;
    const mn_scope other = {.tenant = "firm", .user = "ann"},
                   joined = {.tenant = "firmann", .user = "ann"};
    const mn_scope *const who[] = {&bob, &other, &joined};
    const int64_t id = add_record(
        &ann, (mn_record){.text = "the red cat", .session = "s", .ref = "r", .source = "o"});
    assert_ok(update_text(&ann, id, "the white cat", NULL));
    for (size_t i = 0; i < 3; i++) {
        static const char *const ask[] = {"cat", "red", "white", "\"1:cat\"", "1:white"};
        for (int versions = 0; versions < 2; versions++) {
            for (size_t q = 0; q < 5; q++)
                assert_string_equal(FOUND(who[i], .query = ask[q], .versions = versions), "");
            assert_string_equal(FOUND(who[i], .versions = versions), "");
            refuses(who[i], (mn_find){.id = id, .versions = versions}, MN_ENOENT, "no record");
            assert_string_equal(FOUND(who[i], .id = id, .versions = versions, .query = "cat"), "");
        }
        assert_string_equal(FOUND(who[i], .session = "s"), "");
        assert_string_equal(FOUND(who[i], .as_of = "2090-01-01"), "");
        refuses(who[i], (mn_find){.id = id, .as_of = "2090-01-01"}, MN_ENOENT, "no record");
        assert_fails(update_text(who[i], id, "mine", NULL), MN_ENOENT, "no record 1");
        assert_int_equal(mn_mem_forget(mem, who[i], &(mn_find){.id = id}, 0), MN_ENOENT);
        assert_int_equal(mn_mem_forget(mem, who[i], &(mn_find){.session = "s"}, 0), 0);
        assert_int_equal(mn_mem_forget(mem, who[i], &(mn_find){.ref = "r"}, 0), 0);
        assert_int_equal(mn_mem_forget(mem, who[i], &(mn_find){.k = 0}, 1), 0);
    }
    assert_string_equal(FOUND(&ann, .id = id, .versions = 1), "1 the red cat | 1 the white cat");
    /* They have some of their own, with the same words: each finds one. */
    for (size_t i = 0; i < 3; i++) add_text(who[i], "the white cat");
    assert_string_equal(FOUND(&ann, .query = "white cat"), "1 the white cat");
    assert_string_equal(FOUND(&bob, .query = "white cat"), "3 the white cat");
    char a[256], b[256], c[256];
    assert_ok(mn_mem_topic(&ann, a));
    assert_ok(mn_mem_topic(&bob, b));
    assert_ok(mn_mem_topic(&other, c));
    assert_string_not_equal(a, b);
    assert_string_not_equal(a, c);
}

/* Agents and runs of one user: named ones see their own, an unnamed one all. */
static void agents_and_runs(void **s) {
    (void)s;
    const mn_scope plan = {.user = "ann", .agent = "planner"},
                   code = {.user = "ann", .agent = "coder", .run = "7"},
                   run8 = {.user = "ann", .agent = "coder", .run = "8"},
                   no_agent = {.user = "ann", .agent = ""};
    add_text(&ann, "cat of nobody");
    add_text(&plan, "cat of the planner");
    add_text(&code, "cat of the coder");
    add_text(&run8, "cat of another run");
    for (int query = 0; query < 2; query++) {
        const char *const q = query ? "cat" : NULL;
        assert_string_equal(FOUND(&plan, .query = q), "2 cat of the planner");
        assert_string_equal(FOUND(&code, .query = q), "3 cat of the coder");
        assert_string_equal(FOUND(&run8, .query = q), "4 cat of another run");
        assert_string_equal(FOUND(&no_agent, .query = q), "1 cat of nobody");
        found f = {.n = 0};
        assert_int_equal(mn_mem_find(mem, &ann, &(mn_find){.query = q}, keep_found, &f), 4);
    }
    refuses(&plan, (mn_find){.id = 3}, MN_ENOENT, "no record");
    assert_fails(update_text(&plan, 3, "x", NULL), MN_ENOENT, "no record");
    assert_int_equal(mn_mem_forget(mem, &plan, &(mn_find){.id = 3}, 0), MN_ENOENT);
    assert_int_equal(mn_mem_forget(mem, &plan, &(mn_find){.k = 0}, 1), 1);
    assert_ok(update_text(&code, 3, "dog of the coder", NULL));
    assert_string_equal(FOUND(&code, .versions = 1, .id = 3),
                        "3 cat of the coder | 3 dog of the coder");
    assert_int_equal(mn_mem_forget(mem, &ann, &(mn_find){.k = 0}, 1), 3);
    assert_string_equal(FOUND(&ann, .versions = 1), "");
}

static int add_of(const char *text, size_t n) {
    const mn_record r = {.text = text, .n = n};
    return mn_mem_add(mem, &ann, &r, 1, NULL);
}

static void texts_that_are_none(void **s) {
    (void)s;
    const size_t mib = 1 << 20, ten = 10 * mib;
    char *const large = malloc(ten + 1);
    memset(large, 'x', ten);
    large[ten] = 0;
    assert_fails(add_of("", 0), MN_EINVAL, "empty");
    assert_fails(add_of(NULL, 5), MN_EINVAL, "empty");
    assert_fails(add_of("a\0b", 3), MN_EINVAL, "byte 2 is zero");
    assert_fails(add_of("ab\xff", 3), MN_EINVAL, "byte 3 is 0xFF");
    assert_fails(add_of("ab\xc3", 3), MN_EINVAL, "byte 3");
    assert_fails(add_of("\xed\xa0\x80", 3), MN_EINVAL, "byte 1");
    assert_fails(add_of(large, ten), MN_ETOOLONG, "10485760 bytes, and a record holds 1048576");
    assert_fails(add_of(large, mib + 1), MN_ETOOLONG, "1048577");
    assert_ok(add_of(large, mib));
    assert_fails(update_text(&ann, 1, "\xff", NULL), MN_EINVAL, "0xFF");
    found f = {.n = 0};
    assert_int_equal(mn_mem_find(mem, &ann, &(mn_find){.k = 1}, keep_found, &f), 1);
    assert_int_equal(f.last.n, mib);
    refuses(&ann, (mn_find){.query = large}, MN_ETOOLONG, "10485760");
    refuses(&ann, (mn_find){.query = "\xff"}, MN_EINVAL, "query");
    large[mib] = 0;
    f = (found){.n = 0};
    assert_int_equal(mn_mem_find(mem, &ann, &(mn_find){.query = large}, keep_found, &f), 1);
    free(large);
}

/* All or none: the second of three is wrong, so none is there. */
static void all_or_none(void **s) {
    (void)s;
    const mn_record r[] = {
        {.text = "one", .n = 3}, {.text = "", .n = 0}, {.text = "three", .n = 5}};
    assert_fails(mn_mem_add(mem, &ann, r, 3, NULL), MN_EINVAL, "record 2 of 3");
    assert_string_equal(FOUND(&ann, .k = 0), "");
}

static void fields_that_are_none(void **s) {
    (void)s;
    char huge[4096], meta[(1 << 16) + 2];
    memset(huge, 'f', sizeof huge);
    huge[sizeof huge - 1] = 0;
    memset(meta, 'm', sizeof meta);
    meta[sizeof meta - 1] = 0;
    const char **field;
    for (int i = 0; i < 8; i++) {
        mn_record r = {.text = "x", .n = 1};
        const char **const fields[] = {&r.time,   &r.session, &r.speaker, &r.ref,
                                       &r.source, &r.kind,    &r.agent,   &r.run};
        field = fields[i];
        *field = huge;
        assert_fails(mn_mem_add(mem, &ann, &r, 1, NULL), MN_ETOOLONG, "4095 bytes; 1024");
        *field = "\xc3\x28";
        assert_fails(mn_mem_add(mem, &ann, &r, 1, NULL), MN_EINVAL, "UTF-8");
        *field = huge + sizeof huge - 1 - 1024;
        assert_ok(mn_mem_add(mem, &ann, &r, 1, NULL));
    }
    mn_record r = {.text = "x", .n = 1, .meta = meta};
    assert_fails(mn_mem_add(mem, &ann, &r, 1, NULL), MN_ETOOLONG, "meta has 65537");
    r.meta = meta + 1;
    assert_ok(mn_mem_add(mem, &ann, &r, 1, NULL));
    const mn_scope who[] = {{.user = huge},
                            {.user = "\xff"},
                            {.user = "u", .tenant = huge},
                            {.user = "u", .agent = "\xff"},
                            {.user = "u", .run = huge}};
    r.meta = NULL;
    for (size_t i = 0; i < sizeof who / sizeof *who; i++) {
        found f = {.n = 0};
        const mn_find what = {.query = "x"};
        assert_true(mn_mem_add(mem, who + i, &r, 1, NULL) < 0);
        assert_true(mn_mem_find(mem, who + i, &what, keep_found, &f) < 0);
        assert_true(mn_mem_update(mem, who + i, 1, &r) < 0);
        assert_true(mn_mem_forget(mem, who + i, &what, 1) < 0);
    }
    found f = {.n = 0};
    assert_int_equal(mn_mem_find(mem, &ann, &(mn_find){.k = 0}, keep_found, &f), 9);
}

static void forgetting_says_what(void **s) {
    (void)s;
    add_text(&ann, "one");
    assert_fails((int)mn_mem_forget(mem, &ann, &(mn_find){.k = 0}, 0), MN_EINVAL, "what to forget");
    assert_fails((int)mn_mem_forget(mem, &ann, &(mn_find){.session = ""}, 0), MN_EINVAL, "what to");
    assert_fails((int)mn_mem_forget(mem, &ann, &(mn_find){.query = "one"}, 1), MN_EINVAL,
                 "named by");
    assert_fails((int)mn_mem_forget(mem, &ann, &(mn_find){.as_of = "2020"}, 1), MN_EINVAL, "named");
    assert_fails((int)mn_mem_forget(mem, &ann, &(mn_find){.after = 1}, 1), MN_EINVAL, "named by");
    assert_string_equal(FOUND(&ann, .k = 0), "1 one");
    assert_int_equal(mn_mem_forget(mem, &ann, &(mn_find){.session = "none"}, 0), 0);
    assert_int_equal(mn_mem_forget(mem, &ann, &(mn_find){.id = 1}, 0), 1);
    assert_int_equal(mn_mem_forget(mem, &ann, &(mn_find){.id = 1}, 0), MN_ENOENT);
    assert_int_equal(add_text(&ann, "two"), 2); /* its number is not used again */
}

/* More versions than are taken at a time; of two records, so that the cut lies between. */
static void many_versions(void **s) {
    (void)s;
    for (int64_t id = 1; id <= 2; id++) assert_int_equal(add_text(&ann, "one"), id);
    for (int i = 0; i < 300; i++) assert_ok(update_text(&ann, 1 + i % 2, "another", NULL));
    assert_int_equal(mn_mem_forget(mem, &ann, &(mn_find){.k = 0}, 1), 2);
    sqlite3 *db;
    sqlite3_stmt *q;
    assert_int_equal(sqlite3_open(place, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, "SELECT count(*) FROM record", -1, &q, NULL), 0);
    assert_int_equal(sqlite3_step(q), SQLITE_ROW);
    assert_int_equal(sqlite3_column_int(q, 0), 0);
    sqlite3_finalize(q);
    sqlite3_close(db);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nobody_asks, mem_begin, mem_end),
        cmocka_unit_test_setup_teardown(anothers_records, mem_begin, mem_end),
        cmocka_unit_test_setup_teardown(agents_and_runs, mem_begin, mem_end),
        cmocka_unit_test_setup_teardown(texts_that_are_none, mem_begin, mem_end),
        cmocka_unit_test_setup_teardown(all_or_none, mem_begin, mem_end),
        cmocka_unit_test_setup_teardown(fields_that_are_none, mem_begin, mem_end),
        cmocka_unit_test_setup_teardown(forgetting_says_what, mem_begin, mem_end),
        cmocka_unit_test_setup_teardown(many_versions, mem_begin, mem_end)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
