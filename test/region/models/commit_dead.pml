/* SPDX-License-Identifier: Apache-2.0
 *
 * commit_dead.pml - who commits is killed between any two steps; so is who buries him.
 *
 * Proves: whatever is left, a reader gets what was before the commit or what is behind it, of both
 * keys the same; when the dead are buried (the commit's cell before its parts or behind them), no
 * cell and no commit is left, no undecided part stands in the way, and who commits then succeeds.
 */
#ifdef MUTANT_1 /* mn_commit_bury: what is OPEN counts as done */
#define OPEN_COUNTS
#endif
#ifdef MUTANT_2 /* mn_cell_mend: what the dead owns is free, also in a chain */
#define FREE_ALL
#endif
#ifdef MUTANT_3 /* end: the commit's cell is free before its parts know what came of it */
#define FREE_COMMIT_FIRST
#endif
#define KILLS 2
#include "commit_parts.pml"

/* mn_cells_bury of p by me */
inline bury_commit(p) {
    d_step { g = cgen[p]; mp = cphase[p] };
    if
    :: mp == FREE
    :: mp == MADE -> d_step { cgen[p] == g && cphase[p] == MADE -> cgen[p]++; cphase[p] = FREE }
    :: else ->
#ifndef OPEN_COUNTS
        stop(p, g);
#endif
        finish(p, g, 2)
    fi
}
inline bury_cells(p) {
    low = 0;
    do
    :: low < CELLS -> mend(low, p); low++
    :: else -> break
    od
}

proctype digger(byte me) {
    SURVEYS;
    byte low, want, g, j, in, byte_came, mine[2], my[2], tries, p;
    bool good;
    {
        p = 0;
        do
        :: p < me ->
            if
            :: dead[p] && p < 2 ->
                if
                :: bury_commit(p); bury_cells(p)
                :: bury_cells(p); bury_commit(p)
                fi
            :: dead[p] && p >= 2 -> bury_cells(p)
            :: else
            fi;
            p++
        :: else -> break
        od
    } unless {
        atomic { kill[me]?1 -> dead[me] = true; kills++; clear(); p = 0 }
    };
    ended++
}

/* Both keys are read while nobody is at work. */
inline look(by) {
    run reader(0);
    reads == by * 2 - 1;
    run reader(1);
    reads == by * 2
}
proctype last() {
    byte j, n, was;
    ended == 1;
    look(1);
    run digger(2);
    ended == 2;
    look(2);
    atomic {
        if
        :: dead[2] -> run digger(3)
        :: else -> ended = 3
        fi
    };
    ended == 3;
    inspect();
    was = done;
    run writer_of(1, 1);
    ended == 4;
    inspect();
    assert(done == was + 1)
}

proctype world() {
end:
    do
    :: ended == 0 ->
end_writer:
        kill[0]!1
    :: dead[0] && ended == 1 ->
end_digger:
        kill[2]!1
    od
}

init {
    atomic {
        two_objects();
        run writer_of(0, 1);
        run world();
        run last()
    }
}
