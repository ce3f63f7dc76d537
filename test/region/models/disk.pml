/* SPDX-License-Identifier: Apache-2.0
 *
 * disk.pml - an extent leaves memory for a file, and the file leaves it.
 *
 * Stands for mn_disk_write, mn_disk_bury and disk_find of src/region/disk.c, mn_extent_leave,
 * bury_dying, free_slot and mn_extent_bury of extent.c, and mn_extent_reject of tier.c, line by line.
 * Three processes read, write the file, drop it, let the extent leave memory, or all of it, and
 * bury each other, over one extent that is sealed at first; once it is gone nothing comes of its
 * slot any more. The disk damages the file once, or somebody removes it.
 *
 * Proves: who pins it reads its rows, from memory or from a file whose sums are right, and never a
 * page that went; what was rejected never comes back; and whenever nobody is in the middle of
 * anything and the dead are buried, a file is there if and only if the slot says so (or somebody
 * removed it), what is OUT holds no pages, and of what is forgotten no file is left.
 */
#ifdef MUTANT_1 /* stays: the file goes of what is in it alone */
#define DROP_ONLY_COPY
#define KILLS 0
#endif
#ifdef MUTANT_2 /* mn_disk_write: what is OUT is written, too */
#define WRITE_OUT
#define KILLS 0
#endif
#ifdef MUTANT_3 /* mn_extent_leave: pages go, then it is OUT */
#define PUNCH_FIRST
#endif
#ifdef MUTANT_4 /* mn_extent_leave: pins are looked at before DYING is said */
#define PINS_BEFORE_DYING
#define KILLS 0
#endif
#ifdef MUTANT_5 /* mn_extent_bury: who was writing is forgotten, its file stays */
#define FORGET_MOVING
#endif
#ifdef MUTANT_6 /* mn_extent_leave: without `moving` */
#define LEAVE_UNCLAIMED
#endif
#ifdef MUTANT_7 /* mn_disk_bury: of what is OUT the file goes, too */
#define DROP_OUT
#endif
#ifdef MUTANT_8 /* bury_dying: what is OUT keeps its pages */
#define KEEP_PAGES
#endif
#ifdef MUTANT_9 /* mn_extent_reject: it is said that the file has gone, then it goes */
#define SAY_FIRST
#endif
#ifdef MUTANT_10 /* mn_disk_write: `moving` is written, not won */
#define NO_CLAIM
#define KILLS 0
#endif
#ifdef MUTANT_11 /* mn_disk_bury: a file is there when the slot says so */
#define BELIEVE
#endif
#ifdef MUTANT_12 /* disk_find: sums are not looked at */
#define NO_SUMS
#define KILLS 0
#endif
#ifdef MUTANT_13 /* the flag is looked at, then the pin is taken */
#define FLAG_FIRST
#define KILLS 0
#endif
#ifdef MUTANT_14 /* free_slot: the slot is free, then its file goes */
#define FREE_FIRST
#endif
#ifndef KILLS
#define KILLS 1
#endif

#include "world.pml"

#define SEALED0 STATE(0, 0, SEALED)
#define MINE(phase) STATE(0, me + 1, phase)
#define THERE 1   /* what a file holds: the rows */
#define DAMAGED 2 /* something else; its sums say so */
#define HOLES 3   /* zeroes where pages had gone; its sums are right */

byte state = SEALED0;
bool out, stored;
bool pages = true;   /* the content is in memory */
bool charged = true; /* as the slot says */
byte file;           /* under its name; 0: none */
byte moving;         /* process + 1 */
bool removed;        /* by somebody else, or damaged: once */
bool rejected;       /* found out to be lost */
bool busy[N];        /* in the middle of something, or dead in it and not buried */

#define PINNED(k) (taken[k] && said[k])
inline pins_of() {
    d_step { found = found || PINNED(0) };
    d_step { found = found || PINNED(1) };
    d_step { found = found || PINNED(2) }
}
/* When nobody is in the middle of anything, what the slot says is so. */
#define QUIET (!busy[0] && !busy[1] && !busy[2])
#define BEGIN busy[me] = true
#define END d_step { busy[me] = false; if :: QUIET -> in_order() :: else fi }
inline in_order() {
    assert(!file || stored);
    assert(!stored || file || removed);
    assert(!out || !charged);
    assert(!out || stored || rejected);
    assert(PHASE(state) != FREE || (!stored && !file && !charged))
}

inline punch() { pages = false; charged = false }
inline drop_file() {
    file = 0;
    stored = false
}
inline free_slot() {
    punch();
#ifdef FREE_FIRST
    state = STATE(1, 0, FREE);
    drop_file()
#else
    if
    :: stored -> drop_file()
    :: else
    fi;
    out = false;
    state = STATE(1, 0, FREE)
#endif
}

/* ---- writing the file ---- */
#define WRITABLE (state == SEALED0 && (!out || LETS_OUT))
#ifdef WRITE_OUT
#define LETS_OUT true
#else
#define LETS_OUT false
#endif
inline write_file() {
    if
    :: stored && file
    :: !(stored && file) ->
        stored = false;
        kind = (pages -> THERE : HOLES); /* row by row, into another name */
        file = kind;
        stored = true;
        kind = 0
    fi
}
inline disk_write() {
    announce(1);
    if
    :: PHASE(state) != SEALED
    :: PHASE(state) == SEALED ->
        if
#ifdef NO_CLAIM
        :: moving == 0 -> moving = me + 1;
#else
        :: WINS(moving, 0, me + 1) ->
#endif
            if
            :: WRITABLE -> write_file()
            :: !WRITABLE
            fi;
            moving = 0
        :: LOSES(moving, 0)
        fi
    fi;
    store(0);
    fence()
}

/* ---- reading ---- */
inline reject() {
#ifdef SAY_FIRST
    d_step { stored = false; rejected = true };
    file = 0
#else
    file = 0;
    d_step { stored = false; rejected = true }
#endif
}

inline look() {
#ifdef FLAG_FIRST
    found = out;
#endif
    announce(1);
    if
    :: PHASE(state) == SEALED ->
#ifndef FLAG_FIRST
        found = out;
#endif
        if
        :: !found -> /* from memory, as long as it likes */
            do
            :: assert(pages)
            :: break
            od
        :: d_step { found && stored -> assert(!rejected) };
            kind = file; /* mapped */
            if
            :: kind == 0 -> reject()
#ifndef NO_SUMS
            :: kind == DAMAGED -> reject()
#endif
            :: else -> assert(kind == THERE)
            fi
        :: found && !stored
        fi
    :: else
    fi;
    atomic { found = false; kind = 0 };
    store(0);
    fence()
}

/* ---- leaving ---- */
inline stays() {
    if
#ifdef DROP_ONLY_COPY
    :: how == 2 -> found = !stored
#else
    :: how == 2 -> found = (!stored || out)
#endif
    :: how == 1 && (!stored || (out && !charged)) -> found = true
#ifdef PINS_BEFORE_DYING
    :: else
#else
    :: else -> pins_of()
#endif
    fi
}

#define RELEASE d_step { if :: moving == me + 1 -> moving = 0 :: else fi }
/* how: 0 everywhere, 1 from memory, 2 from the disk. */
inline leave() {
    if
    :: how = 0
    :: how = 1
    :: how = 2
    fi;
#ifdef PINS_BEFORE_DYING
    pins_of();
#endif
    if
    :: WINS(state, SEALED0, MINE(DYING)) ->
#ifndef LEAVE_UNCLAIMED
        if
        :: WINS(moving, 0, me + 1)
        :: LOSES(moving, 0) -> found = true
        fi;
#endif
        if
        :: found
        :: !found -> stays()
        fi;
        if
        :: found -> RELEASE; state = SEALED0
        :: !found && how == 1 ->
#ifdef PUNCH_FIRST
            punch();
            out = true;
#else
            out = true;
            punch();
#endif
            RELEASE;
            state = SEALED0
        :: !found && how == 2 ->
            drop_file();
            RELEASE;
            state = SEALED0
        :: !found && how == 0 ->
            state = MINE(GONE);
            RELEASE;
            free_slot()
        fi
    :: LOSES(state, SEALED0)
    fi;
    atomic { found = false; how = 0 }
}

/* ---- burying process p ---- */
inline bury() {
    said[p] = 0;
    if
#ifdef FORGET_MOVING
    :: moving == p + 1 -> moving = 0
#else
    :: moving == p + 1 ->
        if
#ifdef BELIEVE
        :: stored
        :: !stored -> file = 0
#else
#ifdef DROP_OUT
        :: EPOCH(state) == 0 -> drop_file()
#else
        :: EPOCH(state) == 0 && !out -> drop_file()
        :: EPOCH(state) == 0 && out
#endif
        :: EPOCH(state) != 0 /* of the next one, which has none */
#endif
        fi;
        moving = 0
#endif
    :: else
    fi;
    if
    :: OWNER(state) == p + 1 && PHASE(state) == DYING ->
        state = MINE(DYING);
        if
#ifdef KEEP_PAGES
        :: out
#else
        :: out -> punch()
#endif
        :: !out
        fi;
        state = SEALED0
    :: OWNER(state) == p + 1 && PHASE(state) == GONE ->
        state = MINE(GONE);
        free_slot()
    :: else
    fi;
    busy[p] = false
}

proctype process(byte me) {
    byte p, kind, how;
    bool found;
    {
end:
        do
        :: BEGIN; look(); END
        :: atomic { PHASE(state) == SEALED && !(stored && file) -> BEGIN }; disk_write(); END
        :: atomic { PHASE(state) == SEALED -> BEGIN }; leave(); END
        :: GRAVE -> BEGIN; dig(); END
        od
    } unless { atomic { kill[me]?1 -> die(); p = 0; kind = 0; how = 0; found = false } }
}

/* Disks, and people. */
proctype others() {
end:
    do
    :: atomic { !removed && file == THERE -> removed = true; file = DAMAGED }
    :: atomic { !removed && file == THERE -> removed = true; file = 0 }
    od
}

init {
    d_step {
        lock[0] = 1; taken[0] = true;
        lock[1] = 2; taken[1] = true;
        lock[2] = 3; taken[2] = true
    };
    atomic { run world(); run others(); run process(0); run process(1); run process(2) }
}
