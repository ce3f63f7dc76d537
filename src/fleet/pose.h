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

/* Unturned; stamp and covariance unknown. */
mn_pose mn_pose_at(const char *frame, double x, double y, double z);
/* For poses of anybody. MN_EINVAL names the field: numbers that are none, more than 1e9 m away, a
 * quaternion whose length is more than 1 % off 1 (else it is made 1), a covariance that is none
 * (not symmetric, or negative somewhere), a frame that cannot be a name. */
int mn_pose_check(mn_pose *pose);
/* Without "frame" it is in "map". */
int mn_pose_read(const json_t *json, mn_pose *out);
json_t *mn_pose_write(const mn_pose *pose); /* NULL: no memory */
/* What is at b in the frame that has the pose a: in a's frame. b's stamp and covariance, turned. */
mn_pose mn_pose_chain(const mn_pose *a, const mn_pose *b);
/* A vector of a's own axes, seen from a's frame. */
void mn_pose_turn(const mn_pose *a, const double in[3], double out[3]);

/* frames.c. Each is a pose in its parent, the newest that was set; one that has no parent is a
 * root. Several trees may be there while they are still made known; there is no way between
 * them. */
typedef struct mn_frames {
    struct {
        char name[MN_FRAME + 1];
        mn_pose at; /* at.frame: the parent, "" of a root */
        int fixed;  /* it never changes (/tf_static) */
    } frame[MN_FRAMES];
    int n;
} mn_frames;
/* A frame may be given another parent. MN_EINVAL: it would be a circle, the pose is none, or the
 * frame is fixed and this is not; MN_EFULL. */
int mn_frames_set(mn_frames *f, const char *name, const mn_pose *at, int fixed);
/* The pose in another frame, its covariance turned with it (that of the frames is not added).
 * MN_ENOENT names the frame that leads nowhere. pose and out may be the same. */
int mn_frames_to(const mn_frames *f, const mn_pose *pose, const char *frame, mn_pose *out);

double mn_pose_distance(const mn_pose *a, const mn_pose *b); /* m, of positions; same frame */

#endif
