/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/vectors_inside.h - the inside of vectors, for vectors.c and vectors_share.c.
 *
 * A set has the vectors of an owner: first `shared` parts, which are extents, then parts of our
 * own. A row has a number, part * MN_VECTOR_PART + its row there. Rows of our own, and those of
 * extents that do not rise, are in a table from ids to rows.
 */
#ifndef MN_AGENT_VECTORS_INSIDE_H
#define MN_AGENT_VECTORS_INSIDE_H
#include "agent/vector_part.h"
#include "agent/vectors.h"

enum { OWNERS = 8, PARTS = 4096 };

typedef struct set {
    int64_t owner, after; /* 0: nobody's; number of the last vector that was read */
    uint64_t used;
    mn_vector_part *part; /* [parts], shared ones first */
    int parts, shared;
    size_t next;     /* number of the row of our own that comes next */
    size_t rows;     /* all that there are, dropped ones included */
    size_t fresh;    /* rows of our own that came since it was read for the first time */
    uint32_t *place; /* [slots] of a table: row + 1, 0: free */
    size_t slots;    /* a power of two, more than twice what is in it */
    size_t placed;
    int64_t top;  /* the highest id of sorted rows */
    int opened;   /* parts were looked for */
    int full;     /* the region has no room for some of them */
    mn_buf waits; /* mn_ref: parts that somebody else was writing */
    int untidy;   /* there may be something in the region that is not in the store */
    uint64_t us;  /* what reading a part took */
} set;

struct mn_vectors {
    int dim;
    uint64_t clock;
    const mn_kernels *kernels;
    mn_scan *scan;
    mn_scan_query asked;
    mn_scan_part part[PARTS]; /* what is looked at; the first ones */
    set set[OWNERS], *now;    /* now: NULL: nothing was read yet */
    mn_store *finder;         /* it finds the nearest of the owner itself; NULL: we do */
    mn_region *region;        /* NULL: nothing is shared */
    int quiet;                /* nothing is made there */
    mn_vectors_counts counts;
};

/* Where a row is, by number. */
static inline mn_vector_part *part_of_row(const set *s, size_t row) {
    return s->part + row / MN_VECTOR_PART;
}
static inline int64_t id_of_row(const set *s, size_t row) {
    return mn_vector_ids(part_of_row(s, row))[row % MN_VECTOR_PART];
}

/* vectors.c */
int mn_set_place(set *s, size_t row);                         /* into the table */
int mn_set_part(set *s, const mn_vector_part *p, int shared); /* takes it when it is 0 */
int mn_set_take(void *v, int64_t id, const void *bytes, size_t n);
void mn_set_clear(set *s);

/* vectors_share.c. The parts of an owner that the region has, or that we make there, and what is in
 * no part, when it is a set that was not opened. */
int mn_set_open(mn_vectors *v, set *s, mn_store *store);
/* Its parts can be read: 1; 0: some have gone. */
int mn_set_pin(mn_vectors *v, set *s);
/* The same for a new search; 0 also when it is time to look for other parts. Then open it anew. */
int mn_set_wake(mn_vectors *v, set *s);

#endif
