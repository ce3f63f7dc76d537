/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/vector_part.h - vectors of an owner that lie together: in memory of our own, or in an
 * extent of the region, where every process reads them (docs/REGION.md, "An extent of vectors").
 *
 *   codes int8 [room][dim] | sketches [room] | ids int64 [room] | scales float [room]
 *
 * In an extent a page with mn_vector_head stands in front, and all of it is as it was when it was
 * published. Its first `sorted` rows rise by id, from above all parts before it; the others
 * (vectors that were made again) stand behind them. So a row is found by looking, in few steps, and
 * no process makes a table of all. What does not count any more is known to each process alone.
 *
 * Between searches nothing is pinned: what is to be forgotten, or has to make room, waits for the
 * end of a search and no longer.
 */
#ifndef MN_AGENT_VECTOR_PART_H
#define MN_AGENT_VECTOR_PART_H
#include "agent/scan.h"
#include "agent/vector_spans.h"
#include "region/region.h"

#define MN_VECTOR_MAGIC "omniaVC1"
typedef struct mn_vector_head {
    char magic[8];
    uint64_t dim, rows, sorted;
    int64_t low, high; /* ids of the first and the last sorted row */
    uint8_t key[32];
    uint64_t sum; /* XXH3 of the fields above */
} mn_vector_head;
_Static_assert(sizeof(mn_vector_head) == 88, "part of the file format");

typedef struct mn_vector_part {
    uint8_t *data; /* in an extent: read only, and only while it is pinned */
    size_t dim, room, n;
    size_t sorted, filled; /* in an extent; rows that are written */
    int64_t low, high;
    float *counts; /* scales as we see them; NULL: as they are in data */
    mn_ref ref;    /* of its extent; 0: memory of our own */
    mn_extent x;   /* pinned, or empty */
    int writing;   /* 1: the extent is ours, and not published yet */
    uint8_t key[32];
} mn_vector_part;

static inline int8_t *mn_vector_codes(const mn_vector_part *p, size_t row) {
    return (int8_t *)p->data + row * p->dim;
}
static inline uint8_t *mn_vector_sketch(const mn_vector_part *p, size_t row) {
    return p->data + p->room * p->dim + row * mn_scan_sketch_bytes((int)p->dim);
}
static inline int64_t *mn_vector_ids(const mn_vector_part *p) {
    return (int64_t *)(void *)mn_vector_sketch(p, p->room);
}
static inline float *mn_vector_scales(const mn_vector_part *p) {
    return p->counts ? p->counts : (float *)(void *)(mn_vector_ids(p) + p->room);
}

/* Room for MN_VECTOR_PART rows in memory of our own. */
int mn_vector_part_own(int dim, mn_vector_part *out);
/* What the store has of a vector, into a row of ours: dim codes. */
void mn_vector_part_set(const mn_kernels *k, mn_vector_part *p, size_t row, int64_t id,
                        const int8_t *codes);
/* The row does not count from now on, for us. */
int mn_vector_part_drop(mn_vector_part *p, size_t row);
/* The sorted row of an extent with this id: row + 1; 0: none. */
size_t mn_vector_part_find(const mn_vector_part *p, int64_t id);
/* Memory goes, a pin is taken out, what was being written is overwritten and goes, too. */
void mn_vector_part_free(mn_vector_part *p);

/* The published extent `ref` of a span, pinned: 1; 0: it has gone. What it says is checked: an
 * extent that is none of vectors is forgotten. */
int mn_vector_part_attach(mn_region *r, int dim, const mn_vector_span *span, mn_ref ref,
                          mn_vector_part *out);
/* An extent for a span, ours to write: 1; 0: somebody else has it, or is writing it (out->ref);
 * else why there is none. Sorted rows are those whose id is above `above`, and all before. */
int mn_vector_part_begin(mn_region *r, int dim, const mn_vector_spans *all,
                         const mn_vector_span *span, int64_t above, mn_vector_part *out);
/* The next row of one that is being written, in the order of numbers. MN_ECORRUPT: there are more
 * than the span says. */
int mn_vector_part_add(const mn_kernels *k, mn_vector_part *p, int64_t id, const void *bytes,
                       size_t n);
/* All rows are there: others may have it, from now on, and it took so many microseconds. */
void mn_vector_part_publish(mn_vector_part *p, const mn_vector_spans *all, uint64_t us);
/* Pin it again: 1; 0: it has gone. */
int mn_vector_part_pin(mn_region *r, mn_vector_part *p);
void mn_vector_part_unpin(mn_vector_part *p);

/* What the region has of an owner that is not what his store has goes, overwritten; waits at most
 * so many milliseconds for who uses it. How many are in use still. Outside of begin and end. */
int mn_vector_parts_tidy(mn_region *r, mn_store *s, int64_t owner, int ms);

#endif
