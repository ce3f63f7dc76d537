/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/newest.h - what somebody said anew stands before what he had said before.
 *
 * A memory keeps both "I drive a Leaf" and, a year later, "the Leaf is gone, it's a Yaris now": a
 * question in the present is answered by the second, though the first may have more of its words.
 */
#ifndef MN_AGENT_NEWEST_H
#define MN_AGENT_NEWEST_H
#include "agent/recall.h"

enum { MN_NEWEST_DEPTH = 10, MN_TIES = 1024 };

/* A record has a word of another that hardly any has; how rare it is: 1 - log k / log n when k of n
 * records have it. */
typedef struct mn_tie {
    int64_t was, is;
    double rare;
} mn_tie;

typedef struct mn_newest {
    const char *query;
    const uint64_t *alone; /* [words] hashes of words of the question that one record alone has: it
                              is meant, and stays where it is */
    int words;
    const mn_tie *tie; /* [ties] */
    int ties;
    float *vectors; /* [MN_NEWEST_DEPTH, dim] of the first hits, all zeroes where one has none;
                       NULL: there are none */
    int dim;
} mn_newest;

/* Is it asked what was, when, or of many ("where did she live before")? Else what is. */
int mn_newest_past(const char *query);
/* Does the text tell of a change? */
int mn_newest_changes(const mn_row *row);
/* hits [n], best first: those that say one of the best anew move before it, and get its score. */
int mn_newest_first(const mn_newest *how, mn_arena *arena, mn_hit *hits, int n);

#endif
