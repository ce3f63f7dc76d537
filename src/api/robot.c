/* SPDX-License-Identifier: Apache-2.0
 *
 * api/robot.c - omnesia_fleet.h, a robot of this process: an actor of fleet/actors.h,
 * driven by whoever calls mn_robot_run, with skills that are functions.
 *
 * mn_robot_at may be called from any thread, at any rate, also while another is in mn_robot_run:
 * one lock for the actor, held for a step and for a publication, never while it sleeps.
 */
#include "api/fleet.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/json.h"
#include "fleet/actors.h"
#include "fleet/profile.h"
#include "fleet/yaml.h"

#include <string.h>
#include <unistd.h>

enum { SKILLS = 64, FDS = 32, SKILLS_MS = 10000 };

typedef struct function {
    int (*run)(void *user, mn_skill_call *call, const char *args);
    void *user;
} function;

struct mn_robot {
    mn_fleet *fleet; /* borrowed */
    mn_board *board;
    mn_actor_robot *actor;
    mn_skill_host *calls; /* of functions; the actor's own; NULL: there is none yet */
    mn_drive *drive;
    pthread_mutex_t lock; /* of the actor */
    function function[SKILLS];
    int n;
};

/* ---- joining ----------------------------------------------------------------------------- */
/* A path is one line, and begins with no brace. */
static int read_profile(const char *profile, json_t **out) {
    json_t *lines = NULL;
    if (*profile != '{' && !strchr(profile, '\n')) return mn_profile_read(profile, out);
    MN_TRY(mn_yaml_parse("the profile", profile, strlen(profile), out, &lines));
    const int rc = mn_profile_check("the profile", *out, lines);
    json_decref(lines);
    if (rc >= 0) return 0;
    json_decref(*out);
    *out = NULL;
    return rc;
}

static int open_robot(mn_robot *r, const json_t *profile) {
    MN_TRY(mn_board_open(r->fleet->region, r->fleet->name, &r->board));
    MN_TRY(mn_actor_robot_join(r->board, profile, NULL, 0, &r->actor));
    return mn_drive_open(r->fleet->region, r->board, mn_actor_robot_name(r->actor), &r->drive);
}

int mn_robot_join(mn_fleet *fleet, const char *profile, mn_robot **out) {
    json_t *json;
    *out = NULL;
    MN_TRY(read_profile(profile, &json));
    mn_robot *r = mn_calloc(1, sizeof *r);
    int rc = r ? 0 : MN_FAIL(MN_ENOMEM, "no memory for a robot");
    if (rc >= 0) {
        r->fleet = fleet;
        pthread_mutex_init(&r->lock, NULL);
        rc = open_robot(r, json);
    }
    json_decref(json);
    if (rc < 0)
        mn_robot_leave(&r);
    else
        *out = r;
    return rc;
}

void mn_robot_leave(mn_robot **robot) {
    mn_robot *const r = *robot;
    *robot = NULL;
    if (!r) return;
    if (r->actor) mn_actor_robot_leave(&r->actor);
    mn_drive_close(&r->drive);
    mn_board_close(&r->board);
    pthread_mutex_destroy(&r->lock);
    mn_free(r);
}

/* ---- skills ------------------------------------------------------------------------------ */
static _Thread_local json_t **result_here; /* of the function that runs in this thread */

static int call_function(void *user, mn_skill_call *call, const json_t *args, json_t **result) {
    const function *const f = user;
    char *const text = mn_json_text(args, JSON_COMPACT);
    if (!text) return MN_FAIL(MN_ENOMEM, "no memory for the arguments of a skill");
    result_here = result;
    const int rc = f->run(f->user, call, text);
    result_here = NULL;
    mn_free(text);
    return rc;
}

static int plug(mn_robot *r, mn_skill_host *host) {
    pthread_mutex_lock(&r->lock);
    const int rc = mn_actor_robot_plug(r->actor, host);
    pthread_mutex_unlock(&r->lock);
    return rc;
}

static int add_function(mn_robot *r, const json_t *manifest, const function *f) {
    if (r->n == SKILLS) return MN_FAIL(MN_EFULL, "a robot has at most %d functions", SKILLS);
    const int first = !r->calls;
    if (first) MN_TRY(mn_skill_host_calls(&r->calls));
    r->function[r->n] = *f;
    const int rc = mn_skill_host_add(r->calls, manifest, call_function, r->function + r->n);
    if (rc >= 0) {
        r->n++;
        return first ? plug(r, r->calls) : 0;
    }
    if (first) r->calls->ops->close(&r->calls);
    return rc;
}

/* The name of one that comes with Omnesia, or a manifest. */
static int read_manifest(const char *text, json_t **out) {
    const int is_name = *text != '{';
    for (const char *const *known = mn_skill_known; *known; known++) {
        json_t *const one = is_name ? json_loads(*known, 0, NULL) : NULL;
        const char *const name = json_string_value(json_object_get(one, "name"));
        if (name && strcmp(name, text) == 0) return *out = one, 0;
        json_decref(one);
    }
    json_error_t e;
    *out = is_name ? NULL : json_loads(text, JSON_REJECT_DUPLICATES, &e);
    if (*out) return 0;
    if (is_name)
        return MN_FAIL(MN_EINVAL, "'%.40s' is no skill that comes with Omnesia: give its manifest",
                       text);
    return MN_FAIL(MN_EINVAL, "the manifest is no JSON: line %d: %.100s", e.line, e.text);
}

int mn_robot_skill(mn_robot *robot, const char *manifest,
                   int (*run)(void *user, mn_skill_call *call, const char *args), void *user) {
    const function f = {run, user};
    json_t *json;
    MN_TRY(read_manifest(manifest, &json));
    const int rc = add_function(robot, json, &f);
    json_decref(json);
    return rc;
}

int mn_robot_program(mn_robot *robot, const char *const *argv) {
    mn_skill_host *host;
    MN_TRY(mn_skill_host_program(argv, &host));
    const int there = mn_skill_host_wait(host, SKILLS_MS);
    if (there > 0) return plug(robot, host);
    host->ops->close(&host);
    return there < 0 ? there
                     : MN_FAIL(MN_EIO, "%s has not told its skills after %d s", argv[0],
                               SKILLS_MS / 1000);
}

int mn_skill_stopped(const mn_skill_call *call) {
    return mn_skill_call_stopped(call);
}

int mn_skill_seen(mn_skill_call *call, const char *detections) {
    json_error_t e;
    json_t *const seen = json_loads(detections, JSON_REJECT_DUPLICATES, &e);
    (void)call;
    if (!seen) return MN_FAIL(MN_EINVAL, "what was seen is no JSON: %.100s", e.text);
    if (!result_here) {
        json_decref(seen);
        return MN_FAIL(MN_EINVAL, "what a skill saw is said by its function, in its thread");
    }
    json_decref(*result_here);
    *result_here = json_pack("{s:o}", "seen", seen);
    return *result_here ? 0 : MN_FAIL(MN_ENOMEM, "no memory for what was seen");
}

int mn_skill_fail(mn_skill_call *call, const char *code, const char *why) {
    return mn_skill_call_fail(call, code, "%s", why);
}

/* ---- being there ------------------------------------------------------------------------- */
int mn_robot_at(mn_robot *robot, const double p[3], const double q[4], double battery,
                const char *place) {
    pthread_mutex_lock(&robot->lock);
    mn_fleet_state *const s = mn_actor_robot_state(robot->actor);
    memcpy(s->p, p, sizeof s->p);
    if (q) memcpy(s->q, q, sizeof s->q);
    s->battery = (float)battery;
    snprintf(s->frame, sizeof s->frame, "map");
    snprintf(s->at, sizeof s->at, "%s", place ? place : "");
    const int rc = mn_actor_robot_publish(robot->actor);
    pthread_mutex_unlock(&robot->lock);
    return rc;
}

/* A step; then it may sleep until *again, or until one of fds[*n] is readable. */
static int step(mn_robot *r, uint64_t *again, int fds[FDS], int *n) {
    pthread_mutex_lock(&r->lock);
    mn_drive_clear(r->drive);
    const int rc = mn_actor_robot_step(r->actor, again);
    *n = mn_actor_robot_fds(r->actor, fds, FDS);
    pthread_mutex_unlock(&r->lock);
    return rc;
}

int mn_robot_run(mn_robot *robot, int64_t timeout_ms) {
    const uint64_t end =
        timeout_ms < 0 ? UINT64_MAX
                       : robot->board->ops->now(robot->board) + (uint64_t)timeout_ms * 1000000;
    for (;;) {
        uint64_t again = end;
        int fds[FDS], n;
        const int rc = step(robot, &again, fds, &n);
        if (rc == MN_ECANCELLED) return rc;
        if (robot->board->ops->now(robot->board) >= end) return 0;
        MN_TRY(mn_drive_wait(robot->drive, fds, n, again < end ? again : end));
    }
}
