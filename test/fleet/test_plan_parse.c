/* SPDX-License-Identifier: Apache-2.0
 *
 * test/fleet/test_plan_parse.c - steps and goals as a model or a stranger may write them: what is
 * wrong is said by step and field, what is right is the same when it is written and read again,
 * and every allocation may fail.
 */
#include "test.h"

#include "made.h"

#include "base/alloc.h"
#include "base/json.h"
#include "fleet/plan.h"

#include <math.h>

static mn_scene scene;

static int begin(void **state) {
    (void)state;
    json_set_alloc_funcs(mn_malloc, mn_free);
    made_kitchen(&scene);
    return 0;
}
static int end(void **state) {
    (void)state;
    mn_scene_free(&scene);
    return 0;
}

static json_t *read_json(const char *text) {
    json_error_t e;
    char *const copy = strdup(text);
    for (char *c = copy; *c; c++) *c = (char)(*c == '\'' ? '"' : *c);
    json_t *const json = json_loads(copy, JSON_DECODE_ANY, &e);
    if (!json) fail_msg("%s: %s", copy, e.text);
    free(copy);
    return json;
}

/* ---- steps --------------------------------------------------------------------------------- */
static void wrong_steps_are_named(void **state) {
    static const struct {
        const char *steps, *why;
    } rows[] = {
        {"{}", "a plan is a list of steps"},
        {"'x'", "a plan is a list of steps"},
        {"[1]", "step 1: it is no object"},
        {"[{}]", "step 1: id"},
        {"[{'id': 7}]", "step 1: id"},
        {"[{'id': ''}]", "step 1: id"},
        {"[{'id': 'a b'}]", "a space or a control character"},
        {"[{'id': '0123456789012345'}]", "1 to 15 letters"},
        {"[{'id': 'a'}]", "step a: robot: it takes a name"},
        {"[{'id': 'a', 'robot': 'zoe'}]", "step a: robot: there is no 'zoe'"},
        {"[{'id': 'a', 'robot': 'apple'}]", "step a: robot: there is no 'apple'"},
        {"[{'id': 'a', 'robot': 'arm'}]", "step a: skill: it takes a name"},
        {"[{'id': 'a', 'robot': 'arm', 'skill': 'fly'}]", "arm has no 'fly'"},
        {"[{'id': 'a', 'robot': 'arm', 'skill': 'grasp', 'args': []}]",
         "step a: args: it takes an object"},
        {"[{'id': 'a', 'robot': 'arm', 'skill': 'grasp', 'args': {}}]", "step a: args:"},
        {"[{'id': 'a', 'robot': 'arm', 'skill': 'grasp', 'args': {'thing': 3}}]", "step a: args:"},
        {"[{'id': 'a', 'robot': 'arm', 'skill': 'grasp', 'args': {'thing': 'zebra'}}]",
         "step a: args.thing: there is no 'zebra'"},
        {"[{'id': 'a', 'robot': 'arm', 'skill': 'grasp', 'args': {'thing': 'carrier'}}]",
         "'carrier' is a robot: it cannot be carried"},
        {"[{'id': 'a', 'robot': 'arm', 'skill': 'hand_over', 'args': {'thing': 'apple', 'to': "
         "'table'}}]",
         "'table' is no robot"},
        {"[{'id': 'a', 'robot': 'arm', 'skill': 'grasp', 'args': {'thing': 'apple'}, 'after': "
         "'b'}]",
         "step a: after: it takes a list"},
        {"[{'id': 'a', 'robot': 'arm', 'skill': 'grasp', 'args': {'thing': 'apple'}, 'after': "
         "['b']}]",
         "step a: after: there is no step 'b'"},
        {"[{'id': 'a', 'robot': 'arm', 'skill': 'grasp', 'args': {'thing': 'apple'}, 'after': "
         "[1]}]",
         "step a: after: there is no step '(no text)'"},
        {"[{'id': 'a', 'robot': 'arm', 'skill': 'grasp', 'args': {'thing': 'apple'}, 'after': "
         "['a']}]",
         "step a: after: a circle"},
        {"[{'id': 'a', 'robot': 'arm', 'skill': 'grasp', 'args': {'thing': 'apple'}, 'after': "
         "['b']}, {'id': 'b', 'robot': 'arm', 'skill': 'grasp', 'args': {'thing': 'banana'}, "
         "'after': ['a']}]",
         "after: a circle"},
        {"[{'id': 'a', 'robot': 'arm', 'skill': 'grasp', 'args': {'thing': 'apple'}}, {'id': "
         "'a'}]",
         "step a: id: there are two of this name"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        mn_fleet_plan p;
        json_t *const json = read_json(rows[i].steps);
        assert_fails(mn_fleet_plan_parse(&scene, json, &p), MN_EINVAL, rows[i].why);
        assert_true(!p.n && !p.step);
        json_decref(json);
    }
}

static json_t *takes(int n, int waits) {
    json_t *const steps = json_array(), *const after = json_array();
    for (int i = 0; i < n; i++) {
        json_array_append_new(steps, json_pack("{s:o, s:s, s:s, s:{s:s}}", "id",
                                               json_sprintf("s%d", i), "robot", "arm", "skill",
                                               "grasp", "args", "thing", "apple"));
        if (i < waits) json_array_append_new(after, json_sprintf("s%d", i));
    }
    json_object_set_new(json_array_get(steps, (size_t)n - 1), "after", after);
    return steps;
}

static void too_many_are_refused_with_their_number(void **state) {
    mn_fleet_plan p;
    json_t *json = takes(MN_PLAN_STEPS + 1, 0);
    (void)state;
    assert_fails(mn_fleet_plan_parse(&scene, json, &p), MN_EINVAL, "513 steps; at most 512");
    json_decref(json);
    json = takes(MN_PLAN_STEPS, MN_STEP_AFTER);
    assert_ok(mn_fleet_plan_parse(&scene, json, &p));
    assert_int_equal(p.n, MN_PLAN_STEPS);
    assert_int_equal(p.step[MN_PLAN_STEPS - 1].n_after, MN_STEP_AFTER);
    mn_fleet_plan_free(&p);
    json_decref(json);
    json = takes(40, MN_STEP_AFTER + 1);
    assert_fails(mn_fleet_plan_parse(&scene, json, &p), MN_EINVAL, "17 steps, of at most 16");
    json_decref(json);
}

static void who_is_dead_does_nothing(void **state) {
    mn_fleet_plan p;
    json_t *const json = takes(1, 0);
    (void)state;
    mn_scene_robot(&scene, "arm")->alive = 0;
    assert_fails(mn_fleet_plan_parse(&scene, json, &p), MN_EINVAL, "arm is not alive");
    mn_scene_robot(&scene, "arm")->alive = 1;
    json_decref(json);
}

#define CARRY                                                                                  \
    "[{'id': 'd', 'robot': 'duo', 'skill': 'place', 'args': {'thing': 'apple', 'place': "      \
    "'table'}, 'after': ['c', 'c']}, {'id': 'c', 'robot': 'duo', 'skill': 'navigate', 'args':" \
    " {'place': 'table'}, 'after': ['b']}, {'id': 'b', 'robot': 'duo', 'skill': 'grasp', "     \
    "'args': {'thing': 'apple'}, 'after': ['a'], 'seconds': -9}, {'id': 'a', 'robot': 'duo', " \
    "'skill': 'navigate', 'args': {'place': 'counter'}, 'junk': [[[]]]}]"

static void steps_said_backwards_are_put_in_order(void **state) {
    mn_fleet_plan p, again;
    mn_goals g;
    json_t *const json = read_json(CARRY);
    (void)state;
    assert_ok(mn_goals_read(&scene, "put the apple on the table", &g));
    assert_ok(mn_fleet_plan_parse(&scene, json, &p));
    assert_int_equal(p.n, 4);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(p.step[i].id[0], 'a' + i);
        assert_int_equal(p.step[i].n_after, i > 0); /* named twice, waited for once */
        assert_true(p.step[i].seconds > 0 && isfinite(p.step[i].seconds));
    }
    assert_ok(mn_fleet_plan_check(&scene, &p, &g));
    json_t *const text = mn_fleet_plan_write(&p);
    assert_ok(mn_fleet_plan_parse(&scene, text, &again));
    json_t *const is = mn_fleet_plan_write(&again);
    assert_true(json_equal(text, is));
    json_decref(is);
    json_decref(text);
    json_decref(json);
    mn_fleet_plan_free(&again);
    mn_fleet_plan_free(&p);
    mn_goals_free(&g);
}

/* ---- goals --------------------------------------------------------------------------------- */
static void wrong_goals_are_named(void **state) {
    static const struct {
        const char *goals, *why;
    } rows[] = {
        {"{}", "goals are a list"},
        {"['now']", "goal 1: 'now' is no goal"},
        {"[3]", "goal 1: it is no"},
        {"[[]]", "goal 1: it is no"},
        {"[['in', 'apple', 'table'], ['on', 'apple', 'table']]", "goal 2: 'on' with 2 words"},
        {"[['in', 'apple']]", "'in' with 1 words"},
        {"[['!', 'apple', 'table']]", "is no goal"},
        {"[['open', 'fridge', 'table']]", "'open' with 2 words"},
        {"[['in', 'apple', 'table', 'sink']]", "goal 1"},
        {"[['in', 'apple', 4]]", "goal 1: word 3 is no text"},
        {"[['in', 'zebra', 'table']]", "goal 1: there is no thing 'zebra'"},
        {"[['in', 'apple', 'zebra']]", "goal 1: there is no thing 'zebra'"},
        {"[['at', 'apple', 'table']]", "goal 1: there is no robot 'apple'"},
        {"[['holding', 'table', 'apple']]", "goal 1: there is no robot 'table'"},
        {"[['say']]", "say takes one text"},
        {"[['in', 'apple', 'table'], ['in', 'apple', 'sink']]",
         "apple cannot be both table and sink"},
        {"[['holding', 'arm', 'apple'], ['in', 'apple', 'sink']]",
         "apple cannot be both arm and sink"},
        {"[['open', 'fridge'], ['!open', 'fridge']]", "fridge cannot be both open and not open"},
        {"[['free', 'arm'], ['!free', 'arm']]", "arm cannot be both free and not free"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        mn_goals g;
        json_t *const json = read_json(rows[i].goals);
        assert_fails(mn_goals_parse(&scene, json, &g), MN_EINVAL, rows[i].why);
        assert_true(!g.n && !g.arena.limit);
        json_decref(json);
    }
}

static void then_counts_only_between_goals(void **state) {
    mn_goals g;
    json_t *const json = json_array();
    (void)state;
    for (int i = 0; i < 5000; i++) json_array_append_new(json, json_string("then"));
    for (int i = 0; i < 3; i++) { /* what a later one undoes is left out, and its stage with it */
        json_array_append_new(json,
                              json_pack("[s, s, s]", "in", "apple", i == 1 ? "sink" : "table"));
        json_array_append_new(json, json_string("then"));
        json_array_append_new(json, json_string("then"));
        json_array_append_new(json, json_pack("[s, s, s]", "in", i ? "milk" : "banana", "table"));
        json_array_append_new(json, json_string("then"));
    }
    assert_ok(mn_goals_parse(&scene, json, &g));
    assert_int_equal(g.n, 3);
    for (int i = 0; i < g.n; i++) assert_int_equal(g.stage[i], i);
    mn_goals_free(&g);
    json_decref(json);
}

static void goals_are_the_same_again(void **state) {
    mn_goals g;
    json_t *const json = read_json("[['in', 'apple', 'table'], ['!holding', 'arm', 'milk'], "
                                   "'then', ['is', 'cup_1', 'clean'], 'close', ['say', 'so']]");
    (void)state;
    assert_ok(mn_goals_parse(&scene, json, &g));
    json_t *const is = mn_goals_write(&g);
    assert_true(json_equal(json, is));
    json_decref(is);
    json_decref(json);
    mn_goals_free(&g);
}

static void too_many_goals_are_refused(void **state) {
    mn_goals g;
    json_t *const json = json_array();
    (void)state;
    for (int i = 0; i <= MN_GOALS; i++)
        json_array_append_new(json, json_pack("[s, s, o]", "is", "apple", json_sprintf("w%d", i)));
    assert_fails(mn_goals_parse(&scene, json, &g), MN_EFULL, "at most 64 goals");
    json_decref(json);
}

/* ---- memory -------------------------------------------------------------------------------- */
static void every_allocation_may_fail(void **state) {
    json_t *const goals = read_json("[['in', 'apple', 'table'], 'then', ['open', 'fridge']]");
    json_t *const steps = read_json(CARRY);
    int done = 0;
    (void)state;
    for (long n = 1; n < 2000 && done < 2; n++) {
        mn_goals g;
        mn_fleet_plan p;
        mn_alloc_fail_after(n);
        const int rc =
            done ? mn_fleet_plan_parse(&scene, steps, &p) : mn_goals_parse(&scene, goals, &g);
        mn_alloc_fail_after(0);
        if (rc < 0) assert_int_equal(rc, MN_ENOMEM);
        if (rc < 0 && done) assert_true(!p.n && !p.step);
        if (rc < 0 && !done) assert_true(!g.n && !g.arena.limit);
        if (rc < 0) continue;
        if (done)
            mn_fleet_plan_free(&p);
        else
            mn_goals_free(&g);
        done++, n = 0;
    }
    assert_int_equal(done, 2);
    json_decref(goals);
    json_decref(steps);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_steps_are_named),
        cmocka_unit_test(too_many_are_refused_with_their_number),
        cmocka_unit_test(who_is_dead_does_nothing),
        cmocka_unit_test(steps_said_backwards_are_put_in_order),
        cmocka_unit_test(wrong_goals_are_named),
        cmocka_unit_test(then_counts_only_between_goals),
        cmocka_unit_test(goals_are_the_same_again),
        cmocka_unit_test(too_many_goals_are_refused),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
