/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/bridge_call.c - a call between a brain and a robot that are on two machines.
 *
 * On each of the two boards lies a call/ROBOT as fleet/task.h has it. The brain's board says
 * call/MACHINE/ROBOT: {"task", "step", "try", "skill", "args", "limit", "lease": stamp, "state":
 * "given" | "cancel" | "idle"}; the robot's says done/ROBOT: {"from": MACHINE, "task", "step",
 * "try", "state", "code", "text", "progress", "result"}. Which call of another machine the robot's
 * board has is noted there: bridge/from/ROBOT, {"from", "task", "step", "try"}.
 */
#include "base/hash.h"
#include "fleet/bridge_in.h"

#include <stdio.h>
#include <string.h>

typedef struct call { /* one robot's */
    mn_bridge *g;
    const char *robot;
    json_t *here; /* on this board; NULL: none */
    json_t *note; /* bridge/from/ROBOT; NULL */
    uint64_t version, noted;
} call;

int bridge_call_active(const json_t *c) {
    const char *const state = bridge_text(c, "state");
    return strcmp(state, "given") == 0 || strcmp(state, "running") == 0 ||
           strcmp(state, "cancel") == 0;
}

static int is_ended(const json_t *c) {
    const char *const state = bridge_text(c, "state");
    return strcmp(state, "done") == 0 || strcmp(state, "failed") == 0;
}

/* Is it the same try of the same step? a as on this board, b as on the wire. */
static int same(const mn_bridge *g, const json_t *a, const json_t *b) {
    char task[256];
    if (!a || !b) return 0;
    bridge_in_name(g, BRIDGE_TASK, bridge_text(b, "task"), task);
    return strcmp(bridge_text(a, "task"), task) == 0 &&
           strcmp(bridge_text(a, "step"), bridge_text(b, "step")) == 0 &&
           json_integer_value(json_object_get(a, "try")) ==
               json_integer_value(json_object_get(b, "try"));
}

/* The machine whose call lies here; "": of a brain here. */
static const char *from(const call *c) {
    return c->note && same(c->g, c->here, c->note) ? bridge_text(c->note, "from") : "";
}

static int copy_fields(json_t *to, const json_t *of, const char *const *field) {
    for (; *field; field++) {
        json_t *const value = json_object_get(of, *field);
        if (value && json_object_set(to, *field, value) < 0)
            return MN_FAIL(MN_ENOMEM, "no memory for a call of a robot");
    }
    return 0;
}

/* What is to be done, as it goes from machine to machine. */
static const char *const order[] = {"task", "step", "try", "skill", "args", "limit", "looks", NULL};

/* ---- on the brain's board ------------------------------------------------------------------ */
static int say_call(const call *c) {
    mn_bridge *const g = c->g;
    char name[2 * MN_NAME + 2];
    const bridge_entry *const lease = bridge_of(g, BRIDGE_LEASE, c->robot);
    const char *const state = bridge_text(c->here, "state");
    const uint64_t meant = (uint64_t)json_integer_value(json_object_get(c->here, "lease"));
    bridge_entry *e;
    snprintf(name, sizeof name, "%s/%s", g->machine, c->robot);
    /* Who has the brain no more takes back what it gave. */
    const int none = !c->here || *bridge_brain(g);
    if (none && !bridge_of(g, BRIDGE_CALL, name)) return 0;
    MN_TRY(bridge_make_of(g, BRIDGE_CALL, name, &e));
    if (none) return bridge_say(g, e, NULL);
    if (lease && lease->pending) return 0; /* what lies here is not yet the one that it stamps */
    const uint64_t of[] = {c->version, lease ? lease->local : 0, lease ? lease->at.h : 0,
                           lease ? lease->at.e : 0, lease ? lease->at.v : 0};
    const uint64_t said = mn_hash64(of, sizeof of);
    if (e->mine && e->said == said) return 0;
    e->said = said;
    const int brain = strcmp(state, "cancel") == 0 || strcmp(state, "idle") == 0;
    json_t *const plain = json_pack("{s:s}", "state", brain ? state : "given");
    int rc = plain ? copy_fields(plain, c->here, order) : -1;
    if (rc >= 0 && lease && lease->local && lease->local == meant)
        rc = json_object_set_new(plain, "lease", bridge_stamp_write(lease->key, &lease->at));
    json_t *const out = rc >= 0 ? bridge_out_value(g, BRIDGE_CALL, plain) : NULL;
    json_decref(plain);
    if (!out) return MN_FAIL(MN_ENOMEM, "no memory for a call of %s", c->robot);
    return bridge_say(g, e, out);
}

/* What the robot said, onto the brain's board. */
static int take_done(const call *c) {
    static const char *const fields[] = {"code", "text", "progress", "result", NULL};
    mn_bridge *const g = c->g;
    const bridge_entry *const e = bridge_of(g, BRIDGE_DONE, c->robot);
    const char *const is = bridge_text(c->here, "state");
    const char *state = e ? bridge_text(e->value, "state") : "";
    uint64_t version = c->version;
    if (!e || e->mine || !bridge_call_active(c->here) || !same(g, c->here, e->value)) return 0;
    if (strcmp(bridge_text(e->value, "from"), g->machine) != 0) return 0;
    const int ended = is_ended(e->value), cancelled = strcmp(is, "cancel") == 0;
    if (!ended && (cancelled || strcmp(state, "running") != 0)) return 0;
    if (e->with && !bridge_known(g, e->with)) return 0;
    json_t *const next = json_copy(c->here);
    int rc = next ? copy_fields(next, e->value, fields) : -1;
    if (rc >= 0 && cancelled && strcmp(state, "done") == 0) {
        state = "failed";
        rc = json_object_set_new(next, "code", json_string("cancelled")) < 0 ||
             json_object_set_new(next, "text", json_string("it was done before it was cancelled"));
        rc = rc ? -1 : 0;
    }
    if (rc >= 0) rc = json_object_set_new(next, "state", json_string(state));
    if (rc < 0)
        rc = MN_FAIL(MN_ENOMEM, "no memory for a call of %s", c->robot);
    else if (!json_equal(next, c->here))
        rc = mn_board_put(g->b, "call/", c->robot, next, 1, &version);
    json_decref(next);
    return rc == MN_ECONFLICT ? 0 : rc;
}

/* ---- on the robot's board ------------------------------------------------------------------ */
/* What must be known before it counts that a call has ended: where its things are now, and the
 * robot. */
static json_t *conditions(const call *c) {
    json_t *const with = json_array();
    const json_t *arg;
    const char *unused;
    char key[MN_FLEET_KEY];
    mn_buf state = {0};
    uint64_t version;
    json_object_foreach(json_object_get(c->here, "args"), unused, arg) {
        const char *const name = json_string_value(arg);
        for (int i = 0; name && i < 2; i++) {
            const bridge_entry *const e =
                bridge_of(c->g, i ? BRIDGE_THING : BRIDGE_SIM_THING, name);
            if (e && e->mine) json_array_append_new(with, bridge_stamp_write(e->key, &e->at));
        }
    }
    if (mn_board_key(c->g->b, "state/", c->robot, key) >= 0 &&
        c->g->b->ops->get(c->g->b, key, &state, &version) > 0) {
        bridge_stamp at = {.e = c->g->epoch, .v = version};
        snprintf(at.home, sizeof at.home, "%s", c->g->machine);
        snprintf(key, sizeof key, "state/%s", c->robot);
        json_array_append_new(with, bridge_stamp_write(key, &at));
    }
    mn_buf_free(&state);
    return with;
}

static int say_done(const call *c) {
    static const char *const fields[] = {"task", "step",     "try",    "state", "code",
                                         "text", "progress", "result", NULL};
    mn_bridge *const g = c->g;
    const char *const machine = from(c);
    bridge_entry *e;
    if (!*machine) return 0;
    MN_TRY(bridge_make_of(g, BRIDGE_DONE, c->robot, &e));
    /* Only what lay there before the last look at the things is said after them. */
    const uint64_t before = e->local;
    e->local = c->version;
    if (before != c->version && is_ended(c->here)) return 0;
    const uint64_t of[] = {c->version, c->noted};
    const uint64_t said = mn_hash64(of, sizeof of);
    if (e->mine && e->said == said) return 0;
    e->said = said;
    json_t *const plain = json_pack("{s:s}", "from", machine);
    const int rc = plain ? copy_fields(plain, c->here, fields) : -1;
    json_t *const out = rc >= 0 ? bridge_out_value(g, BRIDGE_DONE, plain) : NULL;
    json_decref(plain);
    if (!out) return MN_FAIL(MN_ENOMEM, "no memory for a call of %s", c->robot);
    if (bridge_say(g, e, out) && is_ended(c->here)) e->with = conditions(c);
    return 0;
}

/* Another state of what lies here. */
static int put_state(const call *c, const char *state) {
    uint64_t version = c->version;
    if (strcmp(bridge_text(c->here, "state"), state) == 0) return 0;
    json_t *const next = json_copy(c->here);
    int rc = next ? json_object_set_new(next, "state", json_string(state)) : -1;
    rc = rc < 0 ? MN_FAIL(MN_ENOMEM, "no memory for a call of %s", c->robot)
                : mn_board_put(c->g->b, "call/", c->robot, next, 1, &version);
    json_decref(next);
    return rc == MN_ECONFLICT ? 0 : rc;
}

/* Are the things that it changes ours, and is the lease that which the brain meant? */
static int may_begin(const call *c, const json_t *given) {
    const bridge_entry *const lease = bridge_of(c->g, BRIDGE_LEASE, c->robot);
    const bridge_entry *const robot = bridge_of(c->g, BRIDGE_ROBOT, c->robot);
    const char *key, *thing[8];
    bridge_stamp meant;
    if (!lease || !lease->mine || !lease->local) return 0;
    if (bridge_stamp_read(json_object_get(given, "lease"), &key, &meant) < 0) return 0;
    if (bridge_order(&meant, &lease->at) != 0) return 0;
    const int n = bridge_changes(robot->value, given, thing);
    for (int i = 0; i < n; i++) {
        const bridge_entry *const e = bridge_of(c->g, BRIDGE_THING, thing[i]);
        if (e && !e->mine && e->value) return 0;
    }
    return 1;
}

/* The call of another machine comes here; failed (NULL: not): as one that ended before it began. */
static int put_call(const call *c, const char *machine, const json_t *given, const char *failed) {
    static const char *const ids[] = {"task", "step", "try", NULL};
    const bridge_entry *const lease = bridge_of(c->g, BRIDGE_LEASE, c->robot);
    mn_edits edits = {0};
    char task[256];
    json_t *const next = json_pack("{s:s, s:I}", "state", failed ? "failed" : "given", "lease",
                                   (json_int_t)(lease ? lease->local : 0));
    json_t *const note = json_pack("{s:s}", "from", machine);
    bridge_in_name(c->g, BRIDGE_TASK, bridge_text(given, "task"), task);
    int rc = next && note ? copy_fields(next, given, order) : -1;
    if (rc >= 0) rc = copy_fields(note, given, ids);
    if (rc >= 0) rc = json_object_set_new(next, "task", json_string(task));
    if (rc >= 0 && failed) rc = json_object_set_new(next, "code", json_string(failed));
    rc = rc < 0 ? MN_FAIL(MN_ENOMEM, "no memory for a call of %s", c->robot) : 0;
    if (rc >= 0) rc = mn_edits_put(&edits, c->g->b, "call/", c->robot, next, c->version);
    if (rc >= 0) rc = mn_edits_put(&edits, c->g->b, "bridge/from/", c->robot, note, c->noted);
    if (rc >= 0) rc = bridge_commit(c->g, &edits);
    mn_edits_free(&edits);
    json_decref(next);
    json_decref(note);
    return rc;
}

/* Whoever has what it changes does not give it (he has it in his hand): the brain is to know. */
static int waited(const call *c, bridge_entry *e) {
    const uint64_t now = c->g->b->ops->now(c->g->b);
    if (!e->waits || e->waits > now) e->waits = now ? now : 1;
    return now - e->waits > 10000000000u;
}

/* One machine's call to a robot of ours. */
static int deliver(const call *c, const char *machine, bridge_entry *e) {
    const json_t *const given = e->value;
    const char *const state = bridge_text(given, "state");
    const int of_it = strcmp(from(c), machine) == 0, active = bridge_call_active(c->here);
    const int is_it = of_it && same(c->g, c->here, given);
    const int is_given = strcmp(state, "given") == 0, cancel = strcmp(state, "cancel") == 0;
    /* What a brain here gave that there is no more is nobody's. */
    const int is_nobodys = !*from(c) && strcmp(bridge_brain(c->g), machine) == 0;
    if (is_it && is_given) return 0;
    if (of_it && !given && bridge_has_brain(c->g)) return 0; /* the brain here goes on with it */
    if (is_it && cancel) return active ? put_state(c, "cancel") : 0;
    if (active) /* it was dropped meanwhile */
        return of_it || (is_nobodys && is_given) ? put_state(c, "cancel") : 0;
    if (!is_given && !cancel) return of_it && is_ended(c->here) ? put_state(c, "idle") : 0;
    if (is_ended(c->here) && !of_it && !is_nobodys) return 0; /* a brain here has not looked yet */
    if (cancel) return put_call(c, machine, given, "cancelled");
    if (!json_object_get(given, "lease")) /* it was meant for a robot of this name that is gone */
        return put_call(c, machine, given, "lost");
    if (may_begin(c, given)) return put_call(c, machine, given, NULL);
    return waited(c, e) ? put_call(c, machine, given, "conflict") : 0;
}

static int deliver_all(const call *c) {
    for (size_t i = 0; i < c->g->n; i++) {
        bridge_entry *const e = c->g->entry[i];
        const char *const slash = e->kind == BRIDGE_CALL ? strchr(e->name, '/') : NULL;
        char machine[MN_NAME + 1];
        if (!slash || e->mine || strcmp(slash + 1, c->robot) != 0) continue;
        snprintf(machine, sizeof machine, "%.*s", (int)(slash - e->name), e->name);
        const int rc = deliver(c, machine, e);
        if (rc) return rc < 0 ? rc : 0; /* what lies here is another one now */
    }
    return 0;
}

/* ---- all of them --------------------------------------------------------------------------- */
int bridge_robot_part(mn_bridge *g, bridge_entry *robot, int note, json_t **out,
                      uint64_t *version) {
    const char *const folder = note ? "bridge/from/" : "call/";
    char key[MN_FLEET_KEY];
    mn_buf value = {0};
    *out = NULL;
    MN_TRY(mn_board_key(g->b, folder, robot->name, key));
    int rc = g->b->ops->get(g->b, key, &value, version);
    mn_buf_free(&value);
    if (rc > 0 && *version != robot->part_version[note]) {
        json_decref(robot->part[note]);
        robot->part[note] = NULL;
        robot->part_version[note] = 0;
        rc = mn_board_get(g->b, folder, robot->name, robot->part + note, version);
        if (rc > 0) robot->part_version[note] = *version;
    }
    if (rc > 0) *out = robot->part[note];
    return rc == MN_ECORRUPT || rc == MN_EUNSUPPORTED ? 0 : rc;
}

static int one_robot(mn_bridge *g, bridge_entry *robot) {
    call c = {.g = g, .robot = robot->name};
    int rc = bridge_robot_part(g, robot, 0, &c.here, &c.version);
    if (rc >= 0 && robot->mine) rc = bridge_robot_part(g, robot, 1, &c.note, &c.noted);
    if (rc >= 0 && robot->mine) {
        rc = say_done(&c);
        if (rc >= 0) rc = deliver_all(&c);
    } else if (rc >= 0) {
        rc = say_call(&c);
        if (rc >= 0) rc = take_done(&c);
    }
    return rc;
}

int bridge_calls(mn_bridge *g) {
    for (size_t i = 0; i < g->n; i++) {
        bridge_entry *const e = g->entry[i];
        if (e->kind == BRIDGE_ROBOT && (e->value || !e->mine)) MN_TRY(one_robot(g, e));
    }
    return 0;
}
