/* SPDX-License-Identifier: Apache-2.0
 *
 * region/change.h - one change of one bucket: object.c puts and deletes by it, commit.c inserts
 * parts and tidies up.
 */
#ifndef MN_REGION_CHANGE_H
#define MN_REGION_CHANGE_H
#include "region/object.h"

enum { MN_CHANGE_TRIES = 1 << 20 }; /* each failure was somebody's success */

typedef struct mn_changing {
    mn_region *r;
    const char *key; /* NULL: what is of no use goes, and nothing else */
    size_t n;
    const mn_put *how;
    uint64_t hash, word, now;
    mn_cell_head mine; /* at NULL: delete */
    uint32_t tail;     /* cell + 1 behind the last that goes */
    int seen, goes, copies;
    int found; /* there is such an object; `version` and these are its own */
    int lasts; /* it is durable */
    uint64_t expiry;
    int durable;        /* it is to be logged: it was asked for, or the one before was */
    uint64_t restored;  /* from the log: the version it had; 0: a new one */
    mn_cell_head done;  /* `mine`, when it has been swapped in */
    uint64_t version;   /* in the end, its new one */
    mn_cell_head rival; /* at NULL: none; the undecided commit that has a part of this key */
    mn_cell_head first; /* the commit of the first undecided part of any key, .. */
    int open;           /* .. which stands there; `seen` when there is none */
    int parts;          /* so many cells that count are parts: they may shadow others */
    mn_cell_head old[MN_CELL_CHAIN], copy[MN_CELL_CHAIN];
    uint8_t stays[MN_CELL_CHAIN]; /* old cell i is copied */
    uint8_t over[MN_CELL_CHAIN];  /* of parts that count */
} mn_changing;

/* A change of this key is about to begin. */
int mn_change_begin(mn_changing *c, mn_region *r, const char *key, const mn_put *how);
/* The chain as it is: 1; 0: the bucket has changed meanwhile; MN_ECORRUPT. */
int mn_change_survey(mn_changing *c);
/* May `mine` be put there, or the key be deleted? 1; 0: nothing is left to do. */
int mn_change_allowed(const mn_changing *c);
/* A cell of ours that has been swapped in is LIVE. */
void mn_change_settle(const mn_changing *c, mn_cell_head *h, uint64_t swapped);
/* Until it is done; a cell of ours that was not needed is free again. */
int mn_change_carry_out(mn_changing *c);

#endif
