/* SPDX-License-Identifier: Apache-2.0
 *
 * test/fuzz/fuzz_fleet_ros2.c - any numbers and names as messages of ROS 2, as the module hands
 * them on (fleet/ros2/module.h): transforms, odometry, joints, batteries, detections.
 *
 * A byte says which topic of the map; then come its numbers (a byte: an odd one, a small one, or
 * 255 and eight bytes) and texts (a byte, and so many). A byte behind the topics: states are put,
 * and ROS is told. Checked: what is told to ROS is finite, and text of JSON.
 */
#include "fleet_bed.h"

#include "fleet/ros2_inside.h"

#include <math.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

enum { TEXT = 128, SEEN = 4, JOINTS = 40 };
static const char map[] =
    "{\"map_frame\": \"world\", \"robots\": ["
    "{\"name\": \"arm\", \"frame\": \"base\", \"odom\": \"/arm/odom\", \"odom_at\": [1, 2, 0.5],"
    " \"joints\": \"/arm/joints\", \"battery\": \"/arm/battery\", \"tf\": \"/arm/tf\"},"
    "{\"name\": \"helper\", \"frame\": \"helper_base\", \"joints\": \"/joints\"},"
    "{\"name\": \"far\", \"odom\": \"/far/odom\"}],"
    "\"detections\": [{\"topic\": \"/seen\", \"by\": \"arm\", \"place\": \"table\","
    " \"classes\": {\"41\": \"cup\"}}, {\"topic\": \"/also\", \"by\": \"\\u00e9\"}]}";

/* ---- numbers and texts --------------------------------------------------------------------- */
typedef struct input {
    const uint8_t *at, *end;
    char text[3 + 2 * SEEN][TEXT];
    int texts;
} input;

static uint8_t byte(input *in) {
    return in->at < in->end ? *in->at++ : 0;
}

static double number(input *in) {
    static const double odd[] = {0,      -0.0,   1,       -1,     1e9,  -1e9,  1e308, -1e308,
                                 1e-310, 5e-324, 1048577, 3.1416, 1e20, 4.2e9, 0.5,   1e6};
    const uint8_t b = byte(in);
    double n = 0;
    if (b < 16) return odd[b];
    if (b == 16) return NAN;
    if (b == 17 || b == 18) return b == 17 ? INFINITY : -INFINITY;
    if (b < 255) return (b - 128) / 16.0;
    for (size_t i = 0; i < sizeof n; i++) ((uint8_t *)&n)[i] = byte(in);
    return n;
}

static void numbers(input *in, double *out, size_t n) {
    for (size_t i = 0; i < n; i++) out[i] = number(in);
}

static const char *text(input *in) {
    char *const out = in->text[in->texts++];
    const size_t n = byte(in) % TEXT;
    for (size_t i = 0; i < n; i++) out[i] = (char)byte(in);
    out[n] = 0;
    return out;
}

static int64_t stamp(input *in) {
    const double n = number(in);
    return fabs(n) < 9e18 ? (int64_t)n : INT64_MIN;
}

/* ---- messages ------------------------------------------------------------------------------ */
static mn_ros2_transform transform(input *in) {
    mn_ros2_transform t = {.stamp = stamp(in)};
    t.frame = text(in);
    t.child = text(in);
    numbers(in, t.p, 3);
    numbers(in, t.q, 4);
    return t;
}

static void odometry(input *in, int topic, const mn_ros2_ears *ears) {
    mn_ros2_odometry o = {.pose = transform(in)};
    numbers(in, o.cov, 3);
    numbers(in, o.v, 6);
    ears->odometry(ears->user, topic, &o);
}

static void detections(input *in, int topic, const mn_ros2_ears *ears) {
    mn_ros2_seen seen[SEEN] = {{0}};
    const size_t n = byte(in) % (SEEN + 1);
    for (size_t i = 0; i < n; i++) {
        seen[i].stamp = stamp(in);
        seen[i].frame = text(in);
        seen[i].class_ = text(in);
        seen[i].score = number(in);
        numbers(in, seen[i].p, 3);
        numbers(in, seen[i].q, 4);
        numbers(in, seen[i].cov, byte(in) % 37);
        numbers(in, seen[i].box_p, 3);
        numbers(in, seen[i].box_q, 4);
        numbers(in, seen[i].size, 3);
    }
    ears->seen(ears->user, topic, seen, n);
}

static void say(input *in, const mn_ros2_map *m, int topic, const mn_ros2_ears *ears) {
    double joints[JOINTS];
    mn_ros2_transform t;
    in->texts = 0;
    switch (m->topic[topic].kind) {
    case MN_ROS2_TF:
    case MN_ROS2_TF_STATIC:
        t = transform(in);
        ears->transform(ears->user, topic, &t);
        break;
    case MN_ROS2_ODOMETRY: odometry(in, topic, ears); break;
    case MN_ROS2_JOINTS:
        numbers(in, joints, JOINTS);
        ears->joints(ears->user, topic, joints, byte(in) % (JOINTS + 1));
        break;
    case MN_ROS2_BATTERY: ears->battery(ears->user, topic, number(in)); break;
    case MN_ROS2_DETECTIONS: detections(in, topic, ears); break;
    default: break; /* ours */
    }
}

/* ---- what is told -------------------------------------------------------------------------- */
static int told_tf(mn_ros2_link *l, int topic, const mn_ros2_transform *t, int n) {
    (void)l, (void)topic;
    for (int i = 0; i < n; i++) {
        check(*t[i].frame && *t[i].child);
        for (int k = 0; k < 3; k++) check(isfinite(t[i].p[k]));
        for (int k = 0; k < 4; k++) check(isfinite(t[i].q[k]));
    }
    return 0;
}

static int told_text(mn_ros2_link *l, int topic, const char *words) {
    json_t *const json = json_loads(words, 0, NULL);
    (void)l, (void)topic;
    check(json != NULL);
    json_decref(json);
    return 0;
}

static const mn_ros2_module module = {
    .format = MN_ROS2_FORMAT, .say_tf = told_tf, .say_text = told_text};

static int read_map(mn_ros2_map *out) {
    char path[64];
    const int fd = memfd_create("map", MFD_CLOEXEC);
    check(fd >= 0 && write(fd, map, sizeof map - 1) == sizeof map - 1);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    const int rc = mn_ros2_map_read(path, out);
    close(fd);
    return rc;
}

static void turn(fleet_bed *f, mn_ros2_bridge *r) {
    said_why(mn_ros2_put_states(r));
    said_why(mn_ros2_say(r));
    bed_step(f);
    bed_clock(f, 400000000);
}

static void run(fleet_bed *f, mn_ros2_bridge *r, input *in) {
    mn_ros2_ears ears = mn_ros2_ears_known;
    ears.user = r;
    for (int n = 0; in->at < in->end && n < 200; n++) {
        const int topic = byte(in);
        if (topic < r->map.n_topics)
            say(in, &r->map, topic, &ears);
        else
            turn(f, r);
        check(r->failed != MN_ENOMEM);
    }
    turn(f, r);
    bed_look(f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fleet_bed f;
    static input in;
    mn_buf said = {0};
    mn_ros2_bridge *const r = calloc(1, sizeof *r);
    check(r != NULL);
    in = (input){.at = data, .end = data + size};
    bed_open(&f);
    r->b = f.b;
    r->module = &module;
    r->said = &said;
    r->known = json_object();
    const int rc = read_map(&r->map);
    check(rc >= 0 || rc == MN_EUNSUPPORTED); /* no libyaml here */
    if (rc >= 0 && mn_scene_read(f.b, "", &r->scene, NULL) >= 0) run(&f, r, &in);
    for (int i = 0; i < r->map.n_robots; i++) mn_actor_robot_leave(&r->map.robot[i].actor);
    mn_scene_free(&r->scene);
    mn_ros2_map_free(&r->map);
    json_decref(r->known);
    free(r);
    bed_close(&f);
    mn_buf_free(&said);
    return 0;
}
