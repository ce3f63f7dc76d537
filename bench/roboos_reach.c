/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/roboos_reach.c - see bench/roboos_reach.h.
 */
#include "bench/roboos_reach.h"

#include "base/error.h"

#include <math.h>
#include <string.h>

/* ---- worlds as scenes ---------------------------------------------------------------------- */
static int join(mn_roboos_world *w, const json_t *profile) {
    mn_skill_host *host = NULL;
    mn_actor_robot **const r = &w->robot[w->n];
    uint64_t again;
    if (w->n == 64) return MN_FAIL(MN_EFULL, "a world has more than 64 robots");
    MN_TRY(mn_actor_robot_join(w->board, profile, NULL, 0, r));
    w->n++;
    MN_TRY(mn_sim_body_open(w->board, mn_actor_robot_name(*r), 1, 1, 0, mn_actor_robot_state(*r),
                            &host));
    MN_TRY(mn_actor_robot_plug(*r, host));
    MN_TRY(mn_actor_robot_publish(*r));
    return mn_actor_robot_step(*r, &again);
}

static int fill(mn_roboos_world *w, const json_t *world) {
    json_t *one;
    size_t i;
    mn_board_clock(w->board, 1000000000, 1000000);
    MN_TRY(mn_fleet_world_put(w->board, world, ""));
    MN_TRY(mn_fleet_world_put(w->board, world, "sim/"));
    json_array_foreach(json_object_get(world, "robots"), i, one) MN_TRY(join(w, one));
    return mn_scene_read(w->board, "", &w->scene, NULL);
}

int mn_roboos_world_open(const json_t *world, mn_roboos_world *out) {
    memset(out, 0, sizeof *out);
    MN_TRY(mn_board_open_heap(NULL, &out->board));
    const int rc = fill(out, world);
    if (rc < 0) mn_roboos_world_close(out);
    return rc < 0 ? rc : 0;
}

void mn_roboos_world_close(mn_roboos_world *w) {
    mn_scene_free(&w->scene);
    for (int i = 0; i < w->n; i++) mn_actor_robot_die(&w->robot[i]);
    if (w->board) mn_board_close(&w->board);
    memset(w, 0, sizeof *w);
}

/* ---- who gets where ------------------------------------------------------------------------ */
enum { ROBOTS = 64, THINGS = 256 };
typedef struct reach {
    const mn_scene *s;
    char there[ROBOTS][THINGS]; /* the robot gets into this room */
    char open[THINGS];          /* it is, or somebody can open it */
    char lives[ROBOTS];
} reach;

static int number(const reach *r, const char *name) {
    const mn_thing *const t = mn_scene_thing(r->s, name);
    return t ? (int)(t - r->s->thing) : -1;
}

static double metres(const mn_scene *s, const mn_robot_seen *who, const mn_thing *t) {
    mn_pose at;
    return mn_scene_pose(s, t->name, &at) < 0
               ? INFINITY
               : hypot(at.p[0] - who->state.p[0], at.p[1] - who->state.p[1]);
}

/* The robot gets its hands, or its tray, to where e is. */
static int gets(const reach *r, int robot, int e) {
    const mn_robot_seen *const who = r->s->robot + robot;
    const mn_thing *const t = r->s->thing + e;
    if (who->speed <= 0) return !strcmp(who->at, t->name) || metres(r->s, who, t) <= who->reach;
    if (t->kind == MN_ROOM) return r->there[robot][e];
    if (t->kind == MN_DOOR) {
        const int a = number(r, t->joins[0]), b = number(r, t->joins[1]);
        return (a >= 0 && r->there[robot][a]) || (b >= 0 && r->there[robot][b]);
    }
    const int room = number(r, mn_scene_room(r->s, t->name));
    return room >= 0 && r->there[robot][room];
}

/* One more room, or one more thing that is open: 1. */
static int spread(reach *r) {
    int more = 0;
    for (int e = 0; e < r->s->n_things; e++)
        for (int i = 0; i < r->s->n_robots; i++) {
            const mn_thing *const t = r->s->thing + e;
            if (!r->lives[i] || (t->open < 0 && t->kind != MN_DOOR)) continue;
            if (!r->open[e] && r->s->robot[i].n_hands && gets(r, i, e)) more = r->open[e] = 1;
            if (t->kind != MN_DOOR || !r->open[e] || r->s->robot[i].speed <= 0) continue;
            const int a = number(r, t->joins[0]), b = number(r, t->joins[1]);
            if (a < 0 || b < 0 || r->there[i][a] == r->there[i][b]) continue;
            more = r->there[i][a] = r->there[i][b] = 1;
        }
    return more;
}

static void read_reach(reach *r, const mn_scene *s, const char *dead) {
    memset(r, 0, sizeof *r);
    r->s = s;
    for (int e = 0; e < s->n_things; e++) r->open[e] = s->thing[e].open != 0;
    for (int i = 0; i < s->n_robots; i++) {
        const int room = number(r, mn_scene_room(s, s->robot[i].name));
        r->lives[i] = s->robot[i].alive && (!dead || strcmp(s->robot[i].name, dead));
        if (room >= 0) r->there[i][room] = 1;
    }
    while (spread(r)) {
    }
}

/* Two robots can be at one place. */
static int meet(const reach *r, int a, int b) {
    for (int e = 0; e < r->s->n_things; e++)
        if (r->s->thing[e].kind == MN_FURNITURE && gets(r, a, e) && gets(r, b, e)) return 1;
    return 0;
}

/* ---- where a thing gets ---------------------------------------------------------------------- */
typedef struct spots {
    char place[THINGS], hand[ROBOTS], tray[ROBOTS];
} spots;

/* From hand i to everybody else's hand and tray, and from his tray. */
static int hand_on(const reach *r, spots *at, int i, double kg) {
    int more = 0;
    for (int c = 0; c < r->s->n_robots; c++) {
        const mn_robot_seen *const to = r->s->robot + c;
        if (!r->lives[c] || to->payload < kg || (c != i && !meet(r, i, c))) continue;
        if (at->hand[i] && to->n_hands && !at->hand[c]) more = at->hand[c] = 1;
        if (at->hand[i] && to->room_for > 0 && !at->tray[c]) more = at->tray[c] = 1;
        if (at->tray[c] && !at->hand[i]) more = at->hand[i] = 1;
    }
    return more;
}

static int pass_on(const reach *r, spots *at, double kg) {
    int more = 0;
    for (int i = 0; i < r->s->n_robots; i++) {
        if (!r->lives[i] || !r->s->robot[i].n_hands || r->s->robot[i].payload < kg) continue;
        for (int e = 0; e < r->s->n_things; e++) {
            const mn_thing *const t = r->s->thing + e;
            if (t->kind == MN_DOOR || !r->open[e] || !gets(r, i, e)) continue;
            if (at->place[e] && !at->hand[i]) more = at->hand[i] = 1;
            if (at->hand[i] && !at->place[e] && t->room_for != 0) more = at->place[e] = 1;
        }
        more |= hand_on(r, at, i, kg);
    }
    return more;
}

static int gets_to(const reach *r, const mn_thing *t, int to) {
    spots at = {{0}, {0}, {0}};
    const int from = number(r, t->at);
    const mn_robot_seen *const by = mn_scene_robot(r->s, t->at);
    if (from == to) return 1;
    if (from >= 0) at.place[from] = 1;
    if (by) (mn_scene_in_hand(r->s, by->name, t->name) ? at.hand : at.tray)[by - r->s->robot] = 1;
    while (!at.place[to] && pass_on(r, &at, t->mass)) {
    }
    return at.place[to];
}

int mn_roboos_reachable(const mn_scene *s, const mn_goals *g, const char *dead, const char **why) {
    reach r;
    if (s->n_things > THINGS || s->n_robots > ROBOTS)
        return MN_FAIL(MN_EFULL, "%d things and %d robots are more than are looked at", s->n_things,
                       s->n_robots);
    read_reach(&r, s, dead);
    for (int i = 0; i < g->n; i++) {
        const mn_fact *const f = g->goal + i;
        const mn_thing *const t = mn_scene_thing(s, f->arg[0]);
        const int to = number(&r, f->arg[1] ? f->arg[1] : "");
        if (f->name != MN_FACT_IN || f->not_ || !t || to < 0)
            return MN_FAIL(MN_EUNSUPPORTED, "only in(thing, place) is looked at");
        if (gets_to(&r, t, to)) continue;
        if (why) *why = t->name;
        return 0;
    }
    return 1;
}
