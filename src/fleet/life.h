/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/life.h - who lives of the robots of this machine, for those who watch: the brain, and on a
 * machine without one its bridge.
 *
 * A robot says in each state until when the next one is there. Nearly as long after that
 * (MN_FLEET_HASTE), or at once when its process has ended (monitor_life.c), it is lost: one commit,
 * which stands only if no state came meanwhile, takes its lease and marks it; then what it held
 * falls to the place where it stood, or into the room it was in, as unsure. The mark stays until
 * nothing is held: who dies in between leaves the rest to who watches next. What it held that
 * another machine may change is waited for: it comes here (bridge.h).
 */
#ifndef MN_FLEET_LIFE_H
#define MN_FLEET_LIFE_H
#include "fleet/scene.h"

/* Who watches: all that it commits stands only while this key has this version. */
typedef struct mn_watch {
    const char *kind, *name;
    uint64_t version;
} mn_watch;
typedef struct mn_heard {
    uint64_t late;  /* ns: it is lost when nothing came by then; 0: now */
    uint64_t state; /* version; 0: none was ever there */
} mn_heard;

/* known: whether its process goes on; then a little less is waited for. */
int mn_life_read(mn_board *b, const char *robot, mn_life known, mn_heard *out);
/* 1: it is driven at another machine, whose watch says whether it lives. */
int mn_life_is_far(mn_board *b, const char *robot);
/* Takes its lease, of that version, and puts down what it held: 1. ended: its process has, whatever
 * was heard of it. 0: it lives, or said goodbye, or somebody else did so: the next look tells. */
int mn_life_lose(mn_board *b, const mn_watch *w, const char *robot, uint64_t lease,
                 const mn_heard *heard, int ended);
/* What robots held that were lost before all of it could be put down. */
int mn_life_fallen(mn_board *b);

#endif
