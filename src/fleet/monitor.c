/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/monitor.c - who lives, who hangs, who is slow.
 *
 * A robot says in each state until when the next one is there. Nearly as long after that
 * (MN_FLEET_HASTE), or at once when its process has ended (monitor_life.c), it is lost: one commit,
 * which stands only if no state came meanwhile, takes its lease and marks it; then what it held
 * falls to the place where it stood, or into the room it was in, as unsure. The mark stays until
 * nothing is held: who dies in between leaves the rest to the next brain. A robot of another
 * machine, whose states come by a bridge, has as long as it said.
 *
 * A brain that was asleep itself (a laptop was closed, a model thought) first lets one heartbeat
 * pass: everybody looks late to who was late.
 */
#include "base/alloc.h"
#include "base/error.h"
#include "fleet/brain_inside.h"
#include "fleet/effect.h"

#include <stdio.h>
#include <string.h>

enum { FALL = 6 }; /* things in one commit */
static const uint64_t MS = 1000000, SECOND = 1000000000;

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
static int put_down_some(mn_brain *k, const char *name, json_t *robot, uint64_t version) {
    mn_scene s = {0};
    mn_edits edits = {0};
    mn_effect f = {.at = NULL};
    int rc = mn_scene_read(k->b, "", &s, NULL), more = 0;
    const mn_robot_seen *const r = rc < 0 ? NULL : mn_scene_robot(&s, name);
    const char *const to = r ? where_it_falls(&s, r) : "";
    for (int i = 0; *to && i < s.n_things && rc >= 0; i++) {
        if (strcmp(s.thing[i].at, name) || *s.thing[i].home) continue; /* its home says it */
        more = f.n_things == FALL;
        if (more) break;
        rc = mn_effect_move(&s, &s.thing[i], to, NULL, "", 0.3, &f);
    }
    if (rc >= 0) rc = mn_effect_edits(&f, k->b, &edits);
    if (rc >= 0 && more) rc = mn_edits_check(&edits, k->b, "robot/", name, version);
    if (rc >= 0 && !more) {
        json_object_del(robot, "lost");
        rc = mn_edits_put(&edits, k->b, "robot/", name, robot, version);
    }
    if (rc >= 0) rc = mn_edits_commit(&edits, k->b);
    if (rc >= 0) mn_effect_tell(&f, k->b, name);
    for (int i = 0; i < f.n_things && rc >= 0; i++)
        mn_board_tell(k->b, "fell", "{s:s, s:s, s:s}", "robot", name, "thing", f.thing[i]->name,
                      "to", to);
    mn_edits_free(&edits);
    mn_scene_free(&s);
    return rc < 0 ? rc : more;
}

static int put_down(mn_brain *k, const char *name) {
    for (int tries = 0; tries < 64; tries++) {
        json_t *robot = NULL;
        uint64_t version = 0;
        int rc = mn_board_get(k->b, "robot/", name, &robot, &version);
        if (rc == MN_ECORRUPT || rc == MN_EUNSUPPORTED) rc = 0;
        if (rc > 0) rc = json_is_true(json_object_get(robot, "lost"));
        if (rc > 0) {
            rc = put_down_some(k, name, robot, version);
            if (rc == MN_ECONFLICT) rc = 1;
        }
        json_decref(robot);
        if (rc <= 0) return rc;
    }
    return 0; /* the next brain goes on */
}

static int each_robot(void *user, const char *key, uint64_t version) {
    const char *const name = strrchr(key, '/');
    (void)version;
    return name && name[1] && json_array_append_new(user, json_string(name + 1))
               ? mn_brain_no_memory()
               : 0;
}

int mn_monitor_fallen(mn_brain *k) {
    char key[MN_FLEET_KEY];
    json_t *const list = json_array(), *one;
    size_t i;
    int rc = list ? mn_board_key(k->b, "robot/", "", key) : mn_brain_no_memory();
    if (rc >= 0) rc = k->b->ops->each(k->b, key, each_robot, list);
    json_array_foreach(list, i, one) if (rc >= 0) rc = put_down(k, json_string_value(one));
    json_decref(list);
    return rc;
}

/* ---- who lives ----------------------------------------------------------------------------- */
static int lose(mn_brain *k, const mn_brain_robot *r, int ended) {
    json_t *robot = NULL;
    uint64_t version = 0;
    mn_edits edits = {0};
    int rc = mn_board_get(k->b, "robot/", r->name, &robot, &version);
    if (rc == MN_ECORRUPT || rc == MN_EUNSUPPORTED) rc = 0; /* nobody can tell what it held */
    if (rc > 0) {
        rc = mn_brain_set(robot, "lost", json_true());
        if (rc >= 0) rc = mn_edits_put(&edits, k->b, "robot/", r->name, robot, version);
    }
    if (rc >= 0 && !ended) rc = mn_edits_check(&edits, k->b, "state/", r->name, r->state);
    if (rc >= 0) rc = mn_edits_del(&edits, k->b, "lease/", r->name, r->lease);
    if (rc >= 0) rc = mn_edits_check(&edits, k->b, "brain", "", k->lease);
    if (rc >= 0) rc = mn_edits_commit(&edits, k->b);
    mn_edits_free(&edits);
    json_decref(robot);
    if (rc == MN_ECONFLICT) { /* it lives, or said goodbye: the next step knows */
        mn_brain_sooner(k, 0);
        return 0;
    }
    MN_TRY(rc);
    mn_board_tell(k->b, "lost", "{s:s, s:s}", "robot", r->name, "text",
                  ended ? "its process has ended" : "its heartbeat is late by more than one");
    return put_down(k, r->name);
}

/* When it is late. Without a state it is so now; so it is when that is of another life of the
 * machine, whose clock had gone further. */
static int read_life(mn_brain *k, mn_brain_robot *r, mn_life life) {
    char key[MN_FLEET_KEY];
    mn_buf value = {0};
    mn_fleet_state s;
    MN_TRY(mn_board_key(k->b, "state/", r->name, key));
    int rc = k->b->ops->get(k->b, key, &value, &r->state);
    if (rc == 0) r->state = 0;
    if (rc > 0) rc = mn_fleet_state_read(value.data, value.len, &s) < 0 ? 0 : 1;
    mn_buf_free(&value);
    MN_TRY(rc);
    const uint64_t now = k->b->ops->now(k->b); /* after it was read: states go on being put */
    uint64_t beat = rc && s.until > s.now ? s.until - s.now : 0;
    if (life == MN_LIFE_GOES_ON) beat = MN_FLEET_HASTE(beat);
    r->late = !rc || s.now > now ? 0 : s.until + (beat < 60 * SECOND ? beat : 60 * SECOND);
    return 0;
}

/* The call that was read in the step before, if it is still the same: 1. */
static int same_call(mn_brain *k, mn_brain_robot *r) {
    char key[MN_FLEET_KEY];
    mn_buf value = {0};
    MN_TRY(mn_board_key(k->b, "call/", r->name, key));
    const int rc = k->b->ops->get(k->b, key, &value, &r->version);
    mn_buf_free(&value);
    for (int i = 0; rc > 0 && i < k->n_was; i++) {
        mn_brain_robot *const was = k->was + i;
        if (was->version != r->version || !was->call || strcmp(was->name, r->name)) continue;
        r->call = was->call;
        was->call = NULL;
        return 1;
    }
    return rc < 0 ? rc : 0;
}

static int read_call(mn_brain *k, mn_brain_robot *r) {
    uint64_t version;
    const int same = same_call(k, r);
    if (same) return same;
    int rc = mn_board_get(k->b, "call/", r->name, &r->call, &version);
    if (rc > 0) r->version = version;
    if (rc == MN_ECORRUPT || rc == MN_EUNSUPPORTED) rc = 1; /* it is written over, by version */
    MN_TRY(rc);
    if (!rc) r->version = 0;
    if (!r->call) r->call = json_pack("{s:s}", "state", "idle");
    return r->call ? 0 : mn_brain_no_memory();
}

static int each_lease(void *user, const char *key, uint64_t version) {
    mn_brain *const k = user;
    const char *const name = strrchr(key, '/');
    if (!name || !name[1] || strlen(name + 1) > MN_NAME) return 0;
    if (k->n_robots == k->cap_robots) {
        const int cap = k->cap_robots ? 2 * k->cap_robots : 8;
        mn_brain_robot *const more = mn_realloc(k->robot, (size_t)cap * sizeof *more);
        if (!more) return mn_brain_no_memory();
        k->robot = more;
        k->cap_robots = cap;
    }
    mn_brain_robot *const r = &k->robot[k->n_robots++];
    *r = (mn_brain_robot){.lease = version};
    snprintf(r->name, sizeof r->name, "%s", name + 1);
    return 0;
}

int mn_monitor_robots(mn_brain *k) {
    char key[MN_FLEET_KEY];
    const uint64_t now = k->b->ops->now(k->b);
    if (k->awake && now > k->awake + MN_FLEET_BEAT * MS) k->patient = now + MN_FLEET_BEAT * MS;
    MN_TRY(mn_board_key(k->b, "lease/", "", key));
    MN_TRY(k->b->ops->each(k->b, key, each_lease, k));
    for (int i = 0; i < k->n_robots; i++) {
        mn_brain_robot *const r = &k->robot[i];
        mn_life life = MN_LIFE_UNKNOWN;
        MN_TRY(mn_monitor_life(k, r, &life));
        MN_TRY(read_life(k, r, life));
        MN_TRY(read_call(k, r));
        if (r->late < k->patient) r->late = k->patient;
        r->gone = life == MN_LIFE_ENDED || k->b->ops->now(k->b) > r->late;
        if (r->gone)
            MN_TRY(lose(k, r, life == MN_LIFE_ENDED));
        else
            mn_brain_sooner(k, r->late + 1);
        const int stopped = mn_fleet_stopped(k->b, r->name);
        MN_TRY(stopped);
        r->stopped = stopped;
    }
    mn_monitor_lives_settle(k);
    return 0;
}

/* ---- steps --------------------------------------------------------------------------------- */
static int put_call(mn_brain *k, mn_brain_robot *r, const char *state) {
    MN_TRY(mn_brain_set(r->call, "state", json_string(state)));
    return mn_board_put(k->b, "call/", r->name, r->call, 1, &r->version);
}

/* It is slow, and each time it has taken twice as long again: is anything better done by others? */
static int see_slow(mn_brain *k, mn_brain_task *t, json_t *step, const char *robot, double ran) {
    const double should = json_number_value(json_object_get(step, "seconds"));
    mn_edits edits = {0};
    MN_TRY(mn_brain_set(step, "slow", json_real(2 * ran)));
    MN_TRY(mn_brain_learn(t, step, ran, 0));
    MN_TRY(mn_brain_commit(k, t, &edits));
    mn_board_tell(k->b, "slow", "{s:s, s:s, s:s, s:f, s:f}", "robot", robot, "task", t->id, "step",
                  mn_brain_field(step, "id"), "seconds", ran, "expected", should);
    return 0;
}

/* The robot itself ends what takes too long; a robot that does not is asked to, and then it is
 * believed to hang. "since" is of the board's clock, so that the next brain knows it, too; "slow"
 * when it is slow next. */
int mn_monitor_step(mn_brain *k, mn_brain_task *t, json_t *step, mn_brain_robot *r) {
    const double limit = json_number_value(json_object_get(r->call, "limit")),
                 should = json_number_value(json_object_get(step, "seconds"));
    const json_t *const begun = json_object_get(step, "since"), *const next =
                                                                    json_object_get(step, "slow");
    const uint64_t now = k->b->ops->now(k->b), since = (uint64_t)json_integer_value(begun);
    if (!begun || since > now) return 0;
    const double ran = (double)(now - since) * 1e-9;
    const double slow = json_is_number(next) ? json_number_value(next) : 2 * should + 2;
    const double most = (limit > 0 && limit < 1e6 ? limit : 3600) + 1;
    if (should > 0 && ran >= slow)
        MN_TRY(see_slow(k, t, step, r->name, ran));
    else if (should > 0)
        mn_brain_sooner(k, since + (uint64_t)(slow * 1e9) + 1);
    mn_brain_sooner(k, since + (uint64_t)((ran < most ? most : most + 1) * 1e9) + 1);
    if (ran < most) return 0;
    if (ran < most + 1) return mn_brain_is(r->call, "cancel") ? 0 : put_call(k, r, "cancel");
    MN_TRY(mn_brain_set(r->call, "code", json_string("hung")));
    MN_TRY(mn_brain_set(r->call, "text", json_string("the robot does not end this step")));
    mn_brain_sooner(k, 0);
    return put_call(k, r, "failed");
}
