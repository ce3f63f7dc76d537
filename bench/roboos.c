/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/roboos.c - RoboOS' shared memory: scenes read, changes waited for, states at 1 kHz, things
 * moved under kills; beside Redis, where the public RoboOS keeps them. A row is a function here.
 */
#include "bench/roboos.h"

#include "base/error.h"
#include "base/walk.h"
#include "bench/roboos_crew.h"
#include "bench/roboos_death.h"
#include "bench/roboos_moves.h"
#include "bench/roboos_stop.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int mn_roboos_say(const mn_roboos *b, const char *row, const char *what, const char *unit,
                  double value, double bar, int at_least) {
    const mn_bench_point p = {"roboos", row, what, unit, value, bar, at_least};
    return mn_bench_point_print(&p, b->o->json);
}

/* ---- moves --------------------------------------------------------------------------------- */
static int storm(mn_roboos *b, const mn_redis *redis, const char *whose) {
    const mn_moves_how how = {.region = redis ? NULL : b->path,
                              .redis = redis,
                              .movers = 4,
                              .moves = 10000,
                              .kills = 200,
                              .seed = b->o->seed};
    mn_moves_result r;
    char what[64];
    MN_TRY(mn_moves_storm(&how, &r));
    snprintf(what, sizeof what, "%s: of %d things in one list", whose, MN_MOVES_THINGS);
    MN_TRY(mn_roboos_say(b, "moves", what, "things", MN_MOVES_THINGS - r.lost - r.doubled,
                         redis ? 0 : MN_MOVES_THINGS, 1));
    snprintf(what, sizeof what, "%s: lost", whose);
    MN_TRY(mn_roboos_say(b, "moves", what, "things", r.lost, 0, 0));
    snprintf(what, sizeof what, "%s: in several lists", whose);
    MN_TRY(mn_roboos_say(b, "moves", what, "things", r.doubled, 0, 0));
    snprintf(what, sizeof what, "%s: moves", whose);
    MN_TRY(mn_roboos_say(b, "moves", what, "moves", (double)r.moves, 0, 0));
    snprintf(what, sizeof what, "%s: kills", whose);
    return mn_roboos_say(b, "moves", what, "kills", (double)r.kills, 0, 0);
}

static int moves(mn_roboos *b) {
    MN_TRY(storm(b, NULL, "ours"));
    if (b->has_redis) return storm(b, &b->redis, "Redis");
    const mn_bench_row row = {.name = "moves", .what = "the recipe on Redis"};
    return mn_bench_row_skip(&row, "no redis-server could be started", b->o->json);
}

/* ---- deaths -------------------------------------------------------------------------------- */
static int say_ms(mn_roboos *b, const char *row, const char *whose, double *ms, int n, double bar,
                  int all) { /* 1: the bar is for the most, too */
    static const double at[] = {50, 99, 100};
    static const char *const names[] = {"p50", "p99", "most"};
    char what[96];
    for (int i = 0; i < 3; i++) {
        snprintf(what, sizeof what, "%s, %s of %d", whose, names[i], n);
        MN_TRY(mn_roboos_say(b, row, what, "ms", mn_crew_percentile(ms, n, at[i]),
                             i < 1 || (i > 1 && !all) ? 0 : bar, 0));
    }
    return 0;
}

static int deaths(mn_roboos *b) {
    const mn_deaths_how how = {.region = b->path,
                               .kills = 10 * b->o->rounds,
                               .hangs = 4 * b->o->rounds,
                               .load = 30,
                               .seed = b->o->seed};
    static mn_deaths_result r;
    MN_TRY(mn_deaths_run(&how, &r));
    MN_TRY(say_ms(b, "death", "killed", r.kill_ms, r.kills, 2 * MN_FLEET_BEAT, 1));
    MN_TRY(say_ms(b, "death", "hung", r.hang_ms, r.hangs, 2 * MN_FLEET_BEAT, 1));
    MN_TRY(mn_roboos_say(b, "death", "hung, and then went on as if it had its lease", "robots",
                         r.late, 0, 0));
    MN_TRY(mn_roboos_say(b, "death", "heartbeats in 30 s, two busy loops a core", "beats",
                         (double)r.beats, 0, 0));
    return mn_roboos_say(b, "death", "well, and lost under that load", "robots", r.alarms, 0, 0);
}

/* ---- stops --------------------------------------------------------------------------------- */
static int stops(mn_roboos *b) {
    char program[4096] = "";
    static mn_stops_result r;
    char whose[64];
    if (readlink("/proc/self/exe", program, sizeof program - 1) < 0)
        return MN_FAIL(MN_EIO, "this program does not know where it lies");
    const mn_stops_how how = {.folder = b->folder, .program = program, .stops = 50 * b->o->rounds};
    MN_TRY(mn_stops_run(&how, &r));
    for (int k = 0; k < MN_STOP_KINDS; k++) {
        const mn_bench_row row = {.name = "stop", .what = r.name[k]};
        snprintf(whose, sizeof whose, "a skill is told, %s", r.name[k]);
        MN_TRY(r.missing[k] ? mn_bench_row_skip(&row, r.missing[k], b->o->json)
                            : say_ms(b, "stop", whose, r.ms[k], r.n[k], 50, 0));
    }
    return say_ms(b, "stop", "all skills of a fleet are told", r.all, r.n_all, 50, 0);
}

/* ---- what others measure ------------------------------------------------------------------- */
static int kv(mn_roboos *b) {
    mn_bench_options o = *b->o;
    o.row = NULL;
    return mn_bench_kvlink.run(&o);
}

static int seeds(mn_roboos *b) {
    const mn_bench_row row = {.name = "seeds", .what = "fleets that lose everything, by seed"};
    return mn_bench_row_skip(&row, "they are a test: `make soak ROW=18`, docs/RELIABILITY.md",
                             b->o->json);
}

/* ---- the rows ------------------------------------------------------------------------------ */
static const mn_roboos_row rows[] = {
    {"read", mn_roboos_read},
    {"wake", mn_roboos_wake},
    {"state", mn_roboos_state},
    {"moves", moves},
    {"plans", mn_roboos_plans},
    {"recovery", mn_roboos_recovery},
    {"relief", mn_roboos_relief},
    {"model", mn_roboos_model},
    {"death", deaths},
    {"stop", stops},
    {"kv", kv},
    {"seeds", seeds},
};
enum { ROWS = sizeof rows / sizeof *rows };

static int begin(mn_roboos *b) {
    strcpy(b->folder,
           access("/dev/shm", W_OK) == 0 ? "/dev/shm/mn-bench-XXXXXX" : "/tmp/mn-bench-XXXXXX");
    if (!mkdtemp(b->folder)) {
        b->folder[0] = 0;
        return MN_FAIL(MN_EIO, "cannot make a folder for the bench");
    }
    b->has_redis = mn_redis_start(b->folder, &b->redis) >= 0;
    return 0;
}

static int run_row(mn_roboos *b, const mn_roboos_row *row) {
    snprintf(b->path, sizeof b->path, "%s/%s", b->folder, row->name);
    return row->run(b);
}

static int roboos(const mn_bench_options *o) {
    mn_roboos b = {.o = o};
    int rc = begin(&b), found = 0;
    for (int i = 0; rc >= 0 && i < ROWS; i++) {
        if (!mn_bench_wants(o, rows[i].name)) continue;
        found = 1;
        rc = run_row(&b, rows + i);
    }
    if (rc >= 0 && !found)
        rc = MN_FAIL(MN_CLI_USAGE,
                     "bench roboos has no row '%s'; there are read, wake, state, moves, "
                     "plans, recovery, relief, model, death, stop, kv, seeds",
                     o->row);
    mn_redis_end(&b.redis);
    if (*b.folder) mn_walk_remove(b.folder);
    return rc;
}

const mn_bench mn_bench_roboos = {
    .name = "roboos", .run = roboos, .about = "a fleet's scene, states and moves beside Redis"};
