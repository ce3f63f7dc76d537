/* SPDX-License-Identifier: Apache-2.0
 *
 * test/fleet/made.h - scenes made piece by piece, without a board: for tests of who plans.
 */
#ifndef MN_TEST_MADE_H
#define MN_TEST_MADE_H
#include "fleet/scene.h"

#include <stdlib.h>

enum { MADE_MOST = 256 };

static const char *made_text(mn_scene *s, const char *text) {
    char *copy;
    assert_ok(mn_arena_take(&s->arena, strlen(text) + 1, &copy));
    strcpy(copy, text);
    return copy;
}

static void made_begin(mn_scene *s) {
    *s = (mn_scene){.now = 1};
    assert_ok(mn_arena_take(&s->arena, MADE_MOST * sizeof *s->thing, &s->thing));
    assert_ok(mn_arena_take(&s->arena, MADE_MOST * sizeof *s->robot, &s->robot));
}

static mn_thing *made_thing(mn_scene *s, mn_thing_kind kind, const char *name, const char *class_,
                            const char *at) {
    assert_true(s->n_things < MADE_MOST);
    mn_thing *t = s->thing + s->n_things++;
    *t = (mn_thing){.name = made_text(s, name),
                    .class_ = made_text(s, class_),
                    .at = made_text(s, at),
                    .how = "on",
                    .kind = kind,
                    .open = -1,
                    .room_for = -1,
                    .seen_by = "",
                    .home = "",
                    .json = json_object(),
                    .holds = json_array(),
                    .version = 1};
    return t;
}

static mn_thing *made_room(mn_scene *s, const char *name, double x, double y, double w, double d) {
    mn_thing *t = made_thing(s, MN_ROOM, name, "room", "");
    t->pose = mn_pose_at("map", x, y, 0);
    t->size[0] = w, t->size[1] = d;
    return t;
}
static mn_thing *made_door(mn_scene *s, const char *name, const char *a, const char *b, double x,
                           double y, int open) {
    mn_thing *t = made_thing(s, MN_DOOR, name, "door", "");
    t->pose = mn_pose_at("map", x, y, 0);
    t->joins[0] = made_text(s, a), t->joins[1] = made_text(s, b);
    t->open = open;
    return t;
}
static mn_thing *made_furniture(mn_scene *s, const char *name, const char *class_, const char *room,
                                double x, double y) {
    mn_thing *t = made_thing(s, MN_FURNITURE, name, class_, room);
    t->pose = mn_pose_at("map", x, y, 0);
    return t;
}
static mn_thing *made_object(mn_scene *s, const char *name, const char *class_, const char *at,
                             double mass) {
    mn_thing *t = made_thing(s, MN_OBJECT_KIND, name, class_, at);
    t->mass = mass;
    return t;
}

/* All our skills. `at`: a place, or "" and x, y. */
static mn_robot_seen *made_robot(mn_scene *s, const char *name, const char *body, double speed,
                                 int hands, int tray, const char *at, double x, double y) {
    static const char *const hand[] = {"left", "right", "third", "fourth"};
    mn_robot_seen *r = s->robot + s->n_robots++;
    *r = (mn_robot_seen){.name = made_text(s, name),
                         .body = made_text(s, body),
                         .machine = "",
                         .speed = speed,
                         .reach = 1,
                         .payload = 5,
                         .n_hands = hands,
                         .room_for = tray,
                         .at = made_text(s, at),
                         .holds = json_array(),
                         .json = json_object(),
                         .version = 1,
                         .lease = 1,
                         .alive = 1};
    for (int i = 0; i < hands; i++) r->hand[i] = hand[i];
    strcpy(r->state.frame, "map");
    snprintf(r->state.at, sizeof r->state.at, "%s", at);
    r->state.beat = 1, r->state.format = MN_STATE_FORMAT;
    r->state.p[0] = x, r->state.p[1] = y;
    assert_ok(mn_skills_add_known(&r->skills, NULL));
    return r;
}

static int made_by_thing(const void *a, const void *b) {
    return strcmp(((const mn_thing *)a)->name, ((const mn_thing *)b)->name);
}
static int made_by_robot(const void *a, const void *b) {
    return strcmp(((const mn_robot_seen *)a)->name, ((const mn_robot_seen *)b)->name);
}
/* Sorted by name, and each in the list of who has it. */
static void made_end(mn_scene *s) {
    qsort(s->thing, (size_t)s->n_things, sizeof *s->thing, made_by_thing);
    qsort(s->robot, (size_t)s->n_robots, sizeof *s->robot, made_by_robot);
    for (int i = 0; i < s->n_things; i++) {
        mn_thing *in = mn_scene_thing(s, s->thing[i].at);
        mn_robot_seen *by = mn_scene_robot(s, s->thing[i].at);
        if (in) json_array_append_new(in->holds, json_string(s->thing[i].name));
        if (by) json_array_append_new(by->holds, json_string(s->thing[i].name));
    }
}

/* A kitchen and a hall: counter, table, fridge (closed), sink; shelf in the hall behind an open
 * door. A carrier with a tray and no hand, an arm at the counter, two hands on wheels. */
static void made_kitchen(mn_scene *s) {
    made_begin(s);
    made_room(s, "kitchen", 2, 2, 4, 4);
    made_room(s, "hall", 7, 2, 6, 4);
    made_door(s, "kitchen_door", "kitchen", "hall", 4, 2, 1);
    made_furniture(s, "counter", "counter", "kitchen", 0.5, 0.5);
    made_furniture(s, "table", "table", "kitchen", 3, 3);
    made_furniture(s, "fridge", "fridge", "kitchen", 0.5, 3.5)->open = 0;
    made_furniture(s, "sink", "sink", "kitchen", 1.5, 0.5);
    made_furniture(s, "shelf", "shelf", "hall", 9, 2);
    made_object(s, "apple", "fruit", "counter", 0.2);
    made_object(s, "banana", "fruit", "counter", 0.2);
    mn_thing *cup = made_object(s, "cup_1", "cup", "counter", 0.3);
    json_object_set_new(cup->json, "is", json_pack("{s:b}", "dirty", 1));
    json_object_set_new(cup->json, "also", json_pack("[s]", "mug"));
    made_object(s, "cup_2", "cup", "table", 0.3);
    made_object(s, "milk", "bottle", "fridge", 1);
    made_robot(s, "carrier", "wheels", 1, 0, 4, "table", 3, 3);
    made_robot(s, "arm", "arm", 0, 1, 0, "counter", 0.5, 0);
    made_robot(s, "duo", "dual_arm", 0.5, 2, 0, "", 7, 2);
    made_end(s);
}

#endif
