/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/task_do.c - a call: its fields are read by the table, its tree is read, the verb runs, all
 * in one turn of the notes.
 */
#include "agent/task_do.h"

#include "base/alloc.h"
#include "base/json.h"

#include <string.h>

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
            MN_TRY(mn_verb_put(c->result, "dropped", dropped));
        }
        if (json_array_append(dropped, value) < 0)
            return MN_FAIL(MN_ENOMEM, "no memory for a list");
    }
    return 0;
}

/* ---- a call -------------------------------------------------------------------------------- */
typedef struct run_ {
    mn_task_call c;
    const mn_verb *verb;
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

static int64_t changed_in(const json_t *result) {
    const json_t *one = json_object_get(result, "task");
    if (!one) one = json_array_get(json_object_get(result, "tasks"), 0);
    return json_integer_value(json_object_get(one, "id"));
}

static int do_call(run_ *r, json_t *call, int64_t *changed) {
    mn_task_call *const c = &r->c;
    if (!r->verb) {
        c->result = mn_verbs_describe(&mn_task_verbs);
        return c->result ? 0 : MN_FAIL(MN_ENOMEM, "no memory for a list of verbs");
    }
    if (!c->notes) return MN_FAIL(MN_EINVAL, "no store is given for %s", r->verb->name);
    c->args = (mn_task_args){
        .role = "user", .form = "tree", .limit = 50, .context = 4096, .seconds = 10, .tries = 12};
    MN_TRY(mn_verbs_args(&mn_task_verbs, r->verb, call, &c->args));
    c->result = json_object();
    const int rc =
        r->verb->own ? r->verb->run(c) : mn_notes_turn(c->notes, r->verb->writes, work, r);
    mn_tasks_free(&c->t);
    if (rc >= 0 && r->verb->writes && changed) *changed = changed_in(c->result);
    return rc;
}

int mn_task_run(mn_notes *notes, const mn_who *who, const mn_extractor *by, const char *json,
                char **result, int64_t *changed) {
    run_ r = {.c = {.notes = notes, .who = who, .by = by}};
    json_t *call;
    *result = NULL;
    if (changed) *changed = 0;
    MN_TRY(mn_verbs_read(&mn_task_verbs, json, &call, &r.verb));
    int rc = do_call(&r, call, changed);
    json_decref(call);
    if (rc >= 0 && !(*result = mn_json_text(r.c.result, JSON_COMPACT)))
        rc = MN_FAIL(MN_ENOMEM, "no memory for the result");
    json_decref(r.c.result);
    return rc < 0 ? rc : 0;
}
