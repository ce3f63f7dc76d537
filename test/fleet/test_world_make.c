/* SPDX-License-Identifier: Apache-2.0
 * test/fleet/test_world_make.c - made worlds are sound and unlike, their tasks are understood, and
 * a dual arm alone does each of them, in the truth, with simulated time. */
#include "test.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "base/json.h"
#include "fleet/plan.h"
#include "fleet/world.h"

enum { SEEDS = 60 };

static uint64_t now;

static int run(mn_board *b, mn_skill_host *h, const char *skill, const char *thing,
               const char *place) {
    json_t *const args = json_pack("{s:s*, s:s*}", "thing", thing, "place", place);
    mn_skill_end end;
    assert_ok(h->ops->start(h, skill, args, now));
    json_decref(args);
    for (;;) {
        uint64_t again;
        double progress;
        const int rc = h->ops->look(h, now, &again, &progress, &end);
        assert_ok(rc);
        if (rc == 1) break;
        now = again;
        mn_board_clock(b, now, 1700000000000000 + (int64_t)(now / 1000));
    }
    const int ok = end.ok;
    if (!ok)
        print_error("%s %s %s: %s, %s\n", skill, thing ? thing : "", place ? place : "", end.code,
                    end.text.data);
    mn_skill_end_free(&end);
    return ok;
}
#define WORKS(...) assert_true(run(__VA_ARGS__))

static void read_truth(mn_board *b, mn_scene *s) {
    mn_buf wrong = {0};
    assert_ok(mn_scene_read(b, "sim/", s, &wrong));
    if (wrong.len) fail_msg("%s", wrong.data);
    if (mn_scene_sound(s, &wrong) < 0) fail_msg("%s", wrong.data);
    mn_buf_free(&wrong);
}

/* It opens every door on its side first, then what can be closed, then carries one by one. */
static void alone(mn_board *b, const mn_scene *s, const mn_goals *g) {
    mn_skill_host *dual;
    assert_ok(mn_sim_body_open(b, "dual1", 1, 1, 0, NULL, &dual));
    for (int again = 0; again < s->n_things; again++) /* a door behind a door */
        for (int i = 0; i < s->n_things; i++) {
            mn_scene is;
            const mn_thing *const t = &s->thing[i];
            if (t->open) continue;
            read_truth(b, &is);
            const int shut = !mn_scene_thing(&is, t->name)->open;
            const int way =
                mn_route_seconds(&is, mn_scene_robot(&is, "dual1"), "", t->name, NULL, NULL) >= 0;
            mn_scene_free(&is);
            if (!shut || !way) continue;
            WORKS(b, dual, "navigate", NULL, t->name);
            WORKS(b, dual, "open", NULL, t->name);
        }
    for (int i = 0; i < g->n; i++) {
        WORKS(b, dual, "navigate", NULL, mn_scene_thing(s, g->goal[i].arg[0])->at);
        WORKS(b, dual, "grasp", g->goal[i].arg[0], NULL);
        WORKS(b, dual, "navigate", NULL, g->goal[i].arg[1]);
        WORKS(b, dual, "place", g->goal[i].arg[0], g->goal[i].arg[1]);
    }
    dual->ops->close(&dual);
}

static void one(uint64_t seed, int robots) {
    json_t *world;
    char *task;
    mn_board *b;
    mn_scene s, after;
    mn_goals g = {0};
    assert_ok(mn_fleet_world_make(seed, robots, &world, &task));
    assert_ok(mn_board_open_heap("main", &b));
    mn_board_clock(b, now = 1000000000, 1700000000000000);
    assert_ok(mn_fleet_world_put(b, world, "sim/"));
    read_truth(b, &s);
    assert_int_equal(s.n_robots, robots);
    if (mn_goals_read(&s, task, &g) < 0) fail_msg("'%s': %s", task, mn_error_detail());
    assert_in_range(g.n, robots + 1, robots + 2);
    assert_int_equal(mn_goals_reached(&s, &g), 0); /* there is something to do for each */
    alone(b, &s, &g);
    read_truth(b, &after);
    assert_int_equal(mn_goals_reached(&after, &g), g.n);
    mn_scene_free(&after);
    mn_goals_free(&g);
    mn_scene_free(&s);
    mn_board_close(&b);
    json_decref(world);
    mn_free(task);
}

static void can_be_done(void **st) {
    (void)st;
    for (uint64_t seed = 0; seed < SEEDS; seed++) one(seed, 3 + (int)(seed % 4));
}

static void unlike(void **st) {
    (void)st;
    char *task[SEEDS];
    json_t *world[SEEDS];
    for (int i = 0; i < SEEDS; i++) {
        assert_ok(mn_fleet_world_make((uint64_t)i, 0, &world[i], &task[i]));
        for (int k = 0; k < i; k++) {
            assert_string_not_equal(task[i], task[k]);
            assert_false(json_equal(world[i], world[k]));
        }
    }
    int robots[7] = {0};
    for (int i = 0; i < SEEDS; i++) { /* the same seed: the same world */
        json_t *w;
        char *t;
        assert_ok(mn_fleet_world_make((uint64_t)i, 0, &w, &t));
        assert_string_equal(t, task[i]);
        assert_true(json_equal(w, world[i]));
        robots[json_array_size(json_object_get(w, "robots"))]++;
        json_decref(w);
        mn_free(t);
    }
    for (int n = 3; n <= 6; n++) assert_true(robots[n] > 5);
    for (int i = 0; i < SEEDS; i++) {
        json_decref(world[i]);
        mn_free(task[i]);
    }
}

static void refused(void **st) {
    (void)st;
    json_t *world;
    char *task;
    assert_fails(mn_fleet_world_make(1, 2, &world, &task), MN_EINVAL, "3 to 6 robots");
    assert_fails(mn_fleet_world_make(1, 7, &world, &task), MN_EINVAL, "not 7");
    assert_true(!world && !task);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(can_be_done),
        cmocka_unit_test(unlike),
        cmocka_unit_test(refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
