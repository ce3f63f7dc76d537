/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/door_run.c - verbs that go on until they are told to end: brain, join, bridge, ros2; and
 * those that need no fleet: sim, skill.
 *
 * What runs sleeps until the board changes; beside it a thread reads the log of events, hands each
 * on, asks ten times a second whether it is to end, and wakes the sleeper when it is.
 */
#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/json.h"
#include "fleet/bridge.h"
#include "fleet/door.h"
#include "fleet/event.h"
#include "fleet/profile.h"
#include "fleet/ros2.h"
#include "fleet/skill_host.h"
#include "fleet/world.h"

#include <math.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

enum { ASK_MS = 100, SKILLS_MS = 10000, HOSTS = 16 };

/* ---- who is told ------------------------------------------------------------------------- */
typedef struct observer {
    const mn_fleet_with *with;
    mn_watcher *watcher;
    mn_drive *drive;
    const char *robot; /* events of it alone; NULL: all */
    volatile int end;
    int over; /* it runs no more */
    int runs; /* it has begun, and may be told to end */
    pthread_t thread;
} observer;

static void wake(const observer *o) {
    const uint64_t one = 1;
    if (write(mn_drive_fd(o->drive), &one, sizeof one) < 0) return; /* it is awake already */
}

/* With its sentence, for mn_free; NULL: it is nobody's business here. */
static char *heard(const observer *o, const char *event) {
    json_t *const json = json_loads(event, 0, NULL);
    const char *const robot = json_string_value(json_object_get(json, "robot"));
    const int is = json_is_object(json) && (!o->robot || (robot && strcmp(robot, o->robot) == 0));
    char *const text =
        is && mn_event_put_line(json) >= 0 ? mn_json_text(json, MN_FLEET_WRITE) : NULL;
    json_decref(json);
    return text;
}

static void *observe(void *user) {
    observer *const o = user;
    mn_change_head head;
    while (!__atomic_load_n(&o->over, __ATOMIC_ACQUIRE) && !o->end) {
        const int rc = mn_watcher_next(o->watcher, ASK_MS, &head);
        const int is = rc > 0 && head.kind == MN_CHANGE_RECORD;
        char *const event = is ? heard(o, head.value) : NULL;
        const int asks = rc <= 0 && __atomic_load_n(&o->runs, __ATOMIC_RELAXED);
        const int ends = event || asks ? o->with->tell(o->with->user, event) : 0;
        mn_free(event);
        if (!ends) continue;
        __atomic_store_n(&o->end, 1, __ATOMIC_RELAXED);
        if (o->drive) wake(o);
    }
    return NULL;
}

/* drives: it is a brain or a robot, which sleeps until it is woken. */
static int observe_begin(mn_fleet_call *c, int drives, const char *robot, observer *o) {
    char key[MN_FLEET_KEY];
    *o = (observer){.with = c->with, .robot = robot, .runs = drives};
    MN_TRY(mn_board_key(c->board, "events", "", key));
    if (drives) MN_TRY(mn_drive_open(c->with->region, c->board, robot, &o->drive));
    int rc = c->with->tell ? mn_watcher_open(c->with->region, key, 1, 0, &o->watcher) : 0;
    if (rc >= 0 && o->watcher && pthread_create(&o->thread, NULL, observe, o)) {
        mn_watcher_close(&o->watcher);
        rc = MN_FAIL(MN_ENOMEM, "no thread can be started to tell what happens");
    }
    if (rc < 0) mn_drive_close(&o->drive);
    return rc;
}

static void observe_end(observer *o) {
    __atomic_store_n(&o->over, 1, __ATOMIC_RELEASE);
    if (o->watcher) pthread_join(o->thread, NULL);
    mn_watcher_close(&o->watcher);
    mn_drive_close(&o->drive);
}

/* Asked by what runs until then: it has begun. */
static int is_over(void *user) {
    observer *const o = user;
    __atomic_store_n(&o->runs, 1, __ATOMIC_RELAXED);
    return __atomic_load_n(&o->end, __ATOMIC_RELAXED);
}

/* ---- brain ------------------------------------------------------------------------------- */
/* An endpoint that is busy is one that does not answer: MN_EBUSY is kept for one that thinks. */
static int ask(void *user, const char *system, const char *text, const char *schema, char **out,
               int tokens[4]) {
    const mn_fleet_call *const c = user;
    char why[512];
    const int rc = c->with->ask(c->with->user, c->args.model, system, text, schema, out, tokens);
    if (rc != MN_EBUSY) return rc;
    snprintf(why, sizeof why, "%s", mn_error_detail());
    return MN_FAIL(MN_EIO, "%s", why);
}

/* A question that a thread asks, so that the brain goes on watching meanwhile. One at a time: who
 * asks while it thinks hears MN_EBUSY. */
typedef struct thought {
    mn_fleet_call *c;
    pthread_t thread;
    int begun, done, rc; /* done: by the thread, the last */
    char *system, *text, *schema, *answer, why[512];
    int tokens[4];
} thought;

static void *think(void *user) {
    thought *const t = user;
    const uint64_t begun = mn_clock_ns();
    t->rc = ask(t->c, t->system, t->text, t->schema, &t->answer, t->tokens);
    if (t->rc < 0) snprintf(t->why, sizeof t->why, "%s", mn_error_detail());
    t->tokens[3] = (int)((mn_clock_ns() - begun) / 1000000) + 1;
    __atomic_store_n(&t->done, 1, __ATOMIC_RELEASE);
    return NULL;
}

static void think_end(thought *t) {
    if (t->begun) pthread_join(t->thread, NULL);
    mn_free(t->system);
    mn_free(t->text);
    mn_free(t->schema);
    mn_free(t->answer);
    *t = (thought){.c = t->c};
}

static int think_begin(thought *t, const char *system, const char *text, const char *schema) {
    t->system = mn_strdup(system);
    t->text = mn_strdup(text);
    t->schema = mn_strdup(schema);
    t->begun = t->system && t->text && t->schema && !pthread_create(&t->thread, NULL, think, t);
    if (t->begun) return MN_FAIL(MN_EBUSY, "the model is thinking");
    think_end(t);
    return MN_FAIL(MN_ENOMEM, "no memory to ask a model");
}

static int ask_beside(void *user, const char *system, const char *text, const char *schema,
                      char **out, int tokens[4]) {
    thought *const t = user;
    if (!t->begun) return think_begin(t, system, text, schema);
    if (!__atomic_load_n(&t->done, __ATOMIC_ACQUIRE))
        return MN_FAIL(MN_EBUSY, "the model is thinking");
    const int same = strcmp(t->schema, schema) == 0; /* else it was another question */
    const int rc = t->rc < 0 ? MN_FAIL(t->rc, "%s", t->why) : 0;
    memcpy(tokens, t->tokens, sizeof t->tokens);
    *out = same ? t->answer : NULL;
    if (same) t->answer = NULL;
    think_end(t);
    return same ? rc : think_begin(t, system, text, schema);
}

static int brain_how(mn_fleet_call *c, mn_brain_how *out) {
    *out = (mn_brain_how){.groups = c->args.groups, .patience = c->args.patience, .user = c};
    if (!c->args.model) return 0;
    if (!c->with->ask) return MN_FAIL(MN_EUNSUPPORTED, "no model can be asked here");
    out->model = c->args.model;
    out->ask = ask;
    return 0;
}

int mn_fleet_verb_brain(void *call) {
    mn_fleet_call *const c = call;
    mn_brain_how how;
    mn_brain *brain;
    observer o;
    thought t = {.c = c};
    MN_TRY(brain_how(c, &how));
    if (how.ask) how.ask = ask_beside, how.user = &t;
    MN_TRY(mn_brain_open(c->board, &how, &brain));
    int rc = observe_begin(c, 1, NULL, &o);
    if (rc >= 0) {
        rc = mn_drive_brain(o.drive, brain, &o.end);
        observe_end(&o);
    }
    mn_brain_close(&brain);
    think_end(&t);
    return rc < 0 ? rc : mn_verb_put(c->result, "said", json_string("the brain has ended"));
}

/* ---- robots ------------------------------------------------------------------------------ */
/* Of a file, or a robot of the world that comes with the program. */
static int read_profile(const mn_fleet_args *a, json_t **out) {
    json_t *world, *one;
    size_t i;
    *out = NULL;
    if (a->path) return mn_profile_read(a->path, out);
    if (!a->name)
        return MN_FAIL(MN_EINVAL,
                       "join needs a profile (a YAML file), or the name of a robot of the "
                       "kitchen that comes with Omnesia");
    MN_TRY(mn_fleet_world_read(NULL, &world));
    mn_buf names = {0};
    json_array_foreach(json_object_get(world, "robots"), i, one) {
        const char *const name = json_string_value(json_object_get(one, "name"));
        mn_buf_printf(&names, "%s%s", i ? ", " : "", name);
        if (strcmp(name, a->name) == 0) *out = json_deep_copy(one);
    }
    const int rc =
        *out ? 0
             : MN_FAIL(MN_ENOENT, "the kitchen has no robot '%s': it has %s", a->name, names.data);
    mn_buf_free(&names);
    json_decref(world);
    return rc;
}

/* A program or a server of its profile, which tells its skills first. */
static int open_host(const json_t *skill, mn_skill_host **out) {
    const json_t *const command = json_object_get(skill, "command");
    const char *argv[64];
    uint64_t memory;
    size_t n = 0;
    *out = NULL;
    if (!command) return mn_skill_host_url(json_string_value(json_object_get(skill, "url")), out);
    for (; n < json_array_size(command) && n < 63; n++)
        argv[n] = json_string_value(json_array_get(command, n));
    argv[n] = NULL;
    MN_TRY(mn_profile_memory(skill, &memory));
    return mn_skill_host_limited(argv, memory, out);
}

/* It goes on living meanwhile. */
static int wait_for_skills(mn_actor_robot *r, mn_skill_host *host) {
    int there = 0;
    for (int ms = 0; !there && ms < SKILLS_MS; ms += MN_FLEET_BEAT / 5) {
        there = mn_skill_host_wait(host, MN_FLEET_BEAT / 5);
        if (there >= 0) MN_TRY(mn_actor_robot_publish(r));
    }
    return there;
}

static int plug_programs(mn_actor_robot *r, const json_t *profile) {
    json_t *skill;
    size_t i;
    json_array_foreach(json_object_get(profile, "skills"), i, skill) {
        mn_skill_host *host;
        if (!json_is_object(skill)) continue;
        MN_TRY(open_host(skill, &host));
        const int there = wait_for_skills(r, host);
        if (there <= 0) {
            char why[600];
            snprintf(why, sizeof why, "%s", mn_error_detail());
            host->ops->close(&host);
            return there < 0 ? MN_FAIL(there, "%s", why)
                             : MN_FAIL(MN_EIO, "skills/%zu has not told its skills after %d s", i,
                                       SKILLS_MS / 1000);
        }
        MN_TRY(mn_actor_robot_plug(r, host));
    }
    return 0;
}

static int plug(mn_fleet_call *c, mn_actor_robot *r, const json_t *profile) {
    mn_skill_host *host;
    MN_TRY(plug_programs(r, profile));
    if (!c->args.simulated) return 0;
    MN_TRY(mn_sim_body_open(c->board, mn_actor_robot_name(r), (uint64_t)c->args.seed, c->args.pace,
                            c->args.fail, mn_actor_robot_state(r), &host));
    return mn_actor_robot_plug(r, host);
}

int mn_fleet_verb_join(void *call) {
    mn_fleet_call *const c = call;
    mn_actor_robot *robot = NULL;
    json_t *profile;
    observer o;
    MN_TRY(read_profile(&c->args, &profile));
    int rc = c->args.name ? mn_verb_put(profile, "name", json_string(c->args.name)) : 0;
    if (rc >= 0) rc = mn_actor_robot_join(c->board, profile, NULL, 0, &robot);
    if (rc >= 0) rc = plug(c, robot, profile);
    if (rc >= 0) rc = mn_verb_put(c->result, "robot", json_string(mn_actor_robot_name(robot)));
    if (rc >= 0) rc = observe_begin(c, 1, mn_actor_robot_name(robot), &o);
    if (rc >= 0) {
        rc = mn_drive_robot(o.drive, robot, c->args.hz, &o.end);
        observe_end(&o);
    }
    char why[600]; /* leaving says something itself, and may have to say it twice */
    if (rc < 0) snprintf(why, sizeof why, "%s", mn_error_detail());
    if (robot) mn_actor_robot_leave(&robot);
    json_decref(profile);
    return rc < 0 ? MN_FAIL(rc, "%s", why) : rc;
}

/* ---- simulations ------------------------------------------------------------------------- */
typedef struct simulating {
    mn_fleet_call *c;
    int end; /* who is told said so */
} simulating;

/* What the model was asked is a part of the result: "model": [a report each]. */
static void keep_model(const mn_fleet_call *c, const json_t *event) {
    const char *const kind = json_string_value(json_object_get(event, "kind"));
    json_t *list = json_object_get(c->result, "model");
    if (!kind || strcmp(kind, "model") != 0) return;
    if (!list) json_object_set_new(c->result, "model", list = json_array());
    json_array_append(list, json_object_get(event, "model"));
}

/* "t" is the simulation's own, from 0. */
static void tell_event(void *user, double t, const json_t *event) {
    simulating *const s = user;
    const mn_fleet_call *const c = s->c;
    keep_model(c, event);
    json_t *const one = json_copy((json_t *)event);
    if (one) json_object_set_new(one, "t", json_integer((json_int_t)(t * 1e6 + 0.5)));
    const int said = one && mn_event_put_line(one) >= 0;
    char *const text = said ? mn_json_text(one, MN_FLEET_WRITE) : NULL;
    if (text && c->with->tell && c->with->tell(c->with->user, text)) s->end = 1;
    mn_free(text);
    json_decref(one);
}

/* Milliseconds are enough. */
static double rounded(double seconds) {
    return round(seconds * 1000) / 1000;
}

static int put_result(mn_fleet_call *c, const mn_sim_result *r) {
    json_t *const o =
        json_pack("{s:b, s:f, s:i, s:i, s:i, s:i, s:b, s:f, s:I, s:s}", "reached", r->reached,
                  "makespan", rounded(r->makespan), "steps", r->steps, "replans", r->replans,
                  "replanned", r->replanned, "failed_subtree", r->failed_subtree, "valid", r->valid,
                  "planned", rounded(r->planned), "seed", (json_int_t)r->seed, "why", r->why);
    const int bad = !o || json_object_update(c->result, o) < 0;
    json_decref(o);
    return bad ? MN_FAIL(MN_ENOMEM, "no memory for a result") : 0;
}

int mn_fleet_verb_sim(void *call) {
    mn_fleet_call *const c = call;
    mn_brain_how brain;
    json_t *world = NULL;
    mn_sim_result result;
    simulating s = {.c = c};
    char *task = NULL;
    MN_TRY(brain_how(c, &brain));
    if (c->args.path)
        MN_TRY(mn_fleet_world_read(c->args.path, &world));
    else if (!c->args.text)
        MN_TRY(mn_fleet_world_make((uint64_t)c->args.seed, c->args.robots ? (int)c->args.robots : 3,
                                   &world, &task));
    const mn_sim_how how = {.world = world,
                            .robots = (int)c->args.robots,
                            .seed = (uint64_t)c->args.seed,
                            .kill = c->args.kill,
                            .kill_at = c->args.at,
                            .fail = c->args.fail,
                            .brain = &brain,
                            .tell = tell_event,
                            .end = &s.end,
                            .user = &s};
    int rc = c->args.text || task
                 ? mn_sim_run(&how, c->args.text ? c->args.text : task, &result)
                 : MN_FAIL(MN_EINVAL, "sim needs a task: \"put the apple on the table\"");
    if (rc >= 0 && task) rc = mn_verb_put(c->result, "task", json_string(task));
    if (rc >= 0) rc = put_result(c, &result);
    mn_free(task);
    json_decref(world);
    return rc;
}

/* ---- skills ------------------------------------------------------------------------------ */
int mn_fleet_verb_skill(void *call) {
    mn_fleet_call *const c = call;
    const mn_fleet_args *const a = &c->args;
    mn_buf said = {0};
    if (strcmp(a->kind, "host") == 0) return mn_skill_serve(a->name, STDIN_FILENO, STDOUT_FILENO);
    int rc = mn_skill_new(a->name, a->action ? "ros2" : a->language, a->action, a->folder, &said);
    if (rc >= 0)
        rc = mn_verb_put(c->result, "said", json_stringn(said.data ? said.data : "", said.len));
    mn_buf_free(&said);
    return rc;
}

/* ---- others ------------------------------------------------------------------------------ */
int mn_fleet_verb_bridge(void *call) {
    mn_fleet_call *const c = call;
    mn_buf said = {0};
    char own[41] = ""; /* as long as a machine's name may be, and up to its first dot */
    observer o;
    gethostname(own, sizeof own - 1);
    own[strcspn(own, ".")] = 0;
    MN_TRY(observe_begin(c, 0, NULL, &o));
    const int rc = mn_bridge_run(c->board, c->args.url, c->args.machine ? c->args.machine : own,
                                 c->args.roboos, is_over, &o, &said);
    observe_end(&o);
    mn_buf_free(&said);
    return rc < 0 ? rc : mn_verb_put(c->result, "said", json_string("the bridge has ended"));
}

int mn_fleet_verb_ros2(void *call) {
    mn_fleet_call *const c = call;
    mn_buf said = {0};
    observer o;
    MN_TRY(observe_begin(c, 0, NULL, &o));
    const int rc = mn_ros2_run(c->board, c->args.path, (int)c->args.domain, is_over, &o, &said);
    observe_end(&o);
    mn_buf_free(&said);
    return rc < 0 ? rc : mn_verb_put(c->result, "said", json_string("ROS 2 has been left"));
}
