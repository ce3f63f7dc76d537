/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/ros2_say.c - what the fleet believes, for ROS: ten times a second it is looked at, and said
 * when it has changed; transforms every time, as listeners expect.
 *
 *   /tf              map_frame -> omnesia/NAME, of robots that are not of ROS themselves
 *   omnesia/scene    {"things": {NAME: thing}, "robots": {NAME: {"body", "at", "alive", "battery",
 *                    "holds"}}}: poses of robots are transforms
 *   omnesia/tasks    {"tasks": [..]}, the newest 20
 *   omnesia/events   each event as it is told from now on
 */
#include "fleet/ros2_inside.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TASKS = 20, EVENTS = 100 };
static const uint64_t LOOK = 100000000u; /* ns */

static int no_memory(void) {
    return MN_FAIL(MN_ENOMEM, "no memory for what is said to ROS");
}
static int dds(const char *what) {
    return MN_FAIL(MN_EIO, "DDS did not take %s", what);
}

/* ---- /tf ----------------------------------------------------------------------------------- */
static int of_ros(const mn_ros2_bridge *r, const char *name) {
    for (int i = 0; i < r->map.n_robots; i++)
        if (!strcmp(r->map.robot[i].name, name)) return 1;
    return 0;
}

static int say_tf(mn_ros2_bridge *r) {
    enum { MOST = 64 };
    mn_ros2_transform t[MOST];
    char child[MOST][MN_NAME + 16];
    int n = 0;
    for (int i = 0; i < r->scene.n_robots && n < MOST; i++) {
        const mn_robot_seen *const robot = r->scene.robot + i;
        mn_pose at;
        if (of_ros(r, robot->name) || !robot->state.beat) continue;
        if (mn_scene_pose(&r->scene, robot->name, &at) < 0) continue;
        snprintf(child[n], sizeof child[n], "omnesia/%s", robot->name);
        t[n] = (mn_ros2_transform){r->b->ops->time(r->b), r->map.map_frame, child[n], {0}, {0}};
        memcpy(t[n].p, at.p, sizeof at.p);
        memcpy(t[n].q, at.q, sizeof at.q);
        n++;
    }
    if (n && r->module->say_tf(r->link, r->map.say_tf, t, n) < 0) return dds("transforms");
    return 0;
}

/* ---- JSON ---------------------------------------------------------------------------------- */
/* When it is not what was said last. */
static int say_json(mn_ros2_bridge *r, int topic, json_t *json, uint64_t *sum) {
    mn_buf text = {0};
    int rc = json ? mn_json_write(json, JSON_COMPACT | JSON_SORT_KEYS, &text) : no_memory();
    json_decref(json);
    if (rc >= 0) {
        const uint64_t now = mn_hash64(text.data, text.len);
        if (now != *sum && r->module->say_text(r->link, topic, text.data) < 0) rc = dds("a text");
        *sum = now;
    }
    mn_buf_free(&text);
    return rc;
}

static int say_scene(mn_ros2_bridge *r) {
    json_t *const things = json_object(), *const robots = json_object();
    int rc = things && robots ? 0 : no_memory();
    for (int i = 0; !rc && i < r->scene.n_things; i++)
        if (json_object_set(things, r->scene.thing[i].name, r->scene.thing[i].json) < 0)
            rc = no_memory();
    for (int i = 0; !rc && i < r->scene.n_robots; i++) {
        const mn_robot_seen *const one = r->scene.robot + i;
        json_t *const json = json_pack(
            "{s:s, s:s, s:b, s:f, s:O}", "body", one->body, "at", one->at, "alive", one->alive,
            "battery", round((double)one->state.battery * 100) / 100, "holds", one->holds);
        if (json_object_set_new(robots, one->name, json) < 0) rc = no_memory();
    }
    if (!rc)
        return say_json(r, r->map.say_scene,
                        json_pack("{s:o, s:o}", "things", things, "robots", robots), &r->scene_sum);
    json_decref(things);
    json_decref(robots);
    return rc;
}

static int task_each(void *user, const char *key, uint64_t version) {
    (void)version;
    const char *const name = strrchr(key, '/');
    return name && json_array_append_new(user, json_string(name + 1)) < 0 ? no_memory() : 0;
}

/* "t12" is newer than "t9". */
static int newer(const void *va, const void *vb) {
    const char *const a = *(const char *const *)va, *const b = *(const char *const *)vb;
    if (strlen(a) != strlen(b)) return strlen(a) > strlen(b) ? -1 : 1;
    return -strcmp(a, b);
}

static int newest_tasks(mn_ros2_bridge *r, const json_t *names, json_t *out) {
    const size_t n = json_array_size(names);
    const char **const sorted = mn_calloc(n + 1, sizeof *sorted);
    int rc = sorted ? 0 : no_memory();
    for (size_t i = 0; !rc && i < n; i++) sorted[i] = json_string_value(json_array_get(names, i));
    if (!rc) qsort(sorted, n, sizeof *sorted, newer);
    for (size_t i = 0; !rc && i < n && i < TASKS; i++) {
        json_t *task;
        rc = mn_board_get(r->b, "task/", sorted[i], &task, NULL);
        if (rc > 0) rc = json_array_append_new(out, task) < 0 ? no_memory() : 0;
        if (rc < 0 && rc != MN_ENOMEM) rc = 0; /* damaged: left out */
    }
    mn_free(sorted);
    return rc;
}

static int say_tasks(mn_ros2_bridge *r) {
    char prefix[MN_FLEET_KEY];
    json_t *const names = json_array(), *const tasks = json_array();
    MN_TRY(mn_board_key(r->b, "task/", "", prefix));
    int rc = names && tasks ? r->b->ops->each(r->b, prefix, task_each, names) : no_memory();
    if (rc >= 0) rc = newest_tasks(r, names, tasks);
    json_decref(names);
    if (rc >= 0)
        return say_json(r, r->map.say_tasks, json_pack("{s:o}", "tasks", tasks), &r->tasks_sum);
    json_decref(tasks);
    return rc;
}

static int say_events(mn_ros2_bridge *r) {
    char key[MN_FLEET_KEY];
    mn_buf text = {0};
    uint64_t number;
    MN_TRY(mn_board_key(r->b, "events", "", key));
    int rc = 0;
    for (int i = 0; i < EVENTS && rc >= 0; i++) {
        rc = r->b->ops->record(r->b, key, r->event, &text, &number);
        if (rc <= 0) break;
        r->event = number + 1;
        if (text.len && r->module->say_text(r->link, r->map.say_events, text.data) < 0)
            rc = dds("an event");
    }
    mn_buf_free(&text);
    return rc < 0 ? rc : 0;
}

int mn_ros2_say(mn_ros2_bridge *r) {
    const uint64_t now = r->b->ops->now(r->b);
    MN_TRY(say_events(r));
    if (now < r->say_again) return 0;
    r->say_again = now + LOOK;
    MN_TRY(mn_scene_refresh(r->b, "", &r->scene, NULL));
    MN_TRY(say_tf(r));
    MN_TRY(say_scene(r));
    return say_tasks(r);
}
