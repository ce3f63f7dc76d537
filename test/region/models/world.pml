/* SPDX-License-Identifier: Apache-2.0
 *
 * world.pml - what all models stand on: three processes that may be killed between any two steps,
 * the locks that tell who is alive, words that are compared and swapped, stores that arrive late.
 *
 * A step is one access to one shared word (and anything that only its process can see); between
 * two steps everything may happen. Stands for src/base/atomic.h and for the byte locks of
 * src/base/sparse.c:
 *
 *   WINS, LOSES  the two ways out of mn_word_cas; both wait for own stores first, as a locked
 *                instruction does
 *   store        mn_word_store to the one word of a process that others look at while it looks at
 *                theirs (its pin, its charge): it stays in `late`, a store buffer, and arrives in
 *                `said` when the world likes. All else is a plain assignment
 *   fence        mn_word_fence: own stores have arrived
 *   announce     mn_word_announce: a store and a fence
 *   OWN          what a process reads back of its own word
 *
 * Who is killed does nothing more, and the kernel lets go of its locks; what it had stored arrives
 * before (a kill with a full store buffer is a kill a moment later). Process p has process slot p;
 * life.pml is about who gets which.
 */
#define N 3
#ifndef KILLS   /* a mutant that needs fewer is found sooner with fewer */
#define KILLS 2 /* so that who buries may die of it, and one is left to bury both */
#endif

/* A state word of format.h. */
#define FREE 0
#define OPEN 1
#define SEALED 2
#define DYING 3
#define GONE 4
#define STATE(epoch, owner, phase) ((epoch) * 32 + (owner) * 8 + (phase))
#define PHASE(s) ((s) % 8)
#define OWNER(s) ((s) / 8 % 4) /* process slot + 1, 0 nobody */
#define EPOCH(s) ((s) / 32)

byte lock[N];          /* process + 1 that holds byte p of the lock file */
bool taken[N];         /* mn_proc_slot.state */
byte said[N], late[N]; /* late: value + 1, 0: nothing is on its way */
byte kills;
bool killed[N];
chan kill[N] = [0] of { bit };

#define WINS(word, old, fresh) d_step { !late[me] && word == (old) -> word = fresh }
#define LOSES(word, old) !late[me] && word != (old)
#define OWN (late[me] -> late[me] - 1 : said[me])
inline store(value) {
    d_step { !late[me] -> late[me] = (value) + 1 }
}
inline fence() {
    !late[me]
}
inline announce(value) {
    store(value);
    fence()
}

#ifndef ARRIVES
#define ARRIVES(p) said[p] = late[p] - 1
#endif
proctype world() {
end:
    do
    :: d_step { late[0] -> ARRIVES(0); late[0] = 0 }
    :: d_step { late[1] -> ARRIVES(1); late[1] = 0 }
    :: d_step { late[2] -> ARRIVES(2); late[2] = 0 }
    :: atomic { kills < KILLS && !killed[0] && !late[0] -> kill[0]!1 }
    :: atomic { kills < KILLS && !killed[1] && !late[1] -> kill[1]!1 }
    :: atomic { kills < KILLS && !killed[2] && !late[2] -> kill[2]!1 }
    od
}

/* How a process ends: { .. } unless { atomic { kill[me]?1 -> die() } }. Its locals are set to zero,
 * for two graves that differ only in them are one. */
inline die() {
    killed[me] = true;
    kills++;
    lock[0] = (lock[0] == me + 1 -> 0 : lock[0]);
    lock[1] = (lock[1] == me + 1 -> 0 : lock[1]);
    lock[2] = (lock[2] == me + 1 -> 0 : lock[2])
}

/* mn_region_reap, for one other slot: GRAVE, then dig; the model's `bury` deals with what process p
 * left. State and lock are looked at in one step: that is what the second look behind the lock is
 * for (life.pml). */
#ifdef BURY_WITHOUT_LOCK
#define DEAD(x) taken[x]
#else
#define DEAD(x) (taken[x] && !lock[x])
#endif
#define AFTER (me == 2 -> 0 : me + 1)
#define BEFORE (me == 0 -> 2 : me - 1)
#define GRAVE atomic { DEAD(AFTER) || DEAD(BEFORE) -> \
    if :: DEAD(AFTER) -> p = AFTER :: DEAD(BEFORE) -> p = BEFORE fi; lock[p] = me + 1 }
inline dig() {
    bury();
    taken[p] = false;
    d_step { lock[p] = 0; p = 0 }
}
