/* SPDX-License-Identifier: Apache-2.0
 *
 * test/fleet/test_see.c - what is seen becomes what is believed: who is who among things of a
 * class, exactly, on cases made by hand; the gate; what moves a thing and what does not; how things
 * grow old; and junk, which is refused one by one while the rest counts.
 */
#include "test.h"

#include "base/alloc.h"
#include "fleet/see_match.h"

#include <math.h>

static const int64_t S = 1000000;
static const int64_t BEGIN = 1700000000 * (int64_t)1000000;
static mn_board *b;
static int64_t now;

static void clock_to(int64_t t) {
    now = t;
    mn_board_clock(b, (uint64_t)t * 1000, t);
}

static void set(const char *name, const char *format, ...) {
    va_list args;
    va_start(args, format);
    json_t *const fields = json_vpack_ex(NULL, 0, format, args);
    va_end(args);
    assert_non_null(fields);
    assert_ok(mn_scene_set(b, "", NULL, name, fields));
    json_decref(fields);
}

static json_t *at(double x, double y, double z) {
    return json_pack("{s:[f,f,f]}", "p", x, y, z);
}

static void robot(const char *name, double x, double y) {
    json_t *const json = json_pack("{s:i, s:s, s:f, s:f, s:f, s:[s], s:i, s:[]}", "format", 1,
                                   "body", "arm", "speed", 0.0, "reach", 0.8, "payload", 1.0,
                                   "hands", "left", "room_for", 2, "skills");
    assert_non_null(json);
    assert_ok(mn_board_put(b, "robot/", name, json, 0, NULL));
    json_decref(json);
    mn_fleet_state state = {.format = MN_STATE_FORMAT, .beat = 1, .q = {0, 0, 0, 1}, .battery = 1};
    state.p[0] = x;
    state.p[1] = y;
    state.until = UINT64_MAX;
    strcpy(state.frame, "map");
    char key[MN_FLEET_KEY];
    assert_ok(mn_board_key(b, "state/", name, key));
    mn_edit e = {
        .key = key, .kind = MN_EDIT_PUT, .value = &state, .n = mn_fleet_state_bytes(&state)};
    assert_ok(b->ops->commit(b, &e, 1));
}

/* A kitchen with a table (its top is at 0.8 m), a counter, a closed cupboard, and an arm. */
static int begin(void **state) {
    (void)state;
    assert_ok(mn_board_open_heap(NULL, &b));
    clock_to(BEGIN);
    set("kitchen", "{s:s, s:s, s:s, s:o, s:[f,f,f]}", "class", "room", "kind", "room", "at", "",
        "pose", at(0, 0, 0), "size", 8.0, 8.0, 0.0);
    set("table", "{s:s, s:s, s:s, s:s, s:o, s:[f,f,f]}", "class", "table", "kind", "furniture",
        "at", "kitchen", "how", "in", "pose", at(1, 1, 0.4), "size", 1.2, 0.8, 0.8);
    set("counter", "{s:s, s:s, s:s, s:s, s:o, s:[f,f,f], s:i}", "class", "counter", "kind",
        "furniture", "at", "kitchen", "how", "in", "pose", at(-1, 1, 0.45), "size", 1.0, 0.6, 0.9,
        "room_for", 2);
    set("cupboard", "{s:s, s:s, s:s, s:s, s:o, s:[f,f,f], s:b}", "class", "cupboard", "kind",
        "furniture", "at", "kitchen", "how", "in", "pose", at(-2, -2, 1), "size", 0.6, 0.4, 2.0,
        "open", 0);
    robot("arm1", 2.0, 1.0);
    return 0;
}

static int end(void **state) {
    (void)state;
    mn_board_close(&b);
    return 0;
}

static void put(const char *name, const char *class_, const char *place, double x, double y,
                double z) {
    set(name, "{s:s, s:s, s:s, s:s, s:{s:[f,f,f], s:I}}", "class", class_, "kind", "object", "at",
        place, "how", "on", "pose", "p", x, y, z, "t", (json_int_t)now);
}

static mn_seeing see_at(const char *place, const char *format, ...) {
    mn_seeing out;
    va_list args;
    va_start(args, format);
    json_t *const json = json_vpack_ex(NULL, 0, format, args);
    va_end(args);
    assert_non_null(json);
    assert_ok(mn_see(b, NULL, json, place, &out));
    json_decref(json);
    return out;
}

static void counts(const mn_seeing *s, int known, int fresh, int refused) {
    if (s->known != known || s->fresh != fresh || s->refused != refused)
        fail_msg("known %d, new %d, refused %d: %s; not %d %d %d", s->known, s->fresh, s->refused,
                 s->why, known, fresh, refused);
}

/* The thing as it is now; the scene is the caller's. */
static const mn_thing *thing(mn_scene *s, const char *name) {
    assert_ok(mn_scene_read(b, "", s, NULL));
    const mn_thing *const t = mn_scene_thing(s, name);
    if (!t) fail_msg("there is no %s", name);
    return t;
}

static void lies(const char *name, const char *place, double x, double y, double z) {
    mn_scene s;
    const mn_thing *const t = thing(&s, name);
    assert_string_equal(t->at, place);
    if (!(fabs(t->pose.p[0] - x) < 1e-6 && fabs(t->pose.p[1] - y) < 1e-6 &&
          fabs(t->pose.p[2] - z) < 1e-6))
        fail_msg("%s is at %g %g %g, not %g %g %g", name, t->pose.p[0], t->pose.p[1], t->pose.p[2],
                 x, y, z);
    mn_buf wrong = {0};
    if (mn_scene_sound(&s, &wrong) < 0) fail_msg("%s", wrong.data);
    mn_buf_free(&wrong);
    mn_scene_free(&s);
}

static int things(void) {
    mn_scene s;
    assert_ok(mn_scene_read(b, "", &s, NULL));
    const int n = s.n_things;
    mn_scene_free(&s);
    return n;
}

static json_t *last_event(void) {
    char key[MN_FLEET_KEY];
    mn_buf text = {0};
    uint64_t number = 0, from = 0;
    json_t *out = NULL;
    assert_ok(mn_board_key(b, "events", "", key));
    while (b->ops->record(b, key, from, &text, &number) > 0) {
        json_decref(out);
        out = json_loads(text.data, 0, NULL);
        from = number + 1;
    }
    mn_buf_free(&text);
    return out;
}

static int events(void) {
    char key[MN_FLEET_KEY];
    mn_buf text = {0};
    uint64_t number = 0, from = 0;
    assert_ok(mn_board_key(b, "events", "", key));
    while (b->ops->record(b, key, from, &text, &number) > 0) from = number + 1;
    mn_buf_free(&text);
    return (int)from;
}

#define CUP(x, y, z) "class", "cup", "pose", at(x, y, z)

/* ---- who is who ----------------------------------------------------------------------------- */
/* The first detection is nearer to cup b (4 cm) than to cup a (6 cm), but the second is b. */
static void two_cups_near_each_other(void **state) {
    (void)state;
    put("cup_a", "cup", "table", 1.00, 1, 0.85);
    put("cup_b", "cup", "table", 1.10, 1, 0.85);
    mn_seeing s = see_at(NULL, "[{s:s, s:o}, {s:s, s:o}]", CUP(1.06, 1, 0.85), CUP(1.11, 1, 0.85));
    counts(&s, 2, 0, 0);
    /* Both are known to 2 cm, so each lies in the middle (but for the millimetre of the floor). */
    const double gain = 4e-4 / (8e-4 + 1e-6);
    lies("cup_a", "table", 1.00 + gain * 0.06, 1, 0.85);
    lies("cup_b", "table", 1.10 + gain * 0.01, 1, 0.85);
    /* A third between them is a new one. */
    s = see_at(NULL, "[{s:s, s:o}, {s:s, s:o}, {s:s, s:o}]", CUP(1.03, 1, 0.85),
               CUP(1.105, 1, 0.85), CUP(1.07, 1, 0.85));
    counts(&s, 2, 1, 0);
    lies("cup", "table", 1.07, 1, 0.85);
}

static void each_of_a_class_once(void **state) {
    (void)state;
    put("cup", "cup", "table", 1, 1, 0.85);
    mn_seeing s = see_at(NULL, "[{s:s, s:o}, {s:s, s:o}]", CUP(1.001, 1, 0.85), CUP(1.0, 1, 0.85));
    counts(&s, 1, 1, 0); /* the second is nearer */
    lies("cup", "table", 1, 1, 0.85);
    lies("cup_2", "table", 1.001, 1, 0.85);
    /* Another class is another thing, though it is in the same place. */
    s = see_at(NULL, "{s:s, s:o}", "class", "apple", "pose", at(1, 1, 0.85));
    counts(&s, 0, 1, 0);
    lies("apple", "table", 1, 1, 0.85);
}

/* sqrt(11.3449 * (4e-4 + 4e-4 + 1e-6)) = 9.532 cm; after a minute 6e-3 m^2 more: 27.8 cm. */
static void the_gate_is_where_it_is_said_to_be(void **state) {
    (void)state;
    put("cup", "cup", "table", 1, 1, 0.85);
    mn_seeing s = see_at(NULL, "{s:s, s:o}", CUP(1.0 + 0.0950, 1, 0.85));
    counts(&s, 1, 0, 0);
    end(NULL);
    begin(NULL);
    put("cup", "cup", "table", 1, 1, 0.85);
    s = see_at(NULL, "{s:s, s:o}", CUP(1.0 + 0.0956, 1, 0.85));
    counts(&s, 0, 1, 0);
    for (int i = 0; i < 2; i++) {
        end(NULL);
        begin(NULL);
        put("cup", "cup", "table", 1, 1, 0.85);
        clock_to(BEGIN + 60 * S);
        s = see_at(NULL, "{s:s, s:o}", CUP(i ? 1.280 : 1.277, 1, 0.85));
        counts(&s, !i, i, 0);
    }
}

static void distance_and_fusion_are_those_of_the_book(void **state) {
    (void)state;
    mn_pose a = mn_pose_at("map", 1, 2, 3), z = mn_pose_at("map", 1.3, 2, 2.6);
    const double ca[9] = {0.04, 0, 0, 0, 0.04, 0, 0, 0, 0.01};
    const double cz[9] = {0.05 - 1e-6, 0, 0, 0, 0.05, 0, 0, 0, 0.03 - 1e-6};
    memcpy(a.cov, ca, sizeof ca);
    memcpy(z.cov, cz, sizeof cz);
    assert_true(fabs(mn_see_distance(&a, &z, NULL) - (0.09 / 0.09 + 0.16 / 0.04)) < 1e-9);
    mn_see_fuse(&a, &z);
    assert_true(fabs(a.p[0] - (1 + 0.3 * 4 / 9)) < 1e-9 && fabs(a.p[1] - 2) < 1e-9 &&
                fabs(a.p[2] - (3 - 0.4 / 4)) < 1e-9);
    assert_true(fabs(a.cov[0] - 0.04 * 5 / 9) < 1e-9 && fabs(a.cov[8] - 0.0075) < 1e-9);
    /* Along a diagonal that is known well, and across, where it is not. */
    const double slant[9] = {1, 0.99, 0, 0.99, 1, 0, 0, 0, 1};
    mn_pose k = mn_pose_at("map", 0, 0, 0), l = mn_pose_at("map", 1, 1, 0);
    memcpy(k.cov, slant, sizeof slant);
    memset(l.cov, 0, sizeof l.cov);
    const double along = mn_see_distance(&k, &l, NULL);
    l.p[1] = -1;
    const double across = mn_see_distance(&k, &l, NULL);
    assert_true(fabs(along - 2 / 1.990001) < 1e-6 && fabs(across - 2 / 0.010001) < 1e-2);
}

/* ---- what moves a thing ---------------------------------------------------------------------- */
static void what_is_held_is_not_moved_by_others(void **state) {
    (void)state;
    put("cup", "cup", "table", 1.5, 1, 0.85);
    const mn_move m = {"cup", "table", "arm1", "left", NULL};
    assert_ok(mn_scene_move(b, "", NULL, &m));
    clock_to(BEGIN + S);
    mn_seeing s = see_at(NULL, "{s:s, s:o, s:s}", CUP(1.9, 1.1, 0.1), "by", "carrier");
    counts(&s, 1, 0, 0);
    mn_scene scene;
    const mn_thing *t = thing(&scene, "cup");
    assert_string_equal(t->at, "arm1");
    assert_string_equal(t->how, "left");
    assert_null(json_object_get(t->json, "pose"));
    assert_int_equal(t->seen, BEGIN + S);
    assert_string_equal(t->seen_by, "carrier");
    mn_scene_free(&scene);
    /* One that stands on the table beside the arm is that, before it is the one in the hand. */
    put("mug", "cup", "table", 1.59, 1, 0.85);
    s = see_at(NULL, "{s:s, s:o}", CUP(1.58, 1, 0.85));
    counts(&s, 1, 0, 0);
    t = thing(&scene, "mug");
    assert_int_equal(t->seen, BEGIN + S);
    assert_true(t->pose.p[0] < 1.59);
    mn_scene_free(&scene);
    /* By its name, though far away: it is still in the hand. */
    s = see_at(NULL, "{s:s, s:s, s:o}", "name", "cup", CUP(-1, 1, 0.9));
    counts(&s, 1, 0, 0);
    t = thing(&scene, "cup");
    assert_string_equal(t->at, "arm1");
    mn_scene_free(&scene);
}

static void what_is_seen_elsewhere_is_moved_there(void **state) {
    (void)state;
    put("cup", "cup", "table", 1, 1, 0.85);
    clock_to(BEGIN + S);
    mn_seeing s =
        see_at(NULL, "{s:s, s:s, s:o, s:s}", "name", "cup", CUP(-1, 1.1, 0.95), "by", "arm1");
    counts(&s, 1, 0, 0);
    lies("cup", "counter", -1, 1.1, 0.95);
    json_t *event = last_event();
    assert_string_equal(json_string_value(json_object_get(event, "kind")), "seen");
    assert_string_equal(json_string_value(json_object_get(event, "thing")), "cup");
    assert_string_equal(json_string_value(json_object_get(event, "at")), "counter");
    assert_string_equal(json_string_value(json_object_get(event, "by")), "arm1");
    json_decref(event);
    /* Onto the floor. */
    s = see_at(NULL, "{s:s, s:s, s:o}", "name", "cup", CUP(0, -3, 0.05));
    counts(&s, 1, 0, 0);
    lies("cup", "kitchen", 0, -3, 0.05);
    /* On the edge it stays where it was; so does what is under the table when on the floor. */
    s = see_at(NULL, "{s:s, s:s, s:o}", "name", "cup", CUP(1.55, 1, 0.82));
    lies("cup", "table", 1.55, 1, 0.82);
    s = see_at(NULL, "{s:s, s:o}", CUP(1.635, 1, 0.82));
    counts(&s, 1, 0, 0);
    mn_scene scene;
    assert_string_equal(thing(&scene, "cup")->at, "table");
    mn_scene_free(&scene);
    s = see_at(NULL, "{s:s, s:s, s:o}", "name", "cup", CUP(1, 1, 0.05));
    lies("cup", "kitchen", 1, 1, 0.05);
    /* The counter has room for two: what is believed to lie there is left there. */
    put("a", "plate", "counter", -1.2, 1, 0.95);
    put("b", "plate", "counter", -0.8, 1, 0.95);
    s = see_at(NULL, "{s:s, s:s, s:o}", "name", "cup", CUP(-1, 1, 0.95));
    counts(&s, 1, 0, 0);
    lies("cup", "kitchen", -1, 1, 0.95);
    s = see_at(NULL, "{s:s, s:o}", "class", "fork", "pose", at(-1, 1, 0.95));
    counts(&s, 0, 1, 0);
    lies("fork", "kitchen", -1, 1, 0.95);
}

static void what_comes_late_moves_nothing(void **state) {
    (void)state;
    put("cup", "cup", "table", 1, 1, 0.85);
    clock_to(BEGIN + 10 * S);
    mn_seeing s = see_at(NULL, "{s:s, s:o}", CUP(1.05, 1, 0.85));
    const double x = 1 + 0.05 * (4e-4 + 1e-3) / (8e-4 + 1e-3 + 1e-6);
    lies("cup", "table", x, 1, 0.85);
    s = see_at(NULL, "{s:s, s:o, s:I}", CUP(1.0, 1, 0.85), "t", (json_int_t)(BEGIN + 5 * S));
    counts(&s, 1, 0, 0);
    lies("cup", "table", x, 1, 0.85);
    /* From the future: of a clock that is a little ahead, and of one that is wrong. */
    s = see_at(NULL, "{s:s, s:o, s:I}", CUP(x, 1, 0.85), "t", (json_int_t)(now + 3 * S));
    counts(&s, 1, 0, 0);
    mn_scene scene;
    assert_int_equal(thing(&scene, "cup")->seen, now);
    mn_scene_free(&scene);
    s = see_at(NULL, "{s:s, s:o, s:I}", CUP(x, 1, 0.85), "t", (json_int_t)(now + 6 * S));
    counts(&s, 0, 0, 1);
    assert_non_null(strstr(s.why, "6.0 s in the future"));
}

static void what_is_hidden_cannot_be_seen(void **state) {
    (void)state;
    set("cup", "{s:s, s:s, s:s, s:s}", "class", "cup", "kind", "object", "at", "cupboard", "how",
        "in");
    mn_seeing s = see_at(NULL, "{s:s, s:o}", CUP(-2, -2, 1));
    counts(&s, 0, 1, 0);
    lies("cup_2", "kitchen", -2, -2, 1); /* and nothing gets into what is closed */
    set("cupboard", "{s:b}", "open", 1);
    s = see_at(NULL, "[{s:s, s:o}, {s:s, s:o}]", CUP(-2.1, -2, 0.8), CUP(-2, -2, 1));
    counts(&s, 2, 0, 0); /* somewhere in it was enough to know */
    mn_scene scene;
    const mn_thing *const t = thing(&scene, "cup");
    assert_true(t->pose.p[0] < -2.09 && t->pose.p[0] > -2.1001);
    mn_scene_free(&scene);
}

static void poses_in_frames(void **state) {
    (void)state;
    mn_frames f = {0};
    mn_pose base = mn_pose_at("map", 1, 0, 0.8);
    base.q[2] = base.q[3] = sqrt(0.5);
    assert_ok(mn_frames_set(&f, "camera", &base, 1));
    json_t *const json = json_pack("[{s:s, s:{s:s, s:[f,f,f]}}, {s:s, s:{s:s, s:[f,f,f]}}]",
                                   "class", "cup", "pose", "frame", "camera", "p", 1.0, 0.2, 0.05,
                                   "class", "cup", "pose", "frame", "webcam", "p", 1.0, 0.0, 0.05);
    mn_seeing s;
    assert_ok(mn_see(b, &f, json, NULL, &s));
    json_decref(json);
    counts(&s, 0, 1, 1);
    assert_string_equal(s.why, "frame 'webcam' is not known");
    lies("cup", "table", 0.8, 1, 0.85);
}

static void where_no_room_is_known(void **state) {
    (void)state;
    mn_seeing s = see_at(NULL, "[{s:s, s:o}, {s:s, s:o}]", CUP(50, 50, 0), CUP(60, 50, 0));
    counts(&s, 0, 2, 0);
    lies("cup", "somewhere", 50, 50, 0);
    lies("cup_2", "somewhere", 60, 50, 0);
    /* Or in what was looked at. */
    s = see_at("kitchen", "{s:s, s:o}", "class", "fork", "pose", at(50, 51, 0));
    lies("fork", "kitchen", 50, 51, 0);
}

/* ---- growing old ----------------------------------------------------------------------------- */
static double sure_of(const char *name) {
    mn_scene s;
    const double sure = mn_see_sure(thing(&s, name), now);
    mn_scene_free(&s);
    return sure;
}

static void near(double is, double should) {
    if (!(fabs(is - should) < 1e-9)) fail_msg("%.12g, not %.12g", is, should);
}

static void things_grow_old_and_do_not_vanish(void **state) {
    (void)state;
    mn_seeing s = see_at("table", "{s:s, s:o, s:f}", CUP(1, 1, 0.85), "sure", 0.8);
    counts(&s, 0, 1, 0);
    near(sure_of("cup"), 0.8);
    clock_to(BEGIN + 3600 * S);
    near(sure_of("cup"), 0.4);
    /* The table is looked at and it is not there; within a second that counts once. */
    for (int i = 0; i < 5; i++) {
        s = see_at("table", "[]");
        assert_int_equal(s.missed, i == 0);
    }
    near(sure_of("cup"), 0.2);
    json_t *event = last_event();
    assert_string_equal(json_string_value(json_object_get(event, "kind")), "missed");
    json_decref(event);
    const int told = events();
    clock_to(now + 2 * S);
    s = see_at("table", "[]");
    assert_int_equal(s.missed, 1);
    near(sure_of("cup"), 0.8 * exp2(-2 - 3602 / 3600.0));
    assert_int_equal(events(), told); /* it was told when it began */
    for (int i = 0; i < 100; i++) {
        clock_to(now + 2 * S);
        see_at("table", "[]");
    }
    near(sure_of("cup"), 1e-3);
    lies("cup", "table", 1, 1, 0.85);
    /* It is seen again: as sure as that is, and more. */
    s = see_at("table", "{s:s, s:o, s:f}", CUP(1, 1, 0.85), "sure", 0.8);
    counts(&s, 1, 0, 0);
    near(sure_of("cup"), 1 - 0.999 * 0.2);
    assert_int_equal(s.missed, 0);
}

static void only_what_should_have_been_seen_is_missed(void **state) {
    (void)state;
    put("cup", "cup", "table", 1, 1, 0.85);
    put("plate", "plate", "counter", -1, 1, 0.95);
    set("fork", "{s:s, s:s, s:s, s:s}", "class", "fork", "kind", "object", "at", "arm1", "how",
        "left");
    clock_to(BEGIN + 5 * S);
    mn_seeing s = see_at("table", "[]");
    assert_int_equal(s.missed, 1);
    near(sure_of("cup"), 0.5);
    near(sure_of("plate"), 1);
    near(sure_of("fork"), 1);
    json_t *const none = json_array();
    assert_fails(mn_see(b, NULL, none, "moon", &s), MN_ENOENT, "there is no place 'moon'");
    json_decref(none);
}

static void a_camera_does_not_fill_the_log(void **state) {
    (void)state;
    see_at(NULL, "{s:s, s:o}", CUP(1, 1, 0.85));
    const int told = events();
    for (int i = 0; i < 500; i++) { /* 50 s at 10 Hz */
        clock_to(now + S / 10);
        const mn_seeing s = see_at(NULL, "{s:s, s:o}", CUP(1 + 0.001 * (i % 3), 1, 0.85));
        counts(&s, 1, 0, 0);
    }
    assert_int_equal(events(), told);
    assert_int_equal(things(), 5);
    clock_to(now + 61 * S);
    see_at(NULL, "{s:s, s:o}", CUP(1, 1, 0.85));
    assert_int_equal(events(), told + 1);
}

/* ---- junk ------------------------------------------------------------------------------------ */
static void junk_is_refused_one_by_one(void **state) {
    (void)state;
    static const struct {
        const char *text, *says;
    } junk[] = {
        {"7", "a detection is an object"},
        {"null", "a detection is an object"},
        {"{}", "class: what was seen?"},
        {"{\"class\": \"cup\"}", "a pose is an object"},
        {"{\"class\": 3, \"pose\": {\"p\": [1, 1, 1]}}", "class: a text"},
        {"{\"class\": \"a/b\", \"pose\": {\"p\": [1, 1, 1]}}", "a '/'"},
        {"{\"class\": \"cup\", \"pose\": {\"p\": [1, 1]}}", "p: a list of 3 numbers"},
        {"{\"class\": \"cup\", \"pose\": {\"p\": [1, 1, 1e12]}}", "farther than"},
        {"{\"class\": \"cup\", \"pose\": {\"p\": [1, 1, 1], \"q\": [0, 0, 0, 0]}}", "of length 1"},
        {"{\"class\": \"cup\", \"pose\": {\"p\": [1, 1, 1]}, \"sure\": 1.5}", "sure: a number"},
        {"{\"class\": \"cup\", \"pose\": {\"p\": [1, 1, 1]}, \"sure\": \"very\"}",
         "sure: a number"},
        {"{\"class\": \"cup\", \"pose\": {\"p\": [1, 1, 1]}, \"sure\": 0.2}",
         "too little for a new"},
        {"{\"class\": \"cup\", \"pose\": {\"p\": [1, 1, 1]}, \"t\": -5}", "us since 1970"},
        {"{\"class\": \"cup\", \"pose\": {\"p\": [1, 1, 1]}, \"t\": 1.5}", "a whole number"},
        {"{\"class\": \"cup\", \"pose\": {\"p\": [1, 1, 1]}, \"size\": [1, 1]}", "three lengths"},
        {"{\"class\": \"cup\", \"pose\": {\"p\": [1, 1, 1]}, \"size\": [1, 1, -1]}",
         "three lengths"},
        {"{\"class\": \"cup\", \"pose\": {\"frame\": \"odom\", \"p\": [1, 1, 1]}}",
         "frame 'odom' is not known"},
        {"{\"name\": \"ghost\", \"pose\": {\"p\": [1, 1, 1]}}", "'ghost' is not known"},
        {"{\"name\": \"arm1\", \"class\": \"arm\", \"pose\": {\"p\": [1, 1, 1]}}", "is a robot"},
        {"{\"name\": \"kitchen\", \"pose\": {\"p\": [1, 1, 1]}}", "is a room"},
        {"{\"name\": \"bowl\", \"class\": \"cup\", \"pose\": {\"p\": [1, 1, 1]}}",
         "'bowl' is a bowl, not a cup"},
        {"{\"class\": \"table\", \"pose\": {\"p\": [-3, -3, 0]}}", "no known table is at"},
    };
    put("bowl", "bowl", "table", 0.6, 1, 0.85);
    const int before = things();
    enum { N = sizeof junk / sizeof *junk };
    json_t *const all = json_array();
    for (int i = 0; i < N; i++) {
        json_t *const one = json_loads(junk[i].text, JSON_DECODE_ANY, NULL);
        mn_seeing s;
        assert_non_null(one);
        json_array_append(all, one);
        if (!json_is_array(one)) {
            assert_ok(mn_see(b, NULL, one, NULL, &s));
            counts(&s, 0, 0, 1);
            if (!strstr(s.why, junk[i].says)) fail_msg("'%s' lacks '%s'", s.why, junk[i].says);
        }
        json_decref(one);
    }
    assert_int_equal(things(), before);
    /* Among them one that is right, a table that we know, and the bowl twice by name. */
    json_array_append_new(all, json_pack("{s:s, s:o}", CUP(1, 1, 0.85)));
    json_array_append_new(all, json_pack("{s:s, s:o}", "class", "table", "pose", at(1, 1, 0.4)));
    json_array_append_new(all, json_pack("{s:s, s:o}", "name", "bowl", "pose", at(0.6, 1, 0.85)));
    json_array_append_new(all, json_pack("{s:s, s:o}", "name", "bowl", "pose", at(0.7, 1, 0.85)));
    mn_seeing s;
    assert_ok(mn_see(b, NULL, all, NULL, &s));
    counts(&s, 2, 1, N + 1);
    lies("cup", "table", 1, 1, 0.85);
    json_decref(all);
}

static void more_than_a_call_takes(void **state) {
    (void)state;
    json_t *const all = json_array();
    for (int i = 0; i < MN_SEE_MOST + 7; i++)
        json_array_append_new(
            all, json_pack("{s:s, s:o}", CUP(0.5 + 0.001 * (i % 2), 0.7 + 0.01 * (i % 50), 0.85)));
    mn_seeing s;
    assert_ok(mn_see(b, NULL, all, NULL, &s));
    assert_int_equal(s.fresh, MN_SEE_MOST);
    assert_int_equal(s.refused, 7);
    json_decref(all);
}

/* Whatever allocation fails, the scene is sound, and what was seen is there whole or not at all. */
static void allocations_fail(void **state) {
    (void)state;
    json_t *const all = json_pack("[{s:s, s:o, s:s}, {s:s, s:o}, {s:s, s:s, s:o}]", CUP(1, 1, 0.85),
                                  "by", "arm1", "class", "fork", "pose", at(-1, 1, 0.95), "name",
                                  "bowl", "class", "bowl", "pose", at(-0.9, 1, 0.95));
    long n = 1;
    for (int failed = 1; failed; n++) {
        end(NULL);
        begin(NULL);
        put("cup", "cup", "table", 1, 1, 0.85);
        put("bowl", "bowl", "table", 0.6, 1, 0.85);
        mn_seeing s;
        mn_alloc_fail_after(n);
        const int rc = mn_see(b, NULL, all, "table", &s);
        failed = mn_alloc_fail_left() <= 0;
        mn_alloc_fail_after(0);
        if (rc < 0) assert_int_equal(rc, MN_ENOMEM);
        mn_scene scene;
        mn_buf wrong = {0};
        assert_ok(mn_scene_read(b, "", &scene, &wrong));
        if (wrong.len || mn_scene_sound(&scene, &wrong) < 0) fail_msg("%ld: %s", n, wrong.data);
        mn_buf_free(&wrong);
        if (!failed) counts(&s, 2, 1, 0);
        mn_scene_free(&scene);
    }
    assert_true(n > 20);
    json_decref(all);
}

int main(void) {
#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        T(two_cups_near_each_other),
        T(each_of_a_class_once),
        T(the_gate_is_where_it_is_said_to_be),
        T(distance_and_fusion_are_those_of_the_book),
        T(what_is_held_is_not_moved_by_others),
        T(what_is_seen_elsewhere_is_moved_there),
        T(what_comes_late_moves_nothing),
        T(what_is_hidden_cannot_be_seen),
        T(poses_in_frames),
        T(where_no_room_is_known),
        T(things_grow_old_and_do_not_vanish),
        T(only_what_should_have_been_seen_is_missed),
        T(a_camera_does_not_fill_the_log),
        T(junk_is_refused_one_by_one),
        T(more_than_a_call_takes),
        T(allocations_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
