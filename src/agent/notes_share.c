/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/notes_share.c - what notes owe to those with whom they share vectors (agent/vector_part.h):
 * after each turn, that others may have what was made in it, and that what was forgotten in it
 * leaves what all of them have.
 *
 * Whoever is just searching is waited for a moment. What he keeps then goes later: with the next
 * turn, when the store is idle, or when somebody opens these vectors.
 */
#include "agent/notes_inside.h"
#include "agent/vector_part.h"

#include <string.h>

void mn_notes_share(mn_notes *n, mn_region *region, int quiet) {
    n->region = region;
    n->quiet = quiet;
}

int mn_notes_leaves(mn_notes *n, int64_t owner) {
    const size_t has = n->gone.len;
    if (!n->region || !n->store->kind->marks) return 0;
    if (has && memcmp(n->gone.data + has - sizeof owner, &owner, sizeof owner) == 0) return 0;
    return mn_buf_append(&n->gone, &owner, sizeof owner);
}

void mn_notes_settle(mn_notes *n, int ms) {
    mn_buf owners = n->gone;
    if (n->vectors) mn_vectors_rest(n->vectors, n->store);
    n->gone = (mn_buf){0};
    for (size_t at = 0; at < owners.len; at += sizeof(int64_t)) {
        int64_t owner;
        memcpy(&owner, owners.data + at, sizeof owner);
        if (mn_vector_parts_tidy(n->region, n->store, owner, ms) != 0) mn_notes_leaves(n, owner);
    }
    mn_buf_free(&owners);
}
