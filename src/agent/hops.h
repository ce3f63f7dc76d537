/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/hops.h - one hop along the links that an organiser made between records.
 *
 * Records have notes (rows that are "from" them, or "of" them), and notes lie "with" other notes: a
 * hop goes from a record by its note to a note beside it, in whatever direction that link was made,
 * and to the record of that.
 */
#ifndef MN_AGENT_HOPS_H
#define MN_AGENT_HOPS_H
#include "agent/store.h"

typedef struct mn_hop {
    int from;       /* of the records asked about */
    int64_t to;     /* a record */
    int neighbours; /* notes that lie beside its note */
} mn_hop;

/* Has the owner any notes at all? 1; 0. */
int mn_hops_any(mn_store *s, int64_t owner);
/* All hops from ids[0..n), MN_HOPS of them at most. *hops: [*count], the arena's. */
enum { MN_HOPS = 2048 };
int mn_hops_of(mn_store *s, int64_t owner, const int64_t *ids, int n, mn_arena *arena,
               mn_hop **hops, int *count);

#endif
