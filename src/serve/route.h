/* SPDX-License-Identifier: Apache-2.0
 *
 * serve/route.h - one table of what a server answers: method, path, who may, who does it.
 *
 * How to add a route: a row in route.c; its work function in a file of its own; its fields, if it
 * has a body, as rows of field.c. Documents, OpenAPI and the test of who may what come from the
 * rows.
 */
#ifndef MN_SERVE_ROUTE_H
#define MN_SERVE_ROUTE_H
#include "serve/exchange.h"

enum {
    MN_ROUTE_OPEN = 1,      /* no key is asked for */
    MN_ROUTE_PAGE = 2,      /* files of the dashboard */
    MN_ROUTE_ANTHROPIC = 4, /* errors in their form */
    MN_ROUTE_AWAY = 8,      /* always done by a worker: it may wait */
    MN_ROUTE_LONG = 16,     /* and for long: others are let pass */
    MN_ROUTE_METRICS = 32,  /* where --metrics allows it */
    MN_ROUTE_LIST = 64,     /* comes in pages: limit, after, order */
    MN_ROUTE_KEPT = 128,    /* of files and batches; without a shape: the bytes of a file */
    MN_ROUTE_MCP = 256,     /* messages of JSON-RPC; errors in their form */
    MN_ROUTE_QUERY = 512,   /* its fields stand behind the "?" of its path: it has no body */
    MN_ROUTE_MEMORY = 1024, /* of what agents remember; without a shape: lines of JSON */
};

struct mn_route {
    const char *method, *path; /* a star at its end stands for any end, within it for one name */
    unsigned flags, fields;    /* MN_IN_*: it has a JSON body with these fields; 0: none */
    /* Any thread, when no MN_ROUTE_AWAY: notes the reply, or leaves x->status 0 for `start`. With
     * fields: they have been read. 1: it would have to wait; it is called again by a worker. */
    int (*work)(mn_exchange *x);
    void (*start)(mn_exchange *x); /* on the HTTP thread, after work; NULL: there is nothing more */
    const char *reply;             /* its schema in schemas.json; NULL: it is no JSON */
    const char *about;
};
extern const mn_route mn_routes[]; /* path NULL ends them */

static inline int mn_route_has_body(const mn_route *r) {
    return r->fields && !(r->flags & MN_ROUTE_QUERY);
}

#endif
