/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/brain_look.c - before a task ends, what it wanted is looked at where nobody is sure of it;
 * and what is missing in the middle of a task is looked for.
 *
 * What a lost robot held is believed to lie where it stood, and what nobody has seen for long may
 * have gone: when that is where the task wanted it, its goals are reached as far as anybody knows.
 * Things of goals that are less than MN_SEE_UNSURE sure (fleet/see.h) are looked at then, each
 * place by whoever can soonest: steps like any others, of which the one that looks has "looks":
 * {"at": PLACE, "things": [..]}. What its robot saw is on the board by then (robot_do.c), and in
 * "looked" of the task:
 *
 *   "looked": {THING: {"tries": {PLACE: n}, "not": [PLACE, ..], "seen": PLACE}}
 *
 * Seen where it should be: the goal is reached. Seen elsewhere: the goal is not, and it is planned
 * anew. Not seen there: places of the same room are looked at, the nearest first, then others, each
 * once, SEARCH at most; seen at none of them the task fails. A look that fails is tried TRIES
 * times, by whoever has not failed at it; when nobody can look the task is done, and says so. MOST
 * looks in a task: it always ends.
 *
 * A step that ends "not_found" has its robot look at where its thing should be (fleet/recover.h):
 * that has "looks" for as long, too. A thing of a goal that was not seen there is missing: it is
 * looked for in the same way before what failed is planned anew.
 */
#include "fleet/brain_inside.h"

#include "base/error.h"
#include "fleet/see.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define field  mn_brain_field
#define set    mn_brain_set
#define number mn_brain_number

enum { TRIES = 3, SEARCH = 16, MOST = 64, DEEP = 16 };

/* ---- what is known ------------------------------------------------------------------------- */
static int listed(const json_t *list, const char *name) {
    json_t *one;
    size_t i;
    json_array_foreach(list, i, one) {
        if (json_string_value(one) && strcmp(json_string_value(one), name) == 0) return 1;
    }
    return 0;
}

static const json_t *known(const mn_brain_task *t, const char *thing) {
    return json_object_get(json_object_get(t->json, "looked"), thing);
}

static int tries_of(const json_t *entry, const char *place) {
    return number(json_object_get(entry, "tries"), place);
}

/* json[name], made when it is no object; NULL: no memory. */
static json_t *below(json_t *json, const char *name) {
    if (!json_is_object(json_object_get(json, name)) &&
        json_object_set_new(json, name, json_object()))
        return NULL;
    return json_object_get(json, name);
}

static json_t *entry_of(mn_brain_task *t, const char *thing) {
    json_t *const all = below(t->json, "looked");
    return all ? below(all, thing) : NULL;
}

static int is_unsure(const mn_brain_task *t, const mn_scene *s, const mn_thing *thing) {
    if (thing->kind != MN_OBJECT_KIND || mn_scene_robot(s, thing->at))
        return 0; /* who has it knows */
    return mn_see_sure(thing, s->time) < MN_SEE_UNSURE &&
           strcmp(field(known(t, thing->name), "seen"), thing->at) != 0;
}

/* It was looked at where it is believed to be, in vain. (Who missed a thing of another machine
 * could not write that down.) */
static int is_missing(const mn_brain_task *t, const mn_thing *thing) {
    const json_t *const missed = json_object_get(json_object_get(thing->json, "seen"), "missed");
    return thing->kind == MN_OBJECT_KIND && (missed || *thing->home) &&
           listed(json_object_get(known(t, thing->name), "not"), thing->at);
}

/* What makes the goal unsure, or is missing for it: the thing, or what it is in or on, up to where
 * it should be. */
static const mn_thing *doubt_of(const mn_brain_task *t, const mn_scene *s, const mn_fact *f,
                                int missing) {
    const int in = f->name == MN_FACT_IN, counts = in || (missing && f->name == MN_FACT_IS);
    const char *const to = in ? f->arg[1] : "";
    const mn_thing *thing = counts && !f->not_ ? mn_scene_thing(s, f->arg[0]) : NULL;
    for (int deep = 0; thing && deep < DEEP && strcmp(thing->name, to); deep++) {
        if (missing ? is_missing(t, thing) : is_unsure(t, s, thing)) return thing;
        thing = mn_scene_thing(s, thing->at);
    }
    return NULL;
}

/* ---- where to look ------------------------------------------------------------------------- */
typedef struct spot {
    const mn_thing *place;
    int elsewhere; /* in another room */
    double far;    /* m */
} spot;

static int in_order(const void *a, const void *b) {
    const spot *const x = a, *const y = b;
    if (x->elsewhere != y->elsewhere) return x->elsewhere - y->elsewhere;
    if (fabs(x->far - y->far) > 1e-9) return x->far < y->far ? -1 : 1;
    return strcmp(x->place->name, y->place->name);
}

/* Furniture and rooms that were not looked at for it, the likeliest first. How many. */
static int places_to_search(mn_scene *s, const json_t *entry, const mn_thing *thing, spot **out) {
    mn_pose here, there;
    const int placed = mn_scene_pose(s, thing->at, &here) >= 0;
    const mn_thing *const at = mn_scene_thing(s, thing->at);
    const char *const own = at && at->kind == MN_ROOM ? at->name : mn_scene_room(s, thing->name);
    int n = 0;
    MN_TRY(mn_arena_take(&s->arena, ((size_t)s->n_things + 1) * sizeof **out, out));
    for (int i = 0; i < s->n_things; i++) {
        const mn_thing *const p = &s->thing[i];
        if ((p->kind != MN_FURNITURE && p->kind != MN_ROOM) || tries_of(entry, p->name) ||
            listed(json_object_get(entry, "not"), p->name))
            continue;
        const char *const room = p->kind == MN_ROOM ? p->name : mn_scene_room(s, p->name);
        const int known_far = placed && mn_scene_pose(s, p->name, &there) >= 0;
        (*out)[n++] =
            (spot){p, strcmp(room, own) != 0,
                   known_far ? hypot(here.p[0] - there.p[0], here.p[1] - there.p[1]) : 1e9};
    }
    qsort(*out, (size_t)n, sizeof **out, in_order);
    return n;
}

/* ---- one look ------------------------------------------------------------------------------ */
typedef struct round {
    mn_brain *k;
    mn_brain_task *t;
    mn_scene *s;
    mn_buf *why;
    const char *never[MN_BRAIN_NEVER];
    int looks; /* planned now */
} round_of_looks;

/* The step of this round that looks at the place; NULL. */
static json_t *look_at(const round_of_looks *r, const char *place) {
    json_t *const steps = json_object_get(r->t->json, "steps");
    json_t *step;
    size_t i;
    json_array_foreach(steps, i, step) {
        if (mn_step_open(step) && strcmp(field(json_object_get(step, "looks"), "at"), place) == 0)
            return step;
    }
    return NULL;
}

static int count(round_of_looks *r, json_t *step, const char *thing, const char *place) {
    json_t *const entry = entry_of(r->t, thing);
    json_t *const tries = entry ? below(entry, "tries") : NULL;
    if (!tries) return mn_brain_no_memory();
    MN_TRY(set(tries, place, json_integer(number(tries, place) + 1)));
    json_t *const things = json_object_get(json_object_get(step, "looks"), "things");
    if (json_array_append_new(things, json_string(thing))) return mn_brain_no_memory();
    r->looks++;
    return 1;
}

/* Somebody looks for the thing at the place: 1; MN_ENOENT: nobody can. */
static int plan_look(round_of_looks *r, const char *thing, const char *place) {
    json_t *const steps = json_object_get(r->t->json, "steps");
    const size_t from = json_array_size(steps);
    const mn_fleet_plan_how how = {.never = r->never, .first = mn_brain_last_step(r->t)};
    mn_fleet_plan p = {.n = 0};
    int look = 0;
    json_t *step = look_at(r, place);
    if (step) return count(r, step, thing, place);
    MN_TRY(mn_fleet_plan_look(r->s, place, &how, &p, &look));
    const int rc = mn_brain_adopt(r->t, &p, r->s, NULL);
    mn_fleet_plan_free(&p);
    MN_TRY(rc);
    step = json_array_get(steps, from + (size_t)look);
    MN_TRY(set(step, "looks", json_pack("{s:s, s:[]}", "at", place, "things")));
    return count(r, step, thing, place);
}

static int cannot(round_of_looks *r, const mn_thing *thing, const char *why) {
    return mn_buf_printf(r->why, "%s%s is where it should be, the %s (%s)",
                         r->why->len ? ", or whether the " : "nobody could look whether the ",
                         thing->name, thing->at, why);
}

/* It was not where it should be: where else? */
static int search(round_of_looks *r, const mn_thing *thing) {
    const json_t *const entry = known(r->t, thing->name);
    const size_t looked = json_array_size(json_object_get(entry, "not"));
    spot *place = NULL;
    const int n = places_to_search(r->s, entry, thing, &place);
    MN_TRY(n);
    for (int i = 0; i < n && looked < SEARCH; i++) {
        const int rc = plan_look(r, thing->name, place[i].place->name);
        if (rc != MN_ENOENT) return rc;
    }
    return MN_FAIL(MN_ENOENT,
                   "the %s is not where it was believed to be, the %s, and was seen at none of %zu "
                   "places that were looked at",
                   thing->name, thing->at, looked);
}

/* 1: somebody will look; 0: nobody can. */
static int look_for(round_of_looks *r, const mn_thing *thing) {
    const json_t *const entry = known(r->t, thing->name);
    char why[400];
    if (number(r->t->json, "looks") + r->looks >= MOST) return cannot(r, thing, "too many looks");
    if (listed(json_object_get(entry, "not"), thing->at)) return search(r, thing);
    if (tries_of(entry, thing->at) >= TRIES) return cannot(r, thing, "each look failed");
    const int rc = plan_look(r, thing->name, thing->at);
    if (rc != MN_ENOENT) return rc;
    snprintf(why, sizeof why, "%s", mn_error_detail());
    return cannot(r, thing, why);
}

/* For things of goals that nobody is sure of, or that are missing, each once. */
static int look_for_all(round_of_looks *r, const mn_goals *g, int missing) {
    const mn_thing *seen[MN_GOALS];
    int n = 0;
    mn_brain_never(r->t, r->never);
    for (int i = 0; i < g->n; i++) {
        const mn_thing *const thing = doubt_of(r->t, r->s, &g->goal[i], missing);
        int twice = 0;
        for (int k = 0; k < n; k++) twice |= seen[k] == thing;
        if (!thing || twice) continue;
        if (!n) MN_TRY(mn_brain_ahead(r->k, r->t, r->s));
        MN_TRY(look_for(r, seen[n++] = thing));
    }
    if (!r->looks) return 0;
    return set(r->t->json, "looks", json_integer(number(r->t->json, "looks") + r->looks));
}

/* Somebody will. */
static int commit_looks(round_of_looks *r, const char *why) {
    mn_edits edits = {0};
    MN_TRY(mn_brain_commit(r->k, r->t, &edits));
    mn_board_tell(r->k->b, "unsure", "{s:s, s:i, s:s}", "task", r->t->id, "things", r->looks,
                  "text", why);
    return 1;
}

int mn_brain_look(mn_brain *k, mn_brain_task *t, mn_scene *s, const mn_goals *g, mn_buf *why) {
    round_of_looks r = {.k = k, .t = t, .s = s, .why = why};
    MN_TRY(look_for_all(&r, g, 0));
    return r.looks
               ? commit_looks(
                     &r, "before it ends somebody looks whether things are where they should be")
               : 0;
}

int mn_brain_search(mn_brain *k, mn_brain_task *t, mn_scene *s, const mn_goals *g) {
    mn_buf why = {0};
    round_of_looks r = {.k = k, .t = t, .s = s, .why = &why};
    int rc = look_for_all(&r, g, 1);
    if (rc >= 0 && !r.looks && why.len) rc = MN_FAIL(MN_ENOENT, "%s", why.data);
    mn_buf_free(&why);
    if (rc < 0 || !r.looks) return rc;
    mn_brain_planned(t);
    return commit_looks(&r, "somebody looks for what is not where it was believed to be");
}

/* ---- what was seen ------------------------------------------------------------------------- */
static int forget_and_see(json_t *entry, const char *at) {
    json_object_del(entry, "not");
    return set(entry, "seen", json_string(at));
}

static int add_not(json_t *entry, const char *place) {
    json_object_del(entry, "seen");
    if (!json_is_array(json_object_get(entry, "not"))) MN_TRY(set(entry, "not", json_array()));
    json_t *const list = json_object_get(entry, "not");
    if (listed(list, place)) return 0;
    return json_array_append_new(list, json_string(place)) ? mn_brain_no_memory() : 0;
}

static int outcome(mn_brain *k, mn_brain_task *t, const mn_scene *s, const char *name,
                   const char *place, const mn_brain_robot *r) {
    const json_t *const list = json_object_get(json_object_get(r->call, "result"), "seen");
    const mn_thing *const thing = mn_scene_thing(s, name);
    json_t *const entry = entry_of(t, name);
    json_t *const tries = entry ? below(entry, "tries") : NULL;
    if (!tries) return mn_brain_no_memory();
    if (!thing) return 0;
    if (!json_is_array(list)) /* it looks, and does not tell what it sees */
        return set(tries, place, json_integer(TRIES));
    const json_t *const one = mn_seen_find(list, thing);
    const char *const at = one && *field(one, "at") ? field(one, "at") : place;
    mn_board_tell(k->b, one ? "seen" : "missed", "{s:s, s:s, s:s, s:s}", "thing", name, "at", at,
                  "robot", r->name, "task", t->id);
    return one ? forget_and_see(entry, at) : add_not(entry, place);
}

int mn_brain_looked(mn_brain *k, mn_brain_task *t, const json_t *step, const mn_brain_robot *r) {
    const json_t *const looks = json_object_get(step, "looks");
    mn_scene s = {0};
    json_t *one;
    size_t i;
    int rc = looks ? mn_scene_read(k->b, "", &s, NULL) : 0;
    json_array_foreach(json_object_get(looks, "things"), i, one) {
        if (rc >= 0 && json_string_value(one))
            rc = outcome(k, t, &s, json_string_value(one), field(looks, "at"), r);
    }
    mn_scene_free(&s);
    return rc < 0 ? rc : 0;
}

/* ---- between two tries of a step ----------------------------------------------------------- */
/* A step that looks anyway has its own. */
static int is_look(const json_t *step) {
    return strcmp(field(step, "skill"), "inspect") == 0;
}

int mn_brain_look_between(json_t *step, const mn_scene *s, const char *name) {
    const mn_thing *const thing = mn_scene_thing(s, name);
    if (is_look(step) || !thing || thing->kind != MN_OBJECT_KIND || !mn_scene_thing(s, thing->at))
        return 0;
    return set(step, "looks", json_pack("{s:s, s:[s]}", "at", thing->at, "things", name));
}

void mn_brain_look_between_end(json_t *step) {
    if (!is_look(step)) json_object_del(step, "looks");
}
