/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/bridge_want.c - things change their home: want/MACHINE/THING, {"for": robot}.
 *
 * A machine wants what calls to its robots change and others have. What one of its own calls
 * changes, or one of its robots has in its hand, it does not give; all else, trays too, it gives to
 * the first who wants it. What another machine's robot has is that machine's, but while a call here
 * changes it.
 */
#include "fleet/bridge_in.h"

#include <stdio.h>
#include <string.h>

/* ---- what a call changes ------------------------------------------------------------------- */
/* The parameter that the fact "in(thing, place)" or "holding(robot, thing)" changes. */
static int changed_by(const char *fact, char out[64]) {
    if (*fact == '!') fact++;
    const char *const open = strchr(fact, '(');
    static const char *const names[] = {"in", "open", "is", "holding"};
    int which = 0;
    if (!open) return 0;
    while (which < 4 && (strlen(names[which]) != (size_t)(open - fact) ||
                         strncmp(fact, names[which], (size_t)(open - fact)) != 0))
        which++;
    if (which == 4) return 0;
    const char *from = open + 1;
    if (which == 3) from = strchr(from, ',');
    if (!from) return 0;
    from += strspn(from, ", ");
    snprintf(out, 64, "%.*s", (int)strcspn(from, ",) "), from);
    return 1;
}

static const json_t *skill_of(const json_t *robot, const char *name) {
    size_t i;
    const json_t *skill;
    json_array_foreach(json_object_get(robot, "skills"), i,
                       skill) if (strcmp(bridge_text(skill, "name"), name) == 0) return skill;
    return NULL;
}

int bridge_changes(const json_t *robot, const json_t *call, const char *out[8]) {
    const json_t *const skill = skill_of(robot, bridge_text(call, "skill"));
    const json_t *const more = json_object_get(json_object_get(skill, "_meta"), "omnesia/skill");
    const json_t *const makes = json_object_get(more, "makes");
    const json_t *const args = json_object_get(call, "args");
    size_t i;
    const json_t *fact;
    int n = 0;
    json_array_foreach(makes, i, fact) {
        char parameter[64];
        if (!json_is_string(fact) || !changed_by(json_string_value(fact), parameter)) continue;
        const char *const name = json_string_value(json_object_get(args, parameter));
        int known = !name;
        for (int k = 0; k < n && !known; k++) known = strcmp(out[k], name) == 0;
        if (!known && n < 8) out[n++] = name;
    }
    return n;
}

/* ---- wanting ------------------------------------------------------------------------------- */
static int add_changes(json_t *needed, const bridge_entry *robot, const json_t *call) {
    const char *thing[8];
    const int n = bridge_changes(robot->value, call, thing);
    for (int i = 0; i < n; i++)
        if (json_object_set_new(needed, thing[i], json_string(robot->name)) < 0)
            return MN_FAIL(MN_ENOMEM, "no memory for what is wanted");
    const json_t *const looks = json_object_get(json_object_get(call, "looks"), "things"), *one;
    size_t k;
    json_array_foreach(looks, k, one) { /* who looks for something says where it is */
        if (json_is_string(one) &&
            json_object_set_new(needed, json_string_value(one), json_string(robot->name)) < 0)
            return MN_FAIL(MN_ENOMEM, "no memory for what is wanted");
    }
    return 0;
}

/* Of calls that lie here, and of those that would. */
static int add_calls(mn_bridge *g, json_t *needed) {
    for (size_t i = 0; i < g->n; i++) {
        const bridge_entry *const e = g->entry[i];
        const char *const slash = e->kind == BRIDGE_CALL && !e->mine ? strchr(e->name, '/') : NULL;
        bridge_entry *robot = e->kind == BRIDGE_ROBOT ? g->entry[i] : NULL;
        if (slash) robot = bridge_of(g, BRIDGE_ROBOT, slash + 1);
        if (!robot || !robot->mine || !robot->value) continue;
        const bridge_entry *const lease = bridge_of(g, BRIDGE_LEASE, robot->name);
        if (!lease || !lease->value) continue; /* the dead need nothing */
        if (slash) {
            if (strcmp(bridge_text(e->value, "state"), "given") == 0)
                MN_TRY(add_changes(needed, robot, e->value));
            continue;
        }
        json_t *call;
        uint64_t version;
        const int rc = bridge_robot_part(g, robot, 0, &call, &version);
        if (rc == MN_ENOMEM) return rc;
        if (rc > 0 && bridge_call_active(call)) MN_TRY(add_changes(needed, robot, call));
    }
    return 0;
}

static int want_all(mn_bridge *g, json_t *needed) {
    const char *thing;
    json_t *robot;
    json_object_foreach(needed, thing, robot) {
        const bridge_entry *const e = bridge_of(g, BRIDGE_THING, thing);
        char name[2 * MN_NAME + 2];
        bridge_entry *want;
        if (!e || e->mine || !e->value || strlen(thing) > MN_NAME) continue;
        snprintf(name, sizeof name, "%s/%s", g->machine, thing);
        MN_TRY(bridge_make_of(g, BRIDGE_WANT, name, &want));
        json_t *const value = json_pack("{s:O}", "for", robot);
        if (!value) return MN_FAIL(MN_ENOMEM, "no memory for what is wanted");
        bridge_say(g, want, value);
    }
    for (size_t i = 0; i < g->n; i++) {
        bridge_entry *const e = g->entry[i];
        if (e->kind != BRIDGE_WANT || !e->mine || !e->value) continue;
        const char *const slash = strchr(e->name, '/'), *const name = slash ? slash + 1 : "";
        const bridge_entry *const has = bridge_of(g, BRIDGE_THING, name);
        if (!json_object_get(needed, name) || !has || has->mine) bridge_say(g, e, NULL);
    }
    return 0;
}

/* ---- giving -------------------------------------------------------------------------------- */
static const bridge_entry *holder(const mn_bridge *g, const bridge_entry *thing) {
    const bridge_entry *const robot = bridge_of(g, BRIDGE_ROBOT, bridge_text(thing->value, "at"));
    return robot && robot->value ? robot : NULL;
}

/* On the tray of its holder, not in a hand: others may take it from there. */
static int on_tray(const bridge_entry *robot, const json_t *thing) {
    const json_t *const hands = json_object_get(robot->value, "hands"), *hand;
    size_t i;
    json_array_foreach(hands, i, hand) {
        const char *const name = json_string_value(hand);
        if (name && strcmp(name, bridge_text(thing, "how")) == 0) return 0;
    }
    return json_array_size(hands) || json_integer_value(json_object_get(robot->value, "room_for"));
}

static int give_all(mn_bridge *g, const json_t *needed) {
    for (size_t i = 0; i < g->n; i++) {
        bridge_entry *const e = g->entry[i];
        char to[MN_NAME + 1] = "";
        bridge_entry *thing = NULL;
        if (e->kind == BRIDGE_THING && e->mine && e->value && e->local) {
            const bridge_entry *const robot = holder(g, e);
            if (!robot || robot->mine || json_object_get(needed, e->name)) continue;
            thing = e;
            snprintf(to, sizeof to, "%s", robot->at.home);
        } else if (e->kind == BRIDGE_WANT && !e->mine && e->value && strchr(e->name, '/')) {
            const char *const slash = strchr(e->name, '/');
            thing = bridge_of(g, BRIDGE_THING, slash + 1);
            if (!thing || !thing->mine || !thing->value || !thing->local) continue;
            const bridge_entry *const robot = holder(g, thing);
            if (json_object_get(needed, slash + 1) || (robot && !on_tray(robot, thing->value)))
                continue;
            snprintf(to, sizeof to, "%.*s", (int)(slash - e->name), e->name);
        }
        if (!thing || strcmp(to, g->machine) == 0) continue;
        const int rc = bridge_give(g, thing, to);
        if (rc < 0) return rc;
    }
    return 0;
}

int bridge_wants(mn_bridge *g) {
    json_t *const needed = json_object();
    int rc = needed ? add_calls(g, needed) : MN_FAIL(MN_ENOMEM, "no memory for what is wanted");
    if (rc >= 0) rc = want_all(g, needed);
    if (rc >= 0) rc = give_all(g, needed);
    json_decref(needed);
    return rc;
}
