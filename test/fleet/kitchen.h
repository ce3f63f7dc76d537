/* SPDX-License-Identifier: Apache-2.0
 *
 * test/fleet/kitchen.h - a small world on a board: two rooms, furniture, things, two robots.
 */
#ifndef MN_TEST_KITCHEN_H
#define MN_TEST_KITCHEN_H
#include "test.h"

#include "fleet/scene.h"

static inline void kitchen_put(mn_board *b, const char *key, const char *text) {
    mn_edit e = {key, MN_EDIT_PUT, 0, 0, text, strlen(text)};
    assert_ok(b->ops->commit(b, &e, 1));
}
static inline void kitchen_set(mn_board *b, const char *name, const char *fields) {
    json_error_t e;
    json_t *const json = json_loads(fields, 0, &e);
    if (!json) fail_msg("%s: %s", fields, e.text);
    const int rc = mn_scene_set(b, "", NULL, name, json);
    if (rc < 0) fail_msg("%s: %s", name, mn_error_detail());
    json_decref(json);
}
static inline void kitchen_state(mn_board *b, const char *name, const char *at, double x, double y,
                                 uint64_t until) {
    mn_fleet_state s = {.format = MN_STATE_FORMAT, .beat = 1, .until = until, .q = {0, 0, 0, 1}};
    char key[MN_FLEET_KEY];
    s.p[0] = x, s.p[1] = y, s.battery = 0.75f;
    strcpy(s.frame, "map");
    strcpy(s.at, at);
    assert_ok(mn_board_key(b, "state/", name, key));
    mn_edit e = {key, MN_EDIT_PUT, 0, 0, &s, mn_fleet_state_bytes(&s)};
    assert_ok(b->ops->commit(b, &e, 1));
}
/* Things of the kitchen; the version of arm's lease. */
static inline uint64_t kitchen_make(mn_board *b) {
    uint64_t lease = 0;
    kitchen_set(b, "kitchen",
                "{\"kind\": \"room\", \"size\": [4, 4, 0], "
                "\"pose\": {\"frame\": \"map\", \"p\": [2, 2, 0]}}");
    kitchen_set(b, "hall",
                "{\"kind\": \"room\", \"size\": [4, 4, 0], "
                "\"pose\": {\"frame\": \"map\", \"p\": [6, 2, 0]}}");
    kitchen_set(b, "door",
                "{\"kind\": \"door\", \"joins\": [\"kitchen\", \"hall\"], "
                "\"open\": false}");
    kitchen_set(b, "table",
                "{\"kind\": \"furniture\", \"class\": \"table\", \"at\": \"kitchen\", "
                "\"room_for\": 3, \"size\": [1, 1, 0.8], "
                "\"pose\": {\"frame\": \"map\", \"p\": [1, 1, 0.4]}}");
    kitchen_set(b, "fridge",
                "{\"kind\": \"furniture\", \"class\": \"fridge\", \"open\": false, "
                "\"at\": \"kitchen\"}");
    kitchen_set(b, "shelf",
                "{\"kind\": \"furniture\", \"at\": \"hall\", \"class\": \"shelf\", "
                "\"size\": [1, 0.4, 1], "
                "\"pose\": {\"frame\": \"map\", \"p\": [6, 1, 0.5]}}");
    kitchen_set(b, "bowl", "{\"class\": \"bowl\", \"at\": \"table\", \"how\": \"on\"}");
    kitchen_set(b, "apple",
                "{\"class\": \"apple\", \"at\": \"bowl\", \"mass\": 0.2, "
                "\"colour\": [\"red\", {\"deep\": 1}]}");
    kitchen_set(b, "cup",
                "{\"class\": \"cup\", \"at\": \"table\", \"how\": \"on\", "
                "\"is\": {\"clean\": true}}");
    kitchen_set(b, "milk", "{\"class\": \"milk\", \"at\": \"fridge\"}");
    kitchen_put(b, "fleet/main/robot/arm",
                "{\"format\": 1, \"body\": \"arm\", \"reach\": 0.8, \"payload\": 2, "
                "\"hands\": [\"left\", \"right\"]}");
    kitchen_put(b, "fleet/main/robot/carrier",
                "{\"format\": 1, \"body\": \"wheels\", \"speed\": 1, \"room_for\": 1}");
    json_t *const l = json_pack("{s:i}", "epoch", 1);
    assert_ok(mn_board_put(b, "lease/", "arm", l, 1, &lease));
    json_decref(l);
    return lease;
}
static inline int kitchen_move(mn_board *b, const char *thing, const char *to, const char *how) {
    return mn_scene_move(b, "", NULL, &(mn_move){.thing = thing, .to = to, .how = how});
}
static inline mn_scene kitchen_read(mn_board *b) {
    mn_buf wrong = {0};
    mn_scene s;
    assert_ok(mn_scene_read(b, "", &s, &wrong));
    if (wrong.len) fail_msg("%s", wrong.data);
    mn_buf_free(&wrong);
    return s;
}
static inline void kitchen_sound(mn_board *b) {
    mn_scene s = kitchen_read(b);
    mn_buf wrong = {0};
    if (mn_scene_sound(&s, &wrong) < 0) fail_msg("%s", wrong.data);
    mn_buf_free(&wrong);
    mn_scene_free(&s);
}
/* It is at that place, and its list says so. */
static inline void kitchen_is_at(mn_board *b, const char *thing, const char *at, const char *how) {
    mn_scene s = kitchen_read(b);
    const mn_thing *const t = mn_scene_thing(&s, thing);
    assert_non_null(t);
    assert_string_equal(t->at, at);
    assert_string_equal(t->how, how);
    mn_scene_free(&s);
    kitchen_sound(b);
}

#endif
