/* SPDX-License-Identifier: Apache-2.0
 *
 * cell.pml - a value that is read is one that was put, whole, and no cell is lost.
 *
 * Stands for attempt, finish and mn_object_look of src/region/object.c, and win, mend, chained and
 * mn_cells_bury of src/region/cell.c. One bucket with one key, three cells of two words each; two
 * writers put (claim, fill, swap, settle, free the old one) and may be killed between any two
 * steps; a reader copies word by word; whoever is left buries the dead.
 *
 * Proves: what a reader accepts is both words of one put, and it was current at some moment since
 * the reader began; and when all is quiet every cell that is not free is the one in the bucket.
 */
#define CELLS 3

#define FREE 0
#define LIVE 1
#define OWNED 2 /* + process */
#define NONE CELLS

#ifdef MUTANT_1 /* mn_cell_free: the generation stays */
#define KEEP_GENERATION
#endif
#ifdef MUTANT_2 /* mn_object_look: the tag is not looked at again */
#define NO_SECOND_TAG
#define KILLS 0
#endif
#ifdef MUTANT_3 /* mn_object_look: nor the bucket, behind the tag */
#define NO_SECOND_BUCKET
#define KILLS 0
#endif
#ifdef MUTANT_4 /* mend: what the dead owns is free, also in the chain */
#define FREE_ALL
#endif
#ifdef MUTANT_5 /* mend: only what the dead owns; not what it took out of the chain */
#define OWNED_ONLY
#endif
#ifdef MUTANT_6 /* attempt: the swap does not count changes */
#define NO_CHANGES
#define PUTS 4
#define KILLS 0
#endif
#ifdef MUTANT_7 /* finish: the old cell is freed before the swap */
#define FREE_FIRST
#endif
#ifdef MUTANT_8 /* settle: no look at the bucket behind it */
#define SETTLE_ONLY
#endif

#ifndef PUTS
#define PUTS 3 /* one by the second writer */
#endif
#ifndef KILLS
#define KILLS 1
#endif

byte gen[CELLS], phase[CELLS]; /* one word: every change of both is one step */
byte a[CELLS], b[CELLS];       /* the value: twice the number of its put */
byte head = NONE, changes;     /* one word */
byte puts;
bool was_current[PUTS + 1];           /* since the reader began; by put */
byte current;                  /* the put in the bucket */
bool dead[2], buried[2];
byte kills, done;

#define DIE(me) if :: kills < KILLS -> kills++; dead[me] = true; goto gone :: true fi

/* mn_cell_free: whatever it is in that generation. */
inline free_old(c, g) {
    d_step {
        if
        :: gen[c] == g -> phase[c] = FREE;
#ifndef KEEP_GENERATION
           gen[c]++
#endif
        :: else
        fi
    }
}

proctype writer(byte me) {
    byte i, c, old, ch, g, og, n;
    do
    :: i < (me -> 1 : PUTS - 1) ->
        i++;
        if /* claim what was freed last, which is hardest on a reader */
        :: d_step { phase[0] == FREE -> phase[0] = OWNED + me; c = 0; g = gen[0] }
        :: d_step { phase[0] != FREE && phase[1] == FREE ->
                    phase[1] = OWNED + me; c = 1; g = gen[1] }
        :: d_step { phase[0] != FREE && phase[1] != FREE && phase[2] == FREE ->
                    phase[2] = OWNED + me; c = 2; g = gen[2] }
        :: d_step { phase[0] != FREE && phase[1] != FREE && phase[2] != FREE -> skip } ->
            goto enough
        fi;
        d_step { puts++; n = puts };
        a[c] = n;
        DIE(me);
        b[c] = n;
        do
        :: true ->
            d_step { old = head; ch = changes };
            if
            :: old != NONE -> og = gen[old]
            :: else
            fi;
#ifdef FREE_FIRST
            if
            :: old != NONE -> free_old(old, og)
            :: else
            fi;
#endif
            if
            :: d_step { head == old && changes == ch -> head = c;
#ifndef NO_CHANGES
                        changes++;
#endif
                        current = n; was_current[n] = true };
                break
            :: d_step { !(head == old && changes == ch) -> skip }
            fi
        od;
        DIE(me);
        d_step { /* settle */
            if
            :: gen[c] == g && phase[c] == OWNED + me -> phase[c] = LIVE
            :: else
            fi
        };
#ifndef SETTLE_ONLY
        if /* another may have taken it out and died before it was free */
        :: head != c -> free_old(c, g)
        :: else
        fi;
#endif
        DIE(me);
        if
        :: old != NONE -> free_old(old, og)
        :: else
        fi;
enough:
        skip;
        d_step { c = 0; old = 0; ch = 0; g = 0; og = 0; n = 0 }
    :: i == (me -> 1 : PUTS - 1) -> break
    od;
gone:
    done++
}

/* mend, for each cell */
inline mend(p) {
    c = 0;
    do
    :: c < CELLS ->
        skip;
        d_step { g = gen[c]; ph = phase[c] };
        if
#ifdef OWNED_ONLY
        :: ph == OWNED + p ->
#else
        :: ph == OWNED + p || ph == LIVE ->
#endif
            skip;
            d_step { h = head; ch = changes };
#ifdef FREE_ALL
            if
            :: ph == OWNED + p -> h = NONE
            :: else
            fi;
#endif
            if
            :: h == c ->
                if
                :: d_step { gen[c] == g && phase[c] == ph -> phase[c] = LIVE }
                :: d_step { gen[c] != g || phase[c] != ph -> skip }
                fi
            :: else ->
                if
                :: head == h && changes == ch
#ifdef FREE_ALL
                :: h == NONE
#endif
                :: else -> goto again
                fi;
                if
                :: d_step { gen[c] == g && phase[c] == ph -> phase[c] = FREE; gen[c]++ }
                :: d_step { gen[c] != g || phase[c] != ph -> skip }
                fi
            fi
        :: else
        fi;
        c++;
again:
        skip
    :: c == CELLS -> break
    od;
    skip;
    d_step { c = 0; g = 0; ph = 0; h = 0; ch = 0 }
}

proctype digger() {
    byte c, g, ph, h, ch;
    do
    :: dead[0] && !buried[0] -> mend(0); buried[0] = true
    :: dead[1] && !buried[1] -> mend(1); buried[1] = true
    :: done == 2 && (!dead[0] || buried[0]) && (!dead[1] || buried[1]) -> break
    od;
    c = 0; /* all is quiet */
    do
    :: c < CELLS -> assert(phase[c] == FREE || (phase[c] == LIVE && head == c)); c++
    :: c == CELLS -> break
    od;
    assert(head == NONE || phase[head] == LIVE)
}

proctype reader() {
    byte h, ch, g, x, y;
    d_step {
        was_current[0] = true;
        was_current[current] = true;
        h = head; ch = changes
    };
    if
    :: h == NONE
    :: else ->
        g = gen[h];
        if
#ifndef NO_SECOND_BUCKET
        :: !(head == h && changes == ch)
#endif
        :: else ->
            x = a[h];
            y = b[h];
            if
#ifndef NO_SECOND_TAG
            :: gen[h] != g
#endif
            :: else -> assert(x == y && was_current[x])
            fi
        fi
    fi;
    skip;
    d_step { h = 0; ch = 0; g = 0; x = 0; y = 0 }
}

init {
    atomic { run writer(0); run writer(1); run digger(); run reader() }
}
