/* SPDX-License-Identifier: Apache-2.0
 *
 * serve/openapi.c - the tables of routes and fields as documents: OpenAPI 3.1, Markdown.
 */
#include "serve/field.h"
#include "serve/route.h"
#include "serve/serve.h"

#include "base/alloc.h"
#include "base/error.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

static json_t *error_response(const char *about) {
    return json_pack("{s:s, s:{s:{s:{s:s}}}}", "description", about, "content", "application/json",
                     "schema", "type", "object");
}

static json_t *responses_of(const mn_route *r) {
    const char *type = strcmp(r->path, "/metrics") == 0  ? "text/plain"
                       : r->flags & MN_ROUTE_PAGE        ? "text/html"
                       : strcmp(r->path, "/page/*") == 0 ? "text/css"
                                                         : "application/json";
    json_t *all = json_pack("{s:{s:s, s:{s:{}}}}", "200", "description", r->about, "content", type);
    if (strcmp(r->path, "/v1/files/*/content") == 0)
        json_object_set_new(json_object_get(all, "200"), "content",
                            json_pack("{s:{}}", "application/octet-stream"));
    if (r->fields & (MN_IN_CHAT | MN_IN_TEXT | MN_IN_MESSAGES | MN_IN_RESPONSES))
        json_object_set_new(json_object_get(json_object_get(all, "200"), "content"),
                            "text/event-stream", json_object());
    if (r->fields) {
        json_object_set_new(all, "400", error_response("a field is missing or wrong: it is named"));
        json_object_set_new(all, "413", error_response("the body is too large"));
        json_object_set_new(all, "404", error_response("there is no such model, or file"));
        json_object_set_new(all, "503", error_response("too busy; Retry-After says when"));
    } else if (strchr(r->path, '*'))
        json_object_set_new(all, "404", error_response("there is none of this name"));
    if (!(r->flags & MN_ROUTE_OPEN))
        json_object_set_new(all, "401", error_response("the key is missing or wrong"));
    json_object_set_new(all, "403", error_response("the Host or Origin is not allowed"));
    return all;
}

/* What mn_shelf_list reads. */
static json_t *list_parameters(void) {
    return json_pack("[{s:s, s:s, s:{s:s, s:i}}, {s:s, s:s, s:{s:s}}, {s:s, s:s, s:{s:[s,s]}}]",
                     "name", "limit", "in", "query", "schema", "type", "integer", "minimum", 1,
                     "name", "after", "in", "query", "schema", "type", "string", "name", "order",
                     "in", "query", "schema", "enum", "asc", "desc");
}

static json_t *operation_of(const mn_route *r) {
    char id[64];
    snprintf(id, sizeof id, "%s%s", r->method, r->path);
    for (char *c = id; *c; c++)
        if (!isalnum((unsigned char)*c)) *c = '_';
    json_t *o = json_pack("{s:s, s:s, s:o}", "operationId", id, "summary", r->about, "responses",
                          responses_of(r));
    if (r->fields)
        json_object_set_new(
            o, "requestBody",
            json_pack("{s:b, s:{s:{s:o}}}", "required", 1, "content",
                      r->fields & MN_IN_FILE ? "multipart/form-data" : "application/json", "schema",
                      mn_fields_schema(r->fields)));
    if (r->flags & MN_ROUTE_OPEN) json_object_set_new(o, "security", json_array());
    if (r->flags & MN_ROUTE_LIST) json_object_set_new(o, "parameters", list_parameters());
    if (strchr(r->path, '*'))
        json_object_set_new(o, "parameters",
                            json_pack("[{s:s, s:s, s:b, s:{s:s}}]", "name", "name", "in", "path",
                                      "required", 1, "schema", "type", "string"));
    return o;
}

static json_t *paths(void) {
    json_t *all = json_object();
    for (const mn_route *r = mn_routes; r->path; r++) {
        char path[64], method[8] = "";
        const size_t n = strcspn(r->path, "*");
        snprintf(path, sizeof path, "%.*s%s%s", (int)n, r->path, r->path[n] ? "{name}" : "",
                 r->path[n] ? r->path + n + 1 : "");
        for (size_t i = 0; r->method[i] && i < sizeof method - 1; i++)
            method[i] = (char)tolower((unsigned char)r->method[i]);
        if (!json_object_get(all, path)) json_object_set_new(all, path, json_object());
        json_object_set_new(json_object_get(all, path), method, operation_of(r));
    }
    return all;
}

int mn_serve_openapi(mn_buf *out) {
    json_t *doc = json_pack(
        "{s:s, s:{s:s, s:s, s:s}, s:o, s:{s:{s:{s:s, s:s}}}, s:[{s:[]}]}", "openapi", "3.1.0",
        "info", "title", "Omnesia", "version", mn_version(), "description",
        "Many agents at once on one model, one store of what was computed, one budget of memory.",
        "paths", paths(), "components", "securitySchemes", "key", "type", "http", "scheme",
        "bearer", "security", "key");
    char *text = doc ? json_dumps(doc, JSON_INDENT(1)) : NULL;
    json_decref(doc);
    if (!text) return MN_FAIL(MN_ENOMEM, "no memory for the OpenAPI document");
    const int rc = mn_buf_puts(out, text);
    mn_free(text);
    return rc;
}

int mn_serve_markdown(mn_buf *out) {
    MN_TRY(mn_buf_puts(out, "| route | key | what |\n|---|---|---|\n"));
    for (const mn_route *r = mn_routes; r->path; r++)
        MN_TRY(mn_buf_printf(out, "| `%s %s` | %s | %s |\n", r->method, r->path,
                             r->flags & MN_ROUTE_OPEN ? "no" : "yes", r->about));
    MN_TRY(mn_buf_puts(out, "\n"));
    return mn_fields_markdown(out);
}
