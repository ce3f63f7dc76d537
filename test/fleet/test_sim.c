/* SPDX-License-Identifier: Apache-2.0
 *
 * test/fleet/test_sim.c - whole fleets in their own time: tasks are done in the truth, whoever dies
 * in the middle of whichever step, with skills that fail and lie, and brains that die; nothing is
 * lost or doubled, and one number says it all again.
 */
#include "test.h"

#include "base/alloc.h"
#include "base/hash.h"
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

/* Can the others do it alone, from the beginning? */
static int without(const json_t *world, const char *name, uint64_t seed, const char *text) {
    json_t *const fewer = json_deep_copy(world), *const robots = json_object_get(fewer, "robots");
    mn_sim_result r = {.reached = 0};
    for (size_t i = json_array_size(robots); i--;)
        if (!strcmp(json_string_value(json_object_get(json_array_get(robots, i), "name")), name))
            json_array_remove(robots, i);
    r = run(&(mn_sim_how){.world = fewer, .seed = seed}, text);
    json_decref(fewer);
    return r.reached;
}

static void made_worlds_with_a_death_and_failing_skills(void **state) {
    (void)state;
    int replanned = 0, failed = 0, hopeless = 0;
    double passed = 0, began = until_computed();
    for (uint64_t seed = 1; seed <= 50; seed++) {
        json_t *world = NULL;
        char *text = NULL, name[MN_NAME + 1] = "";
        assert_ok(mn_fleet_world_make(seed, 3 + (int)(seed % 4), &world, &text));
        mn_sim_how how = {.world = world, .seed = seed, .tell = first_robot, .user = name};
        mn_sim_result r = run(&how, text);
        if (!r.reached) fail_msg("world %lu: %s", (unsigned long)seed, r.why);
        assert_int_equal(r.replans, 0);
        passed += r.makespan;
        how.tell = NULL;
        how.kill = name;
        how.kill_at = -1;
        how.kill_step = (int)(seed % 3);
        how.fail = 0.05;
        r = run(&how, text);
        if (!r.reached && without(world, name, seed, text))
            fail_msg("world %lu, %s killed in step %d: %s", (unsigned long)seed, name,
                     how.kill_step, r.why);
        if (!r.reached) print_message("world %lu: %s\n", (unsigned long)seed, r.why);
        hopeless += !r.reached;
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
    assert_true(hopeless <= 5); /* made worlds mostly have a second who can */
    assert_true(replanned > 0 && replanned <= 1.5 * failed);
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
    assert_fails(mn_sim_run(&(mn_sim_how){.robots = 1000}, task, &r), MN_EINVAL, "1 to 64");
    assert_int_equal(mn_sim_run(&(mn_sim_how){.seed = 1}, "juggle the zebra", &r), MN_EINVAL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(three_robots_do_it_together),
        cmocka_unit_test(one_number_says_it_all_again),
        cmocka_unit_test(whoever_dies_in_whichever_step),
        cmocka_unit_test(made_worlds_with_a_death_and_failing_skills),
        cmocka_unit_test(a_lie_is_found_out),
        cmocka_unit_test(brains_die_in_the_middle),
        cmocka_unit_test(groups_are_not_sooner),
        cmocka_unit_test(what_cannot_be_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
