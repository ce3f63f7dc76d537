/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/effect.h - what a skill needs and makes, with names in place of its parameters: is it true,
 * and what does it change in a scene.
 *
 * A change is made to a scene in memory first, where it stays when somebody only looks ahead (a
 * planner, before the steps that still run have ended); who has really done it puts all that was
 * touched onto the board, in one commit with whatever else must be true at once.
 */
#ifndef MN_FLEET_EFFECT_H
#define MN_FLEET_EFFECT_H
#include "fleet/scene.h"

enum { MN_EFFECT_THINGS = 8 };

/* Names in place of "robot" and of parameters; words stay. Borrows both. MN_EINVAL: an argument is
 * missing, or no text. */
int mn_fact_bind(const mn_skill *k, const mn_fact *fact, const char *robot, const json_t *args,
                 mn_fact *out);
/* Are all of its needs true? 1; 0: *missing (may be NULL) is what is not. */
int mn_skill_may(const mn_scene *s, const mn_skill *k, const char *robot, const json_t *args,
                 mn_fact *missing);

/* The first of the things it changes that is another machine's (fleet/bridge.h); NULL: none. */
const char *mn_skill_waits(const mn_scene *s, const mn_skill *k, const char *robot,
                           const json_t *args);

typedef struct mn_effect {
    mn_thing *thing[MN_EFFECT_THINGS]; /* they changed */
    int n_things;
    char from[MN_EFFECT_THINGS][MN_NAME + 1]; /* where a thing was that moved; "" */
    mn_thing *place[MN_EFFECT_THINGS];        /* their lists changed */
    int n_places;
    mn_robot_seen *robot[MN_EFFECT_THINGS];
    int n_robots;
    const char *at; /* the robot stands there now; NULL: where it was */
} mn_effect;

/* What it makes true becomes true in the scene. result: of the skill, NULL: none; its "hand" is the
 * hand. *out (zeroed by the caller): what was touched. MN_ENOENT: a thing or place that is not in
 * the scene; MN_EFULL: no hand. */
int mn_effect_apply(mn_scene *s, const mn_skill *k, const char *robot, const json_t *args,
                    const json_t *result, mn_effect *out);
/* A thing that is about to be changed, in this scene alone (mn_scene_since). */
int mn_effect_touch(mn_effect *f, mn_thing *t);
/* One move in the scene: to a place, or into a hand (how) of a robot. sure: 0 to 1. */
int mn_effect_move(mn_scene *s, mn_thing *t, const char *to, const char *how, const char *by,
                   double sure, mn_effect *out);
/* It is where it was believed to be. */
int mn_effect_see(const mn_scene *s, mn_thing *t, const char *by, double sure, mn_effect *out);
/* All that was touched, with the versions it was read with. MN_EBUSY: some is another machine's. */
int mn_effect_edits(const mn_effect *f, mn_board *b, mn_edits *edits);
/* Once that is so: an event "moved" for each thing that did, as mn_scene_move tells it. */
void mn_effect_tell(const mn_effect *f, mn_board *b, const char *robot);

#endif
