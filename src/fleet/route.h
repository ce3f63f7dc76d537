/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/route.h - rooms and doors in numbers, for who asks for many ways (the planner).
 *
 * A *spot* is a point of the floor and the rooms it is in: one, or two for a door. Rooms are free
 * of obstacles: inside of one, a way is a straight line, between rooms it is the shortest one
 * through the middles of doors (Dijkstra over doors, O(doors^2), no memory). Who stands in a
 * doorway may leave it on either side. What is in no known room is thought to be in every one: what
 * nobody knows is no wall.
 */
#ifndef MN_FLEET_ROUTE_H
#define MN_FLEET_ROUTE_H
#include "fleet/scene.h"

enum { MN_ROUTE_ROOMS = 64, MN_ROUTE_DOORS = 64 };

typedef struct mn_spot {
    double x, y;
    int room[2]; /* places in mn_routes.room; both the same but for doors; -1: any */
    int door;    /* it is this door; -1 */
} mn_spot;
typedef struct mn_routes {
    const mn_scene *s;
    const mn_thing *room[MN_ROUTE_ROOMS], *door[MN_ROUTE_DOORS];
    mn_spot spot[MN_ROUTE_DOORS]; /* of doors */
    int n_rooms, n_doors;
} mn_routes;

/* MN_EFULL: more rooms or doors than that. The scene is borrowed. */
int mn_routes_read(const mn_scene *s, mn_routes *out);
/* Of a thing or a robot; MN_ENOENT: nobody knows where it is. */
int mn_routes_spot(const mn_routes *w, const char *name, mn_spot *out);
mn_spot mn_routes_point(const mn_routes *w, double x, double y);
/* Metres from a to b; < 0: there is no way. open[n_doors] (NULL: as the scene has them); a closed
 * door counts as `closed` metres more, < 0: it is a wall. The doors on the way go into
 * through[MN_ROUTE_DOORS] and *n, in order (both may be NULL). The metres are without `closed`. */
double mn_routes_metres(const mn_routes *w, const mn_spot *a, const mn_spot *b, const char *open,
                        double closed, int *through, int *n);

#endif
