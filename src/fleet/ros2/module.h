/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/ros2/module.h - what libomnesia_ros2.so does for the library that loads it: messages of ROS
 * 2 over Cyclone DDS, as plain numbers and texts, in both directions.
 *
 * The library knows no DDS, the module knows no fleet: this header is all they share, and it needs
 * no other. All of it is called from one thread. Numbers are as they came: NaN, infinity, and texts
 * that are no UTF-8 are the business of who listens. What `ears` are given is theirs until they
 * return. Names of topics are those of DDS: "rt/tf" of /tf.
 */
#ifndef MN_FLEET_ROS2_MODULE_H
#define MN_FLEET_ROS2_MODULE_H
#include <stddef.h>
#include <stdint.h>

#define MN_ROS2_FORMAT 1
#define MN_ROS2_SYMBOL "mn_ros2_module_1"

typedef enum mn_ros2_kind {
    MN_ROS2_TF = 1,     /* tf2_msgs/TFMessage, as /tf: reliable */
    MN_ROS2_TF_STATIC,  /* the same, as /tf_static: reliable, also what was said before */
    MN_ROS2_ODOMETRY,   /* nav_msgs/Odometry; these four as sensors: best effort */
    MN_ROS2_JOINTS,     /* sensor_msgs/JointState */
    MN_ROS2_BATTERY,    /* sensor_msgs/BatteryState */
    MN_ROS2_DETECTIONS, /* vision_msgs/Detection3DArray */
    MN_ROS2_SAY_TF,     /* we write these: transforms, reliable */
    MN_ROS2_SAY_NEWEST, /* std_msgs/String; who comes later gets the newest */
    MN_ROS2_SAY_LOG,    /* std_msgs/String; who comes later gets the newest hundred */
    MN_ROS2_KINDS
} mn_ros2_kind;

typedef struct mn_ros2_topic {
    mn_ros2_kind kind;
    const char *name;
} mn_ros2_topic;

typedef struct mn_ros2_transform {
    int64_t stamp; /* us since 1970 */
    const char *frame, *child;
    double p[3], q[4];
} mn_ros2_transform;
typedef struct mn_ros2_odometry {
    mn_ros2_transform pose; /* of child in frame */
    double cov[36];         /* row by row: x y z, and about x y z */
    double v[6];            /* m/s, rad/s, in child */
} mn_ros2_odometry;
typedef struct mn_ros2_seen {
    int64_t stamp;
    const char *frame, *class_; /* class_ "": it has no result */
    double score;
    double p[3], q[4], cov[36];         /* of the best result.. */
    double box_p[3], box_q[4], size[3]; /* ..and of its box */
} mn_ros2_seen;

/* topic: its place in the list. */
typedef struct mn_ros2_ears {
    void *user;
    void (*transform)(void *user, int topic, const mn_ros2_transform *t);
    void (*odometry)(void *user, int topic, const mn_ros2_odometry *o);
    void (*joints)(void *user, int topic, const double *position, size_t n);
    void (*battery)(void *user, int topic, double part); /* 0 to 1 */
    void (*seen)(void *user, int topic, const mn_ros2_seen *seen, size_t n);
} mn_ros2_ears;

typedef struct mn_ros2_link mn_ros2_link;
typedef struct mn_ros2_module {
    int format; /* MN_ROS2_FORMAT */
    /* 0; -1: why it cannot be, in `why`. */
    int (*open)(int domain, const mn_ros2_topic *topics, int n, mn_ros2_link **out, char *why,
                size_t cap);
    /* Wait for something, at most so long; then all that is there, at most 32 messages of a topic.
     * How many; -1. */
    int (*listen)(mn_ros2_link *l, int timeout_ms, const mn_ros2_ears *ears);
    int (*say_tf)(mn_ros2_link *l, int topic, const mn_ros2_transform *t, int n);
    int (*say_text)(mn_ros2_link *l, int topic, const char *text);
    void (*close)(mn_ros2_link **l);
} mn_ros2_module;

#endif
