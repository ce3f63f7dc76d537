/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/bridge_stop.c - a stop of anybody is a stop for all, until somebody ends it who knew it.
 *
 * Each machine says stop/MACHINE: {robot or "*": [count, by]}, the stops made at it, and
 * clear/MACHINE: {"MACHINE/robot": count}, the stops it ended, up to that count. What counts is
 * what nobody ended. On a board that is the one object "stop", which anybody there changes: what
 * was added or taken away since the bridge looked last is what was done here.
 */
#include "fleet/bridge_in.h"

#include <stdio.h>
#include <string.h>

static int no_memory(void) {
    return MN_FAIL(MN_ENOMEM, "no memory for what is stopped");
}

static json_int_t count_of(const json_t *stop, const char *element) {
    return json_integer_value(json_array_get(json_object_get(stop, element), 0));
}

static int is_cleared(const mn_bridge *g, const char *machine, const char *element,
                      json_int_t count) {
    char name[MN_FLEET_KEY];
    snprintf(name, sizeof name, "%s/%s", machine, element);
    for (size_t i = 0; i < g->n; i++) {
        const bridge_entry *const e = g->entry[i];
        if (e->kind == BRIDGE_CLEAR && json_integer_value(json_object_get(e->value, name)) >= count)
            return 1;
    }
    return 0;
}

/* What counts: {element: by}. NULL: no memory. */
static json_t *all_stops(const mn_bridge *g) {
    json_t *const all = json_object();
    for (size_t i = 0; all && i < g->n; i++) {
        const bridge_entry *const e = g->entry[i];
        const char *element;
        json_t *one;
        if (e->kind != BRIDGE_STOP) continue;
        json_object_foreach(e->value, element, one) {
            const json_int_t count = json_integer_value(json_array_get(one, 0));
            const char *const by = json_string_value(json_array_get(one, 1));
            if (count > 0 && !is_cleared(g, e->name, element, count))
                json_object_set_new(all, element, json_string(by ? by : ""));
        }
    }
    return all;
}

/* What lies on the board, in that form. */
static json_t *read_stop(const json_t *stop) {
    json_t *const all = json_object();
    const json_t *const robots = json_object_get(stop, "robots"), *one;
    const char *const by = bridge_text(stop, "by");
    size_t i;
    if (stop && !json_is_array(robots)) json_object_set_new(all, "*", json_string(by));
    json_array_foreach(robots, i, one) if (json_is_string(one))
        json_object_set_new(all, json_string_value(one), json_string(by));
    return all;
}

/* The object for it; NULL: nothing is stopped. *none: that is why. */
static json_t *write_stop(json_t *all, int *none) {
    const char *element, *who = "";
    json_t *by, *const robots = json_array();
    *none = !json_object_size(all);
    json_object_foreach(all, element, by) {
        json_array_append_new(robots, json_string(element));
        who = json_string_value(by);
    }
    json_t *const star = json_object_get(all, "*");
    json_t *stop = NULL;
    if (star)
        stop = json_pack("{s:s, s:O}", "robots", "all", "by", star);
    else if (!*none)
        stop = json_pack("{s:O, s:s}", "robots", robots, "by", who);
    json_decref(robots);
    return stop;
}

/* What counts, as it is read from the board. NULL: no memory. */
static json_t *shown(const mn_bridge *g) {
    int none;
    json_t *const all = all_stops(g), *const stop = all ? write_stop(all, &none) : NULL;
    json_t *const read = all && (stop || none) ? read_stop(stop) : NULL;
    json_decref(all);
    json_decref(stop);
    return read;
}

/* ---- what was done here -------------------------------------------------------------------- */
static int own(mn_bridge *g, bridge_kind kind, bridge_entry **e, json_t **copy) {
    MN_TRY(bridge_make_of(g, kind, g->machine, e));
    if (!(*e)->mine && *(*e)->at.home && (*e)->pending) return 0; /* it comes back just now */
    *copy = (*e)->value ? json_deep_copy((*e)->value) : json_object();
    return *copy ? 1 : no_memory();
}

static int add_stops(mn_bridge *g, json_t *is, json_t *was) {
    const char *element;
    json_t *by, *next;
    bridge_entry *e;
    const int rc = own(g, BRIDGE_STOP, &e, &next);
    if (rc <= 0) return rc;
    json_object_foreach(is, element, by) {
        if (json_object_get(was, element)) continue;
        const json_int_t before = count_of(next, element);
        json_object_set_new(next, element, json_pack("[I, O]", before + 1, by));
    }
    if (json_object_size(next) || e->value)
        bridge_say(g, e, next);
    else
        json_decref(next);
    return 0;
}

/* Ends `element` ("": all) of every machine. */
static int clear(mn_bridge *g, json_t *next, const char *element) {
    for (size_t i = 0; i < g->n; i++) {
        const bridge_entry *const e = g->entry[i];
        const char *name;
        json_t *one;
        char full[MN_FLEET_KEY];
        if (e->kind != BRIDGE_STOP) continue;
        json_object_foreach(e->value, name, one) {
            if (*element && strcmp(name, element) != 0) continue;
            snprintf(full, sizeof full, "%s/%s", e->name, name);
            json_object_set_new(next, full, json_incref(json_array_get(one, 0)));
        }
    }
    return 0;
}

static int end_stops(mn_bridge *g, json_t *is, json_t *was) {
    const char *element;
    json_t *by, *next;
    bridge_entry *e;
    int some = 0;
    const int rc = own(g, BRIDGE_CLEAR, &e, &next);
    if (rc <= 0) return rc;
    json_object_foreach(was, element, by) {
        if (json_object_get(is, element)) continue;
        some = 1;
        clear(g, next, json_object_size(is) ? element : "");
    }
    if (some)
        bridge_say(g, e, next);
    else
        json_decref(next);
    return 0;
}

/* ---- the board ----------------------------------------------------------------------------- */
static int note(mn_bridge *g, mn_edits *edits, bridge_kind kind, int *at) {
    bridge_entry *const e = bridge_of(g, kind, g->machine);
    *at = -1;
    if (!e || !e->mine || e->local == e->at.v) return 0;
    *at = edits->n;
    return bridge_note(g, edits, e);
}

/* What counts now, onto the board, with the notes of what was said. */
static int put_stop(mn_bridge *g, json_t *is, json_t *lies, uint64_t version) {
    mn_edits edits = {0};
    int none, at[2], rc = 0;
    json_t *const all = all_stops(g), *const stop = write_stop(all, &none);
    json_t *const next = read_stop(stop);
    if (!all || !next || (!stop && !none)) rc = no_memory();
    if (rc >= 0) rc = note(g, &edits, BRIDGE_STOP, at);
    if (rc >= 0) rc = note(g, &edits, BRIDGE_CLEAR, at + 1);
    const int other = json_object_size(is) != json_object_size(next);
    int same = !other;
    const char *element;
    json_t *by;
    json_object_foreach(next, element, by) same &= json_object_get(is, element) != NULL;
    if (rc >= 0 && !same && stop) rc = mn_edits_put(&edits, g->b, "stop", "", stop, version);
    if (rc >= 0 && !same && !stop && lies) rc = mn_edits_del(&edits, g->b, "stop", "", version);
    if (rc >= 0) rc = edits.n ? bridge_commit(g, &edits) : 1;
    for (int i = 0; i < 2 && rc > 0; i++) {
        bridge_entry *const e = bridge_of(g, i ? BRIDGE_CLEAR : BRIDGE_STOP, g->machine);
        if (at[i] < 0) continue;
        e->ticket = edits.edit[at[i]].version;
        e->local = e->at.v;
    }
    /* What was said is said; what could not be put is looked at as it lies at the next step. */
    json_decref(g->stop);
    g->stop = json_incref(rc > 0 ? next : is);
    json_decref(all);
    json_decref(stop);
    json_decref(next);
    mn_edits_free(&edits);
    return rc < 0 ? rc : 0;
}

int bridge_stops(mn_bridge *g) {
    json_t *lies = NULL;
    uint64_t version = 0;
    int rc = mn_board_get(g->b, "stop", "", &lies, &version);
    if (rc == MN_ECORRUPT || rc == MN_EUNSUPPORTED) return 0; /* it stops all, and stays */
    json_t *const is = rc >= 0 ? read_stop(lies) : NULL;
    if (rc >= 0 && !g->stop) g->stop = shown(g);
    if (rc >= 0 && (!is || !g->stop)) rc = no_memory();
    if (rc >= 0) rc = add_stops(g, is, g->stop);
    if (rc >= 0) rc = end_stops(g, is, g->stop);
    if (rc >= 0) rc = put_stop(g, is, lies, version);
    json_decref(is);
    json_decref(lies);
    return rc;
}
