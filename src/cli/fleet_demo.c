/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/fleet_demo.c - `omnesia fleet demo`: a kitchen, a brain and three unlike robots, each a
 * process of its own, and a task. What is seen is what would be seen of a fleet of one's own.
 *
 * --kill ROBOT ends that process with SIGKILL while it does something, as a power cut would;
 * --dashboard has `omnesia serve` show it on a page, too.
 */
#include "base/alloc.h"
#include "base/child.h"
#include "base/clock.h"
#include "base/free_port.h"
#include "cli/fleet.h"
#include "cli/objects.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { PORT = 8080 }; /* of the page, unless that is taken */
enum { ROBOTS = 3, ALL = ROBOTS + 2, JOINED_MS = 15000, GONE_MS = 1500, LOOK_MS = 100 };

static const char *const robots[ROBOTS] = {"carrier", "arm", "dual"};
static const char task[] = "put the apple and the cup on the table";

typedef struct demo {
    mn_cli_fleet *f;
    mn_child *robot[ROBOTS], *brain, *server;
    char program[4096], task[16], port[8], page[160];
} demo;

static int ask(demo *d, json_t *call, json_t **out) {
    return mn_cli_fleet_ask(d->f, call, out);
}

/* ---- processes --------------------------------------------------------------------------- */
/* `omnesia fleet VERB ..`, in the region and fleet of this one. */
static int start(demo *d, const char *const *words, mn_child **out) {
    const mn_cli_fleet_options *const o = d->f->o;
    const char *argv[24] = {d->program, "fleet"};
    int n = 2;
    while (*words) argv[n++] = *words++;
    argv[n++] = "--json";
    if (o->fleet) argv[n++] = "--fleet", argv[n++] = o->fleet;
    if (o->region) argv[n++] = "--region", argv[n++] = o->region;
    return mn_child_start(argv, NULL, out);
}

static int start_robot(demo *d, int i) {
    const char *const pace = d->f->o->pace ? d->f->o->pace : "4";
    const char *const words[] = {"join", "--sim", "--name", robots[i], "--pace", pace, NULL};
    return start(d, words, d->robot + i);
}

static int start_brain(demo *d) {
    const mn_cli_fleet_options *const o = d->f->o;
    const char *const plan = o->model ? o->model : o->endpoint;
    const char *const words[] = {"brain", plan ? "--model" : NULL, plan, NULL};
    return start(d, words, &d->brain);
}

/* Also on the page. */
static int start_server(demo *d) {
    const mn_cli_fleet_options *const o = d->f->o;
    int port;
    MN_TRY(mn_free_port(PORT, &port));
    snprintf(d->port, sizeof d->port, "%d", port);
    const char *argv[] = {d->program, "serve",  "--no-memory", "--log",
                          "none",     "--port", d->port,       o->region ? "--region" : NULL,
                          o->region,  NULL};
    return mn_child_start(argv, NULL, &d->server);
}

/* Has one ended that should not have? */
static int check(demo *d) {
    mn_child *const all[ALL] = {d->robot[0], d->robot[1], d->robot[2], d->brain, NULL};
    for (int i = 0, status; i < ALL; i++) {
        if (!all[i] || !mn_child_wait(all[i], 0, &status)) continue;
        return MN_FAIL(MN_EIO, "%s has ended with status %d: %s",
                       i < ROBOTS ? robots[i] : "the brain", status, mn_child_said(all[i]));
    }
    return 0;
}

/* ---- the world --------------------------------------------------------------------------- */
static int keep_key(void *user, const mn_object *object) {
    return mn_buf_append(user, object->key, strlen(object->key) + 1);
}

/* ready: those that have said what they can do, too; before, nobody could plan for them. */
static int count_alive(const json_t *status, int ready) {
    const json_t *one;
    size_t i;
    int n = 0;
    json_array_foreach(json_object_get(status, "robots"), i, one) {
        const char *const state = mn_cli_text_at(one, "state");
        n += strcmp(state, "lost") != 0 && strcmp(state, "left") != 0 &&
             (!ready || json_array_size(json_object_get(one, "skills")));
    }
    return n;
}

/* Robots of an earlier demo are late two heartbeats after it; who lives on is left alone. */
static int wait_for_none(demo *d) {
    const uint64_t until = mn_clock_ns() + GONE_MS * 1000000ull;
    for (;;) {
        json_t *status;
        MN_TRY(ask(d, json_pack("{s:s}", "do", "status"), &status));
        const int alive = count_alive(status, 0);
        json_decref(status);
        if (!alive) return 0;
        if (mn_clock_ns() > until)
            return MN_FAIL(MN_EBUSY,
                           "%d robot%s of the fleet %s %s at work: end %s, or give --fleet another "
                           "name",
                           alive, alive == 1 ? "" : "s", d->f->o->fleet ? d->f->o->fleet : "main",
                           alive == 1 ? "is" : "are", alive == 1 ? "it" : "them");
        usleep(LOOK_MS * 1000);
    }
}

/* What an earlier demo has left goes. */
static int clear(demo *d) {
    mn_cli_fleet *const f = d->f;
    char prefix[128];
    mn_buf keys = {0};
    MN_TRY(wait_for_none(d));
    snprintf(prefix, sizeof prefix, "fleet/%s/", f->o->fleet ? f->o->fleet : "main");
    int rc = mn_object_list(f->region, prefix, keep_key, &keys);
    for (size_t at = 0; rc >= 0 && at < keys.len; at += strlen(keys.data + at) + 1) {
        rc = mn_object_del(f->region, keys.data + at, NULL);
        if (rc == MN_ENOENT) rc = 0;
    }
    mn_buf_free(&keys);
    return rc;
}

static int make_world(demo *d) {
    json_t *told, *call = json_pack("{s:s, s:b}", "do", "world", "simulated", 1);
    if (d->f->o->world) json_object_set_new(call, "path", json_string(d->f->o->world));
    MN_TRY(ask(d, call, &told));
    json_decref(told);
    return 0;
}

/* ---- its course -------------------------------------------------------------------------- */
static int wait_for_all(demo *d) {
    const uint64_t until = mn_clock_ns() + JOINED_MS * 1000000ull;
    for (;;) {
        json_t *status;
        MN_TRY(check(d));
        MN_TRY(ask(d, json_pack("{s:s}", "do", "status"), &status));
        const int there = count_alive(status, 1), brain = json_object_get(status, "brain") != NULL;
        json_decref(status);
        if (there == ROBOTS && brain) return 0;
        if (mn_clock_ns() > until || mn_cli_fleet_ended())
            return MN_FAIL(MN_EIO, "after %d s %d of %d robots have joined, and %s",
                           JOINED_MS / 1000, there, ROBOTS, brain ? "the brain" : "no brain");
        usleep(LOOK_MS * 1000);
    }
}

/* A robot that dies is what the demo is about, whoever kills it: the others go on. One that ended
 * by itself has said why. */
static void bury(demo *d) {
    for (int i = 0, status; i < ROBOTS; i++) {
        if (!d->robot[i] || !mn_child_wait(d->robot[i], 0, &status)) continue;
        if (status < 128)
            fprintf(stderr, "omnesia: %s has ended with status %d: %s\n", robots[i], status,
                    mn_child_said(d->robot[i]));
        mn_child_end(d->robot + i);
    }
}

static int is_busy(const json_t *status, const char *robot) {
    const json_t *one;
    size_t i;
    json_array_foreach(json_object_get(status, "robots"), i, one) {
        if (strcmp(mn_cli_text_at(one, "name"), robot) == 0)
            return strcmp(mn_cli_text_at(one, "state"), "busy") == 0;
    }
    return 0;
}

/* The one that is to die does, once it is busy. */
static int tick(void *user, const json_t *status) {
    demo *const d = user;
    const char *const name = d->f->o->kill;
    for (int i = 0; name && i < ROBOTS; i++)
        if (d->robot[i] && strcmp(robots[i], name) == 0 && is_busy(status, name))
            mn_child_end(d->robot + i);
    bury(d);
    return check(d);
}

static int begin(demo *d, int n, const char *const *words) {
    json_t *told;
    mn_buf text = {0};
    int rc = 0;
    for (int i = 0; rc >= 0 && i < n; i++)
        rc = mn_buf_printf(&text, "%s%s", i ? " " : "", words[i]);
    json_t *const call = json_pack("{s:s, s:s, s:s}", "do", "do", "text",
                                   n && text.data ? text.data : task, "by", "demo");
    if (rc >= 0)
        rc = ask(d, call, &told);
    else
        json_decref(call);
    mn_buf_free(&text);
    MN_TRY(rc);
    snprintf(d->task, sizeof d->task, "%s", mn_cli_text_at(told, "task"));
    json_decref(told);
    return 0;
}

/* Where the page is; why there is none, when its server has ended at once. */
static void find_page(demo *d, mn_cli_course *c) {
    int status;
    if (!d->server) return;
    if (mn_child_wait(d->server, 0, &status)) {
        fprintf(stderr, "omnesia: there is no page: %s\n", mn_child_said(d->server));
        return;
    }
    snprintf(d->page, sizeof d->page, "on a page, too: http://127.0.0.1:%s/page/fleet.html%s%s",
             d->port, d->f->o->fleet ? "?fleet=" : "", d->f->o->fleet ? d->f->o->fleet : "");
    fprintf(stderr, "omnesia: %s\n", d->page);
    c->note = d->page;
    c->stays = 1;
}

static int course(demo *d, int n, const char *const *words) {
    mn_cli_course c = {.tick = tick, .user = d};
    MN_TRY(clear(d));
    MN_TRY(make_world(d));
    MN_TRY(start_brain(d));
    for (int i = 0; i < ROBOTS; i++) MN_TRY(start_robot(d, i));
    if (d->f->o->dashboard) MN_TRY(start_server(d));
    MN_TRY(wait_for_all(d));
    find_page(d, &c);
    MN_TRY(begin(d, n, words));
    return mn_cli_fleet_wait(d->f, d->task, &c);
}

static int known(const char *name) {
    for (int i = 0; i < ROBOTS; i++)
        if (strcmp(robots[i], name) == 0) return 1;
    return 0;
}

int mn_cli_fleet_demo(mn_cli_fleet *f, int n, const char *const *words) {
    demo d = {.f = f};
    const ssize_t length = readlink("/proc/self/exe", d.program, sizeof d.program - 1);
    if (length <= 0) return MN_FAIL(MN_EIO, "it cannot be found where this program is");
    if (f->o->kill && !known(f->o->kill))
        return MN_FAIL(MN_CLI_USAGE, "--kill %s: the demo's robots are carrier, arm and dual",
                       f->o->kill);
    mn_cli_fleet_catch();
    const int rc = course(&d, n, words);
    for (int i = 0; i < ROBOTS; i++) mn_child_end(d.robot + i);
    mn_child_end(&d.brain);
    mn_child_end(&d.server);
    return rc;
}
