/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/roboos_plans.c - generated tasks, done by simulated fleets: once step by step, as the plan
 * waits, once in ordered groups, as RoboOS does it; then with a robot that dies and skills that
 * fail.
 *
 * TASKS tasks for each size of a fleet. The makespan is the fleet's own time, from the plan to the
 * last step, and everything follows from the seed. A goal is surely still reachable when a dual arm
 * is left, because made tasks can be done by one alone; tasks that lose their only one are counted
 * for themselves.
 */
#include "bench/roboos.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/random.h"
#include "fleet/actors.h"
#include "fleet/world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TASKS = 50, LEAST = 3, MOST = 6, RUNS = TASKS * (MOST - LEAST + 1) };
#define FAILS 0.03 /* of all skills, beside the robot that dies */

static uint64_t seed_of(const mn_roboos *b, int robots, int i) {
    return b->o->seed + (uint64_t)(1000 * robots + i);
}

/* ---- plans --------------------------------------------------------------------------------- */
typedef struct plans {
    int runs, reached, valid;
    double sum, ratio[RUNS];
} plans;

static int by_size(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static int both_ways(const mn_roboos *b, int robots, int i, plans *all) {
    json_t *world;
    char *task;
    const mn_brain_how groups = {.groups = 1};
    mn_sim_result way[2] = {{.reached = 0}};
    MN_TRY(mn_fleet_world_make(seed_of(b, robots, i), robots, &world, &task));
    mn_sim_how how = {.world = world, .seed = seed_of(b, robots, i)};
    int rc = mn_sim_run(&how, task, &way[0]);
    how.brain = &groups;
    if (rc >= 0) rc = mn_sim_run(&how, task, &way[1]);
    json_decref(world);
    mn_free(task);
    for (int k = 0; k < 2 && rc >= 0; k++) {
        all->runs++;
        all->reached += way[k].reached != 0;
        all->valid += way[k].valid != 0;
    }
    if (rc < 0 || !(way[1].makespan > 0)) return rc;
    all->ratio[all->runs / 2 - 1] = way[0].makespan / way[1].makespan;
    all->sum += way[0].makespan / way[1].makespan;
    return 0;
}

static int say(const mn_roboos *b, const char *row, int robots, const char *what, const char *unit,
               double value, double bar, int at_least) {
    char text[80];
    snprintf(text, sizeof text, "%d robots, %s", robots, what);
    return mn_roboos_say(b, row, robots ? text : what, unit, value, bar, at_least);
}

static int say_plans(const mn_roboos *b, int robots, plans *p) {
    const int n = p->runs / 2;
    qsort(p->ratio, (size_t)n, sizeof *p->ratio, by_size);
    MN_TRY(say(b, "plans", robots, "DAG / groups, mean", "x", p->sum / n, 0.75, 0));
    MN_TRY(say(b, "plans", robots, "DAG / groups, median", "x", p->ratio[n / 2], 0, 0));
    MN_TRY(say(b, "plans", robots, "DAG / groups, worst", "x", p->ratio[n - 1], 0, 0));
    MN_TRY(say(b, "plans", robots, "valid", "%", 100.0 * p->valid / p->runs, 100, 1));
    return say(b, "plans", robots, "reached", "%", 100.0 * p->reached / p->runs, 100, 1);
}

int mn_roboos_plans(mn_roboos *b) {
    plans all = {.runs = 0};
    for (int robots = LEAST; robots <= MOST; robots++) {
        plans one = {.runs = 0};
        for (int i = 0; i < TASKS; i++) MN_TRY(both_ways(b, robots, i, &one));
        memcpy(all.ratio + all.runs / 2, one.ratio, (size_t)(one.runs / 2) * sizeof *one.ratio);
        all.sum += one.sum;
        all.runs += one.runs;
        all.valid += one.valid;
        all.reached += one.reached;
        MN_TRY(say_plans(b, robots, &one));
    }
    return say_plans(b, 0, &all);
}

/* ---- recovery ------------------------------------------------------------------------------ */
typedef struct recovery {
    int runs, reached, lost, killed, replans;       /* of fleets with a dual arm left */
    int bare, bare_reached;                         /* of those without */
    int n;                                          /* tasks that were planned anew */
    long replanned, failed;
    double ratio[RUNS];
} recovery;

static void see_kill(void *user, double t, const json_t *event) {
    (void)t;
    const char *const kind = json_string_value(json_object_get(event, "kind"));
    if (kind && !strcmp(kind, "killed")) ++*(int *)user;
}

/* Who is to die, and is a dual arm left then? */
static const char *victim(const json_t *world, mn_random *r, int *left) {
    const json_t *const robots = json_object_get(world, "robots");
    const size_t n = json_array_size(robots), who = mn_random_u64(r) % n;
    *left = 0;
    for (size_t i = 0; i < n; i++) {
        const json_t *const body = json_object_get(json_array_get(robots, i), "body");
        *left |= i != who && !strcmp(json_string_value(body), "dual_arm");
    }
    return json_string_value(json_object_get(json_array_get(robots, who), "name"));
}

static void count(recovery *all, const mn_sim_result *is, int left, int killed) {
    all->killed += killed;
    all->lost += is->lost;
    if (!left) {
        all->bare++;
        all->bare_reached += is->reached != 0;
        return;
    }
    all->runs++;
    all->reached += is->reached != 0;
    all->replans += is->replans;
    if (!is->failed_subtree) return;
    all->replanned += is->replanned;
    all->failed += is->failed_subtree;
    all->ratio[all->n++] = (double)is->replanned / is->failed_subtree;
}

static int with_failures(mn_roboos *b, int robots, int i, recovery *all) {
    json_t *world;
    char *task;
    mn_random r;
    int left, killed = 0;
    mn_sim_result is;
    const uint64_t seed = seed_of(b, robots, i);
    mn_random_seed(&r, seed);
    MN_TRY(mn_fleet_world_make(seed, robots, &world, &task));
    const mn_sim_how how = {.world = world,
                            .seed = seed,
                            .kill = victim(world, &r, &left),
                            .kill_at = -1,
                            .kill_step = (int)(mn_random_u64(&r) % 3),
                            .fail = FAILS,
                            .tell = see_kill,
                            .user = &killed};
    const int rc = mn_sim_run(&how, task, &is);
    if (rc >= 0) count(all, &is, left, killed);
    if (rc >= 0 && left && !is.reached)
        fprintf(stderr, "seed %llu, %d robots, without %s: %s\n", (unsigned long long)seed, robots,
                how.kill, is.why);
    json_decref(world);
    mn_free(task);
    return rc;
}

int mn_roboos_recovery(mn_roboos *b) {
    recovery all = {.runs = 0};
    for (int robots = LEAST; robots <= MOST; robots++)
        for (int i = 0; i < TASKS; i++) MN_TRY(with_failures(b, robots, i, &all));
    qsort(all.ratio, (size_t)all.n, sizeof *all.ratio, by_size);
    const char *const row = "recovery";
    MN_TRY(say(b, row, 0, "reached, a dual arm is left", "%",
               all.runs ? 100.0 * all.reached / all.runs : 0, 100, 1));
    MN_TRY(say(b, row, 0, "tasks with a dual arm left", "tasks", all.runs, 0, 0));
    MN_TRY(say(b, row, 0, "reached without one", "tasks", all.bare_reached, 0, 0));
    MN_TRY(say(b, row, 0, "tasks without one", "tasks", all.bare, 0, 0));
    MN_TRY(say(b, row, 0, "robots that died in a step", "robots", all.killed, 0, 0));
    MN_TRY(say(b, row, 0, "things kept", "things lost", all.lost, 0, 0));
    if (!all.n) return MN_FAIL(MN_EINVAL, "no task was planned anew");
    MN_TRY(say(b, row, 0, "replanned / failed subtree, all steps", "x",
               (double)all.replanned / (double)all.failed, 1.5, 0));
    MN_TRY(say(b, row, 0, "the same, median task", "x", all.ratio[all.n / 2], 0, 0));
    return say(b, row, 0, "the same, worst task", "x", all.ratio[all.n - 1], 0, 0);
}
