/* SPDX-License-Identifier: Apache-2.0
 *
 * serve/fleet.c - POST /v1/fleet: a call of mn_fleet_do as a body, what came of it as the answer.
 *
 * Fleets lie in the region of the one who runs the server: requests of tenants find none. What is
 * for programs of this machine alone (`local`: files, brains, bodies) is refused, as a tool's is;
 * what persons do, as confirming a step, is asked for here.
 */
#include "base/alloc.h"
#include "base/error.h"
#include "serve/mcp_tools.h"
#include "serve/routes.h"
#include "serve/server.h"

#include <string.h>

/* {"do": "scene", "fleet": "main", ..}: the fleet is said beside the call. */
static int run(mn_exchange *x, const char *name, const char *fleet) {
    char tool[64];
    const mn_mcp_peer peer = {
        .region = x->server->options.model.region, .folder = "", .fleet = fleet};
    mn_mcp_call call = {.peer = &peer,
                        .tool = tool,
                        .arguments = json_copy(x->json),
                        .result = json_object(),
                        .person = 1};
    snprintf(tool, sizeof tool, "fleet_%.40s", name);
    json_object_del(call.arguments, "do");
    json_object_del(call.arguments, "fleet");
    int rc = call.arguments && call.result ? mn_mcp_verb_tool.run(&call)
                                           : MN_FAIL(MN_ENOMEM, "no memory for a call");
    json_decref(call.arguments);
    if (rc >= 0) return mn_reply_json(x, 200, call.result);
    json_decref(call.result);
    if (rc == MN_ENOENT) return mn_reply_error(x, 404, NULL, "not_found", "%s", mn_error_detail());
    if (rc == MN_ECONFLICT || rc == MN_EBUSY)
        return mn_reply_error(x, 409, NULL, "conflict", "%s", mn_error_detail());
    return mn_reply_failure(x, rc, NULL, mn_error_detail());
}

int mn_fleet_work(mn_exchange *x) {
    const char *const fleet = x->fields.fleet;
    if (!x->server->options.model.region)
        return mn_reply_error(x, 404, NULL, "no_region", "this server has no region, so no fleet");
    if (x->has_tenant)
        return mn_reply_error(x, 403, NULL, "not_yours", "fleets are of who runs this server");
    return run(x, x->fields.verb, fleet && *fleet ? fleet : NULL);
}
