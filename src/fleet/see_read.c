/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/see_read.c - a detection of anybody: each field checked, its pose brought into "map".
 */
#include "fleet/see_match.h"

#include "base/error.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { LATER = 5000000 }; /* us: clocks of machines differ by less */

static int name_read(const json_t *json, const char *field, char out[MN_NAME + 1]) {
    const json_t *const v = json_object_get(json, field);
    out[0] = 0;
    if (!v || json_is_null(v)) return 0;
    if (!json_is_string(v) || strlen(json_string_value(v)) != json_string_length(v))
        return MN_FAIL(MN_EINVAL, "a detection: %s: a text", field);
    char what[32];
    snprintf(what, sizeof what, "a detection: %s", field);
    if (json_string_length(v)) MN_TRY(mn_board_name_check(what, json_string_value(v)));
    snprintf(out, MN_NAME + 1, "%s", json_string_value(v));
    return 0;
}

const json_t *mn_seen_find(const json_t *list, const mn_thing *t) {
    for (int by_name = 1; by_name >= 0; by_name--)
        for (size_t i = 0; i < json_array_size(list); i++) {
            const json_t *const one = json_array_get(list, i);
            const char *const name = json_string_value(json_object_get(one, "name"));
            const char *const class_ = json_string_value(json_object_get(one, "class"));
            if (by_name ? name && !strcmp(name, t->name)
                        : !name && class_ && mn_see_is_class(t, class_))
                return one;
        }
    return NULL;
}

static int size_read(const json_t *json, double out[3]) {
    const json_t *const v = json_object_get(json, "size");
    for (int i = 0; i < 3; i++) out[i] = 0;
    if (!v || json_is_null(v)) return 0;
    for (size_t i = 0; i < 3; i++) {
        const json_t *const m = json_array_get(v, i);
        out[i] = json_number_value(m);
        if (json_array_size(v) != 3 || !json_is_number(m) || !(out[i] >= 0 && out[i] <= 100))
            return MN_FAIL(MN_EINVAL, "a detection: size: three lengths of 0 to 100 m");
    }
    return 0;
}

static int time_read(const json_t *json, int64_t now, mn_detection *out) {
    const json_t *const v = json_object_get(json, "t");
    out->t = out->pose.t ? out->pose.t : now;
    if (v && !json_is_null(v)) {
        if (!json_is_integer(v))
            return MN_FAIL(MN_EINVAL, "a detection: t: us since 1970, a whole number");
        out->t = json_integer_value(v);
    }
    if (out->t < 0)
        return MN_FAIL(MN_EINVAL, "a detection: t: us since 1970, not %lld", (long long)out->t);
    if (out->t > now && out->t - now > LATER)
        return MN_FAIL(MN_EINVAL, "a detection: t: it is %.1f s in the future: a clock is wrong",
                       (double)(out->t - now) / 1e6);
    if (out->t > now) out->t = now;
    return 0;
}

static int pose_read(const json_t *json, const mn_frames *frames, mn_detection *out) {
    static const mn_frames none;
    MN_TRY(mn_pose_read(json, &out->pose));
    out->turned = json_is_array(json_object_get(json, "q"));
    if (out->pose.cov[0] < 0) {
        memset(out->pose.cov, 0, sizeof out->pose.cov);
        for (int i = 0; i < 3; i++) out->pose.cov[4 * i] = MN_SEE_CLOSE;
    }
    return mn_frames_to(frames ? frames : &none, &out->pose, "map", &out->pose);
}

int mn_detection_read(const json_t *json, const mn_frames *frames, int64_t now, mn_detection *out) {
    memset(out, 0, sizeof *out);
    out->thing = MN_SEEN_REFUSED;
    if (!json_is_object(json))
        return MN_FAIL(MN_EINVAL,
                       "a detection is an object: {\"class\": \"cup\", \"pose\": {..}, ..}");
    MN_TRY(name_read(json, "class", out->class_));
    MN_TRY(name_read(json, "name", out->name));
    MN_TRY(name_read(json, "by", out->by));
    if (!out->class_[0] && !out->name[0])
        return MN_FAIL(MN_EINVAL, "a detection: class: what was seen? It has no name either");
    MN_TRY(pose_read(json_object_get(json, "pose"), frames, out));
    MN_TRY(size_read(json, out->size));
    MN_TRY(time_read(json, now, out));
    const json_t *const sure = json_object_get(json, "sure");
    out->sure = sure ? json_number_value(sure) : 1;
    if (sure && !(json_is_number(sure) && out->sure >= 0 && out->sure <= 1))
        return MN_FAIL(MN_EINVAL, "a detection: sure: a number from 0 to 1");
    out->thing = MN_SEEN_NEW;
    return 0;
}
