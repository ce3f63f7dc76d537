/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/world_check.c - is a world one that can be? First each entry by a table of fields, which
 * fills what is not said; then names (each once in the whole file), and what refers to them: rooms
 * that overlap, doors into rooms that are none or far from the wall, furniture outside of its room,
 * objects on what is not there, on more than has room, or inside of themselves.
 */
#include "base/error.h"
#include "base/json.h"
#include "fleet/world_inside.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { AT = 320, MOST_THINGS = 1000 };

typedef struct checked {
    const char *path;
    const json_t *lines;
    json_t *world;
    json_t *names; /* name: "objects/3" */
} checked;

static int wrong(const checked *c, const char *section, size_t i, const char *field,
                 const char *format, ...) __attribute__((format(printf, 5, 6)));
static int wrong(const checked *c, const char *section, size_t i, const char *field,
                 const char *format, ...) {
    char at[AT], text[400];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    snprintf(at, sizeof at, "%s/%zu%s%s", section, i, *field ? "/" : "", field);
    return mn_yaml_wrong(c->path, c->lines, at, "%s", text);
}

static int no_memory(const checked *c) {
    return MN_FAIL(MN_ENOMEM, "no memory for the world in %s", c->path ? c->path : "memory");
}

/* ---- entries ------------------------------------------------------------------------------- */
typedef enum form { NAME, TEXT, NUMBER, COUNT, BOOL, POINT, SIZE2, SIZE3, NAMES, PAIR, MARKS } form;
static const char *const forms[] = {
    [NAME] = "a name of 1 to 63 bytes without '/'",
    [TEXT] = "a text",
    [NUMBER] = "a number from 0 to 1000000",
    [COUNT] = "a whole number from 0 to 1000000",
    [BOOL] = "true or false",
    [POINT] = "[x, y] in metres",
    [SIZE2] = "[width, depth] in metres, each more than 0",
    [SIZE3] = "[width, depth, height] in metres, each more than 0",
    [NAMES] = "a list of names",
    [PAIR] = "the names of two rooms",
    [MARKS] = "words that are true or false, as {clean: true}",
};

typedef struct world_field {
    const char *name;
    form form;
    const char *none; /* JSON of what it is when nobody says; "": it has to be said; NULL: absent */
} world_field;
typedef struct part {
    const char *name, *what;
    size_t most;
    world_field field[12];
} part;

static const part sections[] = {
    {"rooms",
     "a room",
     64,
     {{"name", NAME, ""},
      {"at", POINT, ""},
      {"size", SIZE2, ""},
      {"class", NAME, "\"room\""},
      {"also", NAMES, NULL}}},
    {"doors",
     "a door",
     64,
     {{"name", NAME, ""},
      {"joins", PAIR, ""},
      {"at", POINT, ""},
      {"open", BOOL, "true"},
      {"class", NAME, "\"door\""},
      {"also", NAMES, NULL}}},
    {"furniture",
     "furniture",
     MOST_THINGS,
     {{"name", NAME, ""},
      {"class", NAME, NULL},
      {"room", NAME, ""},
      {"at", POINT, ""},
      {"size", SIZE3, "[1.0, 0.6, 0.8]"},
      {"open", BOOL, NULL},
      {"room_for", COUNT, NULL},
      {"also", NAMES, NULL},
      {"is", MARKS, NULL}}},
    {"objects",
     "an object",
     MOST_THINGS,
     {{"name", NAME, ""},
      {"class", NAME, NULL},
      {"on", NAME, NULL},
      {"in", NAME, NULL},
      {"mass", NUMBER, "0.3"},
      {"size", SIZE3, "[0.08, 0.08, 0.1]"},
      {"open", BOOL, NULL},
      {"room_for", COUNT, NULL},
      {"also", NAMES, NULL},
      {"is", MARKS, NULL}}},
    {"failures",
     "a failure",
     256,
     {{"skill", NAME, NULL},
      {"robot", NAME, NULL},
      {"thing", NAME, NULL},
      {"code", NAME, ""},
      {"times", COUNT, "1"},
      {"chance", NUMBER, "1.0"}}},
};
enum { SECTIONS = sizeof sections / sizeof *sections, FIELDS = 12 };

static int is_name(const json_t *v) {
    return json_is_string(v) && mn_board_name_check("it", json_string_value(v)) == 0;
}

static int are_numbers(const json_t *v, size_t n, double min, double max) {
    if (!json_is_array(v) || json_array_size(v) != n) return 0;
    for (size_t i = 0; i < n; i++) {
        const json_t *const x = json_array_get(v, i);
        if (!json_is_number(x) || !(json_number_value(x) >= min) || !(json_number_value(x) <= max))
            return 0;
    }
    return 1;
}

static int are_names(const json_t *v) {
    for (size_t i = 0; i < json_array_size(v); i++)
        if (!is_name(json_array_get(v, i))) return 0;
    return json_is_array(v);
}

static int are_marks(const json_t *v) {
    const char *key;
    json_t *mark;
    if (!json_is_object(v)) return 0;
    json_object_foreach((json_t *)(uintptr_t)v, key,
                        mark) if (!json_is_boolean(mark) ||
                                  mn_board_name_check("it", key) < 0) return 0;
    return 1;
}

static int fits(form wanted, const json_t *v) {
    const double n = json_number_value(v);
    switch (wanted) {
    case NAME: return is_name(v);
    case TEXT: return json_is_string(v);
    case NUMBER: return json_is_number(v) && n >= 0 && n <= 1e6;
    case COUNT: return json_is_integer(v) && n >= 0 && n <= 1e6;
    case BOOL: return json_is_boolean(v);
    case POINT: return are_numbers(v, 2, -1e6, 1e6);
    case SIZE2: return are_numbers(v, 2, 1e-6, 1e6);
    case SIZE3: return are_numbers(v, 3, 1e-6, 1e6);
    case NAMES: return are_names(v);
    case PAIR: return are_names(v) && json_array_size(v) == 2;
    case MARKS: return are_marks(v);
    }
    return 0;
}

static int check_fields(const checked *c, const part *s, size_t i, json_t *entry) {
    const char *key;
    json_t *value;
    char have[256] = "";
    json_object_foreach(entry, key, value) {
        int k = 0;
        while (k < FIELDS && s->field[k].name && strcmp(s->field[k].name, key) != 0) k++;
        if ((k < FIELDS && s->field[k].name) || !strncmp(key, "x-", 2)) continue;
        for (k = 0; k < FIELDS && s->field[k].name; k++)
            snprintf(have + strlen(have), sizeof have - strlen(have), "%s%s", k ? ", " : "",
                     s->field[k].name);
        return wrong(c, s->name, i, key, "%s has no such field: it has %s", s->what, have);
    }
    for (int k = 0; k < FIELDS && s->field[k].name; k++) {
        const world_field *const f = &s->field[k];
        json_t *const v = json_object_get(entry, f->name);
        char is[96];
        if (v && fits(f->form, v)) continue;
        mn_profile_shown(v, is);
        if (v) return wrong(c, s->name, i, f->name, "it takes %s, not %s", forms[f->form], is);
        if (!f->none) continue;
        if (!*f->none)
            return wrong(c, s->name, i, "", "%s has %s: %s", s->what, f->name, forms[f->form]);
        if (json_object_set_new(entry, f->name, json_loads(f->none, JSON_DECODE_ANY, NULL)) != 0)
            return no_memory(c);
    }
    return 0;
}

static int check_section(const checked *c, const part *s) {
    json_t *list = json_object_get(c->world, s->name);
    if (!list || json_is_null(list)) {
        if (json_object_set_new(c->world, s->name, json_array()) != 0) return no_memory(c);
        return 0;
    }
    if (!json_is_array(list))
        return mn_yaml_wrong(c->path, c->lines, s->name, "it takes a list, each entry %s", s->what);
    if (json_array_size(list) > s->most)
        return mn_yaml_wrong(c->path, c->lines, s->name, "%zu entries, and %zu are the most",
                             json_array_size(list), s->most);
    for (size_t i = 0; i < json_array_size(list); i++) {
        json_t *const entry = json_array_get(list, i);
        char is[96];
        mn_profile_shown(entry, is);
        if (!json_is_object(entry))
            return wrong(c, s->name, i, "", "%s is {name: .., ..}, not %s", s->what, is);
        MN_TRY(check_fields(c, s, i, entry));
    }
    return 0;
}

static int check_top(const checked *c) {
    const char *key;
    json_t *value;
    json_object_foreach(c->world, key, value) {
        int known = !strcmp(key, "robots") || !strcmp(key, "about") || !strcmp(key, "name") ||
                    !strncmp(key, "x-", 2);
        for (int i = 0; i < SECTIONS; i++) known |= !strcmp(key, sections[i].name);
        if (!known)
            return mn_yaml_wrong(c->path, c->lines, key,
                                 "a world has no such part: it has rooms, doors, furniture, "
                                 "objects, robots, failures, about, name");
    }
    for (int i = 0; i < SECTIONS; i++) MN_TRY(check_section(c, &sections[i]));
    return 0;
}

/* ---- names --------------------------------------------------------------------------------- */
static const char *named(const json_t *entry, const char *field) {
    return json_string_value(json_object_get(entry, field));
}

static json_t *section_of(const checked *c, const char *name) {
    return json_object_get(c->world, name);
}

static int take_names(const checked *c, const char *section) {
    const json_t *const list = section_of(c, section);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *const name = named(json_array_get(list, i), "name");
        char at[AT];
        const char *const other = json_string_value(json_object_get(c->names, name));
        if (other) {
            const int line = mn_yaml_line(c->lines, other);
            snprintf(at, sizeof at, " (line %d)", line);
            return wrong(c, section, i, "name", "'%s' is the name of %s%s, too", name, other,
                         line ? at : "");
        }
        snprintf(at, sizeof at, "%s/%zu", section, i);
        if (json_object_set_new(c->names, name, json_string(at)) != 0) return no_memory(c);
    }
    return 0;
}

/* The entry of a name in one of the sections that `in` lists ("rooms furniture"); NULL. */
static json_t *find(const checked *c, const char *name, const char *in) {
    const char *const at = name ? json_string_value(json_object_get(c->names, name)) : NULL;
    const char *const cut = at ? strchr(at, '/') : NULL;
    char section[32];
    if (!at) return NULL;
    snprintf(section, sizeof section, "%.*s", (int)(cut - at), at);
    return strstr(in, section) ? json_array_get(section_of(c, section), strtoul(cut + 1, NULL, 10))
                               : NULL;
}

/* ---- places -------------------------------------------------------------------------------- */
static double number(const json_t *entry, const char *field, size_t i) {
    return json_number_value(json_array_get(json_object_get(entry, field), i));
}

/* How far a point is outside of a room, m; 0 or less: inside. */
static double outside(const json_t *room, double x, double y) {
    return fmax(fabs(x - number(room, "at", 0)) - number(room, "size", 0) / 2,
                fabs(y - number(room, "at", 1)) - number(room, "size", 1) / 2);
}

static int check_rooms(const checked *c) {
    const json_t *const rooms = section_of(c, "rooms");
    if (!json_array_size(rooms))
        return mn_yaml_wrong(c->path, c->lines, "rooms", "a world has rooms: it takes one or more");
    for (size_t i = 0; i < json_array_size(rooms); i++)
        for (size_t k = 0; k < i; k++) {
            const json_t *const a = json_array_get(rooms, i), *const b = json_array_get(rooms, k);
            double over[2];
            for (size_t d = 0; d < 2; d++)
                over[d] = (number(a, "size", d) + number(b, "size", d)) / 2 -
                          fabs(number(a, "at", d) - number(b, "at", d));
            if (over[0] > 0.01 && over[1] > 0.01)
                return wrong(c, "rooms", i, "at", "%s and %s overlap by %.2f m x %.2f m",
                             named(a, "name"), named(b, "name"), over[0], over[1]);
        }
    return 0;
}

static int check_doors(const checked *c) {
    const json_t *const doors = section_of(c, "doors");
    for (size_t i = 0; i < json_array_size(doors); i++) {
        const json_t *const door = json_array_get(doors, i);
        const json_t *const joins = json_object_get(door, "joins");
        if (json_equal(json_array_get(joins, 0), json_array_get(joins, 1)))
            return wrong(c, "doors", i, "joins", "a door joins two rooms, and these are one");
        for (size_t k = 0; k < 2; k++) {
            const char *const name = json_string_value(json_array_get(joins, k));
            const json_t *const room = find(c, name, "rooms");
            if (!room) return wrong(c, "doors", i, "joins", "there is no room '%s'", name);
            const double off = fabs(outside(room, number(door, "at", 0), number(door, "at", 1)));
            if (off > 0.5)
                return wrong(c, "doors", i, "at", "it is %.2f m away from the wall of %s", off,
                             name);
        }
    }
    return 0;
}

static int check_furniture(const checked *c) {
    const json_t *const list = section_of(c, "furniture");
    for (size_t i = 0; i < json_array_size(list); i++) {
        json_t *const it = json_array_get(list, i);
        const json_t *const room = find(c, named(it, "room"), "rooms");
        if (!room)
            return wrong(c, "furniture", i, "room", "there is no room '%s'", named(it, "room"));
        const double off = outside(room, number(it, "at", 0), number(it, "at", 1));
        if (off > 0)
            return wrong(c, "furniture", i, "at", "it is %.2f m outside of %s", off,
                         named(it, "room"));
        if (!named(it, "class") &&
            json_object_set_new(it, "class", json_string(named(it, "name"))) != 0)
            return no_memory(c);
    }
    return 0;
}

/* ---- objects ------------------------------------------------------------------------------- */
static const char *holder_of(const json_t *object) {
    const char *const on = named(object, "on");
    return on ? on : named(object, "in");
}

static int check_object(const checked *c, size_t i, json_t *it) {
    const char *const on = named(it, "on"), *const in = named(it, "in");
    const char *const how = on ? "on" : "in";
    if (!on == !in) return wrong(c, "objects", i, "", "an object is either on: or in: something");
    const json_t *const holder = find(c, on ? on : in, "rooms furniture objects robots");
    if (!holder) return wrong(c, "objects", i, how, "there is no '%s'", on ? on : in);
    if (find(c, on ? on : in, "robots") &&
        json_integer_value(json_object_get(holder, "room_for")) < 1)
        return wrong(c, "objects", i, how, "robot %s has no tray", on ? on : in);
    if (!named(it, "class") &&
        json_object_set_new(it, "class", json_string(named(it, "name"))) != 0)
        return no_memory(c);
    return 0;
}

/* Up from one to what it is in, in the end: no circle. */
static int check_no_circle(const checked *c, size_t i, const json_t *it) {
    size_t steps = 0;
    for (const json_t *up = it; (up = find(c, holder_of(up), "objects")) != NULL;)
        if (up == it || ++steps > MOST_THINGS)
            return wrong(c, "objects", i, named(it, "on") ? "on" : "in",
                         "%s would be inside of itself", named(it, "name"));
    return 0;
}

static int check_room_for(const checked *c) {
    const json_t *const objects = section_of(c, "objects");
    json_t *const counts = json_object();
    int rc = counts ? 0 : no_memory(c);
    for (size_t i = 0; !rc && i < json_array_size(objects); i++) {
        const char *const name = holder_of(json_array_get(objects, i));
        const json_t *const room_for =
            json_object_get(find(c, name, "furniture objects robots"), "room_for");
        const json_int_t n = json_integer_value(json_object_get(counts, name)) + 1;
        if (json_object_set_new(counts, name, json_integer(n)) != 0) rc = no_memory(c);
        if (!rc && room_for && n > json_integer_value(room_for))
            rc = wrong(c, "objects", i, named(json_array_get(objects, i), "on") ? "on" : "in",
                       "%s has room for %lld, and this is one more", name,
                       (long long)json_integer_value(room_for));
    }
    json_decref(counts);
    return rc;
}

static int check_objects(const checked *c) {
    const json_t *const list = section_of(c, "objects");
    for (size_t i = 0; i < json_array_size(list); i++)
        MN_TRY(check_object(c, i, json_array_get(list, i)));
    for (size_t i = 0; i < json_array_size(list); i++)
        MN_TRY(check_no_circle(c, i, json_array_get(list, i)));
    return check_room_for(c);
}

/* ---- robots -------------------------------------------------------------------------------- */
/* `profile: FILE` and what stands beside it, which wins. */
static int expand(const checked *c, size_t i, json_t *robots) {
    json_t *const entry = json_array_get(robots, i);
    const char *const file = named(entry, "profile");
    const char *const cut = c->path ? strrchr(c->path, '/') : NULL;
    char path[4096];
    json_t *profile;
    if (!json_is_object(entry) || !json_object_get(entry, "profile")) return 0;
    if (!file) return wrong(c, "robots", i, "profile", "it takes the path of a profile");
    snprintf(path, sizeof path, "%.*s%s", cut && *file != '/' ? (int)(cut + 1 - c->path) : 0,
             cut ? c->path : "", file);
    MN_TRY(mn_profile_read(path, &profile));
    json_object_del(entry, "profile");
    const int bad = json_object_update(profile, entry) != 0;
    if (bad || json_array_set(robots, i, profile) != 0) {
        json_decref(profile);
        return no_memory(c);
    }
    json_decref(profile);
    return 0;
}

static int check_profiles(const checked *c) {
    json_t *const robots = section_of(c, "robots");
    if (!robots || json_is_null(robots))
        return json_object_set_new(c->world, "robots", json_array()) ? no_memory(c) : 0;
    if (!json_is_array(robots))
        return mn_yaml_wrong(c->path, c->lines, "robots", "it takes a list of robots");
    if (json_array_size(robots) > MN_WORLD_ROBOTS)
        return mn_yaml_wrong(c->path, c->lines, "robots", "%zu robots, and %d are the most",
                             json_array_size(robots), MN_WORLD_ROBOTS);
    for (size_t i = 0; i < json_array_size(robots); i++) {
        char at[64];
        snprintf(at, sizeof at, "robots/%zu", i);
        MN_TRY(expand(c, i, robots));
        MN_TRY(mn_profile_check_at(c->path, at, json_array_get(robots, i), c->lines));
    }
    return 0;
}

/* Where they stand: who says nothing, in the middle of the first room. */
static int check_robots(const checked *c) {
    json_t *const robots = section_of(c, "robots");
    const json_t *const rooms = section_of(c, "rooms");
    for (size_t i = 0; i < json_array_size(robots); i++) {
        json_t *const robot = json_array_get(robots, i);
        const json_t *const at = json_object_get(robot, "at");
        const char *const name = json_string_value(at);
        if (!at &&
            json_object_set(robot, "at", json_object_get(json_array_get(rooms, 0), "name")) != 0)
            return no_memory(c);
        if (name && !find(c, name, "rooms doors furniture"))
            return wrong(c, "robots", i, "at", "there is no place '%s'", name);
        if (!json_is_array(at)) continue;
        double least = INFINITY;
        for (size_t k = 0; k < json_array_size(rooms); k++)
            least = fmin(least, outside(json_array_get(rooms, k), number(robot, "at", 0),
                                        number(robot, "at", 1)));
        if (least > 0)
            return wrong(c, "robots", i, "at", "it stands %.2f m outside of every room", least);
    }
    return 0;
}

static int check_failures(const checked *c) {
    const json_t *const list = section_of(c, "failures");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *const it = json_array_get(list, i);
        const char *const robot = named(it, "robot"), *const thing = named(it, "thing");
        if (robot && !find(c, robot, "robots"))
            return wrong(c, "failures", i, "robot", "there is no robot '%s'", robot);
        if (thing && !json_object_get(c->names, thing))
            return wrong(c, "failures", i, "thing", "there is no '%s'", thing);
        if (json_number_value(json_object_get(it, "chance")) > 1)
            return wrong(c, "failures", i, "chance", "it takes a number from 0 to 1");
    }
    return 0;
}

/* ---- all of it ----------------------------------------------------------------------------- */
static int check_all(const checked *c) {
    static const char *const parts[] = {"rooms", "doors", "furniture", "objects", "robots"};
    MN_TRY(check_top(c));
    MN_TRY(check_profiles(c));
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) MN_TRY(take_names(c, parts[i]));
    MN_TRY(check_rooms(c));
    MN_TRY(check_doors(c));
    MN_TRY(check_furniture(c));
    MN_TRY(check_objects(c));
    MN_TRY(check_robots(c));
    return check_failures(c);
}

int mn_fleet_world_check(const char *path, json_t *world, const json_t *lines) {
    checked c = {.path = path, .lines = lines, .world = world};
    if (!json_is_object(world))
        return mn_yaml_wrong(path, lines, "", "a world is rooms: .., furniture: .., objects: ..");
    c.names = json_object();
    if (!c.names) return no_memory(&c);
    const int rc = check_all(&c);
    json_decref(c.names);
    return rc;
}
