/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/task.c - what people do with tasks: ask for one, cancel it, look at it.
 *
 * A number is free when neither a question nor a task has it; both are checked by the commit that
 * asks, so two who ask at once get two numbers.
 */
#include "fleet/task.h"

#include "agent/task.h"
#include "base/error.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT = 4096, TRIES = 64 };

static const char *field(const json_t *json, const char *name) {
    const char *const text = json_string_value(json_object_get(json, name));
    return text ? text : "";
}

/* ---- asking -------------------------------------------------------------------------------- */
static int highest(void *user, const char *key, uint64_t version) {
    const char *const name = strrchr(key, '/');
    int *const n = user;
    (void)version;
    if (name && name[1] == 't') {
        const long id = strtol(name + 2, NULL, 10);
        if (id > *n && id < 100000000) *n = (int)id;
    }
    return 0;
}

/* Questions first: what is taken meanwhile is a task by then. */
static int last_id(mn_board *b, int *n) {
    char key[MN_FLEET_KEY];
    *n = 0;
    MN_TRY(mn_board_key(b, "ask/", "", key));
    MN_TRY(b->ops->each(b, key, highest, n));
    MN_TRY(mn_board_key(b, "task/", "", key));
    return b->ops->each(b, key, highest, n);
}

int mn_fleet_ask(mn_board *b, const char *text, const char *by, int confirm, char id[16]) {
    if (!*text || strlen(text) > TEXT)
        return MN_FAIL(MN_EINVAL, "a task is a text of 1 to %d bytes, not %zu", TEXT, strlen(text));
    json_t *const ask = json_pack("{s:s, s:s, s:b, s:I}", "text", text, "by", by ? by : "",
                                  "confirm", confirm, "t", (json_int_t)b->ops->time(b));
    int rc =
        ask ? MN_ECONFLICT : MN_FAIL(MN_EINVAL, "a task and who asks for it are texts in UTF-8");
    for (int tries = 0; rc == MN_ECONFLICT && tries < TRIES; tries++) {
        mn_edits edits = {0};
        int n;
        rc = last_id(b, &n);
        snprintf(id, 16, "t%d", n + 1);
        if (rc >= 0) rc = mn_edits_put(&edits, b, "ask/", id, ask, 0);
        if (rc >= 0) rc = mn_edits_check(&edits, b, "task/", id, 0);
        if (rc >= 0) rc = mn_edits_commit(&edits, b);
        mn_edits_free(&edits);
    }
    json_decref(ask);
    MN_TRY(rc);
    mn_board_tell(b, "ask", "{s:s, s:s, s:s}", "task", id, "text", text, "by", by ? by : "");
    return 0;
}

/* ---- cancelling ---------------------------------------------------------------------------- */
/* A question that nobody has taken. That of another machine lies there, too: it is taken, as a task
 * that was cancelled, so that it is gone from there. */
static int cancel_ask(mn_board *b, const char *id, const json_t *ask, uint64_t version) {
    const json_int_t now = (json_int_t)b->ops->time(b);
    mn_edits edits = {0};
    json_t *const task = json_pack("{s:s, s:s, s:s, s:s, s:I, s:I, s:s, s:[]}", "id", id, "text",
                                   field(ask, "text"), "by", field(ask, "by"), "state", "cancelled",
                                   "asked", json_integer_value(json_object_get(ask, "t")), "ended",
                                   now, "why", "somebody cancelled it", "steps");
    int rc = task ? mn_edits_del(&edits, b, "ask/", id, version)
                  : MN_FAIL(MN_ENOMEM, "no memory to cancel a task");
    if (rc >= 0 && strchr(id, '.')) rc = mn_edits_put(&edits, b, "task/", id, task, 0);
    if (rc >= 0) rc = mn_edits_commit(&edits, b);
    mn_edits_free(&edits);
    json_decref(task);
    return rc;
}

static int cancel_once(mn_board *b, const char *id) {
    json_t *task = NULL;
    uint64_t version = 0;
    int rc = mn_board_get(b, "task/", id, &task, &version);
    if (rc > 0) {
        const char *const state = field(task, "state");
        if (strcmp(state, "planning") && strcmp(state, "running"))
            rc = MN_FAIL(MN_EINVAL, "task %s is %s: there is nothing to cancel", id, state);
        else if (json_object_set_new(task, "cancel", json_true()))
            rc = MN_FAIL(MN_ENOMEM, "no memory to cancel a task");
        else
            rc = mn_board_put(b, "task/", id, task, 1, &version);
    } else if (rc == 0) {
        rc = mn_board_get(b, "ask/", id, &task, &version);
        if (rc > 0)
            rc = cancel_ask(b, id, task, version);
        else if (rc == 0)
            rc = MN_FAIL(MN_ENOENT, "there is no task '%s'", id);
    }
    json_decref(task);
    return rc;
}

int mn_fleet_cancel(mn_board *b, const char *id) {
    int rc = MN_ECONFLICT;
    MN_TRY(mn_board_name_check("task", id));
    for (int tries = 0; rc == MN_ECONFLICT && tries < TRIES; tries++) rc = cancel_once(b, id);
    MN_TRY(rc);
    mn_board_tell(b, "cancel", "{s:s}", "task", id);
    return 0;
}

/* ---- confirming ---------------------------------------------------------------------------- */
static const json_t *step_of(const json_t *task, const char *id) {
    const json_t *one;
    size_t i;
    json_array_foreach(json_object_get(task, "steps"), i,
                       one) if (strcmp(field(one, "id"), id) == 0) return one;
    return NULL;
}

int mn_fleet_asks(mn_board *b, const char *id, const char *step, const json_t *tries,
                  json_t **now) {
    json_t *task;
    MN_TRY(mn_board_get(b, "task/", id, &task, NULL));
    const json_t *const one = step_of(task, step);
    const char *const state = field(one, "state");
    json_t *const is = json_object_get(one, "tries");
    int rc = 0;
    if (!one)
        rc = MN_FAIL(MN_ENOENT, "%s has no step %s", id, step);
    else if (strcmp(state, "asked") != 0)
        rc = MN_FAIL(MN_ENOENT, "%s of %s asks nobody: it is %s", step, id, state);
    else if (tries && !json_equal(tries, is))
        rc = MN_FAIL(MN_ENOENT,
                     "%s of %s asks for another try by now: look at the task and answer anew", step,
                     id);
    *now = rc < 0 ? NULL : json_incref(is);
    json_decref(task);
    return rc;
}

int mn_fleet_confirm(mn_board *b, const char *id, const char *step, const json_t *tries, int no) {
    char name[MN_NAME + 34];
    uint64_t version = 0;
    json_t *now;
    int rc = mn_fleet_asks(b, id, step, tries, &now);
    MN_TRY(rc);
    json_decref(now);
    snprintf(name, sizeof name, "%s.%.31s", id, step);
    json_t *const answer = json_pack("{s:b}", "ok", !no);
    rc = answer ? mn_board_put(b, "confirm/", name, answer, 0, &version)
                : MN_FAIL(MN_ENOMEM, "no memory for an answer");
    json_decref(answer);
    return rc;
}

/* ---- looking ------------------------------------------------------------------------------- */
static int args_text(const json_t *args, mn_buf *out) {
    const char *key;
    json_t *value;
    int n = 0;
    json_object_foreach((json_t *)args, key, value) {
        MN_TRY(mn_buf_puts(out, n++ ? ", " : " "));
        if (json_is_string(value)) {
            MN_TRY(mn_buf_puts(out, json_string_value(value)));
        } else if (json_is_number(value))
            MN_TRY(mn_buf_printf(out, "%s %g", key, json_number_value(value)));
    }
    return 0;
}

static int place_of(const json_t *steps, const char *id, size_t before) {
    for (size_t i = 0; i < before; i++)
        if (strcmp(field(json_array_get(steps, i), "id"), id) == 0) return (int)i;
    return -1;
}

/* A step as a task of agent/task.h below the root, node 0. */
static int add_step(mn_tasks *t, const json_t *steps, size_t i, const int *node, int *out) {
    const json_t *const step = json_array_get(steps, i);
    const char *const state = field(step, "state");
    int deps[MN_TASK_DEPS], n = 0;
    mn_buf text = {0};
    json_t *id;
    size_t d;
    json_array_foreach(json_object_get(step, "after"), d, id) {
        const int at = json_string_value(id) ? place_of(steps, json_string_value(id), i) : -1;
        if (at >= 0 && n < MN_TASK_DEPS) deps[n++] = node[at];
    }
    int rc = mn_buf_printf(&text, "%s", field(step, "skill"));
    if (rc >= 0) rc = args_text(json_object_get(step, "args"), &text);
    if (rc >= 0) rc = mn_buf_printf(&text, "  [%s]", state);
    if (rc >= 0 && *field(step, "code")) rc = mn_buf_printf(&text, " %s", field(step, "code"));
    const char *copy = "", *slot = "";
    if (rc >= 0) rc = mn_tasks_text(t, text.data, text.len, &copy);
    if (rc >= 0) rc = mn_tasks_text(t, field(step, "robot"), strlen(field(step, "robot")), &slot);
    mn_buf_free(&text);
    MN_TRY(rc);
    const mn_task_spec spec = {
        .slot = slot, .text = copy, .parent = 0, .deps = deps, .n_deps = n, .beside = -1};
    MN_TRY(mn_task_add(t, &spec, out));
    t->node[*out].name = field(step, "id");
    t->node[*out].status = strcmp(state, "done") == 0       ? MN_TASK_DONE
                           : strcmp(state, "failed") == 0   ? MN_TASK_FAILED
                           : strcmp(state, "replaced") == 0 ? MN_TASK_FAILED
                                                            : MN_TASK_PENDING;
    return 0;
}

static int show_steps(mn_tasks *t, const json_t *task, mn_buf *out) {
    const json_t *const steps = json_object_get(task, "steps");
    const size_t n = json_array_size(steps);
    const mn_task_spec root = {
        .slot = field(task, "text"), .text = field(task, "state"), .parent = -1, .beside = -1};
    int at, *node;
    if (n > 16 * (size_t)MN_PLAN_STEPS)
        return MN_FAIL(MN_ECORRUPT, "task %s has %zu steps", field(task, "id"), n);
    MN_TRY(mn_task_add(t, &root, &at)); /* first: it begins the arena */
    MN_TRY(mn_arena_take(&t->arena, (n + 1) * sizeof *node, &node));
    t->node[at].name = field(task, "id");
    t->node[at].status = strcmp(field(task, "state"), "done") == 0     ? MN_TASK_DONE
                         : strcmp(field(task, "state"), "failed") == 0 ? MN_TASK_FAILED
                                                                       : MN_TASK_PENDING;
    for (size_t i = 0; i < n; i++) MN_TRY(add_step(t, steps, i, node, &node[i]));
    return mn_task_draw(t, at, 0, out);
}

static int show_reasons(const json_t *task, mn_buf *out) {
    json_t *step;
    size_t i;
    json_array_foreach(json_object_get(task, "steps"), i, step) {
        const char *const why = field(step, "why");
        if (!*why || strcmp(field(step, "state"), "replaced") == 0) continue;
        MN_TRY(mn_buf_printf(out, "%s  ", field(step, "id")));
        MN_TRY(mn_buf_show(out, why, strlen(why), " "));
        MN_TRY(mn_buf_puts(out, "\n"));
    }
    return 0;
}

int mn_fleet_show(const json_t *task, mn_buf *out) {
    mn_tasks t = {0};
    int rc = show_steps(&t, task, out);
    mn_tasks_free(&t);
    if (rc >= 0) rc = show_reasons(task, out);
    if (rc >= 0 && *field(task, "why")) {
        rc = mn_buf_show(out, field(task, "why"), strlen(field(task, "why")), " ");
        if (rc >= 0) rc = mn_buf_puts(out, "\n");
    }
    return rc;
}
