/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/roboos_reach.h - worlds as scenes, and what can be reached in them at all: for figures and
 * tests that judge planners, so it asks none.
 */
#ifndef MN_BENCH_ROBOOS_REACH_H
#define MN_BENCH_ROBOOS_REACH_H
#include "fleet/actors.h"
#include "fleet/world.h"

/* A world with its robots, each with its skills and where it stands, on a board of its own. */
typedef struct mn_roboos_world {
    mn_board *board;
    mn_actor_robot *robot[64];
    int n;
    mn_scene scene;
} mn_roboos_world;
int mn_roboos_world_open(const json_t *world, mn_roboos_world *out);
void mn_roboos_world_close(mn_roboos_world *w);

/* Can robots that live, but for `dead` (NULL: all), reach the goals from how the scene is? 1; 0:
 * *why (may be NULL) is the thing that stays. Exhaustive, thing by thing: who drives where through
 * doors that are open or that somebody can open, and then where a thing gets from hand to hand,
 * tray and place. One thing never stands in the way of another, as hands and trays can be emptied:
 * true where places have room for all, as in made worlds. MN_EUNSUPPORTED: goals that are not
 * in(thing, place). */
int mn_roboos_reachable(const mn_scene *s, const mn_goals *g, const char *dead, const char **why);

#endif
