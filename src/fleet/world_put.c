/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/world_put.c - a world onto a board, in the forms of fleet/scene.h.
 *
 * What was there in this layer goes first, so that a second world does not mix with the first.
 * Objects stand in rows on what they are on, so each has a pose of its own. In layer "sim/" robots
 * have bodies, too, and "failures" are what will go wrong:
 *
 *   sim/robot/NAME   as scene.h has it, and "drain", "charge", "at"
 *   sim/state/NAME   where it truly stands, its battery
 *   sim/failures     {"failures": [..]} of the world, "times" counts down
 */
#include "base/alloc.h"
#include "base/error.h"
#include "fleet/world_inside.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct putting {
    mn_board *b;
    const json_t *world;
    const char *layer;
    json_t *holds; /* name: [names] */
} putting;

static int no_memory(void) {
    return MN_FAIL(MN_ENOMEM, "no memory for a world");
}

static const char *kind_of(const putting *p, const char *kind, char out[64]) {
    snprintf(out, 64, "%.20s%.40s", p->layer, kind);
    return out;
}

static const char *text(const json_t *entry, const char *field) {
    const char *const v = json_string_value(json_object_get(entry, field));
    return v ? v : "";
}

static double number(const json_t *entry, const char *field, size_t i) {
    return json_number_value(json_array_get(json_object_get(entry, field), i));
}

static const json_t *named(const json_t *world, const char *section, const char *name) {
    const json_t *const list = json_object_get(world, section);
    for (size_t i = 0; i < json_array_size(list); i++)
        if (!strcmp(text(json_array_get(list, i), "name"), name)) return json_array_get(list, i);
    return NULL;
}

/* ---- what was there ------------------------------------------------------------------------ */
typedef struct old {
    mn_board *b;
    mn_buf keys; /* one behind the other, each with its NUL */
} old;

static int old_one(void *user, const char *key, uint64_t version) {
    (void)version;
    return mn_buf_append(&((old *)user)->keys, key, strlen(key) + 1);
}

static int clear(const putting *p, const char *kind) {
    old o = {.b = p->b};
    char prefix[MN_FLEET_KEY], in[64];
    MN_TRY(mn_board_key(p->b, kind_of(p, kind, in), "", prefix));
    int rc = p->b->ops->each(p->b, prefix, old_one, &o);
    for (size_t i = 0; rc >= 0 && i < o.keys.len; i += strlen(o.keys.data + i) + 1) {
        mn_edit edit = {.key = o.keys.data + i, .kind = MN_EDIT_DEL};
        rc = p->b->ops->commit(p->b, &edit, 1);
    }
    mn_buf_free(&o.keys);
    return rc;
}

/* ---- things -------------------------------------------------------------------------------- */
static int put(const putting *p, const char *kind, const char *name, json_t *value) {
    char in[64];
    if (!value) return no_memory();
    const int rc = mn_board_put(p->b, kind_of(p, kind, in), name, value, 0, NULL);
    json_decref(value);
    return rc;
}

static int hold(const putting *p, const char *holder, const char *name) {
    json_t *list = json_object_get(p->holds, holder);
    if (!list) {
        if (json_object_set_new(p->holds, holder, json_array()) != 0) return no_memory();
        list = json_object_get(p->holds, holder);
    }
    return json_array_append_new(list, json_string(name)) ? no_memory() : 0;
}

/* What a thing has from its entry, in the board's form. Takes the pose. */
static int put_thing(const putting *p, const json_t *entry, const char *kind, const char *at,
                     const char *how, double x, double y, double z) {
    static const char *const fields[] = {"class", "size",     "mass", "open",
                                         "joins", "room_for", "is",   "also"};
    json_t *const thing = json_pack("{s:s, s:s, s:s, s:{s:s, s:[f,f,f]}}", "kind", kind, "at", at,
                                    "how", how, "pose", "frame", "map", "p", x, y, z);
    int bad = !thing;
    for (size_t i = 0; !bad && i < sizeof fields / sizeof *fields; i++) {
        json_t *const v = json_object_get(entry, fields[i]);
        if (v) bad = json_object_set_new(thing, fields[i], json_deep_copy(v)) != 0;
    }
    json_t *const size = json_object_get(thing, "size");
    if (!bad && json_array_size(size) == 2) bad = json_array_append_new(size, json_real(0)) != 0;
    if (!bad && !strcmp(kind, "door"))
        bad = json_object_set_new(thing, "size", json_pack("[f,f,f]", 1.0, 1.0, 2.0)) != 0;
    if (bad) {
        json_decref(thing);
        return no_memory();
    }
    if (*at) MN_TRY(hold(p, at, text(entry, "name")));
    return put(p, "thing/", text(entry, "name"), thing);
}

/* The place of the i-th of n on a top of w x d: rows from left to right. */
static void spread(size_t i, size_t n, double w, double d, double *x, double *y) {
    size_t columns = (size_t)ceil(sqrt((double)n * fmax(w, 0.01) / fmax(d, 0.01)));
    if (columns < 1) columns = 1;
    if (columns > n) columns = n;
    const size_t rows = (n + columns - 1) / columns;
    *x = ((double)(i % columns) + 0.5) / (double)columns * w - w / 2;
    *y = ((double)(i / columns) + 0.5) / (double)rows * d - d / 2;
}

static const char *holder_of(const json_t *object, const char **how) {
    const char *const on = text(object, "on");
    *how = *on ? "on" : "in";
    return *on ? on : text(object, "in");
}

/* Where the top of a place is, and how wide; of an object: where that is. */
static int top_of(const putting *p, const char *name, double at[3], double size[2], int depth) {
    const char *how;
    const json_t *it = named(p->world, "furniture", name);
    const json_t *const room = it ? NULL : named(p->world, "rooms", name);
    const json_t *const object = it || room ? NULL : named(p->world, "objects", name);
    if (!it) it = room;
    if (it) {
        for (size_t i = 0; i < 2; i++)
            at[i] = number(it, "at", i), size[i] = number(it, "size", i) * 0.8;
        at[2] = room ? 0 : number(it, "size", 2);
        return 1;
    }
    if (!object || depth > 16 || !top_of(p, holder_of(object, &how), at, size, depth + 1)) return 0;
    size[0] = size[1] = 0;
    return 1;
}

static int put_object(const putting *p, const json_t *objects, size_t i) {
    const json_t *const object = json_array_get(objects, i);
    const char *how, *other;
    const char *const holder = holder_of(object, &how);
    double at[3], size[2], x, y;
    size_t before = 0, n = 0;
    for (size_t k = 0; k < json_array_size(objects); k++) {
        const int same = !strcmp(holder_of(json_array_get(objects, k), &other), holder);
        n += same;
        before += same && k < i;
    }
    if (!top_of(p, holder, at, size, 0)) { /* on a robot: it is where that is */
        json_t *const thing = json_deep_copy(object);
        if (!thing) return no_memory();
        json_object_del(thing, "name");
        json_object_del(thing, how);
        if (json_object_set_new(thing, "kind", json_string("object")) ||
            json_object_set_new(thing, "at", json_string(holder)) ||
            json_object_set_new(thing, "how", json_string(how))) {
            json_decref(thing);
            return no_memory();
        }
        const int rc = hold(p, holder, text(object, "name"));
        if (rc < 0) json_decref(thing);
        return rc < 0 ? rc : put(p, "thing/", text(object, "name"), thing);
    }
    spread(before, n, size[0], size[1], &x, &y);
    return put_thing(p, object, "object", holder, how, at[0] + x, at[1] + y, at[2]);
}

static int put_things(const putting *p) {
    static const char *const sections[][2] = {
        {"rooms", "room"}, {"doors", "door"}, {"furniture", "furniture"}};
    for (int s = 0; s < 3; s++) {
        const json_t *const list = json_object_get(p->world, sections[s][0]);
        for (size_t i = 0; i < json_array_size(list); i++) {
            const json_t *const it = json_array_get(list, i);
            MN_TRY(put_thing(p, it, sections[s][1], text(it, "room"), "in", number(it, "at", 0),
                             number(it, "at", 1), 0));
        }
    }
    const json_t *const objects = json_object_get(p->world, "objects");
    for (size_t i = 0; i < json_array_size(objects); i++) MN_TRY(put_object(p, objects, i));
    return 0;
}

static int put_holds(const putting *p) {
    const char *name;
    json_t *list;
    json_object_foreach(p->holds, name, list)
        MN_TRY(put(p, "holds/", name, json_pack("{s:O}", "holds", list)));
    return 0;
}

/* ---- bodies -------------------------------------------------------------------------------- */
/* Where a robot of a world stands at first. */
static int state_of(const json_t *world, const json_t *robot, mn_fleet_state *out) {
    const json_t *const at = json_object_get(robot, "at");
    const char *const place = text(robot, "at");
    const json_t *it = named(world, "furniture", place);
    if (!it) it = named(world, "rooms", place);
    if (!it) it = named(world, "doors", place);
    *out = (mn_fleet_state){.format = MN_STATE_FORMAT, .beat = 1, .q = {0, 0, 0, 1}};
    if (!it && !json_is_array(at))
        return MN_FAIL(MN_EINVAL, "robot %s: there is no place '%s'", text(robot, "name"), place);
    for (size_t i = 0; i < 2; i++)
        out->p[i] = it ? number(it, "at", i) : json_number_value(json_array_get(at, i));
    out->battery = (float)json_number_value(json_object_get(robot, "battery"));
    strcpy(out->frame, "map");
    if (it) snprintf(out->at, sizeof out->at, "%.*s", MN_NAME, place);
    return 0;
}

static int put_body(const putting *p, const json_t *robot) {
    static const char *const fields[] = {"body",     "speed", "reach",  "payload", "hands",
                                         "room_for", "drain", "charge", "at"};
    const char *const name = text(robot, "name");
    char in[64];
    mn_fleet_state state;
    MN_TRY(state_of(p->world, robot, &state));
    state.now = state.until = p->b->ops->now(p->b);
    state.time = p->b->ops->time(p->b);
    json_t *const body = json_pack("{s:i, s:[], s:O}", "format", 1, "skills", "profile", robot);
    int bad = !body;
    for (size_t i = 0; !bad && i < sizeof fields / sizeof *fields; i++)
        bad = json_object_set(body, fields[i], json_object_get(robot, fields[i])) != 0;
    if (bad) {
        json_decref(body);
        return no_memory();
    }
    MN_TRY(put(p, "robot/", name, body));
    return mn_fleet_state_put(p->b, kind_of(p, "state/", in), name, &state, NULL);
}

static int put_bodies(const putting *p) {
    const json_t *const robots = json_object_get(p->world, "robots");
    for (size_t i = 0; i < json_array_size(robots); i++)
        MN_TRY(put_body(p, json_array_get(robots, i)));
    return put(p, "failures", "",
               json_pack("{s:O}", "failures", json_object_get(p->world, "failures")));
}

int mn_fleet_world_put(mn_board *b, const json_t *world, const char *layer) {
    static const char *const kinds[] = {"thing/", "holds/", "robot/", "state/"};
    const int truth = !strcmp(layer, "sim/");
    putting p = {b, world, layer, json_object()};
    int rc = p.holds ? 0 : no_memory();
    for (int i = 0; rc >= 0 && i < (truth ? 4 : 2); i++) rc = clear(&p, kinds[i]);
    if (rc >= 0) rc = put_things(&p);
    if (rc >= 0) rc = put_holds(&p);
    if (rc >= 0 && truth) rc = put_bodies(&p);
    json_decref(p.holds);
    return rc < 0 ? rc : 0;
}
