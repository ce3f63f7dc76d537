/* SPDX-License-Identifier: Apache-2.0
 *
 * test/agent/test_cue.c - the days a question names, what is none, and which moments fit.
 */
#include "test.h"

#include "agent/cue.h"
#include "base/when.h"

enum { NONE = 0 };

static void days_that_are_named(void **s) {
    (void)s;
    static const struct {
        const char *text;
        int n;
        mn_cue first, second; /* year, month, day */
    } row[] = {
        {"", 0, {0}, {0}},
        {"what did she buy", 0, {0}, {0}},
        {"what happened in 2023", 0, {0}, {0}},
        {"What did she buy in May 2023?", 1, {2023, 5, 0}, {0}},
        {"what did she buy on 8 May, 2023", 1, {2023, 5, 8}, {0}},
        {"what did she buy on May 8, 2023", 1, {2023, 5, 8}, {0}},
        {"what did she buy on May 8th 2023", 1, {2023, 5, 8}, {0}},
        {"on the 3rd of July", 1, {NONE, 7, 3}, {0}},
        {"on the 3rd of July 2022", 1, {2022, 7, 3}, {0}},
        {"on 3 July", 1, {NONE, 7, 3}, {0}},
        {"since SEPTEMBER", 1, {NONE, 9, 0, .how = MN_CUE_SINCE}, {0}},
        {"until the 3rd of July", 1, {NONE, 7, 3, .how = MN_CUE_UNTIL}, {0}},
        {"in the week of 8 May 2023", 1, {2023, 5, 8, .week = 1}, {0}},
        {"the week of May 8th, 2023", 1, {2023, 5, 8, .week = 1}, {0}},
        {"a week in May 2023", 1, {2023, 5, 0}, {0}},
        {"in Sept 2021", 1, {2021, 9, 0}, {0}},
        {"Feb 29, 2024", 1, {2024, 2, 29}, {0}},
        {"in 2023, what was in July", 1, {2023, 7, 0}, {0}},
        {"in June and in July of 2022", 2, {2022, 6, 0}, {2022, 7, 0}},
        {"in June 2021 and July 2022", 2, {2021, 6, 0}, {2022, 7, 0}},
        {"between 3 January and 5 February 2020",
         2,
         {NONE, 1, 3, .how = MN_CUE_SINCE},
         {2020, 2, 5, .how = MN_CUE_UNTIL}},
        {"in Mayor July", 1, {NONE, 7, 0}, {0}},
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        mn_cue c[MN_CUES] = {{0}};
        const int n = mn_cues_of(row[i].text, strlen(row[i].text), c);
        if (n != row[i].n) fail_msg("\"%s\" has %d cues, not %d", row[i].text, n, row[i].n);
        const mn_cue *const want[] = {&row[i].first, &row[i].second};
        for (int k = 0; k < n; k++)
            if (memcmp(&c[k], want[k], sizeof c[k]) != 0)
                fail_msg("\"%s\": cue %d is %d-%d-%d", row[i].text, k, c[k].year, c[k].month,
                         c[k].day);
    }
}

/* Months that are words of their own count only where a date would stand. */
static void doubtful_months(void **s) {
    (void)s;
    static const char *const none[] = {"may I ask what she bought",
                                       "What may he do?",
                                       "march to the top",
                                       "the march went on",
                                       "Jan likes it",
                                       "mar the table",
                                       "who is Jun",
                                       "Maybe",
                                       "decide",
                                       "the mayor of Junction"};
    static const char *const some[] = {"in may",   "last March", "8 may",    "may 8",
                                       "may 2023", "by mar",     "this Jan", "during dec"};
    mn_cue c[MN_CUES];
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        if (mn_cues_of(none[i], strlen(none[i]), c)) fail_msg("\"%s\" names no month", none[i]);
    for (size_t i = 0; i < sizeof some / sizeof *some; i++)
        if (mn_cues_of(some[i], strlen(some[i]), c) != 1) fail_msg("\"%s\" names one", some[i]);
}

static void no_more_than_there_is_room_for(void **s) {
    (void)s;
    char text[8192] = "";
    mn_cue c[MN_CUES + 1] = {{0}};
    c[MN_CUES].year = -1;
    for (int i = 0; i < 300; i++) strcat(text, i % 2 ? "July 2020 " : "3 June ");
    assert_int_equal(mn_cues_of(text, strlen(text), c), MN_CUES);
    assert_int_equal(c[MN_CUES].year, -1);
    /* The last words that are read are a month, and a day behind them. */
    *text = 0;
    for (int i = 0; i < 255; i++) strcat(text, "x ");
    strcat(text, "July 4 2020");
    assert_int_equal(mn_cues_of(text, strlen(text), c), 1);
    memset(text, 'j', sizeof text);
    assert_int_equal(mn_cues_of(text, sizeof text, c), 0);
    assert_int_equal(mn_cues_of("in July\xff 3", 10, c), 1);
}

static int fits(mn_cue c, const char *when) {
    mn_when w;
    assert_true(mn_when_parse(when, &w));
    return mn_cue_fits(&c, w.at);
}

/* A week behind the day people still talk of it. */
static void moments_that_fit(void **s) {
    (void)s;
    const mn_cue may = {2023, 5, 0}, day = {2023, 5, 8}, any_may = {0, 5, 0},
                 december = {0, 12, 31}, leap = {0, 2, 29}, none = {2023, 2, 29};
    assert_true(fits(may, "2023-05-01T00:00:00Z"));
    assert_true(fits(may, "2023-06-07T23:59:59Z"));
    assert_false(fits(may, "2023-06-08T00:00:00Z"));
    assert_false(fits(may, "2023-04-30T23:59:59Z"));
    assert_false(fits(may, "2022-05-10"));
    assert_true(fits(day, "2023-05-08T00:00:00Z"));
    assert_true(fits(day, "2023-05-15T23:59:59Z"));
    assert_false(fits(day, "2023-05-16T00:00:00Z"));
    assert_false(fits(day, "2023-05-07T23:59:59Z"));
    assert_true(fits(any_may, "1969-05-10"));
    assert_true(fits(any_may, "2031-05-10"));
    assert_false(fits(any_may, "2031-07-10"));
    assert_true(fits(december, "2022-12-31T10:00:00Z"));
    assert_true(fits(december, "2023-01-07T23:00:00Z")); /* the week goes into the next year */
    assert_false(fits(december, "2023-01-08T00:00:00Z"));
    assert_true(fits(leap, "2024-02-29T12:00:00Z"));
    assert_true(fits(leap, "2024-03-07T12:00:00Z"));
    assert_false(fits(leap, "2023-03-01T12:00:00Z"));
    assert_false(fits(none, "2023-03-01T12:00:00Z"));
    assert_false(mn_cue_fits(&may, INT64_MIN));
    assert_false(mn_cue_fits(&any_may, INT64_MAX));
    assert_false(mn_cue_fits(&any_may, INT64_MIN + 1));
}

static void spans(void **s) {
    (void)s;
    static const struct {
        mn_cue cue;
        const char *from, *until;
    } row[] = {{{2023, 5, 0}, "2023-05-01T00:00:00Z", "2023-06-08T00:00:00Z"},
               {{2023, 12, 0}, "2023-12-01T00:00:00Z", "2024-01-08T00:00:00Z"},
               {{2024, 2, 0}, "2024-02-01T00:00:00Z", "2024-03-08T00:00:00Z"},
               {{2024, 2, 29}, "2024-02-29T00:00:00Z", "2024-03-08T00:00:00Z"},
               {{1900, 1, 1}, "1900-01-01T00:00:00Z", "1900-01-09T00:00:00Z"},
               {{2099, 12, 31}, "2099-12-31T00:00:00Z", "2100-01-08T00:00:00Z"}};
    int64_t from, until;
    char text[MN_WHEN_TEXT];
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        assert_true(mn_cue_span(&row[i].cue, &from, &until));
        assert_string_equal(mn_when_text(from, text), row[i].from);
        assert_string_equal(mn_when_text(until, text), row[i].until);
    }
    const mn_cue none[] = {{0, 5, 0}, {2023, 2, 29}, {2023, 6, 31}, {2100, 2, 29}};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        assert_false(mn_cue_span(none + i, &from, &until));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(days_that_are_named),
                                       cmocka_unit_test(doubtful_months),
                                       cmocka_unit_test(no_more_than_there_is_room_for),
                                       cmocka_unit_test(moments_that_fit), cmocka_unit_test(spans)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
