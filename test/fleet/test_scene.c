/* SPDX-License-Identifier: Apache-2.0
 *
 * test/fleet/test_scene.c - a scene as it is read, what is true in it, what is damaged in it; on
 * every kind of board.
 */
#include "fleet/boards.h"
#include "fleet/kitchen.h"

#include "base/alloc.h"
#include "fleet/effect.h"

static void as_it_lies_there(mn_board *b) {
    kitchen_make(b);
    kitchen_state(b, "carrier", "table", 1, 2, UINT64_MAX / 2);
    mn_scene s = kitchen_read(b);
    assert_int_equal(s.n_things, 10);
    assert_int_equal(s.n_robots, 2);
    for (int i = 1; i < s.n_things; i++)
        assert_true(strcmp(s.thing[i - 1].name, s.thing[i].name) < 0);
    const mn_thing *const apple = mn_scene_thing(&s, "apple"), *const door =
                                                                   mn_scene_thing(&s, "door");
    assert_string_equal(apple->class_, "apple");
    assert_true(apple->mass > 0.19 && apple->mass < 0.21);
    assert_int_equal(apple->kind, MN_OBJECT_KIND);
    assert_int_equal(apple->open, -1);
    assert_int_equal(apple->room_for, -1);
    assert_string_equal(apple->home, "");
    assert_int_equal(apple->holds_version, 0);
    assert_int_equal(json_array_size(apple->holds), 0);
    assert_int_equal(door->kind, MN_DOOR);
    assert_int_equal(door->open, 0);
    assert_string_equal(door->joins[1], "hall");
    assert_int_equal(mn_scene_thing(&s, "table")->room_for, 3);
    assert_int_equal(json_array_size(mn_scene_thing(&s, "table")->holds), 2);
    assert_null(mn_scene_thing(&s, "ghost"));
    assert_null(mn_scene_robot(&s, "cup"));
    const mn_robot_seen *const arm = mn_scene_robot(&s, "arm"), *const car =
                                                                    mn_scene_robot(&s, "carrier");
    assert_int_equal(arm->n_hands, 2);
    assert_string_equal(arm->hand[1], "right");
    assert_true(!arm->alive && arm->lease); /* it has not been heard */
    assert_true(!car->alive && !car->lease);
    assert_string_equal(car->at, "table");
    assert_int_equal(car->room_for, 1);
    assert_int_equal(s.stopped, 0);
    mn_scene_free(&s);
    assert_int_equal(s.n_things, 0);
    kitchen_state(b, "arm", "table", 1, 2, UINT64_MAX / 2);
    s = kitchen_read(b);
    assert_true(mn_scene_robot(&s, "arm")->alive);
    mn_scene_free(&s);
}

static void where(mn_board *b) {
    mn_pose p;
    kitchen_make(b);
    kitchen_state(b, "arm", "", 6.5, 2, UINT64_MAX / 2); /* between places, in the hall */
    assert_ok(kitchen_move(b, "cup", "arm", "left"));
    mn_scene s = kitchen_read(b);
    assert_string_equal(mn_scene_room(&s, "apple"), "kitchen");
    assert_string_equal(mn_scene_room(&s, "kitchen"), "kitchen");
    assert_string_equal(mn_scene_room(&s, "cup"), "hall");
    assert_string_equal(mn_scene_room(&s, "arm"), "hall");
    assert_string_equal(mn_scene_room(&s, "ghost"), "");
    assert_ok(mn_scene_pose(&s, "apple", &p)); /* that of the table, below the bowl */
    assert_true(p.p[0] == 1 && p.p[2] == 0.4);
    assert_ok(mn_scene_pose(&s, "cup", &p));
    assert_true(p.p[0] == 6.5);
    assert_fails(mn_scene_pose(&s, "ghost", &p), MN_ENOENT, "no 'ghost'");
    assert_fails(mn_scene_pose(&s, "carrier", &p), MN_ENOENT, "not known");
    mn_scene_free(&s);
}

static int is(const mn_scene *s, int not_, mn_fact_name name, const char *a, const char *b) {
    const mn_fact f = {name, not_, {a, b}};
    return mn_scene_holds(s, &f);
}
#define IS(name, a, b)                                        \
    do {                                                      \
        assert_int_equal(is(&s, 0, MN_FACT_##name, a, b), 1); \
        assert_int_equal(is(&s, 1, MN_FACT_##name, a, b), 0); \
    } while (0)
#define IS_NOT(name, a, b)                                    \
    do {                                                      \
        assert_int_equal(is(&s, 0, MN_FACT_##name, a, b), 0); \
        assert_int_equal(is(&s, 1, MN_FACT_##name, a, b), 1); \
    } while (0)

static void facts(mn_board *b) {
    kitchen_make(b);
    kitchen_state(b, "arm", "shelf", 6, 1.5, UINT64_MAX / 2);
    kitchen_state(b, "carrier", "table", 1, 2, UINT64_MAX / 2);
    assert_ok(kitchen_move(b, "cup", "arm", "right"));
    assert_ok(kitchen_move(b, "bowl", "carrier", "on"));
    mn_scene s = kitchen_read(b);
    IS(AT, "arm", "shelf");
    IS_NOT(AT, "arm", "table");
    IS_NOT(AT, "ghost", "table");
    IS(IN, "apple", "bowl");
    IS(IN, "bowl", "carrier");
    IS(IN, "apple", "kitchen"); /* a room, at any depth */
    IS_NOT(IN, "apple", "hall");
    IS_NOT(IN, "apple", "carrier");
    IS_NOT(IN, "cup", "arm"); /* it is in its hand */
    IS(HOLDING, "arm", "cup");
    IS_NOT(HOLDING, "carrier", "bowl");
    IS(FREE, "arm", NULL);
    IS_NOT(FREE, "carrier", NULL); /* it has none */
    IS(OPEN, "table", NULL);
    IS_NOT(OPEN, "fridge", NULL);
    IS_NOT(OPEN, "door", NULL);
    IS_NOT(OPEN, "ghost", NULL);
    IS(IS, "cup", "clean");
    IS_NOT(IS, "bowl", "clean");
    IS(REACHES, "arm", "shelf");
    IS(REACHES, "arm", "cup");
    IS_NOT(REACHES, "arm", "table");
    IS_NOT(REACHES, "arm", "carrier");
    IS(REACHES, "carrier", "apple"); /* on its tray */
    mn_scene_free(&s);
    assert_ok(kitchen_move(b, "milk", "arm", "left"));
    kitchen_state(b, "arm", "", 1, 2.2, UINT64_MAX / 2); /* 0.7 m from the table's edge */
    s = kitchen_read(b);
    IS_NOT(FREE, "arm", NULL);
    IS(REACHES, "arm", "table");
    IS(REACHES, "arm", "carrier"); /* 0.2 m away */
    IS_NOT(REACHES, "arm", "shelf");
    IS_NOT(REACHES, "arm", "kitchen");
    mn_scene_free(&s);
}

static void shown(mn_board *b) {
    mn_buf out = {0};
    kitchen_make(b);
    kitchen_state(b, "arm", "table", 1, 2, UINT64_MAX / 2);
    assert_ok(kitchen_move(b, "cup", "arm", "left"));
    kitchen_put(b, "fleet/main/stop", "{\"robots\": \"all\", \"by\": \"me\"}");
    mn_scene s = kitchen_read(b);
    assert_int_equal(s.stopped, 1);
    assert_ok(mn_scene_show(&s, &out));
    assert_string_equal(out.data, "STOPPED: nothing moves before it is resumed\n"
                                  "hall: shelf\n"
                                  "kitchen: table (bowl (apple)), fridge, closed (milk)\n"
                                  "door: kitchen and hall, closed\n"
                                  "arm (arm) at table, has cup in left, battery 75 %\n"
                                  "carrier (wheels) in no known place, gone\n");
    mn_buf_clear(&out);
    assert_ok(mn_scene_show_one(&s, "cup", 0, &out)); /* in what it is, up to the room */
    assert_non_null(strstr(out.data, ") in left of arm, at table, in kitchen\n"));
    mn_buf_clear(&out);
    assert_ok(mn_scene_show_one(&s, "apple", 0, &out));
    assert_non_null(strstr(out.data, " bowl, on table, in kitchen\n"));
    mn_buf_clear(&out);
    assert_ok(mn_scene_show_one(&s, "arm", 0, &out));
    assert_string_equal(out.data, "arm (arm) at table, has cup in left, battery 75 %\n");
    assert_fails(mn_scene_show_one(&s, "appel", 0, &out), MN_ENOENT, "did you mean 'apple'?");
    mn_scene_free(&s);
    kitchen_put(b, "fleet/main/stop", "{\"robots\": [\"arm\"]}");
    s = kitchen_read(b);
    assert_int_equal(s.stopped, 0);
    mn_scene_free(&s);
    mn_buf_free(&out);
}

static void alive(mn_board *b) {
    kitchen_make(b);
    if (!b->ops->alone) return; /* clocks of the heap can be set */
    mn_board_clock(b, 1000000000, 5);
    kitchen_state(b, "arm", "table", 1, 2, 750000000);
    mn_scene s = kitchen_read(b);
    assert_int_equal(s.now, 1000000000);
    assert_int_equal(s.time, 5);
    assert_int_equal(mn_scene_robot(&s, "arm")->alive, 1); /* late by one heartbeat: not yet lost */
    mn_scene_free(&s);
    mn_board_clock(b, 1000000001, 6);
    s = kitchen_read(b);
    assert_int_equal(mn_scene_robot(&s, "arm")->alive, 0);
    mn_scene_free(&s);
    mn_board_clock(b, 1000000000, 5);
    assert_ok(mn_board_del(b, "lease/", "arm", 0, 0));
    s = kitchen_read(b);
    assert_int_equal(mn_scene_robot(&s, "arm")->alive, 0);
    mn_scene_free(&s);
}

static void damaged(mn_board *b) {
    const struct {
        const char *key, *text, *says;
    } bad[] = {
        {"thing/a", "{\"class\": ", "fleet/main/thing/a is no JSON"},
        {"thing/b", "{\"kind\": \"ship\"}", "thing/b: kind: it takes object, furniture"},
        {"thing/c", "{\"mass\": \"heavy\"}", "thing/c: mass: it takes a number"},
        {"thing/d", "{\"mass\": -1}", "thing/d: mass: it takes a number"},
        {"thing/e", "{\"pose\": {\"frame\": \"map\", \"p\": [1]}}", "thing/e: pose"},
        {"thing/f", "{\"size\": [1, 2]}", "thing/f: size: it takes three numbers"},
        {"thing/g", "{\"open\": 1}", "thing/g: open"},
        {"thing/h", "{\"joins\": [1, 2]}", "thing/h: joins"},
        {"thing/i", "{\"format\": 9}", "thing/i is of format 9"},
        {"thing/j", "{\"at\": 3}", "thing/j: at: it takes a text"},
        {"thing/k", "{\"seen\": {\"t\": \"now\"}}", "thing/k: seen"},
        {"thing/l", "{\"kind\": \"room\"}", "holds/l: holds: it takes an array"},
        {"holds/l", "{\"holds\": [3]}", "holds/l"},
        {"holds/nobody", "{\"holds\": []}", "holds/nobody is the list of what is not there"},
        {"robot/m", "{\"hands\": \"two\"}", "robot/m: hands"},
        {"robot/n", "{\"speed\": \"fast\"}", "robot/n: speed"},
        {"robot/o", "{\"skills\": [{\"name\": 3}]}", "robot/o: skills[0]"},
        {"robot/p", "{\"hands\": [\"in\"]}", "robot/p: hands"},
        {"robot/q", "{}", "state/q: a robot's state is damaged"},
        {"state/q", "\1\0\0", "state/q"},
        {"stop", "[]", "fleet/main/stop is no JSON object"},
    };
    mn_buf wrong = {0};
    mn_scene s;
    kitchen_make(b);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char key[MN_FLEET_KEY];
        snprintf(key, sizeof key, "fleet/main/%s", bad[i].key);
        kitchen_put(b, key, bad[i].text);
    }
    assert_ok(mn_scene_read(b, "", &s, &wrong));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (!strstr(wrong.data, bad[i].says))
            fail_msg("'%s' is not in: %s", bad[i].says, wrong.data);
    assert_null(mn_scene_thing(&s, "a"));
    assert_null(mn_scene_robot(&s, "m"));
    assert_non_null(mn_scene_robot(&s, "o")); /* only its skill is left out */
    assert_int_equal(mn_scene_robot(&s, "o")->skills.n, 0);
    assert_non_null(mn_scene_thing(&s, "l"));
    assert_int_equal(s.n_things, 11);
    assert_int_equal(s.stopped, 1); /* who cannot read the order obeys it */
    mn_scene_free(&s);
    mn_buf_free(&wrong);
    assert_ok(mn_scene_read(b, "", &s, NULL));
    mn_scene_free(&s);
}

static void refreshed(mn_board *b) {
    kitchen_make(b);
    mn_scene s = kitchen_read(b);
    json_t *const apple = mn_scene_thing(&s, "apple")->json;
    assert_ok(kitchen_move(b, "cup", "shelf", "on"));
    kitchen_set(b, "plate", "{\"at\": \"table\", \"how\": \"on\"}");
    assert_ok(mn_scene_remove(b, "", "milk"));
    assert_ok(mn_scene_refresh(b, "", &s, NULL));
    assert_ptr_equal(mn_scene_thing(&s, "apple")->json, apple); /* not parsed again */
    assert_string_equal(mn_scene_thing(&s, "cup")->at, "shelf");
    assert_non_null(mn_scene_thing(&s, "plate"));
    assert_null(mn_scene_thing(&s, "milk"));
    assert_ok(mn_scene_sound(&s, NULL));
    mn_scene fresh = kitchen_read(b);
    assert_int_equal(fresh.n_things, s.n_things);
    for (int i = 0; i < s.n_things; i++) {
        assert_true(json_equal(fresh.thing[i].json, s.thing[i].json));
        assert_true(json_equal(fresh.thing[i].holds, s.thing[i].holds));
        assert_int_equal(fresh.thing[i].version, s.thing[i].version);
    }
    mn_scene_free(&fresh);
    mn_scene_free(&s);
}

/* What one scene shares with the one before is changed in itself alone. */
static void since(mn_board *b) {
    kitchen_make(b);
    mn_scene s = kitchen_read(b), next;
    mn_effect f = {.at = NULL};
    assert_ok(mn_scene_since(b, "", &s, &next, NULL));
    assert_ptr_equal(mn_scene_thing(&next, "cup")->json, mn_scene_thing(&s, "cup")->json);
    const size_t on_table = json_array_size(mn_scene_thing(&s, "table")->holds);
    assert_ok(mn_effect_move(&next, mn_scene_thing(&next, "cup"), "shelf", NULL, "", 1, &f));
    assert_string_equal(mn_scene_thing(&next, "cup")->at, "shelf");
    assert_string_equal(json_string_value(json_object_get(mn_scene_thing(&s, "cup")->json, "at")),
                        "table");
    assert_int_equal(json_array_size(mn_scene_thing(&s, "table")->holds), on_table);
    assert_int_equal(json_array_size(mn_scene_thing(&next, "table")->holds), on_table - 1);
    mn_scene_free(&next);
    assert_ok(mn_scene_sound(&s, NULL));
    assert_ok(mn_scene_refresh(b, "", &s, NULL));
    assert_string_equal(mn_scene_thing(&s, "cup")->at, "table");
    mn_scene_free(&s);
}

static void layers(mn_board *b) {
    json_t *const room = json_pack("{s:s}", "kind", "room");
    kitchen_make(b);
    assert_ok(mn_scene_set(b, "sim/", NULL, "kitchen", room));
    kitchen_put(b, "fleet/main/sim/robot/arm", "{\"at\": \"kitchen\"}");
    kitchen_state(b, "arm", "table", 1, 2, UINT64_MAX / 2);
    mn_scene s;
    assert_ok(mn_scene_read(b, "sim/", &s, NULL));
    assert_int_equal(s.n_things, 1);
    assert_int_equal(s.n_robots, 1);
    assert_int_equal(s.robot->alive, 1); /* by the fleet's lease and heartbeat */
    assert_string_equal(s.robot->at, "kitchen");
    mn_scene_free(&s);
    json_decref(room);
}

static void unsound(mn_board *b) {
    const struct {
        const char *key, *text, *says;
    } bad[] = {
        {"thing/cup", "{\"at\": \"shelf\"}", "'cup' says it is at 'shelf', whose list lacks it"},
        {"holds/shelf", "{\"holds\": [\"bowl\"]}",
         "'bowl' is in the list of 'shelf', and says it is"},
        {"holds/hall", "{\"holds\": [\"shelf\", \"shelf\"]}", "list of 'hall' twice"},
        {"holds/hall", "{\"holds\": [\"shelf\", \"ghost\"]}", "'ghost' is in the list of 'hall'"},
        {"thing/cup", "{\"at\": \"nowhere\"}", "'cup' is at 'nowhere', which is not there"},
        {"thing/cup", "{}", "'cup' is at '', which is not there"},
        {"thing/bowl", "{\"at\": \"apple\"}", "'bowl' is in itself"},
        {"holds/arm", "{\"holds\": [\"cup\"]}", "'cup' is in the list of 'arm', and says"},
        {"thing/table", "{\"kind\": \"furniture\", \"at\": \"kitchen\", \"room_for\": 1}",
         "'table' has room for 1, and has 2"},
        {"robot/cup", "{}", "name of a robot and of a thing"},
    };
    kitchen_make(b);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char key[MN_FLEET_KEY];
        mn_buf wrong = {0}, was = {0};
        uint64_t version;
        snprintf(key, sizeof key, "fleet/main/%s", bad[i].key);
        const int there = b->ops->get(b, key, &was, &version);
        kitchen_put(b, key, bad[i].text);
        mn_scene s = kitchen_read(b);
        assert_int_equal(mn_scene_sound(&s, &wrong), MN_ECORRUPT);
        if (!strstr(wrong.data, bad[i].says))
            fail_msg("'%s' is not in: %s", bad[i].says, wrong.data);
        assert_int_equal(mn_scene_sound(&s, NULL), MN_ECORRUPT);
        mn_scene_free(&s);
        mn_edit e = {key, there ? MN_EDIT_PUT : MN_EDIT_DEL, 0, 0, was.data, was.len};
        assert_ok(b->ops->commit(b, &e, 1));
        mn_buf_free(&wrong);
        mn_buf_free(&was);
    }
    kitchen_sound(b);
}

/* It went to the cup, and has it: it is not in what it holds. */
static void taken_up(mn_board *b) {
    kitchen_make(b);
    assert_ok(kitchen_move(b, "cup", "arm", "left"));
    kitchen_state(b, "arm", "cup", 2, 2, 0);
    kitchen_sound(b);
    mn_scene s = kitchen_read(b);
    assert_string_equal(mn_scene_room(&s, "cup"), "kitchen");
    mn_scene_free(&s);
}

static void on_every_board(void **state) {
    (void)state;
    void (*const tests[])(mn_board *) = {taken_up, as_it_lies_there, where,  facts,     shown,
                                         alive,    damaged,          layers, refreshed, since,
                                         unsound};
    BOARDS_RUN(tests);
}

/* A refresh whose n-th allocation fails: the scene stays what it was. */
static void no_memory(void **state) {
    (void)state;
    mn_board *b;
    mn_scene s;
    int failed = 0;
    json_set_alloc_funcs(mn_malloc, mn_free);
    assert_ok(mn_board_open_heap(NULL, &b));
    kitchen_make(b);
    assert_ok(mn_scene_read(b, "", &s, NULL));
    for (int n = 1;; n++) {
        const char *const to = n % 2 ? "shelf" : "table", *const from = n % 2 ? "table" : "shelf";
        assert_ok(kitchen_move(b, "cup", to, "on"));
        mn_alloc_fail_after(n);
        const int rc = mn_scene_refresh(b, "", &s, NULL);
        const long left = mn_alloc_fail_left();
        mn_alloc_fail_after(0);
        assert_int_equal(s.n_things, 10);
        assert_string_equal(mn_scene_thing(&s, "cup")->at, rc < 0 ? from : to);
        if (left > 0) break;
        assert_true(!rc || rc == MN_ENOMEM); /* 0: Jansson was asked twice */
        failed += rc == MN_ENOMEM;
        assert_ok(mn_scene_refresh(b, "", &s, NULL));
    }
    assert_true(failed > 10);
    mn_scene_free(&s);
    mn_board_close(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(on_every_board),
        cmocka_unit_test(no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
