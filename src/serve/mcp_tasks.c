/* SPDX-License-Identifier: Apache-2.0
 *
 * serve/mcp_tasks.c - tools for plans, task_new to task_list: each is a verb of mn_task_do, which
 * says itself what there is ({"do": "verbs"}), takes the arguments as they are, and checks them. A
 * verb that a new library has is a tool at once. What names things of this machine (`local`) is no
 * argument of a tool.
 */
#include "serve/mcp_tools.h"

#include "base/alloc.h"
#include "base/error.h"

#include <string.h>

#define PREFIX "task_"
enum { PREFIX_LENGTH = sizeof PREFIX - 1 };

static int call_library(mn_mem *mem, const mn_scope *scope, const json_t *call, json_t **out) {
    char *text = json_dumps(call, JSON_COMPACT), *answer = NULL;
    if (!text) return MN_FAIL(MN_ENOMEM, "no memory for a call");
    const int rc = mn_task_do(mem, scope, text, &answer);
    mn_free(text);
    *out = rc < 0 ? NULL : json_loads(answer, 0, NULL);
    mn_free_text(answer);
    MN_TRY(rc);
    return *out ? 0 : MN_FAIL(MN_ENOMEM, "no memory for a result");
}

static int verbs_of(json_t **out) {
    json_t *const ask = json_pack("{s:s}", "do", "verbs");
    const int rc = ask ? call_library(NULL, NULL, ask, out)
                       : MN_FAIL(MN_ENOMEM, "no memory for a list of tools");
    json_decref(ask);
    return rc;
}

static const char *text_at(const json_t *o, const char *name) {
    return json_string_value(json_object_get(o, name));
}

/* The verb of a tool's name, inside `verbs`; NULL: there is none. */
static json_t *verb_of(const json_t *verbs, const char *name) {
    json_t *one;
    size_t i;
    if (strncmp(name, PREFIX, PREFIX_LENGTH) != 0) return NULL;
    json_array_foreach(json_object_get(verbs, "verbs"), i,
                       one) if (strcmp(text_at(one, "name"), name + PREFIX_LENGTH) == 0) return one;
    return NULL;
}

int mn_mcp_task_is(const char *name) {
    json_t *verbs;
    if (strncmp(name, PREFIX, PREFIX_LENGTH) != 0 || verbs_of(&verbs) < 0) return 0;
    const int is = verb_of(verbs, name) != NULL;
    json_decref(verbs);
    return is;
}

/* What a tool takes: the verb's fields, but those of this machine. */
static json_t *arguments_of(json_t *verb) {
    json_t *const takes = json_object_get(verb, "takes");
    json_t *const all = json_object_get(takes, "properties"), *field;
    const char *name;
    void *next;
    json_object_foreach_safe(all, next, name,
                             field) if (json_is_true(json_object_get(field, "local")))
        json_object_del(all, name);
    return takes;
}

static json_t *describe(json_t *verb, int structured) {
    mn_buf name = {0};
    if (mn_buf_printf(&name, PREFIX "%s", text_at(verb, "name")) < 0) return NULL;
    const int writes = json_is_true(json_object_get(verb, "writes"));
    json_t *o =
        json_pack("{s:s, s:s, s:O, s:{s:O, s:b, s:b, s:b, s:b}}", "name", name.data, "description",
                  text_at(verb, "about"), "inputSchema", arguments_of(verb), "annotations", "title",
                  json_object_get(verb, "title"), "readOnlyHint", !writes, "destructiveHint", 0,
                  "idempotentHint", !writes, "openWorldHint", 0);
    mn_buf_free(&name);
    if (!o || !structured) return o;
    if (json_object_set(o, "title", json_object_get(verb, "title")) == 0 &&
        json_object_set(o, "outputSchema", json_object_get(verb, "gives")) == 0)
        return o;
    json_decref(o);
    return NULL;
}

int mn_mcp_task_list(json_t *list, int structured) {
    json_t *verbs, *one;
    size_t i;
    int rc = 0;
    MN_TRY(verbs_of(&verbs));
    json_array_foreach(json_object_get(verbs, "verbs"), i,
                       one) if (json_array_append_new(list, describe(one, structured)) < 0) rc =
        MN_FAIL(MN_ENOMEM, "no memory for a list of tools");
    json_decref(verbs);
    return rc;
}

/* The arguments are the call, with the verb, and with a budget where there is one. */
static json_t *call_of(json_t *verb, const mn_mcp_call *call) {
    json_t *const o = json_copy(call->arguments), *field, *given;
    const char *name;
    if (!o) return NULL;
    json_t *const all = json_object_get(json_object_get(verb, "takes"), "properties");
    json_object_foreach(all, name, field) {
        given = json_object_get(o, name);
        if (json_is_true(json_object_get(field, "local")) && given)
            json_object_set_new(o, "do", json_null()); /* refused below, as unknown */
        if (strcmp(name, "budget") == 0 && (!given || json_is_null(given)))
            json_object_set_new(o, name, json_integer(MN_PAGE_BUDGET));
    }
    return o;
}

static int run(mn_mcp_call *call) {
    json_t *verbs, *result = NULL;
    MN_TRY(verbs_of(&verbs));
    json_t *const verb = verb_of(verbs, call->tool);
    json_t *const o = verb ? call_of(verb, call) : NULL;
    int rc = o ? 0 : MN_FAIL(MN_ENOMEM, "no memory for a call");
    if (rc >= 0 && json_object_get(o, "do"))
        rc = MN_FAIL(MN_EINVAL, "%s has an argument that is not a tool's", call->tool);
    if (rc >= 0) json_object_set(o, "do", json_object_get(verb, "name"));
    if (rc >= 0) rc = call_library(call->peer->mem, &call->peer->scope, o, &result);
    json_decref(o);
    json_decref(verbs);
    if (rc >= 0) rc = mn_mcp_put(result, "note", json_string(mn_mcp_note));
    if (rc >= 0 && json_object_update(call->result, result) < 0)
        rc = MN_FAIL(MN_ENOMEM, "no memory for a result");
    json_decref(result);
    return rc;
}

const mn_mcp_tool mn_mcp_task_tool = {.name = PREFIX, .run = run, .memory = 1};
