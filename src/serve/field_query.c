/* SPDX-License-Identifier: Apache-2.0
 *
 * serve/field_query.c - fields that stand in a query, made the JSON that the one reader of fields
 * reads, so that their types and ranges are checked where those of bodies are.
 */
#include "serve/field.h"

#include "base/error.h"
#include "serve/http.h"

#include <string.h>

enum { LONGEST = 4096 }; /* bytes of a value, which no row wants more of */

/* A number or a flag, when a row wants one and this is what stands there; else text. */
static json_t *value_of(const mn_field *row, const char *text) {
    json_t *v = NULL;
    if (row->kind == MN_FIELD_INT || row->kind == MN_FIELD_LONG || row->kind == MN_FIELD_FLAG)
        v = json_loads(text, JSON_DECODE_ANY, NULL);
    if (v && (json_is_boolean(v) || json_is_number(v))) return v;
    json_decref(v);
    return json_string(text);
}

int mn_fields_query(const char *query, unsigned route, json_t **out) {
    char text[LONGEST];
    *out = json_object();
    if (!*out) return MN_FAIL(MN_ENOMEM, "no memory for a query");
    for (const mn_field *row = mn_field_rows; row->name; row++) {
        if (!(row->routes & route) || !mn_http_query(query, row->name, text, sizeof text)) continue;
        if (json_object_set_new(*out, row->name, value_of(row, text)) < 0)
            return MN_FAIL(MN_EINVAL, "%s is not UTF-8", row->name);
    }
    return 0;
}
