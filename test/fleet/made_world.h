/* SPDX-License-Identifier: Apache-2.0
 *
 * test/fleet/made_world.h - random scenes that can be tidied, and steps that are done in them.
 *
 * 1 to 6 rooms in a row or a block, all joined, some doors closed; tables, shelves and closed
 * cupboards; 3 to 6 robots: at least one that drives and has two hands, the others wheels with a
 * tray and no hand, arms that stand at a piece of furniture, arms on wheels with and without tray.
 */
#ifndef MN_TEST_MADE_WORLD_H
#define MN_TEST_MADE_WORLD_H
#include "made.h"

#include "base/random.h"
#include "fleet/plan.h"

static int made_pick(mn_random *r, int n) {
    return (int)(mn_random_u64(r) % (uint64_t)n);
}

static void made_robots(mn_scene *s, mn_random *r, int robots, int furniture) {
    static const double speeds[] = {0.4, 0.6, 0.8, 1.2};
    for (int i = 0; i < robots; i++) {
        char name[32], at[32];
        const int place = made_pick(r, furniture);
        snprintf(name, sizeof name, "robot_%d", i);
        snprintf(at, sizeof at, "place_%d", place);
        const mn_thing *here = NULL;
        for (int k = 0; k < s->n_things; k++)
            if (!strcmp(s->thing[k].name, at)) here = s->thing + k;
        const double x = here->pose.p[0], y = here->pose.p[1], speed = speeds[made_pick(r, 4)];
        const int kind = i ? made_pick(r, 4) : 3;
        if (kind == 0)
            made_robot(s, name, "wheels", speed, 0, 2 + made_pick(r, 3), at, x, y);
        else if (kind == 1)
            made_robot(s, name, "arm", 0, 1, 0, at, x, y);
        else if (kind == 2)
            made_robot(s, name, "mobile", speed, 1, made_pick(r, 3), at, x, y);
        else
            made_robot(s, name, "dual_arm", speed, 2, 0, made_pick(r, 2) ? at : "", x, y);
        s->robot[s->n_robots - 1].payload = i ? 1 + made_pick(r, 5) : 8;
    }
}

static void made_random_sized(mn_scene *s, uint64_t seed, int robots, int things, mn_goals *g) {
    mn_random r;
    mn_random_seed(&r, seed);
    made_begin(s);
    char name[32], other[32];
    const int rooms = 1 + made_pick(&r, 6), furniture = 3 + made_pick(&r, 3 * rooms);
    for (int i = 0; i < rooms; i++) {
        snprintf(name, sizeof name, "room_%d", i);
        made_room(s, name, 5 * (i % 3) + 2.5, 5 * (i / 3) + 2.5, 5, 5);
        for (int k = 0; k < i; k++) {
            const int beside = k == i - 1 && i % 3, below = k == i - 3;
            if (!beside && !below) continue;
            char door[32];
            snprintf(door, sizeof door, "door_%d_%d", k, i);
            snprintf(other, sizeof other, "room_%d", k);
            made_door(s, door, other, name, 5 * (i % 3) + (beside ? 0 : 1 + made_pick(&r, 4)),
                      5 * (i / 3) + (beside ? 1 + made_pick(&r, 4) : 0), made_pick(&r, 5) > 0);
        }
    }
    for (int i = 0; i < furniture; i++) {
        const int room = made_pick(&r, rooms);
        snprintf(name, sizeof name, "place_%d", i);
        snprintf(other, sizeof other, "room_%d", room);
        mn_thing *t =
            made_furniture(s, name, "place", other, 5 * (room % 3) + 0.5 + 4 * mn_random_unit(&r),
                           5 * (room / 3) + 0.5 + 4 * mn_random_unit(&r));
        if (i > 1 && !made_pick(&r, 4)) t->open = made_pick(&r, 2);
    }
    for (int i = 0; i < things; i++) {
        snprintf(name, sizeof name, "thing_%d", i);
        snprintf(other, sizeof other, "place_%d", made_pick(&r, furniture));
        made_object(s, name, made_pick(&r, 2) ? "cup" : "book", other,
                    0.1 + 0.7 * mn_random_unit(&r));
    }
    made_robots(s, &r, robots, furniture);
    made_end(s);
    *g = (mn_goals){.close = made_pick(&r, 3) == 0};
    json_t *goals = json_array();
    for (int i = 0; i < things; i++) {
        snprintf(name, sizeof name, "thing_%d", i);
        snprintf(other, sizeof other, "place_%d", made_pick(&r, furniture));
        if (i == things / 2 && !made_pick(&r, 4)) json_array_append_new(goals, json_string("then"));
        json_array_append_new(goals, json_pack("[s, s, s]", "in", name, other));
    }
    if (made_pick(&r, 3) == 0) json_array_append_new(goals, json_string("close"));
    assert_ok(mn_goals_parse(s, goals, g));
    json_decref(goals);
}

static inline void made_random(mn_scene *s, uint64_t seed, mn_goals *g) {
    mn_random r;
    mn_random_seed(&r, seed + 1000000);
    const int robots = 3 + made_pick(&r, 4);
    made_random_sized(s, seed, robots, 2 + made_pick(&r, 7), g);
}

/* The step happens, without asking whether it may. */
static inline void made_do(mn_scene *s, const mn_step *step) {
    mn_robot_seen *r = mn_scene_robot(s, step->robot);
    const char *place = json_string_value(json_object_get(step->args, "place"));
    mn_thing *t = mn_scene_thing(s, json_string_value(json_object_get(step->args, "thing"))
                                        ? json_string_value(json_object_get(step->args, "thing"))
                                        : "");
    if (!strcmp(step->skill, "navigate")) {
        mn_pose at;
        assert_ok(mn_scene_pose(s, place, &at));
        r->at = made_text(s, place);
        r->state.p[0] = at.p[0], r->state.p[1] = at.p[1];
        return;
    }
    if (!strcmp(step->skill, "open") || !strcmp(step->skill, "close")) {
        mn_scene_thing(s, place)->open = !strcmp(step->skill, "open");
        return;
    }
    if (!t) return;
    mn_thing *from = mn_scene_thing(s, t->at);
    mn_robot_seen *from_robot = mn_scene_robot(s, t->at);
    json_t *list = from ? from->holds : from_robot->holds;
    for (size_t i = 0; i < json_array_size(list); i++)
        if (!strcmp(json_string_value(json_array_get(list, i)), t->name))
            json_array_remove(list, i);
    t->how = "on";
    if (!strcmp(step->skill, "grasp")) {
        t->how = mn_scene_free_hand(s, r->name);
        t->at = r->name;
    } else if (!strcmp(step->skill, "hand_over")) {
        t->at = made_text(s, json_string_value(json_object_get(step->args, "to")));
        t->how = mn_scene_free_hand(s, t->at);
    } else
        t->at = made_text(s, place);
    from = mn_scene_thing(s, t->at);
    from_robot = mn_scene_robot(s, t->at);
    json_array_append_new(from ? from->holds : from_robot->holds, json_string(t->name));
}

#endif
