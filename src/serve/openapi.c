/* SPDX-License-Identifier: Apache-2.0
 *
 * serve/openapi.c - the tables of routes and fields as documents: OpenAPI 3.1, Markdown.
 *
 * Where a value is more than a kind and a range, rows name its schema, and so do routes for their
 * replies; those stand in schemas.json. A server without keys documents none, since it takes any.
 */
#include "serve/field.h"
#include "serve/route.h"
#include "serve/serve.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/json.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* The shapes of what is asked and said: schemas.json, by tools/embed.py (src/meson.build). */
extern const unsigned char mn_schemas_json[];
extern const size_t mn_schemas_json_size;

static json_t *ref(const char *name) {
    return json_sprintf("#/components/schemas/%s", name);
}

static void add_error(json_t *all, const mn_route *r, const char *status, const char *about) {
    const char *shape = r->flags & MN_ROUTE_ANTHROPIC ? "MessagesError"
                        : r->flags & MN_ROUTE_MCP     ? "McpError"
                                                      : "Error";
    json_object_set_new(all, status,
                        json_pack("{s:s, s:{s:{s:{s:o}}}}", "description", about, "content",
                                  "application/json", "schema", "$ref", ref(shape)));
}

/* What a route sends when all is well. */
static json_t *content_of(const mn_route *r) {
    if (r->fields & (MN_IN_CHAT | MN_IN_TEXT | MN_IN_MESSAGES | MN_IN_RESPONSES))
        return json_pack("{s:{s:{s:o}}, s:{}}", "application/json", "schema", "$ref", ref(r->reply),
                         "text/event-stream");
    if (r->reply)
        return json_pack("{s:{s:{s:o}}}", "application/json", "schema", "$ref", ref(r->reply));
    if (r->flags & MN_ROUTE_KEPT) return json_pack("{s:{}}", "application/octet-stream");
    if (r->flags & MN_ROUTE_MEMORY) return json_pack("{s:{}}", "application/jsonl");
    if (!(r->flags & MN_ROUTE_PAGE)) return json_pack("{s:{}}", "text/plain");
    return strchr(r->path, '*')
               ? json_pack("{s:{}, s:{}, s:{}}", "text/css", "text/javascript", "text/html")
               : json_pack("{s:{}}", "text/html");
}

static json_t *responses_of(const mn_route *r, int keys) {
    json_t *all =
        json_pack("{s:{s:s, s:o}}", "200", "description", r->about, "content", content_of(r));
    add_error(all, r, "400",
              r->flags & MN_ROUTE_QUERY ? "a field of the query is wrong: it is named"
              : r->fields               ? "no JSON, or a field is missing or wrong: it is named"
                                        : "the request is not what HTTP allows");
    add_error(all, r, "403", "the Host or Origin is not allowed");
    add_error(all, r, "503", "too busy, out of memory or stopping; Retry-After says when to ask");
    if (mn_route_has_body(r)) {
        add_error(all, r, "404", "there is no such model, or file");
        add_error(all, r, "408", "the body did not come in time");
        add_error(all, r, "413", "the body is too large");
    } else if (strchr(r->path, '*'))
        add_error(all, r, "404", "there is none of this name");
    if (r->flags & MN_ROUTE_MCP) {
        json_object_set_new(all, "202",
                            json_pack("{s:s}", "description", "a notification: it has no answer"));
        add_error(all, r, "404", "there is no such method");
        add_error(all, r, "406", "the answer is JSON, and Accept does not allow it");
    }
    if (r->flags & MN_ROUTE_KEPT) {
        add_error(all, r, "404", "there is none of this name, or no files are kept here");
        add_error(all, r, "409", "it is in use, or has ended");
        add_error(all, r, "429", "too many batches of this key have not ended");
        add_error(all, r, "500", "the disk of the server failed");
    }
    if (r->flags & MN_ROUTE_MEMORY) {
        add_error(all, r, "404", "there is no such record, or the server keeps no memory");
        add_error(all, r, "500", "the disk of the server failed");
    }
    if (keys && !(r->flags & MN_ROUTE_OPEN))
        add_error(all, r, "401", "the key is missing or wrong");
    return all;
}

/* What mn_shelf_list reads. */
static json_t *list_parameters(void) {
    return json_pack("[{s:s, s:s, s:{s:s, s:i}}, {s:s, s:s, s:{s:s}}, {s:s, s:s, s:{s:[s,s]}}]",
                     "name", "limit", "in", "query", "schema", "type", "integer", "minimum", 1,
                     "name", "after", "in", "query", "schema", "type", "string", "name", "order",
                     "in", "query", "schema", "enum", "asc", "desc");
}

/* Rows of fields, as they stand in a query. */
static json_t *query_parameters(unsigned route) {
    json_t *all = json_array(), *schema = mn_rows_schema(mn_field_rows, route, 0), *one;
    const char *name;
    json_object_foreach(json_object_get(schema, "properties"), name, one) json_array_append_new(
        all, json_pack("{s:s, s:s, s:O}", "name", name, "in", "query", "schema", one));
    json_decref(schema);
    return all;
}

static json_t *path_parameter(const mn_route *r) {
    /* Names of records are numbers, and such a one is never the name of another path. */
    return json_pack("{s:s, s:s, s:b, s:o}", "name", "name", "in", "path", "required", 1, "schema",
                     r->flags & MN_ROUTE_MEMORY
                         ? json_pack("{s:s, s:i}", "type", "integer", "minimum", 1)
                         : json_pack("{s:s, s:i}", "type", "string", "minLength", 1));
}

static json_t *parameters_of(const mn_route *r) {
    json_t *all = r->flags & MN_ROUTE_LIST    ? list_parameters()
                  : r->flags & MN_ROUTE_QUERY ? query_parameters(r->fields)
                                              : json_array();
    if (strchr(r->path, '*')) json_array_append_new(all, path_parameter(r));
    return all;
}

static json_t *operation_of(const mn_route *r, int keys) {
    char id[64];
    snprintf(id, sizeof id, "%s%s", r->method, r->path);
    for (char *c = id; *c; c++)
        if (!isalnum((unsigned char)*c)) *c = '_';
    json_t *o = json_pack("{s:s, s:s, s:o}", "operationId", id, "summary", r->about, "responses",
                          responses_of(r, keys));
    if (mn_route_has_body(r))
        json_object_set_new(
            o, "requestBody",
            json_pack("{s:b, s:{s:{s:o}}}", "required", 1, "content",
                      r->fields & MN_IN_FILE ? "multipart/form-data" : "application/json", "schema",
                      mn_fields_schema(r->fields)));
    if (r->flags & MN_ROUTE_OPEN) json_object_set_new(o, "security", json_array());
    json_t *parameters = parameters_of(r);
    if (json_array_size(parameters)) json_object_set(o, "parameters", parameters);
    json_decref(parameters);
    return o;
}

static json_t *paths(int keys) {
    json_t *all = json_object();
    for (const mn_route *r = mn_routes; r->path; r++) {
        char path[64], method[8] = "";
        const size_t n = strcspn(r->path, "*");
        snprintf(path, sizeof path, "%.*s%s%s", (int)n, r->path, r->path[n] ? "{name}" : "",
                 r->path[n] ? r->path + n + 1 : "");
        for (size_t i = 0; r->method[i] && i < sizeof method - 1; i++)
            method[i] = (char)tolower((unsigned char)r->method[i]);
        if (!json_object_get(all, path)) json_object_set_new(all, path, json_object());
        json_object_set_new(json_object_get(all, path), method, operation_of(r, keys));
    }
    return all;
}

int mn_serve_openapi(int keys, mn_buf *out) {
    json_t *shapes = json_loadb((const char *)mn_schemas_json, mn_schemas_json_size, 0, NULL);
    json_t *doc = json_pack(
        "{s:s, s:{s:s, s:s, s:s}, s:o, s:{s:o}}", "openapi", "3.1.0", "info", "title", "Omnesia",
        "version", mn_version(), "description",
        "Many agents at once on one model, one store of what was computed, one budget of memory.",
        "paths", paths(keys), "components", "schemas", shapes);
    if (doc && keys) {
        json_object_set_new(json_object_get(doc, "components"), "securitySchemes",
                            json_pack("{s:{s:s, s:s}}", "key", "type", "http", "scheme", "bearer"));
        json_object_set_new(doc, "security", json_pack("[{s:[]}]", "key"));
    }
    char *text = mn_json_text(doc, JSON_INDENT(1));
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
