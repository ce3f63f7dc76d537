/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/recover.h - what is tried when a step fails: for each code a list, from the cheapest to the
 * last. The n-th failure of a step takes the n-th entry; who is past the end takes the last again.
 * What a robot cannot do (it has no skill to look) is passed over. A code that is not known is
 * tried once again, then planned around.
 *
 * It ends: trying again is bounded by the lists, and replanning by the brain, which stops when so
 * many replans have reached no further goal.
 */
#ifndef MN_FLEET_RECOVER_H
#define MN_FLEET_RECOVER_H

typedef enum mn_recover {
    MN_RECOVER_LOOK = 1,    /* inspect the thing, then the next of the list */
    MN_RECOVER_AGAIN,       /* the same step */
    MN_RECOVER_WAIT,        /* a moment, then the same step */
    MN_RECOVER_CHARGE,      /* the robot's skill "charge", then the next of the list */
    MN_RECOVER_OTHER_ROBOT, /* plan anew, this robot not with this thing */
    MN_RECOVER_REPLAN,      /* plan anew from what is believed now: another way, another order */
    MN_RECOVER_GIVE_UP,
} mn_recover;
extern const char *const mn_recover_names[]; /* for people, by number; [0] is "" */

enum { MN_RECOVER_MOST = 6 };
typedef struct mn_recovery {
    const char *code, *about;
    mn_recover list[MN_RECOVER_MOST]; /* 0 ends */
} mn_recovery;
extern const mn_recovery mn_recoveries[]; /* code NULL ends: it is for all others */

/* What to do at the n-th failure (from 0) with this code. */
mn_recover mn_recover_at(const char *code, int n);

#endif
