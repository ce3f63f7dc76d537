/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/scene.c - questions that a scene answers: who is where, what is true, is it sound.
 *
 * Ways up ("the cup is in the bowl on the table in the kitchen") are followed for as many steps as
 * there are things, so a circle ends, too.
 */
#include "fleet/scene_inside.h"

#include "base/error.h"

#include <math.h>
#include <string.h>

mn_thing *mn_scene_thing(const mn_scene *s, const char *name) {
    int low = 0, high = s->n_things;
    while (low < high) {
        const int middle = (low + high) / 2, order = strcmp(s->thing[middle].name, name);
        if (!order) return s->thing + middle;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

mn_robot_seen *mn_scene_robot(const mn_scene *s, const char *name) {
    int low = 0, high = s->n_robots;
    while (low < high) {
        const int middle = (low + high) / 2, order = strcmp(s->robot[middle].name, name);
        if (!order) return s->robot + middle;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

/* ---- where --------------------------------------------------------------------------------- */
/* What `name` is in, on or at; "": nothing. A robot that went to a thing and has taken it up is at
 * none any more. */
static const char *above(const mn_scene *s, const char *name) {
    const mn_thing *t = mn_scene_thing(s, name);
    if (t) return t->at;
    const mn_robot_seen *const r = mn_scene_robot(s, name);
    t = r ? mn_scene_thing(s, r->at) : NULL;
    for (int i = 0; t && i <= s->n_things; i++, t = mn_scene_thing(s, t->at))
        if (!strcmp(t->at, name)) return "";
    return r ? r->at : "";
}

static int robot_pose(const mn_robot_seen *r, mn_pose *out) {
    if (!r->state.beat) {
        const json_t *const at = json_object_get(r->json, "at");
        if (!json_is_array(at)) return 0;
        *out = mn_pose_at("map", json_number_value(json_array_get(at, 0)),
                          json_number_value(json_array_get(at, 1)), 0);
        return 1;
    }
    if (strcmp(r->state.frame, "map")) return 0;
    *out = mn_pose_at("map", 0, 0, 0);
    memcpy(out->p, r->state.p, sizeof out->p);
    memcpy(out->q, r->state.q, sizeof out->q);
    out->t = r->state.time;
    return 1;
}

int mn_scene_pose(const mn_scene *s, const char *name, mn_pose *out) {
    const char *at = name;
    for (int i = 0; *at && i <= s->n_things + s->n_robots; i++) {
        const mn_thing *const t = mn_scene_thing(s, at);
        const mn_robot_seen *const r = t ? NULL : mn_scene_robot(s, at);
        if (t && !strcmp(t->pose.frame, "map")) return *out = t->pose, 0;
        if (r && robot_pose(r, out)) return 0;
        at = above(s, at);
    }
    if (!mn_scene_thing(s, name) && !mn_scene_robot(s, name))
        return MN_FAIL(MN_ENOENT, "there is no '%s' in the scene", name);
    return MN_FAIL(MN_ENOENT, "where '%s' is on the map is not known", name);
}

/* The room whose floor has this point; "". */
static const char *room_around(const mn_scene *s, const mn_pose *p) {
    for (int i = 0; i < s->n_things; i++) {
        const mn_thing *const t = s->thing + i;
        if (t->kind == MN_ROOM && !strcmp(t->pose.frame, "map") && t->size[0] > 0 &&
            fabs(p->p[0] - t->pose.p[0]) <= t->size[0] / 2 &&
            fabs(p->p[1] - t->pose.p[1]) <= t->size[1] / 2)
            return t->name;
    }
    return "";
}

const char *mn_thing_how(const mn_thing *place) {
    return place && (place->kind == MN_ROOM || place->open >= 0) ? "in" : "on";
}

const char *mn_scene_room(const mn_scene *s, const char *name) {
    const char *at = name;
    mn_pose pose;
    for (int i = 0; *at && i <= s->n_things + s->n_robots; i++) {
        const mn_thing *const t = mn_scene_thing(s, at);
        if (t && t->kind == MN_ROOM) return t->name;
        at = above(s, at);
    }
    return mn_scene_pose(s, name, &pose) < 0 ? "" : room_around(s, &pose);
}

/* ---- hands --------------------------------------------------------------------------------- */
const char *mn_scene_in_hand(const mn_scene *s, const char *robot, const char *thing) {
    const mn_robot_seen *const r = mn_scene_robot(s, robot);
    const mn_thing *const t = mn_scene_thing(s, thing);
    for (int i = 0; r && t && !strcmp(t->at, robot) && i < r->n_hands; i++)
        if (!strcmp(t->how, r->hand[i])) return r->hand[i];
    return NULL;
}

const char *mn_scene_free_hand(const mn_scene *s, const char *robot) {
    const mn_robot_seen *const r = mn_scene_robot(s, robot);
    for (int i = 0; r && i < r->n_hands; i++) {
        int taken = 0;
        for (size_t k = 0; !taken && k < json_array_size(r->holds); k++) {
            const char *const name = json_string_value(json_array_get(r->holds, k));
            const mn_thing *const t = mn_scene_thing(s, name);
            taken = t && !strcmp(t->at, robot) && !strcmp(t->how, r->hand[i]);
        }
        if (!taken) return r->hand[i];
    }
    return NULL;
}

/* ---- reach --------------------------------------------------------------------------------- */
/* Is `name` `top`, or in or on it, at any depth? */
static int is_below(const mn_scene *s, const char *name, const char *top) {
    for (int i = 0; *name && i <= s->n_things + s->n_robots; i++, name = above(s, name))
        if (!strcmp(name, top)) return 1;
    return 0;
}

/* How far it is on the floor from a point to the nearest of what `name` takes up there; < 0: it is
 * not known. A turned thing counts as if it were round. */
static double away(const mn_scene *s, const mn_pose *from, const char *name) {
    const mn_thing *const t = mn_scene_thing(s, name);
    mn_pose to;
    if (mn_scene_pose(s, name, &to) < 0) return -1;
    double half[2] = {0, 0};
    if (t && !strcmp(t->pose.frame, "map"))
        for (int i = 0; i < 2; i++) half[i] = t->size[i] / 2;
    const double d[2] = {fmax(fabs(from->p[0] - to.p[0]) - half[0], 0),
                         fmax(fabs(from->p[1] - to.p[1]) - half[1], 0)};
    if (fabs(to.q[3]) > 0.999) return hypot(d[0], d[1]);
    return fmax(hypot(from->p[0] - to.p[0], from->p[1] - to.p[1]) - fmax(half[0], half[1]), 0);
}

/* Standing at a place it reaches that, and what is in or on it; standing in a room, that, and what
 * lies or stands about there, but not what is on its furniture. */
static int works_at(const mn_scene *s, const mn_robot_seen *r, const char *what) {
    const mn_thing *const place = mn_scene_thing(s, r->at), *const t = mn_scene_thing(s, what);
    if (!*r->at) return 0;
    if (!place || place->kind != MN_ROOM) return is_below(s, what, r->at);
    if (t == place) return 1;
    return !strcmp(above(s, what), r->at) && (!t || t->kind == MN_OBJECT_KIND);
}

int mn_scene_reaches(const mn_scene *s, const char *robot, const char *what) {
    const mn_robot_seen *const r = mn_scene_robot(s, robot), *const other = mn_scene_robot(s, what);
    const mn_thing *const t = mn_scene_thing(s, what);
    mn_pose here;
    if (!r || (!other && !t)) return 0;
    if (r == other || is_below(s, what, robot)) return 1;
    if (works_at(s, r, what)) return 1;
    if (t && t->kind == MN_ROOM) return 0;
    if (!robot_pose(r, &here)) return 0;
    const double d = away(s, &here, what);
    return d >= 0 && d <= r->reach;
}

/* ---- facts --------------------------------------------------------------------------------- */
static int is_in(const mn_scene *s, const char *thing, const char *place) {
    const mn_thing *const t = mn_scene_thing(s, thing), *const p = mn_scene_thing(s, place);
    if (!t) return 0;
    if (p && p->kind == MN_ROOM) return t != p && !strcmp(mn_scene_room(s, thing), place);
    return !strcmp(t->at, place) && !mn_scene_in_hand(s, place, thing);
}

static int is_so(const mn_scene *s, const char *thing, const char *word) {
    const mn_thing *const t = mn_scene_thing(s, thing);
    return t && json_is_true(json_object_get(json_object_get(t->json, "is"), word));
}

int mn_scene_holds(const mn_scene *s, const mn_fact *fact) {
    const char *const a = fact->arg[0] ? fact->arg[0] : "", *const b = fact->arg[1];
    const mn_robot_seen *const r = mn_scene_robot(s, a);
    const mn_thing *const t = mn_scene_thing(s, a);
    int is = 0;
    switch (fact->name) {
    case MN_FACT_AT: is = r && b && *b && !strcmp(r->at, b); break;
    case MN_FACT_REACHES: is = b && mn_scene_reaches(s, a, b); break;
    case MN_FACT_IN: is = b && is_in(s, a, b); break;
    case MN_FACT_HOLDING: is = b && mn_scene_in_hand(s, a, b) != NULL; break;
    case MN_FACT_FREE: is = mn_scene_free_hand(s, a) != NULL; break;
    case MN_FACT_OPEN: is = r || (t && t->open != 0); break;
    case MN_FACT_IS: is = b && is_so(s, a, b); break;
    }
    return fact->not_ ? !is : is;
}

/* ---- is it sound? -------------------------------------------------------------------------- */
typedef struct finding {
    const mn_scene *s;
    mn_buf *wrong;
    int n, rc;
} finding;

__attribute__((format(printf, 2, 3))) static void find_wrong(finding *f, const char *format, ...) {
    char line[512];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    f->n++;
    if (f->wrong && f->rc >= 0) f->rc = mn_buf_printf(f->wrong, "%s\n", line);
}

static json_t *list_of(const mn_scene *s, const char *name) {
    const mn_thing *const t = mn_scene_thing(s, name);
    const mn_robot_seen *const r = mn_scene_robot(s, name);
    return t ? t->holds : r ? r->holds : NULL;
}

static void look_at_thing(finding *f, const mn_thing *t) {
    const mn_robot_seen *const r = mn_scene_robot(f->s, t->at);
    const char *at = t->at;
    if (!*at && (t->kind == MN_ROOM || t->kind == MN_DOOR)) return;
    if (!list_of(f->s, at)) {
        find_wrong(f, "'%s' is at '%s', which is not there", t->name, at);
        return;
    }
    if (mn_holds_find(list_of(f->s, at), t->name) < 0)
        find_wrong(f, "'%s' says it is at '%s', whose list lacks it", t->name, at);
    int hand = !r || !strcmp(t->how, "in") || !strcmp(t->how, "on");
    for (int i = 0; r && i < r->n_hands; i++) hand |= !strcmp(t->how, r->hand[i]);
    if (!hand) find_wrong(f, "'%s' is in the hand '%s', which '%s' has not", t->name, t->how, at);
    for (int i = 0; *at && strcmp(at, t->name); i++, at = above(f->s, at))
        if (i > f->s->n_things) return; /* in a circle of others: they say it */
    if (*at) find_wrong(f, "'%s' is in itself", t->name);
}

static void look_at_list(finding *f, const char *name, const json_t *holds, int room_for) {
    const mn_robot_seen *const r = mn_scene_robot(f->s, name);
    int takes_room = 0;
    for (size_t i = 0; i < json_array_size(holds); i++) {
        const char *const it = json_string_value(json_array_get(holds, i));
        const mn_thing *const t = mn_scene_thing(f->s, it);
        const char *const hand = r ? mn_scene_in_hand(f->s, name, it) : NULL;
        takes_room += !hand;
        if (mn_holds_find(holds, it) != (int)i)
            find_wrong(f, "'%s' is in the list of '%s' twice", it, name);
        if (!t)
            find_wrong(f, "'%s' is in the list of '%s', and is not there", it, name);
        else if (strcmp(t->at, name))
            find_wrong(f, "'%s' is in the list of '%s', and says it is at '%s'", it, name, t->at);
        for (size_t k = 0; hand && k < i; k++) {
            const char *const other = json_string_value(json_array_get(holds, k));
            const char *const same = mn_scene_in_hand(f->s, name, other);
            if (same && !strcmp(same, hand))
                find_wrong(f, "'%s' and '%s' are in one hand of '%s'", other, it, name);
        }
    }
    if (room_for >= 0 && takes_room > room_for)
        find_wrong(f, "'%s' has room for %d, and has %d", name, room_for, takes_room);
}

int mn_scene_sound(const mn_scene *s, mn_buf *wrong) {
    finding f = {.s = s, .wrong = wrong};
    for (int i = 0; i < s->n_things; i++) {
        look_at_thing(&f, s->thing + i);
        look_at_list(&f, s->thing[i].name, s->thing[i].holds, s->thing[i].room_for);
    }
    for (int i = 0; i < s->n_robots; i++) {
        look_at_list(&f, s->robot[i].name, s->robot[i].holds, s->robot[i].room_for);
        if (mn_scene_thing(s, s->robot[i].name))
            find_wrong(&f, "'%s' is the name of a robot and of a thing", s->robot[i].name);
    }
    MN_TRY(f.rc);
    return f.n ? MN_FAIL(MN_ECORRUPT, "%d things of the scene are not as they should be", f.n) : 0;
}
