/* SPDX-License-Identifier: Apache-2.0
 *
 * test/base/test_when.c - moments as they are written, and what is none; days against the C
 * library; texts come back.
 */
#include "test.h"

#include "base/when.h"

#include <time.h>

static void moments_are_understood(void **unused) {
    (void)unused;
    static const struct {
        const char *text, *means;
        int64_t span; /* seconds; 0: a moment */
    } row[] = {
        {"2023-05-08T13:56:00Z", "2023-05-08T13:56:00Z", 1},
        {"2023-05-08t13:56:00.250z", "2023-05-08T13:56:00.25Z", 0},
        {"2023-05-08T13:56:00+02:00", "2023-05-08T11:56:00Z", 1},
        {"2023-05-08 13:56:07-0730", "2023-05-08T21:26:07Z", 1},
        {"2023-05-08 13:56", "2023-05-08T13:56:00Z", 60},
        {"2023-05-08", "2023-05-08T00:00:00Z", 86400},
        {"  2023-05-08\n", "2023-05-08T00:00:00Z", 86400},
        {"2024-02", "2024-02-01T00:00:00Z", 29 * 86400},
        {"2023/05/20 (Sat) 02:21", "2023-05-20T02:21:00Z", 60},
        {"1683554160", "2023-05-08T13:56:00Z", 1},
        {"1683554160.25", "2023-05-08T13:56:00.25Z", 0},
        {"1:56 pm on 8 May, 2023", "2023-05-08T13:56:00Z", 60},
        {"12:05 am on 8 May, 2023", "2023-05-08T00:05:00Z", 60},
        {"12:05 p.m. on the 8th of May 2023", "2023-05-08T12:05:00Z", 60},
        {"2 pm, May 8th, 2023", "2023-05-08T14:00:00Z", 3600},
        {"May 8, 2023 at 13:56", "2023-05-08T13:56:00Z", 60},
        {"Monday, 8 may 2023", "2023-05-08T00:00:00Z", 86400},
        {"Sept 1 2023", "2023-09-01T00:00:00Z", 86400},
        {"May 2023", "2023-05-01T00:00:00Z", 31 * 86400},
        {"Mon, 08 May 2023 13:56:00 +0200", "2023-05-08T11:56:00Z", 1},
        {"Mon, 08 May 2023 13:56:00 GMT", "2023-05-08T13:56:00Z", 1},
        {"25/12/2023", "2023-12-25T00:00:00Z", 86400},
        {"12/25/2023", "2023-12-25T00:00:00Z", 86400},
        {"25.12.2023", "2023-12-25T00:00:00Z", 86400},
        {"05/05/2023", "2023-05-05T00:00:00Z", 86400},
        {"0001-01-01", "0001-01-01T00:00:00Z", 86400},
        {"9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999Z", 0},
        {"2016-12-31T23:59:60Z", "2017-01-01T00:00:00Z", 1}, /* a leap second */
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        mn_when w;
        char text[MN_WHEN_TEXT];
        if (!mn_when_parse(row[i].text, &w)) fail_msg("\"%s\" is no moment", row[i].text);
        assert_string_equal(mn_when_text(w.at, text), row[i].means);
        assert_int_equal(w.span, row[i].span ? row[i].span * 1000000 : 1);
    }
    mn_when w;
    assert_true(mn_when_parse("1683554160123", &w));
    assert_int_equal(w.at, 1683554160123000);
}

static void what_is_no_moment_is_none(void **unused) {
    (void)unused;
    static const char *const none[] = {"",
                                       " ",
                                       "yesterday",
                                       "today",
                                       "now",
                                       "soon",
                                       "8 May",
                                       "May 8th",
                                       "2023",
                                       "13:56",
                                       "1",
                                       "99",
                                       "08/05/2023",
                                       "2023-13-01",
                                       "2023-00-01",
                                       "2023-02-30",
                                       "2023-06-31",
                                       "2023-05-08T25:00Z",
                                       "2023-05-08T13:60Z",
                                       "2023-05-08T13:56:61Z",
                                       "13:56 pm on 8 May, 2023",
                                       "0 am 8 May 2023",
                                       "8 May 2023 9 May 2023",
                                       "2023-05-08 2023",
                                       "2023-05-08 13:56 14:00",
                                       "2023-05-08 Z",
                                       "2023-05-08T13:56:00ZZ",
                                       "2023-05-08T13:56+25:00",
                                       "the day before 2023-05-08",
                                       "-1683554160",
                                       "12345678",
                                       "1683554160x",
                                       "1683554160.",
                                       "8 Mayday 2023",
                                       "8 Ma 2023",
                                       "+2023-05-08",
                                       "2023-05-08; drop",
                                       "\xff\xfe",
                                       "99999-01-01",
                                       "1/2/3/2023",
                                       "31 2023",
                                       "2023 at 13:56 May",
                                       "111111111111111111111111"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        mn_when w = {7, 8};
        if (mn_when_parse(none[i], &w))
            fail_msg("\"%s\" is %lld, which it does not say", none[i], (long long)w.at);
        assert_true(w.at == 7 && w.span == 8);
    }
    char longer[300];
    memset(longer, ' ', sizeof longer);
    strcpy(longer + 150, "2023-05-08");
    mn_when w;
    assert_true(mn_when_parse(longer, &w)); /* blanks before it are nothing */
    memset(longer, '0', sizeof longer - 1);
    assert_false(mn_when_parse(longer, &w));
}

/* Every day of 1600 to 2400 is the C library's. */
static void days_are_those_of_the_c_library(void **unused) {
    (void)unused;
    for (int64_t d = -135140; d < 157054; d++) {
        const time_t at = (time_t)(d * 86400);
        struct tm t;
        char text[MN_WHEN_TEXT];
        mn_when w;
        gmtime_r(&at, &t);
        snprintf(text, sizeof text, "%04d-%02d-%02d", t.tm_year + 1900, t.tm_mon + 1, t.tm_mday);
        assert_true(mn_when_parse(text, &w));
        assert_int_equal(w.at, (int64_t)at * 1000000);
    }
}

static void texts_come_back(void **unused) {
    (void)unused;
    uint64_t x = 5;
    for (int i = 0; i < 200000; i++) {
        x = x * 6364136223846793005u + 1442695040888963407u;
        const int64_t at =
            (int64_t)(x >> 12) % 253402300800000000 - (i % 3 ? 0 : 62135596800000000);
        char text[MN_WHEN_TEXT];
        mn_when w;
        if (at < -62135596800000000) continue;
        assert_true(mn_when_parse(mn_when_text(at, text), &w));
        if (w.at != at) fail_msg("%lld: %s: %lld", (long long)at, text, (long long)w.at);
    }
}

/* No text makes it read beyond the end, or say what it was not told. */
static void any_bytes_may_come(void **unused) {
    (void)unused;
    static const char pieces[][12] = {"2023", "-", "05",         "08", "T",  ":",    "13",
                                      "may",  " ", "pm",         ",",  "+",  "z",    "/",
                                      "(",    ".", "1683554160", "th", "at", "\x80", "9"};
    uint64_t x = 9;
    for (int i = 0; i < 300000; i++) {
        char *text = malloc(160);
        size_t n = 0;
        assert_non_null(text);
        for (int k = 0; k < 12; k++) {
            x = x * 6364136223846793005u + 1442695040888963407u;
            const char *p = pieces[(x >> 33) % (sizeof pieces / sizeof *pieces)];
            memcpy(text + n, p, strlen(p));
            n += strlen(p);
            if (x >> 62 == 0) break;
        }
        text[n] = 0;
        text = realloc(text, n + 1);
        mn_when w;
        if (mn_when_parse(text, &w)) {
            assert_in_range(w.span, 1, 31LL * 86400 * 1000000);
            assert_true(w.at > -62135683200000000 && w.at < 253402387200000000);
        }
        free(text);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(moments_are_understood),
        cmocka_unit_test(what_is_no_moment_is_none),
        cmocka_unit_test(days_are_those_of_the_c_library),
        cmocka_unit_test(texts_come_back),
        cmocka_unit_test(any_bytes_may_come),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
