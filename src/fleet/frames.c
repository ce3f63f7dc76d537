/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/frames.c - the tree of frames: setting one, and a pose in another.
 *
 * From a pose up to the nearest frame that the target hangs from too, then down: what lies above
 * that frame (it may be far away, and rounded) plays no part. O(depth * frames).
 */
#include "fleet/pose.h"

#include "base/error.h"

#include <stdio.h>
#include <string.h>

static int find(const mn_frames *f, const char *name) {
    for (int i = 0; i < f->n; i++)
        if (!strcmp(f->frame[i].name, name)) return i;
    return -1;
}

/* A frame that is only somebody's parent is known, too: a root. */
static int known(const mn_frames *f, const char *name) {
    for (int i = 0; i < f->n; i++)
        if (!strcmp(f->frame[i].name, name) || !strcmp(f->frame[i].at.frame, name)) return 1;
    return 0;
}

int mn_frames_set(mn_frames *f, const char *name, const mn_pose *at, int fixed) {
    mn_pose new = *at, named = mn_pose_at(name, 0, 0, 0);
    if (strnlen(name, MN_FRAME + 1) > MN_FRAME)
        return MN_FAIL(MN_EINVAL, "a frame's name has 1 to %d bytes", MN_FRAME);
    MN_TRY(mn_pose_check(&named));
    MN_TRY(mn_pose_check(&new));
    const char *up = new.frame;
    for (int i, steps = 0; steps <= f->n; steps++) { /* no circle is in it, so it ends sooner */
        if (!strcmp(up, name))
            return MN_FAIL(MN_EINVAL, "frame '%s' cannot hang from '%s': that hangs from '%s'",
                           name, new.frame, name);
        if ((i = find(f, up)) < 0) break;
        up = f->frame[i].at.frame;
    }
    int i = find(f, name);
    if (i >= 0 && f->frame[i].fixed && !fixed)
        return MN_FAIL(MN_EINVAL, "frame '%s' is fixed to '%s': it does not move", name,
                       f->frame[i].at.frame);
    if (i < 0 && f->n == MN_FRAMES)
        return MN_FAIL(MN_EFULL, "%d frames are there already: no room for '%s'", f->n, name);
    if (i < 0) i = f->n++;
    memcpy(f->frame[i].name, named.frame, sizeof f->frame[i].name);
    f->frame[i].at = new;
    f->frame[i].fixed = fixed;
    return 0;
}

/* The frames from `name` up to its root: names; how many. */
static int way_up(const mn_frames *f, const char *name, const char *way[MN_FRAMES + 1],
                  int at[MN_FRAMES + 1]) {
    int n = 0;
    for (int i; n <= f->n; name = f->frame[i].at.frame) {
        way[n] = name;
        at[n++] = i = find(f, name);
        if (i < 0) break;
    }
    return n;
}

static mn_pose inverse_of(const mn_pose *a) {
    mn_pose out = mn_pose_at("", 0, 0, 0);
    for (int i = 0; i < 3; i++) out.q[i] = -a->q[i];
    out.q[3] = a->q[3];
    mn_pose_turn(&out, a->p, out.p);
    for (int i = 0; i < 3; i++) out.p[i] = -out.p[i];
    return out;
}

static int no_way(const mn_frames *f, const char *from, const char *root_from, const char *to,
                  const char *root_to) {
    for (int i = 0; i < 2; i++) {
        const char *const name = i ? to : from;
        if (!known(f, name)) return MN_FAIL(MN_ENOENT, "frame '%s' is not known", name);
    }
    return MN_FAIL(MN_ENOENT,
                   "no way from frame '%s' to '%s': the one hangs from '%s', the other from '%s'",
                   from, to, root_from, root_to);
}

int mn_frames_to(const mn_frames *f, const mn_pose *pose, const char *frame, mn_pose *out) {
    const char *up[MN_FRAMES + 1], *goal[MN_FRAMES + 1];
    int up_at[MN_FRAMES + 1], goal_at[MN_FRAMES + 1];
    if (!strcmp(pose->frame, frame)) {
        *out = *pose;
        return 0;
    }
    const int n_up = way_up(f, pose->frame, up, up_at), n_goal = way_up(f, frame, goal, goal_at);
    int u = n_up - 1, g = n_goal - 1;
    if (strcmp(up[u], goal[g])) return no_way(f, pose->frame, up[u], frame, goal[g]);
    while (u > 0 && g > 0 && !strcmp(up[u - 1], goal[g - 1])) u--, g--;
    mn_pose p = *pose;
    for (int i = 0; i < u; i++) p = mn_pose_chain(&f->frame[up_at[i]].at, &p);
    if (g > 0) {
        mn_pose down = f->frame[goal_at[0]].at;
        for (int i = 1; i < g; i++) down = mn_pose_chain(&f->frame[goal_at[i]].at, &down);
        down = inverse_of(&down);
        p = mn_pose_chain(&down, &p);
    }
    snprintf(p.frame, sizeof p.frame, "%s", frame);
    *out = p;
    return 0;
}
