/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/bridge_put.c - records of other machines onto the board, each in one commit: the value, the
 * note about it, and for a thing the lists that it leaves and joins.
 *
 * A record waits (pending) until its conditions are known, until what holds the thing is there, and
 * until nothing is in or on what goes. Who is faster in between makes it wait for the next step.
 */
#include "base/alloc.h"
#include "fleet/bridge_in.h"

#include <stdio.h>
#include <string.h>

int bridge_commit(mn_bridge *g, mn_edits *e) {
    MN_TRY(mn_edits_check(e, g->b, "bridge/", "self", g->self));
    const int rc = mn_edits_commit(e, g->b);
    if (rc != MN_ECONFLICT) return rc < 0 ? rc : 1;
    json_t *self;
    uint64_t version = 0;
    if (mn_board_get(g->b, "bridge/", "self", &self, &version) < 0) return 0;
    json_decref(self);
    if (version == g->self) return 0;
    g->over = 1;
    return MN_FAIL(MN_ECANCELLED, "another bridge has taken over the board of %s", g->machine);
}

/* "bridge/thing/" of "thing/cup" */
static void note_folder(const bridge_entry *of, char out[64]) {
    snprintf(out, 64, "bridge/%s", bridge_sorts[of->kind].folder);
}

int bridge_note(mn_bridge *g, mn_edits *e, const bridge_entry *of) {
    char folder[64], sum[24];
    note_folder(of, folder);
    snprintf(sum, sizeof sum, "%llx", (unsigned long long)of->sum);
    json_t *const note =
        json_pack("{s:o, s:s}", "stamp", bridge_stamp_write("", &of->at), "sum", sum);
    int rc = note ? 0 : MN_FAIL(MN_ENOMEM, "no memory for a note about %s", of->key);
    if (rc >= 0 && !bridge_sorts[of->kind].mirrored)
        rc = json_object_set(note, "value", of->value) < 0
                 ? MN_FAIL(MN_ENOMEM, "no memory for a note about %s", of->key)
                 : 0;
    if (rc >= 0) rc = mn_edits_put(e, g->b, folder, of->name, note, of->ticket);
    json_decref(note);
    return rc;
}

/* The version of the note in a commit that was done. */
static void noted(bridge_entry *e, const mn_edits *edits, int at) {
    e->ticket = edits->edit[at].version;
    e->noted = e->at.h;
}

/* ---- lists --------------------------------------------------------------------------------- */
static int is_there(const mn_bridge *g, const bridge_sort *s, const char *holder) {
    char folder[32];
    json_t *json;
    snprintf(folder, sizeof folder, "%sthing/", s->owner);
    int rc = mn_board_get(g->b, folder, holder, &json, NULL);
    if (rc > 0) json_decref(json);
    if (rc) return rc > 0;
    snprintf(folder, sizeof folder, "%srobot/", s->owner);
    rc = mn_board_get(g->b, folder, holder, &json, NULL);
    if (rc > 0) json_decref(json);
    return rc > 0;
}

/* The list of `holder` with the thing, or without. */
static int edit_list(const mn_bridge *g, mn_edits *e, const bridge_sort *s, const char *holder,
                     const char *thing, int in) {
    json_t *list, *names;
    uint64_t version = 0;
    if (!*holder) return 0;
    int rc = mn_board_get(g->b, s->holds, holder, &list, &version);
    if (rc < 0) return rc;
    if (!rc && !in) return 0;
    if (!rc) list = json_pack("{s:[]}", "holds");
    names = json_object_get(list, "holds");
    size_t at = 0;
    while (at < json_array_size(names) &&
           strcmp(thing, json_string_value(json_array_get(names, at)) ?: "") != 0)
        at++;
    const int has = at < json_array_size(names);
    rc = !list ? MN_FAIL(MN_ENOMEM, "no memory for a list of things") : 0;
    if (rc >= 0 && has != in) {
        const int did =
            in ? json_array_append_new(names, json_string(thing)) : json_array_remove(names, at);
        rc = did < 0 ? MN_FAIL(MN_ECORRUPT, "holds/%s is no list of things", holder)
                     : mn_edits_put(e, g->b, s->holds, holder, list, version);
    }
    json_decref(list);
    return rc;
}

/* 1: what goes still holds something. */
static int holds_some(const mn_bridge *g, const bridge_sort *s, const char *name) {
    json_t *list;
    if (mn_board_get(g->b, s->holds, name, &list, NULL) <= 0) return 0;
    const int some = json_array_size(json_object_get(list, "holds")) > 0;
    json_decref(list);
    return some;
}

/* ---- one record ---------------------------------------------------------------------------- */
/* The lists of a thing that is `old` on the board (NULL: not there). 1; 0: it waits. */
static int edit_lists(mn_bridge *g, mn_edits *edits, const bridge_entry *e, const json_t *old) {
    const bridge_sort *const s = bridge_sorts + e->kind;
    const char *const from = bridge_text(old, "at"), *const to = bridge_text(e->value, "at");
    if (!s->holds) return 1;
    if (!e->value && holds_some(g, s, e->name)) return 0;
    if (*to && !is_there(g, s, to)) return 0;
    if (*from && strcmp(from, to) != 0) MN_TRY(edit_list(g, edits, s, from, e->name, 0));
    if (*to) MN_TRY(edit_list(g, edits, s, to, e->name, 1));
    return 1;
}

/* A task of ours has come back: the ask it was is done. */
static int edit_ask(mn_bridge *g, mn_edits *edits, const bridge_entry *e, const char *name) {
    const bridge_entry *const ask =
        e->kind == BRIDGE_TASK && e->value ? bridge_of(g, BRIDGE_ASK, e->name) : NULL;
    if (!ask || !ask->mine || !ask->value || !ask->local) return 0;
    return mn_edits_del(edits, g->b, "ask/", name, ask->local);
}

/* 1: what lies there with that version is another value, so that it need not be read. */
static int is_another(const bridge_entry *e, uint64_t version) {
    return e->value && !bridge_sorts[e->kind].holds && version && version == e->local && e->lies &&
           e->lies != e->sum;
}

/* All edits for it. 1; 0: it waits. The first edit is the note; *at is that of the value, 0: it
 * stays as it is. */
static int edits_of(mn_bridge *g, mn_edits *edits, bridge_entry *e, const char *name, json_t *old,
                    uint64_t version, int *at) {
    const bridge_sort *const s = bridge_sorts + e->kind;
    MN_TRY(bridge_note(g, edits, e));
    json_t *const value = e->value ? bridge_in_value(g, e) : NULL;
    int rc = e->value && !value ? MN_FAIL(MN_ENOMEM, "no memory for %s", e->key) : 0;
    *at = s->mirrored && (!value != !old || (value && (e->anew || !json_equal(value, old))))
              ? edits->n
              : 0;
    if (rc >= 0 && *at && value)
        rc = mn_edits_put(edits, g->b, s->folder, name, value, version);
    else if (rc >= 0 && *at)
        rc = mn_edits_del(edits, g->b, s->folder, name, version);
    json_decref(value);
    if (rc >= 0) rc = edit_ask(g, edits, e, name);
    return rc < 0 ? rc : edit_lists(g, edits, e, old);
}

static void is_put(mn_bridge *g, bridge_entry *e, const mn_edits *edits, int at, uint64_t version) {
    noted(e, edits, 0);
    e->local = version;
    e->lies = e->sum;
    if (at) e->local = edits->edit[at].kind == MN_EDIT_PUT ? edits->edit[at].version : 0;
    e->pending = e->lost = e->anew = 0;
    e->mine = strcmp(e->at.home, g->machine) == 0;
    if (!e->mine) return;
    e->at.e = g->epoch; /* ours from here on: said once, so that all know we have it */
    e->at.v = e->at.v + 1 > e->local ? e->at.v + 1 : e->local;
    e->dirty = 1;
    mn_board_tell(g->b, "bridge", "{s:s, s:s}", "key", e->key, "text", "has come here");
}

static int put(mn_bridge *g, bridge_entry *e) {
    char name[256];
    mn_edits edits = {0};
    json_t *old = NULL;
    uint64_t version = 0;
    if (e->with && !bridge_known(g, e->with)) return 0;
    bridge_in_name(g, e->kind, e->name, name);
    const bridge_sort *const s = bridge_sorts + e->kind;
    int rc = s->mirrored ? mn_board_version(g->b, s->folder, name, &version) : 0;
    if (rc > 0 && !is_another(e, version)) rc = mn_board_get(g->b, s->folder, name, &old, &version);
    if (rc == MN_ECORRUPT || rc == MN_EUNSUPPORTED) {
        rc = mn_board_del(g->b, s->folder, name, 0, 0);
        version = 0;
    }
    int at = 0;
    if (rc >= 0) rc = edits_of(g, &edits, e, name, old, version, &at);
    if (rc > 0) rc = bridge_commit(g, &edits);
    if (rc > 0) is_put(g, e, &edits, at, version);
    json_decref(old);
    mn_edits_free(&edits);
    return rc;
}

/* A robot that was claimed here: its note says so. */
static int note_claim(mn_bridge *g, bridge_entry *e) {
    mn_edits edits = {0};
    int rc = bridge_note(g, &edits, e);
    if (rc >= 0) rc = bridge_commit(g, &edits);
    if (rc > 0) noted(e, &edits, 0);
    mn_edits_free(&edits);
    return rc;
}

int bridge_put_all(mn_bridge *g) {
    int some = 1;
    /* A record may be what another waits for: until nothing more goes. */
    for (int round = 0; some && round < 16; round++) {
        some = 0;
        for (size_t i = 0; i < g->n; i++) {
            bridge_entry *const e = g->entry[i];
            int rc = 0;
            if (e->kind == BRIDGE_BRAIN) continue; /* bridge_brain.c */
            if (e->pending)
                rc = put(g, e);
            else if (e->mine && e->at.h && e->noted != e->at.h)
                rc = note_claim(g, e);
            if (rc == MN_ENOMEM || rc == MN_ECANCELLED) return rc;
            if (rc < 0) { /* it can never lie there: told once, known, and left */
                mn_board_tell(g->b, "bridge", "{s:s, s:s}", "key", e->key, "text",
                              mn_error_detail());
                e->pending = 0;
            }
            some |= rc > 0;
        }
    }
    return 0;
}

/* ---- giving -------------------------------------------------------------------------------- */
/* Both layers of a thing, as far as they are ours. */
static int edit_giving(mn_bridge *g, mn_edits *edits, bridge_entry *e, const char *to,
                       bridge_entry *was) {
    const bridge_sort *const s = bridge_sorts + e->kind;
    *was = *e;
    e->at.h++;
    e->at.e = 0;
    e->at.v = e->sum >> 2;
    snprintf(e->at.home, sizeof e->at.home, "%s", to);
    MN_TRY(bridge_note(g, edits, e));
    json_t *const value = bridge_in_value(g, e);
    char name[256];
    bridge_in_name(g, e->kind, e->name, name);
    const int rc = value ? mn_edits_put(edits, g->b, s->folder, name, value, was->local)
                         : MN_FAIL(MN_ENOMEM, "no memory for %s", e->key);
    json_decref(value);
    return rc;
}

int bridge_give(mn_bridge *g, bridge_entry *thing, const char *to) {
    bridge_entry *const truth =
        thing->kind == BRIDGE_THING ? bridge_of(g, BRIDGE_SIM_THING, thing->name) : NULL;
    bridge_entry *part[2] = {truth, thing}, was[2];
    mn_edits edits = {0};
    const int first = part[0] && part[0]->mine && part[0]->value ? 0 : 1;
    int rc = 0, done = 0;
    for (int i = first; i < 2 && rc >= 0; i++, done++)
        rc = edit_giving(g, &edits, part[i], to, was + i);
    if (rc >= 0) rc = bridge_commit(g, &edits);
    for (int i = first; i < first + done; i++) {
        bridge_entry *const e = part[i];
        if (rc <= 0) {
            e->at = was[i].at;
            continue;
        }
        noted(e, &edits, 2 * (i - first));
        e->local = edits.edit[2 * (i - first) + 1].version;
        e->lies = e->sum;
        e->mine = 0;
        e->dirty = 1;
    }
    mn_edits_free(&edits);
    if (rc > 0 && !first) { /* what is believed of it does not come before the truth */
        json_decref(thing->with);
        thing->with = json_pack("[o]", bridge_stamp_write(part[0]->key, &part[0]->at));
    }
    if (rc > 0)
        mn_board_tell(g->b, "bridge", "{s:s, s:s, s:s}",
                      thing->kind == BRIDGE_TASK ? "task" : "thing", thing->name, "to", to, "text",
                      "given away");
    return rc;
}
