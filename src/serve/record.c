/* SPDX-License-Identifier: Apache-2.0
 *
 * serve/record.c - fields in a fixed order, empty ones left out.
 */
#include "serve/record.h"

#include "base/when.h"

/* Without memory for it there is no object. */
static void put(json_t **j, const char *name, json_t *value) {
    if (json_object_set_new(*j, name, value) == 0) return;
    json_decref(*j);
    *j = NULL;
}

static void put_text(json_t **j, const char *name, const char *text, int always) {
    if (text && *text)
        put(j, name, json_string(text));
    else if (always)
        put(j, name, json_null());
}

static void put_moment(json_t **j, const char *name, int64_t at, int always) {
    char text[MN_WHEN_TEXT];
    put_text(j, name, at == MN_UNKNOWN ? NULL : mn_when_text(at, text), always);
}

/* JSON, else a text. */
static json_t *meta_of(const char *text) {
    json_error_t why;
    json_t *const meta = json_loads(text, 0, &why);
    return meta || json_error_code(&why) == json_error_out_of_memory ? meta : json_string(text);
}

json_t *mn_record_json(const mn_record *r, int searched) {
    json_t *j = json_object();
    put(&j, "id", json_integer(r->id));
    put_text(&j, "ref", r->ref, 1);
    put(&j, "text", json_stringn(r->text, r->n));
    put_text(&j, "time", r->time, 1);
    if (searched) put(&j, "score", json_real(r->score));
    put_text(&j, "source", r->source, 1);
    put_text(&j, "session", r->session, 0);
    put_text(&j, "speaker", r->speaker, 0);
    put_text(&j, "kind", r->kind, 0);
    put_text(&j, "agent", r->agent, 0);
    put_text(&j, "run", r->run, 0);
    if (r->meta && *r->meta) put(&j, "meta", meta_of(r->meta));
    put_moment(&j, "from", r->from, 1);
    put_moment(&j, "until", r->until, 0);
    put_moment(&j, "created", r->created, 1);
    put_moment(&j, "expired", r->expired, 0);
    return j;
}
