/* SPDX-License-Identifier: Apache-2.0
 *
 * test/fleet/test_brain.c - a brain and robots on hosts that do as the test says, in time that the
 * test lets pass: plans that are carried out, what fails and is recovered, robots that die, brains
 * that die, stop, cancel, people who are asked, two tasks at once.
 */
#include "brain_bed.h"

/* ---- what goes well ------------------------------------------------------------------------ */
static void a_task_is_planned_given_and_done(void **state) {
    (void)state;
    ask("put the cup and the apple on the table", 0);
    until_ended("t1", "done");
    fake_is("thing/", "cup", "at", "table");
    fake_is("thing/", "apple", "at", "table");
    fake_sound();
    assert_int_equal(number_of("t1", "replans"), 0);
    assert_int_equal(count_steps("t1", "done"), host[0].started - fake_events("unverified"));
    fake_is("call/", "ann", "state", "idle");
}

static void what_is_true_already_needs_no_step(void **state) {
    (void)state;
    ask("put the cup on the counter", 0);
    until_ended("t1", "done");
    assert_int_equal(host[0].started, 0);
}

static void what_was_not_understood_fails_with_a_sentence(void **state) {
    (void)state;
    ask("put the zebra on the table", 0);
    until_ended("t1", "failed");
    json_t *const task = fake_get("task/", "t1");
    assert_non_null(strstr(mn_brain_field(task, "why"), "zebra"));
    json_decref(task);
}

static void two_tasks_share_a_robot(void **state) {
    (void)state;
    ask("put the cup on the table", 0);
    pass(100);
    ask("put the apple on the table", 0);
    until_ended("t1", "done");
    until_ended("t2", "done");
    fake_is("thing/", "cup", "at", "table");
    fake_is("thing/", "apple", "at", "table");
    assert_int_equal(number_of("t1", "replans") + number_of("t2", "replans"), 0);
}

static void two_robots_do_two_things_at_once(void **state) {
    (void)state;
    robot[1] = fake_robot("bob", "counter", fake_open(&host[1], NULL));
    pass(300);
    ask("put the cup and the apple on the table", 0);
    until_ended("t1", "done");
    assert_true(host[0].started && host[1].started);
    fake_sound();
}

/* ---- relief -------------------------------------------------------------------------------- */
static void more_things(void) {
    fake_put("thing/", "pear",
             "{\"class\":\"pear\",\"kind\":\"object\",\"at\":\"counter\",\"how\":"
             "\"on\",\"mass\":0.2}");
    fake_put("thing/", "bowl",
             "{\"class\":\"bowl\",\"kind\":\"object\",\"at\":\"counter\",\"how\":"
             "\"on\",\"mass\":0.2}");
    fake_put("holds/", "counter", "{\"holds\":[\"cup\",\"apple\",\"pear\",\"bowl\"]}");
}
static const char four[] = "put the cup, the apple, the pear and the bowl on the table";

/* Steps of the robot in that state. */
static int steps_of(const char *robot_name, const char *state) {
    json_t *const task = fake_get("task/", "t1"), *step;
    size_t i;
    int n = 0;
    json_array_foreach(json_object_get(task, "steps"), i, step) n +=
        mn_brain_is(step, state) && !strcmp(mn_brain_field(step, "robot"), robot_name);
    json_decref(task);
    return n;
}

static void later_steps_of_a_slow_robot_go_to_others(void **state) {
    (void)state;
    more_things();
    robot[1] = fake_robot("bob", "counter", fake_open(&host[1], NULL));
    host[0].takes = 14000; /* ann: each of her steps should take 3 or 4 s */
    host[1].takes = 3000;
    pass(300);
    ask(four, 0);
    pass(3000);
    const int planned = steps_of("ann", "waiting") + steps_of("ann", "running");
    const int began = host[0].started;
    assert_int_equal(began, 1);
    assert_true(planned >= 3);
    until_ended("t1", "done");
    assert_true(number_of("t1", "relieved") >= 1);
    assert_int_equal(fake_events("relieved"), number_of("t1", "relieved"));
    assert_int_equal(number_of("t1", "replans"), 0); /* nothing had failed */
    assert_true(steps_of("ann", "done") >= 1);       /* what she had begun she ended */
    assert_true(steps_of("ann", "done") < planned);
    assert_true(steps_of("ann", "replaced") >= 1);
    fake_sound();
}

static void who_is_in_time_again_is_slow_no_more(void **state) {
    (void)state;
    more_things();
    host[0].takes = 12000;
    pass(300);
    ask(four, 0);
    for (int i = 0; i < 40 && steps_of("ann", "done") < 1; i++) pass(1000);
    json_t *task = fake_get("task/", "t1");
    assert_true(json_number_value(json_object_get(json_object_get(task, "paces"), "ann")) > 2);
    json_decref(task);
    host[0].takes = 2000;
    for (int i = 0; i < 40 && steps_of("ann", "done") < 3; i++) pass(1000);
    task = fake_get("task/", "t1");
    assert_null(json_object_get(json_object_get(task, "paces"), "ann"));
    json_decref(task);
    until_ended("t1", "done");
    assert_int_equal(number_of("t1", "relieved"), 0); /* there was nobody else */
}

static void a_new_robot_relieves_a_running_plan(void **state) {
    (void)state;
    more_things();
    host[0].takes = 3000;
    pass(300);
    ask(four, 0);
    pass(4000);
    assert_true(steps_of("ann", "running") == 1);
    robot[1] = fake_robot("bob", "counter", fake_open(&host[1], NULL));
    host[1].takes = 3000;
    until_ended("t1", "done");
    assert_int_equal(number_of("t1", "relieved"), 1);
    assert_true(steps_of("bob", "done") >= 3);
    assert_int_equal(host[0].cancelled, 0);
    assert_int_equal(number_of("t1", "replans"), 0);
    static const char *const all[] = {"cup", "apple", "pear", "bowl"};
    for (int i = 0; i < 4; i++) fake_is("thing/", all[i], "at", "table");
    fake_sound();
}

static void what_is_not_worth_it_stays(void **state) {
    (void)state;
    host[0].takes = 3000;
    pass(300);
    ask("put the cup on the table", 0);
    pass(4000);
    robot[1] = fake_robot("bob", "counter", fake_open(&host[1], NULL));
    until_ended("t1", "done");
    assert_int_equal(number_of("t1", "relieved"), 0);
    assert_int_equal(host[1].started, 0);
}

static void who_confirms_each_step_is_asked_about_the_new_ones(void **state) {
    (void)state;
    more_things();
    pass(300);
    ask(four, 1);
    pass(1000);
    robot[1] = fake_robot("bob", "counter", fake_open(&host[1], NULL));
    pass(3000);
    assert_int_equal(number_of("t1", "relieved"), 1);
    assert_int_equal(host[0].started + host[1].started, 0); /* nobody has said yes */
    assert_int_equal(count_steps("t1", "asked"), 2);
}

static void nobody_there_is_waited_for(void **state) {
    (void)state;
    mn_actor_robot_leave(&robot[0]);
    ask("put the cup on the table", 0);
    pass(3000);
    assert_string_equal(state_of("t1"), "planning");
    robot[0] = fake_robot("cy", "counter", fake_open(&host[0], NULL));
    until_ended("t1", "done");
    mn_actor_robot_leave(&robot[0]);
    ask("put the cup on the counter", 0);
    until_ended("t2", "failed");
}

/* A bridge brings one thing after the other: who is known of but was not heard yet is given
 * nothing, and no task fails for it. */
static void who_was_never_heard_is_waited_for(void **state) {
    (void)state;
    json_t *const bob = fake_get("robot/", "ann");
    mn_actor_robot_leave(&robot[0]);
    assert_int_equal(json_object_set_new(bob, "home", json_string("beta")), 0);
    char *const text = json_dumps(bob, 0);
    json_decref(bob);
    fake_put("robot/", "bob", text);
    free(text);
    fake_put("lease/", "bob", "{\"epoch\": 1}");
    ask("put the cup on the table", 1);
    pass(3000);
    assert_string_equal(state_of("t1"), "planning");
    kitchen_state(board, "bob", "counter", 1, 4.4, UINT64_MAX / 2);
    pass(1000);
    assert_string_equal(state_of("t1"), "running");
    assert_int_equal(number_of("t1", "replans"), 0);
    assert_int_equal(count_steps("t1", "asked"), 1);
}

static void who_comes_back_soon_is_waited_for(void **state) {
    (void)state;
    ask("put the cup on the table", 0);
    pass(1500);
    assert_string_equal(state_of("t1"), "running");
    mn_actor_robot_die(&robot[0]);
    pass(MN_BRAIN_ALONE * 1000 - 5000);
    assert_string_equal(state_of("t1"), "running");
    assert_int_equal(fake_events("alone"), 1);
    robot[0] = fake_robot("ann", "counter", fake_open(&host[0], NULL));
    until_ended("t1", "done");
    fake_is("thing/", "cup", "at", "table");
    json_t *const task = fake_get("task/", "t1");
    assert_null(json_object_get(task, "alone"));
    json_decref(task);
}

static void when_nobody_comes_back_the_task_fails(void **state) {
    (void)state;
    ask("put the cup on the table", 0);
    pass(1500);
    mn_actor_robot_die(&robot[0]);
    pass(20000);
    mn_brain_close(&brain); /* the next one goes on to wait, and does not begin to */
    assert_ok(mn_brain_open(board, &how, &brain));
    pass(9000);
    assert_string_equal(state_of("t1"), "running");
    pass(4000);
    assert_string_equal(state_of("t1"), "failed");
    assert_non_null(strstr(why_of("t1"), "nobody has been alive for 30 s"));
    assert_int_equal(fake_events("alone"), 1);
}

/* ---- people -------------------------------------------------------------------------------- */
static void a_person_is_asked_before_each_step(void **state) {
    (void)state;
    ask("put the cup on the table", 1);
    pass(2000);
    assert_int_equal(count_steps("t1", "asked"), 1);
    assert_int_equal(host[0].started, 0);
    assert_int_equal(fake_events("confirm"), 1);
    fake_put("confirm/", "t1.s1", "{\"ok\":true,\"by\":\"me\"}");
    pass(5000);
    assert_int_equal(count_steps("t1", "done"), 1);
    json_t *const gone = fake_get("confirm/", "t1.s1");
    assert_null(gone);
    fake_put("confirm/", "t1.s2", "{\"ok\":false,\"by\":\"me\"}");
    until_ended("t1", "failed");
    json_t *const task = fake_get("task/", "t1");
    assert_non_null(strstr(mn_brain_field(task, "why"), "said no"));
    json_decref(task);
}

static void a_cancelled_task_ends_what_runs(void **state) {
    (void)state;
    ask("put the cup on the table", 0);
    pass(300);
    assert_string_equal(state_of("t1"), "running");
    assert_ok(mn_fleet_cancel(board, "t1"));
    until_ended("t1", "cancelled");
    assert_true(host[0].cancelled);
    fake_sound();
    ask("put the cup on the table", 0); /* it is free again */
    until_ended("t2", "done");
}

static void after_a_stop_it_goes_on(void **state) {
    (void)state;
    ask("put the cup on the table", 0);
    pass(300);
    assert_ok(mn_fleet_stop(board, NULL, "me"));
    pass(100);
    const int started = host[0].started;
    pass(5000);
    assert_int_equal(host[0].started, started);
    assert_string_equal(state_of("t1"), "running");
    assert_ok(mn_fleet_resume(board, NULL));
    until_ended("t1", "done");
    assert_int_equal(number_of("t1", "replans"), 0);
    fake_is("thing/", "cup", "at", "table");
}

/* ---- what fails ---------------------------------------------------------------------------- */
static void what_failed_once_is_done_again(void **state) {
    (void)state;
    ask("put the cup on the table", 0);
    host[0].code = "crashed";
    pass(1500);
    host[0].code = NULL;
    until_ended("t1", "done");
    assert_int_equal(number_of("t1", "replans"), 0);
    assert_true(fake_events("recover") >= 1);
}

static void who_cannot_is_replaced(void **state) {
    (void)state;
    robot[1] = fake_robot("bob", "table", fake_open(&host[1], NULL));
    pass(300);
    host[0].code = "too_heavy"; /* ann says so of whatever it does */
    ask("put the cup on the table", 0);
    until_ended("t1", "done");
    fake_is("thing/", "cup", "at", "table");
    fake_sound();
}

/* Planned anew it may be the same step again: it is tried in the next way, not in the first one. */
static void who_fails_again_after_a_replan_is_replaced(void **state) {
    (void)state;
    static const char *const codes[] = {"failed", "arguments", "never_heard_of", "not_seen"};
    robot[1] = fake_robot("bob", "table", fake_open(&host[1], NULL));
    pass(300);
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        const char *const to = i % 2 ? "counter" : "table";
        char text[64];
        snprintf(text, sizeof text, "put the cup on the %s", to);
        host[0].code = codes[i];
        const char *const id = ask(text, 0);
        until_ended(id, "done");
        fake_is("thing/", "cup", "at", to);
        assert_true(number_of(id, "replans") <= 4);
    }
    fake_sound();
}

static mn_skill_host *can_wash(mn_skill_host *h, int seconds) {
    json_t *const wash =
        json_pack("{s:s, s:{s:s, s:{s:{s:s}}}, s:{s:{s:[s], s:i}}}", "name", "wash", "inputSchema",
                  "type", "object", "properties", "thing", "type", "string", "_meta",
                  "omnesia/skill", "makes", "is(thing, clean)", "seconds", seconds);
    assert_int_equal(json_array_append_new(((fake_host *)h)->manifests, wash), 0);
    return h;
}

/* Its work goes to bob, who has just done something for a later task. */
static void what_was_done_is_taken_down_before_more_is_given(void **state) {
    (void)state;
    mn_actor_robot_leave(&robot[0]);
    robot[0] = fake_robot("ann", "counter", can_wash(fake_open(&host[0], "nothing"), 1));
    robot[1] = fake_robot("bob", "table", can_wash(fake_open(&host[1], NULL), 9));
    pass(300);
    host[0].code = "crashed";
    ask("wash the cup", 0);
    pass(100);
    ask("put the apple on the table", 0);
    until_ended("t1", "done");
    until_ended("t2", "done");
    json_t *const task = fake_get("task/", "t2"), *step;
    size_t i;
    json_array_foreach(json_object_get(task, "steps"), i, step) {
        assert_string_not_equal(mn_brain_field(step, "code"), "lost");
    }
    json_decref(task);
    fake_sound();
}

static void what_nobody_can_ends_with_a_sentence(void **state) {
    (void)state;
    host[0].code = "stuck";
    ask("put the cup on the table", 0);
    until_ended("t1", "failed");
    assert_true(number_of("t1", "replans") <= MN_BRAIN_STUCK);
    json_t *const task = fake_get("task/", "t1");
    assert_true(strlen(mn_brain_field(task, "why")) > 10);
    json_decref(task);
}

/* ---- who dies ------------------------------------------------------------------------------ */
static void a_dead_robot_is_seen_after_two_heartbeats_and_replaced(void **state) {
    (void)state;
    robot[1] = fake_robot("bob", "table", fake_open(&host[1], NULL));
    pass(300);
    ask("put the cup on the table", 0);
    for (int i = 0; i < 600; i++) { /* until somebody has it */
        pass(10);
        json_t *const cup = fake_get("thing/", "cup");
        const int held = strcmp(mn_brain_field(cup, "at"), "counter") != 0;
        json_decref(cup);
        if (held) break;
    }
    json_t *const cup = fake_get("thing/", "cup");
    const int who = strcmp(mn_brain_field(cup, "at"), "bob") == 0;
    json_decref(cup);
    mn_actor_robot_die(&robot[who]);
    pass(2 * MN_FLEET_BEAT + 20);
    assert_int_equal(fake_events("lost"), 1);
    assert_int_equal(fake_events("fell"), 1);
    fake_sound();
    until_ended("t1", "done");
    assert_int_equal(fake_events("recover"), 1); /* for all of its steps */
    fake_is("thing/", "cup", "at", "table");
    assert_int_equal(number_of("t1", "replans"), 1);
    fake_sound();
}

static void a_dead_brains_tasks_go_on(void **state) {
    (void)state;
    ask("put the cup and the apple on the table", 0);
    for (int n = 0; n < 40; n++) { /* it dies again and again, anywhere */
        pass(170);
        mn_brain_die(&brain);
        fake_clock(1);
        mn_brain *too_soon = NULL;
        assert_fails(mn_brain_open(board, &how, &too_soon), MN_EBUSY, "is the brain of this fleet");
        pass(3100);
        assert_ok(mn_brain_open(board, &how, &brain));
        if (strcmp(state_of("t1"), "done") == 0) break;
    }
    until_ended("t1", "done");
    fake_is("thing/", "cup", "at", "table");
    fake_is("thing/", "apple", "at", "table");
    fake_sound();
}

static void the_older_of_two_brains_ends(void **state) {
    (void)state;
    mn_brain *next = NULL;
    uint64_t again;
    fake_clock(4000);
    assert_ok(mn_brain_open(board, &how, &next));
    assert_fails(mn_brain_step(brain, &again), MN_ECANCELLED, "another brain has taken over");
    mn_brain_close(&brain); /* this does not end the other's */
    assert_ok(mn_brain_step(next, &again));
    brain = next;
}

/* In the middle of its step, after it has looked whether it is the brain: whatever it would put. */
static void what_the_older_brain_still_puts_counts_for_nothing(void **state) {
    (void)state;
    mn_brain *const old = brain;
    ask("put the cup on the table", 1);
    pass(1000);
    fake_put("confirm/", "t1.s1", "{\"ok\":true,\"by\":\"me\"}");
    pass(100);
    assert_int_equal(count_steps("t1", "running"), 1);
    assert_ok(mn_board_del(board, "brain", "", 0, 0));
    assert_ok(mn_brain_open(board, &how, &brain));
    mn_brain_task *const t = &old->task[0];
    json_t *const step = json_array_get(json_object_get(t->json, "steps"), 0);
    assert_fails(mn_brain_cancel(old, t), MN_ECONFLICT, "");
    fake_is("call/", "ann", "state", "running");
    assert_ok(mn_brain_set(old->robot[0].call, "state", json_string("running")));
    assert_ok(mn_brain_set(step, "slow", json_real(1e9)));
    fake_clock(21500); /* longer than it may take */
    assert_fails(mn_monitor_step(old, t, step, &old->robot[0]), MN_ECONFLICT, "");
    fake_is("call/", "ann", "state", "running");
    mn_brain *gone = old;
    mn_brain_die(&gone);
}

static void a_silent_robot_that_lives_after_all_has_lost_its_lease(void **state) {
    (void)state;
    mn_actor_robot *const asleep = robot[0];
    uint64_t again;
    robot[0] = NULL;
    pass(800);
    assert_int_equal(fake_events("lost"), 1);
    assert_fails(mn_actor_robot_step(asleep, &again), MN_ECANCELLED, "lease");
    robot[0] = asleep;
}

static void a_brain_that_slept_lets_robots_speak_first(void **state) {
    (void)state;
    pass(500);
    fake_clock(60000); /* all slept */
    assert_ok(mn_brain_step(brain, &due[ROBOTS]));
    assert_int_equal(fake_events("lost"), 0);
    pass(1000);
    assert_int_equal(fake_events("lost"), 0);
}

/* ---- bad input ----------------------------------------------------------------------------- */
static void what_is_damaged_is_said_and_passed_over(void **state) {
    (void)state;
    char key[MN_FLEET_KEY];
    const char *const kinds[] = {"ask/", "task/", "call/", "lease/"};
    for (int i = 0; i < 4; i++) {
        assert_ok(mn_board_key(board, kinds[i], i < 2 ? "t5" : "zoe", key));
        mn_edit edit = {.key = key, .kind = MN_EDIT_PUT, .value = "{gibberish", .n = 10};
        assert_ok(board->ops->commit(board, &edit, 1));
    }
    ask("put the cup on the table", 0);
    json_t *const asked = fake_get("ask/", "t6");
    assert_non_null(asked);
    json_decref(asked);
    until_ended("t6", "done");
    assert_true(fake_events("refused") >= 1);
}

static void a_task_that_makes_no_sense_harms_nobody(void **state) {
    (void)state;
    fake_put(
        "task/", "t9",
        "{\"id\":\"t9\",\"state\":\"running\",\"goals\":[[\"in\",\"cup\",\"table\"]],\"steps\":"
        "[1,{\"id\":\"s1\",\"robot\":\"nobody\",\"skill\":\"fly\",\"after\":[\"s1\",7],"
        "\"state\":\"waiting\"},{\"id\":7,\"state\":\"running\"}]}");
    until_ended("t9", "done"); /* what nobody can do was planned anew */
    fake_is("thing/", "cup", "at", "table");
}

static void without_memory_it_goes_on_later(void **state) {
    (void)state;
    ask("put the cup on the table", 0);
    for (long n = 1; n < 6000; n += 1 + n / 40) {
        step_without_memory(n);
        pass(10);
    }
    until_ended("t1", "done");
    fake_is("thing/", "cup", "at", "table");
    fake_sound();
}

#define T(f) cmocka_unit_test_setup_teardown(f, begin, end)
int main(void) {
    const struct CMUnitTest tests[] = {
        T(a_task_is_planned_given_and_done),
        T(what_is_true_already_needs_no_step),
        T(what_was_not_understood_fails_with_a_sentence),
        T(two_tasks_share_a_robot),
        T(two_robots_do_two_things_at_once),
        T(later_steps_of_a_slow_robot_go_to_others),
        T(who_is_in_time_again_is_slow_no_more),
        T(a_new_robot_relieves_a_running_plan),
        T(what_is_not_worth_it_stays),
        T(who_confirms_each_step_is_asked_about_the_new_ones),
        T(nobody_there_is_waited_for),
        T(who_was_never_heard_is_waited_for),
        T(who_comes_back_soon_is_waited_for),
        T(when_nobody_comes_back_the_task_fails),
        T(a_person_is_asked_before_each_step),
        T(a_cancelled_task_ends_what_runs),
        T(after_a_stop_it_goes_on),
        T(what_failed_once_is_done_again),
        T(who_cannot_is_replaced),
        T(who_fails_again_after_a_replan_is_replaced),
        T(what_was_done_is_taken_down_before_more_is_given),
        T(what_nobody_can_ends_with_a_sentence),
        T(a_dead_robot_is_seen_after_two_heartbeats_and_replaced),
        T(a_dead_brains_tasks_go_on),
        T(the_older_of_two_brains_ends),
        T(what_the_older_brain_still_puts_counts_for_nothing),
        T(a_silent_robot_that_lives_after_all_has_lost_its_lease),
        T(a_brain_that_slept_lets_robots_speak_first),
        T(what_is_damaged_is_said_and_passed_over),
        T(a_task_that_makes_no_sense_harms_nobody),
        T(without_memory_it_goes_on_later),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
