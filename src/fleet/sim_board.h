/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/sim_board.h - what sim.c (the fleet and its end) and sim_board.c (its board and its time)
 * share.
 */
#ifndef MN_FLEET_SIM_BOARD_H
#define MN_FLEET_SIM_BOARD_H
#include "base/random.h"
#include "fleet/actors.h"

enum { SIM_ROBOTS = 64, SIM_BRAIN = SIM_ROBOTS };
#define SIM_NEVER UINT64_MAX

typedef struct sim_robot {
    char name[MN_NAME + 1];
    mn_actor_robot *robot; /* NULL: it is dead, or has left */
    uint64_t due;
    int begun; /* steps */
} sim_robot;

typedef struct sim {
    mn_board board; /* first: what actors see */
    mn_board *heap; /* where it lies */
    mn_random random;
    const mn_sim_how *how;
    sim_robot robot[SIM_ROBOTS];
    int n;
    mn_brain *brain;                                         /* NULL: it is dead */
    uint64_t brain_due, brain_dies, kill, joins, now, start; /* ns */
    json_t *late; /* profile of who joins later; NULL: nobody does */
    int acting;   /* whose step this is: a robot, SIM_BRAIN; -1: nobody's */
    char id[16];
    int look, invalid; /* a task has ended; plans that were not right */
    mn_sim_result *out;
} sim;

/* A change of this key wakes the robot; robot NULL: the brain. As drive.c watches them. */
int mn_sim_wakes(const char *key, const char *robot);
int mn_sim_board(sim *s); /* makes board and heap; all else is zero */
void mn_sim_clock(sim *s, uint64_t now);

#endif
