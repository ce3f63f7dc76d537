/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/see_match.c - which known thing a detection is.
 *
 * Names first. Then pairs (detection, thing) of one class within the gate, the likeliest first; of
 * equals the earlier detection, then the earlier name. A pair of something carried comes after all
 * of things that stand somewhere: a second cup beside a robot that holds one is rather the one that
 * was there. O(detections * things * log).
 */
#include "fleet/see_match.h"

#include "base/alloc.h"
#include "base/error.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double FLOOR = 1e-6;   /* m^2: nobody sees better than to a millimetre */
static const double CARRIED = 0.25; /* m: what a robot carries is so far from its middle */
static const double AROUND = 0.3;   /* m: furniture is seen so far off it */

/* ---- small algebra ------------------------------------------------------------------------- */
/* The determinant; 0: it has no inverse. */
static double invert(const double s[9], double out[9]) {
    const double c0 = s[4] * s[8] - s[5] * s[7], c1 = s[5] * s[6] - s[3] * s[8],
                 c2 = s[3] * s[7] - s[4] * s[6];
    const double det = s[0] * c0 + s[1] * c1 + s[2] * c2;
    if (!(det > 0)) return 0;
    const double adj[9] = {c0, s[2] * s[7] - s[1] * s[8], s[1] * s[5] - s[2] * s[4],
                           c1, s[0] * s[8] - s[2] * s[6], s[2] * s[3] - s[0] * s[5],
                           c2, s[1] * s[6] - s[0] * s[7], s[0] * s[4] - s[1] * s[3]};
    for (int i = 0; i < 9; i++) out[i] = adj[i] / det;
    return det;
}

static double inverse_of_sum(const mn_pose *a, const mn_pose *b, double out[9]) {
    double s[9];
    for (int i = 0; i < 9; i++) s[i] = a->cov[i] + b->cov[i];
    for (int i = 0; i < 3; i++) s[4 * i] += FLOOR;
    return invert(s, out);
}

double mn_see_distance(const mn_pose *a, const mn_pose *b, double *unlikely) {
    double inv[9], sum = 0;
    const double det = inverse_of_sum(a, b, inv);
    if (!(det > 0)) return INFINITY;
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++)
            sum += (a->p[i] - b->p[i]) * inv[3 * i + j] * (a->p[j] - b->p[j]);
    if (unlikely) *unlikely = sum + log(det);
    return sum;
}

void mn_see_fuse(mn_pose *known, const mn_pose *seen) {
    double inv[9], gain[9] = {0}, cov[9] = {0};
    if (inverse_of_sum(known, seen, inv) <= 0) return;
    for (int i = 0; i < 9; i++)
        for (int k = 0; k < 3; k++) gain[i] += known->cov[i / 3 * 3 + k] * inv[3 * k + i % 3];
    double step[3] = {0};
    for (int i = 0; i < 9; i++) step[i / 3] += gain[i] * (seen->p[i % 3] - known->p[i % 3]);
    for (int i = 0; i < 3; i++) known->p[i] += step[i];
    for (int i = 0; i < 9; i++) {
        cov[i] = known->cov[i];
        for (int k = 0; k < 3; k++) cov[i] -= gain[i / 3 * 3 + k] * known->cov[3 * k + i % 3];
    }
    for (int i = 0; i < 9; i++) known->cov[i] = (cov[i] + cov[i % 3 * 3 + i / 3]) / 2;
    for (int i = 0; i < 3; i++) known->cov[4 * i] = fmax(known->cov[4 * i], FLOOR / 2);
}

/* ---- what is known ------------------------------------------------------------------------- */
static int carried(const mn_scene *s, const mn_thing *t) {
    return mn_scene_robot(s, t->at) != NULL;
}

/* Nobody can see into what is closed. */
static int hidden(const mn_scene *s, const mn_thing *t) {
    for (int depth = 0; depth < 16; depth++) {
        t = mn_scene_thing(s, t->at);
        if (!t) return 0;
        if (t->kind == MN_FURNITURE && t->open == 0) return 1;
        if (t->kind == MN_OBJECT_KIND && t->open == 0) return 1;
    }
    return 0;
}

int mn_see_known(const mn_scene *s, const mn_thing *t, int64_t at, mn_pose *out) {
    if (mn_scene_pose(s, t->name, out) < 0) return 0;
    const mn_thing *const holder = mn_scene_thing(s, t->at);
    const int own = json_object_get(t->json, "pose") != NULL;
    if (carried(s, t)) {
        memset(out->cov, 0, sizeof out->cov);
        for (int i = 0; i < 3; i++) out->cov[4 * i] = CARRIED * CARRIED;
        return 1;
    }
    if (!own && holder) { /* anywhere on it: of an even spread, length^2 / 12 */
        memset(out->cov, 0, sizeof out->cov);
        for (int i = 0; i < 3; i++)
            out->cov[4 * i] = MN_SEE_CLOSE + holder->size[i] * holder->size[i] / 12;
        const double across = out->cov[0] > out->cov[4] ? out->cov[0] : out->cov[4];
        out->cov[0] = out->cov[4] = across; /* however it is turned */
    } else if (out->cov[0] < 0) {
        memset(out->cov, 0, sizeof out->cov);
        for (int i = 0; i < 3; i++) out->cov[4 * i] = MN_SEE_CLOSE;
    }
    const int64_t since = out->t > t->seen ? out->t : t->seen;
    const double age = since && at > since ? (double)(at - since) / 1e6 : 0;
    const double grown = since ? fmin(age * MN_SEE_DRIFT, MN_SEE_DRIFT_MOST) : MN_SEE_DRIFT_MOST;
    for (int i = 0; i < 3; i++) out->cov[4 * i] += grown;
    return 1;
}

/* ---- by name, by place --------------------------------------------------------------------- */
static int also(const mn_thing *t, const char *name) {
    const json_t *const list = json_object_get(t->json, "also");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *const one = json_string_value(json_array_get(list, i));
        if (one && !strcmp(one, name)) return 1;
    }
    return 0;
}

int mn_see_is_class(const mn_thing *t, const char *class_) {
    return !strcmp(t->class_, class_) || also(t, class_);
}

static void refuse(mn_detection *d, int failed) {
    (void)failed; /* its sentence is what counts */
    d->thing = MN_SEEN_REFUSED;
    snprintf(d->why, sizeof d->why, "%s", mn_error_detail());
}

static int name_fits(const mn_scene *s, const mn_detection *d, int at, const char *taken) {
    if (at < 0)
        return MN_FAIL(MN_ENOENT, "a detection: name: '%s' is not known, and it has no class",
                       d->name);
    const mn_thing *const t = s->thing + at;
    if (t->kind == MN_ROOM) return MN_FAIL(MN_EINVAL, "a detection: name: '%s' is a room", d->name);
    if (d->class_[0] && !mn_see_is_class(t, d->class_))
        return MN_FAIL(MN_EINVAL, "a detection: class: '%s' is a %s, not a %s", d->name, t->class_,
                       d->class_);
    if (taken[at])
        return MN_FAIL(MN_EINVAL, "a detection: name: '%s' was seen twice in one call", d->name);
    return 0;
}

static void by_name(const mn_scene *s, mn_detection *d, char *taken) {
    if (mn_scene_robot(s, d->name)) {
        refuse(d, MN_FAIL(MN_EINVAL, "a detection: name: '%s' is a robot: it says where it is",
                          d->name));
        return;
    }
    int at = -1;
    for (int i = 0; i < s->n_things && at < 0; i++)
        if (!strcmp(s->thing[i].name, d->name)) at = i;
    for (int i = 0; i < s->n_things && at < 0; i++)
        if (also(s->thing + i, d->name)) at = i;
    if (at < 0 && d->class_[0]) return; /* new, of this name */
    const int rc = name_fits(s, d, at, taken);
    if (rc < 0) {
        refuse(d, rc);
        return;
    }
    d->thing = s->thing[at].kind == MN_OBJECT_KIND ? at : MN_SEEN_FIXED;
    if (d->thing == at) taken[at] = 1;
}

/* A table that is seen is one of those we know, or one that somebody has to set up. */
static void furniture(const mn_scene *s, mn_detection *d) {
    int any = 0;
    for (int i = 0; i < s->n_things; i++) {
        const mn_thing *const t = s->thing + i;
        mn_pose at;
        if (t->kind == MN_OBJECT_KIND || !mn_see_is_class(t, d->class_)) continue;
        any = 1;
        if (mn_scene_pose(s, t->name, &at) < 0) continue;
        const double across = hypot(t->size[0], t->size[1]) / 2 + AROUND;
        if (hypot(at.p[0] - d->pose.p[0], at.p[1] - d->pose.p[1]) <= across) {
            d->thing = MN_SEEN_FIXED;
            return;
        }
    }
    if (any)
        refuse(d, MN_FAIL(MN_EINVAL,
                          "a detection: class: no known %s is at (%.2f, %.2f); what stands is set "
                          "up, not seen",
                          d->class_, d->pose.p[0], d->pose.p[1]));
}

typedef struct pair {
    double unlikely;
    int last, detection, thing; /* last: it is carried */
} pair;

static int order(const void *va, const void *vb) {
    const pair *const a = va, *const b = vb;
    if (a->last != b->last) return a->last - b->last;
    if (a->unlikely != b->unlikely) return a->unlikely < b->unlikely ? -1 : 1;
    return a->detection != b->detection ? a->detection - b->detection : a->thing - b->thing;
}

static int add_pairs(const mn_scene *s, const mn_detection *d, int at, const char *taken,
                     mn_buf *pairs) {
    for (int i = 0; i < s->n_things; i++) {
        const mn_thing *const t = s->thing + i;
        mn_pose known;
        if (taken[i] || t->kind != MN_OBJECT_KIND || !mn_see_is_class(t, d->class_) || hidden(s, t))
            continue;
        if (!mn_see_known(s, t, d->t, &known)) continue;
        pair p = {0, carried(s, t), at, i};
        if (mn_see_distance(&known, &d->pose, &p.unlikely) <= MN_SEE_GATE)
            MN_TRY(mn_buf_append(pairs, &p, sizeof p));
    }
    return 0;
}

int mn_see_match(const mn_scene *s, mn_detection *d, int n) {
    char *const taken = mn_calloc((size_t)s->n_things + 1, 1);
    mn_buf pairs = {0};
    int rc = taken ? 0 : MN_FAIL(MN_ENOMEM, "no memory to match %d detections", n);
    for (int i = 0; !rc && i < n; i++)
        if (d[i].thing != MN_SEEN_REFUSED && d[i].name[0]) by_name(s, d + i, taken);
    for (int i = 0; !rc && i < n; i++) {
        if (d[i].thing != MN_SEEN_NEW || d[i].name[0]) continue;
        furniture(s, d + i);
        if (d[i].thing == MN_SEEN_NEW) rc = add_pairs(s, d + i, i, taken, &pairs);
    }
    const size_t n_pairs = pairs.len / sizeof(pair);
    pair *const p = (pair *)(void *)pairs.data;
    if (n_pairs) qsort(p, n_pairs, sizeof *p, order);
    for (size_t i = 0; !rc && i < n_pairs; i++) {
        mn_detection *const one = d + p[i].detection;
        if (one->thing != MN_SEEN_NEW || taken[p[i].thing]) continue;
        one->thing = p[i].thing;
        taken[p[i].thing] = 1;
    }
    mn_buf_free(&pairs);
    mn_free(taken);
    return rc;
}
