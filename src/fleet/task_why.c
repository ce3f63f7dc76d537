/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/task_why.c - why a step of a task is there, and why this robot does it: a sentence each.
 *
 *     "carrier goes to table, so that dual can take cup (s5): arm does not reach table (2.8 m,
 *     reach 0.9 m), dual would come in 31 s, not 4."
 *
 * It is made when somebody asks, from the task and from the scene as it is then. Who else could do
 * a step is told by what does not change (skills, hands, what it lifts, how far one that stands
 * reaches); how soon others would come only of steps that have not ended, since it is reckoned from
 * where all are now. A drive is there for what is done at its end: others are asked about that.
 */
#include "fleet/task.h"

#include "base/error.h"
#include "fleet/effect.h"
#include "fleet/plan_inside.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { OTHERS = 4, NOWHERE = -1 };
static const double SOON = 0.5; /* s: not worth a word */

typedef struct asking {
    const mn_scene *s;
    mn_plan_world w;
    const json_t *task, *steps;
    int n_said; /* of the robots that were compared */
} asking;

static const char *field(const json_t *json, const char *name) {
    const char *const text = json_string_value(json_object_get(json, name));
    return text ? text : "";
}

static int is(const json_t *step, const char *state) {
    return strcmp(field(step, "state"), state) == 0;
}

/* It is still to be done, or done just now. */
static int is_open(const json_t *step) {
    return !is(step, "done") && !is(step, "failed") && !is(step, "replaced");
}

static mn_step as_step(const json_t *json) {
    mn_step s = {.robot = field(json, "robot"),
                 .skill = field(json, "skill"),
                 .args = json_object_get(json, "args")};
    snprintf(s.id, sizeof s.id, "%s", field(json, "id"));
    return s;
}

static const mn_skill *skill_of(const asking *a, const json_t *step) {
    const mn_robot_seen *const r = mn_scene_robot(a->s, field(step, "robot"));
    return r ? mn_skills_find(&r->skills, field(step, "skill")) : NULL;
}

static int is_same_robot(const json_t *a, const json_t *b) {
    return strcmp(field(a, "robot"), field(b, "robot")) == 0;
}

/* Where a step that drives goes to: an entity; NOWHERE: it does not drive. */
static int goes_to(asking *a, const json_t *step) {
    const mn_robot_seen *const r = mn_scene_robot(a->s, field(step, "robot"));
    if (!r) return NOWHERE;
    const mn_op *const drive = &a->w.robot[r - a->s->robot].drive;
    if (!drive->skill || strcmp(drive->skill->name, field(step, "skill"))) return NOWHERE;
    return mn_plan_entity(&a->w,
                          field(json_object_get(step, "args"), drive->skill->param[drive->a]));
}

/* ---- what it is for -------------------------------------------------------------------------- */
static int waits_for(const json_t *step, const json_t *before) {
    const json_t *one;
    size_t i;
    json_array_foreach(json_object_get(step, "after"), i, one) {
        if (json_equal(one, json_object_get(before, "id"))) return 1;
    }
    return 0;
}

/* The first step that waits for it: its robot's own, of equals; NULL. */
static const json_t *next_of(const asking *a, size_t at) {
    const json_t *const step = json_array_get(a->steps, at);
    const json_t *found = NULL;
    for (size_t i = at + 1; i < json_array_size(a->steps); i++) {
        const json_t *const later = json_array_get(a->steps, i);
        if (is(later, "replaced") || !waits_for(later, step)) continue;
        if (is_same_robot(later, step)) return later;
        if (!found) found = later;
    }
    return found;
}

/* Is one of the goals what it makes true? */
static int makes_a_goal(const asking *a, const json_t *step) {
    const mn_skill *const k = skill_of(a, step);
    mn_goals g;
    int made = 0;
    if (!k || mn_goals_parse(a->s, json_object_get(a->task, "goals"), &g) < 0) return 0;
    for (int m = 0; m < k->n_makes && !made; m++) {
        mn_fact f;
        if (mn_fact_bind(k, &k->makes[m], field(step, "robot"), json_object_get(step, "args"), &f) <
            0)
            continue;
        for (int i = 0; i < g.n && !made; i++) {
            made = g.goal[i].name == f.name && g.goal[i].not_ == f.not_;
            for (int n = 0; n < MN_FACT_ARGS && made && g.goal[i].arg[n]; n++)
                made = f.arg[n] && strcmp(f.arg[n], g.goal[i].arg[n]) == 0;
        }
    }
    mn_goals_free(&g);
    return made;
}

static int say_list(const json_t *names, mn_buf *out) {
    json_t *one;
    size_t i;
    const size_t n = json_array_size(names);
    json_array_foreach(names, i, one) {
        MN_TRY(mn_buf_printf(out, "%s%s",
                             !i           ? ""
                             : i + 1 == n ? " and "
                                          : ", ",
                             json_string_value(one) ? json_string_value(one) : ""));
    }
    return 0;
}

static int say_purpose(asking *a, size_t at, mn_buf *out) {
    const json_t *const step = json_array_get(a->steps, at), *const next = next_of(a, at);
    const json_t *const looks = json_object_get(step, "looks");
    const mn_skill *const k = skill_of(a, step);
    if (looks) {
        MN_TRY(mn_buf_puts(out, " for "));
        MN_TRY(say_list(json_object_get(looks, "things"), out));
        return mn_buf_puts(out, ", of which nobody is sure");
    }
    if (makes_a_goal(a, step)) return mn_buf_puts(out, ", as was asked");
    if (!next) {
        const int closes = k && k->n_makes && k->makes[0].name == MN_FACT_OPEN && k->makes[0].not_;
        return closes ? mn_buf_puts(out, ", as it was before") : 0;
    }
    const mn_step s = as_step(next);
    MN_TRY(mn_buf_printf(out, ", so that then %s ", s.robot));
    MN_TRY(mn_plan_say(a->s, &s, out));
    return mn_buf_printf(out, " (%s)", s.id);
}

/* ---- why this robot ------------------------------------------------------------------------- */
/* What a drive is for: the first thing that its robot does at its end; itself, when that is another
 * drive or nothing. */
static size_t work_of(asking *a, size_t at) {
    const json_t *const step = json_array_get(a->steps, at);
    if (goes_to(a, step) == NOWHERE) return at;
    for (size_t i = at + 1; i < json_array_size(a->steps); i++) {
        const json_t *const later = json_array_get(a->steps, i);
        if (is(later, "replaced") || !is_same_robot(later, step)) continue;
        return goes_to(a, later) == NOWHERE ? i : at;
    }
    return at;
}

/* Where its robot stands then; NOWHERE: nobody can tell any more. */
static int site_of(asking *a, size_t at) {
    const json_t *const step = json_array_get(a->steps, at);
    const mn_robot_seen *const r = mn_scene_robot(a->s, field(step, "robot"));
    int gone = 0; /* it has driven since */
    for (size_t i = at + 1; i-- > 0;) {
        const json_t *const before = json_array_get(a->steps, i);
        if (is(before, "replaced") || !is_same_robot(before, step)) continue;
        const int to = goes_to(a, before);
        if (to != NOWHERE) return to;
    }
    for (size_t i = at; i < json_array_size(a->steps); i++) {
        const json_t *const later = json_array_get(a->steps, i);
        gone |= is_same_robot(later, step) && goes_to(a, later) != NOWHERE &&
                !is(later, "replaced") && !is(later, "waiting");
    }
    return r && !gone ? a->w.robot[r - a->s->robot].at : NOWHERE;
}

/* Seconds from where it stands; < 0: it does not get there. */
static double come(asking *a, int robot, int site) {
    const mn_plan_robot *const r = a->w.robot + robot;
    const mn_spot *const to = mn_plan_spot(&a->w, site);
    if (mn_plan_fixed_reaches(&a->w, robot, site)) return 0;
    if (!r->mobile || !to) return -1;
    const double metres = mn_routes_metres(&a->w.routes, &r->start, to, NULL, 1, NULL, NULL);
    return metres < 0 ? -1 : metres / r->seen->speed;
}

/* The heaviest thing of the arguments, kg. */
static double heaviest(const asking *a, const json_t *step) {
    const char *key;
    json_t *value;
    double most = 0;
    json_object_foreach(json_object_get(step, "args"), key, value) {
        const int e = json_is_string(value) ? mn_plan_entity(&a->w, json_string_value(value)) : -1;
        if (e < 0 || mn_plan_is_robot(&a->w, e) || mn_plan_kind(&a->w, e) != MN_OBJECT_KIND)
            continue;
        if (a->w.mass[e] > most) most = a->w.mass[e];
    }
    return most;
}

static int is_given_up(const asking *a, const char *robot, const json_t *step) {
    char pair[2 * MN_NAME + 4];
    const json_t *const args = json_object_get(step, "args"), *one;
    size_t i;
    const char *const thing = *field(args, "thing") ? field(args, "thing") : field(args, "place");
    snprintf(pair, sizeof pair, "%.63s %.63s", robot, thing);
    json_array_foreach(json_object_get(a->task, "never"), i, one) {
        if (json_string_value(one) && strcmp(json_string_value(one), pair) == 0) return 1;
    }
    return 0;
}

static int count_open(const asking *a, const char *robot) {
    const json_t *step;
    size_t i;
    int n = 0;
    json_array_foreach(a->steps, i, step) {
        n += is_open(step) && strcmp(field(step, "robot"), robot) == 0;
    }
    return n;
}

static int begin_other(asking *a, const char *name, mn_buf *out) {
    return mn_buf_printf(out, "%s%s ", a->n_said++ ? ", " : ": ", name);
}

/* One that stands is too far away: "arm does not reach table (2.8 m, reach 0.9 m)". */
static int say_far(asking *a, const mn_plan_robot *r, int site, mn_buf *out) {
    const mn_spot *const to = mn_plan_spot(&a->w, site);
    MN_TRY(begin_other(a, r->seen->name, out));
    if (r->mobile) return mn_buf_printf(out, "finds no way to %s", mn_plan_name(&a->w, site));
    MN_TRY(mn_buf_printf(out, "does not reach %s", mn_plan_name(&a->w, site)));
    if (!to || !r->placed) return 0;
    return mn_buf_printf(out, " (%.1f m, reach %.1f m)",
                         hypot(to->x - r->start.x, to->y - r->start.y), r->seen->reach);
}

/* It takes a hand. */
static int is_manual(const mn_skill *k) {
    for (int i = 0; i < k->n_needs + k->n_makes; i++) {
        const mn_fact *const f = i < k->n_needs ? &k->needs[i] : &k->makes[i - k->n_needs];
        if ((f->name == MN_FACT_FREE || f->name == MN_FACT_HOLDING) && f->arg[0] &&
            strcmp(f->arg[0], "robot") == 0)
            return 1;
    }
    return 0;
}

/* Why the other one does not do this step. Nothing is said when that cannot be told any more. */
static int say_other(asking *a, int other, const json_t *step, int site, double own, mn_buf *out) {
    const mn_plan_robot *const r = a->w.robot + other;
    const char *const name = r->seen->name, *const skill = field(step, "skill");
    const mn_skill *const k = mn_skills_find(&r->seen->skills, skill);
    const double kg = heaviest(a, step);
    if (!k || !mn_skill_fits(k, r->seen->body)) {
        MN_TRY(begin_other(a, name, out));
        return mn_buf_printf(out, "cannot %s", skill);
    }
    if (!r->seen->n_hands && is_manual(k)) {
        MN_TRY(begin_other(a, name, out));
        return mn_buf_puts(out, "has no hand");
    }
    if (is_given_up(a, name, step)) {
        MN_TRY(begin_other(a, name, out));
        return mn_buf_puts(out, "has failed at it");
    }
    if (kg > r->seen->payload + 1e-9) {
        MN_TRY(begin_other(a, name, out));
        return mn_buf_printf(out, "lifts %.1f kg, not %.1f", r->seen->payload, kg);
    }
    if (site < 0) return 0;
    const double soon = come(a, other, site);
    if (soon < 0) return say_far(a, r, site, out);
    if (!is_open(step) || (!r->mobile && goes_to(a, step) != NOWHERE)) return 0;
    MN_TRY(begin_other(a, name, out));
    if (soon > own + SOON && own >= SOON)
        return mn_buf_printf(out, "would come in %.0f s, not %.0f", soon, own);
    if (soon > own + SOON) return mn_buf_printf(out, "would have to come, %.0f s", soon);
    const int open = count_open(a, name);
    return open ? mn_buf_printf(out, "could, too, and has %d other step%s", open,
                                open == 1 ? "" : "s")
                : mn_buf_puts(out, "could, too");
}

static int say_others(asking *a, size_t at, mn_buf *out) {
    const size_t work = work_of(a, at);
    const json_t *const step = json_array_get(a->steps, work);
    const mn_robot_seen *const own = mn_scene_robot(a->s, field(step, "robot"));
    const int site = site_of(a, work);
    const double soon = own && site >= 0 ? come(a, (int)(own - a->s->robot), site) : -1;
    int alive = 0;
    a->n_said = 0;
    for (int i = 0; i < a->w.n_robots && a->n_said < OTHERS; i++) {
        if (a->s->robot + i == own || !a->s->robot[i].alive) continue;
        alive++;
        MN_TRY(say_other(a, i, step, site, soon < 0 ? 0 : soon, out));
    }
    return alive || !own ? 0 : mn_buf_puts(out, ": nobody else is there");
}

/* ---- all of them ----------------------------------------------------------------------------- */
static int say_step(asking *a, size_t at, mn_buf *out) {
    const json_t *const json = json_array_get(a->steps, at);
    const mn_step step = as_step(json);
    MN_TRY(mn_buf_printf(out, "%s ", step.robot));
    MN_TRY(mn_plan_say(a->s, &step, out));
    if (is(json, "replaced")) return mn_buf_puts(out, ": it was planned anew.");
    MN_TRY(say_purpose(a, at, out));
    MN_TRY(say_others(a, at, out));
    return mn_buf_puts(out, ".");
}

int mn_fleet_why(const mn_scene *s, json_t *task) {
    asking a = {.s = s, .task = task, .steps = json_object_get(task, "steps")};
    int rc = mn_plan_world_read(s, NULL, &a.w);
    for (size_t i = 0; i < json_array_size(a.steps) && rc >= 0; i++) {
        json_t *const step = json_array_get(a.steps, i);
        mn_buf text = {0};
        if (!json_is_object(step)) continue;
        rc = say_step(&a, i, &text);
        if (rc >= 0 && json_object_set_new(step, "why", json_stringn(text.data, text.len)))
            rc = MN_FAIL(MN_ENOMEM, "no memory for the reasons of a plan");
        mn_buf_free(&text);
    }
    mn_plan_world_free(&a.w);
    return rc < 0 ? rc : 0;
}
