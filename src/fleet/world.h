/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/world.h - worlds and profiles as people write them (YAML), and simulated bodies.
 *
 *   kitchen.yaml   rooms: [{name, at: [x, y], size: [w, d]}]
 *                  doors: [{name, joins: [a, b], at: [x, y], open: true}]
 *                  furniture: [{name, class, room, at: [x, y], size, open, room_for}]
 *                  objects: [{name, class, on | in: NAME, mass, size}]
 *                  robots: [{profile fields, name, at: PLACE | [x, y]}]
 *                  failures: [{skill, robot, thing, code, times, chance}]   what goes wrong
 *   robot.yaml     name, body, speed, reach, payload, hands: [left], room_for, battery (0 to 1),
 *                  drain (per second of driving), skills: [{command: [..]} | {url: ..} | NAME of
 *                  ours]
 *
 * RoboOS' own profiles load unchanged (profile_roboos.c). What contradicts itself (two of one
 * name, a cup on a table that is not there, a door into a room that is none) is refused, with file,
 * line and key.
 */
#ifndef MN_FLEET_WORLD_H
#define MN_FLEET_WORLD_H
#include "fleet/profile.h"
#include "fleet/scene.h"
#include "fleet/yaml.h"

/* world.c. The built-in kitchen when path is NULL. */
int mn_fleet_world_read(const char *path, json_t **out);
int mn_fleet_world_check(const char *path, json_t *world, const json_t *lines);
extern const char mn_fleet_world_kitchen[]; /* JSON */
/* Things go onto the board, below layer "" or "sim/"; there the robots' bodies, too. */
int mn_fleet_world_put(mn_board *b, const json_t *world, const char *layer);
/* Generated: rooms, furniture, things and 3 to 6 robots (0: by the seed) of unlike bodies, and a
 * task that they can do together: a world for mn_sim_run. *task is freed with mn_free. */
int mn_fleet_world_make(uint64_t seed, int robots, json_t **world, char **task);

/* sim_body.c: a host with all of our skills, that acts on the truth in sim/ of the board: it drives
 * along routes at its speed, reaches so far and lifts so much, has a battery, and what it does
 * takes time: speed-up `pace` (1: real time). Fails as the world's list says, and by chance
 * `fail`, with the seed. *state (borrowed, may be NULL) is kept up to date by look. */
int mn_sim_body_open(mn_board *b, const char *robot, uint64_t seed, double pace, double fail,
                     mn_fleet_state *state, mn_skill_host **out);

#endif
