/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/bridge_brain.c - one brain for all machines.
 *
 * The record brain/lease says which machine has it, {"epoch", "pid", "model"}; who has it says
 * beside that, with each renewal, for how long it is good. On the other boards that is an object
 * "brain" with "home", so a brain that begins there is refused, as at home. When nothing is heard
 * any more it runs out there, and a brain may begin: its record has changed its home, so it is the
 * newer one, and counts everywhere as soon as it is known. Whose brain is not the one that counts
 * finds another lease on his board, and ends; his open tasks are given to the machine that has it,
 * and his calls to robots of other machines are taken back.
 */
#include "fleet/bridge_in.h"

#include <stdio.h>
#include <string.h>

static const uint64_t SECOND = 1000000000;

static bridge_entry *record_of(const mn_bridge *g) {
    return bridge_of(g, BRIDGE_BRAIN, "lease");
}

const char *bridge_brain(const mn_bridge *g) {
    const bridge_entry *const e = record_of(g);
    return e && e->value && !e->pending && !e->mine ? e->at.home : "";
}

int bridge_has_brain(const mn_bridge *g) {
    const bridge_entry *const e = record_of(g);
    return e && e->value && e->mine;
}

/* ---- the board ----------------------------------------------------------------------------- */
/* The lease of the far brain; it is taken for alive until then. */
static int put_far(mn_bridge *g, bridge_entry *e, uint64_t version) {
    json_t *const lease = json_deep_copy(e->value);
    if (!lease || json_object_set_new(lease, "home", json_string(e->at.home)) ||
        json_object_set_new(lease, "until", json_integer((json_int_t)g->brain_until))) {
        json_decref(lease);
        return MN_FAIL(MN_ENOMEM, "no memory for the lease of a brain");
    }
    mn_edits edits = {0};
    int rc = mn_edits_put(&edits, g->b, "brain", "", lease, version);
    if (rc >= 0) rc = bridge_commit(g, &edits);
    mn_edits_free(&edits);
    json_decref(lease);
    if (rc > 0) {
        g->brain_shown = g->brain_until;
        e->pending = 0;
    }
    return rc;
}

static int end_far(mn_bridge *g, bridge_entry *e, uint64_t version) {
    mn_edits edits = {0};
    int rc = mn_edits_del(&edits, g->b, "brain", "", version);
    if (rc >= 0) rc = bridge_commit(g, &edits);
    mn_edits_free(&edits);
    if (rc > 0) e->pending = 0;
    return rc;
}

/* A brain of this machine has the lease on this board. */
static int say_own(mn_bridge *g, bridge_entry *e, const json_t *lies) {
    static const char *const fields[] = {"epoch", "pid", "model"};
    json_t *const value = json_object();
    int rc = value ? 0 : -1;
    for (int i = 0; i < 3 && rc >= 0; i++) {
        json_t *const field = json_object_get(lies, fields[i]);
        if (field) rc = json_object_set(value, fields[i], field);
    }
    if (rc < 0) {
        json_decref(value);
        return MN_FAIL(MN_ENOMEM, "no memory for the lease of a brain");
    }
    if (!e) MN_TRY(bridge_make_of(g, BRIDGE_BRAIN, "lease", &e));
    if (!e->mine && *e->at.home) {
        mn_board_tell(g->b, "bridge", "{s:s, s:s}", "machine", e->at.home, "text",
                      "had the brain of the fleet: this machine has it now");
        e->at.h++;
        e->at.v = 0;
        e->sum = 1; /* of no value: so that it is said */
    }
    bridge_say(g, e, value);
    return 0;
}

/* What lies there, borrowed until the next time: it is parsed when it has changed. 1; 0: none. */
static int lease_here(mn_bridge *g, json_t **out, uint64_t *version) {
    *out = NULL;
    *version = 0;
    int rc = mn_board_version(g->b, "brain", "", version);
    if (rc > 0 && (!g->brain_lies || *version != g->brain_version)) {
        json_decref(g->brain_lies);
        g->brain_lies = NULL;
        rc = mn_board_get(g->b, "brain", "", &g->brain_lies, version);
        g->brain_version = *version;
    }
    if (rc > 0) *out = g->brain_lies;
    return rc;
}

static int show(mn_bridge *g) {
    json_t *lies = NULL;
    uint64_t version = 0;
    bridge_entry *const e = record_of(g);
    int rc = lease_here(g, &lies, &version);
    if (rc == MN_ECORRUPT || rc == MN_EUNSUPPORTED) return 0; /* the next brain writes over it */
    MN_TRY(rc);
    const int is_own = lies && !*bridge_text(lies, "home");
    rc = 0;
    if (e && e->pending && e->value) {
        g->brain_until = g->b->ops->now(g->b) + 3 * SECOND;
        rc = put_far(g, e, version);
    } else if (is_own)
        rc = say_own(g, e, lies);
    else if (e && e->mine)
        bridge_say(g, e, NULL);
    else if (e && !e->value)
        rc = lies ? end_far(g, e, version) : 0;
    else if (e && g->brain_shown != g->brain_until)
        rc = put_far(g, e, version);
    if (e && e->pending && !e->value && (is_own || !lies)) e->pending = 0;
    return rc < 0 ? rc : 0;
}

/* ---- its heartbeat ------------------------------------------------------------------------- */
/* "brain": [e, v, ns that it is good for], at each renewal. */
int bridge_brain_say(mn_bridge *g, json_t *m) {
    const bridge_entry *const e = record_of(g);
    json_t *lies = NULL;
    uint64_t version = 0;
    if (!e || !e->mine || !e->value) return 0;
    MN_TRY(lease_here(g, &lies, &version));
    const uint64_t until = (uint64_t)json_integer_value(json_object_get(lies, "until"));
    const uint64_t now = g->b->ops->now(g->b);
    if (until <= now || version == g->brain_said) return 0;
    g->brain_said = version;
    return json_object_set_new(m, "brain",
                               json_pack("[I, I, I]", (json_int_t)g->epoch, (json_int_t)version,
                                         (json_int_t)(until - now))) < 0
               ? MN_FAIL(MN_ENOMEM, "no memory for a message of a bridge")
               : 0;
}

int bridge_brain_take(mn_bridge *g, const char *from, const json_t *beat) {
    const bridge_entry *const e = record_of(g);
    const json_int_t epoch = json_integer_value(json_array_get(beat, 0));
    const json_int_t v = json_integer_value(json_array_get(beat, 1));
    const json_int_t good = json_integer_value(json_array_get(beat, 2));
    if (!json_is_array(beat) || epoch < 0 || v < 0 || good < 0)
        return MN_FAIL(MN_EINVAL, "a heartbeat of a brain that is not [epoch, version, ns]");
    if (!e || e->mine || !e->value || strcmp(e->at.home, from) != 0) return 0;
    if (g->brain_heard[0] > (uint64_t)epoch ||
        (g->brain_heard[0] == (uint64_t)epoch && g->brain_heard[1] >= (uint64_t)v))
        return 0;
    g->brain_heard[0] = (uint64_t)epoch;
    g->brain_heard[1] = (uint64_t)v;
    const uint64_t most = 600 * SECOND;
    g->brain_until = g->b->ops->now(g->b) + ((uint64_t)good > most ? most : (uint64_t)good);
    return 0;
}

/* ---- what the brain had -------------------------------------------------------------------- */
static int is_open(const json_t *task) {
    const char *const state = bridge_text(task, "state");
    return strcmp(state, "planning") == 0 || strcmp(state, "running") == 0;
}

int bridge_brains(mn_bridge *g) {
    MN_TRY(show(g));
    const char *const to = bridge_brain(g);
    for (size_t i = 0; *to && i < g->n; i++) {
        bridge_entry *const e = g->entry[i];
        if (e->kind == BRIDGE_TASK && e->mine && e->value && e->local && is_open(e->value))
            MN_TRY(bridge_give(g, e, to));
    }
    return 0;
}
