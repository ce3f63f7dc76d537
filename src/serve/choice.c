/* SPDX-License-Identifier: Apache-2.0
 *
 * serve/choice.c - which grammar an answer follows: one that was given, a schema, or that of a
 * call.
 *
 * A call that is required follows a schema made of the functions that may be called: an object with
 * the name as a constant and arguments after the function's own parameters; a list of those when
 * several are allowed by name. References inside of parameters ("#/$defs/x") lead to where the
 * parameters stand in the whole. Tools and a schema that are both optional make a choice of both.
 */
#include "serve/ask.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/json.h"

#include <stdio.h>
#include <string.h>

/* Copy a schema, its references moved below `at` ("#/$defs/a0"). Depth is that of the JSON. */
static json_t *moved(const json_t *v, const char *at) {
    const char *key;
    json_t *item, *copy;
    size_t i;
    if (json_is_array(v)) {
        copy = json_array();
        json_array_foreach(v, i, item) json_array_append_new(copy, moved(item, at));
        return copy;
    }
    if (!json_is_object(v)) return json_deep_copy(v);
    copy = json_object();
    json_object_foreach((json_t *)v, key, item) {
        const char *ref = strcmp(key, "$ref") == 0 ? json_string_value(item) : NULL;
        json_object_set_new(
            copy, key, ref && *ref == '#' ? json_sprintf("%s%s", at, ref + 1) : moved(item, at));
    }
    return copy;
}

/* The schema of one function's call; its parameters go into `defs`. */
static json_t *call_schema(const json_t *tool, size_t i, json_t *defs) {
    const json_t *function = json_object_get(tool, "function");
    const json_t *parameters = json_object_get(function, "parameters");
    char name[40], at[64];
    snprintf(name, sizeof name, "arguments%zu", i);
    snprintf(at, sizeof at, "#/$defs/%s", name);
    json_object_set_new(defs, name,
                        json_is_object(parameters) ? moved(parameters, at)
                                                   : json_pack("{s:s}", "type", "object"));
    return json_pack("{s:s, s:{s:{s:O}, s:{s:s}}, s:[s,s], s:b}", "type", "object", "properties",
                     "name", "const", json_object_get(function, "name"), "arguments", "$ref", at,
                     "required", "name", "arguments", "additionalProperties", 0);
}

/* Calls of the functions, of one name or (NULL) all; besides, `other` may be the answer. */
static int schema_of_calls(const json_t *tools, const char *only, int several, const json_t *other,
                           char **out) {
    size_t i;
    json_t *tool, *choices = json_array(), *defs = json_object();
    json_array_foreach(tools, i, tool) {
        const char *name =
            json_string_value(json_object_get(json_object_get(tool, "function"), "name"));
        if (!only || strcmp(only, name) == 0)
            json_array_append_new(choices, call_schema(tool, i, defs));
    }
    const size_t n = json_array_size(choices);
    if (n && several) {
        json_object_set_new(defs, "call", json_pack("{s:o}", "anyOf", json_copy(choices)));
        json_array_append_new(choices,
                              json_pack("{s:s, s:{s:s}, s:i, s:i}", "type", "array", "items",
                                        "$ref", "#/$defs/call", "minItems", 1, "maxItems", 16));
    }
    if (other) {
        json_object_set_new(defs, "other", moved(other, "#/$defs/other"));
        json_array_append_new(choices, json_pack("{s:s}", "$ref", "#/$defs/other"));
    }
    json_t *all = json_pack("{s:O, s:O}", "anyOf", choices, "$defs", defs);
    *out = all && n ? mn_json_text(all, JSON_COMPACT) : NULL;
    json_decref(all);
    json_decref(choices);
    json_decref(defs);
    if (!n)
        return MN_FAIL(MN_EINVAL, "tool_choice names %.64s, which is none of the tools",
                       only ? only : "a function");
    return *out ? 0 : MN_FAIL(MN_ENOMEM, "no memory for the schema of a call");
}

/* What tool_choice says: 0 auto, 1 a call is required; *only the function it names, or NULL. */
static int read_choice(const json_t *choice, const char **only) {
    static const char *const words[] = {"auto", "none", "required", "any"};
    const char *word = json_string_value(choice);
    *only = NULL;
    if (!choice || json_is_null(choice)) return 0;
    if (json_is_object(choice)) { /* {"type": "function", "function": {"name"}}, or flat */
        const json_t *function = json_object_get(choice, "function");
        word = json_string_value(json_object_get(choice, "type"));
        *only = json_string_value(json_object_get(function ? function : choice, "name"));
        if (*only) return 1;
    }
    for (int i = 0; word && i < 4; i++)
        if (strcmp(word, words[i]) == 0) return i >= 2;
    return MN_FAIL(MN_EINVAL, "tool_choice must be none, auto, required, or name a function");
}

/* The schema that response_format asks for: a new reference; NULL: none. */
static int read_format(const json_t *format, json_t **out) {
    const char *type = json_string_value(json_object_get(format, "type"));
    *out = NULL;
    if (!format) return 0;
    if (type && strcmp(type, "text") == 0) return 0;
    if (type && strcmp(type, "json_object") == 0)
        return *out = json_pack("{s:s}", "type", "object"), 0;
    if (!type || strcmp(type, "json_schema") != 0)
        return MN_FAIL(MN_EINVAL, "response_format.type must be text, json_object or json_schema");
    json_t *schema = json_object_get(json_object_get(format, "json_schema"), "schema");
    if (!schema) schema = json_object_get(format, "schema");
    if (!json_is_object(schema))
        return MN_FAIL(MN_EINVAL, "response_format.json_schema.schema must be an object");
    *out = json_incref(schema);
    return 0;
}

static int choose(const mn_fields *f, mn_ask *ask, json_t *schema, const char **param) {
    const char *only;
    *param = "tool_choice";
    const int required = read_choice(f->tool_choice, &only);
    MN_TRY(required);
    if (required && !ask->functions)
        return MN_FAIL(MN_EINVAL, "tool_choice asks for a call, and there are no tools");
    if (f->grammar && (schema || required)) {
        *param = "grammar";
        return MN_FAIL(MN_EINVAL, "grammar stands beside %s; an answer follows one of them",
                       schema ? "response_format" : "tool_choice");
    }
    ask->forced = required;
    *param = required ? "tools" : "response_format";
    if (required || (schema && ask->functions))
        return schema_of_calls(ask->functions, only, f->parallel == 1, required ? NULL : schema,
                               &ask->grammar);
    if (schema) ask->grammar = mn_json_text(schema, JSON_COMPACT);
    if (f->grammar) ask->grammar = mn_strdup(f->grammar);
    if ((schema || f->grammar) && !ask->grammar)
        return MN_FAIL(MN_ENOMEM, "no memory for a grammar");
    return 0;
}

int mn_ask_grammar(const mn_fields *f, mn_ask *ask, const char **param) {
    json_t *schema;
    *param = "response_format";
    MN_TRY(read_format(f->format, &schema));
    if (f->grammar && *f->grammar == '{') {
        *param = "grammar";
        json_decref(schema);
        return MN_FAIL(MN_EINVAL, "grammar is GBNF; a JSON schema goes into response_format");
    }
    const int rc = choose(f, ask, schema, param);
    json_decref(schema);
    if (rc >= 0) *param = NULL;
    return rc;
}
