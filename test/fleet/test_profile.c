/* SPDX-License-Identifier: Apache-2.0
 * test/fleet/test_profile.c - profiles of robots: ours, RoboOS', and those that are wrong. */
#include "test.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "base/file.h"
#include "base/json.h"
#include "base/walk.h"
#include "fleet/profile.h"

static char folder[] = "/tmp/mn-profile-XXXXXX", file[64];

static void write_file(const char *text) {
    mn_filew *f;
    assert_ok(mn_file_begin(file, &f));
    assert_ok(mn_file_write(f, text, strlen(text)));
    assert_ok(mn_file_settle(&f));
}

static void is(const char *yaml, const char *name, const char *json) {
    json_t *p;
    char path[96];
    mn_buf text = {0};
    snprintf(path, sizeof path, "%s%s%s", file, name ? "#" : "", name ? name : "");
    write_file(yaml);
    assert_ok(mn_profile_read(path, &p));
    assert_ok(mn_json_write(p, JSON_COMPACT | JSON_SORT_KEYS | JSON_REAL_PRECISION(6), &text));
    assert_string_equal(text.data, json);
    mn_buf_free(&text);
    json_decref(p);
}

static void wrong(const char *yaml, const char *says) {
    json_t *p;
    write_file(yaml);
    assert_fails(mn_profile_read(file, &p), MN_EINVAL, says);
    assert_null(p);
}

static void ours(void **s) {
    (void)s;
    is("name: c\nbody: wheels\n", NULL,
       "{\"battery\":1.0,\"body\":\"wheels\",\"charge\":0.02,\"drain\":0.0005,\"hands\":[],"
       "\"name\":\"c\",\"payload\":30.0,\"reach\":0.0,\"room_for\":4,"
       "\"skills\":[\"navigate\",\"inspect\",\"wait\",\"say\"],\"speed\":1.0}");
    is("name: a\nbody: arm\nreach: 1.5\nx-colour: red\n", NULL,
       "{\"battery\":1.0,\"body\":\"arm\",\"charge\":0.02,\"drain\":0.0005,\"hands\":[\"hand\"],"
       "\"name\":\"a\",\"payload\":3.0,\"reach\":1.5,\"room_for\":0,\"skills\":[\"grasp\","
       "\"place\","
       "\"hand_over\",\"open\",\"close\",\"inspect\",\"wait\",\"say\"],\"speed\":0.0,"
       "\"x-colour\":\"red\"}");
    is("name: d\nbody: crab\nspeed: 1\nhands: [l, r]\nroom_for: 2\nbattery: .5\nat: [1, 2.5]\n"
       "skills: [grasp, {command: [python3, a.py]}, {url: 'http://h:1/mcp'}]\n",
       NULL,
       "{\"at\":[1,2.5],\"battery\":0.5,\"body\":\"crab\",\"charge\":0.02,\"drain\":0.0005,"
       "\"hands\":[\"l\",\"r\"],\"name\":\"d\",\"payload\":0.0,\"reach\":0.0,\"room_for\":2,"
       "\"skills\":[\"grasp\",{\"command\":[\"python3\",\"a.py\"]},{\"url\":\"http://h:1/mcp\"}],"
       "\"speed\":1}");
}

static void are_wrong(void **s) {
    (void)s;
    char says[160];
#define AT(line, what) (snprintf(says, sizeof says, "%s:%d: %s", file, line, what), says)
    wrong("name: a\nbody: arm\n\nreach: far\n",
          AT(4, "reach: it takes metres from 0 to 100, not 'far'"));
    wrong("name: a\nbody: arm\nreach: -1\n", AT(3, "reach: it takes metres from 0 to 100, not -1"));
    wrong("name: a\nbody: arm\nbattery: 2\n", AT(3, "battery: it takes a part from 0 to 1, not 2"));
    wrong("name: a\nbody: arm\nroom_for: 1.5\n", AT(3, "room_for: it takes a number of things"));
    wrong("name: a\nbody: arm\nraech: 1\n", AT(3, "raech: a profile has no such field"));
    wrong("body: arm\n", AT(1, "a robot has a name"));
    wrong("name: a\n", AT(1, "a robot has a body"));
    wrong("name: a/b\nbody: arm\n", AT(1, "name: it takes a name"));
    wrong("name: 7\nbody: arm\n", AT(1, "name: it takes a name"));
    wrong("name: a\nbody: []\n", AT(2, "body: it takes wheels"));
    wrong("name: a\nbody: arm\nhands: [l, l]\n", AT(3, "hands/1: 'l' is here twice"));
    wrong("name: a\nbody: arm\nhands: [on]\n", AT(3, "hands/0: it takes the name of a hand"));
    wrong("name: a\nbody: arm\nhands: 2\n", AT(3, "hands: it takes a list of up to 4 names"));
    wrong("name: a\nbody: arm\nhands: [a, b, c, d, e]\n", AT(3, "hands: it takes a list"));
    wrong("name: a\nbody: arm\nskills:\n  - grasp\n  - fly\n",
          AT(5, "skills/1: there is no skill 'fly' of ours: there are navigate, grasp"));
    wrong("name: a\nbody: arm\nskills: [{command: []}]\n",
          AT(3, "skills/0/command: it takes a list"));
    wrong("name: a\nbody: arm\nskills: [{command: [1]}]\n",
          AT(3, "skills/0/command/0: it takes a word"));
    wrong("name: a\nbody: arm\nskills: [{command: [a], memory: much}]\n",
          AT(3, "skills/0/memory: 'much' is not an amount of memory"));
    wrong("name: a\nbody: arm\nskills: [{command: [a], memory: 0}]\n",
          AT(3, "skills/0/memory: a program takes an amount of memory from 1M"));
    wrong("name: a\nbody: arm\nskills: [{command: [a], memory: -5}]\n", AT(3, "skills/0/memory: "));
    wrong("name: a\nbody: arm\nskills: [{command: [a], memory: [1G]}]\n",
          AT(3, "skills/0/memory: "));
    wrong("name: a\nbody: arm\nskills: [{url: http://x, memory: 1G}]\n",
          AT(3, "skills/0: it takes the name"));
    wrong("name: a\nbody: arm\nskills: [{url: ftp://x}]\n",
          AT(3, "skills/0/url: it takes an address"));
    wrong("name: a\nbody: arm\nskills: [{url: http://x, also: 1}]\n",
          AT(3, "skills/0: it takes the name"));
    wrong("name: a\nbody: arm\nskills: grasp\n", AT(3, "skills: it takes a list"));
    wrong("name: a\nbody: arm\nat: [1]\n", AT(3, "at: it takes the name of a place or [x, y]"));
    wrong("name: a\nbody: arm\nat: [1, 1.0e9]\n", AT(3, "at: it takes the name"));
    wrong("name: a\nbody: arm\nabout: [1]\n", AT(3, "about: it takes a text"));
    wrong("- a\n", AT(1, "a robot is name: .., body: .., not [\"a\"]"));
    wrong("name: a\nname: b\n", AT(2, "name: this key stands here twice"));
    wrong("name: [\n", "this is no YAML");
}

/* Files in the forms of RoboOS, with other names. */
static void roboos(void **s) {
    (void)s;
    char says[160];
    json_t *p;
    is("imports:\n - \"some.module\"\n\nrobot_name: \"r1\"\nrobot_type: \"maker_single\"\n"
       "robot_tools: \"./x/my_tools.py\"\ncurrent_position: \"start\"\nnavigate_position:\n"
       "  - \"start\"\n  - \"bench\"\n",
       NULL,
       "{\"at\":\"start\",\"battery\":1.0,\"body\":\"arm\",\"charge\":0.02,\"drain\":0.0005,"
       "\"hands\":[\"hand\"],\"name\":\"r1\",\"payload\":3.0,\"places\":[\"start\",\"bench\"],"
       "\"reach\":0.9,\"room_for\":0,\"skills\":[{\"command\":[\"python3\",\"./x/"
       "my_tools_mcp.py\"]}],"
       "\"speed\":0.5,\"type\":\"maker_single\"}");
    static const char two[] =
        "robot:\n\n  - robot_name: \"r1\"\n    robot_type: \"maker_single\"\n    robot_state: "
        "\"idle\"\n"
        "    robot_tool: \n      - \"navigate_to_where\"\n      - \"detect_object\"\n"
        "      - \"grasp_object\"\n      - \"dance\"\n    current_position: \"start\"\n"
        "    navigate_position:\n      - \"start\"\n\n  - robot_name: \"r2\"\n"
        "    robot_type: \"maker_dual\"\n    robot_tool: [place_to_where, grasp_object, "
        "grasp_object]\n"
        "    current_position: bench\n    navigate_position: [bench]\n";
    is(two, "r1",
       "{\"at\":\"start\",\"battery\":1.0,\"body\":\"arm\",\"charge\":0.02,\"drain\":0.0005,"
       "\"hands\":[\"hand\"],\"name\":\"r1\",\"payload\":3.0,\"places\":[\"start\"],\"reach\":0.9,"
       "\"room_for\":0,\"skills\":[\"navigate\",\"inspect\",\"grasp\"],\"speed\":0.5,"
       "\"tools\":[\"navigate_to_where\",\"detect_object\",\"grasp_object\",\"dance\"],"
       "\"type\":\"maker_single\"}");
    is(two, "r2",
       "{\"at\":\"bench\",\"battery\":1.0,\"body\":\"dual_arm\",\"charge\":0.02,\"drain\":0.0005,"
       "\"hands\":[\"left\",\"right\"],\"name\":\"r2\",\"payload\":10.0,\"places\":[\"bench\"],"
       "\"reach\":1.0,\"room_for\":0,\"skills\":[\"place\",\"grasp\"],\"speed\":0.0,"
       "\"tools\":[\"place_to_where\",\"grasp_object\",\"grasp_object\"],\"type\":\"maker_dual\"}");
    wrong(two, "has 2 robots (r1, r2): say which");
    snprintf(says, sizeof says, "%s#r3", file);
    assert_fails(mn_profile_read(says, &p), MN_ENOENT, "has no robot 'r3': it has r1, r2");
    is("model:\n  x: y\nrobot:\n  name: demo\n  call_type: remote\n  path: "
       "\"http://127.0.0.1:8000\"\n",
       NULL,
       "{\"battery\":1.0,\"body\":\"robot\",\"charge\":0.02,\"drain\":0.0005,\"hands\":[],"
       "\"name\":\"demo\",\"payload\":0.0,\"reach\":0.0,\"room_for\":0,"
       "\"skills\":[{\"url\":\"http://127.0.0.1:8000/mcp\"}],\"speed\":0.0}");
    is("robot:\n  call_type: local\n  path: \"x/my_robot\"\n", NULL,
       "{\"battery\":1.0,\"body\":\"robot\",\"charge\":0.02,\"drain\":0.0005,\"hands\":[],"
       "\"name\":\"my_robot\",\"payload\":0.0,\"reach\":0.0,\"room_for\":0,"
       "\"skills\":[{\"command\":[\"python3\",\"x/my_robot/skill.py\"]}],\"speed\":0.0}");
}

static void roboos_wrong(void **s) {
    (void)s;
    char says[160];
    wrong("robot:\n  - robot_type: x\n", AT(2, "robot/0: a robot has a robot_name"));
    wrong("robot:\n  - robot_name: [a]\n", AT(2, "robot/0/robot_name: it takes a text"));
    wrong("robot_name: a\nrobot_tools: {a: 1}\n", AT(2, "robot_tools: it takes a list of names"));
    wrong("robot_name: a\nnavigate_position: [1]\n",
          AT(2, "navigate_position: entry 1 is no name"));
    wrong("robot_name: a/b\n", "name: it takes a name");
    wrong("robot:\n  path: x\n", AT(1, "robot/call_type: it takes local or remote"));
    wrong("robot:\n  call_type: local\n", AT(1, "robot: it has no path"));
    wrong("robot: []\n", "has 0 robots");
    wrong("robot: 1\n", "robot/call_type: it takes local or remote");
}

/* Ours alone: Jansson's reader writes behind its buffer when that cannot grow. */
static void no_memory(void **s) {
    (void)s;
    write_file("robot:\n  - {robot_name: a, robot_type: x_dual, robot_tool: [grasp_object], "
               "robot_tools: t.py}\n");
    int failed = 0;
    for (long n = 1;; n++) {
        json_t *p;
        mn_alloc_fail_after(n);
        const int rc = mn_profile_read(file, &p);
        const int all = mn_alloc_fail_left() > 0;
        mn_alloc_fail_after(0);
        assert_true((rc < 0) == !p);
        failed += rc < 0;
        json_decref(p);
        if (all) break;
    }
    assert_true(failed > 3);
}

int main(void) {
    assert_non_null(mkdtemp(folder));
    snprintf(file, sizeof file, "%s/robot.yaml", folder);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ours),         cmocka_unit_test(are_wrong), cmocka_unit_test(roboos),
        cmocka_unit_test(roboos_wrong), cmocka_unit_test(no_memory),
    };
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    mn_walk_remove(folder);
    return failed;
}
