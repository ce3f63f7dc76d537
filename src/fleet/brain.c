/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/brain.c - the brain of a fleet: it looks who lives, takes what is asked for, collects what
 * was done, recovers what failed, and gives what is ready. All of that is one step that never
 * waits; monitor.c, brain_plan.c, brain_choose.c, brain_collect.c, brain_replan.c, brain_relieve.c
 * and brain_dispatch.c are its parts.
 *
 * fleet/FLEET/brain {"epoch", "pid", "until" (ns), "model", "life"} is its lease; every commit of
 * the brain checks its version, so of two brains the older one's commits fail, and it ends. Whose
 * process has ended, or who is silent for a second beyond `until`, is dead; his tasks lie on the
 * board and go on.
 */
#include "base/alloc.h"
#include "base/error.h"
#include "fleet/brain_inside.h"
#include "fleet/life.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const uint64_t SECOND = 1000000000, UNKNOWN = UINT64_MAX;

const char *mn_brain_field(const json_t *json, const char *name) {
    const char *const text = json_string_value(json_object_get(json, name));
    return text ? text : "";
}
int mn_brain_is(const json_t *json, const char *state) {
    return strcmp(mn_brain_field(json, "state"), state) == 0;
}
int mn_brain_no_memory(void) {
    return MN_FAIL(MN_ENOMEM, "no memory for the brain of the fleet");
}
int mn_brain_set(json_t *json, const char *name, json_t *value) {
    return json_object_set_new(json, name, value) ? mn_brain_no_memory() : 0;
}
int mn_brain_number(const json_t *json, const char *name) {
    return (int)json_integer_value(json_object_get(json, name));
}

/* ---- lease --------------------------------------------------------------------------------- */
static int lease_put(mn_brain *k, uint64_t version, uint64_t ns) {
    const uint64_t now = k->b->ops->now(k->b);
    char life[MN_LIFE];
    mn_board_life(k->b, life);
    json_t *const lease =
        json_pack("{s:I, s:i, s:I, s:s, s:s}", "epoch", k->epoch, "pid", (int)getpid(), "until",
                  (json_int_t)(now + ns), "model", k->how.model ? k->model : "rules", "life", life);
    if (!lease) return mn_brain_no_memory();
    const int rc = mn_board_put(k->b, "brain", "", lease, 1, &version);
    json_decref(lease);
    if (rc >= 0) {
        k->lease = version;
        k->renew = now + SECOND;
    }
    return rc;
}

static int displaced(mn_brain *k) {
    mn_board_tell(k->b, "brain", "{s:s}", "text", "another brain has taken over: this one ends");
    return MN_FAIL(MN_ECANCELLED, "another brain has taken over this fleet");
}

int mn_brain_renew(mn_brain *k, uint64_t ns) {
    const int rc = lease_put(k, k->lease, ns);
    return rc == MN_ECONFLICT ? displaced(k) : rc;
}

static int take_lease(mn_brain *k) {
    json_t *lease = NULL;
    uint64_t version = 0;
    int rc = mn_board_get(k->b, "brain", "", &lease, &version);
    if (rc == MN_ECORRUPT) { /* it is written over */
        rc = mn_board_del(k->b, "brain", "", 0, 0);
        version = 0;
    }
    if (rc > 0) {
        const uint64_t now = k->b->ops->now(k->b),
                       until = (uint64_t)json_integer_value(json_object_get(lease, "until"));
        k->epoch = json_integer_value(json_object_get(lease, "epoch"));
        const int ended =
            mn_board_lives(k->b, mn_brain_field(lease, "life"), NULL) == MN_LIFE_ENDED;
        if (!ended && until + SECOND > now && until < now + 600 * SECOND)
            rc = MN_FAIL(MN_EBUSY,
                         "process %" JSON_INTEGER_FORMAT
                         "%s%s is the brain of this fleet: end it first",
                         json_integer_value(json_object_get(lease, "pid")),
                         *mn_brain_field(lease, "home") ? " of the machine " : "",
                         mn_brain_field(lease, "home"));
    }
    json_decref(lease);
    MN_TRY(rc);
    k->epoch++;
    rc = lease_put(k, version, 2 * SECOND);
    return rc == MN_ECONFLICT ? MN_FAIL(MN_EBUSY, "another brain began at the same moment") : rc;
}

/* The lease's version now, without its text. */
static int check_lease(mn_brain *k) {
    char key[MN_FLEET_KEY];
    mn_buf value = {0};
    uint64_t version = 0;
    MN_TRY(mn_board_key(k->b, "brain", "", key));
    const int rc = k->b->ops->get(k->b, key, &value, &version);
    mn_buf_free(&value);
    MN_TRY(rc);
    return rc && version == k->lease ? 0 : displaced(k);
}

/* ---- life ---------------------------------------------------------------------------------- */
static void forget_robots(mn_brain *k) {
    mn_brain_robot *const were = k->was;
    const int cap = k->cap_was;
    for (int i = 0; i < k->n_was; i++) json_decref(were[i].call);
    k->was = k->robot;
    k->n_was = k->n_robots;
    k->cap_was = k->cap_robots;
    k->robot = were;
    k->n_robots = 0;
    k->cap_robots = cap;
}

static void task_free(mn_brain_task *t) {
    json_decref(t->json);
    json_decref(t->model);
    json_decref(t->again);
    mn_brain_talk_free(&t->talk);
}

void mn_brain_die(mn_brain **k) {
    mn_brain *const brain = *k;
    if (!brain) return;
    for (int i = 0; i < 2; i++) forget_robots(brain);
    for (int i = 0; i < brain->n_tasks; i++) task_free(&brain->task[i]);
    json_decref(brain->skip);
    mn_monitor_lives_free(brain);
    mn_free(brain->robot);
    mn_free(brain->was);
    mn_free(brain->task);
    mn_free(brain);
    *k = NULL;
}

void mn_brain_close(mn_brain **k) {
    if (*k) mn_board_del((*k)->b, "brain", "", 1, (*k)->lease);
    mn_brain_die(k);
}

int mn_brain_open(mn_board *b, const mn_brain_how *how, mn_brain **out) {
    mn_brain *k = mn_calloc(1, sizeof *k);
    *out = NULL;
    if (!k) return mn_brain_no_memory();
    k->b = b;
    if (how) k->how = *how;
    if (k->how.model) snprintf(k->model, sizeof k->model, "%s", k->how.model);
    k->skip = json_object();
    int rc = k->skip ? take_lease(k) : mn_brain_no_memory();
    if (rc >= 0 && (rc = mn_life_fallen(b)) < 0) {
        mn_brain_close(&k);
        return rc;
    }
    if (rc < 0) {
        mn_brain_die(&k);
        return rc;
    }
    mn_board_tell(b, "brain", "{s:s, s:I}", "text",
                  k->epoch > 1 ? "the brain goes on where the last one ended" : "the brain begins",
                  "epoch", k->epoch);
    *out = k;
    return 0;
}

/* ---- tasks --------------------------------------------------------------------------------- */
mn_brain_robot *mn_brain_robot_find(mn_brain *k, const char *name) {
    for (int i = 0; i < k->n_robots; i++)
        if (strcmp(k->robot[i].name, name) == 0 && !k->robot[i].gone) return &k->robot[i];
    return NULL;
}

int mn_brain_is_waiting(const mn_brain *k, int gone) {
    for (int i = 0; i < k->n_robots; i++)
        if (k->robot[i].cut || (gone && k->robot[i].far && k->robot[i].gone)) return 1;
    return 0;
}

int mn_brain_commit(mn_brain *k, mn_brain_task *t, mn_edits *edits) {
    const int at = edits->n;
    int rc = mn_edits_put(edits, k->b, "task/", t->id, t->json, t->version);
    if (rc >= 0) rc = mn_edits_check(edits, k->b, "brain", "", k->lease);
    if (rc >= 0) rc = mn_edits_commit(edits, k->b);
    if (rc >= 0) t->version = edits->edit[at].version;
    mn_edits_free(edits);
    return rc;
}

int mn_brain_put_call(mn_brain *k, mn_brain_robot *r) {
    mn_edits edits = {0};
    int rc = mn_edits_put(&edits, k->b, "call/", r->name, r->call, r->version);
    if (rc >= 0) rc = mn_edits_check(&edits, k->b, "brain", "", k->lease);
    if (rc >= 0) rc = mn_edits_commit(&edits, k->b);
    if (rc >= 0) r->version = edits.edit[0].version;
    mn_edits_free(&edits);
    return rc;
}

int mn_brain_end(mn_brain *k, mn_brain_task *t, const char *state, const char *why) {
    mn_edits edits = {0};
    MN_TRY(mn_brain_set(t->json, "state", json_string(state)));
    if (why) MN_TRY(mn_brain_set(t->json, "why", json_string(why)));
    MN_TRY(mn_brain_set(t->json, "ended", json_integer(k->b->ops->time(k->b))));
    MN_TRY(mn_brain_commit(k, t, &edits));
    mn_board_tell(k->b, "task", "{s:s, s:s, s:s}", "task", t->id, "state", state, "text",
                  why ? why : "");
    return 0;
}

/* Of "t7", and of "MACHINE.t7". */
static int number_of(const char *id) {
    const char *const dot = strrchr(id, '.');
    id = dot ? dot + 1 : id;
    return atoi(*id ? id + 1 : "0");
}

/* Its place in the list, which is in the order of numbers. */
static int task_slot(mn_brain *k, const char *id, mn_brain_task **out) {
    int at = k->n_tasks;
    for (int i = 0; i < k->n_tasks; i++)
        if (strcmp(k->task[i].id, id) == 0) {
            *out = &k->task[i];
            return 0;
        }
    if (k->n_tasks == k->cap_tasks) {
        const int cap = k->cap_tasks ? 2 * k->cap_tasks : 8;
        mn_brain_task *const more = mn_realloc(k->task, (size_t)cap * sizeof *more);
        if (!more) return mn_brain_no_memory();
        k->task = more;
        k->cap_tasks = cap;
    }
    for (; at && number_of(k->task[at - 1].id) > number_of(id); at--) k->task[at] = k->task[at - 1];
    k->n_tasks++;
    k->task[at] = (mn_brain_task){.version = 0};
    snprintf(k->task[at].id, sizeof k->task[at].id, "%s", id);
    *out = &k->task[at];
    return 0;
}

static void task_drop(mn_brain *k, mn_brain_task *t) {
    task_free(t);
    memmove(t, t + 1, (size_t)(k->task + k->n_tasks - t - 1) * sizeof *t);
    k->n_tasks--;
}

static int is_open(const json_t *json) {
    return mn_brain_is(json, "planning") || mn_brain_is(json, "running");
}

typedef struct names {
    json_t *list;
    mn_brain *k;
} names;

/* But of tasks that are known as they are. */
static int each_name(void *user, const char *key, uint64_t version) {
    names *const n = user;
    const char *const name = strrchr(key, '/');
    if (!name || !name[1] || strlen(name + 1) > MN_NAME) return 0;
    const json_t *const ended = json_object_get(n->k->skip, name + 1);
    if (ended && (uint64_t)json_integer_value(ended) == version) return 0;
    for (int i = 0; i < n->k->n_tasks; i++)
        if (n->k->task[i].version == version && strcmp(n->k->task[i].id, name + 1) == 0) return 0;
    return json_array_append_new(n->list, json_string(name + 1)) ? mn_brain_no_memory() : 0;
}

static int each_of(mn_brain *k, const char *kind, int (*each)(mn_brain *k, const char *name)) {
    char key[MN_FLEET_KEY];
    names n = {json_array(), k};
    json_t *one;
    size_t i;
    int rc = n.list ? mn_board_key(k->b, kind, "", key) : mn_brain_no_memory();
    if (rc >= 0) rc = k->b->ops->each(k->b, key, each_name, &n);
    json_array_foreach(n.list, i, one) if (rc >= 0) rc = each(k, json_string_value(one));
    json_decref(n.list);
    return rc;
}

static int refuse(mn_brain *k, const char *id) {
    mn_board_tell(k->b, "refused", "{s:s, s:s}", "task", id, "text", mn_error_detail());
    return 0;
}

static int take_ask(mn_brain *k, const char *id) {
    json_t *ask = NULL;
    uint64_t version = 0;
    mn_edits edits = {0};
    int rc = mn_board_get(k->b, "ask/", id, &ask, &version);
    if (rc == MN_ECORRUPT || rc == MN_EUNSUPPORTED) {
        refuse(k, id);
        return mn_board_del(k->b, "ask/", id, 0, 0);
    }
    if (rc <= 0) return rc;
    json_t *const task = json_pack(
        "{s:s, s:s, s:s, s:s, s:b, s:s, s:I, s:[], s:i, s:i, s:i}", "id", id, "text",
        mn_brain_field(ask, "text"), "by", mn_brain_field(ask, "by"), "planner",
        k->how.model ? k->model : "rules", "confirm", json_is_true(json_object_get(ask, "confirm")),
        "state", "planning", "asked", json_integer_value(json_object_get(ask, "t")), "steps",
        "replans", 0, "replanned", 0, "failed_subtree", 0);
    rc = task ? mn_edits_del(&edits, k->b, "ask/", id, version) : mn_brain_no_memory();
    if (rc >= 0) rc = mn_edits_put(&edits, k->b, "task/", id, task, 0);
    if (rc >= 0) rc = mn_edits_check(&edits, k->b, "brain", "", k->lease);
    if (rc >= 0) rc = mn_edits_commit(&edits, k->b);
    mn_edits_free(&edits);
    json_decref(ask);
    json_decref(task);
    return rc;
}

/* It has ended, or cannot be read: not looked at again until it changes. */
static int pass_over(mn_brain *k, const char *id, uint64_t version) {
    for (int i = 0; i < k->n_tasks; i++)
        if (strcmp(k->task[i].id, id) == 0) {
            task_drop(k, &k->task[i]);
            break;
        }
    return mn_brain_set(k->skip, id, json_integer((json_int_t)version));
}

static int read_task(mn_brain *k, const char *id) {
    mn_brain_task *t = NULL;
    json_t *json = NULL;
    uint64_t version = 0;
    char key[MN_FLEET_KEY];
    int rc = mn_board_get(k->b, "task/", id, &json, &version);
    if (rc == MN_ECORRUPT || rc == MN_EUNSUPPORTED) {
        mn_buf value = {0};
        refuse(k, id);
        rc = mn_board_key(k->b, "task/", id, key);
        if (rc >= 0) rc = k->b->ops->get(k->b, key, &value, &version);
        mn_buf_free(&value);
        return rc < 0 ? rc : pass_over(k, id, version);
    }
    MN_TRY(rc);
    if (!rc) version = 0;
    if (!rc || !is_open(json) || *mn_brain_field(json, "home")) /* or it is another machine's */
        rc = pass_over(k, id, version);
    else {
        rc = task_slot(k, id, &t);
        if (rc >= 0) {
            json_decref(t->json);
            t->json = json_incref(json);
            t->version = version;
        }
    }
    json_decref(json);
    return rc;
}

/* ---- the step ------------------------------------------------------------------------------ */
/* A robot has something that nobody waits for: it ends it. */
static int cancel_orphans(mn_brain *k) {
    for (int i = 0; i < k->n_robots; i++) {
        mn_brain_robot *const r = &k->robot[i];
        const char *const id = mn_brain_field(r->call, "task");
        int wanted =
            r->gone || (!mn_brain_is(r->call, "given") && !mn_brain_is(r->call, "running"));
        for (int t = 0; t < k->n_tasks && !wanted; t++) wanted = strcmp(k->task[t].id, id) == 0;
        if (wanted) continue;
        MN_TRY(mn_brain_set(r->call, "state", json_string("cancel")));
        MN_TRY(mn_brain_put_call(k, r));
    }
    return 0;
}

static int is_cancelled(const mn_brain_task *t) {
    return json_is_true(json_object_get(t->json, "cancel"));
}

static int collect(mn_brain *k, mn_brain_task *t) {
    if (is_cancelled(t) || mn_brain_is(t->json, "running")) MN_TRY(mn_brain_collect(k, t));
    return is_cancelled(t) ? mn_brain_cancel(k, t) : 0;
}

static int advance(mn_brain *k, mn_brain_task *t) {
    if (is_cancelled(t)) return 0;
    if (mn_brain_is(t->json, "planning")) MN_TRY(mn_brain_begin(k, t));
    return mn_brain_is(t->json, "running") ? mn_brain_dispatch(k, t) : 0;
}

static int step(mn_brain *k) {
    MN_TRY(mn_monitor_robots(k));
    MN_TRY(each_of(k, "ask/", take_ask));
    MN_TRY(each_of(k, "task/", read_task));
    MN_TRY(cancel_orphans(k));
    /* All that was done is taken down first: a robot that is given more has it no longer. */
    for (int i = 0; i < k->n_tasks; i++) MN_TRY(collect(k, &k->task[i]));
    for (int i = 0; i < k->n_tasks; i++) {
        MN_TRY(advance(k, &k->task[i]));
        if (!is_open(k->task[i].json)) {
            task_drop(k, &k->task[i--]);
            mn_brain_sooner(k, 0); /* what waited for it may go on */
        }
    }
    return 0;
}

int mn_brain_step(mn_brain *k, uint64_t *again) {
    const uint64_t now = k->b->ops->now(k->b);
    *again = now + SECOND;
    MN_TRY(check_lease(k));
    if (now >= k->renew) {
        MN_TRY(mn_brain_renew(k, 2 * SECOND));
        MN_TRY(mn_life_fallen(k->b));
    }
    k->again = k->renew;
    forget_robots(k);
    int rc = step(k);
    for (int i = 0; i < k->n_tasks && rc < 0; i++) k->task[i].version = UNKNOWN;
    for (int i = 0; i < k->n_robots && rc < 0; i++) k->robot[i].version = UNKNOWN;
    if (rc == MN_ECONFLICT) { /* somebody was quicker: all is looked at once more */
        k->again = now;
        rc = 0;
    }
    *again = k->again;
    k->awake = k->again > now ? k->again : now;
    return rc < 0 ? rc : 0;
}
