/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/port_mem0.c - what Mem0 gives out, by get_all or an export: a list, alone or under
 * "results" or "memories", of
 *
 *   {"id":"..","memory":"Likes tea","created_at":"..","updated_at":null,"user_id":"ann",..}
 *
 * Since when a memory is true is when it was written as it stands: updated_at, else created_at.
 * agent_id and run_id are its agent and run, id its ref, actor_id who speaks. All other fields are
 * its meta, as they are; user_id too, which names nobody here.
 */
#include "agent/port.h"
#include "base/when.h"

#include <string.h>

static const char *const keys[] = {"results", "memories", NULL};

static int claims(const mn_port_look *look) {
    const char *const at = look->head + strspn(look->head, "\xef\xbb\xbf \t\r\n");
    if (look->folder || (*at != '[' && *at != '{') || !strstr(at, "\"memory\"")) return MN_PORT_NO;
    return *at == '[' || strstr(at, "\"results\"") || strstr(at, "\"memories\"") ? MN_PORT_CONTENT
                                                                                 : MN_PORT_NO;
}

/* What is left of the item when all that has a place of its own is out of it. */
static int rest_of(const json_t *item, mn_buf *out) {
    static const char *const placed[] = {"id", "memory", "agent_id", "run_id", "actor_id"};
    json_t *const rest = json_copy((json_t *)item);
    for (size_t i = 0; i < sizeof placed / sizeof *placed; i++) json_object_del(rest, placed[i]);
    const int rc = json_object_size(rest) || !rest ? mn_port_dump(rest, out) : mn_buf_puts(out, "");
    json_decref(rest);
    return rc;
}

static int give(mn_port_in *in, const char *where, const json_t *item, mn_row *row) {
    mn_buf meta = {0};
    mn_when w;
    if (mn_when_parse(row->time, &w)) row->from = w.at;
    int rc = rest_of(item, &meta);
    row->meta = meta.data;
    if (rc >= 0) rc = mn_port_row(in, where, row);
    mn_buf_free(&meta);
    return rc;
}

static int read_item(mn_port_in *in, const char *where, json_t *item) {
    const json_t *const memory = json_object_get(item, "memory");
    mn_row row = mn_port_blank();
    char number[6][MN_PORT_NUMBER];
    const char *created = "";
    const struct {
        const char *key, **to;
    } field[] = {{"created_at", &created},   {"updated_at", &row.time}, {"id", &row.ref},
                 {"actor_id", &row.speaker}, {"agent_id", &row.agent},  {"run_id", &row.run}};
    for (int i = 0; i < 6; i++)
        if (!(*field[i].to = mn_port_text(item, field[i].key, number[i])))
            return mn_port_wrong(in, where, "\"%s\" is no text", field[i].key);
    if (!json_is_string(memory)) return mn_port_wrong(in, where, "\"memory\" is no text");
    if (!*row.time) row.time = created;
    row.text = json_string_value(memory);
    row.n = json_string_length(memory);
    row.source = "mem0";
    return give(in, where, item, &row);
}

static int import(mn_port_in *in) {
    return mn_port_items(in, "memory", keys, read_item);
}

const mn_port mn_port_mem0 = {.name = "mem0", .claims = claims, .import = import};
