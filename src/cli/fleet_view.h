/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/fleet_view.h - how a fleet looks at one moment, on a terminal.
 */
#ifndef MN_CLI_FLEET_VIEW_H
#define MN_CLI_FLEET_VIEW_H
#include "base/buf.h"

#include <jansson.h>

typedef struct mn_fleet_picture {
    const json_t *scene;  /* of {"do": "scene"} */
    const json_t *status; /* of {"do": "status"} */
    const json_t *task;   /* one task, or NULL */
    const json_t *events; /* the last ones, oldest first */
    const char *note;     /* a line of who shows it; NULL: none */
} mn_fleet_picture;

/* Lines, each ended by "\n" but the last; never more than `rows`, none wider than `columns`: map,
 * robots, plan, events. live: how to leave it is said. */
int mn_fleet_view(const mn_fleet_picture *p, int columns, int rows, int colour, int live,
                  mn_buf *out);

/* ---- fleet_words.c: what is said on a line, here and elsewhere ----------------------------- */
/* Text of others and a blank, with more blanks up to a width. */
int mn_fleet_put(mn_buf *out, const char *text, int width);
int mn_fleet_put_names(const json_t *names, mn_buf *out); /* "cup, plate" */
int mn_fleet_put_count(int64_t n, const char *noun, mn_buf *out);
int mn_fleet_put_call(const json_t *call, mn_buf *out); /* or a step: "place cup table" */
/* Of a status: "3 robots (1 is lost), 21 things, a brain". */
int mn_fleet_put_facts(const json_t *status, mn_buf *out);
int mn_fleet_put_stop(const json_t *stop, mn_buf *out); /* "all robots are STOPPED by ann" */
/* One event as a line: "12:03:05 arm put cup on table"; in simulated time "   4.5 s arm ..". */
int mn_fleet_event_line(const json_t *event, mn_buf *out);
/* A robot as a line: number, name, state, battery, what it does, where it is, what it holds. */
int mn_fleet_robot_line(const json_t *robot, int number, mn_buf *out);

#endif
