/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/brain_collect.c - what robots have done is collected: the step and the robot's call change
 * in one commit, so nothing is done twice or forgotten, whenever a brain ends.
 */
#include "base/error.h"
#include "fleet/brain_inside.h"

#include <string.h>

#define field mn_brain_field
#define is    mn_brain_is
#define set   mn_brain_set

int mn_step_active(const json_t *step) {
    return is(step, "given") || is(step, "running") || is(step, "looking");
}
int mn_step_open(const json_t *step) {
    return is(step, "waiting") || is(step, "asked") || mn_step_active(step);
}
int mn_call_free(const json_t *call) {
    return !is(call, "given") && !is(call, "running") && !is(call, "cancel");
}

static int is_call_of(const mn_brain_task *t, const json_t *step, const mn_brain_robot *r) {
    return strcmp(field(r->call, "task"), t->id) == 0 &&
           strcmp(field(r->call, "step"), field(step, "id")) == 0 &&
           json_equal(json_object_get(r->call, "try"), json_object_get(step, "tries"));
}

/* The task, and the call that is taken back (r NULL: none). */
static int commit_end(mn_brain *k, mn_brain_task *t, mn_brain_robot *r) {
    mn_edits edits = {0};
    json_t *const idle = r ? json_pack("{s:s}", "state", "idle") : NULL;
    int rc = !r || idle ? 0 : mn_brain_no_memory();
    if (rc >= 0) rc = mn_edits_put(&edits, k->b, "task/", t->id, t->json, t->version);
    if (rc >= 0 && r) rc = mn_edits_put(&edits, k->b, "call/", r->name, idle, r->version);
    if (rc >= 0) rc = mn_edits_check(&edits, k->b, "brain", "", k->lease);
    if (rc >= 0) rc = mn_edits_commit(&edits, k->b);
    if (rc >= 0) t->version = edits.edit[0].version;
    if (rc >= 0 && r) {
        r->version = edits.edit[1].version;
        json_decref(r->call);
        r->call = json_incref(idle);
    }
    json_decref(idle);
    mn_edits_free(&edits);
    return rc;
}

int mn_brain_failed(mn_brain *k, mn_brain_task *t, json_t *step, mn_brain_robot *r,
                    const char *code, const char *text) {
    if (is(step, "looking"))
        mn_brain_look_between_end(step);
    else {
        MN_TRY(set(step, "code", json_string(code)));
        MN_TRY(set(step, "text", json_string(text)));
    }
    MN_TRY(set(step, "state", json_string("failed")));
    const int elsewhere = mn_brain_recover(k, t, step);
    MN_TRY(elsewhere);
    return elsewhere ? 0 : commit_end(k, t, r);
}

static int collect_done(mn_brain *k, mn_brain_task *t, json_t *step, mn_brain_robot *r) {
    const uint64_t now = k->b->ops->now(k->b),
                   since = (uint64_t)json_integer_value(json_object_get(step, "since"));
    if (is(step, "looking")) {
        MN_TRY(mn_brain_looked(k, t, step, r));
        return mn_brain_failed(k, t, step, r, "", "");
    }
    if (since && since <= now) MN_TRY(mn_brain_learn(t, step, (double)(now - since) * 1e-9, 1));
    MN_TRY(mn_brain_looked(k, t, step, r));
    MN_TRY(set(step, "state", json_string("done")));
    MN_TRY(set(step, "ended", json_integer(k->b->ops->time(k->b))));
    json_object_del(step, "code");
    json_object_del(step, "text");
    return commit_end(k, t, r);
}

static int collect_running(mn_brain *k, mn_brain_task *t, json_t *step, mn_brain_robot *r) {
    if (is(step, "given")) {
        mn_edits edits = {0};
        MN_TRY(set(step, "state", json_string("running")));
        MN_TRY(set(step, "begun", json_integer(k->b->ops->time(k->b))));
        MN_TRY(set(step, "since", json_integer((json_int_t)k->b->ops->now(k->b))));
        MN_TRY(mn_brain_commit(k, t, &edits));
    }
    return mn_monitor_step(k, t, step, r);
}

/* Who is gone for this machine alone would go on with it at home: its call is taken back. */
static mn_brain_robot *gone_far(mn_brain *k, const mn_brain_task *t, const json_t *step) {
    for (int i = 0; i < k->n_robots; i++) {
        mn_brain_robot *const r = &k->robot[i];
        if (strcmp(r->name, field(step, "robot")) == 0 && r->far && r->gone &&
            mn_step_active(step) && is_call_of(t, step, r))
            return r;
    }
    return NULL;
}

static int collect_step(mn_brain *k, mn_brain_task *t, json_t *step) {
    mn_brain_robot *const r = mn_brain_robot_find(k, field(step, "robot"));
    if (!r)
        return mn_brain_failed(k, t, step, gone_far(k, t, step), "lost",
                               "the robot is not there any more");
    if (!mn_step_active(step)) return 0;
    if (!is_call_of(t, step, r))
        return mn_brain_failed(k, t, step, NULL, "lost", "the robot has something else to do");
    if (is(r->call, "done")) return collect_done(k, t, step, r);
    if (is(r->call, "failed"))
        return mn_brain_failed(k, t, step, r, field(r->call, "code"), field(r->call, "text"));
    if (is(r->call, "idle")) /* by who had the brain before, at another machine */
        return mn_brain_failed(k, t, step, NULL, "lost", "its call was taken back");
    if (is(r->call, "running") || is(r->call, "cancel")) return collect_running(k, t, step, r);
    return 0;
}

int mn_brain_collect(mn_brain *k, mn_brain_task *t) {
    json_t *const steps = json_object_get(t->json, "steps");
    for (size_t i = 0; i < json_array_size(steps); i++) {
        json_t *const step = json_array_get(steps, i);
        if (mn_step_open(step)) MN_TRY(collect_step(k, t, step));
        if (!is(t->json, "running")) return 0; /* it was given up */
    }
    MN_TRY(mn_brain_replan(k, t));
    return mn_brain_relieve(k, t);
}

int mn_brain_cancel(mn_brain *k, mn_brain_task *t) {
    json_t *step;
    size_t i;
    int active = 0, changed = 0;
    if (!is(t->json, "planning") && !is(t->json, "running")) return 0;
    json_array_foreach(json_object_get(t->json, "steps"), i, step) {
        mn_brain_robot *const r = mn_brain_robot_find(k, field(step, "robot"));
        if (mn_step_active(step) && r && is_call_of(t, step, r) && !mn_call_free(r->call)) {
            active = 1;
            if (is(r->call, "cancel")) continue;
            MN_TRY(set(r->call, "state", json_string("cancel")));
            MN_TRY(mn_brain_put_call(k, r));
        } else if (mn_step_open(step)) {
            MN_TRY(set(step, "state", json_string("failed")));
            MN_TRY(set(step, "code", json_string("cancelled")));
            changed = 1;
        }
    }
    if (!active) return mn_brain_end(k, t, "cancelled", "somebody cancelled it");
    mn_edits edits = {0};
    return changed ? mn_brain_commit(k, t, &edits) : 0;
}
