/* SPDX-License-Identifier: Apache-2.0
 *
 * serve/memories.c - /v1/memories: what agents remember, over HTTP.
 *
 * Records and rules are those of the tools of /mcp, whose functions read and write here, too
 * (serve/mcp_recall.c); only the form differs: fields of a body or of a query instead of arguments,
 * a status instead of isError, `results` as `omnesia mem --json` has them, and a record by itself.
 * All of it is done by workers. What goes wrong with the disk is told without its paths.
 */
#include "serve/memories.h"
#include "base/alloc.h"
#include "base/error.h"
#include "base/json.h"
#include "base/when.h"
#include "serve/mcp_tools.h"
#include "serve/routes.h"
#include "serve/server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int mn_memory_refuse(mn_exchange *x, int rc, const char *param) {
    if (rc == MN_ENOENT) return mn_reply_error(x, 404, param, "not_found", "%s", mn_error_detail());
    if (rc == MN_ETOOLONG)
        return mn_reply_error(x, 400, param, "too_long", "%s", mn_error_detail());
    if (rc == MN_EIO || rc == MN_ECORRUPT)
        return mn_reply_error(x, 500, NULL, "disk_failed",
                              "the server cannot read or write its memory");
    if (rc == MN_EFULL)
        return mn_reply_error(x, 503, NULL, "disk_full", "the disk of the server is full");
    return mn_reply_failure(x, rc, param, mn_error_detail());
}

int mn_memory_asker(mn_exchange *x, mn_asker *out) {
    if (!x->server->options.mem)
        return mn_reply_error(x, 404, NULL, "no_memory",
                              "this server keeps no memory: it was started with --no-memory"),
               -1;
    const int rc = mn_asker_read(x, NULL, out);
    if (rc < 0) mn_reply_failure(x, rc, NULL, mn_error_detail());
    return rc;
}

int mn_memory_id(const mn_exchange *x, int64_t *id) {
    const size_t n = strcspn(x->rest, "/");
    char *end;
    *id = n && n < 17 && strspn(x->rest, "0123456789") == n ? strtoll(x->rest, &end, 10) : 0;
    if (*id > 0) return 0;
    return MN_FAIL(MN_ENOENT, "there is no record %.*s", (int)(n < 40 ? n : 40), x->rest);
}

/* ---- the functions of tools ------------------------------------------------------------------ */

static int moment_of(const char *text, int64_t *out) {
    mn_when w;
    if (!text || !*text) return 0;
    if (!mn_when_parse(text, &w))
        return MN_FAIL(MN_EINVAL, "\"%s\" is no moment: write 2023-05-08 or 2023-05-08T13:56:00Z",
                       text);
    *out = w.at;
    return 0;
}

static int args_of(const mn_exchange *x, mn_mcp_args *out) {
    const mn_fields *f = &x->fields;
    *out = (mn_mcp_args){.text = f->text,
                         .time = f->time,
                         .source = f->source,
                         .session = f->session,
                         .ref = f->ref,
                         .kind = f->kind,
                         .query = f->query,
                         .as_of = f->as_of,
                         .what = f->value,
                         .keys = f->key,
                         .times = f->times,
                         .k = f->k,
                         .limit = f->limit,
                         .budget = f->budget,
                         .after = f->after,
                         .from = f->from,
                         .newest = f->newest};
    MN_TRY(moment_of(f->since, &out->since));
    return moment_of(f->before, &out->before);
}

/* What `run` gives: all of it, or the member `part` alone. `one`: it is about the record that the
 * path names. */
static int do_tool(mn_exchange *x, int (*run)(mn_mcp_call *call), int one, const char *part) {
    mn_asker asker;
    mn_mcp_call call = {.result = json_object(), .list = "results"};
    if (mn_memory_asker(x, &asker) < 0) return json_decref(call.result), 0;
    const mn_mcp_peer peer = {.mem = x->server->options.mem, .scope = asker.scope};
    call.peer = &peer;
    int rc = call.result ? args_of(x, &call.args) : MN_FAIL(MN_ENOMEM, "no memory for an answer");
    if (rc >= 0 && one) rc = mn_memory_id(x, &call.args.id);
    if (rc >= 0) rc = run(&call);
    json_t *told = part ? json_object_get(call.result, part) : call.result;
    if (rc < 0)
        mn_memory_refuse(x, rc, NULL);
    else
        mn_reply_json(x, 200, json_incref(told));
    json_decref(call.result);
    return 0;
}

int mn_memory_list_work(mn_exchange *x) {
    return do_tool(x, mn_mcp_memory_list, 0, NULL);
}

int mn_memory_search_work(mn_exchange *x) {
    return do_tool(x, mn_mcp_memory_search, 0, NULL);
}

int mn_memory_get_work(mn_exchange *x) {
    return do_tool(x, mn_mcp_memory_get, 1, "record");
}

int mn_memory_history_work(mn_exchange *x) {
    return do_tool(x, mn_mcp_memory_history, 1, NULL);
}

static int update(mn_mcp_call *call) {
    MN_TRY(mn_mcp_memory_update(call));
    json_t *id = json_object_get(call->result, "id");
    return mn_mcp_put(call->result, "ids", json_pack("[O]", id));
}

int mn_memory_update_work(mn_exchange *x) {
    return do_tool(x, update, 1, NULL);
}

/* ---- adding ---------------------------------------------------------------------------------- */

/* Texts are borrowed of the request, but for *meta. */
static int record_of(const mn_fields *f, char **meta, mn_record *out) {
    *meta = f->metadata ? mn_json_text(f->metadata, JSON_COMPACT) : NULL;
    if (f->metadata && !*meta) return MN_FAIL(MN_ENOMEM, "no memory for a record");
    *out = (mn_record){.text = f->text,
                       .n = f->text ? strlen(f->text) : 0,
                       .time = f->time,
                       .session = f->session,
                       .speaker = f->speaker,
                       .ref = f->ref,
                       .source = f->source,
                       .kind = f->kind,
                       .meta = *meta};
    return f->text ? 0 : MN_FAIL(MN_EINVAL, "text is missing: what was said");
}

typedef struct adding {
    mn_record *record;
    char **meta;
    int64_t *id;
    size_t n;
} adding;

static int read_records(const json_t *list, adding *a, char at[32]) {
    for (size_t i = 0; i < a->n; i++) {
        mn_fields f = {0};
        const char *param;
        snprintf(at, 32, "records[%zu]", i);
        json_t *item = json_array_get(list, i);
        MN_TRY(mn_fields_read(item, MN_IN_ADD, &f, &param));
        if (f.records) return MN_FAIL(MN_EINVAL, "a record has no records of its own");
        MN_TRY(record_of(&f, a->meta + i, a->record + i));
    }
    *at = 0;
    return 0;
}

/* All of them or none. *param: which was wrong. */
static int add(mn_exchange *x, const mn_scope *scope, adding *a, char at[32]) {
    const mn_fields *f = &x->fields;
    a->n = f->records ? json_array_size(f->records) : 1;
    *at = 0;
    if (f->records && f->text)
        return MN_FAIL(MN_EINVAL, "records and text are both given; one of them says it all");
    a->record = mn_calloc(a->n + 1, sizeof *a->record);
    a->meta = mn_calloc(a->n + 1, sizeof *a->meta);
    a->id = mn_calloc(a->n + 1, sizeof *a->id);
    if (!a->record || !a->meta || !a->id)
        return MN_FAIL(MN_ENOMEM, "no memory for %zu records", a->n);
    if (f->records)
        MN_TRY(read_records(f->records, a, at));
    else
        MN_TRY(record_of(f, a->meta, a->record));
    return mn_mem_add(x->server->options.mem, scope, a->record, a->n, a->id);
}

static json_t *ids_json(const adding *a) {
    json_t *ids = json_array();
    for (size_t i = 0; i < a->n; i++) json_array_append_new(ids, json_integer(a->id[i]));
    json_t *told = json_pack("{s:o}", "ids", ids);
    if (told && a->n == 1) json_object_set_new(told, "id", json_integer(a->id[0]));
    return told;
}

int mn_memory_add_work(mn_exchange *x) {
    mn_asker asker;
    adding a = {0};
    char at[32];
    if (mn_memory_asker(x, &asker) < 0) return 0;
    const int rc = add(x, &asker.scope, &a, at);
    if (rc == MN_EINVAL && *at)
        mn_reply_error(x, 400, at, "invalid_value", "%s: %s", at, mn_error_detail());
    else if (rc < 0)
        mn_memory_refuse(x, rc, x->fields.records ? "records" : "text");
    else
        mn_reply_json(x, 200, ids_json(&a));
    for (size_t i = 0; a.meta && i < a.n; i++) mn_free(a.meta[i]);
    mn_free(a.record);
    mn_free(a.meta);
    mn_free(a.id);
    return 0;
}

/* ---- forgetting, taking along ---------------------------------------------------------------- */

int mn_memory_forget_work(mn_exchange *x) {
    const mn_fields *f = &x->fields;
    mn_asker asker;
    mn_find what = {.session = f->session, .source = f->source, .ref = f->ref, .kind = f->kind};
    if (mn_memory_asker(x, &asker) < 0) return 0;
    const int named = (f->session && *f->session) || (f->source && *f->source) ||
                      (f->ref && *f->ref) || (f->kind && *f->kind);
    int rc = *x->rest ? mn_memory_id(x, &what.id) : 0;
    if (rc >= 0 && f->all && named)
        rc = MN_FAIL(MN_EINVAL, "all means everything: it goes with nothing else");
    const int64_t n =
        rc < 0 ? rc : mn_mem_forget(x->server->options.mem, &asker.scope, &what, f->all);
    if (n < 0) return mn_memory_refuse(x, (int)n, NULL);
    return mn_reply_json(x, 200, json_pack("{s:I}", "forgotten", (json_int_t)n));
}

/* A file of our own that is gone from its folder while it is still being sent. */
static int export_to(mn_exchange *x, const mn_scope *scope) {
    const char *temporary = getenv("TMPDIR");
    mn_buf path = {0};
    int rc =
        mn_buf_printf(&path, "%s/omnesia-XXXXXX", temporary && *temporary ? temporary : "/tmp");
    if (rc >= 0 && !mkdtemp(path.data)) rc = MN_FAIL(MN_EIO, "cannot make a folder for an export");
    if (rc < 0) return mn_buf_free(&path), rc;
    const size_t n = path.len;
    rc = mn_buf_puts(&path, "/memories.jsonl");
    const int64_t records =
        rc < 0 ? rc : mn_mem_export(x->server->options.mem, scope, path.data, "jsonl", NULL);
    rc = records < 0 ? (int)records : 0;
    if (records > 0) rc = mn_file_map(path.data, &x->map);
    unlink(path.data);
    path.data[n] = 0;
    rmdir(path.data);
    mn_buf_free(&path);
    return rc;
}

int mn_memory_export_work(mn_exchange *x) {
    mn_asker asker;
    if (mn_memory_asker(x, &asker) < 0) return 0;
    const int rc = export_to(x, &asker.scope);
    if (rc < 0) return mn_memory_refuse(x, rc, NULL);
    return mn_reply_bytes(x, 200, "application/jsonl", "", 0);
}
