/* SPDX-License-Identifier: Apache-2.0
 *
 * test/fleet/test_bridge.c - what bridges bring from board to board, one by one: things and their
 * homes, robots and their heartbeats, calls, stops, tasks; and what they do not take.
 */
#include "fleet/bridge_bed.h"

#include "base/alloc.h"
#include "fleet/scene.h"

static void kitchen(bed *d, int n) {
    bed_begin(d, n, 7);
    bed_thing(d, 0, "kitchen", "room", "");
    bed_thing(d, 0, "table", "furniture", "kitchen");
    bed_thing(d, 0, "cup", "object", "table");
    bed_robot(d, 0, "arm");
    bed_robot(d, 1, "wheels");
    bed_settle(d);
}

static void what_is_there_is_everywhere(void **unused) {
    (void)unused;
    bed d;
    kitchen(&d, 3);
    for (int i = 0; i < 3; i++) {
        assert_string_equal(bed_text(&d, i, "thing/", "cup", "at"), "table");
        assert_string_equal(bed_text(&d, i, "thing/", "cup", "home"), i ? "alpha" : "");
        assert_string_equal(bed_text(&d, i, "robot/", "wheels", "body"), "arm");
        assert_true(bed_is(&d, i, "lease/", "wheels"));
        assert_false(bed_told(&d, i, "bridge"));
    }
    bed_sound(&d, 1);
    assert_int_equal(bed_move(&d, 0, "cup", "arm"), 0);
    assert_int_equal(bed_move(&d, 1, "cup", "wheels"), -1);
    const mn_move move = {.thing = "cup", .to = "wheels"};
    assert_fails(mn_scene_move(d.b[1], "", NULL, &move), MN_EBUSY, "alpha");
    bed_settle(&d);
    assert_string_equal(bed_text(&d, 2, "thing/", "cup", "at"), "arm");
    bed_sound(&d, 1);
    bed_move(&d, 0, "cup", "kitchen"); /* away, and it is in nobody's list any more */
    bed_settle(&d);
    bed_del(&d, 0, "thing/", "cup");
    bed_put(&d, 0, "holds/", "kitchen", json_pack("{s:[s]}", "holds", "table"));
    bed_settle(&d);
    assert_false(bed_is(&d, 1, "thing/", "cup"));
    bed_sound(&d, 1);
    bed_thing(&d, 1, "cup", "object", "table"); /* another one, of another home */
    bed_settle(&d);
    assert_string_equal(bed_text(&d, 0, "thing/", "cup", "home"), "beta");
    bed_sound(&d, 1);
    bed_end(&d);
}

static void give_call(bed *d, int i, const char *robot, const char *skill, const char *thing,
                      int try_) {
    bed_put(d, i, "call/", robot,
            json_pack("{s:s, s:s, s:i, s:s, s:{s:s}, s:i, s:I, s:s}", "task", "t1", "step", "s1",
                      "try", try_, "skill", skill, "args", "thing", thing, "limit", 20, "lease",
                      (json_int_t)bed_version(d, i, "lease/", robot), "state", "given"));
}
static void set_state(bed *d, int i, const char *robot, const char *state) {
    json_t *const call = bed_get(d, i, "call/", robot);
    assert_non_null(call);
    json_object_set_new(call, "state", json_string(state));
    bed_put(d, i, "call/", robot, call);
}
static void wait_call(bed *d, int i, const char *robot, const char *state) {
    for (int t = 0; t < 4000 && strcmp(bed_text(d, i, "call/", robot, "state"), state); t++)
        bed_tick(d);
    assert_string_equal(bed_text(d, i, "call/", robot, "state"), state);
}

static void a_call_brings_its_thing(void **unused) {
    (void)unused;
    bed d;
    kitchen(&d, 2);
    give_call(&d, 0, "wheels", "grasp", "cup", 1);
    wait_call(&d, 1, "wheels", "given");
    assert_string_equal(bed_text(&d, 1, "thing/", "cup", "home"), ""); /* it came before */
    json_t *const call = bed_get(&d, 1, "call/", "wheels");
    assert_int_equal(json_integer_value(json_object_get(call, "lease")),
                     bed_version(&d, 1, "lease/", "wheels"));
    assert_string_equal(json_string_value(json_object_get(call, "task")), "alpha.t1");
    json_decref(call);
    set_state(&d, 1, "wheels", "running");
    wait_call(&d, 0, "wheels", "running");
    bed_beat(&d, 1, "wheels", "table", 500);
    assert_int_equal(bed_move(&d, 1, "cup", "wheels"), 0);
    set_state(&d, 1, "wheels", "done");
    while (strcmp(bed_text(&d, 0, "call/", "wheels", "state"), "done") != 0) {
        bed_beat(&d, 1, "wheels", "table", 500);
        bed_tick(&d);
    }
    assert_string_equal(bed_text(&d, 0, "thing/", "cup", "at"), "wheels");
    assert_string_equal(bed_text(&d, 0, "thing/", "cup", "home"), "beta");
    assert_string_equal(bed_text(&d, 0, "call/", "wheels", "task"), "t1");
    set_state(&d, 0, "wheels", "idle");
    wait_call(&d, 1, "wheels", "idle");
    bed_settle(&d);
    bed_sound(&d, 1);
    bed_end(&d);
}

/* `done` may overtake what it made true: then it waits. */
static void done_comes_after_its_things(void **unused) {
    (void)unused;
    for (uint64_t seed = 0; seed < 40; seed++) {
        bed d;
        kitchen(&d, 3);
        mn_random_seed(&d.random, seed);
        d.loss = 0.4;
        d.delay = 300 * MS;
        give_call(&d, 0, "wheels", "grasp", "cup", 1);
        wait_call(&d, 1, "wheels", "given");
        set_state(&d, 1, "wheels", "running");
        bed_move(&d, 1, "cup", "wheels");
        set_state(&d, 1, "wheels", "done");
        for (int t = 0; strcmp(bed_text(&d, 0, "call/", "wheels", "state"), "done") != 0; t++) {
            assert_true(t < 4000);
            bed_beat(&d, 1, "wheels", t > 100 ? "table" : "", 500);
            bed_tick(&d);
        }
        assert_string_equal(bed_text(&d, 0, "thing/", "cup", "at"), "wheels");
        bed_end(&d);
    }
}

static void calls_are_cancelled(void **unused) {
    (void)unused;
    bed d;
    kitchen(&d, 2);
    give_call(&d, 0, "wheels", "wait", "", 1);
    wait_call(&d, 1, "wheels", "given");
    set_state(&d, 0, "wheels", "cancel");
    wait_call(&d, 1, "wheels", "cancel");
    set_state(&d, 1, "wheels", "failed");
    wait_call(&d, 0, "wheels", "failed");
    /* Not yet there when it is cancelled: nobody begins it, and it is over all the same. */
    give_call(&d, 0, "arm", "wait", "", 1); /* arm is here: no business of the bridge */
    set_state(&d, 0, "wheels", "idle");
    wait_call(&d, 1, "wheels", "idle");
    bed_move(&d, 0, "cup", "arm"); /* held: it is not given away */
    bed_settle(&d);
    give_call(&d, 0, "wheels", "grasp", "cup", 2);
    bed_run(&d, 500);
    assert_string_equal(bed_text(&d, 1, "call/", "wheels", "state"), "idle");
    set_state(&d, 0, "wheels", "cancel");
    wait_call(&d, 0, "wheels", "failed");
    assert_string_equal(bed_text(&d, 0, "call/", "wheels", "code"), "cancelled");
    assert_string_equal(bed_text(&d, 0, "thing/", "cup", "home"), "");
    /* Done before it was cancelled: it has failed, and the brain looks at the world. */
    set_state(&d, 0, "wheels", "idle");
    wait_call(&d, 1, "wheels", "idle");
    give_call(&d, 0, "wheels", "wait", "", 3);
    wait_call(&d, 1, "wheels", "given");
    set_state(&d, 1, "wheels", "done");
    set_state(&d, 0, "wheels", "cancel");
    wait_call(&d, 0, "wheels", "failed");
    bed_end(&d);
}

static void a_dropped_call_is_cancelled(void **unused) {
    (void)unused;
    bed d;
    kitchen(&d, 2);
    give_call(&d, 0, "wheels", "wait", "", 1);
    wait_call(&d, 1, "wheels", "given");
    set_state(&d, 1, "wheels", "running");
    bed_beat(&d, 1, "wheels", "", 300);
    wait_call(&d, 0, "wheels", "running");
    bed_cut(&d, 1, 1);
    bed_run(&d, 1000);
    bed_del(&d, 0, "lease/", "wheels"); /* the monitor here, since no heartbeat comes */
    set_state(&d, 0, "wheels", "idle");
    bed_run(&d, 1000);
    assert_int_equal(bed_told(&d, 0, "lost"), 1);
    assert_true(bed_is(&d, 1, "lease/", "wheels")); /* it lives on at home */
    assert_string_equal(bed_text(&d, 1, "call/", "wheels", "state"), "running");
    bed_cut(&d, 1, 0);
    wait_call(&d, 1, "wheels", "cancel");
    assert_false(bed_is(&d, 0, "lease/", "wheels"));
    bed_beat(&d, 1, "wheels", "", 300);
    bed_run(&d, 200);
    assert_true(bed_is(&d, 0, "lease/", "wheels")); /* heard again */
    set_state(&d, 1, "wheels", "failed");
    wait_call(&d, 1, "wheels", "idle");
    give_call(&d, 0, "wheels", "wait", "", 2);
    wait_call(&d, 1, "wheels", "given");
    bed_settle(&d);
    bed_end(&d);
}

static void a_call_of_an_old_lease_does_not_begin(void **unused) {
    (void)unused;
    bed d;
    kitchen(&d, 2);
    give_call(&d, 0, "wheels", "wait", "", 1);
    bed_put(&d, 1, "lease/", "wheels", json_pack("{s:i}", "epoch", 2)); /* it has joined anew */
    bed_run(&d, 3000);
    assert_string_equal(bed_text(&d, 1, "call/", "wheels", "state"), "failed");
    assert_string_equal(bed_text(&d, 0, "call/", "wheels", "state"), "failed");
    assert_string_equal(bed_text(&d, 0, "call/", "wheels", "code"), "lost"); /* the brain knows */
    give_call(&d, 0, "wheels", "wait", "", 2);
    wait_call(&d, 1, "wheels", "given");
    bed_end(&d);
}

static void heartbeats_count_from_when_they_come(void **unused) {
    (void)unused;
    bed d;
    mn_fleet_state s;
    kitchen(&d, 2);
    assert_false(bed_state(&d, 0, "wheels", &s));
    bed_beat(&d, 1, "wheels", "table", 500);
    bed_run(&d, 100);
    assert_true(bed_state(&d, 0, "wheels", &s));
    const uint64_t here = d.b[0]->ops->now(d.b[0]);
    assert_string_equal(s.at, "table");
    assert_true(s.now <= here && here - s.now <= 100 * MS);
    assert_true(s.until > here && s.until - s.now <= 500 * MS);
    assert_true(s.time > d.b[0]->ops->time(d.b[0]) - 200000);
    /* At a thousand a second no more go over than the beat says. */
    const uint64_t before = s.beat;
    int fresh = 0;
    for (int t = 0; t < 100; t++) {
        const uint64_t was = s.now;
        bed_beat(&d, 1, "wheels", "table", 500);
        bed_tick(&d);
        assert_true(bed_state(&d, 0, "wheels", &s));
        fresh += s.now != was;
    }
    assert_int_equal(before, 1);
    assert_in_range(fresh, 10, 22);
    /* A state that is late already does not go out. */
    bed_run(&d, 2000);
    bed_state(&d, 0, "wheels", &s);
    assert_true(s.until < d.b[0]->ops->now(d.b[0]));
    bed_restart(&d, 1, 0);
    bed_run(&d, 2000);
    bed_state(&d, 0, "wheels", &s);
    assert_true(s.until < d.b[0]->ops->now(d.b[0]));
    bed_end(&d);
}

static void a_robot_joins_elsewhere(void **unused) {
    (void)unused;
    bed d;
    kitchen(&d, 3);
    bed_del(&d, 1, "lease/", "wheels");
    bed_del(&d, 1, "robot/", "wheels");
    bed_settle(&d);
    assert_false(bed_is(&d, 2, "robot/", "wheels"));
    bed_robot(&d, 2, "wheels");
    bed_settle(&d);
    bed_restart(&d, 2, 0);
    bed_settle(&d);
    give_call(&d, 0, "wheels", "wait", "", 1);
    wait_call(&d, 2, "wheels", "given");
    assert_string_not_equal(bed_text(&d, 1, "call/", "wheels", "state"), "given");
    /* And under the name of one that is cut off: that one stops when it sees it. */
    bed_cut(&d, 2, 1);
    const uint64_t lease = bed_version(&d, 2, "lease/", "wheels");
    bed_del(&d, 0, "lease/", "wheels");
    bed_run(&d, 100);
    bed_robot(&d, 0, "wheels");
    bed_run(&d, 100);
    assert_int_equal(bed_version(&d, 2, "lease/", "wheels"), lease);
    bed_cut(&d, 2, 0);
    bed_settle(&d);
    assert_int_not_equal(bed_version(&d, 2, "lease/", "wheels"), lease);
    assert_int_equal(bed_told(&d, 2, "is also of another machine") > 0, 1);
    bed_end(&d);
}

/* ---- things -------------------------------------------------------------------------------- */
static void a_thing_in_the_hand_of_another_is_anothers(void **unused) {
    (void)unused;
    bed d;
    kitchen(&d, 3);
    assert_int_equal(bed_move(&d, 0, "cup", "wheels"), 0); /* handed over */
    bed_settle(&d);
    assert_string_equal(bed_text(&d, 0, "thing/", "cup", "home"), "beta");
    assert_string_equal(bed_text(&d, 1, "thing/", "cup", "home"), "");
    assert_int_equal(bed_move(&d, 1, "cup", "table"), 0); /* of another machine, and why not */
    bed_settle(&d);
    assert_string_equal(bed_text(&d, 2, "thing/", "cup", "at"), "table");
    bed_sound(&d, 1);
    bed_end(&d);
}

static void both_layers_go_together(void **unused) {
    (void)unused;
    bed d;
    bed_begin(&d, 2, 3);
    for (int layer = 0; layer < 2; layer++) {
        const char *const thing = layer ? "sim/thing/" : "thing/";
        bed_put(&d, 0, thing, "room", json_pack("{s:s, s:s}", "kind", "room", "at", ""));
        bed_put(&d, 0, thing, "cup", json_pack("{s:s, s:s}", "kind", "object", "at", "room"));
        bed_put(&d, 0, layer ? "sim/holds/" : "holds/", "room",
                json_pack("{s:[s]}", "holds", "cup"));
    }
    bed_robot(&d, 0, "arm");
    bed_robot(&d, 1, "wheels");
    bed_settle(&d);
    d.loss = 0.5;
    d.delay = 500 * MS;
    give_call(&d, 0, "wheels", "grasp", "cup", 1);
    while (*bed_text(&d, 1, "thing/", "cup", "home")) {
        bed_tick(&d);
        if (!*bed_text(&d, 1, "thing/", "cup", "home"))
            assert_string_equal(bed_text(&d, 1, "sim/thing/", "cup", "home"), "");
    }
    assert_string_equal(bed_text(&d, 0, "sim/thing/", "cup", "home"), "beta");
    bed_end(&d);
}

static void who_may_not_is_put_right(void **unused) {
    (void)unused;
    bed d;
    kitchen(&d, 2);
    bed_put(&d, 1, "thing/", "cup", json_pack("{s:s, s:s}", "class", "spoon", "at", "kitchen"));
    bed_put(&d, 1, "holds/", "table", json_pack("{s:[]}", "holds"));
    bed_put(&d, 1, "holds/", "kitchen", json_pack("{s:[s, s]}", "holds", "table", "cup"));
    bed_settle(&d);
    assert_string_equal(bed_text(&d, 1, "thing/", "cup", "class"), "cup");
    assert_string_equal(bed_text(&d, 0, "thing/", "cup", "class"), "cup");
    assert_int_equal(bed_told(&d, 1, "put back"), 1);
    bed_sound(&d, 1);
    /* Also while no bridge is there. */
    mn_bridge_close(d.g + 1);
    bed_del(&d, 1, "thing/", "cup");
    bed_put(&d, 1, "holds/", "table", json_pack("{s:[]}", "holds"));
    bed_open(&d, 1);
    bed_settle(&d);
    assert_string_equal(bed_text(&d, 1, "thing/", "cup", "at"), "table");
    bed_sound(&d, 1);
    bed_end(&d);
}

static void a_board_that_lost_all(void **unused) {
    (void)unused;
    bed d;
    kitchen(&d, 3);
    bed_put(&d, 0, "task/", "t1", json_pack("{s:s, s:s}", "id", "t1", "state", "running"));
    bed_settle(&d);
    assert_string_equal(bed_text(&d, 1, "task/", "alpha.t1", "id"), "alpha.t1");
    bed_restart(&d, 0, 1);
    bed_settle(&d);
    assert_string_equal(bed_text(&d, 0, "thing/", "cup", "home"), ""); /* its own again */
    assert_string_equal(bed_text(&d, 0, "thing/", "cup", "at"), "table");
    assert_string_equal(bed_text(&d, 0, "task/", "t1", "state"), "running");
    assert_false(bed_is(&d, 0, "robot/", "arm")); /* what died with it is gone for all */
    assert_false(bed_is(&d, 2, "robot/", "arm"));
    assert_true(bed_is(&d, 0, "robot/", "wheels"));
    assert_int_equal(bed_move(&d, 0, "cup", "wheels"), 0);
    bed_settle(&d);
    assert_string_equal(bed_text(&d, 2, "thing/", "cup", "at"), "wheels");
    bed_sound(&d, 1);
    bed_end(&d);
}

/* The world is loaded again on a machine that has given a thing away, and its clock went back. */
static void a_world_is_loaded_again(void **unused) {
    (void)unused;
    bed d;
    kitchen(&d, 2);
    bed_move(&d, 0, "cup", "wheels");
    bed_settle(&d);
    mn_bridge_close(d.g + 0);
    mn_board_close(d.b + 0);
    assert_ok(mn_board_open_heap(NULL, d.b + 0));
    mn_board_clock(d.b[0], 5, 5);
    bed_thing(&d, 0, "kitchen", "room", "");
    bed_thing(&d, 0, "table", "furniture", "kitchen");
    bed_thing(&d, 0, "cup", "object", "table");
    bed_put(&d, 0, "thing/", "lamp", json_pack("{s:s, s:s}", "kind", "object", "at", ""));
    assert_ok(mn_bridge_open(d.b[0], &(mn_bridge_how){.machine = "alpha", .life = 99}, d.g));
    mn_bridge_up(d.g[0]);
    bed_settle(&d);
    assert_string_equal(bed_text(&d, 0, "thing/", "cup", "at"), "wheels");
    assert_string_equal(bed_text(&d, 0, "thing/", "cup", "home"), "beta");
    assert_string_equal(bed_text(&d, 1, "thing/", "lamp", "home"), "alpha");
    bed_sound(&d, 1);
    bed_end(&d);
}

/* ---- tasks, stops -------------------------------------------------------------------------- */
static void asks_reach_the_brain_once(void **unused) {
    (void)unused;
    bed d;
    kitchen(&d, 3);
    bed_put(&d, 1, "ask/", "t1", json_pack("{s:s}", "text", "from beta"));
    bed_put(&d, 2, "ask/", "t1", json_pack("{s:s}", "text", "from gamma"));
    bed_settle(&d);
    assert_string_equal(bed_text(&d, 0, "ask/", "beta.t1", "text"), "from beta");
    assert_string_equal(bed_text(&d, 0, "ask/", "gamma.t1", "text"), "from gamma");
    bed_del(&d, 0, "ask/", "beta.t1"); /* the brain takes it */
    bed_put(&d, 0, "task/", "beta.t1",
            json_pack("{s:s, s:s}", "id", "beta.t1", "state", "planning"));
    bed_settle(&d);
    assert_string_equal(bed_text(&d, 1, "task/", "t1", "id"), "t1");
    assert_false(bed_is(&d, 1, "ask/", "t1"));
    assert_false(bed_is(&d, 2, "ask/", "beta.t1"));
    assert_true(bed_is(&d, 2, "ask/", "t1"));
    bed_restart(&d, 0, 0);
    bed_settle(&d);
    assert_false(bed_is(&d, 0, "ask/", "beta.t1"));
    bed_end(&d);
}

static const char *stopped(bed *d, int i) {
    static char text[4][200];
    static int turn;
    char *const to = text[turn++ % 4];
    json_t *const stop = bed_get(d, i, "stop", ""), *one;
    size_t k;
    *to = 0;
    if (json_is_string(json_object_get(stop, "robots"))) strcpy(to, "all");
    json_array_foreach(json_object_get(stop, "robots"), k, one)
        strcat(strcat(to, json_string_value(one)), " ");
    json_decref(stop);
    return to;
}
static void stop(bed *d, int i, const char *robots) {
    if (!robots) {
        bed_del(d, i, "stop", "");
        return;
    }
    json_error_t e;
    bed_put(
        d, i, "stop", "",
        json_pack("{s:o, s:s}", "robots", json_loads(robots, JSON_DECODE_ANY, &e), "by", "ann"));
}
static void all_stopped(bed *d, const char *what) {
    bed_settle(d);
    for (int i = 0; i < d->n; i++) assert_string_equal(stopped(d, i), what);
}
static void a_stop_is_a_stop_for_all(void **unused) {
    (void)unused;
    bed d;
    kitchen(&d, 3);
    stop(&d, 1, "\"all\"");
    bed_run(&d, 30);
    assert_string_equal(stopped(&d, 0), "all"); /* soon */
    all_stopped(&d, "all");
    bed_restart(&d, 1, 0);
    all_stopped(&d, "all");
    stop(&d, 2, NULL); /* ended by another */
    all_stopped(&d, "");
    bed_restart(&d, 0, 1);
    bed_restart(&d, 2, 0);
    all_stopped(&d, "");
    stop(&d, 0, "[\"arm\"]");
    stop(&d, 1, "[\"wheels\"]");
    all_stopped(&d, "arm wheels ");
    /* Who resumes without having known of a stop does not end it. */
    bed_cut(&d, 2, 1);
    stop(&d, 2, "[\"arm\", \"wheels\", \"third\"]");
    bed_run(&d, 500);
    stop(&d, 0, NULL);
    bed_run(&d, 500);
    assert_string_equal(stopped(&d, 1), "");
    bed_cut(&d, 2, 0);
    all_stopped(&d, "third ");
    stop(&d, 1, "[\"third\", \"arm\"]");
    stop(&d, 2, "\"all\"");
    all_stopped(&d, "all");
    stop(&d, 0, NULL);
    all_stopped(&d, "");
    stop(&d, 0, "\"all\"");
    bed_settle(&d);
    bed_restart(&d, 0, 1); /* and it counts though who said it knows nothing any more */
    all_stopped(&d, "all");
    bed_end(&d);
}

/* ---- what is not taken --------------------------------------------------------------------- */
static void strangers(void **unused) {
    (void)unused;
    static const char *const bad[] = {
        "",
        "x",
        "[]",
        "{}",
        "{\"omnesia\": \"1\"}",
        "{\"omnesia\": 1, \"omnesia\": 1}",
        "{\"omnesia\":1,\"fleet\":\"main\",\"from\":\"zeta\",\"records\":[1]}",
        "{\"omnesia\":1,\"fleet\":\"main\",\"from\":\"zeta\",\"records\":[[\"thing/"
        "a\",0,1,\"zeta\",-1,{}]]}",
        "{\"omnesia\":1,\"fleet\":\"main\",\"from\":\"zeta\",\"records\":[[\"thing/a\",0,1,\"ze/"
        "ta\",1,{}]]}",
        "{\"omnesia\":1,\"fleet\":\"main\",\"from\":\"zeta\",\"records\":[[\"thing/a/"
        "b\",0,1,\"zeta\",1,{}]]}",
        "{\"omnesia\":1,\"fleet\":\"main\",\"from\":\"zeta\",\"records\":[[\"thing/"
        "a\",0,1,\"zeta\",1,[]]]}",
        "{\"omnesia\":1,\"fleet\":\"main\",\"from\":\"zeta\",\"records\":[[\"events/"
        "a\",0,1,\"zeta\",1,{}]]}",
        "{\"omnesia\":1,\"fleet\":\"main\",\"from\":\"zeta\",\"records\":[[\"state/"
        "wheels\",0,1,\"zeta\",1,{}]]}",
        "{\"omnesia\":1,\"fleet\":\"main\",\"from\":\"zeta\",\"states\":[[\"wheels\",1]]}",
        "{\"omnesia\":1,\"fleet\":\"main\",\"from\":\"beta\",\"states\":[[\"wheels\",1,\"beta\",1,"
        "\"zz\"]]}",
        "{\"omnesia\":1,\"fleet\":\"main\",\"from\":\"zeta\",\"list\":{\"after\":\"z\",\"stamps\":["
        "[\"a\",0,0,\"b\",0]]}}",
        "{\"omnesia\":1,\"fleet\":\"main\",\"from\":\"alpha\",\"life\":77}"};
    bed d;
    kitchen(&d, 2);
    const uint64_t sum = mn_bridge_sum(d.g[0]);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (mn_bridge_take(d.g[0], bad[i], strlen(bad[i])) != MN_EINVAL) fail_msg("%s", bad[i]);
        bed_run(&d, 20);
        if (mn_bridge_sum(d.g[0]) != sum) fail_msg("%s has changed what is known", bad[i]);
    }
    const char *const later = "{\"omnesia\": 2, \"from\": \"zeta\", \"records\": 7}";
    bed_run(&d, 2000);
    assert_fails(mn_bridge_take(d.g[0], later, strlen(later)), MN_EUNSUPPORTED, "format 2");
    assert_int_equal(bed_told(&d, 0, "format 2"), 1);
    const char *const other = "{\"omnesia\": 1, \"fleet\": \"other\", \"records\": 7}";
    assert_ok(mn_bridge_take(d.g[0], other, strlen(other)));
    bed_settle(&d);
    mn_bridge *g;
    assert_fails(mn_bridge_open(d.b[0], &(mn_bridge_how){.machine = "zeta"}, &g), MN_EINVAL,
                 "alpha");
    assert_fails(mn_bridge_open(d.b[0], &(mn_bridge_how){.machine = "a.b"}, &g), MN_EINVAL, "'.'");
    assert_fails(mn_bridge_open(d.b[0], &(mn_bridge_how){.machine = "a/b"}, &g), MN_EINVAL, "'/'");
    /* A second bridge on one board: the first is over. */
    uint64_t again;
    assert_ok(mn_bridge_open(d.b[0], &(mn_bridge_how){.machine = "alpha", .life = 500}, &g));
    bed_put(&d, 1, "thing/", "new", json_pack("{s:s}", "at", ""));
    bed_cut(&d, 0, 0);
    d.now += 10 * MS;
    bed_clock(&d, 1);
    assert_ok(mn_bridge_step(d.g[1], &again));
    mn_buf m = {0};
    assert_int_equal(mn_bridge_next(d.g[1], &m), 1);
    assert_ok(mn_bridge_take(d.g[0], m.data, m.len));
    assert_fails(mn_bridge_step(d.g[0], &again), MN_ECANCELLED, "taken over");
    assert_int_equal(mn_bridge_step(d.g[0], &again), MN_ECANCELLED);
    mn_buf_free(&m);
    mn_bridge_close(&g);
    bed_end(&d);
}

/* No memory at any moment: said, and made good afterwards. */
static void no_memory(void **unused) {
    (void)unused;
    long n = 1;
    int failed = 0;
    for (; n < 4000; n += 1 + n / 16) {
        bed d;
        uint64_t again;
        kitchen(&d, 2);
        bed_move(&d, 0, "cup", "wheels");
        give_call(&d, 0, "wheels", "place", "cup", 1);
        mn_alloc_fail_after(n);
        mn_buf m = {0};
        for (int t = 0; t < 6; t++) {
            d.now += 10 * MS;
            for (int i = 0; i < 2; i++) {
                bed_clock(&d, i);
                int rc = mn_bridge_step(d.g[i], &again);
                if (rc >= 0) rc = mn_bridge_next(d.g[i], &m);
                if (rc > 0) rc = mn_bridge_take(d.g[!i], m.data, m.len);
                assert_true(rc >= 0 || rc == MN_ENOMEM);
                failed += rc < 0;
            }
        }
        const int hit = mn_alloc_fail_left() <= 0;
        mn_alloc_fail_after(0);
        mn_buf_free(&m);
        wait_call(&d, 1, "wheels", "given");
        bed_settle(&d);
        assert_string_equal(bed_text(&d, 0, "thing/", "cup", "home"), "beta");
        bed_sound(&d, 1);
        bed_end(&d);
        if (!hit) break;
    }
    assert_true(n < 4000 && failed > 20);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_there_is_everywhere),
        cmocka_unit_test(a_call_brings_its_thing),
        cmocka_unit_test(done_comes_after_its_things),
        cmocka_unit_test(calls_are_cancelled),
        cmocka_unit_test(a_dropped_call_is_cancelled),
        cmocka_unit_test(a_call_of_an_old_lease_does_not_begin),
        cmocka_unit_test(heartbeats_count_from_when_they_come),
        cmocka_unit_test(a_robot_joins_elsewhere),
        cmocka_unit_test(a_thing_in_the_hand_of_another_is_anothers),
        cmocka_unit_test(both_layers_go_together),
        cmocka_unit_test(who_may_not_is_put_right),
        cmocka_unit_test(a_board_that_lost_all),
        cmocka_unit_test(a_world_is_loaded_again),
        cmocka_unit_test(asks_reach_the_brain_once),
        cmocka_unit_test(a_stop_is_a_stop_for_all),
        cmocka_unit_test(strangers),
        cmocka_unit_test(no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
