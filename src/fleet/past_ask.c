/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/past_ask.c - questions about the past, answered from the log of events and nothing else.
 *
 *   where was X [10 minutes ago] [before [it was on P]]   the stay at that moment, or that before
 *   who held | carried | took X; who moved | saw X        stays with robots; who is told of
 *   what did R do [with X]; what happened [to X]          events, the newest 20 in words
 *   what was on | in P; what did R hold                   who stayed there at that moment
 *   when was X last seen | moved; when did R hold X       the newest such event
 *
 * "as of" is a moment that the caller gives, or the question; what was told later plays no part.
 */
#include "fleet/past_inside.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/json.h"

#include <stdio.h>
#include <string.h>

enum { SHOWN = 20, EVENTS = 100 };

typedef struct asking {
    mn_board *b;
    const mn_scene *scene;
    mn_question q;
    int64_t now;
    mn_buf say;
    json_t *events; /* that the answer rests on */
    json_t *more;   /* fields of the answer */
    json_t *robots;
} asking;

static int no_memory(void) {
    return MN_FAIL(MN_ENOMEM, "no memory for an answer about the past");
}

/* ---- names --------------------------------------------------------------------------------- */
typedef struct naming {
    json_t *names, *robots; /* robots: {name: true}, also of those that have gone */
} naming;

static int name_add(naming *n, const char *written_as, const char *name) {
    char written[MN_NAME + 1];
    mn_past_written(written_as, written);
    if (!*written || !*name || strlen(name) > MN_NAME) return 0;
    json_t *list = json_object_get(n->names, written);
    if (!list && json_object_set_new(n->names, written, list = json_array()) < 0)
        return no_memory();
    for (size_t i = 0; i < json_array_size(list); i++)
        if (!strcmp(json_string_value(json_array_get(list, i)), name)) return 0;
    return json_array_append_new(list, json_string(name)) < 0 ? no_memory() : 0;
}

static int name_robot(naming *n, const char *name) {
    MN_TRY(name_add(n, name, name));
    return *name && json_object_set_new(n->robots, name, json_true()) < 0 ? no_memory() : 0;
}

static int name_event(void *user, const json_t *event) {
    naming *const n = user;
    MN_TRY(name_add(n, mn_past_text(event, "thing"), mn_past_text(event, "thing")));
    MN_TRY(name_add(n, mn_past_text(event, "by"), mn_past_text(event, "by")));
    return name_robot(n, mn_past_text(event, "robot"));
}

/* Classes and other names, where they are not somebody's own. */
static int name_kinds(const mn_scene *s, json_t *names) {
    naming n = {json_object(), NULL};
    const char *written;
    json_t *list;
    int rc = n.names ? 0 : no_memory();
    for (int i = 0; !rc && i < s->n_things; i++) {
        const mn_thing *const t = s->thing + i;
        const json_t *const also = json_object_get(t->json, "also");
        rc = name_add(&n, t->class_, t->name);
        for (size_t k = 0; !rc && k < json_array_size(also); k++) {
            const char *const one = json_string_value(json_array_get(also, k));
            rc = name_add(&n, one ? one : "", t->name);
        }
    }
    if (!rc) json_object_foreach(n.names, written, list) {
            if (!json_object_get(names, written) && json_object_set(names, written, list) < 0)
                rc = no_memory();
        }
    json_decref(n.names);
    return rc;
}

static int all_names(const asking *a, json_t **out) {
    naming n = {json_object(), a->robots};
    int rc = n.names ? 0 : no_memory();
    for (int i = 0; !rc && i < a->scene->n_things; i++)
        rc = name_add(&n, a->scene->thing[i].name, a->scene->thing[i].name);
    for (int i = 0; !rc && i < a->scene->n_robots; i++)
        rc = name_robot(&n, a->scene->robot[i].name);
    if (!rc) rc = mn_past_each(a->b, NULL, name_event, &n);
    if (!rc) rc = name_kinds(a->scene, n.names);
    *out = n.names;
    return rc;
}

static int is_robot(const asking *a, const char *name) {
    return json_object_get(a->robots, name) && !mn_scene_thing(a->scene, name);
}

/* The i-th thing of the question, counted among things (robots: 0) or robots (1); NULL. */
static const char *named(const asking *a, int robots, int i) {
    for (int k = 0; k < a->q.n_mentions; k++) {
        const char *const name = a->q.mention[k].name;
        if (is_robot(a, name) == robots && i-- == 0) return name;
    }
    return NULL;
}

/* ---- words --------------------------------------------------------------------------------- */
static int keep(asking *a, const json_t *event) {
    if (!event || json_array_size(a->events) >= EVENTS) return 0;
    return json_array_append(a->events, (json_t *)event) < 0 ? no_memory() : 0;
}

static int put_place(asking *a, const char *at, const char *how) {
    const mn_thing *const place = mn_scene_thing(a->scene, at);
    if (is_robot(a, at) && *how && strcmp(how, "in") && strcmp(how, "on"))
        return mn_buf_printf(&a->say, "in %s's hand (%s)", at, how);
    if (is_robot(a, at)) return mn_buf_printf(&a->say, "with %s", at);
    if (!*how) how = place ? mn_thing_how(place) : "at";
    return mn_buf_printf(&a->say, "%s the %s", how, at);
}

static int put_moment(asking *a, const char *before, int64_t t) {
    MN_TRY(mn_buf_puts(&a->say, before));
    return mn_past_moment(&a->say, t, a->now);
}

static int put_span(asking *a, const mn_stay *s) {
    if (s->from) MN_TRY(put_moment(a, ", from ", s->from));
    if (s->until != INT64_MAX) return put_moment(a, s->from ? " until " : ", until ", s->until);
    return 0;
}

/* ---- where --------------------------------------------------------------------------------- */
static int where_stay(asking *a, const char *thing, const mn_stay *s, int now) {
    MN_TRY(mn_buf_printf(&a->say, "The %s %s ", thing, now ? "is" : "was"));
    MN_TRY(put_place(a, s->at, s->how));
    MN_TRY(put_span(a, s));
    if (*s->by && strcmp(s->by, s->at)) MN_TRY(mn_buf_printf(&a->say, "; %s put it there", s->by));
    MN_TRY(mn_buf_puts(&a->say, "."));
    if (json_object_set_new(a->more, "at", json_string(s->at)) < 0 ||
        json_object_set_new(a->more, "from", json_integer(s->from)) < 0)
        return no_memory();
    return keep(a, s->event);
}

static int where_robot(asking *a, const char *name) {
    const mn_robot_seen *const r = mn_scene_robot(a->scene, name);
    mn_pose pose;
    if (a->q.as_of < a->now)
        return MN_FAIL(MN_EUNSUPPORTED,
                       "where %s was is not kept, only what it did: what did %s do?", name, name);
    if (!r) return mn_buf_printf(&a->say, "%s is not in the fleet any more.", name);
    if (*r->at) return mn_buf_printf(&a->say, "%s works at the %s.", name, r->at);
    if (mn_scene_pose(a->scene, name, &pose) >= 0)
        return mn_buf_printf(&a->say, "%s is at (%.2f, %.2f).", name, pose.p[0], pose.p[1]);
    return mn_buf_printf(&a->say, "Where %s is, it has not said.", name);
}

/* The stay that "before" means: before the last one at a place that is named, or before the one of
 * the moment. -1: none. */
static int before(const asking *a, const mn_stays *s, int i) {
    const char *place = NULL;
    const int word = mn_question_has(&a->q, "before");
    for (int k = 0; k < a->q.n_mentions; k++)
        if (a->q.mention[k].word >= word) place = a->q.mention[k].name;
    while (place && i >= 0 && strcmp(mn_stays_at(s, i)->at, place)) i--;
    for (i--; i >= 0 && !*mn_stays_at(s, i)->at; i--)
        ;
    return i;
}

static int where(asking *a) {
    const char *const thing = a->q.n_mentions ? a->q.mention[0].name : NULL;
    mn_stays stays;
    if (!thing) return MN_FAIL(MN_EINVAL, "where was what? Name a thing");
    if (is_robot(a, thing)) return where_robot(a, thing);
    MN_TRY(mn_stays_of(a->b, a->scene, thing, &stays));
    int i = mn_stays_find(&stays, a->q.as_of), rc;
    const int earlier = mn_question_has(&a->q, "before") != 0;
    if (earlier && i < 0) i = stays.n; /* it is gone: before that */
    if (earlier) i = before(a, &stays, i);
    if (i >= 0)
        rc = where_stay(a, thing, mn_stays_at(&stays, i),
                        !earlier && a->q.as_of >= a->now && i == stays.n - 1);
    else if (earlier)
        rc = mn_buf_printf(&a->say, "Where the %s was before that was never told.", thing);
    else
        rc = mn_buf_printf(&a->say, "Where the %s was then is not known.", thing);
    mn_stays_free(&stays);
    return rc;
}

/* ---- who ----------------------------------------------------------------------------------- */
static int who_held(asking *a, const char *thing) {
    mn_stays stays;
    json_t *const who = json_array();
    int n = 0, rc = who && json_object_set(a->more, "who", who) >= 0 ? 0 : no_memory();
    json_decref(who);
    MN_TRY(rc);
    MN_TRY(mn_stays_of(a->b, a->scene, thing, &stays));
    for (int i = stays.n - 1; i >= 0 && rc >= 0; i--) {
        mn_stay *const s = mn_stays_at(&stays, i);
        if (s->from > a->q.as_of || !*s->at || !is_robot(a, s->at)) continue;
        if (a->q.dated && s->until <= a->q.as_of) continue; /* at that moment */
        if (json_array_append_new(json_object_get(a->more, "who"), json_string(s->at)) < 0)
            rc = no_memory();
        if (++n > SHOWN) continue;
        if (rc >= 0)
            rc = mn_buf_printf(&a->say, n == 1 ? "%s %s the %s" : "; before that %s", s->at,
                               s->until == INT64_MAX ? "holds" : "held", thing);
        if (rc >= 0) rc = put_span(a, s);
        if (rc >= 0) rc = keep(a, s->event);
    }
    if (rc >= 0)
        rc = n ? mn_buf_puts(&a->say, ".")
               : mn_buf_printf(&a->say, "Nobody held the %s%s.", thing,
                               a->q.dated ? " then" : ", as far as is known");
    mn_stays_free(&stays);
    return rc;
}

typedef struct telling {
    asking *a;
    const char *thing, *robot; /* NULL: any */
    const char *kinds;         /* NULL: any; "moved|seen" */
    json_t *found;             /* events, in their order */
} telling;

static int about(const json_t *event, const char *name) {
    static const char *const fields[] = {"thing", "robot", "from", "to", "at", "by", "place"};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        if (!strcmp(mn_past_text(event, fields[i]), name)) return 1;
    return 0;
}

static int of_kind(const char *kinds, const char *kind) {
    const size_t n = strlen(kind);
    for (const char *p = kinds; (p = strstr(p, kind)); p++)
        if ((p == kinds || p[-1] == '|') && (!p[n] || p[n] == '|')) return 1;
    return 0;
}

static int tell_each(void *user, const json_t *event) {
    telling *const t = user;
    if (mn_past_time(event) > t->a->q.as_of) return 0;
    if (t->kinds && !of_kind(t->kinds, mn_past_text(event, "kind"))) return 0;
    if (t->thing && !about(event, t->thing)) return 0;
    if (t->robot && strcmp(mn_past_text(event, "robot"), t->robot) &&
        strcmp(mn_past_text(event, "by"), t->robot))
        return 0;
    if (json_array_size(t->found) >= 4 * EVENTS) json_array_remove(t->found, 0);
    return json_array_append(t->found, (json_t *)event) < 0 ? no_memory() : 0;
}

static int find(asking *a, const char *thing, const char *robot, const char *kinds, json_t **out) {
    telling t = {a, thing, robot, kinds, json_array()};
    int rc = t.found ? mn_past_each(a->b, thing ? thing : robot, tell_each, &t) : no_memory();
    *out = t.found;
    if (rc < 0) json_decref(t.found);
    return rc;
}

static int who_did(asking *a, const char *thing, const char *kinds, const char *verb) {
    json_t *found, *const who = json_array();
    int n = 0, rc = who && json_object_set(a->more, "who", who) >= 0 ? 0 : no_memory();
    json_decref(who);
    MN_TRY(rc);
    MN_TRY(find(a, thing, NULL, kinds, &found));
    for (size_t i = json_array_size(found); i-- > 0 && rc >= 0;) {
        const json_t *const e = json_array_get(found, i);
        const char *by = mn_past_text(e, "robot");
        if (!*by) by = mn_past_text(e, "by");
        if (!*by || strcmp(mn_past_text(e, "thing"), thing)) continue;
        if (json_array_append_new(json_object_get(a->more, "who"), json_string(by)) < 0)
            rc = no_memory();
        if (++n > SHOWN || rc < 0) continue;
        rc = n == 1 ? mn_buf_printf(&a->say, "%s %s the %s", by, verb, thing)
                    : mn_buf_printf(&a->say, "; before that %s", by);
        if (rc >= 0) rc = put_moment(a, ", at ", mn_past_time(e));
        if (rc >= 0) rc = keep(a, e);
    }
    json_decref(found);
    if (rc < 0) return rc;
    return n ? mn_buf_puts(&a->say, ".")
             : mn_buf_printf(&a->say, "Nobody %s the %s, as far as is known.", verb, thing);
}

static int who(asking *a) {
    const char *thing = named(a, 0, 0);
    if (!thing && a->q.n_mentions) thing = a->q.mention[0].name;
    if (!thing) return MN_FAIL(MN_EINVAL, "who did what? Name a thing");
    if (mn_question_has(&a->q, "saw|see|sees|seen")) return who_did(a, thing, "seen", "saw");
    if (mn_question_has(&a->q, "moved|move|moves|put|placed|brought|left|place"))
        return who_did(a, thing, "moved", "moved");
    return who_held(a, thing);
}

/* ---- what: events -------------------------------------------------------------------------- */
static int say_moved(asking *a, const json_t *e, const char *who) {
    const char *const thing = mn_past_text(e, "thing"), *const to = mn_past_text(e, "to"),
                      *const from = mn_past_text(e, "from");
    if (*who && !strcmp(to, who))
        MN_TRY(mn_buf_printf(&a->say, "took the %s from ", thing));
    else if (*who && !strcmp(from, who))
        MN_TRY(mn_buf_printf(&a->say, "put the %s ", thing));
    else
        MN_TRY(mn_buf_printf(&a->say, *who ? "moved the %s from " : "the %s moved from ", thing));
    if (!*who || strcmp(from, who)) MN_TRY(mn_buf_printf(&a->say, "%s", *from ? from : "nowhere"));
    if (*who && !strcmp(to, who)) return 0;
    if (!*who || strcmp(from, who)) MN_TRY(mn_buf_puts(&a->say, " to "));
    if (*who && !strcmp(from, who)) return put_place(a, to, mn_past_text(e, "how"));
    return mn_buf_puts(&a->say, to);
}

/* One event in words. named: who it is about has been said. */
static int say_event(asking *a, const json_t *e, int named_already) {
    const char *const kind = mn_past_text(e, "kind"), *const text = mn_past_text(e, "text"),
                      *const thing = mn_past_text(e, "thing"),
                      *const skill = mn_past_text(e, "skill");
    const char *who = mn_past_text(e, "robot");
    if (!*who) who = mn_past_text(e, "by");
    MN_TRY(mn_past_moment(&a->say, mn_past_time(e), a->now));
    MN_TRY(mn_buf_puts(&a->say, ": "));
    if (*who && !named_already) MN_TRY(mn_buf_printf(&a->say, "%s ", who));
    if (!strcmp(kind, "moved")) return say_moved(a, e, who);
    if (!strcmp(kind, "seen"))
        return mn_buf_printf(&a->say, "%s the %s at %s", *who ? "saw" : "was seen:", thing,
                             mn_past_text(e, "at"));
    if (!strcmp(kind, "failed") || !strcmp(kind, "done")) {
        const char *const what = *skill ? skill : mn_past_text(e, "task");
        MN_TRY(mn_buf_printf(&a->say, "%s %s", *kind == 'f' ? "failed to" : "did", what));
        if (*thing) MN_TRY(mn_buf_printf(&a->say, " %s", thing));
        if (*kind != 'f') return 0;
        return mn_buf_printf(&a->say, " (%s%s%s)", mn_past_text(e, "code"), *text ? ": " : "",
                             text);
    }
    MN_TRY(mn_buf_puts(&a->say, kind));
    if (*thing) MN_TRY(mn_buf_printf(&a->say, " %s", thing));
    return *text ? mn_buf_printf(&a->say, ": %s", text) : 0;
}

/* A step that is done says again what the move of its thing has said. */
static int said_already(const json_t *found, size_t i) {
    const json_t *const e = json_array_get(found, i);
    if (strcmp(mn_past_text(e, "kind"), "done") || !*mn_past_text(e, "thing")) return 0;
    for (size_t k = i > 4 ? i - 4 : 0; k < i + 4 && k < json_array_size(found); k++) {
        const json_t *const other = json_array_get(found, k);
        const int64_t apart = mn_past_time(e) - mn_past_time(other);
        if (!strcmp(mn_past_text(other, "kind"), "moved") && apart < 1000000 && apart > -1000000 &&
            !strcmp(mn_past_text(other, "thing"), mn_past_text(e, "thing")) &&
            !strcmp(mn_past_text(other, "robot"), mn_past_text(e, "robot")))
            return 1;
    }
    return 0;
}

static int say_events(asking *a, const json_t *found, const char *begin, int named_already,
                      const char *none) {
    size_t n = json_array_size(found), shown = 0, first = n;
    while (first > 0 && shown < SHOWN) shown += !said_already(found, --first);
    if (!n) return mn_buf_puts(&a->say, none);
    MN_TRY(mn_buf_puts(&a->say, begin));
    if (first) MN_TRY(mn_buf_printf(&a->say, " (%zu earlier events)", first));
    for (size_t i = first; i < n; i++) {
        const json_t *const e = json_array_get(found, i);
        MN_TRY(keep(a, e));
        if (said_already(found, i)) continue;
        MN_TRY(mn_buf_puts(&a->say, "\n"));
        MN_TRY(say_event(a, e, named_already));
    }
    return 0;
}

static const char deeds[] = "moved|seen|done|failed|joined|left|lost|gone|fell|stops|moves";

static int what_did(asking *a, const char *robot) {
    char begin[MN_NAME + 32], none[MN_NAME + 64];
    json_t *found;
    snprintf(begin, sizeof begin, "%s:", robot);
    snprintf(none, sizeof none, "%s did nothing, as far as is known.", robot);
    MN_TRY(find(a, named(a, 0, 0), robot, deeds, &found));
    const int rc = say_events(a, found, begin, 1, none);
    json_decref(found);
    return rc;
}

static int what_happened(asking *a) {
    const char *const name = a->q.n_mentions ? a->q.mention[0].name : NULL;
    json_t *found;
    MN_TRY(find(a, name, NULL, NULL, &found));
    const int rc = say_events(a, found, "In this order:", 0, "Nothing, as far as is known.");
    json_decref(found);
    return rc;
}

/* ---- what: who is there -------------------------------------------------------------------- */
typedef struct lying {
    int64_t as_of;
    json_t *at;    /* {thing: place then} */
    json_t *first; /* {thing: where its first event says it came from; null: it was new} */
} lying;

static int lying_each(void *user, const json_t *event) {
    lying *const l = user;
    const char *const thing = mn_past_text(event, "thing"), *const at = mn_past_says(event);
    if (!*thing || !at) return 0;
    int rc = 0;
    if (mn_past_time(event) <= l->as_of) rc = json_object_set_new(l->at, thing, json_string(at));
    if (!json_object_get(l->first, thing))
        rc |= json_object_set_new(l->first, thing,
                                  strcmp(mn_past_text(event, "kind"), "moved")
                                      ? json_null()
                                      : json_string(mn_past_text(event, "from")));
    return rc < 0 ? no_memory() : 0;
}

static const char *lay_at(const asking *a, const lying *l, const char *thing) {
    const char *at = json_string_value(json_object_get(l->at, thing));
    const mn_thing *const t = mn_scene_thing(a->scene, thing);
    if (at) return at;
    const json_t *const first = json_object_get(l->first, thing);
    if (first) return json_is_string(first) ? json_string_value(first) : "";
    return t ? t->at : "";
}

/* In the end: also what is in or on something that is there. */
static int is_at(const asking *a, const lying *l, const char *thing, const char *place) {
    for (int depth = 0; depth < 16; depth++) {
        thing = lay_at(a, l, thing);
        if (!*thing) return 0;
        if (!strcmp(thing, place)) return depth + 1;
    }
    return 0;
}

static int say_there(asking *a, const lying *l, const char *place) {
    json_t *const things = json_array();
    const char *name;
    json_t *value;
    int rc = things && json_object_set(a->more, "things", things) >= 0 ? 0 : no_memory();
    json_decref(things);
    MN_TRY(rc);
    for (int i = 0; i < a->scene->n_things; i++) /* those nobody told about */
        if (!json_object_get(l->first, a->scene->thing[i].name) &&
            a->scene->thing[i].kind == MN_OBJECT_KIND &&
            json_object_set_new(l->first, a->scene->thing[i].name,
                                json_string(a->scene->thing[i].at)) < 0)
            return no_memory();
    json_object_foreach(l->first, name, value) {
        const mn_thing *const one = mn_scene_thing(a->scene, name);
        if ((one && one->kind != MN_OBJECT_KIND) || !is_at(a, l, name, place)) continue;
        if (json_array_append_new(json_object_get(a->more, "things"), json_string(name)) < 0)
            return no_memory();
    }
    const size_t n = json_array_size(json_object_get(a->more, "things"));
    for (size_t i = 0; i < n; i++) {
        const json_t *const one = json_array_get(json_object_get(a->more, "things"), i);
        MN_TRY(mn_buf_printf(&a->say, "%s the %s",
                             !i          ? ""
                             : i + 1 < n ? ","
                                         : " and",
                             json_string_value(one)));
    }
    return n ? 0 : mn_buf_puts(&a->say, " nothing");
}

static int what_lay(asking *a, const char *place) {
    lying l = {a->q.as_of, json_object(), json_object()};
    const mn_thing *const t = mn_scene_thing(a->scene, place);
    const int now = a->q.as_of >= a->now;
    int rc = l.at && l.first ? mn_past_each(a->b, NULL, lying_each, &l) : no_memory();
    if (rc >= 0 && t)
        rc = mn_buf_printf(&a->say, "%s the %s %s", *mn_thing_how(t) == 'i' ? "In" : "On", place,
                           now ? "is:" : "was:");
    else if (rc >= 0)
        rc = mn_buf_printf(&a->say, "%s %s:", place, now ? "has" : "had");
    if (rc >= 0) rc = say_there(a, &l, place);
    if (rc >= 0) rc = mn_buf_puts(&a->say, ".");
    json_decref(l.at);
    json_decref(l.first);
    return rc;
}

static int what(asking *a) {
    const char *const robot = named(a, 1, 0), *const thing = named(a, 0, 0);
    if (mn_question_has(&a->q, "happened|happen|happening")) return what_happened(a);
    if (robot &&
        mn_question_has(&a->q, "hold|held|holding|holds|carry|carried|carrying|carries|has|"
                               "had|have|hand|hands|tray"))
        return what_lay(a, robot);
    if (robot && mn_question_has(&a->q, "did|do|does|doing|done")) return what_did(a, robot);
    if (thing && mn_question_has(&a->q, "on|in|at|inside|into|there|under"))
        return what_lay(a, thing);
    if (robot) return what_did(a, robot);
    return MN_FAIL(MN_EINVAL, "what did who do, or what was where? Name a robot or a place");
}

/* ---- when ---------------------------------------------------------------------------------- */
static int when(asking *a) {
    const char *const thing = named(a, 0, 0), *const robot = named(a, 1, 0);
    const int seen = mn_question_has(&a->q, "seen|see|saw|sees");
    json_t *found;
    if (!thing && !robot)
        return MN_FAIL(MN_EINVAL, "when did what happen? Name a thing or a robot");
    MN_TRY(find(a, thing, robot, seen ? "seen" : thing ? "moved|fell" : deeds, &found));
    size_t n = json_array_size(found);
    int rc = 0;
    while (n && thing && strcmp(mn_past_text(json_array_get(found, n - 1), "thing"), thing)) n--;
    if (n) {
        const json_t *const e = json_array_get(found, n - 1);
        if (json_object_set_new(a->more, "t", json_integer(mn_past_time(e))) < 0) rc = no_memory();
        if (!rc) rc = say_event(a, e, 0);
        if (rc >= 0) rc = mn_buf_puts(&a->say, ".");
        if (rc >= 0) rc = keep(a, e);
    } else
        rc = mn_buf_printf(&a->say, "Never, as far as is known.");
    json_decref(found);
    return rc;
}

/* ---- all of it ----------------------------------------------------------------------------- */
static int answer(asking *a) {
    static const struct {
        const char *words;
        int (*answer)(asking *a);
    } kinds[] = {{"where", where}, {"who", who},   {"whose", who},
                 {"when", when},   {"what", what}, {"which", what}};
    int best = MN_PAST_WORDS + 1, at = -1;
    for (int i = 0; i < (int)(sizeof kinds / sizeof *kinds); i++) {
        const int word = mn_question_has(&a->q, kinds[i].words);
        if (word && word < best) best = word, at = i;
    }
    if (at >= 0) return kinds[at].answer(a);
    return MN_FAIL(MN_EINVAL,
                   "not understood; ask: where was the cup (before)? who held it? what did "
                   "ROBOT do? what was on the table? when was the cup last seen? what "
                   "happened?");
}

static int answer_json(asking *a, json_t **out) {
    char *const text = a->say.data;
    *out = json_pack("{s:s, s:I, s:O}", "answer", text ? text : "", "as_of", (json_int_t)a->q.as_of,
                     "events", a->events);
    if (*out && json_object_update(*out, a->more) >= 0) return 0;
    json_decref(*out);
    *out = NULL;
    return no_memory();
}

int mn_past_ask(mn_board *b, const char *question, int64_t as_of, json_t **out) {
    mn_scene scene;
    json_t *names = NULL;
    asking a = {.b = b, .scene = &scene, .now = b->ops->time(b)};
    *out = NULL;
    MN_TRY(mn_scene_read(b, "", &scene, NULL));
    a.events = json_array();
    a.more = json_object();
    a.robots = json_object();
    int rc = a.events && a.more && a.robots ? all_names(&a, &names) : no_memory();
    if (rc >= 0) rc = mn_question_read(question, names, a.now, &a.q);
    if (rc >= 0 && as_of && !a.q.dated) a.q.as_of = as_of, a.q.dated = 1;
    if (rc >= 0) rc = answer(&a);
    if (rc >= 0) rc = answer_json(&a, out);
    mn_buf_free(&a.say);
    json_decref(names);
    json_decref(a.events);
    json_decref(a.more);
    json_decref(a.robots);
    mn_scene_free(&scene);
    return rc < 0 ? rc : 0;
}
