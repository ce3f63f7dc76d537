/* SPDX-License-Identifier: Apache-2.0
 *
 * test/fleet/test_memory.c - the n-th allocation of each of these calls fails: it says so
 * (MN_ENOMEM), or is done all the same; nothing it made is left, what was there is as it was, and
 * the call after it works. Under the address sanitizer nothing leaks. (Board, scene, moves, seeing,
 * past, YAML, profiles, worlds, skills, robots, brain and bridge have such tests of their own.)
 */
#include "folder.h"
#include "kitchen.h"

#include "base/alloc.h"
#include "fleet/actors.h"
#include "fleet/door.h"
#include "fleet/mcap.h"
#include "fleet/plan.h"
#include "fleet/ros2_inside.h"
#include "fleet/world.h"
#include "region/region.h"

#include <unistd.h>

static mn_board *b;
static mn_region *region;
static mn_actor_robot *robot[8];
static int n_robots;
static char path[160];

/* ---- the calls ---------------------------------------------------------------------------- */
static int simulate(void) {
    mn_sim_result r;
    memset(&r, 0x55, sizeof r);
    MN_TRY(mn_sim_run(&(mn_sim_how){.seed = 3, .kill = "arm", .kill_at = -1},
                      "put the cup on the table", &r));
    assert_int_equal(r.lost, 0);
    return strstr(r.why, "memory") ? MN_ENOMEM : 0; /* a task that fails is no failure */
}

static int make_world(void) {
    json_t *world = NULL;
    char *task = NULL;
    const int rc = mn_fleet_world_make(5, 4, &world, &task);
    if (rc < 0) assert_true(!world && !task);
    json_decref(world);
    mn_free(task);
    return rc;
}

static int open_body(void) {
    mn_fleet_state state = {0};
    mn_skill_host *host = NULL;
    const int rc = mn_sim_body_open(b, "carrier", 1, 1, 0, &state, &host);
    if (rc < 0) assert_null(host);
    if (host) host->ops->close(&host);
    return rc;
}

static int plan(void) {
    mn_scene s;
    mn_goals g = {0};
    mn_fleet_plan p = {0};
    mn_buf words = {0};
    int rc = mn_scene_read(b, "", &s, NULL);
    const int read = rc >= 0,
              goals = read && (rc = mn_goals_read(&s, "put the cup on the table", &g)) >= 0;
    if (goals) {
        rc = mn_fleet_plan_make(&s, &g, &(mn_fleet_plan_how){0}, &p);
        if (rc >= 0) rc = mn_fleet_plan_check(&s, &p, &g);
        if (rc >= 0) rc = mn_fleet_plan_explain(&s, &p, &words);
        mn_fleet_plan_free(&p);
    }
    mn_buf_free(&words);
    mn_goals_free(&g);
    if (read) mn_scene_free(&s);
    return rc;
}

static int export_log(void) {
    char out[200];
    int64_t n = 0;
    snprintf(out, sizeof out, "%s/log.mcap", folder);
    const int rc = mn_mcap_write(b, out, &n);
    if (rc < 0) assert_int_not_equal(access(out, F_OK), 0);
    unlink(out);
    return rc;
}

static int read_map(void) {
    mn_ros2_map *const map = malloc(sizeof *map);
    assert_non_null(map);
    const int rc = mn_ros2_map_read(path, map);
    mn_ros2_map_free(map);
    free(map);
    return rc;
}

static int drive(void) {
    mn_board *shared = NULL;
    mn_drive *d = NULL;
    int rc = mn_board_open(region, "faults", &shared);
    if (rc >= 0) rc = mn_drive_open(region, shared, "carrier", &d);
    if (rc < 0) assert_null(d);
    mn_drive_close(&d);
    mn_board_close(&shared);
    return rc;
}

static int through_the_door(void) {
    static const char *const calls[] = {
        "{\"do\":\"status\"}",  "{\"do\":\"scene\"}",
        "{\"do\":\"history\"}", "{\"do\":\"recall\",\"question\":\"where is the cup?\"}",
        "{\"do\":\"stop\"}",    "{\"do\":\"resume\"}"};
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        char *result = NULL;
        const int rc =
            mn_fleet_run(&(mn_fleet_with){.region = region}, "faults", calls[i], &result);
        if (rc < 0) assert_null(result);
        mn_free(result);
        MN_TRY(rc);
    }
    return 0;
}

/* ---- each of them ------------------------------------------------------------------------- */
static const struct {
    const char *name;
    int (*call)(void);
    long most; /* the last that is let fail; from 64 on ever fewer of them */
} calls[] = {
    {"a world is made", make_world, 20000},         {"a plan", plan, 20000},
    {"a simulated body", open_body, 20000},         {"a log is exported", export_log, 20000},
    {"a map for ROS 2", read_map, 20000},           {"a drive", drive, 20000},
    {"calls by the door", through_the_door, 20000}, {"a simulation", simulate, 60000},
};

static void each(void **unused) {
    (void)unused;
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        long failed = 0, hit = 1;
        assert_ok(calls[i].call());
        for (long n = 1; hit && n < calls[i].most; n += 1 + n / 64) {
            mn_alloc_fail_after(n);
            const int rc = calls[i].call();
            hit = mn_alloc_fail_left() <= 0;
            mn_alloc_fail_after(0);
            if (rc < 0 && rc != MN_ENOMEM)
                fail_msg("%s, allocation %ld: %d %s", calls[i].name, n, rc, mn_error_detail());
            if (rc < 0 && !hit) fail_msg("%s fails without a reason", calls[i].name);
            failed += rc < 0;
        }
        assert_ok(calls[i].call());
        print_message("%s: %ld failed\n", calls[i].name, failed);
        assert_true(failed > 0);
    }
}

static void join(const json_t *profile) {
    mn_skill_host *host = NULL;
    const char *const name = json_string_value(json_object_get(profile, "name"));
    assert_true(name && n_robots < 8);
    assert_ok(mn_sim_body_open(b, name, 1, 1, 0, NULL, &host));
    assert_ok(mn_actor_robot_join(b, profile, &host, 1, robot + n_robots));
    assert_ok(mn_actor_robot_publish(robot[n_robots++]));
}

static int begin(void **unused) {
    (void)unused;
    mn_board *shared;
    json_t *world = NULL;
    assert_int_equal(folder_begin("memory", 1), 0);
    snprintf(path, sizeof path, "%s/region", folder);
    assert_ok(mn_region_open(path, 64 << 20, -1, &region));
    snprintf(path, sizeof path, "%s/map.yaml", folder);
    FILE *const f = fopen(path, "w");
    assert_non_null(f);
    fputs("robots:\n  - name: r\n    odom: /r/odom\n    odom_at: [1, 2, 0]\n", f);
    fclose(f);
    world = json_loads(mn_fleet_world_kitchen, 0, NULL);
    assert_ok(mn_fleet_world_check("kitchen", world, NULL));
    assert_ok(mn_board_open_heap("main", &b));
    assert_ok(mn_board_open(region, "faults", &shared));
    mn_board *const both[] = {b, shared};
    for (int i = 0; i < 2; i++) {
        assert_ok(mn_fleet_world_put(both[i], world, ""));
        assert_ok(mn_fleet_world_put(both[i], world, "sim/"));
        if (!i) mn_board_clock(b, 1, 1);
        mn_board_tell(both[i], "said", "{s:s}", "text", "hello");
    }
    size_t i;
    json_t *one;
    json_array_foreach(json_object_get(world, "robots"), i, one) join(one);
    json_decref(world);
    mn_board_close(&shared);
    return 0;
}
static int end(void **unused) {
    (void)unused;
    while (n_robots) mn_actor_robot_leave(robot + --n_robots);
    mn_board_close(&b);
    mn_region_close(&region);
    return folder_end();
}

int main(void) {
    /* Not Jansson's: its reader writes behind a buffer that cannot grow. */
    const struct CMUnitTest tests[] = {cmocka_unit_test(each)};
    return cmocka_run_group_tests(tests, begin, end);
}
