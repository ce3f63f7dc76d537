/* SPDX-License-Identifier: Apache-2.0
 *
 * serve/route.c - who may ask for what: the table, the door, and the way to a handler.
 *
 * The door is passed when the head of a request is complete, before its body is read: a Host that a
 * browser may have been tricked into (DNS rebinding), an Origin nobody allowed, a missing key, an
 * unknown path or method are refused there, in this order, so that who has no key learns nothing
 * about paths. Then the body is read as JSON: here when it is short, by a worker when it is not.
 */
#include "serve/route.h"

#include "base/error.h"
#include "serve/batches.h"
#include "serve/chat.h"
#include "serve/files.h"
#include "serve/routes.h"
#include "serve/server.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { SHORT_BODY = 32 << 10 };

#define KEPT   (MN_ROUTE_AWAY | MN_ROUTE_KEPT)
#define MEMORY (MN_ROUTE_AWAY | MN_ROUTE_MEMORY)
/* clang-format off */
const mn_route mn_routes[] = {
    {"GET", "/", MN_ROUTE_OPEN | MN_ROUTE_PAGE, 0, mn_page_work, NULL, NULL, "the dashboard"},
    {"GET", "/page/*", MN_ROUTE_OPEN | MN_ROUTE_PAGE, 0, mn_page_work, NULL, NULL, "its files"},
    {"GET", "/health", MN_ROUTE_OPEN, 0, mn_health_work, NULL, "Health",
        "is it alive? Answers whatever else goes on"},
    {"GET", "/metrics", MN_ROUTE_AWAY | MN_ROUTE_METRICS, 0, mn_metrics_work, NULL, NULL,
        "figures for Prometheus"},
    {"GET", "/openapi.json", 0, 0, mn_openapi_work, NULL, "Document", "this list, in OpenAPI"},
    {"GET", "/api/state", MN_ROUTE_AWAY, 0, mn_state_work, NULL, "State", "all a dashboard shows"},
    {"GET", "/v1/models", 0, 0, mn_models_work, NULL, "Models", "the models there are"},
    {"GET", "/v1/models/*", 0, 0, mn_model_work, NULL, "Model", "one of them"},
    {"POST", "/v1/chat/completions", 0, MN_IN_CHAT, mn_chat_work, mn_asked_start, "ChatCompletion",
        "answer a conversation (OpenAI)"},
    {"POST", "/v1/completions", 0, MN_IN_TEXT, mn_text_work, mn_asked_start, "Completion",
        "go on from a text (OpenAI)"},
    {"POST", "/v1/embeddings", MN_ROUTE_AWAY | MN_ROUTE_LONG, MN_IN_EMBED, mn_embed_work, NULL,
        "Embeddings", "vectors of texts (OpenAI)"},
    {"POST", "/v1/responses", 0, MN_IN_RESPONSES, mn_responses_work, mn_asked_start, "Response",
        "answer a conversation (OpenAI's newer form)"},
    {"POST", "/v1/messages", MN_ROUTE_ANTHROPIC, MN_IN_MESSAGES, mn_messages_work, mn_asked_start,
        "Message", "answer a conversation (Anthropic)"},
    {"POST", "/v1/messages/count_tokens", MN_ROUTE_ANTHROPIC, MN_IN_COUNT, mn_count_work, NULL,
        "Count", "how many tokens it has (Anthropic)"},
    {"POST", "/v1/files", KEPT, MN_IN_FILE, mn_files_post_work, NULL, "File",
        "leave a file of requests here (OpenAI)"},
    {"GET", "/v1/files", KEPT | MN_ROUTE_LIST, 0, mn_files_list_work, NULL, "Files",
        "the files there are"},
    {"GET", "/v1/files/*/content", KEPT, 0, mn_files_content_work, NULL, NULL,
        "all of one"},
    {"GET", "/v1/files/*", KEPT, 0, mn_files_get_work, NULL, "File",
        "what is known of one"},
    {"DELETE", "/v1/files/*", KEPT, 0, mn_files_delete_work, NULL, "Deleted",
        "remove one"},
    {"POST", "/v1/batches", KEPT, MN_IN_BATCH, mn_batches_post_work, NULL, "Batch",
        "answer such a file, beside all else (OpenAI)"},
    {"GET", "/v1/batches", KEPT | MN_ROUTE_LIST, 0, mn_batches_list_work, NULL, "Batches",
        "the batches there are"},
    {"GET", "/v1/batches/*", KEPT, 0, mn_batches_get_work, NULL, "Batch",
        "how far one has come"},
    {"POST", "/v1/batches/*/cancel", KEPT, 0, mn_batches_cancel_work, NULL, "Batch",
        "end one"},
    {"POST", "/mcp", MN_ROUTE_AWAY | MN_ROUTE_MCP, MN_IN_MCP, mn_mcp_work, NULL, "McpAnswer",
        "tools for agents: memory and objects (MCP; docs/MCP.md)"},
    {"POST", "/v1/memories", MEMORY, MN_IN_ADD, mn_memory_add_work, NULL, "MemoryIds",
        "remember what was said, word for word: one record, or several"},
    {"GET", "/v1/memories", MEMORY | MN_ROUTE_QUERY, MN_IN_RECORDS, mn_memory_list_work, NULL,
        "Memories", "records in the order they came, a page at a time"},
    {"DELETE", "/v1/memories", MEMORY | MN_ROUTE_QUERY, MN_IN_FORGET, mn_memory_forget_work, NULL,
        "Forgotten", "forget all of a source, session or kind, or everything, for good"},
    {"POST", "/v1/memories/search", MEMORY, MN_IN_SEARCH, mn_memory_search_work, NULL, "Memories",
        "records that fit, best first"},
    {"GET", "/v1/memories/overview", MEMORY, 0, mn_memory_overview_work, NULL, "Overview",
        "how many records there are, over days, and who speaks in them"},
    {"GET", "/v1/memories/export", MEMORY | MN_ROUTE_LONG, 0, mn_memory_export_work, NULL, NULL,
        "all of them with their history, a line of JSON each"},
    {"GET", "/v1/memories/*/history", MEMORY | MN_ROUTE_QUERY, MN_IN_HISTORY,
        mn_memory_history_work, NULL, "Memories", "all a record has said, oldest first"},
    {"GET", "/v1/memories/*", MEMORY | MN_ROUTE_QUERY, MN_IN_RECORD, mn_memory_get_work, NULL,
        "Memory", "one record, or the next part of a long one"},
    {"PATCH", "/v1/memories/*", MEMORY, MN_IN_UPDATE, mn_memory_update_work, NULL, "MemoryIds",
        "it says this now; what it said before stays in its history"},
    {"DELETE", "/v1/memories/*", MEMORY, 0, mn_memory_forget_work, NULL, "Forgotten",
        "forget one, with its history"},
    {"GET", "/v1/tasks", MEMORY | MN_ROUTE_QUERY, MN_IN_TASKS, mn_tasks_work, NULL, "Plans",
        "plans of agents, oldest first: how far each of them is"},
    {"GET", "/v1/tasks/*", MEMORY | MN_ROUTE_QUERY, MN_IN_TASK, mn_task_work, NULL, "Plan",
        "a task and all that is below it"},
    {"POST", "/v1/fleet", MN_ROUTE_AWAY, MN_IN_FLEET, mn_fleet_work, NULL, "FleetAnswer",
        "look at robots that share one world, give them tasks, stop them (docs/FLEET.md)"},
    {"POST", "/tokenize", 0, MN_IN_TOKENIZE, mn_tokenize_work, NULL, "Tokens",
        "the tokens of a text"},
    {"POST", "/detokenize", 0, MN_IN_DETOKENIZE, mn_detokenize_work, NULL, "Text",
        "the text of tokens"},
    {"POST", "/apply-template", 0, MN_IN_TEMPLATE, mn_template_work, NULL, "Prompt",
        "the text a conversation becomes"},
    {0}};
/* clang-format on */

static const char *const methods_all[] = {"GET", "POST", "PATCH", "DELETE"};
enum { N_METHODS = sizeof methods_all / sizeof *methods_all };

/* ---- the door -------------------------------------------------------------------------------- */

static int path_is(const mn_route *r, mn_exchange *x) {
    const size_t n = strcspn(r->path, "*");
    const char *const end = r->path[n] ? r->path + n + 1 : "";
    x->rest = "";
    if (!r->path[n]) return strcmp(r->path, x->head.path) == 0;
    if (strncmp(r->path, x->head.path, n) != 0 || !x->head.path[n]) return 0;
    x->rest = x->head.path + n;
    return !*end || strcmp(x->rest + strcspn(x->rest, "/"), end) == 0;
}

/* What a path may be asked with: bits, in the order of methods_all. */
static const char *allowed(mn_exchange *x, unsigned methods) {
    if (!methods) return NULL;
    char *at = x->allowed, *const end = at + sizeof x->allowed;
    for (size_t i = 0; i < N_METHODS; i++)
        if (methods & 1u << i)
            at += snprintf(at, (size_t)(end - at), "%s%s, ", methods_all[i], i ? "" : ", HEAD");
    snprintf(at, (size_t)(end - at), "OPTIONS");
    return x->allowed;
}

static int is_hidden(const mn_route *r, const mn_exchange *x) {
    const int metrics = x->server->options.metrics;
    return r->flags & MN_ROUTE_METRICS && (metrics == 2 || (metrics == 0 && !x->loopback));
}

/* What rows say about this path: of those that match, the longest. NULL: none does. */
static const char *path_of(mn_exchange *x) {
    const char *path = NULL;
    for (const mn_route *r = mn_routes; r->path; r++)
        if (path_is(r, x) && !is_hidden(r, x) && (!path || strlen(r->path) > strlen(path)))
            path = r->path;
    return path;
}

/* The route, or the status: 404, or 405 with what is allowed. */
static int find(mn_exchange *x) {
    const char *method = strcmp(x->head.method, "HEAD") == 0 ? "GET" : x->head.method;
    const char *path = path_of(x);
    unsigned others = 0;
    for (const mn_route *r = mn_routes; path && r->path; r++) {
        if (strcmp(r->path, path) != 0 || !path_is(r, x)) continue;
        if (strcmp(method, r->method) == 0) return x->route = r, 0;
        for (unsigned i = 0; i < N_METHODS; i++)
            if (strcmp(r->method, methods_all[i]) == 0) others |= 1u << i;
    }
    x->allow = allowed(x, others);
    return x->allow ? 405 : 404;
}

/* On an address of this machine alone, a browser comes by one of its names, or was tricked. */
static int host_is_ours(const mn_exchange *x) {
    const char *host = mn_http_field(&x->head, "host");
    if (!x->loopback || x->local) return 1;
    return !host || mn_listen_is_local_name(host);
}

/* No Origin, the page's own, or one that was allowed. */
static int origin_is_allowed(mn_exchange *x) {
    const char *origin = mn_http_field(&x->head, "origin");
    const char *host = mn_http_field(&x->head, "host");
    const mn_serve_list *allowed = &x->server->options.origins;
    if (!origin) return 1;
    for (int i = 0; i < allowed->n; i++)
        if (strcasecmp(allowed->item[i], origin) == 0) return x->origin = origin, 1;
    const char *name = strstr(origin, "://");
    return name && host && strcasecmp(name + 3, host) == 0;
}

/* "Authorization: Bearer KEY", or "x-api-key: KEY". */
static const char *key_of(const mn_exchange *x) {
    const char *a = mn_http_field(&x->head, "authorization");
    if (a && strncasecmp(a, "bearer ", 7) == 0) return a + 7 + strspn(a + 7, " ");
    return mn_http_field(&x->head, "x-api-key");
}

static int key_is_good(mn_exchange *x) {
    const char *key = key_of(x);
    if (!x->server->auth.n) return 1;
    const mn_auth_key *found = key ? mn_auth_find(&x->server->auth, key) : NULL;
    if (!found) return 0;
    x->key = found->name;
    memcpy(x->tenant, found->tenant, sizeof x->tenant);
    x->has_tenant = 1;
    return 1;
}

/* What a browser asks before it asks. */
static int preflight(mn_exchange *x) {
    if (!x->allow)
        x->allow = allowed(x, (1u << N_METHODS) - 1); /* of any path: there is none of this */
    return mn_reply_bytes(x, 204, NULL, "", 0);
}

static int refuse_path(mn_exchange *x, int status) {
    if (status == 405)
        return mn_reply_error(x, 405, NULL, "method_not_allowed",
                              "%s is not what this path is asked with; use %s", x->head.method,
                              x->allow);
    return mn_reply_error(x, 404, NULL, "not_found",
                          "there is no such path; GET /openapi.json lists those there are");
}

int mn_route_admit(mn_exchange *x) {
    const int status = find(x); /* told to those only who may ask */
    const int open = x->route && x->route->flags & MN_ROUTE_OPEN;
    if (!host_is_ours(x))
        mn_reply_error(x, 403, NULL, "host_not_allowed",
                       "this Host is not a name of this machine; use localhost or 127.0.0.1");
    else if (!origin_is_allowed(x))
        mn_reply_error(x, 403, NULL, "origin_not_allowed",
                       "pages of this origin may not ask here; --allow-origin lets them");
    else if (strcmp(x->head.method, "OPTIONS") == 0)
        preflight(x);
    else if (!open && !key_is_good(x))
        mn_reply_error(x, 401, NULL, "invalid_api_key",
                       key_of(x) ? "this API key is not known here"
                                 : "give an API key: Authorization: Bearer KEY");
    else if (status)
        refuse_path(x, status);
    else if (x->server->stopping && !open)
        mn_reply_error(x, 503, NULL, "shutting_down", "the server is stopping; ask again");
    else if (!mn_route_has_body(x->route) && (x->head.length || x->head.chunked))
        mn_reply_error(x, 400, NULL, "invalid_value", "this path takes no body");
    else if (x->route->fields & MN_IN_FILE && x->body.limit < MN_UPLOAD)
        x->body.limit = MN_UPLOAD;
    return x->status;
}

/* ---- the way to the handler ------------------------------------------------------------------ */

static int read_json(mn_exchange *x) {
    const char *body = x->body.data ? x->body.data : "";
    const int rc = mn_json_read("the body", body, x->body.len, 0, &x->json, &x->booked);
    if (rc == MN_EINVAL)
        return mn_reply_error(x, 400, NULL, "invalid_json", "%s", mn_error_detail());
    if (rc < 0) return mn_reply_failure(x, rc, NULL, mn_error_detail());
    mn_buf_free(&x->body);
    return 0;
}

/* What there is to read fields of, as JSON. */
static int read_fields(mn_exchange *x, const mn_route *r) {
    if (r->fields & MN_IN_FILE) return mn_files_form(x);
    if (mn_route_has_body(r)) return read_json(x);
    const int rc = mn_fields_query(x->head.query, r->fields, &x->json);
    return rc < 0 ? mn_reply_failure(x, rc, NULL, mn_error_detail()) : 0;
}

static int do_work(mn_exchange *x) {
    const mn_route *r = x->route;
    const char *param;
    if (r->fields && !x->json) {
        read_fields(x, r);
        if (x->status) return 0;
        if (r->flags & MN_ROUTE_MCP) return r->work(x); /* it reads its messages itself */
        mn_fields_standard(&x->server->options.request, &x->fields);
        const int rc = mn_fields_read(x->json, r->fields, &x->fields, &param);
        if (rc < 0) return mn_reply_field(x, rc, param);
        if (x->heard) x->fields.stream = 0; /* the reply is wanted as a whole */
    }
    return r->work(x);
}

/* On the HTTP thread: the reply, or what is left to be done. */
static void after(mn_exchange *x) {
    if (x->heard && x->server->stopping && !x->status)
        mn_reply_error(x, 503, NULL, "shutting_down", "the server is stopping");
    if (x->status || !mn_exchange_wanted(x) || !x->route->start) return mn_exchange_send(x);
    x->route->start(x);
}

static void read_letter(mn_letter *letter) {
    mn_exchange *x = (mn_exchange *)((char *)letter - offsetof(mn_exchange, letter));
    after(x);
    mn_exchange_release(x);
}

void mn_route_run(mn_exchange *x) {
    const int away = x->route->flags & MN_ROUTE_AWAY || x->body.len > SHORT_BODY;
    x->work = do_work;
    x->letter.read = read_letter;
    if (!away && do_work(x) != 1) {
        mn_exchange_hold(x);
        after(x);
        return mn_exchange_release(x);
    }
    const int rc = mn_work_give(&x->server->work, x);
    if (rc >= 0) return;
    mn_reply_failure(x, rc, NULL, mn_error_detail());
    mn_exchange_send(x);
}
