/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/plan_world.c - the scene in numbers: see fleet/plan_inside.h.
 */
#include "fleet/plan_inside.h"

#include "base/error.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

int mn_plan_entity(const mn_plan_world *w, const char *name) {
    if (!name || !*name) return -1;
    const mn_thing *t = mn_scene_thing(w->s, name);
    if (t) return (int)(t - w->s->thing);
    const mn_robot_seen *r = mn_scene_robot(w->s, name);
    return r ? w->n_things + (int)(r - w->s->robot) : -1;
}

const char *mn_plan_name(const mn_plan_world *w, int e) {
    return e < 0 ? "" : e < w->n_things ? w->s->thing[e].name : w->s->robot[e - w->n_things].name;
}

int mn_plan_room_for(const mn_plan_world *w, int e) {
    return e < w->n_things ? w->s->thing[e].room_for : w->s->robot[e - w->n_things].room_for;
}

/* ---- what robots can do --------------------------------------------------------------------- */
static int param_of(const mn_skill *k, const char *name) {
    for (int i = 0; name && i < k->n_params; i++)
        if (!strcmp(k->param[i], name)) return i;
    return -1;
}

/* Can the skill be called with these two parameters alone? */
static int is_enough(const mn_skill *k, int a, int b) {
    const json_t *required = json_object_get(k->schema, "required");
    for (size_t i = 0; i < json_array_size(required); i++) {
        const int p = param_of(k, json_string_value(json_array_get(required, i)));
        if (p >= 0 && p != a && p != b) return 0;
    }
    return 1;
}

static void take_op(mn_op *op, const mn_skill *k, int a, int b) {
    if (!op->skill && is_enough(k, a, b)) *op = (mn_op){k, a, b};
}

static void read_skill(mn_plan_robot *r, const mn_skill *k) {
    if (!mn_skill_fits(k, r->seen->body)) return;
    if (!strcmp(k->name, "say") && param_of(k, "text") >= 0) r->say = k;
    for (int i = 0; i < k->n_makes; i++) {
        const mn_fact *f = k->makes + i;
        const int a = param_of(k, f->arg[0]), b = param_of(k, f->arg[1]);
        const int self = f->arg[0] && !strcmp(f->arg[0], "robot");
        if (f->name == MN_FACT_OPEN && a >= 0) take_op(f->not_ ? &r->close : &r->open, k, a, -1);
        if (f->not_) continue;
        if (f->name == MN_FACT_AT && self && b >= 0) take_op(&r->drive, k, b, -1);
        if (f->name == MN_FACT_HOLDING && self && b >= 0) take_op(&r->grasp, k, b, -1);
        if (f->name == MN_FACT_HOLDING && a >= 0 && b >= 0) take_op(&r->give, k, b, a);
        if (f->name == MN_FACT_IN && a >= 0 && b >= 0) take_op(&r->put, k, a, b);
    }
}

static int is_listed(const char *const *list, const char *name) {
    for (int i = 0; list && list[i]; i++)
        if (!strcmp(list[i], name)) return 1;
    return 0;
}

static void read_robot(mn_plan_world *w, int i, const mn_fleet_plan_how *how) {
    mn_plan_robot *r = w->robot + i;
    r->seen = w->s->robot + i;
    r->usable = r->seen->alive && !(how && is_listed(how->without, r->seen->name));
    r->at = mn_plan_entity(w, r->seen->at);
    r->placed = mn_routes_spot(&w->routes, r->seen->name, &r->start) >= 0;
    for (int k = 0; k < r->seen->skills.n; k++) read_skill(r, r->seen->skills.skill + k);
    r->mobile = r->seen->speed > 0 && r->drive.skill && r->placed;
    if (!r->seen->n_hands) r->grasp.skill = r->give.skill = NULL;
    char pair[2 * MN_NAME + 3];
    for (int e = 0; how && how->never && how->never[0] && e < w->n; e++) {
        snprintf(pair, sizeof pair, "%s %s", r->seen->name, mn_plan_name(w, e));
        w->banned[i * w->n + e] = (char)is_listed(how->never, pair);
    }
}

int mn_plan_world_read(const mn_scene *s, const mn_fleet_plan_how *how, mn_plan_world *out) {
    const size_t n = (size_t)(s->n_things + s->n_robots);
    *out = (mn_plan_world){.s = s, .n_things = s->n_things, .n_robots = s->n_robots, .n = (int)n};
    mn_plan_world *w = out;
    w->arena = (mn_arena){.limit = (size_t)64 << 20, .what = "a plan"};
    if (n > MN_PLAN_ENTITIES || s->n_robots > MN_PLAN_ROBOTS)
        return MN_FAIL(MN_EFULL, "%d things and %d robots are more than are planned for: %d and %d",
                       s->n_things, s->n_robots, MN_PLAN_ENTITIES, MN_PLAN_ROBOTS);
    MN_TRY(mn_routes_read(s, &w->routes));
    MN_TRY(mn_arena_take(&w->arena, ((size_t)s->n_robots + 1) * sizeof *w->robot, &w->robot));
    MN_TRY(mn_arena_take(&w->arena, n * sizeof *w->holder + 1, &w->holder));
    MN_TRY(mn_arena_take(&w->arena, n + 1, &w->hand));
    MN_TRY(mn_arena_take(&w->arena, n + 1, &w->open));
    MN_TRY(mn_arena_take(&w->arena, n + 1, &w->spotted));
    MN_TRY(mn_arena_take(&w->arena, n * sizeof *w->mass + 1, &w->mass));
    MN_TRY(mn_arena_take(&w->arena, n * sizeof *w->spot + 1, &w->spot));
    MN_TRY(mn_arena_take(&w->arena, n * (size_t)s->n_robots + 1, &w->banned));
    for (int i = 0; i < (int)n; i++) {
        const mn_thing *t = i < s->n_things ? s->thing + i : NULL;
        w->holder[i] = t ? mn_plan_entity(w, t->at) : -1;
        w->open[i] = (char)(!t || t->open != 0);
        w->mass[i] = t ? t->mass : 0;
        w->hand[i] =
            (char)(w->holder[i] >= s->n_things && mn_scene_in_hand(s, t->at, t->name) != NULL);
    }
    for (int i = 0; i < s->n_robots; i++) read_robot(w, i, how);
    return 0;
}

void mn_plan_world_free(mn_plan_world *w) {
    mn_arena_free(&w->arena);
}

const mn_spot *mn_plan_spot(mn_plan_world *w, int e) {
    if (!w->spotted[e])
        w->spotted[e] = mn_routes_spot(&w->routes, mn_plan_name(w, e), w->spot + e) < 0 ? 2 : 1;
    return w->spotted[e] == 1 ? w->spot + e : NULL;
}

/* ---- who is where --------------------------------------------------------------------------- */
int mn_plan_state_begin(mn_plan_world *w, mn_plan_state *out) {
    const size_t n = (size_t)w->n + 1;
    MN_TRY(mn_arena_take(&w->arena, n * sizeof *out->holder, &out->holder));
    MN_TRY(mn_arena_take(&w->arena, n, &out->hand));
    MN_TRY(mn_arena_take(&w->arena, n, &out->open));
    MN_TRY(mn_arena_take(&w->arena, n, &out->moved));
    MN_TRY(mn_arena_take(&w->arena, n * sizeof *out->at, &out->at));
    memcpy(out->holder, w->holder, (size_t)w->n * sizeof *out->holder);
    memcpy(out->hand, w->hand, (size_t)w->n);
    memcpy(out->open, w->open, (size_t)w->n);
    for (int i = 0; i < w->n_robots; i++) out->at[i] = w->robot[i].at;
    return 0;
}

/* What e is in, on or at. A circle in a damaged scene ends after as many steps as there are. */
static int above(const mn_plan_world *w, const mn_plan_state *st, int e) {
    return mn_plan_is_robot(w, e) ? st->at[e - w->n_things] : st->holder[e];
}

int mn_plan_stand(const mn_plan_world *w, const mn_plan_state *st, int e) {
    for (int i = 0; e >= 0 && i <= w->n; i++) {
        if (mn_plan_is_robot(w, e)) return st->at[e - w->n_things];
        const int up = st->holder[e];
        if (up < 0 || mn_plan_kind(w, up) == MN_ROOM) return e;
        e = up;
    }
    return -1;
}

int mn_plan_below(const mn_plan_world *w, const mn_plan_state *st, int e, int top) {
    for (int i = 0; e >= 0 && i <= w->n; i++, e = above(w, st, e))
        if (e == top) return 1;
    return 0;
}

int mn_plan_shut(const mn_plan_world *w, const mn_plan_state *st, int e) {
    for (int i = 0; e >= 0 && !mn_plan_is_robot(w, e) && i <= w->n; i++) {
        e = st->holder[e];
        if (e >= 0 && !st->open[e]) return e;
    }
    return -1;
}

int mn_plan_fixed_reaches(mn_plan_world *w, int robot, int site) {
    const mn_plan_robot *r = w->robot + robot;
    if (site < 0) return 0;
    if (r->at == site) return 1;
    if (mn_plan_kind(w, site) == MN_ROOM || !r->placed) return 0;
    const mn_spot *to = mn_plan_spot(w, site);
    return to && hypot(to->x - r->start.x, to->y - r->start.y) <= r->seen->reach;
}

int mn_plan_reaches(mn_plan_world *w, const mn_plan_state *st, int robot, int e) {
    const int self = w->n_things + robot, at = st->at[robot];
    if (mn_plan_shut(w, st, e) >= 0) return 0;
    if (e == self || e == at || mn_plan_below(w, st, e, self)) return 1;
    if (at >= 0 && mn_plan_kind(w, at) != MN_ROOM && mn_plan_below(w, st, e, at)) return 1;
    if (at >= 0 && mn_plan_kind(w, at) == MN_ROOM && e < w->n_things && st->holder[e] == at &&
        mn_plan_kind(w, e) == MN_OBJECT_KIND)
        return 1;
    if (st->moved[self]) return 0;
    int moved = 0;
    for (int i = 0, up = e; up >= 0 && i <= w->n; i++, up = above(w, st, up))
        moved |= st->moved[up];
    if (!moved) return mn_scene_reaches(w->s, mn_plan_name(w, self), mn_plan_name(w, e));
    return mn_plan_fixed_reaches(w, robot, mn_plan_stand(w, st, e));
}

int mn_plan_hands(const mn_plan_world *w, const mn_plan_state *st, int robot) {
    int n = 0;
    for (int i = 0; i < w->n_things; i++) n += st->holder[i] == w->n_things + robot && st->hand[i];
    return n;
}

int mn_plan_count(const mn_plan_world *w, const mn_plan_state *st, int e) {
    int n = 0;
    for (int i = 0; i < w->n_things; i++) n += st->holder[i] == e && !st->hand[i];
    return n;
}

double mn_plan_weight(const mn_plan_world *w, const mn_plan_state *st, int e) {
    double kg = 0;
    for (int i = 0; i < w->n_things; i++)
        if (w->mass[i] > 0 && mn_plan_below(w, st, i, e)) kg += w->mass[i];
    return kg;
}

double mn_plan_load(const mn_plan_world *w, const mn_plan_state *st, int robot) {
    return mn_plan_weight(w, st, w->n_things + robot);
}
