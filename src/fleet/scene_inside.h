/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/scene_inside.h - what the files of the scene share.
 */
#ifndef MN_FLEET_SCENE_INSIDE_H
#define MN_FLEET_SCENE_INSIDE_H
#include "fleet/scene.h"

/* "sim/" and "thing/": "sim/thing/". */
typedef struct mn_layer_kind {
    char text[48];
} mn_layer_kind;
mn_layer_kind mn_layer_of(const char *layer, const char *kind);

/* The fields of t out of t->json, which it borrows from. `code` is what a wrong one fails with. */
int mn_thing_fields(const char *key, mn_thing *t, int code);
int mn_robot_fields(const char *key, mn_robot_seen *r, int code);
/* The array of names in {"holds": [..]}: borrowed. */
int mn_holds_fields(const char *key, const json_t *json, json_t **names);
int mn_holds_find(const json_t *names, const char *name); /* its place; -1 */

#endif
