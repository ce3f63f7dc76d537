/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/vectors.h - the vectors of records, as this process scans them.
 *
 * In the store a vector is dim codes of a byte and one float, their scale. Those of an owner are
 * read when they are first searched, and then only what is new; a record whose vector was made
 * again has the newer one. With a region full parts of them are read by one process, and mapped by
 * all others. The owners who asked last are kept. Up to MN_VECTORS_EXACT of them all
 * are looked at, beyond that their signs first (agent/scan.h). A store that finds the nearest of an
 * owner itself (agent/store.h) is asked for them; then only vectors that are compared are read.
 */
#ifndef MN_AGENT_VECTORS_H
#define MN_AGENT_VECTORS_H
#include "agent/scan.h"
#include "agent/store.h"
#include "region/region.h"

enum { MN_VECTOR_DIM_MAX = MN_SCAN_MOST, MN_VECTORS_EXACT = 25000 };
typedef struct mn_vectors mn_vectors;

/* region: where processes have parts of them together (agent/vector_part.h); NULL: they do not. It
 * outlives them. quiet: what others made is used, and nothing is made for others. */
int mn_vectors_open(int dim, mn_region *region, int quiet, mn_vectors **out);
void mn_vectors_close(mn_vectors **v);
int mn_vectors_dim(const mn_vectors *v);

/* Read what is new of this owner, whom the calls below are about then. Inside begin and end. */
int mn_vectors_read(mn_vectors *v, mn_store *s, int64_t owner);
/* These of him are to be compared, too; a store that has been read has brought them. */
int mn_vectors_bring(mn_vectors *v, const int64_t *ids, int n);
/* A row of his is not there any more. Inside begin and end. */
void mn_vectors_drop(mn_vectors *v, int64_t owner, int64_t id);
void mn_vectors_clear(mn_vectors *v);
/* After the end of what they were read in: others may have what was made for them, and what is
 * theirs may go. */
void mn_vectors_rest(mn_vectors *v, mn_store *s);

typedef struct mn_vectors_counts {
    uint64_t found, made; /* parts that others had; that were made for others */
    uint64_t read;        /* vectors that were read out of the store */
} mn_vectors_counts;
void mn_vectors_count(const mn_vectors *v, mn_vectors_counts *out);

/* The question of the calls below, [dim]. MN_EINVAL: it points nowhere. */
int mn_vectors_ask(mn_vectors *v, const float *query);
/* The k nearest to it, best first: how many. */
int mn_vectors_nearest(mn_vectors *v, mn_scan_hit *out, int k);
/* The same in two halves: other threads begin, and the caller, who has something else to do, comes
 * to it later. Between them nothing is read, brought or dropped. What began well is ended, with the
 * same k. */
int mn_vectors_begin(mn_vectors *v, int k);
int mn_vectors_end(mn_vectors *v, mn_scan_hit *out, int k);
/* Cosine of it and the vector of ids[0] plus `share` times those of the others, n <= 3 in all; 0
 * when ids[0] has none. */
float mn_vectors_blend(const mn_vectors *v, const int64_t *ids, float share, int n);

/* The vector of a row, [dim] of length 1: 1; 0: it has none. */
int mn_vectors_of(const mn_vectors *v, int64_t id, float *out);

/* A vector as the store keeps it; 0: it is all zeroes, or no numbers. */
static inline size_t mn_vector_bytes(int dim) {
    return (size_t)dim + sizeof(float);
}
int mn_vector_pack(const float *x, int dim, void *out);

#endif
