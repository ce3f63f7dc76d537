/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/door_look.c - verbs that look: status, scene, task, history, recall.
 */
#include "fleet/door.h"

#include "base/error.h"
#include "base/when.h"
#include "fleet/event.h"
#include "fleet/mcap.h"
#include "fleet/past_inside.h"
#include "fleet/see.h"

#include <string.h>

/* ---- status ------------------------------------------------------------------------------ */
static json_t *flags_of(const mn_robot_seen *r) {
    return json_string(!r->alive && !r->state.beat         ? "left"
                       : !r->alive                         ? "lost"
                       : r->state.flags & MN_STATE_STOPPED ? "stopped"
                       : r->state.flags & MN_STATE_BUSY    ? "busy"
                                                           : "idle");
}

static json_t *robot_json(const mn_robot_seen *r, json_t *call) {
    json_t *const skills = json_array();
    for (int i = 0; i < r->skills.n; i++)
        json_array_append_new(skills, json_string(r->skills.skill[i].name));
    json_t *const o = json_pack("{s:s, s:s, s:o, s:s, s:O, s:o, s:s}", "name", r->name, "body",
                                r->body, "state", flags_of(r), "at", r->at, "holds", r->holds,
                                "skills", skills, "machine", r->machine);
    if (o && r->state.beat) json_object_update_missing_new(o, mn_fleet_state_write(&r->state));
    if (o && call && r->alive) json_object_set(o, "call", call); /* who is lost does nothing */
    return o;
}

static int put_robots(mn_fleet_call *c, const mn_scene *s) {
    json_t *const list = json_array();
    MN_TRY(mn_verb_put(c->result, "robots", list));
    for (int i = 0; i < s->n_robots; i++) {
        json_t *call = NULL;
        mn_board_get(c->board, "call/", s->robot[i].name, &call, NULL);
        const int bad = json_array_append_new(list, robot_json(s->robot + i, call)) < 0;
        json_decref(call);
        if (bad) return MN_FAIL(MN_ENOMEM, "no memory for a robot");
    }
    return 0;
}

typedef struct listing {
    mn_fleet_call *c;
    const char *kind;
    json_t *list;
    size_t prefix;
} listing;

/* What the model was asked for it, a sentence each: the plan, and what was planned anew. */
static json_t *model_texts(const json_t *model) {
    json_t *const list = json_array(), *one;
    size_t i;
    if (json_object_get(model, "text")) json_array_append(list, json_object_get(model, "text"));
    json_array_foreach(json_object_get(model, "again"), i, one) if (json_object_get(one, "text"))
        json_array_append(list, json_object_get(one, "text"));
    return list;
}

/* "t1: put the apple ..": what a list of tasks shows. */
static json_t *task_brief(const json_t *task) {
    const char *const fields[] = {"id",    "text",  "by",  "state",  "asked",
                                  "begun", "ended", "why", "replans"};
    json_t *const o = json_object(), *const steps = json_object_get(task, "steps"), *step;
    int done = 0, all = 0;
    size_t i;
    for (i = 0; i < sizeof fields / sizeof *fields; i++) {
        json_t *const v = json_object_get(task, fields[i]);
        if (v) json_object_set(o, fields[i], v);
    }
    json_array_foreach(steps, i, step) {
        const char *const state = json_string_value(json_object_get(step, "state"));
        if (state && strcmp(state, "replaced") != 0) all++, done += strcmp(state, "done") == 0;
    }
    if (json_object_get(task, "model"))
        json_object_set_new(o, "model", model_texts(json_object_get(task, "model")));
    json_object_set_new(o, "done", json_integer(done));
    json_object_set_new(o, "steps", json_integer(all));
    return o;
}

/* An ask is what no brain has taken yet. */
static int each_task(void *user, const char *key, uint64_t version) {
    listing *const l = user;
    const char *const id = key + l->prefix;
    json_t *task;
    (void)version;
    if (mn_board_name_check("task", id) < 0) return 0; /* no brain takes it */
    if (mn_board_get(l->c->board, l->kind, id, &task, NULL) <= 0) return 0;
    int bad = 0;
    if (strcmp(l->kind, "ask/") == 0)
        bad = json_object_set_new(task, "id", json_string(id)) ||
              json_object_set_new(task, "state", json_string("asked")) ||
              json_object_set(task, "asked", json_object_get(task, "t"));
    bad = bad || json_array_append_new(l->list, task_brief(task)) < 0;
    json_decref(task);
    return bad ? MN_FAIL(MN_ENOMEM, "no memory for a task") : 0;
}

static int list_tasks(mn_fleet_call *c, const char *kind, json_t *list) {
    char folder[MN_FLEET_KEY];
    listing l = {.c = c, .list = list, .kind = kind};
    MN_TRY(mn_board_key(c->board, kind, "", folder));
    l.prefix = strlen(folder);
    return c->board->ops->each(c->board, folder, each_task, &l);
}

static int is_listed(const json_t *list, const json_t *task) {
    json_t *one;
    size_t i;
    json_array_foreach(list, i, one) {
        if (json_equal(json_object_get(one, "id"), json_object_get(task, "id"))) return 1;
    }
    return 0;
}

/* What was asked for comes last, and is read first, as it becomes a task. */
static int put_tasks(mn_fleet_call *c) {
    json_t *const asked = json_array(), *const list = json_array(), *ask;
    size_t i;
    int rc = mn_verb_put(c->result, "tasks", list);
    if (rc >= 0 && !asked) rc = MN_FAIL(MN_ENOMEM, "no memory for tasks");
    if (rc >= 0) rc = list_tasks(c, "ask/", asked);
    if (rc >= 0) rc = list_tasks(c, "task/", list);
    json_array_foreach(asked, i, ask) {
        if (rc >= 0 && !is_listed(list, ask) && json_array_append(list, ask))
            rc = MN_FAIL(MN_ENOMEM, "no memory for tasks");
    }
    json_decref(asked);
    return rc;
}

static int put_stop(mn_fleet_call *c) {
    json_t *value;
    const int rc = mn_board_get(c->board, "stop", "", &value, NULL);
    return rc > 0 ? mn_verb_put(c->result, "stop", value) : rc;
}

/* Not one whose process has ended, and which could not say so. */
static int put_brain(mn_fleet_call *c) {
    json_t *brain;
    MN_TRY(mn_board_get(c->board, "brain", "", &brain, NULL));
    const char *const life = json_string_value(json_object_get(brain, "life"));
    if (brain && (!life || mn_board_lives(c->board, life, NULL) != MN_LIFE_ENDED))
        return mn_verb_put(c->result, "brain", brain);
    json_decref(brain);
    return 0;
}

/* What could not be read, as a list of lines. */
static int put_wrong(mn_fleet_call *c, const mn_buf *wrong) {
    return wrong->len ? mn_verb_put(c->result, "damaged", json_stringn(wrong->data, wrong->len))
                      : 0;
}

int mn_fleet_verb_status(void *call) {
    mn_fleet_call *const c = call;
    mn_scene s;
    mn_buf wrong = {0};
    MN_TRY(mn_scene_read(c->board, "", &s, &wrong));
    int rc = mn_verb_put(c->result, "fleet", json_string(c->board->fleet));
    if (rc >= 0) rc = mn_verb_put(c->result, "things", json_integer(s.n_things));
    if (rc >= 0) rc = put_robots(c, &s);
    if (rc >= 0) rc = put_tasks(c);
    if (rc >= 0) rc = put_brain(c);
    if (rc >= 0) rc = put_stop(c);
    if (rc >= 0) rc = put_wrong(c, &wrong);
    mn_scene_free(&s);
    mn_buf_free(&wrong);
    return rc;
}

/* ---- scene ------------------------------------------------------------------------------- */
static json_t *thing_json(const mn_scene *s, const mn_thing *t) {
    mn_pose pose;
    json_t *const o = json_copy(t->json);
    json_object_set_new(o, "name", json_string(t->name));
    json_object_set(o, "holds", t->holds);
    json_object_set_new(o, "version", json_integer((json_int_t)t->version));
    if (mn_scene_pose(s, t->name, &pose) >= 0)
        json_object_set_new(o, "where", json_pack("[f, f, f]", pose.p[0], pose.p[1], pose.p[2]));
    return o;
}

int mn_fleet_verb_scene(void *call) {
    mn_fleet_call *const c = call;
    json_t *const list = json_array();
    mn_scene s;
    mn_buf wrong = {0}, text = {0};
    MN_TRY(mn_verb_put(c->result, "things", list));
    MN_TRY(mn_scene_read(c->board, "", &s, &wrong));
    int rc = 0;
    for (int i = 0; rc >= 0 && i < s.n_things; i++) {
        if (c->args.thing && strcmp(c->args.thing, s.thing[i].name) != 0) continue;
        if (json_array_append_new(list, thing_json(&s, s.thing + i)) < 0)
            rc = MN_FAIL(MN_ENOMEM, "no memory for a thing");
    }
    if (rc >= 0) rc = put_robots(c, &s);
    if (rc >= 0)
        rc = c->args.thing
                 ? mn_scene_show_one(&s, c->args.thing, c->board->ops->time(c->board), &text)
                 : mn_scene_show(&s, &text);
    if (rc >= 0)
        rc = mn_verb_put(c->result, "text", json_stringn(text.data ? text.data : "", text.len));
    if (rc >= 0) rc = put_wrong(c, &wrong);
    mn_scene_free(&s);
    mn_buf_free(&wrong);
    mn_buf_free(&text);
    return rc;
}

/* ---- task, history, recall --------------------------------------------------------------- */
/* The task; or what was asked for and no brain has taken yet, as a task "asked". */
static int read_task(mn_fleet_call *c, json_t **out) {
    json_t *asked = NULL;
    int rc = mn_board_get(c->board, "task/", c->args.task, out, NULL);
    if (rc) return rc;
    MN_TRY(rc = mn_board_get(c->board, "ask/", c->args.task, &asked, NULL));
    if (!rc) /* it may have been taken just now */
        rc = mn_board_get(c->board, "task/", c->args.task, out, NULL);
    else if (!(*out = json_pack("{s:s, s:O?, s:O?, s:s, s:[]}", "id", c->args.task, "text",
                                json_object_get(asked, "text"), "by", json_object_get(asked, "by"),
                                "state", "asked", "steps")))
        rc = MN_FAIL(MN_ENOMEM, "no memory for a task");
    json_decref(asked);
    if (rc) return rc;
    return MN_FAIL(MN_ENOENT, "there is no task '%s': `omnesia fleet status` lists them",
                   c->args.task);
}

static int add_reasons(mn_fleet_call *c, json_t *task) {
    mn_scene s = {0};
    int rc = mn_scene_read(c->board, "", &s, NULL);
    if (rc >= 0) rc = mn_fleet_why(&s, task);
    mn_scene_free(&s);
    return rc;
}

int mn_fleet_verb_task(void *call) {
    mn_fleet_call *const c = call;
    json_t *task;
    mn_buf text = {0};
    MN_TRY(read_task(c, &task));
    int rc = c->args.why ? add_reasons(c, task) : 0;
    if (rc >= 0) rc = mn_fleet_show(task, &text);
    if (rc >= 0)
        rc = mn_verb_put(c->result, "tree", json_stringn(text.data ? text.data : "", text.len));
    if (rc >= 0) rc = mn_verb_put(c->result, "task", json_incref(task));
    json_decref(task);
    mn_buf_free(&text);
    return rc;
}

static int is(const json_t *event, const char *field, const char *asked) {
    const char *const text = json_string_value(json_object_get(event, field));
    return !asked || (text && strcmp(text, asked) == 0);
}

/* All events, as a file of another form. */
static int save(mn_fleet_call *c) {
    int64_t n;
    MN_TRY(mn_mcap_write(c->board, c->args.mcap, &n));
    MN_TRY(mn_verb_put(c->result, "file", json_string(c->args.mcap)));
    return mn_verb_put(c->result, "written", json_integer((json_int_t)n));
}

int mn_fleet_verb_history(void *call) {
    mn_fleet_call *const c = call;
    const mn_fleet_args *const a = &c->args;
    if (a->mcap) return save(c);
    json_t *const list = json_array();
    char key[MN_FLEET_KEY];
    uint64_t from = (uint64_t)a->after, number;
    mn_buf value = {0};
    int rc = mn_verb_put(c->result, "events", list);
    if (rc >= 0) rc = mn_board_key(c->board, "events", "", key);
    while (rc >= 0 && (int64_t)json_array_size(list) < a->limit) {
        rc = c->board->ops->record(c->board, key, from, &value, &number);
        if (rc <= 0) break;
        from = number + 1;
        json_t *const event = json_loadb(value.data, value.len, 0, NULL);
        if (json_is_object(event) && is(event, "kind", a->kind) && is(event, "robot", a->robot) &&
            is(event, "thing", a->thing) && is(event, "task", a->task)) {
            json_object_set_new(event, "number", json_integer((json_int_t)number));
            rc = mn_event_put_line(event);
            if (rc >= 0 && json_array_append(list, event) < 0)
                rc = MN_FAIL(MN_ENOMEM, "no memory for an event");
        }
        json_decref(event);
    }
    mn_buf_free(&value);
    if (rc >= 0) rc = mn_past_order(list);
    if (rc >= 0) rc = mn_verb_put(c->result, "next", json_integer((json_int_t)from));
    return rc;
}

int mn_fleet_verb_recall(void *call) {
    mn_fleet_call *const c = call;
    mn_when when = {0};
    json_t *answer, *event;
    size_t i;
    int rc = 0;
    if (c->args.as_of && !mn_when_parse(c->args.as_of, &when))
        return MN_FAIL(MN_EINVAL, "as_of: '%.40s' is no moment; 2026-11-27 14:30 is one",
                       c->args.as_of);
    MN_TRY(
        mn_past_ask(c->board, c->args.question, when.span ? when.at + when.span - 1 : 0, &answer));
    json_array_foreach(json_object_get(answer, "events"), i, event) {
        if (rc >= 0) rc = mn_event_put_line(event);
    }
    if (rc >= 0 && json_object_update(c->result, answer) < 0)
        rc = MN_FAIL(MN_ENOMEM, "no memory for an answer");
    json_decref(answer);
    return rc;
}
