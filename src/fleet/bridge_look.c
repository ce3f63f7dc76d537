/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/bridge_look.c - what changed on the board since the last look.
 *
 * A key without an entry is new, and ours. One of ours with another value gets a new stamp. One of
 * another machine's with another value was changed by somebody who may not: it is put back. Three
 * are different: a lease that is gone is a robot lost to this board, until it is heard again; an
 * ask that is gone was taken by the brain here; and a robot that joins under a name whose robot was
 * lost or has left is ours from now on, with all of its keys.
 */
#include "base/alloc.h"
#include "base/hash.h"
#include "fleet/bridge_in.h"

#include <stdio.h>
#include <string.h>

typedef struct seen {
    bridge_kind kind;
    uint64_t version;
    char name[MN_NAME + 1];
} seen;
typedef struct looking {
    mn_bridge *g;
    mn_buf all;    /* of `seen` */
    size_t prefix; /* bytes of "fleet/FLEET/" */
} looking;

/* Of a key behind the fleet's name: what is mirrored, with its name. */
static int collect(void *user, const char *key, uint64_t version) {
    looking *const l = user;
    const char *const rest = key + l->prefix;
    if (strncmp(rest, "bridge/", 7) == 0) return 0;
    if (strncmp(rest, "letter/", 7) == 0) l->g->letters++;
    for (int i = 0; i < BRIDGE_KINDS; i++) {
        const bridge_sort *const s = bridge_sorts + i;
        if (!s->mirrored || *rest != *s->folder) continue;
        const size_t n = strlen(s->folder);
        if (strncmp(rest, s->folder, n) != 0) continue;
        const size_t name = strlen(rest + n);
        if (name > MN_NAME) continue;
        MN_TRY(mn_buf_reserve(&l->all, sizeof(seen)));
        seen *const one = (seen *)(void *)(l->all.data + l->all.len);
        memset(one, 0, sizeof *one); /* all of it is compared */
        one->kind = (bridge_kind)i;
        one->version = version;
        memcpy(one->name, rest + n, name);
        l->all.len += sizeof *one;
        return 0;
    }
    return 0;
}

static void complain(mn_bridge *g, const bridge_entry *e, const char *text) {
    mn_board_tell(g->b, "bridge", "{s:s, s:s}", "key", e->key, "text", text);
}

/* From now on ours. */
static void claim(mn_bridge *g, bridge_entry *e) {
    if (e->mine) return;
    e->at.h++;
    e->at.v = 0;
    e->mine = 1;
    e->pending = e->lost = 0;
    e->sum = 1; /* of no value: so that it is said */
    snprintf(e->at.home, sizeof e->at.home, "%s", g->machine);
}

static int joins_here(const mn_bridge *g, const bridge_entry *e, const json_t *value) {
    if (!value) return 0;
    if (e->kind == BRIDGE_ROBOT || (e->known && !e->value)) return 1; /* or it is made anew */
    if (e->kind != BRIDGE_LEASE) return 0;
    const bridge_entry *const robot = bridge_of(g, BRIDGE_ROBOT, e->name);
    return e->lost || (robot && robot->mine);
}

/* A lease that was lost was made again: so the robot is here, too, though it says the same of
 * itself. */
static void claim_robot(mn_bridge *g, const bridge_entry *lease) {
    bridge_entry *const robot = bridge_of(g, BRIDGE_ROBOT, lease->name);
    if (lease->kind != BRIDGE_LEASE || !robot || robot->mine || !robot->value) return;
    claim(g, robot);
    bridge_say(g, robot, json_incref(robot->value));
}

/* Of another machine's key there is another value here, or none. */
static void changed_here(mn_bridge *g, bridge_entry *e, json_t *value) {
    if (!e->pending && joins_here(g, e, value)) {
        if (e->value) complain(g, e, "has joined here: its former machine's is replaced");
        claim(g, e);
        bridge_say(g, e, value);
        claim_robot(g, e);
        return;
    }
    const int gone = !value;
    json_decref(value);
    if (e->pending) return; /* it is replaced anyway */
    if (e->kind == BRIDGE_LEASE) {
        if (!e->lost) complain(g, e, "lost: no heartbeat of it comes");
        e->lost = 1;
    } else if (e->kind != BRIDGE_ASK || !gone) {
        if (!e->known) e->at.e = e->at.v = 0; /* anybody's is newer */
        e->pending = e->known;
        complain(g, e, "was changed here, though it is another machine's: put back");
    }
}

/* What lies there is looked at; value NULL: it is gone. Taken. */
static void look_at(mn_bridge *g, bridge_entry *e, json_t *value, uint64_t version) {
    const uint64_t sum = bridge_sum_of(value);
    e->local = version;
    e->lies = sum;
    if (e->mine || !*e->at.home)
        bridge_say(g, e, value);
    else if (sum != e->sum || (e->lost && value))
        changed_here(g, e, value);
    else {
        if (!e->known) bridge_set(e, json_incref(value));
        json_decref(value);
    }
}

/* A thing, a robot or a task that names this machine as its home, or one that nobody told of. 1: it
 * is not ours. */
static int named_home(mn_bridge *g, const seen *s, json_t *value) {
    const char *const home = bridge_text(value, "home");
    uint64_t version = s->version;
    if (!bridge_sorts[s->kind].homed || !*home) return 0;
    if (strcmp(home, g->machine) != 0) return 1;
    json_object_del(value, "home");
    mn_board_put(g->b, bridge_sorts[s->kind].folder, s->name, value, 1, &version);
    return 0;
}

static int look_at_one(mn_bridge *g, const seen *s) {
    char name[256], key[MN_FLEET_KEY];
    bridge_entry *e;
    json_t *value;
    uint64_t version;
    bridge_out_name(g, s->kind, s->name, name);
    strcpy(key, bridge_sorts[s->kind].folder);
    strcat(key, name); /* names have 63 bytes, and a machine before them */
    e = bridge_find(g, key);
    if (e) e->seen = g->look;
    if (e && e->local == s->version) return 0;
    const int rc = mn_board_get(g->b, bridge_sorts[s->kind].folder, s->name, &value, &version);
    if (rc == MN_ENOMEM) return rc;
    if (rc <= 0) return 0; /* damaged, or gone: the next look tells */
    json_t *const out = bridge_out_value(g, s->kind, value);
    int done = out ? 0 : MN_FAIL(MN_ENOMEM, "no memory for %s", key);
    const int foreign = !e && named_home(g, s, value);
    json_decref(value);
    if (done >= 0 && !foreign && !e) done = bridge_make(g, key, &e);
    if (done < 0 || foreign) {
        json_decref(out);
        return done;
    }
    e->seen = g->look;
    look_at(g, e, out, version);
    return 0;
}

int bridge_look(mn_bridge *g) {
    looking l = {.g = g};
    char prefix[MN_FLEET_KEY];
    MN_TRY(mn_board_key(g->b, "", "", prefix));
    l.prefix = strlen(prefix);
    g->look++;
    g->letters = 0;
    int rc = g->b->ops->each(g->b, prefix, collect, &l);
    const seen *const all = (const seen *)(const void *)l.all.data;
    const size_t n = l.all.len / sizeof *all;
    const uint64_t keys = mn_hash64(n ? l.all.data : "", l.all.len) | 1;
    if (rc < 0 || keys == g->keys) { /* all as it was */
        mn_buf_free(&l.all);
        return rc;
    }
    g->keys = keys;
    /* Robots before their leases: whose lease it is depends on it. */
    for (size_t i = 0; rc >= 0 && i < 2 * n; i++) {
        if ((all[i % n].kind == BRIDGE_ROBOT) == (i < n)) rc = look_at_one(g, all + i % n);
        if (rc == MN_EFULL && !g->full++)
            mn_board_tell(g->b, "bridge", "{s:s}", "text", mn_error_detail());
        if (rc == MN_EFULL || rc == MN_EINVAL) rc = 0;
    }
    mn_buf_free(&l.all);
    for (size_t i = 0; rc >= 0 && i < g->n; i++) {
        bridge_entry *const e = g->entry[i];
        /* What was there at the last look, or by the notes of a bridge before. */
        const int was = e->local || e->mine || (!e->known && e->at.v && !e->lost);
        if (bridge_sorts[e->kind].mirrored && e->seen != g->look && was) look_at(g, e, NULL, 0);
    }
    if (rc < 0) g->keys = 0;
    return rc;
}

/* ---- after a restart ----------------------------------------------------------------------- */
static int collect_note(void *user, const char *key, uint64_t version) {
    looking *const l = user;
    return mn_buf_append(&l->all, key + l->prefix, strlen(key + l->prefix) + 1);
}

/* bridge/KEY: {"h", "e", "home", "v", "sum"} */
static int load_note(mn_bridge *g, const char *key) {
    char folder[64];
    const char *const slash = strrchr(key, '/');
    bridge_entry *e;
    json_t *note, *stamp;
    uint64_t version;
    const char *unused;
    if (!slash) return 0; /* bridge/self */
    snprintf(folder, sizeof folder, "bridge/%.*s/", (int)(slash - key > 40 ? 40 : slash - key),
             key);
    const int rc = mn_board_get(g->b, folder, slash + 1, &note, &version);
    if (rc <= 0) return rc == MN_ENOMEM ? rc : 0;
    stamp = json_object_get(note, "stamp");
    int done = bridge_make(g, key, &e);
    if (done >= 0) {
        e->ticket = version;
        e->sum = strtoull(bridge_text(note, "sum"), NULL, 16);
        done = bridge_stamp_read(stamp, &unused, &e->at);
        e->mine = done >= 0 && strcmp(e->at.home, g->machine) == 0;
        if (e->mine && !e->at.e) e->at.v++; /* it was given to us, and is ours from then on */
        if (e->mine) e->at.e = g->epoch;
        e->known = !e->sum;
        e->noted = e->at.h;
        json_t *const value = json_object_get(note, "value");
        if (value) bridge_set(e, json_incref(value));
    }
    json_decref(note);
    return done == MN_ENOMEM ? done : 0;
}

int bridge_load(mn_bridge *g) {
    looking l = {.g = g};
    char prefix[MN_FLEET_KEY];
    MN_TRY(mn_board_key(g->b, "bridge/", "", prefix));
    l.prefix = strlen(prefix);
    int rc = g->b->ops->each(g->b, prefix, collect_note, &l);
    for (size_t at = 0; rc >= 0 && at < l.all.len; at += strlen(l.all.data + at) + 1)
        rc = load_note(g, l.all.data + at);
    mn_buf_free(&l.all);
    return rc;
}
