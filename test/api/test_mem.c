/* SPDX-License-Identifier: Apache-2.0
 *
 * test/api/test_mem.c - omnesia.h, what agents remember: what is added is found as it was said,
 * changes leave what was, and whatever is asked wrongly is refused with nothing done.
 */
#include "mem_bed.h"

#include "base/when.h"

static void as_it_was_said(void **s) {
    (void)s;
    static const char *const texts[] = {
        "plain",
        " two  spaces \t\n and lines\r\n",
        "gr\xc3\xbc\xc3\x9f dich, \xe6\x9d\xb1\xe4\xba\xac \xf0\x9f\x98\x80",
        "'; DROP TABLE record; --",
        "%s %n \\ \" \x01\x7f",
        "."};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        char want[100];
        const int64_t id = add_text(&ann, texts[i]);
        snprintf(want, sizeof want, "%lld %s", (long long)id, texts[i]);
        assert_string_equal(FOUND(&ann, .id = id), want);
    }
    const mn_record r[] = {{.text = "one", .n = 3}, {.text = "twofold", .n = 3}};
    int64_t ids[2];
    assert_ok(mn_mem_add(mem, &ann, r, 2, ids));
    assert_int_equal(ids[1], ids[0] + 1);
    assert_string_equal(FOUND(&ann, .after = ids[0]), "8 two");
    assert_ok(mn_mem_add(mem, &ann, NULL, 0, NULL));
}

static int all_fields(void *user, const mn_record *r) {
    const mn_record *const w = user;
    const char *const has[] = {r->text,   r->time, r->session, r->speaker, r->ref,
                               r->source, r->kind, r->agent,   r->run,     r->meta},
                      *const want[] = {w->text,   w->time, w->session, w->speaker, w->ref,
                                       w->source, w->kind, w->agent,   w->run,     w->meta};
    for (size_t i = 0; i < 10; i++) assert_string_equal(has[i], want[i]);
    assert_int_equal(r->from, w->from);
    assert_int_equal(r->until, w->until);
    assert_int_equal(r->expired, MN_UNKNOWN);
    assert_true(r->created > 0);
    return 0;
}

static void fields_and_times(void **s) {
    (void)s;
    mn_record r = {.text = "x",
                   .n = 1,
                   .time = "1:56 pm on 8 May, 2023",
                   .session = "s",
                   .speaker = "p",
                   .ref = "r",
                   .source = "o",
                   .kind = "k",
                   .agent = "a",
                   .run = "u",
                   .meta = "{\"x\":1}"};
    int64_t id = add_record(&ann, r);
    r.from = 1683554160000000;
    r.until = MN_UNKNOWN;
    assert_int_equal(mn_mem_find(mem, &ann, &(mn_find){.id = id}, all_fields, &r), 1);
    r.from = 5;
    r.until = 7;
    id = add_record(&ann, r); /* said outright */
    assert_int_equal(mn_mem_find(mem, &ann, &(mn_find){.id = id}, all_fields, &r), 1);
    r = (mn_record){.text = "x",
                    .n = 1,
                    .time = "long ago",
                    .session = "",
                    .speaker = "",
                    .ref = "",
                    .source = "",
                    .kind = "",
                    .agent = "",
                    .run = "",
                    .meta = ""};
    id = add_record(&ann, r); /* not understood: it stays, and counts as unknown */
    r.from = r.until = MN_UNKNOWN;
    assert_int_equal(mn_mem_find(mem, &ann, &(mn_find){.id = id}, all_fields, &r), 1);
    const int64_t before = mn_when_now();
    id = add_text(&ann, "now");
    found f = {.n = 0};
    assert_int_equal(mn_mem_find(mem, &ann, &(mn_find){.id = id}, keep_found, &f), 1);
    assert_true(f.last.from >= before && f.last.from <= mn_when_now());
    assert_int_equal(f.last.from, f.last.created);
}

/* A record of no known time is found, but never by what was true at some time. */
static void unknown_times(void **s) {
    (void)s;
    const int64_t id = add_record(&ann, (mn_record){.text = "a cat", .time = "yesterday"});
    add_record(&ann, (mn_record){.text = "a cat in May", .time = "2023-05-08"});
    assert_string_equal(FOUND(&ann, .query = "cat", .as_of = "2030-01-01"), "2 a cat in May");
    assert_string_equal(FOUND(&ann, .as_of = "2030-01-01"), "2 a cat in May");
    refuses(&ann, (mn_find){.id = id, .as_of = "2030-01-01"}, MN_ENOENT, "no record");
    assert_string_equal(FOUND(&ann, .id = id), "1 a cat");
    refuses(&ann, (mn_find){.as_of = "yesterday"}, MN_EINVAL, "no moment");
}

static void ways_to_search(void **s) {
    (void)s;
    add_record(&ann, (mn_record){.text = "a cat", .time = "2022-05-08", .session = "one"});
    add_record(&ann,
               (mn_record){.text = "a dog and a cat", .time = "2023-05-08", .session = "one"});
    static const char query[] = "which cat was there in May 2023";
    assert_string_equal(FOUND(&ann, .query = query), "2 a dog and a cat");
    assert_string_equal(FOUND(&ann, .query = query, .times = "prune"), "2 a dog and a cat");
    assert_string_equal(FOUND(&ann, .query = query, .times = "near"),
                        "2 a dog and a cat | 1 a cat");
    assert_string_equal(FOUND(&ann, .query = query, .value = "session"),
                        "2 a cat\na dog and a cat\n");
    assert_string_equal(FOUND(&ann, .query = query, .value = "fact", .key = "plain"), "");
    refuses(&ann, (mn_find){.query = "cat", .value = "turn"}, MN_EINVAL,
            "value is 'turn'; there are round, session, fact");
    refuses(&ann, (mn_find){.query = "cat", .key = "both"}, MN_EINVAL, "merged, plain");
    refuses(&ann, (mn_find){.query = "cat", .times = "May"}, MN_EINVAL, "prune, near, none");
}

/* What was true when; a date means its end. */
static void as_of(void **s) {
    (void)s;
    const int64_t id =
        add_record(&ann, (mn_record){.text = "lives in Paris", .time = "2020-01-01"});
    assert_ok(update_text(&ann, id, "lives in Rome", "2021-06-01"));
    assert_ok(update_text(&ann, id, "lives in Oslo", "2022-06-01T12:00:00Z"));
    assert_string_equal(FOUND(&ann, .id = id), "1 lives in Oslo");
    static const struct {
        const char *when, *what;
    } row[] = {{"2020-01-01", "1 lives in Paris"},
               {"2021-05-31", "1 lives in Paris"},
               {"2021-06-01", "1 lives in Rome"},
               {"2022-06-01T11:59:59Z", "1 lives in Rome"},
               {"2022-06-01T12:00:00Z", "1 lives in Oslo"},
               {"2022-06-01", "1 lives in Oslo"},
               {"2050-01-01", "1 lives in Oslo"}};
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        assert_string_equal(FOUND(&ann, .as_of = row[i].when, .id = id), row[i].what);
        assert_string_equal(FOUND(&ann, .as_of = row[i].when), row[i].what);
        assert_string_equal(FOUND(&ann, .as_of = row[i].when, .query = "lives"), row[i].what);
    }
    assert_string_equal(FOUND(&ann, .as_of = "2019-12-31"), "");
    assert_string_equal(FOUND(&ann, .query = "Rome"), "");
    assert_string_equal(FOUND(&ann, .query = "Rome", .versions = 1), "1 lives in Rome");
    assert_string_equal(FOUND(&ann, .id = id, .versions = 1),
                        "1 lives in Paris | 1 lives in Rome | 1 lives in Oslo");
}

/* However a record is changed, at no moment were two versions of it true. */
static void one_version_at_a_time(void **s) {
    (void)s;
    static const char *const then[] = {"2020-01-01", "2021-01-01", "2019-01-01", "2020-01-01",
                                       "once",       NULL,         "2018-01-01", "2060-01-01"};
    static const char *const ask[] = {"2017-06-01", "2018-06-01", "2019-06-01", "2020-06-01",
                                      "2021-06-01", "2022-06-01", "2050-01-01", "2070-01-01"};
    const int n = sizeof then / sizeof *then;
    for (int first = 0; first < n; first++)
        for (int second = 0; second < n; second++)
            for (int third = 0; third < n; third++) {
                const int64_t id =
                    add_record(&ann, (mn_record){.text = "first", .time = then[first]});
                assert_ok(update_text(&ann, id, "second", then[second]));
                assert_ok(update_text(&ann, id, "third", then[third]));
                for (size_t i = 0; i < sizeof ask / sizeof *ask; i++) {
                    found f = {.n = 0};
                    const mn_find what = {.id = id, .as_of = ask[i]};
                    const int rc = mn_mem_find(mem, &ann, &what, keep_found, &f);
                    if (rc > 1)
                        fail_msg("%s, %s, %s: at %s: %s", then[first], then[second], then[third],
                                 ask[i], f.text);
                }
                assert_int_equal(mn_mem_forget(mem, &ann, &(mn_find){.id = id}, 0), 1);
            }
}

static void updates(void **s) {
    (void)s;
    const int64_t id = add_record(
        &ann, (mn_record){.text = "a dog", .session = "s", .speaker = "Ann", .meta = "{\"a\":1}"});
    add_text(&ann, "something else");
    assert_ok(update_text(&ann, id, "a cat", NULL));
    assert_string_equal(FOUND(&ann, .query = "dog"), "");
    assert_string_equal(FOUND(&ann, .query = "cat"), "1 a cat");
    assert_string_equal(FOUND(&ann, .session = "s"), "1 a cat");
    found f = {.n = 0};
    const mn_find history = {.id = id, .versions = 1};
    assert_int_equal(mn_mem_find(mem, &ann, &history, keep_found, &f), 2);
    assert_string_equal(f.text, "1 a dog | 1 a cat");
    assert_int_equal(f.last.expired, MN_UNKNOWN);
    assert_int_equal(f.last.until, MN_UNKNOWN);
    assert_fails(update_text(&ann, id, "", NULL), MN_EINVAL, "empty");
    assert_fails(update_text(&ann, 77, "x", NULL), MN_ENOENT, "no record 77 of ann");
    assert_fails(update_text(&ann, 0, "x", NULL), MN_ENOENT, "no record 0");
    assert_fails(update_text(&ann, INT64_MIN, "x", NULL), MN_ENOENT, "no record");
    /* Rows that keep former versions have numbers, too; they are nobody's ids. */
    for (int64_t other = 3; other < 6; other++) {
        assert_fails(update_text(&ann, other, "x", NULL), MN_ENOENT, "no record");
        refuses(&ann, (mn_find){.id = other}, MN_ENOENT, "no record");
        refuses(&ann, (mn_find){.id = other, .versions = 1}, MN_ENOENT, "no record");
        assert_int_equal(mn_mem_forget(mem, &ann, &(mn_find){.id = other}, 0), MN_ENOENT);
    }
    assert_string_equal(FOUND(&ann, .id = id, .versions = 1), "1 a dog | 1 a cat");
}

static void so_many(void **s) {
    (void)s;
    for (int i = 0; i < 30; i++) add_text(&ann, "the cat sat there again"); /* 6 tokens */
    found f = {.n = 0};
    assert_int_equal(mn_mem_find(mem, &ann, &(mn_find){.query = "cat"}, keep_found, &f), 10);
    f = (found){.n = 0};
    assert_int_equal(mn_mem_find(mem, &ann, &(mn_find){.k = 0}, keep_found, &f), 30);
    assert_string_equal(FOUND(&ann, .k = 1), "1 the cat sat there again");
    f = (found){.n = 0};
    assert_int_equal(mn_mem_find(mem, &ann, &(mn_find){.query = "cat", .k = 25}, keep_found, &f),
                     25);
    for (int query = 0; query < 2; query++)
        for (int budget = 1; budget < 30; budget++) {
            f = (found){.n = 0};
            const mn_find what = {.budget = budget, .query = query ? "cat" : NULL, .k = 50};
            assert_int_equal(mn_mem_find(mem, &ann, &what, keep_found, &f),
                             budget < 12 ? 1 : budget / 6);
        }
    f = (found){.stop_at = 3};
    assert_int_equal(mn_mem_find(mem, &ann, &(mn_find){.k = 0}, keep_found, &f), 42);
    assert_int_equal(f.count, 3);
    f = (found){.stop_at = 3};
    assert_int_equal(mn_mem_find(mem, &ann, &(mn_find){.query = "cat"}, keep_found, &f), 42);
    refuses(&ann, (mn_find){.k = -1}, MN_EINVAL, "k is -1");
    refuses(&ann, (mn_find){.budget = -1}, MN_EINVAL, "budget -1");
}

/* With `after` a list is read in pieces: each record once, whatever is asked for besides. */
static void in_pieces(void **s) {
    (void)s;
    for (int i = 0; i < 9; i++)
        add_record(&ann,
                   (mn_record){.text = "text", .time = "2020-01-01", .session = i % 2 ? "a" : "b"});
    for (int i = 1; i < 9; i += 3) assert_ok(update_text(&ann, i, "changed", "2021-01-01"));
    for (int kind = 0; kind < 4; kind++) {
        mn_find what = {.k = 2};
        found all = {.n = 0};
        if (kind == 1) what.session = "a";
        if (kind == 2) what.as_of = "2020-06-01";
        if (kind == 3) what.as_of = "2021-06-01";
        for (int turn = 0; turn < 9; turn++) {
            const int n = mn_mem_find(mem, &ann, &what, keep_found, &all);
            assert_ok(n);
            if (!n) break;
            assert_true(all.last.id > what.after);
            what.after = all.last.id;
        }
        if (all.count != (kind == 1 ? 4 : 9)) fail_msg("kind %d: %s", kind, all.text);
    }
}

static void narrower(void **s) {
    (void)s;
    const int64_t one =
        add_record(&ann, (mn_record){.text = "cat one", .session = "s", .ref = "r"});
    add_record(&ann, (mn_record){.text = "cat two", .source = "book", .kind = "fact"});
    assert_string_equal(FOUND(&ann, .query = "cat", .session = "s"), "1 cat one");
    assert_string_equal(FOUND(&ann, .query = "cat", .source = "book"), "2 cat two");
    assert_string_equal(FOUND(&ann, .query = "cat", .id = one), "1 cat one");
    assert_string_equal(FOUND(&ann, .query = "cat", .after = one), "2 cat two");
    assert_string_equal(FOUND(&ann, .ref = "r"), "1 cat one");
    assert_string_equal(FOUND(&ann, .kind = "fact"), "2 cat two");
    assert_string_equal(FOUND(&ann, .kind = "fact", .session = "s"), "");
    assert_string_equal(FOUND(&ann, .session = "", .kind = ""), "1 cat one | 2 cat two");
    assert_string_equal(FOUND(&ann, .query = "nothing like it"), "");
    assert_string_equal(FOUND(&ann, .query = ""), "");
    assert_string_equal(FOUND(&ann, .query = "the of and"), "");
    assert_string_equal(FOUND(&ann, .query = "\" OR 1 * NEAR( cat"), "2 cat two | 1 cat one");
}

/* What a search is not about does not crowd out what it is about: former versions of a record that
 * changed often, and other sessions, sources and agents. */
static void in_a_crowd(void **s) {
    (void)s;
    const mn_scope other = {.user = "ann", .agent = "other"}, own = {.user = "ann", .agent = "own"};
    mn_record r = {.text = "the status is fine",
                   .n = 18,
                   .session = "s",
                   .source = "o",
                   .ref = "r",
                   .kind = "k"};
    assert_ok(mn_mem_add(mem, &own, &r, 1, NULL));
    const int64_t id = add_text(&ann, "the status is 0");
    for (int i = 0; i < 400; i++) {
        char text[40];
        snprintf(text, sizeof text, "the status is %d", i);
        assert_ok(update_text(&ann, id, text, NULL));
    }
    assert_string_equal(FOUND(&ann, .query = "status"),
                        "2 the status is 399 | 1 the status is fine");
    mn_record crowd[400];
    for (int i = 0; i < 400; i++) crowd[i] = (mn_record){.text = "the status is bad", .n = 17};
    assert_ok(mn_mem_add(mem, &other, crowd, 400, NULL));
    assert_string_equal(FOUND(&own, .query = "status"), "1 the status is fine");
    assert_string_equal(FOUND(&ann, .query = "status", .session = "s"), "1 the status is fine");
    assert_string_equal(FOUND(&ann, .query = "status", .source = "o"), "1 the status is fine");
    assert_string_equal(FOUND(&ann, .query = "status", .ref = "r"), "1 the status is fine");
    assert_string_equal(FOUND(&ann, .query = "status", .kind = "k"), "1 the status is fine");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(as_it_was_said, mem_begin, mem_end),
        cmocka_unit_test_setup_teardown(fields_and_times, mem_begin, mem_end),
        cmocka_unit_test_setup_teardown(unknown_times, mem_begin, mem_end),
        cmocka_unit_test_setup_teardown(as_of, mem_begin, mem_end),
        cmocka_unit_test_setup_teardown(ways_to_search, mem_begin, mem_end),
        cmocka_unit_test_setup_teardown(one_version_at_a_time, mem_begin, mem_end),
        cmocka_unit_test_setup_teardown(updates, mem_begin, mem_end),
        cmocka_unit_test_setup_teardown(so_many, mem_begin, mem_end),
        cmocka_unit_test_setup_teardown(in_pieces, mem_begin, mem_end),
        cmocka_unit_test_setup_teardown(narrower, mem_begin, mem_end),
        cmocka_unit_test_setup_teardown(in_a_crowd, mem_begin, mem_end)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
