/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/bridge_send.c - what is to be said, as messages of some records each.
 */
#include "base/json.h"
#include "fleet/bridge_in.h"

#include <stdio.h>
#include <string.h>

enum { RECORDS = 64, BYTES = 128 << 10, STAMPS = 512 };

static int no_memory(void) {
    return MN_FAIL(MN_ENOMEM, "no memory for a message of a bridge");
}

static json_t *record_of(const bridge_entry *e) {
    json_t *const r = bridge_stamp_write(e->key, &e->at);
    if (r && json_array_append(r, e->value ? e->value : json_null()) == 0 &&
        (!e->with || json_array_append(r, e->with) == 0))
        return r;
    json_decref(r);
    return NULL;
}

/* About as many bytes as a value has. */
static size_t weight(const json_t *value) {
    const char *name;
    const json_t *one;
    size_t n = 20, i;
    json_array_foreach(value, i, one) n += weight(one);
    json_object_foreach((json_t *)(uintptr_t)value, name, one) n += strlen(name) + weight(one);
    return n + json_string_length(value);
}

static int add_records(mn_bridge *g, json_t *m) {
    json_t *const records = json_array();
    size_t bytes = 0;
    int rc = records ? 0 : no_memory();
    for (size_t i = 0; rc >= 0 && i < g->n && json_array_size(records) < RECORDS; i++) {
        bridge_entry *const e = g->entry[i];
        if (!e->dirty || !bridge_is_compared(e)) continue;
        bytes += 200 + weight(e->value);
        if (bytes > BYTES && json_array_size(records)) break;
        rc = json_array_append_new(records, record_of(e)) < 0 ? no_memory() : 0;
        if (rc < 0) break;
        e->dirty = 0;
        e->sent = g->b->ops->now(g->b);
    }
    if (rc >= 0 && json_array_size(records) && json_object_set(m, "records", records) < 0)
        rc = no_memory();
    json_decref(records);
    return rc;
}

/* ---- states -------------------------------------------------------------------------------- */
static json_t *hex_of(const mn_fleet_state *from) {
    char hex[2 * sizeof *from + 1];
    const unsigned char *const bytes = (const unsigned char *)from;
    const size_t n = mn_fleet_state_bytes(from);
    static const char digit[] = "0123456789abcdef";
    for (size_t i = 0; i < n; i++) {
        hex[2 * i] = digit[bytes[i] >> 4];
        hex[2 * i + 1] = digit[bytes[i] & 15];
    }
    hex[2 * n] = 0;
    return json_string(hex);
}

/* With where its simulated body truly stands, if it has one. */
static json_t *state_of(mn_bridge *g, const bridge_entry *e, const mn_fleet_state *from,
                        uint64_t age) {
    mn_fleet_state truth;
    json_t *const one = json_pack("[s, I, s, I, o, I]", e->name, (json_int_t)e->at.e, e->at.home,
                                  (json_int_t)e->at.v, hex_of(from), (json_int_t)age);
    if (one && mn_fleet_state_get(g->b, "sim/state/", e->name, &truth, NULL) > 0)
        json_array_append_new(one, hex_of(&truth));
    return one;
}

/* The state of one robot of ours, if it is a new one and not late. */
static int add_state(mn_bridge *g, json_t *states, const char *robot) {
    const uint64_t now = g->b->ops->now(g->b);
    mn_fleet_state state;
    bridge_entry *e;
    uint64_t version = 0;
    MN_TRY(bridge_make_of(g, BRIDGE_STATE, robot, &e));
    if (e->sent && now - e->sent < g->how.beat) return 0;
    const int rc = mn_fleet_state_get(g->b, "state/", robot, &state, &version);
    if (rc <= 0 || (version == e->at.v && e->mine) || state.until <= now) return rc < 0 ? rc : 0;
    e->mine = 1;
    e->at = (bridge_stamp){.e = g->epoch, .v = version};
    snprintf(e->at.home, sizeof e->at.home, "%s", g->machine);
    e->sent = now ? now : 1;
    const uint64_t age = now > state.now ? now - state.now : 0;
    return json_array_append_new(states, state_of(g, e, &state, age)) < 0 ? no_memory() : 0;
}

static int add_states(mn_bridge *g, json_t *m) {
    json_t *const states = json_array();
    int rc = states ? 0 : no_memory();
    for (size_t i = 0; rc >= 0 && i < g->n; i++) {
        const bridge_entry *const e = g->entry[i];
        if (e->kind == BRIDGE_ROBOT && e->mine && e->value) rc = add_state(g, states, e->name);
    }
    if (rc >= 0 && json_array_size(states) && json_object_set(m, "states", states) < 0)
        rc = no_memory();
    json_decref(states);
    return rc;
}

/* ---- comparing ----------------------------------------------------------------------------- */
static int add_list(mn_bridge *g, json_t *m) {
    if (!g->list) return 0;
    json_t *const stamps = json_array(), *const list = json_object();
    const char *last = "";
    int rc = stamps && list ? 0 : no_memory(), whole = 1;
    for (size_t i = 0; rc >= 0 && i < g->n; i++) {
        const bridge_entry *const e = g->entry[i];
        if (!bridge_is_compared(e) || strcmp(e->key, json_string_value(g->list)) <= 0) continue;
        whole = json_array_size(stamps) < STAMPS;
        if (!whole) break;
        last = e->key;
        if (json_array_append_new(stamps, bridge_stamp_write(e->key, &e->at)) < 0) rc = no_memory();
    }
    if (rc >= 0 &&
        (json_object_set(list, "after", g->list) < 0 ||
         json_object_set_new(list, "to", json_string(whole ? "" : last)) < 0 ||
         json_object_set(list, "stamps", stamps) < 0 || json_object_set(m, "list", list) < 0))
        rc = no_memory();
    if (rc >= 0) {
        json_t *const next = whole ? NULL : json_string(last);
        json_decref(g->list);
        g->list = next;
    }
    json_decref(stamps);
    json_decref(list);
    return rc;
}

static int add_rest(mn_bridge *g, json_t *m) {
    char sum[24];
    if (g->need) {
        const int rc = json_object_set_new(m, "need", g->need);
        g->need = NULL;
        if (rc < 0) return no_memory();
    }
    if (!g->say_sum) return 0;
    g->say_sum = 0;
    snprintf(sum, sizeof sum, "%llx", (unsigned long long)mn_bridge_sum(g));
    return json_object_set_new(m, "sum", json_pack("[I, s]", (json_int_t)g->n, sum)) < 0
               ? no_memory()
               : 0;
}

int bridge_next_json(mn_bridge *g, json_t **out) {
    json_t *const m = json_object();
    int rc = m ? 0 : no_memory();
    if (rc >= 0) rc = add_records(g, m);
    if (rc >= 0) rc = add_states(g, m);
    if (rc >= 0) rc = bridge_brain_say(g, m);
    if (rc >= 0) rc = add_list(g, m);
    if (rc >= 0) rc = bridge_events_say(g, m); /* before it is known whether a sum is said */
    if (rc >= 0) rc = add_rest(g, m);
    const int some = rc >= 0 && json_object_size(m) > 0;
    if (some && (json_object_set_new(m, "omnesia", json_integer(MN_BRIDGE_FORMAT)) < 0 ||
                 json_object_set_new(m, "fleet", json_string(g->b->fleet)) < 0 ||
                 json_object_set_new(m, "from", json_string(g->machine)) < 0 ||
                 json_object_set_new(m, "life", json_integer((json_int_t)g->how.life)) < 0))
        rc = no_memory();
    *out = some && rc >= 0 ? m : NULL;
    if (!*out) json_decref(m);
    return rc < 0 ? rc : some;
}

int mn_bridge_next(mn_bridge *g, mn_buf *message) {
    json_t *m;
    mn_buf_clear(message);
    int rc = bridge_next_json(g, &m);
    if (rc > 0) {
        const int wrote = mn_json_write(m, JSON_COMPACT, message);
        if (wrote < 0) rc = wrote;
    }
    json_decref(m);
    return rc;
}
