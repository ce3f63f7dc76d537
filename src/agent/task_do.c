/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/task_do.c - a call: its fields are read by the table, its tree is read, the verb runs, all
 * in one turn of the notes.
 */
#include "agent/task_do.h"

#include "base/alloc.h"
#include "base/json.h"
#include "base/opt.h"
#include "base/utf8.h"

#include <stdio.h>
#include <string.h>

int mn_task_put(json_t *object, const char *name, json_t *value) {
    if (value && json_object_set_new(object, name, value) == 0) return 0;
    return MN_FAIL(MN_ENOMEM, "no memory for what is told of tasks");
}

static int64_t number_of(const mn_tasks *t, int at) {
    return at < 0 ? 0 : t->node[at].id;
}

static int put_number(json_t *o, const char *name, int64_t number) {
    return number ? json_object_set_new(o, name, json_integer((json_int_t)number)) : 0;
}

json_t *mn_task_json(const mn_tasks *t, int at) {
    const mn_task *const one = t->node + at;
    json_t *const o =
        json_pack("{s:I, s:s, s:s, s:s, s:i}", "id", (json_int_t)one->id, "slot", one->slot, "text",
                  one->text, "status", mn_task_statuses[one->status], "version", one->version);
    json_t *const deps = json_array();
    int bad = !o || !deps;
    for (int d = 0; d < one->n_deps && !bad; d++)
        bad = json_array_append_new(deps, json_integer(number_of(t, one->deps[d]))) < 0;
    if (!bad && one->n_deps) bad = json_object_set(o, "deps", deps) < 0;
    json_decref(deps);
    if (!bad)
        bad = put_number(o, "parent", number_of(t, one->parent)) < 0 ||
              put_number(o, "beside", number_of(t, one->beside)) < 0 ||
              put_number(o, "replaces", number_of(t, one->replaces)) < 0 ||
              put_number(o, "replaced", number_of(t, one->replaced)) < 0 ||
              (one->flagged && json_object_set_new(o, "flagged", json_true()) < 0);
    if (!bad) return o;
    json_decref(o);
    return NULL;
}

int mn_task_deps(mn_task_call *c, json_t *list, int **out, int *n) {
    json_t *dropped = NULL, *value;
    size_t i;
    *n = 0;
    MN_TRY(mn_arena_take(&c->t.arena, (json_array_size(list) + 1) * sizeof **out, out));
    json_array_foreach(list, i, value) {
        const int64_t id = json_integer_value(value);
        const int at = mn_task_find(&c->t, id);
        const int there = at >= 0 ? 1 : mn_tasks_there(c->notes, c->who, id);
        MN_TRY(there);
        if (at >= 0 && (c->at < 0 || c->t.node[at].root == c->t.node[c->at].root)) {
            (*out)[(*n)++] = at;
            continue;
        }
        if (!there) return MN_FAIL(MN_ENOENT, "there is no task #%lld to build on", (long long)id);
        if (!dropped) {
            dropped = json_array();
            MN_TRY(mn_task_put(c->result, "dropped", dropped));
        }
        if (json_array_append(dropped, value) < 0)
            return MN_FAIL(MN_ENOMEM, "no memory for a list");
    }
    return 0;
}

/* ---- reading fields ------------------------------------------------------------------------ */
static const mn_task_verb *verb_of(const char *name) {
    for (const mn_task_verb *v = mn_task_verbs; v->name; v++)
        if (strcmp(v->name, name) == 0) return v;
    return NULL;
}

static int one_of(const char *text, const char *choices) {
    const size_t n = strlen(text);
    for (const char *at = choices; at; at = strchr(at, '|') ? strchr(at, '|') + 1 : NULL)
        if (strcspn(at, "|") == n && strncmp(at, text, n) == 0) return 1;
    return 0;
}

static int read_line(const mn_task_field *f, const json_t *v, const char **out) {
    if (!json_is_string(v)) return MN_FAIL(MN_EINVAL, "%s must be a string", f->name);
    const size_t n = json_string_length(v);
    if ((int64_t)n < f->min || (int64_t)n > f->max)
        return MN_FAIL(MN_EINVAL, "%s has %zu bytes; it takes %lld to %lld", f->name, n,
                       (long long)f->min, (long long)f->max);
    *out = json_string_value(v);
    if (f->choices && !one_of(*out, f->choices))
        return MN_FAIL(MN_EINVAL, "%s is \"%s\"; it takes %s", f->name, *out, f->choices);
    return 0;
}

static int read_number(const mn_task_field *f, const json_t *v, int64_t *out) {
    if (!json_is_integer(v)) return MN_FAIL(MN_EINVAL, "%s must be a whole number", f->name);
    *out = json_integer_value(v);
    if (*out >= f->min && *out <= f->max) return 0;
    return MN_FAIL(MN_EINVAL, "%s is %lld; it takes %lld to %lld", f->name, (long long)*out,
                   (long long)f->min, (long long)f->max);
}

static int read_list(const mn_task_field *f, json_t *v, json_t **out) {
    json_t *item;
    size_t i;
    if (!json_is_array(v)) return MN_FAIL(MN_EINVAL, "%s must be a list", f->name);
    if ((int64_t)json_array_size(v) > f->max)
        return MN_FAIL(MN_EINVAL, "%s has %zu items; it takes %lld", f->name, json_array_size(v),
                       (long long)f->max);
    json_array_foreach(
        v, i, item) if (f->kind == MN_TASK_IDS
                            ? !json_is_integer(item) || json_integer_value(item) < 1
                            : !json_is_object(item)) return MN_FAIL(MN_EINVAL,
                                                                    "item %zu of %s must be %s",
                                                                    i + 1, f->name,
                                                                    f->kind == MN_TASK_IDS
                                                                        ? "the number of a task"
                                                                        : "an object");
    *out = v;
    return 0;
}

static int read_field(const mn_task_field *f, json_t *v, mn_task_args *args) {
    char *const to = (char *)args + f->offset;
    if (f->kind == MN_TASK_LINE) return read_line(f, v, (const char **)(void *)to);
    if (f->kind == MN_TASK_ID || f->kind == MN_TASK_COUNT)
        return read_number(f, v, (int64_t *)(void *)to);
    return read_list(f, v, (json_t **)(void *)to);
}

static int refuse_unknown(const mn_task_verb *verb, const json_t *call) {
    const char *names[24], *name;
    json_t *value;
    size_t n = 0;
    names[n++] = "do";
    for (const mn_task_field *f = mn_task_fields; f->name; f++)
        if (f->verbs & verb->bit) names[n++] = f->name;
    json_object_foreach((json_t *)call, name, value) {
        size_t i = 0;
        while (i < n && strcmp(names[i], name) != 0) i++;
        if (i < n) continue;
        const char *const near = mn_opt_nearest(name, names, n);
        return MN_FAIL(MN_EINVAL, "%s has no field '%.64s'%s%s", verb->name, name,
                       near ? "; did you mean " : "", near ? near : "");
    }
    return 0;
}

static int read_args(const mn_task_verb *verb, json_t *call, mn_task_args *args) {
    *args = (mn_task_args){
        .role = "user", .form = "tree", .limit = 50, .context = 4096, .seconds = 10, .tries = 12};
    MN_TRY(refuse_unknown(verb, call));
    for (const mn_task_field *f = mn_task_fields; f->name; f++) {
        if (!(f->verbs & verb->bit)) continue;
        json_t *const v = json_object_get(call, f->name);
        if (v && !json_is_null(v))
            MN_TRY(read_field(f, v, args));
        else if (f->needed & verb->bit)
            return MN_FAIL(MN_EINVAL, "%s needs %s: %s", verb->name, f->name, f->about);
    }
    return 0;
}

/* ---- a call -------------------------------------------------------------------------------- */
typedef struct run_ {
    mn_task_call c;
    const mn_task_verb *verb;
} run_;

static int work(void *user) {
    run_ *const r = user;
    mn_task_call *const c = &r->c;
    const int by_parent = r->verb->tree && strcmp(r->verb->tree, "parent") == 0;
    const int64_t id = !r->verb->tree ? 0 : by_parent ? c->args.parent : c->args.id;
    mn_tasks_free(&c->t);
    if (r->verb->tree || !r->verb->writes) MN_TRY(mn_tasks_read(c->notes, c->who, id, &c->t));
    c->at = id ? mn_task_find(&c->t, id) : -1;
    return r->verb->run(c);
}

static int unknown(const char *name) {
    const char *names[24];
    size_t n = 0;
    for (const mn_task_verb *v = mn_task_verbs; v->name; v++) names[n++] = v->name;
    const char *const near = mn_opt_nearest(name, names, n);
    return MN_FAIL(MN_EINVAL,
                   "tasks know no \"%.32s\"%s%s; {\"do\": \"verbs\"} tells what there is", name,
                   near ? ": did you mean " : "", near ? near : "");
}

static int64_t changed_in(const json_t *result) {
    const json_t *one = json_object_get(result, "task");
    if (!one) one = json_array_get(json_object_get(result, "tasks"), 0);
    return json_integer_value(json_object_get(one, "id"));
}

static int do_call(run_ *r, json_t *call, int64_t *changed) {
    const char *const name = json_string_value(json_object_get(call, "do"));
    if (!name) return MN_FAIL(MN_EINVAL, "\"do\" is missing: {\"do\": \"list\"} is a call");
    if (strcmp(name, "verbs") == 0) {
        r->c.result = mn_task_describe();
        return r->c.result ? 0 : MN_FAIL(MN_ENOMEM, "no memory for a list of verbs");
    }
    r->verb = verb_of(name);
    if (!r->verb) return unknown(name);
    if (!r->c.notes) return MN_FAIL(MN_EINVAL, "no store is given for %s", name);
    MN_TRY(read_args(r->verb, call, &r->c.args));
    r->c.result = json_object();
    const int rc =
        r->verb->own ? r->verb->run(&r->c) : mn_notes_turn(r->c.notes, r->verb->writes, work, r);
    mn_tasks_free(&r->c.t);
    if (rc >= 0 && r->verb->writes && changed) *changed = changed_in(r->c.result);
    return rc;
}

int mn_task_run(mn_notes *notes, const mn_who *who, const mn_extractor *by, const char *json,
                char **result, int64_t *changed) {
    run_ r = {.c = {.notes = notes, .who = who, .by = by}};
    json_error_t e;
    const size_t n = strlen(json);
    *result = NULL;
    if (changed) *changed = 0;
    if (n > MN_TASK_JSON)
        return MN_FAIL(MN_ETOOLONG, "the call has %zu bytes; %d are allowed", n, MN_TASK_JSON);
    MN_TRY(mn_utf8_check("the call", json, n));
    json_t *const call = json_loadb(json, n, JSON_REJECT_DUPLICATES, &e);
    if (!call || !json_is_object(call)) {
        json_decref(call);
        return MN_FAIL(MN_EINVAL, "the call is no JSON object: %.120s", call ? "" : e.text);
    }
    int rc = do_call(&r, call, changed);
    json_decref(call);
    if (rc >= 0 && !(*result = mn_json_text(r.c.result, JSON_COMPACT)))
        rc = MN_FAIL(MN_ENOMEM, "no memory for the result");
    json_decref(r.c.result);
    return rc < 0 ? rc : 0;
}

/* ---- telling the table --------------------------------------------------------------------- */
static json_t *schema_of(const mn_task_field *f) {
    switch (f->kind) {
    case MN_TASK_LINE: {
        json_t *const o = json_pack("{s:s, s:I, s:I}", "type", "string", "minLength",
                                    (json_int_t)f->min, "maxLength", (json_int_t)f->max);
        if (!o || !f->choices) return o;
        json_t *const list = json_array();
        for (const char *at = f->choices; at; at = strchr(at, '|') ? strchr(at, '|') + 1 : NULL)
            json_array_append_new(list, json_stringn(at, strcspn(at, "|")));
        json_object_set_new(o, "enum", list);
        return o;
    }
    case MN_TASK_ID:
    case MN_TASK_COUNT:
        return json_pack("{s:s, s:I, s:I}", "type", "integer", "minimum", (json_int_t)f->min,
                         "maximum", (json_int_t)f->max);
    default:
        return json_pack("{s:s, s:I, s:{s:s}}", "type", "array", "maxItems", (json_int_t)f->max,
                         "items", "type", f->kind == MN_TASK_IDS ? "integer" : "object");
    }
}

static int describe_fields(const mn_task_verb *v, json_t *o) {
    json_t *const properties = json_object(), *const needed = json_array();
    int rc = mn_task_put(o, "type", json_string("object"));
    for (const mn_task_field *f = mn_task_fields; rc >= 0 && f->name; f++) {
        if (!(f->verbs & v->bit)) continue;
        json_t *const s = schema_of(f);
        if (s) json_object_set_new(s, "description", json_string(f->about));
        if (s && f->local) json_object_set_new(s, "local", json_true());
        rc = mn_task_put(properties, f->name, s);
        if (rc >= 0 && f->needed & v->bit) rc = json_array_append_new(needed, json_string(f->name));
    }
    if (rc >= 0) rc = mn_task_put(o, "properties", json_incref(properties));
    if (rc >= 0 && json_array_size(needed)) rc = mn_task_put(o, "required", json_incref(needed));
    if (rc >= 0) rc = mn_task_put(o, "additionalProperties", json_false());
    json_decref(properties);
    json_decref(needed);
    return rc;
}

static json_t *describe(const mn_task_verb *v) {
    json_t *const schema = json_object();
    mn_buf gives = {0};
    json_t *out = NULL;
    if (describe_fields(v, schema) >= 0 &&
        mn_buf_printf(&gives, "{\"type\":\"object\",\"properties\":{%s}}", v->gives) >= 0)
        out =
            json_pack("{s:s, s:s, s:s, s:s, s:b, s:b, s:O, s:o}", "name", v->name, "title",
                      v->title, "about", v->about, "words", v->words, "writes", v->writes, "local",
                      v->local, "takes", schema, "gives", json_loads(gives.data, 0, NULL));
    json_decref(schema);
    mn_buf_free(&gives);
    return out;
}

json_t *mn_task_describe(void) {
    json_t *const list = json_array();
    for (const mn_task_verb *v = mn_task_verbs; v->name; v++)
        if (json_array_append_new(list, describe(v)) < 0) {
            json_decref(list);
            return NULL;
        }
    return json_pack("{s:o}", "verbs", list);
}
