/* SPDX-License-Identifier: Apache-2.0
 *
 * test/fuzz/fleet_bed.h - a fleet on a board in memory, for fuzz targets: the kitchen, believed and
 * true, a brain, a robot ("arm") with a simulated body, and one that has no skills ("carrier").
 *
 * Checked: a step works, whatever lies there; a look works or says why not. Who finds that his
 * lease or his part is gone ends, and is begun anew.
 */
#ifndef MN_FUZZ_FLEET_BED_H
#define MN_FUZZ_FLEET_BED_H
#include "base/alloc.h"
#include "base/error.h"
#include "fleet/door.h"
#include "fleet/world.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static inline void check(int good) {
    if (!good) __builtin_trap();
}
/* It works, or says why not. */
static inline int said_why(int rc) {
    check(rc >= 0 || (rc != MN_ENOMEM && *mn_error_detail()));
    return rc;
}

typedef struct fleet_bed {
    mn_board *b;
    mn_brain *brain;
    mn_actor_robot *robot, *other;
    json_t *world;
    uint64_t now;
} fleet_bed;

static inline void bed_clock(fleet_bed *f, uint64_t ns) {
    f->now += ns;
    mn_board_clock(f->b, f->now, 1700000000000000 + (int64_t)(f->now / 1000));
}

static inline void bed_join(fleet_bed *f, const char *name, mn_actor_robot **out) {
    json_t *one;
    size_t i;
    json_array_foreach(json_object_get(f->world, "robots"), i, one) {
        const char *const its = json_string_value(json_object_get(one, "name"));
        if (!*out && its && !strcmp(its, name))
            said_why(mn_actor_robot_join(f->b, one, NULL, 0, out));
    }
}

/* What is not there is begun; what lies on the board may refuse it. */
static inline void bed_begin(fleet_bed *f) {
    const mn_brain_how how = {.patience = 1};
    mn_skill_host *host;
    if (!f->brain) said_why(mn_brain_open(f->b, &how, &f->brain));
    if (!f->other) bed_join(f, "carrier", &f->other);
    if (f->robot) return;
    bed_join(f, "arm", &f->robot);
    if (f->robot && said_why(mn_sim_body_open(f->b, "arm", 1, 1, 0, mn_actor_robot_state(f->robot),
                                              &host)) >= 0)
        check(mn_actor_robot_plug(f->robot, host) >= 0);
}

/* A step works, whatever lies there; or its part is gone: 0. */
static inline int stepped(int rc) {
    check(rc >= 0 || rc == MN_ECANCELLED || rc == MN_ECONFLICT);
    return rc != MN_ECANCELLED;
}

static inline void bed_step_robot(mn_actor_robot **r) {
    uint64_t again;
    if (*r && !stepped(mn_actor_robot_step(*r, &again))) mn_actor_robot_die(r);
}

static inline void bed_open(fleet_bed *f) {
    *f = (fleet_bed){.now = 1000000000};
    json_set_alloc_funcs(mn_malloc, mn_free);
    check(mn_board_open_heap("main", &f->b) >= 0);
    bed_clock(f, 0);
    check(mn_fleet_world_read(NULL, &f->world) >= 0);
    check(mn_fleet_world_put(f->b, f->world, "") >= 0);
    check(mn_fleet_world_put(f->b, f->world, "sim/") >= 0);
    bed_begin(f);
    check(f->brain && f->robot && f->other);
}

static inline void bed_step(fleet_bed *f) {
    uint64_t again;
    bed_begin(f);
    bed_step_robot(&f->robot);
    bed_step_robot(&f->other);
    if (f->brain && !stepped(mn_brain_step(f->brain, &again))) mn_brain_die(&f->brain);
    bed_clock(f, 100000000);
}

static inline void bed_verb(fleet_bed *f, int (*verb)(void *call), mn_fleet_args args) {
    static const mn_fleet_with with;
    mn_fleet_call c = {.board = f->b, .with = &with, .args = args, .result = json_object()};
    check(c.result != NULL);
    said_why(verb(&c));
    json_decref(c.result);
}

/* KEY tab VALUE, below fleet/main/: it is put; without a tab deleted; of "events" one more. */
static inline void bed_write(fleet_bed *f, const char *line, size_t n) {
    const char *const tab = memchr(line, '\t', n);
    const size_t k = tab ? (size_t)(tab - line) : n;
    char key[MN_FLEET_KEY] = "fleet/main/";
    if (!k || k >= sizeof key - strlen(key) || memchr(line, 0, k)) return;
    strncat(key, line, k);
    mn_edit e = {.key = key,
                 .kind = tab ? MN_EDIT_PUT : MN_EDIT_DEL,
                 .value = tab ? tab + 1 : "",
                 .n = tab ? n - k - 1 : 0};
    if (tab && !strcmp(key, "fleet/main/events"))
        said_why(f->b->ops->append(f->b, key, e.value, e.n));
    else
        said_why(f->b->ops->commit(f->b, &e, 1));
}

/* All that a person may ask. */
static inline void bed_look(fleet_bed *f) {
    static const char *const questions[] = {"where was the cup before?", "who held the cup?",
                                            "what did arm do?", "what was on the table?"};
    mn_scene s;
    mn_buf text = {0};
    bed_verb(f, mn_fleet_verb_status, (mn_fleet_args){0});
    bed_verb(f, mn_fleet_verb_scene, (mn_fleet_args){0});
    bed_verb(f, mn_fleet_verb_history, (mn_fleet_args){.limit = 50});
    bed_verb(f, mn_fleet_verb_task, (mn_fleet_args){.task = "t1"});
    for (int i = 0; i < 4; i++)
        bed_verb(f, mn_fleet_verb_recall, (mn_fleet_args){.question = questions[i]});
    if (said_why(mn_scene_read(f->b, "", &s, NULL)) >= 0) {
        said_why(mn_scene_show(&s, &text));
        mn_buf_clear(&text);
        if (mn_scene_sound(&s, &text) < 0) check(text.len > 0);
    }
    mn_scene_free(&s);
    mn_buf_free(&text);
}

static inline void bed_close(fleet_bed *f) {
    mn_brain_close(&f->brain);
    mn_actor_robot_leave(&f->robot);
    mn_actor_robot_leave(&f->other);
    mn_board_close(&f->b);
    json_decref(f->world);
}

#endif
