/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/door.c - a call: it is read by the tables, a board is opened, its verb runs.
 */
#include "fleet/door.h"

#include "base/error.h"
#include "base/json.h"

static const mn_fleet_args standard = {
    .limit = 50, .by = "somebody", .language = "python", .folder = ".", .pace = 1, .at = -1};

static int do_call(mn_fleet_call *c, const mn_verb *verb, const char *fleet, const json_t *call) {
    if (!verb) {
        c->result = mn_verbs_describe(&mn_fleet_verbs);
        return c->result ? 0 : MN_FAIL(MN_ENOMEM, "no memory for a list of verbs");
    }
    c->args = standard;
    MN_TRY(mn_verbs_args(&mn_fleet_verbs, verb, call, &c->args));
    if (!(c->result = json_object())) return MN_FAIL(MN_ENOMEM, "no memory for a result");
    if (!verb->own) {
        if (!c->with->region) return MN_FAIL(MN_EINVAL, "no region is given for %s", verb->name);
        MN_TRY(mn_board_open(c->with->region, fleet, &c->board));
    }
    return verb->run(c);
}

int mn_fleet_run(const mn_fleet_with *with, const char *fleet, const char *json, char **result) {
    mn_fleet_call c = {.with = with};
    const mn_verb *verb;
    json_t *call;
    *result = NULL;
    MN_TRY(mn_verbs_read(&mn_fleet_verbs, json, &call, &verb));
    int rc = do_call(&c, verb, fleet, call);
    mn_board_close(&c.board);
    json_decref(call);
    if (rc >= 0 && !(*result = mn_json_text(c.result, MN_FLEET_WRITE)))
        rc = MN_FAIL(MN_ENOMEM, "no memory for the result");
    json_decref(c.result);
    return rc < 0 ? rc : 0;
}
