/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/port.c - the list of formats, telling them apart, and what an import counts.
 */
#include "agent/port.h"

#include "base/alloc.h"
#include "base/file.h"
#include "base/walk.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum {
    BATCH = 256,
    BATCH_BYTES = 4 << 20, /* of texts in one batch */
    HEAD = 65536,          /* bytes to tell a format by */
    REPORT = 1024,         /* rows between two reports of an export */
};

struct mn_port_in {
    mn_notes *notes;
    const mn_who *who;
    const char *path;
    const mn_port_told *told;
    mn_port_sum *sum;
    mn_there there;
    mn_arena arena; /* texts of the batch */
    mn_row row[BATCH];
    const char *where[BATCH];
    size_t n;
};

static const mn_port *const ports[] = {
#define X(name) &mn_port_##name,
    MN_PORT_LIST(X)
#undef X
};
enum { PORTS = sizeof ports / sizeof *ports };

/* ---- what formats are given ---------------------------------------------------------------- */
const char *mn_port_path(const mn_port_in *in) {
    return in->path;
}

mn_row mn_port_blank(void) {
    return (mn_row){.from = MN_NEVER,
                    .until = MN_NEVER,
                    .created = MN_NEVER,
                    .expired = MN_NEVER,
                    .text = "",
                    .time = "",
                    .session = "",
                    .speaker = "",
                    .ref = "",
                    .source = "",
                    .kind = "",
                    .agent = "",
                    .run = "",
                    .meta = ""};
}

int mn_port_wrong(mn_port_in *in, const char *where, const char *format, ...) {
    mn_buf line = {0};
    va_list args;
    char why[512];
    in->sum->wrong++;
    if (!in->told->wrong) return 0;
    va_start(args, format);
    vsnprintf(why, sizeof why, format, args);
    va_end(args);
    if (mn_buf_printf(&line, "%s: %s", where, why) >= 0)
        in->told->wrong(in->told->wrong_user, line.data);
    mn_buf_free(&line);
    return 0;
}

void mn_port_skip(mn_port_in *in, int64_t n) {
    in->sum->skipped += n;
}

int mn_port_report(mn_port_in *in, uint64_t done, uint64_t total) {
    const mn_port_told *const t = in->told;
    return t->report && t->report(t->report_user, "importing", done, total)
               ? MN_FAIL(MN_ECANCELLED, "the import was stopped; what came in until then stays")
               : 0;
}

int mn_port_reported(mn_port_out *out, const mn_row *row) {
    const mn_port_told *const t = out->told;
    out->rows++;
    out->records += !row->of;
    if (out->rows % REPORT || !t->report) return 0;
    return t->report(t->report_user, "exporting", (uint64_t)out->rows, 0)
               ? MN_FAIL(MN_ECANCELLED, "the export was stopped")
               : 0;
}

/* ---- batches ------------------------------------------------------------------------------ */
static int flush(mn_port_in *in) {
    int64_t of[BATCH], orphans = 0;
    for (size_t i = 0; i < in->n; i++) of[i] = in->row[i].of;
    const int64_t added =
        in->n ? mn_notes_carry(in->notes, in->who, &in->there, in->row, in->n) : 0;
    if (added < 0) return (int)added;
    for (size_t i = 0; i < in->n; i++) {
        if (in->row[i].id) continue;
        orphans++;
        mn_port_wrong(in, in->where[i],
                      "it is a former version of record %lld, which is in no line before it",
                      (long long)of[i]);
    }
    in->sum->added += added;
    in->sum->there += (int64_t)in->n - added - orphans;
    in->n = 0;
    mn_arena_free(&in->arena);
    return 0;
}

int mn_port_row(mn_port_in *in, const char *where, const mn_row *row) {
    const int rc = mn_notes_check_said(row);
    if (rc == MN_EINVAL || rc == MN_ETOOLONG)
        return mn_port_wrong(in, where, "%s", mn_error_detail());
    MN_TRY(rc);
    char *copy;
    const size_t n = strlen(where) + 1;
    MN_TRY(mn_row_keep(&in->arena, row, in->row + in->n));
    MN_TRY(mn_arena_take(&in->arena, n, &copy));
    in->where[in->n++] = memcpy(copy, where, n);
    return in->n == BATCH || in->arena.used >= BATCH_BYTES ? flush(in) : 0;
}

/* ---- telling formats apart ----------------------------------------------------------------- */
static const mn_port *named(const char *name) {
    for (int i = 0; i < PORTS; i++)
        if (strcmp(ports[i]->name, name) == 0) return ports[i];
    return NULL;
}

/* "jsonl, mcp, .. "; of those that are written, too. */
static const char *names(int written, char *out, size_t cap) {
    size_t n = 0;
    for (int i = 0; i < PORTS; i++)
        if (!written || ports[i]->export)
            n += (size_t)snprintf(out + n, cap - n, "%s%s", n ? ", " : "", ports[i]->name);
    return out;
}

static const mn_port *surest(const mn_port_look *look, int written) {
    const mn_port *best = NULL;
    int sure = MN_PORT_NO;
    for (int i = 0; i < PORTS; i++) {
        const int claim = written && !ports[i]->export ? MN_PORT_NO : ports[i]->claims(look);
        if (claim <= sure) continue;
        best = ports[i];
        sure = claim;
    }
    return best;
}

static const char *last_part(const char *path) {
    const char *const slash = strrchr(path, '/');
    return slash && slash[1] ? slash + 1 : path;
}

/* The object in the first line of the head, if it ends there. */
static json_t *first_line(const mn_buf *head) {
    const char *at = head->data, *why;
    json_error_t e;
    if (head->len >= 3 && memcmp(at, "\xef\xbb\xbf", 3) == 0) at += 3;
    at += strspn(at, " \t\r\n");
    return mn_port_json(at, strcspn(at, "\n"), &e, &why);
}

static int look_at(const char *path, const mn_port **out) {
    mn_port_look look = {.path = path, .name = last_part(path), .folder = mn_walk_is_folder(path)};
    mn_buf head = {0};
    char list[128];
    uint64_t size = 0;
    int rc = look.folder ? 0 : mn_file_stat(path, &size, NULL);
    if (rc >= 0) rc = mn_buf_reserve(&head, HEAD);
    if (rc >= 0 && size) {
        head.len = size < HEAD ? (size_t)size : HEAD;
        rc = mn_file_read_at(path, 0, head.data, head.len);
    }
    if (rc >= 0) {
        head.data[head.len] = 0;
        look.head = head.data;
        look.n = head.len;
        look.line = first_line(&head);
        *out = surest(&look, 0);
        json_decref(look.line);
        if (!*out)
            rc = MN_FAIL(MN_EUNSUPPORTED,
                         "%s is none of the formats that are known (%s); say which, if it is one",
                         path, names(0, list, sizeof list));
    }
    mn_buf_free(&head);
    return rc;
}

static int choose(const char *path, const char *format, int written, const mn_port **out) {
    const mn_port_look look = {.path = path,
                               .name = last_part(path),
                               .folder = mn_walk_is_folder(path) || path[strlen(path) - 1] == '/',
                               .head = ""};
    char list[128];
    if (!format && !written) return look_at(path, out);
    *out = format ? named(format) : surest(&look, 1);
    if (!format && !*out) *out = &mn_port_jsonl;
    if (*out && (!written || (*out)->export)) return 0;
    return MN_FAIL(MN_EINVAL, "\"%s\" is no format that can be %s: %s", format,
                   written ? "written" : "read", names(written, list, sizeof list));
}

/* ---- the calls ----------------------------------------------------------------------------- */
int mn_port_import(mn_notes *n, const mn_who *who, const char *path, const char *format,
                   const mn_port_told *told, mn_port_sum *sum) {
    const mn_port *port;
    mn_there none = {.after = 0};
    *sum = (mn_port_sum){0};
    MN_TRY((int)mn_notes_carry(n, who, &none, NULL, 0)); /* is it somebody? */
    MN_TRY(choose(path, format, 0, &port));
    mn_port_in *const in = mn_calloc(1, sizeof *in);
    if (!in) return MN_FAIL(MN_ENOMEM, "no memory to import %s", path);
    *in = (mn_port_in){.notes = n,
                       .who = who,
                       .path = path,
                       .told = told,
                       .sum = sum,
                       .arena = {.what = "records of a file"}};
    int rc = port->import(in);
    if (rc >= 0) rc = flush(in);
    mn_arena_free(&in->arena);
    mn_there_free(&in->there);
    mn_free(in);
    return rc < 0 ? rc : 0;
}

int64_t mn_port_export(mn_notes *n, const mn_who *who, const char *path, const char *format,
                       const mn_port_told *told) {
    mn_port_out out = {.notes = n, .who = who, .path = path, .told = told};
    const mn_port *port;
    MN_TRY(choose(path, format, 1, &port));
    MN_TRY(port->export(&out));
    return out.records;
}
