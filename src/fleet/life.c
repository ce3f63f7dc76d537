/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/life.c - robots whose heartbeat is late: their lease is taken, and what they held falls.
 */
#include "fleet/life.h"

#include "base/error.h"
#include "fleet/actors.h"
#include "fleet/effect.h"

#include <stdio.h>
#include <string.h>

enum { FALL = 6 }; /* things in one commit */
static const uint64_t SECOND = 1000000000;

static int no_memory(void) {
    return MN_FAIL(MN_ENOMEM, "no memory to watch the robots of a fleet");
}

/* ---- what falls ---------------------------------------------------------------------------- */
static const char *where_it_falls(const mn_scene *s, const mn_robot_seen *r) {
    const mn_thing *const at = mn_scene_thing(s, r->at);
    const int holds = at && (at->kind == MN_FURNITURE || at->kind == MN_ROOM);
    const char *to = holds ? at->name : mn_scene_room(s, r->name);
    if (!*to && at && at->kind == MN_DOOR && mn_scene_thing(s, at->joins[0])) to = at->joins[0];
    for (int i = 0; i < s->n_things && !*to; i++)
        if (s->thing[i].kind == MN_ROOM) to = s->thing[i].name; /* better than nowhere */
    return to;
}

/* As much as one commit takes, and at last the mark goes. 1: there is more. */
static int put_down_some(mn_board *b, const char *name, json_t *robot, uint64_t version) {
    mn_scene s = {0};
    mn_edits edits = {0};
    mn_effect f = {.at = NULL};
    int rc = mn_scene_read(b, "", &s, NULL), more = 0, waits = 0;
    const mn_robot_seen *const r = rc < 0 ? NULL : mn_scene_robot(&s, name);
    const char *const to = r ? where_it_falls(&s, r) : "";
    for (int i = 0; *to && i < s.n_things && rc >= 0; i++) {
        if (strcmp(s.thing[i].at, name)) continue;
        waits |= *s.thing[i].home != 0;
        if (*s.thing[i].home) continue;
        more = f.n_things == FALL;
        if (more) break;
        rc = mn_effect_move(&s, &s.thing[i], to, NULL, "", 0.3, &f);
    }
    if (rc >= 0) rc = mn_effect_edits(&f, b, &edits);
    if (rc >= 0 && (more || waits)) rc = mn_edits_check(&edits, b, "robot/", name, version);
    if (rc >= 0 && !more && !waits) {
        json_object_del(robot, "lost");
        rc = mn_edits_put(&edits, b, "robot/", name, robot, version);
    }
    if (rc >= 0) rc = mn_edits_commit(&edits, b);
    if (rc >= 0) mn_effect_tell(&f, b, name);
    for (int i = 0; i < f.n_things && rc >= 0; i++)
        mn_board_tell(b, "fell", "{s:s, s:s, s:s}", "robot", name, "thing", f.thing[i]->name, "to",
                      to);
    mn_edits_free(&edits);
    mn_scene_free(&s);
    return rc < 0 ? rc : more;
}

/* Does what lies there of a robot name that field? Most do not, and need not be read: skills make
 * them long. */
static int mentions(mn_board *b, const char *robot, const char *field) {
    char key[MN_FLEET_KEY];
    mn_buf text = {0};
    uint64_t version;
    MN_TRY(mn_board_key(b, "robot/", robot, key));
    const int rc = b->ops->get(b, key, &text, &version);
    const int is = rc > 0 && text.len && memmem(text.data, text.len, field, strlen(field)) != NULL;
    mn_buf_free(&text);
    return rc < 0 ? rc : is;
}

static int put_down(mn_board *b, const char *name) {
    for (int tries = 0; tries < 64; tries++) {
        json_t *robot = NULL;
        uint64_t version = 0;
        int rc = mentions(b, name, "\"lost\"");
        if (rc <= 0) return rc;
        rc = mn_board_get(b, "robot/", name, &robot, &version);
        if (rc == MN_ECORRUPT || rc == MN_EUNSUPPORTED) rc = 0;
        if (rc > 0)
            rc = json_is_true(json_object_get(robot, "lost")) && !json_object_get(robot, "home");
        if (rc > 0) {
            rc = put_down_some(b, name, robot, version);
            if (rc == MN_ECONFLICT) rc = 1;
        }
        json_decref(robot);
        if (rc <= 0) return rc;
    }
    return 0; /* the next look goes on */
}

static int each_robot(void *user, const char *key, uint64_t version) {
    const char *const name = strrchr(key, '/');
    (void)version;
    return name && name[1] && json_array_append_new(user, json_string(name + 1)) ? no_memory() : 0;
}

int mn_life_fallen(mn_board *b) {
    char key[MN_FLEET_KEY];
    json_t *const list = json_array(), *one;
    size_t i;
    int rc = list ? mn_board_key(b, "robot/", "", key) : no_memory();
    if (rc >= 0) rc = b->ops->each(b, key, each_robot, list);
    json_array_foreach(list, i, one) if (rc >= 0) rc = put_down(b, json_string_value(one));
    json_decref(list);
    return rc;
}

/* ---- who lives ----------------------------------------------------------------------------- */
int mn_life_is_far(mn_board *b, const char *robot) {
    json_t *json = NULL;
    int rc = mentions(b, robot, "\"home\"");
    if (rc > 0) rc = mn_board_get(b, "robot/", robot, &json, NULL);
    if (rc == MN_ECORRUPT || rc == MN_EUNSUPPORTED) rc = 0;
    const char *const home = json_string_value(json_object_get(json, "home"));
    if (rc > 0) rc = home && *home;
    json_decref(json);
    return rc;
}

int mn_life_lose(mn_board *b, const mn_watch *w, const char *name, uint64_t lease,
                 const mn_heard *heard, int ended) {
    json_t *robot = NULL;
    uint64_t version = 0;
    mn_edits edits = {0};
    int rc = mn_board_get(b, "robot/", name, &robot, &version);
    if (rc == MN_ECORRUPT || rc == MN_EUNSUPPORTED) rc = 0; /* nobody can tell what it held */
    if (rc > 0) {
        rc = json_object_set_new(robot, "lost", json_true()) ? no_memory() : 0;
        if (rc >= 0) rc = mn_edits_put(&edits, b, "robot/", name, robot, version);
    }
    if (rc >= 0 && !ended) rc = mn_edits_check(&edits, b, "state/", name, heard->state);
    if (rc >= 0) rc = mn_edits_del(&edits, b, "lease/", name, lease);
    if (rc >= 0) rc = mn_edits_check(&edits, b, w->kind, w->name, w->version);
    if (rc >= 0) rc = mn_edits_commit(&edits, b);
    mn_edits_free(&edits);
    json_decref(robot);
    if (rc == MN_ECONFLICT) return 0;
    MN_TRY(rc);
    mn_board_tell(b, "lost", "{s:s, s:s}", "robot", name, "text",
                  ended ? "its process has ended" : "its heartbeat is late by more than one");
    MN_TRY(put_down(b, name));
    return 1;
}

/* Without a state it is late now; so it is when that is of another life of the machine, whose clock
 * had gone further. */
int mn_life_read(mn_board *b, const char *robot, mn_life known, mn_heard *out) {
    mn_fleet_state s;
    const int rc = mn_fleet_state_get(b, "state/", robot, &s, &out->state);
    MN_TRY(rc);
    const uint64_t now = b->ops->now(b); /* after it was read: states go on being put */
    uint64_t beat = rc && s.until > s.now ? s.until - s.now : 0;
    if (known == MN_LIFE_GOES_ON) beat = MN_FLEET_HASTE(beat);
    out->late = !rc || s.now > now ? 0 : s.until + (beat < 60 * SECOND ? beat : 60 * SECOND);
    return 0;
}
