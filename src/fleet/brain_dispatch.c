/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/brain_dispatch.c - what is ready is given.
 *
 * A step is ready when all steps that it waits for are done, its robot lives, is not stopped and
 * has nothing else, and no task before this one still needs that robot or one of the things it
 * uses: so two tasks share a fleet, and the earlier one never waits for the later. With `groups` a
 * step is ready when all steps of lower numbers are done, as in RoboOS, for comparison (plan.h).
 */
#include "base/error.h"
#include "fleet/brain_inside.h"

#include <stdio.h>
#include <string.h>

#define field mn_brain_field
#define is    mn_brain_is
#define set   mn_brain_set

static const json_t *step_of(const mn_brain_task *t, const char *id) {
    json_t *step;
    size_t i;
    json_array_foreach(json_object_get(t->json, "steps"), i, step) {
        if (id && strcmp(field(step, "id"), id) == 0) return step;
    }
    return NULL;
}

/* ---- giving -------------------------------------------------------------------------------- */
static int call_json(const mn_brain_task *t, const json_t *step, const mn_brain_robot *r,
                     const char *skill, json_t *args, json_t **out) {
    json_t *const call =
        json_pack("{s:s, s:s, s:O, s:s, s:O, s:I, s:s}", "task", t->id, "step", field(step, "id"),
                  "try", json_object_get(step, "tries"), "skill", skill, "args", args, "lease",
                  (json_int_t)r->lease, "state", "given");
    json_t *const limit = is(step, "given") ? json_object_get(step, "limit") : NULL;
    const int looking = is(step, "given") || strcmp(skill, "inspect") == 0; /* it may charge */
    json_t *const looks = looking ? json_object_get(step, "looks") : NULL;
    *out = call;
    return call && (!limit || json_object_set(call, "limit", limit) == 0) &&
                   (!looks || json_object_set(call, "looks", looks) == 0)
               ? 0
               : mn_brain_no_memory();
}

static int edit_given(mn_brain *k, mn_brain_task *t, json_t *step, mn_brain_robot *r,
                      const json_t *call, mn_edits *edits) {
    const uint64_t said = (uint64_t)json_integer_value(json_object_get(step, "said"));
    char name[MN_NAME + 34];
    MN_TRY(mn_edits_put(edits, k->b, "call/", r->name, call, r->version));
    MN_TRY(mn_edits_check(edits, k->b, "lease/", r->name, r->lease));
    if (said) {
        snprintf(name, sizeof name, "%s.%.31s", t->id, field(step, "id"));
        json_object_del(step, "said");
        MN_TRY(mn_edits_del(edits, k->b, "confirm/", name, said));
    }
    MN_TRY(mn_edits_check(edits, k->b, "brain", "", k->lease));
    return mn_edits_put(edits, k->b, "task/", t->id, t->json, t->version);
}

int mn_brain_give(mn_brain *k, mn_brain_task *t, json_t *step, mn_brain_robot *r, const char *skill,
                  json_t *args) {
    const int looks = is(step, "failed");
    mn_edits edits = {0};
    json_t *call = NULL;
    MN_TRY(set(step, "tries", json_integer(mn_brain_number(step, "tries") + 1)));
    MN_TRY(set(step, "state", json_string(looks ? "looking" : "given")));
    json_object_del(step, "since");
    json_object_del(step, "slow");
    int rc = call_json(t, step, r, skill, args, &call);
    if (rc >= 0) rc = edit_given(k, t, step, r, call, &edits);
    if (rc >= 0) rc = mn_edits_commit(&edits, k->b);
    if (rc >= 0) {
        r->version = edits.edit[0].version;
        t->version = edits.edit[edits.n - 1].version;
        json_decref(r->call);
        r->call = json_incref(call);
        mn_board_tell(k->b, "given", "{s:s, s:s, s:s, s:s, s:O*}", "robot", r->name, "task", t->id,
                      "step", field(step, "id"), "skill", skill, "args",
                      json_object_get(call, "args"));
    }
    mn_edits_free(&edits);
    json_decref(call);
    return rc < 0 ? rc : 0;
}

/* ---- ready --------------------------------------------------------------------------------- */
/* The robot's step before that in the list; NULL. */
static const json_t *own_before(const json_t *steps, size_t at) {
    const char *const robot = field(json_array_get(steps, at), "robot");
    while (at--)
        if (strcmp(field(json_array_get(steps, at), "robot"), robot) == 0 &&
            !is(json_array_get(steps, at), "replaced"))
            return json_array_get(steps, at);
    return NULL;
}

/* Does the step wait for one of another robot? */
static int waits_for_others(const mn_brain_task *t, const json_t *step, const json_t *only) {
    json_t *id;
    size_t a;
    json_array_foreach(json_object_get(step, "after"), a, id) {
        const json_t *const before = step_of(t, json_string_value(id));
        if (before && (!only || before == only) &&
            strcmp(field(before, "robot"), field(step, "robot")))
            return 1;
    }
    return 0;
}

static int is_awaited_by_others(const mn_brain_task *t, const json_t *step) {
    json_t *one;
    size_t i;
    json_array_foreach(json_object_get(t->json, "steps"), i, one) {
        if (waits_for_others(t, one, step)) return 1;
    }
    return 0;
}

/* "group" of each step, as mn_fleet_plan_seconds counts them. */
static int number_groups(const mn_brain *k, const mn_brain_task *t) {
    json_t *const steps = json_object_get(t->json, "steps");
    json_t *step, *id;
    size_t i, a;
    if (!k->how.groups) return 0;
    json_array_foreach(steps, i, step) {
        const json_t *const own = own_before(steps, i);
        const int goes_on = own && k->how.groups == MN_GROUPS_OF_RUNS &&
                            !waits_for_others(t, step, NULL) && !is_awaited_by_others(t, own);
        int most = own ? mn_brain_number(own, "group") + !goes_on : 0;
        json_array_foreach(json_object_get(step, "after"), a, id) {
            const json_t *const before = step_of(t, json_string_value(id));
            const int group = before && !goes_on ? mn_brain_number(before, "group") + 1 : 0;
            if (group > most) most = group;
        }
        if (json_is_object(step)) MN_TRY(set(step, "group", json_integer(most)));
    }
    return 0;
}

static int is_ready(const mn_brain *k, const mn_brain_task *t, const json_t *step) {
    json_t *one;
    size_t i;
    json_array_foreach(json_object_get(step, "after"), i, one) {
        const json_t *const before = step_of(t, json_string_value(one));
        if (before && !is(before, "done")) return 0;
    }
    if (!k->how.groups) return 1;
    json_array_foreach(json_object_get(t->json, "steps"), i, one) {
        if (mn_step_open(one) && mn_brain_number(one, "group") < mn_brain_number(step, "group"))
            return 0;
    }
    return 1;
}

static int uses(const json_t *step, const json_t *name) {
    json_t *one;
    size_t i;
    json_array_foreach(json_object_get(step, "uses"), i, one) if (json_equal(one, name)) return 1;
    return 0;
}

/* Does a task before it still need what this step uses? */
static int is_held_up(const mn_brain *k, const mn_brain_task *t, const json_t *step) {
    for (const mn_brain_task *before = k->task; before < t; before++) {
        json_t *other, *name;
        size_t i, u;
        json_array_foreach(json_object_get(before->json, "steps"), i, other) {
            if (!mn_step_open(other)) continue;
            if (json_is_true(json_object_get(other, "opens")))
                return 1; /* it may go through there */
            json_array_foreach(json_object_get(step, "uses"), u, name) {
                if (uses(other, name)) return 1;
            }
        }
    }
    return 0;
}

/* 1: somebody said yes; 0: nobody has answered, or no. */
static int is_confirmed(mn_brain *k, mn_brain_task *t, json_t *step) {
    char name[MN_NAME + 34];
    json_t *answer = NULL;
    uint64_t version = 0;
    mn_edits edits = {0};
    snprintf(name, sizeof name, "%s.%.31s", t->id, field(step, "id"));
    int rc = mn_board_get(k->b, "confirm/", name, &answer, &version);
    if (rc == MN_ECORRUPT || rc == MN_EUNSUPPORTED) rc = mn_board_del(k->b, "confirm/", name, 0, 0);
    const json_t *const ok = json_object_get(answer, "ok");
    const int yes = rc > 0 && (!ok || json_is_true(ok)), no = rc > 0 && !yes;
    json_decref(answer);
    MN_TRY(rc);
    if (yes) {
        MN_TRY(set(step, "said", json_integer((json_int_t)version)));
        return 1;
    }
    if (no) {
        rc = mn_edits_del(&edits, k->b, "confirm/", name, version);
        if (rc >= 0) rc = mn_edits_check(&edits, k->b, "brain", "", k->lease);
        if (rc >= 0) rc = mn_edits_commit(&edits, k->b);
        mn_edits_free(&edits);
        MN_TRY(rc);
        return mn_brain_failed(k, t, step, NULL, "no_person", "who was asked said no");
    }
    if (is(step, "asked")) return 0;
    MN_TRY(set(step, "state", json_string("asked")));
    MN_TRY(mn_brain_commit(k, t, &edits));
    mn_board_tell(k->b, "confirm", "{s:s, s:s, s:s, s:s, s:O}", "task", t->id, "step",
                  field(step, "id"), "robot", field(step, "robot"), "skill", field(step, "skill"),
                  "args", json_object_get(step, "args"));
    return 0;
}

static int dispatch_step(mn_brain *k, mn_brain_task *t, json_t *step) {
    mn_brain_robot *const r = mn_brain_robot_find(k, field(step, "robot"));
    const uint64_t now = k->b->ops->now(k->b),
                   until = (uint64_t)json_integer_value(json_object_get(step, "until"));
    if (!r || r->cut || r->stopped || !mn_call_free(r->call) || !is_ready(k, t, step)) return 0;
    if (is_held_up(k, t, step)) return 0;
    if (until > now && until < now + 3600000000000u) {
        mn_brain_sooner(k, until);
        return 0;
    }
    if (json_is_true(json_object_get(t->json, "confirm"))) {
        const int yes = is_confirmed(k, t, step);
        if (yes <= 0) return yes;
    }
    return mn_brain_give(k, t, step, r, field(step, "skill"), json_object_get(step, "args"));
}

/* ---- the end ------------------------------------------------------------------------------- */
/* 1: it goes on. Nobody could look, but who is not heard just now, or all that were lost, may. */
static int wait_to_look(mn_brain *k, mn_brain_task *t) {
    mn_edits edits = {0};
    const int alone = mn_brain_is_waiting(k, 0) ? 1 : mn_brain_alone(k, t);
    if (alone == MN_ENOENT) return 0; /* long enough */
    MN_TRY(alone);
    if (alone) mn_brain_sooner(k, k->b->ops->now(k->b) + 1000000000);
    if (alone == 2) MN_TRY(mn_brain_commit(k, t, &edits));
    return alone > 0;
}

/* All that it wanted is so, as far as anybody knows. */
static int end_reached(mn_brain *k, mn_brain_task *t, mn_scene *s, const mn_goals *g) {
    mn_buf unseen = {0};
    int rc = mn_brain_look(k, t, s, g, &unseen);
    if (rc == 0 && unseen.len) rc = wait_to_look(k, t);
    if (rc == 0) rc = mn_brain_end(k, t, "done", unseen.len ? unseen.data : NULL);
    mn_buf_free(&unseen);
    return rc < 0 ? rc : 0;
}

/* Nothing is left to do: is it as it should be? */
static int finish(mn_brain *k, mn_brain_task *t) {
    mn_scene s = {0};
    mn_goals g = {.n = 0};
    int rc = mn_scene_read(k->b, "", &s, NULL);
    if (rc >= 0) rc = mn_brain_goals(t, &s, &g);
    const int reached = rc < 0 ? rc : mn_goals_reached(&s, &g) == g.n;
    rc = reached > 0 ? end_reached(k, t, &s, &g) : reached;
    mn_goals_free(&g);
    mn_scene_free(&s);
    if (rc == MN_EINVAL || rc == MN_ENOENT) { /* what it asked for is not there any more */
        char why[512];
        snprintf(why, sizeof why, "%s", mn_error_detail());
        return mn_brain_end(k, t, "failed", why);
    }
    MN_TRY(rc);
    if (reached) return 0;
    MN_TRY(set(t->json, "again", json_true()));
    return mn_brain_replan(k, t);
}

int mn_brain_dispatch(mn_brain *k, mn_brain_task *t) {
    json_t *const steps = json_object_get(t->json, "steps");
    int open = 0;
    MN_TRY(number_groups(k, t));
    for (size_t i = 0; i < json_array_size(steps); i++) {
        json_t *const step = json_array_get(steps, i);
        if (is(step, "waiting") || is(step, "asked")) MN_TRY(dispatch_step(k, t, step));
        open |= mn_step_open(step);
        if (!is(t->json, "running")) return 0;
    }
    return open || json_object_get(t->json, "wait") ? 0 : finish(k, t);
}
