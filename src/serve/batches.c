/* SPDX-License-Identifier: Apache-2.0
 *
 * serve/batches.c - batches as objects: made, told, cancelled, kept.
 */
#include "serve/batches.h"

#include "base/alloc.h"
#include "base/error.h"
#include "serve/answer.h"
#include "serve/files.h"
#include "serve/route.h"
#include "serve/server.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum { DAY = 24 * 3600, PAIRS = 16, NAME_MOST = 64, VALUE_MOST = 512 };

/* ---- as JSON --------------------------------------------------------------------------------- */

static const struct {
    const char *name, *at;
} statuses[MN_BATCH_STATUSES] = {
    [MN_BATCH_VALIDATING] = {"validating", NULL}, /* created_at */
    [MN_BATCH_IN_PROGRESS] = {"in_progress", "in_progress_at"},
    [MN_BATCH_FINALIZING] = {"finalizing", "finalizing_at"},
    [MN_BATCH_CANCELLING] = {"cancelling", "cancelling_at"},
    [MN_BATCH_COMPLETED] = {"completed", "completed_at"},
    [MN_BATCH_FAILED] = {"failed", "failed_at"},
    [MN_BATCH_EXPIRED] = {"expired", "expired_at"},
    [MN_BATCH_CANCELLED] = {"cancelled", "cancelled_at"},
};

static json_t *errors_json(const mn_batch *b) {
    if (!b->errors) return json_null();
    return json_pack("{s:s, s:O}", "object", "list", "data", b->errors);
}

static json_t *batch_json(const mn_item *item, void *user) {
    const mn_batch *b = (const mn_batch *)item;
    json_t *o = json_pack(
        "{s:s, s:s, s:s, s:s, s:s, s:s, s:s?, s:s?, s:o, s:I, s:I, s:{s:i, s:i, s:i}, s:O?}", "id",
        item->id, "object", "batch", "endpoint", b->endpoint, "input_file_id", b->in,
        "completion_window", "24h", "status", statuses[b->status].name, "output_file_id",
        b->has_out ? b->out : NULL, "error_file_id", b->has_err ? b->err : NULL, "errors",
        errors_json(b), "created_at", (json_int_t)item->created, "expires_at",
        (json_int_t)b->expires, "request_counts", "total", b->total, "completed", b->answered,
        "failed", b->refused, "metadata", b->metadata);
    for (int i = 0; o && i < MN_BATCH_STATUSES; i++)
        if (statuses[i].at)
            json_object_set_new(o, statuses[i].at, b->at[i] ? json_integer(b->at[i]) : json_null());
    (void)user;
    return o;
}

static int write_record(const mn_shelf *s, const mn_batch *b) {
    json_t *o = batch_json(&b->item, NULL);
    if (o) json_object_set_new(o, "out", json_string(b->out));
    if (o) json_object_set_new(o, "err", json_string(b->err));
    return mn_shelf_write(s, &b->item, o);
}

void mn_batches_enter(mn_shelf *s, mn_batch *b, mn_batch_status status) {
    b->status = status;
    b->at[status] = (int64_t)time(NULL);
    /* Without a record of it the next server goes on from the one before: it does some of it
     * again, and comes to the same end. */
    if (write_record(s, b) < 0) return;
}

/* ---- the table ------------------------------------------------------------------------------- */

static void batch_free(mn_batch *b) {
    json_decref(b->metadata);
    json_decref(b->errors);
    mn_free(b);
}

void mn_batches_free(mn_item **list) {
    for (mn_item *i = *list, *next; i; i = next) {
        next = i->next;
        batch_free((mn_batch *)i);
    }
    *list = NULL;
}

/* A text of the record that is no longer than its place. */
static int copy_text(const json_t *record, const char *key, char *out, size_t cap) {
    const char *text = json_string_value(json_object_get(record, key));
    if (!text || strlen(text) >= cap || strchr(text, '/')) return 0;
    strcpy(out, text);
    return 1;
}

static int int_of(const json_t *object, const char *key) {
    const json_int_t n = json_integer_value(json_object_get(object, key));
    return n < 0 || n > MN_LINES ? 0 : (int)n;
}

static int read_record(const json_t *r, mn_batch *b) {
    const char *status = json_string_value(json_object_get(r, "status"));
    const char *endpoint = json_string_value(json_object_get(r, "endpoint"));
    const json_t *counts = json_object_get(r, "request_counts");
    int i = 0;
    while (status && i < MN_BATCH_STATUSES && strcmp(statuses[i].name, status) != 0) i++;
    if (!status || i == MN_BATCH_STATUSES || !endpoint || !mn_batch_takes(endpoint)) return 0;
    b->status = (mn_batch_status)i;
    snprintf(b->endpoint, sizeof b->endpoint, "%s", endpoint);
    for (i = 0; i < MN_BATCH_STATUSES; i++)
        if (statuses[i].at) b->at[i] = json_integer_value(json_object_get(r, statuses[i].at));
    b->expires = json_integer_value(json_object_get(r, "expires_at"));
    b->has_out = json_is_string(json_object_get(r, "output_file_id"));
    b->has_err = json_is_string(json_object_get(r, "error_file_id"));
    b->total = int_of(counts, "total");
    b->answered = int_of(counts, "completed");
    b->refused = int_of(counts, "failed");
    json_t *metadata = json_object_get(r, "metadata");
    json_t *errors = json_object_get(json_object_get(r, "errors"), "data");
    if (json_is_object(metadata)) b->metadata = json_incref(metadata);
    if (json_is_array(errors)) b->errors = json_incref(errors);
    return copy_text(r, "input_file_id", b->in, MN_ID) && copy_text(r, "out", b->out, MN_ID) &&
           copy_text(r, "err", b->err, MN_ID);
}

int mn_batches_load(const json_t *record, mn_item **out) {
    mn_batch *b = mn_calloc(1, sizeof *b);
    *out = NULL;
    if (!b) return MN_FAIL(MN_ENOMEM, "no memory for the table of batches");
    if (read_record(record, b))
        *out = &b->item;
    else
        batch_free(b);
    return 0;
}

int mn_batches_write(const mn_item *list, const char *id, size_t n) {
    for (const mn_item *i = list; i; i = i->next) {
        const mn_batch *b = (const mn_batch *)i;
        if (mn_batch_is_live(b) && ((strlen(b->out) == n && memcmp(b->out, id, n) == 0) ||
                                    (strlen(b->err) == n && memcmp(b->err, id, n) == 0)))
            return 1;
    }
    return 0;
}

void mn_batches_resume(mn_serve *server) {
    mn_shelf *s = &server->shelf;
    int live = 0;
    for (mn_item *i = s->batches; i; i = i->next) {
        mn_batch *b = (mn_batch *)i;
        if (!mn_batch_is_live(b)) continue;
        mn_file *in = mn_files_find(s, i->tenant, b->in);
        if (in) in->users++;
        live = 1;
    }
    if (live && mn_batches_wake(server) < 0) return; /* the next one that is made tries again */
}

/* ---- routes ---------------------------------------------------------------------------------- */

static int refuse(mn_exchange *x, const char *param, const char *message) {
    return mn_reply_error(x, 400, param, "invalid_value", "%s", message);
}

static int metadata_is_good(json_t *metadata) {
    const char *name;
    json_t *value;
    if (json_object_size(metadata) > PAIRS) return 0;
    json_object_foreach(metadata, name,
                        value) if (strlen(name) > NAME_MOST || !json_is_string(value) ||
                                   json_string_length(value) > 4 * VALUE_MOST) return 0;
    return 1;
}

/* Room for one more of this tenant: the oldest that have ended go. Else the reply is noted. */
static int make_room(mn_exchange *x) {
    mn_shelf *s = &x->server->shelf;
    for (;;) {
        mn_batch *oldest = NULL;
        int live = 0, all = 0;
        for (mn_item *i = s->batches; i; i = i->next) {
            mn_batch *b = (mn_batch *)i;
            if (memcmp(i->tenant, x->tenant, sizeof i->tenant) != 0) continue;
            all++;
            live += mn_batch_is_live(b);
            if (!mn_batch_is_live(b) && !b->runs) oldest = b;
        }
        if (live >= MN_BATCHES_LIVE) {
            mn_reply_error(x, 429, NULL, "too_many_batches",
                           "%d batches have not ended, and at most %d may be; ask again later",
                           live, MN_BATCHES_LIVE);
            return 0;
        }
        if (all < MN_BATCHES_KEPT || !oldest) return 1;
        mn_shelf_remove(&s->batches, &oldest->item);
        mn_shelf_unlink(s, oldest->item.id);
        batch_free(oldest);
    }
}

static mn_batch *batch_new(mn_exchange *x, mn_file *in) {
    char name[48];
    mn_batch *b = mn_calloc(1, sizeof *b);
    if (!b) return NULL;
    memcpy(b->in, in->item.id, sizeof b->in);
    mn_answers_name(MN_FILE_PREFIX, name);
    snprintf(b->out, sizeof b->out, "%.*s", MN_ID - 1, name);
    mn_answers_name(MN_FILE_PREFIX, name);
    snprintf(b->err, sizeof b->err, "%.*s", MN_ID - 1, name);
    snprintf(b->endpoint, sizeof b->endpoint, "%s", x->fields.endpoint);
    b->metadata = json_incref(x->fields.metadata);
    mn_shelf_add(x, &x->server->shelf.batches, &b->item, MN_BATCH_PREFIX);
    b->expires = b->item.created + DAY;
    return b;
}

/* With the lock held. */
static int post(mn_exchange *x) {
    mn_shelf *s = &x->server->shelf;
    mn_file *in = mn_files_find(s, x->tenant, x->fields.input_file);
    if (!in || in->made)
        return mn_reply_error(x, 404, "input_file_id", "not_found",
                              "there is no file of this name here that was made for batches");
    if (!make_room(x)) return 0;
    mn_batch *b = batch_new(x, in);
    if (!b) return mn_reply_failure(x, MN_ENOMEM, NULL, "no memory for a batch");
    int rc = write_record(s, b);
    if (rc >= 0) rc = mn_batches_wake(x->server);
    if (rc >= 0) {
        in->users++;
        return mn_reply_json(x, 200, batch_json(&b->item, NULL));
    }
    mn_shelf_remove(&s->batches, &b->item);
    mn_shelf_unlink(s, b->item.id);
    batch_free(b);
    return mn_reply_error(x, 503, NULL, "out_of_memory",
                          "the server has no room for another batch now; ask again");
}

int mn_batches_post_work(mn_exchange *x) {
    const mn_fields *f = &x->fields;
    if (!mn_batch_takes(f->endpoint))
        return refuse(x, "endpoint",
                      "endpoint must be /v1/chat/completions, /v1/completions, /v1/responses or "
                      "/v1/embeddings");
    if (strcmp(f->window, "24h") != 0)
        return refuse(x, "completion_window", "completion_window must be 24h");
    if (f->metadata && !metadata_is_good(f->metadata))
        return refuse(x, "metadata",
                      "metadata has at most 16 pairs of texts, names of 64 and values of 512 "
                      "characters");
    if (mn_shelf_enter(x) < 0) return 0;
    post(x);
    mn_shelf_leave(x);
    return 0;
}

int mn_batches_list_work(mn_exchange *x) {
    if (mn_shelf_enter(x) < 0) return 0;
    mn_shelf_list(x, x->server->shelf.batches, 100, 20, batch_json, NULL);
    mn_shelf_leave(x);
    return 0;
}

static mn_batch *find(mn_exchange *x, const char *behind) {
    return (mn_batch *)mn_shelf_named(x, x->server->shelf.batches, behind, "batch", "batches");
}

int mn_batches_get_work(mn_exchange *x) {
    if (mn_shelf_enter(x) < 0) return 0;
    const mn_batch *b = find(x, "");
    if (b) mn_reply_json(x, 200, batch_json(&b->item, NULL));
    mn_shelf_leave(x);
    return 0;
}

int mn_batches_cancel_work(mn_exchange *x) {
    mn_shelf *s = &x->server->shelf;
    if (mn_shelf_enter(x) < 0) return 0;
    mn_batch *b = find(x, "/cancel");
    if (b && !mn_batch_is_live(b)) {
        mn_reply_error(x, 409, "id", "batch_has_ended", "the batch has ended already: it is %s",
                       statuses[b->status].name);
    } else if (b) {
        if (b->status != MN_BATCH_CANCELLING) mn_batches_enter(s, b, MN_BATCH_CANCELLING);
        mn_reply_json(x, 200, batch_json(&b->item, NULL));
        if (mn_batches_wake(x->server) < 0) b->not_yet = 0; /* runners there are look again */
    }
    mn_shelf_leave(x);
    return 0;
}
