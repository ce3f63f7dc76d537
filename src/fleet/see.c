/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/see.c - what is seen changes what is believed.
 *
 * One call: the scene is read, each detection read and checked, all matched at once
 * (see_match.c), then each thing changed by itself, only while it is still where it was: whoever
 * moves it in the meantime knows better. What was to be seen at `place` and was not is less sure,
 * at most once a second.
 */
#include "fleet/see_match.h"

#include "base/alloc.h"
#include "base/error.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { TRIES = 16, NAMES = 10000, MISSES = 20, LOOK = 1000000 /* us */ };
static const double SUREST = 0.999, LEAST = 1e-3;
static const char NOWHERE[] = "somewhere"; /* the room of what is in none */

typedef struct look {
    mn_board *b;
    const mn_scene *scene;
    mn_seeing *out;
    int64_t now;
    char class_[MN_NAME + 1]; /* the last that was new.. */
    int number;               /* ..and the number it had */
} look;

double mn_see_sure(const mn_thing *t, int64_t now) {
    const json_t *const missed = json_object_get(json_object_get(t->json, "seen"), "missed");
    double sure = t->sure;
    if (missed) sure *= exp2(-(double)json_integer_value(missed));
    if (t->seen && now > t->seen) sure *= exp2(-(double)(now - t->seen) / 1e6 / MN_SEE_HALF);
    return t->seen ? fmax(sure, LEAST) : sure;
}

static void refused(mn_seeing *out, const char *why) {
    if (!out->refused++) snprintf(out->why, sizeof out->why, "%s", why);
}

/* ---- one thing ----------------------------------------------------------------------------- */
static int seen_fields(json_t *fields, const mn_detection *d, double sure) {
    json_t *const seen = json_pack("{s:I, s:f}", "t", (json_int_t)d->t, "sure", sure);
    if (d->by[0] && seen && json_object_set_new(seen, "by", json_string(d->by)) < 0)
        return MN_FAIL(MN_ENOMEM, "no memory for what was seen");
    if (!seen || json_object_set_new(fields, "seen", seen) < 0)
        return MN_FAIL(MN_ENOMEM, "no memory for what was seen");
    return 0;
}

/* Fields into a thing that is still at `at`: 1; 0: it is not there any more. */
static int change(mn_board *b, const char *name, const char *at, json_t *fields) {
    for (int i = 0; i < TRIES; i++) {
        json_t *thing;
        uint64_t version;
        MN_TRY(mn_board_get(b, "thing/", name, &thing, &version));
        if (!version) return 0;
        const char *const is = json_string_value(json_object_get(thing, "at"));
        int rc = is && !strcmp(is, at);
        if (rc && json_object_update(thing, fields) < 0)
            rc = MN_FAIL(MN_ENOMEM, "no memory for '%s'", name);
        if (rc > 0) rc = mn_board_put(b, "thing/", name, thing, 1, &version);
        json_decref(thing);
        if (rc != MN_ECONFLICT) return rc < 0 ? rc : is && rc >= 0;
    }
    return 0;
}

static void tell(mn_board *b, const mn_detection *d, const char *name, const char *at, double sure,
                 int fresh) {
    mn_board_tell(b, "seen", "{s:s, s:s*, s:s, s:f, s:b, s:[f,f,f]}", "thing", name, "by",
                  d->by[0] ? d->by : NULL, "at", at, "sure", sure, "new", fresh, "p", d->pose.p[0],
                  d->pose.p[1], d->pose.p[2]);
}

static int set_pose(json_t *fields, const mn_pose *pose) {
    if (json_object_set_new(fields, "pose", mn_pose_write(pose)) < 0)
        return MN_FAIL(MN_ENOMEM, "no memory for a pose");
    return 0;
}

/* To the place it is at now, when that is another; *at: where it is in the end. */
static int moved(const look *l, const mn_thing *t, const mn_pose *pose, const char **at) {
    const mn_thing *const place = mn_see_place(l->scene, mn_scene_thing(l->scene, t->at), pose->p);
    *at = t->at;
    if (!place || !strcmp(place->name, t->at) || !strcmp(place->name, t->name)) return 0;
    const mn_move move = {t->name, t->at, place->name, mn_thing_how(place), pose};
    const int rc = mn_scene_move(l->b, "", NULL, &move);
    if (rc >= 0) *at = place->name;
    /* Somebody was faster, or it is in another's: believed on, until somebody knows better. */
    return rc == MN_ENOMEM || rc == MN_EIO || rc == MN_ECORRUPT ? rc : rc >= 0;
}

static int see_known(const look *l, const mn_detection *d, json_t *fields) {
    const mn_thing *const t = l->scene->thing + d->thing;
    const int carried = mn_scene_robot(l->scene, t->at) != NULL;
    const double before = mn_see_sure(t, d->t);
    const double sure = fmin(1 - (1 - before) * (1 - d->sure), SUREST);
    const char *at = t->at;
    mn_pose pose;
    int far = 0, rc;
    l->out->known++;
    const int placed = mn_see_known(l->scene, t, d->t, &pose);
    if (d->t < t->seen || (placed && d->t < pose.t)) return 0; /* late: we know more */
    MN_TRY(seen_fields(fields, d, sure));
    if (!carried) {
        const mn_pose known = pose;
        if (placed && mn_see_distance(&pose, &d->pose, NULL) <= MN_SEE_GATE)
            mn_see_fuse(&pose, &d->pose);
        else
            pose = d->pose; /* by its name */
        if (d->turned || !placed) memcpy(pose.q, d->pose.q, sizeof pose.q);
        pose.t = d->t;
        far = !placed || mn_pose_distance(&known, &pose) > MN_SEE_FAR;
        MN_TRY(rc = moved(l, t, &pose, &at));
        if (rc) far = 1;
        MN_TRY(set_pose(fields, &pose));
    }
    MN_TRY(rc = change(l->b, t->name, at, fields));
    if (rc && (far || !t->seen || d->t - t->seen > MN_SEE_AGAIN * (int64_t)1000000))
        tell(l->b, d, t->name, at, sure, 0);
    return 0;
}

/* ---- what is new --------------------------------------------------------------------------- */
static int somewhere(const look *l) {
    if (mn_scene_thing(l->scene, NOWHERE)) return 0;
    json_t *const room = json_pack("{s:s, s:s, s:s}", "class", "room", "kind", "room", "at", "");
    const int rc = room ? mn_scene_set(l->b, "", NULL, NOWHERE, room)
                        : MN_FAIL(MN_ENOMEM, "no memory for a room");
    json_decref(room);
    return rc;
}

static json_t *numbers(const double v[3]) {
    return json_pack("[f,f,f]", v[0], v[1], v[2]);
}

/* Its place; a room of its own for what is in none that we know. */
static int place_of(const look *l, const mn_detection *d, const char *looked, const char **at,
                    const char **how) {
    const mn_thing *place = mn_see_place(l->scene, NULL, d->pose.p);
    if (!place && looked) place = mn_scene_thing(l->scene, looked);
    *at = place ? place->name : NOWHERE;
    *how = place ? mn_thing_how(place) : "in";
    return place ? 0 : somewhere(l);
}

/* The number-th name of a class: "cup", "cup_2", ..; 0: there is none. */
static int name_of(const mn_detection *d, int number, char name[MN_NAME + 1]) {
    char tail[16] = "";
    if (number > NAMES || (d->name[0] && number > 1)) return 0;
    if (number > 1) snprintf(tail, sizeof tail, "_%d", number);
    const char *const base = d->name[0] ? d->name : d->class_;
    const int n = snprintf(name, MN_NAME + 1, "%s%s", base, tail);
    return n <= MN_NAME;
}

/* A thing that there was not: 1; 0: the name is taken. */
static int make(mn_board *b, const char *name, const json_t *fields) {
    for (int i = 0; i < TRIES; i++) {
        mn_edits e = {.n = 0};
        int rc = mn_scene_set_edits(b, "", NULL, name, fields, &e);
        if (rc == 1) rc = mn_edits_commit(&e, b) < 0 ? MN_ECONFLICT : 1;
        mn_edits_free(&e);
        if (rc != MN_ECONFLICT) return rc;
    }
    return 0;
}

/* Is it still nobody's? When a thing cannot be made: why. */
static int unused(mn_board *b, const char *name, int why) {
    json_t *json = NULL;
    char says[200];
    snprintf(says, sizeof says, "%s", mn_error_detail());
    const int rc = mn_board_get(b, "thing/", name, &json, NULL);
    json_decref(json);
    return rc < 0 ? rc : rc ? 0 : MN_FAIL(why, "%s", says);
}

/* *number: to begin with; names before it are taken. */
static int make_somehow(const look *l, const mn_detection *d, int *number, json_t *fields,
                        const char **at, char name[MN_NAME + 1]) {
    for (; name_of(d, *number, name); ++*number) {
        if (mn_scene_thing(l->scene, name) || mn_scene_robot(l->scene, name)) continue;
        int rc = make(l->b, name, fields);
        if (rc == MN_EFULL) { /* no room there, by what we believe: then beside it */
            const char *const room = mn_scene_room(l->scene, *at);
            *at = *room && strcmp(room, *at) ? room : NOWHERE;
            MN_TRY(somewhere(l));
            if (json_object_set_new(fields, "at", json_string(*at)) < 0 ||
                json_object_set_new(fields, "how", json_string("in")) < 0)
                return MN_FAIL(MN_ENOMEM, "no memory for '%s'", name);
            rc = make(l->b, name, fields);
        }
        if (rc == 1) return 0;
        if (rc < 0) MN_TRY(unused(l->b, name, rc));
    }
    return MN_FAIL(MN_EFULL, "a detection: no name is left for one more %s", d->class_);
}

static int see_new(look *l, const mn_detection *d, const char *looked, json_t *fields) {
    const char *at, *how;
    int one = 1, *const number = d->name[0] ? &one : &l->number;
    char name[MN_NAME + 1];
    mn_pose pose = d->pose;
    pose.t = d->t;
    if (!d->name[0] && strcmp(l->class_, d->class_)) {
        snprintf(l->class_, sizeof l->class_, "%s", d->class_);
        l->number = 1;
    }
    MN_TRY(place_of(l, d, looked, &at, &how));
    MN_TRY(set_pose(fields, &pose));
    MN_TRY(seen_fields(fields, d, d->sure));
    json_t *const more =
        json_pack("{s:s, s:s, s:s, s:s, s:o*}", "class", d->class_, "kind", "object", "at", at,
                  "how", how, "size", d->size[0] > 0 ? numbers(d->size) : NULL);
    int rc = more && json_object_update(fields, more) >= 0
                 ? make_somehow(l, d, number, fields, &at, name)
                 : MN_FAIL(MN_ENOMEM, "no memory for a thing");
    json_decref(more);
    if (rc == MN_ENOMEM || rc == MN_EIO) return rc;
    if (rc < 0) {
        refused(l->out, mn_error_detail());
        return 0;
    }
    l->out->fresh++;
    tell(l->b, d, name, at, d->sure, 1);
    return 0;
}

/* ---- what was not seen --------------------------------------------------------------------- */
int mn_see_missed(const mn_thing *t, int64_t now, json_t **out) {
    const json_t *const old = json_object_get(t->json, "seen");
    const json_int_t missed = json_integer_value(json_object_get(old, "missed"));
    json_t *const seen = old ? json_deep_copy(old) : json_object();
    *out = seen;
    if (seen &&
        json_object_set_new(seen, "missed", json_integer(missed < MISSES ? missed + 1 : MISSES)) >=
            0 &&
        json_object_set_new(seen, "looked", json_integer(now)) >= 0 &&
        (json_object_get(seen, "sure") ||
         json_object_set_new(seen, "sure", json_real(t->sure)) >= 0))
        return 0;
    json_decref(seen);
    *out = NULL;
    return MN_FAIL(MN_ENOMEM, "no memory for '%s'", t->name);
}

static int miss(const look *l, const mn_thing *t) {
    const json_t *const old = json_object_get(t->json, "seen");
    const json_int_t missed = json_integer_value(json_object_get(old, "missed"));
    const json_int_t last = json_integer_value(json_object_get(old, "looked"));
    if (t->seen >= l->now || t->pose.t >= l->now || last + LOOK > l->now) return 0;
    l->out->missed++;
    if (missed >= MISSES) return 0;
    json_t *seen = NULL;
    MN_TRY(mn_see_missed(t, l->now, &seen));
    json_t *const fields = json_object();
    int rc = 0;
    if (!fields || json_object_set(fields, "seen", seen) < 0)
        rc = MN_FAIL(MN_ENOMEM, "no memory for '%s'", t->name);
    if (!rc) rc = change(l->b, t->name, t->at, fields);
    if (rc > 0 && !missed)
        mn_board_tell(l->b, "missed", "{s:s, s:s}", "thing", t->name, "at", t->at);
    json_decref(seen);
    json_decref(fields);
    return rc < 0 ? rc : 0;
}

static int miss_all(const look *l, const mn_detection *d, int n, const char *place) {
    for (int i = 0; i < l->scene->n_things; i++) {
        const mn_thing *const t = l->scene->thing + i;
        int was_seen = t->kind != MN_OBJECT_KIND || strcmp(t->at, place) != 0;
        for (int k = 0; k < n && !was_seen; k++) was_seen = d[k].thing == i;
        if (!was_seen) MN_TRY(miss(l, t));
    }
    return 0;
}

/* ---- all of it ----------------------------------------------------------------------------- */
static int see_one(look *l, const mn_detection *d, const char *place) {
    if (d->thing == MN_SEEN_REFUSED) {
        refused(l->out, d->why);
        return 0;
    }
    if (d->thing == MN_SEEN_FIXED) {
        l->out->known++;
        return 0;
    }
    if (d->thing == MN_SEEN_NEW && d->sure < MN_SEE_NEW) {
        char why[200];
        snprintf(why, sizeof why, "a detection: sure: %.2f is too little for a new %s (%.2f)",
                 d->sure, d->class_, MN_SEE_NEW);
        refused(l->out, why);
        return 0;
    }
    json_t *const fields = json_object();
    int rc = fields ? 0 : MN_FAIL(MN_ENOMEM, "no memory for a thing");
    if (!rc && d->thing == MN_SEEN_NEW)
        rc = see_new(l, d, place, fields);
    else if (!rc)
        rc = see_known(l, d, fields);
    json_decref(fields);
    return rc;
}

static int see_all(look *l, const mn_frames *frames, const json_t *detections, const char *place,
                   mn_detection *d, int n) {
    for (int i = 0; i < n; i++) {
        const json_t *const one =
            json_is_array(detections) ? json_array_get(detections, (size_t)i) : detections;
        const int rc = mn_detection_read(one, frames, l->now, d + i);
        if (rc == MN_ENOMEM) return rc;
        if (rc < 0) {
            d[i].thing = MN_SEEN_REFUSED;
            snprintf(d[i].why, sizeof d[i].why, "%s", mn_error_detail());
        }
    }
    MN_TRY(mn_see_match(l->scene, d, n));
    for (int i = 0; i < n; i++) MN_TRY(see_one(l, d + i, place));
    return place ? miss_all(l, d, n, place) : 0;
}

int mn_see(mn_board *b, const mn_frames *frames, const json_t *detections, const char *place,
           mn_seeing *out) {
    mn_scene scene;
    mn_detection *d = NULL;
    memset(out, 0, sizeof *out);
    const size_t all = json_is_array(detections) ? json_array_size(detections) : 1;
    const int n = all < MN_SEE_MOST ? (int)all : MN_SEE_MOST;
    MN_TRY(mn_scene_read(b, "", &scene, NULL));
    look l = {b, &scene, out, b->ops->time(b), "", 1};
    int rc = 0;
    if (place && !mn_scene_thing(&scene, place))
        rc = MN_FAIL(MN_ENOENT, "there is no place '%s' to look at", place);
    if (!rc && !(d = mn_calloc((size_t)n + 1, sizeof *d)))
        rc = MN_FAIL(MN_ENOMEM, "no memory for %d detections", n);
    if (!rc) rc = see_all(&l, frames, detections, place, d, n);
    for (size_t i = MN_SEE_MOST; i < all && rc >= 0; i++)
        refused(out, "more than 512 detections of one call");
    mn_free(d);
    mn_scene_free(&scene);
    return rc;
}
