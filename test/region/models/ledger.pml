/* SPDX-License-Identifier: Apache-2.0
 *
 * ledger.pml - pages are charged before they are asked for: the sum keeps to the limit, without a
 * word of its own and without anybody waiting.
 *
 * Stands for mn_extent_charge, mn_extent_uncharge, mn_region_charged, mn_region_evict and the order
 * in free_slot of src/region/extent.c. Three processes charge, get pages, give them back, evict and
 * bury as they like; each has one word of charges, which stays in its store buffer until a fence,
 * and there is one sealed extent that may be evicted. What a dead process had is freed by whoever
 * buries it. The number of tries, 8 in C, ends here when nothing is left to evict.
 *
 * Proves: pages that were granted never exceed the limit, and neither does the ledger while nobody
 * is in the middle of charging; and nobody blocks: with any processes killed at any step, the
 * others end what they began (no invalid end state).
 */
#define LIMIT 2
#define OLD 1 /* pages of the sealed extent */

#ifdef MUTANT_1 /* mn_word_announce, mn_region_charged: no fence between own charge and sum */
#define NO_FENCE
#endif
#ifdef MUTANT_2 /* mn_extent_charge: looks whether there is room, then charges */
#define LOOK_FIRST
#endif
#ifdef MUTANT_3 /* mn_extent_charge: no second sum behind the eviction */
#define ONE_SUM
#endif
#ifdef MUTANT_4 /* mn_extent_charge: the charge stays when it was refused */
#define KEEP_CHARGE
#endif
#ifdef MUTANT_5 /* free_slot: not charged any more, then the pages go */
#define FORGET_FIRST
#define KILLS 0
#endif
#ifdef MUTANT_6 /* one at a time: a word that is a lock, which nobody takes from the dead */
#define GATE
#endif
#ifdef MUTANT_7 /* mn_extent_uncharge, then the pages go */
#define UNCHARGE_FIRST
#endif

#include "world.pml"

byte state = STATE(0, 0, SEALED);
byte old = OLD;        /* charged word of the sealed extent; others': said */
byte pages[N], p_old = OLD; /* what really is there */
bool busy[N];          /* in the middle of charging, or died so and was not buried */
byte gate;

#define GRANTED (pages[0] + pages[1] + pages[2] + p_old)
#define WORD(k) (late[k] -> late[k] - 1 : said[k])
#define CHARGED (WORD(0) + WORD(1) + WORD(2) + old)
#define QUIET (!busy[0] && !busy[1] && !busy[2])

/* mn_region_charged: word after word, the own one as it was stored. */
inline sum() {
#ifndef NO_FENCE
    fence();
#endif
    d_step { used = OWN + said[(me == 0 -> 1 : 0)] };
    used = used + said[(me == 2 -> 1 : 2)];
    used = used + old
}

inline free_slot() {
#ifdef FORGET_FIRST
    old = 0;
    p_old = 0;
#else
    p_old = 0;
    old = 0;
#endif
    state = FREE
}

inline bury() {
    pages[p] = 0;
    said[p] = 0;
    if
    :: d_step { OWNER(state) == p + 1 -> state = STATE(0, me + 1, GONE) };
        free_slot()
    :: else
    fi;
    busy[p] = false
}

/* mn_region_evict: `won` when there is room for n more, as it looks now. */
inline evict() {
    do
    :: sum();
        if
        :: d_step { used + n <= LIMIT -> used = 0; won = true }; break
        :: d_step { used + n > LIMIT -> used = 0 };
            if /* make_room */
            :: GRAVE -> dig()
            :: d_step { state == STATE(0, 0, SEALED) -> state = STATE(0, me + 1, GONE) };
                free_slot()
            :: else -> won = false; break
            fi
        fi
    od
}

inline grant() {
    d_step { pages[me] = pages[me] + n; assert(GRANTED <= LIMIT); busy[me] = false; n = 0;
             used = 0; won = false; assert(!QUIET || CHARGED <= LIMIT) }
}
inline refuse() {
    d_step { busy[me] = false; n = 0; used = 0; won = false; assert(!QUIET || CHARGED <= LIMIT) }
}
inline add() {
    d_step { !late[me] -> late[me] = said[me] + n + 1 };
#ifndef NO_FENCE
    fence()
#endif
}
inline take_back() {
    d_step { !late[me] -> late[me] = said[me] - n + 1 }
}

inline charge() {
#ifdef GATE
    d_step { !gate -> gate = 1 };
#endif
#ifdef LOOK_FIRST
    sum();
    d_step { used = used + n };
#endif
    add();
#ifndef LOOK_FIRST
    sum();
#endif
    if
    :: used <= LIMIT -> grant()
    :: used > LIMIT ->
        take_back();
        fence();
        evict();
        if
        :: won ->
            add();
#ifndef ONE_SUM
            sum();
#endif
            if
            :: used <= LIMIT -> grant()
            :: used > LIMIT ->
#ifndef KEEP_CHARGE
                take_back();
#endif
                refuse()
            fi
        :: !won -> refuse()
        fi
    fi;
#ifdef GATE
    gate = 0
#endif
}

proctype process(byte me) {
    byte used, n, p;
    bool won;
    {
end:
        do
        :: d_step { !pages[me] -> n = 1; busy[me] = true }; charge()
        :: pages[me] -> /* pages go back, then the charge */
#ifdef UNCHARGE_FIRST
            d_step { !late[me] -> late[me] = said[me] - pages[me] + 1 };
            pages[me] = 0
#else
            n = pages[me];
            pages[me] = 0;
            take_back();
            n = 0
#endif
        od
    } unless { atomic { kill[me]?1 -> die(); used = 0; n = 0; p = 0; won = false } }
}

init {
    d_step {
        lock[0] = 1; taken[0] = true;
        lock[1] = 2; taken[1] = true;
        lock[2] = 3; taken[2] = true
    };
    atomic { run world(); run process(0); run process(1); run process(2) }
}
