/* SPDX-License-Identifier: Apache-2.0
 *
 * test/fleet/ros2_bed.c MAP DOMAIN - a fleet of its own beside a bridge to ROS 2, for test_ros2.py.
 *
 * A kitchen with a table and a cup's place, a robot of another process ("arm1", joined here, with a
 * heartbeat of its own), one that ROS does not know ("helper"), and one task. Lines that come in:
 * "dump" (what the board says, as one line of JSON), "move" (arm1 moves the box), "quit".
 */
#include "fleet/heap_bed.h"

#include "base/json.h"
#include "fleet/actors.h"
#include "fleet/ros2.h"

static mn_actor_robot *arm, *helper;
static mn_buf said;

static mn_actor_robot *join(const char *name, double x) {
    mn_actor_robot *out = NULL;
    json_t *const profile =
        json_pack("{s:s, s:s, s:f, s:f, s:f, s:[s], s:i}", "name", name, "body", "arm", "speed",
                  0.0, "reach", 0.8, "payload", 1.0, "hands", "left", "room_for", 0);
    must(mn_actor_robot_join(b, profile, NULL, 0, &out));
    json_decref(profile);
    mn_actor_robot_state(out)->p[0] = x;
    must(mn_actor_robot_publish(out));
    return out;
}

static void dump(void) {
    mn_scene s;
    mn_buf text = {0};
    must(mn_scene_read(b, "", &s, NULL));
    json_t *const things = json_object(), *const robots = json_object();
    for (int i = 0; i < s.n_things; i++) json_object_set(things, s.thing[i].name, s.thing[i].json);
    for (int i = 0; i < s.n_robots; i++) {
        json_t *const state = mn_fleet_state_write(&s.robot[i].state);
        json_object_set_new(state, "alive", json_boolean(s.robot[i].alive));
        json_object_set_new(robots, s.robot[i].name, state);
    }
    json_t *const all = json_pack("{s:o, s:o, s:s}", "things", things, "robots", robots, "said",
                                  said.data ? said.data : "");
    must(mn_json_write(all, JSON_COMPACT, &text));
    printf("%s\n", text.data);
    fflush(stdout);
    json_decref(all);
    mn_buf_free(&text);
    mn_scene_free(&s);
}

static void obey(const char *line) {
    const mn_move move = {"box", NULL, "table", "on", NULL};
    if (!strcmp(line, "dump")) dump();
    if (!strcmp(line, "move")) must(mn_scene_move(b, "", NULL, &move));
}

static int stop(void *user) {
    uint64_t again;
    (void)user;
    clock_now();
    must(mn_actor_robot_step(arm, &again));
    must(mn_actor_robot_step(helper, &again));
    return orders(obey);
}

int main(int argc, char **argv) {
    char id[16];
    if (argc != 3) return 2;
    must(mn_board_open_heap(NULL, &b));
    clock_now();
    set("kitchen", "{\"class\": \"room\", \"kind\": \"room\", \"at\": \"\", \"pose\": {\"p\": "
                   "[0, 0, 0]}, \"size\": [20, 20, 3]}");
    set("table", "{\"class\": \"table\", \"kind\": \"furniture\", \"at\": \"kitchen\", \"how\": "
                 "\"in\", \"pose\": {\"p\": [1, 4, 0.4]}, \"size\": [1.2, 0.8, 0.8]}");
    set("box", "{\"class\": \"box\", \"kind\": \"object\", \"at\": \"kitchen\", \"how\": \"in\"}");
    arm = join("arm1", 0);
    helper = join("helper", 7);
    must(mn_fleet_ask(b, "put the cup on the table", "somebody", 0, id));
    json_t *const task = json_pack("{s:s, s:s, s:s, s:[]}", "id", "t1", "text", "put it there",
                                   "state", "running", "steps");
    must(mn_board_put(b, "task/", "t1", task, 0, NULL));
    json_decref(task);
    const int rc = mn_ros2_run(b, argv[1], atoi(argv[2]), stop, NULL, &said);
    if (rc < 0) fprintf(stderr, "%s\n", mn_error_detail());
    mn_actor_robot_leave(&arm);
    mn_actor_robot_leave(&helper);
    mn_board_close(&b);
    mn_buf_free(&said);
    return rc == MN_EUNSUPPORTED ? 77 : rc < 0;
}
