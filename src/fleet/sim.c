/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/sim.c - a whole fleet in one thread, in its own time: the same robots and the same brain as
 * in real processes, on the board of sim_board.c, with simulated bodies that act on the truth in
 * sim/. Whoever wants to be called soonest is called, and time is what he asked for. All that
 * happens follows from the world, the task and one number.
 *
 * A robot that is killed ends between two of its steps, as kill -9 would end it: nothing is said.
 * What its body held falls, in the truth, where it stood. The result is read from the truth.
 */
#include "base/alloc.h"
#include "base/error.h"
#include "fleet/brain_inside.h"
#include "fleet/sim_board.h"
#include "fleet/world.h"

#include <stdio.h>
#include <string.h>

static const uint64_t SECOND = 1000000000;

/* ---- the fleet ----------------------------------------------------------------------------- */
/* Robot i of the world, or one more like those it has. */
static int profile_of(const json_t *robots, int i, json_t **out) {
    const size_t n = json_array_size(robots);
    char name[MN_NAME + 1];
    json_t *const p = json_deep_copy(json_array_get(robots, (size_t)i % n));
    if (!p) return mn_brain_no_memory();
    snprintf(name, sizeof name, "%.50s_%d", mn_brain_field(p, "name"), i / (int)n + 1);
    if ((size_t)i >= n && json_object_set_new(p, "name", json_string(name))) {
        json_decref(p);
        return mn_brain_no_memory();
    }
    *out = p;
    return 0;
}

/* The world with as many robots as were asked for. */
static int people(const mn_sim_how *how, json_t *world) {
    const json_t *const has = json_object_get(world, "robots");
    const int n = (int)json_array_size(has), want = how->robots ? how->robots : n;
    if (!n || want < 1 || want > SIM_ROBOTS)
        return MN_FAIL(
            MN_EINVAL,
            "a simulated fleet has 1 to %d robots, made like those of its world: %d were "
            "asked for, the world has %d",
            (int)SIM_ROBOTS, want, n);
    json_t *const robots = json_array();
    int rc = robots ? 0 : mn_brain_no_memory();
    for (int i = 0; i < want && rc >= 0; i++) {
        json_t *p = NULL;
        rc = profile_of(has, i, &p);
        if (rc >= 0 && json_array_append_new(robots, p)) rc = mn_brain_no_memory();
    }
    if (rc >= 0) rc = mn_brain_set(world, "robots", json_incref(robots));
    json_decref(robots);
    return rc;
}

static int join(sim *s, const json_t *profile) {
    sim_robot *const r = &s->robot[s->n];
    mn_skill_host *host = NULL;
    uint64_t seed = s->how->seed ^ (uint64_t)(s->n + 1) << 32;
    const int slow = s->how->slow && !strcmp(s->how->slow, mn_brain_field(profile, "name"));
    const double pace = slow && s->how->slow_by > 0 ? 1 / s->how->slow_by : 1;
    snprintf(r->name, sizeof r->name, "%s", mn_brain_field(profile, "name"));
    MN_TRY(mn_actor_robot_join(&s->board, profile, NULL, 0, &r->robot));
    s->n++;
    MN_TRY(mn_sim_body_open(&s->board, r->name, mn_random_mix(&seed), pace, s->how->fail,
                            mn_actor_robot_state(r->robot), &host));
    MN_TRY(mn_actor_robot_plug(r->robot, host));
    MN_TRY(mn_actor_robot_publish(r->robot)); /* where its body is */
    return mn_actor_robot_step(r->robot, &r->due);
}

static int populate(sim *s) {
    json_t *world = NULL, *one;
    size_t i;
    int rc;
    if (s->how->world)
        rc = (world = json_deep_copy(s->how->world)) ? 0 : mn_brain_no_memory();
    else
        rc = mn_fleet_world_read(NULL, &world);
    if (rc >= 0) rc = people(s->how, world);
    if (rc >= 0) rc = mn_fleet_world_put(&s->board, world, "");
    if (rc >= 0) rc = mn_fleet_world_put(&s->board, world, "sim/");
    json_array_foreach(json_object_get(world, "robots"), i, one) {
        const int late = s->how->late && !strcmp(s->how->late, mn_brain_field(one, "name"));
        if (late && !s->late) s->late = json_incref(one);
        if (!late && rc >= 0) rc = join(s, one);
    }
    json_decref(world);
    return rc;
}

static sim_robot *find(sim *s, const char *name) {
    for (int i = 0; i < s->n && name; i++)
        if (strcmp(s->robot[i].name, name) == 0) return &s->robot[i];
    return NULL;
}

/* ---- death --------------------------------------------------------------------------------- */
/* What it held falls in the truth: to where it stood, when there is room, else into the room. */
static int drop_truth(sim *s, const sim_robot *r, const char *at) {
    mn_scene truth = {0};
    int rc = mn_scene_read(&s->board, "sim/", &truth, NULL);
    const mn_thing *const stood = rc < 0 ? NULL : mn_scene_thing(&truth, at);
    const int holds = stood && (stood->kind == MN_FURNITURE || stood->kind == MN_ROOM);
    const mn_thing *const place = holds ? stood : NULL; /* nothing lies on a door */
    const char *room = rc < 0 ? "" : mn_scene_room(&truth, place ? at : r->name);
    if (!*room && stood && stood->kind == MN_DOOR) room = stood->joins[0];
    for (int i = 0; i < truth.n_things && !*room; i++)
        if (truth.thing[i].kind == MN_ROOM) room = truth.thing[i].name;
    for (int i = 0; i < truth.n_things && rc >= 0; i++) {
        const int closes = place && (place->kind == MN_ROOM || place->open >= 0);
        mn_move m = {.thing = truth.thing[i].name,
                     .from = r->name,
                     .to = place ? place->name : room,
                     .how = place && !closes ? "on" : "in"};
        if (strcmp(truth.thing[i].at, r->name)) continue;
        rc = mn_scene_move(&s->board, "sim/", NULL, &m);
        if (rc == MN_EFULL || rc == MN_EINVAL || rc == MN_ENOENT) {
            m.to = room;
            m.how = "in";
            rc = mn_scene_move(&s->board, "sim/", NULL, &m);
        }
    }
    mn_scene_free(&truth);
    return rc < 0 ? rc : 0;
}

static int kill_robot(sim *s, sim_robot *r) {
    char at[64] = "";
    s->kill = SIM_NEVER;
    if (!r->robot) return 0;
    snprintf(at, sizeof at, "%s", mn_actor_robot_state(r->robot)->at);
    mn_actor_robot_die(&r->robot);
    r->due = SIM_NEVER;
    if (s->how->tell) {
        json_t *const event = json_pack("{s:s, s:s}", "kind", "killed", "robot", r->name);
        s->how->tell(s->how->user, (double)(s->now - s->start) * 1e-9, event);
        json_decref(event);
    }
    return drop_truth(s, r, at);
}

static int join_late(sim *s) {
    s->joins = SIM_NEVER;
    return join(s, s->late);
}

/* As kill -9: its lease runs out. */
static void kill_brain(sim *s) {
    s->brain_dies = SIM_NEVER;
    mn_brain_die(&s->brain);
    s->brain_due = s->now + SECOND;
}

/* ---- the loop ------------------------------------------------------------------------------ */
static int step_robot(sim *s, int i) {
    sim_robot *const r = &s->robot[i];
    r->due = SIM_NEVER;
    uint64_t due = 0;
    const int rc = mn_actor_robot_step(r->robot, &due);
    if (rc == MN_ECANCELLED) {
        mn_actor_robot_leave(&r->robot);
        return 0;
    }
    r->due = due > s->now ? due : s->now + 1000;
    return rc;
}

static int step_brain(sim *s) {
    uint64_t due = 0;
    if (!s->brain) { /* the last one died */
        const int rc = mn_brain_open(&s->board, s->how->brain, &s->brain);
        s->brain_due = s->now + SECOND / 4;
        if (rc == MN_EBUSY) return 0;
        MN_TRY(rc);
    }
    MN_TRY(mn_brain_step(s->brain, &due));
    s->brain_due = due > s->now ? due : s->now + 1000;
    return 0;
}

static int has_ended(sim *s) {
    json_t *task = NULL;
    if (!s->look) return 0;
    s->look = 0;
    MN_TRY(mn_board_get(&s->board, "task/", s->id, &task, NULL));
    const int ended = task && !mn_brain_is(task, "planning") && !mn_brain_is(task, "running");
    json_decref(task);
    return ended;
}

/* Who is next; among equals one of them. */
static int next(sim *s, uint64_t *due) {
    int who = SIM_BRAIN;
    *due = s->brain_due;
    for (int i = 0; i < s->n; i++) {
        if (!s->robot[i].robot || s->robot[i].due > *due) continue;
        if (s->robot[i].due == *due && mn_random_u64(&s->random) & 1) continue;
        *due = s->robot[i].due;
        who = i;
    }
    return who;
}

static int run(sim *s) {
    const double limit = s->how->limit > 0 ? s->how->limit : 3600;
    const uint64_t last = s->start + (uint64_t)(limit * 1e9);
    for (;;) {
        uint64_t due;
        const int who = next(s, &due);
        if (s->how->end && *s->how->end)
            return MN_FAIL(MN_ECANCELLED, "the simulation was ended after %.1f s of its time",
                           (double)(s->now - s->start) * 1e-9);
        if (due > last)
            return MN_FAIL(MN_ETOOLONG, "the task was not done in %g s of the fleet's time", limit);
        if (s->kill <= due) {
            mn_sim_clock(s, s->kill);
            MN_TRY(kill_robot(s, find(s, s->how->kill)));
            continue;
        }
        if (s->joins <= due) {
            mn_sim_clock(s, s->joins);
            MN_TRY(join_late(s));
            continue;
        }
        if (s->brain_dies <= due) {
            mn_sim_clock(s, s->brain_dies);
            kill_brain(s);
            continue;
        }
        mn_sim_clock(s, due);
        s->acting = who;
        MN_TRY(who == SIM_BRAIN ? step_brain(s) : step_robot(s, who));
        s->acting = -1;
        const int ended = has_ended(s);
        if (ended) return ended < 0 ? ended : 0;
    }
}

/* ---- the result ---------------------------------------------------------------------------- */
static int count_in(const json_t *list, const char *name) {
    json_t *one;
    size_t i;
    int n = 0;
    json_array_foreach(list, i, one) n += strcmp(json_string_value(one), name) == 0;
    return n;
}

static int count_lost(const mn_scene *s) {
    int lost = 0;
    for (int i = 0; i < s->n_things; i++) {
        int lists = 0;
        if (s->thing[i].kind != MN_OBJECT_KIND) continue;
        for (int p = 0; p < s->n_things; p++)
            lists += count_in(s->thing[p].holds, s->thing[i].name);
        for (int r = 0; r < s->n_robots; r++)
            lists += count_in(s->robot[r].holds, s->thing[i].name);
        lost += lists != 1;
    }
    return lost;
}

static void read_task(sim *s, const json_t *task) {
    mn_sim_result *const out = s->out;
    json_t *step;
    size_t i;
    json_array_foreach(json_object_get(task, "steps"), i, step) out->steps +=
        mn_brain_is(step, "done");
    out->replans = mn_brain_number(task, "replans");
    out->relieved = mn_brain_number(task, "relieved");
    out->replanned = mn_brain_number(task, "replanned");
    out->failed_subtree = mn_brain_number(task, "failed_subtree");
    out->planned = json_number_value(json_object_get(task, "planned"));
    out->makespan = (double)(s->now - s->start) * 1e-9;
    out->valid = !s->invalid;
    if (!*out->why && !mn_brain_is(task, "done"))
        snprintf(out->why, sizeof out->why, "%s", mn_brain_field(task, "why"));
}

static int judge(sim *s, const json_t *goals) {
    mn_scene truth = {0};
    mn_goals g = {.n = 0};
    json_t *task = NULL;
    int rc = mn_board_get(&s->board, "task/", s->id, &task, NULL);
    if (rc >= 0) rc = mn_scene_read(&s->board, "sim/", &truth, NULL);
    if (!goals) goals = json_object_get(task, "goals");
    if (rc >= 0 && goals) rc = mn_goals_parse(&truth, goals, &g); /* none: it was not understood */
    if (rc >= 0 && goals) s->out->reached = mn_goals_reached(&truth, &g) == g.n;
    if (rc >= 0) s->out->lost = count_lost(&truth);
    if (task) read_task(s, task);
    json_decref(task);
    mn_goals_free(&g);
    mn_scene_free(&truth);
    return rc < 0 ? rc : 0;
}

/* The goals, as they are understood before anything has moved; none, where that is left to a model:
 * what it understood is what the task says. */
static int goals_of(sim *s, const char *task, json_t **out) {
    mn_scene scene = {0};
    mn_goals g = {.n = 0};
    int rc = mn_scene_read(&s->board, "", &scene, NULL);
    if (rc >= 0) rc = mn_goals_read(&scene, task, &g);
    if (rc >= 0 && !(*out = mn_goals_write(&g))) rc = mn_brain_no_memory();
    mn_goals_free(&g);
    mn_scene_free(&scene);
    return rc == MN_EINVAL && s->how->brain && s->how->brain->ask ? 0 : rc;
}

static int run_task(sim *s, const char *task) {
    json_t *goals = NULL;
    int rc = goals_of(s, task, &goals);
    if (rc >= 0) {
        rc = run(s);
        if (rc == MN_ETOOLONG) {
            snprintf(s->out->why, sizeof s->out->why, "%s", mn_error_detail());
            rc = 0;
        }
        if (rc >= 0) rc = judge(s, goals);
    }
    json_decref(goals);
    return rc;
}

static int no_robot(const sim *s, const char *name) {
    mn_buf names = {0};
    for (int i = 0; i < s->n; i++) mn_buf_printf(&names, "%s%s", i ? ", " : "", s->robot[i].name);
    const int rc = MN_FAIL(MN_EINVAL, "there is no robot '%s' to kill: there %s %s", name,
                           s->n == 1 ? "is" : "are", names.len ? (const char *)names.data : "none");
    mn_buf_free(&names);
    return rc;
}

static int simulate(sim *s, const char *task) {
    mn_sim_clock(s, SECOND);
    s->start = s->now;
    MN_TRY(populate(s));
    if (s->how->kill && !find(s, s->how->kill)) return no_robot(s, s->how->kill);
    if ((s->how->slow && !find(s, s->how->slow)) || (s->how->late && !s->late))
        return MN_FAIL(MN_EINVAL, "there is no robot that is to be slow or late");
    if (s->how->kill && s->how->kill_at >= 0)
        s->kill = s->start + (uint64_t)(s->how->kill_at * 1e9);
    if (s->late) s->joins = s->start + (uint64_t)(s->how->joins * 1e9);
    if (s->how->brain_dies > 0) s->brain_dies = s->start + (uint64_t)(s->how->brain_dies * 1e9);
    MN_TRY(mn_brain_open(&s->board, s->how->brain, &s->brain));
    MN_TRY(mn_fleet_ask(&s->board, task, "sim", 0, s->id));
    s->brain_due = s->now;
    return run_task(s, task);
}

int mn_sim_run(const mn_sim_how *how, const char *task, mn_sim_result *out) {
    sim *s = mn_calloc(1, sizeof *s);
    *out = (mn_sim_result){.seed = how->seed};
    if (!s) return mn_brain_no_memory();
    s->how = how;
    s->out = out;
    int rc = mn_sim_board(s);
    if (rc >= 0) rc = simulate(s, task);
    for (int i = 0; i < s->n; i++) mn_actor_robot_die(&s->robot[i].robot);
    mn_brain_die(&s->brain);
    json_decref(s->late);
    if (s->heap) mn_board_close(&s->heap);
    mn_free(s);
    return rc;
}
