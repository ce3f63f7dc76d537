/* SPDX-License-Identifier: Apache-2.0
 *
 * base/verb.c - calls are read by their tables, and the tables are told.
 */
#include "base/verb.h"

#include "base/buf.h"
#include "base/error.h"
#include "base/opt.h"
#include "base/utf8.h"

#include <math.h>
#include <string.h>

enum { NAMES = 40 };

int mn_verb_put(json_t *object, const char *name, json_t *value) {
    if (value && json_object_set_new(object, name, value) == 0) return 0;
    return MN_FAIL(MN_ENOMEM, "no memory for what is told");
}

/* ---- reading fields ------------------------------------------------------------------------ */
static int one_of(const char *text, const char *choices) {
    const size_t n = strlen(text);
    for (const char *at = choices; at; at = strchr(at, '|') ? strchr(at, '|') + 1 : NULL)
        if (strcspn(at, "|") == n && strncmp(at, text, n) == 0) return 1;
    return 0;
}

static int read_line(const mn_verb_field *f, const json_t *v, const char **out) {
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

static int read_number(const mn_verb_field *f, const json_t *v, int64_t *out) {
    if (!json_is_integer(v)) return MN_FAIL(MN_EINVAL, "%s must be a whole number", f->name);
    *out = json_integer_value(v);
    if (*out >= f->min && *out <= f->max) return 0;
    return MN_FAIL(MN_EINVAL, "%s is %lld; it takes %lld to %lld", f->name, (long long)*out,
                   (long long)f->min, (long long)f->max);
}

static int read_real(const mn_verb_field *f, const json_t *v, double *out) {
    if (!json_is_number(v)) return MN_FAIL(MN_EINVAL, "%s must be a number", f->name);
    *out = json_number_value(v);
    if (isfinite(*out) && *out >= (double)f->min && *out <= (double)f->max) return 0;
    return MN_FAIL(MN_EINVAL, "%s is %g; it takes %lld to %lld", f->name, *out, (long long)f->min,
                   (long long)f->max);
}

static int read_flag(const mn_verb_field *f, const json_t *v, int *out) {
    if (!json_is_boolean(v)) return MN_FAIL(MN_EINVAL, "%s must be true or false", f->name);
    *out = json_is_true(v);
    return 0;
}

static int item_is(mn_verb_kind kind, const json_t *item) {
    if (kind == MN_VERB_IDS) return json_is_integer(item) && json_integer_value(item) >= 1;
    return kind == MN_VERB_NAMES ? json_is_string(item) : json_is_object(item);
}

static const char *item_name(mn_verb_kind kind) {
    return kind == MN_VERB_IDS     ? "a number, 1 or more"
           : kind == MN_VERB_NAMES ? "a string"
                                   : "an object";
}

static int read_list(const mn_verb_field *f, json_t *v, json_t **out) {
    json_t *item;
    size_t i;
    if (!json_is_array(v)) return MN_FAIL(MN_EINVAL, "%s must be a list", f->name);
    if ((int64_t)json_array_size(v) > f->max)
        return MN_FAIL(MN_EINVAL, "%s has %zu items; it takes %lld", f->name, json_array_size(v),
                       (long long)f->max);
    json_array_foreach(v, i, item) {
        if (item_is(f->kind, item)) continue;
        return MN_FAIL(MN_EINVAL, "item %zu of %s must be %s", i + 1, f->name, item_name(f->kind));
    }
    *out = v;
    return 0;
}

static int read_object(const mn_verb_field *f, json_t *v, json_t **out) {
    if (!json_is_object(v)) return MN_FAIL(MN_EINVAL, "%s must be an object", f->name);
    *out = v;
    return 0;
}

static int read_field(const mn_verb_field *f, json_t *v, void *args) {
    void *const to = (char *)args + f->offset;
    switch (f->kind) {
    case MN_VERB_LINE: return read_line(f, v, to);
    case MN_VERB_ID:
    case MN_VERB_COUNT: return read_number(f, v, to);
    case MN_VERB_NUMBER: return read_real(f, v, to);
    case MN_VERB_FLAG: return read_flag(f, v, to);
    case MN_VERB_OBJECT: return read_object(f, v, to);
    default: return read_list(f, v, to);
    }
}

static int refuse_unknown(const mn_verbs *all, const mn_verb *verb, const json_t *call) {
    const char *names[NAMES], *name;
    json_t *value;
    size_t n = 0;
    names[n++] = "do";
    for (const mn_verb_field *f = all->field; f->name; f++)
        if (f->verbs & verb->bit && n < NAMES) names[n++] = f->name;
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

int mn_verbs_args(const mn_verbs *all, const mn_verb *verb, const json_t *call, void *args) {
    MN_TRY(refuse_unknown(all, verb, call));
    for (const mn_verb_field *f = all->field; f->name; f++) {
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
static int unknown(const mn_verbs *all, const char *name) {
    const char *names[NAMES];
    size_t n = 0;
    for (const mn_verb *v = all->verb; v->name && n < NAMES; v++) names[n++] = v->name;
    const char *const near = mn_opt_nearest(name, names, n);
    return MN_FAIL(MN_EINVAL, "%s know no \"%.32s\"%s%s; {\"do\": \"verbs\"} tells what there is",
                   all->what, name, near ? ": did you mean " : "", near ? near : "");
}

static int find(const mn_verbs *all, const json_t *call, const mn_verb **out) {
    const char *const name = json_string_value(json_object_get(call, "do"));
    *out = NULL;
    if (!name)
        return MN_FAIL(MN_EINVAL, "\"do\" is missing: {\"do\": \"%s\"} is a call",
                       all->verb[0].name);
    if (strcmp(name, "verbs") == 0) return 0;
    for (const mn_verb *v = all->verb; v->name; v++)
        if (strcmp(v->name, name) == 0) *out = v;
    return *out ? 0 : unknown(all, name);
}

int mn_verbs_read(const mn_verbs *all, const char *json, json_t **call, const mn_verb **verb) {
    const size_t n = strlen(json);
    json_error_t e;
    *call = NULL;
    *verb = NULL;
    if (n > all->most)
        return MN_FAIL(MN_ETOOLONG, "the call has %zu bytes; %zu are allowed", n, all->most);
    MN_TRY(mn_utf8_check("the call", json, n));
    *call = json_loadb(json, n, JSON_REJECT_DUPLICATES, &e);
    if (!*call || !json_is_object(*call)) {
        const int array = *call != NULL;
        json_decref(*call);
        *call = NULL;
        return MN_FAIL(MN_EINVAL, "the call is no JSON object: %.120s", array ? "" : e.text);
    }
    const int rc = find(all, *call, verb);
    if (rc < 0) json_decref(*call), *call = NULL;
    return rc;
}

/* ---- telling the table --------------------------------------------------------------------- */
static json_t *schema_of(const mn_verb_field *f) {
    switch (f->kind) {
    case MN_VERB_LINE: {
        json_t *const o = json_pack("{s:s, s:I, s:I}", "type", "string", "minLength",
                                    (json_int_t)f->min, "maxLength", (json_int_t)f->max);
        if (!o || !f->choices) return o;
        json_t *const list = json_array();
        for (const char *at = f->choices; at; at = strchr(at, '|') ? strchr(at, '|') + 1 : NULL)
            json_array_append_new(list, json_stringn(at, strcspn(at, "|")));
        json_object_set_new(o, "enum", list);
        return o;
    }
    case MN_VERB_ID:
    case MN_VERB_COUNT:
        return json_pack("{s:s, s:I, s:I}", "type", "integer", "minimum", (json_int_t)f->min,
                         "maximum", (json_int_t)f->max);
    case MN_VERB_NUMBER:
        return json_pack("{s:s, s:I, s:I}", "type", "number", "minimum", (json_int_t)f->min,
                         "maximum", (json_int_t)f->max);
    case MN_VERB_FLAG: return json_pack("{s:s}", "type", "boolean");
    case MN_VERB_OBJECT: return json_pack("{s:s}", "type", "object");
    default:
        return json_pack("{s:s, s:I, s:{s:s}}", "type", "array", "maxItems", (json_int_t)f->max,
                         "items", "type",
                         f->kind == MN_VERB_IDS     ? "integer"
                         : f->kind == MN_VERB_NAMES ? "string"
                                                    : "object");
    }
}

static int describe_fields(const mn_verbs *all, const mn_verb *v, json_t *o) {
    json_t *const properties = json_object(), *const needed = json_array();
    int rc = mn_verb_put(o, "type", json_string("object"));
    for (const mn_verb_field *f = all->field; rc >= 0 && f->name; f++) {
        if (!(f->verbs & v->bit)) continue;
        json_t *const s = schema_of(f);
        if (s) json_object_set_new(s, "description", json_string(f->about));
        if (s && f->local) json_object_set_new(s, "local", json_true());
        rc = mn_verb_put(properties, f->name, s);
        if (rc >= 0 && f->needed & v->bit) rc = json_array_append_new(needed, json_string(f->name));
    }
    if (rc >= 0) rc = mn_verb_put(o, "properties", json_incref(properties));
    if (rc >= 0 && json_array_size(needed)) rc = mn_verb_put(o, "required", json_incref(needed));
    if (rc >= 0) rc = mn_verb_put(o, "additionalProperties", json_false());
    json_decref(properties);
    json_decref(needed);
    return rc;
}

static json_t *describe(const mn_verbs *all, const mn_verb *v) {
    json_t *const schema = json_object();
    mn_buf gives = {0};
    json_t *out = NULL;
    if (describe_fields(all, v, schema) >= 0 &&
        mn_buf_printf(&gives, "{\"type\":\"object\",\"properties\":{%s}}", v->gives) >= 0)
        out =
            json_pack("{s:s, s:s, s:s, s:s, s:b, s:b, s:O, s:o}", "name", v->name, "title",
                      v->title, "about", v->about, "words", v->words, "writes", v->writes, "local",
                      v->local, "takes", schema, "gives", json_loads(gives.data, 0, NULL));
    json_decref(schema);
    mn_buf_free(&gives);
    return out;
}

json_t *mn_verbs_describe(const mn_verbs *all) {
    json_t *const list = json_array();
    for (const mn_verb *v = all->verb; v->name; v++)
        if (json_array_append_new(list, describe(all, v)) < 0) {
            json_decref(list);
            return NULL;
        }
    return json_pack("{s:o}", "verbs", list);
}
