/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/brain_relieve.c - who is slow is relieved, and who is new takes part.
 *
 * "paces" of a task says how many times longer than planned its robots take: learned from steps
 * that ran twice as long as they should, and 2 s more; forgotten when one ends in its time. "fleet"
 * are the robots that its plan could use. A new pace or a new robot asks one question: what waits
 * and was never begun, planned anew with what is known now, does all end so much sooner that it is
 * worth it (WORTH of the time that is left, and LEAST seconds)? Only then are steps replaced. What
 * runs goes on; nothing is taken out of anybody's hands. RELIEFS times in a task at most, so that
 * two robots that are slow in turn do not hand their work to each other for ever.
 *
 * Both times are told by the same rule (remaining), with the same steps that still run.
 */
#include "base/alloc.h"
#include "base/error.h"
#include "fleet/brain_inside.h"

#include <stdio.h>
#include <string.h>

#define field  mn_brain_field
#define is     mn_brain_is
#define set    mn_brain_set
#define number mn_brain_number

enum { RELIEFS = 16 };
#define WORTH 0.85
#define LEAST 2.0 /* s */

/* ---- paces --------------------------------------------------------------------------------- */
static double real(const json_t *json, const char *name, double otherwise) {
    const json_t *const value = json_object_get(json, name);
    return json_is_number(value) && json_number_value(value) > 0 ? json_number_value(value)
                                                                 : otherwise;
}

double mn_brain_pace(const mn_brain_task *t, const char *robot) {
    return real(json_object_get(t->json, "paces"), robot, 1);
}

/* Seconds the step takes at the pace of its plan's profile. */
static double should_take(const json_t *step) {
    return real(step, "seconds", 0) / real(step, "pace", 1);
}

static int ask_for_relief(mn_brain_task *t, const char *why) {
    return set(t->json, "relieve", json_string(why));
}

int mn_brain_learn(mn_brain_task *t, const json_t *step, double took, int ended) {
    const char *const robot = field(step, "robot");
    const double base = should_take(step), pace = base > 0 ? took / base : 1;
    json_t *paces = json_object_get(t->json, "paces");
    if (!(base > 0)) return 0;
    if (ended && pace < 1.3 && paces) json_object_del(paces, robot);
    if (took < 2 * base + 2 || pace <= 1.25 * mn_brain_pace(t, robot)) return 0;
    if (!json_is_object(paces)) MN_TRY(set(t->json, "paces", paces = json_object()));
    MN_TRY(set(paces, robot, json_real(pace)));
    return ask_for_relief(t, "slow");
}

void mn_brain_slow_down(const mn_brain_task *t, mn_scene *s) {
    for (int i = 0; i < s->n_robots; i++) {
        mn_robot_seen *const r = &s->robot[i];
        const double pace = mn_brain_pace(t, r->name);
        if (pace <= 1) continue;
        r->speed /= pace;
        for (int k = 0; k < r->skills.n; k++) r->skills.skill[k].seconds *= pace;
    }
}

/* ---- who is new ---------------------------------------------------------------------------- */
/* 1: it says what it can do. */
static int is_ready(mn_brain *k, const char *name) {
    json_t *robot = NULL;
    int rc = mn_board_get(k->b, "robot/", name, &robot, NULL);
    if (rc == MN_ECORRUPT || rc == MN_EUNSUPPORTED) rc = 0;
    const int has = rc > 0 && json_array_size(json_object_get(robot, "skills")) > 0;
    json_decref(robot);
    return rc < 0 ? rc : has;
}

static void forget_the_lost(mn_brain *k, json_t *fleet) {
    const char *name;
    json_t *one;
    void *next;
    json_object_foreach_safe(fleet, next, name, one) {
        if (!mn_brain_robot_find(k, name)) json_object_del(fleet, name);
    }
}

int mn_brain_fleet(mn_brain *k, mn_brain_task *t, int first) {
    json_t *fleet = json_object_get(t->json, "fleet");
    const int known = json_is_object(fleet);
    if (!known) MN_TRY(set(t->json, "fleet", fleet = json_object()));
    forget_the_lost(k, fleet);
    for (int i = 0; i < k->n_robots; i++) {
        const mn_brain_robot *const r = &k->robot[i];
        if (r->gone || json_object_get(fleet, r->name)) continue;
        const int ready = is_ready(k, r->name);
        MN_TRY(ready);
        if (!ready) continue;
        MN_TRY(set(fleet, r->name, json_true()));
        if (known && !first) MN_TRY(ask_for_relief(t, "new"));
    }
    return 0;
}

/* ---- how long the rest takes ----------------------------------------------------------------- */
typedef struct ends {
    json_t *step, *robot; /* id, name: s from now */
    double last;
} ends;

/* An active one has run for a while; one that is late may end at any moment. */
static double left_of(mn_brain *k, const mn_brain_task *t, const json_t *step) {
    const double all = should_take(step) * mn_brain_pace(t, field(step, "robot"));
    const uint64_t now = k->b->ops->now(k->b),
                   since = (uint64_t)json_integer_value(json_object_get(step, "since"));
    if (!mn_step_active(step) || !since || since > now) return all;
    const double ran = (double)(now - since) * 1e-9;
    return all > ran ? all - ran : 0;
}

static int end_of(mn_brain *k, const mn_brain_task *t, const json_t *step, ends *e) {
    const char *const id = field(step, "id"), *const robot = field(step, "robot");
    double begin = real(e->robot, robot, 0);
    json_t *one;
    size_t i;
    json_array_foreach(json_object_get(step, "after"), i, one) {
        const double end = json_string_value(one) ? real(e->step, json_string_value(one), 0) : 0;
        if (end > begin) begin = end;
    }
    const double end = begin + left_of(k, t, step);
    if (end > e->last) e->last = end;
    MN_TRY(set(e->step, id, json_real(end)));
    return set(e->robot, robot, json_real(end));
}

/* Each step as soon as it may, those that run first; < 0: no memory. */
static double remaining(mn_brain *k, const mn_brain_task *t) {
    ends e = {json_object(), json_object(), 0};
    int rc = e.step && e.robot ? 0 : mn_brain_no_memory();
    for (int active = 1; active >= 0 && rc >= 0; active--) {
        json_t *step;
        size_t i;
        json_array_foreach(json_object_get(t->json, "steps"), i, step) {
            if (rc >= 0 && mn_step_open(step) && mn_step_active(step) == active)
                rc = end_of(k, t, step, &e);
        }
    }
    json_decref(e.step);
    json_decref(e.robot);
    return rc < 0 ? rc : e.last;
}

/* ---- relief ---------------------------------------------------------------------------------- */
/* Steps wait, none of them was tried before, and nothing is about to be planned anew. */
static int may_change(const mn_brain_task *t) {
    json_t *step;
    size_t i;
    int waiting = 0;
    if (json_object_get(t->json, "again") || json_object_get(t->json, "wait")) return 0;
    json_array_foreach(json_object_get(t->json, "steps"), i, step) {
        if (is(step, "failed") || is(step, "looking") || json_object_get(step, "replan")) return 0;
        if (!mn_step_open(step) || mn_step_active(step)) continue;
        if (number(step, "tries") || json_object_get(step, "looks")) return 0;
        waiting++;
    }
    return waiting;
}

static int take_over(mn_brain *k, mn_brain_task *t, const char *why, double from, double to,
                     const mn_buf *words) {
    mn_edits edits = {0};
    MN_TRY(set(t->json, "relieved", json_integer(number(t->json, "relieved") + 1)));
    MN_TRY(mn_brain_commit(k, t, &edits));
    mn_board_tell(k->b, "relieved", "{s:s, s:s, s:f, s:f, s:s}", "task", t->id, "why", why, "from",
                  from, "to", to, "text", words->data ? words->data : "");
    return 0;
}

static int is_worth_it(double from, double to) {
    return to >= 0 && to <= WORTH * from && from - to >= LEAST;
}

/* The task with another plan, or as it was. */
static int try_relief(mn_brain *k, mn_brain_task *t, const char *why) {
    json_t *const was = t->json, *const copy = json_deep_copy(was);
    mn_buf words = {0};
    const double from = remaining(k, t);
    if (!copy) return mn_brain_no_memory();
    t->json = copy;
    int rc = mn_brain_rethink(k, t, &words);
    const double to = rc >= 0 ? remaining(k, t) : -1;
    const int taken = rc >= 0 && from >= 0 && is_worth_it(from, to);
    if (taken) rc = take_over(k, t, why, from, to, &words);
    if (!taken) t->json = was;
    json_decref(taken ? was : copy);
    mn_buf_free(&words);
    return rc == MN_ENOMEM || (taken && rc < 0) ? rc : taken;
}

int mn_brain_relieve(mn_brain *k, mn_brain_task *t) {
    char why[16];
    mn_edits edits = {0};
    if (k->how.groups || k->how.keep || !is(t->json, "running") ||
        json_object_get(t->json, "cancel"))
        return 0;
    MN_TRY(mn_brain_fleet(k, t, 0));
    if (!*field(t->json, "relieve") || !may_change(t)) return 0;
    snprintf(why, sizeof why, "%s", field(t->json, "relieve"));
    json_object_del(t->json, "relieve");
    if (number(t->json, "relieved") < RELIEFS) {
        const int taken = try_relief(k, t, why);
        if (taken) return taken < 0 ? taken : 0;
    }
    return mn_brain_commit(k, t, &edits);
}
