/* SPDX-License-Identifier: Apache-2.0
 *
 * commit_parts.pml - what commit.pml and commit_dead.pml stand on: two keys, each a bucket of its
 * own, two writers that change both by one commit, whoever buries them, and readers.
 *
 * Stands for mn_region_commit and mn_commit_bury of src/region/commit.c, survey, attempt and finish
 * of src/region/change.c as far as parts go, and mn_cell_mend of src/region/cell.c. Each commit
 * puts one more than what it has read of key 1, to both keys, if key 1 still has the version that
 * was read; so all is right when the n-th commit that is DONE puts n, and a reader never gets less
 * than what was DONE when it began, nor more than what is when it ends.
 *
 * A chain is taken as it was when its bucket was loaded, for who then finds the same bucket again
 * has seen it so, and who does not begins anew (cell.pml); what changes while it stands, `writer`
 * of parts and the tags of commits, is looked at one step at a time. Key 0 comes first in the order
 * of hashes: a commit that finds another version has a part to take back.
 */
#define ROOM 5 /* cells for each key */
#define CELLS 10
#define NONE 15

/* cells: */
#define FREE 0
#define LIVE 1
#define OWNED 2 /* + process */
/* commits: */
#define MADE 1
#define OPEN 2
#define DONE 3
#define VOID 4
/* `writer`: */
#define CAME 0 /* a process: it counts */
#define VOIDED 1
#define REF(w, g) (2 + (w) * 16 + (g))
#define WHO(ref) (((ref) - 2) / 16)
#define WHEN(ref) (((ref) - 2) % 16)
/* what a cell says: */
#define NOTHING 0
#define VALUE 1
#define UNDECIDED 2

byte gen[CELLS], phase[CELLS]; /* one word: every change of both is one step */
byte next[CELLS], version[CELLS], value[CELLS], writer[CELLS];
bool part[CELLS];
byte head[2], changes[2];       /* one word */
byte cgen[2], cphase[2];        /* the commit's cell of each writer; one word */
byte list[4];                   /* its parts */
byte done;                      /* commits that are DONE */
bool dead[4], buried[4];
byte kills, ended, reads;
chan kill[4] = [0] of { bit };

#define KEY(c) ((c) / ROOM)

inline let_go(c) { /* in a step */
    gen[c]++;
    phase[c] = FREE
}
/* mn_cell_free */
inline free_cell(c, g) {
    d_step {
        if
        :: gen[c] == g -> let_go(c)
        :: else
        fi
    }
}

/* mn_part_verdict: `says`; `ref`: the commit. Each atomic looks at one word of others. */
inline verdict(c) {
    atomic {
        ref = writer[c];
        if
        :: ref <= VOIDED -> says = (ref == CAME -> VALUE : NOTHING); goto known
        :: else
        fi
    };
ask:
    skip;
    atomic {
        if
        ::
           cgen[WHO(ref)] == WHEN(ref) &&
           cphase[WHO(ref)] >= OPEN ->
            says = (cphase[WHO(ref)] == OPEN -> UNDECIDED :
                    (cphase[WHO(ref)] == DONE -> VALUE : NOTHING));
            goto known
        :: else
        fi
    };
    atomic {
        if
        :: d_step {
               writer[c] == ref ->
               says = NOTHING }
        :: else ->
            ref = writer[c];
            if
            :: ref <= VOIDED -> says = (ref == CAME -> VALUE : NOTHING)
            :: else -> goto ask
            fi
        fi
    };
known:
    skip
}

/* One of the chain: does it stay? */
inline look_at() {
    old[n] = i;
    was[n] = gen[i];
    if
    :: says == UNDECIDED ->
        if
        :: open == NONE -> open = n; rival = ref
        :: else
        fi;
#ifdef SHADOWED_BY_OPEN
        over = 1
#endif
    :: says != UNDECIDED && (says == NOTHING || over) -> goes = goes | (1 << n)
    :: else ->
        got = value[i]; its = version[i];
        if
        :: part[i] -> over = 1
        :: else
        fi
    fi;
    n++;
    i = (n == ROOM -> NONE : next[i]) /* longer: it has changed since */
}
inline plain() { /* what is no part says the same at all times */
    says = VALUE;
    do
    :: i != NONE && !part[i] -> look_at()
    :: else -> break
    od;
    says = 0
}
/* survey: what of the chain goes (bits), the first undecided part and its commit, what counts. */
inline survey(k) {
    d_step {
        h = head[k]; ch = changes[k]; i = h;
        n = 0; goes = 0; open = NONE; rival = 0; got = NONE; its = 0; over = 0;
        plain()
    };
    do
    :: i == NONE -> break
    :: else ->
        verdict(i);
        d_step { look_at(); plain() }
    od
}
#define SAME(k) (head[k] == h && changes[k] == ch)

/* mn_cell_mend, of a cell */
inline mend(c, who) {
    if
    :: phase[c] == FREE || (phase[c] != LIVE && phase[c] != OWNED + who)
    :: else ->
        d_step { mg = gen[c]; mp = phase[c] };
        d_step { /* chained */
            mi = head[KEY(c)];
            mn = 0;
            do
            :: mi != NONE && mi != c && mn < ROOM -> mi = next[mi]; mn++
            :: else -> break
            od;
#ifdef FREE_ALL
            mi = NONE;
#endif
            mn = 0
        };
        d_step {
            if
            :: gen[c] == mg && phase[c] == mp && mi != c -> let_go(c)
            :: gen[c] == mg && phase[c] == mp && mi == c -> phase[c] = LIVE
            :: else
            fi;
            mg = 0; mp = 0; mi = 0
        }
    fi
}

/* mn_change_settle */
inline settle(c, g, k, word) {
    d_step {
        if
        :: gen[c] == g && phase[c] == OWNED + me -> phase[c] = LIVE
        :: else
        fi
    };
    if
    :: head[k] == c && changes[k] == word
    :: else -> mend(c, NONE)
    fi
}

/* A cell of key k that is free: c = it, g = its generation; none: c = NONE */
inline claim(k, c, g) {
    d_step {
        c = k * ROOM;
        do
        :: c < (k + 1) * ROOM && phase[c] != FREE -> c++
        :: else -> break
        od;
        if
        :: c < (k + 1) * ROOM -> phase[c] = OWNED + me; g = gen[c]
        :: else -> c = NONE
        fi
    }
}

inline forget() { /* two states that differ only in what is of no use any more are one */
    skip;
    d_step {
        h = 0; ch = 0; i = 0; n = 0; goes = 0; open = 0; rival = 0; got = 0; its = 0; over = 0;
        ref = 0; says = 0; cc = 0; cg = 0;
        old[0] = 0; old[1] = 0; old[2] = 0; old[3] = 0; old[4] = 0;
        was[0] = 0; was[1] = 0; was[2] = 0; was[3] = 0; was[4] = 0
    }
}
/* mn_change_carry_out of a bucket, without a key */
inline tidy(k) {
    do
    :: survey(k);
        if
        :: d_step { SAME(k) ->
               assert(got != NONE);
               n = 0; i = NONE; /* n: so many leave, i: the one of them that stays */
               do
               :: goes >> n -> n++
               :: else -> break
               od;
               if
               :: n > 0 && !(goes & 1) -> i = 0
               :: n > 1 && !(goes & 2) && (goes & 1) -> i = 1
               :: n > 2 && !(goes & 4) && (goes & 3) == 3 -> i = 2
               :: else
               fi };
            if
            :: !n -> break
            :: n && open < n -> break
            :: else ->
                cc = NONE;
                if
                :: i != NONE ->
                    claim(k, cc, cg);
                    if
                    :: cc == NONE -> break
                    :: else -> d_step {
                           value[cc] = value[old[i]]; version[cc] = version[old[i]];
                           part[cc] = false; writer[cc] = CAME }
                    fi
                :: else
                fi;
                if
                :: d_step { SAME(k) ->
                       i = next[old[n - 1]];
                       if
                       :: cc != NONE -> next[cc] = i; i = cc
                       :: else
                       fi;
                       head[k] = i; changes[k]++ };
                    if
                    :: cc != NONE -> settle(cc, cg, k, ch + 1)
                    :: else
                    fi;
                    i = 0;
                    do
                    :: i < n -> free_cell(old[i], was[i]); i++
                    :: else -> break
                    od;
                    break
                :: else ->
                    if
                    :: cc != NONE -> free_cell(cc, cg)
                    :: else
                    fi
                fi
            fi
        :: else
        fi
    od;
    forget()
}
#define SURVEYS byte h, ch, i, n, goes, open, rival, got, its, over, ref, says, cc, cg, \
    mg, mp, mi, mn, old[ROOM], was[ROOM]

/* decide(.., VOID) */
inline stop(w, g) {
    d_step {
        if
        :: cgen[w] == g && cphase[w] == OPEN -> cphase[w] = VOID
        :: else
        fi
    }
}

#ifdef OPEN_COUNTS
#define COUNTS(phase) (phase == DONE || phase == OPEN)
#else
#define COUNTS(phase) (phase == DONE)
#endif
/* end, for the first `count` parts of commit (w, g), which is decided */
inline finish(w, g, count) {
#ifdef FREE_COMMIT_FIRST
    byte_came = cphase[w];
    d_step {
        if
        :: cgen[w] == g && cphase[w] != FREE -> cgen[w]++; cphase[w] = FREE
        :: else
        fi
    };
#else
    byte_came = cphase[w];
#endif
    j = 0;
    do
    :: j < count ->
        d_step {
            if
#ifndef NO_RELEASE
            :: writer[list[w * 2 + j]] == REF(w, g) ->
                writer[list[w * 2 + j]] = (COUNTS(byte_came) -> CAME : VOIDED)
#endif
            :: else
            fi
        };
        j++
    :: else -> break
    od;
    j = 0;
    do
    :: j < count -> tidy(j); j++
    :: else -> break
    od;
    skip;
    d_step {
        if
        :: cgen[w] == g && cphase[w] != FREE -> cgen[w]++; cphase[w] = FREE
        :: else
        fi;
        j = 0; byte_came = 0
    }
}

inline find() {
    if
    :: i != NONE && !part[i] -> got = value[i]; its = version[i]; i = NONE
    :: else
    fi
}
/* mn_region_get: `got` and `its` version */
inline read(k) {
    low = done;
    do
    :: d_step { h = head[k]; ch = changes[k]; i = h; got = NONE; find() };
        do
        :: i == NONE -> break
        :: else ->
            verdict(i);
            d_step {
                if
                :: says == VALUE -> got = value[i]; its = version[i]; i = NONE
#ifdef READS_UNDECIDED
                :: says == UNDECIDED -> got = value[i]; its = version[i]; i = NONE
#endif
                :: else -> i = next[i]
                fi;
                find()
            }
        od;
        if
        :: SAME(k) -> break
        :: else
        fi
    od;
    assert(got != NONE && low <= got && got <= done);
    d_step { low = got; n = its };
    i = n;
    d_step { h = 0; ch = 0; n = 0; goes = 0; open = 0; rival = 0; over = 0; ref = 0; says = 0 }
}

/* insert of part j: 1 .. */
inline insert(j) {
    do
    :: 
        if
        :: !(cgen[me] == g && cphase[me] == OPEN) -> good = false; break
        :: else
        fi;
        survey(j);
        if
        :: !SAME(j)
        :: else ->
            assert(got != NONE);
            if
#ifndef NO_RIVALS
            :: rival -> stop(WHO(rival), WHEN(rival))
#endif
            :: else ->
                if
#ifndef NO_CHECK
                :: j == 1 && its != want -> good = false; break
#endif
                :: else ->
                    if
                    :: d_step { SAME(j) ->
                           next[mine[j]] = h; version[mine[j]] = ch + 1;
                           head[j] = mine[j]; changes[j]++; in++ };
                        settle(mine[j], my[j], j, ch + 1);
                        break
                    :: else
                    fi
                fi
            fi
        fi
    od;
    forget()
}

inline clear() {
    h = 0; ch = 0; i = 0; n = 0; goes = 0; open = 0; rival = 0; got = 0; its = 0; over = 0;
    ref = 0; says = 0; cc = 0; cg = 0; mg = 0; mp = 0; mi = 0; mn = 0;
    old[0] = 0; old[1] = 0; old[2] = 0; old[3] = 0; old[4] = 0;
    was[0] = 0; was[1] = 0; was[2] = 0; was[3] = 0; was[4] = 0;
    low = 0; want = 0; g = 0; j = 0; in = 0; byte_came = 0; good = false; tries = 0;
    mine[0] = 0; mine[1] = 0; my[0] = 0; my[1] = 0
}

proctype writer_of(byte me; byte tries) {
    SURVEYS;
    byte low, want, g, j, in, byte_came, mine[2], my[2];
    bool good;
    {
        do
        :: tries ->
            tries--;
            read(1);
            d_step { want = i; i = 0; got = 0; its = 0; in = 0; low++ }; /* low: what is put */
            d_step { cphase[me] == FREE -> cphase[me] = MADE; g = cgen[me] };
            j = 0;
            do
            :: j < 2 ->
                claim(j, mine[j], my[j]);
                if
                :: mine[j] == NONE -> break
                :: else
                fi;
                d_step {
                    value[mine[j]] = low; part[mine[j]] = true; writer[mine[j]] = REF(me, g);
                    list[me * 2 + j] = mine[j]
                };
                j++
            :: else -> break
            od;
            assert(j == 2); /* there is room */
            d_step { cphase[me] = OPEN; j = 0; good = true };
            insert(0);
            if
            :: good -> insert(1)
            :: else
            fi;
            if
            :: good ->
                d_step {
                    if
                    :: cgen[me] == g && cphase[me] == OPEN
                       ->
                        assert(low == done + 1);
                        cphase[me] = DONE;
                        done++
                    :: else -> good = false
                    fi
                }
            :: else -> stop(me, g)
            fi;
            finish(me, g, in);
            do /* those that never were in a chain */
            :: in < 2 -> free_cell(mine[in], my[in]); in++
            :: else -> break
            od;
            skip;
            d_step { low = 0; want = 0; g = 0; in = 0; mine[0] = 0; mine[1] = 0; my[0] = 0;
                     my[1] = 0; good = false }
        :: else -> break
        od
    }
#ifndef NOBODY_DIES
    unless {
        atomic { kill[me]?1 -> dead[me] = true; kills++; clear() }
    }
#endif
    ;
    ended++
}
proctype reader(byte k) {
    SURVEYS;
    byte low;
    read(k);
    reads++
}

/* All is quiet: nothing is lost, nothing is left. */
inline inspect() {
    d_step {
        j = 0;
        do
        :: j < CELLS ->
            if
            :: phase[j] != FREE ->
                assert(phase[j] == LIVE && (writer[j] == CAME || writer[j] == VOIDED));
                n = head[KEY(j)];
                do
                :: n != NONE && n != j -> n = next[n]
                :: else -> break
                od;
                assert(n == j)
            :: else
            fi;
            j++
        :: else -> break
        od;
        j = 0;
        do
        :: j < 2 ->
            assert(cphase[j] == FREE);
            n = head[j];
            do
            :: part[n] && writer[n] == VOIDED -> n = next[n]
            :: else -> break
            od;
            assert(value[n] == done);
            j++
        :: else -> break
        od
    }
}

inline two_objects() {
    phase[0] = LIVE; next[0] = NONE; version[0] = 1; changes[0] = 1; head[0] = 0;
    phase[ROOM] = LIVE; next[ROOM] = NONE; version[ROOM] = 1; changes[1] = 1; head[1] = ROOM
}
