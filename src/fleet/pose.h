/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/pose.h - where things are: poses in frames, and the tree of frames (ROS' REP 103 and 105:
 * metres, radians, x forward, y left, z up; quaternions are x y z w).
 *
 * As JSON: {"frame": "map", "p": [x, y, z], "q": [x, y, z, w], "t": us since 1970,
 * "cov": [9 of position, row by row]}; q, t and cov may be absent: no turn, unknown, unknown.
 */
#ifndef MN_FLEET_POSE_H
#define MN_FLEET_POSE_H
#include <jansson.h>
#include <stdint.h>

enum { MN_FRAME = 63, MN_FRAMES = 256 };

typedef struct mn_pose {
    char frame[MN_FRAME + 1];
    double p[3], q[4];
    int64_t t;     /* us since 1970; 0: unknown */
    double cov[9]; /* m^2; cov[0] < 0: unknown */
} mn_pose;

mn_pose mn_pose_at(const char *frame, double x, double y, double z);
/* MN_EINVAL: numbers that are none, a quaternion far from length 1, a covariance that is none. */
int mn_pose_read(const json_t *json, mn_pose *out);
json_t *mn_pose_write(const mn_pose *pose);

/* Frames: each is a pose in its parent; one root. */
typedef struct mn_frames {
    struct {
        char name[MN_FRAME + 1];
        mn_pose at; /* at.frame: the parent, "" of a root */
        int fixed;  /* it never changes (/tf_static) */
    } frame[MN_FRAMES];
    int n;
} mn_frames;
/* MN_EINVAL: it would be a circle; MN_EFULL. */
int mn_frames_set(mn_frames *f, const char *name, const mn_pose *at, int fixed);
/* The pose in another frame, its covariance turned with it. MN_ENOENT names the frame that leads
 * nowhere. */
int mn_frames_to(const mn_frames *f, const mn_pose *pose, const char *frame, mn_pose *out);

double mn_pose_distance(const mn_pose *a, const mn_pose *b); /* m, of positions; same frame */

#endif
