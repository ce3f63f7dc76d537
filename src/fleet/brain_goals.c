/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/brain_goals.c - what a person means whose sentence the rules do not understand: a model
 * says it as goals.
 *
 * It is told names alone: what it is told of where things are, a small model says again as what
 * shall be. It thinks aloud first ("why"), then says what to bring, open, close or make. A goal
 * that neither the person nor "why" speaks of is left out: nobody asked for it.
 */
#include "base/error.h"
#include "base/json.h"
#include "fleet/brain_model.h"

#include <stdlib.h>
#include <string.h>

enum { GOALS = 6 };

static const char RULES[] =
    "You find out what a person wants of a team of robots. Answer with one JSON object: \"why\", a "
    "short sentence that names the things and says where they shall be, or what shall be open or "
    "closed, and \"goals\": what has to be done for that. A goal is {\"bring\": a thing, \"to\": a "
    "place}, {\"open\": a place or door} or {\"close\": a place or door}. One goal for each thing "
    "that \"why\" names, and no others. When no thing is named, take the one that helps most. No "
    "goals, when nothing is asked that robots can do.\n"
    "Examples, of another house:\n"
    "\"Somebody could bring the lamp over to my desk\": {\"why\":\"The lamp shall be on the "
    "desk.\",\"goals\":[{\"bring\":\"lamp\",\"to\":\"desk\"}]}\n"
    "\"I want to drink something, I sit on the balcony\": {\"why\":\"The juice is a drink and the "
    "bench is on the balcony, so the juice shall be on the "
    "bench.\",\"goals\":[{\"bring\":\"juice\",\"to\":\"bench\"}]}\n"
    "\"It is warm, some air would be nice\": {\"why\":\"Air comes through the window, so the "
    "window shall be open.\",\"goals\":[{\"open\":\"window\"}]}\n"
    "\"Hat and coat are for the hall, on the hook\": {\"why\":\"The hat and the coat shall be on "
    "the hook.\",\"goals\":[{\"bring\":\"hat\",\"to\":\"hook\"},{\"bring\":\"coat\",\"to\":"
    "\"hook\"}]}\n"
    "\"Nobody shall look into the garage\": {\"why\":\"The gate is of the garage, so the gate "
    "shall "
    "be closed.\",\"goals\":[{\"close\":\"gate\"}]}\n"
    "\"The child at the piano is bored\": {\"why\":\"The ball is a toy and helps when somebody is "
    "bored, so the ball shall be on the piano.\",\"goals\":[{\"bring\":\"ball\",\"to\":"
    "\"piano\"}]}\n"
    "\"What is in the chest?\": {\"why\":\"The chest shall be open, so that one can see what is in "
    "it.\",\"goals\":[{\"open\":\"chest\"}]}\n";
static const char MAKES[] = "A goal can also be {\"make\": a thing, \"be\": a word}, where robots "
                            "can do that.\n";

/* ---- names ------------------------------------------------------------------------------- */
/* Where things can be brought: furniture, and robots that have a tray. */
static json_t *places_of(const mn_scene *s) {
    json_t *const list = json_array();
    for (int i = 0; i < s->n_things; i++)
        if (s->thing[i].kind == MN_FURNITURE)
            json_array_append_new(list, json_string(s->thing[i].name));
    for (int i = 0; i < s->n_robots; i++)
        if (s->robot[i].alive && s->robot[i].room_for > 0)
            json_array_append_new(list, json_string(s->robot[i].name));
    return list;
}

/* What can be opened and closed. */
static json_t *doors_of(const mn_scene *s) {
    json_t *const list = json_array();
    for (int i = 0; i < s->n_things; i++)
        if (s->thing[i].open >= 0) json_array_append_new(list, json_string(s->thing[i].name));
    return list;
}

/* What skills of those who live make of things: "clean". */
static json_t *words_of(const mn_scene *s) {
    json_t *const set = json_object(), *const list = json_array();
    const char *word;
    json_t *is;
    for (int i = 0; i < s->n_robots; i++)
        for (int k = 0; s->robot[i].alive && k < s->robot[i].skills.n; k++) {
            const mn_skill *const one = s->robot[i].skills.skill + k;
            for (int m = 0; m < one->n_makes; m++)
                if (one->makes[m].name == MN_FACT_IS && !one->makes[m].not_)
                    json_object_set_new(set, one->makes[m].arg[1], json_true());
        }
    json_object_foreach(set, word, is) json_array_append_new(list, json_string(word));
    json_decref(set);
    return list;
}

/* ---- the question ------------------------------------------------------------------------ */
/* " (cup, on the shelf)": what its name does not say. Where it is only of those that share a
 * class. */
static int put_more(const mn_scene *s, const mn_thing *t, mn_buf *out) {
    int alike = 0;
    for (int i = 0; i < s->n_things; i++) alike += !strcmp(s->thing[i].class_, t->class_);
    if (mn_scene_robot(s, t->name)) return mn_buf_puts(out, " (a robot)");
    if (t->kind == MN_FURNITURE) return mn_buf_printf(out, " (in the %s)", t->at);
    if (t->kind != MN_OBJECT_KIND || (alike == 1 && !strcmp(t->class_, t->name))) return 0;
    return alike > 1 ? mn_buf_printf(out, " (%s, %s the %s)", t->class_, t->how, t->at)
                     : mn_buf_printf(out, " (%s)", t->class_);
}

/* "Things: apple, cup.\n"; names is taken. */
static int put_names(const mn_scene *s, const char *what, json_t *names, mn_buf *out) {
    const json_t *name;
    size_t i;
    int rc = names ? mn_buf_printf(out, "%s: ", what) : MN_FAIL(MN_ENOMEM, "no memory for names");
    json_array_foreach(names, i, name) {
        const char *const text = json_string_value(name);
        const mn_thing *const t = mn_scene_thing(s, text);
        if (rc >= 0) rc = mn_buf_printf(out, "%s%s", i ? ", " : "", text);
        if (rc >= 0 && t) rc = put_more(s, t, out);
        if (rc >= 0 && !t && mn_scene_robot(s, text)) rc = mn_buf_puts(out, " (a robot)");
    }
    if (rc >= 0) rc = mn_buf_puts(out, i ? ".\n" : "none.\n");
    json_decref(names);
    return rc;
}

static int put_text(const mn_scene *s, json_t *words, const char *task, mn_buf *out) {
    int rc = put_names(s, "Things", mn_brain_objects(s), out);
    if (rc >= 0) rc = put_names(s, "Places", places_of(s), out);
    if (rc >= 0) rc = put_names(s, "Can be open", doors_of(s), out);
    if (rc >= 0 && json_array_size(words))
        rc = put_names(s, "Can be made", json_incref(words), out);
    if (rc >= 0) rc = mn_buf_puts(out, "Task: ");
    json_t *const said = json_string(task);
    if (rc >= 0)
        rc = said ? mn_json_write(said, JSON_ENCODE_ANY, out)
                  : MN_FAIL(MN_ENOMEM, "no memory for a task");
    json_decref(said);
    return rc < 0 ? rc : mn_buf_puts(out, "\n");
}

/* ---- the only answers -------------------------------------------------------------------- */
/* {a: one of names, b: one of others}, where there are such; both are taken. */
static void put_goal(json_t *list, const char *a, json_t *names, const char *b, json_t *others) {
    const int whole = json_array_size(names) && (!b || json_array_size(others));
    json_t *const properties = json_object(), *const required = json_array();
    if (whole) {
        json_object_set_new(properties, a, mn_brain_enum(json_incref(names)));
        json_array_append_new(required, json_string(a));
        if (b) json_object_set_new(properties, b, mn_brain_enum(json_incref(others)));
        if (b) json_array_append_new(required, json_string(b));
        json_array_append_new(list, json_pack("{s:s, s:O, s:O, s:b}", "type", "object",
                                              "properties", properties, "required", required,
                                              "additionalProperties", 0));
    }
    json_decref(properties);
    json_decref(required);
    json_decref(names);
    json_decref(others);
}

static int put_schema(const mn_scene *s, json_t *words, mn_buf *out) {
    json_t *const list = json_array();
    put_goal(list, "bring", mn_brain_objects(s), "to", places_of(s));
    put_goal(list, "open", doors_of(s), NULL, NULL);
    put_goal(list, "close", doors_of(s), NULL, NULL);
    put_goal(list, "make", mn_brain_objects(s), "be", json_incref(words));
    if (!json_array_size(list)) {
        json_decref(list);
        return MN_FAIL(MN_ENOENT, "there is nothing that robots could bring or open");
    }
    const mn_brain_answer answer = {.why = 20, .what = "goals", .most = GOALS};
    return mn_brain_answer_schema(&answer, list, out);
}

/* ---- judgement --------------------------------------------------------------------------- */
/* Does the text speak of it, by its name, its class or another name? One that "why" could not spell
 * counts as spoken of. */
static int speaks_of(const char *text, const char *name) {
    for (const char *c = name; *c; c++)
        if (*c & 0x80) return 1;
    return text && strcasestr(text, name) != NULL;
}
static int is_spoken_of(const mn_scene *s, const char *name, const char *task, const char *why) {
    const mn_thing *const t = mn_scene_thing(s, name);
    const json_t *other;
    size_t i;
    int yes = speaks_of(task, name) || speaks_of(why, name);
    if (!t || yes) return yes;
    yes = speaks_of(task, t->class_) || speaks_of(why, t->class_);
    json_array_foreach(json_object_get(t->json, "also"), i, other) {
        const char *const text = json_string_value(other);
        yes |= text && (speaks_of(task, text) || speaks_of(why, text));
    }
    return yes;
}

/* As fleet/plan.h has goals; NULL: it is none. *of: what it is about. */
static json_t *goal_of(const json_t *said, const char **of) {
    static const struct {
        const char *verb, *fact, *with;
    } all[] = {{"bring", "in", "to"}, {"open", "open"}, {"close", "!open"}, {"make", "is", "be"}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        json_t *const what = json_object_get(said, all[i].verb);
        if (!json_is_string(what)) continue;
        *of = json_string_value(what);
        return all[i].with
                   ? json_pack("[s, O, O?]", all[i].fact, what, json_object_get(said, all[i].with))
                   : json_pack("[s, O]", all[i].fact, what);
    }
    return NULL;
}

static json_t *goals_of(const mn_scene *s, const json_t *answer, const char *task) {
    const char *const why = json_string_value(json_object_get(answer, "why"));
    json_t *const list = json_array(), *said;
    size_t i;
    json_array_foreach(json_object_get(answer, "goals"), i, said) {
        const char *of = "";
        json_t *const goal = goal_of(said, &of);
        if (goal && is_spoken_of(s, of, task, why)) json_array_append(list, goal);
        json_decref(goal);
    }
    return list;
}

int mn_brain_goals_ask(const mn_brain_ask *q, const char *task, mn_goals *out, json_t *report) {
    mn_buf system = {0}, text = {0}, schema = {0};
    json_t *answer = NULL, *goals = NULL, *const words = words_of(q->s);
    int rc = mn_buf_puts(&system, RULES);
    if (rc >= 0 && json_array_size(words)) rc = mn_buf_puts(&system, MAKES);
    if (rc >= 0) rc = put_text(q->s, words, task, &text);
    if (rc >= 0) rc = put_schema(q->s, words, &schema);
    if (rc >= 0) rc = mn_brain_ask_once(q, system.data, text.data, schema.data, report, &answer);
    if (rc >= 0) goals = goals_of(q->s, answer, task);
    if (rc >= 0 && json_array_size(goals)) {
        const int read = mn_goals_parse(q->s, goals, out);
        rc = read == MN_ENOMEM ? read : read >= 0;
    } else if (rc >= 0) {
        rc = 0;
    }
    if (rc >= 0) json_object_set(report, "goals", goals);
    json_decref(goals);
    json_decref(answer);
    json_decref(words);
    mn_buf_free(&system);
    mn_buf_free(&text);
    mn_buf_free(&schema);
    return rc;
}
