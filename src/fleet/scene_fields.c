/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/scene_fields.c - things, robots and lists out of their JSON. What is not there has a
 * default; what is there and is not what it should be is refused by its name.
 */
#include "fleet/scene_inside.h"

#include "base/error.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

const char *const mn_thing_kinds[] = {"object", "furniture", "room", "door", NULL};

mn_layer_kind mn_layer_of(const char *layer, const char *kind) {
    mn_layer_kind out;
    snprintf(out.text, sizeof out.text, "%s%s", layer, kind);
    return out;
}

/* ---- fields of any kind -------------------------------------------------------------------- */
typedef struct fields {
    const char *key;
    const json_t *json;
    int code; /* of what is wrong */
    int rc;   /* of the first that was */
} fields;

static void wrong(fields *f, const char *name, const char *takes) {
    if (f->rc >= 0) f->rc = MN_FAIL(f->code, "%s: %s: it takes %s", f->key, name, takes);
}

static const json_t *field(const fields *f, const char *name) {
    const json_t *const v = json_object_get(f->json, name);
    return json_is_null(v) ? NULL : v;
}

static const char *text(fields *f, const char *name, const char *absent) {
    const json_t *const v = field(f, name);
    if (v && !json_is_string(v)) wrong(f, name, "a text");
    return json_is_string(v) ? json_string_value(v) : absent;
}

static double number(fields *f, const char *name, const json_t *v, double absent, double most) {
    const double is = v ? json_number_value(v) : absent;
    char takes[48];
    snprintf(takes, sizeof takes, "a number from 0 to %g", most);
    if (v && (!json_is_number(v) || !(is >= 0 && is <= most))) wrong(f, name, takes);
    return is;
}

/* ---- things -------------------------------------------------------------------------------- */
static void read_kind(fields *f, mn_thing *t) {
    const char *const kind = text(f, "kind", mn_thing_kinds[0]);
    int i = 0;
    while (mn_thing_kinds[i] && strcmp(mn_thing_kinds[i], kind)) i++;
    if (mn_thing_kinds[i])
        t->kind = (mn_thing_kind)i;
    else
        wrong(f, "kind", "object, furniture, room or door");
}

static void read_joins(fields *f, mn_thing *t) {
    const json_t *const joins = field(f, "joins");
    const char *const takes = "the names of two rooms";
    if (joins && (!json_is_array(joins) || json_array_size(joins) != 2)) wrong(f, "joins", takes);
    for (size_t i = 0; i < 2; i++) {
        const json_t *const room = json_array_get(joins, i);
        if (room && !json_is_string(room)) wrong(f, "joins", takes);
        t->joins[i] = json_is_string(room) ? json_string_value(room) : "";
    }
}

static void read_seen(fields *f, mn_thing *t) {
    const json_t *const seen = field(f, "seen"), *const at = json_object_get(seen, "t"),
                        *const by = json_object_get(seen, "by");
    const char *const takes = "{\"t\": us, \"by\": name, \"sure\": 0 to 1}";
    t->seen_by = "";
    t->sure = 1;
    if (!seen) return;
    if (!json_is_object(seen) || (at && !json_is_integer(at)) || (by && !json_is_string(by)))
        wrong(f, "seen", takes);
    t->seen = json_integer_value(at);
    if (json_is_string(by)) t->seen_by = json_string_value(by);
    t->sure = number(f, "seen", json_object_get(seen, "sure"), 1, 1);
}

int mn_thing_fields(const char *key, mn_thing *t, int code) {
    fields f = {key, t->json, code, 0};
    const json_t *const size = field(&f, "size"), *const open = field(&f, "open"),
                        *const room = field(&f, "room_for"), *const pose = field(&f, "pose");
    read_kind(&f, t);
    t->class_ = text(&f, "class", "");
    t->at = text(&f, "at", "");
    t->how = text(&f, "how", "in");
    t->home = text(&f, "home", "");
    t->mass = number(&f, "mass", field(&f, "mass"), 0, 1e6);
    if (size && (!json_is_array(size) || json_array_size(size) != 3))
        wrong(&f, "size", "three numbers");
    for (size_t i = 0; i < 3; i++) t->size[i] = number(&f, "size", json_array_get(size, i), 0, 1e6);
    if (open && !json_is_boolean(open)) wrong(&f, "open", "true or false");
    t->open = open ? json_is_true(open) : -1;
    t->room_for = room ? (int)number(&f, "room_for", room, 0, 1e6) : -1;
    t->pose = (mn_pose){.q = {0, 0, 0, 1}, .cov = {-1}};
    if (pose && mn_pose_read(pose, &t->pose) < 0) wrong(&f, "pose", mn_error_detail());
    const json_t *const is = field(&f, "is"), *const also = field(&f, "also");
    if (is && !json_is_object(is)) wrong(&f, "is", "{WORD: true or false}");
    if (also && !json_is_array(also)) wrong(&f, "also", "an array of names");
    read_joins(&f, t);
    read_seen(&f, t);
    return f.rc;
}

/* ---- robots -------------------------------------------------------------------------------- */
int mn_robot_fields(const char *key, mn_robot_seen *r, int code) {
    fields f = {key, r->json, code, 0};
    const json_t *const hands = field(&f, "hands"), *const skills = field(&f, "skills");
    const size_t most = sizeof r->hand / sizeof *r->hand;
    r->body = text(&f, "body", "");
    r->machine = text(&f, "machine", "");
    r->speed = number(&f, "speed", field(&f, "speed"), 0, 100);
    r->reach = number(&f, "reach", field(&f, "reach"), 0, 100);
    r->payload = number(&f, "payload", field(&f, "payload"), 0, 1e6);
    r->room_for = (int)number(&f, "room_for", field(&f, "room_for"), 0, 1e6);
    if (hands && (!json_is_array(hands) || json_array_size(hands) > most))
        wrong(&f, "hands", "an array of at most 4 names");
    r->n_hands = 0;
    for (size_t i = 0; i < json_array_size(hands) && i < most; i++) {
        const char *const hand = json_string_value(json_array_get(hands, i));
        if (!hand || !*hand || !strcmp(hand, "in") || !strcmp(hand, "on"))
            wrong(&f, "hands", "names, but 'in' and 'on' are none");
        r->hand[r->n_hands++] = hand ? hand : "";
    }
    if (skills && !json_is_array(skills)) wrong(&f, "skills", "an array of manifests");
    return f.rc;
}

/* ---- lists --------------------------------------------------------------------------------- */
int mn_holds_fields(const char *key, const json_t *json, json_t **names) {
    *names = json_object_get(json, "holds");
    int good = json_is_array(*names);
    for (size_t i = 0; good && i < json_array_size(*names); i++)
        good = json_is_string(json_array_get(*names, i));
    if (good) return 0;
    *names = NULL; /* not a part of it either: who has it looks for all of its names */
    return MN_FAIL(MN_ECORRUPT, "%s: holds: it takes an array of names", key);
}

int mn_holds_find(const json_t *names, const char *name) {
    for (size_t i = 0; i < json_array_size(names); i++)
        if (!strcmp(json_string_value(json_array_get(names, i)), name)) return (int)i;
    return -1;
}
