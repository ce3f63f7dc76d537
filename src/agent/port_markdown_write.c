/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/port_markdown_write.c - the folder is made beside its place, file by file, and takes it
 * when it is complete.
 *
 * Sessions are found in one pass, each is written in one of its own: a record and its former
 * versions are in one session, so a file is as the store was at one moment. Names of files are made
 * of letters and digits of the session's; what was lost on the way is told apart by a hash.
 */
#include "agent/port_markdown.h"
#include "base/alloc.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/walk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>
#include <utf8proc.h>

enum { NAME_BYTES = 64 };

typedef struct writing {
    mn_port_out *out;
    const char *folder;
    mn_filew *file;
    mn_buf text;
    mn_buf names; /* of sessions, a NUL behind each; the last begins at */
    size_t last;
} writing;

/* ---- one record ---------------------------------------------------------------------------- */
/* What people read, in one line: control characters are spaces. */
static int put_shown(mn_buf *out, const char *before, const char *text, const char *behind) {
    if (!*text) return 0;
    MN_TRY(mn_buf_puts(out, before));
    MN_TRY(mn_buf_show(out, text, strlen(text), " "));
    return mn_buf_puts(out, behind);
}

static int write_record(void *user, const mn_row *row, double score) {
    writing *const w = user;
    mn_buf *const t = &w->text;
    (void)score;
    mn_buf_clear(t);
    MN_TRY(mn_buf_puts(t, "\n<!-- omnesia "));
    MN_TRY(mn_port_write_note(row, t));
    MN_TRY(mn_buf_puts(t, " -->\n"));
    MN_TRY(put_shown(t, "**", row->speaker, "** · "));
    MN_TRY(put_shown(t, "", row->time, " · "));
    MN_TRY(mn_buf_printf(t, "%srecord %lld\n\n", row->of ? "what was " : "",
                         (long long)(row->of ? row->of : row->id)));
    MN_TRY(mn_buf_append(t, row->text, row->n));
    MN_TRY(mn_buf_puts(t, "\n"));
    MN_TRY(mn_file_write(w->file, t->data, t->len));
    return mn_port_reported(w->out, row);
}

/* ---- names of files ------------------------------------------------------------------------ */
/* Is it one that Windows keeps for devices? */
static int reserved(const char *name) {
    static const char *const names[] = {"con", "prn", "aux", "nul", "com", "lpt"};
    const size_t n = strlen(name);
    for (int i = 0; i < 6; i++)
        if (strncasecmp(name, names[i], 3) == 0 && (i < 4 ? n == 3 : n == 4)) return 1;
    return 0;
}

static int is_kept(int32_t c) {
    if (c == '-' || c == '_') return 1;
    const utf8proc_category_t k = utf8proc_category(c);
    return k >= UTF8PROC_CATEGORY_LU && k <= UTF8PROC_CATEGORY_NO;
}

/* The session's name as far as it can be a file's, and a hash of it when it is not all. */
static int name_of(const char *session, mn_buf *out) {
    const unsigned char *const s = (const unsigned char *)session;
    const size_t n = strlen(session);
    int lost = 0;
    for (size_t at = 0; at < n;) {
        int32_t c;
        const utf8proc_ssize_t k = utf8proc_iterate(s + at, (utf8proc_ssize_t)(n - at), &c);
        const size_t length = k > 0 ? (size_t)k : 1;
        if (out->len + length > NAME_BYTES) lost = 1;
        if (out->len + length > NAME_BYTES) break;
        if (k > 0 && is_kept(c))
            MN_TRY(mn_buf_append(out, s + at, length));
        else {
            lost = 1;
            if (out->len && out->data[out->len - 1] != '-') MN_TRY(mn_buf_puts(out, "-"));
        }
        at += length;
    }
    if (!out->len) lost = 1;
    if (out->len && reserved(out->data)) lost = 1;
    return lost ? mn_buf_printf(out, "%s%016llx", out->len ? "-" : "",
                                (unsigned long long)mn_hash64(session, n))
                : 0;
}

/* A path that is free: also where a disk takes "a" and "A" for one name. */
static int place_of(const writing *w, const char *session, mn_buf *out) {
    mn_buf name = {0};
    int rc = session ? name_of(session, &name) : mn_buf_puts(&name, "records");
    for (int i = 1; rc >= 0; i++) {
        char more[16] = "";
        uint64_t size;
        if (i > 1) snprintf(more, sizeof more, "-%d", i);
        mn_buf_clear(out);
        rc = mn_buf_printf(out, "%s/%s%s.md", w->folder, name.data, more);
        if (rc < 0) break;
        rc = mn_file_stat(out->data, &size, NULL);
        if (rc < 0) rc = rc == MN_ENOENT ? 1 : rc;
        if (rc) break;
    }
    mn_buf_free(&name);
    return rc < 0 ? rc : 0;
}

/* ---- files --------------------------------------------------------------------------------- */
static int begin_file(writing *w, const char *session) {
    mn_buf path = {0};
    json_t *const name = session ? json_string(session) : NULL;
    int rc = place_of(w, session, &path);
    if (rc >= 0) rc = mn_file_begin(path.data, &w->file);
    mn_buf_clear(&w->text);
    if (rc >= 0) rc = mn_buf_puts(&w->text, "---\nomnesia: 1\n");
    if (rc >= 0 && session) rc = mn_buf_puts(&w->text, "session: ");
    if (rc >= 0 && session) rc = mn_port_dump(name, &w->text);
    if (rc >= 0) rc = mn_buf_puts(&w->text, session ? "\n---\n" : "---\n");
    if (rc >= 0) rc = mn_file_write(w->file, w->text.data, w->text.len);
    json_decref(name);
    mn_buf_free(&path);
    return rc;
}

static int end_file(writing *w, int rc) {
    if (rc < 0) mn_file_abort(&w->file);
    return w->file ? mn_file_commit(&w->file) : rc;
}

/* Of the first pass: a record of no session is written, the name of another's is kept. */
static int look_at(void *user, const mn_row *row, double score) {
    writing *const w = user;
    if (!*row->session) {
        if (!w->file) MN_TRY(begin_file(w, NULL));
        return write_record(w, row, score);
    }
    const size_t n = strlen(row->session);
    if (w->names.len && strcmp(w->names.data + w->last, row->session) == 0) return 0;
    w->last = w->names.len;
    return mn_buf_append(&w->names, row->session, n + 1);
}

static int by_name(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int write_session(writing *w, const char *session) {
    const mn_seek seek = {
        .as_of = MN_NEVER, .said = 1, .rows = {.versions = MN_BEHIND, .session = session}};
    int rc = begin_file(w, session);
    if (rc >= 0) rc = mn_notes_find(w->out->notes, w->out->who, &seek, write_record, w);
    return end_file(w, rc);
}

static int write_sessions(writing *w) {
    size_t n = 0;
    mn_buf list = {.what = "names of sessions"};
    for (size_t at = 0; at < w->names.len; at += strlen(w->names.data + at) + 1) {
        const char *const name = w->names.data + at;
        MN_TRY(mn_buf_append(&list, &name, sizeof name));
    }
    const char **const name = (const char **)list.data;
    if (list.len) qsort(list.data, list.len / sizeof *name, sizeof *name, by_name);
    int rc = 0;
    for (; rc >= 0 && n < list.len / sizeof *name; n++)
        if (!n || strcmp(name[n], name[n - 1]) != 0) rc = write_session(w, name[n]);
    mn_buf_free(&list);
    return rc;
}

static int write_all(writing *w) {
    const mn_seek seek = {.as_of = MN_NEVER, .said = 1, .rows = {.versions = MN_BEHIND}};
    MN_TRY(mn_file_mkdirs(w->folder));
    MN_TRY(end_file(w, mn_notes_find(w->out->notes, w->out->who, &seek, look_at, w)));
    return write_sessions(w);
}

static int found(void *user, const mn_walk_entry *entry) {
    (void)user;
    (void)entry;
    return 1;
}

int mn_markdown_export(mn_port_out *out) {
    writing w = {.out = out, .names = {.what = "names of sessions"}};
    mn_buf place = {0}, made = {0};
    if (mn_walk(out->path, 1, 1, found, NULL))
        return MN_FAIL(MN_ECONFLICT, "%s is not empty: give a folder that is new", out->path);
    int rc = mn_buf_puts(&place, out->path);
    while (rc >= 0 && place.len > 1 && place.data[place.len - 1] == '/')
        place.data[--place.len] = 0;
    if (rc >= 0) rc = mn_buf_printf(&made, "%s.tmp.%ld", place.data, (long)getpid());
    w.folder = made.data;
    if (rc >= 0) rc = write_all(&w);
    if (rc >= 0) rc = mn_file_place(made.data, place.data);
    if (rc < 0 && made.data) mn_walk_remove(made.data);
    mn_buf_free(&w.text);
    mn_buf_free(&w.names);
    mn_buf_free(&place);
    mn_buf_free(&made);
    return rc;
}
