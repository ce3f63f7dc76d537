/* SPDX-License-Identifier: Apache-2.0
 *
 * reclaim.pml - pins against eviction: what is read is not freed.
 *
 * Stands for mn_extent_pin, mn_extent_unpin, kill_sealed, free_slot, drop, bury_one,
 * mn_extent_close and mn_extent_bury of src/region/extent.c, and for the words of life.c that
 * pins_of looks at. Three processes read, evict, write and bury as they like, over one slot that is used for two extents
 * one after the other; process 2 comes later. Pins stay in a store buffer until a fence.
 *
 * Proves: who holds a successful pin finds the content that the reference named, whoever dies; and
 * once somebody was buried, no slot is his. Also: a published extent without a row goes when it is
 * closed or buried, unless somebody else looks at it.
 */
#define EPOCHS 2

#ifdef MUTANT_1 /* mn_extent_pin: no fence between the pin and the state */
#define NO_FENCE
#endif
#ifdef MUTANT_2 /* kill_sealed: pins are looked at before DYING is said */
#define PINS_BEFORE_DYING
#endif
#ifdef MUTANT_3 /* mn_extent_pin: the epoch is not looked at */
#define NO_EPOCH
#define KILLS 0
#endif
#ifdef MUTANT_4 /* kill_sealed: a load and a store for a compare-and-swap */
#define NO_CAS
#endif
#ifdef MUTANT_5 /* kill_sealed: pages go, then pins are looked at */
#define FREE_BEFORE_PINS
#endif
#ifdef MUTANT_6 /* mn_region_reap: without the lock */
#define BURY_WITHOUT_LOCK
#define KILLS 0
#endif
#ifdef MUTANT_7 /* bury_one: DYING goes on to FREE, pinned or not */
#define DYING_IS_GONE
#endif
#ifdef MUTANT_8 /* bury_one: what is GONE is nobody's business */
#define LEAVE_GONE
#endif
#ifdef MUTANT_9 /* free_slot: the next extent has the same epoch */
#define KEEP_EPOCH
#endif
#ifdef MUTANT_10 /* mn_extent_close: the own pin goes last */
#define PIN_LAST
#endif
#ifdef MUTANT_11 /* bury: the pins of the dead go last */
#define PINS_LAST
#define KILLS 1
#endif
#ifdef MUTANT_12 /* mn_life_begin: there is a slot more, once it is taken and used */
#define LATE_TOP
#define KILLS 0
#endif

#include "world.pml"

#define PIN(epoch) ((epoch) + 1)
#define PINNED(k) (said[k] == PIN(EPOCH(st)))
#include "extent.pml"

byte content;  /* epoch + 1 of the extent whose it is; 0: no pages */
byte named;    /* of epochs below this one there may be references */
byte holds[N]; /* epoch + 1 that a successful pin of process k holds */

#define NOBODY_READS(e) (holds[0] != (e) + 1 && holds[1] != (e) + 1 && holds[2] != (e) + 1)
inline punch() {
    d_step { content = 0; assert(NOBODY_READS(EPOCH(st))) }
}

inline bury() {
#ifdef PINS_LAST
    extent_bury();
    said[p] = 0
#else
    said[p] = 0;
    extent_bury()
#endif
}

inline pin() {
    if /* any reference: hints are old, or not */
    :: d_step { named > 0 && !late[me] -> late[me] = PIN(0) + 1 }
    :: d_step { named > 1 && !late[me] -> late[me] = PIN(1) + 1 }
    fi;
#ifndef NO_FENCE
    fence();
#endif
    if
#ifdef NO_EPOCH
    :: d_step { PHASE(state) == OPEN || PHASE(state) == SEALED -> holds[me] = OWN }
#else
    :: d_step { PIN(EPOCH(state)) == OWN && (PHASE(state) == OPEN || PHASE(state) == SEALED) ->
                holds[me] = OWN }
#endif
    :: else -> store(0)
    fi
}

inline unpin() {
    d_step { !late[me] -> holds[me] = 0; late[me] = 0 + 1 }
}

inline write() {
    if
    :: WINS(state, st, MINE(OPEN)) ->
        announce(PIN(EPOCH(st)));
        if
        :: true /* nothing comes of it */
        :: d_step { flags = true; named = EPOCH(st) + 1 };
            if
            :: true /* published, and then no row */
            :: d_step {
                    content = EPOCH(st) + 1;
                    assert(EPOCH(st) == 0 || NOBODY_READS(0))
                };
                length = 1
            fi
        fi;
#ifdef PIN_LAST
        extent_close();
        store(0)
#else
        store(0);
        extent_close()
#endif
    :: LOSES(state, st)
    fi
}

proctype process(byte me) {
    byte st, p;
    bool found;
    {
        if
        :: me == 2 -> /* mn_life_begin; its lock is free, for nothing of it can be buried yet */
            lock[me] = me + 1;
#ifndef LATE_TOP
            procs = me + 1;
#endif
            taken[me] = true
        :: else
        fi;
end:
        do
        :: !holds[me] && named -> pin()
        :: holds[me] && length -> assert(content == holds[me])
        :: holds[me] -> unpin()
#ifdef LATE_TOP
        :: procs <= me -> procs = me + 1
#endif
        :: d_step { PHASE(state) == SEALED -> st = state };
            kill_sealed();
            st = 0
        :: d_step { PHASE(state) == FREE && EPOCH(state) < EPOCHS -> st = state };
            write();
            st = 0
        :: GRAVE -> dig()
        od
    } unless { atomic { kill[me]?1 -> die(); holds[me] = 0; st = 0; p = 0; found = false } }
}

init {
    d_step {
        lock[0] = 1; taken[0] = true;
        lock[1] = 2; taken[1] = true;
        procs = 2
    };
    atomic { run world(); run process(0); run process(1); run process(2) }
}
