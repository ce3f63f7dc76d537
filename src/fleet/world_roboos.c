/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/world_roboos.c - a scene of RoboOS as a world of ours.
 *
 * Its file lists places, with a type and the names of what is on them; an older form calls the
 * same fields recep_name, recep_type and recep_object. A place that stands on another (a basket) is
 * a thing there. Metres it has none: places stand in a row, 2 m apart, in one room.
 */
#include "base/error.h"
#include "fleet/world_inside.h"

#include <stdio.h>
#include <string.h>

static const char *const fields[2][3] = {{"name", "type", "contains"},
                                         {"recep_name", "recep_type", "recep_object"}};
enum { APART = 2, DEPTH = 5 }; /* m */

typedef struct scene {
    const char *path;
    const json_t *lines, *list;
    json_t *world;
} scene;

static int no_memory(const scene *s) {
    return MN_FAIL(MN_ENOMEM, "no memory for what %s says", s->path ? s->path : "a scene");
}

static const json_t *field_of(const json_t *place, int i) {
    const json_t *const v = json_object_get(place, fields[0][i]);
    return v ? v : json_object_get(place, fields[1][i]);
}

static const char *name_of(const scene *s, size_t i) {
    const char *const name = json_string_value(field_of(json_array_get(s->list, i), 0));
    return name ? name : "";
}

static int check_place(const scene *s, size_t i) {
    const json_t *const place = json_array_get(s->list, i);
    const json_t *const type = field_of(place, 1), *const on = field_of(place, 2);
    char at[48];
    snprintf(at, sizeof at, "scene/%zu", i);
    if (!json_is_object(place) || mn_board_name_check("it", name_of(s, i)) < 0)
        return mn_yaml_wrong(s->path, s->lines, at, "a place has a name, of 1 to %d bytes",
                             MN_NAME);
    if (type && (!json_is_string(type) || mn_board_name_check("it", json_string_value(type)) < 0))
        return mn_yaml_wrong(s->path, s->lines, at, "the type of %s is no name", name_of(s, i));
    if (on && !json_is_null(on) && !json_is_array(on))
        return mn_yaml_wrong(s->path, s->lines, at, "what is on %s is no list", name_of(s, i));
    for (size_t k = 0; k < i; k++)
        if (!strcmp(name_of(s, i), name_of(s, k)))
            return mn_yaml_wrong(s->path, s->lines, at, "%s is here twice", name_of(s, i));
    for (size_t k = 0; k < json_array_size(on); k++) {
        const char *const name = json_string_value(json_array_get(on, k));
        if (!name || mn_board_name_check("it", name) < 0)
            return mn_yaml_wrong(s->path, s->lines, at, "entry %zu on %s is no name", k + 1,
                                 name_of(s, i));
    }
    return 0;
}

/* The place that has it, before `end`; -1: none. */
static int place_with(const scene *s, const char *name, size_t end) {
    for (size_t i = 0; i < end; i++) {
        const json_t *const on = field_of(json_array_get(s->list, i), 2);
        for (size_t k = 0; k < json_array_size(on); k++)
            if (!strcmp(json_string_value(json_array_get(on, k)), name)) return (int)i;
    }
    return -1;
}

static const char *class_of(const scene *s, const char *name) {
    for (size_t i = 0; i < json_array_size(s->list); i++) {
        const char *const type = json_string_value(field_of(json_array_get(s->list, i), 1));
        if (type && !strcmp(name_of(s, i), name)) return type;
    }
    return name;
}

static int add(const scene *s, const char *section, json_t *entry) {
    return json_array_append_new(json_object_get(s->world, section), entry) ? no_memory(s) : 0;
}

static int add_objects(const scene *s, size_t i) {
    const json_t *const on = field_of(json_array_get(s->list, i), 2);
    char at[48];
    snprintf(at, sizeof at, "scene/%zu", i);
    for (size_t k = 0; k < json_array_size(on); k++) {
        const char *const name = json_string_value(json_array_get(on, k));
        int before = place_with(s, name, i) >= 0;
        for (size_t m = 0; m < k; m++)
            before |= json_equal(json_array_get(on, m), json_array_get(on, k));
        if (before)
            return mn_yaml_wrong(s->path, s->lines, at, "%s is on two places, or twice on one",
                                 name);
        MN_TRY(add(s, "objects",
                   json_pack("{s:s, s:s, s:s}", "name", name, "class", class_of(s, name), "on",
                             name_of(s, i))));
    }
    return 0;
}

static int fill(const scene *s) {
    const size_t n = json_array_size(s->list);
    int stands = 0; /* in the row */
    for (size_t i = 0; i < n; i++) MN_TRY(check_place(s, i));
    for (size_t i = 0; i < n; i++) {
        MN_TRY(add_objects(s, i));
        if (place_with(s, name_of(s, i), n) >= 0) continue;
        MN_TRY(add(s, "furniture",
                   json_pack("{s:s, s:s, s:s, s:[f,f]}", "name", name_of(s, i), "class",
                             class_of(s, name_of(s, i)), "room", "room", "at",
                             APART * (stands + 0.5), DEPTH / 2.0)));
        stands++;
    }
    const double width = APART * (stands > 0 ? stands : 1);
    return add(s, "rooms",
               json_pack("{s:s, s:[f,f], s:[f,i]}", "name", "room", "at", width / 2, DEPTH / 2.0,
                         "size", width, DEPTH));
}

int mn_world_roboos(const char *path, const json_t *file, const json_t *lines, json_t **world) {
    scene s = {path, lines, json_object_get(file, "scene"), NULL};
    *world = NULL;
    if (!s.list) return 0;
    if (!json_is_array(s.list))
        return mn_yaml_wrong(path, lines, "scene", "it takes a list of places");
    s.world = json_pack("{s:[], s:[], s:[]}", "rooms", "furniture", "objects");
    if (!s.world) return no_memory(&s);
    const int rc = fill(&s);
    if (rc < 0) {
        json_decref(s.world);
        return rc;
    }
    *world = s.world;
    return 1;
}
