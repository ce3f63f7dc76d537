/* SPDX-License-Identifier: Apache-2.0
 *
 * test/fleet/test_pose.c - poses and frames: transforms known by hand, chains, circles, what is
 * refused, JSON there and back, and random trees beside 4x4 matrices, which know no quaternions.
 */
#include "test.h"

#include "base/alloc.h"
#include "base/json.h"
#include "base/random.h"
#include "fleet/pose.h"

#include <math.h>

static const double HALF = 0.70710678118654752; /* sin and cos of 45 degrees */

static void assert_at(const mn_pose *pose, const char *frame, double x, double y, double z) {
    const double want[3] = {x, y, z};
    assert_string_equal(pose->frame, frame);
    for (int i = 0; i < 3; i++)
        if (!(fabs(pose->p[i] - want[i]) < 1e-9))
            fail_msg("p is %g %g %g, not %g %g %g", pose->p[0], pose->p[1], pose->p[2], x, y, z);
}

static mn_pose turned(const char *frame, double x, double y, double z, double yaw) {
    mn_pose p = mn_pose_at(frame, x, y, z);
    p.q[2] = sin(yaw / 2);
    p.q[3] = cos(yaw / 2);
    return p;
}

/* ---- transforms ----------------------------------------------------------------------------- */
static void a_pose_is_found_in_other_frames(void **state) {
    (void)state;
    mn_frames f = {0};
    mn_pose p = turned("map", 2, 1, 0, M_PI / 2), out;
    assert_ok(mn_frames_set(&f, "base_link", &p, 0));
    p = mn_pose_at("base_link", 0.5, 0, 0.3);
    assert_ok(mn_frames_set(&f, "camera", &p, 1));
    /* One metre before a camera whose robot looks to the left. */
    p = mn_pose_at("camera", 1, 0.25, 0);
    p.t = 77;
    assert_ok(mn_frames_to(&f, &p, "map", &out));
    assert_at(&out, "map", 1.75, 2.5, 0.3);
    assert_true(fabs(out.q[2] - HALF) < 1e-12 && fabs(out.q[3] - HALF) < 1e-12);
    assert_int_equal(out.t, 77);
    assert_true(out.cov[0] < 0);
    /* And back, into the same place of memory. */
    assert_ok(mn_frames_to(&f, &out, "camera", &out));
    assert_at(&out, "camera", 1, 0.25, 0);
    assert_true(fabs(out.q[3] - 1) < 1e-12);
    /* In its own frame it is what it is; also in one that nobody knows. */
    p = mn_pose_at("nowhere", 1, 2, 3);
    assert_ok(mn_frames_to(&f, &p, "nowhere", &out));
    assert_at(&out, "nowhere", 1, 2, 3);
    /* Two that hang from the same. */
    p = mn_pose_at("base_link", 0, 0.2, 0);
    assert_ok(mn_frames_set(&f, "arm", &p, 1));
    p = mn_pose_at("arm", 0, 0, 0);
    assert_ok(mn_frames_to(&f, &p, "camera", &out));
    assert_at(&out, "camera", -0.5, 0.2, -0.3);
}

static void a_covariance_turns_with_it(void **state) {
    (void)state;
    mn_frames f = {0};
    mn_pose p = turned("map", 5, 5, 0, M_PI / 2), out;
    assert_ok(mn_frames_set(&f, "base_link", &p, 0));
    p = mn_pose_at("base_link", 1, 0, 0);
    const double ahead[9] = {0.04, 0.01, 0, 0.01, 0.09, 0.002, 0, 0.002, 0.16};
    memcpy(p.cov, ahead, sizeof ahead);
    assert_ok(mn_frames_to(&f, &p, "map", &out));
    /* x becomes y, y becomes -x */
    const double want[9] = {0.09, -0.01, -0.002, -0.01, 0.04, 0, -0.002, 0, 0.16};
    for (int i = 0; i < 9; i++) assert_true(fabs(out.cov[i] - want[i]) < 1e-12);
}

static void vectors_and_distances(void **state) {
    (void)state;
    const mn_pose a = turned("map", 1, 2, 3, M_PI), b = mn_pose_at("map", 4, 6, 3);
    double v[3] = {1, 2, 3};
    mn_pose_turn(&a, v, v);
    assert_true(fabs(v[0] + 1) < 1e-12 && fabs(v[1] + 2) < 1e-12 && fabs(v[2] - 3) < 1e-12);
    assert_true(fabs(mn_pose_distance(&a, &b) - 5) < 1e-12);
}

/* ---- frames --------------------------------------------------------------------------------- */
static void circles_are_refused(void **state) {
    (void)state;
    mn_frames f = {0};
    mn_pose p = mn_pose_at("a", 1, 0, 0), out;
    assert_ok(mn_frames_set(&f, "b", &p, 0));
    p = mn_pose_at("b", 1, 0, 0);
    assert_ok(mn_frames_set(&f, "c", &p, 0));
    p = mn_pose_at("c", 1, 0, 0);
    assert_fails(mn_frames_set(&f, "a", &p, 0), MN_EINVAL,
                 "frame 'a' cannot hang from 'c': that hangs from 'a'");
    assert_fails(mn_frames_set(&f, "c", &p, 0), MN_EINVAL, "frame 'c' cannot hang from 'c'");
    assert_int_equal(f.n, 2);
    p = mn_pose_at("c", 0, 0, 0);
    assert_ok(mn_frames_to(&f, &p, "a", &out));
    assert_at(&out, "a", 2, 0, 0);
    /* Another parent is no circle. */
    p = mn_pose_at("a", 0, 7, 0);
    assert_ok(mn_frames_set(&f, "c", &p, 0));
    assert_int_equal(f.n, 2);
    p = mn_pose_at("c", 0, 0, 0);
    assert_ok(mn_frames_to(&f, &p, "a", &out));
    assert_at(&out, "a", 0, 7, 0);
}

static void frames_that_lead_nowhere_are_named(void **state) {
    (void)state;
    mn_frames f = {0};
    mn_pose p = mn_pose_at("map", 1, 0, 0), out = mn_pose_at("kept", 1, 2, 3);
    assert_ok(mn_frames_set(&f, "base", &p, 0));
    p = mn_pose_at("odom", 1, 0, 0);
    assert_ok(mn_frames_set(&f, "other", &p, 0));
    p = mn_pose_at("lidar", 0, 0, 0);
    assert_fails(mn_frames_to(&f, &p, "map", &out), MN_ENOENT, "frame 'lidar' is not known");
    p = mn_pose_at("base", 0, 0, 0);
    assert_fails(mn_frames_to(&f, &p, "moon", &out), MN_ENOENT, "frame 'moon' is not known");
    p = mn_pose_at("other", 0, 0, 0);
    assert_fails(mn_frames_to(&f, &p, "map", &out), MN_ENOENT,
                 "no way from frame 'other' to 'map': the one hangs from 'odom', the other from "
                 "'map'");
    assert_at(&out, "kept", 1, 2, 3);
    /* Once they are one tree there is. */
    p = mn_pose_at("map", 10, 0, 0);
    assert_ok(mn_frames_set(&f, "odom", &p, 0));
    p = mn_pose_at("other", 0, 0, 0);
    assert_ok(mn_frames_to(&f, &p, "map", &out));
    assert_at(&out, "map", 11, 0, 0);
}

static void what_is_fixed_stays_so(void **state) {
    (void)state;
    mn_frames f = {0};
    mn_pose p = mn_pose_at("map", 1, 0, 0);
    assert_ok(mn_frames_set(&f, "lamp", &p, 1));
    p = mn_pose_at("map", 2, 0, 0);
    assert_fails(mn_frames_set(&f, "lamp", &p, 0), MN_EINVAL,
                 "frame 'lamp' is fixed to 'map': it does not move");
    assert_ok(mn_frames_set(&f, "lamp", &p, 1)); /* said anew */
    assert_true(f.frame[0].at.p[0] == 2);
}

static void more_frames_than_there_is_room_for(void **state) {
    (void)state;
    static mn_frames f;
    mn_pose p = mn_pose_at("map", 1, 0, 0), out;
    char name[MN_FRAME + 1];
    for (int i = 0; i < MN_FRAMES; i++) { /* a chain as long as can be */
        snprintf(name, sizeof name, "f%d", i);
        assert_ok(mn_frames_set(&f, name, &p, 0));
        p = mn_pose_at(name, 1, 0, 0);
    }
    assert_fails(mn_frames_set(&f, "more", &p, 0), MN_EFULL, "256 frames are there already");
    assert_fails(mn_frames_set(&f, "map", &p, 0), MN_EINVAL, "frame 'map' cannot hang from 'f255'");
    assert_ok(mn_frames_to(&f, &p, "map", &out));
    assert_at(&out, "map", 257, 0, 0);
    p = mn_pose_at("map", 0, 0, 0);
    assert_ok(mn_frames_to(&f, &p, name, &out));
    assert_at(&out, name, -256, 0, 0);
}

/* ---- a twin of matrices --------------------------------------------------------------------- */
typedef struct matrix {
    double m[4][4];
} matrix;

static matrix matrix_of(const mn_pose *p) {
    const double x = p->q[0], y = p->q[1], z = p->q[2], w = p->q[3];
    return (matrix){{{1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w), p->p[0]},
                     {2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w), p->p[1]},
                     {2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y), p->p[2]},
                     {0, 0, 0, 1}}};
}

static matrix times(const matrix *a, const matrix *b) {
    matrix out = {0};
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 4; j++)
            for (int k = 0; k < 4; k++) out.m[i][j] += a->m[i][k] * b->m[k][j];
    return out;
}

static double any(mn_random *seed) {
    return (double)(mn_random_u64(seed) % 20001) / 1000 - 10;
}

static mn_pose any_pose(mn_random *seed, const char *frame) {
    mn_pose p = mn_pose_at(frame, any(seed), any(seed), any(seed));
    double sum = 0;
    for (int i = 0; i < 4; i++) p.q[i] = any(seed) + 1e-4, sum += p.q[i] * p.q[i];
    for (int i = 0; i < 4; i++) p.q[i] /= sqrt(sum);
    double a[3][3];
    for (int i = 0; i < 9; i++) a[i / 3][i % 3] = any(seed) / 100;
    for (int i = 0; i < 9; i++) { /* a a' is a covariance */
        p.cov[i] = 0;
        for (int k = 0; k < 3; k++) p.cov[i] += a[i / 3][k] * a[i % 3][k];
    }
    return p;
}

/* in_target * to_target == from_root * in_source, as seen from the root; rotations alone turn the
 * covariance. */
static void random_trees_beside_matrices(void **state) {
    (void)state;
    mn_random seed;
    mn_random_seed(&seed, 7);
    for (int tree = 0; tree < 300; tree++) {
        mn_frames f = {0};
        matrix root_of[16];
        char name[16][16];
        for (int i = 0; i < 16; i++) {
            snprintf(name[i], sizeof name[i], "f%d", i);
            const int up = i ? (int)(mn_random_u64(&seed) % (uint64_t)i) : -1;
            const mn_pose at = any_pose(&seed, up < 0 ? "map" : name[up]);
            const matrix m = matrix_of(&at);
            root_of[i] = up < 0 ? m : times(&root_of[up], &m);
            assert_ok(mn_frames_set(&f, name[i], &at, 0));
        }
        const int from = (int)(mn_random_u64(&seed) % 16), to = (int)(mn_random_u64(&seed) % 16);
        const mn_pose p = any_pose(&seed, name[from]);
        mn_pose out;
        assert_ok(mn_frames_to(&f, &p, name[to], &out));
        const matrix mp = matrix_of(&p), mo = matrix_of(&out);
        const matrix a = times(&root_of[from], &mp), b = times(&root_of[to], &mo);
        for (int i = 0; i < 16; i++)
            if (!(fabs(a.m[i / 4][i % 4] - b.m[i / 4][i % 4]) < 1e-9)) fail_msg("tree %d", tree);
        /* A_from C A_from' == A_to C' A_to' */
        matrix c = {0}, d = {0}, at = {0}, bt = {0};
        for (int i = 0; i < 3; i++)
            for (int j = 0; j < 3; j++) {
                c.m[i][j] = p.cov[3 * i + j], d.m[i][j] = out.cov[3 * i + j];
                at.m[j][i] = root_of[from].m[i][j], bt.m[j][i] = root_of[to].m[i][j];
            }
        c = times(&root_of[from], &c), c = times(&c, &at);
        d = times(&root_of[to], &d), d = times(&d, &bt);
        for (int i = 0; i < 9; i++)
            if (!(fabs(c.m[i / 3][i % 3] - d.m[i / 3][i % 3]) < 1e-9)) fail_msg("cov %d", tree);
        assert_ok(mn_pose_check(&out));
    }
}

/* ---- as JSON, and what is refused ------------------------------------------------------------ */
static int read_text(const char *text, mn_pose *out) {
    json_t *const json = json_loads(text, JSON_ALLOW_NUL, NULL);
    assert_non_null(json);
    const int rc = mn_pose_read(json, out);
    json_decref(json);
    return rc;
}

static void json_there_and_back(void **state) {
    (void)state;
    mn_pose p, again;
    assert_ok(read_text("{\"p\": [1, 2.5, -3]}", &p));
    assert_at(&p, "map", 1, 2.5, -3);
    assert_true(p.q[3] == 1 && p.t == 0 && p.cov[0] < 0);
    json_t *json = mn_pose_write(&p);
    char *text = mn_json_text(json, JSON_COMPACT);
    assert_string_equal(text, "{\"frame\":\"map\",\"p\":[1.0,2.5,-3.0]}");
    mn_free(text);
    json_decref(json);
    mn_random seed;
    mn_random_seed(&seed, 3);
    for (int i = 0; i < 200; i++) {
        p = any_pose(&seed, "odom");
        p.t = (int64_t)mn_random_u64(&seed) & INT64_MAX >> 8;
        json = mn_pose_write(&p);
        assert_ok(mn_pose_read(json, &again));
        json_decref(json);
        assert_string_equal(again.frame, "odom");
        assert_int_equal(again.t, p.t);
        assert_memory_equal(again.p, p.p, sizeof p.p);
        for (int k = 0; k < 4; k++) assert_true(fabs(again.q[k] - p.q[k]) < 1e-15);
        for (int k = 0; k < 9; k++) assert_true(fabs(again.cov[k] - p.cov[k]) < 1e-15);
    }
}

static void what_is_no_pose_is_refused(void **state) {
    (void)state;
    static const struct {
        const char *text, *says;
    } bad[] = {
        {"[1, 2, 3]", "a pose is an object"},
        {"{}", "p: a list of 3 numbers"},
        {"{\"p\": [1, 2]}", "p: a list of 3 numbers"},
        {"{\"p\": [1, 2, \"3\"]}", "p[2]: it is no number"},
        {"{\"p\": [1, 2, null]}", "p[2]: it is no number"},
        {"{\"p\": [1e10, 0, 0]}", "p[0]: 1e+10 m is farther than 1e+09 m"},
        {"{\"p\": [0, 0, 0], \"frame\": 7}", "frame: the name of a frame"},
        {"{\"p\": [0, 0, 0], \"frame\": \"\"}", "frame: a name of 1 to 63 bytes, not of 0"},
        {"{\"p\": [0, 0, 0], \"frame\": \"a\\u0000b\"}", "frame: a name of 1 to 63 bytes"},
        {"{\"p\": [0, 0, 0], \"frame\": \"a\\nb\"}", "frame: its name has a control character"},
        {"{\"p\": [0, 0, 0], \"frame\": "
         "\"0123456789012345678901234567890123456789012345678901234567890123\"}",
         "frame: a name of 1 to 63 bytes, not of 64"},
        {"{\"p\": [0, 0, 0], \"q\": [0, 0, 0, 0]}", "of length 1, not 0"},
        {"{\"p\": [0, 0, 0], \"q\": [0, 0, 0.1, 1.2]}", "of length 1, not 1.204"},
        {"{\"p\": [0, 0, 0], \"q\": [0, 0, 1]}", "q: a list of 4 numbers"},
        {"{\"p\": [0, 0, 0], \"t\": 1.5}", "t: us since 1970, a whole number"},
        {"{\"p\": [0, 0, 0], \"t\": -1}", "t: us since 1970, not -1"},
        {"{\"p\": [0, 0, 0], \"cov\": [1, 0, 0, 0, 1, 0, 0, 0]}", "cov: a list of 9 numbers"},
        {"{\"p\": [0, 0, 0], \"cov\": [-1, 0, 0, 0, 1, 0, 0, 0, 1]}", "cov: a variance of -1"},
        {"{\"p\": [0, 0, 0], \"cov\": [1, 0.5, 0, 0, 1, 0, 0, 0, 1]}", "cov: not symmetric"},
        {"{\"p\": [0, 0, 0], \"cov\": [1, 2, 0, 2, 1, 0, 0, 0, 1]}", "cov: no covariance"},
        /* each pair may be, all three together may not */
        {"{\"p\": [0, 0, 0], \"cov\": [1, -0.9, -0.9, -0.9, 1, -0.9, -0.9, -0.9, 1]}",
         "cov: no covariance: its determinant"},
    };
    mn_pose p = mn_pose_at("kept", 1, 2, 3);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_fails(read_text(bad[i].text, &p), MN_EINVAL, bad[i].says);
        assert_at(&p, "kept", 1, 2, 3);
    }
    /* A little off is made whole. */
    assert_ok(read_text("{\"p\": [0, 0, 0], \"q\": [0, 0, 0, 0.995]}", &p));
    assert_true(p.q[3] == 1);
    assert_ok(read_text("{\"p\": [0, 0, 0], \"cov\": [0, 0, 0, 0, 0, 0, 0, 0, 0]}", &p));
    assert_true(p.cov[0] == 0);
}

static void numbers_that_are_none(void **state) {
    (void)state;
    static const double bad[] = {NAN, INFINITY, -INFINITY};
    mn_frames f = {0};
    for (int i = 0; i < 3; i++) {
        for (int k = 0; k < 16; k++) {
            mn_pose p = mn_pose_at("map", 1, 2, 3);
            memset(p.cov, 0, sizeof p.cov);
            if (k < 3)
                p.p[k] = bad[i];
            else if (k < 7)
                p.q[k - 3] = bad[i];
            else
                p.cov[k - 7] = bad[i];
            assert_fails(mn_pose_check(&p), MN_EINVAL, "no number");
            assert_fails(mn_frames_set(&f, "base", &p, 0), MN_EINVAL, "no number");
        }
    }
    assert_int_equal(f.n, 0);
    const mn_pose p = mn_pose_at("map", 0, 0, 0);
    assert_fails(mn_frames_set(&f, "", &p, 0), MN_EINVAL, "frame: a name of 1 to 63 bytes");
    assert_fails(mn_frames_set(&f, "\xff", &p, 0), MN_EINVAL, "a pose: frame");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pose_is_found_in_other_frames),
        cmocka_unit_test(a_covariance_turns_with_it),
        cmocka_unit_test(vectors_and_distances),
        cmocka_unit_test(circles_are_refused),
        cmocka_unit_test(frames_that_lead_nowhere_are_named),
        cmocka_unit_test(what_is_fixed_stays_so),
        cmocka_unit_test(more_frames_than_there_is_room_for),
        cmocka_unit_test(random_trees_beside_matrices),
        cmocka_unit_test(json_there_and_back),
        cmocka_unit_test(what_is_no_pose_is_refused),
        cmocka_unit_test(numbers_that_are_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
