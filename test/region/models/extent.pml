/* SPDX-License-Identifier: Apache-2.0
 *
 * extent.pml - the arrows of src/region/extent.c for one slot, line by line, for the models that
 * are about extents (publish, reclaim, open).
 *
 * The model says how pages go (`punch`), and whether process k pins the extent that st names
 * (PINNED; nobody ever, if it does not say). Locals: st, the state that was loaded; p, whose grave
 * it is; found, a pin was.
 *
 * Mutations the models choose from: PINS_BEFORE_DYING, FREE_BEFORE_PINS, NO_CAS, KEEP_EPOCH,
 * KEEP_LENGTH, FREE_BEFORE_LENGTH, DYING_IS_GONE, LEAVE_GONE, SEAL_ALL.
 */
byte state; /* FREE, epoch 0 */
bool flags; /* MN_EXTENT_PUBLISHED */
byte length;
byte procs = N; /* mn_procs_end */

#define MINE(phase) STATE(EPOCH(st), me + 1, phase)
#define NOBODYS(phase) STATE(EPOCH(st), 0, phase)

/* The own pin moves for nobody else, so it is looked at together with the number of slots. */
#ifdef PINNED
#define LOOK(k) found = found || (k < procs && taken[k] && PINNED(k))
inline pins_of() {
    d_step { LOOK(me) };
    d_step { LOOK((me == 0 -> 1 : 0)) };
    d_step { LOOK((me == 2 -> 1 : 2)) }
}
#else /* nobody reads in this model */
#define PINNED(k) false
inline pins_of() {
    found = false
}
#endif

inline free_slot(warm) {
    if
    :: warm
    :: !(warm) -> punch()
    fi;
#ifdef FREE_BEFORE_LENGTH
    state = STATE(EPOCH(st) + 1, 0, FREE);
#endif
    d_step {
        flags = false;
#ifndef KEEP_LENGTH
        length = 0
#endif
    };
    d_step {
#ifdef KEEP_EPOCH
        state = NOBODYS(FREE);
#elif !defined(FREE_BEFORE_LENGTH)
        state = STATE(EPOCH(st) + 1, 0, FREE);
#endif
        st = 0
    }
}

/* From st, which is OPEN and ours to drop, or FREE. */
inline drop(warm) {
    if
    :: WINS(state, st, MINE(GONE)) -> free_slot(warm)
    :: LOSES(state, st)
    fi
}

inline kill_sealed() {
#ifdef PINS_BEFORE_DYING
    pins_of();
#endif
    if
#ifdef NO_CAS
    :: state == st -> state = MINE(DYING);
#else
    :: WINS(state, st, MINE(DYING)) ->
#endif
#ifdef FREE_BEFORE_PINS
        punch();
#endif
#ifndef PINS_BEFORE_DYING
        pins_of();
#endif
        if
        :: d_step { found -> state = st; found = false }
        :: d_step { !found -> state = MINE(GONE) };
            free_slot(false)
        fi
    :: LOSES(state, st)
    fi
}

/* What process slot p left of the slot, whose state st names it as owner. */
inline bury_one() {
    if
#ifdef SEAL_ALL
    :: PHASE(st) == OPEN ->
        d_step { length = ROWS; flags = true };
        if
        :: WINS(state, st, NOBODYS(SEALED))
        :: LOSES(state, st)
        fi
#else
    :: PHASE(st) == OPEN && !flags -> drop(true)
    :: PHASE(st) == OPEN && flags ->
        if
        :: WINS(state, st, NOBODYS(SEALED)) ->
            if
            :: length
            :: d_step { !length -> st = NOBODYS(SEALED) };
                assert(!PINNED(p)); /* who is buried, or closes it, does not read it */
                kill_sealed()
            fi
        :: LOSES(state, st)
        fi
#endif
#ifdef DYING_IS_GONE
    :: PHASE(st) == DYING -> drop(false)
#else
    :: d_step { PHASE(st) == DYING && state == st -> state = NOBODYS(SEALED) }
    :: PHASE(st) == DYING && state != st
#endif
#ifdef LEAVE_GONE
    :: PHASE(st) == GONE
#else
    :: d_step { PHASE(st) == GONE && state == st -> state = MINE(GONE) };
        free_slot(false)
    :: PHASE(st) == GONE && state != st
#endif
    fi
}

/* mn_extent_bury for one slot. */
inline extent_bury() {
    if
    :: d_step { OWNER(state) == p + 1 -> st = state };
        bury_one()
    :: else
    fi;
    /* nothing stays with the dead, nor goes to one whose grave is closed */
    d_step {
        assert(OWNER(state) != p + 1);
        assert(!OWNER(state) || taken[OWNER(state) - 1]);
        st = 0
    }
}

/* mn_extent_close. */
inline extent_close() {
    if
    :: d_step { PHASE(state) == OPEN && OWNER(state) == me + 1 -> st = state; p = me };
        bury_one();
        d_step { p = 0; st = 0 }
    :: else
    fi
}
