/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/ros2/module.c - libomnesia_ros2.so: module.h over Cyclone DDS.
 *
 * ROS 2 is DDS with habits: topic /tf is "rt/tf", type tf2_msgs/msg/TFMessage is
 * "tf2_msgs::msg::dds_::TFMessage_" (the IDL beside says so), messages have no keys. Publishers of
 * sensors are best effort, so are our readers of them: that fits reliable ones, too. What is said
 * once and for all (/tf_static) is transient local. A writer waits 20 ms at most for a reader that
 * does not keep up.
 */
#include "fleet/ros2/module.h"

#include <ros2_messages.h>

#include <dds/dds.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef geometry_msgs_msg_dds__TransformStamped_ transform;
enum { TAKE = 32 };

struct mn_ros2_link {
    dds_entity_t participant, waitset;
    int n;
    struct one {
        mn_ros2_kind kind;
        dds_entity_t end; /* a reader or a writer */
    } one[];
};

/* How ROS 2 sends and receives what. */
static const struct how {
    const dds_topic_descriptor_t *type;
    int write, reliable, stays, depth;
} hows[MN_ROS2_KINDS] = {
    [MN_ROS2_TF] = {&tf2_msgs_msg_dds__TFMessage__desc, 0, 1, 0, 100},
    [MN_ROS2_TF_STATIC] = {&tf2_msgs_msg_dds__TFMessage__desc, 0, 1, 1, 1000},
    [MN_ROS2_ODOMETRY] = {&nav_msgs_msg_dds__Odometry__desc, 0, 0, 0, 10},
    [MN_ROS2_JOINTS] = {&sensor_msgs_msg_dds__JointState__desc, 0, 0, 0, 10},
    [MN_ROS2_BATTERY] = {&sensor_msgs_msg_dds__BatteryState__desc, 0, 0, 0, 10},
    [MN_ROS2_DETECTIONS] = {&vision_msgs_msg_dds__Detection3DArray__desc, 0, 0, 0, 10},
    [MN_ROS2_SAY_TF] = {&tf2_msgs_msg_dds__TFMessage__desc, 1, 1, 0, 100},
    [MN_ROS2_SAY_NEWEST] = {&std_msgs_msg_dds__String__desc, 1, 1, 1, 1},
    [MN_ROS2_SAY_LOG] = {&std_msgs_msg_dds__String__desc, 1, 1, 1, 100},
};

static void close_link(mn_ros2_link **l) {
    if (!*l) return;
    if ((*l)->participant > 0) dds_delete((*l)->participant); /* and all that is its */
    free(*l);
    *l = NULL;
}

static int open_one(mn_ros2_link *l, const mn_ros2_topic *t, struct one *out) {
    const struct how *const how = hows + t->kind;
    dds_qos_t *const qos = dds_create_qos();
    if (!qos) return DDS_RETCODE_OUT_OF_RESOURCES;
    dds_qset_reliability(
        qos, how->reliable ? DDS_RELIABILITY_RELIABLE : DDS_RELIABILITY_BEST_EFFORT, DDS_MSECS(20));
    dds_qset_durability(qos, how->stays ? DDS_DURABILITY_TRANSIENT_LOCAL : DDS_DURABILITY_VOLATILE);
    dds_qset_history(qos, DDS_HISTORY_KEEP_LAST, how->depth);
    if (how->stays && how->write)
        dds_qset_durability_service(qos, 0, DDS_HISTORY_KEEP_LAST, how->depth, DDS_LENGTH_UNLIMITED,
                                    DDS_LENGTH_UNLIMITED, DDS_LENGTH_UNLIMITED);
    const dds_entity_t topic = dds_create_topic(l->participant, how->type, t->name, qos, NULL);
    out->kind = t->kind;
    out->end = topic < 0    ? topic
               : how->write ? dds_create_writer(l->participant, topic, qos, NULL)
                            : dds_create_reader(l->participant, topic, qos, NULL);
    dds_delete_qos(qos);
    if (out->end < 0 || how->write) return out->end < 0 ? out->end : 0;
    const dds_entity_t any = dds_create_readcondition(out->end, DDS_ANY_STATE);
    return any < 0 ? any : dds_waitset_attach(l->waitset, any, 0);
}

static int open_link(int domain, const mn_ros2_topic *topics, int n, mn_ros2_link **out, char *why,
                     size_t cap) {
    mn_ros2_link *l = calloc(1, sizeof *l + (size_t)n * sizeof *l->one);
    *out = NULL;
    if (!l) {
        snprintf(why, cap, "no memory for %d topics", n);
        return -1;
    }
    l->participant = dds_create_participant((dds_domainid_t)domain, NULL, NULL);
    int rc = l->participant < 0 ? l->participant : 0;
    if (rc < 0) snprintf(why, cap, "domain %d: %s", domain, dds_strretcode(-rc));
    if (!rc && (l->waitset = dds_create_waitset(l->participant)) < 0) {
        rc = l->waitset;
        snprintf(why, cap, "a place to wait: %s", dds_strretcode(-rc));
    }
    for (; !rc && l->n < n; l->n++) {
        rc = open_one(l, topics + l->n, l->one + l->n);
        if (rc < 0) snprintf(why, cap, "topic %s: %s", topics[l->n].name, dds_strretcode(-rc));
    }
    if (rc < 0)
        close_link(&l);
    else
        *out = l;
    return rc < 0 ? -1 : 0;
}

/* ---- in ------------------------------------------------------------------------------------ */
static const char *text_of(const char *text) {
    return text ? text : "";
}

static int64_t stamp_of(const std_msgs_msg_dds__Header_ *h) {
    return (int64_t)h->stamp.sec * 1000000 + h->stamp.nanosec / 1000;
}

static void pose_of(const geometry_msgs_msg_dds__Pose_ *from, double p[3], double q[4]) {
    p[0] = from->position.x;
    p[1] = from->position.y;
    p[2] = from->position.z;
    q[0] = from->orientation.x;
    q[1] = from->orientation.y;
    q[2] = from->orientation.z;
    q[3] = from->orientation.w;
}

static void hear_tf(const void *message, int topic, const mn_ros2_ears *ears) {
    const tf2_msgs_msg_dds__TFMessage_ *const m = message;
    for (uint32_t i = 0; i < m->transforms._length; i++) {
        const transform *const t = m->transforms._buffer + i;
        const mn_ros2_transform out = {
            .stamp = stamp_of(&t->header),
            .frame = text_of(t->header.frame_id),
            .child = text_of(t->child_frame_id),
            .p = {t->transform.translation.x, t->transform.translation.y,
                  t->transform.translation.z},
            .q = {t->transform.rotation.x, t->transform.rotation.y, t->transform.rotation.z,
                  t->transform.rotation.w},
        };
        ears->transform(ears->user, topic, &out);
    }
}

static void hear_odometry(const void *message, int topic, const mn_ros2_ears *ears) {
    const nav_msgs_msg_dds__Odometry_ *const m = message;
    const geometry_msgs_msg_dds__Twist_ *const v = &m->twist.twist;
    mn_ros2_odometry out = {
        .pose = {.stamp = stamp_of(&m->header),
                 .frame = text_of(m->header.frame_id),
                 .child = text_of(m->child_frame_id)},
        .v = {v->linear.x, v->linear.y, v->linear.z, v->angular.x, v->angular.y, v->angular.z},
    };
    pose_of(&m->pose.pose, out.pose.p, out.pose.q);
    memcpy(out.cov, m->pose.covariance, sizeof out.cov);
    ears->odometry(ears->user, topic, &out);
}

static void hear_joints(const void *message, int topic, const mn_ros2_ears *ears) {
    const sensor_msgs_msg_dds__JointState_ *const m = message;
    ears->joints(ears->user, topic, m->position._buffer, m->position._length);
}

static void hear_battery(const void *message, int topic, const mn_ros2_ears *ears) {
    const sensor_msgs_msg_dds__BatteryState_ *const m = message;
    ears->battery(ears->user, topic, m->percentage);
}

static void see_one(const vision_msgs_msg_dds__Detection3D_ *d,
                    const std_msgs_msg_dds__Header_ *whole, mn_ros2_seen *out) {
    const char *const frame = text_of(d->header.frame_id);
    memset(out, 0, sizeof *out);
    out->stamp = stamp_of(&d->header);
    if (!out->stamp) out->stamp = stamp_of(whole);
    out->frame = *frame ? frame : text_of(whole->frame_id);
    out->class_ = "";
    pose_of(&d->bbox.center, out->box_p, out->box_q);
    out->size[0] = d->bbox.size.x;
    out->size[1] = d->bbox.size.y;
    out->size[2] = d->bbox.size.z;
    for (uint32_t i = 0; i < d->results._length; i++) {
        const vision_msgs_msg_dds__ObjectHypothesisWithPose_ *const r = d->results._buffer + i;
        if (i && !(r->hypothesis.score > out->score)) continue;
        out->class_ = text_of(r->hypothesis.class_id);
        out->score = r->hypothesis.score;
        pose_of(&r->pose.pose, out->p, out->q);
        memcpy(out->cov, r->pose.covariance, sizeof out->cov);
    }
}

static void hear_detections(const void *message, int topic, const mn_ros2_ears *ears) {
    const vision_msgs_msg_dds__Detection3DArray_ *const m = message;
    const uint32_t n = m->detections._length;
    mn_ros2_seen *const out = malloc(((size_t)n + 1) * sizeof *out);
    if (!out) return; /* the next one comes soon */
    for (uint32_t i = 0; i < n; i++) see_one(m->detections._buffer + i, &m->header, out + i);
    ears->seen(ears->user, topic, out, n);
    free(out);
}

static void (*const hears[MN_ROS2_KINDS])(const void *message, int topic,
                                          const mn_ros2_ears *ears) = {
    [MN_ROS2_TF] = hear_tf,
    [MN_ROS2_TF_STATIC] = hear_tf,
    [MN_ROS2_ODOMETRY] = hear_odometry,
    [MN_ROS2_JOINTS] = hear_joints,
    [MN_ROS2_BATTERY] = hear_battery,
    [MN_ROS2_DETECTIONS] = hear_detections,
};

static int take(const mn_ros2_link *l, int topic, const mn_ros2_ears *ears) {
    void *message[TAKE] = {NULL};
    dds_sample_info_t info[TAKE];
    const dds_return_t n = dds_take(l->one[topic].end, message, info, TAKE, TAKE);
    int heard = 0;
    for (int i = 0; i < n; i++) {
        if (!info[i].valid_data) continue;
        hears[l->one[topic].kind](message[i], topic, ears);
        heard++;
    }
    if (n > 0) dds_return_loan(l->one[topic].end, message, n);
    return n < 0 ? -1 : heard;
}

static int listen_link(mn_ros2_link *l, int timeout_ms, const mn_ros2_ears *ears) {
    int all = 0;
    if (dds_waitset_wait(l->waitset, NULL, 0, DDS_MSECS((int64_t)timeout_ms)) < 0) return -1;
    for (int i = 0; i < l->n; i++) {
        const int n = hows[l->one[i].kind].write ? 0 : take(l, i, ears);
        if (n < 0) return -1;
        all += n;
    }
    return all;
}

/* ---- out ----------------------------------------------------------------------------------- */
static int say_tf(mn_ros2_link *l, int topic, const mn_ros2_transform *t, int n) {
    tf2_msgs_msg_dds__TFMessage_ m = {0};
    transform *const out = calloc((size_t)n + 1, sizeof *out);
    if (!out) return -1;
    for (int i = 0; i < n; i++) {
        out[i].header.stamp.sec = (int32_t)(t[i].stamp / 1000000);
        out[i].header.stamp.nanosec = (uint32_t)(t[i].stamp % 1000000 * 1000);
        out[i].header.frame_id = (char *)t[i].frame;
        out[i].child_frame_id = (char *)t[i].child;
        out[i].transform.translation =
            (geometry_msgs_msg_dds__Vector3_){t[i].p[0], t[i].p[1], t[i].p[2]};
        out[i].transform.rotation =
            (geometry_msgs_msg_dds__Quaternion_){t[i].q[0], t[i].q[1], t[i].q[2], t[i].q[3]};
    }
    m.transforms._buffer = out;
    m.transforms._length = m.transforms._maximum = (uint32_t)n;
    const dds_return_t rc = dds_write(l->one[topic].end, &m);
    free(out);
    return rc < 0 && rc != DDS_RETCODE_TIMEOUT ? -1 : 0;
}

static int say_text(mn_ros2_link *l, int topic, const char *text) {
    const std_msgs_msg_dds__String_ m = {(char *)text};
    const dds_return_t rc = dds_write(l->one[topic].end, &m);
    return rc < 0 && rc != DDS_RETCODE_TIMEOUT ? -1 : 0;
}

extern const mn_ros2_module mn_ros2_module_1;
__attribute__((visibility("default"))) const mn_ros2_module mn_ros2_module_1 = {
    .format = MN_ROS2_FORMAT,
    .open = open_link,
    .listen = listen_link,
    .say_tf = say_tf,
    .say_text = say_text,
    .close = close_link,
};
