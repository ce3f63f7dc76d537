/* SPDX-License-Identifier: Apache-2.0
 *
 * serve/field_doc.c - the rows of fields as documents: a table in Markdown, JSON schemas.
 */
#include "serve/field.h"

#include "base/error.h"

#include <stdio.h>
#include <string.h>

static const struct {
    unsigned route;
    const char *name;
} names[] = {{MN_IN_CHAT, "chat"},
             {MN_IN_TEXT, "completions"},
             {MN_IN_EMBED, "embeddings"},
             {MN_IN_TOKENIZE, "tokenize"},
             {MN_IN_DETOKENIZE, "detokenize"},
             {MN_IN_TEMPLATE, "apply-template"},
             {MN_IN_MESSAGES, "messages"},
             {MN_IN_COUNT, "count_tokens"},
             {MN_IN_RESPONSES, "responses"},
             {MN_IN_BATCH, "batches"},
             {MN_IN_FILE, "files"},
             {MN_IN_MCP, "mcp"},
             {MN_IN_ADD, "memories"},
             {MN_IN_SEARCH, "search"},
             {MN_IN_UPDATE, "update"},
             {MN_IN_RECORDS, "list"},
             {MN_IN_RECORD, "record"},
             {MN_IN_HISTORY, "history"},
             {MN_IN_FORGET, "forget"},
             {MN_IN_TASKS, "tasks"},
             {MN_IN_TASK, "task"},
             {MN_IN_FLEET, "fleet"}};
enum { NAMES = sizeof names / sizeof *names };

static void range_of(const mn_field *row, char *out, size_t n) {
    *out = 0;
    if (row->kind == MN_FIELD_INT || row->kind == MN_FIELD_LONG || row->kind == MN_FIELD_NUMBER)
        snprintf(out, n, "%.9g to %.9g", row->min, row->max);
    else if (row->kind == MN_FIELD_TEXT && row->max > 0)
        snprintf(out, n, "at most %.0f bytes", row->max);
    else if (row->kind == MN_FIELD_FILE)
        snprintf(out, n, "a name of at most %.0f bytes", row->max);
    else if (row->max > 0)
        snprintf(out, n, "at most %.0f items", row->max);
}

int mn_fields_markdown(mn_buf *out) {
    MN_TRY(mn_buf_puts(out, "| field | type | range | default | routes | what |\n"
                            "|---|---|---|---|---|---|\n"));
    for (const mn_field *row = mn_field_rows; row->name; row++) {
        char range[64];
        range_of(row, range, sizeof range);
        MN_TRY(mn_buf_printf(out, "| `%s` | %s | %s | %s | ", row->name,
                             row->kind == MN_FIELD_ANY ? "any" : mn_field_type(row), range,
                             row->needed     ? "needed"
                             : row->standard ? row->standard
                                             : ""));
        unsigned all = 0;
        for (int i = 0; i < NAMES; i++) all |= names[i].route;
        if (row->routes == all) MN_TRY(mn_buf_puts(out, "all"));
        for (int i = 0, first = 1; i < NAMES && row->routes != all; i++)
            if (row->routes & names[i].route) {
                MN_TRY(mn_buf_printf(out, "%s%s", first ? "" : ", ", names[i].name));
                first = 0;
            }
        MN_TRY(mn_buf_printf(out, " | %s |\n", row->about));
    }
    return 0;
}

/* A schema that stands in schemas.json; null is as good as absent. */
static json_t *shape_of(const mn_field *row) {
    char at[64];
    snprintf(at, sizeof at, "#/components/schemas/%s", row->shape);
    return row->needed ? json_pack("{s:s}", "$ref", at)
                       : json_pack("{s:[{s:s}, {s:s}]}", "anyOf", "$ref", at, "type", "null");
}

/* The schema of one value by its kind. */
static json_t *kind_of(const mn_field *row) {
    const char *type = mn_field_type(row);
    json_t *s = NULL;
    switch (row->kind) {
    case MN_FIELD_INT:
    case MN_FIELD_LONG:
        s = json_pack("{s:[s,s], s:I, s:I}", "type", type, "null", "minimum", (json_int_t)row->min,
                      "maximum", (json_int_t)row->max);
        break;
    case MN_FIELD_NUMBER:
        s = json_pack("{s:[s,s], s:f, s:f}", "type", type, "null", "minimum", row->min, "maximum",
                      row->max);
        break;
    case MN_FIELD_TEXTS:
        s = json_pack("{s:[{s:[s,s], s:i}, {s:s, s:{s:s, s:i}, s:i}]}", "anyOf", "type", "string",
                      "null", "minLength", 1, "type", "array", "items", "type", "string",
                      "minLength", 1, "maxItems", (int)row->max);
        break;
    case MN_FIELD_FILE: s = json_pack("{s:s, s:s}", "type", "string", "format", "binary"); break;
    case MN_FIELD_ANY: s = json_object(); break;
    case MN_FIELD_NONE: s = json_pack("{s:s}", "type", "null"); break;
    default:
        s = row->needed ? json_pack("{s:s}", "type", type)
                        : json_pack("{s:[s,s]}", "type", type, "null");
        break;
    }
    if (s && row->kind == MN_FIELD_TEXT && row->max > 0)
        json_object_set_new(s, "maxLength", json_integer((int)row->max));
    if (s && row->kind == MN_FIELD_TEXT && row->min > 0)
        json_object_set_new(s, "minLength", json_integer((int)row->min));
    return s;
}

json_t *mn_fields_schema(unsigned route) {
    return mn_rows_schema(mn_field_rows, route, 1);
}

json_t *mn_rows_schema(const mn_field *rows, unsigned route, int nulls) {
    json_t *properties = json_object(), *required = json_array();
    for (const mn_field *row = rows; row->name; row++) {
        if (!(row->routes & route)) continue;
        const char *dot = strchr(row->name, '.');
        json_t *schema = row->shape ? shape_of(row) : kind_of(row);
        json_t *types = nulls ? NULL : json_object_get(schema, "type");
        if (json_is_array(types)) json_object_set(schema, "type", json_array_get(types, 0));
        json_object_set_new(schema, "description", json_string(row->about));
        if (dot) {
            char head[64];
            snprintf(head, sizeof head, "%.*s", (int)(dot - row->name), row->name);
            schema = json_pack("{s:[s,s], s:{s:o}}", "type", "object", "null", "properties",
                               dot + 1, schema);
            json_object_set_new(properties, head, schema);
        } else
            json_object_set_new(properties, row->name, schema);
        if (row->needed) json_array_append_new(required, json_string(row->name));
    }
    return json_pack("{s:s, s:o, s:o}", "type", "object", "properties", properties, "required",
                     required);
}
