/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/org_near.h - for organisers: which records of other conversations are like this one.
 *
 * Two records are alike by the rare words they share and by the cosine of their vectors:
 *   like  the sum of the idf of the words they share, over the root of the product of how many
 *         words each has, plus SENSE times the cosine
 * A word is rare when at most a twentieth of the rows have it, or eight. Records of one
 * conversation are each other's context already (agent/recall.c): they do not count. Costs one list
 * of rows a word, POOL rows read, and one scan of the vectors.
 */
#ifndef MN_AGENT_ORG_NEAR_H
#define MN_AGENT_ORG_NEAR_H
#include "agent/org.h"
#include "agent/words.h"

enum { MN_RARE = 32 };
typedef struct mn_rare {
    char word[MN_WORD_MAX + 8]; /* as it is looked for */
    const char *spoken;         /* as it was said, in lower case; the arena's */
    double idf;
    int64_t *ids; /* [n] whose rows have it, newest first; n 0: it is not rare */
    int n;
} mn_rare;

/* The different words of a text, the rarest first, MN_RARE at most. */
int mn_org_rare(mn_org *c, const char *text, size_t n, mn_rare out[MN_RARE], int *count);

typedef struct mn_near {
    int64_t id;
    double like;
    int dense;  /* both have vectors */
    mn_row row; /* the arena's */
} mn_near;
/* Up to k records like the episode, most like it first: how many. By vectors as far as both have
 * them. `fits` says who may be one, asked from the best on. */
int mn_org_near(mn_org *c, const mn_row *episode, const mn_rare *rare, int n, int k,
                int (*fits)(void *user, const mn_near *one), void *user, mn_near *out);

#endif
