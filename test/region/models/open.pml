/* SPDX-License-Identifier: Apache-2.0
 *
 * open.pml - a slot is won by one process, and the pages it promises are there.
 *
 * Stands for find and win of src/region/extent.c, cool, the pages in free_slot, and what
 * src/kv/extent.c makes of `backed`: rows it promises are written without asking for pages. One
 * slot, which was never used at first, is opened again and again for rows of two shapes, given up,
 * sealed, evicted, or left to be buried. A hole that is punched may fail.
 *
 * Proves: whoever opened a slot is alone with it; a row that is promised has its page, of the right
 * shape; and a page that is there is charged.
 */
#define EPOCHS 2

#ifdef MUTANT_1 /* find: a slot that was never used is taken whatever its state is by now */
#define ANY_STATE
#define KILLS 0
#endif
#ifdef MUTANT_2 /* win: pages of another shape go, then their promise */
#define PROMISE_LAST
#endif
#ifdef MUTANT_3 /* free_slot: pages that cannot be given back stay promised, holes or not */
#define PROMISE_STAYS
#endif
#ifdef MUTANT_4 /* win: a load and a store for a compare-and-swap */
#define WIN_WITHOUT_CAS
#define KILLS 0
#endif
#ifdef MUTANT_5 /* win: what is there does for any shape */
#define ANY_SHAPE
#define KILLS 0
#endif
#ifdef MUTANT_6 /* win: not charged any more, whether the pages went or not */
#define FORGET_CHARGE
#endif
#ifdef MUTANT_7 /* mn_kv_extent_release: pages go, then their promise */
#define TRIM_FIRST
#endif
#ifdef MUTANT_8 /* mn_region_reap: without the lock */
#define BURY_WITHOUT_LOCK
#endif

#include "world.pml"
#include "extent.pml"

bool top;     /* the slot may be in use */
bool charged; /* as the slot says */
bool backed;
byte shape;
byte pages;   /* what is there: 0 holes, else the shape whose rows all have a page */
byte user;    /* process + 1 that has opened it and lives */

inline punch() {
#ifdef PROMISE_STAYS
    if
    :: pages = 0;
        backed = false;
        charged = false
    :: true
    fi
#else
    backed = false;
    if
    :: pages = 0;
        charged = false
    :: true
    fi
#endif
}

inline reshape() {
#ifdef PROMISE_LAST
    if
    :: charged ->
        pages = 0;
        charged = false
    :: else
    fi;
    backed = false
#else
    backed = false;
    if
    :: charged -> /* punch, and whether it works */
        if
        :: pages = 0;
            charged = false
#ifdef FORGET_CHARGE
        :: charged = false
#else
        :: true
#endif
        fi
    :: else
    fi
#endif
}

#define ALONE assert(user == me + 1 && state == STATE(EPOCH(st), me + 1, OPEN))
inline use() {
    if
    :: d_step { shape == want; ALONE }
    :: shape != want ->
#ifndef ANY_SHAPE
        reshape();
#endif
        shape = want
    fi;
    if
    :: backed
    :: !backed -> /* charge, ask for pages, promise */
        charged = true;
        pages = want;
        backed = true
    fi;
    d_step { assert(pages == want); assert(charged); ALONE };
    if
    :: true /* nothing comes of it */
    :: true -> /* nor of the pages */
#ifdef TRIM_FIRST
        pages = 0;
        backed = false
#else
        backed = false;
        pages = 0
#endif
    :: d_step { flags = true; length = 1 };
        if
        :: pages = 0 /* some rows go back: holes */
        :: true
        fi
    fi;
    d_step { ALONE; user = 0 };
    extent_close()
}

/* From st, to be opened for rows of shape `want`. */
inline win() {
    if
#ifdef WIN_WITHOUT_CAS
    :: state == st -> d_step { state = MINE(OPEN); user = me + 1 };
#else
    :: d_step { state == st -> assert(!user); state = MINE(OPEN); user = me + 1 };
#endif
        use()
    :: state != st
    fi
}

inline find() {
    if
    :: d_step { top && PHASE(state) == FREE -> st = state };
        win()
    :: d_step { !top -> top = true };
        if
#ifdef ANY_STATE
        :: d_step { true -> st = state };
#else
        :: d_step { PHASE(state) == FREE -> st = state };
#endif
            win()
#ifndef ANY_STATE
        :: else
#endif
        fi
    :: else
    fi;
    atomic { want = 0; st = 0 }
}

inline bury() {
    extent_bury()
}

proctype process(byte me) {
    byte st, p, want;
    bool found;
    {
end:
        do
        :: atomic { EPOCH(state) < EPOCHS -> /* which shape is the first is all the same */
                if :: want = 1 :: shape -> want = 2 fi };
            find()
        :: d_step { PHASE(state) == SEALED -> st = state };
            kill_sealed();
            st = 0
        :: d_step { PHASE(state) == FREE && charged && EPOCH(state) < EPOCHS -> st = state };
            drop(false); /* cool */
            st = 0
        :: PHASE(state) == FREE -> assert(!pages || charged)
        :: GRAVE -> dig()
        od
    } unless { atomic { kill[me]?1 -> die(); user = (user == me + 1 -> 0 : user);
        st = 0; p = 0; want = 0; found = false } }
}

init {
    d_step {
        lock[0] = 1; taken[0] = true;
        lock[1] = 2; taken[1] = true;
        lock[2] = 3; taken[2] = true
    };
    atomic { run world(); run process(0); run process(1); run process(2) }
}
