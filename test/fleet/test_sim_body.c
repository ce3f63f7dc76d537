/* SPDX-License-Identifier: Apache-2.0
 * test/fleet/test_sim_body.c - simulated bodies on a board in memory: what they do to the truth,
 * how long it takes, each way to fail, and that a seed says all of it. */
#include "test.h"

#include "base/buf.h"
#include "base/json.h"
#include "base/random.h"
#include "fleet/world.h"

#include <math.h>

#define S 1000000000ull

typedef struct bed {
    mn_board *b;
    json_t *world;
    uint64_t now;
} bed;

static bed lay(const char *failures) {
    bed t = {.now = 1000 * S};
    assert_ok(mn_fleet_world_read(NULL, &t.world));
    if (failures) {
        json_object_set_new(t.world, "failures", json_loads(failures, 0, NULL));
        assert_ok(mn_fleet_world_check("test", t.world, NULL));
    }
    assert_ok(mn_board_open_heap("main", &t.b));
    mn_board_clock(t.b, t.now, 1700000000000000);
    assert_ok(mn_fleet_world_put(t.b, t.world, "sim/"));
    return t;
}

static void clear(bed *t) {
    mn_board_close(&t->b);
    json_decref(t->world);
}

static void pass(bed *t, uint64_t now) {
    t->now = now;
    mn_board_clock(t->b, now, 1700000000000000 + (int64_t)(now / 1000));
}

static mn_skill_host *body(bed *t, const char *robot, uint64_t seed, double fail) {
    mn_skill_host *h;
    assert_ok(mn_sim_body_open(t->b, robot, seed, 1, fail, NULL, &h));
    return h;
}

static void begin(bed *t, mn_skill_host *h, const char *skill, const char *args) {
    json_t *const a = json_loads(args, 0, NULL);
    assert_non_null(a);
    assert_ok(h->ops->start(h, skill, a, t->now));
    json_decref(a);
}

/* Look until it ends, or until a moment: 1, it has ended. */
static int go_on(bed *t, mn_skill_host *h, uint64_t until, mn_skill_end *end) {
    for (;;) {
        uint64_t again;
        double progress;
        const int rc = h->ops->look(h, t->now, &again, &progress, end);
        assert_ok(rc);
        if (rc == 1) return 1;
        assert_true(again > t->now && progress >= 0 && progress <= 1);
        if (t->now >= until) return 0;
        pass(t, again < until ? again : until);
    }
}

/* The code it ends with; "" when it worked. seconds and seen may be NULL. */
static const char *run(bed *t, mn_skill_host *h, const char *skill, const char *args,
                       double *seconds, json_t **seen) {
    static char code[32];
    mn_skill_end end;
    const uint64_t from = t->now;
    begin(t, h, skill, args);
    assert_int_equal(go_on(t, h, UINT64_MAX, &end), 1);
    if (seconds) *seconds = (double)(t->now - from) / 1e9;
    if (seen) *seen = json_incref(json_object_get(end.result, "seen"));
    snprintf(code, sizeof code, "%s", end.code);
    assert_int_equal(end.ok, !*code);
    assert_true(end.ok || end.text.len > 0);
    mn_skill_end_free(&end);
    return code;
}
#define WORKS(t, h, skill, args)       assert_string_equal(run(t, h, skill, args, NULL, NULL), "")
#define FAILS(t, h, skill, args, code) assert_string_equal(run(t, h, skill, args, NULL, NULL), code)

static void where(bed *t, const char *thing, const char *at) {
    mn_scene s;
    mn_buf wrong = {0};
    assert_ok(mn_scene_read(t->b, "sim/", &s, NULL));
    if (mn_scene_sound(&s, &wrong) < 0) fail_msg("%s", wrong.data);
    assert_string_equal(mn_scene_thing(&s, thing)->at, at);
    mn_scene_free(&s);
    mn_buf_free(&wrong);
}

static mn_fleet_state state_of(bed *t, const char *robot) {
    mn_scene s;
    assert_ok(mn_scene_read(t->b, "sim/", &s, NULL));
    const mn_fleet_state state = mn_scene_robot(&s, robot)->state;
    mn_scene_free(&s);
    return state;
}

/* ---- what it does -------------------------------------------------------------------------- */
static void together(void **st) {
    (void)st;
    bed t = lay(NULL);
    double seconds;
    mn_skill_host *const carrier = body(&t, "carrier", 1, 0), *const arm = body(&t, "arm", 1, 0),
                         *const dual = body(&t, "dual", 1, 0);
    assert_string_equal(run(&t, carrier, "navigate", "{\"place\": \"counter\"}", &seconds, NULL),
                        "");
    assert_true(seconds > 3 && seconds < 3.9); /* 3.8 m at 1 m/s, and it stops before it */
    assert_string_equal(state_of(&t, "carrier").at, "counter");
    assert_string_equal(run(&t, arm, "grasp", "{\"thing\": \"apple\"}", &seconds, NULL), "");
    assert_true(seconds >= 2.7 && seconds <= 3.3);
    where(&t, "apple", "arm");
    WORKS(&t, arm, "place", "{\"thing\": \"apple\", \"place\": \"carrier\"}");
    where(&t, "apple", "carrier");
    assert_string_equal(run(&t, carrier, "navigate", "{\"place\": \"table\"}", &seconds, NULL), "");
    const mn_fleet_state s = state_of(&t, "carrier");
    assert_true(seconds > 10 && seconds < 12); /* through two doors */
    assert_true(hypot(s.p[0] - 12, s.p[1] - 2.5) < 1 && s.v[0] == 0);
    assert_true(fabs(1 - s.battery - (seconds + 3.5) * 0.0005) < 0.001);
    WORKS(&t, dual, "grasp", "{\"thing\": \"apple\"}");
    WORKS(&t, dual, "place", "{\"thing\": \"apple\", \"place\": \"table\"}");
    where(&t, "apple", "table");
    WORKS(&t, carrier, "say", "{\"text\": \"done\"}");
    assert_string_equal(run(&t, carrier, "wait", "{\"seconds\": 7}", &seconds, NULL), "");
    assert_true(fabs(seconds - 7) < 0.01);
    carrier->ops->close(&(mn_skill_host *){carrier});
    arm->ops->close(&(mn_skill_host *){arm});
    dual->ops->close(&(mn_skill_host *){dual});
    clear(&t);
}

static void hands(void **st) {
    (void)st;
    bed t = lay(NULL);
    mn_skill_host *arm = body(&t, "arm", 2, 0), *dual = body(&t, "dual", 2, 0);
    WORKS(&t, dual, "navigate", "{\"place\": \"counter\"}");
    WORKS(&t, arm, "grasp", "{\"thing\": \"cup\"}");
    WORKS(&t, arm, "hand_over", "{\"thing\": \"cup\", \"to\": \"dual\"}");
    where(&t, "cup", "dual");
    WORKS(&t, dual, "navigate", "{\"place\": \"fridge\"}");
    WORKS(&t, dual, "open", "{\"place\": \"fridge\"}");
    WORKS(&t, dual, "grasp", "{\"thing\": \"milk\"}");
    FAILS(&t, dual, "close", "{\"place\": \"fridge\"}", "no_hand");
    WORKS(&t, dual, "place", "{\"thing\": \"cup\", \"place\": \"fridge\"}");
    WORKS(&t, dual, "close", "{\"place\": \"fridge\"}");
    where(&t, "cup", "fridge");
    arm->ops->close(&arm);
    dual->ops->close(&dual);
    assert_null(arm);
    clear(&t);
}

static void cannot(void **st) {
    (void)st;
    bed t = lay(NULL);
    double seconds;
    mn_skill_host *arm = body(&t, "arm", 3, 0), *dual = body(&t, "dual", 3, 0),
                  *carrier = body(&t, "carrier", 3, 0);
    FAILS(&t, arm, "grasp", "{\"thing\": \"unicorn\"}", "not_found");
    FAILS(&t, arm, "grasp", "{\"thing\": \"table\"}", "not_found");
    FAILS(&t, arm, "grasp", "{\"thing\": \"pot\"}", "out_of_reach"); /* the same room */
    FAILS(&t, arm, "grasp", "{\"thing\": \"bowl\"}", "not_found");   /* another */
    FAILS(&t, arm, "grasp", "{\"thing\": \"milk\"}", "closed");
    FAILS(&t, arm, "place", "{\"thing\": \"cup\", \"place\": \"counter\"}", "not_held");
    FAILS(&t, arm, "inspect", "{\"place\": \"shelf\"}", "out_of_reach");
    WORKS(&t, arm, "grasp", "{\"thing\": \"cup\"}");
    FAILS(&t, arm, "grasp", "{\"thing\": \"apple\"}", "no_hand");
    FAILS(&t, dual, "grasp", "{\"thing\": \"cup\"}", "not_found");
    FAILS(&t, arm, "place", "{\"thing\": \"cup\", \"place\": \"shelf\"}", "out_of_reach");
    FAILS(&t, arm, "hand_over", "{\"thing\": \"cup\", \"to\": \"dual\"}", "out_of_reach");
    WORKS(&t, carrier, "navigate", "{\"place\": \"counter\"}");
    FAILS(&t, arm, "hand_over", "{\"thing\": \"cup\", \"to\": \"carrier\"}", "refused");
    WORKS(&t, arm, "place", "{\"thing\": \"cup\", \"place\": \"counter\"}");
    WORKS(&t, arm, "navigate", "{\"place\": \"stove\"}");
    assert_string_equal(run(&t, arm, "grasp", "{\"thing\": \"pot\"}", &seconds, NULL), "too_heavy");
    assert_true(seconds < 1); /* it is soon seen */
    FAILS(&t, arm, "open", "{\"place\": \"stove\"}", "stuck");
    WORKS(&t, arm, "navigate", "{\"place\": \"charger\"}");
    FAILS(&t, arm, "navigate", "{\"place\": \"nowhere\"}", "no_way");
    assert_int_equal(arm->ops->start(arm, "fly", NULL, t.now), MN_EINVAL);
    assert_int_equal(carrier->ops->start(carrier, "grasp", NULL, t.now), MN_EINVAL); /* no hands */
    mn_skill_host *none;
    assert_fails(mn_sim_body_open(t.b, "nobody", 1, 1, 0, NULL, &none), MN_ENOENT, "nobody");
    assert_fails(mn_sim_body_open(t.b, "arm", 1, 0, 0, NULL, &none), MN_EINVAL, "pace");
    assert_null(none);
    arm->ops->close(&arm);
    dual->ops->close(&dual);
    carrier->ops->close(&carrier);
    clear(&t);
}

/* ---- ways ---------------------------------------------------------------------------------- */
/* A world that came from another machine has no state of this body yet: it begins where the world
 * puts it. */
static void begins_where_the_world_says(void **st) {
    (void)st;
    bed t = lay(NULL);
    mn_fleet_state here = {0}, first = {0};
    mn_skill_host *h;
    assert_ok(mn_sim_body_open(t.b, "carrier", 5, 1, 0, &first, &h));
    h->ops->close(&h);
    assert_ok(mn_board_del(t.b, "sim/state/", "carrier", 0, 0));
    assert_ok(mn_sim_body_open(t.b, "carrier", 5, 1, 0, &here, &h));
    assert_string_equal(here.at, first.at);
    assert_memory_equal(here.p, first.p, sizeof here.p);
    assert_true(here.battery == first.battery);
    WORKS(&t, h, "navigate", "{\"place\": \"table\"}");
    assert_string_equal(here.at, "table");
    h->ops->close(&h);
    clear(&t);
}

static void set_door(bed *t, const char *door, int open) {
    json_t *const fields = json_pack("{s:b}", "open", open);
    assert_ok(mn_scene_set(t->b, "sim/", NULL, door, fields));
    json_decref(fields);
}

static void doors(void **st) {
    (void)st;
    bed t = lay(NULL);
    mn_skill_end end;
    mn_skill_host *carrier = body(&t, "carrier", 4, 0);
    set_door(&t, "dining door", 0);
    FAILS(&t, carrier, "navigate", "{\"place\": \"table\"}", "no_way");
    set_door(&t, "dining door", 1);
    begin(&t, carrier, "navigate", "{\"place\": \"table\"}");
    assert_int_equal(go_on(&t, carrier, t.now + 3 * S, &end), 0);
    set_door(&t, "dining door", 0); /* while it drives */
    assert_int_equal(go_on(&t, carrier, UINT64_MAX, &end), 1);
    assert_string_equal(end.code, "blocked");
    assert_non_null(strstr(end.text.data, "dining door"));
    mn_skill_end_free(&end);
    const mn_fleet_state s = state_of(&t, "carrier");
    assert_true(s.p[0] > 8.5 && s.p[0] < 9); /* before the door */
    assert_string_equal(s.at, "");
    carrier->ops->close(&carrier);
    clear(&t);
}

static void batteries(void **st) {
    (void)st;
    bed t = lay(NULL);
    json_t *const robot = json_array_get(json_object_get(t.world, "robots"), 0);
    json_object_set_new(robot, "battery", json_real(0.055));
    json_object_set_new(robot, "at", json_string("table"));
    assert_ok(mn_fleet_world_put(t.b, t.world, "sim/"));
    mn_fleet_state shown = {0};
    mn_skill_host *carrier;
    assert_ok(mn_sim_body_open(t.b, "carrier", 5, 1, 0, &shown, &carrier));
    assert_true(shown.battery == 0.055f && shown.p[0] == 12);
    assert_string_equal(shown.at, "table");
    WORKS(&t, carrier, "navigate", "{\"place\": \"counter\"}"); /* 11 s: 0.0495 are left */
    FAILS(&t, carrier, "navigate", "{\"place\": \"table\"}", "battery");
    WORKS(&t, carrier, "navigate", "{\"place\": \"charger\"}");
    const float before = shown.battery;
    WORKS(&t, carrier, "wait", "{\"seconds\": 10}");
    assert_true(fabs(shown.battery - before - 0.2) < 0.005);
    pass(&t, t.now + 100 * S); /* standing there fills it, too, and no more than full */
    WORKS(&t, carrier, "say", "{\"text\": \"full\"}");
    assert_true(shown.battery == 1);
    WORKS(&t, carrier, "navigate", "{\"place\": \"table\"}");
    assert_string_equal(shown.at, "table");
    carrier->ops->close(&carrier);
    clear(&t);
}

/* ---- what goes wrong ------------------------------------------------------------------------ */
static const json_t *seen(const json_t *list, const char *name) {
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *const one = json_array_get(list, i);
        if (!strcmp(json_string_value(json_object_get(one, "name")), name)) return one;
    }
    return NULL;
}

static void seen_at(bed *t, mn_skill_host *h, const char *skill, const char *args, const char *code,
                    const char *thing, const char *at) {
    json_t *list;
    mn_pose pose, truth;
    assert_string_equal(run(t, h, skill, args, NULL, &list), code);
    const json_t *const one = seen(list, thing);
    assert_non_null(one);
    assert_string_equal(json_string_value(json_object_get(one, "at")), at);
    assert_ok(mn_pose_read(json_object_get(one, "pose"), &pose));
    mn_scene s;
    assert_ok(mn_scene_read(t->b, "sim/", &s, NULL));
    assert_ok(mn_scene_pose(&s, thing, &truth));
    assert_true(mn_pose_distance(&pose, &truth) < 0.08);
    mn_scene_free(&s);
    json_decref(list);
}

static void on_request(void **st) {
    (void)st;
    bed t = lay(
        "[{\"skill\": \"grasp\", \"thing\": \"cup\", \"code\": \"lied\"},"
        " {\"skill\": \"place\", \"robot\": \"arm\", \"code\": \"dropped\"},"
        " {\"skill\": \"grasp\", \"thing\": \"apple\", \"code\": \"not_found\", \"times\": 2}]");
    mn_skill_host *arm = body(&t, "arm", 6, 0);
    seen_at(&t, arm, "grasp", "{\"thing\": \"cup\"}", "", "cup", "counter"); /* it says it worked */
    where(&t, "cup", "counter");
    seen_at(&t, arm, "grasp", "{\"thing\": \"cup\"}", "", "cup", "arm"); /* once alone */
    seen_at(&t, arm, "place", "{\"thing\": \"cup\", \"place\": \"counter\"}", "dropped", "cup",
            "counter");
    FAILS(&t, arm, "grasp", "{\"thing\": \"apple\"}", "not_found");
    FAILS(&t, arm, "grasp", "{\"thing\": \"apple\"}", "not_found");
    WORKS(&t, arm, "grasp", "{\"thing\": \"apple\"}");
    seen_at(&t, arm, "inspect", "{\"place\": \"counter\"}", "", "cup", "counter");
    arm->ops->close(&arm);
    clear(&t);
}

/* What falls where there is no furniture lies on the floor of the room. */
static void falls(void **st) {
    (void)st;
    bed t = lay("[{\"skill\": \"place\", \"code\": \"dropped\"}]");
    mn_skill_host *arm = body(&t, "arm", 7, 0), *carrier = body(&t, "carrier", 7, 0);
    WORKS(&t, arm, "grasp", "{\"thing\": \"cup\"}");
    WORKS(&t, arm, "navigate", "{\"place\": \"hall\"}");
    WORKS(&t, carrier, "navigate", "{\"place\": \"hall\"}");
    seen_at(&t, arm, "place", "{\"thing\": \"cup\", \"place\": \"carrier\"}", "dropped", "cup",
            "hall");
    WORKS(&t, arm, "grasp", "{\"thing\": \"cup\"}"); /* and can be picked up */
    WORKS(&t, arm, "place", "{\"thing\": \"cup\", \"place\": \"carrier\"}");
    where(&t, "cup", "carrier");
    arm->ops->close(&arm);
    carrier->ops->close(&carrier);
    clear(&t);
}

static void never_ending(void **st) {
    (void)st;
    bed t = lay("[{\"skill\": \"grasp\", \"code\": \"timeout\"}, {\"skill\": \"inspect\", "
                "\"code\": \"hung\"}]");
    mn_skill_end end;
    mn_skill_host *arm = body(&t, "arm", 8, 0);
    begin(&t, arm, "grasp", "{\"thing\": \"cup\"}");
    assert_int_equal(arm->ops->start(arm, "say", NULL, t.now), MN_EBUSY);
    assert_int_equal(go_on(&t, arm, t.now + 1000 * S, &end), 0);
    arm->ops->cancel(arm);
    pass(&t, t.now + 20000000);
    assert_int_equal(go_on(&t, arm, t.now, &end), 1);
    assert_string_equal(end.code, "cancelled");
    mn_skill_end_free(&end);
    where(&t, "cup", "counter");
    begin(&t, arm, "inspect", "{\"place\": \"counter\"}");
    arm->ops->cancel(arm);
    assert_int_equal(go_on(&t, arm, t.now + 1000 * S, &end), 0); /* it never ends */
    arm->ops->close(&arm);
    clear(&t);
}

/* From the moment it was told, it goes no further, however late somebody looks. */
static void stops(void **st) {
    (void)st;
    bed t = lay(NULL);
    mn_skill_end end;
    mn_skill_host *carrier = body(&t, "carrier", 9, 0);
    begin(&t, carrier, "navigate", "{\"place\": \"table\"}");
    assert_int_equal(go_on(&t, carrier, t.now + 2 * S, &end), 0);
    const mn_fleet_state told = state_of(&t, "carrier");
    assert_true(told.v[0] == 1 && told.p[0] > 0.7);
    carrier->ops->cancel(carrier);
    pass(&t, t.now + 5 * S);
    assert_int_equal(go_on(&t, carrier, t.now, &end), 1);
    assert_string_equal(end.code, "cancelled");
    mn_skill_end_free(&end);
    const mn_fleet_state is = state_of(&t, "carrier");
    assert_true(hypot(is.p[0] - told.p[0], is.p[1] - told.p[1]) < 1e-6 && is.v[0] == 0);
    assert_string_equal(is.at, "");
    WORKS(&t, carrier, "navigate", "{\"place\": \"table\"}"); /* and it goes on from there */
    carrier->ops->close(&carrier);
    clear(&t);
}

static void by_chance(void **st) {
    (void)st;
    int failed = 0, codes = 0;
    char first[32] = "";
    for (uint64_t seed = 0; seed < 200; seed++) {
        bed t = lay(NULL);
        mn_skill_host *arm = body(&t, "arm", seed, 0.25);
        const char *const code = run(&t, arm, "grasp", "{\"thing\": \"cup\"}", NULL, NULL);
        failed += *code != 0;
        if (*code && !*first) snprintf(first, sizeof first, "%s", code);
        codes += *code && strcmp(code, first) != 0;
        assert_true(!*code ||
                    strstr("not_found out_of_reach no_hand too_heavy dropped closed", code));
        where(&t, "cup", *code ? "counter" : "arm");
        arm->ops->close(&arm);
        clear(&t);
    }
    assert_true(failed > 25 && failed < 75); /* 50 are to be expected */
    assert_true(codes > 5);
}

/* ---- the seed says all ---------------------------------------------------------------------- */
/* A diary: what each of three robots does at random, when it ends and how, and all of the truth. */
static void diary(uint64_t seed, mn_buf *out) {
    static const char *const robots[] = {"carrier", "arm", "dual"};
    static const char *const places[] = {"counter", "table", "sink", "shelf", "hall", "charger"};
    static const char *const things[] = {"apple", "cup", "plate", "bowl", "milk"};
    bed t = lay("[{\"skill\": \"place\", \"code\": \"dropped\", \"times\": 5, \"chance\": 0.3}]");
    mn_random random;
    mn_skill_host *h[3];
    mn_random_seed(&random, seed);
    for (int i = 0; i < 3; i++) h[i] = body(&t, robots[i], seed, 0.1);
    for (int n = 0; n < 150; n++) {
        const int i = (int)(mn_random_u64(&random) % 3);
        char args[128];
        const int what = i ? (int)(mn_random_u64(&random) % 4) : 0;
        static const char *const skills[] = {"navigate", "grasp", "place", "inspect"};
        snprintf(args, sizeof args, "{\"thing\": \"%s\", \"place\": \"%s\"}",
                 things[mn_random_u64(&random) % 5], places[mn_random_u64(&random) % 6]);
        json_t *list;
        const char *const code = run(&t, h[i], skills[what], args, NULL, &list);
        assert_ok(mn_buf_printf(out, "%llu %s %s %s %s ", (unsigned long long)t.now, robots[i],
                                skills[what], args, code));
        if (list) assert_ok(mn_json_write(list, JSON_COMPACT, out));
        assert_ok(mn_buf_puts(out, "\n"));
        json_decref(list);
    }
    where(&t, "pot", "stove"); /* and the truth is sound */
    for (int i = 0; i < 3; i++) {
        const mn_fleet_state s = state_of(&t, robots[i]);
        assert_ok(mn_buf_append(out, &s, offsetof(mn_fleet_state, joint)));
        h[i]->ops->close(&h[i]);
    }
    clear(&t);
}

static void same_again(void **st) {
    (void)st;
    for (uint64_t seed = 1; seed <= 10; seed++) {
        mn_buf a = {0}, b = {0}, c = {0};
        diary(seed, &a);
        diary(seed, &b);
        diary(seed + 100, &c);
        assert_int_equal(a.len, b.len);
        assert_memory_equal(a.data, b.data, a.len);
        assert_true(a.len != c.len || memcmp(a.data, c.data, a.len));
        mn_buf_free(&a);
        mn_buf_free(&b);
        mn_buf_free(&c);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(begins_where_the_world_says),
        cmocka_unit_test(together),
        cmocka_unit_test(hands),
        cmocka_unit_test(cannot),
        cmocka_unit_test(doors),
        cmocka_unit_test(batteries),
        cmocka_unit_test(on_request),
        cmocka_unit_test(falls),
        cmocka_unit_test(never_ending),
        cmocka_unit_test(stops),
        cmocka_unit_test(by_chance),
        cmocka_unit_test(same_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
