/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/robot.c - the life of a robot in the fleet: it joins by making its lease, says by its
 * state that it lives, tells what skills its hosts have, and stops when its lease is not its own
 * any more. What it does meanwhile is robot_do.c.
 *
 * A robot whose process has ended, or whose heartbeat is late by more than one, is dead: another of
 * the same name takes its lease, by version, so of two that come at once one gets it. What it had
 * in its hands stays there.
 */
#include "base/alloc.h"
#include "base/error.h"
#include "fleet/robot_inside.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int json_failed(void) {
    return MN_FAIL(MN_ENOMEM, "no memory for a robot of the fleet");
}

/* ---- state --------------------------------------------------------------------------------- */
static void state_now(mn_actor_robot *r) {
    mn_fleet_state *const s = &r->state;
    s->format = MN_STATE_FORMAT;
    s->beat++;
    s->now = r->b->ops->now(r->b);
    s->until = s->now + r->beat;
    s->time = r->b->ops->time(r->b);
    s->flags &= ~(uint32_t)(MN_STATE_STOPPED | MN_STATE_BUSY);
    s->flags |= (r->stopped ? MN_STATE_STOPPED : 0u) | (r->phase ? MN_STATE_BUSY : 0u);
    if (s->n_joints > MN_JOINTS) s->n_joints = MN_JOINTS;
    s->frame[MN_FRAME] = s->at[sizeof s->at - 1] = 0;
    r->due = s->now + MN_FLEET_HASTE(r->beat);
    r->put = *s;
}

/* What another told of it since: where it is, its battery and its joints (MN_STATE_TOLD). */
static int take_told(mn_actor_robot *r) {
    mn_fleet_state s;
    const int rc = mn_fleet_state_get(r->b, "state/", r->name, &s, NULL);
    if (rc <= 0 || !(s.flags & MN_STATE_TOLD) || s.beat != r->put.beat) return rc < 0 ? rc : 0;
    const mn_fleet_state *const p = &r->put;
    if (!memcmp(s.p, p->p, sizeof s.p) && !memcmp(s.q, p->q, sizeof s.q) &&
        !memcmp(s.v, p->v, sizeof s.v) && s.battery == p->battery && s.n_joints == p->n_joints &&
        !memcmp(s.joint, p->joint, s.n_joints * sizeof *s.joint))
        return 0; /* as we put it */
    memcpy(r->state.p, s.p, sizeof s.p);
    memcpy(r->state.q, s.q, sizeof s.q);
    memcpy(r->state.v, s.v, sizeof s.v);
    memcpy(r->state.frame, s.frame, sizeof s.frame);
    memcpy(r->state.joint, s.joint, sizeof s.joint);
    r->state.battery = s.battery;
    r->state.n_joints = s.n_joints;
    r->state.flags |= MN_STATE_TOLD;
    return 0;
}

int mn_robot_edit_state(mn_actor_robot *r, mn_edits *edits) {
    const int i = edits->n;
    MN_TRY(take_told(r));
    if (i == MN_EDITS) return MN_FAIL(MN_EFULL, "a commit has at most %d edits", (int)MN_EDITS);
    state_now(r);
    MN_TRY(mn_board_key(r->b, "state/", r->name, edits->key[i]));
    mn_buf_clear(&edits->value[i]);
    MN_TRY(mn_buf_append(&edits->value[i], &r->state, mn_fleet_state_bytes(&r->state)));
    edits->edit[i] = (mn_edit){.key = edits->key[i],
                               .kind = MN_EDIT_PUT,
                               .value = edits->value[i].data,
                               .n = edits->value[i].len};
    edits->n++;
    return 0;
}

int mn_actor_robot_publish(mn_actor_robot *r) {
    MN_TRY(mn_robot_lease(r));
    state_now(r);
    return mn_fleet_state_put(r->b, "state/", r->name, &r->state, NULL);
}

mn_fleet_state *mn_actor_robot_state(mn_actor_robot *r) {
    return &r->state;
}
const char *mn_actor_robot_name(const mn_actor_robot *r) {
    return r->name;
}

/* ---- lease --------------------------------------------------------------------------------- */
int mn_robot_lease(mn_actor_robot *r) {
    char key[MN_FLEET_KEY];
    mn_buf value = {0};
    uint64_t version = 0;
    if (r->gone) return MN_FAIL(MN_ECANCELLED, "robot '%s' has left the fleet", r->name);
    MN_TRY(mn_board_key(r->b, "lease/", r->name, key));
    const int rc = r->b->ops->get(r->b, key, &value, &version);
    mn_buf_free(&value);
    MN_TRY(rc);
    if (rc && version == r->lease) return 0;
    r->gone = 1;
    mn_robot_cancel(r, "lost", r->b->ops->now(r->b));
    mn_board_tell(r->b, "gone", "{s:s, s:s}", "robot", r->name, "text",
                  rc ? "another has its name now" : "its lease was taken: it stops by itself");
    return MN_FAIL(MN_ECANCELLED, "robot '%s' stops: %s", r->name,
                   rc ? "another has its name now" : "its lease was taken");
}

/* Does who has this lease live? Its state says until when. */
static int lives(mn_actor_robot *r, const json_t *lease) {
    mn_fleet_state s;
    const int rc = mn_fleet_state_get(r->b, "state/", r->name, &s, NULL);
    MN_TRY(rc);
    const uint64_t now = r->b->ops->now(r->b);
    if (!rc || s.now > now || now > s.until + (s.until - s.now)) return 0;
    const char *const life = json_string_value(json_object_get(lease, "life"));
    if (life && mn_board_lives(r->b, life, NULL) == MN_LIFE_ENDED) return 0;
    return MN_FAIL(MN_EBUSY,
                   "there is a robot '%s' already, driven by process %" JSON_INTEGER_FORMAT
                   ": take another name, or end that one",
                   r->name, json_integer_value(json_object_get(lease, "pid")));
}

/* ---- what it is ---------------------------------------------------------------------------- */
/* What there was no memory for is asked again at the next step. */
static void refuse_skills(mn_actor_robot *r, int h, int rc, const char *why) {
    if (rc == MN_ENOMEM)
        r->listed[h] = r->host[h]->changed - 1;
    else
        mn_board_tell(r->b, "refused", "{s:s, s:s}", "robot", r->name, "text", why);
}

static void add_skills(mn_actor_robot *r, int h) {
    json_t *manifests = NULL, *one;
    size_t i;
    r->listed[h] = r->host[h]->changed;
    int rc = r->host[h]->ops->list(r->host[h], &manifests);
    if (rc < 0) {
        refuse_skills(r, h, rc, mn_error_detail());
        return;
    }
    json_array_foreach(manifests, i, one) {
        const char *const name = json_string_value(json_object_get(one, "name"));
        const mn_skill *known;
        if (r->skills.n == MN_ROBOT_SKILLS && !mn_skills_find(&r->skills, name ? name : "")) {
            refuse_skills(r, h, MN_EFULL, "too many skills");
            continue;
        }
        if ((rc = mn_skills_add(&r->skills, one)) < 0) {
            refuse_skills(r, h, rc, mn_error_detail());
            continue;
        }
        if ((known = mn_skills_find(&r->skills, name))) r->owner[known - r->skills.skill] = h;
    }
    json_decref(manifests);
}

static void list_skills(mn_actor_robot *r) {
    mn_skills_free(&r->skills);
    memset(&r->skills, 0, sizeof r->skills);
    for (int h = 0; h < r->n_hosts; h++) add_skills(r, h);
}

static int self_json(const mn_actor_robot *r, json_t **out) {
    char machine[64] = "", life[MN_LIFE];
    json_t *const self = json_copy(r->profile), *const skills = json_array();
    int failed = !self || !skills;
    gethostname(machine, sizeof machine - 1);
    mn_board_life(r->b, life);
    for (int i = 0; i < r->skills.n && !failed; i++)
        failed = json_array_append(skills, r->skills.skill[i].json);
    failed = failed || json_object_set_new(self, "format", json_integer(1)) ||
             json_object_set(self, "skills", skills) ||
             json_object_set_new(self, "pid", json_integer(getpid())) ||
             json_object_set_new(self, "life", json_string(life));
    if (!failed && !json_object_get(self, "machine"))
        failed = json_object_set_new(self, "machine", json_string(machine));
    json_decref(skills);
    if (failed) {
        json_decref(self);
        return json_failed();
    }
    *out = self;
    return 0;
}

/* The version of what is there now; 0: nothing. */
static int version_of(mn_board *b, const char *kind, const char *name, uint64_t *version) {
    char key[MN_FLEET_KEY];
    mn_buf value = {0};
    *version = 0;
    MN_TRY(mn_board_key(b, kind, name, key));
    const int rc = b->ops->get(b, key, &value, version);
    mn_buf_free(&value);
    if (rc == 0) *version = 0;
    return rc < 0 ? rc : 0;
}

static int edit_self(mn_actor_robot *r, mn_edits *edits) {
    json_t *self = NULL;
    uint64_t version;
    MN_TRY(version_of(r->b, "robot/", r->name, &version));
    MN_TRY(self_json(r, &self));
    const int rc = mn_edits_put(edits, r->b, "robot/", r->name, self, version);
    json_decref(self);
    return rc;
}

/* Its skills have changed: it says what it can do now. */
static int tell_skills(mn_actor_robot *r) {
    int changed = 0;
    for (int h = 0; h < r->n_hosts; h++) changed |= r->listed[h] != r->host[h]->changed;
    if (!changed || r->phase != ROBOT_IDLE) return 0;
    list_skills(r);
    for (int tries = 0;; tries++) {
        mn_edits edits = {0};
        int rc = edit_self(r, &edits);
        if (rc >= 0) rc = mn_edits_check(&edits, r->b, "lease/", r->name, r->lease);
        if (rc >= 0) rc = mn_edits_commit(&edits, r->b);
        mn_edits_free(&edits);
        if (rc == MN_ECONFLICT && tries < 8) {
            MN_TRY(mn_robot_lease(r));
            continue;
        }
        if (rc < 0)
            r->listed[0] = r->host[0]->changed - 1; /* nobody knows yet: again */
        else
            mn_board_tell(r->b, "skills", "{s:s, s:i}", "robot", r->name, "n", r->skills.n);
        return rc;
    }
}

/* ---- joining ------------------------------------------------------------------------------- */
/* The call of one who had this name before is nobody's now. */
static int edit_old_call(mn_actor_robot *r, mn_edits *edits) {
    json_t *call = NULL;
    uint64_t version = 0;
    int rc = mn_board_get(r->b, "call/", r->name, &call, &version);
    if (rc == MN_ECORRUPT) rc = 0; /* it is replaced */
    MN_TRY(rc);
    const char *const state = json_string_value(json_object_get(call, "state"));
    if (!call || !state)
        rc = (call = json_pack("{s:s}", "state", "idle")) ? 0 : json_failed();
    else if (strcmp(state, "done") && strcmp(state, "failed") && strcmp(state, "idle"))
        rc = json_object_set_new(call, "state", json_string("failed")) ||
                     json_object_set_new(call, "code", json_string("lost")) ||
                     json_object_set_new(call, "text", json_string("the robot began anew"))
                 ? json_failed()
                 : 0;
    if (rc >= 0) rc = mn_edits_put(edits, r->b, "call/", r->name, call, version);
    json_decref(call);
    return rc;
}

static int edit_join(mn_actor_robot *r, mn_edits *edits) {
    json_t *lease = NULL, *mine = NULL;
    uint64_t version = 0;
    json_int_t epoch = 1;
    int rc = mn_board_get(r->b, "lease/", r->name, &lease, &version);
    if (rc == MN_ECORRUPT) rc = 0;
    if (rc > 0) {
        epoch = json_integer_value(json_object_get(lease, "epoch")) + 1;
        rc = lives(r, lease);
    }
    if (rc >= 0) {
        char life[MN_LIFE];
        mn_board_life(r->b, life);
        /* On a board that lost all, epochs begin anew: the time makes it unlike all others. */
        mine = json_pack("{s:I, s:I, s:i, s:s, s:s}", "epoch", epoch, "time",
                         (json_int_t)r->b->ops->time(r->b), "pid", (int)getpid(), "machine", "",
                         "life", life);
        rc = mine ? mn_edits_put(edits, r->b, "lease/", r->name, mine, version) : json_failed();
    }
    json_decref(lease);
    json_decref(mine);
    MN_TRY(rc);
    MN_TRY(edit_self(r, edits));
    MN_TRY(edit_old_call(r, edits));
    return mn_robot_edit_state(r, edits);
}

static int join(mn_actor_robot *r) {
    for (int tries = 0;; tries++) {
        mn_edits edits = {0};
        int rc = edit_join(r, &edits);
        if (rc >= 0) rc = mn_edits_commit(&edits, r->b);
        if (rc >= 0) r->lease = edits.edit[0].version;
        mn_edits_free(&edits);
        if (rc != MN_ECONFLICT || tries == 8) return rc;
    }
}

static void destroy(mn_actor_robot **r) {
    mn_actor_robot *const robot = *r;
    if (!robot) return;
    for (int h = 0; h < robot->n_hosts; h++)
        if (robot->host[h]) robot->host[h]->ops->close(&robot->host[h]);
    mn_skills_free(&robot->skills);
    mn_scene_free(&robot->scene);
    json_decref(robot->profile);
    json_decref(robot->call);
    json_decref(robot->result);
    mn_buf_free(&robot->text);
    mn_skill_end_free(&robot->end);
    mn_free(robot);
    *r = NULL;
}

int mn_actor_robot_join(mn_board *b, const json_t *profile, mn_skill_host *const *hosts,
                        int n_hosts, mn_actor_robot **out) {
    const char *const name = json_string_value(json_object_get(profile, "name"));
    const json_int_t beat = json_integer_value(json_object_get(profile, "beat"));
    mn_actor_robot *r = mn_calloc(1, sizeof *r);
    int rc = r ? 0 : json_failed();
    *out = NULL;
    for (int i = 0; i < n_hosts; i++) {
        mn_skill_host *host = hosts[i];
        if (r && i < MN_ROBOT_HOSTS)
            r->host[r->n_hosts++] = host;
        else
            host->ops->close(&host);
    }
    if (!r) return rc;
    r->b = b;
    r->beat = (uint64_t)(beat >= 1 && beat <= 60000 ? beat : MN_FLEET_BEAT) * 1000000;
    r->state.q[3] = 1;
    r->state.battery = -1;
    memcpy(r->state.frame, "map", 4);
    rc = mn_board_name_check("robot", name ? name : "");
    if (rc >= 0) {
        snprintf(r->name, sizeof r->name, "%s", name);
        if (!(r->profile = json_deep_copy(profile))) rc = json_failed();
    }
    if (rc >= 0) {
        const char *const at = json_string_value(json_object_get(profile, "at"));
        if (at && strlen(at) < sizeof r->state.at) memcpy(r->state.at, at, strlen(at) + 1);
        list_skills(r);
        rc = join(r);
    }
    if (rc < 0) {
        destroy(&r);
        return rc;
    }
    mn_board_tell(b, "joined", "{s:s, s:i}", "robot", r->name, "skills", r->skills.n);
    *out = r;
    return 0;
}

int mn_actor_robot_plug(mn_actor_robot *r, mn_skill_host *host) {
    if (r->n_hosts == MN_ROBOT_HOSTS) {
        host->ops->close(&host);
        return MN_FAIL(MN_EFULL, "robot '%s' has %d skill hosts: no more", r->name, r->n_hosts);
    }
    r->listed[r->n_hosts] = host->changed - 1; /* it is asked at the next step */
    r->host[r->n_hosts++] = host;
    return 0;
}

int mn_actor_robot_fds(const mn_actor_robot *r, int *fds, int cap) {
    int n = 0;
    for (int h = 0; h < r->n_hosts && n < cap; h++) {
        const int fd = r->host[h]->ops->fd(r->host[h]);
        if (fd >= 0) fds[n++] = fd;
    }
    return n;
}

/* ---- the step ------------------------------------------------------------------------------ */
/* Hosts at rest have something to say, too: that their skills are others now, or that they have
 * ended. One that cannot be waited for (fd -1) says nothing then. */
static int hear_hosts(mn_actor_robot *r, uint64_t now, uint64_t *again) {
    for (int h = 0; h < r->n_hosts; h++) {
        mn_skill_host *const host = r->host[h];
        mn_skill_end end = {.ok = 0};
        uint64_t look = UINT64_MAX;
        double progress;
        if (host == r->stuck || (r->phase && host == r->running) || host->ops->fd(host) < 0)
            continue;
        const int rc = host->ops->look(host, now, &look, &progress, &end);
        mn_skill_end_free(&end); /* of a call that nobody waits for */
        MN_TRY(rc);
        if (look < *again) *again = look;
    }
    return 0;
}

int mn_actor_robot_step(mn_actor_robot *r, uint64_t *again) {
    MN_TRY(mn_robot_lease(r));
    const uint64_t now = r->b->ops->now(r->b);
    const int stopped = mn_fleet_stopped(r->b, r->name);
    *again = r->due;
    MN_TRY(stopped);
    const int turned = stopped != r->stopped;
    if (turned) {
        r->stopped = stopped;
        r->due = now;                                    /* its state says so at once */
        if (stopped) mn_robot_cancel(r, "stopped", now); /* before anything is written down */
    }
    MN_TRY(hear_hosts(r, now, again));
    MN_TRY(tell_skills(r));
    const int done = mn_robot_do(r, now, again);
    if (turned) mn_board_tell(r->b, stopped ? "stops" : "moves", "{s:s}", "robot", r->name);
    MN_TRY(done);
    if (now >= r->due) {
        MN_TRY(take_told(r));
        MN_TRY(mn_actor_robot_publish(r));
    }
    if (r->due < *again) *again = r->due;
    return 0;
}

void mn_actor_robot_die(mn_actor_robot **r) {
    destroy(r);
}

void mn_actor_robot_leave(mn_actor_robot **r) {
    mn_actor_robot *const robot = *r;
    if (!robot) return;
    if (!robot->gone) {
        mn_edits edits = {0};
        mn_robot_cancel(robot, "cancelled", robot->b->ops->now(robot->b));
        /* The call is left to the brain, which sees that the lease is not there any more. */
        if (mn_edits_del(&edits, robot->b, "lease/", robot->name, robot->lease) >= 0 &&
            mn_edits_commit(&edits, robot->b) >= 0) {
            mn_board_del(robot->b, "state/", robot->name, 0, 0); /* who is lost has one */
            mn_board_tell(robot->b, "left", "{s:s}", "robot", robot->name);
        }
        mn_edits_free(&edits);
    }
    destroy(r);
}
