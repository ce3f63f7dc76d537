/* SPDX-License-Identifier: Apache-2.0
 *
 * test/fleet/test_two.c - one fleet on two machines, in time that the test lets pass: real brains,
 * robots with simulated bodies, bridges, and a link that is cut, or that forgets.
 */
#include "fleet/bridge_bed.h"

#include "fleet/brain_inside.h"
#include "fleet/scene.h"
#include "fleet/world.h"

enum { ROBOTS = 3 };
static const char task[] = "put the apple and the cup on the table";
static const char *const names[ROBOTS] = {"carrier", "arm", "dual"};
typedef struct fleet {
    bed d; /* first */
    mn_actor_robot *robot[ROBOTS];
    int at[ROBOTS]; /* its machine */
    mn_brain *brain[2];
    int ended[2]; /* its brain was displaced */
} fleet;

static void pass(fleet *f, int ms) {
    uint64_t again;
    for (int t = 0; t < ms; t += 10) {
        for (int i = 0; i < ROBOTS; i++)
            if (f->robot[i]) assert_ok(mn_actor_robot_step(f->robot[i], &again));
        for (int i = 0; i < 2; i++) {
            if (!f->brain[i]) continue;
            const int rc = mn_brain_step(f->brain[i], &again);
            if (rc == MN_ECANCELLED) {
                mn_brain_close(f->brain + i);
                f->ended[i] = 1;
            } else
                assert_ok(rc);
        }
        bed_tick(&f->d);
    }
}

static void join(fleet *f, int i, int at) {
    json_t *world, *one, *profile = NULL;
    mn_skill_host *body;
    size_t k;
    assert_ok(mn_fleet_world_read(NULL, &world));
    json_array_foreach(json_object_get(world, "robots"), k,
                       one) if (strcmp(mn_brain_field(one, "name"), names[i]) == 0) profile = one;
    assert_non_null(profile);
    assert_ok(mn_actor_robot_join(f->d.b[at], profile, NULL, 0, f->robot + i));
    assert_ok(
        mn_sim_body_open(f->d.b[at], names[i], 7, 4, 0, mn_actor_robot_state(f->robot[i]), &body));
    assert_ok(mn_actor_robot_plug(f->robot[i], body));
    assert_ok(mn_actor_robot_publish(f->robot[i]));
    f->at[i] = at;
    json_decref(world);
}

/* A world and a brain at alpha; robots where `at` says, -1: nowhere. */
static void begin(fleet *f, const int at[ROBOTS]) {
    json_t *world;
    *f = (fleet){.ended = {0}};
    bed_begin(&f->d, 2, 5);
    f->d.watch = 1;
    bed_hub_begin(&f->d);
    for (int i = 0; i < 2; i++) bed_restart(&f->d, i, 0);
    assert_ok(mn_fleet_world_read(NULL, &world));
    assert_ok(mn_fleet_world_put(f->d.b[0], world, ""));
    assert_ok(mn_fleet_world_put(f->d.b[0], world, "sim/"));
    json_decref(world);
    bed_settle(&f->d);
    assert_ok(mn_brain_open(f->d.b[0], NULL, f->brain));
    for (int i = 0; i < ROBOTS; i++)
        if (at[i] >= 0) join(f, i, at[i]);
    pass(f, 1000);
}
static void end(fleet *f) {
    for (int i = 0; i < ROBOTS; i++) mn_actor_robot_die(f->robot + i);
    for (int i = 0; i < 2; i++) mn_brain_die(f->brain + i);
    bed_hub_end(&f->d);
    bed_end(&f->d);
}

static void ask(fleet *f, int i, char id[16]) {
    assert_ok(mn_fleet_ask(f->d.b[i], task, "ann", 0, id));
}
static const char *state(fleet *f, int i, const char *id) {
    return bed_text(&f->d, i, "task/", id, "state");
}
static void fail_with(fleet *f, int i, const char *id, const char *what) {
    json_t *const json = bed_get(&f->d, i, "task/", id);
    mn_buf text = {0}, event = {0};
    uint64_t number;
    char key[MN_FLEET_KEY];
    assert_ok(mn_fleet_show(json, &text));
    for (int m = 0; m < 2; m++) {
        print_message("%s\n", bed_name[m]);
        assert_ok(mn_board_key(f->d.b[m], "events", "", key));
        for (uint64_t k = 0; f->d.b[m]->ops->record(f->d.b[m], key, k, &event, &number) > 0; k++)
            print_message("%.*s\n", (int)event.len, event.data);
    }
    fail_msg("%s: %s", what, text.data);
}
/* Until it has ended there; s of the fleet's time. */
static void until_done(fleet *f, int i, const char *id, int s) {
    for (int t = 0; t < s * 10; t++) {
        const char *const is = state(f, i, id);
        if (strcmp(is, "done") == 0) return;
        if (strcmp(is, "failed") == 0) fail_with(f, i, id, "it failed");
        pass(f, 100);
    }
    fail_with(f, i, id, "it never ended");
}
static int number(fleet *f, int i, const char *id, const char *field) {
    json_t *const json = bed_get(&f->d, i, "task/", id);
    const int n = (int)json_integer_value(json_object_get(json, field));
    json_decref(json);
    return n;
}
/* Both things are on the table, believed and true, on both boards. */
static void reached(fleet *f) {
    static const char *const layers[] = {"thing/", "sim/thing/"}, *const things[] = {"apple",
                                                                                     "cup"};
    for (int t = 0; t < 3000 && !bed_same(&f->d); t++) pass(f, 10);
    for (int i = 0; i < 2; i++)
        for (int l = 0; l < 2; l++)
            for (int t = 0; t < 2; t++)
                assert_string_equal(bed_text(&f->d, i, layers[l], things[t], "at"), "table");
    bed_sound(&f->d, 1);
}

static void asked_at_one_done_by_both(void **unused) {
    (void)unused;
    fleet f;
    char id[16];
    begin(&f, (const int[]){0, 1, -1});
    ask(&f, 1, id);
    until_done(&f, 1, id, 120);
    assert_int_equal(number(&f, 1, id, "replans"), 0);
    assert_string_equal(bed_text(&f.d, 1, "task/", id, "home"), "alpha");
    assert_string_equal(state(&f, 0, "beta.t1"), "done");
    reached(&f);
    end(&f);
}

/* The link is cut for 10 s, at any moment: everybody keeps what he has, and nothing is planned anew
 * when it is back. */
static void cut_and_healed(void **unused) {
    (void)unused;
    for (int at = 0; at < 6; at++) {
        fleet f;
        char id[16];
        begin(&f, (const int[]){0, 1, -1});
        ask(&f, 1, id);
        pass(&f, 300 + 2100 * at);
        bed_cut(&f.d, at & 1, 1);
        pass(&f, 10000);
        bed_cut(&f.d, at & 1, 0);
        until_done(&f, 1, id, 120);
        assert_int_equal(number(&f, 1, id, "replans"), 0);
        reached(&f);
        end(&f);
    }
}

/* Longer than anybody waits: without the arm there is no plan, so the task waits for it. */
static void cut_for_long(void **unused) {
    (void)unused;
    fleet f;
    char id[16];
    begin(&f, (const int[]){0, 1, -1});
    ask(&f, 0, id);
    pass(&f, 3000);
    bed_cut(&f.d, 1, 1);
    pass(&f, 45000);
    assert_string_equal(state(&f, 0, id), "running");
    assert_string_equal(bed_text(&f.d, 1, "call/", "arm", "task"), "alpha.t1"); /* its last step */
    bed_cut(&f.d, 1, 0);
    until_done(&f, 0, id, 120);
    reached(&f);
    end(&f);
}

/* There is another one that can do it. */
static void others_go_on(void **unused) {
    (void)unused;
    fleet f;
    char id[16];
    begin(&f, (const int[]){0, 1, 0});
    ask(&f, 0, id);
    pass(&f, 1500);
    bed_cut(&f.d, 1, 1);
    pass(&f, 60000);
    bed_cut(&f.d, 1, 0);
    until_done(&f, 0, id, 120);
    reached(&f);
    end(&f);
}

static void redis_is_empty(void **unused) {
    (void)unused;
    for (int at = 0; at < 4; at++) {
        fleet f;
        char id[16];
        begin(&f, (const int[]){0, 1, -1});
        ask(&f, 1, id);
        pass(&f, 300 + 3000 * at);
        bed_hub_restart(&f.d, 2);
        pass(&f, 3000);
        for (int i = 0; i < 2; i++) bed_cut(&f.d, i, 0);
        until_done(&f, 1, id, 120);
        reached(&f);
        end(&f);
    }
}

/* No brain is at its machine: its bridge takes its lease, and what it held lies there. */
static void a_far_robot_dies(void **unused) {
    (void)unused;
    for (int at = 0; at < 4; at++) {
        fleet f;
        char id[16];
        begin(&f, (const int[]){0, 1, 0});
        ask(&f, 0, id);
        pass(&f, 300 + 800 * at);
        mn_actor_robot_die(f.robot + 1);
        for (int t = 0; t < 2; t++) { /* in truth it falls at once */
            const char *const thing = t ? "cup" : "apple";
            const mn_move fall = {.thing = thing, .from = "arm", .to = "counter", .how = "on"};
            const int rc = mn_scene_move(f.d.b[1], "sim/", NULL, &fall);
            assert_true(rc >= 0 || rc == MN_ECONFLICT || rc == MN_EBUSY);
        }
        pass(&f, 1000);
        for (int i = 0; i < 2; i++) assert_false(bed_is(&f.d, i, "lease/", "arm"));
        if (strcmp(state(&f, 0, id), "done") != 0) until_done(&f, 0, id, 300);
        for (int i = 0; i < 2; i++) {
            assert_string_equal(bed_text(&f.d, i, "thing/", "apple", "at"), "table");
            assert_string_equal(bed_text(&f.d, i, "thing/", "cup", "at"), "table");
        }
        bed_sound(&f.d, 1);
        end(&f);
    }
}

static void one_brain_for_both(void **unused) {
    (void)unused;
    fleet f;
    char id[16];
    begin(&f, (const int[]){0, 1, -1});
    assert_fails(mn_brain_open(f.d.b[1], NULL, f.brain + 1), MN_EBUSY, "of the machine alpha");
    pass(&f, 5000); /* its heartbeat comes, too */
    assert_fails(mn_brain_open(f.d.b[1], NULL, f.brain + 1), MN_EBUSY, "of the machine alpha");
    ask(&f, 0, id);
    pass(&f, 2000);
    /* Cut off, beta gets a brain of its own: the later one counts when the link is back. */
    bed_cut(&f.d, 1, 1);
    pass(&f, 6000);
    assert_ok(mn_brain_open(f.d.b[1], NULL, f.brain + 1));
    pass(&f, 3000);
    assert_non_null(f.brain[0]);
    bed_cut(&f.d, 1, 0);
    pass(&f, 1000);
    assert_true(f.ended[0]);
    assert_false(f.ended[1]);
    assert_fails(mn_brain_open(f.d.b[0], NULL, f.brain), MN_EBUSY, "of the machine beta");
    assert_string_equal(bed_text(&f.d, 0, "task/", id, "home"), "beta");
    until_done(&f, 0, id, 200); /* it goes on with what the first one had */
    reached(&f);
    /* It ends: anybody may begin. */
    mn_brain_close(f.brain + 1);
    pass(&f, 200);
    assert_ok(mn_brain_open(f.d.b[0], NULL, f.brain));
    pass(&f, 200);
    assert_fails(mn_brain_open(f.d.b[1], NULL, f.brain + 1), MN_EBUSY, "of the machine alpha");
    end(&f);
}

int main(void) {
    if (getenv("OMNESIA_ONLY")) cmocka_set_test_filter(getenv("OMNESIA_ONLY"));
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(asked_at_one_done_by_both),
        cmocka_unit_test(cut_and_healed),
        cmocka_unit_test(cut_for_long),
        cmocka_unit_test(others_go_on),
        cmocka_unit_test(redis_is_empty),
        cmocka_unit_test(a_far_robot_dies),
        cmocka_unit_test(one_brain_for_both),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
