/* SPDX-License-Identifier: Apache-2.0
 *
 * test/agent/test_store.c - what every store promises in agent/store.h, over all kinds of them
 * (test/agent/stores.h has their places): rows, versions, words, vectors, transactions.
 */
#include "agent/stores.h"

static void every_kind_has_a_place(void **unused) {
    (void)unused;
    static const mn_store_kind *const all[] = {
#define X(name) &mn_store_##name,
        MN_STORE_LIST(X)
#undef X
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        int there = 0;
        for (size_t k = 0; k < KINDS; k++) there += kinds_of_stores[k].kind == all[i];
        if (there != 1) fail_msg("the store %s is not tested", all[i]->name);
    }
    mn_store *s = NULL;
    assert_fails(mn_store_open("ftp://example.org/x", 0, &s), MN_EUNSUPPORTED, "no store");
}

static void owners(void **unused) {
    (void)unused;
    mn_store *s = opened();
    int64_t a, b, again, rows, words;
    assert_ok(s->kind->begin(s, 1));
    assert_ok(s->kind->owner(s, "t", "ann", 0, &a));
    assert_int_equal(a, 0);
    a = owner_of(s, "ann");
    b = owner_of(s, "bob");
    assert_int_not_equal(a, b);
    assert_ok(s->kind->owner(s, "t", "ann", 0, &again));
    assert_int_equal(again, a);
    assert_ok(s->kind->owner(s, "other", "ann", 0, &again));
    assert_int_equal(again, 0);
    put_text(s, a, "one two three");
    put_text(s, a, "four");
    assert_ok(s->kind->span(s, a, &rows, &words));
    assert_int_equal(rows, 2);
    assert_int_equal(words, 6);
    assert_ok(s->kind->span(s, b, &rows, &words));
    assert_int_equal(rows, 0);
    assert_ok(s->kind->span(s, 999, &rows, &words));
    assert_int_equal(rows, 0);
    assert_ok(s->kind->end(s, 1));
    closed(&s);
}

static int same(void *user, const mn_row *r) {
    const mn_row *const w = user;
    assert_int_equal(r->id, w->id);
    assert_int_equal(r->of, w->of);
    assert_int_equal(r->from, w->from);
    assert_int_equal(r->until, w->until);
    assert_int_equal(r->created, w->created);
    assert_int_equal(r->expired, w->expired);
    assert_int_equal(r->n, w->n);
    assert_memory_equal(r->text, w->text, w->n);
    assert_int_equal(r->text[r->n], 0);
    const char *const has[] = {r->time, r->session, r->speaker, r->ref, r->source,
                               r->kind, r->agent,   r->run,     r->meta},
                      *const wants[] = {w->time, w->session, w->speaker, w->ref, w->source,
                                        w->kind, w->agent,   w->run,     w->meta};
    for (size_t i = 0; i < 9; i++) assert_string_equal(has[i], wants[i]);
    return 0;
}

/* All fields come back; another owner's rows are not there, whatever is asked. */
static void rows_come_back(void **unused) {
    (void)unused;
    mn_store *s = opened();
    assert_ok(s->kind->begin(s, 1));
    const int64_t a = owner_of(s, "ann"), b = owner_of(s, "bob");
    mn_row r = {.from = INT64_MIN,
                .until = INT64_MAX,
                .created = -5,
                .expired = 17,
                .text = "gr\xc3\xbc\xc3\x9f \"quoted\" %s \\ ' ; --",
                .time = "once",
                .session = "s",
                .speaker = "p",
                .ref = "r",
                .source = "o",
                .kind = "k",
                .agent = "a",
                .run = "u",
                .meta = "{\"x\":1}"};
    r.n = strlen(r.text);
    r.id = put_row(s, a, &r);
    assert_int_equal(s->kind->fetch(s, a, &r.id, 1, same, &r), 1);
    assert_int_equal(s->kind->fetch(s, b, &r.id, 1, same, &r), 0);
    r.text = "changed";
    r.n = 7;
    r.session = "s2";
    r.from = 5;
    assert_ok(s->kind->replace(s, b, &r)); /* not his: nothing happens */
    assert_ok(s->kind->remove(s, b, r.id));
    assert_ok(s->kind->replace(s, a, &r));
    assert_int_equal(s->kind->fetch(s, a, &r.id, 1, same, &r), 1);
    told t = {.n = 0};
    const int64_t ids[] = {r.id, 999, r.id + 1, -1};
    assert_int_equal(s->kind->fetch(s, a, ids, 4, tell_row, &t), 1);
    assert_ok(s->kind->remove(s, a, r.id));
    assert_ok(s->kind->remove(s, a, r.id));
    assert_int_equal(s->kind->fetch(s, a, &r.id, 1, same, &r), 0);
    const int64_t next = put_text(s, a, "new");
    assert_true(next > r.id);
    assert_ok(s->kind->remove(s, a, next));
    assert_true(put_text(s, a, "newer") > next); /* a number is never used again */
    assert_ok(s->kind->end(s, 1));
    closed(&s);
}

static const char *rows_like(mn_store *s, mn_rows which) {
    static told t;
    t = (told){.n = 0};
    const int n = s->kind->rows(s, &which, tell_row, &t);
    assert_ok(n);
    assert_int_equal(n, t.count);
    return t.text;
}

static void filters(void **unused) {
    (void)unused;
    mn_store *s = opened();
    assert_ok(s->kind->begin(s, 1));
    const int64_t a = owner_of(s, "ann"), b = owner_of(s, "bob");
    for (int i = 0; i < 6; i++) {
        mn_row r = row_of_text("text");
        r.session = i & 1 ? "one" : "two";
        r.agent = i < 3 ? "x" : "";
        r.run = i == 2 ? "run" : "";
        r.source = i == 4 ? "book" : "";
        r.ref = i == 5 ? "'" : "";
        r.kind = i == 0 ? "fact" : "";
        assert_int_equal(put_row(s, i == 3 ? b : a, &r), i + 1);
    }
    assert_string_equal(rows_like(s, (mn_rows){.owner = a}), "1 2 3 5 6");
    assert_string_equal(rows_like(s, (mn_rows){.owner = b}), "4");
    assert_string_equal(rows_like(s, (mn_rows){.owner = 0}), "");
    assert_string_equal(rows_like(s, (mn_rows){.owner = a, .most = 2}), "1 2");
    assert_string_equal(rows_like(s, (mn_rows){.owner = a, .after = 2}), "3 5 6");
    assert_string_equal(rows_like(s, (mn_rows){.owner = a, .after = 2, .most = 1}), "3");
    assert_string_equal(rows_like(s, (mn_rows){.owner = a, .id = 3}), "3");
    assert_string_equal(rows_like(s, (mn_rows){.owner = a, .id = 4}), "");
    assert_string_equal(rows_like(s, (mn_rows){.owner = a, .session = "one"}), "2 6");
    assert_string_equal(rows_like(s, (mn_rows){.owner = a, .agent = "x"}), "1 2 3");
    assert_string_equal(rows_like(s, (mn_rows){.owner = a, .agent = ""}), "5 6");
    assert_string_equal(rows_like(s, (mn_rows){.owner = a, .agent = "x", .run = "run"}), "3");
    assert_string_equal(rows_like(s, (mn_rows){.owner = a, .source = "book"}), "5");
    assert_string_equal(rows_like(s, (mn_rows){.owner = a, .ref = "'"}), "6");
    assert_string_equal(rows_like(s, (mn_rows){.owner = a, .kind = "fact", .session = "two"}), "1");
    assert_string_equal(rows_like(s, (mn_rows){.owner = a, .kind = "fact", .session = "one"}), "");
    told t = {.stop_at = 2};
    assert_int_equal(s->kind->rows(s, &(mn_rows){.owner = a}, tell_row, &t), 7);
    assert_string_equal(t.text, "1 2");
    assert_ok(s->kind->end(s, 1));
    closed(&s);
}

/* Rows 2 and 4 are what 1 was before; 3 is another record. */
static void versions(void **unused) {
    (void)unused;
    mn_store *s = opened();
    assert_ok(s->kind->begin(s, 1));
    const int64_t a = owner_of(s, "ann"), b = owner_of(s, "bob");
    for (int i = 1; i <= 4; i++) {
        mn_row r = row_of_text("text");
        r.of = i == 2 || i == 4;
        put_row(s, a, &r);
    }
    assert_string_equal(rows_like(s, (mn_rows){.owner = a}), "1 3");
    assert_string_equal(rows_like(s, (mn_rows){.owner = a, .versions = MN_BEHIND}), "1 2 4 3");
    assert_string_equal(rows_like(s, (mn_rows){.owner = a, .versions = MN_BEHIND, .most = 2}),
                        "1 2");
    assert_string_equal(rows_like(s, (mn_rows){.owner = a, .versions = MN_BEHIND, .most = 3}),
                        "1 2 4");
    assert_string_equal(
        rows_like(s, (mn_rows){.owner = a, .id = 1, .versions = MN_BEFORE, .most = 2}), "2 4");
    assert_string_equal(rows_like(s, (mn_rows){.owner = a, .versions = MN_BEHIND, .after = 1}),
                        "3");
    assert_string_equal(rows_like(s, (mn_rows){.owner = a, .id = 1}), "1");
    assert_string_equal(rows_like(s, (mn_rows){.owner = a, .id = 1, .versions = MN_BEFORE}),
                        "2 4 1");
    assert_string_equal(rows_like(s, (mn_rows){.owner = b, .id = 1, .versions = MN_BEFORE}), "");
    /* A row that is a version is no record. */
    assert_string_equal(rows_like(s, (mn_rows){.owner = a, .id = 2}), "");
    assert_string_equal(rows_like(s, (mn_rows){.owner = a, .id = 2, .versions = MN_BEHIND}), "");
    assert_ok(s->kind->end(s, 1));
    closed(&s);
}

static const char *beside(mn_store *s, int64_t owner, const char *session, int64_t id, int reach,
                          int behind) {
    static told t;
    t = (told){.n = 0};
    assert_ok(s->kind->around(s, owner, session, id, reach, behind, tell_row, &t));
    return t.text;
}

static void around_and_during(void **unused) {
    (void)unused;
    mn_store *s = opened();
    int64_t ids[8];
    assert_ok(s->kind->begin(s, 1));
    const int64_t a = owner_of(s, "ann"), b = owner_of(s, "bob");
    for (int i = 1; i <= 8; i++) {
        mn_row r = row_of_text("text");
        r.session = i == 4 ? "two" : i == 8 ? "" : "one";
        r.of = i == 5 ? 1 : 0;
        r.from = i == 7 ? INT64_MIN : i * 10;
        put_row(s, i == 6 ? b : a, &r);
    }
    assert_string_equal(beside(s, a, "one", 3, 9, 0), "2 1");
    assert_string_equal(beside(s, a, "one", 3, 1, 0), "2");
    assert_string_equal(beside(s, a, "one", 3, 9, 1), "7"); /* 4, 5, 6 are none of it */
    assert_string_equal(beside(s, b, "one", 3, 9, 1), "6");
    assert_string_equal(beside(s, a, "", 3, 9, 1), "");
    int n = s->kind->during(s, a, 20, 80, ids, 8);
    assert_string_equal(ids_text(ids, n), "5 4 3 2");
    n = s->kind->during(s, a, 20, 80, ids, 2);
    assert_string_equal(ids_text(ids, n), "5 4");
    n = s->kind->during(s, b, INT64_MIN, INT64_MAX, ids, 8);
    assert_string_equal(ids_text(ids, n), "6");
    assert_ok(s->kind->end(s, 1));
    closed(&s);
}

static const char *who_speaks(mn_store *s, int64_t owner, int most) {
    static told t;
    t = (told){.n = 0};
    assert_ok(s->kind->speakers(s, owner, most, tell_name, &t));
    return t.text;
}

static void speakers(void **unused) {
    (void)unused;
    mn_store *s = opened();
    int64_t id[6];
    static const char *const by[] = {"Ann", "Bob", "Bob", "", "Ann", "Bob"};
    assert_ok(s->kind->begin(s, 1));
    const int64_t a = owner_of(s, "ann"), b = owner_of(s, "bob");
    for (int i = 0; i < 6; i++) {
        mn_row r = row_of_text("text");
        r.speaker = by[i];
        id[i] = put_row(s, i == 4 ? b : a, &r);
    }
    assert_string_equal(who_speaks(s, a, 9), "Bob Ann");
    assert_string_equal(who_speaks(s, a, 1), "Bob");
    assert_string_equal(who_speaks(s, b, 9), "Ann");
    assert_ok(s->kind->remove(s, a, id[4])); /* not hers: nobody falls silent */
    assert_string_equal(who_speaks(s, a, 9), "Bob Ann");
    assert_string_equal(who_speaks(s, b, 9), "Ann");
    assert_ok(s->kind->remove(s, a, id[0]));
    assert_string_equal(who_speaks(s, a, 9), "Bob");
    mn_row now = row_of_text("what he says now");
    now.id = id[1];
    now.speaker = "Bob";
    assert_ok(s->kind->replace(s, a, &now));
    assert_ok(s->kind->remove(s, a, id[1]));
    assert_ok(s->kind->remove(s, a, id[2]));
    assert_ok(s->kind->remove(s, a, id[5]));
    assert_string_equal(who_speaks(s, a, 9), "");
    assert_ok(s->kind->end(s, 1));
    closed(&s);
}

static int index_again(void *user, int64_t owner, const mn_row *row) {
    mn_store *const s = user;
    mn_buf line = {0};
    assert_ok(mn_words_line(owner, row->text, row->n, &line));
    const int rc = s->kind->index(s, owner, row->id, line.data, line.len, 2, 0);
    mn_buf_free(&line);
    return rc;
}

static void words_find_rows(void **unused) {
    (void)unused;
    mn_store *s = opened();
    int64_t rows, words;
    assert_ok(s->kind->begin(s, 1));
    const int64_t a = owner_of(s, "ann"), b = owner_of(s, "bob");
    put_text(s, a, "black cat");
    put_text(s, b, "black dog");
    put_text(s, a, "white cat \xe6\x9d\xb1\xe4\xba\xac caf\xc3\xa9");
    assert_string_equal(matched(s, "\"1:cat\"", 64), "3 1");
    assert_string_equal(matched(s, "\"1:cat\"", 1), "3");
    assert_string_equal(matched(s, "\"1:black\"", 64), "1");
    assert_string_equal(matched(s, "\"2:black\"", 64), "2");
    assert_string_equal(matched(s, "\"1:dog\"", 64), "");
    assert_string_equal(matched(s, "\"1:whit\" AND \"1:cat\"", 64), "3");
    assert_string_equal(matched(s, "\"1:whit\" AND \"1:black\"", 64), "");
    assert_string_equal(matched(s, "\"1:\xe6\x9d\xb1\xe4\xba\xac\"", 64), "3");
    assert_string_equal(matched(s, "\"1:caf\"", 64), "3");
    assert_string_equal(matched(s, "\"11:cat\"", 64), "");
    assert_ok(s->kind->index(s, a, 1, "1:black 1:cat", 13, 3, 1));
    assert_string_equal(matched(s, "\"1:cat\"", 64), "3");
    assert_ok(s->kind->span(s, a, &rows, &words));
    assert_int_equal(rows, 1);
    assert_ok(s->kind->reindex(s, index_again, s));
    assert_string_equal(matched(s, "\"1:cat\"", 64), "3 1");
    assert_string_equal(matched(s, "\"2:dog\"", 64), "2");
    assert_ok(s->kind->span(s, a, &rows, &words));
    assert_int_equal(rows, 2);
    assert_int_equal(words, 4);
    assert_ok(s->kind->end(s, 1));
    closed(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_kind_has_a_place, store_begin, store_end),
        cmocka_unit_test_setup_teardown(owners, store_begin, store_end),
        cmocka_unit_test_setup_teardown(rows_come_back, store_begin, store_end),
        cmocka_unit_test_setup_teardown(filters, store_begin, store_end),
        cmocka_unit_test_setup_teardown(versions, store_begin, store_end),
        cmocka_unit_test_setup_teardown(around_and_during, store_begin, store_end),
        cmocka_unit_test_setup_teardown(speakers, store_begin, store_end),
        cmocka_unit_test_setup_teardown(words_find_rows, store_begin, store_end)};
    return cmocka_run_group_tests_name(kind_now()->kind->name, tests, NULL, NULL);
}
