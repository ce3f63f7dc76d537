/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/brain_plan.c - from what was asked to steps: goals, a plan that is right, and what becomes
 * of it on the board. A task whose fleet has nobody in it waits a while for somebody to join.
 */
#include "base/alloc.h"
#include "base/error.h"
#include "fleet/brain_inside.h"
#include "fleet/effect.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const uint64_t SECOND = 1000000000;

int mn_brain_plan(mn_brain *k, const mn_scene *s, const mn_goals *g, const mn_fleet_plan_how *how,
                  mn_fleet_plan *out) {
    memset(out, 0, sizeof *out);
    MN_TRY(mn_fleet_plan_make(s, g, how, out));
    const int rc = mn_fleet_plan_check(s, out, g);
    if (rc >= 0) return rc;
    mn_board_tell(k->b, "invalid", "{s:s}", "text", mn_error_detail());
    mn_fleet_plan_free(out);
    return rc;
}

int mn_brain_goals(const mn_brain_task *t, const mn_scene *s, mn_goals *out) {
    memset(out, 0, sizeof *out);
    MN_TRY(mn_goals_parse(s, json_object_get(t->json, "goals"), out));
    out->close = json_is_true(json_object_get(t->json, "close"));
    return 0;
}

/* ---- steps on the board -------------------------------------------------------------------- */
static const mn_skill *skill_of(const mn_scene *s, const char *robot, const char *skill) {
    const mn_robot_seen *const r = mn_scene_robot(s, robot);
    return r ? mn_skills_find(&r->skills, skill) : NULL;
}

static int listed(const json_t *list, const json_t *value) {
    json_t *one;
    size_t i;
    json_array_foreach(list, i, one) if (json_equal(one, value)) return 1;
    return 0;
}

/* The robot on whose tray, or in whose hand, the thing is. */
static int uses_carrier(const mn_scene *s, const mn_thing *t, json_t *uses) {
    for (int deep = 0; t && deep < MN_SKILL_PARAMS; deep++) {
        const mn_robot_seen *const r = mn_scene_robot(s, t->at);
        json_t *const name = r ? json_string(r->name) : NULL;
        if (r && (!name || (!listed(uses, name) && json_array_append(uses, name)))) {
            json_decref(name);
            return mn_brain_no_memory();
        }
        json_decref(name);
        t = r ? NULL : mn_scene_thing(s, t->at);
    }
    return 0;
}

/* Robots and things that nobody else may use meanwhile: those that can be carried, or are opened,
 * and all robots that take part, with who carries what is used. */
static int uses_of(const mn_scene *s, const mn_step *step, const mn_skill *k, json_t *uses) {
    json_t *arg;
    const char *key;
    int opens = 0;
    for (int i = 0; k && i < k->n_makes; i++) opens |= k->makes[i].name == MN_FACT_OPEN;
    if (json_array_append_new(uses, json_string(step->robot))) return mn_brain_no_memory();
    json_object_foreach(step->args, key, arg) {
        const char *const name = json_string_value(arg);
        const mn_thing *const t = name ? mn_scene_thing(s, name) : NULL;
        if (!name || (!mn_scene_robot(s, name) &&
                      !(t && (t->kind == MN_OBJECT_KIND || (opens && t->open >= 0)))))
            continue;
        if (!listed(uses, arg) && json_array_append(uses, arg)) return mn_brain_no_memory();
        if (t && t->kind == MN_OBJECT_KIND) MN_TRY(uses_carrier(s, t, uses));
    }
    return 0;
}

static int step_json(const mn_fleet_plan *p, int at, const mn_scene *s, json_t **out) {
    const mn_step *const step = &p->step[at];
    const mn_skill *const k = skill_of(s, step->robot, step->skill);
    json_t *const after = json_array(), *const uses = json_array();
    int failed = !after || !uses;
    for (int i = 0; i < step->n_after && !failed; i++)
        failed = json_array_append_new(after, json_string(p->step[step->after[i]].id));
    *out = failed ? NULL
                  : json_pack("{s:s, s:s, s:s, s:O, s:O, s:O, s:f, s:i, s:s, s:i}", "id", step->id,
                              "robot", step->robot, "skill", step->skill, "args", step->args,
                              "after", after, "uses", uses, "seconds", step->seconds, "goal",
                              step->goal, "state", "waiting", "tries", 0);
    int rc = *out ? uses_of(s, step, k, uses) : mn_brain_no_memory(), opens = 0;
    for (int i = 0; k && i < k->n_makes; i++)
        opens |= k->makes[i].name == MN_FACT_OPEN && !k->makes[i].not_;
    if (rc >= 0 && opens) rc = mn_brain_set(*out, "opens", json_true());
    if (rc >= 0 && k && k->limit > 0) rc = mn_brain_set(*out, "limit", json_real(k->limit));
    json_decref(after);
    json_decref(uses);
    if (rc < 0) {
        json_decref(*out);
        *out = NULL;
    }
    return rc;
}

/* The first new steps wait for what is still to be opened: the plan goes through there. */
static int behind_doors(json_t *steps, size_t from, size_t at) {
    json_t *const after = json_object_get(json_array_get(steps, at), "after");
    if (json_array_size(after)) return 0;
    for (size_t i = 0; i < from; i++) {
        const json_t *const other = json_array_get(steps, i);
        json_t *const id = json_object_get(other, "id");
        if (id && mn_step_open(other) && json_is_true(json_object_get(other, "opens")) &&
            json_array_append(after, id))
            return mn_brain_no_memory();
    }
    return 0;
}

/* Open steps that use `name`, unless the new step waits already for a new one that does. */
static int behind_name(json_t *steps, size_t from, size_t at, const json_t *name) {
    json_t *const after = json_object_get(json_array_get(steps, at), "after");
    for (size_t i = from; i < at; i++) {
        const json_t *const other = json_array_get(steps, i);
        if (listed(after, json_object_get(other, "id")) &&
            listed(json_object_get(other, "uses"), name))
            return 0;
    }
    for (size_t i = 0; i < from; i++) {
        const json_t *const other = json_array_get(steps, i);
        json_t *const id = json_object_get(other, "id");
        if (!id || !mn_step_open(other) || !listed(json_object_get(other, "uses"), name) ||
            listed(after, id))
            continue;
        if (json_array_append(after, id)) return mn_brain_no_memory();
    }
    return 0;
}

/* A new step comes after the open ones that use what it uses, or the robot that has that by then.
 * `from`: the first new one. */
static int behind_open(json_t *steps, size_t from, size_t at, const mn_scene *s) {
    json_t *use;
    size_t u;
    json_array_foreach(json_object_get(json_array_get(steps, at), "uses"), u, use) {
        MN_TRY(behind_name(steps, from, at, use));
        const mn_thing *t = mn_scene_thing(s, json_string_value(use));
        for (int deep = 0; t && deep < MN_SKILL_PARAMS; deep++) {
            const mn_robot_seen *const r = mn_scene_robot(s, t->at);
            json_t *const name = r ? json_string(r->name) : NULL;
            if (r && !name) return mn_brain_no_memory();
            const int rc = name ? behind_name(steps, from, at, name) : 0;
            json_decref(name);
            MN_TRY(rc);
            t = r ? NULL : mn_scene_thing(s, t->at);
        }
    }
    return 0;
}

/* The scene as it is when the step is done. */
static int then(mn_scene *s, const mn_step *step) {
    mn_effect f = {.at = NULL};
    const mn_skill *const k = skill_of(s, step->robot, step->skill);
    const int rc = k ? mn_effect_apply(s, k, step->robot, step->args, NULL, &f) : 0;
    return rc == MN_ENOMEM ? rc : 0;
}

/* A step that comes back as it was goes on in the list of what is tried (fleet/recover.h). */
static int go_on(const json_t *steps, const json_t *instead, json_t *step) {
    static const char *const same[] = {"robot", "skill", "args"};
    json_t *id, *old;
    size_t i, k;
    json_array_foreach(instead, i, id) json_array_foreach(steps, k, old) {
        int is = json_equal(json_object_get(old, "id"), id);
        for (int f = 0; f < 3 && is; f++)
            is = json_equal(json_object_get(old, same[f]), json_object_get(step, same[f]));
        const int level = is ? mn_brain_number(old, "level") : 0;
        if (level > mn_brain_number(step, "level"))
            MN_TRY(mn_brain_set(step, "level", json_integer(level)));
    }
    return 0;
}

int mn_brain_adopt(mn_brain_task *t, const mn_fleet_plan *p, mn_scene *s, json_t *instead) {
    json_t *const steps = json_object_get(t->json, "steps");
    const size_t from = json_array_size(steps), n = json_array_size(instead);
    for (int i = 0; i < p->n; i++) {
        json_t *json = NULL;
        MN_TRY(step_json(p, i, s, &json));
        const double pace = mn_brain_pace(t, p->step[i].robot);
        if (pace > 1 && json_object_set_new(json, "pace", json_real(pace))) {
            json_decref(json);
            return mn_brain_no_memory();
        }
        json_t *const old = n ? json_array_get(instead, (size_t)i < n ? (size_t)i : n - 1) : NULL;
        if (go_on(steps, instead, json) < 0 || (old && json_object_set(json, "for", old)) ||
            json_array_append(steps, json)) {
            json_decref(json);
            return mn_brain_no_memory();
        }
        json_decref(json);
        MN_TRY(behind_doors(steps, from, from + (size_t)i));
        MN_TRY(behind_open(steps, from, from + (size_t)i, s));
        MN_TRY(then(s, &p->step[i]));
    }
    return 0;
}

/* ---- looking ahead ------------------------------------------------------------------------- */
static void stands(const mn_scene *s, mn_robot_seen *r) {
    mn_pose pose;
    snprintf(r->state.at, sizeof r->state.at, "%s", r->at);
    if (mn_scene_pose(s, r->at, &pose) >= 0) memcpy(r->state.p, pose.p, sizeof pose.p);
}

static int ahead_of(mn_scene *s, const mn_brain_task *t) {
    json_t *step;
    size_t i;
    json_array_foreach(json_object_get(t->json, "steps"), i, step) {
        mn_robot_seen *const r = mn_scene_robot(s, mn_brain_field(step, "robot"));
        const mn_skill *const k =
            r ? mn_skills_find(&r->skills, mn_brain_field(step, "skill")) : NULL;
        mn_effect f = {.at = NULL};
        if (!k || !mn_step_open(step)) continue;
        const int rc = mn_effect_apply(s, k, r->name, json_object_get(step, "args"), NULL, &f);
        if (rc == MN_ENOMEM) return rc; /* whatever else does not fit will fail, and be planned */
        if (f.at) stands(s, r);
    }
    return 0;
}

int mn_brain_ahead(mn_brain *k, const mn_brain_task *t, mn_scene *s) {
    for (int i = 0; i < k->n_tasks; i++) {
        MN_TRY(ahead_of(s, &k->task[i]));
        if (&k->task[i] == t) break;
    }
    return 0;
}

/* ---- the first plan ------------------------------------------------------------------------ */
static int nobody(const mn_scene *s) {
    for (int i = 0; i < s->n_robots; i++)
        if (s->robot[i].alive) return 0;
    return 1;
}

static int keep_goals(mn_brain_task *t, const mn_goals *g) {
    MN_TRY(mn_brain_set(t->json, "goals", mn_goals_write(g)));
    MN_TRY(mn_brain_set(t->json, "close", json_boolean(g->close)));
    return g->say ? mn_brain_set(t->json, "say", json_string(g->say)) : 0;
}

static int begin_with(mn_brain *k, mn_brain_task *t, mn_scene *s, const mn_goals *g,
                      mn_fleet_plan *p, mn_buf *words) {
    mn_edits edits = {0};
    MN_TRY(keep_goals(t, g));
    MN_TRY(mn_brain_plan_best(k, t, s, g, p));
    MN_TRY(mn_fleet_plan_explain(s, p, words));
    MN_TRY(mn_brain_adopt(t, p, s, NULL));
    MN_TRY(mn_brain_fleet(k, t, 1));
    const char *const text = words->data ? words->data : "";
    if (t->model) MN_TRY(mn_brain_set(t->json, "model", json_incref(t->model)));
    MN_TRY(mn_brain_set(t->json, "state", json_string("running")));
    MN_TRY(mn_brain_set(t->json, "why", json_string(text)));
    MN_TRY(mn_brain_set(t->json, "planned", json_real(mn_fleet_plan_seconds(p, k->how.groups))));
    MN_TRY(mn_brain_set(t->json, "begun", json_integer(k->b->ops->time(k->b))));
    MN_TRY(mn_brain_commit(k, t, &edits));
    mn_board_tell(k->b, "planned", "{s:s, s:i, s:f, s:s}", "task", t->id, "steps", p->n, "seconds",
                  p->makespan, "text", text);
    return 0;
}

static int is_the_tasks_fault(int rc) {
    return rc == MN_EINVAL || rc == MN_ENOENT || rc == MN_EFULL || rc == MN_ETOOLONG ||
           rc == MN_EUNSUPPORTED || rc == MN_ECORRUPT;
}

/* By the rules; what they do not understand, a model may. */
static int read_goals(mn_brain *k, mn_brain_task *t, const mn_scene *s, mn_goals *out) {
    const char *const text = mn_brain_field(t->json, "text");
    const json_t *const known = json_object_get(t->model, "goals");
    char why[512];
    if (json_array_size(known)) return mn_goals_parse(s, known, out);
    const int rc = mn_goals_read(s, text, out);
    if (rc != MN_EINVAL || !t->model) return rc;
    snprintf(why, sizeof why, "%s", mn_error_detail());
    const int asked = mn_brain_goals_best(k, t, s, out);
    if (asked > 0 || asked == MN_EBUSY || asked == MN_ENOMEM) return asked < 0 ? asked : 0;
    return MN_FAIL(MN_EINVAL, "%s", why);
}

int mn_brain_begin(mn_brain *k, mn_brain_task *t) {
    mn_scene s = {0};
    mn_goals g = {.n = 0};
    mn_fleet_plan p = {.n = 0};
    mn_buf words = {0};
    if (k->how.model && k->how.ask && !t->model) t->model = json_object();
    int rc = mn_scene_read(k->b, "", &s, NULL);
    const int64_t asked = json_integer_value(json_object_get(t->json, "asked"));
    const int waits = rc >= 0 && nobody(&s) && s.time >= asked &&
                      s.time < asked + MN_BRAIN_ALONE * (int64_t)1000000;
    if (waits) mn_brain_sooner(k, k->b->ops->now(k->b) + SECOND); /* somebody may join */
    if (rc >= 0 && !waits) rc = read_goals(k, t, &s, &g);
    /* What those before it will have done is not there yet: they go first. */
    if (rc >= 0 && !waits) rc = mn_brain_ahead(k, t, &s);
    if (rc >= 0 && !waits) rc = begin_with(k, t, &s, &g, &p, &words);
    if (rc == MN_EBUSY) { /* the model is thinking */
        mn_brain_sooner(k, k->b->ops->now(k->b) + SECOND / 20);
        rc = 0;
    }
    if (rc == MN_ENOENT && mn_brain_is_waiting(k, 0)) { /* not without who is cut off just now */
        mn_brain_sooner(k, k->b->ops->now(k->b) + SECOND);
        rc = 0;
    }
    if (is_the_tasks_fault(rc)) {
        char why[512];
        snprintf(why, sizeof why, "%s", mn_error_detail());
        rc = mn_brain_end(k, t, "failed", why);
    }
    mn_buf_free(&words);
    mn_fleet_plan_free(&p);
    mn_goals_free(&g);
    mn_scene_free(&s);
    return rc;
}
