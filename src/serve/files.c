/* SPDX-License-Identifier: Apache-2.0
 *
 * serve/files.c - uploads, lists, contents and removals.
 *
 * A place in the table is taken before the bytes are written, so that uploads at the same time
 * cannot take more than there is; it is hidden until all of it is on the disk.
 */
#include "serve/files.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/file.h"
#include "serve/form.h"
#include "serve/route.h"
#include "serve/server.h"

#include <string.h>
#include <time.h>

static json_t *file_json(const mn_item *item, void *user) {
    const mn_file *f = (const mn_file *)item;
    const char *purpose = f->made ? "batch_output" : "batch", *only = user;
    if (only && strcmp(only, purpose) != 0) return NULL;
    return json_pack("{s:s, s:s, s:I, s:I, s:n, s:s, s:s, s:s, s:n}", "id", item->id, "object",
                     "file", "bytes", (json_int_t)f->bytes, "created_at", (json_int_t)item->created,
                     "expires_at", "filename", f->name, "purpose", purpose, "status", "processed",
                     "status_details");
}

/* ---- the table ------------------------------------------------------------------------------- */

static mn_file *file_new(const char *name, uint64_t bytes, int made) {
    mn_file *f = mn_calloc(1, sizeof *f);
    char *copy = mn_strdup(name);
    if (f && copy) {
        *f = (mn_file){.name = copy, .bytes = bytes, .made = made};
        return f;
    }
    mn_free(f);
    mn_free(copy);
    return NULL;
}

static void file_free(mn_file *f) {
    mn_free(f->name);
    mn_free(f);
}

int mn_files_load(const json_t *record, mn_item **out) {
    const char *name = json_string_value(json_object_get(record, "filename"));
    const char *purpose = json_string_value(json_object_get(record, "purpose"));
    const json_int_t bytes = json_integer_value(json_object_get(record, "bytes"));
    *out = NULL;
    if (!name || !purpose || bytes < 0) return 0;
    mn_file *f = file_new(name, (uint64_t)bytes, strcmp(purpose, "batch") != 0);
    if (!f) return MN_FAIL(MN_ENOMEM, "no memory for the table of files");
    *out = &f->item;
    return 0;
}

void mn_files_free(mn_item **list) {
    for (mn_item *i = *list, *next; i; i = next) {
        next = i->next;
        file_free((mn_file *)i);
    }
    *list = NULL;
}

mn_file *mn_files_find(const mn_shelf *s, const uint8_t tenant[32], const char *id) {
    return (mn_file *)mn_shelf_find(s->files, tenant, id, strlen(id));
}

uint64_t mn_files_room(const mn_shelf *s, const uint8_t tenant[32]) {
    uint64_t own = 0, all = 0;
    for (const mn_item *i = s->files; i; i = i->next) {
        const uint64_t bytes = ((const mn_file *)i)->bytes;
        all += bytes;
        if (memcmp(i->tenant, tenant, sizeof i->tenant) == 0) own += bytes;
    }
    const uint64_t of_own = own < MN_FILES_BYTES ? MN_FILES_BYTES - own : 0;
    const uint64_t of_all = all < MN_FILES_BYTES_ALL ? MN_FILES_BYTES_ALL - all : 0;
    return of_own < of_all ? of_own : of_all;
}

int mn_files_made(mn_shelf *s, const mn_item *batch, const char *id, const char *name,
                  uint64_t bytes) {
    mn_file *f = mn_files_find(s, batch->tenant, id);
    if (f) { /* by the same batch, before the server ended */
        f->bytes = bytes;
        return mn_shelf_write(s, &f->item, file_json(&f->item, NULL));
    }
    if (!(f = file_new(name, bytes, 1))) return MN_FAIL(MN_ENOMEM, "no memory for a file");
    f->item.seq = ++s->seq;
    f->item.created = (int64_t)time(NULL);
    memcpy(f->item.tenant, batch->tenant, sizeof f->item.tenant);
    memcpy(f->item.id, id, strnlen(id, MN_ID - 1));
    f->item.next = s->files;
    s->files = &f->item;
    return mn_shelf_write(s, &f->item, file_json(&f->item, NULL));
}

/* ---- uploads --------------------------------------------------------------------------------- */

static int form_error(mn_exchange *x, const char *param, const char *message) {
    return mn_reply_error(x, 400, param, "invalid_value", "%s", message);
}

int mn_files_form(mn_exchange *x) {
    mn_form_part part[MN_FORM_PARTS], *file = NULL;
    const char *type = mn_http_field(&x->head, "content-type");
    const int n = mn_form_read(type, x->body.data ? x->body.data : (char[1]){0}, x->body.len, part);
    if (n < 0) return form_error(x, NULL, mn_error_detail());
    x->json = json_object();
    for (int i = 0; i < n; i++) {
        const mn_form_part *p = &part[i];
        if (p->filename && strcmp(p->name, "file") == 0) {
            file = &part[i];
            json_object_set_new(x->json, "file", json_string(*p->filename ? p->filename : "file"));
        } else if (p->n <= MN_FORM_HEAD &&
                   json_object_set_new(x->json, p->name, json_stringn(p->data, p->n)) < 0)
            return form_error(x, NULL, "a part of the form is not UTF-8 text");
    }
    if (!x->json) return mn_reply_failure(x, MN_ENOMEM, NULL, "no memory for a form");
    if (!file)
        return form_error(x, "file", "file is missing, or its part of the form has no filename");
    memmove(x->body.data, file->data, file->n);
    x->body.len = file->n;
    return 0;
}

/* Is there room for one more? Else the reply is noted. */
static int has_room(mn_exchange *x) {
    const mn_shelf *s = &x->server->shelf;
    int n = 0;
    for (const mn_item *i = s->files; i; i = i->next)
        n += memcmp(i->tenant, x->tenant, sizeof i->tenant) == 0;
    if (n >= MN_FILES)
        mn_reply_error(x, 400, "file", "too_many_files",
                       "there are %d files already, and at most %d are kept; delete some", n,
                       MN_FILES);
    else if (mn_files_room(s, x->tenant) < x->body.len)
        mn_reply_error(x, 400, "file", "storage_full",
                       "the file has %zu bytes, and there is room for %llu; delete some",
                       x->body.len, (unsigned long long)mn_files_room(s, x->tenant));
    return !x->status;
}

static int write_bytes(const mn_shelf *s, const char *id, const mn_buf *body) {
    mn_buf path = {0};
    mn_filew *f = NULL;
    int rc = mn_shelf_path(s, id, "", &path);
    if (rc >= 0) rc = mn_file_begin(path.data, &f);
    if (rc >= 0 && body->len) rc = mn_file_write(f, body->data, body->len);
    if (rc >= 0)
        rc = mn_file_commit(&f);
    else
        mn_file_abort(&f);
    mn_buf_free(&path);
    return rc;
}

/* What goes wrong with the disk is the server's own affair: its paths are told to nobody. */
static int disk_failed(mn_exchange *x, int rc) {
    return rc == MN_EFULL
               ? mn_reply_error(x, 503, NULL, "disk_full", "the disk of the server is full")
               : mn_reply_error(x, 500, NULL, "disk_failed", "the server cannot write its files");
}

int mn_files_post_work(mn_exchange *x) {
    mn_shelf *s = &x->server->shelf;
    if (strcmp(x->fields.purpose, "batch") != 0)
        return form_error(x, "purpose", "purpose must be batch: files are kept for batches alone");
    mn_file *f = file_new(x->fields.file, x->body.len, 0);
    if (!f) return mn_reply_failure(x, MN_ENOMEM, NULL, "no memory for a file");
    if (mn_shelf_enter(x) < 0) return file_free(f), 0;
    f->item.hidden = 1;
    const int room = has_room(x);
    if (room) mn_shelf_add(x, &s->files, &f->item, MN_FILE_PREFIX);
    mn_shelf_leave(x);
    if (!room) return file_free(f), 0;
    int rc = write_bytes(s, f->item.id, &x->body);
    mn_buf_free(&x->body);
    if (rc >= 0) rc = mn_shelf_write(s, &f->item, file_json(&f->item, NULL));
    pthread_mutex_lock(&s->lock);
    f->item.hidden = 0;
    if (rc >= 0)
        mn_reply_json(x, 200, file_json(&f->item, NULL));
    else
        mn_shelf_remove(&s->files, &f->item);
    pthread_mutex_unlock(&s->lock);
    if (rc >= 0) return 0;
    mn_shelf_unlink(s, f->item.id);
    file_free(f);
    return disk_failed(x, rc);
}

/* ---- what is there --------------------------------------------------------------------------- */

int mn_files_list_work(mn_exchange *x) {
    char purpose[32];
    const int only = mn_http_query(x->head.query, "purpose", purpose, sizeof purpose);
    if (mn_shelf_enter(x) < 0) return 0;
    mn_shelf_list(x, x->server->shelf.files, 10000, 10000, file_json, only ? purpose : NULL);
    mn_shelf_leave(x);
    return 0;
}

static mn_file *find(mn_exchange *x, const char *behind) {
    return (mn_file *)mn_shelf_named(x, x->server->shelf.files, behind, "file", "files");
}

int mn_files_get_work(mn_exchange *x) {
    if (mn_shelf_enter(x) < 0) return 0;
    const mn_file *f = find(x, "");
    if (f) mn_reply_json(x, 200, file_json(&f->item, NULL));
    mn_shelf_leave(x);
    return 0;
}

int mn_files_delete_work(mn_exchange *x) {
    mn_shelf *s = &x->server->shelf;
    if (mn_shelf_enter(x) < 0) return 0;
    mn_file *f = find(x, "");
    if (f && f->users) {
        mn_reply_error(x, 409, "id", "file_in_use",
                       "a batch that has not ended reads this file; cancel it first");
        f = NULL;
    }
    if (f) mn_shelf_remove(&s->files, &f->item);
    mn_shelf_leave(x);
    if (!f) return 0;
    mn_shelf_unlink(s, f->item.id);
    mn_reply_json(x, 200,
                  json_pack("{s:s, s:s, s:b}", "id", f->item.id, "object", "file", "deleted", 1));
    file_free(f);
    return 0;
}

int mn_files_content_work(mn_exchange *x) {
    mn_buf path = {0};
    if (mn_shelf_enter(x) < 0) return 0;
    const mn_file *f = find(x, "/content");
    int rc = f ? mn_shelf_path(&x->server->shelf, f->item.id, "", &path) : 0;
    const uint64_t bytes = f ? f->bytes : 0;
    mn_shelf_leave(x);
    if (f && rc >= 0 && bytes) rc = mn_file_map(path.data, &x->map);
    mn_buf_free(&path);
    if (!f) return 0;
    if (rc < 0)
        return mn_reply_error(x, 500, NULL, "disk_failed", "the server cannot read this file");
    return mn_reply_bytes(x, 200, "application/octet-stream", "", 0);
}
