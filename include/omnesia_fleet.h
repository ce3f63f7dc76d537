/* SPDX-License-Identifier: Apache-2.0
 *
 * omnesia_fleet.h - robots that share one world, beside omnesia.h. A robot that waves:
 *
 *     static int wave(void *user, mn_skill_call *call, const char *args) {
 *         for (int i = 0; i < 10; i++, usleep(100000))
 *             if (mn_skill_stopped(call)) return mn_skill_fail(call, "stopped", "half a wave");
 *         return 0;
 *     }
 *
 *     const char *manifest = "{\"name\": \"wave\", \"inputSchema\": {\"type\": \"object\"}}";
 *     if (mn_region_open(NULL, 0, 0, &region) < 0 || mn_fleet_open(region, NULL, &fleet) < 0 ||
 *         mn_robot_join(fleet, "{name: greeter, body: arm}", &robot) < 0 ||
 *         mn_robot_skill(robot, manifest, wave, NULL) < 0 ||
 *         mn_robot_at(robot, (double[]){1, 2, 0}, NULL, 1, NULL) < 0 ||
 *         mn_robot_run(robot, -1) < 0)
 *         puts(mn_error_detail());
 *     mn_robot_leave(&robot), mn_fleet_close(&fleet), mn_region_close(&region);
 *
 * examples/fleet/robot.c is a whole one. Errors, strings and handles are as omnesia.h says.
 */
#ifndef OMNESIA_FLEET_H
#define OMNESIA_FLEET_H
#include "omnesia.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct mn_fleet mn_fleet;
typedef struct mn_fleet_options {
    const char *name; /* NULL: "main" */
    int pull;         /* 1: a missing model is fetched */
    /* While a call runs: each event, JSON, and now and then NULL; non-zero ends it. */
    int (*tell)(void *user, const char *event);
    void *user;
} mn_fleet_options;
MN_API int mn_fleet_open(mn_region *region, const mn_fleet_options *options, mn_fleet **out);
MN_API void mn_fleet_close(mn_fleet **fleet); /* before the region */
/* A call and its result (mn_free_text) are JSON, by docs/FLEET.md: {"do": "do", "text": "put the
 * cup on the table"}, {"do": "scene"}, {"do": "verbs"} (fleet may be NULL). Any thread. */
MN_API int mn_fleet_do(mn_fleet *fleet, const char *json, char **result);
typedef struct mn_robot mn_robot;
typedef struct mn_skill_call mn_skill_call;
/* A robot of this process: profile is YAML, its path or itself. One thread at a time. */
MN_API int mn_robot_join(mn_fleet *fleet, const char *profile, mn_robot **out);
/* What it can do: a manifest (docs/FLEET.md) or the name of a known skill; a function, called in a
 * thread of its own with arguments, JSON; 0: done. Programs that speak MCP: argv, NULL ends. */
MN_API int mn_robot_skill(mn_robot *robot, const char *manifest,
                          int (*run)(void *user, mn_skill_call *call, const char *args),
                          void *user);
MN_API int mn_robot_program(mn_robot *robot, const char *const *argv);
MN_API int mn_skill_stopped(const mn_skill_call *call);                /* 1: come back at once */
MN_API int mn_skill_seen(mn_skill_call *call, const char *detections); /* what it saw, JSON */
MN_API int mn_skill_fail(mn_skill_call *call, const char *code, const char *why); /* return it */
/* Where it is, as often as it likes, from any thread: position in "map" (m), quaternion x y z w,
 * charge 0 to 1 (-1: unknown), the place it works at ("": none). It is the robot's heartbeat. */
MN_API int mn_robot_at(mn_robot *robot, const double p[3], const double q[4], double battery,
                       const char *place);
/* Do what it is told to for so long (-1: until it has lost its lease, or is told to leave). */
MN_API int mn_robot_run(mn_robot *robot, int64_t timeout_ms);
MN_API void mn_robot_leave(mn_robot **robot);

#ifdef __cplusplus
}
#endif
#endif
