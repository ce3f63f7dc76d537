/* SPDX-License-Identifier: Apache-2.0
 *
 * base/when.c - one pass over words, numbers and signs; each part of a moment may be said once.
 *
 * A text is taken apart into pieces; each piece says a part (a date, a clock, a month, a zone..)
 * or is one of the words that people put between them, or the text is no moment. What is said
 * twice, or not at all where it is needed, makes it none, too.
 */
#include "base/when.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

enum { NONE = -1 };
static const int64_t second = 1000000, minute = 60000000, day = 86400000000;

typedef struct said {
    int year, month, mday, hour, minute, second, half; /* half: 0 am, 12 pm */
    int micros, fraction;                              /* fraction: digits of it that were said */
    int zone, east;                                    /* minutes */
} said;

/* ---- numbers ------------------------------------------------------------------------------ */
/* Up to `most` digits from *at on: how many there were. */
static int digits(const char **at, int most, int *out) {
    int n = 0;
    *out = 0;
    while (n < most && isdigit((unsigned char)(*at)[n])) *out = *out * 10 + (*at)[n++] - '0';
    *at += n;
    return n;
}

static int set(int *what, int value) {
    if (*what != NONE) return 0;
    *what = value;
    return 1;
}

static int set_date(said *s, int year, int month, int mday) {
    return set(&s->year, year) && set(&s->month, month) && (!mday || set(&s->mday, mday));
}

/* ".25" behind seconds: microseconds, what is finer is cut off. */
static void read_fraction(const char **at, said *s) {
    if (**at != '.' || !isdigit((unsigned char)(*at)[1])) return;
    ++*at;
    s->micros = 0;
    for (int unit = 100000; isdigit((unsigned char)**at); unit /= 10, ++*at) {
        s->micros += (**at - '0') * unit;
        s->fraction++;
    }
}

/* ":56", ":56:07", ":56:07.5" behind the hour. */
static int read_clock(const char **at, said *s, int hour) {
    int value;
    ++*at;
    if (!set(&s->hour, hour) || digits(at, 2, &value) != 2 || !set(&s->minute, value)) return 0;
    if (**at != ':') return 1;
    ++*at;
    if (digits(at, 2, &value) != 2 || !set(&s->second, value)) return 0;
    read_fraction(at, s);
    return 1;
}

/* "-05-08" or "/05/08", "-05" behind the year. */
static int read_date(const char **at, said *s, int year) {
    const char sign = **at;
    int month, mday = 0;
    ++*at;
    if (!digits(at, 2, &month)) return 0;
    if (**at == sign) {
        ++*at;
        if (!digits(at, 2, &mday) || !mday) return 0;
    }
    return set_date(s, year, month, mday);
}

/* "/12/2023" or ".12.2023" behind a number: the month is the one of the two that can be. */
static int read_short_date(const char **at, said *s, int first) {
    const char sign = **at;
    int next, year;
    ++*at;
    if (!digits(at, 2, &next) || **at != sign) return 0;
    ++*at;
    if (digits(at, 4, &year) != 4) return 0;
    if (first > 12 || first == next) return set_date(s, year, next, first);
    return next > 12 && set_date(s, year, first, next);
}

static int read_number(const char **at, said *s) {
    int value;
    const int n = digits(at, 4, &value);
    if (isdigit((unsigned char)**at)) return 0;
    if (n == 4 && (**at == '-' || **at == '/')) return read_date(at, s, value);
    if (n == 4) return set(&s->year, value);
    if (n > 2) return 0;
    if (**at == ':') return read_clock(at, s, value);
    if (**at == '/' || **at == '.' || (**at == '-' && isdigit((unsigned char)(*at)[1])))
        if (isdigit((unsigned char)(*at)[1])) return read_short_date(at, s, value);
    const char *next = *at + strspn(*at, " ");
    if (strncasecmp(next, "am", 2) == 0 || strncasecmp(next, "pm", 2) == 0 ||
        strncasecmp(next, "a.m", 3) == 0 || strncasecmp(next, "p.m", 3) == 0)
        return set(&s->hour, value); /* "2 pm" */
    static const char *const behind[] = {"st", "nd", "rd", "th"};
    for (size_t i = 0; i < sizeof behind / sizeof *behind; i++)
        if (strncasecmp(*at, behind[i], 2) == 0) {
            *at += 2;
            break;
        }
    return set(&s->mday, value);
}

/* "+02:00", "-0700", "+2" behind a clock. */
static int read_zone(const char **at, said *s) {
    const int sign = **at == '-' ? -1 : 1;
    int hours, minutes = 0;
    ++*at;
    if (!digits(at, 2, &hours)) return 0;
    if (**at == ':') ++*at;
    digits(at, 2, &minutes);
    if (hours > 23 || minutes > 59 || !set(&s->zone, 1)) return 0;
    s->east = sign * (hours * 60 + minutes);
    return 1;
}

/* ---- words -------------------------------------------------------------------------------- */
/* The word is one of the names, or its first three letters or more: which; -1: none. */
static int one_of(const char *word, size_t n, const char *const *names, int count) {
    for (int i = 0; i < count; i++)
        if (n >= 3 && n <= strlen(names[i]) && strncasecmp(word, names[i], n) == 0) return i;
    return -1;
}

static int is(const char *word, size_t n, const char *what) {
    return n == strlen(what) && strncasecmp(word, what, n) == 0;
}

static int read_word(const char **at, said *s) {
    static const char *const months[] = {"january",   "february", "march",    "april",
                                         "may",       "june",     "july",     "august",
                                         "september", "october",  "november", "december"};
    static const char *const days[] = {"sunday",   "monday", "tuesday", "wednesday",
                                       "thursday", "friday", "saturday"};
    static const char *const between[] = {"at", "on", "of", "the", "in"};
    static const char *const zones[] = {"z", "utc", "gmt"};
    const char *word = *at;
    size_t n = 0;
    while (isalpha((unsigned char)word[n])) n++;
    *at += n;
    const int month = one_of(word, n, months, 12);
    if (month >= 0) return set(&s->month, month + 1);
    if (one_of(word, n, days, 7) >= 0) return 1;
    if (is(word, n, "am") || is(word, n, "pm"))
        return set(&s->half, tolower(*word) == 'p' ? 12 : 0);
    if (n == 1 && (*at)[0] == '.' && tolower((*at)[1]) == 'm') { /* "p.m." */
        *at += 2;
        return strchr("apAP", *word) && set(&s->half, tolower(*word) == 'p' ? 12 : 0);
    }
    if (is(word, n, "t")) return s->mday != NONE && s->hour == NONE; /* between date and clock */
    for (size_t i = 0; i < sizeof zones / sizeof *zones; i++)
        if (is(word, n, zones[i])) return s->hour != NONE && set(&s->zone, 1);
    for (size_t i = 0; i < sizeof between / sizeof *between; i++)
        if (is(word, n, between[i])) return 1;
    return 0;
}

/* ---- the whole ---------------------------------------------------------------------------- */
static int read_parts(const char *at, said *s) {
    while (*at) {
        const unsigned char c = (unsigned char)*at;
        if (isspace(c) || strchr(",.()", c))
            at++;
        else if (isdigit(c)) {
            if (!read_number(&at, s)) return 0;
        } else if ((c == '+' || c == '-') && s->hour != NONE) {
            if (!read_zone(&at, s)) return 0;
        } else if (isalpha(c)) {
            if (!read_word(&at, s)) return 0;
        } else {
            return 0;
        }
    }
    return 1;
}

static int length_of(int year, int month) {
    static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    const int leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return lengths[month - 1] + (month == 2 && leap);
}

/* Days since 1970-01-01 (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms"). */
static int64_t days_of(int y, int m, int d) {
    y -= m <= 2;
    const int era = y / 400, of_era = y - era * 400;
    const int of_year = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
    return (int64_t)era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

/* What was said, put together; 0: it is no date, or no time of a day. */
static int whole(const said *s, mn_when *out) {
    const int mday = s->mday == NONE ? 1 : s->mday;
    int hour = s->hour;
    if (s->year < 1 || s->month < 1 || s->month > 12) return 0;
    if (mday < 1 || mday > length_of(s->year, s->month)) return 0;
    if (s->mday == NONE && hour != NONE) return 0;
    if (s->half != NONE) {
        if (hour < 1 || hour > 12) return 0;
        hour = hour % 12 + s->half;
    } else if (hour != NONE && s->minute == NONE) {
        return 0;
    }
    if (hour > 23 || s->minute > 59 || s->second > 60) return 0;
    int64_t at = days_of(s->year, s->month, mday) * day, span = day;
    if (s->mday == NONE) span = length_of(s->year, s->month) * day;
    if (hour != NONE) {
        at += hour * 60 * minute;
        span = 60 * minute;
    }
    if (s->minute != NONE) at += s->minute * minute, span = minute;
    if (s->second != NONE) at += s->second * second, span = second;
    if (s->fraction) at += s->micros, span = 1;
    at -= s->east * minute;
    if (at < MN_WHEN_FIRST || at > MN_WHEN_LAST) return 0;
    *out = (mn_when){at, span};
    return 1;
}

/* Only a number: seconds, from 10^11 on milliseconds; less than three years are no date. */
static int unix_time(const char *text, mn_when *out) {
    int64_t n = 0;
    int count = 0;
    said s = {.fraction = 0};
    for (; isdigit((unsigned char)*text) && count < 14; text++, count++) n = n * 10 + *text - '0';
    read_fraction(&text, &s);
    if (*text || n < 100000000 || n >= 100000000000000) return 0;
    if (n >= 100000000000)
        *out = (mn_when){n * 1000, s.fraction ? 1 : 1000};
    else
        *out = (mn_when){n * second + s.micros, s.fraction ? 1 : second};
    return 1;
}

int mn_when_parse(const char *text, mn_when *out) {
    said s = {NONE, NONE, NONE, NONE, NONE, NONE, NONE, 0, 0, NONE, 0};
    while (isspace((unsigned char)*text)) text++;
    if (unix_time(text, out)) return 1;
    return strnlen(text, 100) < 100 && read_parts(text, &s) && whole(&s, out);
}

const char *mn_when_text(int64_t at, char out[MN_WHEN_TEXT]) {
    int64_t micros = at % second;
    if (micros < 0) micros += second;
    const time_t seconds = (time_t)((at - micros) / second);
    struct tm t;
    gmtime_r(&seconds, &t);
    int n = snprintf(out, MN_WHEN_TEXT, "%04d-%02d-%02dT%02d:%02d:%02d", (t.tm_year + 1900) % 10000,
                     t.tm_mon + 1, t.tm_mday, t.tm_hour, t.tm_min, t.tm_sec);
    if (micros) {
        n += snprintf(out + n, (size_t)(MN_WHEN_TEXT - n), ".%06d", (int)micros);
        while (out[n - 1] == '0') n--;
    }
    snprintf(out + n, (size_t)(MN_WHEN_TEXT - n), "Z");
    return out;
}

int64_t mn_when_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * second + t.tv_nsec / 1000;
}
