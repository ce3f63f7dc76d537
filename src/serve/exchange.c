/* SPDX-License-Identifier: Apache-2.0
 *
 * serve/exchange.c - replies, errors and server-sent events, as bytes.
 *
 * Errors have the form of the route's clients: OpenAI's {"error": {message, type, param, code}},
 * Anthropic's {"type": "error", "error": {type, message}}, or JSON-RPC's. A stream whose reader
 * does not keep up is dropped when MN_QUEUED bytes wait for it.
 */
#include "serve/exchange.h"

#include "base/alloc.h"
#include "base/budget.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/json.h"
#include "serve/mcp.h"
#include "serve/route.h"
#include "serve/server.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Nine digits are all that a float has. */
#define FORM (JSON_COMPACT | JSON_REAL_PRECISION(9))

mn_exchange *mn_exchange_new(mn_serve *s) {
    mn_exchange *x = mn_calloc(1, sizeof *x);
    if (!x) return NULL;
    x->server = s;
    x->refs = 1;
    x->head.method = x->head.path = x->head.query = "";
    x->head.minor = 1;
    x->body = (mn_buf){.what = "a request", .limit = s->options.body};
    x->reply = (mn_buf){.what = "a reply"};
    x->began = mn_clock_seconds();
    if ((x->next = s->exchanges)) x->next->previous = x;
    s->exchanges = x;
    s->n_exchanges++;
    return x;
}

mn_exchange *mn_exchange_hold(mn_exchange *x) {
    x->refs++;
    return x;
}

void mn_exchange_release(mn_exchange *x) {
    if (--x->refs) return;
    mn_serve *s = x->server;
    if (x->free_state) x->free_state(x);
    mn_models_release(&x->use);
    if (x->previous)
        x->previous->next = x->next;
    else
        s->exchanges = x->next;
    if (x->next) x->next->previous = x->previous;
    s->n_exchanges--;
    json_decref(x->json);
    mn_budget_give(x->booked);
    mn_buf_free(&x->body);
    mn_buf_free(&x->reply);
    mn_file_unmap(&x->map);
    mn_free(x->text);
    mn_free(x);
}

/* ---- notes ----------------------------------------------------------------------------------- */

int mn_reply_bytes(mn_exchange *x, int status, const char *type, const void *bytes, size_t n) {
    mn_buf_clear(&x->reply);
    if (mn_buf_append(&x->reply, bytes, n) < 0) { /* a status needs no memory */
        status = 503;
        x->retry_after = 1;
    }
    x->status = status;
    x->type = type;
    return 0;
}

int mn_reply_json(mn_exchange *x, int status, json_t *object) {
    mn_buf_clear(&x->reply);
    x->type = "application/json";
    if (mn_json_write(object, FORM, &x->reply) >= 0)
        x->status = status;
    else {
        x->status = 503;
        x->retry_after = 1;
    }
    json_decref(object);
    return 0;
}

/* What kind of error a status is, in the words of each family of clients. */
static const struct {
    int status;
    const char *openai, *anthropic;
} kinds[] = {
    {400, "invalid_request_error", "invalid_request_error"},
    {401, "authentication_error", "authentication_error"},
    {403, "permission_error", "permission_error"},
    {404, "invalid_request_error", "not_found_error"},
    {405, "invalid_request_error", "invalid_request_error"},
    {406, "invalid_request_error", "invalid_request_error"},
    {408, "invalid_request_error", "invalid_request_error"},
    {413, "invalid_request_error", "request_too_large"},
    {429, "rate_limit_error", "rate_limit_error"},
    {431, "invalid_request_error", "invalid_request_error"},
    {500, "server_error", "api_error"},
    {501, "invalid_request_error", "invalid_request_error"},
    {503, "server_error", "overloaded_error"},
    {505, "invalid_request_error", "invalid_request_error"},
};

json_t *mn_error_object(const mn_exchange *x, int status, const char *param, const char *code,
                        const char *message) {
    size_t i = 0;
    while (i + 1 < sizeof kinds / sizeof *kinds && kinds[i].status < status) i++;
    json_t *text = json_string(message);
    if (!text) text = json_string("the request holds text that is not UTF-8");
    if (x->route && x->route->flags & MN_ROUTE_MCP) return mn_mcp_error(status, code, text);
    if (x->route && x->route->flags & MN_ROUTE_ANTHROPIC)
        return json_pack("{s:s, s:{s:s, s:o}}", "type", "error", "error", "type",
                         kinds[i].anthropic, "message", text);
    return json_pack("{s:{s:o, s:s, s:s?, s:s?}}", "error", "message", text, "type",
                     kinds[i].openai, "param", param, "code", code);
}

int mn_reply_error(mn_exchange *x, int status, const char *param, const char *code,
                   const char *format, ...) {
    char message[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    if ((status == 503 || status == 429) && !x->retry_after) x->retry_after = 1;
    return mn_reply_json(x, status, mn_error_object(x, status, param, code, message));
}

int mn_status_of(int rc, const char **code) {
    static const struct {
        int rc, status;
        const char *code;
    } map[] = {{MN_EINVAL, 400, "invalid_value"},
               {MN_ETOOLONG, 400, "context_length_exceeded"},
               {MN_EUNSUPPORTED, 400, "unsupported"},
               {MN_ENOENT, 404, "model_not_found"},
               {MN_EFULL, 503, "overloaded"},
               {MN_ENOMEM, 503, "out_of_memory"},
               {MN_EBUSY, 503, "busy"},
               {MN_ECANCELLED, 503, "shutting_down"}};
    for (size_t i = 0; i < sizeof map / sizeof *map; i++)
        if (map[i].rc == rc) return *code = map[i].code, map[i].status;
    return *code = NULL, 500;
}

int mn_reply_failure(mn_exchange *x, int rc, const char *param, const char *detail) {
    const char *code;
    const int status = mn_status_of(rc, &code);
    return mn_reply_error(x, status, param, code, "%s", *detail ? detail : mn_error_text(rc));
}

/* ---- sending --------------------------------------------------------------------------------- */

/* The head, but for what says how the body comes. */
static int head_of(const mn_exchange *x, mn_buf *out) {
    MN_TRY(mn_buf_printf(out, "HTTP/1.1 %d %s\r\n", x->status, mn_http_reason(x->status)));
    if (x->type) MN_TRY(mn_buf_printf(out, "Content-Type: %s\r\n", x->type));
    MN_TRY(mn_buf_printf(out, "Cache-Control: %s\r\nX-Content-Type-Options: nosniff\r\n",
                         x->cache ? x->cache : "no-store"));
    if (x->allow) MN_TRY(mn_buf_printf(out, "Allow: %s\r\n", x->allow));
    if (x->retry_after) MN_TRY(mn_buf_printf(out, "Retry-After: %d\r\n", x->retry_after));
    if (x->status == 401) MN_TRY(mn_buf_puts(out, "WWW-Authenticate: Bearer\r\n"));
    if (x->route && x->route->flags & MN_ROUTE_PAGE)
        MN_TRY(mn_buf_puts(out, "Content-Security-Policy: default-src 'self'; connect-src 'self'; "
                                "img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; "
                                "form-action 'self'\r\nReferrer-Policy: no-referrer\r\n"));
    if (x->origin)
        MN_TRY(mn_buf_printf(
            out,
            "Access-Control-Allow-Origin: %s\r\nVary: Origin\r\n"
            "Access-Control-Allow-Methods: GET, POST, PATCH, DELETE, OPTIONS\r\n"
            "Access-Control-Allow-Headers: authorization, content-type, x-api-key, "
            "anthropic-version, mcp-protocol-version, mcp-method, mcp-name, "
            "omnesia-user, omnesia-agent, omnesia-run\r\nAccess-Control-Max-Age: 600\r\n",
            x->origin));
    if (mn_conn_closes(x->conn)) return mn_buf_puts(out, "Connection: close\r\n");
    return x->head.minor ? 0 : mn_buf_puts(out, "Connection: keep-alive\r\n");
}

/* It has ended, one way or another: count it, tell the log, let the connection go on. */
static void end(mn_exchange *x) {
    x->ended = 1;
    mn_figures_request(&x->server->figures, x);
    mn_serve_log(x);
    if (x->conn)
        mn_conn_finish(x->conn); /* which may have been the last to hold it: x is gone */
    else if (x->heard)
        x->heard(x);
}

void mn_exchange_send(mn_exchange *x) {
    mn_buf head = {0};
    if (x->ended) return;
    x->sent = 1;
    if (x->conn && head_of(x, &head) >= 0 &&
        (x->status == 204 || mn_buf_printf(&head, "Content-Length: %zu\r\n",
                                           x->map.data ? x->map.size : x->reply.len) >= 0) &&
        mn_buf_puts(&head, "\r\n") >= 0) {
        const int body = strcmp(x->head.method, "HEAD") != 0 && x->status != 204;
        mn_conn_write(x->conn, head.data, head.len);
        if (x->map.data && body)
            mn_conn_write_map(x->conn, &x->map);
        else if (x->reply.len && body)
            mn_conn_write(x->conn, x->reply.data, x->reply.len);
        mn_buf_free(&head);
    } else if (x->conn) {
        mn_buf_free(&head);
        mn_conn_drop(x->conn); /* no memory for a line of text: nothing can be said */
    }
    end(x);
}

static void stream_begin(mn_exchange *x) {
    mn_buf head = {0};
    x->sent = x->streaming = 1;
    x->status = 200;
    x->type = "text/event-stream; charset=utf-8";
    if (head_of(x, &head) >= 0 &&
        mn_buf_puts(&head, x->head.minor ? "Transfer-Encoding: chunked\r\n\r\n" : "\r\n") >= 0)
        mn_conn_write(x->conn, head.data, head.len);
    else
        mn_conn_drop(x->conn);
    mn_buf_free(&head);
}

void mn_stream_text(mn_exchange *x, const char *text, size_t n) {
    char size[24];
    if (!x->conn || x->ended) return;
    if (!x->sent) stream_begin(x);
    if (!x->conn || !n) return;
    x->spoke = mn_clock_seconds();
    if (mn_conn_queued(x->conn) > MN_QUEUED) {
        x->server->figures.dropped++;
        mn_conn_drop(x->conn);
        return;
    }
    if (x->head.minor)
        mn_conn_write(x->conn, size, (size_t)snprintf(size, sizeof size, "%zx\r\n", n));
    mn_conn_write(x->conn, text, n);
    if (x->head.minor) mn_conn_write(x->conn, "\r\n", 2);
}

void mn_stream_event(mn_exchange *x, const char *name, json_t *object) {
    mn_buf text = {0};
    int rc = object && x->conn ? 0 : -1;
    if (rc >= 0 && name) rc = mn_buf_printf(&text, "event: %s\n", name);
    if (rc >= 0) rc = mn_buf_puts(&text, "data: ");
    if (rc >= 0) rc = mn_json_write(object, FORM, &text);
    if (rc >= 0) rc = mn_buf_puts(&text, "\n\n");
    if (rc >= 0)
        mn_stream_text(x, text.data, text.len);
    else if (x->conn)
        mn_conn_drop(x->conn); /* an event is missing: the stream cannot go on as if it were not */
    mn_buf_free(&text);
    json_decref(object);
}

void mn_stream_end(mn_exchange *x) {
    if (x->ended) return;
    if (x->conn && !x->sent) stream_begin(x);
    if (x->conn && x->head.minor) mn_conn_write(x->conn, "0\r\n\r\n", 5);
    end(x);
}
