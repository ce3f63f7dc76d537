/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/brain_inside.h - what the files of the brain share. All that counts lies on the board, so
 * that a brain may end at any moment and another goes on; in memory are copies, by version.
 */
#ifndef MN_FLEET_BRAIN_INSIDE_H
#define MN_FLEET_BRAIN_INSIDE_H
#include "fleet/actors.h"
#include "fleet/brain_model.h"
#include "fleet/recover.h"

enum {
    MN_BRAIN_STUCK = 12,   /* replans that reached no further goal: then it gives up */
    MN_BRAIN_REPLANS = 64, /* in all */
    MN_BRAIN_NEVER = 128,  /* of what is told to the planner that nobody shall try again */
    MN_BRAIN_ALONE = 30,   /* s that a task waits for somebody when nobody lives */
};

/* Lives that wake the brain when they end (monitor_life.c). */
enum { MN_BRAIN_FDS = 120 };
typedef struct mn_brain_life mn_brain_life;

typedef struct mn_brain_robot {
    char name[MN_NAME + 1];
    uint64_t lease;
    int stopped, gone;
    int far, cut;  /* it is another machine's, and late; cut: not long enough to be gone */
    uint64_t late; /* ns: it is lost when nothing came by then */
    json_t *call;  /* never NULL: {"state": "idle"} when there is none */
    uint64_t version;
} mn_brain_robot;

typedef struct mn_brain_task {
    char id[MN_NAME + 1];
    json_t *json;
    uint64_t version;
    uint64_t wait; /* ns: there is no plan without far robots, and it is tried again then */
    json_t
        *model; /* what was asked of the model for the first plan (brain_model.h); NULL: nothing */
    json_t *again; /* and for steps that failed, while it is open; {"instead": their ids, ..} */
    mn_brain_talk talk;
} mn_brain_task;

struct mn_brain {
    mn_board *b;
    mn_brain_how how;
    char model[64];
    uint64_t lease, renew, again; /* version; when it is said again that the brain lives */
    uint64_t awake, patient;      /* by when it wanted to look again; nobody is lost before this */
    json_int_t epoch;
    mn_brain_robot *robot; /* those that have a lease, by name; anew in each step */
    int n_robots, cap_robots;
    mn_brain_robot *was; /* as they were in the step before: a call that is the same is not read */
    int n_was, cap_was;
    mn_brain_life *life; /* of their leases, in no order */
    int n_lives, cap_lives;
    mn_brain_task *task; /* open ones, by number */
    int n_tasks, cap_tasks;
    json_t *skip; /* versions of tasks that have ended */
};

/* ---- brain.c ----------------------------------------------------------------------------- */
const char *mn_brain_field(const json_t *json, const char *name);   /* "" when it is none */
int mn_brain_is(const json_t *json, const char *state);             /* its "state" */
int mn_brain_set(json_t *json, const char *name, json_t *value);    /* taken; MN_ENOMEM */
int mn_brain_number(const json_t *json, const char *name);          /* 0 when it is none */
mn_brain_robot *mn_brain_robot_find(mn_brain *k, const char *name); /* NULL: it does not live */
int mn_brain_is_waiting(const mn_brain *k,
                        int gone); /* for robots that are cut off; or gone, too */
/* What is known of a task, and what was edited beside it, while the lease of the brain stands.
 * Frees the edits. MN_ECONFLICT: somebody else changed something; all is read again in the next
 * step. */
int mn_brain_commit(mn_brain *k, mn_brain_task *t, mn_edits *edits);
/* The call of a robot as it is in memory, in the same way. */
int mn_brain_put_call(mn_brain *k, mn_brain_robot *r);
int mn_brain_renew(mn_brain *k, uint64_t ns); /* it lives so much longer, whatever it does */
int mn_brain_no_memory(void);
static inline void mn_brain_sooner(mn_brain *k, uint64_t when) {
    if (when < k->again) k->again = when;
}
/* The task ends so: "done", "failed", "cancelled". */
int mn_brain_end(mn_brain *k, mn_brain_task *t, const char *state, const char *why);

/* ---- brain_plan.c, brain_choose.c ---------------------------------------------------------- */
/* A plan for these goals in this scene, by the rules. It is right, or none is made. */
int mn_brain_plan(mn_brain *k, const mn_scene *s, const mn_goals *g, const mn_fleet_plan_how *how,
                  mn_fleet_plan *out);
/* The better one of that and the model's, when the brain has one. MN_EBUSY: the model is thinking.
 */
int mn_brain_plan_best(mn_brain *k, mn_brain_task *t, const mn_scene *s, const mn_goals *g,
                       mn_fleet_plan *out);
/* The same for steps that failed, instead of these; `how` as for the rules. */
int mn_brain_plan_again(mn_brain *k, mn_brain_task *t, const mn_scene *s, const mn_goals *g,
                        const mn_fleet_plan_how *how, const json_t *instead, mn_fleet_plan *out);
/* Goals that the model finds in the task: 1, 0: none; MN_EBUSY as above. */
int mn_brain_goals_best(mn_brain *k, mn_brain_task *t, const mn_scene *s, mn_goals *out);
int mn_brain_begin(mn_brain *k, mn_brain_task *t); /* a task in state "planning" */
int mn_brain_goals(const mn_brain_task *t, const mn_scene *s, mn_goals *out);
/* The scene as it will be when what is open of this task and those before it has been done. */
int mn_brain_ahead(mn_brain *k, const mn_brain_task *t, mn_scene *s);
/* Steps of a plan become steps of the task, behind what is open there. instead: ids. The scene is
 * then as it will be in the end. */
int mn_brain_adopt(mn_brain_task *t, const mn_fleet_plan *p, mn_scene *s, json_t *instead);

/* ---- brain_dispatch.c -------------------------------------------------------------------- */
int mn_brain_dispatch(mn_brain *k, mn_brain_task *t); /* what is ready is given */
/* Give a robot a step, or (a failed one) something else to do for it. */
int mn_brain_give(mn_brain *k, mn_brain_task *t, json_t *step, mn_brain_robot *r, const char *skill,
                  json_t *args);

/* ---- brain_collect.c --------------------------------------------------------------------- */
int mn_brain_collect(mn_brain *k, mn_brain_task *t); /* what robots have done since */
int mn_brain_cancel(mn_brain *k, mn_brain_task *t);  /* on the way to "cancelled" */
/* r: whose call is taken back; NULL: nobody's. */
int mn_brain_failed(mn_brain *k, mn_brain_task *t, json_t *step, mn_brain_robot *r,
                    const char *code, const char *text);
int mn_step_open(const json_t *step);   /* it is still to be done */
int mn_step_active(const json_t *step); /* a robot has it */
int mn_call_free(const json_t *call);   /* nobody is at it */

/* ---- brain_replan.c ---------------------------------------------------------------------- */
/* What failed, by the list of its code. The caller commits the task. 1: something else was given
 * and committed, or the task has ended. */
int mn_brain_recover(mn_brain *k, mn_brain_task *t, json_t *step);
/* Steps that are marked "replan", and what depends on them, are planned anew. */
int mn_brain_replan(mn_brain *k, mn_brain_task *t);
void mn_brain_planned(mn_brain_task *t); /* it has steps to go on with, and waits for no plan */

/* 1: nobody lives, and somebody may come back; 2: since now, which is to be committed; 0: somebody
 * does; MN_ENOENT: nobody has for MN_BRAIN_ALONE seconds. */
int mn_brain_alone(mn_brain *k, mn_brain_task *t);
/* "ROBOT THING" of who has failed at what, as mn_fleet_plan_how has it; borrowed. */
void mn_brain_never(const mn_brain_task *t, const char *never[MN_BRAIN_NEVER]);
int mn_brain_last_step(const mn_brain_task *t); /* the highest number of its steps */

/* What waits is planned anew by the rules, in *t as it is in memory: nothing is committed. The plan
 * in words is appended. MN_ENOENT: there is none. */
int mn_brain_rethink(mn_brain *k, mn_brain_task *t, mn_buf *words);

/* ---- brain_look.c ------------------------------------------------------------------------ */
/* The goals are reached, as far as is known. 1: somebody will look at what is not sure, and the
 * task is committed; 0: all is sure, or nobody can look at what *why names; MN_ENOENT: it is not
 * where it should be, and nowhere else either. The scene is then as it will be. */
int mn_brain_look(mn_brain *k, mn_brain_task *t, mn_scene *s, const mn_goals *g, mn_buf *why);
/* What failed is to be planned anew: goals whose things are missing are looked for first, as above.
 */
int mn_brain_search(mn_brain *k, mn_brain_task *t, mn_scene *s, const mn_goals *g);
/* Between two tries of a step its robot looks whether the thing is where it should be. */
int mn_brain_look_between(json_t *step, const mn_scene *s, const char *thing);
void mn_brain_look_between_end(json_t *step);
/* A look has ended well: what it was to look for. The caller commits. */
int mn_brain_looked(mn_brain *k, mn_brain_task *t, const json_t *step, const mn_brain_robot *r);

/* ---- brain_relieve.c --------------------------------------------------------------------- */
/* How many times longer than planned the robot takes; 1. */
double mn_brain_pace(const mn_brain_task *t, const char *robot);
/* A step has run for so many seconds, and may have ended so. The caller commits. */
int mn_brain_learn(mn_brain_task *t, const json_t *step, double took, int ended);
void mn_brain_slow_down(const mn_brain_task *t, mn_scene *s); /* as slow as they are */
/* Who is there that has skills; first: the plan knows all of them. */
int mn_brain_fleet(mn_brain *k, mn_brain_task *t, int first);
/* Later steps of who is slow go to others, and who is new gets some, when it ends sooner so. */
int mn_brain_relieve(mn_brain *k, mn_brain_task *t);

/* ---- monitor.c --------------------------------------------------------------------------- */
/* Who lives; who does not any more loses his lease, and what he held falls. Who is far and late is
 * cut off, and gone later. */
int mn_monitor_robots(mn_brain *k);
/* Is a step that runs hung, or slow? */
int mn_monitor_step(mn_brain *k, mn_brain_task *t, json_t *step, mn_brain_robot *r);
/* monitor_life.c: does who bears this lease go on? And when all were asked: what belongs to no
 * lease goes. */
int mn_monitor_life(mn_brain *k, const mn_brain_robot *r, mn_life *out);
/* Its process would go on, and waits for a processor or a disk. */
int mn_monitor_starves(const mn_brain *k, const mn_brain_robot *r);
void mn_monitor_lives_settle(mn_brain *k);
void mn_monitor_lives_free(mn_brain *k);

#endif
