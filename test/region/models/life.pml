/* SPDX-License-Identifier: Apache-2.0
 *
 * life.pml - process slots: claimed by a lock, lost by dying, buried by whoever comes by.
 *
 * Stands for mn_life_begin, mn_life_end, bury and mn_region_reap of src/region/life.c, line by
 * line, and for what bury_one does with the one extent that there is here. Three processes share
 * two slots: each claims one (or there is none), takes the extent, pins, buries others, leaves or
 * is killed, and comes again as another. The kernel takes the locks of the dead one by one.
 *
 * Proves: what a tenant left is buried exactly once before the next one moves in, who finds it
 * empty; and nobody is buried who is alive.
 */
#define SLOTS 2
#ifndef KILLS
#define KILLS 3
#endif

#ifdef MUTANT_1 /* mn_region_reap: asks whether there is a lock, and does not take it */
#define ASK_ONLY
#endif
#ifdef MUTANT_2 /* mn_region_reap: no second look behind the lock */
#define ONE_LOOK
#endif
#ifdef MUTANT_3 /* bury: the slot is empty, then what was in it goes */
#define EMPTY_FIRST
#endif
#ifdef MUTANT_4 /* mn_life_begin: moves in as it finds it */
#define MOVE_IN
#endif
#ifdef MUTANT_5 /* mn_region_reap: lets go of the lock, then buries */
#define UNLOCK_FIRST
#endif
#ifdef MUTANT_6 /* mn_life_end: lets go of the lock, then of what it has */
#define LEAVE_FIRST
#endif
#ifdef MUTANT_7 /* mn_life_begin: the slot is said to be taken, then it is locked */
#define SAY_FIRST
#endif
#ifdef MUTANT_8 /* mn_life_end: the slot is empty, and what it had stays */
#define LEAVE_DIRTY
#endif

#include "world.pml"

byte state;         /* of one extent */
bool pinned[SLOTS];
byte procs;
byte tenant[SLOTS]; /* process + 1 that lives there, by the lock it claimed it with */
bool left[SLOTS];   /* something may lie in the slot: from its being taken to its burial */

/* The lock of slot x is ours: what its last tenant left goes. */
inline bury(x) {
    assert(!tenant[x] || tenant[x] == me + 1);
#ifdef EMPTY_FIRST
    taken[x] = false;
#endif
    pinned[x] = false;
    if
    :: d_step { OWNER(state) == x + 1 -> st = state };
        if
        :: WINS(state, st, STATE(0, i + 1, GONE)) -> state = FREE
        :: LOSES(state, st)
        fi;
        st = 0
    :: else
    fi;
    d_step {
        assert(!tenant[x] || tenant[x] == me + 1);
        assert(left[x] && !pinned[x] && OWNER(state) != x + 1);
#ifndef EMPTY_FIRST
        taken[x] = false;
#endif
        left[x] = false
    }
}

#define CLAIM(x) lock[x] = me + 1; tenant[x] = me + 1; i = x
inline begin() {
    if
#ifdef SAY_FIRST
    :: !lock[0] -> taken[0] = true; d_step { !lock[0] -> CLAIM(0) }
    :: lock[0] && !lock[1] -> taken[1] = true; d_step { !lock[1] -> CLAIM(1) }
#else
    :: d_step { !lock[0] -> CLAIM(0) }
    :: d_step { lock[0] && !lock[1] -> CLAIM(1) }
#endif
    fi;
    if
    :: d_step { procs < i + 1 -> procs = i + 1 }
    :: else
    fi;
#ifndef MOVE_IN
    if
    :: taken[i] -> bury(i)
    :: else
    fi;
#endif
    d_step {
        assert(!left[i] && !pinned[i] && OWNER(state) != i + 1);
        taken[i] = true;
        left[i] = true
    }
}

inline end_of_life() {
#ifdef LEAVE_FIRST
    d_step { lock[i] = 0; tenant[i] = 0 };
    bury(i)
#elif defined(LEAVE_DIRTY)
    d_step { taken[i] = false; left[i] = false };
    d_step { lock[i] = 0; tenant[i] = 0 }
#else
    bury(i);
    d_step { lock[i] = 0; tenant[i] = 0 }
#endif
}

/* mn_region_reap, the one slot that is not ours. */
#define P (1 - i)
inline reap() {
    if
    :: P < procs && taken[P] ->
        if
        :: !lock[P] ->
#ifdef ASK_ONLY
            bury(P)
#else
            if
            :: d_step { !lock[P] -> lock[P] = me + 1 };
                if
#ifdef ONE_LOOK
                :: true ->
#else
                :: taken[P] ->
#endif
#ifdef UNLOCK_FIRST
                    lock[P] = 0;
#endif
                    bury(P)
#ifndef ONE_LOOK
                :: else
#endif
                fi;
#ifndef UNLOCK_FIRST
                lock[P] = 0
#endif
            :: else
            fi
#endif
        :: else
        fi
    :: else
    fi
}

proctype process(byte me) {
    byte i, st;
again:
    {
end:
        do /* a process after the other; who finds no slot waits here (in C it is told so) */
        :: begin();
            do
            :: d_step { state == FREE -> state = STATE(0, i + 1, OPEN) }
            :: d_step { state == STATE(0, i + 1, OPEN) -> state = STATE(0, i + 1, GONE) };
                state = FREE
            :: pinned[i] = !pinned[i]
            :: reap()
            :: end_of_life(); break
            od;
            i = 0
        od
    } unless { atomic { kill[me]?1 -> kills++; killed[me] = true; st = 0;
        tenant[0] = (tenant[0] == me + 1 -> 0 : tenant[0]);
        tenant[1] = (tenant[1] == me + 1 -> 0 : tenant[1]) } };
    do
    :: d_step { lock[0] == me + 1 -> lock[0] = 0 }
    :: d_step { lock[1] == me + 1 -> lock[1] = 0 }
    :: else -> break
    od;
    atomic { i = 0; killed[me] = false };
    goto again
}

init {
    atomic { run world(); run process(0); run process(1); run process(2) }
}
