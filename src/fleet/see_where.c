/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/see_where.c - the place that something at a position lies on or in.
 *
 * Furniture is a box around its middle, turned as it is, MARGIN wider than it is, EDGE wider for
 * what is there already; below its middle (less SLACK) nothing is on it. Its height counts only
 * where it is known: worlds may be flat. Of several (a shelf above a counter) it is the highest,
 * then the smallest, then the first by name. Rooms are boxes that lie flat, the smallest first.
 */
#include "fleet/see_match.h"

#include <math.h>

static const double MARGIN = 0.02, EDGE = 0.10, SLACK = 0.05; /* m */
static const double UNKNOWN = 0.5, SMALL = 0.15;              /* m: half of what has no size */

static int over(const mn_scene *s, const mn_thing *t, const double p[3], double more, double *z) {
    mn_pose at;
    if (mn_scene_pose(s, t->name, &at) < 0) return 0;
    mn_pose back = at;
    for (int i = 0; i < 3; i++) back.q[i] = -at.q[i];
    double d[3] = {p[0] - at.p[0], p[1] - at.p[1], p[2] - at.p[2]};
    const double up = d[2];
    d[2] = 0;
    mn_pose_turn(&back, d, d);
    const double half = t->kind == MN_OBJECT_KIND ? SMALL : UNKNOWN;
    const double w = t->size[0] > 0 ? t->size[0] / 2 : half;
    const double h = t->size[1] > 0 ? t->size[1] / 2 : half;
    *z = at.p[2];
    if (fabs(d[0]) > w + more || fabs(d[1]) > h + more) return 0;
    return t->kind == MN_ROOM || !(t->size[2] > 0) || up >= -SLACK;
}

static double area(const mn_thing *t) {
    return t->size[0] * t->size[1];
}

const mn_thing *mn_see_place(const mn_scene *s, const mn_thing *now, const double p[3]) {
    const mn_thing *best = NULL;
    double best_z = 0, z;
    if (now && now->kind != MN_ROOM && over(s, now, p, EDGE, &z)) return now;
    for (int i = 0; i < s->n_things; i++) {
        const mn_thing *const t = s->thing + i;
        if (t->kind != MN_FURNITURE || t->open == 0 || !over(s, t, p, MARGIN, &z)) continue;
        if (!best || z > best_z || (z == best_z && area(t) < area(best))) best = t, best_z = z;
    }
    if (best) return best;
    if (now && now->kind == MN_ROOM && (!(area(now) > 0) || over(s, now, p, EDGE, &z))) return now;
    for (int i = 0; i < s->n_things; i++) {
        const mn_thing *const t = s->thing + i;
        if (t->kind != MN_ROOM || !(area(t) > 0) || !over(s, t, p, 0, &z)) continue;
        if (!best || area(t) < area(best)) best = t;
    }
    return best;
}
