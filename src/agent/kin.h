/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/kin.h - questions about somebody who is not there to speak: "Which bread does Ann's uncle
 * Felix bake?"
 *
 * What is known of such people others said, and said their names, or what they are: "uncle". So a
 * question about one that has no answer is told from one that has by the nearest record that names
 * them (api/mem_unknown.c); scores of searches do not tell the two apart, for somebody else's bread
 * is as near to it. Of who speaks for himself, nothing is said here.
 *
 * It is read word by word: who it belongs to ("my", "Ann's"), a few adjectives, one of the KIN,
 * perhaps "from college", and perhaps a name. Not read: "Do I have a sister?", "Who is my best
 * friend?" and "What is my sister's name?", which ask who they are. English only.
 */
#ifndef MN_AGENT_KIN_H
#define MN_AGENT_KIN_H
#include "base/buf.h"

typedef struct mn_kin {
    mn_buf name; /* a word that records about them have */
    mn_buf text; /* the question as one asks who has them in mind: "Which bread does she bake?" */
} mn_kin;

/* 1: it is about such a person; 0: it is not. */
int mn_kin_of(const char *question, mn_kin *out);
void mn_kin_free(mn_kin *k);

#endif
