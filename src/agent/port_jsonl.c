/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/port_jsonl.c - a record a line: {"text", "speaker", "time", "session", "ref"}, and source,
 * kind, agent, run, meta, from, until, created, expired.
 *
 * Only text is needed. Moments are RFC 3339 or null, for unknown and for no end; where "from" is
 * absent, "time" says it. A line with "of" is what the record with that "id", in a line before it,
 * was until it "expired". What is written comes back as it was, but for ids: those of the new store
 * are in the same order. Other fields are not looked at.
 */
#include "agent/port.h"
#include "base/file.h"

#include <string.h>
#include <strings.h>

static int claims(const mn_port_look *look) {
    const char *const dot = strrchr(look->name, '.');
    if (look->folder) return MN_PORT_NO;
    if (look->line && json_object_get(look->line, "text")) return MN_PORT_CONTENT;
    return dot && (!strcasecmp(dot, ".jsonl") || !strcasecmp(dot, ".ndjson")) ? MN_PORT_NAME
                                                                              : MN_PORT_NO;
}

static int read_line(mn_port_in *in, const char *where, const char *line, size_t n) {
    mn_port_numbers numbers = {.meta = {0}};
    mn_row row;
    json_error_t e;
    const char *why;
    int rc;
    json_t *const object = mn_port_json(line, n, &e, &why);
    if (object) why = mn_port_read_row(object, line, n, &numbers, &row);
    if (why)
        rc = mn_port_wrong(in, where, "%s", why);
    else
        rc = numbers.rc < 0 ? numbers.rc : mn_port_row(in, where, &row);
    mn_buf_free(&numbers.meta);
    json_decref(object);
    return rc;
}

static int import(mn_port_in *in) {
    return mn_port_lines(in, read_line);
}

/* ---- writing ------------------------------------------------------------------------------ */
typedef struct writing {
    mn_port_out *out;
    mn_filew *file;
    mn_buf line;
} writing;

static int write_line(void *user, const mn_row *row, double score) {
    writing *const w = user;
    (void)score;
    mn_buf_clear(&w->line);
    MN_TRY(mn_port_write_row(row, &w->line));
    MN_TRY(mn_buf_puts(&w->line, "\n"));
    MN_TRY(mn_file_write(w->file, w->line.data, w->line.len));
    return mn_port_reported(w->out, row);
}

static int export(mn_port_out *out) {
    const mn_seek seek = {.as_of = MN_NEVER, .said = 1, .rows = {.versions = MN_BEHIND}};
    writing w = {.out = out};
    MN_TRY(mn_file_begin(out->path, &w.file));
    int rc = mn_notes_find(out->notes, out->who, &seek, write_line, &w);
    if (rc >= 0)
        rc = mn_file_commit(&w.file);
    else
        mn_file_abort(&w.file);
    mn_buf_free(&w.line);
    return rc;
}

const mn_port mn_port_jsonl = {
    .name = "jsonl", .claims = claims, .import = import, .export = export};
