/* SPDX-License-Identifier: Apache-2.0
 *
 * serve/shelf.c - a folder of records, and the tables made of it.
 *
 * What a crash may leave: bytes without a record (an upload that was not finished, a file that was
 * half removed), which go when the folder is next opened. Records are our own, and yet checked like
 * anybody's: one that makes no sense is left out.
 */
#include "serve/shelf.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/walk.h"
#include "serve/answer.h"
#include "serve/batches.h"
#include "serve/files.h"
#include "serve/server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { ENTRIES = 1 << 20, RECORD_MOST = 1 << 20, HEX = 24 };
static const char suffix[] = ".json";

int mn_shelf_path(const mn_shelf *s, const char *id, const char *end, mn_buf *out) {
    return mn_buf_printf(out, "%s/%s%s", s->folder, id, end);
}

/* ---- tables ---------------------------------------------------------------------------------- */

/* "PREFIX" and 24 hexadecimal digits. */
static int is_name(const char *id, size_t n, const char *prefix) {
    const size_t k = strlen(prefix);
    return n == k + HEX && memcmp(id, prefix, k) == 0 && strspn(id + k, "0123456789abcdef") >= HEX;
}

static void insert(mn_item **list, mn_item *item) {
    while (*list && (*list)->seq > item->seq) list = &(*list)->next;
    item->next = *list;
    *list = item;
}

void mn_shelf_add(mn_exchange *x, mn_item **list, mn_item *item, const char *prefix) {
    char id[48];
    mn_answers_name(prefix, id);
    snprintf(item->id, sizeof item->id, "%.*s", MN_ID - 1, id);
    item->seq = ++x->server->shelf.seq;
    item->created = (int64_t)time(NULL);
    memcpy(item->tenant, x->tenant, sizeof item->tenant); /* zeroes when there is none */
    insert(list, item);
}

void mn_shelf_remove(mn_item **list, const mn_item *item) {
    while (*list && *list != item) list = &(*list)->next;
    if (*list) *list = item->next;
}

mn_item *mn_shelf_find(mn_item *list, const uint8_t tenant[32], const char *id, size_t n) {
    for (mn_item *i = list; i; i = i->next)
        if (!i->hidden && strlen(i->id) == n && memcmp(i->id, id, n) == 0 &&
            memcmp(i->tenant, tenant, sizeof i->tenant) == 0)
            return i;
    return NULL;
}

mn_item *mn_shelf_named(mn_exchange *x, mn_item *list, const char *behind, const char *one,
                        const char *many) {
    const size_t n = strcspn(x->rest, "/");
    mn_item *item = mn_shelf_find(list, x->tenant, x->rest, n);
    if (item && strcmp(x->rest + n, behind) == 0) return item;
    mn_reply_error(x, 404, "id", "not_found",
                   "there is no %s of this name here; GET /v1/%s lists those there are", one, many);
    return NULL;
}

/* ---- records --------------------------------------------------------------------------------- */

static json_t *hex_of(const uint8_t tenant[32]) {
    char text[65];
    for (int i = 0; i < 32; i++) snprintf(text + 2 * i, 3, "%02x", tenant[i]);
    return json_string(text);
}

int mn_shelf_write(const mn_shelf *s, const mn_item *item, json_t *record) {
    mn_buf path = {0};
    mn_filew *f = NULL;
    if (record) json_object_set_new(record, "tenant", hex_of(item->tenant));
    if (record) json_object_set_new(record, "seq", json_integer((json_int_t)item->seq));
    if (record) json_object_set_new(record, "created_at", json_integer(item->created));
    char *text = mn_json_text(record, JSON_INDENT(1));
    json_decref(record);
    int rc = text ? 0 : MN_FAIL(MN_ENOMEM, "no memory for a record");
    if (rc >= 0) rc = mn_shelf_path(s, item->id, suffix, &path);
    if (rc >= 0) rc = mn_file_begin(path.data, &f);
    if (rc >= 0) rc = mn_file_write(f, text, strlen(text));
    if (rc >= 0)
        rc = mn_file_commit(&f);
    else
        mn_file_abort(&f);
    mn_buf_free(&path);
    mn_free(text);
    return rc;
}

void mn_shelf_unlink(const mn_shelf *s, const char *id) {
    static const char *const ends[] = {".json", "", ".part"};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        mn_buf path = {0};
        if (mn_shelf_path(s, id, ends[i], &path) >= 0) unlink(path.data);
        mn_buf_free(&path);
    }
}

static int read_tenant(const json_t *record, uint8_t out[32]) {
    const char *hex = json_string_value(json_object_get(record, "tenant"));
    if (!hex || strlen(hex) != 64 || strspn(hex, "0123456789abcdef") != 64) return 0;
    for (int i = 0; i < 32; i++) {
        const char byte[3] = {hex[2 * i], hex[2 * i + 1], 0};
        out[i] = (uint8_t)strtoul(byte, NULL, 16);
    }
    return 1;
}

/* One record of the folder becomes an item. */
static int load_one(mn_shelf *s, const char *id, size_t n, const json_t *record) {
    const int is_batch = is_name(id, n, MN_BATCH_PREFIX);
    mn_item head = {.seq = (uint64_t)json_integer_value(json_object_get(record, "seq")),
                    .created = json_integer_value(json_object_get(record, "created_at"))};
    mn_item *item;
    if (!read_tenant(record, head.tenant)) return 0;
    memcpy(head.id, id, n);
    MN_TRY(is_batch ? mn_batches_load(record, &item) : mn_files_load(record, &item));
    if (!item) return 0;
    *item = head;
    if (item->seq > s->seq) s->seq = item->seq;
    insert(is_batch ? &s->batches : &s->files, item);
    return 0;
}

static int load(void *user, const mn_walk_entry *e) {
    mn_shelf *s = user;
    const size_t all = strlen(e->rest), n = all > sizeof suffix ? all - (sizeof suffix - 1) : 0;
    mn_buf text = {0};
    if (e->kind != MN_WALK_FILE || !n || strcmp(e->rest + n, suffix) != 0) return 0;
    if (!is_name(e->rest, n, MN_FILE_PREFIX) && !is_name(e->rest, n, MN_BATCH_PREFIX)) return 0;
    int rc = mn_file_read(e->path, RECORD_MOST, &text);
    json_t *record = rc >= 0 ? json_loadb(text.data ? text.data : "", text.len, 0, NULL) : NULL;
    if (record) rc = load_one(s, e->rest, n, record);
    json_decref(record);
    mn_buf_free(&text);
    return rc == MN_ENOMEM ? rc : 0;
}

/* Bytes that belong to nobody. */
static int sweep(void *user, const mn_walk_entry *e) {
    const mn_shelf *s = user;
    const size_t n = strcspn(e->rest, ".");
    if (e->kind != MN_WALK_FILE || !is_name(e->rest, n, MN_FILE_PREFIX)) return 0;
    for (const mn_item *i = s->files; i; i = i->next)
        if (strlen(i->id) == n && memcmp(i->id, e->rest, n) == 0) return 0;
    if (!mn_batches_write(s->batches, e->rest, n)) unlink(e->path);
    return 0;
}

/* ---- the folder ------------------------------------------------------------------------------ */

/* With the lock of the shelf. */
static int take_folder(mn_serve *server) {
    mn_shelf *s = &server->shelf;
    mn_buf path = {0};
    if (s->fd >= 0) return 0;
    MN_TRY(mn_file_mkdirs(s->folder));
    int rc = mn_shelf_path(s, "lock", "", &path);
    const int fd = rc >= 0 ? mn_file_lock(path.data, 0) : rc;
    mn_buf_free(&path);
    if (fd == MN_EBUSY)
        return MN_FAIL(MN_EBUSY,
                       "another server of this user keeps its files there; start this one "
                       "with a folder of its own: --files FOLDER");
    MN_TRY(fd);
    rc = mn_walk(s->folder, 1, ENTRIES, load, s);
    if (rc < 0) { /* half a table would be taken for all */
        mn_files_free(&s->files);
        mn_batches_free(&s->batches);
        close(fd);
        return rc;
    }
    s->fd = fd;
    mn_walk(s->folder, 1, ENTRIES, sweep, s);
    mn_batches_resume(server);
    return 0;
}

int mn_shelf_open(mn_serve *server, const char *folder) {
    mn_shelf *s = &server->shelf;
    s->fd = -1;
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->more, NULL);
    s->folder = folder ? mn_strdup(folder) : NULL;
    if (!folder) return 0;
    if (!s->folder) return MN_FAIL(MN_ENOMEM, "no memory for a path");
    pthread_mutex_lock(&s->lock);
    const int rc = take_folder(server);
    pthread_mutex_unlock(&s->lock);
    return rc == MN_ENOMEM ? rc : 0; /* else who needs it is told */
}

void mn_shelf_close(mn_shelf *s) {
    mn_files_free(&s->files);
    mn_batches_free(&s->batches);
    if (s->fd >= 0) close(s->fd);
    mn_free(s->folder);
    pthread_mutex_destroy(&s->lock);
    pthread_cond_destroy(&s->more);
    s->fd = -1;
    s->folder = NULL;
}

int mn_shelf_enter(mn_exchange *x) {
    mn_shelf *s = &x->server->shelf;
    if (!s->folder) {
        mn_reply_error(x, 404, NULL, "not_kept", "this server keeps no files: --files none");
        return MN_ENOENT;
    }
    pthread_mutex_lock(&s->lock);
    const int rc = take_folder(x->server);
    if (rc >= 0) return 0;
    pthread_mutex_unlock(&s->lock);
    mn_reply_error(x, 503, NULL, "files_unavailable", "%s",
                   rc == MN_EBUSY ? mn_error_detail()
                                  : "the server cannot use the folder of its files");
    return rc;
}

void mn_shelf_leave(mn_exchange *x) {
    pthread_mutex_unlock(&x->server->shelf.lock);
}

/* ---- lists ----------------------------------------------------------------------------------- */

typedef struct cut {
    int limit, ascending;
    char after[MN_ID];
} cut;

static int read_cut(mn_exchange *x, int most, int standard, cut *out) {
    char limit[24] = "", order[24] = "", *end;
    const char *q = x->head.query;
    *out = (cut){.limit = standard};
    if (mn_http_query(q, "limit", limit, sizeof limit) == 1) {
        const long n = strtol(limit, &end, 10);
        if (!*limit || *end || n < 1 || n > most)
            return mn_reply_error(x, 400, "limit", "invalid_value", "limit must be from 1 to %d",
                                  most);
        out->limit = (int)n;
    }
    if (mn_http_query(q, "order", order, sizeof order)) {
        out->ascending = strcmp(order, "asc") == 0;
        if (!out->ascending && strcmp(order, "desc") != 0)
            return mn_reply_error(x, 400, "order", "invalid_value", "order must be asc or desc");
    }
    mn_http_query(q, "after", out->after, sizeof out->after);
    return 0;
}

/* Those of the tenant in their order, [*n]; NULL: no memory. */
static const mn_item **gather(const mn_exchange *x, const mn_item *list, int ascending, int *n) {
    int all = 0;
    for (const mn_item *i = list; i; i = i->next) all++;
    const mn_item **out = mn_calloc((size_t)all + 1, sizeof *out);
    *n = 0;
    for (const mn_item *i = list; i && out; i = i->next)
        if (!i->hidden && memcmp(i->tenant, x->tenant, sizeof i->tenant) == 0) out[(*n)++] = i;
    for (int i = 0; ascending && out && i < *n / 2; i++) {
        const mn_item *swap = out[i];
        out[i] = out[*n - 1 - i];
        out[*n - 1 - i] = swap;
    }
    return out;
}

int mn_shelf_list(mn_exchange *x, mn_item *list, int most, int standard,
                  json_t *(*json)(const mn_item *, void *), void *user) {
    cut c;
    int n, from = 0, more = 0;
    read_cut(x, most, standard, &c);
    if (x->status) return 0;
    const mn_item **item = gather(x, list, c.ascending, &n);
    if (!item) return mn_reply_failure(x, MN_ENOMEM, NULL, "no memory for a list");
    while (*c.after && from < n && strcmp(item[from]->id, c.after) != 0) from++;
    if (*c.after && from++ == n) {
        mn_free(item);
        return mn_reply_error(x, 400, "after", "invalid_value", "there is none named %s", c.after);
    }
    json_t *data = json_array(), *first = NULL, *last = NULL;
    for (int i = from; i < n && !more; i++) {
        json_t *one = json(item[i], user);
        if (!one) continue;
        more = (int)json_array_size(data) == c.limit;
        if (more)
            json_decref(one);
        else
            json_array_append_new(data, one);
    }
    mn_free(item);
    first = json_object_get(json_array_get(data, 0), "id");
    last = json_object_get(json_array_get(data, json_array_size(data) - 1), "id");
    return mn_reply_json(x, 200,
                         json_pack("{s:s, s:o, s:O?, s:O?, s:b}", "object", "list", "data", data,
                                   "first_id", first, "last_id", last, "has_more", more));
}
