/* SPDX-License-Identifier: Apache-2.0
 *
 * test/fleet/brain_bed.h - a brain and robots on hosts that do as the test says, in a kitchen, in
 * time that the test lets pass.
 */
#ifndef TEST_BRAIN_BED_H
#define TEST_BRAIN_BED_H

#include "fakes.h"
#include "kitchen.h"

#include "fleet/brain_inside.h"

enum { ROBOTS = 3 };
static fake_host host[ROBOTS];
static mn_actor_robot *robot[ROBOTS];
static uint64_t due[ROBOTS + 1];
static mn_brain *brain;
static mn_brain_how how;

static inline int begin(void **state) {
    fake_begin(state);
    fake_kitchen();
    memset(robot, 0, sizeof robot);
    memset(due, 0, sizeof due);
    how = (mn_brain_how){.model = NULL};
    robot[0] = fake_robot("ann", "counter", fake_open(&host[0], NULL));
    assert_ok(mn_brain_open(board, &how, &brain));
    return 0;
}
static inline int end(void **state) {
    for (int i = 0; i < ROBOTS; i++) mn_actor_robot_die(&robot[i]);
    mn_brain_close(&brain);
    return fake_end(state);
}

/* One of them, when it is due; whoever is next. */
static inline void step_one(int i) {
    if (i == ROBOTS)
        assert_ok(mn_brain_step(brain, &due[i]));
    else {
        const int rc = mn_actor_robot_step(robot[i], &due[i]);
        if (rc == MN_ECANCELLED)
            mn_actor_robot_leave(&robot[i]);
        else
            assert_ok(rc);
    }
}
/* 10 ms at a time, everybody each time: as if all that changes woke everybody. */
static inline void pass(uint64_t ms) {
    for (uint64_t at = 0; at < ms; at += 10) {
        for (int i = 0; i <= ROBOTS; i++)
            if (i == ROBOTS ? brain != NULL : robot[i] != NULL) step_one(i);
        fake_clock(10);
    }
}

/* A step of the brain in which the n-th allocation fails. */
static inline void step_without_memory(long n) {
    uint64_t again;
    mn_alloc_fail_after(n);
    const int rc = mn_brain_step(brain, &again);
    mn_alloc_fail_after(0);
    if (rc < 0 && rc != MN_ENOMEM) fail_msg("%ld: %d %s", n, rc, mn_error_detail());
}

static inline const char *field_of(const char *id, const char *field, char *out, size_t n) {
    json_t *const task = fake_get("task/", id);
    snprintf(out, n, "%s", mn_brain_field(task, field));
    json_decref(task);
    return out;
}
static inline const char *state_of(const char *id) {
    static char out[32];
    return field_of(id, "state", out, sizeof out);
}
static inline void until_ended(const char *id, const char *state) {
    for (int i = 0; i < 600; i++) {
        pass(1000);
        const char *const is = state_of(id);
        if (*is && strcmp(is, "planning") && strcmp(is, "running")) break;
    }
    json_t *const task = fake_get("task/", id);
    if (strcmp(mn_brain_field(task, "state"), state)) {
        char *const text = json_dumps(task, JSON_INDENT(1));
        print_message("%s\n", text);
        fail_msg("task %s is %s, not %s: %s", id, mn_brain_field(task, "state"), state,
                 mn_brain_field(task, "why"));
    }
    json_decref(task);
}
static inline int number_of(const char *id, const char *field) {
    json_t *const task = fake_get("task/", id);
    const int n = (int)json_integer_value(json_object_get(task, field));
    json_decref(task);
    return n;
}
static inline int count_steps(const char *id, const char *state) {
    json_t *const task = fake_get("task/", id), *step;
    size_t i;
    int n = 0;
    json_array_foreach(json_object_get(task, "steps"), i, step) n += mn_brain_is(step, state);
    json_decref(task);
    return n;
}
static inline const char *ask(const char *text, int confirm) {
    static char id[16];
    assert_ok(mn_fleet_ask(board, text, "test", confirm, id));
    return id;
}
static inline const char *why_of(const char *id) {
    static char out[512];
    return field_of(id, "why", out, sizeof out);
}

#endif
