/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/bridge_events.c - the logs of other machines into the log of this one.
 *
 * What a machine's own log has is numbered there; a log has a number of its own, which is another
 * one when the board was lost. New events are said at once, and each second how far the log goes;
 * who lacks some asks for them, from his first number on, and gets so many as a message takes. On
 * the other boards an event has "home", the machine, and "there": [log, number]: by that each is
 * known, so it is there once whatever is lost, comes twice, or ends in between. Of a log nothing is
 * taken that is more than KEEP behind its end.
 *
 * In a message: "log": {"id", "next": the end, "time" (us, there and now), "from", "to", "events":
 * [[number, event], ..]}, all of its own from `from` on and before `to`; "logs": {MACHINE: [id,
 * number]}, what is asked for. A time of day that is more than a second away from the one here is
 * not taken for it: its events are moved by the difference.
 */
#include "base/alloc.h"
#include "base/json.h"
#include "fleet/bridge_in.h"

#include <stdio.h>
#include <string.h>

enum { KEEP = 8192, LOGS = 64, EVENTS = 128, BYTES = 64 << 10, SKEW = 1000000 /* us */ };

static int no_memory(void) {
    return MN_FAIL(MN_ENOMEM, "no memory for the events of another machine");
}

static int number_of(const json_t *from, uint64_t *out) {
    *out = (uint64_t)json_integer_value(from);
    return json_is_integer(from) && json_integer_value(from) >= 0;
}

static int log_of(mn_bridge *g, const char *machine, bridge_log **out) {
    for (int i = 0; i < g->n_logs; i++)
        if (strcmp(g->log[i].machine, machine) == 0) {
            *out = g->log + i;
            return 1;
        }
    *out = NULL;
    if (g->n_logs == LOGS) return 0; /* more machines than anybody has */
    MN_TRY(mn_board_name_check("a machine", machine));
    bridge_log *const more = mn_realloc(g->log, (size_t)(g->n_logs + 1) * sizeof *more);
    if (!more) return no_memory();
    g->log = more;
    *out = more + g->n_logs++;
    **out = (bridge_log){.id = 0};
    snprintf((*out)->machine, sizeof(*out)->machine, "%s", machine);
    return 1;
}

/* ---- the log here -------------------------------------------------------------------------- */
/* The record from *number on, as JSON: 1, with its number; 0: it is the end. */
static int read_one(mn_bridge *g, uint64_t *number, mn_buf *text) {
    char key[MN_FLEET_KEY];
    MN_TRY(mn_board_key(g->b, "events", "", key));
    return g->b->ops->record(g->b, key, *number, text, number);
}

static json_t *parsed(const mn_buf *text) {
    json_t *const event = json_loadb(text->data ? text->data : "", text->len, 0, NULL);
    if (json_is_object(event)) return event;
    json_decref(event);
    return NULL;
}

/* Of which machine it is, and its number there: 1. */
static int is_far(const json_t *event, const char **home, uint64_t *id, uint64_t *number) {
    const json_t *const there = json_object_get(event, "there");
    *home = bridge_text(event, "home");
    return **home && number_of(json_array_get(there, 0), id) &&
           number_of(json_array_get(there, 1), number);
}

/* What lies there from a bridge before: where each other log goes on, and this one ends. */
int bridge_events_load(mn_bridge *g) {
    mn_buf text = {0};
    uint64_t at = 0;
    int rc;
    while ((rc = read_one(g, &at, &text)) > 0) {
        const char *home;
        uint64_t id = 0, number = 0;
        bridge_log *log = NULL;
        at++;
        if (!memmem(text.data, text.len, "\"there\":", 8)) continue;
        json_t *const event = parsed(&text);
        rc = is_far(event, &home, &id, &number) ? log_of(g, home, &log) : 0;
        json_decref(event);
        if (rc == MN_ENOMEM) break;
        if (log) log->id = id, log->have = number + 1;
    }
    g->log_said = at;
    mn_buf_free(&text);
    return rc == MN_ENOMEM ? rc : 0;
}

/* ---- saying -------------------------------------------------------------------------------- */
/* Own events from *at on into list, so many as a message takes; *at is behind them then. */
static int gather(mn_bridge *g, uint64_t *at, json_t *list) {
    mn_buf text = {0};
    size_t bytes = 0;
    uint64_t number = *at;
    int rc = 0;
    while (json_array_size(list) < EVENTS && bytes < BYTES &&
           (rc = read_one(g, &number, &text)) > 0) {
        json_t *const event = parsed(&text);
        char task[256];
        if (event && !json_object_get(event, "there")) {
            bridge_out_name(g, BRIDGE_TASK, bridge_text(event, "task"), task);
            if (*bridge_text(event, "task")) json_object_set_new(event, "task", json_string(task));
            bytes += text.len;
            if (json_array_append_new(list, json_pack("[I, O]", (json_int_t)number, event)) < 0)
                rc = no_memory();
        }
        json_decref(event);
        if (rc < 0) break;
        *at = ++number;
    }
    mn_buf_free(&text);
    return rc < 0 ? rc : 0;
}

/* What others lack and asked for, else what is new. */
static int add_events(mn_bridge *g, json_t *log, json_t *list) {
    const int asked = g->log_asked;
    uint64_t from = asked ? g->log_wanted : g->log_said, to = from;
    MN_TRY(gather(g, &to, list));
    g->log_asked = 0;
    if (to > g->log_said) g->log_said = to;
    if (!asked && !json_array_size(list)) return 0;
    return json_object_set_new(log, "from", json_integer((json_int_t)from)) ||
                   json_object_set_new(log, "to", json_integer((json_int_t)to)) ||
                   json_object_set(log, "events", list)
               ? no_memory()
               : 1;
}

/* What is new while nobody hears it is asked for later. */
static int pass_over(mn_bridge *g) {
    mn_buf text = {0};
    int rc;
    while ((rc = read_one(g, &g->log_said, &text)) > 0) g->log_said++;
    mn_buf_free(&text);
    g->log_passes = rc < 0;
    return rc < 0 ? rc : 0;
}

static int ask(mn_bridge *g, json_t *m) {
    const uint64_t now = g->b->ops->now(g->b);
    json_t *const logs = json_object();
    int rc = logs ? 0 : no_memory();
    for (int i = 0; rc >= 0 && i < g->n_logs; i++) {
        bridge_log *const l = g->log + i;
        if (l->have >= l->theirs || (l->asked && now - l->asked < g->how.compare)) continue;
        l->asked = now ? now : 1;
        json_t *const from = json_pack("[I, I]", (json_int_t)l->id, (json_int_t)l->have);
        if (json_object_set_new(logs, l->machine, from) < 0) rc = no_memory();
    }
    if (rc >= 0 && json_object_size(logs) && json_object_set(m, "logs", logs) < 0) rc = no_memory();
    json_decref(logs);
    return rc;
}

int bridge_events_say(mn_bridge *g, json_t *m) {
    if (g->log_passes) MN_TRY(pass_over(g));
    json_t *const log = json_object(), *const list = json_array();
    int rc = log && list ? add_events(g, log, list) : no_memory();
    if (rc > 0 || (rc == 0 && g->say_sum))
        rc = json_object_set_new(log, "id", json_integer((json_int_t)g->log_id)) ||
                     json_object_set_new(log, "next", json_integer((json_int_t)g->log_said)) ||
                     json_object_set_new(log, "time", json_integer(g->b->ops->time(g->b))) ||
                     json_object_set(m, "log", log)
                 ? no_memory()
                 : 0;
    json_decref(log);
    json_decref(list);
    return rc < 0 ? rc : ask(g, m);
}

/* ---- taking -------------------------------------------------------------------------------- */
static int append(mn_bridge *g, const bridge_log *l, uint64_t number, const json_t *event) {
    const json_int_t t = json_integer_value(json_object_get(event, "t"));
    const int far = l->skew > SKEW || l->skew < -SKEW;
    char key[MN_FLEET_KEY], task[256];
    mn_buf text = {0};
    json_t *const copy = json_copy((json_t *)event);
    bridge_in_name(g, BRIDGE_TASK, bridge_text(event, "task"), task);
    int rc = !copy || (far && json_object_set_new(copy, "t", json_integer(t + l->skew))) ||
                     (*task && json_object_set_new(copy, "task", json_string(task))) ||
                     json_object_set_new(copy, "home", json_string(l->machine)) ||
                     json_object_set_new(copy, "there",
                                         json_pack("[I, I]", (json_int_t)l->id, (json_int_t)number))
                 ? no_memory()
                 : 0;
    if (rc >= 0) rc = mn_json_write(copy, JSON_COMPACT, &text);
    if (rc >= 0) rc = mn_board_key(g->b, "events", "", key);
    if (rc >= 0) rc = g->b->ops->append(g->b, key, text.data, text.len);
    json_decref(copy);
    mn_buf_free(&text);
    return rc;
}

/* All of its own from..to: those that are new here. */
static int take_events(mn_bridge *g, bridge_log *l, const json_t *log) {
    const json_t *const events = json_object_get(log, "events"), *one;
    uint64_t from, to, number;
    size_t i;
    if (!events) return 0;
    if (!number_of(json_object_get(log, "from"), &from) ||
        !number_of(json_object_get(log, "to"), &to) || !json_is_array(events))
        return MN_FAIL(MN_EINVAL, "events of %s that are not [[number, event], ..]", l->machine);
    if (from > l->have || to <= l->have) return 0; /* those before it are asked for; or known */
    json_array_foreach(events, i, one) {
        const json_t *const event = json_array_get(one, 1);
        if (!number_of(json_array_get(one, 0), &number) || number >= to || !json_is_object(event))
            return MN_FAIL(MN_EINVAL, "an event of %s that is not [number, event]", l->machine);
        if (number < l->have) continue;
        const int rc = append(g, l, number, event);
        if (rc == MN_ENOMEM) return rc; /* asked for again */
        l->have = number + 1;           /* what no log takes is left out */
    }
    l->have = to;
    l->asked = 0;
    return 0;
}

static int take_log(mn_bridge *g, const char *from, const json_t *log) {
    uint64_t id, next, time;
    bridge_log *l;
    if (!number_of(json_object_get(log, "id"), &id) ||
        !number_of(json_object_get(log, "next"), &next) ||
        !number_of(json_object_get(log, "time"), &time))
        return MN_FAIL(MN_EINVAL, "a log of %.63s that is not {id, next, time}", from);
    const int there = log_of(g, from, &l);
    if (there <= 0) return there;
    if (l->id != id) l->id = id, l->have = l->theirs = l->asked = 0;
    if (next > l->theirs) l->theirs = next;
    if (l->theirs - l->have > KEEP && l->theirs > l->have) l->have = l->theirs - KEEP;
    /* What came quickest tells how far the clocks are apart. */
    const int64_t skew = g->b->ops->time(g->b) - (int64_t)time;
    if (!l->timed || skew < l->skew) l->skew = skew;
    l->timed = 1;
    return take_events(g, l, log);
}

int bridge_events_take(mn_bridge *g, const char *from, const json_t *m) {
    const json_t *const wanted = json_object_get(json_object_get(m, "logs"), g->machine);
    const json_t *const log = json_object_get(m, "log");
    uint64_t id, number;
    if (number_of(json_array_get(wanted, 0), &id) && id == g->log_id &&
        number_of(json_array_get(wanted, 1), &number) && number < g->log_said) {
        if (!g->log_asked || number < g->log_wanted) g->log_wanted = number;
        g->log_asked = 1;
    }
    return log && *from ? take_log(g, from, log) : 0;
}

void bridge_events_up(mn_bridge *g) {
    g->log_passes = 1;
    for (int i = 0; i < g->n_logs; i++) g->log[i].timed = 0, g->log[i].asked = 0;
}
