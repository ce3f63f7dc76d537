/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/monitor.c - who lives (fleet/life.h), who hangs, who is slow.
 *
 * A brain that was asleep itself (a laptop was closed, a model thought) first lets one heartbeat
 * pass: everybody looks late to who was late.
 *
 * A robot of another machine that is not heard is cut off: it works on at home and keeps its step,
 * and its lease is not ours to take. Nothing new is given to it; what it does now is waited for,
 * and after MN_FLEET_CUT planned anew without it.
 */
#include "base/alloc.h"
#include "base/error.h"
#include "fleet/brain_inside.h"
#include "fleet/life.h"

#include <stdio.h>
#include <string.h>

static const uint64_t MS = 1000000, SECOND = 1000000000;

/* ---- who lives ----------------------------------------------------------------------------- */
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

/* It is late, or its process has ended. */
static int late(mn_brain *k, mn_brain_robot *r, const mn_heard *heard, int ended) {
    const mn_watch watch = {"brain", "", k->lease};
    const int far = mn_life_is_far(k->b, r->name);
    MN_TRY(far);
    const uint64_t now = k->b->ops->now(k->b), cut = r->late + MN_FLEET_CUT * SECOND;
    r->far = far;
    r->cut = far && r->late && now <= cut;
    r->gone = !r->cut;
    if (r->cut) mn_brain_sooner(k, cut + 1);
    if (far) return 0;
    const int taken = mn_life_lose(k->b, &watch, r->name, r->lease, heard, ended);
    if (taken == 0) mn_brain_sooner(k, 0); /* the next step knows */
    return taken;
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
        mn_heard heard;
        MN_TRY(mn_monitor_life(k, r, &life));
        MN_TRY(mn_life_read(k->b, r->name, life, &heard));
        MN_TRY(read_call(k, r));
        r->late = heard.late < k->patient ? k->patient : heard.late;
        const uint64_t at = k->b->ops->now(k->b);
        if (life == MN_LIFE_GOES_ON && at > r->late && at <= r->late + MN_FLEET_STARVED * MS &&
            mn_monitor_starves(k, r))
            mn_brain_sooner(k, at + MN_FLEET_BEAT * MS / 10);
        else if (life == MN_LIFE_ENDED || at > r->late)
            MN_TRY(late(k, r, &heard, life == MN_LIFE_ENDED));
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
    return mn_brain_put_call(k, r);
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

/* While its robot is cut off nobody can tell how far it is: its time begins anew when that is heard
 * again. */
static int cut_off(mn_brain *k, mn_brain_task *t, json_t *step, int is) {
    mn_edits edits = {0};
    if (is == (json_object_get(step, "cut") != NULL)) return 0;
    if (is)
        MN_TRY(mn_brain_set(step, "cut", json_true()));
    else {
        json_object_del(step, "cut");
        MN_TRY(mn_brain_set(step, "since", json_integer((json_int_t)k->b->ops->now(k->b))));
    }
    MN_TRY(mn_brain_commit(k, t, &edits));
    mn_board_tell(k->b, "cut", "{s:s, s:s, s:s, s:s}", "robot", mn_brain_field(step, "robot"),
                  "task", t->id, "step", mn_brain_field(step, "id"), "text",
                  is ? "its machine is not heard: what it does is waited for" : "is heard again");
    return 0;
}

/* The robot itself ends what takes too long; a robot that does not is asked to, and then it is
 * believed to hang. "since" is of the board's clock, so that the next brain knows it, too; "slow"
 * when it is slow next. */
int mn_monitor_step(mn_brain *k, mn_brain_task *t, json_t *step, mn_brain_robot *r) {
    MN_TRY(cut_off(k, t, step, r->cut));
    if (r->cut) return 0;
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
