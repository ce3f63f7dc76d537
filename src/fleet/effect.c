/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/effect.c - facts bound to names, and what they change in a scene.
 */
#include "fleet/effect.h"

#include "base/error.h"

#include <string.h>

int mn_fact_bind(const mn_skill *k, const mn_fact *fact, const char *robot, const json_t *args,
                 mn_fact *out) {
    *out = *fact;
    for (int i = 0; i < MN_FACT_ARGS && fact->arg[i]; i++) {
        if (strcmp(fact->arg[i], "robot") == 0) {
            out->arg[i] = robot;
            continue;
        }
        for (int p = 0; p < k->n_params; p++) {
            if (strcmp(fact->arg[i], k->param[p]) != 0) continue;
            out->arg[i] = json_string_value(json_object_get(args, k->param[p]));
            if (!out->arg[i])
                return MN_FAIL(MN_EINVAL, "skill %s: its argument \"%s\" is missing, or no text",
                               k->name, k->param[p]);
        }
    }
    return 0;
}

int mn_skill_may(const mn_scene *s, const mn_skill *k, const char *robot, const json_t *args,
                 mn_fact *missing) {
    for (int i = 0; i < k->n_needs; i++) {
        mn_fact fact;
        MN_TRY(mn_fact_bind(k, &k->needs[i], robot, args, &fact));
        if (mn_scene_holds(s, &fact)) continue;
        if (missing) *missing = fact;
        return 0;
    }
    return 1;
}

const char *mn_skill_waits(const mn_scene *s, const mn_skill *k, const char *robot,
                           const json_t *args) {
    for (int i = 0; i < k->n_makes; i++) {
        mn_fact fact;
        if (mn_fact_bind(k, &k->makes[i], robot, args, &fact) < 0) continue;
        const char *changed = NULL;
        if (fact.name == MN_FACT_HOLDING) changed = fact.arg[1];
        if (fact.name == MN_FACT_IN || fact.name == MN_FACT_OPEN || fact.name == MN_FACT_IS)
            changed = fact.arg[0];
        const mn_thing *const t = changed ? mn_scene_thing(s, changed) : NULL;
        if (t && *t->home) return t->name;
    }
    return NULL;
}

/* ---- lists --------------------------------------------------------------------------------- */
static int list_find(const json_t *list, const char *name) {
    json_t *v;
    size_t i;
    json_array_foreach(list, i, v) {
        const char *const text = json_string_value(v);
        if (text && strcmp(text, name) == 0) return (int)i;
    }
    return -1;
}

static int json_failed(void) {
    return MN_FAIL(MN_ENOMEM, "no memory for what a skill has changed");
}

static int full(void) {
    return MN_FAIL(MN_EFULL, "one skill changes more than %d things at once", MN_EFFECT_THINGS);
}

/* Another scene may have it, too (mn_scene_since). */
static int own(json_t **json) {
    if ((*json)->refcount == 1) return 0;
    json_t *const copy = json_deep_copy(*json);
    if (!copy) return json_failed();
    json_decref(*json);
    *json = copy;
    return 0;
}

int mn_effect_touch(mn_effect *f, mn_thing *t) {
    for (int i = 0; i < f->n_things; i++)
        if (f->thing[i] == t) return 0;
    if (f->n_things == MN_EFFECT_THINGS) return full();
    MN_TRY(own(&t->json));
    f->thing[f->n_things++] = t;
    return 0;
}

/* The list of a holder, which counts as touched. */
static int list_of(mn_scene *s, const char *holder, mn_effect *f, json_t **out) {
    mn_thing *const place = mn_scene_thing(s, holder);
    mn_robot_seen *const robot = place ? NULL : mn_scene_robot(s, holder);
    int i = 0;
    if (place) {
        while (i < f->n_places && f->place[i] != place) i++;
        if (i == MN_EFFECT_THINGS) return full();
        MN_TRY(own(&place->holds));
        if (i == f->n_places) f->place[f->n_places++] = place;
        *out = place->holds;
    } else if (robot) {
        while (i < f->n_robots && f->robot[i] != robot) i++;
        if (i == MN_EFFECT_THINGS) return full();
        MN_TRY(own(&robot->holds));
        if (i == f->n_robots) f->robot[f->n_robots++] = robot;
        *out = robot->holds;
    } else
        return MN_FAIL(MN_ENOENT, "there is no '%s' that could hold something", holder);
    return 0;
}

/* ---- moves --------------------------------------------------------------------------------- */
static int seen_now(const mn_scene *s, mn_thing *t, const char *by, double sure) {
    json_t *const seen =
        json_pack("{s:I, s:s, s:f}", "t", (json_int_t)s->time, "by", by, "sure", sure);
    if (json_object_set_new(t->json, "seen", seen)) return json_failed();
    t->seen = s->time;
    t->sure = sure;
    return 0;
}

int mn_effect_see(const mn_scene *s, mn_thing *t, const char *by, double sure, mn_effect *out) {
    MN_TRY(mn_effect_touch(out, t));
    return seen_now(s, t, by, sure);
}

static void keep_from(mn_effect *f, const mn_thing *t) {
    for (int i = 0; i < f->n_things; i++)
        if (f->thing[i] == t && !*f->from[i]) snprintf(f->from[i], MN_NAME + 1, "%s", t->at);
}

/* Whoever stood at a thing that is moved stands where it lay: he does not come along. */
static void stand_where_it_lay(mn_scene *s, const mn_thing *t, const char *lay, const char *by,
                               mn_effect *out) {
    const mn_thing *const place = mn_scene_thing(s, lay);
    for (int i = 0; i < s->n_robots; i++) {
        mn_robot_seen *const r = &s->robot[i];
        if (strcmp(r->at, t->name)) continue;
        r->at = place ? place->name : "";
        if (strcmp(r->name, by) == 0) out->at = r->at;
    }
}

int mn_effect_move(mn_scene *s, mn_thing *t, const char *to, const char *how, const char *by,
                   double sure, mn_effect *out) {
    mn_thing *const place = mn_scene_thing(s, to);
    const mn_robot_seen *const robot = place ? NULL : mn_scene_robot(s, to);
    json_t *from, *list;
    int at;
    if (!how) how = mn_thing_how(mn_scene_thing(s, to));
    MN_TRY(mn_effect_touch(out, t));
    keep_from(out, t);
    stand_where_it_lay(s, t, t->at, by, out);
    if (*t->at && (mn_scene_thing(s, t->at) || mn_scene_robot(s, t->at))) {
        MN_TRY(list_of(s, t->at, out, &from));
        if ((at = list_find(from, t->name)) >= 0) json_array_remove(from, (size_t)at);
    }
    MN_TRY(list_of(s, to, out, &list));
    if (json_array_append_new(list, json_string(t->name)) ||
        json_object_set_new(t->json, "at", json_string(to)) ||
        json_object_set_new(t->json, "how", json_string(how)))
        return json_failed();
    json_object_del(t->json, "pose"); /* it is where its holder is */
    t->pose.frame[0] = 0;
    t->at = place ? place->name : robot->name;
    t->how = json_string_value(json_object_get(t->json, "how"));
    return seen_now(s, t, by, sure);
}

static int take(mn_scene *s, const mn_fact *fact, const char *by, const json_t *result,
                mn_effect *out) {
    mn_thing *const t = mn_scene_thing(s, fact->arg[1]);
    const mn_robot_seen *const r = mn_scene_robot(s, fact->arg[0]);
    const char *const said = json_string_value(json_object_get(result, "hand")), *hand = NULL;
    if (!t || !r)
        return MN_FAIL(MN_ENOENT, "there is no %s '%s'", t ? "robot" : "thing",
                       fact->arg[t ? 0 : 1]);
    if (strcmp(t->at, r->name) == 0 && mn_scene_in_hand(s, r->name, t->name)) return 0;
    for (int i = 0; said && i < r->n_hands; i++)
        if (strcmp(r->hand[i], said) == 0) hand = said;
    if (!hand) hand = mn_scene_free_hand(s, r->name);
    if (!hand) return MN_FAIL(MN_EFULL, "no hand of %s is free for the %s", r->name, t->name);
    return mn_effect_move(s, t, r->name, hand, by, 1, out);
}

static int put(mn_scene *s, const mn_fact *fact, const char *by, mn_effect *out) {
    mn_thing *const t = mn_scene_thing(s, fact->arg[0]);
    if (!t) return MN_FAIL(MN_ENOENT, "there is no thing '%s'", fact->arg[0]);
    if (strcmp(t->at, fact->arg[1]) == 0 && !mn_scene_in_hand(s, t->at, t->name)) return 0;
    return mn_effect_move(s, t, fact->arg[1], NULL, by, 1, out);
}

static int set_open(mn_scene *s, const mn_fact *fact, const char *by, mn_effect *out) {
    mn_thing *const t = mn_scene_thing(s, fact->arg[0]);
    if (!t) return MN_FAIL(MN_ENOENT, "there is no '%s' to open or close", fact->arg[0]);
    MN_TRY(mn_effect_touch(out, t));
    if (json_object_set_new(t->json, "open", json_boolean(!fact->not_))) return json_failed();
    t->open = !fact->not_;
    return seen_now(s, t, by, 1);
}

static int set_is(mn_scene *s, const mn_fact *fact, const char *by, mn_effect *out) {
    mn_thing *const t = mn_scene_thing(s, fact->arg[0]);
    if (!t) return MN_FAIL(MN_ENOENT, "there is no thing '%s'", fact->arg[0]);
    MN_TRY(mn_effect_touch(out, t));
    json_t *is = json_object_get(t->json, "is");
    if (!json_is_object(is)) {
        if (json_object_set_new(t->json, "is", json_object())) return json_failed();
        is = json_object_get(t->json, "is");
    }
    if (json_object_set_new(is, fact->arg[1], json_boolean(!fact->not_))) return json_failed();
    return seen_now(s, t, by, 1);
}

int mn_effect_apply(mn_scene *s, const mn_skill *k, const char *robot, const json_t *args,
                    const json_t *result, mn_effect *out) {
    for (int i = 0; i < k->n_makes; i++) {
        mn_fact fact;
        MN_TRY(mn_fact_bind(k, &k->makes[i], robot, args, &fact));
        mn_robot_seen *r;
        switch (fact.name) {
        case MN_FACT_AT:
            if (fact.not_ || !(r = mn_scene_robot(s, fact.arg[0]))) break;
            r->at = fact.arg[1];
            if (strcmp(fact.arg[0], robot) == 0) out->at = fact.arg[1];
            break;
        case MN_FACT_HOLDING:
            if (!fact.not_) MN_TRY(take(s, &fact, robot, result, out));
            break;
        case MN_FACT_IN:
            if (!fact.not_) MN_TRY(put(s, &fact, robot, out));
            break;
        case MN_FACT_OPEN: MN_TRY(set_open(s, &fact, robot, out)); break;
        case MN_FACT_IS: MN_TRY(set_is(s, &fact, robot, out)); break;
        case MN_FACT_REACHES:
        case MN_FACT_FREE: break; /* they follow from the others */
        }
    }
    return 0;
}

/* ---- onto the board ------------------------------------------------------------------------ */
static int put_list(const mn_board *b, mn_edits *edits, const char *name, json_t *holds,
                    uint64_t version) {
    json_t *const value = json_pack("{s:O}", "holds", holds);
    if (!value) return json_failed();
    const int rc = mn_edits_put(edits, b, "holds/", name, value, version);
    json_decref(value);
    return rc;
}

static int is_known(const mn_effect *f, const char *holder) {
    for (int i = 0; i < f->n_places; i++)
        if (!strcmp(f->place[i]->name, holder)) return 1;
    for (int i = 0; i < f->n_robots; i++)
        if (!strcmp(f->robot[i]->name, holder)) return 1;
    return 0;
}

/* What the i-th thing was in or on may have gone, like a robot whose machine has lost all: the
 * scene has no such holder, but its list may be there, and be read again when it comes back. */
static int leave_gone(const mn_effect *f, int i, mn_board *b, mn_edits *edits) {
    const char *const from = f->from[i];
    json_t *list;
    uint64_t version = 0;
    int left = 0, at;
    if (!*from || is_known(f, from)) return 0;
    for (int k = 0; k < i; k++)
        if (!strcmp(f->from[k], from)) return 0; /* with that one */
    MN_TRY(mn_board_get(b, "holds/", from, &list, &version));
    json_t *const names = json_object_get(list, "holds");
    for (int k = i; k < f->n_things; k++)
        if (!strcmp(f->from[k], from) && (at = list_find(names, f->thing[k]->name)) >= 0)
            left |= !json_array_remove(names, (size_t)at);
    const int rc = left ? put_list(b, edits, from, names, version) : 0;
    json_decref(list);
    return rc;
}

int mn_effect_edits(const mn_effect *f, mn_board *b, mn_edits *edits) {
    for (int i = 0; i < f->n_things; i++)
        if (*f->thing[i]->home)
            return MN_FAIL(MN_EBUSY, "'%s' is the machine %s's, and is changed there",
                           f->thing[i]->name, f->thing[i]->home);
    for (int i = 0; i < f->n_things; i++)
        MN_TRY(mn_edits_put(edits, b, "thing/", f->thing[i]->name, f->thing[i]->json,
                            f->thing[i]->version));
    for (int i = 0; i < f->n_places; i++)
        MN_TRY(
            put_list(b, edits, f->place[i]->name, f->place[i]->holds, f->place[i]->holds_version));
    for (int i = 0; i < f->n_robots; i++)
        MN_TRY(
            put_list(b, edits, f->robot[i]->name, f->robot[i]->holds, f->robot[i]->holds_version));
    for (int i = 0; i < f->n_things; i++) MN_TRY(leave_gone(f, i, b, edits));
    return 0;
}

void mn_effect_tell(const mn_effect *f, mn_board *b, const char *robot) {
    for (int i = 0; i < f->n_things; i++)
        if (*f->from[i])
            mn_board_tell(b, "moved", "{s:s, s:s, s:s, s:s, s:s}", "thing", f->thing[i]->name,
                          "from", f->from[i], "to", f->thing[i]->at, "how", f->thing[i]->how,
                          "robot", robot);
}
