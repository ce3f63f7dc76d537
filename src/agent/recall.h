/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/recall.h - from a question to the rows that answer it, best first.
 *
 * Candidates come from the word index and from vectors; each is scored by itself and with its
 * neighbours in the session, and the scores, each brought to 0..1, are added (recall.c has the
 * formulas and where they come from). Costs: words ask for lists of rows until POSTINGS are read,
 * rarest first, so that common words cost nothing they are not worth; vectors are scanned.
 */
#ifndef MN_AGENT_RECALL_H
#define MN_AGENT_RECALL_H
#include "agent/notes.h"
#include "agent/vectors.h"
#include "base/arena.h"

typedef struct mn_hit {
    mn_row row; /* its texts are the arena's */
    double score;
} mn_hit;

/* Inside begin and end of the store. hits: [*n], best first, taken from the arena. */
int mn_recall(mn_store *s, int64_t owner, const mn_who *who, const mn_seek *seek,
              mn_vectors *vectors, mn_arena *arena, mn_hit **hits, int *n);

/* Is the row what `seek` asks for, besides its words? */
int mn_recall_fits(const mn_row *row, const mn_who *who, const mn_seek *seek);

#endif
