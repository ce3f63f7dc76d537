/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/goals.h - what goals_read.c, goals_noun.c and goals.c share: a sentence in words, and the
 * nouns of a scene in it.
 */
#ifndef MN_FLEET_GOALS_H
#define MN_FLEET_GOALS_H
#include "fleet/plan.h"

enum { MN_WORDS = 512, MN_NOUNS = 256, MN_ADJECTIVES = 4 };

typedef struct mn_said {
    const mn_scene *s;
    mn_goals *goals;
    const char *word[MN_WORDS + 1]; /* lower case, "_" and "-" are " "; "." "," alone; NULL ends */
    const char *as[MN_WORDS + 1];   /* as it was written; of a quotation, what is in it */
    char quoted[MN_WORDS + 1];
    int n, at;
    int stuck; /* the word that was no noun */
} mn_said;

/* A noun: what it may be, and how many of them are meant. */
typedef struct mn_noun {
    const char *name[MN_NOUNS];
    int n;
    int count;        /* -1: all, 0: the one there is, else so many */
    const char *said; /* for sentences */
} mn_noun;

/* A copy in the goals' memory, lower case, "_" and "-" as " ". */
int mn_said_plain(mn_goals *g, const char *text, const char **out);
int mn_said_is(const mn_said *w, int at, const char *word);
/* Skip words that say nothing here: "please", "the robot should". */
void mn_said_skip(mn_said *w);
/* MN_EINVAL: "'flurb' is nothing that is known here: there are apple, cup, .." */
int mn_said_unknown(const mn_said *w);
/* The noun at w->at, which goes behind it; 0: there is none. objects: only what can be carried. */
int mn_noun_read(mn_said *w, int objects, mn_noun *out);
/* Those of it that are in or on `place` (or below), also a room. */
void mn_noun_within(const mn_scene *s, mn_noun *noun, const char *place);
/* Of those it may be, as many as are meant: MN_EINVAL when it is not clear which. away: those that
 * are not there already, and in no goal yet, come first (NULL: any). */
int mn_noun_pick(const mn_said *w, mn_noun *noun, const char *away);
/* A copy in its memory. */
int mn_goals_text(mn_goals *g, const char *text, const char **out);
/* What an earlier stage says of the same thing is left out; MN_EINVAL: the same stage does. */
int mn_goals_add(mn_goals *g, const mn_fact *fact, int stage);

#endif
