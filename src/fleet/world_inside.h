/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/world_inside.h - what the files of worlds share.
 */
#ifndef MN_FLEET_WORLD_INSIDE_H
#define MN_FLEET_WORLD_INSIDE_H
#include "fleet/world.h"

enum { MN_WORLD_ROBOTS = 64 };

/* profile.c: a value as a person would quote it: 'far', 7, [1,2]. */
void mn_profile_shown(const json_t *value, char out[96]);
/* profile_roboos.c: a scene of RoboOS as a world of ours without robots: its places stand 2 m apart
 * in one room. 1, and *world is not checked yet; 0: it is none. */
int mn_world_roboos(const char *path, const json_t *file, const json_t *lines, json_t **world);

#endif
