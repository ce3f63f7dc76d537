/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/brain_model.c - a model plans: question, answer, judgement, again.
 *
 * A step of the answer is {"robot", "skill", its parameters, "after": [numbers of steps]};
 * steps count from 1. Parameters called thing, place and to are things, places and robots; others
 * are what the manifest says.
 */
#include "fleet/brain_model.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/json.h"

#include <stdlib.h>
#include <string.h>

enum { SAID = 400, QUOTED = 80, NEVER = 512 };

/* ---- asking ------------------------------------------------------------------------------ */
static void add(json_t *report, const char *name, int more) {
    const json_int_t now = json_integer_value(json_object_get(report, name));
    json_object_set_new(report, name, json_integer(now + more));
}

/* Its beginning is quoted, as what a terminal can show. */
static void no_answer(const char *answer) {
    mn_buf text = {0};
    const int rc = mn_buf_show(&text, answer, strnlen(answer, QUOTED), " ");
    MN_FAIL(MN_EINVAL, "the answer is no JSON object: '%s'", rc >= 0 && text.data ? text.data : "");
    mn_buf_free(&text);
}

static void count(json_t *report, const int tokens[4], int ms) {
    json_t *sums = json_object_get(report, "tokens");
    if (!sums) json_object_set_new(report, "tokens", sums = json_object());
    add(sums, "read", tokens[0]);
    add(sums, "cached", tokens[1]);
    add(sums, "written", tokens[2]);
    add(report, "asked", 1);
    add(report, "ms", tokens[3] ? tokens[3] : ms);
}

/* Its time is over: that of the fleet, and in which it thought. */
static int is_late(const mn_brain_ask *q, json_t *report) {
    const json_t *const since = json_object_get(report, "since");
    const double ms = json_number_value(json_object_get(report, "ms"));
    if (!since) json_object_set_new(report, "since", json_integer((json_int_t)q->now));
    const uint64_t begun = since ? (uint64_t)json_integer_value(since) : q->now;
    return (double)(q->now - begun) > q->patience * 1e9 || ms > q->patience * 1e3;
}
static int late(const mn_brain_ask *q, json_t *report) {
    json_object_set_new(report, "late", json_true());
    return MN_FAIL(MN_EIO, "it had no answer in %g s", q->patience);
}

int mn_brain_ask_once(const mn_brain_ask *q, const char *system, const char *text,
                      const char *schema, json_t *report, json_t **out) {
    char *answer = NULL;
    int tokens[4] = {0};
    const uint64_t begun = mn_clock_ns();
    *out = NULL;
    if (is_late(q, report)) return late(q, report);
    const int rc = q->how->ask(q->how->user, system, text, schema, &answer, tokens);
    if (rc == MN_EBUSY) return rc; /* it is thinking */
    count(report, tokens, (int)((mn_clock_ns() - begun) / 1000000));
    *out = rc >= 0 && answer ? json_loads(answer, JSON_REJECT_DUPLICATES, NULL) : NULL;
    if (rc >= 0 && !json_is_object(*out)) no_answer(answer ? answer : "");
    mn_free(answer);
    return rc < 0 ? rc : is_late(q, report) ? late(q, report) : 0;
}

/* {"robot", "skill", .., "after": [1]} -> {"id": "s2", .., "args": {..}, "after": ["s1"]}, from
 * s1 on where `first` is 0. It waits for steps that were said before it: a small model says other
 * numbers, too, which mean nothing. */
static json_t *step_of(const json_t *said, size_t number, int first) {
    json_t *const args = json_object(), *const after = json_array(), *value;
    const char *name;
    char id[24];
    size_t i;
    json_object_foreach((json_t *)said, name, value) {
        if (strcmp(name, "robot") && strcmp(name, "skill") && strcmp(name, "after"))
            json_object_set(args, name, value);
    }
    json_array_foreach(json_object_get(said, "after"), i, value) {
        const json_int_t before = json_integer_value(value);
        if (before < 1 || before >= (json_int_t)number) continue;
        snprintf(id, sizeof id, "s%lld", first + (long long)before);
        json_array_append_new(after, json_string(id));
    }
    snprintf(id, sizeof id, "s%zu", (size_t)first + number);
    return json_pack("{s:s, s:O?, s:O?, s:o, s:o}", "id", id, "robot",
                     json_object_get(said, "robot"), "skill", json_object_get(said, "skill"),
                     "args", args, "after", after);
}

/* ---- what is wrong in the world, completed ----------------------------------------------- */
static int names(const json_t *step, const char *name) {
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)step, key, value) {
        if (json_is_string(value) && strcmp(json_string_value(value), name) == 0) return 1;
    }
    return 0;
}

/* Does a step that names the thing name the robot, too? none: no step names the thing at all. */
static int has_a_hand(const json_t *steps, const char *robot, const char *thing, int *none) {
    const json_t *step;
    size_t i;
    *none = 1;
    json_array_foreach((json_t *)steps, i, step) {
        if (!names(step, thing)) continue;
        *none = 0;
        if (names(step, robot)) return 1;
    }
    return 0;
}

/* "ROBOT THING" of those that shall leave a thing of the goals to others. 0: no step is about the
 * thing. */
static int leave(const mn_brain_ask *q, const json_t *steps, const char *thing, json_t *never) {
    char pair[2 * MN_NAME + 3];
    int none = 1;
    for (int i = 0; i < q->s->n_robots; i++) {
        const mn_robot_seen *const r = q->s->robot + i;
        if (!r->alive || has_a_hand(steps, r->name, thing, &none)) continue;
        snprintf(pair, sizeof pair, "%s %s", r->name, thing);
        if (json_array_append_new(never, json_string(pair)))
            return MN_FAIL(MN_ENOMEM, "no memory for a plan");
    }
    return !none;
}

/* The planner's plan in which only those touch a thing who do so in these steps. 1; 0: there is
 * none. */
static int complete(const mn_brain_ask *q, const mn_goals *goals, const json_t *steps,
                    mn_fleet_plan *out) {
    const char *list[NEVER + 1];
    json_t *const never = json_array();
    int n = 0, rc = never ? 1 : MN_FAIL(MN_ENOMEM, "no memory for a plan");
    mn_fleet_plan_how how = {.first = 0};
    if (q->rules) how = *q->rules;
    for (int i = 0; how.never && how.never[i] && n < NEVER; i++) list[n++] = how.never[i];
    for (int i = 0; i < goals->n && rc > 0; i++) {
        const mn_fact *const f = goals->goal + i;
        if (f->name == MN_FACT_OPEN || f->name == MN_FACT_AT) continue;
        rc = leave(q, steps, f->arg[f->name == MN_FACT_HOLDING], never);
    }
    for (size_t i = 0; i < json_array_size(never) && n < NEVER; i++)
        list[n++] = json_string_value(json_array_get(never, i));
    list[n] = NULL;
    how.never = list;
    const int about = rc > 0 && json_array_size(never) <= NEVER;
    if (about) rc = mn_fleet_plan_make(q->s, goals, &how, out);
    json_decref(never);
    return rc == MN_ENOMEM ? rc : about && rc >= 0;
}

/* Steps as fleet/plan.h has them. order: with what they wait for. */
static json_t *steps_of(const mn_brain_ask *q, const json_t *said, int order) {
    json_t *const steps = json_array(), *one;
    size_t i;
    json_array_foreach((json_t *)said, i, one) {
        json_t *const step = step_of(one, i + 1, q->rules ? q->rules->first : 0);
        if (!order) json_object_del(step, "after");
        json_array_append_new(steps, step);
    }
    return steps;
}

/* What is named is there, whatever the order. */
static int try_to_complete(const mn_brain_ask *q, const mn_goals *goals, const json_t *said,
                           mn_fleet_plan *out) {
    json_t *const steps = steps_of(q, said, 0);
    int rc = json_array_size(steps) ? mn_fleet_plan_parse(q->s, steps, out) : MN_EINVAL;
    json_decref(steps);
    mn_fleet_plan_free(out);
    if (rc >= 0) rc = complete(q, goals, said, out);
    if (rc <= 0) mn_fleet_plan_free(out);
    return rc == MN_ENOMEM ? rc : rc > 0;
}

/* Is it a plan, and right, or can it be completed? 1; 0, with the sentence. */
static int judge(const mn_brain_ask *q, const mn_goals *goals, const json_t *answer,
                 mn_fleet_plan *out, json_t *report) {
    const json_t *const said = json_object_get(answer, "steps");
    char why[512];
    int rc = json_array_size(said) ? 0 : MN_EINVAL;
    *out = (mn_fleet_plan){0};
    if (rc < 0 && json_is_object(answer)) MN_FAIL(rc, "the answer has no steps");
    json_t *const steps = steps_of(q, said, 1);
    if (rc >= 0) rc = mn_fleet_plan_parse(q->s, steps, out);
    json_decref(steps);
    if (rc >= 0) add(report, "valid", 1);
    if (rc >= 0) rc = mn_fleet_plan_check(q->s, out, goals);
    json_object_set_new(report, "right", json_boolean(rc >= 0));
    if (rc >= 0) return 1;
    mn_fleet_plan_free(out);
    snprintf(why, sizeof why, "%s", mn_error_detail());
    const int whole = rc == MN_ENOMEM ? rc : try_to_complete(q, goals, said, out);
    if (whole > 0) json_object_set_new(report, "completed", json_true());
    MN_FAIL(whole < 0 ? whole : MN_EINVAL, "%s", why);
    return whole;
}

/* What was said of answers so far, a list that the report has. */
static json_t *refused_of(json_t *report) {
    json_t *list = json_object_get(report, "refused");
    if (!list) json_object_set_new(report, "refused", list = json_array());
    return list;
}

/* What is told, and what was wrong with answers so far. */
static int put_text(const mn_brain_ask *q, const json_t *refused, mn_buf *out) {
    const json_t *said;
    size_t i;
    MN_TRY(mn_buf_puts(out, q->talk->text.data));
    json_array_foreach((json_t *)refused, i, said) {
        MN_TRY(mn_buf_puts(out, "A plan was refused: "));
        MN_TRY(mn_json_write(said, JSON_COMPACT | JSON_ENCODE_ANY, out));
        MN_TRY(mn_buf_puts(out, "\n"));
    }
    return 0;
}

/* One question, one answer: 1: it is right, 0: it is not, and why is in the list. */
static int try_once(const mn_brain_ask *q, const mn_goals *goals, mn_fleet_plan *out,
                    json_t *report) {
    mn_buf schema = {0}, text = {0};
    json_t *const refused = refused_of(report), *answer = NULL;
    int rc = mn_brain_schema(q->s, &schema);
    if (rc >= 0) rc = put_text(q, refused, &text);
    if (rc >= 0)
        rc = mn_brain_ask_once(q, q->talk->system.data, text.data, schema.data, report, &answer);
    if (rc >= 0) rc = judge(q, goals, answer, out, report);
    if (rc == 0 || (rc > 0 && json_object_get(report, "completed")))
        json_array_append_new(refused,
                              json_stringn(mn_error_detail(), strnlen(mn_error_detail(), SAID)));
    if (rc > 0 && json_object_get(answer, "why"))
        json_object_set(report, "why", json_object_get(answer, "why"));
    json_decref(answer);
    mn_buf_free(&schema);
    mn_buf_free(&text);
    return rc;
}

int mn_brain_plan_ask(const mn_brain_ask *q, const mn_goals *goals, mn_fleet_plan *out,
                      json_t *report) {
    int right = 0;
    while (!right && json_array_size(refused_of(report)) < MN_BRAIN_TRIES)
        MN_TRY(right = try_once(q, goals, out, report));
    if (right) json_object_set_new(report, "seconds", json_real(out->makespan));
    return right;
}
