/* SPDX-License-Identifier: Apache-2.0
 *
 * serve/tasks.c - GET /v1/tasks: plans of agents, to be looked at.
 *
 * They are changed through the tools task_* of /mcp. A task is a record: what it was before tells
 * /v1/memories/ID/history, and a change moves the number of mn_memory_pulse.
 */
#include "serve/memories.h"

#include "base/error.h"
#include "serve/mcp_tools.h"
#include "serve/routes.h"
#include "serve/server.h"

/* What the library says to `call`, which is consumed. */
static int ask(mn_exchange *x, const mn_asker *asker, json_t *call) {
    json_t *told = NULL;
    int rc = call ? mn_mcp_task_do(x->server->options.mem, &asker->scope, call, &told)
                  : MN_FAIL(MN_ENOMEM, "no memory for a call");
    json_decref(call);
    if (rc >= 0) rc = mn_mcp_put(told, "note", json_string(mn_mcp_note));
    if (rc >= 0) return mn_reply_json(x, 200, told);
    json_decref(told);
    return mn_memory_refuse(x, rc, NULL);
}

int mn_tasks_work(mn_exchange *x) {
    const mn_fields *f = &x->fields;
    mn_asker asker;
    if (mn_memory_asker(x, &asker) < 0) return 0;
    return ask(x, &asker,
               json_pack("{s:s, s:I, s:i, s:i}", "do", "list", "after", (json_int_t)f->after,
                         "limit", f->limit, "budget", f->budget));
}

int mn_task_work(mn_exchange *x) {
    mn_asker asker;
    int64_t id;
    if (mn_memory_asker(x, &asker) < 0) return 0;
    const int rc = mn_memory_id(x, &id);
    if (rc < 0) return mn_memory_refuse(x, rc, NULL);
    return ask(x, &asker,
               json_pack("{s:s, s:I, s:s, s:i}", "do", "show", "id", (json_int_t)id, "form", "list",
                         "budget", x->fields.budget));
}
