/* SPDX-License-Identifier: Apache-2.0
 *
 * test/fleet/test_route.c - ways through rooms whose lengths are known, doors that are closed, and
 * random floors beside Floyd and Warshall's way of finding the shortest.
 */
#include "test.h"

#include "made.h"

#include "base/random.h"
#include "fleet/plan.h"
#include "fleet/route.h"

#include <math.h>

static int near(double a, double b) {
    return fabs(a - b) < 1e-9;
}

static void ways_are_as_long_as_they_are(void **state) {
    (void)state;
    mn_scene s;
    made_kitchen(&s);
    const mn_robot_seen *duo = mn_scene_robot(&s, "duo"), *arm = mn_scene_robot(&s, "arm");
    const char *through[MN_ROUTE_CLOSED];
    int n = -1;
    assert_true(near(mn_route_seconds(&s, duo, "counter", "sink", NULL, NULL), 2));
    assert_true(near(mn_route_seconds(&s, duo, "", "shelf", NULL, NULL), 4));
    const double far = hypot(3.5, 1.5) + 5;
    assert_true(near(mn_route_seconds(&s, duo, "counter", "shelf", through, &n), 2 * far));
    assert_int_equal(n, 0);
    assert_true(mn_route_seconds(&s, arm, "counter", "shelf", NULL, NULL) < 0);
    assert_true(near(mn_route_seconds(&s, arm, "", "counter", NULL, NULL), 0));
    assert_true(mn_route_seconds(&s, duo, "", "moon", NULL, NULL) < 0);
    mn_scene_thing(&s, "kitchen_door")->open = 0;
    assert_true(mn_route_seconds(&s, duo, "counter", "shelf", NULL, NULL) < 0);
    assert_true(near(mn_route_seconds(&s, duo, "counter", "shelf", through, &n), 2 * far));
    assert_int_equal(n, 1);
    assert_string_equal(through[0], "kitchen_door");
    mn_scene_free(&s);
}

static void points_lead_through_open_doors(void **state) {
    (void)state;
    mn_scene s;
    made_kitchen(&s);
    double xy[8][2];
    const mn_pose from = mn_pose_at("map", 1, 1, 0);
    assert_int_equal(mn_route_points(&s, &from, "shelf", xy, 8), 3);
    assert_true(near(xy[0][0], 1) && near(xy[1][0], 4) && near(xy[1][1], 2) && near(xy[2][0], 9));
    assert_int_equal(mn_route_points(&s, &from, "sink", xy, 8), 2);
    assert_fails(mn_route_points(&s, &from, "shelf", xy, 2), MN_ETOOLONG, "3 points");
    assert_fails(mn_route_points(&s, &from, "moon", xy, 8), MN_ENOENT, "moon");
    mn_scene_thing(&s, "kitchen_door")->open = 0;
    assert_fails(mn_route_points(&s, &from, "shelf", xy, 8), MN_ENOENT, "no way leads");
    mn_scene_free(&s);
}

/* rooms x rooms squares of 4 m, doors between neighbours at random, some closed. */
static void floors_are_as_floyd_and_warshall_say(void **state) {
    (void)state;
    mn_random r;
    mn_random_seed(&r, 11);
    for (int round = 0; round < 200; round++) {
        mn_scene s;
        made_begin(&s);
        char name[32], other[32];
        for (int i = 0; i < 9; i++) {
            snprintf(name, sizeof name, "room_%d", i);
            made_room(&s, name, 4 * (i % 3) + 2, 4 * (i / 3) + 2, 4, 4);
        }
        for (int i = 0; i < 9; i++)
            for (int k = 0; k < 2; k++) {
                const int to = k ? i + 3 : i + 1;
                if ((!k && i % 3 == 2) || to > 8 || mn_random_unit(&r) < 0.3) continue;
                char door[32];
                snprintf(door, sizeof door, "door_%d_%d", i, to);
                snprintf(name, sizeof name, "room_%d", i);
                snprintf(other, sizeof other, "room_%d", to);
                const double at = 0.5 + 3 * mn_random_unit(&r);
                const double x = 4 * (i % 3) + (k ? at : 4), y = 4 * (i / 3) + (k ? 4 : at);
                made_door(&s, door, name, other, x, y, mn_random_unit(&r) < 0.8);
            }
        made_end(&s);
        mn_routes w;
        assert_ok(mn_routes_read(&s, &w));
        double far[MN_ROUTE_DOORS + 2][MN_ROUTE_DOORS + 2];
        mn_spot spot[MN_ROUTE_DOORS + 2];
        const int n = w.n_doors + 2;
        for (int i = 0; i < w.n_doors; i++) spot[i] = w.spot[i];
        for (int i = w.n_doors; i < n; i++)
            spot[i] = mn_routes_point(&w, 12 * mn_random_unit(&r), 12 * mn_random_unit(&r));
        const double closed = round % 2 ? 5 : -1;
        for (int i = 0; i < n; i++)
            for (int k = 0; k < n; k++) {
                int meet = 0;
                for (int a = 0; a < 4; a++) meet |= spot[i].room[a / 2] == spot[k].room[a % 2];
                double plus = k < w.n_doors && !w.door[k]->open ? closed : 0;
                far[i][k] = !meet || plus < 0
                                ? INFINITY
                                : hypot(spot[i].x - spot[k].x, spot[i].y - spot[k].y) + plus;
            }
        for (int m = 0; m < w.n_doors; m++)
            for (int i = 0; i < n; i++)
                for (int k = 0; k < n; k++)
                    if (far[i][m] + far[m][k] < far[i][k]) far[i][k] = far[i][m] + far[m][k];
        int way[MN_ROUTE_DOORS], m;
        double is = mn_routes_metres(&w, spot + n - 2, spot + n - 1, NULL, closed, way, &m);
        for (int i = 0; i < m; i++) is += w.door[way[i]]->open ? 0 : closed;
        const double want = far[n - 2][n - 1];
        if (want == INFINITY ? is >= 0 : !near(is, want))
            fail_msg("round %d: %g, not %g", round, is, want);
        mn_scene_free(&s);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ways_are_as_long_as_they_are),
        cmocka_unit_test(points_lead_through_open_doors),
        cmocka_unit_test(floors_are_as_floyd_and_warshall_say),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
