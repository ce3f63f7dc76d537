/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/plan_try.h - legs: what is done with a thing, one after another; and trying a sequence of
 * them out.
 *
 * A *leg* is one thing a robot does with a thing; that it drives there before, and that what is
 * closed is opened, is found when the sequence is tried. Any sequence in which each thing's legs
 * keep their order is a plan without circles: trips with several things are sequences in which
 * all are taken before the first is put down. So looking for a good plan is looking for a good
 * sequence.
 */
#ifndef MN_FLEET_PLAN_TRY_H
#define MN_FLEET_PLAN_TRY_H
#include "fleet/plan_inside.h"

enum { MN_LEGS = 12, MN_WAYS = 24, MN_ROUTE_CACHE = 4096 };

typedef enum mn_leg_kind {
    MN_LEG_GRASP, /* thing, from where it is; partner: the robot that has it on its tray */
    MN_LEG_PUT,   /* thing, onto `to`: a thing, or partner's tray */
    MN_LEG_GIVE,  /* thing, to partner */
    MN_LEG_WORK,  /* skill on thing */
    MN_LEG_OPEN   /* `to` */
} mn_leg_kind;
typedef struct mn_leg {
    mn_leg_kind kind;
    int robot, partner; /* places in mn_plan_world.robot; partner -1: none */
    int thing, to;      /* entities; -1 */
    int site;           /* where both meet; of WORK: where it is done; -1: where the thing is */
    const mn_skill *skill;
    int job, stage;
} mn_leg;
typedef struct mn_way {
    mn_leg leg[MN_LEGS];
    int n;
    double seconds;
} mn_way;

/* A step of a sequence that was tried. */
typedef struct mn_try_step {
    int robot, job;
    const mn_skill *skill;
    int param[2], value[2]; /* parameters of the skill and what they are: entities; -1 */
    const char *text;       /* of "say"; NULL */
    double begin, seconds;
    uint64_t before[MN_PLAN_STEPS / 64]; /* all steps before it */
    int after[MN_STEP_AFTER], n_after;
} mn_try_step;

typedef struct mn_try {
    mn_plan_world *w;
    const mn_goals *goals;
    /* as it is in the sequence so far: one block, with a copy of how it begins */
    char *block, *begin;
    size_t block_bytes;
    mn_plan_state st;
    int *hands, *count;
    double *load, *free_at;
    double *wrote, *looked; /* [n_vars] s, when it was changed and looked at last */
    char *pinned;
    char *tight, *heavy; /* [n] may be full, may be overloaded, if all jobs go there */
    int n_vars;
    int *shuts, n_shuts; /* things that can be closed */
    double floor, busy, last;
    int depth;
    int stage; /* so many are tried: legs of later ones, and what is done at their end, are not */
    struct {
        int from, to;
        double metres; /* < 0: no way */
        uint64_t doors;
    } * cache;
    int can_open; /* anybody can */
    /* only when steps are wanted */
    mn_try_step *step;
    int n, full;
    int *writer, *reader; /* [n_vars], [n_vars * robots]: steps; -1 */
    int *own;             /* [robots] last step */
    int *barrier;         /* [robots] steps that all wait for; -1 */
    char why[256];        /* what did not work, of the last failure */
} mn_try;

int mn_try_begin(mn_plan_world *w, const mn_goals *g, mn_try *out);
/* Seconds from here to there for the robot, closed doors being opened; < 0: there is no way.
 * from: a site, or a robot (where it stands when the plan begins). */
double mn_try_drive(mn_try *t, int robot, int from, int to, uint64_t *doors);
/* 0, and t->last, t->busy (s): when it ends, and the sum of all steps; MN_ENOENT: it cannot be
 * done so, t->why says why; it takes more than `limit`. steps: also fill t->step. */
int mn_try_run(mn_try *t, const mn_leg *const *leg, int n, double limit, int steps);

/* plan_ways.c. What is to be made of one thing: words (in this order), then where it is to be. */
typedef struct mn_wish {
    int thing;
    const char *word[4];
    int n_words;
    int to;   /* entity, -1: anywhere */
    int held; /* in a hand of `to` */
    int job, stage;
} mn_wish;
/* Ways from where all is at the end of what was tried last; at most MN_WAYS; none: MN_ENOENT with
 * the reason. */
int mn_ways_find(mn_try *t, const mn_wish *wish, mn_way *out, int *n);

#endif
