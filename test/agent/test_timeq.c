/* SPDX-License-Identifier: Apache-2.0
 *
 * test/agent/test_timeq.c - the time a question asks about, and what was told of it.
 */
#include "test.h"

#include "agent/timeq.h"
#include "base/when.h"

static int64_t at(const char *text) {
    mn_when w;
    assert_true(mn_when_parse(text, &w));
    return w.at;
}

/* On a Wednesday at noon. */
static int time_of(const char *text, mn_timeq *out) {
    return mn_timeq_of(text, strlen(text), at("2023-06-14T12:00:00Z"), out);
}

static void times_that_are_named(void **s) {
    (void)s;
    static const struct {
        const char *text, *from, *until; /* until: the first day that is too late to tell of it */
    } row[] = {
        {"what did she buy in May 2023", "2023-05-01", "2023-06-22"},
        {"in the week of 8 May 2023", "2023-05-08", "2023-06-05"},
        {"on 8 May 2023", "2023-05-08", "2023-05-30"},
        {"since May 2023", "2023-05-01", NULL},
        {"until May 2023", NULL, "2023-06-22"},
        {"between 3 January 2020 and 5 February 2020", "2020-01-03", "2020-02-27"},
        {"in June and in July of 2022", "2022-06-01", "2022-08-22"},
        {"which bands did he see in 2022", "2022-01-01", "2023-01-22"},
        {"since 2022", "2022-01-01", NULL},
        {"before 2022", NULL, "2022-01-22"},
        {"what broke yesterday", "2023-06-13", "2023-07-05"},
        {"what broke today", "2023-06-14", "2023-07-06"},
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        mn_timeq t;
        if (!time_of(row[i].text, &t)) fail_msg("\"%s\" names a time", row[i].text);
        if (t.from != (row[i].from ? at(row[i].from) : INT64_MIN))
            fail_msg("\"%s\" does not begin at %s", row[i].text, row[i].from);
        if (t.until != (row[i].until ? at(row[i].until) : INT64_MAX))
            fail_msg("\"%s\" does not end at %s", row[i].text, row[i].until);
    }
}

static void times_before_now(void **s) {
    (void)s;
    static const struct {
        const char *text, *in, *out;
    } row[] = {{"what did I buy last week", "2023-06-05", "2023-05-20"},
               {"who came last month", "2023-05-10", "2023-03-10"},
               {"what happened three months ago", "2023-03-16", "2023-02-01"},
               {"where was I 2 years ago", "2021-06-10", "2020-06-10"},
               {"this week", "2023-06-12", "2023-06-01"},
               {"a week ago", "2023-06-07", "2023-05-30"}};
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        mn_timeq t;
        if (!time_of(row[i].text, &t)) fail_msg("\"%s\" names a time", row[i].text);
        if (!mn_timeq_fits(&t, at(row[i].in), "", 0)) fail_msg("\"%s\": in", row[i].text);
        if (mn_timeq_fits(&t, at(row[i].out), "", 0)) fail_msg("\"%s\": out", row[i].text);
    }
}

static void no_time_is_guessed(void **s) {
    (void)s;
    static const char *const none[] = {"",
                                       "what did she buy",
                                       "in May",
                                       "on the 3rd of July",
                                       "29 February 2023",
                                       "how long does it last",
                                       "two weeks",
                                       "the last one",
                                       "room 2022",
                                       "between January and 5 February 2020",
                                       "ago ago ago",
                                       "\xff\xfe week"};
    mn_timeq t;
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        if (time_of(none[i], &t)) fail_msg("\"%s\" names no time", none[i]);
}

static void what_was_told_of_it(void **s) {
    (void)s;
    static const struct {
        const char *when, *text;
        int fits;
    } row[] = {{"2023-05-01", "", 1},
               {"2023-06-21", "", 1}, /* three weeks behind it */
               {"2023-06-22", "", 0},
               {"2023-04-30", "", 0},
               {"2026-01-01", "I moved to Rome in May 2023", 1},
               {"2026-01-01", "in 2023 I moved to Rome", 1},
               {"2026-01-01", "I moved to Rome in May 2022", 0},
               {NULL, "", 1}}; /* nobody knows when */
    mn_timeq t;
    assert_true(time_of("where did he move to in May 2023", &t));
    for (size_t i = 0; i < sizeof row / sizeof *row; i++)
        assert_int_equal(mn_timeq_fits(&t, row[i].when ? at(row[i].when) : INT64_MIN, row[i].text,
                                       strlen(row[i].text)),
                         row[i].fits);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_that_are_named),
        cmocka_unit_test(times_before_now),
        cmocka_unit_test(no_time_is_guessed),
        cmocka_unit_test(what_was_told_of_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
