/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/scene_show.c - a scene as text: a line a room with what is in it, doors, one a robot; and
 * one thing with all that is known of it:
 *
 *     cup (cup, 0.3 kg) on counter, in kitchen
 *     clean
 *     where: 1.32, 4.40, 0.90 m
 *     seen by arm at 10:02:03 UTC, 3 minutes ago, 90 % sure
 */
#include "base/alloc.h"
#include "base/error.h"
#include "base/opt.h"
#include "fleet/past_inside.h"
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

/* ---- one of them ------------------------------------------------------------------------- */
/* " on counter, in kitchen"; " in left of arm, at counter, in kitchen" */
static int show_where(const mn_scene *s, const mn_thing *t, mn_buf *out) {
    const char *name = t->name, *at = t->at, *how = t->how;
    for (int n = 0; *at && n < DEPTH; n++) {
        const mn_thing *const place = mn_scene_thing(s, at);
        const mn_robot_seen *const r = mn_scene_robot(s, at);
        const char *const hand = mn_scene_in_hand(s, at, name);
        MN_TRY(mn_buf_puts(out, n ? ", " : " "));
        if (hand) MN_TRY(mn_buf_puts(out, "in "));
        MN_TRY(show_name(out, *how ? how : place ? mn_thing_how(place) : "at"));
        MN_TRY(mn_buf_puts(out, hand ? " of " : " "));
        MN_TRY(show_name(out, at));
        name = at;
        how = place ? place->how : "";
        at = place ? place->at : !r ? "" : *r->at ? r->at : mn_scene_room(s, r->name);
        if (r) how = mn_scene_thing(s, at) && mn_scene_thing(s, at)->kind == MN_ROOM ? "in" : "at";
    }
    return *t->at || t->kind != MN_OBJECT_KIND ? 0 : mn_buf_puts(out, ": nobody knows where");
}

static int show_what(const mn_scene *s, const mn_thing *t, mn_buf *out) {
    if (t->kind == MN_DOOR) return show_door(t, out);
    const char *const kind = json_string_value(json_object_get(t->json, "kind"));
    MN_TRY(show_name(out, t->name));
    MN_TRY(mn_buf_puts(out, " ("));
    MN_TRY(show_name(out, *t->class_ ? t->class_ : kind ? kind : "thing"));
    if (t->mass > 0) MN_TRY(mn_buf_printf(out, ", %.3g kg", t->mass));
    MN_TRY(mn_buf_puts(out, ")"));
    MN_TRY(show_where(s, t, out));
    return mn_buf_puts(out, "\n");
}

/* "closed, clean", "not clean" */
static int show_state(const mn_thing *t, mn_buf *out) {
    const char *word;
    json_t *so;
    int n = 0;
    if (t->kind != MN_DOOR && t->open >= 0) {
        MN_TRY(mn_buf_puts(out, t->open ? "open" : "closed"));
        n++;
    }
    json_object_foreach(json_object_get(t->json, "is"), word, so) {
        MN_TRY(mn_buf_puts(out, n++ ? ", " : ""));
        if (!json_is_true(so)) MN_TRY(mn_buf_puts(out, "not "));
        MN_TRY(show_name(out, word));
    }
    return n ? mn_buf_puts(out, "\n") : 0;
}

static int show_seen(const mn_thing *t, int64_t now, mn_buf *out) {
    if (!t->seen) return mn_buf_puts(out, "not seen so far: it is where it was said to be\n");
    MN_TRY(mn_buf_puts(out, "seen"));
    if (*t->seen_by) MN_TRY(mn_buf_puts(out, " by "));
    MN_TRY(show_name(out, t->seen_by));
    MN_TRY(mn_buf_puts(out, " at "));
    MN_TRY(mn_past_moment(out, t->seen, now));
    return mn_buf_printf(out, ", %.0f %% sure\n", t->sure * 100);
}

/* Another name that may be meant. */
static int no_such(const mn_scene *s, const char *name) {
    const size_t n = (size_t)(s->n_things + s->n_robots);
    const char **const names = mn_calloc(n + 1, sizeof *names);
    if (!names) return MN_FAIL(MN_ENOMEM, "no memory for %zu names", n);
    for (int i = 0; i < s->n_things; i++) names[i] = s->thing[i].name;
    for (int i = 0; i < s->n_robots; i++) names[s->n_things + i] = s->robot[i].name;
    const char *const near = mn_opt_nearest(name, names, n);
    const int rc =
        near ? MN_FAIL(MN_ENOENT, "there is no thing '%s'; did you mean '%s'?", name, near)
             : MN_FAIL(MN_ENOENT, "there is no thing '%s': `omnesia fleet scene` lists them", name);
    mn_free(names);
    return rc;
}

int mn_scene_show_one(const mn_scene *s, const char *name, int64_t now, mn_buf *out) {
    const mn_thing *const t = mn_scene_thing(s, name);
    const mn_robot_seen *const r = mn_scene_robot(s, name);
    mn_pose pose;
    if (!t) return r ? show_robot(s, r, out) : no_such(s, name);
    MN_TRY(show_what(s, t, out));
    MN_TRY(show_state(t, out));
    if (mn_scene_pose(s, name, &pose) >= 0)
        MN_TRY(mn_buf_printf(out, "where: %.2f, %.2f, %.2f m\n", pose.p[0], pose.p[1], pose.p[2]));
    if (t->kind == MN_OBJECT_KIND || t->seen) MN_TRY(show_seen(t, now, out));
    if (!json_array_size(t->holds)) return 0;
    MN_TRY(mn_buf_puts(out, "has "));
    MN_TRY(show_things(s, t->holds, NULL, 0, out));
    return mn_buf_puts(out, "\n");
}
