/* SPDX-License-Identifier: Apache-2.0
 *
 * test/fleet/test_sim.c - whole fleets in their own time: tasks are done in the truth, whoever dies
 * in the middle of whichever step, with skills that fail and lie, and brains that die; nothing is
 * lost or doubled, and one number says it all again.
 */
#include "test.h"

#include "base/alloc.h"
#include "base/hash.h"
#include "bench/roboos_reach.h"
#include "fleet/actors.h"
#include "fleet/world.h"
#include "until.h"

static const char task[] = "put the apple and the cup on the table";

static mn_sim_result run(const mn_sim_how *how, const char *text) {
    mn_sim_result r;
    assert_ok(mn_sim_run(how, text, &r));
    assert_int_equal(r.lost, 0);
    assert_int_equal(r.valid, 1);
    return r;
}

/* All events, as one number. */
static void fold(void *user, double t, const json_t *event) {
    uint64_t *const sum = user;
    char *const text = json_dumps(event, JSON_COMPACT | JSON_SORT_KEYS);
    *sum = *sum * 31 + mn_hash64(text, strlen(text)) + (uint64_t)(t * 1e9);
    free(text);
}

static void three_robots_do_it_together(void **state) {
    (void)state;
    const mn_sim_result r = run(&(mn_sim_how){.seed = 1}, task);
    assert_int_equal(r.reached, 1);
    assert_int_equal(r.replans, 0);
    assert_true(r.steps >= 4 && r.makespan < 1.5 * r.planned);
}

static void one_number_says_it_all_again(void **state) {
    (void)state;
    uint64_t sum[3] = {0};
    for (int i = 0; i < 3; i++)
        run(&(mn_sim_how){.seed = i == 2 ? 8 : 7, .fail = 0.1, .tell = fold, .user = &sum[i]},
            task);
    assert_true(sum[0] == sum[1] && sum[0] != sum[2]);
}

static void whoever_dies_in_whichever_step(void **state) {
    (void)state;
    static const char *const names[] = {"carrier", "arm", "dual"};
    int died = 0;
    for (int n = 0; n < 3; n++)
        for (int step = 0; step < 6; step++) {
            const mn_sim_result r = run(
                &(mn_sim_how){.seed = 1, .kill = names[n], .kill_at = -1, .kill_step = step}, task);
            if (!r.reached) fail_msg("%s killed in step %d: %s", names[n], step, r.why);
            died += r.replans > 0;
        }
    assert_true(died >= 8);
}

/* The robot that begins the first step. */
static void first_robot(void *user, double t, const json_t *event) {
    char *const name = user;
    const char *const kind = json_string_value(json_object_get(event, "kind"));
    (void)t;
    if (!*name && kind && strcmp(kind, "started") == 0)
        snprintf(name, MN_NAME + 1, "%s", json_string_value(json_object_get(event, "robot")));
}

/* Can the others do it? Decided without the planner. */
static int can_others(const json_t *world, const char *text, const char *dead) {
    mn_roboos_world w;
    mn_goals g;
    assert_ok(mn_roboos_world_open(world, &w));
    assert_ok(mn_goals_read(&w.scene, text, &g));
    const int can = mn_roboos_reachable(&w.scene, &g, dead, NULL);
    assert_true(can >= 0);
    mn_goals_free(&g);
    mn_roboos_world_close(&w);
    return can;
}

/* A death, and skills that fail: it is reached when it can be. 1: it was. */
static int with_a_death(uint64_t seed, int robots, const json_t *world, const char *text,
                        const char *name, int step, double fail, mn_sim_result *r) {
    const mn_sim_how how = {
        .world = world, .seed = seed, .kill = name, .kill_at = -1, .kill_step = step, .fail = fail};
    *r = run(&how, text);
    if (r->reached != can_others(world, text, name))
        fail_msg("world %lu, %d robots, %s killed in step %d: %s", (unsigned long)seed, robots,
                 name, step, r->reached ? "nobody could do that" : r->why);
    return r->reached;
}

static void made_worlds_with_a_death_and_failing_skills(void **state) {
    (void)state;
    int replanned = 0, failed = 0, reached = 0;
    double passed = 0, began = until_computed();
    for (uint64_t seed = 1; seed <= 50; seed++) {
        json_t *world = NULL;
        char *text = NULL, name[MN_NAME + 1] = "";
        const int robots = 3 + (int)(seed % 4);
        assert_ok(mn_fleet_world_make(seed, robots, &world, &text));
        mn_sim_how how = {.world = world, .seed = seed, .tell = first_robot, .user = name};
        mn_sim_result r = run(&how, text);
        if (!r.reached) fail_msg("world %lu: %s", (unsigned long)seed, r.why);
        assert_int_equal(r.replans, 0);
        passed += r.makespan;
        reached += with_a_death(seed, robots, world, text, name, (int)(seed % 3), 0.05, &r);
        passed += r.makespan;
        replanned += r.replanned;
        failed += r.failed_subtree;
        json_decref(world);
        mn_free(text);
    }
    const double computed = until_computed() - began;
    print_message("%d steps were planned anew for %d that failed: %.2f; %.0f s passed in %.2f s of "
                  "a processor: %.0f times\n",
                  replanned, failed, replanned / (double)failed, passed, computed,
                  passed / computed);
    assert_true(reached >= 40); /* the others cannot be reached by anybody */
    assert_true(replanned > 0 && replanned <= 1.5 * failed);
}

/* Each of them failed once, with a goal that could be reached. */
static void deaths_that_were_hard(void **state) {
    (void)state;
    static const struct {
        uint64_t seed;
        int robots;
        const char *dead;
        int step;
        double fail;
    } row[] = {
        {63, 6, "arm1", 3, 0},          /* both hands full before a closed cabinet */
        {63, 6, "arm1", 3, 0.05},       /* the same, and skills fail */
        {5015, 5, "carrier2", 1, 0.03}, /* a meeting at a thing on the floor, which is taken */
        {775019, 5, "dual1", 2, 0.03},  /* it dies at a door: nothing lies on one */
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        json_t *world = NULL;
        char *text = NULL;
        mn_sim_result r;
        assert_ok(mn_fleet_world_make(row[i].seed, row[i].robots, &world, &text));
        assert_int_equal(with_a_death(row[i].seed, row[i].robots, world, text, row[i].dead,
                                      row[i].step, row[i].fail, &r),
                         1);
        assert_true(r.replans > 0);
        json_decref(world);
        mn_free(text);
    }
}

static json_t *reach_world(const char *robots) {
    char text[2000];
    snprintf(
        text, sizeof text,
        "{\"name\": \"w\", \"rooms\": [{\"name\": \"a\", \"at\": [2, 2], \"size\": [4, 4]}, "
        "{\"name\": \"b\", \"at\": [6, 2], \"size\": [4, 4]}], \"doors\": [{\"name\": \"d\", "
        "\"joins\": [\"a\", \"b\"], \"at\": [4, 2], \"open\": false}], \"furniture\": "
        "[{\"name\": \"table\", \"room\": \"a\", \"at\": [1, 3.5], \"room_for\": 9}, {\"name\": "
        "\"shelf\", \"room\": \"b\", \"at\": [7, 3.5], \"room_for\": 9}], \"objects\": "
        "[{\"name\": \"cup\", \"on\": \"table\", \"mass\": 1}, {\"name\": \"pot\", \"on\": "
        "\"table\", \"mass\": 8}], \"robots\": [%s]}",
        robots);
    json_t *const world = json_loads(text, 0, NULL);
    assert_non_null(world);
    assert_ok(mn_fleet_world_check("a world", world, NULL));
    return world;
}

/* What is told to be reachable is so, and the planner agrees. */
static void reach_is(const char *robots, const char *text, const char *dead, int can) {
    json_t *const world = reach_world(robots);
    assert_int_equal(can_others(world, text, dead), can);
    if (!dead) assert_int_equal(run(&(mn_sim_how){.world = world, .seed = 1}, text).reached, can);
    json_decref(world);
}

#define ARM_A   "{\"name\": \"arm\", \"body\": \"arm\", \"at\": \"table\", \"speed\": 0.3}"
#define STILL_A "{\"name\": \"still\", \"body\": \"arm\", \"at\": \"table\", \"speed\": 0}"
#define STILL_B "{\"name\": \"there\", \"body\": \"arm\", \"at\": \"shelf\", \"speed\": 0}"
#define WHEELS                                                                                     \
    "{\"name\": \"wheels\", \"body\": \"wheels\", \"at\": \"table\", \"speed\": 1, \"room_for\": " \
    "2}"
static void what_can_be_reached_is_known_without_a_planner(void **state) {
    (void)state;
    const char *const cup = "put the cup on the shelf", *const pot = "put the pot on the shelf";
    reach_is(ARM_A, cup, NULL, 1); /* it opens the door itself */
    reach_is(ARM_A, pot, NULL, 0); /* too heavy */
    reach_is(ARM_A "," WHEELS, cup, "wheels", 1);
    reach_is(ARM_A "," WHEELS, cup, "arm", 0);
    reach_is(STILL_A "," WHEELS "," STILL_B, cup, NULL, 0); /* nobody opens the door */
    reach_is(STILL_A "," STILL_B, cup, NULL, 0);
    reach_is(STILL_A "," WHEELS "," STILL_B "," ARM_A, cup, "still", 1);
}

/* Two brains, of which one lets everybody keep his steps. */
static int relief_of(mn_sim_how how, const char *text, double sum[2]) {
    const mn_brain_how keep = {.keep = 1};
    const mn_sim_result with = run(&how, text);
    how.brain = &keep;
    const mn_sim_result without = run(&how, text);
    assert_int_equal(without.relieved, 0);
    if (!without.steps) return 0; /* it cannot be begun without who is late */
    if (!with.reached || !without.reached)
        fail_msg("world %lu: %s%s", (unsigned long)how.seed, with.why, without.why);
    sum[0] += with.makespan;
    sum[1] += without.makespan;
    return with.relieved > 0;
}

static void slow_robots_are_relieved_and_new_ones_take_part(void **state) {
    (void)state;
    double slow[2] = {0}, late[2] = {0};
    int relieved = 0, joined = 0;
    for (uint64_t seed = 101; seed <= 116; seed++) {
        json_t *world = NULL;
        char *text = NULL;
        assert_ok(mn_fleet_world_make(seed, 3 + (int)(seed % 4), &world, &text));
        relieved += relief_of(
            (mn_sim_how){.world = world, .seed = seed, .slow = "dual1", .slow_by = 4}, text, slow);
        joined += relief_of(
            (mn_sim_how){.world = world, .seed = seed, .late = "dual1", .joins = 10}, text, late);
        json_decref(world);
        mn_free(text);
    }
    print_message("one is slow: %.0f s, kept %.0f s (%d of 16); one is late: %.0f s, kept %.0f s "
                  "(%d)\n",
                  slow[0], slow[1], relieved, late[0], late[1], joined);
    assert_true(relieved >= 4 && slow[0] < 0.95 * slow[1]);
    assert_true(joined >= 4 && late[0] < 0.95 * late[1]);
}

static void a_lie_is_found_out(void **state) {
    (void)state;
    json_t *world = NULL;
    assert_ok(mn_fleet_world_read(NULL, &world));
    json_object_set_new(
        world, "failures",
        json_pack("[{s:s, s:s, s:i}]", "skill", "grasp", "code", "lied", "times", 1));
    const mn_sim_result r = run(&(mn_sim_how){.world = world, .seed = 3}, task);
    if (!r.reached) fail_msg("%s", r.why);
    json_decref(world);
}

static void brains_die_in_the_middle(void **state) {
    (void)state;
    for (int at = 1; at < 36; at += 5) {
        const mn_sim_result r =
            run(&(mn_sim_how){.seed = 2, .fail = 0.05, .brain_dies = at + 0.3}, task);
        if (!r.reached) fail_msg("the brain died after %d s: %s", at, r.why);
    }
}

static void groups_are_not_sooner(void **state) {
    (void)state;
    const mn_brain_how groups = {.groups = 1};
    const mn_sim_result ordered = run(&(mn_sim_how){.seed = 1, .brain = &groups}, task),
                        dag = run(&(mn_sim_how){.seed = 1}, task);
    assert_int_equal(ordered.reached, 1);
    assert_true(dag.makespan <= ordered.makespan + 1);
}

static void what_cannot_be_is_refused(void **state) {
    (void)state;
    mn_sim_result r;
    assert_fails(mn_sim_run(&(mn_sim_how){.kill = "zoe"}, task, &r), MN_EINVAL, "no robot 'zoe'");
    assert_fails(mn_sim_run(&(mn_sim_how){.slow = "zoe"}, task, &r), MN_EINVAL, "slow or late");
    assert_fails(mn_sim_run(&(mn_sim_how){.late = "zoe"}, task, &r), MN_EINVAL, "slow or late");
    assert_fails(mn_sim_run(&(mn_sim_how){.robots = 1000}, task, &r), MN_EINVAL, "1 to 64");
    assert_int_equal(mn_sim_run(&(mn_sim_how){.seed = 1}, "juggle the zebra", &r), MN_EINVAL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(three_robots_do_it_together),
        cmocka_unit_test(one_number_says_it_all_again),
        cmocka_unit_test(whoever_dies_in_whichever_step),
        cmocka_unit_test(made_worlds_with_a_death_and_failing_skills),
        cmocka_unit_test(deaths_that_were_hard),
        cmocka_unit_test(what_can_be_reached_is_known_without_a_planner),
        cmocka_unit_test(slow_robots_are_relieved_and_new_ones_take_part),
        cmocka_unit_test(a_lie_is_found_out),
        cmocka_unit_test(brains_die_in_the_middle),
        cmocka_unit_test(groups_are_not_sooner),
        cmocka_unit_test(what_cannot_be_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
