/* SPDX-License-Identifier: Apache-2.0
 *
 * test/cli/test_fleet_view.c - the picture of a fleet: where what stands, what fits, whose texts
 * steer nothing.
 */
#include "cli/fleet_map.h"
#include "cli/fleet_view.h"
#include "test.h"

#include <string.h>

static json_t *scene_of(const char *name) {
    json_error_t e;
    json_t *const s = json_pack_ex(
        &e, 0,
        "{s:[{s:s, s:s, s:[i,i,i], s:[i,i,i]}, {s:s, s:s, s:[i,i,i], s:[i,i,i]},"
        " {s:s, s:s, s:[i,i,i], s:b}, {s:s, s:s, s:[f,f,i], s:[s], s:b}],"
        " s:[{s:s, s:s, s:s, s:[s], s:{s:[f,f,i]}, s:f}]}",
        "things", "name", "kitchen", "kind", "room", "where", 3, 2, 0, "size", 6, 4, 2, "name",
        "hall", "kind", "room", "where", 8, 2, 0, "size", 4, 4, 2, "name", "door", "kind", "door",
        "where", 6, 2, 0, "open", 0, "name", name, "kind", "furniture", "where", 1.5, 3.0, 0,
        "holds", "cup", "open", 0, "robots", "name", "carrier", "state", "busy", "at", "table",
        "holds", "apple", "pose", "p", 9.0, 1.0, 0, "battery", 0.5);
    if (!s) fail_msg("%s", e.text);
    return s;
}

static const char *cell(const mn_fleet_map *m, int column, int row) {
    return m->cell[row][column].text;
}

/* A metre is as long to the east as to the north; north is up. */
static void map_stands(void **state) {
    static mn_fleet_map m;
    json_t *const s = scene_of("fridge");
    assert_int_equal(mn_fleet_map_draw(s, 101, 30, &m), 1);
    assert_int_equal(m.columns, 101);
    assert_int_equal(m.rows, 21);
    assert_string_equal(cell(&m, 0, 0), "┌");
    assert_string_equal(cell(&m, 60, 0), "┬");
    assert_string_equal(cell(&m, 100, 20), "┘");
    assert_string_equal(cell(&m, 60, 10), "╳"); /* the door is closed */
    assert_string_equal(cell(&m, 90, 15), "1"); /* "(1)": the robot at 9, 1 */
    assert_string_equal(cell(&m, 89, 15), "(");
    assert_string_equal(cell(&m, 11, 5), "f"); /* "fridge:1", about 1.5, 3 */
    json_decref(s);
}

/* Few rows: it is wider than it is, up to twice, so that names keep their room; a robot stands
 * beside the name of what it works at. */
static void map_is_stretched(void **state) {
    static mn_fleet_map m;
    json_t *const s = scene_of("fridge"), *const robot = json_object_get(
                                              json_array_get(json_object_get(s, "robots"), 0),
                                              "pose");
    assert_int_equal(mn_fleet_map_draw(s, 101, 11, &m), 1);
    assert_int_equal(m.columns, 101);
    assert_int_equal(m.rows, 11);
    assert_int_equal(mn_fleet_map_draw(s, 200, 11, &m), 1);
    assert_int_equal(m.columns, 101); /* not more than twice */
    json_object_set_new(robot, "p", json_pack("[f,f,i]", 1.5, 3.0, 0));
    assert_int_equal(mn_fleet_map_draw(s, 101, 30, &m), 1);
    assert_string_equal(cell(&m, 11, 5), "f");
    assert_string_equal(cell(&m, 14, 6), "(");
    json_decref(s);
}

static void said(json_t *what, int (*line)(const json_t *, mn_buf *), const char *words) {
    mn_buf out = {0};
    assert_non_null(what);
    assert_int_equal(line(what, &out), 0);
    assert_string_equal(out.data, words);
    mn_buf_free(&out);
    json_decref(what);
}

static int first_robot(const json_t *robot, mn_buf *out) {
    return mn_fleet_robot_line(robot, 1, out);
}

static void words(void **state) {
    said(json_pack("{s:[{s:s}], s:i, s:{}}", "robots", "state", "busy", "things", 1, "brain"),
         mn_fleet_put_facts, "1 robot, 1 thing, a brain");
    said(json_pack("{s:[{s:s}, {s:s}, {s:s}], s:i}", "robots", "state", "busy", "state", "lost",
                   "state", "left", "things", 0),
         mn_fleet_put_facts, "2 robots (1 lost), 0 things, no brain");
    said(json_pack("{s:s, s:s}", "robots", "all", "by", "ann"), mn_fleet_put_stop,
         "all robots are STOPPED by ann");
    said(json_pack("{s:[s], s:s}", "robots", "arm", "by", "somebody"), mn_fleet_put_stop,
         "arm is STOPPED");
    said(json_pack("{s:I, s:s, s:s}", "t", (json_int_t)4500000, "kind", "x", "line", "arm waits"),
         mn_fleet_event_line, "    4.5 s arm waits");
    said(json_pack("{s:s, s:s, s:s, s:f, s:[s], s:{s:s, s:s, s:s, s:{s:s}, s:f}}", "name", "arm",
                   "state", "busy", "at", "table", "battery", 0.5, "holds", "cup", "call", "state",
                   "running", "step", "s2", "skill", "grasp", "args", "thing", "plate", "progress",
                   0.25),
         first_robot,
         "(1) arm        busy    battery  50 %  grasp plate (s2, 25 %), at table, has cup");
}

static void nothing_has_no_map(void **state) {
    static mn_fleet_map m;
    json_t *const none = json_pack("{s:[], s:[]}", "things", "robots");
    json_t *const odd = json_pack("{s:[{s:s, s:s}, i, s], s:i}", "things", "kind", "room", "where",
                                  "?", 3, "x", "robots", 1);
    assert_int_equal(mn_fleet_map_draw(none, 80, 24, &m), 0);
    assert_int_equal(mn_fleet_map_draw(odd, 80, 24, &m), 0);
    json_decref(none);
    json_decref(odd);
}

static int lines_of(const char *text) {
    int n = 1;
    for (; *text; text++) n += *text == '\n';
    return n;
}

/* However small the terminal is, no line and no row too many. */
static void fits(void **state) {
    json_t *const s = scene_of("fridge");
    json_t *const status = json_pack("{s:s, s:i}", "fleet", "main", "things", 4);
    json_t *const events = json_pack("[{s:I, s:s}, {s:I, s:s}]", "t", (json_int_t)1, "kind",
                                     "moved", "t", (json_int_t)2, "kind", "seen");
    const mn_fleet_picture p = {s, status, NULL, events, "a page"};
    for (int rows = 1; rows < 40; rows += 3)
        for (int columns = 10; columns < 120; columns += 11) {
            mn_buf out = {0};
            assert_int_equal(mn_fleet_view(&p, columns, rows, 0, 0, &out), 0);
            assert_true(lines_of(out.data) <= rows);
            for (const char *at = out.data; *at;
                 at += strcspn(at, "\n") + (at[strcspn(at, "\n")] != 0)) {
                int n = 0;
                for (const char *c = at; *c && *c != '\n'; c++)
                    n += ((unsigned char)*c & 0xc0) != 0x80;
                assert_true(n <= columns);
            }
            mn_buf_free(&out);
        }
    json_decref(s);
    json_decref(status);
    json_decref(events);
}

static void names_steer_nothing(void **state) {
    json_t *const s = scene_of("x\033[2J");
    json_t *const event = json_pack("{s:I, s:s, s:s, s:s}", "t", (json_int_t)1, "kind", "said",
                                    "robot", "a\033]0;b", "text", "one\ntwo\033[1m");
    mn_buf out = {0};
    json_t *const task =
        json_pack("{s:s, s:s, s:[{s:s, s:s, s:s, s:s}]}", "id", "t1\033c", "state", "\033c",
                  "steps", "id", "\033c", "robot", "\033c", "skill", "\033c", "state", "done");
    json_object_set_new(json_array_get(json_object_get(s, "robots"), 0), "name",
                        json_string("\033c"));
    const mn_fleet_picture p = {s, NULL, task, NULL, NULL};
    assert_int_equal(mn_fleet_view(&p, 100, 30, 0, 0, &out), 0);
    assert_null(strchr(out.data, '\033'));
    mn_buf_clear(&out);
    assert_int_equal(mn_fleet_event_line(event, &out), 0);
    assert_null(strchr(out.data, '\033'));
    assert_null(strchr(out.data, '\n'));
    mn_buf_free(&out);
    json_decref(s);
    json_decref(event);
    json_decref(task);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(map_stands), cmocka_unit_test(map_is_stretched),
        cmocka_unit_test(words),      cmocka_unit_test(nothing_has_no_map),
        cmocka_unit_test(fits),       cmocka_unit_test(names_steer_nothing)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
