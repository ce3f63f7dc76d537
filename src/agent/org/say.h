/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/org/say.h - what a sentence states, by rules alone: no model, the same on every machine.
 *
 * English, as it is spoken: "I moved to Rome in May 2023", "Ann works at Acme", "my favourite
 * colour is green". A sentence counts when somebody states something of himself, or of a name it
 * begins with; questions, orders, quotations, and what is wished, planned or supposed do not.
 * Whatever the rules do not know gives nothing: better no fact than a wrong one.
 */
#ifndef MN_AGENT_ORG_SAY_H
#define MN_AGENT_ORG_SAY_H
#include "agent/graph.h"

enum { MN_SAY_MAX = 400, MN_SAY_TRIPLES = 4 }; /* bytes of a sentence; triples of one */

typedef struct mn_sentence {
    const char *text;
    size_t n;
} mn_sentence;

/* The next one of *at .. end: 1, or 0 when there are no more. */
int mn_say_next(const char **at, const char *end, mn_sentence *out);
/* Does somebody state something of himself? */
int mn_say_states(const mn_sentence *s);
/* What it states, of `speaker` and of names: how many. Texts are the arena's. `at`: when it was
 * said, which is when it began unless the sentence has another date. */
int mn_say_triples(const mn_sentence *s, const char *speaker, int64_t at, mn_arena *arena,
                   mn_triple out[MN_SAY_TRIPLES], int *n);

#endif
