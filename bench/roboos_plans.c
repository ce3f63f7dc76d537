/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/roboos_plans.c - generated tasks, done by simulated fleets: step by step, as the plan
 * waits, and in ordered groups, as RoboOS does it; then with a robot that dies and skills that
 * fail.
 *
 * TASKS tasks for each size of a fleet. The makespan is the fleet's own time, from the plan to the
 * last step, and everything follows from the seed. The same plan is dispatched in three ways, so
 * what differs is only who waits for whom. RoboOS' prompt wants subtasks of one tool call each, one
 * for each robot and order number; all of a number end before the next begin. It also wants them
 * "not too simple": so runs, where a robot does all in one subtask that needs nobody else, are
 * measured beside. Nothing is charged for its polling of busy flags (0.5 s), or for its model.
 *
 * Relief: one robot SLOWER times slower than it says, or one that joins after LATER seconds; what
 * the brain does about it, against a brain that lets everybody keep his steps.
 *
 * What can still be reached after a death is decided without the planner (bench/roboos_reach.h).
 */
#include "bench/roboos.h"
#include "bench/roboos_reach.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/random.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TASKS = 50, LEAST = 3, MOST = 6, RUNS = TASKS * (MOST - LEAST + 1) };
#define FAILS 0.03 /* of all skills, beside the robot that dies */

static uint64_t seed_of(const mn_roboos *b, int robots, int i) {
    return b->o->seed + (uint64_t)(1000 * robots + i);
}

/* ---- plans --------------------------------------------------------------------------------- */
enum { STEP_BY_STEP, STEPS, RUNS_, WAYS };
typedef struct plans {
    int runs, reached, valid, n;
    double ratio[WAYS][RUNS], ms[RUNS]; /* of [n] tasks: to STEPS and to RUNS_; to plan */
} plans;

static int by_size(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* ms for a plan by the rules: the scene is read, the sentence understood. */
static int time_plan(const json_t *world, const char *task, double *ms) {
    mn_roboos_world w;
    mn_goals g = {.n = 0};
    mn_fleet_plan p = {.n = 0};
    MN_TRY(mn_roboos_world_open(world, &w));
    int rc = mn_goals_read(&w.scene, task, &g);
    const uint64_t began = mn_clock_ns();
    if (rc >= 0) rc = mn_fleet_plan_make(&w.scene, &g, NULL, &p);
    *ms = (double)(mn_clock_ns() - began) * 1e-6;
    mn_fleet_plan_free(&p);
    mn_goals_free(&g);
    mn_roboos_world_close(&w);
    return rc < 0 ? rc : 0;
}

static int all_ways(const mn_roboos *b, int robots, int i, plans *all) {
    json_t *world;
    char *task;
    double took[WAYS];
    const mn_brain_how how[WAYS] = {
        {.groups = 0}, {.groups = MN_GROUPS_OF_STEPS}, {.groups = MN_GROUPS_OF_RUNS}};
    MN_TRY(mn_fleet_world_make(seed_of(b, robots, i), robots, &world, &task));
    int rc = time_plan(world, task, &all->ms[all->n]);
    for (int k = 0; k < WAYS && rc >= 0; k++) {
        const mn_sim_how sim = {.world = world, .seed = seed_of(b, robots, i), .brain = &how[k]};
        mn_sim_result is;
        rc = mn_sim_run(&sim, task, &is);
        if (rc < 0) break;
        all->runs++;
        all->reached += is.reached != 0;
        all->valid += is.valid != 0;
        took[k] = is.makespan;
        if (k) all->ratio[k][all->n] = took[STEP_BY_STEP] / took[k];
    }
    all->n += rc >= 0;
    json_decref(world);
    mn_free(task);
    return rc;
}

static int say(const mn_roboos *b, const char *row, int robots, const char *what, const char *unit,
               double value, double bar, int at_least) {
    char text[112];
    snprintf(text, sizeof text, "%d robots, %s", robots, what);
    return mn_roboos_say(b, row, robots ? text : what, unit, value, bar, at_least);
}

static double mean(const double *x, int n) {
    double sum = 0;
    for (int i = 0; i < n; i++) sum += x[i];
    return n ? sum / n : 0;
}

static int say_plans(const mn_roboos *b, int robots, plans *p) {
    for (int k = STEPS; k < WAYS; k++) qsort(p->ratio[k], (size_t)p->n, sizeof(double), by_size);
    qsort(p->ms, (size_t)p->n, sizeof(double), by_size);
    const double *const steps = p->ratio[STEPS], *const runs = p->ratio[RUNS_];
    const char *const row = "plans";
    MN_TRY(say(b, row, robots, "DAG / groups, mean", "x", mean(steps, p->n), 0.75, 0));
    MN_TRY(say(b, row, robots, "DAG / groups, median", "x", steps[p->n / 2], 0, 0));
    MN_TRY(say(b, row, robots, "DAG / groups, worst", "x", steps[p->n - 1], 0, 0));
    MN_TRY(say(b, row, robots, "DAG / groups of runs, mean", "x", mean(runs, p->n), 0, 0));
    MN_TRY(say(b, row, robots, "DAG / groups of runs, median", "x", runs[p->n / 2], 0, 0));
    MN_TRY(say(b, row, robots, "valid", "%", 100.0 * p->valid / p->runs, 100, 1));
    MN_TRY(say(b, row, robots, "reached", "%", 100.0 * p->reached / p->runs, 100, 1));
    MN_TRY(say(b, row, robots, "a plan takes, median", "ms", p->ms[p->n / 2], 0, 0));
    return say(b, row, robots, "a plan takes, longest", "ms", p->ms[p->n - 1], 0, 0);
}

/* The kitchen, and 20 things that 6 robots put elsewhere: the median of some rounds. */
static int median_plan(const json_t *world, const char *task, double *ms) {
    double round[9];
    for (int i = 0; i < 9; i++) MN_TRY(time_plan(world, task, &round[i]));
    qsort(round, 9, sizeof *round, by_size);
    *ms = round[4];
    return 0;
}

static int time_kitchen(double *ms) {
    json_t *world;
    MN_TRY(mn_fleet_world_read(NULL, &world));
    const int rc = median_plan(world, "put the apple and the cup on the table", ms);
    json_decref(world);
    return rc;
}

static int time_twenty(const mn_roboos *b, double *ms) {
    json_t *world;
    char *task;
    mn_buf text = {0};
    MN_TRY(mn_fleet_world_make(seed_of(b, MOST, 0), MOST, &world, &task));
    mn_free(task);
    json_t *const objects = json_object_get(world, "objects");
    const json_t *const all = json_object_get(world, "furniture");
    const json_t *at[64];
    int n = 0, rc = 0;
    for (size_t i = 0; i < json_array_size(all) && n < 64; i++)
        if (json_integer_value(json_object_get(json_array_get(all, i), "room_for")) == 12)
            at[n++] = json_array_get(all, i);
    json_array_clear(objects);
    for (int i = 0; i < 20 && rc >= 0; i++) {
        char name[24];
        const json_t *const from = at[i % n], *const to = at[(i + 1 + i / n) % n];
        snprintf(name, sizeof name, "thing%d", i + 1);
        json_array_append_new(objects, json_pack("{s:s, s:O, s:f}", "name", name,
                                                 json_object_get(from, "open") ? "in" : "on",
                                                 json_object_get(from, "name"), "mass", 0.5));
        rc = mn_buf_printf(&text, "%sput the %s on the %s", i ? ". " : "", name,
                           json_string_value(json_object_get(to, "name")));
    }
    if (rc >= 0) rc = mn_fleet_world_check("a made world", world, NULL);
    if (rc >= 0) rc = median_plan(world, text.data, ms);
    mn_buf_free(&text);
    json_decref(world);
    return rc;
}

int mn_roboos_plans(mn_roboos *b) {
    static plans all, one;
    double kitchen, twenty;
    all.n = all.runs = all.reached = all.valid = 0;
    for (int robots = LEAST; robots <= MOST; robots++) {
        one.n = one.runs = one.reached = one.valid = 0;
        for (int i = 0; i < TASKS; i++) MN_TRY(all_ways(b, robots, i, &one));
        for (int k = STEPS; k < WAYS; k++)
            memcpy(all.ratio[k] + all.n, one.ratio[k], (size_t)one.n * sizeof(double));
        memcpy(all.ms + all.n, one.ms, (size_t)one.n * sizeof(double));
        all.n += one.n;
        all.runs += one.runs;
        all.valid += one.valid;
        all.reached += one.reached;
        MN_TRY(say_plans(b, robots, &one));
    }
    MN_TRY(say_plans(b, 0, &all));
    MN_TRY(time_kitchen(&kitchen));
    MN_TRY(say(b, "plans", 0, "a plan for the kitchen, median of 9", "ms", kitchen, 5, 0));
    MN_TRY(time_twenty(b, &twenty));
    return say(b, "plans", 0, "6 robots, 20 things, median of 9", "ms", twenty, 100, 0);
}

/* ---- recovery ------------------------------------------------------------------------------ */
typedef struct recovery {
    int runs, reached, lost, killed; /* of tasks that can still be reached */
    int hopeless, anyway;            /* of those that cannot; reached none the less */
    int n;                           /* tasks that were planned anew */
    long replanned, failed;
    double ratio[RUNS];
} recovery;

static void see_kill(void *user, double t, const json_t *event) {
    (void)t;
    const char *const kind = json_string_value(json_object_get(event, "kind"));
    if (kind && !strcmp(kind, "killed")) ++*(int *)user;
}

/* 1: the others can do it; 0: nobody can. */
static int can_others(const json_t *world, const char *task, const char *dead) {
    mn_roboos_world w;
    mn_goals g = {.n = 0};
    MN_TRY(mn_roboos_world_open(world, &w));
    int rc = mn_goals_read(&w.scene, task, &g);
    if (rc >= 0) rc = mn_roboos_reachable(&w.scene, &g, dead, NULL);
    mn_goals_free(&g);
    mn_roboos_world_close(&w);
    return rc;
}

static void count(recovery *all, const mn_sim_result *is, int can, int killed) {
    all->killed += killed;
    all->lost += is->lost;
    if (!can) {
        all->hopeless++;
        all->anyway += is->reached != 0; /* its part was done when it died */
    } else {
        all->runs++;
        all->reached += is->reached != 0;
    }
    if (!is->failed_subtree) return;
    all->replanned += is->replanned;
    all->failed += is->failed_subtree;
    all->ratio[all->n++] = (double)is->replanned / is->failed_subtree;
}

static int with_failures(mn_roboos *b, int robots, int i, recovery *all) {
    json_t *world;
    char *task;
    mn_random r;
    int killed = 0;
    mn_sim_result is;
    const uint64_t seed = seed_of(b, robots, i);
    mn_random_seed(&r, seed);
    MN_TRY(mn_fleet_world_make(seed, robots, &world, &task));
    const json_t *const them = json_object_get(world, "robots");
    const json_t *const who = json_array_get(them, mn_random_u64(&r) % json_array_size(them));
    const mn_sim_how how = {.world = world,
                            .seed = seed,
                            .kill = json_string_value(json_object_get(who, "name")),
                            .kill_at = -1,
                            .kill_step = (int)(mn_random_u64(&r) % 3),
                            .fail = FAILS,
                            .tell = see_kill,
                            .user = &killed};
    const int can = can_others(world, task, how.kill);
    const int rc = can < 0 ? can : mn_sim_run(&how, task, &is);
    if (rc >= 0) count(all, &is, can, killed);
    if (rc >= 0 && can && !is.reached)
        fprintf(stderr, "seed %llu, %d robots, without %s: %s\n", (unsigned long long)seed, robots,
                how.kill, is.why);
    json_decref(world);
    mn_free(task);
    return rc;
}

int mn_roboos_recovery(mn_roboos *b) {
    static recovery all;
    const char *const row = "recovery";
    memset(&all, 0, sizeof all);
    for (int robots = LEAST; robots <= MOST; robots++)
        for (int i = 0; i < TASKS; i++) MN_TRY(with_failures(b, robots, i, &all));
    qsort(all.ratio, (size_t)all.n, sizeof *all.ratio, by_size);
    MN_TRY(say(b, row, 0, "reached, of what can be", "%",
               all.runs ? 100.0 * all.reached / all.runs : 0, 100, 1));
    MN_TRY(say(b, row, 0, "tasks that the others can do", "tasks", all.runs, 0, 0));
    MN_TRY(say(b, row, 0, "tasks that they cannot do", "tasks", all.hopeless, 0, 0));
    MN_TRY(say(b, row, 0, "reached of these, before the death", "tasks", all.anyway, 0, 0));
    MN_TRY(say(b, row, 0, "robots that died in a step", "robots", all.killed, 0, 0));
    MN_TRY(say(b, row, 0, "things kept", "things lost", all.lost, 0, 0));
    if (!all.n) return MN_FAIL(MN_EINVAL, "no task was planned anew");
    MN_TRY(say(b, row, 0, "replanned / failed subtree, all steps", "x",
               (double)all.replanned / (double)all.failed, 1.5, 0));
    MN_TRY(say(b, row, 0, "the same, median task", "x", all.ratio[all.n / 2], 0, 0));
    return say(b, row, 0, "the same, worst task", "x", all.ratio[all.n - 1], 0, 0);
}

/* ---- relief -------------------------------------------------------------------------------- */
#define SLOWER 4.0
#define LATER  15.0 /* s */
typedef struct relief {
    int n, relieved, reached, runs;
    double ratio[RUNS];
} relief;

/* The same with a brain that relieves and with one that does not. */
static int relieve(const mn_sim_how *what, const char *task, relief *all) {
    const mn_brain_how keep = {.keep = 1};
    mn_sim_how how = *what;
    mn_sim_result with, without;
    MN_TRY(mn_sim_run(&how, task, &with));
    how.brain = &keep;
    MN_TRY(mn_sim_run(&how, task, &without));
    if (!without.steps) return 0; /* it cannot be begun without who is late */
    all->runs += 2;
    all->reached += with.reached + without.reached;
    all->relieved += with.relieved > 0;
    if (without.makespan > 0) all->ratio[all->n++] = with.makespan / without.makespan;
    return 0;
}

static int slow_and_late(mn_roboos *b, int robots, int i, relief *slow, relief *late) {
    json_t *world;
    char *task;
    mn_random r;
    const uint64_t seed = seed_of(b, robots, i);
    mn_random_seed(&r, seed);
    MN_TRY(mn_fleet_world_make(seed, robots, &world, &task));
    const json_t *const them = json_object_get(world, "robots");
    const json_t *const who = json_array_get(them, mn_random_u64(&r) % json_array_size(them));
    mn_sim_how how = {.world = world,
                      .seed = seed,
                      .slow = json_string_value(json_object_get(who, "name")),
                      .slow_by = SLOWER};
    int rc = relieve(&how, task, slow);
    how.late = how.slow;
    how.slow = NULL;
    how.joins = LATER;
    if (rc >= 0) rc = relieve(&how, task, late);
    json_decref(world);
    mn_free(task);
    return rc;
}

static int say_relief(const mn_roboos *b, const char *what, relief *p) {
    char text[80];
    if (!p->n) return MN_FAIL(MN_EINVAL, "no task could be begun");
    qsort(p->ratio, (size_t)p->n, sizeof *p->ratio, by_size);
    const struct {
        const char *name, *unit;
        double value, bar;
    } row[] = {{"relieved / kept, mean", "x", mean(p->ratio, p->n), 0},
               {"relieved / kept, best", "x", p->ratio[0], 0},
               {"relieved / kept, median", "x", p->ratio[p->n / 2], 0},
               {"relieved / kept, worst", "x", p->ratio[p->n - 1], 0},
               {"tasks", "tasks", p->n, 0},
               {"tasks in which somebody was relieved", "tasks", p->relieved, 0},
               {"reached", "%", 100.0 * p->reached / p->runs, 100}};
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        snprintf(text, sizeof text, "%s: %s", what, row[i].name);
        MN_TRY(say(b, "relief", 0, text, row[i].unit, row[i].value, row[i].bar, 1));
    }
    return 0;
}

int mn_roboos_relief(mn_roboos *b) {
    static relief slow, late;
    memset(&slow, 0, sizeof slow);
    memset(&late, 0, sizeof late);
    for (int robots = LEAST; robots <= MOST; robots++)
        for (int i = 0; i < TASKS; i++) MN_TRY(slow_and_late(b, robots, i, &slow, &late));
    MN_TRY(say_relief(b, "one robot 4 times slower", &slow));
    return say_relief(b, "one robot joins after 15 s", &late);
}
