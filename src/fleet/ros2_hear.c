/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/ros2_hear.c - what comes from ROS becomes frames, states of robots, and things.
 *
 * All of it is foreign input. A frame's name loses a "/" in front; the map frame is "map"; a frame
 * of a robot with transforms of its own gets its name in front. A quaternion of four zeroes, which
 * ROS fills in for nothing, is no turn. Stamps are believed but for detections of clocks that began
 * at 0 (simulators): those are of now.
 *
 * A robot's state: one that this process has joined is put as it is heard; to one of another
 * process its pose is told, beside the heartbeat that is there, by version, so that neither undoes
 * the other; a conflict is tried again with the next message.
 */
#include "fleet/ros2_inside.h"

#include "base/alloc.h"
#include "base/error.h"
#include "fleet/see.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static const int64_t HOUR = 3600 * (int64_t)1000000;
static const uint64_t REJOIN = 2000000000u; /* ns */
static const char ours[] = "omnesia/";      /* frames that we say ourselves */

/* The sentence of the last failure, of a topic, once, whatever its numbers are: "99.8 s in the
 * future" and "99.9 s" are one. */
static void note(mn_ros2_bridge *r, int topic) {
    char line[400], key[400];
    snprintf(line, sizeof line, "%s%s%s", topic >= 0 ? r->map.name[topic] + 2 : "",
             topic >= 0 ? ": " : "", mn_error_detail());
    size_t n = 0;
    for (const char *p = line; *p; p++)
        if (!isdigit((unsigned char)*p)) key[n++] = *p;
    key[n] = 0;
    if (json_object_get(r->known, key) || json_object_size(r->known) >= MN_ROS2_SAID) return;
    if (json_object_set_new(r->known, key, json_true()) < 0) return; /* no text: not said */
    if (mn_buf_puts(r->said, line) >= 0) mn_buf_puts(r->said, "\n");
    mn_board_tell(r->b, "ros2", "{s:s}", "text", line);
}

/* ---- frames -------------------------------------------------------------------------------- */
/* robot < 0: everybody's. */
static int frame_name(const mn_ros2_bridge *r, int robot, const char *name,
                      char out[MN_FRAME + 1]) {
    while (*name == '/') name++;
    if (!strcmp(name, r->map.map_frame)) {
        strcpy(out, "map");
        return 0;
    }
    const int own = robot >= 0 && r->map.robot[robot].own_tf;
    const size_t n = strnlen(name, 4096);
    const int len = own && n <= MN_FRAME
                        ? snprintf(out, MN_FRAME + 1, "%s/%s", r->map.robot[robot].name, name)
                        : snprintf(out, MN_FRAME + 1, "%.*s", MN_FRAME, name);
    if (n > MN_FRAME || len > MN_FRAME)
        return MN_FAIL(MN_EINVAL, "a frame with a name of %zu bytes%s: %d at most", n,
                       n == 4096 ? " and more" : "", MN_FRAME);
    return 0;
}

static int pose_of(const mn_ros2_bridge *r, int robot, const char *frame, const double p[3],
                   const double q[4], mn_pose *out) {
    *out = mn_pose_at("", p[0], p[1], p[2]);
    if (q[0] != 0 || q[1] != 0 || q[2] != 0 || q[3] != 0) memcpy(out->q, q, sizeof out->q);
    MN_TRY(frame_name(r, robot, frame, out->frame));
    return mn_pose_check(out);
}

static int hear_transform(mn_ros2_bridge *r, int topic, const mn_ros2_transform *t) {
    const int robot = r->map.of[topic];
    char child[MN_FRAME + 1];
    mn_pose at;
    if (!strncmp(t->child, ours, strlen(ours))) return 0;
    MN_TRY(frame_name(r, robot, t->child, child));
    MN_TRY(pose_of(r, robot, t->frame, t->p, t->q, &at));
    MN_TRY(mn_frames_set(&r->frames, child, &at, r->map.topic[topic].kind == MN_ROS2_TF_STATIC));
    for (int i = 0; i < r->map.n_robots; i++) { /* from now on /tf tells it */
        if (!strcmp(r->map.robot[i].child, child)) r->map.robot[i].child[0] = 0;
        if (!r->map.robot[i].has_odom) r->map.robot[i].fresh = 1;
    }
    return 0;
}

static int there(const mn_frames *f, const char *name) {
    for (int i = 0; i < f->n; i++)
        if (!strcmp(f->frame[i].name, name)) return 1;
    return 0;
}

/* ---- robots -------------------------------------------------------------------------------- */
static int set_pose(mn_ros2_robot *robot, const mn_pose *in_map) {
    memcpy(robot->heard.p, in_map->p, sizeof in_map->p);
    memcpy(robot->heard.q, in_map->q, sizeof in_map->q);
    robot->posed = robot->fresh = 1;
    return 0;
}

static int hear_odometry(mn_ros2_bridge *r, int topic, const mn_ros2_odometry *o) {
    const int of = r->map.of[topic];
    mn_ros2_robot *const robot = r->map.robot + of;
    char child[MN_FRAME + 1];
    mn_pose at, in_map;
    MN_TRY(pose_of(r, of, o->pose.frame, o->pose.p, o->pose.q, &at));
    MN_TRY(frame_name(r, of, o->pose.child, child));
    if (robot->has_at && strcmp(at.frame, "map") && !there(&r->frames, at.frame))
        MN_TRY(mn_frames_set(&r->frames, at.frame, &robot->odom_at, 0));
    if (*child && (!there(&r->frames, child) || !strcmp(robot->child, child))) {
        MN_TRY(mn_frames_set(&r->frames, child, &at, 0));
        snprintf(robot->child, sizeof robot->child, "%s", child);
    }
    const double v[3] = {o->v[0], o->v[1], o->v[5]};
    for (int i = 0; i < 3; i++) robot->heard.v[i] = isfinite(v[i]) && fabs(v[i]) < 1e4 ? v[i] : 0;
    MN_TRY(mn_frames_to(&r->frames, &at, "map", &in_map));
    return set_pose(robot, &in_map);
}

static int hear_joints(mn_ros2_bridge *r, int topic, const double *position, size_t n) {
    mn_ros2_robot *const robot = r->map.robot + r->map.of[topic];
    const uint32_t most = n < MN_JOINTS ? (uint32_t)n : MN_JOINTS;
    for (size_t i = 0; i < most; i++)
        if (!isfinite(position[i]) || fabs(position[i]) > 1e6)
            return MN_FAIL(MN_EINVAL, "joint %zu is at %g: that is no position", i, position[i]);
    for (size_t i = 0; i < most; i++) robot->heard.joint[i] = (float)position[i];
    robot->heard.n_joints = most;
    robot->jointed = robot->fresh = 1;
    return n > MN_JOINTS ? MN_FAIL(MN_EINVAL, "%zu joints: the first %d are taken", n, MN_JOINTS)
                         : 0;
}

static int hear_battery(mn_ros2_bridge *r, int topic, double part) {
    mn_ros2_robot *const robot = r->map.robot + r->map.of[topic];
    if (isnan(part)) return 0; /* as ROS says "unmeasured" */
    if (!(part >= 0 && part <= 1.001))
        return MN_FAIL(MN_EINVAL, "a battery of %g: percentage is from 0 to 1", part);
    robot->heard.battery = part < 1 ? (float)part : 1;
    robot->powered = robot->fresh = 1;
    return 0;
}

/* ---- what is seen -------------------------------------------------------------------------- */
static int zeroes(const double *v, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (v[i] != 0) return 0;
    return 1;
}

static const char *class_of(const mn_ros2_camera *c, const char *theirs) {
    const char *const named = json_string_value(json_object_get(c->classes, theirs));
    return named ? named : theirs;
}

/* The detection as JSON; *out is NULL when it cannot be one, and its sentence is set. */
static int seen_json(mn_ros2_bridge *r, const mn_ros2_camera *c, const mn_ros2_seen *s,
                     json_t **out) {
    const int boxed = zeroes(s->p, 3) && zeroes(s->q, 4); /* the result has no pose */
    const int64_t now = r->b->ops->time(r->b);
    mn_pose pose;
    *out = NULL;
    if (strnlen(s->class_, MN_NAME + 1) > MN_NAME)
        return MN_FAIL(MN_EINVAL, "a detection's class has more than %d bytes", MN_NAME);
    if (!*s->class_) return MN_FAIL(MN_EINVAL, "a detection without a result");
    MN_TRY(pose_of(r, c->robot, s->frame, boxed ? s->box_p : s->p, boxed ? s->box_q : s->q, &pose));
    if (!boxed && !zeroes(s->cov, 36)) {
        for (int i = 0; i < 9; i++) pose.cov[i] = s->cov[6 * (i / 3) + i % 3];
        if (pose.cov[0] < 0) return MN_FAIL(MN_EINVAL, "a detection: cov: a variance below 0");
        MN_TRY(mn_pose_check(&pose));
    }
    const int stamped = s->stamp > now - HOUR;
    json_t *const at = mn_pose_write(&pose);
    if (!isfinite(s->score) || !at) {
        json_decref(at);
        return at ? MN_FAIL(MN_EINVAL, "a detection: a score of %g", s->score)
                  : MN_FAIL(MN_ENOMEM, "no memory for a detection");
    }
    *out = json_pack("{s:s, s:o, s:f, s:I}", "class", class_of(c, s->class_), "pose", at, "sure",
                     s->score, "t", (json_int_t)(stamped ? s->stamp : now));
    if (!*out) return MN_FAIL(MN_EINVAL, "a detection's class is no UTF-8");
    if (*c->by && json_object_set_new(*out, "by", json_string(c->by)) < 0)
        return MN_FAIL(MN_ENOMEM, "no memory for a detection");
    const double *const z = s->size;
    if (z[0] > 0 && z[1] > 0 && z[2] > 0 && z[0] < 100 && z[1] < 100 && z[2] < 100 &&
        json_object_set_new(*out, "size", json_pack("[f,f,f]", z[0], z[1], z[2])) < 0)
        return MN_FAIL(MN_ENOMEM, "no memory for a detection");
    return 0;
}

static int hear_seen(mn_ros2_bridge *r, int topic, const mn_ros2_seen *seen, size_t n) {
    const mn_ros2_camera *const c = r->map.camera + r->map.of[topic];
    json_t *const all = json_array();
    int rc = all ? 0 : MN_FAIL(MN_ENOMEM, "no memory for detections");
    for (size_t i = 0; i < n && i < MN_SEE_MOST && rc >= 0; i++) {
        json_t *one;
        rc = seen_json(r, c, seen + i, &one);
        if (rc == MN_EINVAL) {
            note(r, topic);
            json_decref(one);
            rc = 0;
        } else if (rc < 0)
            json_decref(one);
        else if (json_array_append_new(all, one) < 0)
            rc = MN_FAIL(MN_ENOMEM, "no memory for detections");
    }
    mn_seeing out;
    if (rc >= 0 && (json_array_size(all) || *c->place))
        rc = mn_see(r->b, &r->frames, all, *c->place ? c->place : NULL, &out);
    else
        out.refused = 0;
    json_decref(all);
    if (rc >= 0 && out.refused) rc = MN_FAIL(MN_EINVAL, "%s", out.why);
    if (rc >= 0 && n > MN_SEE_MOST)
        rc = MN_FAIL(MN_EINVAL, "%zu detections: the first %d are taken", n, MN_SEE_MOST);
    return rc;
}

/* ---- ears ---------------------------------------------------------------------------------- */
/* What is wrong with a message is said; only what is wrong with us ends the bridge. */
static void heard(void *user, int topic, int rc) {
    mn_ros2_bridge *const r = user;
    if (rc >= 0) return;
    note(r, topic);
    if (rc == MN_ENOMEM || rc == MN_EIO) r->failed = rc;
}
static void ear_transform(void *user, int topic, const mn_ros2_transform *t) {
    heard(user, topic, hear_transform(user, topic, t));
}
static void ear_odometry(void *user, int topic, const mn_ros2_odometry *o) {
    heard(user, topic, hear_odometry(user, topic, o));
}
static void ear_joints(void *user, int topic, const double *position, size_t n) {
    heard(user, topic, hear_joints(user, topic, position, n));
}
static void ear_battery(void *user, int topic, double part) {
    heard(user, topic, hear_battery(user, topic, part));
}
static void ear_seen(void *user, int topic, const mn_ros2_seen *seen, size_t n) {
    heard(user, topic, hear_seen(user, topic, seen, n));
}
const mn_ros2_ears mn_ros2_ears_known = {NULL,       ear_transform, ear_odometry,
                                         ear_joints, ear_battery,   ear_seen};

/* ---- states -------------------------------------------------------------------------------- */
static void copy_heard(const mn_ros2_robot *robot, mn_fleet_state *to) {
    if (robot->posed) {
        memcpy(to->p, robot->heard.p, sizeof to->p);
        memcpy(to->q, robot->heard.q, sizeof to->q);
        memcpy(to->v, robot->heard.v, sizeof to->v);
        strcpy(to->frame, "map");
    }
    if (robot->powered) to->battery = robot->heard.battery;
    if (robot->jointed) {
        to->n_joints = robot->heard.n_joints;
        memcpy(to->joint, robot->heard.joint, sizeof to->joint);
    }
    to->flags |= MN_STATE_TOLD;
}

/* Beside the heartbeat of its own process. 0 also when that was faster. */
static int tell(mn_ros2_bridge *r, mn_ros2_robot *robot) {
    uint64_t version;
    mn_fleet_state state;
    int rc = mn_fleet_state_get(r->b, "state/", robot->name, &state, &version);
    if (rc <= 0) return rc;
    copy_heard(robot, &state);
    rc = mn_fleet_state_put(r->b, "state/", robot->name, &state, &version);
    if (rc == MN_ECONFLICT) return 0;
    if (rc >= 0) robot->fresh = 0;
    return rc;
}

/* Nobody is it: then we are, as long as we run. */
static int join(mn_ros2_bridge *r, mn_ros2_robot *robot) {
    const uint64_t now = r->b->ops->now(r->b);
    if (now < robot->again) return 0;
    robot->again = now + REJOIN;
    json_t *const profile = json_pack("{s:s, s:s, s:f, s:f, s:f, s:[], s:i, s:s}", "name",
                                      robot->name, "body", "ros2", "speed", 0.0, "reach", 0.0,
                                      "payload", 0.0, "hands", "room_for", 0, "about", "of ROS 2");
    if (!profile) return MN_FAIL(MN_ENOMEM, "no memory for robot '%s'", robot->name);
    const int rc = mn_actor_robot_join(r->b, profile, NULL, 0, &robot->actor);
    json_decref(profile);
    return rc == MN_EBUSY ? 0 : rc;
}

static int put_state(mn_ros2_bridge *r, mn_ros2_robot *robot) {
    uint64_t again;
    if (!robot->actor) MN_TRY(join(r, robot));
    if (!robot->actor) return robot->fresh ? tell(r, robot) : 0;
    int rc = mn_actor_robot_step(robot->actor, &again);
    if (rc >= 0 && robot->fresh) {
        copy_heard(robot, mn_actor_robot_state(robot->actor));
        rc = mn_actor_robot_publish(robot->actor);
        if (rc >= 0) robot->fresh = 0;
    }
    if (rc != MN_ECANCELLED) return rc;
    mn_actor_robot_die(&robot->actor); /* its lease was taken: it joins again */
    return 0;
}

int mn_ros2_put_states(mn_ros2_bridge *r) {
    for (int i = 0; i < r->map.n_robots; i++) {
        mn_ros2_robot *const robot = r->map.robot + i;
        char frame[MN_FRAME + 1];
        mn_pose at;
        if (!robot->has_odom && robot->fresh && frame_name(r, i, robot->frame, frame) >= 0) {
            const mn_pose origin = mn_pose_at(frame, 0, 0, 0);
            if (mn_frames_to(&r->frames, &origin, "map", &at) >= 0) set_pose(robot, &at);
        }
        const int rc = put_state(r, robot);
        if (rc == MN_ENOMEM || rc == MN_EIO) return rc;
        if (rc < 0) note(r, -1);
    }
    return 0;
}
