/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/fleet_map.h - a fleet's world from above, in characters.
 */
#ifndef MN_CLI_FLEET_MAP_H
#define MN_CLI_FLEET_MAP_H
#include <jansson.h>

enum { MN_MAP_COLUMNS = 160, MN_MAP_ROWS = 60, MN_MAP_CELL = 5 };

typedef struct mn_map_cell {
    char text[MN_MAP_CELL]; /* one character, UTF-8 */
    const char *style;      /* of the terminal; "": none */
} mn_map_cell;
typedef struct mn_fleet_map {
    mn_map_cell cell[MN_MAP_ROWS][MN_MAP_COLUMNS];
    int columns, rows;
    double left, bottom, scale; /* metres of the west and south ends; characters a metre.. */
    double stretch;             /* ..from south to north, and so many times as many to the east */
} mn_fleet_map;

/* What {"do": "scene"} told, at most so large: 1, or 0 when nothing says where it is. North is up;
 * walls and doors, furniture by name with how many things it has, robots by number, from 1. */
int mn_fleet_map_draw(const json_t *scene, int columns, int rows, mn_fleet_map *out);
/* The style of robot i that is "idle", "busy", "stopped" or "lost". */
const char *mn_fleet_style(const char *state);

#endif
