/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/state.h - where a robot is and how it does, at up to 1 kHz: a value of 256 bytes and more,
 * no JSON. It is the robot's heartbeat, too: who has not put one by `until` is late.
 *
 * Little endian, as it lies in memory; `format` first: who does not know it says so.
 */
#ifndef MN_FLEET_STATE_H
#define MN_FLEET_STATE_H
#include "fleet/board.h"
#include "fleet/pose.h"

#include <stddef.h>

enum { MN_STATE_FORMAT = 1, MN_JOINTS = 32 };
/* TOLD: where it is was said by another process, who knows (a bridge to ROS 2): its own takes it
 * over with the next heartbeat. */
enum { MN_STATE_STOPPED = 1, MN_STATE_BUSY = 2, MN_STATE_TOLD = 4 };

typedef struct mn_fleet_state {
    uint32_t format, flags;
    uint64_t beat;  /* how many, from 1 */
    uint64_t now;   /* ns of the board, when it was put */
    uint64_t until; /* ns of the board: the next one is there by then */
    int64_t time;   /* us since 1970 */
    double p[3], q[4];
    double v[3];   /* m/s, rad/s about z in v[2] */
    float battery; /* 0 to 1; -1: unknown */
    uint32_t n_joints;
    char frame[MN_FRAME + 1];
    char at[64];            /* the place it works at, "": between places */
    float joint[MN_JOINTS]; /* rad or m; only n_joints of them are there */
} mn_fleet_state;

/* Bytes of it as a value. */
static inline size_t mn_fleet_state_bytes(const mn_fleet_state *s) {
    return offsetof(mn_fleet_state, joint) + s->n_joints * sizeof *s->joint;
}
/* MN_ECORRUPT, or MN_EUNSUPPORTED: of another format. */
int mn_fleet_state_read(const void *value, size_t n, mn_fleet_state *out);
json_t *mn_fleet_state_write(const mn_fleet_state *s); /* for people */

/* On a board; kind: "state/", or "sim/state/", where its simulated body truly is. get: 1; 0: there
 * is none (version 0), or none that can be read. put: if `version` is not NULL, only in place of
 * that one (MN_ECONFLICT). */
int mn_fleet_state_get(mn_board *b, const char *kind, const char *robot, mn_fleet_state *out,
                       uint64_t *version);
int mn_fleet_state_put(mn_board *b, const char *kind, const char *robot, const mn_fleet_state *s,
                       const uint64_t *version);

#endif
