/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/brain_question.c - what a model that plans is told, and the only answers it can give.
 *
 * Names are texts of others: they go into the question as JSON strings, and come back as choices of
 * an enum.
 */
#include "base/alloc.h"
#include "base/error.h"
#include "base/json.h"
#include "fleet/brain_model.h"

#include <stdlib.h>
#include <string.h>

enum { STEPS = 40, WAITS = 4, TOLD = 48 << 10 };

/* ---- what is there ----------------------------------------------------------------------- */
static int is_place(const mn_thing *t) {
    return t->kind == MN_FURNITURE || t->kind == MN_ROOM;
}

json_t *mn_brain_enum(json_t *names) {
    return json_pack("{s:o}", "enum", names);
}
json_t *mn_brain_objects(const mn_scene *s) {
    json_t *const list = json_array();
    for (int i = 0; i < s->n_things; i++)
        if (s->thing[i].kind == MN_OBJECT_KIND)
            json_array_append_new(list, json_string(s->thing[i].name));
    return list;
}
static json_t *places_of(const mn_scene *s) {
    json_t *const list = json_array();
    for (int i = 0; i < s->n_things; i++)
        if (is_place(s->thing + i) || s->thing[i].kind == MN_DOOR)
            json_array_append_new(list, json_string(s->thing[i].name));
    for (int i = 0; i < s->n_robots; i++)
        if (s->robot[i].alive && s->robot[i].room_for > 0)
            json_array_append_new(list, json_string(s->robot[i].name));
    return list;
}
/* Of robots that live. */
static json_t *robots_of(const mn_scene *s, const char *skill) {
    json_t *const list = json_array();
    for (int i = 0; i < s->n_robots; i++)
        if (s->robot[i].alive && (!skill || mn_skills_find(&s->robot[i].skills, skill)))
            json_array_append_new(list, json_string(s->robot[i].name));
    return list;
}

/* Skills of all who live, each once: by name. Borrowed from the scene. */
typedef struct skill_list {
    const mn_skill *skill[128];
    int n;
} skill_list;
static int by_name(const void *a, const void *b) {
    return strcmp((*(const mn_skill *const *)a)->name, (*(const mn_skill *const *)b)->name);
}
static void skills_of(const mn_scene *s, skill_list *out) {
    out->n = 0;
    for (int i = 0; i < s->n_robots; i++) {
        const mn_skills *const all = &s->robot[i].skills;
        for (int k = 0; s->robot[i].alive && k < all->n && out->n < 128; k++) {
            int j = 0;
            while (j < out->n && strcmp(out->skill[j]->name, all->skill[k].name) != 0) j++;
            if (j == out->n) out->skill[out->n++] = all->skill + k;
        }
    }
    qsort(out->skill, (size_t)out->n, sizeof *out->skill, by_name);
}

/* ---- the question ------------------------------------------------------------------------ */
static int put_line(mn_buf *out, json_t *line) {
    int rc = line
                 ? mn_json_write(line, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(4), out)
                 : MN_FAIL(MN_ENOMEM, "no memory for a question to the model");
    if (rc >= 0) rc = mn_buf_puts(out, "\n");
    json_decref(line);
    return rc;
}

static int put_skill(const mn_skill *k, mn_buf *out) {
    const json_t *const meta = json_object_get(json_object_get(k->json, "_meta"), "omnesia/skill");
    json_t *const params = json_array();
    for (int i = 0; i < k->n_params; i++) json_array_append_new(params, json_string(k->param[i]));
    json_t *const line =
        json_pack("{s:s, s:o, s:f}", "skill", k->name, "takes", params, "seconds", k->seconds);
    json_t *const needs = json_object_get(meta, "needs"), *const makes =
                                                              json_object_get(meta, "makes");
    if (line && json_array_size(needs)) json_object_set(line, "needs", needs);
    if (line && json_array_size(makes)) json_object_set(line, "makes", makes);
    return put_line(out, line);
}

static json_t *skill_names(const mn_robot_seen *r) {
    json_t *const list = json_array();
    for (int i = 0; i < r->skills.n; i++)
        json_array_append_new(list, json_string(r->skills.skill[i].name));
    return list;
}

static int put_robot(const mn_robot_seen *r, mn_buf *out) {
    return put_line(out, json_pack("{s:s, s:f, s:i, s:f, s:i, s:o}", "robot", r->name, "speed",
                                   r->speed, "hands", r->n_hands, "lifts_kg", r->payload, "tray",
                                   r->room_for, "skills", skill_names(r)));
}

static const char RULES[] =
    "You plan for a team of robots. Answer with one JSON object: \"why\", a short sentence, and "
    "\"steps\", each with a robot, a skill it has, the parameters of the skill, and \"after\": the "
    "numbers of the steps that must have ended before, counted from 1. Steps that wait for nothing "
    "run at the same time; one robot does one thing at a time.\n"
    "- Before a robot grasps a thing or opens or closes something, it navigates to where that is, "
    "unless it stands there.\n"
    "- A robot grasps a thing before it places it, and navigates to where it places it.\n"
    "- A robot with speed 0 or a slow one stays: a quick one with a tray (tray more than 0) "
    "carries things to others. It has no hands: one robot places the thing on it, another grasps "
    "the thing from it.\n"
    "- What is closed is opened before.\n"
    "Example: box is on bench; lifter stands at bench, cart is elsewhere, packer stands at ramp; "
    "box shall be on ramp:\n"
    "{\"why\":\"The cart is quick.\",\"steps\":["
    "{\"robot\":\"lifter\",\"skill\":\"grasp\",\"thing\":\"box\",\"after\":[]},"
    "{\"robot\":\"cart\",\"skill\":\"navigate\",\"place\":\"bench\",\"after\":[]},"
    "{\"robot\":\"lifter\",\"skill\":\"place\",\"thing\":\"box\",\"place\":\"cart\",\"after\":[1,"
    "2]},"
    "{\"robot\":\"cart\",\"skill\":\"navigate\",\"place\":\"ramp\",\"after\":[3]},"
    "{\"robot\":\"packer\",\"skill\":\"grasp\",\"thing\":\"box\",\"after\":[4]},"
    "{\"robot\":\"packer\",\"skill\":\"place\",\"thing\":\"box\",\"place\":\"ramp\",\"after\":[5]}"
    "]}\n"
    "Or, by one robot alone:\n"
    "{\"why\":\"Nobody else has hands.\",\"steps\":["
    "{\"robot\":\"lifter\",\"skill\":\"navigate\",\"place\":\"bench\",\"after\":[]},"
    "{\"robot\":\"lifter\",\"skill\":\"grasp\",\"thing\":\"box\",\"after\":[1]},"
    "{\"robot\":\"lifter\",\"skill\":\"navigate\",\"place\":\"ramp\",\"after\":[2]},"
    "{\"robot\":\"lifter\",\"skill\":\"place\",\"thing\":\"box\",\"place\":\"ramp\",\"after\":[3]}"
    "]}\n";

static int put_system(mn_brain_talk *talk, const mn_scene *s) {
    mn_buf *const out = &talk->system;
    skill_list all;
    skills_of(s, &all);
    MN_TRY(mn_buf_puts(out, RULES));
    MN_TRY(
        mn_buf_puts(out, "Skills (needs: what must be true; makes: what is true afterwards):\n"));
    for (int i = 0; i < all.n; i++) MN_TRY(put_skill(all.skill[i], out));
    MN_TRY(mn_buf_puts(out, "Robots:\n"));
    for (int i = 0; i < s->n_robots; i++) {
        char key[MN_NAME + 8];
        if (!s->robot[i].alive) continue;
        snprintf(key, sizeof key, "body %.63s", s->robot[i].name);
        json_object_set_new(talk->told, key, json_true());
        MN_TRY(put_robot(s->robot + i, out));
    }
    MN_TRY(mn_buf_puts(out, "Places and things:\n"));
    for (int i = 0; i < s->n_things; i++) {
        const mn_thing *const t = s->thing + i;
        json_t *const line = json_pack("{s:s}", is_place(t) ? "place" : "thing", t->name);
        if (line && strcmp(t->class_, t->name) != 0)
            json_object_set_new(line, "class", json_string(t->class_));
        if (line && t->mass > 0) json_object_set_new(line, "kg", json_real(t->mass));
        MN_TRY(put_line(out, line));
    }
    return 0;
}

/* ---- what is told ------------------------------------------------------------------------ */
/* Things by when they changed, the last at the end. */
static int by_change(const void *a, const void *b) {
    const mn_thing *const x = *(const mn_thing *const *)a, *const y = *(const mn_thing *const *)b;
    return x->version < y->version ? -1 : x->version > y->version;
}

/* A line, unless it was told so already. what: "thing", "robot". */
static int put_fact(mn_brain_talk *t, const char *what, const char *name, json_t *line) {
    char key[MN_NAME + 8];
    snprintf(key, sizeof key, "%s %.63s", what, name);
    if (!line) return MN_FAIL(MN_ENOMEM, "no memory for a question to the model");
    if (json_equal(json_object_get(t->told, key), line)) {
        json_decref(line);
        return 0;
    }
    if (json_object_set(t->told, key, line) < 0) {
        json_decref(line);
        return MN_FAIL(MN_ENOMEM, "no memory for a question to the model");
    }
    return put_line(&t->text, line);
}

/* Robots that join later are told with what they are. */
static int put_seen(mn_brain_talk *t, const mn_robot_seen *r) {
    char key[MN_NAME + 8];
    snprintf(key, sizeof key, "body %.63s", r->name);
    if (r->alive && !json_object_get(t->told, key)) {
        json_object_set_new(t->told, key, json_true());
        MN_TRY(put_robot(r, &t->text));
    }
    return put_fact(t, "robot", r->name,
                    r->alive ? json_pack("{s:s, s:s}", "robot", r->name, "at", r->at)
                             : json_pack("{s:s, s:b}", "robot", r->name, "lost", 1));
}

static int put_thing(mn_brain_talk *t, const mn_scene *s, const mn_thing *thing) {
    if (thing->kind == MN_ROOM) return 0;
    json_t *const line = json_pack("{s:s, s:s}", "thing", thing->name, "at", thing->at);
    if (line && thing->open >= 0) json_object_set_new(line, "open", json_boolean(thing->open));
    if (line && mn_scene_robot(s, thing->at))
        json_object_set_new(line, "in", json_string(thing->how));
    return put_fact(t, "thing", thing->name, line);
}

/* Where everything is that was not told yet, or is elsewhere since; who is lost. */
static int put_where(mn_brain_talk *t, const mn_scene *s) {
    const mn_thing **const order = mn_malloc(((size_t)s->n_things + 1) * sizeof *order);
    int rc = order ? 0 : MN_FAIL(MN_ENOMEM, "no memory for a question to the model");
    for (int i = 0; order && i < s->n_things; i++) order[i] = s->thing + i;
    if (order) qsort(order, (size_t)s->n_things, sizeof *order, by_change);
    for (int i = 0; rc >= 0 && i < s->n_things; i++) rc = put_thing(t, s, order[i]);
    mn_free(order);
    for (int i = 0; rc >= 0 && i < s->n_robots; i++) rc = put_seen(t, s->robot + i);
    return rc;
}

void mn_brain_talk_free(mn_brain_talk *t) {
    mn_buf_free(&t->system);
    mn_buf_free(&t->text);
    json_decref(t->told);
    *t = (mn_brain_talk){.told = NULL};
}

int mn_brain_talk_begin(mn_brain_talk *t, const mn_scene *s, const char *task) {
    if (t->told) return 0;
    t->told = json_object();
    int rc = t->told ? put_system(t, s) : MN_FAIL(MN_ENOMEM, "no memory for a question");
    if (rc >= 0) rc = mn_buf_puts(&t->text, "Where everything is:\n");
    if (rc >= 0) rc = put_where(t, s);
    if (rc >= 0) rc = mn_buf_puts(&t->text, "Task: ");
    if (rc >= 0) rc = put_line(&t->text, json_string(task));
    if (rc < 0) mn_brain_talk_free(t);
    return rc;
}

/* Steps that are replaced, as the model would have said them, with what went wrong. */
static int put_failed(mn_brain_talk *t, const json_t *steps, const json_t *instead) {
    json_t *step, *id;
    size_t i, k;
    json_array_foreach((json_t *)steps, i, step) {
        int is = 0;
        json_array_foreach((json_t *)instead, k, id) is |=
            json_equal(id, json_object_get(step, "id"));
        if (!is) continue;
        json_t *const line = json_pack("{s:O?, s:O?}", "robot", json_object_get(step, "robot"),
                                       "skill", json_object_get(step, "skill"));
        json_t *const code = json_object_get(step, "code");
        if (line) json_object_update_missing(line, json_object_get(step, "args"));
        if (line && code) json_object_set(line, "failed", code);
        MN_TRY(put_line(&t->text, line));
    }
    return 0;
}

int mn_brain_talk_again(mn_brain_talk *t, const mn_scene *s, const char *task, const json_t *steps,
                        const json_t *instead, const mn_goals *goals) {
    json_t *const left = mn_goals_write(goals);
    if (t->text.len > TOLD) mn_brain_talk_free(t); /* from the beginning, as it is now */
    int rc = left ? mn_brain_talk_begin(t, s, task) : MN_FAIL(MN_ENOMEM, "no memory for goals");
    if (rc >= 0) rc = mn_buf_puts(&t->text, "What was planned goes on. Then, what is different:\n");
    if (rc >= 0) rc = put_where(t, s);
    if (rc >= 0 && json_array_size(instead))
        rc = mn_buf_puts(&t->text, "These steps failed, or waited for one that did:\n");
    if (rc >= 0) rc = put_failed(t, steps, instead);
    if (rc >= 0)
        rc = mn_buf_puts(&t->text, "Say only the steps that replace them. In the end shall be: ");
    if (rc >= 0) rc = put_line(&t->text, json_incref(left));
    json_decref(left);
    return rc;
}

/* ---- the only answers -------------------------------------------------------------------- */
/* The schema of a parameter; NULL: there is nothing it could be. */
static json_t *param_schema(const mn_scene *s, const mn_skill *k, const char *name) {
    json_t *list = NULL;
    if (strcmp(name, "thing") == 0)
        list = mn_brain_objects(s);
    else if (strcmp(name, "place") == 0)
        list = places_of(s);
    else if (strcmp(name, "to") == 0)
        list = robots_of(s, NULL);
    else
        return json_deep_copy(json_object_get(json_object_get(k->schema, "properties"), name));
    if (json_array_size(list)) return mn_brain_enum(list);
    json_decref(list);
    return NULL;
}

/* One alternative of a step; NULL: nobody can do it to anything. */
static json_t *step_schema(const mn_scene *s, const mn_skill *k) {
    json_t *const robots = robots_of(s, k->name);
    json_t *const properties = json_object(), *const required = json_array();
    int whole = json_array_size(robots) > 0;
    json_object_set_new(properties, "robot", mn_brain_enum(robots));
    json_object_set_new(properties, "skill", json_pack("{s:s}", "const", k->name));
    json_array_append_new(required, json_string("robot"));
    json_array_append_new(required, json_string("skill"));
    for (int i = 0; i < k->n_params && whole; i++) {
        json_t *const one = param_schema(s, k, k->param[i]);
        whole = one && json_object_set_new(properties, k->param[i], one) == 0 &&
                json_array_append_new(required, json_string(k->param[i])) == 0;
    }
    json_object_set_new(properties, "after",
                        json_pack("{s:s, s:i, s:{s:s, s:i, s:i}}", "type", "array", "maxItems",
                                  WAITS, "items", "type", "integer", "minimum", 1, "maximum",
                                  STEPS));
    json_array_append_new(required, json_string("after"));
    json_t *const out = json_pack("{s:s, s:o, s:o, s:b}", "type", "object", "properties",
                                  properties, "required", required, "additionalProperties", 0);
    if (whole) return out;
    json_decref(out);
    return NULL;
}

int mn_brain_answer_schema(const mn_brain_answer *a, json_t *any, mn_buf *out) {
    char why[40];
    snprintf(why, sizeof why, "^[A-Za-z0-9 ,.'-]{%d,160}$", a->why);
    json_t *const schema =
        json_pack("{s:s, s:{s:{s:s, s:s}, s:{s:s, s:i, s:i, s:{s:o}}}, s:[s, s], s:b}", "type",
                  "object", "properties", "why", "type", "string", "pattern", why, a->what, "type",
                  "array", "minItems", a->least, "maxItems", a->most, "items", "anyOf", any,
                  "required", "why", a->what, "additionalProperties", 0);
    const int rc = schema ? mn_json_write(schema, JSON_COMPACT, out)
                          : MN_FAIL(MN_ENOMEM, "no memory for a schema");
    json_decref(schema);
    return rc;
}

int mn_brain_schema(const mn_scene *s, mn_buf *out) {
    json_t *const steps = json_array();
    skill_list all;
    skills_of(s, &all);
    for (int i = 0; i < all.n; i++) {
        json_t *const one = step_schema(s, all.skill[i]);
        if (one) json_array_append_new(steps, one);
    }
    if (!json_array_size(steps)) {
        json_decref(steps);
        return MN_FAIL(MN_ENOENT, "no robot that lives has a skill: let one join first");
    }
    const mn_brain_answer answer = {.what = "steps", .least = 1, .most = STEPS};
    return mn_brain_answer_schema(&answer, steps, out);
}
