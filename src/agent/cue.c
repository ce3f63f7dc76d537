/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/cue.c - reads the words of a question three at a time.
 */
#include "agent/cue.h"

#include "agent/words.h"
#include "base/when.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { BEHIND_DAYS = 7 };
#define DAY_US INT64_C(86400000000)

static int one_of(const char *w, const char *const *list, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (strcmp(w, list[i]) == 0) return (int)i + 1;
    return 0;
}
#define ONE_OF(w, list) one_of(w, list, sizeof(list) / sizeof *(list))

static int month_of(const char *w) {
    static const char *const months[] = {"january",   "february", "march",    "april",
                                         "may",       "june",     "july",     "august",
                                         "september", "october",  "november", "december"};
    if (strcmp(w, "sept") == 0) return 9;
    for (int i = 0; i < 12; i++)
        if (strcmp(w, months[i]) == 0 || (strlen(w) == 3 && memcmp(w, months[i], 3) == 0))
            return i + 1;
    return 0;
}

/* Months that are other words, too. */
static int doubtful(const char *w) {
    static const char *const words[] = {"may", "march", "mar", "dec", "jan", "jun"};
    return ONE_OF(w, words);
}

static int leads_in(const char *w) {
    static const char *const words[] = {"in",     "on",     "of",    "by",   "since",  "until",
                                        "during", "early",  "mid",   "late", "last",   "this",
                                        "around", "before", "after", "and",  "between"};
    return ONE_OF(w, words);
}

static int day_of(const char *w) {
    char *end;
    static const char *const endings[] = {"", "st", "nd", "rd", "th"};
    if (*w < '0' || *w > '9') return 0;
    const long n = strtol(w, &end, 10);
    return end - w <= 2 && ONE_OF(end, endings) && n >= 1 && n <= 31 ? (int)n : 0;
}

int mn_cue_year(const char *w) {
    char *end;
    const long n = strtol(w, &end, 10);
    return strlen(w) == 4 && !*end && n >= 1900 && n < 2100 ? (int)n : 0;
}

int mn_cue_words(const char *text, size_t n, mn_cue_word out[MN_CUE_WORDS + 2]) {
    int k = 0;
    memset(out, 0, (MN_CUE_WORDS + 2) * sizeof *out);
    for (mn_words w = mn_words_of(text, n); k < MN_CUE_WORDS && mn_words_spoken(&w); k++)
        if (w.n < MN_CUE_WORD) memcpy(out[k], w.word, w.n);
    return k;
}

static int is(const char *w, const char *word) {
    return strcmp(w, word) == 0;
}

/* What stands before the cue whose month is w[i]: "the week of", "since", "between .. and". */
static void read_lead(const mn_cue_word *w, int i, mn_cue *out) {
    static const char *const since[] = {"since", "after", "from", "between"};
    static const char *const until[] = {"until", "till", "before", "by", "to"};
    int at = i - 1;
    for (int n = 0; n < 3 && at > 0 && (is(w[at], "the") || is(w[at], "of") || day_of(w[at])); n++)
        at--;
    out->week = is(w[at], "week");
    if (ONE_OF(w[at], since)) out->how = MN_CUE_SINCE;
    if (ONE_OF(w[at], until)) out->how = MN_CUE_UNTIL;
}

int mn_cues_of(const char *text, size_t length, mn_cue out[MN_CUES]) {
    mn_cue_word w[MN_CUE_WORDS + 3] = {""};
    const int n = mn_cue_words(text, length, w + 1);
    int cues = 0, without = 0;
    char used[MN_CUE_WORDS + 3] = {0};
    for (int i = 1; i <= n && cues < MN_CUES; i++) {
        const int of = i > 1 && is(w[i - 1], "of"); /* "the 3rd of July" */
        const int month = month_of(w[i]), before = day_of(w[i - 1 - of]), behind = day_of(w[i + 1]);
        if (!month) continue;
        if (doubtful(w[i]) && !leads_in(w[i - 1]) && !before && !behind && !mn_cue_year(w[i + 1]))
            continue;
        const int place = mn_cue_year(w[i + 1]) ? i + 1 : behind ? i + 2 : 0;
        const int year = place ? mn_cue_year(w[place]) : 0;
        if (year) used[place] = 1;
        without += !year;
        out[cues] = (mn_cue){year, month, before ? before : behind};
        read_lead(w, i, &out[cues]);
        /* "between June and July" */
        if (cues && out[cues - 1].how == MN_CUE_SINCE && out[cues].how == MN_CUE_AT)
            out[cues].how = MN_CUE_UNTIL;
        cues++;
    }
    for (int i = 1; i <= n; i++) {
        if (used[i] || !mn_cue_year(w[i])) continue;
        for (int c = 0; c < cues && without; c++)
            if (!out[c].year) out[c].year = mn_cue_year(w[i]);
        without = 0;
    }
    return cues;
}

/* Midnight of a day, UTC; 0: there is no such day. */
static int midnight(int year, int month, int day, int64_t *out) {
    struct tm t = {.tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = day};
    *out = (int64_t)timegm(&t) * 1000000;
    return t.tm_mday == day;
}

static int days_of(const mn_cue *c, int year, int64_t *from, int64_t *until) {
    if (!midnight(year, c->month, c->day ? c->day : 1, from)) return 0;
    *until = *from + DAY_US;
    if (!c->day) midnight(c->month == 12 ? year + 1 : year, c->month % 12 + 1, 1, until);
    if (c->day && c->week) *until = *from + 7 * DAY_US;
    return 1;
}

static int span_of(const mn_cue *c, int year, int64_t *from, int64_t *until) {
    if (!days_of(c, year, from, until)) return 0;
    *until += BEHIND_DAYS * DAY_US;
    return 1;
}

int mn_cue_days(const mn_cue *cue, int64_t *from, int64_t *until) {
    return cue->year && days_of(cue, cue->year, from, until);
}

int mn_cue_span(const mn_cue *cue, int64_t *from, int64_t *until) {
    return cue->year && span_of(cue, cue->year, from, until);
}

int mn_cue_fits(const mn_cue *cue, int64_t at) {
    const time_t seconds = (time_t)(at / 1000000 - (at % 1000000 < 0));
    int64_t from, until;
    struct tm t;
    if (at < MN_WHEN_FIRST || at > MN_WHEN_LAST || !gmtime_r(&seconds, &t)) return 0;
    for (int back = 0; back < 2; back++) {
        const int year = cue->year ? cue->year : t.tm_year + 1900 - back;
        if (span_of(cue, year, &from, &until) && at >= from && at < until) return 1;
    }
    return 0;
}
