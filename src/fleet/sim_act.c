/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/sim_act.c - what skills do to the truth of a simulated world, and why they cannot.
 *
 * Each skill is a row: what has to be so, and what it changes. What has to be so is looked at when
 * a skill begins and again when its time is up, since others act in between; the change itself is a
 * move of the scene, which takes place as a whole or not at all.
 */
#include "base/buf.h"
#include "base/error.h"
#include "fleet/sim_inside.h"

#include <math.h>
#include <stdarg.h>
#include <string.h>

const char *mn_sim_arg(const json_t *args, const char *name) {
    const char *const v = json_string_value(json_object_get(args, name));
    return v ? v : "";
}

/* "too_heavy", and why. Without memory for the words it is the code alone. */
static const char *no(mn_buf *text, const char *code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static const char *no(mn_buf *text, const char *code, const char *format, ...) {
    char line[256];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    mn_buf_clear(text);
    (void)mn_buf_puts(text, line);
    return code;
}

/* ---- what is so ---------------------------------------------------------------------------- */
/* Who drove to a robot that has gone on meanwhile reaches it no more. */
static int reaches(const mn_scene *s, const mn_robot_seen *r, const char *what) {
    const mn_robot_seen *const by = mn_scene_robot(s, r->at);
    if (by) {
        const double far = hypot(r->state.p[0] - by->state.p[0], r->state.p[1] - by->state.p[1]);
        if (far > fmax(r->reach, 1.0)) return 0;
    }
    return mn_scene_reaches(s, r->name, what);
}

/* The closed thing that something is in, however deep; NULL. */
static const mn_thing *closed_around(const mn_scene *s, const mn_thing *t) {
    for (int i = 0; t && i <= s->n_things; i++) {
        t = mn_scene_thing(s, t->at);
        if (t && t->open == 0) return t;
    }
    return NULL;
}

static double weight(const mn_scene *s, const mn_thing *t) {
    double sum = t->mass;
    for (size_t i = 0; i < json_array_size(t->holds); i++) {
        const mn_thing *const in =
            mn_scene_thing(s, json_string_value(json_array_get(t->holds, i)));
        sum += in ? in->mass : 0;
    }
    return sum;
}

static double carried(const mn_scene *s, const mn_robot_seen *r) {
    double sum = 0;
    for (size_t i = 0; i < json_array_size(r->holds); i++) {
        const mn_thing *const t = mn_scene_thing(s, json_string_value(json_array_get(r->holds, i)));
        sum += t ? weight(s, t) : 0;
    }
    return sum;
}

static const char *too_heavy(const mn_scene *s, const mn_robot_seen *r, const mn_thing *t,
                             const char *code, mn_buf *text) {
    const double all = carried(s, r) + weight(s, t);
    if (all <= r->payload) return NULL;
    return no(text, code, "with %s, %s would carry %.1f kg, and %.1f kg are the most", t->name,
              r->name, all, r->payload);
}

/* ---- may it? ------------------------------------------------------------------------------- */
typedef struct asked {
    const mn_sim_deed *d;
    const mn_scene *s;
    const mn_robot_seen *self, *other; /* other: `to`, or a place that is a robot */
    const mn_thing *thing, *place;
    const char *name; /* of what it is about */
} asked;

static const char *may_grasp(const asked *a, mn_buf *text) {
    if (!a->thing || a->thing->kind != MN_OBJECT_KIND)
        return no(text, "not_found", "there is no object '%s'", a->name);
    if (mn_scene_in_hand(a->s, a->thing->at, a->name))
        return no(text, "not_found", "%s has %s in its hand", a->thing->at, a->name);
    const mn_thing *const closed = closed_around(a->s, a->thing);
    if (closed)
        return no(text, "closed", "%s is in the %s, which is closed", a->name, closed->name);
    if (!reaches(a->s, a->self, a->name))
        return no(text,
                  *a->self->at &&
                          !strcmp(mn_scene_room(a->s, a->name), mn_scene_room(a->s, a->self->name))
                      ? "out_of_reach"
                      : "not_found",
                  "%s is not here, but at %s", a->name, a->thing->at);
    if (!mn_scene_free_hand(a->s, a->self->name)) return no(text, "no_hand", "no hand is free");
    return too_heavy(a->s, a->self, a->thing, "too_heavy", text);
}

static const char *not_held(const asked *a, mn_buf *text) {
    if (a->thing && mn_scene_in_hand(a->s, a->self->name, a->thing->name)) return NULL;
    return no(text, "not_held", "%s is not in a hand of %s", a->name, a->self->name);
}

static const char *may_place(const asked *a, mn_buf *text) {
    const char *const to = mn_sim_arg(a->d->args, "place");
    const char *const code = not_held(a, text);
    if (code) return code;
    if (!a->place && !a->other) return no(text, "out_of_reach", "there is no place '%s'", to);
    if (a->place == a->thing) return no(text, "no_room", "%s does not go into itself", to);
    if (!reaches(a->s, a->self, to)) return no(text, "out_of_reach", "%s is not within reach", to);
    if (a->place && a->place->open == 0) return no(text, "closed", "the %s is closed", to);
    if (a->place && a->place->kind == MN_DOOR) return no(text, "no_room", "%s is a door", to);
    if (!a->other) return NULL;
    return a->other == a->self ? NULL : too_heavy(a->s, a->other, a->thing, "no_room", text);
}

static const char *may_hand_over(const asked *a, mn_buf *text) {
    const char *const to = mn_sim_arg(a->d->args, "to");
    const char *const code = not_held(a, text);
    if (code) return code;
    if (!a->other || a->other == a->self || !reaches(a->s, a->self, to))
        return no(text, "out_of_reach", "%s is not within reach", to);
    if (!mn_scene_free_hand(a->s, to)) return no(text, "refused", "no hand of %s is free", to);
    return too_heavy(a->s, a->other, a->thing, "too_heavy", text);
}

static const char *may_open(const asked *a, mn_buf *text) {
    const char *const place = mn_sim_arg(a->d->args, "place");
    if (!a->place || a->place->open < 0)
        return no(text, "stuck", "there is nothing at '%s' to open or close", place);
    if (!reaches(a->s, a->self, place))
        return no(text, "out_of_reach", "%s is not within reach", place);
    return mn_scene_free_hand(a->s, a->self->name) ? NULL : no(text, "no_hand", "no hand is free");
}

static const char *may_inspect(const asked *a, mn_buf *text) {
    const char *const place = mn_sim_arg(a->d->args, "place");
    if (!a->place && !a->other) return no(text, "not_seen", "there is no '%s'", place);
    const int here = !strcmp(a->self->at, place) || reaches(a->s, a->self, place);
    return here ? NULL : no(text, "out_of_reach", "%s is too far away to be seen", place);
}

/* ---- do it --------------------------------------------------------------------------------- */
static int move(const asked *a, const char *to, const char *how, const mn_pose *pose) {
    const mn_move m = {
        .thing = a->thing->name, .from = a->thing->at, .to = to, .how = how, .pose = pose};
    return mn_scene_move(a->d->b, "sim/", NULL, &m);
}

static int do_grasp(const asked *a) {
    return move(a, a->self->name, mn_scene_free_hand(a->s, a->self->name), NULL);
}

/* Somewhere on it, not always in its middle. */
static int do_place(const asked *a) {
    const char *const to = mn_sim_arg(a->d->args, "place");
    mn_pose at;
    const int on_place = a->place && a->place->kind != MN_OBJECT_KIND && a->place->size[0] > 0 &&
                         mn_scene_pose(a->s, to, &at) >= 0;
    const char *const how =
        a->place && (a->place->open >= 0 || a->place->kind == MN_ROOM) ? "in" : "on";
    if (on_place && a->place->kind == MN_FURNITURE) {
        for (int i = 0; i < 2; i++)
            at.p[i] += (mn_random_unit(a->d->random) - 0.5) * 0.7 * a->place->size[i];
        at.p[2] += a->place->size[2];
    }
    if (on_place && a->place->kind == MN_ROOM) /* at the feet of who puts it down */
        memcpy(at.p, a->self->state.p, sizeof at.p);
    return move(a, to, how, on_place ? &at : NULL);
}

static int do_hand_over(const asked *a) {
    const char *const to = mn_sim_arg(a->d->args, "to");
    return move(a, to, mn_scene_free_hand(a->s, to), NULL);
}

static int set_open(const asked *a, int open) {
    json_t *const fields = json_pack("{s:b}", "open", open);
    if (!fields) return MN_FAIL(MN_ENOMEM, "no memory for a simulated deed");
    const int rc = mn_scene_set(a->d->b, "sim/", NULL, a->place->name, fields);
    json_decref(fields);
    return rc;
}

static int do_open(const asked *a) {
    return set_open(a, 1);
}
static int do_close(const asked *a) {
    return set_open(a, 0);
}

static const struct row {
    const char *skill;
    const char *(*may)(const asked *a, mn_buf *text);
    int (*act)(const asked *a);
} rows[] = {
    {"grasp", may_grasp, do_grasp},
    {"place", may_place, do_place},
    {"hand_over", may_hand_over, do_hand_over},
    {"open", may_open, do_open},
    {"close", may_open, do_close},
    {"inspect", may_inspect, NULL},
};

static const struct row *row_of(const mn_sim_deed *d) {
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (!strcmp(rows[i].skill, d->skill->name)) return &rows[i];
    return NULL; /* it changes nothing: navigate (by driving), wait, say */
}

static asked ask(const mn_sim_deed *d, const mn_scene *s) {
    const char *const place = mn_sim_arg(d->args, "place"), *const to = mn_sim_arg(d->args, "to");
    asked a = {.d = d, .s = s, .name = mn_sim_arg(d->args, "thing")};
    a.self = mn_scene_robot(s, d->robot);
    a.thing = mn_scene_thing(s, a.name);
    a.place = mn_scene_thing(s, place);
    a.other = mn_scene_robot(s, *to ? to : place);
    return a;
}

const char *mn_sim_may(const mn_sim_deed *d, const mn_scene *s, mn_buf *text) {
    const struct row *const row = row_of(d);
    const asked a = ask(d, s);
    if (!a.self) return no(text, "crashed", "there is no body of %s", d->robot);
    return row ? row->may(&a, text) : NULL;
}

int mn_sim_act(const mn_sim_deed *d, const mn_scene *s, const char **code, mn_buf *text) {
    const struct row *const row = row_of(d);
    const asked a = ask(d, s);
    *code = mn_sim_may(d, s, text);
    if (*code || !row || !row->act) return 0;
    const int rc = row->act(&a);
    if (rc == MN_EFULL) *code = no(text, "no_room", "%s", mn_error_detail());
    if (rc == MN_ECONFLICT || rc == MN_ENOENT)
        *code = no(text, "not_found", "%s", mn_error_detail());
    return *code ? 0 : rc;
}

/* Near where it was: on what the robot works at, when that has room; else on the floor. */
int mn_sim_drop(const mn_sim_deed *d, const mn_scene *s) {
    const asked a = ask(d, s);
    if (!a.self || !a.thing || !mn_scene_in_hand(s, d->robot, a.name)) return 0;
    const char *const room = mn_scene_room(s, d->robot);
    const mn_thing *const at = mn_scene_thing(s, a.self->at);
    mn_pose pose = mn_pose_at("map", a.self->state.p[0], a.self->state.p[1], 0);
    int rc = MN_EFULL;
    if (at && at->kind == MN_FURNITURE && at->open != 0)
        rc = move(&a, at->name, at->open >= 0 ? "in" : "on", NULL);
    if (rc == MN_EFULL && *room) rc = move(&a, room, "in", &pose);
    return rc == MN_EFULL || rc == MN_ECONFLICT ? 0 : rc;
}
