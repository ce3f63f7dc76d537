/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/roboos.c - robots of RoboOS come, live and go: each that is listed and listens is a robot
 * actor here, stepped with a host that speaks for it; and the scene is written where RoboOS looks.
 */
#include "fleet/roboos.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/json.h"
#include "fleet/roboos_in.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const uint64_t S = 1000000000, SHOW = 200000000; /* ns */

void roboos_tell(mn_roboos *x, const char *robot, const char *text) {
    char all[512];
    const int n = snprintf(all, sizeof all, "%s: %s", robot, text);
    const uint64_t hash = mn_hash64(all, (size_t)n < sizeof all ? (size_t)n : sizeof all - 1);
    for (unsigned i = 0; i < ROBOOS_TOLD && i < x->n_told; i++)
        if (x->told[i] == hash) return;
    x->told[x->n_told++ % ROBOOS_TOLD] = hash;
    mn_board_tell(x->b, "roboos", "{s:s, s:s}", "robot", robot, "text", text);
}

roboos_robot *roboos_find(const mn_roboos *x, const char *name) {
    for (int i = 0; i < x->n; i++)
        if (!strcmp(x->robot[i]->name, name)) return x->robot[i];
    return NULL;
}

/* ---- who is there ------------------------------------------------------------------------ */
static void forget(roboos_robot **at) {
    roboos_robot *const r = *at;
    mn_actor_robot_die(&r->actor);
    json_decref(r->tools);
    mn_buf_free(&r->sentence);
    mn_skill_end_free(&r->end);
    mn_free(r);
    *at = NULL;
}

static roboos_robot *make(mn_roboos *x, const char *name) {
    if (x->n == ROBOOS_ROBOTS) {
        MN_FAIL(MN_EFULL, "there are %d robots already: this one is left out", ROBOOS_ROBOTS);
        return NULL;
    }
    roboos_robot *const r = mn_calloc(1, sizeof *r);
    if (!r) {
        MN_FAIL(MN_ENOMEM, "no memory for a robot of RoboOS");
        return NULL;
    }
    r->x = x;
    snprintf(r->name, sizeof r->name, "%s", name);
    roboos_host_init(r);
    x->robot[x->n++] = r;
    return r;
}

void roboos_record(mn_roboos *x, const char *name, const char *text, size_t n) {
    const int named = mn_board_name_check("robot", name) >= 0;
    const uint64_t hash = mn_hash64(text, n);
    roboos_robot *r = named ? roboos_find(x, name) : NULL;
    const json_t *tools;
    if (!named) {
        roboos_tell(x, "", "a record in AGENT_INFO has a name that is none");
        return;
    }
    if (r) r->listed = 1;
    if (r && r->hash == hash) return;
    json_t *const record = n <= ROBOOS_RECORD ? json_loadb(text, n, 0, NULL) : NULL;
    if (!record)
        roboos_tell(x, name, "its record in AGENT_INFO is no JSON, or too long");
    else if (roboos_tools_check(record, &tools) < 0)
        roboos_tell(x, name, mn_error_detail());
    else if (!r && !(r = make(x, name)))
        roboos_tell(x, name, mn_error_detail());
    else {
        r->listed = 1;
        r->hash = hash;
        if (!r->tools || !json_equal(r->tools, tools)) {
            json_decref(r->tools);
            r->tools = json_deep_copy(tools);
            r->host.changed++;
        }
    }
    json_decref(record);
}

void roboos_begun(mn_roboos *x, const char *name) {
    roboos_robot *const r = roboos_find(x, name);
    x->look = 0; /* at once */
    if (r) roboos_end(r, "crashed", "the robot began anew while it had this task");
}

static int listens(const roboos_robot *r) {
    return r->listens && mn_clock_ns() - r->listens <= ROBOOS_SILENT * S;
}

static void join(roboos_robot *r) {
    json_t *profile = NULL;
    mn_skill_host *const host = &r->host;
    const char *const busy[] = {"HSET", "AGENT_BUSY", r->name, "0", NULL};
    if (roboos_profile(r, &profile) < 0 ||
        mn_actor_robot_join(r->x->b, profile, &host, 1, &r->actor) < 0)
        roboos_tell(r->x, r->name, mn_error_detail());
    else
        (void)roboos_ask(r->x, ROBOOS_NOTHING, r->name, busy);
    json_decref(profile);
}

static void step_robot(roboos_robot *r, int looked) {
    mn_roboos *const x = r->x;
    uint64_t again;
    if (!r->heard && x->hears) r->heard = roboos_hear(x, "SUBSCRIBE", r->name) >= 0;
    if (!r->actor && looked && r->listed && r->tools && listens(r)) join(r);
    if (!r->actor) return;
    if (!listens(r)) {
        mn_board_tell(x->b, "roboos", "{s:s, s:s}", "robot", r->name, "text",
                      "nobody listens on its channel any more: its heartbeat ends");
        mn_actor_robot_die(&r->actor);
        return;
    }
    const int rc = mn_actor_robot_step(r->actor, &again);
    if (rc == MN_ECANCELLED)
        mn_actor_robot_die(&r->actor); /* it was told; it may come again */
    else if (rc < 0)
        roboos_tell(x, r->name, mn_error_detail());
}

static void step_robots(mn_roboos *x, int looked) {
    for (int i = 0; i < x->n; i++) step_robot(x->robot[i], looked);
    for (int i = x->n; i-- > 0;) {
        roboos_robot *const r = x->robot[i];
        if (r->actor || r->listed || listens(r)) continue;
        if (r->heard) (void)roboos_hear(x, "UNSUBSCRIBE", r->name);
        forget(&x->robot[i]);
        x->robot[i] = x->robot[--x->n];
    }
}

static void ask_all(mn_roboos *x) {
    static const char *const info[] = {"HGETALL", "AGENT_INFO", NULL};
    (void)roboos_ask(x, ROBOOS_INFO, "", info);
    for (int i = 0; i < x->n; i++) {
        char list[MN_NAME + 16];
        snprintf(list, sizeof list, "SHORT_STATUS:%s", x->robot[i]->name);
        const char *const last[] = {"LINDEX", list, "-1", NULL};
        if (x->robot[i]->actor) (void)roboos_ask(x, ROBOOS_STATUS, x->robot[i]->name, last);
    }
}

/* ---- the scene --------------------------------------------------------------------------- */
static int is_place(const mn_thing *t) {
    return t->kind == MN_FURNITURE || (t->kind == MN_OBJECT_KIND && json_array_size(t->holds));
}

/* 0: it lies there so; a failure: later. */
static int show_place(mn_roboos *x, const char *name, const mn_thing *t) {
    mn_buf text = {0};
    json_t *const is = t ? json_pack("{s:s, s:O}", "type", t->class_, "contains", t->holds) : NULL;
    int rc = !t   ? 0
             : is ? mn_json_write(is, JSON_COMPACT, &text)
                  : MN_FAIL(MN_ENOMEM, "no memory for a scene");
    const char *const was = json_string_value(json_object_get(x->shown, name));
    if (rc >= 0 && (!t || !was || strcmp(was, text.data))) {
        const char *const word[] = {t ? "HSET" : "HDEL", "ENVIRONMENT_INFO", name, text.data, NULL};
        rc = x->asked - x->answered > ROBOOS_AWAITED / 2 ? MN_EFULL
                                                         : roboos_ask(x, ROBOOS_NOTHING, "", word);
        if (rc >= 0 && t) json_object_set_new(x->shown, name, json_string(text.data));
    }
    mn_buf_free(&text);
    json_decref(is);
    return rc;
}

static int show_scene(mn_roboos *x) {
    const char *name;
    json_t *value;
    void *next;
    MN_TRY(x->seen ? mn_scene_refresh(x->b, "", &x->scene, NULL)
                   : mn_scene_read(x->b, "", &x->scene, NULL));
    x->seen = 1;
    for (int i = 0; i < x->scene.n_things; i++)
        if (is_place(&x->scene.thing[i]))
            MN_TRY(show_place(x, x->scene.thing[i].name, &x->scene.thing[i]));
    json_object_foreach_safe(x->shown, next, name, value) {
        const mn_thing *const t = mn_scene_thing(&x->scene, name);
        if (t && is_place(t)) continue;
        MN_TRY(show_place(x, name, NULL));
        json_object_del(x->shown, name);
    }
    return 0;
}

/* ---- the loop ---------------------------------------------------------------------------- */
int mn_roboos_open(mn_board *b, const mn_redis_url *at, mn_roboos **out) {
    mn_roboos *x = mn_calloc(1, sizeof *x);
    *out = NULL;
    if (x) x->shown = json_object();
    if (!x || !x->shown) {
        mn_free(x);
        return MN_FAIL(MN_ENOMEM, "no memory for robots of RoboOS");
    }
    x->b = b;
    x->at = *at;
    x->life = mn_clock_ns() * 1000003u ^ (uint64_t)getpid();
    *out = x;
    return 0;
}

void mn_roboos_step(mn_roboos *x, int up) {
    const uint64_t now = mn_clock_ns();
    int looked = 0;
    if (!up && x->says) roboos_unlink(x, NULL);
    if (up && !x->says && now >= x->again && roboos_link(x) < 0)
        roboos_unlink(x, mn_error_detail());
    if (x->says && now >= x->look) {
        ask_all(x);
        x->look = now + S;
        looked = 1;
    }
    step_robots(x, looked);
    if (x->says && now >= x->show) {
        (void)show_scene(x);
        x->show = now + SHOW;
    }
    if (x->says && roboos_carry(x) < 0) roboos_unlink(x, mn_error_detail());
}

void mn_roboos_close(mn_roboos **x) {
    mn_roboos *const all = *x;
    if (!all) return;
    for (int i = 0; i < all->n; i++) mn_actor_robot_leave(&all->robot[i]->actor);
    while (all->n) forget(&all->robot[--all->n]);
    mn_redis_line_close(&all->says);
    mn_redis_line_close(&all->hears);
    mn_scene_free(&all->scene);
    json_decref(all->shown);
    mn_free(all);
    *x = NULL;
}
