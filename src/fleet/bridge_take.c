/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/bridge_take.c - messages of other machines.
 *
 *   {"omnesia": 1, "fleet", "from": MACHINE ("": a store), "life": N,
 *    "records": [..],                            fleet/bridge_in.h
 *    "states": [[robot, e, home, v, hex, age, hex], ..],   state/ROBOT, put so many ns ago; of a
 *                                                 simulated body, sim/state/ROBOT
 *    "brain": [e, v, ns],                        of the brain at the sender: good for so long
 *    "log", "logs",                              bridge_events.c
 *    "sum": [keys, sum in hex],                  of all that the sender knows
 *    "list": {"after": KEY, "to": KEY or "", "stamps": [..]},  all of its keys in between
 *    "need": [keys]}
 */
#include "base/alloc.h"
#include "base/hash.h"
#include "fleet/bridge_in.h"

#include <stdio.h>
#include <string.h>

/* ---- records ------------------------------------------------------------------------------- */
/* One of a life of this machine: of the board before, of the bridge before, or given to us. */
static void take_own(mn_bridge *g, bridge_entry *e, const bridge_stamp *at, json_t *value) {
    const bridge_sort *const s = bridge_sorts + e->kind;
    if (e->mine && at->h == e->at.h) { /* a bridge before said it: what is here is newer */
        const int same = bridge_sum_of(value) == e->sum;
        e->at.e = g->epoch;
        e->at.v = same ? at->v : at->v + 1;
        e->dirty = !same;
    } else if (s->kept && value && (!e->mine || s->holds) &&
               (at->e < g->born || at->h || !s->mirrored)) {
        e->at = *at;
        e->mine = 0;
        e->pending = 1;
        bridge_set(e, json_incref(value));
    } else if (!s->mirrored) { /* the next step says what it is now */
        e->at = *at;
        e->mine = 1;
        bridge_set(e, json_incref(value));
    } else { /* robots of a life before are gone; those of this one are ours still */
        e->at = *at;
        e->at.e = g->epoch;
        e->at.v = at->v + 1;
        e->mine = e->dirty = 1;
        if (!e->local) bridge_set(e, NULL);
    }
}

static void take_far(mn_bridge *g, bridge_entry *e, const bridge_stamp *at, json_t *value,
                     json_t *with) {
    if (e->mine && e->value)
        mn_board_tell(g->b, "bridge", "{s:s, s:s, s:s}", "key", e->key, "machine", at->home, "text",
                      "is also of another machine, whose it is from now on");
    e->anew |= e->mine && e->kind == BRIDGE_LEASE; /* whose it was must find it changed */
    e->at = *at;
    e->mine = 0;
    e->pending = bridge_sorts[e->kind].mirrored || e->kind == BRIDGE_STOP ||
                 e->kind == BRIDGE_CLEAR || e->kind == BRIDGE_BRAIN;
    bridge_set(e, json_incref(value));
    json_decref(e->with);
    e->with = json_is_array(with) ? json_incref(with) : NULL;
}

static int take_record(mn_bridge *g, const json_t *record) {
    const char *key;
    bridge_stamp at;
    bridge_entry *e;
    json_t *value = json_array_get(record, 5), *const with = json_array_get(record, 6);
    MN_TRY(bridge_stamp_read(record, &key, &at));
    if (json_is_null(value)) value = NULL;
    if (value && !json_is_object(value))
        return MN_FAIL(MN_EINVAL, "a record of %.100s whose value is no object", key);
    MN_TRY(bridge_make(g, key, &e));
    if (e->kind == BRIDGE_STATE) return MN_FAIL(MN_EINVAL, "a state among records");
    const int own = strcmp(at.home, g->machine) == 0;
    if (own && at.e >> 61) /* what comes after it could not be said */
        return MN_FAIL(MN_EINVAL, "a record of %.100s of this machine, of a life that never was",
                       key);
    if (own && at.e > g->epoch) { /* this board's clock was behind its life before */
        /* Not just the next number: another life that began like this one may have taken it, and
         * what it said would count as said, and deleted, here. */
        g->born = g->epoch = at.e + 1 + (mn_hash64(&g->how.life, sizeof g->how.life) & 0xfffff);
        for (size_t i = 0; i < g->n; i++) {
            if (!g->entry[i]->mine) continue;
            g->entry[i]->at.e = g->epoch;
            g->entry[i]->dirty = bridge_is_compared(g->entry[i]); /* states go by themselves */
        }
        g->raised = 1;
    }
    if (*e->at.home && bridge_order(&at, &e->at) <= 0) {
        if (bridge_order(&at, &e->at) < 0 && g->b->ops->now(g->b) - e->sent > g->how.compare)
            e->dirty = 1; /* who said it does not know the newest */
        return 0;
    }
    e->said = e->waits = g->keys = 0; /* what is here is looked at, and said, anew */
    if (own)
        take_own(g, e, &at, value);
    else
        take_far(g, e, &at, value, with);
    return 0;
}

/* ---- states -------------------------------------------------------------------------------- */
static int unhex(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Its times are those of its board: how long it is good for is all that counts here. */
static int translate(mn_bridge *g, const char *hex, uint64_t age, mn_fleet_state *out) {
    unsigned char bytes[sizeof *out];
    size_t n = 0;
    for (; hex[0] && hex[1] && n < sizeof bytes; hex += 2, n++) {
        const int high = unhex(hex[0]), low = unhex(hex[1]);
        if (high < 0 || low < 0) return MN_FAIL(MN_EINVAL, "a state of a robot that is no hex");
        bytes[n] = (unsigned char)(high << 4 | low);
    }
    MN_TRY(mn_fleet_state_read(bytes, n, out));
    const uint64_t most = 60000000000u, now = g->b->ops->now(g->b);
    const uint64_t good = out->until > out->now ? out->until - out->now : 0;
    out->now = now - (age < now ? age : now);
    out->until = out->now + (good > most ? most : good);
    out->time = g->b->ops->time(g->b);
    return 0;
}

static int heard(mn_bridge *g, const char *name) {
    bridge_entry *const lease = bridge_of(g, BRIDGE_LEASE, name);
    if (!lease || !lease->lost || lease->mine) return 0;
    g->keys = 0;
    mn_board_tell(g->b, "bridge", "{s:s, s:s}", "robot", name, "text", "is heard again");
    lease->lost = 0;
    if (lease->known)
        lease->pending = 1;
    else
        lease->at.e = lease->at.v = 0;
    return 0;
}

static int take_state(mn_bridge *g, const char *name, const bridge_stamp *at, const json_t *one) {
    const json_int_t age = json_integer_value(json_array_get(one, 5));
    const json_t *const hex = json_array_get(one, 4);
    const bridge_entry *const robot = bridge_of(g, BRIDGE_ROBOT, name);
    const json_t *const truth = json_array_get(one, 6);
    mn_fleet_state state;
    bridge_entry *e;
    if (!json_is_string(hex) || age < 0 || (truth && !json_is_string(truth)))
        return MN_FAIL(MN_EINVAL, "a state of a robot that is no text");
    if (!robot || robot->mine || robot->pending || !robot->value) return 0;
    if (strcmp(robot->at.home, at->home) != 0) return 0;
    MN_TRY(bridge_make_of(g, BRIDGE_STATE, name, &e));
    if (strcmp(e->at.home, at->home) == 0 && bridge_order(at, &e->at) <= 0) return 0;
    if (truth) {
        MN_TRY(translate(g, json_string_value(truth), (uint64_t)age, &state));
        MN_TRY(mn_fleet_state_put(g->b, "sim/state/", name, &state, NULL));
    }
    MN_TRY(translate(g, json_string_value(hex), (uint64_t)age, &state));
    MN_TRY(mn_fleet_state_put(g->b, "state/", name, &state, NULL));
    e->at = *at;
    return heard(g, name);
}

static int take_states(mn_bridge *g, const json_t *states) {
    size_t i;
    const json_t *one;
    int rc = 0;
    json_array_foreach(states, i, one) {
        const char *const name = json_string_value(json_array_get(one, 0));
        const char *const home = json_string_value(json_array_get(one, 2));
        const json_int_t e = json_integer_value(json_array_get(one, 1));
        const json_int_t v = json_integer_value(json_array_get(one, 3));
        if (!name || !home || strlen(home) > MN_NAME || e < 0 || v < 0)
            return MN_FAIL(MN_EINVAL, "a state that does not begin with [robot, e, home, v]");
        bridge_stamp at = {.e = (uint64_t)e, .v = (uint64_t)v};
        snprintf(at.home, sizeof at.home, "%s", home);
        const int did = take_state(g, name, &at, one);
        if (did < 0) rc = did;
    }
    return rc;
}

/* ---- comparing ----------------------------------------------------------------------------- */
static void need(mn_bridge *g, const char *key) {
    if (!g->need) g->need = json_array();
    if (json_array_size(g->need) < 4096) json_array_append_new(g->need, json_string(key));
}

/* All keys of the sender from `after` (not with it) to `to` (with it; "": the end). */
static int take_list(mn_bridge *g, const json_t *list) {
    const json_t *const stamps = json_object_get(list, "stamps");
    const char *after = bridge_text(list, "after");
    const char *const to = bridge_text(list, "to");
    size_t i = 0, k = 0;
    while (k < g->n && strcmp(g->entry[k]->key, after) <= 0) k++;
    for (; i <= json_array_size(stamps); i++) {
        const json_t *const one = json_array_get(stamps, i);
        const char *key = NULL;
        bridge_stamp at;
        if (one) MN_TRY(bridge_stamp_read(one, &key, &at));
        if (one && strcmp(key, after) <= 0)
            return MN_FAIL(MN_EINVAL, "a list of keys that is in no order");
        if (one) after = key;
        /* What the other has not: up to its next key, or to the end of the list. */
        for (; k < g->n; k++) {
            bridge_entry *const e = g->entry[k];
            if (one ? strcmp(e->key, key) >= 0 : *to && strcmp(e->key, to) > 0) break;
            if (bridge_is_compared(e)) e->dirty = 1;
        }
        if (!one) break;
        bridge_entry *const e = k < g->n && !strcmp(g->entry[k]->key, key) ? g->entry[k++] : NULL;
        const int order = e ? bridge_order(&at, &e->at) : 1;
        if (order > 0) need(g, key);
        if (order < 0) e->dirty = 1;
    }
    return 0;
}

static void take_sum(mn_bridge *g, const json_t *sum) {
    const char *const text = json_string_value(json_array_get(sum, 1));
    const uint64_t now = g->b->ops->now(g->b);
    if (!text || strtoull(text, NULL, 16) == mn_bridge_sum(g)) return;
    if (g->list || (g->listed && now - g->listed < g->how.compare)) return;
    g->listed = now ? now : 1;
    json_decref(g->list);
    g->list = json_string(""); /* from the beginning */
}

static void take_need(mn_bridge *g, const json_t *keys) {
    size_t i;
    const json_t *one;
    json_array_foreach(keys, i, one) {
        const char *const key = json_string_value(one);
        bridge_entry *const e = key ? bridge_find(g, key) : NULL;
        if (e && bridge_is_compared(e)) e->dirty = 1;
    }
}

/* ---- messages ------------------------------------------------------------------------------ */
static int take_all(mn_bridge *g, const json_t *m) {
    size_t i;
    const json_t *one;
    int rc = 0;
    json_array_foreach(json_object_get(m, "records"), i, one) {
        const int did = take_record(g, one);
        if (did < 0) rc = did;
        if (did == MN_ENOMEM) return did;
    }
    int did = take_states(g, json_object_get(m, "states"));
    if (did >= 0 && json_object_get(m, "list")) did = take_list(g, json_object_get(m, "list"));
    if (did < 0) rc = did;
    if (did >= 0 && json_object_get(m, "brain"))
        did = bridge_brain_take(g, bridge_text(m, "from"), json_object_get(m, "brain"));
    if (did < 0) rc = did;
    did = bridge_events_take(g, bridge_text(m, "from"), m);
    if (did < 0) rc = did;
    if (json_object_get(m, "sum")) take_sum(g, json_object_get(m, "sum"));
    take_need(g, json_object_get(m, "need"));
    return rc;
}

static int take_message(mn_bridge *g, const json_t *m) {
    const json_t *const format = json_object_get(m, "omnesia");
    const char *const from = bridge_text(m, "from");
    if (!json_is_integer(format))
        return MN_FAIL(MN_EINVAL, "a message that is of no bridge of Omnesia");
    if (json_integer_value(format) != MN_BRIDGE_FORMAT)
        return MN_FAIL(MN_EUNSUPPORTED,
                       "a message of %.63s of format %lld, and this Omnesia knows %d: update it",
                       from, (long long)json_integer_value(format), MN_BRIDGE_FORMAT);
    if (strcmp(bridge_text(m, "fleet"), g->b->fleet) != 0) return 0;
    if (strcmp(from, g->machine) == 0) {
        const uint64_t life = (uint64_t)json_integer_value(json_object_get(m, "life"));
        if (life == g->how.life || life == g->others) return 0;
        g->others = life;
        return MN_FAIL(MN_EINVAL, "another machine calls itself %s, too: give it another name",
                       g->machine);
    }
    return take_all(g, m);
}

/* What is wrong with a message is told, at most once a second. */
static int judge(mn_bridge *g, int rc) {
    const uint64_t now = g->b->ops->now(g->b);
    if (rc >= 0 || rc == MN_ENOMEM) return rc;
    if (!g->told || now - g->told > 1000000000u)
        mn_board_tell(g->b, "bridge", "{s:s}", "text", mn_error_detail());
    g->told = now ? now : 1;
    return rc == MN_EUNSUPPORTED ? rc : MN_EINVAL;
}

int bridge_take_json(mn_bridge *g, const json_t *message) {
    return judge(g, take_message(g, message));
}

int mn_bridge_take(mn_bridge *g, const void *message, size_t n) {
    json_error_t error;
    if (n > MN_BRIDGE_MESSAGE)
        return judge(g, MN_FAIL(MN_EINVAL, "a message of %zu bytes: a bridge takes %d", n,
                                MN_BRIDGE_MESSAGE));
    json_t *const m = json_loadb(message, n, JSON_REJECT_DUPLICATES, &error);
    const int rc =
        m ? bridge_take_json(g, m)
          : judge(g, MN_FAIL(json_error_code(&error) == json_error_out_of_memory ? MN_ENOMEM
                                                                                 : MN_EINVAL,
                             "a message that is no JSON, at byte %d", error.position));
    json_decref(m);
    return rc;
}
