/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/plan.h - from a sentence to goals, from goals to steps: who does what, after what.
 *
 * The deterministic planner is the floor that every model is measured against. A thing travels:
 * from where it is through hands, trays and places to where it shall be; each way is a shortest
 * path, by what robots can reach, carry and drive to, and how long that takes. Robots get the ways
 * in the order that ends everything soonest. What is closed is opened on the way, and closed again
 * if it was to be. Skills that make is(..) true take part by their manifests alone.
 *
 *     mn_goals goals; mn_fleet_plan plan;
 *     mn_goals_read(&scene, "put the apple and the cup on the table", &goals);
 *     mn_fleet_plan_make(&scene, &goals, NULL, &plan);
 *
 * A plan is right when each step's needs hold after the steps it waits for, whatever the order of
 * the others (mn_fleet_plan_check), and it has no circle.
 */
#ifndef MN_FLEET_PLAN_H
#define MN_FLEET_PLAN_H
#include "fleet/scene.h"

enum { MN_PLAN_STEPS = 512, MN_STEP_AFTER = 16, MN_GOALS = 64 };

typedef struct mn_goals {
    mn_arena arena;
    mn_fact goal[MN_GOALS]; /* arguments are names */
    int stage[MN_GOALS];    /* ascending from 0; all of one are true before the next is begun */
    int n;
    int close;       /* what was closed before shall be so again */
    const char *say; /* a sentence to say at the end, NULL */
} mn_goals;
/* In English: put, bring, move, take X and Y (from P) to, on, in(to) Z; open, close P; send R to P;
 * say "..". X is a name, another name of it, a class ("all cups", "a cup", "two cups", "everything
 * on the table"), "it" and "them"; "make X clean" and "clean X" when a skill can. Z is a place, a
 * robot, or a room: a piece of furniture there, then. Several sentences or "then" are several
 * goals, in any order ("then": in this order; what a later one undoes is left out). "close
 * everything again" is `close`. MN_EINVAL quotes the word that was not understood, and what there
 * is. */
int mn_goals_read(const mn_scene *s, const char *text, mn_goals *out);
/* As JSON: [["in", "apple", "table"], "then", ["!open", "fridge"], ["is", "cup", "clean"], "close",
 * ["say", "done"]], and back. */
json_t *mn_goals_write(const mn_goals *g);
int mn_goals_parse(const mn_scene *s, const json_t *json, mn_goals *out);
void mn_goals_free(mn_goals *g);
/* How many of them are true; n: all. */
int mn_goals_reached(const mn_scene *s, const mn_goals *g);

typedef struct mn_step {
    char id[16]; /* "s1"; unique in its task, also over plans that replace each other */
    const char *robot, *skill;
    json_t *args;                      /* owned by the plan */
    int after[MN_STEP_AFTER], n_after; /* steps of the plan, by place */
    double seconds;                    /* it should take */
    int goal;                          /* the first it is for; -1 */
} mn_step;
typedef struct mn_fleet_plan {
    mn_arena arena;
    mn_step *step; /* one is behind those it waits for */
    int n;
    double makespan; /* s, when each begins as soon as it may */
} mn_fleet_plan;

typedef struct mn_fleet_plan_how {
    const char *const *without; /* robots that are not to be used; NULL ends */
    const char *const *never;   /* "ROBOT THING": this one has failed at that; NULL ends */
    int first;                  /* the first step is "sN", N = first + 1 */
} mn_fleet_plan_how;
/* MN_ENOENT: it cannot be reached, with the reason ("nobody alive can lift the pot, 8.0 kg").
 * Goals that are true already need no step. Deterministic. */
int mn_fleet_plan_make(const mn_scene *s, const mn_goals *g, const mn_fleet_plan_how *how,
                       mn_fleet_plan *out);
void mn_fleet_plan_free(mn_fleet_plan *p);
/* Steps of anybody (a model) as [{"id", "robot", "skill", "args", "after": [ids]}] become a plan:
 * MN_EINVAL names step and field: unknown robot, skill, thing, circle, too many. */
int mn_fleet_plan_parse(const mn_scene *s, const json_t *steps, mn_fleet_plan *out);
json_t *mn_fleet_plan_write(const mn_fleet_plan *p);
/* Is it right in the world as it is believed to be? 0; MN_EINVAL names step and fact. */
int mn_fleet_plan_check(const mn_scene *s, const mn_fleet_plan *p, const mn_goals *g);
/* How long it takes: each step as soon as it may; or, groups, as RoboOS does it: all subtasks of
 * one order number end before the next begin. A subtask is a step, as its prompt asks for (one call
 * of a tool); or, in runs, all that a robot does in a row while nobody waits for it and it for
 * nobody. */
enum { MN_GROUPS_OF_STEPS = 1, MN_GROUPS_OF_RUNS = 2 };
double mn_fleet_plan_seconds(const mn_fleet_plan *p, int groups);
/* plan_look.c: somebody looks at a place, who can soonest (skill "inspect"); what is closed is
 * opened for it, and closed again. *look: the step that looks. MN_ENOENT: nobody can, and why. */
int mn_fleet_plan_look(const mn_scene *s, const char *place, const mn_fleet_plan_how *how,
                       mn_fleet_plan *out, int *look);
/* In words: "carrier goes to the counter, while arm takes the cup; ..". */
int mn_fleet_plan_explain(const mn_scene *s, const mn_fleet_plan *p, mn_buf *out);

/* route.c: from room to room through doors (fleet/route.h). Seconds for robot r from place a to
 * place b (from "": where it stands); < 0: there is no way. through: the closed doors on it, at
 * most MN_ROUTE_CLOSED; NULL: only ways that are open. */
enum { MN_ROUTE_CLOSED = 16 };
double mn_route_seconds(const mn_scene *s, const mn_robot_seen *r, const char *from, const char *to,
                        const char **through, int *n_through);
/* Waypoints in "map" through open doors, both ends included, for who drives and who draws: how
 * many. MN_ENOENT: there is no way; MN_ETOOLONG: cap. */
int mn_route_points(const mn_scene *s, const mn_pose *from, const char *to, double (*xy)[2],
                    int cap);

#endif
