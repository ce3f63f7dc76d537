/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/pose.c - poses: what is none, as JSON, and one after another.
 *
 * v' = p + q v q*, by v + 2 w (u x v) + 2 u x (u x v) for q = (u, w): no matrix, and exact for a
 * quaternion of length 1. A covariance C of positions becomes R C R'.
 */
#include "fleet/pose.h"

#include "base/error.h"
#include "base/utf8.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const double FAR = 1e9;                         /* m */
static const double OFF_LENGTH = 1e-2, OFF_COV = 1e-6; /* of a quaternion, of a covariance */

mn_pose mn_pose_at(const char *frame, double x, double y, double z) {
    mn_pose out = {.p = {x, y, z}, .q = {0, 0, 0, 1}, .cov = {-1}};
    snprintf(out.frame, sizeof out.frame, "%s", frame);
    return out;
}

/* ---- what is none -------------------------------------------------------------------------- */
static int check_frame(const char *name) {
    const size_t n = strnlen(name, MN_FRAME + 1);
    if (n == 0 || n > MN_FRAME)
        return MN_FAIL(MN_EINVAL, "a pose: frame: a name of 1 to %d bytes, not of %zu", MN_FRAME,
                       n);
    MN_TRY(mn_utf8_check("a pose: frame", name, n));
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)name[i] < 32 || name[i] == 127)
            return MN_FAIL(MN_EINVAL, "a pose: frame: its name has a control character (byte %zu)",
                           i);
    return 0;
}

static int check_turn(double q[4]) {
    double sum = 0;
    for (int i = 0; i < 4; i++) {
        if (!isfinite(q[i])) return MN_FAIL(MN_EINVAL, "a pose: q[%d]: %g is no number", i, q[i]);
        sum += q[i] * q[i];
    }
    const double length = sqrt(sum);
    if (!(fabs(length - 1) <= OFF_LENGTH))
        return MN_FAIL(MN_EINVAL,
                       "a pose: q: a quaternion (x, y, z, w) of length 1, not %g; [0, 0, 0, 1] is "
                       "no turn",
                       length);
    for (int i = 0; i < 4; i++) q[i] /= length;
    return 0;
}

/* Symmetric, and no direction in which it is negative: all principal minors, each to OFF_COV of
 * what it could be at most. What rounding did to the symmetry is mended. */
static int check_cov(double c[9]) {
    double most = 0;
    for (int i = 0; i < 9; i++) {
        if (!isfinite(c[i])) return MN_FAIL(MN_EINVAL, "a pose: cov[%d]: %g is no number", i, c[i]);
        if (fabs(c[i]) > FAR * FAR)
            return MN_FAIL(MN_EINVAL, "a pose: cov[%d]: %g m^2 is too much", i, c[i]);
        most = fmax(most, fabs(c[i]));
    }
    const double off = OFF_COV * most;
    for (int i = 0; i < 3; i++) {
        const int j = (i + 1) % 3, a = 3 * i + j, b = 3 * j + i;
        if (fabs(c[a] - c[b]) > off)
            return MN_FAIL(MN_EINVAL, "a pose: cov: not symmetric: [%d][%d] is %g, [%d][%d] is %g",
                           i, j, c[a], j, i, c[b]);
        c[a] = c[b] = (c[a] + c[b]) / 2;
        if (c[4 * i] < -off) return MN_FAIL(MN_EINVAL, "a pose: cov: a variance of %g", c[4 * i]);
        if (c[4 * i] < 0) c[4 * i] = 0;
    }
    for (int i = 0; i < 3; i++) {
        const int j = (i + 1) % 3;
        if (c[4 * i] * c[4 * j] - c[3 * i + j] * c[3 * i + j] < -off * most)
            return MN_FAIL(MN_EINVAL,
                           "a pose: cov: no covariance: [%d][%d] is %g beside variances %g and %g",
                           i, j, c[3 * i + j], c[4 * i], c[4 * j]);
    }
    const double det = c[0] * (c[4] * c[8] - c[5] * c[7]) - c[1] * (c[3] * c[8] - c[5] * c[6]) +
                       c[2] * (c[3] * c[7] - c[4] * c[6]);
    if (det < -off * most * most)
        return MN_FAIL(MN_EINVAL, "a pose: cov: no covariance: its determinant is %g", det);
    return 0;
}

int mn_pose_check(mn_pose *pose) {
    MN_TRY(check_frame(pose->frame));
    for (int i = 0; i < 3; i++) {
        if (!isfinite(pose->p[i]))
            return MN_FAIL(MN_EINVAL, "a pose: p[%d]: %g is no number", i, pose->p[i]);
        if (fabs(pose->p[i]) > FAR)
            return MN_FAIL(MN_EINVAL, "a pose: p[%d]: %g m is farther than %g m", i, pose->p[i],
                           FAR);
    }
    if (pose->t < 0)
        return MN_FAIL(MN_EINVAL, "a pose: t: us since 1970, not %lld", (long long)pose->t);
    MN_TRY(check_turn(pose->q));
    if (pose->cov[0] < 0 && isfinite(pose->cov[0])) return 0; /* unknown */
    return check_cov(pose->cov);
}

/* ---- as JSON ------------------------------------------------------------------------------- */
static int numbers_read(const json_t *json, const char *field, size_t n, double *out) {
    if (!json_is_array(json) || json_array_size(json) != n)
        return MN_FAIL(MN_EINVAL, "a pose: %s: a list of %zu numbers", field, n);
    for (size_t i = 0; i < n; i++) {
        const json_t *const v = json_array_get(json, i);
        if (!json_is_number(v))
            return MN_FAIL(MN_EINVAL, "a pose: %s[%zu]: it is no number", field, i);
        out[i] = json_number_value(v);
    }
    return 0;
}

int mn_pose_read(const json_t *json, mn_pose *out) {
    mn_pose pose = mn_pose_at("map", 0, 0, 0);
    if (!json_is_object(json))
        return MN_FAIL(MN_EINVAL, "a pose is an object: {\"frame\": \"map\", \"p\": [x, y, z]}");
    const json_t *const frame = json_object_get(json, "frame");
    if (frame && !json_is_string(frame))
        return MN_FAIL(MN_EINVAL, "a pose: frame: the name of a frame");
    if (frame && (json_string_length(frame) > MN_FRAME ||
                  strlen(json_string_value(frame)) != json_string_length(frame)))
        return MN_FAIL(MN_EINVAL, "a pose: frame: a name of 1 to %d bytes, not of %zu", MN_FRAME,
                       json_string_length(frame));
    if (frame) snprintf(pose.frame, sizeof pose.frame, "%s", json_string_value(frame));
    MN_TRY(numbers_read(json_object_get(json, "p"), "p", 3, pose.p));
    const json_t *const q = json_object_get(json, "q"), *const t = json_object_get(json, "t");
    const json_t *const cov = json_object_get(json, "cov");
    if (q && !json_is_null(q)) MN_TRY(numbers_read(q, "q", 4, pose.q));
    if (t && !json_is_null(t)) {
        if (!json_is_integer(t))
            return MN_FAIL(MN_EINVAL, "a pose: t: us since 1970, a whole number");
        pose.t = json_integer_value(t);
    }
    if (cov && !json_is_null(cov)) {
        MN_TRY(numbers_read(cov, "cov", 9, pose.cov));
        MN_TRY(check_cov(pose.cov)); /* here a negative variance does not mean unknown */
    }
    MN_TRY(mn_pose_check(&pose));
    *out = pose;
    return 0;
}

static json_t *numbers_write(const double *v, size_t n) {
    json_t *const out = json_array();
    for (size_t i = 0; out && i < n; i++)
        if (json_array_append_new(out, json_real(v[i])) < 0) {
            json_decref(out);
            return NULL;
        }
    return out;
}

json_t *mn_pose_write(const mn_pose *pose) {
    json_t *const out =
        json_pack("{s:s, s:o}", "frame", pose->frame, "p", numbers_write(pose->p, 3));
    int bad = !out;
    if (!bad && !(pose->q[0] == 0 && pose->q[1] == 0 && pose->q[2] == 0))
        bad = json_object_set_new(out, "q", numbers_write(pose->q, 4));
    if (!bad && pose->t) bad = json_object_set_new(out, "t", json_integer(pose->t));
    if (!bad && pose->cov[0] >= 0)
        bad = json_object_set_new(out, "cov", numbers_write(pose->cov, 9));
    if (!bad) return out;
    json_decref(out);
    return NULL;
}

/* ---- one after another --------------------------------------------------------------------- */
static void cross(const double a[3], const double b[3], double out[3]) {
    const double x = a[1] * b[2] - a[2] * b[1], y = a[2] * b[0] - a[0] * b[2];
    out[2] = a[0] * b[1] - a[1] * b[0];
    out[0] = x;
    out[1] = y;
}

static void turn(const double q[4], const double in[3], double out[3]) {
    double once[3], twice[3];
    cross(q, in, once);
    cross(q, once, twice);
    for (int i = 0; i < 3; i++) out[i] = in[i] + 2 * (q[3] * once[i] + twice[i]);
}

void mn_pose_turn(const mn_pose *a, const double in[3], double out[3]) {
    const double v[3] = {in[0], in[1], in[2]};
    turn(a->q, v, out);
}

mn_pose mn_pose_chain(const mn_pose *a, const mn_pose *b) {
    mn_pose out = *b;
    memcpy(out.frame, a->frame, sizeof out.frame);
    turn(a->q, b->p, out.p);
    for (int i = 0; i < 3; i++) out.p[i] += a->p[i];
    cross(a->q, b->q, out.q);
    for (int i = 0; i < 3; i++) out.q[i] += a->q[3] * b->q[i] + b->q[3] * a->q[i];
    out.q[3] = a->q[3] * b->q[3] - a->q[0] * b->q[0] - a->q[1] * b->q[1] - a->q[2] * b->q[2];
    double length = 0;
    for (int i = 0; i < 4; i++) length += out.q[i] * out.q[i];
    length = sqrt(length);
    for (int i = 0; i < 4; i++) out.q[i] /= length;
    if (b->cov[0] < 0) return out;
    double half[9], column[3]; /* R C, then its transpose (R (R C)')' */
    for (int j = 0; j < 3; j++) {
        const double in[3] = {b->cov[j], b->cov[3 + j], b->cov[6 + j]};
        turn(a->q, in, column);
        for (int i = 0; i < 3; i++) half[3 * i + j] = column[i];
    }
    for (int i = 0; i < 3; i++) turn(a->q, half + 3 * i, out.cov + 3 * i);
    if (out.cov[0] < 0) out.cov[0] = 0; /* rounding: it is known */
    return out;
}

double mn_pose_distance(const mn_pose *a, const mn_pose *b) {
    double sum = 0;
    for (int i = 0; i < 3; i++) sum += (a->p[i] - b->p[i]) * (a->p[i] - b->p[i]);
    return sqrt(sum);
}
