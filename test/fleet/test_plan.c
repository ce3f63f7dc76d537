/* SPDX-License-Identifier: Apache-2.0
 *
 * test/fleet/test_plan.c - small worlds whose best plans are known, and many random ones: each plan
 * is right in its world, the same again, has no circle, and from the middle of any plan another is
 * found that goes on.
 */
#include "test.h"

#include "made.h"
#include "made_world.h"

#include "base/alloc.h"
#include "base/json.h"
#include "fleet/task.h"

#include <math.h>
#include <time.h>

static int begin(void **state) {
    (void)state;
    json_set_alloc_funcs(mn_malloc, mn_free);
    return 0;
}

static char *text_of(const mn_fleet_plan *p) {
    json_t *json = mn_fleet_plan_write(p);
    assert_non_null(json);
    char *text = mn_json_text(json, JSON_INDENT(1));
    json_decref(json);
    return text;
}

static void plan_of(const mn_scene *s, const char *task, mn_fleet_plan *p) {
    mn_goals g;
    assert_ok(mn_goals_read(s, task, &g));
    assert_ok(mn_fleet_plan_make(s, &g, NULL, p));
    assert_ok(mn_fleet_plan_check(s, p, &g));
    mn_goals_free(&g);
}

static int steps_of(const mn_fleet_plan *p, const char *robot, const char *skill) {
    int n = 0;
    for (int i = 0; i < p->n; i++)
        n += (!robot || !strcmp(p->step[i].robot, robot)) && !strcmp(p->step[i].skill, skill);
    return n;
}

/* ---- known ------------------------------------------------------------------------------- */
static mn_scene one_room(int robots) {
    mn_scene s;
    made_begin(&s);
    made_room(&s, "room", 5, 5, 10, 10);
    made_furniture(&s, "a", "desk", "room", 0, 0);
    made_furniture(&s, "b", "desk", "room", 6, 0);
    made_furniture(&s, "c", "desk", "room", 0, 8);
    made_object(&s, "apple", "fruit", "a", 0.2);
    made_object(&s, "pear", "fruit", "a", 0.2);
    for (int i = 0; i < robots; i++)
        made_robot(&s, i ? "r2" : "r1", "wheels", 1, 1, 0, i ? "c" : "a", 0, i ? 8 : 0);
    return s;
}

static void one_robot_carries_one_thing(void **state) {
    (void)state;
    mn_scene s = one_room(1);
    mn_fleet_plan p;
    made_end(&s);
    plan_of(&s, "put the apple on b", &p);
    assert_int_equal(p.n, 3); /* grasp, 6 m, place */
    assert_true(fabs(p.makespan - 12) < 1e-9);
    mn_buf text = {0};
    assert_ok(mn_fleet_plan_explain(&s, &p, &text));
    assert_non_null(strstr(text.data, "r1 takes apple, goes to b, puts apple on b."));
    mn_buf_free(&text);
    mn_fleet_plan_free(&p);
    mn_scene_free(&s);
}

static void two_hands_carry_two_things_at_once(void **state) {
    (void)state;
    mn_scene s = one_room(1);
    mn_fleet_plan p;
    s.robot[0].n_hands = 2, s.robot[0].hand[1] = "right";
    made_end(&s);
    plan_of(&s, "put all fruits on b", &p);
    assert_int_equal(steps_of(&p, "r1", "navigate"), 1);
    assert_true(fabs(p.makespan - 18) < 1e-9);
    mn_fleet_plan_free(&p);
    mn_scene_free(&s);
}

static void one_hand_and_a_tray_carry_two_things_at_once(void **state) {
    (void)state;
    mn_scene s = one_room(1);
    mn_fleet_plan p;
    s.robot[0].room_for = 3;
    s.robot[0].speed = 0.2; /* 30 s a way: three of them, or one and more work */
    made_end(&s);
    plan_of(&s, "put all fruits on b", &p);
    assert_int_equal(steps_of(&p, "r1", "navigate"), 1);
    assert_true(fabs(p.makespan - 48) < 1e-9); /* grasp place grasp, 30, place grasp place */
    mn_fleet_plan_free(&p);
    mn_scene_free(&s);
}

static void work_is_shared(void **state) {
    (void)state;
    mn_scene s = one_room(2);
    mn_fleet_plan p;
    made_end(&s);
    mn_thing *pear = mn_scene_thing(&s, "pear");
    pear->at = "c"; /* before the robot that stands there */
    json_array_clear(mn_scene_thing(&s, "a")->holds);
    plan_of(&s, "put the apple on b and the pear on b", &p);
    assert_true(fabs(p.makespan - 16) < 1e-9); /* 10 m and 6 s, beside 6 m and 6 s */
    assert_int_equal(steps_of(&p, "r2", "grasp"), 1);
    assert_int_equal(steps_of(&p, "r1", "grasp"), 1);
    mn_fleet_plan_free(&p);
    mn_scene_free(&s);
}

static void a_carrier_without_hands_is_loaded(void **state) {
    (void)state;
    mn_scene s;
    mn_fleet_plan p;
    made_begin(&s);
    made_room(&s, "room", 5, 5, 10, 10);
    made_furniture(&s, "a", "desk", "room", 0, 0);
    made_furniture(&s, "b", "desk", "room", 8, 0);
    made_object(&s, "apple", "fruit", "a", 0.2);
    made_object(&s, "pear", "fruit", "a", 0.2);
    made_robot(&s, "arm_a", "arm", 0, 1, 0, "a", 0, 0.5);
    made_robot(&s, "arm_b", "arm", 0, 1, 0, "b", 8, 0.5);
    made_robot(&s, "carrier", "wheels", 1, 0, 4, "a", 0, 0);
    made_end(&s);
    plan_of(&s, "put all fruits on b", &p);
    assert_int_equal(steps_of(&p, "carrier", "navigate"), 1);
    assert_true(fabs(p.makespan - 32) < 1e-9); /* 4 x 3, 8 m, 4 x 3 */
    mn_fleet_plan_free(&p);
    mn_scene_free(&s);
}

static void what_is_closed_is_opened_and_closed_again(void **state) {
    (void)state;
    mn_scene s;
    mn_fleet_plan p;
    made_kitchen(&s);
    plan_of(&s, "put the milk on the table", &p);
    assert_int_equal(steps_of(&p, NULL, "open"), 1);
    assert_int_equal(steps_of(&p, NULL, "close"), 0);
    mn_fleet_plan_free(&p);
    plan_of(&s, "put the milk on the table and close everything again", &p);
    assert_int_equal(steps_of(&p, NULL, "open"), 1);
    assert_int_equal(steps_of(&p, NULL, "close"), 1);
    mn_fleet_plan_free(&p);
    mn_scene_thing(&s, "kitchen_door")->open = 0;
    plan_of(&s, "put the milk on the shelf and close everything again", &p);
    assert_int_equal(steps_of(&p, NULL, "open"), 2);
    assert_int_equal(steps_of(&p, NULL, "close"), 2);
    mn_fleet_plan_free(&p);
    plan_of(&s, "put the cup_2 in the fridge, then close the fridge and say \"done\"", &p);
    assert_string_equal(p.step[p.n - 1].skill, "say");
    mn_fleet_plan_free(&p);
    mn_scene_free(&s);
}

static void nothing_is_done_for_what_is_so(void **state) {
    (void)state;
    mn_scene s;
    mn_fleet_plan p;
    made_kitchen(&s);
    plan_of(&s, "put the apple on the counter", &p);
    assert_int_equal(p.n, 0);
    mn_fleet_plan_free(&p);
    plan_of(&s, "put the milk on the carrier and send the carrier to the shelf", &p);
    mn_fleet_plan_free(&p);
    plan_of(&s, "give the apple to the duo and send the duo to the sink", &p);
    mn_fleet_plan_free(&p);
    mn_scene_free(&s);
}

static void skills_are_used_by_their_manifests(void **state) {
    (void)state;
    static const char *const manifest[] = {
        "{\"name\": \"wash\", \"inputSchema\": {\"type\": \"object\", \"properties\": "
        "{\"thing\": {\"type\": \"string\"}}, \"required\": [\"thing\"]}, \"_meta\": "
        "{\"omnesia/skill\": {\"needs\": [\"holding(robot, thing)\", \"at(robot, sink)\"], "
        "\"makes\": [\"is(thing, wet)\"], \"seconds\": 8}}}",
        "{\"name\": \"dry\", \"inputSchema\": {\"type\": \"object\", \"properties\": {\"it\": "
        "{\"type\": \"string\"}}, \"required\": [\"it\"]}, \"_meta\": {\"omnesia/skill\": "
        "{\"needs\": [\"reaches(robot, it)\", \"is(it, wet)\", \"free(robot)\"], \"makes\": "
        "[\"is(it, clean)\"], \"seconds\": 2}}}",
        "{\"name\": \"heat\", \"inputSchema\": {\"type\": \"object\", \"properties\": {\"x\": "
        "{\"type\": \"string\"}}}, \"_meta\": {\"omnesia/skill\": {\"needs\": [\"in(x, "
        "fridge)\", \"!open(fridge)\", \"reaches(robot, fridge)\"], \"makes\": [\"is(x, "
        "warm)\"]}}}"};
    mn_scene s;
    mn_fleet_plan p;
    made_kitchen(&s);
    for (int i = 0; i < 3; i++) {
        json_t *json = json_loads(manifest[i], 0, NULL);
        assert_ok(mn_skills_add(&mn_scene_robot(&s, "duo")->skills, json));
        json_decref(json);
    }
    plan_of(&s, "clean cup_1", &p);
    assert_int_equal(steps_of(&p, "duo", "wash"), 1);
    assert_int_equal(steps_of(&p, "duo", "dry"), 1);
    mn_fleet_plan_free(&p);
    plan_of(&s, "clean all cups and put all cups on the shelf", &p);
    assert_int_equal(steps_of(&p, NULL, "wash"), 2);
    mn_fleet_plan_free(&p);
    plan_of(&s, "heat cup_2. Then put it on the counter.", &p);
    assert_int_equal(steps_of(&p, "duo", "heat"), 1);
    mn_fleet_plan_free(&p);
    mn_scene_free(&s);
}

static void fails(const mn_scene *s, const char *task, const mn_fleet_plan_how *how,
                  const char *why) {
    mn_goals g;
    mn_fleet_plan p;
    assert_ok(mn_goals_read(s, task, &g));
    assert_fails(mn_fleet_plan_make(s, &g, how, &p), MN_ENOENT, why);
    assert_null(p.step);
    mn_goals_free(&g);
}

static void what_cannot_be_is_said_with_numbers(void **state) {
    (void)state;
    mn_scene s;
    made_kitchen(&s);
    mn_scene_thing(&s, "apple")->mass = 8;
    fails(&s, "put the apple on the table", NULL,
          "nobody alive can lift the apple, 8.0 kg: the strongest, arm, lifts 5.0 kg");
    mn_scene_thing(&s, "apple")->mass = 0.2;
    const char *const duo[] = {"duo", NULL};
    const mn_fleet_plan_how without = {.without = duo};
    fails(&s, "put the milk on the table", &without,
          "nobody alive gets at the milk at fridge: the nearest, arm, is 3.0 m away, reaches "
          "1.0 m and does not drive");
    const char *const never[] = {"duo milk", NULL};
    const mn_fleet_plan_how not_that = {.never = never};
    fails(&s, "put the milk on the table", &not_that, "milk cannot get from fridge to table");
    fails(&s, "put the apple on the shelf", &without, "apple cannot get from counter to shelf");
    mn_scene_thing(&s, "shelf")->room_for = 1;
    fails(&s, "put the apple on the shelf and the milk on the shelf", NULL,
          "shelf has room for 1, and has 1");
    mn_scene_thing(&s, "shelf")->room_for = -1;
    for (int i = 0; i < s.n_robots; i++) s.robot[i].alive = 0;
    fails(&s, "put the apple on the shelf", NULL, "none of them is alive");
    mn_scene_free(&s);
}

static void what_failed_once_is_done_by_another(void **state) {
    (void)state;
    mn_scene s = one_room(2);
    made_end(&s);
    mn_goals g;
    mn_fleet_plan p;
    assert_ok(mn_goals_read(&s, "put the apple on b", &g));
    const char *const never[] = {"r1 apple", NULL}, *const without[] = {"r1", NULL};
    const mn_fleet_plan_how how[] = {{.never = never, .first = 7},
                                     {.without = without, .first = 7}};
    for (int i = 0; i < 2; i++) {
        assert_ok(mn_fleet_plan_make(&s, &g, how + i, &p));
        assert_ok(mn_fleet_plan_check(&s, &p, &g));
        assert_int_equal(steps_of(&p, "r1", "grasp"), 0);
        assert_string_equal(p.step[0].id, "s8");
        mn_fleet_plan_free(&p);
    }
    mn_goals_free(&g);
    mn_scene_free(&s);
}

static void full_hands_are_emptied_first(void **state) {
    (void)state;
    mn_scene s;
    mn_goals g;
    mn_fleet_plan p;
    made_begin(&s);
    made_room(&s, "room", 5, 5, 10, 10);
    made_furniture(&s, "table", "table", "room", 0, 0);
    made_furniture(&s, "fridge", "fridge", "room", 5, 0)->open = 0;
    made_object(&s, "apple", "fruit", "duo", 0.2)->how = "left";
    made_object(&s, "pear", "fruit", "duo", 0.2)->how = "right";
    made_robot(&s, "duo", "dual_arm", 1, 2, 0, "fridge", 5, 0);
    made_end(&s);
    plan_of(&s, "put the apple and the pear in the fridge", &p);
    assert_int_equal(steps_of(&p, "duo", "place"), 4);
    mn_fleet_plan_free(&p);
    /* What is wanted elsewhere goes there at once. */
    plan_of(&s, "put the apple in the fridge and the pear on the table", &p);
    assert_true(steps_of(&p, "duo", "place") <= 3);
    mn_fleet_plan_free(&p);
    /* What no goal is about is put down as well. */
    assert_ok(mn_goals_read(&s, "put the apple in the fridge", &g));
    assert_ok(mn_fleet_plan_make(&s, &g, NULL, &p));
    assert_ok(mn_fleet_plan_check(&s, &p, &g));
    for (int i = 0; i < p.n; i++) assert_true(p.step[i].goal >= -1 && p.step[i].goal < g.n);
    mn_fleet_plan_free(&p);
    mn_goals_free(&g);
    /* There is no place but the closed one: it is said which hand was missing. */
    mn_scene_thing(&s, "table")->room_for = 0;
    fails(&s, "put the apple and the pear in the fridge", NULL, "with a free hand");
    mn_scene_free(&s);
}

static void nobody_meets_at_what_is_taken(void **state) {
    (void)state;
    mn_scene s;
    mn_fleet_plan p;
    made_begin(&s);
    made_room(&s, "room", 5, 5, 10, 10);
    made_furniture(&s, "table", "table", "room", 9, 9);
    made_object(&s, "apple", "fruit", "room", 0.2)->pose = mn_pose_at("map", 1, 1, 0);
    made_robot(&s, "slow", "mobile", 0.05, 1, 0, "", 1, 1);
    made_robot(&s, "carrier", "wheels", 2, 0, 4, "apple", 1, 1);
    made_robot(&s, "arm", "arm", 0, 1, 0, "table", 9, 9);
    made_end(&s);
    plan_of(&s, "put the apple on the table", &p); /* and it is right */
    mn_fleet_plan_free(&p);
    mn_scene_free(&s);
}

/* ---- looking ----------------------------------------------------------------------------- */
static void look_of(const mn_scene *s, const char *place, const mn_fleet_plan_how *how,
                    mn_fleet_plan *p, const char *who, int steps) {
    static const mn_goals none;
    int look = -1;
    assert_ok(mn_fleet_plan_look(s, place, how, p, &look));
    assert_ok(mn_fleet_plan_check(s, p, &none));
    assert_string_equal(p->step[look].skill, "inspect");
    assert_string_equal(p->step[look].robot, who);
    assert_int_equal(p->n, steps);
}

static void who_can_soonest_looks(void **state) {
    (void)state;
    mn_scene s = one_room(2); /* r1 at a, r2 at c */
    mn_fleet_plan p;
    made_end(&s);
    look_of(&s, "a", NULL, &p, "r1", 1); /* it stands there */
    assert_true(fabs(p.makespan - 2) < 1e-9);
    mn_fleet_plan_free(&p);
    look_of(&s, "b", &(mn_fleet_plan_how){.first = 7}, &p, "r1", 2); /* 6 m, not 10 */
    assert_string_equal(p.step[1].id, "s9");
    mn_fleet_plan_free(&p);
    const char *const never[] = {"r1 b", NULL};
    look_of(&s, "b", &(mn_fleet_plan_how){.never = never}, &p, "r2", 2);
    mn_fleet_plan_free(&p);
    look_of(&s, "room", NULL, &p, "r2", 2); /* what lies on its floor */
    mn_fleet_plan_free(&p);
    mn_scene_free(&s);
}

static void what_is_closed_is_looked_into(void **state) {
    (void)state;
    mn_scene s;
    mn_fleet_plan p;
    int look;
    made_kitchen(&s);
    look_of(&s, "fridge", NULL, &p, "duo", 4); /* goes there, opens it, looks, closes it */
    assert_int_equal(steps_of(&p, "duo", "open"), 1);
    assert_string_equal(p.step[3].skill, "close");
    mn_fleet_plan_free(&p);
    const char *const without[] = {"duo", "arm", NULL};
    assert_fails(
        mn_fleet_plan_look(&s, "fridge", &(mn_fleet_plan_how){.without = without}, &p, &look),
        MN_ENOENT, "nobody alive can look at the fridge");
    for (int i = 0; i < s.n_robots; i++) s.robot[i].alive = 0;
    assert_fails(mn_fleet_plan_look(&s, "fridge", NULL, &p, &look), MN_ENOENT, "nobody alive");
    mn_scene_free(&s);
}

/* ---- why -------------------------------------------------------------------------------- */
/* The plan of these words as a task that has just begun, with its reasons. */
static json_t *task_of(const mn_scene *s, const char *words) {
    mn_goals g;
    mn_fleet_plan p;
    json_t *step;
    size_t i;
    assert_ok(mn_goals_read(s, words, &g));
    assert_ok(mn_fleet_plan_make(s, &g, NULL, &p));
    json_t *const task =
        json_pack("{s:o, s:o}", "goals", mn_goals_write(&g), "steps", mn_fleet_plan_write(&p));
    json_array_foreach(json_object_get(task, "steps"), i, step) {
        json_object_set_new(step, "state", json_string("waiting"));
    }
    mn_fleet_plan_free(&p);
    mn_goals_free(&g);
    assert_ok(mn_fleet_why(s, task));
    return task;
}

/* Some step says so. */
static void says(const json_t *task, const char *sentence) {
    json_t *step;
    size_t i;
    mn_buf all = {0};
    json_array_foreach(json_object_get(task, "steps"), i, step) {
        const char *const why = json_string_value(json_object_get(step, "why"));
        assert_non_null(why);
        assert_ok(mn_buf_printf(&all, "%s\n", why));
    }
    if (!strstr(all.data, sentence)) fail_msg("nobody says \"%s\":\n%s", sentence, all.data);
    mn_buf_free(&all);
}

static void each_step_says_why(void **state) {
    (void)state;
    mn_scene s;
    made_kitchen(&s);
    json_t *task = task_of(&s, "put the apple on the shelf and the cup_1 on the table");
    says(task, "arm takes cup_1, so that then arm puts cup_1 on carrier");
    says(task, "carrier goes to table, so that then");
    says(task, "duo puts cup_1 on table, as was asked: arm does not reach table (3.5 m, reach 1.0 "
               "m), carrier has no hand.");
    json_decref(task);
    mn_scene_thing(&s, "milk")->mass = 5;
    mn_scene_robot(&s, "arm")->payload = 1;
    task = task_of(&s, "put the milk on the table");
    says(task, "arm lifts 1.0 kg, not 5.0");
    says(task, "carrier has no hand");
    says(task, "duo opens fridge, so that then duo takes milk");
    json_t *const steps = json_object_get(task, "steps");
    assert_int_equal(json_array_size(steps), 5);
    assert_null(strstr(json_string_value(json_object_get(json_array_get(steps, 4), "why")), " s"));
    json_decref(task);
    mn_scene_free(&s);
}

/* Of what has ended only that is said which is still so; robots and things may have gone. */
static void what_has_ended_says_what_is_still_so(void **state) {
    (void)state;
    mn_scene s = one_room(2);
    made_end(&s);
    json_t *task = task_of(&s, "put the apple on b");
    says(task, "r1 goes to b, so that then r1 puts apple on b (s3): r2 would come in 10 s, not 6");
    json_t *step;
    size_t i;
    json_array_foreach(json_object_get(task, "steps"), i, step) {
        json_object_set_new(step, "state", json_string(i == 1 ? "replaced" : "done"));
    }
    assert_ok(mn_fleet_why(&s, task));
    says(task, "r1 puts apple on b, as was asked.");
    says(task, "r1 goes to b: it was planned anew.");
    json_object_set_new(step = json_array_get(json_object_get(task, "steps"), 0), "robot",
                        json_string("nobody"));
    json_object_set_new(step, "args", json_integer(3));
    json_array_append_new(json_object_get(task, "steps"), json_integer(7));
    assert_ok(mn_fleet_why(&s, task));
    json_decref(task);
    mn_scene_free(&s);
}

/* ---- wrong plans are found --------------------------------------------------------------- */
static void checked(const mn_scene *s, const char *steps, const char *why) {
    mn_goals g;
    mn_fleet_plan p;
    assert_ok(mn_goals_read(s, "put the apple on the table", &g));
    json_t *json = json_loads(steps, 0, NULL);
    assert_non_null(json);
    assert_ok(mn_fleet_plan_parse(s, json, &p));
    if (why)
        assert_fails(mn_fleet_plan_check(s, &p, &g), MN_EINVAL, why);
    else
        assert_ok(mn_fleet_plan_check(s, &p, &g));
    json_decref(json);
    mn_fleet_plan_free(&p);
    mn_goals_free(&g);
}

#define S(id, robot, skill, args, after)                                                 \
    "{\"id\":\"" id "\",\"robot\":\"" robot "\",\"skill\":\"" skill "\",\"args\":{" args \
    "},\"after\":[" after "]}"
#define GO(id, to, after)      S(id, "duo", "navigate", "\"place\":\"" to "\"", after)
#define TAKE(id, robot, after) S(id, robot, "grasp", "\"thing\":\"apple\"", after)
#define PUT(id, robot, to, after) \
    S(id, robot, "place", "\"thing\":\"apple\",\"place\":\"" to "\"", after)

static void wrong_plans_are_found(void **state) {
    (void)state;
    mn_scene s;
    made_kitchen(&s);
    checked(&s,
            "[" GO("1", "counter", "") "," TAKE("2", "duo", "\"1\"") "," GO(
                "3", "table", "\"2\"") "," PUT("4", "duo", "table", "\"3\"") "]",
            NULL);
    checked(&s, "[" TAKE("2", "duo", "") "]",
            "step 2 (duo: grasp): reaches(duo, apple) does not hold");
    checked(&s, "[" GO("1", "counter", "") "," TAKE("2", "duo", "\"1\"") "]",
            "after all steps, in(apple, table) is not so");
    checked(&s,
            "[" GO("1", "counter", "") "," TAKE("2", "duo", "\"1\"") "," GO(
                "3", "table", "\"1\"") "," PUT("4", "duo", "table", "\"2\",\"3\"") "]",
            "have no order");
    checked(&s, "[" TAKE("1", "arm", "") "," PUT("2", "arm", "carrier", "\"1\"") "]",
            "step 2 (arm: place): reaches(arm, carrier) does not hold");
    /* clang-format off */
    checked(
        &s,
        "[" S("0", "carrier", "navigate", "\"place\":\"counter\"", "") "," TAKE("1", "arm", "") ","
        PUT(
            "2", "arm", "carrier",
            "\"1\"") "," S("3", "carrier", "navigate", "\"place\":\"table\"",
                           "\"2\"") "," GO("4", "table",
                                           "") "," TAKE("5", "duo",
                                                        "\"4\",\"3\"") "," PUT("6", "duo", "table",
                                                                               "\"5\"") "]",
        "have no order");
    /* clang-format on */
    mn_scene_thing(&s, "table")->room_for = 1;
    checked(&s,
            "[" GO("1", "counter", "") "," TAKE("2", "duo", "\"1\"") "," GO(
                "3", "table", "\"2\"") "," PUT("4", "duo", "table", "\"3\"") "]",
            "table has room for 1, and may have 2 then");
    mn_scene_robot(&s, "duo")->payload = 0.1;
    checked(&s, "[" GO("1", "counter", "") "," TAKE("2", "duo", "\"1\"") "]",
            "duo carries 0.1 kg at most");
    mn_scene_thing(&s, "kitchen_door")->open = 0;
    checked(&s, "[" GO("1", "counter", "") "]", "no way leads there");
    mn_scene_free(&s);
}

static void time_is_told_both_ways(void **state) {
    (void)state;
    mn_fleet_plan p = {.n = 0};
    mn_step step[5] = {{.robot = "a", .seconds = 5},
                       {.robot = "b", .seconds = 1},
                       {.robot = "b", .seconds = 9, .after = {1}, .n_after = 1},
                       {.robot = "a", .seconds = 1, .after = {0}, .n_after = 1},
                       {.robot = "a", .seconds = 2, .after = {2}, .n_after = 1}};
    p.step = step, p.n = 5;
    assert_true(fabs(mn_fleet_plan_seconds(&p, 0) - 12) < 1e-9);
    assert_true(fabs(mn_fleet_plan_seconds(&p, MN_GROUPS_OF_STEPS) - 16) < 1e-9); /* 5, 9, 2 */
    /* a: 0 and 3, b: 1 and 2 are one subtask each; then 4 */
    assert_true(fabs(mn_fleet_plan_seconds(&p, MN_GROUPS_OF_RUNS) - 12) < 1e-9);
}

/* ---- random ------------------------------------------------------------------------------ */
static void check_one(uint64_t seed, double *worst) {
    mn_scene s;
    mn_goals g;
    mn_fleet_plan p, again;
    made_random(&s, seed, &g);
    struct timespec a, b;
    clock_gettime(CLOCK_MONOTONIC, &a);
    const int rc = mn_fleet_plan_make(&s, &g, NULL, &p);
    clock_gettime(CLOCK_MONOTONIC, &b);
    const double ms = (double)(b.tv_sec - a.tv_sec) * 1e3 + (double)(b.tv_nsec - a.tv_nsec) / 1e6;
    if (ms > *worst) *worst = ms;
    if (rc < 0) fail_msg("seed %d: %s", (int)seed, mn_error_detail());
    if (mn_fleet_plan_check(&s, &p, &g)) fail_msg("seed %d: %s", (int)seed, mn_error_detail());
    assert_ok(mn_fleet_plan_make(&s, &g, NULL, &again));
    char *one = text_of(&p), *two = text_of(&again);
    assert_string_equal(one, two);
    json_t *json = mn_fleet_plan_write(&p);
    mn_fleet_plan read;
    assert_ok(mn_fleet_plan_parse(&s, json, &read)); /* valid against the schema, no circle */
    assert_int_equal(read.n, p.n);
    json_decref(json);
    mn_free(one), mn_free(two);
    mn_fleet_plan_free(&read), mn_fleet_plan_free(&again);
    /* From the middle: some steps, with all they wait for, are done; the rest is planned anew. */
    mn_random r;
    mn_random_seed(&r, seed ^ 0x5bd1);
    for (int i = 0; i < p.n; i++) {
        int may = mn_random_unit(&r) < 0.7;
        for (int k = 0; k < p.step[i].n_after; k++) may &= p.step[p.step[i].after[k]].goal != -7;
        if (may)
            made_do(&s, p.step + i);
        else
            p.step[i].goal = -7; /* left undone */
    }
    if (mn_fleet_plan_make(&s, &g, NULL, &again) < 0)
        fail_msg("seed %d, from the middle: %s", (int)seed, mn_error_detail());
    if (mn_fleet_plan_check(&s, &again, &g))
        fail_msg("seed %d, from the middle: %s", (int)seed, mn_error_detail());
    mn_fleet_plan_free(&p), mn_fleet_plan_free(&again);
    mn_goals_free(&g);
    mn_scene_free(&s);
}

static void random_worlds_are_planned(void **state) {
    (void)state;
    const char *more = getenv("FLEET_PLAN_SEEDS");
    double worst = 0;
    for (uint64_t seed = 1; seed <= (more ? strtoul(more, NULL, 10) : 300); seed++)
        check_one(seed, &worst);
    print_message("slowest: %.1f ms\n", worst);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_step_says_why),
        cmocka_unit_test(what_has_ended_says_what_is_still_so),
        cmocka_unit_test(who_can_soonest_looks),
        cmocka_unit_test(what_is_closed_is_looked_into),
        cmocka_unit_test(one_robot_carries_one_thing),
        cmocka_unit_test(two_hands_carry_two_things_at_once),
        cmocka_unit_test(one_hand_and_a_tray_carry_two_things_at_once),
        cmocka_unit_test(work_is_shared),
        cmocka_unit_test(a_carrier_without_hands_is_loaded),
        cmocka_unit_test(what_is_closed_is_opened_and_closed_again),
        cmocka_unit_test(nothing_is_done_for_what_is_so),
        cmocka_unit_test(skills_are_used_by_their_manifests),
        cmocka_unit_test(what_cannot_be_is_said_with_numbers),
        cmocka_unit_test(what_failed_once_is_done_by_another),
        cmocka_unit_test(full_hands_are_emptied_first),
        cmocka_unit_test(nobody_meets_at_what_is_taken),
        cmocka_unit_test(wrong_plans_are_found),
        cmocka_unit_test(time_is_told_both_ways),
        cmocka_unit_test(random_worlds_are_planned),
    };
    return cmocka_run_group_tests(tests, begin, NULL);
}
