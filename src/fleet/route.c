/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/route.c - see fleet/route.h, and the end of fleet/plan.h.
 */
#include "fleet/route.h"

#include "base/error.h"
#include "fleet/plan.h"

#include <math.h>
#include <string.h>

#define DOORWAY 0.1 /* m: who stands so near may leave on either side */

static int room_named(const mn_routes *w, const char *name) {
    for (int i = 0; i < w->n_rooms; i++)
        if (!strcmp(w->room[i]->name, name)) return i;
    return -1;
}

/* The room whose floor has the point; the smallest when they overlap. */
static int room_at(const mn_routes *w, double x, double y) {
    int best = -1;
    double area = INFINITY;
    for (int i = 0; i < w->n_rooms; i++) {
        const mn_thing *r = w->room[i];
        const double sx = r->size[0], sy = r->size[1];
        if (sx <= 0 || sy <= 0 || fabs(x - r->pose.p[0]) > sx / 2 ||
            fabs(y - r->pose.p[1]) > sy / 2 || sx * sy >= area)
            continue;
        best = i;
        area = sx * sy;
    }
    return best;
}

int mn_routes_read(const mn_scene *s, mn_routes *out) {
    *out = (mn_routes){.s = s};
    for (int i = 0; i < s->n_things; i++) {
        const mn_thing *t = s->thing + i;
        if (t->kind == MN_ROOM) {
            if (out->n_rooms == MN_ROUTE_ROOMS)
                return MN_FAIL(MN_EFULL, "there are more than %d rooms", MN_ROUTE_ROOMS);
            out->room[out->n_rooms++] = t;
        } else if (t->kind == MN_DOOR) {
            if (out->n_doors == MN_ROUTE_DOORS)
                return MN_FAIL(MN_EFULL, "there are more than %d doors", MN_ROUTE_DOORS);
            out->door[out->n_doors++] = t;
        }
    }
    for (int i = 0; i < out->n_doors; i++) {
        const mn_thing *d = out->door[i];
        mn_pose at = d->pose;
        if (mn_scene_pose(s, d->name, &at) < 0) at = d->pose;
        out->spot[i] = (mn_spot){.x = at.p[0], .y = at.p[1], .door = i};
        for (int k = 0; k < 2; k++)
            out->spot[i].room[k] = d->joins[k] ? room_named(out, d->joins[k]) : -1;
    }
    return 0;
}

mn_spot mn_routes_point(const mn_routes *w, double x, double y) {
    for (int i = 0; i < w->n_doors; i++)
        if (hypot(x - w->spot[i].x, y - w->spot[i].y) <= DOORWAY) {
            mn_spot in = w->spot[i];
            in.x = x, in.y = y, in.door = -1;
            return in;
        }
    const int room = room_at(w, x, y);
    return (mn_spot){.x = x, .y = y, .room = {room, room}, .door = -1};
}

static int door_named(const mn_routes *w, const char *name) {
    for (int i = 0; i < w->n_doors; i++)
        if (!strcmp(w->door[i]->name, name)) return i;
    return -1;
}

/* A robot that stands: by its state; one whose state was never seen, by the place it works at. */
static int spot_of_robot(const mn_routes *w, const mn_robot_seen *r, mn_spot *out) {
    const int posed = r->state.beat && !strcmp(r->state.frame, "map");
    if (r->at && *r->at) {
        MN_TRY(mn_routes_spot(w, r->at, out));
        if (out->door < 0 || !posed) return 0;
        *out = mn_routes_point(w, r->state.p[0], r->state.p[1]);
        return 0;
    }
    if (!posed) {
        mn_pose at;
        if (mn_scene_pose(w->s, r->name, &at) < 0)
            return MN_FAIL(MN_ENOENT, "nobody knows where robot %s is", r->name);
        *out = mn_routes_point(w, at.p[0], at.p[1]);
        return 0;
    }
    *out = mn_routes_point(w, r->state.p[0], r->state.p[1]);
    return 0;
}

int mn_routes_spot(const mn_routes *w, const char *name, mn_spot *out) {
    const int door = door_named(w, name);
    if (door >= 0) {
        *out = w->spot[door];
        return 0;
    }
    const mn_robot_seen *r = mn_scene_robot(w->s, name);
    if (r) return spot_of_robot(w, r, out);
    mn_pose at;
    if (mn_scene_pose(w->s, name, &at) < 0)
        return MN_FAIL(MN_ENOENT, "nobody knows where '%s' is", name);
    *out = mn_routes_point(w, at.p[0], at.p[1]);
    const mn_thing *t = mn_scene_thing(w->s, name);
    const int room =
        t && t->kind == MN_ROOM ? room_named(w, name) : room_named(w, mn_scene_room(w->s, name));
    if (room >= 0) out->room[0] = out->room[1] = room;
    return 0;
}

static double apart(const mn_spot *a, const mn_spot *b) {
    return hypot(a->x - b->x, a->y - b->y);
}

static int joined(const mn_spot *a, const mn_spot *b) {
    for (int i = 0; i < 2; i++)
        for (int k = 0; k < 2; k++)
            if (a->room[i] < 0 || b->room[k] < 0 || a->room[i] == b->room[k]) return 1;
    return 0;
}

double mn_routes_metres(const mn_routes *w, const mn_spot *a, const mn_spot *b, const char *open,
                        double closed, int *through, int *n) {
    double far[MN_ROUTE_DOORS], plus[MN_ROUTE_DOORS];
    int from[MN_ROUTE_DOORS], best = -1;
    char done[MN_ROUTE_DOORS] = {0};
    if (n) *n = 0;
    if (joined(a, b)) return apart(a, b);
    for (int i = 0; i < w->n_doors; i++) {
        const int is_open = open ? open[i] : w->door[i]->open != 0;
        plus[i] = is_open ? 0 : closed;
        from[i] = -1;
        far[i] =
            plus[i] < 0 || !joined(a, w->spot + i) ? INFINITY : apart(a, w->spot + i) + plus[i];
    }
    double end = INFINITY;
    for (;;) {
        int i = -1;
        for (int k = 0; k < w->n_doors; k++)
            if (!done[k] && far[k] < INFINITY && (i < 0 || far[k] < far[i])) i = k;
        if (i < 0 || far[i] >= end) break;
        done[i] = 1;
        if (joined(w->spot + i, b) && far[i] + apart(w->spot + i, b) < end) {
            end = far[i] + apart(w->spot + i, b);
            best = i;
        }
        for (int k = 0; k < w->n_doors; k++) {
            if (done[k] || plus[k] < 0 || !joined(w->spot + i, w->spot + k)) continue;
            const double d = far[i] + apart(w->spot + i, w->spot + k) + plus[k];
            if (d < far[k]) {
                far[k] = d;
                from[k] = i;
            }
        }
    }
    if (best < 0) return -1;
    int way[MN_ROUTE_DOORS], m = 0;
    for (int i = best; i >= 0; i = from[i]) {
        way[m++] = i;
        end -= plus[i];
    }
    if (n) *n = m;
    for (int i = 0; through && i < m; i++) through[i] = way[m - 1 - i];
    return end;
}

double mn_route_seconds(const mn_scene *s, const mn_robot_seen *r, const char *from, const char *to,
                        const char **through, int *n_through) {
    mn_routes w;
    mn_spot a, b;
    int way[MN_ROUTE_DOORS], n = 0;
    if (n_through) *n_through = 0;
    const char *start = *from ? from : r->at ? r->at : "";
    if (!strcmp(start, to)) return 0;
    if (r->speed <= 0 || mn_routes_read(s, &w) < 0) return -1;
    if (mn_routes_spot(&w, *from ? from : r->name, &a) < 0 || mn_routes_spot(&w, to, &b) < 0)
        return -1;
    /* A closed door is worth a detour of ten seconds. */
    const double m = mn_routes_metres(&w, &a, &b, NULL, through ? 10 * r->speed : -1, way, &n);
    if (m < 0) return -1;
    int closed = 0;
    for (int i = 0; through && i < n; i++)
        if (!w.door[way[i]]->open && closed < MN_ROUTE_CLOSED)
            through[closed++] = w.door[way[i]]->name;
    if (n_through) *n_through = closed;
    return m / r->speed;
}

int mn_route_points(const mn_scene *s, const mn_pose *from, const char *to, double (*xy)[2],
                    int cap) {
    mn_routes w;
    mn_spot b;
    int way[MN_ROUTE_DOORS], n = 0;
    MN_TRY(mn_routes_read(s, &w));
    if (strcmp(from->frame, "map") != 0)
        return MN_FAIL(MN_EINVAL, "a way begins in the frame 'map', not in '%s'", from->frame);
    MN_TRY(mn_routes_spot(&w, to, &b));
    const mn_spot a = mn_routes_point(&w, from->p[0], from->p[1]);
    if (mn_routes_metres(&w, &a, &b, NULL, -1, way, &n) < 0)
        return MN_FAIL(MN_ENOENT,
                       "no way leads from (%.1f, %.1f) to %s: every door between is "
                       "closed, or there is none",
                       a.x, a.y, to);
    if (n + 2 > cap)
        return MN_FAIL(MN_ETOOLONG, "the way to %s has %d points, there is room for %d", to, n + 2,
                       cap);
    xy[0][0] = a.x, xy[0][1] = a.y;
    for (int i = 0; i < n; i++) xy[i + 1][0] = w.spot[way[i]].x, xy[i + 1][1] = w.spot[way[i]].y;
    xy[n + 1][0] = b.x, xy[n + 1][1] = b.y;
    return n + 2;
}
