/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/plan_ways.c - the ways one thing may take: shortest paths through hands, trays and places.
 *
 * A node is where the thing is (at a place; in a hand or on a tray of robot r that is at site s),
 * and how many of its words are true already. Edges are what robots can do: take it, put it on a
 * place or a tray, give it to another, drive with it, make a word true. They cost seconds; that
 * robots have to come from where they are counts in part, as they come while others work.
 * Dijkstra, again and again: with each robot alone, then with all while those that were used become
 * dearer, so that ways by other robots come up. O(ways * nodes^2), nodes about places + 2 robots *
 * sites.
 */
#include "fleet/plan_try.h"

#include "base/error.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { PLACES = 24, SITES = 24, PHASES = 5, ROUNDS = 8 };
#define COMING 0.3 /* how much the way of who only comes along counts */
#define DEARER 1.7

typedef struct node {
    double cost;
    int from; /* node */
    int done;
    mn_leg leg; /* what led here; thing -1: nothing but driving */
} node;

typedef struct finder {
    mn_try *t;
    mn_plan_world *w;
    const mn_wish *wish;
    int place[PLACES], n_places, site[SITES], n_sites;
    node *node;
    int per_phase, n_nodes;
    double dear[MN_PLAN_ROBOTS]; /* factor; < 0: not to be used */
} finder;

/* ---- nodes ---------------------------------------------------------------------------------- */
static int place_node(const finder *f, int phase, int p) {
    return phase * f->per_phase + p;
}
static int robot_node(const finder *f, int phase, int robot, int tray, int site) {
    return phase * f->per_phase + f->n_places + ((robot * 2 + tray) * f->n_sites) + site;
}

static int find(const int *list, int n, int e) {
    for (int i = 0; i < n; i++)
        if (list[i] == e) return i;
    return -1;
}
static void add(int *list, int *n, int most, int e) {
    if (e >= 0 && find(list, *n, e) < 0 && *n < most) list[(*n)++] = e;
}

static void relax(finder *f, int from, int to, double cost, const mn_leg *leg) {
    node *v = f->node + to;
    const double all = f->node[from].cost + cost;
    if (!(all < v->cost - 1e-9)) return;
    v->cost = all;
    v->from = from;
    v->leg = leg ? *leg : (mn_leg){.thing = -1};
}

/* ---- what may be ---------------------------------------------------------------------------- */
static int can(const finder *f, int robot, const mn_op *op) {
    const mn_wish *w = f->wish;
    return f->dear[robot] >= 0 && op->skill && !f->w->banned[robot * f->w->n + w->thing];
}
static int carries(const finder *f, int robot) {
    return f->w->robot[robot].seen->payload + 1e-9 >=
           mn_plan_weight(f->w, &f->t->st, f->wish->thing);
}
/* Of the place where the thing is now: where the thing is, which may be the floor of a room. */
static int stand(const finder *f, int e) {
    const int thing = f->wish->thing;
    if (mn_plan_kind(f->w, e) == MN_ROOM && f->t->st.holder[thing] == e)
        return mn_plan_stand(f->w, &f->t->st, thing);
    return mn_plan_stand(f->w, &f->t->st, e);
}

/* Seconds until the robot is at the site; < 0: never. */
static double coming(const finder *f, int robot, int site) {
    const int self = f->w->n_things + robot, at = f->t->st.at[robot];
    if (!f->w->robot[robot].mobile) return mn_plan_fixed_reaches(f->w, robot, site) ? 0 : -1;
    if (at == site) return 0;
    return mn_try_drive(f->t, robot, f->t->st.moved[self] ? at : self, site, NULL);
}
/* Where it is as a site: a place, or itself when it is at none where others come, too. */
static int site_of(const finder *f, int robot) {
    const int at = f->t->st.at[robot];
    const int meets = at >= 0 && !mn_plan_is_robot(f->w, at) && mn_plan_kind(f->w, at) != MN_DOOR;
    return meets ? at : f->w->n_things + robot;
}

static mn_leg leg_of(const finder *f, mn_leg_kind kind, int robot, int to, int site, int partner) {
    return (mn_leg){.kind = kind,
                    .robot = robot,
                    .partner = partner,
                    .thing = f->wish->thing,
                    .to = to,
                    .site = site,
                    .job = f->wish->job,
                    .stage = f->wish->stage};
}

/* Does who stands still get at the thing, where it is now or where it was put down? */
static int gets(const finder *f, int robot, int place) {
    const mn_plan_state *st = &f->t->st;
    const int thing = f->wish->thing;
    if (st->holder[thing] == place || place == thing) {
        if (mn_plan_shut(f->w, st, thing) >= 0)
            return mn_plan_fixed_reaches(f->w, robot, stand(f, place));
        return mn_plan_reaches(f->w, st, robot, thing);
    }
    return mn_plan_fixed_reaches(f->w, robot, stand(f, place));
}

/* ---- edges ---------------------------------------------------------------------------------- */
static void from_place(finder *f, int u, int phase, int p) {
    const int place = f->place[p], at = stand(f, place);
    if (mn_plan_kind(f->w, f->wish->thing) != MN_OBJECT_KIND) return;
    for (int r = 0; r < f->w->n_robots; r++) {
        const mn_plan_robot *robot = f->w->robot + r;
        if (!can(f, r, &robot->grasp) || !carries(f, r)) continue;
        int s = 0;
        double come = 0;
        if (robot->mobile) {
            s = find(f->site, f->n_sites, at);
            if (s < 0 || (come = coming(f, r, at)) < 0) continue;
        } else if (!gets(f, r, place))
            continue;
        const mn_leg g = leg_of(f, MN_LEG_GRASP, r, -1, -1, -1);
        relax(f, u, robot_node(f, phase, r, 0, s),
              f->dear[r] * (robot->grasp.skill->seconds + come), &g);
    }
}

static void drive_edges(finder *f, int u, int phase, int r, int tray, int s) {
    if (!f->w->robot[r].mobile) return;
    for (int k = 0; k < f->n_sites; k++) {
        const double way = k == s || mn_plan_is_robot(f->w, f->site[k])
                               ? -1
                               : mn_try_drive(f->t, r, f->site[s], f->site[k], NULL);
        if (way >= 0) relax(f, u, robot_node(f, phase, r, tray, k), f->dear[r] * way, NULL);
    }
}

static int takes(const finder *f, int place) {
    const int room = mn_plan_room_for(f->w, place);
    return !mn_plan_below(f->w, &f->t->st, place, f->wish->thing) && room != 0;
}

static void put_edges(finder *f, int u, int phase, int r, int s) {
    const mn_plan_robot *robot = f->w->robot + r;
    const int at = robot->mobile ? f->site[s] : -1;
    if (!can(f, r, &robot->put)) return;
    for (int p = 0; p < f->n_places; p++) {
        const int place = f->place[p], from = stand(f, place);
        if (!takes(f, place) || mn_plan_is_robot(f->w, place) || f->w->banned[r * f->w->n + place])
            continue;
        if (robot->mobile ? at != from : !mn_plan_fixed_reaches(f->w, r, from)) continue;
        const mn_leg g = leg_of(f, MN_LEG_PUT, r, place, -1, -1);
        relax(f, u, place_node(f, phase, p), f->dear[r] * robot->put.skill->seconds, &g);
    }
}

/* A place that stays when something is taken from it: at a thing on the floor nobody meets, since
 * when it is taken, nothing is there any more. */
static int is_lasting(const finder *f, int site) {
    return !mn_plan_is_robot(f->w, site) && mn_plan_kind(f->w, site) != MN_OBJECT_KIND;
}

/* Site number k as one where robot r, that is at number s now, is with another. */
static int meets(const finder *f, int r, int s, int k) {
    if (mn_plan_is_robot(f->w, f->site[k]) && k != s) return 0;
    return f->w->robot[r].mobile ? k == s : mn_plan_fixed_reaches(f->w, r, f->site[k]);
}

static void load_edges(finder *f, int u, int phase, int r, int s) {
    const mn_plan_robot *robot = f->w->robot + r;
    if (!can(f, r, &robot->put)) return;
    for (int c = 0; c < f->w->n_robots; c++) {
        const mn_plan_robot *to = f->w->robot + c;
        const int self = f->w->n_things + c;
        if (to->seen->room_for <= 0 || f->dear[c] < 0 || !carries(f, c)) continue;
        if (f->w->banned[c * f->w->n + f->wish->thing]) continue;
        for (int k = 0; k < f->n_sites; k++) {
            if (c == r ? k != s : !meets(f, r, s, k)) continue;
            if (c != r && !is_lasting(f, f->site[k])) continue;
            const double come = c == r ? 0 : coming(f, c, f->site[k]);
            if (come < 0) continue;
            const mn_leg g = leg_of(f, MN_LEG_PUT, r, self, c == r ? -1 : f->site[k], c);
            relax(f, u, robot_node(f, phase, c, 1, to->mobile ? k : 0),
                  f->dear[r] * robot->put.skill->seconds + f->dear[c] * COMING * come, &g);
        }
    }
}

static void unload_edges(finder *f, int u, int phase, int c, int s) {
    const mn_plan_robot *from = f->w->robot + c;
    for (int r = 0; r < f->w->n_robots; r++) {
        const mn_plan_robot *robot = f->w->robot + r;
        if (!can(f, r, &robot->grasp) || !carries(f, r)) continue;
        if (r == c) {
            const mn_leg g = leg_of(f, MN_LEG_GRASP, r, -1, -1, c);
            relax(f, u, robot_node(f, phase, r, 0, s), f->dear[r] * robot->grasp.skill->seconds,
                  &g);
            continue;
        }
        const int at = from->mobile ? f->site[s] : from->at;
        if (at < 0) continue;
        const int meet = mn_plan_is_robot(f->w, at) ? from->at : at;
        const int k = find(f->site, f->n_sites, meet);
        const int may = meet >= 0 && k >= 0 && is_lasting(f, meet);
        const double come = may ? coming(f, r, meet) : -1;
        if (come < 0) continue;
        const mn_leg g = leg_of(f, MN_LEG_GRASP, r, -1, meet, c);
        relax(f, u, robot_node(f, phase, r, 0, robot->mobile ? k : 0),
              f->dear[r] * (robot->grasp.skill->seconds + COMING * come), &g);
    }
}

static int is_near(const finder *f, int a, int b) {
    const mn_plan_robot *x = f->w->robot + a, *y = f->w->robot + b;
    return x->placed && y->placed &&
           hypot(x->start.x - y->start.x, x->start.y - y->start.y) <= x->seen->reach;
}

static void give_edges(finder *f, int u, int phase, int r, int s) {
    const mn_plan_robot *robot = f->w->robot + r;
    if (!can(f, r, &robot->give)) return;
    for (int c = 0; c < f->w->n_robots; c++) {
        const mn_plan_robot *to = f->w->robot + c;
        if (c == r || f->dear[c] < 0 || !to->seen->n_hands || !carries(f, c) ||
            f->w->banned[c * f->w->n + f->wish->thing])
            continue;
        const double cost = f->dear[r] * robot->give.skill->seconds;
        if (!robot->mobile && !to->mobile) {
            const mn_leg g = leg_of(f, MN_LEG_GIVE, r, -1, -1, c);
            if (is_near(f, r, c)) relax(f, u, robot_node(f, phase, c, 0, 0), cost, &g);
            continue;
        }
        for (int k = 0; k < f->n_sites; k++) {
            if (!meets(f, r, s, k) || !is_lasting(f, f->site[k])) continue;
            if (!to->mobile && to->at != f->site[k]) continue;
            const double come = coming(f, c, f->site[k]);
            if (come < 0) continue;
            const mn_leg g = leg_of(f, MN_LEG_GIVE, r, -1, f->site[k], c);
            relax(f, u, robot_node(f, phase, c, 0, to->mobile ? k : 0),
                  cost + f->dear[c] * COMING * come, &g);
        }
    }
}

/* ---- words ---------------------------------------------------------------------------------- */
/* The skill makes the word true of a parameter, and has no other that it needs. */
static int makes_word(const mn_skill *k, const char *word, const char **param) {
    for (int i = 0; i < k->n_makes; i++) {
        const mn_fact *m = k->makes + i;
        if (m->name != MN_FACT_IS || m->not_ || strcmp(m->arg[1], word) != 0) continue;
        *param = m->arg[0];
        const json_t *need = json_object_get(k->schema, "required");
        int more = 0, known = 0;
        for (int p = 0; p < k->n_params; p++) known |= !strcmp(k->param[p], *param);
        for (size_t p = 0; p < json_array_size(need); p++) {
            const char *name = json_string_value(json_array_get(need, p));
            more |= name && strcmp(name, *param) != 0;
        }
        if (known && !more) return 1;
    }
    return 0;
}

/* Where the robot has to be to do it while the thing is at node (place >= 0, or in its own hand at
 * site); -1: it cannot be done there, -2: anywhere. */
static int work_site(const finder *f, int r, const mn_skill *k, const char *param, int place,
                     int site) {
    int at = place >= 0 ? stand(f, place) : site;
    for (int i = 0; i < k->n_needs; i++) {
        const mn_fact *n = k->needs + i;
        const int self = n->arg[0] && !strcmp(n->arg[0], "robot");
        const int it = n->arg[0] && !strcmp(n->arg[0], param);
        const int e = n->arg[1] ? mn_plan_entity(f->w, n->arg[1]) : -1;
        if (n->name == MN_FACT_HOLDING && self && n->arg[1] && !strcmp(n->arg[1], param) &&
            (place >= 0) == !n->not_)
            return -1;
        if (n->name == MN_FACT_IN && it && (place == e) == n->not_) return -1;
        if (n->name == MN_FACT_AT && self && !n->not_) {
            if (e < 0 || (f->w->robot[r].mobile ? place < 0 && site != e : f->w->robot[r].at != e))
                return -1;
            at = e;
        }
        if (n->name == MN_FACT_REACHES && self && e >= 0 && place < 0 &&
            (f->w->robot[r].mobile ? stand(f, e) != site
                                   : !mn_plan_fixed_reaches(f->w, r, stand(f, e))))
            return -1;
    }
    return at;
}

static void work_edges(finder *f, int u, int phase, int place, int robot, int s) {
    if (phase >= f->wish->n_words) return;
    for (int r = 0; r < f->w->n_robots; r++) {
        const mn_plan_robot *w = f->w->robot + r;
        if ((robot >= 0 && r != robot) || f->dear[r] < 0 ||
            f->w->banned[r * f->w->n + f->wish->thing])
            continue;
        for (int i = 0; i < w->seen->skills.n; i++) {
            const mn_skill *k = w->seen->skills.skill + i;
            const char *param;
            if (!mn_skill_fits(k, w->seen->body) || !makes_word(k, f->wish->word[phase], &param))
                continue;
            const int hand_site = robot >= 0 && w->mobile ? f->site[s] : -1;
            const int at = work_site(f, r, k, param, robot >= 0 ? -1 : place, hand_site);
            if (at == -1 && !(robot >= 0 && !w->mobile)) continue;
            const double come = robot >= 0 ? 0 : coming(f, r, at);
            if (come < 0) continue;
            mn_leg g = leg_of(f, MN_LEG_WORK, r, -1, w->mobile ? at : -1, -1);
            g.skill = k;
            relax(f, u, u + f->per_phase, f->dear[r] * (k->seconds + come), &g);
        }
    }
}

/* ---- the search ----------------------------------------------------------------------------- */
static int is_end(const finder *f, int u) {
    const int phase = u / f->per_phase, at = u % f->per_phase;
    const int to = f->wish->to;
    if (phase < f->wish->n_words) return 0;
    if (to < 0) return 1;
    if (at < f->n_places) return f->place[at] == to && !f->wish->held;
    const int robot = (at - f->n_places) / (2 * f->n_sites);
    const int tray = (at - f->n_places) / f->n_sites % 2;
    return f->w->n_things + robot == to && tray == !f->wish->held;
}

static void spread(finder *f, int u) {
    const int phase = u / f->per_phase, at = u % f->per_phase;
    if (at < f->n_places) {
        from_place(f, u, phase, at);
        work_edges(f, u, phase, f->place[at], -1, -1);
        return;
    }
    const int robot = (at - f->n_places) / (2 * f->n_sites), s = (at - f->n_places) % f->n_sites;
    const int tray = (at - f->n_places) / f->n_sites % 2;
    if (f->dear[robot] < 0) return;
    drive_edges(f, u, phase, robot, tray, s);
    if (tray) {
        unload_edges(f, u, phase, robot, s);
        return;
    }
    put_edges(f, u, phase, robot, s);
    load_edges(f, u, phase, robot, s);
    give_edges(f, u, phase, robot, s);
    work_edges(f, u, phase, -1, robot, s);
}

/* Where the thing is when the search begins; -1: in a hand that nobody may use. */
static int first_node(const finder *f) {
    const int thing = f->wish->thing, h = f->t->st.holder[thing];
    const int movable = mn_plan_kind(f->w, thing) == MN_OBJECT_KIND;
    if (!movable || h < 0) return place_node(f, 0, find(f->place, f->n_places, thing));
    if (!mn_plan_is_robot(f->w, h)) return place_node(f, 0, find(f->place, f->n_places, h));
    const int r = h - f->w->n_things;
    const int start = site_of(f, r);
    if (f->dear[r] >= 0)
        return robot_node(f, 0, r, !f->t->st.hand[thing],
                          f->w->robot[r].mobile ? find(f->site, f->n_sites, start) : 0);
    return f->t->st.hand[thing] ? -1 : place_node(f, 0, find(f->place, f->n_places, h));
}

/* The shortest way that there is now; 0: there is none. */
static int search(finder *f, mn_way *out) {
    const int first = first_node(f);
    int end = -1;
    if (first < 0) return 0;
    for (int i = 0; i < f->n_nodes; i++) f->node[i].cost = INFINITY, f->node[i].done = 0;
    f->node[first].cost = 0;
    f->node[first].from = -1;
    f->node[first].leg.thing = -1;
    while (end < 0) {
        int u = -1;
        for (int i = 0; i < f->n_nodes; i++)
            if (!f->node[i].done && f->node[i].cost < INFINITY &&
                (u < 0 || f->node[i].cost < f->node[u].cost))
                u = i;
        if (u < 0) return 0;
        f->node[u].done = 1;
        if (is_end(f, u))
            end = u;
        else
            spread(f, u);
    }
    mn_leg back[64];
    int n = 0;
    for (int u = end; u >= 0 && n < 64; u = f->node[u].from)
        if (f->node[u].leg.thing >= 0) back[n++] = f->node[u].leg;
    if (!n || n > MN_LEGS) return 0;
    *out = (mn_way){.n = n, .seconds = f->node[end].cost};
    for (int i = 0; i < n; i++) out->leg[i] = back[n - 1 - i];
    return 1;
}

static int is_same(const mn_way *a, const mn_way *b) {
    if (a->n != b->n) return 0;
    for (int i = 0; i < a->n; i++)
        if (a->leg[i].kind != b->leg[i].kind || a->leg[i].robot != b->leg[i].robot ||
            a->leg[i].partner != b->leg[i].partner || a->leg[i].to != b->leg[i].to ||
            a->leg[i].site != b->leg[i].site || a->leg[i].skill != b->leg[i].skill)
            return 0;
    return 1;
}

static void keep(mn_way *out, int *n, const mn_way *way) {
    for (int i = 0; i < *n; i++)
        if (is_same(out + i, way)) return;
    if (*n < MN_WAYS) out[(*n)++] = *way;
}

/* The same, but what is closed is opened before anything is in the hand. */
static void keep_open_first(finder *f, mn_way *out, int *n, const mn_way *way) {
    mn_way first = {.seconds = way->seconds};
    const mn_leg *last = way->leg + way->n - 1;
    const int r = last->robot;
    if (!f->w->robot[r].open.skill || way->leg[0].robot != r) return;
    const int from = stand(f, f->wish->thing);
    uint64_t doors = 0;
    if (last->to >= 0 && f->w->robot[r].mobile)
        mn_try_drive(f->t, r, from, stand(f, last->to), &doors);
    for (int d = 0; d < f->w->routes.n_doors; d++) {
        const int e = (int)(f->w->routes.door[d] - f->w->s->thing);
        if (!(doors >> d & 1) || f->w->open[e] || first.n + way->n >= MN_LEGS) continue;
        first.leg[first.n++] = leg_of(f, MN_LEG_OPEN, r, e, -1, -1);
    }
    if (last->to >= 0 && !mn_plan_is_robot(f->w, last->to) && !f->w->open[last->to] &&
        first.n + way->n < MN_LEGS)
        first.leg[first.n++] = leg_of(f, MN_LEG_OPEN, r, last->to, -1, -1);
    if (!first.n) return;
    memcpy(first.leg + first.n, way->leg, (size_t)way->n * sizeof *way->leg);
    first.n += way->n;
    keep(out, n, &first);
}

/* The same, but on the robot's own tray in between, so that the hand is free on the way. */
static void keep_on_tray(finder *f, mn_way *out, int *n, const mn_way *way) {
    for (int i = 0; i + 1 < way->n && way->n + 2 <= MN_LEGS; i++) {
        const mn_leg *a = way->leg + i, *b = a + 1;
        const int r = a->robot, tray = f->w->n_things + r;
        if (a->kind != MN_LEG_GRASP || b->kind != MN_LEG_PUT || b->robot != r || b->to == tray ||
            a->partner == r || f->w->robot[r].seen->room_for <= 0 || !f->w->robot[r].mobile)
            continue;
        mn_way two = {.n = way->n + 2, .seconds = way->seconds};
        memcpy(two.leg, way->leg, (size_t)(i + 1) * sizeof *two.leg);
        two.leg[i + 1] = leg_of(f, MN_LEG_PUT, r, tray, -1, r);
        two.leg[i + 2] = leg_of(f, MN_LEG_GRASP, r, -1, -1, r);
        memcpy(two.leg + i + 3, b, (size_t)(way->n - i - 1) * sizeof *two.leg);
        keep(out, n, &two);
        return;
    }
}

static void allow(finder *f, int only) {
    for (int r = 0; r < f->w->n_robots; r++)
        f->dear[r] = f->w->robot[r].usable && (only < 0 || only == r) ? 1 : -1;
}

/* Places and sites that may matter: both ends, what skills ask for, and what arms that stand still
 * reach, to hand things on there. */
static void gather(finder *f) {
    const mn_wish *w = f->wish;
    const int h = f->t->st.holder[w->thing], self = w->thing;
    const int movable = mn_plan_kind(f->w, self) == MN_OBJECT_KIND;
    add(f->place, &f->n_places, PLACES, movable && h >= 0 ? h : self);
    if (w->to >= 0 && !mn_plan_is_robot(f->w, w->to)) add(f->place, &f->n_places, PLACES, w->to);
    for (int r = 0; r < f->w->n_robots; r++) {
        const mn_skills *all = &f->w->s->robot[r].skills;
        for (int k = 0; w->n_words && k < all->n; k++)
            for (int m = 0; m < all->skill[k].n_needs; m++) {
                const mn_fact *n = all->skill[k].needs + m;
                const int e =
                    n->name == MN_FACT_AT || n->name == MN_FACT_IN || n->name == MN_FACT_REACHES
                        ? mn_plan_entity(f->w, n->arg[1])
                        : -1;
                if (e >= 0 && !mn_plan_is_robot(f->w, e)) add(f->place, &f->n_places, PLACES, e);
            }
    }
    for (int r = 0; r < f->w->n_robots; r++)
        for (int e = 0; e < f->w->n_things; e++)
            if (f->w->robot[r].usable && !f->w->robot[r].mobile &&
                mn_plan_kind(f->w, e) == MN_FURNITURE && mn_plan_fixed_reaches(f->w, r, e))
                add(f->place, &f->n_places, PLACES, e);
    for (int p = 0; p < f->n_places; p++) {
        const int at = stand(f, f->place[p]);
        const int meets = at >= 0 && (mn_plan_kind(f->w, at) != MN_DOOR || at == self);
        if (meets) add(f->site, &f->n_sites, SITES, at);
    }
    if (h >= 0 && mn_plan_is_robot(f->w, h))
        add(f->site, &f->n_sites, SITES, site_of(f, h - f->w->n_things));
    if (!f->n_sites) f->site[f->n_sites++] = f->place[0];
}

/* ---- why there is none ---------------------------------------------------------------------- */
static int no_carrier(const finder *f) {
    const double kg = mn_plan_weight(f->w, &f->t->st, f->wish->thing);
    const char *name = mn_plan_name(f->w, f->wish->thing);
    const mn_plan_robot *best = NULL;
    int alive = 0;
    for (int r = 0; r < f->w->n_robots; r++) {
        const mn_plan_robot *robot = f->w->robot + r;
        alive += robot->usable;
        if (!robot->usable || !robot->grasp.skill) continue;
        if (!best || robot->seen->payload > best->seen->payload) best = robot;
    }
    if (!alive)
        return MN_FAIL(MN_ENOENT, "%d robots are known, and none of them is alive and to be used",
                       f->w->n_robots);
    if (!best) return MN_FAIL(MN_ENOENT, "nobody alive has a hand that grasps: the %s stays", name);
    if (best->seen->payload + 1e-9 < kg)
        return MN_FAIL(MN_ENOENT,
                       "nobody alive can lift the %s, %.1f kg: the strongest, %s, lifts %.1f kg",
                       name, kg, best->seen->name, best->seen->payload);
    return 0;
}

static int no_reach(const finder *f) {
    const int thing = f->wish->thing, at = stand(f, thing);
    const mn_plan_robot *best = NULL;
    double nearest = INFINITY;
    for (int r = 0; r < f->w->n_robots; r++) {
        const mn_plan_robot *robot = f->w->robot + r;
        if (!robot->usable || !robot->grasp.skill || !carries(f, r)) continue;
        if (at >= 0 && coming(f, r, at) >= 0) return 0;
        if (gets(f, r, f->t->st.holder[thing])) return 0;
        const mn_spot *to = at >= 0 ? mn_plan_spot(f->w, at) : NULL;
        if (!to || !robot->placed) continue;
        const double far = hypot(to->x - robot->start.x, to->y - robot->start.y);
        if (far < nearest) nearest = far, best = robot;
    }
    if (!best) return MN_FAIL(MN_ENOENT, "nobody knows where the %s is", mn_plan_name(f->w, thing));
    return MN_FAIL(MN_ENOENT,
                   "nobody alive gets at the %s at %s: the nearest, %s, is %.1f m away, reaches "
                   "%.1f m and %s",
                   mn_plan_name(f->w, thing), mn_plan_name(f->w, at), best->seen->name, nearest,
                   best->seen->reach, best->mobile ? "finds no way there" : "does not drive");
}

static int no_way(const finder *f) {
    const mn_wish *w = f->wish;
    const int h = f->t->st.holder[w->thing];
    const char *name = mn_plan_name(f->w, w->thing);
    const int movable = mn_plan_kind(f->w, w->thing) == MN_OBJECT_KIND;
    if (w->to >= 0 || movable) MN_TRY(no_carrier(f));
    if (h >= 0 && mn_plan_is_robot(f->w, h) && f->t->st.hand[w->thing]) {
        if (!mn_plan_robot_of(f->w, h)->usable)
            return MN_FAIL(MN_ENOENT,
                           "the %s is in a hand of %s, who is not alive or not to be "
                           "used",
                           name, mn_plan_name(f->w, h));
    } else if (movable)
        MN_TRY(no_reach(f));
    if (w->n_words && w->to < 0)
        return MN_FAIL(MN_ENOENT, "nobody alive can make the %s %s", name, w->word[w->n_words - 1]);
    if (w->to >= 0 && mn_plan_is_robot(f->w, w->to) && !mn_plan_robot_of(f->w, w->to)->usable)
        return MN_FAIL(MN_ENOENT, "%s is not alive, or not to be used", mn_plan_name(f->w, w->to));
    if (w->to >= 0 && mn_plan_room_for(f->w, w->to) == 0)
        return MN_FAIL(MN_ENOENT, "%s has room for nothing", mn_plan_name(f->w, w->to));
    return MN_FAIL(MN_ENOENT,
                   "the %s cannot get from %s to %s: no robots alive reach both, or can pass it on "
                   "between",
                   name, mn_plan_name(f->w, h), mn_plan_name(f->w, w->to));
}

int mn_ways_find(mn_try *t, const mn_wish *wish, mn_way *out, int *n) {
    finder f = {.t = t, .w = t->w, .wish = wish};
    mn_way way;
    *n = 0;
    gather(&f);
    f.per_phase = f.n_places + 2 * f.n_sites * f.w->n_robots;
    f.n_nodes = f.per_phase * (wish->n_words + 1);
    MN_TRY(mn_arena_take(&f.w->arena, (size_t)f.n_nodes * sizeof *f.node, &f.node));
    for (int round = 0; round < ROUNDS; round++) {
        if (!round) allow(&f, -1);
        if (!search(&f, &way)) break;
        keep(out, n, &way);
        for (int i = 0; i < way.n; i++) {
            f.dear[way.leg[i].robot] *= DEARER;
            if (way.leg[i].partner >= 0 && way.leg[i].partner != way.leg[i].robot)
                f.dear[way.leg[i].partner] *= DEARER;
        }
    }
    for (int r = 0; r < f.w->n_robots && *n; r++) {
        allow(&f, r);
        if (f.w->robot[r].usable && search(&f, &way)) keep(out, n, &way);
    }
    const int found = *n;
    for (int i = 0; i < found; i++) {
        const mn_way one = out[i];
        keep_on_tray(&f, out, n, &one);
        keep_open_first(&f, out, n, &one);
    }
    if (*n) return 0;
    allow(&f, -1);
    return no_way(&f);
}
