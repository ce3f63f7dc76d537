/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/plan_look.c - somebody looks at a place: who can do it soonest.
 *
 * Each robot that lives and has the skill "inspect" is tried: the planner brings it there, and
 * opens what the place is, or is in; then it looks; then what was opened to see into it is closed
 * again by who opened it. The plan that ends first is taken; of equals the one of fewer steps, then
 * the first robot by name.
 */
#include "fleet/plan_inside.h"

#include "base/error.h"

#include <stdio.h>
#include <string.h>

enum { SHUT = 4 }; /* closed things around a place */

typedef struct looking {
    const mn_scene *s;
    const mn_fleet_plan_how *how;
    const char *place, *site; /* where one stands to look at it */
    const char *shut[SHUT];
    int n_shut;
    char why[400]; /* of the last robot that cannot */
    int n_can;     /* robots alive that can look at all */
} looking;

static int is_listed(const char *const *list, const char *name) {
    for (int i = 0; list && list[i]; i++)
        if (!strcmp(list[i], name)) return 1;
    return 0;
}

/* What is closed of the place and around it; the furniture or room on or in which it is. */
static int find_site(looking *l) {
    const mn_thing *t = mn_scene_thing(l->s, l->place);
    if (!t) return MN_FAIL(MN_ENOENT, "there is no place '%s' to look at", l->place);
    l->site = t->name;
    for (int deep = 0; t && deep < 16; deep++) {
        if (t->kind == MN_ROOM) break;
        if (t->open == 0 && t->kind != MN_DOOR && l->n_shut < SHUT) l->shut[l->n_shut++] = t->name;
        const mn_thing *const up = mn_scene_thing(l->s, t->at);
        if (mn_scene_robot(l->s, t->at))
            return MN_FAIL(MN_ENOENT, "%s has the %s: nobody looks there", t->at, l->place);
        if (t->kind == MN_OBJECT_KIND && up && up->kind != MN_ROOM) l->site = up->name;
        t = up;
    }
    return 0;
}

/* Its arguments; NULL: it needs more than a place, or there is no memory. */
static json_t *args_of(const looking *l, const mn_skill *k) {
    json_t *const args = json_object();
    const int bad =
        !args || (k->n_params && json_object_set_new(args, k->param[0], json_string(l->place)));
    if (!bad && mn_skill_args_check(k, args) >= 0) return args;
    json_decref(args);
    return NULL;
}

/* How the robot gets there. */
static int go(looking *l, const mn_robot_seen *r, mn_fleet_plan *out) {
    mn_goals g = {.n = 0};
    char pair[2 * MN_NAME + 3];
    snprintf(pair, sizeof pair, "%s %s", r->name, l->site);
    if (l->how && is_listed(l->how->never, pair))
        return MN_FAIL(MN_ENOENT, "%s has failed at it", r->name);
    for (int i = 0; i < l->n_shut; i++)
        g.goal[g.n++] = (mn_fact){.name = MN_FACT_OPEN, .arg = {l->shut[i]}};
    const int there = mn_scene_reaches(l->s, r->name, l->place) ||
                      (l->n_shut && mn_scene_reaches(l->s, r->name, l->site));
    if (!there || (l->n_shut && r->speed > 0))
        g.goal[g.n++] = (mn_fact){.name = MN_FACT_AT, .arg = {r->name, l->site}};
    return mn_fleet_plan_make(l->s, &g, l->how, out);
}

/* ---- the whole plan -------------------------------------------------------------------------- */
static int copy_steps(const mn_fleet_plan *from, mn_fleet_plan *out) {
    for (int i = 0; i < from->n; i++) {
        mn_step s = from->step[i];
        json_incref(s.args);
        MN_TRY(mn_plan_add(out, &s));
    }
    return 0;
}

static void number(const looking *l, mn_fleet_plan *out, mn_step *s) {
    snprintf(s->id, sizeof s->id, "s%d", (l->how ? l->how->first : 0) + out->n + 1);
    s->goal = -1;
}

static int add_look(const looking *l, const mn_robot_seen *r, const mn_skill *k,
                    mn_fleet_plan *out) {
    mn_step s = {.robot = r->name, .skill = k->name, .args = args_of(l, k), .seconds = k->seconds};
    number(l, out, &s);
    for (int i = out->n - 1, own = 0; i >= 0; i--) { /* its own last, and what the others opened */
        const int is_own = !strcmp(out->step[i].robot, r->name);
        if ((is_own && own) || s.n_after == MN_STEP_AFTER) continue;
        own |= is_own;
        s.after[s.n_after++] = i;
    }
    return mn_plan_add(out, &s);
}

/* The step that opens it; -1. */
static int opener_of(const looking *l, const mn_fleet_plan *p, const char *what) {
    for (int i = 0; i < p->n; i++) {
        const mn_robot_seen *const r = mn_scene_robot(l->s, p->step[i].robot);
        const mn_skill *const k = r ? mn_skills_find(&r->skills, p->step[i].skill) : NULL;
        for (int m = 0; k && m < k->n_makes; m++) {
            const char *const arg =
                json_string_value(json_object_get(p->step[i].args, k->makes[m].arg[0]));
            if (k->makes[m].name == MN_FACT_OPEN && !k->makes[m].not_ && arg && !strcmp(arg, what))
                return i;
        }
    }
    return -1;
}

/* Who opened it closes it, when it has a skill for that. */
static int add_close(const looking *l, const char *what, int look, mn_fleet_plan *out) {
    const int at = opener_of(l, out, what);
    const mn_robot_seen *const r = at < 0 ? NULL : mn_scene_robot(l->s, out->step[at].robot);
    for (int i = 0; r && i < r->skills.n; i++) {
        const mn_skill *const k = &r->skills.skill[i];
        if (!k->n_makes || k->makes[0].name != MN_FACT_OPEN || !k->makes[0].not_ ||
            !mn_skill_fits(k, r->body))
            continue;
        mn_step s = {.robot = r->name, .skill = k->name, .seconds = k->seconds};
        s.args = json_pack("{s:s}", k->makes[0].arg[0], what);
        number(l, out, &s);
        s.after[s.n_after++] = look;
        if (out->n - 1 != look) s.after[s.n_after++] = out->n - 1;
        return mn_plan_add(out, &s);
    }
    return 0;
}

/* *look: which of its steps it is. closes: all that was opened is closed. */
static int compose(looking *l, const mn_robot_seen *r, const mn_skill *k, int closes,
                   const mn_fleet_plan *way, mn_fleet_plan *out, int *look) {
    static const mn_goals none;
    MN_TRY(mn_plan_begin(out, way->n + 1 + SHUT));
    MN_TRY(copy_steps(way, out));
    MN_TRY(add_look(l, r, k, out));
    *look = out->n - 1;
    for (int i = 0; closes && i < l->n_shut; i++) MN_TRY(add_close(l, l->shut[i], *look, out));
    out->makespan = mn_fleet_plan_seconds(out, 0);
    return mn_fleet_plan_check(l->s, out, &none);
}

static int plan_for(looking *l, const mn_robot_seen *r, const mn_skill *k, mn_fleet_plan *out,
                    int *look) {
    mn_fleet_plan way = {.n = 0};
    int rc = go(l, r, &way);
    for (int closes = l->n_shut > 0; closes >= 0 && rc >= 0; closes--) {
        rc = compose(l, r, k, closes, &way, out, look);
        if (rc >= 0) break;
        mn_fleet_plan_free(out);
        if (closes && rc == MN_EINVAL) rc = 0; /* it stays open, then */
    }
    mn_fleet_plan_free(&way);
    return rc;
}

static int is_better(const mn_fleet_plan *a, const mn_fleet_plan *b) {
    if (!b->n || a->makespan < b->makespan - 1e-9) return 1;
    return a->makespan <= b->makespan + 1e-9 && a->n < b->n;
}

static int try_robot(looking *l, const mn_robot_seen *r, mn_fleet_plan *best, int *look) {
    const mn_skill *const k = mn_skills_find(&r->skills, "inspect");
    mn_fleet_plan mine = {.n = 0};
    int mine_looks = 0;
    if (!r->alive || !k || !mn_skill_fits(k, r->body)) return 0;
    if (l->how && is_listed(l->how->without, r->name)) return 0;
    json_t *const args = args_of(l, k);
    json_decref(args);
    if (!args) return 0;
    l->n_can++;
    const int rc = plan_for(l, r, k, &mine, &mine_looks);
    if (rc == MN_ENOENT || rc == MN_EINVAL) {
        snprintf(l->why, sizeof l->why, "%s", mn_error_detail());
        return 0;
    }
    if (rc >= 0 && is_better(&mine, best)) {
        mn_fleet_plan_free(best);
        *best = mine;
        *look = mine_looks;
        return 0;
    }
    mn_fleet_plan_free(&mine);
    return rc;
}

int mn_fleet_plan_look(const mn_scene *s, const char *place, const mn_fleet_plan_how *how,
                       mn_fleet_plan *out, int *look) {
    looking l = {.s = s, .how = how, .place = place};
    *out = (mn_fleet_plan){.n = 0};
    *look = 0;
    int rc = find_site(&l);
    for (int i = 0; i < s->n_robots && rc >= 0; i++) rc = try_robot(&l, &s->robot[i], out, look);
    if (rc < 0) mn_fleet_plan_free(out);
    MN_TRY(rc);
    if (out->n) return 0;
    if (!l.n_can) return MN_FAIL(MN_ENOENT, "nobody alive has the skill inspect");
    return MN_FAIL(MN_ENOENT, "nobody alive can look at the %s: %s", place, l.why);
}
