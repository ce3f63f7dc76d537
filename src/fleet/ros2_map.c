/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/ros2_map.c - which topic belongs to which robot, as ros2.h says.
 */
#include "fleet/ros2_inside.h"

#include "base/error.h"
#include "fleet/yaml.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct reading {
    const char *path;
    json_t *lines;
    char where[64]; /* "robots/1" */
    mn_ros2_map *map;
} reading;

static int wrong(const reading *r, const char *key, const char *what) {
    char path[160];
    snprintf(path, sizeof path, "%s%s%s", r->where, *r->where && *key ? "/" : "", key);
    return mn_yaml_wrong(r->path, r->lines, path, "%s", what);
}

static int only(const reading *r, const json_t *json, const char *keys) {
    const char *key;
    json_t *value;
    if (!json_is_object(json)) return wrong(r, "", "it takes fields");
    json_object_foreach((json_t *)json, key, value) {
        const char *const at = strstr(keys, key);
        const size_t n = strlen(key);
        char what[300];
        if (n && at && (at == keys || at[-1] == ' ') && (!at[n] || at[n] == ' ')) continue;
        snprintf(what, sizeof what, "unknown; there are: %s", keys);
        return wrong(r, key, what);
    }
    return 0;
}

/* A text of at most cap - 1 bytes: 1; 0: it is not there. */
static int text(const reading *r, const json_t *json, const char *key, char *out, size_t cap) {
    const json_t *const v = json_object_get(json, key);
    char what[80];
    *out = 0;
    if (!v) return 0;
    snprintf(what, sizeof what, "it takes a text of 1 to %zu bytes", cap - 1);
    if (!json_is_string(v) || !json_string_length(v) || json_string_length(v) >= cap ||
        strlen(json_string_value(v)) != json_string_length(v))
        return wrong(r, key, what);
    memcpy(out, json_string_value(v), json_string_length(v) + 1);
    return 1;
}

/* ---- topics -------------------------------------------------------------------------------- */
static int add(mn_ros2_map *m, mn_ros2_kind kind, const char *name, int of) {
    if (m->n_topics == MN_ROS2_TOPICS)
        return MN_FAIL(MN_EINVAL, "a map has at most %d topics", MN_ROS2_TOPICS);
    const int i = m->n_topics++;
    snprintf(m->name[i], sizeof m->name[i], "rt%s%s", *name == '/' ? "" : "/", name);
    m->topic[i] = (mn_ros2_topic){kind, m->name[i]};
    m->of[i] = of;
    return i;
}

/* A name as ROS 2 has them: letters, digits, "_", parts between "/". 1: it is there. */
static int topic(const reading *r, const json_t *json, const char *key, mn_ros2_kind kind, int of) {
    char name[MN_ROS2_NAME];
    const int there = text(r, json, key, name, sizeof name);
    if (there <= 0) return there;
    for (const char *p = name; *p; p++)
        if (!(isalnum((unsigned char)*p) || *p == '_' || *p == '/') || (*p == '/' && p[1] == '/') ||
            (*p == '/' && !p[1]))
            return wrong(r, key, "a topic is /NAME/NAME.. of letters, digits and _");
    MN_TRY(add(r->map, kind, name, of));
    return 1;
}

/* ---- robots -------------------------------------------------------------------------------- */
static int odom_at(const reading *r, const json_t *json, mn_ros2_robot *out) {
    const json_t *const v = json_object_get(json, "odom_at");
    double n[3];
    if (!v) return 0;
    for (size_t i = 0; i < 3; i++) {
        const json_t *const one = json_array_get(v, i);
        n[i] = json_number_value(one);
        if (json_array_size(v) != 3 || !json_is_number(one) || fabs(n[i]) > 1e6)
            return wrong(r, "odom_at", "it takes [x, y, yaw], in metres and radians");
    }
    out->odom_at = mn_pose_at("map", n[0], n[1], 0);
    out->odom_at.q[2] = sin(n[2] / 2);
    out->odom_at.q[3] = cos(n[2] / 2);
    out->has_at = 1;
    return 0;
}

static int robot(reading *r, const json_t *json) {
    mn_ros2_map *const m = r->map;
    const int i = m->n_robots;
    mn_ros2_robot *const out = m->robot + i;
    MN_TRY(only(r, json, "name frame odom odom_at joints battery tf tf_static"));
    int there = text(r, json, "name", out->name, sizeof out->name);
    if (!there) return wrong(r, "", "name: which robot is it?");
    MN_TRY(there);
    if (mn_board_name_check("a robot", out->name) < 0) return wrong(r, "name", mn_error_detail());
    for (int k = 0; k < i; k++)
        if (!strcmp(m->robot[k].name, out->name)) return wrong(r, "name", "two robots of one name");
    MN_TRY(text(r, json, "frame", out->frame, sizeof out->frame));
    MN_TRY(odom_at(r, json, out));
    MN_TRY(out->has_odom = topic(r, json, "odom", MN_ROS2_ODOMETRY, i));
    MN_TRY(topic(r, json, "joints", MN_ROS2_JOINTS, i));
    MN_TRY(topic(r, json, "battery", MN_ROS2_BATTERY, i));
    MN_TRY(there = topic(r, json, "tf", MN_ROS2_TF, i));
    out->own_tf = there;
    MN_TRY(there = topic(r, json, "tf_static", MN_ROS2_TF_STATIC, i));
    out->own_tf |= there;
    if (!out->has_odom && !*out->frame)
        return wrong(r, "", "odom or frame: where would its pose come from?");
    out->heard.q[3] = 1;
    out->heard.battery = -1;
    m->n_robots++;
    return 0;
}

static int camera(reading *r, const json_t *json) {
    mn_ros2_map *const m = r->map;
    mn_ros2_camera *const out = m->camera + m->n_cameras;
    const char *key;
    json_t *value;
    MN_TRY(only(r, json, "topic by place classes"));
    const int there = topic(r, json, "topic", MN_ROS2_DETECTIONS, m->n_cameras);
    if (!there) return wrong(r, "", "topic: where are the detections?");
    MN_TRY(there);
    MN_TRY(text(r, json, "by", out->by, sizeof out->by));
    MN_TRY(text(r, json, "place", out->place, sizeof out->place));
    out->classes = json_object_get(json, "classes");
    if (out->classes && !json_is_object(out->classes))
        return wrong(r, "classes", "it takes {\"their class\": our class}");
    json_object_foreach((json_t *)out->classes, key, value) {
        if (!json_is_string(value)) return wrong(r, "classes", "it takes texts");
    }
    out->robot = -1;
    for (int i = 0; i < m->n_robots; i++)
        if (!strcmp(m->robot[i].name, out->by) && m->robot[i].own_tf) out->robot = i;
    m->n_cameras++;
    return 0;
}

static int list(reading *r, const char *key, int most, int (*one)(reading *r, const json_t *json)) {
    const json_t *const all = json_object_get(r->map->json, key);
    char what[64];
    snprintf(what, sizeof what, "it takes a list, of at most %d", most);
    if (all && (!json_is_array(all) || json_array_size(all) > (size_t)most))
        return wrong(r, key, what);
    for (size_t i = 0; i < json_array_size(all); i++) {
        snprintf(r->where, sizeof r->where, "%s/%zu", key, i);
        MN_TRY(one(r, json_array_get(all, i)));
    }
    r->where[0] = 0;
    return 0;
}

static int read_all(reading *r) {
    mn_ros2_map *const m = r->map;
    MN_TRY(only(r, m->json, "map_frame robots detections"));
    MN_TRY(text(r, m->json, "map_frame", m->map_frame, sizeof m->map_frame));
    if (!*m->map_frame) strcpy(m->map_frame, "map");
    MN_TRY(list(r, "robots", MN_ROS2_ROBOTS, robot));
    MN_TRY(list(r, "detections", MN_ROS2_CAMERAS, camera));
    MN_TRY(add(m, MN_ROS2_TF, "/tf", -1));
    MN_TRY(add(m, MN_ROS2_TF_STATIC, "/tf_static", -1));
    MN_TRY(m->say_tf = add(m, MN_ROS2_SAY_TF, "/tf", -1));
    MN_TRY(m->say_scene = add(m, MN_ROS2_SAY_NEWEST, "/omnesia/scene", -1));
    MN_TRY(m->say_tasks = add(m, MN_ROS2_SAY_NEWEST, "/omnesia/tasks", -1));
    return m->say_events = add(m, MN_ROS2_SAY_LOG, "/omnesia/events", -1);
}

int mn_ros2_map_read(const char *path, mn_ros2_map *out) {
    reading r = {.path = path, .map = out};
    memset(out, 0, sizeof *out);
    int rc = mn_yaml_read(path, &out->json, &r.lines);
    if (rc >= 0) rc = read_all(&r);
    json_decref(r.lines);
    return rc < 0 ? rc : 0;
}

void mn_ros2_map_free(mn_ros2_map *m) {
    json_decref(m->json);
    m->json = NULL;
}
