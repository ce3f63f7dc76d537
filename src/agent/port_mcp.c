/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/port_mcp.c - memory.json of the MCP reference server for memory: a line of JSON each for
 *
 *   {"type":"entity","name":"Ann","entityType":"person","observations":["Speaks Spanish",..]}
 *   {"type":"relation","from":"Ann","to":"Acme","relationType":"works at"}
 *
 * An observation alone does not say whom it is about, and who asks does: so its record says
 * "Ann: Speaks Spanish", of kind "observation"; the entity's name, its type and the observation as
 * it was are in its meta. A relation is "Ann works at Acme", of kind "relation", with the three
 * parts in meta; an entity that nothing is said of is "Ann: person", of kind "entity". Such a file
 * knows no times.
 */
#include "agent/port.h"

#include <stdio.h>
#include <string.h>

/* The text of a field, which must not be empty; NULL: it is none. */
static const char *field(const json_t *line, const char *key) {
    const char *const text = mn_port_string(json_object_get(line, key));
    return text && *text ? text : NULL;
}

static int is_type(const json_t *line, const char *type) {
    const char *const has = field(line, "type");
    return has && strcmp(has, type) == 0;
}

static int claims(const mn_port_look *look) {
    return is_type(look->line, "entity") || is_type(look->line, "relation") ? MN_PORT_CONTENT
                                                                            : MN_PORT_NO;
}

/* One record; consumes meta. */
static int give(mn_port_in *in, const char *where, const char *kind, const char *text,
                json_t *meta) {
    mn_buf dumped = {0};
    mn_row row = mn_port_blank();
    int rc = mn_port_dump(meta, &dumped);
    row.text = text;
    row.n = strlen(text);
    row.kind = kind;
    row.source = "mcp";
    row.meta = dumped.data;
    if (rc >= 0) rc = mn_port_row(in, where, &row);
    mn_buf_free(&dumped);
    json_decref(meta);
    return rc;
}

static int read_relation(mn_port_in *in, const char *where, const json_t *line) {
    const char *const from = field(line, "from"), *const to = field(line, "to"),
                      *const type = field(line, "relationType");
    mn_buf text = {0};
    if (!from || !to || !type)
        return mn_port_wrong(in, where, "a relation has \"from\", \"to\" and \"relationType\"");
    int rc = mn_buf_printf(&text, "%s %s %s", from, type, to);
    if (rc >= 0)
        rc = give(in, where, "relation", text.data,
                  json_pack("{s:s, s:s, s:s}", "from", from, "relationType", type, "to", to));
    mn_buf_free(&text);
    return rc;
}

/* `said` NULL: nothing is said of the entity. */
static int read_observation(mn_port_in *in, const char *where, const json_t *line, const char *name,
                            const char *said) {
    const char *const type = field(line, "entityType");
    json_t *const meta =
        json_pack("{s:s, s:s*, s:s*}", "entity", name, "entityType", type, "observation", said);
    mn_buf text = {0};
    const char *const what = said ? said : type;
    int rc = mn_buf_printf(&text, "%s%s%s", name, what ? ": " : "", what ? what : "");
    if (rc >= 0)
        rc = give(in, where, said ? "observation" : "entity", text.data, meta);
    else
        json_decref(meta);
    mn_buf_free(&text);
    return rc;
}

static int read_entity(mn_port_in *in, const char *where, const json_t *line) {
    const char *const name = field(line, "name");
    const json_t *const all = json_object_get(line, "observations");
    char place[96];
    if (!name) return mn_port_wrong(in, where, "the entity has no \"name\"");
    if (all && !json_is_array(all)) return mn_port_wrong(in, where, "\"observations\" is no list");
    for (size_t i = 0; i < json_array_size(all); i++) {
        const json_t *const one = json_array_get(all, i);
        snprintf(place, sizeof place, "%.40s, observation %zu", where, i + 1);
        const char *const said = mn_port_string(one);
        if (said && *said)
            MN_TRY(read_observation(in, place, line, name, said));
        else
            MN_TRY(mn_port_wrong(in, place, "it is no text"));
    }
    return json_array_size(all) ? 0 : read_observation(in, where, line, name, NULL);
}

static int read_line(mn_port_in *in, const char *where, const char *text, size_t n) {
    json_error_t e;
    const char *why;
    json_t *const line = mn_port_json(text, n, &e, &why);
    int rc;
    if (is_type(line, "entity"))
        rc = read_entity(in, where, line);
    else if (is_type(line, "relation"))
        rc = read_relation(in, where, line);
    else
        rc = mn_port_wrong(in, where, "%s", line ? "it is no entity and no relation" : why);
    json_decref(line);
    return rc;
}

static int import(mn_port_in *in) {
    return mn_port_lines(in, read_line);
}

const mn_port mn_port_mcp = {.name = "mcp", .claims = claims, .import = import};
