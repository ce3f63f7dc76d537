/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/vectors.h - the vectors of one owner, as this process scans them.
 *
 * In the store a vector is dim codes of a byte and one float, their scale. They are read once and
 * then only what is new; a record whose vector was made again has the newer one.
 */
#ifndef MN_AGENT_VECTORS_H
#define MN_AGENT_VECTORS_H
#include "agent/store.h"

enum { MN_VECTOR_DIM_MAX = 4096 };
typedef struct mn_vectors mn_vectors;

int mn_vectors_open(int dim, mn_vectors **out);
void mn_vectors_close(mn_vectors **v);
int mn_vectors_dim(const mn_vectors *v);

/* Read what is new of this owner; another one's are dropped first. Inside begin and end. */
int mn_vectors_read(mn_vectors *v, mn_store *s, int64_t owner);
/* The row is not there any more. */
void mn_vectors_drop(mn_vectors *v, int64_t id);
void mn_vectors_clear(mn_vectors *v);

typedef struct mn_near {
    int64_t id;
    float cosine;
} mn_near;
/* The k nearest to query[dim], best first: how many. */
int mn_vectors_nearest(const mn_vectors *v, const float *query, mn_near *out, int k);
/* Cosine of the query and the vector of ids[0] plus `share` times those of the others; 0 when
 * ids[0] has none. */
float mn_vectors_blend(const mn_vectors *v, const float *query, const int64_t *ids, float share,
                       int n);

/* A vector as the store keeps it; 0: it is all zeroes, or no numbers. */
static inline size_t mn_vector_bytes(int dim) {
    return (size_t)dim + sizeof(float);
}
int mn_vector_pack(const float *x, int dim, void *out);

#endif
