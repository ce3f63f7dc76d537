/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/door.h - a fleet through one door: a JSON object says what to do, another what came of it.
 *
 *     {"do": "do", "text": "put the apple on the table"} -> {"task": "t1"}
 *     {"do": "recall", "question": "where was the cup before?"} -> {"answer": .., "events": [..]}
 *
 * door_verbs.c has the tables (base/verb.h): docs/FLEET.md, `omnesia fleet` and the tools fleet_*
 * of /mcp come from them. What *runs* (a brain, a robot, a simulation, a bridge) goes on until it
 * is told to stop, and is for programs of this machine: it is never a tool.
 */
#ifndef MN_FLEET_DOOR_H
#define MN_FLEET_DOOR_H
#include "base/verb.h"
#include "fleet/actors.h"

enum { MN_FLEET_JSON = 1 << 20, MN_FLEET_TEXT = 4096 }; /* bytes of a call; of a sentence */
/* How results and events are written: 0.6, not 0.59999999999999998. */
#define MN_FLEET_WRITE (JSON_COMPACT | JSON_REAL_PRECISION(15))

/* What the embedding program gives; borrowed. */
typedef struct mn_fleet_with {
    mn_region *region; /* NULL: the call can be none that needs a fleet */
    /* Now and then while something runs, and with each of its events, JSON; NULL: nothing new.
     * Non-zero ends it. NULL: it never ends. */
    int (*tell)(void *user, const char *event);
    /* A model of this name, or behind a URL, that answers as mn_brain_how has it. NULL: none. */
    int (*ask)(void *user, const char *model, const char *system, const char *text,
               const char *schema, char **out, int tokens[4]);
    void *user;
} mn_fleet_with;

typedef struct mn_fleet_args {
    const char *text, *question, *robot, *thing, *place, *to, *how, *by, *task, *step, *kind,
        *as_of;
    const char *path, *model, *name, *language, *folder, *action, *url, *machine, *kill, *mcap;
    int64_t after, limit, seed, robots, domain;
    double at, fail, pace, hz, patience;
    int confirm, no, groups, simulated, roboos, why;
    json_t *fields, *detections, *command, *without;
} mn_fleet_args;

typedef struct mn_fleet_call {
    mn_board *board; /* NULL for those that need none */
    const mn_fleet_with *with;
    mn_fleet_args args;
    json_t *result; /* an object */
} mn_fleet_call;

extern const mn_verbs mn_fleet_verbs;

/* Do it, in the fleet of this name (NULL: "main"); *result for mn_free. */
int mn_fleet_run(const mn_fleet_with *with, const char *fleet, const char *json, char **result);

/* door_look.c */
int mn_fleet_verb_status(void *call);
int mn_fleet_verb_scene(void *call);
int mn_fleet_verb_task(void *call);
int mn_fleet_verb_history(void *call);
int mn_fleet_verb_recall(void *call);
/* door_change.c */
int mn_fleet_verb_do(void *call);
int mn_fleet_verb_cancel(void *call);
int mn_fleet_verb_confirm(void *call);
int mn_fleet_verb_stop(void *call);
int mn_fleet_verb_resume(void *call);
int mn_fleet_verb_see(void *call);
int mn_fleet_verb_set(void *call);
int mn_fleet_verb_move(void *call);
int mn_fleet_verb_remove(void *call);
int mn_fleet_verb_world(void *call);
/* door_run.c */
int mn_fleet_verb_brain(void *call);
int mn_fleet_verb_join(void *call);
int mn_fleet_verb_sim(void *call);
int mn_fleet_verb_bridge(void *call);
int mn_fleet_verb_ros2(void *call);
int mn_fleet_verb_skill(void *call);

#endif
