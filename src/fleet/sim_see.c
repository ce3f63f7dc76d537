/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/sim_see.c - what a simulated body sees: the truth, as far as it can be seen from there.
 *
 * It sees what it has in its hands and on its tray, the place it was told to look at or to work at,
 * the robot it gives something to, and what is in or on those; not into what is closed. Each is a
 * detection (fleet/see.h) with its name, and "at", "how", "open", "is" of the truth. Positions are
 * true to 1 cm (standard deviation), by the seed.
 */
#include "base/error.h"
#include "fleet/sim_inside.h"

#include <math.h>
#include <string.h>

enum { MOST = 64 };
static const double SIGMA = 0.01; /* m */

/* A normal number, by Box and Muller. */
static double normal(mn_random *r) {
    const double u = 1 - mn_random_unit(r), v = mn_random_unit(r);
    return sqrt(-2 * log(u)) * cos(2 * 3.14159265358979323846 * v);
}

static json_t *pose_of(const mn_sim_deed *d, const mn_scene *s, const mn_thing *t) {
    mn_pose pose;
    if (mn_scene_pose(s, t->name, &pose) < 0) return NULL;
    for (int i = 0; i < 9; i++) pose.cov[i] = i % 4 ? 0 : SIGMA * SIGMA;
    for (int i = 0; i < 3; i++) pose.p[i] += SIGMA * normal(d->random);
    pose.t = s->time;
    return mn_pose_write(&pose);
}

static int add(const mn_sim_deed *d, const mn_scene *s, const mn_thing *t, json_t *out) {
    static const char *const fields[] = {"size", "open", "is"};
    for (size_t i = 0; i < json_array_size(out); i++)
        if (!strcmp(mn_sim_arg(json_array_get(out, i), "name"), t->name)) return 0;
    if (json_array_size(out) == MOST) return 0;
    json_t *const one = json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:f, s:o*}", "name", t->name,
                                  "class", t->class_, "at", t->at, "how", t->how, "by", d->robot,
                                  "t", (json_int_t)s->time, "sure", 0.95, "pose", pose_of(d, s, t));
    int bad = !one;
    for (size_t i = 0; !bad && i < sizeof fields / sizeof *fields; i++) {
        json_t *const v = json_object_get(t->json, fields[i]);
        if (v) bad = json_object_set_new(one, fields[i], json_deep_copy(v)) != 0;
    }
    if (bad) {
        json_decref(one);
        return MN_FAIL(MN_ENOMEM, "no memory for what %s sees", d->robot);
    }
    return json_array_append_new(out, one) ? MN_FAIL(MN_ENOMEM, "no memory to see") : 0;
}

static int add_list(const mn_sim_deed *d, const mn_scene *s, const json_t *holds, json_t *out) {
    for (size_t i = 0; i < json_array_size(holds); i++) {
        const mn_thing *const t = mn_scene_thing(s, json_string_value(json_array_get(holds, i)));
        if (!t) continue;
        MN_TRY(add(d, s, t, out));
        if (t->open != 0 && t->kind == MN_OBJECT_KIND)
            for (size_t k = 0; k < json_array_size(t->holds); k++) {
                const char *const in = json_string_value(json_array_get(t->holds, k));
                const mn_thing *const inner = mn_scene_thing(s, in);
                if (inner) MN_TRY(add(d, s, inner, out));
            }
    }
    return 0;
}

/* Something by its name, and what is in or on it. */
static int add_place(const mn_sim_deed *d, const mn_scene *s, const char *name, json_t *out) {
    const mn_thing *const t = mn_scene_thing(s, name);
    const mn_robot_seen *const r = mn_scene_robot(s, name);
    if (r) return add_list(d, s, r->holds, out);
    if (!t) return 0;
    if (t->kind != MN_ROOM) MN_TRY(add(d, s, t, out)); /* rooms are where they are */
    return t->open == 0 ? 0 : add_list(d, s, t->holds, out);
}

int mn_sim_see(const mn_sim_deed *d, const mn_scene *s, json_t **out) {
    const mn_robot_seen *const self = mn_scene_robot(s, d->robot);
    const char *const args[] = {mn_sim_arg(d->args, "thing"), mn_sim_arg(d->args, "place"),
                                mn_sim_arg(d->args, "to")};
    json_t *const seen = json_array();
    int rc = seen ? 0 : MN_FAIL(MN_ENOMEM, "no memory for what %s sees", d->robot);
    if (!rc && self) rc = add_list(d, s, self->holds, seen);
    for (int i = 0; rc >= 0 && self && i < 3; i++)
        if (*args[i] && (!strcmp(args[i], self->at) || mn_scene_reaches(s, d->robot, args[i])))
            rc = add_place(d, s, args[i], seen);
    if (rc >= 0 && self && *self->at) rc = add_place(d, s, self->at, seen);
    if (rc < 0) {
        json_decref(seen);
        return rc;
    }
    *out = seen;
    return 0;
}
