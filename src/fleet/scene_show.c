/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/scene_show.c - a scene as text: a line a room with what is in it, doors, a line a robot.
 */
#include "fleet/scene_inside.h"

#include <string.h>

enum { DEPTH = 6 };

static int show_name(mn_buf *out, const char *name) {
    return mn_buf_show(out, name, strlen(name), " ");
}

static int show_things(const mn_scene *s, const json_t *holds, const char *hand_of, int depth,
                       mn_buf *out);

/* "fridge, closed (milk, egg)" */
static int show_thing(const mn_scene *s, const mn_thing *t, const char *hand_of, int depth,
                      mn_buf *out) {
    MN_TRY(show_name(out, t->name));
    if (t->open == 0) MN_TRY(mn_buf_puts(out, ", closed"));
    if (hand_of && mn_scene_in_hand(s, hand_of, t->name)) {
        MN_TRY(mn_buf_puts(out, " in "));
        MN_TRY(show_name(out, t->how));
    }
    if (!json_array_size(t->holds)) return 0;
    MN_TRY(mn_buf_puts(out, " ("));
    MN_TRY(depth == DEPTH ? mn_buf_puts(out, "..")
                          : show_things(s, t->holds, NULL, depth + 1, out));
    return mn_buf_puts(out, ")");
}

static int show_things(const mn_scene *s, const json_t *holds, const char *hand_of, int depth,
                       mn_buf *out) {
    int n = 0;
    for (size_t i = 0; i < json_array_size(holds); i++) {
        const mn_thing *const t = mn_scene_thing(s, json_string_value(json_array_get(holds, i)));
        if (!t || t->kind == MN_DOOR) continue;
        if (n++) MN_TRY(mn_buf_puts(out, ", "));
        MN_TRY(show_thing(s, t, hand_of, depth, out));
    }
    return 0;
}

static int show_door(const mn_thing *t, mn_buf *out) {
    MN_TRY(show_name(out, t->name));
    MN_TRY(mn_buf_puts(out, ": "));
    MN_TRY(show_name(out, t->joins[0]));
    MN_TRY(mn_buf_puts(out, " and "));
    MN_TRY(show_name(out, t->joins[1]));
    return mn_buf_puts(out, t->open == 0 ? ", closed\n" : ", open\n");
}

static int show_robot(const mn_scene *s, const mn_robot_seen *r, mn_buf *out) {
    MN_TRY(show_name(out, r->name));
    MN_TRY(mn_buf_puts(out, " ("));
    MN_TRY(show_name(out, *r->body ? r->body : "robot"));
    MN_TRY(mn_buf_puts(out, *r->at ? ") at " : ") in "));
    MN_TRY(show_name(out, *r->at ? r->at : mn_scene_room(s, r->name)));
    if (!*r->at && !*mn_scene_room(s, r->name)) MN_TRY(mn_buf_puts(out, "no known place"));
    if (json_array_size(r->holds)) {
        MN_TRY(mn_buf_puts(out, ", has "));
        MN_TRY(show_things(s, r->holds, r->name, 0, out));
    }
    if (r->state.beat && r->state.battery >= 0)
        MN_TRY(mn_buf_printf(out, ", battery %.0f %%", (double)r->state.battery * 100));
    if (r->state.flags & MN_STATE_STOPPED) MN_TRY(mn_buf_puts(out, ", stopped"));
    return mn_buf_puts(out, r->alive ? "\n" : ", gone\n");
}

int mn_scene_show(const mn_scene *s, mn_buf *out) {
    if (s->stopped) MN_TRY(mn_buf_puts(out, "STOPPED: nothing moves before it is resumed\n"));
    for (int i = 0; i < s->n_things; i++) {
        const mn_thing *const t = s->thing + i;
        if (t->kind != MN_ROOM) continue;
        MN_TRY(show_name(out, t->name));
        MN_TRY(mn_buf_puts(out, ": "));
        MN_TRY(show_things(s, t->holds, NULL, 0, out));
        MN_TRY(mn_buf_puts(out, "\n"));
    }
    for (int i = 0; i < s->n_things; i++)
        if (s->thing[i].kind == MN_DOOR) MN_TRY(show_door(s->thing + i, out));
    for (int i = 0; i < s->n_robots; i++) MN_TRY(show_robot(s, s->robot + i, out));
    return 0;
}
