/* SPDX-License-Identifier: Apache-2.0
 *
 * test/fleet/test_deaths.c - thirty robots are killed and some hang, each as a process of its own:
 * when their leases are gone, and that nobody well is lost while others have the processors.
 */
#include "test.h"

#include "bench/roboos_crew.h"
#include "bench/roboos_death.h"
#include "folder.h"

static char path[96];

static int begin(void **state) {
    (void)state;
    assert_int_equal(folder_begin("deaths", 1), 0);
    snprintf(path, sizeof path, "%s/region", folder);
    return 0;
}
static int end(void **state) {
    (void)state;
    return folder_end();
}

static void deaths_are_known_before_a_heartbeat_is_missed(void **state) {
    (void)state;
    static mn_deaths_result r;
    assert_ok(mn_deaths_run(&(mn_deaths_how){.region = path, .kills = 30, .seed = 7}, &r));
    const double half = mn_crew_percentile(r.kill_ms, r.kills, 50),
                 most = mn_crew_percentile(r.kill_ms, r.kills, 100);
    print_message("30 kills: half of them known after %.1f ms, all after %.1f ms\n", half, most);
    assert_int_equal(r.kills, 30);
    assert_true(half < MN_FLEET_BEAT / 5); /* heartbeats alone: one to two of them */
    assert_true(most <= 2 * MN_FLEET_BEAT);
}

static void one_that_hangs_loses_its_lease_and_what_it_did_after(void **state) {
    (void)state;
    static mn_deaths_result r;
    assert_ok(mn_deaths_run(&(mn_deaths_how){.region = path, .hangs = 6, .seed = 8}, &r));
    const double half = mn_crew_percentile(r.hang_ms, r.hangs, 50),
                 least = r.hang_ms[0]; /* they are sorted now */
    print_message("6 hung: known after %.0f to %.0f ms\n", least, r.hang_ms[r.hangs - 1]);
    assert_int_equal(r.hangs, 6);
    assert_int_equal(r.late, 0);
    assert_true(half <= 2 * MN_FLEET_BEAT);
    assert_true(least >= MN_FLEET_BEAT - 50); /* a stop is no death: it has its time */
}

static void under_load_nobody_is_lost(void **state) {
    (void)state;
    static mn_deaths_result r;
    assert_ok(mn_deaths_run(&(mn_deaths_how){.region = path, .load = 5, .seed = 9}, &r));
    print_message("%ld heartbeats\n", r.beats);
    assert_true(r.beats > 4 * 5 * 3);
    assert_int_equal(r.alarms, 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, begin, end)
int main(void) {
    const struct CMUnitTest tests[] = {
        T(deaths_are_known_before_a_heartbeat_is_missed),
        T(one_that_hangs_loses_its_lease_and_what_it_did_after),
        T(under_load_nobody_is_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
