/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/brain_model.c - a model plans: question, answer, judgement, again.
 *
 * Names are texts of others: they go into the question as JSON strings, and come back as choices of
 * an enum. A step of the answer is {"robot", "skill", its parameters, "after": [numbers of steps]};
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

enum { STEPS = 40, WAITS = 4, WHY = 240, GOALS = 12, SAID = 400, QUOTED = 80 };

/* ---- what is there ----------------------------------------------------------------------- */
static int is_place(const mn_thing *t) {
    return t->kind == MN_FURNITURE || t->kind == MN_ROOM;
}

/* Enums: names of objects; of places, with robots that have a tray; of robots that live. */
static json_t *objects_of(const mn_scene *s) {
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
    int rc = line ? mn_json_write(line, JSON_COMPACT | JSON_ENCODE_ANY, out)
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
    return put_line(out, json_pack("{s:s, s:s, s:b, s:i, s:f, s:i, s:o}", "robot", r->name, "body",
                                   r->body, "drives", r->speed > 0, "hands", r->n_hands, "lifts_kg",
                                   r->payload, "tray", r->room_for, "skills", skill_names(r)));
}

static const char RULES[] =
    "You plan for a team of robots. Answer with one JSON object: \"why\", one sentence, and "
    "\"steps\", "
    "each with a robot, a skill it has, the parameters of the skill, and \"after\": the numbers of "
    "the "
    "steps that must have ended before, counted from 1. Steps that wait for nothing run at the "
    "same "
    "time, so let different robots work at once; one robot does one thing at a time, so its steps "
    "wait "
    "for each other. A robot must be at a place before it does something there: it navigates "
    "first, "
    "unless it is there already. It takes a thing with grasp before it can place it. Robots that "
    "do not "
    "drive reach only the place where they stand: what is elsewhere is brought to them, on a tray "
    "or by "
    "hand. What is closed is opened first.\n"
    "Example: apple is at shelf; carrier, which drives and has hands, shall bring it to table: "
    "{\"why\":\"Carrier fetches the apple.\",\"steps\":["
    "{\"robot\":\"carrier\",\"skill\":\"navigate\",\"place\":\"shelf\",\"after\":[]},"
    "{\"robot\":\"carrier\",\"skill\":\"grasp\",\"thing\":\"apple\",\"after\":[1]},"
    "{\"robot\":\"carrier\",\"skill\":\"navigate\",\"place\":\"table\",\"after\":[2]},"
    "{\"robot\":\"carrier\",\"skill\":\"place\",\"thing\":\"apple\",\"place\":\"table\",\"after\":["
    "3]}"
    "]}\n";

int mn_brain_system(const mn_scene *s, mn_buf *out) {
    skill_list all;
    skills_of(s, &all);
    MN_TRY(mn_buf_puts(out, RULES));
    MN_TRY(
        mn_buf_puts(out, "Skills (needs: what must be true; makes: what is true afterwards):\n"));
    for (int i = 0; i < all.n; i++) MN_TRY(put_skill(all.skill[i], out));
    MN_TRY(mn_buf_puts(out, "Robots:\n"));
    for (int i = 0; i < s->n_robots; i++)
        if (s->robot[i].alive) MN_TRY(put_robot(s->robot + i, out));
    MN_TRY(mn_buf_puts(out, "Places and things:\n"));
    for (int i = 0; i < s->n_things; i++) {
        const mn_thing *const t = s->thing + i;
        json_t *const line =
            json_pack("{s:s, s:s}", is_place(t) ? "place" : "thing", t->name, "class", t->class_);
        if (line && t->mass > 0) json_object_set_new(line, "kg", json_real(t->mass));
        MN_TRY(put_line(out, line));
    }
    return 0;
}

/* Things by when they changed, the last at the end. */
static int by_change(const void *a, const void *b) {
    const mn_thing *const x = *(const mn_thing *const *)a, *const y = *(const mn_thing *const *)b;
    const int64_t tx = x->seen > x->pose.t ? x->seen : x->pose.t;
    const int64_t ty = y->seen > y->pose.t ? y->seen : y->pose.t;
    return tx != ty ? (tx > ty) - (tx < ty) : strcmp(x->name, y->name);
}

static int put_where(const mn_scene *s, mn_buf *out) {
    const mn_thing **const order = mn_malloc((size_t)(s->n_things + 1) * sizeof *order);
    int rc = order ? 0 : MN_FAIL(MN_ENOMEM, "no memory for a question to the model");
    for (int i = 0; order && i < s->n_things; i++) order[i] = s->thing + i;
    if (order) qsort(order, (size_t)s->n_things, sizeof *order, by_change);
    for (int i = 0; rc >= 0 && i < s->n_things; i++) {
        const mn_thing *const t = order[i];
        json_t *const line = json_pack("{s:s, s:s}", "thing", t->name, "at", t->at);
        if (line && t->open >= 0) json_object_set_new(line, "open", json_boolean(t->open));
        if (line && mn_scene_robot(s, t->at)) json_object_set_new(line, "in", json_string(t->how));
        if (t->kind == MN_ROOM)
            json_decref(line);
        else
            rc = put_line(out, line);
    }
    mn_free(order);
    return rc;
}

int mn_brain_text(const mn_scene *s, const char *task, const json_t *refused, mn_buf *out) {
    const json_t *said;
    size_t i;
    MN_TRY(mn_buf_puts(out, "Where everything is:\n"));
    MN_TRY(put_where(s, out));
    for (int k = 0; k < s->n_robots; k++)
        if (s->robot[k].alive)
            MN_TRY(put_line(
                out, json_pack("{s:s, s:s}", "robot", s->robot[k].name, "at", s->robot[k].at)));
    MN_TRY(mn_buf_puts(out, "Task: "));
    MN_TRY(put_line(out, json_string(task)));
    json_array_foreach((json_t *)refused, i, said) {
        MN_TRY(mn_buf_puts(out, "A plan was refused: "));
        MN_TRY(put_line(out, json_incref((json_t *)said)));
    }
    return 0;
}

/* ---- the only answers -------------------------------------------------------------------- */
static json_t *enum_of(json_t *names) {
    return json_pack("{s:o}", "enum", names);
}

/* The schema of a parameter; NULL: there is nothing it could be. */
static json_t *param_schema(const mn_scene *s, const mn_skill *k, const char *name) {
    json_t *list = NULL;
    if (strcmp(name, "thing") == 0)
        list = objects_of(s);
    else if (strcmp(name, "place") == 0)
        list = places_of(s);
    else if (strcmp(name, "to") == 0)
        list = robots_of(s, NULL);
    else
        return json_deep_copy(json_object_get(json_object_get(k->schema, "properties"), name));
    if (json_array_size(list)) return enum_of(list);
    json_decref(list);
    return NULL;
}

/* One alternative of a step; NULL: nobody can do it to anything. */
static json_t *step_schema(const mn_scene *s, const mn_skill *k) {
    json_t *const robots = robots_of(s, k->name);
    json_t *const properties = json_object(), *const required = json_array();
    int whole = json_array_size(robots) > 0;
    json_object_set_new(properties, "robot", enum_of(robots));
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
    json_t *const schema =
        json_pack("{s:s, s:{s:{s:s, s:i}, s:{s:s, s:i, s:i, s:{s:o}}}, s:[s, s], s:b}", "type",
                  "object", "properties", "why", "type", "string", "maxLength", WHY, "steps",
                  "type", "array", "minItems", 1, "maxItems", STEPS, "items", "anyOf", steps,
                  "required", "why", "steps", "additionalProperties", 0);
    const int rc = schema ? mn_json_write(schema, JSON_COMPACT, out)
                          : MN_FAIL(MN_ENOMEM, "no memory for a schema");
    json_decref(schema);
    return rc;
}

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

/* An answer as JSON, the caller's; no object: it is none, and the last error says so. What it cost
 * is reported. */
static int ask(const mn_brain_how *how, const mn_buf *system, const mn_buf *text,
               const mn_buf *schema, json_t *report, json_t **out) {
    char *answer = NULL;
    int tokens[4] = {0};
    const uint64_t begun = mn_clock_ns();
    const int rc = how->ask(how->user, system->data, text->data, schema->data, &answer, tokens);
    if (rc == MN_EBUSY) return rc; /* it is thinking */
    json_t *sums = json_object_get(report, "tokens");
    if (!sums) json_object_set_new(report, "tokens", sums = json_object());
    add(sums, "read", tokens[0]);
    add(sums, "cached", tokens[1]);
    add(sums, "written", tokens[2]);
    add(report, "asked", 1);
    add(report, "ms", tokens[3] ? tokens[3] : (int)((mn_clock_ns() - begun) / 1000000));
    *out = rc >= 0 && answer ? json_loads(answer, JSON_REJECT_DUPLICATES, NULL) : NULL;
    if (rc >= 0 && !json_is_object(*out)) no_answer(answer ? answer : "");
    mn_free(answer);
    return rc < 0 ? rc : 0;
}

/* {"robot", "skill", .., "after": [1]} -> {"id": "s2", .., "args": {..}, "after": ["s1"]} */
static json_t *step_of(const json_t *said, size_t number) {
    json_t *const args = json_object(), *const after = json_array(), *value;
    const char *name;
    char id[24];
    size_t i;
    json_object_foreach((json_t *)said, name, value) {
        if (strcmp(name, "robot") && strcmp(name, "skill") && strcmp(name, "after"))
            json_object_set(args, name, value);
    }
    json_array_foreach(json_object_get(said, "after"), i, value) {
        snprintf(id, sizeof id, "s%lld", (long long)json_integer_value(value));
        json_array_append_new(after, json_string(id));
    }
    snprintf(id, sizeof id, "s%zu", number);
    return json_pack("{s:s, s:O?, s:O?, s:o, s:o}", "id", id, "robot",
                     json_object_get(said, "robot"), "skill", json_object_get(said, "skill"),
                     "args", args, "after", after);
}

/* Is it a plan, and right? 1; 0, with the sentence. */
static int judge(const mn_scene *s, const mn_goals *goals, const json_t *answer, mn_fleet_plan *out,
                 json_t *report) {
    const json_t *said, *const list = json_object_get(answer, "steps");
    json_t *const steps = json_array();
    size_t i;
    int rc = json_array_size(list) ? 0 : MN_EINVAL;
    if (rc < 0 && json_is_object(answer)) MN_FAIL(rc, "the answer has no steps");
    json_array_foreach((json_t *)list, i, said) json_array_append_new(steps, step_of(said, i + 1));
    *out = (mn_fleet_plan){0};
    if (rc >= 0) rc = mn_fleet_plan_parse(s, steps, out);
    json_decref(steps);
    if (rc >= 0) add(report, "valid", 1);
    if (rc >= 0) rc = mn_fleet_plan_check(s, out, goals);
    if (rc >= 0) return 1;
    mn_fleet_plan_free(out);
    return rc == MN_ENOMEM ? rc : 0;
}

/* What was said of answers so far, a list that the report has. */
static json_t *refused_of(json_t *report) {
    json_t *list = json_object_get(report, "refused");
    if (!list) json_object_set_new(report, "refused", list = json_array());
    return list;
}

/* One question, one answer: 1: it is right, 0: it is not, and why is in the list. */
static int try_once(const mn_scene *s, const char *task, const mn_goals *goals,
                    const mn_brain_how *how, mn_fleet_plan *out, json_t *report) {
    mn_buf system = {0}, schema = {0}, text = {0};
    json_t *const refused = refused_of(report), *answer = NULL;
    int rc = mn_brain_system(s, &system);
    if (rc >= 0) rc = mn_brain_schema(s, &schema);
    if (rc >= 0) rc = mn_brain_text(s, task, refused, &text);
    if (rc >= 0) rc = ask(how, &system, &text, &schema, report, &answer);
    if (rc >= 0) rc = judge(s, goals, answer, out, report);
    if (rc == 0)
        json_array_append_new(refused,
                              json_stringn(mn_error_detail(), strnlen(mn_error_detail(), SAID)));
    if (rc > 0 && json_object_get(answer, "why"))
        json_object_set(report, "why", json_object_get(answer, "why"));
    json_decref(answer);
    mn_buf_free(&system);
    mn_buf_free(&schema);
    mn_buf_free(&text);
    return rc;
}

int mn_brain_plan_ask(const mn_scene *s, const char *task, const mn_goals *goals,
                      const mn_brain_how *how, mn_fleet_plan *out, json_t *report) {
    int right = 0;
    while (!right && json_array_size(refused_of(report)) < MN_BRAIN_TRIES)
        MN_TRY(right = try_once(s, task, goals, how, out, report));
    json_object_set_new(report, "right", json_boolean(right));
    if (right) json_object_set_new(report, "seconds", json_real(out->makespan));
    return right;
}

/* ---- goals ------------------------------------------------------------------------------- */
static json_t *goal_schema(const char *a, json_t *of_a, const char *b, json_t *of_b) {
    return json_pack("{s:s, s:{s:o, s:o}, s:[s, s], s:b}", "type", "object", "properties", a,
                     enum_of(of_a), b, of_b, "required", a, b, "additionalProperties", 0);
}

static int goals_schema(const mn_scene *s, mn_buf *out) {
    json_t *const schema =
        json_pack("{s:s, s:{s:{s:s, s:i, s:i, s:{s:[o, o]}}}, s:[s], s:b}", "type", "object",
                  "properties", "goals", "type", "array", "minItems", 0, "maxItems", GOALS, "items",
                  "anyOf", goal_schema("thing", objects_of(s), "place", enum_of(places_of(s))),
                  goal_schema("place", places_of(s), "open", json_pack("{s:s}", "type", "boolean")),
                  "required", "goals", "additionalProperties", 0);
    const int rc = schema ? mn_json_write(schema, JSON_COMPACT, out)
                          : MN_FAIL(MN_ENOMEM, "no memory for a schema");
    json_decref(schema);
    return rc;
}

static const char GOALS_RULES[] =
    "You find out what a person wants of a team of robots. Answer with one JSON object: \"goals\", "
    "each "
    "a thing and the place where it shall be, or a place that shall be open or closed. Only what "
    "is "
    "asked for; no goals when it asks for nothing that robots can do.\n"
    "Example: \"I would like the apple here at the table\": "
    "{\"goals\":[{\"thing\":\"apple\",\"place\":\"table\"}]}\n";

/* As fleet/plan.h has goals. */
static json_t *goal_of(const json_t *said) {
    const json_t *const thing = json_object_get(said, "thing"), *const open =
                                                                    json_object_get(said, "open");
    json_t *const place = json_object_get(said, "place");
    if (thing) return json_pack("[s, O, O]", "in", thing, place);
    return json_pack("[s, O]", json_is_true(open) ? "open" : "!open", place);
}

int mn_brain_goals_ask(const mn_scene *s, const char *task, const mn_brain_how *how, mn_goals *out,
                       json_t *report) {
    mn_buf system = {0}, schema = {0}, text = {0};
    json_t *answer = NULL, *said, *const goals = json_array();
    size_t i;
    int rc = mn_buf_puts(&system, GOALS_RULES);
    if (rc >= 0) rc = goals_schema(s, &schema);
    if (rc >= 0) rc = mn_brain_text(s, task, NULL, &text);
    if (rc >= 0) rc = ask(how, &system, &text, &schema, report, &answer);
    json_array_foreach(json_object_get(answer, "goals"), i, said)
        json_array_append_new(goals, goal_of(said));
    if (rc >= 0 && json_array_size(goals)) {
        const int read = mn_goals_parse(s, goals, out);
        rc = read == MN_ENOMEM ? read : read >= 0;
    } else if (rc >= 0) {
        rc = 0;
    }
    if (rc >= 0) json_object_set(report, "goals", goals);
    json_decref(goals);
    json_decref(answer);
    mn_buf_free(&system);
    mn_buf_free(&schema);
    mn_buf_free(&text);
    return rc;
}
