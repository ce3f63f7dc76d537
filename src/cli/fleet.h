/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/fleet.h - the options of `omnesia fleet`, and what its verbs share.
 */
#ifndef MN_CLI_FLEET_H
#define MN_CLI_FLEET_H
#include "cli/verbs.h"
#include "omnesia_fleet.h"

typedef struct mn_cli_fleet_options {
    mn_cli_common common;
    const char *region, *fleet;
    const char *model, *endpoint, *profile, *world, *map, *name, *robot, *thing, *task, *kind,
        *as_of;
    const char *place, *how, *mcap, *kill, *machine, *ros2, *folder, *robots, *seed, *at, *fail,
        *pace, *patience;
    const char *domain, *after, *limit, *by, *hz;
    int json, confirm, no, no_wait, why, groups, simulated, roboos, c, python, pull, dashboard;
} mn_cli_fleet_options;

typedef struct mn_cli_fleet {
    const mn_cli_fleet_options *o;
    mn_region *region; /* NULL: the verb needs none */
    mn_fleet *fleet;
    mn_cli_verbs v;
    mn_buf out;
    int begun; /* that it runs was told */
} mn_cli_fleet;

/* A call of the door beside the one that was asked for: *result is the caller's. */
int mn_cli_fleet_ask(mn_cli_fleet *f, json_t *call, json_t **result); /* call is consumed */
/* fleet_show.c: what came of a verb, for people; for programs, a line; an event, said at once, on a
 * terminal in its width and red where somebody should look. */
int mn_cli_fleet_show(mn_cli_fleet *f);
int mn_cli_fleet_json(const json_t *result, mn_buf *out);
int mn_cli_fleet_say(const json_t *event);
/* fleet_help.c: of one verb; rows: of the options, whose help begins with whose they are. */
int mn_cli_fleet_help(const mn_opt *rows, const char *verb, mn_buf *out);
int mn_cli_fleet_door(void *user, const char *call, char **answer);
/* fleet_live.c: a task was asked for: its events, or with `c` on a terminal the picture, until it
 * has ended. Exit status. tick: now and then, with what {"do": "status"} tells; negative: it is
 * over. */
typedef struct mn_cli_course {
    int (*tick)(void *user, const json_t *status);
    void *user;
    const char *note; /* a line below the first one of the picture; NULL: none */
    int stays;        /* 1: the picture stays when the task has ended, until q is pressed */
} mn_cli_course;
int mn_cli_fleet_wait(mn_cli_fleet *f, const char *task, const mn_cli_course *c);
int mn_cli_fleet_watch(mn_cli_fleet *f);
/* Non-zero: it was asked to end (Ctrl-C, SIGTERM). */
int mn_cli_fleet_ended(void);
void mn_cli_fleet_catch(void); /* such signals are heard from now on */
/* fleet_demo.c: a brain and three robots, each a process, and a task. Exit status. */
int mn_cli_fleet_demo(mn_cli_fleet *f, int n, const char *const *words);

#endif
