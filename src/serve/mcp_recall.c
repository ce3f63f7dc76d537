/* SPDX-License-Identifier: Apache-2.0
 *
 * serve/mcp_recall.c - tools for what agents remember: records, as they were said.
 *
 * Whose they are, the door has said (peer->scope); no argument can. Searches go on behind as many
 * as were told before, since their order is that of how well they fit, not that of their ids.
 * /v1/memories (serve/memories.c) calls the same functions.
 */
#include "serve/mcp_tools.h"
#include "serve/record.h"

#include "base/error.h"

#include <string.h>

static mn_record said(const mn_mcp_args *a) {
    return (mn_record){.text = a->text, .n = strlen(a->text), .time = a->time, .source = a->source};
}

static int tell_id(mn_mcp_call *call, int64_t id) {
    return mn_mcp_put(call->result, "id", json_integer(id));
}

int mn_mcp_memory_add(mn_mcp_call *call) {
    const mn_record record = said(&call->args);
    int64_t id;
    MN_TRY(mn_mem_add(call->peer->mem, &call->peer->scope, &record, 1, &id));
    return tell_id(call, id);
}

int mn_mcp_memory_update(mn_mcp_call *call) {
    const mn_record now = said(&call->args);
    MN_TRY(mn_mem_update(call->peer->mem, &call->peer->scope, call->args.id, &now));
    return tell_id(call, call->args.id);
}

int mn_mcp_memory_forget(mn_mcp_call *call) {
    const mn_mcp_args *a = &call->args;
    const mn_find what = {.id = a->id, .source = a->source};
    if (!a->id == !a->source)
        return MN_FAIL(MN_EINVAL, "give the id of a record, or a source%s",
                       a->id ? ", not both" : "");
    const int64_t n = mn_mem_forget(call->peer->mem, &call->peer->scope, &what, 0);
    if (n < 0) return (int)n;
    return mn_mcp_put(call->result, "forgotten", json_integer(n));
}

/* ---- reading --------------------------------------------------------------------------------- */

typedef struct reading {
    mn_mcp_page page;
    int searched;
    int64_t skip, most; /* so many were told before; so many are told at most */
    int64_t last;       /* id of the last one */
    int64_t since, before;
} reading;

/* Is it of the times that were asked for? What is of no known time is of when it came. */
static int is_of_time(const reading *r, const mn_record *record) {
    const int64_t at = record->from == MN_UNKNOWN ? record->created : record->from;
    return (!r->since || at >= r->since) && (!r->before || at < r->before);
}

static int read_one(void *user, const mn_record *record) {
    reading *r = user;
    if (!is_of_time(r, record)) return 0;
    if (r->skip && r->skip--) return 0;
    if (r->page.n == r->most) return r->page.full = 1;
    const int rc = mn_mcp_page_add(&r->page, mn_record_json(record, r->searched));
    if (rc > 0) r->last = record->id;
    return rc < 0 ? rc : !rc; /* a full page stops it */
}

static int read_page(mn_mcp_call *call, const char *name, const mn_find *what, reading *r) {
    MN_TRY(mn_mcp_page_open(call, call->list ? call->list : name, &r->page));
    return mn_mem_find(call->peer->mem, &call->peer->scope, what, read_one, r);
}

/* Where pages count what was told, the next one begins behind all of it. */
static int go_on(mn_mcp_call *call, const reading *r) {
    if (!r->page.full) return 0;
    return mn_mcp_put(call->result, "next", json_integer(call->args.after + r->page.n));
}

/* The records that have what is asked of them. */
static mn_find fitting(const mn_mcp_args *a) {
    return (mn_find){.source = a->source, .session = a->session, .ref = a->ref, .kind = a->kind};
}

int mn_mcp_memory_search(mn_mcp_call *call) {
    const mn_mcp_args *a = &call->args;
    mn_find what = fitting(a);
    what.query = a->query;
    what.as_of = a->as_of;
    what.value = a->what;
    what.key = a->keys;
    what.times = a->times;
    what.k = (int32_t)a->after + a->k + 1;
    reading r = {.searched = 1, .skip = a->after, .most = a->k};
    MN_TRY(read_page(call, "records", &what, &r));
    return go_on(call, &r);
}

int mn_mcp_memory_history(mn_mcp_call *call) {
    const mn_find what = {.id = call->args.id, .versions = 1};
    reading r = {.skip = call->args.after, .most = INT64_MAX};
    MN_TRY(read_page(call, "versions", &what, &r));
    return go_on(call, &r);
}

int mn_mcp_memory_list(mn_mcp_call *call) {
    const mn_mcp_args *a = &call->args;
    mn_find what = fitting(a);
    reading r = {.most = a->limit, .since = a->since, .before = a->before};
    what.after = a->after;
    what.newest = a->newest;
    if (!a->since && !a->before) what.k = a->limit + 1; /* else it is not known which fit */
    MN_TRY(read_page(call, "records", &what, &r));
    return r.page.full ? mn_mcp_put(call->result, "next", json_integer(r.last)) : 0;
}

/* A part of its text, when all of it would be too much. */
static int read_part(void *user, const mn_record *record) {
    mn_mcp_call *call = user;
    json_t *item = mn_record_json(record, 0);
    size_t from, n;
    MN_TRY(mn_mcp_put(call->result, "record", item));
    MN_TRY(mn_mcp_slice(&call->args, record->text, record->n, &from, &n));
    MN_TRY(mn_mcp_put(item, "text", json_stringn(record->text + from, n)));
    if (n < record->n) MN_TRY(mn_mcp_put(item, "bytes", json_integer((json_int_t)record->n)));
    if (from + n == record->n) return 0;
    return mn_mcp_put(item, "next_from", json_integer((json_int_t)(from + n)));
}

int mn_mcp_memory_get(mn_mcp_call *call) {
    const mn_find what = {.id = call->args.id};
    MN_TRY(mn_mcp_put(call->result, "note", json_string(mn_mcp_note)));
    return mn_mem_find(call->peer->mem, &call->peer->scope, &what, read_part, call);
}
