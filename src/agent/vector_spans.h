/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/vector_spans.h - which vectors of an owner make a part that processes have together, and
 * what it is called.
 *
 * Numbers of vectors (agent/store.h) are cut in halves, again and again, until the owner has at
 * most MN_VECTOR_PART among those of a piece: such a piece is a part when all its numbers have been
 * given, and MN_VECTOR_LEAST vectors are there; what is left is each process's own. So parts follow
 * from what the store says of its stretches, every process cuts the same, and a vector that goes
 * changes one part. The key of a part is made of the marks of its stretches: who finds something
 * under that key has what the store has, and whatever changes has another key.
 */
#ifndef MN_AGENT_VECTOR_SPANS_H
#define MN_AGENT_VECTOR_SPANS_H
#include "agent/store.h"
#include "base/buf.h"

enum { MN_VECTOR_PART = 8192, MN_VECTOR_LEAST = 1024 };

typedef struct mn_vector_span {
    int64_t first, until; /* numbers of vectors, [first, until) */
    uint64_t rows;
    uint8_t key[32];
} mn_vector_span;

typedef struct mn_vector_spans {
    mn_buf list;    /* of mn_vector_span */
    uint64_t owner; /* in the region: the same in every process; 0: nothing can be there */
} mn_vector_spans;

/* Inside begin and end. None of a store that has no marks. */
int mn_vector_spans_read(mn_store *s, int64_t owner, mn_vector_spans *out);
void mn_vector_spans_free(mn_vector_spans *s);
size_t mn_vector_spans_count(const mn_vector_spans *s);
const mn_vector_span *mn_vector_spans_at(const mn_vector_spans *s, size_t i);
/* The one with this key; NULL: none has it, or not any more. */
const mn_vector_span *mn_vector_spans_find(const mn_vector_spans *s, const uint8_t key[32]);

#endif
