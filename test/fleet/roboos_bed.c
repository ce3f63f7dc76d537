/* SPDX-License-Identifier: Apache-2.0
 *
 * test/fleet/roboos_bed.c URL - a fleet beside a bridge to RoboOS, for test_roboos.py.
 *
 * A table and a desk, and a cup on the table. Lines that come in: "dump" (robots, calls, things and
 * events, as one line of JSON), "give JSON" (a call for its "robot"), "quit".
 */
#include "fleet/heap_bed.h"

#include "base/json.h"
#include "fleet/actors.h"
#include "fleet/bridge.h"

static void dump(void) {
    char key[MN_FLEET_KEY];
    mn_scene s;
    mn_buf text = {0};
    uint64_t number;
    json_t *const all =
        json_pack("{s:{}, s:{}, s:{}, s:[]}", "things", "robots", "calls", "events");
    must(mn_scene_read(b, "", &s, NULL));
    for (int i = 0; i < s.n_things; i++)
        json_object_set(json_object_get(all, "things"), s.thing[i].name, s.thing[i].json);
    for (int i = 0; i < s.n_robots; i++) {
        json_t *const robot = json_copy(s.robot[i].json);
        json_t *call = NULL;
        json_object_set_new(robot, "alive", json_boolean(s.robot[i].alive));
        json_object_set_new(robot, "at", json_string(s.robot[i].at));
        json_object_set_new(json_object_get(all, "robots"), s.robot[i].name, robot);
        must(mn_board_get(b, "call/", s.robot[i].name, &call, NULL));
        if (call) json_object_set_new(json_object_get(all, "calls"), s.robot[i].name, call);
    }
    must(mn_board_key(b, "events", "", key));
    for (uint64_t k = 0; b->ops->record(b, key, k, &text, &number) > 0; k = number + 1)
        json_array_append_new(json_object_get(all, "events"),
                              json_loadb(text.data, text.len, 0, NULL));
    mn_buf_clear(&text);
    must(mn_json_write(all, JSON_COMPACT, &text));
    printf("%s\n", text.data);
    fflush(stdout);
    json_decref(all);
    mn_buf_free(&text);
    mn_scene_free(&s);
}

static void give(const char *text) {
    json_t *const call = json_loads(text, 0, NULL);
    must(
        mn_board_put(b, "call/", json_string_value(json_object_get(call, "robot")), call, 0, NULL));
    json_decref(call);
}

static void obey(const char *line) {
    if (!strcmp(line, "dump")) dump();
    if (!strncmp(line, "give ", 5)) give(line + 5);
}

static int stop(void *user) {
    (void)user;
    clock_now();
    return orders(obey);
}

int main(int argc, char **argv) {
    if (argc != 2) return 2;
    must(mn_board_open_heap(NULL, &b));
    clock_now();
    set("kitchen", "{\"class\": \"room\", \"kind\": \"room\", \"at\": \"\"}");
    set("table",
        "{\"class\": \"table\", \"kind\": \"furniture\", \"at\": \"kitchen\", \"how\": \"in\"}");
    set("desk",
        "{\"class\": \"desk\", \"kind\": \"furniture\", \"at\": \"kitchen\", \"how\": \"in\"}");
    set("cup", "{\"class\": \"cup\", \"kind\": \"object\", \"at\": \"table\", \"how\": \"on\"}");
    const int rc = mn_bridge_run(b, argv[1], "alpha", 1, stop, NULL, NULL);
    if (rc < 0) fprintf(stderr, "%s\n", mn_error_detail());
    mn_board_close(&b);
    return rc == MN_EUNSUPPORTED ? 77 : rc < 0;
}
