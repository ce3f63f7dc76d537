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
} mn_fleet_picture;

/* Lines, each ended by "\n" but the last; never more than `rows`, none wider than `columns`: map,
 * robots, plan, events. live: how to leave it is said. */
int mn_fleet_view(const mn_fleet_picture *p, int columns, int rows, int colour, int live,
                  mn_buf *out);
/* One event as a line: "12:03:05 arm1 moved cup counter -> table". */
int mn_fleet_event_line(const json_t *event, mn_buf *out);
/* A robot as a line: number, name, state, place, what it does, what it holds, battery. */
int mn_fleet_robot_line(const json_t *robot, int number, mn_buf *out);

#endif
