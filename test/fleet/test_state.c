/* SPDX-License-Identifier: Apache-2.0
 *
 * test/fleet/test_state.c - a robot's state there and back, and every way it can be damaged.
 */
#include "test.h"

#include "fleet/state.h"

#include <math.h>

static mn_fleet_state good(void) {
    mn_fleet_state s = {.format = MN_STATE_FORMAT,
                        .flags = MN_STATE_BUSY,
                        .beat = 3,
                        .now = 4,
                        .until = 5,
                        .time = 6,
                        .p = {1, 2, 3},
                        .q = {0, 0, 0, 1},
                        .battery = 0.5f,
                        .n_joints = 2,
                        .frame = "map",
                        .at = "table",
                        .joint = {0.25f, -0.5f}};
    return s;
}

static void there_and_back(void **state) {
    (void)state;
    const mn_fleet_state s = good();
    mn_fleet_state out;
    assert_int_equal(mn_fleet_state_bytes(&s), offsetof(mn_fleet_state, joint) + 8);
    assert_ok(mn_fleet_state_read(&s, mn_fleet_state_bytes(&s), &out));
    assert_memory_equal(&s, &out, mn_fleet_state_bytes(&s));
    for (size_t n = mn_fleet_state_bytes(&s); n < sizeof out; n++) /* what is not there is 0 */
        assert_int_equal(((const char *)&out)[n], 0);
    json_t *const j = mn_fleet_state_write(&s);
    assert_string_equal(json_string_value(json_object_get(j, "at")), "table");
    assert_true(json_is_true(json_object_get(j, "busy")));
    assert_true(json_is_false(json_object_get(j, "stopped")));
    assert_int_equal(json_array_size(json_object_get(j, "joints")), 2);
    const json_t *const p = json_object_get(json_object_get(j, "pose"), "p");
    assert_true(json_real_value(json_array_get(p, 2)) == 3);
    json_decref(j);
}

static void damaged(void **state) {
    (void)state;
    mn_fleet_state s = good(), out = {0};
    const size_t n = mn_fleet_state_bytes(&s);
    for (size_t less = 0; less < n + 4; less++)
        if (less != n) assert_int_equal(mn_fleet_state_read(&s, less, &out), MN_ECORRUPT);
    s.format = 2;
    assert_fails(mn_fleet_state_read(&s, n, &out), MN_EUNSUPPORTED, "of format 2");
#define WRONG(change)                                                                              \
    do {                                                                                           \
        s = good();                                                                                \
        change;                                                                                    \
        assert_fails(mn_fleet_state_read(&s, n, &out), MN_ECORRUPT, "a robot's state is damaged"); \
    } while (0)
    WRONG(s.n_joints = 1);
    WRONG(s.n_joints = UINT32_MAX);
    WRONG(memset(s.frame, 'x', sizeof s.frame));
    WRONG(memset(s.at, 'x', sizeof s.at));
    WRONG(s.p[2] = NAN);
    WRONG(s.q[3] = INFINITY);
    WRONG(s.v[0] = NAN);
    WRONG(s.joint[1] = NAN);
    WRONG(s.battery = NAN);
    WRONG(s.battery = 2);
    assert_int_equal(out.format, 0); /* nothing of it was taken */
}

static void on_a_board(void **state) {
    (void)state;
    mn_board *b;
    mn_fleet_state s = good(), out;
    uint64_t version = 7, first;
    assert_ok(mn_board_open_heap(NULL, &b));
    assert_int_equal(mn_fleet_state_get(b, "state/", "arm", &out, &version), 0);
    assert_int_equal(version, 0);
    assert_ok(mn_fleet_state_put(b, "state/", "arm", &s, &version)); /* where there is none */
    assert_int_equal(mn_fleet_state_get(b, "state/", "arm", &out, &first), 1);
    assert_memory_equal(&s, &out, sizeof s);
    assert_int_equal(mn_fleet_state_put(b, "state/", "arm", &s, &version), MN_ECONFLICT);
    assert_ok(mn_fleet_state_put(b, "state/", "arm", &s, NULL));
    assert_int_equal(mn_fleet_state_put(b, "state/", "arm", &s, &first), MN_ECONFLICT);
    s.battery = 2; /* it lies there, and cannot be read */
    assert_ok(mn_fleet_state_put(b, "state/", "arm", &s, NULL));
    assert_int_equal(mn_fleet_state_get(b, "state/", "arm", &out, &version), 0);
    assert_true(version > first);
    assert_int_equal(mn_fleet_state_get(b, "sim/state/", "arm", &out, NULL), 0);
    assert_fails(mn_fleet_state_get(b, "state/", "a/b", &out, NULL), MN_EINVAL,
                 "a name with a '/'");
    mn_board_close(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(there_and_back),
        cmocka_unit_test(damaged),
        cmocka_unit_test(on_a_board),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
