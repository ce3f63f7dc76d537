/* SPDX-License-Identifier: Apache-2.0
 *
 * test/fuzz/fuzz_fleet_said.c - what strangers say to a fleet, on a board with a kitchen: the first
 * byte chooses what it is: 'd' detections (JSON), 'q' a question about the past, 'm' a message of
 * another machine's bridge, 'g' a task in words. Whatever it is, it works or is refused with a
 * sentence.
 */
#include "base/error.h"
#include "fleet/bridge.h"
#include "fleet/plan.h"
#include "fleet/see.h"
#include "fleet/world.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static void check(int good) {
    if (!good) __builtin_trap();
}

static void detections(mn_board *b, const char *text) {
    json_t *const json = json_loads(text, JSON_DECODE_ANY, NULL);
    mn_seeing seeing;
    if (json && mn_see(b, NULL, json, NULL, &seeing) < 0) check(*mn_error_detail() != 0);
    json_decref(json);
}

static void question(mn_board *b, const char *text) {
    json_t *answer = NULL;
    const int rc = mn_past_ask(b, text, 0, &answer);
    check((rc >= 0) == (answer != NULL));
    json_decref(answer);
}

static void message(mn_board *b, const char *text, size_t n) {
    const mn_bridge_how how = {.machine = "here", .life = 1};
    mn_bridge *g = NULL;
    uint64_t again;
    check(mn_bridge_open(b, &how, &g) >= 0);
    const int rc = mn_bridge_take(g, text, n);
    check(rc >= 0 || rc == MN_EINVAL || rc == MN_EUNSUPPORTED || rc == MN_ENOMEM);
    mn_bridge_step(g, &again);
    mn_bridge_close(&g);
}

static void task(mn_board *b, const char *text) {
    mn_scene s;
    mn_goals goals = {0};
    mn_fleet_plan plan = {0};
    if (mn_scene_read(b, "", &s, NULL) < 0) return;
    if (mn_goals_read(&s, text, &goals) >= 0) {
        mn_fleet_plan_make(&s, &goals, &(mn_fleet_plan_how){0}, &plan);
        mn_fleet_plan_free(&plan);
    }
    mn_goals_free(&goals);
    mn_scene_free(&s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    mn_board *b = NULL;
    char *const text = malloc(n + 1);
    json_t *const world = json_loads(mn_fleet_world_kitchen, 0, NULL);
    if (!text || !world) abort();
    memcpy(text, data, n);
    text[n] = 0;
    check(mn_board_open_heap("main", &b) >= 0);
    mn_board_clock(b, 1000000000, 1700000000000000);
    check(mn_fleet_world_check("kitchen", world, NULL) >= 0);
    check(mn_fleet_world_put(b, world, "") >= 0);
    if (*text == 'd') detections(b, text + 1);
    if (*text == 'q') question(b, text + 1);
    if (*text == 'm') message(b, text + 1, n - 1);
    if (*text == 'g') task(b, text + 1);
    mn_board_close(&b);
    json_decref(world);
    free(text);
    return 0;
}
