/* SPDX-License-Identifier: Apache-2.0
 *
 * base/when.h - moments as people and programs write them.
 *
 *     mn_when w;
 *     if (mn_when_parse("1:56 pm on 8 May, 2023", &w)) ...w.at, and w.span: a minute
 *
 * A moment is microseconds since 1970 in UTC and how much of time the text leaves open: a date is a
 * day long. What has no zone is read as UTC, the same on every machine. Understood are
 *   RFC 3339             2023-05-08T13:56:00.5+02:00, 2023-05-08 13:56, 2023-05-08, 2023-05
 *   Unix seconds         1683554160, 1683554160.25; from 10^11 on: milliseconds
 *   mail                 Mon, 08 May 2023 13:56:00 +0200
 *   what people write    1:56 pm on 8 May, 2023; May 8th, 2023 at 13:56; 2023/05/08 (Mon) 13:56;
 *                        25/12/2023, where only one of the two can be the month; May 2023
 * Whatever else there is ("yesterday", "08/05/2023", a 31st of June) is no moment: never today's
 * date, never a guess.
 */
#ifndef MN_BASE_WHEN_H
#define MN_BASE_WHEN_H
#include <stddef.h>
#include <stdint.h>

typedef struct mn_when {
    int64_t at;   /* microseconds since 1970-01-01T00:00:00Z, where what is meant begins, */
    int64_t span; /* and how long it is: 1 for a moment */
} mn_when;

#define MN_WHEN_FIRST (-62135596800000000) /* 0001-01-01T00:00:00Z */
#define MN_WHEN_LAST  253402300799999999   /* 9999-12-31T23:59:59.999999Z */

/* 1: `text` is a moment of the years 1 to 9999; 0: it is none, *out is as it was. */
int mn_when_parse(const char *text, mn_when *out);

/* As RFC 3339 in UTC, with as much of the fraction as there is. */
enum { MN_WHEN_TEXT = 32 };
const char *mn_when_text(int64_t at, char out[MN_WHEN_TEXT]);

/* Microseconds since 1970 now. */
int64_t mn_when_now(void);

#endif
