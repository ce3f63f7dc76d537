/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/graph.h - facts between entities as records, each with the time in which it is true.
 *
 *   entity   text: its name as it was first said; ref: the words of it
 *   edge     text: a sentence; ref: "subject | relation" (of which one is true at a time) or
 *            "subject | relation | object" (of which many are); meta: {"subject", "relation",
 *            "object"}; links "subject" and "object" to the entities
 *
 * At no moment are two edges of one subject and relation true, unless the relation says many: a new
 * one ends the one before where it begins, and ends itself where a later one begins, in whatever
 * order they are told (given triples count each; what is said again in a talk is the same edge as
 * long as that is true); of two that begin at the same moment the one told last is right. Nothing
 * is overwritten: what ended is a former version. An edge of unknown time contradicts nothing, and
 * was true at no moment that anybody asks for.
 */
#ifndef MN_AGENT_GRAPH_H
#define MN_AGENT_GRAPH_H
#include "agent/org.h"

typedef struct mn_triple {
    const char *subject, *relation, *object; /* object "": with `ends`, any */
    const char *text;                        /* the sentence; NULL: the three of them */
    int64_t from, until;                     /* MN_NEVER: unknown; without end */
    int many;                                /* 1: others of this relation may be true beside it */
    int ends;                                /* 1: it is not true any more, from `from` on */
} mn_triple;

/* What is to be done when the triple is told; within or without a transaction. */
int mn_graph_put(mn_org *c, const mn_triple *t, mn_ops *ops);
/* The same for any kind of record with an interval: `row` says `object` from row.from until
 * row.until, among the records of its kind and ref. *id: of the one that says so now, which may be
 * one that was there; 0: none does. */
int mn_graph_tell(mn_org *c, mn_row *row, const char *object, mn_ops *ops, int64_t *id);
/* What of a kind says the triple's relation (and object, if it has one) is true until t->from. */
int mn_graph_end(mn_org *c, const char *kind, const mn_triple *t, mn_ops *ops);
/* "subject | relation" in words; many: and the object. MN_EINVAL: a part has none. */
int mn_graph_key(const mn_triple *t, char out[MN_FIELD_MAX]);
/* {"subject", "relation", "object"}, the arena's. */
int mn_graph_meta(mn_org *c, const mn_triple *t, const char **meta);
/* A part of meta, as it stands there: 1; 0: it is no such row. */
int mn_graph_part(const mn_row *row, const char *part, char out[MN_FIELD_MAX]);

/* Triples from elsewhere, all or none. */
int mn_graph_add(mn_notes *n, const mn_who *who, const mn_triple *t, size_t count);

typedef enum mn_graph_rank {
    MN_GRAPH_RRF,
    MN_GRAPH_MMR,
    MN_GRAPH_DISTANCE,
    MN_GRAPH_MENTIONS
} mn_graph_rank;
typedef struct mn_graph_find {
    const char *entity; /* its name */
    int depth;          /* over so many edges, at most 3; 0: 1 */
    int64_t as_of;      /* MN_NEVER: of all times, and by time */
    int most;           /* 0: all */
    /* Of mn_graph_search alone. */
    const char *query;
    const float *vector; /* of the query, [dim] of length 1; NULL: by words and by distance */
    int dim;
    mn_graph_rank rank;
} mn_graph_find;
/* Edges of an entity, and of those they lead to: near ones first, each distance by time. How many,
 * or what `each` did; MN_ENOENT: nobody of that name is known. */
int mn_graph_edges(mn_notes *n, const mn_who *who, const mn_graph_find *what, mn_notes_each *each,
                   void *user);

/* Edges that answer a query, near an entity, best first; most 0: 10. As mn_graph_edges. */
int mn_graph_search(mn_notes *n, const mn_who *who, const mn_graph_find *what, mn_notes_each *each,
                    void *user);
/* "rrf" (or NULL), "mmr", "distance", "mentions". MN_EINVAL: there is no such way. */
int mn_graph_rank_of(const char *name, mn_graph_rank *out);

#endif
