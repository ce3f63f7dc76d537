/* SPDX-License-Identifier: Apache-2.0
 * test/fleet/test_world.c - worlds from files: the kitchen, those that contradict themselves,
 * scenes of RoboOS; and how they lie on a board. */
#include "test.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "base/file.h"
#include "base/json.h"
#include "base/walk.h"
#include "fleet/world.h"

static char folder[] = "/tmp/mn-world-XXXXXX", file[64];

static void write_to(const char *name, const char *text) {
    char path[96];
    mn_filew *f;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_ok(mn_file_begin(path, &f));
    assert_ok(mn_file_write(f, text, strlen(text)));
    assert_ok(mn_file_settle(&f));
}

static void put(mn_board *b, const json_t *world) {
    assert_ok(mn_fleet_world_put(b, world, ""));
    assert_ok(mn_fleet_world_put(b, world, "sim/"));
}

static void sound(mn_board *b, const char *layer, mn_scene *s) {
    mn_buf wrong = {0};
    assert_ok(mn_scene_read(b, layer, s, &wrong));
    if (wrong.len) fail_msg("%s", wrong.data);
    if (mn_scene_sound(s, &wrong) < 0) fail_msg("%s", wrong.data);
    mn_buf_free(&wrong);
}

static int is_true(const mn_scene *s, const char *text) {
    mn_arena a = {0};
    mn_fact fact;
    assert_ok(mn_fact_read(&a, text, &fact));
    const int is = mn_scene_holds(s, &fact);
    mn_arena_free(&a);
    return is;
}

/* ---- the kitchen --------------------------------------------------------------------------- */
static void kitchen(void **st) {
    (void)st;
    json_t *world;
    mn_board *b;
    mn_scene s;
    assert_ok(mn_fleet_world_read(NULL, &world));
    assert_ok(mn_board_open_heap("main", &b));
    put(b, world);
    sound(b, "", &s);
    assert_int_equal(s.n_robots, 0); /* they join by themselves */
    assert_int_equal(s.n_things, 3 + 2 + 8 + 8);
    assert_true(is_true(&s, "in(apple, counter)") && is_true(&s, "!open(fridge)"));
    assert_true(is_true(&s, "is(cup, clean)") && is_true(&s, "!is(plate, clean)"));
    assert_string_equal(mn_scene_room(&s, "milk"), "kitchen");
    assert_string_equal(mn_scene_thing(&s, "kitchen door")->joins[1], "hall");
    mn_pose apple, cup;
    assert_ok(mn_scene_pose(&s, "apple", &apple));
    assert_ok(mn_scene_pose(&s, "cup", &cup));
    assert_true(mn_pose_distance(&apple, &cup) > 0.2);
    assert_true(apple.p[2] == 0.9 && apple.p[0] > 0.2 && apple.p[0] < 1.8);
    mn_scene_free(&s);
    sound(b, "sim/", &s);
    assert_int_equal(s.n_robots, 3);
    const mn_robot_seen *const arm = mn_scene_robot(&s, "arm");
    assert_string_equal(arm->at, "counter");
    assert_true(arm->payload == 3 && arm->n_hands == 1 && arm->state.battery == 1);
    assert_true(is_true(&s, "reaches(arm, apple)") && is_true(&s, "!reaches(arm, pot)"));
    assert_true(is_true(&s, "!free(carrier)") && is_true(&s, "free(dual)"));
    assert_int_equal(mn_scene_robot(&s, "carrier")->room_for, 4);
    mn_scene_free(&s);
    mn_board_close(&b);
    json_decref(world);
}

/* As a person writes it down: examples/fleet/kitchen.yaml, and the profiles that it names. */
static void as_written(void **st) {
    (void)st;
    static const char *const robots[] = {"carrier", "arm", "dual"};
    const char *const source = getenv("OMNESIA_SOURCE");
    json_t *built_in, *written, *profile;
    char path[4096];
    assert_non_null(source);
    snprintf(path, sizeof path, "%s/examples/fleet/kitchen.yaml", source);
    assert_ok(mn_fleet_world_read(NULL, &built_in));
    assert_ok(mn_fleet_world_read(path, &written));
    mn_buf a = {0}, b = {0};
    assert_ok(mn_json_write(built_in, JSON_SORT_KEYS | JSON_INDENT(1), &a));
    assert_ok(mn_json_write(written, JSON_SORT_KEYS | JSON_INDENT(1), &b));
    assert_string_equal(a.data, b.data);
    for (size_t i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s/examples/fleet/%s.yaml", source, robots[i]);
        assert_ok(mn_profile_read(path, &profile));
        json_t *const robot = json_array_get(json_object_get(built_in, "robots"), i);
        json_object_del(robot, "at");
        assert_true(json_equal(profile, robot));
        json_decref(profile);
    }
    mn_buf_free(&a);
    mn_buf_free(&b);
    json_decref(written);
    json_decref(built_in);
}

/* ---- what contradicts itself ---------------------------------------------------------------- */
#define ROOMS \
    "rooms:\n  - {name: a, at: [2, 2], size: [4, 4]}\n  - {name: b, at: [6, 2], size: [4, 4]}\n"
#define TABLE ROOMS "furniture:\n  - {name: t, room: a, at: [1, 1]}\n"
#define ROBOT TABLE "robots:\n  - {name: r, body: arm}\n"

static void wrong(const char *yaml, int line, const char *says) {
    json_t *world;
    char whole[256];
    write_to("world.yaml", yaml);
    snprintf(whole, sizeof whole, "%s:%d: %s", file, line, says);
    assert_fails(mn_fleet_world_read(file, &world), MN_EINVAL, whole);
    assert_null(world);
}

static void contradictions(void **st) {
    (void)st;
    wrong(TABLE "objects:\n  - {name: cup, on: tabel}\n", 7, "objects/0/on: there is no 'tabel'");
    wrong(TABLE "objects:\n  - {name: t, on: t}\n", 7,
          "objects/0/name: 't' is the name of furniture/0 (line 5), too");
    wrong(TABLE "objects:\n  - {name: c, on: t}\n  - {name: c, on: t}\n", 8,
          "objects/1/name: 'c' is the name of objects/0 (line 7), too");
    wrong(TABLE "objects:\n  - {name: c}\n", 7, "objects/0: an object is either on: or in:");
    wrong(TABLE "objects:\n  - {name: c, on: t, in: t}\n", 7, "objects/0: an object is either");
    wrong(TABLE "objects:\n  - {name: c, in: d}\n  - {name: d, in: c}\n", 7,
          "objects/0/in: c would be inside of itself");
    wrong(TABLE "objects:\n  - {name: c, in: c}\n", 7, "objects/0/in: c would be inside of itself");
    wrong(TABLE "objects:\n  - {name: c, on: t, mass: heavy}\n", 7,
          "objects/0/mass: it takes a number from 0 to 1000000, not 'heavy'");
    wrong(TABLE "objects:\n  - {name: c, on: t, size: [1, 0, 1]}\n", 7, "objects/0/size: it takes");
    wrong(TABLE "objects:\n  - {name: c, on: t, is: {clean: 1}}\n", 7,
          "objects/0/is: it takes words");
    wrong(ROOMS "furniture:\n  - {name: s, room: a, at: [1, 1], room_for: 1}\nobjects:\n"
                "  - {name: c, on: s}\n  - {name: d, on: s}\n",
          8, "objects/1/on: s has room for 1, and this is one more");
    wrong(ROOMS "furniture:\n  - {name: s, room: c, at: [1, 1]}\n", 5,
          "furniture/0/room: there is no room 'c'");
    wrong(ROOMS "furniture:\n  - {name: s, room: a, at: [5, 1]}\n", 5,
          "furniture/0/at: it is 1.00 m outside of a");
    wrong(ROOMS "furniture:\n  - {name: s, room: a}\n", 5, "furniture/0: furniture has at: [x, y]");
    wrong(ROOMS "doors:\n  - {name: d, joins: [a, c], at: [4, 2]}\n", 5,
          "doors/0/joins: there is no room 'c'");
    wrong(ROOMS "doors:\n  - {name: d, joins: [a, a], at: [4, 2]}\n", 5,
          "doors/0/joins: a door joins two rooms");
    wrong(ROOMS "doors:\n  - {name: d, joins: [a, b], at: [2, 2]}\n", 5,
          "doors/0/at: it is 2.00 m away from the wall of a");
    wrong("rooms:\n  - {name: a, at: [2, 2], size: [4, 4]}\n  - {name: b, at: [4, 2], size: [4, "
          "4]}\n",
          3, "rooms/1/at: b and a overlap by 2.00 m x 4.00 m");
    wrong("rooms: []\n", 1, "rooms: a world has rooms");
    wrong("rooms:\n  - {name: a/b, at: [2, 2], size: [4, 4]}\n", 2,
          "rooms/0/name: it takes a name");
    wrong("rooms:\n  - a\n", 2, "rooms/0: a room is {name: .., ..}, not 'a'");
    wrong("rooms: a\n", 1, "rooms: it takes a list");
    wrong(ROOMS "chairs: []\n", 4, "chairs: a world has no such part");
    wrong(ROOMS "furniture:\n  - {name: s, room: a, at: [1, 1], colour: red}\n", 5,
          "furniture/0/colour: furniture has no such field: it has name, class, room");
    wrong(ROBOT "  - {name: r, body: arm}\n", 8,
          "robots/1/name: 'r' is the name of robots/0 (line 7), too");
    wrong(ROBOT "  - {name: t, body: arm}\n", 8, "robots/1/name: 't' is the name of furniture/0");
    wrong(ROBOT "  - {name: q, body: arm, at: x}\n", 8, "robots/1/at: there is no place 'x'");
    wrong(ROBOT "  - {name: q, body: arm, at: [9, 2]}\n", 8,
          "robots/1/at: it stands 1.00 m outside of every room");
    wrong(ROBOT "  - {name: q, body: arm, reach: far}\n", 8, "robots/1/reach: it takes metres");
    wrong(ROBOT "objects:\n  - {name: c, on: r}\n", 9, "objects/0/on: robot r has no tray");
    wrong(ROBOT "failures:\n  - {robot: x, code: dropped}\n", 9,
          "failures/0/robot: there is no robot 'x'");
    wrong(ROBOT "failures:\n  - {thing: x, code: dropped}\n", 9,
          "failures/0/thing: there is no 'x'");
    wrong(ROBOT "failures:\n  - {skill: grasp}\n", 9, "failures/0: a failure has code");
    wrong(ROBOT "failures:\n  - {code: dropped, chance: 2}\n", 9, "failures/0/chance: it takes");
    json_t *world;
    write_to("world.yaml", "- a\n");
    assert_fails(mn_fleet_world_read(file, &world), MN_EINVAL, "a world is rooms: ..");
}

static void bounds(void **st) {
    (void)st;
    mn_buf b = {0};
    assert_ok(mn_buf_puts(&b, "rooms:\n"));
    for (int i = 0; i < 65; i++)
        assert_ok(mn_buf_printf(&b, "  - {name: r%d, at: [%d, 0], size: [1, 1]}\n", i, i));
    wrong(b.data, 1, "rooms: 65 entries, and 64 are the most");
    mn_buf_free(&b);
}

/* ---- other files --------------------------------------------------------------------------- */
static void profiles_beside(void **st) {
    (void)st;
    json_t *world;
    write_to("arm.yaml", "name: x\nbody: arm\nreach: 1.25\n");
    write_to("world.yaml", TABLE "robots:\n  - {profile: arm.yaml, name: q, at: t, payload: 7}\n");
    assert_ok(mn_fleet_world_read(file, &world));
    const json_t *const robot = json_array_get(json_object_get(world, "robots"), 0);
    assert_string_equal(json_string_value(json_object_get(robot, "name")), "q");
    assert_true(json_number_value(json_object_get(robot, "reach")) == 1.25);
    assert_true(json_number_value(json_object_get(robot, "payload")) == 7);
    json_decref(world);
    write_to("world.yaml", TABLE "robots:\n  - {profile: none.yaml, name: q}\n");
    assert_fails(mn_fleet_world_read(file, &world), MN_ENOENT, "none.yaml");
    wrong(TABLE "robots:\n  - {profile: [1], name: q}\n", 7, "robots/0/profile: it takes the path");
}

/* Both forms of the scenes of RoboOS, with other names. */
static void roboos(void **st) {
    (void)st;
    static const char *const forms[] = {
        "scene:\n  - recep_name: \"bench\"\n    recep_type: \"table\"\n    recep_object:\n"
        "      - 'screw'\n      - 'box'\n  - recep_name: \"rack\"\n    recep_type: \"table\"\n"
        "    recep_object:\n      - 'saw'\n  - recep_name: \"box\"\n    recep_type: \"container\"\n"
        "    recep_object:\n      - 'nut'\n",
        "scene:\n  - name: bench\n    type: table\n    contains:\n      - screw\n      - box\n"
        "  - name: rack\n    type: table\n    contains:\n      - saw\n  - name: box\n"
        "    type: container\n    contains:\n      - nut\n"};
    for (int i = 0; i < 2; i++) {
        json_t *world;
        mn_board *b;
        mn_scene s;
        write_to("world.yaml", forms[i]);
        assert_ok(mn_fleet_world_read(file, &world));
        assert_ok(mn_board_open_heap("main", &b));
        put(b, world);
        sound(b, "", &s);
        assert_int_equal(s.n_things, 1 + 2 + 4);
        assert_true(is_true(&s, "in(nut, box)") && is_true(&s, "in(box, bench)"));
        assert_string_equal(mn_scene_thing(&s, "rack")->class_, "table");
        assert_string_equal(mn_scene_thing(&s, "box")->class_, "container");
        mn_pose bench, rack;
        assert_ok(mn_scene_pose(&s, "bench", &bench));
        assert_ok(mn_scene_pose(&s, "rack", &rack));
        assert_true(mn_pose_distance(&bench, &rack) == 2);
        mn_scene_free(&s);
        mn_board_close(&b);
        json_decref(world);
    }
    wrong("scene:\n  - {name: a, contains: [x]}\n  - {name: b, contains: [x]}\n", 3,
          "scene/1: x is on two places");
    wrong("scene:\n  - {name: a}\n  - {name: a}\n", 3, "scene/1: a is here twice");
    wrong("scene:\n  - {type: a}\n", 2, "scene/0: a place has a name");
    wrong("scene:\n  - {name: a, contains: [[]]}\n", 2, "scene/0: entry 1 on a is no name");
    wrong("scene:\n  - {name: a, contains: x}\n", 2, "scene/0: what is on a is no list");
    wrong("scene: x\n", 1, "scene: it takes a list of places");
}

/* ---- on the board --------------------------------------------------------------------------- */
static void again(void **st) {
    (void)st;
    json_t *world, *kitchen;
    mn_board *b;
    mn_scene s;
    write_to("world.yaml",
             TABLE "objects:\n  - {name: c, on: t}\n  - {name: bag, in: b, room_for: 2}\n"
                   "  - {name: d, in: bag}\n  - {name: e, on: r}\nrobots:\n"
                   "  - {name: r, body: wheels, at: [5, 1.5]}\nfailures:\n"
                   "  - {skill: grasp, thing: c, code: dropped, times: 2}\n");
    assert_ok(mn_fleet_world_read(NULL, &kitchen));
    assert_ok(mn_fleet_world_read(file, &world));
    assert_ok(mn_board_open_heap("main", &b));
    put(b, kitchen);
    put(b, world); /* nothing of the kitchen is left */
    sound(b, "sim/", &s);
    assert_int_equal(s.n_things, 2 + 1 + 4);
    assert_int_equal(s.n_robots, 1);
    assert_string_equal(s.robot[0].at, "");
    assert_true(s.robot[0].state.p[0] == 5 && s.robot[0].state.p[1] == 1.5);
    assert_string_equal(mn_scene_room(&s, "r"), "b");
    assert_true(is_true(&s, "in(e, r)") && is_true(&s, "in(d, bag)") && is_true(&s, "in(bag, b)"));
    json_t *failures;
    assert_int_equal(mn_board_get(b, "sim/failures", "", &failures, NULL), 1);
    assert_int_equal(json_array_size(json_object_get(failures, "failures")), 1);
    json_decref(failures);
    mn_scene_free(&s);
    mn_board_close(&b);
    json_decref(world);
    json_decref(kitchen);
}

static void no_memory(void **st) {
    (void)st;
    json_t *world;
    int failed = 0;
    assert_ok(mn_fleet_world_read(NULL, &world));
    for (long n = 1;; n++) {
        mn_board *b;
        assert_ok(mn_board_open_heap("main", &b));
        mn_alloc_fail_after(n);
        const int rc = mn_fleet_world_put(b, world, "sim/");
        const int all = mn_alloc_fail_left() > 0;
        mn_alloc_fail_after(0);
        mn_board_close(&b);
        failed += rc < 0;
        if (all) break;
        assert_int_equal(rc, MN_ENOMEM);
    }
    assert_true(failed > 20);
    json_decref(world);
}

int main(void) {
    assert_non_null(mkdtemp(folder));
    snprintf(file, sizeof file, "%s/world.yaml", folder);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kitchen),         cmocka_unit_test(as_written),
        cmocka_unit_test(contradictions),  cmocka_unit_test(bounds),
        cmocka_unit_test(profiles_beside), cmocka_unit_test(roboos),
        cmocka_unit_test(again),           cmocka_unit_test(no_memory),
    };
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    mn_walk_remove(folder);
    return failed;
}
