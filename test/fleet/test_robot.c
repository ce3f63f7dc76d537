/* SPDX-License-Identifier: Apache-2.0
 *
 * test/fleet/test_robot.c - a robot's life and its steps, on a host that does as the test says:
 * joining, heartbeats, leases that are lost, calls and their ends, stop and resume, the lie that is
 * looked at; tasks as people ask for them.
 */
#include "fakes.h"
#include "fleet/see.h"

static fake_host host;
static mn_actor_robot *robot;

static int begin(void **state) {
    fake_begin(state);
    fake_kitchen();
    robot = fake_robot("ann", "counter", fake_open(&host, NULL));
    return 0;
}
static int end(void **state) {
    mn_actor_robot_die(&robot);
    return fake_end(state);
}

static uint64_t step(void) {
    uint64_t again = 0;
    assert_ok(mn_actor_robot_step(robot, &again));
    return again;
}
/* Step as it wants to be stepped, for so long. */
static void steps(uint64_t ms) {
    const uint64_t last = fake_now + ms * FAKE_MS;
    for (int n = 0; n < 10000; n++) {
        uint64_t again = step();
        if (again > last) break;
        if (again > fake_now) fake_clock((again - fake_now + FAKE_MS - 1) / FAKE_MS);
    }
    if (last > fake_now) fake_clock((last - fake_now) / FAKE_MS);
    step();
}

static uint64_t lease(const char *name) {
    uint64_t version = 0;
    json_t *value = NULL;
    assert_ok(mn_board_get(board, "lease/", name, &value, &version));
    json_decref(value);
    return version;
}
static void give(const char *id, const char *skill, const char *args) {
    char text[512];
    snprintf(text, sizeof text,
             "{\"task\":\"t1\",\"step\":\"%s\",\"try\":1,\"skill\":\"%s\",\"args\":%s,"
             "\"lease\":%lu,\"state\":\"given\"}",
             id, skill, args, (unsigned long)lease("ann"));
    fake_put("call/", "ann", text);
}

/* ---- life ---------------------------------------------------------------------------------- */
static void it_joins_and_says_that_it_lives(void **state) {
    (void)state;
    json_t *const self = fake_get("robot/", "ann");
    assert_int_equal(json_array_size(json_object_get(self, "skills")), 9);
    json_decref(self);
    fake_is("call/", "ann", "state", "idle");
    assert_int_equal(fake_events("joined"), 1);
    steps(1000);
    assert_true(mn_actor_robot_state(robot)->beat >= 5);
    assert_true(mn_actor_robot_state(robot)->until > fake_now);
    fake_clock(0);
}

static void two_of_one_name_are_refused_until_the_first_is_dead(void **state) {
    (void)state;
    fake_host other;
    mn_actor_robot *second = NULL;
    mn_skill_host *h = fake_open(&other, NULL);
    json_t *const profile = json_pack("{s:s}", "name", "ann");
    assert_fails(mn_actor_robot_join(board, profile, &h, 1, &second), MN_EBUSY, "'ann' already");
    assert_true(other.closed);
    fake_clock(2 * MN_FLEET_BEAT + 1); /* it has said nothing for two heartbeats */
    h = fake_open(&other, NULL);
    assert_ok(mn_actor_robot_join(board, profile, &h, 1, &second));
    json_decref(profile);
    uint64_t again;
    assert_fails(mn_actor_robot_step(robot, &again), MN_ECANCELLED, "another has its name now");
    assert_fails(mn_actor_robot_publish(robot), MN_ECANCELLED, "has left");
    assert_ok(mn_actor_robot_step(second, &again));
    mn_actor_robot_die(&second);
    assert_true(other.closed);
}

static void a_name_that_is_none_is_refused(void **state) {
    (void)state;
    fake_host other;
    mn_actor_robot *r = NULL;
    mn_skill_host *h = fake_open(&other, NULL);
    json_t *const profile = json_pack("{s:s}", "name", "a/b");
    assert_int_equal(mn_actor_robot_join(board, profile, &h, 1, &r), MN_EINVAL);
    assert_null(r);
    json_decref(profile);
}

static void whose_lease_is_gone_stops_at_once(void **state) {
    (void)state;
    uint64_t again;
    give("s1", "grasp", "{\"thing\":\"cup\"}");
    step();
    assert_string_equal(host.skill, "grasp");
    assert_ok(mn_board_del(board, "lease/", "ann", 0, 0));
    assert_fails(mn_actor_robot_step(robot, &again), MN_ECANCELLED, "its lease was taken");
    assert_true(host.cancelled);
    assert_int_equal(fake_events("gone"), 1);
    fake_is("thing/", "cup", "at", "counter");
}

/* On a board that has lost all, too: by its value other machines know that it is another one. */
static void no_two_leases_are_alike(void **state) {
    (void)state;
    json_t *const first = fake_get("lease/", "ann");
    mn_actor_robot_die(&robot);
    assert_ok(mn_board_del(board, "lease/", "ann", 0, 0));
    fake_clock(1);
    robot = fake_robot("ann", "counter", fake_open(&host, NULL));
    json_t *const second = fake_get("lease/", "ann");
    assert_int_equal(json_integer_value(json_object_get(first, "epoch")),
                     json_integer_value(json_object_get(second, "epoch")));
    assert_false(json_equal(first, second));
    json_decref(first);
    json_decref(second);
}

static void skills_are_plugged_in_while_it_runs(void **state) {
    (void)state;
    static fake_host more; /* the robot has it to its end */
    mn_skill_host *h = fake_open(&more, "say");
    json_t *const wipe =
        json_pack("{s:s, s:{s:s, s:{s:{s:s}}}, s:{s:{s:[], s:[s]}}}", "name", "wipe", "inputSchema",
                  "type", "object", "properties", "thing", "type", "string", "_meta",
                  "omnesia/skill", "needs", "makes", "is(thing, clean)");
    assert_ok(mn_actor_robot_plug(robot, h));
    json_array_append_new(more.manifests, wipe);
    step();
    json_t *self = fake_get("robot/", "ann");
    assert_int_equal(json_array_size(json_object_get(self, "skills")), 10);
    json_decref(self);
    json_array_remove(more.manifests, 1);
    h->changed++;
    step();
    self = fake_get("robot/", "ann");
    assert_int_equal(json_array_size(json_object_get(self, "skills")), 9);
    json_decref(self);
}

/* ---- steps --------------------------------------------------------------------------------- */
static void what_it_does_becomes_true_with_its_call(void **state) {
    (void)state;
    give("s1", "grasp", "{\"thing\":\"cup\"}");
    step();
    fake_is("call/", "ann", "state", "running");
    steps(5000); /* the grasp, and a look */
    fake_is("call/", "ann", "state", "done");
    fake_is("thing/", "cup", "at", "ann");
    fake_is("thing/", "cup", "how", "left");
    fake_sound();
    give("s2", "navigate", "{\"place\":\"table\"}");
    steps(1500);
    fake_is("call/", "ann", "state", "done");
    assert_string_equal(mn_actor_robot_state(robot)->at, "table");
    give("s3", "place", "{\"thing\":\"cup\",\"place\":\"table\"}");
    steps(5000);
    fake_is("call/", "ann", "state", "done");
    fake_is("thing/", "cup", "at", "table");
    fake_is("thing/", "cup", "how", "on");
    fake_sound();
    assert_int_equal(fake_events("done"), 3);
    /* And who asks the past is told of both moves. */
    assert_int_equal(fake_events("moved"), 2);
    json_t *past;
    assert_ok(mn_past_ask(board, "who held the cup?", 0, &past));
    assert_string_equal(json_string_value(json_array_get(json_object_get(past, "who"), 0)), "ann");
    json_decref(past);
    assert_ok(mn_past_ask(board, "where was the cup before ann had it?", 0, &past));
    assert_string_equal(json_string_value(json_object_get(past, "at")), "counter");
    json_decref(past);
}

static void what_is_needed_is_checked_first(void **state) {
    (void)state;
    give("s1", "place", "{\"thing\":\"cup\",\"place\":\"table\"}");
    step();
    fake_is("call/", "ann", "state", "failed");
    fake_is("call/", "ann", "code", "precondition");
    fake_is("call/", "ann", "text", "it is not true that holding(ann, cup)");
    give("s2", "grasp", "{}");
    step();
    fake_is("call/", "ann", "code", "precondition");
    give("s3", "fly", "{}");
    step();
    fake_is("call/", "ann", "code", "no_skill");
    assert_int_equal(host.started, 0);
}

static void a_skill_that_fails_says_its_code(void **state) {
    (void)state;
    host.code = "too_heavy";
    give("s1", "grasp", "{\"thing\":\"cup\"}");
    steps(1500);
    fake_is("call/", "ann", "state", "failed");
    fake_is("call/", "ann", "code", "too_heavy");
    fake_is("thing/", "cup", "at", "counter");
    host.code = NULL;
    host.lies_dead = 1;
    give("s2", "grasp", "{\"thing\":\"cup\"}");
    steps(1500);
    fake_is("call/", "ann", "code", "crashed");
}

static void a_lie_is_seen(void **state) {
    (void)state;
    give("s1", "grasp", "{\"thing\":\"cup\"}");
    host.result = json_pack("{s:[{s:s, s:s}]}", "seen", "name", "cup", "at", "table");
    steps(1500);
    fake_is("call/", "ann", "state", "failed");
    fake_is("call/", "ann", "code", "effect_missing");
    fake_is("call/", "ann", "text", "the cup was seen at table, not at ann");
    fake_is("thing/", "cup", "at", "table"); /* what was seen is believed */
    fake_sound();
}

static void who_has_eyes_looks_at_what_it_made(void **state) {
    (void)state;
    give("s1", "open", "{\"place\":\"cupboard\"}");
    fake_put("state/", "x", "{}");
    snprintf(mn_actor_robot_state(robot)->at, 64, "cupboard");
    fake_clock(300);
    assert_ok(mn_actor_robot_publish(robot));
    step();
    assert_string_equal(host.skill, "open");
    fake_clock(1001);
    step(); /* it has ended; now it looks */
    step();
    assert_string_equal(host.skill, "inspect");
    host.result = json_pack("{s:[{s:s, s:b}]}", "seen", "name", "cupboard", "open", 0);
    steps(1500);
    fake_is("call/", "ann", "code", "effect_missing");
    fake_is("call/", "ann", "text", "the cupboard is closed");
}

static void what_slipped_lies_where_it_was(void **state) {
    (void)state;
    give("s1", "grasp", "{\"thing\":\"cup\"}");
    steps(5000);
    fake_is("thing/", "cup", "at", "ann");
    host.code = "dropped";
    give("s2", "place", "{\"thing\":\"cup\",\"place\":\"counter\"}");
    steps(2000);
    fake_is("call/", "ann", "code", "dropped");
    fake_is("thing/", "cup", "at", "counter");
    fake_sound();
}

static void what_takes_too_long_is_ended(void **state) {
    (void)state;
    host.takes = 100000;
    give("s1", "grasp", "{\"thing\":\"cup\"}");
    steps(21000);
    fake_is("call/", "ann", "state", "failed");
    fake_is("call/", "ann", "code", "timeout");
    host.hangs = 1;
    give("s2", "grasp", "{\"thing\":\"cup\"}");
    steps(21000);
    fake_is("call/", "ann", "code", "hung");
    give("s3", "grasp", "{\"thing\":\"cup\"}");
    step();
    fake_is("call/", "ann", "code", "hung"); /* its host does not answer */
    assert_int_equal(host.started, 2);
    host.hangs = 0; /* it comes back */
    step();
    host.takes = 10;
    give("s4", "grasp", "{\"thing\":\"cup\"}");
    steps(1000);
    fake_is("call/", "ann", "state", "done");
}

static void cancelled_is_cancelled(void **state) {
    (void)state;
    give("s1", "grasp", "{\"thing\":\"cup\"}");
    step();
    json_t *const call = fake_get("call/", "ann");
    json_object_set_new(call, "state", json_string("cancel"));
    assert_ok(mn_board_put(board, "call/", "ann", call, 0, NULL));
    json_decref(call);
    step();
    assert_true(host.cancelled);
    step();
    fake_is("call/", "ann", "state", "failed");
    fake_is("call/", "ann", "code", "cancelled");
    fake_is("thing/", "cup", "at", "counter");
}

static void a_call_of_another_life_is_not_begun(void **state) {
    (void)state;
    fake_put("call/", "ann",
             "{\"task\":\"t1\",\"step\":\"s1\",\"try\":1,\"skill\":\"say\",\"args\":{\"text\":"
             "\"x\"},\"lease\":1234567,\"state\":\"given\"}");
    step();
    fake_is("call/", "ann", "code", "lost");
    assert_int_equal(host.started, 0);
}

/* ---- stop ---------------------------------------------------------------------------------- */
static void a_stop_reaches_what_runs_in_one_step(void **state) {
    (void)state;
    give("s1", "grasp", "{\"thing\":\"cup\"}");
    step();
    assert_ok(mn_fleet_stop(board, NULL, "a person"));
    assert_int_equal(mn_fleet_stopped(board, "ann"), 1);
    step();
    assert_true(host.cancelled);
    step();
    fake_is("call/", "ann", "code", "stopped");
    give("s2", "grasp", "{\"thing\":\"cup\"}");
    steps(2000);
    fake_is("call/", "ann", "state", "given"); /* nothing moves */
    assert_fails(mn_fleet_resume(board, "ann"), MN_EINVAL, "resume all of them");
    assert_ok(mn_fleet_resume(board, NULL));
    steps(5000);
    fake_is("call/", "ann", "state", "done");
}

static void damage(const char *kind, const char *name, const char *text) {
    char key[MN_FLEET_KEY];
    assert_ok(mn_board_key(board, kind, name, key));
    mn_edit e = {.key = key, .kind = MN_EDIT_PUT, .value = text, .n = strlen(text)};
    assert_ok(board->ops->commit(board, &e, 1));
}

/* Nobody knows whom it means, and a person can always say it anew. */
static void a_stop_that_cannot_be_read_stops_all(void **state) {
    (void)state;
    static const char *const texts[] = {"nonsense", "{\"format\": 2}", "[]"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        damage("stop", "", texts[i]);
        assert_int_equal(mn_fleet_stopped(board, "ann"), 1);
        assert_ok(mn_fleet_resume(board, NULL));
        assert_int_equal(mn_fleet_stopped(board, "ann"), 0);
        damage("stop", "", texts[i]);
        assert_ok(mn_fleet_stop(board, "bob", "me"));
        assert_int_equal(mn_fleet_stopped(board, "ann"), 1);
        assert_ok(mn_fleet_resume(board, NULL));
    }
}

/* It does nothing, and lives. */
static void a_call_that_cannot_be_read_is_none(void **state) {
    (void)state;
    damage("call/", "ann", "nonsense");
    steps(2000);
    assert_int_equal(host.started, 0);
    give("s1", "grasp", "{\"thing\":\"cup\"}");
    steps(5000);
    fake_is("call/", "ann", "state", "done");
}

static void one_robot_is_stopped_alone(void **state) {
    (void)state;
    assert_ok(mn_fleet_stop(board, "bob", "me"));
    assert_int_equal(mn_fleet_stopped(board, "ann"), 0);
    assert_ok(mn_fleet_stop(board, "ann", "me"));
    assert_int_equal(mn_fleet_stopped(board, "ann"), 1);
    assert_ok(mn_fleet_resume(board, "bob"));
    assert_int_equal(mn_fleet_stopped(board, "ann"), 1);
    assert_int_equal(mn_fleet_stopped(board, "bob"), 0);
    assert_ok(mn_fleet_resume(board, "ann"));
    assert_int_equal(mn_fleet_stopped(board, "ann"), 0);
    assert_ok(mn_fleet_resume(board, "ann")); /* again is fine */
    assert_ok(mn_fleet_resume(board, NULL));
}

static void what_cannot_be_read_stops_everybody(void **state) {
    (void)state;
    char key[MN_FLEET_KEY];
    assert_ok(mn_board_key(board, "stop", "", key));
    mn_edit edit = {.key = key, .kind = MN_EDIT_PUT, .value = "gibberish", .n = 9};
    assert_ok(board->ops->commit(board, &edit, 1));
    assert_int_equal(mn_fleet_stopped(board, "ann"), 1);
    assert_ok(mn_fleet_resume(board, NULL));
    assert_int_equal(mn_fleet_stopped(board, "ann"), 0);
}

/* ---- tasks --------------------------------------------------------------------------------- */
static void tasks_are_numbered_and_cancelled(void **state) {
    (void)state;
    char id[16];
    assert_ok(mn_fleet_ask(board, "put the cup on the table", "me", 0, id));
    assert_string_equal(id, "t1");
    fake_put("task/", "t7", "{\"id\":\"t7\",\"state\":\"running\",\"steps\":[]}");
    assert_ok(mn_fleet_ask(board, "open the cupboard", NULL, 1, id));
    assert_string_equal(id, "t8");
    assert_ok(mn_fleet_cancel(board, "t7"));
    assert_ok(mn_fleet_cancel(board, "t8")); /* only asked for so far */
    assert_fails(mn_fleet_cancel(board, "t8"), MN_ENOENT, "no task 't8'");
    fake_put("task/", "t7", "{\"id\":\"t7\",\"state\":\"done\",\"steps\":[]}");
    assert_fails(mn_fleet_cancel(board, "t7"), MN_EINVAL, "is done");
    assert_fails(mn_fleet_ask(board, "", "me", 0, id), MN_EINVAL, "1 to 4096 bytes");
}

static void a_task_is_shown_as_a_tree(void **state) {
    (void)state;
    mn_buf out = {0};
    json_t *const task = json_loads(
        "{\"id\":\"t3\",\"text\":\"bring the cup\",\"state\":\"running\",\"why\":\"ann does it\","
        "\"steps\":[{\"id\":\"s1\",\"robot\":\"ann\",\"skill\":\"grasp\",\"args\":{\"thing\":"
        "\"cup\"},\"after\":[],\"state\":\"done\"},{\"id\":\"s2\",\"robot\":\"ann\",\"skill\":"
        "\"navigate\",\"args\":{\"place\":\"table\"},\"after\":[\"s1\"],\"state\":\"running\"}]}",
        0, NULL);
    assert_ok(mn_fleet_show(task, &out));
    assert_non_null(strstr(out.data, "t3 ○ bring the cup: running"));
    assert_non_null(strstr(out.data, "s1 ● ann: grasp cup  [done]"));
    assert_non_null(strstr(out.data, "s2 ○ ann: navigate table  [running] ← s1"));
    assert_non_null(strstr(out.data, "ann does it"));
    mn_buf_free(&out);
    json_decref(task);
}

static void without_memory_it_says_so_and_goes_on(void **state) {
    (void)state;
    give("s1", "grasp", "{\"thing\":\"cup\"}");
    host.takes = 1;
    for (long n = 1; n < 4000; n++) {
        uint64_t again;
        mn_alloc_fail_after(n);
        const int rc = mn_actor_robot_step(robot, &again);
        mn_alloc_fail_after(0);
        if (rc < 0 && rc != MN_ENOMEM) fail_msg("%ld: %d %s", n, rc, mn_error_detail());
        fake_clock(10);
    }
    steps(30000);
    json_t *const call = fake_get("call/", "ann");
    const char *const is = json_string_value(json_object_get(call, "state"));
    assert_true(strcmp(is, "done") == 0 || strcmp(is, "failed") == 0);
    json_decref(call);
    fake_sound();
}

#define T(f) cmocka_unit_test_setup_teardown(f, begin, end)
int main(void) {
    const struct CMUnitTest tests[] = {
        T(it_joins_and_says_that_it_lives),
        T(two_of_one_name_are_refused_until_the_first_is_dead),
        T(a_name_that_is_none_is_refused),
        T(whose_lease_is_gone_stops_at_once),
        T(no_two_leases_are_alike),
        T(skills_are_plugged_in_while_it_runs),
        T(what_it_does_becomes_true_with_its_call),
        T(what_is_needed_is_checked_first),
        T(a_skill_that_fails_says_its_code),
        T(a_lie_is_seen),
        T(who_has_eyes_looks_at_what_it_made),
        T(what_slipped_lies_where_it_was),
        T(what_takes_too_long_is_ended),
        T(cancelled_is_cancelled),
        T(a_call_of_another_life_is_not_begun),
        T(a_stop_reaches_what_runs_in_one_step),
        T(one_robot_is_stopped_alone),
        T(a_stop_that_cannot_be_read_stops_all),
        T(a_call_that_cannot_be_read_is_none),
        T(what_cannot_be_read_stops_everybody),
        T(tasks_are_numbered_and_cancelled),
        T(a_task_is_shown_as_a_tree),
        T(without_memory_it_says_so_and_goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
