/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/state.c - a state that was read is looked at before it is believed: its size, its texts,
 * its numbers.
 */
#include "fleet/state.h"

#include "base/error.h"

#include <math.h>
#include <string.h>

static int bad(const char *what) {
    return MN_FAIL(MN_ECORRUPT, "a robot's state is damaged: %s", what);
}

int mn_fleet_state_read(const void *value, size_t n, mn_fleet_state *out) {
    mn_fleet_state s = {0};
    if (n < sizeof s.format) return bad("it has no format");
    memcpy(&s.format, value, sizeof s.format);
    if (s.format != MN_STATE_FORMAT)
        return MN_FAIL(MN_EUNSUPPORTED,
                       "a robot's state is of format %u, and this Omnesia knows %d: update it",
                       s.format, MN_STATE_FORMAT);
    if (n < offsetof(mn_fleet_state, joint) || n > sizeof s) return bad("its size");
    memcpy(&s, value, n);
    if (s.n_joints > MN_JOINTS || n != mn_fleet_state_bytes(&s)) return bad("its size");
    if (!memchr(s.frame, 0, sizeof s.frame) || !memchr(s.at, 0, sizeof s.at))
        return bad("a text that does not end");
    for (int i = 0; i < 4; i++)
        if (!isfinite(s.q[i]) || (i < 3 && (!isfinite(s.p[i]) || !isfinite(s.v[i]))))
            return bad("a number that is none");
    for (uint32_t i = 0; i < s.n_joints; i++)
        if (!isfinite(s.joint[i])) return bad("a joint that is nowhere");
    if (!(s.battery >= -1 && s.battery <= 1)) return bad("its battery");
    *out = s;
    return 0;
}

json_t *mn_fleet_state_write(const mn_fleet_state *s) {
    json_t *const joints = json_array();
    for (uint32_t i = 0; joints && i < s->n_joints; i++)
        json_array_append_new(joints, json_real((double)s->joint[i]));
    return json_pack(
        "{s:I, s:I, s:b, s:b, s:s, s:{s:s, s:[f,f,f], s:[f,f,f,f]}, s:[f,f,f], s:f, s:o}", "t",
        (json_int_t)s->time, "beat", (json_int_t)s->beat, "stopped",
        (s->flags & MN_STATE_STOPPED) != 0, "busy", (s->flags & MN_STATE_BUSY) != 0, "at", s->at,
        "pose", "frame", s->frame, "p", s->p[0], s->p[1], s->p[2], "q", s->q[0], s->q[1], s->q[2],
        s->q[3], "v", s->v[0], s->v[1], s->v[2], "battery", (double)s->battery, "joints", joints);
}

int mn_fleet_state_get(mn_board *b, const char *kind, const char *robot, mn_fleet_state *out,
                       uint64_t *version) {
    char key[MN_FLEET_KEY];
    mn_buf value = {0};
    uint64_t is = 0;
    MN_TRY(mn_board_key(b, kind, robot, key));
    int rc = b->ops->get(b, key, &value, &is);
    if (version) *version = rc > 0 ? is : 0;
    if (rc > 0) rc = mn_fleet_state_read(value.data, value.len, out) >= 0;
    mn_buf_free(&value);
    return rc;
}

int mn_fleet_state_put(mn_board *b, const char *kind, const char *robot, const mn_fleet_state *s,
                       const uint64_t *version) {
    char key[MN_FLEET_KEY];
    MN_TRY(mn_board_key(b, kind, robot, key));
    mn_edit edit = {
        key, MN_EDIT_PUT, version != NULL, version ? *version : 0, s, mn_fleet_state_bytes(s)};
    return b->ops->commit(b, &edit, 1);
}
