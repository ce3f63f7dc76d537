/* SPDX-License-Identifier: Apache-2.0
 *
 * serve/record.c - fields in a fixed order, empty ones left out.
 */
#include "serve/record.h"

#include "base/when.h"

static void put_text(json_t *j, const char *name, const char *text, int always) {
    if (text && *text)
        json_object_set_new(j, name, json_string(text));
    else if (always)
        json_object_set_new(j, name, json_null());
}

static void put_moment(json_t *j, const char *name, int64_t at, int always) {
    char text[MN_WHEN_TEXT];
    if (at != MN_UNKNOWN)
        json_object_set_new(j, name, json_string(mn_when_text(at, text)));
    else if (always)
        json_object_set_new(j, name, json_null());
}

json_t *mn_record_json(const mn_record *r, int searched) {
    json_t *const j = json_object();
    if (!j) return NULL;
    json_object_set_new(j, "id", json_integer(r->id));
    put_text(j, "ref", r->ref, 1);
    json_object_set_new(j, "text", json_stringn(r->text, r->n));
    put_text(j, "time", r->time, 1);
    if (searched) json_object_set_new(j, "score", json_real(r->score));
    put_text(j, "source", r->source, 1);
    put_text(j, "session", r->session, 0);
    put_text(j, "speaker", r->speaker, 0);
    put_text(j, "kind", r->kind, 0);
    put_text(j, "agent", r->agent, 0);
    put_text(j, "run", r->run, 0);
    if (r->meta && *r->meta) {
        json_t *const meta = json_loads(r->meta, 0, NULL);
        json_object_set_new(j, "meta", meta ? meta : json_string(r->meta));
    }
    put_moment(j, "from", r->from, 1);
    put_moment(j, "until", r->until, 0);
    put_moment(j, "created", r->created, 1);
    put_moment(j, "expired", r->expired, 0);
    return j;
}
