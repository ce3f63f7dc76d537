/* SPDX-License-Identifier: Apache-2.0
 *
 * serve/mcp_verbs.c - tools that are verbs of the library's doors (mn_task_do): a door says itself
 * what there is ({"do": "verbs"}), takes the arguments as they are, and checks them. A verb that a
 * new library has is a tool at once. What names things of this machine (`local`) is no tool, and no
 * argument of one.
 *
 * How to add a door: a row of `doors`.
 */
#include "serve/mcp_tools.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/json.h"
#include "base/opt.h"
#include "omnesia_fleet.h"

#include <pthread.h>
#include <string.h>

/* An answer of the library, as JSON; consumed. */
static int take(int rc, char *answer, json_t **out) {
    *out = rc < 0 ? NULL : json_loads(answer, 0, NULL);
    mn_free_text(answer);
    MN_TRY(rc);
    return *out ? 0 : MN_FAIL(MN_ENOMEM, "no memory for a result");
}

int mn_mcp_task_do(mn_mem *mem, const mn_scope *scope, const json_t *call, json_t **out) {
    char *text = mn_json_text(call, JSON_COMPACT), *answer = NULL;
    if (!text) return MN_FAIL(MN_ENOMEM, "no memory for a call");
    const int rc = mn_task_do(mem, scope, text, &answer);
    mn_free(text);
    return take(rc, answer, out);
}

static int task_do(const mn_mcp_peer *peer, const json_t *call, json_t **out) {
    return mn_mcp_task_do(peer ? peer->mem : NULL, peer ? &peer->scope : NULL, call, out);
}

/* Fleets lie in the region, beside the folders of tenants: these have none. */
static int fleet_do(const mn_mcp_peer *peer, const json_t *call, json_t **out) {
    char *const text = mn_json_text(call, JSON_COMPACT), *answer = NULL;
    const mn_fleet_options how = {.name = peer ? peer->fleet : NULL};
    mn_fleet *fleet = NULL;
    int rc = text ? 0 : MN_FAIL(MN_ENOMEM, "no memory for a call");
    if (rc >= 0 && peer) rc = mn_fleet_open(peer->region, &how, &fleet);
    if (rc >= 0) rc = mn_fleet_do(fleet, text, &answer);
    mn_fleet_close(&fleet);
    mn_free(text);
    return take(rc, answer, out);
}

typedef struct door {
    const char *prefix; /* of the names of its tools */
    int memory;         /* as of mn_mcp_tool */
    int (*call)(const mn_mcp_peer *peer, const json_t *call, json_t **out); /* peer NULL: "verbs" */
    const char *persons[3]; /* verbs that are theirs, and no tools */
} door;
static const door doors[] = {{"task_", 1, task_do, {0}},
                             {"fleet_", 0, fleet_do, {"confirm", "resume"}}};
enum { DOORS = sizeof doors / sizeof *doors };

/* Read once, for all that this process serves; only read from then on. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static json_t *all_verbs[DOORS];

static void drop_local(json_t *verb) {
    json_t *const all = json_object_get(json_object_get(verb, "takes"), "properties"), *field;
    const char *name;
    void *next;
    json_object_foreach_safe(all, next, name,
                             field) if (json_is_true(json_object_get(field, "local")))
        json_object_del(all, name);
}

static int read_verbs(const door *d, json_t **out) {
    json_t *const ask = json_pack("{s:s}", "do", "verbs"), *verb;
    size_t i;
    const int rc =
        ask ? d->call(NULL, ask, out) : MN_FAIL(MN_ENOMEM, "no memory for a list of tools");
    json_decref(ask);
    MN_TRY(rc);
    json_t *const list = json_object_get(*out, "verbs");
    for (i = json_array_size(list); i-- && (verb = json_array_get(list, i));)
        if (json_is_true(json_object_get(verb, "local")))
            json_array_remove(list, i);
        else
            drop_local(verb);
    return 0;
}

static int verbs_of(const door *d, json_t **out) {
    json_t **const all = all_verbs + (d - doors);
    pthread_mutex_lock(&lock);
    const int rc = *all ? 0 : read_verbs(d, all);
    *out = *all;
    pthread_mutex_unlock(&lock);
    return rc;
}

static const char *text_at(const json_t *o, const char *name) {
    return json_string_value(json_object_get(o, name));
}

static int has(const mn_mcp_peer *peer, const door *d) {
    return d->memory ? peer->mem != NULL : peer->region && !*peer->folder;
}

static int is_tool(const door *d, const json_t *verb) {
    for (const char *const *p = d->persons; *p; p++)
        if (strcmp(text_at(verb, "name"), *p) == 0) return 0;
    return 1;
}

/* The door and verb of a tool's name: 1; 0: there is none. */
static int find(const char *name, const door **out, json_t **verb) {
    for (const door *d = doors; d < doors + DOORS; d++) {
        const size_t n = strlen(d->prefix);
        json_t *verbs, *one;
        size_t i;
        if (strncmp(name, d->prefix, n) != 0 || verbs_of(d, &verbs) < 0) continue;
        json_array_foreach(json_object_get(verbs, "verbs"), i, one) {
            if (strcmp(text_at(one, "name"), name + n) != 0) continue;
            *out = d;
            *verb = one;
            return 1;
        }
    }
    return 0;
}

int mn_mcp_verb_is(const mn_mcp_peer *peer, const char *name) {
    const door *d;
    json_t *verb;
    return find(name, &d, &verb) && is_tool(d, verb) && has(peer, d);
}

static json_t *describe(const door *d, json_t *verb, int structured) {
    mn_buf name = {0};
    if (mn_buf_printf(&name, "%s%s", d->prefix, text_at(verb, "name")) < 0) return NULL;
    const int writes = json_is_true(json_object_get(verb, "writes"));
    json_t *o =
        json_pack("{s:s, s:s, s:O, s:{s:O, s:b, s:b, s:b, s:b}}", "name", name.data, "description",
                  text_at(verb, "about"), "inputSchema", json_object_get(verb, "takes"),
                  "annotations", "title", json_object_get(verb, "title"), "readOnlyHint", !writes,
                  "destructiveHint", 0, "idempotentHint", !writes, "openWorldHint", 0);
    mn_buf_free(&name);
    if (!o || !structured) return o;
    if (json_object_set(o, "title", json_object_get(verb, "title")) == 0 &&
        json_object_set(o, "outputSchema", json_object_get(verb, "gives")) == 0)
        return o;
    json_decref(o);
    return NULL;
}

int mn_mcp_verb_list(const mn_mcp_peer *peer, json_t *list, int structured) {
    json_t *verbs, *one;
    size_t i;
    for (const door *d = doors; d < doors + DOORS; d++) {
        if (!has(peer, d)) continue;
        MN_TRY(verbs_of(d, &verbs));
        json_array_foreach(json_object_get(verbs, "verbs"), i, one) {
            if (!is_tool(d, one)) continue;
            if (json_array_append_new(list, describe(d, one, structured)) < 0)
                return MN_FAIL(MN_ENOMEM, "no memory for a list of tools");
        }
    }
    return 0;
}

/* The arguments are the call, with the verb, and with a budget where there is one. What is no
 * argument of the tool the library refuses, but for its own. */
static json_t *call_of(json_t *verb, json_t *arguments) {
    json_t *const all = json_object_get(json_object_get(verb, "takes"), "properties");
    json_t *const o = json_copy(arguments);
    const json_t *const given = json_object_get(o, "budget");
    if (o && json_object_get(all, "budget") && (!given || json_is_null(given)))
        json_object_set_new(o, "budget", json_integer(MN_PAGE_BUDGET));
    return o;
}

static int check_names(const mn_mcp_call *call, json_t *verb) {
    json_t *const all = json_object_get(json_object_get(verb, "takes"), "properties"), *value;
    const char *names[32], *name;
    size_t n = 0;
    json_object_foreach(all, name, value) if (n < sizeof names / sizeof *names) names[n++] = name;
    json_object_foreach(call->arguments, name, value) {
        if (json_object_get(all, name)) continue;
        const char *const near = mn_opt_nearest(name, names, n);
        return MN_FAIL(MN_EINVAL, "%s has no argument '%.64s'%s%s", call->tool, name,
                       near ? "; did you mean " : "", near ? near : "");
    }
    return 0;
}

static int run(mn_mcp_call *call) {
    const door *d;
    json_t *verb, *result = NULL;
    if (!find(call->tool, &d, &verb) || (!call->person && !is_tool(d, verb)))
        return MN_FAIL(MN_ENOENT, "there is no %s here", call->tool);
    MN_TRY(check_names(call, verb));
    json_t *const o = call_of(verb, call->arguments);
    int rc = o && json_object_set(o, "do", json_object_get(verb, "name")) == 0
                 ? 0
                 : MN_FAIL(MN_ENOMEM, "no memory for a call");
    if (rc >= 0) rc = d->call(call->peer, o, &result);
    json_decref(o);
    if (rc >= 0) rc = mn_mcp_put(result, "note", json_string(mn_mcp_note));
    if (rc >= 0 && json_object_update(call->result, result) < 0)
        rc = MN_FAIL(MN_ENOMEM, "no memory for a result");
    json_decref(result);
    return rc;
}

const mn_mcp_tool mn_mcp_verb_tool = {.name = "", .run = run};
