/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/plan_parse.c - steps that anybody wrote, as a plan; or what is wrong with them, by step and
 * field.
 *
 * Who waits for whom is a forest of agent/task.h while it is read: circles are refused there. Then
 * steps are put in an order in which none is before one that it waits for, as they were said when
 * that is possible.
 */
#include "fleet/plan_inside.h"

#include "agent/task.h"
#include "base/error.h"

#include <stdio.h>
#include <string.h>

typedef struct parser {
    const mn_scene *s;
    mn_plan_world w;
    mn_tasks tasks;
    const json_t *steps;
    int n;
    int node[MN_PLAN_STEPS];
} parser;

static const char *text_of(const json_t *step, const char *field) {
    return json_string_value(json_object_get(step, field));
}

static int id_check(const parser *p, int i) {
    const json_t *one = json_array_get(p->steps, (size_t)i);
    if (!json_is_object(one)) return MN_FAIL(MN_EINVAL, "step %d: it is no object", i + 1);
    const char *id = text_of(one, "id");
    if (!id || !*id || strlen(id) >= sizeof((mn_step *)0)->id)
        return MN_FAIL(MN_EINVAL, "step %d: id: it takes a text of 1 to %zu letters", i + 1,
                       sizeof((mn_step *)0)->id - 1);
    for (const char *c = id; *c; c++)
        if ((unsigned char)*c < 33 || *c == 127)
            return MN_FAIL(MN_EINVAL, "step %d: id: it has a space or a control character", i + 1);
    for (int k = 0; k < i; k++)
        if (!strcmp(id, text_of(json_array_get(p->steps, (size_t)k), "id")))
            return MN_FAIL(MN_EINVAL, "step %s: id: there are two of this name", id);
    return 0;
}

/* Does a fact of the skill say that this parameter names a thing or a robot? */
static int names_entity(const mn_skill *k, const char *param) {
    for (int m = 0; m < k->n_needs + k->n_makes; m++) {
        const mn_fact *f = m < k->n_needs ? k->needs + m : k->makes + m - k->n_needs;
        for (int a = 0; a < MN_FACT_ARGS && f->arg[a]; a++)
            if (!strcmp(f->arg[a], param) && !(f->name == MN_FACT_IS && a)) return 1;
    }
    return 0;
}

/* What the skill needs and makes has robots in some places, things in others. */
static int kind_check(const parser *p, const char *id, const mn_skill *k, const json_t *args) {
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)args, key, value) {
        if (!names_entity(k, key)) continue;
        const char *name = json_string_value(value);
        if (!name || mn_plan_entity(&p->w, name) < 0)
            return MN_FAIL(MN_EINVAL, "step %s: args.%s: there is no '%.80s'", id, key,
                           name ? name : "(no text)");
    }
    for (int m = 0; m < k->n_makes; m++) {
        const mn_fact *f = k->makes + m;
        const char *who = f->name == MN_FACT_HOLDING ? text_of(args, f->arg[0]) : NULL;
        const char *what = f->name == MN_FACT_IN        ? text_of(args, f->arg[0])
                           : f->name == MN_FACT_HOLDING ? text_of(args, f->arg[1])
                                                        : NULL;
        if (who && !mn_scene_robot(p->s, who))
            return MN_FAIL(MN_EINVAL, "step %s: args.%s: '%.80s' is no robot", id, f->arg[0], who);
        if (what && !mn_scene_thing(p->s, what))
            return MN_FAIL(MN_EINVAL, "step %s: '%.80s' is a robot: it cannot be carried", id,
                           what);
    }
    return 0;
}

static int step_check(const parser *p, const json_t *one) {
    const char *id = text_of(one, "id"), *robot = text_of(one, "robot"),
               *skill = text_of(one, "skill");
    const json_t *args = json_object_get(one, "args");
    const mn_robot_seen *r = robot ? mn_scene_robot(p->s, robot) : NULL;
    if (!robot) return MN_FAIL(MN_EINVAL, "step %s: robot: it takes a name", id);
    if (!r) return MN_FAIL(MN_EINVAL, "step %s: robot: there is no '%.80s'", id, robot);
    if (!r->alive) return MN_FAIL(MN_EINVAL, "step %s: robot: %s is not alive", id, robot);
    const mn_skill *k = skill ? mn_skills_find(&r->skills, skill) : NULL;
    if (!skill) return MN_FAIL(MN_EINVAL, "step %s: skill: it takes a name", id);
    if (!k) return MN_FAIL(MN_EINVAL, "step %s: skill: %s has no '%.80s'", id, robot, skill);
    if (!mn_skill_fits(k, r->body))
        return MN_FAIL(MN_EINVAL, "step %s: skill: %s is not for a body like %s's (%s)", id, skill,
                       robot, r->body);
    if (args && !json_is_object(args))
        return MN_FAIL(MN_EINVAL, "step %s: args: it takes an object", id);
    char why[512];
    const int rc = mn_skill_args_check(k, args);
    if (rc < 0) {
        snprintf(why, sizeof why, "%s", mn_error_detail());
        return MN_FAIL(rc, "step %s: args: %s", id, why);
    }
    return kind_check(p, id, k, args);
}

static int place_of(const parser *p, const char *id) {
    for (int i = 0; i < p->n; i++)
        if (!strcmp(id, text_of(json_array_get(p->steps, (size_t)i), "id"))) return i;
    return -1;
}

static int after_check(parser *p, int i) {
    const json_t *one = json_array_get(p->steps, (size_t)i);
    const json_t *after = json_object_get(one, "after");
    const char *id = text_of(one, "id");
    int deps[MN_STEP_AFTER], n = 0;
    if (after && !json_is_array(after))
        return MN_FAIL(MN_EINVAL, "step %s: after: it takes a list of ids", id);
    if (json_array_size(after) > MN_STEP_AFTER)
        return MN_FAIL(MN_EINVAL, "step %s: after: it waits for %zu steps, of at most %d", id,
                       json_array_size(after), MN_STEP_AFTER);
    for (size_t k = 0; k < json_array_size(after); k++) {
        const char *other = json_string_value(json_array_get(after, k));
        const int at = other ? place_of(p, other) : -1;
        if (at < 0)
            return MN_FAIL(MN_EINVAL, "step %s: after: there is no step '%.40s'", id,
                           other ? other : "(no text)");
        int twice = 0;
        for (int d = 0; d < n; d++) twice |= deps[d] == p->node[at];
        if (!twice) deps[n++] = p->node[at];
    }
    if (n && mn_task_change(&p->tasks, p->node[i], NULL, MN_TASK_PENDING, deps, n) < 0) {
        char why[256];
        snprintf(why, sizeof why, "%s", mn_error_detail());
        return MN_FAIL(MN_EINVAL, "step %s: after: a circle (%s)", id, why);
    }
    return 0;
}

/* Steps, as soon as all that they wait for are there; out[place in the JSON] is where it went. */
static int put_in_order(parser *p, mn_fleet_plan *out) {
    int at[MN_PLAN_STEPS];
    for (int i = 0; i < p->n; i++) at[i] = -1;
    while (out->n < p->n) {
        int next = -1;
        for (int i = 0; i < p->n && next < 0; i++) {
            const mn_task *t = p->tasks.node + p->node[i];
            int ready = at[i] < 0;
            for (int d = 0; d < t->n_deps && ready; d++) ready = at[t->deps[d] - 1] >= 0;
            if (ready) next = i;
        }
        if (next < 0) return MN_FAIL(MN_EINVAL, "the steps wait for each other in a circle");
        const json_t *one = json_array_get(p->steps, (size_t)next);
        const mn_task *t = p->tasks.node + p->node[next];
        json_t *args = json_object_get(one, "args");
        mn_step s = {.robot = text_of(one, "robot"), .skill = text_of(one, "skill"), .goal = -1};
        snprintf(s.id, sizeof s.id, "%s", text_of(one, "id"));
        for (int d = 0; d < t->n_deps; d++) s.after[s.n_after++] = at[t->deps[d] - 1];
        s.args = args ? json_deep_copy(args) : json_object();
        at[next] = out->n;
        MN_TRY(mn_plan_add(out, &s));
    }
    return 0;
}

/* Driving takes as long as the way from where the robot drove before; the rest what the manifest
 * says. */
static void fill_seconds(parser *p, mn_fleet_plan *out) {
    for (int i = 0; i < out->n; i++) {
        mn_step *s = out->step + i;
        const mn_robot_seen *r = mn_scene_robot(p->s, s->robot);
        const mn_plan_robot *can = p->w.robot + (r - p->s->robot);
        const mn_skill *k = mn_skills_find(&r->skills, s->skill);
        s->seconds = k->seconds;
        if (k != can->drive.skill) continue;
        const char *from = "", *param = k->param[can->drive.a], *through[MN_ROUTE_CLOSED];
        int n;
        for (int b = 0; b < i; b++)
            if (!strcmp(out->step[b].robot, s->robot) && !strcmp(out->step[b].skill, s->skill))
                from = text_of(out->step[b].args, param);
        const double way = mn_route_seconds(p->s, r, from, text_of(s->args, param), through, &n);
        if (way >= 0) s->seconds = way;
    }
    out->makespan = mn_fleet_plan_seconds(out, 0);
}

static int parse(parser *p, mn_fleet_plan *out) {
    if (!json_is_array(p->steps)) return MN_FAIL(MN_EINVAL, "a plan is a list of steps");
    if (json_array_size(p->steps) > MN_PLAN_STEPS)
        return MN_FAIL(MN_EINVAL, "the plan has %zu steps; at most %d", json_array_size(p->steps),
                       MN_PLAN_STEPS);
    p->n = (int)json_array_size(p->steps);
    MN_TRY(mn_plan_world_read(p->s, NULL, &p->w));
    int root;
    const mn_task_spec top = {.slot = "the plan", .text = "", .parent = -1, .beside = -1};
    MN_TRY(mn_task_add(&p->tasks, &top, &root));
    for (int i = 0; i < p->n; i++) {
        const json_t *one = json_array_get(p->steps, (size_t)i);
        MN_TRY(id_check(p, i));
        MN_TRY(step_check(p, one));
        const mn_task_spec spec = {.slot = "step", .text = "", .parent = root, .beside = -1};
        MN_TRY(mn_task_add(&p->tasks, &spec, &p->node[i]));
        p->tasks.node[p->node[i]].id = i + 1;
    }
    for (int i = 0; i < p->n; i++) MN_TRY(after_check(p, i));
    MN_TRY(mn_plan_begin(out, p->n));
    MN_TRY(put_in_order(p, out));
    fill_seconds(p, out);
    return 0;
}

int mn_fleet_plan_parse(const mn_scene *s, const json_t *steps, mn_fleet_plan *out) {
    parser p = {.s = s, .steps = steps};
    *out = (mn_fleet_plan){.n = 0};
    const int rc = parse(&p, out);
    mn_plan_world_free(&p.w);
    mn_tasks_free(&p.tasks);
    if (rc < 0) mn_fleet_plan_free(out);
    return rc;
}
