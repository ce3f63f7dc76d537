/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/world.c - a world from a file, and the kitchen that is built in.
 *
 * The kitchen is JSON, so that it needs no libyaml; examples/fleet/kitchen.yaml is the same as a
 * person would write it. It is 15 m from the counter to the table: the arm is slow on its feet and
 * has one hand, the carrier is fast and has none, the dual arm lifts the pot, which nobody else
 * does. Each of them can be missed.
 */
#include "base/error.h"
#include "fleet/world_inside.h"

#include <string.h>

/* JSON as it is written, as a text. */
#define WORLD(...) #__VA_ARGS__

/* clang-format off */
const char mn_fleet_world_kitchen[] = WORLD({
  "name": "kitchen",
  "rooms": [
    {"name": "kitchen", "at": [3, 2.5], "size": [6, 5]},
    {"name": "hall", "at": [7.5, 2.5], "size": [3, 5]},
    {"name": "dining room", "at": [12, 2.5], "size": [6, 5]}],
  "doors": [
    {"name": "kitchen door", "joins": ["kitchen", "hall"], "at": [6, 2.5], "open": true},
    {"name": "dining door", "joins": ["hall", "dining room"], "at": [9, 2.5], "open": true}],
  "furniture": [
    {"name": "counter", "room": "kitchen", "at": [1, 4.4], "size": [1.6, 0.6, 0.9], "room_for": 8},
    {"name": "sink", "room": "kitchen", "at": [3.2, 4.4], "size": [0.8, 0.6, 0.9], "room_for": 4},
    {"name": "fridge", "room": "kitchen", "at": [5.2, 4.4], "size": [0.7, 0.7, 1.8],
     "open": false, "room_for": 10},
    {"name": "stove", "room": "kitchen", "at": [5.2, 0.6], "size": [0.7, 0.7, 0.9], "room_for": 4},
    {"name": "charger", "room": "kitchen", "at": [0.6, 0.6], "size": [0.4, 0.4, 0.3],
     "room_for": 0},
    {"name": "shelf", "room": "hall", "at": [7.5, 4.6], "size": [1.2, 0.4, 1.6], "room_for": 8},
    {"name": "table", "room": "dining room", "at": [12, 2.5], "size": [1.8, 0.9, 0.75],
     "room_for": 8},
    {"name": "cupboard", "room": "dining room", "at": [14.4, 4.5], "size": [1, 0.5, 1.9],
     "open": false, "room_for": 10}],
  "objects": [
    {"name": "apple", "on": "counter", "mass": 0.2, "size": [0.08, 0.08, 0.08]},
    {"name": "cup", "on": "counter", "mass": 0.3, "also": ["mug"], "is": {"clean": true}},
    {"name": "pot", "on": "stove", "mass": 8, "size": [0.35, 0.35, 0.3]},
    {"name": "plate", "on": "sink", "mass": 0.5, "size": [0.25, 0.25, 0.03],
     "is": {"clean": false}},
    {"name": "milk", "in": "fridge", "mass": 1.1, "size": [0.1, 0.1, 0.25]},
    {"name": "bowl", "on": "shelf", "mass": 0.4, "size": [0.18, 0.18, 0.1]},
    {"name": "book", "on": "shelf", "mass": 0.6, "size": [0.2, 0.15, 0.04]},
    {"name": "glass", "in": "cupboard", "mass": 0.2}],
  "robots": [
    {"name": "carrier", "body": "wheels", "at": "charger", "speed": 1.0, "reach": 0.5,
     "payload": 30, "hands": [], "room_for": 4},
    {"name": "arm", "body": "arm", "at": "counter", "speed": 0.25, "reach": 0.9, "payload": 3,
     "hands": ["hand"], "room_for": 0},
    {"name": "dual", "body": "dual_arm", "at": "table", "speed": 0.4, "reach": 1.0,
     "payload": 12, "hands": ["left", "right"], "room_for": 0}]
});
/* clang-format on */

static int of_kitchen(json_t **out) {
    json_error_t e;
    json_t *const world = json_loads(mn_fleet_world_kitchen, 0, &e);
    if (!world) return MN_FAIL(MN_ENOMEM, "no memory for the kitchen: %s", e.text);
    const int rc = mn_fleet_world_check("the kitchen", world, NULL);
    if (rc < 0) json_decref(world);
    if (rc >= 0) *out = world;
    return rc;
}

int mn_fleet_world_read(const char *path, json_t **out) {
    json_t *world = NULL, *lines = NULL, *made = NULL;
    *out = NULL;
    if (!path) return of_kitchen(out);
    MN_TRY(mn_yaml_read(path, &world, &lines));
    int rc = mn_world_roboos(path, world, lines, &made);
    if (rc > 0) { /* its lines are of its own places */
        json_decref(world);
        json_decref(lines);
        world = made;
        lines = NULL;
    }
    if (rc >= 0) rc = mn_fleet_world_check(path, world, lines);
    json_decref(lines);
    if (rc < 0) json_decref(world);
    if (rc >= 0) *out = world;
    return rc < 0 ? rc : 0;
}
