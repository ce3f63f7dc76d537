/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/recall_inside.h - one search as its parts see it: agent/recall.c finds and scores,
 * agent/recall_on.c reads on from what was found best.
 */
#ifndef MN_AGENT_RECALL_INSIDE_H
#define MN_AGENT_RECALL_INSIDE_H
#include "agent/cue.h"
#include "agent/names.h"
#include "agent/newest.h"
#include "agent/recall.h"
#include "agent/words.h"
#include "base/hash.h"

typedef struct mn_term {
    char word[MN_WORD_MAX + 8];
    size_t n;
    uint64_t hash;
    int64_t *ids;  /* [have] newest first */
    int have, all; /* all: there are no more */
    int said;      /* 1: not those of the kinds that organisers make, which say it once more */
    double df, idf;
} mn_term;

typedef struct mn_candidate {
    int64_t id;
    int known;              /* its row was read */
    int within;             /* it may be an answer, not just a neighbour of one */
    int32_t before, behind; /* candidates, or -1 */
    int32_t episode;        /* the one that it alone was made of, or -1 */
    double length;          /* words */
    uint8_t *count;         /* [terms] how often each occurs, at most 255 */
    double words, sense, score;
    double made_words, made_sense; /* the best of what organisers made of it */
    mn_row row;
} mn_candidate;

enum { MN_LESS = 3 };
typedef enum mn_asks { MN_ASKS_ANY, MN_ASKS_SELF, MN_ASKS_PROGRAM } mn_asks;

typedef struct mn_search {
    mn_store *s;
    int64_t owner;
    const mn_who *who;
    const mn_seek *seek;
    mn_vectors *vectors;
    mn_arena *arena;
    mn_names names;
    const char *about; /* the speaker who is asked about, or NULL */
    mn_asks of;        /* without one: does who asks ask about himself, or what a program said? */
    mn_cue cue[MN_CUES];
    int cues;
    mn_term *term; /* [MN_TERMS] */
    int terms;
    uint8_t starts[MN_WORD_STARTS]; /* 1: one of them starts so */
    int64_t rows, words;            /* of the owner, all */
    int lacks[MN_LESS]; /* marks that are left out: 1: no row has it; -1: some have; 0: not known */
    mn_candidate *c;
    int n, cap;
    double most_words, most_sense; /* of those that may be answers */
    mn_tie *tie;                   /* [ties] */
    int ties;
    int32_t *slot; /* of a table from ids to candidates: index + 1 */
    size_t slots;
} mn_search;

typedef struct mn_ranked {
    double score;
    int64_t id;
    int at; /* of the candidates */
} mn_ranked;

/* Which term a word of a text is, as mn_words_uncommon gives it; -1: none. Most are told apart by
 * how they start; the stem of the others takes their place. */
static inline int mn_search_term(const mn_search *r, mn_words *w) {
    if (!r->starts[mn_words_start(w)]) return -1;
    mn_words_stem(w);
    const uint64_t hash = mn_hash64(w->word, w->n);
    for (int i = 0; i < r->terms; i++)
        if (r->term[i].hash == hash) return i;
    return -1;
}

/* ---- agent/recall.c ------------------------------------------------------------------------- */
/* The rows that have a word, up to `most` of them. */
int mn_search_list(mn_search *r, mn_term *t, int64_t most);
/* Room for so many candidates; the candidate of a row, which needs it: its index. */
int mn_search_room(mn_search *r, int most);
int mn_search_candidate(mn_search *r, int64_t id);
/* Those from the first-th on are read and scored, with what stands around those that are worth it
 * (NULL: all are). */
int mn_search_more(mn_search *r, int first, int (*worth)(const mn_row *row));
/* The best that may be answers, order [r->n], best first: how many, at most `most`. */
int mn_search_best(const mn_search *r, mn_ranked *order, int most);
/* Is the one who is asked about the one who said it, as far as it is known? */
int mn_search_about(const mn_search *r, const mn_candidate *c);
/* Does the text end with a question? */
int mn_search_asks(const char *text, size_t n);
/* Candidates beside this one, in its session; -1: none that is known. */
int mn_search_next(const mn_search *r, int at, int behind);

/* ---- agent/recall_on.c ---------------------------------------------------------------------- */
/* What says again what is said elsewhere in the same words counts less. */
int mn_search_again(mn_search *r);
/* Records that share rare words with the best, for agent/newest.h. */
int mn_search_ties(mn_search *r);
/* Vectors of the first n hits, with what stands beside them: out [n, dim], or NULL. */
int mn_search_vectors(mn_search *r, const mn_hit *hits, int n, float **out);
/* Behind the first of hits [*n], which are of the time that is asked for, comes what was said at
 * other times of those whom the best names; there is room for MN_NAMED more. */
enum { MN_TERMS = 64, MN_NAMED = 2 };
int mn_search_named(mn_search *r, mn_hit *hits, int *n);

#endif
