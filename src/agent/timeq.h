/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/timeq.h - the time a question asks about: "which band did she see in the week of 8 May
 * 2023", "what broke last month".
 *
 *     mn_timeq t;
 *     if (mn_timeq_of(question, n, now, &t)) ...mn_timeq_fits(&t, row->from, row->text, row->n)
 *
 * A time is days that are named with their year (agent/cue.h), from the first to the last of them;
 * a year; or what lies before now: "yesterday", "last week", "three months ago". What happened then
 * was told then or within the next three weeks. Anything else names no time: never a guess.
 */
#ifndef MN_AGENT_TIMEQ_H
#define MN_AGENT_TIMEQ_H
#include <stddef.h>
#include <stdint.h>

typedef struct mn_timeq {
    int64_t from, until; /* microseconds since 1970, [from, until): when it may have been told;
                            INT64_MIN, INT64_MAX: without end */
} mn_timeq;

/* 1; 0: it names none. `now`: when it is asked. */
int mn_timeq_of(const char *text, size_t n, int64_t now, mn_timeq *out);
/* May a text that was told at this moment (INT64_MIN: unknown) be about that time? Told at any
 * other, it is when it names a day or the year of it. */
int mn_timeq_fits(const mn_timeq *t, int64_t at, const char *text, size_t n);

#endif
