/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/profile.h - what a robot is, as a person writes it down (YAML).
 *
 *   name: arm1               required
 *   body: arm                "wheels", "arm", "dual_arm", or any word
 *   about: by the counter    for people
 *   speed: 0.5               m/s when it drives; 0: it stands where it stands
 *   reach: 0.8               m from its middle
 *   payload: 3               kg in all, in its hands and on its tray
 *   hands: [left, right]     names of its hands, 4 at most
 *   room_for: 4              things on its tray; 0: it has none
 *   battery: 1               0 to 1, when it starts
 *   drain: 0.001             of the battery, per second of driving
 *   charge: 0.01             of the battery, per second at a charger
 *   skills: [..]             NAME of ours | {command: [program, ..]} | {url: http..}: MCP servers
 *                            with `command` may stand memory: 512M (of each process of the program)
 *
 * What is not said follows from the body; skills are those of ours that speed and hands allow.
 * Unknown fields are refused, but those that begin with "x-".
 *
 * RoboOS (profile_roboos.c) writes three kinds of files, which are read as they are: the profile of
 * a robot (robot_name, robot_type, robot_tools: a program, current_position, navigate_position),
 * several of them under `robot`, and `robot: {name, call_type, path}` of its configuration. Its
 * type names the body ("realman_single", "songling_dual"), its tools become skills of ours where we
 * have them, and stay in "tools" by their names. "at" is where it says it stands.
 */
#ifndef MN_FLEET_PROFILE_H
#define MN_FLEET_PROFILE_H
#include <jansson.h>
#include <stdint.h>

/* As JSON, checked, with all defaults. "FILE#NAME" is one of several in a file. MN_EINVAL:
 * "arm.yaml:7: reach: it takes metres from 0 to 100, not 'far'". */
int mn_profile_read(const char *path, json_t **out);
/* Fills defaults. path and lines are for errors, and may be NULL. */
int mn_profile_check(const char *path, json_t *profile, const json_t *lines);
/* The same of a profile inside a file: at `where` ("robots/1"); `at` may be a place there. */
int mn_profile_check_at(const char *path, const char *where, json_t *profile, const json_t *lines);

/* What `memory` of one of its programs says, in bytes; 0: nothing. MN_EINVAL: what it takes. */
int mn_profile_memory(const json_t *skill, uint64_t *bytes);

/* profile_roboos.c. 1: this is a file of RoboOS, and *robots is an array of profiles in our form,
 * not checked yet; 0: it is not. */
int mn_profile_roboos(const char *path, const json_t *file, const json_t *lines, json_t **robots);
/* The skill of ours that one of its tools is, by another name; NULL: none. */
const char *mn_profile_roboos_skill(const char *tool);

#endif
