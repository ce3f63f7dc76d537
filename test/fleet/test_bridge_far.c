/* SPDX-License-Identifier: Apache-2.0
 *
 * test/fleet/test_bridge_far.c - robots of two machines at one work: things on trays, bodies of one
 * simulated world.
 */
#include "fleet/bridge_bed.h"

static void far_robot(bed *d, int i, const char *name, const char *hand, int room_for) {
    json_t *const robot = json_pack("{s:i, s:s, s:i, s:o}", "format", 1, "body", "arm", "room_for",
                                    room_for, "skills", json_loads(bed_skills, 0, NULL));
    json_object_set_new(robot, "hands", hand ? json_pack("[s]", hand) : json_array());
    bed_put(d, i, "robot/", name, robot);
    bed_put(d, i, "lease/", name, json_pack("{s:i, s:i}", "epoch", 1, "pid", 7));
}

/* A carrier and an arm at alpha, an arm at beta, a cup of alpha. */
static void kitchen(bed *d) {
    bed_begin(d, 2, 11);
    bed_thing(d, 0, "kitchen", "room", "");
    bed_thing(d, 0, "table", "furniture", "kitchen");
    bed_thing(d, 0, "cup", "object", "table");
    far_robot(d, 0, "carrier", NULL, 2);
    far_robot(d, 0, "near", "left", 0);
    far_robot(d, 1, "far", "hand", 0);
    bed_settle(d);
}

static void grasp(bed *d, int i, const char *robot, int try_) {
    bed_put(d, i, "call/", robot,
            json_pack("{s:s, s:s, s:i, s:s, s:{s:s}, s:i, s:I, s:s}", "task", "t1", "step", "s1",
                      "try", try_, "skill", "grasp", "args", "thing", "cup", "limit", 20, "lease",
                      (json_int_t)bed_version(d, i, "lease/", robot), "state", "given"));
}

static void what_lies_on_a_tray_is_given(void **unused) {
    (void)unused;
    bed d;
    kitchen(&d);
    assert_int_equal(bed_move(&d, 0, "cup", "carrier"), 0);
    bed_settle(&d);
    grasp(&d, 0, "far", 1);
    for (int t = 0; t < 4000 && strcmp(bed_text(&d, 1, "call/", "far", "state"), "given"); t++)
        bed_tick(&d);
    assert_string_equal(bed_text(&d, 1, "call/", "far", "state"), "given");
    bed_run(&d, 1000); /* it stays, though the carrier is alpha's */
    assert_string_equal(bed_text(&d, 1, "thing/", "cup", "home"), "");
    assert_int_equal(bed_told(&d, 1, "given away"), 0);
    assert_int_equal(bed_move(&d, 1, "cup", "far"), 0);
    bed_settle(&d);
    bed_sound(&d, 1);
    assert_string_equal(bed_text(&d, 0, "thing/", "cup", "at"), "far");
    bed_end(&d);
}

static void what_lies_in_a_hand_is_not(void **unused) {
    (void)unused;
    bed d;
    kitchen(&d);
    assert_int_equal(bed_move(&d, 0, "cup", "near"), 0);
    json_t *const cup = bed_get(&d, 0, "thing/", "cup");
    json_object_set_new(cup, "how", json_string("left"));
    bed_put(&d, 0, "thing/", "cup", cup);
    bed_settle(&d);
    grasp(&d, 0, "far", 1);
    bed_run(&d, 2000);
    assert_string_equal(bed_text(&d, 1, "thing/", "cup", "home"), "alpha");
    assert_false(bed_is(&d, 1, "call/", "far"));
    bed_end(&d);
}

/* Where a body truly stands is known where its robot is known to live. */
static void a_body_is_seen_elsewhere(void **unused) {
    (void)unused;
    bed d;
    mn_fleet_state truth = {.format = MN_STATE_FORMAT, .beat = 5, .q = {0, 0, 0, 1}}, seen;
    char key[MN_FLEET_KEY];
    mn_buf value = {0};
    uint64_t version;
    kitchen(&d);
    snprintf(truth.at, sizeof truth.at, "table");
    assert_ok(mn_board_key(d.b[1], "sim/state/", "far", key));
    mn_edit e = {
        .key = key, .kind = MN_EDIT_PUT, .value = &truth, .n = mn_fleet_state_bytes(&truth)};
    assert_ok(d.b[1]->ops->commit(d.b[1], &e, 1));
    bed_beat(&d, 1, "far", "", 500); /* it believes to be elsewhere */
    bed_run(&d, 200);
    assert_int_equal(bed_state(&d, 0, "far", &seen), 1);
    assert_string_equal(seen.at, "");
    assert_int_equal(d.b[0]->ops->get(d.b[0], key, &value, &version), 1);
    assert_ok(mn_fleet_state_read(value.data, value.len, &seen));
    assert_string_equal(seen.at, "table");
    mn_buf_free(&value);
    bed_end(&d);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_lies_on_a_tray_is_given),
        cmocka_unit_test(what_lies_in_a_hand_is_not),
        cmocka_unit_test(a_body_is_seen_elsewhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
