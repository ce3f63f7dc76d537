/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/cue.h - the days a question names: "what did she buy in May 2023", "on the 3rd of July".
 *
 * A cue is a month, with a day, a year, or both. "May", "march" and the short forms of months that
 * are words of their own count only behind a word like "in", or beside a day or a year. A year
 * somewhere else in the question belongs to the cues that have none.
 */
#ifndef MN_AGENT_CUE_H
#define MN_AGENT_CUE_H
#include <stddef.h>
#include <stdint.h>

enum { MN_CUES = 8 };
typedef enum mn_cue_how { MN_CUE_AT, MN_CUE_SINCE, MN_CUE_UNTIL } mn_cue_how;
typedef struct mn_cue {
    int year, month, day; /* 0: not said; month 1..12 */
    int week;             /* 1: the week that begins with the day */
    mn_cue_how how;
} mn_cue;

/* How many there are, the first MN_CUES of them. */
int mn_cues_of(const char *text, size_t n, mn_cue out[MN_CUES]);
/* Does the moment (us since 1970) fit: is it in the days that are meant, or a week behind them,
 * when people still talk of it? Without a year, of any year. */
int mn_cue_fits(const mn_cue *cue, int64_t at);
/* The moments that fit, [from, until); 0: there is no year, it may be any. */
int mn_cue_span(const mn_cue *cue, int64_t *from, int64_t *until);
/* The days themselves, without the week behind them; 0 likewise. */
int mn_cue_days(const mn_cue *cue, int64_t *from, int64_t *until);

/* The words of a question as cues are read from them: in lower case, "" where one is longer. How
 * many; what comes behind the last is "". */
enum { MN_CUE_WORDS = 256, MN_CUE_WORD = 12 };
typedef char mn_cue_word[MN_CUE_WORD];
int mn_cue_words(const char *text, size_t n, mn_cue_word out[MN_CUE_WORDS + 2]);
int mn_cue_year(const char *word); /* 0: it is none */

#endif
