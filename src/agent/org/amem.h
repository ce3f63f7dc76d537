/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/org/amem.h - what a model is asked about a note, and what it may answer: org/amem.c's other
 * half.
 */
#ifndef MN_AGENT_ORG_AMEM_H
#define MN_AGENT_ORG_AMEM_H
#include "agent/org_near.h"

enum { MN_AMEM_KEYWORDS = 8, MN_AMEM_TAGS = 4, MN_AMEM_NEAR = 5, MN_AMEM_CONTEXT = 600 };

typedef struct mn_amem {
    const char *keyword[MN_AMEM_KEYWORDS], *tag[MN_AMEM_TAGS], *context; /* the arena's */
    int keywords, tags;
} mn_amem;

typedef struct mn_amem_other { /* a record like it, and its note */
    const mn_row *said, *note;
} mn_amem_other;

/* What becomes of the others: of each whether it is linked, and what its note says anew. */
typedef struct mn_amem_change {
    int evolves, linked[MN_AMEM_NEAR];
    mn_amem own; /* its tags, when there are any */
    int anew[MN_AMEM_NEAR];
    mn_amem other[MN_AMEM_NEAR]; /* context and tags */
} mn_amem_change;

/* The note of a message: 1; 0: what the model said is no answer. */
int mn_amem_ask_note(mn_org *c, const mn_row *episode, const char *text, size_t n, mn_amem *out);
/* What the note changes among the n others. 1; 0 the same. */
int mn_amem_ask_change(mn_org *c, const mn_row *episode, const char *text, size_t n,
                       const mn_amem_other *others, int count, mn_amem_change *out);

/* What a row's meta says, and the other way round. */
int mn_amem_read(mn_org *c, const mn_row *row, mn_amem *out);
int mn_amem_write(mn_org *c, const mn_amem *note, mn_row *row);

#endif
