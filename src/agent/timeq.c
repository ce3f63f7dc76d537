/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/timeq.c - days, years and what lies before now, as questions name them.
 */
#include "agent/timeq.h"

#include "agent/cue.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { TOLD_DAYS = 21 };
#define DAY_US INT64_C(86400000000)

static int is(const char *w, const char *word) {
    return strcmp(w, word) == 0;
}

/* ---- days and years that are named ---------------------------------------------------------- */
/* From the first of them to the last; 0: one has no year, or there is no such day. */
static int named_days(const mn_cue *cue, int n, mn_timeq *out) {
    *out = (mn_timeq){INT64_MAX, INT64_MIN};
    for (int i = 0; i < n; i++) {
        int64_t from, until;
        if (!mn_cue_days(cue + i, &from, &until)) return 0;
        if (cue[i].how == MN_CUE_SINCE) until = i + 1 < n ? out->until : INT64_MAX;
        if (cue[i].how == MN_CUE_UNTIL) from = i ? out->from : INT64_MIN;
        if (from < out->from) out->from = from;
        if (until > out->until) out->until = until;
    }
    return n > 0 && out->from < out->until;
}

static int64_t new_year(int year) {
    struct tm t = {.tm_year = year - 1900, .tm_mday = 1};
    return (int64_t)timegm(&t) * 1000000;
}

/* "in 2023" */
static int named_year(const mn_cue_word *w, int n, mn_timeq *out) {
    for (int i = 1; i < n; i++) {
        const int year = mn_cue_year(w[i]);
        if (!year) continue;
        const int since = is(w[i - 1], "since"), before = is(w[i - 1], "before");
        if (!since && !before && !is(w[i - 1], "in") && !is(w[i - 1], "during")) continue;
        out->from = before ? INT64_MIN : new_year(year);
        out->until = since ? INT64_MAX : new_year(before ? year : year + 1);
        return 1;
    }
    return 0;
}

/* ---- before now ----------------------------------------------------------------------------- */
/* Days of "week", "months", ..; 0: it is none of them. */
static int unit_of(const char *w) {
    static const struct {
        const char *name;
        int days;
    } units[] = {{"day", 1}, {"week", 7}, {"month", 30}, {"year", 365}};
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        const size_t n = strlen(units[i].name);
        if (strncmp(w, units[i].name, n) == 0 && (!w[n] || is(w + n, "s"))) return units[i].days;
    }
    return 0;
}

static int number_of(const char *w) {
    static const char *const names[] = {"one",   "two",   "three", "four", "five",   "six",
                                        "seven", "eight", "nine",  "ten",  "eleven", "twelve"};
    char *end;
    if (is(w, "a") || is(w, "an")) return 1;
    for (int i = 0; i < 12; i++)
        if (is(w, names[i])) return i + 1;
    const long n = strtol(w, &end, 10);
    return *w && !*end && n > 0 && n < 1000 ? (int)n : 0;
}

static void days_ago(int64_t now, double most, double least, mn_timeq *out) {
    out->from = now - (int64_t)(most * (double)DAY_US);
    out->until = now - (int64_t)(least * (double)DAY_US);
}

static int before_now(const mn_cue_word *w, int n, int64_t now, mn_timeq *out) {
    const int64_t today = now - (now % DAY_US + DAY_US) % DAY_US;
    for (int i = 0; i < n; i++) {
        const int unit = unit_of(w[i + 1]), few = number_of(w[i]);
        if (is(w[i], "yesterday") || is(w[i], "today")) {
            out->from = today - (*w[i] == 'y' ? DAY_US : 0);
            out->until = out->from + DAY_US;
            return 1;
        }
        if (few && unit && i + 2 < n && is(w[i + 2], "ago")) {
            days_ago(now, (few + .5) * unit + 1, (few - .5) * unit - 1, out);
            return 1;
        }
        if (unit > 1 && (is(w[i], "last") || is(w[i], "past"))) {
            days_ago(now, 2 * unit, 0, out);
            return 1;
        }
        if (unit > 1 && is(w[i], "this")) {
            days_ago(now, unit, 0, out);
            return 1;
        }
    }
    return 0;
}

int mn_timeq_of(const char *text, size_t length, int64_t now, mn_timeq *out) {
    mn_cue cue[MN_CUES];
    mn_cue_word w[MN_CUE_WORDS + 2];
    const int cues = mn_cues_of(text, length, cue), n = mn_cue_words(text, length, w);
    if (cues ? !named_days(cue, cues, out) : !named_year(w, n, out) && !before_now(w, n, now, out))
        return 0;
    if (out->until < INT64_MAX - TOLD_DAYS * DAY_US) out->until += TOLD_DAYS * DAY_US;
    return 1;
}

/* Can there be a year in it? Most texts have none, and need not be read word by word. */
static int may_have_year(const char *text, size_t n) {
    for (size_t i = 0; i + 4 <= n; i++)
        if ((text[i] == '1' || text[i] == '2') && (text[i + 1] == '9' || text[i + 1] == '0'))
            return 1;
    return 0;
}

/* Does the text name a day of that time, or its year? */
static int names_it(const mn_timeq *t, const char *text, size_t length) {
    if (!may_have_year(text, length)) return 0;
    mn_cue cue[MN_CUES];
    mn_cue_word w[MN_CUE_WORDS + 2];
    const int cues = mn_cues_of(text, length, cue), n = mn_cue_words(text, length, w);
    int64_t from, until;
    for (int i = 0; i < cues; i++)
        if (mn_cue_days(cue + i, &from, &until) && from < t->until && until > t->from) return 1;
    for (int i = 0; i < n && !cues; i++) {
        const int year = mn_cue_year(w[i]);
        if (year && new_year(year) < t->until && new_year(year + 1) > t->from) return 1;
    }
    return 0;
}

int mn_timeq_fits(const mn_timeq *t, int64_t at, const char *text, size_t n) {
    return at == INT64_MIN || (at >= t->from && at < t->until) || names_it(t, text, n);
}
