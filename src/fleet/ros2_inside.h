/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/ros2_inside.h - what ros2*.c share: the map as it was read, and the bridge as it runs.
 */
#ifndef MN_FLEET_ROS2_INSIDE_H
#define MN_FLEET_ROS2_INSIDE_H
#include "fleet/actors.h"
#include "fleet/ros2.h"
#include "fleet/ros2/module.h"
#include "fleet/scene.h"

enum { MN_ROS2_ROBOTS = 64, MN_ROS2_CAMERAS = 32, MN_ROS2_NAME = 200, MN_ROS2_TOPICS = 512 };

typedef struct mn_ros2_robot {
    char name[MN_NAME + 1], frame[MN_FRAME + 1];
    int own_tf; /* its frames are "NAME/FRAME" */
    int has_odom, has_at;
    mn_pose odom_at; /* of the odometry's frame in "map" */
    /* as it runs */
    mn_actor_robot *actor;       /* NULL: another process is it */
    mn_fleet_state heard;        /* p q v battery joints, as far as they were */
    char child[MN_FRAME + 1];    /* frame of its odometry that no /tf has told */
    int posed, powered, jointed; /* what was heard of it at all */
    int fresh;                   /* ..since it was put */
    uint64_t again;              /* ns: to be joined again */
} mn_ros2_robot;

typedef struct mn_ros2_camera {
    char by[MN_NAME + 1], place[MN_NAME + 1];
    const json_t *classes; /* of the map's JSON; NULL */
    int robot;             /* whose frames these are; -1 */
} mn_ros2_camera;

typedef struct mn_ros2_map {
    json_t *json;
    char map_frame[MN_FRAME + 1];
    mn_ros2_robot robot[MN_ROS2_ROBOTS];
    int n_robots;
    mn_ros2_camera camera[MN_ROS2_CAMERAS];
    int n_cameras;
    mn_ros2_topic topic[MN_ROS2_TOPICS];
    char name[MN_ROS2_TOPICS][MN_ROS2_NAME + 4]; /* "rt/carrier/odom" */
    int of[MN_ROS2_TOPICS];                      /* robot or camera; -1: everybody's */
    int n_topics, say_tf, say_scene, say_tasks, say_events;
} mn_ros2_map;

/* ros2_map.c. MN_EINVAL: file, line, key. Free it in any case. */
int mn_ros2_map_read(const char *path, mn_ros2_map *out);
void mn_ros2_map_free(mn_ros2_map *m);

typedef struct mn_ros2_bridge {
    mn_board *b;
    mn_ros2_map map;
    const mn_ros2_module *module;
    mn_ros2_link *link;
    mn_frames frames;
    mn_buf *said;
    json_t *known; /* sentences that were said */
    int failed;    /* what an ear could not return: MN_ENOMEM, .. */
    /* what was told to ROS last */
    mn_scene scene;
    uint64_t say_again, event;
    uint64_t scene_sum, tasks_sum;
} mn_ros2_bridge;

/* ros2_hear.c: from ROS to frames, states, things. */
extern const mn_ros2_ears mn_ros2_ears_known; /* without a user */
int mn_ros2_put_states(mn_ros2_bridge *r);    /* what was heard of robots, onto the board */
/* ros2_say.c: from the board to ROS. */
int mn_ros2_say(mn_ros2_bridge *r);
/* ros2_load.c. MN_EUNSUPPORTED. */
int mn_ros2_load(const mn_ros2_module **out);

#endif
