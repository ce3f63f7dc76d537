/* SPDX-License-Identifier: Apache-2.0
 *
 * test/fleet/test_scene_move.c - moves and other changes of a scene: all of one or nothing, only
 * while the lease stands, only where there is room; on every kind of board.
 */
#include "fleet/boards.h"
#include "fleet/kitchen.h"

#include "base/alloc.h"
#include "base/random.h"

static mn_move a_move(const char *thing, const char *from, const char *to, const char *how) {
    return (mn_move){.thing = thing, .from = from, .to = to, .how = how};
}

static void from_here_to_there(mn_board *b) {
    mn_buf event = {0};
    uint64_t number;
    const mn_pose pose = mn_pose_at("map", 6, 1, 1);
    kitchen_make(b);
    mn_move m = a_move("apple", "bowl", "shelf", "on");
    m.pose = &pose;
    assert_ok(mn_scene_move(b, "", NULL, &m));
    kitchen_is_at(b, "apple", "shelf", "on");
    mn_scene s = kitchen_read(b);
    const mn_thing *const apple = mn_scene_thing(&s, "apple");
    assert_true(apple->pose.p[2] == 1);
    const json_t *const colour =
        json_object_get(apple->json, "colour"); /* what is not ours stays */
    assert_int_equal(json_integer_value(json_object_get(json_array_get(colour, 1), "deep")), 1);
    mn_scene_free(&s);
    int last = 0;
    for (uint64_t n = 0; b->ops->record(b, "fleet/main/events", n, &event, &number) == 1; n++)
        last = !strstr(event.data, "moved") ? 0 : strstr(event.data, "\"from\":\"bowl\"") != NULL;
    assert_int_equal(last, 1);
    mn_buf_free(&event);
    assert_ok(kitchen_move(b, "apple", "table", "on"));
    s = kitchen_read(b);
    assert_string_equal(mn_scene_thing(&s, "apple")->pose.frame, ""); /* it is where the table is */
    mn_scene_free(&s);
    assert_ok(kitchen_move(b, "apple", "table", "in")); /* where it is, but how */
    kitchen_is_at(b, "apple", "table", "in");
    m = a_move("apple", "shelf", "bowl", "in");
    assert_fails(mn_scene_move(b, "", NULL, &m), MN_ECONFLICT,
                 "'apple' is at 'table', not at 'shelf'");
    kitchen_is_at(b, "apple", "table", "in");
}

static void refused(mn_board *b) {
    kitchen_make(b);
    assert_fails(kitchen_move(b, "ghost", "table", "on"), MN_ENOENT, "no thing 'ghost'");
    assert_fails(kitchen_move(b, "cup", "ghost", "on"), MN_ENOENT, "no robot 'ghost'");
    assert_fails(kitchen_move(b, "cup", "a/b", "on"), MN_EINVAL, "'/'");
    assert_fails(kitchen_move(b, "bowl", "bowl", "in"), MN_EINVAL, "into itself");
    assert_fails(kitchen_move(b, "bowl", "apple", "in"), MN_EINVAL, "which is in or on it");
    assert_fails(kitchen_move(b, "table", "apple", "in"), MN_EINVAL, "which is in or on it");
    assert_fails(kitchen_move(b, "cup", "bowl", "left"), MN_EINVAL, "in or on 'bowl', not 'left'");
    assert_fails(kitchen_move(b, "cup", "arm", "third"), MN_EINVAL, "no hand 'third'");
    assert_ok(kitchen_move(b, "milk", "table", "on"));
    assert_fails(kitchen_move(b, "apple", "table", "on"), MN_EFULL, "room for 3, and has 3");
    assert_ok(kitchen_move(b, "milk", "table", "in")); /* it is one of the three */
    assert_ok(kitchen_move(b, "cup", "arm", "left"));
    assert_fails(kitchen_move(b, "milk", "arm", "left"), MN_EFULL, "'cup' in its hand 'left'");
    assert_fails(kitchen_move(b, "milk", "arm", "on"), MN_EFULL, "room for 0"); /* no tray */
    assert_ok(kitchen_move(b, "cup", "arm", "right"));
    assert_ok(kitchen_move(b, "milk", "arm", "left"));
    kitchen_sound(b);
    assert_ok(kitchen_move(b, "bowl", "carrier", "on"));
    assert_fails(kitchen_move(b, "cup", "carrier", "on"), MN_EFULL, "room for 1, and has 1");
    kitchen_is_at(b, "cup", "arm", "right");
}

static void only_with_a_lease(mn_board *b) {
    const uint64_t lease = kitchen_make(b);
    const mn_move m = a_move("cup", NULL, "arm", "left"), back = a_move("cup", NULL, "table", "on");
    mn_scene_by who = {"arm", lease};
    json_t *const again = json_pack("{s:i}", "epoch", 2);
    assert_ok(mn_scene_move(b, "", &who, &m));
    assert_ok(mn_board_del(b, "lease/", "arm", 1, lease)); /* as the monitor does */
    assert_fails(mn_scene_move(b, "", &who, &back), MN_ECANCELLED, "the lease of 'arm' is gone");
    assert_fails(mn_scene_set(b, "", &who, "cup", again), MN_ECANCELLED, "lease");
    kitchen_is_at(b, "cup", "arm", "left");
    uint64_t fresh = 0;
    assert_ok(mn_board_put(b, "lease/", "arm", again, 1, &fresh));
    assert_true(fresh != lease);
    assert_fails(mn_scene_move(b, "", &who, &back), MN_ECANCELLED, "lease"); /* another's */
    who.lease = 0;
    assert_fails(mn_scene_move(b, "", &who, &back), MN_ECANCELLED, "lease");
    who.lease = fresh;
    assert_ok(mn_scene_move(b, "", &who, &back));
    kitchen_is_at(b, "cup", "table", "on");
    json_decref(again);
}

static void things(mn_board *b) {
    kitchen_make(b);
    json_t *f = json_pack("{s:s}", "class", "spoon");
    assert_fails(mn_scene_set(b, "", NULL, "spoon", f), MN_EINVAL, "say where it is");
    json_object_set_new(f, "at", json_string("ghost"));
    assert_fails(mn_scene_set(b, "", NULL, "spoon", f), MN_ENOENT, "'ghost'");
    json_object_set_new(f, "at", json_string("spoon"));
    assert_fails(mn_scene_set(b, "", NULL, "spoon", f), MN_EINVAL, "itself");
    json_object_set_new(f, "at", json_string("table"));
    json_object_set_new(f, "mass", json_string("light"));
    assert_fails(mn_scene_set(b, "", NULL, "spoon", f), MN_EINVAL, "thing/spoon: mass");
    json_object_set_new(f, "mass", json_real(0.1));
    assert_ok(mn_scene_set(b, "", NULL, "spoon", f));
    kitchen_is_at(b, "spoon", "table", "in");
    assert_fails(mn_scene_set(b, "", NULL, "fork", f), MN_EFULL, "room for 3");
    assert_fails(mn_scene_set(b, "", NULL, "arm", f), MN_EINVAL, "name of a robot");
    json_object_set_new(f, "at", json_string("shelf"));
    assert_fails(mn_scene_set(b, "", NULL, "spoon", f), MN_EINVAL, "move it");
    json_decref(f);
    f = json_pack("{s:s}", "how", "on");
    assert_fails(mn_scene_set(b, "", NULL, "spoon", f), MN_EINVAL, "move it");
    json_decref(f);
    assert_fails(mn_scene_set(b, "", NULL, "spoon", NULL), MN_EINVAL, "JSON object");
    kitchen_set(b, "spoon", "{\"mass\": null, \"is\": {\"clean\": false}, \"ours\": 7}");
    mn_scene s = kitchen_read(b);
    const mn_thing *const spoon = mn_scene_thing(&s, "spoon");
    assert_true(spoon->mass == 0);
    assert_null(json_object_get(spoon->json, "mass"));
    assert_int_equal(json_integer_value(json_object_get(spoon->json, "ours")), 7);
    assert_string_equal(spoon->class_, "spoon");
    mn_scene_free(&s);
    assert_fails(mn_scene_remove(b, "", "bowl"), MN_EBUSY, "'bowl' holds 1");
    assert_fails(mn_scene_remove(b, "", "ghost"), MN_ENOENT, "ghost");
    assert_ok(mn_scene_remove(b, "", "apple"));
    assert_ok(mn_scene_remove(b, "", "bowl"));
    kitchen_sound(b);
    s = kitchen_read(b);
    assert_null(mn_scene_thing(&s, "bowl"));
    mn_scene_free(&s);
}

static void with_more_in_the_commit(mn_board *b) {
    static mn_edits e;
    char from[MN_NAME + 1];
    uint64_t version = 0;
    json_t *const call = json_pack("{s:s}", "state", "done");
    const mn_move m = a_move("cup", NULL, "shelf", "on");
    kitchen_make(b);
    assert_ok(mn_board_put(b, "call/", "arm", call, 1, &version));
    assert_ok(mn_edits_put(&e, b, "call/", "arm", call, version));
    assert_ok(mn_scene_move_edits(b, "", NULL, &m, &e, from));
    assert_string_equal(from, "table");
    assert_ok(mn_board_put(b, "call/", "arm", call, 1, &version)); /* somebody was faster */
    assert_fails(mn_edits_commit(&e, b), MN_ECONFLICT, "call/arm");
    mn_edits_free(&e);
    kitchen_is_at(b, "cup", "table", "on");
    assert_ok(mn_edits_put(&e, b, "call/", "arm", call, version));
    assert_ok(mn_scene_move_edits(b, "", NULL, &m, &e, NULL));
    assert_ok(mn_edits_commit(&e, b));
    mn_edits_free(&e);
    kitchen_is_at(b, "cup", "shelf", "on");
    json_decref(call);
}

static void damaged(mn_board *b) {
    kitchen_make(b);
    kitchen_put(b, "fleet/main/holds/table", "{\"holds\": [\"bowl\"]}");
    assert_fails(kitchen_move(b, "cup", "shelf", "on"), MN_ECORRUPT,
                 "'table', whose list lacks it");
    kitchen_put(b, "fleet/main/holds/table", "nothing");
    assert_fails(kitchen_move(b, "cup", "shelf", "on"), MN_ECORRUPT, "holds/table is no JSON");
    kitchen_put(b, "fleet/main/thing/cup", "{\"at\": \"table\", \"format\": 2}");
    assert_fails(kitchen_move(b, "cup", "shelf", "on"), MN_EUNSUPPORTED,
                 "thing/cup is of format 2");
    kitchen_put(b, "fleet/main/robot/arm", "{\"hands\": 2}");
    assert_fails(kitchen_move(b, "milk", "arm", "left"), MN_ECORRUPT, "robot/arm: hands");
}

/* Random moves beside a plain table of where everything is. */
static void against_a_table(mn_board *b) {
    const char *const things[] = {"bowl", "apple", "cup", "milk"}, *const places[] = {
                                                                       "table", "shelf",   "fridge",
                                                                       "bowl",  "carrier", "arm"};
    int at[4] = {0, 3, 0, 2}, moved = 0; /* of things, in places */
    mn_random random;
    kitchen_make(b);
    mn_random_seed(&random, 3);
    for (int turn = 0; turn < 1500; turn++) {
        const int thing = (int)(mn_random_u64(&random) % 4), to = (int)(mn_random_u64(&random) % 6);
        int others = 0, most[] = {3, 99, 99, 99, 1, 1};
        for (int i = 0; i < 4; i++) others += i != thing && at[i] == to;
        const int itself = thing == 0 && to == 3, full = others >= most[to];
        const int rc = kitchen_move(b, things[thing], places[to], to == 5 ? "left" : "in");
        assert_int_equal(rc, itself ? MN_EINVAL : full ? MN_EFULL : 0);
        if (!rc) at[thing] = to, moved++;
        if (turn % 50) continue;
        mn_scene s = kitchen_read(b);
        for (int i = 0; i < 4; i++)
            assert_string_equal(mn_scene_thing(&s, things[i])->at, places[at[i]]);
        mn_scene_free(&s);
        kitchen_sound(b);
    }
    assert_in_range(moved, 500, 1400);
}

static void on_every_board(void **state) {
    (void)state;
    void (*const tests[])(mn_board *) = {
        from_here_to_there,      refused, only_with_a_lease, things,
        with_more_in_the_commit, damaged, against_a_table};
    BOARDS_RUN(tests);
}

/* A move whose n-th allocation fails has happened, or has not. */
static void no_memory(void **state) {
    (void)state;
    mn_board *b;
    int failed = 0;
    json_set_alloc_funcs(mn_malloc, mn_free);
    assert_ok(mn_board_open_heap(NULL, &b));
    kitchen_make(b);
    for (int n = 1;; n++) {
        const int there = n % 2;
        mn_alloc_fail_after(n);
        const int rc = kitchen_move(b, "cup", there ? "shelf" : "table", "on");
        const long left = mn_alloc_fail_left();
        mn_alloc_fail_after(0);
        if (rc == MN_ENOMEM) kitchen_is_at(b, "cup", there ? "table" : "shelf", "on");
        if (rc < 0) assert_ok(kitchen_move(b, "cup", there ? "shelf" : "table", "on"));
        kitchen_is_at(b, "cup", there ? "shelf" : "table", "on");
        if (left > 0) break;
        failed += rc == MN_ENOMEM; /* or only the event could not be told */
    }
    assert_true(failed > 20);
    mn_board_close(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(on_every_board),
        cmocka_unit_test(no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
