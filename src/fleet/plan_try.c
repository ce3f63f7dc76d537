/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/plan_try.c - doing a sequence of legs on paper: see fleet/plan_try.h.
 *
 * Each step begins when its robot is free and what it looks at is as it shall be: after the last
 * change of what it looks at, and after the last look at what it changes. The same bookkeeping
 * gives the steps it waits for. Time grows with steps, not with what is there, but for one copy of
 * the state.
 */
#include "fleet/plan_try.h"

#include "base/error.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { LOOKS = 48, DEPTH = 8 };
#define CLOSED_DOOR 5.0 /* metres of detour that a closed door is worth */
#define STRANGER    3.0 /* seconds another robot has to be sooner to open a door for this one */

typedef struct looks {
    int var[LOOKS];
    char writes[LOOKS];
    int n;
} looks;

/* Variables: where robots stand, where things are, what is open, how things are, what is full. */
static int var_at(const mn_try *t, int robot) {
    return t->w->n_things + robot;
}
static int var_location(const mn_try *t, int e) {
    (void)t;
    return e;
}
static int var_open(const mn_try *t, int e) {
    return t->w->n + e;
}
static int var_is(const mn_try *t, int e) {
    return 2 * t->w->n + e;
}
static int var_room(const mn_try *t, int e) {
    return 3 * t->w->n + e;
}

static void look_at(looks *l, int var, int writes) {
    for (int i = 0; i < l->n; i++)
        if (l->var[i] == var) {
            l->writes[i] |= (char)writes;
            return;
        }
    if (l->n == LOOKS) return; /* deeper than anything stands: the check of the plan sees it */
    l->var[l->n] = var;
    l->writes[l->n++] = (char)writes;
}

/* ---- beginning ------------------------------------------------------------------------------ */
static char *cut(char **at, size_t bytes) {
    char *p = *at;
    *at += (bytes + 7) & ~(size_t)7;
    return p;
}

static size_t block_bytes(const mn_try *t) {
    const size_t n = (size_t)t->w->n, robots = (size_t)t->w->n_robots, vars = (size_t)t->n_vars;
    return 2 * vars * sizeof(double) + 2 * robots * sizeof(double) +
           2 * (n + robots) * sizeof(int) + 3 * n + robots + 12 * (size_t)8;
}

/* Pointers into the block. */
static void lay_out(mn_try *t, char *block) {
    const size_t n = (size_t)t->w->n, robots = (size_t)t->w->n_robots;
    char *at = block;
    t->wrote = (double *)cut(&at, (size_t)t->n_vars * sizeof(double));
    t->looked = (double *)cut(&at, (size_t)t->n_vars * sizeof(double));
    t->load = (double *)cut(&at, robots * sizeof(double));
    t->free_at = (double *)cut(&at, robots * sizeof(double));
    t->st.holder = (int *)cut(&at, n * sizeof(int));
    t->st.at = (int *)cut(&at, robots * sizeof(int));
    t->hands = (int *)cut(&at, robots * sizeof(int));
    t->count = (int *)cut(&at, n * sizeof(int));
    t->st.hand = cut(&at, n);
    t->st.open = cut(&at, n);
    t->st.moved = cut(&at, n);
    t->pinned = cut(&at, robots);
}

static void first_state(mn_try *t, const mn_plan_state *from) {
    mn_plan_world *w = t->w;
    memcpy(t->st.holder, from->holder, (size_t)w->n * sizeof(int));
    memcpy(t->st.at, from->at, (size_t)w->n_robots * sizeof(int));
    memcpy(t->st.hand, from->hand, (size_t)w->n);
    memcpy(t->st.open, from->open, (size_t)w->n);
    for (int i = 0; i < w->n_things; i++) {
        const int h = t->st.holder[i];
        if (h < 0) continue;
        if (t->st.hand[i])
            t->hands[h - w->n_things]++;
        else
            t->count[h]++;
    }
    for (int i = 0; i < w->n_robots; i++) t->load[i] = mn_plan_load(w, &t->st, i);
}

int mn_try_begin(mn_plan_world *w, const mn_goals *g, mn_try *out) {
    *out = (mn_try){.w = w, .goals = g, .n_vars = 4 * w->n + 1};
    mn_try *t = out;
    mn_arena *a = &w->arena;
    mn_plan_state from;
    MN_TRY(mn_plan_state_begin(w, &from));
    t->block_bytes = block_bytes(t);
    const size_t robots = (size_t)w->n_robots + 1, vars = (size_t)t->n_vars;
    MN_TRY(mn_arena_take(a, t->block_bytes, &t->block));
    MN_TRY(mn_arena_take(a, t->block_bytes, &t->begin));
    MN_TRY(mn_arena_take(a, (size_t)w->n + 1, &t->tight));
    MN_TRY(mn_arena_take(a, (size_t)w->n + 1, &t->heavy));
    MN_TRY(mn_arena_take(a, MN_ROUTE_CACHE * sizeof *t->cache, &t->cache));
    MN_TRY(mn_arena_take(a, vars * sizeof *t->writer, &t->writer));
    MN_TRY(mn_arena_take(a, vars * robots * sizeof *t->reader, &t->reader));
    MN_TRY(mn_arena_take(a, robots * sizeof *t->own, &t->own));
    MN_TRY(mn_arena_take(a, robots * sizeof *t->barrier, &t->barrier));
    MN_TRY(mn_arena_take(a, MN_PLAN_STEPS * sizeof *t->step, &t->step));
    for (int i = 0; i < MN_ROUTE_CACHE; i++) t->cache[i].from = -1;
    MN_TRY(mn_arena_take(a, ((size_t)w->n + 1) * sizeof *t->shuts, &t->shuts));
    for (int e = 0; e < w->n_things; e++)
        if (w->s->thing[e].open >= 0) t->shuts[t->n_shuts++] = e;
    lay_out(t, t->block);
    first_state(t, &from);
    memcpy(t->begin, t->block, t->block_bytes);
    for (int i = 0; i < w->n_robots; i++)
        t->can_open |= w->robot[i].usable && w->robot[i].open.skill;
    return 0;
}

__attribute__((format(printf, 2, 3))) static int cannot(mn_try *t, const char *format, ...) {
    va_list args;
    va_start(args, format);
    vsnprintf(t->why, sizeof t->why, format, args);
    va_end(args);
    return MN_ENOENT; /* no MN_FAIL: it is tried thousands of times */
}

/* ---- ways ----------------------------------------------------------------------------------- */
static const mn_spot *spot_of(mn_try *t, int e) {
    if (!mn_plan_is_robot(t->w, e)) return mn_plan_spot(t->w, e);
    const mn_plan_robot *r = mn_plan_robot_of(t->w, e);
    return r->placed ? &r->start : NULL;
}

double mn_try_drive(mn_try *t, int robot, int from, int to, uint64_t *doors) {
    const double speed = t->w->robot[robot].seen->speed;
    if (doors) *doors = 0;
    if (from == to) return 0;
    if (from < 0 || to < 0) return -1;
    const size_t slot = ((size_t)from * 2654435761u + (size_t)to * 40503u) % MN_ROUTE_CACHE;
    if (t->cache[slot].from != from || t->cache[slot].to != to) {
        const mn_spot *a = spot_of(t, from), *b = spot_of(t, to);
        int through[MN_ROUTE_DOORS], n = 0;
        t->cache[slot].from = from;
        t->cache[slot].to = to;
        t->cache[slot].doors = 0;
        t->cache[slot].metres = a && b
                                    ? mn_routes_metres(&t->w->routes, a, b, NULL,
                                                       t->can_open ? CLOSED_DOOR : -1, through, &n)
                                    : -1;
        for (int i = 0; i < n; i++) t->cache[slot].doors |= (uint64_t)1 << through[i];
    }
    if (doors) *doors = t->cache[slot].doors;
    return t->cache[slot].metres < 0 ? -1 : t->cache[slot].metres / speed;
}

/* ---- steps ---------------------------------------------------------------------------------- */
static void add_before(mn_try *t, mn_try_step *s, int step) {
    if (step < 0 || step == t->n) return;
    s->before[step / 64] |= (uint64_t)1 << (step % 64);
}

/* The latest steps that s waits for, such that all others are before those. */
static void reduce(mn_try *t, mn_try_step *s) {
    uint64_t left[MN_PLAN_STEPS / 64], all[MN_PLAN_STEPS / 64];
    memcpy(left, s->before, sizeof left);
    memset(all, 0, sizeof all);
    for (int i = t->n - 1; i >= 0; i--) {
        if (!(left[i / 64] >> (i % 64) & 1)) continue;
        if (all[i / 64] >> (i % 64) & 1) continue;
        if (s->n_after == MN_STEP_AFTER)
            t->full = 1;
        else
            s->after[s->n_after++] = i;
        for (int m = 0; m <= i / 64; m++) all[m] |= t->step[i].before[m];
        all[i / 64] |= (uint64_t)1 << (i % 64);
    }
    memcpy(s->before, all, sizeof all);
}

static void record(mn_try *t, const mn_try_step *what, const looks *l, int partner) {
    const int robots = t->w->n_robots;
    if (t->n == MN_PLAN_STEPS) {
        t->full = 1;
        return;
    }
    mn_try_step *s = t->step + t->n;
    *s = *what;
    add_before(t, s, t->own[s->robot]);
    if (partner >= 0) add_before(t, s, t->own[partner]);
    for (int i = 0; i < robots; i++) add_before(t, s, t->barrier[i]);
    for (int i = 0; i < l->n; i++) {
        add_before(t, s, t->writer[l->var[i]]);
        for (int r = 0; r < robots && l->writes[i]; r++)
            add_before(t, s, t->reader[l->var[i] * robots + r]);
    }
    reduce(t, s);
    for (int i = 0; i < l->n; i++) {
        if (l->writes[i]) {
            t->writer[l->var[i]] = t->n;
            for (int r = 0; r < robots; r++) t->reader[l->var[i] * robots + r] = -1;
        } else
            t->reader[l->var[i] * robots + s->robot] = t->n;
    }
    t->own[s->robot] = t->n;
    if (partner >= 0) t->own[partner] = t->n;
    t->n++;
}

/* partner: a robot that cannot do anything else meanwhile; -1. */
static void emit(mn_try *t, mn_try_step *s, const looks *l, int partner, int steps) {
    double begin = fmax(t->free_at[s->robot], t->floor);
    if (partner >= 0) begin = fmax(begin, t->free_at[partner]);
    for (int i = 0; i < l->n; i++) {
        begin = fmax(begin, t->wrote[l->var[i]]);
        if (l->writes[i]) begin = fmax(begin, t->looked[l->var[i]]);
    }
    const double end = begin + s->seconds;
    for (int i = 0; i < l->n; i++) {
        double *when = l->writes[i] ? t->wrote : t->looked;
        if (end > when[l->var[i]]) when[l->var[i]] = end;
    }
    t->free_at[s->robot] = end;
    if (partner >= 0) t->free_at[partner] = end;
    t->busy += s->seconds;
    if (end > t->last) t->last = end;
    if (!steps) return;
    s->begin = begin;
    record(t, s, l, partner);
}

static mn_try_step step_of(int robot, const mn_op *op, int a, int b, int job) {
    return (mn_try_step){.robot = robot,
                         .job = job,
                         .skill = op->skill,
                         .param = {op->a, op->b},
                         .value = {a, b},
                         .seconds = op->skill->seconds};
}

static int is_closable(const mn_try *t, int e) {
    return !mn_plan_is_robot(t->w, e) && t->w->s->thing[e].open >= 0;
}

/* What a hand at e depends on: where all is that e stands in or on, and that it is open. */
static void look_up(mn_try *t, looks *l, int e) {
    for (int i = 0; e >= 0 && i <= t->w->n; i++) {
        if (mn_plan_is_robot(t->w, e)) {
            look_at(l, var_at(t, e - t->w->n_things), 0);
            return;
        }
        if (mn_plan_kind(t->w, e) == MN_OBJECT_KIND) look_at(l, var_location(t, e), 0);
        e = t->st.holder[e];
        if (e >= 0 && is_closable(t, e)) look_at(l, var_open(t, e), 0);
    }
}

static int is_banned(const mn_try *t, int robot, int e) {
    return e >= 0 && t->w->banned[robot * t->w->n + e];
}

/* ---- driving and opening -------------------------------------------------------------------- */
static int be_at(mn_try *t, int robot, int site, int job, int steps);

static int here(const mn_try *t, int robot) {
    const int self = t->w->n_things + robot;
    return t->st.moved[self] ? t->st.at[robot] : self;
}

static int is_shut_between(const mn_try *t, uint64_t doors) {
    for (int d = 0; doors && d < t->w->routes.n_doors; d++)
        if (doors >> d & 1 && !t->st.open[t->w->routes.door[d] - t->w->s->thing]) return 1;
    return 0;
}

/* When the robot would have opened or closed e; < 0: never. Who closes does not open others again
 * on the way. */
static double door_time(mn_try *t, int robot, int open, int e) {
    const mn_op *op = open ? &t->w->robot[robot].open : &t->w->robot[robot].close;
    uint64_t doors;
    const mn_plan_robot *r = t->w->robot + robot;
    if (!r->usable || !op->skill || is_banned(t, robot, e)) return -1;
    for (int i = 0; i < op->skill->n_needs; i++)
        if (op->skill->needs[i].name == MN_FACT_FREE && !op->skill->needs[i].not_ &&
            t->hands[robot] >= r->seen->n_hands)
            return -1;
    const int site = mn_plan_stand(t->w, &t->st, e);
    if (!r->mobile)
        return mn_plan_fixed_reaches(t->w, robot, site) ? t->free_at[robot] + op->skill->seconds
                                                        : -1;
    if (t->st.at[robot] == site) return t->free_at[robot] + op->skill->seconds;
    if (t->pinned[robot]) return -1;
    const double way = mn_try_drive(t, robot, here(t, robot), site, &doors);
    if (way < 0 || (!open && is_shut_between(t, doors))) return -1;
    return t->free_at[robot] + way + op->skill->seconds;
}

/* Opens or closes e. prefer: who needs it, -1. only: nobody else. */
static int turn(mn_try *t, int e, int open, int prefer, int only, int job, int steps) {
    int best = -1;
    double soonest = 0;
    if (t->st.open[e] == open) return 0;
    if (t->depth >= DEPTH)
        return cannot(t, "too much is closed on the way to %s", mn_plan_name(t->w, e));
    for (int i = 0; i < t->w->n_robots; i++) {
        if (only && i != prefer) continue;
        double when = door_time(t, i, open, e);
        if (when < 0) continue;
        if (i != prefer && prefer >= 0) when += STRANGER;
        if (best < 0 || when < soonest) best = i, soonest = when;
    }
    if (best < 0)
        return cannot(t, "nobody alive can %s %s with a free hand", open ? "open" : "close",
                      mn_plan_name(t->w, e));
    t->depth++;
    const int above = mn_plan_shut(t->w, &t->st, e);
    int rc = above >= 0 ? turn(t, above, 1, best, 0, job, steps) : 0;
    if (rc >= 0 && t->w->robot[best].mobile)
        rc = be_at(t, best, mn_plan_stand(t->w, &t->st, e), job, steps);
    t->depth--;
    if (rc < 0 || t->st.open[e] == open) return rc;
    const mn_op *op = open ? &t->w->robot[best].open : &t->w->robot[best].close;
    mn_try_step s = step_of(best, op, e, -1, job);
    looks l = {.n = 0};
    look_up(t, &l, e);
    look_at(&l, var_open(t, e), 1);
    emit(t, &s, &l, -1, steps);
    t->st.open[e] = (char)open;
    return 0;
}

/* All that is closed above e is opened. */
static int get_at(mn_try *t, int e, int prefer, int job, int steps) {
    for (int i = 0; i <= t->w->n; i++) {
        const int shut = mn_plan_shut(t->w, &t->st, e);
        if (shut < 0) return 0;
        MN_TRY(turn(t, shut, 1, prefer, 0, job, steps));
    }
    return 0;
}

static int be_at(mn_try *t, int robot, int site, int job, int steps) {
    const mn_plan_robot *r = t->w->robot + robot;
    const int self = t->w->n_things + robot;
    if (site < 0 || t->st.at[robot] == site || site == self) return 0;
    if (!r->mobile)
        return mn_plan_fixed_reaches(t->w, robot, site)
                   ? 0
                   : cannot(t, "%s stands still and does not reach %s", r->seen->name,
                            mn_plan_name(t->w, site));
    if (t->pinned[robot] || is_banned(t, robot, site))
        return cannot(t, "%s is not to go to %s", r->seen->name, mn_plan_name(t->w, site));
    uint64_t doors;
    double way;
    for (int i = 0;; i++) {
        way = mn_try_drive(t, robot, here(t, robot), site, &doors);
        if (way < 0 || i > MN_ROUTE_DOORS)
            return cannot(t, "no way leads %s to %s", r->seen->name, mn_plan_name(t->w, site));
        int shut = -1;
        for (int d = 0; d < t->w->routes.n_doors && shut < 0; d++) {
            const int e = (int)(t->w->routes.door[d] - t->w->s->thing);
            if (doors >> d & 1 && !t->st.open[e] && e != site) shut = e;
        }
        if (shut < 0) break;
        MN_TRY(turn(t, shut, 1, robot, 0, job, steps));
        if (t->st.at[robot] == site) return 0;
    }
    looks l = {.n = 0};
    for (int d = 0; doors && d < t->w->routes.n_doors; d++) {
        const int e = (int)(t->w->routes.door[d] - t->w->s->thing);
        if (doors >> d & 1 && is_closable(t, e)) look_at(&l, var_open(t, e), 0);
    }
    look_at(&l, var_at(t, robot), 1);
    mn_try_step s = step_of(robot, &r->drive, site, -1, job);
    s.seconds = way;
    emit(t, &s, &l, -1, steps);
    t->st.at[robot] = site;
    t->st.moved[self] = 1;
    return 0;
}

/* ---- legs ----------------------------------------------------------------------------------- */
static double weight_of(const mn_try *t, int e) {
    return t->count[e] ? mn_plan_weight(t->w, &t->st, e) : t->w->mass[e];
}

static int carrier(const mn_try *t, int e) {
    for (int i = 0; e >= 0 && i <= t->w->n; i++) {
        if (mn_plan_is_robot(t->w, e)) return e - t->w->n_things;
        e = t->st.holder[e];
    }
    return -1;
}

/* Both robots are where they meet, or the robot is where e is. */
static int meet(mn_try *t, const mn_leg *g, int e, int steps) {
    const int site = g->site >= 0 ? g->site : mn_plan_stand(t->w, &t->st, e);
    if (g->site < 0 && site < 0 && t->w->robot[g->robot].mobile)
        return cannot(t, "nobody knows where %s is", mn_plan_name(t->w, e));
    if (g->partner >= 0 && g->partner != g->robot && t->w->robot[g->partner].mobile)
        MN_TRY(be_at(t, g->partner, site, g->job, steps));
    if (g->partner == g->robot && g->kind != MN_LEG_GIVE) return 0; /* its own tray */
    return be_at(t, g->robot, site, g->job, steps);
}

static int load_on(mn_try *t, looks *l, int robot, double kg) {
    const mn_robot_seen *r = t->w->robot[robot].seen;
    if (t->load[robot] + kg > r->payload + 1e-9)
        return cannot(t, "%s carries %.1f kg at most, not %.1f", r->name, r->payload,
                      t->load[robot] + kg);
    if (t->heavy[robot]) look_at(l, var_room(t, t->w->n_things + robot), 1);
    return 0;
}

static void move(mn_try *t, looks *l, int thing, int to, int hand) {
    const int old = t->st.holder[thing], robots = t->w->n_things;
    const double kg = weight_of(t, thing);
    const int from = carrier(t, old), by = carrier(t, to);
    if (old >= 0 && t->st.hand[thing]) t->hands[old - robots]--;
    if (old >= 0 && !t->st.hand[thing]) {
        t->count[old]--;
        if (t->tight[old]) look_at(l, var_room(t, old), 1);
    }
    if (hand)
        t->hands[to - robots]++;
    else
        t->count[to]++;
    if (from >= 0 && from != by) {
        t->load[from] -= kg;
        if (t->heavy[from]) look_at(l, var_room(t, robots + from), 1);
    }
    if (by >= 0 && from != by) t->load[by] += kg;
    t->st.holder[thing] = to;
    t->st.hand[thing] = (char)hand;
    t->st.moved[thing] = 1;
}

static int grasp(mn_try *t, const mn_leg *g, int steps) {
    const mn_plan_robot *r = t->w->robot + g->robot;
    const int self = t->w->n_things + g->robot;
    looks l = {.n = 0};
    if (t->st.hand[g->thing]) return cannot(t, "the %s is in a hand", mn_plan_name(t->w, g->thing));
    MN_TRY(meet(t, g, g->thing, steps));
    MN_TRY(get_at(t, g->thing, g->robot, g->job, steps));
    if (g->partner < 0)
        MN_TRY(be_at(t, g->robot, mn_plan_stand(t->w, &t->st, g->thing), g->job, steps));
    if (t->hands[g->robot] >= r->seen->n_hands)
        return cannot(t, "%s has no free hand for the %s", r->seen->name,
                      mn_plan_name(t->w, g->thing));
    look_up(t, &l, g->thing);
    look_at(&l, var_location(t, g->thing), 1);
    if (carrier(t, g->thing) != g->robot) MN_TRY(load_on(t, &l, g->robot, weight_of(t, g->thing)));
    move(t, &l, g->thing, self, 1);
    mn_try_step s = step_of(g->robot, &r->grasp, g->thing, -1, g->job);
    emit(t, &s, &l, -1, steps);
    return 0;
}

static int put(mn_try *t, const mn_leg *g, int steps) {
    const mn_plan_robot *r = t->w->robot + g->robot;
    const int room = mn_plan_room_for(t->w, g->to);
    looks l = {.n = 0};
    MN_TRY(meet(t, g, g->to, steps));
    MN_TRY(get_at(t, g->to, g->robot, g->job, steps));
    MN_TRY(turn(t, g->to, 1, g->robot, 0, g->job, steps));
    if (g->partner < 0)
        MN_TRY(be_at(t, g->robot, mn_plan_stand(t->w, &t->st, g->to), g->job, steps));
    if (room >= 0 && t->count[g->to] >= room)
        return cannot(t, "%s has room for %d, and has %d", mn_plan_name(t->w, g->to), room,
                      t->count[g->to]);
    look_up(t, &l, g->to);
    look_at(&l, var_location(t, g->thing), 1);
    if (is_closable(t, g->to)) look_at(&l, var_open(t, g->to), 0);
    const int by = carrier(t, g->to);
    if (by >= 0 && by != g->robot) MN_TRY(load_on(t, &l, by, weight_of(t, g->thing)));
    if (t->tight[g->to]) look_at(&l, var_room(t, g->to), 1);
    move(t, &l, g->thing, g->to, 0);
    mn_try_step s = step_of(g->robot, &r->put, g->thing, g->to, g->job);
    emit(t, &s, &l, -1, steps);
    return 0;
}

static int give(mn_try *t, const mn_leg *g, int steps) {
    const mn_plan_robot *r = t->w->robot + g->robot, *to = t->w->robot + g->partner;
    const int other = t->w->n_things + g->partner;
    looks l = {.n = 0};
    MN_TRY(meet(t, g, other, steps));
    if (t->hands[g->partner] >= to->seen->n_hands)
        return cannot(t, "%s has no free hand for the %s", to->seen->name,
                      mn_plan_name(t->w, g->thing));
    look_at(&l, var_at(t, g->partner), 0);
    look_at(&l, var_location(t, g->thing), 1);
    MN_TRY(load_on(t, &l, g->partner, weight_of(t, g->thing)));
    move(t, &l, g->thing, other, 1);
    mn_try_step s = step_of(g->robot, &r->give, g->thing, other, g->job);
    emit(t, &s, &l, g->partner, steps);
    return 0;
}

static int work(mn_try *t, const mn_leg *g, int steps) {
    const mn_skill *k = g->skill;
    looks l = {.n = 0};
    int param = -1;
    MN_TRY(be_at(t, g->robot, g->site, g->job, steps));
    if (carrier(t, g->thing) != g->robot) MN_TRY(get_at(t, g->thing, g->robot, g->job, steps));
    for (int i = 0; i < k->n_needs; i++) {
        const mn_fact *f = k->needs + i;
        const int e = mn_plan_entity(t->w, f->arg[0]);
        if (f->name == MN_FACT_OPEN && e >= 0) {
            MN_TRY(turn(t, e, !f->not_, g->robot, 0, g->job, steps));
            MN_TRY(be_at(t, g->robot, g->site, g->job, steps));
            look_at(&l, var_open(t, e), 0);
        }
        if (f->name == MN_FACT_FREE && f->arg[0] && !strcmp(f->arg[0], "robot") &&
            t->hands[g->robot] >= t->w->robot[g->robot].seen->n_hands)
            return cannot(t, "%s has no free hand to %s the %s", t->w->robot[g->robot].seen->name,
                          k->name, mn_plan_name(t->w, g->thing));
    }
    for (int i = 0; i < k->n_makes; i++)
        for (int p = 0; p < k->n_params; p++)
            if (k->makes[i].name == MN_FACT_IS && !strcmp(k->makes[i].arg[0], k->param[p]))
                param = p;
    look_up(t, &l, g->thing);
    look_at(&l, var_location(t, g->thing), 1);
    look_at(&l, var_is(t, g->thing), 1);
    const mn_op op = {k, param, -1};
    mn_try_step s = step_of(g->robot, &op, g->thing, -1, g->job);
    emit(t, &s, &l, -1, steps);
    return 0;
}

static int leg(mn_try *t, const mn_leg *g, int steps) {
    switch (g->kind) {
    case MN_LEG_GRASP: return grasp(t, g, steps);
    case MN_LEG_PUT: return put(t, g, steps);
    case MN_LEG_GIVE: return give(t, g, steps);
    case MN_LEG_WORK: return work(t, g, steps);
    case MN_LEG_OPEN: return turn(t, g->to, 1, g->robot, 1, g->job, steps);
    }
    return 0;
}

/* ---- the end of a stage --------------------------------------------------------------------- */
static int is_door(const mn_try *t, int e) {
    return mn_plan_kind(t->w, e) == MN_DOOR;
}

static int open_goals(mn_try *t, int stage, int steps) {
    for (int i = 0; i < t->goals->n; i++) {
        const mn_fact *f = t->goals->goal + i;
        if (t->goals->stage[i] != stage || f->name != MN_FACT_OPEN || f->not_) continue;
        const int e = mn_plan_entity(t->w, f->arg[0]);
        if (e >= 0) MN_TRY(turn(t, e, 1, -1, 0, i, steps));
    }
    return 0;
}

/* Is e to be closed now? The goal that says so, or -1: it was closed before. */
static int is_to_close(const mn_try *t, int e, int stage, int is_last, int *goal) {
    int was = is_last && t->goals->close && !t->w->open[e];
    *goal = -1;
    for (int i = 0; i < t->goals->n; i++) {
        const mn_fact *f = t->goals->goal + i;
        if (f->name != MN_FACT_OPEN || mn_plan_entity(t->w, f->arg[0]) != e) continue;
        if (!f->not_) was = 0;
        if (f->not_ && t->goals->stage[i] == stage) *goal = i;
    }
    return t->st.open[e] && (was || *goal >= 0);
}

/* All that is to be closed, doors or other things; what takes longest to get to comes first, so
 * that nobody shuts himself out of where he has to go next. */
static int close_all(mn_try *t, int stage, int is_last, int doors, int steps) {
    for (;;) {
        int next = -1, why = -1, goal;
        double longest = 0;
        for (int i = 0; i < t->n_shuts; i++) {
            const int e = t->shuts[i];
            if (is_door(t, e) != doors || !is_to_close(t, e, stage, is_last, &goal)) continue;
            double soonest = -1;
            for (int r = 0; r < t->w->n_robots; r++) {
                const double when = door_time(t, r, 0, e);
                if (when >= 0 && (soonest < 0 || when < soonest)) soonest = when;
            }
            if (next >= 0 && soonest <= longest) continue;
            next = e, why = goal, longest = soonest;
        }
        if (next < 0) return 0;
        MN_TRY(turn(t, next, 0, -1, 0, why, steps));
    }
}

static int go_goals(mn_try *t, int stage, int steps) {
    for (int i = 0; i < t->goals->n; i++) {
        const mn_fact *f = t->goals->goal + i;
        if (t->goals->stage[i] != stage || f->name != MN_FACT_AT || f->not_) continue;
        const int robot = mn_plan_entity(t->w, f->arg[0]) - t->w->n_things;
        const int site = mn_plan_entity(t->w, f->arg[1]);
        if (t->st.at[robot] != site) {
            if (!t->w->robot[robot].usable)
                return cannot(t, "%s is not alive, or not to be used", f->arg[0]);
            if (!t->w->robot[robot].mobile)
                return cannot(t, "%s stands still: it cannot go to %s", f->arg[0], f->arg[1]);
            MN_TRY(be_at(t, robot, site, i, steps));
        }
        t->pinned[robot] = 1;
    }
    return 0;
}

static void wait_for_all(mn_try *t) {
    t->floor = t->last;
    memset(t->pinned, 0, (size_t)t->w->n_robots);
    for (int i = 0; i < t->w->n_robots; i++)
        if (t->own[i] >= 0) t->barrier[i] = t->own[i];
}

static int end_stage(mn_try *t, int stage, int is_last, int steps) {
    MN_TRY(open_goals(t, stage, steps));
    MN_TRY(close_all(t, stage, is_last, 0, steps));
    MN_TRY(go_goals(t, stage, steps));
    return close_all(t, stage, is_last, 1, steps);
}

static int say(mn_try *t, int steps) {
    if (!t->goals->say) return 0;
    wait_for_all(t);
    for (int i = 0; i < t->w->n_robots; i++) {
        const mn_skill *k = t->w->robot[i].say;
        if (!t->w->robot[i].usable || !k) continue;
        const mn_op op = {k, -1, -1};
        mn_try_step s = step_of(i, &op, -1, -1, -1);
        s.text = t->goals->say;
        const looks none = {.n = 0};
        emit(t, &s, &none, -1, steps);
        return 0;
    }
    return cannot(t, "nobody alive can say anything");
}

int mn_try_run(mn_try *t, const mn_leg *const *legs, int n, double limit, int steps) {
    const int last = t->goals->n ? t->goals->stage[t->goals->n - 1] : 0;
    const int robots = t->w->n_robots;
    memcpy(t->block, t->begin, t->block_bytes);
    t->floor = t->busy = t->last = 0;
    t->n = t->full = t->depth = 0;
    if (steps) {
        for (int i = 0; i < t->n_vars; i++) t->writer[i] = -1;
        for (int i = 0; i < t->n_vars * robots; i++) t->reader[i] = -1;
    }
    for (int i = 0; i < robots; i++) t->own[i] = t->barrier[i] = -1;
    for (int i = 0, stage = 0; stage <= last && stage <= t->stage; stage++) {
        for (; i < n && legs[i]->stage <= stage; i++) {
            MN_TRY(leg(t, legs[i], steps));
            if (t->last > limit) return cannot(t, "it takes too long");
        }
        MN_TRY(end_stage(t, stage, stage == last, steps));
        if (stage < last) wait_for_all(t);
    }
    if (t->stage >= last) MN_TRY(say(t, steps));
    if (t->full) return cannot(t, "the plan has more than %d steps", MN_PLAN_STEPS);
    return t->last > limit ? cannot(t, "it takes too long") : 0;
}
