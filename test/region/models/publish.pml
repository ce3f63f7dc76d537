/* SPDX-License-Identifier: Apache-2.0
 *
 * publish.pml - rows are written, then counted: what counts was written, whoever dies.
 *
 * Stands for the writer's side of src/kv/seq.c (announce, the rows, publish), mn_extent_publish,
 * mn_extent_grow, mn_extent_close, bury_one, kill_sealed and free_slot of src/region/extent.c, and
 * for readers that find a published extent (mn_index_anchored), pin it and load its length. Three
 * processes write, read, evict and bury as they like, over one slot that is used for two extents.
 * Rows are plain memory: each lies in a store buffer until it arrives, or until a store with
 * release order, a compare-and-swap or the end of its writer makes it.
 *
 * Proves: a row that counts, for a reader or in a sealed extent, is the one its writer wrote, and a
 * length that a reader has seen does not shrink while it holds its pin. That pins hold is taken
 * from reclaim.pml: here they are one step.
 */
#define EPOCHS 2
#define ROWS 2

#ifdef MUTANT_1 /* publish: the length is stored before the row */
#define LENGTH_FIRST
#endif
#ifdef MUTANT_2 /* mn_extent_grow: no release order */
#define NO_RELEASE
#endif
#ifdef MUTANT_3 /* free_slot: the next extent begins with the length of the last */
#define KEEP_LENGTH
#define KILLS 0
#endif
#ifdef MUTANT_4 /* free_slot: FREE, and then no rows */
#define FREE_BEFORE_LENGTH
#define KILLS 0
#endif
#ifdef MUTANT_5 /* bury_one: all rows that were planned count */
#define SEAL_ALL
#endif
#ifdef MUTANT_6 /* mn_region_reap: without the lock */
#define BURY_WITHOUT_LOCK
#define KILLS 0
#endif
#ifdef MUTANT_7 /* mn_kv_extent_length: no acquire order, rows are read before it */
#define NO_ACQUIRE
#endif

#define ARRIVES(p) row[late[p] - 1] = tag[p]
byte row[ROWS]; /* epoch + 1 of whose it is; 0: no page */
byte tag[3];    /* epoch + 1 of the extent that process p writes */
#include "world.pml"

byte holds[N]; /* epoch + 1 that the pin of process p holds */
#define PINNED(k) (holds[k] == EPOCH(st) + 1)
#include "extent.pml"

inline punch() {
    d_step { row[0] = 0; row[1] = 0 }
}
inline bury() {
    holds[p] = 0;
    extent_bury()
}

inline write() {
    if
    :: d_step { !late[me] && state == st -> state = MINE(OPEN); tag[me] = EPOCH(st) + 1;
                holds[me] = tag[me] } ->
        if
        :: true /* nothing comes of it */
        :: flags = true;
            do
            :: d_step { n < ROWS -> n++ };
#ifdef LENGTH_FIRST
                length = n;
                d_step { !late[me] -> late[me] = n };
                fence()
#else
                d_step { !late[me] -> late[me] = n };
#ifndef NO_RELEASE
                fence();
#endif
                length = n
#endif
            :: n = 0; break
            od
        fi;
        holds[me] = 0;
        extent_close();
        d_step { !late[me] -> tag[me] = 0 }
    :: LOSES(state, st)
    fi
}

/* mn_index_anchored, mn_extent_pin; n: the rows that counted when it looked last. */
inline pin() {
    if
    :: flags ->
        if
        :: d_step { (PHASE(state) == OPEN || PHASE(state) == SEALED) && EPOCH(state) == EPOCH(st) ->
                    holds[me] = EPOCH(st) + 1 }
        :: else
        fi
    :: else
    fi;
    st = 0
}
inline read() {
#ifdef NO_ACQUIRE
    p = row[0];
    d_step { n = length; assert(!n || p == holds[me]); p = 0 }
#else
    d_step { assert(length >= n); n = length };
    assert(n < 1 || row[0] == holds[me]);
    assert(n < 2 || row[1] == holds[me])
#endif
}
#define WHOLE ((length < 1 || row[0] == EPOCH(state) + 1) && \
               (length < 2 || row[1] == EPOCH(state) + 1))

proctype process(byte me) {
    byte st, p, n;
    bool found;
    {
end:
        do
        :: d_step { !holds[me] && (PHASE(state) == OPEN || PHASE(state) == SEALED) ->
                    st = state };
            pin()
        :: holds[me] -> read()
        :: d_step { holds[me] -> holds[me] = 0; n = 0 }
        :: d_step { PHASE(state) == SEALED -> assert(WHOLE); st = state };
            kill_sealed();
            st = 0
        :: d_step { !holds[me] && PHASE(state) == FREE && EPOCH(state) < EPOCHS -> st = state };
            write();
            st = 0
        :: GRAVE -> dig()
        od
    } unless { atomic { kill[me]?1 -> die(); tag[me] = 0; st = 0; p = 0; n = 0; found = false } }
}

init {
    d_step {
        lock[0] = 1; taken[0] = true;
        lock[1] = 2; taken[1] = true;
        lock[2] = 3; taken[2] = true
    };
    atomic { run world(); run process(0); run process(1); run process(2) }
}
