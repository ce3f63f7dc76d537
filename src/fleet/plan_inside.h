/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/plan_inside.h - the world in numbers, as the files of the planner share it.
 *
 * An *entity* is a thing or a robot: things are 0 .. n_things - 1 as in the scene, robots follow.
 * What robots can do is found in their manifests: a skill that makes at(robot, P) drives, one that
 * makes holding(robot, T) grasps, in(T, P) puts, holding(Q, T) gives, open(P) and !open(P) open and
 * close. A *site* is the entity at which a robot stands.
 */
#ifndef MN_FLEET_PLAN_INSIDE_H
#define MN_FLEET_PLAN_INSIDE_H
#include "fleet/plan.h"
#include "fleet/route.h"

enum { MN_PLAN_ENTITIES = 4096, MN_PLAN_ROBOTS = 64 };

typedef struct mn_op {
    const mn_skill *skill; /* NULL: it cannot */
    int a, b;              /* places of its parameters: what, to where; -1 */
} mn_op;

typedef struct mn_plan_robot {
    const mn_robot_seen *seen;
    int usable;    /* alive, and not excluded */
    int mobile;    /* it drives */
    int at;        /* entity it works at; -1 */
    mn_spot start; /* where it stands */
    int placed;    /* start is known */
    mn_op drive, grasp, put, give, open, close;
    const mn_skill *say;
} mn_plan_robot;

typedef struct mn_plan_world {
    const mn_scene *s;
    mn_arena arena;
    mn_routes routes;
    int n_things, n_robots, n; /* n: entities */
    mn_plan_robot *robot;      /* [n_robots] */
    int *holder;               /* [n] of a thing: entity; -1 */
    char *hand;                /* [n] it is in a hand of its holder */
    char *open;                /* [n] 1: open or cannot be closed; 0: closed */
    double *mass;              /* [n] */
    char *banned;              /* [n_robots * n] the robot is to leave it alone */
    mn_spot *spot;             /* [n], filled on demand; spotted: 1 known, 2 nobody knows */
    char *spotted;
} mn_plan_world;

/* how may be NULL: all robots that live. */
int mn_plan_world_read(const mn_scene *s, const mn_fleet_plan_how *how, mn_plan_world *out);
void mn_plan_world_free(mn_plan_world *w);
int mn_plan_entity(const mn_plan_world *w, const char *name); /* -1 */
const char *mn_plan_name(const mn_plan_world *w, int e);
static inline int mn_plan_is_robot(const mn_plan_world *w, int e) {
    return e >= w->n_things;
}
static inline mn_plan_robot *mn_plan_robot_of(const mn_plan_world *w, int e) {
    return w->robot + (e - w->n_things);
}
static inline int mn_plan_kind(const mn_plan_world *w, int e) {
    return e < w->n_things ? (int)w->s->thing[e].kind : -1;
}
int mn_plan_room_for(const mn_plan_world *w, int e);  /* -1: no limit */
const mn_spot *mn_plan_spot(mn_plan_world *w, int e); /* NULL: nobody knows */

/* Who is where now. */
typedef struct mn_plan_state {
    int *holder;               /* [n] */
    char *hand, *open, *moved; /* [n] moved: since the scene was read */
    int *at;                   /* [n_robots] */
} mn_plan_state;
int mn_plan_state_begin(mn_plan_world *w, mn_plan_state *out);
/* Where one stands to get at e: furniture, a thing on the floor, a door, a room; -1. */
int mn_plan_stand(const mn_plan_world *w, const mn_plan_state *st, int e);
int mn_plan_below(const mn_plan_world *w, const mn_plan_state *st, int e, int top);
/* What is closed above e; -1: nothing. */
int mn_plan_shut(const mn_plan_world *w, const mn_plan_state *st, int e);
/* Does a robot that stands still get at what is at the site? */
int mn_plan_fixed_reaches(mn_plan_world *w, int robot, int site);
int mn_plan_reaches(mn_plan_world *w, const mn_plan_state *st, int robot, int e);
int mn_plan_hands(const mn_plan_world *w, const mn_plan_state *st, int robot); /* that are taken */
/* Things in or on e; in hands of a robot: not. */
int mn_plan_count(const mn_plan_world *w, const mn_plan_state *st, int e);
double mn_plan_load(const mn_plan_world *w, const mn_plan_state *st, int robot); /* kg */
/* A thing and all in it. */
double mn_plan_weight(const mn_plan_world *w, const mn_plan_state *st, int e);

/* plan_explain.c: "takes cup", from what the skill of a step makes true. */
int mn_plan_say(const mn_scene *s, const mn_step *step, mn_buf *out);

/* ---- plans in the making: plan_time.c ------------------------------------------------------- */
int mn_plan_begin(mn_fleet_plan *p, int steps);
/* A step behind all others; args is taken in any case. */
int mn_plan_add(mn_fleet_plan *p, const mn_step *step);

#endif
